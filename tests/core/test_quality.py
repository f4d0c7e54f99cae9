from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_panels import panel, poisson, spells

from forecaster.detectors import surge
from forecaster.quality import EVERYTHING, LOOK_BACK, leave_out_incomplete
from forecaster.types import Floats, Limits, Panel, Reference, SeriesKey

T = 208
NORTH = (("locality", "North"),)
KEYS = [SeriesKey("referrals"), SeriesKey("plan_starts"), SeriesKey("referrals", NORTH), SeriesKey("plans_open")]


def week_by_week(last: float = 1.0, back: int = 1, seed: int = 1) -> Panel:
    """A council of two flows, a slice and a stock, of whose week `back` from the end only a part has been entered."""
    rng = np.random.default_rng(seed)
    counts = np.vstack([rng.poisson(65, T), rng.poisson(7, T), rng.poisson(30, T), spells(rng, 1, T)[0]]).astype(float)
    entered: Floats = np.array([last, last, last, 1.0])
    counts[:, -back] = np.round(counts[:, -back] * entered)
    return replace(
        panel(counts, ("flow", "flow", "flow", "stock"), keys=KEYS), families=counts.copy(), largest=counts.copy()
    )


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35])
@pytest.mark.parametrize("back", [1, 2, LOOK_BACK])
def test_a_week_entered_late_is_left_out_with_its_reason(share: float, back: int) -> None:
    some = week_by_week(share, back)
    checked, missed = leave_out_incomplete(some)
    assert np.isnan(checked.count[:, -back]).all()
    assert all(np.isnan(array[:, -back]).all() for array in checked.arrays.values())
    assert np.isfinite(np.delete(checked.count, T - back, axis=1)).all()
    (why,) = missed
    assert why.key == EVERYTHING
    assert why.by == "completeness"
    assert why.reason.startswith(f"week of {some.periods[-back]} looks incomplete: ")
    percent = int(why.reason.split(": ")[1].split("%")[0])
    assert percent == pytest.approx(100 * share, abs=12)


def test_it_comes_back_when_it_is_complete() -> None:
    assert leave_out_incomplete(week_by_week(0.1))[1]
    whole = week_by_week()
    checked, missed = leave_out_incomplete(whole)
    assert missed == []
    assert np.array_equal(checked.count, whole.count)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", [0.7, 0.85, 1.0, 1.6])
def test_a_real_fall_of_a_third_or_a_rise_is_not_left_out(share: float, seed: int) -> None:
    some = week_by_week(share, seed=seed)
    checked, missed = leave_out_incomplete(some)
    assert missed == []
    assert np.array_equal(checked.count, some.count)


def test_a_fall_to_six_tenths_is_real_however_sure_it_is() -> None:
    """A large council: forty per cent less is many standard deviations, and still what a lockdown did."""
    counts = np.random.default_rng(11).poisson([[700], [80]], (2, T)).astype(float)
    counts[:, -1] = np.round(counts[:, -1] * 0.6)
    assert leave_out_incomplete(panel(counts))[1] == []


def test_a_fall_of_one_flow_alone_is_not_left_out() -> None:
    some = week_by_week()
    some.count[1, -1] = 0  # no plan started: that happens, while referrals went on
    assert leave_out_incomplete(some)[1] == []


def test_an_older_week_than_may_still_be_entered_is_left_as_it_is() -> None:
    some = week_by_week(0.0, back=LOOK_BACK + 1)
    assert leave_out_incomplete(some)[1] == []


def test_several_weeks_not_entered_are_each_named() -> None:
    some = week_by_week(0.0, back=1)
    some.count[:3, -3:] = 1
    checked, missed = leave_out_incomplete(some)
    assert [reason.reason.split()[2] for reason in missed] == [str(period) for period in some.periods[-3:]]
    assert np.isnan(checked.count[:, -3:]).all()


def test_weeks_that_were_never_delivered_are_named_too() -> None:
    some = week_by_week()
    some.count[:, -1] = np.nan
    (why,) = leave_out_incomplete(some)[1]
    assert "looks incomplete: 0%" in why.reason


def test_an_incomplete_week_raises_no_fall_and_no_trend_is_lost() -> None:
    checked, _ = leave_out_incomplete(week_by_week(0.05))
    signals, missed = surge.detect(checked, Limits(0.01, 104), Reference())
    assert signals == []
    assert {reason.reason for reason in missed} == {"no value for this period"}
    assert len(missed) == 4


