"""A backup that was taken in mid-run is put back: the programs catch up by themselves from what the topics still hold."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import harness
import postgres
import psycopg2
import psycopg2.extensions
import pytest
from harness import OPD, event, eventually, free_port, review

MIX = {"202": 0.3, "503": 0.15, "cut": 0.1, "hang": 0.05}


def nomor_of(i):
    return f"{OPD}-B-{i:04d}"


def begin(p, numbers):
    """Letters, forms, forms that are returned, requests that are taken back, that Bedelau refuses, that stay with Bedelau."""
    for i in numbers:
        nomor = nomor_of(i)
        if i % 3:
            p.send("requests", event("request.registered", nomor, {
                "kode_opd": OPD, "dasar_pengajuan": "surat_dinas", "nomor_surat": f"1/{i}", "tanggal_surat": harness.day(-7),
                "perihal": "uji"}))
        if i % 7 != 1:
            p.submit(nomor, **({"perihal": None} if i % 7 == 2 else {}))
        if i % 7 == 3:
            p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
    p.flush()


def go_on(p, numbers):
    """What was left open is taken further: letters get their forms, what was returned is mended, officers decide again."""
    for i in numbers:
        if i % 7 == 1:
            p.submit(nomor_of(i))
        if i % 7 == 2:
            p.submit(nomor_of(i), revisi=2)
        if i % 7 == 4:
            review(p, nomor_of(i), "diterima", putaran=2)
        if i % 7 == 5:
            p.send("requests", event("request.withdrawn", nomor_of(i), {"alasan": "tidak jadi"}))
            p.taken_back.add(i)
    p.flush()


def start_all(p):
    p.start(*harness.WORKERS)


def make(pipeline, **settings):
    p = pipeline(**{**harness.FAST, **settings})
    p.taken_back = set()  # of those that stay with Bedelau
    p.faults(mix=MIX, hang_ms=1500, callbacks=False, callback_after_ms=200,
             script={nomor_of(i): [422, "ok"] if i % 7 == 4 else ["202_tetap"] for i in range(200) if i % 7 in (4, 5)})
    start_all(p)
    return p


def calm(p):
    """Nothing is on its way but what stays with Bedelau."""
    def busy():
        stay = [f"{nomor_of(i)}:1:1" for i in range(5, 200, 7) if i not in p.taken_back]
        jobs = p.one("select (select count(*) from job_integrator where key <> all(%s)) + (select count(*) from job_validator)", stay)
        return [w for w in harness.WORKERS if p.one(f"select count(*) from outbox_{w}")] + ([f"{jobs} jobs"] if jobs else []) + p.unread()
    eventually(busy, lambda b: not b, 90, f"calm; see {p.folder}")


def columns(p):
    """What must be the same as if nothing had happened. What was decided in the time that is lost is decided again, so that
    there are more facts, and dates of such a decision are those of the second. An officer's decision may have been read before
    the round that it is about (its findings are then those of the round), and is asked for again where it matters."""
    out = {r["nomor_permohonan"]: {k: v for k, v in r.items() if k not in (
               "versi", "chain", "fakta", "sidik", "hitungan", "updated_at", "checked_at", "accepted_at", "returned_at", "giliran_sejak")}
           for r in p.rows("select * from request")}
    for i in range(4, 200, 7):
        out.get(nomor_of(i), {}).pop("temuan", None)
    for k in p.rows("select * from clock order by 1, 2, 3"):
        out[k.pop("nomor_permohonan")][k.pop("revisi"), k.pop("tahap")] = {n: v for n, v in k.items() if n != "urutan"}
    return out


def ledger(p):
    return json.loads(harness.http(p.standin("/_ledger"))[1])


def at_the_endpoint(p):
    stats = p.stats()
    assert stats["duplicates"] == 0 and stats["violations"] == {"conflict": 0, "key": 0, "body": 0}, stats
    return stats["registrations"], stats["deleted"]


def status_in_order(p):
    """On the status topic nothing older comes after something newer, and the newest is what the record says."""
    latest = {}
    for m in p.read("status"):
        e = json.loads(m.value())
        assert e["data"]["versi"] >= latest.get(e["subject"], {"versi": 0})["versi"], (latest[e["subject"]], e)
        latest[e["subject"]] = e["data"]
    for r in p.rows("select nomor_permohonan, versi, status, giliran from request where sidik <> 0"):
        said = latest[r["nomor_permohonan"]]
        assert (said["versi"], said["status"], said["giliran"]) == (r["versi"], r["status"], r["giliran"])


def raised(p):
    """Says that a backup was put back; how many counters were behind. Documents of the example are not stored with us."""
    done = p.ctl_run("restored", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == bool(said["documents"])
    return said["raised"]


def ended_stay(p):
    """Nobody was told again of a request that it has not ended."""
    ended = {}
    for m in p.read("status"):
        e = json.loads(m.value())
        said = e["data"]["status"]
        assert said == ended.get(e["subject"], said), (ended[e["subject"]], e)
        if said in ("selesai", "dibatalkan"):
            ended[e["subject"]] = said


def run_on(p, backup, restore, at_once=True):
    """Requests, the backup in their middle, more requests; then the end, and the way back. `at_once`: before programs start it
    is said that a backup was put back."""
    begin(p, range(21))
    eventually(lambda: p.one("select count(*) from event"), lambda n: n > 20, what="work under way")
    backup()
    begin(p, range(21, 42))
    calm(p)
    go_on(p, range(21))
    calm(p)
    was, effects, facts = columns(p), at_the_endpoint(p), p.one("select count(*) from event")
    for name in harness.WORKERS:
        p.kill(name)
    restore()
    assert p.one("select count(*) from event") < facts / 2
    if at_once:
        assert raised(p) > 0
        assert p.ctl_run("rebuild", "--from-kafka").returncode == 0
    start_all(p)
    calm(p)
    return was, effects


def right(p, was, effects):
    now = columns(p)
    differ = {n: {k: (v, now.get(n, {}).get(k)) for k, v in was[n].items() if now.get(n, {}).get(k) != v} for n in was if now.get(n) != was[n]}
    assert not differ, differ
    assert set(now) == set(was)
    assert at_the_endpoint(p) == effects  # nothing took effect a second time
    harness.every_event_once(p)
    assert p.rows("select * from v_anomali") == []
    assert p.rows("select * from dead_letter") == []
    status_in_order(p)
    ended_stay(p)
    # and life goes on, also for what happened in the time that was lost
    go_on(p, range(21, 42))
    begin(p, range(42, 49))
    calm(p)
    at_the_endpoint(p)
    harness.every_event_once(p)
    assert p.rows("select * from v_anomali") == []
    status_in_order(p)
    assert {r["status"] for r in p.rows("select status from request where nomor_permohonan < %s", nomor_of(42))} == {"selesai", "dibatalkan"}


def dump(p, path):
    subprocess.run(["pg_dump", "-Fc", "-n", p.schema, "-f", path, p.conninfo], check=True, capture_output=True, timeout=60)


def drop(p, conninfo):
    p.db.close()
    with contextlib.closing(psycopg2.connect(conninfo)) as db, db.cursor() as c:
        db.autocommit = True
        c.execute(f'drop schema "{p.schema}" cascade')


def put_back(p, path):
    drop(p, p.conninfo)
    done = subprocess.run(["pg_restore", "-d", p.conninfo, "--no-owner", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    p.db = p.connect()


def need(*tools):
    missing = [t for t in tools if not shutil.which(t)]
    if missing:
        pytest.skip(f"not installed: {missing}")


def test_a_dump(pipeline, tmp_path):
    need("pg_dump", "pg_restore")
    p = make(pipeline)
    right(p, *run_on(p, lambda: dump(p, tmp_path / "backup"), lambda: put_back(p, tmp_path / "backup")))


class Cluster:
    """A cluster of its own, begun from a base backup of the one that serves."""

    def __init__(self, home, conninfo):
        self.data, self.conninfo, self.was, self.proc = home / "data", None, conninfo, None
        self.user = postgres.owner() if os.geteuid() == 0 else None  # Postgres refuses to run as root

    def take(self):
        subprocess.run(["pg_basebackup", "-d", self.was, "-D", self.data, "-X", "stream", "-c", "fast"], check=True, capture_output=True, timeout=120)

    def server(self):
        """Of the version that wrote the data."""
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        packaged = pathlib.Path(f"/usr/lib/postgresql/{version}/bin/postgres")
        return packaged if packaged.exists() else shutil.which("postgres") or pytest.skip(f"no server of version {version} is installed here")

    def start(self, log):
        port, command = free_port(), [self.server(), "-D", self.data, "-h", "127.0.0.1", "-k", "", "-c", "max_connections=200"]
        if self.user:
            for path in (self.data, *self.data.rglob("*")):
                os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)
            command = ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", "--", *command]
        self.proc = subprocess.Popen([*command, "-p", str(port)], stdout=log, stderr=log, cwd="/")
        parts = psycopg2.extensions.parse_dsn(self.was)
        self.conninfo = psycopg2.extensions.make_dsn(**{**parts, "host": "127.0.0.1", "port": port})
        eventually(self.answers, what="the restored cluster")

    def answers(self):
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(self.conninfo).close()
            return True

    def stop(self):
        if self.proc:
            self.proc.terminate()
            self.proc.wait(timeout=60)


@pytest.fixture
def cluster(folder):
    need("pg_basebackup")
    home = pathlib.Path(tempfile.mkdtemp(prefix="bedelau-base-"))
    home.chmod(0o755)
    made = Cluster(home, harness.services()[1])
    yield made
    made.stop()
    shutil.rmtree(home)


def test_a_base_backup(cluster, folder, pipeline):
    """Put back elsewhere; that it was is said only after the programs have begun and caught up, and verify asks for it."""
    p = make(pipeline)

    def move():
        with open(folder / "postgres.log", "ab") as log:
            cluster.start(log)
        drop(p, p.conninfo)
        p.conninfo = p.env["BEDELAU_POSTGRES_CONNINFO"] = cluster.conninfo
        p.db = p.connect()

    was, effects = run_on(p, cluster.take, move, at_once=False)
    asked = p.ctl_run("verify")
    assert asked.returncode == 1 and "bedelauctl restored" in asked.stdout
    assert raised(p) > 0
    assert {n: r["status"] for n, r in columns(p).items()} == {n: r["status"] for n, r in was.items()}
    assert at_the_endpoint(p) == effects
    harness.every_event_once(p)
    # what is decided from here on counts
    go_on(p, range(21, 42))
    calm(p)
    at_the_endpoint(p)
    harness.every_event_once(p)
    assert {r["status"] for r in p.rows("select status from request")} == {"selesai", "dibatalkan"}
    assert raised(p) == 0  # and again it does nothing


def test_numbers_of_the_gateway(pipeline, tmp_path):
    need("pg_dump", "pg_restore")
    p = pipeline(**harness.FAST, standin=False)
    p.start("projector", "gateway")
    head = {"Authorization": f"Bearer {p.ctl('token', 'create', '--opd', OPD).strip()}", "Content-Type": "application/json"}

    def post(key):
        body = json.dumps(harness.form(None, nama_sistem=key)).encode()
        status, said = harness.http(f"http://127.0.0.1:{p.ports['gateway']}/v1/requests", "POST", body, {**head, "Idempotency-Key": key})
        assert status == 202, said
        return json.loads(said)["nomor_permohonan"]

    first = [post(f"a{i}") for i in range(3)]
    dump(p, tmp_path / "backup")
    second = [post(f"b{i}") for i in range(3)]
    far = [f"{second[0][:9]}{n}" for n in ("9223372036854775807", "999999999", "999999999999", "99999999999999999999")]
    for nomor in far:  # somebody's own, which look like the gateway's
        p.send("requests", event("request.registered", nomor, {"kode_opd": OPD, "nomor_surat": f"1/{nomor}"}))
    p.flush()
    for name in ("projector", "gateway"):
        p.kill(name)
    put_back(p, tmp_path / "backup")
    said = json.loads(p.ctl_run("restored", "--json").stdout)
    assert said["numbers"] == 1 and said["numbers_left_out"] == sorted(far)
    assert p.one("select next from gateway_number") == int(second[-1][9:]) + 1
    named = {d["uri"].removeprefix("urn:sha256:") for d in harness.FORM["lampiran"] if d["uri"].startswith("urn:sha256:")}
    assert {d["sha256"] for d in said["documents"]} == named
    assert {d["nomor_permohonan"] for d in said["documents"]} <= set(second)
    p.start("projector", "gateway")
    third = [post(f"c{i}") for i in range(3)]
    assert len({*first, *second, *third}) == 9 and sorted(third)[0] > sorted(second)[-1]


def test_a_worker_without_a_row(pipeline):
    """It knows nothing of what it has told of a request: that is behind too, and is said."""
    p = pipeline(standin=False)
    p.start("validator", "projector")
    for i in range(4):
        p.submit(nomor_of(i))
    p.await_read("validator", "requests", 4)
    p.await_read("projector", "checks", 4)
    assert p.terminate("validator") == 0
    assert p.ctl_run("verify").returncode == 0
    was = p.rows("delete from pemeriksaan where nomor_permohonan in (%s, %s) returning nomor_permohonan, urutan", nomor_of(1), nomor_of(2))
    asked = p.ctl_run("verify", "--json")
    assert asked.returncode == 1 and json.loads(asked.stdout)["flaws"] == [{"what": "counters_behind", "count": 2}]
    assert raised(p) == 2
    for r in was:
        assert p.one("select urutan from pemeriksaan where nomor_permohonan = %s", r["nomor_permohonan"]) == r["urutan"] > 0
    assert p.ctl_run("verify").returncode == 0
