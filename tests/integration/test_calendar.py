"""A list of holidays that changes while clocks run: those that it moves follow at once, each once, and nothing else is said."""
import csv
import datetime
import json
import random

import pytest

import harness
import oracle
from harness import OPD, WIB, event, eventually, form, told

ONE_DAY = datetime.timedelta(days=1)
NAMES = ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"]
TODAY = datetime.datetime.now(WIB).date()
# the deadline worker judges by itself: nobody whose word it would wait for is running
ALONE = {"sop_time_tolerance": "3650d", "deadline_grace": "0s", "deadline_hard_maximum": "1s"}


# ---- lists of holidays ------------------------------------------------------------------------------------------------

class List:
    """A list of New Year's days, and what else is a holiday, as a file."""

    def __init__(self, folder, name, *days, years=None):
        self.path, self.version = folder / f"{name}.csv", name
        years = years or range(TODAY.year - 1, TODAY.year + 3)
        with open(self.path, "w", newline="", encoding="utf-8") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(["tanggal", "hari", "jenis", "keterangan"])
            for day in sorted({*(datetime.date(y, 1, 1) for y in years), *days}):
                out.writerow([day, NAMES[day.weekday()], "libur_nasional", "Libur, menurut uji"])
        self.cal = oracle.Calendar(self.path)


def working_day(shift):
    """The weekday `shift` days from today, or the first one beyond it; no New Year's day."""
    day, step = TODAY + shift * ONE_DAY, ONE_DAY if shift >= 0 else -ONE_DAY
    while day.weekday() > 4 or (day.month, day.day) == (1, 1):
        day += step
    return day


def at(day, hour=10):
    return datetime.datetime.combine(day, datetime.time(hour), WIB)


# ---- a deadline worker, and its world told by the test ----------------------------------------------------------------

class World:
    def __init__(self, p, folder, first):
        self.p, self.folder = p, folder
        p.env["BEDELAU_SOP_CALENDAR"] = str(first.path)
        self.versions = {first.version: first}

    def list(self, name, *days, **how):
        self.versions[name] = List(self.folder, name, *days, **how)
        return self.versions[name]

    def load(self, which, *words):
        return json.loads(self.p.ctl("calendar", "load", which.path, "--json", *words))

    def submit(self, nomor, when, revisi=1):
        self.p.send("requests", event("request.submitted", nomor, form(nomor, revisi=revisi), id=f"form-{nomor}-{revisi}", time=when.isoformat()))

    def check(self, nomor, putusan, when, revisi=1):
        self.p.send("checks", event("check.completed", nomor, {
            "revisi": revisi, "putaran": 1, "urutan": revisi, "sumber_pengajuan": f"/opd/{OPD}", "id_pengajuan": f"form-{nomor}-{revisi}",
            "putusan": putusan, "final": False, "temuan": [], "aturan": "0", "oleh": "sistem"}, source="/bedelau/validator", time=when.isoformat()))

    def complete(self, nomor, when):
        self.p.send("integrations", event("integration.completed", nomor, {
            "revisi": 1, "putaran": 1, "urutan": 1, "id_integrasi": f"b-{nomor}", "status_bedelau": "aktif", "urutan_bedelau": 1, "percobaan": 1,
            "kode_http": 201, "alasan": None, "kesalahan": []}, source="/bedelau/integrator", time=when.isoformat()))

    def accept(self, nomor, when):
        """Submitted and accepted within an hour: clock 3 runs from then."""
        self.submit(nomor, when)
        self.check(nomor, "diterima", when + datetime.timedelta(hours=1))

    def clocks(self):
        """The record's clocks of the newest revisi, by request and tahap."""
        rows = self.p.rows("select nomor_permohonan, tahap, batas, status, berakhir, kalender, hari_terpakai from clock order by revisi")
        return {(r.pop("nomor_permohonan"), r.pop("tahap")): r for r in rows}

    def quiet(self):
        """All that was published was read by the two programs, told, and recorded."""
        def left():
            ends = {m: 0 for m in ("requests", "checks", "integrations", "deadlines")}
            for name in ends:
                ends[name] = len(self.p.read(name))
            read = {(r["consumer_group"].rsplit("-", 1)[1], r["topic"].rsplit(".", 1)[1]): int(r["n"] or 0) for r in self.p.rows(
                "select consumer_group, topic, sum(next_offset) as n from consumer_offset group by 1, 2")}
            late = [(g, t) for g in ("deadline", "projector") for t in ends if (g, t) != ("deadline", "deadlines") and read.get((g, t), 0) < ends[t]]
            return late + ["outbox"] * self.p.one("select count(*) from outbox_deadline")
        self.p.flush()
        eventually(left, lambda got: not got, 120, "all is read")

    def stale(self):
        """How many rows still stand as an older list has them."""
        return self.p.one("select count(*) from deadline_clock where kalender >= 0 and kalender < (select max(id) << 32 from calendar)")

    def recounted(self):
        eventually(self.stale, lambda n: n == 0, 120, "open clocks are reckoned by the new list")
        self.quiet()

    def changes(self):
        """Every deadline.changed that is in the record, by request and clock, in their order."""
        all_of = {}
        for r in self.p.rows("select subject, data from event where type = %s order by seq", harness.TYPE.format("deadline.changed")):
            d = json.loads(r["data"])
            all_of.setdefault((r["subject"], d["tahap"]), []).append(d)
        return all_of

    def events(self):
        return self.p.one("select count(*) from event")


