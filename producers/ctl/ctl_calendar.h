/* ctl_calendar: what the calendar commands share. */
#ifndef CTL_CTL_CALENDAR_H
#define CTL_CTL_CALENDAR_H

#include "common/calendar/calendar.h"
#include "producers/ctl/ctl.h"

/* A list of holidays as it was read. */
struct ctl_list {
    char version[CALENDAR_VERSION_MAX + 1];
    char *csv;
    size_t n;
    struct calendar *cal;
    const char *from; /* "database" or "file" */
};

/* A file: `path`, or what [sop] calendar names when it is NULL. 0 or an exit code, and it was said why. What was read is
 * the caller's, for ctl_list_free, in either case. */
int ctl_list_file(struct ctl *c, const char *path, struct ctl_list *ret);

/* The version in force: the newest that was loaded, else the file of [sop] calendar. Results as above. */
int ctl_list_in_force(struct ctl *c, struct ctl_list *ret);

void ctl_list_free(struct ctl_list *l);

/* Whether a calendar has no data of a year. */
bool ctl_list_lacks(const struct calendar *cal, int year);

/* What calendar_check finds as of today, each printed unless --json. */
struct ctl_findings {
    const struct ctl *c;
    const struct calendar
        *in_force; /* a next year that this one lacks too is no reason to refuse another; may be NULL */
    json_t *all;   /* new reference */
    int wrong;     /* of them, what should be mended */
    int bad;       /* of them, what keeps a list from being loaded */
};
void ctl_list_check(const struct ctl_list *l, struct ctl_findings *f);

/* calendar load: ctl_calendar_load.c */
int ctl_calendar_load(struct ctl *c, int argc, char **argv);

#endif
