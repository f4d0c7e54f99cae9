"""Published yearly figures are 7 to 19 months old and move: where they are likely to be by a day, and how surely.

On the transformed scale of `funnel`:

    England(t + h)    = England(t) + g m(h) + sigma e      g: drift, shrunk to none; m(h): its damped sum; sigma: wobble
    neighbours(t + h) = England(t + h) + d(t + h)          d: how far the neighbours' median is from England
    d is a local level: a random walk (variance q^2 a year) seen with noise (s^2: ten councils, and chance)

q^2 and s^2 come from how all councils move against England from year to year (variance and lag-1 covariance of the
changes, Harvey 1989, section 2.4.1), scaled to a median of n councils (pi / 2n) and to these neighbours' own record;
sigma from England's own changes and a prior of 2% of the level, which is what is usual over all measures. Everything is
shrunk, because two or three years are often all there is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from forecaster.funnel import CLUSTERING, WINSORISED, Unit, back, funnel, scale, transform
from forecaster.types import Benchmark, Floats, Reference

FEWEST = 5  # neighbours with figures
YEAR = 365.25
WOBBLE, WOBBLE_WEIGHT = 0.02, 4.0  # England's yearly change as a part of its level, and what the prior weighs in years
DRIFT_WEIGHT = 4.0  # years without any drift that the record is shrunk by
DAMPING = 0.8  # of the drift, a year
CHANGE, CHANGE_WEIGHT = 0.125, 20.0  # a council's yearly change against England, as a part of its level; in pairs
RETURN, RETURN_WEIGHT = -0.33, 30.0  # correlation of two such changes in a row: much of a change is undone
LEAST_RETURN, MOST_RETURN = -0.48, -0.05
OWN_WEIGHT = 10.0  # years that the councils at large weigh in the neighbours' own spread
EXACT = 1e-6  # deviation of what is known


@dataclass(frozen=True)
class Outlook:
    """Where a yearly figure is likely to be: Student's t on the transformed scale."""

    centre: float
    deviation: float
    freedom: float
    unit: Unit

    def quantile(self, level: float) -> float:
        """Returns a quantile as a proportion, or as a rate per 10,000."""
        return float(back(self.centre + float(special.stdtrit(self.freedom, level)) * self.deviation, self.unit))


@dataclass(frozen=True)
class Past:
    """What has been published of one measure: a column a year, without gaps in the years, NaN where nothing was.

    councils: C x Y, england and neighbours (the median): Y, all on the transformed scale; year: of the last column;
    count: neighbours with a figure in it.
    """

    unit: Unit
    year: int
    councils: Floats
    england: Floats
    neighbours: Floats
    count: int


def latest(measure: str, reference: Reference) -> Benchmark | None:
    """Returns the newest published year of a measure with enough neighbours' figures, None if there is none."""
    known = [
        benchmark
        for benchmark in reference.benchmarks
        if benchmark.measure == measure and sum(code in benchmark.values for code in reference.neighbours) >= FEWEST
    ]
    return max(known, key=lambda benchmark: benchmark.year, default=None)


def children(reference: Reference, benchmark: Benchmark) -> float:
    """Returns the council's children aged 0 to 17: of the benchmark's year, or of the newest year known; 0 if none."""
    rates = sorted((b for b in reference.benchmarks if b.unit == "rate"), key=lambda b: b.year, reverse=True)
    candidates = (b.sizes.get(reference.code, 0.0) for b in (benchmark, *rates))
    return next((size for size in candidates if size > 0), 0.0)


def years_after(day: dt.date, year: int) -> float:
    """Returns how many years a day is after 31 March of a year."""
    return (day - dt.date(year, 3, 31)).days / YEAR


def published(reference: Reference, until: Benchmark) -> Past:
    """Returns what has been published of a benchmark's measure up to its year."""
    known = {b.year: b for b in reference.benchmarks if b.measure == until.measure and b.year <= until.year}
    years = range(min(known), until.year + 1)
    codes = sorted({code for b in known.values() for code in b.values})
    per = scale(until.unit)

    def row(code: str) -> list[float]:
        return [known[year].values.get(code, np.nan) if year in known else np.nan for year in years]

    councils = transform(np.array([row(code) for code in codes]) / per, until.unit)
    england = transform(np.array([known[y].england if y in known else np.nan for y in years]) / per, until.unit)
    near = councils[[codes.index(code) for code in reference.neighbours if code in codes]]
    return Past(until.unit, until.year, councils, england, _medians(near), int(np.isfinite(near[:, -1]).sum()))


def _medians(values: Floats) -> Floats:
    """The median of each column that has a value."""
    columns = [column[np.isfinite(column)] for column in values.T]
    return np.array([np.median(column) if len(column) else np.nan for column in columns])


def _anchor(past: Past) -> Floats:
    """England's figures, or the median of all councils in the years without."""
    return np.where(np.isfinite(past.england), past.england, _medians(past.councils))


def _moved(anchor: Floats, horizon: float) -> Outlook:
    """England after `horizon` years: local level with a drift that is shrunk and damped, variance by its own record."""
    at = np.flatnonzero(np.isfinite(anchor))
    level, gaps = anchor[at], np.diff(at).astype(float)
    span = float(gaps.sum()) + DRIFT_WEIGHT
    drift = float(level[-1] - level[0]) / span
    squares = float(((np.diff(level) - drift * gaps) ** 2 / np.maximum(gaps, 1)).sum())
    freedom = WOBBLE_WEIGHT + len(gaps)
    variance = (WOBBLE_WEIGHT * (WOBBLE * level[-1]) ** 2 + squares) / freedom
    ahead = horizon + len(anchor) - 1 - float(at[-1])
    run = (1 - DAMPING**ahead) / (1 - DAMPING)
    deviation = float(np.sqrt(variance * (ahead + run**2 / span)))
    return Outlook(float(level[-1]) + drift * run, max(deviation, EXACT), freedom, "rate")


