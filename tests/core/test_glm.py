from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import overdispersed

from forecaster.glm import SURGE_AT, anscombe_residuals, fit_counts, pearson_dispersion
from forecaster.types import Floats


def design_of(length: int) -> Floats:
    """A level, a trend and a yearly wave."""
    t = np.arange(length)
    return np.column_stack([np.ones(length), t / 52, np.sin(2 * np.pi * t / 52), np.cos(2 * np.pi * t / 52)])


def level(length: int) -> Floats:
    return np.ones((length, 1))


NONE = np.zeros(1)


def test_known_coefficients_are_found_again_in_overdispersed_counts() -> None:
    rng = np.random.default_rng(1)
    design, truth = design_of(520), np.array([3.0, 0.05, 0.3, -0.2])
    counts = overdispersed(rng, np.exp(design @ truth), 3.0, (30, 520))
    fit = fit_counts(counts, design, np.zeros(4))
    assert fit.coefficients.mean(0) == pytest.approx(truth, abs=0.03)
    assert fit.coefficients.std(0).max() < 0.08
    assert np.median(fit.dispersion) == pytest.approx(3.0, rel=0.15)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(5, 9), min_size=20, max_size=60))
def test_a_level_alone_is_the_mean(values: list[int]) -> None:
    counts = np.array([values], float)  # too even for any of them to be taken for a surge
    fit = fit_counts(counts, level(len(values)), NONE)
    assert np.exp(fit.coefficients[0, 0]) == pytest.approx(counts.mean(), rel=1e-5)


def test_two_groups_have_their_own_means() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat([0.0, 1.0], 40)
    counts = rng.poisson(np.where(group, 40, 10), (5, 80)).clip(4, 55).astype(float)
    fit = fit_counts(counts, np.column_stack([np.ones(80), group]), np.zeros(2))
    clean = np.abs(
        anscombe_residuals(counts, np.exp(fit.coefficients @ np.array([np.ones(80), group])), fit.dispersion)
    )
    kept = clean.max(1) < SURGE_AT
    assert kept.sum() >= 3
    assert np.exp(fit.coefficients[kept, 0]) == pytest.approx(counts[kept, :40].mean(1), rel=1e-5)
    assert np.exp(fit.coefficients[kept].sum(1)) == pytest.approx(counts[kept, 40:].mean(1), rel=1e-5)


def test_many_series_at_once_are_fitted_as_each_alone() -> None:
    rng = np.random.default_rng(3)
    counts = rng.poisson(rng.uniform(0.5, 80, (6, 1)), (6, 156)).astype(float)
    counts[2, 30:60] = np.nan
    together = fit_counts(counts, design_of(156), np.full(4, 0.5))
    for row in range(6):
        alone = fit_counts(counts[[row]], design_of(156), np.full(4, 0.5))
        assert alone.coefficients[0] == pytest.approx(together.coefficients[row], abs=1e-4)
        assert alone.dispersion[0] == pytest.approx(together.dispersion[row], rel=1e-4)


def test_missing_values_are_left_out_not_taken_for_zero() -> None:
    rng = np.random.default_rng(4)
    counts = rng.poisson(20, (3, 120)).astype(float)
    holes = counts.copy()
    holes[:, ::3] = np.nan
    kept = np.isfinite(holes[0])
    with_holes = fit_counts(holes, design_of(120), np.full(4, 0.1))
    without = fit_counts(holes[:, kept], design_of(120)[kept], np.full(4, 0.1))
    assert with_holes.coefficients == pytest.approx(without.coefficients, abs=1e-6)
    assert with_holes.dispersion == pytest.approx(without.dispersion, rel=1e-6)


def test_a_series_without_any_value_is_fitted_to_something_finite_and_spoils_no_other() -> None:
    counts = np.vstack([np.full(100, np.nan), np.random.default_rng(5).poisson(9, 100)])
    fit = fit_counts(counts, level(100), NONE)
    assert np.isfinite(fit.coefficients).all()
    assert np.exp(fit.coefficients[1, 0]) == pytest.approx(9, rel=0.1)


def test_zeros_alone_give_a_mean_near_zero() -> None:
    fit = fit_counts(np.zeros((1, 80)), level(80), NONE)
    assert np.exp(fit.coefficients[0, 0]) < 1e-3
    assert fit.dispersion[0] == 1


def test_a_past_surge_is_weighed_down() -> None:
    rng = np.random.default_rng(6)
    counts = rng.poisson(10, (1, 150)).astype(float)
    surged = counts.copy()
    surged[0, 70:76] = 60
    calm, fit = (fit_counts(c, level(150), NONE) for c in (counts, surged))
    usual, found = (np.exp(f.coefficients[0, 0]) for f in (calm, fit))
    assert usual < found < usual + 0.7 * (surged.mean() - counts.mean())  # an ordinary fit would follow all of it


@pytest.mark.parametrize("size", [100.0, 1000.0, 10_000.0])
def test_a_single_huge_value_pulls_the_level_little_more_than_half_as_far_as_the_mean(size: float) -> None:
    counts = np.random.default_rng(7).poisson(10, (1, 150)).astype(float)
    counts[0, 70] = size
    found = np.exp(fit_counts(counts, level(150), NONE).coefficients[0, 0])
    assert found - 10 < 0.6 * (counts.mean() - 10)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 60))
