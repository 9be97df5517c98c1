/* folder: a temporary folder for the files of a test. Include after cmocka.h. */
#ifndef TESTS_UNIT_FOLDER_H
#define TESTS_UNIT_FOLDER_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/str.h"

struct folder {
    char path[32];
};

static inline void
folder_make(struct folder *d)
{
    *d = (struct folder){.path = "/tmp/bedelau-test-XXXXXX"};
    assert_non_null(mkdtemp(d->path));
}

/* The path of a file in it; valid until the next call. */
static inline const char *
folder_in(const struct folder *d, const char *name)
{
    static char path[256];

    assert_in_range(snprintf(path, sizeof path, "%s/%s", d->path, name), 1, sizeof path - 1);
    return path;
}

/* Writes a file whole, in place of one of that name. */
static inline void
folder_write(const struct folder *d, const char *name, struct str text, mode_t mode)
{
    int fd = open(folder_in(d, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static inline int
folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* With all that is in it; nothing where it was not made. */
static inline void
folder_remove(struct folder *d)
{
    if (d->path[0])
        assert_int_equal(nftw(d->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    d->path[0] = '\0';
}

#endif
