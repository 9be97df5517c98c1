/* outcome: what the stand-in does with one request, by the names that /_faults knows. */
#ifndef STANDIN_OUTCOME_H
#define STANDIN_OUTCOME_H

#include "common/base/str.h"

enum status { STATUS_DIPROSES, STATUS_MENUNGGU_PERBAIKAN, STATUS_AKTIF, STATUS_GAGAL, STATUS_DINONAKTIFKAN };

/* What is asked of the endpoint; a set of them is their sum. */
enum ask { ASK_POST = 1, ASK_PUT = 2, ASK_DELETE = 4, ASK_WRITE = 7, ASK_GET = 8 };

enum effect {
    EFFECT_NONE,   /* answers, does nothing */
    EFFECT_REFUSE, /* refused for good: the same key is refused again */
    EFFECT_ACT     /* registers */
};

enum sending {
    SEND_WHOLE,
    SEND_HALF,    /* headers and half of the body, then the connection is closed */
    SEND_NOTHING, /* the connection stays open and silent */
    SEND_CLOSE    /* closed without a byte */
};

struct outcome {
    char name[16];
    int code;
    enum effect effect;
    enum sending sending;
    enum status status; /* of a registration at once .. */
    enum status end;    /* .. and after callback_after_ms */
    bool late;          /* a POST or PUT registers only after late_ms, when nobody waits any more */
};

/* Finds `name`: a known word or any code from 200 to 599. Another code of 2xx registers, the others do nothing. */
bool outcome_find(const char *name, struct outcome *ret);

/* Makes it act though it would not (aktif then), or the other way round. */
void outcome_apply(struct outcome *o, bool act);

/* Finds "aktif" and the like. */
bool outcome_find_status(const char *name, enum status *ret);

const char *outcome_status(enum status status);

#endif