def _walk_and_noise(past: Past, anchor: Floats) -> tuple[float, float]:
    """q^2 and s^2 of a median of so many councils, from how all councils move against England."""
    steps = np.diff(past.councils - anchor, axis=1)
    steps = steps - (_medians(steps) if steps.size else 0.0)
    pairs = (steps[:, 1:] * steps[:, :-1]).ravel()
    squares, pairs = (array[np.isfinite(array)] for array in (steps.ravel() ** 2, pairs))
    prior = (CHANGE * anchor[np.isfinite(anchor)][-1]) ** 2
    variance = (CHANGE_WEIGHT * prior + squares.sum()) / (CHANGE_WEIGHT + len(squares))
    back_again = (RETURN_WEIGHT * RETURN + pairs.sum() / variance) / (RETURN_WEIGHT + len(pairs))
    share = -float(np.clip(back_again, LEAST_RETURN, MOST_RETURN))
    median = np.pi / 2 / max(past.count, 1) * float(variance)
    return median * (1 - 2 * share), median * share


def _distance(past: Past, anchor: Floats, horizon: float, noise: bool) -> Outlook:
    """The neighbours' distance from England after `horizon` years: a filtered local level that begins at none."""
    q2, s2 = _walk_and_noise(past, anchor)
    distances = past.neighbours - anchor
    steps = np.diff(distances)
    steps = steps[np.isfinite(steps)]
    freedom = OWN_WEIGHT + len(steps)
    own = (OWN_WEIGHT + float((steps**2).sum()) / (q2 + 2 * s2)) / freedom
    q2, s2 = own * q2, own * s2
    apart = (past.councils - anchor)[:, -1]
    level, variance = 0.0, float(np.nanvar(apart))
    for seen in distances:
        variance += q2
        if np.isfinite(seen):
            gain = variance / (variance + s2)
            level, variance = level + gain * (float(seen) - level), variance * (1 - gain)
    return Outlook(level, float(np.sqrt(variance + q2 * horizon + (s2 if noise else 0.0))), freedom, past.unit)


def england(past: Past, horizon: float) -> Outlook | None:
    """Returns where England's figure is likely to be `horizon` years after the last published; None without any."""
    if not np.isfinite(past.england).any():
        return None
    found = _moved(past.england, max(horizon, 0.0))
    return Outlook(found.centre, found.deviation, found.freedom, past.unit)


def neighbours(past: Past, horizon: float, noise: bool = True) -> Outlook:
    """Returns where the neighbours' median is likely to be `horizon` years after the last published.

    noise: as it will be published, with the chance of ten councils in one year; else what it is underneath.
    """
    anchor = _anchor(past)
    moved = _moved(anchor, max(horizon, 0.0))
    distance = _distance(past, anchor, max(horizon, 0.0), noise)
    parts = [(moved.deviation**2, moved.freedom), (distance.deviation**2, distance.freedom)]
    return Outlook(moved.centre + distance.centre, *_sum(parts), past.unit)


def one_more(reference: Reference, benchmark: Benchmark, horizon: float, size: float) -> Outlook:
    """Returns where one more council like the neighbours, of a size, is likely to be `horizon` years after a benchmark.

    Their spread beyond chance is that of the benchmark's year (`funnel.funnel`).
    """
    codes = [code for code in reference.neighbours if code in benchmark.values and benchmark.sizes.get(code, 0) > 0]
    sizes = np.array([benchmark.sizes[code] for code in codes])
    values = np.array([benchmark.values[code] for code in codes]) / scale(benchmark.unit)
    apart = funnel(values * sizes, sizes, benchmark.unit, WINSORISED).tau2
    middle = neighbours(published(reference, benchmark), horizon, noise=False)
    deviation = float(np.sqrt(CLUSTERING / (4 * size) + apart + middle.deviation**2))
    return Outlook(middle.centre, deviation, len(codes) - 1, benchmark.unit)


def _sum(parts: list[tuple[float, float]]) -> tuple[float, float]:
    """Deviation and degrees of freedom of a sum of parts with (variance, freedom), after Welch and Satterthwaite."""
    total = sum(variance for variance, _ in parts)
    doubt = sum(variance**2 / freedom for variance, freedom in parts)  # none where all deviations are known
    return float(np.sqrt(total)), total**2 / doubt if doubt else np.inf


def chance_above(one: Outlook, other: Outlook) -> float:
    """Returns the probability that one figure is above another, the two independent."""
    deviation, freedom = _sum([(o.deviation**2, o.freedom) for o in (one, other)])
    return float(special.stdtr(freedom, (one.centre - other.centre) / deviation))


def draws_above(draws: Floats, other: Outlook) -> float:
    """Returns the probability that a figure is above another, the two independent.

    draws: of the one, proportions or rates per 10,000.
    """
    values = transform(draws / scale(other.unit), other.unit)
    return float(special.stdtr(other.freedom, (values - other.centre) / other.deviation).mean())


def exactly(value: float, unit: Unit) -> Outlook:
    """Returns a figure that is known: a proportion, or a rate per 10,000."""
    return Outlook(float(transform(value / scale(unit), unit)), EXACT, np.inf, unit)


def underneath(value: float, size: float, unit: Unit) -> Outlook:
    """Returns what is underneath a figure counted over so many plans or children, chance and siblings taken off."""
    return replace(exactly(value, unit), deviation=float(np.sqrt(CLUSTERING / (4 * size))))
