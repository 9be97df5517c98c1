/* The command `bowtie`: a harness of <https://github.com/bowtie-json-schema/bowtie>, by its IO protocol, version 1: a
 * command per line in, an answer per line out. */
#include <stdlib.h>

#include "common/json/cli/cli.h"
#include "common/json/cli/say.h"
#include "common/json/scan.h"

static const char dialect[] = "https://json-schema.org/draft/2020-12/schema";

/* What the engine cannot do by decision, told from mistakes by its words. */
static const struct limitation {
    const char *words;
    const char *message;
} limitations[] = {
    {"only draft 2020-12 is supported", "only draft 2020-12 is supported"},
    {"lookbehind assertion is not fixed length", "look-behind of variable length is not supported"},
};

static const char *
known_limitation(const char *text)
{
    for (size_t i = 0; i < sizeof limitations / sizeof *limitations; i++)
        if (strstr(text, limitations[i].words))
            return limitations[i].message;
    return NULL;
}

static json_t *
errored(const char *message)
{
    return json_pack("{s:b, s:{s:s}}", "errored", 1, "context", "message", message);
}

static json_t *
skipped(const char *message)
{
    return json_pack("{s:b, s:s}", "skipped", 1, "message", message);
}

static json_t *
failed(const char *text)
{
    const char *message = known_limitation(text);

    return message ? skipped(message) : errored(text);
}

/* The schemas that a case may refer to. */
static enum res
load_registry(const char *uri, json_t **doc, void *registry, struct err *e)
{
    const json_t *v = json_object_get(registry, uri);

    *doc = v ? json_deep_copy(v) : NULL;
    return v && !*doc ? err_set(e, RES_RETRY, "out of memory") : RES_OK;
}

static enum res
compile(const json_t *test_case, struct schema **ret, struct err *e)
{
    const json_t *doc = json_object_get(test_case, "schema");
    struct schema_set *set = schema_set_new();
    enum res rc;

    *ret = NULL;
    if (!set)
        return err_set(e, RES_RETRY, "out of memory");
    schema_set_loader(set, load_registry, json_object_get(test_case, "registry"));
    rc = doc ? schema_set_add(set, "", doc, e) : err_set(e, RES_REJECT, "the case has no schema");
    if (rc == RES_OK)
        rc = schema_compile(set, "", NULL, ret, e);
    schema_set_free(set);
    return rc;
}

/* Keeps which limit was hit, when that is why the answer is no. */
static bool
note_limit(const struct schema_finding *f, void *arg)
{
    struct buf *limit = arg;

    if (say_is_limit(f))
        say_sentence(f, limit);
    return false;
}

static json_t *
run_test(const struct schema *schema, const json_t *test)
{
    struct buf limit = buf_make(256);
    const json_t *instance = json_object_get(test, "instance");
    json_t *result;
    bool valid;

    if (!instance)
        return errored("the test has no instance");
    valid = schema_check(schema, instance, note_limit, &limit);
    result = limit.n ? errored(limit.p) : json_pack("{s:b}", "valid", valid);
    buf_free(&limit);
    return result;
}

/* The answer without its seq. */
static json_t *
run_case(const json_t *test_case)
{
    const json_t *tests = json_object_get(test_case, "tests");
    struct schema *schema = NULL;
    struct err e = {0};
    json_t *results;

    if (compile(test_case, &schema, &e) != RES_OK)
        return failed(e.text);
    results = json_array();
    for (size_t i = 0; i < json_array_size(tests); i++)
        json_array_append_new(results, run_test(schema, json_array_get(tests, i)));
    schema_free(schema);
    if (json_array_size(results) != json_array_size(tests)) {
        json_decref(results);
        return errored("out of memory");
    }
    return json_pack("{s:o}", "results", results);
}

enum step { STEP_ON, STEP_END, STEP_FAIL };

/* Sets `*ret` to the answer; NULL: none is due. */
typedef enum step (*command_fn)(const struct cli_bowtie *b, const json_t *line, json_t **ret);

