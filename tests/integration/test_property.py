"""The property that the record rests on: the same facts in any order with any repeats give the same rows.

The facts of 200 requests are published in the order in which they happened, and under other numbers shuffled and
repeated, once a shuffle. Only the projector and the deadline worker run, so that nobody contradicts the checks and answers that are
given. All sets of rows must be what tests/integration/oracle.py says of the facts as they stand in the log, and the
same for all wherever the log's order has no say.

    BEDELAU_MODEL=/path/model.py    compares them with that reading of the rules too
    BEDELAU_PROPERTY_SEED=n         other stories (the seed is printed)
    BEDELAU_PROPERTY_REQUESTS=n     how many (2000 is the full size)
    BEDELAU_PROPERTY_SHUFFLES=n     how often they are shuffled (20)
"""
import collections
import contextlib
import datetime
import importlib.util
import json
import os
import random
import secrets
import subprocess

import confluent_kafka
import confluent_kafka.admin
import psycopg2
import psycopg2.extras
import pytest

import oracle
import stories
from harness import BIN, eventually, free_port, services

UTC = datetime.timezone.utc
REQUESTS = int(os.environ.get("BEDELAU_PROPERTY_REQUESTS", "200"))
SHUFFLES = int(os.environ.get("BEDELAU_PROPERTY_SHUFFLES", "2"))
SEED = os.environ.get("BEDELAU_PROPERTY_SEED", "17")
LIMIT_S = 180 + REQUESTS // 5
PROGRAMS = {"deadline": ("requests", "checks", "integrations"),
            "projector": ("requests", "reviews", "callbacks", "checks", "integrations", "deadlines")}
STATUSES = {"terdaftar", "diajukan", "diperiksa", "dikembalikan", "ditolak", "diterima", "diintegrasikan", "selesai",
            "gagal_integrasi", "dibatalkan"}
KINDS = {"request.registered", "request.submitted", "request.withdrawn", "review.decided", "callback.received",
         "check.completed", "check.refused", *(f"integration.{i}" for i in (
             "registered", "delayed", "completed", "rejected", "failed", "cancelled"))}
STATES = {"berjalan", "ditangguhkan", "terpenuhi", "terlewat", "dihentikan"}
CLOCK_COLUMNS = "mulai, batas, satuan, status, berakhir, hari_terpakai, kalender"


# ---- two programs on the real broker and database --------------------------------------------------------------------


