#include "workers/validator/pdf/signature.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "workers/validator/pdf/field.h"
#include "workers/validator/pdf/update.h"

enum {
    STRENGTH = 1,     /* of libcrypto's security levels: 80 bits */
    DIGEST_LEAST = 28 /* bytes: SHA-224 */
};

bool
signature_setup(void)
{
    /* the C library reads a zone file for gmtime too; this one needs none */
    if (setenv("TZ", "UTC0", 1))
        return false;
    tzset();
    return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_DIGESTS |
                                   OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ATEXIT,
                               NULL) == 1 &&
           OSSL_PROVIDER_load(NULL, "default") != NULL;
}

X509_STORE *
signature_trust(const void *pem, size_t n)
{
    BIO *in = n < INT32_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
    X509_STORE *store = X509_STORE_new();
    unsigned found = 0;
    bool ok = in && store;
    X509 *cert = NULL;

    while (ok && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        ok = X509_STORE_add_cert(store, cert) == 1;
        X509_free(cert);
        found++;
    }
    /* the end is "no start line"; any other is a certificate that cannot be read */
    ok = ok && found && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(in);
    if (ok)
        return store;
    X509_STORE_free(store);
    return NULL;
}

/* ---- the range ---------------------------------------------------------------------------------------------------- */

static int
hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether the `n` bytes at `p` are a hexadecimal string, brackets and all, that says `want`. */
static bool
hex_says(const unsigned char *p, size_t n, const unsigned char *want, size_t want_n)
{
    size_t digits = 0;

    if (n < 2 || p[0] != '<' || p[n - 1] != '>')
        return false;
    for (size_t i = 1; i < n - 1; i++) {
        int v = hex_value(p[i]);

        if (v < 0 && p[i] && strchr(" \t\r\n\f", p[i]))
            continue;
        if (v < 0 || digits / 2 >= want_n ||
            v != (digits % 2 ? want[digits / 2] & 15 : want[digits / 2] >> 4))
            return false;
        digits++;
    }
    return (digits + 1) / 2 == want_n && (digits % 2 == 0 || (want[want_n - 1] & 15) == 0);
}

static int64_t
end_of(const struct field *f)
{
    return f->range[2] < INT64_MAX / 2 && f->range[3] < INT64_MAX / 2 ? f->range[2] + f->range[3] : INT64_MAX;
}

static bool
range_holds(const struct field *f, const unsigned char *p, size_t n)
{
    const int64_t *r = f->range;

    return r[0] == 0 && r[1] > 0 && r[2] > r[1] && end_of(f) <= (int64_t)n &&
           hex_says(p + r[1], (size_t)(r[2] - r[1]), f->contents, f->n);
}

/* The signed bytes in a BIO, or NULL when memory is out. */
static BIO *
signed_bytes(const struct field *f, const unsigned char *p)
{
    BIO *out = BIO_new(BIO_s_mem());

    if (out && f->range[1] <= INT32_MAX && f->range[3] <= INT32_MAX &&
        BIO_write(out, p, (int)f->range[1]) == f->range[1] &&
        (f->range[3] == 0 || BIO_write(out, p + f->range[2], (int)f->range[3]) == f->range[3]))
        return out;
    BIO_free(out);
    return NULL;
}

/* ---- the time ----------------------------------------------------------------------------------------------------- */

