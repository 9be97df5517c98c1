"""The gateway held to schemas/gateway.openapi.yaml: every operation and every status it promises, each answer judged by the
document and each fact compared with what stands in the topic. One pipeline serves the whole file, so the tests use requests of their
own and the last ones look back at all of them."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import time
import types

import contract
import harness
import psycopg2.extensions
import pytest
import wire
from harness import FAST, FORM, OPD, PERSONAL, TYPE, event, form

OTHER = "1.02.01"
SUBMITTED, REVIEW, CALLBACK = (TYPE.format(k) for k in ("request.submitted", "review.decided", "callback.received"))
CE, BATCH, JSON = "application/cloudevents+json", "application/cloudevents-batch+json", "application/json"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BODY_MAX, DOCUMENT_MAX = 960 << 10, 10 << 20
KEYS = [os.urandom(24) for _ in range(3)]  # of Bedelau's callbacks: the first two are known to the gateway
# what may not be told to a log: whatever the forms of this file say of people, and what was sent in queries
PRIVATE = [*PERSONAL, *{d["nama_berkas"] for d in FORM["lampiran"]}, "rahasia-sekali", "Permohonan Budi"]


class Gate:
    def __init__(self, p):
        self.p, self.contract, self.tail = p, contract.Contract("gateway.openapi.yaml"), harness.Tail(p, "requests", "reviews", "callbacks")
        self.accepted = set()
        self.port = p.ports["gateway"]
        make = {"opd": ["--opd", OPD], "other": ["--opd", OTHER], "both": ["--opd", f"{OPD},{OTHER}"],
                "expired": ["--opd", OPD, "--label", "expired"], "revoked": ["--opd", OPD, "--label", "revoked"],
                "reader": ["--opd", "*"], "officer": ["--officer", "pk-01"], "off": ["--officer", "pk-02"]}
        self.token = {name: p.ctl("token", "create", *words).strip() for name, words in make.items()}
        p.rows("update token set expires_at = now() - interval '1 ms' where label = 'expired'")
        p.ctl("token", "revoke", "--label", "revoked")
        p.ctl("officer", "off", "pk-02")
        self.token["unknown"] = "bdl_" + "A" * 43

    def ask(self, method, path, body=None, token="opd", media=JSON, port=None, **headers):
        """The answer, already judged. `token` is a name or None; a header is named with _ for -."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        send = {k.replace("_", "-"): v for k, v in headers.items()}
        if token:
            send["Authorization"] = f"Bearer {self.token[token]}"
        if body is not None and media:
            send["Content-Type"] = media
        answer = wire.ask(port or self.port, method, path, body, send)
        self.contract.check(method, path, answer)
        if answer.status == 202:
            got = json.loads(answer.body)
            self.accepted |= {(r["source"], r["id"]) for r in (got if isinstance(got, list) else [got])}
        return answer

    def refused(self, status, *args, **kw):
        """The problem of an answer that must have this status."""
        answer = self.ask(*args, **kw)
        assert answer.status == status, answer
        return json.loads(answer.body)

    def taken(self, *args, **kw):
        answer = self.ask(*args, **kw)
        assert answer.status == 202, answer
        return json.loads(answer.body)

    def fact(self, receipt, kind):
        """The one record of a receipt, and its event, held to the schemas."""
        record, = self.tail.find(receipt)
        e = json.loads(record.value())
        assert record.key().decode() == e["subject"] == receipt["nomor_permohonan"]
        assert record.headers() == [("content-type", CE.encode())]
        assert (e["type"], receipt["type"]) == (kind, kind)
        assert self.contract.event_errors(e) == []
        return record.value(), e


def data_of(value):
    """The bytes of data, which is the last member of what we write."""
    at = value.index(b',"data":') + len(b',"data":')
    return value[at:-1]


@pytest.fixture(scope="module")
def gate():
    secret = " ".join("whsec_" + base64.b64encode(k).decode() for k in KEYS[:2])
    with harness.running("test_gateway", *harness.WORKERS, "gateway", partitions=2, **FAST, gateway_token_cache="0s", gateway_callback_secret=secret,
                         log_level="debug") as p:
        yield Gate(p)


# ---- forms --------------------------------------------------------------------------------------------------------------

def new_key():
    return "k-" + secrets.token_hex(6)


def odd_form(**changes):
    """A form's bytes as no serializer of ours would write them."""
    text = json.dumps(form(None, nama_sistem=f"Sistem {secrets.token_hex(4)}", **changes), indent=3, ensure_ascii=True)
    return ("\r\n " + text.replace('"revisi": 1', '"revisi"  :1 ,"catatan_lain": [1.50, 1e40, "\\u00e9\\/"]') + "\n\n").encode()


def test_form_without_a_number(gate):
    body = odd_form(revisi=1)
    answer = gate.ask("POST", "/v1/requests", body, Idempotency_Key=new_key(), traceparent=TRACE)
    receipt = json.loads(answer.body)
    value, e = gate.fact(receipt, SUBMITTED)
    nomor = receipt["nomor_permohonan"]
    assert re.fullmatch(r"BDL-20\d\d-\d{6}", nomor) and answer.headers["location"] == f"/v1/requests/{nomor}"
    head, rest = body.split(b"{", 1)
    assert data_of(value) == head + b'{"nomor_permohonan":"' + nomor.encode() + b'",' + rest
    assert (e["source"], e["traceparent"], e["revisi"], receipt["revisi"]) == (f"/opd/{OPD}", TRACE, 1, 1)
    assert gate.p.await_status(nomor, "selesai", 20)["kode_opd"] == OPD


def test_idempotency_key(gate):
    key, body = new_key(), odd_form()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(lambda _: gate.taken("POST", "/v1/requests", body, Idempotency_Key=key), range(8))
    assert all(r == first for r in others)
    assert len({m.value() for m in gate.tail.find(first)} and {data_of(m.value()) for m in gate.tail.find(first)}) == 1
    problem = gate.refused(409, "POST", "/v1/requests", body + b" ", Idempotency_Key=key)
    assert "Idempotency-Key" in problem["detail"]
    # keys are each department's own, and a number of one's own makes no difference
    theirs = json.dumps(form(None, kode_opd=OTHER)).encode()
    assert gate.taken("POST", "/v1/requests", theirs, "other", Idempotency_Key=key)["nomor_permohonan"] != first["nomor_permohonan"]
    gate.refused(409, "POST", "/v1/requests", form(f"{OPD}-GW-KEY"), Idempotency_Key=key)


