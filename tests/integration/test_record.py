"""The record against its log: what verify finds, and what rebuild puts right."""
import json

import harness
import pytest
from harness import OPD, event, eventually, held_up, proved

SEVERAL = 24


def nomor_of(i):
    return f"{OPD}-R-{i:04d}"


def tell(p, numbers):
    """Requests of several kinds: accepted, returned and mended, taken back, only registered."""
    for i in numbers:
        nomor = nomor_of(i)
        p.send("requests", event("request.registered", nomor, {
            "kode_opd": OPD, "dasar_pengajuan": "surat_dinas", "nomor_surat": f"1/{i}", "tanggal_surat": harness.day(-7),
            "perihal": "uji"}))
        if i % 4 == 1:
            p.submit(nomor, perihal=None)
            p.submit(nomor, revisi=2)
        elif i % 4:
            p.submit(nomor)
        if i % 4 == 2:
            p.send("requests", event("request.withdrawn", nomor, {"alasan": "tidak jadi"}))
    p.flush()


def at_rest(pipeline, several):
    """A pipeline with so many requests at rest, with their clocks."""
    p = pipeline(**harness.FAST)
    p.start(*harness.WORKERS)
    tell(p, range(several))
    p.await_quiet()
    return p


@pytest.fixture
def p(pipeline):
    return at_rest(pipeline, SEVERAL)


def verify(p, *words):
    """(exit code, the proof)"""
    done = p.ctl_run("verify", "--json", *words)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def found(proof):
    return {(d["nomor_permohonan"], d["place"], d["what"], d["columns"]) for d in proof["differences"]}


def flaws(proof):
    return {(f["nomor_permohonan"], f["what"]) for f in proof["flaws"] if "nomor_permohonan" in f}


def content(p):
    """Every row of the projection, `versi` and the stored facts aside."""
    return [r["row"] for r in p.rows("select (to_jsonb(x) - 'versi' - 'fakta')::text as row from request x union all"
                                     " select to_jsonb(c)::text from clock c order by 1")]


def versions(p):
    return {r["nomor_permohonan"]: r["versi"] for r in p.rows("select nomor_permohonan, versi from request")}


def test_all_is_proved(p):
    assert proved(p)["requests"] == SEVERAL
    one = verify(p, nomor_of(1))[1]
    assert (one["same"], one["requests"]) == (True, 1) and one["facts"] > 8
    said = p.ctl("verify")
    assert "The record is what its log says." in said and f"{SEVERAL} requests" in said


# who meddles, with rights that no program of ours has; what is found: (differences, flaws)
MEDDLING = [
    ("update request set status = 'selesai', terlambat = true where nomor_permohonan = %s", 0,
     {("request", "different", "status terlambat")}, set()),
    ("delete from request where nomor_permohonan = %s", 1, {("request", "missing", None)}, set()),
    ("update clock set batas = batas + interval '1 day' where nomor_permohonan = %s and tahap = 'pengajuan'", 2,
     {("clock", "different", "batas")}, set()),
    ("delete from clock where nomor_permohonan = %s and tahap = 'pengajuan'", 3, {("clock", "missing", None)}, set()),
    ("insert into clock select 'X', revisi, tahap, mulai, batas, satuan, status, berakhir, hari_terpakai, kalender, urutan"
     " from clock where nomor_permohonan = %s and tahap = 'pengajuan'", 6, {("clock", "unfounded", None)}, set()),
    # the log itself
    ("update event set data = replace(data, 'uji', 'lain') where subject = %s and type like '%%registered%%'", 4, set(),
     {"altered_data"}),
    ("update event set data = replace(data, 'uji', 'lain'), data_hash = sha256(convert_to(replace(data, 'uji', 'lain'), 'UTF8'))"
     " where subject = %s and type like '%%registered%%'", 8, set(), {"broken_chain"}),
    ("update event set append_at = append_at - interval '1 day' where subject = %s and type like '%%registered%%'", 5, None, {"broken_chain"}),
    ("insert into event (source, id, type, subject, effective_at, topic, partition, kafka_offset, append_at, data, data_hash)"
     " select source, id || 'x', type, subject, effective_at, topic, partition, kafka_offset, append_at, data, data_hash from event"
     " where subject = %s and type like '%%registered%%'", 9, None, {"without_link"}),
    ("delete from event where seq = (select min(seq) from event where subject = %s)", 12, None, {"broken_chain"}),
    ("delete from event where seq = (select max(seq) from event where subject = %s)", 16, None, set()),
    ("update event set source = '/opd/9.99' where subject = %s and type like '%%registered%%'", 20, None, {"broken_chain"}),
]


def test_meddling_is_found(p):
    for sql, i, differ, flawed in MEDDLING:
        assert p.rows(sql + " returning 1", nomor_of(i)), sql
    code, proof = verify(p)
    assert code == 1 and not proof["same"]
    for sql, i, differ, flawed in MEDDLING:
        of_it = {d[1:] for d in found(proof) if d[0] == nomor_of(i) or (d[0] == "X" and "'X'" in sql)}
        assert differ is None or differ <= of_it, (sql, of_it)
        assert {f for n, f in flaws(proof) if n == nomor_of(i)} == flawed, sql
    # the last fact gone: the chain's head stands in the request's row, and the topic still has the record
    assert any(d[0] == nomor_of(16) and "chain" in (d[3] or "") for d in found(proof))
    beside = [f["what"] for f in verify(p, "--topics")[1]["flaws"] if "nomor_permohonan" not in f]
    # two deleted, one under another's name; one that was altered with its hash; one more fact than ids, two less
    assert sorted(beside) == ["ids_without_fact", "not_recorded", "not_recorded", "not_recorded", "other_data"]
    untouched = {nomor_of(i) for i in range(SEVERAL)} - {nomor_of(m[1]) for m in MEDDLING}
    assert not untouched & {d[0] for d in found(proof)} and untouched


