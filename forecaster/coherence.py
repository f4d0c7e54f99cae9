"""Forecasts that add up: in every sample path the slices of a breakdown sum to the council, in whole numbers.

The council's own forecast stands: it is the best calibrated, and slices are drawn given it (top-down conditioning,
Zambon et al. 2024, PMLR 244:4078). First by rank: the normal scores of slices are drawn given the council's, so that
they sum to about what they must while every slice keeps its own quantiles. What is still missing is then shared out by
each slice's part in the spread of their sum (MinT with the council held, Wickramasuriya et al. 2019, JASA 114:804),
none below zero (Wickramasuriya et al. 2020, Statistics and Computing 30:1167).

A breakdown is council or slice = its watched slices + "rest", a series of its own; without it nothing has to add up.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecaster.calendar import per_year
from forecaster.paths import arranged, error_correlation, marginals, normal_paths
from forecaster.types import COUNCIL, QUANTILES, Floats, Panel, SeriesKey

REST = "(rest)"  # what is in no slice of a breakdown that is watched
TOLERANCE = 0.01  # of a whole, by which its slices may exceed it: a few corrections, not people counted twice
LEAST_SHARED, MOST_SHARED = -0.5, 0.95  # bounds of the correlation between slices: the first times 1 / (slices - 1)
TINY = 1e-9


@dataclass(frozen=True)
class Breakdown:
    """The row of a whole, and the rows of its slices (with the rest, which is the last) that sum to it."""

    whole: int
    parts: tuple[int, ...]


def is_rest(key: SeriesKey) -> bool:
    return bool(key.slice) and key.slice[-1][1] == REST


def breakdowns(keys: Sequence[SeriesKey]) -> list[Breakdown]:
    """Returns every breakdown with a rest, wholes before their slices' own breakdowns; in the order of the keys."""
    by_whole = _by_whole(keys)
    found = [Breakdown(*item) for item in by_whole.values() if any(is_rest(keys[row]) for row in item[1])]
    return sorted(found, key=lambda one: (len(keys[one.whole].slice), keys[one.parts[0]]))


def _by_whole(keys: Sequence[SeriesKey]) -> dict[tuple[int, str], tuple[int, tuple[int, ...]]]:
    """The row of each whole and those of its slices, by whole and dimension; slices of no known whole are left out."""
    row_of = {key: row for row, key in enumerate(keys)}
    slices: dict[tuple[int, str], list[int]] = {}
    for key in sorted(keys, key=lambda key: (is_rest(key), key)):
        if not key.is_council:
            whole = row_of.get(replace(key, slice=tuple(pair for pair in key.slice if pair != _part(key))))
            if whole is not None:
                slices.setdefault((whole, _part(key)[0]), []).append(row_of[key])
    return {at: (at[0], tuple(rows)) for at, rows in slices.items()}


def _part(key: SeriesKey) -> tuple[str, str]:
    """Which part a slice is of its whole: what it says last, but for the council's name."""
    return [pair for pair in key.slice if pair[0] != COUNCIL][-1]


def with_rests(panel: Panel) -> Panel:
    """Returns the flows and stocks of a panel with the rest of every breakdown as a series after them.

    Give it the series that will be forecast, not those that cannot be: they are then in the rest. A breakdown whose
    slices sum to more than their whole (people counted in several) has no rest. Families are left out.
    """
    known = replace(panel.select(np.flatnonzero(~panel.is_kind("share"))), families=None, largest=None)
    found = [one for one in _by_whole(known.keys).values() if _adds_up(known.count, *one)]
    rests = [_rest_key(known.keys[whole], known.keys[rows[0]]) for whole, rows in found]
    arrays: dict[str, Any] = {
        name: np.vstack([array, *(np.maximum(_left(array, *one), 0.0) for one in found)])
        for name, array in known.arrays.items()
    }
    kinds = (*known.kinds, *(known.kinds[whole] for whole, _ in found))
    return replace(known, keys=(*known.keys, *rests), kinds=kinds, **arrays)


def _rest_key(whole: SeriesKey, part: SeriesKey) -> SeriesKey:
    return replace(whole, slice=(*whole.slice, (_part(part)[0], REST)))


def _left(array: Floats, whole: int, rows: Sequence[int]) -> Floats:
    return np.asarray(array[whole] - array[list(rows)].sum(0))


def _adds_up(count: Floats, whole: int, rows: Sequence[int]) -> bool:
    """Whether slices hardly ever sum to more than their whole."""
    left = _left(count, whole, rows)
    return bool(np.nansum(np.maximum(-left, 0.0)) <= TOLERANCE * count[whole][np.isfinite(left)].sum())


def usual(panel: Panel, horizon: int) -> Floats:
    """Returns quantiles S x H x Q of each series' last year, for a rest that no model can forecast (zero, or brief)."""
    last = panel.count[:, -per_year(panel.step) :]
    unknown = np.isnan(last).all(axis=1, keepdims=True)
    found = np.nanquantile(np.where(unknown, 0.0, last), QUANTILES, axis=1).T
    return np.repeat(found[:, None], horizon, axis=1)


