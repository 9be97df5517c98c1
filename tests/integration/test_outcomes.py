"""What becomes of a request at Bedelau, in every order in which it can be learned: changes, endings, withdrawals, callbacks."""
import json
import re

import harness
import pytest
from bedelau import SLOW, A, B, C, jobs
from harness import FAST, OPD, await_told, event, eventually, refusals, review, told

def standin_get(p, path):
    status, body = harness.http(p.standin(path))
    assert status == 200, body
    return json.loads(body)


# ---- changes and endings, through the whole pipeline ---------------------------------------------------------------------


@pytest.fixture
def active(pipeline):
    """A pipeline with an integration that is aktif, and its id."""
    p = pipeline(**FAST)
    p.start(*harness.WORKERS)
    p.submit(A)
    p.flush()
    number = p.await_status(A, "selesai")["id_integrasi"]
    p.await_quiet()  # the validator knows of it too
    return p, number


def change(p, nomor, jenis, asal=A, **more):
    p.submit(nomor, jenis_pengajuan=jenis, nomor_permohonan_asal=asal, **more)
    p.flush()


def test_a_change_and_an_ending(active):
    p, number = active
    change(p, B, "perubahan")
    assert p.await_status(B, "selesai")["id_integrasi"] == number
    shown = standin_get(p, f"/api/v1/integrasi/{number}")
    assert (shown["nomor_permohonan"], shown["status"]) == (B, "aktif")
    change(p, C, "pencabutan")
    assert p.await_status(C, "selesai")["id_integrasi"] == number
    assert standin_get(p, f"/api/v1/integrasi/{number}")["status"] == "dinonaktifkan"
    assert [e["status_bedelau"] for e in told(p, C, "integration.completed")] == ["dinonaktifkan"]
    # the original hears of its end, and nothing can be changed any more
    await_told(p, A, "integration.completed", 2)
    assert [e["status_bedelau"] for e in told(p, A, "integration.completed")] == ["aktif", "dinonaktifkan"]
    assert p.request(A)["status"] == "selesai"
    p.await_quiet()
    change(p, f"{OPD}-O-4", "perubahan")
    p.await_status(f"{OPD}-O-4", "dikembalikan")
    stats = p.stats()
    assert (stats["post"], stats["put"], stats["delete"], stats["active"], stats["duplicates"]) == (1, 1, 1, 0, 0), stats
    harness.every_event_once(p)


@pytest.mark.parametrize("outcome", ["hang", "hang_before", "cut"])
def test_the_end_of_a_change_is_not_known(active, outcome):
    """Repeated under the same key after the attempt can act no more; one effect, and nobody has to ask."""
    p, number = active
    p.faults(seed=1, rules=[{"nomor": B, "sequence": [outcome, "201"]}])
    change(p, B, "perubahan")
    p.await_status(B, "selesai")
    p.await_quiet()
    stats = p.stats()
    assert (stats["put"], stats["duplicates"], stats["get"], stats["active"]) == (2, 0, 0, 2), stats
    assert [r["nomor_permohonan"] for r in [standin_get(p, f"/api/v1/integrasi/{number}")]] == [B]
    tries = p.rows("select no, fate, quiet_until, sent_at, step from attempt_integrator where key = %s order by no", f"{B}:1:1")
    assert [t["step"] for t in tries] == ["wait", "send", "send"]
    assert tries[1]["fate"] == "unknown" and tries[2]["sent_at"] >= tries[1]["quiet_until"]


@pytest.mark.parametrize("outcome", ["hang", "hang_before", "cut"])
def test_the_end_of_an_ending_is_not_known(active, outcome):
    p, number = active
    p.faults(seed=1, mix={outcome: 1.0})
    change(p, C, "pencabutan")
    eventually(lambda: p.stats()["delete"], what="the DELETE")
    p.faults(seed=1)
    p.await_status(C, "selesai")
    p.await_quiet()
    assert standin_get(p, f"/api/v1/integrasi/{number}")["status"] == "dinonaktifkan"
    assert p.stats()["delete"] >= 2 and p.stats()["active"] == 0


