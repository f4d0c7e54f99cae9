"""The table at the end of the demo: which alert belongs to which story, and which to none."""

from __future__ import annotations

import datetime as dt

import pytest

from forecaster.simulate import Row, Score, SlowerEnds, Story, planted, score
from forecaster.simulate.stories import WEEK
from forecaster.types import Alert, Direction, Slice
from tests.simulate.made import FIRST

ENDS, DRIFT, SIBLINGS, SLIP, FLOOD, LATE = planted(FIRST)
TEAM: Slice = (("team", "North Team 1"),)
CITY: Slice = (("locality", "City"),)
POLICE: Slice = (("source", "Police"),)
WEST: Slice = (("locality", "West"),)


def alert(
    measure: str, opened: dt.date, direction: Direction = "up", where: Slice = (), name: str = "a", kind: str = "surge"
) -> Alert:
    return Alert(
        id=name, kind=kind, measure=measure, slice=where, direction=direction, severity="low", state="opened",
        opened=opened, onset=opened, updated=opened, observed=9, expected=4, lower=1, upper=8, p_value=0.001, total=9,
        total_expected=4,
    )  # type: ignore[arg-type]  # fmt: skip


def row(result: Score, story: Story) -> Row:
    return next(row for row in result.rows if row.name == story.name)


def only(*alerts: Alert) -> Score:
    return score(planted(FIRST), alerts, FIRST)


# (what the case is, story, measure, direction, slice, weeks after the story's start, found)
CASES = [
    ("its measure in its team", SLIP, "s47_to_conference", "up", TEAM, 3, True),
    ("its measure in the council", SLIP, "plan_starts", "up", (), 5, True),
    ("its measure in its locality", SLIP, "conferences", "up", (("locality", "North"),), 0, True),
    ("its measure in another breakdown", SLIP, "plan_starts", "up", (("category", "neglect"),), 6, False),
    ("within the tail", SLIP, "plan_starts", "up", TEAM, 23, True),
    ("another team", SLIP, "plan_starts", "up", (("team", "City Team 1"),), 5, False),
    ("another locality", SLIP, "plan_starts", "up", WEST, 5, False),
    ("another measure", SLIP, "re_referrals", "up", (), 5, False),
    ("the other direction", SLIP, "plan_starts", "down", TEAM, 5, False),
    ("before it begins", SLIP, "s47_to_conference", "up", TEAM, -1, False),
    ("long after it is over", SLIP, "s47_to_conference", "up", TEAM, 25, False),
    ("what follows from it", SLIP, "plans_open", "up", TEAM, 5, False),
    ("the share ever", DRIFT, "repeat_plans", "up", (), 12, True),
    ("the share within two years", DRIFT, "repeat_plans_24m", "up", (), 30, True),
    ("the share in a locality", DRIFT, "repeat_plans", "up", CITY, 30, True),
    ("the share going down", DRIFT, "repeat_plans", "down", (), 12, False),
    ("fewer ends", ENDS, "plan_ends", "down", CITY, 8, True),
    ("more open plans there", ENDS, "plans_open", "up", CITY, 8, True),
    ("long plans", ENDS, "plans_18_months_plus", "up", CITY, 30, True),
    ("more ends", ENDS, "plan_ends", "up", CITY, 8, False),
    ("the flood itself", FLOOD, "referrals", "up", POLICE, 0, True),
    ("the flood in the council", FLOOD, "referrals", "up", (), 2, True),
    ("what the flood ends in", FLOOD, "referral_nfa", "up", (), 1, True),
    ("another source", FLOOD, "referrals", "up", (("source", "Schools"),), 1, False),
    ("contacts follow", FLOOD, "contacts", "up", POLICE, 1, False),
]


@pytest.mark.parametrize(
    ("story", "measure", "direction", "where", "weeks", "found"),
    [case[1:] for case in CASES],
    ids=[c[0] for c in CASES],
)
def test_an_alert_finds_a_story(
    story: Story, measure: str, direction: Direction, where: Slice, weeks: int, found: bool
) -> None:
    result = only(alert(measure, story.start + weeks * WEEK, direction, where))
    assert row(result, story).found == found


def test_without_alerts_nothing_is_found_and_no_decoy_is_alerted() -> None:
    result = only()
    assert [row.found for row in result.rows] == [False] * 6
    assert [row.passed for row in result.rows] == [story.decoy for story in planted(FIRST)]
    assert result.false_alerts == ()


def test_the_rows_are_in_the_order_of_the_stories() -> None:
    assert [row.name for row in only().rows] == [story.name for story in planted(FIRST)]


def test_weeks_to_find_count_the_first_week_as_one() -> None:
    same = only(alert("referrals", FLOOD.start, where=POLICE))
    later = only(alert("referrals", FLOOD.start + 3 * WEEK, where=POLICE))
    assert row(same, FLOOD).weeks == 1
    assert row(later, FLOOD).weeks == 4


def test_the_first_alert_counts_and_all_are_listed() -> None:
    result = only(
        alert("plan_starts", SLIP.start + 6 * WEEK, where=TEAM, name="late"),
        alert("conferences", SLIP.start + 4 * WEEK, where=TEAM, name="early"),
        alert("plans_open", SLIP.start + 9 * WEEK, where=TEAM, name="follows"),
    )
    found = row(result, SLIP)
    assert (found.alert, found.weeks, found.alerts) == ("early", 5, ("early", "late", "follows"))
    assert result.false_alerts == ()


def test_a_consequence_alone_does_not_find_a_story_and_is_not_false() -> None:
    result = only(alert("plans_open", SLIP.start + 3 * WEEK, where=TEAM))
    assert not row(result, SLIP).found
    assert row(result, SLIP).alerts == ("a",)
    assert result.false_alerts == ()


