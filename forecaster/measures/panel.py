"""From one vintage of events to the panel: every measure, in every slice, over the same periods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.calendar import following, per_year, period_end, period_range, period_start
from forecaster.measures.definition import Condition, Measure
from forecaster.measures.families import Families, families_of, named_since
from forecaster.measures.happenings import events_of, joined
from forecaster.measures.history import BEFORE_HISTORY, Bools, History, Ints, counted, kept, labelled
from forecaster.measures.stays import stays_of
from forecaster.types import Counting, Dates, Events, Floats, Panel, SeriesKey, Slice, Step, as_date

JOINING = 2.0  # what a family that joins a stock on one day counts as at most: most have one child or two
PLACES = 4  # decimals of a family: all that is kept of a share of one
RECENT_YEARS = 2  # a slice is watched if it had enough events in so many years


def build_panel(
    events: pd.DataFrame,
    measures: Mapping[str, Measure],
    *,
    last: dt.date,
    first: dt.date | None = None,
    step: Step = "week",
    provisional: int = 1,
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

    capped: in a flow a family counts once a period, spread evenly over its events so that slices still add up. A share
    weighs its events in the same way, those that count and all of them, and capped is that share of the plain `of`: a
    group of seven repeat starters moves it like one. In a stock those of one family who joined it on one day count as
    JOINING at most: a level that rose because families are larger is still a rise. Where the source gives no family,
    families are what `day_shares` expects.

    families, largest: of the events of a flow, or those of a share that count; without a family an event is one of its
    own. NaN in a stock, and as long as more than a tenth of the events to come have no family.
    """
    history = History(events, period_end(period_start(last, step), step))
    since = {name: _observed_since(measure, history) for name, measure in measures.items()}
    periods = period_range(first or _earliest(since.values(), history.end), last, step)
    frame = _Frame(history, periods, _last_days(periods, step), step, min_slice_total)
    blocks = {name: _block(measure, frame, since[name]) for name, measure in measures.items()}
    count, of, capped, families, largest = np.concatenate([block.arrays for block in blocks.values()], axis=1)
    return Panel(
        keys=tuple(SeriesKey(name, where) for name, block in blocks.items() for where in block.slices),
        kinds=tuple(measures[name].kind for name, block in blocks.items() for _ in block.slices),
        periods=periods, step=step, count=count, of=of, capped=capped,
        provisional=provisional, families=families, largest=largest, stays=stays_of(measures, history, periods, step),
        events=_behind(measures, frame),
    )  # fmt: skip


@dataclass(frozen=True)
class _Frame:
    """What all measures share: the history, the periods, and the least size of a slice."""

    history: History
    periods: Dates
    last_days: Ints
    step: Step
    min_slice_total: int
    _kept: dict[tuple[str, tuple[Condition, ...]], _Kept] = field(default_factory=dict)

    def kept(self, measure: Measure) -> _Kept:
        """The events of a flow or share, worked out once for all measures that are about the same ones."""
        about = (str(measure.event), measure.where)
        if about not in self._kept:
            rows = kept(measure.where, self.history, self.history.rows(about[0]))
            at = self.period_of(self.history.day[rows])
            inside = at >= 0
            family = families_of(self.history, rows[inside], at[inside])
            nameless = ~named_since(family.named, at[inside], len(self.periods))
            self._kept[about] = _Kept(rows, inside, at[inside], family, nameless)
        return self._kept[about]

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
class _Kept:
    """Events of one kind. inside: which of the rows are in the periods; at and family: period and family of those."""

    rows: Ints
    inside: Bools
    at: Ints
    family: Families
    nameless: Bools  # per period: families are not known

    @cached_property
    def light(self) -> Ints:
        """Which events are not a family of their own."""
        return np.flatnonzero(self.family.share < 1)


@dataclass(frozen=True)
class _Block:
    """Series of one measure. arrays: count, of, capped, families and largest, each series x periods."""

    slices: tuple[Slice, ...]
    arrays: Floats


