/* outcome: what the stand-in does with one request, by the names that /_faults knows. */
#ifndef STANDIN_OUTCOME_H
#define STANDIN_OUTCOME_H

#include "common/base/str.h"

enum status { STATUS_DIPROSES, STATUS_MENUNGGU_PERBAIKAN, STATUS_AKTIF, STATUS_GAGAL, STATUS_DINONAKTIFKAN };

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
};

/* Finds `name`: a known word or any code from 400 to 599. */
bool outcome_find(const char *name, struct outcome *ret);

const char *outcome_status(enum status status);

#endif
