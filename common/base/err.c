#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>

enum res
err_set(struct err *e, enum res res, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return res;
    if (e->text[0])
        return e->res;
    e->res = res;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return res;
}

void
err_clear(struct err *e)
{
    e->res = RES_OK;
    e->text[0] = '\0';
}

const char *
res_name(enum res res)
{
    static const char *const name[] = {"ok", "retry", "reject", "fatal"};

    return (unsigned)res < 4 ? name[res] : "unknown";
}
