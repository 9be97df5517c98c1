"""Brakes on the calls to Bedelau and what operators do to what is owed: nothing is lost, nothing is sent twice, whenever they do it."""
import datetime
import json
import re
import signal
import subprocess
import threading
import urllib.request

import harness
import pytest
from harness import FAST, OPD, await_told, event, form, review, told

OK, NO, USAGE, CONFIG = 0, 1, 64, 78
HOUR = "3600"
DAYS = ("sen", "sel", "rab", "kam", "jum", "sab", "min")


def ctl(p, *words, code=OK):
    """What bedelauctl prints: JSON where it was asked for, text otherwise."""
    done = subprocess.run([harness.BIN / "bedelauctl", *map(str, words)], env=p.env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (words, done)
    return json.loads(done.stdout) if "--json" in words else done.stdout + done.stderr


def statusz(p, name="integrator"):
    with urllib.request.urlopen(f"http://127.0.0.1:{p.ports[name]}/statusz", timeout=10) as r:
        return json.load(r)


def paused_metric(p, by, name="integrator"):
    with urllib.request.urlopen(f"http://127.0.0.1:{p.ports[name]}/metrics", timeout=10) as r:
        return float(re.search(rf'^bedelau_endpoint_paused{{by="{by}"}} (\S+)$', r.read().decode(), re.M)[1])


def heeded(p, shut, n=1):
    """Every integrator has said that this holds it (None: nothing does)."""
    harness.eventually(lambda: [i["shut"] for i in ctl(p, "endpoint", "status", "--json")["integrators"]], lambda got: got == [shut] * n,
                       what=f"{n} integrators with shut = {shut}")


def audited(p, *actions):
    return [tuple(r.values()) for r in p.rows("select action, subject, detail from audit_log where action = any(%s) order by seq", list(actions))]


def submit(p, *names):
    for nomor in names:
        p.submit(nomor)
    p.flush()


def the_job(p, nomor, want=bool, what="a job"):
    """The request's one job, once `want` of it is true."""
    return harness.eventually(lambda: p.rows("select * from job_integrator where subject = %s", nomor), lambda r: len(r) == 1 and want(r[0]),
                              what=f"{what} of {nomor}")[0]


def parked(p, nomor):
    return the_job(p, nomor, lambda j: j["lease"] == 0 and j["attempts"] > 0 and j["due_at"] > datetime.datetime.now(datetime.timezone.utc), "a parked job")


def all_read(p):
    """No fact is on its way that would change a job, as the end of clock 3 does."""
    harness.eventually(lambda: [w for w in harness.WORKERS if p.one(f"select count(*) from outbox_{w}")] + p.unread(), lambda left: not left,
                       what="everything read")


def attempts(p):
    return p.one("select count(*) from attempt_integrator")


# ---- pause ----------------------------------------------------------------------------------------------------------------

def test_pause_under_load(pipeline):
    """Two integrators in the middle of a crowd: after both have heeded the pause no call begins; resumed, every request ends once."""
    p = pipeline(**FAST)
    names = [f"{OPD}-R-{i}" for i in range(240)]
    p.faults(seed=1, latency_ms=200)
    p.start(*harness.WORKERS, "integrator.2", integrator_in_flight="4")
    submit(p, *names[:200])
    harness.eventually(lambda: p.stats()["post"], lambda n: n >= 10, what="calls")
    said = ctl(p, "endpoint", "pause", "--reason", "perawatan di Bedelau", "--json")
    assert (said["paused"], said["reason"], said["until"]) == (True, "perawatan di Bedelau", None)
    heeded(p, "paused", 2)
    # what was under way ends as always
    harness.eventually(lambda: [statusz(p, n)["calls_in_flight"] for n in ("integrator", "integrator.2")], lambda got: got == [0, 0], what="calls ended")
    calls, tries = p.stats()["requests"], attempts(p)
    assert calls < 200
    submit(p, *names[200:])
    harness.eventually(lambda: p.one("select count(*) from job_integrator where attempts = 0 and subject = any(%s)", names[200:]), lambda n: n == 40,
                       what="40 jobs that nobody called for")
    p.await_read("integrator", "checks", 240)
    for name in ("integrator", "integrator.2"):
        assert p.ready(name) == 200
        brake = statusz(p, name)["brake"]
        assert (brake["paused"], brake["shut"], brake["reason"]) == (True, "paused", "perawatan di Bedelau")
        assert paused_metric(p, "operator", name) == 1 and paused_metric(p, "maintenance", name) == 0
    # one that starts now learns of it before it calls
    assert p.terminate("integrator.2") == 0
    p.start("integrator.3")
    harness.eventually(lambda: statusz(p, "integrator.3")["brake"]["shut"], lambda s: s == "paused", what="the new one paused")
    status = ctl(p, "endpoint", "status", "--json")
    assert (status["in_flight"], status["given_up"]) == (0, 0)
    assert status["ready"] + status["parked"] == p.one("select count(*) from job_integrator") == 240 - p.stats()["registrations"]
    assert (p.stats()["requests"], attempts(p)) == (calls, tries)
    printed = ctl(p, "endpoint", "status")
    assert "calls are paused: perawatan di Bedelau" in printed and "0 calls in flight" in printed and " live " in printed
    assert ctl(p, "endpoint", "resume", "--json")["paused"] is False
    for nomor in names:
        p.await_status(nomor, "selesai")
    p.await_quiet()
    stats = p.stats()
    assert (stats["registrations"], stats["unique"], stats["duplicates"], stats["active"]) == (240, 240, 0, 240), stats
    assert paused_metric(p, "operator") == 0 and statusz(p)["brake"]["shut"] == ""
    assert audited(p, "endpoint pause", "endpoint resume") == [("endpoint pause", "integrator", "perawatan di Bedelau"), ("endpoint resume", "integrator", None)]


def test_the_end_between_a_claim_and_its_commit(pipeline):
    """The attempt waits for a lock while the integrator is told to end: it commits, and no call is made after that."""
    p, nomor = pipeline(**FAST), f"{OPD}-R-E"
    p.start(*harness.WORKERS)
    with p.connect() as db, db.cursor() as c:
        db.autocommit = False
        c.execute(f'set search_path to "{p.schema}"')
        c.execute("lock table attempt_integrator in share row exclusive mode")
        submit(p, nomor)
        harness.eventually(lambda: p.one("select count(*) from pg_locks where not granted and relation = 'attempt_integrator'::regclass"),
                           what="an attempt that waits")
        p.signal("integrator", signal.SIGTERM)
        harness.eventually(lambda: "stopping" in p.log("integrator"), what="it was told to end")
    assert p.procs["integrator"].wait(timeout=60) == 0
    job = the_job(p, nomor)
    assert (job["lease"], job["attempts"], p.stats()["requests"]) == (0, 1, 0)
    p.start("integrator")
    p.await_status(nomor, "selesai")
    assert p.stats()["registrations"] == 1


def test_pause_ends_by_itself(pipeline):
    p, nomor = pipeline(**FAST), f"{OPD}-R-U"
    p.start(*harness.WORKERS)
    assert "has passed" in ctl(p, "endpoint", "pause", "--until", "2020-01-01T00:00:00Z", code=USAGE)
    until = ctl(p, "endpoint", "pause", "--until", "4s", "--json")["until"]
    heeded(p, "paused")
    submit(p, nomor)
    assert the_job(p, nomor)["attempts"] == 0
    p.await_status(nomor, "selesai")
    first = p.one("select min(sent_at) from attempt_integrator")
    assert first >= datetime.datetime.fromisoformat(until)
    assert ctl(p, "endpoint", "status", "--json")["paused"] is False
    heeded(p, None)


# ---- settings --------------------------------------------------------------------------------------------------------------

def test_maintenance_window(pipeline):
    p, nomor = pipeline(**FAST), f"{OPD}-R-M"
    begun = datetime.datetime.now(harness.WIB) - datetime.timedelta(hours=1)
    window = f"{DAYS[begun.weekday()]} {begun:%H:%M}-{begun + datetime.timedelta(hours=3):%H:%M}"
    p.start("validator", "deadline", "projector")
    p.start("integrator", integrator_maintenance=window)
    heeded(p, "maintenance")
    submit(p, nomor)
    assert the_job(p, nomor)["attempts"] == 0  # where calls may begin a job is born with its first attempt
    brake = statusz(p)["brake"]
    assert (brake["paused"], brake["shut"], brake["maintenance"]) == (False, "maintenance", window) and brake["changes_at"]
    assert paused_metric(p, "maintenance") == 1 and paused_metric(p, "operator") == 0 and p.ready("integrator") == 200
    assert [i["maintenance"] for i in ctl(p, "endpoint", "status", "--json")["integrators"]] == [window]
    assert p.stats()["requests"] == 0
    assert p.terminate("integrator") == 0
    other = begun + datetime.timedelta(days=3)
    p.start("integrator", integrator_maintenance=f"{DAYS[other.weekday()]} 00:00-24:00")
    p.await_status(nomor, "selesai")
    assert (p.stats()["registrations"], attempts(p)) == (1, 1)


def test_maintenance_refused(tmp_path):
    for window, say in (("sabtu 22:00-04:00", "begins with a day"), ("sab 22:00", "two times of a day")):
        done = harness.run("integrator", "--check-config", conf=f"{harness.BASE}maintenance = {window}\n", tmp=tmp_path)
        assert done.returncode == CONFIG and window in done.stderr and say in done.stderr, done


def test_ceiling(pipeline):
    """5 calls a second, one at once after a rest: no second of the endpoint's ledger has more than 6."""
    p = pipeline(**FAST, integrator_calls_per_s="5")
    names = [f"{OPD}-R-C{i}" for i in range(30)]
    p.start(*harness.WORKERS)
    submit(p, *names)
    for nomor in names:
        p.await_status(nomor, "selesai")
    p.await_quiet()
    _, body = harness.http(p.standin("/_ledger"))
    times = sorted(datetime.datetime.fromisoformat(e["waktu"].replace("Z", "+00:00")) for e in json.loads(body))
    second = datetime.timedelta(seconds=1)
    assert len(times) == 30 == attempts(p) == p.stats()["requests"]
    most = max(sum(t <= u < t + second for u in times) for t in times)
    assert most <= 5 + 1, most


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_mode(pipeline, mode):
    """The call is rendered and stored, not sent; live again, what waits goes out as it was stored."""
    p, nomor = pipeline(**FAST), f"{OPD}-R-{mode.upper()}"
    p.start("validator", "deadline", "projector")
    p.start("integrator", integrator_mode=mode)
    submit(p, nomor)
    job = the_job(p, nomor)
    assert (job["step"], job["attempts"], job["lease"]) == ("send", 0, 0)
    stored = json.loads(bytes(p.one("select body from integration_body where nomor_permohonan = %s", nomor)))
    assert (stored["nomor_permohonan"], stored["sistem"]["nama"]) == (nomor, f"Sistem {nomor}")
    assert [i["mode"] for i in ctl(p, "endpoint", "status", "--json")["integrators"]] == [mode]
    assert statusz(p)["mode"] == mode and p.stats()["requests"] == 0
    assert p.terminate("integrator") == 0
    p.start("integrator")
    p.await_status(nomor, "selesai")
    assert (p.stats()["registrations"], attempts(p)) == (1, 1)


# ---- jobs ------------------------------------------------------------------------------------------------------------------

def test_jobs_list_show_retry(pipeline):
    p = pipeline(**FAST)
    names = [f"{OPD}-R-J{i}" for i in range(4)]
    p.faults(seed=1, mix={"503": 1.0}, retry_after_s=int(HOUR))
    p.start(*harness.WORKERS)
    submit(p, *names)
    for nomor in names:
        parked(p, nomor)
    all_read(p)
    listed = ctl(p, "jobs", "list", "--json")
    assert [(j["subject"], j["key"], j["step"], j["state"], j["attempts"], j["reason"]) for j in sorted(listed, key=lambda j: j["subject"])] == [
        (n, f"{n}:1:1", "send", "parked", 1, "HTTP 503") for n in names]
    assert all(j["due_at"] and j["deadline_at"] and j["stop_reason"] is None for j in listed)
    assert ctl(p, "jobs", "list", "--state", "parked", "--opd", OPD, "--limit", "2", "--json") == listed[:2]
    assert ctl(p, "jobs", "list", "--opd", "1.01.01", "--json") == ctl(p, "jobs", "list", "--state", "leased", "--json") == []
    assert ctl(p, "jobs", "list", "--worker", "validator", "--json") == []
    printed = ctl(p, "jobs", "list")
    assert all(f"{n}:1:1" in printed for n in names) and "HTTP 503" in printed
    shown = ctl(p, "jobs", "show", names[0], "--json")
    assert shown == ctl(p, "jobs", "show", f"{names[0]}:1:1", "--json")
    assert [j["key"] for j in shown["jobs"]] == [f"{names[0]}:1:1"]
    assert [(a["no"], a["step"], a["fate"], a["code"]) for a in shown["attempts"]] == [(1, "send", "answered", 503)]
    assert shown["attempts"][0]["took_ms"] >= 0 and shown["attempts"][0]["answered_at"] >= shown["attempts"][0]["sent_at"]
    # a call that may still take effect is waited for
    quiet = p.rows("update job_integrator set quiet_until = now() + interval '30 min' where subject = %s returning quiet_until", names[3])[0]["quiet_until"]
    again, = ctl(p, "jobs", "retry", f"{names[3]}:1:1", "--json")
    assert again["changed"] and datetime.datetime.fromisoformat(again["due_at"]) == quiet == the_job(p, names[3])["due_at"]
    p.rows("update job_integrator set quiet_until = null where subject = %s", names[3])
    # one is made due, then all
    p.faults(seed=1)
    again = ctl(p, "jobs", "retry", names[0], "--json")
    assert [(a["key"], a["state"], a["changed"]) for a in again] == [(f"{names[0]}:1:1", "parked", True)]
    p.await_status(names[0], "selesai")
    assert [j["attempts"] for j in ctl(p, "jobs", "list", "--json")] == [1, 1, 1]
    assert ctl(p, "jobs", "retry", "--all-parked", "--json") == {"changed": 3}
    for nomor in names:
        p.await_status(nomor, "selesai")
    p.await_quiet()
    assert (p.stats()["post"], p.stats()["registrations"], p.stats()["duplicates"]) == (8, 4, 0)
    done = ctl(p, "jobs", "show", names[0], "--json")  # the story of what has ended
    assert done["jobs"] == [] and [(a["no"], a["code"]) for a in done["attempts"]] == [(1, 503), (2, 201)]
    assert "nothing is owed" in ctl(p, "jobs", "retry", names[0], code=NO)
    assert "no job" in ctl(p, "jobs", "show", "NIHIL-1", code=NO)
    assert ctl(p, "jobs", "retry", "--all-parked", "--json") == {"changed": 0}
    assert audited(p, "jobs retry") == [
        ("jobs retry", f"{names[3]}:1:1", "1 jobs"), ("jobs retry", names[0], "1 jobs"), ("jobs retry", "--all-parked", "3 jobs")]


def test_retry_leaves_a_call_alone(pipeline):
    p, nomor = pipeline(**{**FAST, "integrator_timeout": "20s", "integrator_lease": "40s"}), f"{OPD}-R-L"
    p.faults(seed=1, mix={"hang": 1.0})
    p.start(*harness.WORKERS)
    submit(p, nomor)
    harness.eventually(lambda: p.stats()["post"], lambda n: n == 1, what="the call under way")
    all_read(p)
    before = the_job(p, nomor)
    assert [j["state"] for j in ctl(p, "jobs", "list", "--json")] == ["leased"]
    assert ctl(p, "endpoint", "status", "--json")["in_flight"] == 1
    again = ctl(p, "jobs", "retry", nomor, "--json")
    assert [(a["state"], a["changed"], a["due_at"]) for a in again] == [("leased", False, None)]
    assert the_job(p, nomor) == before and audited(p, "jobs retry") == []


def failed(p, nomor, reason):
    p.await_status(nomor, "gagal_integrasi")
    say, = await_told(p, nomor, "integration.failed")
    assert say["alasan"] == reason
    p.await_quiet()


def test_cancel_what_is_parked(pipeline):
    """Nothing of it is at Bedelau: told at once, also while calls are paused; the officer may then decide anew."""
    p, nomor = pipeline(**FAST), f"{OPD}-R-K"
    p.faults(seed=1, mix={"503": 1.0}, retry_after_s=int(HOUR))
    p.start(*harness.WORKERS)
    submit(p, nomor)
    parked(p, nomor)
    ctl(p, "endpoint", "pause")
    heeded(p, "paused")
    for words, code in (((nomor,), USAGE), ((nomor, "--reason", ""), USAGE), ((nomor, "--reason", "a\nb"), USAGE), (("NIHIL-1", "--reason", "x"), NO)):
        ctl(p, "jobs", "cancel", *words, code=code)
    assert audited(p, "jobs cancel") == []
    assert ctl(p, "jobs", "cancel", nomor, "--reason", "sudah lewat", "--json") == [{"key": f"{nomor}:1:1", "then": "told now"}]
    failed(p, nomor, "sudah lewat")
    assert audited(p, "jobs cancel") == [("jobs cancel", f"{nomor}:1:1", "sudah lewat")]
    assert p.stats()["requests"] == 1
    assert "nothing is owed" in ctl(p, "jobs", "cancel", nomor, "--reason", "lagi", code=NO)
    ctl(p, "endpoint", "resume")
    p.faults(seed=1)
    review(p, nomor, "diterima", putaran=2)
    p.await_status(nomor, "selesai")
    assert (p.stats()["post"], p.stats()["active"], p.stats()["duplicates"]) == (2, 1, 0)


def test_cancel_what_was_never_sent(pipeline):
    p, nomor = pipeline(**FAST, integrator_mode="off", standin=False), f"{OPD}-R-N"
    p.start(*harness.WORKERS)
    submit(p, nomor)
    the_job(p, nomor)
    ctl(p, "jobs", "cancel", f"{nomor}:1:1", "--reason", "tidak jadi")
    failed(p, nomor, "tidak jadi")
    assert attempts(p) == 0


@pytest.mark.parametrize("outcome, status, active", [("hang_before", "gagal_integrasi", 0), ("hang", "selesai", 1), ("503", "gagal_integrasi", 0)])
def test_cancel_with_a_call_in_flight(pipeline, outcome, status, active):
    """What the call did is found out first: what took effect stands, what did not is given up and never sent again."""
    p, nomor = pipeline(**{**FAST, "integrator_timeout": "3s", "integrator_lease": "6s"}), f"{OPD}-R-F"
    p.faults(seed=1, latency_ms=1500, retry_after_s=int(HOUR), rules=[{"nomor": nomor, "sequence": [outcome, "201"]}])
    p.start(*harness.WORKERS)
    submit(p, nomor)
    harness.eventually(lambda: p.stats()["post"], lambda n: n == 1, what="the POST")
    given_up = ctl(p, "jobs", "cancel", nomor, "--reason", "menyerah", "--json")
    assert [g["then"][:22] for g in given_up] == ["a call is under way: t"]
    assert told(p, nomor, "integration.failed") == []
    p.await_status(nomor, status)
    p.await_quiet()
    stats = p.stats()
    assert (stats["post"], stats["active"], stats["duplicates"]) == (1, active, 0), stats
    assert [f["alasan"] for f in told(p, nomor, "integration.failed")] == (["menyerah"] if active == 0 else [])
    assert len(told(p, nomor, "integration.completed")) == active


def test_cancel_what_bedelau_has(pipeline):
    """202 without an end: taken back first, so that nothing is left there of what we call failed."""
    p, nomor = pipeline(**{**FAST, "integrator_poll": "1h"}), f"{OPD}-R-D"
    p.faults(seed=1, rules=[{"nomor": nomor, "sequence": ["202_tetap", "201"]}])
    p.start(*harness.WORKERS)
    submit(p, nomor)
    the_job(p, nomor, lambda j: j["step"] == "poll", "a registration")
    assert "taken back first" in ctl(p, "jobs", "cancel", nomor, "--reason", "tidak ditanggapi")
    failed(p, nomor, "tidak ditanggapi")
    stats = p.stats()
    assert (stats["post"], stats["delete"], stats["active"]) == (1, 1, 0), stats
    assert told(p, nomor, "integration.cancelled") == []


def test_cancel_a_change(pipeline):
    """A change that Bedelau works on cannot be taken back: given up without a DELETE, and the original stays as it is."""
    p, first, second = pipeline(**{**FAST, "integrator_poll": "1h"}), f"{OPD}-R-A", f"{OPD}-R-B"
    p.start(*harness.WORKERS)
    submit(p, first)
    p.await_status(first, "selesai")
    p.await_quiet()
    p.faults(seed=1, mix={"202_tetap": 1.0})
    p.submit(second, jenis_pengajuan="perubahan", nomor_permohonan_asal=first)
    p.flush()
    await_told(p, second, "integration.registered")
    ctl(p, "jobs", "cancel", second, "--reason", "tidak ditanggapi")
    failed(p, second, "tidak ditanggapi")
    stats = p.stats()
    assert (stats["post"], stats["put"], stats["delete"], p.request(first)["status"]) == (1, 1, 0, "selesai"), stats


def test_operators_in_a_crowd(pipeline):
    """retry and cancel from several hands while integrators work: no deadlock, and each request has one end."""
    p = pipeline(**{**FAST, "integrator_backoff_max": "1s"})
    names = [f"{OPD}-R-X{i}" for i in range(120)]
    doomed = names[::4]
    p.faults(seed=3, mix={"503": 0.5, "hang_before": 0.05, "cut": 0.05}, latency_ms=20)
    p.start(*harness.WORKERS, "integrator.2")
    submit(p, *names)
    harness.eventually(lambda: p.stats()["post"], lambda n: n >= 40, what="calls")
    ends, lock = [], threading.Lock()

    def run(*all_words):
        for words in all_words:
            done = subprocess.run([harness.BIN / "bedelauctl", *words], env=p.env, capture_output=True, text=True, timeout=60, check=False)
            with lock:
                ends.append((done.returncode, done.stderr))
    hands = [threading.Thread(target=run, args=[("jobs", "retry", "--all-parked")] * 15) for _ in range(2)]
    hands += [threading.Thread(target=run, args=[("jobs", "cancel", n, "--reason", "uji") for n in doomed[k::2]]) for k in range(2)]
    for h in hands:
        h.start()
    for h in hands:
        h.join()
    assert {code for code, _ in ends} <= {OK, NO}, ends  # NO: it had ended
    p.faults(seed=3)
    p.await_quiet()
    rows = {r["nomor_permohonan"]: r["status"] for r in p.rows("select nomor_permohonan, status from request")}
    assert {rows[n] for n in names if n not in doomed} == {"selesai"}
    assert {rows[n] for n in doomed} <= {"selesai", "gagal_integrasi"}
    done = [n for n in names if rows[n] == "selesai"]
    stats = p.stats()
    assert (stats["active"], stats["duplicates"]) == (len(done), 0), stats
    for kind, status in (("completed", "selesai"), ("failed", "gagal_integrasi")):
        got = p.rows("select subject, count(*) as n from event where type = %s group by 1", harness.TYPE.format(f"integration.{kind}"))
        assert {(r["subject"], r["n"]) for r in got} == {(n, 1) for n in names if rows[n] == status}
    for name in ("integrator", "integrator.2"):
        assert "40P01" not in p.log(name)


# ---- dead letters ----------------------------------------------------------------------------------------------------------

def test_dlq_show_and_replay(pipeline):
    """A form that was too large for the settings goes through to the end once they allow it, byte for byte."""
    p, nomor = pipeline(**FAST), f"{OPD}-R-Q"
    p.start(*harness.WORKERS, sop_event_max="4k")
    sent = json.dumps(event("request.submitted", nomor, form(nomor, uraian_fungsi="Melayani warga. " * 120)))
    head = [("content-type", b"application/cloudevents+json; charset=utf-8"), ("x-asal", b"\xff\x00"), ("x-kosong", None)]
    p.send("requests", sent, key=nomor, headers=head)
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n == 1, what="set aside")
    row, = ctl(p, "dlq", "list", "--json")
    assert (row["code"], row["topic"], row["replayed_at"]) == ("TOO_LARGE", f"{p.prefix}.requests", None)
    one = row["id"]
    shown = ctl(p, "dlq", "show", one, "--json")
    assert {k: shown[k] for k in ("id", "code", "reason", "partition", "kafka_offset", "key", "size", "held")} == {
        **{k: row[k] for k in ("id", "code", "reason", "partition", "kafka_offset")}, "key": nomor, "size": len(sent), "held": True}
    assert [(h["name"], h["value"]) for h in shown["headers"]] == [
        ("content-type", "application/cloudevents+json; charset=utf-8"), ("x-asal", {"base64": "/wA="}), ("x-kosong", None)]
    assert "payload" not in shown and form(nomor)["nama_pemohon"] not in ctl(p, "dlq", "show", one)
    assert audited(p, "dlq show --payload") == []
    assert ctl(p, "dlq", "show", one, "--payload", "--json")["payload"] == sent
    assert ctl(p, "dlq", "show", one, "--payload").endswith(f"\n{sent}\n")
    assert audited(p, "dlq show --payload") == [("dlq show --payload", str(one), None)] * 2
    for name in harness.WORKERS:
        assert p.terminate(name) == 0
    p.start(*harness.WORKERS)
    assert ctl(p, "dlq", "replay", one, "--json") == [{"id": one, "topic": row["topic"], "replayed": True, "why": None}]
    p.await_status(nomor, "selesai")
    p.await_quiet()
    first, second = sorted((m for m in p.read("requests")), key=lambda m: m.offset())
    assert (second.key(), second.value(), second.partition()) == (first.key(), first.value(), first.partition())
    assert second.headers() == [*head, ("bedelau-replay", str(one).encode())] and first.headers() == head
    # once
    assert "replayed before" in ctl(p, "dlq", "replay", one, code=NO)
    assert len(p.read("requests")) == 2 and ctl(p, "dlq", "list", "--json")[0]["replayed_at"]
    assert "is published again" in ctl(p, "dlq", "replay", one, "--again")
    p.await_quiet()
    assert (p.stats()["registrations"], len(p.read("requests")), p.one("select count(*) from dead_letter")) == (1, 3, 1)
    place = f"{row['topic']} {row['partition']} {row['kafka_offset']}"
    assert audited(p, "dlq replay") == [("dlq replay", str(one), place)] * 2