def test_an_alert_on_another_breakdown_is_explained_but_leads_nobody_to_the_story() -> None:
    result = only(alert("plans_open", ENDS.start, where=(("category", "neglect"),)))
    assert not row(result, ENDS).found
    assert row(result, ENDS).alerts == ("a",)
    assert result.false_alerts == ()


def test_a_story_of_the_whole_council_is_found_in_any_slice() -> None:
    assert row(only(alert("repeat_plans", DRIFT.start + 9 * WEEK, where=(("age_band", "5-9"),))), DRIFT).found


def test_the_way_back_belongs_to_the_story_once_it_is_over() -> None:
    back = alert("referrals", FLOOD.start + 10 * WEEK, "down", POLICE)
    result = only(back)
    assert result.false_alerts == ()
    assert not row(result, FLOOD).found


def test_a_fall_while_the_flood_lasts_is_a_false_alert() -> None:
    assert only(alert("referrals", FLOOD.start + 2 * WEEK, "down", POLICE)).false_alerts == ("a",)


@pytest.mark.parametrize(
    ("measure", "opened", "direction", "where"),
    [
        ("contacts", FIRST, "up", ()),
        ("re_referrals", FIRST + 20 * WEEK, "up", ()),
        ("conference_to_plan", FIRST + 20 * WEEK, "down", CITY),
        ("plan_starts", FIRST + 2 * WEEK, "up", ()),
        ("plan_starts", SLIP.start + 4 * WEEK, "up", (("team", "South Team"),)),
    ],
)
def test_an_alert_that_nothing_explains_is_false(
    measure: str, opened: dt.date, direction: Direction, where: Slice
) -> None:
    assert only(alert(measure, opened, direction, where)).false_alerts == ("a",)


def test_alerts_opened_before_the_window_are_not_scored() -> None:
    result = only(alert("contacts", FIRST - WEEK), alert("repeat_plans", FIRST - WEEK, name="b"))
    assert result.false_alerts == ()
    assert not any(row.found for row in result.rows)


# Decoys


@pytest.mark.parametrize(
    ("measure", "weeks", "where", "alerted"),
    [
        ("plan_starts", 0, WEST, True),
        ("plan_starts", 0, (), True),
        ("plan_starts", 3, (("team", "West Team"),), True),
        ("plan_starts", 4, WEST, False),
        ("plan_starts", 0, CITY, False),
        ("repeat_plans_24m", 0, WEST, False),
    ],
)
def test_a_sibling_group_is_alerted_by_its_own_measures_in_its_week_and_three_more(
    measure: str, weeks: int, where: Slice, alerted: bool
) -> None:
    result = only(alert(measure, SIBLINGS.start + weeks * WEEK, where=where))
    assert row(result, SIBLINGS).found == alerted
    assert row(result, SIBLINGS).passed != alerted


@pytest.mark.parametrize("measure", ["section_47", "conferences", "assessments"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_late_week_is_alerted_by_anything(measure: str, direction: Direction) -> None:
    opened = LATE.start + WEEK
    late = score((LATE,), [alert(measure, opened, direction)], FIRST)
    assert row(late, LATE).found
    assert late.false_alerts == ()


def test_an_alert_that_a_story_explains_is_not_held_against_a_decoy() -> None:
    result = only(
        alert("repeat_plans", LATE.start, where=(), name="drift"), alert("plan_ends", LATE.start, "down", CITY)
    )
    assert not row(result, LATE).found
    assert row(result, DRIFT).found
    assert row(result, ENDS).found
    assert result.false_alerts == ()


def test_an_alert_about_a_decoy_is_not_also_a_false_alert() -> None:
    assert only(alert("plan_starts", SIBLINGS.start, where=WEST)).false_alerts == ()


# Two stories at once


def test_a_council_alert_that_an_earlier_story_explains_does_not_find_a_later_one() -> None:
    later = SlowerEnds(start=SLIP.start + 6 * WEEK, weeks=20, locality="City")
    result = score((SLIP, later), [alert("plans_open", later.start + 2 * WEEK)], FIRST)
    assert not row(result, later).found
    assert result.false_alerts == ()


def test_it_does_when_it_names_the_place_or_no_other_story_is_there() -> None:
    assert row(only(alert("plans_open", ENDS.start + 2 * WEEK, where=CITY)), ENDS).found
    assert row(score((ENDS,), [alert("plans_open", ENDS.start + 2 * WEEK)], FIRST), ENDS).found


def test_the_order_of_alerts_does_not_matter() -> None:
    alerts = [
        alert("plan_starts", SLIP.start + 6 * WEEK, where=TEAM, name="b"),
        alert("referrals", FLOOD.start, where=POLICE, name="c"),
        alert("contacts", FIRST, name="d"),
        alert("repeat_plans", DRIFT.start + 9 * WEEK, name="e"),
    ]
    assert only(*alerts) == only(*reversed(alerts))


def test_every_alert_is_owned_or_false_and_never_both() -> None:
    alerts = [
        alert(measure, FIRST + week * WEEK, direction, where, name=f"{measure} {week} {direction} {where}")
        for measure in ("plan_starts", "plan_ends", "plans_open", "referrals", "contacts", "repeat_plans")
        for week in range(0, 52, 5)
        for direction in ("up", "down")
        for where in ((), CITY, WEST, POLICE, TEAM)
    ]  # type: ignore[misc]
    result = only(*alerts)
    owned = {name for row in result.rows for name in row.alerts}
    assert owned.isdisjoint(result.false_alerts)
    assert owned | set(result.false_alerts) == {alert.id for alert in alerts}