class Pipeline:
    def __init__(self, folder, name, programs):
        self.servers, self.conninfo = services()
        self.programs = programs
        run = os.environ.get("BEDELAU_TEST_RUN") or secrets.token_hex(4)
        self.prefix, self.schema = f"test-{run}-{name}", f"test_{run}_{name}"
        self.folder, self.conf, self.running, self.db = folder, folder / "bedelau.conf", [], None
        self.conf.write_text(
            f"[kafka]\nbootstrap.servers = {self.servers}\ntopic_prefix = {self.prefix}\n"
            f"group_prefix = {self.prefix}\n[postgres]\nconninfo = {self.conninfo}\nschema = {self.schema}\n"
            "[sop]\ntime_tolerance = 3650d\n"
            f"[deadline]\nlisten = 127.0.0.1:{free_port()}\ngrace = 0s\nhard_maximum = 1s\n"
            f"[projector]\nlisten = 127.0.0.1:{free_port()}\n",
            encoding="utf-8")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("BEDELAU_")}
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": self.servers, "group.id": self.prefix,
                                                  "enable.auto.commit": False})

    def ctl(self, *words):
        done = subprocess.run([BIN / "bedelauctl", "-c", self.conf, *words], env=self.env, capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == 0, f"bedelauctl {words}: {done.stdout}{done.stderr}"

    def start(self):
        self.ctl("topics", "create", "--partitions", "4")
        self.ctl("migrate")
        self.db = psycopg2.connect(self.conninfo)
        self.db.autocommit = True
        for name in self.programs:
            log = open(self.folder / f"{name}.log", "wb")
            self.running.append(subprocess.Popen([BIN / f"bedelau-{name}", "-c", self.conf], env=self.env,
                                                 stdout=log, stderr=log))

    def stop(self):
        for program in self.running:
            program.terminate()
        codes = [program.wait(timeout=30) for program in self.running]
        if self.db:
            with self.db.cursor() as c:
                c.execute(f'drop schema "{self.schema}" cascade')
            self.db.close()
        self.consumer.close()
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.servers})
        mine = [t for t in admin.list_topics(timeout=30).topics if t.startswith(self.prefix + ".")]
        for done in (admin.delete_topics(mine, operation_timeout=30) if mine else {}).values():
            done.result()
        assert codes == [0] * len(codes)

    def rows(self, sql):
        with self.db.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as c:
            c.execute(f'set search_path to "{self.schema}"')
            c.execute(sql)
            return [dict(r) for r in c.fetchall()]

    def ends(self):
        """{(topic, partition): end} of everything that the two programs read."""
        topics = self.consumer.list_topics(timeout=30).topics
        ends = {}
        for bare in PROGRAMS["projector"]:
            for p in topics[f"{self.prefix}.{bare}"].partitions:
                tp = confluent_kafka.TopicPartition(f"{self.prefix}.{bare}", p)
                ends[bare, p] = self.consumer.get_watermark_offsets(tp, timeout=30)[1]
        return ends

    def unread(self, ends):
        """What is still to be done, in words; nothing once all is quiet."""
        at = {(r["consumer_group"], r["topic"], r["partition"]): r["next_offset"] or 0
              for r in self.rows("select * from consumer_offset")}
        left = [f"{name} {topic} {p}" for name in self.programs for (topic, p), end in ends.items()
                if topic in PROGRAMS[name] and at.get((f"{self.prefix}-{name}", f"{self.prefix}.{topic}", p), 0) < end]
        due = self.rows("select (select count(*) from outbox_deadline) + (select count(*) from outbox_projector) as "
                        "o, (select count(*) from deadline_clock where due_at <= now()) as d")[0]
        return left + [f"{n} in {k}" for k, n in due.items() if n]

    def doing(self):
        """As `unread`, of the topics' ends that no program moved on meanwhile."""
        dead = [p.args[0].name for p in self.running if p.poll() is not None]
        assert not dead, f"ended: {dead}; see {self.folder}"
        ends = self.ends()
        return self.unread(ends) or ([] if self.ends() == ends else ["more was published"])

    def await_quiet(self):
        eventually(self.doing, lambda left: not left, LIMIT_S, f"quiet; see {self.folder}")


# ---- publishing ------------------------------------------------------------------------------------------------------


class Publisher:
    """Sends facts and remembers where in the log each copy came to stand."""

    def __init__(self, pipeline):
        self.prefix, self.places, self.failed = pipeline.prefix, collections.defaultdict(list), []
        self.producer = confluent_kafka.Producer({"bootstrap.servers": pipeline.servers, "acks": "all",
                                                  "partitioner": "murmur2_random", "linger.ms": 5})

    def send(self, nomor, fact, keyed=True, raw=None):
        def delivered(err, m):
            if err:
                self.failed.append(err)
                return
            bare = m.topic()[len(self.prefix) + 1:]
            self.places[nomor, fact["id"]].append([m.timestamp()[1], bare, m.partition(), m.offset()])

        self.producer.produce(f"{self.prefix}.{stories.topic(fact)}", raw or stories.event(fact, nomor),
                              key=nomor if keyed else None, on_delivery=delivered,
                              headers={"content-type": "application/cloudevents+json; charset=utf-8"})
        self.producer.poll(0)

    def flush(self):
        assert self.producer.flush(60) == 0
        assert not self.failed


def publish_in_order(out, told):
    for nomor, facts in told.items():
        for fact in facts:
            out.send(nomor, fact)
    out.flush()


def publish_shuffled(out, told, rng):
    """Every fact one to three times; one repeat in four without a key, so that it lands in another partition."""
    copies = [(nomor, fact, n == 0 or rng.random() < 0.75) for nomor, facts in told.items() for fact in facts
              for n in range(rng.choice([1, 1, 2, 3]))]
    rng.shuffle(copies)
    for copy in copies:
        out.send(*copy)
    out.flush()
    return len(copies)


# ---- comparing -------------------------------------------------------------------------------------------------------


def folded(out, nomor, facts):
    return [stories.folded(f, place) for f in facts for place in out.places[nomor, f["id"]]]


