/* dlq list|show|replay: records that could not be used. The table says what is known of each; key, bytes and headers are
 * read where the record came from, whole even where its dead letter had to be cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/caltime.h"
#include "common/base/hash.h"
#include "producers/ctl/ctl.h"

enum { IDS_MAX = 100, HEADERS_MAX = 64 };

#define REPLAY_HEADER "bedelau-replay"

static int
list(struct ctl *c, int argc, char **argv)
{
    const char *worker = NULL;
    const char *limit = "50";
    const struct ctl_opt opts[] = {{"worker", &worker, NULL}, {"limit", &limit, NULL}, {0}};
    const char *args[2];
    int64_t n;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}) ||
        !ctl_number(c, "--limit", limit, 1, 1000000, &n))
        return APP_USAGE;
    args[0] = worker;
    args[1] = limit;
    return ctl_show(c,
                    "select id, failed_at, worker, code, topic, partition, kafka_offset, replayed_at, reason"
                    " from dead_letter where $1::text is null or worker = $1"
                    " order by failed_at desc, topic, partition, kafka_offset limit $2::bigint",
                    2, args);
}

/* ---- one of them ------------------------------------------------------------------------------------------------ */

enum column { ID, WORKER, CODE, REASON, TOPIC, PARTITION, OFFSET, FAILED_AT, REPLAYED_AT };

#define ROW_SQL                                                                                              \
    "select id, worker, code, reason, topic, partition, kafka_offset, failed_at, replayed_at from "          \
    "dead_letter"                                                                                            \
    " where id = $1::bigint"

static bool
id_ok(struct ctl *c, const char *id)
{
    int64_t n;

    return ctl_number(c, "ID", id, 1, INT64_MAX, &n);
}

static enum res
record_of(struct ctl *c, const PGresult *row, rd_kafka_message_t **ret)
{
    struct ctl_place at = {.topic = PQgetvalue(row, 0, TOPIC),
                           .partition = (int32_t)strtol(PQgetvalue(row, 0, PARTITION), NULL, 10),
                           .offset = strtoll(PQgetvalue(row, 0, OFFSET), NULL, 10),
                           .before_us = ctl_time(row, 0, FAILED_AT)};

    return ctl_record(c, &at, ret);
}

/* ---- show ------------------------------------------------------------------------------------------------------- */

/* Text where it is UTF-8, else {"base64": ..}; null for none. */
static json_t *
bytes(const void *p, size_t n)
{
    json_t *j = p ? json_stringn(p, n) : json_null();
    struct buf b = buf_make(8 << 20);

    if (!j) {
        hash_base64(&b, (struct str){p, n});
        j = json_pack("{s:s}", "base64", b.p ? b.p : "");
    }
    buf_free(&b);
    return j;
}

static json_t *
headers_of(const rd_kafka_message_t *rkm)
{
    json_t *all = json_array();
    rd_kafka_headers_t *h;
    const char *name;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(rkm, &h) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return all;
    for (size_t i = 0; rd_kafka_header_get_all(h, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        json_array_append_new(
            all, json_pack("{s:o, s:o}", "name", bytes(name, strlen(name)), "value", bytes(value, size)));
    return all;
}

static json_t *
describe(const PGresult *row, const rd_kafka_message_t *rkm, bool payload)
{
    json_t *j = ctl_object(row, 0);

    json_object_set_new(j, "held", json_boolean(rkm != NULL));
    if (!rkm)
        return j;
    json_object_set_new(j, "size", json_integer((json_int_t)rkm->len));
    json_object_set_new(j, "key", bytes(rkm->key, rkm->key_len));
    json_object_set_new(j, "headers", headers_of(rkm));
    if (payload)
        json_object_set_new(j, "payload", bytes(rkm->payload, rkm->len));
    return j;
}

/* What a person reads: texts as they are (on one line), the rest as JSON. */
static void
print_value(const char *name, const json_t *v)
{
    char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY);

    printf("%-13s ", name);
    for (const char *p = text ? text : json_string_value(v); p && *p; p++)
        putchar((unsigned char)*p < ' ' ? ' ' : *p);
    putchar('\n');
    free(text);
}

static void
print_text(const json_t *j, const rd_kafka_message_t *rkm, bool payload)
{
    const char *name;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)j, name, v) {
        if (strcmp(name, "payload") != 0)
            print_value(name, v);
    }
    if (!rkm)
        puts("the record itself is no longer in its topic");
    else if (payload) {
        putchar('\n');
        fwrite(rkm->payload, 1, rkm->len, stdout);
        putchar('\n');
    }
}

