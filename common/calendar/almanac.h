/* almanac: the calendars that were in force one after the other. What is still open is reckoned by the newest; what has
 * ended, by the one that was in force when it ended, so that a later list changes nothing of the past. It only grows: a
 * calendar that was given out lives until almanac_free(). Not for several threads while one adds. */
#ifndef CALENDAR_ALMANAC_H
#define CALENDAR_ALMANAC_H

#include "common/calendar/calendar.h"

struct almanac;

/* NULL when memory is out. */
struct almanac *almanac_new(void);

/* Frees the calendars too. NULL is fine. */
void almanac_free(struct almanac *a);

/* Adds `cal`, in force from `since_us` on until a later one is (INT64_MIN: since ever); `id` is greater than that of any
 * before it. Takes `cal` on success; RES_RETRY when memory is out. */
enum res almanac_add(struct almanac *a, int64_t id, int64_t since_us, struct calendar *cal, struct err *e);

/* The calendar in force now, and its id; NULL and -1 while there is none. */
const struct calendar *almanac_newest(const struct almanac *a);
int64_t almanac_id(const struct almanac *a);

/* The calendar that was in force at `t_us`: the one added last of those in force since then or earlier, else the first.
 * INT64_MIN stands for now: the newest. NULL while there is none. */
const struct calendar *almanac_at(const struct almanac *a, int64_t t_us);

/* The one that was added after `cal`, which is one of it; NULL when that is the newest. */
const struct calendar *almanac_after(const struct almanac *a, const struct calendar *cal);

#endif
