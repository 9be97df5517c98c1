"""The deadline worker: what a million running clocks cost, how fast clocks are opened, and how soon they fire."""

import datetime
import json
import os
import secrets
import time

import confluent_kafka

import machine
from machine import Lap, Place, Program, Wrong, await_that
from stage import LESS_RUNS, LIMIT_S, N, SECONDS, Stage, expect, figures, send

RUNNING = int(os.environ.get("BENCH_CLOCKS", "1000000"))
AT_ONCE = max(RUNNING // 10, 1)
RATE = 1000
GRACE_S = 2.0  # the default of [deadline] grace
SPAN_S = 86400
START_S = 6  # within which a worker is ready
TERMS = {"BEDELAU_SOP_PENGAJUAN": f"{SPAN_S} detik", "BEDELAU_SOP_PEMERIKSAAN": f"{SPAN_S} detik"}
UTC = datetime.timezone.utc

# Copies of a row that the worker wrote, each of a form with another id, warned of already, due one after the other from an
# instant on.
COPY = """with us as (select %(prefix)s || lpad(i::text, 7, '0') as nomor, %(due)s + i::bigint * %(apart)s as due
from generate_series(1, %(n)s) i)
insert into deadline_clock (nomor_permohonan, urutan, kalender, fakta, jam, due_at) select us.nomor, %(urutan)s, %(kalender)s, replace(replace(replace(%(fakta)s, %(of)s, us.nomor), %(id)s, us.nomor), %(begun)s, (us.due - %(span)s)::text),
replace(replace(%(jam)s, %(begun)s, (us.due - %(span)s)::text), %(batas)s, us.due::text),
timestamptz '1970-01-01 00:00Z' + us.due * interval '1 us' from us"""


def micros(t):
    return round(t * 1e6)


def template(pg):
    """One clock of the checks that the worker opened, as the values that its copies take."""
    place = Place(pg)
    try:
        send(place, 1, "submitted", seed=400)
        with Program("deadline", place.env(place.schema(), **TERMS)):
            row = await_that(lambda: pg.ask("select nomor_permohonan, urutan, fakta, jam, kalender from deadline_clock"), 60, "a clock")[0]
    finally:
        place.drop()
    told = json.loads(row[3])
    running = told[-1]
    running["p"] = [running["b"], 1]  # warned of already
    return {"of": row[0], "urutan": row[1], "kalender": row[4], "fakta": row[2], "id": json.loads(row[2])["facts"][0]["i"], "jam": json.dumps(told, separators=(",", ":")), "begun": str(running["m"]),
            "batas": str(running["b"]), "span": running["b"] - running["m"]}


def put(pg, row, name, n, due_s, apart_us=0):
    pg.cursor.execute(COPY, row | {"prefix": f"2.16.01-{name}-", "n": n, "due": micros(due_s), "apart": apart_us})


def settle_down(pg):
    """What the server does about new rows must not fall into the measurement."""
    pg.do("vacuum (analyze) deadline_clock")
    pg.checkpoint()


def fill(pg, row):
    """Running clocks, due within the month that begins tomorrow."""
    put(pg, row, "R", RUNNING, time.time() + SPAN_S, 30 * SPAN_S * 1000000 // RUNNING)
    settle_down(pg)


def clocks(pg):
    row = template(pg)
    place = Place(pg)
    try:
        send(place, N, "submitted", seed=401)
        schema, opening = Stage(pg, "deadline", N).run(place, N, env=TERMS, before=lambda: fill(pg, row))
        expect("clocks told", place.records("deadlines"), 2 * N)
        expect("clocks", pg.one("select count(*) from deadline_clock"), RUNNING + N)
        others_have_read(pg, place, schema)
        env = place.env(schema, **TERMS)
        idle = at_rest(pg, env)
        runs = [opening | idle | burst(pg, place, env, row, i) | trickle(pg, place, env, row, i) for i in range(LESS_RUNS)]
        expect("clocks that run on", pg.one("select count(*) from deadline_clock where due_at > now() + interval '6 hours'"),
               RUNNING + N)
        expect("dead letters", pg.one("select count(*) from dead_letter"), 0)
    finally:
        place.drop()
    return {"running": RUNNING, "at_once": AT_ONCE, "rate": RATE, "runs": runs}


def others_have_read(pg, place, schema):
    """The deadline worker waits for these two; here they have read whatever comes."""
    pg.do("insert into consumer_offset (consumer_group, topic, partition, next_offset, generation) "
          "select %s || w, %s || t, p, 1::bigint << 40, 1 from unnest(array['-validator', '-integrator']) w, "
          "unnest(array['requests', 'reviews', 'integrations', 'checks', 'callbacks']) t, generate_series(0, 3) p",
          schema, f"{place.name}.")


def rests(worker):
    """Whether it took less than 1 % of a core since it was asked last."""
    asked = [0.0, float("-inf")]

    def ask():
        before, asked[:] = tuple(asked), (time.monotonic(), worker.cpu())
        return asked[1] - before[1] < 0.01 * (asked[0] - before[0])
    return ask


def at_rest(pg, env):
    """Memory and CPU of a worker that has nothing to do but to wait for a million instants."""
    with Program("deadline", env) as worker:
        await_that(worker.ready, 30, "the worker is ready", 0.05)
        await_that(rests(worker), 60, "what follows from the start is over", 0.5)
        lap = Lap(pg, [worker])
        time.sleep(SECONDS)
        cpu = lap.end()
        return {"rss_mb": machine.rss_mb(worker.pid), "idle_percent": cpu["worker"] / SECONDS * 100,
                "idle_postgres_percent": None if cpu["postgres"] is None else cpu["postgres"] / SECONDS * 100}


class Told:
    """Reads what is told of clocks from now on."""

    def __init__(self, place):
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": machine.BOOTSTRAP, "group.id": secrets.token_hex(8),
                                                  "enable.auto.commit": False})
        name = f"{place.name}.deadlines"
        parts = [confluent_kafka.TopicPartition(name, p) for p in self.consumer.list_topics(name, timeout=10).topics[name].partitions]
        for part in parts:
            part.offset = self.consumer.get_watermark_offsets(part, timeout=10)[1]
        self.consumer.assign(parts)

    def take(self, n):
        """Of each record, the ms from the end of its clock's grace until it was in the log; sorted."""
        out, ids = [], set()
        end = time.monotonic() + LIMIT_S
        while len(out) < n and time.monotonic() < end:
            for m in self.consumer.consume(1000, 0.5):
                e = json.loads(m.value())
                expect("state told", e["data"]["keadaan"], "terlewat")
                ids.add(e["id"])
                due = datetime.datetime.fromisoformat(e["data"]["batas"]).timestamp()
                out.append(m.timestamp()[1] - (due + GRACE_S) * 1000)
        self.consumer.close()
        expect("clocks fired, each once", (len(out), len(ids)), (n, n))
        return sorted(out)