@pytest.mark.parametrize("key", [None, "", "a b", "a\tb", "x" * 256, "kunci-\xe9"])
def test_key_that_is_none(gate, key):
    headers = {} if key is None else {"Idempotency_Key": key}
    problem = gate.refused(400, "POST", "/v1/requests", odd_form(), **headers)
    assert "Idempotency-Key" in problem["detail"]


def test_longest_key(gate):
    gate.taken("POST", "/v1/requests", odd_form(), Idempotency_Key="k" * 255)


def test_form_with_a_number(gate):
    nomor = f"{OPD}-GW-1"
    body = json.dumps(form(nomor, revisi=1), indent=1).encode()
    first = gate.taken("POST", "/v1/requests", body)
    value, _ = gate.fact(first, SUBMITTED)
    assert data_of(value) == body and first["nomor_permohonan"] == nomor
    assert gate.taken("POST", "/v1/requests", body) == first  # without a key the same bytes are the same event
    assert gate.taken("POST", "/v1/requests", body + b" ")["id"] != first["id"]


def test_number_of_the_registered_letter(gate):
    nomor, letter = f"{OPD}-GW-REG", f"GW/{secrets.randbelow(10**9)}/2025"
    data = {k: FORM[k] for k in ("kode_opd", "dasar_pengajuan", "tanggal_surat", "perihal")} | {"nomor_surat": letter}
    receipt = gate.taken("POST", "/v1/events", event("request.registered", nomor, data), media=CE)
    assert "revisi" not in receipt
    gate.fact(receipt, TYPE.format("request.registered"))
    gate.p.await_status(nomor, "terdaftar")
    wrong_year = str(int(FORM["tanggal_surat"][:4]) - 1) + FORM["tanggal_surat"][4:]
    for changes in ({"nomor_surat": letter + "x"}, {"tanggal_surat": wrong_year}):
        got = gate.taken("POST", "/v1/requests", form(None, **{"nomor_surat": letter, **changes}), Idempotency_Key=new_key())
        assert got["nomor_permohonan"].startswith("BDL-")
    got = gate.taken("POST", "/v1/requests", form(None, nomor_surat=letter), Idempotency_Key=new_key())
    assert got["nomor_permohonan"] == nomor


def test_number_of_a_letter_with_a_number_that_is_hard_to_hold(gate):
    """The largest exponent that is taken, which jsonb holds, and the first that is not."""
    nomor, letter = f"{OPD}-GW-HUGE", f"GW/{secrets.randbelow(10**9)}/2025"
    data = {k: FORM[k] for k in ("kode_opd", "dasar_pengajuan", "tanggal_surat", "perihal")} | {"nomor_surat": letter, "lembar": 12345678901}
    sent = json.dumps(event("request.registered", nomor, data))
    problem = gate.refused(400, "POST", "/v1/events", sent.replace("12345678901", "1e10000").encode(), media=CE)
    assert "a number that nobody can hold" in problem["detail"]
    gate.taken("POST", "/v1/events", sent.replace("12345678901", "1e9999").encode(), media=CE)
    gate.p.await_status(nomor, "terdaftar")
    got = gate.taken("POST", "/v1/requests", form(None, nomor_surat=letter, nama_sistem=f"Sistem {letter}"), Idempotency_Key=new_key())
    assert got["nomor_permohonan"] == nomor
    gate.p.await_status(nomor, "selesai")
    story = json.loads(gate.ask("GET", f"/v1/requests/{nomor}/timeline").body)["riwayat"]
    assert {"registered", "submitted"} <= {s["tipe"].split(".")[-2] for s in story}


# ---- events -------------------------------------------------------------------------------------------------------------

def submitted(nomor, **more):
    return event("request.submitted", nomor, form(nomor), **more)


def test_structured(gate):
    nomor = f"{OPD}-GW-S"
    sent = submitted(nomor, source=f"/opd/{OPD}/siptj", revisi=1, warna="mérah", dataschema=contract.BASE + "forms/pa20.schema.json")
    text = json.dumps(sent, ensure_ascii=False)[:-1] + ', "angka":7 }'
    receipt = gate.taken("POST", "/v1/events", text, media=CE + "; charset=utf-8")
    value, e = gate.fact(receipt, SUBMITTED)
    assert data_of(value) == json.dumps(sent["data"], ensure_ascii=False).encode()
    assert {k: e[k] for k in ("id", "source", "subject", "revisi", "warna", "dataschema")} == \
        {k: sent[k] for k in ("id", "source", "subject", "revisi", "warna", "dataschema")}
    assert e["time"][:19] == sent["time"][:19] and str(e["angka"]) == "7"
    assert receipt == {"id": sent["id"], "source": sent["source"], "nomor_permohonan": nomor, "type": SUBMITTED, "revisi": 1}


def test_structured_with_what_may_be_left_out(gate):
    nomor = f"{OPD}-GW-L"
    sent = {"specversion": "1.0", "id": "a/b é?#", "type": SUBMITTED, "data": form(nomor)}
    receipt = gate.taken("POST", "/v1/events", sent, media=CE, traceparent=TRACE)
    _, e = gate.fact(receipt, SUBMITTED)
    assert (e["source"], e["subject"], e["traceparent"], e["id"]) == (f"/opd/{OPD}", nomor, TRACE, "a/b é?#")
    assert abs(contract.datetime.datetime.fromisoformat(e["time"]).timestamp() - time.time()) < 60


def binary(e, **changes):
    heads = {f"ce_{k}": v for k, v in {**e, **changes}.items() if k not in ("data", "datacontenttype") and v is not None}
    return heads | {"ce_time": e["time"]}


def test_binary(gate):
    nomor = f"{OPD}-GW-B"
    sent, body = submitted(nomor), json.dumps(form(nomor), indent=2).encode()
    receipt = gate.taken("POST", "/v1/events", body, **binary(sent, id="b%20%22%C3%A9%22", revisi="1"), traceparent=TRACE)
    value, e = gate.fact(receipt, SUBMITTED)
    assert data_of(value) == body
    assert (e["id"], e["revisi"], e["traceparent"]) == ('b "é"', 1, TRACE)


def test_batch(gate):
    both = [submitted(f"{OPD}-GW-B1"), event("request.withdrawn", f"{OTHER}-GW-B2", {"alasan": "batal"}, f"/opd/{OTHER}"),
            submitted(f"{OPD}-GW-B3")]
    receipts = gate.taken("POST", "/v1/events", both, "both", BATCH)
    assert [(r["id"], r["nomor_permohonan"]) for r in receipts] == [(e["id"], e["subject"]) for e in both]
    for sent, receipt in zip(both, receipts):
        value, _ = gate.fact(receipt, sent["type"])
        assert data_of(value) == json.dumps(sent["data"]).encode()


