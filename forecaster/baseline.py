"""What was to be expected of every series in every period, from earlier periods alone.

    expected = season x level

The season (two harmonics, working days, school holidays) is a penalised count regression on the whole history, with a
bend in the trend every year so that level shifts do not pass for season. The level is local: exponential smoothing of
the deseasonalised counts, whose gain is chosen per series by its own one-step record, so a stationary series
keeps a long memory and one that shifts follows. Stocks have no season and a gain of one (a random walk).
Errors of several steps ahead follow from the single-source form ETS(A,N,N) (Hyndman et al. 2008, section 6.3).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from forecaster.calendar import following, per_year, school_holiday_share, working_days
from forecaster.glm import TINY, clipped_moment, fit_counts
from forecaster.types import Dates, Floats, Panel, Step, as_date

GAINS = (0.01, 0.03, 0.07, 0.15, 0.3, 0.5)
GUARD = {"week": 26, "month": 4}  # newest periods kept out of the season, so that an ongoing surge is not called season
BURN_IN = {"week": 26, "month": 12}
MAX_STEP = 3.0  # standard deviations one period may move the level by: a single huge value is not a new level
CLIP = 2.58
LARGEST = 8.0  # no normal score is trusted beyond it
LONGER_MEMORY = 0.01  # a gain must beat the next smaller one by a hundredth
MIN_RECENT = 0.8
PRIOR_FLOW, PRIOR_STOCK, PRIOR_WEIGHT = 3.0, 0.1, 2.0  # dispersion before a series has a record; a stock changes little
CLIPPED_MOMENT = clipped_moment(CLIP)
SEASON_PRECISION = 4.0  # prior standard deviation 0.5 on the log scale
BEND_PRECISION = 1.0


@dataclass(frozen=True)
class Baseline:
    """One-step predictions of every period from the periods before it; all arrays S x T but level.

    mean: expected count. dispersion: variance over mean. gain: of the level. season: seasonal factor. z: normal score
    of the count, NaN where missing. level: S x (T + 1), level[:, t] is known before period t.
    """

    mean: Floats
    dispersion: Floats
    gain: Floats
    season: Floats
    level: Floats
    z: Floats


def season_design(periods: Dates, known: int, step: Step) -> tuple[Floats, Floats, int]:
    """Returns the design (T x p), its penalties (p) and how many leading columns are level and trend.

    known: how many periods have counts; the trend bends once a year among them.
    """
    year = per_year(step)
    days = (periods - np.datetime64("2000-01-03")).astype(float)
    angle = 2 * np.pi * days / 365.25
    t = np.arange(len(periods)) / year
    bends = [np.maximum(t - knot, 0) for knot in np.arange(1, t[known - 1] - 0.5)]
    trend = [np.ones_like(t), t, *bends]
    harmonics = [f(k * angle) for k in (1, 2) for f in (np.sin, np.cos)]
    work = np.log(np.maximum(working_days(periods, step), 0.5) / (5 if step == "week" else 21))
    calendar = [work, school_holiday_share(periods, step)]
    design = np.column_stack([*trend, *harmonics, *calendar])
    penalty = [0.0, 0.01, *[BEND_PRECISION] * len(bends), *[SEASON_PRECISION] * 4, 0.25, SEASON_PRECISION]
    return design, np.array(penalty), len(trend)


def _season(counts: Floats, periods: Dates, step: Step) -> Floats:
    """Seasonal factors (S x all periods) learnt from the counts' own first periods; ones under two years of history."""
    known = counts.shape[1] - GUARD[step]
    if known < 2 * per_year(step) or not len(counts):
        return np.ones((len(counts), len(periods)))
    design, penalty, trend = season_design(periods, known, step)
    fit = fit_counts(counts[:, :known], design[:known], penalty)
    effect = fit.coefficients[:, trend:] @ design[:, trend:].T
    effect -= np.log(np.exp(effect[:, :known]).mean(1, keepdims=True))
    enough = np.isfinite(counts[:, :known]).sum(1, keepdims=True) >= 2 * per_year(step)
    return np.where(enough, np.exp(np.clip(effect, -2, 2)), 1.0)


