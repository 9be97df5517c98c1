#!/usr/bin/env python3
"""clocks: the deadline worker's arithmetic against an independent reading of the rules, tests/integration/oracle.py.

usage: clocks.py PROGRAM [STORIES [SEED]]       (PROGRAM is built from clocks_main.c)

Invents what can happen to a request (tests/integration/stories.py) at random instants of 2024-2027, with the SOP's terms or
random ones in all three units, and lets the facts reach the worker as they might: late, repeated, out of order, after days
in which it was down. Whatever the way, the clocks must be those of the oracle; and of what was told on the way:

  - numbers without a gap, and the newest word on each clock is what the oracle says of it;
  - missed is said once of a clock and its due instant, and only where the oracle says so of all that could be read by then;
    what turns it is marked late_arrival, and nothing else is;
  - a warning once per threshold, between its instant and the due instant of a clock that runs, and again only where the due
    instant moved and the threshold lies ahead anew; where nothing was late none is left out.

    BEDELAU_MODEL=/path/model.py    compares the oracle with that reading of the rules too

Prints what fails, and last `N passed, N failed`.
"""
import collections
import datetime
import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
import oracle  # noqa: E402
import stories  # noqa: E402

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
US = datetime.timedelta(microseconds=1)
SINCE, LAST = datetime.datetime(2024, 1, 10, tzinfo=UTC), datetime.datetime(2027, 11, 25, tzinfo=UTC)
END = datetime.datetime(2027, 12, 31, 16, 59, 59, tzinfo=UTC)  # as far as the calendar goes
THRESHOLDS = {"pengajuan": [1], "pemeriksaan": [1], "integrasi": [7, 3, 1], "perbaikan": [1]}


def us(t):
    return (t - EPOCH) // US


def instant(n):
    return EPOCH + n * US


# ---- cases -----------------------------------------------------------------------------------------------------------


