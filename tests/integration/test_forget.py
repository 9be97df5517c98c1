"""What is to be forgotten is gone from every table, topic, log and attachment; the rest of the record stands."""
import contextlib
import hashlib
import json

import confluent_kafka.admin
import harness
import psycopg2
import pytest
from harness import OPD, event, eventually

NAME, NIP, MAIL, PHONE = "Zuraida Terlupakan", "197711201995121001", "zuraida.terlupakan@batam.go.id", "+628117777123"
PERSON = {"nama_pemohon": NAME, "nip_pemohon": NIP, "email_pemohon": MAIL, "telepon_pemohon": PHONE}
NEEDLES = [NAME, NIP, MAIL, PHONE, "Zuraida"]
GONE, RETURNED, OPEN, OTHER = (f"{OPD}-F-{i}" for i in range(4))
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


def tables(p):
    return [r["table_name"] for r in p.rows("select table_name from information_schema.tables where table_schema = %s and"
                                            " table_type = 'BASE TABLE'", p.schema)]


def rows_with(p, needles):
    """Where a needle stands, as text or as bytes."""
    found = []
    for table in tables(p):
        for needle in needles:
            hexed = needle.encode().hex()
            if p.one(f'select count(*) from "{table}" t where position(%s in t::text) > 0 or position(%s in t::text) > 0', needle,
                     hexed):
                found.append((table, needle))
    return found


def of_subject(p, nomor):
    return p.rows("select type, data from event where subject = %s order by seq", nomor)


def held(p, topic):
    """How many records a topic holds."""
    with contextlib.closing(confluent_kafka.Consumer({"bootstrap.servers": p.servers, "group.id": "held", "log_level": 0})) as c:
        name = f"{p.prefix}.{topic}"
        ends = [c.get_watermark_offsets(confluent_kafka.TopicPartition(name, n), timeout=30)
                for n in c.list_topics(name, timeout=30).topics[name].partitions]
    return sum(high - low for low, high in ends)


def form_of(p, nomor):
    return p.one("select data from event where subject = %s and type = %s", nomor, harness.TYPE.format("request.submitted"))


def forget_in_topics(p, *topics):
    """The topics keep their records for a second."""
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": p.servers})
    for topic in topics:
        name = f"{p.prefix}.{topic}"
        res = confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ConfigResource.Type.TOPIC, name,
                                                   {"retention.ms": "1000", "segment.ms": "1000", "cleanup.policy": "delete"})
        for done in admin.alter_configs([res]).values():
            done.result(30)
    for topic in topics:
        eventually(lambda t=topic: held(p, t), lambda n: n == 0, 90, f"nothing left in {topic}")


@pytest.fixture
def p(pipeline):
    p = pipeline(**harness.FAST)
    p.start(*harness.WORKERS)
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
    harness.review(p, RETURNED, "dikembalikan", catatan=[f"Kata {NAME}"])  # refused, and kept as a fact
    p.send("requests", event("request.withdrawn", RETURNED, {"alasan": f"{NAME} tidak jadi"}))
    p.flush()
    p.await_status(RETURNED, "dibatalkan")
    p.await_quiet()
    return p


def test_forget(p):
    assert {t for t, n in rows_with(p, NEEDLES)} >= {"event", "document"}
    told = {n: p.request(n) for n in (GONE, RETURNED, OTHER)}
    facts = {n: [e["type"] for e in of_subject(p, n)] for n in (GONE, RETURNED)}

    refused = p.ctl_run("forget", OPEN, "--reason", "permintaan")
    assert refused.returncode == 1 and "only what has ended" in refused.stderr
    assert p.ctl_run("forget", "TIDAK-ADA", "--reason", "permintaan").returncode == 1
    assert p.ctl_run("forget", GONE).returncode == 64
    assert json.loads(p.ctl("forget", GONE, "--reason", "permintaan", "--json"))["documents"] == 1
    p.ctl("forget", RETURNED, "--reason", "permintaan")
    p.send("requests", event("request.withdrawn", OPEN, {"alasan": "tidak jadi"}))
    p.flush()
    p.await_status(OPEN, "dibatalkan")
    p.await_quiet()
    assert json.loads(p.ctl("purge", "--older-than", "1d", "--json"))["old"] == 0
    assert json.loads(p.ctl("purge", "--older-than", "0s", "--dry-run", "--json"))["old"] == 2
    p.rows("update request set updated_at = updated_at - interval '2 days' where nomor_permohonan = %s", OPEN)
    assert json.loads(p.ctl("purge", "--older-than", "1d", "--json")) == {"old": 1, "forgotten": 1, "left": 0, "documents": 0}
    p.ctl("rebuild")  # the clock that this test turned back

    assert rows_with(p, NEEDLES) == []
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

    comes_back_from_the_topics_without_it(p, told)
    in_no_log_and_no_topic(p)


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
    assert rows_with(p, NEEDLES) == []
    assert verified(p)["forgotten"] > 0


def in_no_log_and_no_topic(p):
    for log in p.folder.glob("*.log"):
        text = log.read_text(encoding="utf-8", errors="replace")
        assert not [n for n in NEEDLES if n in text], log
    for m in p.read("status"):
        assert not [n for n in NEEDLES if n.encode() in (m.value() or b"")]
    forget_in_topics(p, "requests", "reviews", "callbacks", "checks", "integrations", "deadlines")
