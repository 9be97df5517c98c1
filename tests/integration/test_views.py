"""The views that people ask: one request's story, who must act, what is late and why, the month's recapitulation, whom to write
to. What each column must show was computed by hand from facts that a projector recorded. What cannot be is in test_anomali.py,
the forecast in test_forecast.py, and what they cost with 200,000 requests in test_views_many.py."""
import csv
import datetime
import io
import json
import random
import re

import harness
import psycopg2
import psycopg2.errors
import pytest
import stories
from harness import OPD, rolled_back, utc
from told import Told, wib

OTHER = "1.02.01"
VIEWS = ("v_timeline", "v_prakiraan", "v_antrean", "v_terlambat", "v_rekap_opd", "v_rekap_bulanan", "v_anomali", "v_kontak")
READ_BY_PEOPLE = ("event", "event_id", "event_copy", "request", "clock", "integration", "attempt_integrator", "attempt_validator", "rekap",
                  "rekap_langkah", "dead_letter", "opd", "officer", "document", "document_owner", "forgotten")
MARCH, APRIL, JULY = (datetime.date(2026, m, 1) for m in (3, 4, 7))
DAY = datetime.timedelta(days=1)


def march(t):
    """Six requests of two departments; what each step took is said in the clocks."""
    t.letter("V-1", wib("03-02", "08:00:00"))
    f = t.form("V-1", wib("03-02"), nama_pemohon="Bukan Dia", email_pemohon="bukan@batam.go.id")
    named = t.form("V-1", wib("03-02", "10:05:00"), nama_pemohon="Citra Contoh", email_pemohon="citra.contoh@batam.go.id")
    t.clock("V-1", "pengajuan", wib("03-02", "08:00:00"), wib("03-02"), 0)
    t.check("V-1", wib("03-04"), "diterima", named, oleh="pk-01")
    t.clock("V-1", "pemeriksaan", wib("03-02"), wib("03-04"), 2)
    t.bedelau("V-1", wib("03-20"), "completed", "aktif")
    t.clock("V-1", "integrasi", wib("03-04"), wib("03-20"), 13)

    f = t.form("V-2", wib("03-03"))  # returned once: the days of both rounds are one step's
    t.clock("V-2", "pengajuan", wib("03-03"), wib("03-03"), 0)
    t.check("V-2", wib("03-04"), "dikembalikan", f)
    t.clock("V-2", "pemeriksaan", wib("03-03"), wib("03-04"), 1)
    t.clock("V-2", "perbaikan", wib("03-04"), wib("03-10"), 4)
    f = t.form("V-2", wib("03-10"), revisi=2)
    t.check("V-2", wib("03-11"), "diterima", f, revisi=2)
    t.clock("V-2", "pemeriksaan", wib("03-10"), wib("03-11"), 1, revisi=2)
    t.bedelau("V-2", wib("04-02"), "completed", "aktif", revisi=2)
    t.clock("V-2", "integrasi", wib("03-11"), wib("04-02"), 16, revisi=2)

    f = t.form("V-3", wib("03-05"))  # accepted in time by its own word, but that word came when the term was over
    t.check("V-3", wib("03-06"), "diterima", f)
    t.clock("V-3", "pemeriksaan", wib("03-05"), wib("03-06"), 1, batas=wib("03-09", "00:00:00"))
    t.bedelau("V-3", wib("03-07"), "registered", "diproses")
    t.clock("V-3", "integrasi", wib("03-06"), None, 30, batas=wib("04-20", "00:00:00"), keadaan="terlewat")

    t.form("V-4", "2026-03-31T20:00:00Z", opd=OTHER)  # 1 April, 03:00 WIB

    f = t.form("V-5", wib("03-14"), opd=OTHER)
    t.check("V-5", wib("03-15"), "dibatalkan", f, opd=OTHER)
    t.clock("V-5", "pemeriksaan", wib("03-14"), wib("03-15"), 0, keadaan="dihentikan")

    f = t.form("V-6", wib("03-13"), opd=OTHER)
    t.check("V-6", wib("03-18"), "ditolak", f, opd=OTHER, oleh="pk-01")
    t.clock("V-6", "pemeriksaan", wib("03-13"), wib("03-18"), 3, batas=wib("03-18", "00:00:00"), keadaan="terlewat")


