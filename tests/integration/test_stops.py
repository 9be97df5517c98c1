"""Programs that are stopped at the worst moment, or asked to end while there is work."""
import signal

import psycopg2.extensions
import pytest

import harness
import wire
from harness import OPD, every_event_once

pytestmark = pytest.mark.alone

# a transaction that is open and waits for its program; one of which half is sent is active to Postgres
OPEN = ("select count(*) from pg_stat_activity where application_name = 'bedelau-{}' and xact_start is not null"
        " and state_change < clock_timestamp() - interval '500 ms' and ")
SYNC = b"S\0\0\0\4"  # the message that ends what Postgres is to answer


def answered():
    """What a transaction asks first is answered; the rest of it does not arrive."""
    pieces = []

    def passes(data):
        if pieces and pieces[-1].endswith(SYNC):
            return 0
        if pieces or b"\0begin\0" in data:
            pieces.append(data)
        return None

    return passes


def half_sent():
    """What a transaction asks first arrives, and not the end that has it answered."""
    begun = False

    def passes(data):
        nonlocal begun
        begun |= b"\0begin\0" in data
        return len(data) - len(SYNC) if begun and data.endswith(SYNC) else None

    return passes


def submit(p, letter, numbers):
    for i in numbers:
        p.submit(f"{OPD}-{letter}-{i:04d}")
    p.flush()


def await_done(p, n, limit_s=120):
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda got: got == n, limit_s,
                       f"{n} selesai; see {p.folder}")


@pytest.fixture
def way():
    """A way to Postgres that can be stalled."""
    parts = psycopg2.extensions.parse_dsn(harness.services()[1])
    proxy = wire.Proxy(parts["host"], int(parts["port"]))
    proxy.conninfo = psycopg2.extensions.make_dsn(**{**parts, "host": "127.0.0.1", "port": proxy.port, "sslmode": "disable"})
    yield proxy
    proxy.close()


@pytest.mark.parametrize("name, passes, how", [
    ("projector", answered, "state = 'idle in transaction'"),
    ("validator", half_sent, "state = 'active' and wait_event = 'ClientRead'"),
], ids=["projector, answered", "validator, half sent"])
def test_stopped_in_a_transaction(pipeline, way, name, passes, how):
    """It holds the locks of its partitions' rows; its session is ended after a while, and the other takes over."""
    p = pipeline()
    p.start(name, postgres_conninfo=way.conninfo)
    p.start(*(w for w in harness.WORKERS if w != name), f"{name}.2")
    submit(p, "T", range(50))
    await_done(p, 50)
    way.stall_when(passes())
    submit(p, "T", range(50, 150))
    assert way.stalled.wait(60)
    p.signal(name, signal.SIGSTOP)
    harness.eventually(lambda: p.one(OPEN.format(name) + how), what="a transaction is held")
    submit(p, "T", range(150, 250))
    await_done(p, 250)
    way.mend()
    p.signal(name, signal.SIGCONT)
    p.await_ready(name)
    submit(p, "T", range(250, 300))
    await_done(p, 300)
    p.await_quiet()
    every_event_once(p)
    assert p.rows("select * from dead_letter") == []
    assert p.stats()["duplicates"] == 0


def test_integrator_stopped_past_its_lease(pipeline):
    """Its calls are in flight when it is stopped; the other asks what became of them; then it goes on."""
    p = pipeline(integrator_timeout="1s", integrator_lease="2s", integrator_backoff_min="50ms",
                 integrator_backoff_max="500ms", integrator_poll="300ms")
    p.faults(seed=11, latency_ms=150, mix={"202": 0.2, "503": 0.05}, callback_after_ms=300)
    p.start(*harness.WORKERS, "integrator.2")
    submit(p, "V", range(150))
    harness.eventually(lambda: p.stats()["post"], lambda n: n > 20, what="calls under way")
    p.signal("integrator", signal.SIGSTOP)
    held = p.one("select count(*) from job_integrator where lease <> 0")
    submit(p, "V", range(150, 250))
    await_done(p, 250)
    assert held > 0
    p.signal("integrator", signal.SIGCONT)
    submit(p, "V", range(250, 300))
    await_done(p, 300)
    p.await_quiet()
    every_event_once(p)
    stats = p.stats()
    assert (stats["active"], stats["duplicates"]) == (300, 0), stats
    assert p.one("select count(*) from (select subject from event where type like '%%.integration.completed.v1' "
                 "group by subject having count(*) > 1) twice") == 0


def test_drained_under_load(pipeline):
    """SIGTERM while there is work: each ends with 0 within its limit and leaves nothing half done for its successor."""
    p = pipeline(integrator_timeout="1s", integrator_lease="2s", integrator_backoff_min="50ms",
                 integrator_backoff_max="500ms", integrator_in_flight=8)
    p.faults(seed=12, latency_ms=200, mix={"503": 0.05})  # 8 at once: 100 requests are 2.5 s of calls at the least
    p.start(*harness.WORKERS)
    sent = 0
    for name in harness.WORKERS:
        seen = p.one("select count(*) from event")
        submit(p, "W", range(sent, sent + 100))
        sent += 100
        harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n > seen, what="work under way")
        assert p.terminate(name) == 0, name
        assert p.one("select count(*) from request where status = 'selesai'") < sent  # it was in the middle
        p.start(name)
    await_done(p, sent)
    p.await_quiet()
    every_event_once(p)
    assert (p.stats()["active"], p.stats()["duplicates"]) == (sent, 0)


def test_calls_under_way_are_awaited(pipeline):
    """A call that is left to its fate would have to be asked about by the next process: SIGTERM waits for the answer."""
    p = pipeline(integrator_in_flight=4)
    p.faults(latency_ms=1000)
    p.start(*harness.WORKERS)
    submit(p, "A", range(8))
    harness.eventually(lambda: p.one("select count(*) from job_integrator"), lambda n: n == 8, what="eight jobs")
    harness.eventually(lambda: p.stats()["post"], lambda n: n >= 4, what="calls under way")
    assert p.terminate("integrator") == 0
    begun = p.stats()["post"]
    assert begun < 8
    assert p.one("select count(*) from attempt_integrator where answered_at is null") == 0
    assert p.one("select count(*) from job_integrator where lease <> 0") == 0
    assert p.one("select count(*) from job_integrator") == 8 - begun
    p.start("integrator")
    await_done(p, 8)
    p.await_quiet()
    stats = p.stats()
    assert (stats["post"], stats["get"], stats["active"]) == (8, 0, 8), stats
