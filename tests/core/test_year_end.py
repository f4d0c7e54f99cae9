"""Where a series is heading by 31 March: what was counted, and a rest that is as uncertain as it says."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from made_panels import panel, shares, sibling_shares, spells

from forecaster.models import counts
from forecaster.types import QUANTILES, Floats, Forecasts, Panel, SeriesKey, as_date
from forecaster.year_end import year_end_outlook

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


def test_a_series_without_a_forecast_has_no_outlook() -> None:
    some = weekly(np.full(180, 20.0))
    assert year_end_outlook(some, NOTHING, STARTS) is None


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
    assert found.size == pytest.approx(52 * 20)
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
