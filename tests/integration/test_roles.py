"""Each program under a role of its own, with rights to its own tables only: everything works, and nothing else is possible."""
import json
import subprocess

import harness
import psycopg2
import pytest
from harness import OPD, ROOT, event

PROGRAMS = (*harness.WORKERS, "gateway")


def conninfo_as(p, role):
    return psycopg2.extensions.make_dsn(p.conninfo, user=role, password="uji")


@pytest.fixture
def p(pipeline, request):
    p = pipeline(**harness.FAST)
    prefix = f"{p.schema}_"
    p.prefix_of_roles = prefix

    def drop():
        for (role,) in [tuple(r.values()) for r in p.rows("select rolname from pg_roles where starts_with(rolname, %s)", prefix)]:
            p.rows(f'drop owned by "{role}"')
            p.rows(f'drop role "{role}"')

    request.addfinalizer(drop)
    for _ in range(2):  # again changes nothing
        subprocess.run(["psql", p.conninfo, "-Xq", "-v", f"schema={p.schema}", "-v", f"prefix={prefix}", "-f",
                        ROOT / "deploy/postgres/roles.sql"], check=True, capture_output=True, text=True)
    for role in (*PROGRAMS, "monitor", "pembaca"):
        p.rows(f'alter role "{prefix}{role}" login password \'uji\'')
    return p


def allowed(p, role, sql):
    """True; or False where the right is missing."""
    db = psycopg2.connect(conninfo_as(p, p.prefix_of_roles + role))
    try:
        with db.cursor() as c:
            c.execute(f'set search_path to "{p.schema}"')
            c.execute(sql)
        return True
    except psycopg2.errors.InsufficientPrivilege:
        return False
    finally:
        db.rollback()
        db.close()


def calendar_of_another_name(p):
    path = p.folder / "kalender_lain.csv"
    path.write_bytes((ROOT / "schemas/data/kalender_id_2024_2027.csv").read_bytes())
    return path


