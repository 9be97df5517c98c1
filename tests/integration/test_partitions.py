"""The log in months: made ahead by whoever asks, once, also where several do; a month that is not there holds up what it
must and nothing is lost; what stood in one table before stays where it is."""
import concurrent.futures
import datetime
import json
import shutil

import harness
import psycopg2
import psycopg2.errors
import pytest
from harness import OPD, ROOT, WIB, event, eventually

BOUNDS = """select c.relname as name, substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''?([^'')]+)')::text as first,
                   substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''([^'']+)')::timestamptz as next
              from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'event'::regclass order by next"""


def months(p):
    return [r["name"] for r in p.rows(BOUNDS)]


def month(shift=0):
    """The name of the partition of a month, `shift` from the present one."""
    today = datetime.datetime.now(WIB)
    n = today.year * 12 + today.month - 1 + shift
    return f"event_{n // 12}_{n % 12 + 1:02d}"


def session(p):
    db = p.connect()
    with db.cursor() as c:
        c.execute(f"set search_path = {p.schema}")
    return db


def registered(p, numbers):
    for i in numbers:
        p.send("requests", event("request.registered", f"{OPD}-PT-{i}", {"kode_opd": OPD}))
    p.flush()


def recorded(p, n):
    eventually(lambda: p.one("select count(*) from event"), lambda got: got == n, what=f"{n} facts recorded")


@pytest.fixture
def p(pipeline):
    return pipeline(standin=False, partitions=1)


# ---- the function ------------------------------------------------------------------------------------------------------


def test_bounds_of_months(p):
    """WIB, whatever the session's zone; years and leap days; a second time nothing is made."""
    assert months(p) == [month(), month(1), month(2)]
    p.rows("set timezone = 'America/New_York'")
    for day, made in (("2031-12-31", True), ("2032-01-01", True), ("2032-02-29", True), ("2032-02-01", False), ("2031-12-01", False)):
        assert p.one("select event_month(%s)", day) is made, day
    p.rows("set timezone = 'UTC'")
    got = {r["name"]: (r["first"], r["next"].isoformat()) for r in p.rows(BOUNDS)}
    assert got["event_2031_12"] == ("2031-11-30 17:00:00+00", "2031-12-31T17:00:00+00:00")
    assert got["event_2032_01"] == ("2031-12-31 17:00:00+00", "2032-01-31T17:00:00+00:00")
    assert got["event_2032_02"] == ("2032-01-31 17:00:00+00", "2032-02-29T17:00:00+00:00")
    row = ("insert into event (source, id, type, subject, effective_at, topic, partition, kafka_offset, append_at, data, data_hash, received_at)"
           " values ('s', 'i', 't', 'n', now(), 'x', 0, 0, now(), '{}', '', %s) returning tableoid::regclass::text as t")
    for at, table in (("2032-01-31T23:59:59.999999+07:00", "event_2032_01"), ("2032-02-01T00:00:00+07:00", "event_2032_02"),
                      ("2032-02-29T23:59:59.999999+07:00", "event_2032_02")):
        assert p.one(row, at) == table
    with pytest.raises(psycopg2.errors.CheckViolation):
        p.rows(row, "2032-03-01T00:00:00+07:00")
    # a time that a partition of another name has is left to it
    p.rows("create table other (like event_2032_02 including defaults)")
    p.rows("alter table event attach partition other for values from ('2032-02-29 17:00+00') to ('2032-04-01')")
    assert p.one("select event_month('2032-03-15')") is False and "event_2032_03" not in months(p)


def test_each_partition_is_like_the_others(p):
    """Indexes, columns, comments and rights of what is made later are those of what the migration made."""
    p.rows("select event_months_ahead(5)")
    assert len(months(p)) == 6
    indexes = {tuple(sorted(r["i"].replace(name, "X") for r in p.rows(
        "select indexdef as i from pg_indexes where schemaname = current_schema() and tablename = %s", name))) for name in months(p)}
    assert len(indexes) == 1
    # those of the parent, and the key of its own that a parent of many cannot have
    assert len(next(iter(indexes))) == 1 + p.one("select count(*) from pg_index where indrelid = 'event'::regclass")
    columns = ("select array_agg((attname, attnum, atttypid, attnotnull, attcompression, col_description(attrelid, attnum))::text order by attnum)"
               " from pg_attribute where attrelid = %s::regclass and attnum > 0")
    assert len({tuple(p.one(columns, name)) for name in ("event", *months(p))}) == 1
    lz4 = p.one("select 'lz4' = any(enumvals) from pg_settings where name = 'default_toast_compression'")
    compression = p.one("select attcompression from pg_attribute where attrelid = 'event'::regclass and attname = 'data'")
    assert compression == ("l" if lz4 else "")