def test_batch_of_nothing_and_of_a_hundred(gate):
    assert gate.taken("POST", "/v1/events", "[ ]", media=BATCH) == []
    small = [event("request.withdrawn", f"{OPD}-GW-X{i}", {"alasan": "batal"}) for i in range(101)]
    gate.refused(413, "POST", "/v1/events", small, media=BATCH)
    assert len(gate.taken("POST", "/v1/events", small[:100], media=BATCH)) == 100


def test_batch_is_whole_or_nothing(gate):
    good, bad = submitted(f"{OPD}-GW-W1"), submitted(f"{OPD}-GW-W2")
    bad["data"]["lampiran"] = [{"api_token": "rahasia-sekali"}]
    problem = gate.refused(422, "POST", "/v1/events", [good, bad], media=BATCH)
    assert "Event 2" in problem["detail"] and [k["lokasi"] for k in problem["kesalahan"]] == ["/1/data/lampiran/0/api_token"]
    assert problem["detail"].find("rahasia") < 0
    for wrong in ({}, {"a": 1}, '"x"', "1"):
        gate.refused(400, "POST", "/v1/events", wrong, media=BATCH)


GOOD = submitted(f"{OPD}-GW-BAD")


@pytest.mark.parametrize("status, changes", [
    (400, {"specversion": "0.3"}), (400, {"specversion": None}), (400, {"id": None}), (400, {"id": ""}), (400, {"id": "x" * 256}),
    (400, {"id": {"a": 1}}), (400, {"type": None}), (400, {"time": "kemarin"}), (400, {"time": "2025-10-06"}), (400, {"NAMA": "x"}),
    (400, {"source": f"/opd/{OPD}/a b"}), (400, {"source": f"/opd/{OPD}/" + "x" * 255}), (400, {"id": "a\nb"}),
    (400, {"data_base64": "e30="}),
    (403, {"type": TYPE.format("check.completed")}), (403, {"type": REVIEW}), (403, {"type": "com.example.x"}),
    (403, {"source": f"/opd/{OTHER}"}), (403, {"source": "/bedelau/validator"}), (403, {"source": f"/opd/{OPD}1"}), (403, {"source": f"opd/{OPD}"}),
    (403, {"source": None, "data": form("AAA", kode_opd=OTHER)}), (403, {"data": form("AAA", kode_opd=OTHER)}),
    (422, {"data": "x"}), (422, {"data": None}), (422, {"data": [1]}), (422, {"subject": "a b"}), (422, {"subject": "ab"}),
    (422, {"subject": None, "data": form(None)}), (422, {"data": form("AAA", revisi=None)}), (422, {"data": form("AAA", revisi="1")}),
    (422, {"data": form("AAA", revisi=0)}),
])
def test_event_that_is_refused(gate, status, changes):
    sent = {k: v for k, v in {**GOOD, **changes}.items() if v is not None}
    gate.refused(status, "POST", "/v1/events", sent, media=CE)


def test_source_is_needed_where_it_is_not_plain(gate):
    sent = {k: v for k, v in GOOD.items() if k != "source"}
    gate.refused(422, "POST", "/v1/events", {**sent, "data": form("AAA", kode_opd=None)}, "both", CE)
    gate.refused(422, "POST", "/v1/events", {**GOOD, "data": form("AAA", kode_opd=OTHER)}, "both", CE)
    receipt = gate.taken("POST", "/v1/events", {**sent, "id": new_key(), "data": form("AAA", kode_opd=OTHER)}, "both", CE)
    assert receipt["source"] == f"/opd/{OTHER}"


@pytest.mark.parametrize("changes, status", [({"specversion": "2.0"}, 400), ({"id": None}, 400), ({"id": "%00"}, 400), ({"id": "%ff"}, 400),
                                             ({"type": REVIEW}, 403), ({"time": "x"}, 400)])
def test_binary_that_is_refused(gate, changes, status):
    gate.refused(status, "POST", "/v1/events", form(GOOD["subject"]), **{**binary(GOOD, **changes), **({"ce_time": "x"} if "time" in changes else {})})


@pytest.mark.parametrize("path", ["/v1/events", "/v1/requests", "/v1/callbacks/bedelau", "/v1/requests/AAA/review"])
@pytest.mark.parametrize("media", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_media_type(gate, path, media):
    signed = signature(b"{}") if "callbacks" in path else {}
    gate.refused(415, "POST", path, b"{}", "officer" if "review" in path else "opd", media, **signed)


def test_packed_body(gate):
    for method, path, token in (("POST", "/v1/events", "opd"), ("POST", "/v1/requests", "opd"), ("POST", "/v1/requests/AAA/review", "officer"),
                                ("PUT", "/v1/documents/" + "0" * 64, "opd")):
        gate.refused(415, method, path, b"\x1f\x8b", token, CE, Content_Encoding="gzip")
    gate.taken("POST", "/v1/requests", odd_form(), Idempotency_Key=new_key(), Content_Encoding="identity")


# ---- who asks -----------------------------------------------------------------------------------------------------------

OPERATIONS = [("POST", "/v1/events"), ("POST", "/v1/requests"), ("GET", "/v1/requests/AAA"), ("GET", "/v1/requests/AAA/timeline"),
              ("POST", "/v1/requests/AAA/review"), ("PUT", "/v1/documents/" + "0" * 64), ("GET", "/v1/documents/" + "0" * 64),
              ("GET", f"/v1/events/%2Fopd%2F{OPD}/1")]


@pytest.mark.parametrize("token", [None, "expired", "revoked", "unknown"])
def test_without_a_good_token(gate, token):
    for method, path in OPERATIONS:
        answer = gate.ask(method, path, b"{}" if method != "GET" else None, token)
        assert answer.status == 401 and answer.headers["www-authenticate"].startswith("Bearer"), (method, path, answer)


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "bdl_x", "Bearer " + "x" * 600])
def test_no_bearer(gate, header):
    gate.refused(401, "GET", "/v1/requests/AAA", token=None, Authorization=header)


def test_token_of_the_wrong_kind(gate):
    for method, path in OPERATIONS:
        body = b"{}" if method != "GET" else None
        gate.refused(403, method, path, body, "off")  # an officer who is not active any more
        if method != "GET":
            gate.refused(403, method, path, body, "opd" if "review" in path else "officer")


