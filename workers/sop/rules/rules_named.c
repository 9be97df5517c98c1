/* pa20.rules.json into rules: every name, parameter, pointer and code is checked here, so that none can fail later. */
#include <stdlib.h>

#include "workers/sop/rules/source.h"
#include "workers/sop/rules/rules_param.h"
#include "workers/sop/rules/rules_priv.h"

enum { DAYS_MAX = 36600, NUMBER_MAX = 1 << 30 };

/* The rule being read, and where it stands. */
struct reading {
    struct rules *r;
    struct rule *rule;
    const char *path;
    const char *code; /* of the rule, or "?" */
    size_t at;
    struct err *e;
};

static enum res
wrong(const struct reading *rd, const char *what, const char *which)
{
    return err_set(rd->e, RES_FATAL, "%s: aturan[%zu] (%s): %s%s%s", rd->path, rd->at, rd->code, what,
                   which ? " " : "", which ? which : "");
}

/* ---- pointers --------------------------------------------------------------------------------------------------- */

/* The field of a member of the form; false when there is no such member, or too many are named. */
static bool
field_of(struct rules *r, const char *name, unsigned *ret)
{
    if (!json_object_get(json_object_get(r->form, "properties"), name))
        return false;
    for (*ret = 0; *ret < r->nnames; ++*ret)
        if (strcmp(r->names[*ret], name) == 0)
            return true;
    if (r->nnames == RULES_FIELDS_MAX)
        return false;
    r->names[r->nnames++] = name;
    return true;
}

/* "/name" to its field. `z` lives as long as the document. */
static enum res
read_pointer(struct reading *rd, const char *name, const char *z, unsigned *ret)
{
    if (!z || *z != '/' || !field_of(rd->r, z + 1, ret))
        return wrong(rd, "no pointer to a member of the form:", z ? z : name);
    return RES_OK;
}

static enum res
read_pointers(struct reading *rd, const char *name, const json_t *j, unsigned *list, unsigned *n)
{
    size_t i;
    json_t *v;
    enum res res = RES_OK;

    if (json_is_string(j)) {
        *n = 1;
        return read_pointer(rd, name, json_string_value(j), list);
    }
    if (json_array_size(j) == 0 || json_array_size(j) > RULE_LIST_MAX)
        return wrong(rd, "1 to 8 pointers are wanted in", name);
    json_array_foreach (j, i, v) {
        if (res == RES_OK)
            res = read_pointer(rd, name, json_string_value(v), &list[(*n)++]);
    }
    return res;
}

/* "/name", that with a step for each element, or "" where the rule is about the whole. */
static enum res
read_place(struct reading *rd, const char *lokasi)
{
    struct rule *rule = rd->rule;
    size_t n = lokasi ? strlen(lokasi) : 0;

    if (!lokasi || ((rule->kind->flags & RULE_WHOLE) != 0) != (n == 0))
        return wrong(rd, "lokasi is not fit for the rule", NULL);
    rule->each = n > 2 && strcmp(lokasi + n - 2, "/*") == 0;
    rule->lokasi = lokasi;
    rule->pointer = str_dup((struct str){lokasi, rule->each ? n - 2 : n});
    if (!rule->pointer)
        return wrong(rd, "out of memory", NULL);
    if (n && (*lokasi != '/' || !field_of(rd->r, rule->pointer + 1, &rule->place)))
        return wrong(rd, "no pointer to a member of the form:", lokasi);
    return RES_OK;
}

/* ---- parameters ------------------------------------------------------------------------------------------------- */

static enum res
read_number(struct reading *rd, const char *name, const json_t *j, int64_t max, int64_t *ret)
{
    *ret = json_integer_value(j);
    if (!json_is_integer(j) || *ret < 0 || *ret > max)
        return wrong(rd, "not a number that fits:", name);
    return RES_OK;
}

static enum res
read_only(struct reading *rd, const char *name, const json_t *j, const char *only)
{
    const char *z = json_string_value(j);

    return z && strcmp(z, only) == 0 ? RES_OK : wrong(rd, "unknown value of", name);
}

static enum res
p_zona(struct reading *rd, const char *name, const json_t *j)
{
    return read_only(rd, name, j, "Asia/Jakarta");
}

static enum res
p_tabel(struct reading *rd, const char *name, const json_t *j)
{
    return read_only(rd, name, j, "opd");
}

static enum res
p_ekstensi(struct reading *rd, const char *name, const json_t *j)
{
    return read_only(rd, name, j, "revisi");
}

static enum res
p_hari(struct reading *rd, const char *name, const json_t *j)
{
    return read_number(rd, name, j, DAYS_MAX, &rd->rule->p.hari);
}

static enum res
p_minimum(struct reading *rd, const char *name, const json_t *j)
{
    return read_number(rd, name, j, NUMBER_MAX, &rd->rule->p.minimum);
}

