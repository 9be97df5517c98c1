/* dispatch: accepted checks at a steady rate, and when each was sent by the wall clock: the endpoint, which is another
 * process, tells by the same clock when its call came. */
#include <stdlib.h>

#include "common/base/caltime.h"
#include "tests/bench/steady.h"

static void
note(void *arg, int64_t i)
{
    ((int64_t *)arg)[i] = caltime_now();
}

static void
put_times(const int64_t *sent_us, const struct bench *b, struct buf *out)
{
    buf_printf(out, "{\"first\":%lld,\"sent_us\":[", (long long)b->warm);
    for (int64_t i = 0; i < b->n; i++)
        buf_printf(out, "%s%lld", i ? "," : "", (long long)sent_us[b->warm + i]);
    buf_z(out, "]}");
}

enum res
dispatch_run(const struct bench *b, struct buf *out, struct err *e)
{
    struct steady s = {.b = b, .kind = STORY_CHECKED, .n = b->warm + b->n, .sending = note};
    int64_t *sent_us = calloc((size_t)s.n, sizeof *sent_us);
    enum res res;

    s.arg = sent_us;
    res = sent_us ? steady_run(&s, e) : err_set(e, RES_FATAL, "out of memory");
    if (res == RES_OK)
        put_times(sent_us, b, out);
    if (out->failed)
        res = err_set(e, RES_FATAL, "so many times have no room");
    free(sent_us);
    return res;
}
