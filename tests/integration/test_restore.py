"""A backup that was taken in mid-run is put back: the programs catch up by themselves from what the topics still hold."""
import collections
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import subprocess

import harness
import psycopg2
import pytest
from harness import OPD, event, eventually, free_port, review

TOOLS = ("pg_dump", "pg_restore")
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
    p.flush()


def start_all(p):
    p.start(*harness.WORKERS)


def make(pipeline, **settings):
    p = pipeline(**{**harness.FAST, **settings})
    p.faults(mix=MIX, hang_ms=1500, callbacks=False, callback_after_ms=200,
             script={nomor_of(i): [422, "ok"] if i % 7 == 4 else ["202_tetap"] for i in range(200) if i % 7 in (4, 5)})
    start_all(p)
    return p


def calm(p):
    """Nothing is on its way but what stays with Bedelau."""
    def busy():
        stay = [f"{nomor_of(i)}:1:1" for i in range(5, 200, 7)]
        jobs = p.one("select (select count(*) from job_integrator where key <> all(%s)) + (select count(*) from job_validator)", stay)
        return [w for w in harness.WORKERS if p.one(f"select count(*) from outbox_{w}")] + ([f"{jobs} jobs"] if jobs else []) + p.unread()
    eventually(busy, lambda b: not b, 90, f"calm; see {p.folder}")


def columns(p):
    """What must be the same as if nothing had happened. What was decided in the time that is lost is decided again, so that
    there are more facts, and dates of such a decision are those of the second."""
    out = {r["nomor_permohonan"]: {k: v for k, v in r.items() if k not in (
               "versi", "chain", "fakta", "sidik", "hitungan", "updated_at", "checked_at", "accepted_at", "returned_at", "giliran_sejak")}
           for r in p.rows("select * from request")}
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


def run_on(p, backup, restore):
    """Requests, the backup in their middle, more requests; then the end, and the way back."""
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
    assert json.loads(p.ctl("restored", "--json"))["raised"] > 0
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
    # and life goes on, also for what happened in the time that was lost
    go_on(p, range(21, 42))
    begin(p, range(42, 49))
    calm(p)
    at_the_endpoint(p)
    harness.every_event_once(p)
    assert p.rows("select * from v_anomali") == []
    status_in_order(p)
    states = collections.Counter(r["status"] for r in p.rows("select status from request where nomor_permohonan < %s", nomor_of(42)))
    print(states)


def dump(p, path):
    env = {**os.environ, "PGOPTIONS": ""}
    subprocess.run(["pg_dump", "-Fc", "-n", p.schema, "-f", path, p.conninfo], check=True, env=env, capture_output=True, timeout=60)


def put_back(p, path):
    p.db.close()
    with contextlib.closing(psycopg2.connect(p.conninfo)) as db, db.cursor() as c:
        db.autocommit = True
        c.execute(f'drop schema "{p.schema}" cascade')
    done = subprocess.run(["pg_restore", "-d", p.conninfo, "--no-owner", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    p.db = p.connect()


def test_a_dump(pipeline, tmp_path):
    missing = [t for t in TOOLS if not shutil.which(t)]
    if missing:
        pytest.skip(f"not installed: {missing}")
    p = make(pipeline)
    right(p, *run_on(p, lambda: dump(p, tmp_path / "backup"), lambda: put_back(p, tmp_path / "backup")))
