"""The rules of form PA.20 where they meet the world: the day in WIB, the record, the operator's commands, a broken set."""
import datetime
import hashlib
import json
import shutil
import subprocess

import pytest

import harness
from harness import OPD, WIB, event, form

SCHEMAS = harness.ROOT / "schemas"
CASES = harness.ROOT / "tests/cases/pa20"


def findings(p, nomor):
    return {(t["kode"], t["lokasi"]) for c in p.checks(nomor) for t in c["temuan"]}


def changed(folder, file, old, new):
    """A copy of all schemas in which one file differs."""
    copy = folder / "schemas"
    shutil.copytree(SCHEMAS, copy)
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return copy


def ctl(*words, env=None):
    return subprocess.run([harness.BIN / "bedelauctl", *words], env=env or {"PATH": "/usr/bin:/bin"}, capture_output=True,
                          text=True, timeout=60, check=False)


# ---- the pipeline


def test_the_day_turns_at_midnight_in_wib(pipeline):
    p = pipeline(standin=False)
    p.start("validator", "projector")
    midnight = datetime.datetime.now(WIB).replace(hour=0, minute=0, second=0, microsecond=0)
    letter = midnight.date().isoformat()
    times = {f"{OPD}-R-1": midnight - datetime.timedelta(milliseconds=1), f"{OPD}-R-2": midnight}
    for nomor, time in times.items():
        p.send("requests", event("request.submitted", nomor, form(nomor, tanggal_surat=letter),
                                 time=time.astimezone(datetime.timezone.utc).isoformat()))
    p.flush()
    p.await_status(f"{OPD}-R-1", "dikembalikan")
    p.await_status(f"{OPD}-R-2", "diterima")
    assert findings(p, f"{OPD}-R-1") == {("PA20-E-306", "/tanggal_surat")}
    assert findings(p, f"{OPD}-R-2") == set()


def test_envelope_table_and_other_members(pipeline):
    p = pipeline(standin=False)
    p.start("validator", "projector")
    nomor = f"{OPD}-R-3"
    p.send("requests", event("request.submitted", nomor, form(
        nomor, nomor_permohonan=f"{OPD}-R-LAIN", nama_opd="Dishub", jabatan_pemohon="kabid_egov", dasar_pengajuan="nota_dinas",
        url_uji=harness.FORM["url_produksi"], tls_berlaku_sampai=harness.day(-1), tahun_pembangunan=2100), revisi=2))
    p.flush()
    p.await_status(nomor, "dikembalikan")
    assert findings(p, nomor) == {
        ("PA20-E-301", "/nomor_permohonan"), ("PA20-W-302", "/revisi"), ("PA20-W-010", "/nama_opd"),
        ("PA20-E-107", "/jabatan_pemohon"), ("PA20-E-330", "/url_uji"), ("PA20-E-343", "/tls_berlaku_sampai"),
        ("PA20-E-333", "/tahun_pembangunan")}


def test_the_envelope_of_a_form_that_waited(pipeline):
    """What the envelope says of its revisi is kept while a form waits for its turn."""
    p, nomor = pipeline(standin=False), f"{OPD}-R-5"
    p.start("validator", "projector")
    p.send("requests", event("request.submitted", nomor, form(nomor, revisi=2), revisi=3))
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from pemeriksaan_tahan"), lambda n: n == 1, what="a form held")
    p.submit(nomor, perihal=None)
    p.flush()
    check = harness.eventually(lambda: p.checks(nomor), lambda got: len(got) == 2, what="both checks")[1]
    assert (check["revisi"], {(t["kode"], t["lokasi"]) for t in check["temuan"]}) == (2, {("PA20-W-302", "/revisi")})


