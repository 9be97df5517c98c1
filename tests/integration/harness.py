"""The pipeline under test: real programs on a real Kafka and a real Postgres, under a topic prefix and a schema of its
own. Nothing here sleeps for luck: every wait is for a condition, with a limit, and says what it waited for."""
import contextlib
import datetime
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import confluent_kafka
import confluent_kafka.admin
import psycopg2
import psycopg2.extras
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BEDELAU_BIN") or ROOT / "build/bin")
LOGS = ROOT / "build/test/log/integration"
WORKERS = ("validator", "deadline", "integrator", "projector")
TYPE = "id.go.batam.bedelau.{}.v1"
WIB = datetime.timezone(datetime.timedelta(hours=7))


def day(shift=0):
    """A date in WIB, `shift` days from today: what a form says must hold whenever the tests run."""
    return (datetime.datetime.now(WIB) + datetime.timedelta(days=shift)).date().isoformat()


FORM = {**json.loads((ROOT / "schemas/examples/selesai.json").read_text(encoding="utf-8")),
        "tanggal_surat": day(-7), "tls_berlaku_sampai": day(365)}
OPD = FORM["kode_opd"]
OFFICER = "pemeriksa-1"
PERSONAL = [FORM[k] for k in ("nama_pemohon", "nip_pemohon", "email_pemohon", "telepon_pemohon", "nama_pj_teknis",
                              "nip_pj_teknis", "email_pj_teknis", "telepon_pj_teknis")]
# settings of a pipeline whose calls give up and come again in moments
FAST = {"integrator_timeout": "1s", "integrator_lease": "3s", "integrator_backoff_min": "50ms",
        "integrator_backoff_max": "300ms", "integrator_poll": "200ms"}
# a file that every program takes, of services that nobody asks
BASE = "[postgres]\nconninfo = host=127.0.0.1 port=1 dbname=x\n[attachments]\ncheck = off\n[integrator]\nurl = http://127.0.0.1:1\n"
TICK_S = 0.05
FULL = os.environ.get("BEDELAU_TEST_FULL") == "1"  # the long variants
_pause = threading.Event()  # never set: waiting on it is a bounded pause between two looks


def services():
    """Where Kafka and Postgres are: the environment, else what `deploy/dev/up services` wrote."""
    names = ("BEDELAU_KAFKA_BOOTSTRAP_SERVERS", "BEDELAU_POSTGRES_CONNINFO")
    if all(os.environ.get(n) for n in names):
        return [os.environ[n] for n in names]
    env = ROOT / ".run/env"
    if not env.exists():
        pytest.skip("no services: deploy/dev/up services starts them")
    show = "; ".join(f'echo "${n}"' for n in names)
    return subprocess.run(["bash", "-c", f". {env}; {show}"], check=True, capture_output=True,
                          text=True).stdout.splitlines()


def log_folder(name):
    """An empty folder in which programs write their logs; it is kept until the next run."""
    path = LOGS / re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def run(name, *words, conf=None, tmp=None, env=None):
    """Runs a program until it ends; `conf` is the text of its configuration file, written into `tmp`."""
    if conf is not None:
        (tmp / "test.conf").write_text(conf, encoding="utf-8")
        words = ("-c", tmp / "test.conf", *words)
    clean = {"PATH": "/usr/bin:/bin", **(env or {})}
    return subprocess.run([BIN / f"bedelau-{name}", *words], env=clean, capture_output=True, text=True, timeout=30,
                          check=False)


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def eventually(look, want=bool, limit_s=60, what="a condition"):
    """Calls `look` until `want` of it is true and returns it."""
    until = time.monotonic() + limit_s  # whoever steps the clock meanwhile
    while True:
        got = look()
        if want(got):
            return got
        assert time.monotonic() < until, f"not within {limit_s} s: {what}; last: {got!r}"
        _pause.wait(TICK_S)


