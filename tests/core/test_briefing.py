from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from made_panels import by_locality, overdispersed, panel, shares, slice_key, spells

from forecaster.briefing import coverage, history, year_end_outlook
from forecaster.context import History
from forecaster.models import counts
from forecaster.types import QUANTILES, Floats, Forecasts, Limits, Panel, SeriesKey, as_date

LIMITS = Limits(0.001, 104)
STARTS = SeriesKey("plan_starts")


def weekly(values: Floats, kind: str = "flow", last: dt.date = dt.date(2018, 1, 8)) -> Panel:
    first = last - dt.timedelta(weeks=len(values) - 1)
    return panel(values, kind, keys=[STARTS], first=first)  # type: ignore[arg-type]


def ahead(some: Panel, weeks: int = 20) -> Forecasts:
    """A forecast that can be told by heart: in week i (from 0) the quantiles are 100 i, 100 i + 1, …"""
    values = 100.0 * np.arange(weeks)[:, None] + np.arange(len(QUANTILES))
    periods = some.periods[-1] + 7 * np.arange(1, weeks + 1)
    return Forecasts(some.keys, as_date(some.periods[-1]), periods, values[None], ("counts",))


def test_the_outlook_of_a_stock_is_its_level_in_the_last_week_that_is_over_by_31_march() -> None:
    some = weekly(np.arange(120.0), "stock")
    outlook = year_end_outlook(some, ahead(some), STARTS)
    assert outlook is not None
    assert outlook.day == dt.date(2018, 3, 31)
    # from 15 January on, the week of 19 March (ends 25 March) is the tenth; that of 26 March ends on 1 April
    assert (outlook.lower, outlook.median, outlook.upper) == (900.0, 904.0, 908.0)
    # a year before: the week of 20 March 2017, 42 weeks before 8 January 2018, whose value is 119
    assert outlook.year_ago == 119 - 42


def test_the_outlook_of_a_flow_is_so_far_plus_what_is_expected() -> None:
    """20 starts a week, always: the financial year of 2017/18 has 52 Mondays, as had the one before."""
    some = weekly(np.full(180, 20.0))
    outlook = year_end_outlook(some, ahead(some), STARTS)
    assert outlook is not None
    assert outlook.median == pytest.approx(52 * 20, abs=1)
    assert outlook.year_ago == 52 * 20


def test_the_band_of_a_flow_s_outlook_is_of_the_weeks_that_are_left() -> None:
    """41 weeks are counted (3 April to 8 January), 11 are ahead: 220 expected, give or take 1.96 root 220."""
    values = np.random.default_rng(1).poisson(20, 180).astype(float)
    some = weekly(values)
    outlook = year_end_outlook(some, ahead(some), STARTS)
    assert outlook is not None
    assert outlook.median == pytest.approx(values[-41:].sum() + 220, abs=25)
    assert outlook.upper - outlook.median == pytest.approx(1.96 * 220**0.5, rel=0.3)
    assert outlook.median - outlook.lower == pytest.approx(outlook.upper - outlook.median)
    assert outlook.year_ago == values[-41 - 52 : -41].sum()


def test_what_has_been_counted_is_in_the_outlook_as_it_is() -> None:
    values = np.full(180, 20.0)
    values[-41:] = 30.0  # every week of this financial year so far
    some = weekly(values)
    outlook = year_end_outlook(some, ahead(some), STARTS)
    assert outlook is not None
    assert 41 * 30 + 11 * 20 <= outlook.median <= 41 * 30 + 11 * 30 + 5
    assert outlook.year_ago == 52 * 20


@pytest.mark.parametrize(
    ("last", "closing"),
    [
        (dt.date(2018, 3, 12), dt.date(2018, 3, 31)),
        (dt.date(2018, 3, 26), dt.date(2019, 3, 31)),  # the next week begins in April: a new year
        (dt.date(2018, 4, 2), dt.date(2019, 3, 31)),
    ],
)
def test_the_year_is_that_of_the_next_week(last: dt.date, closing: dt.date) -> None:
    some = weekly(np.full(180, 20.0), last=last)
    outlook = year_end_outlook(some, ahead(some), STARTS)
    assert outlook is not None
    assert outlook.day == closing
    assert outlook.median == pytest.approx(52 * 20, rel=0.03)


def test_a_year_so_far_with_a_gap_has_no_outlook() -> None:
    values = np.full(180, 20.0)
    values[-10] = np.nan
    some = weekly(values)
    assert year_end_outlook(some, ahead(some), STARTS) is None


def test_a_year_before_that_is_not_all_known_is_not_compared_with() -> None:
    some = weekly(np.full(41 + 40, 20.0))
    outlook = year_end_outlook(some, ahead(some), STARTS)
    assert outlook is not None
    assert outlook.year_ago is None
    gap = np.full(180, 20.0)
    gap[-60] = np.nan
    with_gap = weekly(gap)
    found = year_end_outlook(with_gap, ahead(with_gap), STARTS)
    assert found is not None
    assert found.year_ago is None


