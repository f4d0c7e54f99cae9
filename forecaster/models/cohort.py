"""Open plans from who is on a plan: every stay ages through the hazards of its end, and new ones join it.

Sample paths in whole numbers, in which slices add up to the council and what is open is what was open before, plus
starts, minus ends. Nothing is said of a single stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecaster.calendar import per_year
from forecaster.models._ageing import Course, ends, pace_paths, still_open, to_come
from forecaster.models._hazards import TINY, Hazards, arrivals, fit
from forecaster.negbin import LEAST
from forecaster.types import NEVER, QUANTILES, Ask, Floats, Ints, Kind, Panel, SeriesKey, Slice, Stays

NAME = "cohort"
KINDS: tuple[Kind, ...] = ("stock",)
DRAWS, SEED = 500, 1
MIX_CLUMPS = 4.0  # openings that tell as much of where the next ones will be as one that is independent of all others
FEWEST = 20  # ends that have been seen before anything is said
LEAST_MEAN = 0.01  # starts a period


@dataclass(frozen=True)
class Levers:
    """What if: starts and ends so many times as fast as forecast, or at the pace of the year before the newest one."""

    starts: float | Literal["last year"] = 1.0
    ends: float | Literal["last year"] = 1.0


AS_FORECAST = Levers()


@dataclass(frozen=True)
class Paths:
    """Sample paths of stocks in whole numbers: before is S, entered and left are S x N x H."""

    keys: tuple[SeriesKey, ...]
    before: Floats
    entered: Floats
    left: Floats

    @property
    def open(self) -> Floats:
        """What is open at the end of each period, S x N x H."""
        return np.asarray(self.before[:, None, None] + np.cumsum(self.entered - self.left, axis=2))


def outlook(
    panel: Panel, measure: str, horizon: int, starts: Mapping[Slice, Floats], seed: int, levers: Levers = AS_FORECAST
) -> Paths:
    """Returns sample paths of every series of a stock in the panel, whose stays are known to the end of the panel.

    starts: sample paths of openings, N x horizon in whole numbers each: of the council (the slice ()), and of as many
    slices as are forecast; what they leave of the council goes where stays opened of late. The same seed and starts
    give the same stays for every stock of one kind. Raises ValueError without the council's starts or without stays.
    """
    return outlooks(panel, (measure,), horizon, starts, seed, levers)[0]


def outlooks(
    panel: Panel,
    measures: Sequence[str],
    horizon: int,
    starts: Mapping[Slice, Floats],
    seed: int,
    levers: Levers = AS_FORECAST,
) -> list[Paths]:
    """Returns the `outlook` of several stocks of one kind of stay, from one simulation."""
    if panel.stays is None or () not in starts:
        raise ValueError("an outlook needs the stays of the panel and the starts of the council")
    return _simulated(_Past.of(panel, measures[0]), measures, horizon, starts, seed, levers)


def starts_from_within(panel: Panel, measure: str, horizon: int, draws: int, seed: int) -> Floats:
    """Returns sample paths (N x horizon) of the openings of a stock's stays: season x pace, clumped as ever."""
    past, rng = _Past.of(panel, measure), np.random.default_rng(seed)
    found = arrivals(panel, past.stays, past.first, horizon)
    mean = np.maximum(found.expected * pace_paths(found.pace, draws, horizon, rng), LEAST_MEAN)
    phi = max(found.dispersion, LEAST)
    return np.asarray(rng.negative_binomial(mean / (phi - 1), 1 / phi), float)


def predict(panel: Panel, ask: Ask) -> Floats:
    """Returns quantiles (S x O x H x Q) of the stocks that have stays behind them, NaN of all other series."""
    out = np.full((len(panel.keys), len(ask.origins), ask.horizon, len(QUANTILES)), np.nan)
    known = panel.stays.stocks if panel.stays else {}
    rows = [row for row, key in enumerate(panel.keys) if panel.kinds[row] == "stock" and key.measure in known]
    if rows and ask.origins:
        some = panel.select(rows)
        out[rows] = np.stack(ask.work(_one_origin, [(some.until(o), ask.horizon) for o in ask.origins]), axis=1)
    return out


@dataclass(frozen=True)
class _Past:
    """Stays of one kind, and the stocks that count them. first: the period from which their ends are known."""

    panel: Panel
    stays: Stays
    first: int

    @classmethod
    def of(cls, panel: Panel, measure: str) -> _Past:
        """The past of the stays that a stock may count."""
        assert panel.stays is not None
        mine = panel.stays.stocks[measure].since < NEVER
        found = panel.stays.select(np.flatnonzero(mine))
        alike = {name for name, stock in panel.stays.stocks.items() if np.array_equal(stock.since < NEVER, mine)}
        stocks = {name: stock for name, stock in found.stocks.items() if name in alike}
        own = [row for row, key in enumerate(panel.keys) if key.measure in alike]
        first = int(np.isfinite(panel.count[own]).any(axis=0).argmax())
        return cls(panel, replace(found, stocks=stocks), first)

    @property
    def tells(self) -> bool:
        """Whether the stock is known, and enough of its stays have ended since it was."""
        seen = (self.stays.ended >= self.first) & (self.stays.ended < NEVER)
        own = [row for row, key in enumerate(self.panel.keys) if key.measure in self.stays.stocks]
        return bool(np.isfinite(self.panel.count[own]).any()) and int(seen.sum()) >= FEWEST

    @property
    def length(self) -> int:
        return len(self.panel.periods)

    @property
    def year(self) -> int:
        return per_year(self.panel.step)

    def mix(self, draws: int, rng: np.random.Generator) -> dict[str, Floats]:
        """How often each label of each dimension will be among the openings (N x L), from those of the newest year."""
        recent = self.stays.opened >= self.length - self.year
        found = {}
        for name, (labels, codes) in self.stays.places.items():
            seen = np.bincount(codes[recent], minlength=len(labels)) / MIX_CLUMPS
            found[name] = rng.gamma(seen, size=(draws, len(labels))) + TINY * (seen > 0) + TINY**2
        return found