def http(url, method="GET", body=None, headers=None):
    """(status, bytes); an answer of 4xx or 5xx is an answer; 0 when nobody answers."""
    req = urllib.request.Request(url, method=method, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(req, timeout=10) as r:
            return r.status, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()
    except OSError:
        return 0, b""


def form(nomor, **changes):
    """A form that is accepted without a note; a change to None removes the member."""
    f = {**FORM, "nomor_permohonan": nomor, "nama_sistem": f"Sistem {nomor}", "nomor_surat": f"500/{nomor}", **changes}
    return {k: v for k, v in f.items() if v is not None}


def event(kind, nomor, data, source=f"/opd/{OPD}", id=None, **more):
    return {"specversion": "1.0", "id": id or secrets.token_hex(8), "source": source, "type": TYPE.format(kind),
            "subject": nomor, "time": now(), "datacontenttype": "application/json", **more, "data": data}


class Pipeline:
    """Programs, topics and tables of one test. `settings` are environment variables without their BEDELAU_."""

    def __init__(self, folder, partitions=4, standin=True, **settings):
        self.servers, self.conninfo = services()
        run = f"{os.environ.get('BEDELAU_TEST_RUN') or 'hand'}-{secrets.token_hex(3)}"
        self.prefix, self.schema = f"test-{run}", f"test_{run.replace('-', '_')}"
        assert self.prefix != "bedelau" and self.schema != "bedelau"
        self.folder, self.ports, self.procs = folder, {}, {}
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("BEDELAU_")}
        self.env.update({"BEDELAU_KAFKA_BOOTSTRAP_SERVERS": self.servers, "BEDELAU_KAFKA_TOPIC_PREFIX": self.prefix,
                         "BEDELAU_KAFKA_GROUP_PREFIX": self.prefix, "BEDELAU_POSTGRES_CONNINFO": self.conninfo,
                         "BEDELAU_POSTGRES_SCHEMA": self.schema, "BEDELAU_KAFKA_SESSION_TIMEOUT_MS": "6000"})
        self.standin_port = free_port() if standin else 9
        self.env["BEDELAU_INTEGRATOR_URL"] = f"http://127.0.0.1:{self.standin_port}"
        # documents are the business of test_lampiran.py alone
        self.env["BEDELAU_ATTACHMENTS_CHECK"] = "off"
        self.env.update({f"BEDELAU_{k.upper()}": str(v) for k, v in settings.items()})
        self.ctl("topics", "create", "--partitions", str(partitions))
        self.ctl("migrate")
        self.ctl("officer", "add", OFFICER)
        self.db = self.connect()
        self.tails = []  # closed before their topics go: else the client's end hangs
        self.producer = confluent_kafka.Producer({"bootstrap.servers": self.servers, "acks": "all",
                                                  "partitioner": "murmur2_random", "linger.ms": 2,
                                                  "message.max.bytes": 5000000, "log_level": 0})
        if standin:
            self.procs["standin"] = self.spawn("standin", [BIN / "bedelau-standin", "--listen",
                                                           f"127.0.0.1:{self.standin_port}"])
            eventually(lambda: http(self.standin("/readyz"))[0], lambda s: s == 200, what="the stand-in")

    # ---- programs

    def ctl_run(self, *words, env=None):
        return subprocess.run([BIN / "bedelauctl", *words], env=env or self.env, capture_output=True, text=True, timeout=90,
                              check=False)

    def ctl(self, *words, env=None):
        done = self.ctl_run(*words, env=env)
        assert done.returncode == 0, f"bedelauctl {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def spawn(self, name, command, env=None):
        with open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen(command, env=env or self.env, stdout=log, stderr=log)

    def start(self, *names, wait=True, **settings):
        """Starts `validator`, or `projector.2` for a second one."""
        for name in names:
            program = name.split(".")[0]
            self.ports[name] = free_port()
            env = {**self.env, f"BEDELAU_{program.upper()}_LISTEN": f"127.0.0.1:{self.ports[name]}",
                   **{f"BEDELAU_{k.upper()}": str(v) for k, v in settings.items()}}
            self.procs[name] = self.spawn(name, [BIN / f"bedelau-{program}"], env)
        for name in names if wait else ():
            self.await_ready(name)

    def ready(self, name):
        return http(f"http://127.0.0.1:{self.ports[name]}/readyz")[0]

    def await_ready(self, name, limit_s=60):
        eventually(lambda: self.ready(name), lambda s: s == 200, limit_s, f"{name} ready; see {self.folder}")

    def statusz(self, name):
        return json.loads(http(f"http://127.0.0.1:{self.ports[name]}/statusz")[1])

    def metric(self, name, of):
        """The value of a metric without labels."""
        page = http(f"http://127.0.0.1:{self.ports[of]}/metrics")[1].decode()
        return float(next(line.split()[1] for line in page.splitlines() if line.startswith(name + " ")))

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def signal(self, name, number):
        self.procs[name].send_signal(number)

    def kill(self, name):
        self.procs[name].kill()
        self.procs[name].wait()

    def terminate(self, name):
        self.procs[name].terminate()
        return self.procs[name].wait(timeout=30)

    def stop(self):
        for name, proc in self.procs.items():
            if proc.poll() is None:
                proc.send_signal(signal.SIGCONT)
                proc.terminate()
        codes = {name: proc.wait(timeout=40) for name, proc in self.procs.items()}
        with contextlib.suppress(psycopg2.Error):
            self.db.close()
        with contextlib.closing(self.connect()) as db, db.cursor() as c:
            c.execute(f'drop schema "{self.schema}" cascade')
        for tail in self.tails:
            tail.close()
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.servers})
        mine = [t for t in admin.list_topics(timeout=30).topics if t.startswith(self.prefix + ".")]
        for done in (admin.delete_topics(mine, operation_timeout=30) if mine else {}).values():
            done.result()
        return codes

    # ---- Kafka

    def send(self, topic, value, key=None, headers=None):
        """Publishes bytes, a text or an event; the key is the event's subject unless given."""
        if isinstance(value, dict):
            key = key if key is not None else value.get("subject")
            value = json.dumps(value)
        self.producer.produce(f"{self.prefix}.{topic}", value, key=key, headers=headers)
        self.producer.poll(0)

    def flush(self):
        assert self.producer.flush(60) == 0

    def submit(self, nomor, revisi=1, id=None, source=f"/opd/{OPD}", **changes):
        self.send("requests", event("request.submitted", nomor, form(nomor, revisi=revisi, **changes), source, id))

    def read(self, topic):
        """Every record of a topic up to its end, as confluent_kafka messages."""
        name = f"{self.prefix}.{topic}"
        got = []
        with contextlib.closing(confluent_kafka.Consumer({
                "bootstrap.servers": self.servers, "group.id": secrets.token_hex(8), "auto.offset.reset": "earliest",
                "enable.auto.commit": False, "log_level": 0})) as c:
            parts = [confluent_kafka.TopicPartition(name, p, confluent_kafka.OFFSET_BEGINNING)
                     for p in c.list_topics(name, timeout=30).topics[name].partitions]
            ends = [c.get_watermark_offsets(p, timeout=30) for p in parts]
            left = sum(high - low for low, high in ends)
            c.assign(parts)
            while len(got) < left:
                m = c.poll(30)
                assert m is not None, f"{topic}: {len(got)} of {left} records"
                assert not m.error(), m.error()
                got.append(m)
        return got

    def events(self, topic):
        return [json.loads(m.value()) for m in self.read(topic)]

    # ---- Postgres, stand-in

    def connect(self):
        db = psycopg2.connect(self.conninfo)
        db.autocommit = True
        return db

    def rows(self, sql, *args):
        try:
            return self.rows_now(sql, *args)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):  # the database was away meanwhile
            self.db = self.connect()
            return self.rows_now(sql, *args)

    def rows_now(self, sql, *args):
        with self.db.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as c:
            c.execute(f'set search_path to "{self.schema}"')
            c.execute(sql, args)
            return [dict(r) for r in c.fetchall()] if c.description else []

    def one(self, sql, *args):
        return next(iter(self.rows(sql, *args)[0].values()))

    def request(self, nomor):
        return next(iter(self.rows("select * from request where nomor_permohonan = %s", nomor)), None)

    def await_status(self, nomor, status, limit_s=60):
        eventually(lambda: (self.request(nomor) or {}).get("status"), lambda s: s == status, limit_s,
                   f"{nomor} {status}; see {self.folder}")
        return self.request(nomor)

    def checks(self, nomor):
        return [json.loads(r["data"]) for r in self.rows(
            "select data from event where subject = %s and type like %s order by seq", nomor, "%.check.completed.v1")]

    def standin(self, path):
        return f"http://127.0.0.1:{self.standin_port}{path}"

    def faults(self, **faults):
        status, body = http(self.standin("/_faults"), "PUT", json.dumps(faults).encode())
        assert status == 200, body

    def stats(self):
        return json.loads(http(self.standin("/_stats"))[1])

    def await_quiet(self, limit_s=120):
        """Nothing is on its way: no outbox row, no job, and each group has read its topics to the end."""
        eventually(self.busy, lambda b: not b, limit_s, f"quiet; see {self.folder}")

    def busy(self):
        boxes = [w for w in WORKERS if self.one(f"select count(*) from outbox_{w}")]
        jobs = self.one("select (select count(*) from job_integrator) + (select count(*) from job_validator)")
        return boxes + ([f"{jobs} jobs"] if jobs else []) + self.unread()

    def await_read(self, program, topic, n):
        """A program has dealt with n records of a topic."""
        eventually(lambda: self.one("select sum(next_offset) from consumer_offset where consumer_group = %s and topic = %s",
                                    f"{self.prefix}-{program}", f"{self.prefix}.{topic}"),
                   lambda got: got == n, what=f"{n} records of {topic} read by {program}")

    def unread(self):
        out = self.ctl("lag", "--json")
        return [g for g in re.findall(r'"lag": ?([0-9]+)', out) if g != "0"]


