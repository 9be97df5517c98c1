/* script: what happens to the calls about one number, step by step. */
#ifndef STANDIN_SCRIPT_H
#define STANDIN_SCRIPT_H

#include <jansson.h>

#include "common/base/err.h"
#include "tests/standin/book.h"
#include "tests/standin/telling.h"

enum { SCRIPT_MAX = 4096, SCRIPT_STEPS = 64 };

struct step {
    unsigned asks; /* the calls that use it up: ASK_ values */
    struct outcome outcome;
    int64_t delay_ms;        /* before the answer; -1 = as the settings say */
    int64_t retry_after_s;   /* -1 = no header, -2 = as the settings say */
    const char *retry_after; /* the header's text, or NULL; into the settings */
    char *body;              /* in place of the usual one, or NULL; owned */
    struct telling telling;
    bool told; /* it says itself what is told: also where it registers as aktif */
};

struct script {
    struct str nomor; /* into the settings */
    bool prefix;      /* it ended in a star */
    struct step *steps;
    size_t n;
};

struct scripts {
    struct script *item;
    size_t n;
};

/* Reads {"<nomor or prefix*>": [step, ..]}. `usual` is what a step tells that says nothing of it. `v` must outlive `s`.
 * RES_REJECT says what is wrong; `s` is to be freed in any case. */
enum res scripts_read(struct scripts *s, json_t *v, const struct telling *usual, struct err *e);
void scripts_free(struct scripts *s);

/* Uses up the first step left that is meant for such a call; NULL when there is none. A number has the script of its own
 * name, else the first whose prefix fits. `epoch` tells settings apart: new ones start anew. */
const struct step *scripts_next(const struct scripts *s, unsigned epoch, struct book_nomor *nomor,
                                enum ask ask);

#endif
