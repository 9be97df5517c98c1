#include <inttypes.h>
#include <stdlib.h>

#include "workers/sop/rules/rules_priv.h"

enum { PLACES_FIRST = 1024, PLACES_MAX = 1 << 20, POINTER_MAX = 512, STEP_MAX = 64, DIGITS_MAX = 7 };

/* A set of hashes, open addressing. When it may not grow any more, nothing is found in it that was not put in before:
 * a hostile form's findings are then counted twice rather than not bounded. */
struct places {
    uint64_t *slot; /* 0 = empty */
    size_t cap, n;
};

struct findings {
    const struct rules *r;
    struct buf *out;
    struct rules_count count; /* of those listed */
    size_t last_at;           /* where the last one listed begins in `out` */
    char last_level;
    uint64_t left_out;
    bool left_error; /* an E is among them */
    char level;      /* of the schema being applied */
    struct places places;
    struct buf at, field, step; /* scratch */
};

/* ---- places ----------------------------------------------------------------------------------------------------- */

static uint64_t *
find_slot(const struct places *p, uint64_t key)
{
    size_t i = (size_t)key & (p->cap - 1);

    while (p->slot[i] && p->slot[i] != key)
        i = (i + 1) & (p->cap - 1);
    return &p->slot[i];
}

static void
grow(struct places *p)
{
    struct places wide = {calloc(2 * p->cap, sizeof *wide.slot), 2 * p->cap, p->n};

    if (!wide.slot)
        return;
    for (size_t i = 0; i < p->cap; i++)
        if (p->slot[i])
            *find_slot(&wide, p->slot[i]) = p->slot[i];
    free(p->slot);
    *p = wide;
}

/* False when it is there already. */
static bool
add_place(struct places *p, uint64_t key)
{
    uint64_t *slot;

    if (p->n + 1 > p->cap / 2 && p->cap < PLACES_MAX)
        grow(p);
    slot = find_slot(p, key);
    if (*slot)
        return false;
    if (p->n + 1 <= p->cap / 2) {
        *slot = key;
        p->n++;
    }
    return true;
}

static uint64_t
place_key(const char *what, struct str pointer)
{
    uint64_t key = str_hash(pointer) ^ (str_hash(str_of(what)) * UINT64_C(0x9e3779b97f4a7c15));

    return key ? key : 1;
}

