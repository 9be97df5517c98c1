"""Returned twice and mended twice, through the whole pipeline: days used add up, the applicant's own clock runs and ends."""
import datetime

import harness
import oracle
from harness import OFFICER, OPD, TYPE, event, eventually

WIB = oracle.WIB
# what a form says must hold on the day it is dated, and whenever the test runs
LETTER = {"tanggal_surat": "2026-03-02"}


class Story:
    """One request under an officer's review; every fact says when it happened, in WIB."""

    def __init__(self, p, nomor):
        self.p, self.nomor = p, nomor

    def send(self, topic, kind, at, data, source=f"/opd/{OPD}"):
        self.p.send(topic, event(kind, self.nomor, data, source, time=at))
        self.p.flush()

    def register(self, at):
        self.send("requests", "request.registered", at, {
            "kode_opd": OPD, "dasar_pengajuan": "surat_dinas", "nomor_surat": f"700/{self.nomor}", **LETTER,
            "perihal": "Permohonan integrasi"})

    def submit(self, at, revisi, **changes):
        self.send("requests", "request.submitted", at, harness.form(self.nomor, revisi=revisi, **changes))
        self.p.await_status(self.nomor, "diperiksa")

    def review(self, at, keputusan, revisi):
        catatan = [{"lokasi": "/perihal", "pesan": "Mohon diperjelas."}] if keputusan == "dikembalikan" else []
        self.send("reviews", "review.decided", at, {"revisi": revisi, "putaran": 1, "keputusan": keputusan, "catatan": catatan,
                                                    "pemeriksa": OFFICER}, source="/bedelau/gateway")
        if keputusan == "dikembalikan":
            self.p.await_status(self.nomor, "dikembalikan")

    def clocks(self):
        return {(r["revisi"], r["tahap"]): r for r in self.p.rows("select * from clock where nomor_permohonan = %s", self.nomor)}

    def told(self, revisi, tahap):
        """[(keadaan, late_arrival)] of one clock."""
        return [(d["keadaan"], d.get("late_arrival", False)) for d in harness.told(self.p, self.nomor, "deadline.changed")
                if (d["revisi"], d["tahap"]) == (revisi, tahap)]


def wib(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=WIB)


def test_over_lebaran(pipeline):
    """Working days over Lebaran, Good Friday and May Day 2026, counted by hand."""
    p = pipeline(**harness.FAST, validator_review="manual", sop_time_tolerance="3650d", deadline_grace="0s")
    p.start(*harness.WORKERS)
    s = Story(p, f"{OPD}-L-0001")
    s.register("2026-03-16T09:00:00+07:00")
    s.submit("2026-03-17T10:00:00+07:00", 1, **LETTER)
    s.review("2026-03-25T15:00:00+07:00", "dikembalikan", 1)
    s.submit("2026-03-30T08:00:00+07:00", 2, **LETTER)
    s.review("2026-03-31T10:00:00+07:00", "dikembalikan", 2)
    assert p.request(s.nomor)["jumlah_pengembalian"] == 2
    s.submit("2026-04-09T09:00:00+07:00", 3, **LETTER)
    s.review("2026-04-10T23:59:59.999+07:00", "diterima", 3)
    p.await_status(s.nomor, "selesai")
    p.await_quiet()

    want = {  # mulai, batas, keadaan, berakhir, hari_terpakai
        (1, "pengajuan"): ("2026-03-16T09:00", "2026-03-18T00:00", "terpenuhi", "2026-03-17T10:00", 1),
        # 25 March is the first working day after the 17th
        (1, "pemeriksaan"): ("2026-03-17T10:00", "2026-03-27T00:00", "terpenuhi", "2026-03-25T15:00", 1),
        (1, "perbaikan"): ("2026-03-25T15:00", "2026-04-02T00:00", "terpenuhi", "2026-03-30T08:00", 3),
        # one day is left of two
        (2, "pemeriksaan"): ("2026-03-30T08:00", "2026-04-01T00:00", "terpenuhi", "2026-03-31T10:00", 1),
        # 1, 2, 6, 7, 8 April; the form comes on the 9th: too late, and yet it is taken
        (2, "perbaikan"): ("2026-03-31T10:00", "2026-04-09T00:00", "terlewat", "2026-04-09T09:00", 6),
        # none is left: one whole day all the same
        (3, "pemeriksaan"): ("2026-04-09T09:00", "2026-04-11T00:00", "terpenuhi", "2026-04-10T23:59:59.999", 1),
    }
    got = s.clocks()
    third = got.pop((3, "integrasi"))
    assert {k: (r["mulai"], r["batas"], r["status"], r["berakhir"], r["hari_terpakai"]) for k, r in got.items()} == {
        k: (wib(m), wib(b), keadaan, wib(e), n) for k, (m, b, keadaan, e, n) in want.items()}
    assert (third["mulai"], third["batas"]) == (wib("2026-04-10T23:59:59.999"), wib("2026-05-30T00:00"))
    assert sum(r["hari_terpakai"] for (_, tahap), r in got.items() if tahap == "pemeriksaan") == 3
    row = p.request(s.nomor)
    assert (row["revisi"], row["jumlah_pengembalian"], row["terlambat"]) == (3, 2, third["status"] == "terlewat")
    # what was called missed before its end was read is put right, and says so
    for k, states in ((k, s.told(*k)) for k in got):
        assert [late for _, late in states] == [a == "terlewat" != b for a, b in zip([None, *(x for x, _ in states)],
                                                                                    [x for x, _ in states])], (k, states)


