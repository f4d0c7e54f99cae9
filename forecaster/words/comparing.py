"""The council beside others, in words: neighbours and England, other councils, and other alerts of the same story."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecaster.calendar import per_year
from forecaster.suppress import is_small
from forecaster.types import Alert, Kind
from forecaster.words.context import Comparison, Context, Linked, YearEnd
from forecaster.words.wording import (
    chance,
    clean,
    distinct,
    extent,
    figure,
    financial_year,
    named,
    ordinal,
    percent,
    sentence,
    since,
    span,
)

LINKS = 2  # other alerts of a story that are told
ALIKE = 0.05  # others that moved by less have not moved


def gives_away(context: Context) -> bool:
    """Returns whether the year's end is of so few children that even its forecast may give a small count away."""
    return context.year_end is not None and few(context.year_end, context.kind, context.threshold)


def few(end: YearEnd, kind: Kind, threshold: int) -> bool:
    """Returns whether a flow's or a share's year, part of which was counted, is of so few that it gives them away."""
    counts = (end.lower, end.median, end.upper) if kind == "flow" else ()
    if kind == "share":
        counts = (end.median * end.size, (1 - end.median) * end.size, end.size)
    return any(is_small(count, threshold) for count in counts)


def others(context: Context) -> str:
    """Returns what was published of the council, its neighbours and England, and if we end the year above them."""
    found = context.comparison
    if found is None:
        return f"No comparison: {clean(context.comparison_reason, 100)}." if context.comparison_reason else ""
    council = clean(context.council)
    pairs = [(council, found.council), ("our neighbours", found.neighbours), ("England", found.england)]
    known = [(name, value) for name, value in pairs if value is not None]
    said = distinct([value for _, value in known], found.unit)
    texts = [
        f"{name} {text}{_place(found) if name == council else ''}" for (name, _), text in zip(known, said, strict=True)
    ]
    per = " per 10,000 children" if found.unit == "rate" else ""
    published = f"Published for {financial_year(found.year)}{per}: {', '.join(texts)}."
    return " ".join(filter(None, [published, _likely(context, found)]))


def _place(found: Comparison) -> str:
    """The council's place among those compared, in the published year."""
    if not found.rank:
        return ""
    place, of = found.rank
    return f" ({'' if place == 1 else f'{ordinal(place)} '}highest of {of})"


def _likely(context: Context, found: Comparison) -> str:
    """How likely the council ends the year above its neighbours."""
    if found.ends is None or found.above is None or gives_away(context):
        return ""
    return sentence(f"{chance(found.above)} likely to end {financial_year(found.ends)} above our neighbours")


def linked(alert: Alert, context: Context) -> str:
    """Returns what else moved in the same story, and how long before or after: "Referrals rose four weeks earlier"."""
    texts = [f"{clean(one.title, 60)} {_moved(one, alert, context)}" for one in context.linked[:LINKS]]
    return sentence("; ".join(texts))


def _moved(one: Linked, alert: Alert, context: Context) -> str:
    step, way = context.step, "rose" if one.direction == "up" else "fell"
    periods = round((alert.onset - one.onset).days * per_year(step) / 364)
    when = f"{span(abs(periods), step)} {'earlier' if periods > 0 else 'later'}" if periods else "at the same time"
    start = f"since {since(one.onset, context.period, step)}"
    return f"{way} {when} ({start})" if alert.kind != "neighbours" else f"{way} {start}"  # a year has no onset


def against_neighbours(alert: Alert, context: Context) -> str:
    """Returns the council's last year beside where one more council like its neighbours is likely to be now."""
    share = context.kind == "share"
    values = [alert.observed, alert.expected, max(alert.lower, 0.0), alert.upper]
    ours, usual, lower, upper = distinct(values, "share" if share else "rate")
    per = f" of {clean(context.unit) or 'all'}" if share else " per 10,000 children"
    verb = "were" if context.plural else "was"
    here = f"{clean(context.title, 80)} {verb} {ours}{per} here in the last year, by our own count"
    here = here if tells_own(alert, context) else "Our own figure is not shown, to protect small numbers"
    return f"{here}; a council like our neighbours would have about {usual} ({lower.rstrip('%')}-{upper})."


def tells_own(alert: Alert, context: Context) -> bool:
    """Returns whether the council's own last year may be told: neither its count nor the rest of a share is small."""
    of = alert.total / alert.observed if context.kind == "share" and alert.observed else 0.0
    return not any(is_small(value, context.threshold) for value in (alert.total, of, of - alert.total))


def apart(alert: Alert, context: Context) -> str:
    """Returns how a council moved beside the others it shares an installation with: "up in X and not elsewhere"."""
    way, other = ("up", "down") if alert.direction == "up" else ("down", "up")
    sign = 1 if alert.direction == "up" else -1
    where = named("council", dict(alert.slice).get("council", context.council))
    before = _before(alert, context)
    ours, theirs = (sign * (value / before - 1) if before else np.nan for value in (_level(alert), alert.expected))
    if ours <= 0:
        return f"not {other} in {where} as elsewhere"
    return f"{way} in {where} {'more than' if theirs >= ALIKE else 'and not'} elsewhere"


def _level(alert: Alert) -> float:
    """What was counted a period since the onset (or the share), as what is expected is told."""
    return alert.expected * alert.total / alert.total_expected if alert.total_expected else alert.observed


def _before(alert: Alert, context: Context) -> float:
    """The level of the year before the onset, 0 where it is not known."""
    history = context.history
    if history is None:
        return 0.0
    first = max(history.end(alert.onset) - 1, 0)
    year = slice(max(first - per_year(context.step), 0), first)
    size = float(np.nansum(np.where(np.isfinite(history.count), history.weight, 0.0)[year]))
    return float(np.nansum(history.count[year])) / size if size else 0.0


def as_elsewhere(usual: float, lower: float, upper: float, share: bool) -> str:
    """Returns what would be usual had the council moved as the others did, with its band."""
    told = percent(usual) if share else figure(usual)
    return f"{told} if it had moved as elsewhere (95% band {extent(lower, upper, share=share)})"


def beside_others(alert: Alert, context: Context) -> Context:
    """Returns the context in which is expected, since the onset, what the others' movement would make of it."""
    past = context.history
    if alert.kind != "peers" or context.now == "resolved" or past is None:
        return context
    since = past.periods >= np.datetime64(alert.onset)
    names = ("expected", "lower", "upper")
    bands = {name: np.where(since, getattr(alert, name), getattr(past, name)) for name in names}
    return replace(context, history=replace(past, **bands))