@pytest.fixture
def world(tmp_path, request):
    made = []

    def make(first, programs=("deadline", "projector"), **settings):
        p = harness.Pipeline(harness.log_folder(request.node.name), standin=False, **{**ALONE, **settings})
        made.append(p)
        w = World(p, tmp_path, first)
        p.start(*programs)
        return w
    yield make
    for p in made:
        codes = p.stop()
        assert set(codes.values()) <= {0, -9}, codes


def instant(text):
    return oracle.instant(text)


# ---- a holiday is added eleven days ahead -----------------------------------------------------------------------------

def a_world_of_clocks(w, first):
    """Requests accepted on each of the last 60 days; of each third the integration was completed the day after."""
    began = {}
    for back in range(60):
        nomor, when = f"{OPD}-K-{back:03}", at(TODAY - (back + 2) * ONE_DAY)
        w.accept(nomor, when)
        began[nomor] = when + datetime.timedelta(hours=1)
        if back % 3 == 0:
            w.complete(nomor, when + datetime.timedelta(days=1))
    for i in range(3):  # only registered: clock 1, and a form that nobody looked at: clock 2
        w.submit(f"{OPD}-L-{i}", at(TODAY, 0))
    w.quiet()
    eventually(lambda: w.p.one("select count(*) from deadline_clock where due_at <= now()"), lambda n: n == 0, what="what was late is told")
    w.quiet()
    open_clocks = {n: first.cal.due(t, 30) for n, t in began.items() if int(n[-3:]) % 3}
    assert {n for (n, t), c in w.clocks().items() if t == "integrasi" and not c["berakhir"]} == set(open_clocks)
    return began, open_clocks


