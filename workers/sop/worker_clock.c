/* The terms that [sop] names, as the programs that reckon with clocks read them. */
#include "workers/sop/clocks.h"
#include "workers/sop/worker.h"

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
