"""What starts, ends and how long children have been on a plan add to a change in open plans.

What ended is held against what was due to end at the usual hazards: the chance to end in a period by how long a stay
has lasted (a life table of the years before the onset, each age smoothed with those around it), by season and place.
For those on a plan at the onset and those who started since it says how many would have left by now:

    open now - expected = starts - expected starts      plan_start
                        + due to end - ended            plan_end: slower ends
                        + expected starts - due to end  time_on_plan: fewer at ages when plans end than would balance
                        + before the onset - expected   rest

For a flow of ends, ended - due is plan_end and due - expected is time_on_plan. A stock of long stays has no starts of
its own: time_on_plan is how many came within reach of it over those due to leave. The standard deviation of a part by
chance is that of the counts it is made of, by the dispersion of their baseline; the rest is never called clear.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.baseline import of_flows
from forecaster.calendar import per_year
from forecaster.explain.common import BREAKDOWNS, COMPARISONS, UNSAID
from forecaster.types import TIME_ON_PLAN, Driver, Floats, Ints, Panel, SeriesKey, Signal, Stays

STANDS_OUT = 2.0  # standard deviations beyond which a part is more than noise
LEAST_SHARE = 0.1  # of the excess: a slice's part below it is not told
LEAST_STAYS = 20  # opened or ended in two years, or a slice is one of the rest
RECENT_YEARS, USUAL_YEARS, OLDEST_YEARS = 2, 3, 3  # of a slice's size; of the life table; older stays are of one age
LEAST_YEARS = 0.5  # of ends that must be known before the onset
NEAR = {"week": 4, "month": 1}  # ages on either side that each is smoothed with, nearer ones more
EVENTS = 2.0  # ends that the hazard of all ages weighs in that of one
SAME = 10.0  # ends that weigh for a slice with the council's hazards
HIGHEST = 0.98  # chance to end in one period

TINY = 1e-9
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class _Case:
    """A signal on a stock, or on the flow of its ends, from period `onset` to `until`.

    first: the period since when ends are known. stays: those of the signal's slice; since: of each the period from
    which the stock counts it (N); least: how long they last before that.
    """

    panel: Panel
    signal: Signal
    stays: Stays
    since: Ints
    least: int
    first: int
    onset: int
    until: int

    @classmethod
    def of(cls, panel: Panel, signal: Signal, stock: str) -> _Case:
        assert panel.stays is not None
        stays = panel.stays.select(np.flatnonzero(panel.stays.of(SeriesKey(stock, signal.key.slice))))
        own = [row for row, key in enumerate(panel.keys) if key.measure == stock]
        days = (signal.onset, signal.period)
        onset, until = (int(np.searchsorted(panel.periods, np.datetime64(day))) for day in days)
        first = int(np.isfinite(panel.count[own]).any(axis=0).argmax())
        counted = stays.stocks[stock]
        return cls(panel, signal, stays, counted.since, counted.least, first, onset, until)

    @property
    def length(self) -> int:
        return len(self.panel.periods)

    @property
    def now(self) -> slice:
        return slice(self.onset, self.until + 1)

    @property
    def counted(self) -> Floats:
        """Which periods since the onset a flow of ends was counted in (1 or 0); all, for a stock."""
        row = self.panel.row(self.signal.key)
        known = np.isfinite(self.panel.count[row, self.now])
        return np.where(known | (self.panel.kinds[row] == "stock"), 1.0, 0.0)

    @property
    def within_reach(self) -> Bools:
        """Stays that could be counted by the newest period: not over before the onset, and long enough by now."""
        return np.asarray((self.stays.ended >= self.onset) & (self.since <= self.until))


@dataclass(frozen=True)
class _Slices:
    """G groups of stays: the whole, then those of each breakdown, which sum to it; inside: G x N."""

    names: tuple[str, ...]
    breakdown: Ints
    inside: Bools

    @classmethod
    def of(cls, case: _Case) -> _Slices:
        stays, recent = case.stays, case.length - RECENT_YEARS * per_year(case.panel.step)
        lately = (stays.ended >= recent) & (stays.opened < case.length)
        names, breakdown, inside = [""], [0], [np.ones(len(stays.opened), bool)]
        taken = [BREAKDOWNS.index(name) for name, _ in case.signal.key.slice if name in BREAKDOWNS]
        finer = BREAKDOWNS[: min(taken, default=len(BREAKDOWNS))]
        for number, name in enumerate((name for name in finer if name in stays.places), start=1):
            labels, codes = stays.places[name]
            size = np.bincount(codes[lately], minlength=len(labels))
            large = [i for i, label in enumerate(labels) if label != UNSAID and size[i] >= LEAST_STAYS]
            inside += [codes == i for i in large] + [~np.isin(codes, large)]
            names += [f"{name}={labels[i]}" for i in large] + [UNSAID]
            breakdown += [number] * (len(large) + 1)
        return cls(tuple(names), np.array(breakdown), np.array(inside))

    def count(self, which: Bools) -> Floats:
        """How many of some stays (N) each group has (G)."""
        return np.asarray((self.inside & which).sum(1), float)

    def per_period(self, when: Ints, length: int) -> Floats:
        """How many stays of each group are of each period (G x T); when: N."""
        seen = (when >= 0) & (when < length)
        return np.array([np.bincount(when[own & seen], minlength=length) for own in self.inside], float)

    @staticmethod
    def given(whole: float, others: Floats) -> Floats:
        """Values (G) with another one for the whole."""
        return np.concatenate([[whole], others[1:]])

    def adding_up(self, values: Floats) -> Floats:
        """Values (G) with those of each breakdown brought to sum to the whole's."""
        out = values.copy()
        for number in set(self.breakdown) - {0}:
            own = self.breakdown == number
            out[own] *= values[0] / max(values[own].sum(), TINY)
        return out


