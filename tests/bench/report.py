"""The report as JSON and as tables to read."""

import json


def number(value, digits=None):
    if digits is None:
        digits = 0 if value >= 1000 else 1 if value >= 100 else 2
    return f"{value:,.{digits}f}"


def spread(summary, name):
    """`median (least-most)`, or a dash where it was not measured."""
    f = summary.get(name)
    return f"{number(f['median'])} ({number(f['min'])}-{number(f['max'])})" if f else "-"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def throughput(stages):
    head = ["", "per s", "worker CPU s per 100,000", "Postgres CPU s per 100,000", "Kafka CPU s per 100,000", "wall s", "of it to the first batch"]
    names = ("per_s", "worker_cpu_s_per_100k", "postgres_cpu_s_per_100k", "kafka_cpu_s_per_100k", "wall_s", "first_batch_s")
    rows, ratios = [], []
    for stage in ("check", "call", "call_many", "project", "project_apart"):
        got = stages.get(stage)
        if not got:
            continue
        limit, label = got["limit"], got.get("label", stage)
        rows.append([f"**{label}**"] + [spread(got["summary"], n) for n in names])
        rows.append([f"limit: {limit['name']}"] + [spread(limit["summary"], n) for n in names])
        if "beside" in got:
            rows.append([got["beside"]["name"]] + [spread(got["beside"]["summary"], n) for n in names])
        ratios.append([label, limit["name"], *(ratio(got, n) for n in names[:3])])
    if not rows:
        return []
    share = stages.get("check", {}).get("summary", {}).get("full_share")
    told = [f"Of the forms of *check*, {share['median']:.1%} took the long way: tree and full engine.", ""] if share else []
    return (
        ["## Throughput, of what was loaded before", ""]
        + table(head, rows)
        + ["", "Against the limit (1 = as good as the limit; CPU: how many times the limit's):", ""]
        + table(["", "limit", "rate", "worker CPU", "Postgres CPU"], ratios)
        + [""]
        + told
        + bodies(stages.get("call"))
    )


def bodies(call):
    """Whether the calls that are compared carry about the same."""
    if not call:
        return []
    parts = (("integrator", call), ("bare HTTP loop", call["limit"]), ("wrk", call["beside"]))
    sizes = (f"{who} {number(part['summary']['body_bytes']['median'], 0)}" for who, part in parts if part["summary"])
    return [f"Bytes of a call's body: {', '.join(sizes)}.", ""]


def parked(got):
    """Calls beside jobs that wait, few and many."""
    if not got:
        return []
    few = got["limit"]
    names = (("calls per s", "per_s"), ("worker CPU s per 100,000", "worker_cpu_s_per_100k"),
             ("Postgres CPU s per 100,000", "postgres_cpu_s_per_100k"), ("wall s", "wall_s"),
             ("of it to the first batch", "first_batch_s"))
    rows = [[label, spread(few["summary"], n), spread(got["summary"], n), ratio(got, n)] for label, n in names]
    head = f"## {few['runs'][0]['items']:,} calls beside jobs that wait for tomorrow, 64 in flight"
    return [head, ""] + table(["", few["name"], got["label"], "ratio"], rows) + [""]


def earlier(got):
    """The projector beside months that are full."""
    if not got:
        return []
    empty = got["limit"]
    names = (("events per s", "per_s"), ("worker CPU s per 100,000", "worker_cpu_s_per_100k"),
             ("Postgres CPU s per 100,000", "postgres_cpu_s_per_100k"), ("wall s", "wall_s"))
    rows = [[label, spread(empty["summary"], n), spread(got["summary"], n), ratio(got, n)] for label, n in names]
    return [f"## {empty['runs'][0]['items']:,} events into the record, {got['label']}", ""] + table(["", empty["name"], "full", "ratio"], rows) + [""]


def visible(got, settings):
    if not got:
        return []
    s = got["summary"]
    cores = (("projector", "worker"), ("Postgres, who asks included", "postgres"), ("Kafka", "kafka"), ("everything on this machine", "machine_busy"))
    return (
        [f"## From a form's sending until its row can be read, {settings['rate']}/s, projector alone", "", "ms:", ""]
        + table(["p50", "p90", "p99", "max"], [[spread(s, n) for n in ("p50_ms", "p90_ms", "p99_ms", "max_ms")]])
        + ["", "Cores in use meanwhile:", ""]
        + table(["", "cores"], [[label, spread(s, f"{who}_cores")] for label, who in cores])
        + [""]
    )


def clocks(got):
    """The deadline worker beside many running clocks."""
    if not got:
        return []
    s = got["summary"]
    cost = [[label] + [spread(s, before + n) for n in ("per_s", "worker_cpu_s_per_100k", "postgres_cpu_s_per_100k", "kafka_cpu_s_per_100k", "wall_s")]
            for label, before in ((f"requests opened, two clocks each, beside {got['running']:,} that run", ""),
                                  (f"fired, {got['at_once']:,} due at once; seconds beyond the grace", "fire_"))]
    late = [[spread(s, f"late_{n}") for n in ("p50_ms", "p99_ms", "max_ms", "worker_cores", "postgres_cores", "kafka_cores")]]
    rest = [[spread(s, n) for n in ("rss_mb", "idle_percent", "idle_postgres_percent")]]
    return (
        [f"## Clocks, {got['running']:,} running, one deadline worker", ""]
        + table(["RSS MB", "idle, CPU % of a core", "Postgres meanwhile"], rest) + [""]
        + table(["", "per s", "worker CPU s per 100,000", "Postgres CPU s per 100,000", "Kafka CPU s per 100,000", "wall s"], cost)
        + ["", f"{got['rate']:,} due per second: from the end of the grace until the fact is in the log, and cores in use:", ""]
        + table(["p50 ms", "p99 ms", "max ms", "worker", "Postgres", "Kafka"], late) + [""]
    )


