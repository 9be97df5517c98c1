"""Programs that are stopped at the worst moment, or asked to end while there is work."""
import signal

import harness
import pytest
from harness import OPD, every_event_once

pytestmark = pytest.mark.alone

# transactions that are open and wait for their program; and those of which half is sent: to Postgres these are active
OPEN = "select count(*) from pg_stat_activity where application_name = 'bedelau-{}' and xact_start is not null and "
IDLE, HALF_SENT = "state like 'idle in transaction%%'", "state = 'active' and wait_event = 'ClientRead'"
HELD = " and state_change < clock_timestamp() - interval '500 ms'"  # for longer than a running program takes


def submit(p, letter, numbers):
    for i in numbers:
        p.submit(f"{OPD}-{letter}-{i:04d}")
    p.flush()


def await_done(p, n, limit_s=120):
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda got: got == n, limit_s,
                       f"{n} selesai; see {p.folder}")


def stop_in_a_transaction(p, name, letter, how):
    """Stops the process again and again until it happens to hold its rows' locks; returns how many requests were sent."""
    sent, any_open = 0, OPEN.format(name)[:-len(" and ")]
    held = OPEN.format(name) + how + HELD
    for _ in range(200):
        seen = p.one("select count(*) from event")
        submit(p, letter, range(sent, sent + 40))
        sent += 40
        harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n > seen, what="work under way")
        p.signal(name, signal.SIGSTOP)
        # a transaction of a program that runs is over within the time that HELD asks for
        harness.eventually(lambda: p.one(any_open + HELD) or not p.one(any_open), limit_s=5,
                           what="transactions end, or one is held")
        if p.one(held):
            return sent
        p.signal(name, signal.SIGCONT)
    raise AssertionError(f"{name} was never caught in a transaction")


@pytest.mark.parametrize("name, how", [("projector", IDLE), ("validator", HALF_SENT)],
                         ids=["projector, all sent", "validator, half sent"])
def test_stopped_in_a_transaction(pipeline, name, how):
    """It holds the locks of its partitions' rows; its session is ended after a while, and the other takes over."""
    p = pipeline()
    p.start(*harness.WORKERS, f"{name}.2")
    sent = stop_in_a_transaction(p, name, "T", how)
    submit(p, "T", range(sent, sent + 100))
    await_done(p, sent + 100)
    p.signal(name, signal.SIGCONT)
    p.await_ready(name)
    submit(p, "T", range(sent + 100, sent + 150))
    await_done(p, sent + 150)
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
