"""What may be shown of one series over time: the newest figure, one sum, and the points of a chart.

Low counts are pooled over several periods so that most points can be shown; the same pooled sums are then what the
words speak of, since two different windows over the same weeks would give small counts away by their difference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.calendar import closing, opening
from forecaster.context import History
from forecaster.suppress import Ledger, is_small
from forecaster.types import Dates, Floats, Kind, Step, as_date

SIZES: dict[Step, tuple[int, ...]] = {"week": (1, 4, 13), "month": (1, 3, 12)}
SHOWN: dict[Step, int] = {"week": 104, "month": 48}  # periods on a chart, or at least FEWEST points
FEWEST = 24
TYPICAL = {True: 12, False: 8}  # the usual count a point needs: of single periods, of pooled ones
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

    years: whether a share since 1 April may be, and that of the year before.
    """

    end: int
    size: int
    last: bool
    window: Point | None
    points: tuple[Point, ...]
    years: tuple[bool, bool] = (False, False)


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


def _protected(history: History) -> list[Floats]:
    arrays = [history.count]
    if history.of is not None:
        arrays += [history.of, history.of - history.count]
    if history.whole is not None:
        arrays.append(np.maximum(history.whole - history.count, 0))
    return arrays


@dataclass(frozen=True)
class _Release:
    """Shows one message's figures one by one, in the order of their worth to the reader."""

    history: History
    step: Step
    size: int
    onset: int
    ledger: Ledger

    def _known(self, point: Point) -> bool:
        at = slice(point.start, point.stop)
        return bool(np.isfinite(self.history.count[at]).all() and np.isfinite(self.history.weight[at]).all())

    def _show(self, point: Point) -> bool:
        return self._known(point) and self.ledger.show(point.start, point.stop)

    def _years(self, end: int) -> tuple[bool, bool]:
        """A share since 1 April and that of the year before; of counts no such sums are told."""
        if self.history.of is None or end == 0:
            return False, False
        closes = closing(as_date(self.history.periods[end - 1]), self.step)
        opens = [opening(closes.replace(year=closes.year - back)) for back in (0, 1)]
        now, before = (int(np.searchsorted(self.history.periods, np.datetime64(day))) for day in opens)
        return now < end and self._show(Point(now, end)), before < now and self._show(Point(before, now))

    def upto(self, end: int, anchor: int) -> Shown:
        points = _split(end, anchor, self.size, self.step)
        last = end > 0 and self._show(Point(end - 1, end))
        window = next(filter(self._show, _windows(self.onset, end, self.size, points)), None)
        shown = [Point(p.start, p.stop, hidden=self._known(p) and not self._show(p)) for p in points]
        return Shown(end, self.size, last, window, tuple(reversed(shown)), self._years(end))


def _stock(history: History, step: Step, end: int, threshold: int) -> Shown:
    """Levels cannot be added up over time, so each is judged alone."""

    def hidden(at: int) -> bool:
        return any(is_small(float(array[at]), threshold) for array in _protected(history))

    points = tuple(Point(p.start, p.stop, hidden(p.start)) for p in reversed(_split(end, end, 1, step)))
    return Shown(end, 1, end > 0 and bool(np.isfinite(history.count[end - 1])) and not hidden(end - 1), None, points)


def release(
    history: History, kind: Kind, step: Step, onset: dt.date, period: dt.date, told: Sequence[dt.date], threshold: int
) -> Shown:
    """Returns what may be shown in a message about `period`, given the periods of the alert's earlier messages."""
    end = history.end(period)
    if kind == "stock":
        return _stock(history, step, end, threshold)
    earlier = [history.end(when) for when in sorted(told) if history.end(when) < end]
    anchor = earlier[0] if earlier else end
    size = point_size(history, kind, step, anchor)
    first = min(max(history.end(onset) - 1, 0), end)
    releases = _Release(history, step, size, first, Ledger(_protected(history), threshold))
    for when in earlier:
        releases.upto(when, anchor)
    return releases.upto(end, anchor)


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
        below = float(np.sqrt(((weight * (expected - lower))[at] ** 2).sum()) / scale)
        above = float(np.sqrt(((weight * (upper - expected))[at] ** 2).sum()) / scale)
        return centre, max(centre - below, 0.0), centre + above

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
