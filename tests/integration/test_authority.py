"""The validator's authority: duplicates, letters, originals, officers, review modes, and who owns a number."""
import random
import string

import harness
import psycopg2
import pytest
from harness import BASE, FAST, FORM, OPD, await_told, event, form, refusals, review, run, told

OTHER = "1.02.01"
DUPLICATE, LETTER, ORIGINAL = "PA20-E-323", "PA20-W-305", "PA20-E-366"


@pytest.fixture
def judging(pipeline):
    """Validator and record alone, and every good form waits for an officer: what is open stays open."""
    p = pipeline(validator_review="manual", standin=False)
    p.start("validator", "projector")
    return p


def submit(p, nomor, kode_opd=OPD, revisi=1, **changes):
    p.send("requests", event("request.submitted", nomor, form(nomor, kode_opd=kode_opd, revisi=revisi, **changes),
                             f"/opd/{kode_opd}"))
    p.flush()


def withdraw(p, nomor, kode_opd=OPD):
    p.send("requests", event("request.withdrawn", nomor, {"alasan": "x"}, f"/opd/{kode_opd}"))
    p.flush()


def judged(p, nomor, n=1):
    """The n-th check.completed of a request: its verdict and {code: place}."""
    check = await_told(p, nomor, "check.completed", n)[n - 1]
    return check["putusan"], {t["kode"]: t["lokasi"] for t in check["temuan"]}


def refused(p, nomor, *codes):
    harness.eventually(lambda: refusals(p, nomor), lambda r: r == list(codes), what=f"{codes} of {nomor}")


# ---- duplicates ------------------------------------------------------------------------------------------------------


def test_one_open_request_for_a_system(judging):
    p = judging
    first, second, third, foreign = (f"{OPD}-D-1", f"{OPD}-D-2", f"{OPD}-D-3", f"{OTHER}-D-1")
    submit(p, first, nama_sistem="Parkir Tepi Jalan")
    assert judged(p, first) == ("menunggu_pemeriksa", {})
    submit(p, second, nama_sistem=" parkir  TEPI jalan ")
    assert judged(p, second) == ("dikembalikan", {DUPLICATE: "/nama_sistem"})
    submit(p, foreign, OTHER, nama_sistem="Parkir Tepi Jalan", nama_opd="Dinas Kesehatan")
    assert judged(p, foreign) == ("menunggu_pemeriksa", {})
    # what was returned for that holds no name itself: the first goes on whatever the second does
    submit(p, second, revisi=2, nama_sistem="Parkir Tepi Jalan")
    assert judged(p, second, 2) == ("dikembalikan", {DUPLICATE: "/nama_sistem"})
    review(p, first, "dikembalikan", catatan=["Lengkapi"])
    assert judged(p, first, 2)[0] == "dikembalikan"
    submit(p, second, revisi=3, nama_sistem="Parkir Tepi Jalan")
    assert judged(p, second, 3) == ("dikembalikan", {DUPLICATE: "/nama_sistem"})  # returned is open
    submit(p, first, revisi=2, nama_sistem="Parkir  Tepi Jalan")
    assert judged(p, first, 3) == ("menunggu_pemeriksa", {})
    # another name lets the old one go
    review(p, first, "dikembalikan", revisi=2, catatan=["Salah nama"])
    assert judged(p, first, 4)[0] == "dikembalikan"
    submit(p, first, revisi=3, nama_sistem="Parkir Gedung")
    assert judged(p, first, 5) == ("menunggu_pemeriksa", {})
    submit(p, second, revisi=4, nama_sistem="Parkir Tepi Jalan")
    assert judged(p, second, 4) == ("menunggu_pemeriksa", {})
    submit(p, third, nama_sistem="PARKIR GEDUNG")
    assert judged(p, third) == ("dikembalikan", {DUPLICATE: "/nama_sistem"})


