"""Where outcomes fall in a distribution held as quantiles, and what lies at a score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecaster.normal_scores import FARTHEST, SCORES, score_of, value_at
from forecaster.types import QUANTILES, Floats

NORMAL = stats.norm(100, 10).ppf(QUANTILES)
MEDIAN = QUANTILES.index(0.5)


def poisson(mean: float) -> Floats:
    return np.asarray(stats.poisson(mean).ppf(QUANTILES))


def scores(values: Floats, *actual: float) -> Floats:
    return score_of(np.broadcast_to(values, (len(actual), len(QUANTILES))), np.array(actual))


def test_the_score_of_a_quantile_is_its_own_normal_score() -> None:
    assert scores(NORMAL, *NORMAL) == pytest.approx(SCORES, abs=0.01)


def test_the_distances_of_quantiles_may_grow() -> None:
    values = 10.0 * 2 ** np.arange(9)
    assert scores(values, *values) == pytest.approx(SCORES, abs=0.03)
    assert scores(values, 2_400.0) == pytest.approx(SCORES[-2] + (SCORES[-1] - SCORES[-2]) * 7 / 8, abs=0.01)


def test_between_quantiles_scores_are_on_the_line() -> None:
    """Halfway from the median, 50 counts, to the upper quartile, 60: half of .674."""
    values = np.array([20.0, 25, 30, 40, 50, 60, 70, 75, 80])
    assert scores(values, 55.0) == pytest.approx(0.6745 / 2, abs=0.003)


def test_beyond_the_last_quantile_scores_go_on_and_then_stop() -> None:
    beyond = NORMAL[-1] + (NORMAL[-1] - NORMAL[-2])
    assert scores(NORMAL, beyond) == pytest.approx(2 * SCORES[-1] - SCORES[-2], abs=0.02)
    assert scores(NORMAL, 1e9, -1e9) == pytest.approx([FARTHEST, -FARTHEST])


def test_the_same_distance_above_and_below_is_the_same_score() -> None:
    assert scores(NORMAL, 112.0, 131.0) == pytest.approx(-scores(NORMAL, 88.0, 69.0))


def test_what_is_missing_has_no_score() -> None:
    values = np.stack([NORMAL, np.full(len(QUANTILES), np.nan), NORMAL])
    found = score_of(values, np.array([np.nan, 100.0, 100.0]))
    assert np.isnan(found).tolist() == [True, True, False]


def test_all_axes_but_the_last_are_kept() -> None:
    values = np.broadcast_to(NORMAL, (2, 3, 4, len(QUANTILES)))
    assert score_of(values, np.full((2, 3, 4), 90.0)).shape == (2, 3, 4)
    assert value_at(values, SCORES[:2]).shape == (2, 3, 4, 2)


@pytest.mark.parametrize("mean", [3.0, 8.0, 40.0])
def test_scores_of_what_comes_are_standard_normal(mean: float) -> None:
    """Whole numbers too: each stands for the half on either side of it."""
    counts = np.random.default_rng(1).poisson(mean, 20_000).astype(float)
    found = score_of(np.broadcast_to(poisson(mean), (20_000, len(QUANTILES))), counts)
    assert found.mean() == pytest.approx(0, abs=0.1)
    assert found.std() == pytest.approx(1, abs=0.12)


def test_of_counts_that_are_nearly_all_zero_a_zero_is_no_surprise() -> None:
    never = np.zeros(len(QUANTILES))
    assert abs(scores(never, 0.0)[0]) < 1
    assert scores(never, 5.0) == pytest.approx(FARTHEST, abs=0.1)


@given(st.lists(st.integers(0, 60), min_size=9, max_size=9), st.lists(st.integers(0, 90), min_size=2, max_size=6))
def test_more_is_never_a_lower_score(quantiles: list[int], actual: list[int]) -> None:
    found = scores(np.sort(np.array(quantiles, float)), *sorted(map(float, actual)))
    assert (np.diff(found) >= -1e-9).all()
    assert (np.abs(found) <= FARTHEST + 1e-9).all()


@given(st.lists(st.floats(0, 1e4), min_size=9, max_size=9))
def test_at_the_scores_of_the_quantiles_lie_the_quantiles(quantiles: list[float]) -> None:
    values = np.sort(np.array(quantiles))
    assert value_at(values, SCORES) == pytest.approx(values, rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(0, 1e4), min_size=9, max_size=9), st.lists(st.floats(-5, 5), min_size=2, max_size=6))
def test_values_rise_with_their_scores_and_are_never_negative(quantiles: list[float], at: list[float]) -> None:
    found = value_at(np.sort(np.array(quantiles)), np.sort(np.array(at)))
    assert (np.diff(found) >= -1e-6).all()
    assert (found >= 0).all()


def test_a_value_lies_on_the_line_through_the_nearest_quantiles_beyond_the_last_as_well() -> None:
    assert value_at(NORMAL, np.array([0.3, 2.5, -2.5])) == pytest.approx([103, 125, 75])


def test_scores_may_differ_by_period() -> None:
    values = np.broadcast_to(NORMAL, (2, 3, len(QUANTILES)))
    found = value_at(values, np.array([[0.0], [1.0], [-1.0]]))
    assert found[0, :, 0] == pytest.approx([100, 110, 90])
    assert np.array_equal(found[0], found[1])