def calls(t):
    """Two that Bedelau finished a day late, in June; the calls are the integrator's."""
    for nomor, made in (("B-1", [("06-02 10:00", "unknown", None, 5000, "timed out"), ("06-03 16:00", "answered", 503, 40, None),
                                 ("06-04 00:00", "answered", 201, 123.4, None)]),
                        ("B-2", [("06-02 10:00", "answered", 401, 9, None), ("06-02 10:01", "not_sent", None, 0,
                                 "not sent: our credentials were answered with 401"), ("06-04 00:00", "answered", 201, 20, None)])):
        f = t.form(nomor, wib("06-01", "08:00:00"))
        t.check(nomor, wib("06-01"), "diterima", f)
        t.bedelau(nomor, wib("06-19", "00:00:00"), "completed", "aktif")
        t.clock(nomor, "integrasi", wib("06-01"), wib("06-19", "00:00:00"), 13, batas=wib("06-18", "00:00:00"), keadaan="terlewat")
        for no, (sent, fate, code, ms, error) in enumerate(made, 1):
            t.p.rows("insert into attempt_integrator (key, no, lease, step, sent_at, quiet_until, answered_at, fate, code, took_us, error)"
                     " values (%s, %s, 1, 'send', %s, now(), now(), %s, %s, %s, %s)", f"{nomor}:1:1", no, f"2026-{sent}+07", fate, code,
                     round(ms * 1000), error)


def july(t):
    """Two that were returned, of which one was withdrawn in its repair, and nothing missed; what they took was told late."""
    t.letter("J-1", wib("07-01", "09:00:00"))
    t.clock("J-1", "pengajuan", wib("07-01", "09:00:00"), wib("07-03"), 2)
    for r, (came, left, days) in enumerate((("07-03", "07-06", 1), ("07-08", "07-10", 2), ("07-13", "07-14", 1)), 1):
        f = t.form("J-1", wib(came), revisi=r)
        t.check("J-1", wib(left), "diterima" if r == 3 else "dikembalikan", f, revisi=r)
        t.clock("J-1", "pemeriksaan", wib(came), wib(left), days, keadaan="terpenuhi" if r == 3 else "ditangguhkan", revisi=r)
    t.bedelau("J-1", wib("07-24"), "completed", "aktif", revisi=3)
    t.clock("J-1", "integrasi", wib("07-14"), wib("07-24"), 8, revisi=3)

    f = t.form("J-2", wib("07-03"))
    t.clock("J-2", "pengajuan", wib("07-02"), wib("07-03"), 1, batas=wib("07-04"))  # met, and received when it was over
    t.check("J-2", wib("07-06"), "dikembalikan", f)
    t.clock("J-2", "pemeriksaan", wib("07-03"), wib("07-06"), 1, keadaan="ditangguhkan")
    t.say("requests", "request.withdrawn", "J-2", wib("07-08"), {"alasan": "tidak jadi"}, f"/opd/{OPD}")
    t.check("J-2", wib("07-08"), "dibatalkan", f)
    t.clock("J-2", "perbaikan", wib("07-06"), wib("07-08"), 2, keadaan="dihentikan")


def story(t):
    """Everything that a story can tell, in August."""
    n, one, d = "T-1", t.say, wib
    t.letter(n, d("08-03", "08:00:00"))
    f = t.form(n, d("08-03", "09:00:00"))
    t.check(n, d("08-03", "09:00:01"), "menunggu_lampiran", f)
    t.check(n, d("08-04", "09:00:00"), "menunggu_pemeriksa", f, temuan=[{"kode": "W-1", "tingkat": "W", "lokasi": "/perihal", "pesan": "Periksa.", "message": "Look."}])
    one("reviews", "review.decided", n, d("08-04", "10:00:00"), {"revisi": 1, "putaran": 1, "keputusan": "diterima", "catatan": [], "pemeriksa": "pk-01"},
        "/bedelau/gateway")
    t.check(n, d("08-04", "10:00:01"), "diterima", f, oleh="pk-01")
    one("checks", "check.refused", n, d("08-04", "11:00:00"), {"sumber": f"/opd/{OPD}", "id": "x", "tipe": "request.submitted", "kode": "REVISI_LAMA",
                                                              "pesan": "Revisi ini sudah diputuskan.", "message": "Decided."}, "/bedelau/validator")
    one("deadlines", "deadline.changed", n, d("08-05"), {
        "revisi": 1, "tahap": "integrasi", "keadaan": "berjalan", "mulai": d("08-04"), "batas": d("09-16", "00:00:00"), "berakhir": None,
        "satuan": "hari_kerja", "hari_terpakai": 0, "sisa_hari": 30, "kalender": "k-2", "sebab": "kalender", "batas_lama": d("09-15", "00:00:00"),
        "kalender_lama": "k-1"}, "/bedelau/deadline")
    t.bedelau(n, d("08-06"), "rejected", None, percobaan=3, kode_http=422, alasan="tidak lengkap", id_integrasi=None)
    one("callbacks", "callback.received", n, d("08-07"), {"id_integrasi": "b", "status": "diproses", "urutan": 1, "waktu": d("08-07"), "alasan": "antre"},
        "/bedelau/gateway")
    one("deadlines", "deadline.warned", n, d("08-08"), {"revisi": 1, "tahap": "integrasi", "sisa_hari": 1, "batas": d("09-16", "00:00:00")},
        "/bedelau/deadline")
    one("requests", "request.withdrawn", n, "2098-01-01T00:00:00Z", {"alasan": "tidak jadi"}, f"/opd/{OPD}")
    t.p.rows("insert into attempt_validator (key, no, lease, step, sent_at, quiet_until, answered_at, fate, code, took_us, error) values"
             " (%s, 1, 1, 'fetch', %s, now(), %s, 'waiting', 503, 2340, 'HTTP 503')", f"{n}:1", d("08-03", "12:00:00"), d("08-03", "12:00:01"))
    t.p.rows("insert into attempt_integrator (key, no, lease, step, sent_at, quiet_until, answered_at, fate, code, took_us, error) values"
             " (%s, 3, 1, 'send', %s, now(), %s, 'not_sent', null, 1000, 'connect')", f"{n}:1:1", d("08-05", "22:00:00"), d("08-05", "22:00:01"))


