#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"

/* ---- failures --------------------------------------------------------------------------------------------------- */

int
ctl_fail(const struct ctl *c, int code, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "bedelauctl%s%s: ", c->cmd ? " " : "", c->cmd ? c->cmd : "");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return code;
}

int
ctl_failed(struct ctl *c)
{
    int code = c->e.res == RES_RETRY ? APP_UNAVAILABLE : c->e.res == RES_REJECT ? APP_BUG : APP_CONFIG;

    return ctl_fail(c, code, "%s", c->e.text);
}

/* ---- options ---------------------------------------------------------------------------------------------------- */

static const struct ctl_opt *
find(const struct ctl_opt *opts, const char *name, size_t n)
{
    for (; opts && opts->name; opts++)
        if (strlen(opts->name) == n && memcmp(opts->name, name, n) == 0)
            return opts;
    return NULL;
}

/* argv[*i] is an option; moves *i over its value. */
static bool
take_option(struct ctl *c, int argc, char **argv, int *i, const struct ctl_opt *opts)
{
    const char *name = argv[*i] + 2;
    size_t n = strcspn(name, "=");
    const struct ctl_opt all[] = {{"json", NULL, &c->json}, {"why", &c->why, NULL}, {0}};
    const struct ctl_opt *o = find(opts, name, n);

    if (!o)
        o = find(all, name, n);
    if (!o || (!o->flag && !o->value)) {
        ctl_fail(c, APP_USAGE, "unknown option --%.*s", (int)n, name);
        return false;
    }
    if (o->flag) {
        *o->flag = true;
        if (!name[n])
            return true;
        ctl_fail(c, APP_USAGE, "--%s takes no value", o->name);
        return false;
    }
    if (name[n])
        *o->value = name + n + 1;
    else if (*i + 1 < argc)
        *o->value = argv[++*i];
    else
        *o->value = NULL;
    if (*o->value)
        return true;
    ctl_fail(c, APP_USAGE, "--%s needs a value", o->name);
    return false;
}

bool
ctl_args(struct ctl *c, int argc, char **argv, const struct ctl_opt *opts, const struct ctl_words *words)
{
    bool only_words = false;
    int n = 0;

    for (int i = 0; i < words->max; i++)
        words->words[i] = NULL;
    for (int i = 0; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
            if (!take_option(c, argc, argv, &i, opts))
                return false;
        } else if (n < words->max) {
            words->words[n++] = argv[i];
        } else {
            ctl_fail(c, APP_USAGE, "unexpected argument: %s", argv[i]);
            return false;
        }
    }
    if (c->why && !ctl_reason(c, "--why", c->why))
        return false;
    if (n >= words->min)
        return true;
    ctl_fail(c, APP_USAGE, "an argument is missing; see bedelauctl %s --help", c->cmd);
    return false;
}

bool
ctl_number(struct ctl *c, const char *option, const char *value, int64_t min, int64_t max, int64_t *ret)
{
    if (str_int(str_of(value), ret) && *ret >= min && *ret <= max)
        return true;
    ctl_fail(c, APP_USAGE, "%s must be a whole number from %lld to %lld, not %s", option, (long long)min,
             (long long)max, value);
    return false;
}

bool
ctl_span(struct ctl *c, const char *option, const char *value, int64_t *ms)
{
    if (ctl_words_parse_span(value, ms))
        return true;
    ctl_fail(c, APP_USAGE, "%s must be a time such as 60s, 5m, 24h or 90d, not %s", option, value);
    return false;
}

bool
ctl_reason(struct ctl *c, const char *option, const char *value)
{
    json_t *text = json_string(value); /* NULL unless UTF-8 */
    bool good = text && *value && strlen(value) <= 500 && !str_has_control(str_of(value));

    json_decref(text);
    if (!good)
        ctl_fail(c, APP_USAGE, "%s must be a line of UTF-8 text of 1 to 500 bytes", option);
    return good;
}

/* ---- subcommands ------------------------------------------------------------------------------------------------ */

const struct ctl_cmd *
ctl_find(const struct ctl_cmd *cmds, const char *name)
{
    for (; cmds->name; cmds++)
        if (strcmp(cmds->name, name) == 0)
            return cmds;
    return NULL;
}

int
ctl_sub(struct ctl *c, const struct ctl_cmd *cmds, int argc, char **argv)
{
    const struct ctl_cmd *cmd = argc ? ctl_find(cmds, argv[0]) : NULL;

    if (cmd)
        return cmd->run(c, argc - 1, argv + 1);
    fprintf(stderr, "bedelauctl %s: say one of:", c->cmd);
    for (; cmds->name; cmds++)
        fprintf(stderr, " %s", cmds->name);
    fputc('\n', stderr);
    return APP_USAGE;
}
