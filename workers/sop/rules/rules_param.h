/* rules_param: the parameters that rules by name may have, as bits. Internal. */
#ifndef SOP_RULES_RULES_PARAM_H
#define SOP_RULES_RULES_PARAM_H

enum param {
    P_ZONA = 1 << 0,    /* "Asia/Jakarta", the only one */
    P_HARI = 1 << 1,    /* days, 0..36600 */
    P_MINIMUM = 1 << 2, /* numbers */
    P_MAKSIMUM = 1 << 3,
    P_TANGGAL = 1 << 4,        /* a day */
    P_TABEL = 1 << 5,          /* "opd", the only one */
    P_KOLOM = 1 << 6,          /* a column of it */
    P_KUNCI = 1 << 7,          /* a pointer, or an array of them */
    P_NILAI = 1 << 8,          /* a text */
    P_BILA = 1 << 9,           /* a text, an array of texts, or {pointer: text or array} */
    P_DARI = 1 << 10,          /* an array of pointers */
    P_JENIS = 1 << 11,         /* a pointer */
    P_EKSTENSI = 1 << 12,      /* "revisi", the only one */
    P_JENIS_LAMPIRAN = 1 << 13 /* an array of texts; read by whoever judges documents */
};

#endif
