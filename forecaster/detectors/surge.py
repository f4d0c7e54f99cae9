"""Surges and falls in counts: evidence that adds up over several periods, with a calibrated p-value and an onset.

One-step normal scores of the baseline are summed over windows of 1 to 26 periods ending now. For flows the sum is
that of errors from a level frozen before the window, which in ETS(A,N,N) weighs a score by 1 + gain x lag: it keeps
an ongoing surge out of its own baseline (Hyndman et al. 2008, section 6.3). For stocks it is the change since before
the window, held against the record of such changes. The windows' likelihood ratios for a shift of unknown size are
mixed (weights sum to one), most of it on short windows; the p-value of the mixture is read off its own distribution
under independent normal scores, simulated once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from forecaster.baseline import CLIP, Baseline, baseline, cannot_judge, expected_since, quantiles
from forecaster.types import (
    Direction,
    Floats,
    Judgement,
    Kind,
    Limits,
    NotRun,
    Panel,
    Reference,
    Signal,
    SignalKind,
    as_date,
)  # fmt: skip

NAME: SignalKind = "surge"
KINDS: tuple[Kind, ...] = ("flow", "stock")
WINDOWS = (1, 2, 3, 4, 6, 8, 13, 26)
WEIGHTS = (0.4, 0.2, 0.15, 0.07, 0.06, 0.05, 0.04, 0.03)
SHIFTS = (1.5, 2.5, 4.0)  # of a window's standardised sum
STEADY = 3.0  # in longer windows one period weighs no more than this: a spike is not a sustained surge
BLOCK = {"week": 13, "month": 3}  # how long one season is used before it is learnt again
RECORD = 4  # windows of good behaviour a series is given before its own record counts
LEAST_RECORD, MOST_RECORD = 0.4, 4.0  # how far a record may narrow or widen what counts as usual
SIMULATED = 400_000
EDGE = 100  # the simulation's own tail is trusted up to its hundredth largest value


def _back(x: Floats, lag: int) -> Floats:
    """Each row moved `lag` periods on, zeros before."""
    out = np.zeros_like(x)
    out[:, lag:] = x[:, : max(x.shape[1] - lag, 0)]
    return out


def _record(scores: Floats, seen: NDArray[np.bool_], window: int, least: float, most: float) -> Floats:
    """Mean square of the scores of earlier windows of the same length, between `least` and `most` (S x T)."""
    clipped = np.where(seen, np.minimum(scores**2, CLIP**2), 0.0)
    weight = RECORD * window + np.cumsum(seen, axis=1)
    mean = (RECORD * window + np.cumsum(clipped, axis=1)) / weight
    return np.clip(_back(mean - 1, window) + 1, least, most)


def _flow_scores(z: Floats, seen: NDArray[np.bool_], gain: Floats, window: int) -> Floats:
    """Standardised sums of the last `window` scores with weights 1 + gain x lag.

    Scores of low counts vary less than normal ones do (many zeros are alike), so they are first brought to their own
    spread; within a sum one period weighs no more than STEADY standard deviations.
    """
    if window == 1:
        return z
    own = z / np.sqrt(_record(z, seen, 1, LEAST_RECORD, 1.0))
    steady = np.clip(own, -STEADY, STEADY)
    total, variance = np.zeros_like(z), np.zeros_like(z)
    for lag in range(min(window, z.shape[1])):
        weight = np.where(np.arange(z.shape[1]) >= lag, 1 + gain * lag, 0.0)
        total += weight * _back(steady, lag)
        variance += weight**2
    return np.asarray(total / np.sqrt(variance))


def _stock_scores(z: Floats, seen: NDArray[np.bool_], window: int) -> Floats:
    """Standardised changes over the last `window` periods, each step no larger than a steady one.

    A sibling group that joins a stock stays in it: one step, no trend.
    """
    steady = np.clip(z, -STEADY, STEADY)
    total = np.cumsum(steady, axis=1)
    plain = (total - _back(total, window)) / np.sqrt(np.minimum(np.arange(z.shape[1]) + 1, window))
    return np.asarray(plain / np.sqrt(_record(plain, seen, window, LEAST_RECORD, MOST_RECORD)))


def mixture(scores: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Returns the log mixture likelihood ratio of an upward shift, and the window most in evidence.

    scores: one array of normal scores for each of WINDOWS. The window is chosen with the newest period weighing no more
    than it does in a longer one; else a surge so strong that every week is past STEADY would seem to begin today.
    """
    ratios = np.stack([_log_ratio(score, weight) for score, weight in zip(scores, WEIGHTS, strict=True)])
    steady = _log_ratio(np.minimum(scores[0], STEADY), WEIGHTS[0])
    most = np.concatenate([steady[None], ratios[1:]]).argmax(0)
    return np.logaddexp.reduce(ratios, axis=0), np.array(WINDOWS, float)[most]


def _log_ratio(score: Floats, weight: float) -> Floats:
    shifts = np.array(SHIFTS)[:, None, None]
    return np.asarray(np.log(weight) + np.log(np.exp(shifts * score - shifts**2 / 2).mean(0)))


