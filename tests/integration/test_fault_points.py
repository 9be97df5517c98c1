"""A crash between any two steps of the deadline worker's life: no clock lost, none fired twice.

The programs carry named places (common/base/fault.h) at which the process kills itself when BEDELAU_FAULT asks for it.
Here each place that the deadline worker has is hit once, one after the other, while requests with clocks of seconds run
through the whole pipeline: met, missed, warned of, returned and mended, returned twice, returned and left. In the end the
clocks must be what oracle.py makes of the recorded facts, and what was told of each must have been told once.

A new place without a line in PLAN fails the test.
"""
import collections
import json
import subprocess

import harness
import oracle
from harness import BIN, OPD, TYPE, event, eventually

TERMS = {"pengajuan": 2, "pemeriksaan": 2, "integrasi": 10, "perbaikan": 2}  # seconds
WAITS = {"kode_opd": "2.12.01", "nama_opd": "Dinas Kependudukan dan Pencatatan Sipil"}
BAD = {"tipe_lisensi": "x"}


# ---- what happens to requests ----------------------------------------------------------------------------------------


def register(p, nomor):
    p.send("requests", event("request.registered", nomor, {
        "kode_opd": OPD, "dasar_pengajuan": "surat_dinas", "nomor_surat": f"600/{nomor}", "tanggal_surat": harness.day(),
        "perihal": "Permohonan integrasi"}))


def tell(p, i):
    """One request of each kind."""
    for kind, forms in {"A": [{}], "B": [BAD, {}], "C": [BAD, BAD, {}], "D": [BAD], "E": [WAITS]}.items():
        nomor = f"{OPD}-{kind}-{i:04d}"
        if kind in "AC":
            register(p, nomor)
        for r, changes in enumerate(forms, 1):
            p.submit(nomor, revisi=r, source=f"/opd/{changes.get('kode_opd', OPD)}", **changes)
    register(p, f"{OPD}-F-{i:04d}")  # no form ever comes
    p.flush()


def another_joins(p, i):
    """The partitions are given up when a second process wants its share."""
    tell(p, i)
    p.await_ready("deadline")
    p.start("deadline.2", wait=False, kafka_group_instance_id="b")


def offsets_move(p, i):
    """A successor that has moved the offsets fences this process: its next transaction is rolled back."""
    p.await_ready("deadline")
    p.rows("update consumer_offset set generation = generation + 1 where consumer_group = %s", f"{p.prefix}-deadline")
    tell(p, i)


def data_are_refused(p, i):
    """The database refuses one request's row by its data, so that the batch is taken apart."""
    p.rows("create or replace function refuse() returns trigger language plpgsql as $$ begin "
           "raise exception 'refused' using errcode = '22000'; end $$")
    p.rows("create trigger refuse before insert on deadline_clock for each row "
           f"when (new.nomor_permohonan = '{OPD}-D-{i:04d}') execute function refuse()")
    tell(p, i)


def another_calendar(p, i):
    """A newer list of holidays: whatever is open is reckoned anew (in seconds, to no other end)."""
    lines = oracle.CALENDAR.read_text(encoding="utf-8").splitlines()
    path = p.folder / f"uji_{i}.csv"
    path.write_text("\n".join([*lines[:-1], ""]), encoding="utf-8")
    p.ctl("calendar", "load", str(path))
    tell(p, i)


def is_mended(p):
    p.rows("drop trigger if exists refuse on deadline_clock")


# ---- the places, in an order in which each is met ----------------------------------------------------------------------

PLAN = [
    ("flow.positions_taken", tell),
    ("flow.record_taken:2", tell),
    ("flow.begun", tell),
    ("flow.rows_locked", tell),
    ("deadline.change_told:2", tell),
    ("flow.applied", tell),
    ("flow.before_commit", tell),
    ("flow.commit_sent", tell),
    ("flow.committed", tell),
    ("outbox.leased", tell),
    ("flow.offsets_reported", tell),
    ("outbox.row_sent:3", tell),
    ("outbox.loaded", tell),  # what its predecessor sent, or not, and did not remove
    ("flow.published", tell),
    ("deadline.due_noted", tell),
    ("flow.followed", tell),
    ("outbox.delivered", tell),
    ("outbox.removal_sent", tell),
    ("outbox.removed", tell),
    ("flow.rolled_back", offsets_move),
    ("flow.partitions_given_up", another_joins),
    ("flow.part_applied", data_are_refused),
    ("flow.part_undone", data_are_refused),
    ("deadline.alarm", tell),
    ("deadline.others_have_read", tell),
    ("deadline.we_have_read", tell),
    ("deadline.gate_open", tell),
    ("deadline.due_found", tell),
    ("flow.item_posted:2", tell),
    ("deadline.warning_told", tell),
    ("deadline.missed_told", tell),
    ("deadline.rung", tell),
    ("deadline.recount_posted", another_calendar),
    ("deadline.recounted", another_calendar),
]


def places():
    """Every place that a worker has."""
    return {line for w in harness.WORKERS for line in subprocess.run(
        [BIN / f"bedelau-{w}", "--fault-points"], capture_output=True, text=True, check=True).stdout.split()}


