"""Measures check, call, project and the whole chain, each beside its limit. See README.md beside this file.
What concerns the endpoint is in endpoint.py."""

import os
import statistics
import sys
import time
import urllib.error

import clocks
import endpoint
import machine
import project
import report
import views
from machine import Place, Program, Wrong, await_that, standin, tool
from stage import EARLIER, LATENCY_MS, LESS_RUNS, N, PARKED, RATE, RUNS, SECONDS, Stage, expect, figures, send, under_load

IDLE_SECONDS = 10
REST_CORES = 0.05  # a program that uses less is done with its start; idle ones use a tenth of it
BAD_EVERY = 50

# ---- forms in memory -------------------------------------------------------------------------------------------------


def forms(_):
    """CPU of reading a form: the tree alone, tree and full engine with all rules, one pass with all rules."""
    runs = []
    for i in range(RUNS):
        got = tool("forms", n=min(N, 10000), seed=200 + i)
        for way in ("parse", "grammar", "full", "single"):
            expect(f"forms without fault, {way}", got[f"{way}_good"], got["forms"])
        runs.append({k: got[k] for k in ("bytes", "parse_ns", "grammar_ns", "full_ns", "single_ns")}
                    | {"single_of_parse": got["single_ns"] / got["parse_ns"], "full_of_parse": got["full_ns"] / got["parse_ns"]}
                    | order())
    return {"runs": runs}


def order():
    """The full engine on a small document that has been parsed."""
    n = 20 * N
    got = tool("order", n=n)
    expect("orders without fault", (got["parse_good"], got["check_good"]), (n, n))
    return {"order_bytes": got["bytes"], "order_parse_ns": got["parse_ns"], "order_check_ns": got["check_ns"],
            "order_of_parse": got["check_ns"] / got["parse_ns"]}


# ---- check -----------------------------------------------------------------------------------------------------------


def forms_read(worker):
    """Of all forms, how many took the long way; and whether the two ways ever differed."""
    got = worker.metrics("bedelau_forms_")
    expect("forms that two ways found different", got["compared_differ_total"], 0)
    full, single = (got[f'read_total{{way="{way}"}}'] for way in ("full", "single_pass"))
    return {"full_share": full / (full + single)}


def check(pg):
    place = Place(pg)
    runs, limits = [], []
    try:
        loaded = send(place, N, "submitted", bad_every=BAD_EVERY)
        stage = Stage(pg, "validator", N)
        bad = N // BAD_EVERY
        for i in range(RUNS):
            limits.append(drain(place, "requests", N))
            runs.append(stage.run(place, N, told_by=forms_read)[1])
            got = dict(pg.ask("select status, count(*) from pemeriksaan group by status"))
            expect("verdicts", got, {"diterima": N - bad, "dikembalikan": bad} if bad else {"diterima": N})
            expect("checks told", place.records("checks"), N * (i + 1))
    finally:
        place.drop()
    sizes = {k: loaded[k] for k in ("form_bytes_min", "form_bytes_max")}
    return {"runs": runs, "limit": {"name": "consume to null", "runs": limits}, "load": sizes}


def drain(place, topics, n):
    got = tool("drain", bootstrap=machine.BOOTSTRAP, prefix=place.name, kinds=topics, n=n)
    return figures(n, got["wall_s"], {"worker": got["cpu_s"]})


# ---- the whole chain -------------------------------------------------------------------------------------------------

CHAIN = ("validator", "deadline", "integrator", "projector")


def latency(pg):
    place = Place(pg)
    programs = []
    try:
        schema = place.schema()
        programs.append(standin(LATENCY_MS))
        env = place.env(schema, BEDELAU_INTEGRATOR_URL=programs[0].url)
        for name in CHAIN:
            programs.append(Program(name, env))
        for p in programs:
            await_that(p.ready, 30, f"{p.name} is ready", 0.05)
        idle = measure_idle(programs)
        runs = [one_trip(pg, place, programs, i) for i in range(RUNS)]
        total = RUNS * (SECONDS + 1) * RATE
        await_that(lambda: pg.one("select count(*) from request where status = 'selesai'") == total, 30, "all rows")
        endpoint.expect_effects("effects", programs[0], total)
        verify_chain(pg, total)
    finally:
        for p in programs:
            p.stop()
        place.drop()
    return {"runs": runs, "idle": idle}


