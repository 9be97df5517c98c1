"""Attachments: fetched from the gateway's store and from hosts, judged, waited for; one final check for each form."""
import contextlib
import datetime
import hashlib
import http.server
import json
import re
import shutil
import signal
import ssl
import subprocess
import threading

import harness
import pdfs
import pytest
from harness import BASE, FAST, OPD, ROOT, event, run
from pdfs import MADE

pytestmark = pdfs.needs_helper
LETTER, FILLED, API = ((ROOT / f"schemas/examples/lampiran/{n}.pdf").read_bytes() for n in (
    "surat_pengajuan", "formulir_pa20", "dokumentasi_api"))
OTHER_OPD = "1.02.01"
QUICK = {"attachments_check": "on", "attachments_backoff_min": "50ms", "attachments_backoff_max": "300ms",
         "attachments_timeout": "2s", "attachments_lease": "4s"}
UNCHECKED, UNKNOWN_CA = "PA20-W-121", "PA20-W-126"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def paper(jenis, data, **changes):
    """A document as a form names it, from the gateway's store unless said otherwise."""
    return {"jenis": jenis, "nama_berkas": f"rahasia-{jenis}.pdf", "mime": "application/pdf", "ukuran": len(data),
            "sha256": sha(data), "uri": f"urn:sha256:{sha(data)}", **changes}


def papers(letter=LETTER, filled=FILLED, api=API, **changes):
    """The three that the form of these tests needs; changes are to the letter."""
    return [paper("surat_pengajuan", letter, **changes), paper("formulir_pa20", filled), paper("dokumentasi_api", api)]


def told(p, nomor, n):
    """The first n checks of a request."""
    return harness.eventually(lambda: p.checks(nomor), lambda got: len(got) >= n, what=f"{n} checks of {nomor}")


def found(check):
    return sorted((t["kode"], t["lokasi"]) for t in check["temuan"])


def verdicts(p, nomor):
    return [c["putusan"] for c in p.checks(nomor)]


def jobs(p):
    return p.rows("select * from job_validator order by key")


def nothing_left(p):
    harness.eventually(lambda: jobs(p) + p.rows("select * from job_body_validator"), lambda r: r == [], what="no job")


# ---- a store and a host of the test's own ----------------------------------------------------------------------------


class Server:
    """Answers as told: `give` by path (query left out); `down` for everything. Counts what was asked."""

    def __init__(self, tls=None):
        self.give, self.down, self.asked, self.headers, self.lock = {}, None, [], [], threading.Lock()
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with outer.lock:
                    outer.asked.append(self.path)
                    outer.headers.append(dict(self.headers))
                outer.gate.wait(60)
                code, body, more = outer.answer(self.path.split("?")[0])
                with contextlib.suppress(OSError):
                    self.send_response(code)
                    for k, v in more.items():
                        self.send_header(k, v)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        if tls:
            ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ctx.load_cert_chain(*tls)
            self.http.socket = ctx.wrap_socket(self.http.socket, server_side=True)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, path):
        if self.down:
            return self.down
        got = self.give.get(path, (404, b"tidak ada", {}))
        return got if isinstance(got, tuple) else (200, got, {})

    def holds(self, *documents):
        """As the gateway's store."""
        self.give.update({f"/v1/documents/{sha(d)}": d for d in documents})

    def times(self, document):
        return sum(a.startswith(f"/v1/documents/{sha(document)}") for a in self.asked)

    def close(self):
        self.gate.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def store():
    s = Server()
    s.holds(LETTER, FILLED, API)
    yield s
    s.close()


