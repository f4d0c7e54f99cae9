"""What may be shown of one series over time: the newest figure, one sum, and the points of a chart.

Low counts are pooled over several periods so that most points can be shown; the same pooled sums are then what the
words speak of, since two different windows over the same weeks would give small counts away by their difference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np

from forecaster.calendar import closing, opening
from forecaster.suppress import Ledger, is_small
from forecaster.types import Dates, Floats, Kind, Step, as_date
from forecaster.words.context import Beside, History
from forecaster.words.jointly import joint, levels_beside, protected

SIZES: dict[Step, tuple[int, ...]] = {"week": (1, 4, 13), "month": (1, 3, 12)}
SHOWN: dict[Step, int] = {"week": 104, "month": 48}  # periods on a chart, or at least FEWEST points
FEWEST = 24
TYPICAL = {True: 12, False: 8}  # the usual count a point needs: of single periods, of pooled ones
AT_ONCE = 13  # levels that are tried together
Spoken = Literal["number", "few", "as many"]
YEAR: dict[Step, int] = {"week": 52, "month": 12}


@dataclass(frozen=True, slots=True)
class Point:
    """The periods start to stop-1 of a history as one point of a chart."""

    start: int
    stop: int
    hidden: bool = False


@dataclass(frozen=True)
class Shown:
    """What may be shown: the newest period's figure, the sum over one window (or None), the points, oldest first.

    years: whether a share since 1 April may be, and that of the year before; of a count the year before alone.
    known: how much of a flow's count since 1 April can be worked out, None if all of it.
    families: how one may speak of those behind the sum: by their number, as few, or as nearly as many as the children.
    unsaid: of the newest figure not even that it is small may be said.
    """

    end: int
    size: int
    last: bool
    window: Point | None
    points: tuple[Point, ...]
    years: tuple[bool, bool] = (False, False)
    known: float | None = None
    families: Spoken | None = None
    unsaid: bool = False


def point_size(history: History, kind: Kind, step: Step, end: int) -> int:
    """Returns how many periods make one point: as few as let most points be shown. A stock is never pooled."""
    if kind == "stock":
        return 1
    smaller = history.count if history.of is None else np.minimum(history.count, history.of - history.count)
    recent = smaller[max(end - YEAR[step], 0) : end]
    typical = float(np.nanmedian(recent)) if np.isfinite(recent).any() else 0.0
    mean = float(np.nanmean(recent)) if np.isfinite(recent).any() else 0.0
    fit = (size for size in SIZES[step] if size * (typical if size == 1 else mean) >= TYPICAL[size == 1])
    return next(fit, SIZES[step][-1])


def _split(end: int, anchor: int, size: int, step: Step) -> list[Point]:
    """Points of `size` periods without overlap, newest first; pooled ones keep their edges while an alert is open."""
    newest = end - (end - anchor) % size
    oldest = max(newest - size * max(SHOWN[step] // size, FEWEST), 0)
    return [Point(stop - size, stop) for stop in range(newest, oldest + size - 1, -size)]


def _windows(onset: int, end: int, size: int, points: Sequence[Point]) -> list[Point]:
    """Windows the words could sum over, the best first: since the onset, or over the pooled points that cover it."""
    if size == 1:
        return [Point(onset, end)] if end - onset > 1 else []
    covering = [point for point in points if point.stop > onset] or list(points[:1])
    return [Point(covering[-1].start, end), Point(covering[-1].start, covering[0].stop)] if covering else []


@dataclass(frozen=True)
class _Release:
    """Shows one message's figures one by one, in the order of their worth to the reader."""

    history: History
    step: Step
    size: int
    onset: int
    ledger: Ledger
    families: Floats | None
    of_families: Ledger | None

    def _known(self, point: Point) -> bool:
        at = slice(point.start, point.stop)
        return bool(np.isfinite(self.history.count[at]).all() and np.isfinite(self.history.weight[at]).all())

    def _show(self, point: Point) -> bool:
        return self._known(point) and self.ledger.show(point.start, point.stop)

    def _years(self, end: int) -> tuple[bool, bool]:
        """A share since 1 April and that of the year before; of a flow the year before."""
        if end == 0:
            return False, False
        now, before = (_first_of_year(self.history, self.step, end, back) for back in (0, 1))
        if self.history.of is None:
            return False, self._year(before, now)
        return self._year(now, end, whole=True), self._year(before, now)

    def _kept(self, trial: Ledger) -> bool:
        if trial.is_safe():
            self.ledger.become(trial)
            return True
        return False

    def _year(self, start: int, stop: int, whole: bool = False) -> bool:
        """Whether a year may be told. A period at its edge is of two years: with each and without it may be.

        whole: it goes on, so that its last period is over. If it may be told it is remembered.
        """
        stops = (stop,) if whole else (stop, stop - 1)
        if start < stop and self.ledger.are_joined(max(start - 1, 0), start, *stops):
            return True
        trials = []
        for first, last in product((start, max(start - 1, 0)), stops):
            trial = replace(self, ledger=self.ledger.copy())
            if first >= last or not trial._show(Point(first, last)) or not trial.ledger.is_safe():
                return False
            trials.append(trial.ledger)
        self.ledger.become(trials[0])
        return True

    def _so_far(self, end: int) -> float | None:
        """How much of a flow's count since 1 April can be worked out, None if all of it; inf: no bound may be told."""
        start = _first_of_year(self.history, self.step, end, 0) if end else 0
        edge = max(start - 1, 0)
        known = self.ledger.known(edge, end)
        if self.ledger.are_joined(edge, start, end) or self.history.of is not None:
            return None
        counts = np.nan_to_num(self.history.count[edge:end])
        trial, told = self.ledger.copy(), float(counts[known].sum())
        trial.say(start, end, most=max(float(counts[start - edge :].sum()), told + self.ledger.threshold + 1))
        return told if self._kept(trial) else np.inf

    def upto(self, end: int, anchor: int) -> Shown:
        """What a message about the first `end` periods shows: with the best sum that leaves small counts in doubt."""
        points = _split(end, anchor, self.size, self.step)
        windows = [window for window in _windows(self.onset, end, self.size, points) if self._known(window)]
        tries: list[tuple[Point | None, int, bool]] = [(window, 0, True) for window in windows]
        tries += [(None, without, True) for without in (0, 1, 2, 4, len(points))] + [(None, len(points), False)]
        for window, without, speaks in tries:
            trial = replace(self, ledger=self.ledger.copy())
            shown = trial._showing(end, points, window, without, speaks)
            if shown and trial.ledger.is_safe():
                break
        assert shown is not None
        self.ledger.become(trial.ledger)
        families = self._families(shown)
        return replace(shown, years=self._years(end), known=self._so_far(end), families=families)

    def _speak_of(self, newest: float, end: int) -> None:
        """A newest count that is not shown is said to be small, or not to be shown: then it is none that is small."""
        few = self.ledger.threshold
        small = is_small(newest, few)
        least, most = (1.0, float(few)) if small else (few + 1.0, np.inf) if newest else (0.0, 0.0)
        self.ledger.say(end - 1, end, least, most)

    def _families(self, shown: Shown) -> Spoken | None:
        """How to speak of the families of the newest sum: where their number is not told, it lies in a range of few."""
        first = self.onset == shown.end - 1 and shown.last
        told = shown.window or (Point(shown.end - 1, shown.end) if first else None)
        if told is None or told.stop != shown.end or self.families is None or self.of_families is None:
            return None
        ledger, few = self.of_families.copy(), self.of_families.threshold
        children, families = (
            float(array[told.start : told.stop].sum()) for array in (self.history.count, self.families)
        )
        if not families:  # nor where it is not known
            return None
        spoken: Spoken = "number"
        if is_small(children - families, few):
            spoken = "as many"
            ledger.say(told.start, told.stop, children - few, children - 1)
        elif is_small(families, few):
            spoken = "few"
            ledger.say(told.start, told.stop, 1, few)
        elif not ledger.show(told.start, told.stop):
            return None
        if np.isnan(families) or not ledger.is_safe():
            return None
        self.of_families.become(ledger)
        return spoken

    def _showing(
        self, end: int, points: Sequence[Point], window: Point | None, without: int, speaks: bool
    ) -> Shown | None:
        """The newest figure, a sum, and points but for the newest few, as each may be; None if the sum may not."""
        last = end > 0 and speaks and self._show(Point(end - 1, end))
        if end and speaks and not last and self._known(Point(end - 1, end)):
            self._speak_of(float(self.history.count[end - 1]), end)
        if window and not self._show(window):
            return None
        hides = [self._known(p) and (i < without or not self._show(p)) for i, p in enumerate(points)]
        told = [
            Point(p.start, p.stop, hide and not self._is_none(p, window)) for p, hide in zip(points, hides, strict=True)
        ]
        for point in told:
            if point.hidden and is_small(
                float(self.history.count[point.start : point.stop].sum()), self.ledger.threshold
            ):
                self.ledger.cross(point.start, point.stop)
        return Shown(end, self.size, last, window, tuple(reversed(told)), unsaid=not speaks)

    def _is_none(self, point: Point, window: Point | None) -> bool:
        """Whether a point lies in a sum of none, so that everybody knows that it is none."""
        if window is None or self.history.of is not None or not window.start <= point.start < point.stop <= window.stop:
            return False
        return not self.history.count[window.start : window.stop].any()


