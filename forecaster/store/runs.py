"""One run of the pipeline, kept whole: what it saw, what it found, what it told whom."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from forecaster.messages import Delivery
from forecaster.store import alerts, outbox
from forecaster.store.codec import (
    forecasts_from_bytes,
    forecasts_to_bytes,
    from_text,
    panel_from_bytes,
    panel_to_bytes,
    to_text,
)
from forecaster.store.engine import insert
from forecaster.store.schema import forecasts, panel_vintages, runs, signals
from forecaster.types import Alert, Forecasts, NotRun, Panel, Signal, Step, Transition


@dataclass(frozen=True)
class RunHeader:
    """Which run: `period` is the first day of the newest period it judged, `started` the clock when it began.

    alpha: the limit of each series that the alarm budget allowed; false_alerts: those a year it stands for.
    """

    id: str
    as_of: dt.date
    period: dt.date
    step: Step
    started: dt.datetime
    config_hash: str
    alpha: float | None = None
    false_alerts: float | None = None


@dataclass(frozen=True)
class Run:
    """All that a run gives; `id` is the same when the same run is repeated."""

    id: str
    as_of: dt.date
    period: dt.date
    step: Step
    started: dt.datetime
    config_hash: str
    panel: Panel
    forecasts: Forecasts | None = None
    signals: tuple[Signal, ...] = ()
    not_run: tuple[NotRun, ...] = ()
    alerts: tuple[Alert, ...] = ()
    transitions: tuple[Transition, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    alpha: float | None = None
    false_alerts: float | None = None


_HEADER = tuple(column.name for column in runs.columns)


def commit(connection: Connection, run: Run) -> None:
    """Writes a run in the caller's transaction; the same run again gives the same rows.

    Raises StaleError when somebody changed one of its alerts while it was computed.
    """
    header = {name: getattr(run, name) for name in _HEADER}
    connection.execute(insert(connection, runs).values(header).on_conflict_do_nothing())
    for table in (panel_vintages, forecasts, signals):
        connection.execute(table.delete().where(table.c.run_id == run.id))
    connection.execute(panel_vintages.insert().values(run_id=run.id, body=panel_to_bytes(run.panel)))
    if run.forecasts is not None:
        connection.execute(forecasts.insert().values(run_id=run.id, body=forecasts_to_bytes(run.forecasts)))
    if findings := _findings(run):
        connection.execute(signals.insert(), findings)
    alerts.save(connection, run.alerts, run.transitions)
    outbox.add(connection, run.deliveries)


def _findings(run: Run) -> list[dict[str, Any]]:
    ran = [_finding(True, item, item.kind) for item in run.signals]
    not_run = [_finding(False, item, item.by) for item in run.not_run]
    return [{"run_id": run.id, "position": i, **finding} for i, finding in enumerate(ran + not_run)]


def _finding(ran: bool, item: Signal | NotRun, detector: str) -> dict[str, Any]:
    return {"ran": ran, "measure": item.key.measure, "detector": detector, "body": to_text(item)}


def headers(connection: Connection) -> list[RunHeader]:
    """Returns all runs by period, then by the moment they began."""
    query = select(runs).order_by(runs.c.period, runs.c.as_of, runs.c.started, runs.c.id)
    return [RunHeader(*row) for row in connection.execute(query)]


def last(connection: Connection, step: Step) -> RunHeader | None:
    """Returns the run of the newest period of a step, None before the first."""
    of_step = [header for header in headers(connection) if header.step == step]
    return of_step[-1] if of_step else None


def panel_of(connection: Connection, run_id: str) -> Panel | None:
    """Returns the panel that a run saw."""
    body = connection.scalar(select(panel_vintages.c.body).where(panel_vintages.c.run_id == run_id))
    return panel_from_bytes(body) if body else None


def forecasts_of(connection: Connection, run_id: str) -> Forecasts | None:
    """Returns what a run foretold, None if it made no forecasts."""
    body = connection.scalar(select(forecasts.c.body).where(forecasts.c.run_id == run_id))
    return forecasts_from_bytes(body) if body else None


def signals_of(connection: Connection, run_id: str) -> list[Signal]:
    """Returns what the detectors found in a run."""
    return [from_text(Signal, body) for body in connection.scalars(_bodies(run_id, ran=True))]


def not_run_of(connection: Connection, run_id: str) -> list[NotRun]:
    """Returns what could not be judged in a run."""
    return [from_text(NotRun, body) for body in connection.scalars(_bodies(run_id, ran=False))]


def _bodies(run_id: str, *, ran: bool) -> Select[Any]:
    same = (signals.c.run_id == run_id) & (signals.c.ran == ran)
    return select(signals.c.body).where(same).order_by(signals.c.position)
