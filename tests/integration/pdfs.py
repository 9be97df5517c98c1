"""The documents of tests/cases/pdf, as the tests of the helper and of the attachments use them."""
import os
import subprocess

import pytest

from harness import ROOT

CASES = ROOT / "tests/cases/pdf"
MADE = ROOT / "build/test/pdf"
# a module's pytestmark where its tests run the helper
needs_helper = pytest.mark.skipif(
    bool(os.environ.get("WITHOUT_QPDF")) or subprocess.run(["pkg-config", "--exists", "libqpdf"], check=False).returncode != 0,
    reason="built without libqpdf")


def make():
    """Makes all of them in MADE."""
    subprocess.run([CASES / "make", MADE], check=True, capture_output=True)
