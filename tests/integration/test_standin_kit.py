"""The stand-in's fault-injection kit: scripts, dice, violations, DELETE and PUT, authentication, callbacks out of order."""
import base64
import email.utils
import http.client
import json
import random
import socket
import urllib.parse

import pytest

from harness import eventually
from standin import API, SECRET, Hook, Standin


@pytest.fixture(scope="module")
def process():
    s = Standin(BEDELAU_STANDIN_CALLBACK_SECRET=SECRET)
    yield s
    assert s.stop() == 0


@pytest.fixture
def standin(process):
    process.faults()
    assert process.ask("DELETE", "/_stats")[0] == 204
    return process


@pytest.fixture
def hook():
    h = Hook()
    yield h
    h.gate.set()
    h.server.shutdown()


BROKEN = (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionResetError)


# ---- dice


def test_the_order_in_which_numbers_arrive_changes_nothing(standin):
    """POST, GET, PUT and DELETE of twelve numbers, one after the other and shuffled together."""
    mix = {"503": 0.3, "422": 0.1, "202_tetap": 0.2, "429": 0.1}

    def steps(nomor, told):
        for _ in range(4):
            told.append(standin.post(nomor)[0])
            yield
        for _ in range(4):
            told.append(standin.ask("GET", API + "?nomor_permohonan=" + nomor)[0])
            yield
        standin.ask("GET", API + "?nomor_permohonan=" + nomor)
        found = [r for r in standin.ledger() if r["nomor_permohonan"] == nomor]
        for _ in range(4 if found else 0):
            told.append(standin.delete(found[0]["id_integrasi"])[0])
            yield
        for _ in range(2 if found else 0):
            told.append(standin.post(nomor, 2, method="PUT", path=API + "/" + found[0]["id_integrasi"])[0])
            yield

    def run(order, seed):
        standin.ask("DELETE", "/_stats")
        standin.faults(seed=seed, mix=mix, mix_get={"500": 0.5})
        told = {n: [] for n in order}
        going = [steps(n, told[n]) for n in order]
        while going:
            one = dice.choice(going) if dice else going[0]
            if next(one, "end") == "end":
                going.remove(one)
        return told

    names = ["N-%d" % i for i in range(12)]
    dice = None
    first = run(names, 3)
    assert len({code for codes in first.values() for code in codes}) >= 5
    dice = random.Random(1)
    assert run(list(reversed(names)), 3) == first
    assert run(names, 4) != first


# ---- scripts


def test_script_is_used_up_then_the_mix_applies(standin):
    standin.faults(mix={"500": 1}, script={"A-1": [503, "ok", "202_tetap"], "B-*": [429], "B-7": ["422"]})
    assert [standin.post("A-1", putaran=i)[0] for i in (1, 1, 2, 3)] == [503, 201, 202, 500]
    assert [standin.post("B-1")[0] for _ in range(2)] == [429, 500]
    assert standin.post("B-2")[0] == 429  # each number of a prefix has its own
    assert standin.post("B-7")[0] == 422  # its own name goes before a prefix
    assert standin.stats()["steps"] == 6


def test_script_tells_methods_apart(standin):
    standin.faults(script={"A-1": ["POST 503", "GET 500", "DELETE 429", "PUT 502", "ok", {"method": "GET", "code": 404}]})
    assert [standin.ask("GET", API + "?nomor_permohonan=A-1")[0] for _ in range(3)] == [500, 404, 200]
    assert [standin.post("A-1")[0] for _ in range(2)] == [503, 201]
    id_ = standin.find("A-1")[0]["id_integrasi"]
    assert standin.post("A-1", 2, method="PUT", path=API + "/" + id_)[0] == 502
    assert [standin.delete(id_)[0] for _ in range(2)] == [429, 200]


