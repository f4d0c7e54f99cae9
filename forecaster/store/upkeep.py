"""Small things around the data: health, heartbeat, published benchmarks, kept fits, and erasing a child."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from sqlalchemy import Connection, func, select

from forecaster.store.codec import from_text, to_text
from forecaster.store.engine import insert
from forecaster.store.schema import alerts, benchmarks, deliveries, events, extracts, fits, heartbeats, totals
from forecaster.types import Benchmark, Fits, Step

_SERVICE = "service"
_FITS_KEPT = dt.timedelta(days=60)  # since a run last had a use for them


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
        last_received=last_received(connection),
        open_alerts=connection.scalar(still_open) or 0,
        deliveries=dict(connection.execute(states).all()),
        last_heartbeat=last_heartbeat(connection),
    )


def last_received(connection: Connection) -> dt.datetime | None:
    """Returns when data was last read, None before the first."""
    newest: dt.datetime | None = connection.scalar(select(func.max(extracts.c.received)))
    return newest


def newest_event(connection: Connection, as_of: dt.datetime) -> dt.date | None:
    """Returns the day of the newest event known at a moment."""
    newest: dt.date | None = connection.scalar(select(func.max(events.c.date)).where(events.c.known_at <= as_of))
    return newest


def newest_totals(connection: Connection, as_of: dt.datetime) -> dict[Step, dt.date]:
    """Returns the newest period of each step that has totals known at a moment, weeks before months."""
    query = select(totals.c.step, func.max(totals.c.period)).where(totals.c.known_at <= as_of)
    return dict(connection.execute(query.group_by(totals.c.step).order_by(totals.c.step.desc())).all())


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


def save_fits(connection: Connection, found: Mapping[str, Mapping[str, Sequence[float]]], day: dt.date) -> None:
    """Writes the fits of a run in the place of older ones of the same model and series; drops what is out of use."""
    connection.execute(fits.delete().where(fits.c.used < day - _FITS_KEPT))
    rows = [{"name": name, "used": day, "body": json.dumps(kept)} for name, kept in found.items()]
    if rows:
        new = insert(connection, fits)
        replaced = {"used": new.excluded.used, "body": new.excluded.body}
        connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=replaced), rows)


def read_fits(connection: Connection) -> Fits:
    """Returns the fits that are kept."""
    return {name: json.loads(body) for name, body in connection.execute(select(fits.c.name, fits.c.body))}
