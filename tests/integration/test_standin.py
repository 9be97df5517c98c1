"""The stand-in over HTTP: what the endpoint does, the plain faults and the signed callback; scripts, authentication and the
rest of the kit are in test_standin_kit.py."""
import http.client
import json
import signal
import socket
import subprocess
import time

import pytest

from harness import eventually
from standin import API, BINARY, SECRET, Hook, Standin, is_signed


@pytest.fixture(scope="module")
def hook():
    h = Hook()
    yield h
    h.server.shutdown()


@pytest.fixture(scope="module")
def process():
    s = Standin(BEDELAU_STANDIN_CALLBACK_SECRET=SECRET)
    yield s
    s.process.send_signal(signal.SIGTERM)
    assert s.process.wait(10) == 0


@pytest.fixture
def standin(process):
    process.faults()
    assert process.ask("DELETE", "/_stats")[0] == 204
    return process


def test_registers_once_per_key(standin):
    first = standin.post("A-1")
    assert first[0] == 201 and first[2]["status"] == "aktif"
    again = standin.post("A-1")
    assert (again[0], again[2]) == (200, first[2])
    assert standin.post("A-1", kode_opd="2.02")[0] == 409
    s = standin.stats()
    assert (s["unique"], s["duplicates"], s["active"], s["requests"]) == (1, 0, 1, 3)


def test_without_idempotence_counts_duplicates(standin):
    standin.faults(idempotent=False)
    ids = {standin.post("A-1")[2]["id_integrasi"] for _ in range(3)}
    s = standin.stats()
    assert len(ids) == 3
    assert (s["unique"], s["duplicates"], s["active"]) == (1, 2, 1)
    listed = standin.ask("GET", API + "?nomor_permohonan=A-1")[2]
    assert [x["id_integrasi"] for x in listed] == sorted(ids, reverse=True)
    ledger = standin.ask("GET", "/_ledger")[2]
    assert [x["duplikat"] for x in ledger] == [False, True, True]


@pytest.mark.parametrize("code", [401, 403, 408, 425, 429, 500, 502, 503])
def test_plain_codes_do_nothing(standin, code):
    standin.faults(mix={str(code): 1}, retry_after_s=7)
    status, headers, _ = standin.post("A-1")
    assert status == code
    assert headers.get("Retry-After") == ("7" if code in (425, 429, 503) else None)
    assert standin.stats()["registrations"] == 0


def test_refusal_is_for_good(standin):
    standin.faults(mix={"422": 1})
    status, _, answer = standin.post("A-1")
    assert status == 422 and answer["kesalahan"][0]["field"] and answer["kesalahan"][0]["pesan"]
    standin.faults()
    assert standin.post("A-1")[0] == 422
    assert standin.post("A-1", putaran=2)[0] == 201


@pytest.mark.parametrize("fault,acted", [("hang", 1), ("hang_before", 0)])
def test_hang(standin, fault, acted):
    standin.faults(mix={fault: 1})
    with pytest.raises(socket.timeout):
        standin.post("A-1", timeout=0.3)
    s = standin.stats()
    assert (s["registrations"], s["answers"]["hang"]) == (acted, 1)
    standin.faults()
    assert standin.post("A-1")[0] == (200 if acted else 201)


def test_hang_is_bounded(standin):
    standin.faults(mix={"hang": 1}, hang_ms=100)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        standin.post("A-1")


def test_cut(standin):
    standin.faults(mix={"cut": 1})
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        standin.post("A-1")
    assert standin.stats()["registrations"] == 1
    standin.faults(mix={"cut_before": 1})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        standin.post("B-1")
    assert standin.stats()["registrations"] == 1


def test_latency(standin):
    standin.faults(latency_ms=150)
    start = time.monotonic()
    assert standin.post("A-1")[0] == 201
    assert time.monotonic() - start >= 0.15


def test_rules(standin):
    standin.faults(rules=[{"nomor": "X", "sequence": ["503", "202_tetap"]}, {"nomor": "T-*", "sequence": ["422"]}])
    assert [standin.post("X")[0] for _ in range(3)] == [503, 202, 200]
    assert standin.post("T-9")[0] == 422
    assert standin.post("A-1")[0] == 201


def test_202_ends_and_calls_back_signed(standin, hook):
    hook.refuse = 1
    standin.faults(mix={"202": 1}, callback_after_ms=100, retry_after_s=3)
    status, headers, answer = standin.post("A-1", url_callback=hook.url)
    assert (status, answer["status"], headers["Retry-After"]) == (202, "diproses", "3")
    assert standin.ask("GET", headers["Location"])[2]["status"] in ("diproses", "aktif")
    first, again = hook.got.get(timeout=10), hook.got.get(timeout=10)
    assert (first[2], again[2]) == (503, 204)
    assert first[1] == again[1]
    for headers, body, _ in (first, again):
        assert is_signed(headers, body)
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert first[0]["webhook-id"] == again[0]["webhook-id"]
    told = json.loads(again[1])
    assert {k: told[k] for k in ("nomor_permohonan", "status", "urutan", "alasan")} == {
        "nomor_permohonan": "A-1", "status": "aktif", "urutan": 2, "alasan": None}
    eventually(lambda: standin.stats()["callbacks"]["sent"], lambda n: n == 1, what="the callback is heard")
    assert standin.post("A-1", url_callback=hook.url)[2] == answer


