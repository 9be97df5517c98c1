/* keys: those members of form PA.20 by which one request meets another, made comparable. Pure. */
#ifndef VALIDATOR_KEYS_H
#define VALIDATOR_KEYS_H

#include "common/base/arena.h"

/* STR_NULL where the form does not have it, or has it in a shape that the form's own rules refuse. */
struct form_keys {
    struct str kategori;
    struct str kunci; /* jenis baru: the system's name, see keys_name */
    struct str surat; /* "<normal_letter of nomor_surat> <year of tanggal_surat>" */
    struct str asal;  /* perubahan, pencabutan: nomor_permohonan_asal */
};

/* `form` has passed scan_document; texts are copied into `arena`. */
void keys_read(struct arena *arena, struct str form, struct form_keys *ret);

/* A system's name as people mean it: small letters (ASCII and Latin-1), blanks (NBSP too) collapsed to one and none at
 * either end. Other scripts and other spellings stay apart. Appends to `out`. */
void keys_name(struct str name, struct buf *out);

#endif
