"""The event log is lost or damaged: the record is made again from the topics."""
import json

import harness
import psycopg2
import pytest
from harness import OPD, PERSONAL, event, eventually, held_up, let_topics_go, proved
from test_record import at_rest, content, nomor_of, tell, verify, versions
from test_record_topics import delete

SEVERAL = 16
LOG = "event, event_id, event_copy"
WHOLE = "select to_jsonb(e)::text as row from event e union all select to_jsonb(i)::text from event_id i order by 1"


@pytest.fixture
def p(pipeline):
    return at_rest(pipeline, SEVERAL)


def again(p, *words, code=0):
    done = p.ctl_run("rebuild", "--from-kafka", "--json", *words)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def log(p):
    return [r["row"] for r in p.rows(WHOLE)]


def unchained(rows):
    """Rows without their chain, which follows the order of the topics now."""
    return sorted(json.dumps({k: v for k, v in json.loads(r).items() if k != "chain"}, sort_keys=True) for r in rows)


def positions(p):
    return {(r["topic"], r["partition"]): r["next_offset"] for r in p.rows(
        "select topic, partition, next_offset from consumer_offset where consumer_group = %s and next_offset > 0", f"{p.prefix}-projector")}


def told_versions(messages):
    told = {}
    for e in (json.loads(m.value()) for m in messages):
        told[e["subject"]] = max(told.get(e["subject"], 0), e["data"]["versi"])
    return told


def goes_on(p, numbers):
    """More happens, to old requests too, and all of it is in the record once."""
    was = p.read("status")
    seen, before, new = {(m.partition(), m.offset()) for m in was}, told_versions(was), set()
    tell(p, numbers)
    p.submit(nomor_of(0))
    p.flush()
    p.await_quiet()
    harness.every_event_once(p)
    latest = {}
    for m in p.read("status"):
        e = json.loads(m.value())
        if (m.partition(), m.offset()) not in seen:
            assert e["data"]["versi"] > before.get(e["subject"], 0), e
            new.add(e["subject"])
        assert e["data"]["versi"] > latest.get(e["subject"], {"versi": 0})["versi"], e
        latest[e["subject"]] = e["data"]
    assert new >= {nomor_of(i) for i in numbers}
    for r in p.rows("select nomor_permohonan, versi, status from request"):
        assert (latest[r["nomor_permohonan"]]["versi"], latest[r["nomor_permohonan"]]["status"]) == (r["versi"], r["status"])


def test_what_is_whole_stays_as_it_is(p):
    was, tables, before, at, told = log(p), content(p), versions(p), positions(p), len(p.read("status"))
    said = again(p)
    assert (said["found"], said["left_out"], said["older"], said["changed"], said["untold"], said["flaws"]) == (0,) * 6
    assert said["facts"] == p.one("select count(*) from event") and said["requests"] == SEVERAL
    assert (log(p), content(p), versions(p), positions(p)) == (was, tables, before, at)
    assert len(p.read("status")) == told and p.one("select count(*) from outbox_projector") == 0
    assert "from topics" in p.one("select detail from audit_log where action = 'rebuild'")
    goes_on(p, range(SEVERAL, SEVERAL + 4))


def test_everything_is_lost(p):
    """Also the tables that the log gave, and the positions; what the projector had not read it reads and tells itself."""
    assert p.terminate("projector") == 0
    tell(p, range(SEVERAL, SEVERAL + 8))
    p.await_read("validator", "requests", len(p.read("requests")))
    tables, told, at = content(p), told_versions(p.read("status")), positions(p)
    p.rows(f"truncate {LOG}, request, clock, rekap")
    p.rows("delete from consumer_offset where consumer_group = %s", f"{p.prefix}-projector")
    said = again(p)
    assert said["found"] == said["facts"] > 0 and said["requests"] == SEVERAL and said["incomplete"] == []
    assert positions(p) == at
    assert unchained(content(p)) == unchained(tables)
    assert versions(p) == told
    assert verify(p)[0] == 0 and verify(p, "--topics")[0] == 0
    p.start("projector")
    goes_on(p, range(SEVERAL + 8, SEVERAL + 12))


