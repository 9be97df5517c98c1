"""Issue-sized load while programs die: nothing lost, nothing twice."""
import json
import random
import threading

import harness
from harness import OPD, event, every_event_once, form

KILLS = 20
SEED = 20261125


def through_gateway(p, nomor):
    """As a client would: the same request again until it is taken; the key makes the repeats one."""
    def post():
        return harness.http(f"http://127.0.0.1:{p.ports['gateway']}/v1/requests", "POST", json.dumps(form(nomor)).encode(),
                            {"Authorization": f"Bearer {p.token}", "Content-Type": "application/json",
                             "Idempotency-Key": nomor})[0]

    harness.eventually(post, lambda status: status == 202, 60, f"{nomor} taken by the gateway")


def publish(p, rng, requests):
    """1,000 mixed requests; returns what each must become."""
    want = {}
    for i in range(requests):
        if i % 40 == 39:
            p.flush()
            yield want
        nomor = f"{OPD}-C-{i:04d}"
        kind = rng.choices(["good", "bad", "mended", "withdrawn"], [70, 15, 10, 5])[0]
        want[nomor] = {"good": "selesai", "bad": "dikembalikan", "mended": "selesai", "withdrawn": "dibatalkan"}[kind]
        if kind == "withdrawn":
            p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
        if kind == "good" and i % 5 == 0:
            through_gateway(p, nomor)
            continue
        broken = {"perihal": None, "tipe_lisensi": "x", "tahun_pembangunan": 1900} if kind in ("bad", "mended") else {}
        p.submit(nomor, **broken)
        if kind == "mended":
            p.submit(nomor, revisi=2)
    p.flush()
    yield want


def test_kills(pipeline):
    """Each program is killed with SIGKILL at random moments, 20 kills in all, while 1,000 requests arrive."""
    rng = random.Random(SEED)
    p = pipeline(integrator_timeout="2s", integrator_lease="4s", integrator_backoff_min="50ms",
                 integrator_backoff_max="1s", integrator_poll="300ms")
    p.faults(seed=7, latency_ms=3, idempotent=True, mix={"503": 0.1, "202": 0.1, "cut": 0.05, "hang": 0.01},
             retry_after_s=1, callback_after_ms=300)
    p.token = p.ctl("token", "create", "--opd", OPD).strip().splitlines()[-1]
    programs = (*harness.WORKERS, "gateway")
    p.start(*programs)
    kills = 0
    want = {}
    pause = threading.Event()
    for want in publish(p, rng, 1000):
        if kills < KILLS:
            name = programs[kills % 5] if kills < 5 else rng.choice(programs)
            p.kill(name)
            p.start(name, wait=False)
            kills += 1
            pause.wait(rng.random() * 0.5)  # the moments of the kills are the test's subject
    assert kills == KILLS
    harness.eventually(lambda: {r["nomor_permohonan"]: r["status"] for r in p.rows("select * from request")},
                       lambda got: got == want, 150, f"every request as expected; see {p.folder}")
    p.await_quiet()
    every_event_once(p)
    accepted = sum(s == "selesai" for s in want.values())
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
