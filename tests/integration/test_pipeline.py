"""What the pipeline does with requests, one story each."""
import json
import re

import harness
import pytest
from harness import FAST, FORM, OPD, await_told, event, form, refusals, review, told


@pytest.fixture
def running(pipeline):
    p = pipeline(**FAST)
    p.start(*harness.WORKERS)
    return p


def test_happy(running):
    p, nomor = running, f"{OPD}-P-1"
    p.submit(nomor, id="a1", **{})
    p.flush()
    row = p.await_status(nomor, "selesai")
    assert (row["revisi"], row["putaran"], row["giliran"], row["terlambat"]) == (1, 1, "selesai", False)
    assert row["id_integrasi"] and row["integrated_at"] and row["kode_opd"] == OPD
    assert json.loads(row["temuan"]) == []
    check = p.checks(nomor)[0]
    assert (check["putusan"], check["sumber_pengajuan"], check["id_pengajuan"]) == ("diterima", f"/opd/{OPD}", "a1")
    assert re.fullmatch("[0-9a-f]{64}", check["aturan"])
    p.await_quiet()
    clocks = {r["tahap"]: r["status"] for r in p.rows("select * from clock")}
    assert clocks == {"pengajuan": "terpenuhi", "pemeriksaan": "terpenuhi", "integrasi": "terpenuhi"}
    ledger = json.loads(harness.http(p.standin("/_ledger"))[1])
    text = json.dumps(ledger)
    assert FORM["nip_pemohon"] not in text and FORM["telepon_pemohon"] not in text and FORM["nama_pemohon"] not in text


def test_returned_then_mended(running):
    p, nomor = running, f"{OPD}-P-2"
    p.submit(nomor, perihal=None, email_pemohon="a@batam.go.id.evil.example", tipe_lisensi="gratis", revisi=1)
    p.flush()
    row = p.await_status(nomor, "dikembalikan")
    found = {(t["kode"], t["lokasi"]) for t in json.loads(row["temuan"]) if t["tingkat"] == "E"}
    assert found == {("PA20-E-207", "/perihal"), ("PA20-E-016", "/email_pemohon"), ("PA20-E-044", "/tipe_lisensi")}
    assert all(t["pesan"] and t["message"] for t in json.loads(row["temuan"]))
    assert "evil" not in row["temuan"] and "gratis" not in row["temuan"]
    p.submit(nomor, revisi=2)
    p.flush()
    row = p.await_status(nomor, "selesai")
    assert (row["revisi"], row["jumlah_pengembalian"]) == (2, 1)
    p.await_quiet()
    clocks = {(r["revisi"], r["tahap"]): r["status"] for r in p.rows("select * from clock")}
    assert clocks[1, "pemeriksaan"] == "terpenuhi" and clocks[1, "perbaikan"] == "terpenuhi"


def test_revisions_out_of_turn(running):
    p, nomor = running, f"{OPD}-P-3"
    p.submit(nomor, revisi=3)
    p.submit(nomor, revisi=2, perihal=None)
    p.flush()
    p.await_quiet()
    assert p.request(nomor) is None or p.request(nomor)["status"] is None
    assert p.one("select count(*) from pemeriksaan_tahan") == 2
    p.submit(nomor, revisi=1, perihal=None)
    p.flush()
    row = p.await_status(nomor, "selesai")
    assert (row["revisi"], row["jumlah_pengembalian"]) == (3, 2)
    assert p.one("select count(*) from pemeriksaan_tahan") == 0
    p.submit(nomor, revisi=4)
    p.flush()
    harness.eventually(lambda: refusals(p, nomor), what="a refusal")
    assert refusals(p, nomor) == ["SUDAH_FINAL"]


def test_refusals(pipeline):
    p = pipeline(**FAST, validator_review="manual")
    p.start(*harness.WORKERS)
    nomor = f"{OPD}-P-4"
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "diperiksa")
    p.submit(nomor, nama_sistem="Lain")
    p.send("requests", event("request.submitted", nomor, form(nomor, kode_opd="2.16.01"), "/opd/2.16.01"))
    p.send("requests", event("request.submitted", f"{OPD}-P-5", form(f"{OPD}-P-5", kode_opd="2.16.01")))
    p.flush()
    harness.eventually(lambda: sorted(refusals(p, nomor)), lambda r: r == ["NOMOR_MILIK_LAIN", "REVISI_LAMA"],
                       what="both refusals")
    harness.eventually(lambda: refusals(p, f"{OPD}-P-5"), lambda r: r == ["KODE_OPD_BERBEDA"], what="the other refusal")
    review(p, nomor, "ditolak")
    review(p, nomor, "diterima", putaran=2)
    harness.eventually(lambda: sorted(refusals(p, nomor)), lambda r: len(r) == 4, what="refused reviews")
    assert sorted(refusals(p, nomor))[:1] == ["ALASAN_KOSONG"]
    assert p.request(nomor)["status"] == "diperiksa"
    assert p.request(nomor)["giliran"] == "pranata_komputer"