def test_an_original_that_bedelau_has_forgotten(active):
    """A change of it is refused with the reason, an ending has nothing left to do."""
    p, _ = active
    assert harness.http(p.standin("/_stats"), "DELETE")[0] // 100 == 2
    change(p, B, "perubahan")
    row = eventually(lambda: p.request(B), lambda r: r and r["putaran"] == 2, what="a second round")
    assert row["status"] == "diperiksa"
    rejected = told(p, B, "integration.rejected")
    assert [(e["kode_http"], e["alasan"]) for e in rejected] == [(404, "integrasi dari permohonan asal tidak ada di Bedelau")]
    change(p, C, "pencabutan")
    p.await_status(C, "selesai")
    assert [(e["kode_http"], e["status_bedelau"]) for e in told(p, C, "integration.completed")] == [(404, "dinonaktifkan")]
    p.await_quiet()


def test_taken_on_now_and_done_later(active):
    """202 to a PUT and to a DELETE: followed by polling, each to its own end."""
    p, number = active
    p.faults(seed=1, mix={"202": 1.0}, callback_after_ms=300, callbacks=False)
    change(p, B, "perubahan")
    p.await_status(B, "selesai")
    assert [e["status_bedelau"] for e in told(p, B, "integration.registered")] == ["diproses"]
    change(p, C, "pencabutan")
    p.await_status(C, "selesai")
    p.await_quiet()
    assert standin_get(p, f"/api/v1/integrasi/{number}")["status"] == "dinonaktifkan"
    stats = p.stats()
    assert (stats["put"], stats["delete"], stats["active"]) == (1, 1, 0), stats


# ---- the integrator alone, told by hand in the order that the test wants -------------------------------------------------


@pytest.mark.parametrize("first", ["aktif", "diproses"])
def test_withdrawn_while_it_is_being_sent(story, first):
    """201 or 202 comes after the withdrawal: it is taken back, and only then told as cancelled."""
    s = story(**SLOW)
    s.bedelau.first = first
    s.bedelau.hold("POST")
    s.accept(A)
    s.bedelau.await_calls("POST", 1)
    s.check(A, "dibatalkan")
    assert told(s.p, A, "integration.cancelled") == []
    s.bedelau.release("POST")
    s.ended(A, "dibatalkan", "cancelled")
    assert s.bedelau.methods() == ["POST", "DELETE"] and s.bedelau.effective() == []
    assert "idempotency-key" not in s.bedelau.calls[1].headers


def test_withdrawn_before_it_is_sent(story):
    s = story()
    s.form(A)
    s.check(A, "menunggu_pemeriksa")
    s.check(A, "dibatalkan")
    s.check(A)  # cannot be, and must not send all the same
    s.ended(A, "dibatalkan")
    assert s.bedelau.calls == []


def test_withdrawn_while_bedelau_works_on_it(story):
    s = story(**SLOW)
    s.bedelau.first = "diproses"
    s.accept(A)
    await_told(s.p, A, "integration.registered")
    s.check(A, "dibatalkan")
    s.ended(A, "dibatalkan", "registered", "cancelled")
    assert s.bedelau.methods() == ["POST", "DELETE"] and s.bedelau.effective() == []


def test_a_callback_before_the_withdrawal_wins(story):
    s = story(**SLOW)
    s.bedelau.first = "diproses"
    s.accept(A)
    number = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    s.bedelau.set(number, "aktif")
    s.callback(A, number, "aktif", 2)
    s.check(A, "dibatalkan")
    s.ended(A, "selesai", "registered", "completed")
    assert s.bedelau.methods() == ["POST"] and s.bedelau.effective() == [A]


