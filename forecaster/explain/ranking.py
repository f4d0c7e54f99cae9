"""What a move is made of, as a person would say it: where it is, which stage or stock it comes from, who it is.

A place (a slice, or a pair of slices) comes first if the move is concentrated there: if the evidence that the slice
took more than its usual part (`concentration`) is worth more than the search for it, and than what speaks against a
place, that everything else moved as well. Otherwise the stage of the pathway, or the starts and ends behind a stock,
comes first: it is the whole council's. Each further place must stand out once the places before it have been allowed
for, so that a locality is not named for the sake of its team, nor a team for having many of the source that flooded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from forecaster.baseline import baseline
from forecaster.calendar import per_year
from forecaster.explain.concentration import evidence
from forecaster.explain.pathway import stage_drivers
from forecaster.explain.slices import Split, Window, made_of_slices, who_of_slices
from forecaster.explain.stock_flow import stock_drivers
from forecaster.types import Direction, Driver, Floats, Kind, Panel, Signal, Slice

PLACES = 4  # named at most
FIRST_BAR = {"flow": -1.0, "share": 3.0, "stock": 3.0}  # log odds beforehand of the whole council against a place
ALONE_BAR = -1.0  # the same, for one place to be named at all
LATER_BAR = 2.0  # the same for each further place, and for one beside a move of the whole council
BEATEN = 2.0  # log odds by which another place explains the council better than the slice a signal is on
PAIR_BAR = 6.0  # of a pair, on top: it must say clearly more than its margins
WHO, WHO_BAR = ("age_band", "gender", "ethnicity"), 2.0  # by who children are; services seldom change in these
OWN_BAR = 3.0  # of the slice that a signal is on: it was picked of all slices as it stood out
WITHIN_NOISE = 1.92  # log-likelihood of what else there is in a place (the 5% point of chi-squared, halved), and
MOST_OF_IT = 0.75  # of the place's excess that a slice within it must then have to be named instead
LEAST_SHARE = 0.25  # of the excess that a place which comes first must have
LEAST_LIFT = 0.1  # by which a place's share of the excess must pass its usual part
WORTH = 0.1  # of the excess, or a place or person is not worth a word
UNSURE = 0.08  # standard deviation of how far off the expected whole may be
BAND = 1.96  # standard deviations in half a 95% band
CLUMPING = 2.0  # variance of a share over that of a binomial, as siblings share an outcome
STANDS_OUT = 2.0  # standard deviations by which a kind of child must have become more
SELDOM = 1e-3  # of the whole: a slice that is less was not looked at
TINY = 1e-9
FRONT_DOOR = ("contact", "referral")  # what comes in: the volume of what follows
NO_STAGES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class _Move:
    """A signal in numbers. sign: 1 up, -1 down; variance: of its total by chance."""

    panel: Panel
    signal: Signal
    window: Window

    @property
    def sign(self) -> float:
        return 1.0 if self.signal.direction == "up" else -1.0

    @property
    def kind(self) -> Kind:
        return self.panel.kinds[self.panel.row(self.signal.key)]

    @property
    def whole(self) -> float:
        return self.signal.total - self.signal.total_expected

    @property
    def variance(self) -> float:
        signal, kind = self.signal, self.kind
        deviation = abs(signal.upper - signal.expected) / BAND
        if kind == "share":
            return float((deviation * signal.total_expected / max(signal.expected, TINY)) ** 2)
        periods = 1 if kind == "stock" else self.window.known[self.window.start :].sum()
        return float(periods * deviation**2)


@dataclass(frozen=True)
class _Place:
    """A slice of a split.

    score: its evidence less its bar; ratio: its evidence were it not dispersed; lead: log odds by which it comes before
    all else, at most 0 where it does not.
    """

    split: Split
    at: int
    value: float
    share: float
    score: float
    ratio: float
    lead: float

    @property
    def leads(self) -> bool:
        return self.lead > 0

    @property
    def slice(self) -> Slice:
        return self.split.slices[self.at]

    @property
    def driver(self) -> Driver:
        observed = float(self.split.observed[self.at])
        return Driver("breakdown", _name(self.slice), self.value, self.share, observed)


def drivers(panel: Panel, signal: Signal, stages: Mapping[str, str] = NO_STAGES, most: int = 12) -> tuple[Driver, ...]:
    """Returns what a signal is made of, the most telling first.

    stages: the flow that counts each kind of event (`measures.stages_of`). value: a driver's excess since the onset, in
    events (children, for a stock); share: its part of the whole excess, at most 1. The values of all slices of one
    breakdown, named or not, sum to the signal's total - total_expected, and so do those of stages. A signal on a slice
    names that slice first if it would come first for the whole council too, else what is behind it; one against the
    neighbours names them alone. Who it is comes after all else, and not at all where there is nothing else.
    """
    if signal.kind == "neighbours":
        whole = signal.total - signal.total_expected
        return (Driver("benchmark", "statistical neighbours", whole, 1.0, signal.total),)
    move = _Move(panel, signal, _window(panel, signal))
    ends = stock_drivers(panel, signal, stages)
    parts = [*ends, *stage_drivers(panel, signal, stages)]
    volume = [] if parts else _volume(signal, stages)
    found, own = _places(move), _own(move)
    if ends:
        found = [replace(place, lead=0.0) if _of_who(place.slice) else place for place in found]
    first, later = ([place.driver for place in found if place.leads is leads] for leads in (True, False))
    council = _of_council(move) if own else None
    if ends and _of_who(signal.key.slice):
        order = [*parts, *own, *first]
    elif council is None or (alone := _by_itself(move, council)):
        order = [*(_at(move, alone) if council else []), *own, *first, *parts, *volume]
    else:
        within = [place.driver for place in found if place.leads and place.score > LATER_BAR]
        front = [driver for driver in volume if driver.name in FRONT_DOOR]
        order = [*_shared(move, council), *within, *parts, *front, *own, *first, *volume]
    told: dict[str, Driver] = {}
    before = [*order, *later]
    for driver in (*before, *(_who(move) if before else ())):
        told.setdefault(driver.name, driver)
    return tuple([*told.values()][:most])


def _of_who(where: Slice) -> bool:
    return any(dimension in WHO for dimension, _ in where)


def _own(move: _Move) -> list[Driver]:
    """The slice that the signal is on; none for a whole council."""
    key, total = move.signal.key, move.signal.total
    return [] if key.is_council else [Driver("breakdown", _name(key.slice), move.whole, 1.0, total)]


def _by_itself(move: _Move, council: _Move) -> Slice:
    """The slice within a signal's own that moved by itself (often all of it), none where it was the whole council."""
    key = move.signal.key
    if abs(council.whole) < TINY or council.sign != move.sign:
        return key.slice
    made_of = made_of_slices(move.panel, council.window)
    found = [
        place
        for split in made_of.splits
        for place in _weighed(council, split, np.ones(len(split.slices)), made_of.looked_at)
    ]
    own = next((place for place in found if set(place.slice) == set(key.slice) and place.lead > OWN_BAR), None)
    others = [place.score for place in found if not set(key.slice) <= set(place.slice)]
    if own is None:
        return ()
    narrow = _narrowest(own, found)
    if narrow is not own:
        return (*key.slice, *_beyond(narrow.slice, council))
    return key.slice if own.score > max(others, default=0.0) - BEATEN else ()