def _first_of_year(history: History, step: Step, end: int, back: int) -> int:
    """The first period that begins in the financial year of the period after the newest, or `back` years before."""
    closes = closing(as_date(history.periods[end - 1]), step)
    return int(np.searchsorted(history.periods, np.datetime64(opening(closes.replace(year=closes.year - back)))))


@dataclass(frozen=True)
class _Levels:
    """Shows one message's levels of a stock. They cannot be added up over time, so each is judged by itself.

    Beside the flows that fill or empty it, two levels and what came in between give away what went.
    """

    history: History
    step: Step
    ledger: Ledger
    also: tuple[Floats, ...]

    def _may_be(self, several: Sequence[int]) -> dict[int, bool]:
        """Which of several periods' levels may be shown beside all else, tried at once; if so they are remembered."""
        trial = self.ledger.copy()
        told = {at: self._is_told(at) and trial.show(0, at + 1) for at in several}
        if not trial.is_safe():
            return dict.fromkeys(several, False)
        self.ledger.become(trial)
        return told

    def _is_told(self, at: int) -> bool:
        arrays = [*protected(self.history), *self.also]
        known = bool(np.isfinite(self.history.count[at]))
        return known and not any(is_small(float(array[at]), self.ledger.threshold) for array in arrays)

    def upto(self, end: int, anchor: int) -> Shown:
        """What a message about the first `end` periods shows, the newest level first."""
        april = _first_of_year(self.history, self.step, end, 0) if end else 0
        ago = [at for at in (april - 2, april - 1) if at >= 0]  # whichever was the last that was over by then
        points = _split(end, end, 1, self.step)
        groups = [[end - 1] if end else [], ago, *([p.start for p in points[i : i + AT_ONCE]] for i in _starts(points))]
        told: dict[int, bool] = {}
        for group in groups:
            told |= self._may_be([at for at in group if not told.get(at)])
        drawn = (Point(p.start, p.stop, self._is_hidden(p.start, told)) for p in reversed(points))
        year = not any(self._is_hidden(at, told) for at in ago)
        return Shown(end, 1, end > 0 and told[end - 1], None, tuple(drawn), (False, year))

    def _is_hidden(self, at: int, told: dict[int, bool]) -> bool:
        return bool(np.isfinite(self.history.count[at])) and not told[at]


