"""Where the council stands beside its past, its statistical neighbours and England: as published, and as likely now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from forecaster.calendar import closing, period_end
from forecaster.funnel import Unit, scale, transform
from forecaster.projection import (
    EXACT,
    Outlook,
    Past,
    chance_above,
    children,
    draws_above,
    england,
    latest,
    neighbours,
    one_more,
    published,
    underneath,
)
from forecaster.same_council import compared, not_comparable
from forecaster.types import Benchmark, Panel, Reference, SeriesKey, as_date
from forecaster.words.context import Comparison, YearEnd

LIKELY = (0.1, 0.9)  # "likely 16-19%": four times in five
OWN_PAST = 3  # years that a council's own past is the mean of


@dataclass(frozen=True)
class Standing:
    """The published figures of one measure, and where the neighbours' median and England will be when a year ends.

    size: the council's children, by which its own counts become rates.
    """

    comparison: Comparison
    neighbours: Outlook
    england: Outlook | None
    size: float


def standings(panel: Panel, reference: Reference) -> dict[SeriesKey, Standing]:
    """Returns where the council stands, by each of its own series that something is published of.

    None where too few neighbours have figures, or the extract does not look like the council that was published.
    """
    newest = as_date(panel.periods[-1])
    day, closes = period_end(newest, panel.step), closing(newest, panel.step).year
    rows, strange = compared(panel, reference), not_comparable(panel, reference)
    found = ((panel.keys[rows[name]], latest(name, reference)) for name in sorted(rows.keys() - strange.keys()))
    return {key: _standing(benchmark, reference, day, closes) for key, benchmark in found if benchmark}


def _standing(benchmark: Benchmark, reference: Reference, day: dt.date, closes: int) -> Standing:
    past = published(reference, benchmark)
    near, nation = _ahead(past, closes)
    low, high = (near.quantile(level) for level in LIKELY)
    shown = replace(
        _figures(benchmark, reference), age=months_since(benchmark.year, day), ends=closes, likely=(low, high)
    )
    return Standing(shown, near, nation, children(reference, benchmark))


def _figures(benchmark: Benchmark, reference: Reference) -> Comparison:
    theirs = [benchmark.values[code] for code in reference.neighbours if code in benchmark.values]
    own, nation = benchmark.values.get(reference.code), float(benchmark.england)
    return Comparison(
        year=benchmark.year, neighbours=float(np.median(theirs)), council=own,
        england=nation if np.isfinite(nation) else None, unit=benchmark.unit, rank=_rank(own, theirs),
    )  # fmt: skip


def _rank(own: float | None, theirs: list[float]) -> tuple[int, int] | None:
    """Which the council is, the highest first, and among how many."""
    return None if own is None else (1 + sum(value > own for value in theirs), 1 + len(theirs))


def months_since(year: int, day: dt.date) -> int:
    """Returns how many whole months a day is after 31 March of a year."""
    first = day + dt.timedelta(days=1)  # a month that ends on the day is a whole one
    return max(12 * (first.year - year) + first.month - 4, 0)


def _ahead(past: Past, year: int) -> tuple[Outlook, Outlook | None]:
    """The neighbours' median and England in a year, as they are likely to be published; known where they are."""
    if year > past.year:
        return neighbours(past, year - past.year), england(past, year - past.year)
    near, nation = (Outlook(float(array[-1]), EXACT, np.inf, past.unit) for array in (past.neighbours, past.england))
    return near, nation if np.isfinite(nation.centre) else None


def at_year_end(standing: Standing, end: YearEnd | None) -> Comparison:
    """Returns the comparison with the probability that the council ends the year above its neighbours and England."""
    per = 1.0 if standing.comparison.unit == "share" else standing.size
    if end is None or not per > 0:
        return standing.comparison
    nation = _above(end, per, standing.england) if standing.england else None
    return replace(standing.comparison, above=_above(end, per, standing.neighbours), above_england=nation)


