/* The calendar and the terms that [sop] names, as the programs that reckon with clocks read them. */
#include <stdlib.h>

#include "common/base/file.h"
#include "workers/sop/clocks.h"
#include "workers/sop/worker.h"

enum { CALENDAR_MAX = 4 << 20 };

enum res
worker_calendar(const struct worker *w, struct calendar **ret, struct err *e)
{
    char *path = worker_schema_path(w, w->sop.calendar_file);
    size_t n;
    char *csv = path ? file_read(path, CALENDAR_MAX, &n, e) : NULL;
    enum res res = RES_FATAL;

    *ret = NULL;
    if (csv)
        res = sop_calendar((struct str){csv, n}, path, ret, e);
    free(csv);
    free(path);
    return res == RES_OK ? res : err_set(e, RES_FATAL, "[sop] calendar cannot be read");
}

enum res
worker_terms(const struct worker *w, struct clock_terms *ret, struct err *e)
{
    for (int i = 0; i < TAHAPS; i++)
        if (!clock_term_parse(w->sop.term[i], &ret->of[i]))
            return err_set(e, RES_FATAL,
                           "[sop] %s must be a number and hari_kerja, hari_kalender or detik, not \"%s\"",
                           tahap_name((enum tahap)i), w->sop.term[i]);
    return RES_OK;
}
