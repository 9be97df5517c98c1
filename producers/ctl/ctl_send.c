/* submit, register, withdraw, review: facts go in through the gateway, as everybody's do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/caltime.h"
#include "common/base/id.h"
#include "common/json/scan.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/names.h"

#define CE_JSON "application/cloudevents+json"

/* Ids of what this command says: version 5 in this namespace, so that a repeat has the same. */
static const unsigned char ns_ctl[16] = {0x5b, 0x1c, 0x6e, 0x0e, 0x9d, 0x21, 0x4c, 0x3f,
                                         0x8a, 0x55, 0x2f, 0x70, 0x36, 0xd4, 0x91, 0xc7};

struct fact {
    enum fact_type type;
    const char *nomor, *opd, *time; /* time may be NULL: now */
    json_t *data;                   /* not owned */
};

/* Calls and prints the number that the answer names, else `nomor`. */
static int
send_call(struct ctl *c, const struct ctl_call *call, const char *nomor)
{
    json_t *answer = NULL;
    const char *named;
    int code = ctl_http(c, call, &answer);

    if (code == APP_OK) {
        named = json_string_value(json_object_get(answer, "nomor_permohonan"));
        if (c->json)
            ctl_print(answer ? json_incref(answer) : json_object());
        else
            puts(named ? named : nomor ? nomor : "ok");
    }
    json_decref(answer);
    return code;
}

/* ---- an event of our own making --------------------------------------------------------------------------------- */

static json_t *
event(const struct fact *f)
{
    char now[CALTIME_TEXT];
    char id[ID_TEXT];
    char *data = json_dumps(f->data, JSON_COMPACT | JSON_SORT_KEYS);
    struct str parts[] = {str_of(fact_type_name(f->type)), str_of(f->nomor), str_of(f->time), str_of(data)};
    json_t *j;

    if (!data)
        return NULL;
    id_derive(ns_ctl, parts, 4, id);
    free(data);
    caltime_format(caltime_now(), now);
    j = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:O}", "specversion", "1.0", "id", id, "source",
                  json_sprintf("/opd/%s", f->opd), "type", fact_type_name(f->type), "subject", f->nomor,
                  "time", f->time ? f->time : now, "datacontenttype", "application/json", "data", f->data);
    return j;
}

static int
send_event(struct ctl *c, struct ctl_call call, const struct fact *f)
{
    json_t *ev = event(f);
    char *body = ev ? json_dumps(ev, JSON_COMPACT) : NULL;
    int code = APP_BUG;

    if (body) {
        call.method = "POST";
        call.path = "/v1/events";
        call.content_type = CE_JSON;
        call.body = str_of(body);
        code = send_call(c, &call, f->nomor);
    } else {
        ctl_fail(c, code, "the event cannot be built");
    }
    free(body);
    json_decref(ev);
    return code;
}

static json_t *
parse(struct ctl *c, const char *path, const char *text, size_t n)
{
    json_error_t je;
    json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);

    if (!j)
        ctl_fail(c, CTL_NO, "%s line %d: %s", path, je.line, je.text);
    else if (!json_is_object(j))
        ctl_fail(c, CTL_NO, "%s is no JSON object", path);
    if (json_is_object(j))
        return j;
    json_decref(j);
    return NULL;
}

static bool
check_nomor(struct ctl *c, const char *nomor)
{
    if (nomor_ok(str_of(nomor)))
        return true;
    ctl_fail(c, APP_USAGE, "not a nomor_permohonan: %s", nomor);
    return false;
}

static bool
check_time(struct ctl *c, const char *time)
{
    int64_t t_us;

    if (!time || caltime_parse(str_of(time), &t_us))
        return true;
    ctl_fail(c, APP_USAGE, "--time must be RFC 3339 with a zone, such as 2026-11-25T08:00:00+07:00, not %s",
             time);
    return false;
}

/* ---- submit ----------------------------------------------------------------------------------------------------- */

/* The bytes go out as they are; only whether they are one object, and which kind, is looked at. */
static int
send_text(struct ctl *c, struct ctl_call call, const char *path)
{
    char key[CTL_WORDS_KEY];
    struct err e = {0};
    bool is_event;

    if (scan_document(call.body, &e) != RES_OK)
        return ctl_fail(c, CTL_NO, "%s: %s", path, e.text);
    if (scan_kind(call.body) != SCAN_OBJECT)
        return ctl_fail(c, CTL_NO, "%s is no JSON object", path);
    is_event = scan_get(call.body, "specversion").n != 0;
    ctl_words_key(call.body, key);
    call.key = is_event ? NULL : call.key ? call.key : key;
    call.method = "POST";
    call.path = is_event ? "/v1/events" : "/v1/requests";
    call.content_type = is_event ? CE_JSON : "application/json";
    return send_call(c, &call, NULL);
}