def test_each_program_has_what_it_needs(p):
    for name in PROGRAMS:
        p.start(name, postgres_conninfo=conninfo_as(p, p.prefix_of_roles + name), projector_forecast="200ms")
    p.faults(mix={"503": 0.3, "202": 0.3}, retry_after_s=0, callback_after_ms=50, latency_ms=1)
    token = p.ctl("token", "create", "--opd", OPD).strip().splitlines()[-1]
    for i in range(12):
        nomor = f"{OPD}-P-{i}"
        if i % 3 == 0:
            harness.http(f"http://127.0.0.1:{p.ports['gateway']}/v1/requests", "POST", json.dumps(harness.form(nomor)).encode(),
                         {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": nomor})
        elif i % 3 == 1:
            p.submit(nomor, tipe_lisensi="x")
            p.submit(nomor, revisi=2)
        else:
            p.submit(nomor, revisi=2)  # held, until the first comes
            p.submit(nomor, tipe_lisensi="x")
    p.ctl("calendar", "load", calendar_of_another_name(p))
    p.submit(f"{OPD}-P-12")
    p.send("requests", "no event", key="x")
    p.send("requests", event("request.withdrawn", f"{OPD}-P-99", {"alasan": "sebelum ada"}))
    p.flush()
    for i in range(13):
        p.await_status(f"{OPD}-P-{i}", "selesai")
    p.await_quiet()
    assert p.one("select count(*) from dead_letter") == 1
    status, body = harness.http(f"http://127.0.0.1:{p.ports['gateway']}/v1/requests/{OPD}-P-0/timeline", headers={"Authorization": f"Bearer {token}"})
    assert status == 200 and b"check.completed" in body
    for name in ("validator", "integrator", "deadline"):
        harness.eventually(lambda name=name: p.statusz(name)["calendar"], lambda v: v == "kalender_lain", what=f"the calendar of {name}")
    harness.proved(p)
    for name in PROGRAMS:
        log = p.log(name)
        assert "42501" not in log and "permission denied" not in log, name


def test_owners_functions_look_where_they_should(p):
    """Whoever may make temporary tables cannot put one of his own in the place of the owner's; and may not call what is not for him."""
    found = p.rows("select proname, proconfig, prorettype = 'trigger'::regtype as fires, has_function_privilege('public', oid, 'execute') as anybody"
                   " from pg_proc where prosecdef and pronamespace = current_schema()::regnamespace")
    assert len(found) > 6
    wrong = [f["proname"] for f in found if not any(s.startswith("search_path=") and s.endswith(", pg_temp") for s in f["proconfig"] or [])]
    assert wrong == []
    closed = {f["proname"] for f in found if not f["anybody"]}
    assert {f["proname"] for f in found if f["fires"]} | {"event_months_ahead", "rekap_rapikan", "catat_baca_kontak"} == closed


def test_and_nothing_else(p):
    months = [r["name"] for r in p.rows("select inhrelid::regclass::text as name from pg_inherits where inhparent = 'event'::regclass")]
    assert len(months) == 3
    for role in (*PROGRAMS, "monitor", "pembaca"):
        for month in months:
            for sql in ("select * from {}", "insert into {} select * from event", "update {} set data = null", "delete from {}", "truncate {}", "drop table {}"):
                assert not allowed(p, role, sql.format(month)), (role, sql, month)
        assert allowed(p, role, "select event_months_ahead(2)") is (role == "projector"), role
        assert not allowed(p, role, "select event_month('2040-01-01')"), role
    for role in PROGRAMS:
        for table in ("event", "event_id", "event_copy", "forgotten", "audit_log"):
            assert not allowed(p, role, f"delete from {table}"), (role, table)
            assert not allowed(p, role, f"truncate {table}"), (role, table)
        for table, column in (("event", "data"), ("event", "chain"), ("event_id", "hash"), ("audit_log", "detail")):
            assert not allowed(p, role, f"update {table} set {column} = null"), (role, table)
        assert not allowed(p, role, "insert into audit_log (at, actor, action) values (now() - interval '1 year', 'x', 'x')"), role
        assert not allowed(p, role, "create table x (a int)")
        for change in ("delete from calendar", "update calendar set csv = ''", "update calendar set since = now()",
                       "insert into calendar (version, csv, sha256, source, since, loaded_by) values ('x', 'x', '', 'x', now(), 'x')"):
            assert not allowed(p, role, change), (role, change)
    own = {"validator": "pemeriksaan", "integrator": "integration", "deadline": "deadline_clock", "projector": "request"}
    for role, table in own.items():
        assert allowed(p, role, f"select * from {table}")
        for other in set(own.values()) - {table}:
            assert not allowed(p, role, f"select * from {other}"), (role, other)
        assert not allowed(p, role, "select * from token") and not allowed(p, role, "select * from document")
    for reader in ("monitor", "pembaca"):
        for view in ("v_antrean", "v_terlambat", "v_prakiraan", "v_rekap_opd", "v_rekap_bulanan", "v_anomali"):
            assert allowed(p, reader, f"select * from {view}"), (reader, view)
        assert allowed(p, reader, "select * from v_prakiraan")
        for secret in ("select data from event", "select * from event", "select fakta from request", "select temuan from request",
                       "select * from v_timeline", "select * from v_kontak", "select * from document", "select * from token", "select body from job_body_integrator",
                       "select value from outbox_projector", "select * from pemeriksaan_tahan", "select * from audit_log",
                       "update request set status = 'x'"):
            assert not allowed(p, reader, secret), (reader, secret)
    assert allowed(p, "pembaca", "select waktu, peristiwa, menunggu from v_timeline") and not allowed(p, "pembaca", "select status from request")
    assert allowed(p, "monitor", "select status, giliran from request")
    assert allowed(p, "monitor", "select key, reason from job_integrator")
    assert not allowed(p, "monitor", "select state from job_validator")
