"""The picture of a message: history, band, onset and forecast of one series, small numbers already taken out."""

from __future__ import annotations

import datetime as dt

import numpy as np

from forecaster.calendar import long_date
from forecaster.context import Ahead, Context, History
from forecaster.messages import Chart
from forecaster.points import Point, Pooled, Shown, dates, observed, pool
from forecaster.types import Floats
from forecaster.wording import clean, shorten, since

ALT_LIMIT = 1000  # characters a screen reader is given


def picture(subject: str, what: str, context: Context, shown: Shown, onset: dt.date | None) -> Chart | None:
    """Returns the chart of a message, or None when there are fewer than two points to draw.

    subject: title and slice in words; what: the message's own sentence, for the description in words.
    """
    history, points = context.history, shown.points
    if history is None or len(points) < 2:
        return None
    share = context.kind == "share"
    scale = 100.0 if share else 1.0
    band = pool(points, history.expected, history.lower, history.upper, history.weight, share)
    ahead_points, ahead = _ahead(context.ahead, shown.size, share)
    visible = onset is not None and dates(points[:1], history.periods)[0] < onset
    return Chart(
        title=subject,
        unit=_unit(context, shown.size),
        periods=dates(points, history.periods),
        observed=_tuple(observed(points, history) * scale),
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
        alt_text=_alt_text(subject, what, context, history, points),
    )


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 3) for value in values)


def _unit(context: Context, size: int) -> str:
    """The label of the vertical axis."""
    if context.kind == "share":
        per = f" over {size} {context.step}s" if size > 1 else ""
        return f"% of {clean(context.unit) or 'the total'}{per}"
    what = clean(context.unit) or "number"
    if context.kind == "stock":
        return what[:1].upper() + what[1:]
    return f"{what[:1].upper()}{what[1:]} " + (f"in {size} {context.step}s" if size > 1 else f"a {context.step}")


def _ahead(ahead: Ahead | None, size: int, share: bool) -> tuple[list[Point], Pooled]:
    """The forecast in points of the history's size; a rest too short for one is left out."""
    count = len(ahead.periods) // size if ahead else 0
    points = [Point(i * size, (i + 1) * size) for i in range(count)]
    if ahead is None:
        empty = np.empty(0)
        return points, Pooled(empty, empty, empty)
    return points, pool(points, ahead.median, ahead.lower, ahead.upper, np.ones(len(ahead.median)), share)


def _alt_text(subject: str, what: str, context: Context, history: History, points: tuple[Point, ...]) -> str:
    """The picture in words, with no number that the message does not show."""
    first, last = (long_date(date) for date in (dates(points, history.periods)[0], context.period))
    kept = "Small numbers are not shown." if any(point.hidden for point in points) else ""
    ahead = "The forecast with its band follows." if context.ahead else ""
    title = f"Chart: {subject}, {first} to {last}, with the expected level and its 95% band."
    return shorten(" ".join(filter(None, [title, what, kept, ahead])), ALT_LIMIT)
