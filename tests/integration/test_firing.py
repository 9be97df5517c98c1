"""Clocks that fall due: each is missed once, by whatever process, and never while an answer in time is unread. The programs
that the deadline worker waits for (validator, integrator) are played: their positions are where the test puts them."""
import collections
import datetime
import json
import os
import struct
import subprocess
import time

import confluent_kafka.admin
import pytest

import harness
from harness import OPD, eventually, event

HERE = harness.pathlib.Path(__file__).parent
MANY = int(os.environ.get("BEDELAU_TEST_CLOCKS") or 20000)  # 100000 takes a minute more
ANSWERS = 10000
OTHERS = ("validator", "integrator")
HOUR_S = 3600
US = datetime.timedelta(microseconds=1)
UTC = datetime.timezone.utc
TEMPLATE = f"{OPD}-T-0"

# Rows as the worker writes them: copies of one that it wrote, begun and due at another time, warned of already.
COPY = """with t as (select * from deadline_clock where nomor_permohonan = %(template)s),
n as (select i, %(prefix)s || i as nomor, %(due)s::timestamptz + i::bigint * %(apart)s * interval '1 us' as due
      from generate_series(1, %(n)s) i),
us as (select nomor, due, (extract(epoch from due) * 1000000)::bigint as b, %(span)s::bigint * 1000000 as span from n)
insert into deadline_clock (nomor_permohonan, urutan, fakta, jam, due_at, kalender) select us.nomor, t.urutan,
replace(replace(t.fakta, %(template)s, us.nomor), %(begun)s::text, (us.b - us.span)::text),
replace(replace(replace(t.jam, %(begun)s::text, (us.b - us.span)::text), (%(begun)s + us.span)::text, us.b::text), '"w":0', '"w":1'),
us.due, t.kalender from us, t"""