def test_script_of_a_pencabutan_goes_by_its_own_number(standin):
    standin.faults(script={"CABUT-1": ["DELETE 503"]})
    id_ = standin.post("A-1")[2]["id_integrasi"]
    assert [standin.delete(id_, "CABUT-1:1:1")[0] for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("step,acted", [("hang", 1), ({"code": "hang", "apply": False}, 0), ("hang_before", 0)])
def test_script_hangs(standin, step, acted):
    standin.faults(script={"A-1": [step]})
    with pytest.raises(socket.timeout):
        standin.post("A-1", timeout=0.3)
    assert standin.stats()["registrations"] == acted
    assert standin.post("A-1")[0] == (200 if acted else 201)


def test_script_cuts(standin):
    standin.faults(script={"A-1": ["cut"], "B-1": [{"code": "cut", "apply": False}], "C-1": ["GET cut", "POST ok"]})
    standin.post("C-1")
    for call in (lambda: standin.post("A-1"), lambda: standin.post("B-1"), lambda: standin.find("C-1")):
        with pytest.raises(BROKEN):
            call()
    assert {r["nomor_permohonan"] for r in standin.ledger()} == {"A-1", "C-1"}


def test_script_apply(standin):
    """An error that took effect all the same, and a success that did not."""
    standin.faults(script={"A-1": [{"code": 503, "apply": True}], "B-1": [{"code": 201, "apply": False}]})
    assert standin.post("A-1")[0] == 503
    assert standin.find("A-1")[0]["status"] == "aktif"
    status, _, answer = standin.post("B-1")
    assert (status, answer["status"]) == (201, "aktif")
    assert standin.find("B-1") == [] and standin.ask("GET", API + "/" + answer["id_integrasi"])[0] == 404
    assert standin.post("A-1")[0] == 200


def test_script_body_and_headers(standin):
    standin.faults(latency_ms=0, retry_after_s=9, script={
        "A-1": [{"code": 200, "apply": False, "body": {"success": False, "pesan": "penuh"}},
                {"code": 201, "body": "{\"data\":{\"id\":\"{id}\",\"nomor\":\"{nomor}\"}}"}],
        "B-1": [{"code": 503, "retry_after_s": 4}, {"code": 503, "retry_after_s": None}, 503,
                {"code": 500, "retry_after_s": "Wed, 21 Oct 2015 07:28:00 GMT"}]})
    assert standin.post("A-1")[::2] == (200, {"success": False, "pesan": "penuh"})
    status, _, answer = standin.post("A-1")
    assert status == 201 and answer == {"data": {"id": standin.find("A-1")[0]["id_integrasi"], "nomor": "A-1"}}
    assert [standin.post("B-1")[1].get("Retry-After") for _ in range(4)] == [
        "4", None, "9", "Wed, 21 Oct 2015 07:28:00 GMT"]


def test_retry_after_as_a_date(standin):
    standin.faults(mix={"503": 1}, retry_after_s=3600, retry_after_date=True)
    status, headers, _ = standin.post("A-1")
    wait = (email.utils.parsedate_to_datetime(headers["Retry-After"]) -
            email.utils.parsedate_to_datetime(headers["Date"])).total_seconds()
    assert status == 503 and 3598 <= wait <= 3602


def test_script_delays_one_answer(standin):
    """The delayed call took effect at once; the next one is not delayed."""
    standin.faults(script={"A-1": [{"code": 201, "delay_ms": 60000}]})
    with pytest.raises(socket.timeout):
        standin.post("A-1", timeout=0.2)
    assert standin.post("A-1")[0] == 200


def test_new_settings_start_scripts_anew(standin):
    for _ in range(2):
        standin.faults(script={"A-*": [503]})
        assert standin.post("A-1")[0] == 503
    standin.faults()
    assert standin.post("A-1")[0] == 201


@pytest.mark.parametrize("script", [
    [], {"A": []}, {"A": [99]}, {"A": ["hung"]}, {"A": ["PATCH 503"]}, {"A": [{"code": 503, "x": 1}]}, {"A": [None]},
    {"A": [{"apply": 1}]}, {"A": [{"delay_ms": -1}]}, {"A": [{"callback": "selesai"}]}, {"A": [503] * 65},
    {"A": [{"callback": {"late": 1}}]}, {"A": [{"method": "HEAD"}]},
])
def test_wrong_scripts_are_refused_and_change_nothing(standin, script):
    standin.faults(script={"A-1": [503]})
    status, _, answer = standin.ask("PUT", "/_faults", {"script": script})
    assert status == 400 and answer["detail"]
    assert standin.post("A-1")[0] == 503


# ---- effects that come late


def late(standin, nomor, **more):
    with pytest.raises(socket.timeout):
        standin.post(nomor, timeout=0.2, **more)


def let_late(standin):
    """All that waits takes effect; how many have by now."""
    assert standin.ask("POST", "/_late")[0] == 204
    assert standin.stats()["late"]["waiting"] == 0
    return standin.stats()["late"]["done"]


def test_late_effect_is_not_there_when_asked_too_soon(standin):
    standin.faults(script={"A-1": ["late"]}, late_ms=None)
    late(standin, "A-1")
    assert standin.find("A-1") == [] and standin.stats()["late"] == {"done": 0, "waiting": 1}
    assert let_late(standin) == 1
    assert standin.find("A-1")[0]["status"] == "aktif"
    assert standin.post("A-1")[0] == 200


@pytest.mark.parametrize("idempotent,duplicates", [(True, 0), (False, 1)])
def test_who_repeats_before_a_late_effect(standin, idempotent, duplicates):
    standin.faults(idempotent=idempotent, late_ms=None, rules=[{"nomor": "A-1", "sequence": ["late", "201"]}])
    late(standin, "A-1")
    assert standin.post("A-1")[0] == 201
    assert let_late(standin) == duplicates
    assert (standin.stats()["duplicates"], standin.stats()["active"]) == (duplicates, 1)


def test_late_effect_is_told(standin, hook):
    standin.faults(callback_after_ms=10, script={"A-1": [{"code": "late", "delay_ms": 300, "callback": "aktif"}]})
    late(standin, "A-1", url_callback=hook.url)  # by its own clock
    assert hook.take()["status"] == "aktif"


def test_late_put(standin):
    id_ = standin.post("A-1")[2]["id_integrasi"]
    standin.faults(late_ms=None, mix={"late": 1})
    late(standin, "A-2", method="PUT", path=API + "/" + id_)
    assert let_late(standin) == 1
    assert standin.find("A-2")[0]["id_integrasi"] == id_


# ---- what the ledger sees


def test_same_key_with_another_body_is_a_violation(standin):
    standin.faults(script={"A-1": [503]})
    assert standin.post("A-1")[0] == 503
    assert standin.post("A-1", kode_opd="2.02")[0] == 201  # the endpoint kept nothing of a 503; the kit did
    assert standin.post("A-1")[0] == 409
    assert standin.stats()["violations"] == {"conflict": 1, "key": 0, "body": 0}
    line, = [r for r in standin.ledger() if "pelanggaran" in r]
    assert line == {"pelanggaran": "conflict", "nomor_permohonan": "A-1", "kunci": "A-1:1:1", "metode": "POST"}


def test_same_key_with_another_method_is_a_violation(standin):
    id_ = standin.post("A-1")[2]["id_integrasi"]
    assert standin.post("A-1", method="PUT", path=API + "/" + id_)[0] == 409
    standin.delete(id_, "A-1:1:1")
    assert standin.stats()["violations"]["conflict"] == 2
    assert [r["metode"] for r in standin.ledger()] == ["POST", "PUT", "DELETE", "DELETE"]


def test_without_idempotence_a_conflict_and_a_duplicate(standin):
    standin.faults(idempotent=False)
    for opd in ("1.01", "1.01", "2.02"):
        assert standin.post("A-1", kode_opd=opd)[0] == 201
    stats = standin.stats()
    assert (stats["duplicates"], stats["violations"]["conflict"]) == (2, 1)
    assert [r.get("duplikat") for r in standin.ledger()] == [False, True, None, True]


def test_bad_keys_and_bodies_are_counted(standin):
    assert standin.post("A-1", token="x")[0] == 422
    assert standin.ask("POST", API, "{", {"Idempotency-Key": "A-1:1:1"})[0] == 400
    assert standin.post("A-1", headers={"Idempotency-Key": "A-1:2:1"})[0] == 400
    assert standin.stats()["violations"] == {"conflict": 0, "key": 1, "body": 2}


def test_ledger_in_pieces(standin):
    ids = [standin.post("A-%d" % i)[2]["id_integrasi"] for i in range(3)]
    standin.delete(ids[0])
    standin.post("A-3")
    whole = standin.ledger()
    assert [(r["metode"], r["nomor_permohonan"]) for r in whole] == [
        ("POST", "A-0"), ("POST", "A-1"), ("POST", "A-2"), ("DELETE", "A-0"), ("POST", "A-3")]
    pieces = [standin.ask("GET", f"/_ledger?from={i}&limit=2")[2] for i in range(0, 6, 2)]
    assert sum(pieces, []) == whole


# ---- PUT and DELETE


@pytest.mark.parametrize("outcome,code", [("201", 200), ("202", 202), ("422", 422), ("503", 503), ("401", 401)])
def test_put_answers_like_post(standin, outcome, code):
    id_ = standin.post("A-1")[2]["id_integrasi"]
    standin.faults(mix={outcome: 1}, callback_after_ms=None)

    def put(**more):
        return standin.post("A-2", method="PUT", path=API + "/" + id_, **more)

    first = put()
    assert first[0] == code
    standin.faults()
    again = put()
    if code in (200, 202):
        assert again[::2] == (200, first[2])
        assert put(kode_opd="9.99")[0] == 409
        assert standin.find("A-2")[0]["status"] == ("aktif" if code == 200 else "diproses")
    else:
        assert again[0] == (422 if code == 422 else 200)
    assert standin.stats()["active"] == (1 if code == 422 else 2)
    assert standin.stats()["duplicates"] == 0


def test_put_without_idempotence_is_a_duplicate(standin):
    standin.faults(idempotent=False)
    id_ = standin.post("A-1")[2]["id_integrasi"]
    for _ in range(2):
        assert standin.post("A-2", method="PUT", path=API + "/" + id_)[0] == 200
    assert [(r["metode"], r["duplikat"]) for r in standin.ledger()] == [("POST", False), ("PUT", False), ("PUT", True)]
    assert standin.stats()["active"] == 2


def test_delete_leads_to_dinonaktifkan_and_the_ledger_tells(standin, hook):
    id_ = standin.post("A-1", url_callback=hook.url)[2]["id_integrasi"]
    standin.faults(mix={"503": 1})
    assert standin.delete(id_, "C-1:1:1")[0] == 503 and standin.stats()["active"] == 1
    standin.faults(mix={"202": 1}, callback_after_ms=50)
    assert standin.delete(id_, "C-1:1:1")[0] == 202
    assert hook.take()["status"] == "dinonaktifkan"
    standin.faults()
    status, _, answer = standin.delete(id_, "C-1:1:1")
    assert (status, answer["status"]) == (200, "dinonaktifkan")
    assert (standin.stats()["active"], standin.stats()["deleted"]) == (0, 1)
    line = standin.ledger()[-1]
    assert (line["metode"], line["kunci"], line["status"], line["urutan"]) == ("DELETE", "C-1:1:1", "diproses", 2)


def test_delete_before_aktif_may_leave_nothing(standin):
    standin.faults(mix={"202_tetap": 1}, delete_removes=True)
    id_ = standin.post("A-1")[2]["id_integrasi"]
    assert standin.delete(id_)[0] == 204
    assert standin.find("A-1") == [] and standin.ask("GET", API + "/" + id_)[0] == 404
    assert standin.delete(id_)[0] == 404
    assert standin.post("A-2", method="PUT", path=API + "/" + id_)[0] == 404
    assert (standin.stats()["active"], [r["metode"] for r in standin.ledger()]) == (0, ["POST", "DELETE"])
    standin.faults(delete_removes=True)
    id_ = standin.post("B-1")[2]["id_integrasi"]
    assert standin.delete(id_)[0] == 200 and standin.find("B-1")[0]["status"] == "dinonaktifkan"


# ---- callbacks


def test_callback_comes_late(standin, hook):
    """What was planned for later comes after what was planned for sooner."""
    standin.faults(script={"A-1": [{"code": 202, "callback": {"after_ms": 1000}}],
                           "B-1": [{"code": 202, "callback": {"after_ms": 10}}]})
    for nomor in ("A-1", "B-1"):
        assert standin.post(nomor, url_callback=hook.url)[0] == 202
    assert [hook.take()["nomor_permohonan"] for _ in range(2)] == ["B-1", "A-1"]


def test_callback_twice(standin, hook):
    standin.faults(mix={"202": 1}, callback_after_ms=10, callback_twice=True)
    standin.post("A-1", url_callback=hook.url)
    (first, body, _), (second, again, _) = hook.got.get(timeout=10), hook.got.get(timeout=10)
    assert first["webhook-id"] == second["webhook-id"] and body == again
    eventually(lambda: standin.stats()["callbacks"], lambda c: c == {"sent": 2, "failed": 0, "waiting": 0})


def test_callbacks_reversed(standin, hook):
    standin.faults(mix={"202_gagal": 1}, callback_after_ms=10, callback_reversed=True)
    standin.post("A-1", url_callback=hook.url)
    told = [hook.take() for _ in range(2)]
    assert [(t["status"], t["urutan"]) for t in told] == [("gagal", 2), ("diproses", 1)]
    assert told[0]["waktu"] > told[1]["waktu"] and told[1]["alasan"] is None
    eventually(lambda: standin.stats()["callbacks"]["sent"], lambda n: n == 2)


def test_callback_before_the_answer(standin, hook):
    """The answer comes only when the callback has been answered, and still says diproses."""
    standin.faults(mix={"202": 1}, callback_first=True, callback_after_ms=60000)
    hook.gate.clear()
    with pytest.raises(socket.timeout):
        standin.post("A-1", url_callback=hook.url, timeout=0.5)
    assert hook.take()["status"] == "aktif"
    hook.gate.set()
    status, _, answer = standin.post("B-1", url_callback=hook.url)
    assert (status, answer["status"]) == (202, "diproses")
    assert hook.got.qsize() == 1 and hook.take()["nomor_permohonan"] == "B-1"
    assert standin.find("B-1")[0]["status"] == "aktif"
    assert standin.post("C-1")[0] == 202  # nobody to be told


def test_callback_of_a_step(standin, hook):
    standin.faults(callback_after_ms=10, script={
        "A-1": [{"code": 202, "callback": "menunggu_perbaikan"}], "B-1": [{"code": 202, "callback": False}],
        "C-1": [{"code": 201, "callback": "dinonaktifkan"}],
        "D-1": [{"code": "hang", "callback": {"status": "gagal", "twice": True}}]})
    assert standin.post("B-1", url_callback=hook.url)[0] == 202
    eventually(lambda: standin.find("B-1")[0]["status"], lambda s: s == "aktif")
    assert standin.stats()["callbacks"] == {"sent": 0, "failed": 0, "waiting": 0}
    standin.post("A-1", url_callback=hook.url)
    assert hook.take()["status"] == "menunggu_perbaikan"
    assert standin.post("C-1", url_callback=hook.url)[2]["status"] == "aktif"
    assert [hook.take()[k] for k in ("status",)] == ["dinonaktifkan"]
    with pytest.raises(socket.timeout):
        standin.post("D-1", url_callback=hook.url, timeout=0.2)
    assert [hook.take()["status"] for _ in range(2)] == ["gagal", "gagal"]
    assert standin.stats()["active"] == 1


def test_stops_and_forgets_while_effects_are_late():
    s = Standin("--faults", json.dumps({"mix": {"late": 1}, "late_ms": 60000}))
    late(s, "A-1")
    assert s.ask("DELETE", "/_stats")[0] == 204 and s.stats()["late"]["waiting"] == 0
    late(s, "B-1")
    assert s.stop() == 0


def test_stops_while_a_callback_holds_an_answer_back(hook):
    s = Standin("--faults", json.dumps({"mix": {"202": 1}, "callback_first": True, "callback_reversed": True}))
    hook.gate.clear()
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=10)
    body = {"nomor_permohonan": "A", "revisi": 1, "kode_opd": "1", "sistem": {"nama": "n"}, "url_callback": hook.url}
    c.request("POST", API, json.dumps(body), {"Idempotency-Key": "A:1:1"})
    hook.got.get(timeout=10)
    assert s.stats()["callbacks"]["waiting"] == 2
    s.process.terminate()
    assert c.getresponse().status == 503
    assert s.process.wait(10) == 0


