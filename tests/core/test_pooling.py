"""Seasons borrowed from other series: known answers, and better than each series' own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import overdispersed, periods

from forecaster.calendar import following, school_holiday_share, working_columns, yearly_waves
from forecaster.models._pooling import HARMONICS, LEAST, centred, pooled_season
from forecaster.types import Dates, Floats, Step, as_date

K, H = 260, 52
YEAR = 2 * np.pi * np.arange(K + H) / 52.18


def together(series: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.zeros(series, np.int64)


def dates(known: int = K, ahead: int = H, step: Step = "week") -> Dates:
    seen = periods(known, step)
    return np.concatenate([seen, following(as_date(seen[-1]), ahead, step)])


def miss(found: Floats, truth: Floats) -> float:
    """Root mean square error over the periods to come."""
    return float(np.sqrt(np.mean((found[:, K:] - truth[..., K:]) ** 2)))


def test_without_noise_the_season_is_found_in_the_past_and_goes_on() -> None:
    truth = 1 + 0.3 * np.sin(YEAR + 1)
    found = pooled_season(100 * truth[None, :K], together(1), dates(), "week")
    assert found == pytest.approx(truth[None], abs=0.025)


def test_the_size_of_a_series_is_no_season() -> None:
    truth = 1 + 0.3 * np.sin(YEAR + 1)
    one, other = (pooled_season(n * truth[None, :K], together(1), dates(), "week") for n in (3.0, 3000.0))
    assert one == pytest.approx(other, abs=1e-6)


def test_school_holidays_are_found_where_they_move() -> None:
    """Easter is not the same week every year: a quarter fewer wherever schools are shut."""
    shut = school_holiday_share(dates(), "week")
    counts = np.random.default_rng(1).poisson(80 * (1 - 0.25 * shut[:K]), (30, K)).astype(float)
    found = pooled_season(counts, together(30), dates(), "week")[0]
    assert found[:K].mean() == pytest.approx(1, abs=0.02)
    assert found[K:][shut[K:] == 1].mean() / found[K:][shut[K:] == 0].mean() == pytest.approx(0.75, abs=0.03)


def test_a_trend_or_a_level_that_shifts_is_no_season() -> None:
    growing = 50 * np.exp(np.arange(K) / K)
    stepped = np.where(np.arange(K) < 130, 40.0, 80.0)
    for counts in (growing, stepped):
        found = pooled_season(counts[None], together(1), dates(), "week")
        assert np.abs(found - 1).max() < 0.06


@pytest.mark.parametrize("step, known, ahead", [("week", K, H), ("month", 60, 12)])
def test_factors_are_one_on_average(step: Step, known: int, ahead: int) -> None:
    rng = np.random.default_rng(2)
    counts = rng.poisson(rng.uniform(1, 80, (20, 1)), (20, known)).astype(float)
    found = pooled_season(counts, np.arange(20) % 3, dates(known, ahead, step), step)
    assert found.shape == (20, known + ahead)
    assert found[:, :known].mean(1) == pytest.approx(np.ones(20), abs=0.02)


def test_the_season_of_all_is_better_than_each_series_own() -> None:
    rng = np.random.default_rng(3)
    truth = 1 + 0.2 * np.sin(YEAR)
    counts = overdispersed(rng, 7 * truth[:K], 2.0, (40, K))
    pooled = pooled_season(counts, together(40), dates(), "week")
    alone = np.concatenate([pooled_season(row[None], together(1), dates(), "week") for row in counts])
    assert miss(pooled, truth) < 0.03
    assert miss(pooled, truth) < miss(alone, truth) / 4


def test_series_of_one_measure_share_one_season_and_large_ones_say_more_of_it() -> None:
    waves = 1 + 0.3 * np.stack([np.sin(YEAR), -np.sin(YEAR)])
    counts = np.array([[900.0], [100.0]]) * waves[:, :K]
    found = pooled_season(counts, together(2), dates(), "week")
    assert np.array_equal(found[0], found[1])
    assert found[0] == pytest.approx(1 + 0.3 * 0.8 * np.sin(YEAR), abs=0.03)


def test_a_season_that_lasts_is_a_measure_s_own() -> None:
    """Two measures with opposite seasons over many years: neither is told the other's."""
    rng = np.random.default_rng(4)
    waves = 1 + 0.3 * np.stack([np.sin(YEAR), -np.sin(YEAR)])
    counts = rng.poisson(60 * np.repeat(waves[:, :K], 10, axis=0)).astype(float)
    found = pooled_season(counts, np.repeat([0, 1], 10), dates(), "week")
    assert miss(found, np.repeat(waves, 10, axis=0)) < 0.05


