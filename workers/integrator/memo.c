/* memo: a job's own state, which is JSON, and how a job goes on. */
#include "common/json/scan.h"
#include "workers/integrator/settle_priv.h"

static const char *const names[] = {"id",    "trace", "told",  "asal",     "jenis",
                                    "parks", "idle",  "clock", "conflict", "poke"};
enum { NAMES = sizeof names / sizeof names[0] };

struct memo
memo_read(struct worker *w, const struct job *job)
{
    struct str m[NAMES];
    struct memo memo = {0};

    scan_pick(job->state, names, m, NAMES);
    memo.id = scan_text(&w->arena, m[0]);
    memo.trace = scan_text(&w->arena, m[1]);
    memo.told = scan_text(&w->arena, m[2]);
    memo.asal = scan_text(&w->arena, m[3]);
    memo.jenis = jenis_of(scan_text(&w->arena, m[4]));
    scan_int(m[5], &memo.parks);
    scan_int(m[6], &memo.idle);
    scan_int(m[7], &memo.clock);
    memo.conflict = scan_kind(m[8]) == SCAN_TRUE;
    memo.poke = scan_kind(m[9]) == SCAN_TRUE;
    return memo;
}

void
memo_text(struct buf *b, const char *name, struct str s)
{
    if (!s.n)
        return;
    buf_printf(b, ",\"%s\":", name);
    buf_json(b, s);
}

void
memo_write(struct worker *w, struct job *job, const struct memo *memo)
{
    struct buf b = buf_make(8192);

    buf_printf(&b, "{\"parks\":%lld,\"idle\":%lld,\"clock\":%lld", (long long)memo->parks,
               (long long)memo->idle, (long long)memo->clock);
    memo_text(&b, "id", memo->id);
    memo_text(&b, "trace", memo->trace);
    memo_text(&b, "told", memo->told);
    memo_text(&b, "asal", memo->asal);
    if (memo->jenis != JENIS_BARU)
        memo_text(&b, "jenis", str_of(jenis_name(memo->jenis)));
    if (memo->poke)
        buf_z(&b, ",\"poke\":true");
    buf_z(&b, memo->conflict ? ",\"conflict\":true}" : "}");
    job->state = arena_str(&w->arena, buf_view(&b));
    job->changed = true;
    buf_free(&b);
}

int64_t
memo_idle(const struct job *job)
{
    int64_t n;

    scan_int(scan_get(job->state, "idle"), &n);
    return n;
}

bool
job_is_idle(struct str step)
{
    return str_is(step, "wait");
}

void
job_next(struct job *job, struct str step, int64_t due_us, struct str reason)
{
    job->step = step;
    job->due_us = due_us;
    job->lease = 0;
    job->reason = reason;
    job->changed = true;
}

struct str
job_key(struct worker *w, const struct berkas *b, int32_t revisi, int32_t putaran)
{
    struct buf k = buf_make(256);
    struct str s;

    buf_printf(&k, "%.*s:%d:%d", STR_FMT(b->nomor), revisi, putaran);
    s = arena_str(&w->arena, buf_view(&k));
    buf_free(&k);
    return s;
}

struct job *
job_find(const struct urusan *u, struct str key)
{
    for (unsigned i = 0; i < u->njobs; i++)
        if (str_eq(u->jobs[i]->key, key) && !u->jobs[i]->done)
            return u->jobs[i];
    return NULL;
}

bool
job_room(const struct urusan *u)
{
    return u->njobs < sizeof u->jobs / sizeof u->jobs[0];
}