def test_a_callback_while_it_is_taken_back(story):
    """Whatever Bedelau says meanwhile, the DELETE that is under way decides."""
    s = story(**SLOW)
    s.bedelau.first = "diproses"
    s.accept(A)
    number = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    s.bedelau.hold("DELETE")
    s.check(A, "dibatalkan")
    s.bedelau.await_calls("DELETE", 1)
    s.callback(A, number, "aktif", 2)
    s.bedelau.release("DELETE")
    s.ended(A, "dibatalkan", "registered", "cancelled")
    assert s.bedelau.effective() == []


def test_a_callback_after_it_was_taken_back(story):
    """Bedelau goes on with it all the same: it is taken back once more, and told once more."""
    s = story(**SLOW)
    s.bedelau.first = "diproses"
    s.accept(A)
    number = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    s.check(A, "dibatalkan")
    s.ended(A, "dibatalkan", "registered", "cancelled")
    s.bedelau.set(number, "aktif")
    s.callback(A, number, "aktif", 5)
    s.ended(A, "dibatalkan", "registered", "cancelled", "cancelled")
    assert s.bedelau.methods() == ["POST", "DELETE", "DELETE"] and s.bedelau.effective() == []


@pytest.mark.parametrize("acts", [True, False])
def test_withdrawn_while_the_end_is_not_known(story, acts):
    """The connection was cut: ask, and take back what is there. Nothing is sent a second time."""
    s = story(**{**SLOW, "integrator_timeout": "2s", "integrator_lease": "4s"})
    s.bedelau.cut("POST", acts=acts)
    s.bedelau.hold("GET")
    s.accept(A)
    s.bedelau.await_calls("GET", 1)
    s.check(A, "dibatalkan")
    s.bedelau.release("GET")
    s.ended(A, "dibatalkan", "cancelled")
    assert [m for m in s.bedelau.methods() if m != "GET"] == ["POST"] + ["DELETE"] * acts
    assert s.bedelau.effective() == []


def test_refused_after_the_withdrawal(story):
    s = story(**SLOW)
    s.bedelau.answers["POST"] = [(422, {"kesalahan": [{"field": "sistem.url", "pesan": "Tidak dikenal"}]})]
    s.bedelau.hold("POST")
    s.accept(A)
    s.bedelau.await_calls("POST", 1)
    s.check(A, "dibatalkan")
    s.bedelau.release("POST")
    s.ended(A, "dibatalkan", "cancelled")
    assert s.bedelau.methods() == ["POST"]


# ---- changes and endings that are withdrawn ------------------------------------------------------------------------------


def with_original(s):
    s.accept(A)
    number = await_told(s.p, A, "integration.completed")[0]["id_integrasi"]
    s.bedelau.calls.clear()
    return number


METHOD = {"perubahan": "PUT", "pencabutan": "DELETE"}


@pytest.mark.parametrize("jenis", ["perubahan", "pencabutan"])
def test_a_change_that_took_effect_cannot_be_withdrawn(story, jenis):
    s = story(**SLOW)
    with_original(s)
    s.bedelau.hold(METHOD[jenis])
    s.accept(B, jenis, A)
    s.bedelau.await_calls(METHOD[jenis], 1)
    s.check(B, "dibatalkan")
    s.bedelau.release(METHOD[jenis])
    s.ended(B, "selesai", "completed")
    assert s.bedelau.methods() == [METHOD[jenis]]
    assert s.bedelau.effective() == ([B] if jenis == "perubahan" else [])


@pytest.mark.parametrize("jenis", ["perubahan", "pencabutan"])
@pytest.mark.parametrize("acts", [True, False])
def test_a_change_is_withdrawn_while_its_end_is_not_known(story, jenis, acts):
    """It is asked about, not repeated: then told as what it is."""
    s = story(**{**SLOW, "integrator_timeout": "2s", "integrator_lease": "4s"})
    with_original(s)
    s.bedelau.cut(METHOD[jenis], acts=acts, times=1)
    s.bedelau.hold(METHOD[jenis])
    s.accept(B, jenis, A)
    s.bedelau.await_calls(METHOD[jenis], 1)
    s.check(B, "dibatalkan")
    s.bedelau.release(METHOD[jenis])
    s.ended(B, *(("selesai", "completed") if acts else ("dibatalkan", "cancelled")))
    assert s.bedelau.methods() == [METHOD[jenis], "GET"]
    assert s.bedelau.effective() == {("perubahan", True): [B], ("pencabutan", True): []}.get((jenis, acts), [A])


