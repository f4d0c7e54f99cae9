"""Data that did not arrive: by when it should be there, and the alert about it, on a clock of its own.

    opened -> updated (twice as many periods are missing) -> resolved (it arrived)

Nothing is judged here, so nothing here needs a panel: what is not there cannot be looked at, and silence would look
like health.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from forecaster.calendar import (
    DAY,
    LONDON,
    last_complete,
    local_date,
    long_date,
    period_end,
    period_name,
    period_range,
    to_utc,
    working_day_after,
)
from forecaster.messages import Line, Message, Telling
from forecaster.types import Alert, Slice, State, Step, Transition, as_date
from forecaster.words.wording import clean, day, sentence, span, spelled

MEASURE = "extract"
ASK = "Who exports it, did the export run, and does the file wait in the inbox or was it refused (forecaster doctor)?"
NO_ALL_CLEAR = "This is not an all-clear: what has happened since is not known."


@dataclass(frozen=True)
class Clock:
    """By when data should be there, in London's time, at the same hour and minute.

    working_day: of the next week, for a week (2: Tuesday, or the day after if that Monday is a bank holiday). after:
    days after its end for a month, or the first working day then.
    """

    working_day: int = 2
    after: int = 14
    hour: int = 10
    minute: int = 0

    @property
    def wait(self) -> dt.timedelta:
        """How long after a month's end its data may still be under way."""
        return (self.after - 1) * DAY


@dataclass(frozen=True)
class Feed:
    """One kind of data that a council sends, as far as it is there.

    name: "" for the extract of events, else "weekly totals" or "monthly totals". last: the newest whole period;
    newest: the newest day. received: the day on which anything at all was read last.
    """

    name: str
    step: Step
    last: dt.date
    newest: dt.date
    received: dt.date | None = None

    @property
    def slice(self) -> Slice:
        return ((MEASURE, self.name),) if self.name else ()


def deadline(period: dt.date, step: Step, clock: Clock) -> dt.datetime:
    """Returns the moment by which the data of the period that starts on `period` should be there."""
    end = period_end(period, step)
    last = working_day_after(end, clock.working_day) if step == "week" else working_day_after(end + clock.wait, 1)
    return to_utc(last, clock.hour, clock.minute)


def due(now: dt.datetime, step: Step, clock: Clock) -> dt.date:
    """Returns the first day of the newest period whose data should be there by now."""
    period = last_complete(local_date(now), step)
    while deadline(period, step, clock) > now:
        period = last_complete(period, step)
    return period


def missing(feed: Feed, now: dt.datetime, clock: Clock) -> list[dt.date]:
    """Returns the first days of the periods that should be there and are not, oldest first."""
    newest = due(now, feed.step, clock)
    return _dates(feed.last, newest, feed.step)[1:] if newest > feed.last else []


def _dates(first: dt.date, last: dt.date, step: Step) -> list[dt.date]:
    return [as_date(period) for period in period_range(first, last, step)]


def check(feed: Feed, now: dt.datetime, clock: Clock, previous: Alert | None) -> tuple[Alert, Transition] | None:
    """Returns the alert about data that did not arrive and what happened to it, None where there is nothing to say.

    previous: the open alert about the same feed. Asking again at the same moment gives the same ids.
    """
    gone = missing(feed, now, clock)
    if previous is None:
        return _opened(feed, gone, now) if gone else None
    if not gone:
        over = replace(previous, resolved=local_date(now), snoozed_until=None)
        return _changed(over, "resolved", feed.last, now, f"arrived on {long_date(local_date(now))}")
    if not _worth_telling(previous, len(gone), local_date(now)):
        return None
    grown = replace(previous, snoozed_until=None, held_by="", total_expected=float(len(gone)))
    return _changed(grown, "updated", gone[-1], now, _since_told(previous, len(gone), feed.step))


def _worth_telling(alert: Alert, count: int, today: dt.date) -> bool:
    """Whether to speak again: after a snooze, and each time twice as much is missing, so that nobody mutes it."""
    if alert.state == "snoozed":
        return alert.snoozed_until is not None and today >= alert.snoozed_until
    return alert.state != "acknowledged" and count >= 2 * alert.total_expected


def _since_told(alert: Alert, count: int, step: Step) -> str:
    """How many periods are missing beside how many were: "two weeks are missing now, one when we last wrote"."""
    are, then = "is" if count == 1 else "are", round(alert.total_expected)
    missing = f"{span(count, step)} {are} missing now, {spelled(then)} when we last wrote"
    same = f"{span(count, step)} {are} still missing"
    return (same if count == then else missing) + ("; the snooze is over" if alert.state == "snoozed" else "")


