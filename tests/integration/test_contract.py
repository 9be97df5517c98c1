"""`make contract` against the stand-in: all done, and exactly what is not done when something is not."""
import os
import re
import subprocess
import sys

import pytest

from harness import ROOT, eventually
from standin import Standin

CLIENT = {"client_id": "klien-uji", "client_secret": "hanya-untuk-uji"}


@pytest.fixture(scope="module")
def process():
    s = Standin()
    yield s
    assert s.stop() == 0


@pytest.fixture
def standin(process):
    process.faults()
    assert process.ask("DELETE", "/_stats")[0] == 204
    return process


def contract(standin, base="", **env):
    """(exit status, {line: state}, what was printed)"""
    clean = {k: v for k, v in os.environ.items() if k not in ("AUTH", "TOKEN", "PREFIX", "URL")}
    p = subprocess.run([sys.executable, "tests/contract/endpoint.py", f"http://127.0.0.1:{standin.port}{base}"], cwd=ROOT,
                       env={**clean, **env}, capture_output=True, text=True, timeout=120)
    rows = re.findall(r"^(done|NOT DONE|not seen) +(.*?)  +\S.*$", p.stdout, re.M)
    return p.returncode, {what: state for state, what in rows}, p.stdout + p.stderr


def lacking(rows):
    return [what for what, state in rows.items() if state == "NOT DONE"]


def test_all_is_done(standin):
    """Each number's first call is refused for a moment, then accepted for later: every line but the authentication's."""
    standin.faults(callback_after_ms=50, callbacks=False, retry_after_s=0,
                   script={"KONTRAK-*": [{"code": 503, "retry_after_s": 0}]}, mix={"202": 1})
    code, rows, told = contract(standin)
    assert code == 0 and lacking(rows) == [], told
    assert [what for what, state in rows.items() if state == "not seen"] == [
        "a call without credentials: 401 or 403, no effect", "a call with wrong credentials: 401 or 403, no effect"], told
    assert len(rows) == 24
    eventually(lambda: standin.stats()["active"], lambda n: n == 0, what="the end of each 202 of a DELETE")
    assert standin.stats()["duplicates"] == 0
    assert all(re.match(r"KONTRAK-[0-9A-F]{8}-", r["nomor_permohonan"]) for r in standin.ledger())
    assert re.search(r"writes only about KONTRAK-[0-9A-F]{8}-\*", told)


def test_without_idempotence_exactly_that_line(standin):
    standin.faults(idempotent=False)
    code, rows, told = contract(standin)
    assert (code, lacking(rows)) == (1, ["Idempotency-Key is honoured: a repeat has no second effect"]), told
    assert standin.stats()["active"] == 0


@pytest.mark.parametrize("auth,env", [
    ({"kind": "oauth2", **CLIENT}, {"AUTH": "oauth2", "CLIENT_ID": "klien-uji", "CLIENT_SECRET": "hanya-untuk-uji"}),
    ({"kind": "basic", "expired_code": 403, **CLIENT},
     {"AUTH": "basic", "CLIENT_ID": "klien-uji", "CLIENT_SECRET": "hanya-untuk-uji"}),
    ({"kind": "api_key", "token": "kunci", "header": "X-Kunci"}, {"AUTH": "api_key", "TOKEN": "kunci", "HEADER": "X-Kunci"}),
])
def test_credentials(standin, auth, env):
    standin.faults(auth=auth)
    code, rows, told = contract(standin, **env)
    assert (code, lacking(rows)) == (0, []), told
    assert [rows[w] for w in rows if "credentials" in w] == ["done"] * (3 if auth["kind"] == "oauth2" else 2), told
    assert env.get("CLIENT_SECRET", "kunci") not in told


def test_token_from_a_file(standin, tmp_path):
    standin.faults(auth={"kind": "bearer", "token": "kunci"})
    (tmp_path / "token").write_text("kunci\n", encoding="utf-8")
    code, rows, told = contract(standin, AUTH="bearer", TOKEN_FILE=str(tmp_path / "token"))
    assert (code, lacking(rows)) == (0, []), told


@pytest.mark.parametrize("faults,what", [
    ({"mix": {"422": 1}}, "POST registers: 201 or 202 with id_integrasi and status"),
    ({"script": {"KONTRAK-*": [{"code": 201, "body": {"ok": True}}]}}, "POST registers: 201 or 202 with id_integrasi and status"),
    ({"mix": {"202_tetap": 1}}, "202, 429, 503 carry Retry-After"),
    ({"script": {"KONTRAK-*": [{"method": "DELETE", "code": 200, "apply": False}] * 8}},
     "after DELETE the status is dinonaktifkan, or nothing is left"),
    ({"script": {"KONTRAK-*": [{"method": "GET", "code": 200, "body": {"status": "aktif"}}] * 64}},
     "GET by id tells nomor, revisi, putaran, status, urutan, waktu"),
])
def test_what_is_not_done_is_told(standin, faults, what):
    standin.faults(callback_after_ms=50, callbacks=False, **faults)
    code, rows, told = contract(standin, WAIT_S="0.5")
    assert code == 1 and what in lacking(rows), told


def test_nobody_answers_and_wrong_use(standin):
    gone = Standin()
    assert gone.stop() == 0
    code, rows, told = contract(gone)
    assert (code, rows) == (69, {}) and "127.0.0.1" in told
    make = subprocess.run(["make", "--no-print-directory", "contract", "URL="], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert make.returncode != 0 and "usage" in make.stderr


def test_by_make(standin):
    make = subprocess.run(["make", "--no-print-directory", "contract", f"URL=http://127.0.0.1:{standin.port}"], cwd=ROOT,
                          capture_output=True, text=True, timeout=120)
    assert make.returncode == 0 and "0 not done" in make.stdout, make.stdout + make.stderr
    assert standin.stats()["active"] == 0
