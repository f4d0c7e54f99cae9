"""Forecasts by levels of several memories: exponential smoothing, with weights learnt from all series together.

Counts without their season are smoothed with several gains, from the last value alone to the mean of years. What a
series will be h periods on is a weighted mean of those levels; the weights are regressed on the past of all series
together, for each h by itself (direct forecasts: Marcellino, Stock and Watson 2006, Journal of Econometrics 135:499),
so a series with little past borrows what the others show about how long a move lasts. How far outcomes lie from that
mean is learnt in the same way: the width of each series, drawn to that of series of its size, and one shape for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from forecaster.calendar import following, per_year
from forecaster.models._pooling import pooled_season
from forecaster.negbin import LEAST, quantiles
from forecaster.normal_scores import SCORES
from forecaster.season import believable
from forecaster.types import QUANTILES, Ask, Floats, Kind, Panel, as_date

NAME = "levels"
KINDS: tuple[Kind, ...] = ("flow", "stock")
GAINS = {"week": (0.01, 0.03, 0.1, 0.3, 1.0), "month": (0.03, 0.1, 0.3, 1.0)}
ANCHOR = 1  # the gain whose level the others are compared with
KNOTS = (1, 2, 3, 4, 6, 9, 13, 18, 26, 39, 52, 78)  # horizons at which all is learnt; between them it is interpolated
LEARNS = 4  # a horizon is learnt from a year over this of forecasts at least; with fewer, as the longest that can be
RIDGE = 50.0  # forecasts that equal weights, before any evidence, are worth
MEMORY_YEARS = 1.0  # half-life of what a series' errors say about its width
WIDTH_PRIOR = 20.0  # errors that the width of series of its size is worth against its own
SHAPE_PRIOR = 100.0  # errors that the textbook shape is worth against the shape of all series' errors
CLIP = 3.0  # standard deviations beyond which an error does not widen a band further
SHAPELY = 3.0  # mean over dispersion from which errors tell of the shape: below, counts are too coarse
COARSE = 5.0  # mean over dispersion below which quantiles are those of whole numbers
FEWEST_A_YEAR = 0.5  # no level is below it: a year without an event does not make the next one impossible
FARTHEST = 2.0  # a level counts as no further above the anchor's than so many times that
NARROW = 1e-3  # least dispersion of a stock
TINY = 1e-9
_GRID = np.arange(-6.0, 6.0, 0.01)

Bools = NDArray[np.bool_]


def predict(panel: Panel, ask: Ask) -> Floats:
    """Returns quantiles S x O x H x Q of flows and stocks, NaN where a series has not been seen for a year."""
    out = np.full((len(panel.keys), len(ask.origins), ask.horizon, len(QUANTILES)), np.nan)
    for kind in KINDS:
        rows = np.flatnonzero(panel.is_kind(kind))
        for at, origin in enumerate(ask.origins if len(rows) else ()):
            out[rows, at] = _from_one_origin(panel.select(rows).until(origin), ask.horizon, kind == "stock")
    return out


@dataclass(frozen=True)
class _Past:
    """What is known at an origin. counts: S x K; season: S x (K + H); levels: E x S x (K + 1), [..., t] known before
    period t; started: S x K, whether the first year of a series is over.
    """

    counts: Floats
    season: Floats
    levels: Floats
    started: Bools
    is_stock: bool
    year: int


@dataclass(frozen=True)
class _Law:
    """What was learnt of one horizon.

    weights: E - 1, of the levels beside the anchor. width: S, dispersion over that of series of its size. spread: that
    is the first of them plus the second times the mean: chance and clustering, and moves of the level. scores: Q.
    """

    weights: Floats
    width: Floats
    spread: Floats
    scores: Floats


def _from_one_origin(panel: Panel, horizon: int, is_stock: bool) -> Floats:
    past = _past(panel, horizon, is_stock)
    known = past.counts.shape[1]
    farthest = max(known - past.year - past.year // LEARNS, 1)
    knots = np.unique([min(h, horizon, farthest) for h in KNOTS])
    laws = [_learn(past, int(h)) for h in knots]
    weights, width, spread, scores = (
        _between(knots, np.stack([getattr(law, name) for law in laws]), horizon)
        for name in ("weights", "width", "spread", "scores")
    )
    now = past.levels[:, :, known]
    mean = _mean(now[ANCHOR], _contrasts(now), weights).T * past.season[:, known:]
    dispersion = width.T * _usual(spread.T, mean, is_stock)
    values = _quantiles(mean, dispersion, scores, is_stock)
    return np.where(past.started[:, -1][:, None, None], values, np.nan)


def _past(panel: Panel, horizon: int, is_stock: bool) -> _Past:
    counts = believable(panel.count)
    year = per_year(panel.step)
    periods = np.concatenate([panel.periods, following(as_date(panel.periods[-1]), horizon, panel.step)])
    measures = sorted({key.measure for key in panel.keys})
    groups = np.array([measures.index(key.measure) for key in panel.keys])
    plain = np.ones((len(counts), len(periods)))
    season = plain if is_stock else pooled_season(counts, groups, periods, panel.step)
    levels = _levels(counts / season[:, : counts.shape[1]], np.array(GAINS[panel.step]), year)
    return _Past(counts, season, levels, np.cumsum(np.isfinite(counts), axis=1) > year, is_stock, year)


def _levels(values: Floats, gains: Floats, year: int) -> Floats:
    """Smoothed values, E x S x (K + 1), each begun at the mean of its first year."""
    series, known = values.shape
    seen = np.isfinite(values)
    first = seen & (np.cumsum(seen, axis=1) <= year)
    start = np.where(first, values, 0.0).sum(1) / np.maximum(first.sum(1), 1)
    learns = seen & ~first
    filled = np.where(learns, values, 0.0)
    out = np.empty((len(gains), series, known + 1))
    level = out[:, :, 0] = np.tile(start, (len(gains), 1))
    for t in range(known):
        level = level + gains[:, None] * np.where(learns[:, t], filled[:, t] - level, 0.0)
        out[:, :, t + 1] = level
    return np.maximum(out, FEWEST_A_YEAR / year)


def _between(knots: NDArray[np.int64], learnt: Floats, horizon: int) -> Floats:
    """What was learnt at the knots (K x ...), for every horizon (H x ...); beyond the last knot as there."""
    flat = learnt.reshape(len(knots), -1)
    ahead = np.minimum(np.arange(1, horizon + 1), knots[-1])
    at = np.searchsorted(knots, ahead)
    left = np.maximum(at - 1, 0)
    share = (ahead - knots[left]) / np.maximum(knots[at] - knots[left], 1)
    out = flat[left] + share[:, None] * (flat[at] - flat[left])
    return np.asarray(out.reshape(horizon, *learnt.shape[1:]))


def _learn(past: _Past, h: int) -> _Law:
    """What all series together say of forecasts h periods ahead."""
    known = past.counts.shape[1]
    before = max(known - h + 1, 0)  # forecasts made before periods 0 … known - h
    counts, season = past.counts[:, h - 1 :], past.season[:, h - 1 : known]
    anchor = past.levels[ANCHOR, :, :before]
    contrasts = _contrasts(past.levels[:, :, :before])
    started = np.c_[np.zeros(len(counts), bool), past.started][:, :before]
    use = np.isfinite(counts) & started
    size = anchor * season
    precision = np.where(use, size / (size + COARSE), 0.0)
    weights = _regressed(np.where(use, counts, size) / size - 1, contrasts, precision)
    mean = _mean(size, contrasts, weights)
    filled = np.where(use, counts, mean)
    width, spread = _widths(filled, mean, use, past)
    dispersion = width[:, None] * _usual(spread, mean, past.is_stock)
    return _Law(weights, width, spread, _shape(filled, mean, dispersion, use, past.is_stock))


def _contrasts(levels: Floats) -> Floats:
    """How far levels (E x ...) are from the anchor's, as shares of it ((E - 1) x ...)."""
    return np.asarray(np.minimum(np.delete(levels, ANCHOR, 0) / levels[ANCHOR] - 1, FARTHEST))


