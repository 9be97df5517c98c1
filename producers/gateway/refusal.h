/* refusal: why a request is not taken, as the HTTP answer will say it. Never quotes what was sent. */
#ifndef GATEWAY_REFUSAL_H
#define GATEWAY_REFUSAL_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/str.h"

enum { REFUSAL_PLACES = 8, REFUSAL_PLACE_MAX = 128 };

struct refusal {
    int status; /* HTTP; 0 while nothing was refused */
    char detail[256];
    char place[REFUSAL_PLACES]
              [REFUSAL_PLACE_MAX]; /* JSON Pointers into the body, at most as long as there is room */
    unsigned places;
};

/* Records the first reason and returns false, so that a check can end with `return refusal_set(..)`. */
bool refusal_set(struct refusal *r, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same for what is no CloudEvent: 400, with `why` behind those words. */
bool refusal_no_event(struct refusal *r, const char *why);

/* Adds a place, `before` and `after` together; what is over REFUSAL_PLACES is left out, and of a pointer that is too long
 * its last parts are. */
void refusal_place(struct refusal *r, const char *before, struct str after);

/* Puts `before` at the head of every place: the checks see a part of what was sent. */
void refusal_under(struct refusal *r, const char *before);

/* The reason phrase that belongs to a status; never NULL. */
const char *refusal_title(int status);

#endif
