/* calls: the limit of calling: the HTTP engine with nothing behind it. */
#include <stdio.h>

#include "common/http/client.h"
#include "tests/bench/bench.h"
#include "tests/bench/form.h"

struct calling {
    const struct bench *b;
    struct loop *loop;
    struct client *client;
    char url[512];
    int64_t begun, ended, good, bytes; /* of bodies */
    enum res res;
    struct err *e;
};

static void
put_body(const struct form *f, struct buf *out)
{
    buf_printf(
        out,
        "{\"nomor_permohonan\":\"%s\",\"revisi\":1,\"kode_wilayah\":\"21.71\",\"kode_opd\":\"%s\",\"nama_"
        "opd\":"
        "\"%s\",\"sistem\":{\"nama\":\"Sistem "
        "%lld\",\"url\":\"https://app%lld.batam.go.id\",\"basis\":[\"web\","
        "\"mobile\"],\"sasaran\":\"layanan_publik\",\"kategori_se\":\"rendah\",\"klasifikasi_data\":"
        "\"terbuka\"},\"integrasi\":{\"metode\":[\"api\"],\"url_api\":\"https://app%lld.batam.go.id/api\","
        "\"autentikasi\":\"oauth2_client_credentials\"},\"kontak_teknis\":{\"surel\":"
        "\"teknis@batam.go.id\"},\"url_callback\":\"http://127.0.0.1:9480/v1/callbacks/bedelau\"}",
        f->nomor, f->kode_opd, f->nama_opd, (long long)f->number, (long long)f->number, (long long)f->number);
}

static void begin(struct calling *c);

static void
answered(void *arg, const struct client_answer *a)
{
    struct calling *c = arg;

    c->ended++;
    c->good += a->fate == CLIENT_ANSWERED && a->code == 201;
    if (c->begun < c->b->n)
        begin(c);
    else if (c->ended == c->begun)
        loop_stop(c->loop);
}

static void
begin(struct calling *c)
{
    struct form f = form_make(c->b->seed, c->begun, false);
    struct buf body = buf_make(1 << 16);
    char key[96];
    const char *headers[] = {key, "Content-Type: application/json", NULL};
    struct client_call call = {.method = "POST", .url = c->url, .headers = headers, .fn = answered, .arg = c};

    snprintf(key, sizeof key, "Idempotency-Key: %s:1:1", f.nomor);
    put_body(&f, &body);
    call.body = buf_view(&body);
    c->begun++;
    c->bytes += (int64_t)body.n;
    if (client_start(c->client, &call, c->e) != RES_OK) {
        c->res = c->e->res;
        loop_stop(c->loop);
    }
    buf_free(&body);
}

enum res
calls_run(const struct bench *b, struct buf *out, struct err *e)
{
    struct calling c = {.b = b, .e = e};
    struct client_opts o = {.in_flight = (unsigned)b->in_flight, .user_agent = "bench"};
    struct bench_lap lap = bench_begin();

    snprintf(c.url, sizeof c.url, "%s/api/v1/integrasi", b->url);
    c.res = loop_new(&c.loop, e);
    if (c.res == RES_OK)
        c.res = client_new(c.loop, &o, &c.client, e);
    for (int64_t i = 0; c.res == RES_OK && i < b->in_flight && c.begun < b->n; i++)
        begin(&c);
    if (c.res == RES_OK)
        loop_run(c.loop);
    if (c.res == RES_OK && c.good != b->n)
        c.res = err_set(e, RES_RETRY, "%lld of %lld calls were answered with 201", (long long)c.good,
                        (long long)b->n);
    lap = bench_end(&lap);
    buf_printf(out, "{\"calls\":%lld,\"body_bytes\":%lld,\"wall_s\":%.6f,\"cpu_s\":%.6f}", (long long)c.good,
               (long long)(c.bytes / b->n), (double)lap.wall_us / 1e6, (double)lap.cpu_us / 1e6);
    client_free(c.client);
    loop_free(c.loop);
    return c.res;
}