def test_a_holiday_eleven_days_ahead(world, tmp_path):
    """Exactly the clocks that it concerns move, old and new side by side in the timeline, and no other fact is told."""
    holiday = working_day(11)
    first = List(tmp_path, "uji_1")
    w = world(first)
    p = w.p
    second = w.list("uji_2", holiday)
    began, open_clocks = a_world_of_clocks(w, first)
    moved = {n: second.cal.due(began[n], 30) for n, end in open_clocks.items() if second.cal.due(began[n], 30) != end}
    before, events = w.clocks(), w.events()
    assert 0 < len(moved) < len(open_clocks)

    dry = w.load(second, "--dry-run")
    assert (dry["would_move"], dry["by_tahap"]["integrasi"], dry["open"]) == (len(moved), len(moved), sum(not c["berakhir"] for c in before.values()))
    assert p.rows("select * from calendar") == [] and w.events() == events

    assert w.load(second, "--source", "SKB uji")["result"] == "loaded"
    w.recounted()
    assert w.events() == events + len(moved)
    for (nomor, tahap), clock in w.clocks().items():
        old = before[nomor, tahap]
        if nomor in moved and tahap == "integrasi":
            assert clock == {**old, "batas": moved[nomor], "kalender": "uji_2"}
            last = w.changes()[nomor, tahap][-1]
            assert (last["sebab"], last["kalender"], last["kalender_lama"]) == ("kalender", "uji_2", "uji_1")
            assert (instant(last["batas"]), instant(last["batas_lama"])) == (moved[nomor], old["batas"])
            assert last["keadaan"] == "berjalan"
        else:
            assert clock == old, (nomor, tahap)
    timeline(p, next(iter(moved)), open_clocks, moved)
    assert [(r["action"], r["subject"]) for r in p.rows("select action, subject from audit_log where action like 'calendar%%'")] == [("calendar load", "uji_2")]
    assert p.statusz("deadline")["calendar"] == "uji_2"
    metrics = harness.http(f"http://127.0.0.1:{p.ports['deadline']}/metrics")[1].decode()
    assert "\nbedelau_calendar 2\n" in metrics and f"\nbedelau_clocks_recounted_total {sum(not c['berakhir'] for c in before.values())}\n" in metrics

    # again, and as something else
    assert w.load(second)["result"] == "same"
    assert w.load(first)["result"] == "same"  # it was in force before anything was loaded
    (tmp_path / "other").mkdir()
    refused(p, "exists with other content", List(tmp_path / "other", "uji_2", working_day(12)).path)
    assert w.events() == events + len(moved) and p.one("select count(*) from calendar") == 2


def timeline(p, nomor, old, new):
    """The end of clock 3 before and after, in every place that tells the story."""
    rows = [r for r in p.rows("select batas, batas_lama, kalender, kalender_lama from v_timeline where nomor_permohonan = %s and tahap = 'integrasi'"
                              " and peristiwa = 'deadline.changed' order by seq", nomor)]
    assert [(instant(r["batas"]), r["batas_lama"] and instant(r["batas_lama"]), r["kalender"], r["kalender_lama"]) for r in rows] == [
        (old[nomor], None, "uji_1", None), (new[nomor], old[nomor], "uji_2", "uji_1")]
    line = next(x for x in p.ctl("status", nomor, "--timeline").splitlines() if "semula" in x)
    new, old = (oracle.instant(rows[1][k]).astimezone(WIB).strftime("%Y-%m-%d %H:%M:%S WIB") for k in ("batas", "batas_lama"))
    assert f"sampai {new} (semula {old})" in line and "kalender" in line
    steps = json.loads(p.ctl("status", nomor, "--timeline", "--json"))["timeline"]
    assert [s["batas_lama"] for s in steps if s["batas_lama"]] == [rows[1]["batas_lama"]]
    p.start("gateway")
    token = p.ctl("token", "create", "--opd", OPD, "--label", "uji").strip()
    code, body = harness.http(f"http://127.0.0.1:{p.ports['gateway']}/v1/requests/{nomor}/timeline", headers={"Authorization": f"Bearer {token}"})
    assert code == 200 and [s["batas_lama"] for s in json.loads(body)["riwayat"] if "batas_lama" in s] == [rows[1]["batas_lama"]]


def refused(p, why, *words):
    with pytest.raises(AssertionError, match=why):
        p.ctl("calendar", "load", *map(str, words))


# ---- killed in the middle ---------------------------------------------------------------------------------------------