def test_anothers_form(gate):
    gate.refused(403, "POST", "/v1/requests", form("AAA", kode_opd=OTHER))
    gate.refused(403, "POST", "/v1/requests", form("AAA", kode_opd="9.99.99"), "both")


def test_anothers_number(gate):
    """The number belongs to who used it first; that is judged by the validator, who alone knows: taken here, refused there."""
    nomor = f"{OPD}-GW-1"
    gate.p.await_status(nomor, "selesai")
    receipt = gate.taken("POST", "/v1/requests", form(nomor, kode_opd=OTHER), "other")
    refusal = harness.eventually(lambda: gate.p.rows("select data from event where type like %s and data::jsonb ->> 'id' = %s",
                                                     "%.check.refused.v1", receipt["id"]), what="the refusal")
    assert json.loads(refusal[0]["data"])["sumber"] == f"/opd/{OTHER}"
    assert gate.p.request(nomor)["kode_opd"] == OPD


# ---- bodies -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("members, where", [
    ({"password": "rahasia-sekali"}, ["/password"]), ({"Kata_Sandi": 1}, ["/Kata_Sandi"]), ({"nik_pemohon": "rahasia-sekali"}, ["/nik_pemohon"]),
    ({"accessToken": None}, ["/accessToken"]), ({"lain": {"a": [0, {"db/secret": 1}]}}, ["/lain/a/1/db~1secret"]),
    ({"token": 1, "tanda_tangan": {"jenis": "tte", "passwd": "rahasia-sekali"}}, ["/token", "/tanda_tangan/passwd"]),
])
def test_credentials(gate, members, where):
    """Refused before Kafka: all at once, each with its place, none with its value."""
    body = {k: v for k, v in form("AAA").items() if k not in members} | members
    problem = gate.refused(422, "POST", "/v1/requests", body)
    assert sorted(k["lokasi"] for k in problem["kesalahan"]) == sorted(where)
    assert "rahasia-sekali" not in json.dumps(problem)
    problem = gate.refused(422, "POST", "/v1/events", {**GOOD, "data": body}, media=CE)
    assert sorted(k["lokasi"] for k in problem["kesalahan"]) == sorted("/data" + w for w in where)
    problem = gate.refused(422, "POST", "/v1/events", body, **binary(GOOD))
    assert sorted(k["lokasi"] for k in problem["kesalahan"]) == sorted(where)


@pytest.mark.parametrize("body", [
    b"", b" ", b"{", b'{"a":1', b"[]", b"1", b"null", b'"x"', b'{"a":1}x', b"\xef\xbb\xbf{}", b'{"a":"\x00"}', b'{"a":"\\u0000"}', b'{"a":"\xff"}',
    b'{"a":"\xc0\xaf"}', b'{"a":"\\ud800"}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{"b":{"a":1,"a":2}}', b"{'a':1}", b'{"a":01}', b'{"a":NaN}',
    b'{"a":' * 70 + b"1" + b"}" * 70, b'{"a":' + b"[" * 100000 + b"]" * 100000 + b"}", b"\x16\x03\x01", b'{"a":"' + b"\t" + b'"}',
], ids=lambda b: repr(b[:16]))
def test_body_that_is_no_json_object(gate, body):
    gate.refused(400, "POST", "/v1/requests", body, Idempotency_Key=new_key())
    gate.refused(400, "POST", "/v1/events", body, media=CE)
    gate.refused(400, "POST", "/v1/events", body, **binary(GOOD))
    gate.refused(400, "POST", "/v1/requests/AAA/review", body, "officer")
    gate.refused(400, "POST", "/v1/callbacks/bedelau", body, None, **signature(body))


def test_largest_body(gate):
    body = json.dumps(form(f"{OPD}-GW-BIG")).encode()
    body += b" " * (BODY_MAX - len(body))
    receipt = gate.taken("POST", "/v1/requests", body)
    assert data_of(gate.fact(receipt, SUBMITTED)[0]) == body
    gate.refused(413, "POST", "/v1/requests", body + b" ")
    gate.refused(413, "POST", "/v1/events", body + b" ", media=CE)
    gate.refused(413, "POST", "/v1/requests/AAA/review", body + b" ", "officer")
    gate.refused(413, "POST", "/v1/callbacks/bedelau", body + b" ", None, **signature(body + b" "))
    assert gate.ask("GET", "/v1/requests/AAA").status == 404  # and the gateway goes on


# ---- the wire -----------------------------------------------------------------------------------------------------------

def raw(gate, line, body=b"", *headers, version="1.1"):
    heads = [f"{line} HTTP/{version}", "Host: localhost", f"Authorization: Bearer {gate.token['opd']}", "Content-Type: application/json", *headers]
    return "\r\n".join([*heads, "", ""]).encode() + body


def small_form():
    return json.dumps(form(f"{OPD}-GW-RAW{secrets.token_hex(3).upper()}")).encode()


def note(gate, answer, status=202):
    """Judges an answer of a raw POST /v1/requests."""
    assert answer.status == status, answer
    gate.contract.check("POST", "/v1/requests", answer)
    if status == 202:
        gate.accepted.add((f"/opd/{OPD}", json.loads(answer.body)["id"]))
    return answer


def test_length_that_is_too_short(gate):
    """The rest is another request, and no good one; the first is judged by what was said."""
    body = small_form()
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", body, f"Content-Length: {len(body) - 1}"))
        note(gate, line.answer(), 400)
        line.send(b"\r\n\r\n")
        assert line.closed() or line.head()[0] in (0, 400)


def test_length_that_is_too_long(gate):
    """The client gives up before the rest has come: nothing is taken."""
    body = small_form()
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", body, f"Content-Length: {len(body) + 1}"))
        line.sock.shutdown(1)
        assert line.closed()


@pytest.mark.parametrize("headers", [
    ("Content-Length: -5",), ("Content-Length: 5x",), ("Content-Length: {n}", "Content-Length: {n}"), ("Content-Length: {n}", "content-length: 3"),
    ("Content-Length: {n}", "Transfer-Encoding: chunked"), ("Transfer-Encoding: gzip",), ("Transfer-Encoding: chunked, gzip",),
])
def test_body_without_one_end(gate, headers):
    """What one server on the way might read otherwise than the next is refused, and the connection ends."""
    body = small_form()
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", body, *(h.format(n=len(body)) for h in headers)))
        status, said = line.head()
        assert status == 400 and said["connection"] == "close", (status, said)


