"""Splits the change of what comes out of a chain of stages into the volume that went in and each stage's conversion.

The additive logarithmic-mean Divisia index (LMDI-I; Ang 2005, Energy Policy 33:867): exact, without a rest, and the
same backwards. What comes out is the count of the last stage: the first stage's times the ratio of each to the one
before. A factor that changes from a to b adds L x log(b / a), where L is the logarithmic mean of what came out before
and after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecaster.types import Floats


def logarithmic_mean(one: Floats, other: Floats) -> Floats:
    """Returns (one - other) / log(one / other) of positive numbers, and the number itself where both are the same."""
    half = (np.log(one) - np.log(other)) / 2
    steep = np.where(half == 0, 1.0, np.sinh(half) / np.where(half == 0, 1.0, half))
    return np.asarray(np.sqrt(one) * np.sqrt(other) * steep)


def parts(before: Floats, after: Floats) -> Floats:
    """Returns what the volume of the first stage and each conversion add to the change of the last stage's count.

    before, after: ... x K counts of K stages, none negative; the parts have the same shape and sum over the stages to
    after - before of the last one, to rounding. Where nothing came out before (or comes out after) all of the change is
    of the first stage that was (or is) empty: the limit of ever smaller counts (Ang and Liu 2007, Energy Policy
    35:238). A stage that is empty although the last one is not says nothing: it is passed over, and the next stage's
    part is its conversion from the last one that counts.
    """
    first, last = before[..., -1:], after[..., -1:]
    passed = ((before == 0) & (first > 0)) | ((after == 0) & (last > 0))
    change = _carried(_log(after) - _log(before), passed)
    mean = logarithmic_mean(_positive(first), _positive(last))
    emptied = np.where(last > 0, before == 0, after == 0) & ~passed
    taker = emptied & (np.cumsum(emptied, axis=-1) == 1)
    conversions = mean * np.diff(change, axis=-1, prepend=0.0)
    return np.asarray(np.where((first > 0) & (last > 0), conversions, taker * (last - first)))


def _positive(counts: Floats) -> Floats:
    return np.where(counts == 0, 1.0, counts)


def _log(counts: Floats) -> Floats:
    return np.asarray(np.log(_positive(counts)))


def _carried(change: Floats, passed: NDArray[np.bool_]) -> Floats:
    """Changes with each stage that is passed over as the stage before it: its own conversion stays as it was."""
    before, out = np.zeros(change.shape[:-1]), np.empty_like(change)
    for stage in range(change.shape[-1]):
        before = out[..., stage] = np.where(passed[..., stage], before, change[..., stage])
    return out
