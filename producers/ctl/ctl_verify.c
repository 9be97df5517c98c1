/* verify: does the record say what its log says, is the log what was written, and does it hold what the topics hold? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "producers/ctl/ctl.h"
#include "producers/ctl/refold.h"
#include "producers/ctl/topics_seen.h"

struct proof {
    struct ctl *c;
    struct refold r;
    struct topics_seen t;
    const char *only;
    json_t *flaws; /* of the log */
    PGresult *differ;
};

static void
on_flaw(void *arg, const struct refold_flaw *f)
{
    struct proof *p = arg;

    json_array_append_new(p->flaws, json_pack("{s:s, s:I, s:s}", "nomor_permohonan", f->nomor, "seq",
                                              (json_int_t)f->seq, "what", f->what));
    if (!p->c->json)
        printf("%s: fact %lld: %s\n", f->nomor, (long long)f->seq, f->what);
}

static void
on_missing(void *arg, const struct topics_flaw *f)
{
    struct proof *p = arg;

    json_array_append_new(p->flaws,
                          json_pack("{s:s, s:i, s:I, s:s}", "topic", f->topic, "partition", (int)f->partition,
                                    "offset", (json_int_t)f->offset, "what", f->what));
    if (!p->c->json)
        printf("%s/%d at %lld: %s\n", f->topic, (int)f->partition, (long long)f->offset, f->what);
}

/* Each fact's id was remembered in the transaction that recorded it. */
static enum res
count_ids(struct proof *p)
{
    PGresult *r =
        ctl_query(p->c, "select (select count(*) from event_id) - (select count(*) from event)", 0, NULL);
    int64_t more = 0;

    if (!r)
        return p->c->e.res;
    str_int(str_of(PQgetvalue(r, 0, 0)), &more);
    PQclear(r);
    if (!more)
        return RES_OK;
    json_array_append_new(p->flaws,
                          json_pack("{s:s, s:I}", "what", more > 0 ? "ids_without_fact" : "facts_without_id",
                                    "count", (json_int_t)(more > 0 ? more : -more)));
    if (!p->c->json)
        printf("%lld %s\n", (long long)(more > 0 ? more : -more),
               more > 0 ? "ids without a fact" : "facts without an id");
    return RES_OK;
}

/* A worker whose counter is behind what it told was put back from a backup, and what it tells next would be taken for old;
 * one that has no row of a request any more has told nothing that it knows of. */
static enum res
count_behind(struct proof *p)
{
    static const char sql[] =
        "select count(*) from request r cross join lateral (select r.hitungan, n from (values (1, (select "
        "urutan from pemeriksaan w where w.nomor_permohonan = r.nomor_permohonan)), (2, (select urutan from "
        "integration w where w.nomor_permohonan = r.nomor_permohonan)), (3, (select urutan from "
        "deadline_clock w where w.nomor_permohonan = r.nomor_permohonan))) c(k, n) where "
        "split_part(split_part("
        "r.hitungan, ' ', k), '/', 2)::bigint > coalesce(n, 0)) b";
    PGresult *r = ctl_query(p->c, sql, 0, NULL);
    int64_t n = 0;

    if (!r)
        return p->c->e.res;
    str_int(str_of(PQgetvalue(r, 0, 0)), &n);
    PQclear(r);
    if (!n)
        return RES_OK;
    json_array_append_new(p->flaws,
                          json_pack("{s:s, s:I}", "what", "counters_behind", "count", (json_int_t)n));
    if (!p->c->json)
        printf("%lld counters are behind what their workers have told: bedelauctl restored\n", (long long)n);
    return RES_OK;
}

/* Log and projection of one moment. */
static enum res
fold_and_compare(struct proof *p)
{
    struct ctl *c = p->c;
    enum res res = refold_tables(c);

    if (res == RES_OK)
        res = ctl_exec(c, "set statement_timeout to 0", 0, NULL, NULL);
    if (res == RES_OK)
        res = ctl_exec(c, "begin isolation level repeatable read", 0, NULL, NULL);
    if (res == RES_OK)
        res = refold_run(&p->r);
    if (res != RES_OK)
        return res;
    if (res == RES_OK && p->only && !p->r.facts)
        return err_set(&c->e, RES_REJECT, "the log has no fact of %s", p->only);
    if (!p->only)
        res = count_ids(p);
    if (res == RES_OK && !p->only)
        res = count_behind(p);
    if (res != RES_OK)
        return res;
    p->differ = refold_compare(c, p->only);
    return p->differ ? ctl_exec(c, "commit", 0, NULL, NULL) : c->e.res;
}

static json_t *
differences(const PGresult *r)
{
    json_t *all = json_array();

    for (int i = 0; i < PQntuples(r); i++)
        json_array_append_new(all, ctl_object(r, i));
    return all;
}

static void
print_sums(const struct proof *p, int wrong)
{
    printf("%lld requests from %lld facts: %d differ, %d flaws in the log", (long long)p->r.requests,
           (long long)p->r.facts, PQntuples(p->differ), (int)json_array_size(p->flaws));
    if (p->r.unlinked)
        printf(", %lld facts without a link", (long long)p->r.unlinked);
    if (p->r.forgotten)
        printf(", %lld of forgotten requests", (long long)p->r.forgotten);
    if (p->r.masked)
        printf(", %lld kept without a credential", (long long)p->r.masked);
    if (p->t.read)
        printf("; %lld records of the topics looked at, %lld of them no events", (long long)p->t.read,
               (long long)p->t.bad);
    printf("\n%s\n", wrong ? "The record and its log are not the same." : "The record is what its log says.");
}

static int
print_proof(const struct proof *p)
{
    int wrong = PQntuples(p->differ) > 0 || json_array_size(p->flaws) > 0;

    if (p->c->json) {
        ctl_print(json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:O}", "same", !wrong, "facts",
                            (json_int_t)p->r.facts, "requests", (json_int_t)p->r.requests, "unlinked",
                            (json_int_t)p->r.unlinked, "masked", (json_int_t)p->r.masked, "forgotten",
                            (json_int_t)p->r.forgotten, "records", (json_int_t)p->t.read, "no_events",
                            (json_int_t)p->t.bad, "differences", differences(p->differ), "flaws", p->flaws));
    } else {
        if (PQntuples(p->differ))
            ctl_rows(p->c, p->differ);
        print_sums(p, wrong);
    }
    return wrong ? CTL_NO : APP_OK;
}

int
ctl_verify(struct ctl *c, int argc, char **argv)
{
    struct proof p = {.c = c, .r = {.c = c, .after_seq = -1, .flaw = on_flaw}};
    bool topics = false;
    const struct ctl_opt opts[] = {{"topics", NULL, &topics}, {0}};
    enum res res;
    int code;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&p.only, 0, 1}))
        return APP_USAGE;
    if (topics && p.only)
        return ctl_fail(c, APP_USAGE, "--topics is about all requests");
    p.r.only = p.only;
    p.r.arg = &p;
    p.flaws = json_array();
    res = ctl_db(c);
    if (res == RES_OK)
        res = fold_and_compare(&p);
    if (res == RES_OK && topics) {
        p.t = (struct topics_seen){.c = c, .flaw = on_missing, .arg = &p};
        res = topics_seen_run(&p.t);
    }
    code = res == RES_OK                 ? print_proof(&p)
           : res == RES_REJECT && p.only ? ctl_fail(c, CTL_NO, "%s", c->e.text)
                                         : ctl_failed(c);
    PQclear(p.differ);
    json_decref(p.flaws);
    return code;
}