def same(what, got, want):
    differ = {k: (got.get(k), want[k]) for k in want if got.get(k) != want[k]}
    assert not differ, f"{what}: (record, expected) {differ}"


def model_of_others():
    path = os.environ.get("BEDELAU_MODEL")
    if not path:
        return None
    spec = importlib.util.spec_from_file_location("model", path)
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    return model


def as_instants(row):
    times = {"mulai", "batas", "berakhir"} | {k for k in row if k.endswith("_at")}
    return {k: oracle.instant(v) if k in times and v else v for k, v in row.items()}


class Expected:
    """What the oracle (and the model, where there is one) says of a request's facts."""

    cal, model = oracle.Calendar(), model_of_others()
    model_cal = model.Calendar() if model else None

    def __init__(self, now):
        self.now = now

    def of(self, facts):
        row, clocks = oracle.row(facts, self.now, self.cal), oracle.by_name(oracle.clocks(facts, self.now, self.cal))
        if self.model:
            theirs = as_instants(self.model.request(facts) or {})
            for k in ("terlambat", "updated_at"):  # the model takes these from facts of the deadline worker
                theirs.pop(k, None)
            same("the model's row", row or {}, theirs)
            mine = oracle.by_name([as_instants(k) for k in self.model.clocks(facts, self.now, self.model_cal)])
            same("the model's clocks", clocks, mine)
            assert len(mine) == len(clocks)
        return row, clocks


class Record:
    """The rows of the database, by number."""

    def __init__(self, pipeline, first=""):
        """`first`: of numbers that begin so."""
        def rows(what, table, key):
            return pipeline.rows(f"select {what} from {table} where starts_with({key}, '{first}')")

        self.request = {r["nomor_permohonan"]: r for r in rows("*", "request", "nomor_permohonan")}
        self.clock = collections.defaultdict(dict)
        for k in rows(f"nomor_permohonan, revisi, tahap, {CLOCK_COLUMNS}", "clock", "nomor_permohonan"):
            self.clock[k.pop("nomor_permohonan")][k.pop("revisi"), k.pop("tahap")] = k
        self.events = collections.defaultdict(list)
        for e in rows("subject, source, id, type, topic, partition, kafka_offset, append_at, effective_at", "event",
                      "subject"):
            self.events[e["subject"]].append(e)
        for r in self.request.values():
            r["temuan"] = json.loads(r["temuan"])

    def told(self, nomor):
        """What must not depend on the order: all columns of the request but the ones that count or date changes."""
        r = {k: v for k, v in self.request[nomor].items()
             if k not in ("nomor_permohonan", "versi", "updated_at", "sidik", "fakta", "hitungan", "chain")}
        return {**r, "clocks": self.clock[nomor]}


def check_request(record, nomor, row, clocks):
    got = record.request.get(nomor, {})
    newest = max(e["effective_at"] for e in record.events[nomor])
    same(nomor, got, {"updated_at": newest})
    if row:
        same(nomor, got, row)
    else:
        assert got["status"] is None, nomor
    mine = {k: oracle.recorded_clock(v) for k, v in record.clock[nomor].items()}
    same(f"{nomor} clocks", mine, clocks)
    assert set(mine) == set(clocks), f"{nomor}: clocks {sorted(mine)}, expected {sorted(clocks)}"


def check_events(record, out, nomor, facts):
    """Every fact once, at a place where a copy of it stands."""
    mine = [e for e in record.events[nomor] if e["source"] != "/bedelau/deadline"]
    assert sorted(e["id"] for e in mine) == sorted(f["id"] for f in facts), nomor
    for e in mine:
        place = [round(e["append_at"].timestamp() * 1000), e["topic"][len(out.prefix) + 1:], e["partition"],
                 e["kafka_offset"]]
        assert place in out.places[nomor, e["id"]], e


# ---- the test --------------------------------------------------------------------------------------------------------


def shows(seed, now):
    """The status, the clocks' states and the traits of a story; nothing where the clocks change by themselves within hours."""
    cal, later = oracle.Calendar(), now + datetime.timedelta(hours=3)
    told = stories.story(seed, "X", now)
    facts = [stories.folded(f, [k, "requests", 0, k]) for k, f in enumerate(told)]
    states = [k["keadaan"] for k in oracle.clocks(facts, now, cal)]
    if states != [k["keadaan"] for k in oracle.clocks(facts, later, cal)]:
        return set()
    return {*states, oracle.row(facts, now, cal)["status"], *stories.traits(facts), *stories.sorts(told),
            *(f["type"] for f in told)}


