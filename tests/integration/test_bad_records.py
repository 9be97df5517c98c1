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
    "2 MB of junk": (b"x" * 2_000_000, "TOO_LARGE"),
}


def header(m, name):
    return dict(m.headers() or [])[name].decode()


@pytest.mark.parametrize("topic, judge", [("requests", "validator"), ("reviews", "validator"),
                                          ("callbacks", "integrator")])
def test_dead_letters(pipeline, topic, judge):
    p = pipeline()
    p.start(*harness.WORKERS)
    fits_here = topic == "requests"
    cases = {name: case for name, case in BAD.items() if fits_here or case[1] in ("BAD_EVENT", "TOO_LARGE")}
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


def origin_of(m):
    return tuple(header(m, f"bedelau-origin-{x}") for x in ("topic", "partition", "offset"))


@pytest.mark.parametrize("topic", ["checks", "integrations", "deadlines"])
def test_where_our_own_programs_write(pipeline, topic):
    """Nobody else may write there, but should it happen: the projector alone sets it aside, the readers beside it go on."""
    p = pipeline()
    p.start(*harness.WORKERS)
    bad = [b"halo", None, GOOD, envelope(type=harness.TYPE.format("check.completed")), b"\0" * 100, b"[" * 100000]
    for n, value in enumerate(bad):
        p.send(topic, value, key=f"k{n}", headers=[("asal", str(n).encode())])
    p.submit(f"{OPD}-X-8000")
    p.flush()
    p.await_status(f"{OPD}-X-8000", "selesai")
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n >= len(bad), what="all set aside")
    p.await_quiet()
    dead = p.read("dead-letters")
    assert sorted(int(m.headers()[0][1]) for m in dead) == list(range(len(bad)))
    for m in dead:
        n = int(m.headers()[0][1])
        assert (m.value(), m.key()) == (bad[n], f"k{n}".encode())
        assert header(m, "bedelau-worker") == "projector"
        assert header(m, "bedelau-origin-topic") == f"{p.prefix}.{topic}"
    assert p.one("select count(*) from request") == 1


def test_binary_mode(pipeline):
    p = pipeline()
    p.start(*harness.WORKERS)
    good = {"ce_specversion": "1.0", "ce_id": "x", "ce_source": f"/opd/{OPD}", "ce_subject": f"{OPD}-X-7000",
            "ce_type": harness.TYPE.format("request.submitted"), "ce_time": harness.now()}
    data = json.dumps(form(f"{OPD}-X-7000")).encode()
    bad = [({**good, "ce_id": ""}, data, "BAD_EVENT"), ({**good, "ce_specversion": "0.3"}, data, "BAD_EVENT"),
           ({**good, "ce_time": "kemarin"}, data, "BAD_EVENT"), ({**good, "ce_id": "c"}, data[:-1], "BAD_EVENT"),
           ({**good, "ce_id": "n"}, None, "BAD_EVENT"), ({**good, "ce_id": "t"}, b"teks", "BAD_EVENT"),
           ({**good, "ce_id": "u", "ce_subject": "\x7f"}, data, "BAD_EVENT"),
           ({**good, "ce_id": "v", "ce_subject": "bukan nomor"}, data, "BAD_SUBJECT"),
           ({k: v for k, v in good.items() if k != "ce_subject"}, data, "BAD_EVENT")]
    for head, value, _ in bad:
        p.send("requests", value, headers=[(k, v.encode()) for k, v in head.items()])
    p.send("requests", data, headers=[(k, v.encode()) for k, v in good.items()])
    p.flush()
    p.await_status(f"{OPD}-X-7000", "selesai")
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n >= len(bad), what="all set aside")
    p.await_quiet()
    got = sorted((tuple(m.headers()[:-7]), repr(m.value()), header(m, "bedelau-code")) for m in p.read("dead-letters"))
    assert got == sorted((tuple((k, v.encode()) for k, v in head.items()), repr(value), code) for head, value, code in bad)


def test_two_megabytes(pipeline):
    """A well-formed event of 2 MB is set aside whole, and the next one flows (issue 3, bad input)."""
    p = pipeline()
    p.start(*harness.WORKERS)
    value = json.dumps(event("request.submitted", f"{OPD}-X-6000", form(f"{OPD}-X-6000", uraian_fungsi="x" * 2_000_000)))
    p.send("requests", value, key=f"{OPD}-X-6000")
    p.submit(f"{OPD}-X-6001")
    p.flush()
    p.await_status(f"{OPD}-X-6001", "selesai")
    p.await_quiet()
    dead = p.read("dead-letters")
    print("what became of it:", (p.request(f"{OPD}-X-6000") or {}).get("status"))
    assert [m.value().decode() == value for m in dead] == [True]
    assert header(dead[0], "bedelau-reason")
    assert p.request(f"{OPD}-X-6000") is None


def test_killed_while_setting_aside(pipeline):
    """The judge is killed again and again among bad records: each is in the table once, none is lost, all good ones flow."""
    p = pipeline()
    p.start(*harness.WORKERS, "validator.2")
    bad = 0
    for n in range(300):
        if n % 3 == 0:
            p.submit(f"{OPD}-Y-{n:04d}")
        else:
            p.send("requests", b"rusak %d" % n, key=str(n))
            bad += 1
        if n % 50 == 25:
            seen = p.one("select count(*) from dead_letter")
            p.flush()
            harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda got: got > seen, what="work under way")
            p.kill("validator")
            p.start("validator", wait=False)
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == 100,
                       what="the good ones")
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n == bad, what="the bad ones")
    p.await_quiet()
    table = [(r["topic"], str(r["partition"]), str(r["kafka_offset"])) for r in p.rows("select * from dead_letter")]
    assert len(table) == len(set(table)) == bad
    dead = p.read("dead-letters")
    assert {origin_of(m) for m in dead} == set(table)
    assert {m.value() for m in dead} == {b"rusak %d" % n for n in range(300) if n % 3}
