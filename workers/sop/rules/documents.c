/* What the rules say of documents, for who judges them elsewhere. */
#include "common/json/scan.h"
#include "workers/sop/rules/rules_priv.h"

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

static bool
is_text(const json_t *wanted, struct str text)
{
    return json_is_string(wanted) && str_is(text, json_string_value(wanted));
}

static bool
is_one_of(const json_t *wanted, struct str text)
{
    size_t i;
    json_t *v;

    json_array_foreach (wanted, i, v)
        if (is_text(v, text))
            return true;
    return is_text(wanted, text);
}

/* Each member of `bila` that is an object holds of the form; a rule without one always does. */
static bool
applies(const json_t *bila, struct str form)
{
    const char *pointer;
    json_t *wanted;

    json_object_foreach ((json_t *)(uintptr_t)bila, pointer, wanted)
        if (!is_one_of(wanted, scan_string(at_pointer(form, pointer), NULL)))
            return false;
    return true;
}

bool
rules_signed(const struct rules *r, struct str form, struct str jenis)
{
    for (size_t i = 0; i < r->nrules; i++) {
        const struct rule *rule = &r->rule[i];
        const json_t *kinds;

        if (strcmp(rule->kind->name, "dokumen_tte") != 0)
            continue;
        kinds = json_object_get(rule->parameter, "jenis_lampiran");
        if (applies(json_object_get(rule->parameter, "bila"), form) && (!kinds || is_one_of(kinds, jenis)))
            return true;
    }
    return false;
}
