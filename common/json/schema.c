#include "common/json/schema_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct schema_set *
schema_set_new(void)
{
    struct schema_set *set = calloc(1, sizeof *set);

    if (set && !schema_format_builtin(set)) {
        schema_set_free(set);
        set = NULL;
    }
    return set;
}

void
schema_set_free(struct schema_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->ndoc; i++)
        json_decref(set->doc[i]);
    for (size_t i = 0; i < set->nnode; i++)
        free(set->node[i].ptr);
    for (size_t i = 0; i < set->nres; i++)
        free(set->res[i].uri);
    for (size_t i = 0; i < set->nformat; i++)
        free((char *)(uintptr_t)set->format[i].name);
    schema_map_free(&set->by_uri);
    schema_map_free(&set->by_json);
    free(set->doc);
    free(set->node);
    free(set->res);
    free(set->dyn);
    free(set->format);
    free(set);
}

enum res
schema_set_add(struct schema_set *set, const char *uri, const json_t *doc, struct err *e)
{
    return schema_index_doc(set, uri, json_deep_copy(doc), e);
}

void
schema_set_loader(struct schema_set *set, schema_load_fn fn, void *arg)
{
    set->load = fn;
    set->load_arg = arg;
}

static char *
file_uri(const char *path)
{
    struct buf b = buf_make(SCHEMA_MAX_TEXT);
    char *full = realpath(path, NULL);

    if (!full)
        return NULL;
    buf_z(&b, "file://");
    buf_z(&b, full);
    free(full);
    return buf_steal(&b);
}

enum res
schema_set_add_file(struct schema_set *set, const char *uri, const char *path, struct err *e)
{
    json_error_t je;
    json_t *doc = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
    char *own = NULL;
    enum res rc;

    if (!doc && json_error_code(&je) == json_error_out_of_memory)
        return schema_no_memory(e);
    if (!doc)
        return err_set(e, RES_REJECT, "%s:%d: %s", path, je.line, je.text);
    if (!uri)
        uri = own = file_uri(path);
    if (!uri) {
        json_decref(doc);
        return schema_no_memory(e);
    }
    rc = schema_index_doc(set, uri, doc, e);
    free(own);
    return rc;
}

static enum res add_tree(struct schema_set *set, struct buf *uri, struct buf *path, struct err *e);

/* Adds what `name` in the directory `path` is; both buffers come back as they were. */
static enum res
add_entry(struct schema_set *set, struct buf *uri, struct buf *path, const char *name, struct err *e)
{
    size_t nu = uri->n;
    size_t np = path->n;
    struct stat st;
    enum res rc = RES_OK;

    buf_z(uri, name);
    buf_char(path, '/');
    buf_z(path, name);
    if (uri->failed || path->failed)
        return schema_no_memory(e);
    if (stat(path->p, &st) != 0) {
        rc = err_set(e, RES_REJECT, "%s: %s", path->p, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        buf_char(uri, '/');
        rc = add_tree(set, uri, path, e);
    } else if (str_ends(str_of(name), STR(".json"))) {
        rc = schema_set_add_file(set, uri->p, path->p, e);
    }
    uri->n = nu;
    path->n = np;
    return rc;
}

static int
visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static enum res
add_tree(struct schema_set *set, struct buf *uri, struct buf *path, struct err *e)
{
    struct dirent **entry = NULL;
    enum res rc = RES_OK;
    int n;

    if (path->n > 3000)
        return err_set(e, RES_REJECT, "%s: nested too deeply", path->p);
    n = scandir(path->p, &entry, visible, alphasort);
    if (n < 0)
        return errno == ENOMEM ? schema_no_memory(e)
                               : err_set(e, RES_REJECT, "%s: %s", path->p, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (rc == RES_OK)
            rc = add_entry(set, uri, path, entry[i]->d_name, e);
        free(entry[i]);
    }
    free(entry);
    return rc;
}

enum res
schema_set_add_dir(struct schema_set *set, const char *base, const char *dir, struct err *e)
{
    struct buf uri = buf_make(SCHEMA_MAX_TEXT);
    struct buf path = buf_make(SCHEMA_MAX_TEXT);
    enum res rc;

    buf_z(&uri, base);
    buf_z(&path, dir);
    rc = uri.failed || path.failed ? schema_no_memory(e) : add_tree(set, &uri, &path, e);
    buf_free(&uri);
    buf_free(&path);
    return rc;
}

enum res
schema_compile_json(const json_t *doc, const struct schema_opts *opts, struct schema **ret, struct err *e)
{
    struct schema_set *set = schema_set_new();
    enum res rc;

    *ret = NULL;
    if (!set)
        return schema_no_memory(e);
    rc = schema_set_add(set, "", doc, e);
    if (rc == RES_OK)
        rc = schema_compile(set, "", opts, ret, e);
    schema_set_free(set);
    return rc;
}