@dataclass(frozen=True)
class _Events:
    """The events of a flow or share, and for a share which of them count."""

    of: _Kept
    yes: Bools | None
    unjudged: Bools  # per period

    @property
    def row(self) -> Ints:
        return self.of.rows[self.of.inside]

    @cached_property
    def together(self) -> Ints:
        """Which of the events that count have brothers or sisters in their period."""
        return np.flatnonzero((self.of.family.group >= 0) & (True if self.yes is None else self.yes))

    def is_recent(self, frame: _Frame) -> Bools:
        return self.of.at >= frame.recent

    def add_up(self, codes: Ints, slices: int, frame: _Frame) -> Floats:
        total = frame.add_up(codes, self.of.at, slices)
        families = total - self._siblings(codes, slices, frame, self.of.light)
        if self.yes is None:
            capped, of = np.round(families, PLACES), np.full_like(total, np.nan)
            return np.stack([total, of, capped, *self._families(total, codes, frame)])
        count = frame.add_up(codes[self.yes], self.of.at[self.yes], slices)
        light = self.of.light[self.yes[self.of.light]]
        share = (count - self._siblings(codes, slices, frame, light)) / np.where(families > 0, families, 1.0)
        return np.stack([count, total, np.round(total * share, PLACES), *self._families(count, codes, frame)])

    def _siblings(self, codes: Ints, slices: int, frame: _Frame, light: Ints) -> Floats:
        """How many of the events are more than their families, per slice and period."""
        return frame.add_up(codes[light], self.of.at[light], slices, 1 - self.of.family.share[light])

    def _families(self, count: Floats, codes: Ints, frame: _Frame) -> tuple[Floats, Floats]:
        """How many families the events that count are of, and the events of the largest, per slice and period."""
        slices, family = len(count), self.of.family
        size = np.bincount(family.group[self.together] * slices + codes[self.together])
        pair = np.flatnonzero(size > 1)
        where, at, size = pair % slices, family.period[pair // slices], size[pair]
        families = count - frame.add_up(where, at, slices, (size - 1).astype(np.float64))
        largest = np.minimum(count, 1.0)
        for n in range(2, int(size.max(initial=1)) + 1):
            more = size >= n
            where, at, size = where[more], at[more], size[more]
            largest[where, at] = n
        unknown = np.where(self.of.nameless, np.nan, 0.0)
        return families + unknown, largest + unknown


@dataclass(frozen=True)
class _Spells:
    """The spells of a stock: row, first period that counts it, first that no longer does, weight in its family."""

    row: Ints
    start: Ints
    end: Ints
    weight: Floats
    unjudged: Bools

    def is_recent(self, frame: _Frame) -> Bools:
        return self.end >= frame.recent

    def add_up(self, codes: Ints, slices: int, frame: _Frame) -> Floats:
        unknown = np.full((slices, len(frame.periods)), np.nan)
        level, capped = (self._level(codes, slices, frame, weight) for weight in (None, self.weight))
        return np.stack([level, unknown, np.round(capped, PLACES), unknown, unknown])

    def _level(self, codes: Ints, slices: int, frame: _Frame, weight: Floats | None) -> Floats:
        over = self.end < len(frame.periods)
        joined = frame.add_up(codes, self.start, slices, weight)
        left = frame.add_up(codes[over], self.end[over], slices, None if weight is None else weight[over])
        return np.asarray(np.cumsum(joined - left, axis=1))


def _block(measure: Measure, frame: _Frame, since: int) -> _Block:
    items = _spells(measure, frame) if measure.kind == "stock" else _events(measure, frame)
    missing = items.unjudged | (frame.last_days < since)
    blocks = [
        _one_breakdown(items, frame, missing, slices, codes) for slices, codes in _groupings(measure, frame, items.row)
    ]
    slices = tuple(where for block in blocks for where in block.slices)
    return _Block(slices, np.concatenate([block.arrays for block in blocks], axis=1))


def _one_breakdown(
    items: _Events | _Spells, frame: _Frame, missing: Bools, slices: tuple[Slice, ...], codes: Ints
) -> _Block:
    arrays = items.add_up(codes, len(slices), frame)
    present = np.bincount(codes, minlength=len(slices)) > 0
    recent = np.bincount(codes[items.is_recent(frame)], minlength=len(slices))
    watched = present & (recent >= frame.min_slice_total)
    keep = [i for i, where in enumerate(slices) if not where or watched[i]]
    return _Block(tuple(slices[i] for i in keep), np.where(missing, np.nan, arrays[:, keep]))


def _groupings(measure: Measure, frame: _Frame, rows: Ints) -> Iterator[tuple[tuple[Slice, ...], Ints]]:
    """The council, then each breakdown that has at least two values: its slices, and which of them each row is in."""
    yield ((),), np.zeros(len(rows), np.int64)
    for dimension in measure.breakdowns:
        labels, codes = labelled(frame.history.column(dimension), rows)
        if len(codes) and codes.min() < codes.max():
            yield tuple(((dimension, label),) for label in labels), codes


def _events(measure: Measure, frame: _Frame) -> _Events:
    of, periods = frame.kept(measure), len(frame.periods)
    if measure.kind == "flow":
        return _Events(of, None, np.zeros(periods, bool))
    yes, unjudged = counted(measure.counted_if, frame.history, of.rows)
    return _Events(of, yes[of.inside], np.bincount(of.at[unjudged[of.inside]], minlength=periods) > 0)


def _behind(measures: Mapping[str, Measure], frame: _Frame) -> Events | None:
    """The events that flows and shares are of; those of one kind stand there once."""
    wanted = {name: _events(measure, frame) for name, measure in measures.items() if measure.kind != "stock"}
    if not wanted:
        return None
    kinds = list({id(events.of): events.of for events in wanted.values()}.values())
    rows, places = joined([kind.rows[kind.inside] for kind in kinds])
    place = {id(kind): at for kind, at in zip(kinds, places, strict=True)}
    countings = {name: Counting(place[id(events.of)], events.yes) for name, events in wanted.items()}
    period = np.concatenate([kind.at for kind in kinds])
    return events_of(frame.history, countings, rows, period, frame.step)


def _spells(measure: Measure, frame: _Frame) -> _Spells:
    spells = frame.history.spells(str(measure.opens), str(measure.closes))
    begin = spells.start + measure.open_at_least_days
    start, end = np.maximum(frame.period_of(begin), 0), frame.period_of(spells.end)
    counts = (begin < spells.end) & (start < len(frame.periods)) & (end >= 0)
    if measure.where:
        counts &= np.isin(spells.row, kept(measure.where, frame.history, spells.row))
    row, began = spells.row[counts], spells.start[counts]
    weight = np.ones(len(row))
    dated = began > BEFORE_HISTORY
    weight[dated] = np.minimum(JOINING * families_of(frame.history, row[dated], began[dated]).share, 1.0)
    return _Spells(row, start[counts], end[counts], weight, np.zeros(len(frame.periods), bool))


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