def test_killed_in_the_middle(world, tmp_path):
    """Two processes go through the clocks; one is killed in the middle, then both are. Each clock moves once a list."""
    n, holiday = 240, working_day(11)
    first = List(tmp_path, "uji_1")
    w = world(first, ("deadline", "deadline.2", "projector"), deadline_recount_per_s=60)
    p, when = w.p, at(TODAY - ONE_DAY)
    names = [f"{OPD}-M-{i:03}" for i in range(n)]
    for nomor in names:
        w.accept(nomor, when)
    w.quiet()
    w.load(w.list("uji_2", holiday))
    eventually(w.stale, lambda left: 0 < left < n - 20, what="the middle")
    p.kill("deadline")
    assert w.stale() > 0
    w.recounted()

    w.load(w.list("uji_3", holiday, working_day(14)))
    eventually(w.stale, lambda left: 0 < left < n - 20, what="the middle")
    p.kill("deadline.2")
    assert 0 < w.stale() < n
    p.start("deadline")
    w.recounted()

    changes = w.changes()
    for nomor in names:
        told_3 = changes[nomor, "integrasi"]
        assert [(c["sebab"], c["kalender"]) for c in told_3[1:]] == [("kalender", "uji_2"), ("kalender", "uji_3")], nomor
        assert [instant(c["batas"]) for c in told_3] == [w.versions[v].cal.due(when + datetime.timedelta(hours=1), 30) for v in ("uji_1", "uji_2", "uji_3")]
    assert p.rows("select source, id from event group by 1, 2 having count(*) > 1") == []
    p.ctl("restored")  # the facts told here claim workers that do not run
    harness.every_event_once(p)


# ---- what has ended, and what was called late --------------------------------------------------------------------------

def test_what_has_ended_stays(world, tmp_path):
    """The past is judged by the list of its time, also when a fact of it is read late; what runs, by today's."""
    days = sorted({working_day(-k) for k in range(30, 20, -1)})[:5]  # five working days, four weeks ago
    late = working_day(11)
    first = List(tmp_path, "uji_1")
    w = world(first)
    p = w.p
    a, b, c, d = (f"{OPD}-N-{i}" for i in range(4))
    second = w.list("uji_2", days[1], days[2], late)  # holidays of long ago too
    assert first.cal.used(at(days[0]), at(days[3])) > 2 > second.cal.used(at(days[0]), at(days[3]))
    for nomor in (a, b, c, d):
        w.submit(nomor, at(days[0]))
    w.check(a, "diterima", at(days[1]))  # in time by both lists
    w.check(b, "diterima", at(days[3]))  # late by the first, in time by the second
    w.quiet()
    state = lambda nomor: (w.clocks().get((nomor, "pemeriksaan")) or {}).get("status")
    eventually(lambda: [state(x) for x in (a, b, c, d)], lambda s: s == ["terpenuhi", "terlewat", "terlewat", "terlewat"], what="who is late")
    w.quiet()
    before = w.clocks()

    w.load(second)
    w.recounted()
    after = w.clocks()
    for nomor in (a, b):
        assert after[nomor, "pemeriksaan"] == before[nomor, "pemeriksaan"]
        assert after[nomor, "integrasi"]["batas"] == second.cal.due(at(days[1 if nomor == a else 3]), 30) != before[nomor, "integrasi"]["batas"]
    # what runs on and is late follows, and is not called missed a second time
    for nomor in (c, d):
        assert (after[nomor, "pemeriksaan"]["batas"], after[nomor, "pemeriksaan"]["status"]) == (second.cal.due(at(days[0]), 2), "terlewat")
        assert [x["keadaan"] for x in w.changes()[nomor, "pemeriksaan"]][1:] == ["terlewat", "terlewat"]
        assert w.changes()[nomor, "pemeriksaan"][-1]["sebab"] == "kalender"

    # facts that come now: of now, and of before the list
    w.complete(a, datetime.datetime.now(WIB))
    w.check(c, "diterima", at(days[3]))
    w.check(d, "diterima", at(days[1]))
    w.quiet()
    last = w.clocks()
    assert last[a, "pemeriksaan"] == before[a, "pemeriksaan"]
    assert (last[a, "integrasi"]["status"], last[a, "integrasi"]["kalender"], last[a, "integrasi"]["batas"]) == ("terpenuhi", "uji_2", after[a, "integrasi"]["batas"])
    assert (last[c, "pemeriksaan"]["status"], last[c, "pemeriksaan"]["kalender"]) == ("terlewat", "uji_1")
    assert (last[d, "pemeriksaan"]["status"], last[d, "pemeriksaan"]["kalender"]) == ("terpenuhi", "uji_1")
    assert w.changes()[d, "pemeriksaan"][-1].get("late_arrival") is True


