/* gate: lets calls in by their credentials, and issues the tokens of OAuth 2. */
#ifndef STANDIN_GATE_H
#define STANDIN_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct standin;
struct server_req;

enum { GATE_TOKENS = 256 };

struct gate_token {
    uint64_t hash;
    int64_t until_ms; /* monotonic */
    int64_t calls;    /* left; -1 = any number */
};

/* The tokens that were issued, the newest in place of the oldest; they outlive a change of the settings. */
struct gate_issued {
    struct gate_token token[GATE_TOKENS];
    uint64_t n; /* issued in all */
};

/* Whether this call may go on; if not, it has been answered, and counted as unauthorized. */
bool gate_pass(struct standin *x, struct server_req *req);

/* Handlers of /oauth/token: issues (RFC 6749, section 4.4), and takes all issued tokens back. */
void gate_issue(void *arg, struct server_req *req);
void gate_revoke(void *arg, struct server_req *req);

#endif
