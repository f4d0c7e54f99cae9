"""What a message may say beside its alert, worked out from the panel, the forecasts and the published figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from forecaster.baseline import baseline, expected_since, quantiles
from forecaster.calendar import following, per_year, period_end, year_end
from forecaster.context import Ahead, Comparison, Context, History, YearEnd
from forecaster.detectors import drift
from forecaster.measures import Measure
from forecaster.models.counts import outturn
from forecaster.types import (
    QUANTILES,
    Alert,
    Floats,
    Forecasts,
    Limits,
    NotRun,
    Panel,
    SeriesKey,
    Step,
    Transition,
    as_date,
)

LOW, MEDIAN, HIGH = (QUANTILES.index(q) for q in (0.025, 0.5, 0.975))
COVERAGE_PERIODS: dict[Step, int] = {"week": 104, "month": 36}


def history(panel: Panel, key: SeriesKey, limits: Limits) -> History:
    """Returns one series with what was expected of every period from the periods before it."""
    one = panel.select([panel.row(key)])
    whole = SeriesKey(key.measure)
    council = panel.count[panel.row(whole)] if key.slice and whole in panel.keys else None
    if one.kinds[0] == "share":
        judged = drift.judge(one, len(panel.periods), "up", limits.min_history)
        band = (judged.expected[0], judged.lower[0], judged.upper[0])
        return History(panel.periods, one.count[0], *band, of=one.of[0], whole=council)
    base, _ = baseline(one.uncapped())
    lower, upper = (quantiles(base.mean, base.dispersion, q, one.is_kind("stock"))[0] for q in (0.025, 0.975))
    return History(panel.periods, one.count[0], base.mean[0], lower, upper, whole=council)


def _as_before(past: History, panel: Panel, alert: Alert) -> History:
    """The same history, with what was expected since the onset of a surge had its level stayed as it was before."""
    if alert.kind != "surge":
        return past
    one = panel.select([panel.row(alert.key)]).uncapped()
    onset = min(int(np.searchsorted(panel.periods, np.datetime64(alert.onset))), len(panel.periods) - 1)
    mean, dispersion = expected_since(baseline(one)[0], onset, len(panel.periods) - 1)
    band = [quantiles(mean, dispersion, q, one.is_kind("stock"))[0] for q in (0.025, 0.975)]
    parts = zip((past.expected, past.lower, past.upper), (mean[0], *band), strict=True)
    expected, lower, upper = (np.concatenate([before[:onset], since]) for before, since in parts)
    return replace(past, expected=expected, lower=lower, upper=upper)


def coverage(past: History, periods: int) -> float | None:
    """Returns the share of the last `periods` that fell inside their 95% band, None with fewer than half of them."""
    value, lower, upper = (array[-periods:] for array in (past.value, past.lower, past.upper))
    seen = np.isfinite(value)
    if seen.sum() < periods / 2:
        return None
    return float(((value >= lower) & (value <= upper))[seen].mean())


def _ahead(forecasts: Forecasts, key: SeriesKey, shown: int) -> Ahead | None:
    if key not in forecasts.keys:
        return None
    values = forecasts.values[forecasts.keys.index(key), :shown]
    return Ahead(forecasts.periods[:shown], values[:, LOW], values[:, MEDIAN], values[:, HIGH])


def _closing(panel: Panel) -> dt.date:
    """The 31 March that the newest period's next one belongs to."""
    return year_end(as_date(following(as_date(panel.periods[-1]), 1, panel.step)[0]))


def _at(panel: Panel, values: Floats, day: dt.date) -> float | None:
    """The value of the last period that is over by a day, None where there is none."""
    ends = [period_end(as_date(p), panel.step) <= day for p in panel.periods[-2 * per_year(panel.step) :]]
    if not any(ends):
        return None
    value = values[-len(ends) :][sum(ends) - 1]
    return float(value) if np.isfinite(value) else None