int
ctl_submit(struct ctl *c, int argc, char **argv)
{
    struct ctl_call call = {0};
    const char *path;
    const struct ctl_opt opts[] = {
        {"key", &call.key, NULL}, {"gateway", &call.gateway, NULL}, {"token", &call.token, NULL}, {0}};
    char *text;
    int code = CTL_NO;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&path, 1, 1}))
        return APP_USAGE;
    text = ctl_read(c, path, &call.body.n);
    call.body.p = text;
    if (text)
        code = send_text(c, call, path);
    free(text);
    return code;
}

/* ---- register --------------------------------------------------------------------------------------------------- */

/* `j` is a whole event: options override what it says. */
static int
register_event(struct ctl *c, struct ctl_call call, json_t *j, const char *nomor, const char *time)
{
    struct fact f = {.type = FACT_REGISTERED, .data = json_object_get(j, "data")};
    const char *type = json_string_value(json_object_get(j, "type"));
    char *body;
    int code;

    if (!type || strcmp(type, fact_type_name(f.type)) != 0)
        return ctl_fail(c, CTL_NO, "the event is no %s", fact_type_name(f.type));
    if (nomor)
        json_object_set_new(j, "subject", json_string(nomor));
    if (time)
        json_object_set_new(j, "time", json_string(time));
    body = json_dumps(j, JSON_COMPACT);
    if (!body)
        return ctl_fail(c, APP_BUG, "out of memory");
    call.method = "POST";
    call.path = "/v1/events";
    call.content_type = CE_JSON;
    call.body = str_of(body);
    code = send_call(c, &call, json_string_value(json_object_get(j, "subject")));
    free(body);
    return code;
}

static int
register_data(struct ctl *c, struct ctl_call call, json_t *j, const char *nomor, const char *time)
{
    struct fact f = {FACT_REGISTERED, nomor, json_string_value(json_object_get(j, "kode_opd")), time, j};

    if (!nomor)
        return ctl_fail(c, APP_USAGE, "--nomor is needed: the file holds only the data of the event");
    if (!f.opd)
        return ctl_fail(c, CTL_NO, "the file has no kode_opd");
    return send_event(c, call, &f);
}

int
ctl_register(struct ctl *c, int argc, char **argv)
{
    struct ctl_call call = {0};
    const char *path;
    const char *nomor = NULL;
    const char *time = NULL;
    const struct ctl_opt opts[] = {{"nomor", &nomor, NULL},
                                   {"time", &time, NULL},
                                   {"gateway", &call.gateway, NULL},
                                   {"token", &call.token, NULL},
                                   {0}};
    char *text;
    json_t *j;
    size_t n;
    int code = CTL_NO;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&path, 1, 1}) || !check_time(c, time) ||
        (nomor && !check_nomor(c, nomor)))
        return APP_USAGE;
    text = ctl_read(c, path, &n);
    j = text ? parse(c, path, text, n) : NULL;
    if (j && json_object_get(j, "specversion"))
        code = register_event(c, call, j, nomor, time);
    else if (j)
        code = register_data(c, call, j, nomor, time);
    json_decref(j);
    free(text);
    return code;
}

/* ---- withdraw, review ------------------------------------------------------------------------------------------- */

/* The request's row as the gateway shows it. */
static int
fetch(struct ctl *c, struct ctl_call call, const char *nomor, json_t **row)
{
    char path[128];
    int code;

    snprintf(path, sizeof path, "/v1/requests/%s", nomor);
    call.method = "GET";
    call.path = path;
    code = ctl_http(c, &call, row);
    if (code == APP_OK && !json_is_object(*row))
        code = ctl_fail(c, APP_BUG, "the gateway's answer is no JSON object");
    return code;
}

