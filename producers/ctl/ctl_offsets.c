/* offsets show|set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producers/ctl/ctl.h"

static int
show(struct ctl *c, int argc, char **argv)
{
    const char *group = NULL;
    const struct ctl_opt opts[] = {{"group", &group, NULL}, {0}};
    const char *args[1];

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}))
        return APP_USAGE;
    args[0] = group;
    return ctl_show(c,
                    "select consumer_group, topic, partition, next_offset, generation,"
                    " to_timestamp(last_timestamp / 1000.0) as last_record, updated_at from consumer_offset"
                    " where $1::text is null or consumer_group = $1 order by 1, 2, 3",
                    1, args);
}

/* The next record to read as text; NULL is the beginning. Exit code. */
static int
find_offset(struct ctl *c, const char *const *words, char out[24], const char **ret)
{
    int64_t lo = 0;
    int64_t hi = 0;
    int64_t n = -1;
    int64_t partition;
    rd_kafka_resp_err_t err;

    *ret = out;
    if (!ctl_number(c, "PARTITION", words[2], 0, INT32_MAX, &partition))
        return APP_USAGE;
    if (strcmp(words[3], "beginning") == 0) {
        *ret = NULL;
        return APP_OK;
    }
    if (strcmp(words[3], "end") != 0 && !ctl_number(c, "OFFSET", words[3], 0, INT64_MAX, &n))
        return APP_USAGE;
    if (ctl_kafka(c) != RES_OK)
        return ctl_failed(c);
    err = rd_kafka_query_watermark_offsets(admin_client(c->admin), words[1], (int32_t)partition, &lo, &hi,
                                           CTL_KAFKA_MS);
    if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return ctl_fail(c, CTL_NO, "there is no %s partition %s", words[1], words[2]);
    if (err)
        return ctl_fail(c, APP_UNAVAILABLE, "Kafka: %s", rd_kafka_err2str(err));
    if (n >= 0 && (n < lo || n > hi))
        return ctl_fail(c, CTL_NO, "%s partition %s holds offsets %lld to %lld", words[1], words[2],
                        (long long)lo, (long long)hi);
    snprintf(out, 24, "%lld", (long long)(n >= 0 ? n : hi));
    return APP_OK;
}

/* A higher generation: whoever reads the partition now can commit nothing more; it is told, and takes it anew. */
static enum res
store(struct ctl *c, const char *const *words, const char *offset)
{
    const char *args[] = {words[0], words[1], words[2], offset};
    char subject[512];
    enum res res = ctl_exec(c, "begin", 0, NULL, NULL);

    if (res == RES_OK)
        res = ctl_exec(
            c,
            "insert into consumer_offset as o (consumer_group, topic, partition, next_offset, generation)"
            " values ($1, $2, $3::int, $4::bigint, 1) on conflict (consumer_group, topic, partition) do"
            " update set next_offset = excluded.next_offset, generation = o.generation + 1,"
            " last_timestamp = null, last_hash = null, updated_at = now()",
            4, args, NULL);
    snprintf(subject, sizeof subject, "%s %s %s", words[0], words[1], words[2]);
    if (res == RES_OK)
        res = ctl_audit(c, "offsets set", subject, offset ? offset : "beginning");
    if (res == RES_OK)
        res = ctl_exec(c, "select pg_notify('offsets', $1)", 1, args, NULL);
    return res == RES_OK ? ctl_exec(c, "commit", 0, NULL, NULL) : res;
}

static int
set(struct ctl *c, int argc, char **argv)
{
    const char *words[4] = {NULL};
    const char *offset;
    char text[24];
    int code;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){words, 4, 4}))
        return APP_USAGE;
    code = find_offset(c, words, text, &offset);
    if (code != APP_OK)
        return code;
    if (ctl_db(c) != RES_OK || store(c, words, offset) != RES_OK)
        return ctl_failed(c);
    if (c->json)
        ctl_print(json_pack("{s:s, s:s, s:i, s:o}", "consumer_group", words[0], "topic", words[1],
                            "partition", (int)strtol(words[2], NULL, 10), "next_offset",
                            offset ? json_integer(strtoll(offset, NULL, 10)) : json_null()));
    else
        printf("%s reads %s partition %s from %s on\n", words[0], words[1], words[2],
               offset ? offset : "the beginning");
    return APP_OK;
}

int
ctl_offsets(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {{"show", "", "", "", show}, {"set", "", "", "", set}, {0}};

    return ctl_sub(c, cmds, argc, argv);
}
