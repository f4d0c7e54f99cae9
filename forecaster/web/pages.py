"""What each page says, in words: from alerts and their changes to what the templates lay out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from forecaster.calendar import local_date, local_time, long_date
from forecaster.lifecycle import RANK
from forecaster.types import Alert, Transition
from forecaster.web.forms import TOKEN
from forecaster.words.wording import sentence

RECENT = dt.timedelta(days=90)  # for how long the list names what was resolved
OURSELVES = "forecaster"  # the actor of changes that no person made


@dataclass(frozen=True)
class Row:
    """One alert in the list; since: when the move began, "" where it has no beginning."""

    id: str
    headline: str
    severity: str
    since: str
    state: str
    holder: str


@dataclass(frozen=True)
class Happening:
    """One change of an alert, for a table."""

    at: dt.datetime
    when: str
    what: str
    who: str
    why: str


def is_open(alert: Alert) -> bool:
    return alert.state != "resolved"


def open_rows(alerts: Iterable[Alert]) -> list[Row]:
    """Returns the open alerts, the most severe first, then the newest."""
    newest = sorted(filter(is_open, alerts), key=lambda alert: alert.opened, reverse=True)
    return [_row(alert) for alert in sorted(newest, key=lambda alert: -RANK[alert.severity])]


def resolved_rows(alerts: Iterable[Alert], today: dt.date) -> list[Row]:
    """Returns the alerts that were resolved lately, the last one first."""
    recent = [alert for alert in alerts if alert.resolved is not None and alert.resolved >= today - RECENT]
    return [_row(alert) for alert in sorted(recent, key=lambda alert: alert.resolved or today, reverse=True)]


def _row(alert: Alert) -> Row:
    return Row(alert.id, headline(alert), alert.severity, since(alert), state(alert), holder(alert))


def headline(alert: Alert) -> str:
    """Returns the first line that was told of an alert; its id where nothing was."""
    return next(iter(alert.text.splitlines()), "") or alert.id


def since(alert: Alert) -> str:
    """Returns when the move began, "" where that has no meaning: what differs from others has no beginning."""
    return "" if alert.kind == "neighbours" else long_date(alert.onset)


def state(alert: Alert) -> str:
    """Returns how an alert stands."""
    if alert.state == "snoozed" and alert.snoozed_until:
        return f"Snoozed until {long_date(alert.snoozed_until)}"
    if alert.state == "resolved" and alert.resolved:
        return f"Resolved on {long_date(alert.resolved)}"
    return "Acknowledged" if alert.state == "acknowledged" else "Waits for an answer"


def holder(alert: Alert) -> str:
    """Returns who looks after an alert: whom it was assigned to, else who acknowledged or snoozed it; "" once over."""
    held = alert.held_by if alert.state in ("acknowledged", "snoozed") else ""
    return alert.assignee or held or ("nobody yet" if is_open(alert) else "")


def history(changes: Sequence[Transition]) -> list[Happening]:
    """Returns what happened to an alert, the newest first, by the clock of England."""
    return [_happening(change) for change in reversed(changes)]


def _happening(change: Transition) -> Happening:
    at = local_time(change.at)
    called = change.what in ("useful", "not useful")
    what = f"Called {change.what}" if called else change.what.capitalize()
    who = "The service" if change.actor == OURSELVES else change.actor
    return Happening(at, f"{long_date(local_date(change.at))}, {at:%H:%M}", what, who, sentence(change.reason))


def done(changes: Sequence[Transition], mark: str) -> str:
    """Returns the line that confirms a form which was sent, "" where there was none."""
    made = next((change for change in changes if mark and change.id.endswith(f"/{TOKEN}{mark}")), None)
    if made is None:
        return ""
    happened = _happening(made)
    return f"{happened.what} by {happened.who}: {made.reason}"
