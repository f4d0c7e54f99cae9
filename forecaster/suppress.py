"""Disclosure control: which counts may be shown. Pure, applied once, before anything reaches a channel.

Counts from 1 to a threshold (5) are never shown, nor anything from which one can be worked out by adding and
subtracting what is shown (DfE's rule for its own tables: 1 to 5 as "c", with secondary suppression).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from forecaster.types import Floats

Said = tuple[
    int, int, float, float
]  # of periods start to stop-1 that they counted at least so many and at most so many


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


class Ledger:
    """What has been shown of counts over time, and so what may still be shown.

    A count over the periods start to stop-1 is a step between two boundaries in time. Shown counts that meet at a
    boundary can be added and subtracted, so boundaries joined by shown counts give away the count between any two of
    them. `arrays` are all the counts that one showing gives away (of a share: numerator, denominator, difference).
    """

    def __init__(self, arrays: Sequence[Floats], threshold: int):
        counts = np.nan_to_num(np.stack(arrays))
        self._sums = np.concatenate([np.zeros((len(counts), 1)), counts.cumsum(axis=1)], axis=1)
        self._joined: NDArray[np.int64] = np.arange(self._sums.shape[1])
        self._said: list[Said] = []
        self._crossed: list[Said] = []
        self.threshold = threshold

    def copy(self) -> Ledger:
        """Returns a ledger in which can be tried out what more may be shown."""
        other = copy(self)
        other._joined, other._said, other._crossed = self._joined.copy(), [*self._said], [*self._crossed]
        return other

    def become(self, other: Ledger) -> None:
        """Takes over what was tried out in a copy."""
        self._joined, self._said, self._crossed = other._joined, other._said, other._crossed

    def say(self, start: int, stop: int, least: float = 0.0, most: float = np.inf) -> None:
        """Remembers between what the first array's count of periods start to stop-1 was said to be."""
        self._said.append((start, stop, least, most))

    def cross(self, start: int, stop: int) -> None:
        """Remembers that a small count was left out: whoever reads may guess that it is small."""
        self._crossed.append((start, stop, 1.0, self.threshold))

    def is_safe(self) -> bool:
        """Returns whether all that was shown and said, taken together, leaves every small count in doubt.

        There must be room for more than "5 or fewer" says of it, and for more than one value even if the reader guesses
        which counts were left out because they are small.
        """
        return all(
            _in_doubt(self._view(sums, said), self.threshold, exact)
            for exact, said in ((False, self._said), (True, self._said + self._crossed))
            for sums, said in zip(self._sums, [said] + [[]] * (len(self._sums) - 1), strict=True)
        )

    def _view(self, sums: Floats, said: Sequence[Said]) -> tuple[Floats, Floats]:
        """The true count between any two boundaries that matter, and the most that it could be (E x E each).

        Boundaries joined to each other are one; a count of the others is at most a sum of counts that lead there (a
        difference constraint: the tightest bound is a shortest path; Cormen et al., Introduction to Algorithms, 22.4).
        """
        size = np.bincount(self._joined, minlength=len(self._joined))
        spoken = np.array(sorted({end for start, stop, _, _ in said for end in (start, stop)}), int)
        at = np.union1d(np.flatnonzero(size[self._joined] > 1), spoken)
        first, group = np.unique(self._joined[at], return_index=True, return_inverse=True)[1:]
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
        return sums[at][None, :] - sums[at][:, None], most[group][:, group] + offset[None, :] - offset[:, None]

    def are_joined(self, *boundaries: int) -> bool:
        """Returns whether the counts between all of these boundaries have been given away."""
        return len({int(self._joined[boundary]) for boundary in boundaries}) == 1

    def known(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Returns which of the periods start to stop-1 lie in stretches whose count has been given away."""
        inside = self._joined[start : stop + 1]
        out = np.zeros(stop - start, bool)
        for group in np.unique(inside):
            ends = np.flatnonzero(inside == group)
            out[ends[0] : ends[-1]] = True
        return out

    def show(self, start: int, stop: int) -> bool:
        """Returns whether the count of periods start to stop-1 may be shown, and if so remembers that it was."""
        left, right = self._joined == self._joined[start], self._joined == self._joined[stop]
        between = self._sums[:, right][:, :, None] - self._sums[:, left][:, None, :]
        if any_small(np.abs(between), self.threshold):
            return False
        self._joined[left] = self._joined[stop]
        return True
