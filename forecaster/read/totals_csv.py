"""Totals CSV: one count a row and period, `week` or `month`, `measure`, `count`, perhaps `of`, and any breakdowns."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.read.batches import Seen, hashes
from forecaster.read.extract import Batch, Door, ExtractKind, totals_frame
from forecaster.read.headings import locate, missing_column, resemblance
from forecaster.read.tables import Chunk, Table, first_bytes, first_headings, interpret
from forecaster.read.values import UnusableError, day, nearest, tidy, whole
from forecaster.types import InputError, Reject, Slice, Step

SOURCE = "totals_csv"
KIND: ExtractKind = "totals"
EARLIEST = dt.date(1950, 1, 1)  # published series go back further than any child's record
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
    return _batches(table, layout, door)


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


def _batches(table: Table, layout: _Layout, door: Door) -> Iterator[Batch]:
    rows_seen, series_seen = Seen(), Seen()
    for chunk in table.chunks():
        yield _batch(chunk, layout, door, rows_seen, series_seen)


def _batch(chunk: Chunk, layout: _Layout, door: Door, rows_seen: Seen, series_seen: Seen) -> Batch:
    values, bad = interpret(chunk, _meanings(layout, door))
    figures = pd.DataFrame(values, index=chunk.frame.index)
    figures["slice"] = pd.Series(_slices(chunk.frame, layout.breakdowns), index=figures.index, dtype="object")
    if layout.of:
        too_few = figures.index[figures["of"].astype(float) < figures["count"].astype(float)]
        bad |= {row: _too_few(row, layout) for row in too_few.difference(list(bad))}
    figures = figures[~figures.index.isin(list(bad))]
    text = figures.astype("str")
    repeated = rows_seen.again(hashes(text))
    conflict = np.zeros(len(text), dtype=bool)
    conflict[~repeated] = series_seen.again(hashes(text.loc[~repeated, ["period", "measure", "slice"]]))
    bad |= {row: _contradiction(row, layout) for row in figures.index[conflict]}
    frame = totals_frame(figures[~repeated & ~conflict].assign(step=layout.step))
    return Batch(frame, (*chunk.rejects, *(bad[row] for row in sorted(bad))), int(repeated.sum()))


def _meanings(layout: _Layout, door: Door) -> dict[str, tuple[str, Callable[[str], object]]]:
    meanings: dict[str, tuple[str, Callable[[str], object]]] = {
        "period": (layout.period, lambda text: period_start(text, layout.step, door.today)),
        "measure": (layout.measure, _measure),
        "count": (layout.count, _figure),
    }
    return meanings | {"of": (layout.of, _figure)} if layout.of else meanings


def _slices(raw: pd.DataFrame, breakdowns: tuple[tuple[str, str], ...]) -> list[Slice]:
    """Returns the slice of each row; a blank cell means that the row is not broken down by that column."""
    cells = zip(*(raw[heading].map(tidy) for _, heading in breakdowns), strict=True) if breakdowns else [()] * len(raw)
    names = [name for name, _ in breakdowns]
    return [tuple((name, value) for name, value in zip(names, row, strict=True) if value) for row in cells]


def _too_few(row: int, layout: _Layout) -> Reject:
    return Reject(f"row {row}", layout.of or "of", "of is less than count", "correct the one that is wrong")


def _contradiction(row: int, layout: _Layout) -> Reject:
    reason = f"an earlier row gives this measure, {layout.step} and slice another count"
    return Reject(f"row {row}", layout.count, reason, "keep the row that is right")
