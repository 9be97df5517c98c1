#include "producers/gateway/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
refusal_set(struct refusal *r, int status, const char *fmt, ...)
{
    va_list ap;

    if (r->status)
        return false;
    r->status = status;
    va_start(ap, fmt);
    vsnprintf(r->detail, sizeof r->detail, fmt, ap);
    va_end(ap);
    return false;
}

bool
refusal_no_event(struct refusal *r, const char *why)
{
    return refusal_set(r, 400, "No CloudEvent: %s.", why);
}

void
refusal_place(struct refusal *r, const char *before, struct str after)
{
    char *to;
    int n;

    if (r->places == REFUSAL_PLACES)
        return;
    to = r->place[r->places++];
    n = snprintf(to, REFUSAL_PLACE_MAX, "%s%.*s", before, STR_FMT(after));
    if (n < REFUSAL_PLACE_MAX)
        return;
    to = strrchr(to, '/'); /* a part that is cut would be another name */
    if (to)
        *to = '\0';
}

void
refusal_under(struct refusal *r, const char *before)
{
    char was[REFUSAL_PLACE_MAX];
    unsigned n = r->places;

    r->places = 0;
    for (unsigned i = 0; i < n; i++) {
        memcpy(was, r->place[i], sizeof was);
        refusal_place(r, before, str_of(was));
    }
}

const char *
refusal_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } all[] = {{400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {409, "Conflict"},
               {413, "Content Too Large"},
               {415, "Unsupported Media Type"},
               {422, "Unprocessable Content"},
               {429, "Too Many Requests"},
               {500, "Internal Server Error"},
               {503, "Service Unavailable"}};

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].status == status)
            return all[i].title;
    return "Error";
}
