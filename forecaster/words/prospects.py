"""What comes next, in words: the next periods and the 31 March that closes the year."""

from __future__ import annotations

import numpy as np

from forecaster.suppress import is_small
from forecaster.types import Alert
from forecaster.words.comparing import gives_away
from forecaster.words.context import Context, YearEnd
from forecaster.words.points import Shown
from forecaster.words.wording import about, clean, day, extent, figure, leaning, number, percent, sentence, span

BACK = 1.25  # how many times a forecast the newest weeks must be for it to be one of a return


def ahead(alert: Alert, context: Context, shown: Shown | None) -> str:
    """Returns what is forecast, or why nothing is."""
    closing = _share_at_year_end(context, shown) if context.kind == "share" else _year_end(context, shown)
    parts = [part for part in (_next_periods(alert, context, shown), closing) if part]
    if parts:
        return sentence("; ".join(parts))
    return f"No forecast: {clean(context.ahead_reason, 100)}." if context.ahead_reason else ""


def _next_periods(alert: Alert, context: Context, shown: Shown | None) -> str:
    ahead = context.ahead
    if ahead is None or not len(ahead.median):
        return ""
    length = span(len(ahead.median), context.step)
    if context.kind == "stock":
        low, mid, high = (float(array[-1]) for array in (ahead.lower, ahead.median, ahead.upper))
        return f"{about(mid)} in {length} if this goes on ({extent(low, high)})"
    low, mid, high = (float(np.mean(array)) for array in (ahead.lower, ahead.median, ahead.upper))
    if context.kind == "share":
        return f"about {percent(mid)} for the next {length} ({extent(low, high, share=True)})"
    told = f"{about(mid)} a {context.step} for the next {length} ({extent(low, high)})"
    return f"{_back(alert, context, shown, mid)}{told}"


def _back(alert: Alert, context: Context, shown: Shown | None, coming: float) -> str:
    """That a forecast is of a return, where it is beside the weeks of which a message tells the sum."""
    past = context.history
    if context.now == "resolved" or past is None or shown is None or not (shown.window or shown.last):
        return ""
    at = slice(shown.window.start, shown.window.stop) if shown.window else slice(shown.end - 1, shown.end)
    level = float(np.mean(past.count[at]))
    if alert.direction == "up":
        return "expected to fall back to " if level > BACK * coming else ""
    return "expected to rise again to " if BACK * level < coming else ""


def _year_end(context: Context, shown: Shown | None) -> str:
    """A flow's year holds what was counted so far, so even its forecast may give a small count away."""
    end = context.year_end
    if end is None:
        return ""
    when = f"{'on' if context.kind == 'stock' else 'in the year to'} {day(end.day, context.period)}"
    lower, *others = (_may_tell(value, context, shown) for value in (end.lower, end.median, end.upper))
    if not all(others):
        few = is_small(end.median, context.threshold) or is_small(end.upper, context.threshold)
        return f"{context.threshold} or fewer {when}" if few else ""
    band = extent(end.lower, end.upper) if lower else f"up to {number(end.upper)}"
    return f"{figure(end.median)} {when} ({band}){_year_before(end, context, shown)}{_as_neighbours(context)}"


def _may_tell(value: float, context: Context, shown: Shown | None) -> bool:
    """Whether a figure of the year's end may be told.

    There are never fewer than were counted so far: less what is known of them it must leave more than a small number.
    """
    if context.kind != "flow" or not context.threshold:
        return True
    known = shown.known if shown else None
    return not is_small(value, context.threshold) and (known is None or value - known > context.threshold)


def _year_before(end: YearEnd, context: Context, shown: Shown | None) -> str:
    """Last year's count and how likely more is; one that gives a small one away is told in neither way."""
    may = not context.threshold or shown is None or shown.years[1]
    if end.year_ago is None or is_small(end.year_ago, context.threshold) or not may:
        return ""
    likely = f" ({leaning(end.more)})" if end.more is not None else ""
    return f", {number(end.year_ago)} a year ago{likely}"


def _as_neighbours(context: Context) -> str:
    """How many children there would be at the neighbours' rate."""
    if context.kind != "stock" or context.level is None or is_small(context.level, context.threshold):
        return ""
    return f"; at our neighbours' rate {number(context.level)}"


def _share_at_year_end(context: Context, shown: Shown | None) -> str:
    """A year's share is a model's until the year is over; what was counted in whole is told only if it may be."""
    end = context.year_end
    if end is None or gives_away(context):
        return ""
    so_far, year_ago = shown.years if shown else (False, False)
    now = f"; {percent(end.so_far)} so far" if end.so_far is not None and so_far else ""
    likely = f", {leaning(end.more, ('higher', 'lower'))}" if end.more is not None else ""
    own = " by our own count" if context.comparison else ""  # published figures stand beside it
    ago = f"; {percent(end.year_ago)} a year ago{own}{likely}" if end.year_ago is not None and year_ago else ""
    band = extent(end.lower, end.upper, share=True)
    return f"{percent(end.median)} in the year to {day(end.day, context.period)} ({band}{now}{ago})"
