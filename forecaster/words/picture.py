"""The picture of a message: history, band, onset and forecast of one series, small numbers already taken out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forecaster.calendar import long_date, period_name
from forecaster.messages import Chart
from forecaster.types import Floats
from forecaster.words.context import Ahead, Context
from forecaster.words.points import Point, Pooled, Shown, dates, observed, pool
from forecaster.words.wording import clean, extent, figure, financial_year, percent, shorten, since, span

_VERB = re.compile(r"\s+(?:were|was|are|is|had|have|began|came|ended|led|started|arrived)\b")
ALT_LIMIT = 1000  # characters a screen reader is given


def picture(subject: str, context: Context, shown: Shown, onset: dt.date | None) -> Chart | None:
    """Returns the chart of a message, or None when there are fewer than two points to draw.

    subject: title and slice in words.
    """
    history, points = context.history, shown.points
    if history is None or len(points) < 2:
        return None
    share = context.kind == "share"
    scale = _scale(context)
    band = pool(points, history.expected, history.lower, history.upper, history.weight, share)
    ahead_points, ahead = _ahead(context.ahead, shown.size, share)
    visible = onset is not None and dates(points[:1], history.periods)[0] < onset
    chart = Chart(
        title=subject,
        unit=_unit(context, shown.size),
        periods=dates(points, history.periods),
        observed=_tuple(_drawn(points, context)),
        hidden=tuple(point.hidden for point in points),
        expected=_tuple(band.expected * scale),
        lower=_tuple(band.lower * scale),
        upper=_tuple(band.upper * scale),
        ahead_periods=dates(ahead_points, context.ahead.periods) if context.ahead else (),
        ahead_median=_tuple(ahead.expected * scale),
        ahead_lower=_tuple(ahead.lower * scale),
        ahead_upper=_tuple(ahead.upper * scale),
        onset=onset if visible else None,
        onset_label=f"since {since(onset, context.period, context.step)}" if onset and visible else "",
        **_level(context, shown.size),
    )
    return replace(chart, alt_text=alt_text(chart, share, _last(chart.periods[-1], context, shown.size)))


def _last(day: dt.date, context: Context, size: int) -> str:
    """Which periods the last point is of: "the week of 8 January 2018", "the four weeks up to w/c 11 September"."""
    if size == 1:
        return period_name(day, context.step) if context.step == "month" else f"the {period_name(day, context.step)}"
    return f"the {span(size, context.step)} up to {since(day, context.period, context.step)}"


def _level(context: Context, size: int) -> dict[str, Any]:
    """Where the neighbours would be, in the unit of the chart; a published figure, so there is nothing to hide."""
    if context.level is None or context.comparison is None:
        return {}
    level = context.level * {"flow": float(size), "share": 100.0, "stock": 1.0}[context.kind]
    return {"level": round(level, 3), "level_label": f"neighbours {financial_year(context.comparison.year)}"}


def _drawn(points: Sequence[Point], context: Context) -> Floats:
    """The points in the unit of the chart: of a share whole percents, as its counts follow from more decimals."""
    assert context.history is not None
    counted = observed(points, context.history)
    return np.round(counted * 100) if context.kind == "share" and context.threshold else counted * _scale(context)


def _scale(context: Context) -> float:
    return 100.0 if context.kind == "share" else 1.0


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 3) for value in values)


def _unit(context: Context, size: int) -> str:
    """The label of the vertical axis."""
    if context.kind == "share":
        per = f" over {size} {context.step}s" if size > 1 else ""
        return f"% of {clean(context.unit) or 'the total'}{per}"
    what = clean(counted(context.noun))
    what = "number" if what.lower() in ("", context.title.lower()) else what
    if context.kind == "stock":
        return what[:1].upper() + what[1:]
    return f"{what[:1].upper()}{what[1:]} " + (f"in {size} {context.step}s" if size > 1 else f"a {context.step}")


def counted(noun: str) -> str:
    """Returns what is counted, of how a message counts it: "children" of "children started a plan"; "" if unsure."""
    found = _VERB.split(noun, maxsplit=1)
    return found[0] if len(found) > 1 else ""


def _ahead(ahead: Ahead | None, size: int, share: bool) -> tuple[list[Point], Pooled]:
    """The forecast in points of the history's size; a rest too short for one is left out."""
    count = len(ahead.periods) // size if ahead else 0
    points = [Point(i * size, (i + 1) * size) for i in range(count)]
    if ahead is None:
        empty = np.empty(0)
        return points, Pooled(empty, empty, empty)
    return points, pool(points, ahead.median, ahead.lower, ahead.upper, np.ones(len(ahead.median)), share)


def alt_text(chart: Chart, share: bool, last: str) -> str:
    """Returns the picture in words, from what is drawn alone, so that no number is in it that the picture lacks.

    last: which periods its last point is of.
    """
    parts = [
        f"Chart of {chart.title}, {chart.unit[:1].lower()}{chart.unit[1:]}, "
        f"{long_date(chart.periods[0])} to {long_date(chart.periods[-1])}, with the expected level and its 95% band.",
        _newest(chart, share, last),
        f"A line marks the onset, {chart.onset_label}." if chart.onset else "",
        "Small numbers are not shown; crosses stand in their place." if any(chart.hidden) else "",
        _forecast(chart, share),
        f"A dotted line shows the level of {chart.level_label}: {_value(chart.level, share)}."
        if chart.level is not None
        else "",
    ]
    return shorten(" ".join(filter(None, parts)), ALT_LIMIT)


def _newest(chart: Chart, share: bool, when: str) -> str:
    """The last point with what was expected of it."""
    value, expected = chart.observed[-1], chart.expected[-1]
    last = (
        "not shown, to protect small numbers"
        if chart.hidden[-1]
        else "missing"
        if np.isnan(value)
        else _value(value, share)
    )
    usual = f", expected {_value(expected, share)}" if np.isfinite(expected) else ""
    band = f" ({extent(chart.lower[-1], chart.upper[-1])}{'%' if share else ''})" if usual else ""
    return f"The last point, {when}, is {last}{usual}{band}."


def _forecast(chart: Chart, share: bool) -> str:
    if not chart.ahead_periods:
        return ""
    low, mid, high = chart.ahead_lower[-1], chart.ahead_median[-1], chart.ahead_upper[-1]
    band = extent(low, high) + ("%" if share else "")
    return f"The forecast runs to {long_date(chart.ahead_periods[-1])} and ends at {_value(mid, share)} ({band})."


def _value(value: float, share: bool) -> str:
    return percent(value / 100) if share else figure(value)
