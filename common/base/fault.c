#include "common/base/fault.h"

#include <signal.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/str.h"

/* Where the linker laid the places; neither is there in a program that has none. */
extern const struct fault_point points_begin[] __asm__("__start_fault_points") __attribute__((weak));
extern const struct fault_point points_end[] __asm__("__stop_fault_points") __attribute__((weak));

/* Set once at the start; only a process that is about to die counts. */
static struct {
    const struct fault_point *at;
    int64_t left;
} armed;

static const struct fault_point *
find(struct str name)
{
    for (const struct fault_point *p = points_begin; p < points_end; p++)
        if (str_is(name, p->name))
            return p;
    return NULL;
}

enum res
fault_arm(const char *spec, struct err *e)
{
    struct str name = {spec, strcspn(spec, ":")};
    const struct fault_point *at = find(name);
    int64_t times = 1;

    if (!at)
        return err_set(e, RES_FATAL, "no place of this program is called %.*s", STR_FMT(name));
    if (spec[name.n] && (!str_int(str_of(spec + name.n + 1), &times) || times < 1))
        return err_set(e, RES_FATAL, "%s: after the colon stands which time, from 1", spec);
    armed.at = at;
    armed.left = times;
    return RES_OK;
}

void
fault_pass(const struct fault_point *here)
{
    if (__builtin_expect(armed.at != here, 1))
        return;
    if (--armed.left > 0)
        return;
    log_warn("ends here, as the environment asked", LOG_Z("fault", here->name));
    kill(getpid(), SIGKILL);
    pause(); /* it is on its way */
}

void
fault_list(struct buf *out)
{
    for (const struct fault_point *p = points_begin; p < points_end; p++) {
        buf_z(out, p->name);
        buf_char(out, '\n');
    }
}