# ---- authentication


CLIENT = {"client_id": "klien-uji", "client_secret": "hanya & untuk = uji"}


def token(standin, form=None, headers=None, content_type="application/x-www-form-urlencoded"):
    form = {"grant_type": "client_credentials", **CLIENT} if form is None else form
    return standin.ask("POST", "/oauth/token", urllib.parse.urlencode(form), {"Content-Type": content_type, **(headers or {})})


def bearer(answer):
    return {"Authorization": "Bearer " + answer[2]["access_token"]}


def basic(user, word):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()}


@pytest.mark.parametrize("auth,right,wrong", [
    ({"kind": "bearer", "token": "rahasia-uji"}, {"Authorization": "Bearer rahasia-uji"}, {"Authorization": "Bearer lain"}),
    ({"kind": "basic", **CLIENT}, basic(*CLIENT.values()), basic("klien-uji", "lain")),
    ({"kind": "api_key", "token": "kunci-uji"}, {"X-Api-Key": "kunci-uji"}, {"X-Api-Key": "lain"}),
    ({"kind": "api_key", "token": "kunci-uji", "header": "X-Kunci", "expired_code": 403}, {"X-Kunci": "kunci-uji"},
     {"X-Api-Key": "kunci-uji"}),
])
def test_fixed_credentials(standin, auth, right, wrong):
    standin.faults(auth=auth, mix={"202_tetap": 1})
    code = auth.get("expired_code", 401)
    assert standin.post("A-1")[0] == code and standin.post("A-1", headers=wrong)[0] == code
    assert standin.stats()["registrations"] == 0 and standin.stats()["unauthorized"] == 2
    status, _, answer = standin.post("A-1", headers=right)
    assert status == 202
    where = API + "/" + answer["id_integrasi"]
    for method, path in (("GET", where), ("GET", API + "?nomor_permohonan=A-1"), ("DELETE", where), ("PUT", where)):
        assert standin.ask(method, path, headers=wrong)[0] == code
    assert standin.ask("GET", where, headers=right)[2]["status"] == "diproses"