def test_what_was_damaged_is_mended(p):
    was, before = log(p), versions(p)
    p.rows("update event set data = replace(data, 'uji', 'lain') where subject = %s", nomor_of(0))
    p.rows("delete from event where seq = (select min(seq) from event where subject = %s)", nomor_of(1))
    p.rows("delete from event_id where key = (select key from event_id order by key limit 1)")
    p.rows("insert into event (source, id, type, subject, effective_at, topic, partition, kafka_offset, append_at, data, data_hash)"
           " select source, id || 'x', type, subject, effective_at, topic, partition, kafka_offset + 100000, append_at, data, data_hash"
           " from event where subject = %s limit 1", nomor_of(2))
    p.rows("update request set status = 'selesai', versi = 1 where nomor_permohonan = %s", nomor_of(3))
    p.rows("delete from request where nomor_permohonan = %s", nomor_of(4))
    said = again(p)
    # the altered fact is not what the topics hold either: it is taken from there
    assert (said["found"], said["left_out"], said["flaws"]) == (1, 1, 0)
    proved(p)
    assert versions(p) == before
    of = lambda rows, i: [r for r in rows if f'"{nomor_of(i)}"' in r]
    assert all(of(log(p), i) == of(was, i) for i in range(SEVERAL) if i != 1)  # and what was whole kept its place
    goes_on(p, range(SEVERAL, SEVERAL + 4))


def test_beside_a_load(p):
    """The projector works on until it is fenced, is fenced in the middle of its work, and goes on without a gap or a repeat."""
    for n in range(3):
        tell(p, range(SEVERAL + 40 * n, SEVERAL + 40 * n + 40))
        p.rows("delete from event where seq in (select seq from event order by random() limit 5)")
        assert again(p)["flaws"] == 0
    p.await_quiet()
    goes_on(p, range(200, 204))


def test_what_is_forgotten_does_not_come_back(p):
    nomor = nomor_of(3)
    eventually(lambda: (p.request(nomor) or {}).get("status"), lambda s: s == "selesai", what=f"{nomor} selesai")
    p.ctl("forget", nomor, "--reason", "uji")
    was = log(p)
    assert again(p)["changed"] == 0 and log(p) == was
    p.rows(f"truncate {LOG}, request, clock")
    again(p)
    assert p.request(nomor)["status"] == "selesai"
    kept = p.one("select string_agg(data, ' ') from event where subject = %s", nomor)
    assert "dilupakan" in kept and not [v for v in PERSONAL if v in kept]
    assert [v for v in PERSONAL if v in p.one("select string_agg(data, ' ') from event where subject <> %s", nomor)]
    proved(p)


def test_topics_that_do_not_reach_back(p):
    was, tables, before = log(p), content(p), versions(p)
    let_topics_go(p, ["requests"])
    refused = p.ctl_run("rebuild", "--from-kafka")
    assert refused.returncode == 1 and "retention" in refused.stderr and "--partial" in refused.stderr
    assert (log(p), content(p)) == (was, tables)
    # the old log has what the topics lack: nothing is lost
    said = again(p, "--partial")
    assert said["older"] == p.one("select count(*) from event where topic = %s", f"{p.prefix}.requests")
    assert (said["found"], said["left_out"], said["changed"], said["incomplete"]) == (0, 0, 0, [])
    assert (log(p), content(p), versions(p)) == (was, tables, before)
    # it has not any more
    p.rows("delete from event where subject in (%s, %s)", nomor_of(0), nomor_of(3))
    p.rows("delete from event_id where key in (select key from event_id except select substring(sha256(convert_to("
           "octet_length(source) || ':' || source || octet_length(id) || ':' || id, 'UTF8')) for 16) from event)")
    said = again(p, "--partial", code=1)
    incomplete = {i["nomor_permohonan"]: i["why"] for i in said["incomplete"]}
    assert set(incomplete) == {nomor_of(0), nomor_of(3)} and "tanpa_formulir" in incomplete[nomor_of(3)]
    assert versions(p) == before
    # their rows knew more than the log does now, and stay
    assert {r["nomor_permohonan"]: r["status"] for r in p.rows("select * from request")} == {
        json.loads(r)["nomor_permohonan"]: json.loads(r)["status"] for r in tables if "status" in json.loads(r) and "temuan" in json.loads(r)}
    assert {d["nomor_permohonan"] for d in verify(p)[1]["differences"] if d["place"] != "rekap"} <= {nomor_of(0), nomor_of(3)}
    assert verify(p)[1]["flaws"] == []