static int
show_found(struct ctl *c, const PGresult *row, bool payload)
{
    rd_kafka_message_t *rkm = NULL;
    json_t *j;
    int code;

    if (record_of(c, row, &rkm) != RES_OK)
        return ctl_failed(c);
    /* key and headers are anything that a sender may have written */
    code =
        rkm ? ctl_note_read(c, payload ? "dlq show --payload" : "dlq show", PQgetvalue(row, 0, ID)) : APP_OK;
    if (code != APP_OK) {
        rd_kafka_message_destroy(rkm);
        return code;
    }
    j = describe(row, rkm, payload);
    if (c->json)
        ctl_print(json_incref(j));
    else
        print_text(j, rkm, payload);
    json_decref(j);
    if (rkm)
        rd_kafka_message_destroy(rkm);
    return APP_OK;
}

static int
show(struct ctl *c, int argc, char **argv)
{
    bool payload = false;
    const char *id;
    const struct ctl_opt opts[] = {{"payload", NULL, &payload}, {0}};
    PGresult *row;
    int code;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&id, 1, 1}) || !id_ok(c, id))
        return APP_USAGE;
    row = ctl_db(c) == RES_OK ? ctl_query(c, ROW_SQL, 1, &id) : NULL;
    if (!row)
        return ctl_failed(c);
    code = PQntuples(row) ? show_found(c, row, payload) : ctl_fail(c, CTL_NO, "no dead letter %s", id);
    PQclear(row);
    return code;
}

/* ---- replay ----------------------------------------------------------------------------------------------------- */

struct replay {
    struct ctl *c;
    bool again;
    json_t *told;
    int refused;
};

