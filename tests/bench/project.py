"""The projector: three kinds of event folded into one row a request, each event of a request of its own, beside months that
are full, and how soon what was published can be read."""

import machine
from machine import CONNINFO, Place, Program, await_that
from stage import EARLIER, LESS_RUNS, N, RATE, RUNS, SECONDS, Stage, expect, figures, send, under_load

BATCH = 1000  # what the projector takes in a transaction at most
KINDS = "submitted,checked,completed"
REQUESTS = max(N, 100000) // 3  # fewer are over before anything is warm
EVENTS = 3 * REQUESTS
FOLDED = {"selesai": REQUESTS}
APART = {"diajukan": REQUESTS, "diterima": REQUESTS, "selesai": REQUESTS}


def projected(pg, place, want, before=None, there=(0, 0)):
    """One run in a fresh schema. `there`: events and requests that `before` puts there."""
    schema, run = Stage(pg, "projector", EVENTS).run(place, EVENTS, before=before)
    expect("events recorded", pg.one("select count(*) from event"), EVENTS + there[0])
    expect("ids recorded", pg.one("select count(*) from event_id"), EVENTS + there[0])
    got = dict(pg.ask("select status, count(*) from request where updated_at > now() - interval '1 day' group by status"))
    expect("requests", got, want)
    return schema, run


def beside_copy(pg, want, **more):
    place = Place(pg)
    runs, limits = [], []
    try:
        send(place, REQUESTS, KINDS, **more)
        for _ in range(RUNS):
            schema, run = projected(pg, place, want)
            runs.append(run)
            limits.append(copy(pg, place, schema, EVENTS))
            place.forget()
    finally:
        place.drop()
    return {"runs": runs, "limit": {"name": f"COPY, {BATCH} events a transaction", "runs": limits}}


def folded(pg):
    return beside_copy(pg, FOLDED)


def apart(pg):
    return beside_copy(pg, APART, apart=1) | {"label": "project, each event of its own request"}


def copy(pg, place, source, events):
    target = place.schema()
    got = machine.tool_copy(pg, conninfo=CONNINFO, **{"from": source}, to=target, batch=BATCH)
    for table in ("event", "event_id", "request"):
        rows = [pg.one(f"select count(*) from {s}.{table}") for s in (source, target)]
        expect(f"rows of {table} copied", rows[1], rows[0])
    return figures(events, got["wall_s"], {"worker": got["cpu_s"], "postgres": got["postgres_cpu_s"]})


# ---- months that are full ----------------------------------------------------------------------------------------------

# Facts of a year before the present month: forms, checks and completions as the bench tells them, in size and in share.
EARLIER_MONTHS = 12
EVENTS_SQL = """
insert into event (source, id, type, subject, time, effective_at, topic, partition, kafka_offset, append_at, data, data_hash, received_at, chain, revisi)
select case i %% 3 when 0 then '/opd/2.16.01' when 1 then '/bedelau/validator' else '/bedelau/integrator' end, 'lama-' || i,
       case i %% 3 when 0 then 'id.go.batam.bedelau.request.submitted.v1' when 1 then 'id.go.batam.bedelau.check.completed.v1'
                  else 'id.go.batam.bedelau.integration.completed.v1' end,
       'LAMA-' || lpad((i / 3)::text, 9, '0'), at, at, 'lama', 0, i, at,
       case i %% 3 when 0 then '{"x":"' || repeat(md5(i::text), 54) || '"}' else '{"x":"' || repeat(md5(i::text), 9) || '"}' end,
       sha256(i::text::bytea), at, sha256(i::text::bytea), 1
  from (select i, %s::timestamptz - interval '1 second' * (%s - i) as at from generate_series(%s, %s) i) x"""
