"""What a move is made of, slice by slice: of the events behind a series, or of the totals that someone else counted.

Every breakdown is split into all its slices, those too small to be watched and "not recorded" among them, so that what
was counted of them and what was expected both add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import per_year
from forecaster.explain.common import UNSAID
from forecaster.explain.concentration import HISTORY_YEARS, Parts, Table, dispersion, parts
from forecaster.types import (
    SINCE_PLAN,
    TIME_ON_PLAN,
    TIME_ON_PLAN_BANDS,
    UNKNOWN,
    Events,
    Floats,
    Ints,
    Kind,
    Panel,
    SeriesKey,
    Slice,
    Stays,
    Step,
)

Bools = NDArray[np.bool_]
Places = Mapping[str, tuple[tuple[str, ...], Ints]]
TIME_ON_PLAN_YEARS = (0.25, 0.5, 1.0, 1.5)  # between TIME_ON_PLAN_BANDS
INDEPENDENT = 20.0  # events by which a pair's usual part is drawn to the product of its margins
HALF = 0.5  # of an event, added to each slice: what never happened there is not impossible
NOWHERE: Slice = ()  # the slice of what is not recorded, or is in none of the slices that are watched


@dataclass(frozen=True)
class Window:
    """The periods [start, stop) of a move of one series; known: which of those before `stop` have a value."""

    key: SeriesKey
    start: int
    stop: int
    known: Bools

    @property
    def first(self) -> int:
        """The first period with a value."""
        return int(self.known.argmax())


@dataclass(frozen=True)
class Split:
    """One breakdown of a move, or a pair: K slices that together are the whole.

    observed: what was counted since the onset (of a stock: at the end). usual: the part of the expected whole that is a
    slice's. told: the parts by families rather than events, which evidence is made of. dispersion: K. codes: which
    slice each row is in, none for totals.
    """

    dimensions: tuple[str, ...]
    slices: tuple[Slice, ...]
    observed: Floats
    usual: Floats
    told: Parts
    dispersion: Floats
    codes: Ints


class MadeOf(Protocol):
    """What a move is made of. splits: its breakdowns and pairs of them, `looked_at` of which there are.

    A factor says how much likelier the places named so far have made each row; `as_usual` is that of none.
    """

    @property
    def splits(self) -> list[Split]: ...
    @property
    def looked_at(self) -> int: ...
    @property
    def as_usual(self) -> Floats: ...
    def tilted(self, split: Split, factor: Floats) -> Floats: ...
    def raised(self, factor: Floats, split: Split, at: int) -> Floats: ...


def made_of_slices(panel: Panel, window: Window) -> MadeOf:
    """Returns what a move is made of: its events or stays where the panel has them, else its watched slices."""
    kind = panel.kinds[panel.row(window.key)]
    if kind == "stock" and panel.stays and window.key.measure in panel.stays.stocks:
        return _of_stays(panel, window, panel.stays)
    if panel.events and window.key.measure in panel.events.measures:
        return _of_events(panel, window, panel.events)
    return Totals(tuple(_splits_of_totals(panel, window)))


def who_of_slices(panel: Panel, window: Window) -> list[Split]:
    """Returns the splits that say who: how long since the last plan, of events, or on a plan, of those on one."""
    kind = panel.kinds[panel.row(window.key)]
    if kind == "stock" and panel.stays and window.key.measure in panel.stays.stocks:
        return [_of_stays(panel, window, panel.stays).by_time]
    if panel.events and window.key.measure in panel.events.measures and SINCE_PLAN in panel.events.places:
        return [_of_events(panel, window, panel.events).who(SINCE_PLAN)]
    return []


@dataclass(frozen=True)
class Rows:
    """The N events a move is made of and those before it.

    now, base: what each adds to `Table.now` and `Table.base`; weight: its part of its family; at: its period. before,
    after: of a stock only, the places of the stays open before the window and at its end.
    """

    kind: Kind
    step: Step
    window: Window
    at: Ints
    now: Floats
    base: Floats
    weight: Floats
    places: Places
    before: Places | None = None
    after: Places | None = None

    @property
    def as_usual(self) -> Floats:
        return np.ones(len(self.at))

    @cached_property
    def singles(self) -> list[Split]:
        """Every breakdown of more than one slice that the series itself is not a slice of."""
        own = {name for name, _ in self.window.key.slice}
        names = [name for name in self.places if name not in own and name != SINCE_PLAN]
        return [self._single(name) for name in names if len(np.unique(self.places[name][1])) > 1]

    @cached_property
    def splits(self) -> list[Split]:
        """Every breakdown, and every pair of which neither lies within the other."""
        return [*self.singles, *self._pairs()]

    @property
    def looked_at(self) -> int:
        return max(len(self.singles), 1)

    def tilted(self, split: Split, factor: Floats) -> Floats:
        """Returns by how much each slice's usual part grows when each row is `factor` times as likely."""
        among = self._reference
        weight = (self.base * self.weight)[among]
        codes, slices = split.codes[among], len(split.slices)
        size, more = (_binned(codes, some, slices, 1)[:, 0] for some in (weight, weight * factor[among]))
        return np.divide(more, size, out=np.ones_like(size), where=size > 0)

    def raised(self, factor: Floats, split: Split, at: int) -> Floats:
        """Returns the factor that makes one slice as large a part as it was, given what it is already."""
        now = split.told.now[:, 0]
        expected = split.told.usual[:, 0] * self.tilted(split, factor)
        odds = (now[at] + HALF) / (now.sum() - now[at] + HALF)
        usual = max(expected[at] / expected.sum(), 1e-9)
        return np.where(split.codes == at, factor * odds * (1 - usual) / usual, factor)

    @cached_property
    def _reference(self) -> Ints:
        """The rows whose mix is the usual one: a share's in the window, else those of the history before it."""
        if self.kind == "share":
            return np.flatnonzero(self.at >= self.window.start)
        return np.flatnonzero((self.at < self.window.start) & (self.at >= self.window.start - self._history))

    @property
    def _history(self) -> int:
        return min(HISTORY_YEARS * per_year(self.step), max(self.window.start - self.window.first, 1))

    def _pairs(self) -> Iterator[Split]:
        for one, other in combinations(self.singles, 2):
            codes = one.codes * len(other.slices) + other.codes
            if not _nested(one, other, codes):
                yield self._pair(one, other, codes)

    def _single(self, name: str) -> Split:
        labels, codes = self.places[name]
        size, w = len(labels), self.window
        told = self._newest(codes, size, self.weight, HALF)
        cells = codes * w.stop + self.at
        now, base = (_binned(cells, values * self.weight, size, w.stop) for values in (self.now, self.base))
        spread = dispersion(Table(self.kind, now, base), w.start, w.stop, w.first, self.step)
        observed, usual = self._plain((name,), codes, size, HALF)
        slices = tuple(_inside(w.key.slice, ((name, label),)) for label in labels)
        return Split((name,), slices, observed, usual, told, spread, codes)

    def _pair(self, one: Split, other: Split, codes: Ints) -> Split:
        size = len(one.slices) * len(other.slices)
        prior = INDEPENDENT * np.outer(one.told.usual[:, 0], other.told.usual[:, 0]).ravel()
        told = self._newest(codes, size, self.weight, prior)
        names = (*one.dimensions, *other.dimensions)
        observed, usual = self._plain(names, codes, size, prior)
        own = len(self.window.key.slice)
        slices = tuple((*a, *b[own:]) if a and b else NOWHERE for a in one.slices for b in other.slices)
        spread = np.maximum.outer(one.dispersion, other.dispersion).ravel()
        return Split(names, slices, observed, usual, told, spread, codes)

    def _newest(self, codes: Ints, size: int, weight: Floats, prior: Floats | float) -> Parts:
        """The parts of the window, from a table of two bins: the history before it, and itself."""
        w = self.window
        kept = self.at >= w.start - self._history
        cells = codes[kept] * 2 + (self.at[kept] >= w.start)
        now, base = (_binned(cells, (values * weight)[kept], size, 2) for values in (self.now, self.base))
        if self.kind == "stock":
            base[:, 0] = base[:, 0] * ((w.stop - w.start) / self._history)
        return parts(Table(self.kind, now, base), np.array([1]), np.array([2]), 1, prior)

    def _plain(self, names: tuple[str, ...], codes: Ints, size: int, prior: Floats | float) -> tuple[Floats, Floats]:
        """What was counted of each slice, and its usual part, all events alike."""
        if self.before is not None and self.after is not None:
            before, after = (_level(places, names, size) for places in (self.before, self.after))
            return after, (before + prior) / (before + prior).sum()
        plain = self._newest(codes, size, np.ones(len(codes)), prior)
        return plain.now[:, 0], plain.usual[:, 0]

    def who(self, name: str) -> Split:
        """Returns what those who count are made of, by a breakdown that may decide whether they count."""
        mine = self.now > 0
        labels, codes = self.places[name]
        at, now, weight = self.at[mine], self.now[mine], self.weight[mine]
        counted = replace(
            self, kind="flow", at=at, now=now, base=now, weight=weight, places={name: (labels, codes[mine])}
        )
        return counted._single(name)

    @property
    def by_time(self) -> Split:
        """How long those on a plan have been on one."""
        assert self.before is not None and self.after is not None
        labels = self.before[TIME_ON_PLAN][0]
        before, after = (_level(places, (TIME_ON_PLAN,), len(labels)) for places in (self.before, self.after))
        usual = (before + HALF) / (before + HALF).sum()
        slices = tuple(_inside(self.window.key.slice, ((TIME_ON_PLAN, label),)) for label in labels)
        told = Parts(after[:, None], usual[:, None])
        return Split((TIME_ON_PLAN,), slices, after, usual, told, np.full(len(labels), 2.0), np.zeros(0, np.int64))