def test_a_form_with_errors_holds_its_name(judging):
    p = judging
    submit(p, f"{OPD}-D-1", nama_sistem="Aduan", perihal=None)
    assert judged(p, f"{OPD}-D-1") == ("dikembalikan", {"PA20-E-207": "/perihal"})
    submit(p, f"{OPD}-D-2", nama_sistem="Aduan", perihal=None)  # all at once, whatever else is wrong
    assert judged(p, f"{OPD}-D-2") == ("dikembalikan", {"PA20-E-207": "/perihal", DUPLICATE: "/nama_sistem"})
    submit(p, f"{OPD}-D-1", revisi=2, nama_sistem="Aduan")
    assert judged(p, f"{OPD}-D-1", 2) == ("menunggu_pemeriksa", {})


def test_what_is_no_duplicate(judging):
    """A letter alone, a change of what exists, and a form that waits for its turn hold no name."""
    p = judging
    p.send("requests", event("request.registered", f"{OPD}-D-1", {
        "kode_opd": OPD, "dasar_pengajuan": "surat_dinas", "nomor_surat": "1/2", "tanggal_surat": "2025-10-03",
        "perihal": "Permohonan", "nama_sistem": "Arsip"}))
    submit(p, f"{OPD}-D-2", revisi=2, nama_sistem="Arsip")
    harness.eventually(lambda: p.one("select count(*) from pemeriksaan_tahan"), lambda n: n == 1, what="a form held")
    submit(p, f"{OPD}-D-3", nama_sistem="Arsip", jenis_pengajuan="perubahan", nomor_permohonan_asal=f"{OPD}-D-9")
    assert judged(p, f"{OPD}-D-3")[0] == "dikembalikan"
    submit(p, f"{OPD}-D-4", nama_sistem="Arsip")
    assert judged(p, f"{OPD}-D-4") == ("menunggu_pemeriksa", {})
    # the form that waited meets it when its turn comes
    submit(p, f"{OPD}-D-2", nama_sistem="Arsip Lama", perihal=None)
    assert judged(p, f"{OPD}-D-2") == ("dikembalikan", {"PA20-E-207": "/perihal"})
    assert judged(p, f"{OPD}-D-2", 2) == ("dikembalikan", {DUPLICATE: "/nama_sistem"})


@pytest.mark.parametrize("end", ["dibatalkan", "ditolak", "selesai"])
def test_a_name_is_free_after_the_end(pipeline, end):
    p = pipeline(**FAST, validator_review="manual")
    p.start(*harness.WORKERS)
    first, second = f"{OPD}-D-1", f"{OPD}-D-2"
    submit(p, first, nama_sistem="Loket")
    assert judged(p, first)[0] == "menunggu_pemeriksa"
    submit(p, second, nama_sistem="Loket")
    assert judged(p, second)[1] == {DUPLICATE: "/nama_sistem"}
    if end == "dibatalkan":
        withdraw(p, first)
    else:
        review(p, first, "diterima" if end == "selesai" else end, catatan=["Sudah ada"])
    p.await_status(first, end)
    harness.eventually(lambda: p.one("select kunci from pemeriksaan where nomor_permohonan = %s", first),
                       lambda k: k is None, what="the name let go")
    submit(p, second, revisi=2, nama_sistem="Loket")
    assert judged(p, second, 2) == ("menunggu_pemeriksa", {})


def counted(p, name):
    text = harness.http(f"http://127.0.0.1:{p.ports[name]}/metrics")[1].decode()
    lines = [line for line in text.splitlines() if line.startswith("bedelau_checks_total{")]
    return sum(float(line.split()[-1]) for line in lines)


