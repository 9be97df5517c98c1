"""What the stages share: their settings, and a worker that works off what was loaded before it started."""

import os
import time

import machine
from machine import Lap, Program, Wrong, await_that, tool

N = int(os.environ.get("BENCH_N", "30000"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
RATE = int(os.environ.get("BENCH_RATE", "200"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
EARLIER = int(os.environ.get("BENCH_EARLIER", "300000"))
PARKED = int(os.environ.get("BENCH_PARKED", "1000000"))
LESS_RUNS = max(RUNS - 1, 1)  # of what takes long
LATENCY_MS = 5
IN_FLIGHT = 64
LIMIT_S = 300


def expect(what, got, want):
    if got != want:
        raise Wrong(f"{what}: {got}, expected {want}")


def send(place, n, kinds, **more):
    return tool("send", bootstrap=machine.BOOTSTRAP, prefix=place.name, n=n, kinds=kinds, **more)


def figures(items, wall_s, cpu):
    """What every measurement tells, in the same words."""
    out = {"items": items, "wall_s": wall_s, "per_s": items / wall_s}
    for who, seconds in cpu.items():
        out[f"{who}_cpu_s_per_100k"] = None if seconds is None else seconds / items * 1e5
    return out


class Stage:
    """A worker that works off what was loaded before it started."""

    def __init__(self, pg, worker, records):
        self.pg, self.worker, self.records = pg, worker, records

    def assigned(self):
        return self.pg.one("select count(*) > 0 from consumer_offset")

    def begun(self):
        return self.pg.one("select coalesce(sum(next_offset), 0) > 0 from consumer_offset")

    def at_end(self):
        return self.pg.one("select coalesce(sum(next_offset), 0)::bigint from consumer_offset") >= self.records

    def told(self):
        return not self.pg.one(f"select exists (select from outbox_{self.worker})")

    def run(self, place, items, env=None, finished=None, told_by=None, before=None):
        """In a fresh schema, in which `before` puts what is to be there. Clock and CPU start when partitions are assigned.
        The clock stops when the last record's transaction is durable (and `finished` holds), CPU is read when the outbox is
        empty too; then `told_by` asks the worker for more."""
        schema = place.schema()
        if before:
            before()
        with Program(self.worker, place.env(schema, **(env or {}))) as worker:
            await_that(self.assigned, 30, "partitions are assigned", 0.002)
            lap = Lap(self.pg, [worker])
            await_that(self.begun, 30, "the first batch is applied")
            first_s = time.monotonic() - lap.at
            await_that(self.at_end, LIMIT_S, f"{self.worker} has read everything")
            if finished:
                finished()
            wall_s = time.monotonic() - lap.at
            await_that(self.told, 60, "the outbox is empty")
            cpu = lap.end()
            more = told_by(worker) if told_by else {}
        expect("dead letters", self.pg.one("select count(*) from dead_letter"), 0)
        expect("position", self.pg.one("select sum(next_offset)::bigint from consumer_offset"), self.records)
        return schema, figures(items, wall_s, cpu) | {"first_batch_s": first_s} | more


def under_load(pg, workers, programs, command, **options):
    """Runs a tool that loads the programs: what it printed, and the cores in use meanwhile by `workers` together, by each of
    `programs`, and by all of this machine."""
    laps = {p.name: p.cpu() for p in programs}
    busy = machine.busy()
    lap = Lap(pg, workers)
    got = tool(command, **options)
    wall_s = time.monotonic() - lap.at
    cores = {f"{who}_cores": None if s is None else s / wall_s for who, s in lap.end().items()}
    cores["machine_busy_cores"] = (machine.busy() - busy) / wall_s
    each = {f"{p.name}_cores": (p.cpu() - laps[p.name]) / wall_s for p in programs}
    return got, cores | each