def _binned(cells: Ints, weight: Floats, size: int, bins: int) -> Floats:
    """The sum of the weights in each of size x bins cells."""
    return np.bincount(cells, weight, size * bins).astype(np.float64).reshape(size, bins)


def _inside(own: Slice, where: Slice) -> Slice:
    """The slice within a series' own; one that is not recorded has no name."""
    return NOWHERE if any(label == UNSAID for _, label in where) else (*own, *where)


def _level(places: Places, names: tuple[str, ...], size: int) -> Floats:
    """How many stays there are of each slice of a breakdown or pair."""
    codes = np.zeros(len(places[names[0]][1]), np.int64)
    for name in names:
        codes = codes * len(places[name][0]) + places[name][1]
    return np.bincount(codes, minlength=size).astype(np.float64)


def _nested(one: Split, other: Split, codes: Ints) -> bool:
    """Whether every slice of one breakdown lies in a single slice of the other."""
    return len(np.unique(codes)) <= max(len(np.unique(one.codes)), len(np.unique(other.codes)))


def _of_events(panel: Panel, window: Window, events: Events) -> Rows:
    """What a flow or share is made of."""
    counting = events.measures[window.key.measure]
    yes = np.ones(len(counting.rows)) if counting.yes is None else counting.yes.astype(np.float64)
    at = events.period[counting.rows]
    inside = at < window.stop
    inside[inside] = window.known[at[inside]]
    for name, value in window.key.slice:
        labels, codes = events.places.get(name, ((), np.zeros(0, np.int64)))
        inside &= codes[counting.rows] == labels.index(value) if value in labels else False
    rows, at, kind = counting.rows[inside], at[inside], panel.kinds[panel.row(window.key)]
    places = {name: (labels, codes[rows]) for name, (labels, codes) in events.places.items()}
    weight = _of_family(events.family[rows], at)
    return Rows(kind, panel.step, window, at, yes[inside], np.ones(len(rows)), weight, places)


