"""stories: invents what can happen to a request, as the facts that every program would have published about it.

story() tells one request from its letter to any of its ends, or to wherever it happens to stand; all times lie between
`since` and `last` (2026 and as far as the calendar is known) and before `now`. The same seed tells the same story whatever the number. event() writes a fact
as a CloudEvent; traits() names what a story shows of returns and reorderings, sorts() what of other kinds of facts.
"""
import datetime
import json
import pathlib
import random

import oracle

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORM = json.loads((ROOT / "schemas/examples/minimal.json").read_text(encoding="utf-8"))
PREFIX = "id.go.batam.bedelau."
UTC = datetime.timezone.utc
OPDS = {"2.16.01": "Dinas Komunikasi dan Informatika", "2.12.01": "Dinas Kependudukan dan Pencatatan Sipil",
        "1.02.01": "Dinas Kesehatan"}
TOPICS = {"request": "requests", "review": "reviews", "callback": "callbacks", "check": "checks",
          "integration": "integrations", "deadline": "deadlines"}
FINDINGS = [
    {"kode": "PA20-E-207", "tingkat": "E", "lokasi": "/perihal", "pesan": "Kolom \"perihal\" wajib diisi.",
     "message": "Subject is missing.", "terlambat_ditemukan": True},
    {"kode": "PA20-W-109", "tingkat": "W", "lokasi": "/catatan", "pesan": "Kolom tidak dikenal \u2013 periksa.",
     "message": "Unknown member: a \\ or a tab\tin it."},
]
SINCE = datetime.datetime(2026, 1, 1, tzinfo=UTC)
LAST = datetime.datetime(2027, 11, 1, tzinfo=UTC)  # thirty working days later the calendar still has data
LEBARAN = [datetime.datetime(y, m, d, tzinfo=UTC) for y, m, d in [(2024, 4, 1), (2025, 3, 20), (2026, 3, 12), (2027, 3, 1)]]
STEPS = [("minutes", 1, 50), ("hours", 1, 20), ("days", 1, 3), ("days", 2, 9), ("days", 20, 60)]


class Ended(Exception):
    """The story has come to where it stands."""


