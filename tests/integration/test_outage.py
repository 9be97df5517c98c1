"""Kafka and Postgres of this test's own go away in mid-run and come back: nothing lost, nothing set aside."""
import os
import subprocess

import harness
import pytest
from harness import OPD, ROOT, every_event_once

pytestmark = pytest.mark.alone


@pytest.fixture
def own_services(tmp_path_factory):
    """A second Kafka and Postgres beside those of the other tests, in a clone so that its .run is its own."""
    home = tmp_path_factory.mktemp("services")
    subprocess.run(["git", "clone", "-q", ROOT, home / "tree"], check=True)
    dev = home / "tree/deploy/dev"
    env = {k: v for k, v in os.environ.items() if not k.startswith("BEDELAU_")}
    if "BEDELAU_CACHE" in os.environ:
        env["BEDELAU_CACHE"] = os.environ["BEDELAU_CACHE"]

    def dev_run(*words):
        done = subprocess.run([dev / words[0], *words[1:]], env=env, capture_output=True, text=True, timeout=200,
                              check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    dev_run("up", "services")
    yield home / "tree", dev_run
    dev_run("down")
    dev_run("clean-state")


@pytest.fixture
def there(own_services, monkeypatch):
    tree, dev_run = own_services
    show = 'echo "$BEDELAU_KAFKA_BOOTSTRAP_SERVERS"; echo "$BEDELAU_POSTGRES_CONNINFO"'
    servers, conninfo = subprocess.run(["bash", "-c", f". {tree}/.run/env; {show}"], check=True, capture_output=True,
                                       text=True).stdout.splitlines()
    monkeypatch.setenv("BEDELAU_KAFKA_BOOTSTRAP_SERVERS", servers)
    monkeypatch.setenv("BEDELAU_POSTGRES_CONNINFO", conninfo)
    return dev_run


def said(p, name, words):
    return sum(words in line for line in p.log(name).splitlines())


def test_away_and_back(there, pipeline):
    """Postgres is stopped for 10 s and the broker is restarted while 1,000 requests are on their way."""
    p = pipeline(integrator_backoff_min="50ms", integrator_backoff_max="1s", integrator_timeout="2s",
                 integrator_lease="5s")
    p.start(*harness.WORKERS)
    for i in range(300):
        p.submit(f"{OPD}-A-{i:04d}")
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from event"), lambda n: n > 100, what="work under way")
    there("down", "postgres")
    for i in range(300, 600):
        p.submit(f"{OPD}-A-{i:04d}")
    p.flush()
    for name in harness.WORKERS:
        harness.eventually(lambda: p.ready(name), lambda s: s == 503, what=f"{name} says that it is not ready")
    stopped = harness.datetime.datetime.now()
    harness.eventually(lambda: (harness.datetime.datetime.now() - stopped).total_seconds(), lambda s: s >= 10,
                       what="10 s without a database, which are the case")
    there("up", "services")
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n > 350, 60,
                       f"work goes on; see {p.folder}")
    there("down", "kafka")
    for name in harness.WORKERS:
        harness.eventually(lambda: p.ready(name), lambda s: s == 503, what=f"{name} says that it is not ready")
    there("up", "services")
    for i in range(600, 1000):
        p.submit(f"{OPD}-A-{i:04d}")
    p.flush()
    harness.eventually(lambda: p.one("select count(*) from request where status = 'selesai'"), lambda n: n == 1000, 120,
                       f"all 1,000; see {p.folder}")
    for name in harness.WORKERS:
        p.await_ready(name)
        assert said(p, name, "Postgres does not answer; waiting") == 1, name
        assert said(p, name, "Postgres answers again") == 1, name
        # the client notices either that no broker answers, or that its partitions are lost; each is said once
        away, lost = said(p, name, "no Kafka broker answers; waiting"), said(p, name, "lost=1")
        assert away <= 1 and lost <= 1 and away + lost >= 1, name
        assert said(p, name, "msg=librdkafka") == 0, name
    p.await_quiet()
    every_event_once(p)
    assert p.rows("select * from dead_letter") == []
    assert (p.stats()["active"], p.stats()["duplicates"]) == (1000, 0)


def test_away_at_start(there, pipeline):
    """Programs that start before the broker and the database wait, say so once, and go on by themselves."""
    p = pipeline()
    nomor = f"{OPD}-S-0001"
    p.submit(nomor)
    p.flush()
    p.db.close()
    there("down")
    p.start(*harness.WORKERS, wait=False)
    for name in harness.WORKERS:
        harness.eventually(lambda: p.ready(name), lambda s: s == 503, what=f"{name} answers 503")
        harness.eventually(lambda: said(p, name, "Postgres does not answer; waiting"), what=f"{name} says what it waits for")
    there("up", "services")
    p.await_status(nomor, "selesai", 90)
    for name in harness.WORKERS:
        p.await_ready(name)
        assert said(p, name, "Postgres does not answer; waiting") == 1, name
    p.await_quiet()