@pytest.mark.parametrize("waiting", [True, False], ids=["a backlog", "as they come"])
def test_two_validators_race(pipeline, waiting):
    """200 pairs of forms for the same system, the two of a pair under different numbers: one of each is accepted."""
    p = pipeline(validator_review="manual", standin=False, partitions=8)
    rng = random.Random(7)
    pairs = [(f"{OPD}-A-{i}", f"{OPD}-B-{i}") for i in range(200)]
    order = [(i, nomor) for i, pair in enumerate(pairs) for nomor in pair]
    rng.shuffle(order)

    def send():
        for i, nomor in order:
            p.submit(nomor, nama_sistem=f"Sistem Pasangan {i}" if rng.random() < 0.5 else f"SISTEM  pasangan {i} ")
        p.flush()

    if waiting:
        send()
        p.start("validator", "validator.2")
    else:
        p.start("validator", "validator.2")
        send()
    done = "select count(*) from pemeriksaan where status in ('diperiksa', 'dikembalikan')"
    harness.eventually(lambda: p.one(done), lambda n: n == 400, what="all are judged")
    status = {r["nomor_permohonan"]: r["status"] for r in p.rows("select nomor_permohonan, status from pemeriksaan")}
    assert [sorted((status[a], status[b])) for a, b in pairs] == [["dikembalikan", "diperiksa"]] * 200
    harness.eventually(lambda: p.one("select count(*) from outbox_validator"), lambda n: n == 0, what="all is told")
    found = {e["subject"]: [t["kode"] for t in e["data"]["temuan"]] for e in p.events("checks")}
    assert all(found[n] == ([DUPLICATE] if status[n] == "dikembalikan" else []) for n in found) and len(found) == 400
    holders = p.rows("select kunci, count(*) as n from pemeriksaan where kunci is not null group by kunci")
    assert [h["n"] for h in holders] == [1] * 200
    if not waiting:
        assert counted(p, "validator") and counted(p, "validator.2")  # else there was no race
    for name in ("validator", "validator.2"):
        assert "40P01" not in p.log(name)  # they wait for each other in one direction


# ---- letters ---------------------------------------------------------------------------------------------------------


def test_one_letter_for_several_requests(judging):
    p = judging
    submit(p, f"{OPD}-L-1", nomor_surat="500.11/127/dishub/2025")
    assert judged(p, f"{OPD}-L-1") == ("menunggu_pemeriksa", {})
    submit(p, f"{OPD}-L-2", nomor_surat="500.11 / 127 / DISHUB / 2025")
    assert judged(p, f"{OPD}-L-2") == ("menunggu_pemeriksa", {LETTER: "/nomor_surat"})
    submit(p, f"{OTHER}-L-1", OTHER, nomor_surat="500.11/127/DISHUB/2025", nama_opd="Dinas Kesehatan")
    assert judged(p, f"{OTHER}-L-1") == ("menunggu_pemeriksa", {})
    submit(p, f"{OPD}-L-3", nomor_surat="500.11/127/DISHUB/2025", tanggal_surat=f"{int(FORM['tanggal_surat'][:4]) - 1}-12-31")
    assert LETTER not in judged(p, f"{OPD}-L-3")[1]
    # a number's own next revisi is no other request; what has ended had its letter all the same
    review(p, f"{OPD}-L-1", "dikembalikan", catatan=["Lengkapi"])
    assert judged(p, f"{OPD}-L-1", 2)[0] == "dikembalikan"
    withdraw(p, f"{OPD}-L-2")
    assert judged(p, f"{OPD}-L-2", 2)[0] == "dibatalkan"
    submit(p, f"{OPD}-L-4", nomor_surat="500.11/127/DISHUB/2025")
    assert judged(p, f"{OPD}-L-4") == ("menunggu_pemeriksa", {LETTER: "/nomor_surat"})
    submit(p, f"{OPD}-L-5", nomor_surat="1/L")
    assert judged(p, f"{OPD}-L-5") == ("menunggu_pemeriksa", {})
    review(p, f"{OPD}-L-5", "dikembalikan", catatan=["Lengkapi"])
    assert judged(p, f"{OPD}-L-5", 2)[0] == "dikembalikan"
    submit(p, f"{OPD}-L-5", revisi=2, nomor_surat="1/L")
    assert judged(p, f"{OPD}-L-5", 3) == ("menunggu_pemeriksa", {})


