"""What is in doubt, late or said twice: one effect at Bedelau, and every job comes to its end."""
import contextlib
import http.server
import json
import threading

from bedelau import SLOW, A, jobs, no_jobs
from harness import FAST, await_told, eventually, told

# one transaction after the other: what an answer leads to is not looked at before
PATIENT = {"integrator_timeout": "15s", "integrator_lease": "40s", "integrator_poll": "1h"}


def slowly(s, delay_s, times=1):
    """The first POSTs take effect, and are answered, so much later; until then nothing shows of them."""
    act, gate, count = s.bedelau.act, threading.Event(), [times]

    def later(call):
        if call.method == "POST" and count[0] > 0:
            count[0] -= 1
            s.bedelau.lock.release()  # the endpoint serves others meanwhile
            gate.wait(delay_s)
            s.bedelau.lock.acquire()
        return act(call)

    s.bedelau.act = later


def test_an_effect_after_the_time_out(story):
    """The endpoint acts later than the call's time-out but within quiet_until, and honours no keys: it is not sent twice."""
    s = story(**FAST)
    slowly(s, 2)
    s.accept(A)
    s.ended(A, "selesai", "completed")
    assert s.bedelau.methods().count("POST") == 1 and len(s.bedelau.held) == 1


def test_a_conflict_with_our_own_call(story):
    """409 while our first call is still at work, and nothing to be seen of it: that is nobody else's registration."""
    s = story(**FAST)
    s.bedelau.cut("POST", acts=False)
    s.bedelau.answers["POST"] = [(409, {"kode": "SEDANG_DIPROSES"})] * 2
    s.accept(A)
    s.ended(A, "selesai", "completed")
    assert told(s.p, A, "integration.rejected") == [] and s.bedelau.effective() == [A]


