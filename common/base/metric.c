#include "common/base/metric.h"

#include <stdlib.h>

enum { BUCKETS = 14 };
static const double bound[BUCKETS] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60};

struct metric {
    enum metric_kind kind;
    char *name;
    char *labels;
    const char *help;
    double value; /* counter, gauge; a histogram's sum */
    uint64_t count;
    uint64_t hits[BUCKETS];
    struct metric *next;
};

struct metrics {
    struct metric *head; /* sorted by name, so that a family stands together */
};

struct metrics *
metrics_new(void)
{
    return calloc(1, sizeof(struct metrics));
}

void
metrics_free(struct metrics *ms)
{
    if (!ms)
        return;
    while (ms->head) {
        struct metric *m = ms->head;

        ms->head = m->next;
        free(m->name);
        free(m->labels);
        free(m);
    }
    free(ms);
}

struct metric *
metric(struct metrics *ms, enum metric_kind kind, const char *name, const char *labels, const char *help)
{
    struct metric **at = &ms->head;
    struct metric *m;

    for (; *at; at = &(*at)->next) {
        int c = strcmp((*at)->name, name);

        if (c == 0 && strcmp((*at)->labels, labels) == 0)
            return *at;
        if (c > 0)
            break;
    }
    m = calloc(1, sizeof *m);
    if (!m || !(m->name = strdup(name)) || !(m->labels = strdup(labels)))
        abort();
    m->kind = kind;
    m->help = help;
    m->next = *at;
    *at = m;
    return m;
}

void
metric_add(struct metric *m, double by)
{
    m->value += by;
}

void
metric_set(struct metric *m, double v)
{
    m->value = v;
}

void
metric_observe(struct metric *m, double seconds)
{
    m->value += seconds;
    m->count++;
    for (int i = 0; i < BUCKETS; i++)
        m->hits[i] += seconds <= bound[i];
}

double
metric_value(const struct metric *m)
{
    return m->value;
}

static void
write_histogram(const struct metric *m, struct buf *out)
{
    const char *sep = *m->labels ? "," : "";

    for (int i = 0; i < BUCKETS; i++)
        buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", m->name, m->labels, sep, bound[i],
                   (unsigned long long)m->hits[i]);
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", m->name, m->labels, sep,
               (unsigned long long)m->count);
    buf_printf(out, "%s_sum%s%s%s %.9g\n", m->name, *m->labels ? "{" : "", m->labels, *m->labels ? "}" : "",
               m->value);
    buf_printf(out, "%s_count%s%s%s %llu\n", m->name, *m->labels ? "{" : "", m->labels, *m->labels ? "}" : "",
               (unsigned long long)m->count);
}

void
metrics_write(const struct metrics *ms, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const char *family = "";

    for (const struct metric *m = ms->head; m; m = m->next) {
        if (strcmp(family, m->name) != 0)
            buf_printf(out, "# TYPE %s %s\n# HELP %s %s\n", m->name, kinds[m->kind], m->name, m->help);
        family = m->name;
        if (m->kind == METRIC_HISTOGRAM)
            write_histogram(m, out);
        else
            buf_printf(out, "%s%s%s%s%s %.17g\n", m->name, m->kind == METRIC_COUNTER ? "_total" : "",
                       *m->labels ? "{" : "", m->labels, *m->labels ? "}" : "", m->value);
    }
    buf_z(out, "# EOF\n");
}
