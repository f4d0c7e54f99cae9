"""Overdispersed count regression for many series at once: one design, S series, no loop per series.

Quasi-Poisson with log link: E y = mu, Var y = phi mu, fitted by penalised iteratively re-weighted least squares.
Past surges are down-weighted once by their Anscombe residuals, as Farrington et al. (1996, JRSS A 159:547, section 3.6)
and Noufaily et al. (2013, Statistics in Medicine 32:1206, section 3) do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecaster.types import Floats

ITERATIONS = 12
SURGE_AT = 2.58  # residuals beyond it are down-weighted (Noufaily et al. 2013)
TINY = 1e-9


@dataclass(frozen=True)
class Fit:
    """coefficients: S x p. dispersion: S, at least 1. covariance: S x p x p, of the coefficients."""

    coefficients: Floats
    dispersion: Floats
    covariance: Floats

    def log_mean(self, design: Floats) -> Floats:
        """Returns the log of the expectation for each row of a design (S x T)."""
        return np.asarray(np.clip(self.coefficients @ design.T, -20, 20))

    def log_variance(self, design: Floats, part: slice = slice(None)) -> Floats:
        """Returns the variance of the estimated log expectation, or of what some columns add to it (S x T)."""
        columns = design[:, part]
        return np.asarray(((columns @ self.covariance[:, part, part]) * columns).sum(-1))


def clipped_moment(limit: float) -> float:
    """Returns E min(z^2, limit^2) of a standard normal score: what makes a clipped second moment unbiased."""
    density, beyond = math.exp(-(limit**2) / 2) / math.sqrt(2 * math.pi), math.erfc(limit / math.sqrt(2))
    return 1 - beyond - 2 * limit * density + limit**2 * beyond


def _means(design: Floats, coefficients: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(coefficients @ design.T, -20, 20)))


def _normal(working: Floats, design: Floats, penalty: Floats) -> Floats:
    """The penalised information of every series (S x p x p)."""
    p = design.shape[1]
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), p * p)
    return np.asarray((working @ squares).reshape(-1, p, p) + np.diag(penalty + TINY))  # TINY: a series without a value


def _solve(counts: Floats, design: Floats, weights: Floats, penalty: Floats, start: Floats) -> Floats:
    """Penalised IRLS for every series side by side; returns S x p coefficients."""
    beta = start
    for _ in range(ITERATIONS):
        mu = _means(design, beta)
        working = weights * mu
        target = working * (beta @ design.T) + weights * (counts - mu)
        normal = _normal(working, design, penalty)
        step = np.linalg.solve(normal, (target @ design)[..., None])[..., 0] - beta
        beta = beta + np.clip(step, -3, 3)
        if np.abs(step).max(initial=0) < 1e-6:
            break
    return beta


def anscombe_residuals(counts: Floats, mu: Floats, dispersion: Floats) -> Floats:
    """Returns standardised Anscombe residuals of counts (S x T)."""
    return np.asarray(1.5 * (counts ** (2 / 3) - mu ** (2 / 3)) / (mu ** (1 / 6) * np.sqrt(dispersion)[:, None] + TINY))


def pearson_dispersion(counts: Floats, mu: Floats, weights: Floats, parameters: int) -> Floats:
    """Returns phi per series: the weighted Pearson statistic over its degrees of freedom, at least 1."""
    statistic = (weights * (counts - mu) ** 2 / (mu + TINY)).sum(1)
    return np.asarray(np.maximum(statistic / np.maximum((weights > 0).sum(1) - parameters, 1), 1.0))


def fit_counts(counts: Floats, design: Floats, penalty: Floats) -> Fit:
    """Returns the fit of every series to one design.

    counts: S x T, NaN where missing or left out. design: T x p, its first column the intercept. penalty: p precisions
    (1 / prior variance) of the coefficients, 0 for none.
    """
    observed = np.isfinite(counts)
    y = np.where(observed, counts, 0.0)
    weights = observed.astype(float)
    mean = y.sum(1) / np.maximum(weights.sum(1), 1)
    beta = np.zeros((len(y), design.shape[1]))
    beta[:, 0] = np.log(mean + 0.1)
    beta = _solve(y, design, weights, penalty, beta)
    phi = pearson_dispersion(y, _means(design, beta), weights, design.shape[1])
    residuals = np.abs(anscombe_residuals(y, _means(design, beta), phi))
    weights = weights * np.where(residuals > SURGE_AT, (SURGE_AT / np.maximum(residuals, SURGE_AT)) ** 2, 1.0)
    beta = _solve(y, design, weights / phi[:, None], penalty, beta)
    mu = _means(design, beta)
    normal = _normal(weights / phi[:, None] * mu, design, penalty)
    return Fit(beta, pearson_dispersion(y, mu, weights, design.shape[1]), np.asarray(np.linalg.inv(normal), float))