def die_at(p, i, place, stimulus):
    """Starts the worker, has it die at this place and nowhere else."""
    p.start("deadline", wait=False, fault=place, kafka_group_instance_id="a")
    stimulus(p, i)
    assert p.procs["deadline"].wait(timeout=90) == -9, f"{place}; see {p.folder}"
    assert f'fault={place.split(":")[0]}' in p.log("deadline").splitlines()[-1]
    if "deadline.2" in p.procs:
        p.kill("deadline.2")
    is_mended(p)
    # nobody holds what the dead one held: its lease would run out by itself, seconds later
    p.rows("update outbox_lane set lease_until = now() where worker = 'deadline'")


# ---- what must be in the end ------------------------------------------------------------------------------------------


def settled(p, want):
    """Nothing while a clock runs, a fact is on its way, or the record differs from what the facts say."""
    states = {k["keadaan"] for clocks in want.values() for k in clocks.values()}
    if "berjalan" in states or p.one("select count(*) from outbox_deadline") or p.unread():
        return None
    got = collections.defaultdict(dict)
    for k in p.rows("select * from clock"):
        got[k["nomor_permohonan"]][k["revisi"], k["tahap"]] = oracle.recorded_clock(k)
    return dict(got) if got == want else None


def expected(p):
    facts = oracle.recorded_facts(p.rows("select * from event order by seq"), TYPE)
    cal = oracle.Calendar(terms={k: (n, "detik") for k, n in TERMS.items()})
    now = oracle.instant(harness.now())
    return {nomor: oracle.by_name(oracle.clocks(fs, now, cal)) for nomor, fs in facts.items()}


def told_once(p):
    """{(nomor, revisi, tahap): [keadaan..]} of what was published, in the order of its numbers; a repeat is the same bytes."""
    first = {}
    for m in p.read("deadlines"):
        e = json.loads(m.value())
        assert first.setdefault((e["source"], e["id"]), m.value()) == m.value()
    told, numbers, warned = collections.defaultdict(list), collections.defaultdict(list), collections.Counter()
    for e in sorted((json.loads(v) for v in first.values()), key=lambda e: e["data"]["urutan"]):
        d = e["data"]
        numbers[e["subject"]].append(d["urutan"])
        if e["type"] == TYPE.format("deadline.changed"):
            told[e["subject"], d["revisi"], d["tahap"]].append(d["keadaan"])
        else:
            warned[e["subject"], d["revisi"], d["tahap"], d["sisa_hari"], d["batas"]] += 1
    assert all(got == list(range(1, len(got) + 1)) for got in numbers.values()), numbers
    assert set(warned.values()) == {1}, warned.most_common(3)
    return told


def test_each_place(pipeline):
    assert {place.split(":")[0] for place, _ in PLAN} == places()
    p = pipeline(**harness.FAST, **{f"sop_{k}": f"{n} detik" for k, n in TERMS.items()}, deadline_grace="100ms",
                 validator_review_manual_opd=WAITS["kode_opd"])
    p.start("validator", "integrator", "projector")
    p.faults(seed=3, mix={"202_tetap": 0.3}, retry_after_s=5)  # some are never done: clock 3 warns 7, 3 and 1 before its end
    for i, (place, stimulus) in enumerate(PLAN):
        die_at(p, i, place, stimulus)
    p.start("deadline", kafka_group_instance_id="a")
    clocks = eventually(lambda: settled(p, expected(p)), limit_s=120, what=f"the clocks as expected; see {p.folder}")
    assert len(clocks) == 6 * len(PLAN)
    missed = {(nomor, *k) for nomor, cs in clocks.items() for k, c in cs.items() if c["keadaan"] == "terlewat"}
    told = told_once(p)
    assert set(told) == {(nomor, *k) for nomor, cs in clocks.items() for k in cs}
    for k, states in told.items():
        times = sum(s == "terlewat" != before for before, s in zip([None, *states], states))
        assert times == (k in missed), (k, states)
    assert {tahap for _, _, tahap in missed} >= set(TERMS)
    harness.every_event_once(p)
    assert p.rows("select * from deadline_clock where due_at is not null") == []


def test_not_in_production(tmp_path):
    """The names of production refuse it, and so does a place that there is not."""
    conf = harness.BASE + "schema = bedelau\n[kafka]\ntopic_prefix = {}\n"
    for env, topics, schema, why in [("flow.begun", "bedelau", "x", "is for tests"), ("flow.begun", "x", "bedelau", "is for tests"),
                                     ("flow.nowhere", "x", "x", "flow.nowhere"), ("flow.begun:x", "x", "x", "flow.begun:x")]:
        conf = harness.BASE.replace("[attachments]", f"schema = {schema}\n[kafka]\ntopic_prefix = {topics}\n[attachments]")
        done = harness.run("deadline", "--check-config", conf=conf, tmp=tmp_path, env={"BEDELAU_FAULT": env})
        assert done.returncode == 78 and why in done.stderr, (env, done)
