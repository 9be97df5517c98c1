"""bedelauctl as operators and scripts use it: what it prints, that --json tells the same, how it ends, and that each change of state
is in audit_log. One pipeline serves the whole file."""
import getpass
import hashlib
import json
import os
import re
import secrets
import subprocess

import harness
import pytest
from harness import FAST, FORM, OPD, ROOT, event, form

OK, NO, USAGE, UNAVAILABLE, CONFIG = 0, 1, 64, 69, 78
COMMANDS = ("topics", "migrate", "register", "submit", "withdraw", "review", "status", "list", "lag", "token", "officer", "opd", "offsets", "dlq", "jobs", "endpoint",
            "verify", "rebuild", "restored", "forget", "purge", "calendar", "rules", "report", "example")
SUBCOMMANDS = {"topics": ["create", "check"], "token": ["create", "list", "revoke"], "officer": ["add", "off", "list"], "opd": ["load", "list"],
               "offsets": ["show", "set"], "dlq": ["list", "show", "replay"], "jobs": ["list", "show", "retry", "cancel"],
               "endpoint": ["pause", "resume", "status"], "calendar": ["check", "load", "due"], "rules": ["test", "diff"]}
ACTOR = re.compile(r"[a-z0-9_-]+")


class Ctl:
    """Runs the command in an environment that says nothing but what is given."""

    def __init__(self, env):
        self.env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **{k: v for k, v in env.items() if k.startswith("BEDELAU_")}}

    def run(self, *words, stdin=None, without=(), **env):
        env = {**{k: v for k, v in self.env.items() if k not in without}, **env}
        return subprocess.run([harness.BIN / "bedelauctl", *map(str, words)], env=env, input=stdin, capture_output=True, text=True, timeout=60,
                              check=False)

    def good(self, *words, **kw):
        done = self.run(*words, **kw)
        assert done.returncode == OK, (words, done)
        return done.stdout

    def json(self, *words, **kw):
        return json.loads(self.good(*words, "--json", **kw))

    def bad(self, code, *words, **kw):
        """The one sentence on stderr, nothing on stdout."""
        done = self.run(*words, **kw)
        assert done.returncode == code, (words, done)
        assert done.stderr.startswith("bedelauctl") and done.stderr.endswith("\n"), done
        return done.stderr


bare = Ctl({})