# ---- perubahan and pencabutan ----------------------------------------------------------------------------------------


def test_originals(pipeline):
    p = pipeline(**FAST, validator_review_manual_opd=OTHER)
    p.start(*harness.WORKERS)
    active, waiting, cancelled, ending = f"{OPD}-O-1", f"{OTHER}-O-2", f"{OPD}-O-3", f"{OPD}-O-4"
    for nomor in (active, ending):
        submit(p, nomor)
        p.await_status(nomor, "selesai")
    submit(p, waiting, OTHER, nama_opd="Dinas Kesehatan")
    p.await_status(waiting, "diperiksa")
    withdraw(p, cancelled)
    submit(p, cancelled)
    p.await_status(cancelled, "dibatalkan")
    harness.eventually(lambda: p.one("select count(*) from pemeriksaan where aktif and nomor_permohonan in (%s, %s)", active, ending),
                       lambda n: n == 2, what="the validator knows that they are active")
    wrong = {ORIGINAL: "/nomor_permohonan_asal"}
    cases = [(OPD, "perubahan", active, {}), (OPD, "pencabutan", ending, {}), (OPD, "perubahan", waiting, wrong),
             (OTHER, "perubahan", waiting, wrong), (OTHER, "pencabutan", active, wrong),
             (OPD, "perubahan", cancelled, wrong), (OPD, "pencabutan", "BDL-2020-000001", wrong)]
    for i, (opd, jenis, asal, expected) in enumerate(cases):
        submit(p, f"{opd}-C-{i}", opd, jenis_pengajuan=jenis, nomor_permohonan_asal=asal,
               **({"nama_opd": "Dinas Kesehatan"} if opd == OTHER else {}))
        putusan, found = judged(p, f"{opd}-C-{i}")
        assert (found, putusan) == (expected, "dikembalikan" if expected else "diterima"), cases[i]
    # itself, and no number at all
    submit(p, f"{OPD}-C-8", jenis_pengajuan="perubahan", nomor_permohonan_asal=f"{OPD}-C-8")
    assert judged(p, f"{OPD}-C-8") == ("dikembalikan", wrong)
    submit(p, f"{OPD}-C-9", jenis_pengajuan="perubahan", nomor_permohonan_asal="tidak tahu")
    assert judged(p, f"{OPD}-C-9")[0] == "dikembalikan" and ORIGINAL not in judged(p, f"{OPD}-C-9")[1]
    # asking leaves nothing behind
    assert p.one("select count(*) from pemeriksaan where nomor_permohonan = 'BDL-2020-000001'") == 0
    # a form that waited for its turn is judged by the same rule
    submit(p, f"{OPD}-C-10", revisi=2, jenis_pengajuan="perubahan", nomor_permohonan_asal=active)
    submit(p, f"{OPD}-C-11", revisi=2, jenis_pengajuan="perubahan", nomor_permohonan_asal=waiting)
    harness.eventually(lambda: p.one("select count(*) from pemeriksaan_tahan"), lambda n: n == 2, what="forms held")
    submit(p, f"{OPD}-C-10", perihal=None)
    submit(p, f"{OPD}-C-11", perihal=None)
    assert judged(p, f"{OPD}-C-10", 2) == ("diterima", {})
    assert judged(p, f"{OPD}-C-11", 2) == ("dikembalikan", wrong)


def test_no_longer_active(pipeline):
    """Bedelau's newest word counts, in whatever order it is read."""
    p = pipeline(validator_review="manual", standin=False)

    def completed(nomor, urutan, status):
        p.send("integrations", event("integration.completed", nomor, {
            "revisi": 1, "putaran": 1, "urutan": urutan, "id_integrasi": "i-1", "status_bedelau": status},
            "/bedelau/integrator"))

    completed(f"{OPD}-O-1", 2, "dinonaktifkan")
    completed(f"{OPD}-O-1", 1, "aktif")
    completed(f"{OPD}-O-2", 1, "dinonaktifkan")
    completed(f"{OPD}-O-2", 2, "aktif")
    p.flush()
    p.start("validator")
    harness.eventually(lambda: p.one("select count(*) from pemeriksaan where status = 'selesai'"), lambda n: n == 2,
                       what="both are known")
    got = {r["nomor_permohonan"]: r["aktif"] for r in p.rows("select nomor_permohonan, aktif from pemeriksaan")}
    assert got == {f"{OPD}-O-1": False, f"{OPD}-O-2": True}