def test_lengths_that_are_far_too_long(gate):
    for n in (13 << 20, 10**12, 10**24):
        with wire.Line(gate.port) as line:
            line.send(raw(gate, "POST /v1/requests", b"", f"Content-Length: {n}"))
            status, said = line.head()
            assert status == 413 and said["connection"] == "close", (n, status, said)


def chunks(body, size):
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def test_chunked(gate):
    body = small_form()
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", chunks(body, 7), "Transfer-Encoding: chunked"))
        receipt = json.loads(note(gate, line.answer()).body)
    assert data_of(gate.fact(receipt, SUBMITTED)[0]) == body
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", chunks(b" " * (BODY_MAX + 1), 60000), "Transfer-Encoding: chunked"))
        note(gate, line.answer(), 413)
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", b"zz\r\n" + body, "Transfer-Encoding: chunked"))
        assert line.head()[0] == 400


def test_pipelined(gate):
    """Several requests in one piece are answered in their order."""
    bodies = [small_form() for _ in range(5)]
    with wire.Line(gate.port) as line:
        line.send(b"".join(raw(gate, "POST /v1/requests", b, f"Content-Length: {len(b)}") + raw(gate, "GET /v1/requests/AAA") for b in bodies))
        for b in bodies:
            receipt = json.loads(note(gate, line.answer()).body)
            assert receipt["nomor_permohonan"] == json.loads(b)["nomor_permohonan"]
            assert line.answer().status == 404


def test_one_byte_at_a_time(gate):
    body = small_form()
    with wire.Line(gate.port) as line:
        line.sock.setsockopt(6, 1, 1)
        for i in raw(gate, "POST /v1/requests", body, f"Content-Length: {len(body)}"):
            line.send(bytes([i]))
        note(gate, line.answer())


def test_http_1_0(gate):
    body = small_form()
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", body, f"Content-Length: {len(body)}", version="1.0"))
        note(gate, line.answer())
        assert line.closed()
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "GET /v1/requests/AAA", version="2.0"))
        assert line.head()[0] == 505


def test_expect(gate):
    body = small_form()
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", b"", f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert line.head()[0] == 100
        line.send(body)
        note(gate, line.answer())
    with wire.Line(gate.port) as line:
        line.send(raw(gate, "POST /v1/requests", b"", f"Content-Length: {13 << 20}", "Expect: 100-continue"))
        note(gate, line.answer(), 413)


def test_methods_and_paths(gate):
    allow = {"/v1/events": "POST", "/v1/requests": "POST", "/v1/requests/AAA": "GET, HEAD", "/v1/requests/AAA/timeline": "GET, HEAD",
             "/v1/requests/AAA/review": "POST", "/v1/callbacks/bedelau": "POST", "/v1/documents/x": "PUT, GET, HEAD", "/v1/events/a/b": "GET, HEAD"}
    for path, methods in allow.items():
        for method in ("OPTIONS", "DELETE", "PATCH", "BREW"):
            answer = gate.ask(method, path, token=None)
            assert answer.status == 405 and answer.headers["allow"] == methods, (method, path, answer)
    for path in ("/v1", "/v1/events/", "/v2/requests", "/v1/requests/", "/v1/requests/A/b", "/v1/requests//timeline", "/v1/requests/../../healthz"):
        assert gate.ask("GET", path).status == 404, path
    for path in ("/v1/requests/A%00A", "/v1/requests/A%zzA"):
        assert gate.ask("GET", path).status == 400, path
    assert gate.ask("GET", "/v1/requests/AAA?nama=rahasia-sekali").status == 404
    for url, status in (("/" + "a" * 40000, 414), ("/v1/requests/AAA", 431)):
        with wire.Line(gate.port) as line:
            line.send(raw(gate, f"GET {url}", b"", *(["X-Long: " + "a" * 40000] if status == 431 else [])))
            assert line.head()[0] == status


def test_head(gate):
    nomor = f"{OPD}-GW-1"
    gate.p.await_status(nomor, "selesai")
    for path in (f"/v1/requests/{nomor}", "/v1/requests/AAA"):
        got, head = gate.ask("GET", path), gate.ask("HEAD", path)
        assert (head.status, head.headers["content-length"], head.body) == (got.status, got.headers["content-length"], b"")


# ---- documents ----------------------------------------------------------------------------------------------------------

def put(gate, body, token="opd", name=None, media="application/pdf"):
    return gate.ask("PUT", f"/v1/documents/{name or hashlib.sha256(body).hexdigest()}", body, token, media)


def test_document(gate):
    body = b"%PDF-1.7\n" + os.urandom(3000) + b"\0"
    sha = hashlib.sha256(body).hexdigest()
    path = f"/v1/documents/{sha}"
    first = put(gate, body)
    assert first.status == 201 and json.loads(first.body) == {"sha256": sha, "ukuran": len(body), "uri": f"urn:sha256:{sha}"}
    again = put(gate, body)
    assert again.status == 200 and again.body == first.body
    got = gate.ask("GET", path)
    assert got.status == 200 and got.body == body and got.headers["content-type"] == "application/pdf"
    assert got.headers["x-content-type-options"] == "nosniff" and got.headers["content-disposition"] == "attachment"
    # another department cannot read it, until it shows that it has the bytes itself
    assert gate.refused(404, "GET", path, token="other") == gate.refused(404, "GET", "/v1/documents/" + "0" * 64, token="other")
    assert put(gate, body, "other").status == 200 and gate.ask("GET", path, token="other").body == body
    # an officer's look is written down
    before = gate.p.one("select count(*) from audit_log where action = 'document.read'")
    assert gate.ask("GET", path, token="officer").body == body
    noted = gate.p.rows("select actor, subject from audit_log where action = 'document.read'")
    assert len(noted) == before + 1 and {"actor": "pk-01", "subject": sha} in noted


def test_a_reason_for_a_look(gate):
    """One line that can be kept; who looked, and that it is written down, is the business of test_access.py."""
    sha = hashlib.sha256(b"alasan").hexdigest()
    assert put(gate, b"alasan").status in (200, 201)
    for path in (f"/v1/documents/{sha}", "/v1/requests/BDL-1", "/v1/requests/BDL-1/timeline"):
        for why in ("x" * 501, "dua\tkata", "\xff"):
            assert "X-Alasan" in gate.refused(400, "GET", path, X_Alasan=why)["detail"]
    assert gate.ask("GET", f"/v1/documents/{sha}", X_Alasan="pengaduan 12").status == 200


