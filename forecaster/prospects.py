"""What comes next, in words: the next periods and the 31 March that closes the year."""

from __future__ import annotations

import numpy as np

from forecaster.comparing import gives_away
from forecaster.context import Context, YearEnd
from forecaster.points import Shown
from forecaster.suppress import is_small
from forecaster.wording import about, clean, day, extent, figure, leaning, number, percent, sentence, span


def ahead(context: Context, shown: Shown | None) -> str:
    """Returns what is forecast, or why nothing is."""
    closing = _share_at_year_end(context, shown) if context.kind == "share" else _year_end(context)
    parts = [part for part in (_next_periods(context), closing) if part]
    if parts:
        return sentence("; ".join(parts))
    return f"No forecast: {clean(context.ahead_reason, 100)}." if context.ahead_reason else ""


def _next_periods(context: Context) -> str:
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
    return f"{about(mid)} a {context.step} for the next {length} ({extent(low, high)})"


def _year_end(context: Context) -> str:
    """A flow's year holds what was counted so far, so even its forecast may give a small count away."""
    end = context.year_end
    if end is None:
        return ""
    when = f"{'on' if context.kind == 'stock' else 'in the year to'} {day(end.day, context.period)}"
    small = [
        context.kind == "flow" and is_small(value, context.threshold) for value in (end.lower, end.median, end.upper)
    ]
    if small[1] or small[2]:
        return f"{context.threshold} or fewer {when}"
    band = f"up to {number(end.upper)}" if small[0] else extent(end.lower, end.upper)
    return f"{figure(end.median)} {when} ({band}){_year_before(end, context.threshold)}{_as_neighbours(context)}"


def _year_before(end: YearEnd, threshold: int) -> str:
    """Last year's count and how likely more is; a small one is told in neither way."""
    if end.year_ago is None or is_small(end.year_ago, threshold):
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
    ago = f"; {percent(end.year_ago)} a year ago{likely}" if end.year_ago is not None and year_ago else ""
    band = extent(end.lower, end.upper, share=True)
    return f"{percent(end.median)} in the year to {day(end.day, context.period)} ({band}{now}{ago})"
