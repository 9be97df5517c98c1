"""The session that a program has with Postgres: behind a pooler it is one's own or the program refuses; nothing hangs or holds others for
ever; a program and a database that do not fit each other say so."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import harness
import psycopg2
import psycopg2.extensions
import pytest
from harness import OPD, eventually

PROGRAMS = (*harness.WORKERS, "gateway")
POOLER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")


# ---- poolers ------------------------------------------------------------------------------------------------------------

@pytest.fixture
def pooler(folder):
    """Starts real PgBouncers before the services' Postgres; gives the conninfo through them."""
    if not POOLER:
        pytest.skip("pgbouncer is not installed: deploy/dev/deps installs it")
    home = pathlib.Path(tempfile.mkdtemp(prefix="bedelau-pooler-"))  # another user's, when we are root
    home.chmod(0o755)
    started = []

    def start(mode, pool=20, **more):
        port = harness.free_port()
        settings = {"listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "any", "pool_mode": mode,
                    "default_pool_size": pool, "max_client_conn": 200, "logfile": "", "log_connections": 0, "log_disconnections": 0, **more}
        ini = home / f"{port}.ini"
        ini.write_text(f"[databases]\n* = {harness.services()[1]}\n[pgbouncer]\n" + "".join(f"{k} = {v}\n" for k, v in settings.items()))
        ini.chmod(0o644)
        words = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", POOLER] if os.getuid() == 0 else [POOLER]
        with open(folder / f"pgbouncer-{mode}.log", "ab") as log:
            started.append(subprocess.Popen([*words, ini], stdout=log, stderr=log))
        conninfo = f"host=127.0.0.1 port={port} dbname=bedelau user=bedelau"
        eventually(lambda: answers(conninfo), what=f"pgbouncer; see {folder}")
        return conninfo

    yield start
    for proc in started:
        proc.terminate()
        proc.wait(timeout=10)
    shutil.rmtree(home)


def answers(conninfo):
    with contextlib.suppress(psycopg2.OperationalError), contextlib.closing(psycopg2.connect(conninfo)) as db:
        return db.status == psycopg2.extensions.STATUS_READY
    return False


def exits(p, name, conninfo):
    """(exit code, what it said) of a program that will not start."""
    p.start(name, wait=False, postgres_conninfo=conninfo)
    code = eventually(p.procs[name].poll, lambda c: c is not None, 30, f"{name} ends; see {p.folder}")
    del p.procs[name]
    return code, p.log(name)


@pytest.fixture
def busy():
    """Others who use the same pool, each its own short transactions."""
    stop, threads = threading.Event(), []

    def work(conninfo):
        with contextlib.closing(psycopg2.connect(conninfo)) as db:
            while not stop.is_set():
                with db, db.cursor() as c:
                    c.execute("select count(*) from generate_series(1, 2000)")

    def start(conninfo, n):
        threads.extend(threading.Thread(target=work, args=(conninfo,)) for _ in range(n))
        for t in threads:
            t.start()

    yield start
    stop.set()
    for t in threads:
        t.join(timeout=20)


@pytest.mark.parametrize("mode,pool,others", [("transaction", 20, 0), ("transaction", 1, 0), ("transaction", 4, 8), ("statement", 20, 0),
                                              ("transaction-round-robin", 20, 0)])
def test_a_pooler_that_lends_for_a_transaction_is_refused(pipeline, pooler, busy, mode, pool, others):
    p = pipeline(standin=False)
    conninfo = pooler(mode.split("-")[0], pool, **({"server_round_robin": 1} if "-" in mode else {}))
    busy(conninfo, others)
    for name in PROGRAMS:
        code, said = exits(p, name, conninfo)
        assert code == 78 and "pool_mode = session" in said, (name, code, said)
    done = p.ctl_run("list", env={**p.env, "BEDELAU_POSTGRES_CONNINFO": conninfo})
    assert done.returncode == 78 and "pool_mode = session" in done.stderr, done
    with contextlib.closing(psycopg2.connect(conninfo)) as db, db.cursor() as c:
        db.autocommit = True
        c.execute("select current_setting('plan_cache_mode'), current_setting('jit')")
        assert c.fetchone() == ("auto", "on"), "settings of ours are left with those who use the pooler"


