"""Alerts as they stand, and every change they went through."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from forecaster.store.codec import from_text, to_text
from forecaster.store.engine import insert
from forecaster.store.schema import alerts, transitions
from forecaster.types import Alert, State, Transition

_TRANSITION = ("id", "alert_id", "at", "was", "now", "reason", "actor", "change")


class StaleError(Exception):
    """An alert has changed since it was read: read it again and decide again."""

    def __init__(self, alert_id: str, expected: str | None):
        super().__init__(f"alert {alert_id} is no longer {expected or 'new'}: somebody changed it; read it again")


def read(connection: Connection, open_only: bool) -> list[Alert]:
    """Returns the alerts from the first opened to the last."""
    query = select(alerts.c.body, alerts.c.changes).order_by(alerts.c.opened, alerts.c.id)
    if open_only:
        query = query.where(alerts.c.state != "resolved")
    return [_alert(*row) for row in connection.execute(query)]


def _alert(body: str, changes: int) -> Alert:
    return replace(from_text(Alert, body), changes=changes)


def find(connection: Connection, alert_id: str) -> Alert | None:
    """Returns an alert, None if there is none of this id."""
    row = connection.execute(select(alerts.c.body, alerts.c.changes).where(alerts.c.id == alert_id)).first()
    return _alert(*row) if row else None


def history(connection: Connection, alert_id: str) -> list[Transition]:
    """Returns the changes of an alert, oldest first."""
    columns = [transitions.c[name] for name in _TRANSITION]
    query = select(*columns).where(transitions.c.alert_id == alert_id).order_by(transitions.c.position)
    return [Transition(*row) for row in connection.execute(query)]


def save(connection: Connection, changed: Iterable[Alert], changes: Sequence[Transition]) -> None:
    """Writes alerts and those of their changes that are not there yet; raises StaleError when one was overtaken.

    An alert whose changes are all there already is a repeat: what somebody did to it since then stands.
    """
    new = _unknown(connection, changes)
    was: dict[str, State | None] = {}
    for change in new:
        was.setdefault(change.alert_id, change.was)
    steps = Counter(change.alert_id for change in new)
    for alert in changed:
        later = replace(alert, changes=alert.changes + steps[alert.id])
        known = was.get(alert.id) is not None
        written = _change(connection, later, alert.changes) or (not known and _open(connection, later))
        if not written and alert.id in was:
            raise StaleError(alert.id, was[alert.id])
    for change in new:
        connection.execute(insert(connection, transitions).values(_transition_row(change)).on_conflict_do_nothing())


def _unknown(connection: Connection, changes: Sequence[Transition]) -> list[Transition]:
    ids = [change.id for change in changes]
    known = set(connection.scalars(select(transitions.c.id).where(transitions.c.id.in_(ids))))
    return [change for change in changes if change.id not in known]


def _change(connection: Connection, alert: Alert, known: int) -> bool:
    """Compare and set: only an alert that nobody has changed since it was read is written."""
    same = (alerts.c.id == alert.id) & (alerts.c.changes == known)
    return connection.execute(alerts.update().where(same).values(_alert_row(alert))).rowcount == 1


def _open(connection: Connection, alert: Alert) -> bool:
    new = insert(connection, alerts).values(_alert_row(alert)).on_conflict_do_nothing()
    return connection.execute(new).rowcount == 1


def _alert_row(alert: Alert) -> dict[str, Any]:
    row = {name: getattr(alert, name) for name in ("id", "measure", "state", "opened", "updated", "changes")}
    return row | {"body": to_text(alert)}


def _transition_row(change: Transition) -> dict[str, Any]:
    return {name: getattr(change, name) for name in _TRANSITION}


def not_useful(connection: Connection, since: dt.datetime) -> int:
    """Returns how many alerts of detectors people called not useful since a moment, and nothing better later."""
    return sum(change == "not useful" and at >= since for _, change, at in _verdicts(connection))


def ratings(connection: Connection) -> dict[tuple[str, str], int]:
    """Returns how many alerts of each detector people called useful or not: {(detector, "useful"): alerts}."""
    return dict(Counter((detector, change) for detector, change, _ in _verdicts(connection)))


def _verdicts(connection: Connection) -> list[tuple[str, str, dt.datetime]]:
    """What each alert of a detector was called last: (detector, "useful" or "not useful", when)."""
    columns = (alerts.c.body, transitions.c.alert_id, transitions.c.change, transitions.c.at)
    query = select(*columns).join(transitions, transitions.c.alert_id == alerts.c.id).order_by(transitions.c.position)
    rated = connection.execute(query.where(transitions.c.change.in_(("useful", "not useful"))))
    last = {name: (from_text(Alert, body).kind, change, at) for body, name, change, at in rated}
    return [verdict for verdict in last.values() if verdict[0] != "arrival"]
