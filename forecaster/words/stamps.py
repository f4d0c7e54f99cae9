"""What people did about an alert, written on its message: acknowledged, snoozed, assigned, rated, not answered.

A stamp is a part of the summary, behind what the alert says of itself; a later stamp of the same kind replaces it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import replace

from forecaster.calendar import DAY, is_working_day, local_date
from forecaster.messages import Message, Telling
from forecaster.types import Alert, Transition
from forecaster.words.fitting import fit
from forecaster.words.wording import SEPARATOR, clean, day, sentence, spelled

NOBODY, NOT_HELD = "Nobody has answered", "Not acknowledged"  # the second where it is assigned to somebody
HELD = ("Acknowledged ", "Snoozed ", "Nobody ", NOT_HELD)  # whether somebody looks after it: one of them stands
OWNER, RATED, USELESS = ("Assigned ",), ("Called ",), "Called not useful "
_UNTIL = re.compile(r"\s*\(until [\d-]+\)$")  # a snooze's date, which is told in words
_UNANSWERED = re.compile(rf"^(?:{NOBODY}|{NOT_HELD})(?: for [a-z0-9 ]+)?: (.)")  # before a headline that is passed on
_NO_REASON = "it was useful"


def stamped(whole: Message, alert: Alert, transition: Transition, since: dt.date | None = None) -> Telling:
    """Returns an alert's message after what a person did, or left undone, and the news of it.

    whole: the message as it last stood; alert: after the change; since: the day on which it was told, where nobody has
    answered since. Who is told next because nobody answered gets all of the message as news, under a headline that says
    so; everyone else one line.
    """
    whole = replace(whole, headline=_UNANSWERED.sub(lambda found: found[1].upper(), whole.headline, count=1))
    stamp, why = _stamp(alert, transition, since), _reason(alert, transition)
    text = f"{stamp}: {why}" if why else stamp
    base, *stamps = whole.summary.split(SEPARATOR)
    marked = fit(replace(whole, summary=with_stamps(base, _later(stamps, text)), broadcast=False))
    if transition.what == "escalated":
        return Telling(marked, replace(marked, headline=_passed_on(whole.headline, alert, transition, since)))
    return Telling(marked, _one_line(marked, stamp, why))


def _passed_on(headline: str, alert: Alert, transition: Transition, since: dt.date | None) -> str:
    """A headline behind how long nobody has answered: "Nobody has answered for four working days: referrals are …"."""
    length = working_days_after(since, local_date(transition.at)) if since else 0
    waits = f"{_nobody(alert)} for {_working_days(length)}" if length else _nobody(alert)
    said = headline if headline[1:2].isupper() else headline[:1].lower() + headline[1:]
    return f"{waits}: {said}"


def _one_line(whole: Message, stamp: str, why: str) -> Message:
    headline = whole.headline.rpartition(" - ")[0] or whole.headline.partition(":")[0]
    subject = whole.chart.title if whole.chart else headline
    return Message(
        whole.alert_id, f"{subject}: {stamp[:1].lower()}{stamp[1:]}", whole.severity, sentence(why), (), "",
        kind="change", page=whole.page,
    )  # fmt: skip


def awake(whole: Message, alert: Alert, day: dt.date) -> Message:
    """Returns an alert's message once its snooze is over: without the stamp that somebody holds it."""
    base = whole.summary.partition(SEPARATOR)[0]
    return replace(whole, summary=with_stamps(sentence(base), standing(alert, whole, day)), broadcast=False)


def with_stamps(summary: str, stamps: Sequence[str]) -> str:
    """Returns a summary with the stamps behind it."""
    return SEPARATOR.join([summary.rstrip("."), *stamps]) if stamps else summary


def standing(alert: Alert, before: Message | None, period: dt.date) -> list[str]:
    """Returns the stamps that still hold for an alert: those of the message before, else what the alert knows."""
    if alert.state == "resolved":
        return []
    known = before.summary.split(SEPARATOR)[1:] if before else _known(alert, period)
    held = alert.state in ("acknowledged", "snoozed")
    return [stamp for stamp in known if held or not stamp.startswith(HELD)]


def _known(alert: Alert, period: dt.date) -> list[str]:
    until = f" until {day(alert.snoozed_until, period)}" if alert.snoozed_until else ""
    by = f" by {_plain(alert.held_by)}" if alert.held_by else ""
    held = {"acknowledged": f"Acknowledged {by.strip()}".strip(), "snoozed": f"Snoozed{until}{by}"}.get(alert.state, "")
    owner = f"Assigned to {_plain(alert.assignee)}" if alert.assignee else ""
    return [stamp for stamp in (held, owner) if stamp]


def _later(stamps: Sequence[str], new: str) -> list[str]:
    """The stamps with a new one, which replaces any of its kind."""
    kind: tuple[str, ...] = next((heads for heads in (HELD, OWNER, RATED) if new.startswith(heads)), (new,))
    kind += HELD if new.startswith(USELESS) else ()  # which answers as well
    return [*(stamp for stamp in stamps if not stamp.startswith(kind)), new]


def _stamp(alert: Alert, transition: Transition, since: dt.date | None) -> str:
    """What was done, by whom and when: "Acknowledged by A. Patel on 12 January"."""
    when, who = local_date(transition.at), _plain(transition.actor)
    by = f"by {who} on {day(when, when)}"
    match transition.what:
        case "snoozed":
            until = f"until {day(alert.snoozed_until, when)} " if alert.snoozed_until else ""
            return f"Snoozed {until}{by}"
        case "assigned":
            return f"Assigned to {_plain(alert.assignee)} {by}"
        case "useful" | "not useful":
            return f"Called {transition.what} {by}"
        case "escalated":
            reason = sentence(_plain(transition.reason, 160)).rstrip(".")
            return _unanswered(alert, since, when) if since else reason or _nobody(alert)
        case other:
            return f"{other.capitalize()} {by}"


def _unanswered(alert: Alert, since: dt.date, when: dt.date) -> str:
    """Since when nobody has answered: "Nobody has answered since Monday 15 January (four working days)"."""
    days = working_days_after(since, when)
    length = f" ({_working_days(days)})" if days else ""
    return f"{_nobody(alert)} since {since:%A} {day(since, when)}{length}"


def _nobody(alert: Alert) -> str:
    """That nobody has answered; whose it is says another stamp."""
    return NOT_HELD if alert.assignee else NOBODY


def _working_days(count: int) -> str:
    return f"{spelled(count)} working day{'' if count == 1 else 's'}"


def working_days_after(start: dt.date, end: dt.date) -> int:
    """Returns how many working days there are after one day, up to and with another."""
    return sum(is_working_day(start + i * DAY) for i in range(1, (end - start).days + 1))


def _reason(alert: Alert, transition: Transition) -> str:
    """What a person gave as the reason, without what the stamp says already."""
    reason = transition.reason
    if transition.what == "escalated" or reason == _NO_REASON:
        return ""
    if transition.what == "assigned":
        reason = reason.removeprefix(f"to {alert.assignee}").lstrip(": ")
    return _plain(_UNTIL.sub("", reason), 160).rstrip(".")


def _plain(text: str, limit: int = 40) -> str:
    """Text that people wrote, in which nothing can be taken for the end of a stamp."""
    return clean(text.replace(SEPARATOR.strip(), " "), limit)
