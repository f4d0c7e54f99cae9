"""Surges and falls in counts: evidence that adds up over several periods, with a p-value of its own and an onset.

Every count is held against what the baseline expected of it: its likelihood if the level had moved by SHIFT standard
deviations over its likelihood if it had not (for a stock: of its step). The Shiryaev-Roberts statistic adds these up
and forgets; its p-value is that of a stream of the same expectation and dispersion in which nothing happens.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.baseline import Baseline, baseline
from forecaster.budget import excess_since
from forecaster.evidence import (
    FORGET_FLOW,
    FORGET_STOCK,
    MEMORY,
    accumulate,
    began,
    count_p_values,
    recent_highest,
    steady_log_ratio,
    step_p_values,
)
from forecaster.judgeable import cannot_judge, together
from forecaster.negbin import LEAST, log_ratio, quantiles, step_deviation
from forecaster.types import (
    Direction,
    Floats,
    Judgement,
    Kind,
    Limits,
    NotRun,
    Panel,
    Quiet,
    Reference,
    Signal,
    SignalKind,
    as_date,
)  # fmt: skip

NAME: SignalKind = "surge"
KINDS: tuple[Kind, ...] = ("flow", "stock")
BLOCK = {"week": 13, "month": 3}  # how long one regression is used before it is learnt again
CELLS = 1_000_000  # series x periods that are judged at once: what memory is needed does not grow with the panel


@dataclass(frozen=True)
class _Found:
    """Evidence of a shift in the last periods of every series (S x N)."""

    p_value: Floats
    window: Floats


def _evidence(panel: Panel, base: Baseline, direction: Direction, last: int, end: int) -> _Found:
    """Evidence of a shift in one direction in the `last` periods before `end`."""
    seen = slice(max(end - last - MEMORY, 0), end)
    stretch = panel.capped[:, seen], base.mean[:, seen], base.dispersion[:, seen]
    return _weighed(*stretch, panel.is_kind("stock"), direction, last)


def _weighed(
    counts: Floats, mean: Floats, dispersion: Floats, is_stock: NDArray[np.bool_], direction: Direction, last: int
) -> _Found:
    """The evidence that counts (S x T) give against their expectation, in the last periods of them."""
    ratios = np.empty(counts.shape)
    ratios[~is_stock] = log_ratio(counts[~is_stock], mean[~is_stock], dispersion[~is_stock], direction)
    steps = (counts[is_stock] - mean[is_stock]) / step_deviation(mean[is_stock], dispersion[is_stock])
    ratios[is_stock] = steady_log_ratio(steps if direction == "up" else -steps)
    statistic = accumulate(ratios, np.where(is_stock, FORGET_STOCK, FORGET_FLOW))[:, -last:]
    p_value = np.empty(statistic.shape)
    held_against = mean[~is_stock] if direction == "up" else recent_highest(mean[~is_stock])
    flows = (statistic[~is_stock], held_against[:, -last:], dispersion[~is_stock, -last:])
    p_value[~is_stock] = count_p_values(*flows, direction)
    p_value[is_stock] = step_p_values(statistic[is_stock])
    return _Found(p_value, began(ratios, last))


def _parts(panel: Panel) -> Iterator[NDArray[np.int_]]:
    """Rows of the panel, no more at once than CELLS allow."""
    rows = max(CELLS // max(panel.count.shape[1], 1), 1)
    for start in range(0, len(panel.keys), rows):
        yield np.arange(start, min(start + rows, len(panel.keys)))


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every flow and stock of a panel of those alone."""
    parts = [_judge(panel.select(rows), last, direction, min_history) for rows in _parts(panel)]
    return parts[0] if len(parts) == 1 else together(parts)


def _judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    periods = panel.count.shape[1]
    blocks = []
    for start in range(periods - last, periods, BLOCK[panel.step]):
        end = min(start + BLOCK[panel.step], periods)
        base = baseline(panel.until(end), season_until=start)
        found = _evidence(panel, base, direction, end - start, end)
        blocks.append((base.mean[:, start:], base.dispersion[:, start:], found.p_value, found.window))
    mean, dispersion, p_value, window = (np.concatenate(block, axis=1) for block in zip(*blocks, strict=True))
    reasons = cannot_judge(panel.count, min_history, last, panel.step)
    p_value = np.where(reasons == "", p_value, np.nan)
    lower, upper = (quantiles(mean, dispersion, level, panel.is_kind("stock")) for level in (0.025, 0.975))
    return Judgement(mean, lower, upper, p_value, -np.log10(p_value), window, reasons)


