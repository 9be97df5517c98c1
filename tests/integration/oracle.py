"""oracle: what the record must say of one request, computed the slow and plain way from all of its facts at once.

A second reading of the status table and of the clocks' rules, written apart from workers/sop/ so that the two can be
compared. Nothing is incremental here: each answer looks at the whole list again.

A fact is a dict: type (short: "check.completed"), source, id, time (RFC 3339, effective), append ([ms, topic,
partition, offset]), and where they apply revisi, putaran, urutan, putusan, sumber_pengajuan, id_pengajuan, temuan,
status_bedelau, id_integrasi, kode_opd, nama_opd, nama_sistem. All facts are about the same nomor_permohonan.
"""
import csv
import datetime
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
CALENDAR = ROOT / "schemas/data/kalender_id_2024_2027.csv"
WIB = datetime.timezone(datetime.timedelta(hours=7))
ONE_DAY = datetime.timedelta(days=1)
KERJA, KALENDER, DETIK = "hari_kerja", "hari_kalender", "detik"
TERMS = {"pengajuan": (1, KERJA), "pemeriksaan": (2, KERJA), "integrasi": (30, KERJA), "perbaikan": (5, KERJA)}
DECISIONS = ("diterima", "dikembalikan", "ditolak", "dibatalkan")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# ---- working days ----------------------------------------------------------------------------------------------------


class Calendar:
    """Holidays, and what the clocks are given: {tahap: (n, unit)}."""

    def __init__(self, path=CALENDAR, terms=None):
        self.terms = {**TERMS, **(terms or {})}
        with open(path, newline="", encoding="utf-8") as f:
            self.holidays = {datetime.date.fromisoformat(row["tanggal"]) for row in csv.DictReader(f)}
        self.years = {day.year for day in self.holidays}

    def working(self, day):
        if day.year not in self.years:
            raise ValueError(f"the calendar has no data for {day.year}")
        return day.isoweekday() <= 5 and day not in self.holidays

    def days_after(self, start, unit):
        """The days that count after the WIB day of `start`, without end."""
        day = start.astimezone(WIB).date()
        while True:
            day += ONE_DAY
            if unit == KALENDER or self.working(day):
                yield day

    def due(self, start, n, unit=KERJA):
        """The first instant that is too late: 00:00 WIB after the n-th day that counts, or n seconds later."""
        if unit == DETIK:
            return start + datetime.timedelta(seconds=n)
        days = self.days_after(start, unit)
        for _ in range(n):
            last = next(days)
        return datetime.datetime.combine(last + ONE_DAY, datetime.time(0), WIB)

    def used(self, start, end, unit=KERJA):
        if unit == DETIK:
            return max(end - start, datetime.timedelta(0)) // datetime.timedelta(seconds=1)
        day, last, n = start.astimezone(WIB).date(), end.astimezone(WIB).date(), 0
        while day < last:
            day += ONE_DAY
            n += unit == KALENDER or self.working(day)
        return n


# ---- what the facts say ----------------------------------------------------------------------------------------------


def first_copies(facts):
    """Each event once: of repeats the copy that stands first in the log."""
    kept = {}
    for f in facts:
        key = f["source"], f["id"]
        if key not in kept or f["append"] < kept[key]["append"]:
            kept[key] = f
    return list(kept.values())


def of_type(facts, *types):
    return [f for f in facts if f["type"] in types]


def highest(facts):
    return max(facts, key=lambda f: f["urutan"], default=None)


def first_in_log(facts):
    return min(facts, key=lambda f: f["append"], default=None)