def _of_family(family: Ints, at: Ints) -> Floats:
    """One over how many events of its family came with each in one period; 1 where families are not known."""
    weight, named = np.ones(len(family)), np.flatnonzero(family >= 0)
    together = family[named] * (int(at.max(initial=0)) + 1) + at[named]
    _, which, size = np.unique(together, return_inverse=True, return_counts=True)
    weight[named] = 1 / size[which]
    return weight


def _of_stays(panel: Panel, window: Window, stays: Stays) -> Rows:
    """What a stock is made of: the openings and the ends of its stays, and who was open before and after."""
    since, ended = stays.stocks[window.key.measure].since, stays.ended
    mine = stays.of(window.key) & (since < ended)
    opened = np.flatnonzero(mine & (since >= 0) & (since < window.stop))
    closed = np.flatnonzero(mine & (ended >= 0) & (ended < window.stop))
    rows = np.concatenate([opened, closed])
    sign = np.repeat([1.0, -1.0], [len(opened), len(closed)])
    at = np.concatenate([since[opened], ended[closed]])
    places = {name: (labels, codes[rows]) for name, (labels, codes) in stays.places.items()}
    open_then = [
        _with_time(panel.step, stays, np.flatnonzero(mine & (since <= end) & (ended > end)), end)
        for end in (window.start - 1, window.stop - 1)
    ]
    ones = np.ones(len(rows))
    return Rows("stock", panel.step, window, at, sign, ones, ones, places, *open_then)