@contextlib.contextmanager
def running(name, *programs, **settings):
    """A pipeline of a whole file, its logs in the folder `name`: stopped whatever becomes of it, and then well."""
    p = Pipeline(log_folder(name), **settings)
    try:
        p.start(*programs)
        yield p
    finally:
        codes = p.stop()
    assert set(codes.values()) <= {0}, codes


@contextlib.contextmanager
def rolled_back(p, role=None):
    """A cursor in the pipeline's schema, of whose work nothing stays."""
    with contextlib.closing(psycopg2.connect(p.conninfo)) as db, db.cursor() as c:
        c.execute(f'set search_path to "{p.schema}"')
        if role:
            c.execute(f"set role {role}")
        yield c
        db.rollback()


def utc(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)


def refusals(p, nomor):
    return [json.loads(r["data"])["kode"] for r in p.rows(
        "select data from event where subject = %s and type like %s order by seq", nomor, "%.check.refused.v1")]


def review(p, nomor, keputusan, revisi=1, putaran=1, catatan=()):
    p.send("reviews", event("review.decided", nomor, {"revisi": revisi, "putaran": putaran, "keputusan": keputusan,
                                                      "catatan": list(catatan), "pemeriksa": OFFICER},
                            source="/bedelau/gateway"))
    p.flush()