def test_a_share_and_a_series_without_a_forecast_have_no_outlook() -> None:
    x, n = shares(np.random.default_rng(1), 1, 120, 20.0, 0.3)
    share = panel(x, "share", of=n, keys=[STARTS])
    assert year_end_outlook(share, ahead(share), STARTS) is None
    some = weekly(np.full(180, 20.0))
    nothing = Forecasts((), as_date(some.periods[-1]), some.periods[:0], np.empty((0, 0, len(QUANTILES))), ())
    assert year_end_outlook(some, nothing, STARTS) is None


def test_the_outlook_of_a_real_stock_holds_what_came() -> None:
    every = spells(np.random.default_rng(2), 40, 220)
    held = 0
    for row in every:
        some = weekly(row[:208], "stock")
        outlook = year_end_outlook(some, counts.forecast(some, 13, 104), STARTS)
        assert outlook is not None
        held += outlook.lower <= row[217] <= outlook.upper
    assert held >= 35


def test_months_have_their_outlook_too() -> None:
    some = panel(np.full(60, 100.0), step="month", first=dt.date(2013, 1, 1), keys=[STARTS])
    found = year_end_outlook(some, counts.forecast(panel(np.arange(60.0), step="month", keys=[STARTS]), 4, 36), STARTS)
    assert found is not None
    assert found.day == dt.date(2018, 3, 31)
    assert found.median == pytest.approx(1200, abs=2)  # nine months counted, three ahead
    assert found.year_ago == 1200


def past(value: Floats, lower: float, upper: float, of: Floats | None = None) -> History:
    flat = np.ones(len(value))
    periods = np.datetime64("2016-01-04") + 7 * np.arange(len(value))
    return History(periods, value, flat * (lower + upper) / 2, flat * lower, flat * upper, of=of)


def test_coverage_is_the_share_of_periods_inside_their_band() -> None:
    value = np.r_[np.full(90, 50.0), np.full(99, 10.0), [3.0, 5.0, 15.0, 16.0, 40.0]]
    assert coverage(past(value, 5.0, 15.0), 104) == pytest.approx(101 / 104)
    assert coverage(past(value, 5.0, 15.0), 5) == pytest.approx(2 / 5)


def test_coverage_leaves_missing_periods_out() -> None:
    value = np.r_[np.full(100, 10.0), [99.0, np.nan, np.nan, np.nan]]
    assert coverage(past(value, 5.0, 15.0), 104) == pytest.approx(100 / 101)


def test_coverage_needs_half_of_its_periods() -> None:
    value = np.r_[np.full(53, np.nan), np.full(51, 10.0)]
    assert coverage(past(value, 5.0, 15.0), 104) is None
    assert coverage(past(np.full(52, 10.0), 5.0, 15.0), 104) == 1.0
    assert coverage(past(np.full(51, 10.0), 5.0, 15.0), 104) is None


def test_coverage_of_a_share_is_of_proportions() -> None:
    value = np.full(104, 3.0)
    of = np.r_[np.full(102, 10.0), [100.0, 0.0]]
    assert coverage(past(value, 0.2, 0.4, of), 104) == pytest.approx(102 / 103)


def test_the_history_of_a_flow_has_bands_that_hold_what_they_say() -> None:
    values = overdispersed(np.random.default_rng(3), 25.0, 3.0, (1, 260))[0]
    found = history(weekly(values), STARTS, LIMITS)
    assert found.of is None
    assert found.whole is None
    assert np.array_equal(found.count, values)
    achieved = coverage(found, 104)
    assert achieved is not None
    assert achieved == pytest.approx(0.95, abs=0.05)


def test_the_history_of_a_share_is_in_proportions() -> None:
    x, n = shares(np.random.default_rng(4), 1, 200, 40.0, 0.3)
    found = history(panel(x, "share", of=n, keys=[STARTS]), STARTS, LIMITS)
    assert found.of is not None
    assert found.expected[-1] == pytest.approx(0.3, abs=0.03)
    assert ((found.lower >= 0) & (found.upper <= 1)).all()


def test_the_history_of_a_slice_knows_the_whole_it_is_part_of() -> None:
    """So that whoever shows it can see to it that council minus slice gives nothing away."""
    some = by_locality(5, {"North": 8.0, "City": 20.0})
    north = history(some, slice_key("plan_starts", "locality", "North"), LIMITS)
    assert north.whole is not None
    assert np.array_equal(north.whole, some.count[0])
    assert history(some, STARTS, LIMITS).whole is None
    assert history(some.select([1, 2]), slice_key("plan_starts", "locality", "North"), LIMITS).whole is None


def test_people_see_all_children_where_detectors_weigh_families() -> None:
    values = np.random.default_rng(6).poisson(20, (1, 150)).astype(float)
    some = panel(values, capped=values / 2, keys=[STARTS])
    assert history(some, STARTS, LIMITS).expected[-1] == pytest.approx(20, rel=0.15)
