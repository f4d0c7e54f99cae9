"""From one vintage of events to the panel: every measure, in every slice, over the same periods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.calendar import following, per_year, period_end, period_range, period_start
from forecaster.measures.definition import Measure
from forecaster.measures.history import Bools, History, Ints, counted, kept
from forecaster.types import Dates, Floats, Panel, SeriesKey, Slice, Step, as_date

NOT_RECORDED = "not recorded"
RECENT_YEARS = 2  # a slice is watched if it had enough events in so many years


def build_panel(
    events: pd.DataFrame,
    measures: Mapping[str, Measure],
    *,
    last: dt.date,
    first: dt.date | None = None,
    step: Step = "week",
    provisional: int = 1,
    family_cap: int = 3,
    min_slice_total: int = 30,
) -> Panel:
    """Returns the panel of all measures up to the period of `last`, the last complete one; later events are not read.

    events: EVENT_COLUMNS (a missing column is a missing value), with `extract` (a number that grows with each delivery)
    where a correction may stand beside what it corrects. Series are in the order of the measures: the council first,
    then the slices of each breakdown in order of value; a missing value is the slice "not recorded". Slices with fewer
    than `min_slice_total` events in the last two years, and breakdowns of one value, are left out.

    A period without events is zero from the first event of its kind (or of the measure's `observed_since`) on, and
    missing before. A share is missing where it cannot be judged: its look-back reaches behind the history, or what
    should follow may still come. `first` starts the periods (default: the first in which any measure is observed).

    capped: in a flow a family of n children in one period counts min(n, family_cap), spread evenly over its events so
    that slices still add up. A share weighs its events in the same way, those that count and all of them, and capped is
    that share of the plain `of`: a group of seven repeat starters moves it like three. Events without a family count in
    full; stocks are not capped.
    """
    history = History(events, period_end(period_start(last, step), step))
    since = {name: _observed_since(measure, history) for name, measure in measures.items()}
    periods = period_range(first or _earliest(since.values(), history.end), last, step)
    frame = _Frame(history, periods, _last_days(periods, step), step, family_cap, min_slice_total)
    blocks = {name: _block(measure, frame, since[name]) for name, measure in measures.items()}
    return Panel(
        keys=tuple(SeriesKey(name, where) for name, block in blocks.items() for where in block.slices),
        kinds=tuple(measures[name].kind for name, block in blocks.items() for _ in block.slices),
        periods=periods,
        step=step,
        count=np.concatenate([block.count for block in blocks.values()]),
        of=np.concatenate([block.of for block in blocks.values()]),
        capped=np.concatenate([block.capped for block in blocks.values()]),
        provisional=provisional,
    )


@dataclass(frozen=True)
class _Frame:
    """What all measures share: the history, the periods, and the limits on families and slices."""

    history: History
    periods: Dates
    last_days: Ints
    step: Step
    family_cap: int
    min_slice_total: int

    @property
    def recent(self) -> int:
        """The first of the periods by which the size of a slice is judged."""
        return len(self.periods) - RECENT_YEARS * per_year(self.step)

    def period_of(self, days: Ints) -> Ints:
        """The period of each day; -1 before the first, the number of periods after the last."""
        before = days < self.periods[0].astype("datetime64[D]").astype(np.int64)
        return np.where(before, -1, np.searchsorted(self.last_days, days, "left"))

    def add_up(self, codes: Ints, at: Ints, slices: int, weight: Floats | None = None) -> Floats:
        """The sum of the weights (or the number of rows) per slice and period."""
        cells = np.bincount(codes * len(self.periods) + at, weight, slices * len(self.periods))
        return cells.astype(np.float64).reshape(slices, len(self.periods))


@dataclass(frozen=True)
class _Block:
    """Series of one measure: arrays are series x periods."""

    slices: tuple[Slice, ...]
    count: Floats
    of: Floats
    capped: Floats


@dataclass(frozen=True)
class _Events:
    """The events of a flow or share: row, period, weight in its family, and for a share whether it counts."""

    row: Ints
    at: Ints
    weight: Floats
    yes: Floats | None
    unjudged: Bools  # per period

    def is_recent(self, frame: _Frame) -> Bools:
        return self.at >= frame.recent

    def add_up(self, codes: Ints, slices: int, frame: _Frame) -> tuple[Floats, Floats, Floats]:
        total = frame.add_up(codes, self.at, slices)
        weighed = frame.add_up(codes, self.at, slices, self.weight)
        if self.yes is None:
            return total, np.full_like(total, np.nan), np.round(weighed, 9)
        count = frame.add_up(codes, self.at, slices, self.yes)
        capped = frame.add_up(codes, self.at, slices, self.yes * self.weight)
        return count, total, np.round(total * capped / np.where(weighed > 0, weighed, 1.0), 9)


@dataclass(frozen=True)
class _Spells:
    """The spells of a stock: row, first period that counts it, first that no longer does."""

    row: Ints
    start: Ints
    end: Ints
    unjudged: Bools

    def is_recent(self, frame: _Frame) -> Bools:
        return self.end >= frame.recent

    def add_up(self, codes: Ints, slices: int, frame: _Frame) -> tuple[Floats, Floats, Floats]:
        over = self.end < len(frame.periods)
        change = frame.add_up(codes, self.start, slices) - frame.add_up(codes[over], self.end[over], slices)
        level = np.cumsum(change, axis=1)
        return level, np.full_like(level, np.nan), level


def _block(measure: Measure, frame: _Frame, since: int) -> _Block:
    items = _spells(measure, frame) if measure.kind == "stock" else _events(measure, frame)
    missing = items.unjudged | (frame.last_days < since)
    blocks = [
        _one_breakdown(items, frame, missing, slices, codes) for slices, codes in _groupings(measure, frame, items.row)
    ]
    return _Block(
        tuple(where for block in blocks for where in block.slices),
        np.concatenate([block.count for block in blocks]),
        np.concatenate([block.of for block in blocks]),
        np.concatenate([block.capped for block in blocks]),
    )


def _one_breakdown(
    items: _Events | _Spells, frame: _Frame, missing: Bools, slices: tuple[Slice, ...], codes: Ints
) -> _Block:
    arrays = items.add_up(codes, len(slices), frame)
    count, of, capped = (np.where(missing, np.nan, array) for array in arrays)
    present = np.bincount(codes, minlength=len(slices)) > 0
    recent = np.bincount(codes[items.is_recent(frame)], minlength=len(slices))
    watched = present & (recent >= frame.min_slice_total)
    keep = [i for i, where in enumerate(slices) if not where or watched[i]]
    return _Block(tuple(slices[i] for i in keep), count[keep], of[keep], capped[keep])


def _groupings(measure: Measure, frame: _Frame, rows: Ints) -> Iterator[tuple[tuple[Slice, ...], Ints]]:
    """The council, then each breakdown that has at least two values: its slices, and which of them each row is in."""
    yield ((),), np.zeros(len(rows), np.int64)
    for dimension in measure.breakdowns:
        coded = frame.history.column(dimension)
        labels = coded.labels if NOT_RECORDED in coded.labels else (*coded.labels, NOT_RECORDED)
        codes = coded.codes[rows]
        codes = np.where(codes < 0, labels.index(NOT_RECORDED), codes)
        if len(codes) and codes.min() < codes.max():
            yield tuple(((dimension, label),) for label in labels), codes


def _events(measure: Measure, frame: _Frame) -> _Events:
    history = frame.history
    rows = kept(measure.where, history, history.rows(str(measure.event)))
    yes, unjudged = counted(measure.counted_if, history, rows)
    at = frame.period_of(history.day[rows])
    inside = at >= 0
    rows, at, yes, unjudged = rows[inside], at[inside], yes[inside], unjudged[inside]
    weight = _family_weights(history.family[rows], at, frame)
    if measure.kind == "flow":
        return _Events(rows, at, weight, None, np.zeros(len(frame.periods), bool))
    return _Events(
        rows, at, weight, yes.astype(np.float64), np.bincount(at[unjudged], minlength=len(frame.periods)) > 0
    )


def _family_weights(family: Ints, at: Ints, frame: _Frame) -> Floats:
    """The weight of each event, so that those of one family in one period add up to at most the cap."""
    cell = family * len(frame.periods) + at
    _, which, size = np.unique(cell, return_inverse=True, return_counts=True)
    weight = np.minimum(size, frame.family_cap) / size
    return np.where(family < 0, 1.0, weight[which])


def _spells(measure: Measure, frame: _Frame) -> _Spells:
    spells = frame.history.spells(str(measure.opens), str(measure.closes))
    begin = spells.start + measure.open_at_least_days
    start, end = np.maximum(frame.period_of(begin), 0), frame.period_of(spells.end)
    counts = (begin < spells.end) & (start < len(frame.periods)) & (end >= 0)
    if measure.where:
        counts &= np.isin(spells.row, kept(measure.where, frame.history, spells.row))
    return _Spells(spells.row[counts], start[counts], end[counts], np.zeros(len(frame.periods), bool))


def _observed_since(measure: Measure, history: History) -> int:
    """The day from which a period without events means none."""
    own = history.first(measure.event or measure.opens)
    seen = history.first(measure.observed_since)
    since = max(own, seen) if seen <= history.end else own
    return max(since, own + measure.open_at_least_days)


def _earliest(since: Iterable[int], end: int) -> dt.date:
    """The first day on which any measure is observed, or the end of the history where none is."""
    return as_date(np.datetime64(min([*since, end]), "D"))


def _last_days(periods: Dates, step: Step) -> Ints:
    after = np.append(periods[1:], following(as_date(periods[-1]), 1, step))
    days: NDArray[np.int64] = after.astype("datetime64[D]").astype(np.int64) - 1
    return days
