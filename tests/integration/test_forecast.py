"""The forecast: what view v_prakiraan and the gauges say of clocks that are written straight into the record, against
expectations that are counted here by hand, in working days from today."""
import datetime
import re

import harness
import oracle
import pytest
from oracle import WIB

CALENDAR = oracle.Calendar()
MINUTE = datetime.timedelta(minutes=1)


def today():
    return datetime.datetime.now(WIB).date()


def working_days(step, n):
    """The first n working days after (1) or before (-1) today."""
    day, found = today(), []
    while len(found) < n:
        day += datetime.timedelta(step)
        if CALENDAR.working(day):
            found.append(day)
    return found


def noon(day):
    return datetime.datetime.combine(day, datetime.time(12), WIB)


def due(n):
    """The end of a clock that has n working days left after today."""
    day = working_days(1, n)[-1] if n else today()
    return datetime.datetime.combine(day + datetime.timedelta(1), datetime.time(0), WIB)


class Record:
    """Rows as the projector writes them."""

    def __init__(self, p):
        self.p, self.n = p, 0

    def clock(self, tahap, batas, mulai=None, berakhir=None, status="berjalan", satuan="hari_kerja", giliran="pranata_komputer"):
        self.n += 1
        nomor = f"U-{self.n:06}"
        self.p.rows("insert into request (nomor_permohonan, status, giliran, kode_opd, nama_opd, nama_sistem) values (%s, 'diperiksa', %s,"
                    " '1.02.01', 'Dinas Kesehatan', 'Sistem uji')", nomor, giliran)
        self.p.rows("insert into clock values (%s, 1, %s, %s, %s, %s, %s, %s, 0, 'uji', 1)", nomor, tahap,
                    mulai or noon(today()) - 30 * 24 * 60 * MINUTE + self.n * MINUTE, batas, satuan, status, berakhir)
        return nomor

    def finished(self, tahap, day, n, took=60 * MINUTE, status="terpenuhi"):
        for _ in range(n):
            self.clock(tahap, noon(day), noon(day) - took, noon(day), status, giliran="selesai")

    def forecast(self):
        return {r["nomor_permohonan"]: r for r in self.p.rows("select * from v_prakiraan")}


@pytest.fixture
def record(pipeline):
    return Record(pipeline(standin=False))


# ---- what is known ---------------------------------------------------------------------------------------------------


def test_nothing_known(record):
    """Without a history nothing is called late that is not, and nothing in time."""
    open_ = record.clock("pemeriksaan", due(2))
    at_bedelau = record.clock("integrasi", due(20), giliran="bedelau")
    with_them = record.clock("perbaikan", due(3), giliran="pemohon")
    letter = record.clock("pengajuan", due(1), giliran="pemohon")
    gone = record.clock("pemeriksaan", due(1) - datetime.timedelta(days=9), status="terlewat")
    record.clock("pemeriksaan", due(1), berakhir=noon(today()), status="dihentikan")
    got = record.forecast()
    assert set(got) == {open_, at_bedelau, with_them, letter, gone}
    for nomor, left, ahead in ((open_, 2, 0), (at_bedelau, 20, 0), (with_them, 3, None), (letter, 1, None)):
        row = got[nomor]
        assert (row["sisa"], row["satuan"], row["di_depan"]) == (left, "hari_kerja", ahead)
        assert (row["laju"], row["perkiraan_selesai"], row["akan_terlambat"]) == (None, None, None)
    assert got[gone]["akan_terlambat"] is True and got[gone]["sisa"] == 0
    assert (got[open_]["kode_opd"], got[open_]["nama_opd"], got[open_]["giliran"]) == ("1.02.01", "Dinas Kesehatan", "pranata_komputer")