def _mean(anchor: Floats, contrasts: Floats, weights: Floats) -> Floats:
    """The weighted mean of levels; half the lowest of them at least, as weights may sum to more than one."""
    lowest = 1 + np.minimum(contrasts.min(0), 0.0)
    return np.asarray(anchor * np.maximum(1 + np.tensordot(weights, contrasts, 1), lowest / 2))


def _regressed(ratio: Floats, contrasts: Floats, precision: Floats) -> Floats:
    """Weights of the levels: ridge regression towards equal ones."""
    number = len(contrasts)
    flat, weighted = contrasts.reshape(number, -1), (contrasts * precision).reshape(number, -1)
    scale = RIDGE * (weighted * flat).sum() / number / max(precision.sum(), TINY) + TINY
    equal = np.full(number, 1 / (number + 1))
    normal = weighted @ flat.T + scale * np.eye(number)
    return np.asarray(np.linalg.solve(normal, weighted @ ratio.ravel() + scale * equal))


def _usual(spread: Floats, mean: Floats, is_stock: bool) -> Floats:
    """Variance over mean of errors of series of a size; spread: 2, or 2 x H."""
    return np.asarray(np.maximum(spread[0] + spread[1] * mean, NARROW if is_stock else LEAST))


def _widths(counts: Floats, mean: Floats, use: Bools, past: _Past) -> tuple[Floats, Floats]:
    """How wide each series is beside others of its size (S), and what is usual (chance, moves)."""
    age = np.arange(counts.shape[1])[::-1]
    weight = use * 0.5 ** (age / (MEMORY_YEARS * past.year))
    squares = (counts - mean) ** 2 / mean
    spread, usual = np.zeros(2), np.ones_like(mean)
    for _ in range(2):  # the second time without the surprises
        spread = _by_size(squares, mean, weight)
        usual = _usual(spread, mean, past.is_stock)
        squares = np.minimum(squares, CLIP**2 * usual)
    own = (weight * squares / usual).sum(1)
    return np.asarray((own + WIDTH_PRIOR) / (weight.sum(1) + WIDTH_PRIOR)), spread


