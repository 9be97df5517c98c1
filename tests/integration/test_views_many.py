"""What the views cost with 200,000 requests (tests/bench/record.sql): each answer's time is shown, and its plan where it fails;
asserted is what makes it quick on any machine. `make bench` measures (stage views)."""
import sys

import harness
import pytest

sys.path.append(str(harness.ROOT / "tests/bench"))
import record  # noqa: E402

LARGE = {"event", "event_id", "event_copy", "request", "clock", "attempt_integrator", "attempt_validator"}
FEW = 1000  # an empty partition may be read whole


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def read(node):
    """Rows that a scan gave or threw away, all loops together."""
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]


def is_large(name):
    return name in LARGE or name.startswith("event_") and name not in LARGE


@pytest.fixture(scope="module")
def many():
    with harness.running("test_views_many", partitions=1, standin=False) as p:
        with p.db.cursor() as c:
            c.execute(f'set search_path to "{p.schema}"')
            record.fill(c)
            p.counted = record.counts(c)
            p.asked = record.questions(c, p.counted)
        print(p.counted)
        yield p


def test_the_mix(many):
    """200,000 requests, more than a million facts, and enough of each kind for the rest to mean something."""
    n = many.counted
    assert many.one("select count(*) from request") == record.MANY and n["events"] > 1000000
    assert n["open"] > 5000 and n["running"] > 5000 and n["late"] > 2000 and n["calls"] > n["late"] and n["odd"] > 50


def shown(p, sql):
    """The plan as one reads it."""
    return "\n".join(r["QUERY PLAN"] for r in p.rows(f"explain (analyze, buffers) {sql}".replace("%", "%%")))


@pytest.mark.parametrize("what", record.ASKED)
def test_plans(many, what):
    sql, most = many.asked[what]
    rows = len(many.rows(sql))  # what is in memory is asked for; the first look reads the disk
    explained = many.one(f"explain (analyze, buffers, format json) {sql}".replace("%", "%%"))[0]
    print(f"{what}: {rows} rows, {explained['Execution Time']:.1f} ms after {explained['Planning Time']:.1f} ms of planning")
    scans = [n for n in nodes(explained["Plan"]) if "Scan" in n["Node Type"] and "Relation Name" in n]
    assert rows and scans
    whole = {n["Relation Name"] for n in scans if n["Node Type"] in ("Seq Scan", "Sample Scan") and is_large(n["Relation Name"]) and read(n) > FEW}
    assert not whole, shown(many, sql)
    assert sum(read(n) for n in scans) <= most, shown(many, sql)
    assert "JIT" not in explained, shown(many, sql)


def test_the_sums_are_those_of_their_parts(many):
    """What is kept of rekap, against the histogram: marked where it has changed, until it is counted again."""
    many.rows("update rekap set jumlah = jumlah + 1 where ctid in (select ctid from rekap where satuan <> '' and jumlah <> 0 order by bulan limit 3)")
    assert 1 <= many.one("select count(*) from rekap_langkah where kotor") <= 3
    shown = many.rows("select * from v_rekap_opd order by bulan, kode_opd")
    assert many.one("select rekap_rapikan()") >= 1 and many.one("select count(*) from rekap_langkah where kotor") == 0
    assert many.rows("select * from v_rekap_opd order by bulan, kode_opd") == shown
    assert many.rows("select bulan, kode_opd, ukuran, sum(jumlah) as n, sum(jumlah) filter (where tepat) as tepat from rekap where satuan <> ''"
                     " group by 1, 2, 3 having sum(jumlah) <> 0 except select bulan, kode_opd, ukuran, jumlah, tepat from rekap_langkah") == []
    assert many.one("select count(*) from rekap_langkah where jumlah <> 0 and satuan is null") == 0
