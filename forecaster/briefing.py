"""What a message may say beside its alert, worked out from the panel, the forecasts and the published figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from forecaster.baseline import baseline
from forecaster.calendar import per_year, period_end
from forecaster.detectors import drift
from forecaster.measures import Measure
from forecaster.negbin import quantiles
from forecaster.standing import Standing, at_year_end
from forecaster.types import (
    Alert,
    Forecasts,
    Kind,
    Limits,
    NotRun,
    Panel,
    SeriesKey,
    Slice,
    Step,
    Transition,
    as_date,
)
from forecaster.words.attribution import COMPARISONS, sayable_drivers
from forecaster.words.context import Ahead, Beside, Context, Families, History, Linked
from forecaster.words.questions import Question, choose
from forecaster.year_end import HIGH, LOW, MEDIAN, year_end_outlook

PER = 10_000  # children a published rate is of
COVERAGE_PERIODS: dict[Step, int] = {"week": 104, "month": 36}


def history(panel: Panel, key: SeriesKey, limits: Limits) -> History:
    """Returns one series with what was expected of every period from the periods before it."""
    one, counted = panel.select([panel.row(key)]), _counted(panel, key)
    if one.kinds[0] == "share":
        judged = drift.judge(one, len(panel.periods), "up", limits.min_history)
        return replace(counted, expected=judged.expected[0], lower=judged.lower[0], upper=judged.upper[0])
    base = baseline(one.uncapped())
    lower, upper = (quantiles(base.mean, base.dispersion, q, one.is_kind("stock"))[0] for q in (0.025, 0.975))
    return replace(counted, expected=base.mean[0], lower=lower, upper=upper)


def _counted(panel: Panel, key: SeriesKey) -> History:
    """One series as it was counted, without what was expected of it."""
    row, whole = panel.row(key), key.whole
    council = panel.count[panel.row(whole)] if whole != key and whole in panel.keys else None
    none = np.full(len(panel.periods), np.nan)
    of = panel.of[row] if panel.kinds[row] == "share" else None
    return History(panel.periods, panel.count[row], none, none, none, of=of, whole=council)


def _as_before(past: History, panel: Panel, alert: Alert) -> History:
    """The same history, with what was expected since the onset of a surge had its level stayed as it was before."""
    if alert.kind in ("drift", *COMPARISONS):
        return past
    one = panel.select([panel.row(alert.key)]).uncapped()
    onset = min(int(np.searchsorted(panel.periods, np.datetime64(alert.onset))), len(panel.periods) - 1)
    mean, dispersion = baseline(one).expected_since(onset, len(panel.periods) - 1)
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


def _ahead(forecasts: Forecasts, key: SeriesKey, newest: np.datetime64, shown: int) -> Ahead | None:
    if key not in forecasts.keys:
        return None
    coming = np.flatnonzero(forecasts.periods > newest)[:shown]
    values = forecasts.values[forecasts.keys.index(key), coming]
    return Ahead(forecasts.periods[coming], values[:, LOW], values[:, MEDIAN], values[:, HIGH])


def brief(
    alert: Alert,
    transition: Transition,
    panel: Panel,
    forecasts: Forecasts,
    standings: Mapping[SeriesKey, Standing],
    measure: Measure,
    *,
    limits: Limits,
    was: Alert | None,
    shown: int,
    council: str,
    threshold: int,
    config: str,
    questions: Sequence[Question] = (),
    linked: tuple[Linked, ...] = (),
    beside: Sequence[Alert] = (),
    extract: str = "",
    budget: tuple[int, int] | None = None,
    page: str = "",
) -> Context:
    """Returns the context of one transition's message.

    was: the alert before it; shown: how many periods ahead are told; linked: other alerts of the same story,
    and beside: those whose counts overlap with this one's, be they over or not.
    """
    watched = alert.key in panel.keys  # a slice that has become too small to watch has no history any more
    past = history(panel, alert.key, limits) if watched else None
    ahead = None if measure.kind == "share" else _ahead(forecasts, alert.key, panel.periods[-1], shown)
    periods = COVERAGE_PERIODS[panel.step]
    still_open = alert.state != "resolved"
    shown_past = _as_before(past, panel, alert) if past and still_open else past
    closing = year_end_outlook(panel, forecasts, alert.key) if watched else None
    standing = standings.get(alert.key)
    context = Context(
        title=measure.title, noun=measure.many, one=measure.one, kind=measure.kind, step=panel.step,
        period=alert.told[-1], unit=measure.of, now=transition.now, reason=transition.reason, was=transition.was,
        was_severity=was.severity if was else None, told=_tellings(alert).get(_now(alert), ())[:-1],
        began=alert.told[0], beside=_beside(alert, beside, panel), council=alert.key.council or council,
        threshold=threshold,
        history=shown_past, ahead=ahead, ahead_reason=_ahead_reason(forecasts.not_run, alert.key, measure),
        year_end=closing, comparison=at_year_end(standing, closing) if standing else None,
        level=_level(standing, measure, panel.step) if standing else None, linked=linked,
        families=_families(panel, alert.key) if watched else None,
        data_to=period_end(as_date(panel.periods[-1]), panel.step), provisional=panel.provisional > 0, extract=extract,
        coverage=coverage(past, periods) if past else None, coverage_periods=periods,
        model=foretold_by(forecasts, alert.key, measure.kind, panel.step), config=config, budget=budget, page=page,
    )  # fmt: skip
    by = sayable_drivers(alert, context)
    return replace(context, ask=choose(questions, alert.measure, alert.direction, by, measure.question))


def _now(alert: Alert) -> tuple[Slice, dt.date]:
    """The slice and the onset that an alert speaks of now."""
    return alert.slice, alert.onset


def _tellings(alert: Alert) -> dict[tuple[Slice, dt.date], tuple[dt.date, ...]]:
    """The periods of an alert's messages by the slice and the onset that it spoke of then, the newest at last."""
    unknown = len(alert.told) - len(alert.told_of)
    out: dict[tuple[Slice, dt.date], tuple[dt.date, ...]] = {}
    for period, what in zip(alert.told, ([_now(alert)] * unknown + [*alert.told_of])[-len(alert.told) :], strict=True):
        out[what] = (*out.get(what, ()), period)
    return out