# ---- officers --------------------------------------------------------------------------------------------------------


def decide(p, nomor, keputusan, pemeriksa, revisi=1, putaran=1, catatan=("Alasan",)):
    data = {"revisi": revisi, "putaran": putaran, "keputusan": keputusan, "catatan": list(catatan)}
    p.send("reviews", event("review.decided", nomor, data | ({"pemeriksa": pemeriksa} if pemeriksa else {}),
                            source="/bedelau/gateway"))
    p.flush()


def test_officers(judging):
    p, nomor = judging, f"{OPD}-R-1"
    submit(p, nomor)
    assert judged(p, nomor)[0] == "menunggu_pemeriksa"
    decide(p, nomor, "ditolak", "pemeriksa-9")
    decide(p, nomor, "ditolak", None)
    refused(p, nomor, "PEMERIKSA_TIDAK_DIKENAL", "PEMERIKSA_TIDAK_DIKENAL")
    p.ctl("officer", "off", harness.OFFICER)
    decide(p, nomor, "ditolak", harness.OFFICER)
    refused(p, nomor, *["PEMERIKSA_TIDAK_DIKENAL"] * 3)
    p.ctl("officer", "add", "pemeriksa-9")  # known from the next decision on, without a restart
    decide(p, nomor, "dikembalikan", "pemeriksa-9",
           catatan=[{"pesan": "Tanggal salah", "lokasi": "/tanggal_surat", "kode": "PA20-E-306"}, "Juga ini"])
    assert judged(p, nomor, 2) == ("dikembalikan", {"PA20-E-306": "/tanggal_surat", "PEMERIKSA": ""})
    check = told(p, nomor, "check.completed")[1]
    assert check["oleh"] == "pemeriksa-9" and [t["tingkat"] for t in check["temuan"]] == ["E", "E"]


def test_decisions_refused(judging):
    p, nomor = judging, f"{OPD}-R-1"
    codes = []

    def expect(code, *words, **more):
        review(p, nomor, *words, **more)
        codes.append(code)
        refused(p, nomor, *codes)

    expect("TIDAK_MENUNGGU_PEMERIKSA", "diterima")
    submit(p, nomor)
    assert judged(p, nomor)[0] == "menunggu_pemeriksa"
    expect("ALASAN_KOSONG", "dikembalikan")
    expect("ALASAN_KOSONG", "ditolak", catatan=[" \n"])
    expect("TIDAK_MENUNGGU_PEMERIKSA", "diterima", putaran=2)
    expect("TIDAK_MENUNGGU_PEMERIKSA", "diterima", revisi=2)
    review(p, nomor, "dikembalikan", catatan=["Lengkapi"])
    assert judged(p, nomor, 2)[0] == "dikembalikan"
    expect("SUDAH_DIPUTUSKAN", "diterima")
    submit(p, nomor, revisi=2)
    assert judged(p, nomor, 3)[0] == "menunggu_pemeriksa"
    expect("REVISI_LAMA", "diterima", revisi=1)
    withdraw(p, nomor)
    assert judged(p, nomor, 4)[0] == "dibatalkan"
    expect("SUDAH_FINAL", "diterima", revisi=2)
    expect("REVISI_LAMA", "diterima", revisi=1)
    assert len(told(p, nomor, "check.completed")) == 4


