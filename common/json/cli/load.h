/* load: JSON texts as the program takes them, and documents under URIs, from local files only. */
#ifndef JSON_CLI_LOAD_H
#define JSON_CLI_LOAD_H

#include <stdio.h>

#include "common/json/schema.h"

enum { LOAD_MAX = 256 << 20, LOAD_BASES = 32 }; /* bytes of one text; --base options */

/* A JSON text. Any value may stand at the top; a member name twice is refused; an integer beyond 64 bits becomes a double.
 * RES_REJECT with line and column when it is none, or has a number that no double holds. `*ret` is the caller's. */
enum res load_text(struct str text, json_t **ret, struct err *e);

/* The same from a file; "-" is standard input. RES_FATAL: cannot be read, or is larger than LOAD_MAX. */
enum res load_file(const char *path, json_t **ret, struct err *e);

/* Reads the next line without its end into `line`, at most LOAD_MAX bytes of it; a longer one is `line->failed`. False at
 * the end of the input. */
bool load_line(FILE *f, struct buf *line);

/* Where URIs lead to: what begins with `uri` is read from below `dir`. */
struct load_places {
    struct load_base {
        struct str uri;
        char *dir; /* resolved, owned */
    } base[LOAD_BASES];
    size_t n;
};

/* Takes one "URI=DIR", which must outlive `places`. */
enum res load_base(struct load_places *places, const char *arg, struct err *e);
void load_places_free(struct load_places *places);

/* schema_load_fn over a struct load_places: URIs below a base, and file: URIs of regular files. */
enum res load_uri(const char *uri, json_t **doc, void *places, struct err *e);

/* The URI of the schema that the command line names: a path, "-", or a URI below a base; each may end in a fragment. Its
 * document is put into `set`, unless it is a URI. The result is to be freed. */
enum res load_schema(struct schema_set *set, const struct load_places *places, const char *arg, char **uri,
                     struct err *e);

#endif