/* The record's headers, but for a replay's; returns how many, or -1 where one is a replay's and that was not asked for. */
static int
copy_headers(const rd_kafka_message_t *rkm, struct producer_header *to, bool again)
{
    rd_kafka_headers_t *h;
    const void *value;
    size_t size;
    int n = 0;

    if (rd_kafka_message_headers(rkm, &h) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    for (size_t i = 0; n < HEADERS_MAX && rd_kafka_header_get_all(h, i, &to[n].name, &value, &size) ==
                                              RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        to[n].value = (struct str){value, size};
        if (strcmp(to[n].name, REPLAY_HEADER) != 0)
            n++;
        else if (!again)
            return -1;
    }
    return n;
}

/* Publishes; *why (static text) is set where it must not be. */
static enum res
publish(struct replay *rp, const PGresult *row, const char **why)
{
    struct producer_header h[HEADERS_MAX + 1];
    struct producer_record r = {.topic = PQgetvalue(row, 0, TOPIC), .headers = h};
    rd_kafka_message_t *rkm = NULL;
    enum res res = record_of(rp->c, row, &rkm);
    int n = rkm ? copy_headers(rkm, h, rp->again) : 0;

    if (res == RES_OK && !rkm)
        *why = "the record is no longer in its topic";
    else if (n < 0)
        *why = "it is a replay itself and failed again; --again if you mean it";
    else if (n == HEADERS_MAX)
        *why = "it has too many headers";
    if (res == RES_OK && !*why) {
        h[n] = (struct producer_header){REPLAY_HEADER, str_of(PQgetvalue(row, 0, ID))};
        r.nheaders = (unsigned)n + 1;
        r.key = (struct str){rkm->key, rkm->key_len};
        r.value = (struct str){rkm->payload, rkm->len};
        res = ctl_publish(rp->c, &r);
    }
    if (rkm)
        rd_kafka_message_destroy(rkm);
    return res;
}

static void
tell(struct replay *rp, const char *id, const PGresult *row, const char *why)
{
    rp->refused += why != NULL;
    json_array_append_new(rp->told,
                          json_pack("{s:I, s:s?, s:b, s:s?}", "id", (json_int_t)strtoll(id, NULL, 10),
                                    "topic", PQntuples(row) ? PQgetvalue(row, 0, TOPIC) : NULL, "replayed",
                                    why == NULL, "why", why));
    if (rp->c->json)
        return;
    if (why)
        ctl_fail(rp->c, CTL_NO, "%s: %s", id, why);
    else
        printf("%s is published again to %s\n", id, PQgetvalue(row, 0, TOPIC));
}

/* The row is marked in the transaction that waits for Kafka's delivery report: should this process end between the two,
 * the record may be published twice, which its (source, id) tells; it is never marked and not published. */
static enum res
replay_row(struct replay *rp, const char *id, const PGresult *row)
{
    const char *why = NULL;
    char detail[320];
    enum res res = RES_OK;

    if (!PQntuples(row))
        why = "no such dead letter";
    else if (!PQgetisnull(row, 0, REPLAYED_AT) && !rp->again)
        why = "was replayed before; --again if you mean it";
    else
        res = publish(rp, row, &why);
    if (res == RES_OK && !why) {
        snprintf(detail, sizeof detail, "%s %s %s", PQgetvalue(row, 0, TOPIC), PQgetvalue(row, 0, PARTITION),
                 PQgetvalue(row, 0, OFFSET));
        res = ctl_exec(rp->c, "update dead_letter set replayed_at = clock_timestamp() where id = $1::bigint",
                       1, &id, NULL);
        if (res == RES_OK)
            res = ctl_audit(rp->c, "dlq replay", id, detail);
    }
    if (res == RES_OK)
        res = ctl_exec(rp->c, "commit", 0, NULL, NULL);
    if (res == RES_OK)
        tell(rp, id, row, why);
    return res;
}

static enum res
replay_one(struct replay *rp, const char *id)
{
    enum res res = ctl_exec(rp->c, "begin", 0, NULL, NULL);
    PGresult *row = res == RES_OK ? ctl_query(rp->c, ROW_SQL " for update", 1, &id) : NULL;

    if (row)
        res = replay_row(rp, id, row);
    else
        res = rp->c->e.res;
    PQclear(row);
    return res;
}

/* All of a code, in the order in which they were set aside. */
static enum res
replay_code(struct replay *rp, const char *code)
{
    const char *args[] = {code, rp->again ? "true" : "false"};
    PGresult *ids = ctl_query(rp->c,
                              "select id from dead_letter where code = $1 and (replayed_at is null or"
                              " $2::boolean) order by id",
                              2, args);
    enum res res = ids ? RES_OK : rp->c->e.res;

    for (int i = 0; res == RES_OK && i < PQntuples(ids); i++)
        res = replay_one(rp, PQgetvalue(ids, i, 0));
    PQclear(ids);
    return res;
}

static int
replay_all(struct replay *rp, const char *const *ids, const char *code)
{
    enum res res = ctl_db(rp->c);

    if (res == RES_OK && code)
        res = replay_code(rp, code);
    for (int i = 0; res == RES_OK && !code && i < IDS_MAX && ids[i]; i++)
        res = replay_one(rp, ids[i]);
    if (rp->c->json)
        ctl_print(json_incref(rp->told));
    else if (res == RES_OK && !json_array_size(rp->told))
        printf("nothing to replay with code %s\n", code);
    if (res != RES_OK)
        return ctl_failed(rp->c);
    return rp->refused ? CTL_NO : APP_OK;
}

static int
replay(struct ctl *c, int argc, char **argv)
{
    const char *ids[IDS_MAX] = {NULL};
    const char *code = NULL;
    struct replay rp = {.c = c};
    const struct ctl_opt opts[] = {{"code", &code, NULL}, {"again", NULL, &rp.again}, {0}};
    int ret;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){ids, 0, IDS_MAX}))
        return APP_USAGE;
    if (!ids[0] == !code)
        return ctl_fail(c, APP_USAGE, "name dead letters by their ID, or say --code CODE");
    for (int i = 0; i < IDS_MAX && ids[i]; i++)
        if (!id_ok(c, ids[i]))
            return APP_USAGE;
    rp.told = json_array();
    ret = replay_all(&rp, ids, code);
    json_decref(rp.told);
    return ret;
}

int
ctl_dlq(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {
        {"list", "", "", "", list}, {"show", "", "", "", show}, {"replay", "", "", "", replay}, {0}};

    return ctl_sub(c, cmds, argc, argv);
}