@dataclass(frozen=True)
class _Flow:
    """Openings or ends since the onset (all G): observed, expected by the baseline, and dispersion; season: T."""

    observed: Floats
    expected: Floats
    dispersion: Floats
    season: Floats

    @property
    def deviation(self) -> Floats:
        return np.asarray(np.sqrt(self.dispersion * (self.observed + self.expected) / 2))

    @classmethod
    def of(cls, case: _Case, slices: _Slices, when: Ints) -> _Flow:
        counts = slices.per_period(when, case.length)
        counts[:, : case.first] = np.nan
        base = of_flows(case.panel, counts)
        mean, spread = base.expected_since(case.onset, case.until)
        mean = mean * case.counted
        observed = (counts[:, case.now] * case.counted).sum(1)
        dispersion = (spread * mean).sum(1) / np.maximum(mean.sum(1), TINY)
        return cls(observed, slices.adding_up(mean.sum(1)), dispersion, base.profiles[-1, 0])


@dataclass(frozen=True)
class _Cohorts:
    """Stays of one opening period a row: at risk and ended in each of some periods, and how old, all C x W."""

    risk: Floats
    ended: Floats
    age: Ints

    @classmethod
    def of(cls, stays: Stays, own: Bools, periods: Ints, oldest: int) -> _Cohorts:
        """Those of a group (`own`: N) in consecutive periods; an age is at most `oldest`."""
        rows, width = oldest + int(periods[-1]) + 1, len(periods)
        here = own & (stays.ended >= periods[0]) & (stays.opened <= periods[-1])
        row, when = np.maximum(stays.opened[here], -oldest) + oldest, stays.ended[here] - periods[0]
        seen = when < width
        left = np.bincount(row[seen] * width + when[seen], minlength=rows * width).reshape(rows, width).astype(float)
        number = np.bincount(row, minlength=rows)[:, None]
        age = periods - (np.arange(rows) - oldest)[:, None]
        risk = np.where(age >= 0, number - np.cumsum(left, axis=1) + left, 0.0)
        return cls(risk, left, np.clip(age, 0, oldest))

    def by_age(self, cells: Floats) -> Floats:
        return np.asarray(np.bincount(self.age.ravel(), cells.ravel()), float)

    def expected(self, hazard: Floats, season: Floats) -> float:
        """How many would have ended at these hazards."""
        return float((self.risk * hazard[self.age] * season).sum())


