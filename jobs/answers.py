"""What people do about an alert, and what happens when nobody does: the same for Slack, page and command line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace

from forecaster import lifecycle
from forecaster.calendar import local_date
from forecaster.channels import parts
from forecaster.messages import Act, Delivery, Message, Target
from forecaster.routing import escalation, next_moment
from forecaster.settings import Settings
from forecaster.store import StaleError, Store
from forecaster.types import Alert, Transition
from forecaster.words.stamps import awake, stamped
from forecaster.words.wording import clean
from jobs.telling import hours_of, parts_of, routes_of

DONE = {
    "acknowledge": "acknowledged",
    "snooze": "snoozed",
    "assign": "assigned",
    "useful": "noted as useful",
    "not useful": "noted as not useful, and silent unless it worsens",
}
TRIES = 3  # a run may save the alert at the same moment
NAME, REASON = 80, 500  # characters of what people write


def answer(store: Store, act: Act, now: dt.datetime) -> str:
    """Returns, in one line, what was done; the alert, its change and the words for everybody are saved together.

    Raises ValueError in one plain line for what cannot be done. The same click twice does it once.
    """
    act = replace(act, by=clean(act.by, NAME), to=clean(act.to, NAME), reason=clean(act.reason, REASON))
    for _ in range(TRIES):
        try:
            return _answer(store, act, now)
        except StaleError:
            continue
    raise ValueError("somebody else changed this alert at the same moment: try again")


def _answer(store: Store, act: Act, now: dt.datetime) -> str:
    alert = store.alert(act.alert_id)
    if alert is None:
        raise ValueError(f"there is no alert {act.alert_id}; `forecaster alerts` lists them")
    known = {change.id for change in store.transitions(alert.id)}
    after, transition = lifecycle.act(alert, act, local_date(now), now, known)
    if after is not None and transition is not None:
        store.save_transition(after, transition, _for_those_who_know(store, after, transition))
    until = f" until {act.until}" if act.until and act.what == "snooze" else ""
    to = f" to {act.to}" if act.what == "assign" else ""
    return f"{alert.id}: {DONE[act.what]}{to}{until} by {act.by}."


def _for_those_who_know(store: Store, alert: Alert, transition: Transition) -> Iterator[Delivery]:
    """Brings the first messages up to date and says what is new in the thread, where messages can be edited.

    Nobody gets another mail for it.
    """
    for target, whole in _as_told(store, alert).items():
        if "edit" in parts(target.channel):
            telling = stamped(whole, alert, transition)
            yield from parts_of(alert, transition, target, telling.news, telling.whole)


def _as_told(store: Store, alert: Alert) -> dict[Target, Message]:
    """Of each target the whole alert as it was last told there."""
    return dict(store.as_told(alert.id))


def _for_anybody(told: Iterable[Message]) -> Message:
    """A message without small numbers: the headline alone where only a named role was told the rest."""
    messages = list(told)
    safe = next((message for message in messages if not message.exact), None)
    return safe or replace(messages[0], lines=(), evidence="", chart=None, exact=False)


def end_snoozes(store: Store, now: dt.datetime) -> list[Transition]:
    """Returns the alerts' changes whose snooze is over: nobody is told, and first messages no longer say it."""
    return [step for alert in _of_detectors(store) if (step := _end_snooze(store, alert, now))]


def _of_detectors(store: Store) -> list[Alert]:
    """The open alerts but for those about missing data, which have a clock of their own."""
    return [alert for alert in store.alerts(open_only=True) if alert.kind != "arrival"]


def _end_snooze(store: Store, alert: Alert, now: dt.datetime) -> Transition | None:
    after, transition = lifecycle.wake(alert, now)
    if after is None or transition is None:
        return None
    edits = (
        item
        for target, whole in _as_told(store, alert).items()
        for item in parts_of(after, transition, target, None, awake(whole, after, local_date(now)))
    )
    return _saved(store, after, transition, edits)


def _saved(store: Store, alert: Alert, transition: Transition, items: Iterable[Delivery]) -> Transition | None:
    """The change, saved with what is told of it; None where somebody answered at this very moment."""
    try:
        store.save_transition(alert, transition, items)
    except StaleError:
        return None
    return transition


def escalate(store: Store, settings: Settings, now: dt.datetime) -> list[Transition]:
    """Returns the alerts' changes for which the next in line was told because nobody had answered; safe to repeat."""
    return [step for alert in _of_detectors(store) if (step := _escalate(store, settings, alert, now))]


def _escalate(store: Store, settings: Settings, alert: Alert, now: dt.datetime) -> Transition | None:
    days, heard = settings.telling.escalate_after_days, store.first_sent(alert.id, alert.spoke) if alert.spoke else None
    step = lifecycle.unanswered(alert, heard, now, days)
    next_in_line = escalation(alert, routes_of(store, settings), step) if step else []
    told = _as_told(store, alert)
    if step is None or not next_in_line or not told:
        return None
    after, transition = lifecycle.escalate(alert, step, now, days)
    if after is None or transition is None:
        return None
    due, since = next_moment(now, hours_of(settings), alert.severity), local_date(heard) if heard else None
    news = stamped(_for_anybody(told.values()), after, transition, since).news
    targets = [one.target for one in next_in_line]
    new = [item for target in targets for item in parts_of(after, transition, target, news, None, due)]
    known = [
        item
        for target, whole in told.items()
        if target not in targets
        for item in parts_of(after, transition, target, None, stamped(whole, after, transition, since).whole)
    ]
    return _saved(store, after, transition, [*new, *known])