def _above(end: YearEnd, per: float, other: Outlook) -> float:
    """The probability that the council's year end is above another figure: by its draws, or else by its band."""
    if end.draws is not None:
        return draws_above(end.draws / per * scale(other.unit), other)
    return chance_above(_own_end(end, per, other.unit), other)


def _own_end(end: YearEnd, per: float, unit: Unit) -> Outlook:
    """The council's own year end, a normal on the transformed scale whose 95% band is as wide as the one told."""
    low, median, high = (float(transform(max(value, 0.0) / per, unit)) for value in (end.lower, end.median, end.upper))
    width = 2 * float(special.ndtri(0.975))
    return Outlook(median, max((high - low) / width, EXACT), np.inf, unit)


@dataclass(frozen=True)
class Year:
    """Published figures of one year: proportions, or rates per 10,000; None where there is none."""

    year: int
    council: float | None
    neighbours: float | None
    england: float | None
    rank: tuple[int, int] | None


@dataclass(frozen=True)
class Position:
    """One figure of a council beside its past and where others are likely to be in the same year.

    rose: probability that what is underneath it is above the mean of its last years; above, above_england: above the
    neighbours' median and England as they are likely to be published; as_high: chance that one more council like the
    neighbours would be as high. All None without a figure.
    """

    unit: Unit
    years: tuple[Year, ...]
    target: int
    neighbours: Outlook
    england: Outlook | None
    figure: float | None = None
    rose: float | None = None
    above: float | None = None
    above_england: float | None = None
    as_high: float | None = None


def position(reference: Reference, measure: str, target: int, figure: float | None, size: float) -> Position | None:
    """Returns where a council stands in the year ending 31 March `target`; None without neighbours' figures.

    figure: its own, a proportion or a rate per 10,000, of `size` plans, referrals or children; None to look ahead only.
    """
    benchmark = latest(measure, reference)
    if benchmark is None:
        return None
    past = published(reference, benchmark)
    near, nation = _ahead(past, target)
    years = tuple(_years(measure, reference, benchmark.year))
    found = Position(benchmark.unit, years, target, near, nation)
    return found if figure is None else _judged(found, reference, benchmark, figure, size)


def _years(measure: str, reference: Reference, last: int) -> Iterator[Year]:
    known = {b.year: b for b in reference.benchmarks if b.measure == measure and b.year <= last}
    for year, benchmark in sorted(known.items()):
        theirs = [benchmark.values[code] for code in reference.neighbours if code in benchmark.values]
        own, nation = benchmark.values.get(reference.code), float(benchmark.england)
        yield Year(
            year, own, float(np.median(theirs)) if theirs else None, nation if np.isfinite(nation) else None,
            _rank(own, theirs),
        )  # fmt: skip


def _judged(found: Position, reference: Reference, benchmark: Benchmark, figure: float, size: float) -> Position:
    own = underneath(figure, size, benchmark.unit)
    usual = one_more(reference, benchmark, max(found.target - benchmark.year, 0), size)
    before = _own_past(reference, benchmark, found.target)
    return replace(
        found, figure=figure, rose=chance_above(own, before) if before else None,
        above=chance_above(own, found.neighbours),
        above_england=chance_above(own, found.england) if found.england else None,
        as_high=float(special.stdtr(usual.freedom, (usual.centre - own.centre) / usual.deviation)),
    )  # fmt: skip


def _own_past(reference: Reference, benchmark: Benchmark, target: int) -> Outlook | None:
    """What is underneath the mean of the council's last published years."""
    known = [
        (b.values[reference.code], b.sizes[reference.code])
        for b in reference.benchmarks
        if b.measure == benchmark.measure and target - OWN_PAST <= b.year < target
        if reference.code in b.values and b.sizes.get(reference.code, 0) > 0
    ]
    size = sum(size for _, size in known)
    return underneath(sum(value * size for value, size in known) / size, size, benchmark.unit) if known else None
