#include "common/json/cli/say.h"

#include <stdlib.h>

enum { QUOTE_MAX = 120 }; /* bytes of a name or a keyword's value in a sentence */

enum with { WITH_NOTHING, WITH_EXPECTED, WITH_PROPERTY };

static const struct sentence {
    const char *keyword;
    const char *text; /* "%" stands for the keyword's value or the property's name */
} sentences[] = {
    {"type", "must be of type %"},
    {"const", "must be %"},
    {"enum", "must be one of %"},
    {"multipleOf", "must be a multiple of %"},
    {"maximum", "must be at most %"},
    {"exclusiveMaximum", "must be less than %"},
    {"minimum", "must be at least %"},
    {"exclusiveMinimum", "must be greater than %"},
    {"maxLength", "must have at most % characters"},
    {"minLength", "must have at least % characters"},
    {"pattern", "must match the pattern %"},
    {"format", "must have the format %"},
    {"maxItems", "must have at most % items"},
    {"minItems", "must have at least % items"},
    {"uniqueItems", "must not have two equal items"},
    {"contains", "must have an item that matches"},
    {"maxContains", "must have at most % items that match"},
    {"minContains", "must have at least % items that match"},
    {"items", "must not have more items"},
    {"unevaluatedItems", "must not have items that nothing else has evaluated"},
    {"maxProperties", "must have at most % properties"},
    {"minProperties", "must have at least % properties"},
    {"required", "must have the property %"},
    {"dependentRequired", "must have the property %"},
    {"dependencies", "must have the property %"},
    {"additionalProperties", "must not have the property %"},
    {"unevaluatedProperties", "must not have the property %"},
    {"anyOf", "must match one of the schemas, and matches none"},
    {"oneOf", "must match exactly one of the schemas"},
    {"not", "must not match the schema"},
    {"false", "must not be there"},
    {"limit", "the check was not finished: limit of %"},
};

bool
say_is_limit(const struct schema_finding *f)
{
    return strcmp(f->keyword, "limit") == 0;
}

/* Appends at most QUOTE_MAX bytes, cut between two code points. */
static void
add_cut(struct buf *out, struct str s)
{
    size_t n = s.p ? s.n : 0;

    if (n > QUOTE_MAX) {
        n = QUOTE_MAX;
        while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
            n--;
    }
    buf_add(out, s.p, n);
    if (n < s.n)
        buf_z(out, "...");
}

static int
cut_chunk(const char *p, size_t n, void *arg)
{
    struct buf *b = arg;

    buf_add(b, p, n);
    return b->failed || b->n > QUOTE_MAX ? -1 : 0; /* enough of it */
}

static void
add_expected(struct buf *out, const json_t *v)
{
    struct buf text = buf_make((size_t)1 << 24);

    if (v)
        json_dump_callback(v, cut_chunk, &text, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (!text.failed && text.n)
        add_cut(out, buf_view(&text));
    buf_free(&text);
}

static void
add_name(struct buf *out, struct str name)
{
    buf_char(out, '"');
    add_cut(out, name);
    buf_char(out, '"');
}

static const struct sentence *
sentence_of(const char *keyword)
{
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strcmp(sentences[i].keyword, keyword) == 0)
            return &sentences[i];
    return NULL;
}

/* Whether the sentence's "%" is the property: then it is no name that stands below propertyNames. */
static bool
about_property(const char *keyword)
{
    static const char *const own[] = {"required", "dependentRequired", "additionalProperties", "dependencies",
                                      "unevaluatedProperties"};

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], keyword) == 0)
            return true;
    return false;
}

void
say_sentence(const struct schema_finding *f, struct buf *out)
{
    const struct sentence *s = sentence_of(f->keyword);
    const char *text = s ? s->text : "is not valid";
    const char *mark = strchr(text, '%');
    bool property = about_property(f->keyword);

    if (f->property.p && !property && !say_is_limit(f)) {
        buf_z(out, "the name ");
        add_name(out, f->property);
        buf_char(out, ' ');
    }
    if (!mark) {
        buf_z(out, text);
        return;
    }
    buf_add(out, text, (size_t)(mark - text));
    if (property)
        add_name(out, f->property);
    else if (say_is_limit(f))
        buf_str(out, f->property);
    else
        add_expected(out, f->expected);
    buf_z(out, mark + 1);
}

void
say_text(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool c1 = c == 0xc2 && i + 1 < s.n && ((unsigned char)s.p[i + 1] & 0xe0) == 0x80;

        if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else if (c1)
            buf_printf(out, "\\x%02x", (unsigned char)s.p[++i]);
        else
            buf_char(out, (char)c);
    }
}

void
say_line(const struct schema_finding *f, struct buf *out)
{
    struct buf sentence = buf_make(4096);

    say_sentence(f, &sentence);
    buf_z(out, "  ");
    say_text(f->instance[0] ? str_of(f->instance) : STR("(root)"), out);
    buf_z(out, ": ");
    say_text(buf_view(&sentence), out);
    buf_z(out, " [");
    buf_z(out, f->keyword);
    buf_z(out, " at ");
    say_text(str_of(f->location), out);
    buf_z(out, "]\n");
    buf_free(&sentence);
}

/* The location as a URI: what a fragment may not hold (RFC 3986, 3.5) is percent-encoded. */
static void
add_absolute(struct buf *out, const char *location)
{
    const char *hash = strchr(location, '#');

    buf_add(out, location, hash ? (size_t)(hash - location) : strlen(location));
    if (hash)
        buf_char(out, *hash++);
    for (; hash && *hash; hash++) {
        unsigned char c = (unsigned char)*hash;

        if (c <= 0x20 || c >= 0x7f || strchr("\"#%<>[\\]^`{|}", c))
            buf_printf(out, "%%%02X", c);
        else
            buf_char(out, (char)c);
    }
}

static void
add_member(struct buf *out, const char *name, struct buf *value)
{
    buf_printf(out, ",\"%s\":", name);
    buf_json(out, buf_view(value));
    out->failed = out->failed || value->failed;
    buf_free(value);
}

void
say_unit(const struct schema_finding *f, struct buf *out)
{
    struct buf b = buf_make((size_t)1 << 24);

    buf_z(out, "{\"valid\":false");
    schema_finding_path(f, &b);
    add_member(out, "keywordLocation", &b);
    add_absolute(&b, f->location);
    add_member(out, "absoluteKeywordLocation", &b);
    buf_z(&b, f->instance);
    add_member(out, "instanceLocation", &b);
    say_sentence(f, &b);
    add_member(out, "error", &b);
    buf_char(out, '}');
}
