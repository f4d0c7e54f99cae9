"""Where a series is heading by 31 March: what was counted, and a rest that is as uncertain as it says."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_panels import panel, shares, sibling_shares, spells

from forecaster.calendar import following
from forecaster.models import counts
from forecaster.types import QUANTILES, Ask, Floats, Forecasts, Panel, SeriesKey, as_date
from forecaster.words.context import YearEnd
from forecaster.year_end import year_end_outlook

STARTS = SeriesKey("plan_starts")


def weekly(values: Floats, kind: str = "flow", last: dt.date = dt.date(2018, 1, 8)) -> Panel:
    first = last - dt.timedelta(weeks=len(values) - 1)
    return panel(values, kind, keys=[STARTS], first=first)  # type: ignore[arg-type]


def ahead(some: Panel, weeks: int = 20, draws: Floats | None = None) -> Forecasts:
    """A forecast that can be told by heart: in week i (from 0) the quantiles are 100 i, 100 i + 1, …

    draws: sample paths of the one series (N x weeks).
    """
    values = 100.0 * np.arange(weeks)[:, None] + np.arange(len(QUANTILES))
    periods = following(as_date(some.periods[-1]), weeks, some.step)
    paths = None if draws is None else draws[None]
    return Forecasts(some.keys, as_date(some.periods[-1]), periods, values[None], ("counts",), draws=paths)


def drawn(some: Panel, draws: Floats) -> YearEnd:
    """The year's end by sample paths."""
    found = year_end_outlook(some, ahead(some, draws.shape[1], draws), STARTS)
    assert found is not None
    return found


# Stocks


def test_the_outlook_of_a_stock_is_its_level_in_the_last_week_that_is_over_by_31_march() -> None:
    """From 15 January on the week of 19 March (ends 25 March) is the tenth; that of 26 March ends on 1 April."""
    some = weekly(np.arange(120.0), "stock")
    draws = 1_000.0 * np.arange(20)[None, :] + np.arange(201)[:, None]  # 9,000 to 9,200 in the tenth week
    found = drawn(some, draws)
    assert found.day == dt.date(2018, 3, 31)
    assert (found.lower, found.median, found.upper) == (9_005.0, 9_100.0, 9_195.0)
    # a year before: the week of 20 March 2017, 42 weeks before 8 January 2018, whose value is 119
    assert (found.year_ago, found.more) == (119 - 42, 1.0)


def test_without_sample_paths_a_stock_has_the_band_of_its_quantiles_and_no_probability() -> None:
    some = weekly(np.arange(120.0), "stock")
    found = year_end_outlook(some, ahead(some), STARTS)
    assert found is not None
    assert (found.lower, found.median, found.upper) == (900.0, 904.0, 908.0)
    assert (found.year_ago, found.more, found.draws) == (119 - 42, None, None)


@pytest.mark.parametrize("weeks", [3, 9])
def test_a_forecast_that_ends_before_31_march_says_nothing_of_it(weeks: int) -> None:
    for kind in ("stock", "flow"):
        some = weekly(np.full(180, 20.0), kind)
        assert year_end_outlook(some, ahead(some, weeks, np.full((5, weeks), 20.0)), STARTS) is None


def test_the_outlook_of_a_real_stock_holds_what_came() -> None:
    every = spells(np.random.default_rng(2), 40, 220)
    held = 0
    for row in every:
        some = weekly(row[:208], "stock")
        values = counts.predict(some, Ask((208,), 13))[:, 0]
        outlook = year_end_outlook(some, replace(ahead(some, 13), values=values), STARTS)
        assert outlook is not None
        held += outlook.lower <= row[217] <= outlook.upper
    assert held >= 35


# Flows


def test_the_outlook_of_a_flow_is_so_far_plus_the_sum_of_each_path() -> None:
    """41 weeks are counted (3 April to 8 January), 11 are ahead; 12 to 20 come after 31 March and count for nothing."""
    values = np.random.default_rng(1).poisson(20, 180).astype(float)
    some = weekly(values)
    paths = np.random.default_rng(2).poisson(20, (400, 20)).astype(float)
    found = drawn(some, paths)
    assert found.draws is not None
    assert np.array_equal(found.draws, values[-41:].sum() + paths[:, :11].sum(1))
    assert [found.lower, found.median, found.upper] == list(np.rint(np.quantile(found.draws, [0.025, 0.5, 0.975])))
    assert found.upper - found.median == pytest.approx(1.96 * 220**0.5, rel=0.2)