def test_oauth2(standin):
    standin.faults(auth={"kind": "oauth2", **CLIENT, "token_ttl_s": 60, "expires_in_s": 90})
    assert standin.post("A-1")[0] == 401
    got = token(standin)
    assert got[0] == 200 and (got[2]["token_type"], got[2]["expires_in"]) == ("Bearer", 90)
    assert got[1]["Cache-Control"] == "no-store"
    assert standin.post("A-1", headers=bearer(got))[0] == 201
    by_header = token(standin, {"grant_type": "client_credentials"}, basic(*CLIENT.values()))
    assert by_header[0] == 200 and by_header[2]["access_token"] != got[2]["access_token"]
    assert standin.post("A-1", headers=bearer(got))[0] == 200  # the older one is good still
    assert standin.stats()["tokens"] == {"requests": 2, "issued": 2, "refused": 0}


@pytest.mark.parametrize("form,headers,content_type,want", [
    ({"grant_type": "client_credentials", "client_id": "klien-uji", "client_secret": "lain"}, {}, None, (401, "invalid_client")),
    ({"grant_type": "client_credentials"}, {}, None, (401, "invalid_client")),
    ({"grant_type": "client_credentials"}, basic("klien-uji", "lain"), None, (401, "invalid_client")),
    ({"grant_type": "password", **CLIENT}, {}, None, (400, "unsupported_grant_type")),
    ({"grant_type": "client_credentials", **CLIENT}, {}, "application/json", (400, "invalid_request")),
])
def test_oauth2_refuses(standin, form, headers, content_type, want):
    standin.faults(auth={"kind": "oauth2", **CLIENT})
    got = token(standin, form, headers, content_type or "application/x-www-form-urlencoded")
    assert (got[0], got[2]) == (want[0], {"error": want[1]})
    assert ("WWW-Authenticate" in got[1]) == (want[0] == 401)
    assert standin.stats()["tokens"] == {"requests": 1, "issued": 0, "refused": 1}


