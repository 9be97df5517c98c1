/* What the rules say of documents, for who judges them elsewhere. */
#include "common/json/scan.h"
#include "workers/sop/rules/rules_priv.h"

enum { VALUE_MAX = 256 }; /* bytes of a member's text; a longer one is none of `bila` */

/* The raw value at a pointer without escapes; STR_NULL when there is none. */
static struct str
at_pointer(struct str value, const char *pointer)
{
    char name[64];

    while (*pointer == '/' && value.p) {
        size_t n = strcspn(++pointer, "/");

        if (n >= sizeof name)
            return STR_NULL;
        memcpy(name, pointer, n);
        name[n] = '\0';
        value = scan_get(value, name);
        pointer += n;
    }
    return value;
}

/* Whether the member that `bila` names has one of its values; a rule without one always applies. */
static bool
applies(const struct rule_params *p, struct str form)
{
    struct buf tmp = buf_make(VALUE_MAX);
    struct str value;
    bool is = !p->bila_pointer;

    if (!is) {
        value = scan_string(at_pointer(form, p->bila_pointer), &tmp);
        for (unsigned i = 0; i < p->nbila && !is; i++)
            is = str_is(value, p->bila[i]);
    }
    buf_free(&tmp);
    return is;
}

static bool
is_of_kind(const json_t *kinds, struct str jenis)
{
    size_t i;
    json_t *v;

    json_array_foreach (kinds, i, v)
        if (str_is(jenis, json_string_value(v)))
            return true;
    return !kinds;
}

/* The n-th rule dokumen_tte, or NULL. */
static const struct rule *
signature_rule(const struct rules *r, unsigned n)
{
    for (size_t i = 0; i < r->nrules; i++)
        if (strcmp(r->rule[i].kind->name, "dokumen_tte") == 0 && n-- == 0)
            return &r->rule[i];
    return NULL;
}

uint32_t
rules_signing(const struct rules *r, struct str form)
{
    const struct rule *rule;
    uint32_t apply = 0;

    for (unsigned n = 0; n < RULES_SIGNING_MAX && (rule = signature_rule(r, n)); n++)
        apply |= (uint32_t)applies(&rule->p, form) << n;
    return apply;
}

bool
rules_signed(const struct rules *r, uint32_t signing, struct str jenis)
{
    for (unsigned n = 0; signing >> n; n++)
        if (signing >> n & 1 &&
            is_of_kind(json_object_get(signature_rule(r, n)->parameter, "jenis_lampiran"), jenis))
            return true;
    return false;
}