def test_a_pooler_that_lends_for_a_session_works(pipeline, pooler):
    p = pipeline(**harness.FAST)
    conninfo = pooler("session", 40)
    p.start(*PROGRAMS, postgres_conninfo=conninfo)
    for i in range(20):
        p.submit(f"{OPD}-P-{i}")
    p.flush()
    for i in range(20):
        p.await_status(f"{OPD}-P-{i}", "selesai")
    p.ctl("endpoint", "pause", env={**p.env, "BEDELAU_POSTGRES_CONNINFO": conninfo})  # LISTEN and NOTIFY go through it
    eventually(lambda: p.statusz("integrator")["brake"]["paused"], what="the pause at the integrator")
    p.ctl("endpoint", "resume")
    p.await_quiet()
    harness.proved(p)


def test_a_full_pool_is_no_proof_against_it(pipeline, pooler):
    """The last place of a session's pool is ours: there is none left to compare with, which is what tells."""
    p = pipeline(standin=False)
    env = {**p.env, "BEDELAU_POSTGRES_CONNINFO": pooler("session", 1)}
    assert "terdaftar" not in p.ctl("list", env=env)


# ---- limits -------------------------------------------------------------------------------------------------------------

def sessions(p, program, state):
    """Process numbers of a program's sessions in this state (wait = waits for a lock)."""
    where = "wait_event_type = 'Lock'" if state == "wait" else f"state = '{state}'"
    return [r["pid"] for r in p.rows(f"select pid from pg_stat_activity where application_name = %s and {where} and datname = current_database()"
                                     " and pid in (select pid from pg_locks l join pg_class c on c.oid = l.relation"
                                     " where c.relnamespace = %s::regnamespace)", f"bedelau-{program}", p.schema)]


def offsets_are_free(p, program):
    """Whether another session may have the program's offsets at once."""
    with contextlib.closing(p.connect()) as db, db.cursor() as c:
        c.execute(f'set search_path to "{p.schema}"')
        with contextlib.suppress(psycopg2.errors.LockNotAvailable):
            c.execute("select 1 from consumer_offset where consumer_group = %s for update nowait", [f"{p.prefix}-{program}"])
            return True
    return False


@contextlib.contextmanager
def locked(p, table):
    with contextlib.closing(p.connect()) as db, db.cursor() as c:
        db.autocommit = False
        c.execute(f'lock table "{p.schema}".{table} in access exclusive mode')
        yield
        db.rollback()


def waits_with(p, nomor):
    """The validator's sessions that wait for the table, with a form in hand."""
    p.submit(nomor)
    p.flush()
    return eventually(lambda: sessions(p, "validator", "wait"), what="the validator waits for the table")


def test_a_lock_that_is_not_given(pipeline):
    """Who waits for it gives up what it holds itself, tries again, and goes on when it is free."""
    p = pipeline(standin=False, postgres_lock_timeout="300ms")
    p.start("validator")
    with locked(p, "pemeriksaan"):
        waits_with(p, f"{OPD}-L-1")
        eventually(lambda: offsets_are_free(p, "validator"), what="its offsets are let go")
        eventually(lambda: "SQLSTATE=55P03" in p.log("validator") or "sqlstate=55P03" in p.log("validator"), what="it says why")
    eventually(lambda: p.one("select count(*) from pemeriksaan"), lambda n: n == 1, what="the form")
    assert p.one("select count(*) from dead_letter") == 0


