"""Totals CSV: one count a row and period, `week` or `month`, `measure`, `count`, perhaps `of`, and any breakdowns."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.read.batches import Seen, hashes
from forecaster.read.extract import Batch, Door, ExtractKind, totals_frame
from forecaster.read.headings import locate, missing_column, resemblance
from forecaster.read.tables import Chunk, Meaning, Table, first_bytes, first_headings, interpret
from forecaster.read.values import UnusableError, day, nearest, tidy, whole
from forecaster.types import InputError, Reject, Step

SOURCE = "totals_csv"
KIND: ExtractKind = "totals"
EARLIEST = dt.date(1950, 1, 1)  # published series go back further than any child's record
Bools = NDArray[np.bool_]
Hashes = NDArray[np.uint64]
# What official statistics print for a figure that is suppressed, not available or not applicable.
_NO_FIGURE = frozenset({"c", "x", "u", "z", "k", "low", ":", "..", "."})


def recognises(path: Path, head: bytes) -> bool:
    """Returns whether the headings are those of a totals CSV, one of them perhaps missing or renamed."""
    headings = first_headings(head)
    return any(sum(found) >= 2 and found[0] >= 1 for found in
               (resemblance(headings, (step, "measure", "count")) for step in ("week", "month")))  # fmt: skip


@dataclass(frozen=True)
class _Layout:
    """Which heading is what; breakdowns are (dimension, heading), in the order of the dimensions' names."""

    step: Step
    period: str
    measure: str
    count: str
    of: str | None
    breakdowns: tuple[tuple[str, str], ...]


def read(path: Path, door: Door) -> Iterator[Batch]:
    """Returns the batches of a totals CSV; raises InputError for a missing column or a period that contradicts."""
    table = Table.open(path, first_bytes(path))
    layout = _layout(door, table.headings)
    reader = _Reader(layout, door)
    return (reader.batch(chunk) for chunk in table.chunks())


def _layout(door: Door, headings: tuple[str, ...]) -> _Layout:
    names = ("week", "month", "period", "date", "measure", "count", "of")
    places = locate(headings, {name: (name,) for name in names})
    step, period = _period_column(door, places, headings)
    for name in ("measure", "count"):
        if name not in places:
            raise missing_column(door.file, name, headings, names)
    used = {places[name] for name in (period, "measure", "count", "of") if name in places}
    rest = [heading for at, heading in enumerate(headings) if heading and at not in used]
    breakdowns = sorted((re.sub(r"\W+", "_", heading.lower()).strip("_"), heading) for heading in rest)
    of = headings[places["of"]] if "of" in places else None
    return _Layout(
        step, headings[places[period]], headings[places["measure"]], headings[places["count"]], of, tuple(breakdowns)
    )


def _period_column(door: Door, places: dict[str, int], headings: tuple[str, ...]) -> tuple[Step, str]:
    """The column's name gives the period; --period names it for a column called period or date."""
    steps: list[Step] = [step for step in ("week", "month") if step in places]
    if len(steps) == 2:
        raise InputError(door.file, "there is a week and a month column", "keep one of them", row=1, column="month")
    if steps and door.period not in (None, steps[0]):
        reason = f"the periods are {steps[0]}s but {door.period}s were asked for"
        raise InputError(door.file, reason, f"say --period {steps[0]} or leave it out", row=1, column=steps[0])
    if steps:
        return steps[0], steps[0]
    plain = next((name for name in ("period", "date") if name in places), None)
    if plain and door.period:
        return door.period, plain
    if plain:
        reason, remedy = "it does not say how long a period is", "call it week or month, or say --period week or month"
        raise InputError(door.file, reason, remedy, row=1, column=plain)
    near = next((step for step in ("week", "month") if nearest(step, headings, cutoff=0.75)), "week or month")
    raise missing_column(door.file, near, headings, ("measure", "count", "of"))


