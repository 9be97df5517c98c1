/* form: invented forms PA.20 of 1.5 to 2 KB, a function of (seed, number) alone. Nobody in them exists. */
#ifndef BENCH_FORM_H
#define BENCH_FORM_H

#include "common/base/buf.h"

enum { FORM_MIN = 1500, FORM_MAX = 2048, FORM_NOMOR = 64 };

struct form {
    char nomor[FORM_NOMOR]; /* nomor_permohonan, <kode_opd>-B<seed>-<number> */
    const char *kode_opd;   /* static */
    const char *nama_opd;   /* static */
    int64_t seed, number;
    bool bad; /* breaks one rule that returns it */
};

struct form form_make(int64_t seed, int64_t number, bool bad);

/* Appends the form as JSON. Good ones are FORM_MIN to FORM_MAX bytes. */
void form_write(const struct form *f, struct buf *out);

/* The number in a nomor of `seed`, or -1. */
int64_t form_number(int64_t seed, struct str nomor);

#endif
