#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/http/sink_priv.h"

/* libcurl reads the files when it connects and would tell of a bad one then, call by call. */

/* A key with a passphrase is refused, not asked for on a terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static X509 *
read_cert(const char *file, const char *what, struct err *e)
{
    BIO *in = BIO_new_file(file, "r");
    X509 *cert = in ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;

    if (!cert)
        err_set(e, RES_FATAL, in ? "%s %s holds no certificate in PEM" : "cannot read %s %s", what, file);
    BIO_free(in);
    return cert;
}

static EVP_PKEY *
read_key(const char *file, struct err *e)
{
    BIO *in = BIO_new_file(file, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;

    if (!key)
        err_set(e, RES_FATAL,
                in ? "key_file %s holds no private key in PEM without a passphrase"
                   : "cannot read key_file %s",
                file);
    BIO_free(in);
    return key;
}

static enum res
check_pair(const struct client_opts *o, struct err *e)
{
    X509 *cert = read_cert(o->cert_file, "cert_file", e);
    EVP_PKEY *key = cert ? read_key(o->key_file ? o->key_file : o->cert_file, e) : NULL;
    enum res res = cert && key ? RES_OK : RES_FATAL;

    if (!res && X509_check_private_key(cert, key) != 1)
        res = err_set(e, RES_FATAL, "key_file %s is not the key of the certificate in cert_file %s",
                      o->key_file ? o->key_file : o->cert_file, o->cert_file);
    X509_free(cert);
    EVP_PKEY_free(key);
    return res;
}

enum res
tls_check(const struct client_opts *o, struct err *e)
{
    enum res res = RES_OK;
    X509 *ca;

    if (o->key_file && !o->cert_file)
        return err_set(e, RES_FATAL, "key_file is set without cert_file");
    if (o->ca_file) {
        ca = read_cert(o->ca_file, "ca_file", e);
        res = ca ? RES_OK : RES_FATAL;
        X509_free(ca);
    }
    if (!res && o->cert_file)
        res = check_pair(o, e);
    ERR_clear_error();
    return res;
}