def test_rounds(pipeline):
    """Refused by Bedelau: a new round, and the old one is over. Failed there: an officer begins the next round."""
    p, nomor = pipeline(**FAST), f"{OPD}-R-1"
    p.start(*harness.WORKERS)
    p.faults(seed=1, rules=[{"nomor": nomor, "sequence": ["422", "202_gagal", "201"]}], callback_after_ms=100,
             retry_after_s=1)
    submit(p, nomor)
    harness.eventually(lambda: p.request(nomor), lambda r: r and (r["status"], r["putaran"]) == ("diperiksa", 2),
                       what="a new round")
    review(p, nomor, "diterima", putaran=1)
    refused(p, nomor, "PUTARAN_LAMA")
    review(p, nomor, "diterima", putaran=2)
    p.await_status(nomor, "gagal_integrasi")
    review(p, nomor, "diterima", putaran=2)
    refused(p, nomor, "PUTARAN_LAMA", "SUDAH_DIPUTUSKAN")
    review(p, nomor, "diterima", putaran=3)
    assert p.await_status(nomor, "selesai")["putaran"] == 3
    review(p, nomor, "ditolak", putaran=3, catatan=["Terlambat"])
    refused(p, nomor, "PUTARAN_LAMA", "SUDAH_DIPUTUSKAN", "SUDAH_DIPUTUSKAN")
    assert [(c["putaran"], c["putusan"]) for c in told(p, nomor, "check.completed")] == [
        (1, "diterima"), (2, "menunggu_pemeriksa"), (2, "diterima"), (3, "diterima")]


# ---- who owns a number -----------------------------------------------------------------------------------------------


def test_number_ownership(judging):
    p, nomor = judging, f"{OPD}-N-1"
    # what is refused uses nothing: a form in another's name does not burn the number
    p.send("requests", event("request.submitted", nomor, form(nomor), f"/opd/{OTHER}"))
    p.send("requests", event("request.registered", nomor, {"kode_opd": OPD}, f"/opd/{OTHER}"))
    p.flush()
    harness.eventually(lambda: refusals(p, nomor), lambda r: r == ["KODE_OPD_BERBEDA"] * 2, what="both refused")
    submit(p, nomor)
    assert judged(p, nomor)[0] == "menunggu_pemeriksa"
    withdraw(p, nomor, OTHER)
    p.send("requests", event("request.registered", nomor, {"kode_opd": OTHER}, f"/opd/{OTHER}"))
    submit(p, nomor, OTHER, revisi=2)
    harness.eventually(lambda: refusals(p, nomor), lambda r: r[2:] == ["NOMOR_MILIK_LAIN"] * 3, what="three refused")
    assert [c["putusan"] for c in told(p, nomor, "check.completed")] == ["menunggu_pemeriksa"]
    # a withdrawal that waits for what it withdraws has used the number
    withdraw(p, f"{OTHER}-N-2", OTHER)
    submit(p, f"{OTHER}-N-2", OPD)
    refused(p, f"{OTHER}-N-2", "NOMOR_MILIK_LAIN")


def test_a_name_that_no_index_takes(judging):
    """A sender cannot stop the worker with a name or a sender's code of thousands of random letters."""
    p = judging
    rng = random.Random(1)
    long = "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(20000))
    submit(p, f"{OPD}-X-1", nama_sistem=long, nomor_surat=long)
    assert judged(p, f"{OPD}-X-1")[0] == "dikembalikan"
    submit(p, f"{OPD}-X-2", long[:900])
    assert judged(p, f"{OPD}-X-2")[0] == "dikembalikan"
    submit(p, f"{OPD}-X-3")
    assert judged(p, f"{OPD}-X-3")[0] == "menunggu_pemeriksa"


# ---- review modes ----------------------------------------------------------------------------------------------------