@pytest.mark.parametrize("keputusan, status", [("diterima", "selesai"), ("dikembalikan", "dikembalikan"),
                                               ("ditolak", "ditolak")])
def test_manual_review(pipeline, keputusan, status):
    p = pipeline(**FAST, validator_review="manual")
    p.start(*harness.WORKERS)
    nomor = f"{OPD}-P-6"
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "diperiksa")
    review(p, nomor, keputusan, catatan=["Surat belum ditandatangani"])
    row = p.await_status(nomor, status)
    if keputusan != "diterima":
        assert json.loads(row["temuan"])[0]["pesan"] == "Surat belum ditandatangani"
    review(p, nomor, "diterima")
    harness.eventually(lambda: refusals(p, nomor), lambda r: r == ["SUDAH_DIPUTUSKAN"], what="a second decision")


def test_withdrawals(pipeline):
    p = pipeline(**FAST)
    p.start(*harness.WORKERS)
    p.faults(seed=1, mix={"202_tetap": 1.0}, retry_after_s=1)
    early, late = f"{OPD}-P-7", f"{OPD}-P-8"
    p.send("requests", event("request.withdrawn", early, {"alasan": "x"}))
    p.submit(early)
    p.submit(late)
    p.flush()
    p.await_status(late, "diintegrasikan")
    p.await_status(early, "dibatalkan")
    assert p.stats()["active"] >= 1  # a DELETE that is only accepted (202) has not taken anything back
    p.faults(seed=1)
    p.send("requests", event("request.withdrawn", late, {"alasan": "x"}))
    p.flush()
    p.await_status(late, "dibatalkan")
    await_told(p, late, "integration.cancelled")
    harness.eventually(lambda: p.stats()["active"], lambda n: n == 0, what="nothing left at Bedelau")
    p.await_quiet()
    assert told(p, early, "integration.registered") == []
    # not judged at all: an acceptance, however short its life, begins a call, and a 201 in time would make it selesai
    assert [c["putusan"] for c in told(p, early, "check.completed")] == ["dibatalkan"]
    assert p.request(early)["temuan"] in (None, "[]")


def test_withdrawn_after_the_end(running):
    p, nomor = running, f"{OPD}-P-9"
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "selesai")
    p.send("requests", event("request.withdrawn", nomor, {"alasan": "x"}))
    p.flush()
    harness.eventually(lambda: refusals(p, nomor), lambda r: r == ["SUDAH_AKTIF"], what="a refusal")
    assert p.stats()["active"] == 1


def test_polled_to_the_end(running):
    p, nomor = running, f"{OPD}-P-10"
    p.faults(seed=1, mix={"202": 1.0}, callback_after_ms=700)
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "diintegrasikan")
    row = p.await_status(nomor, "selesai")
    assert told(p, nomor, "integration.registered")[0]["status_bedelau"] == "diproses"
    assert row["giliran"] == "selesai"


def test_callback(pipeline):
    """202, then a callback; one that came before the registration was known is kept; late and repeated ones are ignored."""
    p = pipeline(**{**FAST, "integrator_poll": "1h"})
    p.start(*harness.WORKERS)
    nomor = f"{OPD}-P-11"
    p.faults(seed=1, mix={"202_tetap": 1.0}, latency_ms=0)

    def callback(id_integrasi, status, urutan):
        p.send("callbacks", event("callback.received", nomor, {"id_integrasi": id_integrasi, "status": status,
                                                               "urutan": urutan, "nomor_permohonan": nomor},
                                  source="/bedelau/gateway/callback"))
        p.flush()

    callback("INT-0000000001", "menunggu_perbaikan", 5)
    p.submit(nomor)
    p.flush()
    row = p.await_status(nomor, "diintegrasikan")
    harness.eventually(lambda: p.request(nomor)["giliran"], lambda g: g == "pemohon", what="the kept callback")
    assert row["id_integrasi"] == "INT-0000000001"
    callback("INT-0000000001", "gagal", 4)
    callback("INT-0000000001", "diproses", 6)
    harness.eventually(lambda: p.request(nomor)["giliran"], lambda g: g == "bedelau", what="Bedelau goes on")
    callback("INT-0000000001", "aktif", 7)
    callback("INT-0000000001", "aktif", 7)
    p.await_status(nomor, "selesai")
    p.await_quiet()
    assert len(told(p, nomor, "integration.completed")) == 1
    assert told(p, nomor, "integration.failed") == []


