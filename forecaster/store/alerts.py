"""Alerts as they stand, and every change they went through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from forecaster.store.codec import from_text, to_text
from forecaster.store.engine import insert
from forecaster.store.schema import alerts, transitions
from forecaster.types import Alert, State, Transition


class StaleError(Exception):
    """An alert has changed since it was read: read it again and decide again."""

    def __init__(self, alert_id: str, expected: str | None):
        super().__init__(f"alert {alert_id} is no longer {expected or 'new'}: somebody changed it; read it again")


def read(connection: Connection, open_only: bool) -> list[Alert]:
    """Returns the alerts from the first opened to the last."""
    query = select(alerts.c.body).order_by(alerts.c.opened, alerts.c.id)
    if open_only:
        query = query.where(alerts.c.state != "resolved")
    return [from_text(Alert, body) for body in connection.scalars(query)]


def find(connection: Connection, alert_id: str) -> Alert | None:
    """Returns an alert, None if there is none of this id."""
    body = connection.scalar(select(alerts.c.body).where(alerts.c.id == alert_id))
    return from_text(Alert, body) if body else None


def history(connection: Connection, alert_id: str) -> list[Transition]:
    """Returns the changes of an alert, oldest first."""
    columns = [transitions.c[name] for name in ("id", "alert_id", "at", "was", "now", "reason", "actor")]
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
    for alert in changed:
        expected = was.get(alert.id, alert.state)
        known = was.get(alert.id) is not None
        written = _change(connection, alert, expected) or (not known and _open(connection, alert))
        if not written and alert.id in was:
            raise StaleError(alert.id, expected)
    for change in new:
        connection.execute(insert(connection, transitions).values(_transition_row(change)).on_conflict_do_nothing())


def _unknown(connection: Connection, changes: Sequence[Transition]) -> list[Transition]:
    ids = [change.id for change in changes]
    known = set(connection.scalars(select(transitions.c.id).where(transitions.c.id.in_(ids))))
    return [change for change in changes if change.id not in known]


def _change(connection: Connection, alert: Alert, expected: State | None) -> bool:
    """Compare and set: only an alert that is still in the expected state is written."""
    same = (alerts.c.id == alert.id) & (alerts.c.state == expected)
    return connection.execute(alerts.update().where(same).values(_alert_row(alert))).rowcount == 1


def _open(connection: Connection, alert: Alert) -> bool:
    new = insert(connection, alerts).values(_alert_row(alert)).on_conflict_do_nothing()
    return connection.execute(new).rowcount == 1


def _alert_row(alert: Alert) -> dict[str, Any]:
    row = {name: getattr(alert, name) for name in ("id", "measure", "state", "opened", "updated")}
    return row | {"body": to_text(alert)}


def _transition_row(change: Transition) -> dict[str, Any]:
    return {name: getattr(change, name) for name in ("id", "alert_id", "at", "was", "now", "reason", "actor")}