@pytest.mark.parametrize("code", [401, 403])
@pytest.mark.parametrize("how", ["calls", "revoked", "ttl"])
def test_tokens_end(standin, code, how):
    auth = {"kind": "oauth2", **CLIENT, "expired_code": code}
    limit = {"calls": {"token_calls": 2}, "ttl": {"token_ttl_s": 0}, "revoked": {}}[how]
    standin.faults(auth=auth)
    old = bearer(token(standin))
    standin.faults(auth={**auth, **limit})
    mine = bearer(token(standin))
    if how == "calls":
        assert [standin.post("A-%d" % i, headers=mine)[0] for i in range(2)] == [201, 201]
    if how == "revoked":
        assert standin.ask("DELETE", "/oauth/token")[0] == 204
    before = standin.stats()["registrations"]
    assert standin.post("B-1", headers=mine)[0] == code
    assert standin.post("B-1", headers=old)[0] == (code if how == "revoked" else 201)
    assert standin.stats()["registrations"] == before + (how != "revoked")


def test_every_call_is_refused(standin):
    standin.faults(auth={"kind": "oauth2", **CLIENT, "reject": True, "expired_code": 403})
    assert standin.post("A-1", headers=bearer(token(standin)))[0] == 403
    standin.faults(auth={"kind": "none", "reject": True})
    assert standin.post("A-1")[0] == 401
    assert standin.stats()["registrations"] == 0