@pytest.mark.parametrize("jenis, end, status", [
    ("perubahan", "aktif", "selesai"), ("perubahan", "gagal", "dibatalkan"),
    ("pencabutan", "dinonaktifkan", "selesai"), ("pencabutan", "aktif", "dibatalkan")])
def test_a_change_is_withdrawn_while_bedelau_works_on_it(story, jenis, end, status):
    """A DELETE would end the original: it is followed to its end instead."""
    s = story(**{**SLOW, "integrator_poll": "100ms"})
    number = with_original(s)
    s.bedelau.first = "diproses"
    s.accept(B, jenis, A)
    await_told(s.p, B, "integration.registered")
    s.check(B, "dibatalkan")
    s.bedelau.set(number, end)
    s.ended(B, status, "registered", "completed" if status == "selesai" else "cancelled")
    assert [m for m in s.bedelau.methods() if m != "GET"] == [METHOD[jenis]]


# ---- the original's id ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jenis", ["perubahan", "pencabutan"])
def test_the_original_is_learned_of_later(story, jenis):
    """It waits with a reason, told once, and goes on as soon as the original's row changes: not when it is due."""
    s = story(integrator_backoff_min="1h", integrator_backoff_max="1h")
    s.accept(B, jenis, A)
    delayed = await_told(s.p, B, "integration.delayed")
    job = jobs(s.p)[0]
    assert (job["step"], job["reason"]) == ("wait", "menunggu id_integrasi permohonan asal") == ("wait", delayed[0]["alasan"])
    assert s.bedelau.calls == []
    s.accept(A)
    s.ended(A, "selesai", *["completed"] * (2 if jenis == "pencabutan" else 1))
    s.ended(B, "selesai", "completed")
    assert s.bedelau.methods() == ["POST", METHOD[jenis]]
    assert told(s.p, B, "integration.completed")[0]["percobaan"] == 1


def test_withdrawn_while_it_waits_for_the_original(story):
    s = story(integrator_backoff_min="1h", integrator_backoff_max="1h")
    s.accept(B, "perubahan", A)
    await_told(s.p, B, "integration.delayed")
    s.check(B, "dibatalkan")
    s.ended(B, "dibatalkan", "cancelled")
    assert s.bedelau.calls == []


# ---- callbacks, ends -----------------------------------------------------------------------------------------------------


def test_a_callback_before_the_answer(story):
    """Kept until the answer names the id; nobody polls. One about another id stays kept."""
    s = story(**SLOW)
    s.bedelau.first = "diproses"
    s.bedelau.hold("POST")
    s.accept(A)
    s.bedelau.await_calls("POST", 1)
    s.callback(A, "ID-99", "gagal", 9)
    s.callback(A, "ID-1", "aktif", 3)
    s.callback(A, "ID-1", "diproses", 2)
    s.bedelau.release("POST")
    s.ended(A, "selesai", "registered", "completed")
    assert s.bedelau.methods() == ["POST"]


