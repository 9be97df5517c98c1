"""A record that can never be used goes to the dead letters with its bytes untouched, once, and the next one flows."""
import json

import harness
import pytest
from harness import OPD, event, form

GOOD = json.dumps(event("request.submitted", f"{OPD}-X-0", form(f"{OPD}-X-0"))).encode()


def envelope(**changes):
    e = {**event("request.submitted", f"{OPD}-X-1", {"revisi": 1}), **changes}
    return json.dumps({k: v for k, v in e.items() if v is not None}).encode()


def deep(levels):
    return GOOD[:-1].replace(b'"data": {', b'"data": {"dalam": ' + b"[" * levels + b"]" * levels + b", ", 1) + b"}"


BAD = {
    "no JSON": (b"halo", "BAD_EVENT"),
    "empty": (b"", "BAD_EVENT"),
    "null": (None, "BAD_EVENT"),
    "no object": (b"[1,2]", "BAD_EVENT"),
    "no CloudEvent": (b'{"nomor_permohonan":"X-1"}', "BAD_EVENT"),
    "specversion 0.3": (envelope(specversion="0.3"), "BAD_EVENT"),
    "without subject": (envelope(subject=None), "BAD_EVENT"),
    "without id": (envelope(id=None), "BAD_EVENT"),
    "subject no number": (envelope(subject="bukan nomor"), "BAD_SUBJECT"),
    "time no time": (envelope(time="kemarin"), "BAD_EVENT"),
    "source of nobody": (envelope(source="/lain/1"), "BAD_SOURCE"),
    "a decision where forms come": (envelope(type=harness.TYPE.format("check.completed")), "BAD_SOURCE"),
    "data missing": (envelope(data=None), "BAD_DATA"),
    "data a text": (envelope(data="x"), "BAD_DATA"),
    "no revisi": (envelope(data={"a": 1}), "BAD_DATA"),
    "revisi a text": (envelope(data={"revisi": "1"}), "BAD_DATA"),
    "raw NUL": (GOOD.replace(b"Sistem", b"Sis\0tem", 1), "BAD_EVENT"),
    "escaped NUL": (GOOD.replace(b"Sistem", b"Sis\\u0000tem", 1), "BAD_EVENT"),
    "duplicate keys": (GOOD.replace(b'"revisi": 1', b'"revisi": 1, "revisi": 2', 1), "BAD_EVENT"),
    "duplicate keys, escaped": (GOOD.replace(b'"revisi": 1', b'"revisi": 1, "r\\u0065visi": 2', 1), "BAD_EVENT"),
    "300 levels": (deep(300), "BAD_EVENT"),
    "invalid UTF-8": (GOOD.replace(b"Sistem", b"Sis\xff\xfetem", 1), "BAD_EVENT"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "BAD_EVENT"),
    "lone surrogate": (GOOD.replace(b"Sistem", b"Sis\\ud800tem", 1), "BAD_EVENT"),
    "cut short": (GOOD[:-20], "BAD_EVENT"),
    "2 MB of junk": (b"x" * 2_000_000, "BAD_EVENT"),
}


def header(m, name):
    return dict(m.headers() or [])[name].decode()


@pytest.mark.parametrize("topic, judge", [("requests", "validator"), ("reviews", "validator"),
                                          ("callbacks", "integrator")])
def test_dead_letters(pipeline, topic, judge):
    p = pipeline()
    p.start(*harness.WORKERS)
    fits_here = topic == "requests"
    cases = {name: case for name, case in BAD.items() if fits_here or case[1] == "BAD_EVENT"}
    for n, (name, (value, _)) in enumerate(cases.items()):
        key = None if n % 3 == 0 else f"kunci {n}\n".encode()
        p.send(topic, value, key=key, headers=[("asal", name.encode()), ("asal", b"\xff\x00"), ("kosong", None)])
    p.submit(f"{OPD}-X-9999")
    p.flush()
    p.await_status(f"{OPD}-X-9999", "selesai")
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n >= len(cases), what="all set aside")
    p.await_quiet()
    dead = p.read("dead-letters")
    assert sorted(m.headers()[0][1].decode() for m in dead) == sorted(cases)
    origin = {(m.topic(), m.partition(), m.offset()): m for m in p.read(topic)}
    for m in dead:
        name = m.headers()[0][1].decode()
        came = origin[header(m, "bedelau-origin-topic"), int(header(m, "bedelau-origin-partition")),
                      int(header(m, "bedelau-origin-offset"))]
        assert (m.value(), m.key()) == (came.value(), came.key()), name
        assert m.headers()[:3] == came.headers(), name
        assert header(m, "bedelau-worker") == judge
        assert header(m, "bedelau-code") == cases[name][1], name
        assert header(m, "bedelau-reason") and header(m, "bedelau-failed-at").endswith("Z")
        assert len(m.headers()) == 3 + 7
    table = p.rows("select worker, topic, partition, kafka_offset, code from dead_letter")
    assert {r["worker"] for r in table} == {judge}
    assert {(r["topic"], r["partition"], r["kafka_offset"]) for r in table} == {
        (header(m, "bedelau-origin-topic"), int(header(m, "bedelau-origin-partition")),
         int(header(m, "bedelau-origin-offset"))) for m in dead}


def test_id_used_again(pipeline):
    """Two departments may use the same id; one may not use its own for something else; a repeat is a repeat."""
    p = pipeline()
    p.start(*harness.WORKERS)
    a, b = f"{OPD}-I-1", "2.16.01-I-1"
    p.submit(a, id="1")
    p.submit(b, id="1", source="/opd/2.16.01", kode_opd="2.16.01")
    p.flush()
    p.await_status(a, "selesai")
    p.await_status(b, "selesai")
    p.submit(a, id="1")
    p.submit(f"{OPD}-I-2", id="1")
    p.submit(f"{OPD}-I-3")
    p.flush()
    p.await_status(f"{OPD}-I-3", "selesai")
    p.await_quiet()
    dead = p.read("dead-letters")
    assert [header(m, "bedelau-code") for m in dead] == ["ID_REUSED"]
    assert json.loads(dead[0].value())["subject"] == f"{OPD}-I-2"
    assert p.request(f"{OPD}-I-2") is None
    assert len(p.checks(a)) == 1
    assert p.stats()["active"] == 3
