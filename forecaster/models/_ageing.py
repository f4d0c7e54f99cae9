"""Stays in simulation: those that are open and those to come, in every draw, until each of them ends.

Each gets an exponential threshold and ends in the period in which its added-up hazard passes it (inversion; Devroye
1986, section VI.2). Stays that opened in one period at one place share a threshold with a chance, as siblings end
together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forecaster.models._hazards import TINY, Hazards, Pace, cells, moving
from forecaster.types import NEVER, Floats, Ints, Slice, Stays


@dataclass(frozen=True)
class Course:
    """Simulated stays, one entry a stay and draw; periods count from the first to come.

    draw, opened, threshold: of each. since: of each stock the period from which it counts each stay. places: of each
    dimension which of its labels each stay has, in few bytes.
    """

    draw: Ints
    opened: Ints
    threshold: Floats
    since: dict[str, Ints]
    places: dict[str, NDArray[np.int16]]

    def and_then(self, other: Course) -> Course:
        """Returns both together."""
        return Course(
            np.concatenate([self.draw, other.draw]),
            np.concatenate([self.opened, other.opened]),
            np.concatenate([self.threshold, other.threshold]),
            {name: np.concatenate([since, other.since[name]]) for name, since in self.since.items()},
            {name: np.concatenate([codes, other.places[name]]) for name, codes in self.places.items()},
        )


def still_open(stays: Stays, length: int, draws: int, together: float, rng: np.random.Generator) -> Course:
    """Returns the stays that are open after `length` periods, once for each draw."""
    now = stays.select(np.flatnonzero(stays.ended == NEVER))
    number = len(now.opened)
    cell = np.tile(cells(now), draws) + np.repeat(np.arange(draws), number) * max(number, 1)
    return Course(
        draw=np.repeat(np.arange(draws), number),
        opened=np.tile(now.opened - length, draws),
        threshold=_thresholds(cell, together, rng),
        since={name: np.tile(stock.since - length, draws) for name, stock in now.stocks.items()},
        places={name: np.tile(codes.astype(np.int16), draws) for name, (_, codes) in now.places.items()},
    )


def to_come(
    stays: Stays, mix: Mapping[str, Floats], starts: Mapping[Slice, Floats], factor: float, together: float,
    rng: np.random.Generator,
) -> Course:  # fmt: skip
    """Returns the stays that start, `factor` times as many as in the sample paths of starts (N x H each).

    Their places are those of the starts by slice; what these leave of the council is shared out by the mix (N x L).
    """
    total = np.asarray(starts[()], np.int64)
    horizon = total.shape[1]
    cell = np.repeat(np.arange(total.size), total.ravel())
    for_places, for_ends, for_copies = rng.spawn(3)
    places = {name: _placed(name, labels, mix[name], starts, cell, for_places)
              for name, (labels, _) in stays.places.items()}  # fmt: skip
    near = cell
    for name in {"team", "locality"} & set(places):
        near = near * len(stays.places[name][0]) + places[name]
    copies = np.floor(factor + for_copies.random(len(cell))).astype(np.int64)
    most = int(copies.max(initial=1))
    threshold = np.stack([_thresholds(near, together, some) for some in for_ends.spawn(most)], axis=1)
    kept = np.arange(most) < copies[:, None]
    opened = np.repeat(cell % horizon, copies)
    return Course(
        draw=np.repeat(cell // horizon, copies),
        opened=opened,
        threshold=threshold[kept],
        since={name: opened + stock.least for name, stock in stays.stocks.items()},
        places={name: np.repeat(codes, copies) for name, codes in places.items()},
    )


def _thresholds(cell: Ints, together: float, rng: np.random.Generator) -> Floats:
    """Exponential thresholds: each stay takes its cell's with a chance whose square is `together`, else its own."""
    own = rng.standard_exponential(len(cell))
    takes = rng.random(len(cell)) < np.sqrt(together)
    groups = np.unique(cell, return_inverse=True)[1]
    shared = rng.standard_exponential(int(groups.max(initial=-1)) + 1)
    return np.where(takes, shared[groups], own)