@pytest.mark.parametrize("about", [A, C], ids=["the original", "the ending"])
@pytest.mark.parametrize("early", [True, False], ids=["before the answer", "after it"])
def test_a_callback_about_an_ending(story, about, early):
    """202, and Bedelau reports the end under either number: heard at once, though polling would take an hour."""
    s = story(**SLOW)
    number = with_original(s)
    s.bedelau.first = "diproses"
    s.bedelau.hold("DELETE")
    s.accept(C, "pencabutan", A)
    s.bedelau.await_calls("DELETE", 1)
    if not early:
        s.bedelau.release("DELETE")
        await_told(s.p, C, "integration.registered")
    s.bedelau.set(number, "dinonaktifkan")
    s.callback(about, number, "dinonaktifkan", 4)
    if early and about == A:  # the original's own fact; the ending's call has not ended
        await_told(s.p, A, "integration.completed", 2)
        assert [j["step"] for j in jobs(s.p)] == ["send"]
        return
    s.bedelau.release("DELETE")
    s.ended(C, "selesai", "registered", "completed")
    s.ended(A, "selesai", "completed", "completed")
    assert s.bedelau.methods() == ["DELETE", "GET"]


@pytest.mark.parametrize("jenis, alasan", [("perubahan", "nomor ini sudah terdaftar di Bedelau untuk permohonan lain"),
                                           ("pencabutan", "Bedelau menolak mengakhiri integrasi ini")])
def test_a_conflict_is_looked_into(story, jenis, alasan):
    s = story(**SLOW)
    with_original(s)
    s.bedelau.answers[METHOD[jenis]] = [(409, {})]
    if jenis == "perubahan":  # what is there under that number is not what we sent
        s.bedelau.answers["GET"] = [(200, [{"id_integrasi": "ID-9", "nomor_permohonan": B, "revisi": 9, "putaran": 1, "status": "aktif"}])]
    s.accept(B, jenis, A)
    s.ended(B, "diperiksa", "rejected")
    assert told(s.p, B, "integration.rejected")[0]["alasan"] == alasan
    assert s.bedelau.methods() == [METHOD[jenis], "GET"]


@pytest.mark.parametrize("jenis", ["perubahan", "pencabutan"])
def test_killed_while_a_change_is_under_way(story, jenis):
    """Whoever comes after it asks first, after the lease: it is there already."""
    s = story(**{**SLOW, "integrator_timeout": "2s", "integrator_lease": "3s"})
    with_original(s)
    s.bedelau.hold(METHOD[jenis])
    s.accept(B, jenis, A)
    s.bedelau.await_calls(METHOD[jenis], 1)
    s.p.kill("integrator")
    s.bedelau.release(METHOD[jenis])
    s.p.start("integrator")
    s.ended(B, "selesai", "completed")
    assert s.bedelau.methods() == [METHOD[jenis], "GET"]


def test_a_second_integration_counts_anew(story):
    """Bedelau's numbers of the round before say nothing about the next: its first callback is heard."""
    s = story(**SLOW)
    s.bedelau.first = "diproses"
    s.accept(A)
    first = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    s.callback(A, first, "gagal", 7)
    await_told(s.p, A, "integration.failed")
    assert s.p.await_status(A, "gagal_integrasi")["giliran"] == "pranata_komputer"
    s.check(A, putaran=2)
    second = await_told(s.p, A, "integration.registered", 2)[1]["id_integrasi"]
    assert second != first
    s.callback(A, second, "aktif", 1)
    s.ended(A, "selesai", "registered", "failed", "registered", "completed")


def test_switched_off_after_the_end(story):
    s = story(**SLOW)
    number = with_original(s)
    s.callback(A, number, "dinonaktifkan", 4)
    s.callback(A, number, "dinonaktifkan", 4)
    s.callback(A, number, "aktif", 3)
    await_told(s.p, A, "integration.completed", 2)
    s.ended(A, "selesai", "completed", "completed")
    assert [e["status_bedelau"] for e in told(s.p, A, "integration.completed")] == ["aktif", "dinonaktifkan"]


def give_up(s):
    s.p.ctl("jobs", "cancel", A, "--reason", "tidak jadi dipakai")


