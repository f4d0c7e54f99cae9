from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from made_panels import missing_before, overdispersed, periods, seasonal, shifted

from forecaster.calendar import per_year
from forecaster.season import GUARD, YEARS, Profile, design, fit_profile
from forecaster.types import Floats, Step

FIRST = dt.date(2010, 1, 4)
WEEK = 365.25 / 7
BOTH: tuple[Step, Step] = ("week", "month")
ARRAYS = ("whole", "season", "whole_error", "season_error")


def profile(counts: Floats, ahead: int = 0, step: Step = "week", until: int | None = None) -> Profile:
    length = counts.shape[1]
    return fit_profile(np.asarray(counts, float), periods(length + ahead, step, FIRST), step, until or length)


def wave(length: int, size: float = 0.3, year: float = WEEK) -> Floats:
    return np.asarray(np.exp(size * np.sin(2 * np.pi * np.arange(length) / year)))


def poisson(seed: int, mean: Floats | float, shape: tuple[int, int]) -> Floats:
    return np.random.default_rng(seed).poisson(mean, shape).astype(float)


@pytest.mark.parametrize("step", BOTH)
def test_a_design_is_level_trend_two_harmonics_the_calendar_and_their_drift(step: Step) -> None:
    year = per_year(step)
    columns, penalty = design(periods(5 * year, step, FIRST), step, 4 * year)
    assert columns.shape == (5 * year, len(penalty)) == (5 * year, 1 + 1 + 4 + 2 + 4)
    assert (columns[:, 0] == 1).all()
    assert columns[[0, year, 3 * year], 1] == pytest.approx([0, 1, 3], abs=0.03)  # years
    assert penalty[0] == 0
    assert (penalty[1:] > 0).all()


def test_the_season_drifts_about_the_middle_of_what_is_known() -> None:
    columns, _ = design(periods(260, "week", FIRST), "week", 208)
    waves, drifting = columns[:, 2:6], columns[:, -4:]
    assert np.abs(drifting[[103, 104]]).max() < 0.02
    assert drifting[156] == pytest.approx(waves[156], abs=0.02)  # a year later
    assert drifting[52] == pytest.approx(-waves[52], abs=0.02)


def test_level_trend_and_season_are_found_again() -> None:
    length, ahead = 520, 52
    mean = 60 * wave(length + ahead) * np.exp(0.05 * np.arange(length + ahead) / WEEK)
    found = profile(poisson(1, mean[:length], (12, length)), ahead)
    assert found.whole.mean(0) == pytest.approx(mean, rel=0.1)
    assert found.season[:, -ahead:].mean(0) == pytest.approx(wave(length + ahead)[-ahead:], rel=0.1)
    for factor in found.season:
        assert np.corrcoef(factor, wave(length + ahead))[0, 1] > 0.97


def test_seasonal_factors_have_a_mean_of_one() -> None:
    counts, _ = seasonal(np.random.default_rng(2), 6, 260)
    found = profile(counts)
    assert found.season[:, : found.known].mean(1) == pytest.approx(np.ones(6))


def test_a_season_that_drifts_is_followed_by_the_whole_and_averaged_by_the_factors() -> None:
    """Its size doubles in twelve years."""
    length = 12 * 52
    size = np.linspace(0.2, 0.4, length)
    counts = poisson(3, 200 * np.exp(size * np.sin(2 * np.pi * np.arange(length) / WEEK)), (10, length))
    found = profile(counts)
    whole, factors = (
        [np.ptp(np.log(part)[:, year], axis=1).mean() for year in (slice(0, 52), slice(-52, None))]
        for part in (found.whole, found.season)
    )
    assert whole[1] > 1.4 * whole[0]
    assert factors[0] == pytest.approx(0.6, abs=0.1)
    assert factors[1] == pytest.approx(0.6, abs=0.1)


def test_weeks_with_fewer_working_days_have_less() -> None:
    length = 520
    rng = np.random.default_rng(4)
    from_days = design(periods(length, "week", FIRST), "week", length)[0][:, 6]  # log of working days, of five
    found = profile(rng.poisson(80 * np.exp(from_days), (8, length)))
    christmas = from_days < np.log(0.7)
    assert christmas.sum() > 5
    assert found.season[:, christmas].mean() < 0.75 * found.season[:, ~christmas].mean()


def test_months_have_their_own_season() -> None:
    found = profile(poisson(5, 200 * wave(96, year=12), (3, 96)), step="month")
    for factor in found.season:
        assert np.corrcoef(factor, wave(96, year=12))[0, 1] > 0.9


