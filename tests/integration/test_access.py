"""Who looked at a form is written down: every way of reading one leaves exactly one row in audit_log that says who, when, from where,
what and why, and holds nothing of the form; what cannot be written down is not shown; and nobody changes what was written."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pwd
import secrets
import socket

import harness
import psycopg2
import psycopg2.extensions
import pytest
from harness import OFFICER, OPD, PERSONAL, event, http

WHY = "pengaduan 12"
NOMOR = f"{OPD}-AKSES-1"
PDF = b"%PDF-1.7\nlampiran uji akses"
SHA = hashlib.sha256(PDF).hexdigest()
NOTE = "Mohon hubungi Citra Contoh"  # an officer's words: free text, with a name


class Line:
    def __init__(self, p):
        self.p = p
        self.token = {name: p.ctl("token", "create", *words).strip() for name, words in (
            ("opd", ("--opd", OPD)), ("officer", ("--officer", OFFICER)), ("all", ("--opd", "*")), ("other", ("--opd", "1.02.01")))}
        self.id = {r["opd"]: "token:" + r["id"] for r in json.loads(p.ctl("token", "list", "--json")) if not r["officer"]}

    def url(self, path):
        return f"http://127.0.0.1:{self.p.ports['gateway']}{path}"

    def get(self, path, token, why=WHY, **more):
        return http(self.url(path), headers={"Authorization": f"Bearer {self.token[token]}", **({"X-Alasan": why} if why else {}), **more})

    def noted(self, after):
        return [tuple(r.values()) for r in self.p.rows(
            "select actor, action, subject, detail, origin, reason from audit_log where seq > %s order by seq", after)]

    def last(self):
        return self.p.one("select coalesce(max(seq), 0) from audit_log")


@pytest.fixture(scope="module")
def line():
    with harness.running("test_access", *harness.WORKERS, "gateway", partitions=1, **harness.FAST, validator_review="manual") as p:
        made = Line(p)
        p.submit(NOMOR)
        p.send("requests", "rusak " + PERSONAL[0], key="x")
        p.flush()
        p.await_status(NOMOR, "diperiksa")
        harness.review(p, NOMOR, "dikembalikan", catatan=[{"lokasi": "", "pesan": NOTE}])
        p.await_status(NOMOR, "dikembalikan")
        for n, how in ((2, "diterima"),):
            p.submit(NOMOR, revisi=n)
            p.flush()
            harness.eventually(lambda: p.request(NOMOR), lambda r: (r["revisi"], r["status"]) == (2, "diperiksa"), what="the second revisi")
            harness.review(p, NOMOR, how, revisi=n)
        p.await_status(NOMOR, "selesai")
        harness.eventually(lambda: p.one("select count(*) from dead_letter"), lambda n: n == 1, what="the dead letter")
        assert http(made.url(f"/v1/documents/{SHA}"), "PUT", PDF, {"Authorization": f"Bearer {made.token['opd']}"})[0] == 201
        yield made


def me():
    """As the command finds it out."""
    if os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    with contextlib.suppress(OSError):  # no login: a service, a container
        return os.getlogin()
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return "unknown"


def by_http(path, token):
    def read(line):
        status, body = line.get(path, token)
        assert status == 200, body
        return body.decode(errors="replace")
    return read


def by_ctl(*words):
    return lambda line: line.p.ctl(*(line.dead if w == "DEAD" else w for w in words), "--why", WHY)


def by_sql(line):
    with line.p.connect() as db, db.cursor() as c:
        c.execute(f'set search_path to "{line.p.schema}"')
        c.execute("select set_config('bedelau.alasan', %s, false)", [WHY])
        c.execute("select * from v_kontak where nomor_permohonan = %s", [NOMOR])
        return repr(c.fetchall())


HTTP, HOST, DB = "127.0.0.1", socket.gethostname(), "127.0.0.1"
# how it is read; who, what, of what, detail, from where. OPD = that department's token; ME = who runs the tests
READS = {
    "request by its department": (by_http(f"/v1/requests/{NOMOR}", "opd"), "OPD", "request.read", NOMOR, None, HTTP),
    "request by an officer": (by_http(f"/v1/requests/{NOMOR}", "officer"), OFFICER, "request.read", NOMOR, None, HTTP),
    "timeline by its department": (by_http(f"/v1/requests/{NOMOR}/timeline", "opd"), "OPD", "timeline.read", NOMOR, None, HTTP),
    "timeline by an officer": (by_http(f"/v1/requests/{NOMOR}/timeline", "officer"), OFFICER, "timeline.read", NOMOR, None, HTTP),
    "document by its department": (by_http(f"/v1/documents/{SHA}", "opd"), "OPD", "document.read", SHA, None, HTTP),
    "a name in the query is not kept": (by_http(f"/v1/documents/{SHA}?kode_opd=Citra", "opd"), "OPD", "document.read", SHA, None, HTTP),
    "document by an officer": (by_http(f"/v1/documents/{SHA}", "officer"), OFFICER, "document.read", SHA, None, HTTP),
    "document by the validator": (by_http(f"/v1/documents/{SHA}?kode_opd={OPD}", "all"), "*", "document.read", SHA, OPD, HTTP),
    "status": (by_ctl("status", NOMOR), "ME", "status", NOMOR, None, HOST),
    "status as JSON": (by_ctl("status", NOMOR, "--json"), "ME", "status", NOMOR, None, HOST),
    "status once it is so": (by_ctl("status", NOMOR, "--wait", "selesai"), "ME", "status", NOMOR, None, HOST),
    "story": (by_ctl("status", NOMOR, "--timeline"), "ME", "status --timeline", NOMOR, None, HOST),
    "calls": (by_ctl("jobs", "show", NOMOR), "ME", "jobs show", NOMOR, None, HOST),
    "dead letter": (by_ctl("dlq", "show", "DEAD"), "ME", "dlq show", "DEAD", None, HOST),
    "dead letter's bytes": (by_ctl("dlq", "show", "DEAD", "--payload"), "ME", "dlq show --payload", "DEAD", None, HOST),
    "contacts": (by_sql, "DB", "kontak.read", NOMOR, None, DB),
}


@pytest.mark.parametrize("how", READS)
def test_each_read_is_one_row(line, how):
    read, who, what, subject, detail, where = READS[how]
    line.dead = str(line.p.one("select id from dead_letter"))
    who = {"OPD": line.id[OPD], "*": line.id["*"], "ME": me(), "DB": psycopg2.extensions.parse_dsn(line.p.conninfo)["user"]}.get(who, who)
    before = line.last()
    told = read(line)
    assert told
    noted = line.noted(before)
    if where == HOST and noted[0][4].startswith(f"{HOST} from "):  # the tests themselves run over SSH
        where = noted[0][4]
    assert noted == [(who, what, line.dead if subject == "DEAD" else subject, detail, where, WHY)]
    at = line.p.one("select now() - max(at) < interval '1 minute' from audit_log where seq > %s", before)
    assert at


def test_the_reads_show_what_is_personal(line):
    """Else the table above would prove nothing."""
    assert NOTE in READS["timeline by its department"][0](line)
    assert PERSONAL[0] in READS["contacts"][0](line)


NOT_READ = [("opd", f"/v1/events/%2Fopd%2F{OPD}/x", 200), ("opd", "/v1/requests/TIDAK-ADA", 404), ("other", f"/v1/requests/{NOMOR}", 404),
            ("other", f"/v1/requests/{NOMOR}/timeline", 404), ("other", f"/v1/documents/{SHA}", 404), ("all", f"/v1/requests/{NOMOR}", 403)]


@pytest.mark.parametrize("token,path,status", NOT_READ)
def test_what_shows_nothing_of_a_form_leaves_no_row(line, token, path, status):
    before = line.last()
    assert line.get(path, token)[0] == status
    assert line.noted(before) == []


def test_lists_and_sums_leave_no_row(line):
    before = line.last()
    for words in (("list",), ("list", "--antrean"), ("jobs", "list"), ("dlq", "list"), ("report", "--month", harness.day()[:7])):
        out = line.p.ctl(*words)
        assert not [w for w in (*PERSONAL, NOTE) if w in out], words
    assert line.noted(before) == []


def test_a_reason_is_not_asked_for(line):
    before = line.last()
    assert line.get(f"/v1/requests/{NOMOR}", "opd", why=None)[0] == 200
    line.p.ctl("status", NOMOR)
    assert [n[5] for n in line.noted(before)] == [None, None]


def test_a_reason_that_cannot_be_kept(line):
    before = line.last()
    for why in ("x" * 501, "dua\tkata", "\xff\xfe"):
        status, body = line.get(f"/v1/requests/{NOMOR}", "opd", why=why)
        assert status == 400 and b"X-Alasan" in body, body
    assert line.p.ctl_run("status", NOMOR, "--why", "x" * 501).returncode == 64
    assert line.noted(before) == []


def test_no_read_without_its_row(line):
    """The log takes nothing: every read is refused, by a sentence, and shows nothing; then they go on."""
    p = line.p
    line.dead = str(p.one("select id from dead_letter"))
    p.rows("alter table audit_log add constraint penuh check (false) not valid")
    try:
        for path in (f"/v1/requests/{NOMOR}", f"/v1/requests/{NOMOR}/timeline", f"/v1/documents/{SHA}"):
            for token in ("opd", "officer"):
                status, body = line.get(path, token)
                assert status == 503 and b"audit log" in body and NOTE.encode() not in body and PDF not in body, body
        for words in (("status", NOMOR), ("status", NOMOR, "--timeline"), ("jobs", "show", NOMOR), ("dlq", "show", line.dead)):
            done = p.ctl_run(*words)
            assert done.returncode not in (0, 1) and not done.stdout and "nothing is shown" in done.stderr, (words, done)
        with pytest.raises(psycopg2.errors.CheckViolation):
            by_sql(line)
        assert line.get(f"/v1/events/%2Fopd%2F{OPD}/x", "opd")[0] == 200
    finally:
        p.rows("alter table audit_log drop constraint penuh")
    assert line.get(f"/v1/requests/{NOMOR}", "opd")[0] == 200


def test_the_answer_waits_for_the_commit(line):
    """A log that takes the row and loses it at COMMIT: nothing may have been shown by then."""
    p = line.p
    p.rows("create function hilang() returns trigger language plpgsql as $$ begin raise exception 'hilang' using errcode = '53100'; end $$")
    p.rows("create constraint trigger hilang after insert on audit_log deferrable initially deferred for each row execute function hilang()")
    try:
        for path in (f"/v1/requests/{NOMOR}", f"/v1/requests/{NOMOR}/timeline", f"/v1/documents/{SHA}"):
            status, body = line.get(path, "opd")
            assert status == 503 and b"audit log" in body, body
        assert p.ctl_run("status", NOMOR).stdout == ""
    finally:
        p.rows("drop trigger hilang on audit_log")
        p.rows("drop function hilang()")


HIDDEN = {  # what is asked, how it goes out of sight and comes back
    f"/v1/documents/{SHA}": ("delete from document_owner", f"insert into document_owner (sha256, kode_opd) values ('\\x{SHA}', '{OPD}')"),
    f"/v1/requests/{NOMOR}": ("update request set kode_opd = '1.02.01'", f"update request set kode_opd = '{OPD}'"),
}


@pytest.mark.parametrize("path", HIDDEN)
def test_a_read_that_was_undone_shows_nothing(line, path):
    """Its rows had come when the connection broke before COMMIT; asked once more there is nothing to see, and that counts."""
    p, key = line.p, secrets.randbelow(2**31)
    hide, show = HIDDEN[path]
    before = line.last()
    p.rows("create function tunda() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(%s); return null; end $$", key)
    p.rows("create constraint trigger tunda after insert on audit_log deferrable initially deferred for each row execute function tunda()")
    p.rows("select pg_advisory_lock(%s)", key)
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            asked = pool.submit(line.get, path, "opd")
            waits = harness.eventually(lambda: p.rows("select pid from pg_locks where locktype = 'advisory' and objid = %s and not granted", key),
                                       what="its COMMIT")
            p.rows(hide)
            p.rows("select pg_terminate_backend(%s)", waits[0]["pid"])
            status, body = asked.result()
        assert status == 404 and PDF not in body and NOTE.encode() not in body, body
        assert line.noted(before) == []
    finally:
        p.rows("select pg_advisory_unlock(%s)", key)
        p.rows("drop trigger tunda on audit_log")
        p.rows("drop function tunda()")
        p.rows(show)
    assert line.get(path, "opd")[0] == 200


def test_contacts_are_not_read_where_nothing_can_be_written(line):
    with line.p.connect() as db, db.cursor() as c:
        c.execute(f'set search_path to "{line.p.schema}"')
        c.execute("set transaction read only")
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            c.execute("select * from v_kontak where nomor_permohonan = %s", [NOMOR])


def test_commands_say_who_whence_and_why(line):
    before = line.last()
    line.p.ctl("officer", "add", "pk-77", "--why", "mutasi pegawai")
    line.p.ctl("endpoint", "pause", "--reason", "tiket 4711")
    line.p.ctl("endpoint", "resume")
    line.p.ctl("dlq", "list")
    assert [(n[1], n[2], n[5]) for n in line.noted(before)] == [
        ("officer add", "pk-77", "mutasi pegawai"), ("endpoint pause", "integrator", "tiket 4711"), ("endpoint resume", "integrator", None)]
    assert {n[0] for n in line.noted(before)} == {me()} and all(n[4].startswith(HOST) for n in line.noted(before))


def test_nothing_of_a_form_stands_in_the_log(line):
    line.dead = str(line.p.one("select id from dead_letter"))
    for read, *_ in READS.values():
        assert read(line)
    text = repr(line.p.rows("select * from audit_log"))
    assert NOMOR in text and not [w for w in (*PERSONAL, NOTE, "Citra") if w in text]


def test_nobody_but_the_owner_changes_it(line):
    """A role that may do anything but what is the owner's."""
    p, role = line.p, f"{line.p.schema}_orang"
    p.rows(f'create role "{role}"')
    try:
        p.rows(f'grant usage on schema "{p.schema}" to "{role}"')
        p.rows(f'grant select, insert on all tables in schema "{p.schema}" to "{role}"')
        for sql in ("update audit_log set actor = 'x'", "update audit_log set reason = null", "delete from audit_log", "truncate audit_log",
                    "drop table audit_log", "alter table audit_log disable trigger all", "select catat_baca_kontak('x')"):
            with p.connect() as db, db.cursor() as c:
                c.execute(f'set search_path to "{p.schema}"; set role "{role}"')
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    c.execute(sql)
                db.rollback()
    finally:
        p.rows(f'drop owned by "{role}"')
        p.rows(f'drop role "{role}"')
