#include "workers/sop/settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/caltime.h"

#define SET(member) offsetof(struct sop_settings, member)

const struct conf_key sop_keys[] = {
    {"sop", "time_tolerance", CONF_MS, SET(tolerance_ms), "24h", 0, NULL, 0, 0,
     "How far back a sender may date a fact; an earlier date is clamped and flagged"},
    {"sop", "event_max", CONF_BYTES, SET(event_max), "1m", 0, NULL, 4096, 4194304,
     "Largest event that is taken; a larger record is set aside. The gateway's body_max must be 64k less"},
    {"sop", "schemas", CONF_STR, SET(schemas_dir), NULL, 0, NULL, 0, 0,
     "Folder of forms, calendar and mapping; default: schemas beside the program's tree, else "
     "/usr/share/bedelau/schemas"},
    {"sop", "calendar", CONF_STR, SET(calendar_file), "data/kalender_id_2024_2027.csv", 0, NULL, 0, 0,
     "Holiday list, below schemas unless absolute, until one was loaded (bedelauctl calendar load); named by "
     "the "
     "file up to its first dot"},
    {"sop", "pengajuan", CONF_STR, SET(term[TAHAP_PENGAJUAN]), "1 hari_kerja", 0, NULL, 0, 0,
     "Clock 1: from the letter to form PA.20 (SOP step 1)"},
    {"sop", "pemeriksaan", CONF_STR, SET(term[TAHAP_PEMERIKSAAN]), "2 hari_kerja", 0, NULL, 0, 0,
     "Clock 2: from the form to the decision (SOP step 2)"},
    {"sop", "integrasi", CONF_STR, SET(term[TAHAP_INTEGRASI]), "30 hari_kerja", 0, NULL, 0, 0,
     "Clock 3: from acceptance until Bedelau reports aktif (SOP step 3)"},
    {"sop", "perbaikan", CONF_STR, SET(term[TAHAP_PERBAIKAN]), "5 hari_kerja", 0, NULL, 0, 0,
     "Repair clock of the applicant after a return; it never closes a request"},
    {"sop", "terms", CONF_STR, SET(terms_file), "data/jam.json", 0, NULL, 0, 0,
     "When clocks warn, and which departments or kinds of request have other terms than these four; below "
     "schemas unless absolute"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

/* "schemas" beside the folder "build" above this program. */
static bool
beside_program(char *out, size_t cap)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *build;

    if (n <= 0)
        return false;
    exe[n] = '\0';
    build = strstr(exe, "/build/");
    if (!build)
        return false;
    *build = '\0';
    return snprintf(out, cap, "%s/schemas", exe) < (int)cap && access(out, R_OK) == 0;
}

bool
sop_schemas(const struct sop_settings *s, char *out, size_t cap)
{
    if (!s->schemas_dir && beside_program(out, cap))
        return true;
    return snprintf(out, cap, "%s", s->schemas_dir ? s->schemas_dir : "/usr/share/bedelau/schemas") <
           (int)cap;
}

char *
sop_path(const char *schemas, const char *name)
{
    char *path = NULL;

    if (name[0] == '/')
        return strdup(name);
    return asprintf(&path, "%s/%s", schemas, name) < 0 ? NULL : path;
}

enum res
sop_calendar_version(const char *path, char out[CALENDAR_VERSION_MAX + 1], struct err *e)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t n = strcspn(name, ".");

    if (n == 0 || n > CALENDAR_VERSION_MAX || strspn(name, good) < n)
        return err_set(
            e, RES_REJECT,
            "a calendar is named by its file up to the first dot: 1 to %d letters, digits, _ and -",
            CALENDAR_VERSION_MAX);
    memcpy(out, name, n);
    out[n] = '\0';
    return RES_OK;
}

enum res
sop_calendar(struct str csv, const char *version, struct calendar **ret, struct err *e)
{
    return calendar_load(csv, version, (int)(CALTIME_WIB / CALTIME_MINUTE), ret, e);
}