def _opened(feed: Feed, gone: list[dt.date], now: dt.datetime) -> tuple[Alert, Transition]:
    """Its figures count periods: none came of those expected."""
    first, name = gone[0], f"{feed.name} missing".replace(" ", "-") if feed.name else f"{MEASURE}-missing"
    alert = Alert(
        id=f"{name}-{first:%G-W%V}" if feed.step == "week" else f"{name}-{first:%Y-%m}",
        kind="arrival", measure=MEASURE, slice=feed.slice, direction="down", severity="medium", state="opened",
        opened=first, onset=first, updated=first, observed=0.0, expected=1.0, lower=1.0, upper=1.0, p_value=0.0,
        total=0.0, total_expected=float(len(gone)), worst_p=0.0,
    )  # fmt: skip
    return _changed(alert, "opened", gone[-1], now, f"{_the(gone[-1], feed.step)} was not there in time")


def _changed(alert: Alert, state: State, period: dt.date, now: dt.datetime, reason: str) -> tuple[Alert, Transition]:
    was = None if state == "opened" else alert.state
    after = replace(alert, state=state, updated=period, seen=period, told=(*alert.told, period), spoke=now)
    return after, Transition(f"{alert.id}/{local_date(now)}/{state}", alert.id, now, was, state, reason)


# In words


def telling(
    alert: Alert, transition: Transition, feed: Feed, clock: Clock, config: str = "", page: str = ""
) -> Telling:
    """Returns what one change of an alert about missing data says: the whole, and for a thread only what is new.

    page: where alerts can be looked at, "" where nowhere.
    """
    whole = message(alert, transition, feed, clock, config)
    whole = replace(whole, page=f"{page}/alerts/{alert.id}" if page else "")
    if transition.now == "opened":
        return Telling(whole)
    news = tuple(line for line in whole.lines if line.label in ("New", "Closed", "What"))
    return Telling(whole, replace(whole, summary="", lines=news))


def message(alert: Alert, transition: Transition, feed: Feed, clock: Clock, config: str = "") -> Message:
    """Returns the message about data that did not arrive, or has arrived since."""
    over, today = transition.now == "resolved", local_date(transition.at)
    gone = _dates(alert.opened, alert.updated, feed.step)
    gone = gone if over else [period for period in gone if period > feed.last]  # some may have come meanwhile
    made = _arrived(alert, transition, feed, gone) if over else _absent(transition, feed, clock, gone)
    return Message(
        alert_id=alert.id,
        headline=_headline(feed, gone, today, over=over),
        severity=alert.severity,
        summary="Resolved." if over else f"Medium severity. {NO_ALL_CLEAR}",
        lines=tuple(Line(label, text) for label, text in made if text),
        evidence=sentence(_evidence(transition, config)),
        kind="arrival",
        answerable=not over,
    )


def _headline(feed: Feed, gone: list[dt.date], today: dt.date, *, over: bool) -> str:
    name, has = (feed.name, "have") if feed.name else ("data", "has")
    if over:
        return f"{name[:1].upper()}{name[1:]} {has} arrived again, to {day(feed.newest, today)}"
    after = f"No {name} after {day(feed.newest, today)} {has} arrived"
    return f"{after}: {_periods(gone, feed.step, today)} could not be judged"


def _periods(gone: list[dt.date], step: Step, today: dt.date) -> str:
    """Which periods, in words: "last week", "December 2017", "three weeks"."""
    if len(gone) > 1:
        return span(len(gone), step)
    newest = step == "week" and gone[-1] == last_complete(today, step)
    return "last week" if newest else _the(gone[-1], step)


def _the(period: dt.date, step: Step) -> str:
    return ("the " if step == "week" else "") + period_name(period, step)


def _absent(transition: Transition, feed: Feed, clock: Clock, gone: list[dt.date]) -> list[tuple[str, str]]:
    by = deadline(gone[-1], feed.step, clock).astimezone(LONDON)
    read = f"; the last file was read on {long_date(feed.received)}" if feed.received else ""
    return [
        ("New", sentence(clean(transition.reason, 200)) if transition.now != "opened" else ""),
        ("What", f"{_what(feed)} for {_the(gone[-1], feed.step)} should have been there by {by:%A} "
                 f"{long_date(by.date())} at {by:%H:%M}."),
        ("Since", f"What has arrived ends on {long_date(feed.newest)}{read}."),
        ("Ask", ASK),
    ]  # fmt: skip


def _arrived(alert: Alert, transition: Transition, feed: Feed, gone: list[dt.date]) -> list[tuple[str, str]]:
    several = f"{span(len(gone), feed.step)} from " if len(gone) > 1 else ""
    return [
        ("Closed", sentence(clean(transition.reason, 200))),
        ("What", sentence(f"{several}{_the(alert.opened, feed.step)} can be judged now")),
    ]


def _what(feed: Feed) -> str:
    return f"The {feed.name}" if feed.name else "The extract"


def _evidence(transition: Transition, config: str) -> str:
    at = transition.at.astimezone(LONDON)
    return f"Checked on {long_date(at.date())} at {at:%H:%M}" + (f"; config {clean(config, 12)}" if config else "")