def stock_drivers(panel: Panel, signal: Signal, stages: Mapping[str, str]) -> list[Driver]:
    """Returns what starts, ends and time on plan add to a change of a stock, or of the flow of its ends.

    stages: the flow that counts each kind of event, which names the parts ("plan_start", "plan_end"; "time_on_plan" and
    "rest" are always called so). The first drivers, those without a slice, sum to the signal's total - total_expected;
    then come the parts of single teams and localities that are clear and at least LEAST_SHARE of it. Within each, what
    is clearly beyond noise comes first, the largest share before others. observed: the starts or ends since the onset,
    for time_on_plan all who could end. Empty without stays, where too little is known from before the onset, or where
    the signal is on something else.
    """
    stock = _stock_of(panel, signal)
    if not stock or signal.kind in COMPARISONS or signal.total == signal.total_expected:
        return []
    case = _Case.of(panel, signal, stock)
    if case.onset - case.first < LEAST_YEARS * per_year(panel.step):
        return []
    slices = _Slices.of(case)
    parts = _Parts.of(case, slices, _names(panel, stock, stages))
    return [*parts.whole, *parts.of_slices(slices)]


def _stock_of(panel: Panel, signal: Signal) -> str:
    """The stock that a signal is on, or whose ends its flow counts; "" where there is none."""
    stocks = panel.stays.stocks if panel.stays else {}
    if signal.key.measure in stocks:
        return signal.key.measure
    ends = [name for name, counted in stocks.items() if counted.ends == signal.key.measure]
    return min(ends, key=lambda name: stocks[name].least, default="")


def _names(panel: Panel, stock: str, stages: Mapping[str, str]) -> tuple[str, str]:
    """What starts and ends are called: the kind of event behind their flows."""
    assert panel.stays is not None
    counted, kinds = panel.stays.stocks[stock], {flow: kind for kind, flow in stages.items()}
    return kinds.get(counted.starts, counted.starts or "start"), kinds.get(counted.ends, counted.ends or "end")


@dataclass(frozen=True)
class _Part:
    """One part of a change: its value in each group, with its standard deviation by chance and its count (all G)."""

    name: str
    value: Floats
    deviation: Floats
    observed: Floats


@dataclass(frozen=True)
class _Parts:
    """The parts of a change, which sum to it."""

    change: float
    parts: tuple[_Part, ...]

    @classmethod
    def of(cls, case: _Case, slices: _Slices, names: tuple[str, str]) -> _Parts:
        ends = _Flow.of(case, slices, case.stays.ended)
        due = _due(case, slices, ends)
        make = _of_ends if case.signal.key.measure not in case.stays.stocks else _of_long if case.least else _of_stock
        return cls(case.signal.total - case.signal.total_expected, make(case, slices, names, ends, due))

    @property
    def whole(self) -> list[Driver]:
        clear, drivers = [], []
        for part in self.parts:
            drivers.append(self._driver(part, 0, part.name))
            clear.append(self._is_clear(part, 0) and drivers[-1].share > 0)
        ranked = sorted(zip(clear, drivers, strict=True), key=lambda told: (not told[0], -_moved(told[1])))
        return [driver for _, driver in ranked]

    def of_slices(self, slices: _Slices) -> list[Driver]:
        """The parts of single slices that matter, the largest first."""
        found = [
            self._driver(part, at, f"{part.name}, {name}")
            for part in self.parts
            for at, name in enumerate(slices.names)
            if at and name != UNSAID and self._is_clear(part, at)
        ]
        return sorted((driver for driver in found if driver.share >= LEAST_SHARE), key=_moved, reverse=True)

    def _is_clear(self, part: _Part, at: int) -> bool:
        return bool(abs(part.value[at]) >= STANDS_OUT * max(part.deviation[at], 1.0))

    def _driver(self, part: _Part, at: int, name: str) -> Driver:
        value = float(part.value[at])
        return Driver("stock", name, value, min(value / self.change, 1.0), float(part.observed[at]))


def _moved(driver: Driver) -> float:
    """How far a part moved with the signal: a share says the same, but none is above 1."""
    return math.copysign(driver.value, driver.share)


def _of_stock(case: _Case, slices: _Slices, names: tuple[str, str], ends: _Flow, due: _Due) -> tuple[_Part, ...]:
    starts = _Flow.of(case, slices, case.stays.opened)
    begun = _Part(names[0], starts.observed - starts.expected, starts.deviation, starts.observed)
    ended = _Part(names[1], due.value - due.ended, due.deviation, due.ended)
    aged = _Part(TIME_ON_PLAN, starts.expected - due.value, ends.deviation, due.reached)
    return _with_rest(case, slices, (begun, ended, aged))