def test_the_year_and_the_weeks_before_it_are_one_forecast() -> None:
    """Paths that all are twice as high, in a quarter of the year: the year is higher by as much, and not otherwise."""
    some = weekly(np.full(180, 20.0))
    paths = np.random.default_rng(3).poisson(20, (50, 11)).astype(float)
    once, twice = drawn(some, paths), drawn(some, 2 * paths)
    assert once.draws is not None and twice.draws is not None
    assert np.array_equal(twice.draws - once.draws, paths.sum(1))


def test_a_week_that_straddles_31_march_is_of_both_years_by_its_weekdays() -> None:
    """31 March 2017 was a Friday, 31 March 2016 a Thursday: Good Friday is of 2016/17 with its whole week's fifth."""
    values = np.zeros(180)
    some = weekly(values, last=dt.date(2018, 1, 8))
    at = {week: some.periods.tolist().index(week) for week in (dt.date(2016, 3, 28), dt.date(2017, 3, 27))}
    values[at[dt.date(2016, 3, 28)]], values[at[dt.date(2017, 3, 27)]] = 50.0, 7.0
    found = drawn(weekly(values), np.zeros((3, 20)))
    assert found.year_ago == 50 / 5 + 7
    assert found.median == 0


@pytest.mark.parametrize("year", range(2017, 2029))
def test_no_year_has_a_week_more_than_another(year: int) -> None:
    """Four a weekday make 1,040 to 1,048 a year: 2019/20 had 53 Mondays, but two weekdays more than the year before."""
    last = dt.date(year, 1, 1) - dt.timedelta(days=dt.date(year, 1, 1).weekday())
    found = drawn(weekly(np.full(200, 20.0), last=last), np.full((1, 20), 20.0))
    assert found.year_ago is not None
    assert abs(found.median - found.year_ago) <= 8
    assert found.median == pytest.approx(1_044, abs=4)


@pytest.mark.parametrize(
    ("last", "closing", "left"),
    [
        (dt.date(2018, 3, 12), dt.date(2018, 3, 31), 2),
        (dt.date(2018, 3, 19), dt.date(2018, 3, 31), 1),
        (dt.date(2018, 3, 26), dt.date(2019, 3, 31), 52),  # the next week begins in April: a new year
        (dt.date(2018, 4, 2), dt.date(2019, 3, 31), 51),
    ],
)
def test_the_year_is_that_of_the_next_week(last: dt.date, closing: dt.date, left: int) -> None:
    found = drawn(weekly(np.zeros(180), last=last), np.full((2, 56), 20.0))
    assert found.day == closing
    assert found.median == 20 * left


def test_a_year_so_far_with_a_gap_has_no_outlook() -> None:
    values = np.full(180, 20.0)
    values[-10] = np.nan
    some = weekly(values)
    assert year_end_outlook(some, ahead(some, draws=np.full((5, 20), 20.0)), STARTS) is None


def test_a_year_before_that_is_not_all_known_is_not_compared_with() -> None:
    gap = np.full(180, 20.0)
    gap[-60] = np.nan
    for values in (np.full(41 + 40, 20.0), gap):
        found = drawn(weekly(values), np.full((5, 20), 20.0))
        assert (found.year_ago, found.more) == (None, None)


def test_months_have_their_outlook_too() -> None:
    """Nine months are counted, three are ahead."""
    some = panel(np.full(60, 100.0), step="month", first=dt.date(2013, 1, 1), keys=[STARTS])
    found = drawn(some, np.array([[90.0, 100, 110, 500], [100, 100, 100, 500]]))
    assert (found.day, found.median, found.year_ago) == (dt.date(2018, 3, 31), 1_200.0, 1_200.0)
    level = panel(np.full(60, 100.0), "stock", step="month", first=dt.date(2013, 1, 1), keys=[STARTS])
    assert drawn(level, np.array([[90.0, 95, 110, 500]])).median == 110