@pytest.fixture(scope="module")
def line():
    with harness.running("test_views", "projector", partitions=2, standin=False, sop_time_tolerance="3650d") as p:
        p.told = Told(p)
        march(p.told)
        calls(p.told)
        july(p.told)
        story(p.told)
        p.told.recorded()
        yield p


# ---- each view, by hand ------------------------------------------------------------------------------------------------


def step(name, n, mean, p90, percent):
    return {f"{name}_jumlah": n, f"{name}_satuan": "hari_kerja" if n else None, f"{name}_hari_rata_rata": mean, f"{name}_hari_p90": p90,
            f"{name}_tepat_waktu_persen": percent}


def counts(diajukan=0, dikembalikan=0, selesai=0, ditolak=0, dibatalkan=0, terlewat=0):
    return locals()


NONE = (0, None, None, None)
CITY = {  # pemeriksaan in March: V-1 2, V-2 1 + 1, V-3 1 (received late), V-6 3 (late); the 90th of 4 is the fourth
    MARCH: {**counts(5, 1, 1, 1, 1, 1), **step("pengajuan", 2, 0, 0, 100), **step("pemeriksaan", 4, 2, 3, 50),
            **step("integrasi", 1, 13, 13, 100), "tepat_waktu_persen": 71.4},
    APRIL: {**counts(diajukan=1, selesai=1, terlewat=1), **step("pengajuan", *NONE), **step("pemeriksaan", *NONE),
            **step("integrasi", 1, 16, 16, 100), "tepat_waktu_persen": 100},
    # a revisi that was withdrawn after its return is no return; J-1's second step took 1 + 2 + 1; J-2's form was received late
    JULY: {**counts(diajukan=2, dikembalikan=2, selesai=1, dibatalkan=1), **step("pengajuan", 2, 1.5, 2, 50),
           **step("pemeriksaan", 1, 4, 4, 100), **step("integrasi", 1, 8, 8, 100), "tepat_waktu_persen": 75}}
DEPARTMENTS = {
    (MARCH, OPD): {**counts(3, 1, 1), **step("pengajuan", 2, 0, 0, 100), **step("pemeriksaan", 3, 1.67, 2, 66.7),
                   **step("integrasi", 1, 13, 13, 100), "tepat_waktu_persen": 83.3},
    (MARCH, OTHER): {**counts(2, 0, 0, 1, 1, 1), **step("pengajuan", *NONE), **step("pemeriksaan", 1, 3, 3, 0),
                     **step("integrasi", *NONE), "tepat_waktu_persen": 0},
    (JULY, OPD): CITY[JULY]}


def plain(row):
    return {k: float(v) if type(v).__name__ == "Decimal" else v for k, v in row.items()}


def test_recapitulation_of_the_city(line):
    got = {r.pop("bulan"): r for r in map(plain, line.rows("select * from v_rekap_bulanan"))}
    assert {m: got[m] for m in CITY} == CITY
    assert got[datetime.date(2026, 6, 1)]["integrasi_tepat_waktu_persen"] == 0


def test_recapitulation_of_each_department(line):
    got = {(r.pop("bulan"), r.pop("kode_opd")): r for r in map(plain, line.rows("select * from v_rekap_opd"))}
    names = {k: got[k].pop("nama_opd") for k in DEPARTMENTS}
    assert {k: got[k] for k in DEPARTMENTS} == DEPARTMENTS
    assert all(names.values())
    assert got[APRIL, OTHER]["diajukan"] == 1
    assert got[APRIL, OPD]["terlewat"] == 1