def period_start(text: str, step: Step, latest: dt.date) -> dt.date:
    """Returns the first day of a period; raises UnusableError if it is no date, no Monday or no 1st of a month."""
    written = f"{tidy(text)}-01" if step == "month" and re.fullmatch(r"\d{4}-\d{2}", tidy(text)) else text
    found = day(written, latest=latest, earliest=EARLIEST)
    if step == "week" and found.weekday():
        monday = found - dt.timedelta(days=found.weekday())
        raise UnusableError(f"{found} is not a Monday", f"name a week by its Monday ({monday})")
    if step == "month" and found.day != 1:
        raise UnusableError(f"{found} is not the 1st of a month", f"name a month by its 1st ({found.replace(day=1)})")
    return found


def _figure(text: str) -> float:
    return np.nan if tidy(text).lower() in _NO_FIGURE or not tidy(text) else float(whole(text))


def _measure(text: str) -> str:
    if not tidy(text):
        raise UnusableError("no measure", "say what is counted")
    return tidy(text)


@dataclass
class _Reader:
    """Makes batches of chunks; remembers what a text means and which rows there were."""

    layout: _Layout
    door: Door
    rows_seen: Seen = field(default_factory=Seen)
    cells_seen: Seen = field(default_factory=Seen)

    @cached_property
    def meanings(self) -> dict[str, Meaning]:
        layout, latest = self.layout, self.door.today
        found: dict[str, Meaning] = {
            "period": (layout.period, cache(lambda text: pd.Timestamp(period_start(text, layout.step, latest)))),
            "measure": (layout.measure, cache(_measure)),
            "count": (layout.count, cache(_figure)),
        }
        return found | {"of": (layout.of, cache(_figure))} if layout.of else found

    @cached_property
    def breakdowns(self) -> dict[str, Meaning]:
        return {name: (heading, cache(tidy)) for name, heading in self.layout.breakdowns}

    def batch(self, chunk: Chunk) -> Batch:
        values, bad = interpret(chunk, self.meanings)
        by, _ = interpret(chunk, self.breakdowns)
        slices, series = _slices(pd.DataFrame(by, index=chunk.frame.index), values["measure"])
        frame = totals_frame(pd.DataFrame(values).assign(slice=slices, step=self.layout.step))
        rows = chunk.frame.index.to_numpy()
        bad = {row: _too_few(row, self.layout) for row in rows[frame["of"] < frame["count"]].tolist()} | bad
        good = ~np.isin(rows, list(bad))
        repeated, conflict = self._again(frame, series, good)
        bad |= {row: _contradiction(row, self.layout) for row in rows[conflict].tolist()}
        rejects = (*chunk.rejects, *(bad[row] for row in sorted(bad)))
        return Batch(frame[good & ~repeated & ~conflict].reset_index(drop=True), rejects, int(repeated.sum()))

    def _again(self, frame: pd.DataFrame, series: Hashes, good: Bools) -> tuple[Bools, Bools]:
        """Returns which of the good rows were there before, and which say something else of the same period."""
        cell = hashes(frame[["period"]].assign(series=series))
        row = hashes(frame[["count", "of"]].assign(cell=cell))
        repeated, conflict = np.zeros_like(good), np.zeros_like(good)
        repeated[good] = self.rows_seen.again(row[good])
        conflict[good] = self.cells_seen.again(cell[good])
        return repeated, conflict & ~repeated


def _slices(by: pd.DataFrame, measure: pd.Series[Any]) -> tuple[NDArray[np.object_], Hashes]:
    """Returns the slice of each row, without the columns that are blank, and a number for its series."""
    series = hashes(by.assign(measure=measure))
    which, different = pd.factorize(series)
    names, each = list(by), by[~pd.Series(which).duplicated().to_numpy()].to_numpy().tolist()
    slices = (tuple(pair for pair in zip(names, row, strict=True) if pair[1]) for row in each)
    return np.fromiter(slices, object, len(different))[which], series


def _too_few(row: int, layout: _Layout) -> Reject:
    return Reject(f"row {row}", layout.of or "of", "of is less than count", "correct the one that is wrong")


def _contradiction(row: int, layout: _Layout) -> Reject:
    reason = f"an earlier row gives this measure, {layout.step} and slice another count"
    return Reject(f"row {row}", layout.count, reason, "keep the row that is right")
