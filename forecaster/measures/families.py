"""Families behind events: brothers and sisters come together, and are one piece of news.

Where the source gives no family, brothers and sisters are looked for among the events of one team on one day. The
company of an event there, beyond what is usual for that team and weekday, is its siblings: c of them on average.
Family sizes are taken to be geometric, P(n) = (1 - q) q^(n - 1) with q = c / (2 + c), and families to come
independently: the events of a day are then Pólya-Aeppli (Johnson, Kemp and Kotz 2005, Univariate Discrete
Distributions, section 9.7). Among m of them, where u are usual, the expected number of families is

    m (1 - x[m-1]),   x[0] = 0,   x[n] = 1 / (2 + r / n - x[n-1]),   r = u (1 - q)^2 / q,

by the recurrence of the Laguerre polynomials that its probabilities are made of. A day of seven where hardly any
come is one family and a bit; where seven come every day it is as many families as on any other day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.measures.history import Bools, History, Ints
from forecaster.types import Floats

FEWEST = 100  # events without a family, to tell whether they come in families
WEEKS = 26  # before a day, which tell what is usual on it
BATCH = 8  # events beyond twice the usual: more is a pile of paper, not a sibling group
LEAST = 0.01  # siblings an event, below which nothing clusters
NAMED = 0.9  # of the events that must have a family for families to be counted
_SPAN = 1_000_000


@dataclass(frozen=True)
class Families:
    """The families behind some events.

    share: of each event in its family, so that they add up to the families, known or expected. group: the sibling
    group an event is in, -1 alone; period: of each group. named: whether the source gives an event's family.
    """

    share: Floats
    group: Ints
    period: Ints
    named: Bools


def families_of(history: History, rows: Ints, period: Ints) -> Families:
    """Returns the families of some events; period: equal numbers for what happened together."""
    family = history.family[rows]
    named = family >= 0
    pairs, which, size = np.unique(family[named] * _SPAN + period[named], return_inverse=True, return_counts=True)
    several = size > 1
    share, group = np.ones(len(rows)), np.full(len(rows), -1)
    share[named] = (1 / size)[which]
    group[named] = np.where(several, np.cumsum(several) - 1, -1)[which]
    share[~named] = day_shares(history.day[rows[~named]], _places(history, rows[~named]))
    return Families(share, group, pairs[several] % _SPAN, named)


def named_since(named: Bools, period: Ints, periods: int) -> Bools:
    """Returns from which of the periods on nearly all events have a family, so that families can be counted."""
    known, every = (np.bincount(at, minlength=periods)[::-1].cumsum()[::-1] for at in (period[named], period))
    return np.asarray(known >= NAMED * every)


def _places(history: History, rows: Ints) -> Ints:
    """Where each event is: its team, else its locality, else one place for all the rest."""
    team, locality = history.column("team"), history.column("locality")
    elsewhere = np.where(locality.codes[rows] < 0, 0, 1 + len(team.labels) + locality.codes[rows])
    return np.where(team.codes[rows] < 0, elsewhere, 1 + team.codes[rows])


def day_shares(day: Ints, place: Ints) -> Floats:
    """Returns the families expected an event, of events whose families are not known, from their days and places."""
    if len(day) < FEWEST:
        return np.ones(len(day))
    week, weekday = np.divmod(day + 3, 7)  # 1970-01-01 was a Thursday
    week = week - week.min()
    span = int(week.max()) + 1
    cell, which, size = np.unique((place * 7 + weekday) * span + week, return_inverse=True, return_counts=True)
    usual = _usual(cell, size, span)
    return expected_share(size, usual, siblings(size, usual))[which]


def _usual(cell: Ints, size: Ints, span: int) -> Floats:
    """Events a week on each cell's weekday at its place, in the half year before it (or the place's first one)."""
    place, week = cell // (7 * span), cell % span
    first = np.full(int(place.max()) + 1, span)
    np.minimum.at(first, place, week)
    start = np.maximum(week - WEEKS, first[place])
    end = np.minimum(start + WEEKS, span - 1)
    total = np.concatenate([[0], np.cumsum(size)])
    left, right = np.searchsorted(cell, cell - week + start), np.searchsorted(cell, cell - week + end, "right")
    return np.asarray((total[right] - total[left] - size) / np.maximum(end - start, 1))


def siblings(size: Ints, usual: Floats) -> float:
    """Returns how many siblings an event has on average: its company on its day, beyond the usual one."""
    plausible = size <= BATCH + 2 * usual
    company = (size * (size - 1 - usual))[plausible].sum() / max(size[plausible].sum(), 1)
    return float(max(company, 0.0))


def expected_share(size: Ints, usual: Floats, siblings: float) -> Floats:
    """Returns the families expected among the `size` events of each day, over their number."""
    if siblings < LEAST:
        return np.ones(len(size))
    chance = siblings / (2 + siblings)  # of one more child
    rate = usual * (1 - chance) ** 2 / chance
    fewer = np.zeros(len(size))
    for n in range(1, int(size.max(initial=1))):
        more = size > n
        fewer[more] = 1 / (2 + rate[more] / n - fewer[more])
    return 1 - fewer