def test_refused_by_bedelau(running):
    p, nomor = running, f"{OPD}-P-12"
    p.faults(seed=1, rules=[{"nomor": nomor, "sequence": ["422", "201"]}])
    p.submit(nomor)
    p.flush()
    row = harness.eventually(lambda: p.request(nomor), lambda r: r and r["status"] == "diperiksa" and r["putaran"] == 2,
                             what="a new round for the officer")
    assert row["giliran"] == "pranata_komputer"
    assert [c["putusan"] for c in p.checks(nomor)] == ["diterima", "menunggu_pemeriksa"]
    review(p, nomor, "diterima", putaran=2)
    assert p.await_status(nomor, "selesai")["putaran"] == 2
    assert p.stats()["active"] == 1


@pytest.mark.parametrize("sequence", [["503", "429", "201"], ["hang", "201"], ["cut", "201"], ["hang_before", "201"],
                                      ["401", "201"]])
def test_endpoint_in_trouble(running, sequence):
    """Whatever the endpoint does, there is one effective integration, and its answer is found by asking first."""
    p, nomor = running, f"{OPD}-P-13"
    p.faults(seed=1, idempotent=False, retry_after_s=1, rules=[{"nomor": nomor, "sequence": sequence}])
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "selesai")
    p.await_quiet()
    assert (p.stats()["active"], p.stats()["duplicates"]) == (1, 0)
    if sequence[0] in ("hang", "cut"):
        assert p.stats()["post"] == 1 and p.stats()["get"] >= 1
    attempts = p.rows("select * from attempt_integrator order by no")
    assert all(a["fate"] for a in attempts), attempts


def test_late(pipeline):
    """A clock of seconds that nobody answers: running, warned of, missed once; the request is late and goes on."""
    p = pipeline(**FAST, sop_integrasi="3 detik", deadline_grace="200ms")
    p.start(*harness.WORKERS)
    p.faults(seed=1, mix={"202_tetap": 1.0}, retry_after_s=1)
    nomor = f"{OPD}-P-14"
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "diintegrasikan")
    harness.eventually(lambda: p.request(nomor)["terlambat"], what="late")
    clock = p.rows("select * from clock where tahap = 'integrasi'")[0]
    assert clock["status"] == "terlewat" and clock["berakhir"] is None
    assert [d["keadaan"] for d in told(p, nomor, "deadline.changed") if d["tahap"] == "integrasi"] == ["berjalan", "terlewat"]
    assert len(told(p, nomor, "deadline.warned")) >= 1
    assert p.request(nomor)["status"] == "diintegrasikan"


def test_an_older_word_on_clock_3(pipeline):
    """A job's deadline is the newest that was told, whatever comes again after it."""
    p, nomor = pipeline(integrator_mode="off", standin=False), f"{OPD}-P-17"
    p.start("validator", "integrator")
    p.submit(nomor)
    p.flush()

    def deadline():
        return [r["deadline_at"].year for r in p.rows("select deadline_at from job_integrator")]

    def tell(urutan, year):
        p.send("deadlines", event("deadline.changed", nomor, {
            "revisi": 1, "urutan": urutan, "tahap": "integrasi", "keadaan": "berjalan", "mulai": harness.now(),
            "batas": f"{year}-01-01T00:00:00Z", "satuan": "detik", "hari_terpakai": 0, "sisa_hari": 0,
            "kalender": "uji", "sebab": "kalender"}, source="/bedelau/deadline"))
        p.flush()

    harness.eventually(deadline, what="a job")
    tell(5, 2031)
    harness.eventually(deadline, lambda y: y == [2031], what="the clock's end")
    tell(4, 2030)
    p.await_read("integrator", "deadlines", 2)
    assert deadline() == [2031]
    tell(6, 2032)
    harness.eventually(deadline, lambda y: y == [2032], what="the newer end")