def test_a_statement_that_does_not_end(pipeline):
    p = pipeline(standin=False, postgres_statement_timeout="1s")
    p.start("projector")
    p.rows("create function diam() returns trigger language plpgsql as $$ begin perform pg_sleep(3600); return new; end $$")
    p.rows("create trigger diam before insert on event for each row execute function diam()")
    p.submit(f"{OPD}-S-1")
    p.flush()
    eventually(lambda: "57014" in p.log("projector"), what="the statement is ended, and it says so")
    eventually(lambda: offsets_are_free(p, "projector"), what="its offsets are let go")
    p.rows("drop trigger diam on event")
    eventually(lambda: p.one("select count(*) from event"), lambda n: n == 1, what="the fact")
    assert p.one("select count(*) from dead_letter") == 0


def test_a_program_that_stands_still_in_its_transaction(pipeline):
    """Stopped with its locks in hand: Postgres ends the session, others have them, and it goes on when it is let."""
    p = pipeline(standin=False, postgres_idle_in_transaction_session_timeout="1s")
    p.start("validator")
    with locked(p, "pemeriksaan"):
        held = waits_with(p, f"{OPD}-I-1")
        p.signal("validator", signal.SIGSTOP)
    eventually(lambda: p.rows("select 1 from pg_stat_activity where pid = %s", held[0]), lambda r: not r, what="the session is ended")
    assert offsets_are_free(p, "validator")
    p.signal("validator", signal.SIGCONT)
    eventually(lambda: "idle-in-transaction" in p.log("validator"), what="it says why its session ended")
    eventually(lambda: p.one("select count(*) from pemeriksaan"), lambda n: n == 1, what="the form")
    assert p.one("select count(*) from dead_letter") == 0


def test_each_limit_is_the_session_s_own(pipeline):
    """What the file says is what Postgres has, for programs and commands, whatever the role's or the database's own settings say."""
    p = pipeline(standin=False, postgres_statement_timeout="7s", postgres_lock_timeout="3s", postgres_idle_in_transaction_session_timeout="5s")
    p.rows("create table batas as select ''::text as siapa, ''::text as nama, ''::text as nilai limit 0")
    p.rows("create function catat_batas() returns trigger language plpgsql as $$ begin insert into batas select"
           " current_setting('application_name'), n, current_setting(n) from unnest(array['statement_timeout', 'lock_timeout',"
           " 'idle_in_transaction_session_timeout']) n; return null; end $$")
    for table in ("pemeriksaan", "audit_log"):
        p.rows(f"create trigger catat after insert on {table} for each statement execute function catat_batas()")
    p.start("validator")
    p.submit(f"{OPD}-B-1")
    p.flush()
    eventually(lambda: p.one("select count(*) from pemeriksaan"), what="the form")
    p.ctl("officer", "add", "pk-55")
    got = {(r["siapa"], r["nama"]): r["nilai"] for r in p.rows("select * from batas")}
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    assert [got["bedelau-validator", n] for n in names] == ["7s", "3s", "5s"]
    assert [got["bedelauctl", n] for n in names] == ["14s", "3s", "30s"]


# ---- programs and databases of other days -----------------------------------------------------------------------------------

def test_a_program_that_is_too_old(pipeline, request):
    """A migration names the oldest program that it allows: older ones do not start, and those that run end with their next session."""
    p = pipeline(standin=False)
    role = f"{p.schema}_lama"
    p.rows(f'create role "{role}" superuser login password \'uji\'')
    request.addfinalizer(lambda: p.rows(f'drop role "{role}"'))
    p.start("validator", postgres_conninfo=psycopg2.extensions.make_dsn(p.conninfo, user=role, password="uji"))
    p.rows("insert into schema_migration (number, name, sha256, oldest_program) select max(number) + 1, 'nanti', '', '99.10' from schema_migration")
    for name in ("deadline", "integrator", "projector", "gateway"):
        code, said = exits(p, name, p.conninfo)
        assert code == 78 and "needs programs of 99.10 or later, and this is" in said, (name, code, said)
        assert "cannot be used yet" not in said, "it is not waited for"
    for words in (("list",), ("officer", "add", "pk-1")):
        done = p.ctl_run(*words)
        assert done.returncode == 78 and "needs programs of 99.10 or later" in done.stderr, done
    p.rows("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", role)
    code = eventually(p.procs["validator"].poll, lambda c: c is not None, what="the validator that ran ends")
    del p.procs["validator"]
    assert code == 78


