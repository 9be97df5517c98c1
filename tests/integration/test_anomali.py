"""What cannot be is seen: one request for each oddity that v_anomali knows, and nothing of what is as it should be."""
import re

import harness
import pytest
from harness import OPD, event, rolled_back, utc
from told import Told, wib

OTHER = "1.02.01"

# ---- a request for each: what is told of it ---------------------------------------------------------------------------


def completed_without_check(t, n):
    t.bedelau(n, wib("05-04"), "completed", "aktif")
    t.form(n, wib("05-04", "09:00:00"))


def integrated_without_acceptance(t, n):
    f = t.form(n, wib("05-04"))
    t.check(n, wib("05-05"), "dikembalikan", f)
    t.bedelau(n, wib("05-06"), "registered", "diproses")


def completed_and_cancelled(t, n):
    accepted(t, n)
    t.bedelau(n, wib("05-06"), "completed", "aktif")
    t.bedelau(n, wib("05-07"), "cancelled", None)


def two_integrations(t, n):
    accepted(t, n)
    t.bedelau(n, wib("05-06"), "completed", "aktif", id_integrasi="b-1")
    t.bedelau(n, wib("05-06", "11:00:00"), "completed", "aktif", id_integrasi="b-2")


def decided_after_its_end(t, n):
    f = t.form(n, wib("05-04"))
    t.check(n, wib("05-05"), "dibatalkan", f)
    t.check(n, wib("05-06"), "diterima", f)


def another_form(t, n):
    t.form(n, wib("05-04"))
    t.check(n, wib("05-05"), "menunggu_pemeriksa", "tidak-ada")


def no_form_open(t, n):
    t.check(n, wib("05-05"), "menunggu_pemeriksa", "tidak-ada")


def no_form_ended(t, n):
    f = t.form(n, wib("05-04"))
    t.check(n, wib("05-05"), "dikembalikan", f)
    t.check(n, wib("05-06"), "ditolak", "tidak-ada", revisi=2)


def two_departments(t, n):
    t.letter(n, wib("05-04"))
    t.form(n, wib("05-05"), opd=OTHER)


def decided_unknown(t, n):
    t.say("reviews", "review.decided", n, wib("05-04"), {"revisi": 1, "putaran": 1, "keputusan": "diterima", "catatan": [], "pemeriksa": "pk-01"},
          "/bedelau/gateway")


def called_back_unknown(t, n):
    t.say("callbacks", "callback.received", n, wib("05-04"), {"id_integrasi": "b-0", "status": "aktif", "urutan": 1, "waktu": wib("05-04"),
                                                             "alasan": None}, "/bedelau/gateway")


def out_of_turn(t, n):
    t.form(n, wib("05-04"), revisi=2)


def clock_without_form(t, n):
    t.clock(n, "pemeriksaan", wib("05-04"), None, 0, keadaan="berjalan")


def clock_of_what_has_ended(t, n):
    f = t.form(n, wib("05-04"))
    t.check(n, wib("05-05"), "ditolak", f)
    t.clock(n, "pemeriksaan", wib("05-04"), None, 0, keadaan="berjalan")


def clock_that_ends_before_it_begins(t, n):
    accepted(t, n)
    t.clock(n, "integrasi", wib("05-05"), wib("05-04"), 0, batas=wib("05-30"))


def lost_check(t, n):
    f = t.form(n, wib("05-04"))
    t.check(n, wib("05-05"), "menunggu_lampiran", f)
    t.urutan[n, "/bedelau/validator"] = 2
    t.check(n, wib("05-06"), "menunggu_pemeriksa", f)  # urutan 3


def lost_integration(t, n):
    accepted(t, n)
    t.urutan[n, "/bedelau/integrator"] = 1
    t.bedelau(n, wib("05-06"), "registered", "diproses")


def lost_clock(t, n):
    t.form(n, wib("05-04"))
    t.urutan[n, "/bedelau/deadline"] = 4
    t.clock(n, "pengajuan", wib("05-03"), wib("05-04"), 1)


def two_of_one_urutan(t, n):
    """Two facts under one number: there are more facts than the highest says."""
    lost = accepted(t, n)
    t.urutan[n, "/bedelau/validator"] = 0
    t.check(n, wib("05-05"), "diterima", lost)


def long_ago(t, n):
    t.letter(n, "2001-01-01T00:00:00Z")


def not_yet(t, n):
    t.letter(n, "2098-01-01T00:00:00Z")


