/* nip: the number of a civil servant (PNS) or of an employee by agreement (PPPK), 18 digits. There is no check digit;
 * what can be judged is in domain.md, section 4. Pure. */
#ifndef SOP_RULES_NIP_H
#define SOP_RULES_NIP_H

#include "common/base/caltime.h"

enum nip_kind { NIP_PNS, NIP_PPPK };

struct nip {
    struct caltime_date born; /* digits 1-8: a real date of 1900..2099 */
    int year;                 /* digits 9-12: of appointment or agreement, 1900..2099 */
    int month;                /* digits 13-14: PNS the month; PPPK the kind of agreement, which is no month */
    int sex;                  /* 1, 2 */
    int sequence;             /* 1..999 */
};

/* Reads a NIP of either kind, separators (space, NBSP, '.', '-') left out. False, and `*ret` zero, for anything but
 * 18 digits, a day that never was, another sex or sequence 000. */
bool nip_parse(struct str text, struct nip *ret);

/* Whether it can be one of that kind, whatever the day: PNS have a month of appointment and were at least 18 then. */
bool nip_fits(const struct nip *nip, enum nip_kind kind);

/* Whole years between birth and `day`; negative before birth. */
int nip_age(const struct nip *nip, int64_t day);

/* Whole years at appointment, counted in months as the number does not say the day: PNS only. */
int nip_age_appointed(const struct nip *nip);

/* Whether month (PNS) or year (PPPK) of appointment lies after that of `day`. */
bool nip_is_ahead(const struct nip *nip, enum nip_kind kind, int64_t day);

#endif
