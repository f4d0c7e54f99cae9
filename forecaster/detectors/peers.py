"""We rose, they did not: the change of one council against the changes of the others that share an installation.

Where a measure comes for several councils (totals with a column `council`), each council's last three months are held
against its own year before, as log rates or arcsine roots of shares, and that change against the median of the others'
over the same periods: a season, a bank holiday or a national movement is in all of them and is no news.

    z = (change - median of others) / sqrt(chance + tau^2 + variance of the median)

chance: Poisson or binomial, doubled for siblings. tau^2: how much more councils differ in such changes than by chance,
from the others alone (`funnel.beyond_chance`). What a council's own z usually are widens or narrows the limits
further: some move more than others do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from forecaster.calendar import per_year
from forecaster.funnel import CLUSTERING, WINSORISED, beyond_chance, transform
from forecaster.glm import clipped_moment
from forecaster.judgeable import cannot_judge
from forecaster.types import (
    COUNCIL,
    Direction,
    Floats,
    Judgement,
    Kind,
    Limits,
    NotRun,
    Panel,
    Reference,
    SeriesKey,
    Signal,
    SignalKind,
    Slice,
    Step,
    as_date,
)  # fmt: skip

NAME: SignalKind = "peers"
KINDS: tuple[Kind, ...] = ("flow", "share")
FEWEST = 5  # councils, the one that is judged among them
WINDOW: dict[Step, int] = {"week": 13, "month": 3}
SEEN = 0.8  # of a window's periods that must have a value
RECORD = 4.0  # windows of usual behaviour a council is given before its own record counts
LEAST_RECORD, MOST_RECORD = 0.4, 6.0
CLIP = 2.58
FREEDOM = 20.0  # the tails are never trusted to be thinner than those of Student's t with so many degrees of freedom
HALF = 0.5
ALONE = "not one of several councils: no column council tells whose it is"

Shared = tuple[str, Kind, Slice]


@dataclass(frozen=True)
class _Change:
    """What moved in every council of a group from the year before a window to the window; arrays of C, NaN missing.

    moved: difference of log rates, or of arcsine roots; chance: its variance by chance alone; before: the level it
    began at (events a period, or a proportion).
    """

    moved: Floats
    chance: Floats
    before: Floats


@dataclass(frozen=True)
class _Compared:
    """Each council's change beside the others', arrays of C. usual: their median; deviation: of one more council."""

    usual: Floats
    deviation: Floats
    z: Floats
    others: float


def _groups(panel: Panel) -> dict[Shared, list[int]]:
    """The rows that differ in nothing but the council."""
    groups: dict[Shared, list[int]] = {}
    for row, key in enumerate(panel.keys):
        if _is_shared(key) and panel.kinds[row] in KINDS:
            rest = tuple(pair for pair in key.slice if pair[0] != COUNCIL)
            groups.setdefault((key.measure, panel.kinds[row], rest), []).append(row)
    return groups


def _is_shared(key: SeriesKey) -> bool:
    return any(name == COUNCIL for name, _ in key.slice)


def _sums(x: Floats) -> Floats:
    """Sums from the first period on, with a zero before it (S x T + 1); missing adds nothing."""
    return np.concatenate([np.zeros((len(x), 1)), np.nan_to_num(x).cumsum(axis=1)], axis=1)


@dataclass(frozen=True)
class _Totals:
    """Running sums of a group: events, what they are a share of, and periods with a value."""

    hits: Floats
    of: Floats
    seen: Floats
    share: bool
    year: int

    @classmethod
    def of_group(cls, panel: Panel) -> _Totals:
        seen = np.isfinite(panel.capped)
        of = np.where(seen, panel.of, np.nan)
        return cls(
            _sums(panel.capped), _sums(of), _sums(seen.astype(float)), panel.kinds[0] == "share", per_year(panel.step)
        )

    def between(self, start: int, stop: int) -> tuple[Floats, Floats]:
        """Events and size over some periods: the denominator, or periods with a value; NaN where too few have one."""
        hits, of, seen = (array[:, stop] - array[:, start] for array in (self.hits, self.of, self.seen))
        size = of if self.share else seen
        return hits, np.where((seen >= SEEN * (stop - start)) & (size > 0), size, np.nan)

    def change(self, at: int, window: int) -> _Change:
        """The change at a period over a window that ends with it, against the year before the window."""
        start = at + 1 - window
        hits, size = self.between(start, at + 1)
        before, usual = self.between(start - self.year, start)
        if self.share:
            moved = transform(hits / size, "share") - transform(before / usual, "share")
            return _Change(moved, CLUSTERING / 4 * (1 / size + 1 / usual), before / usual)
        moved = np.log((hits + HALF) / size) - np.log((before + HALF) / usual)
        expected = (before + HALF) / usual * size * np.exp(np.nanmedian(moved) if np.isfinite(moved).any() else 0.0)
        return _Change(moved, CLUSTERING * (1 / expected + 1 / (before + HALF)), (before + HALF) / usual)


def _compare(change: _Change) -> _Compared:
    """Every council against all the others."""
    known = np.flatnonzero(np.isfinite(change.moved))
    count = len(known)
    usual, deviation, z = (np.full(len(change.moved), np.nan) for _ in range(3))
    if count < FEWEST:
        return _Compared(usual, deviation, z, count - 1)
    others = known[_all_but_one(count)]
    moved, chance = change.moved[others], change.chance[others]
    usual[known] = np.median(moved, axis=1)
    _, tau2 = beyond_chance((moved - usual[known, None]) / np.sqrt(chance), 1 / chance, WINSORISED)
    middle = np.pi / 2 * (chance.mean(1) + tau2) / (count - 1)
    deviation[known] = np.sqrt(change.chance[known] + tau2 + middle)
    z[known] = (change.moved[known] - usual[known]) / deviation[known]
    return _Compared(usual, deviation, z, count - 1)


def _all_but_one(count: int) -> NDArray[np.intp]:
    """Row i: the numbers from 0 to count - 1 without i."""
    every = np.tile(np.arange(count), (count, 1))
    return every[~np.eye(count, dtype=bool)].reshape(count, count - 1)


def _record(z: Floats, window: int) -> tuple[Floats, Floats]:
    """Mean square of a council's own scores up to a window before each period, within limits, and of how many windows.

    Both C x T. Windows overlap and tell the same thing often, so each period is a part of one.
    """
    squares = np.minimum(z**2, CLIP**2) / clipped_moment(CLIP)
    lagged = np.maximum(np.arange(z.shape[1]) - window + 1, 0)
    windows, total = (_sums(array)[:, lagged] / window for array in (np.isfinite(z).astype(float), squares))
    return np.clip((RECORD + total) / (RECORD + windows), LEAST_RECORD, MOST_RECORD), windows


@dataclass(frozen=True)
class _Judged:
    """A group's councils in every period (C x T): expected level with its band, the score t and its freedom."""

    expected: Floats
    lower: Floats
    upper: Floats
    t: Floats
    freedom: Floats