def accepted(t, n):
    f = t.form(n, wib("05-04"))
    t.check(n, wib("05-05"), "diterima", f)
    return f


ODD = {completed_without_check: "selesai_tanpa_diterima", integrated_without_acceptance: "integrasi_tanpa_diterima",
       completed_and_cancelled: "selesai_dan_dibatalkan", two_integrations: "dua_integrasi", decided_after_its_end: "fakta_setelah_akhir",
       another_form: "formulir_lain", no_form_open: "putusan_tanpa_formulir", no_form_ended: "putusan_tanpa_formulir",
       two_departments: "dua_opd", decided_unknown: "nomor_tidak_dikenal", called_back_unknown: "nomor_tidak_dikenal",
       out_of_turn: "nomor_tidak_dikenal", clock_without_form: "jam_tanpa_permohonan",
       clock_of_what_has_ended: "jam_berjalan_setelah_akhir", clock_that_ends_before_it_begins: "jam_bertentangan",
       lost_check: "celah_urutan_validator", lost_integration: "celah_urutan_integrator", lost_clock: "celah_urutan_deadline",
       two_of_one_urutan: "celah_urutan_validator", long_ago: "waktu_disesuaikan", not_yet: "waktu_disesuaikan"}


def all_the_way(t, n):
    """Returned twice, with late and early words of what is as it should be."""
    t.letter(n, wib("05-01"))
    t.clock(n, "pengajuan", wib("05-01"), wib("05-04"), 1)
    for r, day in enumerate(("05-04", "05-06", "05-08"), 1):
        f = t.form(n, wib(day), revisi=r)
        t.check(n, wib(day, "11:00:00"), "diterima" if r == 3 else "dikembalikan", f, revisi=r)
        t.clock(n, "pemeriksaan", wib(day), wib(day, "11:00:00"), 0, keadaan="terpenuhi" if r == 3 else "ditangguhkan", revisi=r)
    t.bedelau(n, wib("05-09"), "registered", "diproses", revisi=3)
    t.clock(n, "integrasi", wib("05-08"), None, 0, keadaan="berjalan", revisi=3)
    t.bedelau(n, wib("05-10"), "completed", "aktif", revisi=3)
    t.clock(n, "integrasi", wib("05-08"), wib("05-10"), 1, revisi=3)


def only_registered(t, n):
    t.letter(n, wib("05-01"))
    t.clock(n, "pengajuan", wib("05-01"), None, 0, keadaan="berjalan")


def withdrawn_before_its_form(t, n):
    t.letter(n, wib("05-01"))
    t.say("requests", "request.withdrawn", n, wib("05-02"), {"alasan": "tidak jadi"}, f"/opd/{OPD}")
    t.check(n, wib("05-02"), "dibatalkan", "tidak-ada")


def missed_and_running(t, n):
    accepted(t, n)
    t.bedelau(n, wib("05-06"), "registered", "diproses")
    t.clock(n, "integrasi", wib("05-05"), None, 30, batas=wib("05-06"), keadaan="terlewat")


GOOD = (all_the_way, only_registered, withdrawn_before_its_form, missed_and_running, accepted)


@pytest.fixture(scope="module")
def line():
    with harness.running("test_anomali", "projector", partitions=2, standin=False, sop_time_tolerance="3650d") as p:
        p.told = Told(p)
        for tell in (*ODD, *GOOD):
            tell(p.told, number(tell))
        p.told.recorded()
        yield p


def number(tell):
    return tell.__name__.upper().replace("_", "-")


def test_each_is_seen_and_nothing_else(line):
    got = {(r["nomor_permohonan"], r["anomali"]) for r in line.rows("select * from v_anomali")}
    assert got == {(number(tell), code) for tell, code in ODD.items()}