static enum res
p_maksimum(struct reading *rd, const char *name, const json_t *j)
{
    return read_number(rd, name, j, NUMBER_MAX, &rd->rule->p.maksimum);
}

static enum res
p_tanggal(struct reading *rd, const char *name, const json_t *j)
{
    if (!json_is_string(j) || !caltime_date_parse(str_of(json_string_value(j)), &rd->rule->p.tanggal))
        return wrong(rd, "not a date:", name);
    return RES_OK;
}

static enum res
p_kolom(struct reading *rd, const char *name, const json_t *j)
{
    rd->rule->p.kolom = opd_column_of(str_of(json_string_value(j)));
    return rd->rule->p.kolom < OPD_COLUMNS ? RES_OK : wrong(rd, "no column of the table:", name);
}

static enum res
p_kunci(struct reading *rd, const char *name, const json_t *j)
{
    return read_pointers(rd, name, j, rd->rule->p.kunci, &rd->rule->p.nkunci);
}

static enum res
p_dari(struct reading *rd, const char *name, const json_t *j)
{
    return read_pointers(rd, name, j, rd->rule->p.dari, &rd->rule->p.ndari);
}

static enum res
p_jenis(struct reading *rd, const char *name, const json_t *j)
{
    return read_pointer(rd, name, json_string_value(j), &rd->rule->p.jenis);
}

static enum res
p_nilai(struct reading *rd, const char *name, const json_t *j)
{
    rd->rule->p.nilai = json_string_value(j);
    return rd->rule->p.nilai ? RES_OK : wrong(rd, "not a text:", name);
}

static enum res
p_texts(struct reading *rd, const char *name, const json_t *j)
{
    size_t i;
    json_t *v;

    json_array_foreach (j, i, v) {
        if (!json_is_string(v))
            return wrong(rd, "not an array of texts:", name);
    }
    return json_array_size(j) ? RES_OK : wrong(rd, "not an array of texts:", name);
}

static enum res
read_values(struct reading *rd, const char *name, const json_t *j)
{
    struct rule_params *p = &rd->rule->p;
    size_t i;
    json_t *v;

    if (json_is_string(j)) {
        p->bila[p->nbila++] = json_string_value(j);
        return RES_OK;
    }
    if (json_array_size(j) > RULE_LIST_MAX || p_texts(rd, name, j) != RES_OK)
        return wrong(rd, "1 to 8 texts are wanted in", name);
    json_array_foreach (j, i, v)
        p->bila[p->nbila++] = json_string_value(v);
    return RES_OK;
}

static enum res
p_bila(struct reading *rd, const char *name, const json_t *j)
{
    struct rule_params *p = &rd->rule->p;
    enum res res;
    void *it = json_object_iter((json_t *)(uintptr_t)j);

    if (!it)
        return read_values(rd, name, j);
    if (json_object_size(j) != 1)
        return wrong(rd, "one member is wanted in", name);
    if (rd->rule->kind->flags & RULE_ELSEWHERE) {
        p->bila_pointer = json_object_iter_key(it);
        return read_values(rd, name, json_object_iter_value(it));
    }
    res = read_pointer(rd, name, json_object_iter_key(it), &p->bila_field);
    p->bila_field_given = true;
    return res == RES_OK ? read_values(rd, name, json_object_iter_value(it)) : res;
}

static const struct {
    const char *name;
    enum param bit;
    enum res (*read)(struct reading *rd, const char *name, const json_t *j);
} params[] = {
    {"zona", P_ZONA, p_zona},
    {"hari", P_HARI, p_hari},
    {"minimum", P_MINIMUM, p_minimum},
    {"maksimum", P_MAKSIMUM, p_maksimum},
    {"tanggal", P_TANGGAL, p_tanggal},
    {"tabel", P_TABEL, p_tabel},
    {"kolom", P_KOLOM, p_kolom},
    {"kunci", P_KUNCI, p_kunci},
    {"nilai", P_NILAI, p_nilai},
    {"bila", P_BILA, p_bila},
    {"dari", P_DARI, p_dari},
    {"jenis", P_JENIS, p_jenis},
    {"ekstensi", P_EKSTENSI, p_ekstensi},
    {"jenis_lampiran", P_JENIS_LAMPIRAN, p_texts},
};
enum { PARAMS = sizeof params / sizeof *params };

static enum res
read_parameter(struct reading *rd, const char *name, const json_t *value, unsigned *seen)
{
    const struct rule_kind *kind = rd->rule->kind;
    unsigned i = 0;

    while (i < PARAMS && strcmp(params[i].name, name) != 0)
        i++;
    if (i == PARAMS || !((kind->needs | kind->may) & params[i].bit))
        return wrong(rd, "the rule knows no parameter", name);
    *seen |= params[i].bit;
    return params[i].read(rd, name, value);
}

