#include "workers/validator/pdf/update.h"

#include <stdlib.h>
#include <string.h>

enum {
    OBJECTS_MOST = 200000,
    APART = 7 /* information, metadata, /DSS and its lists */
};

/* The two states of one document. */
struct pair {
    qpdf_data then, now;
    int size; /* objects of the signed part: 0 < number < size */
    int root; /* the catalog's number */
    int apart
        [APART]; /* numbers of those that may differ and that no other may refer to; 0 where there is none */
};

static const char *const may_differ[] = {"/DSS", "/Extensions", "/Metadata", NULL};

static bool
is_apart(const struct pair *pair, long number)
{
    for (int i = 0; i < APART; i++)
        if (pair->apart[i] && pair->apart[i] == number)
            return true;
    return false;
}

static bool
is_listed(const char *key)
{
    for (int i = 0; may_differ[i]; i++)
        if (strcmp(key, may_differ[i]) == 0)
            return true;
    return false;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether what stands before the R at `r`, in text that starts at `text`, is a number, a blank, a number and a blank, and
 * if so the two numbers. */
static bool
is_reference(const char *text, const char *r, long *number, long *generation)
{
    const char *at = r;

    if (at - text < 4 || *--at != ' ' || !is_digit(at[-1]))
        return false;
    while (at > text && is_digit(at[-1]))
        at--;
    *generation = strtol(at, NULL, 10);
    if (at - text < 2 || *--at != ' ' || !is_digit(at[-1]))
        return false;
    while (at > text && is_digit(at[-1]))
        at--;
    *number = strtol(at, NULL, 10);
    return true;
}

/* Whether all that looks like a reference in `text`, in strings too, is to an object that is compared. */
static bool
refers_inside(const struct pair *pair, const char *text)
{
    long number = 0;
    long generation = 0;

    for (const char *r = strchr(text, 'R'); r; r = strchr(r + 1, 'R'))
        if (is_reference(text, r, &number, &generation) &&
            (generation || number <= 0 || number >= pair->size || is_apart(pair, number)))
            return false;
    return true;
}

/* Whether the two objects are written alike, and refer only to what is compared. */
static bool
same_text(const struct pair *pair, qpdf_oh then, qpdf_oh now, bool resolved)
{
    const char *(*text)(qpdf_data q, qpdf_oh oh) = resolved ? qpdf_oh_unparse_resolved : qpdf_oh_unparse;
    const char *a = text(pair->then, then);
    const char *b = text(pair->now, now);

    return a && b && strcmp(a, b) == 0 && refers_inside(pair, a);
}

static bool
same_data(const struct pair *pair, qpdf_oh then, qpdf_oh now)
{
    unsigned char *a = NULL;
    unsigned char *b = NULL;
    size_t an = 0;
    size_t bn = 0;
    bool ok = !(qpdf_oh_get_stream_data(pair->then, then, qpdf_dl_none, NULL, &a, &an) & (QPDF_ERRORS)) &&
              !(qpdf_oh_get_stream_data(pair->now, now, qpdf_dl_none, NULL, &b, &bn) & (QPDF_ERRORS)) &&
              an == bn && (an == 0 || memcmp(a, b, an) == 0);

    free(a);
    free(b);
    return ok;
}

static bool
same_object(const struct pair *pair, int number)
{
    qpdf_oh then = qpdf_get_object_by_id(pair->then, number, 0);
    qpdf_oh now = qpdf_get_object_by_id(pair->now, number, 0);
    bool ok = qpdf_oh_get_type_code(pair->then, then) == qpdf_oh_get_type_code(pair->now, now);

    if (ok && qpdf_oh_is_stream(pair->then, then))
        ok = same_text(pair, qpdf_oh_get_dict(pair->then, then), qpdf_oh_get_dict(pair->now, now), true) &&
             same_data(pair, then, now);
    else
        ok = ok && same_text(pair, then, now, true);
    qpdf_oh_release(pair->then, then);
    qpdf_oh_release(pair->now, now);
    return ok;
}

/* Whether each key of `a`, but those that may differ, is in `b` with the same value. */
static bool
keys_agree(const struct pair *pair, qpdf_oh then, qpdf_oh now, bool of_now)
{
    qpdf_data q = of_now ? pair->now : pair->then;

    qpdf_oh_begin_dict_key_iter(q, of_now ? now : then);
    while (qpdf_oh_dict_more_keys(q)) {
        const char *key = qpdf_oh_dict_next_key(q);

        if (!is_listed(key) && !same_text(pair, qpdf_oh_get_key(pair->then, then, key),
                                          qpdf_oh_get_key(pair->now, now, key), false))
            return false;
    }
    return true;
}

static bool
same_catalog(const struct pair *pair)
{
    qpdf_oh then = qpdf_get_root(pair->then);
    qpdf_oh now = qpdf_get_root(pair->now);
    char *before = NULL;
    const char *after = NULL;
    bool changed = false;

    if (qpdf_oh_get_object_id(pair->now, now) != pair->root || !qpdf_oh_has_key(pair->now, now, "/DSS"))
        return false;
    before = strdup(qpdf_oh_unparse_resolved(pair->then, qpdf_oh_get_key(pair->then, then, "/DSS")));
    after = qpdf_oh_unparse_resolved(pair->now, qpdf_oh_get_key(pair->now, now, "/DSS"));
    changed = before && strcmp(before, after) != 0;
    free(before);
    return changed && keys_agree(pair, then, now, false) && keys_agree(pair, then, now, true);
}

static void
put_apart(struct pair *pair, int place, qpdf_oh holder, const char *key)
{
    pair->apart[place] = qpdf_oh_get_object_id(pair->then, qpdf_oh_get_key_if_dict(pair->then, holder, key));
}

/* Sets what is known of the signed part beforehand; false when it cannot be compared. */
static bool
measure(struct pair *pair)
{
    static const char *const lists[] = {"/VRI", "/Certs", "/OCSPs", "/CRLs", NULL};
    qpdf_oh trailer = qpdf_get_trailer(pair->then);
    qpdf_oh root = qpdf_get_root(pair->then);

    pair->size = qpdf_oh_get_int_value_as_int(pair->then, qpdf_oh_get_key(pair->then, trailer, "/Size"));
    pair->root = qpdf_oh_get_object_id(pair->then, root);
    put_apart(pair, 0, trailer, "/Info");
    put_apart(pair, 1, root, "/Metadata");
    put_apart(pair, 2, root, "/DSS");
    for (int i = 0; lists[i]; i++)
        put_apart(pair, 3 + i, qpdf_oh_get_key_if_dict(pair->then, root, "/DSS"), lists[i]);
    return pair->size > 0 && pair->size <= OBJECTS_MOST && pair->root > 0;
}

static bool
same_but_for_dss(struct pair *pair)
{
    bool ok = measure(pair) && same_catalog(pair);

    for (int i = 1; ok && i < pair->size; i++)
        ok = i == pair->root || is_apart(pair, i) || same_object(pair, i);
    return ok && !qpdf_more_warnings(pair->then) && !qpdf_more_warnings(pair->now) &&
           !qpdf_has_error(pair->then) && !qpdf_has_error(pair->now);
}

bool
update_is_harmless(qpdf_data q, const unsigned char *p, size_t signed_n)
{
    struct pair pair = {.then = qpdf_init(), .now = q};
    bool ok = false;

    qpdf_silence_errors(pair.then);
    qpdf_set_suppress_warnings(pair.then, QPDF_TRUE);
    ok = qpdf_read_memory(pair.then, "", (const char *)p, signed_n, "") == QPDF_SUCCESS &&
         same_but_for_dss(&pair);
    qpdf_get_error(pair.then); /* one that nobody took would be written to standard error */
    qpdf_cleanup(&pair.then);
    return ok;
}