def test_dispersion_is_never_below_one(seed: int, mean: float) -> None:
    counts = np.random.default_rng(seed).binomial(100, mean / 100, (3, 60)).astype(float)  # less than Poisson varies
    assert (fit_counts(counts, level(60), NONE).dispersion >= 1).all()


def test_a_penalty_draws_a_coefficient_to_zero() -> None:
    rng = np.random.default_rng(8)
    counts = rng.poisson(np.exp(design_of(156) @ np.array([3.0, 0.0, 0.5, 0.0])), (1, 156)).astype(float)
    free, held = (fit_counts(counts, design_of(156), np.array([0, 0, p, 0.0])).coefficients[0, 2] for p in (0, 1e6))
    assert free == pytest.approx(0.5, abs=0.06)
    assert abs(held) < 0.01


def test_pearson_dispersion_of_known_counts() -> None:
    counts, mu = np.array([[8.0, 12.0, 10.0, 2.0]]), np.full((1, 4), 8.0)
    weights = np.array([[1.0, 1.0, 1.0, 0.0]])  # (0 + 16 + 4) / 8 over 3 - 1
    assert pearson_dispersion(counts, mu, weights, 1)[0] == pytest.approx(1.25)


def test_anscombe_residuals_are_nought_at_the_mean_and_grow_with_the_count() -> None:
    counts = np.array([[4.0, 9.0, 16.0, 25.0]])
    found = anscombe_residuals(counts, np.full((1, 4), 9.0), np.ones(1))[0]
    assert found[1] == pytest.approx(0, abs=1e-9)
    assert (np.diff(found) > 0).all()
    assert anscombe_residuals(counts, np.full((1, 4), 9.0), np.full(1, 4.0))[0] == pytest.approx(found / 2, rel=1e-6)


def test_anscombe_residuals_of_poisson_counts_are_about_standard_normal() -> None:
    counts = np.random.default_rng(9).poisson(20, (1, 20_000)).astype(float)
    found = anscombe_residuals(counts, np.full_like(counts, 20), np.ones(1))
    assert found.mean() == pytest.approx(0, abs=0.06)
    assert found.std() == pytest.approx(1, abs=0.03)


def test_the_variance_of_a_level_is_that_of_a_mean() -> None:
    counts = np.array([[6.0, 8.0, 7.0, 5.0, 9.0, 7.0, 6.0, 8.0]])  # too even: phi is one
    fit = fit_counts(counts, level(8), NONE)
    assert fit.covariance.shape == (1, 1, 1)
    assert fit.log_mean(level(3))[0] == pytest.approx(np.full(3, np.log(7)), rel=1e-6)
    assert fit.log_variance(level(3))[0] == pytest.approx(np.full(3, 1 / 56), rel=1e-4)  # 1 / (n mu)


@pytest.mark.parametrize("phi", [1.2, 4.0])
def test_the_covariance_is_that_of_repeated_samples(phi: float) -> None:
    design, truth = design_of(260), np.array([3.0, 0.05, 0.3, -0.2])
    counts = overdispersed(np.random.default_rng(10), np.exp(design @ truth), phi, (600, 260))
    fit = fit_counts(counts, design, np.zeros(4))
    assert fit.covariance.mean(0) == pytest.approx(np.cov(fit.coefficients.T), abs=2e-4 * phi)
    variances = np.diagonal(fit.covariance, axis1=1, axis2=2).mean(0)
    assert variances == pytest.approx(fit.coefficients.var(0), rel=0.2)


def test_the_variance_of_the_log_mean_is_that_of_repeated_samples_ahead_of_the_data_too() -> None:
    ahead = design_of(320)
    truth = np.array([2.5, 0.1, 0.3, -0.2])
    counts = overdispersed(np.random.default_rng(11), np.exp(ahead[:260] @ truth), 2.0, (600, 260))
    fit = fit_counts(counts, ahead[:260], np.zeros(4))
    assert fit.log_variance(ahead).mean(0) == pytest.approx(fit.log_mean(ahead).var(0), rel=0.25)
    assert fit.log_variance(ahead)[:, -1].mean() > 2 * fit.log_variance(ahead)[:, 130].mean()


def test_the_variance_of_a_part_is_of_its_columns_alone() -> None:
    design = design_of(120)
    fit = fit_counts(np.random.default_rng(12).poisson(20, (2, 120)).astype(float), design, np.full(4, 0.1))
    wave = slice(2, 4)
    by_hand = [[row @ one[wave, wave] @ row for row in design[:, wave]] for one in fit.covariance]
    assert fit.log_variance(design, wave) == pytest.approx(np.array(by_hand))
    assert fit.log_variance(design, slice(0, 4)) == pytest.approx(fit.log_variance(design))


def test_a_penalised_coefficient_is_no_less_sure_than_its_prior() -> None:
    fit = fit_counts(np.full((1, 60), 5.0), design_of(60), np.array([0, 0, 1e4, 1e4]))
    assert (np.diagonal(fit.covariance[0])[2:] < 1e-4).all()
    nothing = fit_counts(np.full((1, 60), np.nan), design_of(60), np.array([1.0, 1.0, 4.0, 4.0]))
    assert np.diagonal(nothing.covariance[0]) == pytest.approx([1, 1, 0.25, 0.25], rel=1e-6)  # nothing but the prior