def views(got):
    """What people ask."""
    if not got:
        return []
    s, n = got["summary"], got["counts"]
    rows = [[what, f"{s[f'{what}_rows']['median']:,.0f}", spread(s, f"{what}_ms"), spread(s, f"{what}_cpu_ms")] for what in got["asked"]]
    return (
        [f"## Views, {got['requests']:,} requests and {n['events']:,} events; {n['open']:,} open, {n['late']:,} clocks missed", ""]
        + table(["", "rows", "ms", "CPU ms of the connection's process"], rows) + [""]
    )


def dispatch(got, settings):
    if not got:
        return []
    s = got["summary"]
    cores = (("integrator", "worker"), ("stand-in", "standin"), ("Postgres", "postgres"), ("Kafka", "kafka"),
             ("everything on this machine", "machine_busy"))
    return (
        [f"## From the accepted check to the request on the wire, {settings['rate']}/s, integrator and stand-in alone", "",
         "From the producer's send, ms:", ""]
        + table(["p50", "p90", "p99", "max"], [[spread(s, n) for n in ("p50_ms", "p90_ms", "p99_ms", "max_ms")]])
        + ["", "Cores in use meanwhile:", ""]
        + table(["", "cores"], [[label, spread(s, f"{who}_cores")] for label, who in cores])
        + [""]
    )


def forms(got):
    if not got:
        return []
    s = got["summary"]
    form = (("bytes", "bytes"), ("jansson's tree alone, ns (the limit)", "parse_ns"), ("scan_document: grammar alone, ns", "grammar_ns"),
            ("tree, full engine and all rules, ns", "full_ns"), ("one pass with all rules, ns", "single_ns"),
            ("full / tree alone", "full_of_parse"), ("one pass / tree alone", "single_of_parse"))
    order = (("bytes", "order_bytes"), ("jansson's tree, ns (the limit)", "order_parse_ns"),
             ("full engine on that tree, ns", "order_check_ns"), ("full engine / tree", "order_of_parse"))
    return (["## A form PA.20 without fault, in memory, CPU", ""] + memory(s, form)
            + ["## A small document (order.json), in memory, CPU", ""] + memory(s, order))


def memory(summary, names):
    return table(["", ""], [[label, spread(summary, name)] for label, name in names]) + [""]


def ratio(got, name):
    ours, limit = got["summary"].get(name), got["limit"]["summary"].get(name)
    return number(ours["median"] / limit["median"], 2) if ours and limit and limit["median"] else "-"


def chain(got, settings):
    if not got:
        return []
    s = got["summary"]
    rows = [
        [label] + [spread(s, f"{end}_{q}") for q in ("p50_ms", "p90_ms", "p99_ms", "max_ms")]
        for label, end in (("selesai in the status topic", "selesai"), ("integration.completed", "completed"))
    ]
    cores = [[n, spread(s, f"{k}_cores")] for n, k in (
        ("the four workers", "worker"), ("validator", "validator"), ("deadline", "deadline"),
        ("integrator", "integrator"), ("projector", "projector"), ("stand-in", "standin"),
        ("Postgres", "postgres"), ("Kafka", "kafka"), ("everything on this machine", "machine_busy"))]
    idle = [[n, number(v["cpu_percent"], 2), number(v["rss_mb"], 1)] for n, v in got["idle"].items()]
    return (
        [f"## The whole chain at {settings['rate']} requests/s, all programs", "", "From the producer's send, ms:", ""]
        + table(["until", "p50", "p90", "p99", "max"], rows)
        + ["", "Cores in use meanwhile:", ""]
        + table(["", "cores"], cores)
        + ["", "## Idle, 10 s", ""]
        + table(["", "CPU % of a core", "RSS MB"], idle)
        + [""]
    )


def markdown(result):
    m, s = result["machine"], result["settings"]
    lines = [
        "# Benchmark",
        "",
        f"{m['cores']} cores ({m['cpu']}), {m['memory_gb']} GB, {m['system']}, kernel {m['kernel']}, load "
        f"{m['load_before']:.1f} before and {m['load_after']:.1f} after. {m['programs']}, Postgres {m['postgres']} "
        f"({', '.join(f'{k}={v}' for k, v in m['postgres_settings'].items())}), {m['libcurl']}, {m['compiler']}.",
        "",
        f"N = {s['n']:,}, {s['runs']} runs ({s['less_runs']} at 256 in flight and beside waiting jobs): median (least-most). "
        f"Endpoint {s['latency_ms']} ms, every {s['bad_every']}th form bad. Took {result['took_s']:.0f} s.",
        "",
    ]
    stages = result["stages"]
    lines += forms(stages.get("forms")) + throughput(stages) + parked(stages.get("parked")) + earlier(stages.get("project_earlier"))
    lines += visible(stages.get("project_visible"), s) + clocks(stages.get("clocks"))
    lines += views(stages.get("views"))
    lines += dispatch(stages.get("dispatch"), s) + chain(stages.get("latency"), s)
    return "\n".join(lines)


def write(result, folder):
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(result)
    (folder / "report.json").write_text(json.dumps(result, indent=2) + "\n")
    (folder / "report.md").write_text(text)
    print(text)
    print("kept in build/bench/report.json and build/bench/report.md")
