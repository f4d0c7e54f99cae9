"""Scores of forecasts: known by hand, equal to the formulas as published, and fair to who says what he believes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecaster.scores import held, interval, level_so_far, pinball, score, weighted_interval_score
from forecaster.types import QUANTILES, Floats

Q = np.array(QUANTILES)
PLAIN = np.array([2.0, 3, 4, 7, 10, 13, 16, 18, 20])
COUNTS = st.integers(0, 500).map(float)
FORECAST = st.lists(COUNTS, min_size=len(Q), max_size=len(Q)).map(lambda some: np.sort(np.array(some)))


def at(value: float) -> Floats:
    return np.array(value)


def interval_score(lower: float, upper: float, actual: float, alpha: float) -> float:
    """Gneiting and Raftery 2007, eq. 43."""
    below, above = max(lower - actual, 0.0), max(actual - upper, 0.0)
    return (upper - lower) + 2 / alpha * below + 2 / alpha * above


def by_intervals(values: Floats, actual: float) -> float:
    """The weighted interval score as Bracher et al. 2021 write it: eq. 1 of section 2.2, w0 = 1/2, w_k = alpha_k/2."""
    alphas = [2 * q for q in QUANTILES if q < 0.5]
    total = 0.5 * abs(actual - values[4])
    for k, alpha in enumerate(alphas):
        total += alpha / 2 * interval_score(values[k], values[-1 - k], actual, alpha)
    return float(total / (len(alphas) + 0.5))


def as_the_benchmark_writes_it(values: Floats, actual: Floats) -> Floats:
    """`score_cells` of the forecast benchmark."""
    loss = ((actual[:, None] <= values) - Q) * (values - actual[:, None])
    return np.asarray(2 * loss.mean(1))


def test_the_pinball_loss_of_a_hand_worked_case() -> None:
    """10 came: a 97.5% quantile of 20 costs .025 x 10, a 2.5% quantile of 2 costs .025 x 8."""
    found = pinball(PLAIN, at(10.0))
    assert found == pytest.approx([0.2, 0.35, 0.6, 0.75, 0, 0.75, 0.6, 0.4, 0.25])
    assert weighted_interval_score(PLAIN, at(10.0)) == pytest.approx(2 * 3.9 / 9)


def test_what_came_far_outside_the_band_costs_its_distance() -> None:
    """At 110 each quantile q is missed from below: it costs q times the distance."""
    assert pinball(PLAIN, at(110.0)) == pytest.approx(Q * (110 - PLAIN))


@given(FORECAST, COUNTS)
def test_it_is_the_weighted_interval_score_of_the_paper(values: Floats, actual: float) -> None:
    assert float(weighted_interval_score(values, at(actual))) == pytest.approx(by_intervals(values, actual))


def test_it_is_what_the_benchmark_computes_to_the_last_bit() -> None:
    rng = np.random.default_rng(1)
    values = np.sort(rng.gamma(2, 30, (400, len(Q))), axis=1)
    actual = np.where(rng.random(400) < 0.2, values[:, 4], rng.gamma(2, 30, 400))
    assert np.array_equal(weighted_interval_score(values, actual), as_the_benchmark_writes_it(values, actual))


@given(FORECAST, COUNTS)
def test_only_a_point_forecast_that_was_right_scores_nothing(values: Floats, actual: float) -> None:
    found = float(weighted_interval_score(values, at(actual)))
    assert found >= 0
    assert (found == 0) == bool((values == actual).all())


@given(FORECAST, COUNTS, st.floats(0.1, 20))
def test_scores_relative_to_the_level_do_not_depend_on_the_unit(values: Floats, actual: float, unit: float) -> None:
    level = at(80.0)
    one, other = score(values, at(actual), level), score(unit * values, at(unit * actual), unit * level)
    assert float(other.wis) == pytest.approx(float(one.wis), abs=1e-12)
    assert float(other.bias) == pytest.approx(float(one.bias), abs=1e-12)


@pytest.mark.parametrize("said", [(24.0, 1.0), (36.0, 1.0), (30.0, 0.5), (30.0, 2.0)])
def test_nobody_gains_by_saying_something_else_than_what_is_true(said: tuple[float, float]) -> None:
    """Propriety: over many outcomes of one distribution, its own quantiles score best."""
    mean, spread = said
    true = stats.norm(30, 6)
    came = true.rvs(4000, random_state=1)

    def mean_score(quantiles: Floats) -> float:
        return float(weighted_interval_score(np.broadcast_to(quantiles, (4000, len(Q))), came).mean())

    assert mean_score(true.ppf(Q)) < 0.97 * mean_score(stats.norm(mean, 6 * spread).ppf(Q))


@pytest.mark.parametrize("level", [0.95, 0.9, 0.8, 0.5])
def test_an_ideal_forecast_is_covered_as_often_as_it_says(level: float) -> None:
    rng = np.random.default_rng(2)
    means = rng.uniform(5, 50, 6000)
    values = stats.norm.ppf(Q, means[:, None], np.sqrt(means[:, None]))
    assert held(values, rng.normal(means, np.sqrt(means)), level).mean() == pytest.approx(level, abs=0.015)


def test_the_ends_of_an_interval_belong_to_it() -> None:
    assert held(PLAIN, at(2.0), 0.95) == held(PLAIN, at(20.0), 0.95) == 1
    assert held(PLAIN, at(1.0), 0.95) == held(PLAIN, at(21.0), 0.95) == 0
    assert [end.item() for end in interval(PLAIN, 0.8)] == [4, 16]
    assert [end.item() for end in interval(PLAIN, 0.5)] == [7, 13]


def test_an_interval_that_is_not_held_by_quantiles_is_refused() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        interval(PLAIN, 0.7)


def test_bias_is_above_zero_where_more_was_said_than_came() -> None:
    found = score(np.stack([PLAIN, PLAIN]), np.array([8.0, 15.0]), np.array([20.0, 20.0]))
    assert found.bias == pytest.approx([0.1, -0.25])
    assert found.error == pytest.approx([0.1, 0.25])
    assert found.above.tolist() == [0, 1]
    assert found.held50.tolist() == [1, 0] and found.held80.tolist() == [1, 1]


def test_a_skewed_forecast_that_is_right_is_above_in_half_of_all_though_its_median_is_below_the_mean() -> None:
    true = stats.nbinom(2, 0.05)
    values = np.broadcast_to(true.ppf(Q), (4000, len(Q)))
    found = score(values, true.rvs(4000, random_state=5).astype(float), at(true.mean()))
    assert found.above.mean() == pytest.approx(0.5, abs=0.03)
    assert found.bias.mean() < -0.1


def test_what_has_not_come_or_was_not_forecast_has_no_score() -> None:
    values = np.stack([PLAIN, np.full(len(Q), np.nan), PLAIN])
    found = score(values, np.array([np.nan, 8.0, 8.0]), np.array([10.0, 10.0, 0.0]))
    for name in ("wis", "bias", "error", "above", "held95", "held80", "held50"):
        assert np.isnan(getattr(found, name)[:2]).all()
    assert np.isnan(found.wis[2]) and found.held95[2] == 1  # nothing to measure it by, and yet the band held


def test_one_missing_quantile_is_enough_to_have_no_score() -> None:
    values = PLAIN.copy()
    values[1] = np.nan
    assert np.isnan(weighted_interval_score(values, at(8.0)))


def test_scores_of_many_series_are_those_of_each() -> None:
    rng = np.random.default_rng(3)
    values, actual = np.sort(rng.gamma(2, 9, (3, 4, 5, len(Q)))), rng.gamma(2, 9, (3, 4, 5))
    found = weighted_interval_score(values, actual)
    assert found.shape == (3, 4, 5)
    assert found[2, 1, 3] == pytest.approx(by_intervals(values[2, 1, 3], actual[2, 1, 3]))


def test_the_usual_level_is_the_mean_of_what_is_known_so_far() -> None:
    counts = np.array([[4.0, np.nan, 8.0, 0.0], [np.nan, np.nan, 3.0, 5.0]])
    expected = [[4, 4, 6, 4], [np.nan, np.nan, 3, 4]]
    assert np.array_equal(level_so_far(counts), expected, equal_nan=True)


@given(st.integers(1, 6))
def test_the_level_does_not_look_ahead(end: int) -> None:
    counts = np.random.default_rng(4).poisson(5, (3, 6)).astype(float)
    assert np.array_equal(level_so_far(counts)[:, :end], level_so_far(counts[:, :end]))