def test_every_column(line):
    """Who, what, in words, since when."""
    rows = {r["nomor_permohonan"]: r for r in line.rows("select * from v_anomali")}
    assert rows["ANOTHER-FORM"] == {
        "nomor_permohonan": "ANOTHER-FORM", "kode_opd": OPD, "anomali": "formulir_lain",
        "penjelasan": "Pemeriksaan menyebut formulir yang tidak ada di antara formulir revisi itu", "sejak": utc("2026-05-05 03:00")}
    assert rows["CLOCK-OF-WHAT-HAS-ENDED"]["penjelasan"] == (
        "Batas waktu pemeriksaan (revisi 1) masih berjalan, padahal permohonan sudah berakhir")
    assert rows["CLOCK-THAT-ENDS-BEFORE-IT-BEGINS"]["penjelasan"] == (
        "Keadaan batas waktu integrasi (revisi 1) bertentangan dengan tanggalnya")
    assert rows["CLOCK-THAT-ENDS-BEFORE-IT-BEGINS"]["sejak"] == utc("2026-05-04 03:00")
    assert rows["LONG-AGO"]["penjelasan"] == f"Waktu menurut pengirim /opd/{OPD} tidak dapat diterima: terlalu lampau"
    assert rows["NOT-YET"]["penjelasan"].endswith("di masa depan")
    assert all(r["penjelasan"] and r["sejak"] for r in rows.values())
    assert {n for n, r in rows.items() if r["kode_opd"] is None} == {"NO-FORM-OPEN", "DECIDED-UNKNOWN", "CALLED-BACK-UNKNOWN", "OUT-OF-TURN",
                                                                    "CLOCK-WITHOUT-FORM", "NO-FORM-ENDED"}


def test_no_code_is_untold(line):
    """Every code that the view's text has is shown above, or below."""
    text = line.one("select pg_get_viewdef('v_anomali'::regclass)")
    known = {c for c in re.findall(r"'([a-z_]+)'::text", text) if "_" in c and c not in ("pranata_komputer",)}
    assert known == {*ODD.values(), "status_bertentangan"}


CONTRADICTIONS = ("status = 'selesai'", "status = 'dikembalikan', returned_at = null", "status = 'ditolak'", "accepted_at = null",
                  "giliran = 'selesai'", "status = 'terdaftar'", "integrated_at = now()")


@pytest.mark.parametrize("change", CONTRADICTIONS)
def test_a_row_that_contradicts_itself(line, change):
    with rolled_back(line) as c:
        c.execute(f"update request set {change} where nomor_permohonan = 'ACCEPTED'")
        c.execute("select anomali, penjelasan is not null from v_anomali where nomor_permohonan = 'ACCEPTED'")
        assert c.fetchall() == [("status_bertentangan", True)]


CLOCKS = ("batas = mulai - interval '1 day'", "hari_terpakai = -1", "status = 'terpenuhi'", "status = 'dihentikan'", "status = 'berjalan', berakhir = mulai",
          "status = 'terpenuhi', berakhir = batas")


@pytest.mark.parametrize("change", CLOCKS)
def test_a_clock_that_contradicts_itself(line, change):
    with rolled_back(line) as c:
        c.execute(f"update clock set {change} where nomor_permohonan = 'ONLY-REGISTERED'")
        c.execute("select anomali from v_anomali where nomor_permohonan = 'ONLY-REGISTERED'")
        assert c.fetchall() == [("jam_bertentangan",)]


def test_a_chain_that_is_broken(line):
    """The view cannot ask every fact for its link; `verify` can, and names the request."""
    seq = line.one("select min(seq) from event where subject = 'ACCEPTED'")
    kept = line.one("select chain from event where seq = %s", seq)
    line.rows("update event set chain = '\\x00' where seq = %s", seq)
    try:
        done = line.ctl_run("verify", "--json")
    finally:
        line.rows("update event set chain = %s where seq = %s", kept, seq)
    assert done.returncode == 1 and "ACCEPTED" in done.stdout, done.stdout + done.stderr


def test_an_oddity_ends_when_its_fact_comes(line):
    """The check that was missing, of urutan 2; and the form that a check had judged."""
    nomor = "Y-1"
    line.told.urutan[nomor, "/bedelau/validator"] = 1
    line.told.check(nomor, wib("05-06"), "menunggu_pemeriksa", "formulir-y")
    line.told.recorded()
    odd = "select anomali from v_anomali where nomor_permohonan = 'Y-1' order by 1"
    assert [r["anomali"] for r in line.rows(odd)] == ["celah_urutan_validator", "putusan_tanpa_formulir"]
    line.told.urutan[nomor, "/bedelau/validator"] = 0
    line.told.check(nomor, wib("05-05"), "menunggu_lampiran", "formulir-y")
    line.told.recorded()
    assert [r["anomali"] for r in line.rows(odd)] == ["putusan_tanpa_formulir"]
    send_form(line, nomor)
    assert line.rows(odd) == []


def send_form(line, nomor):
    e = event("request.submitted", nomor, harness.form(nomor), id="formulir-y", time=wib("05-04"))
    line.send("requests", e)
    line.told.sent += 1
    line.told.recorded()