def test_a_token_for_all_departments(gate):
    """It reads documents, saying for whom, and does nothing else."""
    body = b"%PDF-1.7\n" + os.urandom(300)
    path = f"/v1/documents/{hashlib.sha256(body).hexdigest()}"
    assert put(gate, body).status == 201
    assert gate.ask("GET", f"{path}?kode_opd={OPD}", token="reader").body == body
    for other in (OTHER, "*", f"{OPD},{OTHER}"):
        gate.refused(404, "GET", f"{path}?kode_opd={other}", token="reader")
    gate.refused(422, "GET", path, token="reader")
    gate.refused(422, "GET", f"{path}?kode_opd=", token="reader")
    gate.refused(404, "GET", f"{path}?kode_opd={OPD}", token="other")  # a department's own token reads its own
    for method, where in OPERATIONS:
        if (method, where.split("/")[2]) != ("GET", "documents"):
            gate.refused(403, method, where, b"{}" if method != "GET" else None, "reader")
    gate.refused(403, "POST", "/v1/events", event("request.submitted", f"{OPD}-GW-ALL", form(f"{OPD}-GW-ALL"), "/opd/*"), "reader", CE)


def test_document_media_types(gate):
    for media, kept in ((None, "application/octet-stream"), ("image/png; x=y", "image/png"), ("a\tb/c", "application/octet-stream"),
                        ("text/<b>", "application/octet-stream"), ("x/" + "y" * 200, "application/octet-stream")):
        body = os.urandom(20)
        assert put(gate, body, media=media).status == 201
        assert gate.ask("GET", f"/v1/documents/{hashlib.sha256(body).hexdigest()}").headers["content-type"] == kept
    assert put(gate, b"").status in (200, 201) and gate.ask("GET", f"/v1/documents/{hashlib.sha256(b'').hexdigest()}").body == b""


def test_document_that_is_refused(gate):
    body = b"%PDF-1.7 " + os.urandom(8)
    sha = hashlib.sha256(body).hexdigest()
    for name in (hashlib.sha256(body + b"x").hexdigest(), sha.upper(), sha[:-1], sha + "0", "x" * 64, sha[:-1] + "g"):
        assert put(gate, body, name=name).status == 422, name
        assert gate.ask("GET", f"/v1/documents/{name}").status == 404, name
    assert gate.ask("GET", f"/v1/documents/{sha}").status == 404


def test_largest_document(gate):
    body = os.urandom(DOCUMENT_MAX)
    assert put(gate, body + b"x").status == 413
    assert put(gate, body).status == 201
    assert gate.ask("GET", f"/v1/documents/{hashlib.sha256(body).hexdigest()}").body == body


# ---- callbacks ----------------------------------------------------------------------------------------------------------

def signature(body, key=KEYS[0], at=None, id=None, more=()):
    at, id = str(int(time.time() if at is None else at)), id or new_key()
    mac = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook_id": id, "webhook_timestamp": at, "webhook_signature": " ".join([*more, "v1," + base64.b64encode(mac).decode()])}


def callback(nomor=f"{OPD}-GW-CB", **changes):
    c = {"id_integrasi": "b-000017", "nomor_permohonan": nomor, "status": "diproses", "urutan": 3, "waktu": "2025-10-20T03:15:00Z", "alasan": None, **changes}
    return json.dumps({k: v for k, v in c.items() if v != "-"}, indent=1).encode()


def test_callback(gate):
    for key in KEYS[:2]:  # several hold while they are rotated
        body = callback()
        heads = signature(body, key)
        receipt = gate.taken("POST", "/v1/callbacks/bedelau", body, None, **heads)
        assert receipt == {"id": heads["webhook_id"], "source": "/bedelau/gateway/callback", "nomor_permohonan": f"{OPD}-GW-CB", "type": CALLBACK}
        value, e = gate.fact(receipt, CALLBACK)
        assert data_of(value) == body and e["subject"] == f"{OPD}-GW-CB"


def test_callback_again(gate):
    body = callback()
    heads = signature(body)
    first = gate.taken("POST", "/v1/callbacks/bedelau", body, None, **heads)
    assert gate.taken("POST", "/v1/callbacks/bedelau", body, None, **heads) == first
    later = signature(body, at=time.time() + 60, id=heads["webhook_id"])
    assert gate.taken("POST", "/v1/callbacks/bedelau", body, None, **later) == first
    harness.eventually(lambda: gate.p.one("select count(*) from event where id = %s", first["id"]), lambda n: n == 1, what="recorded")


def test_callback_with_other_signatures_beside(gate):
    body = callback()
    junk = ("v1a,xyz", "v1,", "v1,AAAA", "v2,x")
    gate.taken("POST", "/v1/callbacks/bedelau", body, None, **signature(body, more=junk))


@pytest.mark.parametrize("change", [
    {"key": 2}, {"late_s": 400}, {"late_s": -4000}, {"webhook_signature": "v1,AAAA"}, {"webhook_signature": ""},
    {"webhook_id": "another"}, {"webhook_timestamp": "kemarin"}, {"webhook_timestamp": "-1"}, {"webhook_id": None}, {"webhook_timestamp": None},
    {"webhook_signature": None}, {"body": {"status": "aktif"}},
], ids=str)
def test_callback_that_is_not_trusted(gate, change):
    body = callback()
    signed = {"key": KEYS[change["key"]]} if "key" in change else {}
    if "late_s" in change:
        signed["at"] = time.time() - change["late_s"]
    heads = signature(body, **signed)
    heads |= {k: v for k, v in change.items() if k.startswith("webhook")}
    heads = {k: v for k, v in heads.items() if v is not None}
    sent = callback(**change["body"]) if "body" in change else body
    gate.refused(401, "POST", "/v1/callbacks/bedelau", sent, None, **heads)


@pytest.mark.parametrize("changes", [{"nomor_permohonan": "-"}, {"nomor_permohonan": "a b"}, {"id_integrasi": "-"}, {"status": 7}, {"urutan": "-"}, {"urutan": -1},
                                     {"urutan": "3"}, {"waktu": "-"}, {"waktu": "kemarin"}], ids=str)
def test_callback_that_says_too_little(gate, changes):
    body = callback(**changes)
    gate.refused(422, "POST", "/v1/callbacks/bedelau", body, None, **signature(body))


def test_callback_id(gate):
    body = callback()
    gate.refused(400, "POST", "/v1/callbacks/bedelau", body, None, **signature(body, id="x" * 256))
    gate.refused(400, "POST", "/v1/callbacks/bedelau", body, None, **signature(body, id="a b"))