int
ctl_withdraw(struct ctl *c, int argc, char **argv)
{
    struct ctl_call call = {0};
    struct fact f = {.type = FACT_WITHDRAWN};
    const char *alasan = NULL;
    const struct ctl_opt opts[] = {{"alasan", &alasan, NULL},
                                   {"opd", &f.opd, NULL},
                                   {"gateway", &call.gateway, NULL},
                                   {"token", &call.token, NULL},
                                   {0}};
    json_t *row = NULL;
    int code = APP_OK;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&f.nomor, 1, 1}) || !check_nomor(c, f.nomor))
        return APP_USAGE;
    if (!alasan || !*alasan)
        return ctl_fail(c, APP_USAGE, "--alasan TEXT is needed");
    if (!f.opd) {
        code = fetch(c, call, f.nomor, &row);
        f.opd = json_string_value(json_object_get(row, "kode_opd"));
    }
    if (code == APP_OK && !f.opd)
        code = ctl_fail(c, CTL_NO, "whose request it is, is not known yet; say --opd KODE");
    f.data = code == APP_OK ? json_pack("{s:s}", "alasan", alasan) : NULL;
    if (f.data)
        code = send_event(c, call, &f);
    else if (code == APP_OK)
        code = ctl_fail(c, APP_USAGE, "--alasan must be UTF-8 text");
    json_decref(f.data);
    json_decref(row);
    return code;
}

struct review {
    const char *nomor, *keputusan, *catatan, *revisi, *putaran;
};

/* What was judged: as told, else as the gateway shows it. Either both numbers are told or none. */
static int
find_round(struct ctl *c, const struct ctl_call *call, const struct review *rv, int64_t n[2])
{
    json_t *row = NULL;
    const char *status;
    int code;

    if (!rv->revisi != !rv->putaran)
        return ctl_fail(c, APP_USAGE, "--revisi and --putaran go together");
    if (rv->revisi)
        return ctl_number(c, "--revisi", rv->revisi, 1, INT32_MAX, &n[0]) &&
                       ctl_number(c, "--putaran", rv->putaran, 1, INT32_MAX, &n[1])
                   ? APP_OK
                   : APP_USAGE;
    code = fetch(c, *call, rv->nomor, &row);
    n[0] = json_integer_value(json_object_get(row, "revisi"));
    n[1] = json_integer_value(json_object_get(row, "putaran"));
    status = json_string_value(json_object_get(row, "status"));
    if (status && strcmp(status, "gagal_integrasi") == 0)
        n[1]++; /* what failed is judged anew */
    if (code == APP_OK && (n[0] < 1 || n[1] < 1))
        code = ctl_fail(c, CTL_NO, "%s waits for no decision", rv->nomor);
    json_decref(row);
    return code;
}

static int
send_review(struct ctl *c, struct ctl_call call, const struct review *rv)
{
    char path[128];
    char *body = NULL;
    json_t *j = NULL;
    int64_t n[2] = {0, 0};
    int code = find_round(c, &call, rv, n);

    if (code != APP_OK)
        return code;
    j = json_pack("{s:I, s:I, s:s, s:o}", "revisi", (json_int_t)n[0], "putaran", (json_int_t)n[1],
                  "keputusan", rv->keputusan, "catatan",
                  rv->catatan ? json_pack("[s]", rv->catatan) : json_array());
    body = j ? json_dumps(j, JSON_COMPACT) : NULL;
    snprintf(path, sizeof path, "/v1/requests/%s/review", rv->nomor);
    call.method = "POST";
    call.path = path;
    call.content_type = "application/json";
    call.body = str_of(body);
    code = body ? send_call(c, &call, rv->nomor) : ctl_fail(c, APP_USAGE, "--catatan must be UTF-8 text");
    free(body);
    json_decref(j);
    return code;
}

int
ctl_review(struct ctl *c, int argc, char **argv)
{
    static const char *const words[][2] = {
        {"terima", "diterima"}, {"kembalikan", "dikembalikan"}, {"tolak", "ditolak"}};
    struct ctl_call call = {.officer = true};
    struct review rv = {0};
    const char *word[2] = {NULL};
    const struct ctl_opt opts[] = {{"catatan", &rv.catatan, NULL}, {"revisi", &rv.revisi, NULL},
                                   {"putaran", &rv.putaran, NULL}, {"gateway", &call.gateway, NULL},
                                   {"token", &call.token, NULL},   {0}};

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){word, 2, 2}) || !check_nomor(c, word[0]))
        return APP_USAGE;
    rv.nomor = word[0];
    for (int i = 0; i < 3; i++)
        if (strcmp(word[1], words[i][0]) == 0)
            rv.keputusan = words[i][1];
    if (!rv.keputusan)
        return ctl_fail(c, APP_USAGE, "the decision is terima, kembalikan or tolak, not %s", word[1]);
    if (!rv.catatan && strcmp(rv.keputusan, "diterima") != 0)
        return ctl_fail(c, APP_USAGE, "--catatan TEXT is needed: the applicant must be told why");
    return send_review(c, call, &rv);
}
