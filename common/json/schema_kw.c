#include "common/json/schema_impl.h"

const struct schema_kw_info schema_kw[KW_COUNT] = {
    [KW_ID] = {"$id", VOCAB_CORE, SUB_NONE},
    [KW_SCHEMA] = {"$schema", VOCAB_CORE, SUB_NONE},
    [KW_REF] = {"$ref", VOCAB_CORE, SUB_NONE},
    [KW_ANCHOR] = {"$anchor", VOCAB_CORE, SUB_NONE},
    [KW_DYNAMIC_REF] = {"$dynamicRef", VOCAB_CORE, SUB_NONE},
    [KW_DYNAMIC_ANCHOR] = {"$dynamicAnchor", VOCAB_CORE, SUB_NONE},
    [KW_VOCABULARY] = {"$vocabulary", VOCAB_CORE, SUB_NONE},
    [KW_COMMENT] = {"$comment", VOCAB_CORE, SUB_NONE},
    [KW_DEFS] = {"$defs", VOCAB_CORE, SUB_MAP},
    [KW_DEFINITIONS] = {"definitions", VOCAB_CORE, SUB_MAP},
    [KW_ALL_OF] = {"allOf", VOCAB_APPLICATOR, SUB_LIST},
    [KW_ANY_OF] = {"anyOf", VOCAB_APPLICATOR, SUB_LIST},
    [KW_ONE_OF] = {"oneOf", VOCAB_APPLICATOR, SUB_LIST},
    [KW_NOT] = {"not", VOCAB_APPLICATOR, SUB_ONE},
    [KW_IF] = {"if", VOCAB_APPLICATOR, SUB_ONE},
    [KW_THEN] = {"then", VOCAB_APPLICATOR, SUB_ONE},
    [KW_ELSE] = {"else", VOCAB_APPLICATOR, SUB_ONE},
    [KW_DEPENDENT_SCHEMAS] = {"dependentSchemas", VOCAB_APPLICATOR, SUB_MAP},
    [KW_DEPENDENCIES] = {"dependencies", VOCAB_APPLICATOR, SUB_MAP},
    [KW_PREFIX_ITEMS] = {"prefixItems", VOCAB_APPLICATOR, SUB_LIST},
    [KW_ITEMS] = {"items", VOCAB_APPLICATOR, SUB_ONE},
    [KW_CONTAINS] = {"contains", VOCAB_APPLICATOR, SUB_ONE},
    [KW_PROPERTIES] = {"properties", VOCAB_APPLICATOR, SUB_MAP},
    [KW_PATTERN_PROPERTIES] = {"patternProperties", VOCAB_APPLICATOR, SUB_MAP},
    [KW_ADDITIONAL_PROPERTIES] = {"additionalProperties", VOCAB_APPLICATOR, SUB_ONE},
    [KW_PROPERTY_NAMES] = {"propertyNames", VOCAB_APPLICATOR, SUB_ONE},
    [KW_UNEVALUATED_ITEMS] = {"unevaluatedItems", VOCAB_UNEVALUATED, SUB_ONE},
    [KW_UNEVALUATED_PROPERTIES] = {"unevaluatedProperties", VOCAB_UNEVALUATED, SUB_ONE},
    [KW_TYPE] = {"type", VOCAB_VALIDATION, SUB_NONE},
    [KW_CONST] = {"const", VOCAB_VALIDATION, SUB_NONE},
    [KW_ENUM] = {"enum", VOCAB_VALIDATION, SUB_NONE},
    [KW_MULTIPLE_OF] = {"multipleOf", VOCAB_VALIDATION, SUB_NONE},
    [KW_MAXIMUM] = {"maximum", VOCAB_VALIDATION, SUB_NONE},
    [KW_EXCLUSIVE_MAXIMUM] = {"exclusiveMaximum", VOCAB_VALIDATION, SUB_NONE},
    [KW_MINIMUM] = {"minimum", VOCAB_VALIDATION, SUB_NONE},
    [KW_EXCLUSIVE_MINIMUM] = {"exclusiveMinimum", VOCAB_VALIDATION, SUB_NONE},
    [KW_MAX_LENGTH] = {"maxLength", VOCAB_VALIDATION, SUB_NONE},
    [KW_MIN_LENGTH] = {"minLength", VOCAB_VALIDATION, SUB_NONE},
    [KW_PATTERN] = {"pattern", VOCAB_VALIDATION, SUB_NONE},
    [KW_MAX_ITEMS] = {"maxItems", VOCAB_VALIDATION, SUB_NONE},
    [KW_MIN_ITEMS] = {"minItems", VOCAB_VALIDATION, SUB_NONE},
    [KW_UNIQUE_ITEMS] = {"uniqueItems", VOCAB_VALIDATION, SUB_NONE},
    [KW_MAX_CONTAINS] = {"maxContains", VOCAB_VALIDATION, SUB_NONE},
    [KW_MIN_CONTAINS] = {"minContains", VOCAB_VALIDATION, SUB_NONE},
    [KW_MAX_PROPERTIES] = {"maxProperties", VOCAB_VALIDATION, SUB_NONE},
    [KW_MIN_PROPERTIES] = {"minProperties", VOCAB_VALIDATION, SUB_NONE},
    [KW_REQUIRED] = {"required", VOCAB_VALIDATION, SUB_NONE},
    [KW_DEPENDENT_REQUIRED] = {"dependentRequired", VOCAB_VALIDATION, SUB_NONE},
    [KW_TITLE] = {"title", VOCAB_META_DATA, SUB_NONE},
    [KW_DESCRIPTION] = {"description", VOCAB_META_DATA, SUB_NONE},
    [KW_DEFAULT] = {"default", VOCAB_META_DATA, SUB_NONE},
    [KW_DEPRECATED] = {"deprecated", VOCAB_META_DATA, SUB_NONE},
    [KW_READ_ONLY] = {"readOnly", VOCAB_META_DATA, SUB_NONE},
    [KW_WRITE_ONLY] = {"writeOnly", VOCAB_META_DATA, SUB_NONE},
    [KW_EXAMPLES] = {"examples", VOCAB_META_DATA, SUB_NONE},
    [KW_FORMAT] = {"format", VOCAB_FORMAT | VOCAB_FORMAT_ASSERT, SUB_NONE},
    [KW_CONTENT_ENCODING] = {"contentEncoding", VOCAB_CONTENT, SUB_NONE},
    [KW_CONTENT_MEDIA_TYPE] = {"contentMediaType", VOCAB_CONTENT, SUB_NONE},
    [KW_CONTENT_SCHEMA] = {"contentSchema", VOCAB_CONTENT, SUB_ONE},
};