def told(p, nomor, kind):
    return [json.loads(r["data"]) for r in p.rows("select data from event where subject = %s and type = %s order by seq",
                                                  nomor, TYPE.format(kind))]


def await_told(p, nomor, kind, n=1):
    return eventually(lambda: told(p, nomor, kind), lambda got: len(got) >= n, what=f"{n} {kind} of {nomor}")


class Tail:
    """Reads topics from their beginning, as far as it is asked."""

    def __init__(self, p, *topics):
        self.all = []
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": p.servers, "group.id": secrets.token_hex(8),
                                                  "enable.auto.commit": False, "fetch.wait.max.ms": 50, "log_level": 0})
        names = [f"{p.prefix}.{t}" for t in topics]
        there = self.consumer.list_topics(timeout=30).topics
        self.parts = [confluent_kafka.TopicPartition(n, i, confluent_kafka.OFFSET_BEGINNING)
                      for n in names for i in there[n].partitions]
        self.consumer.assign(self.parts)
        p.tails.append(self)

    def close(self):
        self.consumer.close()

    def take(self, wait_s):
        for m in self.consumer.consume(500, wait_s):
            assert not m.error(), m.error()
            self.all.append((json.loads(m.value()), m))

    def find(self, receipt):
        """The records of one event; somebody has said that it is there."""
        def got():
            self.take(0.1)
            return [m for e, m in self.all if (e["source"], e["id"]) == (receipt["source"], receipt["id"])]
        return eventually(got, what=f"{receipt} in Kafka")

    def to_the_end(self):
        ends = sum(self.consumer.get_watermark_offsets(t, timeout=30)[1] for t in self.parts)
        eventually(lambda: self.take(0.1) or len(self.all), lambda n: n >= ends, what="the topics' ends")
        return self.all


