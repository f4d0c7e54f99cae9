"""The one door to the database: each method is one transaction."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Collection, Iterable
from types import TracebackType

import pandas as pd
from sqlalchemy import exc

from forecaster.messages import Delivery, DeliveryState, Message, Target
from forecaster.store import alerts, engine, outbox, runs, upkeep
from forecaster.store.ingest import KINDS, Extract, ExtractKind, IngestSummary, ingest
from forecaster.store.runs import Run, RunHeader
from forecaster.store.versions import Vintages, vintages
from forecaster.types import Alert, Benchmark, Fits, Forecasts, NotRun, Panel, Signal, Step, Transition

UNUSABLE = (exc.OperationalError, exc.DatabaseError, sqlite3.OperationalError, sqlite3.DatabaseError)


class DatabaseError(Exception):
    """A database that cannot be reached, read or written: str() is one line that names the remedy."""

    def __init__(self, error: object):
        why = str(error).strip().splitlines()[0]
        super().__init__(
            f"the database cannot be used: {why}; check FORECASTER_DATABASE_URL, that the server runs, "
            "the permissions and the space on the disk"
        )


class Store:
    """SQLite or PostgreSQL behind one address. Moments go in with a time zone and come out in UTC."""

    def __init__(self, url: str):
        """Raises ValueError for an address that is neither; nothing is opened before the first use."""
        self._engine = engine.open_engine(url)
        self._writer = engine.writer(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if type(error) in UNUSABLE:  # their own kind only: an integrity or programming error is a fault of ours
            raise DatabaseError(getattr(error, "orig", error)) from error

    def migrate(self) -> None:
        """Brings the tables up to date; safe to repeat, and when two processes start together."""
        engine.migrate(self._engine)

    def ingest(self, extract: Extract, received: dt.datetime, max_reject_share: float = 0.5) -> IngestSummary:
        """Returns what an extract brought. All of it is kept, or nothing when InputError is raised."""
        with self._writer.begin() as connection:
            return ingest(connection, extract, received, max_reject_share)

    def events(self, as_of: dt.datetime | None = None) -> pd.DataFrame:
        """Returns the events known at a moment (None: now): EVENT_COLUMNS and `extract`, by child, date and event.

        `extract` is the number of the extract that a row comes from; a later extract has a higher one. The types are
        those that the readers give: texts str, dates datetime64[s], previous_plans Int64.
        """
        return self._vintages("events", as_of).at(as_of)

    def newest_event(self, as_of: dt.datetime) -> dt.date | None:
        """Returns the day of the newest event known at a moment, without reading them all."""
        with self._engine.begin() as connection:
            return upkeep.newest_event(connection, as_of)

    def newest_totals(self, as_of: dt.datetime) -> dict[Step, dt.date]:
        """Returns the newest period of each step that has totals known at a moment, weeks before months."""
        with self._engine.begin() as connection:
            return upkeep.newest_totals(connection, as_of)

    def event_vintages(self) -> Vintages:
        """Returns all versions of all events: `.at(as_of)` is `events(as_of)`, without asking the database again."""
        return self._vintages("events", None)

    def totals(self, as_of: dt.datetime | None = None) -> pd.DataFrame:
        """Returns the totals known at a moment (None: now): TOTALS_COLUMNS and `extract`, by all that names them.

        slice is a tuple of pairs, period datetime64[s], count and of float with NaN where missing.
        """
        return self._vintages("totals", as_of).at(as_of)

    def total_vintages(self) -> Vintages:
        """Returns all versions of all totals: `.at(as_of)` is `totals(as_of)`, without asking the database again."""
        return self._vintages("totals", None)

    def _vintages(self, kind: ExtractKind, as_of: dt.datetime | None) -> Vintages:
        with self._engine.begin() as connection:
            return vintages(connection, KINDS[kind].versioned, as_of, KINDS[kind].to_frame)

    def commit_run(self, run: Run) -> None:
        """Writes a run whole, its alerts and their deliveries with it; the same run again gives the same rows.

        Raises StaleError, and writes nothing, when somebody changed one of its alerts while it was computed.
        """
        with self._writer.begin() as connection:
            runs.commit(connection, run)

    def last_run(self, step: Step) -> RunHeader | None:
        """Returns the run of the newest period of a step, None before the first."""
        with self._engine.begin() as connection:
            return runs.last(connection, step)

    def runs(self) -> list[RunHeader]:
        """Returns all runs by period, then by the moment they began."""
        with self._engine.begin() as connection:
            return runs.headers(connection)

    def panel_of(self, run_id: str) -> Panel | None:
        """Returns the panel that a run saw, None if there is no such run."""
        with self._engine.begin() as connection:
            return runs.panel_of(connection, run_id)

    def forecasts_of(self, run_id: str) -> Forecasts | None:
        """Returns what a run foretold, None if it made no forecasts."""
        with self._engine.begin() as connection:
            return runs.forecasts_of(connection, run_id)

    def signals_of(self, run_id: str) -> list[Signal]:
        """Returns what the detectors found in a run."""
        with self._engine.begin() as connection:
            return runs.signals_of(connection, run_id)

    def not_run_of(self, run_id: str) -> list[NotRun]:
        """Returns what could not be judged in a run, with the reasons."""
        with self._engine.begin() as connection:
            return runs.not_run_of(connection, run_id)

    def alerts(self, open_only: bool = False) -> list[Alert]:
        """Returns the alerts from the first opened to the last."""
        with self._engine.begin() as connection:
            return alerts.read(connection, open_only)

    def alert(self, alert_id: str) -> Alert | None:
        """Returns an alert, None if there is none of this id."""
        with self._engine.begin() as connection:
            return alerts.find(connection, alert_id)

    def transitions(self, alert_id: str) -> list[Transition]:
        """Returns the changes of an alert, oldest first."""
        with self._engine.begin() as connection:
            return alerts.history(connection, alert_id)

    def save_transition(self, alert: Alert, transition: Transition, deliveries: Iterable[Delivery] = ()) -> None:
        """Writes a changed alert with its change and what is to be told.

        Raises StaleError, and writes nothing, when the alert is no longer in the state `transition.was`.
        """
        with self._writer.begin() as connection:
            alerts.save(connection, [alert], [transition])
            outbox.add(connection, deliveries)

    def ratings(self) -> dict[tuple[str, str], int]:
        """Returns how often people called the alerts of each detector useful or not: {(detector, "useful"): times}."""
        with self._engine.begin() as connection:
            return alerts.ratings(connection)

    def not_useful(self, since: dt.datetime) -> int:
        """Returns how many alerts people called not useful since a moment."""
        with self._engine.begin() as connection:
            return alerts.not_useful(connection, since)

    def texts(self) -> list[tuple[Target, str, str, dt.datetime]]:
        """Returns of every text about a change: to whom, of which alert and story, and when it was, oldest first."""
        with self._engine.begin() as connection:
            return outbox.texts(connection)

    def first_sent(self, alert_id: str, since: dt.datetime) -> dt.datetime | None:
        """Returns when the first text about an alert since a moment was sent, None where none was."""
        with self._engine.begin() as connection:
            return outbox.first_sent(connection, alert_id, since)

    def as_told(self, *alert_ids: str) -> list[tuple[Target, Message]]:
        """Returns of each target and each of these alerts the whole alert as it was last told there."""
        with self._engine.begin() as connection:
            return outbox.as_told(connection, alert_ids)

    def enqueue(self, deliveries: Iterable[Delivery]) -> None:
        """Puts what belongs to no change of an alert into the outbox; what was there before stays as it is."""
        with self._writer.begin() as connection:
            outbox.add(connection, deliveries)

    def claim(
        self,
        now: dt.datetime,
        owner: str,
        lease: dt.timedelta,
        alive: Callable[[str], bool],
        limit: int = 20,
        without: Collection[str] = (),
    ) -> list[Delivery]:
        """Returns deliveries that are this owner's to send until the lease is over; no other worker gets them.

        state is "claimed", or "ambiguous" where somebody may have sent it already: look before sending. `thread` is
        the receipt of the first text sent about the alert to the target. Texts of an alert come one at a time, in
        order, so claim again until nothing comes. An owner's name must not be used again after a restart. without:
        channels that get none for now.
        """
        with self._writer.begin() as connection:
            return outbox.claim(connection, now, owner, lease, alive, limit, without)

    def next_due(self, now: dt.datetime) -> dt.datetime | None:
        """Returns the moment after now at which the next delivery can be claimed, None without one."""
        with self._engine.begin() as connection:
            return outbox.next_due(connection, now)

    def channels_used(self) -> set[str]:
        """Returns the channels for which something was ever put into the outbox."""
        with self._engine.begin() as connection:
            return outbox.channels_used(connection)

    def mark_sent(self, delivery_id: str, receipt: str, now: dt.datetime) -> None:
        with self._writer.begin() as connection:
            outbox.mark_sent(connection, delivery_id, receipt, now)

    def mark_pending(self, delivery_id: str, error: str, due: dt.datetime) -> None:
        """It did not get through; to be tried again from `due` on."""
        with self._writer.begin() as connection:
            outbox.mark(connection, delivery_id, "pending", error, due)

    def mark_ambiguous(self, delivery_id: str, error: str, due: dt.datetime) -> None:
        """It may have got through; to be looked for from `due` on."""
        with self._writer.begin() as connection:
            outbox.mark(connection, delivery_id, "ambiguous", error, due)

    def mark_failed(self, delivery_id: str, error: str) -> None:
        """It will never get through; a chart that waits for it fails too."""
        with self._writer.begin() as connection:
            outbox.mark(connection, delivery_id, "failed", error, None)

    def retry_failed(self, now: dt.datetime) -> int:
        """Returns how many deliveries that had failed are to be tried again; each is looked for before it is sent.

        One about an alert of which the target was told something newer since is dropped.
        """
        with self._writer.begin() as connection:
            return outbox.retry_failed(connection, now)

    def drop(self, now: dt.datetime) -> int:
        """Returns how many deliveries that had failed, or were overdue by a day, are given up."""
        with self._writer.begin() as connection:
            return outbox.drop(connection, now)

    def overdue(self, now: dt.datetime) -> list[Delivery]:
        """Returns the deliveries that should have been sent a day ago, in the order in which they were put in."""
        with self._engine.begin() as connection:
            return outbox.overdue(connection, now)

    def deliveries(self, alert_id: str | None = None, state: DeliveryState | None = None) -> list[Delivery]:
        """Returns the deliveries in the order in which they were put in."""
        with self._engine.begin() as connection:
            return outbox.read(connection, alert_id, state)

    def erase(self, child: str) -> int:
        """Removes every version of every event of a child (a pseudonym); returns how many rows that were."""
        with self._writer.begin() as connection:
            erased = upkeep.erase(connection, child)
        engine.empty_the_log(self._engine)
        return erased

    def save_benchmarks(self, items: Iterable[Benchmark]) -> None:
        """Writes published figures; those of the same measure and year are replaced."""
        with self._writer.begin() as connection:
            upkeep.save_benchmarks(connection, items)

    def benchmarks(self) -> list[Benchmark]:
        """Returns the published figures by measure and year."""
        with self._engine.begin() as connection:
            return upkeep.read_benchmarks(connection)

    def save_fits(self, fits: Fits, day: dt.date) -> None:
        """Writes the fits of a run in the place of older ones; those of no run for two months are dropped."""
        with self._writer.begin() as connection:
            upkeep.save_fits(connection, fits, day)

    def fits(self) -> Fits:
        """Returns the fits that are kept, which a model need not make again."""
        with self._engine.begin() as connection:
            return upkeep.read_fits(connection)

    def last_received(self) -> dt.datetime | None:
        """Returns when data was last read, None before the first."""
        with self._engine.begin() as connection:
            return upkeep.last_received(connection)

    def health(self) -> upkeep.Health:
        """Returns how much there is of everything, for `doctor`."""
        with self._engine.begin() as connection:
            return upkeep.health(connection)

    def heartbeat(self, now: dt.datetime) -> None:
        """Notes that the service is alive."""
        with self._writer.begin() as connection:
            upkeep.heartbeat(connection, now)

    def last_heartbeat(self) -> dt.datetime | None:
        """Returns when the service last said that it is alive."""
        with self._engine.begin() as connection:
            return upkeep.last_heartbeat(connection)
