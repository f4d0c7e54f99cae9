"""The whole explanation: every driver, what stages sum to, how the alert stands; nothing that is small."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifecycle_cases import opened

from forecaster.types import Alert, Driver
from forecaster.words.explanation import HIDDEN, rows, standing

PLAN_STARTS = (
    Driver("stage", "section_47 to conference", 9.5, 0.7, 31.0),
    Driver("stage", "referral", 3.25, 0.24, 210.0),
    Driver("stage", "conference to plan_start", 0.85, 0.06, 28.0),
    Driver("stage", "section_47 to conference, team=Team 2", 8.0, 0.59, 12.0),
    Driver("breakdown", "locality=North, team=Team 2", 11.0, 0.81, 14.0),
)


def made_of(*drivers: Driver) -> Alert:
    return replace(opened(), drivers=drivers, observed_told=17.0, excess_told=True)


def test_every_driver_is_there_with_its_part_and_share_in_their_order() -> None:
    found = rows(made_of(*PLAN_STARTS), 5)
    assert [name for _, name, _, _ in found[:-1]] == [driver.name for driver in PLAN_STARTS]
    assert found[0] == ("stage", "section_47 to conference", "+9.5", "70%")
    assert found[4] == ("slice", "locality=North, team=Team 2", "+11.0", "81%")


def test_the_stages_of_the_council_sum_to_the_change_and_those_of_teams_are_in_them() -> None:
    assert rows(made_of(*PLAN_STARTS), 5)[-1] == ("", "the 3 together", "+13.6", "100%")


def test_starts_and_ends_have_a_sum_of_their_own() -> None:
    parts = Driver("stock", "plan_start", 4.0, 0.4, 30.0), Driver("stock", "plan_end", 6.0, 0.6, 20.0)
    assert rows(made_of(*parts, *PLAN_STARTS[:2]), 5)[-2:] == [
        ("", "the 2 together", "+12.8", "94%"),
        ("", "the 2 together", "+10.0", "100%"),
    ]


@pytest.mark.parametrize("drivers", [(), PLAN_STARTS[:1], PLAN_STARTS[3:]])
def test_what_is_no_split_has_no_sum(drivers: tuple[Driver, ...]) -> None:
    assert len(rows(made_of(*drivers), 5)) == len(drivers)


@pytest.mark.parametrize(("count", "hidden"), [(0, False), (1, True), (5, True), (6, False)])
def test_a_driver_with_a_small_count_has_no_figures_and_cannot_be_worked_out_from_the_sum(
    count: float, hidden: bool
) -> None:
    first, *others = PLAN_STARTS[:3]
    found = rows(made_of(replace(first, observed=count), *others), 5)
    assert [part == HIDDEN for _, _, part, _ in found] == [hidden, False, False, hidden]
    assert [share == HIDDEN for *_, share in found] == [hidden, False, False, hidden]


def test_of_an_excess_that_may_not_be_told_the_parts_are_told_as_shares_alone() -> None:
    found = rows(replace(made_of(*PLAN_STARTS), total=4.0), 5)
    assert {part for _, _, part, _ in found} == {HIDDEN}
    assert [share for *_, share in found] == ["70%", "24%", "6%", "59%", "81%", "100%"]


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=7))
def test_whatever_the_stages_are_the_sum_is_theirs(values: list[float]) -> None:
    drivers = [Driver("stage", f"stage {i}", value, 0.1, 100.0) for i, value in enumerate(values)]
    assert float(rows(made_of(*drivers), 5)[-1][2]) == pytest.approx(sum(values), abs=0.051)


def test_it_is_said_who_holds_it_until_when_and_who_looks_into_it() -> None:
    held = replace(
        opened(),
        state="snoozed",
        snoozed_until=dt.date(2022, 6, 20),
        held_by="A. Patel",
        assignee="B. Khan",
        escalated=2,
    )
    assert standing(held, []) == [
        "State        snoozed until 2022-06-20 by A. Patel",
        "Assigned to  B. Khan",
        "Escalated    2 steps",
    ]


def test_after_a_snooze_no_day_is_named() -> None:
    assert (
        standing(replace(opened(), state="updated", snoozed_until=dt.date(2022, 6, 20)), [])[0]
        == "State        updated"
    )


def test_the_story_is_named_where_there_are_others_in_it() -> None:
    first, second = opened(), replace(opened(), id="section-47-up", story=opened().id)
    assert standing(first, [])[1:] == ["Assigned to  nobody"]
    for one, other in ((first, second), (second, first)):
        assert standing(one, [other])[2:] == [f"Story        {first.id}", f"With         {other.id}"]