def test_a_measure_that_is_no_different_keeps_nothing_of_its_own() -> None:
    """Small measures of one season: what is left between them is the luck of the years."""
    rng = np.random.default_rng(5)
    truth = 1 + 0.2 * np.sin(YEAR)
    counts = overdispersed(rng, 4 * truth[:K], 2.0, (12, K))
    shared = pooled_season(counts, np.arange(12), dates(), "week")
    alone = np.concatenate([pooled_season(row[None], together(1), dates(), "week") for row in counts])
    assert miss(shared, truth) < miss(alone, truth) / 2


def test_what_differs_from_year_to_year_is_the_luck_of_the_years_and_no_season() -> None:
    """Every measure has a wave of its own each year, another one the next: neighbouring weeks agree, years do not."""
    rng = np.random.default_rng(8)
    phase = rng.uniform(0, 2 * np.pi, (12, 6))[:, np.arange(K + H) // 52 % 6]
    counts = 2_000 * (1 + 0.2 * np.sin(YEAR) + 0.3 * np.sin(YEAR + phase))[:, :K]
    shared = pooled_season(counts, np.arange(12), dates(), "week")
    alone = np.concatenate([pooled_season(row[None], together(1), dates(), "week") for row in counts])
    assert shared[:, K:].std(0).mean() < 0.5 * alone[:, K:].std(0).mean()


def test_with_less_than_two_years_there_is_no_season() -> None:
    counts = np.random.default_rng(6).poisson(20, (3, 103)).astype(float)
    assert (pooled_season(counts, together(3), dates(103), "week") == 1).all()
    more = np.random.default_rng(6).poisson(20 * (1 + 0.5 * np.sin(YEAR[:108])), (3, 108)).astype(float)
    assert (pooled_season(more, together(3), dates(108), "week") != 1).any()


def test_no_series_is_an_empty_answer() -> None:
    assert pooled_season(np.empty((0, K)), together(0), dates(), "week").shape == (0, K + H)


def test_one_wild_week_is_not_a_season() -> None:
    truth = 1 + 0.2 * np.sin(YEAR)
    counts = 100 * np.repeat(truth[None, :K], 5, axis=0)
    wild = counts.copy()
    wild[:, 150] *= 4
    plain, found = (pooled_season(some, together(5), dates(), "week") for some in (counts, wild))
    assert np.abs(found - plain).max() < 0.03


def test_missing_periods_and_series_that_begin_late_say_nothing() -> None:
    truth = 1 + 0.3 * np.sin(YEAR + 1)
    counts = np.repeat(100 * truth[None, :K], 3, axis=0)
    counts[0, 100:110] = np.nan
    counts[1, :150] = np.nan
    assert pooled_season(counts, together(3), dates(), "week") == pytest.approx(np.tile(truth, (3, 1)), abs=0.03)


def test_the_order_of_series_and_the_numbers_of_groups_change_nothing() -> None:
    rng = np.random.default_rng(7)
    counts, groups = rng.poisson(20, (9, K)).astype(float), np.arange(9) % 3
    order = rng.permutation(9)
    found = pooled_season(counts, groups, dates(), "week")
    assert pooled_season(counts[order], groups[order], dates(), "week") == pytest.approx(found[order])
    assert pooled_season(counts, (groups + 1) % 3, dates(), "week") == pytest.approx(found)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(104, 200))
def test_factors_are_finite_and_never_near_zero(seed: int, series: int, known: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.choice([0.0, 0.1, 5.0, 1e6], (series, 1)), (series, known)).astype(float)
    counts[rng.random(counts.shape) < rng.choice([0.0, 0.5, 0.99])] = np.nan
    found = pooled_season(counts, rng.integers(0, 3, series), dates(known), "week")
    assert np.isfinite(found).all()
    assert (found >= LEAST).all()


def test_the_mean_of_the_year_around_a_period_by_hand() -> None:
    """A year of four: half of the outermost on either side."""
    values = np.array([[4.0, 8.0, 0.0, 4.0, 8.0, 4.0, 0.0]])
    found = centred(values, 4)[0]
    assert np.isnan(found[[0, -1]]).all()
    assert found[2] == pytest.approx((2 + 8 + 0 + 4 + 4) / 4)
    assert found[3] == pytest.approx((4 + 0 + 4 + 8 + 2) / 4)


def test_the_year_around_leaves_out_what_is_missing() -> None:
    values = np.full((1, 120), 6.0)
    values[0, 50:55] = np.nan
    found = centred(values, 52)[0]
    assert found[60] == pytest.approx(6)
    values[0, 50:70] = np.nan
    assert np.isnan(centred(values, 52)[0, 60])


@pytest.mark.parametrize("step, usual", [("week", 5), ("month", 21)])
def test_calendar_columns_know_the_working_days(step: Step, usual: int) -> None:
    some = periods(60, step)
    columns = np.column_stack([yearly_waves(some, HARMONICS), working_columns(some, step)])
    assert columns.shape == (60, 10)
    assert np.exp(columns[:, -2]).max() * usual == pytest.approx(5 if step == "week" else 23)
    assert np.array_equal(columns[:, -1], school_holiday_share(some, step))