def test_dlq_replay_by_code(pipeline):
    """What fails again is a new dead letter, and is not sent round and round."""
    p = pipeline()
    p.start("validator")
    for i in range(3):
        p.send("requests", f"bukan JSON {i}", key=f"K{i}")
    p.send("requests", event("request.submitted", f"{OPD}-R-Z", []))
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n == 4, what="set aside")
    assert ctl(p, "dlq", "replay", "--code", "TOO_LARGE", "--json") == []
    assert [r["replayed"] for r in ctl(p, "dlq", "replay", "--code", "BAD_EVENT", "--json")] == [True] * 3
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n == 7, what="set aside again")
    assert sorted(m.value() for m in p.read("requests") if m.headers()) == [f"bukan JSON {i}".encode() for i in range(3)]
    again = ctl(p, "dlq", "replay", "--code", "BAD_EVENT", "--json", code=NO)
    assert [(r["replayed"], "a replay itself" in r["why"]) for r in again] == [(False, True)] * 3
    for words, code in (((), USAGE), (("x",), USAGE), (("1", "--code", "X"), USAGE), (("999999",), NO)):
        ctl(p, "dlq", "replay", *words, code=code)
    assert "no dead letter" in ctl(p, "dlq", "show", "999999", code=NO)
    assert p.one("select count(*) from dead_letter where replayed_at is not null") == 3
    # a record whose time is over
    p.rows("update dead_letter set kafka_offset = 999999 where id = (select max(id) from dead_letter)")
    last = p.one("select max(id) from dead_letter")
    assert "no longer in its topic" in ctl(p, "dlq", "replay", last, code=NO)
    assert ctl(p, "dlq", "show", last, "--json")["held"] is False