def test_a_topic_that_was_made_anew(p):
    was = log(p)
    assert p.rows("update event set append_at = append_at - interval '1 year' where seq = (select min(seq) from event) returning 1")
    refused = p.ctl_run("rebuild", "--from-kafka")
    assert refused.returncode == 1 and "made anew" in refused.stderr
    p.rows("update event set append_at = append_at + interval '1 year' where seq = (select min(seq) from event)")
    assert again(p)["changed"] == 0 and log(p) == was
    p.rows("alter table event_copy rename to elsewhere")
    gone = p.ctl_run("rebuild", "--from-kafka")
    assert gone.returncode == 1 and "event_copy" in gone.stderr and "pg_restore" in gone.stderr
    p.rows("alter table elsewhere rename to event_copy")
    assert p.ctl_run("rebuild", "--partial").returncode == 64


def registered(p, i, partition):
    p.producer.produce(f"{p.prefix}.requests", json.dumps(event("request.registered", nomor_of(i), {"kode_opd": OPD, "nomor_surat": f"1/{i}"})),
                       partition=partition)
    p.flush()


def test_a_topic_that_was_made_anew_and_is_almost_empty(p):
    """One of its partitions holds a record, all others none: what the log holds of either is not the topic's to deny."""
    for worker in harness.WORKERS:
        assert p.terminate(worker) == 0
    delete(p, "requests")
    p.ctl("topics", "create", "--partitions", "6")
    registered(p, SEVERAL, 0)
    was, tables = log(p), content(p)
    older = {r["partition"]: r["n"] for r in p.rows("select partition, count(*) as n from event where topic = %s group by 1", f"{p.prefix}.requests")}
    assert older.pop(0) > 1 and older
    refused = p.ctl_run("rebuild", "--from-kafka")
    assert refused.returncode == 1 and "made anew" in refused.stderr and "--partial" in refused.stderr, refused
    assert (log(p), content(p)) == (was, tables)
    said = again(p, "--partial")
    assert (said["found"], said["left_out"], said["flaws"], said["incomplete"]) == (1, 0, 0, [])
    assert said["older"] == p.one("select count(*) from event where topic = %s", f"{p.prefix}.requests") - 1
    assert not set(was) - set(log(p)) and not set(tables) - set(content(p))
    # and what the log lacks by now is named
    p.rows("delete from event where subject = %s and topic = %s", nomor_of(3), f"{p.prefix}.requests")
    incomplete = {i["nomor_permohonan"]: i["why"] for i in again(p, "--partial", code=1)["incomplete"]}
    assert set(incomplete) == {nomor_of(3)} and "tanpa_formulir" in incomplete[nomor_of(3)]
    p.start("projector")
    registered(p, SEVERAL + 1, 3)
    p.await_status(nomor_of(SEVERAL + 1), "terdaftar")


