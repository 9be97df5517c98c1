#include "producers/gateway/refusal.h"

#include <stdarg.h>
#include <stdio.h>

bool
refusal_set(struct refusal *r, int status, const char *fmt, ...)
{
    va_list ap;

    if (r->status)
        return false;
    r->status = status;
    va_start(ap, fmt);
    vsnprintf(r->detail, sizeof r->detail, fmt, ap);
    va_end(ap);
    return false;
}

const char *
refusal_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } all[] = {{400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {409, "Conflict"},
               {413, "Content Too Large"},
               {415, "Unsupported Media Type"},
               {422, "Unprocessable Content"},
               {500, "Internal Server Error"},
               {503, "Service Unavailable"}};

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].status == status)
            return all[i].title;
    return "Error";
}