def test_the_record_keeps_no_credential(pipeline):
    p = pipeline(standin=False)
    p.start("validator", "projector")
    nomor, value = f"{OPD}-R-4", "rahasia-9f31c2"
    data = json.dumps({**form(nomor), "akses": [{"accessToken": value}], "nik": value, "catatan": "ya"})
    head = event("request.submitted", nomor, None)
    del head["data"]
    p.send("requests", json.dumps(head)[:-1] + f', "data": {data}}}', key=nomor)
    p.flush()
    p.await_status(nomor, "dikembalikan")
    assert {("PA20-E-109", "/akses/0/accessToken"), ("PA20-E-109", "/nik"), ("PA20-W-109", "/akses"),
            ("PA20-W-109", "/catatan")} == findings(p, nomor)
    row = p.rows("select data, data_hash from event where subject = %s and type like %s", nomor, "%request.submitted%")[0]
    assert value not in row["data"]
    assert row["data"] == data.replace(f'"{value}"', '"***"')
    assert bytes(row["data_hash"]) == hashlib.sha256(data.encode()).digest()
    p.await_quiet()
    told = [m.value().decode() for topic in ("checks", "status") for m in p.read(topic)]
    assert told and all(value not in text for text in told)
    assert all(value not in p.log(name) for name in ("validator", "projector"))


# ---- a changed rule set


def test_rules_diff(pipeline, tmp_path):
    p = pipeline(standin=False)
    p.start("validator", "projector")
    for n, changes in enumerate(({}, {"perihal": "Izin"}, {"perihal": None})):
        p.submit(f"{OPD}-R-1{n}", **changes)
    p.flush()
    for n, status in enumerate(("diterima", "dikembalikan", "dikembalikan")):
        p.await_status(f"{OPD}-R-1{n}", status)
    p.submit(f"{OPD}-R-11", revisi=2, perihal="Isi")
    p.flush()
    harness.eventually(lambda: p.request(f"{OPD}-R-11"), lambda r: r["revisi"] == 2 and r["status"] == "dikembalikan")
    p.await_quiet()
    same = json.loads(p.ctl("rules", "diff", "--rules", str(SCHEMAS / "forms"), "--json"))
    assert (same["diperiksa"], same["berbeda"]) == (3, []) and same["berjalan"] == same["baru"] == p.checks(f"{OPD}-R-10")[0]["aturan"]

    copy = changed(tmp_path, "forms/pa20.schema.json", '"perihal": {"$ref": "#/$defs/teks", "minLength": 5', '"perihal": {"$ref": "#/$defs/teks", "minLength": 3')
    rules = copy / "forms/pa20.rules.json"
    rules.write_text(rules.read_text(encoding="utf-8").replace('"hari": 90', '"hari": 3'), encoding="utf-8")
    got = json.loads(p.ctl("rules", "diff", "--rules", str(copy / "forms"), "--json"))
    assert got["baru"] != got["berjalan"]
    old = {"kode": "PA20-W-006", "lokasi": "/tanggal_surat"}
    assert got["berbeda"] == [
        {"nomor_permohonan": f"{OPD}-R-10", "status": "diterima", "semula": "diterima", "menjadi": "diterima", "hilang": [], "baru": [old]},
        {"nomor_permohonan": f"{OPD}-R-11", "status": "dikembalikan", "semula": "dikembalikan", "menjadi": "diterima",
         "hilang": [{"kode": "PA20-E-007", "lokasi": "/perihal"}], "baru": [old]},
        {"nomor_permohonan": f"{OPD}-R-12", "status": "dikembalikan", "semula": "dikembalikan", "menjadi": "dikembalikan", "hilang": [], "baru": [old]}]
    text = p.ctl("rules", "diff", "--rules", str(copy / "forms"))
    assert f"{OPD}-R-11  dikembalikan  dikembalikan -> diterima\n    - PA20-E-007 /perihal\n    + PA20-W-006 /tanggal_surat\n" in text
    assert "3 open requests, 3 judged otherwise" in text and "Isi" not in text


def test_a_number_beyond_a_double(pipeline):
    """The largest exponent that is taken: one such form hides neither its own story nor the other requests."""
    p = pipeline(standin=False)
    p.start("validator", "projector")
    huge, plain = f"{OPD}-R-20", f"{OPD}-R-21"
    e = event("request.submitted", huge, form(huge, kuota=[12345678901]))
    p.send("requests", json.dumps(e).replace("12345678901", "1e9999"), key=huge)
    p.submit(plain)
    p.flush()
    p.await_status(huge, "dikembalikan")  # beyond a double too: no number that the form may have
    p.await_status(plain, "diterima")
    p.await_quiet()
    assert "1e9999" in p.one("select data from event where id = %s", e["id"])
    found = [t["kode"] for t in p.checks(huge)[0]["temuan"]]
    assert found
    got = json.loads(p.ctl("rules", "diff", "--rules", str(SCHEMAS / "forms"), "--json"))
    assert (got["diperiksa"], got["berbeda"]) == (2, [])
    told = json.loads(p.ctl("status", huge, "--timeline", "--json"))["timeline"]
    assert {t["peristiwa"] for t in told} >= {"request.submitted", "check.completed"}
    assert [t["kode"] for fact in told for t in fact["temuan"] or []] == found


