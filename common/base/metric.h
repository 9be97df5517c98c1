/* metric: counters, gauges and histograms, written in the OpenMetrics text format. One registry per process, used from
 * the loop's thread. Names carry their unit; label values never hold anything personal. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct metrics;
struct metric;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics *metrics_new(void); /* NULL when memory is out */
void metrics_free(struct metrics *ms);

/* One series; the same (name, labels) again returns the same. `labels` is ready text such as `topic="a"` or "" and is
 * copied. Counters are named without _total, which the format adds. Aborts when memory is out: called at start. */
struct metric *metric(struct metrics *ms, enum metric_kind kind, const char *name, const char *labels,
                      const char *help);

void metric_add(struct metric *m, double by);
void metric_set(struct metric *m, double v);
void metric_observe(struct metric *m, double seconds); /* histogram: buckets from 1 ms to 60 s */
double metric_value(const struct metric *m);

/* The whole exposition, `# EOF` included. */
void metrics_write(const struct metrics *ms, struct buf *out);

#endif
