"""Overdispersed counts: the negative-binomial distribution with a mean and a dispersion (variance over mean).

Var = phi mu, the parametrisation of Noufaily et al. (2013, Statistics in Medicine 32:1206): size mu / (phi - 1) and
chance 1 / phi. Only flows are counts in this sense; a stock's noise is that of its steps, and normal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from forecaster.types import Direction, Floats

LEAST = 1.02  # a dispersion of one is the Poisson limit, where the size is infinite
SHIFT = 2.25  # standard deviations of one period: the change worth finding at once
MULTIPLIED, LARGE = 0.05, 4.0  # share of rises in which the level multiplies, and by how many standard deviations
FEWEST = 1e-3
SMALL_STOCK = 5.0  # children: a smaller stock varies no less than one of as many
LARGEST_STEP = 4.0  # standard deviations by which one step moves what is expected of a stock, and the most it can tell


def _size(mean: Floats, dispersion: Floats) -> Floats:
    return np.asarray(mean / (dispersion - 1))


def step_deviation(level: Floats, dispersion: Floats) -> Floats:
    """Returns the standard deviation of one step of a stock at a level."""
    return np.sqrt(dispersion * np.maximum(level, SMALL_STOCK))


def quantiles(mean: Floats, dispersion: Floats, level: float | Floats, is_stock: NDArray[np.bool_]) -> Floats:
    """Returns a predictive quantile of every cell (S x T): negative-binomial for flows, normal for stocks; >= 0."""
    levels = mean + special.ndtri(level) * step_deviation(mean, dispersion)
    counts = count_at(level, mean, np.maximum(dispersion, LEAST))
    return np.asarray(np.maximum(np.where(is_stock[:, None], np.round(levels), counts), 0.0))


def count_at(level: float | Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Returns the least count that a negative-binomial one does not exceed with probability `level`.

    As `scipy.stats.nbinom.ppf` has it, without the third of a second that importing `scipy.stats` takes.
    """
    size = _size(mean, dispersion)
    count = np.maximum(np.ceil(special.nbdtrik(level, size, 1 / dispersion)), 0.0)
    enough = (count > 0) & (special.betainc(size, np.maximum(count, 1.0), 1 / dispersion) >= level)  # one less would do
    return np.asarray(count - enough)


def _log_density(counts: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Log density without the term that does not depend on the distribution."""
    size = _size(mean, dispersion)
    tail = special.gammaln(counts + size) - special.gammaln(size)
    return np.asarray(tail - size * np.log(dispersion) + counts * np.log1p(-1 / dispersion))


def _turning(mean: Floats, dispersion: Floats, other_mean: Floats, other_dispersion: Floats) -> Floats:
    """The count from which more cases no longer speak for cases on top: in its far tail the wider one takes over."""
    wide, narrow = np.log1p(-1 / dispersion), np.log1p(-1 / other_dispersion)
    grows = np.expm1(np.maximum(wide - narrow, 1e-9))
    size, other = _size(mean, dispersion) - 0.5, _size(other_mean, other_dispersion) - 0.5
    return np.asarray((other - (1 + grows) * size) / grows)


def _on_top(counts: Floats, mean: Floats, dispersion: Floats, more: Floats) -> Floats:
    """Log ratio were Poisson cases on top of the usual ones; it stays where it is highest."""
    other = (dispersion * mean + more - mean) / more
    y = np.minimum(counts, np.maximum(_turning(mean, dispersion, more, other), mean))
    return _log_density(y, more, other) - _log_density(y, mean, dispersion)


def _multiplied(counts: Floats, mean: Floats, dispersion: Floats, factor: Floats) -> Floats:
    """Log ratio were the level `factor` times as high and as uneven: negative binomials of one size."""
    other = 1 + factor * (dispersion - 1)
    each = np.log1p(-1 / other) - np.log1p(-1 / dispersion)
    return np.asarray(counts * each - _size(mean, dispersion) * np.log(other / dispersion))


def log_ratio(counts: Floats, mean: Floats, dispersion: Floats, direction: Direction) -> Floats:
    """Returns how much likelier each count is were the level SHIFT standard deviations away, as a log ratio.

    Upwards cases come on top one by one (Poisson), or seldom the level multiplies: without that a huge count would be
    no more evidence than a large one. Downwards each case is missing with the same chance (thinning), by the ratio of
    the same shift. counts, mean, dispersion: arrays that broadcast together; counts need not be whole.
    """
    mu, phi = np.maximum(mean, FEWEST), np.maximum(dispersion, LEAST)
    deviation = np.sqrt(phi * mu)
    more = mu + SHIFT * deviation
    if direction == "down":
        return _multiplied(counts, mu, phi, mu / more)
    on_top, multiplied = _on_top(counts, mu, phi, more), _multiplied(counts, mu, phi, 1 + LARGE * deviation / mu)
    with np.errstate(invalid="ignore"):  # a missing count stays missing
        return np.asarray(np.logaddexp(np.log1p(-MULTIPLIED) + on_top, np.log(MULTIPLIED) + multiplied))