def _starts(points: Sequence[Point]) -> range:
    return range(0, len(points), AT_ONCE)


Speaker = _Release | _Levels


def _speakers(
    alerts: Sequence[Beside],
    step: Step,
    anchors: Sequence[int],
    threshold: int,
    counted: list[tuple[Floats, Ledger]],
) -> list[Speaker]:
    """Those that show their figures from one ledger; of the families behind one series there is one as well."""
    ledgers = joint([(one.history, one.kind) for one in alerts], threshold)
    stocks = [one.history for one in alerts if one.kind == "stock"]
    out: list[Speaker] = []
    for one, anchor, ledger in zip(alerts, anchors, ledgers, strict=True):
        past, own = one.history, one.families
        if one.kind == "stock":
            others = [other for other in stocks if other is not past]
            out.append(_Levels(past, step, ledger, tuple(levels_beside(past, others))))
            continue
        of_families = None if own is None else _of_families(counted, own, past.count, threshold)
        first = min(max(past.end(one.onset) - 1, 0), max(map(past.end, one.told)))
        out.append(_Release(past, step, point_size(past, one.kind, step, anchor), first, ledger, own, of_families))
    return out


def _of_families(counted: list[tuple[Floats, Ledger]], families: Floats, count: Floats, threshold: int) -> Ledger:
    """The ledger of the families behind a series, the same for all that tell of them."""
    both = np.stack([families, count])
    for other, ledger in counted:
        if np.array_equal(other, both, equal_nan=True):
            return ledger
    counted.append((both, Ledger([families, count - families], threshold)))
    return counted[-1][1]