def correlations(scores: Floats, keys: Sequence[SeriesKey]) -> Floats:
    """Returns the correlations S x H x H of errors along paths, from past normal scores S x O x H (NaN unknown).

    One for councils and one for slices: more of a council's error is its level, which stays, and less is chance.
    """
    council = np.array([key.is_council for key in keys])
    both = np.stack([error_correlation(scores[~council]), error_correlation(scores[council])])
    return np.asarray(both[council.astype(int)])


def coherent_draws(values: Floats, keys: Sequence[SeriesKey], correlation: Floats, number: int, seed: int) -> Floats:
    """Returns whole-number paths S x N x H that add up, with (nearly) the quantiles `values` (S x H x Q).

    correlation: H x H or S x H x H, between the normal scores of a path's errors. The council keeps its quantiles
    exactly, slices as far as they can sum to it. Neither the order of the series nor other measures change anything.
    Leave out, or give `usual` values to, what has no forecast.
    """
    own = np.broadcast_to(correlation, (len(keys), *correlation.shape[-2:]))
    out = np.empty((len(keys), number, values.shape[1]))
    for rows in _families(keys):
        some = [keys[row] for row in rows]
        name = zlib.crc32(str(some[0]).encode())  # what else is forecast changes nothing
        scores = normal_paths(len(rows), own[rows], number, (seed, name))
        out[rows] = _family_draws(values[rows], some, scores)
    return out


def _families(keys: Sequence[SeriesKey]) -> list[list[int]]:
    """The rows of each measure and council, in order of their keys: what may have to add up."""
    families: dict[SeriesKey, list[int]] = {}
    for row in sorted(range(len(keys)), key=lambda row: keys[row]):
        families.setdefault(keys[row].whole, []).append(row)
    return list(families.values())


def _family_draws(values: Floats, keys: Sequence[SeriesKey], scores: Floats) -> Floats:
    """Paths that add up, from normal scores S x N x H of series that know nothing of each other."""
    spread = marginals(values, scores.shape[1]).std(axis=-1)[:, None, :]
    for one in breakdowns(keys):
        parts = list(one.parts)
        scores[parts] = _given(scores[parts], spread[parts], scores[one.whole], spread[one.whole])
    return reconciled(arranged(values, scores), keys)


def _given(scores: Floats, spread: Floats, whole: Floats, whole_spread: Floats) -> Floats:
    """Normal scores of slices (n x N x H), given those of their whole (N x H); each stays standard normal.

    The slices share so much of their errors that their sum varies as the whole does: equal correlations r, where
    var(whole) = (1 - r) sum(s^2) + r sum(s)^2. Conditioning is then linear (Matheron's rule).
    """
    parts = len(scores)
    if parts == 1:
        return whole[None].copy()
    shared = _shared(spread, whole_spread)
    apart, joint = np.sqrt(1 - shared), np.sqrt(1 + (parts - 1) * shared)
    correlated = apart * scores + (joint - apart) * scores.mean(0)
    covariance = spread * ((1 - shared) * spread + shared * spread.sum(0))
    deviation = np.sqrt(np.maximum(covariance.sum(0), TINY**2))
    loading = covariance / np.maximum(spread * deviation, TINY**2)
    return np.asarray(correlated + loading * (whole - (spread * correlated).sum(0) / deviation))


def _shared(spread: Floats, whole_spread: Floats) -> Floats:
    """The correlation between slices with which their sum has the spread of the whole (1 x H)."""
    squares = np.square(spread).sum(0)
    pairs = np.maximum(np.square(spread.sum(0)) - squares, TINY)
    return np.asarray(np.clip((whole_spread**2 - squares) / pairs, LEAST_SHARED / (len(spread) - 1), MOST_SHARED))


def reconciled(draws: Floats, keys: Sequence[SeriesKey]) -> Floats:
    """Returns paths S x N x H in whole numbers, none negative, in which each breakdown sums to its whole.

    Wholes are only rounded; series that are in no breakdown too.
    """
    out = np.rint(np.maximum(draws, 0.0))
    for one in breakdowns(keys):
        parts = list(one.parts)
        out[parts] = _whole_numbers(_shared_out(draws[parts], out[one.whole]), out[one.whole])
    return out


def _shared_out(draws: Floats, whole: Floats) -> Floats:
    """The slices (n x N x H) nearest to their draws that sum to the whole (N x H) and are not negative.

    Nearest by the weights of MinT: each takes its covariance with the sum of all. Where one would fall below zero it
    is zero, and the others take its part: x = max(draws - move weight, 0), with the one move for which it sums.
    """
    total = draws.sum(0)
    weight = ((draws - draws.mean(1, keepdims=True)) * (total - total.mean(0))).mean(1, keepdims=True)
    weight = np.maximum(weight, TINY + 0.01 * np.square(draws.std(1, keepdims=True)))
    order = np.argsort(-draws / weight, axis=0)  # whoever is zero sooner comes later
    weights = np.broadcast_to(weight, draws.shape)
    move = (np.take_along_axis(draws, order, 0).cumsum(0) - whole) / np.take_along_axis(weights, order, 0).cumsum(0)
    return np.asarray(np.maximum(draws - move.max(0) * weight, 0.0))


def _whole_numbers(draws: Floats, whole: Floats) -> Floats:
    """Rounds slices (n x N x H) to whole numbers that sum to their whole: the largest remainders are rounded up."""
    floor = np.floor(draws)
    rank = np.argsort(np.argsort(floor - draws, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(floor + (rank < whole - floor.sum(0)))
