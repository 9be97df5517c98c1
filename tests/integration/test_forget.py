"""What is to be forgotten is gone from every table, topic, log and attachment; the rest of the record stands."""
import base64
import hashlib
import json
import re
import urllib.parse

import confluent_kafka.admin
import harness
import psycopg2
import pytest
from harness import OPD, event, eventually, let_topics_go

NAME, NIP, MAIL, PHONE = "Zuraida Terlupakan", "197711201995121001", "zuraida.terlupakan@batam.go.id", "+628117777123"
# as both of the people whom a form names: the technical contact's mail is sent to Bedelau
PERSON = {"nama_pemohon": NAME, "nip_pemohon": NIP, "email_pemohon": MAIL, "telepon_pemohon": PHONE,
          "nama_pj_teknis": NAME, "nip_pj_teknis": NIP, "email_pj_teknis": MAIL, "telepon_pj_teknis": PHONE}
NEEDLES = [NAME, NIP, MAIL, PHONE, "Zuraida", "zuraida.t", PHONE[1:]]
GONE, RETURNED, OPEN, OTHER, HELD = (f"{OPD}-F-{i}" for i in range(5))
PROGRAMS = (*harness.WORKERS, "gateway")
SHARED, OWN = b"%PDF-1.7 shared", f"%PDF-1.7 of {NAME}".encode()


def paper(data, name):
    return {"jenis": "surat_pengajuan", "nama_berkas": name, "mime": "application/pdf", "ukuran": len(data),
            "sha256": hashlib.sha256(data).hexdigest(), "uri": f"urn:sha256:{hashlib.sha256(data).hexdigest()}"}


def papers(*pairs):
    rest = [q for q in harness.FORM["lampiran"] if q["jenis"] != "surat_pengajuan"]
    return [paper(d, n) for d, n in pairs] + rest


def store(p, data):
    digest = hashlib.sha256(data).digest()
    p.rows("insert into document (sha256, size, mime, data) values (%s, %s, 'application/pdf', %s)", psycopg2.Binary(digest),
           len(data), psycopg2.Binary(data))
    p.rows("insert into document_owner values (%s, %s)", psycopg2.Binary(digest), OPD)


def written(needle):
    """A text as it may be written: plain, in hex (bytes as Postgres shows them), in base64, in a URL, escaped in JSON."""
    raw = needle.encode()
    b64 = [base64.b64encode(b"\0" * i + raw)[4 * (i > 0):].decode().rstrip("=")[:-1] for i in range(3)]
    return [needle, raw.hex(), *b64, urllib.parse.quote(needle, safe=""), urllib.parse.quote_plus(needle), "".join(f"\\u{ord(c):04x}" for c in needle)]


EVERY_WAY = {w for n in NEEDLES for w in written(n)}


def columns(p):
    """Every column of every table, partitions and all."""
    return p.rows("select t.table_name as t, c.column_name as c from information_schema.tables t join information_schema.columns c using"
                  " (table_schema, table_name) where t.table_schema = %s and t.table_type = 'BASE TABLE'", p.schema)


def rows_with(p):
    """The columns in which something of the person stands, written in any way."""
    found = set()
    pattern = "|".join(re.escape(w) for w in sorted(EVERY_WAY))
    for col in columns(p):
        if p.one(f'select exists (select from "{col["t"]}" where "{col["c"]}"::text ~* %s)', pattern):
            found.add((col["t"], col["c"]))
    return found


def of_subject(p, nomor):
    return p.rows("select type, data from event where subject = %s order by seq", nomor)


def form_of(p, nomor):
    return p.one("select data from event where subject = %s and type = %s", nomor, harness.TYPE.format("request.submitted"))


def topics(p):
    found = confluent_kafka.admin.AdminClient({"bootstrap.servers": p.servers}).list_topics(timeout=30).topics
    return sorted(t.removeprefix(p.prefix + ".") for t in found if t.startswith(p.prefix + "."))


def in_topic(p, topic):
    """What of the person stands in the records of a topic: key, value, headers."""
    lower = {w.lower().encode() for w in EVERY_WAY}
    raws = [b"\0".join([m.key() or b"", m.value() or b"", *(v or b"" for _, v in m.headers() or [])]).lower() for m in p.read(topic)]
    return [w for w in lower for raw in raws if w in raw]


