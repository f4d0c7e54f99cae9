"""Whether a move is concentrated: what part of it each slice of a breakdown took, beside the part it usually takes.

A scan statistic (Kulldorff 1997, Communications in Statistics 26:1481, equation 1): how much likelier the newest counts
are if one slice alone took a different part of the whole than if all kept theirs. As it looks at parts only, a slice
that merely is large never stands out, and slices of different breakdowns, however many, are weighed on one scale. It is
divided by the dispersion that the slice's own past windows had about the very same prediction, which holds families,
the season of one source and the slow drift of mixes (quasi-likelihood; McCullagh and Nelder 1989, section 9.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from forecaster.calendar import per_year
from forecaster.types import Floats, Ints, Kind, Step

HISTORY_YEARS = 2  # before a window, from which the usual parts are learnt
PAST_YEARS = 3  # of windows that tell the dispersion
LEAST_HISTORY = 0.5  # years before a past window
LONGEST = 0.5  # years: a window longer than that is as dispersed as one of that length
SHRINK = 20.0  # weight of the council's own share in a slice's share
OWN = 10.0  # past windows at which a slice's own dispersion weighs as much as that of its whole breakdown
LEAST_DISPERSION = 1.0  # of counts; of those that count in a share the part that does not, as for a binomial
UNKNOWN_DISPERSION = 2.0  # without past windows
TINY = 1e-9


@dataclass(frozen=True)
class Table:
    """Counts of the K slices of a breakdown in T periods (K x T).

    now: what moves, and base: what its parts are usually learnt from. Flow: both the counts. Share: those that count,
    and all of them. Stock: openings less ends, and openings plus ends.
    """

    kind: Kind
    now: Floats
    base: Floats

    @property
    def totals(self) -> tuple[Floats, Floats]:
        """Running totals of both, with a zero before the first period (K x (T + 1))."""
        return _running(self.now), _running(self.base)


def _running(array: Floats) -> Floats:
    return np.asarray(np.cumsum(np.pad(array, ((0, 0), (1, 0))), axis=1))


@dataclass(frozen=True)
class Parts:
    """What M windows brought to each of K slices, and which part of the whole each usually takes (K x M)."""

    now: Floats
    usual: Floats

    @property
    def expected(self) -> Floats:
        """Returns what each slice had of the whole of its window, had all kept their usual parts."""
        return np.asarray(self.usual * self.now.sum(axis=0))


def parts(table: Table, start: Ints, stop: Ints, history: int, prior: Floats | float = 0.5) -> Parts:
    """Returns the parts of the windows [start, stop) of a table, the usual ones from `history` periods before each.

    prior: events added to each slice, as what never happened there is not impossible.
    """
    (now, base), since = table.totals, np.maximum(start - history, 0)
    told, past = now[:, stop] - now[:, start], base[:, start] - base[:, since]
    if table.kind == "share":
        before = now[:, start] - now[:, since]
        whole = before.sum(axis=0) / np.maximum(past.sum(axis=0), TINY)
        weight = (base[:, stop] - base[:, start]) * (before + SHRINK * whole) / (past + SHRINK)
        weight = weight + TINY
    else:
        weight = past + np.reshape(prior, (-1, 1))
    usual = weight / weight.sum(axis=0)
    if table.kind == "stock":
        turnover = past.sum(axis=0) * (stop - start) / np.maximum(start - since, 1)
        told = np.maximum(turnover * usual + told, 0.0)
    return Parts(told, usual)


def dispersion(table: Table, start: int, stop: int, first: int, step: Step) -> Floats:
    """Returns how much more than by chance the parts of each slice varied in the windows before `start` (K).

    first: the first period there is anything known of.
    """
    year = per_year(step)
    length = min(stop - start, int(LONGEST * year))
    earliest = max(start - PAST_YEARS * year, first + int(LEAST_HISTORY * year))
    begin = np.arange(start - length, earliest - 1, -max(length // 2, 1))
    if not len(begin):
        return np.full(len(table.now), UNKNOWN_DISPERSION)
    past = parts(table, begin, begin + length, HISTORY_YEARS * year)
    chance = past.expected * (1 - past.usual)
    own, all_ = _ratio(past, chance, 1), _ratio(past, chance, (0, 1))
    weight = len(begin) / 2 / (len(begin) / 2 + OWN)
    return np.asarray(np.maximum(weight * own + (1 - weight) * all_, _least(table)))


def _least(table: Table) -> float:
    if table.kind != "share":
        return LEAST_DISPERSION
    return float(LEAST_DISPERSION - table.now.sum() / max(table.base.sum(), 1.0))


def _ratio(past: Parts, chance: Floats, axis: int | tuple[int, ...]) -> Floats:
    squares = np.square(past.now - past.expected).sum(axis=axis)
    return np.asarray((squares + TINY) / (chance.sum(axis=axis) + TINY))


def evidence(now: Floats, usual: Floats, dispersion: Floats) -> Floats:
    """Returns the log-likelihood ratio, over its dispersion, that a slice took more (+) or less (-) than usual (K)."""
    whole = now.sum()
    expected = np.clip(usual * whole, TINY, whole - TINY)
    ratio = special.xlogy(now, now / expected) + special.xlogy(whole - now, (whole - now) / (whole - expected))
    return np.asarray(np.sign(now - expected) * ratio / dispersion)