bool
findings_has_error(const struct findings *f, struct str pointer)
{
    return *find_slot(&f->places, place_key("E", pointer)) != 0;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void
put_sentence(struct buf *out, const char *name, const char *text, uint64_t n)
{
    const char *mark = strstr(text, "{n}");
    struct buf full = buf_make(4096);

    if (mark) {
        buf_add(&full, text, (size_t)(mark - text));
        buf_printf(&full, "%" PRIu64 "%s", n, mark + 3);
    }
    buf_printf(out, ",\"%s\":", name);
    buf_json(out, mark ? buf_view(&full) : str_of(text));
    buf_free(&full);
}

void
finding_write(struct buf *out, const struct entry *entry, struct str pointer, uint64_t n)
{
    buf_printf(out, "{\"kode\":\"%s\",\"tingkat\":\"%c\",\"lokasi\":", entry->code, entry_level(entry));
    buf_json(out, pointer);
    put_sentence(out, "pesan", entry->pesan, n);
    put_sentence(out, "message", entry->message, n);
    buf_char(out, '}');
}

static void
count_one(struct rules_count *c, char level)
{
    if (level == 'E')
        c->errors++;
    else
        c->notes++;
}

static void
list(struct findings *f, const struct entry *entry, struct str pointer, uint64_t n)
{
    f->last_at = f->out->n;
    f->last_level = entry_level(entry);
    if (f->count.errors + f->count.notes)
        buf_char(f->out, ',');
    finding_write(f->out, entry, pointer, n);
    count_one(&f->count, f->last_level);
}

void
findings_add(struct findings *f, const struct entry *entry, struct str pointer)
{
    char level = entry_level(entry);

    if ((level == 'W' && findings_has_error(f, pointer)) ||
        !add_place(&f->places, place_key(entry->code, pointer)))
        return;
    if (level == 'E')
        add_place(&f->places, place_key("E", pointer));
    if (f->count.errors + f->count.notes < f->r->listed_max) {
        list(f, entry, pointer, 0);
    } else {
        f->left_out++;
        f->left_error |= level == 'E';
    }
}

/* The last one listed makes room for the one that stands for the rest. */
struct rules_count
findings_end(struct findings *f)
{
    if (f->left_out && !f->out->failed) {
        bool error = f->left_error || f->last_level == 'E';

        f->out->n = f->last_at;
        f->out->p[f->out->n] = '\0';
        if (f->last_level == 'E')
            f->count.errors--;
        else
            f->count.notes--;
        list(f, error ? f->r->rest_error : f->r->rest_note, STR(""), f->left_out + 1);
    }
    buf_char(f->out, ']');
    return f->count;
}

struct findings *
findings_new(const struct rules *r, struct buf *out)
{
    struct findings *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    *f = (struct findings){.r = r,
                           .out = out,
                           .at = buf_make(POINTER_MAX),
                           .field = buf_make(POINTER_MAX),
                           .step = buf_make(POINTER_MAX)};
    f->places = (struct places){calloc(PLACES_FIRST, sizeof(uint64_t)), PLACES_FIRST, 0};
    buf_char(out, '[');
    if (f->places.slot)
        return f;
    findings_free(f);
    return NULL;
}

void
findings_free(struct findings *f)
{
    if (!f)
        return;
    free(f->places.slot);
    buf_free(&f->at);
    buf_free(&f->field);
    buf_free(&f->step);
    free(f);
}

/* ---- what a schema finds ---------------------------------------------------------------------------------------- */

/* Whether a step may stand in a pointer. A sender makes up the names of unknown members: what may be a value (an
 * address, a NIP, a text) is not repeated. */
static bool
is_plain_step(struct str step)
{
    unsigned digits = 0;

    if (step.n > STEP_MAX)
        return false;
    for (size_t i = 0; i < step.n; i++) {
        digits += step.p[i] >= '0' && step.p[i] <= '9';
        if (step.p[i] == '@' || (unsigned char)step.p[i] < ' ' || digits > DIGITS_MAX)
            return false;
    }
    return true;
}

/* Appends the pointer as far as its steps are plain, and the place's names joined by dots, array indexes left out:
 * /lampiran/0/sha256 is lampiran.sha256. Whether all were. */
static bool
take_steps(struct findings *f, const char *pointer)
{
    while (*pointer == '/') {
        struct str step = {pointer + 1, strcspn(pointer + 1, "/")};

        if (!is_plain_step(step) || f->at.n + step.n + 1 > POINTER_MAX)
            return false;
        buf_char(&f->at, '/');
        buf_str(&f->at, step);
        if (strspn(step.p, "0123456789") < step.n) {
            if (f->field.n)
                buf_char(&f->field, '.');
            buf_str(&f->field, step);
        }
        pointer = step.p + step.n;
    }
    return true;
}

/* One step more, of a member's own name. */
static void
take_member(struct findings *f, struct str name)
{
    buf_reset(&f->step);
    buf_pointer(&f->step, name);
    if (!f->step.failed) /* one that is too long is not plain either */
        take_steps(f, f->step.p);
}

/* Keywords whose place is the member that is absent or too much. */
static bool
about_member(const char *keyword)
{
    return strcmp(keyword, "required") == 0 || strcmp(keyword, "dependentRequired") == 0 ||
           strcmp(keyword, "additionalProperties") == 0 || strcmp(keyword, "unevaluatedProperties") == 0;
}

static bool
on_finding(const struct schema_finding *found, void *arg)
{
    struct findings *f = arg;
    const struct entry *entry;
    bool whole;

    if (strcmp(found->keyword, "limit") == 0 && str_is(found->property, "memory"))
        abort(); /* a verdict is not made up */
    buf_reset(&f->at);
    buf_reset(&f->field);
    whole = take_steps(f, found->instance);
    if (whole && found->property.p && about_member(found->keyword))
        take_member(f, found->property);
    entry = catalogue_of(f->r->catalogue, f->level, buf_view(&f->field), found->keyword);
    if (entry)
        findings_add(f, entry, f->at.n ? buf_view(&f->at) : STR(""));
    return true;
}

void
findings_of_schema(struct findings *f, const struct schema *s, char level, const json_t *form)
{
    f->level = level;
    schema_check(s, form, on_finding, f);
}