def say_it_everywhere(p):
    """The person stands wherever a person can come to stand."""
    token = p.ctl("token", "create", "--opd", OPD).strip()
    body = json.dumps({k: v for k, v in harness.form("x", **PERSON, nama_sistem="Sistem lewat gerbang").items() if k != "nomor_permohonan"})
    status, answer = harness.http(f"http://127.0.0.1:{p.ports['gateway']}/v1/requests", "POST", body.encode(), {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "kunci-1"})
    assert status == 202, answer
    p.by_gateway = json.loads(answer)["nomor_permohonan"]
    p.await_status(p.by_gateway, "selesai")
    harness.review(p, RETURNED, "dikembalikan", catatan=[f"Kata {NAME}"])  # refused, and kept as a fact
    p.submit(RETURNED, revisi=3, **PERSON)  # before its turn
    p.submit(HELD, revisi=2, **PERSON)
    p.send("callbacks", event("callback.received", GONE, {"id_integrasi": "b-x", "status": "diproses", "urutan": 1, "waktu": harness.now(),
                                                          "alasan": f"menunggu {NAME}"}, source="/bedelau/gateway"))
    p.submit(GONE, id="sekali", **PERSON)
    p.submit(GONE, id="sekali", **PERSON, perihal="Isi lain dengan pengenal yang sama")  # ID_REUSED: a dead letter
    p.send("requests", f'{{"nama": "{NAME}", "tidak utuh', key=GONE)  # no JSON: another
    p.flush()
    eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n >= 2, what="dead letters")
    eventually(lambda: p.one("select count(*) from pemeriksaan_tahan"), lambda n: n == 2, what="forms that are held")
    p.rows("update attempt_integrator set error = %s where key like %s", f"kata Bedelau: {MAIL}", f"{GONE}:%")


@pytest.fixture
def p(pipeline):
    p = pipeline(**harness.FAST, log_level="debug")
    p.start(*PROGRAMS)
    store(p, SHARED)
    store(p, OWN)
    p.submit(GONE, **PERSON, lampiran=papers((SHARED, "umum.pdf"), (OWN, f"surat {NAME}.pdf")), perihal=f"Permohonan {NAME}")
    p.submit(OTHER, lampiran=papers((SHARED, "umum.pdf")))
    p.submit(RETURNED, **PERSON, tipe_lisensi="x")
    p.submit(OPEN, **PERSON, tipe_lisensi="x")
    p.flush()
    p.await_status(GONE, "selesai")
    p.await_status(RETURNED, "dikembalikan")
    p.await_status(OPEN, "dikembalikan")
    say_it_everywhere(p)
    p.send("requests", event("request.withdrawn", RETURNED, {"alasan": f"{NAME} tidak jadi"}))
    p.flush()
    p.await_status(RETURNED, "dibatalkan")
    p.await_quiet()
    return p


