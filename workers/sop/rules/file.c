#include "workers/sop/rules/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"

char *
file_read(const char *path, size_t *n, struct err *e)
{
    FILE *f = fopen(path, "rb");
    struct buf b = buf_make(RULES_FILE_MAX);
    char part[8192];
    size_t got;
    bool bad;

    *n = 0;
    if (!f) {
        err_set(e, RES_FATAL, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    while ((got = fread(part, 1, sizeof part, f)) > 0)
        buf_add(&b, part, got);
    bad = ferror(f) != 0 || b.failed;
    fclose(f);
    if (!bad) {
        *n = b.n;
        return buf_steal(&b);
    }
    buf_free(&b);
    err_set(e, RES_FATAL, "cannot read %s, or it is over %d bytes", path, RULES_FILE_MAX);
    return NULL;
}

json_t *
file_json(const char *path, struct err *e)
{
    size_t n;
    char *text = file_read(path, &n, e);
    json_error_t je;
    json_t *doc;

    if (!text)
        return NULL;
    doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    free(text);
    if (!doc)
        err_set(e, RES_FATAL, "%s line %d: %s", path, je.line, je.text);
    return doc;
}
