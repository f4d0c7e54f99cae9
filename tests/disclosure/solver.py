"""What an attentive reader could work out: every small count that all that was shown leaves no doubt about.

The unknowns are whole numbers that are not negative: each series in each stretch of periods between the ends of what
was shown. What was shown are equations and intervals over them, and public structure is that parts add up to their
whole. A count is what its least and its largest value under all of that say (integer programming, HiGHS).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from forecaster.types import Dates, Floats, Kind, Step

Cells = tuple[str, int, int]  # a series over the periods start to stop-1
Matrix = NDArray[np.float64]
MOST = 250.0  # more than this a period nobody believes
EVEN = 1e-6
LIMIT = {"time_limit": 15.0}  # seconds for one search, far more than any takes: a range cut short might cry leak
ATTEMPTS = 3  # worlds that are looked for at random before a count is asked after by itself


class MisreadError(AssertionError):
    """What was read is not true: the grammar takes a sentence for something else than it says."""


@dataclass(frozen=True)
class Fact:
    """low <= sum of the weighted cells <= high. not_small: it is 0 or above the threshold."""

    terms: tuple[tuple[float, Cells], ...]
    low: float
    high: float
    source: str
    not_small: bool = False


def exactly(cells: Cells, value: float, source: str) -> Fact:
    return Fact(((1.0, cells),), value, value, source)


def between(cells: Cells, low: float, high: float, source: str) -> Fact:
    return Fact(((1.0, cells),), low, high, source)


@dataclass(frozen=True)
class World:
    """What is true, and what everybody knows of it: the calendar, and which series add up to which.

    truth: each series by its name ("count", "of", "team=Elm"). parts: of a series the groups that add up to it.
    spoken: slices by the names people give them. sums: series that are several others together, by name; levels: of
    each stock what it began with, what came and what went.
    """

    kind: Kind
    step: Step
    periods: Dates
    truth: Mapping[str, Floats]
    parts: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    spoken: Mapping[str, str] = field(default_factory=dict)
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    threshold: int = 5

    def value(self, cells: Cells) -> float:
        return sum(weight * float(self.truth[name][i:j].sum()) for weight, (name, i, j) in self.terms(cells))

    def terms(self, cells: Cells) -> list[tuple[float, Cells]]:
        """Returns cells as those that they are made of; of a stock the level at the end of the last period."""
        name, start, stop = cells
        if name in self.levels:
            made = zip((1.0, 1.0, -1.0), self.levels[name], (1, stop, stop), strict=True)
            return [(sign, part) for sign, flow, end in made for _, part in self.terms((flow, 0, end))]
        return [(1.0, (part, start, stop)) for part in self.sums.get(name, (name,))]


@dataclass(frozen=True)
class Recovered:
    """A small count that was given away: it lies between low and high, and that is too little room."""

    cells: Cells
    count: float
    low: float
    high: float


def given_away(low: float, high: float, threshold: int, exact: bool = False) -> bool:
    """Returns whether a small count between low and high is known.

    It is when one value is left. It is as well when only small ones are left and fewer than "5 or fewer" says: then the
    reader knows more than the rule means to tell. exact: only when one value is left.
    """
    if high - low < EVEN:
        return True
    return not exact and low > 0.5 and high < threshold + 0.5 and high - low < threshold - 1.5


class System:
    """The facts of a world as constraints on its unknowns."""

    def __init__(self, world: World, facts: Sequence[Fact]):
        self.world, self.facts = world, facts
        self._index: dict[tuple[str, int], int] = {}
        self._cut(facts)
        self._rows: list[tuple[dict[int, float], float, float]] = []
        self._gaps = 0
        for fact in facts:
            self._add(fact)
        for whole, groups in world.parts.items():
            for group in groups:
                self._add_up(whole, group)
        self._truth = np.array([world.value((name, self.cuts[at], self.cuts[at + 1])) for name, at in self._index])
        self._reduce()

    def _cut(self, facts: Sequence[Fact]) -> None:
        """Every series that was spoken of, and those that add up to or with it, in stretches between all ends."""
        ends = {end for fact in facts for _, (_, *ends) in fact.terms for end in ends}
        cells = [own for fact in facts for _, cells in fact.terms for _, own in self.world.terms(cells)]
        ends |= {end for _, *ends in cells for end in ends}
        if self.world.kind == "stock":
            ends |= {end + 1 for end in ends}
        self.cuts = sorted(ends)
        named = {name for name, _, _ in cells}
        for whole, groups in self.world.parts.items():
            for group in groups:
                if named & set(group) or (whole in named and len(group) == 2):
                    named |= {whole, *group}
        last = len(self.cuts) - 1
        self._index = {key: i for i, key in enumerate((n, at) for n in sorted(named) for at in range(last))}
        self.names = sorted(named)
        self._place = {cut: at for at, cut in enumerate(self.cuts)}

    def _vars(self, cells: Cells) -> list[tuple[int, float]]:
        """The unknowns that cells are made of, with their weights."""
        return [
            (self._index[name, at], weight)
            for weight, (name, start, stop) in self.world.terms(cells)
            for at in range(self._place[start], self._place[stop])
        ]

    def _add(self, fact: Fact) -> None:
        row: dict[int, float] = {}
        for weight, cells in fact.terms:
            for at, sign in self._vars(cells):
                row[at] = row.get(at, 0.0) + weight * sign
        self._rows.append((row, fact.low, fact.high))

    def _add_up(self, whole: str, group: Sequence[str]) -> None:
        parts = [name for one in (whole, *group) for name in self.world.sums.get(one, (one,))]
        if not all((name, 0) in self._index for name in parts):
            return
        for start, stop in zip(self.cuts[:-1], self.cuts[1:], strict=True):
            row: dict[int, float] = {}
            for sign, names in ((1.0, group), (-1.0, (whole,))):
                for at, weight in (var for name in names for var in self._vars((name, start, stop))):
                    row[at] = row.get(at, 0.0) + sign * weight
            self._rows.append((row, 0.0, 0.0))

    def _reduce(self) -> None:
        """Bounds from facts about one unknown; those that are fixed need no solving."""
        count = len(self._index)
        low, high = np.zeros(count), np.array([MOST * (self.cuts[at + 1] - self.cuts[at]) for _, at in self._index])
        for fact in self.facts:
            truth = sum(weight * self.world.value(cells) for weight, cells in fact.terms)
            if not fact.low - EVEN <= truth <= fact.high + EVEN:
                raise MisreadError(f"{fact.source!r}: {fact.terms} is {truth}, not {fact.low} to {fact.high}")
        rest = []
        for row, least, most in self._rows:
            if len(row) == 1 and (only := next(iter(row.items())))[1] == 1.0:
                at = only[0]
                low[at], high[at] = max(low[at], np.ceil(least - EVEN)), min(high[at], np.floor(most + EVEN))
            else:
                rest.append((row, least, most))
        self._low, self._high = low, high
        self._free = np.flatnonzero(high - low > EVEN)
        place = np.full(count, -1)
        place[self._free] = np.arange(len(self._free))
        matrix, least, most = np.zeros((len(rest), len(self._free))), np.zeros(len(rest)), np.zeros(len(rest))
        for i, (row, lowest, highest) in enumerate(rest):
            fixed = sum(weight * low[at] for at, weight in row.items() if place[at] < 0)
            least[i], most[i] = lowest - fixed, highest - fixed
            for at, weight in row.items():
                if place[at] >= 0:
                    matrix[i, place[at]] += weight
        there = (matrix != 0).any(axis=1)
        self._matrix, self._least, self._most = matrix[there], least[there], most[there]
        self._extra_gaps()

    def _extra_gaps(self) -> None:
        """A switch for each count that is said not to be small: nothing, or more than the threshold."""
        gaps = [fact for fact in self.facts if fact.not_small]
        rows = []
        size, place = len(self._free), {at: i for i, at in enumerate(self._free)}
        for i, fact in enumerate(gaps):
            sums, fixed, room = np.zeros(size + len(gaps)), 0.0, 1.0
            for at, sign in ((at, weight * sign) for weight, cells in fact.terms for at, sign in self._vars(cells)):
                if at in place:
                    sums[place[at]] += sign
                fixed += 0.0 if at in place else sign * self._low[at]
                room += self._high[at]
            above, below = sums.copy(), sums.copy()
            above[size + i], below[size + i] = -(self.world.threshold + 1), -room
            rows += [(above, -fixed, np.inf), (below, -np.inf, -fixed)]
        self._gaps = len(gaps)
        if gaps:
            wide = np.hstack([self._matrix, np.zeros((len(self._matrix), len(gaps)))])
            self._matrix = np.vstack([wide, *(row for row, _, _ in rows)])
            self._least = np.append(self._least, [least for _, least, _ in rows])
            self._most = np.append(self._most, [most for _, _, most in rows])

    def _solve(self, cost: Matrix) -> Matrix:
        """The unknowns of the possible world in which the cost is least."""
        if not len(self._free):
            return self._low.copy()
        bounds = Bounds(
            np.append(self._low[self._free], np.zeros(self._gaps)),
            np.append(self._high[self._free], np.ones(self._gaps)),
        )
        limits = LinearConstraint(self._matrix, self._least, self._most) if len(self._matrix) else ()
        costs = np.append(cost[self._free], np.zeros(self._gaps))
        found = milp(costs, constraints=limits, bounds=bounds)  # mostly whole numbers by themselves, and sooner
        if found.x is None or np.abs(found.x - np.rint(found.x)).max() > EVEN:
            found = milp(costs, constraints=limits, bounds=bounds, integrality=np.ones(len(costs)), options=LIMIT)
        if found.x is None:  # a matter of its tolerances: the truth is always possible
            return self._truth.copy()
        world = self._low.copy()
        world[self._free] = np.rint(found.x[: len(self._free)])
        return world

    def _stretches(self) -> list[tuple[Cells, NDArray[np.intp], Matrix]]:
        """Every small count there is to find, with its unknowns and their weights: of one stretch, or of several."""
        longest = 1 if self.world.kind == "stock" else len(self.cuts)
        series = {name: (name,) for name in self.names} | self.world.sums
        small = []
        for name, parts in series.items():
            if all((part, 0) in self._index for part in parts):
                small += [(name, i, j) for i, j in self._small(parts, longest)]
        small += [
            (name, at - 1, at)
            for name, made in self.world.levels.items()
            if all((part, 0) in self._index for flow in made for part in self.world.sums.get(flow, (flow,)))
            for at in self.cuts[1:]
            if 0.5 < self.world.value((name, at - 1, at)) < self.world.threshold + 0.5
        ]
        found = ((cells, self._vars(cells)) for cells in small)
        return [(cells, np.array([at for at, _ in own], int), np.array([w for _, w in own])) for cells, own in found]

    def _small(self, parts: Sequence[str], longest: int) -> Iterator[tuple[int, int]]:
        last = len(self.cuts) - 1
        own = np.array([[self._index[part, at] for at in range(last)] for part in parts], int)
        sums = np.concatenate([[0.0], self._truth[own].sum(axis=0).cumsum()])
        difference = sums[None, :] - sums[:, None]
        for i, j in np.argwhere((difference > 0.5) & (difference < self.world.threshold + 0.5)):
            if 0 < j - i <= longest:
                yield self.cuts[i], self.cuts[j]

    def recovered(self, exact: bool = False, seed: int = 0) -> list[Recovered]:
        """Returns the small counts that are given away; exact: only those of which one value is left."""
        wanted = self._stretches()
        if not wanted:
            return []
        rng = np.random.default_rng(seed)
        worlds = [self._truth] + [self._solve(rng.normal(size=len(self._low))) for _ in range(ATTEMPTS)]
        found = []
        for cells, at, weights in wanted:
            ranges = [float(world[at] @ weights) for world in worlds]
            if not given_away(min(ranges), max(ranges), self.world.threshold, exact):
                continue
            cost = np.zeros(len(self._low))
            np.add.at(cost, at, weights)
            worlds += [self._solve(cost), self._solve(-cost)]
            low, high = (float(world[at] @ weights) for world in worlds[-2:])
            if given_away(low, high, self.world.threshold, exact):
                found.append(Recovered(cells, self.world.value(cells), low, high))
        return found