def test_review_overrides(pipeline):
    p = pipeline(validator_review="auto", validator_review_manual_opd=f"9.99.99, {OTHER}",
                 validator_review_manual_kategori="tinggi", standin=False)
    p.start("validator", "projector")
    high = {"kategori_se": "tinggi", "skor_kategori_se": 20, "tanggal_uji_keamanan": harness.day(-30),
            "lampiran": form("X")["lampiran"] + [{**form("X")["lampiran"][0], "jenis": "laporan_uji_keamanan"}]}
    submit(p, f"{OPD}-M-1")
    submit(p, f"{OTHER}-M-2", OTHER, nama_opd="Dinas Kesehatan")
    submit(p, f"{OPD}-M-3", **high)
    submit(p, f"{OPD}-M-4", perihal=None, **high)
    assert judged(p, f"{OPD}-M-1")[0] == "diterima"
    assert judged(p, f"{OTHER}-M-2")[0] == "menunggu_pemeriksa"
    assert judged(p, f"{OPD}-M-3")[0] == "menunggu_pemeriksa"
    assert judged(p, f"{OPD}-M-4")[0] == "dikembalikan"  # an error needs no officer


def test_review_exceptions(pipeline):
    p = pipeline(validator_review="manual", validator_review_auto_opd=OTHER, standin=False)
    p.start("validator", "projector")
    submit(p, f"{OPD}-M-1")
    submit(p, f"{OTHER}-M-2", OTHER, nama_opd="Dinas Kesehatan")
    assert judged(p, f"{OPD}-M-1")[0] == "menunggu_pemeriksa"
    assert judged(p, f"{OTHER}-M-2")[0] == "diterima"


@pytest.mark.parametrize("setting, words", [
    ("review_manual_kategori = strategis, sedang", ["review_manual_kategori", '"sedang"']),
    ("review_auto_kategori = Rendah", ["review_auto_kategori", '"Rendah"']),
    ("review_manual_opd = dishub", ["review_manual_opd", '"dishub"']),
    ("review_manual_opd = 2.15.01\nreview_auto_opd = 2.15.01", ["review_manual_opd", "review_auto_opd", '"2.15.01"']),
    ("review = kadang", ["review", "auto|manual"]),
])
def test_review_settings_that_cannot_be(setting, words, tmp_path):
    for more in (["--check-config"], []):
        done = run("validator", *more, conf=f"{BASE}[validator]\n{setting}\n", tmp=tmp_path)
        assert done.returncode == 78
        for word in words:
            assert word in done.stderr, done.stderr


def test_review_settings_that_can(tmp_path):
    conf = (f"{BASE}[validator]\nreview = manual\nreview_manual_opd = 2.15.01, 1.02.01\n"
            "review_manual_kategori = strategis tinggi\nreview_auto_kategori = rendah\n")
    assert run("validator", "--check-config", conf=conf, tmp=tmp_path).returncode == 0


# ---- two at once -----------------------------------------------------------------------------------------------------


def test_a_row_that_another_process_makes_meanwhile(judging):
    """A number is new to the batch, and somebody else stores it first: the batch is done again and finds it."""
    p = judging
    nomor = f"{OPD}-B-1"
    rival = psycopg2.connect(p.conninfo)
    with rival.cursor() as c:
        c.execute(f'set search_path to "{p.schema}"')
        c.execute("insert into pemeriksaan (nomor_permohonan, kode_opd) values (%s, %s)", (nomor, OTHER))
    submit(p, nomor)
    harness.eventually(lambda: p.one("select count(*) from pg_locks l join pg_stat_activity a using (pid) where not l.granted"
                                     " and a.query like 'insert into pemeriksaan %%' and a.datname = current_database()"),
                       lambda n: n == 1, what="the validator waits for the other's row")
    assert told(p, nomor, "check.completed") == []
    rival.commit()
    rival.close()
    refused(p, nomor, "NOMOR_MILIK_LAIN")
    assert told(p, nomor, "check.completed") == []
    assert p.metric("bedelau_transaction_retries_total", "validator") == 1
    assert "a transaction failed" not in p.log("validator")  # nothing that anybody has to look at
    submit(p, f"{OPD}-B-2")
    assert judged(p, f"{OPD}-B-2") == ("menunggu_pemeriksa", {})
