"""Sample paths of forecasts: whole futures whose every period has the quantiles that were forecast, and back again.

Quantiles of single periods do not say how a sum or a path will turn out: that takes the dependence of their errors. It
is kept apart, as correlations between normal scores (a Gaussian copula, Pinson et al. 2009, Wind Energy 12:51), so that
joining periods never moves the quantiles of one of them.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from forecaster.normal_scores import SCORES
from forecaster.types import QUANTILES, Floats

QUARTILES = QUANTILES.index(0.25), QUANTILES.index(0.75)
# What is usual of the errors of one path, as shares of the noise of one period's count: the level was not known at the
# origin, and wanders by so much a period.
LEVEL, WANDER = 0.1, 0.01
USUAL_PATHS = 20.0  # past paths that the usual correlation counts as
_GRID = np.concatenate([[0.0], np.geomspace(1e-4, 100.0, 37)])


def draws(values: Floats, correlation: Floats, number: int, seed: int) -> Floats:
    """Returns sample paths S x N x H with the quantiles `values` (S x H x Q), each series independent of the others.

    correlation: H x H (or S x H x H), between the periods' normal scores. Paths are not rounded, and never negative.
    """
    return arranged(values, normal_paths(len(values), correlation, number, seed))


def normal_paths(series: int, correlation: Floats, number: int, seed: int | tuple[int, ...]) -> Floats:
    """Returns normal scores S x N x H with a correlation over the horizon (H x H, or S x H x H)."""
    root = np.linalg.cholesky(correlation)
    noise = np.random.default_rng(seed).standard_normal((series, number, correlation.shape[-1]))
    return np.asarray(noise @ np.swapaxes(root, -1, -2))


def arranged(values: Floats, scores: Floats) -> Floats:
    """Returns paths S x N x H that rank like `scores` (S x N x H) and whose marginals are exactly those of `values`.

    Only the order of the scores counts: the i-th smallest of N becomes the quantile (i - 1/2) / N, so that few draws
    are enough (as in the Schaake shuffle, Clark et al. 2004, Journal of Hydrometeorology 5:243).
    """
    order = np.argsort(np.ascontiguousarray(scores.swapaxes(1, 2)), axis=-1)
    out = np.empty(order.shape)
    np.put_along_axis(out, order, marginals(values, scores.shape[1]), axis=-1)
    return np.ascontiguousarray(out.swapaxes(1, 2))


def marginals(values: Floats, number: int) -> Floats:
    """Returns the quantiles (i - 1/2) / N of every period in rising order (S x H x N).

    Between the quantiles that are known they are linear in the normal score; beyond them their roots go on as from the
    quartile to the last one, which gives counts the longer tail above and stops at zero below.
    """
    scores = ndtri((np.arange(number) + 0.5) / number)
    shares = np.stack([np.interp(scores, SCORES, known) for known in np.eye(len(SCORES))])
    out = np.asarray(values @ shares)
    root = np.sqrt(values)
    for last, quartile, beyond in zip((0, -1), QUARTILES, (scores < SCORES[0], scores > SCORES[-1]), strict=True):
        slope = (root[..., last] - root[..., quartile]) / (SCORES[last] - SCORES[quartile])
        tail = root[..., last, None] + slope[..., None] * (scores[beyond] - SCORES[last])
        out[..., beyond] = np.maximum(tail, 0.0) ** 2
    return out


def quantiles_of(draws: Floats) -> Floats:
    """Returns the quantiles (S x H x Q) of whole-number paths (S x N x H), themselves whole numbers."""
    found = np.quantile(draws, QUANTILES, axis=1, method="hazen")
    return np.asarray(np.rint(np.moveaxis(found, 0, -1)))


def error_correlation(scores: Floats) -> Floats:
    """Returns the correlation H x H of errors along a path, learnt from past normal scores S x O x H (NaN unknown).

    An error is the noise of its own period, a level not known at the origin, and a random walk since then:

        corr(h, k) = (a + w min(h, k)) / root((1 + a + w h) (1 + a + w k))

    The two numbers are those nearest to the pooled correlations, each pair of periods weighing as many paths as it was
    seen in, and USUAL_PATHS of the usual ones besides, so that few origins and long horizons are no trouble.
    """
    horizon = scores.shape[-1]
    known = np.isfinite(scores).reshape(-1, horizon).astype(float)
    z = np.nan_to_num(scores).reshape(-1, horizon)
    paths, squares = known.T @ known, np.square(z).T @ known
    found = (z.T @ z) / np.maximum(np.sqrt(squares * squares.T), 1e-9)
    return _nearest(found, paths)


def _nearest(found: Floats, paths: Floats) -> Floats:
    """The wandering-level correlation that is nearest to what was found in so many paths (both H x H)."""
    usual = wandering_level(LEVEL, WANDER, len(found))
    prior = USUAL_PATHS * max((paths > 0).mean(), 1e-6)  # pairs never seen give it no more say
    weight = paths + prior
    target = (paths * found + prior * usual) / weight
    # all pairs of a grid: two numbers are too few to need a search, and a grid has no bad start
    miss = [
        (weight * (wandering_level(level, _GRID[:, None, None], len(found)) - target) ** 2).sum((1, 2))
        for level in _GRID
    ]
    level, wander = np.unravel_index(np.argmin(miss), (len(_GRID), len(_GRID)))
    return wandering_level(_GRID[level], _GRID[wander], len(found))


def wandering_level(level: float, wander: Floats | float, horizon: int) -> Floats:
    """Returns corr(h, k) as in `error_correlation` (… x H x H) for a = level and w = wander (… x 1 x 1)."""
    ahead = np.arange(1.0, horizon + 1)
    later, earlier = np.maximum(ahead[:, None], ahead), np.minimum(ahead[:, None], ahead)
    found = (level + wander * earlier) / np.sqrt((1 + level + wander * earlier) * (1 + level + wander * later))
    return np.asarray(np.where(np.eye(horizon, dtype=bool), 1.0, found))
