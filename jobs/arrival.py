"""The "data did not arrive" alert: asks by its own clock what is there, whether or not anything was judged."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from forecaster.arrival import Clock, Feed, check, telling
from forecaster.calendar import DAY, last_complete, local_date, period_end
from forecaster.config import DAYS
from forecaster.messages import Target
from forecaster.routing import next_moment
from forecaster.settings import Settings, cron_fields
from forecaster.store import StaleError, Store
from forecaster.types import Alert, Transition
from jobs.telling import hours_of, parts_of
from jobs.watch import last_delivered

log = logging.getLogger("forecaster")


def clock_of(settings: Settings) -> Clock:
    """Returns by when data should be there: "tue 10:00" is the second working day of a week; a month has the hour."""
    when = cron_fields(settings.schedule.arrival)
    return Clock(DAYS.index(str(when["day_of_week"])) + 1, hour=int(when["hour"]), minute=int(when["minute"]))


def check_arrival(store: Store, settings: Settings, now: dt.datetime, targets: Sequence[Target]) -> list[Transition]:
    """Returns what happened to the alerts about missing data, saved with what is to be told; a repeat does nothing.

    An alert that somebody changes meanwhile is left for the next time. Where there never was any data there is nothing
    to miss: the digest says so.
    """
    clock = clock_of(settings)
    known = {alert.slice: alert for alert in store.alerts(open_only=True) if alert.kind == "arrival"}
    done = []
    for feed in feeds(store, now):
        found = check(feed, now, clock, known.get(feed.slice))
        if found and _tell(store, settings, feed, *found, targets):
            done.append(found[1])
    return done


def feeds(store: Store, now: dt.datetime) -> Iterator[Feed]:
    """Yields every kind of data that there is, and how far it goes by what is known now."""
    today, received = local_date(now), store.last_received()
    day = local_date(received) if received else None
    newest = store.newest_event(now)
    if newest:
        yield Feed("", "week", last_delivered(newest, today)[0], min(newest, today - DAY), day)
    for step, period in store.newest_totals(now).items():
        last = min(period, last_complete(today, step))
        yield Feed(f"{step}ly totals", step, last, period_end(last, step), day)


def _tell(
    store: Store, settings: Settings, feed: Feed, alert: Alert, transition: Transition, targets: Sequence[Target]
) -> bool:
    """Saves a change with what is told of it; nothing, and False, where somebody changed the alert meanwhile."""
    told = telling(alert, transition, feed, clock_of(settings), settings.config_hash, settings.telling.page)
    news, edit = (told.news, told.whole) if told.news else (told.whole, None)
    due = next_moment(transition.at, hours_of(settings), alert.severity)
    sent = [part for target in targets for part in parts_of(alert, transition, target, news, edit, due)]
    try:
        store.save_transition(replace(alert, text=told.whole.text), transition, sent)
    except StaleError as error:
        log.info("%s", error)
        return False
    return True
