"""From the false alerts a year that managers accept to the limit of all series: by years in which nothing happens.

Each detector makes up such years for every series from its own expectation and dispersion, and judges them; alerts are
counted as a manager would get them: one a measure and direction, of enough children to be worth one, and not told again
while it lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.types import Floats, Quiet, SeriesKey

MOST = 0.01  # no limit is laxer, however large the budget
LEAST = 1e-7
HALVINGS = 24


@dataclass(frozen=True, slots=True)
class Allowance:
    """alpha: the limit a series, period and direction. false_alerts: a year by simulation, over all series together."""

    alpha: float
    false_alerts: float


@dataclass(frozen=True)
class Counting:
    """How alerts are counted: what series share an alert, the least excess of one, the calm periods that end it."""

    group: Callable[[SeriesKey], Hashable]
    least_excess: float
    calm_periods: int
    per_year: int


def allowance(quiet: Sequence[Quiet], counting: Counting, budget: float) -> Allowance:
    """Returns the laxest limit at which made-up quiet years bring no more than `budget` alerts a year."""
    low, high = np.log(LEAST), np.log(MOST)
    if false_alerts(quiet, counting, MOST) <= budget:
        return Allowance(MOST, false_alerts(quiet, counting, MOST))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if false_alerts(quiet, counting, float(np.exp(middle))) <= budget else (low, middle)
    alpha = float(np.exp(low))
    return Allowance(alpha, false_alerts(quiet, counting, alpha))


def false_alerts(quiet: Sequence[Quiet], counting: Counting, alpha: float) -> float:
    """Returns the alerts a year that a limit brings in quiet years."""
    return sum(_a_year(run, counting, alpha) for run in quiet)


def _a_year(run: Quiet, counting: Counting, alpha: float) -> float:
    strong = (run.p_value <= alpha) & (run.excess >= counting.least_excess)
    copies, _, periods = strong.shape
    opened = _opened(_by_group(strong, [counting.group(key) for key in run.keys]), counting.calm_periods)
    return float(opened.sum() / copies / periods * counting.per_year)


def _by_group(strong: NDArray[np.bool_], groups: Sequence[Hashable]) -> NDArray[np.bool_]:
    rows: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return np.stack([strong[:, some].any(axis=1) for some in rows.values()], axis=1)


def _opened(strong: NDArray[np.bool_], calm: int) -> NDArray[np.bool_]:
    """Where an alert opens: on strong evidence after more than `calm` periods without any."""
    recent = np.zeros(strong.shape, bool)
    for lag in range(1, calm + 1):
        recent[..., lag:] |= strong[..., :-lag]
    return strong & ~recent


def excess_since(departures: Floats, window: Floats) -> Floats:
    """Returns the sum of the newest `window` departures at each of its periods (S x N; departures S x T, T >= N)."""
    total = np.pad(np.cumsum(np.nan_to_num(departures), axis=1), ((0, 0), (1, 0)))
    end = np.arange(total.shape[1] - window.shape[1], total.shape[1])[None, :]
    start = np.maximum(end - window.astype(int), 0)
    return np.asarray(total[:, -window.shape[1] :] - np.take_along_axis(total, start, axis=1))
