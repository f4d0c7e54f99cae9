"""Whether an alert names first what was planted: known answers for each kind of story."""

from __future__ import annotations

import dataclasses

import pytest

from forecaster.simulate import (
    ConversionFall,
    GroupRise,
    QuickerEnds,
    RepeatDrift,
    SlowerEnds,
    SourceFlood,
    Story,
    ThresholdSlip,
    VolumeSurge,
    first_driver_right,
    planted,
    score,
)
from forecaster.simulate.scoring import parts
from forecaster.simulate.stories import WEEK
from forecaster.types import Alert, Driver, DriverKind
from tests.simulate.made import FIRST
from tests.simulate.test_scoring import CITY, alert, row

TEAM = ThresholdSlip(start=FIRST, weeks=20, team="North Team 1", locality="North")
ONLY_TEAM = ThresholdSlip(start=FIRST, weeks=20, team="West Team", locality="West", also=(("locality", "West"),))
LOCAL = ThresholdSlip(start=FIRST, weeks=20, locality="North")
WHOLE = ThresholdSlip(start=FIRST, weeks=20)
AT_CONFERENCE = ThresholdSlip(start=FIRST, weeks=20, section_47_factor=1.0)
AT_ENQUIRY = ThresholdSlip(start=FIRST, weeks=20, conference_share=0.0)
FALL = ConversionFall(start=FIRST, weeks=20, locality="North")
ENDS = SlowerEnds(start=FIRST, weeks=40, locality="City")
SOONER = QuickerEnds(start=FIRST, weeks=40)
DRIFT = RepeatDrift(start=FIRST, weeks=40)
LOCAL_DRIFT = RepeatDrift(start=FIRST, weeks=40, locality="City")
FLOOD = SourceFlood(start=FIRST, weeks=8, source="Police")
SURGE = VolumeSurge(start=FIRST, weeks=20, locality="North")
BABIES = GroupRise(start=FIRST, weeks=20, dimension="age_band", value="under 1")


def naming(measure: str, name: str, kind: DriverKind = "breakdown") -> Alert:
    drivers = (Driver(kind, name, 9, 0.9, 20), Driver("breakdown", "team=another", 3, 0.3, 9))
    return dataclasses.replace(alert(measure, FIRST + 5 * WEEK), drivers=drivers)


STAGES = [
    ("a conversion that slipped", TEAM, "plan_starts", "section_47 to conference", True),
    ("the enquiries of which there are more", TEAM, "plan_starts", "assessment to section_47", True),
    ("the same where assessments are not in the extract", TEAM, "section_47", "referral to section_47", True),
    ("it in its team", TEAM, "plan_starts", "section_47 to conference, team=North Team 1", True),
    ("it in another team", TEAM, "plan_starts", "section_47 to conference, team=City Team 1", False),
    ("volume", TEAM, "plan_starts", "referral", False),
    ("a stage that comes after", TEAM, "plan_starts", "conference to plan_start", False),
    ("a stage that comes after the measure", TEAM, "section_47", "section_47 to conference", False),
    ("a stage that did not slip", AT_CONFERENCE, "plan_starts", "referral to section_47", False),
    ("the one that did", AT_CONFERENCE, "plan_starts", "section_47 to conference", True),
    ("enquiries that slipped alone", AT_ENQUIRY, "conferences", "section_47 to conference", False),
    ("a conversion that fell", FALL, "conferences", "section_47 to conference", True),
    ("volume in a surge", SURGE, "plan_starts", "referral", True),
    ("the first stage where contacts are known", SURGE, "plan_starts", "contact", True),
    ("a conversion in a surge", SURGE, "plan_starts", "contact to referral", False),
    ("the volume of one place", SURGE, "referrals", "referral, team=North Team 1", True),
    ("the volume of babies", BABIES, "referrals", "referral", True),
    ("more referrals of as many contacts", BABIES, "referrals", "contact to referral", True),
    ("the share itself", DRIFT, "repeat_plans", "repeat_plans", True),
    ("the share itself at its place", LOCAL_DRIFT, "repeat_plans_24m", "repeat_plans_24m, locality=City", True),
    ("plan starts in a drift", DRIFT, "repeat_plans", "plan_start", False),
    ("a flood as mere volume", FLOOD, "referrals", "contact", False),
]
STOCKS = [
    ("ends", ENDS, "plans_open", "plan_end", True),
    ("starts", ENDS, "plans_open", "plan_start", False),
    ("ends that come sooner", SOONER, "plans_open", "plan_end", True),
    ("starts after a slip", TEAM, "plans_open", "plan_start", True),
    ("starts after a surge", SURGE, "plans_open", "plan_start", True),
]
PLACES = [
    ("the team", TEAM, "conferences", "team=North Team 1", True),
    ("the team in its locality", TEAM, "conferences", "locality=North, team=North Team 1", True),
    ("the locality of a team", TEAM, "conferences", "locality=North", False),
    ("the locality of its only team", ONLY_TEAM, "conferences", "locality=West", True),
    ("another team of the locality", TEAM, "conferences", "locality=North, team=North Team 2", False),
    ("the locality of a locality's story", LOCAL, "conferences", "locality=North", True),
    ("one of its teams", LOCAL, "conferences", "team=North Team 1", False),
    ("any place when it is the whole council", WHOLE, "conferences", "locality=North", False),
    ("another breakdown", TEAM, "conferences", "age_band=5-9", False),
    ("the team and another breakdown", TEAM, "conferences", "team=North Team 1, age_band=5-9", True),
    ("the locality that ends later", ENDS, "plan_ends", "locality=City", True),
    ("how long they were on a plan", ENDS, "plans_open", "time_on_plan=18 months or more", False),
    ("the source", FLOOD, "referral_nfa", "source=Police", True),
    ("another source", FLOOD, "referrals", "source=Schools", False),
    ("a gap since the last plan", DRIFT, "repeat_plans", "since_plan=under 6 months", True),
    ("first plans", DRIFT, "repeat_plans", "since_plan=no plan in two years", False),
    ("a place of a drift that has none", DRIFT, "repeat_plans", "locality=City", False),
    ("the place of one that has", LOCAL_DRIFT, "repeat_plans", "locality=City", True),
    ("a gap without the place", LOCAL_DRIFT, "repeat_plans", "since_plan=under 6 months", False),
    ("the age", BABIES, "referrals", "age_band=under 1", True),
    ("another age", BABIES, "referrals", "age_band=1-4", False),
]
CASES = [
    *((what, story, measure, "stage", name, right) for what, story, measure, name, right in STAGES),
    *((what, story, measure, "stock", name, right) for what, story, measure, name, right in STOCKS),
    *((what, story, measure, "breakdown", name, right) for what, story, measure, name, right in PLACES),
]