def test_percentiles_of_a_histogram(line):
    """Ten steps of 0 0 1 1 1 1 2 2 3 9 days, and units that are not alike."""
    with rolled_back(line) as c:
        for i, (days, unit) in enumerate([*((d, "hari_kerja") for d in (0, 0, 1, 1, 1, 1, 2, 2, 3, 9)), (1, "detik"), (2, "hari_kerja")]):
            month = "2025-01" if i < 10 else "2025-02"
            c.execute("insert into request (nomor_permohonan, rekap) values (%s, %s)",
                      (f"P-{i}", f"9.99 {month}/pemeriksaan/{unit}/{days}/{'f' if days > 2 else 't'}"))
        c.execute("select rekap_jumlahkan()")
        c.execute("select pemeriksaan_jumlah, pemeriksaan_satuan, pemeriksaan_hari_rata_rata, pemeriksaan_hari_p90, pemeriksaan_tepat_waktu_persen"
                  " from v_rekap_opd where kode_opd = '9.99' order by bulan")
        assert c.fetchall() == [(10, "hari_kerja", 2, 3, 80), (2, "campuran", None, None, 100)]


def test_queue(line):
    got = line.rows("select *, menunggu > interval '1 day' as lama from v_antrean where nomor_permohonan like 'V-%%'")
    for r in got:
        del r["menunggu"]
    assert got == [
        {"nomor_permohonan": "V-3", "status": "diintegrasikan", "giliran": "bedelau", "giliran_sejak": utc("2026-03-07T03:00:00"), "terlambat": True,
         "kode_opd": OPD, "nama_opd": harness.FORM["nama_opd"], "nama_sistem": "Sistem V-3", "revisi": 1, "lama": True},
        {"nomor_permohonan": "V-4", "status": "diajukan", "giliran": "sistem", "giliran_sejak": utc("2026-03-31T20:00:00"), "terlambat": False,
         "kode_opd": OTHER, "nama_opd": harness.FORM["nama_opd"], "nama_sistem": "Sistem V-4", "revisi": 1, "lama": True}]
    with rolled_back(line) as c:  # to the microsecond, within one instant
        c.execute("select count(*), bool_and(menunggu = now() - giliran_sejak) from v_antrean")
        assert c.fetchone() == (3, True)
    assert [r["nomor_permohonan"] for r in line.rows("select * from v_antrean")] == ["V-3", "V-4", "T-1"]


def test_queue_as_listed(line):
    got = json.loads(line.ctl("list", "--antrean", "--opd", OTHER, "--json"))
    assert [r["nomor_permohonan"] for r in got] == ["V-4"]


def test_late(line):
    hour = datetime.timedelta(hours=1)
    got = {(r["nomor_permohonan"], r["tahap"]): r for r in line.rows("select * from v_terlambat")}
    assert set(got) == {("V-3", "integrasi"), ("V-6", "pemeriksaan"), ("B-1", "integrasi"), ("B-2", "integrasi")}
    running = got.pop(("V-3", "integrasi"))
    assert running.pop("lewat") > 200 * DAY
    same = {"nama_opd": harness.FORM["nama_opd"], "revisi": 1}
    assert running == {**same, "nomor_permohonan": "V-3", "status": "diintegrasikan", "giliran": "bedelau", "kode_opd": OPD, "tahap": "integrasi",
                       "mulai": utc("2026-03-06T03:00:00"), "batas": utc("2026-04-19T17:00:00"), "berakhir": None, "nama_sistem": "Sistem V-3",
                       "gangguan_bedelau": 0 * hour, "karena_bedelau": False}
    done = {**same, "giliran": "selesai", "gangguan_bedelau": 0 * hour, "karena_bedelau": False}
    assert got["V-6", "pemeriksaan"] == {
        **done, "nomor_permohonan": "V-6", "status": "ditolak", "kode_opd": OTHER, "tahap": "pemeriksaan", "mulai": utc("2026-03-13T03:00:00"),
        "batas": utc("2026-03-17T17:00:00"), "berakhir": utc("2026-03-18T03:00:00"), "nama_sistem": "Sistem V-6", "lewat": 10 * hour}
    june = {**done, "status": "selesai", "kode_opd": OPD, "tahap": "integrasi", "mulai": utc("2026-06-01T03:00:00"),
            "batas": utc("2026-06-17T17:00:00"), "berakhir": utc("2026-06-18T17:00:00"), "lewat": DAY}
    # 30 h after the call that nobody answered, 8 h after the 503: without them it had been in time
    assert got["B-1", "integrasi"] == {**june, "nomor_permohonan": "B-1", "nama_sistem": "Sistem B-1", "gangguan_bedelau": 38 * hour,
                                       "karena_bedelau": True}
    # our own credentials are no outage of Bedelau's
    assert got["B-2", "integrasi"] == {**june, "nomor_permohonan": "B-2", "nama_sistem": "Sistem B-2"}