class Tokens:
    """A token endpoint that takes its time."""

    def __init__(self, delay_s):
        gate = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                gate.wait(delay_s)
                body = json.dumps({"access_token": "x", "token_type": "Bearer", "expires_in": 3600}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/t"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_token_that_comes_late(story):
    """A call that waited for its token until it could no longer end in time is not sent; the next one is."""
    with contextlib.closing(Tokens(2.5)) as tokens:
        s = story(**FAST, integrator_auth="oauth2_client_credentials", integrator_auth_id="a", integrator_auth_secret="b",
                  integrator_token_url=tokens.url)
        slowly(s, 0.9)
        s.accept(A)
        s.ended(A, "selesai", "completed")
        assert s.bedelau.methods() == ["POST"]
        tries = s.p.rows("select fate, sent_at, quiet_until, answered_at from attempt_integrator order by no")
        assert tries[0]["fate"] == "not_sent" and tries[-1]["fate"] == "answered"
        assert tries[-1]["answered_at"] < tries[-1]["quiet_until"]


def test_given_up_while_the_endpoint_is_ill(story):
    """Refused for its credentials, it did nothing: it is given up at once, and not sent when the endpoint is well again."""
    s = story(**FAST, integrator_probe_min="100ms", integrator_probe_max="300ms")
    s.bedelau.answers["POST"] = [(401, {})] * 10000
    s.accept(A)
    s.bedelau.await_calls("POST", 2)
    s.p.ctl("jobs", "cancel", A, "--reason", "tidak jadi")
    assert await_told(s.p, A, "integration.failed")[0]["percobaan"] == 0
    s.ended(A, "gagal_integrasi", "failed")
    assert s.bedelau.held == {}


def test_a_late_answer_does_not_undo_a_callback(story):
    s = story(**{**SLOW, "integrator_poll": "100ms"})
    act = s.bedelau.act
    s.bedelau.act = lambda call: json.loads(json.dumps(act(call)))  # as it stood when it was asked
    s.bedelau.first = "diproses"
    s.bedelau.hold("GET")
    s.accept(A)
    number = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    s.bedelau.await_calls("GET", 1)
    with s.bedelau.lock:
        s.bedelau.held[number].update(status="menunggu_perbaikan", urutan=3)
    s.callback(A, number, "menunggu_perbaikan", 3)
    await_told(s.p, A, "integration.registered", 2)
    s.bedelau.release("GET")
    s.bedelau.await_calls("GET", 3)  # two more looks have been taken since
    with s.bedelau.lock:
        s.bedelau.held[number].update(status="aktif", urutan=4)
    s.ended(A, "selesai", "registered", "registered", "completed")
    assert [e["status_bedelau"] for e in told(s.p, A, "integration.registered")] == ["diproses", "menunggu_perbaikan"]


# ---- two facts about one key in one transaction ----------------------------------------------------------------------


def test_taken_back_and_heard_of_again_at_once(story):
    """The DELETE's answer ends the job, a callback in the same batch asks for another under its key."""
    s = story(**SLOW)
    s.bedelau.first = "diproses"
    s.accept(A)
    number = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    s.bedelau.hold("DELETE")
    s.check(A, "dibatalkan")
    s.bedelau.await_calls("DELETE", 1)
    with s.one_batch(A):
        s.bedelau.release("DELETE")
        eventually(s.collected, lambda n: n >= 1, what="the DELETE's answer")
        s.bedelau.set(number, "aktif")  # Bedelau goes on all the same
        s.say(A, number, "aktif", 5)
        eventually(s.collected, lambda n: n >= 2, what="the callback")
    s.ended(A, "dibatalkan", "registered", "cancelled", "cancelled")
    assert s.bedelau.effective() == []


def first_round_failed(s):
    """Round 1 ended as gagal under an id of its own; round 2 is in doubt when the request is withdrawn."""
    s.bedelau.first = "diproses"
    s.accept(A)
    first = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    s.bedelau.set(first, "gagal")
    s.callback(A, first, "gagal", 7)
    await_told(s.p, A, "integration.failed")
    s.bedelau.hold("GET")
    s.bedelau.cut("POST", acts=True)
    s.check(A, putaran=2)
    return first


def test_an_older_id_is_heard_of_meanwhile(story):
    """Both registrations are taken back, one after the other."""
    s = story(**{**SLOW, "integrator_timeout": "1s", "integrator_lease": "3s"})
    first = first_round_failed(s)
    eventually(lambda: jobs(s.p), lambda j: j and j[0]["step"] == "ask" and not j[0]["lease"], what="the doubt")
    s.check(A, "dibatalkan", putaran=2)
    s.bedelau.set(first, "diproses")
    s.callback(A, first, "diproses", 9)
    s.bedelau.release("GET")
    no_jobs(s.p)
    assert s.bedelau.effective() == [], s.bedelau.held
    s.p.await_status(A, "dibatalkan")


def test_an_older_id_in_the_same_batch(story):
    """One key, two things to be done with it: SQLSTATE 21000 would stop the worker for good."""
    s = story(**{**PATIENT, "integrator_quiet": "20s"})
    s.bedelau.first = "diproses"
    s.accept(A)
    first = await_told(s.p, A, "integration.registered")[0]["id_integrasi"]
    s.callback(A, first, "gagal", 7)
    await_told(s.p, A, "integration.failed")
    s.bedelau.answers["POST"] = [(200, "{}")]
    s.bedelau.hold("GET")
    s.check(A, putaran=2)
    eventually(lambda: jobs(s.p), lambda j: j and j[0]["step"] == "ask", what="the doubt")
    s.check(A, "dibatalkan", putaran=2)
    with s.one_batch(A):
        s.say(A, first, "diproses", 9)
        eventually(s.collected, lambda n: n >= 1, what="the callback")
        s.deadline(A, 9)
        eventually(s.collected, lambda n: n >= 2, what="the clock")
    s.bedelau.release("GET")
    no_jobs(s.p)
    assert "21000" not in s.p.log("integrator") and s.p.ready("integrator") == 200


# ---- what somebody else holds ----------------------------------------------------------------------------------------


def test_a_locked_job_is_not_asked_for_in_a_loop(story):
    s = story(**FAST)
    work = "select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()"
    with contextlib.closing(s.p.connect()) as db, db.cursor() as c:
        c.execute(f'set search_path to "{s.p.schema}"')
        c.execute("insert into job_integrator (key, subject, step, due_at) values ('X-1:1:1', 'X-1', 'send', now() + interval '1 s')")
        c.execute("begin")
        c.execute("select from job_integrator for update")
        s.p.rows("notify brake_integrator")  # look now, and from then on at what is due
        seen = [s.p.one(work)]
        while len(seen) < 4:  # the server tells its counts about once a second
            seen.append(eventually(lambda: s.p.one(work), lambda n: n > seen[-1] + 3, what="transactions"))
        c.execute("rollback")
    assert seen[-1] - seen[0] < 1500, seen
