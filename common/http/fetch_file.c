#include "common/http/fetch_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static enum fetch_fate
because(const char **why, enum fetch_fate fate, const char *text)
{
    *why = text;
    return fate;
}

/* What an open that failed means. */
static enum fetch_fate
failed(int err, const char **why)
{
    switch (err) {
    case ENOENT:
    case ENAMETOOLONG:
        return because(why, FETCH_NOT_FOUND, "no such file");
    case ELOOP:
    case ENOTDIR: /* a link, or a file used as a folder */
        return because(why, FETCH_REFUSED, "the path leads through what is not a folder");
    case EACCES:
    case EPERM:
        return because(why, FETCH_DENIED, "the file may not be read by this program");
    default:
        return because(why, FETCH_LATER, strerror(err));
    }
}

/* Looked at before it is opened, because opening a device can do something; and after it, because it may be another one by
 * then. */
static enum fetch_fate
open_regular(int dir, const char *name, int *fd, uint64_t *size, const char **why)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
        return failed(errno, why);
    if (!S_ISREG(st.st_mode))
        return because(why, FETCH_REFUSED, "not a regular file");
    *fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*fd < 0)
        return failed(errno, why);
    if (!fstat(*fd, &st) && S_ISREG(st.st_mode)) {
        *size = (uint64_t)st.st_size;
        return FETCH_OK;
    }
    close(*fd);
    *fd = -1;
    return because(why, FETCH_REFUSED, "not a regular file");
}

/* Steps from `*dir` into its folder `name`. */
static enum fetch_fate
step(int *dir, const char *name, const char **why)
{
    int next;

    if (!strcmp(name, ".."))
        return because(why, FETCH_REFUSED, "the path leads upwards");
    if (!*name || !strcmp(name, "."))
        return FETCH_OK;
    next = openat(*dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0)
        return failed(errno, why);
    close(*dir);
    *dir = next;
    return FETCH_OK;
}

enum fetch_fate
file_open(const char *root, const char *path, int *fd, uint64_t *size, const char **why)
{
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    enum fetch_fate fate = FETCH_OK;
    char name[NAME_MAX + 1];

    *fd = -1;
    *size = 0;
    if (dir < 0)
        return because(why, FETCH_LATER, "the folder of files cannot be opened");
    while (!fate) {
        size_t n = strcspn(path, "/");

        if (n > NAME_MAX) {
            fate = failed(ENAMETOOLONG, why);
            break;
        }
        memcpy(name, path, n);
        name[n] = '\0';
        if (!path[n])
            break;
        fate = step(&dir, name, why);
        path += n + 1;
    }
    if (!fate && (!*name || !strcmp(name, ".") || !strcmp(name, "..")))
        fate = because(why, FETCH_REFUSED, "not a regular file");
    if (!fate)
        fate = open_regular(dir, name, fd, size, why);
    close(dir);
    return fate;
}
