"""Where a reader of records writes what it found: events of a person, and what it had to leave out."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from forecaster.read.batches import Draft
from forecaster.read.codes import band_at, band_of_age
from forecaster.read.extract import Door, event_frame
from forecaster.read.values import UnusableError, day, plans_before, tidy
from forecaster.types import Reject


class Cell(NamedTuple):
    """A value with the place it was read from."""

    value: object
    column: str
    row: int

    @property
    def is_blank(self) -> bool:
        return not tidy(self.value)


class Person(NamedTuple):
    """A child as the door lets it in; `born` and `age` serve to find the age band and go no further."""

    child: str
    gender: str | None
    ethnicity: str | None
    born: dt.date | None
    age: object = None

    def band(self, event: dt.date) -> str | None:
        """Returns the age band on the day of an event: from the birth, or else from the age the file gives."""
        return band_at(self.born, event) if self.born else band_of_age(self.age)


def birth(value: object) -> dt.date | None:
    """Returns a date of birth; None if it is missing or no date, for then only the age band is unknown."""
    try:
        return day(value, latest=dt.date.max, earliest=dt.date(1900, 1, 1))
    except UnusableError:
        return None


class Ledger:
    """Collects the events and rejects of part of a file."""

    def __init__(self, door: Door, where: str):
        self._door, self._where = door, where
        self._events: list[dict[str, Any]] = []
        self._rows: list[int] = []
        self._rejects: list[Reject] = []

    def __len__(self) -> int:
        return len(self._events)

    def refuse(self, cell: Cell, why: UnusableError) -> None:
        """Adds a reject at the place of a cell."""
        self._rejects.append(Reject(f"{self._where} {cell.row}", cell.column, why.reason, why.remedy))

    def child(self, cell: Cell) -> str | None:
        """Returns the pseudonym of a child; None, with a reject, when there is no identifier."""
        try:
            return self._door.child(cell.value)
        except UnusableError as why:
            self.refuse(cell, why)
            return None

    def day(self, cell: Cell) -> dt.date | None:
        """Returns the day of a cell; None, with a reject, when it cannot be used."""
        try:
            return self._door.day(cell.value)
        except UnusableError as why:
            self.refuse(cell, why)
            return None

    def event(self, event: str, person: Person, cell: Cell, **attributes: object) -> dt.date | None:
        """Adds an event on the day of the cell and returns that day; None, with a reject, when it cannot be used."""
        found = self.day(cell)
        if found:
            self._add(event, person, found, cell.row, attributes)
        return found

    def span(self, name: str, person: Person, start: Cell, end: Cell, row: int, **attributes: object) -> None:
        """Adds the start and, if there is one, the end of a plan or of care that stand in one row.

        With a start that cannot be used the end is left out as well; with an end that cannot, the start stands.
        """
        first = self.day(start)
        last = None if end.is_blank or not first else self.day(end)
        if first and last and last < first:
            why = UnusableError(f"the end ({last}) is before the start ({first})", "correct the date that is wrong")
            self.refuse(end, why)
        elif first:
            self._add(f"{name}_start", person, first, row, attributes)
            if last:
                # How many plans there were before is said of the start alone.
                self._add(f"{name}_end", person, last, row, attributes | {"previous_plans": None})

    def plan(self, person: Person, start: Cell, end: Cell, previous: Cell, row: int, **attributes: object) -> None:
        """Adds a child protection plan; a number of previous plans that is no number rejects it."""
        try:
            plans = None if previous.is_blank else plans_before(previous.value)
        except UnusableError as why:
            return self.refuse(previous, why)
        return self.span("plan", person, start, end, row, previous_plans=plans, **attributes)

    def _add(self, event: str, person: Person, on: dt.date, row: int, attributes: dict[str, object]) -> None:
        record = {"child": person.child, "event": event, "date": on, "age_band": person.band(on)}
        self._events.append(record | {"gender": person.gender, "ethnicity": person.ethnicity} | attributes)
        self._rows.append(row)

    def draft(self, notes: tuple[str, ...] = ()) -> Draft:
        """Returns what was collected and starts anew."""
        made = Draft(event_frame(self._events, self._rows), self._where, tuple(self._rejects), notes)
        self._events, self._rows, self._rejects = [], [], []
        return made
