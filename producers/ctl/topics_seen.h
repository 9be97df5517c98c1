/* topics_seen: is everything in the log that the projector has read from the topics and that they still hold? */
#ifndef CTL_TOPICS_SEEN_H
#define CTL_TOPICS_SEEN_H

#include "producers/ctl/ctl.h"

struct topics_flaw {
    const char *topic;
    int32_t partition;
    int64_t offset;
    const char *what; /* "not_recorded", "other_data" (than those recorded) */
};

struct topics_seen {
    struct ctl *c;
    void (*flaw)(void *arg, const struct topics_flaw *f);
    void *arg;
    /* counted */
    int64_t read;
    int64_t bad; /* records that are no events and belong to nobody's record */
};

/* Reads every partition from its beginning up to where the projector stood when asked. RES_RETRY: Kafka or Postgres does
 * not answer; RES_FATAL: not configured. */
enum res topics_seen_run(struct topics_seen *t);

#endif
