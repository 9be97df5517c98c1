"""What Bedelau answers and when the applicant changes his mind meanwhile: each story ends with one effect or none."""
import base64
import json

import harness
import pytest
from harness import FAST, OPD, PERSONAL, await_told, event, form, refusals, review, told


def withdraw(p, nomor):
    p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
    p.flush()


@pytest.mark.parametrize("outcome, deletes", [("hang", 1), ("hang_before", 0), ("cut", 1)])
def test_withdrawn_while_the_call_is_in_doubt(pipeline, outcome, deletes):
    """The end of the POST is unknown when the withdrawal comes: ask first, then take back what is there, no second POST."""
    p, nomor = pipeline(**{**FAST, "integrator_timeout": "2s", "integrator_lease": "5s"}), f"{OPD}-K-1"
    # the answer to the question is late too, so that the withdrawal is known before it
    p.faults(seed=1, rules=[{"nomor": nomor, "sequence": [outcome, "201"]}], mix_get={"hang": 1.0})
    p.start(*harness.WORKERS)
    p.submit(nomor)
    p.flush()
    harness.eventually(lambda: p.stats()["post"], lambda n: n == 1, what="the POST")
    withdraw(p, nomor)
    p.await_status(nomor, "dibatalkan")
    assert told(p, nomor, "integration.cancelled") == []  # not said before it is known
    p.faults(seed=1)
    await_told(p, nomor, "integration.cancelled")
    p.await_quiet()
    stats = p.stats()
    assert (stats["post"], stats["active"], stats["duplicates"]) == (1, 0, 0), stats
    assert stats["get"] >= 1 and stats["delete"] == deletes, stats
    assert p.request(nomor)["status"] == "dibatalkan"
    assert told(p, nomor, "integration.completed") == []


def test_withdrawn_before_a_decision(pipeline):
    p, nomor = pipeline(**FAST, validator_review="manual"), f"{OPD}-K-2"
    p.start(*harness.WORKERS)
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "diperiksa")
    withdraw(p, nomor)
    row = p.await_status(nomor, "dibatalkan")
    assert row["giliran"] == "selesai"
    review(p, nomor, "diterima")
    harness.eventually(lambda: refusals(p, nomor), lambda r: r == ["SUDAH_FINAL"], what="a late decision")
    p.submit(nomor, revisi=2)
    p.flush()
    harness.eventually(lambda: refusals(p, nomor), lambda r: r == ["SUDAH_FINAL", "SUDAH_FINAL"], what="a late revision")
    p.await_quiet()
    assert p.stats()["requests"] == 0
    assert {r["status"] for r in p.rows("select status from clock where tahap <> 'pengajuan'")} == {"dihentikan"}


def test_a_second_round(pipeline):
    """422: the officer gets the endpoint's list; a decision on the round before is refused; the next is a call of its own."""
    p, nomor = pipeline(**FAST), f"{OPD}-K-3"
    p.start(*harness.WORKERS)
    p.faults(seed=1, rules=[{"nomor": nomor, "sequence": ["422", "201"]}])
    p.submit(nomor)
    p.flush()
    row = harness.eventually(lambda: p.request(nomor), lambda r: r and r["putaran"] == 2, what="a second round")
    assert row["status"] == "diperiksa"
    findings = json.loads(row["temuan"])
    assert findings and all(f["kode"] == "BEDELAU" and f["tingkat"] == "E" for f in findings)
    review(p, nomor, "diterima", putaran=1)
    harness.eventually(lambda: refusals(p, nomor), lambda r: r == ["PUTARAN_LAMA"], what="an old round refused")
    assert p.stats()["post"] == 1
    review(p, nomor, "diterima", putaran=2)
    assert p.await_status(nomor, "selesai")["putaran"] == 2
    p.await_quiet()
    assert p.stats()["post"] == 2
    assert {r["key"] for r in p.rows("select key from attempt_integrator")} == {f"{nomor}:1:1", f"{nomor}:1:2"}
    clock = p.rows("select status from clock where tahap = 'integrasi'")
    assert [c["status"] for c in clock] == ["terpenuhi"]


def test_retry_after_is_heeded(pipeline):
    p, nomor = pipeline(**{**FAST, "integrator_backoff_max": "100ms"}), f"{OPD}-K-4"
    p.start(*harness.WORKERS)
    p.faults(seed=1, retry_after_s=2, rules=[{"nomor": nomor, "sequence": ["503", "201"]}])
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "selesai")
    p.await_quiet()
    first, second = p.rows("select *, extract(epoch from sent_at) as at from attempt_integrator order by no")
    assert (first["code"], second["code"]) == (503, 201)
    assert second["at"] - first["at"] >= 2
    delayed = told(p, nomor, "integration.delayed")
    assert [d["kode_http"] for d in delayed] == [503]


