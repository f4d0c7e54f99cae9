"""An alert in words and a picture, for people: the one place where small numbers are suppressed.

Nothing below it decides what may be shown: every channel gets the finished Message. Escaping is the channel's matter.
Counts are observed facts and are suppressed; expected values, bands and forecasts are a model's and are only rounded.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecaster.attribution import COMPARISONS, breakdowns, excess, families, stages
from forecaster.calendar import long_date, period_name
from forecaster.comparing import against_councils, against_neighbours, apart, gives_away, others, without_outlook
from forecaster.context import Ahead, Comparison, Context, Families, History, YearEnd
from forecaster.messages import Line, Message
from forecaster.picture import picture
from forecaster.points import Shown, release
from forecaster.suppress import is_small
from forecaster.types import Alert, as_date
from forecaster.wording import (
    METHODS,
    about,
    clean,
    day,
    extent,
    figure,
    leaning,
    number,
    percent,
    sentence,
    shorten,
    since,
    slice_words,
    span,
    whole,
)

__all__ = ["Ahead", "Comparison", "Context", "Families", "History", "YearEnd", "message"]

STAYS = 1.25  # how many times the old level the calm periods must be for it to be a new one
LIMIT = 1200  # characters of a whole message: what is read in 20 seconds
WHERE, SOURCE, WHO = ("locality", "team"), ("source",), ("category", "age_band", "gender", "ethnicity")
DISPENSABLE = ("Others", "From", "Who", "Ahead", "Why", "Where", "Ask", "New")  # left out in this order if too long


def message(alert: Alert, context: Context) -> Message:
    """Returns the message of one transition of an alert, small numbers suppressed, at most LIMIT characters of text."""
    shown = _shown(alert, context)
    what = _what(alert, context, shown)
    lines = _lines(alert, context, shown, what)
    onset = None if alert.kind == "neighbours" else alert.onset
    return _fit(
        Message(
            alert_id=alert.id,
            headline=_headline(alert, context, shown),
            severity=alert.severity,
            summary=_summary(alert, context, shown),
            lines=tuple(Line(label, text) for label, text in lines if text),
            evidence=_evidence(context),
            chart=picture(_subject(alert, context), what, context, shown, onset) if shown else None,
            broadcast=context.now == "updated"
            and alert.severity == "high"
            and context.was_severity in ("low", "medium"),
        )
    )


def _shown(alert: Alert, context: Context) -> Shown | None:
    history = context.history
    if history is None or history.end(context.period) == 0:
        return None
    onset = alert.onset if alert.kind != "neighbours" else context.period
    return release(history, context.kind, context.step, onset, context.period, context.told, context.threshold)


def _lines(alert: Alert, context: Context, shown: Shown | None, what: str) -> list[tuple[str, str]]:
    if context.now == "resolved":
        return [("Closed", sentence(clean(context.reason, 200))), ("What", what), ("Ahead", _ahead(context, shown))]
    of = excess(alert, context, shown)
    who = " ".join(filter(None, [breakdowns(alert, context, WHO, of), families(alert, context, of)]))
    return [
        ("New", sentence(clean(context.reason, 200)) if context.now != "opened" else ""),
        ("What", what),
        ("Why", stages(alert, context, of)),
        ("Where", breakdowns(alert, context, WHERE, of)),
        ("From", breakdowns(alert, context, SOURCE, of)),
        ("Who", who),
        ("Ahead", _ahead(context, shown)),
        ("Others", others(context)),
        ("Ask", clean(context.ask, 200)),
    ]


# Headline and summary


def _subject(alert: Alert, context: Context) -> str:
    return clean(context.title, 80) + shorten(slice_words(alert.key), 60)


def _headline(alert: Alert, context: Context, shown: Shown | None) -> str:
    """What a person would say aloud: a place follows the verb, any other slice the title."""
    told, compares = context.now != "resolved", alert.kind in COMPARISONS
    unsaid = "council" if told and alert.kind == "peers" else ""  # the movement says it
    named = replace(alert, slice=tuple(pair for pair in alert.slice if pair[0] != unsaid))
    title, where = clean(context.title, 80), shorten(slice_words(named.key), 60)
    says = ("are " if context.plural else "is ") + _movement(alert, context, shown)
    after = told and not compares and all(dimension in ("council", *WHERE) for dimension, _ in alert.slice)
    text = f"{title} {says}{where}" if after else f"{title}{where} {says}"
    return f"{text} - {period_name(context.period, context.step)}"


def _movement(alert: Alert, context: Context, shown: Shown | None) -> str:
    up, still = alert.direction == "up", "" if context.now == "opened" else "still "
    if context.now == "resolved":
        stays = _stays(alert, context, shown)
        return f"staying at a {'higher' if up else 'lower'} level" if stays else "back to what is expected"
    if alert.kind == "neighbours":
        return f"{still}well {'above' if up else 'below'} our statistical neighbours"
    if alert.kind == "peers":
        return still + apart(alert, context)
    if alert.kind == "drift":
        return f"{still}drifting {'up' if up else 'down'}"
    rising = "rising" if context.kind == "stock" else "surging"
    return still + (rising if up else "falling")


def _stays(alert: Alert, context: Context, shown: Shown | None) -> bool:
    """Whether a surge ended by becoming what is expected: the calm periods are still far from what was before it."""
    history = context.history
    if alert.kind in ("drift", *COMPARISONS) or history is None or shown is None:
        return False
    newest = slice(max(shown.end - max(alert.calm, 1), 0), shown.end)
    counted = np.where(np.isfinite(history.count[newest]), history.expected[newest], np.nan)
    before, now = float(np.nansum(counted)), float(np.nansum(history.count[newest]))
    return now >= STAYS * before if alert.direction == "up" else now * STAYS <= before


def _summary(alert: Alert, context: Context, shown: Shown | None) -> str:
    start = since(alert.onset, context.period, context.step)
    if context.now == "resolved":
        end = "Resolved: this is now what is to be expected." if _stays(alert, context, shown) else "Resolved."
        return f"{end} It was open from {start} to {since(context.period, context.period, context.step)}."
    if alert.kind == "neighbours":
        return f"{alert.severity.capitalize()} severity, over the last year."
    was = f" (was {context.was_severity})" if context.was_severity not in (None, alert.severity) else ""
    return f"{alert.severity.capitalize()} severity{was}, since {start}."


# What: observed against expected


def _what(alert: Alert, context: Context, shown: Shown | None) -> str:
    if context.now == "resolved" and (alert.kind == "neighbours" or not shown):
        return ""  # the alert's own figures are those of its last signal
    if alert.kind == "neighbours":
        return against_neighbours(alert, context)
    if alert.kind == "peers" and context.now != "resolved":
        beside = against_councils(alert, context)
        return f"{_counted(alert, context, shown)}; {beside}.{_since_onset(alert, context, shown)}"
    expected, lower, upper = _band(alert, context, shown)
    value = percent if context.kind == "share" else figure
    by = METHODS.get(alert.kind) if context.now != "resolved" else None
    band = f"95% band {extent(lower, upper, share=context.kind == 'share')}{f' of {by}' if by else ''}"
    verb = "was" if context.kind == "share" or whole(expected) == 1 else "were"
    counted = _counted(alert, context, shown)
    return f"{counted}; {value(expected)} {verb} expected ({band}).{_since_onset(alert, context, shown)}"


def _band(alert: Alert, context: Context, shown: Shown | None) -> tuple[float, float, float]:
    """Expected value and band: those of the signal, or for a resolved alert those of the newest period."""
    history = context.history
    if context.now == "resolved" and history and shown and np.isfinite(history.expected[shown.end - 1]):
        last = shown.end - 1
        return float(history.expected[last]), float(history.lower[last]), float(history.upper[last])
    return alert.expected, alert.lower, alert.upper


def _counted(alert: Alert, context: Context, shown: Shown | None) -> str:
    """The newest figure in words, or that it is not shown."""
    when = f"at the end of that {context.step}" if context.kind == "stock" else f"that {context.step}"
    noun, history = clean(context.noun, 80), context.history
    count = float(history.count[shown.end - 1]) if history and shown else alert.observed
    of = float(history.of[shown.end - 1]) if history and shown and history.of is not None else np.nan
    if context.kind == "share" and np.isnan(of):
        return f"The share {when} is not known"
    if np.isnan(count):
        return f"The number {when} is not known"
    if is_small(count, context.threshold):
        return f"{context.threshold} or fewer {noun} {when}"
    if shown and not shown.last:
        return f"The number {when} is not shown, to protect small numbers"
    start = number(count) if whole(count) else "No"
    out_of = (
        f", of {number(of)} {clean(context.unit)} ({percent(count / of)})" if context.kind == "share" and of else ""
    )
    return f"{start} {noun} {when}{out_of}"


def _since_onset(alert: Alert, context: Context, shown: Shown | None) -> str:
    """The sum over the window that may be shown, against what was expected in it."""
    history = context.history
    if not history or not shown or not shown.window:
        return ""
    start, stop = shown.window.start, shown.window.stop
    total, expected = float(history.count[start:stop].sum()), _expected(alert, history, shown)
    length = span(stop - start, context.step)
    last = context.period if stop == shown.end else as_date(history.periods[stop - 1])
    when = f"In {length}" if stop == shown.end else f"In {length} up to {since(last, context.period, context.step)}"
    if history.of is None:
        return f" {when}: {number(total)} against {figure(expected)}."
    of = float(history.of[start:stop].sum())
    return (
        f" {when}: {number(total)} of {number(of)} ({percent(total / of)}) against {percent(expected / of)}."
        if of
        else ""
    )


def _expected(alert: Alert, history: History, shown: Shown) -> float:
    """Expected count of the shown window: the history's before the onset, the alert's own in proportion after it."""
    assert shown.window is not None
    start, stop = shown.window.start, shown.window.stop
    onset = min(max(history.end(alert.onset) - 1, start), stop)
    before = float(np.nansum((history.expected * history.weight)[start:onset]))
    length = shown.end - alert.calm - (history.end(alert.onset) - 1)  # calm periods have not changed its figures
    return before + alert.total_expected * (stop - onset) / max(length, 1)


# What comes next, what others see, how sure we are


def _ahead(context: Context, shown: Shown | None) -> str:
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
    return f"{figure(end.median)} {when} ({band}){_year_before(end, context.threshold)}"


def _year_before(end: YearEnd, threshold: int) -> str:
    """Last year's count and how likely more is; a small one is told in neither way."""
    if end.year_ago is None or is_small(end.year_ago, threshold):
        return ""
    likely = f" ({leaning(end.more)})" if end.more is not None else ""
    return f", {number(end.year_ago)} a year ago{likely}"


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


def _evidence(context: Context) -> str:
    """How sure we are: one line for the foot of the message."""
    newest = f", newest {context.step} provisional" if context.provisional else ""
    parts = [
        f"data to {long_date(context.data_to)}{newest}" if context.data_to else "",
        f"band has held {percent(context.coverage)} of the last {context.coverage_periods} {context.step}s"
        if context.coverage is not None
        else "",
        f"{context.budget[0]} of {context.budget[1]} yearly false alarms used" if context.budget else "",
        f"model {clean(context.model, 60)}" if context.model else "",
        f"config {clean(context.config, 12)}" if context.config else "",
    ]
    return sentence("; ".join(part for part in parts if part))


def _fit(full: Message) -> Message:
    """The message without its least needed words, then lines, until it is short enough to be read."""
    if len(full.text) > LIMIT:
        full = replace(full, lines=tuple(replace(line, text=without_outlook(line.text)) for line in full.lines))
    for label in DISPENSABLE:
        if len(full.text) <= LIMIT:
            break
        full = replace(full, lines=tuple(line for line in full.lines if line.label != label))
    return full