def a_story(w, rng, days, nomor):
    """Facts of before the list, and of now: ways to send them."""
    d = sorted(rng.sample(days, 4))
    before = [lambda: w.submit(nomor, at(d[0])), lambda: w.check(nomor, "dikembalikan", at(d[1]))]
    now = datetime.datetime.now(WIB)
    rest = [lambda: w.submit(nomor, at(d[2]), 2), lambda: w.check(nomor, "diterima", at(d[3]), 2), lambda: w.complete(nomor, now)]
    known = rng.choice([0, 1, 2])  # how much more was read before the list came
    return before + rest[:known], rest[known:rng.choice([known, 3])]


def test_whenever_it_is_read(world, tmp_path):
    """The same facts read before the list and after it, or all after it in any order, leave the same clocks."""
    rng = random.Random(11)
    days = [d for d in (TODAY - k * ONE_DAY for k in range(12, 40)) if d.weekday() < 5]
    w = world(List(tmp_path, "uji_1"))
    p = w.p
    names = [f"{OPD}-V-{i:02}" for i in range(40)]
    stories = {n: a_story(w, rng, days, n) for n in names}
    for early, _ in stories.values():
        for send in early:
            send()
    w.quiet()
    eventually(lambda: p.one("select count(*) from deadline_clock where due_at <= now()"), lambda n: n == 0, what="what was late is told")
    w.load(w.list("uji_2", *rng.sample(days, 5), working_day(2), working_day(11)))
    w.recounted()
    for _, late in stories.values():
        for send in late:
            send()
    w.quiet()

    sent = [(m.topic().rsplit(".", 1)[1], json.loads(m.value().replace(b"-V-", b"-X-"))) for t in ("requests", "checks", "integrations")
            for m in p.read(t)]
    rng.shuffle(sent)
    for topic, e in sent:
        e["id"] += "" if e["id"].startswith("form-") else "x"
        p.send(topic, e)
    w.quiet()
    all_of = "select tahap, revisi, mulai, batas, status, berakhir, hari_terpakai from clock where nomor_permohonan = %s order by 1, 2"

    def differ():
        return [n for n in names if p.rows(all_of, n) != p.rows(all_of, n.replace("-V-", "-X-"))]
    eventually(differ, lambda d: d == [], what="the same clocks")
    states = {r["status"] for r in p.rows("select status from clock")}
    assert states >= {"berjalan", "terpenuhi", "terlewat", "ditangguhkan"}
    assert {r["kalender"] for r in p.rows("select kalender from clock where nomor_permohonan like '%%-X-%%'")} == {"uji_1", "uji_2"}


