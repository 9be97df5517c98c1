"""A process that was stopped past its session or lease, while another took over, and then goes on."""
import signal

import harness
from harness import OPD, every_event_once


def test_projector(pipeline):
    p = pipeline()
    p.start(*harness.WORKERS, "projector.2")
    for i in range(150):
        p.submit(f"{OPD}-Z-{i:04d}")
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n > 20, what="work under way")
    p.signal("projector", signal.SIGSTOP)
    for i in range(150, 400):
        p.submit(f"{OPD}-Z-{i:04d}")
    p.flush()
    # longer than the session's 6 s: only then are the partitions the other's, and only it can finish
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == 400, 120,
                       f"the other projector finishes all; see {p.folder}")
    p.signal("projector", signal.SIGCONT)
    for i in range(400, 500):
        p.submit(f"{OPD}-Z-{i:04d}")
    p.flush()
    p.await_ready("projector")
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == 500, 60,
                       f"both go on; see {p.folder}")
    p.await_quiet()
    every_event_once(p)
    assert p.rows("select * from dead_letter") == []


def test_outbox_publisher(pipeline):
    """The holder of the validator's outbox lanes is stopped past its lease of 10 s; the other publishes; then it goes on."""
    p = pipeline()
    p.start(*harness.WORKERS)
    p.start("validator.2")
    lease = "select owner from outbox_lane where worker = 'validator' group by owner"
    holder = harness.eventually(lambda: p.rows(lease), lambda r: len(r) == 1, what="one holder of all lanes")[0]["owner"]
    name = next(n for n in ("validator", "validator.2") if str(p.procs[n].pid) == holder.split("-")[0])
    for i in range(200):
        p.submit(f"{OPD}-O-{i:04d}")
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n > 10, what="work under way")
    p.signal(name, signal.SIGSTOP)
    for i in range(200, 300):
        p.submit(f"{OPD}-O-{i:04d}")
    p.flush()
    harness.eventually(lambda: p.rows(lease), lambda r: r and r[0]["owner"] != holder, 60, "the lanes change hands")
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == 300, 120,
                       f"the other publishes all; see {p.folder}")
    p.signal(name, signal.SIGCONT)
    for i in range(300, 350):
        p.submit(f"{OPD}-O-{i:04d}")
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == 350, 60,
                       f"all go on; see {p.folder}")
    p.await_quiet()
    every_event_once(p)
    assert p.stats()["duplicates"] == 0
