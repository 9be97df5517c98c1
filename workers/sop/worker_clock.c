/* The terms that [sop] names, as the programs that reckon with clocks read them. */
#include <stdlib.h>

#include "workers/sop/terms.h"
#include "workers/sop/worker.h"

enum res
worker_terms(const struct worker *w, struct terms **ret, struct err *e)
{
    char *file = worker_schema_path(w, w->sop.terms_file);
    char *schema = worker_schema_path(w, "data/jam.schema.json");
    enum res res = RES_FATAL;

    *ret = NULL;
    if (file && schema)
        res = terms_load(&(struct terms_from){w->sop.term, file, schema}, ret, e);
    free(file);
    free(schema);
    return res == RES_OK ? res : err_set(e, RES_FATAL, "out of memory");
}
