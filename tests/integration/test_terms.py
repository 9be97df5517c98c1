"""Terms by department and by kind of request, and warnings, as the programs keep them together."""
import datetime
import json

import harness
import oracle
import pytest
from harness import BASE, FAST, OPD, event, form, run, told

OTHER, OTHER_NAME = "1.02.01", "Dinas Kesehatan"
WARNINGS = {"pengajuan": [1], "pemeriksaan": [1], "integrasi": [7, 3, 1], "perbaikan": [1]}
CALENDAR = oracle.Calendar()


def terms(folder, *exceptions, **warnings):
    """A file of terms; returns its path."""
    path = folder / "jam.json"
    path.write_text(json.dumps({"peringatan": {**WARNINGS, **warnings}, "pengecualian": exceptions}), encoding="utf-8")
    return path


def submit(p, nomor, opd=OPD, **changes):
    p.send("requests", event("request.submitted", nomor, form(nomor, kode_opd=opd, **changes), f"/opd/{opd}"))
    p.flush()


def clocks(p, nomor):
    """The clocks as they were told last: {(revisi, tahap): data}."""
    return {(d["revisi"], d["tahap"]): d for d in told(p, nomor, "deadline.changed")}


def await_clock(p, nomor, revisi, tahap):
    return harness.eventually(lambda: clocks(p, nomor).get((revisi, tahap)), what=f"{tahap} of {nomor}")


def due(clock, n, satuan="hari_kerja"):
    """When n units after its beginning are over."""
    start = oracle.instant(clock["mulai"])
    if satuan == "hari_kerja":
        return CALENDAR.due(start, n)
    day = start.astimezone(oracle.WIB).date() + datetime.timedelta(n + 1)
    return datetime.datetime.combine(day, datetime.time(0), oracle.WIB)


# ---- whose term counts -----------------------------------------------------------------------------------------------


def test_another_department_another_kind(pipeline, folder):
    """Each has its own end, and all three programs have the same."""
    p = pipeline(**FAST, integrator_mode="off", attachments_check="on", attachments_store_token="rahasia", standin=False,
                 attachments_store=f"http://127.0.0.1:{harness.free_port()}", attachments_backoff_min="50ms",
                 attachments_backoff_max="300ms", attachments_hold="1s",
                 sop_terms=terms(folder, {"kode_opd": OTHER, "batas": {"pemeriksaan": "4 hari_kerja", "integrasi": "20 hari_kalender"},
                                          "keterangan": "uji"}))
    p.start("validator", "integrator", "projector")
    for nomor, opd, name in ((f"{OPD}-J-1", OPD, harness.FORM["nama_opd"]), (f"{OTHER}-J-1", OTHER, OTHER_NAME)):
        submit(p, nomor, opd, nama_opd=name)
    # their documents cannot be had: jobs of the validator, by its own reckoning
    own = harness.eventually(lambda: {r["subject"]: r["deadline_at"] for r in p.rows("select subject, deadline_at from job_validator")},
                             lambda r: len(r) == 2, what="two forms that wait")
    p.start("deadline")
    for nomor, n in ((f"{OPD}-J-1", 2), (f"{OTHER}-J-1", 4)):
        clock = await_clock(p, nomor, 1, "pemeriksaan")
        assert oracle.instant(clock["batas"]) == due(clock, n) == own[nomor]
        assert len(clock["aturan"]) == 8
    p.terminate("deadline")
    p.terminate("validator")
    p.start("validator", attachments_check="off")  # what waits goes to an officer
    for nomor in own:
        p.await_status(nomor, "diperiksa")
        harness.eventually(lambda n=nomor: p.request(n)["giliran"], lambda g: g == "pranata_komputer", what="an officer's turn")
        harness.review(p, nomor, "diterima")
    own = harness.eventually(lambda: {r["subject"]: r["deadline_at"] for r in p.rows("select subject, deadline_at from job_integrator")},
                             lambda r: len(r) == 2, what="two calls to make")
    p.start("deadline")
    for nomor, n, unit in ((f"{OPD}-J-1", 30, "hari_kerja"), (f"{OTHER}-J-1", 20, "hari_kalender")):
        clock = await_clock(p, nomor, 1, "integrasi")
        assert oracle.instant(clock["batas"]) == due(clock, n, unit) == own[nomor]
        assert clock["satuan"] == unit
        assert clocks(p, nomor)[1, "pemeriksaan"]["keadaan"] == "terpenuhi"


