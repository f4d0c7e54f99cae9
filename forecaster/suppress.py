"""Disclosure control: which counts may be shown. Pure, applied once, before anything reaches a channel.

Counts from 1 to a threshold (5) are never shown, nor anything from which one can be worked out by adding and
subtracting what is shown (DfE's rule for its own tables: 1 to 5 as "c", with secondary suppression).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecaster.types import Floats


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
        self._threshold = threshold

    def show(self, start: int, stop: int) -> bool:
        """Returns whether the count of periods start to stop-1 may be shown, and if so remembers that it was."""
        left, right = self._joined == self._joined[start], self._joined == self._joined[stop]
        between = self._sums[:, right][:, :, None] - self._sums[:, left][:, None, :]
        if any_small(np.abs(between), self._threshold):
            return False
        self._joined[left] = self._joined[stop]
        return True