@pytest.fixture
def host(tmp_path):
    """(server, CA file): https on arsip.localhost, which curl itself says is this machine, by a certificate of its own."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=arsip", "-addext", "subjectAltName=DNS:arsip.localhost"], check=True,
                   capture_output=True)
    s = Server(tls=(cert, key))
    yield s, cert
    s.close()


@pytest.fixture(scope="module")
def made():
    pdfs.make()
    return lambda name: (MADE / f"{name}.pdf").read_bytes()


@pytest.fixture
def checking(pipeline):
    """Makes a pipeline whose validator asks `store` (a Server, or a port where nobody is)."""
    def make(at, programs=("validator", "projector"), **settings):
        p = pipeline(**FAST, **{**QUICK, **settings}, attachments_store_token="rahasia",
                     attachments_store=f"http://127.0.0.1:{at if isinstance(at, int) else at.port}")
        p.start(*programs)
        return p
    return make


@pytest.fixture
def gateway(pipeline, made):
    """A pipeline with the gateway as its store; `put` uploads as a department."""
    def make(**settings):
        p = pipeline(**FAST, **{**QUICK, **settings})
        p.start("gateway")
        url = f"http://127.0.0.1:{p.ports['gateway']}"
        tokens = {o: p.ctl("token", "create", "--opd", o).strip() for o in (OPD, OTHER_OPD, "*")}

        def put(*documents, opd=OPD):
            for d in documents:
                status, body = harness.http(f"{url}/v1/documents/{sha(d)}", "PUT", d, {
                    "Authorization": f"Bearer {tokens[opd]}", "Content-Type": "application/pdf"})
                assert status in (200, 201), body

        p.put, p.tokens, p.url = put, tokens, url
        p.env.update({"BEDELAU_ATTACHMENTS_STORE": url, "BEDELAU_ATTACHMENTS_STORE_TOKEN": tokens["*"],
                      "BEDELAU_ATTACHMENTS_SIGNATURE_CA_FILE": str(MADE / "ca.pem")})
        return p
    return make


# ---- all is well -----------------------------------------------------------------------------------------------------


def test_good_documents(gateway):
    p, nomor = gateway(), f"{OPD}-L-1"
    p.put(LETTER, FILLED, API)
    p.start(*harness.WORKERS)
    p.submit(nomor, id="a1", lampiran=papers())
    p.flush()
    p.await_status(nomor, "selesai")
    first, last = p.checks(nomor)
    assert (first["putusan"], first["final"], first["temuan"]) == ("menunggu_lampiran", False, [])
    assert (last["putusan"], last["final"], last["temuan"]) == ("diterima", True, [])
    for c in (first, last):
        assert (c["revisi"], c["putaran"], c["sumber_pengajuan"], c["id_pengajuan"], c["oleh"]) == (
            1, 1, f"/opd/{OPD}", "a1", "sistem")
    assert last["urutan"] > first["urutan"]
    assert p.rows("select step, fate, code from attempt_validator") == [{"step": "fetch", "fate": "known", "code": 0}]
    nothing_left(p)
    p.await_quiet()
    assert {r["tahap"]: r["status"] for r in p.rows("select * from clock")}["pemeriksaan"] == "terpenuhi"
    body = harness.http(f"http://127.0.0.1:{p.ports['validator']}/metrics")[1].decode()
    assert 'bedelau_attachments_total{result="baik"} 3' in body
    assert 'bedelau_attachment_forms_total{state="concluded"} 1' in body
    state = json.loads(harness.http(f"http://127.0.0.1:{p.ports['validator']}/statusz")[1])
    assert state["attachments"] == {"check": True, "attempts": 0, "answers": 0, "pdf": 0}


# ---- findings --------------------------------------------------------------------------------------------------------


def test_each_finding(gateway, made):
    """Every fault of a document, each under its code at its place; what a signature is only where it is demanded."""
    p = gateway()
    broken, locked, empty = made("rusak_kepala_dan_derau"), made("kunci_aes_256"), made("tanpa_halaman")
    signed, foreign, changed = made("ttd_sah"), made("ttd_asing"), made("ttd_rusak_isi_diubah")
    html = made("bukan_html")
    elsewhere = made("baik_1_4")
    p.put(LETTER, FILLED, API, broken, locked, empty, signed, foreign, changed, html)
    p.put(elsewhere, opd=OTHER_OPD)
    p.start("validator", "projector")
    tte = {"jenis": "tte"}
    wrong_sum = {"sha256": sha(b"lain")}
    cases = [
        ({"lampiran": papers(b"tidak pernah diunggah")}, [("PA20-E-121", "/lampiran/0")]),
        ({"lampiran": papers(elsewhere)}, [("PA20-E-121", "/lampiran/0")]),
        ({"lampiran": papers(ukuran=len(LETTER) + 1)}, [("PA20-E-122", "/lampiran/0")]),
        ({"lampiran": papers(**wrong_sum)}, [("PA20-E-123", "/lampiran/0")]),
        ({"lampiran": papers(**wrong_sum, ukuran=1)}, [("PA20-E-122", "/lampiran/0"), ("PA20-E-123", "/lampiran/0")]),
        ({"lampiran": papers(html)}, [("PA20-E-124", "/lampiran/0")]),
        ({"lampiran": papers(broken)}, [("PA20-E-124", "/lampiran/0")]),
        ({"lampiran": papers(empty)}, [("PA20-E-124", "/lampiran/0")]),
        ({"lampiran": papers(locked, html, locked)}, [
            ("PA20-E-124", "/lampiran/1"), ("PA20-E-125", "/lampiran/0"), ("PA20-E-125", "/lampiran/2")]),
        ({"lampiran": papers(), "tanda_tangan": tte}, [("PA20-E-126", "/lampiran/0"), ("PA20-E-126", "/lampiran/1")]),
        ({"lampiran": papers(changed, signed), "tanda_tangan": tte}, [("PA20-E-126", "/lampiran/0")]),
        ({"lampiran": papers(signed, foreign), "tanda_tangan": tte}, [(UNKNOWN_CA, "/lampiran/1")]),
        ({"lampiran": papers(foreign, signed, **wrong_sum), "tanda_tangan": tte}, [("PA20-E-123", "/lampiran/0")]),
        ({"lampiran": papers(signed, signed), "tanda_tangan": tte}, []),
        ({"lampiran": papers(changed, foreign)}, []),  # signed by hand: what is in the file is not asked
        ({"lampiran": papers(html), "perihal": None}, [("PA20-E-124", "/lampiran/0"), ("PA20-E-207", "/perihal")]),
    ]
    for i, (changes, _) in enumerate(cases):
        p.submit(f"{OPD}-F-{i}", **changes)
    p.flush()
    for i, (_, want) in enumerate(cases):
        first, last = told(p, f"{OPD}-F-{i}", 2)
        errors = [k for k, _ in want if "-E-" in k]
        assert (first["putusan"], first["temuan"]) == ("menunggu_lampiran", []), i
        assert (i, last["putusan"], found(last)) == (i, "dikembalikan" if errors else "diterima", want)
        levels = [t["tingkat"] for t in last["temuan"]]
        assert levels == sorted(levels) and all(t["pesan"] and t["message"] for t in last["temuan"])
    nothing_left(p)
    log = p.log("validator")
    assert "rahasia" not in log and sha(html) not in log
    assert "rahasia" not in json.dumps([json.loads(r["data"]) for r in p.rows(
        "select data from event where type like %s", "%.check.completed.v1")])


def test_a_return_goes_on_with_the_next_revisi(gateway):
    """A form that was held meets its turn when the documents of the one before are known."""
    p, nomor = gateway(), f"{OPD}-L-2"
    p.put(LETTER, FILLED, API)
    p.start(*harness.WORKERS)
    p.submit(nomor, revisi=2, lampiran=papers())
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from pemeriksaan_tahan"), lambda n: n == 1, what="a form held")
    p.submit(nomor, revisi=1, lampiran=papers(b"tidak ada"))
    p.flush()
    row = p.await_status(nomor, "selesai")
    assert (row["revisi"], row["jumlah_pengembalian"]) == (2, 1)
    assert [(c["revisi"], c["putusan"]) for c in p.checks(nomor)] == [
        (1, "menunggu_lampiran"), (1, "dikembalikan"), (2, "menunggu_lampiran"), (2, "diterima")]


def test_a_turn_that_an_answer_gives_meets_other_requests(gateway):
    """The form that was held is judged in a batch without a form: what other requests hold is known there too."""
    p, mine, other = gateway(validator_review="manual"), f"{OPD}-L-7", f"{OPD}-L-8"
    p.put(LETTER, FILLED, API)
    p.start("validator", "projector")
    p.submit(mine, revisi=2, lampiran=papers(), nama_sistem="Arsip", nomor_surat="1/A")
    p.submit(other, lampiran=papers(), nama_sistem="Arsip", nomor_surat="1/A")
    p.flush()
    told(p, other, 2)
    harness.eventually(lambda: p.one("select count(*) from pemeriksaan_tahan"), lambda n: n == 1, what="a form held")
    p.submit(mine, revisi=1, lampiran=papers(b"tidak ada"), nama_sistem="Arsip Lama")
    p.flush()
    last = told(p, mine, 4)[3]
    assert (last["revisi"], last["putusan"]) == (2, "dikembalikan")
    assert found(last) == [("PA20-E-323", "/nama_sistem"), ("PA20-W-305", "/nomor_surat")]
    holders = p.rows("select nomor_permohonan from pemeriksaan where kunci = 'arsip'")
    assert [h["nomor_permohonan"] for h in holders] == [other]


def test_an_officer_decides_after_the_documents(gateway):
    p, nomor = gateway(validator_review="manual"), f"{OPD}-L-3"
    p.put(LETTER, FILLED, API)
    p.start("validator", "projector")
    p.submit(nomor, lampiran=papers())
    p.flush()
    assert [c["putusan"] for c in told(p, nomor, 2)] == ["menunggu_lampiran", "menunggu_pemeriksa"]


def test_a_helper_that_fails(checking, store):
    """What brings the helper down is no readable document."""
    p, nomor = checking(store, attachments_pdf_helper="/bin/false"), f"{OPD}-L-5"
    p.submit(nomor, lampiran=papers())
    p.flush()
    assert found(told(p, nomor, 2)[1]) == [("PA20-E-124", f"/lampiran/{i}") for i in range(3)]
    assert "the PDF helper failed over an attachment" in p.log("validator")


def test_without_the_helper(checking, store):
    """pdf = off: its beginning is looked at, its structure and signatures are not."""
    p, nomor = checking(store, attachments_pdf="off", attachments_pdf_helper="/tidak/ada"), f"{OPD}-L-6"
    page, torn = b"<html>", LETTER[:400]
    store.holds(page, torn)
    p.submit(nomor, lampiran=papers(page, torn), tanda_tangan={"jenis": "tte"})
    p.flush()
    assert found(told(p, nomor, 2)[1]) == [("PA20-E-124", "/lampiran/0")]


def test_what_the_form_got_wrong_is_not_asked_for(checking, store):
    """A document whose declaration is faulty has its finding already; the others are checked."""
    p, nomor = checking(store), f"{OPD}-L-4"
    p.submit(nomor, lampiran=papers(sha256="BUKAN"))
    p.submit(f"{nomor}-A", lampiran=None)
    p.flush()
    p.submit(f"{nomor}-B", lampiran=papers(uri=f"http://127.0.0.1:{store.port}/v1/documents/{sha(LETTER)}"))
    p.flush()
    assert found(told(p, nomor, 2)[1]) == [("PA20-E-075", "/lampiran/0/sha256")]
    assert found(told(p, f"{nomor}-B", 2)[1]) == [("PA20-E-076", "/lampiran/0/uri")]
    assert store.times(LETTER) == 0 and store.times(FILLED) == 2
    assert verdicts(p, nomor) == ["menunggu_lampiran", "dikembalikan"]
    told(p, f"{nomor}-A", 1)
    assert verdicts(p, f"{nomor}-A") == ["dikembalikan"]


# ---- hosts -----------------------------------------------------------------------------------------------------------


def test_hosts(checking, store, host, tmp_path):
    """https from hosts that are allowed, with their own credentials; everything else is refused unasked."""
    server, ca = host
    at = f"https://arsip.localhost:{server.port}"
    secret = tmp_path / "credentials"
    secret.write_text(f"arsip.localhost:{server.port}\tX-Api-Key: kunci-rahasia\n", encoding="ascii")
    secret.chmod(0o600)
    large = LETTER + b"\n" * (10 * 1024 * 1024)
    server.give.update({"/baik.pdf": LETTER, "/besar.pdf": large, "/dilarang.pdf": (403, b"", {}),
                        "/pindah.pdf": (302, b"", {"Location": f"{at}/baik.pdf"}),
                        "/keluar.pdf": (302, b"", {"Location": f"http://127.0.0.1:{store.port}/baik.pdf"})})
    p = checking(store, attachments_allow=f"arsip.localhost:{server.port}", attachments_allow_net="127.0.0.0/8, ::1/128",
                 attachments_ca_file=ca, attachments_credentials_file=secret)
    cases = [(f"{at}/baik.pdf", []), (f"{at}/pindah.pdf", []), (f"{at}/tidak-ada.pdf?kunci=rahasia", ["PA20-E-121"]),
             (f"{at}/dilarang.pdf", ["PA20-E-121"]), (f"{at}/keluar.pdf", ["PA20-E-121"]),
             (f"https://lain.localhost:{server.port}/baik.pdf", ["PA20-E-121"]),
             ("https://lain.example.go.id/baik.pdf", ["PA20-E-121"]), (f"{at}/besar.pdf", ["PA20-E-122"])]
    for i, (uri, _) in enumerate(cases):
        p.submit(f"{OPD}-H-{i}", lampiran=papers(uri=uri))
    p.flush()
    for i, (uri, want) in enumerate(cases):
        assert (uri, found(told(p, f"{OPD}-H-{i}", 2)[1])) == (uri, [(k, "/lampiran/0") for k in want])
    assert all(h.get("X-Api-Key") == "kunci-rahasia" for h in server.headers)
    assert all("X-Api-Key" not in h and h["Authorization"] == "Bearer rahasia" for h in store.headers)
    assert not any("baik.pdf" in a for a in store.asked)
    assert "rahasia" not in p.log("validator") and "baik.pdf" not in p.log("validator")


# ---- a store that does not answer ------------------------------------------------------------------------------------


def test_a_store_that_recovers(checking, store):
    """503 and refusals of our token are no fault of the form: nothing is told meanwhile."""
    p, nomor = checking(store, harness.WORKERS), f"{OPD}-S-1"
    store.down = (503, b"", {"Retry-After": "0"})
    p.submit(nomor, lampiran=papers())
    p.flush()
    row = p.await_status(nomor, "diperiksa")
    assert row["giliran"] == "sistem"
    for code in (401, 403, 429, 500, 302):
        store.down = (code, b"", {})
        n = len(store.asked)
        harness.eventually(lambda: len(store.asked), lambda m, n=n: m >= n + 3, what=f"asked again after {code}")
    assert verdicts(p, nomor) == ["menunggu_lampiran"]
    job, = jobs(p)
    assert (job["key"], job["subject"], job["step"]) == (f"{nomor}:1", nomor, "fetch")
    store.down = None
    row = p.await_status(nomor, "selesai")
    assert verdicts(p, nomor) == ["menunggu_lampiran", "diterima"] and json.loads(row["temuan"]) == []
    fates = [r["fate"] for r in p.rows("select fate from attempt_validator order by no")]
    assert fates[-1] == "known" and set(fates[:-1]) == {"waiting"}
    # one line a minute at most, without an address
    assert len(re.findall("an attachment cannot be checked now", p.log("validator"))) == 1
    assert "/v1/documents" not in p.log("validator")


def test_what_is_known_stays_known(checking, store):
    """Only the document that is missing is asked for again."""
    p, nomor = checking(store), f"{OPD}-S-2"
    store.give[f"/v1/documents/{sha(FILLED)}"] = (503, b"", {})
    p.submit(nomor, lampiran=papers())
    p.flush()
    harness.eventually(lambda: store.times(FILLED), lambda n: n >= 4, what="asked for again")
    store.holds(FILLED)
    told(p, nomor, 2)
    assert verdicts(p, nomor) == ["menunggu_lampiran", "diterima"]
    assert store.times(LETTER) == 1


def test_a_store_that_hangs(checking, store):
    """It is given up after `timeout` and asked again."""
    p, nomor = checking(store, attachments_timeout="300ms"), f"{OPD}-S-9"
    store.gate.clear()
    p.submit(nomor, lampiran=papers())
    p.flush()
    harness.eventually(lambda: len(store.asked), lambda n: n >= 3, what="asked again")
    assert verdicts(p, nomor) == ["menunggu_lampiran"]
    store.gate.set()
    told(p, nomor, 2)
    assert verdicts(p, nomor) == ["menunggu_lampiran", "diterima"]
    assert p.rows("select fate from attempt_validator where no = 1") == [{"fate": "waiting"}]


def test_the_clocks_end(checking):
    """Dead to the end of clock 2: to the officer, each document noted as not checked."""
    p, nomor = checking(harness.free_port(), harness.WORKERS, sop_pemeriksaan="3 detik"), f"{OPD}-S-3"
    p.submit(nomor, lampiran=papers())
    p.flush()
    first, last = told(p, nomor, 2)
    assert (last["putusan"], last["final"]) == ("menunggu_pemeriksa", False)
    assert found(last) == [(UNCHECKED, f"/lampiran/{i}") for i in range(3)]
    assert all(t["tingkat"] == "W" for t in last["temuan"])
    row = harness.eventually(lambda: p.request(nomor), lambda r: r["giliran"] == "pranata_komputer", what="an officer's turn")
    assert row["status"] == "diperiksa"
    clock = harness.eventually(lambda: p.rows("select batas from clock where tahap = 'pemeriksaan'"), what="clock 2")
    times = [r["time"] for r in p.rows("select time from event where type like %s order by seq", "%.check.completed.v1")]
    assert len(times) == 2 and clock[0]["batas"] <= times[1]
    nothing_left(p)
    p.send("reviews", event("review.decided", nomor, {"revisi": 1, "putaran": 1, "keputusan": "diterima", "catatan": [],
                                                      "pemeriksa": harness.OFFICER}, source="/bedelau/gateway"))
    p.flush()
    p.await_status(nomor, "selesai")


def test_an_error_waits_for_hold_only(checking):
    p, nomor = checking(harness.free_port(), attachments_hold="1s"), f"{OPD}-S-4"
    p.submit(nomor, lampiran=papers(), perihal=None)
    p.flush()
    first, last = told(p, nomor, 2)
    assert (first["putusan"], first["temuan"]) == ("menunggu_lampiran", [])
    assert last["putusan"] == "dikembalikan"
    assert found(last) == [("PA20-E-207", "/perihal")] + [(UNCHECKED, f"/lampiran/{i}") for i in range(3)]
    nothing_left(p)


def test_an_error_in_a_document_waits_too(checking, store):
    """Of three documents one is bad and one does not come: after `hold` the bad one is told, the other noted."""
    p, nomor = checking(store, attachments_hold="1s"), f"{OPD}-S-5"
    store.give[f"/v1/documents/{sha(API)}"] = (503, b"", {})
    p.submit(nomor, lampiran=papers(ukuran=len(LETTER) + 7))
    p.flush()
    assert found(told(p, nomor, 2)[1]) == [("PA20-E-122", "/lampiran/0"), (UNCHECKED, "/lampiran/2")]
    assert verdicts(p, nomor) == ["menunggu_lampiran", "dikembalikan"]


def test_notes_go_out_at_once_errors_wait(checking):
    p, nomor = checking(harness.free_port()), f"{OPD}-S-6"
    p.submit(nomor, lampiran=papers(), perihal=None, nama_opd="Dinas Perhubungan dan Parkir")
    p.flush()
    first, = told(p, nomor, 1)
    assert (first["putusan"], found(first)) == ("menunggu_lampiran", [("PA20-W-010", "/nama_opd")])


def test_a_clock_that_was_mended(checking):
    """deadline.changed moves the end; a clock of another kind or revisi does not, nor what is older or came before."""
    p, nomor = checking(harness.free_port()), f"{OPD}-S-7"
    p.submit(nomor, lampiran=papers())
    p.flush()
    told(p, nomor, 1)
    before = jobs(p)[0]["deadline_at"]

    def tell(urutan, id=None, **changes):
        p.send("deadlines", event("deadline.changed", nomor, {
            "revisi": 1, "urutan": urutan, "tahap": "pemeriksaan", "keadaan": "berjalan", "mulai": harness.now(),
            "batas": harness.now(), "satuan": "detik", "hari_terpakai": 0, "sisa_hari": 0, "kalender": "uji",
            "sebab": "kalender", **changes}, source="/bedelau/deadline", id=id))
        p.flush()

    def ignored(*args, n, **changes):
        tell(*args, **changes)
        p.await_read("validator", "deadlines", n)
        job, = jobs(p)
        assert job["deadline_at"] == moved and verdicts(p, nomor) == ["menunggu_lampiran"]

    tell(1, tahap="perbaikan")
    tell(2, revisi=7)
    tell(5, "j5", batas="2031-01-01T00:00:00Z")
    moved = harness.eventually(lambda: jobs(p)[0]["deadline_at"], lambda t: t != before, what="another end")
    assert moved.year == 2031 and verdicts(p, nomor) == ["menunggu_lampiran"]
    ignored(4, n=4)  # older, never met before
    ignored(5, n=5)  # no newer
    ignored(6, "j5", n=6)  # an id that was met with another content
    tell(6)
    assert [c["putusan"] for c in told(p, nomor, 2)] == ["menunggu_lampiran", "menunggu_pemeriksa"]


def test_late_when_it_came(checking, store):
    """The clock was over before the first attempt: one is made all the same."""
    p = checking(store, (), sop_pemeriksaan="1 detik")
    nomor = f"{OPD}-S-8"
    sent = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=10)
    p.send("requests", event("request.submitted", nomor, harness.form(nomor, lampiran=papers()), time=sent.isoformat()))
    p.flush()
    p.start("validator", "projector")
    assert [c["putusan"] for c in told(p, nomor, 2)] == ["menunggu_lampiran", "diterima"]


# ---- kills, withdrawals, several ------------------------------------------------------------------------------------


def test_killed_while_fetching(checking, store):
    p = checking(store, harness.WORKERS)
    names = [f"{OPD}-K-{i}" for i in range(12)]
    store.gate.clear()
    for nomor in names:
        p.submit(nomor, lampiran=papers())
    p.flush()
    harness.eventually(lambda: len(store.asked), lambda n: n >= 3, what="fetches under way")
    harness.eventually(lambda: len(jobs(p)), lambda n: n == len(names), what="a job for each form")
    p.kill("validator")
    store.gate.set()
    p.start("validator")
    for nomor in names:
        p.await_status(nomor, "selesai")
    p.await_quiet()
    for nomor in names:
        assert verdicts(p, nomor) == ["menunggu_lampiran", "diterima"]
    nothing_left(p)
    harness.every_event_once(p)


def test_withdrawn_while_waiting(checking, store):
    p, nomor = checking(store, harness.WORKERS), f"{OPD}-W-1"
    store.down = (503, b"", {})
    p.submit(nomor, lampiran=papers())
    p.flush()
    p.await_status(nomor, "diperiksa")
    p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
    p.flush()
    p.await_status(nomor, "dibatalkan")
    nothing_left(p)
    store.down = None
    p.await_quiet()
    assert verdicts(p, nomor) == ["menunggu_lampiran", "dibatalkan"]
    last = p.rows("select step, fate from attempt_validator order by no")[-1]
    assert last == {"step": "cancel", "fate": "cancelled"}
    body = harness.http(f"http://127.0.0.1:{p.ports['validator']}/metrics")[1].decode()
    assert 'bedelau_attachment_forms_total{state="cancelled"} 1' in body


def test_withdrawn_during_the_fetch(checking, store):
    """What the attempt then brings back is heard by nobody."""
    p, nomor = checking(store), f"{OPD}-W-2"
    store.gate.clear()
    p.submit(nomor, lampiran=papers())
    p.flush()
    harness.eventually(lambda: len(store.asked), lambda n: n >= 1, what="a fetch under way")
    p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
    p.flush()
    assert [c["putusan"] for c in told(p, nomor, 2)] == ["menunggu_lampiran", "dibatalkan"]
    store.gate.set()
    harness.eventually(lambda: p.rows("select fate from attempt_validator where no = 1 and fate is not null"), what="an answer")
    assert verdicts(p, nomor) == ["menunggu_lampiran", "dibatalkan"]
    nothing_left(p)


def test_two_validators(checking, store):
    """They share the work; one is frozen in the middle, and nobody decides twice."""
    p = checking(store, ("validator", "validator.2", "projector"), attachments_in_flight=2)
    names = [f"{OPD}-T-{i}" for i in range(40)]
    for nomor in names:
        p.submit(nomor, lampiran=papers())
    p.flush()
    harness.eventually(lambda: len(store.asked), lambda n: n >= 10, what="work under way")
    p.signal("validator", signal.SIGSTOP)
    harness.eventually(lambda: [n for n in names if len(verdicts(p, n)) == 2], what="the other goes on")
    p.signal("validator", signal.SIGCONT)
    for nomor in names:
        told(p, nomor, 2)
    nothing_left(p)
    assert {tuple(verdicts(p, n)) for n in names} == {("menunggu_lampiran", "diterima")}
    harness.every_event_once(p)


def test_a_state_that_cannot_be_read(checking, store):
    """Nobody waits for ever, and nothing is accepted unseen: an officer decides, and the log says why."""
    p, nomor = checking(store), f"{OPD}-S-10"
    store.down = (503, b"", {})
    p.submit(nomor, lampiran=papers(), perihal=None)
    p.flush()
    told(p, nomor, 1)
    p.terminate("validator")
    p.rows("update job_validator set state = '{}'")
    store.down = None
    p.start("validator")
    last = told(p, nomor, 2)[1]
    assert (last["putusan"], last["oleh"], found(last)) == ("menunggu_pemeriksa", "sistem", [(UNCHECKED, "/lampiran")])
    nothing_left(p)
    assert "what is known of a form's attachments cannot be read" in p.log("validator")
    assert "no longer waited for" not in p.log("validator")


# ---- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting, words", [
    ("", ["[attachments] store", "[attachments] allow"]),
    ("store = http://127.0.0.1:9480", ["store_token", "store"]),
    ("store = ftp://x\nstore_token = x", ["store"]),
    ("store = http://127.0.0.1:9480/dokumen\nstore_token = x", ["store", "path"]),
    ("allow = a.go.id\ntimeout = 90s\nlease = 2m", ["timeout", "lease"]),
    ("allow = a.go.id\nbackoff_min = 10m", ["backoff_min", "backoff_max"]),
])
def test_settings_that_cannot_be(setting, words, tmp_path):
    conf = BASE.replace("check = off", f"check = on\n{setting}")
    for more in ((), ("--check-config",)):
        done = run("validator", *more, conf=conf, tmp=tmp_path)
        assert done.returncode == 78
        for word in words:
            assert word in done.stderr


def test_settings_that_can_be(tmp_path):
    for setting in ("store = http://127.0.0.1:9480\nstore_token = x", "allow = *.batam.go.id, arsip.go.id:8443",
                    "store = https://gerbang.batam.go.id/\nstore_token = x\nallow = a.go.id"):
        done = run("validator", "--check-config", conf=BASE.replace("check = off", setting), tmp=tmp_path)
        assert done.returncode == 0, done.stderr


def test_off_is_said_once(pipeline):
    p, nomor = pipeline(), f"{OPD}-O-1"
    p.start("validator", "projector")
    p.submit(nomor, lampiran=papers(b"tidak ada"))
    p.flush()
    assert [c["putusan"] for c in told(p, nomor, 1)] == ["diterima"]
    assert p.log("validator").count("attachments are not checked") == 1
    state = json.loads(harness.http(f"http://127.0.0.1:{p.ports['validator']}/statusz")[1])
    assert state["attachments"] == {"check": False, "attempts": 0, "answers": 0, "pdf": 0}
    assert jobs(p) == []


def test_switched_off_while_forms_wait(checking):
    """They do not wait for ever: to the officer, or back with the error that was found."""
    p = checking(harness.free_port())
    p.submit(f"{OPD}-O-2", lampiran=papers())
    p.submit(f"{OPD}-O-3", lampiran=papers(), perihal=None)
    p.flush()
    told(p, f"{OPD}-O-2", 1), told(p, f"{OPD}-O-3", 1)
    p.terminate("validator")
    p.start("validator", attachments_check="off")
    unchecked = [(UNCHECKED, f"/lampiran/{i}") for i in range(3)]
    assert found(told(p, f"{OPD}-O-2", 2)[1]) == unchecked
    assert found(told(p, f"{OPD}-O-3", 2)[1]) == [("PA20-E-207", "/perihal"), *unchecked]
    assert verdicts(p, f"{OPD}-O-2") == ["menunggu_lampiran", "menunggu_pemeriksa"]
    assert verdicts(p, f"{OPD}-O-3") == ["menunggu_lampiran", "dikembalikan"]
    nothing_left(p)


def test_a_helper_that_is_not_there(tmp_path):
    shutil.copy(harness.BIN / "bedelau-validator", tmp_path / "bedelau-validator")
    conf = BASE.replace("check = off", "allow = a.go.id").replace("[integrator]", f"[sop]\nschemas = {ROOT}/schemas\n[integrator]")
    (tmp_path / "test.conf").write_text(conf, encoding="utf-8")
    done = subprocess.run([tmp_path / "bedelau-validator", "-c", tmp_path / "test.conf"], env={"PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78 and "bedelau-pdfcheck" in done.stderr
