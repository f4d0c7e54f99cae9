"""Forecasts of counts by the detection baseline: season x level, the level as it stands at the origin.

The variance grows with the gain of the level as in ETS(A,N,N); quantiles are negative-binomial for flows, normal for
stocks.
"""

from __future__ import annotations

import numpy as np

from forecaster.baseline import baseline
from forecaster.negbin import quantiles
from forecaster.types import QUANTILES, Ask, Floats, Kind, Panel

NAME = "counts"
KINDS: tuple[Kind, ...] = ("flow", "stock")


def predict(panel: Panel, ask: Ask) -> Floats:
    """Returns quantiles S x O x H x Q of flows and stocks, NaN where a series has never been seen."""
    every = [_from_one_origin(panel.until(origin), ask.horizon) for origin in ask.origins]
    shape = (len(panel.keys), 0, ask.horizon, len(QUANTILES))
    return np.stack(every, axis=1) if every else np.empty(shape)


def _from_one_origin(panel: Panel, horizon: int) -> Floats:
    length = len(panel.periods)
    mean, dispersion = baseline(panel.uncapped(), ahead=horizon).expected_since(length, length + horizon - 1)
    stock = panel.is_kind("stock")
    values = np.stack([quantiles(mean, dispersion, q, stock) for q in QUANTILES], axis=-1)
    values[~np.isfinite(panel.count).any(axis=1)] = np.nan
    return values
