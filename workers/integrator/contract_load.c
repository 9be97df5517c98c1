#include <stdlib.h>
#include <string.h>

#include "common/json/scan.h"
#include "workers/integrator/contract_priv.h"

/* Where the reader is; everything wrong is told with its place. */
struct at {
    const char *file;
    char place[160];
    struct err *e;
};

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
static const char *const calls[CALLS] = {"baru", "perubahan", "pencabutan", "tanya", "pantau", "batal"};
static const char *const placeholders[] = {"{id}", "{nomor}", "{kunci}", "{jejak}", "{batas}", NULL};
static const char *const states[] = {"diterima",      "diproses", "menunggu_perbaikan", "aktif", "gagal",
                                     "dinonaktifkan", NULL};
static const char *const meanings[] = {
    [ARTI_ULANG] = "ulang",         [ARTI_BERHASIL] = "berhasil",      [ARTI_TERDAFTAR] = "terdaftar",
    [ARTI_DITOLAK] = "ditolak",     [ARTI_BENTROK] = "bentrok",        [ARTI_KREDENSIAL] = "kredensial",
    [ARTI_TIDAK_ADA] = "tidak_ada", [ARTI_TIDAK_JELAS] = "tidak_jelas"};

int
contract_arti_of(const char *word)
{
    for (unsigned i = 0; word && i < sizeof meanings / sizeof meanings[0]; i++)
        if (strcmp(meanings[i], word) == 0)
            return (int)i;
    return -1;
}

static enum res
wrong(const struct at *at, const char *what)
{
    return err_set(at->e, RES_FATAL, "%s: %s: %s", at->file, at->place[0] ? at->place : "/", what);
}

static struct at
below(const struct at *at, const char *name)
{
    struct at kid = *at;
    size_t n = strlen(kid.place);

    snprintf(kid.place + n, sizeof kid.place - n, "/%.40s", name);
    return kid;
}

static bool
one_of(const char *z, const char *const *list)
{
    for (; z && *list; list++)
        if (strcmp(z, *list) == 0)
            return true;
    return false;
}

/* Objects hold only names that are known. */
static enum res
known(const struct at *at, json_t *o, const char *const *names)
{
    const char *key;
    json_t *v;

    if (!json_is_object(o))
        return wrong(at, "an object is needed");
    json_object_foreach (o, key, v) {
        struct at kid = below(at, key);

        if (!one_of(key, names))
            return wrong(&kid, "no such member");
    }
    return RES_OK;
}

/* ---- leaves ----------------------------------------------------------------------------------------------------- */

static enum res
read_pointer(const struct at *at, json_t *o, const char *name, const char **ret)
{
    struct at kid = below(at, name);
    struct buf token = buf_make(256);
    json_t *v = json_object_get(o, name);
    struct str left = str_of(json_string_value(v));

    if (!v)
        return RES_OK; /* the default stands */
    *ret = json_string_value(v);
    while (left.n && buf_pointer_next(&left, &token))
        ;
    buf_free(&token);
    return *ret && !left.n ? RES_OK : wrong(&kid, "a JSON Pointer is needed");
}

static enum res
read_pointers(const struct at *at, json_t *o, const char *const *names, const char **const *to)
{
    enum res res = known(at, o, names);

    for (unsigned i = 0; res == RES_OK && names[i]; i++)
        res = read_pointer(at, o, names[i], to[i]);
    return res;
}

static bool
placeholders_ok(const char *z)
{
    for (const char *p = z; (p = strpbrk(p, "{}"));) {
        size_t n = 0;

        for (const char *const *q = placeholders; *q && !n; q++)
            n = strncmp(p, *q, strlen(*q)) == 0 ? strlen(*q) : 0;
        if (!n)
            return false;
        p += n;
    }
    return true;
}