def test_what_cannot_be_made_is_told(p):
    """Of several months those that can be made are; what is in the way is said."""
    p.rows(f"create table {month(4)} (a int)")
    got = p.rows("select * from event_months_ahead(6)")[0]
    assert got["made"] == 1 and "already exists" in got["why"] and months(p)[-1] == month(3)
    assert got["until"] == p.rows(BOUNDS)[-1]["next"]
    p.rows(f"drop table {month(4)}")
    assert p.rows("select made, why from event_months_ahead(6)") == [{"made": 3, "why": None}]


def test_many_at_the_same_time(p):
    """Each month is made once, and nobody fails."""
    for shift in range(3):
        p.rows(f"drop table {month(shift)}")
    sessions = [session(p) for _ in range(8)]

    def ask(db):
        with db.cursor() as c:
            c.execute("select made, why from event_months_ahead(4)")
            return c.fetchone()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, sessions))
    for db in sessions:
        db.close()
    assert sorted(got) == [(0, None)] * 7 + [(5, None)]
    assert months(p) == [month(i) for i in range(5)]


def test_nobody_waits_while_one_is_made(p):
    """A month is made beside a transaction that has written to the log and one that has read it."""
    writer, reader = session(p), session(p)
    for db, sql in ((writer, "insert into event (source, id, type, subject, effective_at, topic, partition, kafka_offset, append_at, data, data_hash)"
                             " values ('s', 'i', 't', 'n', now(), 'x', 0, 0, now(), '{}', '')"), (reader, "select count(*) from event")):
        with db.cursor() as c:
            c.execute("begin")
            c.execute(sql)
    p.rows("set lock_timeout = '1s'")
    assert p.one("select made from event_months_ahead(3)") == 1
    for db in (writer, reader):
        with db.cursor() as c:
            c.execute("commit")
        db.close()
    assert p.one("select count(*) from event") == 1


# ---- the projector -----------------------------------------------------------------------------------------------------


def until(p, name="projector"):
    return p.metric("bedelau_log_months_until_seconds", name)


def test_made_ahead_by_the_projector(p):
    """As many as the setting says, by two that start together; the metric says until when."""
    p.start("projector", "projector.2", projector_months_ahead=5)
    eventually(lambda: months(p), lambda m: m == [month(i) for i in range(6)], what="six months")
    end = p.rows(BOUNDS)[-1]["next"].timestamp()
    for name in ("projector", "projector.2"):
        eventually(lambda name=name: until(p, name), lambda v: v == end, what=f"the metric of {name}")
    assert sum(p.log(name).count("months of the log were made ahead") for name in ("projector", "projector.2")) == 1
    registered(p, range(3))
    recorded(p, 3)


def test_month_that_is_not_there_is_made(p):
    """The failure itself makes it: no restart, nothing lost, nothing set aside."""
    p.start("projector")
    registered(p, range(5))
    recorded(p, 5)
    p.rows(f"alter table event detach partition {month()}")
    p.rows(f"alter table {month()} rename to kept")
    registered(p, range(5, 25))
    recorded(p, 20)
    assert p.one("select count(*) from dead_letter") == 0
    assert "23514" in p.log("projector") and "transactions succeed again" in p.log("projector")
    p.rows("insert into event overriding system value select * from kept")
    eventually(lambda: p.one("select count(*) from outbox_projector"), lambda n: n == 0, what="all told")
    harness.proved(p)


def test_month_that_cannot_be_made(p):
    """It waits, says why, and goes on by itself once the reason is gone; two projectors at once."""
    p.start("projector", "projector.2")
    registered(p, range(5))
    recorded(p, 5)
    p.rows("alter function event_month(date, timestamptz) rename to hidden")
    p.rows("create table kept as select * from event")
    p.rows(f"drop table {month()}")
    registered(p, range(5, 205))
    both = ("projector", "projector.2")
    eventually(lambda: [n for n in both if "a month of the log cannot be made ahead" in p.log(n)], what="it says that it cannot")
    eventually(lambda: [n for n in both if "no partition of relation" in p.log(n)], what="and why it waits")
    eventually(lambda: [n for n in both if p.ready(n) == 503], what="not ready")
    assert p.one("select count(*) from event") == 0 and p.one("select count(*) from dead_letter") == 0
    p.rows("alter function hidden(date, timestamptz) rename to event_month")
    recorded(p, 200)
    assert p.one("select count(*) from dead_letter") == 0
    assert any("months of the log are made ahead again" in p.log(n) for n in both)
    p.rows("insert into event overriding system value select * from kept")
    for name in both:
        p.await_ready(name)
    harness.proved(p)


