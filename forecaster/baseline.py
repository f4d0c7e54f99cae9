"""What was to be expected of every series in every period, from the periods before it alone.

Several experts predict each series side by side: the regression on its whole history (level, trend, season), the mean
of its last year, and levels that follow it faster, each times the season. Some series are stationary and some shift
their level for good (real referrals do); each is predicted by the experts' average, weighted by how well they predicted
this very series so far (the exponentially weighted forecaster, Vovk 1990; Raftery et al. 2010, Technometrics 52:52,
who forget old scores as here). No expert is moved far by a single value. For a stock the level is the newest one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import following, per_year
from forecaster.negbin import LARGEST_STEP, SMALL_STOCK, step_deviation
from forecaster.season import Profile, believable, fit_profile
from forecaster.types import Floats, Kind, Panel, SeriesKey, Step, as_date

GAINS = {"week": (0.03, 0.1, 0.3), "month": (0.15, 0.3)}  # of the levels that follow, as in exponential smoothing
CLIP = 2.58  # residuals beyond it neither move a level far nor widen the dispersion for ever
CAP = 16.0  # of the deviance a single period may cost an expert: one typing error must not choose the expert
MEMORY_YEARS = 3.0  # of the experts' records
PRIOR_FLOW, PRIOR_STOCK, PRIOR_WEIGHT = 3.0, 0.1, 2.0  # dispersion before there is a record; a stock changes little
LAG = {"week": 8, "month": 0}  # periods by which the weights trail: an ongoing surge does not choose its own baseline
STATIONARY = 2.0  # log odds of the regression before any record: stationary until a series shows otherwise
FEWEST_A_YEAR = 0.5  # no level is below it: a year without an event does not make the next one impossible
TINY = 1e-6


@dataclass(frozen=True)
class Baseline:
    """One-step predictions of every period from the periods before it.

    mean: expected count (S x T). dispersion: variance over mean of its error (S x T). gain: how much of one period's
    error stays in the level (S x T). Of the E experts: levels and weights, E x S x (T + 1), [..., t] known before
    period t; profiles, E x S x (T + ahead), what a level is multiplied with.
    """

    mean: Floats
    dispersion: Floats
    gain: Floats
    levels: Floats
    weights: Floats
    profiles: Floats

    def expected(self, origin: int, until: int) -> Floats:
        """Returns what was expected from period `origin` to `until`, both included, had nothing changed (S x steps)."""
        frozen = (self.weights * self.levels)[:, :, origin, None]
        return np.asarray((frozen * self.profiles[:, :, origin : until + 1]).sum(0))

    def expected_since(self, onset: int, until: int) -> tuple[Floats, Floats]:
        """Returns `expected` and the dispersion of the error of each step (both S x steps)."""
        at = min(onset, self.mean.shape[1] - 1)
        growth = variance_growth(self.gain[:, at], until - onset + 1)
        return self.expected(onset, until), self.dispersion[:, at, None] * growth


def variance_growth(gain: Floats, steps: int) -> Floats:
    """Returns S x steps: variance of the error 1, 2, … steps ahead over that of one step, for gains S (ETS(A,N,N))."""
    return np.asarray(1.0 + np.arange(steps)[None, :] * np.square(gain)[:, None])


def baseline(panel: Panel, ahead: int = 0, season_until: int | None = None) -> Baseline:
    """Returns the baseline of the flows and stocks of a panel, able to look `ahead` periods beyond it.

    It is that of the capped counts, which detectors read; `Panel.uncapped` gives that of all children. season_until:
    how many periods the regression may learn from (default all); the rest never looks ahead.
    """
    is_stock = panel.is_kind("stock")
    periods = np.concatenate([panel.periods, following(as_date(panel.periods[-1]), ahead, panel.step)])
    profile = fit_profile(panel.capped[~is_stock], periods, panel.step, season_until or len(panel.periods))
    flows = _flows(panel.capped[~is_stock], profile, panel.step)
    return _merged(flows, _stocks(panel.capped[is_stock], len(periods)), is_stock)


def of_flows(panel: Panel, counts: Floats) -> Baseline:
    """Returns the baseline of flows (N x T) that are counted over the periods of a panel but are no series of it."""
    flow: Kind = "flow"
    keys = tuple(SeriesKey(str(i)) for i in range(len(counts)))
    return baseline(
        Panel(keys, (flow,) * len(keys), panel.periods, panel.step, counts, np.full_like(counts, np.nan), counts)
    )


def surprising(mean: Floats, dispersion: Floats) -> Floats:
    """Returns how far above its expectation a count may be before it is clipped.

    Where the Anscombe residual of a skewed count is CLIP (Noufaily et al. 2013, section 3.3).
    """
    root = mean ** (2 / 3) + CLIP / 1.5 * np.sqrt(dispersion) * mean ** (1 / 6)
    return np.asarray(root**1.5 - mean)


def clipped(mean: Floats, dispersion: Floats) -> Floats:
    """Returns what share of the variance of negative-binomial counts is left when they are clipped at `surprising`.

    A formula fitted to the exact moments for means from .1 to 50 and dispersions to 10, right within 6% from a mean of
    .5 on and within 17% below.
    """
    return np.asarray(0.987 / (1 + 0.045 * dispersion * mean**-0.65))


class _Dispersion:
    """A running mean of squared errors over their expectation, each clipped so that a past surge does not widen it."""

    def __init__(self, series: int, prior: float, floor: float):
        self._squares, self._weight, self._floor = np.full(series, PRIOR_WEIGHT * prior), PRIOR_WEIGHT, floor
        self._seen = np.full(series, PRIOR_WEIGHT)

    @property
    def now(self) -> Floats:
        return np.asarray(np.maximum(self._squares / self._seen, self._floor))

    def learn(self, error: Floats, mean: Floats, limit: Floats, seen: NDArray[np.bool_]) -> None:
        weight = seen * mean / (mean + 1)  # a rare count says little of how much counts vary
        self._squares = self._squares + weight * np.minimum(error**2, limit**2) / mean / clipped(mean, self.now)
        self._seen = self._seen + weight


class _Levels:
    """The levels of the experts that follow a series: several gains, and the mean of the last year."""

    def __init__(self, start: Floats, step: Step, length: int):
        self._year = per_year(step)
        self._gains = np.array(GAINS[step])[:, None]
        self._lowest = FEWEST_A_YEAR / self._year
        self.now = np.repeat(np.maximum(start, self._lowest)[None], len(GAINS[step]) + 1, 0)
        self._kept, self._base = np.zeros((len(start), length)), np.zeros((len(start), length))

    def follow(self, t: int, error: Floats, season: Floats, seen: NDArray[np.bool_]) -> None:
        """Moves every level by its own clipped error (E x S)."""
        self._kept[:, t] = np.where(seen, self.now[-1] * season + error[-1], 0.0)
        self._base[:, t] = np.where(seen, season, 0.0)
        last = slice(max(t + 1 - self._year, 0), t + 1)
        base = self._base[:, last].sum(1)
        year = np.where(base > 0, self._kept[:, last].sum(1) / np.maximum(base, TINY), self.now[-1])
        smoothed = self.now[:-1] + seen * self._gains * error[:-1] / season
        self.now = np.maximum(np.vstack([smoothed, year]), self._lowest)


class _Weights:
    """What each expert is believed: by its record of predicting this series, forgotten slowly."""

    def __init__(self, profile: Profile, experts: int, series: int, step: Step):
        self._cost_of_fit = np.ones((experts, 1))  # expert 0 has seen what it is judged by (Akaike 1974)
        self._cost_of_fit[0] += 2 * profile.parameters / profile.known
        self._prior = np.zeros((experts, 1))
        self._prior[0] = STATIONARY
        self._forget = 1 - 1 / (MEMORY_YEARS * per_year(step))
        self._records = deque([np.zeros((experts, series))], maxlen=LAG[step] + 1)

    @property
    def now(self) -> Floats:
        belief = self._records[0] + self._prior
        weight = np.exp(belief - belief.max(0))
        return np.asarray(weight / weight.sum(0))

    def learn(self, counts: Floats, means: Floats, dispersion: Floats, seen: NDArray[np.bool_]) -> None:
        """Charges every expert (E x S) with the deviance of one period's counts."""
        cost = np.minimum(_deviance(counts, means) * self._cost_of_fit / dispersion, CAP)
        record = self._records[-1]
        self._records.append(np.where(seen, self._forget * record - cost / 2, record))