def _beside(alert: Alert, others: Sequence[Alert], panel: Panel) -> tuple[Beside, ...]:
    """What was told beside: by this alert when it spoke of something else, then by others, that opened first first."""
    there = sorted((o for o in others if o.told), key=lambda o: (o.opened, o.id))
    own = [one for what, one in _as_told(alert, panel, None) if what != _now(alert)]
    return (*own, *(one for o in there for _, one in _as_told(o, panel, (o.opened, o.id) < (alert.opened, alert.id))))


def _as_told(alert: Alert, panel: Panel, first: bool | None) -> Iterator[tuple[tuple[Slice, dt.date], Beside]]:
    """Yields what an alert told, apart for each slice and onset."""
    for (where, onset), told in _tellings(alert).items():
        key = SeriesKey(alert.measure, where)
        if key in panel.keys:
            since = told[-1] if alert.kind == "neighbours" else onset
            families = _families(panel, key)
            yield (
                (where, onset),
                Beside(
                    _counted(panel, key), panel.kinds[panel.row(key)], since, told, first,
                    families.count if families else None, alert.told[0],
                ),
            )  # fmt: skip


def _level(standing: Standing, measure: Measure, step: Step) -> float | None:
    """The neighbours' newest published median as this series counts: events a period, children, or a proportion."""
    found = standing.comparison
    if found.unit == "share":
        return found.neighbours if measure.kind == "share" else None
    if not standing.size > 0 or measure.kind == "share":
        return None
    yearly = found.neighbours * standing.size / PER
    return yearly / per_year(step) if measure.kind == "flow" else yearly


def _families(panel: Panel, key: SeriesKey) -> Families | None:
    row = panel.row(key)
    if panel.families is None or panel.largest is None:
        return None
    return Families(panel.families[row], panel.largest[row])


def foretold_by(forecasts: Forecasts, key: SeriesKey, kind: Kind, step: Step) -> str:
    """Returns what makes the forecast that is told of a series: its models by weight, or how a share's year goes on.

    "levels 77%, prophet 23%", "cohort", "the level of the last 52 weeks"; "" where nothing is forecast.
    """
    if kind == "share":
        return f"the level of the last {per_year(step)} {step}s"
    return forecasts.models[forecasts.keys.index(key)] if key in forecasts.keys else ""


def _ahead_reason(not_run: Sequence[NotRun], key: SeriesKey, measure: Measure) -> str:
    if measure.kind == "share":
        return ""
    return next((missed.reason for missed in not_run if missed.key == key), "")
