"""An alert in words and a picture, for people: the one place where small numbers are suppressed.

Nothing below it decides what may be shown: every channel gets the finished Message. Escaping is the channel's matter.
Counts are observed facts and are suppressed; expected values, bands and forecasts are a model's and are only rounded.
What a message may show of counts over time `points.release` decides, of slices and stages `attribution`, of families
`attribution.families`, of a year that is not over `prospects` and `comparing`; every other line repeats those figures.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import numpy as np

from forecaster.calendar import long_date, period_name
from forecaster.messages import Line, Message, Telling
from forecaster.types import Alert, as_date
from forecaster.words.attribution import COMPARISONS, PLACES, SOURCE, breakdowns, excess, place, stages, who
from forecaster.words.comparing import apart, linked, others
from forecaster.words.context import Ahead, Comparison, Context, Families, History, Linked, YearEnd
from forecaster.words.figures import what
from forecaster.words.fitting import LIMIT, NEWS_LIMIT, fit
from forecaster.words.picture import picture
from forecaster.words.points import Shown, release
from forecaster.words.prospects import ahead
from forecaster.words.stamps import stamped, standing, with_stamps
from forecaster.words.wording import (
    clean,
    day,
    number,
    percent,
    sentence,
    shorten,
    since,
    slice_words,
    span,
    whole,
)

__all__ = ["Ahead", "Comparison", "Context", "Families", "History", "Linked", "YearEnd", "message", "stamped", "tell"]

STAYS = 1.25  # how many times the old level the calm periods must be for it to be a new one
PLANS = "plan_starts"  # the measure whose count a question may name
REVIEWED = dt.timedelta(weeks=13)  # how far back a review of plans looks
AGAIN = ("Why", "Where", "Who")  # lines that news repeats when they say something else than before
# Reasons the lifecycle gives, where a director would say it otherwise.
PLAINER = {"the evidence has grown": "the signs are much stronger than when this was last told"}


def message(alert: Alert, context: Context) -> Message:
    """Returns an alert as it stands, small numbers suppressed, at most LIMIT characters of text."""
    return _whole(alert, context, None)


def tell(alert: Alert, context: Context, before: Message | None = None) -> Telling:
    """Returns what a period's change of an alert says: the alert as it stands, and what is new since it was last told.

    before: the alert as it stood; what people said of it is kept, and lines that say the same are not told again.
    """
    stands = _whole(alert, context, before)
    return Telling(stands, None if context.now == "opened" else _news(stands, context, before))


def _whole(alert: Alert, context: Context, before: Message | None) -> Message:
    """The alert as it stands: with two breakdowns a line if there is room for them, else with one."""
    shown = _shown(alert, context)
    full, short = (_written(alert, context, shown, before, most) for most in (2, 1))
    return next((made for made in (full, short) if len(made.text) <= LIMIT), fit(full))


def _written(alert: Alert, context: Context, shown: Shown | None, before: Message | None, most: int) -> Message:
    onset = None if alert.kind == "neighbours" else alert.onset
    summary = _summary(alert, context, shown)
    return Message(
        alert_id=alert.id,
        headline=_headline(alert, context, shown),
        severity=alert.severity,
        summary=with_stamps(summary, standing(alert, before, context.period)),
        lines=tuple(Line(label, text) for label, text in _lines(alert, context, shown, most) if text),
        evidence=_evidence(context),
        chart=picture(_subject(alert, context), context, shown, onset) if shown else None,
        broadcast=_became_severe(alert, context),
        answerable=context.now != "resolved",
        page=context.page,
    )


def _became_severe(alert: Alert, context: Context) -> bool:
    return context.now == "updated" and alert.severity == "high" and context.was_severity in ("low", "medium")


def _news(stands: Message, context: Context, before: Message | None) -> Message:
    """What is new since the alert was last told: why it speaks, what moved, and causes or places that are others."""
    told = {line.label: _without_numbers(line.text) for line in before.lines} if before else {}
    over = context.now == "resolved"
    lines = [
        line
        for line in stands.lines
        if line.label == "What" or (line.label in AGAIN and told.get(line.label) != _without_numbers(line.text))
    ]
    summary = f"{stands.summary} {_because(context)}" if over else _because(context)
    short = replace(stands, kind="change", summary=summary, lines=tuple(lines), evidence="", answerable=False)
    return fit(short, NEWS_LIMIT)


def _without_numbers(text: str) -> str:
    return re.sub(r"\d[\d,.]*%?", "", text)


def _because(context: Context) -> str:
    """Why an alert speaks, in plain words; a length is said in its own periods."""
    reason = clean(context.reason, 200)
    in_words = re.sub(r"(\d+) periods?", lambda found: span(int(found[1]), context.step), PLAINER.get(reason, reason))
    return sentence(in_words)


def _shown(alert: Alert, context: Context) -> Shown | None:
    history = context.history
    if history is None or history.end(context.period) == 0:
        return None
    onset = alert.onset if alert.kind != "neighbours" else context.period
    families = context.families.count if context.families else None
    return release(
        history, context.kind, context.step, onset, context.period, context.told, context.threshold, families,
        context.beside,
    )  # fmt: skip


def _lines(alert: Alert, context: Context, shown: Shown | None, most: int) -> list[tuple[str, str]]:
    moved = ("What", what(alert, context, shown))
    if context.now == "resolved":
        return [("Closed", _because(context)), moved, ("Ahead", ahead(context, shown))]
    of = excess(alert, context, shown)
    return [
        moved,
        ("Why", stages(alert, context, of)),
        ("Where", breakdowns(alert, context, PLACES, of, most)),
        ("From", breakdowns(alert, context, SOURCE, of, most)),
        ("Who", who(alert, context, of, shown, most)),
        ("Ahead", ahead(context, shown)),
        ("Others", others(context)),
        ("Linked", linked(alert, context)),
        ("Ask", _ask(alert, context, shown)),
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
    after = told and not compares and all(dimension in ("council", *PLACES) for dimension, _ in alert.slice)
    text = f"{title} {says}{where}" if after else f"{title}{where} {says}"
    return f"{text} - {period_name(context.period, context.step)}"


def _movement(alert: Alert, context: Context, shown: Shown | None) -> str:
    up, back = alert.direction == "up", context.was == "resolved"
    still = "" if context.now == "opened" or back else "still "
    again = " again" if back else ""
    if context.now == "resolved":
        stays = _stays(alert, context, shown)
        return f"staying at a {'higher' if up else 'lower'} level" if stays else "back to what is expected"
    if alert.kind == "neighbours":
        return f"{still}well {'above' if up else 'below'} our statistical neighbours{again}"
    if alert.kind == "peers":
        return still + apart(alert, context)
    if alert.kind == "drift":
        return f"{still}drifting {'up' if up else 'down'}{again}"
    rising = "rising" if context.kind == "stock" else "surging"
    return still + (rising if up else "falling") + again


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


# What to ask, and how sure we are


def _ask(alert: Alert, context: Context, shown: Shown | None) -> str:
    """The question with its place and plans filled in; both repeat what other lines may say."""
    text = clean(context.ask, 240).replace("{where}", place(alert, context).strip())
    text = text.replace("{plans}", _plans(alert, context, shown))
    return re.sub(r"\s+([,.;?])", r"\1", " ".join(text.split()))


def _plans(alert: Alert, context: Context, shown: Shown | None) -> str:
    """The plans to look at: those the message has counted, else those of the last three months without a number."""
    history = context.history
    if alert.measure == PLANS and history and shown and shown.window and shown.window.stop == shown.end:
        count = float(history.count[shown.window.start : shown.end].sum())
        start = as_date(history.periods[shown.window.start])
        if whole(count):
            return f"the {number(count)} plans started since {day(start, context.period)}"
    return f"the plans started since {context.period - REVIEWED:%B}"


def _evidence(context: Context) -> str:
    """How sure we are: one line for the foot of the message."""
    newest = f", newest {context.step} provisional" if context.provisional else ""
    parts = [
        f"data to {long_date(context.data_to)}{newest}" if context.data_to else "",
        f"extract {clean(context.extract)}" if context.extract else "",
        f"band has held {percent(context.coverage)} of the last {context.coverage_periods} {context.step}s"
        if context.coverage is not None
        else "",
        f"{context.budget[0]} of {context.budget[1]} yearly false alarms used" if context.budget else "",
        f"model {clean(context.model, 60)}" if context.model else "",
        f"config {clean(context.config, 12)}" if context.config else "",
    ]
    return sentence("; ".join(part for part in parts if part))
