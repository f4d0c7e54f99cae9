"""Normal scores of a predictive distribution held as quantiles: where an outcome fell in it, and what lies at a score.

A score is the standard normal quantile of an outcome's probability; between quantiles values and scores are linear.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from forecaster.types import QUANTILES, Floats

SCORES = ndtri(np.array(QUANTILES))
FARTHEST = 4.0  # a score of an outcome goes no further: one odd value is no measure of all
NARROWEST = 0.25  # the least distance of two quantiles, in counts: several may fall on one whole number


def score_of(values: Floats, actual: Floats) -> Floats:
    """Returns the score (shape of `actual`) of outcomes in quantiles `values` (... x Q); NaN where either is missing.

    A whole number stands for the half on either side of it: its score is that of the middle of its probability.
    """
    below, above = (ndtr(_interpolated(values, actual + side)) for side in (-0.5, 0.5))
    return np.asarray(ndtri((below + above) / 2))


def _interpolated(values: Floats, at: Floats) -> Floats:
    left = np.clip((values < at[..., None]).sum(-1) - 1, 0, len(SCORES) - 2)[..., None]
    low, high = (np.take_along_axis(values, left + side, -1)[..., 0] for side in (0, 1))
    start, end = SCORES[left[..., 0]], SCORES[left[..., 0] + 1]
    score = start + (at - low) * (end - start) / np.maximum(high - low, NARROWEST)
    return np.asarray(np.clip(score, -FARTHEST, FARTHEST))


def value_at(values: Floats, scores: Floats) -> Floats:
    """Returns what lies at scores (... x K) of quantiles `values` (... x Q): on the line through the two nearest.

    scores must broadcast against the leading axes of values. Never below zero.
    """
    left = np.clip(np.searchsorted(SCORES, scores, "right") - 1, 0, len(SCORES) - 2)
    left = np.broadcast_to(left, (*values.shape[:-1], scores.shape[-1]))
    low, high = (np.take_along_axis(values, left + side, -1) for side in (0, 1))
    share = (scores - SCORES[left]) / (SCORES[left + 1] - SCORES[left])
    return np.asarray(np.maximum(low + share * (high - low), 0.0))