# ---- reviews ------------------------------------------------------------------------------------------------------------

def test_review(gate):
    nomor = f"{OPD}-GW-RV"
    said = {"keputusan": "dikembalikan", "putaran": 2, "revisi": 1, "catatan": ["Perbaiki é.", {"pesan": "Lampiran.", "lokasi": "/lampiran"}]}
    text = json.dumps(said, indent=2)
    receipt = gate.taken("POST", f"/v1/requests/{nomor}/review", text, "officer", traceparent=TRACE)
    value, e = gate.fact(receipt, REVIEW)
    assert e["data"] == {**said, "pemeriksa": "pk-01"} and receipt["source"] == "/bedelau/gateway" and receipt["revisi"] == e["revisi"] == 1
    assert e["traceparent"] == TRACE and b'"Perbaiki \\u00e9."' in value
    again = gate.taken("POST", f"/v1/requests/{nomor}/review", said, "officer")
    assert gate.taken("POST", f"/v1/requests/{nomor}/review", said, "officer") == again
    other = gate.taken("POST", f"/v1/requests/{nomor}/review", {**said, "catatan": ["Lain."]}, "officer")
    anew = gate.taken("POST", f"/v1/requests/{nomor}/review", said, "officer", Idempotency_Key="anew")
    assert len({r["id"] for r in (again, other, anew)}) == 3
    gate.taken("POST", f"/v1/requests/{nomor}/review", {"revisi": 1, "putaran": 1, "keputusan": "diterima"}, "officer")


@pytest.mark.parametrize("changes", [
    {"revisi": 0}, {"revisi": "1"}, {"revisi": 1000001}, {"revisi": None}, {"putaran": None}, {"putaran": 1.5}, {"keputusan": "terima"}, {"keputusan": "dibatalkan"},
    {"keputusan": None}, {"catatan": []}, {"catatan": None}, {"catatan": "x"}, {"catatan": [1]}, {"catatan": [""]}, {"catatan": [{"isi": "x"}]},
    {"catatan": ["x"] * 201}, {"catatan": ["é" * 2001]}, {"catatan": [["x"]]}, {"keputusan": "diterima", "catatan": [None]},
], ids=lambda c: str(c)[:40])
def test_review_that_is_refused(gate, changes):
    said = {"revisi": 1, "putaran": 1, "keputusan": "ditolak", "catatan": ["Tidak sesuai."], **changes}
    gate.refused(422, "POST", "/v1/requests/AAA/review", {k: v for k, v in said.items() if v is not None}, "officer")


def test_review_of_no_number(gate):
    said = {"revisi": 1, "putaran": 1, "keputusan": "ditolak", "catatan": ["é" * 2000] * 60 + ["x"] * 140}
    gate.refused(404, "POST", "/v1/requests/a%20b/review", said, "officer")
    gate.refused(400, "POST", "/v1/requests/AAA/review", said, "officer", Idempotency_Key="a b")
    gate.taken("POST", "/v1/requests/AAA/review", said, "officer")


# ---- reading ------------------------------------------------------------------------------------------------------------

def test_request_and_timeline(gate):
    nomor = f"{OPD}-GW-RD"
    sent = gate.taken("POST", "/v1/requests", form(nomor))
    row = gate.p.await_status(nomor, "selesai")
    gate.p.await_quiet()
    for token in ("opd", "both", "officer"):
        got = json.loads(gate.ask("GET", f"/v1/requests/{nomor}", token=token).body)
        assert (got["nomor_permohonan"], got["status"], got["kode_opd"], got["id_integrasi"]) == (nomor, "selesai", OPD, row["id_integrasi"])
        assert [(j["tahap"], j["status"]) for j in got["jam"]] == [("pengajuan", "terpenuhi"), ("pemeriksaan", "terpenuhi"), ("integrasi", "terpenuhi")]
        answer = gate.ask("GET", f"/v1/requests/{nomor}/timeline", token=token)
        story = json.loads(answer.body)["riwayat"]
        assert {(s["source"], s["id"]) for s in story} == {(r["source"], r["id"]) for r in gate.p.rows(
            "select source, id from event where subject = %s and type not like %s", nomor, "%.status.changed.v1")}
        assert (sent["source"], sent["id"]) in {(s["source"], s["id"]) for s in story}
        assert [s["waktu"] for s in story] == sorted(s["waktu"] for s in story)
        assert not [x for x in PERSONAL if x in answer.body.decode()] and answer.headers["cache-control"] == "private, no-store"
    # another's is answered like what does not exist: that it exists is not betrayed
    for path in ("/v1/requests/{}", "/v1/requests/{}/timeline"):
        assert gate.refused(404, "GET", path.format(nomor), token="other") == gate.refused(404, "GET", path.format("NONE-AT-ALL"), token="other")
        for wrong in ("a%20b", "x", "%C3%A9%C3%A9%C3%A9", "A" * 65, "A'--"):
            gate.refused(404, "GET", path.format(wrong), token="officer")


def test_event_stored(gate):
    e = submitted(f"{OPD}-GW-EV", id="a/b é?#%", source=f"/opd/{OPD}/siptj")
    path = f"/v1/events/%2Fopd%2F{OPD}%2Fsiptj/a%2Fb%20%C3%A9%3F%23%25"
    assert json.loads(gate.ask("GET", path).body) == {"stored": False, "source": e["source"], "id": e["id"]}
    gate.taken("POST", "/v1/events", e, media=CE)
    got = harness.eventually(lambda: json.loads(gate.ask("GET", path).body), lambda g: g["stored"], what="stored")
    assert abs(contract.datetime.datetime.fromisoformat(got["diterima"]).timestamp() - time.time()) < 60
    assert json.loads(gate.ask("GET", path, token="officer").body) == got
    assert gate.refused(404, "GET", path, token="other") == gate.refused(404, "GET", "/v1/events/%2Fopd%2F9.99/1", token="other")
    gate.refused(404, "GET", "/v1/events/%2Fbedelau%2Fvalidator/1")
    assert gate.ask("GET", "/v1/events/%2Fbedelau%2Fvalidator/1", token="officer").status == 200
    gate.refused(400, "GET", f"/v1/events/%2Fopd%2F{OPD}/a%ffb")
    assert gate.ask("GET", f"/v1/events/%2Fopd%2F{OPD}/a%01%22b").status == 200


# ---- when Kafka or Postgres is away -------------------------------------------------------------------------------------