def one_trip(pg, place, programs, i):
    got, cores = under_load(pg, [p for p in programs if p.name in CHAIN], programs, "trip", bootstrap=machine.BOOTSTRAP,
                            prefix=place.name, n=RATE * SECONDS, warm=RATE, rate=RATE, seed=100 + i)
    return {
        f"{end}_{q}": got[end][q] for end in ("selesai", "completed") for q in ("p50_ms", "p90_ms", "p99_ms", "max_ms")
    } | cores


def verify_chain(pg, total):
    """Each fact is in the record once."""
    expect("dead letters", pg.one("select count(*) from dead_letter"), 0)
    got = dict(pg.ask(
        "select split_part(type, '.', 5) || '.' || split_part(type, '.', 6), count(*) from event "
        "where type not like %s group by 1", "%deadline%"))
    for kind in ("request.submitted", "check.completed", "integration.completed"):
        expect(f"{kind} in the record", got.get(kind), total)


def at_rest(programs):
    """A condition: none of them used more than REST_CORES since it was asked last."""
    last = None

    def look():
        nonlocal last
        before, last = last, (time.monotonic(), [p.cpu() for p in programs])
        return before and all(now - b < REST_CORES * (last[0] - before[0]) for b, now in zip(before[1], last[1]))

    return look


def measure_idle(programs):
    """CPU and memory of programs that have nothing to do."""
    await_that(at_rest(programs), 30, "the programs are at rest", 0.5)
    before = [p.cpu() for p in programs]
    time.sleep(IDLE_SECONDS)
    return {
        p.name: {"cpu_percent": (p.cpu() - b) / IDLE_SECONDS * 100, "rss_mb": machine.rss_mb(p.pid)}
        for p, b in zip(programs, before)
    }


# ---- all of it -------------------------------------------------------------------------------------------------------

# What is measured, by the stage it belongs to.
ALL = (
    ("forms", "forms", forms),
    ("check", "check", check),
    ("call", "call", endpoint.call),
    ("call", "call_many", endpoint.call_many),
    ("parked", "parked", endpoint.parked),
    ("dispatch", "dispatch", endpoint.dispatch),
    ("project", "project", project.folded),
    ("project", "project_apart", project.apart),
    ("project", "project_earlier", project.earlier),
    ("project", "project_visible", project.visible),
    ("clocks", "clocks", clocks.clocks),
    ("views", "views", views.views),
    ("latency", "latency", latency),
)
STAGES = os.environ.get("BENCH_STAGES", ",".join(dict.fromkeys(stage for stage, *_ in ALL))).split(",")


def summary(runs):
    """Median, least and most of each figure."""
    out = {}
    for name in runs[0] if runs else ():
        values = [r[name] for r in runs if r[name] is not None]
        if values:
            out[name] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return out


def main():
    pg = machine.Postgres()
    begun = time.monotonic()
    result = {
        "machine": machine.about(pg),
        "settings": {"n": N, "runs": RUNS, "less_runs": LESS_RUNS, "parked": PARKED, "rate": RATE, "seconds": SECONDS,
                     "bad_every": BAD_EVERY, "latency_ms": LATENCY_MS, "copy_batch": project.BATCH, "earlier": EARLIER},
        "stages": {},
    }
    try:
        for stage, name, measure in ALL:
            if stage in STAGES or name in STAGES:
                print(f"bench: {name} ..", file=sys.stderr, flush=True)
                got = result["stages"][name] = measure(pg)
                for part in (got, *(got[k] for k in ("limit", "beside") if k in got)):
                    part["summary"] = summary(part["runs"])
    except (Wrong, urllib.error.URLError) as e:
        sys.exit(f"bench: {e}")
    result["machine"]["load_after"] = os.getloadavg()[0]
    result["took_s"] = time.monotonic() - begun
    report.write(result, machine.OUT)


if __name__ == "__main__":
    main()
