"""Delimited text of any size: encoding, delimiter and headings found, rows read in chunks with their numbers."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.read.headings import repeated_heading
from forecaster.read.values import UnusableError, tidy
from forecaster.types import InputError, Reject

GZIP = b"\x1f\x8b"
CHUNK = 100_000
HEAD = 65_536
_BLOCK = 1 << 20
Meaning = tuple[str, Callable[[str], object]]  # the heading of a column, and what a text in it means
_ALL_BYTES = bytes(range(256))
_ODD = (b'"', b"\r", b"\0", codecs.BOM_UTF8)


@dataclass(frozen=True)
class Chunk:
    """Some rows: frame has a text column for each heading, its index is the row number (the heading is row 1)."""

    frame: pd.DataFrame
    rejects: tuple[Reject, ...]


def first_bytes(path: Path) -> bytes:
    """Returns the beginning of a file, unpacked if it is gzipped."""
    with _unpacked(path) as stream, _damage_told(path.name):
        return stream.read(HEAD)


def first_headings(head: bytes) -> list[str]:
    """Returns the headings of delimited text from its first bytes; an empty list if it is no text."""
    if b"\0" in head:
        return []
    line = next(iter(head.decode("utf-8-sig", errors="replace").splitlines()), "")
    return [cell.strip() for cell in next(csv.reader([line], delimiter=_delimiter(line)), [])]


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


@dataclass(frozen=True)
class Table:
    """A file of delimited text, opened anew for each reading."""

    path: Path
    encoding: str
    delimiter: str
    headings: tuple[str, ...]

    @classmethod
    def open(cls, path: Path, head: bytes) -> Table:
        """Returns the table; raises InputError for a damaged file or a heading that appears twice."""
        headings = first_headings(head)
        twice = repeated_heading(headings)
        if twice:
            raise InputError(path.name, "the heading appears twice", "rename one of them", row=1, column=twice[:60])
        line = head.decode("utf-8-sig", errors="replace").splitlines()[0]
        return cls(path, _encoding(path), _delimiter(line), tuple(headings))

    def chunks(self) -> Iterator[Chunk]:
        """Yields the rows in chunks, at least one; raises InputError where the file is damaged.

        Plain lines are split all at once. From the first chunk on in which anything is odd, rows are read one by one.
        """
        done = 1  # rows, with the headings
        with _unpacked(self.path) as stream, _damage_told(self.path.name):
            heading = stream.readline(HEAD).removeprefix(codecs.BOM_UTF8)
            plain = self._plain(heading) if heading.endswith(b"\n") else b""
            while plain and (lines := list(islice(stream, CHUNK))):
                if plain := self._plain(b"".join(lines)):
                    yield self._split(plain, done + 1)
                    done += len(lines)
        if not plain or done == 1:
            yield from self._row_by_row(done)

    def _plain(self, block: bytes) -> bytes:
        """Returns lines that have a value for each heading, unquoted; nothing if there is more to them than that.

        Quotation marks are plain around a value that would be the same without them.
        """
        comma = self.delimiter.encode()
        lines = block.replace(b"\r\n", b"\n").removesuffix(b"\n") + b"\n"
        if b'"' in lines:
            lines = re.sub(rb'"(?<![^,\n]")([^",\n]*)"(?![^,\n])'.replace(b",", comma), rb"\1", lines)
        ends = lines.translate(None, _ALL_BYTES.translate(None, comma + b"\n"))
        row = comma * (len(self.headings) - 1) + b"\n"
        is_even = ends == row * (len(ends) // len(row))
        return lines if is_even and not any(mark in lines for mark in _ODD) else b""

    def _split(self, plain: bytes, first: int) -> Chunk:
        frame = pd.read_csv(
            io.BytesIO(plain), sep=self.delimiter, header=None, names=range(len(self.headings)), dtype="object",
            na_filter=False, skip_blank_lines=False, quoting=csv.QUOTE_NONE, low_memory=False,
            encoding=self.encoding.removesuffix("-sig"), encoding_errors="replace",
        )  # fmt: skip
        frame.columns, frame.index = pd.Index(self.headings), pd.RangeIndex(first, first + len(frame))
        blank = _blank(frame)
        return Chunk(frame[~blank] if blank.any() else frame, ())

    def _row_by_row(self, done: int) -> Iterator[Chunk]:
        with _unpacked(self.path) as stream, _damage_told(self.path.name):
            rows = csv.reader(io.TextIOWrapper(stream, self.encoding, errors="replace", newline=""),
                              delimiter=self.delimiter, strict=True)  # fmt: skip
            numbered = islice(self._numbered(rows), done, None)
            yield self._chunk(list(islice(numbered, CHUNK)))
            while some := list(islice(numbered, CHUNK)):
                yield self._chunk(some)

    def _numbered(self, rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
        number = 0
        try:
            for number, row in enumerate(rows, start=1):
                yield number, row
        except csv.Error:
            reason = "a quotation mark is not closed, or not doubled inside a value"
            raise InputError(self.path.name, reason, "export the file again as CSV", row=number + 1) from None

    def _chunk(self, numbered: Iterable[tuple[int, list[str]]]) -> Chunk:
        width = len(self.headings)
        numbers: list[int] = []
        even: list[list[str]] = []
        rejects: list[Reject] = []
        for number, row in numbered:
            if not any(map(str.strip, row)):
                continue
            # Surplus empty cells are what a spreadsheet leaves to the right of a table.
            if len(row) < width or any(row[width:]):
                rejects.append(_uneven(number, len(row), width))
            else:
                numbers.append(number)
                even.append(row[:width])
        index = pd.Index(numbers, dtype="int64")
        return Chunk(pd.DataFrame(even, columns=list(self.headings), index=index, dtype="object"), tuple(rejects))


def _blank(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Returns which rows have nothing but spaces in them."""
    blank = np.ones(len(frame), dtype=bool)
    for _, column in frame.items():
        blank &= column.isin([text for text in column.unique() if not text.strip()]).to_numpy()
        if not blank.any():
            break
    return blank