class Request:
    def __init__(self, facts):
        self.facts = first_copies(facts)
        self.registered = first_in_log(of_type(self.facts, "request.registered"))
        self.integrations = [f for f in self.facts if f["type"].startswith("integration.")]
        done = of_type(self.facts, "integration.completed")
        self.completed = min(done, key=lambda f: f["urutan"], default=None)
        self.ends = of_type(self.facts, "integration.cancelled") + [
            f for f in of_type(self.facts, "check.completed") if f["putusan"] == "dibatalkan"]
        self.R = self.newest_revisi()
        self.C = self.check(self.R)

    def checks(self, r):
        mine = [f for f in of_type(self.facts, "check.completed") if f["revisi"] == r]
        return sorted(mine, key=lambda f: f["urutan"])

    def check(self, r):
        return highest(self.checks(r))

    def form(self, r):
        """The form that the check names, else the first in the log."""
        forms = [f for f in of_type(self.facts, "request.submitted") if f["revisi"] == r]
        c = self.check(r)
        if c:
            for f in forms:
                if (f["source"], f["id"]) == (c.get("sumber_pengajuan"), c.get("id_pengajuan")):
                    return f
        return first_in_log(forms)

    def newest_revisi(self):
        r = 1
        while self.check(r) and self.check(r)["putusan"] == "dikembalikan":
            r += 1
        return r if self.form(r) or self.check(r) else r - 1

    def integration(self):
        putaran = self.C["putaran"] if self.C else 1
        return highest([f for f in self.integrations if f["revisi"] == self.R and f["putaran"] == putaran])

    def first(self, r, *putusan):
        """The first check of a revisi with one of these verdicts."""
        return next((c for c in self.checks(r) if c["putusan"] in putusan), None)

    def status(self):
        """(status, giliran): the table's rows in their order; None where nothing makes a request yet."""
        c = self.C["putusan"] if self.C else None
        i = self.integration()
        said = i["type"].split(".")[1] if i else None
        bedelau = "pemohon" if i and i.get("status_bedelau") == "menunggu_perbaikan" else "bedelau"
        table = [
            (self.completed, ("selesai", "selesai")),
            (self.ends, ("dibatalkan", "selesai")),
            (c == "ditolak", ("ditolak", "selesai")),
            (said == "failed", ("gagal_integrasi", "pranata_komputer")),
            (said == "rejected", ("diperiksa", "pranata_komputer")),
            (said in ("registered", "delayed"), ("diintegrasikan", bedelau)),
            (c == "menunggu_lampiran", ("diperiksa", "sistem")),
            (c == "menunggu_pemeriksa", ("diperiksa", "pranata_komputer")),
            (c == "dikembalikan", ("dikembalikan", "pemohon")),
            (c == "diterima", ("diterima", "sistem")),
            (self.R and not c, ("diajukan", "sistem")),
            (self.registered, ("terdaftar", "pemohon")),
        ]
        return next((then for when, then in table if when), None)

    def stopped(self):
        """When a final state stopped whatever still ran."""
        last = [self.completed] if self.completed else []
        last += self.ends + [f for f in of_type(self.facts, "check.completed") if f["putusan"] == "ditolak"]
        return min((instant(f["time"]) for f in last), default=None)


# ---- the row ---------------------------------------------------------------------------------------------------------


def time_of(fact):
    return instant(fact["time"]) if fact else None


def row(facts, now, cal):
    """The columns of `request` that depend on facts, times as datetimes; None where no request is known."""
    q = Request(facts)
    status = q.status()
    if not status:
        return None

    def last(putusan):
        return max((instant(c["time"]) for c in q.checks(q.R) if c["putusan"] == putusan), default=None)

    about = q.form(q.R) or q.registered or {}
    named = highest([f for f in q.integrations if f.get("id_integrasi")])
    returned = [r for r in range(1, 100) if q.check(r) and q.check(r)["putusan"] == "dikembalikan"]
    late = [k for k in clocks(facts, now, cal) if k["keadaan"] == "terlewat" and k["tahap"] != "perbaikan"]
    return {
        "revisi": q.R,
        "putaran": q.C["putaran"] if q.C else min(q.R, 1),
        "status": status[0],
        "giliran": status[1],
        "terlambat": bool(late),
        "kode_opd": about.get("kode_opd"),
        "nama_opd": about.get("nama_opd"),
        "nama_sistem": about.get("nama_sistem"),
        "submitted_at": time_of(q.form(q.R)),
        "checked_at": time_of(q.C),
        "accepted_at": last("diterima"),
        "returned_at": last("dikembalikan"),
        "integrated_at": time_of(q.completed),
        "id_integrasi": named["id_integrasi"] if named else None,
        "temuan": q.C.get("temuan", []) if q.C else [],
        "jumlah_pengembalian": len(returned),
    }


# ---- the clocks ------------------------------------------------------------------------------------------------------


