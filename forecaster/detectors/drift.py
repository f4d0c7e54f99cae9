"""Slow drift in a share: an exponentially weighted run of departures from a lagged reference.

The reference share p is learnt from periods at least half a year old with a memory of about three years, so that a
drift in progress is not part of it. Departures x - n p are summed with weights falling by LAMBDA a period; their
variance is phi p (1 - p) [sum w^2 n + (sum w n)^2 / N], the second term for what is not known of p (N: effective size
of the reference). phi, at least 1, is the larger of the overdispersion of single periods and of quarters: siblings
come on one day, but a council's practice wanders over months. Scaling by phi is what makes false alarms equal between
series.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
from scipy import special

from forecaster.baseline import cannot_judge
from forecaster.calendar import per_year
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

NAME: SignalKind = "drift"
KINDS: tuple[Kind, ...] = ("share",)
LAMBDA = {"week": 0.06, "month": 0.22}
LAG = {"week": 26, "month": 6}
QUARTER = {"week": 13, "month": 3}
MEMORY_YEARS = 3.0
TINY = 1e-9
PRIOR = 1.0  # pseudo-counts (Jeffreys) that keep the reference off 0 and 1
CLIP = 2.58


def _discounted(x: Floats, keep: float, lag: int = 0) -> Floats:
    """Sums discounted by `keep` a period over the periods up to `lag` before each (S x T)."""
    out, run = np.zeros_like(x), np.zeros(len(x))
    for t in range(x.shape[1]):
        if t >= lag:
            run = run * keep + x[:, t - lag]
        out[:, t] = run
    return out


def _reference(x: Floats, n: Floats, panel: Panel) -> tuple[Floats, Floats]:
    """Reference share and its effective size before each period (S x T)."""
    keep = 1 - 1 / (MEMORY_YEARS * per_year(panel.step))
    lag = LAG[panel.step]
    hits, size = _discounted(x, keep, lag), _discounted(n, keep, lag)
    return (hits + PRIOR / 2) / (size + PRIOR), size + PRIOR


def _running_dispersion(squares: Floats, seen: Floats, lag: int) -> Floats:
    """Mean of squared standard scores up to `lag` periods before, each clipped at 2.58 sd of the record so far."""
    out, total, weight = np.ones_like(squares), np.full(len(squares), 5.0), np.full(len(squares), 5.0)
    for t in range(squares.shape[1]):
        if t >= lag:
            phi = np.maximum(total / weight, 1.0)
            total = total + seen[:, t - lag] * np.minimum(squares[:, t - lag], CLIP**2 * phi)
            weight = weight + seen[:, t - lag]
        out[:, t] = np.maximum(total / weight, 1.0)
    return out


def _rolling_sum(x: Floats, width: int) -> Floats:
    """Sums over the last `width` periods (S x T)."""
    total = np.cumsum(x, axis=1)
    total[:, width:] -= total[:, :-width].copy()
    return total


def _dispersion(x: Floats, n: Floats, p: Floats, panel: Panel) -> Floats:
    """phi before each period: the larger of that of single periods and of quarters (S x T)."""
    quarter, lag = QUARTER[panel.step], LAG[panel.step]
    variance = np.maximum(n * p * (1 - p), TINY)
    history = np.cumsum(n > 0, axis=1)
    known = history > 2 * lag  # before it the reference is little but its prior
    single = _running_dispersion((x - n * p) ** 2 / variance, ((n > 0) & known).astype(float), 1)
    ends = (np.arange(x.shape[1]) % quarter == quarter - 1) & (history >= 2 * lag + quarter)
    departures, spread = (_rolling_sum(array, quarter) for array in (x - n * p, variance))
    by_quarter = _running_dispersion(departures**2 / spread, ends.astype(float), lag)
    return np.maximum(single, by_quarter)


def _counts(panel: Panel) -> tuple[Floats, Floats]:
    """Count and denominator (S x T), both zero where there is nothing to share."""
    seen = np.isfinite(panel.capped) & (np.nan_to_num(panel.of) > 0)
    return np.where(seen, panel.capped, 0.0), np.where(seen, panel.of, 0.0)


def _run(x: Floats, n: Floats, panel: Panel) -> tuple[Floats, Floats, Floats, Floats]:
    """Reference share, phi, effective size of the weighted run, and its share (all S x T)."""
    keep = 1 - LAMBDA[panel.step]
    p, size = _reference(x, n, panel)
    phi = _dispersion(x, n, p, panel)
    hits, count, squares = _discounted(x, keep), _discounted(n, keep), _discounted(n, keep**2)
    effective = count**2 / np.maximum(phi * (squares + count**2 / size), TINY)
    return p, phi, effective, hits / np.maximum(count, TINY)


def _tail(share: Floats, effective: Floats, p: Floats, direction: Direction) -> Floats:
    """Chance of a share as far out in one direction: mid-p of a binomial of the effective size, to keep its skew."""
    hits, misses = share * effective, (1 - share) * effective
    if direction == "down":
        hits, misses, p = misses, hits, 1 - p
    as_many = special.betainc(np.maximum(hits, TINY), misses + 1, p)
    more = special.betainc(hits + 1, np.maximum(misses, TINY), p)
    return np.asarray(np.clip((as_many + more) / 2, 1e-300, 1.0))


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every series of a panel of shares alone.

    expected and the band are the reference share and that of one period's share.
    """
    x, n = _counts(panel)
    p, phi, effective, share = (array[:, -last:] for array in _run(x, n, panel))
    reasons = cannot_judge(panel.count, min_history, last, panel.step)
    p_value = np.where(reasons == "", _tail(share, effective, p, direction), np.nan)
    half = 1.96 * np.sqrt(phi * p * (1 - p) / np.maximum(n[:, -last:], 1))
    lower, upper = np.clip(p - half, 0, 1), np.clip(p + half, 0, 1)
    return Judgement(p, lower, upper, p_value, -np.log10(p_value), np.full(p.shape, float(LAG[panel.step])), reasons)


