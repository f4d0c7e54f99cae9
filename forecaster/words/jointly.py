"""What the alerts of one story show together: one ledger over all that their messages count.

Equal counts of two alerts are one array, so that what either shows of it is remembered for both (plan starts are what
repeat plans are a share of). What neither shows but both together give away is protected too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from forecaster.suppress import Following, Ledger
from forecaster.types import Floats, Kind
from forecaster.words.context import History

Place = tuple[int, Floats]  # an array of the ledger and where it stands
OFTEN = 0.95  # of the periods in which a flow less the change of a stock is some count, if it is one at all


def protected(history: History) -> list[Floats]:
    """Returns the counts that showing one of a series gives away, its own first."""
    arrays = [history.count]
    if history.of is not None:
        arrays += [history.of, history.of - history.count]
    if history.whole is not None:
        arrays.append(np.maximum(history.whole - history.count, 0))
    return arrays


def joint(several: Sequence[tuple[History, Kind]], threshold: int) -> list[Ledger]:
    """Returns for each series its side of one ledger: what is shown of one is remembered for all.

    A stock is in it by its changes, from boundary 0 to the one after the period whose level was shown.
    """
    arrays: list[Floats] = []
    rows = [[_place(arrays, array) for array in _arrays(*one)] for one in several]
    flows = [
        [(row, arrays[row]) for row in own[: 1 if history.of is None else 2]]
        for own, (history, kind) in zip(rows, several, strict=True)
        if kind != "stock"
    ]
    stocks = [(own[0], arrays[own[0]]) for own, (_, kind) in zip(rows, several, strict=True) if kind == "stock"]
    following = [*_between(flows), *_turnover(flows, stocks)]
    wholes = [history.whole for history, kind in several if history.whole is not None and kind != "stock"]
    following += _rest(flows, wholes)
    later = [array[1:] for array in arrays]  # of a stock's first period no change is known
    following = [replace(one, also=_found(later, one.counts[1:])) for one in following]
    fresh = [one for one in following if one.also is None or len(several) > 2]
    known = [(row, arrays[row]) for row in range(len(arrays)) if row not in {stock for stock, _ in stocks}]
    nested = [(i, j) for i, less in known for j, more in known if i != j and _is_count(more - less)]
    ledger = Ledger(arrays, threshold, fresh, [row for row, _ in stocks], nested if len(several) > 1 else ())
    return [ledger.about(own) for own in rows]


def levels_beside(history: History, others: Sequence[History]) -> list[Floats]:
    """Returns what a stock's level gives away beside those of other stocks that hold it or are held by it."""
    differences = [history.count - other.count for other in others]
    return [np.abs(one) for one in differences if _is_count(one) or _is_count(-one)]


def _arrays(history: History, kind: Kind) -> list[Floats]:
    if kind != "stock":
        return protected(history)
    level = np.nan_to_num(history.count)
    return [np.diff(level, prepend=level[:1])]


def _place(arrays: list[Floats], array: Floats) -> int:
    place = _found(arrays, array)
    if place is not None:
        return place
    arrays.append(array)
    return len(arrays) - 1


def _found(arrays: Sequence[Floats], array: Floats) -> int | None:
    return next((place for place, other in enumerate(arrays) if _same(array, other)), None)


def _same(one: Floats, other: Floats) -> bool:
    return bool(np.array_equal(np.nan_to_num(one), np.nan_to_num(other)))


def _is_count(array: Floats) -> bool:
    return bool((np.nan_to_num(array) >= 0).all())


def _between(flows: Sequence[Sequence[Place]]) -> list[Following]:
    """A series less one that it holds, such as a locality's other teams."""
    out = []
    for one, other in combinations(flows, 2):
        for (i, first), (j, second) in ((a, b) for a in one for b in other if a[0] != b[0]):
            out += [Following(d, (i, j)) for d in (first - second, second - first) if _is_count(d)]
    return out


def _rest(flows: Sequence[Sequence[Place]], wholes: Sequence[Floats]) -> list[Following]:
    """The council less two slices that lie apart, such as all but two of its teams."""
    out = []
    for one, other in combinations(flows, 2):
        (i, first), (j, second) = one[0], other[0]
        nested = _is_count(first - second) or _is_count(second - first)
        out += [Following(w - first - second, (i, j)) for w in wholes if not nested and _is_count(w - first - second)]
    return out


def _turnover(flows: Sequence[Sequence[Place]], stocks: Sequence[Place]) -> list[Following]:
    """The ends that follow from starts and levels, or the starts that follow from ends and levels."""
    out = []
    for i, flow in (place for one in flows for place in one):
        for j, change in stocks:
            found = (other for other in (flow - change, flow + change) if np.mean(np.nan_to_num(other) >= 0) >= OFTEN)
            out += [Following(other, (i, j)) for other in found]
    return out