def _of_long(case: _Case, slices: _Slices, names: tuple[str, str], ends: _Flow, due: _Due) -> tuple[_Part, ...]:
    """Of a stock of long stays: who came within reach of it since the onset, and who left before it or from it."""
    ended = _Part(names[1], due.value - due.ended, due.deviation, due.ended)
    near = slices.count(case.within_reach & (case.since >= case.onset))
    aged = _Part(TIME_ON_PLAN, near - due.value, due.deviation, near)
    return _with_rest(case, slices, (ended, aged))


def _of_ends(case: _Case, slices: _Slices, names: tuple[str, str], ends: _Flow, due: _Due) -> tuple[_Part, ...]:
    """Of a flow of ends; its own figures are the signal's."""
    observed = slices.given(case.signal.total, due.ended)
    expected = slices.adding_up(slices.given(case.signal.total_expected, ends.expected))
    ended = _Part(names[1], observed - due.value, due.deviation, observed)
    return ended, _Part(TIME_ON_PLAN, due.value - expected, ends.deviation, due.reached)


def _with_rest(case: _Case, slices: _Slices, parts: tuple[_Part, ...]) -> tuple[_Part, ...]:
    """The parts and, of the whole alone, what they leave."""
    none = np.zeros(len(slices.names))
    left = case.signal.total - case.signal.total_expected - sum(float(part.value[0]) for part in parts)
    return *parts, _Part("rest", slices.given(left, none), none + np.inf, slices.given(case.signal.total, none))


@dataclass(frozen=True)
class _Due:
    """Ends since the onset among stays within reach (all G): due by usual hazards, with the standard deviation of
    ended - due by chance, and those that came; reached: how many stays could have ended."""

    value: Floats
    deviation: Floats
    ended: Floats
    reached: Floats


def _due(case: _Case, slices: _Slices, ends: _Flow) -> _Due:
    year, reach = per_year(case.panel.step), case.within_reach
    past = np.arange(max(case.first, case.onset - USUAL_YEARS * year), case.onset)
    cohorts = [_Cohorts.of(case.stays, own, past, OLDEST_YEARS * year) for own in slices.inside]
    hazard = _hazards(cohorts[0], ends.season[past], NEAR[case.panel.step])
    usual = np.array([each.expected(hazard, ends.season[past]) for each in cohorts])
    came = np.array([each.ended.sum() for each in cohorts])
    pace = np.where(slices.breakdown > 0, (came + SAME) / (usual + SAME), 1.0)
    chance = [_chance(case, hazard * factor, ends.season[case.now]) for factor in pace]
    value = np.array([each[own & reach].sum() for each, own in zip(chance, slices.inside, strict=True)])
    spread = np.array([(each * (1 - each))[own & reach].sum() for each, own in zip(chance, slices.inside, strict=True)])
    doubt = ends.dispersion * (spread + value**2 / (came + SAME))
    over = reach & np.isin(case.stays.ended, np.arange(case.onset, case.until + 1)[case.counted > 0])
    return _Due(slices.adding_up(value), np.sqrt(doubt), slices.count(over), slices.count(reach))


def _hazards(cohorts: _Cohorts, season: Floats, near: int) -> Floats:
    """Rate of ending at each age in a usual period (A + 1): ends over exposure, smoothed over the ages around."""
    hill = 1 - np.abs(np.arange(-near, near + 1)) / (near + 1)
    ended, exposed = cohorts.by_age(cohorts.ended), cohorts.by_age(cohorts.risk * season)
    whole = (ended.sum() + 1) / (exposed.sum() + 30)
    ended, exposed = (np.convolve(values, hill, "same") for values in (ended, exposed))
    chance = (ended + EVENTS) / (exposed + EVENTS / whole)
    return np.asarray(-np.log1p(-np.minimum(chance, HIGHEST)))


def _chance(case: _Case, hazard: Floats, season: Floats) -> Floats:
    """The chance of each stay (N) to end since the onset in a period that was counted, had it not ended before."""
    oldest, periods = len(hazard) - 1, np.arange(case.onset, case.until + 1)
    opened = np.arange(-oldest, case.until + 1)
    age = periods - opened[:, None]
    rate = np.where(age >= 0, hazard[np.clip(age, 0, oldest)] * season, 0.0)
    left = np.exp(-np.cumsum(rate, axis=1))
    ends = (left * np.expm1(rate)) @ case.counted
    return np.asarray(ends[np.clip(case.stays.opened, -oldest, case.until) + oldest])
