"""Several councils side by side: the scale on which chance depends on size alone, and what they differ by beyond it.

Spiegelhalter (2005), "Handling over-dispersion of performance indicators", Quality and Safety in Health Care 14:347:
standard scores about a common figure, winsorised, give an overdispersion phi; where it is larger than chance the
councils differ in truth, with variance tau^2 (the additive model, DerSimonian and Laird's moments). Shares are compared
after the arcsine-root, rates after the root transformation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from forecaster.glm import clipped_moment
from forecaster.types import Floats

TRIM = 0.1
PER = 10_000
CLUSTERING = 2.0  # chance variance of a council's children to that of independent ones: siblings come together
# Mean square of a standard normal score winsorised at its 10% and 90% points: makes phi unbiased for a few councils.
WINSORISED = clipped_moment(float(ndtri(1 - TRIM)))

Unit = Literal["share", "rate"]


@dataclass(frozen=True)
class Funnel:
    """What several councils have in common, on the transformed scale.

    phi: overdispersion; tau2: variance beyond chance; z: standard scores of the councils, each with its own chance and
    the common tau2.
    """

    target: float
    phi: float
    tau2: float
    z: Floats


def transform(values: Floats | float, unit: Unit) -> Floats:
    """Returns proportions (share) or counts a head (rate) on the scale where the chance variance is 1 / (4 size)."""
    root = np.sqrt(values)
    return np.asarray(np.arcsin(np.minimum(root, 1.0)) if unit == "share" else root, dtype=float)


def back(values: Floats | float, unit: Unit) -> Floats:
    """Returns transformed values as proportions, or as rates per 10,000."""
    inside = np.clip(values, 0.0, np.pi / 2 if unit == "share" else None)
    return np.asarray(np.sin(inside) ** 2 if unit == "share" else PER * inside**2, dtype=float)


def scale(unit: Unit) -> float:
    """Returns what a published figure is divided by before it is transformed: 1 for a share, 10,000 for a rate."""
    return 1.0 if unit == "share" else float(PER)


def beyond_chance(scores: Floats, weights: Floats, consistency: float = 1.0) -> tuple[Floats, Floats]:
    """Returns phi and tau^2 along the last axis, from scores about a common figure and weights 1 / chance variance.

    consistency: what phi of pure chance would be on average. Spiegelhalter 2005, equations 4 to 6; with a consistency
    of 1 it is his (and that of R's FunnelPlotR).
    """
    low, high = np.quantile(scores, [TRIM, 1 - TRIM], axis=-1, keepdims=True)
    phi = (np.clip(scores, low, high) ** 2).mean(-1) / consistency
    count, total = scores.shape[-1], weights.sum(-1)
    tau2 = (count * phi - (count - 1)) / (total - (weights**2).sum(-1) / total)
    return np.asarray(phi), np.asarray(np.maximum(tau2, 0.0))


def funnel(counts: Floats, sizes: Floats, unit: Unit, consistency: float = 1.0) -> Funnel:
    """Returns the funnel of several councils about their pooled figure; `consistency` as in `beyond_chance`."""
    values = transform(counts / sizes, unit)
    target = float(transform(counts.sum() / sizes.sum(), unit))
    weights = 4 * sizes
    phi, tau2 = beyond_chance((values - target) * np.sqrt(weights), weights, consistency)
    return Funnel(target, float(phi), float(tau2), (values - target) / np.sqrt(1 / weights + tau2))