def test_forget(p):
    found = rows_with(p)
    assert {t for t, _ in found} >= {"document", "pemeriksaan_tahan", "integration_body", "attempt_integrator"}
    assert any(t.startswith("event") and c == "data" for t, c in found)
    assert all(in_topic(p, t) for t in ("requests", "reviews", "callbacks", "dead-letters"))
    told = {n: p.request(n) for n in (GONE, RETURNED, OTHER)}
    facts = {n: [e["type"] for e in of_subject(p, n)] for n in (GONE, RETURNED)}

    refused = p.ctl_run("forget", OPEN, "--reason", "permintaan")
    assert refused.returncode == 1 and "only what has ended" in refused.stderr
    assert p.ctl_run("forget", "TIDAK-ADA", "--reason", "permintaan").returncode == 1
    assert p.ctl_run("forget", GONE).returncode == 64
    said = [p.ctl("forget", GONE, "--reason", "permintaan", "--json")]
    assert json.loads(said[0])["documents"] == 1
    said += [p.ctl("forget", n, "--reason", "permintaan") for n in (RETURNED, p.by_gateway)]
    p.send("requests", event("request.withdrawn", OPEN, {"alasan": "tidak jadi"}))
    p.submit(HELD)  # its turn comes: the one that was held is judged, and goes
    p.flush()
    p.await_status(OPEN, "dibatalkan")
    p.send("requests", event("request.withdrawn", HELD, {"alasan": "tidak jadi"}))
    p.flush()
    eventually(lambda: p.request(HELD)["giliran"], lambda g: g == "selesai", what="its end")
    p.await_quiet()
    assert json.loads(p.ctl("purge", "--older-than", "1d", "--json"))["old"] == 0
    assert json.loads(p.ctl("purge", "--older-than", "0s", "--dry-run", "--json"))["old"] == 3
    p.rows("update request set updated_at = updated_at - interval '2 days' where nomor_permohonan = any(%s)", [OPEN, HELD])
    assert json.loads(p.ctl("purge", "--older-than", "1d", "--json")) == {"old": 2, "forgotten": 2, "left": 0, "documents": 0}
    said.append(p.ctl("rebuild"))  # the clock that this test turned back

    assert rows_with(p) == set()
    assert p.one("select count(*) from document where sha256 = %s", psycopg2.Binary(hashlib.sha256(SHARED).digest())) == 1
    # the skeleton stays: every fact, the row and its findings by code; the other request is whole
    assert {n: [e["type"] for e in of_subject(p, n)] for n in facts} == facts
    form = json.loads(form_of(p, GONE))
    assert form["nama_sistem"] == f"Sistem {GONE}" and form["dilupakan"] is True and "perihal" not in form
    for nomor, before in told.items():
        now = p.request(nomor)
        assert {k: v for k, v in now.items() if k not in ("temuan", "fakta")} == {k: v for k, v in before.items() if k not in ("temuan", "fakta")}
        codes = [t["kode"] for t in json.loads(before["temuan"])]
        assert [t["kode"] for t in json.loads(now["temuan"])] == codes
    assert harness.FORM["nama_pemohon"] in form_of(p, OTHER)
    proof = verified(p)
    assert proof["forgotten"] > 0 and proof["masked"] == 0
    assert {(r["action"], r["subject"]) for r in p.rows("select action, subject from audit_log")} >= {
        ("forget", GONE), ("forget", RETURNED), ("forget", OPEN), ("purge", None)}

    sent_once_more(p)
    read_once_more(p)
    comes_back_from_the_topics_without_it(p, told)
    said.append(p.ctl("rebuild"))
    assert rows_with(p) == set()
    in_no_log_and_no_topic(p, said)
    assert rows_with(p) == set()


def sent_once_more(p):
    """By their sender, and out of the dead letters; every program has been started again."""
    for name in PROGRAMS:
        p.terminate(name)
    p.start(*PROGRAMS)
    p.submit(GONE, **PERSON, perihal=f"Permohonan {NAME}")
    p.submit(RETURNED, revisi=2, **PERSON)
    p.send("requests", event("request.withdrawn", GONE, {"alasan": f"{NAME} tidak jadi"}))
    p.flush()
    p.ctl("dlq", "replay", *(str(r["id"]) for r in p.rows("select id from dead_letter")), "--json")
    p.await_quiet()
    assert rows_with(p) == set()


def read_once_more(p):
    """All topics, from their beginning, by every worker."""
    for name in PROGRAMS:
        p.terminate(name)
    p.rows("update consumer_offset set next_offset = null, last_timestamp = null, last_hash = null")
    p.start(*PROGRAMS)
    p.await_quiet()
    assert rows_with(p) == set()


def verified(p):
    done = p.ctl_run("verify", "--topics", "--json")
    proof = json.loads(done.stdout)
    assert proof["same"] and done.returncode == 0, proof
    return proof


def comes_back_from_the_topics_without_it(p, told):
    """The database is lost but for what was to be forgotten; the topics still hold everything."""
    p.terminate("projector")
    for table in ("event", "event_id", "event_copy", "request", "clock", "rekap"):
        p.rows(f"truncate {table}")
    p.rows("update consumer_offset set next_offset = null, last_timestamp = null, last_hash = null where consumer_group like '%%-projector'")
    p.start("projector")
    p.await_quiet()
    for nomor, before in told.items():
        assert p.request(nomor)["status"] == before["status"]
    assert rows_with(p) == set()
    assert verified(p)["forgotten"] > 0


def in_no_log_and_no_topic(p, said):
    """Nor in what the commands printed. The status topic is compacted and keeps its records for ever; the others let go of theirs."""
    logs = list(p.folder.glob("*.log"))
    assert {log.stem for log in logs} >= set(PROGRAMS)
    for text in (*(log.read_text(encoding="utf-8", errors="replace") for log in logs), *said):
        assert not [w for w in EVERY_WAY if w.lower() in text.lower()]
    assert in_topic(p, "status") == [] and len(p.read("status")) > 0
    let_topics_go(p, [t for t in topics(p) if t != "status"])
    assert [(t, in_topic(p, t)) for t in topics(p) if in_topic(p, t)] == []