def held(p, topic):
    """How many records a topic holds."""
    with contextlib.closing(confluent_kafka.Consumer({"bootstrap.servers": p.servers, "group.id": "held", "log_level": 0})) as c:
        name = f"{p.prefix}.{topic}"
        ends = [c.get_watermark_offsets(confluent_kafka.TopicPartition(name, n), timeout=30)
                for n in c.list_topics(name, timeout=30).topics[name].partitions]
    return sum(high - low for low, high in ends)


def let_topics_go(p, names):
    """The topics keep their records for a second."""
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": p.servers})
    for name in names:
        res = confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ConfigResource.Type.TOPIC, f"{p.prefix}.{name}",
                                                   {"retention.ms": "1000", "segment.ms": "1000", "cleanup.policy": "delete"})
        for done in admin.alter_configs([res]).values():
            done.result(30)
    for name in names:
        eventually(lambda t=name: held(p, t), lambda n: n == 0, 120, f"nothing left in {name}")


def held_up(p, table, *words, mode="share"):
    """A rebuild that waits for a lock of ours, as far as it has come, is killed; its session has ended."""
    waits = ("select count(*) from pg_locks l join pg_stat_activity a using (pid) where not l.granted and l.relation = %s::regclass"
             " and a.application_name = 'bedelauctl'")
    with contextlib.closing(p.connect()) as db, db.cursor() as c:
        db.autocommit = False
        c.execute(f'lock table "{p.schema}".{table} in {mode} mode')
        ctl = p.spawn("rebuild", [BIN / "bedelauctl", "rebuild", *words])
        try:
            eventually(lambda: p.one(waits, f'"{p.schema}".{table}'), what=f"{words} waits for {table}; see {p.folder}")
        finally:
            ctl.kill()
            ctl.wait()
            db.rollback()
    eventually(lambda: p.one("select count(*) from pg_locks l join pg_stat_activity a using (pid) join pg_class c on c.oid = l.relation"
                             " join pg_namespace n on n.oid = c.relnamespace where a.application_name = 'bedelauctl' and n.nspname = %s", p.schema),
               lambda n: n == 0, what="its session to end")


def every_event_once(p):
    """The log of the record is exactly what stands in the topics, each (source, id) once."""
    logged = p.rows("select source, id, count(*) as n from event group by 1, 2")
    assert [r for r in logged if r["n"] != 1] == []
    said = set()
    for topic in ("requests", "reviews", "callbacks", "checks", "integrations", "deadlines"):
        for e in p.events(topic):
            said.add((e["source"], e["id"]))
    assert {(r["source"], r["id"]) for r in logged} == said
    proved(p)


def proved(p):
    """The record is what its log says, the log is as it was written and holds all that the topics do. The proof."""
    done = p.ctl_run("verify", "--topics", "--json")
    assert done.returncode in (0, 1), done.stderr
    proof = json.loads(done.stdout)
    assert (done.returncode, proof["same"], proof["differences"], proof["flaws"]) == (0, True, [], []), proof
    assert proof["facts"] == p.one("select count(*) from event") and proof["unlinked"] == 0
    assert proof["records"] >= proof["facts"]
    return proof
