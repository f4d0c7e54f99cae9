"""Where a stock would be on 31 March if starts or ends went otherwise than forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecaster.models.cohort import NAME, Levers, outlook
from forecaster.types import Floats, Forecasts, Panel, SeriesKey, Slice
from forecaster.words.context import YearEnd
from forecaster.year_end import sample_paths, year_end_outlook

__all__ = ["Levers", "what_if"]


def what_if(panel: Panel, forecasts: Forecasts, key: SeriesKey, levers: Levers, seed: int) -> YearEnd | None:
    """Returns where a stock would be on 31 March if starts or ends went otherwise than forecast.

    None if it was not forecast from the stays behind it. The seed of the forecast itself gives the same stays, so that
    only the levers make a difference.
    """
    row = forecasts.keys.index(key) if key in forecasts.keys else None
    if row is None or panel.stays is None or forecasts.models[row] != NAME or key.measure not in panel.stays.stocks:
        return None
    starts = _starts(forecasts, panel.stays.stocks[key.measure].starts)
    if () not in starts:
        return None
    seen = panel.until(int((panel.periods <= np.datetime64(forecasts.origin)).sum()))
    found = outlook(seen, key.measure, len(forecasts.periods), starts, seed, levers)
    here = found.keys.index(key)
    one = replace(forecasts, keys=(key,), values=forecasts.values[[row]], draws=found.open[[here]])
    return year_end_outlook(panel, one, key)


def _starts(forecasts: Forecasts, measure: str) -> dict[Slice, Floats]:
    """The sample paths of a flow, by slice."""
    known = [key for key in forecasts.keys if key.measure == measure]
    found = {key.slice: sample_paths(forecasts, key) for key in known}
    return {where: paths for where, paths in found.items() if paths is not None}