def test_outages_over_several_rounds(line):
    """Calls of an earlier putaran and of an earlier revisi count, what lies outside the clock does not, and a call that goes on failing counts to the end."""
    with rolled_back(line) as c:
        c.execute("update request set revisi = 2, putaran = 1 where nomor_permohonan = 'B-2'")
        c.execute("update request set putaran = 2 where nomor_permohonan = 'B-1'")
        add = ("insert into attempt_integrator (key, no, lease, step, sent_at, quiet_until, answered_at, fate, code, took_us)"
               " values (%s, %s, 1, %s, %s, now(), now(), 'answered', %s, 1)")
        c.execute("delete from attempt_integrator where key like 'B-2:%'")
        for call in (("B-1:1:2", 1, "send", "2026-06-18 20:00+07", 502),     # 4 h to the clock's end
                     ("B-2:1:1", 1, "send", "2026-05-31 10:00+07", 503),     # begins a day before the clock
                     ("B-2:1:1", 2, "wait", "2026-06-01 11:00+07", None),    # no call
                     ("B-2:1:1", 3, "send", "2026-06-01 12:00+07", 201)):    # 2 h of it lie in the clock
            c.execute(add, call)
        c.execute("select nomor_permohonan, gangguan_bedelau, karena_bedelau from v_terlambat where nomor_permohonan like 'B-%' order by 1")
        hour = datetime.timedelta(hours=1)
        assert c.fetchall() == [("B-1", 42 * hour, True), ("B-2", 2 * hour, False)]


def test_timeline(line):
    """With the calls between the facts, and how long after the step before each came."""
    got = line.rows("select to_char(waktu at time zone interval '7 hours', 'MM-DD HH24:MI') as waktu, peristiwa, hasil, oleh, kode_http,"
                    " latensi_ms::float as ms, round(extract(epoch from menunggu) / 3600)::int as jam from v_timeline"
                    " where nomor_permohonan = 'B-1' and peristiwa <> 'deadline.changed' order by waktu, seq")
    assert [tuple(r.values()) for r in got] == [
        ("06-01 08:00", "request.submitted", None, None, None, None, None),
        ("06-01 10:00", "check.completed", "diterima", "sistem", None, None, 2),
        ("06-02 10:00", "panggilan.bedelau", "tidak_diketahui", None, None, 5000, 24),
        ("06-03 16:00", "panggilan.bedelau", "dijawab", None, 503, 40, 30),
        ("06-04 00:00", "panggilan.bedelau", "dijawab", None, 201, 123.4, 8),
        ("06-19 00:00", "integration.completed", "aktif", None, 200, None, 360)]
    who = line.rows("select oleh, diterima_pada > waktu as nanti, waktu_disesuaikan from v_timeline where nomor_permohonan = 'V-1'"
                    " and peristiwa = 'check.completed'")
    assert who == [{"oleh": "pk-01", "nanti": True, "waktu_disesuaikan": False}]


TOLD = ("waktu", "peristiwa", "pelaku", "revisi", "putaran", "hasil", "tahap", "keterangan", "oleh", "kode_http", "latensi_ms", "percobaan", "menunggu")
ME, WE = f"/opd/{OPD}", "/bedelau/"
SECOND, HOUR = datetime.timedelta(seconds=1), datetime.timedelta(hours=1)
STORY = [
    ("08-03 08:00:00", "request.registered", ME, None, None, None, None, None, None, None, None, None, None),
    ("08-03 09:00:00", "request.submitted", ME, "1", None, None, None, None, None, None, None, None, HOUR),
    ("08-03 09:00:01", "check.completed", WE + "validator", "1", "1", "menunggu_lampiran", None, None, "sistem", None, None, None, SECOND),
    ("08-03 12:00:00", "panggilan.lampiran", WE + "validator", "1", None, "belum_dijawab", "pemeriksaan", "HTTP 503", None, 503, 2.3, 1,
     3 * HOUR - SECOND),
    ("08-04 09:00:00", "check.completed", WE + "validator", "1", "1", "menunggu_pemeriksa", None, None, "sistem", None, None, None, 21 * HOUR),
    ("08-04 10:00:00", "review.decided", WE + "gateway", "1", "1", "diterima", None, None, "pk-01", None, None, None, HOUR),
    ("08-04 10:00:01", "check.completed", WE + "validator", "1", "1", "diterima", None, None, "pk-01", None, None, None, SECOND),
    ("08-04 11:00:00", "check.refused", WE + "validator", None, None, None, None, "Revisi ini sudah diputuskan.", None, None, None, None, HOUR - SECOND),
    ("08-05 10:00:00", "deadline.changed", WE + "deadline", "1", None, "berjalan", "integrasi", "kalender", None, None, None, None, 23 * HOUR),
    ("08-05 22:00:00", "panggilan.bedelau", WE + "integrator", "1", "1", "tidak_terkirim", "integrasi", "connect", None, None, 1, 3, 12 * HOUR),
    ("08-06 10:00:00", "integration.rejected", WE + "integrator", "1", "1", None, None, "tidak lengkap", None, 422, None, 3, 12 * HOUR),
    ("08-07 10:00:00", "callback.received", WE + "gateway", None, None, "diproses", None, "antre", None, None, None, None, DAY),
    ("08-08 10:00:00", "deadline.warned", WE + "deadline", "1", None, None, "integrasi", None, None, None, None, None, DAY)]