static enum res
read_parameters(struct reading *rd, json_t *all)
{
    unsigned seen = 0;
    const char *name;
    json_t *value;

    if (!json_is_object(all))
        return wrong(rd, "parameter is no object", NULL);
    rd->rule->parameter = all;
    json_object_foreach (all, name, value) {
        if (read_parameter(rd, name, value, &seen) != RES_OK)
            return RES_FATAL;
    }
    for (unsigned i = 0; i < PARAMS; i++)
        if (rd->rule->kind->needs & params[i].bit & ~seen)
            return wrong(rd, "the rule needs the parameter", params[i].name);
    if (rd->rule->p.minimum > rd->rule->p.maksimum)
        return wrong(rd, "minimum is over maksimum", NULL);
    return RES_OK;
}

/* ---- rules ------------------------------------------------------------------------------------------------------ */

static const struct rule_kind *
kind_of(const char *name)
{
    for (const struct rule_kind *k = rule_kinds; name && k->name; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

static enum res
read_code(struct reading *rd, const json_t *j)
{
    const char *level = json_string_value(json_object_get(j, "tingkat"));
    const struct entry *entry = catalogue_code(rd->r->catalogue, str_of(rd->code));

    if (!entry || entry->field)
        return wrong(rd, "the catalogue has no such code with aturan: true", NULL);
    if (!level || level[0] != entry_level(entry) || level[1])
        return wrong(rd, "tingkat is not that of the code", NULL);
    rd->rule->entry = entry;
    return RES_OK;
}

static enum res
read_rule(struct reading *rd, const json_t *j)
{
    const char *code = json_string_value(json_object_get(j, "kode"));
    const char *name = json_string_value(json_object_get(j, "aturan"));
    enum res res;

    rd->code = code ? code : "?";
    rd->rule->kind = kind_of(name);
    if (!rd->rule->kind)
        return wrong(rd, "unknown rule", name ? name : "");
    if ((res = read_code(rd, j)) == RES_OK &&
        (res = read_place(rd, json_string_value(json_object_get(j, "lokasi")))) == RES_OK)
        res = read_parameters(rd, json_object_get(j, "parameter"));
    return res;
}

/* rules_signing has a bit for each. */
static enum res
few_signatures(const struct rules *r, const char *path, struct err *e)
{
    unsigned n = 0;

    for (size_t i = 0; i < r->nrules; i++)
        n += r->rule[i].kind && strcmp(r->rule[i].kind->name, "dokumen_tte") == 0;
    if (n > RULES_SIGNING_MAX)
        return err_set(e, RES_FATAL, "%s: dokumen_tte stands more than %d times", path, RULES_SIGNING_MAX);
    return RES_OK;
}

/* What stands for findings over the most that are listed: one of each level. */
static enum res
take_limits(struct rules *r, const char *path, struct err *e)
{
    for (size_t i = 0; i < r->nrules; i++) {
        const struct rule *rule = &r->rule[i];

        if (!rule->kind || strcmp(rule->kind->name, "batas_temuan") != 0)
            continue;
        if (rule->p.maksimum < 2 || rule->p.maksimum > RULES_FINDINGS_MAX)
            return err_set(e, RES_FATAL, "%s: aturan[%zu] (%s): maksimum must be 2 to %d", path, i,
                           rule->entry->code, RULES_FINDINGS_MAX);
        r->listed_max = (unsigned)rule->p.maksimum;
        if (entry_level(rule->entry) == 'E')
            r->rest_error = rule->entry;
        else
            r->rest_note = rule->entry;
    }
    if (!r->rest_error || !r->rest_note)
        return err_set(e, RES_FATAL, "%s: batas_temuan is needed with an E and with a W", path);
    return RES_OK;
}

enum res
named_load(struct rules *r, const struct source *from, struct err *e)
{
    const char *path = from->path;
    const json_t *list;
    size_t i;
    json_t *j;

    r->doc = source_json(from, e);
    if (!r->doc)
        return RES_FATAL;
    list = json_object_get(r->doc, "aturan");
    if (!json_is_array(list))
        return err_set(e, RES_FATAL, "%s: member aturan is no array", path);
    r->rule = calloc(json_array_size(list) + 1, sizeof *r->rule);
    if (!r->rule)
        return err_set(e, RES_FATAL, "out of memory");
    json_array_foreach (list, i, j) {
        struct reading rd = {.r = r, .rule = &r->rule[r->nrules++], .path = path, .at = i, .e = e};

        if (read_rule(&rd, j) != RES_OK)
            return RES_FATAL;
    }
    return few_signatures(r, path, e) == RES_OK ? take_limits(r, path, e) : RES_FATAL;
}
