"""The integrator at the endpoint: calls beside their limits, calls beside jobs that wait, and how soon a call goes out."""

import datetime

import machine
from machine import Place, Program, Wrong, await_that, standin, tool
from stage import (IN_FLIGHT, LATENCY_MS, LESS_RUNS, LIMIT_S, N, PARKED, RATE, RUNS, SECONDS, Stage, expect, figures,
                   send, under_load)

FEW = 1000
PARKED_N = max(N // 2, 1)
LEDGER_PAGE = 5000


def setting(endpoint, in_flight):
    """As many calls at once from the beginning: the limit need not grow first."""
    return {
        "BEDELAU_INTEGRATOR_URL": endpoint.url,
        "BEDELAU_INTEGRATOR_IN_FLIGHT": str(in_flight),
        "BEDELAU_INTEGRATOR_IN_FLIGHT_START": str(in_flight),
    }


def expect_effects(what, endpoint, n):
    """Each once, and every call kept the contract."""
    stats = endpoint.ask("/_stats")
    expect(what, {k: stats[k] for k in ("unique", "duplicates", "active")}, {"unique": n, "duplicates": 0, "active": n})
    expect(f"{what}, violations", {k: v for k, v in stats["violations"].items() if v}, {})


# ---- call ------------------------------------------------------------------------------------------------------------


def call(pg, in_flight=IN_FLIGHT, times=RUNS):
    place = Place(pg)
    runs, limits, beside = [], [], []
    try:
        send(place, N, "submitted,checked")
        for i in range(times):
            limits.append(bare_calls(in_flight))
            beside += wrk_calls(in_flight, limits[-1]["wall_s"])
            runs.append(one_call_run(pg, place, N, in_flight))
            expect("completions told", place.records("integrations"), N * (i + 1))
    finally:
        place.drop()
    return {
        "label": f"call, {in_flight} in flight",
        "runs": runs,
        "limit": {"name": f"bare HTTP loop, {in_flight} in flight", "runs": limits},
        "beside": {"name": f"wrk, {in_flight} connections", "runs": beside},
    }


def call_many(pg):
    return call(pg, 256, LESS_RUNS)


def one_call_run(pg, place, n, in_flight, parked=0):
    """n calls by the integrator, beside jobs that wait for tomorrow."""
    with standin(LATENCY_MS) as endpoint:

        def finished():
            await_that(lambda: endpoint.ask("/_stats")["active"] >= n, LIMIT_S, "all calls were made")
            await_that(lambda: not pg.one(f"select exists (select from job_integrator where {OURS})"), 60, "all jobs are done")

        run = Stage(pg, "integrator", 2 * n).run(
            place, n, setting(endpoint, in_flight), finished, before=lambda: park(pg, parked) if parked else None
        )[1]
        expect_effects("effects at the endpoint", endpoint, n)
    expect("registered requests", pg.one("select count(*) from integration where id_integrasi is not null"), n)
    expect("jobs left", pg.ask("select lease, attempts, count(*) from job_integrator group by 1, 2"),
           [(0, 1, parked)] if parked else [])
    return run | {"body_bytes": int(pg.one("select avg(length(body)) from integration_body"))}


def bare_calls(in_flight):
    with standin(LATENCY_MS) as endpoint:
        got = tool("calls", url=endpoint.url, n=N, in_flight=in_flight)
        expect_effects("effects of the bare loop", endpoint, N)
    return figures(N, got["wall_s"], {"worker": got["cpu_s"]}) | {"body_bytes": got["body_bytes"]}


def wrk_calls(in_flight, wall_s):
    """A list of what wrk did in about that time, empty where it is not installed. It leaves at the end of a second: of the
    calls that are on their way then, as many as there are connections, some take effect though it has not counted them."""
    with standin(LATENCY_MS) as endpoint:
        got = machine.wrk(endpoint.url + "/api/v1/integrasi", in_flight, max(1, round(wall_s)))
        if not got:
            return []
        n = endpoint.ask("/_stats")["unique"]
        expect_effects("effects of wrk", endpoint, n)
        answers = endpoint.ask("/_stats")["answers"]
    expect("calls of wrk that failed", got["failed"], 0)
    expect("answers to wrk", {k for k, v in answers.items() if v} - {"closed"}, {"201"})
    if not got["calls"] <= n <= got["calls"] + in_flight:
        raise Wrong(f"effects of wrk: {n} of {got['calls']} calls")
    return [figures(got["calls"], got["wall_s"], {"worker": got["cpu_s"]}) | {"body_bytes": got["body_bytes"]}]


# ---- calls beside jobs that wait -------------------------------------------------------------------------------------

# Leases and second tries end within minutes; what waits for tomorrow does not.
OURS = "due_at < now() + interval '1 hour'"

# As the integrator leaves what the endpoint answered with 503 and a long Retry-After, on the last days of its clock.
PARK = """insert into job_integrator (key, subject, step, due_at, attempts, deadline_at, quiet_until, state, reason)
select n || ':1:1', n, 'send', now() + interval '1 day' + i * interval '1 ms', 1, now() + interval '2 days' + i * interval '1 ms',
now(), '{"parks":1,"idle":0,"clock":0}', 'HTTP 503' from (select i, '2.15.01-P1-' || i as n from generate_series(1, %s) i) p"""


def park(pg, n):
    """Stored, counted by the planner, and on disk: what the server does about it must not fall into the measurement."""
    pg.do(PARK, n)
    pg.do("vacuum (analyze) job_integrator")
    pg.checkpoint()


def parked(pg):
    place = Place(pg)
    few, many = [], []
    try:
        send(place, PARKED_N, "submitted,checked")
        for i in range(LESS_RUNS):
            few.append(one_call_run(pg, place, PARKED_N, IN_FLIGHT, FEW))
            many.append(one_call_run(pg, place, PARKED_N, IN_FLIGHT, PARKED))
            expect("completions told", place.records("integrations"), 2 * PARKED_N * (i + 1))
            place.forget()
    finally:
        place.drop()
    return {"label": f"{PARKED:,} wait", "runs": many, "limit": {"name": f"{FEW:,} wait", "runs": few}}


# ---- from the accepted check to the request on the wire --------------------------------------------------------------


def dispatch(pg):
    place = Place(pg)
    try:
        with standin(LATENCY_MS) as endpoint:
            env = place.env(place.schema(), BEDELAU_INTEGRATOR_URL=endpoint.url)
            with Program("integrator", env) as worker:
                await_that(worker.ready, 30, "the integrator is ready", 0.05)
                runs = [one_dispatch(pg, place, endpoint, worker, i) for i in range(RUNS)]
                total = RUNS * (SECONDS + 1) * RATE
                await_that(lambda: not pg.one("select exists (select from job_integrator)"), 60, "all jobs are done")
                await_that(lambda: not pg.one("select exists (select from outbox_integrator)"), 60, "the outbox is empty")
            expect_effects("effects at the endpoint", endpoint, total)
            expect("dead letters", pg.one("select count(*) from dead_letter"), 0)
            expect("completions told", place.records("integrations"), total)
    finally:
        place.drop()
    return {"runs": runs}


def one_dispatch(pg, place, endpoint, worker, i):
    each, seed = (SECONDS + 1) * RATE, 300 + i
    send(place, each, "submitted", seed=seed)
    await_that(lambda: pg.one("select coalesce(sum(next_offset), 0)::bigint from consumer_offset") >= (2 * i + 1) * each, 60,
               "the forms are read")
    got, cores = under_load(pg, [worker], [worker, endpoint], "dispatch", bootstrap=machine.BOOTSTRAP, prefix=place.name,
                            n=RATE * SECONDS, warm=RATE, rate=RATE, seed=seed)
    await_that(lambda: endpoint.ask("/_stats")["active"] >= (i + 1) * each, 60, "all calls were made", 0.1)
    came = arrivals(endpoint, i * each, each)
    took = sorted(came[got["first"] + k] - sent for k, sent in enumerate(got["sent_us"]))
    if took[0] < 0:
        raise Wrong(f"a call came {-took[0]} us before its cause: the clock was set")
    return {name: quantile(took, q) / 1000 for name, q in
            (("p50_ms", 50), ("p90_ms", 90), ("p99_ms", 99), ("max_ms", 100))} | cores


def arrivals(endpoint, begin, n):
    """{number of the request: when its call took effect, in microseconds since 1970} of these lines of the ledger."""
    out = {}
    for at in range(begin, begin + n, LEDGER_PAGE):
        for line in endpoint.ask(f"/_ledger?from={at}&limit={min(LEDGER_PAGE, begin + n - at)}"):
            when = datetime.datetime.fromisoformat(line["waktu"]) - datetime.datetime.fromtimestamp(0, datetime.UTC)
            out[int(line["nomor_permohonan"].rpartition("-")[2])] = when // datetime.timedelta(microseconds=1)
    expect("requests in the ledger", len(out), n)
    return out


def quantile(took, percent):
    """What so many of the sorted times do not exceed."""
    return took[min(len(took) * percent // 100, len(took) - 1)]
