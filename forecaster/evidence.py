"""Evidence that adds up: the Shiryaev-Roberts statistic of a stream of counts, and its distribution by chance.

After every period R = ((1 - f) R' + f) L: L the likelihood ratio of its count, R' the statistic before it, f how much
is forgotten. It adds up the evidence of a shift that began now, one period ago, two periods ago, and so
on (Shiryaev 1963, Theory of Probability and its Applications 8:22; Roberts 1966, Technometrics 8:411). What is carried
on to the next period is at most CARRIED on the log scale: a huge value alarms at once and is soon forgotten, and the
alarm of a surge that is over ends in weeks, however strong it was.

The distribution without a shift is that of a Markov chain (Brook and Evans 1972, Biometrika 59:539), computed on a grid
for each expectation and dispersion that is met, and interpolated between.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import special

from forecaster.negbin import LARGEST_STEP, LEAST, count_at, log_ratio
from forecaster.types import Direction, Floats

Ints = NDArray[np.int_]
FORGET_FLOW, FORGET_STOCK = 0.25, 0.2  # a stock moves by a little more coming or a little less going, for long
STEADY_SHIFT = 0.4  # standard deviations of one step: the drift of a stock worth finding
CARRIED = 5.0
MEMORY = 40  # periods by which hardly anything is left of a count
RECENT = 13  # periods of which most of the evidence of a fall is
STATES = np.arange(-6.0, CARRIED + 0.1, 0.125)  # of what is carried; below the first it makes no difference
LEVELS = np.concatenate([np.arange(-15.0, 10.0, 0.1), np.arange(10.0, 60.0, 1.0)])  # for which the chance is tabulated
MEANS: Floats = np.power(1.35, np.arange(-16.0, 29.0))  # .008 to 4,500 a period
DISPERSIONS: Floats = LEAST * np.power(1.35, np.arange(15.0))  # to 68
OUTCOMES = 250  # counts that are told apart
SMALLEST = 1e-16
GRAIN = 0.05  # how far a table may place a count's own evidence beside it; the chance is taken a little too large


def _before(log_statistic: Floats, forget: Floats | float) -> Floats:
    """The log statistic that a period's likelihood ratio is added to."""
    return np.asarray(np.logaddexp(np.log1p(-forget) + log_statistic, np.log(forget)))


def accumulate(log_ratios: Floats, forget: Floats) -> Floats:
    """Returns the log Shiryaev-Roberts statistic after every period of log likelihood ratios (S x T), forget: S.

    A missing ratio is no news.
    """
    ratios = np.nan_to_num(log_ratios)
    out = np.empty_like(ratios)
    carried = np.zeros(len(ratios))
    for t in range(ratios.shape[1]):
        out[:, t] = _before(carried, forget) + ratios[:, t]
        carried = np.minimum(out[:, t], CARRIED)
    return out


def began(log_ratios: Floats, last: int) -> Floats:
    """Returns how many periods before each of the `last` the shift most likely began (S x last; 1: in that period).

    Where the sum of log ratios last began to rise from nothing (Page 1954, Biometrika 41:100): the change point of
    highest likelihood. The sum is bounded as what is carried is, so that a surge that is over is not told again.
    """
    ratios = np.nan_to_num(log_ratios)
    age, total = np.zeros((2, len(ratios)))
    out = np.empty_like(ratios)
    for t in range(ratios.shape[1]):
        age = np.where(total > 0, age, 0.0) + 1
        total = np.minimum(np.maximum(total, 0.0) + ratios[:, t], CARRIED)
        out[:, t] = np.minimum(age, MEMORY)
    return out[:, -last:]


def _outcomes(mean: float, dispersion: float) -> tuple[Floats, Floats]:
    """Counts that stand for all that may happen, with their chances."""
    size, chance = mean / (dispersion - 1), 1 / dispersion
    most = int(count_at(1 - 1e-12, np.array(mean), np.array(dispersion))) + 2
    edges = np.unique(np.linspace(0, most + 1, min(most + 2, OUTCOMES)).astype(int))
    below = np.where(edges > 0, special.betainc(size, np.maximum(edges, 1), chance), 0.0)
    return (edges[:-1] + edges[1:] - 1) / 2, np.diff(below)


def _settled(ratios: Floats, chances: Floats, forget: float) -> Floats:
    """Long-run chances of STATES for a stream whose log ratios have these chances."""
    after = np.minimum(_before(STATES, forget)[:, None] + ratios[None], CARRIED)
    place = np.clip((after - STATES[0]) / (STATES[1] - STATES[0]), 0, len(STATES) - 1.001)
    low = place.astype(int)
    cell = (np.arange(len(STATES))[:, None] * len(STATES) + low).ravel()
    weight, upper = np.broadcast_to(chances, place.shape).ravel(), (place - low).ravel()
    total = len(STATES) ** 2
    moves = np.bincount(cell, weight * (1 - upper), total) + np.bincount(cell + 1, weight * upper, total)[:total]
    balance = moves.reshape(len(STATES), len(STATES)).T - np.eye(len(STATES))
    balance[-1] = 1.0  # one balance follows from the others; the chances are one together
    return np.asarray(np.linalg.solve(balance, np.eye(len(STATES))[-1]))


