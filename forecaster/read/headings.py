"""Columns found by their headings, however these are spelt; a missing one is named with the nearest heading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from forecaster.read.values import loose, nearest
from forecaster.types import InputError


def locate(headings: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Returns where each wanted column is, by its name; one that is not there is left out.

    wanted: the spellings of each column; case, spaces and punctuation do not matter.
    """
    places = {loose(heading): at for at, heading in reversed(list(enumerate(headings)))}
    found = {name: next((places[loose(s)] for s in spellings if loose(s) in places), None)
             for name, spellings in wanted.items()}  # fmt: skip
    return {name: at for name, at in found.items() if at is not None}


def resemblance(headings: Sequence[str], wanted: Iterable[str]) -> tuple[int, int]:
    """Returns how many of the wanted columns are there, and how many more have a heading that is close."""
    keys = {loose(heading) for heading in headings}
    exact = [name for name in wanted if loose(name) in keys]
    rest = [heading for heading in headings if loose(heading) not in {loose(name) for name in exact}]
    close = [name for name in wanted if name not in exact and nearest(name, rest)]
    return len(exact), len(close)


def missing_column(
    file: str, column: str, headings: Sequence[str], known: Iterable[str], row: int = 1, where: str = "the file"
) -> InputError:
    """Returns the error for a column that is not there, with the nearest heading that is not already understood."""
    taken = {loose(spelling) for spelling in known}
    near = nearest(column, [str(heading) for heading in headings if loose(heading) and loose(heading) not in taken])
    remedy = f"rename the heading '{near[:60]}' to '{column}'" if near else f"add the column '{column}'"
    nearly = f"; the nearest heading is '{near[:60]}'" if near else ""
    return InputError(file, f"{where} has no such column{nearly}", remedy, row=row, column=column)


def repeated_heading(headings: Sequence[str]) -> str | None:
    """Returns a heading that appears twice, or None."""
    keys = [loose(heading) for heading in headings]
    return next((heading for heading, key in zip(headings, keys, strict=True) if key and keys.count(key) > 1), None)