def test_rules_test(tmp_path):
    done = ctl("rules", "test", str(CASES))
    assert done.returncode == 0 and done.stdout.split()[1:4] == ["passed,", "0", "failed"], done.stdout
    assert int(done.stdout.split()[0]) == len(list(CASES.rglob("*.json")))
    copy = changed(tmp_path, "forms/pa20.rules.json", '"hari": 90', '"hari": 91')
    done = ctl("rules", "test", str(CASES), "--rules", str(copy / "forms"))
    assert done.returncode == 1
    assert f"{CASES}/good/006-91-hari.json: missing PA20-W-006 /tanggal_surat" in done.stdout
    assert done.stdout.splitlines()[-1].split()[2:4] == ["1", "failed"]
    done = ctl("rules", "test", str(CASES), "--rules", str(copy / "forms"), "--json")
    assert [k["berkas"] for k in json.loads(done.stdout)["kasus"]] == [f"{CASES}/good/006-91-hari.json"]
    empty = tmp_path / "kosong"
    empty.mkdir()
    assert ctl("rules", "test", str(empty)).returncode == 1
    assert ctl("rules", "test").returncode == ctl("rules", "diff").returncode == 64
    assert ctl("rules", "test", str(tmp_path / "tidak-ada")).returncode == 78


@pytest.mark.parametrize("file, old, new, words", [
    ("forms/pa20.schema.json", '"minLength": 5', '"minLength": -5', ["pa20.schema.json#/properties/perihal/minLength"]),
    ("forms/pa20.notes.schema.json", '"pattern": "', '"pattern": "(', ["pa20.notes.schema.json#/", "pattern"]),
    ("forms/pa20.rules.json", "sama_dengan_subjek", "sama_dengan", ["pa20.rules.json", "aturan[0]", "PA20-E-301"]),
    ("forms/pa20.findings.json", "PA20-E-002", "PA20-E-001", ["pa20.findings.json", "PA20-E-001"]),
    ("data/opd.csv", "nama_opd", "nama", ["opd.csv line 1"]),
])
def test_a_broken_set_ends_the_program(pipeline, tmp_path, file, old, new, words):
    copy = changed(tmp_path, file, old, new)
    p = pipeline(standin=False)
    p.start("validator", wait=False, sop_schemas=copy)
    assert p.procs.pop("validator").wait(timeout=60) == 78
    for word in words:
        assert word in p.log("validator")
    done = ctl("rules", "test", str(CASES), "--rules", str(copy / "forms"))
    assert done.returncode == 78
    for word in words:
        assert word in done.stderr


def test_how_forms_were_read(pipeline):
    """Good forms and those with notes by rule are proved in one pass; the first of them is compared with the full engine."""
    p = pipeline(standin=False)
    p.start("validator", "projector")
    p.submit(f"{OPD}-RF-1")
    p.submit(f"{OPD}-RF-2", tahun_pembangunan=1990)
    p.submit(f"{OPD}-RF-3", tanggal_surat="2020-01-31")  # a note of a rule by name, none of a schema
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from event where type like '%%.check.completed.v1'"), lambda n: n == 3,
                       what="three checks")
    assert findings(p, f"{OPD}-RF-3") == {("PA20-W-006", "/tanggal_surat")}
    text = harness.http(f"http://127.0.0.1:{p.ports['validator']}/metrics")[1].decode()
    got = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("bedelau_forms_"))
    assert (got['bedelau_forms_read_total{way="single_pass"}'], got['bedelau_forms_read_total{way="full"}']) == ("2", "1"), got
    assert (got["bedelau_forms_compared_total"], got["bedelau_forms_compared_differ_total"]) == ("1", "0"), got