def test_a_series_without_a_forecast_has_no_outlook() -> None:
    some = weekly(np.full(180, 20.0))
    assert year_end_outlook(some, NOTHING, STARTS) is None
    assert year_end_outlook(some, ahead(some, draws=np.full((5, 20), np.nan)), STARTS) is None


# More than last year


def test_the_probability_of_more_is_the_share_of_paths_with_more() -> None:
    """Last year 1,044 (in 52.2 weeks of 20), so far 820: a path needs more than 224."""
    some = weekly(np.full(180, 20.0))
    paths = np.zeros((10, 11))
    paths[:7, 0], paths[7:, 0] = 225.0, 223.0
    assert drawn(some, paths).more == pytest.approx(0.7)


def test_as_much_as_last_year_counts_half() -> None:
    some = weekly(np.full(180, 20.0), "stock")
    assert drawn(some, np.array([[19.0], [20.0], [20.0], [21.0]]) * np.ones((1, 20))).more == 0.5
    assert drawn(some, np.full((4, 20), 20.0)).more == 0.5


@given(st.lists(st.integers(0, 60), min_size=1, max_size=30), st.integers(0, 60), st.sampled_from(["stock", "flow"]))
def test_more_and_fewer_add_to_one(levels: list[int], base: int, kind: str) -> None:
    """Mirrored paths about last year's figure give the mirrored probability."""
    values = np.zeros(180)
    some = weekly(values, kind)
    year_before = some.periods.tolist().index(dt.date(2017, 3, 20))
    values[year_before] = 60.0 + base
    up = np.zeros((len(levels), 20))
    up[:, 9] = 60.0 + base + np.array(levels)
    down = np.where(up > 0, 2 * (60.0 + base) - up, 0.0)
    more, fewer = (drawn(weekly(values, kind), paths).more for paths in (up, down))
    assert more is not None and fewer is not None
    assert more + fewer == pytest.approx(1)
    assert more >= 0.5


@given(arrays(float, (20, 11), elements=st.integers(0, 200).map(float)), st.integers(0, 100))
def test_more_to_come_never_makes_more_than_last_year_less_likely(paths: Floats, extra: int) -> None:
    some = weekly(np.full(180, 20.0))
    before, after = drawn(some, paths), drawn(some, paths + extra)
    assert before.more is not None and after.more is not None
    assert after.more >= before.more
    assert after.median == pytest.approx(before.median + 11 * extra, abs=1)
    assert before.lower <= before.median <= before.upper


# Shares

NOTHING = Forecasts((), dt.date(2018, 1, 8), np.array([], "datetime64[D]"), np.empty((0, 0, len(QUANTILES))), ())
NEW_YEAR = dt.date(2018, 1, 8)  # 41 weeks of the financial year are over, 11 are to come


def share(hits: Floats, of: Floats, last: dt.date = NEW_YEAR) -> Panel:
    first = last - dt.timedelta(weeks=len(hits) - 1)
    return panel(hits, "share", of=of, keys=[STARTS], first=first)


def test_the_share_of_the_year_is_what_was_counted_and_the_last_year_s_share_of_the_rest() -> None:
    of = np.full(150, 20.0)
    hits = np.where(np.arange(150) >= 150 - 41, 6.0, 3.0)  # .3 since April, .15 before
    found = year_end_outlook(share(hits, of), NOTHING, STARTS)
    assert found is not None
    recent = (41 * 6 + 11 * 3 + 0.5) / (52 * 20 + 1)
    assert found.so_far == pytest.approx(0.3)
    assert found.median == pytest.approx((41 * 0.3 + 11 * recent) / 52)
    assert found.year_ago == pytest.approx(0.15)
    assert (found.size, found.size_ago) == (pytest.approx(52 * 20), pytest.approx(52.2 * 20))
    assert (found.day, found.lower < found.median < found.upper) == (dt.date(2018, 3, 31), True)


