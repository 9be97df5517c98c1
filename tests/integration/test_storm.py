"""An endpoint at its worst: every request ends in the right state, none is integrated twice, none is lost."""
import collections
import contextlib
import datetime
import json
import os
import pathlib
import signal
import socket
import statistics
import threading
import time

import harness
import pytest
from harness import FAST, OPD, every_event_once

pytestmark = pytest.mark.alone

MIX = {"503": 0.20, "429": 0.05, "hang": 0.025, "hang_before": 0.025, "cut": 0.01, "cut_before": 0.01, "422": 0.02,
       "202": 0.01}


def submit(p, n, name="S", first=0):
    for i in range(first, first + n):
        p.submit(f"{OPD}-{name}-{i:04d}", nama_sistem=f"Sistem {name} {i}")
        if i % 500 == 499:
            p.flush()
    p.flush()


def await_all(p, want, limit_s=240):
    """Until the requests stand as `want` says: {status: how many}."""
    def now():
        return {r["status"]: r["n"] for r in p.rows("select status, count(*)::int as n from request group by status")}
    harness.eventually(now, lambda got: got == want, limit_s, f"{want}; see {p.folder}")


def sink(p, name="integrator"):
    return p.statusz(name)["endpoint"]


def one_effect_each(p, n):
    stats = p.stats()
    assert (stats["unique"], stats["active"], stats["duplicates"]) == (n, n, 0), stats
    assert stats["violations"] == {"conflict": 0, "key": 0, "body": 0}
    assert p.rows("select * from dead_letter") == []


def test_a_storm(pipeline):
    """20 % 503 with Retry-After, 5 % 429, 5 % hang, 2 % cut, 2 % 422, 1 % 202 with callback, 1 % 202 without."""
    n, silent = 4950, 50
    # a limit that goes down to one call at a time would be right for such an endpoint, and take an hour
    p = pipeline(**FAST, integrator_in_flight_min=32, integrator_in_flight_start=64)
    p.faults(seed=11, latency_ms=2, mix=MIX, retry_after_s=1, callback_after_ms=500,
             script={f"{OPD}-T-*": [{"code": 202, "callback": False}]})
    p.start(*harness.WORKERS, "gateway")
    submit(p, n)
    submit(p, silent, "T")
    def waiting():
        return p.one("select count(*) from request where status not in ('selesai', 'diperiksa')"), p.one("select count(*) from request")
    harness.eventually(waiting, lambda w: w == (0, n + silent), 300, f"all ended; see {p.folder}")
    p.await_quiet()
    refused = p.one("select count(*) from event where type like '%%.integration.rejected.v1'")
    assert 0.01 * n < refused < 0.04 * n  # 2 % of the answers that were final
    assert p.one("select count(*) from request where status = 'diperiksa' and giliran = 'pranata_komputer'") == refused
    assert p.one("select count(*) from request where status = 'selesai'") == n + silent - refused
    one_effect_each(p, n + silent - refused)
    answers = p.stats()["answers"]
    for what in ("503", "429", "422", "202", "hang", "cut"):
        assert answers.get(what), answers
    every_event_once(p)


@pytest.mark.parametrize("code", [401, 403])
def test_tokens_expire_in_mid_run(pipeline, code):
    p, n = pipeline(**FAST, integrator_auth="oauth2_client_credentials", integrator_auth_id="bedelau",
                    integrator_auth_secret="rahasia"), 300
    p.env["BEDELAU_INTEGRATOR_TOKEN_URL"] = p.standin("/oauth/token")
    p.faults(auth={"kind": "oauth2", "client_id": "bedelau", "client_secret": "rahasia", "expired_code": code,
                   "token_calls": 60}, latency_ms=2)
    p.start(*harness.WORKERS)
    submit(p, n)
    await_all(p, {"selesai": n})
    p.await_quiet()
    one_effect_each(p, n)
    stats = p.stats()
    # a token serves 60 calls; each end of one costs one request for another, however many calls it met
    assert n // 60 <= stats["tokens"]["issued"] <= n // 60 + 2, stats["tokens"]
    assert stats["tokens"]["requests"] == stats["tokens"]["issued"]
    assert p.one("select count(*) from event where type like '%%.integration.delayed.v1'") == 0