class Clocks:
    """All clocks of one request as of `now`, the instant up to which everything was read."""

    def __init__(self, facts, now, cal):
        self.q, self.now, self.cal, self.all = Request(facts), now, cal, []
        self.left = {tahap: n for tahap, (n, _) in cal.terms.items()}
        self.pengajuan()
        for r in range(1, self.q.R + 1):
            if self.q.form(r):
                self.pemeriksaan(r)
                self.integrasi(r)
                self.perbaikan(r)

    def add(self, r, tahap, start, end, timely):
        """`timely`: how an end before the due instant is called. What was used is gone for the next revisi."""
        unit = self.cal.terms[tahap][1]
        due = self.cal.due(start, self.left[tahap], unit)
        used = self.cal.used(start, end or self.now, unit)
        state = timely if end else "berjalan"
        if (end or self.now) >= due:
            state = "terlewat"
        self.all.append({"revisi": r, "tahap": tahap, "mulai": start, "batas": due, "keadaan": state,
                         "berakhir": end, "hari_terpakai": used})
        if tahap in ("pemeriksaan", "integrasi"):
            self.left[tahap] = max(1, self.left[tahap] - used)

    def paused(self, r):
        """A return pauses; once the next revisi is there the paused clock is closed."""
        return "ditangguhkan" if r == self.q.R else "terpenuhi"

    def pengajuan(self):
        starts = [f for f in (self.q.registered, self.q.form(1)) if f]
        if not starts:
            return
        start = min(instant(f["time"]) for f in starts)
        if self.q.form(1):
            self.add(1, "pengajuan", start, time_of(self.q.form(1)), "terpenuhi")
        else:
            self.add(1, "pengajuan", start, self.q.stopped(), "dihentikan")

    def pemeriksaan(self, r):
        decided = self.q.first(r, *DECISIONS)
        end = time_of(decided) if decided else self.q.stopped()
        timely = "dihentikan" if not decided or decided["putusan"] == "dibatalkan" else "terpenuhi"
        if decided and decided["putusan"] == "dikembalikan":
            timely = self.paused(r)
        self.add(r, "pemeriksaan", time_of(self.q.form(r)), end, timely)

    def integrasi(self, r):
        accepted, returned = self.q.first(r, "diterima"), self.q.first(r, "dikembalikan")
        if not accepted:
            return
        end, timely = self.q.stopped(), "dihentikan"
        if self.q.completed:
            end, timely = time_of(self.q.completed), "terpenuhi"
        elif returned and returned["urutan"] > accepted["urutan"]:
            end, timely = time_of(returned), self.paused(r)
        self.add(r, "integrasi", time_of(accepted), end, timely)

    def perbaikan(self, r):
        returned = self.q.first(r, "dikembalikan")
        if not returned:
            return
        answer = self.q.form(r + 1) if self.q.R > r else None
        end = time_of(answer) if answer else self.q.stopped()
        self.add(r, "perbaikan", time_of(returned), end, "terpenuhi" if answer else "dihentikan")


def clocks(facts, now, cal):
    """[{revisi, tahap, mulai, batas, keadaan, berakhir, hari_terpakai}], in the order revisi, tahap."""
    order = list(TERMS)
    return sorted(Clocks(facts, now, cal).all, key=lambda k: (k["revisi"], order.index(k["tahap"])))


# ---- the record's side -----------------------------------------------------------------------------------------------

MEMBERS = ("revisi", "putaran", "urutan", "putusan", "sumber_pengajuan", "id_pengajuan", "temuan", "status_bedelau",
           "id_integrasi", "kode_opd", "nama_opd", "nama_sistem")


def of_data(kind, data):
    """The members of a fact's data that are looked at here."""
    return {k: data[k] for k in MEMBERS if data.get(k) is not None and not (kind == "callback.received" and k == "urutan")}


def recorded_facts(events, full_type):
    """{nomor: facts} of the rows of `event`; `full_type` makes a type's long name of its short one ("a.{}.v1")."""
    head, tail = full_type.split("{}")
    facts = {}
    for e in events:
        kind = e["type"].removeprefix(head).removesuffix(tail)
        place = [round(e["append_at"].timestamp() * 1000), e["topic"], e["partition"], e["kafka_offset"]]
        facts.setdefault(e["subject"], []).append({
            **of_data(kind, json.loads(e["data"])), "type": kind, "source": e["source"], "id": e["id"],
            "time": e["effective_at"].isoformat(), "append": place})
    return facts


def recorded_clock(k):
    """A row of `clock` as it is said here. What a clock that still runs has used is not part of the promise."""
    c = {"mulai": k["mulai"], "batas": k["batas"], "keadaan": k["status"], "berakhir": k["berakhir"]}
    return {**c, "hari_terpakai": k["hari_terpakai"]} if k["berakhir"] else c


def by_name(clocks):
    return {(k["revisi"], k["tahap"]): {n: v for n, v in k.items() if n not in ("revisi", "tahap") and
                                        (n != "hari_terpakai" or k["berakhir"])} for k in clocks}
