"""The database refuses some records: only those are set aside. It refuses them all: then it is our fault, and nothing is."""
import json

import harness
from harness import OPD, event

TRAP = """create function trap() returns trigger language plpgsql as $$ begin
  if new.subject like %s then raise exception 'no' using errcode = '22023'; end if; return new; end $$;
create trigger trap before insert on event for each row execute function trap()"""


def test_some(pipeline):
    p = pipeline()
    p.rows(TRAP, "%RACUN%")
    poison = [f"{OPD}-RACUN-{i}" for i in range(3)]
    for i in range(300):
        p.submit(f"{OPD}-N-{i:03d}")
        if i in (0, 150, 299):
            p.submit(poison.pop())
    p.flush()
    p.start("projector")
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n == 300, what="the good ones in the record")
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n == 3, what="the bad ones set aside")
    assert {r["code"] for r in p.rows("select code from dead_letter")} == {"DATA_REFUSED"}
    harness.eventually(lambda: p.one("select count(*) from outbox_projector"), lambda n: n == 0, what="all published")
    assert sorted(json.loads(m.value())["subject"] for m in p.read("dead-letters")) == [
        f"{OPD}-RACUN-{i}" for i in range(3)]
    assert p.one("select count(*) from request where status is not null") == 300


def test_all(pipeline):
    """Every record of a batch refused alike: nothing is set aside; when the fault is mended all are applied."""
    p = pipeline(partitions=1)
    p.rows(TRAP, "%")
    for i in range(60):
        p.submit(f"{OPD}-M-{i:03d}")
    p.flush()
    p.start("projector", wait=False)
    harness.eventually(lambda: "a transaction failed and is tried again" in p.log("projector"), what="it says so")
    assert p.one("select count(*) from dead_letter") == 0
    p.rows("drop trigger trap on event")
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n == 60, what="all in the record")
    assert p.one("select count(*) from dead_letter") == 0
    assert "transactions succeed again" in p.log("projector")


def test_fault_that_ends_meanwhile(pipeline):
    """The fault is mended while records are tried one by one: those that were refused before that are not set aside."""
    p = pipeline(partitions=1, standin=False)
    p.rows("create sequence trap_n")
    # the whole, a half, and so on down to the first record alone, and then the second: nine refusals
    p.rows(TRAP.replace("if new.subject like %s", "if new.subject like %s and nextval('trap_n') <= 9"), "%")
    for i in range(60):
        p.submit(f"{OPD}-R-{i:03d}")
    p.flush()
    p.start("projector", wait=False)
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n == 60, what="all in the record")
    assert p.one("select last_value from trap_n") > 9
    assert p.one("select count(*) from dead_letter") == 0
    p.await_ready("projector")
    assert "set aside" not in p.log("projector")


def test_many_among_good_ones(pipeline):
    """More than a handful of one batch is refused, and most of it is not: they are set aside, and the rest goes on."""
    p = pipeline(partitions=1, standin=False)
    p.rows(TRAP, "%RACUN%")
    for i in range(200):
        p.submit(f"{OPD}-{'RACUN' if i % 10 == 5 else 'B'}-{i:03d}")
    p.flush()
    p.start("projector")
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n == 180, what="the good ones in the record")
    harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n == 20, what="the bad ones set aside")


def test_unknown_topic_made_anew(pipeline):
    """A topic that was deleted and made anew under us: the partition stops and says what to do; the named command goes on."""
    p = pipeline(partitions=1)
    p.start("projector")
    for i in range(5):
        p.submit(f"{OPD}-L-{i}")
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n == 5, what="five in the record")
    assert p.terminate("projector") == 0
    topic = f"{p.prefix}.requests"
    admin = harness.confluent_kafka.admin.AdminClient({"bootstrap.servers": p.servers})
    for done in admin.delete_topics([topic], operation_timeout=30).values():
        done.result()
    harness.eventually(lambda: topic not in admin.list_topics(timeout=10).topics, what="the topic is gone")
    p.ctl("topics", "create", "--partitions", "1")
    for i in range(9):
        p.send("requests", event("request.registered", f"{OPD}-K-{i}", {"kode_opd": OPD}))
    p.flush()
    p.start("projector", wait=False)
    harness.eventually(lambda: "a partition cannot go on" in p.log("projector"), what="it stops")
    assert "offsets set" in p.log("projector")
    assert p.one("select count(*) from event") == 5
    assert p.one("select count(*) from dead_letter") == 0
    assert p.terminate("projector") == 0
    p.ctl("offsets", "set", f"{p.prefix}-projector", topic, "0", "beginning")
    p.start("projector")
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n == 14, what="it goes on")