def _stock_year_end(panel: Panel, forecasts: Forecasts, key: SeriesKey) -> YearEnd | None:
    closing = _closing(panel)
    over = [period_end(as_date(p), panel.step) <= closing for p in forecasts.periods]
    if key not in forecasts.keys or not any(over):
        return None
    low, median, high = forecasts.values[forecasts.keys.index(key), sum(over) - 1][[LOW, MEDIAN, HIGH]]
    year_ago = _at(panel, panel.count[panel.row(key)], closing.replace(year=closing.year - 1))
    return YearEnd(closing, float(low), float(median), float(high), year_ago)


def _flow_year_end(panel: Panel, key: SeriesKey) -> YearEnd | None:
    """The financial year's total: so far, plus the forecast of what is left of it."""
    closing = _closing(panel)
    opening = np.datetime64(closing.replace(year=closing.year - 1)) + 1
    before = np.datetime64(closing.replace(year=closing.year - 2)) + 1
    one = panel.select([panel.row(key)])
    count = one.count[0]
    so_far = panel.periods >= opening
    if not np.isfinite(count[so_far]).all():
        return None
    left = sum(as_date(p) <= closing for p in following(as_date(panel.periods[-1]), per_year(panel.step), panel.step))
    mean, deviation = outturn(one, left) if left else (0.0, 0.0)
    last_year = count[(panel.periods >= before) & ~so_far]
    whole_year = len(last_year) >= per_year(panel.step) and np.isfinite(last_year).all()
    low, high = (max(mean + z * deviation, 0.0) for z in (-1.96, 1.96))
    base = float(count[so_far].sum())
    return YearEnd(closing, base + low, base + mean, base + high, float(last_year.sum()) if whole_year else None)


def year_end_outlook(panel: Panel, forecasts: Forecasts, key: SeriesKey) -> YearEnd | None:
    """Returns where a series is heading by 31 March; None for a share, or where the year so far has gaps."""
    kind = panel.kinds[panel.row(key)]
    if key not in forecasts.keys or kind == "share":
        return None
    return _stock_year_end(panel, forecasts, key) if kind == "stock" else _flow_year_end(panel, key)


def brief(
    alert: Alert,
    transition: Transition,
    panel: Panel,
    forecasts: Forecasts,
    comparisons: Mapping[str, Comparison],
    measure: Measure,
    *,
    limits: Limits,
    was: Alert | None,
    shown: int,
    council: str,
    threshold: int,
    config: str,
) -> Context:
    """Returns the context of one transition's message."""
    watched = alert.key in panel.keys  # a slice that has become too small to watch has no history any more
    past = history(panel, alert.key, limits) if watched else None
    ahead = _ahead(forecasts, alert.key, shown)
    periods = COVERAGE_PERIODS[panel.step]
    still_open = alert.state != "resolved"
    shown_past = _as_before(past, panel, alert) if past and still_open else past
    return Context(
        title=measure.title, noun=measure.many, kind=measure.kind, step=panel.step, period=alert.told[-1],
        unit=measure.of, now=transition.now, reason=transition.reason, was_severity=was.severity if was else None,
        told=alert.told[:-1], council=council, threshold=threshold, history=shown_past, ahead=ahead,
        ahead_reason=_ahead_reason(forecasts.not_run, alert.key, measure),
        year_end=year_end_outlook(panel, forecasts, alert.key) if watched else None,
        comparison=comparisons.get(alert.measure) if not alert.slice else None,
        ask=measure.question, data_to=period_end(as_date(panel.periods[-1]), panel.step),
        provisional=panel.provisional > 0, coverage=coverage(past, periods) if past else None, coverage_periods=periods,
        model=_model(forecasts, alert.key), config=config,
    )  # fmt: skip


def _model(forecasts: Forecasts, key: SeriesKey) -> str:
    return forecasts.models[forecasts.keys.index(key)] if key in forecasts.keys else ""


def _ahead_reason(not_run: Sequence[NotRun], key: SeriesKey, measure: Measure) -> str:
    if measure.kind == "share":
        return ""
    return next((missed.reason for missed in not_run if missed.key == key), "")