def test_binary_mode_and_unknown_types(running):
    p, nomor = running, f"{OPD}-P-15"
    head = {"ce_specversion": "1.0", "ce_id": "b1", "ce_source": f"/opd/{OPD}", "ce_subject": nomor,
            "ce_type": harness.TYPE.format("request.submitted"), "ce_time": harness.now()}
    p.send("requests", json.dumps(form(nomor)), headers=[(k, v.encode()) for k, v in head.items()])
    other = {**head, "ce_id": "b2", "ce_subject": f"{OPD}-P-16", "content-type": "application/json"}
    p.send("requests", json.dumps(form(f"{OPD}-P-16")), key="kunci lain", headers=[(k, v.encode()) for k, v in other.items()])
    p.send("requests", event("request.dreamed", f"{OPD}-P-17", {"a": 1}, id="u1"))
    p.flush()
    p.await_status(nomor, "selesai")
    p.await_status(f"{OPD}-P-16", "selesai")
    harness.eventually(lambda: p.rows("select type from event where id = 'u1'"), what="the unknown type in the record")
    assert p.rows("select * from dead_letter") == []


def test_status_topic_and_privacy(running):
    """versi rises; nothing personal leaves the requests topic, nor reaches a log."""
    p, nomor = running, f"{OPD}-P-18"
    p.submit(nomor, perihal=None, email_pj_teknis="Sri.Wahyuni@example.com")
    p.submit(nomor, revisi=2)
    p.flush()
    p.await_status(nomor, "selesai")
    p.await_quiet()
    versions = [e["data"]["versi"] for e in p.events("status")]
    assert versions == sorted(set(versions)) and p.request(nomor)["versi"] == versions[-1]
    personal = [FORM[k] for k in ("nama_pemohon", "nip_pemohon", "email_pemohon", "telepon_pemohon", "nama_pj_teknis",
                                  "nip_pj_teknis", "email_pj_teknis", "telepon_pj_teknis")] + ["Sri.Wahyuni@example.com"]
    for topic in ("checks", "integrations", "deadlines", "status"):
        for m in p.read(topic):
            text = m.value().decode() + repr(m.key())
            assert not [x for x in personal if x in text], topic
    for name in harness.WORKERS:
        assert not [x for x in personal if x in p.log(name)], name


def test_department_topic(pipeline):
    """A department's own topic fixes who may speak there; a new one is found within 10 s."""
    p = pipeline(**FAST)
    p.start(*harness.WORKERS)
    p.ctl("topics", "create", "--partitions", "1", "--opd", "2.16.01")
    nomor = "2.16.01-P-19"
    p.send("requests.2.16.01", event("request.submitted", nomor, form(nomor, kode_opd="2.16.01"), "/opd/2.16.01"))
    p.send("requests.2.16.01", event("request.submitted", f"{OPD}-P-20", form(f"{OPD}-P-20")))
    p.flush()
    p.await_status(nomor, "selesai", 60)
    harness.eventually(lambda: p.rows("select code from dead_letter"), lambda r: [x["code"] for x in r] == ["BAD_SOURCE"],
                       what="another department's record set aside")


def test_active_after_cancelled(pipeline):
    """Bedelau reports what was cancelled as aktif: it is taken back once more, and the request stays dibatalkan."""
    p = pipeline(**FAST)
    p.start(*harness.WORKERS)
    nomor = f"{OPD}-P-21"
    p.faults(seed=1, rules=[{"nomor": nomor, "sequence": ["202_tetap"]}])
    p.submit(nomor)
    p.flush()
    p.await_status(nomor, "diintegrasikan")
    p.send("requests", event("request.withdrawn", nomor, {"alasan": "x"}))
    p.flush()
    await_told(p, nomor, "integration.cancelled")
    p.await_quiet()
    before = p.stats()["delete"]
    p.send("callbacks", event("callback.received", nomor, {"id_integrasi": p.request(nomor)["id_integrasi"],
                                                           "status": "aktif", "urutan": 99}, source="/bedelau/gateway/callback"))
    p.flush()
    harness.eventually(lambda: p.stats()["delete"], lambda n: n == before + 1, what="another DELETE")
    p.await_quiet()
    assert p.request(nomor)["status"] == "dibatalkan"


def test_held_forms_are_bounded(running):
    p, nomor = running, f"{OPD}-P-22"
    p.submit(nomor, revisi=40)
    for r in range(2, 25):
        p.submit(nomor, revisi=r if r < 16 else 16)
    p.flush()
    harness.eventually(lambda: refusals(p, nomor), lambda r: "REVISI_TERLALU_JAUH" in r, what="a refusal")
    p.await_quiet()
    assert p.one("select count(*) from pemeriksaan_tahan") == 16
    p.submit(nomor, revisi=1)
    p.flush()
    p.await_status(nomor, "selesai")
    harness.eventually(lambda: p.one("select count(*) from pemeriksaan_tahan"), lambda n: n == 0, what="all were answered")
    p.submit(nomor, revisi=2)
    p.flush()
    harness.eventually(lambda: refusals(p, nomor), lambda r: "SUDAH_FINAL" in r, what="the refusal at the end")