def _placed(
    dimension: str, labels: tuple[str, ...], mix: Floats, starts: Mapping[Slice, Floats], cell: Ints,
    rng: np.random.Generator,
) -> NDArray[np.int16]:  # fmt: skip
    """A label for each new stay, such that every draw and period (cell) has as many of each as its starts say."""
    given = {labels.index(where[0][1]): paths for where, paths in starts.items()
             if where and where[0][0] == dimension and where[0][1] in labels}  # fmt: skip
    rest = np.where(np.isin(np.arange(len(labels)), list(given)), 0.0, mix)
    edges = np.cumsum(np.where(rest.sum(1, keepdims=True) > 0, rest, mix), axis=1)
    draw = cell // starts[()].shape[1]
    reached = rng.random(len(cell)) * edges[draw, -1]
    chosen = np.zeros(len(cell), np.int16)
    for edge in edges.T[:-1]:
        chosen += reached >= edge[draw]
    if given:
        total = starts[()].reshape(-1, 1).astype(np.int64)
        wanted = np.cumsum(np.stack([paths.ravel() for paths in given.values()], axis=1).astype(np.int64), axis=1)
        upto = np.hstack([np.zeros_like(total), np.minimum(wanted, total), total])
        in_turn = np.repeat(np.tile(np.array([*given, -1], np.int16), len(total)), np.diff(upto, axis=1).ravel())
        listed = in_turn[np.argsort(cell + rng.random(len(cell)), kind="stable")]
        chosen = np.where(listed >= 0, listed, chosen)
    return chosen


def ends(course: Course, hazards: Hazards, pace: Floats, rng: np.random.Generator) -> Ints:
    """Returns the period in which each stay ends, NEVER if after the horizon; pace: sample paths, N x H."""
    draws, horizon = pace.shape
    faster = pace * hazards.calendar
    left = course.threshold / _at_its_place(course, hazards, draws, rng)
    ended = np.full(len(left), NEVER)
    begins = [np.flatnonzero(course.opened < 0), *_by_period(course.opened, horizon)]
    at = np.empty(0, np.int64)
    for period in range(horizon):
        at = np.concatenate([begins[0], begins[1]]) if period == 0 else np.concatenate([at, begins[period + 1]])
        age = np.minimum(period - course.opened[at], len(hazards.by_age) - 1)
        left[at] -= hazards.by_age[age] * faster[course.draw[at], period]
        over = left[at] <= 0
        ended[at[over]] = period
        at = at[~over]
    return ended


def _by_period(opened: Ints, horizon: int) -> list[Ints]:
    """The stays that open in each period to come."""
    order = np.argsort(opened, kind="stable")
    edges = np.searchsorted(opened[order], np.arange(horizon + 1))
    return [order[low:high] for low, high in pairwise(edges)]


def _at_its_place(course: Course, hazards: Hazards, draws: int, rng: np.random.Generator) -> Floats:
    """How much faster each stay ends for where it is, in its draw's version of what places do; the council's is 1."""
    factor = np.ones(len(course.draw))
    for name, (shape, rate) in hazards.places.items():
        effect = rng.gamma(shape[:, None], 1 / rate[:, None], (len(shape), draws))
        share = np.maximum(rate - rate.min(), TINY)
        effect /= share @ effect / share.sum()
        factor *= effect[course.places[name], course.draw]
    return factor


def pace_paths(pace: Pace, draws: int, horizon: int, rng: np.random.Generator) -> Floats:
    """Returns sample paths (N x horizon) of the pace: a memory of it by weight, a level, and how it wanders on."""
    which = rng.choice(len(pace.weight), draws, p=pace.weight)
    level = rng.gamma(pace.shape[which]) / pace.rate[which]
    wander = pace.wander[which, None] * np.cumsum(rng.standard_normal((draws, horizon)), axis=1)
    return np.asarray(level[:, None] * np.exp(wander + moving(pace.moves, draws, horizon, rng)))