/* Two digits at `p`, or -1. */
static int
two(const char *p)
{
    return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

/* "+07'00" as seconds; 0 where it is not said. */
static int
offset_of(const char *p)
{
    int h = *p == '+' || *p == '-' ? two(p + 1) : -1;
    int m = h >= 0 && p[3] == '\'' ? two(p + 4) : 0;

    return h < 0 ? 0 : (*p == '-' ? -1 : 1) * (h * 3600 + (m > 0 ? m * 60 : 0));
}

/* A PDF date, D:YYYYMMDDHHmmSSOHH'mm; -1 when it does not say a time to the second. */
static time_t
pdf_date(const char *z)
{
    const char *at = z + 2;
    int part[7];
    struct tm tm = {0};

    if (strncmp(z, "D:", 2) != 0 || strlen(z) < 16)
        return -1;
    for (int i = 0; i < 7; i++, at += 2)
        if ((part[i] = two(at)) < 0)
            return -1;
    tm.tm_year = part[0] * 100 + part[1] - 1900;
    tm.tm_mon = part[2] - 1;
    tm.tm_mday = part[3];
    tm.tm_hour = part[4];
    tm.tm_min = part[5];
    tm.tm_sec = part[6];
    return timegm(&tm) - offset_of(at);
}

static time_t
seconds_of(const ASN1_TIME *t)
{
    struct tm tm;

    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : -1;
}

static time_t
signing_time(CMS_SignerInfo *si)
{
    int at = CMS_signed_get_attr_by_NID(si, NID_pkcs9_signingTime, -1);
    X509_ATTRIBUTE *attr = at >= 0 ? CMS_signed_get_attr(si, at) : NULL;
    const ASN1_TYPE *value = attr ? X509_ATTRIBUTE_get0_type(attr, 0) : NULL;

    if (!value || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME))
        return -1;
    return seconds_of((const ASN1_TIME *)value->value.asn1_string);
}

/* ---- the signer --------------------------------------------------------------------------------------------------- */

static bool
may_sign(X509 *cert, time_t when)
{
    /* all bits where the certificate does not restrict its use */
    uint32_t use = X509_get_key_usage(cert);

    return (use & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) &&
           X509_cmp_time(X509_get0_notBefore(cert), &when) < 0 &&
           X509_cmp_time(X509_get0_notAfter(cert), &when) > 0;
}

/* That the chain leads nowhere is not the document's fault; any other flaw of it is. A signature of a certificate that fails
 * is by an authority of the same name that is not the one given: it has a new key, or is another. */
static enum sign
chain_flaw(int code)
{
    switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return SIGN_UNKNOWN_CA;
    default:
        return SIGN_BROKEN;
    }
}

static enum sign
judge_chain(X509 *cert, STACK_OF(X509) * others, X509_STORE *trust, time_t when)
{
    X509_STORE_CTX *ctx = NULL;
    X509_VERIFY_PARAM *param = NULL;
    enum sign ret = SIGN_BROKEN;

    if (!may_sign(cert, when))
        return SIGN_BROKEN;
    if (!trust)
        return SIGN_UNKNOWN_CA;
    ctx = X509_STORE_CTX_new();
    if (ctx && X509_STORE_CTX_init(ctx, trust, cert, others) == 1) {
        param = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_time(param, when);
        X509_VERIFY_PARAM_set_auth_level(param, STRENGTH);
        ret = X509_verify_cert(ctx) == 1 ? SIGN_VALID : chain_flaw(X509_STORE_CTX_get_error(ctx));
    }
    X509_STORE_CTX_free(ctx);
    return ret;
}

/* The only signer of `cms`, or NULL: a PDF's signature has exactly one. */
static CMS_SignerInfo *
only_signer(CMS_ContentInfo *cms)
{
    STACK_OF(CMS_SignerInfo) *list = CMS_get0_SignerInfos(cms);

    return list && sk_CMS_SignerInfo_num(list) == 1 ? sk_CMS_SignerInfo_value(list, 0) : NULL;
}

static bool
digest_is_strong(CMS_SignerInfo *si)
{
    X509_ALGOR *alg = NULL;
    const EVP_MD *md = NULL;

    CMS_SignerInfo_get0_algs(si, NULL, NULL, &alg, NULL);
    md = alg ? EVP_get_digestbyobj(alg->algorithm) : NULL;
    return md && EVP_MD_get_size(md) >= DIGEST_LEAST;
}

/* Judges the signer of a `cms` whose bytes were found intact. */
static enum sign
judge_signer(CMS_ContentInfo *cms, time_t when, X509_STORE *trust)
{
    CMS_SignerInfo *si = only_signer(cms);
    STACK_OF(X509) *others = CMS_get1_certs(cms);
    time_t now = time(NULL);
    X509 *cert = NULL;
    enum sign ret = SIGN_BROKEN;

    CMS_SignerInfo_get0_algs(si, NULL, &cert, NULL, NULL);
    if (cert)
        ret = judge_chain(cert, others, trust, when < 0 || when > now ? now : when);
    sk_X509_pop_free(others, X509_free);
    return ret;
}