def detect(panel: Panel, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
    """Returns which shares have drifted by the newest period with a value, each direction at the limits."""
    shares = panel.select(np.flatnonzero(panel.is_kind(*KINDS)))
    signals: list[Signal] = []
    missed: list[NotRun] = []
    for end, rows in _newest(shares).items():
        known = shares.select(rows).until(end)
        newest = cannot_judge(known.count, limits.min_history, 1, panel.step) if end else None
        reasons = ["no value yet"] * len(rows) if newest is None else newest[:, 0]
        missed += [NotRun(key, NAME, reason) for key, reason in zip(known.keys, reasons, strict=True) if reason]
        judged = known.select([i for i, reason in enumerate(reasons) if not reason])
        signals += _signals(judged, limits.alpha) if judged.keys else []
    return signals, missed


def _newest(panel: Panel) -> dict[int, list[int]]:
    """Rows by how many periods they have up to their newest value: a share may mature some weeks after its period."""
    groups: dict[int, list[int]] = {}
    for row, seen in enumerate(np.isfinite(panel.count)):
        end = int(np.flatnonzero(seen)[-1]) + 1 if seen.any() else 0
        groups.setdefault(end, []).append(row)
    return groups


def _signals(panel: Panel, alpha: float) -> list[Signal]:
    x, n = _counts(panel)
    p, phi, effective, share = (array[:, -1] for array in _run(x, n, panel))
    directions: tuple[Direction, ...] = ("up", "down")
    tails = {direction: _tail(share, effective, p, direction) for direction in directions}
    year = per_year(panel.step)
    return [
        _signal(panel, row, n[row], float(p[row]), float(phi[row]), direction, onset, float(tail[row]))
        for direction, tail in tails.items()
        for row in map(int, np.flatnonzero(tail <= alpha))
        for onset in [_onset((1 if direction == "up" else -1) * (x[row] - n[row] * p[row]), n[row], year)]
    ]


def since(panel: Panel, signal: Signal, onset: dt.date) -> Signal:
    """Returns a signal told from an earlier onset: the share since then."""
    end = int(np.searchsorted(panel.periods, np.datetime64(signal.period))) + 1
    one = panel.select([panel.row(signal.key)]).until(end)
    x, n = _counts(one)
    p, phi = (float(array[0, -1]) for array in _run(x, n, one)[:2])
    first = int(np.searchsorted(panel.periods, np.datetime64(onset)))
    return _signal(one, 0, n[0], p, phi, signal.direction, first, signal.p_value)


def _onset(departures: Floats, n: Floats, year: int) -> int:
    """Index of the period since which the departures stand out most (at most a year ago)."""
    back = np.cumsum(departures[::-1])[:year] / np.sqrt(np.maximum(np.cumsum(n[::-1])[:year], 1.0))
    return len(n) - 1 - int(np.argmax(back))


def _signal(
    panel: Panel, row: int, n: Floats, p: float, phi: float, direction: Direction, onset: int, p_value: float
) -> Signal:
    hits, of = float(np.nansum(panel.count[row, onset:])), float(n[onset:].sum())
    half = 1.96 * np.sqrt(phi * p * (1 - p) / max(of, 1.0))
    return Signal(
        key=panel.keys[row], kind=NAME, direction=direction,
        period=as_date(panel.periods[-1]), onset=as_date(panel.periods[onset]),
        observed=hits / max(of, 1.0), expected=p, lower=max(p - half, 0.0), upper=min(p + half, 1.0),
        p_value=p_value, score=float(-np.log10(p_value)),
        total=hits, total_expected=of * p,
    )  # fmt: skip
