import pytest

import bedelau
import harness
import postgres


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: needs the machine, the broker or the database's sessions for itself")


@pytest.fixture
def folder(request):
    """Where this test's programs write their logs; kept."""
    return harness.log_folder(f"{request.module.__name__}.{request.node.name}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


@pytest.fixture
def pipeline(folder, request):
    """Makes pipelines; stops them, and shows the ends of their logs where the test failed."""
    made = []

    def make(**settings):
        made.append(harness.Pipeline(folder, **settings))
        return made[-1]

    yield make
    if getattr(request.node, "report_call", None) and request.node.report_call.failed:
        for log in sorted(folder.glob("*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
            print(f"---- {log.name}", *lines, sep="\n")
    codes = [p.stop() for p in made]
    killed = {-9, -15}
    assert all(c == 0 or c in killed for each in codes for c in each.values()), codes


@pytest.fixture(scope="module")
def postgres_of_module(request):
    server = postgres.Postgres(harness.log_folder(f"{request.module.__name__}.postgres") / "postgres.log")
    yield server
    server.remove()


@pytest.fixture
def own_postgres(postgres_of_module, monkeypatch):
    """Pipelines stand on a Postgres of this file's own, and on the Kafka that all share."""
    monkeypatch.setenv("BEDELAU_KAFKA_BOOTSTRAP_SERVERS", harness.services()[0])
    monkeypatch.setenv("BEDELAU_POSTGRES_CONNINFO", postgres_of_module.conninfo)
    return postgres_of_module


@pytest.fixture
def story(pipeline):
    """Makes stories of one request at Bedelau (bedelau.py)."""
    made = []

    def make(**settings):
        made.append(bedelau.Story(pipeline(standin=False, **{**harness.FAST, **settings})))
        return made[-1]

    yield make
    for s in made:
        s.bedelau.close()