def test_late_by_the_old_list_only(world, tmp_path):
    """A clock that was called missed runs again where the new list puts its end ahead, and the request is late no more."""
    first = List(tmp_path, "uji_1")
    w = world(first)
    p, nomor = w.p, f"{OPD}-Q-1"
    opened = working_day(-9)
    w.submit(nomor, at(opened))
    w.quiet()
    eventually(lambda: (p.request(nomor) or {}).get("terlambat"), what="late")
    w.quiet()
    holidays = [opened + k * ONE_DAY for k in range(1, (TODAY - opened).days + 2)]
    second = w.list("uji_2", *holidays)
    w.load(second)
    w.recounted()
    clock = w.clocks()[nomor, "pemeriksaan"]
    assert (clock["status"], clock["batas"]) == ("berjalan", second.cal.due(at(opened), 2)) and clock["batas"] > datetime.datetime.now(WIB)
    last = w.changes()[nomor, "pemeriksaan"][-1]
    assert (last["keadaan"], last["sebab"], "late_arrival" in last) == ("berjalan", "kalender", False)
    assert p.request(nomor)["terlambat"] is False
    # and back: the same end as in the beginning
    w.load(w.list("uji_3"))
    w.recounted()
    eventually(lambda: p.request(nomor)["terlambat"], what="late again")
    assert w.clocks()[nomor, "pemeriksaan"]["batas"] == first.cal.due(at(opened), 2)


def test_warned_once(world, tmp_path):
    """A warning is not given again because the end moved away: of clock 3, seven days before it, with four days left, then five."""
    first = List(tmp_path, "uji_1")
    w = world(first)
    p, nomor = w.p, f"{OPD}-W-1"
    tomorrow = working_day(1)
    left = lambda opened: first.cal.used(datetime.datetime.now(WIB), first.cal.due(opened, 30) - ONE_DAY)
    opened = next(at(TODAY - k * ONE_DAY) for k in range(60) if left(at(TODAY - k * ONE_DAY)) == 4)
    w.accept(nomor, opened - datetime.timedelta(hours=1))
    w.quiet()
    warned = lambda: [d["sisa_hari"] for d in told(p, nomor, "deadline.warned") if d["tahap"] == "integrasi"]
    assert warned() == [7]
    second = w.list("uji_2", tomorrow)
    w.load(second)
    w.recounted()
    assert w.clocks()[nomor, "integrasi"]["batas"] == second.cal.due(opened, 30) > first.cal.due(opened, 30)
    assert warned() == [7]


# ---- a year that comes late -------------------------------------------------------------------------------------------

def test_a_year_that_comes_late(world, tmp_path):
    """A clock that the list could not reckon is there as soon as one is loaded that can, not when somebody looks again."""
    w = world(List(tmp_path, "uji_1", years=range(TODAY.year - 3, TODAY.year - 1)))
    p, nomor = w.p, f"{OPD}-R-1"
    w.submit(nomor, at(TODAY, 0))
    p.flush()
    eventually(lambda: p.rows("select due_at - now() as left from deadline_clock"), what="a row")
    assert p.rows("select due_at - now() as left from deadline_clock")[0]["left"] > datetime.timedelta(minutes=50)
    assert w.clocks() == {} and "no data for the year" in p.log("deadline")
    second = w.list("uji_2", years=range(TODAY.year - 3, TODAY.year + 3))
    w.load(second)
    w.recounted()
    assert w.clocks()[nomor, "pemeriksaan"]["batas"] == second.cal.due(at(TODAY, 0), 2)
    assert w.clocks()[nomor, "pengajuan"]["status"] == "terpenuhi"  # ended before, and told by the first list that can


# ---- who is not told ----------------------------------------------------------------------------------------------------

def test_nobody_was_told(world, tmp_path):
    """A version that came without a word (the notification was lost) is in force for the next transaction all the same, and where
    there is none it is found by looking."""
    first = List(tmp_path, "uji_1")
    w = world(first)
    p = w.p
    a, b = f"{OPD}-S-1", f"{OPD}-S-2"

    def slip_in(version):
        p.rows("insert into calendar (version, csv, sha256, source, since, loaded_by) values (%s, %s, '', 'uji', clock_timestamp(), 'uji')",
               version.version, version.path.read_text(encoding="utf-8"))

    w.accept(a, at(TODAY - ONE_DAY))
    w.quiet()
    second = w.list("uji_2", working_day(11))
    slip_in(second)
    eventually(lambda: w.clocks()[a, "integrasi"]["kalender"], lambda v: v == "uji_2", 120, "looked and found")

    third = w.list("uji_3", working_day(1), working_day(11))
    slip_in(third)
    w.submit(b, at(TODAY, 0))
    w.quiet()
    assert w.clocks()[b, "pemeriksaan"]["batas"] == third.cal.due(at(TODAY, 0), 2) != second.cal.due(at(TODAY, 0), 2)
    assert [c["kalender"] for c in w.changes()[b, "pemeriksaan"]] == ["uji_3"]
    w.recounted()
    assert w.clocks()[a, "integrasi"]["batas"] == third.cal.due(at(TODAY - ONE_DAY, 11), 30)