def evidence(base: Baseline, is_stock: NDArray[np.bool_], direction: Direction) -> tuple[Floats, Floats]:
    """Returns `mixture` of every period of a baseline (S x T) for a shift in one direction."""
    z, seen = np.nan_to_num(base.z), np.isfinite(base.z)
    scores = [
        np.where(is_stock[:, None], _stock_scores(z, seen, window), _flow_scores(z, seen, base.gain, window))
        for window in WINDOWS
    ]
    return mixture([score if direction == "up" else -score for score in scores])


@cache
def _null_distribution() -> Floats:
    """The mixture under independent normal scores, sorted."""
    total = np.cumsum(np.random.default_rng(20171).standard_normal((1, SIMULATED)), axis=1)
    scores = [(total - _back(total, window)) / np.sqrt(window) for window in WINDOWS]
    return np.sort(mixture(scores)[0][0, max(WINDOWS) :])


def p_values(log_ratio: Floats) -> Floats:
    """Returns the chance of as much evidence without a shift; past the simulation it falls as 1 / ratio."""
    null = _null_distribution()
    above = 1 - np.searchsorted(null, log_ratio, side="left") / (len(null) + 1)
    edge = null[-EDGE]
    tail = EDGE / len(null) * np.exp(np.minimum(edge - log_ratio, 0))
    return np.where(log_ratio > edge, tail, above)


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every flow and stock of a panel of those alone."""
    periods = panel.count.shape[1]
    parts = []
    for start in range(periods - last, periods, BLOCK[panel.step]):
        end = min(start + BLOCK[panel.step], periods)
        base, _ = baseline(panel.until(end), season_until=start)
        found = (base.mean, base.dispersion, *evidence(base, panel.is_kind("stock"), direction))
        parts.append([array[:, start:] for array in found])
    mean, dispersion, ratio, window = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    reasons = cannot_judge(panel.count, min_history, last, panel.step)
    p_value = np.where(reasons == "", p_values(ratio), np.nan)
    band = [quantiles(mean, dispersion, level, panel.is_kind("stock")) for level in (0.025, 0.975)]
    return Judgement(mean, band[0], band[1], p_value, -np.log10(p_value), window, reasons)


def detect(panel: Panel, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
    """Returns what moved in the newest period, each direction at the limits, and what was not judged.

    A fall is judged on the newest period that is no longer provisional: late entries look like a fall.
    """
    counts = panel.select(np.flatnonzero(panel.is_kind(*KINDS)))
    if not counts.keys:
        return [], []
    newest = counts.count.shape[1] - 1
    reasons = cannot_judge(counts.count, limits.min_history, 1, panel.step)[:, 0]
    base, _ = baseline(counts)
    ends: tuple[tuple[Direction, int], ...] = (("up", newest), ("down", newest - counts.provisional))
    signals = [signal for side, at in ends for signal in _signals(counts, base, side, at, limits.alpha)]
    judged = {key for key, reason in zip(counts.keys, reasons, strict=True) if not reason}
    missed = [NotRun(key, NAME, reason) for key, reason in zip(counts.keys, reasons, strict=True) if reason]
    return [signal for signal in signals if signal.key in judged], missed


def _signals(panel: Panel, base: Baseline, direction: Direction, at: int, alpha: float) -> list[Signal]:
    ratio, window = (array[:, at] for array in evidence(base, panel.is_kind("stock"), direction))
    p_value = p_values(ratio)
    rows = map(int, np.flatnonzero(p_value <= alpha))
    return [_signal(panel, row, direction, at, max(at - int(window[row]) + 1, 0), float(p_value[row])) for row in rows]


def since(panel: Panel, signal: Signal, onset: dt.date) -> Signal:
    """Returns a signal told from an earlier onset: what came since, against the level before it."""
    at, first = (int(np.searchsorted(panel.periods, np.datetime64(day))) for day in (signal.period, onset))
    return _signal(panel, panel.row(signal.key), signal.direction, at, first, signal.p_value)


def _signal(panel: Panel, row: int, direction: Direction, at: int, onset: int, p: float) -> Signal:
    one = panel.select([row]).uncapped()
    expected, dispersion = expected_since(baseline(one)[0], onset, at)
    lower, upper = (quantiles(expected, dispersion, level, one.is_kind("stock"))[0, -1] for level in (0.025, 0.975))
    stock = panel.kinds[row] == "stock"
    observed = one.count[0, onset : at + 1]
    return Signal(
        key=panel.keys[row], kind=NAME, direction=direction,
        period=as_date(panel.periods[at]), onset=as_date(panel.periods[onset]),
        observed=float(observed[-1]), expected=float(expected[0, -1]), lower=float(lower), upper=float(upper),
        p_value=p, score=float(-np.log10(p)),
        total=float(observed[-1] if stock else np.nansum(observed)),
        total_expected=float(expected[0, -1] if stock else expected[0, np.isfinite(observed)].sum()),
    )  # fmt: skip
