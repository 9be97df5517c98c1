/* ctl_words: the pure parts of bedelauctl, each with a table of cases in tests/unit/test_ctl_words.c. */
#ifndef CTL_WORDS_H
#define CTL_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"

enum { CTL_WORDS_SPAN = 48, CTL_WORDS_TIME = 32, CTL_WORDS_KEY = 69, CTL_WORDS_TOKEN = 48 };

/* A length of time in its two largest units: "3 min 20 s", "2 d 4 h", "850 ms"; below 0 as 0. */
void ctl_words_span(int64_t ms, char out[CTL_WORDS_SPAN]);

/* "60s", "250ms", "5m", "24h", "90d" in milliseconds; a bare number is seconds. False on anything else or above 100
 * years. */
bool ctl_words_parse_span(const char *z, int64_t *ms);

/* An instant for people: "2026-11-25 11:07:51 WIB"; "-" for INT64_MIN. */
void ctl_words_time(int64_t t_us, char out[CTL_WORDS_TIME]);

/* timestamptz as Postgres writes it in zone UTC, "2026-11-25 04:07:51.123+00". False for anything else. */
bool ctl_words_pg_time(const char *z, int64_t *t_us);

/* The Idempotency-Key of a file: "ctl-" and the SHA-256 of its bytes: the same file again is the same request. */
void ctl_words_key(struct str bytes, char out[CTL_WORDS_KEY]);

/* A new token's text of 32 random bytes: "bdl_" and 43 characters of base64url. */
void ctl_words_token(const unsigned char random[32], char out[CTL_WORDS_TOKEN]);

/* Whether `word` is one of the comma separated `list`. */
bool ctl_words_in(const char *list, const char *word);

#endif
