from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecaster.negbin import LARGE, LEAST, MULTIPLIED, SHIFT, SMALL_STOCK, log_ratio, quantiles, step_deviation
from forecaster.types import Direction, Floats

FLOW, STOCK = np.array([False]), np.array([True])
BOTH: tuple[Direction, Direction] = ("up", "down")
PAIRS = [(0.3, 1.5), (2.0, 1.02), (6.6, 2.0), (6.6, 12.0), (27.0, 4.0), (158.0, 6.0)]


def one(value: float) -> Floats:
    return np.full((1, 1), value)


def distribution(mean: float, dispersion: float) -> stats.rv_frozen:
    return stats.nbinom(mean / (dispersion - 1), 1 / dispersion)


def likely(mean: float, dispersion: float) -> Floats:
    """All counts that are at all likely."""
    return np.arange(distribution(mean, dispersion).isf(1e-13) + 1)


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-9, 500), st.floats(0.01, 20), st.booleans())
def test_quantiles_grow_with_their_level_and_are_whole_and_never_negative(mean: float, phi: float, stock: bool) -> None:
    levels = [0.025, 0.1, 0.5, 0.9, 0.975]
    found = [quantiles(one(mean), one(phi), q, np.array([stock]))[0, 0] for q in levels]
    assert (np.diff(found) >= 0).all()
    assert min(found) >= 0
    assert np.array_equal(found, np.round(found))


def test_quantiles_of_plain_counts_are_those_of_poisson() -> None:
    assert quantiles(one(6.0), one(1.0), 0.025, FLOW)[0, 0] == 2
    assert quantiles(one(6.0), one(1.0), 0.975, FLOW)[0, 0] == 11
    assert quantiles(one(200.0), one(0.06), 0.975, STOCK)[0, 0] == 207  # 200 + 1.96 root 12


@pytest.mark.parametrize(("mean", "dispersion"), PAIRS)
@pytest.mark.parametrize("level", [0.025, 0.5, 0.975])
def test_quantiles_of_counts_are_those_of_the_negative_binomial(mean: float, dispersion: float, level: float) -> None:
    assert quantiles(one(mean), one(dispersion), level, FLOW)[0, 0] == distribution(mean, dispersion).ppf(level)


def test_a_small_stock_varies_as_one_of_a_handful_of_children() -> None:
    levels = np.array([0.0, 1.0, SMALL_STOCK, 200.0])
    assert step_deviation(levels, np.full(4, 0.06)) == pytest.approx(np.sqrt(0.06 * np.array([5, 5, 5, 200])))


@settings(max_examples=80, deadline=None)
@given(st.floats(1e-4, 4000), st.floats(1, 60), st.sampled_from(BOTH))
def test_a_larger_count_is_never_less_evidence_of_a_rise_nor_more_of_a_fall(
    mean: float, phi: float, direction: Direction
) -> None:
    far = mean + 60 * np.sqrt(phi * mean) + 50
    counts = np.concatenate([np.arange(0, 12, 0.25), np.linspace(12, 12 + far, 400), [1e5, 1e7]])
    found = log_ratio(counts, np.full_like(counts, mean), np.full_like(counts, phi), direction)
    steps = np.diff(found) if direction == "up" else -np.diff(found)
    assert np.isfinite(found).all()
    assert (steps >= -1e-9 * np.abs(found[1:])).all()


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 1.5), (6.6, 2.0), (6.6, 12.0), (158.0, 6.0)])
def test_a_huge_count_is_more_evidence_than_a_large_one(mean: float, dispersion: float) -> None:
    """Cases on top alone would have a bound: far out the usual, wider distribution takes over."""
    sizes = mean + np.sqrt(mean * dispersion) * np.array([5.0, 20.0, 100.0])
    found = log_ratio(sizes, np.full(3, mean), np.full(3, dispersion), "up")
    assert found[1] > found[0] + 1
    assert found[2] > found[1] + 5


@pytest.mark.parametrize(("mean", "dispersion"), PAIRS)
def test_evidence_of_a_fall_is_the_likelihood_of_thinned_counts_over_that_of_usual_ones(
    mean: float, dispersion: float
) -> None:
    counts = likely(mean, dispersion)[:40]
    kept = mean / (mean + SHIFT * np.sqrt(dispersion * mean))
    thinned = distribution(kept * mean, 1 + kept * (dispersion - 1))
    expected = thinned.logpmf(counts) - distribution(mean, dispersion).logpmf(counts)
    found = log_ratio(counts, np.full_like(counts, mean), np.full_like(counts, dispersion), "down")
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("mean", "dispersion"), PAIRS)
def test_evidence_of_a_rise_is_the_likelihood_of_cases_on_top_over_that_of_usual_ones(
    mean: float, dispersion: float
) -> None:
    """Or, for a few rises, of counts whose level multiplies."""
    deviation = np.sqrt(dispersion * mean)
    counts = np.arange(np.ceil(mean + SHIFT * deviation))  # where the likelihood of cases on top has not turned yet
    more = mean + SHIFT * deviation
    on_top = distribution(more, (dispersion * mean + more - mean) / more).logpmf(counts)
    many = mean + LARGE * deviation
    multiplied = distribution(many, 1 + (dispersion - 1) * many / mean).logpmf(counts)
    expected = np.logaddexp(np.log(1 - MULTIPLIED) + on_top, np.log(MULTIPLIED) + multiplied)
    found = log_ratio(counts, np.full_like(counts, mean), np.full_like(counts, dispersion), "up")
    usual = distribution(mean, dispersion).logpmf(counts)
    assert found == pytest.approx(expected - usual, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("mean", "dispersion"), PAIRS)
@pytest.mark.parametrize("direction", BOTH)
def test_the_likelihood_ratio_is_one_on_average_where_nothing_happens(
    mean: float, dispersion: float, direction: Direction
) -> None:
    """A rise's is held at its highest where it would fall again, which adds a little."""
    counts = likely(mean, dispersion)
    ratio = np.exp(log_ratio(counts, np.full_like(counts, mean), np.full_like(counts, dispersion), direction))
    average = (distribution(mean, dispersion).pmf(counts) * ratio).sum()
    assert 0.999 < average < (1.3 if direction == "up" else 1.001)


def test_the_same_excess_is_less_evidence_where_counts_vary_more() -> None:
    found = [log_ratio(one(30.0), one(15.0), one(phi), "up")[0, 0] for phi in (1.0, 1.5, 3.0, 8.0)]
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize("direction", BOTH)
def test_evidence_does_not_jump_between_whole_counts_nor_where_counts_become_plain(direction: Direction) -> None:
    counts = np.arange(0, 40, 0.1)
    found = log_ratio(counts, np.full_like(counts, 12.0), np.full_like(counts, 2.0), direction)
    assert np.abs(np.diff(found)).max() < 0.1
    plain, nearly = (log_ratio(counts, np.full_like(counts, 12.0), phi + 0 * counts, direction) for phi in (1, LEAST))
    assert np.array_equal(plain, nearly)  # below it nothing changes: the Poisson limit


@pytest.mark.parametrize("direction", BOTH)
def test_a_missing_count_stays_missing(direction: Direction) -> None:
    found = log_ratio(np.array([3.0, np.nan]), np.full(2, 5.0), np.full(2, 2.0), direction)
    assert np.isnan(found).tolist() == [False, True]
