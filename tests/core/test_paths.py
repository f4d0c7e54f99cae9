from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from forecaster.normal_scores import SCORES
from forecaster.paths import (
    LEVEL,
    WANDER,
    arranged,
    draws,
    error_correlation,
    marginals,
    normal_paths,
    quantiles_of,
    wandering_level,
)
from forecaster.types import QUANTILES, Floats

N, H = 400, 8
PAIRS = [(2.0, 1.02), (6.6, 2.0), (20.0, 3.0), (65.0, 6.0), (158.0, 6.0)]
NO_LINK = np.eye(H)


def counts(mean: float, dispersion: float) -> stats.rv_frozen:
    return stats.nbinom(mean / (dispersion - 1), 1 / dispersion)


def forecast(mean: float, dispersion: float, series: int = 1, horizon: int = H) -> Floats:
    return np.tile(counts(mean, dispersion).ppf(QUANTILES), (series, horizon, 1))


def random_quantiles(seed: int, series: int, horizon: int = H) -> Floats:
    rng = np.random.default_rng(seed)
    return np.sort(rng.gamma(1.5, rng.uniform(0.2, 40, (series, 1, 1)), (series, horizon, len(QUANTILES))), axis=-1)


@pytest.mark.parametrize(("mean", "dispersion"), PAIRS)
def test_the_tails_go_on_as_those_of_counts_do(mean: float, dispersion: float) -> None:
    found = marginals(forecast(mean, dispersion), 1000)[0, 0]
    far = np.array([0, 4, 995, 999])  # half a thousandth and four and a half, on both sides
    expected = counts(mean, dispersion).ppf((far + 0.5) / 1000)
    assert found[far] == pytest.approx(expected, abs=0.6 + 0.2 * np.sqrt(mean * dispersion))


@pytest.mark.parametrize(("mean", "dispersion"), PAIRS)
def test_mean_and_spread_of_the_paths_are_those_of_the_counts_forecast(mean: float, dispersion: float) -> None:
    found = marginals(forecast(mean, dispersion), N)[0, 0]
    assert found.mean() == pytest.approx(mean, rel=0.06)
    assert found.std() == pytest.approx(np.sqrt(mean * dispersion), rel=0.06)


def test_quantiles_of_a_normal_forecast_are_linear_in_the_normal_score() -> None:
    known = 200 + 15 * SCORES
    found = marginals(known[None, None], 2000)[0, 0]
    inner = (np.arange(2000) + 0.5) / 2000
    assert found == pytest.approx(200 + 15 * stats.norm.ppf(inner), abs=2.5)
    assert np.abs(found - (200 + 15 * stats.norm.ppf(inner)))[50:-50].max() < 1e-9


def test_a_forecast_of_nothing_stays_nothing() -> None:
    assert (draws(np.zeros((2, H, len(QUANTILES))), NO_LINK, N, 1) == 0).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([100, 400, 1000]))
def test_marginals_rise_are_never_negative_and_hold_the_quantiles(seed: int, series: int, number: int) -> None:
    values = random_quantiles(seed, series)
    found = marginals(values, number)
    assert (found >= 0).all()
    assert (np.diff(found, axis=-1) >= -1e-9).all()
    for q, level in enumerate(QUANTILES):
        place = int(np.floor(level * number))  # the level is between the draws beside it
        assert (found[..., place - 1] <= values[..., q] + 1e-9).all()
        assert (found[..., min(place + 1, number - 1)] >= values[..., q] - 1e-9).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_paths_have_exactly_the_marginals_whatever_their_order(seed: int) -> None:
    values, scores = random_quantiles(seed, 3), np.random.default_rng(seed).standard_normal((3, N, H))
    found = arranged(values, scores)
    assert np.array_equal(np.sort(found, axis=1), marginals(values, N).swapaxes(1, 2))
    assert (np.diff(np.take_along_axis(found, scores.argsort(1), 1), axis=1) >= 0).all()


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 1.2), *PAIRS])
def test_whole_number_quantiles_come_back_as_they_went_in(mean: float, dispersion: float) -> None:
    values = forecast(mean, dispersion, 3)
    assert np.array_equal(quantiles_of(np.rint(draws(values, NO_LINK, N, 1))), values)