def _uneven(row: int, found: int, expected: int) -> Reject:
    reason = f"the row has {found} values, the heading {expected}"
    return Reject(f"row {row}", "", reason, "put quotation marks around a value with a comma in it")


def interpret(chunk: Chunk, meanings: Mapping[str, Meaning]) -> tuple[dict[str, pd.Series[Any]], dict[int, Reject]]:
    """Returns what the cells of a chunk mean, by name, and for each row that cannot be used its first trouble.

    meanings: for each name the heading of its column and what a text there means. Each different text is looked at
    once, which is what makes a large file quick.
    """
    values: dict[str, pd.Series[Any]] = {}
    bad: dict[int, Reject] = {}
    for name, (heading, meaning) in meanings.items():
        column = chunk.frame[heading]
        at, texts = pd.factorize(column)
        known, unusable = _each_once(texts, meaning)
        values[name] = pd.Series(known).take(at).set_axis(column.index)
        wrong = np.isin(at, list(unusable))
        for row, place in zip(column.index[wrong].tolist(), at[wrong].tolist(), strict=True):
            why = unusable[place]
            bad.setdefault(row, Reject(f"row {row}", heading, why.reason, why.remedy))
    return values, bad


def _each_once(texts: Iterable[str], meaning: Callable[[str], object]) -> tuple[list[object], dict[int, UnusableError]]:
    """What each text means, None where it cannot be used, and why those cannot be, by their place."""
    known: list[object] = []
    unusable: dict[int, UnusableError] = {}
    for place, text in enumerate(texts):
        try:
            known.append(meaning(text))
        except UnusableError as why:
            known.append(None)
            unusable[place] = why
    return known, unusable


def if_given(meaning: Callable[[str], object]) -> Callable[[str], object]:
    """Returns the same meaning for a column whose cells may be blank."""
    return lambda text: meaning(text) if tidy(text) else None


def _encoding(path: Path) -> str:
    """UTF-8 if the whole file is; what is not, is taken as what Windows programs write in England."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _unpacked(path) as stream, _damage_told(path.name):
        try:
            while block := stream.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _unpacked(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        packed = stream.read(2) == GZIP
    return cast(BinaryIO, io.BufferedReader(gzip.open(path), _BLOCK)) if packed else path.open("rb")


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(name, "the gzipped file is cut short or damaged", "copy or export it again") from None
