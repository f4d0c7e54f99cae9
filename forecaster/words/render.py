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

from forecaster.calendar import long_date, period_name
from forecaster.messages import Line, Message, Telling
from forecaster.types import Alert, Slice
from forecaster.words.attribution import COMPARISONS, PLACES, SOURCE, breakdowns, excess, place, stages, who
from forecaster.words.comparing import apart, beside_others, linked, others
from forecaster.words.context import Ahead, Comparison, Context, Families, History, Linked, YearEnd
from forecaster.words.figures import observed_as_told, settled, size, what
from forecaster.words.fitting import LIMIT, NEWS_LIMIT, fit, length, shorter
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

PLANS = "plan_starts"  # the measure whose count a question may name
AGAIN = ("Why", "Where", "From", "Who")  # lines that news repeats when they say something else than before
# "Children on a plan": what is counted, and where or how it is.
_LEVEL = re.compile(r"([^ ]+) ((?:on|in|open|with|under|at|over|looked)\b.*)")
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
    return Telling(stands, None if context.now == "opened" else _news(stands, alert, context, before))


def _whole(alert: Alert, context: Context, before: Message | None) -> Message:
    """The alert as it stands, as fully as there is room for it."""
    alert, context = _as_told(alert, context)
    shown, context = _shown(alert, context), beside_others(alert, context)
    for told, most in shorter(context):
        made = _written(alert, told, shown, before, most)
        if length(made) <= LIMIT:
            break
    return fit(made)


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
        observed=(observed := observed_as_told(alert, context, shown)),
        excess=observed is not None and (excess(alert, context, shown) is not None or alert.kind == "neighbours"),
    )


def _became_severe(alert: Alert, context: Context) -> bool:
    return context.now == "updated" and alert.severity == "high" and context.was_severity in ("low", "medium")


def _news(stands: Message, alert: Alert, context: Context, before: Message | None) -> Message:
    """What is new since the alert was last told: why it speaks, what moved, and causes or places that are others."""
    told = {line.label: _said(line.text) for line in before.lines} if before else {}
    lines = [
        line
        for line in stands.lines
        if line.label == "What" or (line.label in AGAIN and not _said(line.text) <= told.get(line.label, set()))
    ]
    back = _looking_back(alert, context)
    summary = stands.summary if context.now == "resolved" else " ".join(filter(None, [_because(context), back]))
    short = replace(stands, kind="change", summary=summary, lines=tuple(lines), evidence="", answerable=False)
    return fit(short, NEWS_LIMIT)


def _told_before(alert: Alert) -> tuple[Slice, dt.date]:
    """The slice and the onset that the message before this one spoke of."""
    return alert.told_of[-2] if len(alert.told_of) > 1 else (alert.slice, alert.onset)


def _looking_back(alert: Alert, context: Context) -> str:
    """That the move is elsewhere than was told before, or is known by now to have begun on another day."""
    where, onset = _told_before(alert)
    if alert.kind == "neighbours" or (where, onset) == (alert.slice, alert.onset):
        return ""
    told = f"until now it was {_subject(replace(alert, slice=where), context)}" if where != alert.slice else ""
    began = f"looking back it began {since(alert.onset, context.period, context.step)}" if onset != alert.onset else ""
    return sentence("; ".join(filter(None, [told, began])))


def _as_told(alert: Alert, context: Context) -> tuple[Alert, Context]:
    """What is over by the name it was told by: figures of another slice, in which it was seen since, are left out."""
    where, onset = _told_before(alert)
    if context.now != "resolved" or where == alert.slice:
        return alert, context
    bare = replace(context, history=None, ahead=None, ahead_reason="", year_end=None, families=None)
    return replace(alert, slice=where, onset=onset), bare


def _said(text: str) -> set[str]:
    """The sentences of a line, without their numbers: a message with less room says fewer of them."""
    return {re.sub(r"\d[\d,.]*%?", "", one).rstrip(".") for one in text.split(". ")}


def _because(context: Context) -> str:
    """Why an alert speaks, in plain words; a length is said in its own periods."""
    reason = clean(context.reason, 160)
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
        context.beside, context.began,
    )  # fmt: skip