def micros(t):
    return (t - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // US


def text(t):
    return t.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now():
    return datetime.datetime.now(UTC)


def await_instant(t):
    eventually(now, lambda n: n >= t, 60, f"{t}")


def register(p, nomor, at):
    p.send("requests", event("request.registered", nomor, {"kode_opd": OPD}, id=nomor, time=text(at)))


def template(p, span_s=HOUR_S):
    """Has the worker open one clock, which is due in an hour, and ends it."""
    at = now()
    p.start("deadline")
    register(p, TEMPLATE, at)
    p.flush()
    eventually(lambda: p.rows("select * from deadline_clock"), what="the first clock")
    p.terminate("deadline")
    p.begun = micros(at)


def clocks(p, letter, n, due, apart_us=0, span_s=HOUR_S):
    """n running clocks, due one after the other; they have the numbers OPD-letter-1 and on."""
    with p.connect() as db, db.cursor() as c:
        c.execute(f'set search_path to "{p.schema}"')
        c.execute(COPY, {"template": TEMPLATE, "prefix": f"{OPD}-{letter}-", "n": n, "due": due, "apart": apart_us,
                         "span": span_s, "begun": p.begun})
        c.execute("analyze deadline_clock")


def others_have_read(p, *names):
    """The validator and the integrator are as far as anybody can be."""
    for name in names or OTHERS:
        p.rows("insert into consumer_offset (consumer_group, topic, partition, next_offset, generation) "
               "select %s, %s || t, i, 1::bigint << 40, 1 from unnest(%s) t, generate_series(0, 3) i",
               f"{p.prefix}-{name}", f"{p.prefix}.", ["requests", "reviews", "integrations", "checks", "callbacks"])


def due_left(p, letter):
    """Of these, how many are to be looked at within the hour."""
    return p.one("select count(*) from deadline_clock where due_at < now() + interval '1 hour' and nomor_permohonan like %s",
                 f"{OPD}-{letter}-%")


def changes(p, tahap="pengajuan"):
    """{nomor: [the states that were told of its clock, in order]}, repeats of the same event left out."""
    seen, out, repeats = {}, collections.defaultdict(list), 0
    for m in p.read("deadlines"):
        e = json.loads(m.value())
        if e["id"] in seen:
            assert seen[e["id"]] == m.value()
            repeats += 1
            continue
        seen[e["id"]] = m.value()
        if e["type"].endswith("deadline.changed.v1") and e["data"]["tahap"] == tahap:
            out[e["subject"]].append(e)
    for told in out.values():
        told.sort(key=lambda e: e["data"]["urutan"])
    return out, repeats


def states(told):
    return [e["data"]["keadaan"] for e in told]


def metric(p, name):
    return p.metric(name, "deadline")


def await_told(p):
    eventually(lambda: p.one("select count(*) from outbox_deadline"), lambda n: n == 0, 120, "an empty outbox")


def test_many_at_once(pipeline, capsys):
    """All due in one instant, two processes, one of them killed in mid-way: each is told missed once."""
    p = pipeline(standin=False, sop_pengajuan=f"{HOUR_S} detik", deadline_grace="500ms")
    template(p)
    due = now() + datetime.timedelta(seconds=12)
    clocks(p, "M", MANY, due)
    others_have_read(p)
    p.start("deadline", "deadline.2")
    left = eventually(lambda: due_left(p, "M"), lambda n: n < MANY * 7 // 10, 120, "the first of them")
    p.kill("deadline.2")
    eventually(lambda: due_left(p, "M"), lambda n: n == 0, 300, "all fired")
    took = (now() - due).total_seconds() - 0.5
    await_told(p)
    told, repeats = changes(p)
    with capsys.disabled():
        print(f"\n{MANY} clocks due at once, one of two processes killed when {left} were left: all fired {took:.2f} s after the "
              f"grace, {repeats} records sent again")
    assert 0 < left
    told.pop(TEMPLATE)
    assert len(told) == MANY
    assert {tuple(states(t)) for t in told.values()} == {("terlewat",)}
    assert {t[0]["data"]["sebab"] for t in told.values()} == {"waktu"}
    assert {t[0]["data"]["batas"] for t in told.values()} == {told[f"{OPD}-M-1"][0]["data"]["batas"]}


def submit(p, nomor, at):
    p.send("requests", event("request.submitted", nomor, {"nomor_permohonan": nomor, "revisi": 1, "kode_opd": OPD},
                             id=nomor, time=text(at)))


def accept(p, nomor, at):
    p.send("checks", event("check.completed", nomor, {
        "revisi": 1, "putaran": 1, "urutan": 1, "putusan": "diterima", "final": True, "sumber_pengajuan": f"/opd/{OPD}",
        "id_pengajuan": nomor, "temuan": [], "oleh": "sistem"}, source="/bedelau/validator", id=nomor, time=text(at)))


def opened(p, n):
    eventually(lambda: p.one("select count(*) from deadline_clock where jam like %s", '%"t":1%'), lambda got: got == n, 120,
               f"{n} clocks open")


def test_answer_in_the_same_millisecond(pipeline):
    """The answer a microsecond before the due instant and at it: read before that passes, as it passes, and when the worker was
    dead as it passed. What was answered in time is never called missed, all else once."""
    term, grace = 16, 4
    p = pipeline(standin=False, sop_pemeriksaan=f"{term} detik", deadline_grace=f"{grace}s")
    others_have_read(p)
    p.start("deadline")
    each = ANSWERS // 4
    names = {k: [f"{OPD}-{k}-{i}" for i in range(1, each + 1)] for k in "ABCD"}
    due = {}
    for letter in "ABCD":
        begun = now()
        for i, nomor in enumerate(names[letter]):
            at = begun - i % 1000 * US
            due[nomor] = at + datetime.timedelta(seconds=term)
            submit(p, nomor, at)
    p.flush()
    opened(p, ANSWERS)

    def answer(letter):
        for i, nomor in enumerate(names[letter]):
            accept(p, nomor, due[nomor] - i % 2 * US)
        p.flush()

    answer("A")
    last = max(due.values())
    await_instant(min(due.values()) - datetime.timedelta(milliseconds=200))
    answer("B")
    p.kill("deadline")
    answer("C")
    assert now() < min(due.values()) + datetime.timedelta(seconds=grace), "this machine is too slow for this test"
    await_instant(last + datetime.timedelta(seconds=grace))
    p.start("deadline")
    eventually(lambda: due_left(p, "_"), lambda n: n == 0, 120, "all settled")
    answer("D")  # too late to prevent the word, in time by its date for every other
    p.await_read("deadline", "checks", ANSWERS)
    await_told(p)
    told, _ = changes(p, "pemeriksaan")
    for letter in "ABC":
        for i, nomor in enumerate(names[letter]):
            got = states(told[nomor])
            want = ["berjalan", "terpenuhi"] if i % 2 else ["berjalan", "terlewat"]
            assert got == want, (nomor, got)
    for i, nomor in enumerate(names["D"]):
        assert states(told[nomor]) == ["berjalan", "terlewat", "terpenuhi" if i % 2 else "terlewat"], nomor
        assert ("late_arrival" in told[nomor][2]["data"]) == bool(i % 2)


def test_down_for_a_day(pipeline):
    """Everything is long past the hard maximum when the worker comes back. It reads first; then the overdue are told, the oldest
    first, and no more at once than is allowed."""
    n, rate = 1000, 500
    p = pipeline(standin=False, sop_pengajuan=f"{HOUR_S} detik")
    template(p)
    first = now() - datetime.timedelta(hours=22)
    clocks(p, "D", n, first, apart_us=10_000_000)
    others_have_read(p)
    due = {i: first + datetime.timedelta(seconds=10 * i) for i in range(1, n + 1)}
    for i in range(1, n + 1):
        if i % 2:
            submit(p, f"{OPD}-D-{i}", due[i] - US)
        elif i % 4 == 0:
            submit(p, f"{OPD}-D-{i}", due[i])
    p.flush()
    p.start("deadline", deadline_fire_rate=rate)
    eventually(lambda: p.one("select count(*) from deadline_clock where due_at < now()"), lambda k: k == 0, 120, "all settled")
    await_told(p)
    told, _ = changes(p)
    assert metric(p, "bedelau_clocks_hard_maximum_total") == 0
    for i in range(1, n + 1):
        want = "terpenuhi" if i % 2 else "terlewat"
        assert states(told[f"{OPD}-D-{i}"]) == [want], (i, states(told[f"{OPD}-D-{i}"]))
    batches = collections.defaultdict(list)
    for i in range(2, n + 1, 4):
        e = told[f"{OPD}-D-{i}"][0]
        batches[e["time"]].append(e["data"]["batas"])
    order = [sorted(b) for _, b in sorted(batches.items())]
    assert max(len(b) for b in order) <= rate // 10 + 1
    assert [x for b in order for x in b] == sorted(x for b in order for x in b)


def test_an_answer_in_an_outbox(pipeline):
    """The validator has read the form after its clock was due, and what it said is still in its outbox: that is waited for."""
    p = pipeline(standin=False, sop_pemeriksaan="1 detik", deadline_grace="100ms")
    nomor = f"{OPD}-O-1"
    others_have_read(p, "integrator")
    p.start("deadline")
    at = now()
    submit(p, nomor, at)
    p.flush()
    eventually(lambda: p.statusz("deadline")["gate"], lambda g: g == "others", what="the gate waits for the validator")
    with p.connect() as db, db.cursor() as c:
        db.autocommit = False
        c.execute(f'set search_path to "{p.schema}"')
        c.execute("insert into outbox_validator (lane, topic, value) values (0, 'x', '')")
        c.execute("insert into consumer_offset (consumer_group, topic, partition, next_offset, generation) "
                  "select %s, %s, i, 1, 1 from generate_series(0, 3) i", (f"{p.prefix}-validator", f"{p.prefix}.requests"))
    eventually(lambda: p.statusz("deadline")["gate"], lambda g: g != "others", what="the gate goes on")
    assert p.statusz("deadline")["gate"] == "outboxes"
    accept(p, nomor, at + datetime.timedelta(milliseconds=500))
    p.flush()
    p.rows("insert into consumer_offset (consumer_group, topic, partition, next_offset, generation) "
           "select %s, %s || t, i, 9, 1 from unnest(%s) t, generate_series(0, 3) i on conflict do nothing",
           f"{p.prefix}-validator", f"{p.prefix}.", ["reviews", "integrations"])
    p.rows("delete from outbox_validator")
    p.await_read("deadline", "checks", 1)
    eventually(lambda: p.one("select count(*) from deadline_clock where jam like %s", '%"t":2%'), what="clock 3")
    await_told(p)
    assert states(changes(p, "pemeriksaan")[0][nomor]) == ["berjalan", "terpenuhi"]


def test_hard_maximum(pipeline):
    """Where the validator never reads on, a clock is called missed after the hard maximum, and that is counted."""
    p = pipeline(standin=False, sop_pemeriksaan="1 detik", deadline_grace="100ms", deadline_hard_maximum="2s")
    p.start("deadline")
    nomor = f"{OPD}-H-1"
    submit(p, nomor, now())
    p.flush()
    eventually(lambda: metric(p, "bedelau_clocks_missed_total"), lambda n: n == 1, what="missed")
    eventually(lambda: due_left(p, "H"), lambda n: n == 0, what="and stored")
    assert metric(p, "bedelau_clocks_hard_maximum_total") in (1, 2)  # the warning may have come to it before
    await_told(p)
    assert states(changes(p, "pemeriksaan")[0][nomor]) == ["berjalan", "terlewat"]


@pytest.fixture
def stepped(tmp_path):
    """(settings of a program whose wall clock can be set, and what sets it)."""
    lib, step = tmp_path / "stepped_clock.so", tmp_path / "step"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", lib, HERE / "stepped_clock.c", "-ldl"], check=True)
    step.write_bytes(bytes(8))

    def by(seconds):
        with open(step, "r+b") as f:
            f.write(struct.pack("=q", seconds * 10 ** 9))

    return {"LD_PRELOAD": str(lib), "STEPPED_CLOCK": str(step)}, by


def test_clock_steps(pipeline, stepped):
    """The wall clock of the worker's machine is set forward by two hours, back, and right again: nothing is called missed before
    its time, nothing is forgotten, nothing told twice."""
    env, step = stepped
    p = pipeline(standin=False, sop_pengajuan=f"{HOUR_S} detik", deadline_grace="200ms")
    p.env.update(env)
    others_have_read(p)
    p.start("deadline")

    def begin(name, left_s):
        """A clock with so much time left; its coming wakes the worker up."""
        register(p, f"{OPD}-{name}-1", now() - datetime.timedelta(seconds=HOUR_S - left_s))
        p.flush()
        eventually(lambda: p.one("select count(*) from deadline_clock where nomor_permohonan = %s", f"{OPD}-{name}-1"),
                   what=f"clock {name}")

    def missed(*names):
        for name in names:
            eventually(lambda: due_left(p, name), lambda n: n == 0, 60, f"{name} missed")

    begin("LATER", HOUR_S // 2)
    step(2 * HOUR_S)
    begin("FORTH", 3)
    missed("FORTH")
    assert p.statusz("deadline")["ahead_ms"] > 7_000_000
    assert "ahead of the database" in p.log("deadline")
    step(-2 * HOUR_S)
    begin("BACK", 2)
    step(0)
    begin("RIGHT", 2)
    missed("BACK", "RIGHT")
    assert p.statusz("deadline")["ahead_ms"] == 0
    assert metric(p, "bedelau_batches_total") < 60  # it did not spin
    await_told(p)
    told, _ = changes(p)
    assert states(told[f"{OPD}-LATER-1"]) == ["berjalan"]
    for name in ("FORTH", "BACK", "RIGHT"):
        got = told[f"{OPD}-{name}-1"]
        assert states(got) == ["berjalan", "terlewat"], name


def test_warning_on_a_machine_that_is_ahead(pipeline, stepped, folder):
    """By the worker's machine the clock ended an hour and a half ago: the warning that is due by the database's clock is told."""
    env, step = stepped
    left = HOUR_S // 2
    file = folder / "jam.json"
    file.write_text(json.dumps({"peringatan": {"pengajuan": [left - 6], "pemeriksaan": [1], "integrasi": [1], "perbaikan": [1]},
                                "pengecualian": []}), encoding="utf-8")
    p = pipeline(standin=False, sop_pengajuan=f"{HOUR_S} detik", deadline_grace="200ms", sop_terms=file)
    p.env.update(env)
    step(2 * HOUR_S)
    others_have_read(p)
    p.start("deadline")
    nomor, at = f"{OPD}-W-1", now() - datetime.timedelta(seconds=left)
    register(p, nomor, at)
    p.flush()
    eventually(lambda: p.one("select max(jam) from deadline_clock where nomor_permohonan = %s", nomor), lambda jam: jam and '"p":' in jam, 60,
               "the warning is noted")
    assert p.statusz("deadline")["ahead_ms"] > 7_000_000
    await_told(p)
    warned = [e for e in map(json.loads, (m.value() for m in p.read("deadlines"))) if e["type"].endswith("deadline.warned.v1")]
    assert [e["data"]["sisa_hari"] for e in warned] == [left - 6]
    assert warned[0]["time"] < text(at + datetime.timedelta(seconds=HOUR_S))


def missed_but(p, letter, n, but):
    """All of the letter's clocks were told missed, once; of one nothing was told, and it is looked at again in an hour."""
    eventually(lambda: p.one("select count(*) from deadline_clock where due_at < now() + interval '30 minutes' and nomor_permohonan like %s",
                             f"{OPD}-{letter}-%"), lambda k: k == 0, 60, "nothing is left to be looked at soon")
    at = p.one("select due_at from deadline_clock where nomor_permohonan = %s", but)
    assert datetime.timedelta(minutes=55) < at - now() <= datetime.timedelta(hours=1)
    await_told(p)
    told, _ = changes(p)
    assert {nomor: states(t) for nomor, t in told.items() if nomor != TEMPLATE} == {
        f"{OPD}-{letter}-{i}": ["terlewat"] for i in range(1, n + 1) if f"{OPD}-{letter}-{i}" != but}


def test_a_row_that_is_refused(pipeline):
    """The database takes whatever is written of one clock for wrong: all others are settled, it is named and put off."""
    p, n, bad = pipeline(standin=False, sop_pengajuan=f"{HOUR_S} detik", deadline_grace="100ms"), 250, f"{OPD}-R-120"
    template(p)
    clocks(p, "R", n, now() - datetime.timedelta(minutes=10), apart_us=1000)
    p.rows("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused' using errcode = '22000'; end $$")
    p.rows("create trigger refuse before update on deadline_clock for each row "
           f"when (new.nomor_permohonan = '{bad}' and new.jam <> old.jam) execute function refuse()")
    others_have_read(p)
    p.start("deadline")
    eventually(lambda: "cannot be settled" in p.log("deadline"), what="the row is named")
    missed_but(p, "R", n, bad)
    assert bad in next(line for line in p.log("deadline").splitlines() if "cannot be settled" in line)


@pytest.mark.parametrize("column", ["fakta", "jam"])
def test_a_row_that_cannot_be_read(pipeline, column):
    """Nothing is told of it, whatever comes for it, and it stays as it is stored; all others are settled."""
    p, n, bad = pipeline(standin=False, sop_pengajuan=f"{HOUR_S} detik", deadline_grace="100ms"), 9, f"{OPD}-U-5"
    template(p)
    clocks(p, "U", n, now() - datetime.timedelta(minutes=10), apart_us=1000)
    p.rows(f"update deadline_clock set {column} = 'rusak' where nomor_permohonan = %s", bad)
    before = p.rows("select urutan, fakta, jam from deadline_clock where nomor_permohonan = %s", bad)
    others_have_read(p)
    p.start("deadline")
    missed_but(p, "U", n, bad)
    submit(p, bad, now())
    p.flush()
    p.await_read("deadline", "requests", 2)
    missed_but(p, "U", n, bad)
    assert p.rows("select urutan, fakta, jam from deadline_clock where nomor_permohonan = %s", bad) == before
    assert "cannot be read" in p.log("deadline")


def test_a_topic_that_is_not_there(pipeline):
    """Who cannot say where a topic ends does not say that it was read."""
    p, nomor = pipeline(standin=False, sop_pemeriksaan="1 detik", deadline_grace="100ms"), f"{OPD}-N-1"
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": p.servers})
    others_have_read(p)
    for done in admin.delete_topics([f"{p.prefix}.callbacks"], operation_timeout=30).values():
        done.result()
    eventually(lambda: admin.list_topics(timeout=30).topics, lambda all: f"{p.prefix}.callbacks" not in all, what="the topic is gone")
    p.start("deadline")
    submit(p, nomor, now())
    p.flush()
    line = eventually(lambda: [t for t in p.log("deadline").splitlines() if "cannot be seen" in t], what="the topic is named")[0]
    assert f"{p.prefix}.callbacks" in line or "topic=callbacks" in line
    assert p.statusz("deadline")["gate"] == "others"
    assert metric(p, "bedelau_clocks_missed_total") == 0
    p.ctl("topics", "create", "--partitions", "4")
    eventually(lambda: metric(p, "bedelau_clocks_missed_total"), lambda k: k == 1, 60, "missed")
    assert metric(p, "bedelau_clocks_hard_maximum_total") == 0
    assert p.log("deadline").count("cannot be seen") == 1