def test_the_queue_of_officers(record):
    """20 working days with 4 decisions each; 10 forms wait: four today (or the next working day), four the day after, two then."""
    days = working_days(-1, 21)
    for day in days[:20]:
        record.finished("pemeriksaan", day, 3)
        record.finished("pemeriksaan", day, 1, status="ditangguhkan")
        record.finished("pemeriksaan", day, 50, took=MINUTE)  # the system's own: no officer is faster for it
    record.finished("pemeriksaan", days[20], 99)  # too long ago to count
    record.finished("pemeriksaan", today(), 99)  # today is not over
    waiting = [record.clock("pemeriksaan", due(1)) for _ in range(10)]
    works = CALENDAR.working(today())
    ends = ([today()] if works else []) + working_days(1, 3)
    got = record.forecast()
    for i, nomor in enumerate(waiting):
        row, end = got[nomor], ends[i // 4]
        assert (row["di_depan"], float(row["laju"]), row["perkiraan_selesai"]) == (i, 4.0, end), row
        assert row["akan_terlambat"] == (end >= due(1).date()), row
    assert [got[n]["akan_terlambat"] for n in waiting] == [False] * (8 if works else 4) + [True] * (2 if works else 6)


def test_the_system_has_a_queue_of_its_own(record):
    day = working_days(-1, 1)[0]
    record.finished("pemeriksaan", day, 1)
    record.finished("pemeriksaan", day, 5, took=MINUTE)
    officer = [record.clock("pemeriksaan", due(2)) for _ in range(2)]
    system = [record.clock("pemeriksaan", due(2), giliran="sistem") for _ in range(2)]
    got = record.forecast()
    assert [(got[n]["di_depan"], float(got[n]["laju"])) for n in officer] == [(0, 1.0), (1, 1.0)]
    assert [(got[n]["di_depan"], float(got[n]["laju"])) for n in system] == [(0, 5.0), (1, 5.0)]


def test_a_young_history(record):
    """Six finished in the three working days that there are: two a day, not six in twenty."""
    for day in working_days(-1, 3):
        record.finished("integrasi", day, 2)
    waiting = [record.clock("integrasi", due(3), giliran="bedelau") for _ in range(9)]
    got, works = record.forecast(), CALENDAR.working(today())
    assert {float(got[n]["laju"]) for n in waiting} == {2.0}
    # by the end of the third day after today six or (with today) eight are through
    assert [got[n]["akan_terlambat"] for n in waiting] == [False] * (8 if works else 6) + [True] * (1 if works else 3)


def test_days_and_seconds(record):
    for day in working_days(-1, 20):
        record.finished("integrasi", day, 1)
    midnight = datetime.datetime.combine(today() + datetime.timedelta(11), datetime.time(0), WIB)
    days = record.clock("integrasi", midnight, satuan="hari_kalender")
    seconds = record.clock("integrasi", datetime.datetime.now(WIB) + 100 * MINUTE, satuan="detik")
    over = record.clock("integrasi", datetime.datetime.now(WIB) - MINUTE, satuan="detik")
    got = record.forecast()
    assert (got[days]["sisa"], got[days]["akan_terlambat"]) == (10, False)
    assert 0 < got[seconds]["sisa"] <= 6000 and got[seconds]["akan_terlambat"] is None
    assert got[over]["akan_terlambat"] is True and got[over]["sisa"] == 0


def test_holidays(record):
    """A list that was loaded holds at once: the next working day becomes a holiday."""
    waiting = record.clock("pemeriksaan", due(2))
    assert record.forecast()[waiting]["sisa"] == 2
    csv = oracle.CALENDAR.read_text(encoding="utf-8") + f"{working_days(1, 1)[0]},Senin,cuti_bersama,uji\n"
    record.p.rows("insert into calendar (version, csv, sha256, source, since, loaded_by) values ('uji', %s, ''::bytea, 'uji', now(), 'uji')", csv)
    assert record.forecast()[waiting]["sisa"] == 1
    # from the calendar's first day to its last the view agrees with the oracle
    record.p.rows("delete from calendar")
    for r in record.p.rows("select tanggal, kerja from v_hari_kerja where tanggal <= '2027-12-31'"):
        assert r["kerja"] == CALENDAR.working(r["tanggal"]), r


# ---- numbers for those who watch -------------------------------------------------------------------------------------


def gauges(p, name):
    text = harness.http(f"http://127.0.0.1:{p.ports['projector']}/metrics")[1].decode()
    return {m[1]: float(m[2]) for m in re.finditer(rf'^{name}{{tahap="(\w+)"}} (\S+)$', text, re.M)}


def test_gauges(record):
    record.clock("pemeriksaan", due(1) - datetime.timedelta(days=9), status="terlewat")
    record.clock("pemeriksaan", due(1))
    ending = record.clock("integrasi", due(1) - datetime.timedelta(days=9), status="terlewat", giliran="bedelau")
    record.p.start("projector", projector_forecast="200ms")

    def all_three():
        return [gauges(record.p, f"bedelau_{n}") for n in ("clocks_open", "forecast_late", "forecast_unknown")]

    none = {"pengajuan": 0, "pemeriksaan": 0, "integrasi": 0, "perbaikan": 0}
    want = [{**none, "pemeriksaan": 2, "integrasi": 1}, {**none, "pemeriksaan": 1, "integrasi": 1}, {**none, "pemeriksaan": 1}]
    harness.eventually(all_three, lambda got: got == want, what="the record in numbers")
    record.p.rows("update clock set berakhir = now() where nomor_permohonan = %s", ending)
    want[0]["integrasi"] = want[1]["integrasi"] = 0
    harness.eventually(all_three, lambda got: got == want, what="one less")


def test_lateness(pipeline):
    """How late the deadline worker itself is, beyond the grace: of each due clock that it settled."""
    p = pipeline(standin=False, sop_pemeriksaan="1 detik", validator_review="manual", deadline_grace="100ms", integrator_mode="off")
    nomor = f"{harness.OPD}-R-1"
    p.start(*harness.WORKERS)
    p.submit(nomor)
    p.flush()
    harness.eventually(lambda: (p.request(nomor) or {}).get("terlambat"), what="late")
    page = f"http://127.0.0.1:{p.ports['deadline']}/metrics"
    harness.eventually(lambda: re.findall(r"^bedelau_clock_lateness_seconds_count (\d+)$", harness.http(page)[1].decode(), re.M),
                       lambda n: len(n) == 1 and int(n[0]) >= 1, what="the clock that was missed, measured")


# ---- many ------------------------------------------------------------------------------------------------------------

REQUESTS, OPEN = 200000, 1000

MANY = f"""
insert into request (nomor_permohonan, revisi, putaran, status, giliran, kode_opd, nama_opd, nama_sistem, fakta)
select 'N-' || i, 1, 1, case when i > {REQUESTS - OPEN} then 'diperiksa' else 'selesai' end,
       case when i > {REQUESTS - OPEN} then 'pranata_komputer' else 'selesai' end, '1.02.01', 'Dinas Kesehatan', 'Sistem ' || i, repeat(md5(i::text), 20)
  from generate_series(1, {REQUESTS}) i;
insert into clock
select 'N-' || i, 1, tahap, t, t + interval '3 days', 'hari_kerja', case when i > {REQUESTS - OPEN} and tahap <> 'pengajuan' then 'berjalan' else 'terpenuhi' end,
       case when i <= {REQUESTS - OPEN} or tahap = 'pengajuan' then t + interval '1 hour' end, 0, 'k', 1
  from (select i, now() - interval '5 minutes' * ({REQUESTS} - i) - interval '1 day' as t from generate_series(1, {REQUESTS}) i) x,
       unnest(array['pengajuan', 'pemeriksaan', 'integrasi']) tahap
"""


@pytest.mark.alone
def test_many(pipeline, capsys):
    """200,000 requests, 1,000 of them open: the view looks at what is open and at what ended lately, not at all of them."""
    p = pipeline(standin=False)
    p.rows(MANY)
    p.rows("vacuum analyze clock")
    p.rows("vacuum analyze request")
    counted = p.rows("select tahap, count(*) as n, count(akan_terlambat) as known from v_prakiraan group by 1 order by 1")
    assert counted == [{"tahap": t, "n": OPEN, "known": OPEN} for t in ("integrasi", "pemeriksaan")]
    plan = [r["QUERY PLAN"] for r in p.rows("explain (analyze, costs off, timing off) select * from v_prakiraan")]
    rate = [r["QUERY PLAN"] for r in p.rows("explain (analyze, costs off, timing off) select * from laju_penyelesaian()")]
    with capsys.disabled():
        print("", *plan, "", "of which the rates:", *rate[-2:], sep="\n")
    assert not re.search("Seq Scan on (clock|request)", "\n".join(plan)), plan