def test_timeline_every_column(line):
    """One request's whole story: who said what, of which round, how long after the step before, calls with code and latency."""
    got = line.rows("select *, to_char(waktu at time zone interval '7 hours', 'MM-DD HH24:MI:SS') as jam from v_timeline"
                    " where nomor_permohonan = 'T-1' order by waktu, seq")
    last = got.pop()
    assert [tuple(r["jam"] if k == "waktu" else r[k] for k in TOLD) for r in map(plain, got)] == STORY
    assert {r["nomor_permohonan"] for r in got} == {"T-1"}
    assert [r["temuan"] for r in got if r["peristiwa"] == "check.completed"] == [
        [], [{"kode": "W-1", "tingkat": "W", "lokasi": "/perihal", "pesan": "Periksa.", "message": "Look."}], []]
    assert all(r["temuan"] is None for r in got if r["peristiwa"] != "check.completed")
    moved = [r for r in got if r["batas"]]
    assert [(r["batas"], r["batas_lama"], r["kalender"], r["kalender_lama"]) for r in moved] == [
        (wib("09-16", "00:00:00"), wib("09-15", "00:00:00"), "k-2", "k-1"), (wib("09-16", "00:00:00"), None, None, None)]
    calls = [r for r in got if r["peristiwa"].startswith("panggilan")]
    assert [(r["seq"], r["waktu_klaim"], r["diterima_pada"]) for r in calls] == [
        (None, utc("2026-08-03T05:00:00"), utc("2026-08-03T05:00:01")), (None, utc("2026-08-05T15:00:00"), utc("2026-08-05T15:00:01"))]
    facts = [r for r in got if r not in calls]
    assert len({r["seq"] for r in facts}) == len(facts)
    assert all(r["waktu_klaim"] == r["waktu"] and r["diterima_pada"] > utc("2026-08-08T03:00:00") for r in facts)
    assert not any(r["waktu_disesuaikan"] for r in got)
    # a time of its sender's that cannot be: what counts is when it was received, and both are shown
    assert (last["peristiwa"], last["keterangan"], last["waktu_disesuaikan"]) == ("request.withdrawn", "tidak jadi", True)
    assert last["waktu_klaim"] == utc("2098-01-01T00:00:00") and last["waktu"] == last["diterima_pada"] < utc("2098-01-01T00:00:00")
    assert last["menunggu"] == last["waktu"] - got[-1]["waktu"]


def test_timeline_as_printed(line):
    text = line.ctl("status", "B-1", "--timeline")
    assert re.search(r"2026-06-03 16:00:00 WIB  panggilan.bedelau .*dijawab.*HTTP 503 dalam 40.0 ms  \+1 d 6 h", text), text
    told = json.loads(line.ctl("status", "B-1", "--timeline", "--json"))["timeline"]
    assert [e["latensi_ms"] for e in told if e["peristiwa"] == "panggilan.bedelau"] == [5000, 40, 123.4]


def test_contact(line):
    """Of the form that the check names, not of the other one; nobody where there is only a letter."""
    form = {k: harness.FORM[k] for k in ("nama_opd", "jabatan_pemohon", "telepon_pemohon", "nama_pj_teknis", "email_pj_teknis", "telepon_pj_teknis")}
    assert line.rows("select * from v_kontak where nomor_permohonan = 'V-1'") == [
        {**form, "nomor_permohonan": "V-1", "status": "selesai", "kode_opd": OPD, "nama_sistem": "Sistem V-1", "nama_pemohon": "Citra Contoh",
         "email_pemohon": "citra.contoh@batam.go.id"}]


def test_nothing_of_it_is_odd(line):
    assert [(r["nomor_permohonan"], r["anomali"]) for r in line.rows("select * from v_anomali")] == [("T-1", "waktu_disesuaikan")]


