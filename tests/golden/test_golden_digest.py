"""Every kind of digest, and of message about data that did not arrive, word for word as people read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecaster.channels.console import plain
from forecaster.words.digest import digest
from tests.core.digest_cases import ARRIVALS, DIGESTS


@pytest.mark.parametrize("case", DIGESTS)
def test_the_digest_reads_as_agreed(case, golden):
    golden(f"digest_{case}.txt", plain(digest(DIGESTS[case]()), 100) + "\n")


@pytest.mark.parametrize("case", ARRIVALS)
def test_missing_data_is_told_as_agreed(case, golden):
    golden(f"arrival_{case}.txt", plain(ARRIVALS[case](), 100) + "\n")


def test_no_golden_digest_is_left_behind():
    files = {file.stem for kind in ("digest", "arrival") for file in Path(__file__).parent.glob(f"{kind}_*.txt")}
    assert files == {f"digest_{case}" for case in DIGESTS} | {f"arrival_{case}" for case in ARRIVALS}