def detect(panel: Panel, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
    """Returns what moved in the newest period, each direction at the limits, and what was not judged.

    A fall is judged on the newest period that is no longer provisional: late entries look like a fall.
    """
    counts = panel.select(np.flatnonzero(panel.is_kind(*KINDS)))
    signals: list[Signal] = []
    missed: list[NotRun] = []
    for rows in _parts(counts):
        part = counts.select(rows)
        reasons = cannot_judge(part.count, limits.min_history, 1, panel.step)[:, 0]
        missed += [NotRun(key, NAME, reason) for key, reason in zip(part.keys, reasons, strict=True) if reason]
        judged = part.select(np.flatnonzero(reasons == ""))
        signals += _signals(judged, limits.alpha) if judged.keys else []
    return signals, missed


def _signals(panel: Panel, alpha: float) -> list[Signal]:
    base, newest = baseline(panel), panel.count.shape[1]
    ends: tuple[tuple[Direction, int], ...] = (("up", newest), ("down", newest - panel.provisional))
    signals = []
    for direction, end in ends:
        found = _evidence(panel, base, direction, 1, end)
        rows = np.flatnonzero(found.p_value[:, 0] <= alpha)
        strong = panel.select(rows).uncapped()
        expected = baseline(strong)
        for at, row in enumerate(rows):
            onset = max(end - int(found.window[row, 0]), 0)
            signals.append(_signal(strong, expected, at, direction, end - 1, onset, float(found.p_value[row, 0])))
    return signals


def quiet(panel: Panel, periods: int, copies: int, seed: int) -> list[Quiet]:
    """Returns made-up quiet periods of every flow and stock, judged: counts of its own expectation and dispersion."""
    rng = np.random.default_rng(seed)
    length, ahead = panel.count.shape[1], MEMORY + periods
    base = baseline(panel, ahead=ahead)
    is_stock = np.tile(panel.is_kind("stock"), copies)
    mean = np.tile(base.expected(length, length + ahead - 1), (copies, 1))
    dispersion = np.repeat(np.tile(base.dispersion[:, -1], copies)[:, None], ahead, axis=1)
    spread = step_deviation(mean, dispersion)
    phi = np.maximum(dispersion, LEAST)
    drawn = rng.negative_binomial(mean / (phi - 1), 1 / phi)
    departures = np.where(is_stock[:, None], rng.standard_normal(mean.shape) * spread, drawn - mean)
    found = []
    sides: tuple[tuple[Direction, float], ...] = (("up", 1.0), ("down", -1.0))
    for direction, sign in sides:
        evidence = _weighed(mean + departures, mean, dispersion, is_stock, direction, periods)
        excess = sign * excess_since(departures, evidence.window)
        shape = (copies, len(panel.keys), periods)
        found.append(Quiet(panel.keys, direction, evidence.p_value.reshape(shape), excess.reshape(shape)))
    return found


def since(panel: Panel, signal: Signal, onset: dt.date) -> Signal:
    """Returns a signal told from an earlier onset: what came since, against the level before it."""
    at, first = (int(np.searchsorted(panel.periods, np.datetime64(day))) for day in (signal.period, onset))
    one = panel.select([panel.row(signal.key)]).uncapped()
    return _signal(one, baseline(one), 0, signal.direction, at, first, signal.p_value)


def _signal(panel: Panel, base: Baseline, row: int, direction: Direction, at: int, onset: int, p: float) -> Signal:
    """What a signal says of one row of a panel of all children, in full, and of its baseline."""
    expected, dispersion = (array[[row]] for array in base.expected_since(onset, at))
    is_stock = panel.is_kind("stock")[[row]]
    lower, upper = (quantiles(expected, dispersion, level, is_stock)[0, -1] for level in (0.025, 0.975))
    stock = panel.kinds[row] == "stock"
    observed = panel.count[row, onset : at + 1]
    return Signal(
        key=panel.keys[row], kind=NAME, direction=direction,
        period=as_date(panel.periods[at]), onset=as_date(panel.periods[onset]),
        observed=float(observed[-1]), expected=float(expected[0, -1]), lower=float(lower), upper=float(upper),
        p_value=p, score=float(-np.log10(p)),
        total=float(observed[-1] if stock else np.nansum(observed)),
        total_expected=float(expected[0, -1] if stock else expected[0, np.isfinite(observed)].sum()),
    )  # fmt: skip
