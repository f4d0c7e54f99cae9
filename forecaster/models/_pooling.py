"""The season of each series, borrowed from the series like it: those of its measure, and all others.

One council's plan starts alone tell little of what August does to them. So the ratios of counts to the mean of the year
around them are added up over a measure's series and regressed on harmonics of the year, working days and school
holidays, robustly. Measures then share what they have in common, and each keeps of its own what lasts: as much as its
effects in odd years agree with those in even ones (split-half reliability; Spearman 1910 and Brown 1910, British
Journal of Psychology 3:271 and 3:296).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import per_year, working_columns, yearly_waves
from forecaster.types import Dates, Floats, Step

HARMONICS = 4
YEARS = 2  # with less history there is no season
ROUNDS, HUBER = 2, 1.5  # of reweighting; standard deviations beyond which a ratio counts for less
LEAST = 0.2  # no season makes a period smaller than this share of the usual one
SEEN = 0.8  # of the year around a period, for the mean of that year
RIDGE = 0.01  # periods' worth of no season at all
TINY = 1e-9

Ints = NDArray[np.int64]


def pooled_season(counts: Floats, groups: Ints, periods: Dates, step: Step) -> Floats:
    """Returns seasonal factors about one (S x T) of every series for all periods.

    counts: S x K, NaN where missing, of the first K periods; groups: S, equal numbers for series of one measure.
    """
    known, year = counts.shape[1], per_year(step)
    if known < YEARS * year or not len(counts):
        return np.ones((len(counts), len(periods)))
    columns = np.column_stack([yearly_waves(periods, HARMONICS), working_columns(periods, step)])
    columns -= columns[:known].mean(0)
    mean = centred(counts, year)
    both = np.isfinite(counts) & np.isfinite(mean)
    size, above = (_added(np.where(both, part, 0.0), groups) for part in (mean, counts - mean))
    around = columns[:known] - centred(columns[:known].T, year).T
    use = np.isfinite(around).all(1)
    effects = _shared(above[:, use], size[:, use], around[use], year)
    return np.asarray(np.maximum(1 + effects @ columns.T, LEAST))[groups]


def centred(values: Floats, year: int) -> Floats:
    """Returns the mean of the year around each period (S x T); NaN where too little of that year is seen."""
    window = np.ones(year + 1)
    window[[0, -1]] = 0.5
    seen = np.isfinite(values)
    sums, weights = (
        np.stack([np.convolve(row, window, "same") for row in part])
        for part in (np.where(seen, values, 0.0), seen.astype(float))
    )
    return np.where(weights >= SEEN * year, sums / np.maximum(weights, TINY), np.nan)


def _added(values: Floats, groups: Ints) -> Floats:
    out = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(out, groups, values)
    return out


def _shared(above: Floats, size: Floats, columns: Floats, year: int) -> Floats:
    """Effects of every group (G x p): those of all together, and of its own what lasts from year to year."""
    every = np.ones(above.shape[1])
    odd = (np.arange(above.shape[1]) // year % 2).astype(float)
    together = _regressed(above.sum(0)[None], size.sum(0)[None], columns, every)
    if len(above) == 1:
        return together
    own, first, second = (_regressed(above, size, columns, part) - together for part in (every, odd, 1 - odd))
    return np.asarray(together + _lasting(first @ columns.T, second @ columns.T) * own)


def _lasting(first: Floats, second: Floats) -> float:
    """How much of the groups' own seasons (G x T, of odd and of even years) is no chance: 0 to 1."""
    first, second = first - first.mean(0), second - second.mean(0)
    alike = (first * second).sum() / max(np.sqrt((first**2).sum() * (second**2).sum()), TINY)
    agreement = float(np.clip(alike, 0.0, 1.0))
    return 2 * agreement / (1 + agreement)


def _regressed(above: Floats, size: Floats, columns: Floats, part: Floats) -> Floats:
    """Effects (G x p) on the ratios of counts above the mean to that mean, surprises counting for less."""
    ratio = above / np.maximum(size, TINY)
    weight = part * size / np.maximum(size.mean(1, keepdims=True), TINY)
    squares = (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), -1)
    ridge = RIDGE * np.eye(columns.shape[1])
    robust, effects = weight, np.zeros((len(ratio), columns.shape[1]))
    for _ in range(ROUNDS):
        normal = (robust @ squares).reshape(-1, *ridge.shape) + ridge
        effects = np.linalg.solve(normal, ((robust * ratio) @ columns)[..., None])[..., 0]
        error = np.abs(ratio - effects @ columns.T) * np.sqrt(weight)
        deviation = 1.4826 * np.median(error[:, part > 0], axis=1, keepdims=True)
        robust = weight * np.minimum(1.0, HUBER * deviation / np.maximum(error, TINY))
    return effects