def test_who_may_write_everything_is_found_by_the_topics(p):
    nomor = nomor_of(0)
    p.rows("update event set data = replace(data, 'uji', 'lain'), data_hash = sha256(convert_to(replace(data, 'uji', 'lain'), 'UTF8'))"
           " where subject = %s and type like '%%registered%%'", nomor)
    p.rows("update event e set chain = c.chain from (select seq, event_chain(x) over (order by seq) as chain from event x where subject = %s) c"
           " where e.seq = c.seq", nomor)
    p.rows("update request set chain = (select chain from event where subject = nomor_permohonan order by seq desc limit 1) where nomor_permohonan = %s", nomor)
    assert verify(p)[1]["same"]
    assert [f["what"] for f in verify(p, "--topics")[1]["flaws"]] == ["other_data"]
    unknown = p.ctl_run("verify", "TIDAK-ADA")
    assert unknown.returncode == 1 and "no fact" in unknown.stderr


def test_rebuild_puts_it_right(p):
    everything, before, told = content(p), versions(p), len(p.events("status"))
    assert p.ctl_run("rebuild").returncode == 0
    assert content(p) == everything and versions(p) == before
    p.rows("update request set status = 'x', versi = versi + 100, sidik = 0 where nomor_permohonan < %s", nomor_of(4))
    p.rows("delete from request where nomor_permohonan > %s", nomor_of(19))
    p.rows("insert into request (nomor_permohonan, status) values ('X', 'selesai')")
    p.rows("delete from clock")
    said = json.loads(p.ctl("rebuild", "--json"))
    assert said["requests"] == SEVERAL and said["flaws"] == 0 and said["changed"] > SEVERAL
    assert content(p) == everything
    after = versions(p)
    assert all(after[n] == v + (100 if n < nomor_of(4) else 0) for n, v in before.items() if n <= nomor_of(19))
    assert all(after[n] >= 1 for n in before)
    assert len(p.events("status")) == told and p.one("select count(*) from outbox_projector") == 0
    assert p.one("select count(*) from audit_log where action = 'rebuild'") == 2
    proved(p)


def test_rebuild_beside_a_load_and_after_kills(p):
    """The old tables serve and are written meanwhile; everything is killed in the middle; the same comes out."""
    for round in range(4):
        tell(p, range(SEVERAL + 100 * round, SEVERAL + 100 * round + 60))
        assert p.ctl_run("rebuild").returncode == 0
        if round % 2:
            for name in harness.WORKERS:
                p.kill(name)
            # whatever a dying program's last transaction still brings, log and tables have it both or not at all
            assert json.loads(p.ctl("rebuild", "--json"))["changed"] == 0
            p.start(*harness.WORKERS)
    p.await_quiet()
    assert proved(p)["requests"] == SEVERAL + 4 * 60
    was, before = content(p), versions(p)
    assert json.loads(p.ctl("rebuild", "--json"))["changed"] == 0
    assert content(p) == was and versions(p) == before


def hashes(p):
    """One for each request: all of its columns but `versi`, and its clocks."""
    return {r["nomor_permohonan"]: r["hash"] for r in p.rows(
        "select nomor_permohonan, md5((to_jsonb(r) - 'versi')::text || coalesce((select string_agg(to_jsonb(c)::text, ' ' order by"
        " revisi, tahap) from clock c where c.nomor_permohonan = r.nomor_permohonan), '')) as hash from request r")}


def test_the_same_hash_after_everything_was_killed(p):
    """All programs are killed three times in the middle of a load, and rebuild too; nobody can tell from the record."""
    load = 3 * 120
    for part in range(3):
        before = p.one("select count(*) from event")
        tell(p, range(100 + 120 * part, 100 + 120 * part + 120))
        eventually(lambda n=before: p.one("select count(*) from event") - n, lambda n: n > 150, what="work under way")
        for name in harness.WORKERS:
            p.kill(name)
        p.start(*harness.WORKERS, wait=False)
    p.await_quiet()
    was, before = hashes(p), versions(p)
    assert len(was) == SEVERAL + load and proved(p)["requests"] == len(was)
    for table, words in (("request", ()), ("rekap", ()), ("rekap", ("--from-kafka",))):
        held_up(p, table, *words)
        assert (hashes(p), versions(p)) == (was, before)
    assert json.loads(p.ctl("rebuild", "--json"))["changed"] == 0
    assert (hashes(p), versions(p)) == (was, before)
    # and from nothing, by either way; the facts behind a row may stand in another order
    rows = content(p)
    for words in ((), ("--from-kafka",)):
        p.rows("truncate request, clock, rekap")
        p.ctl("rebuild", *words)
        assert content(p) == rows
    proved(p)
