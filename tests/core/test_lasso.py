from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.models._lasso import Problem, mode, penalised
from forecaster.types import Floats

seeds = st.integers(0, 10_000)


def problem(seed: int, n: int = 60, plain: int = 3, sparse: int = 6, wander: float = 1.0) -> tuple[Problem, Floats]:
    """A regression of a wandering series on a few plain columns and on bends of a line, which are much alike."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, n)
    bends = np.maximum(time[:, None] - np.linspace(0.1, 0.9, sparse), 0)
    columns = np.c_[rng.standard_normal((n, plain)), bends]
    values = wander * np.cumsum(rng.standard_normal(n)) / np.sqrt(n) + 0.3 * rng.standard_normal(n)
    kind = np.arange(plain + sparse) >= plain
    width = np.where(kind, 0.2, 5.0)
    return Problem(columns.T @ columns, columns.T @ values, float(values @ values), n, width, kind, 0.5), columns


def log_density(some: Problem, theta: Floats, sigma: Floats) -> Floats:
    """Of the joint posterior at some sigmas, up to a constant, written down as prophet.stan has it."""
    scaled = theta / some.width
    prior = -np.abs(scaled[some.sparse]).sum() - 0.5 * (scaled[~some.sparse] ** 2).sum()
    return prior - 0.5 * (sigma / some.noise) ** 2 - some.n * np.log(sigma) - 0.5 * some.errors(theta) / sigma**2


def best(some: Problem, theta: Floats) -> float:
    """The log density with the sigma that suits the coefficients best."""
    return float(log_density(some, theta, np.exp(np.linspace(-4, 1, 2001))).max())


def test_a_plain_coefficient_alone_is_shrunk_as_a_normal_prior_shrinks_it() -> None:
    some = Problem(np.array([[4.0]]), np.array([6.0]), 20.0, 4, np.array([0.5]), np.array([False]), 1.0)
    assert penalised(some, 2.0, np.zeros(1)) == pytest.approx([6 / (4 + 2 / 0.25)])


@pytest.mark.parametrize(("moment", "found"), [(6.0, 0.5), (-6.0, -0.5), (3.9, 0.0), (0.0, 0.0)])
def test_a_sparse_coefficient_alone_is_moved_to_zero_by_the_limit(moment: float, found: float) -> None:
    some = Problem(np.array([[4.0]]), np.array([moment]), 20.0, 4, np.array([0.5]), np.array([True]), 1.0)
    assert penalised(some, 2.0, np.zeros(1)) == pytest.approx([found])


@given(seeds, st.floats(0.001, 2))
def test_at_the_optimum_no_coefficient_has_reason_to_move(seed: int, variance: float) -> None:
    some, _ = problem(seed)
    theta = penalised(some, variance, np.zeros(9))
    slope = some.moment - some.gram @ theta
    limit = variance / some.width[some.sparse]
    assert slope[~some.sparse] == pytest.approx(
        variance * theta[~some.sparse] / some.width[~some.sparse] ** 2, abs=1e-7
    )
    assert (np.abs(slope[some.sparse]) <= limit * (1 + 1e-6) + 1e-9).all()
    moved = theta[some.sparse] != 0
    assert slope[some.sparse][moved] == pytest.approx((limit * np.sign(theta[some.sparse]))[moved], abs=1e-7)


@given(seeds, st.integers(0, 10_000))
def test_the_mode_is_the_same_from_every_start(seed: int, other: int) -> None:
    some, _ = problem(seed)
    start = np.random.default_rng(other).standard_normal(9) * 3
    assert mode(some, start) == pytest.approx(mode(some), rel=1e-8, abs=1e-10)


def a_week_later(seed: int) -> tuple[Problem, Problem]:
    """A regression with several bends in its line, and the same with one value more."""
    some, columns = problem(seed, n=80, sparse=15, wander=2)
    row, value = columns[-1], float(np.random.default_rng(seed).standard_normal())
    sums = {"gram": some.gram + np.outer(row, row), "moment": some.moment + row * value}
    return some, replace(some, **sums, square=some.square + value**2, n=81)


@given(seeds)
def test_the_mode_is_the_same_from_the_mode_of_a_week_before(seed: int) -> None:
    before, now = a_week_later(seed)
    assert mode(now, mode(before)) == pytest.approx(mode(now), rel=1e-8, abs=1e-10)


@given(seeds)
def test_nothing_near_the_mode_is_more_likely(seed: int) -> None:
    some, _ = problem(seed)
    theta = mode(some)
    rng = np.random.default_rng(seed)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        near = theta + size * rng.standard_normal((10, 9)) * rng.integers(0, 2, (10, 9))
        assert max(best(some, one) for one in near) <= best(some, theta) + 1e-4


def test_as_many_columns_as_values_come_to_an_end() -> None:
    some, _ = problem(4, n=8, plain=4, sparse=8)
    theta = mode(some)
    assert np.isfinite(theta).all()
    assert some.errors(theta) <= some.square


def test_two_columns_that_are_the_same_share_what_they_explain() -> None:
    column = np.linspace(0, 1, 30)
    twice, values = np.c_[column, column], 3 * column
    kind = np.array([False, False])
    some = Problem(twice.T @ twice, twice.T @ values, float(values @ values), 30, np.full(2, 5.0), kind, 0.5)
    assert penalised(some, 1e-12, np.zeros(2)) == pytest.approx([1.5, 1.5], rel=1e-2)