def _shared(move: _Move, council: _Move) -> list[Driver]:
    """What the slice has of the place where the whole council moved, if that is worth a word."""
    where = next((_beyond(place.slice, council) for place in _places(council) if place.leads), ())
    return [driver for driver in _at(move, (*move.signal.key.slice, *where)) if driver.share >= WORTH] if where else []


def _beyond(where: Slice, council: _Move) -> Slice:
    """A slice without what names its council."""
    return tuple(pair for pair in where if pair not in council.signal.key.slice)


def _at(move: _Move, where: Slice) -> list[Driver]:
    """A slice within a signal's own as a driver; none for its own, or one that is not within it."""
    for split in made_of_slices(move.panel, move.window).splits:
        if where in split.slices:
            at = split.slices.index(where)
            value = float(split.observed[at] - split.usual[at] * move.signal.total_expected)
            return [Driver("breakdown", _name(where), value, min(value / move.whole, 1.0), float(split.observed[at]))]
    return []


def _of_council(move: _Move) -> _Move | None:
    """The move of the council that a slice is of, since the same onset; None where it has none."""
    panel, signal, window = move.panel, move.signal, move.window
    key = signal.key.whole
    if key == signal.key or key not in panel.keys:
        return None
    one = panel.select([panel.row(key)]).until(window.stop).uncapped()
    now, past = slice(window.start, window.stop), slice(max(window.start - 2 * per_year(panel.step), 0), window.start)
    count, known = one.count[0, now], np.isfinite(one.count[0, now])
    if move.kind == "share":
        size = float(np.nansum(np.where(known, one.of[0, now], 0.0)))
        usual = float(np.nansum(one.count[0, past]) / max(np.nansum(one.of[0, past]), 1.0))
        deviation = np.sqrt(CLUMPING * usual * (1 - usual) / max(size, 1.0))
        figures = np.nansum(count), usual * size, usual, usual + BAND * deviation
    else:
        mean, dispersion = (array[0] for array in baseline(one).expected_since(window.start, window.stop - 1))
        deviation = np.sqrt(dispersion[-1] * mean[-1])
        stock = move.kind == "stock"
        total, expected = (count[-1], mean[-1]) if stock else (np.nansum(count), mean[known].sum())
        figures = total, expected, mean[-1], mean[-1] + BAND * deviation
    total, whole, expected, upper = map(float, figures)
    direction: Direction = "up" if total > whole else "down"
    council = replace(
        signal, key=key, direction=direction, total=total, total_expected=whole, expected=expected, upper=upper
    )
    return _Move(panel, council, _window(panel, council))


def _name(where: Slice) -> str:
    return ", ".join(f"{dimension}={value}" for dimension, value in where)