def _judge_group(panel: Panel) -> _Judged:
    totals, window = _Totals.of_group(panel), WINDOW[panel.step]
    first = window + totals.year - 1
    shape = (len(panel.keys), len(panel.periods))
    usual, deviation, z, before, freedom = (np.full(shape, np.nan) for _ in range(5))
    for at in range(first, shape[1]):
        change = totals.change(at, window)
        found = _compare(change)
        usual[:, at], deviation[:, at], z[:, at], before[:, at] = found.usual, found.deviation, found.z, change.before
        freedom[:, at] = found.others - 1
    spread, windows = _record(z, window)
    spread, freedom = np.sqrt(spread), np.minimum(freedom + windows, FREEDOM)
    half = stats.t.ppf(0.975, freedom) * deviation * spread
    expected, lower, upper = (_level(before, usual + side * half, totals.share) for side in (0, -1, 1))
    return _Judged(expected, lower, upper, z / spread, freedom)


def _level(before: Floats, moved: Floats, share: bool) -> Floats:
    """The level that a change leads to: a proportion, or events a period."""
    if share:
        return np.asarray(np.sin(np.clip(transform(before, "share") + moved, 0, np.pi / 2)) ** 2)
    return np.asarray(before * np.exp(moved))


def _reasons(panel: Panel, t: Floats, min_history: int, last: int) -> NDArray[np.object_]:
    """Why each of the last periods of a group (C x last) cannot be judged, "" where it can."""
    reasons = cannot_judge(panel.count, min_history, last, panel.step)
    compared = np.isfinite(t[:, -last:])
    few = np.broadcast_to(compared.sum(0) < FEWEST, compared.shape)
    reasons[(reasons == "") & few] = f"fewer than {FEWEST} councils to compare: its others have no figures"
    reasons[(reasons == "") & ~compared] = "too many gaps in the last months or the year before them"
    return reasons


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every flow and share of a panel of those alone.

    expected and the band are the mean of the window's periods, had the council moved as the others did.
    """
    shape = (len(panel.keys), last)
    arrays = {name: np.full(shape, np.nan) for name in ("expected", "lower", "upper", "p_value")}
    reasons = np.full(shape, ALONE, object)
    for rows in _groups(panel).values():
        group = panel.select(rows)
        found = _judge_group(group)
        reasons[rows] = _reasons(group, found.t, min_history, last)
        for name in ("expected", "lower", "upper"):
            arrays[name][rows] = getattr(found, name)[:, -last:]
        arrays["p_value"][rows] = _tail(found, direction)[:, -last:]
    p_value = np.where(reasons == "", arrays.pop("p_value"), np.nan)
    window = np.full(shape, float(WINDOW[panel.step]))
    return Judgement(**arrays, p_value=p_value, score=-np.log10(p_value), window=window, reasons=reasons)


def _tail(found: _Judged, direction: Direction) -> Floats:
    sign = 1.0 if direction == "up" else -1.0
    return np.asarray(np.clip(stats.t.sf(sign * found.t, found.freedom), 1e-300, 1.0))


def detect(panel: Panel, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
    """Returns which councils moved apart from the others by the newest period, each direction at the limits.

    Series that are not of several councils are none of its business: neither judged nor not run.
    """
    signals: list[Signal] = []
    missed: list[NotRun] = []
    for rows in _groups(panel).values():
        group = panel.select(rows)
        found = _judge_group(group)
        reasons = _reasons(group, found.t, limits.min_history, 1)[:, 0]
        missed += [NotRun(key, NAME, reason) for key, reason in zip(group.keys, reasons, strict=True) if reason]
        signals += _signals(group, found, reasons == "", limits.alpha)
    return signals, missed


def _signals(panel: Panel, found: _Judged, judged: NDArray[np.bool_], alpha: float) -> Iterator[Signal]:
    newest, window = len(panel.periods) - 1, WINDOW[panel.step]
    sides: tuple[Direction, ...] = ("up", "down")
    for direction in sides:
        p_value = _tail(found, direction)[:, newest]
        for row in map(int, np.flatnonzero(judged & (p_value <= alpha))):
            band = (found.expected[row, newest], found.lower[row, newest], found.upper[row, newest])
            yield _signal(panel, row, direction, newest, newest + 1 - window, band, float(p_value[row]))


def since(panel: Panel, signal: Signal, onset: dt.date) -> Signal:
    """Returns a signal told from an earlier onset: what came since, had the council moved as the others did."""
    at, first = (int(np.searchsorted(panel.periods, np.datetime64(day))) for day in (signal.period, onset))
    rows = next(rows for rows in _groups(panel).values() if panel.row(signal.key) in rows)
    group = panel.select(rows)
    totals = _Totals.of_group(group)
    if first < totals.year:
        return signal
    change, row = totals.change(at, at + 1 - first), group.row(signal.key)
    found = _compare(change)
    half = stats.t.ppf(0.975, min(max(found.others - 1, 1), FREEDOM)) * found.deviation
    bands = (_level(change.before, found.usual + side * half, totals.share)[row] for side in (0, -1, 1))
    return _signal(group, row, signal.direction, at, first, tuple(bands), signal.p_value)


def _signal(
    panel: Panel, row: int, direction: Direction, at: int, first: int, band: tuple[float, ...], p_value: float
) -> Signal:
    share = panel.kinds[row] == "share"
    count, of = panel.count[row, first : at + 1], panel.of[row, first : at + 1]
    seen = np.isfinite(count)
    size = float(of[seen].sum()) if share else float(seen.sum())
    expected, lower, upper = (float(value) for value in band)
    return Signal(
        key=panel.keys[row], kind=NAME, direction=direction,
        period=as_date(panel.periods[at]), onset=as_date(panel.periods[first]),
        observed=float(count[seen].sum()) / max(size, 1.0), expected=expected, lower=lower, upper=upper,
        p_value=p_value, score=float(-np.log10(p_value)),
        total=float(count[seen].sum()), total_expected=expected * size,
    )  # fmt: skip
