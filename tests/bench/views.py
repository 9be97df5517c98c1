"""What people ask of the record, and how long each answer takes: see record.sql for what is there."""

import time

import record
from machine import Place, Wrong, task_cpu
from stage import RUNS, expect

LOOKS = 10  # of each question in a run


def views(pg):
    place = Place(pg)
    try:
        place.schema()
        record.fill(pg.cursor, record.MANY)
        expect("requests", pg.one("select count(*) from request"), record.MANY)
        pg.checkpoint()
        counts = record.counts(pg.cursor)
        asked = record.questions(pg.cursor, counts)
        runs = [one_run(pg, asked) for _ in range(RUNS)]
    finally:
        place.drop()
    return {"requests": record.MANY, "counts": counts, "asked": list(asked), "runs": runs}


def one_run(pg, asked):
    out = {}
    for what, (sql, _) in asked.items():
        out[f"{what}_rows"] = len(pg.ask(sql))  # the first look reads the disk
        if not out[f"{what}_rows"]:
            raise Wrong(f"rows of {what}: none")
        out[f"{what}_ms"], out[f"{what}_cpu_ms"] = look(pg, sql)
    return out


def look(pg, sql):
    """Milliseconds of one answer, all its rows in our hands; and of the CPU of the connection's own process of the server."""
    cpu, begun = task_cpu(pg.own) if pg.postmaster else None, time.monotonic()
    for _ in range(LOOKS):
        pg.ask(sql)
    wall = (time.monotonic() - begun) / LOOKS * 1e3
    return wall, None if cpu is None else (task_cpu(pg.own) - cpu) / LOOKS * 1e3
