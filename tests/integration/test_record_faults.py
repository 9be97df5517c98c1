"""Postgres of this test's own at fault, in each way that it can be: nothing is lost, nothing set aside, and nobody has to restart
anything. BEDELAU_TEST_FULL=1 for the long variants."""
import signal
import time

import pytest

import harness
from harness import FULL, OPD, every_event_once, eventually

pytestmark = pytest.mark.alone


class Running:
    """The programs, which run through all the faults of this file."""

    def __init__(self, p, server, small):
        self.p, self.pg, self.small, self.sent = p, server, small, 0
        self.names = [n for n in self.p.procs if n != "standin"]

    def submit(self, n):
        for _ in range(n):
            self.p.submit(f"{OPD}-F-{self.sent:05d}")
            self.sent += 1
        self.p.flush()

    def under_way(self):
        """Work that the fault shall meet."""
        seen = self.p.one("select count(*) from event")
        self.submit(40)
        eventually(lambda: self.p.one("select count(*) from event"), lambda n: n > seen, what="work under way")

    def await_unready(self, *names):
        for name in names or self.names:
            eventually(lambda: self.p.ready(name), lambda s: s == 503, what=f"{name} says that it is not ready")

    def await_said(self, words, *names):
        for name in names or self.names:
            eventually(lambda: self.said(name, words), what=f"{name} says {words}; see {self.p.folder}")

    def said(self, name, words):
        return sum(words in line for line in self.p.log(name).splitlines())

    def proved(self):
        """The same processes have brought everything to its end."""
        p = self.p
        self.submit(10)
        eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == self.sent, 120,
                   f"{self.sent} selesai; see {p.folder}")
        assert [n for n in self.names if p.procs[n].poll() is not None] == []
        for name in self.names:
            p.await_ready(name)
        p.await_quiet()
        every_event_once(p)
        assert p.rows("select * from dead_letter") == [] and p.read("dead-letters") == []
        assert (p.stats()["active"], p.stats()["duplicates"]) == (self.sent, 0)


@pytest.fixture(scope="module")
def running(postgres_of_module):
    small = postgres_of_module.small_tablespace("kecil")
    with pytest.MonkeyPatch.context() as env:
        env.setenv("BEDELAU_KAFKA_BOOTSTRAP_SERVERS", harness.services()[0])
        env.setenv("BEDELAU_POSTGRES_CONNINFO", postgres_of_module.conninfo)
        with harness.running("test_record_faults", *harness.WORKERS, "projector.2", integrator_timeout="2s", integrator_lease="5s",
                             integrator_backoff_min="50ms", integrator_backoff_max="500ms") as p:
            yield Running(p, postgres_of_module, small)


def test_crash(running):
    running.under_way()
    running.pg.stop(signal.SIGQUIT)
    try:
        running.submit(40)
        running.await_unready()
    finally:
        running.pg.start()
    running.proved()


def test_sessions_ended_each_second(running):
    """The database answers all the time, and nobody keeps a session for longer than a second."""
    r, ended = running, []
    before = {n: r.said(n, "Postgres does not answer; waiting") for n in r.names}
    for _ in range(30 if FULL else 5):
        r.submit(10)
        ended.append(r.pg.end_sessions())
        harness._pause.wait(1)  # each second is the case
    assert min(ended) > 0 and sum(ended) >= len(ended) * len(r.names) / 2, ended
    assert all(r.said(n, "Postgres does not answer; waiting") > before[n] for n in r.names)
    r.proved()


def test_sessions_ended_in_their_transactions(running):
    """Whoever is found in a transaction loses its session, again and again: before, in and after its COMMIT."""
    r = running
    r.submit(150)
    ended = 0
    for _ in range(2000):
        ended += len(r.pg.do("select pg_terminate_backend(pid) from pg_stat_activity where backend_xid is not null"
                             " and application_name like 'bedelau%%'"))
        if ended >= (200 if FULL else 30):
            break
    assert ended >= 10
    r.proved()


def test_disk_full(running):
    if running.small is None:
        pytest.skip("no small file system may be mounted here")
    running.under_way()
    filler = running.small / "penuh"
    try:
        with open(filler, "wb") as f, pytest.raises(OSError, match="No space left"):
            while True:
                f.write(b"\0" * (1 << 20))
                f.flush()
        running.submit(200)
        running.await_said("sqlstate=53100", "validator", "projector", "projector.2")
    finally:
        filler.unlink()
    running.proved()


def test_read_only_server(running):
    """As of a standby: everything that writes is refused with 25006."""
    running.under_way()
    running.pg.do("alter system set default_transaction_read_only = on")
    try:
        running.pg.do("select pg_reload_conf()")
        running.submit(40)
        running.await_said("sqlstate=25006")
    finally:
        running.pg.do("alter system reset default_transaction_read_only")
        running.pg.do("select pg_reload_conf()")
    running.proved()


def test_read_only_sessions(running):
    """Sessions that may not write for as long as they live, though the server takes writes again."""
    running.under_way()
    running.pg.do("alter role bedelau set default_transaction_read_only = on")
    try:
        running.pg.end_sessions()
        running.submit(40)
        running.await_unready()
    finally:
        running.pg.do("alter role bedelau reset default_transaction_read_only")
    running.proved()


def test_wrong_password(running):
    r = running
    r.under_way()
    r.pg.do("alter role bedelau password 'lain'")
    try:
        r.pg.end_sessions()
        r.submit(40)
        r.await_unready()
        r.await_said("password authentication failed")
        times = {n: r.said(n, "Postgres does not answer; waiting") for n in r.names}
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began, lambda s: s >= (60 if FULL else 3), 90, "a while with the wrong password, which is the case")
        assert {n: r.said(n, "Postgres does not answer; waiting") for n in r.names} == times  # said once
    finally:
        r.pg.do(f"alter role bedelau password '{r.pg.password}'")
    r.proved()


def test_missing_partition(running):
    """No partition for the row: 23514 as a broken CHECK has, yet never the record's fault."""
    p = running.p
    p.rows("""create table bagian (seq bigint, n int) partition by list (n);
              create function salin() returns trigger language plpgsql as $$ begin insert into bagian values (new.seq, 1); return null; end $$;
              create trigger salin after insert on event for each row execute function salin()""")
    try:
        running.submit(20)
        running.await_said("sqlstate=23514", "projector", "projector.2")
        running.await_said("no partition of relation", "projector", "projector.2")
        p.rows("create table bagian_1 partition of bagian for values in (1)")
        running.proved()
        assert p.one("select count(*) from bagian") > 0
    finally:
        p.rows("drop trigger salin on event")