def test_wrong_credentials_for_a_while(pipeline):
    """Nothing is lost, nothing set aside, nobody's attempts are used up, and the program itself stays ready."""
    p, n = pipeline(**FAST, integrator_auth="bearer", integrator_auth_secret="lama", integrator_probe_min="100ms",
                    integrator_probe_max="400ms"), 200
    p.faults(auth={"kind": "bearer", "token": "baru"})
    p.start(*harness.WORKERS)
    submit(p, n)
    await_all(p, {"diterima": n})
    probes = int(os.environ.get("BEDELAU_TEST_PROBES", "8"))  # 150 are half a minute
    harness.eventually(lambda: p.stats()["unauthorized"], lambda u: u >= probes, 180, "probes")
    assert sink(p)["state"] == "paused" and "401" in sink(p)["reason"]
    assert p.ready("integrator") == 200
    assert p.one("select count(*) from job_integrator where (state::json->>'parks')::int > 0") == 0
    assert p.one("select count(*) from event where type like '%%.integration.%%'") == 0
    p.faults(auth={"kind": "bearer", "token": "lama"})
    await_all(p, {"selesai": n})
    p.await_quiet()
    one_effect_each(p, n)
    tries = p.rows("select distinct data::json->>'percobaan' as n from event where type like '%%.integration.completed.v1'")
    assert tries == [{"n": "1"}]  # being refused for credentials was nobody's attempt


def test_credentials_exchanged_under_way(pipeline, tmp_path):
    """The secret's file and the windows are read again at SIGHUP; what is wrong in them changes nothing."""
    secret = tmp_path / "secret"
    secret.write_text("lama", encoding="utf-8")
    p = pipeline(**FAST, integrator_auth="bearer", integrator_auth_secret_file=str(secret), integrator_probe_min="1h",
                 integrator_probe_max="1h")
    p.faults(auth={"kind": "bearer", "token": "baru"})
    p.start(*harness.WORKERS)
    submit(p, 20)
    harness.eventually(lambda: sink(p)["state"], lambda s: s == "paused", what="the pause")
    secret.write_text("", encoding="utf-8")
    p.signal("integrator", signal.SIGHUP)
    harness.eventually(lambda: p.log("integrator"), lambda text: "the old ones stay" in text, what="the refusal")
    assert sink(p)["state"] == "paused"
    secret.write_text("baru", encoding="utf-8")
    p.signal("integrator", signal.SIGHUP)
    await_all(p, {"selesai": 20})  # no probe was due for an hour: the new secret was reason enough
    p.await_quiet()
    one_effect_each(p, 20)


def test_killed_fifty_times(pipeline):
    """The endpoint does not honour keys: what was sent and not answered is asked about before it is sent again."""
    p, kills, portion = pipeline(**FAST), 50, 20
    p.faults(seed=3, idempotent=False, latency_ms=15, mix={"503": 0.05})
    p.start("validator", "deadline", "projector")
    amid = 0
    for k in range(kills):
        # a member of a fixed name gets its partitions back at once; without one each kill would cost a session
        p.start("integrator", kafka_group_instance_id="a")
        calls = p.stats()["post"]
        submit(p, portion, first=k * portion)
        harness.eventually(lambda: p.stats()["post"], lambda now: now > calls, what="calls under way")
        p.kill("integrator")
        amid += p.one("select count(*) > 0 from attempt_integrator where answered_at is null")
    p.start("integrator", kafka_group_instance_id="a")
    assert amid > kills / 2
    await_all(p, {"selesai": kills * portion})
    p.await_quiet()
    one_effect_each(p, kills * portion)
    every_event_once(p)


