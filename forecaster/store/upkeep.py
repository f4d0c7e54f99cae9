"""Small things around the data: health, heartbeat, published benchmarks, and erasing a child."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TypedDict

from sqlalchemy import Connection, func, select

from forecaster.store.codec import from_text, to_text
from forecaster.store.engine import insert
from forecaster.store.schema import alerts, benchmarks, deliveries, events, extracts, heartbeats, totals
from forecaster.types import Benchmark

_SERVICE = "service"


class Health(TypedDict):
    """What `doctor` says of the store: events and totals are counted once, however many versions they have."""

    extracts: int
    events: int
    totals: int
    last_received: dt.datetime | None
    open_alerts: int
    deliveries: dict[str, int]
    last_heartbeat: dt.datetime | None


def health(connection: Connection) -> Health:
    """Returns how much there is of everything."""
    keys = select(events.c.child, events.c.date, events.c.event).distinct().subquery()
    series = select(totals.c.measure, totals.c.slice, totals.c.step, totals.c.period).distinct().subquery()
    states = select(deliveries.c.state, func.count()).group_by(deliveries.c.state).order_by(deliveries.c.state)
    still_open = select(func.count()).select_from(alerts).where(alerts.c.state != "resolved")
    return Health(
        extracts=connection.scalar(select(func.count()).select_from(extracts)) or 0,
        events=connection.scalar(select(func.count()).select_from(keys)) or 0,
        totals=connection.scalar(select(func.count()).select_from(series)) or 0,
        last_received=connection.scalar(select(func.max(extracts.c.received))),
        open_alerts=connection.scalar(still_open) or 0,
        deliveries=dict(connection.execute(states).all()),
        last_heartbeat=last_heartbeat(connection),
    )


def heartbeat(connection: Connection, now: dt.datetime) -> None:
    """Notes that the service is alive."""
    new = insert(connection, heartbeats).values(name=_SERVICE, at=now)
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={"at": now}))


def last_heartbeat(connection: Connection) -> dt.datetime | None:
    """Returns when the service last said that it is alive."""
    return connection.scalar(select(heartbeats.c.at).where(heartbeats.c.name == _SERVICE))


def erase(connection: Connection, child: str) -> int:
    """Removes every version of every event of a child (a pseudonym); returns how many rows that were."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # or the text would stay in the file's free pages
    return connection.execute(events.delete().where(events.c.child == child)).rowcount


def save_benchmarks(connection: Connection, items: Iterable[Benchmark]) -> None:
    """Writes published figures; those of the same measure and year are replaced."""
    for item in items:
        body = to_text(item)
        new = insert(connection, benchmarks).values(measure=item.measure, year=item.year, body=body)
        connection.execute(new.on_conflict_do_update(index_elements=["measure", "year"], set_={"body": body}))


def read_benchmarks(connection: Connection) -> list[Benchmark]:
    """Returns the published figures by measure and year."""
    query = select(benchmarks.c.body).order_by(benchmarks.c.measure, benchmarks.c.year)
    return [from_text(Benchmark, body) for body in connection.scalars(query)]
