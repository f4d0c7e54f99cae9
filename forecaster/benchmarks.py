"""The Department for Education's published figures of every council, as they were known on a day, and its neighbours.

Figures of the year ending 31 March are published at the end of October or in November of that year; here they count as
published on 31 October. Later revisions are not modelled: the figures are those of the newest release shipped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from forecaster.types import Benchmark, InputError, Reference

FIGURES = "children_in_need_2013_2025.csv"
NEIGHBOURS = "statistical_neighbours_2025.csv"
ENGLAND = "E92000001"
PUBLICATION = (10, 31)  # month and day, in the year the figures end
PER = 10_000


@dataclass(frozen=True)
class _Source:
    """How a measure is read: a rate of `count` over children, a share of `count` over `of`, or a `percent` of `of`."""

    unit: Literal["share", "rate"]
    of: str = "children"
    count: str = ""
    percent: str = ""


_SOURCES = {
    "referrals": _Source("rate", count="referrals"),
    "section_47": _Source("rate", count="section_47"),
    "conferences": _Source("rate", count="conferences"),
    "plan_starts": _Source("rate", count="plan_starts"),
    "plan_ends": _Source("rate", count="plan_ends"),
    "plans_open": _Source("rate", count="plans_open"),
    "repeat_plans": _Source("share", "plan_starts", count="repeat_plans"),
    "re_referrals": _Source("share", "referrals", count="re_referrals"),
    "referral_nfa": _Source("share", "referrals", percent="no_further_action_percent"),
    "plans_24_months_plus": _Source("share", "plans_open", percent="plans_24_months_plus_percent"),
}


def load_benchmarks(folder: Path, as_of: dt.date) -> list[Benchmark]:
    """Returns the figures published by `as_of`, a benchmark for each measure and year in which any council has one.

    A cell that is suppressed (c), of low quality or not available (u, x), not applicable (z) or blank is missing.
    Raises InputError when the file is missing or lacks a column.
    """
    table = _figures(folder)
    found = []
    for year, rows in table.groupby("year"):
        published = published_on(int(str(year)))
        if published <= as_of:
            found += [_benchmark(measure, source, rows, published) for measure, source in _SOURCES.items()]
    return [benchmark for benchmark in found if benchmark.values]


def published_on(year: int) -> dt.date:
    """Returns the day on which figures of the year ending 31 March `year` count as published."""
    return dt.date(year, *PUBLICATION)


def neighbours(folder: Path, code: str) -> tuple[str, ...]:
    """Returns the codes of a council's ten statistical neighbours, nearest first; none where it is not listed."""
    table = _read(folder / NEIGHBOURS, ("code", "rank", "neighbour"))
    own = table[table["code"] == code]
    return tuple(own.loc[own["rank"].astype(int).sort_values().index, "neighbour"])


def children(folder: Path, code: str, as_of: dt.date) -> float | None:
    """Returns the children aged 0 to 17 in a council, the newest figure published by `as_of`; None where none was."""
    table = _figures(folder)
    public = table["year"].map(published_on) <= as_of
    own = table[(table["code"] == code) & public]
    known = own.sort_values("year")["children"].dropna()
    return float(known.iloc[-1]) if len(known) else None


def reference(folder: Path, code: str, as_of: dt.date, chosen: Sequence[str] = ()) -> Reference:
    """Returns what a council is compared with on a day; `chosen` neighbours instead of the Department's list."""
    return Reference(code, tuple(chosen) or neighbours(folder, code), tuple(load_benchmarks(folder, as_of)))


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(path.name, "no such file", "restore it from the repository's data folder") from None
    for column in columns:
        if column not in table:
            raise InputError(path.name, "column is missing", "restore the file from the repository", 1, column)
    return table


def _figures(folder: Path) -> pd.DataFrame:
    """The shipped figures as numbers; what is no number is missing."""
    columns = {column for source in _SOURCES.values() for column in (source.of, source.count, source.percent) if column}
    table = _read(folder / FIGURES, ("year", "code", "name", *sorted(columns)))
    numbers = {column: pd.to_numeric(table[column], errors="coerce") for column in columns}
    return table.assign(year=table["year"].astype(int), **numbers)


def _benchmark(measure: str, source: _Source, rows: pd.DataFrame, published: dt.date) -> Benchmark:
    size = rows[source.of].where(rows[source.of] > 0)
    value = rows[source.percent] / 100 if source.percent else rows[source.count] / size
    value = (value * (PER if source.unit == "rate" else 1)).where(size.notna())
    by_code = {str(code): (float(v), float(n)) for code, v, n in zip(rows["code"], value, size, strict=True)}
    known = {code: pair for code, pair in by_code.items() if code != ENGLAND and np.isfinite(pair[0])}
    return Benchmark(
        measure=measure,
        year=published.year,
        published=published,
        unit=source.unit,
        values={code: figure for code, (figure, _) in known.items()},
        sizes={code: count for code, (_, count) in by_code.items() if code != ENGLAND and np.isfinite(count)},
        england=by_code.get(ENGLAND, (np.nan, np.nan))[0],
        names={str(code): str(name) for code, name in zip(rows["code"], rows["name"], strict=True) if code != ENGLAND},
    )
