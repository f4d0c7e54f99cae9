"""What a whole history says of every period: level, trend, season and calendar of each series, in one regression.

Two harmonics of the year, which may change slowly from year to year (their dates move, practice does), working days
and school holidays; a linear trend. Fitted to all of a series but its newest periods, so that an ongoing surge is not
called season or trend, and with past surges down-weighted (Noufaily et al. 2013, Statistics in Medicine 32:1206).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.calendar import per_year, working_columns, yearly_waves
from forecaster.glm import Fit, fit_counts
from forecaster.types import Dates, Floats, Step

GUARD = {"week": 26, "month": 4}  # newest periods that the fit does not see
BELIEVED = 10.0  # times the way from the median to the ninth decile; what is beyond is a typing error
YEARS = 2  # with less history there is no season and no trend
HARMONICS = 2
# Prior standard deviations, on the log scale, become penalties 1 / sd^2.
TREND_PENALTY = 0.01
SEASON_PENALTY = 4.0
CALENDAR_PENALTY = 11.0
DRIFT_PENALTY = 3000.0  # the season of one year differs from the next by about 2%


@dataclass(frozen=True)
class Profile:
    """Two views of every period, known before it; arrays are S x T.

    whole: the expectation by level, trend and season together. season: seasonal factors with mean one. whole_error,
    season_error: variance of their logs. parameters: how many numbers were fitted to `known` periods.
    """

    whole: Floats
    season: Floats
    whole_error: Floats
    season_error: Floats
    parameters: int
    known: int


def design(periods: Dates, step: Step, known: int) -> tuple[Floats, Floats]:
    """Returns the design (T x p) and its penalties (p); the first two columns are level and trend.

    The season drifts about the one of the middle of the first `known` periods.
    """
    years = (periods - periods[0]).astype(float) / 365.25
    waves, days = yearly_waves(periods, HARMONICS), working_columns(periods, step)
    drifting = waves * (years - years[:known].mean())[:, None]
    columns = np.column_stack([np.ones_like(years), years, waves, days, drifting])
    each = (1, 1, waves.shape[1], 2, waves.shape[1])
    return columns, np.repeat([0.0, TREND_PENALTY, SEASON_PENALTY, CALENDAR_PENALTY, DRIFT_PENALTY], each)


def fit_profile(counts: Floats, periods: Dates, step: Step, until: int) -> Profile:
    """Returns the profile of every series over all `periods`, learnt from the first `until` counts less the GUARD.

    counts: S x T, NaN where missing; periods: at least as many. Series with under YEARS of counts have a level alone.
    """
    known = max(until - GUARD[step], 1)
    learnt = believable(counts[:, :known])
    if known < YEARS * per_year(step) or not len(counts):
        return _level(learnt, len(periods))
    columns, penalty = design(periods, step, known)
    full = _with_season(fit_counts(learnt, columns[:known], penalty), columns, known)
    enough = np.isfinite(learnt).sum(1, keepdims=True) >= YEARS * per_year(step)
    if enough.all():
        return full
    level = _level(learnt, len(periods))
    names = ("whole", "season", "whole_error", "season_error")
    whole, season, whole_error, season_error = (
        np.where(enough, getattr(full, name), getattr(level, name)) for name in names
    )
    return Profile(whole, season, whole_error, season_error, len(penalty), known)


def believable(counts: Floats) -> Floats:
    """Returns counts (S x T) no larger than is believable of their series.

    One typing error of a million is the mean, the spread and the season of all, so that its residual tells nothing.
    """
    last = np.maximum(np.isfinite(counts).sum(1) - 1, 0)
    ordered = np.sort(counts, axis=1)  # missing ones come last
    middle, high = (ordered[np.arange(len(counts)), (share * last).astype(int)] for share in (0.5, 0.9))
    return np.asarray(np.minimum(counts, (middle + BELIEVED * (high - middle + 1))[:, None]))


def _level(learnt: Floats, length: int) -> Profile:
    """A level alone."""
    one = np.ones((length, 1))
    fit = fit_counts(learnt, one[: learnt.shape[1]], np.zeros(1))
    whole, error = np.exp(fit.log_mean(one)), np.minimum(fit.log_variance(one), 1.0)
    return Profile(whole, np.ones_like(whole), error, np.zeros_like(whole), 1, learnt.shape[1])


def _with_season(fit: Fit, columns: Floats, known: int) -> Profile:
    steady = slice(2, 4 + 2 * HARMONICS)
    effect = fit.coefficients[:, steady] @ columns[:, steady].T
    effect = np.clip(effect - np.log(np.exp(effect[:, :known]).mean(1, keepdims=True)), -3, 3)
    whole_error = np.minimum(fit.log_variance(columns), 1.0)
    season_error = np.minimum(fit.log_variance(columns, steady), 1.0)
    return Profile(np.exp(fit.log_mean(columns)), np.exp(effect), whole_error, season_error, columns.shape[1], known)