def test_an_officer_gives_up(story):
    """Told as failed with the reason; it is no attempt."""
    s = story(**{**SLOW, "integrator_backoff_min": "1h", "integrator_backoff_max": "1h"})
    s.bedelau.answers["POST"] = [(503, {})] * 9
    s.accept(A)
    await_told(s.p, A, "integration.delayed")
    give_up(s)
    failed = await_told(s.p, A, "integration.failed")
    assert (failed[0]["alasan"], failed[0]["percobaan"]) == ("tidak jadi dipakai", 1)
    s.ended(A, "gagal_integrasi", "failed")
    assert s.bedelau.methods() == ["POST"]


def test_bedelau_ends_what_an_officer_gave_up(story):
    s = story(**SLOW)
    s.bedelau.first = "diproses"
    s.accept(A)
    number = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    give_up(s)
    s.ended(A, "gagal_integrasi", "registered", "failed")
    s.callback(A, number, "aktif", 2)
    s.ended(A, "selesai", "registered", "failed", "completed")


@pytest.mark.parametrize("first, status, kinds, calls",
                         [("aktif", "selesai", ["completed"], ["POST"]),
                          ("diproses", "gagal_integrasi", ["registered", "failed"], ["POST", "DELETE"])])
def test_an_officer_gives_up_while_it_is_being_sent(story, first, status, kinds, calls):
    """The call that is under way ends first, and its word counts where it is an end; else what it brought is taken back."""
    s = story(**SLOW)
    s.bedelau.first = first
    s.bedelau.hold("POST")
    s.accept(A)
    s.bedelau.await_calls("POST", 1)
    give_up(s)
    s.bedelau.release("POST")
    s.ended(A, status, *kinds)
    assert s.bedelau.methods() == calls


@pytest.mark.parametrize("jenis", ["perubahan", "pencabutan"])
@pytest.mark.parametrize("acts", [True, False])
def test_a_change_in_doubt_is_given_up(story, jenis, acts):
    """It is asked about, neither repeated nor taken back."""
    s = story(**{**SLOW, "integrator_backoff_min": "1h", "integrator_backoff_max": "1h"})
    with_original(s)
    s.bedelau.cut(METHOD[jenis], acts=acts)
    s.accept(B, jenis, A)
    await_told(s.p, B, "integration.delayed")
    s.p.ctl("jobs", "cancel", B, "--reason", "tidak jadi")
    s.ended(B, *(("selesai", "completed") if acts else ("gagal_integrasi", "failed")))
    assert s.bedelau.methods() == [METHOD[jenis], "GET"]


@pytest.mark.parametrize("jenis", ["perubahan", "pencabutan"])
def test_a_change_that_bedelau_works_on_is_given_up(story, jenis):
    s = story(**SLOW)
    with_original(s)
    s.bedelau.first = "diproses"
    s.accept(B, jenis, A)
    await_told(s.p, B, "integration.registered")
    s.p.ctl("jobs", "cancel", B, "--reason", "tidak jadi")
    s.ended(B, "gagal_integrasi", "registered", "failed")
    assert [m for m in s.bedelau.methods() if m != "GET"] == [METHOD[jenis]]


# ---- another contract ----------------------------------------------------------------------------------------------------


def other_contract(folder):
    """Other addresses, an envelope around everything, failures inside 200, form bodies, words of their own, nothing to ask."""
    k = json.loads((harness.ROOT / "schemas/integrasi.kontrak.json").read_text(encoding="utf-8"))
    k["panggilan"] = {
        "baru": {"metode": "POST", "url": "/layanan/tambah?rev={kunci}", "badan": "form"},
        "perubahan": {"metode": "POST", "url": "/layanan/ubah/{id}", "badan": "json"},
        "pencabutan": {"metode": "POST", "url": "/layanan/hapus/{id}"},
        "pantau": {"metode": "GET", "url": "/layanan/lihat/{id}"},
        "batal": {"metode": "POST", "url": "/layanan/hapus/{id}"}}
    k["header"] = {"X-Aplikasi": "bedelau {nomor}"}
    k["header_kirim"] = {"X-Kunci": "{kunci}"}
    k["amplop"] = {"lokasi": "/success", "nilai": True, "kode": "/error/code", "arti": {"VALIDATION": "ditolak", "*": "ulang"}}
    k["jawaban"] = {"isi": "/data", "id_integrasi": "/id", "status": "/state"}
    k["galat"] = {"alasan": "/error/text", "kesalahan": "/error/list", "field": "/path", "pesan": "/message"}
    k["status"] = {"ACTIVE": "aktif", "PENDING": "diproses", "OFF": "dinonaktifkan"}
    del k["daftar"]
    path = folder / "kontrak.json"
    path.write_text(json.dumps(k), encoding="utf-8")
    return path


