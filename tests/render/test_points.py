"""What may be shown of a series over time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.words.context import History
from forecaster.words.points import Point, dates, observed, point_size, pool, release
from tests.render.cases import MONDAY, history, months, share_history, weeks
from tests.render.oracle import intervals, leaks

WEEK = dt.timedelta(days=7)
FLAT = {"expected": 10.0, "lower": 4.0, "upper": 18.0}


def series(counts, of=None, whole=None) -> History:
    count = np.asarray(counts, float)
    flat = {name: np.full(len(count), value) for name, value in FLAT.items()}
    other = {name: None if a is None else np.asarray(a, float) for name, a in (("of", of), ("whole", whole))}
    return History(weeks(len(count)), count, **flat, **other)


def shown(past: History, kind="flow", onset=MONDAY, period=MONDAY, told=()):
    return release(past, kind, "week", onset, period, told, 5)


@pytest.mark.parametrize(("mean", "size"), [(40, 1), (12, 1), (11, 4), (2, 4), (1.5, 13), (0.1, 13)])
def test_low_counts_are_pooled_over_as_many_weeks_as_they_need(mean, size):
    counts = np.full(104, mean)
    assert point_size(series(counts), "flow", "week", 104) == size


@pytest.mark.parametrize(("mean", "size"), [(40, 1), (6, 3), (1, 12)])
def test_low_monthly_counts_are_pooled_by_quarter_or_year(mean, size):
    past = replace(series(np.full(60, float(mean))), periods=months(60))
    assert point_size(past, "flow", "month", 60) == size


def test_a_stock_is_never_pooled():
    assert point_size(series(np.full(104, 2.0)), "stock", "week", 104) == 1


def test_a_share_is_pooled_by_the_smaller_of_its_two_sides():
    past = series(np.full(104, 38.0), of=np.full(104, 40.0))
    assert point_size(past, "share", "week", 104) == 4


def test_a_history_without_a_number_is_pooled_most():
    assert point_size(series(np.full(60, np.nan)), "flow", "week", 60) == 13


def test_points_do_not_overlap_and_end_with_the_newest_week():
    points = shown(history(mean=5)).points
    assert points[-1].stop == 208
    assert all(later.start == earlier.stop for earlier, later in pairwise(points))


def test_pooled_points_keep_their_edges_in_a_later_message_of_the_same_alert():
    past = history(mean=5)
    first = shown(past, period=MONDAY - 2 * WEEK)
    later = shown(past, told=(MONDAY - 2 * WEEK,))
    assert later.points[-1].stop == first.points[-1].stop == 206
    fourth = shown(past, period=MONDAY, told=(MONDAY - 4 * WEEK,))
    assert fourth.points[-1].stop == 208


def test_the_window_of_a_large_series_begins_with_the_onset():
    assert shown(history(), onset=MONDAY - 6 * WEEK).window == Point(201, 208)


def test_one_week_needs_no_sum():
    assert shown(history()).window is None


def test_the_window_of_a_low_series_is_made_of_its_points():
    result = shown(history(mean=5), onset=MONDAY - 5 * WEEK)
    assert result.size == 4
    assert result.window == Point(200, 208)
    assert {200, 204} <= {point.start for point in result.points}


@pytest.mark.parametrize(("rest", "stop"), [([2, 3, 4], 43), ([0, 2, 3], 40), ([0, 0, 0], 43)])
def test_the_window_goes_on_to_the_newest_week_unless_the_rest_is_small(rest, stop):
    past = series([3] * 40 + rest)
    result = shown(past, onset=MONDAY - 5 * WEEK, told=(MONDAY - 3 * WEEK,))
    assert result.size == 4
    assert result.window == Point(36, stop)


def test_a_small_newest_week_is_not_shown():
    assert not shown(series([30] * 60 + [4])).last
    assert shown(series([30] * 60 + [0])).last
    assert shown(series([30] * 60 + [6])).last


def test_a_missing_week_is_missing_and_not_hidden():
    result = shown(series([30] * 50 + [np.nan] + [30] * 9 + [np.nan]))
    assert not result.last
    assert not any(point.hidden for point in result.points)
    assert np.isnan(observed(result.points, series([30] * 50 + [np.nan] + [30] * 9 + [np.nan]))).sum() == 2


def test_a_sum_over_a_missing_week_is_not_told():
    assert shown(series([30] * 59 + [np.nan, 30]), onset=MONDAY - 3 * WEEK).window is None


def test_last_week_and_the_sum_never_differ_by_a_small_number():
    past = series([30] * 60 + [4, 33])
    result = shown(past, onset=MONDAY - WEEK)
    assert result.last
    assert result.window is None


def test_a_sum_is_not_told_when_the_sum_of_the_message_before_gives_the_newest_week_away():
    past, onset, before = series([30] * 60 + [4]), MONDAY - 3 * WEEK, MONDAY - WEEK
    assert shown(past, onset=onset).window == Point(57, 61)
    assert shown(past, onset=onset, period=before).window == Point(57, 60)
    assert shown(past, onset=onset, told=(before,)).window is None


def test_a_stock_hides_only_its_small_levels():
    result = shown(series([30, 31, 4, 5, 6, 0, 30] * 9), kind="stock")
    hidden = [point.hidden for point in result.points[:7]]
    assert hidden == [False, False, True, True, False, False, False]
    assert result.window is None


def test_a_slice_that_leaves_a_small_rest_of_the_council_is_hidden():
    council = np.full(60, 60.0)
    assert not shown(series(council - 3, whole=council)).last
    assert shown(series(council - 6, whole=council)).last
    assert shown(series(council, whole=council)).last


def test_nearly_all_is_as_telling_as_nearly_none():
    of = np.full(60, 60.0)
    assert not shown(series(of - 2, of=of), kind="share").last


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**31),
    st.sampled_from([1.0, 3.0, 7.0, 14.0, 40.0]),
    st.integers(0, 12),
    st.sampled_from([(), (1,), (1, 3)]),
)
def test_no_small_count_can_be_worked_out_from_all_the_messages_of_an_alert(seed, mean, length, ago):
    past = history(mean=mean, length=40, since=5, seed=seed)
    onset, told = MONDAY - length * WEEK, tuple(MONDAY - weeks * WEEK for weeks in ago)
    pages = [
        intervals(shown(past, onset=onset, period=period, told=tuple(t for t in told if t < period))) for period in told
    ]
    pages.append(intervals(shown(past, onset=onset, told=told)))
    assert leaks([interval for page in pages for interval in page], [past.count]) == []


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 2**31), st.sampled_from([8.0, 25.0, 60.0]), st.sampled_from([0.05, 0.3, 0.95]), st.integers(0, 12)
)
def test_neither_side_of_a_share_can_be_worked_out_when_it_is_small(seed, of, rate, length):
    past = share_history(rate=rate, of=of, length=60, drift=0.0, seed=seed)
    result = shown(past, kind="share", onset=MONDAY - length * WEEK)
    assert leaks(intervals(result), [past.count, past.of, past.of - past.count]) == []


def test_a_pooled_sum_has_the_sum_of_expectations_and_a_narrower_band_than_its_parts():
    flat = [np.full(8, value) for value in (10.0, 4.0, 18.0)]
    band = pool([Point(0, 4), Point(4, 8)], *flat, np.ones(8), mean=False)
    assert band.expected == pytest.approx([40, 40])
    assert band.upper == pytest.approx([40 + 16, 40 + 16])  # 8 x sqrt(4), not 8 x 4
    assert band.lower == pytest.approx([40 - 12, 40 - 12])


def test_a_pooled_share_weighs_by_the_denominator():
    expected, of = np.array([0.1, 0.4]), np.array([10.0, 30.0])
    band = pool([Point(0, 2)], expected, expected, expected, of, mean=True)
    assert band.expected == pytest.approx([(1 + 12) / 40])


def test_a_point_nothing_weighs_in_is_missing():
    flat = np.full(2, 0.2)
    assert np.isnan(pool([Point(0, 2)], flat, flat, flat, np.zeros(2), mean=True).expected).all()


@given(st.integers(1, 13))
def test_the_band_of_a_single_period_is_its_own(size):
    flat = [np.full(size, value) for value in (10.0, 4.0, 18.0)]
    band = pool([Point(i, i + 1) for i in range(size)], *flat, np.ones(size), mean=False)
    assert np.allclose([band.expected, band.lower, band.upper], flat)


def test_hidden_points_have_no_value():
    points = [Point(0, 1), Point(1, 2, hidden=True)]
    values = observed(points, series([30, 4]))
    assert values[0] == 30
    assert np.isnan(values[1])


def test_the_value_of_a_share_is_a_proportion():
    assert observed([Point(0, 2)], series([10, 20], of=[40, 60]))[0] == pytest.approx(0.3)
    assert np.isnan(observed([Point(0, 1)], series([0], of=[0]))[0])


def test_a_point_is_dated_by_its_newest_period():
    assert dates([Point(0, 4)], weeks(4)) == (MONDAY,)
