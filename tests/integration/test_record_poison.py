"""Batches with records that can never be stored: only those are set aside, everything else is in the record once, and nobody
waits for another in a ring. On a Postgres of its own, whose deadlocks are counted; BEDELAU_TEST_FULL=1 does it longer."""
import collections
import json

import pytest

import harness
from harness import FULL, OPD, event, eventually, form

pytestmark = pytest.mark.alone

class Sent:
    """What was published, by what must become of it: the places of bad records, the ids of good events."""

    def __init__(self, p):
        self.p, self.good, self.bad = p, collections.Counter(), {}

    def put(self, topic, value, code=None, key=None, partition=-1):
        """`code` is the dead letter's, None for a good one."""
        def at(error, m):
            assert error is None, error
            if code:
                self.bad[m.topic(), m.partition(), m.offset()] = code

        if isinstance(value, dict):
            key = value["subject"] if key is None else key
            if code is None:
                self.good[value["source"], value["id"]] += 1
            value = json.dumps(value)
        self.p.producer.produce(f"{self.p.prefix}.{topic}", value, key=key, partition=partition, on_delivery=at)
        self.p.producer.poll(0)

    def await_done(self, worker="projector", limit_s=60):
        """Every good event is in the record once, the dead letters are the bad ones and no other, and all was read."""
        p = self.p
        p.flush()
        eventually(lambda: p.one("select count(*) from event"), lambda n: n >= len(self.good), limit_s, f"the good ones; see {p.folder}")
        dead = "select topic, partition, kafka_offset, code from dead_letter where worker = %s"
        eventually(lambda: len(p.rows(dead, worker)), lambda n: n >= len(self.bad), limit_s, f"the bad ones; see {p.folder}")
        eventually(lambda: [x for x in p.unread() if x], lambda left: not left, limit_s, "all was read")
        rows = p.rows(dead, worker)
        assert {(r["topic"], r["partition"], r["kafka_offset"]): r["code"] for r in rows} == self.bad and len(rows) == len(self.bad)
        logged = collections.Counter((r["source"], r["id"]) for r in p.rows("select source, id from event"))
        assert set(logged) == set(self.good) and set(logged.values()) == {1}
        eventually(lambda: p.one("select count(*) from outbox_projector"), lambda n: n == 0, limit_s, "all published")


def registered(nomor, **more):
    return event("request.registered", nomor, {"kode_opd": OPD, "nomor_surat": f"600/{nomor}", "perihal": "Permohonan"}, **more)


def submitted(nomor, **more):
    return event("request.submitted", nomor, form(nomor, revisi=1), **more)


# ---- poisoned batches --------------------------------------------------------------------------------------------------

# what Postgres says by itself to such data, were it to get so far; the marks are in the request's number
TRAP = """create function racun() returns trigger language plpgsql as $$ begin
  if new.subject like '%%-NUL-%%' then perform '"\\u0000"'::jsonb;
  elsif new.subject like '%%-BYTE-%%' then perform convert_from('\\xff', 'UTF8');
  elsif new.subject like '%%-BESAR-%%' then perform '1e200000'::numeric;
  elsif new.subject like '%%-KOSONG-%%' then new.type := null;
  end if; return new; end $$;
create trigger racun before insert on event for each row execute function racun();
alter table event add constraint syarat check (subject not like '%%-SYARAT-%%')"""
POISONS = ("NUL", "BYTE", "BESAR", "KOSONG", "SYARAT")


def two_projectors(p, **settings):
    """Two that have shared the partitions of `requests`: 0 and 1 are the one's, 2 and 3 the other's."""
    p.start("projector", "projector.2", **settings)

    def mine(name):
        return sorted(x["partition"] for x in p.statusz(name)["flow"]["partitions"] if x["topic"] == f"{p.prefix}.requests")

    eventually(lambda: sorted([mine("projector"), mine("projector.2")]), lambda got: got == [[0, 1], [2, 3]], what="two halves")