def test_what_was_given_is_not_changed() -> None:
    some = week_by_week(0.0)
    before = some.count.copy()
    leave_out_incomplete(some)
    assert np.array_equal(some.count, before)


def test_a_quiet_council_never_looks_incomplete() -> None:
    for seed in range(5):
        counts, _ = poisson(np.random.default_rng(seed), 4, 160)
        assert leave_out_incomplete(panel(counts + 5))[1] == []


def test_one_flow_or_a_short_history_gives_nothing_to_compare_with() -> None:
    alone = week_by_week(0.0).select([0, 2, 3])
    assert leave_out_incomplete(alone) == (alone, [])
    short = week_by_week(0.0).until(2 * LOOK_BACK)
    assert leave_out_incomplete(short) == (short, [])


def test_a_few_events_a_week_are_not_called_incomplete_when_there_are_none() -> None:
    """Two rare flows: a week without either is nothing out of the ordinary."""
    counts = np.random.default_rng(10).poisson(1.0, (2, T)).astype(float)
    counts[:, -6:] = [[0, 1, 0, 2, 0, 1], [0, 0, 0, 1, 1, 0]]
    assert leave_out_incomplete(panel(counts))[1] == []


def tiny(back: int, expected: float = 16.0, seed: int = 12) -> Panel:
    """Two flows of families of two, so few that half of what is usual is no surprise; the week `back` is empty."""
    rng = np.random.default_rng(seed)
    counts = 2.0 * rng.poisson(expected / 4 / rng.gamma(3, 1 / 3, (2, T)).clip(0.4), (2, T))
    counts[:, -back] = 0
    return panel(counts)


@pytest.mark.parametrize("back", [1, 2])
def test_in_a_small_council_an_empty_week_is_left_out_though_it_is_not_surprising(back: int) -> None:
    checked, missed = leave_out_incomplete(tiny(back))
    assert np.isnan(checked.count[:, -back]).all()
    assert [reason.reason for reason in missed] == [
        f"week of {tiny(back).periods[-back]} looks incomplete: 0% of what is usual"
    ]


def test_an_empty_week_that_nobody_filled_in_for_long_or_with_a_single_event_is_what_it_is() -> None:
    assert leave_out_incomplete(tiny(3))[1] == []
    one = tiny(1)
    one.count[0, -1] = one.capped[0, -1] = 1.0
    assert leave_out_incomplete(one)[1] == []


def test_so_few_events_that_none_may_come_are_not_called_incomplete() -> None:
    assert leave_out_incomplete(tiny(1, expected=8.0))[1] == []


def test_christmas_week_is_empty_in_a_small_council() -> None:
    """As nobody came at Christmas the year before either."""
    periods = np.datetime64("2019-12-30") + 7 * np.arange(-T + 1, 1)
    christmas = np.array([str(day)[5:] >= "12-22" for day in periods])
    counts = 2.0 * np.random.default_rng(13).poisson(4.0, (2, T))
    counts[:, -2:] = 0
    assert christmas[-2:].all()
    unheard_of = replace(panel(counts), periods=periods)
    assert len(leave_out_incomplete(unheard_of)[1]) == 2
    counts[:, christmas] = 0
    assert leave_out_incomplete(replace(panel(counts), periods=periods))[1] == []


def test_what_is_usual_is_learnt_from_weeks_before_alone() -> None:
    """Weeks that come later change nothing of what is left out up to a day."""
    some = tiny(4)
    longer = panel(np.column_stack([some.count[:, :-3], np.full((2, 3), 400.0)]))
    assert leave_out_incomplete(longer.until(T - 3))[1] == leave_out_incomplete(some.until(T - 3))[1] != []


def test_a_council_without_events_is_not_called_incomplete() -> None:
    empty = panel(np.zeros((2, T)))
    assert leave_out_incomplete(empty)[1] == []


def test_a_month_is_named_as_a_month() -> None:
    counts = np.random.default_rng(9).poisson(200, (2, 60)).astype(float)
    counts[:, -1] = 3
    (why,) = leave_out_incomplete(panel(counts, step="month"))[1]
    assert why.reason.startswith("month of 2018-12-01 looks incomplete: ")