class Story:
    def __init__(self, rng, nomor, now, since=SINCE, last=LAST):
        self.rng, self.nomor, self.last = rng, nomor, min(now - datetime.timedelta(hours=1), last)
        self.kode = rng.choice(list(OPDS))
        self.facts, self.n = [], {"/bedelau/validator": 0, "/bedelau/integrator": 0}
        self.r, self.putaran, self.form_id = 1, 1, None
        self.id_integrasi = f"b-{rng.randrange(10 ** 6):06d}"
        feasts = [d for d in LEBARAN if since < d < self.last]
        start = rng.choice(feasts) if feasts and rng.random() < 0.25 else since
        span = datetime.timedelta(days=14) if start in feasts else self.last - start
        self.t = start + datetime.timedelta(milliseconds=rng.randrange(int(span.total_seconds() * 1000)))

    # ---- telling ----

    def chance(self, p):
        return self.rng.random() < p

    def wait(self, longest=4):
        unit, low, high = self.rng.choice(STEPS[: longest + 1])
        self.t += datetime.timedelta(**{unit: self.rng.randint(low, high)}, milliseconds=self.rng.randrange(60000))

    def maybe_end(self, p):
        if self.chance(p):
            raise Ended

    def tell(self, kind, source, ago=0, **data):
        """`ago`: hours by which the fact is dated back."""
        if self.t >= self.last:
            raise Ended
        if source in self.n:
            self.n[source] += 1
            data["urutan"] = self.n[source]
        fact = {"type": kind, "source": source, "id": f"{self.nomor}.{len(self.facts) + 1}", "data": data,
                "time": (self.t - datetime.timedelta(hours=ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        self.facts.append(fact)
        return fact

    def opd(self, kind, **data):
        return self.tell(kind, f"/opd/{self.kode}", **data)

    # ---- what an OPD says ----

    def register(self):
        self.opd("request.registered", kode_opd=self.kode, dasar_pengajuan="surat_dinas",
                 nomor_surat=f"470/{self.rng.randint(1, 99)}/2026", tanggal_surat="2026-01-05",
                 perihal="Permohonan integrasi")

    def form(self, r):
        name = f"Sistem Contoh {self.rng.randint(1, 40)} \"\u00e9\""
        return self.opd("request.submitted", **{**FORM, "nomor_permohonan": self.nomor, "revisi": r,
                                                "kode_opd": self.kode, "nama_opd": OPDS[self.kode],
                                                "nama_sistem": name})["id"]

    def submit(self):
        """The form of this revisi; sometimes several compete, and any of them may be the one that is admitted."""
        forms = [self.form(self.r)]
        while self.chance(0.2):
            self.wait(1)
            forms.append(self.form(self.r))
        self.form_id = self.rng.choice(forms)

    def withdraw(self):
        self.opd("request.withdrawn", alasan="Tidak jadi")
        self.check("dibatalkan")

    def after_the_end(self):
        """A form that comes when all is over is refused, but it is in the log all the same."""
        if self.chance(0.4):
            self.wait()
            late = self.form(self.r + self.rng.randint(0, 1))
            self.tell("check.refused", "/bedelau/validator", sumber=f"/opd/{self.kode}", id=late,
                      tipe=PREFIX + "request.submitted.v1", kode="PA20-R-003", pesan="Sudah selesai.",
                      message="It is over.")
        raise Ended

    # ---- what the workers say ----

    def check(self, putusan):
        temuan = []
        if putusan != "dibatalkan":
            temuan = self.rng.sample(FINDINGS, self.rng.randint(0, 2))
        if putusan in ("dikembalikan", "ditolak", "diterima") and self.chance(0.5):
            self.tell("review.decided", "/bedelau/gateway", revisi=self.r, putaran=self.putaran, keputusan=putusan,
                      catatan=["Catatan"], pemeriksa="pk-01")
        ago = self.rng.randint(1, 23) if self.chance(0.06) else 0  # an officer's decision says when it was taken
        self.tell("check.completed", "/bedelau/validator", ago, revisi=self.r, putaran=self.putaran, putusan=putusan,
                  sumber_pengajuan=f"/opd/{self.kode}", id_pengajuan=self.form_id, final=putusan in
                  ("dikembalikan", "ditolak", "diterima", "dibatalkan"), temuan=temuan, aturan="sha256:00",
                  oleh="sistem")

    def bedelau(self, what, status, known=True):
        self.tell(f"integration.{what}", "/bedelau/integrator", revisi=self.r, putaran=self.putaran,
                  id_integrasi=self.id_integrasi if known else None, status_bedelau=status, urutan_bedelau=None,
                  percobaan=1, kode_http=200, alasan=None, kesalahan=[])

    def callback(self, status):
        if self.chance(0.5):
            self.tell("callback.received", "/bedelau/gateway", id_integrasi=self.id_integrasi, status=status,
                      urutan=self.rng.randint(1, 9), waktu="2026-01-05T00:00:00Z", alasan=None)

    # ---- the chapters ----

    def tell_all(self):
        if self.chance(0.7):
            self.register()
            if self.chance(0.1):
                self.register()
            self.wait()
            self.maybe_end(0.06)
            if self.chance(0.05):
                self.withdraw()
                self.after_the_end()
        self.submit()
        while True:
            self.judge()

    def judge(self):
        """One judgement of what is submitted, and what follows from it."""
        self.maybe_end(0.08)
        if self.chance(0.3):
            self.check("menunggu_lampiran")
            self.wait(1)
        if self.putaran > 1 or self.chance(0.5):
            self.check("menunggu_pemeriksa")
            self.maybe_end(0.06)
            self.wait()
        if self.chance(0.05):
            self.withdraw()
            self.after_the_end()
        draw = self.rng.random()
        # who was refused by Bedelau is often given back, so that clock 3 pauses and goes on
        if draw < ((0.65 if self.putaran > 1 else 0.45) if self.r < 4 else 0):
            self.give_back()
        elif draw < 0.7 and self.chance(0.15):
            self.check("ditolak")
            self.after_the_end()
        else:
            self.check("diterima")
            self.integrate()

    def give_back(self):
        held = self.rng.choice([1, 1, 2]) if self.chance(0.2) else 0
        early = {}
        for r in self.rng.sample(range(self.r + 1, self.r + 1 + held), held):  # next ones came before their turn, and were held
            early[r] = self.form(r)
            self.wait(1)
        self.check("dikembalikan")
        self.maybe_end(0.1)
        self.wait()
        if self.chance(0.1):
            self.withdraw()
            self.after_the_end()
        self.r, self.putaran = self.r + 1, 1
        while self.r in early:
            self.form_id = early[self.r]
            if self.r + 1 not in early:
                return
            self.check("dikembalikan")  # the one that was held is returned at once: what came after it is looked at
            self.r += 1
        self.submit()

    def integrate(self):
        """One round at Bedelau; returns when an officer is to judge again."""
        self.wait(1)
        for _ in range(self.rng.choice([0, 0, 1, 3])):
            self.bedelau("delayed", None, known=False)
            self.wait(1)
        self.maybe_end(0.06)
        draw = self.rng.random()
        if draw < 0.2:
            self.bedelau("rejected", None, known=False)
        elif draw < 0.3:
            self.bedelau("completed", "aktif")
            self.after_the_end()
        else:
            self.register_at_bedelau()
        self.wait()
        self.maybe_end(0.15)
        self.putaran += 1

    def register_at_bedelau(self):
        self.bedelau("registered", "diproses")
        while self.chance(0.4):
            self.wait(2)
            status = self.rng.choice(["diproses", "menunggu_perbaikan"])
            self.callback(status)
            self.bedelau(self.rng.choice(["registered", "delayed"]), status)
        self.wait()
        self.maybe_end(0.12)
        draw = self.rng.random()
        if draw < 0.25:
            self.callback("gagal")
            self.bedelau("failed", "gagal")
            return
        if draw < 0.4:
            self.withdraw()
            self.wait(1)
            self.maybe_end(0.2)
            if self.chance(0.8):
                self.bedelau("cancelled", None)
                self.after_the_end()
        self.callback("aktif")
        self.bedelau("completed", "aktif")
        if self.chance(0.1):
            self.wait()
            self.bedelau("completed", "dinonaktifkan")
        self.after_the_end()


def story(seed, nomor, now, since=SINCE, last=LAST):
    """The facts of one request in the order in which they happened."""
    while True:
        s = Story(random.Random(seed), nomor, now, since, last)
        try:
            s.tell_all()
        except Ended:
            pass
        if s.facts:
            return s.facts
        seed = f"{seed}'"


TRAITS = {"returned twice", "returned three times", "returned after 422", "held", "two held", "withdrawn after a return",
          "clock 3 went on", "one day left", "dated back"}


def traits(facts):
    """Which of TRAITS these facts (as oracle.py takes them, in the order of the story) show."""
    q = oracle.Request(facts)
    returned = [r for r in range(1, q.R + 1) if q.check(r) and q.check(r)["putusan"] == "dikembalikan"]
    accepted = [r for r in range(1, q.R + 1) if q.first(r, "diterima")]
    forms = [(f["revisi"], i) for i, f in enumerate(facts) if f["type"] == "request.submitted"]
    returns = {f["revisi"]: i for i, f in enumerate(facts) if f["type"] == "check.completed" and f["putusan"] == "dikembalikan"}
    held = {r for r, i in forms if r <= q.R and i < returns.get(r - 1, 0)}
    dates = [f["time"] for f in facts]
    used = [r for r in returned if q.form(r) and oracle.Calendar().used(*map(oracle.time_of, (q.form(r), q.first(r, "dikembalikan"))))]
    shown = {
        "returned twice": len(returned) == 2,
        "returned three times": len(returned) > 2,
        "returned after 422": set(returned) & set(accepted),
        "held": held,
        "two held": any(r + 1 in held for r in held),
        "withdrawn after a return": returned and any(f.get("putusan") == "dibatalkan" for f in facts),
        "clock 3 went on": len(accepted) > 1,
        "one day left": any(q.form(r + 1) for r in used),
        "dated back": dates != sorted(dates),
    }
    return {name for name, there in shown.items() if there}


SORTS = {"withdrawn before a form", "callbacks out of order", "three revisi", "three putaran", "a form after the end"}


def sorts(facts):
    """Which of SORTS the facts of a story (as story() gives them) show."""
    kinds = [f["type"] for f in facts]
    numbers = [f["data"]["urutan"] for f in facts if f["type"] == "callback.received"]
    withdrawn = kinds.index("request.withdrawn") if "request.withdrawn" in kinds else 0
    shown = {
        "withdrawn before a form": withdrawn and "request.submitted" not in kinds[:withdrawn],
        "callbacks out of order": numbers != sorted(set(numbers)),
        "three revisi": max(f["data"].get("revisi", 0) for f in facts) > 2,
        "three putaran": max(f["data"].get("putaran", 0) for f in facts) > 2,
        "a form after the end": "check.refused" in kinds,
    }
    return {name for name, there in shown.items() if there}


def topic(fact):
    return TOPICS[fact["type"].split(".")[0]]


def event(fact, nomor):
    """The fact as a CloudEvent in structured mode."""
    ce = {"specversion": "1.0", "id": fact["id"], "source": fact["source"], "type": f"{PREFIX}{fact['type']}.v1",
          "subject": nomor, "time": fact["time"], "datacontenttype": "application/json"}
    if "revisi" in fact["data"]:
        ce["revisi"] = fact["data"]["revisi"]
    return json.dumps({**ce, "data": fact["data"]}, ensure_ascii=False).encode()


def folded(fact, append):
    """The fact as tests/integration/oracle.py takes it, standing at `append` in the log."""
    data = oracle.of_data(fact["type"], fact["data"])
    return {**data, "type": fact["type"], "source": fact["source"], "id": fact["id"], "time": fact["time"],
            "append": append}
