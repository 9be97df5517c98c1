"""A record as three years of the SOP leave it (record.sql), and what is asked of its views: for the stage `views`, and for the
test that looks at the plans."""

import os
import pathlib
import re

MANY = int(os.environ.get("BENCH_REQUESTS", "200000"))
FILL = (pathlib.Path(__file__).parent / "record.sql").read_text(encoding="utf-8")


def fill(cursor, n=MANY):
    """Into the empty schema that the connection's search_path names."""
    cursor.execute(re.sub(r":n\b", str(n), FILL))


def ask(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchone()[0]


COUNTS = {
    "open": "select count(*) from request where terbuka",
    "running": "select count(*) from clock where berakhir is null",
    "late": "select count(*) from clock where lewat",
    "calls": "select count(*) from attempt_integrator a join (select distinct nomor_permohonan as n from clock where lewat) c on split_part(a.key, ':', 1) = c.n",
    "sums": "select (select count(*) from rekap) + (select count(*) from rekap_langkah)",
    "odd": "select count(*) from v_anomali",
    "events": "select count(*) from event"}


def counts(cursor):
    """How much there is of what the views are about."""
    return {name: ask(cursor, sql) for name, sql in COUNTS.items()}


# What is asked, and how many rows of tables may be read for it at most.
ASKED = {
    "v_timeline of one request": ("select * from v_timeline where nomor_permohonan = '{one}' order by waktu, seq", lambda n: 100),
    "v_kontak of one request": ("select * from v_kontak where nomor_permohonan = '{one}'", lambda n: 100),
    "v_antrean": ("select * from v_antrean", lambda n: n["open"]),
    "v_antrean of a department": ("select * from v_antrean where kode_opd = '{opd}'", lambda n: n["open"]),
    "v_antrean, 50 for officers": ("select * from v_antrean where giliran = 'pranata_komputer' limit 50", lambda n: n["open"]),
    "v_terlambat": ("select * from v_terlambat", lambda n: 2 * n["late"] + n["calls"]),
    "v_terlambat of a department": ("select * from v_terlambat where kode_opd = '{opd}'", lambda n: 2 * n["late"] + n["calls"]),
    "v_terlambat, not ended": ("select * from v_terlambat where giliran <> 'selesai'", lambda n: 2 * n["late"] + n["calls"]),
    "v_prakiraan": ("select * from v_prakiraan", lambda n: n["open"] + n["running"]),
    "v_prakiraan, who will be late": ("select * from v_prakiraan where akan_terlambat", lambda n: n["open"] + n["running"]),
    "v_rekap_opd": ("select * from v_rekap_opd", lambda n: n["sums"]),
    "v_rekap_opd of a month": ("select * from v_rekap_opd where bulan = '{month}'", lambda n: n["sums"] // 20),
    "v_rekap_opd of a department": ("select * from v_rekap_opd where kode_opd = '{opd}'", lambda n: n["sums"]),
    "v_rekap_bulanan": ("select * from v_rekap_bulanan", lambda n: n["sums"]),
    "v_rekap_bulanan of a month": ("select * from v_rekap_bulanan where bulan = '{month}'", lambda n: n["sums"] // 20),
    "v_anomali": ("select * from v_anomali", lambda n: n["open"] + n["running"] + 3 * n["odd"]),
    "v_hari_kerja": ("select * from v_hari_kerja", lambda n: 10)}


def questions(cursor, n):
    """{what: (sql, rows)} for the record that is there; `n`: its counts."""
    about = {"one": ask(cursor, "select nomor_permohonan from clock where lewat and tahap = 'integrasi' order by 1 limit 1"), "opd": "1.07.01",
             "month": ask(cursor, "select bulan from rekap order by bulan desc offset (select count(*) / 2 from rekap) limit 1")}
    return {what: (sql.format(**about), most(n) + 200) for what, (sql, most) in ASKED.items()}