def test_a_request_that_went_all_the_way(pipeline):
    """By every program: its calls stand in its story, nothing about it is odd, and it counts for what it did."""
    nomor = f"{OPD}-W-1"
    p = pipeline(**harness.FAST)
    p.start(*harness.WORKERS)
    p.faults(seed=1, rules=[{"nomor": nomor, "sequence": ["503", "201"]}])
    p.submit(nomor)
    p.await_status(nomor, "selesai")
    p.await_quiet()
    told = p.rows("select peristiwa, kode_http, latensi_ms, percobaan, menunggu from v_timeline where nomor_permohonan = %s order by waktu, seq",
                  nomor)
    calls = [(r["kode_http"], r["percobaan"]) for r in told if r["peristiwa"] == "panggilan.bedelau"]
    assert calls[0] == (503, 1)
    assert calls[-1][0] == 201
    assert all(r["latensi_ms"] >= 0 for r in told if r["peristiwa"].startswith("panggilan"))
    assert {"request.submitted", "check.completed", "integration.completed", "deadline.changed"} <= {r["peristiwa"] for r in told}
    assert [r["menunggu"] for r in told][0] is None
    assert all(r["menunggu"] >= datetime.timedelta(0) for r in told[1:])
    assert p.rows("select * from v_anomali") == []
    assert p.rows("select * from v_antrean") == []
    got = p.rows("select ukuran, kode_opd, tepat, sum(jumlah) as n from rekap group by 1, 2, 3 order by 1")  # of this month, or the next by now
    assert [tuple(r.values()) for r in got] == [(u, OPD, True, 1) for u in ("diajukan", "integrasi", "pemeriksaan", "pengajuan", "selesai")]


# ---- words and rights ---------------------------------------------------------------------------------------------------


def test_everything_is_explained(line):
    lack = line.rows("select c.relname, a.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                     " join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped"
                     " where n.nspname = %s and (c.relkind = 'v' or c.relname = any(%s)) and col_description(c.oid, a.attnum) is null",
                     line.schema, list(READ_BY_PEOPLE))
    assert lack == []
    lack = line.rows("select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = %s"
                     " and (c.relkind = 'v' or c.relname = any(%s)) and obj_description(c.oid) is null", line.schema, list(READ_BY_PEOPLE))
    assert lack == []
    views = {r["relname"] for r in line.rows("select relname from pg_class where relkind = 'v' and relnamespace = %s::regnamespace", f'"{line.schema}"')}
    assert set(VIEWS) <= views


SAFE = ("nomor_permohonan, waktu, peristiwa, pelaku, revisi, putaran, hasil, tahap, batas, seq, menunggu, kode_http, latensi_ms, percobaan,"
        " waktu_klaim, diterima_pada, waktu_disesuaikan")


def test_the_monitor_reads_no_names(line):
    for view in VIEWS:
        if view not in ("v_kontak", "v_timeline"):
            with rolled_back(line, "bedelau_pembaca") as c:
                c.execute(f"select * from {view}")
                text = repr(c.fetchall())
                assert not [w for w in ("Citra", *harness.PERSONAL) if w in text], view
    with rolled_back(line, "bedelau_pembaca") as c:
        c.execute(f"select {SAFE} from v_timeline where nomor_permohonan = 'V-1'")
        assert c.fetchall()
    for sql in ("select * from v_kontak", "select * from request", "select data from event", "select * from rekap", "select * from clock",
                *(f"select {column} from v_timeline" for column in ("keterangan", "temuan", "oleh"))):
        with rolled_back(line, "bedelau_pembaca") as c, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            c.execute(sql)


def test_who_may_write_to_people_reads_nothing_else(line):
    with rolled_back(line, "bedelau_kontak") as c:
        c.execute("select nama_pemohon from v_kontak where nomor_permohonan = 'V-1'")
        assert c.fetchall() == [("Citra Contoh",)]
    for table in ("event", "request", "v_antrean", "v_timeline"):
        with rolled_back(line, "bedelau_kontak") as c, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            c.execute(f"select * from {table}")


# ---- bedelauctl report --------------------------------------------------------------------------------------------------


def as_csv(v):
    return "" if v is None else str(v)


def test_report(line, tmp_path):
    raw = line.ctl("report", "--month", "2026-03", "--out", tmp_path / "maret.csv")
    assert raw == ""
    text = (tmp_path / "maret.csv").read_bytes().decode()
    assert text.count("\r\n") == text.count("\n") == 4
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(r["bulan"], r["kode_opd"], r["nama_opd"]) for r in rows] == [
        ("2026-03", OTHER, line.one("select nama_opd from opd where kode_opd = %s", OTHER)),
        ("2026-03", OPD, line.one("select nama_opd from opd where kode_opd = %s", OPD)), ("2026-03", "", "SELURUH KOTA")]
    for row, sql in zip(rows, (f"select * from v_rekap_opd where bulan = '2026-03-01' and kode_opd = '{OTHER}'",
                               f"select * from v_rekap_opd where bulan = '2026-03-01' and kode_opd = '{OPD}'",
                               "select * from v_rekap_bulanan where bulan = '2026-03-01'")):
        want = {k: as_csv(v) for k, v in line.rows(sql)[0].items() if k not in ("bulan", "kode_opd", "nama_opd")}
        assert {k: row[k] for k in want} == want
    assert [p.name for p in tmp_path.iterdir()] == ["maret.csv"]