def test_after_a_return(pipeline, folder):
    """The integrator takes off what the first revisi used of clock 3, as the deadline worker does."""
    p = pipeline(**FAST, integrator_mode="off", validator_review="manual", standin=False,
                 sop_terms=terms(folder, {"jenis_pengajuan": "baru", "batas": {"integrasi": "9 hari_kerja"}}))
    nomor, days = f"{OPD}-J-2", [harness.now()]

    def tell(topic, kind, data, source, time, id=None):
        p.send(topic, event(kind, nomor, data, source, id, time=time))
        p.flush()

    def check(revisi, putaran, urutan, putusan, time):
        tell("checks", "check.completed", {
            "revisi": revisi, "putaran": putaran, "urutan": urutan, "sumber_pengajuan": f"/opd/{OPD}", "id_pengajuan": f"F{revisi}",
            "putusan": putusan, "final": False, "temuan": [], "aturan": "0", "oleh": "sistem"}, "/bedelau/validator", time)

    # ours is not clamped: a check may be of long ago; the forms are of now and so later than it, which no clock minds
    start = datetime.datetime.now(oracle.WIB) - datetime.timedelta(days=10)
    p.start("integrator", "projector")
    tell("requests", "request.submitted", form(nomor, revisi=1), f"/opd/{OPD}", days[0], "F1")
    check(1, 1, 1, "diterima", start.isoformat())
    harness.eventually(lambda: p.one("select count(*) from job_integrator"), lambda n: n == 1, what="the first round")
    back = start + datetime.timedelta(days=6)
    check(1, 2, 2, "dikembalikan", back.isoformat())
    tell("requests", "request.submitted", form(nomor, revisi=2), f"/opd/{OPD}", days[0], "F2")
    again = start + datetime.timedelta(days=8)
    check(2, 1, 3, "diterima", again.isoformat())
    own = harness.eventually(lambda: p.rows("select deadline_at from job_integrator where key like %s", "%:2:1"), what="the second round")
    p.start("deadline")
    clock = await_clock(p, nomor, 2, "integrasi")
    left = max(1, 9 - CALENDAR.used(start, back))
    assert oracle.instant(clock["batas"]) == CALENDAR.due(again, left) == own[0]["deadline_at"]


def test_other_terms_after_a_restart(pipeline, folder):
    """What is open moves at once, with the end that was told before; what has ended does not, also when a fact comes."""
    p = pipeline(**FAST, validator_review="manual", standin=False, sop_terms=terms(folder))
    p.start("validator", "deadline", "projector")
    nomor, still = f"{OPD}-J-3", f"{OTHER}-J-3"
    submit(p, still, OTHER, nama_opd=OTHER_NAME)
    same = await_clock(p, still, 1, "pemeriksaan")
    p.send("requests", event("request.registered", nomor, {k: harness.FORM[k] for k in (
        "kode_opd", "dasar_pengajuan", "nomor_surat", "tanggal_surat", "perihal")}))
    submit(p, nomor)
    before = await_clock(p, nomor, 1, "pemeriksaan")
    p.await_quiet()
    p.terminate("deadline")
    terms(folder, {"kode_opd": OPD, "batas": {"pengajuan": "9 hari_kerja", "pemeriksaan": "7 hari_kerja"}})
    p.start("deadline")
    now = harness.eventually(lambda: clocks(p, nomor)[1, "pemeriksaan"], lambda c: c["batas"] != before["batas"], what="another end")
    assert oracle.instant(now["batas"]) == due(now, 7)
    assert now["batas_lama"] == before["batas"] and now["aturan"] != before["aturan"] and now["sebab"] == "aturan"
    submit(p, nomor, revisi=2, perihal=None)  # a fact, though nobody admits it
    submit(p, still, OTHER, revisi=2, perihal=None)
    p.await_quiet()
    p.terminate("deadline")
    p.start("deadline")  # nothing is left to be moved
    p.await_quiet()
    assert [d["batas"] for d in told(p, nomor, "deadline.changed") if d["tahap"] == "pemeriksaan"] == [before["batas"], now["batas"]]
    assert [d["batas"] for d in told(p, still, "deadline.changed") if d["tahap"] == "pemeriksaan"] == [same["batas"]]
    first = [d for d in told(p, nomor, "deadline.changed") if d["tahap"] == "pengajuan"]
    assert {d["batas"] for d in first} == {first[0]["batas"]} and first[-1]["keadaan"] == "terpenuhi"
    assert oracle.instant(first[0]["batas"]) == due(first[0], 1)