def _tail(ratios: Floats, chances: Floats, forget: float, grain: float) -> Floats:
    """Log chance of at least LEVELS without a shift."""
    state = _settled(ratios, chances, forget)
    order = np.argsort(ratios)
    beyond = np.append(np.cumsum(chances[order][::-1])[::-1], 0.0)
    needed = LEVELS[:, None] - _before(STATES, forget)[None] - grain
    tail = (beyond[np.searchsorted(ratios[order], needed)] * state).sum(1)
    return np.asarray(np.log(np.clip(tail, SMALLEST, 1.0)))


@cache
def _count_tail(mean: int, dispersion: int, direction: Direction) -> Floats:
    """The tail at one node of MEANS and DISPERSIONS."""
    counts, chances = _outcomes(MEANS[mean], DISPERSIONS[dispersion])
    return _tail(log_ratio(counts, MEANS[mean], DISPERSIONS[dispersion], direction), chances, FORGET_FLOW, GRAIN)


@cache
def _step_tail() -> Floats:
    """The tail for a stock, whose standardised steps are normal."""
    edges = np.linspace(-8, 8, 801)
    ratios, chances = steady_log_ratio((edges[:-1] + edges[1:]) / 2), np.diff(special.ndtr(edges))
    return _tail(ratios, chances, FORGET_STOCK, grain=0.0)


def steady_log_ratio(z: Floats) -> Floats:
    """Returns the log likelihood ratio of standardised steps for a shift of STEADY_SHIFT.

    A sibling group that joins a stock stays in it: one step, no trend. So one step tells no more than LARGEST_STEP.
    """
    return np.asarray(STEADY_SHIFT * np.clip(z, -LARGEST_STEP, LARGEST_STEP) - STEADY_SHIFT**2 / 2)


def _node(values: Floats, nodes: Floats) -> tuple[Ints, Floats]:
    """The node below each value, and how far it is to the next on the log scale."""
    place = np.interp(np.log(np.maximum(values, nodes[0])), np.log(nodes), np.arange(len(nodes)))
    low = np.minimum(place.astype(int), len(nodes) - 2)
    return low, place - low


def _level(log_statistic: Floats) -> tuple[Ints, Floats]:
    place = np.interp(log_statistic, LEVELS, np.arange(len(LEVELS)))
    low = np.minimum(place.astype(int), len(LEVELS) - 2)
    return low, place - low


def count_p_values(log_statistic: Floats, mean: Floats, dispersion: Floats, direction: Direction) -> Floats:
    """Returns the chance of as much evidence without a shift (S x T), for counts of this expectation and dispersion."""
    rows, by_mean = _node(mean, MEANS)
    columns, by_dispersion = _node(dispersion, DISPERSIONS)
    level, above = _level(log_statistic)
    chance = np.zeros(level.shape)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        tables, at = _tables(rows + row, columns + column, direction)
        here = tables[at, level] * (1 - above) + tables[at, level + 1] * above
        weight = np.where(row, by_mean, 1 - by_mean) * np.where(column, by_dispersion, 1 - by_dispersion)
        chance += weight * (here if direction == "up" else np.exp(here))  # zeros for ever are all a fall can show: then
    return np.minimum(np.exp(chance) if direction == "up" else chance, 1.0)  # a chance is 0, and its log no guide


def _tables(rows: Ints, columns: Ints, direction: Direction) -> tuple[Floats, Ints]:
    """The tables of all nodes that are met, and which of them each cell needs."""
    nodes, at = np.unique(rows * len(DISPERSIONS) + columns, return_inverse=True)
    found = [_count_tail(int(node) // len(DISPERSIONS), int(node) % len(DISPERSIONS), direction) for node in nodes]
    return np.array(found).reshape(-1, len(LEVELS)), at.reshape(rows.shape)


def recent_highest(mean: Floats) -> Floats:
    """Returns the highest expectation of the last RECENT periods (S x T).

    The evidence of a fall was gathered under them; held against a rare event's low season it would be past its bound.
    """
    padded = np.pad(mean, ((0, 0), (RECENT - 1, 0)), mode="edge")
    return np.asarray(sliding_window_view(padded, RECENT, axis=1).max(-1))


def step_p_values(log_statistic: Floats) -> Floats:
    """Returns the chance of as much evidence without a shift (S x T), for a stock's standardised steps."""
    level, above = _level(log_statistic)
    table = _step_tail()
    return np.asarray(np.exp(table[level] * (1 - above) + table[level + 1] * above))