def invent(n, now):
    """Seeds of n stories; the last places are kept for what has not been shown yet."""
    seeds, missing, i = [], STATUSES | STATES | stories.TRAITS | stories.SORTS | KINDS, 0
    while len(seeds) < n:
        assert i < 20 * n + 2000, f"{i} stories and none shows {sorted(missing)}: stories.LAST, the calendar's data?"
        i += 1
        shown = shows(f"{SEED}.{i}", now)
        if shown & missing or (shown and len(seeds) < n - len(missing)):
            seeds.append(f"{SEED}.{i}")
            missing = missing - shown
    return seeds


@contextlib.contextmanager
def running(folder, name, programs):
    missing = [n for n in (*(f"bedelau-{p}" for p in programs), "bedelauctl") if not (BIN / n).exists()]
    assert not missing, f"not built: {missing}"
    p = Pipeline(folder, name, programs)
    try:
        p.start()
        yield p
    finally:
        p.stop()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    with running(tmp_path_factory.mktemp("property"), "property", list(PROGRAMS)) as p:
        yield p


AGREED = [
    ("2024-08-01", "2024-08-02", "2024-08-05", "2024-09-12"),
    ("2024-04-05", "2024-04-16", "2024-04-17", "2024-06-03"),
    ("2024-11-25", "2024-11-26", "2024-11-28", "2025-01-10"),
    ("2025-03-27", "2025-04-08", "2025-04-09", "2025-05-23"),
    ("2025-08-14", "2025-08-15", "2025-08-19", "2025-09-29"),
    ("2026-03-17", "2026-03-25", "2026-03-26", "2026-05-07"),
    ("2026-11-25", "2026-11-26", "2026-11-27", "2027-01-12"),
    ("2026-12-31", "2027-01-04", "2027-01-06", "2027-02-16"),
    ("2027-05-14", "2027-05-21", "2027-05-24", "2027-07-02"),
]


@pytest.mark.parametrize("start, one, two, thirty", AGREED)
def test_the_oracle_counts_days_as_agreed(start, one, two, thirty):
    cal, morning = oracle.Calendar(), oracle.instant(f"{start}T08:30:00+07:00")
    for n, last in ((1, one), (2, two), (30, thirty)):
        due = cal.due(morning, n)
        assert due == oracle.instant(f"{last}T00:00:00+07:00") + oracle.ONE_DAY
        assert cal.used(morning, due - datetime.timedelta(microseconds=1)) == n