def test_two_writers_in_opposite_order(own_postgres, pipeline):
    """Both take batches of the same requests apart at the same time, one from the front and one from the back."""
    p = pipeline(standin=False)
    p.rows(TRAP)
    two_projectors(p)
    sent, before = Sent(p), own_postgres.deadlocks()
    for r in range(60 if FULL else 25):
        names = [f"{OPD}-{r:02d}{i:02d}" for i in range(24)]
        for i in range(24):
            sent.put("requests", registered(names[i]), partition=0)
            sent.put("requests", submitted(names[-1 - i]), partition=3)
            if i % 6 == 3:
                kind = POISONS[(r + i) % len(POISONS)]
                sent.put("requests", registered(f"{OPD}-{kind}-{r:02d}{i:02d}"), "DATA_REFUSED", partition=0)
                sent.put("requests", submitted(f"{OPD}-{kind}-{r:02d}{i:02d}B"), "DATA_REFUSED", partition=3)
        p.flush()
        eventually(lambda: p.one("select count(*) from event"), lambda n: n > len(sent.good) - 40, what=f"round {r}")
    sent.await_done()
    assert own_postgres.deadlocks() == before
    assert p.one("select count(*) from request where status = 'diajukan'") == len(sent.good) // 2
    harness.proved(p)


def check(nomor, urutan=1, source="/bedelau/validator", **more):
    return event("check.completed", nomor, {
        "revisi": 1, "putaran": 1, "urutan": urutan, "sumber_pengajuan": f"/opd/{OPD}", "id_pengajuan": "1", "putusan": "menunggu_pemeriksa",
        "final": False, "temuan": [], "aturan": "0", "oleh": "sistem", **more}, source)


def with_text(nomor, text, instead="MARKA"):
    """A check whose bytes hold `text` where a value of its data was."""
    return json.dumps(check(nomor, catatan=instead)).replace(f'"{instead}"', text, 1)


def bad_bytes(i):
    """What can be no event, of each sort: bytes and the dead letter's code."""
    nomor = f"{OPD}-R-{i:03d}"
    whole = with_text(nomor, '"x"')
    return [
        (with_text(nomor, '"a\\u0000b"'), "BAD_EVENT"), (with_text(nomor, '"a\0b"'), "BAD_EVENT"),
        (with_text(nomor, '[[{"a":["\\u0000"]}]]'), "BAD_EVENT"), (with_text(nomor, '{"a\\u0000b":{"c":1}}'), "BAD_EVENT"),
        (with_text(nomor, '"\\ud800"'), "BAD_EVENT"), (whole.replace(nomor, nomor + "\\u0000"), "BAD_EVENT"),
        (with_text(nomor, "1e200000"), "BAD_EVENT"), (with_text(nomor, '{"a":[-1e-200000]}'), "BAD_EVENT"),
        (with_text(nomor, "9" * 140000), "BAD_EVENT"), (with_text(nomor, "0." + "9" * 20000), "BAD_EVENT"),
        (whole.replace('"urutan": 1', '"urutan": 9223372036854775808'), "BAD_DATA"),
        (whole.replace('"revisi": 1', '"revisi": 99999999999'), "BAD_DATA"),
        (whole.replace('"putaran": 1', '"putaran": 1e400'), "BAD_DATA"),
    ]


def good_numbers():
    """Unusual, and fine: it is recorded as it came, and can be read by whoever asks."""
    return ["12345678901234567890123", "1e308", "-0.0", "1e400", "1e9999", "9" * 1000, '"1e200000"', '"\\\\u0000"', "[0.1e-300]"]