def _flows(y: Floats, profile: Profile, step: Step) -> Baseline:
    """Runs all experts side by side; expert 0 is the regression, whose level is one."""
    series, length = y.shape
    seen = np.isfinite(y)
    counts = np.where(seen, y, 0.0)
    burn_in = min(per_year(step) // 2, length // 3)
    started = np.cumsum(seen, axis=1) > burn_in
    profiles = np.stack([profile.whole, *[profile.season] * (len(GAINS[step]) + 1)])
    levels = _Levels(_start(counts, seen, profile.season, burn_in), step, length)
    weights, spread = _Weights(profile, len(profiles), series, step), _Dispersion(series, PRIOR_FLOW, 1.0)
    out = _empty(len(profiles), series, length, profiles)
    for t in range(length + 1):
        out.levels[0, :, t], out.levels[1:, :, t], out.weights[:, :, t] = 1.0, levels.now, weights.now
        if t == length:
            break
        means = np.maximum(out.levels[:, :, t] * profiles[:, :, t], TINY)
        mean = out.mean[:, t] = (out.weights[:, :, t] * means).sum(0)
        phi = out.dispersion[:, t] = spread.now
        learnt = seen[:, t] & started[:, t]
        weights.learn(counts[:, t], means, phi, learnt)
        spread.learn(counts[:, t] - mean, mean, surprising(mean, phi), learnt)
        limit = surprising(means, phi)
        levels.follow(t, np.clip(counts[:, t] - means, -limit, limit)[1:], profile.season[:, t], seen[:, t])
    return _with_errors_of_fit(out, profile, step)


def _start(counts: Floats, seen: NDArray[np.bool_], season: Floats, burn_in: int) -> Floats:
    """Levels S to begin with: the mean of each series' own first half year, which is then left out of its record."""
    head = seen & (np.cumsum(seen, axis=1) <= max(burn_in, 1))
    base = (season[:, : counts.shape[1]] * head).sum(1)
    first = np.nan_to_num(believable(np.where(head, counts, np.nan)))
    return np.asarray(first.sum(1) / np.maximum(base, TINY))


def _deviance(counts: Floats, means: Floats) -> Floats:
    """Poisson deviance: the log score that stays fair for rare counts."""
    ratio = np.where(counts > 0, np.maximum(counts, TINY) / means, 1.0)
    return np.asarray(2 * (counts * np.log(ratio) - counts + means))


def _empty(experts: int, series: int, length: int, profiles: Floats) -> Baseline:
    mean, dispersion, gain = np.empty((3, series, length))
    levels, weights = np.empty((2, experts, series, length + 1))
    return Baseline(mean, dispersion, gain, levels, weights, profiles)


def _with_errors_of_fit(base: Baseline, profile: Profile, step: Step) -> Baseline:
    """Adds what is not known of the fitted means and seasons: the record is of periods they were fitted to."""
    length = base.mean.shape[1]
    weight = base.weights[0, :, :length]
    fitted = profile.parameters / max(profile.known - profile.parameters, 1)
    error = weight * profile.whole_error[:, :length] + (1 - weight) * profile.season_error[:, :length]
    base.dispersion[:] += weight * base.dispersion * fitted + error * base.mean
    gains = np.array([0.0, *GAINS[step], 1 / per_year(step)])
    base.gain[:] = np.einsum("e,est->st", gains, base.weights[:, :, :length])
    return base


def _stocks(y: Floats, ahead_length: int) -> Baseline:
    """The level is the newest one, moved at most LARGEST_STEP standard deviations at a time."""
    series, length = y.shape
    spread = _Dispersion(series, PRIOR_STOCK, 0.01)
    out = _empty(1, series, length, np.ones((1, series, ahead_length)))
    out.weights[:], out.gain[:] = 1.0, 1.0
    seen = np.isfinite(y)
    started = np.cumsum(seen, axis=1) > 1
    first = y[np.arange(series), seen.argmax(1)] if length else np.zeros(series)
    level = np.where(np.isfinite(first), np.maximum(first, TINY), TINY)
    for t in range(length):
        out.levels[0, :, t] = out.mean[:, t] = level
        phi = out.dispersion[:, t] = spread.now
        error, limit = np.where(seen[:, t], y[:, t] - level, 0.0), LARGEST_STEP * step_deviation(level, phi)
        spread.learn(error, np.maximum(level, SMALL_STOCK), limit, seen[:, t] & started[:, t])
        level = np.maximum(level + np.clip(error, -limit, limit), TINY)
    out.levels[0, :, length] = level
    return out


def _merged(flows: Baseline, stocks: Baseline, is_stock: NDArray[np.bool_]) -> Baseline:
    """One baseline in the panel's order; experts that stocks do not have weigh nothing there."""
    if not is_stock.any():
        return flows
    order = np.argsort(np.concatenate([np.flatnonzero(~is_stock), np.flatnonzero(is_stock)]))
    missing = len(flows.levels) - 1
    flat = [np.concatenate([getattr(flows, n), getattr(stocks, n)])[order] for n in ("mean", "dispersion", "gain")]
    cubes = []
    for name, fill in (("levels", 1.0), ("weights", 0.0), ("profiles", 1.0)):
        own = getattr(stocks, name)
        padded = np.concatenate([own, np.full((missing, *own.shape[1:]), fill)])
        cubes.append(np.concatenate([getattr(flows, name), padded], axis=1)[:, order])
    return Baseline(*flat, *cubes)
