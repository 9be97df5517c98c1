"""Issue-sized load while programs die: nothing lost, nothing twice."""
import json
import os
import random
import threading

import harness
import pytest
from harness import OPD, event, every_event_once, form

pytestmark = pytest.mark.alone

SEED = 20261125
# how each kind of request may end; who takes a form back while it is on its way may come too late
ENDS = {"good": {"selesai"}, "bad": {"dikembalikan"}, "mended": {"selesai"}, "withdrawn": {"dibatalkan"},
        "taken back": {"dibatalkan", "selesai"}}


def through_gateway(p, nomor):
    """As a client would: the same request again until it is taken; the key makes the repeats one."""
    def post():
        return harness.http(f"http://127.0.0.1:{p.ports['gateway']}/v1/requests", "POST", json.dumps(form(nomor)).encode(),
                            {"Authorization": f"Bearer {p.token}", "Content-Type": "application/json",
                             "Idempotency-Key": nomor})[0]

    harness.eventually(post, lambda status: status == 202, 60, f"{nomor} taken by the gateway")


def publish(p, rng, requests):
    """Mixed requests in portions of 25; yields how each may end."""
    want = {}
    for i in range(requests):
        nomor = f"{OPD}-C-{i:04d}"
        kind = rng.choices(list(ENDS), [65, 15, 10, 5, 5])[0]
        want[nomor] = ENDS[kind]
        if kind == "withdrawn":
            p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
        broken = {"perihal": None, "tipe_lisensi": "x", "tahun_pembangunan": 1900} if kind in ("bad", "mended") else {}
        if kind == "good" and i % 7 == 3:
            through_gateway(p, nomor)
        else:
            p.submit(nomor, **broken)
        if kind == "mended":
            p.submit(nomor, revisi=2)
        if kind == "taken back":
            p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
        if i % 25 == 0:
            p.flush()
            yield want
    p.flush()
    yield want


def kill_and_go_on(p, rng, names):
    """Kills a program that was ready, a moment after work arrived for it; starts it again at once. True when there was work."""
    name = names.pop()
    p.await_ready(name)
    threading.Event().wait(rng.random() * 0.4)  # the moments of the kills are the test's subject
    p.kill(name)
    pending = p.one("select count(*) from pemeriksaan where status is null or status not in "
                    "('selesai', 'dikembalikan', 'dibatalkan')")
    p.start(name, wait=False)
    return pending > 0


@pytest.mark.parametrize("requests, kills, second", [(1000, 20, ()), (500, 10, ("projector", "integrator"))],
                         ids=["one of each", "two projectors and integrators"])
def test_kills(pipeline, requests, kills, second):
    """Each program is killed with SIGKILL at random moments, 20 kills in all, while 1,000 requests arrive."""
    seed = int(os.environ.get("BEDELAU_TEST_SEED", SEED))
    print("BEDELAU_TEST_SEED", seed)
    rng = random.Random(seed)
    p = pipeline(integrator_timeout="2s", integrator_lease="4s", integrator_backoff_min="50ms",
                 integrator_backoff_max="1s", integrator_poll="300ms")
    p.faults(seed=7, latency_ms=3, idempotent=True, mix={"503": 0.1, "202": 0.1, "cut": 0.05, "hang": 0.01},
             retry_after_s=1, callback_after_ms=300)
    p.token = p.ctl("token", "create", "--opd", OPD).strip().splitlines()[-1]
    running = (*harness.WORKERS, "gateway", *(f"{n}.2" for n in second))
    p.start(*running)
    names = (list(running) * kills)[:kills]
    rng.shuffle(names)
    assert set(names) == set(running)
    amid = 0
    for n, want in enumerate(publish(p, rng, requests)):
        if n % 2 and names:  # a kill after every other portion
            amid += kill_and_go_on(p, rng, names)
    print("kills amid work:", amid)
    assert names == [] and amid > kills / 2, (names, amid)
    statuses = "select nomor_permohonan, status from request"
    harness.eventually(lambda: [r for r in p.rows(statuses) if r["status"] not in want[r["nomor_permohonan"]]],
                       lambda wrong: not wrong, 150, f"every request as expected; see {p.folder}")
    p.await_quiet()
    got = {r["nomor_permohonan"]: r["status"] for r in p.rows(statuses)}
    assert set(got) == set(want) and all(got[nomor] in want[nomor] for nomor in want)
    every_event_once(p)
    accepted = sum(s == "selesai" for s in got.values())
    stats = p.stats()
    assert (stats["active"], stats["duplicates"]) == (accepted, 0), stats
    assert p.rows("select * from dead_letter") == []


def test_two_of_each(pipeline):
    """Two projectors, two integrators and two deadline workers share the work; one of each is killed in the middle."""
    p = pipeline(integrator_timeout="2s", integrator_lease="4s", integrator_backoff_min="50ms",
                 integrator_backoff_max="500ms")
    doubled = ("projector", "integrator", "deadline")
    p.start(*harness.WORKERS, *(f"{n}.2" for n in doubled))
    p.faults(seed=5, latency_ms=2, idempotent=True, mix={"503": 0.05})
    for i in range(400):
        p.submit(f"{OPD}-D-{i:04d}")
        if i == 200:
            p.flush()
            harness.eventually(lambda: p.one("select count(*) from request"), lambda n: n > 20, what="work under way")
            for name in doubled:
                p.kill(name)
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == 400, 120,
                       f"400 selesai; see {p.folder}")
    p.await_quiet()
    every_event_once(p)
    assert p.stats()["active"] == 400 and p.stats()["duplicates"] == 0


def test_form_is_what_was_sent(pipeline):
    """The bytes of a form stay exactly those that came in, odd spacing and numbers included."""
    p = pipeline(standin=False)
    p.start("projector")
    nomor = f"{OPD}-B-0001"
    data = '{ "nomor_permohonan" :"%s","revisi": 1, "angka":1.10, "besar":12345678901234567890123, "teks":"\\u00e9\\/" }' % nomor
    p.send("requests", '{"specversion":"1.0","id":"b1","source":"/opd/%s","type":"%s","subject":"%s","data":%s}'
           % (OPD, harness.TYPE.format("request.submitted"), nomor, data), key=nomor)
    p.flush()
    harness.eventually(lambda: p.rows("select data from event where id = 'b1'"), what="the event in the log")
    assert p.one("select data from event where id = 'b1'") == data
    assert form(nomor)["nomor_permohonan"] == nomor
