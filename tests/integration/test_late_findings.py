"""A return may not list what could have been listed with an earlier one: where it does, it says so."""
import json

import harness
from harness import OPD
from test_authority import submit
from test_lampiran import API, LETTER, UNCHECKED, checking, papers, store  # noqa: F401 (fixtures)
from test_lampiran import pytestmark as needs_pdf
from test_pipeline import FAST, await_told, review
from test_rules import changed

NOTE = "PEMERIKSA"


def note(lokasi):
    return {"pesan": "Perbaiki", "lokasi": lokasi}


def late(check):
    """{(code, place): late?} of a check's findings; the member is there only where it is true."""
    assert all(t.get("terlambat_ditemukan", True) is True for t in check["temuan"])
    return {(t["kode"], t["lokasi"]): "terlambat_ditemukan" in t for t in check["temuan"]}


def give_back(p, nomor, n, revisi, *places, putaran=1):
    """An officer returns the revisi that waits; the findings of that, the n-th check of the request."""
    await_told(p, nomor, "check.completed", n - 1)
    review(p, nomor, "dikembalikan", revisi, putaran, catatan=[note(place) for place in places])
    check = await_told(p, nomor, "check.completed", n)[n - 1]
    assert (check["putusan"], check["revisi"]) == ("dikembalikan", revisi)
    return late(check)


def counted(p, oleh):
    text = harness.http(f"http://127.0.0.1:{p.ports['validator']}/metrics")[1].decode()
    return sum(float(line.split()[1]) for line in text.splitlines()
               if line.startswith(f'bedelau_findings_late_total{{oleh="{oleh}"}} '))


def remembered(p, nomor):
    row = p.rows("select riwayat from pemeriksaan where nomor_permohonan = %s", nomor)[0]["riwayat"]
    return bytes(row) if row is not None else None


def test_one_thing_at_a_time(pipeline):
    """An officer's notes: what stayed as it was is late, what was changed, or told already, is not."""
    p, nomor = pipeline(validator_review="manual", standin=False), f"{OPD}-T-1"
    p.start("validator", "projector")
    submit(p, nomor)
    assert give_back(p, nomor, 2, 1, "/perihal") == {(NOTE, "/perihal"): False}
    submit(p, nomor, revisi=2, perihal="Permohonan integrasi yang lain")
    assert give_back(p, nomor, 4, 2, "/perihal", "/uraian_fungsi") == {
        (NOTE, "/perihal"): False, (NOTE, "/uraian_fungsi"): True}
    row = p.await_status(nomor, "dikembalikan")
    assert late({"temuan": json.loads(row["temuan"])})[(NOTE, "/uraian_fungsi")] is True
    assert "/uraian_fungsi  Perbaiki  (terlambat ditemukan)\n" in p.ctl("status", nomor)
    p.await_quiet()
    told = [e["data"]["temuan"] for e in p.events("status")][-1]
    assert {"kode": NOTE, "tingkat": "E", "lokasi": "/uraian_fungsi", "terlambat_ditemukan": True} in told
    assert {"kode": NOTE, "tingkat": "E", "lokasi": "/perihal"} in told
    # mended, as the notes said; another note is told as late by another process, from what the row remembers
    assert p.terminate("validator") == 0 and p.start("validator") is None
    submit(p, nomor, revisi=3, perihal="Permohonan integrasi yang lain", uraian_fungsi="Uraian fungsi yang sudah diperbaiki")
    assert give_back(p, nomor, 6, 3, "/uraian_fungsi", "/nip_pemohon") == {
        (NOTE, "/uraian_fungsi"): False, (NOTE, "/nip_pemohon"): True}
    assert counted(p, "pemeriksa") == 1 and counted(p, "sistem") == 0
    # nothing of the form is kept as it is, and nothing at all after the end
    kept = remembered(p, nomor)
    assert 0 < len(kept) < 3000 and harness.FORM["nip_pemohon"].encode() not in kept
    submit(p, nomor, revisi=4)
    await_told(p, nomor, "check.completed", 7)
    review(p, nomor, "ditolak", 4, catatan=["Tidak dapat diterima"])
    p.await_status(nomor, "ditolak")
    assert remembered(p, nomor) is None


def test_the_system_returned_first(pipeline):
    """Who returns does not matter to who is asked to mend: the officer's first look may be late."""
    p, nomor = pipeline(validator_review="manual", standin=False), f"{OPD}-T-2"
    p.start("validator", "projector")
    submit(p, nomor, perihal=None)
    assert late(await_told(p, nomor, "check.completed", 1)[0]) == {("PA20-E-207", "/perihal"): False}
    submit(p, nomor, revisi=2)
    assert give_back(p, nomor, 3, 2, "/perihal", "/nomor_surat", "/tidak_ada") == {
        (NOTE, "/perihal"): False, (NOTE, "/nomor_surat"): True, (NOTE, "/tidak_ada"): True}


