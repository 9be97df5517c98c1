#include "common/http/fetch_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"

enum { CRED_MAX = 65536 };

/* Regular, and nobody's but its owner's: what the group may read is no secret. */
static enum res
check_file(int fd, const char *file, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st))
        return err_set(e, RES_FATAL, "cannot read the credentials in %s: %s", file, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, RES_FATAL, "the credentials %s are not a regular file", file);
    if (st.st_mode & 077)
        return err_set(e, RES_FATAL, "the credentials %s must be readable by their owner alone (mode 0600)",
                       file);
    return RES_OK;
}

static enum res
read_all(int fd, const char *file, struct buf *text, struct err *e)
{
    char part[4096];
    ssize_t n;

    while ((n = read(fd, part, sizeof part)) > 0)
        buf_add(text, part, (size_t)n);
    if (n < 0)
        return err_set(e, RES_FATAL, "cannot read the credentials in %s: %s", file, strerror(errno));
    if (text->failed || (text->n && memchr(text->p, 0, text->n)))
        return err_set(e, RES_FATAL, "the credentials %s are too long or hold a NUL byte", file);
    return RES_OK;
}

/* "Name: value", a header that can be sent. */
static bool
good_header(const char *z)
{
    size_t n = strspn(z, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");
    const char *value = z + n + 1;

    if (!n || z[n] != ':')
        return false;
    value += strspn(value, " ");
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return *value != '\0';
}

static bool
add_line(struct policy *p, char *line)
{
    char *tab = strchr(line, '\t');
    struct policy_cred *more;
    struct policy_cred c = {0};

    if (!tab || !good_header(tab + 1))
        return false;
    *tab = '\0';
    more = realloc(p->cred, (p->creds + 1) * sizeof *more);
    if (!more)
        return false;
    p->cred = more;
    c.header = str_dup(str_of(tab + 1));
    if (!c.header || !policy_host(line, false, &c.host)) {
        free(c.header);
        return false;
    }
    p->cred[p->creds++] = c;
    return true;
}

static enum res
read_lines(struct policy *p, char *text, const char *file, struct err *e)
{
    char *line;

    for (int n = 1; (line = strsep(&text, "\n")); n++) {
        size_t len = strlen(line);

        if (len && line[len - 1] == '\r')
            line[len - 1] = '\0';
        if (line[0] && line[0] != '#' && !add_line(p, line))
            return err_set(e, RES_FATAL, "%s line %d: not `host<TAB>Header: value`", file, n);
    }
    return RES_OK;
}

enum res
cred_read(struct policy *p, const char *file, struct err *e)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe must not hold us */
    struct buf text = buf_make(CRED_MAX);
    enum res res;

    if (fd < 0)
        return err_set(e, RES_FATAL, "cannot read the credentials in %s: %s", file, strerror(errno));
    res = check_file(fd, file, e);
    if (!res)
        res = read_all(fd, file, &text, e);
    if (!res && text.n)
        res = read_lines(p, text.p, file, e);
    buf_free(&text);
    close(fd);
    return res;
}

enum res
cred_text(struct policy *p, const char *text, struct err *e)
{
    char *copy = str_dup(str_of(text));
    enum res res = copy ? read_lines(p, copy, "credentials", e) : err_set(e, RES_FATAL, "out of memory");

    free(copy);
    return res;
}
