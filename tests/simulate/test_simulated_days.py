"""Busy and quiet days, counting in working days, and the sizes of families."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.calendar import bank_holidays
from forecaster.simulate import Profile
from forecaster.simulate.days import OFF_DAY, Almanac, busyness, day_number, source_mix
from forecaster.simulate.pathway import CONFERENCE_LAGS, ENQUIRY_LAGS, _lag, _pick, _plan_length, daily_families
from forecaster.simulate.people import GAP_RANGE, _gaps, group_ages, labelled
from forecaster.simulate.profile import AGES, LARGEST_GROUP, SEASON, chance_by_size
from forecaster.types import as_date

FIRST, LAST = dt.date(2018, 1, 1), dt.date(2023, 12, 31)
ALMANAC = Almanac.of(day_number(FIRST), day_number(LAST))
PROFILE = Profile()
UNIFORM = (np.arange(20_000) + 0.5) / 20_000


def at(day: dt.date) -> int:
    return day_number(day) - ALMANAC.first


def days_between() -> st.SearchStrategy[dt.date]:
    return st.dates(FIRST, dt.date(2023, 6, 30))


def test_days_are_numbered_as_numpy_numbers_them() -> None:
    assert day_number(dt.date(1970, 1, 1)) == 0
    assert as_date(np.datetime64(day_number(FIRST), "D")) == FIRST


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (dt.date(2018, 1, 2), True),
        (dt.date(2018, 1, 1), False),  # New Year
        (dt.date(2018, 1, 6), False),  # a Saturday
        (dt.date(2018, 5, 7), False),  # early May bank holiday
        (dt.date(2022, 9, 19), False),  # the Queen's funeral
        (dt.date(2022, 9, 20), True),
    ],
)
def test_working_days_are_weekdays_without_bank_holidays(day: dt.date, worked: bool) -> None:
    assert ALMANAC.worked[at(day)] == worked


@given(days_between(), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_counting_ahead_in_working_days_lands_on_one_and_skips_no_other(day: dt.date, count: int) -> None:
    landed = as_date(np.datetime64(int(ALMANAC.ahead(np.array([day_number(day)]), np.array([count]))[0]), "D"))
    passed = [day + dt.timedelta(days=i) for i in range((landed - day).days)]
    worked = [d for d in passed if d.weekday() < 5 and d not in bank_holidays(d.year)]
    assert landed.weekday() < 5 and landed not in bank_holidays(landed.year)
    assert len(worked) == count


@given(days_between())
@settings(max_examples=60, deadline=None)
def test_snapping_is_to_the_day_itself_or_the_next_working_one(day: dt.date) -> None:
    snapped = ALMANAC.snap(np.array([day_number(day)]))
    assert 0 <= snapped[0] - day_number(day) <= 5
    assert (ALMANAC.snap(snapped) == snapped).all()


def test_an_almanac_cut_short_is_the_same_up_to_there() -> None:
    short = ALMANAC.until(ALMANAC.first + 400)
    assert len(short.worked) == len(short.month) == 400
    assert (short.worked == ALMANAC.worked[:400]).all()


def test_the_days_are_busy_by_englands_months() -> None:
    rate = busyness(PROFILE, ALMANAC)
    assert rate.mean() == pytest.approx(1)
    months = [rate[(ALMANAC.month == month) & ALMANAC.worked].mean() for month in range(1, 13)]
    expected = np.roll(SEASON, 3)
    assert months / np.mean(months) == pytest.approx(expected / expected.mean(), rel=1e-6)


def test_an_off_day_is_a_twentieth_of_a_working_day() -> None:
    rate = busyness(Profile(seasonality=0.0), ALMANAC)
    assert rate[at(dt.date(2018, 1, 6))] / rate[at(dt.date(2018, 1, 5))] == pytest.approx(OFF_DAY)
    assert np.unique(rate.round(9)).size == 2


def test_half_term_is_quieter_than_the_weeks_about_it() -> None:
    rate = busyness(PROFILE, ALMANAC)
    half_term, after = at(dt.date(2019, 2, 19)), at(dt.date(2019, 2, 26))
    assert rate[half_term] < 0.9 * rate[after]


def test_schools_keep_their_share_over_the_year_and_lose_it_in_holidays() -> None:
    mix = source_mix(PROFILE, ALMANAC)
    schools = list(PROFILE.sources).index("Schools")
    assert mix[ALMANAC.worked, schools].mean() == pytest.approx(PROFILE.sources["Schools"], rel=0.01)
    holiday, term = (mix[ALMANAC.school_holiday == state, schools][0] for state in (True, False))
    assert holiday / term == pytest.approx(PROFILE.school_holiday)
    police = list(PROFILE.sources).index("Police")
    assert np.ptp(mix[:, police]) == 0


@pytest.mark.parametrize("size", [0.5, 1.0, 3.0])
def test_daily_families_add_up_to_a_years_referrals(size: float) -> None:
    profile = Profile(size=size, dispersion=0.0, trend=0.0)
    families = daily_families(profile, ALMANAC, np.random.default_rng(1))
    assert families.sum() * profile.mean_group / 6 == pytest.approx(size * 1_500, rel=0.01)


def test_the_level_wavers_from_week_to_week_by_the_dispersion() -> None:
    rng = np.random.default_rng(3)
    steady = daily_families(Profile(dispersion=0.0, trend=0.0), ALMANAC, rng)
    wavering = daily_families(Profile(dispersion=0.05, trend=0.0), ALMANAC, rng)
    level = wavering / steady
    assert level[:7] == pytest.approx(np.full(7, level[0]))  # Monday to Sunday alike
    assert level[6] != pytest.approx(level[7])
    assert level[::7].var() == pytest.approx(0.05, rel=0.25)


def test_growth_is_by_the_trend() -> None:
    families = daily_families(Profile(dispersion=0.0, trend=0.1), ALMANAC, np.random.default_rng(1))
    years = [families[at(dt.date(year, 1, 1)) : at(dt.date(year, 12, 31)) + 1].sum() for year in (2018, 2022)]
    assert years[1] / years[0] == pytest.approx(1.1**4, rel=0.02)


# Families


@given(st.floats(0, 2))
@settings(max_examples=40, deadline=None)
def test_group_sizes_are_chances_that_grow_with_the_sibling_rate(rate: float) -> None:
    profile = Profile(sibling_rate=rate)
    assert profile.group_sizes.sum() == pytest.approx(1)
    assert (profile.group_sizes >= 0).all()
    assert 1 <= profile.mean_group <= 1 + rate + 1e-9


@given(st.floats(0.01, 0.5), st.floats(0, 0.2))
@settings(max_examples=60, deadline=None)
def test_a_chance_by_size_is_the_chance_over_children_and_grows_with_the_family(chance: float, tilt: float) -> None:
    sizes = np.arange(1.0, LARGEST_GROUP + 1)
    by_size = chance_by_size(chance, sizes, PROFILE, tilt)
    children = PROFILE.group_sizes * sizes
    assert (by_size * children).sum() / children.sum() == pytest.approx(chance, rel=0.02)
    assert (np.diff(by_size) >= 0).all()
    assert by_size.max() <= 0.97


def test_picking_follows_the_chances() -> None:
    picked = _pick(np.array([0.2, 0.5, 0.3]), UNIFORM)
    assert np.bincount(picked) / len(picked) == pytest.approx([0.2, 0.5, 0.3], abs=1e-3)


def test_picking_may_have_chances_of_its_own_for_each_draw() -> None:
    chances = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    assert _pick(chances, np.array([0.999, 0.0, 0.7])).tolist() == [0, 1, 1]


def test_labels_follow_their_shares() -> None:
    labels = labelled(UNIFORM.tolist(), (("a", 0.25), ("b", 0.75)))
    assert (labels == "a").mean() == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize("table", [ENQUIRY_LAGS, CONFERENCE_LAGS])
def test_lags_follow_their_table(table: tuple[tuple[float, int, int], ...]) -> None:
    lags = _lag(table, UNIFORM)
    assert lags.min() == table[0][1]
    assert lags.max() == table[-1][2] - 1
    for share, low, high in table:
        assert ((lags >= low) & (lags < high)).mean() == pytest.approx(share, abs=2e-3)


def test_most_conferences_are_within_fifteen_working_days_of_the_strategy_discussion() -> None:
    # England 2023-24: 79% (table C4).
    assert (_lag(CONFERENCE_LAGS, UNIFORM) <= 15).mean() == pytest.approx(0.79, abs=0.01)


def test_plan_lengths_are_in_englands_bands() -> None:
    rng = np.random.default_rng(4)
    lengths = _plan_length(UNIFORM, rng.random(len(UNIFORM)))
    bands = np.histogram(lengths, [0, 92, 183, 366, 731, 9_999])[0] / len(lengths)
    assert bands == pytest.approx([0.163, 0.117, 0.433, 0.249, 0.038], abs=0.004)


def test_gaps_between_plans_are_two_in_five_within_two_years() -> None:
    years = _gaps(UNIFORM) / 365.25
    assert (years <= 2).mean() == pytest.approx(9 / 22, abs=0.03)
    assert years.min() >= GAP_RANGE[0] - 0.01
    assert years.max() <= GAP_RANGE[1]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_ages_in_a_group_are_of_children_and_the_first_of_the_table(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ages = group_ages(rng.random((200, LARGEST_GROUP)), rng.random((200, LARGEST_GROUP)))
    assert ages.min() >= AGES[0][1]
    assert ages.max() <= AGES[-1][2]


def test_the_shares_of_ages_add_up() -> None:
    assert sum(share for share, _, _ in AGES) == pytest.approx(1)
    assert all(high == low for (_, _, high), (_, low, _) in pairwise(AGES))