def _by_size(squares: Floats, mean: Floats, weight: Floats) -> Floats:
    """Squared errors over means, regressed on the means: both coefficients at least zero."""
    weight = weight / (1 + mean) + TINY
    columns = np.stack([np.ones_like(mean), mean])
    normal = np.einsum("ist,jst,st->ij", columns, columns, weight)
    aim = np.einsum("ist,st->i", columns, weight * squares)
    both = np.linalg.solve(normal + TINY * np.eye(2), aim)
    if (both >= 0).all():
        return np.asarray(both)
    return np.array([0.0, aim[1] / normal[1, 1]]) if both[0] < 0 else np.array([aim[0] / normal[0, 0], 0.0])


def _shape(counts: Floats, mean: Floats, dispersion: Floats, use: Bools, is_stock: bool) -> Floats:
    """Scores (Q) that the errors of all series had where those of the textbook distribution are QUANTILES."""
    tells = use & (mean / dispersion >= SHAPELY)
    scores = _scores(counts[tells], mean[tells], dispersion[tells], is_stock)
    below = np.cumsum(np.histogram(scores, _GRID)[0] + SHAPE_PRIOR * np.diff(ndtr(_GRID)))
    return np.asarray(np.interp(QUANTILES, below / below[-1], _GRID[1:]))


def _scores(counts: Floats, mean: Floats, dispersion: Floats, is_stock: bool) -> Floats:
    """Normal scores of counts: of the gamma distribution that the negative binomial is close to (Wilson and Hilferty
    1931, PNAS 17:684), of the normal for a stock."""
    if is_stock:
        return np.asarray((counts - mean) / np.sqrt(dispersion * mean))
    shape = mean / dispersion
    return np.asarray(3 * np.sqrt(shape) * (np.cbrt(counts / mean) - 1 + 1 / (9 * shape)))


def _quantiles(mean: Floats, dispersion: Floats, scores: Floats, is_stock: bool) -> Floats:
    """Quantiles S x H x Q; the shape that was learnt holds as far as counts are not too coarse for it."""
    if is_stock:
        values = mean[..., None] + np.sqrt(dispersion * mean)[..., None] * scores
        return np.maximum(np.round(values), 0.0)
    shape = mean / dispersion
    scores = SCORES + (shape / (shape + SHAPELY))[..., None] * (scores - SCORES)
    values = (1 - 1 / (9 * shape[..., None]) + scores / (3 * np.sqrt(shape[..., None]))) ** 3 * mean[..., None]
    coarse = shape < COARSE
    few, many, level = mean[coarse][:, None], dispersion[coarse][:, None], ndtr(scores[coarse])
    values[coarse] = quantiles(few, many, level, np.zeros(len(few), bool))
    return np.asarray(np.maximum(values, 0.0))
