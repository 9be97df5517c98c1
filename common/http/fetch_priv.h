/* fetch_priv: what fetch.c (the course of a fetch), fetch_policy.c (what may be asked), fetch_cred.c (with what) and fetch_file.c share. */
#ifndef HTTP_FETCH_PRIV_H
#define HTTP_FETCH_PRIV_H

#include "common/http/addr.h"
#include "common/http/fetch.h"

enum { FETCH_PIECE = 65536, FETCH_URL_MAX = 8192 };

/* A host as the operator wrote it. */
struct policy_host {
    char *name;    /* as curl sends it, lower-case; with its dot in front when `below` */
    unsigned port; /* 0 = the scheme's own */
    bool below;    /* any host whose name ends so */
};

struct policy_cred {
    struct policy_host host;
    char *header;
};

struct policy {
    struct policy_host *host;
    size_t hosts;
    struct addr_net *net;
    size_t nets;
    struct policy_cred *cred;
    size_t creds;
    bool allow_http;
    char *root;      /* of files: as given, without a slash at its end; NULL = no files */
    char *root_real; /* and without symbolic links */
};

/* An address that was judged and found good. */
struct target {
    char *url;  /* of HTTP, written out from its parts, without a fragment */
    char *host; /* as in struct policy_host */
    unsigned port;
    bool https;
    char *path; /* of a file, below the root, decoded; NULL for HTTP */
};

/* RES_FATAL when something in `opts` is not as it has to be; `p` is then to be freed all the same. */
enum res policy_init(struct policy *p, const struct fetch_opts *opts, struct err *e);
void policy_free(struct policy *p);

/* Judges `ref`, as seen from `base` (NULL = `ref` stands alone). RES_REJECT by policy, RES_RETRY out of memory. On RES_OK
 * `*ret` is the caller's, to target_free; else it is zeroed. */
enum res policy_judge(const struct policy *p, const char *base, const char *ref, struct target *ret,
                      struct err *e);
void target_free(struct target *t);

/* Whether an address may be connected to. */
bool policy_reach(const struct policy *p, const struct sockaddr *to);

/* The credentials for `t`, ended by NULL, to free; the lines are the policy's. NULL = out of memory. */
const char **policy_headers(const struct policy *p, const struct target *t);

/* Reads the credentials file into `p`. */
enum res cred_read(struct policy *p, const char *file, struct err *e);

/* Takes such lines from a text that the caller has. */
enum res cred_text(struct policy *p, const char *text, struct err *e);

/* Reads "host", "host:port" or (`below`) "*.host" into `*ret`; false, with `*ret` zeroed, when it is none. */
bool policy_host(const char *text, bool below, struct policy_host *ret);

/* Opens the regular file `path` below `root` without following a link. FETCH_OK with `*fd` the caller's and its size, or why not. */
enum fetch_fate file_open(const char *root, const char *path, int *fd, uint64_t *size, const char **why);

#endif