const char *
schema_kw_name(unsigned kw)
{
    if (kw < KW_COUNT)
        return schema_kw[kw].name;
    return kw == KW_FALSE ? "false" : "limit";
}

bool
schema_kw_known(const char *name)
{
    for (size_t i = 0; i < KW_COUNT; i++)
        if (strcmp(schema_kw[i].name, name) == 0)
            return true;
    return false;
}

unsigned
schema_vocab_bit(const char *uri)
{
    static const struct {
        const char *name;
        unsigned bit;
    } vocab[] = {
        {"core", VOCAB_CORE},
        {"applicator", VOCAB_APPLICATOR},
        {"unevaluated", VOCAB_UNEVALUATED},
        {"validation", VOCAB_VALIDATION},
        {"meta-data", VOCAB_META_DATA},
        {"format-annotation", VOCAB_FORMAT},
        {"format-assertion", VOCAB_FORMAT_ASSERT},
        {"content", VOCAB_CONTENT},
    };
    static const char head[] = "https://json-schema.org/draft/2020-12/vocab/";

    if (strncmp(uri, head, sizeof head - 1) != 0)
        return 0;
    for (size_t i = 0; i < sizeof vocab / sizeof *vocab; i++)
        if (strcmp(uri + sizeof head - 1, vocab[i].name) == 0)
            return vocab[i].bit;
    return 0;
}
