/* story: the events of one request, as its department, the validator and the integrator would write them. */
#ifndef BENCH_STORY_H
#define BENCH_STORY_H

#include "tests/bench/form.h"

enum story_kind { STORY_SUBMITTED, STORY_CHECKED, STORY_COMPLETED, STORY_KINDS };

/* The kind of that name, or STORY_KINDS. */
enum story_kind story_kind_of(struct str name);

/* The topic it belongs to, without the prefix. */
const char *story_topic(enum story_kind k);

/* Appends the whole event in structured mode. `form` is scratch, overwritten. */
void story_write(const struct form *f, enum story_kind k, struct buf *form, struct buf *out);

#endif
