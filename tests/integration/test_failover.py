"""Two Postgres of this test's own, the second a hot standby of the first, in one conninfo: the first dies in mid-load, the second is
promoted, and every program goes on as it is. Commits wait for the standby, so nothing that was said to be stored is lost."""
import datetime
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import harness
import postgres
import psycopg2
import psycopg2.extensions
import pytest
from harness import OPD, eventually


class Server:
    """One cluster in a folder; `as_user` is what commands begin with, since Postgres does not run as root."""

    def __init__(self, home, name, as_user, log):
        self.bin, self.data, self.port, self.as_user = postgres.binaries(), home / name, harness.free_port(), as_user
        self.log, self.proc = log / f"{name}.log", None
        self.dsn = f"host=127.0.0.1 port={self.port} dbname=postgres user=bedelau"

    def command(self, name, *words):
        done = subprocess.run([*self.as_user, self.bin / name, *words], cwd="/", capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def init(self):
        self.command("initdb", "-D", self.data, "-U", "bedelau", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8")

    def copy_of(self, primary):
        self.command("pg_basebackup", "-D", self.data, "-d", f"{primary.dsn} application_name=cadangan", "-R", "-X", "stream", "-c", "fast")

    def start(self):
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen([*self.as_user, self.bin / "postgres", "-D", self.data, "-h", "127.0.0.1", "-p", str(self.port), "-k",
                                          "", "-c", "max_connections=100", "-c", "hot_standby=on"], cwd="/", stdout=log, stderr=log)
        eventually(lambda: self.ask("select 1") == 1, what=f"a server; see {self.log}")

    def ask(self, sql):
        try:
            with psycopg2.connect(self.dsn) as db, db.cursor() as c:
                c.execute(sql)
                return c.fetchone()[0]
        except psycopg2.OperationalError:
            return None

    def run(self, sql):
        db = psycopg2.connect(self.dsn)
        db.autocommit = True
        with db.cursor() as c:
            c.execute(sql)
        db.close()

    def die(self):
        """At once, as if the machine lost its power: the postmaster and all its children."""
        if self.proc and self.proc.poll() is None:
            subprocess.run([*self.as_user, self.bin / "pg_ctl", "-D", self.data, "stop", "-m", "immediate"], cwd="/", capture_output=True, check=False)
            self.proc.wait(timeout=30)


@pytest.fixture
def two(folder, monkeypatch):
    """A primary and its standby; the pipeline's conninfo names both, the standby first."""
    postgres.binaries()  # or skip, before anything is made
    home = pathlib.Path(tempfile.mkdtemp(prefix="bedelau-failover-"))
    as_user = []
    if os.geteuid() == 0:
        user = postgres.owner()
        os.chown(home, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
    servers = [Server(home, name, as_user, folder) for name in ("pertama", "kedua")]
    primary, standby = servers
    try:
        primary.init()
        primary.start()
        standby.copy_of(primary)
        standby.start()
        primary.run("alter system set synchronous_standby_names = 'cadangan'")
        primary.run("select pg_reload_conf()")
        eventually(lambda: primary.ask("select count(*) from pg_stat_replication where sync_state = 'sync'"), lambda n: n == 1, what="replication")
        monkeypatch.setenv("BEDELAU_KAFKA_BOOTSTRAP_SERVERS", harness.services()[0])
        monkeypatch.setenv("BEDELAU_POSTGRES_CONNINFO", f"host=127.0.0.1,127.0.0.1 port={standby.port},{primary.port} dbname=postgres user=bedelau"
                                                        " target_session_attrs=read-write")
        yield primary, standby
    finally:
        for s in servers:
            s.die()
        shutil.rmtree(home, ignore_errors=True)


def finished(p):
    return p.one("select count(*) from request where status = 'selesai'")


def test_the_standby_takes_over(two, pipeline):
    primary, standby = two
    p = pipeline(**harness.FAST)
    p.start(*harness.WORKERS, *(f"{w}.2" for w in harness.WORKERS), "gateway")
    token = p.ctl("token", "create", "--opd", OPD).strip()
    pids = {name: proc.pid for name, proc in p.procs.items()}
    n = 300

    def submit(a, b):
        for i in range(a, b):
            p.submit(f"{OPD}-F-{i}")
        p.flush()

    submit(0, n // 2)
    eventually(lambda: finished(p), lambda k: k > 20, what=f"work under way; see {p.folder}")
    primary.die()
    submit(n // 2, n)
    for name in harness.WORKERS:
        eventually(lambda name=name: p.ready(name), lambda s: s == 503, what=f"{name} says that it is not ready")
    assert standby.ask("select pg_is_in_recovery()") is True  # a standby that can only be read is no database to go on with
    standby.run("select pg_promote(true, 60)")
    eventually(lambda: finished(p), lambda k: k == n, 180, f"all of them; see {p.folder}")
    for name in (*harness.WORKERS, "gateway"):
        p.await_ready(name)
    assert {name: proc.pid for name, proc in p.procs.items() if proc.poll() is None} == pids, "all go on without a restart"
    status, _ = harness.http(f"http://127.0.0.1:{p.ports['gateway']}/v1/requests/{OPD}-F-0", headers={"Authorization": f"Bearer {token}"})
    assert status == 200
    p.await_quiet()
    assert p.one("select count(*) from dead_letter") == 0
    stats = p.stats()
    assert stats["unique"] == n and stats["active"] == n, stats  # each registered once at Bedelau
    harness.every_event_once(p)


def refusals(p, program):
    """When a standby refused its sessions, in seconds."""
    times = re.findall(r"^time=(\S+) .*cannot listen for notifications", p.log(program), re.M)
    return [datetime.datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp() for t in times]


def test_a_standby_alone(two, pipeline):
    """It lets everybody in and takes no writes: it is tried at a growing distance, up to seconds, until it is the primary."""
    primary, standby = two
    p = pipeline(standin=False)
    schema = f"select count(*) from information_schema.schemata where schema_name = '{p.schema}'"
    eventually(lambda: standby.ask(schema), lambda n: n == 1, what="the schema at the standby")
    p.start("projector", wait=False, postgres_conninfo=standby.dsn)
    eventually(lambda: refusals(p, "projector"), lambda at: any(b - a > 1.5 for a, b in itertools.pairwise(at)), what=f"a distance; see {p.folder}")
    primary.die()
    standby.run("select pg_promote(true, 60)")
    p.await_ready("projector")