def test_log_that_is_lost_with_its_month(p):
    """Made again from the topics, it has its month again."""
    p.start("projector")
    registered(p, range(5))
    recorded(p, 5)
    p.await_quiet()
    p.terminate("projector")
    p.rows(f"drop table {month()}, {month(1)}, {month(2)}")
    p.ctl("rebuild", "--from-kafka")
    assert p.one("select count(*) from event") == 5 and months(p) == [month(), month(1), month(2)]


# ---- rights ------------------------------------------------------------------------------------------------------------


def test_rights(p, request):
    """A role that may insert may have months made, and no more: no table of its own, none in the place of `event`."""
    role = f"{p.schema}_tamu"

    def drop():
        p.rows(f"drop owned by {role}")
        p.rows(f"drop role {role}")

    p.rows(f"create role {role} login password 'uji'")
    request.addfinalizer(drop)
    p.rows(f"grant usage on schema {p.schema} to {role}")
    p.rows(f"grant select, insert on event to {role}")
    db = psycopg2.connect(psycopg2.extensions.make_dsn(p.conninfo, user=role, password="uji"))
    db.autocommit = True

    def allowed(sql):
        with db.cursor() as c:
            c.execute(f"set search_path = {p.schema}")
            try:
                c.execute(sql)
                return True
            except psycopg2.errors.InsufficientPrivilege:
                return False

    assert not allowed("select event_months_ahead(3)")
    p.rows(f"grant execute on function event_months_ahead(int) to {role}")
    assert allowed("create temp table event (received_at timestamptz) partition by range (received_at)")
    assert allowed("select event_months_ahead(3)") and months(p) == [month(i) for i in range(4)]
    assert not allowed("select event_month('2040-01-01')") and not allowed("create table x (a int)")
    tries = ("select * from {}", "delete from {}", "update {} set data = ''", "truncate {}", "drop table {}",
             f"alter table {p.schema}.event detach partition {{}}")
    for name in months(p):
        for sql in tries:
            assert not allowed(sql.format(f"{p.schema}.{name}")), (sql, name)
    assert allowed(f"select * from {p.schema}.event") and not allowed(f"delete from {p.schema}.event")
    db.close()


# ---- what was there before -----------------------------------------------------------------------------------------------

ROW = ("insert into event (source, id, type, subject, effective_at, topic, partition, kafka_offset, append_at, data, data_hash, received_at)"
       " values ('s', %s, 't', 'n', now(), 'x', 0, 0, now(), '{}', '', now() + %s::interval) returning seq, tableoid::regclass::text as t")
FILES = """select relname, relfilenode from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'i')
              and relname ~ '^event(_before)?(_pkey|_subject)?$'"""


class Before:
    """A schema as it was before the log had months."""

    def __init__(self, p, tmp_path):
        self.p, self.schema, self.schemas = p, f"{p.schema}_old", tmp_path / "schemas"
        self.env = {**p.env, "BEDELAU_POSTGRES_SCHEMA": self.schema}
        shutil.copytree(ROOT / "schemas", self.schemas)
        for f in (self.schemas / "sql").glob("*.sql"):
            if f.name >= "0021":
                f.unlink()
        p.ctl("migrate", "--schemas", str(self.schemas), env=self.env)

    def migrate(self, schemas=ROOT / "schemas"):
        self.p.ctl("migrate", "--schemas", str(schemas), env=self.env)

    def rows(self, sql, *args):
        return self.p.rows(f"set search_path = {self.schema}; {sql}", *args)

    def one(self, sql, *args):
        return next(iter(self.rows(sql, *args)[0].values()))

    def drop(self):
        self.p.rows(f"drop schema {self.schema} cascade")


@pytest.fixture
def before(p, tmp_path):
    old = Before(p, tmp_path)
    yield old
    old.drop()


