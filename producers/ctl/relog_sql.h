/* relog_sql: what relog does in the database alone. Part of it; not for other use. All of it in the session's own tables but
 * for relog_take, relog_raise and relog_replace. */
#ifndef CTL_RELOG_SQL_H
#define CTL_RELOG_SQL_H

#include "producers/ctl/relog.h"

/* RES_REJECT: a table of the record is not there. */
enum res relog_tables(struct ctl *c);

/* What is about to be told. */
enum res relog_note_outbox(struct ctl *c);

/* The offsets of `group` are the caller's until its transaction ends; also those of partitions in `reach` that have none yet, which
 * the projector would else take from their beginning meanwhile. */
enum res relog_take(struct ctl *c, const char *group);

/* `read_event` and `reach` into `new_event`, `new_event_id` and `new_event_copy`. */
enum res relog_digest(struct ctl *c, bool partial, struct relog_sums *sums);

/* As relog_incomplete. */
PGresult *relog_gaps(struct ctl *c);

/* No versi below what was told; `*untold` as in the sums. */
enum res relog_raise(struct ctl *c, int64_t *untold);

/* `event`, `event_id` and `event_copy` become what the new ones are; rows that are so already are left alone. */
enum res relog_replace(struct ctl *c);

#endif
