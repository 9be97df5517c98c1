"""Documents of many kinds through the real helper, sandbox and all. Needs neither Kafka nor Postgres."""
import json
import os
import random
import re
import subprocess

import pytest

import pdfs
from harness import BIN
from pdfs import CASES, MADE

HELPER = BIN / "bedelau-pdfcheck"
CA_FD = 3
LIMIT_S = 30  # the helper's own limit is 10 s of processor time

pytestmark = pdfs.needs_helper


def table():
    rows = (CASES / "table.tsv").read_text(encoding="ascii").splitlines()[1:]
    return [row.split("\t") for row in rows]


@pytest.fixture(scope="module", autouse=True)
def made():
    pdfs.make()


def judge(path, bundle=None):
    """Exit status and output of the helper, which gets the descriptors as the validator gives them."""
    def place():
        if bundle:
            os.dup2(ca.fileno(), CA_FD)

    with open(path, "rb") as doc, open(bundle or os.devnull, "rb") as ca:
        words = [HELPER] + (["--ca"] if bundle else [])
        done = subprocess.run(words, stdin=doc, capture_output=True, preexec_fn=place, timeout=LIMIT_S, check=False,
                              pass_fds=[CA_FD] if bundle else [], env={})
    assert done.stderr == b""
    return done.returncode, done.stdout.decode("ascii")


def said(pdf, pages, sign):
    return f'{{"pdf":"{pdf}","halaman":{pages},"ttd":"{sign}"}}\n'


def test_table_is_whole():
    """Every document has an expected verdict and every verdict its document."""
    names = [row[0] for row in table()]
    assert len(names) == len(set(names))
    assert {p.stem for p in MADE.glob("*.pdf")} == set(names)


@pytest.mark.parametrize("name,bundle,pdf,pages,sign", table(), ids=[row[0] for row in table()])
def test_document(name, bundle, pdf, pages, sign):
    assert judge(MADE / f"{name}.pdf", MADE / f"{bundle}.pem" if bundle != "-" else None) == (0, said(pdf, pages, sign))


def verdict(path, bundle=None):
    code, line = judge(path, bundle)
    assert code == 0
    return json.loads(line)


def test_no_changed_byte_stays_signed(tmp_path):
    """One byte of the signed range changed anywhere: never a valid signature, and never a crash."""
    good = (MADE / "ttd_sah.pdf").read_bytes()
    gap = re.search(rb"/Contents <([0-9a-f]+)>", good)
    rnd = random.Random(11)
    path = tmp_path / "changed.pdf"
    for _ in range(60):
        at = rnd.choice([rnd.randrange(gap.start(1) - 1), rnd.randrange(gap.end(1) + 1, len(good))])
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << rnd.randrange(8)]) + good[at + 1:])
        got = verdict(path, MADE / "ca.pem")
        assert got["ttd"] in ("tidak_sah", "tidak_ada"), at


def test_no_damage_brings_it_down(tmp_path):
    """Bytes changed, taken out and doubled: always a verdict, never what the sandbox kills for."""
    rnd = random.Random(12)
    names = ["baik_1_5_aliran_objek", "baik_linear", "baik_pindaian", "ttd_sah_dua", "kunci_aes_256", "baik_diperbarui"]
    path = tmp_path / "damaged.pdf"
    for i in range(90):
        data = bytearray((MADE / f"{names[i % len(names)]}.pdf").read_bytes())
        for _ in range(rnd.randint(1, 12)):
            at, n = rnd.randrange(len(data)), rnd.randint(1, 40)
            part = bytes(data[at:at + n])
            data[at:at + n] = rnd.choice([b"", part + part, rnd.randbytes(n), bytes(reversed(part))])
        path.write_bytes(data)
        got = verdict(path, MADE / "ca.pem")
        assert (got["halaman"] > 0) == (got["pdf"] == "ok"), i


def test_document_too_large_for_it(tmp_path):
    path = tmp_path / "large.pdf"
    with open(path, "wb") as f:
        f.write(b"%PDF-1.4\n")
        f.truncate((64 << 20) + 1)
    assert judge(path) == (66, "")


@pytest.mark.parametrize("bundle", [b"", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_bundle_that_is_none(tmp_path, bundle):
    """It does not judge as if there were no CA."""
    path = tmp_path / "ca.pem"
    path.write_bytes(bundle)
    assert judge(MADE / "ttd_sah.pdf", path) == (66, "")


def test_it_is_told_nothing_else():
    done = subprocess.run([HELPER, "letter.pdf"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (64, b"")


def test_only_it_links_qpdf():
    for program in BIN.iterdir():
        needed = subprocess.run(["readelf", "-d", program], check=True, capture_output=True, text=True).stdout
        assert ("libqpdf" in needed) == (program == HELPER), program