def test_held_forms_come_one_after_the_other(pipeline):
    """Three revisi that came in the wrong order, in one batch, are remembered each for itself."""
    p, nomor = pipeline(standin=False), f"{OPD}-T-3"
    for revisi, changes in ((3, {"perihal": None, "versi": 1}), (2, {"versi": 1}), (1, {"perihal": None, "versi": None})):
        submit(p, nomor, revisi=revisi, **changes)
    p.start("validator", "projector")
    checks = await_told(p, nomor, "check.completed", 3)
    assert [(c["revisi"], c["putusan"]) for c in checks] == [(r, "dikembalikan") for r in (1, 2, 3)]
    assert not any(late(c)[found] for c in checks for found in late(c))
    assert p.terminate("validator") == 0
    p.start("validator", validator_review="manual")
    submit(p, nomor, revisi=4, versi=None, uraian_fungsi="Uraian fungsi yang sudah diperbaiki")
    # /versi is as it was in the first alone, /perihal as in the second
    assert give_back(p, nomor, 5, 4, "/versi", "/perihal", "/uraian_fungsi") == {
        (NOTE, "/versi"): True, (NOTE, "/perihal"): True, (NOTE, "/uraian_fungsi"): False}


def test_changed_rules(pipeline, tmp_path):
    """By the same rules the system tells all there is; by others it may find what stood there all the time."""
    p, nomor, other = pipeline(standin=False), f"{OPD}-T-4", f"{OPD}-T-5"
    p.start("validator", "projector")
    for number in (nomor, other):
        submit(p, number, perihal=None, versi="1.0")
        assert late(await_told(p, number, "check.completed", 1)[0]) == {("PA20-E-207", "/perihal"): False}
    # an address becomes compulsory by what else was changed: absent before and now, and yet nothing could be seen
    submit(p, other, revisi=2, ip_publik=None, aplikasi_internal=True, perihal=None)
    await_told(p, other, "check.completed", 2)
    submit(p, other, revisi=3, ip_publik=None, aplikasi_internal=False)
    assert late(await_told(p, other, "check.completed", 3)[2]) == {("PA20-E-242", "/ip_publik"): False}
    assert p.terminate("validator") == 0
    copy = changed(tmp_path, "forms/pa20.schema.json", '"perihal": {"$ref": "#/$defs/teks", "minLength": 5',
                   '"perihal": {"$ref": "#/$defs/teks", "minLength": 200')
    form = copy / "forms/pa20.schema.json"
    text = form.read_text(encoding="utf-8").replace('"versi": {"type": "string", "maxLength": 30}', '"versi": {"type": "string", "maxLength": 2}')
    form.write_text(text, encoding="utf-8")
    p.start("validator", sop_schemas=copy)
    submit(p, nomor, revisi=2, versi="1.0", tls_berlaku_sampai=harness.day(-1))
    assert late(await_told(p, nomor, "check.completed", 2)[1]) == {
        ("PA20-E-007", "/perihal"): False, ("PA20-E-032", "/versi"): True, ("PA20-E-343", "/tls_berlaku_sampai"): False}
    assert counted(p, "sistem") == 1 and counted(p, "pemeriksa") == 0


def test_what_bedelau_refused(pipeline):
    """In a later round an officer passes on what only Bedelau could see. A form that an officer accepted is remembered too."""
    p, nomor = pipeline(**FAST, validator_review="manual"), f"{OPD}-T-6"
    p.start(*harness.WORKERS)
    p.faults(seed=1, rules=[{"nomor": nomor, "sequence": ["422", "422"]}], retry_after_s=1)
    for revisi, place in ((1, "/url_api"), (2, "/versi")):
        before = 4 * (revisi - 1)
        submit(p, nomor, revisi=revisi)
        await_told(p, nomor, "check.completed", before + 1)
        review(p, nomor, "diterima", revisi, 1)
        check = await_told(p, nomor, "check.completed", before + 3)[-1]
        assert (check["revisi"], check["putaran"], check["putusan"]) == (revisi, 2, "menunggu_pemeriksa")
        assert give_back(p, nomor, before + 4, revisi, place, putaran=2) == {(NOTE, place): False}
    submit(p, nomor, revisi=3)
    assert give_back(p, nomor, 10, 3, "/versi", "/url_produksi") == {(NOTE, "/versi"): False, (NOTE, "/url_produksi"): True}


def test_accepted_at_once(pipeline):
    """Nobody returned it, and it costs nothing."""
    p, nomor = pipeline(standin=False), f"{OPD}-T-8"
    p.start("validator", "projector")
    submit(p, nomor)
    assert await_told(p, nomor, "check.completed", 1)[0]["putusan"] == "diterima"
    assert remembered(p, nomor) is None


@needs_pdf
def test_a_document_that_was_not_checked(checking, store):  # noqa: F811
    """What a document is could have been said when it was named first, had it been looked at."""
    page, empty = b"<html>bukan surat</html>", b"kosong"
    store.down = (503, b"", {})
    p, nomor = checking(store, attachments_hold="200ms"), f"{OPD}-T-7"
    submit(p, nomor, perihal=None, lampiran=papers(page, page))
    first = late(await_told(p, nomor, "check.completed", 2)[1])
    assert first == {("PA20-E-207", "/perihal"): False, **{(UNCHECKED, f"/lampiran/{i}"): False for i in range(3)}}
    store.holds(*(d for d in (page, empty, LETTER, API)))
    store.down = None
    submit(p, nomor, revisi=2, lampiran=papers(page, empty, nama_berkas="lain.pdf"))
    assert late(await_told(p, nomor, "check.completed", 4)[3]) == {
        ("PA20-E-124", "/lampiran/0"): True, ("PA20-E-124", "/lampiran/1"): False}