/* ---- the two kinds ------------------------------------------------------------------------------------------------ */

static enum sign
judge_detached(const struct field *f, CMS_ContentInfo *cms, BIO *data, X509_STORE *trust)
{
    time_t when = signing_time(only_signer(cms));

    if (CMS_is_detached(cms) != 1 ||
        CMS_verify(cms, NULL, NULL, data, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
        return SIGN_BROKEN;
    return judge_signer(cms, when >= 0 ? when : pdf_date(f->made), trust);
}

/* Whether `info` stamps exactly the bytes in `data`. */
static bool
stamp_is_of(TS_TST_INFO *info, BIO *data)
{
    TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
    const X509_ALGOR *alg = imprint ? TS_MSG_IMPRINT_get_algo(imprint) : NULL;
    const EVP_MD *md = alg ? EVP_get_digestbyobj(alg->algorithm) : NULL;
    const ASN1_OCTET_STRING *said = imprint ? TS_MSG_IMPRINT_get_msg(imprint) : NULL;
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char *p = NULL;
    long len = BIO_get_mem_data(data, &p);

    return md && said && EVP_MD_get_size(md) >= DIGEST_LEAST &&
           EVP_Digest(p, (size_t)len, hash, &n, md, NULL) && (int)n == ASN1_STRING_length(said) &&
           memcmp(hash, ASN1_STRING_get0_data(said), n) == 0;
}

static enum sign
judge_stamp(CMS_ContentInfo *cms, BIO *data, X509_STORE *trust)
{
    BIO *out = BIO_new(BIO_s_mem());
    TS_TST_INFO *info = NULL;
    enum sign ret = SIGN_BROKEN;

    if (out && OBJ_obj2nid(CMS_get0_eContentType(cms)) == NID_id_smime_ct_TSTInfo &&
        CMS_verify(cms, NULL, NULL, NULL, out, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1)
        info = d2i_TS_TST_INFO_bio(out, NULL);
    if (info && stamp_is_of(info, data))
        ret = judge_signer(cms, seconds_of(TS_TST_INFO_get_time(info)), trust);
    TS_TST_INFO_free(info);
    BIO_free(out);
    return ret;
}

static enum sign
judge_field(const struct field *f, const unsigned char *p, size_t n, X509_STORE *trust)
{
    const unsigned char *der = f->contents;
    CMS_ContentInfo *cms = NULL;
    CMS_SignerInfo *si = NULL;
    BIO *data = NULL;
    enum sign ret = SIGN_BROKEN;

    if (f->kind == FIELD_OTHER || f->n > INT32_MAX || !range_holds(f, p, n))
        return SIGN_BROKEN;
    cms = d2i_CMS_ContentInfo(NULL, &der, (long)f->n); /* zeros follow it */
    data = signed_bytes(f, p);
    si = cms ? only_signer(cms) : NULL;
    if (data && si && digest_is_strong(si))
        ret = f->kind == FIELD_STAMP ? judge_stamp(cms, data, trust) : judge_detached(f, cms, data, trust);
    BIO_free(data);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return ret;
}

static enum sign
judge_fields(qpdf_data q, const struct fields *fs, const unsigned char *p, size_t n, X509_STORE *trust)
{
    enum sign worst = fs->broken ? SIGN_BROKEN : SIGN_NONE;
    int64_t newest = 0;

    for (unsigned i = 0; i < fs->n && worst < SIGN_BROKEN; i++) {
        enum sign one = judge_field(&fs->at[i], p, n, trust);

        worst = one > worst ? one : worst;
        newest = end_of(&fs->at[i]) > newest ? end_of(&fs->at[i]) : newest;
    }
    if (fs->n == 0 || worst == SIGN_BROKEN || newest == (int64_t)n)
        return worst;
    return update_is_harmless(q, p, (size_t)newest) ? worst : SIGN_BROKEN;
}

enum sign
signature_judge(qpdf_data q, const unsigned char *p, size_t n, X509_STORE *trust)
{
    struct fields *fs = calloc(1, sizeof *fs);
    enum sign ret = SIGN_BROKEN;

    if (!fs)
        return ret;
    fields_find(q, fs);
    ret = judge_fields(q, fs, p, n, trust);
    fields_free(fs);
    free(fs);
    return ret;
}