def release(
    history: History,
    kind: Kind,
    step: Step,
    onset: dt.date,
    period: dt.date,
    told: Sequence[dt.date],
    threshold: int,
    families: Floats | None = None,
    beside: Sequence[Beside] = (),
    began: dt.date | None = None,
) -> Shown:
    """Returns what may be shown in a message about `period`, given the periods of the alert's earlier messages.

    families: how many the counted events of each period are of. beside: other alerts of the story, whose messages up to
    this one are told again first, each as it was allowed to be when it was told. began: the period of the alert's first
    message, if it spoke of something else then.
    """
    end = history.end(period)
    earlier = tuple(when for when in told if history.end(when) < end)
    this = Beside(history, kind, onset, (*earlier, period), families=families, began=began)
    alerts = [this, *(one for one in beside if one.told)]
    anchors = [history.end(min(one.began or one.told[0], *one.told)) for one in alerts]
    turns = [0, *(0 if one.first is None else -1 if one.first else 1 for one in alerts[1:])]
    messages = sorted(
        {(history.end(when), turns[place], place) for place, one in enumerate(alerts) for when in one.told}
    )
    replayed = _replayed([(at, place) for at, _, place in messages], alerts, step, anchors, threshold)
    return next(shown for at, place, shown in replayed if (at, place) == (end, 0))


def _replayed(
    messages: Sequence[tuple[int, int]], alerts: Sequence[Beside], step: Step, anchors: Sequence[int], threshold: int
) -> Iterator[tuple[int, int, Shown]]:
    """Yields what each message showed. A ledger knows of the alerts there were by then: one that comes later may guard
    what was told already, and then no more is.
    """
    first = [min(at for at, place in messages if place == own) for own in range(len(alerts))]
    families: list[tuple[Floats, Ledger]] = []
    speakers: dict[int, Speaker] = {}
    for at, place in messages:
        there = [own for own, begins in enumerate(first) if begins <= at]
        if len(there) > len(speakers):
            some = [alerts[own] for own in there]
            made = _speakers(some, step, [anchors[own] for own in there], threshold, families)
            if speakers:
                made[0].ledger.inherit(next(iter(speakers.values())).ledger)
            speakers = dict(zip(there, made, strict=True))
        yield at, place, speakers[place].upto(at, anchors[place])


@dataclass(frozen=True)
class Pooled:
    """Expected value and band of each point, in the unit of the chart."""

    expected: Floats
    lower: Floats
    upper: Floats


def pool(points: Sequence[Point], expected: Floats, lower: Floats, upper: Floats, weight: Floats, mean: bool) -> Pooled:
    """Returns each point's expected sum (or weighted mean) and band.

    Half-widths add in quadrature, as they do for independent periods: a sum varies less than its parts at their worst.
    """

    def pooled(point: Point) -> tuple[float, float, float]:
        at = slice(point.start, point.stop)
        scale = weight[at].sum() if mean else 1.0
        if not scale > 0:
            return np.nan, np.nan, np.nan
        centre = float((weight[at] * expected[at]).sum() / scale)
        below, above = expected - lower, upper - expected
        if mean:  # the band of a share is even but for where it ends at none or all
            below = above = np.maximum(below, above)
        below, above = (np.sqrt(((weight * half)[at] ** 2).sum()) / scale for half in (below, above))
        return centre, max(centre - float(below), 0.0), min(centre + float(above), 1.0 if mean else np.inf)

    table = np.array([pooled(point) for point in points], float).reshape(-1, 3)
    return Pooled(table[:, 0], table[:, 1], table[:, 2])


def observed(points: Sequence[Point], history: History) -> Floats:
    """Returns each point's count, or share of its pooled denominator; NaN where hidden or missing."""

    def value(point: Point) -> float:
        at = slice(point.start, point.stop)
        if point.hidden:
            return np.nan
        if history.of is None:
            return float(history.count[at].sum())
        of = float(history.of[at].sum())
        return float(history.count[at].sum()) / of if of > 0 else np.nan

    return np.array([value(point) for point in points], float)


def dates(points: Sequence[Point], periods: Dates) -> tuple[dt.date, ...]:
    """Returns the newest period of each point."""
    return tuple(as_date(periods[point.stop - 1]) for point in points)
