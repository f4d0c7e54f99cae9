"""How good forecasts were: proper scores, coverage and bias of predictive quantiles against what came.

values are ... x Q (Q as in QUANTILES) and `actual` has the shape without the Q. Whatever cannot be scored, because it
has not come yet, is missing or was not forecast, is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.types import QUANTILES, Floats

_LEVELS = np.array(QUANTILES)
_MEDIAN = QUANTILES.index(0.5)


def pinball(values: Floats, actual: Floats) -> Floats:
    """Returns the quantile loss of each quantile (... x Q), in the unit of the counts (Koenker and Bassett 1978)."""
    over = values - actual[..., None]
    return np.asarray(((over >= 0) - _LEVELS) * over)


def weighted_interval_score(values: Floats, actual: Floats) -> Floats:
    """Returns the mean over QUANTILES of twice the pinball loss, in the unit of the counts.

    Smaller is better, zero is perfect. It is the weighted interval score of Bracher et al. 2021 (PLOS Comput Biol
    17:e1008618, eq. 1 with 4 intervals and weights alpha/2, as written in its section 2.2).
    """
    return np.asarray(2.0 * pinball(values, actual).mean(-1))


def interval(values: Floats, level: float) -> tuple[Floats, Floats]:
    """Returns the ends of the central interval that should hold a share `level` of outcomes: 0.95, 0.9, 0.8 or 0.5."""
    below = round((1.0 - level) / 2.0, 6)
    return values[..., QUANTILES.index(below)], values[..., QUANTILES.index(round(1.0 - below, 6))]


def held(values: Floats, actual: Floats, level: float) -> Floats:
    """Returns 1 where the central interval of `level` held what came, its ends included, and 0 where it did not."""
    lower, upper = interval(values, level)
    inside = ((actual >= lower) & (actual <= upper)).astype(float)
    return np.asarray(np.where(np.isnan(lower + upper + actual), np.nan, inside))


@dataclass(frozen=True)
class Scores:
    """Scores of many forecasts, each array of the shape of what came.

    wis, error and bias are in units of the usual level, so that they can be averaged over measures; error is the
    distance of the median, bias the same with its sign: above zero more was said than came. above: 1 where more came
    than the median, 0 where less, 1/2 where just that; half of all is right, while the mean of `bias` is below zero for
    skewed counts, whose median lies below their mean. held95, held80, held50: 1 where the central interval held, or 0.
    """

    wis: Floats
    error: Floats
    bias: Floats
    above: Floats
    held95: Floats
    held80: Floats
    held50: Floats


def score(values: Floats, actual: Floats, level: Floats) -> Scores:
    """Returns how forecasts did against what came, as shares of a `level` that is not zero: the mean of the history."""
    scale = np.where(level > 0, level, np.nan)
    over = values[..., _MEDIAN] - actual
    coverage = (held(values, actual, share) for share in (0.95, 0.8, 0.5))
    wis = weighted_interval_score(values, actual) / scale
    return Scores(wis, np.abs(over) / scale, over / scale, (1.0 - np.sign(over)) / 2.0, *coverage)


def level_so_far(count: Floats) -> Floats:
    """Returns the mean of each series' history up to and with each period (S x P): what its scores are divided by."""
    known = np.isfinite(count)
    number = known.cumsum(axis=1)
    total = np.where(known, count, 0.0).cumsum(axis=1)
    return np.asarray(np.divide(total, number, out=np.full(count.shape, np.nan), where=number > 0))
