#include "common/app/trim.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One line of /proc/self/maps: text of a file, which is never written, so that a page dropped is read again as it was. Data
 * and constants are left: the loader writes addresses into them. */
static void
drop_text(char *line)
{
    char *at, *dev;
    uintptr_t from = strtoull(line, &at, 16);
    uintptr_t to = *at == '-' ? strtoull(at + 1, &at, 16) : 0;

    if (to <= from || strncmp(at, " r-xp ", 6) != 0)
        return;
    strtoull(at + 6, &dev, 16); /* the place in the file */
    at = strchr(dev + (*dev == ' '), ' ');
    if (!at || strtoull(at, NULL, 10) == 0) /* inode 0: no file */
        return;
    madvise((void *)from, to - from, MADV_RANDOM); /* then a page comes alone, not with its neighbours */
    madvise((void *)from, to - from, MADV_DONTNEED);
}

void
app_trim(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4400];

    malloc_trim(0);
    if (!maps)
        return;
    while (fgets(line, sizeof line, maps))
        drop_text(line);
    fclose(maps);
}