@pytest.mark.parametrize(
    ("story", "measure", "kind", "name", "right"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_first_driver_is_right(story: Story, measure: str, kind: DriverKind, name: str, right: bool) -> None:
    assert first_driver_right(story, naming(measure, name, kind)) is right


def test_an_alert_that_names_nothing_is_neither_right_nor_wrong() -> None:
    assert first_driver_right(TEAM, alert("conferences", FIRST)) is None


@pytest.mark.parametrize(
    ("name", "stage", "where"),
    [
        ("section_47 to conference", "section_47 to conference", ()),
        ("referral, team=Team 2", "referral", (("team", "Team 2"),)),
        ("locality=North, team=Team 2", "", (("locality", "North"), ("team", "Team 2"))),
        ("team=North, East = Duty", "", (("team", "North, East = Duty"),)),
        ("since_plan=under 6 months", "", (("since_plan", "under 6 months"),)),
    ],
)
def test_a_drivers_name_is_taken_apart_whatever_is_in_it(name: str, stage: str, where: tuple[object, ...]) -> None:
    assert parts(Driver("stage" if stage else "breakdown", name, 1, 1)) == (stage, where)


# In the table


def _named(measure: str, week: int, name: str, first: str) -> Alert:
    found = alert(measure, FIRST + week * WEEK, where=(), name=name)
    return dataclasses.replace(found, drivers=(Driver("breakdown", first, 9, 0.9),))


def test_a_row_says_what_the_first_alert_names_and_whether_it_is_the_storys() -> None:
    slip = planted(FIRST)[3]
    result = score(planted(FIRST), [_named("conferences", 22, "a", "team=North Team 1")], FIRST)
    assert (row(result, slip).driver, row(result, slip).right) == ("team=North Team 1", True)
    result = score(planted(FIRST), [_named("conferences", 22, "a", "age_band=5-9")], FIRST)
    assert (row(result, slip).driver, row(result, slip).right) == ("age_band=5-9", False)


def test_a_story_not_found_has_no_driver() -> None:
    result = score(planted(FIRST), [], FIRST)
    assert {(row.driver, row.right) for row in result.rows} == {("", None)}


def test_an_alert_that_names_another_storys_cause_is_not_held_against_this_one() -> None:
    ends, *_, slip, _, _ = planted(FIRST)
    both = _named("plans_open", 24, "a", "team=North Team 1")
    alone = _named("plans_open", 24, "a", "age_band=5-9")
    later = dataclasses.replace(alert("plan_ends", FIRST + 30 * WEEK, "down", CITY, "b"), drivers=both.drivers)
    right = dataclasses.replace(later, drivers=(Driver("breakdown", "locality=City", 9, 0.9),))
    assert first_driver_right(slip, both)
    assert row(score(planted(FIRST), [both, right], FIRST), ends).right is True
    assert row(score(planted(FIRST), [both], FIRST), ends).right is None
    assert row(score(planted(FIRST), [alone, right], FIRST), ends).right is False


def test_a_decoy_is_judged_by_no_driver() -> None:
    late = planted(FIRST)[-1]
    result = score((late,), [_named("section_47", 46, "a", "team=North Team 1")], FIRST)
    assert (row(result, late).found, row(result, late).right, row(result, late).driver) == (True, None, "")
