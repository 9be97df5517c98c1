/* calendar load: a new version of the list of holidays. Those who reckon by the old one are waited for (a lock that their
 * transactions take too, workers/sop/worker_calendar.c), so that whoever looks afterwards for what was reckoned by it finds
 * all of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "producers/ctl/ctl_calendar.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/clocks.h"

enum { HEX = 2 * HASH_SIZE + 1 };

struct load {
    struct ctl *c;
    const char *source;
    bool dry_run;
    struct ctl_list list, in_force;
    struct ctl_findings found;
};

static void
print_hex(const struct ctl_list *l, char out[HEX])
{
    unsigned char hash[HASH_SIZE];

    hash_sha256((struct str){l->csv, l->n}, hash);
    hash_hex(hash, sizeof hash, out);
}

/* ---- storing ---------------------------------------------------------------------------------------------------- */

/* `since` is NULL for now: the lock is held, so that nobody reckons meanwhile. */
static enum res
insert(struct ctl *c, const struct ctl_list *l, const char *source, const char *since)
{
    char actor[128];
    char hex[HEX];
    const char *args[] = {l->version, l->csv, hex, source, since, actor};

    ctl_actor(actor, sizeof actor);
    print_hex(l, hex);
    return ctl_exec(c,
                    "insert into calendar (version, csv, sha256, source, since, loaded_by) values"
                    " ($1, $2, decode($3, 'hex'), $4, coalesce($5::timestamptz, clock_timestamp()), $6)",
                    6, args, NULL);
}

/* Before the first version the file of [sop] calendar was in force: it is kept too, since what has ended is judged by it. */
static enum res
keep_first(struct load *l)
{
    PGresult *r;
    bool empty;

    if (strcmp(l->in_force.from, "file") != 0)
        return RES_OK;
    r = ctl_query(l->c, "select not exists (select 1 from calendar)", 0, NULL);
    empty = r && *PQgetvalue(r, 0, 0) == 't';
    PQclear(r);
    if (!r)
        return l->c->e.res;
    return empty ? insert(l->c, &l->in_force, "[sop] calendar", "epoch") : RES_OK;
}

enum known { UNKNOWN, SAME, OTHER, FAILED };

static bool
same_bytes(const struct ctl_list *a, const struct ctl_list *b)
{
    return str_eq((struct str){a->csv, a->n}, (struct str){b->csv, b->n});
}

/* Whether this version is there, and whether as these bytes. That of the settings counts before one was loaded. */
static enum known
look_up(struct load *l)
{
    char hex[HEX];
    const char *args[] = {l->list.version, hex};
    PGresult *r;
    enum known known = UNKNOWN;

    if (strcmp(l->list.version, l->in_force.version) == 0)
        return same_bytes(&l->list, &l->in_force) ? SAME : OTHER;
    print_hex(&l->list, hex);
    r = ctl_query(l->c, "select sha256 = decode($2, 'hex') from calendar where version = $1", 2, args);
    if (!r)
        return FAILED;
    if (PQntuples(r))
        known = *PQgetvalue(r, 0, 0) == 't' ? SAME : OTHER;
    PQclear(r);
    return known;
}

static enum res
store(struct load *l)
{
    char detail[HEX + 600];
    char hex[HEX];
    enum res res = insert(l->c, &l->list, l->source, NULL);

    print_hex(&l->list, hex);
    snprintf(detail, sizeof detail, "sha256 %s, %s", hex, l->source);
    if (res == RES_OK)
        res = ctl_audit(l->c, "calendar load", l->list.version, detail);
    if (res == RES_OK)
        res = ctl_exec(l->c, "select pg_notify('calendar', $1)", 1, (const char *[]){l->list.version}, NULL);
    return res;
}

/* ---- what would move -------------------------------------------------------------------------------------------- */

struct moves {
    int64_t open, moved,
        unknown; /* clocks: all that run or are late, of them those that move, and those without an end */
    int64_t by_tahap[TAHAPS];
};

/* What a clock was given, by the calendar in force, and when that is over by the new one. */
static void
weigh(const struct load *l, struct moves *m, const PGresult *r, int row)
{
    enum tahap t = tahap_of(str_of(PQgetvalue(r, row, 0)));
    int64_t start = ctl_time(r, row, 1);
    int64_t end = ctl_time(r, row, 2);
    struct calendar_term term;
    struct err e = {0};
    char one[32];
    int64_t due;

    snprintf(one, sizeof one, "1 %s", PQgetvalue(r, row, 3));
    m->open++;
    if (t == TAHAPS || !clock_term_parse(one, &term))
        return;
    term.n =
        calendar_used(l->in_force.cal, start, term.unit == CALENDAR_SECONDS ? end : end - 1, term.unit, &e);
    if (term.n < 0 || calendar_due(l->list.cal, start, term, &due, &e) != RES_OK) {
        m->unknown++;
    } else if (due != end) {
        m->moved++;
        m->by_tahap[t]++;
    }
}

static enum res
count_moves(struct load *l, struct moves *m)
{
    int n = 1;
    enum res res = ctl_exec(l->c,
                            "declare open_clocks cursor for select tahap, mulai, batas, satuan from clock"
                            " where berakhir is null",
                            0, NULL, NULL);

    while (res == RES_OK && n) {
        PGresult *r = ctl_query(l->c, "fetch 5000 from open_clocks", 0, NULL);

        n = r ? PQntuples(r) : 0;
        res = r ? RES_OK : l->c->e.res;
        for (int i = 0; i < n; i++)
            weigh(l, m, r, i);
        PQclear(r);
    }
    return res;
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

static json_t *
result(const struct load *l, const char *done)
{
    char hex[HEX];

    print_hex(&l->list, hex);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "result", done, "version", l->list.version, "sha256",
                     hex, "source", l->source, "before", l->in_force.version, "findings", l->found.all);
}

