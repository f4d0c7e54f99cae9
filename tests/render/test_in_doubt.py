"""What is said of counts that are not shown is reckoned with as well: together with sums it must give none away."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from forecaster.suppress import Ledger
from forecaster.words.context import Families, History, YearEnd
from forecaster.words.render import message
from tests.render import cases


def ledger(*counts: float) -> Ledger:
    return Ledger([np.array(counts, float)], 5)


def test_two_small_weeks_whose_sum_is_shown_are_in_doubt_only_between_their_limits():
    for second, safe in ((1, True), (2, False), (5, False)):
        some = ledger(5, second)
        for week in (0, 1):
            some.say(week, week + 1, 1, 5)
        assert some.show(0, 2)
        assert some.is_safe() is safe


def test_points_left_out_must_not_all_be_as_many_as_they_can_be():
    for second, safe in ((5, False), (4, True)):
        some = ledger(20, 5, second)
        assert some.show(0, 1) and some.show(0, 3)
        some.cross(1, 2)
        some.cross(2, 3)
        assert some.is_safe() is safe


def test_a_bound_on_what_is_left_is_a_leak_when_it_is_too_close():
    for most, safe in ((8, False), (12, True)):
        some = ledger(6, 2, 3)
        assert some.show(0, 1)
        some.say(1, 2, 1, 5)
        some.say(0, 2, most=most)
        assert some.is_safe() is safe


def test_what_was_tried_out_in_a_copy_leaves_the_ledger_as_it_was():
    some = ledger(20, 5, 5)
    trial = some.copy()
    assert trial.show(0, 1) and trial.are_joined(0, 1)
    trial.say(1, 2, 5, 5)
    assert not some.are_joined(0, 1) and some.is_safe() and not trial.is_safe()
    some.become(trial)
    assert some.are_joined(0, 1) and some.known(0, 3).tolist() == [True, False, False]


# In messages


def line(made, label: str) -> str:
    return next((one.text for one in made.lines if one.label == label), "")


def surge(small_at: int | None = None, **changes):
    """A surge of six weeks in many counts, one of which, so many weeks before the newest, is small."""
    count = np.random.default_rng(2).integers(25, 36, 150).astype(float)
    if small_at is not None:
        count[-1 - small_at] = 4
    flat = np.full(150, 30.0)
    past = History(cases.weeks(150), count, flat, flat * 0.6, flat * 1.5)
    context = cases.context(past, year_end=YearEnd(dt.date(2018, 3, 31), 1500, 1560, 1640, 1490, more=0.9), **changes)
    return cases.alert(past), context


def test_last_years_total_is_told_where_every_week_of_it_is_shown():
    assert "1,490 a year ago" in line(message(*surge()), "Ahead")


@pytest.mark.parametrize("weeks_ago", [50, 70, 88])
def test_last_years_total_is_not_told_beside_one_week_that_is_not_shown(weeks_ago):
    made = line(message(*surge(weeks_ago)), "Ahead")
    assert "1,560 in the year to 31 March (1,500-1,640)" in made
    assert "a year ago" not in made


@pytest.mark.parametrize(
    ("beyond", "said"), [(4, ""), (6, "in the year to 31 March (up to"), (7, "in the year to 31 March (")]
)
def test_a_years_end_is_told_if_it_leaves_room_for_the_weeks_that_are_not_shown(beyond, said):
    alert, context = surge(20)
    assert context.history is not None
    first = int(np.searchsorted(context.history.periods, np.datetime64("2017-04-01"))) - 1
    known = context.history.count[first:].sum() - 4
    lower = known + (beyond if beyond != 6 else 5)
    middle = known + (beyond if beyond != 6 else 20)
    end = YearEnd(dt.date(2018, 3, 31), lower, middle, known + (beyond if beyond == 4 else 60))
    text = line(message(alert, cases.replace(context, year_end=end)), "Ahead")
    assert said in text if said else "in the year to" not in text
    assert ("up to" in text) is (beyond == 6)


def test_the_level_a_year_ago_is_told_only_if_its_point_is():
    alert, context = cases.stock()
    assert "172 a year ago" in line(message(alert, context), "Ahead")
    past = context.history
    assert past is not None
    whole = past.count + 40
    april = past.end(dt.date(2017, 3, 31))
    whole[april - 3 : april] = past.count[april - 3 : april] + 3
    assert "a year ago" not in line(
        message(alert, cases.replace(context, history=cases.replace(past, whole=whole))), "Ahead"
    )


def test_families_are_those_of_the_children_that_the_message_counts():
    """Otherwise families less children of overlapping weeks would tell of few of either."""
    count = np.append(np.full(140, 3.0), np.full(4, 9.0))
    named = np.append(np.full(140, 2.0), np.full(4, 5.0))
    past = History(cases.weeks(144), count, count * 0 + 3, count * 0, count * 0 + 8)
    alert = cases.alert(past, onset=dt.date(2018, 1, 1))
    text = message(alert, cases.context(past, families=Families(named, named)))
    assert line(text, "What").startswith("36 children started a plan in four weeks; 12 were expected")
    assert "The children in these four weeks are 20 families" in line(text, "Who")


def test_the_picture_does_not_call_small_what_only_protects_another():
    made = message(*surge(1, told=(dt.date(2018, 1, 1),)))
    assert made.chart is not None
    assert "small and not" not in made.chart.alt_text
