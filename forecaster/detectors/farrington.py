"""Farrington Flexible: a count against the same season of the last five years, as public health services know it.

Noufaily et al. (2013), "An improved algorithm for outbreak detection in multiple surveillance systems", Statistics in
Medicine 32:1206, sections 3 and 4, as R's package surveillance has it (farringtonFlexible with nbPlugin thresholds):
a quasi-Poisson regression of the counts of five years on a step for each of ten seasons and a straight trend, the last
half year left out; high counts of the past are down-weighted once by their Anscombe residuals; what is counted now is
held against the negative binomial of that mean and dispersion. Downwards, which the paper does not have, the same
distribution is read from its other end.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import special, stats

from forecaster.detectors._one_step import OneStep
from forecaster.judgeable import cannot_judge
from forecaster.types import Dates, Direction, Floats, Judgement, Kind, Panel, SignalKind, Step

NAME: SignalKind = "farrington"
KINDS: tuple[Kind, ...] = ("flow",)
ITERATIONS, TOLERANCE = 25, 1e-8  # R's glm.control
LOWEST, HIGHEST = float(np.log(np.finfo(float).eps)), 50.0  # of a log mean: R's floor, and a guard against overflow
TINY = 1e-11
LEAST_P = 1e-300


@dataclass(frozen=True)
class Settings:
    """years: b. half_window: w. seasons: noPeriods. guard: pastWeeksNotIncluded. surge_at: weightsThreshold.

    fewest: limit54, the events there must be in so many of the newest periods for a rise to be told.
    """

    years: int = 5
    half_window: int = 3
    seasons: int = 10
    guard: int = 26
    surge_at: float = 2.58
    fewest: tuple[int, int] = (5, 4)


# By the month nothing is published: five years, seasons of three months, half a year left out, five events a month.
SETTINGS: dict[Step, Settings] = {
    "week": Settings(),
    "month": Settings(half_window=1, seasons=4, guard=6, fewest=(5, 1)),
}


@dataclass(frozen=True)
class Design:
    """The n periods that one is held against: where they are, years ago, season (0: its own), and that as n x p."""

    at: NDArray[np.intp]
    ago: Floats
    season: NDArray[np.intp]
    member: Floats


@dataclass(frozen=True)
class Expected:
    """Of each series the mean (NaN without a fit), the dispersion of at least 1, and whether the trend was kept."""

    mean: Floats
    dispersion: Floats
    trend: NDArray[np.bool_]


@dataclass(frozen=True)
class _Fit:
    mean: Floats
    working: Floats  # weights of the last step (S x n), with which R works its dispersion out
    leverage: Floats
    now: Floats  # log mean of the period judged
    converged: NDArray[np.bool_]


def same_periods(periods: Dates, at: int, years: int, step: Step) -> NDArray[np.intp]:
    """Returns where a period and those of the same date in the years before stand, the nearest Monday for weeks."""
    back = np.arange(years + 1)
    if step == "month":
        return at - 12 * back
    day = periods[at].astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    dates = (month - 12 * back).astype("datetime64[D]") + (day - month.astype("datetime64[D]"))
    return np.asarray(at - np.rint((day - dates).astype(float) / 7).astype(np.intp))


def design_of(same: NDArray[np.intp], settings: Settings) -> Design:
    """Returns the past of the period same[0], given where those of the same date in earlier years stand.

    A season is the window about a date of `same`, or one of equal parts of the time between two windows.
    """
    width = settings.half_window
    season = np.full(same[0] + 1, -1)
    for later, earlier in pairwise(same):
        season[earlier - width : earlier + width + 1] = 0
        between = np.arange(earlier + width + 1, later - width)
        for number, part in enumerate(np.array_split(between, settings.seasons - 1), start=1):
            season[part] = number
    season[same[0] - settings.guard :] = -1
    at = np.flatnonzero(season >= 0)
    ago = (at - same[0]) / (same[0] - same[1])
    return Design(at, ago, season[at], np.eye(settings.seasons)[season[at]])


def expect(counts: Floats, same: NDArray[np.intp], settings: Settings) -> Expected:
    """Returns what was to be expected of the period same[0] of every series (counts: S x T, NaN where missing).

    The trend is kept unless it leads above every count of the reference years, or to no fit at all.
    """
    design = design_of(same, settings)
    past = counts[:, design.at]
    mean, dispersion, converged = _reweighted(past, design, settings.surge_at, trend=True)
    trend = converged & (mean <= np.fmax.reduce(past, axis=1, initial=0.0))
    plain = _reweighted(past[~trend], design, settings.surge_at, trend=False)
    mean[~trend] = np.where(plain[2], plain[0], np.nan)
    dispersion[~trend] = plain[1]
    return Expected(mean, dispersion, trend)


def _reweighted(past: Floats, design: Design, surge_at: float, trend: bool) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Mean now, dispersion and whether there is a fit, past surges down-weighted once (weights keep their sum)."""
    seen = np.isfinite(past).astype(float)
    y = np.where(seen > 0, past, 0.0)
    sizes = seen @ design.member
    freedom = np.maximum(seen.sum(1) - (sizes > 0).sum(1) - trend, 1)
    first = _irls(y, seen, design, trend)
    residuals = _anscombe(y, first, _dispersion(y, first, freedom))
    kept = seen * np.where(residuals > surge_at, np.maximum(residuals, surge_at) ** -2, 1.0)
    weights = kept * (seen.sum(1) / np.maximum(kept.sum(1), TINY))[:, None]
    again = _irls(y, weights, design, trend)
    now = np.where(sizes[:, 0] > 0, np.exp(again.now), np.nan)
    return now, _dispersion(y, again, freedom), first.converged