def test_the_first_positions_of_a_projector(p):
    """Where it has none yet it takes its first, and reads on from there, only once the log is whole."""
    assert p.terminate("projector") == 0
    was, at = log(p), positions(p)
    p.rows("delete from consumer_offset where consumer_group = %s", f"{p.prefix}-projector")
    with p.connect() as db, db.cursor() as c:
        db.autocommit = False
        c.execute(f'lock table "{p.schema}".event_copy in share mode')
        ctl = p.spawn("rebuild", [harness.BIN / "bedelauctl", "rebuild", "--from-kafka"])
        eventually(lambda: p.one("select count(*) from pg_locks where not granted and relation = %s::regclass", f'"{p.schema}".event_copy'),
                   what="it makes the log")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            p.rows("select take_offsets(%s, %s, %s)", f"{p.prefix}-projector", [f"{p.prefix}.requests"], [0])
        db.rollback()
    assert ctl.wait(60) == 0
    assert (log(p), positions(p)) == (was, at)
    p.start("projector")
    goes_on(p, range(SEVERAL, SEVERAL + 4))


# what the server says of one fact that is to go into a table of the session's own
SICK = """create table kata (kode text);
create function gagal() returns trigger language plpgsql as $$ declare k text := (select kode from kata);
  begin if new.subject like '%%-0003' then raise exception 'gagal' using errcode = k; end if; return new; end $$;
create function sakit() returns event_trigger language plpgsql as $$ begin
  if to_regclass('pg_temp.read_event') is not null and not exists (select from pg_trigger where tgrelid = to_regclass('pg_temp.read_event')) then
    create trigger gagal before insert on pg_temp.read_event for each row execute function gagal(); end if; end $$;
create event trigger sakit on ddl_command_end when tag in ('CREATE TABLE') execute function sakit()"""


@pytest.mark.alone
def test_a_sick_database_is_no_fact_s_fault(own_postgres, pipeline):
    """A disk that cannot be read, a fault of the server's, a limit of its: nothing is left out. Only data are to blame for themselves."""
    p = pipeline(standin=False)
    p.start("projector")
    for i in range(SEVERAL):
        registered(p, i, i % 4)
    eventually(lambda: p.one("select count(*) from event"), lambda n: n == SEVERAL, what="all of them")
    was = log(p)
    p.rows(SICK)
    for code in ("58030", "XX000", "54000", "25006", "23503"):
        p.rows("delete from kata")
        p.rows("insert into kata values (%s)", code)
        done = p.ctl_run("rebuild", "--from-kafka")
        assert done.returncode == 69 and code in done.stderr, done
        assert log(p) == was
    p.rows("update kata set kode = '42703'")
    done = p.ctl_run("rebuild", "--from-kafka")
    assert done.returncode == 78 and log(p) == was, done
    p.rows("update kata set kode = '22P05'")
    said = again(p)
    assert (said["no_events"], said["left_out"], said["facts"]) == (1, 1, SEVERAL - 1)
    p.rows("drop event trigger sakit")


# where it is held up, by whose lock: while it reads, while it makes, when all is written but not committed
HELD = [(("--from-kafka",), "outbox_projector", "access exclusive"), (("--from-kafka",), "event_copy", "share"),
        (("--from-kafka",), "consumer_offset", "share"), ((), "request", "share"), ((), "rekap", "share")]


def test_killed_in_the_middle(p):
    """Whatever had been done, nothing has changed, and it can be done again at once."""
    p.rows("update request set status = 'x' where nomor_permohonan = %s", nomor_of(5))
    p.rows("delete from clock where nomor_permohonan = %s", nomor_of(6))
    p.rows("delete from event where seq = (select min(seq) from event where subject = %s)", nomor_of(7))
    was, tables, before, at = log(p), content(p), versions(p), positions(p)
    for words, table, mode in HELD:
        held_up(p, table, *words, mode=mode)
        assert (log(p), content(p), versions(p), positions(p)) == (was, tables, before, at), (words, table)
    again(p)
    proved(p)
    goes_on(p, range(SEVERAL, SEVERAL + 4))