def test_by_the_second(pipeline):
    """Seconds as they pass: the check pauses at each return, the repair clock warns, is missed and ends."""
    p = pipeline(**harness.FAST, validator_review="manual", deadline_grace="0s", sop_pemeriksaan="60 detik",
                 sop_perbaikan="2 detik")
    p.start(*harness.WORKERS)
    s = Story(p, f"{OPD}-S-0001")
    for revisi in (1, 2):
        s.submit(harness.now(), revisi)
        eventually(lambda: used(p, s, revisi), lambda n: n >= 2, what="two seconds of the check")
        s.review(harness.now(), "dikembalikan", revisi)
        eventually(lambda: s.clocks().get((revisi, "perbaikan"), {}).get("status"), lambda k: k == "terlewat",
                   what="the repair clock missed")
        assert s.clocks()[revisi, "pemeriksaan"]["status"] == "ditangguhkan"
        assert s.clocks()[revisi, "perbaikan"]["berakhir"] is None
    s.submit(harness.now(), 3)
    s.review(harness.now(), "diterima", 3)
    p.await_status(s.nomor, "selesai")
    p.await_quiet()

    got = s.clocks()
    left = 60
    for revisi in (1, 2, 3):
        k = got[revisi, "pemeriksaan"]
        assert k["batas"] - k["mulai"] == datetime.timedelta(seconds=left) and k["status"] == "terpenuhi"
        assert k["hari_terpakai"] == (k["berakhir"] - k["mulai"]) // datetime.timedelta(seconds=1)
        left -= k["hari_terpakai"]
    assert left <= 56
    for revisi in (1, 2):
        k = got[revisi, "perbaikan"]
        assert k["status"] == "terlewat" and k["berakhir"] == got[revisi + 1, "pemeriksaan"]["mulai"]
        assert [state for state, _ in s.told(revisi, "perbaikan")] == ["berjalan", "terlewat", "terlewat"]
    row = p.request(s.nomor)
    assert (row["jumlah_pengembalian"], row["terlambat"], row["status"]) == (2, False, "selesai")
    facts = oracle.recorded_facts(p.rows("select * from event order by seq"), TYPE)[s.nomor]
    cal = oracle.Calendar(terms={"pemeriksaan": (60, oracle.DETIK), "perbaikan": (2, oracle.DETIK)})
    want = oracle.by_name(oracle.clocks(facts, oracle.instant(harness.now()), cal))
    assert {k: oracle.recorded_clock(r) for k, r in got.items()} == want


def used(p, s, revisi):
    k = s.clocks().get((revisi, "pemeriksaan"))
    return (oracle.instant(harness.now()) - k["mulai"]).total_seconds() if k else 0