def _with_time(step: Step, stays: Stays, rows: Ints, period: int) -> Places:
    """The places of some stays, and how long they had lasted by the end of a period."""
    dated = stays.opened[rows] > UNKNOWN
    years = np.where(dated, period - stays.opened[rows], 0) / per_year(step)
    band = np.where(dated, np.searchsorted(TIME_ON_PLAN_YEARS, years, "right"), len(TIME_ON_PLAN_BANDS))
    places = {name: (labels, codes[rows]) for name, (labels, codes) in stays.places.items()}
    return places | {TIME_ON_PLAN: ((*TIME_ON_PLAN_BANDS, UNSAID), band)}


@dataclass(frozen=True)
class Totals:
    """What a move is made of where only totals are known: each breakdown apart, as nothing says how they overlap."""

    found: tuple[Split, ...]
    as_usual: Floats = field(default_factory=lambda: np.ones(0))

    @property
    def splits(self) -> list[Split]:
        return list(self.found)

    @property
    def looked_at(self) -> int:
        return max(len(self.found), 1)

    def tilted(self, split: Split, factor: Floats) -> Floats:
        """Returns ones: the places named before say nothing of another breakdown's."""
        return np.ones(len(split.slices))

    def raised(self, factor: Floats, split: Split, at: int) -> Floats:
        return factor


def _splits_of_totals(panel: Panel, window: Window) -> Iterator[Split]:
    """Every breakdown of a series that the panel has, with the rest of the series that is in no slice."""
    own, whole = window.key.slice, panel.row(window.key)
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(panel.keys):
        if key.measure == window.key.measure and len(key.slice) > len(own) and set(own) <= set(key.slice):
            names = tuple(name for name, _ in key.slice if name not in dict(own))
            groups.setdefault(names, []).append(row)
    for names, rows in groups.items():
        slices = (*(panel.keys[row].slice for row in rows), NOWHERE)
        yield _split_of_totals(panel, window, names, slices, [whole, *rows])


def _split_of_totals(
    panel: Panel, window: Window, names: tuple[str, ...], slices: tuple[Slice, ...], rows: list[int]
) -> Split:
    kind = panel.kinds[rows[0]]
    count, of = (_with_rest(array[rows, : window.stop], window.known) for array in (panel.count, panel.of))
    table = _totals_table(kind, count, of)
    start, stop = np.array([window.start]), np.array([window.stop])
    told = parts(table, start, stop, HISTORY_YEARS * per_year(panel.step))
    spread = dispersion(table, window.start, window.stop, window.first, panel.step)
    observed, usual = told.now[:, 0], told.usual[:, 0]
    if kind == "stock":
        before = count[:, max(window.start - 1, 0)] + HALF
        observed, usual = count[:, -1], before / before.sum()
    return Split(names, slices, observed, usual, told, spread, np.zeros(0, np.int64))


def _with_rest(rows: Floats, known: Bools) -> Floats:
    """The slices of a series (its first row), and what of it is in none of them; zero where it has no value."""
    counts = np.where(known, np.nan_to_num(rows), 0.0)
    return np.vstack([counts[1:], np.maximum(counts[0] - counts[1:].sum(axis=0), 0.0)])


def _totals_table(kind: Kind, count: Floats, of: Floats) -> Table:
    if kind == "share":
        return Table(kind, count, of)
    if kind == "flow":
        return Table(kind, count, count)
    moves = np.diff(count, axis=1, prepend=count[:, :1])
    return Table(kind, moves, np.square(moves))