@pytest.fixture(scope="module")
def line():
    """A pipeline, and `ctl` on it."""
    with harness.running("test_ctl", *harness.WORKERS, "gateway", partitions=2, **FAST, validator_review="manual") as p:
        # bedelauctl waits 15 s for a broker: that is looked at last
        p.waits = subprocess.Popen([harness.BIN / "bedelauctl", "topics", "check"], env={**p.env, "BEDELAU_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            p.env["BEDELAU_GATEWAY_URL"] = f"http://127.0.0.1:{p.ports['gateway']}/"
            ctl = Ctl(p.env)
            ctl.env["BEDELAU_TOKEN"] = ctl.good("token", "create", "--opd", OPD, "--label", "fixture").strip()
            ctl.env["BEDELAU_OFFICER_TOKEN"] = ctl.good("token", "create", "--officer", "pk-01").strip()
            p.tool = ctl
            yield p
        finally:
            p.waits.kill()


@pytest.fixture
def ctl(line):
    return line.tool


@pytest.fixture
def audited(line):
    """The rows of audit_log that come during a test: [(action, subject, detail)]."""
    last = line.one("select coalesce(max(seq), 0) from audit_log")

    def rows():
        got = line.rows("select actor, action, subject, detail from audit_log where seq > %s order by seq", last)
        assert all(ACTOR.fullmatch(r["actor"]) for r in got), got
        return [(r["action"], r["subject"], r["detail"]) for r in got]
    return rows


def table(text):
    """The rows of a printed table, as {head: cell}."""
    head, *lines = text.splitlines()
    starts = [m.start() for m in re.finditer(r"\S+", head)]
    cut = [slice(a, b) for a, b in zip(starts, [*starts[1:], None])]
    return [{head[c].strip(): row[c].strip() for c in cut} for row in lines]


def same(cell, value):
    """Whether a printed cell tells what JSON tells."""
    if value is None or value == "":
        return cell == "-"
    if isinstance(value, bool):
        return cell == ("ya" if value else "tidak")
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return cell == f"{value[:10]} {value[11:19]} WIB"
    return cell == str(value)


def tell_the_same(printed, rows):
    return len(printed) == len(rows) and all(same(cells.get(k), v) for cells, row in zip(printed, rows) for k, v in row.items())


def both(ctl, *words):
    """The rows of a command's JSON, after its table was found to tell the same. Programs may have moved between the two."""
    printed, rows = harness.eventually(lambda: (table(ctl.good(*words)), ctl.json(*words)), lambda got: tell_the_same(*got),
                                       20, f"table and JSON of {words} tell the same")
    for cells, row in zip(printed, rows):
        assert {k: same(cells[k], v) for k, v in row.items()} == dict.fromkeys(row, True), (cells, row)
        assert set(cells) == set(row)
    return rows


# ---- words and endings --------------------------------------------------------------------------------------------------

def test_help():
    everything = bare.good("--help")
    assert set(re.findall(r"^  ([a-z]+) ", everything, re.M)) - {"bedelauctl"} == set(COMMANDS)
    for name in COMMANDS:
        text = bare.good(name, "--help")
        assert text.startswith(f"usage: bedelauctl [-c FILE] {name} ") and "--json" in text
    assert bare.good("--version").startswith("bedelauctl ")


@pytest.mark.parametrize("words", [
    (), ("terbang",), ("--terbang", "list"), ("-c",), ("list", "--terbang"), ("list", "x"), ("list", "--limit"), ("list", "--limit", "0"), ("list", "--limit", "9x"),
    ("list", "--status", "terbang"), ("list", "--terlambat=ya"), ("status",), ("status", "A", "B"), ("status", "AAA", "--wait", "terbang"),
    ("status", "AAA", "--timeout", "soon"), ("submit",), ("register", "f", "--nomor", "a b"), ("register", "f", "--time", "kemarin"), ("withdraw", "AAA"),
    ("withdraw", "AAA", "--alasan", ""), ("withdraw", "a b", "--alasan", "x"), ("review", "AAA"), ("review", "AAA", "setuju"), ("review", "AAA", "tolak"),
    ("review", "a b", "terima"), ("review", "AAA", "terima", "--revisi", "1"), ("review", "AAA", "terima", "--revisi", "0", "--putaran", "1"),
    ("token", "create"), ("token", "create", "--opd", "a b"), ("token", "create", "--opd", OPD, "--officer", "pk"), ("token", "create", "--officer", "Budi Santoso"),
    ("token", "create", "--officer", "-x"), ("token", "create", "--opd", OPD, "--expires", "soon"), ("token", "create", "--opd", "1.01,1.02", "--nama", "x"),
    ("token", "revoke"), ("token", "revoke", "abc"), ("officer", "add"), ("officer", "add", "a"), ("officer", "add", "Budi Santoso"), ("officer", "off"), ("opd", "load"),
    ("offsets", "set", "g", "t", "0"), ("offsets", "set", "g", "t", "x", "end"), ("offsets", "set", "g", "t", "0", "last"), ("dlq", "list", "--limit", "x"),
    ("dlq", "show"), ("dlq", "show", "x"), ("dlq", "show", "0"), ("dlq", "replay"), ("dlq", "replay", "x"), ("dlq", "replay", "1", "--code", "X"),
    ("jobs", "list", "--worker", "projector"), ("jobs", "list", "--state", "x"), ("jobs", "show"), ("jobs", "retry"), ("jobs", "retry", "A", "--all-parked"),
    ("jobs", "cancel", "A"), ("jobs", "cancel", "A", "--reason", ""), ("endpoint", "pause", "--until", "besok"), ("endpoint", "pause", "--reason", "a\nb"),
    ("topics", "create", "--partitions", "0"), ("topics", "create", "--print", "--opd", "a b"), ("topics", "check", "--print"), ("lag", "--timeout", "x"),
    ("example",), ("example", "widget"), ("calendar", "due", "2026-01-01"), ("calendar", "due", "kemarin", "2", "hari_kerja"),
    ("calendar", "due", "2026-01-01", "2", "bulan"), ("calendar", "due", "2026-01-01", "2", "detik", "--kalender"), ("calendar", "load"), ("migrate", "x"), ("report",),
    ("report", "--month", "2026-13"), ("report", "--month", "2026-1"), ("report", "--month", "2026-01-01"), ("report", "--month", "bulan-1"), ("forget", "A"), ("purge",),
    ("purge", "--older-than", "x"), ("verify", "A", "--topics"), ("rebuild", "x"), *((c,) for c in SUBCOMMANDS), *((c, "terbang") for c in SUBCOMMANDS),
], ids=" ".join)
def test_usage(words):
    said = bare.bad(USAGE, *words)
    if words and words[0] in SUBCOMMANDS and words[1:] in ((), ("terbang",)):
        assert said.split(": say one of: ")[1].split() == SUBCOMMANDS[words[0]]


@pytest.mark.parametrize("words", [("list",), ("status", "AAA"), ("lag",), ("token", "list"), ("officer", "list"), ("opd", "list"), ("offsets", "show"),
                                   ("dlq", "list"), ("dlq", "show", "1"), ("dlq", "replay", "1"), ("jobs", "list"), ("jobs", "show", "A"), ("jobs", "retry", "A"),
                                   ("jobs", "cancel", "A", "--reason", "x"), ("endpoint", "status"), ("endpoint", "pause"), ("migrate",), ("report", "--month", "2026-01"), ("token", "create", "--opd", OPD),
                                   ("officer", "add", "pk-09")], ids=" ".join)
def test_no_database(words):
    assert "conninfo" in bare.bad(CONFIG, *words)
    said = bare.bad(UNAVAILABLE, *words, BEDELAU_POSTGRES_CONNINFO="host=127.0.0.1 port=1 password=rahasia")
    assert "Postgres" in said and "rahasia" not in said


def test_no_schema_yet(ctl):
    said = ctl.bad(CONFIG, "list", BEDELAU_POSTGRES_SCHEMA="test_not_there")
    assert "migrate" in said and "test_not_there" in said


def test_no_kafka_setting(ctl):
    for words in (("topics", "check"), ("topics", "create"), ("offsets", "set", "g", "t", "0", "end"), ("lag",)):
        assert "bootstrap.servers" in ctl.bad(CONFIG, *words, without=["BEDELAU_KAFKA_BOOTSTRAP_SERVERS"])


def test_gateway_away_and_tokens(ctl):
    words = ("review", "AAA", "terima")
    assert "token is needed" in ctl.bad(CONFIG, *words, without=["BEDELAU_OFFICER_TOKEN"])
    assert "HTTP 401" in ctl.bad(CONFIG, *words, "--token", "bdl_unknown")
    assert "HTTP 404" in ctl.bad(NO, *words)
    assert "does not answer" in ctl.bad(UNAVAILABLE, *words, BEDELAU_GATEWAY_URL="http://127.0.0.1:1")
    said = ctl.bad(UNAVAILABLE, *words, "--gateway", "http://127.0.0.1:1", "--token", "rahasia")
    assert "rahasia" not in said


# ---- topics, migrate ----------------------------------------------------------------------------------------------------

def test_topics(line, ctl, audited):
    assert ctl.good("topics", "check", "--partitions", "2") == "8 topics are as they should be\n"
    assert ctl.json("topics", "check", "--partitions", "2") == []
    done = ctl.run("topics", "check", "--json")
    wrong = json.loads(done.stdout)
    assert done.returncode == NO and {(w["is"], w["should"]) for w in wrong} == {("2", "6")} and len(wrong) == 8
    done = ctl.run("topics", "check")
    assert done.returncode == NO and sorted(done.stdout.splitlines()) == sorted(f"{w['topic']}: {w['setting']} is 2, should be 6" for w in wrong)
    done = ctl.run("topics", "check", "--opd", "1.01.01", "--partitions", "2", "--json")
    assert done.returncode == NO and [w["topic"] for w in json.loads(done.stdout)] == [f"{line.prefix}.requests.1.01.01"]
    made = ctl.json("topics", "create", "--opd", "1.01.01", "--partitions", "2")
    assert [m["topic"] for m in made if m["made"]] == [f"{line.prefix}.requests.1.01.01"] and len(made) == 9
    assert ctl.good("topics", "create", "--opd", "1.01.01").count("was there") == 9
    assert audited() == [("topics create", line.prefix, "1 made")]


def test_topics_print():
    shell, told = bare.good("topics", "create", "--print", "--opd", "1.01.01"), bare.json("topics", "create", "--print", "--opd", "1.01.01")
    assert len(shell.splitlines()) == len(told) == 9
    for text, t in zip(shell.splitlines(), told):
        words = text.split()
        assert words[0] == "kafka-topics.sh" and words[words.index("--topic") + 1] == t["topic"]
        assert words[words.index("--partitions") + 1] == str(t["partitions"]) == "6"
        assert words[words.index("--replication-factor") + 1] == str(t["replication"]) == "3"
        assert dict(w.split("=") for w in words if "=" in w) == t["config"]
        assert t["config"]["min.insync.replicas"] == "2" and t["config"]["unclean.leader.election.enable"] == "false"
    assert {t["topic"]: t["config"]["cleanup.policy"] for t in told if t["config"]["cleanup.policy"] != "delete"} == {"bedelau.status": "compact"}


def test_migrate_again(line, ctl, audited):
    n = len(list((ROOT / "schemas/sql").glob("*.sql")))
    said = ctl.good("migrate")
    assert re.fullmatch(rf"schema {line.schema} is up to date: 0 of {n} migrations applied now, 0 of \d+ OPD new or changed\n", said)
    told = ctl.json("migrate")
    assert [m["applied"] for m in told["migrations"]] == [False] * n and told["opd"]["changed"] == 0
    assert audited() == []
    first = line.rows("select subject, detail from audit_log where action = 'migrate'")
    assert [(r["subject"], len(r["detail"].split())) for r in first] == [(line.schema, n)]
    assert "there is no folder" in ctl.bad(CONFIG, "migrate", "--schemas", "/nowhere")


# ---- people -------------------------------------------------------------------------------------------------------------

def test_token(line, ctl, audited):
    token = ctl.good("token", "create", "--opd", f"{OPD},1.01.01", "--label", "uji", "--expires", "90d").strip()
    assert re.fullmatch(r"bdl_[A-Za-z0-9_-]{43}", token)
    more = ctl.json("token", "create", "--officer", "pk-07")
    assert set(more) == {"token", "id"} and more["id"] == hashlib.sha256(more["token"].encode()).hexdigest()[:12]
    stored = line.rows("select *, expires_at - created_at as lives from token where hash = %s", hashlib.sha256(token.encode()).digest())
    assert [(r["kode_opd"], r["officer"], r["label"], r["revoked_at"], r["lives"].days) for r in stored] == [([OPD, "1.01.01"], None, "uji", None, 90)]
    id = hashlib.sha256(token.encode()).hexdigest()[:12]
    listed = ctl.good("token", "list") + json.dumps(both(ctl, "token", "list")) + repr(line.rows("select * from token, audit_log"))
    assert id in listed and more["id"] in listed and token not in listed and more["token"] not in listed
    assert json.loads(ctl.good("token", "revoke", "--json", id)) == [{"id": id}]
    assert "revoked already" in ctl.bad(NO, "token", "revoke", id)
    assert table(ctl.good("token", "revoke", more["token"])) == [{"id": more["id"]}]
    assert [r["revoked_at"] is None for r in both(ctl, "token", "list") if r["id"] in (id, more["id"])] == [False, False]
    two = {ctl.json("token", "create", "--opd", OPD, "--label", "berdua")["id"] for _ in range(2)}
    assert {r["id"] for r in ctl.json("token", "revoke", "--label", "berdua")} == two
    assert audited()[:4] == [("token create", id, f"{OPD},1.01.01"), ("token create", more["id"], "pk-07"), ("token revoke", id, None),
                             ("token revoke", more["id"], None)]
    assert {(a, s) for a, s, _ in audited()[4:]} == {("token create", t) for t in two} | {("token revoke", t) for t in two}
    done = ctl.run("token", "create", "--opd", "9.99.99")
    assert done.returncode == OK and "9.99.99 is not in the table" in done.stderr
    ctl.good("token", "create", "--opd", "9.99.98", "--nama", "Dinas Contoh")
    assert line.one("select nama_opd from opd where kode_opd = '9.99.98'") == "Dinas Contoh"


def test_officer(line, ctl, audited):
    assert ctl.good("officer", "add", "pk-11") == "pk-11 may review now\n" and ctl.good("officer", "add", "pk-11") == "pk-11 was there\n"
    assert ctl.json("officer", "add", "pk-12") == {"id": "pk-12", "changed": True} and not ctl.json("officer", "add", "pk-12")["changed"]
    assert ctl.good("officer", "off", "pk-11") == "pk-11 may not review any more\n"
    assert ctl.json("officer", "off", "pk-12") == {"id": "pk-12", "changed": True}
    assert "no active officer" in ctl.bad(NO, "officer", "off", "pk-11")
    assert {r["id"]: r["aktif"] for r in both(ctl, "officer", "list")}.items() >= {"pk-11": False, "pk-12": False, "pk-01": True}.items()
    assert ctl.json("officer", "add", "pk-11")["changed"]
    assert audited() == [("officer add", "pk-11", None), ("officer add", "pk-12", None), ("officer off", "pk-11", None), ("officer off", "pk-12", None),
                         ("officer add", "pk-11", None)]


def test_opd(line, ctl, audited, tmp_path):
    csv = tmp_path / "opd.csv"
    csv.write_text('kode_opd,nama_opd,peran\r\n8.01.01,"Dinas ""A"", B",\r\n8.01.02,Dinas C,diskominfo\n', encoding="utf-8")
    assert ctl.good("opd", "load", csv) == "2 OPD in the file, 2 new or changed\n"
    assert ctl.json("opd", "load", csv) == {"rows": 2, "changed": 0}
    listed = {r["kode_opd"]: r for r in both(ctl, "opd", "list")}
    assert listed["8.01.01"] == {"kode_opd": "8.01.01", "nama_opd": 'Dinas "A", B', "peran": ""} and listed["8.01.02"]["peran"] == "diskominfo"
    assert audited() == [("opd load", str(csv), "2 of 2 rows")]
    cases = ROOT / "tests/cases/pa20/good"
    assert bare.run("rules", "test", cases, "--opd", csv).returncode in (OK, NO)  # the validator can be started over it
    for text, word in (("kode_opd,nama_opd,peran\n8.01.03,Dinas D,\nx y,Dinas E,\n", "line 3"), ("a,b\n", "first line"), ("", "first line"),
                       ("kode_opd,nama_opd,peran\n8.01.03,Dinas D,\n8.01.03,Dinas E,\n", "line 3"), ("kode_opd,nama_opd,peran\n", "no department")):
        csv.write_text(text, encoding="utf-8")
        assert word in ctl.bad(NO, "opd", "load", csv)
        assert word in bare.bad(CONFIG, "rules", "test", cases, "--opd", csv)
    assert "cannot read" in ctl.bad(NO, "opd", "load", tmp_path / "none.csv")
    assert line.rows("select * from opd where kode_opd = '8.01.03'") == []  # all or nothing


# ---- requests -----------------------------------------------------------------------------------------------------------

def write(tmp_path, what):
    path = tmp_path / f"{secrets.token_hex(4)}.json"
    path.write_text(json.dumps(what), encoding="utf-8")
    return path


def test_submit(line, ctl, tmp_path):
    path = write(tmp_path, form(None, nama_sistem="Sistem lewat perintah"))
    nomor = ctl.good("submit", path).strip()
    assert re.fullmatch(r"BDL-20\d\d-\d{6}", nomor)
    told = ctl.json("submit", path)  # the same file again is the same request
    assert told["nomor_permohonan"] == nomor and told["source"] == f"/opd/{OPD}"
    assert ctl.json("submit", "-", stdin=path.read_text(encoding="utf-8")) == told
    assert ctl.good("submit", "--key", secrets.token_hex(8), path).strip() != nomor
    own = event("request.submitted", f"{OPD}-CT-E", form(f"{OPD}-CT-E"))
    assert ctl.json("submit", write(tmp_path, own))["id"] == own["id"]
    assert "HTTP 403" in ctl.bad(CONFIG, "submit", write(tmp_path, form("AAA", kode_opd="1.01.01")))
    assert "HTTP 422" in ctl.bad(NO, "submit", write(tmp_path, form("AAA") | {"token": "rahasia"}))
    for text, word in (("{", "not JSON"), ("[]", "no JSON object"), ('{"a":1,"a":2}', "twice")):
        assert word in ctl.bad(NO, "submit", "-", stdin=text)
    assert "cannot read" in ctl.bad(NO, "submit", tmp_path / "none.json")


def test_register_review_withdraw(line, ctl, tmp_path):
    nomor = f"{OPD}-CT-R"
    data = {k: FORM[k] for k in ("kode_opd", "dasar_pengajuan", "nomor_surat", "tanggal_surat", "perihal")}
    path = write(tmp_path, data)
    assert "--nomor is needed" in ctl.bad(USAGE, "register", path)
    at = "2025-10-06T08:00:00+07:00"
    assert ctl.good("register", path, "--nomor", nomor, "--time", at).strip() == nomor
    assert ctl.good("status", nomor, "--wait", "terdaftar", "--timeout", "30s").startswith(f"{nomor}: terdaftar")
    again = ctl.json("register", path, "--nomor", nomor, "--time", at)
    assert line.one("select count(*) from event where id = %s", again["id"]) == 1  # said again it is the same
    whole = event("request.registered", f"{OPD}-CT-W", data)
    assert ctl.json("register", write(tmp_path, whole), "--nomor", f"{OPD}-CT-W2")["nomor_permohonan"] == f"{OPD}-CT-W2"
    assert "is no id.go.batam" in ctl.bad(NO, "register", write(tmp_path, {**whole, "type": "x"}))
    assert "no kode_opd" in ctl.bad(NO, "register", write(tmp_path, {}), "--nomor", "AAA")

    for word, status, catatan in (("kembalikan", "dikembalikan", ["--catatan", "Lengkapi lampiran."]), ("terima", "selesai", []), ("tolak", "ditolak", ["--catatan=Tidak sesuai."])):
        one = f"{OPD}-CT-{word.upper()}"
        ctl.good("submit", write(tmp_path, form(one)))
        harness.eventually(lambda: line.checks(one), what="it waits for the officer")
        ctl.good("status", one, "--wait", "diperiksa", "--timeout", "30s")
        told = ctl.json("review", one, word, *catatan)
        assert (told["source"], told["revisi"]) == ("/bedelau/gateway", 1)
        assert ctl.good("status", one, "--wait", status, "--timeout", "30s").startswith(f"{one}: {status}")
    assert "pk-01" in json.dumps(line.checks(f"{OPD}-CT-TOLAK"))

    ctl.good("submit", write(tmp_path, form(nomor)))
    ctl.good("status", nomor, "--wait", "diperiksa", "--timeout", "30s")
    assert ctl.good("withdraw", nomor, "--alasan", "Tidak jadi").strip() == nomor
    ctl.good("status", nomor, "--wait", "dibatalkan", "--timeout", "30s")
    assert "HTTP 404" in ctl.bad(NO, "withdraw", "NOT-THERE", "--alasan", "x")
    assert ctl.json("withdraw", "NOT-THERE", "--alasan", "x", "--opd", OPD)["nomor_permohonan"] == "NOT-THERE"


def test_status(line, ctl, tmp_path):
    nomor = f"{OPD}-CT-S"
    assert "nothing is known" in ctl.bad(NO, "status", nomor)
    ctl.good("submit", write(tmp_path, form(nomor, email_pemohon="budi@mail.example")))
    harness.eventually(lambda: line.checks(nomor), what="checked")
    ctl.good("status", nomor, "--wait", "dikembalikan,diperiksa", "--timeout", "30s")
    line.await_quiet()
    assert f"{nomor} is" in ctl.bad(UNAVAILABLE, "status", nomor, "--wait", "selesai,ditolak", "--timeout", "200ms")
    text, told = ctl.good("status", nomor), ctl.json("status", nomor)
    row = line.request(nomor)
    assert told["status"] == row["status"] and text.startswith(f"{nomor}: {told['status']}\n")
    printed = dict(re.findall(r"^  (\w+) {2,}(\S.*)$", text, re.M))
    for name in ("giliran", "revisi", "putaran", "kode_opd", "nama_opd", "nama_sistem", "submitted_at", "updated_at"):
        assert same(printed[name], told[name]), name
    assert [(c["tahap"], c["status"]) for c in told["clock"]] == re.findall(r"^    revisi 1  (\w+) +(\w+)", text, re.M)
    assert [t["kode"] for t in told["temuan"]] == [c for c in re.findall(r"^    (\S+) /", text, re.M)] != []
    story, told = ctl.good("status", nomor, "--timeline"), ctl.json("status", nomor, "--timeline")
    assert len(told["timeline"]) == len(re.findall(r"^\d{4}-", story, re.M)) == line.one(
        "select count(*) from event where subject = %s and type not like %s", nomor, "%.status.changed.v1")
    assert [t["peristiwa"] for t in told["timeline"]] == re.findall(r"^\S+ \S+ WIB  (\S+)", story, re.M)
    for value in (FORM["nama_pemohon"], FORM["nip_pemohon"], FORM["telepon_pemohon"], "budi@mail.example"):
        assert value not in text + story + json.dumps(told)


def test_list(line, ctl, tmp_path):
    names = [f"{OPD}-CT-L{i}" for i in range(3)]
    for nomor in names:
        ctl.good("submit", write(tmp_path, form(nomor)))
    for nomor in names:
        ctl.good("status", nomor, "--wait", "diperiksa", "--timeout", "30s")
    line.await_quiet()
    rows = both(ctl, "list")
    assert {r["nomor_permohonan"] for r in rows} == {r["nomor_permohonan"] for r in line.rows("select * from request where status is not null")}
    assert [r["updated_at"] for r in rows] == sorted((r["updated_at"] for r in rows), reverse=True)
    assert both(ctl, "list", "--limit", "2") == rows[:2]
    assert set(names) <= {r["nomor_permohonan"] for r in both(ctl, "list", "--status", "diperiksa", "--opd", OPD)}
    assert {r["status"] for r in both(ctl, "list", "--status", "diperiksa")} == {"diperiksa"}
    assert both(ctl, "list", "--opd", "1.01.01") == [] and ctl.good("list", "--opd", "1.01.01").split()[0] == "nomor_permohonan"
    assert both(ctl, "list", "--terlambat") == [r for r in rows if r["terlambat"]]
    assert json.loads(ctl.good("--json", "list")) == ctl.json("list")  # either place will do


@pytest.mark.parametrize("kind, method", [("api", "api"), ("sso", "sso"), ("tautan", "tautan")])
def test_example(line, ctl, kind, method):
    """What it prints is a form that is accepted as it is."""
    text = ctl.good("example", kind)
    assert json.loads(text) == ctl.json("example", kind) and method in json.loads(text)["metode_integrasi"]
    changed = {**json.loads(text), "nama_sistem": f"Contoh {kind}", "kode_opd": OPD, "nama_opd": FORM["nama_opd"],
               "jabatan_pemohon": FORM["jabatan_pemohon"]}  # some posts are Diskominfo's alone
    nomor = ctl.good("submit", "-", stdin=json.dumps(changed)).strip()
    check, = harness.eventually(lambda: line.checks(nomor), what="checked")
    assert check["putusan"] == "menunggu_pemeriksa" and [t for t in check["temuan"] if t["tingkat"] == "E"] == []


# ---- Kafka --------------------------------------------------------------------------------------------------------------

def test_lag(line, ctl, tmp_path):
    line.await_quiet()
    told = ctl.json("lag")
    assert {g["group"] for g in told["groups"]} == {f"{line.prefix}-{w}" for w in harness.WORKERS}
    assert {(g["lag"], g["oldest_age_ms"]) for g in told["groups"]} == {(0, None)}
    assert {(o["worker"], o["waiting"]) for o in told["outbox"]} == {(w, 0) for w in harness.WORKERS}
    assert line.terminate("projector") == 0
    for i in range(4):
        ctl.good("submit", write(tmp_path, event("request.withdrawn", f"{OPD}-CT-LAG{i}", {"alasan": "x"})))
    mine = next(g["group"] for g in told["groups"] if g["group"].endswith("projector"))
    others = [g["group"] for g in told["groups"] if g["group"] != mine]
    harness.eventually(lambda: {g["group"]: g["lag"] for g in ctl.json("lag")["groups"]}, lambda lag: lag[mine] >= 4 and not any(lag[g] for g in others),
                       what="the others have read")
    # a worker may come upon a department's own topic at any moment: the words are held against what stood before and after them
    names = lambda told: {(p["group"], p["topic"], p["partition"]) for p in told["partitions"]}
    _, text, told = harness.eventually(lambda: (ctl.json("lag"), ctl.good("lag"), ctl.json("lag")), lambda got: names(got[0]) == names(got[2]),
                                       what="the same topics before and after")
    group = next(g for g in told["groups"] if g["group"] == mine)
    assert group["lag"] == sum(p["lag"] for p in told["partitions"] if p["group"] == mine) and 0 < group["oldest_age_ms"] < 60000
    # in words: how much, and how long the oldest has waited
    said = re.search(rf"^  {re.escape(mine)} +(\d+)  (.+)$", text.split("per group")[1], re.M)
    assert int(said[1]) == group["lag"] and re.fullmatch(r"\d+ (ms|s)|1 min( \d+ s)?", said[2])
    for p in told["partitions"]:
        n, end = "beginning" if p["next_offset"] is None else p["next_offset"], p["log_end"]
        assert re.search(rf"^{re.escape(p['group'])} +{re.escape(p['topic'])} +{p['partition']} +{n} +{end} +{p['lag']}  ", text, re.M), p
    line.start("projector")
    line.await_quiet()


def test_offsets(line, ctl, audited):
    topic, group = f"{line.prefix}.requests", f"{line.prefix}-nobody"
    names = ("consumer_group", "topic", "partition", "next_offset")
    harness.eventually(lambda: ({tuple(r[n] for n in names) for r in both(ctl, "offsets", "show")},
                                {tuple(r.values()) for r in line.rows(f"select {', '.join(names)} from consumer_offset")}),
                       lambda got: got[0] and got[0] == got[1], 20, "what is shown is what is stored")
    assert both(ctl, "offsets", "show", "--group", group) == []
    end = next(p["log_end"] for p in ctl.json("lag")["partitions"] if (p["topic"], p["partition"]) == (topic, 1))
    assert end > 1
    words = ("offsets", "set", group, topic, 1)
    assert ctl.good(*words, "beginning") == f"{group} reads {topic} partition 1 from the beginning on\n"
    assert ctl.good(*words, "1") == f"{group} reads {topic} partition 1 from 1 on\n"
    assert ctl.json(*words, "end") == {"consumer_group": group, "topic": topic, "partition": 1, "next_offset": end}
    assert [(r["next_offset"], r["generation"]) for r in both(ctl, "offsets", "show", "--group", group)] == [(end, 3)]
    assert "holds offsets 0 to" in ctl.bad(NO, *words, end + 1)
    assert "there is no" in ctl.bad(NO, "offsets", "set", group, topic, 99, "end")
    assert "there is no" in ctl.bad(NO, "offsets", "set", group, f"{line.prefix}.none", 0, "end")
    subject = f"{group} {topic} 1"
    assert audited() == [("offsets set", subject, "beginning"), ("offsets set", subject, "1"), ("offsets set", subject, str(end))]
    line.rows("delete from consumer_offset where consumer_group = %s", group)


def test_offsets_set_under_a_running_worker(line, ctl):
    """Who reads the partition is put off it and goes on from where it was set: nothing is applied twice."""
    line.await_quiet()
    before = line.rows("select source, id from event order by seq")
    row = next(r for r in ctl.json("offsets", "show") if r["consumer_group"].endswith("projector") and r["topic"].endswith(".requests") and r["next_offset"])
    ctl.good("offsets", "set", row["consumer_group"], row["topic"], row["partition"], "beginning")
    line.submit(f"{OPD}-CT-AGAIN")
    for i in range(8):  # some of each partition, so that the worker commits there and learns
        line.send("requests", event("request.withdrawn", f"{OPD}-CT-AGAIN{i}", {"alasan": "x"}))
    line.flush()
    harness.eventually(lambda: line.one("select count(*) from event where subject like %s", f"{OPD}-CT-AGAIN%"), lambda n: n >= 9, what="read on")
    line.await_quiet()
    harness.every_event_once(line)
    assert line.rows("select source, id from event order by seq")[:len(before)] == before


def test_dlq(line, ctl):
    line.send("requests", "not JSON", key="AAA")
    line.send("callbacks", "neither", key="AAA")
    line.flush()
    harness.eventually(lambda: line.one("select count(*) from dead_letter"), lambda n: n >= 2, what="set aside")
    rows = both(ctl, "dlq", "list")
    assert {(r["worker"], r["topic"], r["partition"], r["kafka_offset"], r["code"]) for r in rows} == {
        tuple(r.values()) for r in line.rows("select worker, topic, partition, kafka_offset, code from dead_letter")}
    mine = both(ctl, "dlq", "list", "--worker", "integrator")
    assert mine == [r for r in rows if r["worker"] == "integrator"] and mine[0]["topic"] == f"{line.prefix}.callbacks"
    assert both(ctl, "dlq", "list", "--limit", "1") == rows[:1] and both(ctl, "dlq", "list", "--worker", "nobody") == []


# ---- the calendar -------------------------------------------------------------------------------------------------------

def test_calendar_check(tmp_path):
    text, told = bare.run("calendar", "check"), bare.run("calendar", "check", "--json")
    findings = json.loads(told.stdout)
    assert text.returncode == told.returncode == (NO if findings["wrong"] else OK)
    assert findings["wrong"] == sum(f["wrong"] for f in findings["findings"]) == text.stdout.count("wrong: ")
    assert [f["text"] for f in findings["findings"]] == [line.split(": ", 1)[1] for line in text.stdout.splitlines()[:-1]]
    csv = tmp_path / "kalender.csv"
    csv.write_text("tanggal,hari,jenis,keterangan\n2020-01-01,Kamis,libur_nasional,Tahun Baru\n2020-01-01,Rabu,libur_nasional,Tahun Baru\n", encoding="utf-8")
    done = bare.run("calendar", "check", csv, "--json")
    flaws = [(f["flaw"], f["line"]) for f in json.loads(done.stdout)["findings"]]
    assert done.returncode == NO and {("wrong_weekday", 2), ("duplicate", 3)} <= set(flaws) and ("year_missing", 0) in flaws
    csv.write_text("tanggal\n", encoding="utf-8")
    bare.bad(NO, "calendar", "check", csv)
    assert "cannot read" in bare.bad(NO, "calendar", "check", tmp_path / "none.csv")


@pytest.mark.parametrize("start, n, unit, due", [
    ("2026-01-02", 1, "hari_kerja", "2026-01-06T00:00:00+07:00"),  # a Friday: the next working day is Monday
    ("2026-01-02T23:59:59+07:00", 1, "hari_kerja", "2026-01-06T00:00:00+07:00"),
    ("2026-01-02T17:00:00Z", 1, "hari_kerja", "2026-01-06T00:00:00+07:00"),  # Saturday in WIB
    ("2025-12-24", 2, "hari_kerja", "2025-12-31T00:00:00+07:00"),  # 25 holiday, 26 shared leave, 27 and 28 weekend
    ("2026-01-02", 3, "hari_kalender", "2026-01-06T00:00:00+07:00"),
    ("2026-01-02T10:00:00+07:00", 90, "detik", "2026-01-02T10:01:30+07:00"),
])
def test_calendar_due(start, n, unit, due):
    told = bare.json("calendar", "due", start, n, unit)
    assert (told["batas"], told["n"], told["satuan"]) == (due, n, unit)
    assert f"before {due[:10]} {due[11:19]} WIB (" in bare.good("calendar", "due", start, n, unit)


def test_calendar_as_configured(tmp_path):
    """[sop] schemas and calendar: the list that the deadline worker reads."""
    (tmp_path / "data").mkdir()
    csv, conf = tmp_path / "data/kota.2026.csv", tmp_path / "bedelau.conf"
    csv.write_text("tanggal,hari,jenis,keterangan\n2026-01-05,Senin,libur_nasional,Hari Kota\n", encoding="utf-8")
    conf.write_text(f"[sop]\nschemas = {tmp_path}\ncalendar = data/kota.2026.csv\n", encoding="utf-8")
    words = ("calendar", "due", "2026-01-02", 1, "hari_kerja")
    told = bare.json("-c", conf, *words)
    assert (told["kalender"], told["batas"]) == ("kota", "2026-01-07T00:00:00+07:00")
    assert json.loads(bare.run("-c", conf, "calendar", "check", "--json").stdout)["calendar"] == "kota"
    assert bare.json(*words, BEDELAU_SOP_CALENDAR=str(csv))["kalender"] == "kota"  # absolute
    assert bare.json(*words)["kalender"] == "kalender_id_2024_2027"
    csv.unlink()
    assert f"cannot read {csv}" in bare.bad(NO, "-c", conf, "calendar", "check")
    conf.write_text("[sop]\nkalender = x\n", encoding="utf-8")
    assert "kalender" in bare.bad(CONFIG, "-c", conf, "calendar", "check")


def test_calendar_due_beyond_the_data():
    assert "no data for the year 2031" in bare.bad(NO, "calendar", "due", "2031-01-02", 1, "hari_kerja")


# ---- at last ------------------------------------------------------------------------------------------------------------

def test_kafka_away(line):
    out, err = line.waits.communicate(timeout=30)
    assert line.waits.returncode == UNAVAILABLE and out == "" and "Kafka does not answer" in err


def test_actor_is_who_ran_it(line, ctl, monkeypatch):
    ctl.good("officer", "add", "pk-21", SUDO_USER="siti")
    assert line.one("select actor from audit_log where subject = 'pk-21'") == "siti"
    ctl.good("officer", "off", "pk-21")
    try:
        login = os.getlogin()
    except OSError:
        login = getpass.getuser()
    assert line.one("select actor from audit_log where subject = 'pk-21' and action = 'officer off'") == login
