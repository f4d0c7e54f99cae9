"""The council against its statistical neighbours: an overdispersed funnel of last year's share or rate.

Spiegelhalter (2005), "Handling over-dispersion of performance indicators", Quality and Safety in Health Care 14:347:
standard scores of the neighbours about their pooled figure, winsorised, give an overdispersion phi; where it is larger
than chance the neighbours differ in truth, with variance tau^2 (the additive model, DerSimonian and Laird's moments).
Shares are compared after the arcsine-root, rates after the root transformation, which make the chance variance depend
on the size alone. Only the council's own series are compared: nothing is published of its teams or localities.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from forecaster.calendar import per_year
from forecaster.context import Comparison
from forecaster.glm import clipped_moment
from forecaster.types import (
    Benchmark,
    Direction,
    Floats,
    Limits,
    NotRun,
    Panel,
    Reference,
    SeriesKey,
    Signal,
    SignalKind,
    as_date,
)

NAME: SignalKind = "neighbours"
FEWEST = 5  # neighbours with figures
TRIM = 0.1
PER = 10_000
CLUSTERING = 2.0  # chance variance of a council's children to that of independent ones: siblings come together
FULL = 0.9  # of a year's periods that must have a value
# Mean square of a standard normal score winsorised at its 10% and 90% points: makes phi unbiased for a few neighbours.
WINSORISED = clipped_moment(float(stats.norm.ppf(1 - TRIM)))

Unit = Literal["share", "rate"]


@dataclass(frozen=True)
class Funnel:
    """What several councils have in common, on the transformed scale.

    phi: overdispersion; tau2: variance beyond chance; concentration: sum of the squared shares of size; z: standard
    scores of the councils, each with its own chance and the common tau2.
    """

    target: float
    phi: float
    tau2: float
    concentration: float
    z: Floats


@dataclass(frozen=True)
class Compared:
    """The published figures of one measure side by side."""

    measure: str
    comparison: Comparison


@dataclass(frozen=True)
class _Case:
    """One series of the council with the figures to compare it with; count and size of the trailing year."""

    key: SeriesKey
    benchmark: Benchmark
    count: float
    size: float
    first: int


def transform(values: Floats | float, unit: Unit) -> Floats:
    """Returns proportions (share) or counts a head (rate) on the scale where the chance variance is 1 / (4 size)."""
    root = np.sqrt(values)
    return np.asarray(np.arcsin(np.minimum(root, 1.0)) if unit == "share" else root, dtype=float)


def back(values: Floats | float, unit: Unit) -> Floats:
    """Returns transformed values as proportions, or as rates per 10,000."""
    inside = np.clip(values, 0.0, np.pi / 2 if unit == "share" else None)
    return np.asarray(np.sin(inside) ** 2 if unit == "share" else PER * inside**2, dtype=float)


def funnel(counts: Floats, sizes: Floats, unit: Unit, consistency: float = 1.0) -> Funnel:
    """Returns the funnel of several councils; `consistency` is what phi of pure chance would be on average.

    Spiegelhalter 2005, equations 4 to 6; with a consistency of 1 it is his (and that of R's FunnelPlotR).
    """
    target = float(transform(counts.sum() / sizes.sum(), unit))
    raw = (transform(counts / sizes, unit) - target) * 2 * np.sqrt(sizes)
    winsorised = np.clip(raw, *np.quantile(raw, [TRIM, 1 - TRIM]))
    phi = float((winsorised**2).mean()) / consistency
    weights = 4 * sizes
    excess = len(sizes) * phi - (len(sizes) - 1)
    tau2 = max(0.0, float(excess / (weights.sum() - (weights**2).sum() / weights.sum())))
    z = (transform(counts / sizes, unit) - target) / np.sqrt(1 / weights + tau2)
    return Funnel(target, phi, tau2, float(((sizes / sizes.sum()) ** 2).sum()), z)


def detect(panel: Panel, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
    """Returns which of the council's own measures stand out from the neighbours' latest published year, at the limits.

    The council is judged by the predictive distribution of one more council: the neighbours' spread, its own chance
    (families make it larger than binomial or Poisson) and what is not known of the neighbours' mean, as Student's t
    with one degree of freedom less than there are neighbours.
    """
    signals: list[Signal] = []
    missed: list[NotRun] = []
    for row, key in enumerate(panel.keys):
        if not key.is_council:
            continue
        case = _case(panel, row, reference)
        if isinstance(case, str):
            missed.append(NotRun(key, NAME, case))
        else:
            signals += _judge(panel, case, reference, limits.alpha)
    return signals, missed


def since(panel: Panel, signal: Signal, onset: dt.date) -> Signal:
    """Returns the signal as it is: a comparison of whole years has no onset to keep."""
    return signal


def comparisons(panel: Panel, reference: Reference) -> list[Compared]:
    """Returns the latest published figures of each measure: the council's, its neighbours' median, England's."""
    measures = sorted({key.measure for key in panel.keys})
    found = ((measure, _latest(measure, reference)) for measure in measures)
    return [Compared(measure, _compared(benchmark, reference)) for measure, benchmark in found if benchmark]


def _compared(benchmark: Benchmark, reference: Reference) -> Comparison:
    theirs = [benchmark.values[code] for code in reference.neighbours if code in benchmark.values]
    england = float(benchmark.england)
    return Comparison(
        year=benchmark.year,
        neighbours=float(np.median(theirs)),
        council=benchmark.values.get(reference.code),
        england=england if np.isfinite(england) else None,
        unit=benchmark.unit,
    )


def _latest(measure: str, reference: Reference) -> Benchmark | None:
    """The newest year of a measure with enough neighbours' figures."""
    known = [
        benchmark
        for benchmark in reference.benchmarks
        if benchmark.measure == measure and sum(code in benchmark.values for code in reference.neighbours) >= FEWEST
    ]
    return max(known, key=lambda benchmark: benchmark.year, default=None)


def _children(reference: Reference, benchmark: Benchmark) -> float:
    """Children aged 0 to 17 in the council: of the benchmark's year, or of the newest year known."""
    rates = sorted((b for b in reference.benchmarks if b.unit == "rate"), key=lambda b: b.year, reverse=True)
    candidates = (b.sizes.get(reference.code, 0.0) for b in (benchmark, *rates))
    return next((size for size in candidates if size > 0), 0.0)


def _case(panel: Panel, row: int, reference: Reference) -> _Case | str:
    """What to compare, or why it cannot be."""
    key, share = panel.keys[row], panel.kinds[row] == "share"
    benchmark = _latest(key.measure, reference)
    if benchmark is None:
        published = any(b.measure == key.measure for b in reference.benchmarks)
        return f"fewer than {FEWEST} neighbours have figures" if published else "no published figures"
    if share != (benchmark.unit == "share"):
        return f"published as a {benchmark.unit}, which it is not here"
    window = _trailing_year(panel, row)
    if isinstance(window, str):
        return window
    count, of = panel.count[row, window], panel.of[row, window]
    if share:
        size = float(np.nansum(np.where(np.isfinite(count), of, np.nan)))
        return _Case(key, benchmark, float(np.nansum(count)), size, window.start) if size > 0 else "nothing to share in"
    children = _children(reference, benchmark)
    if children <= 0:
        return "the council's number of children is not known"
    if panel.kinds[row] == "stock":
        return _Case(key, benchmark, float(count[-1]), children, window.start)
    return _Case(key, benchmark, float(np.nanmean(count) * per_year(panel.step)), children, window.start)


def _trailing_year(panel: Panel, row: int) -> slice | str:
    """The year of periods up to the newest value (a share may mature some weeks after its period)."""
    year = per_year(panel.step)
    seen = np.isfinite(panel.count[row])
    end = int(np.flatnonzero(seen)[-1]) + 1 if seen.any() else 0
    if end < year:
        return f"less than a year of {panel.step}s"
    if seen[end - year : end].sum() < FULL * year:
        return f"{year - int(seen[end - year : end].sum())} of the last {year} {panel.step}s are missing"
    return slice(end - year, end)


def _judge(panel: Panel, case: _Case, reference: Reference, alpha: float) -> Iterator[Signal]:
    benchmark, unit = case.benchmark, case.benchmark.unit
    codes = [code for code in reference.neighbours if code in benchmark.values and benchmark.sizes.get(code, 0) > 0]
    sizes = np.array([benchmark.sizes[code] for code in codes])
    values = np.array([benchmark.values[code] for code in codes]) / (1 if unit == "share" else PER)
    spread = funnel(values * sizes, sizes, unit, WINSORISED)
    deviation = float(np.sqrt(CLUSTERING / (4 * case.size) + spread.tau2 * (1 + spread.concentration)))
    t = (float(transform(case.count / case.size, unit)) - spread.target) / deviation
    freedom = len(codes) - 1
    sides: tuple[tuple[Direction, float], ...] = (("up", 1.0), ("down", -1.0))
    for direction, sign in sides:
        p_value = float(stats.t.sf(sign * t, freedom))
        if p_value <= alpha:
            half = float(stats.t.ppf(0.975, freedom)) * deviation
            yield _signal(panel, case, direction, p_value, spread.target, half)


def _signal(panel: Panel, case: _Case, direction: Direction, p_value: float, target: float, half: float) -> Signal:
    unit = case.benchmark.unit
    scale = 1 if unit == "share" else PER
    expected, lower, upper = (float(back(target + side * half, unit)) for side in (0, -1, 1))
    return Signal(
        key=case.key, kind=NAME, direction=direction,
        period=as_date(panel.periods[-1]), onset=as_date(panel.periods[case.first]),
        observed=scale * case.count / case.size, expected=expected, lower=lower, upper=upper,
        p_value=p_value, score=float(-np.log10(max(p_value, 1e-300))),
        total=case.count, total_expected=expected / scale * case.size,
    )  # fmt: skip