def some_facts(rng, seed, now):
    """A story, often cut short or with holes, as it may stand in the log."""
    facts = stories.story(seed, "X", now)
    if rng.random() < 0.4:
        facts = facts[:rng.randint(1, len(facts))]
    if rng.random() < 0.5:
        facts = [f for f in facts if rng.random() < 0.8] or facts
    copies = facts + rng.choices(facts, k=rng.randint(0, 5))
    rng.shuffle(copies)
    return [stories.folded(f, [k // 2, "requests", rng.randrange(4), k]) for k, f in enumerate(copies)]


def test_the_oracle_does_not_mind_the_order():
    """And agrees with the model, where there is one, on facts that no sane pipeline would show."""
    rng, now, seen = random.Random(SEED), datetime.datetime.now(UTC), set()
    for i in range(2000):
        facts = some_facts(rng, f"{SEED}/{i}", now)
        expected = Expected(now - datetime.timedelta(days=rng.choice([0, 0, 100, 200])))
        want = expected.of(facts)
        rng.shuffle(facts)
        assert expected.of(facts) == want
        seen.add((want[0] or {}).get("status"))
    assert seen >= STATUSES


class Round:
    """The stories under numbers of their own, published and looked at."""

    def __init__(self, pipeline, first, seeds, now):
        self.first, self.out = first, Publisher(pipeline)
        self.told = {f"{first}-{i:04d}": stories.story(s, f"{first}-{i:04d}", now) for i, s in enumerate(seeds)}

    def look(self, pipeline):
        """Reads what the record has of it, and says what it should have. [what is wrong, in a line]"""
        self.record, expected = Record(pipeline, f"{self.first}-"), Expected(datetime.datetime.now(UTC))
        self.wants, wrong = {}, []
        for nomor, facts in self.told.items():
            try:
                check_events(self.record, self.out, nomor, facts)
                self.wants[nomor] = expected.of(folded(self.out, nomor, facts))
                check_request(self.record, nomor, *self.wants[nomor])
            except AssertionError as e:
                wrong.append(str(e).splitlines()[0])
        return wrong

    def against(self, other):
        """How many requests are alike by the log, and [what is not the same of those]."""
        alike, wrong = 0, []
        for mine, theirs in zip(self.told, other.told):
            if mine not in self.wants or self.wants[mine] != other.wants.get(theirs):
                continue
            alike += 1
            try:
                same(f"{mine} against {theirs}", self.record.told(mine), other.record.told(theirs))
            except AssertionError as e:
                wrong.append(str(e).splitlines()[0])
        return alike, wrong

    def shown(self):
        seen = collections.Counter(r["status"] for r in self.record.request.values())
        for nomor, facts in self.told.items():
            seen.update(k["status"] for k in self.record.clock[nomor].values())
            seen.update(stories.traits([stories.folded(f, [i, "requests", 0, i]) for i, f in enumerate(facts)]))
            seen.update(stories.sorts(facts))
        seen.update({e["type"].removeprefix(stories.PREFIX).removesuffix(".v1") for es in self.record.events.values() for e in es})
        return seen


def test_any_order_gives_the_same_record(pipeline):
    now = datetime.datetime.now(UTC)
    seeds = invent(REQUESTS, now)
    ordered = Round(pipeline, "A", seeds, now)
    publish_in_order(ordered.out, ordered.told)
    pipeline.await_quiet()
    wrong, sent, alike = ordered.look(pipeline), 0, 0
    for n in range(SHUFFLES):
        shuffled = Round(pipeline, f"B{n:02d}", seeds, now)
        sent += publish_shuffled(shuffled.out, shuffled.told, random.Random(f"{SEED}.{n}"))
        pipeline.await_quiet()
        wrong += shuffled.look(pipeline)
        these, others = shuffled.against(ordered)
        alike, wrong = alike + these, wrong + others
    assert pipeline.rows("select * from dead_letter") == []
    seen = ordered.shown()
    print(f"seed {SEED}: {len(seeds)} requests, {sum(map(len, ordered.told.values()))} facts in order and {sent} copies in "
          f"{SHUFFLES} shuffles, {alike} alike by the log, model {'compared' if Expected.model else 'not given'}; {dict(seen)}")
    assert not wrong, f"{len(wrong)} of {len(seeds) * (SHUFFLES + 1)}:\n" + "\n".join(wrong[:100])
    assert alike > 0.8 * len(seeds) * SHUFFLES  # else the comparison of the two says little
    wanted = STATUSES | STATES | stories.TRAITS | stories.SORTS | KINDS
    assert REQUESTS < len(wanted) or wanted <= set(seen), wanted - set(seen)


# ---- facts that come too late to be read in their turn ---------------------------------------------------------------


class Told(stories.Story):
    """A story told by hand, on given days."""

    def __init__(self, nomor):
        super().__init__(random.Random(nomor), nomor, datetime.datetime.now(UTC))

    def on(self, text):
        self.t = oracle.instant(text)
        return self

    def new(self):
        """What was told since the last call."""
        facts, self.known = self.facts[getattr(self, "known", 0):], len(self.facts)
        return {self.nomor: facts}


def changes(pipeline, nomor):
    return [json.loads(e["data"]) for e in pipeline.rows(
        f"select data from event where subject = '{nomor}' and type like '%deadline.changed.v1' order by kafka_offset")]


def publish_and_await(pipeline, out, story):
    publish_in_order(out, story.new())
    pipeline.await_quiet()
    record = Record(pipeline, story.nomor)
    check_request(record, story.nomor, *Expected(datetime.datetime.now(UTC)).of(
        folded(out, story.nomor, story.facts)))
    return record.request[story.nomor], record.clock[story.nomor]


def test_a_fact_in_time_that_arrives_late(pipeline):
    out, s = Publisher(pipeline), Told("C-0001")
    s.on("2026-11-02T09:00:00+07:00").register()
    row, clocks = publish_and_await(pipeline, out, s)
    assert row["terlambat"] and clocks[1, "pengajuan"]["status"] == "terlewat"
    s.on("2026-11-03T23:59:59+07:00").submit()
    row, clocks = publish_and_await(pipeline, out, s)
    assert clocks[1, "pengajuan"]["status"] == "terpenuhi"
    told = [c for c in changes(pipeline, s.nomor) if c["tahap"] == "pengajuan"]
    assert [c["keadaan"] for c in told][-2:] == ["terlewat", "terpenuhi"]
    assert sum(c["keadaan"] == "terlewat" for c in told) == 1
    assert told[-1]["late_arrival"] is True
    assert row["terlambat"] and clocks[1, "pemeriksaan"]["status"] == "terlewat"  # another clock by now


def test_a_clock_that_never_was(pipeline):
    """A form that came after the withdrawal, read before the validator's word of either."""
    out, s = Publisher(pipeline), Told("C-0002")
    s.on("2026-11-02T09:00:00+07:00").submit()
    s.on("2026-11-02T10:00:00+07:00").check("dikembalikan")
    s.on("2026-11-05T10:00:00+07:00").form(2)
    row, clocks = publish_and_await(pipeline, out, s)
    assert row["terlambat"] and clocks[2, "pemeriksaan"]["status"] == "terlewat"
    s.on("2026-11-04T10:00:00+07:00").withdraw()
    row, clocks = publish_and_await(pipeline, out, s)
    assert set(clocks) == {(1, "pengajuan"), (1, "pemeriksaan"), (1, "perbaikan")}
    assert row["status"] == "dibatalkan" and not row["terlambat"]
    gone = [c for c in changes(pipeline, s.nomor) if c.get("ditiadakan")]
    assert [(c["revisi"], c["tahap"], c["keadaan"]) for c in gone] == [(2, "pemeriksaan", "dihentikan")]


# ---- the record from its own log ------------------------------------------------------------------------------------


def recorded_event(e):
    """A row of `event` as the CloudEvent that it was, its data byte for byte."""
    head = {"specversion": "1.0", **{k: e[k] for k in ("id", "source", "type", "subject")},
            "time": e["time"].isoformat(), "datacontenttype": "application/json"}
    return (json.dumps(head)[:-1] + ', "data": ' + e["data"] + "}").encode()


def publish_again(out, events, rng):
    copies = [e for e in events for _ in range(rng.choice([1, 1, 2]))]
    rng.shuffle(copies)
    for e in copies:
        short = e["type"][len(stories.PREFIX):].removesuffix(".v1")
        out.send(e["subject"], {"type": short, "id": e["id"]}, raw=recorded_event(e))
    out.flush()


def contested(events):
    """Numbers of which the log's order has a say: several forms of a revisi or letters."""
    seen = collections.Counter()
    for e in events:
        if e["type"].endswith((".request.submitted.v1", ".request.registered.v1")):
            seen[e["subject"], e["type"], json.loads(e["data"]).get("revisi")] += 1
    return {key[0] for key, n in seen.items() if n > 1}


def test_the_record_comes_again_from_its_own_log(pipeline, tmp_path):
    """All recorded facts, the deadline worker's too, shuffled and repeated, for a projector that knows nothing. Of the shuffles
    the first will do."""
    events = pipeline.rows("select source, id, type, subject, time, data from event where subject !~ '^B(?!00)'")
    assert any(e["type"].endswith("deadline.changed.v1") for e in events)
    with running(tmp_path, "again", ["projector"]) as again:
        publish_again(Publisher(again), events, random.Random(SEED))
        again.await_quiet()
        first, second = Record(pipeline), Record(again)
    mine = {e["subject"] for e in events}
    assert {n: len(es) for n, es in first.events.items() if n in mine} == {n: len(es) for n, es in second.events.items()}
    left = mine - contested(events)
    assert len(left) > 0.4 * len(mine)
    for nomor in left:
        same(nomor, second.told(nomor), first.told(nomor))
        assert second.request[nomor]["updated_at"] == first.request[nomor]["updated_at"]