HEAD = ("bulan,kode_opd,nama_opd,diajukan,dikembalikan,selesai,ditolak,dibatalkan,terlewat,"
        "pengajuan_jumlah,pengajuan_satuan,pengajuan_hari_rata_rata,pengajuan_hari_p90,pengajuan_tepat_waktu_persen,"
        "pemeriksaan_jumlah,pemeriksaan_satuan,pemeriksaan_hari_rata_rata,pemeriksaan_hari_p90,pemeriksaan_tepat_waktu_persen,"
        "integrasi_jumlah,integrasi_satuan,integrasi_hari_rata_rata,integrasi_hari_p90,integrasi_tepat_waktu_persen,tepat_waktu_persen")
STEPS = "2,hari_kerja,1.50,2,50.0,1,hari_kerja,4.00,4,100.0,1,hari_kerja,8.00,8,100.0,75.0"


def test_report_to_the_letter(line):
    name = line.one("select nama_opd from opd where kode_opd = %s", OPD)
    assert line.ctl("report", "--month", "2026-07").splitlines() == [
        HEAD, f"2026-07,{OPD},{name},2,2,1,0,1,0,{STEPS}", f"2026-07,,SELURUH KOTA,2,2,1,0,1,0,{STEPS}"]


def test_report_of_one_department_and_as_json(line):
    rows = json.loads(line.ctl("report", "--month", "2026-03", "--opd", OTHER, "--json"))
    assert [r["kode_opd"] for r in rows] == [OTHER]
    want = {k: v for k, v in DEPARTMENTS[MARCH, OTHER].items()}
    assert {k: rows[0][k] for k in want} == want
    assert len(line.ctl("report", "--month", "2020-01").splitlines()) == 1
    assert line.one("select count(*) from audit_log where action like 'report%%'") == 0


def test_report_writes_fields_that_need_quotes(line):
    with_comma = line.one("select nama_opd from opd where kode_opd = %s", OPD)
    line.rows("update opd set nama_opd = %s where kode_opd = %s", 'Dinas "X", dan\nY', OPD)
    try:
        rows = list(csv.DictReader(io.StringIO(line.ctl("report", "--month", "2026-03", "--opd", OPD), newline="")))
    finally:
        line.rows("update opd set nama_opd = %s where kode_opd = %s", with_comma, OPD)
    assert [r["nama_opd"] for r in rows] == ['Dinas "X", dan\nY']


# ---- the sums are those of their parts ----------------------------------------------------------------------------------

SUMS = "select bulan, kode_opd, ukuran, satuan, hari, tepat, jumlah from rekap where jumlah <> 0 order by 1, 2, 3, 4, 5, 6"


def test_sums_of_shuffled_and_repeated_facts(pipeline):
    """Two projectors, any order: the sums equal those that are counted anew from the dossiers, and so do rows that no projector
    of this version has touched."""
    p = pipeline(standin=False, sop_time_tolerance="3650d", deadline_grace="0s", deadline_hard_maximum="1s")
    p.start("projector", "projector.2", "deadline")
    rng, now = random.Random(5), datetime.datetime.now(datetime.timezone.utc)
    facts = [(f"S-{i:03d}", f) for i in range(150) for f in stories.story(f"views.{i}", f"S-{i:03d}", now)]
    facts += rng.choices(facts, k=len(facts) // 3)
    rng.shuffle(facts)
    for nomor, fact in facts:
        p.send(stories.topic(fact), stories.event(fact, nomor), key=nomor)
    p.flush()
    p.await_quiet()
    sums = p.rows(SUMS)
    assert {r["ukuran"] for r in sums} == {"diajukan", "dikembalikan", "selesai", "ditolak", "dibatalkan", "terlewat", "pengajuan",
                                           "pemeriksaan", "integrasi"}
    assert p.rows("select nomor_permohonan, r.rekap, l.rekap as lagi from request r"
                  " join rekap_dari_fakta(array(select nomor_permohonan from request)) l using (nomor_permohonan)"
                  " where r.rekap is distinct from l.rekap") == []
    p.one("select rekap_jumlahkan()::text")
    assert p.rows(SUMS) == sums
    n = p.one("with x as (update request set rekap = null where right(nomor_permohonan, 1) < '5' returning 1) select count(*) from x")
    assert p.one("select rekap_hitung_ulang()") == n
    assert p.rows(SUMS) == sums
    assert p.rows("select nomor_permohonan, anomali from request where anomali like '%%celah%%'") == []