IDS_SQL = """insert into event_id (key, hash, at)
select substr(sha256(('k' || i)::bytea), 1, 16), sha256(i::text::bytea), now() from generate_series(1, %s) i"""
# Rows of requests that have ended, made from one that the projector wrote.
REQUESTS_SQL = """insert into request ({columns}) select {values} from generate_series(1, %s) i, {model} r where r.nomor_permohonan = %s"""


def fill(pg, model, events):
    """Puts so many events into months before the present one, their ids and their requests, as if recorded then."""
    first = pg.one("select date_trunc('month', now() at time zone 'Asia/Jakarta')::date")
    each = events // EARLIER_MONTHS
    for m in range(EARLIER_MONTHS):
        pg.do("select event_month((%s::date - make_interval(months => %s))::date)", first, m + 1)
        end = pg.one("select (%s::date - make_interval(months => %s))::timestamp at time zone 'Asia/Jakarta'", first, m)
        last = events if m == EARLIER_MONTHS - 1 else (m + 1) * each
        pg.do(EVENTS_SQL, end, last + 1, m * each + 1, last)
    pg.do("alter table event_id drop constraint event_id_pkey")
    pg.do(IDS_SQL, events)
    pg.do("alter table event_id add primary key (key) with (fillfactor = 70)")  # as full as one that grew by itself
    pg.do("alter index event_id_pkey reset (fillfactor)")
    requests = pg.one(f"select nomor_permohonan from {model}.request limit 1")
    columns = [r[0] for r in pg.ask("select column_name::text from information_schema.columns where table_schema = %s and table_name = 'request'"
                                    " and is_generated = 'NEVER'", model)]
    values = ["'LAMA-' || lpad(i::text, 9, '0')" if c == "nomor_permohonan" else f"r.{c} - interval '40 days'" if c == "updated_at" else f"r.{c}"
              for c in columns]
    pg.do(REQUESTS_SQL.format(columns=", ".join(columns), values=", ".join(values), model=f"{model}.request"), events // 3, requests)
    pg.do("vacuum (analyze) event, event_id, request")
    pg.checkpoint()
    pg.do("set enable_seqscan = off")  # what is hit at any time is in memory, as in a server that has been up for a while
    pg.do("select count(*) from event_id")
    pg.do("reset enable_seqscan")


def earlier(pg):
    """The same events into empty tables and beside EARLIER events of months before, which take turns."""
    place = Place(pg)
    runs, few = [], []
    try:
        send(place, REQUESTS, KINDS)
        for _ in range(LESS_RUNS):
            model, run = projected(pg, place, FOLDED)
            few.append(run)
            schema, run = projected(pg, place, FOLDED, before=lambda model=model: fill(pg, model, EARLIER), there=(EARLIER, EARLIER // 3))
            runs.append(run)
            place.forget()
    finally:
        place.drop()
    return {"runs": runs, "label": f"beside {EARLIER:,} of earlier months", "limit": {"name": "empty tables", "runs": few}}


# ---- how soon it can be read -------------------------------------------------------------------------------------------


def visible(pg):
    """The projector alone: from a form's sending until somebody else can read its row."""
    place = Place(pg)
    try:
        schema = place.schema()
        with Program("projector", place.env(schema)) as worker:
            await_that(worker.ready, 30, "the projector is ready", 0.05)
            runs = [one_visible(pg, place, worker, schema, i) for i in range(RUNS)]
            total = RUNS * (SECONDS + 1) * RATE
            expect("events recorded", pg.one("select count(*) from event"), total)
            expect("dead letters", pg.one("select count(*) from dead_letter"), 0)
    finally:
        place.drop()
    return {"runs": runs}


def one_visible(pg, place, worker, schema, i):
    got, cores = under_load(pg, [worker], [worker], "visible", bootstrap=machine.BOOTSTRAP, prefix=place.name, conninfo=CONNINFO,
                            **{"from": schema}, n=RATE * SECONDS, warm=RATE, rate=RATE, seed=300 + i)
    return dict(got["visible"]) | cores