static int
tell_moves(const struct load *l, const struct moves *m)
{
    json_t *by = json_object();
    json_t *j;

    for (int t = 0; t < TAHAPS; t++)
        json_object_set_new(by, tahap_name((enum tahap)t), json_integer(m->by_tahap[t]));
    if (l->c->json) {
        j = result(l, "dry_run");
        json_object_set_new(j, "open", json_integer(m->open));
        json_object_set_new(j, "would_move", json_integer(m->moved));
        json_object_set_new(j, "unknown", json_integer(m->unknown));
        json_object_set(j, "by_tahap", by);
        ctl_print(j);
    } else {
        printf("%s would be in force after %s: %lld of %lld open clocks would move", l->list.version,
               l->in_force.version, (long long)m->moved, (long long)m->open);
        if (m->unknown)
            printf(", %lld could not be reckoned", (long long)m->unknown);
        puts("; nothing was changed");
    }
    json_decref(by);
    return APP_OK;
}

static int
tell(const struct load *l, const char *done)
{
    if (l->c->json)
        ctl_print(result(l, done));
    else if (strcmp(done, "loaded") == 0)
        printf("%s is in force now, after %s; open clocks follow\n", l->list.version, l->in_force.version);
    else if (strcmp(l->list.version, l->in_force.version) == 0)
        printf("%s is in force already, with these bytes\n", l->list.version);
    else
        printf("%s was loaded before, with these bytes; %s is in force. To go back to it, load it under "
               "another name\n",
               l->list.version, l->in_force.version);
    return APP_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int
preview(struct load *l)
{
    struct moves m = {0};

    return count_moves(l, &m) == RES_OK ? tell_moves(l, &m) : ctl_failed(l->c);
}

static int
store_and_tell(struct load *l)
{
    if (store(l) != RES_OK || ctl_exec(l->c, "commit", 0, NULL, NULL) != RES_OK)
        return ctl_failed(l->c);
    return tell(l, "loaded");
}

/* What was in force first may be these very bytes: it is kept all the same, so that the file may change. */
static int
already(struct load *l)
{
    if (ctl_exec(l->c, l->dry_run ? "rollback" : "commit", 0, NULL, NULL) != RES_OK)
        return ctl_failed(l->c);
    return tell(l, "same");
}

static int
decide(struct load *l)
{
    switch (look_up(l)) {
    case UNKNOWN:
        return l->dry_run ? preview(l) : store_and_tell(l);
    case SAME:
        return already(l);
    case OTHER:
        return ctl_fail(l->c, CTL_NO,
                        "version %s exists with other content: clocks name it. Give the file another name",
                        l->list.version);
    default:
        return ctl_failed(l->c);
    }
}

/* Nobody waits for who only asks. */
static enum res
prepare(struct load *l)
{
    enum res res = ctl_exec(l->c, "begin", 0, NULL, NULL);

    if (res == RES_OK && !l->dry_run)
        res = ctl_exec(l->c, "lock table calendar in exclusive mode", 0, NULL, NULL);
    return res == RES_OK && !l->dry_run ? keep_first(l) : res;
}

/* A clock that began in a year which the new list does not tell of could not be reckoned any more. */
static int
lost_years(const struct load *l)
{
    int years[CALENDAR_SPAN_MAX];
    size_t n = calendar_years(l->in_force.cal, years, CALENDAR_SPAN_MAX);
    int lost = 0;

    for (size_t i = 0; i < n; i++) {
        if (!ctl_list_lacks(l->list.cal, years[i]))
            continue;
        lost++;
        if (!l->c->json)
            printf("wrong: %s has days of %d, this list has none\n", l->in_force.version, years[i]);
    }
    return lost;
}

static int
check_list(struct load *l)
{
    int code = ctl_list_in_force(l->c, &l->in_force);

    if (code != APP_OK)
        return code;
    l->found = (struct ctl_findings){.c = l->c, .in_force = l->in_force.cal};
    ctl_list_check(&l->list, &l->found);
    l->found.bad += lost_years(l);
    if (!l->found.bad)
        return APP_OK;
    if (l->c->json)
        ctl_print(result(l, "refused"));
    return ctl_fail(l->c, CTL_NO, "%s is not loaded: %d of its flaws must be mended first", l->list.version,
                    l->found.bad);
}

static int
run(struct load *l, const char *path)
{
    int code = ctl_list_file(l->c, path, &l->list);

    if (code == APP_OK && ctl_db(l->c) != RES_OK)
        code = ctl_failed(l->c);
    if (code == APP_OK)
        code = check_list(l);
    if (code != APP_OK)
        return code;
    return prepare(l) == RES_OK ? decide(l) : ctl_failed(l->c);
}

int
ctl_calendar_load(struct ctl *c, int argc, char **argv)
{
    const char *path;
    struct load l = {.c = c};
    const struct ctl_opt opts[] = {{"source", &l.source, NULL}, {"dry-run", NULL, &l.dry_run}, {0}};
    const char *slash;
    int code;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&path, 1, 1}) ||
        (l.source && !ctl_reason(c, "--source", l.source)))
        return APP_USAGE;
    slash = strrchr(path, '/');
    if (!l.source)
        l.source = slash ? slash + 1 : path;
    code = run(&l, path);
    json_decref(l.found.all);
    ctl_list_free(&l.list);
    ctl_list_free(&l.in_force);
    return code;
}
