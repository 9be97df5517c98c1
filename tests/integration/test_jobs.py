"""Durable jobs: what waits for its time costs nothing, and among what is ready the earliest deadline goes first."""
import harness
from harness import FAST, OPD

MANY = 100_000


def store(p, name, n, due, deadline):
    """Jobs as the integrator would store them, the later the nearer their deadlines."""
    p.rows("insert into job_integrator (key, subject, step, due_at, deadline_at)"
           " select %s || g || ':1:1', %s || g, 'send', now() + %s::interval + g * interval '1 ms',"
           " now() + %s::interval - g * interval '1 s' from generate_series(1, %s) g", name, name, due, deadline, n)


def called(p, n):
    harness.eventually(lambda: p.one("select count(*) from attempt_integrator"), lambda got: got >= n, what="calls")
    return [r["key"] for r in p.rows("select key from attempt_integrator order by sent_at limit %s", n)]


def test_parked_jobs_are_not_read(pipeline):
    """A hundred thousand that wait, with the nearest deadlines, are not read to find one of a hundred thousand others."""
    p = pipeline(**FAST, integrator_in_flight="1")
    store(p, "PARKED-", MANY, "1 day", "2 days")
    store(p, "READY-", MANY, "-1 hour", "30 days")
    p.rows("analyze job_integrator")
    p.start("integrator")
    assert all(key.startswith("READY-") for key in called(p, 24))
    p.terminate("integrator")  # its connection tells its counts at its end
    counts = harness.eventually(
        lambda: p.rows("select seq_tup_read + idx_tup_fetch as read, n_tup_upd as claimed from pg_stat_user_tables"
                       " where schemaname = current_schema() and relname = 'job_integrator'")[0],
        lambda r: r["claimed"] >= 24, what="the counts")
    assert counts["read"] < MANY, counts


def test_the_earliest_deadline_goes_first(pipeline):
    """More are ready than are taken at once: those with the nearest deadlines are called first, wherever they stand."""
    p = pipeline(**FAST, integrator_in_flight="1")
    store(p, "R-", 300, "-1 hour", "30 days")
    p.start("integrator")
    assert called(p, 5) == [f"R-{g}:1:1" for g in (300, 299, 298, 297, 296)]


def test_an_integrator_of_before_finds_the_body(pipeline):
    """Its claim passes a job by whose body is kept with the form; then the body is where it looks."""
    p, nomor = pipeline(**FAST), f"{OPD}-J-OLD"
    p.start("validator", "deadline")
    p.start("integrator", integrator_mode="off")
    p.submit(nomor)
    p.flush()
    key = harness.eventually(lambda: p.rows("select key from job_integrator where subject = %s", nomor), what="a job")[0]["key"]
    assert p.one("select count(*) from job_body_integrator") == 0
    claim = "update job_integrator set lease = %s where key = %s returning key"
    assert p.rows(claim, 7, key) == []
    kept = bytes(p.one("select body from integration_body where nomor_permohonan = %s", nomor))
    assert bytes(p.one("select body from job_body_integrator where key = %s", key)) == kept
    assert p.rows(claim, 7, key) == [{"key": key}]
    assert p.rows(claim, -7, key) == [{"key": key}]
