"""Regression with a normal prior on some coefficients and a Laplace prior on others, solved exactly.

The mode of normal errors of unknown size, theta_j ~ normal(0, width_j) or Laplace(0, width_j), sigma ~ half-normal: an
active set of coefficients that are not zero finds the one optimum for a given sigma, wherever it starts from, so that
a start saves time and changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv  # what `solve` comes to, which takes four times as long over so small systems

from forecaster.types import Floats

PRECISE = 1e-12  # relative, of the variance of the errors
MOST_STEPS = 500


@dataclass(frozen=True)
class Problem:
    """Sums of a regression of n values on p columns, and its priors.

    gram: p x p, X'X; moment: p, X'y; square: y'y. width: p, the scale of each coefficient's prior; sparse: p, whether
    that prior is Laplace rather than normal; noise: the scale of the half-normal prior of sigma.
    """

    gram: Floats
    moment: Floats
    square: float
    n: int
    width: Floats
    sparse: NDArray[np.bool_]
    noise: float

    def errors(self, theta: Floats) -> float:
        """Returns the sum of squared errors with these coefficients."""
        return max(float(self.square - 2 * self.moment @ theta + theta @ self.gram @ theta), 0.0)


def fitted(task: tuple[Problem, Sequence[float] | None]) -> list[float]:
    """Returns the mode of a problem, from a start or from nothing: a task for other processes, soon begun there."""
    problem, start = task
    return list(map(float, mode(problem, None if start is None else np.asarray(start))))


def mode(problem: Problem, start: Floats | None = None) -> Floats:
    """Returns the coefficients (p) at the mode of the joint posterior of coefficients and sigma.

    From the largest sigma there can be downwards; each step lowers it. If there are several modes, it is the widest. A
    start, such as the mode of last week's problem, saves steps and changes nothing: sigma comes down all the same.
    """
    theta = penalised(problem, problem.square / problem.n, np.zeros(len(problem.moment)))
    variance = _variance(problem, theta)
    theta = theta if start is None else start
    for _ in range(MOST_STEPS):
        theta = penalised(problem, variance, theta)
        before, variance = variance, _variance(problem, theta)
        if before - variance <= PRECISE * before or variance <= PRECISE * problem.square:  # a perfect fit has none
            break
    return theta


def _variance(problem: Problem, theta: Floats) -> float:
    """Sigma squared at its mode given the coefficients: the root s of s^2 / noise^2 + n s - squared errors = 0."""
    errors = problem.errors(theta)
    return 2 * errors / (problem.n + math.sqrt(problem.n**2 + 4 * errors / problem.noise**2))


def penalised(problem: Problem, variance: float, start: Floats) -> Floats:
    """Returns the coefficients (p) at the mode for a known variance of the errors, the same from every start.

    Feature-sign search (Lee et al. 2006, Efficient sparse coding algorithms, algorithm 1), stopping at the first
    coefficient that reaches zero.
    """
    penalty = variance / problem.width
    limit = penalty * problem.sparse
    gram = problem.gram.copy()
    gram.flat[:: len(gram) + 1] += np.where(problem.sparse, 0.0, penalty / problem.width)
    theta, sign = _within(gram, problem.moment, limit, start, np.sign(start) * problem.sparse)
    for _ in range(MOST_STEPS):
        slope = np.where(problem.sparse & (sign == 0), problem.moment - gram @ theta, 0.0)
        worst = int(np.argmax(np.abs(slope) - limit * problem.sparse))
        if abs(slope[worst]) <= limit[worst] * (1 + PRECISE):
            break
        before, sign = sign, sign.copy()
        sign[worst] = np.sign(slope[worst])
        theta, sign = _within(gram, problem.moment, limit, theta, sign)
        if np.array_equal(sign, before):  # no more than rounding
            break
    return theta


def _within(gram: Floats, moment: Floats, limit: Floats, theta: Floats, sign: Floats) -> tuple[Floats, Floats]:
    """The optimum with coefficients of these signs (0: none), those that reach zero on the way left out."""
    sign = sign.copy()
    while True:
        active = np.flatnonzero((limit == 0) | (sign != 0))
        goal = np.zeros(len(theta))
        goal[active] = _solved(gram[active[:, None], active], (moment - limit * sign)[active])
        crossing = (goal * sign < 0).nonzero()[0]
        if not len(crossing):
            return goal, sign
        left = np.maximum(theta * sign, 0)[crossing]
        share = left / (left - (goal * sign)[crossing])
        theta = theta + share.min() * (goal - theta)
        out = crossing[np.argmin(share)]
        theta[out] = sign[out] = 0.0


def _solved(matrix: Floats, right: Floats) -> Floats:
    """The solution of a symmetric system, the smallest one where there are many."""
    if not len(right):
        return right
    _, found, failed = dposv(matrix, right)
    return np.asarray(np.linalg.lstsq(matrix, right)[0] if failed else found)
