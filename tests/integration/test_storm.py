"""An endpoint at its worst: every request ends in the right state, none is integrated twice, none is lost."""
import json
import signal

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
    return json.loads(harness.http(f"http://127.0.0.1:{p.ports[name]}/statusz")[1])["endpoint"]


def attempts(p):
    """How many attempts the jobs that are owed have used up."""
    return p.one("select coalesce(max(attempts), 0) from job_integrator")


def one_effect_each(p, n):
    stats = p.stats()
    assert (stats["unique"], stats["active"], stats["duplicates"]) == (n, n, 0), stats
    assert stats["violations"] == {"conflict": 0, "key": 0, "body": 0}
    assert p.rows("select * from dead_letter") == []


def test_a_storm(pipeline):
    """20 % 503 with Retry-After, 5 % 429, 5 % hang, 2 % cut, 2 % 422, 1 % 202 with callback, 1 % 202 without."""
    p, n, silent = pipeline(**{**FAST, "integrator_timeout": "2s", "integrator_lease": "6s"}), 4950, 50
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
    harness.eventually(lambda: p.stats()["unauthorized"], lambda u: u >= 8, what="probes")
    assert sink(p)["state"] == "paused" and "401" in sink(p)["reason"]
    assert p.ready("integrator") == 200
    assert attempts(p) <= 1
    assert p.one("select count(*) from event where type like '%%.integration.%%'") == 0
    p.faults(auth={"kind": "bearer", "token": "lama"})
    await_all(p, {"selesai": n})
    p.await_quiet()
    one_effect_each(p, n)


def test_killed_fifty_times(pipeline):
    """The endpoint does not honour keys: what was sent and not answered is asked about before it is sent again."""
    p, kills, portion = pipeline(**FAST), 50, 20
    p.faults(seed=3, idempotent=False, latency_ms=15, mix={"503": 0.05})
    p.start(*harness.WORKERS)
    amid = 0
    for k in range(kills):
        p.await_ready("integrator")
        submit(p, portion, first=k * portion)
        calls = p.stats()["post"]
        harness.eventually(lambda: p.stats()["post"], lambda now: now > calls, what="calls under way")
        p.kill("integrator")
        amid += p.one("select count(*) > 0 from attempt_integrator where answered_at is null")
        p.start("integrator", wait=False)
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
