/* say: what the endpoint's answers contain, and how they are sent. */
#ifndef STANDIN_SAY_H
#define STANDIN_SAY_H

#include "tests/standin/answer.h"

/* One call to the endpoint; lives as long as its handler runs. */
struct call {
    struct standin *x;
    struct server_req *req;
    enum ask ask;
    struct outcome o;
    const struct step *step; /* of a script, or NULL */
};

/* Appends what GET says of a registration. */
void say_state(const struct book_reg *reg, struct buf *b);

/* {id_integrasi, status}: the same bytes for the same registration, however often it is asked for. A `code` that is no
 * success says what such a code says. With `hold` as answer_give. */
struct answer_held *say_registered(struct call *c, int code, const struct book_reg *reg, enum status status,
                                   bool hold);

/* Nothing was registered: the list of a refusal, or a fault. A 2xx is a lie then: it names an id that nobody has. */
void say_failed(struct call *c, int code);

/* A GET's answer, unless a script has another body. */
void say_read(struct call *c, const struct book_reg *reg, struct str text);

#endif