@pytest.mark.parametrize("name,end", [("202", "aktif"), ("202_gagal", "gagal"), ("202_perbaikan", "menunggu_perbaikan")])
def test_202_ends_for_those_who_poll(standin, hook, name, end):
    standin.faults(mix={name: 1}, callback_after_ms=50, callbacks=False)
    where = standin.post("A-1", url_callback=hook.url)[1]["Location"]
    eventually(lambda: standin.ask("GET", where)[2]["status"], lambda s: s == end, what="the end of a 202")
    assert standin.stats()["callbacks"] == {"sent": 0, "failed": 0, "waiting": 0} and hook.got.empty()
    assert standin.stats()["active"] == (1 if end == "aktif" else 0)


def test_put_and_delete(standin, hook):
    id_ = standin.post("A-1")[2]["id_integrasi"]
    status, _, answer = standin.post("A-2", method="PUT", path=API + "/" + id_)
    assert (status, answer["id_integrasi"]) == (200, id_)
    assert standin.ask("GET", API + "/" + id_)[2]["nomor_permohonan"] == "A-2"
    assert standin.ask("GET", API + "?nomor_permohonan=A-2")[2][0]["id_integrasi"] == id_
    assert standin.stats()["active"] == 2
    for _ in range(2):
        status, _, answer = standin.ask("DELETE", API + "/" + id_)
        assert (status, answer["status"]) == (200, "dinonaktifkan")
    assert standin.stats()["active"] == 0
    assert standin.ask("DELETE", API + "/INT-0000000099")[0] == 404
    assert standin.post("A-3", method="PUT", path=API + "/INT-0000000099")[0] == 404


def test_delete_stops_a_202(standin, hook):
    """Of two 202s the first is taken back: once the second's end has been told, the first's was due and did not come."""
    standin.faults(mix={"202": 1}, callback_after_ms=1000)
    id_, _ = [standin.post(nomor, url_callback=hook.url)[2]["id_integrasi"] for nomor in ("A-1", "A-2")]
    standin.faults()
    assert standin.ask("DELETE", API + "/" + id_)[2]["status"] == "dinonaktifkan"
    told = json.loads(hook.got.get(timeout=10)[1])
    assert (told["nomor_permohonan"], told["status"]) == ("A-2", "aktif")
    done = eventually(lambda: standin.stats()["callbacks"], lambda c: c["waiting"] == 0, what="every callback is heard")
    assert done == {"sent": 1, "failed": 0, "waiting": 0} and hook.got.empty()
    assert standin.ask("GET", API + "/" + id_)[2]["status"] == "dinonaktifkan"


@pytest.mark.parametrize("body,key,want", [
    ("{", "A:1:1", 400), ("[]", "A:1:1", 400), ({"nomor_permohonan": "A"}, "A:1:1", 422),
    ({"nomor_permohonan": "A", "revisi": 1, "kode_opd": "1", "sistem": {"nama": "n"}}, "A:2:1", 400),
    ({"nomor_permohonan": "A", "revisi": 1, "kode_opd": "1", "sistem": {"nama": "n"}}, "B:1:1", 400),
    ({"nomor_permohonan": "A", "revisi": 1, "kode_opd": "1", "sistem": {"nama": "n"}}, "", 400),
    ({"nomor_permohonan": "A", "revisi": 1, "kode_opd": "1", "sistem": {"nama": "n"}, "nip_pj": "1"}, "A:1:1", 422),
])
def test_bad_requests(standin, body, key, want):
    status, _, answer = standin.ask("POST", API, body, {"Idempotency-Key": key})
    assert status == want and answer["kode"] and isinstance(answer["kesalahan"], list)
    assert standin.stats()["registrations"] == 0


def test_same_seed_same_faults(standin):
    def round_of(seed):
        standin.ask("DELETE", "/_stats")
        standin.faults(seed=seed, mix={"503": 0.3, "422": 0.2, "202_tetap": 0.2})
        return [standin.post("N-%d" % (i // 2))[0] for i in range(60)]

    first = round_of(5)
    assert len(set(first)) >= 4
    assert round_of(5) == first
    assert round_of(6) != first


def test_wrong_settings_and_options():
    for args, code in ((["--listen", "nowhere"], 78), (["--faults", "{\"x\":1}"], 78), (["--bogus"], 64), (["more"], 64)):
        p = subprocess.run([BINARY, "--listen", "127.0.0.1:0", *args], capture_output=True, text=True, timeout=10)
        assert p.returncode == code, args
        assert p.stderr
    assert "--callback-url" in subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=10).stdout


def test_stops_while_answers_and_ends_wait():
    s = Standin("--faults", json.dumps({"latency_ms": 60000, "mix": {"202": 1}, "callback_after_ms": 60000}))
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=10)
    body = {"nomor_permohonan": "A", "revisi": 1, "kode_opd": "1", "sistem": {"nama": "n"}}
    c.request("POST", API, json.dumps(body), {"Idempotency-Key": "A:1:1"})
    eventually(lambda: s.stats()["registrations"], lambda n: n == 1, what="the registration")
    s.process.terminate()
    assert c.getresponse().status == 503
    assert s.process.wait(10) == 0


def test_callback_url_option_goes_first(hook):
    s = Standin("--callback-url", hook.url, "--faults", "{\"mix\":{\"202\":1},\"callback_after_ms\":10}")
    s.post("A-1", url_callback="http://127.0.0.1:1/")
    headers, body, _ = hook.got.get(timeout=10)
    assert json.loads(body)["status"] == "aktif"
    assert "webhook-signature" not in headers
    s.process.terminate()
    assert s.process.wait(10) == 0
