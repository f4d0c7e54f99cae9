"""Disclosure control: which counts may be shown. Pure, applied once, before anything reaches a channel.

Counts from 1 to a threshold (5) are never shown, nor anything from which one can be worked out by adding and
subtracting what is shown (DfE's rule for its own tables: 1 to 5 as "c", with secondary suppression).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.types import Floats

# Of the array at a place, that the periods start to stop-1 counted at least so many and at most so many.
Said = tuple[int, int, int, float, float]
Bound = tuple[int, int, float, float]
Joined = NDArray[np.int64]


def is_small(count: float, threshold: int) -> bool:
    """Returns whether a count is one of 1 to threshold; zero and a missing count (NaN) are not small."""
    return 0.5 <= count < threshold + 0.5


def small(counts: Floats, threshold: int) -> NDArray[np.bool_]:
    """Returns which counts of an array are small."""
    return np.asarray((counts >= 0.5) & (counts < threshold + 0.5))


def any_small(counts: Floats, threshold: int) -> bool:
    """Returns whether any count of an array is small."""
    return bool(small(counts, threshold).any())


def hidden_slices(counts: Sequence[float], threshold: int) -> tuple[bool, ...]:
    """Returns which slices of one breakdown to hide, given that the reader knows their total.

    Small ones are hidden; then the smallest of the others too, until at least two are hidden and together they are more
    than the threshold, so that the total minus what is shown gives nothing away. Empty slices do not protect anything.
    """
    hidden = [is_small(count, threshold) for count in counts]
    if not any(hidden):
        return tuple(hidden)
    spare = sorted((i for i, count in enumerate(counts) if not hidden[i] and count >= 0.5), key=lambda i: counts[i])
    for i in spare:
        if sum(hidden) >= 2 and sum(c for c, out in zip(counts, hidden, strict=True) if out) > threshold:
            break
        hidden[i] = True
    return tuple(hidden)


def _in_doubt(view: tuple[Floats, Floats], threshold: int, exact: bool = False) -> bool:
    """Whether no small count is known, given what is true and the most that each could be."""
    true, most = view
    least = -most.T
    known = most - least < 0.5
    if not exact:
        known |= (least > 0.5) & (most < threshold + 0.5) & (most - least < threshold - 1.5)
    return not (known & small(true, threshold)).any()


@dataclass(frozen=True)
class Following:
    """Counts that follow from those of several arrays (their places), so they are known where all of these are.

    also: the place of an array that counts the same: what is known of either is known of both.
    """

    counts: Floats
    of: tuple[int, ...]
    also: int | None = None


@dataclass
class _Told:
    """What has been shown of each array (boundaries with one label are joined), said, and left out as small."""

    joined: Joined
    said: list[Said]
    crossed: list[Said]

    def copy(self) -> _Told:
        return _Told(self.joined.copy(), [*self.said], [*self.crossed])


class Ledger:
    """What has been shown of counts over time, and so what may still be shown.

    A count over the periods start to stop-1 is a step between two boundaries in time. Shown counts that meet at a
    boundary can be added and subtracted, so boundaries joined by shown counts give away the count between any two of
    them. `arrays` are the counts that one showing gives away (of a share: numerator, denominator, difference), or those
    of several series that are shown one by one (`about`). following: what is known where others are; those at `free`
    are not counts themselves and may be small. nested: places of an array and of one that is never less.
    """

    def __init__(
        self,
        arrays: Sequence[Floats],
        threshold: int,
        following: Sequence[Following] = (),
        free: Sequence[int] = (),
        nested: Sequence[tuple[int, int]] = (),
    ):
        counts = np.nan_to_num(np.stack([*arrays, *(one.counts for one in following)]))
        self._sums = np.concatenate([np.zeros((len(counts), 1)), counts.cumsum(axis=1)], axis=1)
        self._rows = tuple(range(len(arrays)))
        self._guarded: list[tuple[int, tuple[int, ...]]] = [(row, (row,)) for row in self._rows if row not in free]
        self._guarded += [(len(arrays) + i, one.of) for i, one in enumerate(following)]
        self._same = [(one.also, len(arrays) + i, one.of) for i, one in enumerate(following) if one.also is not None]
        self._free, self._nested = set(free), tuple(nested)
        self._turnover = [(row, of) for row, of in self._guarded if not self._free.isdisjoint(of)]
        self._found: dict[Hashable, bool] = {}
        self._told = _Told(np.tile(np.arange(self._sums.shape[1]), (len(arrays), 1)), [], [])
        self.threshold = threshold

    def about(self, rows: Sequence[int]) -> Ledger:
        """Returns the same ledger for showing one series: the arrays at these places, its own counts first."""
        other = copy(self)
        other._rows = tuple(rows)
        return other

    def copy(self) -> Ledger:
        """Returns a ledger in which can be tried out what more may be shown."""
        other = copy(self)
        other._told = self._told.copy()
        return other

    def become(self, other: Ledger) -> None:
        """Takes over what was tried out in a copy."""
        told = other._told
        self._told.joined, self._told.said, self._told.crossed = told.joined, told.said, told.crossed

    def inherit(self, other: Ledger) -> None:
        """Takes over what another ledger, of some of these arrays, has shown: it may be more than this one would."""
        several = range(len(other._told.joined))
        place = [
            next(i for i, own in enumerate(self._sums) if np.array_equal(own, other._sums[row])) for row in several
        ]
        self._told.joined[place] = other._told.joined
        self._told.said += [(place[row], *rest) for row, *rest in other._told.said]  # type: ignore[misc]
        self._told.crossed += [(place[row], *rest) for row, *rest in other._told.crossed]  # type: ignore[misc]

    def say(self, start: int, stop: int, least: float = 0.0, most: float = np.inf) -> None:
        """Remembers between what the first array's count of periods start to stop-1 was said to be."""
        self._told.said.append((self._rows[0], start, stop, least, most))

    def cross(self, start: int, stop: int) -> None:
        """Remembers that a small count was left out: whoever reads may guess that it is small."""
        self._told.crossed.append((self._rows[0], start, stop, 1.0, self.threshold))

    def is_safe(self) -> bool:
        """Returns whether all that was shown and said, taken together, leaves every small count in doubt.

        There must be room for more than "5 or fewer" says of it, and for more than one value even if the reader guesses
        which counts were left out because they are small.
        """
        told = self._told
        return all(
            self._is_in_doubt(row, of, said, exact)
            for exact, said in ((False, told.said), (True, told.said + told.crossed))
            for row, of in self._guarded
        )

    def _is_in_doubt(self, row: int, of: tuple[int, ...], said: Sequence[Said], exact: bool) -> bool:
        """Whether no small count of an array is known; what was found is kept, as most of the ledger stays as it is."""
        stock = next((one for one in of if one in self._free), None)
        first = row if stock is None else of[0]
        labels = self._labels(of if stock is None else (first,))
        bounds = self._bounds(first, said)
        levels = np.empty(0, np.int64) if stock is None else self._levels(stock)
        if stock is not None:
            bounds += [bound for place, of in self._turnover if of[0] == first for bound in self._least(place, of)]
        case = (row, exact, labels.tobytes(), tuple(bounds), levels.tobytes())
        if case not in self._found:
            views = self._views(row, first, labels, bounds, levels)
            self._found[case] = all(_in_doubt(view, self.threshold, exact) for view in views)
        return self._found[case]

    def _views(
        self, row: int, first: int, labels: Joined, bounds: Sequence[Bound], levels: NDArray[np.int64]
    ) -> Iterator[tuple[Floats, Floats]]:
        """What is true of an array and the most it could be; where levels lead to it, first the same of the flow."""
        at, true, most = self._view(first, labels, bounds)
        yield true, most
        if row != first:
            there = np.flatnonzero(np.isin(at, levels))
            change = (self._sums[first] - self._sums[row])[at[there]]
            own = self._sums[row, at[there]]
            yield own[None, :] - own[:, None], most[np.ix_(there, there)] - (change[None, :] - change[:, None])

    def _bounds(self, row: int, said: Sequence[Said]) -> list[Bound]:
        """What was said of an array, and what is known or was said of those that are never less or never more."""
        bounds = [one[1:] for one in said if one[0] == row]
        for less, more in self._nested:
            if row == less:
                bounds += [(x, y, 0.0, most) for x, y, _, most in self._heard(more, said)]
            elif row == more:
                bounds += [(x, y, least, np.inf) for x, y, least, _ in self._heard(less, said)]
        for same, following, of in self._same:
            if row == same:
                bounds += self._followed(following, of, said)
        return bounds

    def _followed(self, row: int, of: tuple[int, ...], said: Sequence[Said]) -> list[Bound]:
        """What is known or was said of counts that follow from others: those of a flow between levels of a stock."""
        stock = next((one for one in of if one in self._free), None)
        if stock is None:
            return self._known(row, self._labels(of))
        change, levels = self._sums[of[0]] - self._sums[row], set(self._levels(stock).tolist())
        labels = [one if at in levels else -1 - at for at, one in enumerate(self._told.joined[of[0]])]
        heard = [one[1:] for one in said if one[0] == of[0] and {one[1], one[2]} <= levels]
        return self._known(row, np.array(labels)) + [
            (x, y, low - change[y] + change[x], high - change[y] + change[x]) for x, y, low, high in heard
        ]

    def _heard(self, row: int, said: Sequence[Said]) -> list[Bound]:
        return self._known(row, self._told.joined[row]) + [one[1:] for one in said if one[0] == row]

    def _known(self, row: int, labels: Joined) -> list[Bound]:
        """The counts between boundaries with one label."""
        order = np.lexsort((np.arange(len(labels)), labels))
        pairs = np.flatnonzero(np.diff(labels[order]) == 0)
        ends = [(int(order[i]), int(order[i + 1])) for i in pairs]
        return [(x, y, n := float(self._sums[row, y] - self._sums[row, x]), n) for x, y in ends]

    def _levels(self, stock: int) -> NDArray[np.int64]:
        """The boundaries at which a stock's level was shown."""
        return np.flatnonzero(self._told.joined[stock] == self._told.joined[stock, 0])[1:]

    def _least(self, row: int, of: tuple[int, ...]) -> list[Bound]:
        """Between two levels at least as many came as there are more, as what went is no less than nothing."""
        at = self._levels(of[1])
        change = np.diff((self._sums[of[0]] - self._sums[row])[at])
        return [(int(x), int(y), float(more), np.inf) for x, y, more in zip(at[:-1], at[1:], change, strict=True)]

    def _labels(self, of: Sequence[int], joined: Joined | None = None) -> Joined:
        """What has been shown of counts that are known where all of some arrays are."""
        joined = self._told.joined if joined is None else joined
        labels: Joined = joined[of[0]]
        for row in of[1:]:
            labels = np.unique(labels * joined.shape[1] + joined[row], return_inverse=True)[1]
        return labels

    def _view(self, row: int, joined: Joined, said: Sequence[Bound]) -> tuple[NDArray[np.intp], Floats, Floats]:
        """The boundaries that matter (E), the true count between any two, and the most that it could be (E x E each).

        Boundaries joined to each other are one; a count of the others is at most a sum of counts that lead there (a
        difference constraint: the tightest bound is a shortest path; Cormen et al., Introduction to Algorithms, 22.4).
        """
        sums = self._sums[row]
        size = np.bincount(joined, minlength=len(joined))
        spoken = np.array(sorted({end for start, stop, _, _ in said for end in (start, stop)}), int)
        at = np.union1d(np.flatnonzero(size[joined] > 1), spoken)
        first, group = np.unique(joined[at], return_index=True, return_inverse=True)[1:]
        offset = sums[at] - sums[at[first]][group]
        most = np.full((len(first), len(first)), np.inf)
        np.fill_diagonal(most, 0.0)
        np.minimum.at(most, (group[1:], group[:-1]), np.diff(offset))
        for start, stop, low, high in said:
            i, j = np.searchsorted(at, (start, stop))
            step, one, other = offset[i] - offset[j], group[i], group[j]
            most[one, other] = min(most[one, other], high + step)
            most[other, one] = min(most[other, one], -low - step)
        for k in range(len(first)):
            np.minimum(most, most[:, k, None] + most[None, k], out=most)
        return at, sums[at][None, :] - sums[at][:, None], most[group][:, group] + offset[None, :] - offset[:, None]

    def are_joined(self, *boundaries: int) -> bool:
        """Returns whether the counts between all of these boundaries have been given away."""
        return len({int(self._told.joined[self._rows[0], boundary]) for boundary in boundaries}) == 1

    def known(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Returns which of the periods start to stop-1 lie in stretches whose count has been given away."""
        inside = self._told.joined[self._rows[0], start : stop + 1]
        out = np.zeros(stop - start, bool)
        for group in np.unique(inside):
            ends = np.flatnonzero(inside == group)
            out[ends[0] : ends[-1]] = True
        return out

    def show(self, start: int, stop: int) -> bool:
        """Returns whether the count of periods start to stop-1 may be shown, and if so remembers that it was."""
        joined = self._told.joined.copy()
        for row in self._rows:
            left, right = joined[row] == joined[row, start], joined[row] == joined[row, stop]
            between = self._sums[row, right][:, None] - self._sums[row, left][None, :]
            if row not in self._free and any_small(np.abs(between), self.threshold):
                return False
            joined[row, left] = joined[row, stop]
        touched, several = set(self._rows), (one for one in self._guarded if len(one[1]) > 1)
        if any(self._gives_away(row, self._labels(of, joined)) for row, of in several if touched & set(of)):
            return False
        self._told.joined = joined
        return True

    def _gives_away(self, row: int, labels: Joined) -> bool:
        """Whether a small count lies between two boundaries that are joined."""
        at = np.flatnonzero(np.bincount(labels, minlength=len(labels))[labels] > 1)
        between = self._sums[row, at][None, :] - self._sums[row, at][:, None]
        return any_small(np.abs(between[labels[at][:, None] == labels[at][None, :]]), self.threshold)