def good(state):
    return 200, {"success": True, "data": {"id": 4711, "state": state}}


def bad(code, **more):
    return 200, {"success": False, "error": {"code": code, **more}}


def test_another_contract(story, folder):
    s = story(**FAST, integrator_contract=other_contract(folder))
    s.bedelau.answers["POST"] = [bad("BUSY"), (200, "<html>maintenance</html>"), good("PENDING")]
    s.bedelau.answers["GET"] = [good("PENDING"), good("ACTIVE")]
    s.accept(A)
    s.ended(A, "selesai", "registered", "completed")
    sent = [c for c in s.bedelau.calls if c.method == "POST"]
    assert {c.path for c in sent} == {f"/layanan/tambah?rev={A}%3A1%3A1"} and len({c.body for c in sent}) == 1 and len(sent) == 3
    assert f"nomor_permohonan={A}&revisi=1" in sent[0].body.decode() and "sistem%5Bbasis%5D%5B%5D=web" in sent[0].body.decode()
    names = ("x-aplikasi", "x-kunci", "content-type", "idempotency-key")
    assert [sent[0].headers.get(n) for n in names] == [f"bedelau {A}", f"{A}:1:1", "application/x-www-form-urlencoded", None]
    assert {c.path for c in s.bedelau.calls if c.method == "GET"} == {"/layanan/lihat/4711"}
    assert told(s.p, A, "integration.completed")[0]["id_integrasi"] == "4711"

    s.bedelau.calls.clear()
    s.bedelau.answers["POST"] = [bad("VALIDATION", text="isian", list=[{"path": "sistem", "message": "Nama sudah ada"}])]
    s.accept(B, "perubahan", A)
    rejected = await_told(s.p, B, "integration.rejected")[0]
    assert (rejected["kode_http"], rejected["alasan"]) == (200, "isian")
    assert rejected["kesalahan"] == [{"field": "sistem", "pesan": "Nama sudah ada"}]

    s.bedelau.answers["POST"] = [bad("BUSY"), good("OFF")]
    s.accept(C, "pencabutan", A)
    s.ended(C, "selesai", "completed")
    paths = [(c.path, c.headers.get("content-type")) for c in s.bedelau.calls]
    assert paths == [("/layanan/ubah/4711", "application/json")] + [("/layanan/hapus/4711", None)] * 2


@pytest.mark.parametrize("change, place", [
    (lambda k: k["kode"].update({"200": "entah"}), "/kode/200"),
    (lambda k: k["panggilan"].pop("batal"), "/panggilan/batal"),
    (lambda k: k["jawaban"].update({"status": "status"}), "/jawaban/status")])
def test_a_wrong_contract_is_refused_with_its_place(pipeline, folder, change, place):
    p = pipeline(standin=False)
    k = json.loads((harness.ROOT / "schemas/integrasi.kontrak.json").read_text(encoding="utf-8"))
    change(k)
    path = folder / "kontrak.json"
    path.write_text(json.dumps(k), encoding="utf-8")
    p.start("integrator", wait=False, integrator_contract=path)
    assert p.procs.pop("integrator").wait(timeout=30) == 78
    assert re.search(f"{re.escape(str(path))}: {place}: ", p.log("integrator"))
