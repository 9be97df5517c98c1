#include "common/base/log.h"

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

/* ---- the line ------------------------------------------------------------------------------------------------- */

/* How many bytes of UTF-8 the character at `p` has; 0 when it is none. A surrogate or an overlong form passes: a reader
 * of logs shows it somehow. */
static size_t
utf8_size(const unsigned char *p, size_t left)
{
    size_t n = *p < 0x80                  ? 1
               : *p >= 0xc2 && *p <= 0xdf ? 2
               : (*p & 0xf0) == 0xe0      ? 3
               : *p >= 0xf0 && *p <= 0xf4 ? 4
                                          : 0;

    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* One line of UTF-8, whatever it was: control characters become blanks, foreign bytes question marks. */
static void
flatten(struct buf *b)
{
    for (size_t i = 0; i < b->n;) {
        size_t n = utf8_size((const unsigned char *)b->p + i, b->n - i);

        if (n == 0)
            b->p[i] = '?';
        else if ((unsigned char)b->p[i] < 0x20 || b->p[i] == 0x7f)
            b->p[i] = ' ';
        i += n ? n : 1;
    }
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
    flatten(&clean);
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

/* A line that grew too long, without its fields. */
static void
put_short(struct buf *line, const struct log_field *head)
{
    buf_reset(line);
    put_time(line);
    for (unsigned i = 0; i < 3; i++)
        put_field(line, &head[i]);
    buf_z(line, conf.format == LOG_JSON ? ",\"truncated\":true}\n" : " truncated=true\n");
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
    if (line.failed)
        put_short(&line, head);
    done = write(STDERR_FILENO, line.p, line.n); /* a log that cannot be written has nowhere to complain */
    (void)done;
    buf_free(&line);
    errno = kept;
}