def _one_origin(item: tuple[Panel, int]) -> Floats:
    """Quantiles (S x H x Q) of stocks from the end of their panel."""
    panel, horizon = item
    out = np.full((len(panel.keys), horizon, len(QUANTILES)), np.nan)
    left = list(dict.fromkeys(key.measure for key in panel.keys))
    while left:
        past = _Past.of(panel, left[0])
        alike, left = [m for m in left if m in past.stays.stocks], [m for m in left if m not in past.stays.stocks]
        if not past.tells:
            continue
        starts: dict[Slice, Floats] = {(): starts_from_within(panel, alike[0], horizon, DRAWS, SEED)}
        for paths in _simulated(past, alike, horizon, starts, SEED, AS_FORECAST):
            rows = [panel.row(key) for key in paths.keys]
            out[rows] = np.moveaxis(np.quantile(paths.open, QUANTILES, axis=1, method="inverted_cdf"), 0, -1)
    return out


def _simulated(
    past: _Past, measures: Sequence[str], horizon: int, starts: Mapping[Slice, Floats], seed: int, levers: Levers
) -> list[Paths]:
    """Paths of several stocks of one kind of stay, from one simulation."""
    draws, stays = len(starts[()]), past.stays
    hazards = fit(past.panel, stays, past.first, horizon)
    now, new, pace, over, where = np.random.default_rng(seed).spawn(5)
    here = still_open(stays, past.length, draws, hazards.together, now)
    more = to_come(stays, past.mix(draws, where), starts, _more_starts(levers, past), hazards.together, new)
    course = here.and_then(more)
    ended = ends(course, hazards, pace_paths(hazards.pace, draws, horizon, pace) * _faster(levers, hazards), over)
    return [_tally(course, ended, past, measure, (draws, horizon)) for measure in measures]


def _more_starts(levers: Levers, past: _Past) -> float:
    """The lever on starts as a factor."""
    if levers.starts != "last year":
        return float(levers.starts)
    ago = past.length - 1 - past.stays.opened
    newest, before = (ago < past.year).sum(), ((ago >= past.year) & (ago < 2 * past.year)).sum()
    return float(before / max(newest, 1))


def _faster(levers: Levers, hazards: Hazards) -> float:
    """The lever on ends as a factor."""
    if levers.ends != "last year":
        return float(levers.ends)
    return hazards.last_year / hazards.pace.mean


def _tally(course: Course, ended: Ints, past: _Past, measure: str, size: tuple[int, int]) -> Paths:
    """Counts what enters and leaves every series of a stock in each draw and period (size)."""
    keys = tuple(key for key in past.panel.keys if key.measure == measure)
    since, stays, last = course.since[measure], past.stays, past.length - 1
    counted = since <= ended
    enters, leaves = counted & (since >= 0) & (since < size[1]), counted & (ended < size[1])
    now = (stays.stocks[measure].since <= last) & (stays.ended > last)
    entered, left, before = np.zeros((len(keys), *size)), np.zeros((len(keys), *size)), np.zeros(len(keys))
    for dimension in dict.fromkeys(_dimension(key) for key in keys):
        rows = [row for row, key in enumerate(keys) if _dimension(key) == dimension]
        labels, codes = stays.places[dimension] if dimension else (("",), np.zeros(len(now), np.int64))
        of = _members([keys[row] for row in rows], labels)
        place = course.places[dimension] if dimension else np.zeros_like(since)
        before[rows] = of @ np.bincount(codes[now], minlength=len(labels))
        for out, which, when in ((entered, enters, since), (left, leaves, ended)):
            cell = (place[which].astype(np.int64) * size[0] + course.draw[which]) * size[1] + when[which]
            counts = np.bincount(cell, minlength=len(labels) * size[0] * size[1]).reshape(len(labels), -1)
            out[rows] = (of @ counts).reshape(-1, *size)
    return Paths(keys, before, entered, left)


def _dimension(key: SeriesKey) -> str:
    return key.slice[0][0] if key.slice else ""


def _members(keys: Sequence[SeriesKey], labels: Sequence[str]) -> Floats:
    """Which labels each slice of one dimension holds (R x L): its own, or as the rest all that no other slice has."""
    names = [key.slice[0][1] if key.slice else "" for key in keys]
    own = np.array([[float(label == name) for label in labels] for name in names])
    rest = np.array([name not in labels for name in names])
    own[rest] = 1 - own.sum(0)
    return own
