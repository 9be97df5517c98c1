#include "common/base/file.h"

#include <errno.h>
#include <string.h>

#include "common/base/buf.h"

char *
file_read_stream(FILE *in, const char *name, size_t max, size_t *n, struct err *e)
{
    struct buf b = buf_make(max);
    char part[16384];
    size_t got;
    int why = 0;

    *n = 0;
    while (!b.failed && (got = fread(part, 1, sizeof part, in)) > 0)
        buf_add(&b, part, got);
    if (ferror(in)) {
        why = errno;
        b.failed = true;
    }
    if (!b.failed) {
        *n = b.n;
        return buf_steal(&b);
    }
    buf_free(&b);
    if (why)
        err_set(e, RES_FATAL, "cannot read %s: %s", name, strerror(why));
    else
        err_set(e, RES_FATAL, "cannot read %s: it has more than %zu bytes, or memory is out", name, max);
    return NULL;
}

char *
file_read(const char *path, size_t max, size_t *n, struct err *e)
{
    FILE *in = fopen(path, "rbe");
    char *text;

    *n = 0;
    if (!in) {
        err_set(e, RES_FATAL, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    text = file_read_stream(in, path, max, n, e);
    fclose(in);
    return text;
}
