/* The command `validate`. */
#include <stdlib.h>

#include "common/json/cli/cli.h"
#include "common/json/cli/say.h"

struct check { /* one file under way */
    const struct cli_validate *v;
    const char *file;
    uint64_t findings;
    bool undecided; /* the first thing to say was that a limit had been hit */
    struct buf out;
};

static void
flush_out(struct check *c)
{
    if (c->out.failed)
        fprintf(stderr, "%s: %s: a finding is too long to be shown\n", c->v->name, c->file);
    else if (c->out.n)
        fwrite(c->out.p, 1, c->out.n, stdout);
    buf_free(&c->out);
}

static void
put_verdict(struct check *c, const char *verdict)
{
    say_text(str_of(c->file), &c->out);
    buf_printf(&c->out, ": %s\n", verdict);
}

/* What stands before the first finding. */
static void
open_list(struct check *c)
{
    if (c->v->output == OUTPUT_BASIC)
        buf_z(&c->out, "{\"valid\":false,\"errors\":[");
    else if (c->v->output == OUTPUT_TEXT)
        put_verdict(c, c->undecided ? "undecided" : "invalid");
}

static bool
on_finding(const struct schema_finding *f, void *arg)
{
    struct check *c = arg;

    if (!c->findings++) {
        c->undecided = say_is_limit(f);
        open_list(c);
    }
    if (c->v->output == OUTPUT_FLAG)
        return false;
    if (c->findings <= c->v->max_findings) {
        if (c->v->output == OUTPUT_BASIC) {
            buf_z(&c->out, c->findings > 1 ? "," : "");
            say_unit(f, &c->out);
        } else {
            say_line(f, &c->out);
        }
    }
    flush_out(c);
    return true;
}

/* What stands behind the last finding. */
static void
close_list(struct check *c)
{
    uint64_t left = c->findings > c->v->max_findings ? c->findings - c->v->max_findings : 0;

    if (c->v->output == OUTPUT_BASIC) {
        buf_char(&c->out, ']');
        if (left)
            buf_printf(&c->out, ",\"omittedErrors\":%llu", (unsigned long long)left);
        buf_z(&c->out, "}\n");
    } else if (c->v->output == OUTPUT_FLAG) {
        buf_z(&c->out, "{\"valid\":false}\n");
        if (c->undecided)
            fprintf(stderr, "%s: %s: the check was not finished\n", c->v->name, c->file);
    } else if (left) {
        buf_printf(&c->out, "  and %llu more\n", (unsigned long long)left);
    }
}

static int
check_value(struct check *c, const struct schema *schema, const json_t *value)
{
    if (!schema_check(schema, value, on_finding, c)) {
        if (!c->findings)
            open_list(c);
        close_list(c);
        return CLI_INVALID;
    }
    if (c->v->output == OUTPUT_TEXT)
        put_verdict(c, "valid");
    else
        buf_z(&c->out, "{\"valid\":true}\n");
    return CLI_VALID;
}

/* A text that is no JSON is not valid either, so that there is a line for each file. */
static int
not_json(struct check *c, const struct err *e)
{
    bool text = c->v->output == OUTPUT_TEXT;

    if (text && e->res == RES_REJECT)
        put_verdict(c, "not JSON");
    if (c->v->output == OUTPUT_FLAG)
        buf_z(&c->out, "{\"valid\":false}\n");
    if (c->v->output == OUTPUT_BASIC) {
        buf_z(&c->out, "{\"valid\":false,\"errors\":[{\"valid\":false,\"keywordLocation\":\"\","
                       "\"instanceLocation\":\"\",\"error\":\"");
        buf_printf(&c->out, "%s\"}]}\n", e->res == RES_REJECT ? "not JSON" : "not read");
    }
    flush_out(c);
    fflush(stdout);
    fprintf(stderr, "%s: %s: %s\n", c->v->name, c->file, e->text);
    return e->res == RES_REJECT ? EX_DATAERR : e->res == RES_RETRY ? EX_OSERR : EX_NOINPUT;
}

static int
check_file(const struct cli_validate *v, const struct schema *schema, const char *file)
{
    struct check c = {.v = v, .file = file, .out = buf_make((size_t)1 << 26)};
    struct err e = {0};
    json_t *value = NULL;
    int code;

    if (load_file(file, &value, &e) == RES_OK)
        code = check_value(&c, schema, value);
    else
        code = not_json(&c, &e);
    flush_out(&c);
    json_decref(value);
    return code;
}

static enum res
compile(const struct cli_validate *v, struct schema **ret, struct err *e)
{
    struct schema_set *set = schema_set_new();
    char *uri = NULL;
    enum res rc;

    if (!set)
        return err_set(e, RES_RETRY, "out of memory");
    schema_set_loader(set, load_uri, (void *)(uintptr_t)&v->places);
    rc = load_schema(set, &v->places, v->schema, &uri, e);
    if (rc == RES_OK)
        rc = schema_compile(set, uri, &v->opts, ret, e);
    free(uri);
    schema_set_free(set);
    return rc;
}

int
cli_validate(struct cli_validate *v)
{
    struct schema *schema = NULL;
    struct err e = {0};
    int worst = CLI_VALID;

    if (compile(v, &schema, &e) != RES_OK) {
        fprintf(stderr, "%s: %s\n", v->name, e.text);
        return e.res == RES_RETRY ? EX_OSERR : EX_CONFIG;
    }
    for (char **file = v->file; *file && !ferror(stdout); file++) {
        int code = check_file(v, schema, *file);

        worst = code > worst ? code : worst;
    }
    schema_free(schema);
    return worst;
}
