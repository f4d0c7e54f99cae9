"""Delimited text: plain lines are split all at once, anything else row by row, and nobody can tell the difference."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecaster.read.tables import Table, first_bytes
from forecaster.types import InputError

CELLS = ["", " ", "a", "007", "7.0", "NA", "nan", "é", "\xa0", "\ufeff", "\u2028", "#", "\\", "'"]
TROUBLE = ['"', '""', 'a"b', '"a"b', "x,y", "x;y", "two\nlines", "\r"]
PLAIN = {
    "as anybody writes it": b"a,b\n1,2\n3,\n",
    "without an end of line": b"a,b\n1,2\n3,",
    "as Windows writes it": b"a,b\r\n1,2\r\n3,\r\n",
    "as R writes it": b'"a","b"\n"1",2\n"3",""\n',
    "with semicolons": b"a;b\n1;2\n3;\n",
    "with tabs": b"a\tb\n1\t2\n3\t\n",
    "with a mark at its beginning": b"\xef\xbb\xbfa,b\n1,2\n3,\n",
    "gzipped": gzip.compress(b"a,b\n1,2\n3,\n"),
}


def chunks(path: Path) -> list[Any]:
    """Returns all there is to see of the chunks of a file, and of the error it ends with."""
    seen: list[Any] = []
    try:
        for chunk in Table.open(path, first_bytes(path)).chunks():
            rows = dict(zip(chunk.frame.index.tolist(), chunk.frame.to_numpy().tolist(), strict=True))
            seen.append((list(chunk.frame), rows, chunk.rejects))
    except InputError as error:
        seen.append(str(error))
    return seen


def rows(path: Path) -> dict[int, list[str]]:
    return {number: row for _, some, _ in chunks(path) for number, row in some.items()}


def written(cell: str, how: int) -> str:
    """Returns a cell between quotation marks, as a spreadsheet would have it, or just as it is."""
    proper = '"' + cell.replace('"', '""') + '"'
    needed = any(mark in cell for mark in ',;\t"\r\n')
    return [cell, proper, proper if needed else cell, proper if needed else cell][how]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Returns a file: mostly plain, sometimes with anything in it that a file may have."""
    width, delimiter = draw(st.integers(1, 3)), draw(st.sampled_from(",;\t"))
    quoting = draw(st.integers(0, 3))
    cells = st.sampled_from(CELLS + (TROUBLE if draw(st.booleans()) else []))
    widths = st.integers(0, 4) if draw(st.integers(0, 3)) == 0 else st.just(width)
    texts = draw(st.lists(widths.flatmap(lambda n: st.lists(cells, min_size=n, max_size=n)), max_size=8))
    lines = [[*"abc"[:width]], *texts]
    ends = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = ends.join(delimiter.join(written(cell, quoting) for cell in line) for line in lines)
    text += draw(st.sampled_from(["", ends, ends * 2]))
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252"])), errors="replace")
    return gzip.compress(data) if draw(st.booleans()) else data


@settings(max_examples=400)
@given(files(), st.integers(1, 3))
@example(b"a,b\n1,2\n3,4\n5\n6,7\n", 2)
@example(b'a,b\n1,2\n"3","4"\n"5,6",7\n8,9\n', 1)
@example(b"a\n1\n\xef\xbb\xbf2\n", 1)
@example(b"a,b\n1,2\n3,4\n5,\0\n", 1)
def test_all_at_once_or_row_by_row_the_same_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_bytes(data)
    with patch("forecaster.read.tables.CHUNK", size), patch("forecaster.read.tables.HEAD", 14):
        found = chunks(path)
        with patch.object(Table, "_plain", return_value=b""):
            assert chunks(path) == found


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
def test_a_plain_file_is_split_all_at_once(tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plain.csv"
    path.write_bytes(data)
    monkeypatch.delattr(Table, "_row_by_row")
    assert rows(path) == {2: ["1", "2"], 3: ["3", ""]}


def test_what_looks_like_a_number_or_like_nothing_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "text.csv"
    path.write_text("a,b\n007,7.0\nNA,nan\nTRUE,1e3\n")
    assert rows(path) == {2: ["007", "7.0"], 3: ["NA", "nan"], 4: ["TRUE", "1e3"]}


def test_rows_keep_their_numbers_behind_blank_ones_and_behind_odd_ones(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text('a,b\n1,2\n , \n3,4\n\n5\n"6,6",7\n8,9\n')
    with patch("forecaster.read.tables.CHUNK", 2):
        assert rows(path) == {2: ["1", "2"], 4: ["3", "4"], 7: ["6,6", "7"], 8: ["8", "9"]}
        [reject] = [reject for _, _, rejects in chunks(path) for reject in rejects]
    assert (reject.place, reject.reason) == ("row 6", "the row has 1 values, the heading 2")
