#include "tests/standin/outcome.h"

#include <stdio.h>

static const struct outcome known[] = {
    {"201", 201, EFFECT_ACT, SEND_WHOLE, STATUS_AKTIF, STATUS_AKTIF, false},
    {"ok", 201, EFFECT_ACT, SEND_WHOLE, STATUS_AKTIF, STATUS_AKTIF, false},
    {"202", 202, EFFECT_ACT, SEND_WHOLE, STATUS_DIPROSES, STATUS_AKTIF, false},
    {"202_gagal", 202, EFFECT_ACT, SEND_WHOLE, STATUS_DIPROSES, STATUS_GAGAL, false},
    {"202_perbaikan", 202, EFFECT_ACT, SEND_WHOLE, STATUS_DIPROSES, STATUS_MENUNGGU_PERBAIKAN, false},
    {"202_tetap", 202, EFFECT_ACT, SEND_WHOLE, STATUS_DIPROSES, STATUS_DIPROSES, false},
    {"400", 400, EFFECT_REFUSE, SEND_WHOLE, STATUS_GAGAL, STATUS_GAGAL, false},
    {"422", 422, EFFECT_REFUSE, SEND_WHOLE, STATUS_GAGAL, STATUS_GAGAL, false},
    {"hang", 201, EFFECT_ACT, SEND_NOTHING, STATUS_AKTIF, STATUS_AKTIF, false},
    {"late", 201, EFFECT_ACT, SEND_NOTHING, STATUS_AKTIF, STATUS_AKTIF, true},
    {"hang_before", 0, EFFECT_NONE, SEND_NOTHING, STATUS_GAGAL, STATUS_GAGAL, false},
    {"cut", 201, EFFECT_ACT, SEND_HALF, STATUS_AKTIF, STATUS_AKTIF, false},
    {"cut_before", 0, EFFECT_NONE, SEND_CLOSE, STATUS_GAGAL, STATUS_GAGAL, false},
};

bool
outcome_find(const char *name, struct outcome *ret)
{
    int64_t code;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(known[i].name, name)) {
            *ret = known[i];
            return true;
        }
    }
    if (!str_int(str_of(name), &code) || code < 200 || code > 599)
        return false;
    *ret = (struct outcome){.code = (int)code,
                            .effect = code < 300 ? EFFECT_ACT : EFFECT_NONE,
                            .sending = SEND_WHOLE,
                            .status = STATUS_AKTIF,
                            .end = STATUS_AKTIF};
    snprintf(ret->name, sizeof ret->name, "%d", ret->code);
    return true;
}

void
outcome_apply(struct outcome *o, bool act)
{
    if (act && o->effect != EFFECT_ACT)
        o->status = o->end = STATUS_AKTIF;
    o->effect = act ? EFFECT_ACT : EFFECT_NONE;
}

static const char *const status_name[] = {"diproses", "menunggu_perbaikan", "aktif", "gagal",
                                          "dinonaktifkan"};

const char *
outcome_status(enum status status)
{
    return status_name[status];
}

bool
outcome_find_status(const char *name, enum status *ret)
{
    for (size_t i = 0; i < sizeof status_name / sizeof *status_name; i++) {
        if (!strcmp(status_name[i], name)) {
            *ret = (enum status)i;
            return true;
        }
    }
    return false;
}
