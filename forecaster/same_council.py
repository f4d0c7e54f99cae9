"""Whether an extract is of the council whose published figures stand beside it: do its own years agree with them?

The council's code in the config may be another's, an extract may hold a part of a council, and boundaries move. Then
nothing published of the council or its neighbours is worth holding against the extract. Half of the newest financial
years that both have must agree, but for definitions, late entry and chance. Where they have none in common the nearest
years are held against each other; those may differ as much as a council moves in some years (of the 150 in England one
in a hundred moves by more than a factor of 2 in a year, 2.5 in two and 3 in three: published rates of 2013 to 2025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import following, per_year
from forecaster.funnel import CLUSTERING, Unit, scale, transform
from forecaster.projection import children
from forecaster.types import Benchmark, Floats, Kind, Panel, Reference, Step, as_date

FULL = 0.9  # of a year's periods that must have a value
SAME_DAYS = 16  # between the end of a year of periods and 31 March: the same financial year
YEARS = 5  # the newest that both have
SAME_YEAR, OTHER_YEAR = 4 / 3, 3.0  # how many times a published rate the extract's may be, or the other way round
POINTS = 0.05  # by which shares of the same year may differ; from year to year one council in five moves further
SEVERAL = 2  # measures: one alone may be counted in another way
SURPRISING = 3.0  # standard deviations that any difference must also be: few events differ by chance


@dataclass(frozen=True)
class _Pair:
    """A year of the extract and one that was published: proportions of the size, which is children for a rate."""

    year: int
    mine: float
    theirs: float
    size: float
    unit: Unit
    same: bool

    @property
    def far(self) -> bool:
        apart = abs(float(transform(self.mine, self.unit) - transform(self.theirs, self.unit)))
        return self._too_far() and bool(apart > SURPRISING * np.sqrt(CLUSTERING / (4 * self.size)))

    def _too_far(self) -> bool:
        if self.unit == "share":
            return self.same and abs(self.mine - self.theirs) > POINTS
        times = SAME_YEAR if self.same else OTHER_YEAR
        return self.mine > times * self.theirs or self.theirs > times * self.mine


def compared(panel: Panel, reference: Reference) -> Mapping[str, int]:
    """Returns which series of each measure published figures are of: the one council's own, in the panel's order.

    Where several share an installation that is the one called by the reference's code or by its published name.
    """
    found: dict[str, dict[str, int]] = {}
    for row, key in enumerate(panel.keys):
        if key.is_council:
            found.setdefault(key.measure, {})[key.council] = row
    name = _published_name(reference)
    names = (reference.code, name, name.partition(",")[0])  # "Herefordshire, County of"
    own = {
        measure: next((rows[one] for one in names if one in rows), rows.get("") if len(rows) == 1 else None)
        for measure, rows in found.items()
    }
    return {measure: row for measure, row in own.items() if row is not None}


def _published_name(reference: Reference) -> str:
    return next((b.names[reference.code] for b in reference.benchmarks if reference.code in b.names), reference.code)


def not_comparable(panel: Panel, reference: Reference) -> Mapping[str, str]:
    """Returns why the extract's measures are not held against published ones, by measure; empty where they agree.

    A measure that is far from what was published of the council is left out; where at least half of them are, and
    SEVERAL, it is another council and all are.
    """
    rows = compared(panel, reference)
    found = {measure: _verdict(_pairs(panel, row, reference)) for measure, row in rows.items()}
    held = {measure: pair for measure, pair in found.items() if pair}
    far = {measure: pair for measure, pair in held.items() if pair.far}
    if len(far) >= SEVERAL and 2 * len(far) >= len(held):
        return dict.fromkeys(rows, _why(max(far.values(), key=lambda pair: pair.year), reference, alone=False))
    return {measure: _why(pair, reference, alone=True) for measure, pair in far.items()}


def _verdict(pairs: Sequence[_Pair]) -> _Pair | None:
    """The newest of the years that are far where most are; else the newest that is not; None without any."""
    far = [pair for pair in pairs if pair.far]
    some = far if 2 * len(far) > len(pairs) else [pair for pair in pairs if not pair.far]
    return max(some, key=lambda pair: pair.year, default=None)


def _why(pair: _Pair, reference: Reference, alone: bool) -> str:
    name = _published_name(reference).partition(",")[0]
    year = f"{pair.year - 1}/{pair.year % 100:02}"
    if alone:
        return (
            f"the extract's {year} figure is far from that published for {name}: check [council] code and the measure"
        )
    return f"the extract's {year} figures are far from those published for {name}: check [council] code"


def _pairs(panel: Panel, row: int, reference: Reference) -> list[_Pair]:
    """The newest years that both have, or else the two years that are nearest."""
    ends, measure, kind = _full_years(panel, row), panel.keys[row].measure, panel.kinds[row]
    own = [
        benchmark
        for benchmark in reference.benchmarks
        if benchmark.measure == measure and reference.code in benchmark.values
        if (kind == "share") == (benchmark.unit == "share")
    ]
    if not own or not len(ends):
        return []
    closing = np.array([np.datetime64(f"{benchmark.year}-03-31") for benchmark in own])
    apart = np.abs((_last_days(panel)[ends - 1] - closing[:, None]).astype(int))
    order = sorted(range(len(own)), key=lambda at: (max(apart[at].min(), SAME_DAYS), -own[at].year))
    same = [at for at in order if apart[at].min() <= SAME_DAYS][:YEARS]
    found = (
        _held(panel, row, reference, own[at], (int(ends[apart[at].argmin()]), int(ends[-1])), bool(same))
        for at in same or order[:1]
    )
    return [pair for pair in found if pair]


def _held(
    panel: Panel, row: int, reference: Reference, benchmark: Benchmark, ends: tuple[int, int], same: bool
) -> _Pair | None:
    """The pair of a benchmark and the extract's year with an end; ends: that and the newest.

    An extract's first years may hold no more than cases that were still open later, so its year is too small only if
    its newest one is as well.
    """
    year, unit = slice(ends[0] - per_year(panel.step), ends[0]), benchmark.unit
    theirs = benchmark.values[reference.code] / scale(unit)
    count, of = panel.count[row, year], panel.of[row, year]
    if unit == "share":
        size = float(of[np.isfinite(count)].sum())
        return _Pair(benchmark.year, float(np.nansum(count)) / size, theirs, size, unit, same) if size > 0 else None
    size = children(reference, benchmark)
    if not size > 0:
        return None
    newest = panel.count[row, ends[1] - per_year(panel.step) : ends[1]]
    mine, last = (of_the_year(part, panel.kinds[row], panel.step) / size for part in (count, newest))
    fuller = float(np.clip(last, mine, theirs)) if mine < theirs else mine
    return _Pair(benchmark.year, fuller, theirs, size, unit, same)


def of_the_year(count: Floats, kind: Kind, step: Step) -> float:
    """Returns a year's events, a few missing periods made up for; of a share what was counted; of a stock its level."""
    if kind == "share":
        return float(np.nansum(count))
    return float(count[-1]) if kind == "stock" else float(np.nanmean(count) * per_year(step))


def _full_years(panel: Panel, row: int) -> NDArray[np.intp]:
    """Where years of periods end that have nearly all their values, the last one among them."""
    year, seen = per_year(panel.step), np.isfinite(panel.count[row])
    so_far = np.concatenate([[0], np.cumsum(seen)])
    ends = np.arange(year, len(seen) + 1)
    return np.asarray(ends[(so_far[ends] - so_far[ends - year] >= FULL * year) & seen[ends - 1]])


def _last_days(panel: Panel) -> NDArray[np.datetime64]:
    """The last day of every period."""
    after = following(as_date(panel.periods[-1]), 1, panel.step)
    return np.asarray(np.concatenate([panel.periods[1:], after]).astype("datetime64[D]") - np.timedelta64(1, "D"))