def _dispersion(y: Floats, fit: _Fit, freedom: Floats) -> Floats:
    return np.asarray(np.maximum((fit.working * (y / fit.mean - 1) ** 2).sum(1) / freedom, 1.0))


def _anscombe(y: Floats, fit: _Fit, dispersion: Floats) -> Floats:
    """Standardised Anscombe residuals (S x n)."""
    raw = 1.5 * (y ** (2 / 3) * fit.mean ** (-1 / 6) - np.sqrt(fit.mean))
    return np.asarray(raw / np.sqrt(dispersion[:, None] * np.maximum(1 - fit.leverage, TINY)))


def _irls(y: Floats, weights: Floats, design: Design, trend: bool) -> _Fit:
    """Iteratively re-weighted least squares from R's start to R's stop, each series to its own."""
    mean = y + 0.1
    eta, working, leverage, now = np.log(mean), np.empty_like(y), np.empty_like(y), np.empty(len(y))
    saturated = (weights * (special.xlogy(y, y) - y)).sum(1)
    deviance = 2 * (saturated + (weights * (mean - y * eta)).sum(1))
    going = np.arange(len(y))
    for _ in range(ITERATIONS):
        some, own, usual = y[going], weights[going], mean[going]
        working[going] = own * usual
        target = eta[going] + some / usual - 1
        fitted, leverage[going], now[going] = _least_squares(target, own * usual, design, trend)
        means = np.exp(fitted)
        eta[going], mean[going] = fitted, means
        before, after = deviance[going], 2 * (saturated[going] + (own * (means - some * fitted)).sum(1))
        deviance[going] = after
        going = going[np.abs(after - before) >= TOLERANCE * (np.abs(after) + 0.1)]
        if not len(going):
            break
    converged = np.ones(len(y), bool)
    converged[going] = False
    return _Fit(mean, working, leverage, now, converged)


def _least_squares(target: Floats, weights: Floats, design: Design, trend: bool) -> tuple[Floats, Floats, Floats]:
    """Fitted values and leverages (S x n) and the value now (S): a level for each season, and one slope within them."""
    total = np.maximum(weights @ design.member, np.finfo(float).tiny)
    level = (weights * target) @ design.member / total
    middle = weights @ (design.member * design.ago[:, None]) / total
    apart = design.ago - middle[:, design.season]
    spread = np.maximum((weights * apart**2).sum(1, keepdims=True), TINY)
    slope = trend * (weights * apart * target).sum(1, keepdims=True) / spread
    fitted = np.clip(level[:, design.season] + slope * apart, LOWEST, HIGHEST)
    leverage = weights * (1 / total[:, design.season] + trend * apart**2 / spread)
    return fitted, leverage, np.clip(level[:, 0] - slope[:, 0] * middle[:, 0], LOWEST, HIGHEST)


