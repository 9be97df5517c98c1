#include "workers/sop/warnings.h"

#include "common/json/scan.h"

static int64_t
done_until(const struct warned *w, int64_t batas_us)
{
    for (unsigned i = 0; i < w->n; i++)
        if (w->of[i].batas_us == batas_us)
            return w->of[i].threshold;
    return INT64_MAX;
}

/* The oldest makes room. */
static void
note(struct warned *w, int64_t batas_us, int64_t threshold)
{
    unsigned i = 0;

    while (i < w->n && w->of[i].batas_us != batas_us)
        i++;
    if (i == WARNED_KEPT) {
        memmove(&w->of[0], &w->of[1], (WARNED_KEPT - 1) * sizeof w->of[0]);
        i = WARNED_KEPT - 1;
    }
    if (i >= w->n)
        w->n = i + 1;
    w->of[i].batas_us = batas_us;
    w->of[i].threshold = threshold;
}

int64_t
warnings_due(const struct calendar *cal, const struct jam *j, const struct term *term, int64_t now_us,
             struct warned *w, int64_t *next_us, bool *changed)
{
    int64_t done = done_until(w, j->batas_us);
    int64_t nearest = 0;

    *next_us = j->batas_us;
    *changed = false;
    for (unsigned i = 0; i < term->nwarn; i++) {
        struct calendar_term ahead = {term->warn[i], j->satuan};
        struct err e = {0};
        int64_t at;

        if (ahead.n >= done || ahead.n > j->jatah ||
            calendar_warn_at(cal, j->batas_us, ahead, &at, &e) != RES_OK)
            continue;
        if (at <= now_us)
            nearest = ahead.n;
        else if (at < *next_us)
            *next_us = at;
    }
    if (nearest) {
        note(w, j->batas_us, nearest);
        *changed = true;
    }
    return now_us < j->batas_us ? nearest : 0;
}

void
warned_move(struct warned *w, int64_t from_us, int64_t to_us)
{
    int64_t done = done_until(w, from_us);

    if (done < done_until(w, to_us))
        note(w, to_us, done);
}

void
warned_renew(const struct calendar *cal, const struct jam *j, const struct term *term, int64_t from_us,
             int64_t now_us, struct warned *w)
{
    int64_t done = done_until(w, from_us);
    int64_t nearest = INT64_MAX;

    for (unsigned i = 0; i < term->nwarn; i++) {
        struct calendar_term ahead = {term->warn[i], j->satuan};
        struct err e = {0};
        int64_t at;

        if (ahead.n < nearest && calendar_warn_at(cal, j->batas_us, ahead, &at, &e) == RES_OK && at <= now_us)
            nearest = ahead.n;
    }
    if (nearest != INT64_MAX && nearest >= done && nearest < done_until(w, j->batas_us))
        note(w, j->batas_us, nearest);
}

/* ---- as text ---------------------------------------------------------------------------------------------------- */

void
warned_write(const struct warned *w, struct buf *out)
{
    buf_char(out, '[');
    for (unsigned i = 0; i < w->n; i++)
        buf_printf(out, "%s%lld,%lld", i ? "," : "", (long long)w->of[i].batas_us,
                   (long long)w->of[i].threshold);
    buf_char(out, ']');
}

struct warned
warned_read(struct str text)
{
    struct scan_iter it = scan_iter(text);
    struct warned w = {0};
    int64_t batas_us;
    int64_t threshold;

    while (w.n < WARNED_KEPT && scan_next(&it) && scan_int(it.value, &batas_us) && scan_next(&it) &&
           scan_int(it.value, &threshold))
        note(&w, batas_us, threshold);
    return w;
}

struct warned
warned_of_bits(const struct jam *j, int64_t bits)
{
    static const int64_t were[TAHAPS][3] = {{1}, {1}, {7, 3, 1}, {1}};
    struct warned w = {0};

    for (int i = 0; i < 3 && j->tahap < TAHAPS; i++)
        if (were[j->tahap][i] && bits & INT64_C(1) << i)
            note(&w, j->batas_us, were[j->tahap][i]);
    return w;
}