def test_a_program_that_is_newer_than_the_database(pipeline):
    """It waits, says for what, and goes on by itself when that is done."""
    p = pipeline(standin=False)
    p.rows("create table kemudian as select * from schema_migration order by number desc limit 1")
    p.rows("delete from schema_migration where number = (select number from kemudian)")
    p.start(*PROGRAMS, wait=False)
    for name in PROGRAMS:
        eventually(lambda name=name: harness.http(f"http://127.0.0.1:{p.ports[name]}/readyz"), lambda a: a[0] == 503 and b"migrated first" in a[1],
                   what=f"{name} waits")
        assert "the database cannot be used yet; waiting" in p.log(name)
    done = p.ctl_run("list")
    assert done.returncode == 78 and "migrated first" in done.stderr
    p.rows("insert into schema_migration select * from kemudian")
    for name in PROGRAMS:
        p.await_ready(name)


@pytest.mark.skipif("BEDELAU_OLD_BIN" not in os.environ, reason="BEDELAU_OLD_BIN names no programs of before")
def test_programs_of_before_beside_these(pipeline):
    """The same groups are shared by programs of before and of now on the newest database; the old ones go in mid-load."""
    p = pipeline(**harness.FAST)
    now, before = harness.BIN, os.environ["BEDELAU_OLD_BIN"]
    p.start(*(f"{w}.baru" for w in harness.WORKERS))
    try:
        harness.BIN = harness.pathlib.Path(before)
        p.start(*(f"{w}.lama" for w in harness.WORKERS), *(f"{w}.lama2" for w in harness.WORKERS))
    finally:
        harness.BIN = now
    n = 400
    for i in range(n):
        p.submit(f"{OPD}-C-{i}", **({"tipe_lisensi": "x"} if i % 4 == 1 else {}))
        if i % 4 == 1:
            p.submit(f"{OPD}-C-{i}", revisi=2)
        if i == n // 2:
            p.flush()
            eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda k: k > 20, what="work under way")
            for w in harness.WORKERS:
                p.kill(f"{w}.lama2")
    p.flush()
    eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda k: k >= 3 * n // 4, 120, "most of the load")
    for w in harness.WORKERS:
        assert p.terminate(f"{w}.lama") == 0
    p.start(*(f"{w}.baru2" for w in harness.WORKERS))
    eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda k: k == n, 120, "all")
    p.await_quiet()
    assert p.one("select count(*) from dead_letter") == 0
    harness.every_event_once(p)


# ---- several servers ---------------------------------------------------------------------------------------------------------

def test_a_server_that_takes_connections_and_says_nothing(pipeline):
    """It stands first in the conninfo; the next one is reached all the same."""
    with contextlib.closing(socket.socket()) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(64)
        p = pipeline(standin=False)
        dsn = psycopg2.extensions.parse_dsn(p.conninfo)
        dsn.update(host=f"127.0.0.1,{dsn['host']}", port=f"{mute.getsockname()[1]},{dsn['port']}")
        p.start("validator", "gateway", postgres_conninfo=psycopg2.extensions.make_dsn(**dsn))


def test_a_pooler_behind_a_server_that_says_nothing(pipeline, pooler):
    """Whether it lends for a session is asked of the one that the program is connected to, not of the first in the conninfo."""
    with contextlib.closing(socket.socket()) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(64)
        p = pipeline(standin=False)
        dsn = psycopg2.extensions.parse_dsn(pooler("transaction"))
        dsn.update(host="127.0.0.1,127.0.0.1", port=f"{mute.getsockname()[1]},{dsn['port']}")
        code, said = exits(p, "validator", psycopg2.extensions.make_dsn(**dsn))
        assert code == 78 and "pool_mode = session" in said, (code, said)
