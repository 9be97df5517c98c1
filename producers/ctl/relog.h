/* relog: makes the record's log again from the topics, for when the log itself is lost or cannot be trusted. Beside the
 * one that serves: the session's own tables `new_event`, `new_event_id`, `new_event_copy`, which refold folds (refold.h) and
 * relog_swap then brings the log to.
 *
 * Every fact comes from its record in the topics. Of the old log counts only what the topics confirm: in which order facts
 * were recorded, and which copy of several was read first; so a log that is whole keeps every link of its chains. What the
 * old log lacked comes after, in the order of the topics. What of a request in `forgotten` was to go does not come back. */
#ifndef CTL_RELOG_H
#define CTL_RELOG_H

#include "producers/ctl/ctl.h"

struct relog;

struct relog_sums {
    int64_t records, no_events; /* of the topics: read, and of them none that the log could keep */
    int64_t facts;              /* of the new log */
    int64_t found;              /* of them, not in the old log */
    int64_t older;              /* of them, from the old log alone: older than what the topics hold */
    int64_t unfounded;          /* of the old log, and in no topic that should hold them: left out */
    int64_t untold;             /* requests that are not as the status topic has them; by relog_swap */
};

/* Makes the tables and names the partitions. `partial`: topics that do not reach back to their beginning will do, and what
 * the old log holds of before stays. Without it RES_REJECT with a sentence. RES_RETRY, RES_FATAL: Kafka, Postgres or the
 * folder of schemas is not as it should be. `*ret` is the caller's, to relog_free; NULL after an error. */
enum res relog_new(struct ctl *c, bool partial, struct relog **ret);
void relog_free(struct relog *l); /* NULL is fine */

/* Reads the topics from their beginning up to where the projector stands, or to their end where that is not known.
 * `progress` is told now and then how many of how many records are read; it may be NULL. Called again it reads what came
 * since. */
enum res relog_read(struct relog *l, void (*progress)(void *arg, int64_t n, int64_t of), void *arg);

/* Within the caller's transaction: the projector commits nothing more until it ends, and takes its partitions anew then. */
enum res relog_fence(struct relog *l);

/* Within it: makes the new log of what was read. RES_REJECT as relog_new, where the old log shows that the topics lack their
 * beginning. */
enum res relog_make(struct relog *l, struct relog_sums *sums);

/* Within it, after refold_run: requests whose facts are not all there, as (nomor_permohonan, why). NULL: failed. What the old
 * tables know better of them stays. */
PGresult *relog_incomplete(struct relog *l);

/* Within it, before refold_swap: `versi` is what was told of a request by the status topic, or is about to be. */
enum res relog_versions(struct relog *l);

/* Within it, after refold_swap: brings the log to what the new one says, the projector's offsets to where the reading ended,
 * and raises each `versi` that is below what was told. */
enum res relog_swap(struct relog *l, struct relog_sums *sums);

#endif