static bool
token_ok(const char *z)
{
    return *z && strspn(z, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(z);
}

static enum res
read_headers(const struct at *at, json_t *o, struct pair *ret, unsigned *n)
{
    const char *key;
    json_t *v;

    if (!o)
        return RES_OK;
    if (!json_is_object(o) || json_object_size(o) > HEADERS_MAX)
        return wrong(at, "an object of at most 12 headers is needed");
    json_object_foreach (o, key, v) {
        struct at kid = below(at, key);
        const char *z = json_string_value(v);

        if (!token_ok(key) || strcasecmp(key, "Authorization") == 0 || strcasecmp(key, "Content-Type") == 0)
            return wrong(&kid, "no header that may stand here");
        if (!z || str_has_control(str_of(z)) || !placeholders_ok(z))
            return wrong(&kid, "a text with {id}, {nomor}, {kunci}, {jejak}, {batas} at most is needed");
        ret[(*n)++] = (struct pair){key, z};
    }
    return RES_OK;
}

/* ---- codes ------------------------------------------------------------------------------------------------------ */

static bool
code_range(const char *key, unsigned *from, unsigned *n)
{
    char *end;

    if (strlen(key) != 3 || key[0] < '1' || key[0] > '5')
        return false;
    *n = strcmp(key + 1, "xx") == 0 ? 100 : 1;
    *from = *n == 100 ? (unsigned)(key[0] - '0') * 100 : (unsigned)strtoul(key, &end, 10);
    return *n == 100 || (!*end && strspn(key, "0123456789") == 3);
}

/* Those of a whole hundred first, so that single ones stand out of it. */
static enum res
read_codes(const struct at *at, json_t *o, unsigned char arti[CODES])
{
    const char *key;
    json_t *v;
    unsigned from;
    unsigned n;

    if (!o)
        return RES_OK;
    if (!json_is_object(o))
        return wrong(at, "an object is needed");
    for (unsigned size = 100; size; size = size == 100 ? 1 : 0)
        json_object_foreach (o, key, v) {
            struct at kid = below(at, key);
            int meaning = contract_arti_of(json_string_value(v));

            if (!code_range(key, &from, &n))
                return wrong(&kid, "an HTTP code such as 201, or 2xx, is needed");
            if (meaning < 0)
                return wrong(&kid, "no meaning of a code");
            for (unsigned i = 0; n == size && i < n; i++)
                arti[from + i] = (unsigned char)meaning;
        }
    return RES_OK;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static enum res
read_body(const struct at *at, struct contract *k, enum panggilan i, json_t *v)
{
    static const char *const kinds[] = {"json", "form", NULL};
    const char *z = json_string_value(v);
    struct at kid = below(at, "badan");

    if (!v)
        return i == CALL_BARU || i == CALL_PERUBAHAN ? wrong(&kid, "json or form is needed") : RES_OK;
    if (!one_of(z, kinds) || i > CALL_PENCABUTAN)
        return wrong(&kid, "json or form, and of baru, perubahan, pencabutan only");
    k->call[i].body = true;
    k->call[i].form = strcmp(z, "form") == 0;
    return RES_OK;
}

static enum res
read_call(const struct at *at, struct contract *k, enum panggilan i, json_t *o)
{
    static const char *const names[] = {"metode", "url", "badan", "kode", NULL};
    struct at kid = below(at, "url");
    enum res res = known(at, o, names);

    if (res != RES_OK)
        return res;
    k->call[i].there = true;
    k->call[i].method = json_string_value(json_object_get(o, "metode"));
    k->call[i].url = json_string_value(json_object_get(o, "url"));
    if (!k->call[i].url || k->call[i].url[0] != '/' || strpbrk(k->call[i].url, " #") ||
        str_has_control(str_of(k->call[i].url)) || !placeholders_ok(k->call[i].url))
        return wrong(&kid, "a path from / on is needed, with {id}, {nomor}, {kunci} at most");
    if ((i == CALL_PANTAU || i == CALL_BATAL) && !strstr(k->call[i].url, "{id}"))
        return wrong(&kid, "{id} is needed");
    if (i == CALL_TANYA && !strstr(k->call[i].url, "{nomor}") && !strstr(k->call[i].url, "{kunci}"))
        return wrong(&kid, "{nomor} or {kunci} is needed");
    kid = below(at, "metode");
    if (!one_of(k->call[i].method, methods))
        return wrong(&kid, "GET, POST, PUT, PATCH or DELETE is needed");
    kid = below(at, "kode");
    if ((res = read_codes(&kid, json_object_get(o, "kode"), k->call[i].arti)))
        return res;
    return read_body(at, k, i, json_object_get(o, "badan"));
}

static enum res
read_calls(const struct at *at, struct contract *k)
{
    static const char *const names[] = {"baru", "perubahan", "pencabutan", "tanya", "pantau", "batal", NULL};
    struct at here = below(at, "panggilan");
    struct at codes = below(at, "kode");
    json_t *o = json_object_get(k->root, "panggilan");
    enum res res = known(&here, o, names);

    for (unsigned i = 0; res == RES_OK && i < CALLS; i++) {
        struct at kid = below(&here, calls[i]);

        res = read_codes(&codes, json_object_get(k->root, "kode"), k->call[i].arti);
        if (res == RES_OK && (i != CALL_TANYA || json_object_get(o, calls[i])))
            res = read_call(&kid, k, (enum panggilan)i, json_object_get(o, calls[i]));
    }
    return res;
}

/* ---- what answers say ------------------------------------------------------------------------------------------- */

static enum res
read_words(const struct at *at, json_t *o, bool (*ok)(const char *z), struct pair *ret, unsigned *n)
{
    const char *key;
    json_t *v;

    if (!json_is_object(o) || json_object_size(o) > WORDS_MAX)
        return wrong(at, "an object of at most 64 words is needed");
    json_object_foreach (o, key, v) {
        struct at kid = below(at, key);

        if (!ok(json_string_value(v)))
            return wrong(&kid, "no word of ours");
        ret[(*n)++] = (struct pair){key, json_string_value(v)};
    }
    return RES_OK;
}

static bool
is_state(const char *z)
{
    return one_of(z, states);
}

static bool
is_meaning(const char *z)
{
    return contract_arti_of(z) >= 0;
}

static enum res
read_amplop(const struct at *at, struct contract *k)
{
    static const char *const names[] = {"lokasi", "nilai", "kode", "arti", NULL};
    struct at here = below(at, "amplop");
    struct at kid = below(&here, "nilai");
    json_t *o = json_object_get(k->root, "amplop");
    json_t *v = json_object_get(o, "nilai");
    struct amplop *am = &k->amplop;
    enum res res;

    if (!o)
        return RES_OK;
    if ((res = known(&here, o, names)) || (res = read_pointer(&here, o, "lokasi", &am->lokasi)) ||
        (res = read_pointer(&here, o, "kode", &am->kode)))
        return res;
    if (!am->lokasi)
        return wrong(&here, "lokasi is needed");
    if (!v || json_is_object(v) || json_is_array(v) || !(am->nilai = json_dumps(v, JSON_ENCODE_ANY)))
        return wrong(&kid, "a text, number, true, false or null is needed");
    kid = below(&here, "arti");
    v = json_object_get(o, "arti");
    return v ? read_words(&kid, v, is_meaning, am->arti, &am->narti) : RES_OK;
}

static enum res
read_answers(const struct at *at, struct contract *k)
{
    static const char *const in_answer[] = {"isi", "id_integrasi", "status", "urutan", "alasan", NULL};
    static const char *const in_list[] = {"isi", "nomor", "revisi", "putaran", NULL};
    static const char *const in_fault[] = {"alasan", "kesalahan", "field", "pesan", NULL};
    const char **const answer[] = {&k->jawaban.isi, &k->jawaban.id, &k->jawaban.status, &k->jawaban.urutan,
                                   &k->jawaban.alasan};
    const char **const list[] = {&k->daftar.isi, &k->daftar.nomor, &k->daftar.revisi, &k->daftar.putaran};
    const char **const fault[] = {&k->galat.alasan, &k->galat.kesalahan, &k->galat.field, &k->galat.pesan};
    struct at here = below(at, "jawaban");
    enum res res;

    k->jawaban.isi = k->daftar.isi = "";
    if ((res = read_pointers(&here, json_object_get(k->root, "jawaban"), in_answer, answer)))
        return res;
    if (!k->jawaban.id)
        return wrong(&here, "id_integrasi is needed");
    here = below(at, "daftar");
    if (k->call[CALL_TANYA].there) {
        if ((res = read_pointers(&here, json_object_get(k->root, "daftar"), in_list, list)))
            return res;
        if (!k->daftar.nomor)
            return wrong(&here, "nomor is needed");
    }
    here = below(at, "galat");
    return read_pointers(&here, json_object_get(k->root, "galat"), in_fault, fault);
}

static enum res
read_rest(const struct at *at, struct contract *k)
{
    struct at here = below(at, "header");
    enum res res = read_headers(&here, json_object_get(k->root, "header"), k->header, &k->nheader);

    here = below(at, "header_kirim");
    if (res == RES_OK)
        res =
            read_headers(&here, json_object_get(k->root, "header_kirim"), k->header_kirim, &k->nheader_kirim);
    if (res == RES_OK)
        res = read_amplop(at, k);
    if (res == RES_OK)
        res = read_answers(at, k);
    here = below(at, "status");
    return res == RES_OK
               ? read_words(&here, json_object_get(k->root, "status"), is_state, k->status, &k->nstatus)
               : res;
}

static enum res
read_all(const char *path, struct contract *k, struct err *e)
{
    static const char *const names[] = {"versi",   "panggilan", "header", "header_kirim", "kode", "amplop",
                                        "jawaban", "daftar",    "galat",  "status",       NULL};
    struct at at = {.file = path, .e = e};
    struct at versi = below(&at, "versi");
    json_error_t je;
    enum res res;

    k->root = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
    if (!k->root)
        return err_set(e, RES_FATAL, "%s line %d: %s", path, je.line, je.text);
    if ((res = known(&at, k->root, names)))
        return res;
    if (json_integer_value(json_object_get(k->root, "versi")) != 1)
        return wrong(&versi, "1 is needed");
    res = read_calls(&at, k);
    return res == RES_OK ? read_rest(&at, k) : res;
}

enum res
contract_load(const char *path, struct contract **ret, struct err *e)
{
    struct contract *k = calloc(1, sizeof *k);
    enum res res;

    *ret = NULL;
    if (!k)
        return err_set(e, RES_FATAL, "out of memory");
    res = read_all(path, k, e);
    if (res != RES_OK) {
        contract_free(k);
        return res;
    }
    *ret = k;
    return RES_OK;
}

void
contract_free(struct contract *k)
{
    if (!k)
        return;
    free(k->amplop.nilai);
    json_decref(k->root);
    free(k);
}