class Case:
    """One story, and how its facts come in."""

    def __init__(self, seed):
        self.seed, rng = seed, random.Random(seed)
        self.cal = oracle.Calendar(terms=self.terms(rng))
        self.way = rng.choices(["prompt", "late", "wild"], [3, 5, 2])[0]
        self.prompt = self.way == "prompt"  # every fact is read at once, and every timer goes off when it is due
        since = LAST - datetime.timedelta(days=20) if rng.random() < 0.03 else SINCE  # clock 3 runs into a year without data
        told = stories.story(f"{seed}.story", "X", END, since, LAST)
        self.copies = self.spread(rng, told)
        if self.way == "wild":
            self.copies = self.disorder(rng)
        self.steps = self.deliver(rng)
        last = max(oracle.instant(f["time"]) for f in self.copies)
        self.read = min(END, max(last, instant(self.steps[-1]["now"])) + datetime.timedelta(seconds=rng.randrange(90 * 86400)))
        self.steps.append({"until": us(self.read)})

    @staticmethod
    def terms(rng):
        if rng.random() < 0.6:
            return {}
        def one():
            unit = rng.choice([oracle.KERJA, oracle.KALENDER, oracle.DETIK])
            return rng.randint(1, 12) * (rng.choice([1, 40000]) if unit == oracle.DETIK else 1), unit
        return {tahap: one() for tahap in oracle.TERMS if rng.random() < 0.7}

    def spread(self, rng, told):
        """Copies of the facts in the order of the log; `at` is when one can be read."""
        copies = []
        for f in told:
            for n in range(1 if self.prompt else rng.choice([1, 1, 2])):
                late = 0 if self.prompt or rng.random() < 0.7 else rng.choice([1, 60, 3600, 86400, 20 * 86400])
                at = oracle.instant(f["time"]) + datetime.timedelta(seconds=rng.uniform(0, late))
                copies.append({**stories.folded(f, None), "at": at})
        copies.sort(key=lambda f: f["at"])
        for i, f in enumerate(copies):
            f["append"] = [us(f["at"]) // 1000, stories.topic(f), 0, i]
        return copies

    def disorder(self, rng):
        """What no sane pipeline would show: facts left out, dated anyhow, numbered anyhow, at any place of the log."""
        facts = {f["id"]: f for f in self.copies if rng.random() < 0.85} or {f["id"]: f for f in self.copies}
        for f in facts.values():
            if rng.random() < 0.2:
                f["time"] = (oracle.instant(f["time"]) + datetime.timedelta(hours=rng.randint(-200, 50))).isoformat()
        checks = [f for f in facts.values() if f["type"] == "check.completed"]
        if rng.random() < 0.4:
            for f, n in zip(checks, rng.sample([f["urutan"] for f in checks], len(checks))):
                f["urutan"] = n
        copies = [dict(f) for f in facts.values() for _ in range(rng.choice([1, 1, 2]))]
        rng.shuffle(copies)
        at = max(oracle.instant(f["time"]) for f in copies)
        for i, f in enumerate(copies):
            f["append"], f["at"] = [us(at) // 1000, stories.topic(f), rng.randrange(3), i], at
        return copies

    def deliver(self, rng):
        """Portions of the log, each shuffled; in between, where the worker is up, its timers."""
        if self.way == "wild":  # not even in the log's order
            sent = rng.sample(self.copies, len(self.copies))
            return [{"now": us(f["at"]), "facts": [as_sent(f)]} for f in sent]
        steps, i, idle, away = [], 0, False, 0
        while i < len(self.copies):
            n = 1 if self.prompt else rng.choice([1, 1, 2, 4])
            portion = self.copies[i:i + n]
            i += n
            idle ^= not self.prompt and rng.random() < 0.2  # no timer goes off
            if not idle and away < us(portion[0]["at"]) and (not steps or steps[-1]["now"] < us(portion[0]["at"])):
                steps.append({"until": us(portion[0]["at"]) - 1})
            if not self.prompt and rng.random() < 0.15:  # down until then: what is in the log is read at that moment
                away = us(portion[-1]["at"]) + rng.randrange(3 * 86400 * 10 ** 6)
            now = max(us(portion[-1]["at"]), away)
            steps.append({"now": now, "facts": rng.sample([as_sent(f) for f in portion], len(portion))})
        return steps

    def line(self):
        terms = [f"{n} {unit}" for n, unit in self.cal.terms.values()]
        return json.dumps({"terms": terms, "steps": self.steps, "read": us(self.read)})

    def expected(self, now):
        """{(revisi, tahap): clock} by what can be read at `now`."""
        facts = [f for f in self.copies if f["at"] <= now]
        clocks = oracle.clocks(facts, now, self.cal)
        if MODEL and self.cal.terms == oracle.TERMS:
            theirs = MODEL.clocks(facts, now, MODEL_CAL)
            for k in theirs:
                for name in ("mulai", "batas", "berakhir"):
                    k[name] = oracle.instant(k[name]) if k[name] else None
            assert oracle.by_name(theirs) == oracle.by_name(clocks), "the model differs from the oracle"
        return oracle.by_name(clocks)


def as_sent(f):
    return {**{k: v for k, v in f.items() if k not in ("at", "time", "temuan")}, "time_us": us(oracle.instant(f["time"]))}


# ---- what was told ---------------------------------------------------------------------------------------------------


class Told:
    """The facts of one case in the order in which they were told."""

    def __init__(self, case, told):
        self.case, self.cal = case, case.cal
        self.by_clock, self.when = collections.defaultdict(list), collections.defaultdict(list)
        self.warned, self.missed = collections.Counter(), 0
        assert [t["data"]["urutan"] for t in told] == list(range(1, len(told) + 1)), "numbers have a gap"
        for t in told:
            d, now = t["data"], instant(t["now"])
            key = d["revisi"], d["tahap"]
            if t["type"].endswith("changed.v1"):
                self.changed(key, d, now)
            else:
                self.warning(key, d, now)

    def changed(self, key, d, now):
        before = self.by_clock[key][-1] if self.by_clock[key] else None
        self.by_clock[key].append(d)
        self.when[key].append(now)
        was_missed = before and before["keadaan"] == "terlewat"
        self.missed += d["keadaan"] == "terlewat" and not was_missed
        if missed_open(d) and not was_missed:
            assert not any(missed_open(x) and x["batas"] == d["batas"] for x in self.by_clock[key][:-1]), f"{key} was called missed twice"
            assert self.case.expected(now).get(key, {}).get("keadaan") == "terlewat", f"{key} was called missed in vain"
        gone = d.get("ditiadakan", False)
        assert bool(d.get("late_arrival")) == bool(was_missed and d["keadaan"] != "terlewat" and not gone), f"{key} late_arrival"
        if not gone:
            assert d["sisa_hari"] == self.left(key, d, now), f"{key} sisa_hari {d['sisa_hari']}, not {self.left(key, d, now)}"

    def left(self, key, d, now):
        unit, due = self.cal.terms[key[1]][1], oracle.instant(d["batas"])
        if d["keadaan"] == "berjalan":
            if unit == oracle.DETIK:
                return max(0, -((now - due) // datetime.timedelta(seconds=1)))
            return self.cal.used(now, due - US, unit)
        whole = self.cal.used(oracle.instant(d["mulai"]), due - (0 if unit == oracle.DETIK else 1) * US, unit)
        return max(0, whole - d["hari_terpakai"])

    def warning(self, key, d, now):
        clock = self.by_clock[key][-1]
        at = warn_at(self.cal, oracle.instant(d["batas"]), d["sisa_hari"], self.cal.terms[key[1]][1])
        assert clock["keadaan"] == "berjalan" and clock["batas"] == d["batas"], f"{key} was warned of and does not run"
        assert self.case.expected(now).get(key, {}).get("keadaan") == "berjalan", f"{key} was warned of in vain"
        assert at <= now < oracle.instant(d["batas"]), f"{key} was warned of at the wrong time"
        assert d["sisa_hari"] in THRESHOLDS[key[1]]
        self.warned[*key, d["batas"], d["sisa_hari"]] += 1
        assert self.warned[*key, d["batas"], d["sisa_hari"]] == 1, f"{key} was warned of twice"
        known = min(w for x, w in zip(self.by_clock[key], self.when[key]) if x["batas"] == d["batas"])
        again = [b for (r, t, b, k) in self.warned if (r, t) == key and k == d["sisa_hari"] and b != d["batas"]]
        assert not again or at > known, f"{key} was warned of again, of what was past when its end moved"

    def clocks(self):
        """The newest word on each clock."""
        out = {}
        for key, ds in self.by_clock.items():
            d = ds[-1]
            if d.get("ditiadakan"):
                continue
            c = {"mulai": oracle.instant(d["mulai"]), "batas": oracle.instant(d["batas"]), "keadaan": d["keadaan"],
                 "berakhir": oracle.instant(d["berakhir"]) if d.get("berakhir") else None}
            out[key] = {**c, "hari_terpakai": d["hari_terpakai"]} if c["berakhir"] else c
        return out

    def none_left_out(self):
        """Where every fact was read at once, each threshold at which a clock ran was warned of."""
        for key, ds in self.by_clock.items():
            for d, begin, end in zip(ds, self.when[key], [*self.when[key][1:], self.case.read]):
                if d["keadaan"] != "berjalan" or d.get("ditiadakan"):
                    continue
                due = oracle.instant(d["batas"])
                for k in THRESHOLDS[key[1]]:
                    at = warn_at(self.cal, due, k, self.cal.terms[key[1]][1])
                    if begin < at < min(end, due):
                        assert self.warned[*key, d["batas"], k], f"{key} was not warned of at {k}"


def missed_open(d):
    return d["keadaan"] == "terlewat" and not d.get("berakhir")


def warn_at(cal, due, k, unit):
    if unit == oracle.DETIK:
        return due - datetime.timedelta(seconds=k)
    day = (due - US).astimezone(oracle.WIB).date()
    while True:
        k -= unit == oracle.KALENDER or cal.working(day)
        if not k:
            return datetime.datetime.combine(day, datetime.time(0), oracle.WIB)
        day -= oracle.ONE_DAY


# ---- judging ---------------------------------------------------------------------------------------------------------


def computed(out):
    clocks = [{**k, "mulai": instant(k["mulai_us"]), "batas": instant(k["batas_us"]),
               "berakhir": instant(k["berakhir_us"]) if k["berakhir_us"] is not None else None} for k in out["clocks"]]
    names = ("mulai", "batas", "keadaan", "berakhir", "hari_terpakai")
    return oracle.by_name([{n: k[n] for n in ("revisi", "tahap", *names)} for k in clocks])


def differences(what, got, want):
    wrong = {k: (got.get(k), want.get(k)) for k in {*got, *want} if got.get(k) != want.get(k)}
    assert not wrong, f"{what}: (said, expected) {wrong}"


def judge(case, out):
    """Asserts; returns what the case has shown."""
    try:
        want = case.expected(case.read)
    except ValueError as e:
        assert "no data for" in str(e) and "error" in out, f"no error: {e}"
        return {"no calendar"}
    assert "error" not in out, out
    differences("clocks", computed(out), want)
    told = Told(case, out["told"])
    differences("told", told.clocks(), want)
    assert out["missed"] == told.missed, f"{out['missed']} counted as missed, not {told.missed}"
    if case.prompt:
        told.none_left_out()
    q = oracle.Request(case.copies)
    assert out["status"] == (q.status() or ["-"])[0] or q.status() is None
    returned = sum(c["putusan"] == "dikembalikan" for c in map(q.check, range(1, 20)) if c)
    assert out["jumlah_pengembalian"] == returned
    states = {d["keadaan"] for ds in told.by_clock.values() for d in ds}
    notes = {n for ds in told.by_clock.values() for d in ds for n in ("late_arrival", "ditiadakan") if d.get(n)}
    return stories.traits(case.copies) | states | notes | ({"warned"} if told.warned else set())


def load_model():
    path = os.environ.get("BEDELAU_MODEL")
    if not path:
        return None, None
    spec = importlib.util.spec_from_file_location("model", path)
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    return model, model.Calendar()


MODEL, MODEL_CAL = load_model()
WANTED = stories.TRAITS | {"berjalan", "terpenuhi", "terlewat", "ditangguhkan", "dihentikan", "late_arrival", "ditiadakan",
                           "warned", "no calendar"}


def main(program, n=3000, seed=17):
    cases = [Case(f"{seed}.{i}") for i in range(int(n))]
    done = subprocess.run([program, oracle.CALENDAR], input="\n".join(c.line() for c in cases) + "\n", capture_output=True,
                          text=True, check=True)
    shown, failed = collections.Counter(), 0
    for case, line in zip(cases, done.stdout.splitlines(), strict=True):
        try:
            shown.update(judge(case, json.loads(line)))
        except AssertionError as e:
            failed += 1
            if failed <= 10:
                print(f"{case.seed}: {e}")
    for name in sorted(WANTED - set(shown)):
        failed += 1
        print(f"no story shows: {name}")
    print("shown:", ", ".join(f"{k} {shown[k]}" for k in sorted(shown)))
    print(f"{len(cases) + len(WANTED) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
