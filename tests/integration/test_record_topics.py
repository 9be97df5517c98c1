"""A topic that is made anew under running programs, and an offset that Kafka no longer has: the partition stops with an alarm, all
others go on, and the named command goes on, with nobody restarting anything."""
import contextlib
import json

import confluent_kafka
import confluent_kafka.admin
import pytest

import harness
from harness import OPD, event, eventually


def registered(nomor):
    return event("request.registered", nomor, {"kode_opd": OPD, "nomor_surat": f"600/{nomor}"})


def callback(nomor):
    return event("callback.received", nomor, {"id_integrasi": "x-1", "status": "diproses", "urutan": 1, "waktu": harness.now()}, "/bedelau/gateway")


def admin(p):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": p.servers})


def partitions(p, topic, name="projector"):
    return {x["partition"]: x for x in p.statusz(name)["flow"]["partitions"] if x["topic"] == f"{p.prefix}.{topic}"}


def stopped(p, topic, name="projector"):
    return sorted(n for n, x in partitions(p, topic, name).items() if x["stopped"])


def gauge(p, name="projector"):
    return p.metric("bedelau_partitions_stopped", name)


def recorded(p, n):
    eventually(lambda: p.one("select count(*) from event"), lambda got: got == n, what=f"{n} in the record; see {p.folder}")


def others_go_on(p, n):
    """Other partitions' offsets move while one stands still."""
    before = {k: x["next"] for k, x in partitions(p, "requests").items()}
    for i in range(40):
        p.send("requests", registered(f"{OPD}-T-{n}{i:02d}"))
    p.flush()
    eventually(lambda: [k for k, x in partitions(p, "requests").items() if x["next"] > before[k]], lambda moved: moved == sorted(before),
               what="the other partitions move")


def delete(p, topic):
    name = f"{p.prefix}.{topic}"
    client = admin(p)
    for done in client.delete_topics([name], operation_timeout=30).values():
        done.result()
    eventually(lambda: name not in client.list_topics(timeout=10).topics, what="the topic is gone")


def set_unheard(p, program, topic, partition):
    """As `offsets set` while the program has no session: no notice reaches it, and it looks by itself when it has one again. One record
    of another topic shows which session is its own."""
    with contextlib.closing(p.connect()) as db, db.cursor() as c:
        c.execute("begin")
        c.execute(f'lock table "{p.schema}".consumer_offset')
        p.send("requests", registered(f"{OPD}-N-0"))
        p.flush()
        pid = eventually(lambda: p.one("select min(pid) from pg_locks where not granted and relation = %s::regclass", f'"{p.schema}".consumer_offset'),
                         what=f"{program} waits for its offsets")
        c.execute(f'update "{p.schema}".consumer_offset set next_offset = null, generation = generation + 1, last_timestamp = null,'
                  " last_hash = null where consumer_group = %s and topic = %s and partition = %s",
                  (f"{p.prefix}-{program}", f"{p.prefix}.{topic}", partition))
        p.rows("select pg_terminate_backend(%s)", pid)
        eventually(lambda: p.rows("select 1 from pg_stat_activity where pid = %s", pid), lambda r: not r, what="its session is ended")
        assert stopped(p, topic, program) == [partition]
        c.execute("commit")


@pytest.mark.parametrize("again", [3, 30], ids=["fewer records", "more records"])
def test_topic_made_anew(pipeline, again):
    p = pipeline(standin=False, partitions=2, kafka_topic_metadata_refresh_interval_ms=2000)
    p.start("projector")
    for i in range(20):
        p.send("callbacks", callback(f"{OPD}-L-{i:02d}"))
    p.flush()
    recorded(p, 20)
    delete(p, "callbacks")
    p.ctl("topics", "create", "--partitions", "2")
    for i in range(again * 2):
        p.producer.produce(f"{p.prefix}.callbacks", json.dumps(callback(f"{OPD}-M-{i:02d}")), partition=i % 2)
    p.flush()
    eventually(lambda: stopped(p, "callbacks"), lambda got: got == [0, 1], what=f"both partitions stop; see {p.folder}")
    assert gauge(p) == 2
    alarm = [line for line in p.log("projector").splitlines() if "a partition cannot go on" in line]
    assert len(alarm) >= 2 and all("level=error" in line and "bedelauctl offsets set" in line for line in alarm)
    others_go_on(p, 1)
    assert p.terminate("projector") == 0  # and whoever restarts it blindly finds the same
    p.start("projector")
    eventually(lambda: stopped(p, "callbacks"), lambda got: got == [0, 1], what=f"both partitions stop again; see {p.folder}")
    p.ctl("offsets", "set", f"{p.prefix}-projector", f"{p.prefix}.callbacks", "0", "beginning")
    eventually(lambda: p.one("select count(*) from event where partition = 0 and topic like '%%callbacks' and kafka_offset < %s"
                             " and subject like '%%-M-%%'", again), lambda n: n == again, what="what was in the new one")
    eventually(lambda: (stopped(p, "callbacks"), gauge(p)), lambda got: got == ([1], 1), what="the other one is still stopped")
    set_unheard(p, "projector", "callbacks", 1)
    recorded(p, 61 + 2 * again)
    assert gauge(p) == 0
    assert p.procs["projector"].poll() is None
    assert p.rows("select * from dead_letter") == []
    assert p.one("select count(*) from (select source, id from event group by 1, 2 having count(*) > 1) twice") == 0
    assert p.ctl_run("verify", "--topics").returncode == 0  # of the old topic's facts only the record is left


