/* keys: those members of form PA.20 by which one request meets another, made comparable. Pure. */
#ifndef VALIDATOR_KEYS_H
#define VALIDATOR_KEYS_H

#include "common/base/arena.h"
#include "common/kafka/ce.h"

/* STR_NULL where the form does not have it, or has it in a shape that the form's own rules refuse. */
struct form_keys {
    struct str kategori;
    struct str kunci; /* jenis baru: the system's name, see normal_name */
    struct str surat; /* "<normal_letter of nomor_surat> <year of tanggal_surat>" */
    struct str asal;  /* perubahan, pencabutan: nomor_permohonan_asal */
};

/* The raw values of the members that the keys are made of, which point into the form: the event's data. */
enum { KEYS_MEMBERS = 6 };
void keys_pick(const struct ce *ce, struct str raw[KEYS_MEMBERS]);

/* Of what keys_pick found; texts are copied into `arena`. */
void keys_read(struct arena *arena, const struct str raw[KEYS_MEMBERS], struct form_keys *ret);

#endif
