"""Memory does not grow with the file."""

from __future__ import annotations

import datetime as dt
import gc
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from extract_cases import SECRET, TODAY
from hypothesis import given
from hypothesis import strategies as st

from forecaster.read import open_extract
from forecaster.read.batches import Seen

START = dt.date(2018, 1, 1)


def council(rows: int) -> Iterator[str]:
    """Yields the lines of an events CSV in which one row in ten is of a plan."""
    chance = random.Random(rows)
    yield "child_id,event,date,recorded,team,locality,source,age,family_id,previous_plans"
    for number in range(rows):
        child, day = chance.randrange(rows), START + dt.timedelta(days=chance.randrange(2000))
        kind = "plan_start" if number % 10 == 0 else chance.choice(["contact", "referral", "visit"])
        more = f"Team {child % 9},North,Police,{child % 17},F{child // 3:06d},{child % 2}"
        yield f"C{child:07d},{kind},{day},{day},{more}"


def peak_of(path: Path) -> int:
    """Returns the most bytes that were held at once while a file was read batch by batch."""
    gc.collect()
    tracemalloc.start()
    for _ in open_extract(path, SECRET, today=TODAY).batches:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_file_eight_times_as_large_takes_little_more_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecaster.read.tables.CHUNK", 500)
    monkeypatch.setattr("forecaster.read.tables._BLOCK", 10_000)
    monkeypatch.setattr("forecaster.read.plans._AT_ONCE", 100)
    paths = [tmp_path / "small.csv", tmp_path / "large.csv"]
    for path, rows in zip(paths, (2_000, 16_000), strict=True):
        path.write_text("\n".join(council(rows)))
    peak_of(paths[0])  # what is loaded once is loaded
    small, large = map(peak_of, paths)
    # What may grow: 8 bytes a row to know repeats, and some 50 bytes a plan event; a row of text is some 90 bytes.
    assert large - small < 14_000 * 30
    assert large < 2 * small


def test_a_reader_gives_batches_of_the_size_of_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecaster.read.tables.CHUNK", 1000)
    path = tmp_path / "many.csv"
    path.write_text("\n".join(council(3_500)))
    assert [batch.seen for batch in open_extract(path, SECRET, today=TODAY).batches] == [1000, 1000, 1000, 500]


@given(st.lists(st.lists(st.integers(0, 20), max_size=10), max_size=6))
def test_what_was_seen_is_known_again(parts: list[list[int]]) -> None:
    seen, known = Seen(), set[int]()
    for part in parts:
        found = seen.again(np.array(part, dtype=np.uint64))
        for value, again in zip(part, found.tolist(), strict=True):
            assert again == (value in known)
            known.add(value)