def test_callback_through_the_gateway(pipeline):
    """202, and Bedelau reports the end by itself, three times over: heard once. Nobody polls meanwhile."""
    secret = "whsec_" + base64.b64encode(b"only of this test, 32 bytes long").decode()
    p = pipeline(**{**FAST, "integrator_poll": "1h"}, standin_callback_secret=secret, gateway_callback_secret=secret)
    p.start("gateway")
    p.env["BEDELAU_INTEGRATOR_CALLBACK_URL"] = f"http://127.0.0.1:{p.ports['gateway']}/v1/callbacks/bedelau"
    p.start(*harness.WORKERS)
    p.faults(seed=1, mix={"202": 1.0}, callback_after_ms=500, callback_repeat=3)
    nomor = f"{OPD}-K-5"
    p.submit(nomor)
    p.flush()
    row = p.await_status(nomor, "selesai")
    harness.eventually(lambda: p.stats()["callbacks"]["sent"], lambda n: n == 3, what="three callbacks taken")
    p.await_quiet()
    assert row["id_integrasi"] and p.stats()["get"] == 0
    callbacks = p.events("callbacks")
    assert {(c["subject"], c["data"]["status"]) for c in callbacks} == {(nomor, "aktif")}
    assert len(told(p, nomor, "integration.completed")) == 1
    harness.every_event_once(p)


def test_trace_is_carried(pipeline):
    p, nomor = pipeline(**FAST), f"{OPD}-K-6"
    p.start(*harness.WORKERS)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    p.send("requests", event("request.submitted", nomor, form(nomor), traceparent=trace, revisi=1),
           headers=[("content-type", b"application/cloudevents+json; charset=utf-8")])
    p.flush()
    p.await_status(nomor, "selesai")
    p.await_quiet()
    for topic in ("checks", "integrations"):
        facts = p.events(topic)
        assert facts and all(e["traceparent"].split("-")[1] == trace.split("-")[1] for e in facts), topic
        assert all(e["revisi"] == 1 for e in facts), topic


def test_nothing_personal_anywhere(pipeline):
    """Names, NIP, addresses and telephone numbers stay in the requests topic, whatever happens to the request."""
    p = pipeline(**FAST, validator_review="manual", log_level="debug")
    p.start(*harness.WORKERS, "gateway")
    p.faults(seed=1, rules=[{"nomor": f"{OPD}-K-7*", "sequence": ["422", "cut", "201"]}])
    names = [f"{OPD}-K-7{x}" for x in "ABC"]
    p.submit(names[0])
    p.submit(names[1], nip_pemohon="198402292010011001 ", email_pemohon=PERSONAL[2] + ".evil.example", telepon_pemohon="08")
    p.submit(names[2], nip_pemohon=198402292010011001)
    # what cannot be read is not quoted either
    p.send("requests", json.dumps(event("request.submitted", names[0], form(names[0])))[:-9], key=names[0])
    p.flush()
    p.await_status(names[0], "diperiksa")
    review(p, names[0], "diterima")
    harness.eventually(lambda: p.request(names[0]), lambda r: r["putaran"] == 2, what="refused by Bedelau")
    review(p, names[0], "diterima", putaran=2)
    p.await_status(names[0], "selesai")
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), what="the broken one set aside")
    p.await_quiet()
    for topic in ("reviews", "callbacks", "checks", "integrations", "deadlines", "status"):
        for m in p.read(topic):
            text = m.value().decode() + repr(m.key()) + repr(m.headers())
            assert not [x for x in PERSONAL if x in text], topic
    for m in p.read("dead-letters"):
        text = repr(m.key()) + repr(m.headers())
        assert not [x for x in PERSONAL if x in text]
    logs = sorted(p.folder.glob("*.log"))
    assert len(logs) == 6
    for log in logs:
        text = log.read_text(encoding="utf-8")
        assert text and not [x for x in PERSONAL if x in text], log
    for table in ("request", "clock", "dead_letter", "attempt_integrator", "job_body_integrator", "integration_body"):
        assert not [x for x in PERSONAL if x in repr(p.rows(f"select * from {table}"))], table