def test_the_others_follow(world, tmp_path):
    """The integrator's job follows by the fact; what comes afterwards it reckons by the new list itself, without a restart."""
    first = List(tmp_path, "uji_1")
    w = world(first, ("validator", "integrator", "deadline", "projector"), integrator_mode="off")
    p, second = w.p, w.list("uji_2", working_day(11))
    due = lambda nomor: next((r["deadline_at"] for r in p.rows("select deadline_at from job_integrator where subject = %s", nomor)), None)
    a, b = f"{OPD}-T-1", f"{OPD}-T-2"
    p.submit(a)
    p.flush()
    eventually(lambda: due(a), what="a job")
    accepted = p.await_status(a, "diterima")["accepted_at"]
    assert due(a) == first.cal.due(accepted, 30)
    w.load(second)
    eventually(lambda: due(a), lambda t: t == second.cal.due(accepted, 30), what="the job's end moved")
    for name in ("validator", "integrator", "deadline"):
        eventually(lambda name=name: p.statusz(name)["calendar"], lambda v: v == "uji_2", what=f"{name} has it")
    p.terminate("deadline")
    p.submit(b)
    p.flush()
    eventually(lambda: due(b), what="another job")
    assert due(b) == second.cal.due(p.await_status(b, "diterima")["accepted_at"], 30)


# ---- what is refused ----------------------------------------------------------------------------------------------------

def test_what_is_refused(world, tmp_path):
    """A list with flaws does not come in, and it is said why."""
    first = List(tmp_path, "uji_1")
    w = world(first, ())
    p = w.p
    text = first.path.read_text(encoding="utf-8")
    day = next(datetime.date(TODAY.year, 1, k) for k in range(5, 12) if datetime.date(TODAY.year, 1, k).weekday() == 0)
    flaws = {"ganda": (f"{day},Senin,libur_nasional,Libur\n" * 2, "is already in line"),
             "hari": (f"{day},Selasa,libur_nasional,Libur\n", "is not the weekday"),
             "jenis": (f"{day},Senin,cuti,Libur\n", "jenis is neither"),
             "uji 9": ("", "a calendar is named by its file")}
    for name, (line, why) in flaws.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(text + line, encoding="utf-8")
        refused(p, why, path)
    refused(p, "must be mended first", List(tmp_path, "kurang", years=[TODAY.year - 1, TODAY.year + 1]).path)
    refused(p, "cannot read", tmp_path / "tiada.csv")
    assert p.rows("select * from calendar") == [] and p.rows("select * from audit_log where action like 'calendar%%'") == []
    # the words of the version in force: the file, then what was loaded
    assert json.loads(p.ctl("calendar", "check", "--json"))["from"] == "file"
    second = w.list("uji_2", working_day(1))
    w.load(second)
    told_now = json.loads(p.ctl("calendar", "check", "--json"))
    assert (told_now["calendar"], told_now["from"]) == ("uji_2", "database")
    assert json.loads(p.ctl("calendar", "due", str(TODAY), "1", "--json"))["hari_terakhir"] == str(second.cal.due(at(TODAY), 1).date() - ONE_DAY)
    assert json.loads(p.ctl("calendar", "due", str(TODAY), "1", "--json", "--calendar", str(first.path)))["kalender"] == "uji_1"