def test_rows_of_before(pipeline, folder):
    """They do not say by which terms they are. Of a clock that was missed only its other end is told; where all have ended the row
    says so from then on."""
    p = pipeline(standin=False, sop_terms=terms(folder), sop_pemeriksaan="1 detik", deadline_grace="100ms", deadline_hard_maximum="1s")
    nomor, ended = f"{OPD}-J-5", f"{OPD}-J-6"
    p.start("deadline")
    submit(p, ended)
    p.send("integrations", event("integration.completed", ended, {
        "revisi": 1, "putaran": 1, "urutan": 1, "id_integrasi": "b-6", "status_bedelau": "aktif", "urutan_bedelau": 1, "percobaan": 1,
        "kode_http": 201, "alasan": None, "kesalahan": []}, source="/bedelau/integrator"))
    p.flush()
    submit(p, nomor)

    def kalender():
        return {r["nomor_permohonan"]: r["kalender"] for r in p.rows("select nomor_permohonan, kalender from deadline_clock")}

    def missed():
        return p.one("select max(jam) from deadline_clock where nomor_permohonan = %s", nomor)

    harness.eventually(missed, lambda jam: jam and json.loads(jam)[-1]["k"] == 3, what="a missed clock (terlewat is 3 in the table)")
    harness.eventually(kalender, lambda k: k.get(ended) == -1, what="all have ended")
    p.terminate("deadline")
    p.rows("update deadline_clock set kalender = 0, jam = regexp_replace(jam, ',\"v\":\\d+(,\"p\":\\[[^]]*\\])?', ',\"w\":1', 'g')")
    p.start("deadline", sop_pemeriksaan="2 detik")
    harness.eventually(kalender, lambda k: k[ended] == -1, what="the ended row says so")
    harness.eventually(missed, lambda jam: '"w":' not in jam, what="another end")
    harness.eventually(lambda: p.one("select count(*) from outbox_deadline"), lambda n: n == 0, what="an empty outbox")
    events = {e["id"]: e for e in map(json.loads, (m.value() for m in p.read("deadlines"))) if e["type"].endswith("deadline.changed.v1")}
    got = [e["data"] for e in events.values() if e["subject"] == nomor and e["data"]["tahap"] == "pemeriksaan"]
    assert [d["keadaan"] for d in got] == ["berjalan", "terlewat", "terlewat"], got
    assert got[2]["sebab"] == "aturan" and got[2]["batas_lama"] == got[1]["batas"] and "late_arrival" not in got[2]


# ---- warnings --------------------------------------------------------------------------------------------------------


def warned(p, nomor):
    return [(d["tahap"], d["sisa_hari"]) for d in told(p, nomor, "deadline.warned")]


def test_warnings_across_restarts(pipeline, folder):
    """Of several that came while nobody looked the nearest is told, once, whatever happens afterwards."""
    long = 1000000
    p = pipeline(**FAST, validator_review="manual", integrator_mode="off", standin=False, deadline_grace="100ms",
                 sop_pemeriksaan=f"{long} detik", sop_terms=terms(folder, pemeriksaan=[long - 1, long - 2, 100]))
    p.start(*harness.WORKERS)  # all who may still have something to read before a clock rings
    nomor = f"{OPD}-J-4"
    submit(p, nomor)
    begun = oracle.instant(await_clock(p, nomor, 1, "pemeriksaan")["mulai"])
    p.kill("deadline")

    def elapsed():
        return (datetime.datetime.now(datetime.timezone.utc) - begun).total_seconds()

    harness.eventually(elapsed, lambda s: s > 2.1, what="two thresholds gone by")
    already = len(warned(p, nomor))  # the first may have been told before the kill
    p.start("deadline")
    harness.eventually(lambda: warned(p, nomor), lambda w: w and w[-1] == ("pemeriksaan", long - 2), what="the nearest")
    assert len(warned(p, nomor)) <= already + 1
    # a further threshold, and those before it again: only what is to come is told
    p.kill("deadline")
    ahead = long - int(elapsed()) - 5
    terms(folder, pemeriksaan=[long - 1, long - 2, ahead, 100])
    p.start("deadline")
    submit(p, nomor, revisi=2, perihal=None)  # the clocks are reckoned anew, by the new file
    harness.eventually(lambda: warned(p, nomor), lambda w: w[-1] == ("pemeriksaan", ahead), 120, "what was ahead")
    p.await_quiet()
    assert [k for _, k in warned(p, nomor)].count(long - 2) == 1
    assert len(set(warned(p, nomor))) == len(warned(p, nomor))


# ---- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["validator", "deadline", "integrator"])
def test_what_cannot_be(name, tmp_path):
    def check(*exceptions, words=("--check-config",), conf=""):
        return run(name, *words, conf=f"{BASE}[sop]\nterms = {terms(tmp_path, *exceptions)}\n{conf}", tmp=tmp_path)

    for exceptions, words in (
            ([{"kode_opd": OTHER, "batas": {"integrasi": "5 hari"}}], ["[sop] terms", "/pengecualian/0/batas/integrasi"]),
            ([{"kode_opd": OTHER, "peringatan": {"pemeriksaan": [3]}}], ["[sop] terms", "/pengecualian/0", "[sop] pemeriksaan"]),
            ([{"batas": {"integrasi": "5 hari_kerja"}}], ["[sop] terms", "/pengecualian/0"])):
        for done in (check(*exceptions), check(*exceptions, words=())):
            assert done.returncode == 78, done
            assert all(w in done.stderr for w in words), done.stderr
    done = check(conf="integrasi = 0 hari_kerja\n")
    assert done.returncode == 78 and "[sop] integrasi" in done.stderr
    assert check({"kode_opd": OTHER, "batas": {"integrasi": "5 hari_kerja"}}).returncode == 0
    done = run(name, "--check-config", conf=f"{BASE}[sop]\nterms = {tmp_path}/none.json\n", tmp=tmp_path)
    assert done.returncode == 78 and "[sop] terms" in done.stderr and "none.json" in done.stderr