def test_stopped_past_the_lease(pipeline):
    p, n = pipeline(**FAST), 400
    p.faults(seed=3, idempotent=False, latency_ms=20)
    p.start(*harness.WORKERS, "integrator.2")
    submit(p, n // 2)
    harness.eventually(lambda: p.stats()["post"], lambda calls: calls > 20, what="calls under way")
    p.signal("integrator", signal.SIGSTOP)
    submit(p, n // 2, first=n // 2)
    await_all(p, {"selesai": n})  # by the other alone, once leases and session are over
    p.signal("integrator", signal.SIGCONT)
    p.await_ready("integrator")
    p.await_quiet()
    one_effect_each(p, n)
    every_event_once(p)


def test_three_processes_one_killed(pipeline):
    p, n = pipeline(**FAST), 600
    p.faults(seed=9, idempotent=False, latency_ms=20, mix={"503": 0.05})
    p.start(*harness.WORKERS, "integrator.2", "integrator.3")
    submit(p, n)
    harness.eventually(lambda: p.stats()["post"], lambda calls: calls > 60, what="calls under way")
    p.kill("integrator.2")
    await_all(p, {"selesai": n})
    p.await_quiet()
    one_effect_each(p, n)
    every_event_once(p)


# ---- an outage -------------------------------------------------------------------------------------------------------


class Deaf:
    """A port that takes connections and drops them: an endpoint that is down, and counts who asks."""

    def __init__(self, port):
        self.server = socket.create_server(("127.0.0.1", port), backlog=512)
        self.asked = 0
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        with contextlib.suppress(OSError):
            while True:
                self.server.accept()[0].close()
                self.asked += 1

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(10)


def owe(p, n):
    """Calls that are owed since before the outage, as the integrator stores them."""
    p.rows("insert into job_integrator (key, subject, step, due_at, deadline_at)"
           " select 'O-' || g || ':1:1', 'O-' || g, 'send', now() - interval '1 min', now() + interval '20 days'"
           " from generate_series(1, %s) g", n)
    p.rows("insert into job_body_integrator select key, convert_to(jsonb_build_object('nomor_permohonan', subject, 'revisi', 1,"
           " 'putaran', 1, 'kode_opd', %s, 'sistem', jsonb_build_object('nama', 'Sistem ' || subject))::text, 'UTF8'), ''"
           " from job_integrator", OPD)
    p.rows("analyze job_integrator")


def rss_mb(p, name):
    status = pathlib.Path(f"/proc/{p.procs[name].pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def by_second(p, n):
    """Effects at the endpoint in each second from the first on."""
    at = []
    while len(at) < n:
        at += [datetime.datetime.fromisoformat(e["waktu"]) for e in
               json.loads(harness.http(p.standin(f"/_ledger?from={len(at)}&limit=5000"))[1])]
    return collections.Counter(int((t - at[0]).total_seconds()) for t in at)


def test_an_outage_with_many_owed(pipeline):
    """Memory stays flat, the endpoint is asked once a probe, and its recovery is no second outage."""
    owed, probes, probe_s = 50_000, int(os.environ.get("BEDELAU_TEST_PROBES", "20")), 0.2
    p = pipeline(**FAST, standin=False, integrator_probe_min=f"{int(probe_s * 1000)}ms", integrator_probe_max="500ms")
    p.standin_port = harness.free_port()
    p.env["BEDELAU_INTEGRATOR_URL"] = f"http://127.0.0.1:{p.standin_port}"
    owe(p, owed)
    deaf = Deaf(p.standin_port)
    p.start("integrator")
    harness.eventually(lambda: sink(p)["state"], lambda s: s != "closed", what="calls stop")
    harness.eventually(lambda: sink(p)["in_flight"], lambda n: n <= 1, what="the last calls end")
    before, asked, since = rss_mb(p, "integrator"), deaf.asked, time.monotonic()
    harness.eventually(lambda: deaf.asked, lambda n: n >= asked + probes, 180, "probes")
    assert deaf.asked - asked <= (time.monotonic() - since) / probe_s + 1
    assert abs(rss_mb(p, "integrator") - before) < 5
    assert p.ready("integrator") == 200
    # only those that were under way when it stopped, and the probes, have ever been tried
    assert p.one("select count(*) from attempt_integrator") <= 64 + 2 * deaf.asked
    deaf.close()
    p.procs["standin"] = p.spawn("standin", [harness.BIN / "bedelau-standin", "--listen", f"127.0.0.1:{p.standin_port}",
                                             "--faults", '{"latency_ms": 5}'])
    harness.eventually(lambda: p.one("select count(*) from job_integrator"), lambda n: n == 0, 180, "all is done")
    assert p.stats()["duplicates"] == 0 and p.stats()["active"] == owed
    rates = by_second(p, owed)
    steady = statistics.median(rates[s] for s in range(1, max(rates)))
    assert rates[0] <= 2 * steady, rates
    assert abs(rss_mb(p, "integrator") - before) < 10
