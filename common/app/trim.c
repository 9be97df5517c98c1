#include "common/app/trim.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* One line of /proc/self/maps: text of a file, which is never written, so that a page dropped is read again as it was. Data
 * and constants are left: the loader writes addresses into them. */
static void
drop_text(const char *line)
{
    uintptr_t from, to;
    unsigned long inode;
    char may[5];

    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &from, &to, may, &inode) != 4 ||
        inode == 0 || strcmp(may, "r-xp") != 0)
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