def _lines(alert: Alert, context: Context, shown: Shown | None, most: int) -> list[tuple[str, str]]:
    moved = ("What", what(alert, context, shown))
    if context.now == "resolved":
        return [moved, ("Ahead", ahead(alert, context, shown))]
    of = excess(alert, context, shown)
    return [
        moved,
        ("Why", stages(alert, context, of, most)),
        ("Where", breakdowns(alert, context, PLACES, of, most)),
        ("From", breakdowns(alert, context, SOURCE, of, most)),
        ("Who", who(alert, context, of, shown, most)),
        ("Ahead", ahead(alert, context, shown)),
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
    if told and context.kind == "stock" and not compares:
        return f"{_level(alert, context)}{where} - {period_name(context.period, context.step)}"
    says = ("are " if context.plural else "is ") + _movement(alert, context, shown)
    after = told and not compares and all(dimension in ("council", *PLACES) for dimension, _ in alert.slice)
    text = f"{title} {says}{where}" if after else f"{title}{where} {says}"
    return f"{text} - {period_name(context.period, context.step)}"


def _level(alert: Alert, context: Context) -> str:
    """What a level does: "More children are on a child protection plan", later "More … than expected are still …"."""
    more = "More" if alert.direction == "up" else "Fewer"
    again = "Again " if context.was == "resolved" else ""
    title = clean(context.title, 80)
    title = title[:1].lower() + title[1:]
    found = _LEVEL.fullmatch(title)
    counted, rest = found.groups() if found else (title, "")
    still = "" if context.now == "opened" or again else " than expected"
    verb = f" are{' still' if still else ''} " if rest else ""
    return f"{again}{more.lower() if again else more} {counted}{still}{verb}{rest}"


def _movement(alert: Alert, context: Context, shown: Shown | None) -> str:
    up, back = alert.direction == "up", context.was == "resolved"
    still = "" if context.now == "opened" or back else "still "
    again = " again" if back else ""
    if context.now == "resolved":
        stays = settled(alert, context, shown)
        return f"staying at a {'higher' if up else 'lower'} level" if stays else "back to what is expected"
    if alert.kind == "neighbours":
        return f"{still}well {'above' if up else 'below'} our statistical neighbours{again}"
    if alert.kind == "peers":
        return still + apart(alert, context)
    if alert.kind == "drift":
        return f"{still}drifting {'up' if up else 'down'}{again}"
    return still + ("surging" if up else "falling") + again


def _summary(alert: Alert, context: Context, shown: Shown | None) -> str:
    start = since(alert.onset, context.period, context.step)
    if context.now == "resolved":
        return f"Resolved: {_closed(alert, context, shown)} {_dates(alert, context)}"
    if alert.kind == "neighbours":
        return f"{alert.severity.capitalize()} severity, over the last year."
    was = f" (was {context.was_severity})" if context.was_severity not in (None, alert.severity) else ""
    much = size(alert, context, shown)
    return f"{alert.severity.capitalize()} severity{was}, since {start}{f': {much}' if much else ''}."


def _closed(alert: Alert, context: Context, shown: Shown | None) -> str:
    """Why an alert is over."""
    reason = _because(context)
    if not settled(alert, context, shown):
        return reason[:1].lower() + reason[1:]
    up = alert.direction == "up"
    return f"it has settled at a {'higher' if up else 'lower'} level, it has not {'fallen' if up else 'risen'} back."


def _dates(alert: Alert, context: Context) -> str:
    """When a move began and when it was first told, which is later."""
    step = context.step
    told = since(alert.opened, context.period, step).replace("w/c", "the week of")
    about = f"we first wrote about {told}"
    if alert.kind == "neighbours":
        return sentence(about)
    start, (_, known) = min(alert.onset, alert.opened), _told_before(alert)
    began = "it began" if known == alert.onset else "looking back it began"
    return sentence(f"{began} {since(start, context.period, step)}; {about}")


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
        if whole(count):
            return f"the {number(count)} plans started {_from(alert, context, shown)}"
    return "the plans started in the last three months"


def _from(alert: Alert, context: Context, shown: Shown) -> str:
    """Of what time a sum is: since the onset, or where points are sums of those of the chart."""
    assert shown.window is not None
    if shown.size == 1:
        return f"since {day(alert.onset, context.period)}"
    return f"in these {span(shown.window.stop - shown.window.start, context.step)}"


def _evidence(context: Context) -> str:
    """How sure we are: one line for the foot of the message."""
    newest = f", newest {context.step} provisional" if context.provisional else ""
    parts = [
        f"data to {long_date(context.data_to)}{newest}" if context.data_to else "",
        f"extract {clean(context.extract)}" if context.extract else "",
        f"band has held {percent(context.coverage)} of the last {context.coverage_periods} {context.step}s"
        if context.coverage is not None
        else "",
        _called_not_useful(*context.budget) if context.budget else "",
        f"forecast by {clean(context.model, 60)}" if context.model and (context.ahead or context.year_end) else "",
        f"config {clean(context.config, 12)}" if context.config else "",
    ]
    return sentence("; ".join(part for part in parts if part))


def _called_not_useful(count: int, accepted: int) -> str:
    """How often people called an alert not useful, beside the false alarms that the service is set to allow."""
    return f"{number(count)} alert{'' if count == 1 else 's'} called not useful in a year ({number(accepted)} accepted)"
