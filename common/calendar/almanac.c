#include "common/calendar/almanac.h"

#include <stdlib.h>

struct entry {
    int64_t id;
    int64_t since_us;
    struct calendar *cal; /* owned */
};

struct almanac {
    struct entry *all; /* owned; in the order added */
    size_t n, cap;
};

struct almanac *
almanac_new(void)
{
    return calloc(1, sizeof(struct almanac));
}

void
almanac_free(struct almanac *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n; i++)
        calendar_free(a->all[i].cal);
    free(a->all);
    free(a);
}

static bool
grow(struct almanac *a)
{
    size_t cap = a->cap ? 2 * a->cap : 4;
    struct entry *all;

    if (a->n < a->cap)
        return true;
    all = reallocarray(a->all, cap, sizeof *all);
    if (!all)
        return false;
    a->all = all;
    a->cap = cap;
    return true;
}

enum res
almanac_add(struct almanac *a, int64_t id, int64_t since_us, struct calendar *cal, struct err *e)
{
    if (a->n && id <= almanac_id(a))
        return err_set(e, RES_FATAL, "calendar: %lld does not come after %lld", (long long)id,
                       (long long)almanac_id(a));
    if (!grow(a))
        return err_set(e, RES_RETRY, "calendar: out of memory");
    a->all[a->n++] = (struct entry){id, since_us, cal};
    return RES_OK;
}

const struct calendar *
almanac_newest(const struct almanac *a)
{
    return a->n ? a->all[a->n - 1].cal : NULL;
}

int64_t
almanac_id(const struct almanac *a)
{
    return a->n ? a->all[a->n - 1].id : -1;
}

const struct calendar *
almanac_at(const struct almanac *a, int64_t t_us)
{
    if (t_us == INT64_MIN)
        return almanac_newest(a);
    for (size_t i = a->n; i > 0; i--)
        if (a->all[i - 1].since_us <= t_us)
            return a->all[i - 1].cal;
    return a->n ? a->all[0].cal : NULL;
}

const struct calendar *
almanac_after(const struct almanac *a, const struct calendar *cal)
{
    for (size_t i = 0; i + 1 < a->n; i++)
        if (a->all[i].cal == cal)
            return a->all[i + 1].cal;
    return NULL;
}
