"""Delimited text of any size: encoding, delimiter and headings found, rows read in chunks with their numbers."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import pandas as pd

from forecaster.read.headings import repeated_heading
from forecaster.read.values import UnusableError, tidy
from forecaster.types import InputError, Reject

GZIP = b"\x1f\x8b"
CHUNK = 50_000
HEAD = 65_536
_BLOCK = 1 << 20


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
        """Yields the rows in chunks, at least one; raises InputError where the file is damaged."""
        with _unpacked(self.path) as stream, _damage_told(self.path.name):
            rows = csv.reader(io.TextIOWrapper(stream, self.encoding, errors="replace", newline=""),
                              delimiter=self.delimiter, strict=True)  # fmt: skip
            numbered = self._numbered(rows)
            next(numbered)  # the headings
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

    def _chunk(self, numbered: list[tuple[int, list[str]]]) -> Chunk:
        width = len(self.headings)
        # Surplus empty cells are what a spreadsheet leaves to the right of a table.
        filled = [(number, row) for number, row in numbered if any(map(str.strip, row))]
        even = {number: row[:width] for number, row in filled if len(row) >= width and not any(row[width:])}
        rejects = [_uneven(number, len(row), width) for number, row in filled if number not in even]
        index = pd.Index(list(even), dtype="int64")
        frame = pd.DataFrame(list(even.values()), columns=list(self.headings), index=index, dtype="object")
        return Chunk(frame, tuple(rejects))


def _uneven(row: int, found: int, expected: int) -> Reject:
    reason = f"the row has {found} values, the heading {expected}"
    return Reject(f"row {row}", "", reason, "put quotation marks around a value with a comma in it")


def interpret(
    chunk: Chunk, meanings: Mapping[str, tuple[str, Callable[[str], object]]]
) -> tuple[dict[str, pd.Series[Any]], dict[int, Reject]]:
    """Returns what the cells of a chunk mean, by name, and for each row that cannot be used its first trouble.

    meanings: for each name the heading of its column and what a text there means. Each different text is looked at
    once, which is what makes a large file quick.
    """
    values: dict[str, pd.Series[Any]] = {}
    bad: dict[int, Reject] = {}
    for name, (heading, meaning) in meanings.items():
        column = chunk.frame[heading]
        known, unusable = _each_once(column, meaning)
        values[name] = column.map(known)
        for row, text in column[column.isin(list(unusable))].items() if unusable else ():
            why = unusable[text]
            bad.setdefault(int(str(row)), Reject(f"row {row}", heading, why.reason, why.remedy))
    return values, bad


def _each_once(
    column: pd.Series[Any], meaning: Callable[[str], object]
) -> tuple[dict[str, object], dict[str, UnusableError]]:
    known: dict[str, object] = {}
    unusable: dict[str, UnusableError] = {}
    for text in column.unique():
        try:
            known[text] = meaning(text)
        except UnusableError as why:
            unusable[text] = why
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
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(name, "the gzipped file is cut short or damaged", "copy or export it again") from None