@pytest.fixture
def behind(gate):
    """Starts a gateway that reaches Kafka and Postgres through proxies; ends it."""
    parts = psycopg2.extensions.parse_dsn(gate.p.conninfo)
    broker, = gate.tail.consumer.list_topics(timeout=30).brokers.values()
    way = types.SimpleNamespace(kafka=wire.Proxy(broker.host, broker.port).kafka(), pg=wire.Proxy(parts["host"], int(parts["port"])))
    started = []

    def start(**settings):
        name = f"gateway.{len(gate.p.procs)}"
        dsn = psycopg2.extensions.make_dsn(gate.p.conninfo, host="127.0.0.1", port=way.pg.port)
        gate.p.start(name, kafka_bootstrap_servers=f"127.0.0.1:{way.kafka.port}", postgres_conninfo=dsn, gateway_token_cache="5m", **settings)
        started.append(name)
        way.name, way.port = name, gate.p.ports[name]
        for token in ("opd", "officer"):  # so that it knows them
            gate.ask("GET", "/v1/requests/AAA", token=token, port=way.port)
        return way

    yield start
    for proxy in (way.kafka, way.pg):
        proxy.mend()
    assert [gate.p.terminate(name) for name in started] == [0] * len(started)
    for proxy in (way.kafka, way.pg):
        proxy.close()


def every_operation():
    """A request of each kind that would be taken: (method, path, body, token, media, headers)."""
    body, doc = callback(), os.urandom(9)
    sha = hashlib.sha256(doc).hexdigest()
    decision = {"revisi": 1, "putaran": 1, "keputusan": "diterima"}
    return [("POST", "/v1/events", submitted(f"{OPD}-GW-AWAY"), "opd", CE, {}),
            ("POST", "/v1/requests", form(None), "opd", JSON, {"Idempotency_Key": new_key()}),
            ("GET", f"/v1/requests/{OPD}-GW-1", None, "opd", None, {}), ("GET", f"/v1/requests/{OPD}-GW-1/timeline", None, "opd", None, {}),
            ("POST", f"/v1/requests/{OPD}-GW-AWAY/review", decision, "officer", JSON, {}),
            ("POST", "/v1/callbacks/bedelau", body, None, JSON, signature(body)),
            ("PUT", f"/v1/documents/{sha}", doc, "opd", "application/pdf", {}), ("GET", f"/v1/documents/{sha}", None, "opd", None, {}),
            ("GET", f"/v1/events/%2Fopd%2F{OPD}/1", None, "opd", None, {})]


def test_both_away(gate, behind):
    """503 and when to come again; with the same key the request is one, whatever became of the first attempt."""
    way = behind(gateway_delivery_limit="400ms")
    key, body = new_key(), odd_form()
    way.kafka.cut()
    answer = gate.ask("POST", "/v1/requests", body, Idempotency_Key=key, port=way.port)
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    way.pg.cut()
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        calls = [pool.submit(gate.ask, m, path, b, t, media, way.port, **h) for m, path, b, t, media, h in every_operation()]
        answers = [c.result() for c in calls]
    assert [a.status for a in answers] == [503] * 9
    harness.eventually(lambda: gate.p.ready(way.name), lambda s: s == 503, what="not ready")
    way.kafka.mend()
    way.pg.mend()
    receipt = harness.eventually(lambda: gate.ask("POST", "/v1/requests", body, Idempotency_Key=key, port=way.port),
                                 lambda a: a.status == 202, what="taken at last")
    assert gate.taken("POST", "/v1/requests", body, Idempotency_Key=key) == json.loads(receipt.body)
    receipt = json.loads(receipt.body)
    gate.p.await_status(receipt["nomor_permohonan"], "selesai")
    records = gate.tail.find(receipt)
    assert len({data_of(m.value()) for m in records}) == 1
    harness.eventually(gate.p.unread, lambda n: not n, what="all is read")
    assert gate.p.one("select count(*) from event where source = %s and id = %s", receipt["source"], receipt["id"]) == 1
    assert gate.p.rows("select * from dead_letter where topic like %s", f"{gate.p.prefix}.requests") == []


def test_too_many_of_one_token(gate, behind):
    way = behind(gateway_delivery_limit="1m", gateway_token_calls=1)
    calls = [c for c in every_operation() if c[3]]
    way.pg.stall()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(gate.ask, "GET", f"/v1/requests/{OPD}-GW-1", token=t, port=way.port) for t in ("opd", "officer")]
        status = f"http://127.0.0.1:{way.port}/statusz"
        harness.eventually(lambda: json.loads(harness.http(status)[1])["waiting"], lambda n: n == 2, what="both wait")
        for m, path, body, token, media, heads in calls:
            answer = gate.ask(m, path, body, token, media, way.port, **heads)
            assert answer.status == 429 and int(answer.headers["retry-after"]) > 0, (m, path, answer)
        way.pg.mend()
        assert [w.result().status for w in waiting] == [200, 200]
    assert gate.ask("GET", f"/v1/requests/{OPD}-GW-1", port=way.port).status == 200


# ---- looking back -------------------------------------------------------------------------------------------------------

def whole_file(request):
    """The tests below look back at those above: they say nothing where some were left out."""
    mine = {i.originalname for i in request.session.items if i.module is request.module}
    if mine != {n for n in dir(sys.modules[__name__]) if n.startswith("test_")}:
        pytest.skip("not the whole file is run")


def test_every_promise_was_seen(gate, request):
    whole_file(request)
    assert gate.contract.promised() - gate.contract.seen == set()


def test_nothing_refused_reached_kafka(gate, request):
    whole_file(request)
    there = gate.tail.to_the_end()
    told = {(e["source"], e["id"]) for e, _ in there}
    assert gate.accepted - told == set()
    # what the gateway gave up waiting for may have been delivered after all: the requests named so, and one callback
    unsaid = {(e["source"], e["id"]) for e, _ in there if "GW-AWAY" not in e["subject"]} - gate.accepted
    assert len(unsaid) <= 1 and {source for source, _ in unsaid} <= {"/bedelau/gateway/callback"}


def test_nothing_personal_in_the_logs(gate, request):
    whole_file(request)
    logs = sorted(gate.p.folder.glob("*.log"))
    assert len(logs) >= 8
    secret = [*PRIVATE, *gate.token.values(), *(base64.b64encode(k).decode() for k in KEYS)]
    for log in logs:
        text = log.read_text(encoding="utf-8")
        assert not [x for x in secret if x in text], log
    said = gate.p.log("gateway")
    assert "a callback was refused" in said  # it does log
