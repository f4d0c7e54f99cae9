"""What one alert may show beside another of the same story."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecaster.words.context import Beside, History
from forecaster.words.jointly import joint
from forecaster.words.points import release
from tests.render.cases import MONDAY, weeks

WEEK = dt.timedelta(days=7)
LAST = MONDAY - WEEK


def series(*newest: float, of=None, whole=None, usual: float = 20.0) -> History:
    """Sixty weeks that end on MONDAY: the usual count, then the newest."""
    full = [None if a is None else np.append(np.full(60 - len(a), usual * 2), a) for a in (of, whole)]
    count = np.append(np.full(60 - len(newest), usual), newest)
    return History(weeks(60), count, *(np.full(60, usual) for _ in range(3)), of=full[0], whole=full[1])


def newest(past: History, kind="flow", beside=(), told=()) -> bool:
    return release(past, kind, "week", MONDAY, MONDAY, told, 5, beside=beside).last


def other(past: History, kind="flow", told=(MONDAY,), first=True) -> Beside:
    return Beside(past, kind, MONDAY, told, first)


def test_a_share_is_not_told_where_its_flow_and_it_leave_a_small_rest():
    starts, repeats = series(20, 24), series(10, 20, of=[20, 24])
    assert not newest(repeats, "share", [other(starts)])


def test_a_team_is_not_told_beside_its_locality_where_one_other_team_is_left():
    team, locality = series(20, 20, whole=[90, 90]), series(20, 23, whole=[90, 90], usual=30.0)
    assert newest(team)
    assert not newest(team, beside=[other(locality)])
    assert newest(team, beside=[other(locality, first=False)])


def test_of_two_that_tell_in_one_week_only_the_later_is_silent():
    team, locality = series(20, 20, whole=[90, 90]), series(20, 23, whole=[90, 90], usual=30.0)
    told = [newest(team, beside=[other(locality, first=False)]), newest(locality, beside=[other(team, first=True)])]
    assert told == [True, False]


def test_what_has_told_nothing_keeps_nobody_silent():
    team, locality = series(20, 20, whole=[90, 90]), series(20, 23, whole=[90, 90], usual=30.0)
    assert newest(team, beside=[other(locality, told=())])


@pytest.mark.parametrize(("level", "hidden"), [(50.0, False), (66.0, True)])
def test_two_levels_are_not_both_told_where_starts_between_them_leave_few_ends(level, hidden):
    """From 50 open, twenty more: with 50 now twenty ended, with 66 only four."""
    starts, opened = series(20, 20), series(50, level, usual=50.0)
    shown = release(opened, "stock", "week", MONDAY, MONDAY, (), 5, beside=[other(starts)])
    assert shown.last and shown.points[-2].hidden is hidden
    assert not release(opened, "stock", "week", MONDAY, MONDAY, (), 5).points[-2].hidden


def test_equal_counts_of_two_alerts_are_one_array():
    starts, repeats = series(20, 20), series(10, 10, of=np.full(60, 20.0), usual=10.0)
    flow, share = joint([(starts, "flow"), (repeats, "share")], 5)
    assert flow.show(58, 60) and not share.are_joined(58, 60)
    assert share.show(50, 60) and flow.are_joined(50, 60) and flow.are_joined(50, 58)


def test_without_others_nothing_is_different():
    past = series(3, 20, 4, 30)
    later = replace(past, count=past.count * 2)
    plain = release(past, "flow", "week", LAST, MONDAY, (LAST,), 5)
    assert release(past, "flow", "week", LAST, MONDAY, (LAST,), 5, beside=[other(later, told=())]) == plain