def test_quantiles_of_paths_are_whole_and_in_order() -> None:
    found = quantiles_of(np.rint(draws(random_quantiles(1, 20), NO_LINK, N, 1)))
    assert found.shape == (20, H, len(QUANTILES))
    assert np.array_equal(found, np.rint(found))
    assert (np.diff(found, axis=-1) >= 0).all()


def test_periods_of_a_path_are_as_dependent_as_asked() -> None:
    correlation = wandering_level(0.5, 0.3, H)
    paths = draws(np.tile(100 + 10 * SCORES, (40, H, 1)), correlation, N, 2)
    found = np.corrcoef(paths.transpose(2, 0, 1).reshape(H, -1))
    assert found == pytest.approx(correlation, abs=0.03)


def test_each_series_may_have_its_own_dependence() -> None:
    both = np.stack([NO_LINK, wandering_level(50.0, 0.0, H)])
    found = [np.corrcoef(path.T)[0, 1:].mean() for path in draws(forecast(65, 6, 2), both, N, 3)]
    assert found == pytest.approx([0, 50 / 51], abs=0.1)


def test_the_spread_of_a_sum_is_what_dependence_makes_it() -> None:
    values = np.tile(100 + 10 * SCORES, (1, H, 1))
    alone, together = (draws(values, c, 1000, 4)[0].sum(1).std() for c in (NO_LINK, wandering_level(1.0, 0.0, H)))
    assert alone == pytest.approx(10 * np.sqrt(H), rel=0.08)
    assert together == pytest.approx(10 * np.sqrt(H * (H + 1) / 2), rel=0.08)  # half the variance is common


def test_the_same_seed_gives_the_same_paths_and_another_one_others() -> None:
    values = random_quantiles(5, 4)
    one, same, other = (draws(values, NO_LINK, N, seed) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_normal_paths_are_standard_normal_in_every_period() -> None:
    found = normal_paths(50, wandering_level(0.2, 0.1, H), N, 1)
    assert found.shape == (50, N, H)
    assert found.mean((0, 1)) == pytest.approx(0, abs=0.03)
    assert found.std((0, 1)) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("level", "wander"), [(0.02, 0.0), (0.2, 0.02), (1.0, 0.0), (0.0, 0.1), (0.0, 50.0)])
def test_the_dependence_that_made_past_errors_is_found_again(level: float, wander: float) -> None:
    correlation = wandering_level(level, wander, 26)
    scores = normal_paths(60, correlation, 20, 6)
    assert error_correlation(scores) == pytest.approx(correlation, abs=0.06)


def test_errors_of_a_random_walk_are_as_alike_as_the_root_of_their_times_says() -> None:
    walk = np.cumsum(np.random.default_rng(7).standard_normal((300, 1, 52)), axis=-1) / np.sqrt(np.arange(1, 53))
    found = error_correlation(walk)
    assert found[0, 51] == pytest.approx(np.sqrt(1 / 52), abs=0.05)
    assert found[25, 51] == pytest.approx(np.sqrt(26 / 52), abs=0.05)


def test_with_no_past_the_dependence_is_the_usual_one() -> None:
    usual = wandering_level(LEVEL, WANDER, 52)
    assert error_correlation(np.full((3, 2, 52), np.nan)) == pytest.approx(usual, abs=0.01)
    assert error_correlation(np.empty((0, 5, 52))) == pytest.approx(usual, abs=0.01)


def test_periods_that_were_never_reached_are_as_the_reached_ones_say() -> None:
    correlation = wandering_level(0.0, 20.0, 52)
    scores = normal_paths(40, correlation, 10, 8)
    scores[..., 20:] = np.nan
    assert error_correlation(scores) == pytest.approx(correlation, abs=0.08)


def test_a_correlation_by_hand() -> None:
    """a = 1, w = 1: (1 + 1) / root(3 4) = .577 for one and two periods ahead."""
    assert wandering_level(1.0, 1.0, 2) == pytest.approx(np.array([[1, 2 / 12**0.5], [2 / 12**0.5, 1]]))


@settings(max_examples=40)
@given(arrays(float, (3, 2, 12), elements=st.one_of(st.floats(-4, 4), st.just(np.nan))))
def test_whatever_happened_the_correlation_is_one_that_can_be(scores: Floats) -> None:
    found = error_correlation(scores)
    assert np.array_equal(found, found.T)
    assert (np.diag(found) == 1).all()
    assert (found >= 0).all()
    np.linalg.cholesky(found)  # raises unless it is positive definite