@pytest.mark.parametrize("step", BOTH)
def test_with_less_than_two_years_there_is_a_level_alone(step: Step) -> None:
    year = per_year(step)
    enough = YEARS * year + GUARD[step]
    counts = poisson(6, 30 * wave(enough, 0.5, year), (4, enough))
    short = profile(counts[:, :-1], step=step)
    assert (short.season == 1).all()
    assert short.whole[:, 0] == pytest.approx(counts[:, : short.known].mean(1), rel=0.05)
    assert (short.whole == short.whole[:, :1]).all()
    assert short.parameters == 1
    assert (profile(counts, step=step).season.std(1) > 0.05).all()


def test_a_series_that_starts_late_has_a_level_alone_beside_others_that_have_a_season() -> None:
    counts = poisson(7, 40 * wave(260), (3, 260))
    counts[1] = missing_before(counts[[1]], 180)[0]
    found = profile(counts)
    assert (found.season[1] == 1).all()
    assert found.whole[1] == pytest.approx(np.nanmean(counts[1, : found.known]), rel=0.05)
    assert (found.season[[0, 2]].std(1) > 0.1).all()


@pytest.mark.parametrize("until", [130, 208, 260])
def test_what_comes_after_the_newest_period_that_may_be_learnt_from_changes_nothing(until: int) -> None:
    counts = poisson(8, 30 * wave(260), (3, 260))
    other = counts.copy()
    other[:, until - GUARD["week"] :] = 900
    one, two = profile(counts, until=until), profile(other, until=until)
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(two, name))


def test_each_series_has_the_profile_it_would_have_alone() -> None:
    counts = poisson(9, np.array([[2.0], [30.0], [200.0]]), (3, 260))
    together = profile(counts)
    for row in range(3):
        alone = profile(counts[[row]])
        assert alone.whole[0] == pytest.approx(together.whole[row], rel=1e-3)
        assert alone.whole_error[0] == pytest.approx(together.whole_error[row], rel=1e-2)


def test_a_level_shift_does_not_pass_for_season() -> None:
    counts, _ = shifted(np.random.default_rng(10), 30, 260)
    assert profile(counts).season.std(1).mean() < 0.12


def test_a_past_surge_hardly_moves_the_profile() -> None:
    counts = poisson(11, 30.0, (20, 312))
    surged = counts.copy()
    surged[:, 120:124] = 120
    calm, found = profile(counts), profile(surged)
    assert found.whole[:, -52:].mean() == pytest.approx(calm.whole[:, -52:].mean(), rel=0.05)
    assert found.season.std(1).mean() < calm.season.std(1).mean() + 0.06


@pytest.mark.parametrize(("mean", "phi"), [(30.0, 1.5), (8.0, 3.0)])
def test_the_errors_are_those_of_repeated_fits(mean: float, phi: float) -> None:
    """On the log scale, over periods that were fitted and over newest ones that were not."""
    counts = overdispersed(np.random.default_rng(12), mean, phi, (300, 312))
    found = profile(counts)
    for factor, error in ((found.whole, found.whole_error), (found.season, found.season_error)):
        spread = np.log(factor).var(0)
        for those in (slice(52, 250), slice(286, 312)):
            assert error[:, those].mean() == pytest.approx(spread[those].mean(), rel=0.25)
    assert found.whole_error[:, -1].mean() > 1.5 * found.whole_error[:, 150].mean()


def test_a_series_without_a_value_is_finite_and_spoils_no_other() -> None:
    counts = poisson(13, 20.0, (2, 260))
    alone = profile(counts[[1]])
    counts[0] = np.nan
    found = profile(counts)
    for name in ARRAYS:
        assert np.isfinite(getattr(found, name)).all()
    assert found.whole[1] == pytest.approx(alone.whole[0], rel=1e-3)


def test_zeros_alone_are_expected_to_go_on() -> None:
    found = profile(np.zeros((1, 260)))
    assert found.whole[0, -1] < 1e-3
    assert np.isfinite(found.season).all()


@pytest.mark.parametrize("length", [1, 2, 27])
def test_a_few_periods_give_a_finite_level(length: int) -> None:
    found = profile(np.full((2, length), 6.0), ahead=3)
    assert found.whole == pytest.approx(np.full((2, length + 3), 6.0), rel=0.02)
    assert (found.season == 1).all()


def test_no_series_have_an_empty_profile() -> None:
    found = profile(np.empty((0, 260)), ahead=4)
    assert all(getattr(found, name).shape == (0, 264) for name in ARRAYS)