def test_offset_out_of_range(pipeline):
    """As where records were deleted before they were read, or Kafka lost what was read of it."""
    p = pipeline(standin=False, partitions=2)
    p.start("projector")
    name = f"{p.prefix}.callbacks"
    for i in range(20):
        p.producer.produce(name, json.dumps(callback(f"{OPD}-U-{i:02d}")), partition=i % 2)
    p.flush()
    recorded(p, 20)
    assert p.terminate("projector") == 0
    for i in range(20):
        p.producer.produce(name, json.dumps(callback(f"{OPD}-V-{i:02d}")), partition=i % 2)
    p.flush()
    p.rows("update consumer_offset set next_offset = 1000, last_timestamp = null where topic = %s and partition = 0", name)
    p.start("projector")
    eventually(lambda: stopped(p, "callbacks"), lambda got: got == [0], what=f"the partition stops; see {p.folder}")
    assert gauge(p) == 1 and "a partition cannot go on" in p.log("projector")
    recorded(p, 30)  # the other one
    others_go_on(p, 2)
    refused = p.ctl_run("offsets", "set", f"{p.prefix}-projector", name, "0", "1000")
    assert refused.returncode == 1 and "holds offsets 0 to 20" in refused.stderr
    p.ctl("offsets", "set", f"{p.prefix}-projector", name, "0", "10")
    recorded(p, 80)
    assert gauge(p) == 0 and stopped(p, "callbacks") == []
    assert p.rows("select * from dead_letter") == []
    harness.proved(p)


def test_offsets_set_while_it_works(pipeline):
    """Set back and forth while records arrive: whoever reads goes on from there, and the record is what it was."""
    p = pipeline(standin=False, partitions=2)
    p.start("projector", "projector.2")
    sent = 0
    for turn in range(6):
        for _ in range(200):
            p.send("requests", registered(f"{OPD}-S-{sent:04d}"))
            sent += 1
        p.flush()
        p.ctl("offsets", "set", f"{p.prefix}-projector", f"{p.prefix}.requests", str(turn % 2), "beginning")
    recorded(p, sent)
    eventually(p.unread, lambda left: not left, what="all was read")
    assert p.rows("select * from dead_letter") == []
    assert p.one("select sum(versi) from request") == sent
    harness.proved(p)


def test_offsets_set_under_load(pipeline):
    """Set in the middle of a backlog that lasts for seconds: the next transaction fails by it and the notice comes too, but positions are
    taken once. Taken again with records in hand they would look like another topic's."""
    p = pipeline(standin=False, partitions=1)
    many = 20000
    for i in range(many):
        p.send("requests", registered(f"{OPD}-B-{i:05d}"))
    p.flush()
    p.start(*harness.WORKERS)
    for program in harness.WORKERS:
        def fenced(program=program):
            p.ctl("offsets", "set", f"{p.prefix}-{program}", f"{p.prefix}.requests", "0", "beginning")
            return "another process has moved our offsets" in p.log(program)

        eventually(fenced, what=f"a transaction of {program} fails by it; see {p.folder}")
    for program in harness.WORKERS:
        p.await_read(program, "requests", many)
        assert stopped(p, "requests", program) == [] and "a partition cannot go on" not in p.log(program)
    assert p.one("select count(*) from event where topic like '%%.requests'") == many
    assert p.rows("select * from dead_letter") == []