def load(pg, row, name, n, apart_us):
    """n clocks; gives when the first is due, which is late enough for the worker to be ready."""
    lead_s = START_S + n / 20000
    while True:
        due = time.time() + lead_s
        put(pg, row, name, n, due, apart_us)
        settle_down(pg)
        if time.time() < due - START_S:
            return due
        pg.do("delete from deadline_clock where nomor_permohonan like %s", f"2.16.01-{name}-%")
        lead_s *= 2


def fire(pg, place, env, row, name, n, apart_us):
    """n clocks that fall due: (seconds after the first one's grace until the last was stored, CPU of that time, lateness of each)."""
    told = Told(place)
    due = load(pg, row, name, n, apart_us)
    with Program("deadline", env) as worker:
        await_that(worker.ready, 60, "the worker is ready", 0.05)
        if time.time() > due:
            raise Wrong("the worker was not ready before the first clock was due")
        time.sleep(max(0, due + GRACE_S - time.time()))
        lap = Lap(pg, [worker])
        await_that(lambda: not pg.one("select exists (select from deadline_clock where due_at < now() + interval '1 hour')"), LIMIT_S,
                   "all fired", 0.05)
        wall_s = time.time() - due - GRACE_S
        await_that(lambda: not pg.one("select exists (select from outbox_deadline)"), 60, "the outbox is empty")
        cpu = lap.end()
    return wall_s, cpu, told.take(n)


def burst(pg, place, env, row, i):
    """All due in one instant."""
    wall_s, cpu, _ = fire(pg, place, env, row, f"M{i}", AT_ONCE, 0)
    return {f"fire_{k}": v for k, v in figures(AT_ONCE, wall_s, cpu).items()}


def trickle(pg, place, env, row, i):
    """So many due each second."""
    n = RATE * SECONDS
    _, cpu, late = fire(pg, place, env, row, f"N{i}", n, 1000000 // RATE)
    out = {f"late_{name}": late[min(n * q // 100, n - 1)] for name, q in (("p50_ms", 50), ("p99_ms", 99), ("max_ms", 100))}
    return out | {f"late_{who}_cores": None if s is None else s / SECONDS for who, s in cpu.items()}