def tail(counts: Floats, mean: Floats, dispersion: Floats, direction: Direction) -> Floats:
    """Returns the chance of as many events or more (up) or as few or fewer (down), negative-binomial or Poisson."""
    size = mean / np.maximum(dispersion - 1, TINY)
    if direction == "up":
        spread = special.betainc(counts, size, 1 - 1 / dispersion)
        chance = np.where(dispersion > 1, spread, special.gammainc(counts, mean))
        return np.where(counts > 0, np.maximum(chance, LEAST_P), 1.0)
    spread = special.betainc(size, counts + 1, 1 / dispersion)
    chance = np.where(dispersion > 1, spread, special.gammaincc(counts + 1, mean))
    return np.asarray(np.maximum(chance, LEAST_P))


def bound(mean: Floats, dispersion: Floats, level: float) -> Floats:
    """Returns a predictive quantile; at a level of 1 - alpha it is R's upperbound."""
    size = mean / np.maximum(dispersion - 1, TINY)
    spread = stats.nbinom.ppf(level, size, 1 / np.maximum(dispersion, 1 + TINY))
    return np.asarray(np.where(dispersion > 1, spread, stats.poisson.ppf(level, mean)))


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every series of a panel of flows alone.

    Under `Settings.fewest` events a rise has a p-value of 1: R tells none there (limit54).
    """
    settings = SETTINGS[panel.step]
    begin = len(panel.periods) - last
    reasons = cannot_judge(panel.count, min_history, last, panel.step)
    mean, dispersion = np.full(reasons.shape, np.nan), np.full(reasons.shape, np.nan)
    for column, at in enumerate(range(begin, begin + last)):
        same = same_periods(panel.periods, at, settings.years, panel.step)
        _say_if_short(reasons[:, column], panel.capped, at, same[-1] - settings.half_window)
        rows = np.flatnonzero(reasons[:, column] == "")
        if len(rows):
            found = expect(panel.capped[rows], same, settings)
            mean[rows, column], dispersion[rows, column] = found.mean, found.dispersion
    reasons[(reasons == "") & np.isnan(mean)] = "no fit: no value or no event in the same season of earlier years"
    p_value = tail(panel.capped[:, begin:], mean, dispersion, direction)
    if direction == "up":
        p_value = np.where(_enough(panel.capped, settings)[:, begin:], p_value, 1.0)
    p_value = np.where(reasons == "", p_value, np.nan)
    band = [bound(mean, dispersion, level) for level in (0.025, 0.975)]
    return Judgement(mean, band[0], band[1], p_value, np.abs(np.log10(p_value)), np.ones(mean.shape), reasons)


def _say_if_short(reasons: NDArray[np.object_], counts: Floats, at: int, oldest: int) -> None:
    """Writes why into the reasons of the series that begin after the oldest period of reference."""
    seen = np.isfinite(counts)
    first = np.where(seen.any(1), seen.argmax(1), at)
    for row in np.flatnonzero((first > oldest) & seen[:, at]):
        reasons[row] = f"too little history: {at - first[row]} periods, {at - oldest} needed"


def _enough(counts: Floats, settings: Settings) -> NDArray[np.bool_]:
    """Whether the newest periods up to each hold as many events as a rise must have (S x T); a gap adds none."""
    events, span = settings.fewest
    padded = np.pad(np.nan_to_num(counts), ((0, 0), (span - 1, 0)))
    return np.asarray(sliding_window_view(padded, span, axis=1).sum(-1) >= events)


_FINDINGS = OneStep(NAME, KINDS, judge, holds=False)
detect, quiet, since = _FINDINGS.detect, _FINDINGS.quiet, _FINDINGS.since