static enum step
do_start(const struct cli_bowtie *b, const json_t *line, json_t **ret)
{
    json_t *issues;

    if (json_integer_value(json_object_get(line, "version")) != 1) {
        fprintf(stderr, "%s: only version 1 of Bowtie's protocol is known\n", b->name);
        return STEP_FAIL;
    }
    issues = strcmp(b->home, "about:blank") == 0 ? json_string(b->home) : json_sprintf("%s/issues", b->home);
    *ret = json_pack("{s:i, s:{s:s, s:s, s:s, s:s, s:o, s:s, s:[s]}}", "version", 1, "implementation",
                     "language", "c", "name", b->name, "version", b->version, "homepage", b->home, "issues",
                     issues, "source", b->home, "dialects", dialect);
    return STEP_ON;
}

static enum step
do_dialect(const struct cli_bowtie *b, const json_t *line, json_t **ret)
{
    const char *uri = json_string_value(json_object_get(line, "dialect"));

    (void)b;
    *ret = json_pack("{s:b}", "ok", uri && strcmp(uri, dialect) == 0);
    return STEP_ON;
}

static enum step
do_run(const struct cli_bowtie *b, const json_t *line, json_t **ret)
{
    const char *output = json_string_value(json_object_get(line, "output"));

    (void)b;
    if (output && strcmp(output, "flag") != 0)
        *ret = skipped("no annotations are handed out");
    else
        *ret = run_case(json_object_get(line, "case"));
    return STEP_ON;
}

static enum step
do_stop(const struct cli_bowtie *b, const json_t *line, json_t **ret)
{
    (void)b;
    (void)line;
    (void)ret;
    return STEP_END;
}

static const struct command {
    const char *name;
    command_fn fn;
    bool numbered; /* the answer carries the command's seq */
} commands[] = {
    {"start", do_start, false},
    {"dialect", do_dialect, false},
    {"run", do_run, true},
    {"stop", do_stop, false},
};

static const struct command *
command_of(const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "cmd"));

    for (size_t i = 0; name && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Appends the line's seq: its bytes, as they came, where the scanner takes the line; a line that nobody can read has
 * none. */
static void
add_seq(struct buf *out, struct str text, const json_t *line)
{
    struct str raw = scan_document(text, NULL) == RES_OK ? scan_get(text, "seq") : STR_NULL;
    char *own = raw.n ? NULL : json_dumps(json_object_get(line, "seq"), JSON_ENCODE_ANY | JSON_COMPACT);

    if (raw.n)
        buf_str(out, raw);
    else
        buf_z(out, own ? own : "null");
    free(own);
}

/* Writes the answer, an object, with `seq` in front unless that is empty. */
static void
put_answer(FILE *out, struct buf *seq, const json_t *answer)
{
    char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    const char *body = text ? text : "{\"errored\":true,\"context\":{\"message\":\"out of memory\"}}";

    if (seq->n)
        fprintf(out, "{\"seq\":%s,%s\n", seq->failed ? "null" : seq->p, body + 1);
    else
        fprintf(out, "%s\n", body);
    fflush(out);
    free(text);
}

/* Answers one line. */
static enum step
serve_line(const struct cli_bowtie *b, const struct buf *text, FILE *out)
{
    const struct command *command = NULL;
    struct buf seq = buf_make(1 << 16);
    struct err e = {0};
    json_t *answer = NULL;
    json_t *line = NULL;
    enum step step = STEP_ON;

    if (text->failed)
        err_set(&e, RES_REJECT, "the line is too long");
    else if (load_text(buf_view(text), &line, &e) == RES_OK && !(command = command_of(line)))
        err_set(&e, RES_REJECT, "no such command");
    if (command)
        step = command->fn(b, line, &answer);
    else
        answer = errored(e.text);
    if (!command || command->numbered)
        add_seq(&seq, text->failed ? STR_NULL : buf_view(text), line);
    if (step == STEP_ON)
        put_answer(out, &seq, answer);
    buf_free(&seq);
    json_decref(answer);
    json_decref(line);
    return step;
}

int
cli_bowtie(const struct cli_bowtie *b, FILE *in, FILE *out)
{
    struct buf line = buf_make(LOAD_MAX);
    enum step step = STEP_ON;

    while (step == STEP_ON && !ferror(out) && load_line(in, &line)) {
        step = serve_line(b, &line, out);
        if (line.failed)
            buf_free(&line);
    }
    buf_free(&line);
    return step == STEP_FAIL ? EX_PROTOCOL : EX_OK;
}