def test_table_of_before(p, before, request):
    """Rows stay in their file and their indexes; numbers go on; rights and views are the new table's; later rows come apart."""
    role = f"{p.schema}_lama"
    p.rows(f"create role {role}")
    request.addfinalizer(lambda: p.rows(f"drop owned by {role}; drop role {role}"))
    p.start("projector")
    registered(p, range(40))
    recorded(p, 40)
    p.terminate("projector")
    names = "source, id, type, subject, time, effective_at, topic, partition, kafka_offset, append_at, data, data_hash, received_at, chain, revisi"
    before.rows(f"insert into event ({names}) select {names} from {p.schema}.event order by seq")
    before.rows(f"grant select, insert on event to {role}")
    was, stored = before.rows("select * from event order by seq"), {r["relfilenode"] for r in before.rows(FILES)}
    assert len(was) == 40 and len(stored) == 3
    before.migrate()
    assert {r["relname"]: r["relfilenode"] for r in before.rows(FILES)}.keys() == {"event_before", "event_before_pkey", "event_before_subject"}
    assert {r["relfilenode"] for r in before.rows(FILES)} == stored
    assert before.rows("select * from event order by seq") == was
    names = [r["name"] for r in before.rows(BOUNDS)]
    assert names == ["event_before", month(), month(1), month(2)]
    new = before.rows(ROW, "i", "0")[0]
    assert (new["seq"], new["t"]) == (was[-1]["seq"] + 1, month())
    for table, right, want in (("event", "insert", True), ("event", "update", False), ("event_before", "select", False), (month(), "select", False)):
        assert before.one("select has_table_privilege(%s, %s, %s)", role, table, right) is want, (table, right)
    assert before.one("select has_function_privilege(%s, 'event_months_ahead(int)', 'execute')", role)
    assert before.one("select count(*) from v_timeline where nomor_permohonan = %s", was[0]["subject"]) >= 1
    plan = json.dumps(before.rows("set enable_seqscan = off; explain (format json) select * from event where subject = 'x' and seq = 1"))
    before.rows("reset enable_seqscan")
    assert "event_before_" in plan and "Seq Scan" not in plan


def test_table_of_before_with_a_clock_that_was_ahead(before):
    """Rows that were recorded in the future, by a clock that was wrong, do not stop the migration."""
    before.rows(ROW, "a", "0")
    before.rows(ROW, "b", "40 days")
    before.migrate()
    assert before.rows(ROW, "c", "0")[0]["t"] == "event_before"
    assert before.rows(ROW, "d", "40 days 1 minute")[0]["t"] != "event_before"
    assert before.one("select count(*) from event") == 4


def test_server_without_lz4(before):
    """It says so of a word that it does not know as of one that it was built without: data are compressed as ever."""
    text = (ROOT / "schemas/sql/0021_partitions.sql").read_text(encoding="utf-8")
    assert "compression lz4" in text
    (before.schemas / "sql/0021_partitions.sql").write_text(text.replace("compression lz4", "compression tidakada"), encoding="utf-8")
    before.migrate(before.schemas)
    assert before.one("select attcompression::text from pg_attribute where attrelid = 'event'::regclass and attname = 'data'") == ""
    before.rows(ROW, "i", "0")


def split(p):
    """From now on the present month goes to another table than what it has had so far."""
    bound = p.one("select clock_timestamp()::text")
    p.rows(f"alter table event detach partition {month()}; alter table {month()} rename to event_before;"
           f"alter table event attach partition event_before for values from (minvalue) to ('{bound}');"
           f"select event_month(%s, '{bound}')", datetime.datetime.now(WIB).date())


def test_one_request_in_two_tables(p):
    """Its story is told, proved, folded anew and forgotten whole."""
    p.start("validator", "projector")
    nomor = f"{OPD}-PT-DUA"
    registered(p, range(3))
    p.submit(nomor, tipe_lisensi="x")
    p.flush()
    p.await_status(nomor, "dikembalikan")
    p.await_quiet()
    split(p)
    p.submit(nomor, revisi=2, nama_pemohon="Zuraida Terlupakan")
    p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
    p.flush()
    p.await_status(nomor, "dibatalkan")
    p.await_quiet()
    tables = p.rows("select tableoid::regclass::text as t, count(*) as n from event where subject = %s group by 1", nomor)
    assert {r["t"] for r in tables} == {"event_before", month()}
    assert p.one("select count(seq) from v_timeline where nomor_permohonan = %s", nomor) == p.one(
        "select count(*) from event where subject = %s and type not like '%%.status.changed.v1'", nomor)
    assert harness.proved(p)["requests"] == 4
    assert json.loads(p.ctl("rebuild", "--json"))["changed"] == 0
    p.ctl("forget", nomor, "--reason", "permintaan")
    assert p.one("select count(*) from event where position('Zuraida' in data) > 0 or subject = %s and position(%s in data) > 0", nomor,
                 harness.FORM["nama_pemohon"]) == 0
    assert {r["t"] for r in p.rows("select distinct tableoid::regclass::text as t from event where position('dilupakan' in data) > 0")} == {
        "event_before", month()}
    proof = json.loads(p.ctl("verify", "--json"))
    assert proof["same"] and proof["forgotten"] >= 2
