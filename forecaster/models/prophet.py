"""Forecasts by Prophet, set up for weekly or monthly counts of children's services.

Counts are fitted on the square-root scale, which steadies the variance of counts and keeps forecasts from going below
zero. Regressors: working days (England's bank holidays taken out) and the share of school holidays. Prophet's own
limits are too narrow on such counts (on real referrals its 95% band held 84%), so its spread is widened to the size
of its errors on the newest part of the history.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from scipy import stats

from forecaster.calendar import following, per_year, school_holiday_share, working_days
from forecaster.judgeable import cannot_judge
from forecaster.types import QUANTILES, Dates, Floats, Forecasts, NotRun, Panel, Step, as_date

NAME = "prophet"


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences log lines (Prophet's import sets its own levels and logs an error about plotly), not warnings."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


def _frame(periods: Dates, step: Step) -> pd.DataFrame:
    work = working_days(periods, step) / (5 if step == "week" else 21) - 1
    return pd.DataFrame(
        {"ds": pd.DatetimeIndex(periods), "work": work, "school_holiday": school_holiday_share(periods, step)}
    )


def _fit_one(root: Floats, periods: Dates, ahead: Dates, step: Step) -> tuple[Floats, Floats]:
    """In-sample and future medians of one series on the square-root scale."""
    from prophet import Prophet  # late: it takes a second to import, which `forecaster --help` should not

    model = Prophet(
        growth="linear",
        yearly_seasonality=4,
        weekly_seasonality=False,
        daily_seasonality=False,
        changepoint_prior_scale=0.05,
        uncertainty_samples=0,
    )
    model.add_regressor("work", standardize=False)
    model.add_regressor("school_holiday", standardize=False)
    model.fit(_frame(periods, step).assign(y=root).dropna())
    median = model.predict(_frame(np.concatenate([periods, ahead]), step))["yhat"].to_numpy()
    return median[: len(periods)], median[len(periods) :]


def _spread(error: Floats, horizon: int) -> Floats:
    """Standard deviation of the error 1 … horizon ahead: that of the newest errors, growing as their drift says."""
    recent = error[np.isfinite(error)]
    step = float(np.std(recent, ddof=1))
    drift = float(np.std(np.add.reduceat(recent, np.arange(0, len(recent), 8)) / 8, ddof=1)) if len(recent) >= 24 else 0
    wander = max(drift**2 - step**2 / 8, 0.0)
    return np.asarray(np.sqrt(step**2 + wander * (1 + np.arange(horizon) / horizon)))


def forecast(panel: Panel, horizon: int, min_history: int, seed: int = 0) -> Forecasts:
    """Returns quantiles of the next `horizon` periods of every flow and stock of a panel, one Prophet fit a series."""
    origin = as_date(panel.periods[-1])
    ahead = following(origin, horizon, panel.step)
    reasons = cannot_judge(panel.count, min_history, 1, panel.step)[:, 0]
    missed = tuple(NotRun(key, NAME, reason) for key, reason in zip(panel.keys, reasons, strict=True) if reason)
    keys, values = [], []
    normal = stats.norm.ppf(QUANTILES)
    with _quiet():
        for key, count, reason in zip(panel.keys, panel.count, reasons, strict=True):
            if reason:
                continue
            root = np.sqrt(count)
            inside, median = _fit_one(root, panel.periods, ahead, panel.step)
            spread = _spread((root - inside)[-2 * per_year(panel.step) :], horizon)
            keys.append(key)
            values.append(np.round(np.maximum(median[:, None] + spread[:, None] * normal, 0) ** 2))
    stacked = np.stack(values) if values else np.empty((0, horizon, len(QUANTILES)))
    return Forecasts(tuple(keys), origin, ahead, stacked, (NAME,) * len(keys), missed)
