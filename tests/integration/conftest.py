import pytest

import bedelau
import harness


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