def _window(panel: Panel, signal: Signal) -> Window:
    start, until = (int(np.searchsorted(panel.periods, np.datetime64(day))) for day in (signal.onset, signal.period))
    return Window(signal.key, start, until + 1, np.isfinite(panel.count[panel.row(signal.key), : until + 1]))


def _volume(signal: Signal, stages: Mapping[str, str]) -> list[Driver]:
    """A flow with which the pathway begins is its own volume."""
    kinds = [kind for kind, measure in stages.items() if measure == signal.key.measure]
    return [Driver("stage", kind, signal.total - signal.total_expected, 1.0, signal.total) for kind in kinds]


def _places(move: _Move) -> list[_Place]:
    """The places that stand out, one after the other: each allows for those before it."""
    if abs(move.whole) < TINY:
        return []
    made_of = made_of_slices(move.panel, move.window)
    named: list[_Place] = []
    factor = made_of.as_usual
    while len(named) < PLACES:
        taken = {place.slice for place in named}
        found = [
            place
            for split in made_of.splits
            for place in _weighed(move, split, made_of.tilted(split, factor), made_of.looked_at)
            if place.slice not in taken
        ]
        alone = np.inf if named else ALONE_BAR - FIRST_BAR[move.kind]
        able = [place for place in found if place.score > LATER_BAR or place.lead > alone]
        if not able:
            break
        best = max(able, key=lambda place: place.score)
        named.append(replace(_narrowest(best, found), lead=0.0 if named else best.lead))
        factor = made_of.raised(factor, named[-1].split, named[-1].at)
    return named


def _narrowest(place: _Place, found: Sequence[_Place]) -> _Place:
    """The slice within a place that explains as much by itself (a team its locality's move), or the place.

    It does if it is as likely, or if it has most of the move and what else there is in the place is within noise.
    """
    inside = [other for other in found if _explains_all(other, place) and _lies_within(other, place)]
    return max(inside, key=lambda other: other.ratio, default=place)


def _explains_all(one: _Place, place: _Place) -> bool:
    most = one.share >= MOST_OF_IT * place.share
    return one.ratio >= place.ratio - (WITHIN_NOISE if most else 0.0)


def _lies_within(one: _Place, other: _Place) -> bool:
    if one is other or len(one.split.dimensions) > 1 or one.split.dimensions == other.split.dimensions:
        return False
    rows = one.split.codes == one.at
    return bool(rows.any() and (other.split.codes[rows] == other.at).all())


def _weighed(move: _Move, split: Split, tilt: Floats, looked_at: int) -> list[_Place]:
    """The slices of a split that have more than their part; tilt: how much more of the whole each is expected to be."""
    usual = split.told.usual[:, 0] * tilt
    told = move.sign * evidence(split.told.now[:, 0], usual / usual.sum(), split.dispersion)
    score, ratio = told - _bar(split, looked_at), told * split.dispersion
    value = split.observed - split.usual * move.signal.total_expected
    share = value / move.whole
    lead = score - _against(move, value, split.usual) - FIRST_BAR[move.kind]
    lead = np.where(share >= LEAST_SHARE, lead, -np.inf)
    worth = np.array([bool(where) for where in split.slices]) & (share >= WORTH) & (share - split.usual >= LEAST_LIFT)
    return [
        _Place(
            split, int(k), float(value[k]), min(float(share[k]), 1.0), float(score[k]), float(ratio[k]), float(lead[k])
        )
        for k in np.flatnonzero(worth)
    ]


def _bar(split: Split, looked_at: int) -> float:
    """What a slice's evidence must pass: the log of how many were looked at, and what is seldom true beforehand."""
    slices = max(int((split.told.usual[:, 0] > SELDOM).sum()), 2)
    who = sum(dimension in WHO for dimension in split.dimensions)
    return float(np.log(slices * looked_at) + who * WHO_BAR + (len(split.dimensions) > 1) * PAIR_BAR)


def _against(move: _Move, value: Floats, usual: Floats) -> Floats:
    """What speaks against each slice alone: how far all else is from what was expected of it, as log-likelihood."""
    rest, expected = move.whole - value, move.signal.total_expected * (1 - usual)
    variance = move.variance * (1 - usual) + np.square(UNSURE * expected) + 1
    return np.asarray(np.square(rest) / variance / 2)


def _who(move: _Move) -> list[Driver]:
    """The kinds of children of whom there are more than the move as a whole brings, the largest part first."""
    found = []
    for split in who_of_slices(move.panel, move.window):
        expected = split.usual * move.signal.total_expected
        value = split.observed - expected
        share = value / (move.whole or TINY)
        doubt = np.sqrt(split.dispersion * np.maximum(expected, 1.0))
        stands = (share >= WORTH) & (share - split.usual >= LEAST_LIFT) & (move.sign * value >= STANDS_OUT * doubt)
        found += [
            Driver(
                "breakdown",
                _name(split.slices[k]),
                float(value[k]),
                float(min(share[k], 1.0)),
                float(split.observed[k]),
            )
            for k in np.flatnonzero(stands)
            if split.slices[k]
        ]
    return sorted(found, key=lambda driver: -driver.share)
