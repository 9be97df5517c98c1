#include "workers/sop/rules/source.h"

#include <stdlib.h>

#include "common/base/file.h"

enum res
source_read(const char *path, struct source *ret, struct err *e)
{
    *ret = (struct source){.path = str_dup(str_of(path))};
    if (!ret->path)
        return err_set(e, RES_FATAL, "out of memory");
    ret->text = file_read(path, SOURCE_MAX, &ret->n, e);
    return ret->text ? RES_OK : RES_FATAL;
}

void
source_free(struct source *s)
{
    free(s->path);
    free(s->text);
    *s = (struct source){0};
}

json_t *
source_json(const struct source *s, struct err *e)
{
    json_error_t je;
    json_t *doc = json_loadb(s->text, s->n, JSON_REJECT_DUPLICATES, &je);

    if (!doc)
        err_set(e, RES_FATAL, "%s line %d: %s", s->path, je.line, je.text);
    return doc;
}

json_t *
source_load(const char *path, struct err *e)
{
    struct source s;
    json_t *doc = source_read(path, &s, e) == RES_OK ? source_json(&s, e) : NULL;

    source_free(&s);
    return doc;
}
