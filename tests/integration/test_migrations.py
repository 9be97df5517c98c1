"""The database of each earlier version, with the data of a real run, brought up to date: nothing is lost, and the record is proved."""
import json
import re
import shutil

import harness
import pytest
from harness import OPD, ROOT, event

FILES = sorted((ROOT / "schemas/sql").glob("*.sql"))
FIRST = 6  # the first that has all tables of the record and of people


@pytest.fixture(scope="module")
def p():
    """A pipeline at rest, its programs stopped."""
    with harness.running("test_migrations", *harness.WORKERS, **harness.FAST) as p:
        for i in range(6):
            nomor = f"{OPD}-M-{i}"
            p.submit(nomor, **({"tipe_lisensi": "x"} if i % 3 == 1 else {}))
            if i % 3 == 2:
                p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
        p.ctl("token", "create", "--opd", OPD, "--label", "uji")
        p.flush()
        p.await_quiet()
        for name in harness.WORKERS:
            p.terminate(name)
        yield p


def columns(p, schema):
    found = {}
    for r in p.rows("select table_name, column_name from information_schema.columns join information_schema.tables"
                    " using (table_schema, table_name) where table_schema = %s and table_type = 'BASE TABLE' and is_generated = 'NEVER'",
                    schema):
        found.setdefault(r["table_name"], set()).add(r["column_name"])
    return found


def copy(p, old):
    """What the tables of both hold, into the old one."""
    new_columns, old_columns = columns(p, p.schema), columns(p, old)
    for table in set(old_columns) & set(new_columns) - {"schema_migration", "opd", "audit_log"}:
        names = ", ".join(f'"{c}"' for c in sorted(old_columns[table] & new_columns[table]))
        p.rows("set session_replication_role = replica")  # foreign keys hold in the source
        p.rows(f'delete from "{old}"."{table}"')
        p.rows(f'insert into "{old}"."{table}" ({names}) overriding system value select {names} from "{p.schema}"."{table}"')
        p.rows("set session_replication_role = origin")


def test_files_have_no_gap():
    assert [int(re.match(r"(\d{4})_", f.name)[1]) for f in FILES] == list(range(1, len(FILES) + 1))


@pytest.mark.parametrize("version", range(FIRST, len(FILES)), ids=lambda v: FILES[v - 1].stem)
def test_from_version(p, tmp_path, version):
    old = f"{p.schema}_{version}"
    env = {**p.env, "BEDELAU_POSTGRES_SCHEMA": old}
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    for f in FILES[version:]:
        (tmp_path / "schemas/sql" / f.name).unlink()
    p.ctl("migrate", "--schemas", str(tmp_path / "schemas"), env=env)
    copy(p, old)
    assert p.one(f'select count(*) from "{old}".event') > 30
    said = p.ctl("migrate", env=env)
    assert f"{len(FILES) - version} of {len(FILES)} migrations applied now" in said
    proof = json.loads(p.ctl("verify", "--json", env=env))
    assert proof["same"] and proof["requests"] == 6 and proof["unlinked"] == 0
    same = "nomor_permohonan, revisi, putaran, versi, status, terlambat, giliran, temuan, chain"
    assert p.one(f'select count(*) from (select {same} from "{old}".request except select {same} from "{p.schema}".request) x') == 0
    p.rows(f'drop schema "{old}" cascade')