def test_the_less_of_the_year_is_left_the_surer_its_share() -> None:
    of, hits = np.full(200, 20.0), np.full(200, 4.0)
    widths = []
    for last in (dt.date(2017, 4, 3), dt.date(2017, 9, 4), NEW_YEAR, dt.date(2018, 3, 19)):
        found = year_end_outlook(share(hits, of, last), NOTHING, STARTS)
        assert found is not None
        widths.append(found.upper - found.lower)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.15 * widths[0]


@pytest.mark.parametrize(("now", "more"), [(3.0, 0.5), (6.0, 1.0), (1.0, 0.0), (3.2, 0.8)])
def test_a_share_is_higher_than_last_years_as_probably_as_its_band_says(now: float, more: float) -> None:
    hits = np.where(np.arange(150) >= 150 - 41, now, 3.0)
    found = year_end_outlook(share(hits, np.full(150, 20.0)), NOTHING, STARTS)
    assert found is not None
    assert found.more == pytest.approx(more, abs=0.1)


def test_a_share_whose_last_year_is_not_known_is_not_compared_with_it() -> None:
    found = year_end_outlook(share(np.full(60, 3.0), np.full(60, 20.0)), NOTHING, STARTS)
    assert found is not None
    assert (found.year_ago, found.more, found.size_ago) == (None, None, 0.0)


def test_in_april_nothing_is_counted_yet() -> None:
    found = year_end_outlook(share(np.full(150, 4.0), np.full(150, 20.0), dt.date(2018, 3, 26)), NOTHING, STARTS)
    assert found is not None
    assert (found.day, found.so_far) == (dt.date(2019, 3, 31), None)
    assert found.median == pytest.approx(0.2, abs=0.001)


def test_weeks_whose_share_is_not_known_yet_are_of_the_rest() -> None:
    hits, of = np.full(150, 4.0), np.full(150, 20.0)
    hits[-5:] = np.nan
    late, whole = (year_end_outlook(share(x, of), NOTHING, STARTS) for x in (hits, np.full(150, 4.0)))
    assert late is not None and whole is not None
    assert late.size == pytest.approx(whole.size)
    assert late.upper - late.lower > whole.upper - whole.lower


def test_a_share_stays_between_none_and_all() -> None:
    for level in (0.0, 20.0):
        found = year_end_outlook(share(np.full(150, level), np.full(150, 20.0)), NOTHING, STARTS)
        assert found is not None
        assert 0 <= found.lower <= found.upper <= 1


def test_half_a_year_of_shares_is_too_little_to_look_ahead() -> None:
    assert year_end_outlook(share(np.full(25, 4.0), np.full(25, 20.0)), NOTHING, STARTS) is None
    assert year_end_outlook(share(np.full(60, 0.0), np.zeros(60)), NOTHING, STARTS) is None


def test_months_of_shares_have_their_outlook_too() -> None:
    some = panel(
        np.full(40, 16.0), "share", of=np.full(40, 80.0), keys=[STARTS], step="month", first=dt.date(2014, 9, 1)
    )
    found = year_end_outlook(some, NOTHING, STARTS)
    assert found is not None
    assert (found.day, found.size) == (dt.date(2018, 3, 31), pytest.approx(960))


@pytest.mark.parametrize("weeks_known", [5, 26, 45])
@pytest.mark.parametrize("kind", ["alone", "siblings"])
def test_the_interval_of_a_share_holds_what_comes(weeks_known: int, kind: str) -> None:
    """Children alone leave room, for siblings and a level that wanders; siblings take some of it."""
    rng, start, runs = np.random.default_rng(7), 104, 150
    hits, of = (
        shares(rng, runs, start + 52, 7.0, 0.2) if kind == "alone" else sibling_shares(rng, runs, start + 52, 0.2)
    )
    held = 0
    for x, n in zip(hits, of, strict=True):
        known = slice(0, start + weeks_known)
        last = dt.date(2017, 4, 3) + dt.timedelta(weeks=weeks_known - 1)
        found = year_end_outlook(share(x[known], n[known], last), NOTHING, STARTS)
        assert found is not None
        held += found.lower <= x[start:].sum() / n[start:].sum() <= found.upper
    assert held / runs > 0.9
