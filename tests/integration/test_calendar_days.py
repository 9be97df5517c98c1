"""Every day of the years that the list of holidays has, against a second reading of the rules in Python's datetime; and
whatever zone the machine is in. The program is asked in one go (`bedelauctl calendar due -`)."""
import csv
import datetime
import itertools
import os
import re
import subprocess

import pytest

import harness
import oracle
from test_property import AGREED

CSV = oracle.CALENDAR
WIB = datetime.timezone(datetime.timedelta(hours=7))
ONE_DAY = datetime.timedelta(days=1)
YEARS = range(2024, 2028)
TERMS = (1, 2, 3, 5, 10, 30)
TIMES = ("00:00:00", "12:00:00", "23:59:59.999")
UNITS = ("hari_kerja", "hari_kalender")
ANSWER = re.compile(r".* \+ \d+ (?:hari_kerja|hari_kalender): last counted day (\S+), before (\S+) 00:00:00 WIB \(\S+\)")


class List:
    """The CSV, read anew: which days are off, and of which years there is a word."""

    def __init__(self, path=CSV):
        with open(path, newline="", encoding="utf-8") as f:
            self.off = {datetime.date.fromisoformat(row["tanggal"]) for row in csv.DictReader(f)}
        self.years = {d.year for d in self.off}

    def last_day(self, day, n, unit):
        """The n-th counted day after `day`; None where the list does not tell."""
        while n:
            day += ONE_DAY
            if unit == "hari_kalender":
                n -= 1
            elif day.weekday() < 5:
                if day.year not in self.years:
                    return None
                n -= day not in self.off
        return day


def ask(lines, zone=None, *words):
    env = {"PATH": "/usr/bin:/bin", **({"TZ": zone} if zone else {})}
    done = subprocess.run([harness.BIN / "bedelauctl", "calendar", "due", "-", "--calendar", CSV, *words], env=env, input="\n".join(lines) + "\n",
                          capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def every_day():
    day = datetime.date(YEARS[0], 1, 1)
    while day.year in YEARS:
        yield day
        day += ONE_DAY


def questions():
    """(line, last counted day or None) of every day, time of day, length and unit."""
    holidays = List()
    for day, n, unit in itertools.product(every_day(), TERMS, UNITS):
        last = holidays.last_day(day, n, unit)
        for time in TIMES:
            yield f"{day}T{time}+07:00 {n} {unit}", last


@pytest.fixture(scope="module")
def asked():
    return list(questions())


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Jakarta", "America/New_York"])
def test_every_day(asked, zone):
    """What the list tells is told right, and what it does not tell is refused; nothing else."""
    assert zone is None or os.path.exists(f"/usr/share/zoneinfo/{zone}")
    code, said, refused = ask([line for line, _ in asked], zone)
    want = [(str(last), str(last + ONE_DAY)) for _, last in asked if last]
    assert len(asked) == 1461 * len(TERMS) * len(UNITS) * len(TIMES)
    assert [ANSWER.fullmatch(line).groups() for line in said] == want
    assert len(refused) == len(asked) - len(want) > 0 and code == 1
    assert {line.rsplit("no data for the year ", 1)[1] for line in refused} == {"2028"}


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_zones_do_not_matter(asked, words):
    """To the byte, in the times that are printed too."""
    lines = [line for line, _ in asked[::7]]
    first, *others = [ask(lines, zone, *words) for zone in ("UTC", "Asia/Jakarta", "America/New_York")]
    assert len(first[1]) > 5000 and all(o == first for o in others)


@pytest.mark.parametrize("start, one, two, thirty", AGREED)
def test_agreed_dates(start, one, two, thirty):
    month = (datetime.date.fromisoformat(start) + 30 * ONE_DAY).isoformat()
    code, said, _ = ask([f"{start} 1", f"{start} 2", f"{start} 30", f"{start} 30 hari_kalender"])
    assert (code, [ANSWER.fullmatch(line)[1] for line in said]) == (0, [one, two, thirty, month])


@pytest.mark.parametrize("start, n, unit, last", [
    ("2024-02-28", 1, "hari_kerja", "2024-02-29"),        # a leap day that is worked on
    ("2024-02-28", 2, "hari_kerja", "2024-03-01"),
    ("2024-02-29T23:59:59.999+07:00", 1, "hari_kalender", "2024-03-01"),
    ("2027-02-26", 1, "hari_kerja", "2027-03-01"),        # no leap day, a weekend
    ("2024-12-31", 1, "hari_kerja", "2025-01-02"),        # New Year
    ("2026-12-31T16:59:59.999Z", 1, "hari_kerja", "2027-01-04"),  # 23:59:59.999 WIB of the last day of the year
    ("2026-12-31T17:00:00Z", 1, "hari_kerja", "2027-01-04"),      # 00:00:00 WIB of the first
    ("2024-04-05", 1, "hari_kerja", "2024-04-16"),        # the weeks of Lebaran
    ("2025-03-27", 1, "hari_kerja", "2025-04-08"),
    ("2026-03-17", 1, "hari_kerja", "2026-03-25"),
])
def test_edges(start, n, unit, last):
    code, said, _ = ask([f"{start} {n} {unit}"])
    assert (code, ANSWER.fullmatch(said[0])[1]) == (0, last)


def test_seconds():
    """No day 0 and no midnight."""
    code, said, _ = ask(["2026-12-31T23:59:59+07:00 2 detik"])
    assert code == 0 and said[0].endswith("+ 2 detik: before 2027-01-01 00:00:01 WIB (kalender_id_2024_2027)")


@pytest.mark.parametrize("line", ["2026-01-01", "2026-01-01 1 hari_kerja x", "kemarin 1", "2026-01-01 x", "2026-01-01 1 bulan", ""])
def test_bad_lines(line):
    code, said, complaint = ask(["2026-01-02 1", line, "2026-01-02 1"])
    assert (code, len(said), len(complaint)) == (64, 1, 1)
