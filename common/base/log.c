#include "common/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192 };

/* Set once by log_setup before any thread is started; only read afterwards. */
static struct {
    const char *prog;
    enum log_format format;
    enum log_level level;
} conf = {"?", LOG_LOGFMT, LOG_INFO};

static const char *const level_name[] = {"debug", "info", "warn", "error"};

void
log_setup(const char *prog, enum log_format format, enum log_level level)
{
    conf.prog = prog;
    conf.format = format;
    conf.level = level;
}

void
log_set_level(enum log_level level)
{
    conf.level = level;
}

/* ---- redaction ------------------------------------------------------------------------------------------------ */

static bool
word_char(char c)
{
    return isalnum((unsigned char)c) || c == '@' || c == '.' || c == '_' || c == '+' || c == '-' || c == '%';
}

static size_t
digits(struct str w)
{
    size_t n = 0;

    for (size_t i = 0; i < w.n; i++)
        n += isdigit((unsigned char)w.p[i]) != 0;
    return n;
}

static bool
is_phone(struct str w)
{
    size_t d = digits(w);
    bool head = str_starts(w, STR("+62")) || str_starts(w, STR("08")) || str_starts(w, STR("62")) ||
                str_starts(w, STR("0778"));

    return head && d >= 9 && d <= 15 && d + (w.p[0] == '+') == w.n;
}

static void
mask_word(struct buf *out, struct str w)
{
    const char *at = memchr(w.p, '@', w.n);

    if (at && at > w.p && memchr(at, '.', (size_t)(w.p + w.n - at))) {
        buf_char(out, w.p[0]);
        buf_z(out, "***");
        buf_add(out, at, (size_t)(w.p + w.n - at));
    } else if (is_phone(w)) {
        buf_add(out, w.p, 3);
        buf_z(out, "****");
        buf_add(out, w.p + w.n - 2, 2);
    } else if (w.n >= 16 && digits(w) == w.n) {
        buf_z(out, "***");
        buf_add(out, w.p + w.n - 3, 3);
    } else {
        buf_str(out, w);
    }
}

void
log_redact(struct buf *out, struct str s)
{
    bool secret = false;
    size_t i = 0;

    while (i < s.n) {
        size_t from = i;
        struct str w;

        while (i < s.n && !word_char(s.p[i]))
            i++;
        buf_add(out, s.p + from, i - from);
        from = i;
        while (i < s.n && word_char(s.p[i]))
            i++;
        w = (struct str){s.p + from, i - from};
        if (secret && w.n)
            buf_z(out, "***");
        else if (w.n)
            mask_word(out, w);
        if (w.n)
            secret = str_is(w, "Bearer") || str_is(w, "Basic");
    }
}

/* ---- the line ------------------------------------------------------------------------------------------------- */

static void
flatten(struct buf *b, size_t from)
{
    for (size_t i = from; i < b->n; i++)
        if ((unsigned char)b->p[i] < 0x20 || b->p[i] == 0x7f)
            b->p[i] = ' ';
}

static void
put_string(struct buf *line, struct str raw, bool bare)
{
    struct buf clean = buf_make(LINE_MAX_BYTES / 2);

    log_redact(&clean, raw);
    if (clean.failed) {
        buf_free(&clean);
        buf_z(&clean, "(too long)");
    }
    flatten(&clean, 0);
    if (bare && clean.n && strcspn(clean.p, " =\"\\") == clean.n)
        buf_str(line, buf_view(&clean));
    else
        buf_json(line, buf_view(&clean));
    buf_free(&clean);
}

static void
put_field(struct buf *line, const struct log_field *f)
{
    bool json = conf.format == LOG_JSON;

    if (json)
        buf_printf(line, ",\"%s\":", f->name);
    else
        buf_printf(line, " %s=", f->name);
    if (f->kind == LOG_F_INT)
        buf_int(line, f->i);
    else
        put_string(line, f->s, !json);
}

static void
put_time(struct buf *line)
{
    struct timespec ts;
    struct tm tm;
    char text[40];

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(line, conf.format == LOG_JSON ? "{\"time\":\"%s.%03ldZ\"" : "time=%s.%03ldZ", text,
               ts.tv_nsec / 1000000);
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned n)
{
    const struct log_field head[] = {LOG_Z("level", level_name[level]), LOG_Z("prog", conf.prog),
                                     LOG_Z("msg", event)};
    struct buf line = buf_make(LINE_MAX_BYTES);
    int kept = errno;
    ssize_t done;

    if (level < conf.level)
        return;
    put_time(&line);
    for (unsigned i = 0; i < 3; i++)
        put_field(&line, &head[i]);
    for (unsigned i = 0; i < n && fields[i].name; i++)
        put_field(&line, &fields[i]);
    buf_z(&line, conf.format == LOG_JSON ? "}\n" : "\n");
    if (line.failed) {
        buf_reset(&line);
        buf_printf(&line, "level=%s prog=%s msg=\"%s\" truncated=true\n", level_name[level], conf.prog,
                   event);
    }
    done = write(STDERR_FILENO, line.p, line.n); /* a log that cannot be written has nowhere to complain */
    (void)done;
    buf_free(&line);
    errno = kept;
}