def test_token_endpoint_in_trouble(standin):
    standin.faults(auth={"kind": "oauth2", **CLIENT, "token_code": 503})
    assert token(standin)[0] == 503
    standin.faults(auth={"kind": "oauth2", **CLIENT, "token_delay_ms": 60000})
    with pytest.raises(socket.timeout):
        standin.ask("POST", "/oauth/token", urllib.parse.urlencode({"grant_type": "client_credentials", **CLIENT}),
                    {"Content-Type": "application/x-www-form-urlencoded"}, timeout=0.2)
    standin.faults()
    assert token(standin)[0] == 404


@pytest.mark.parametrize("auth", [
    [], {"kind": "digest"}, {"kind": "oauth2"}, {"kind": "bearer"}, {"kind": "basic", "client_id": "x"}, {"kind": "api_key"},
    {"kind": "none", "expired_code": 402}, {"kind": "none", "token_code": 200}, {"kind": "none", "x": 1}, {"kind": "none", "reject": 1},
])
def test_wrong_auth_is_refused(standin, auth):
    status, _, answer = standin.ask("PUT", "/_faults", {"auth": auth})
    assert status == 400 and answer["detail"]


# ---- size


def test_holds_many_numbers(standin):
    """20,000 registrations on one connection; scripts and dice find theirs."""
    standin.faults(mix={"202_tetap": 0.1}, script={"M-19999": [503]})
    c = http.client.HTTPConnection("127.0.0.1", standin.port, timeout=30)
    codes = {}
    for i in range(20000):
        nomor = f"M-{i}"
        body = '{"nomor_permohonan":"%s","revisi":1,"kode_opd":"1","sistem":{"nama":"n"}}' % nomor
        c.request("POST", API, body, {"Idempotency-Key": nomor + ":1:1"})
        r = c.getresponse()
        r.read()
        codes[r.status] = codes.get(r.status, 0) + 1
    c.close()
    assert codes[503] == 1 and codes[201] + codes[202] == 19999 and 1800 < codes[202] < 2200
    assert standin.stats()["active"] == 19999
    assert standin.find("M-12345")[0]["revisi"] == 1
