/* refusal: why a request is not taken, as the HTTP answer will say it. Never quotes what was sent. */
#ifndef GATEWAY_REFUSAL_H
#define GATEWAY_REFUSAL_H

#include <stdbool.h>

struct refusal {
    int status; /* HTTP; 0 while nothing was refused */
    char detail[256];
};

/* Records the first reason and returns false, so that a check can end with `return refusal_set(..)`. */
bool refusal_set(struct refusal *r, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The reason phrase that belongs to a status; never NULL. */
const char *refusal_title(int status);

#endif