def _start(y: Floats, season: Floats, step: Step) -> Floats:
    """Levels S to begin with: the mean of each series' own first half year, which is then left out of its record."""
    seen = np.isfinite(y)
    head = seen & (np.cumsum(seen, axis=1) <= BURN_IN[step])
    total = np.where(head, y, 0).sum(1)
    return np.asarray(np.maximum(total / np.maximum((season * head).sum(1), TINY), TINY))


def _follow(y: Floats, season: Floats, gains: Floats, step: Step, floor: float, prior: float) -> Baseline:
    """Runs one filter per gain side by side; each period is predicted by the gain with the best record so far.

    The record of a gain is the running sum of its absolute one-step errors in units of sqrt(mean), none larger than
    LARGEST standard deviations: one typing error must not choose the gain. The dispersion is the running mean of their
    squares, clipped at 2.58 standard deviations so that a past surge does not widen the limits for ever.
    """
    series, periods = y.shape
    rows = np.arange(series)
    level = np.repeat(_start(y, season, step)[None], len(gains), 0)
    preference = (1 + LONGER_MEMORY * np.arange(len(gains)))[:, None]
    squares, weight = np.full(level.shape, PRIOR_WEIGHT * prior), np.full(series, PRIOR_WEIGHT)
    record = np.zeros(level.shape)
    learns = np.isfinite(y) & (np.cumsum(np.isfinite(y), axis=1) > min(BURN_IN[step], periods // 3))
    chosen = Baseline(*(np.empty((series, periods + extra)) for extra in (0, 0, 0, 0, 1, 0)))
    for t in range(periods + 1):
        phi = np.maximum(squares / weight, floor)
        best = np.argmin(record * preference, axis=0)
        chosen.level[:, t] = level[best, rows]
        if t == periods:
            break
        mean = np.maximum(level * season[:, t], TINY)
        chosen.mean[:, t], chosen.dispersion[:, t], chosen.gain[:, t] = mean[best, rows], phi[best, rows], gains[best]
        seen = np.isfinite(y[:, t])
        error = np.where(seen, y[:, t] - mean, 0.0)
        reach = MAX_STEP * np.sqrt(phi * mean)
        level = np.maximum(level + gains[:, None] * np.clip(error, -reach, reach) / season[:, t], TINY)
        learnt = learns[:, t]
        record = record + learnt * np.minimum(np.abs(error), LARGEST * np.sqrt(phi * mean)) / np.sqrt(mean)
        squares = squares + learnt * np.minimum(error**2 / mean, CLIP**2 * phi) / CLIPPED_MOMENT
        weight = weight + learnt
    chosen.season[:] = season
    return chosen


def normal_scores(counts: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Returns z (S x T): mid-p normal scores of negative-binomial counts, NaN where missing."""
    y = np.where(np.isfinite(counts), counts, 0.0)
    phi = np.maximum(dispersion, 1 + 1e-3)
    size, chance = mean / (phi - 1), 1 / phi
    half = stats.nbinom.pmf(y, size, chance) / 2
    above, below = stats.nbinom.sf(y, size, chance) + half, stats.nbinom.cdf(y, size, chance) - half
    tail = stats.norm.isf(np.clip(np.minimum(above, below), 1e-300, 0.5))
    return np.where(np.isfinite(counts), np.where(above < below, tail, -tail).clip(-LARGEST, LARGEST), np.nan)


def quantiles(mean: Floats, dispersion: Floats, level: float, is_stock: NDArray[np.bool_]) -> Floats:
    """Returns a predictive quantile of every cell (S x T): negative-binomial for flows, normal for stocks; >= 0."""
    phi = np.maximum(dispersion, 1 + 1e-3)
    counts = stats.nbinom.ppf(level, mean / (phi - 1), 1 / phi)
    levels = mean + stats.norm.ppf(level) * np.sqrt(dispersion * mean)
    return np.asarray(np.maximum(np.where(is_stock[:, None], np.round(levels), counts), 0.0))


def _flows(y: Floats, season: Floats, step: Step) -> Baseline:
    followed = _follow(y, season, np.array(GAINS), step, floor=1.0, prior=PRIOR_FLOW)
    return replace(followed, z=normal_scores(y, followed.mean, followed.dispersion))


def _stocks(y: Floats, step: Step) -> Baseline:
    followed = _follow(y, np.ones_like(y), np.array([1.0]), step, floor=0.01, prior=PRIOR_STOCK)
    z = (y - followed.mean) / np.sqrt(followed.dispersion * followed.mean)
    return replace(followed, z=z.clip(-LARGEST, LARGEST))


def _merge(flows: Baseline, stocks: Baseline, is_stock: NDArray[np.bool_]) -> Baseline:
    """One baseline in the panel's order."""
    order = np.argsort(np.concatenate([np.flatnonzero(~is_stock), np.flatnonzero(is_stock)]))
    names = [f.name for f in fields(Baseline)]
    return Baseline(*(np.concatenate([getattr(flows, name), getattr(stocks, name)])[order] for name in names))


def baseline(panel: Panel, ahead: int = 0, season_until: int | None = None) -> tuple[Baseline, Floats]:
    """Returns the baseline of the flows and stocks of a panel, and the season of the next `ahead` periods (S x ahead).

    It is that of the capped counts, which detectors read; `Panel.uncapped` gives that of all children. season_until:
    how many periods the season may learn from (default all); the rest never looks ahead.
    """
    is_stock = panel.is_kind("stock")
    future = following(as_date(panel.periods[-1]), ahead, panel.step)
    periods = len(panel.periods)
    flows, stocks = panel.capped[~is_stock], panel.capped[is_stock]
    season = _season(flows[:, :season_until], np.concatenate([panel.periods, future]), panel.step)
    seasons_ahead = np.ones((len(is_stock), ahead))
    seasons_ahead[~is_stock] = season[:, periods:]
    merged = _merge(_flows(flows, season[:, :periods], panel.step), _stocks(stocks, panel.step), is_stock)
    return merged, seasons_ahead


def expected_since(base: Baseline, onset: int, until: int) -> tuple[Floats, Floats]:
    """Returns what was expected from period `onset` to `until`, both included, had the level stayed as before.

    Two arrays S x (until - onset + 1): the expectation, and the dispersion of the error of each step.
    """
    steps = until - onset + 1
    mean = base.level[:, onset, None] * base.season[:, onset : until + 1]
    return mean, base.dispersion[:, onset, None] * variance_growth(base.gain[:, onset], steps)


def variance_growth(gain: Floats, steps: int) -> Floats:
    """Returns S x steps: variance of the error 1, 2, … steps ahead over that of one step, for gains S (ETS(A,N,N))."""
    return np.asarray(1.0 + np.arange(steps)[None, :] * np.square(gain)[:, None])


def cannot_judge(counts: Floats, min_history: int, last: int, step: Step) -> NDArray[np.object_]:
    """Returns why each of the last periods of each series (S x last) cannot be judged, "" where it can."""
    seen = np.isfinite(counts)
    before = (np.cumsum(seen, axis=1) - seen)[:, -last:]
    recent = _recent_share(seen, per_year(step))[:, -last:]
    spread = _varies(counts)[:, -last:]
    reasons = np.full(before.shape, "", object)
    reasons[~spread] = "constant: every earlier period has the same value"
    reasons[recent < MIN_RECENT] = "too many gaps: less than four fifths of the last year's periods have a value"
    short = before < min_history
    reasons[short] = [f"too little history: {n} periods, {min_history} needed" for n in before[short]]
    reasons[~seen[:, -last:]] = "no value for this period"
    return reasons


def _recent_share(seen: NDArray[np.bool_], year: int) -> Floats:
    """Share of the year before each period that has a value (of as many periods as there are)."""
    total = np.cumsum(np.c_[np.zeros(len(seen)), seen], axis=1)
    start = np.maximum(np.arange(seen.shape[1]) - year, 0)
    span = np.maximum(np.arange(seen.shape[1]) - start, 1)
    return np.asarray((total[:, :-1] - total[:, start]) / span)


def _varies(counts: Floats) -> NDArray[np.bool_]:
    """Whether the periods before each period hold more than one value."""
    high = np.fmax.accumulate(np.where(np.isfinite(counts), counts, -np.inf), axis=1)
    low = np.fmin.accumulate(np.where(np.isfinite(counts), counts, np.inf), axis=1)
    return np.asarray(np.c_[np.zeros(len(counts), bool), (high > low)[:, :-1]])
