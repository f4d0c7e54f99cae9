"""Forecasts of counts by the detection baseline: season x level, the level as it stands now.

The variance grows with the gain of the level as in ETS(A,N,N); quantiles are negative-binomial for flows, normal for
stocks.
"""

from __future__ import annotations

import numpy as np

from forecaster.baseline import baseline
from forecaster.calendar import following
from forecaster.judgeable import cannot_judge
from forecaster.negbin import quantiles
from forecaster.types import QUANTILES, Forecasts, Kind, NotRun, Panel, as_date

NAME = "counts"
KINDS: tuple[Kind, ...] = ("flow", "stock")


def forecast(panel: Panel, horizon: int, min_history: int, seed: int = 0) -> Forecasts:
    """Returns quantiles of the next `horizon` periods of every flow and stock (shares are left out)."""
    origin = as_date(panel.periods[-1])
    counts = panel.select(np.flatnonzero(panel.is_kind(*KINDS)))
    reasons = cannot_judge(counts.count, min_history, 1, panel.step)[:, 0]
    missed = tuple(NotRun(key, NAME, reason) for key, reason in zip(counts.keys, reasons, strict=True) if reason)
    known = counts.select(i for i, reason in enumerate(reasons) if not reason)
    periods = following(origin, horizon, panel.step)
    if not known.keys:
        return Forecasts((), origin, periods, np.empty((0, horizon, len(QUANTILES))), (), missed)
    length = len(panel.periods)
    base = baseline(known.uncapped(), ahead=horizon)
    mean, dispersion = base.expected_since(length, length + horizon - 1)
    values = np.stack([quantiles(mean, dispersion, q, known.is_kind("stock")) for q in QUANTILES], axis=-1)
    return Forecasts(known.keys, origin, periods, values, (NAME,) * len(known.keys), missed)


def outturn(panel: Panel, steps: int) -> tuple[float, float]:
    """Returns the mean and standard deviation of the sum of the next `steps` periods of a panel of one flow.

    Errors add up as in ETS(A,N,N): one moves the level of all later periods (Hyndman et al. 2008, section 6.3).
    """
    length = len(panel.periods)
    base = baseline(panel.uncapped(), ahead=steps)
    mean = base.expected(length, length + steps - 1)[0]
    carried = 1 + base.gain[0, -1] * np.arange(steps)[::-1]
    return float(mean.sum()), float(np.sqrt((base.dispersion[0, -1] * mean * carried**2).sum()))