def test_poisoned_batch(own_postgres, pipeline):
    """One batch with each kind of bad record among good ones, and one request that comes 40 times."""
    p = pipeline(standin=False, partitions=1)
    p.rows(TRAP)
    sent = Sent(p)
    bad = bad_bytes(0)
    for i in range(len(bad) * 12):
        sent.put("checks", check(f"{OPD}-B-{i:03d}"))
        sent.put("checks", check(f"{OPD}-SAMA-1", urutan=i + 1))
        if i % 12 == 5:
            value, code = bad[i // 12]
            sent.put("checks", value, code, key=b"\0kunci\0")
        if i % 12 == 7 and i // 12 < len(POISONS):
            sent.put("checks", check(f"{OPD}-{POISONS[i // 12]}-{i:03d}"), "DATA_REFUSED")
    again = check(f"{OPD}-SAMA-2")
    for _ in range(40):
        sent.put("checks", again)
    for n, text in enumerate(good_numbers()):
        value = with_text(f"{OPD}-ANGKA-{n}", text)
        sent.good["/bedelau/validator", json.loads(value)["id"]] += 1
        sent.put("checks", value, key=b"\0")  # a key is only for choosing a partition
    p.flush()
    p.start("projector")
    sent.await_done()
    assert p.one("select count(*) from event where subject = %s", f"{OPD}-SAMA-1") == len(bad) * 12
    assert sorted(m.value() for m in p.read("dead-letters")) == sorted(m.value() for m in p.read("checks") if (
        m.topic(), m.partition(), m.offset()) in sent.bad)
    for view in ("v_timeline", "v_anomali", "v_antrean"):  # and nobody who asks stumbles over what was let in
        p.rows(f"select * from {view}")
    assert len(p.rows("select * from v_timeline where nomor_permohonan like %s", f"{OPD}-ANGKA-%")) == len(good_numbers())
    p.ctl("restored")  # there is no validator here that had counted what it told
    harness.proved(p)


def test_row_of_bad_records(own_postgres, pipeline):
    """One partition begins with a row of bad records; the others' offsets move, and its own good ones follow."""
    p = pipeline(standin=False, partitions=3)
    p.rows(TRAP)
    sent = Sent(p)
    for i in range(45):
        sent.put("requests", registered(f"{OPD}-{POISONS[i % len(POISONS)]}-{i:03d}"), "DATA_REFUSED", partition=0)
    for i in range(60):
        for partition in range(3):
            sent.put("requests", registered(f"{OPD}-W{partition}-{i:03d}"), partition=partition)
    p.flush()
    p.start("projector", wait=False)
    sent.await_done()
    for i in range(45, 65):  # nothing but bad ones: that may be us, until others show that it is not
        sent.put("requests", registered(f"{OPD}-{POISONS[i % len(POISONS)]}-{i:03d}"), "DATA_REFUSED", partition=0)
    p.flush()
    eventually(lambda: "a transaction failed and is tried again" in p.log("projector"), what="it says so")
    assert p.one("select count(*) from dead_letter") == 45
    for partition in range(3):
        for i in range(60, 80):
            sent.put("requests", registered(f"{OPD}-W{partition}-{i:03d}"), partition=partition)
    sent.await_done()
    offsets = {r["partition"]: r["next_offset"] for r in p.rows("select partition, next_offset from consumer_offset where topic like %s", "%.requests")}
    assert offsets == {0: 145, 1: 80, 2: 80}
    harness.proved(p)


TABLES = {"projector": "request", "validator": "pemeriksaan", "integrator": "integration", "deadline": "deadline_clock"}


def test_each_worker_sets_aside(own_postgres, pipeline):
    """A constraint in each worker's own table: each sets aside the same few records, and the good ones reach their end."""
    p = pipeline(partitions=2)
    for table in TABLES.values():
        p.rows(f"alter table {table} add constraint racun check (nomor_permohonan not like '%%RACUN%%')")
    sent = Sent(p)
    for i in range(60):
        sent.put("requests", submitted(f"{OPD}-G-{i:03d}"))
        if i % 10 == 4:
            sent.put("requests", submitted(f"{OPD}-RACUN-{i:03d}"), "DATA_REFUSED")
    p.flush()
    p.start(*harness.WORKERS)
    eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == 60, what=f"60 selesai; see {p.folder}")
    dead = "select topic, partition, kafka_offset from dead_letter where worker = %s"
    for worker in TABLES:
        eventually(lambda: {tuple(r.values()) for r in p.rows(dead, worker)}, lambda got: got == set(sent.bad), what=worker)
    p.await_quiet()
    assert p.one("select count(*) from dead_letter") == len(TABLES) * len(sent.bad)
    assert p.one("select count(*) from event where subject like '%%RACUN%%'") == 0
    assert (p.stats()["active"], p.stats()["duplicates"]) == (60, 0)
    harness.proved(p)
