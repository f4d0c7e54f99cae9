"""The stories that the demo does not tell: each moves what it is about, where it is, and nothing else."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from forecaster.simulate import (
    ConversionFall,
    Demo,
    GroupRise,
    QuickerEnds,
    RepeatDrift,
    SlowerEnds,
    SourceFlood,
    Story,
    ThresholdSlip,
    VolumeSurge,
    simulate,
)
from forecaster.simulate.days import NEVER, day_number
from forecaster.simulate.stories import EARLY, FIRST_REVIEW, REVIEW_INTERVAL, WEEK
from tests.simulate.made import served

START = dt.date(2020, 1, 6)
BEGINS = START + 20 * WEEK
STAGES = ("contact", "referral", "assessment", "section_47", "conference", "plan_start", "plan_end")
WEEKS = 60


def council(*stories: Story) -> Demo:
    return simulate(5, start=START, weeks=WEEKS, stories=stories)


QUIET = council()


def counted(demo: Demo, event: str, first: int = 0, last: int = WEEKS, **where: str) -> int:
    """Events in the weeks from `first` to before `last`, counted from the story's first."""
    events = served(demo, event)
    for column, value in where.items():
        events = events[events[column] == value]
    week = (events["date"] - np.datetime64(BEGINS)).dt.days // 7
    return int(((week >= first) & (week < last)).sum())


def gained(demo: Demo, event: str, **where: str) -> int:
    return counted(demo, event, **where) - counted(QUIET, event, **where)


@pytest.fixture(scope="module")
def surge() -> Demo:
    return council(VolumeSurge(start=BEGINS, weeks=30, locality="North", factor=2.0))


def test_a_surge_brings_more_of_every_stage_in_its_locality_and_nowhere_else(surge: Demo) -> None:
    for event in ("referral", "assessment", "section_47", "conference"):
        assert gained(surge, event) == gained(surge, event, locality="North") > 0, event
    assert counted(surge, "referral", -20, 0) == counted(QUIET, "referral", -20, 0)


def test_a_surge_multiplies_contacts_and_referrals_alike_and_leaves_conversions_as_they_were(surge: Demo) -> None:
    for event in ("contact", "referral"):
        ratio = [counted(demo, event, 0, 30, locality="North") for demo in (surge, QUIET)]
        assert ratio[0] / ratio[1] == pytest.approx(2.0, abs=0.3), event
    share = [
        counted(demo, "section_47", 0, 30, locality="North") / counted(demo, "referral", 0, 30, locality="North")
        for demo in (surge, QUIET)
    ]
    assert share[0] == pytest.approx(share[1], abs=0.1)


def test_a_fall_of_conferences_leaves_what_comes_before_alone() -> None:
    story = ConversionFall(start=BEGINS, weeks=30, conference_factor=0.4)
    told = council(story)
    assert all(gained(told, event) == 0 for event in ("contact", "referral", "assessment", "section_47"))
    assert counted(told, "conference", 4, 30) < 0.65 * counted(QUIET, "conference", 4, 30)
    assert gained(told, "plan_start") < 0


def test_a_fall_of_enquiries_is_at_its_team_alone() -> None:
    told = council(ConversionFall(start=BEGINS, weeks=30, team="City Team 1", locality="City", section_47_factor=0.3,
                                  conference_factor=1.0))  # fmt: skip
    assert gained(told, "section_47") == gained(told, "section_47", team="City Team 1") < 0
    assert gained(told, "assessment") == 0


@pytest.mark.parametrize("place", [{}, {"locality": "City"}, {"team": "City Team 1", "locality": "City"}])
@pytest.mark.parametrize("kind", [ThresholdSlip, SlowerEnds, QuickerEnds, RepeatDrift])
def test_a_story_moves_its_place_alone(kind: type[Story], place: dict[str, str]) -> None:
    story = kind(start=BEGINS, weeks=30, **place)  # type: ignore[arg-type]
    assert dict(story.place) == place
    families = {"team": np.array(["City Team 1", "City Team 2", "North Team 1"])}
    families["locality"] = np.array(["City", "City", "North"])
    day = np.full(3, day_number(BEGINS) + 100)
    moved = {
        "ThresholdSlip": lambda: story.conference(np.full(3, 0.4), day, families) != 0.4,
        "RepeatDrift": lambda: story.repeat(np.full(3, 0.2), day, families) != 0.2,
        "SlowerEnds": lambda: story.plan_end(day, day - 200, families, np.zeros(3)) != day,
        "QuickerEnds": lambda: story.plan_end(day + 100, day - 300, families, np.zeros(3)) != day + 100,
    }[kind.__name__]()
    expected = {0: [True, True, True], 1: [True, True, False], 2: [True, False, False]}[len(place)]
    assert moved.tolist() == expected


def test_a_story_of_the_whole_council_says_so_by_naming_no_place() -> None:
    assert SlowerEnds(start=BEGINS, weeks=30).name == "Plans ending more slowly"
    assert SlowerEnds(start=BEGINS, weeks=30, locality="City").name == "Plans ending more slowly in City"


def test_quicker_ends_change_no_earlier_stage_and_leave_fewer_plans_open() -> None:
    told = council(QuickerEnds(start=BEGINS, weeks=40))
    assert all(gained(told, event) == 0 for event in STAGES[:-1])
    assert counted(told, "plan_end", 0, 20) > 1.1 * counted(QUIET, "plan_end", 0, 20)


@pytest.mark.parametrize(
    ("due", "length", "draw", "sooner"),
    [
        (300, 500, 0.2, True),
        (300, 500, 0.9, False),  # not one of those brought forward
        (100, 500, 0.2, False),  # the review before was before the story
        (300, 200, 0.2, False),  # there was no review before
        (600, 900, 0.2, False),  # the review before comes after the story
    ],
)
def test_a_plan_ends_at_the_review_before_if_that_falls_into_the_story(
    due: int, length: int, draw: float, sooner: bool
) -> None:
    story = QuickerEnds(start=BEGINS, weeks=40, brought=0.7)
    end = np.array([day_number(BEGINS) + due])
    found = story.plan_end(end, end - length, {}, np.array([draw]))
    assert (end - found)[0] == REVIEW_INTERVAL * sooner
    assert found[0] - (end - length)[0] >= FIRST_REVIEW - EARLY


def test_plans_that_never_started_never_end() -> None:
    never = np.array([NEVER])
    for story in (QuickerEnds(start=BEGINS, weeks=40), SlowerEnds(start=BEGINS, weeks=40)):
        assert story.plan_end(never, never, {}, np.zeros(1)) == NEVER


def test_more_babies_are_more_referrals_of_that_age_and_of_no_other() -> None:
    told = council(GroupRise(start=BEGINS, weeks=30, dimension="age_band", value="under 1", factor=3.0))
    extra = gained(told, "referral")
    babies = served(told, "referral")["age"].eq(0).sum() - served(QUIET, "referral")["age"].eq(0).sum()
    assert extra == pytest.approx(babies, abs=15)  # of families who come back some are others now
    assert extra > 50


def test_more_of_a_category_shows_where_plans_have_one() -> None:
    told = council(GroupRise(start=BEGINS, weeks=30, dimension="category", value="neglect", factor=2.0))
    assert gained(told, "plan_start") == gained(told, "plan_start", category="neglect") > 0
    assert gained(told, "referral") > 0


@pytest.mark.parametrize("source", ["Health", "Anonymous"])
@pytest.mark.parametrize("contacts_too", [False, True])
def test_any_source_may_flood_with_or_without_contacts_that_go_no_further(source: str, contacts_too: bool) -> None:
    told = council(SourceFlood(start=BEGINS, weeks=30, source=source, factor=3.0, contacts_too=contacts_too))
    extra, contacts = gained(told, "referral"), gained(told, "contact")
    assert extra == gained(told, "referral", source=source) > 0
    assert contacts == gained(told, "contact", source=source)
    assert (contacts > 2 * extra) == contacts_too


def test_a_stories_extra_families_follow_the_councils_own_trend() -> None:
    story = VolumeSurge(start=BEGINS, weeks=2, factor=1.5)
    days = np.array([day_number(BEGINS) + day for day in (-1, 0, 13, 14)])
    assert story.extra(days).tolist() == [0, 0.5, 0.5, 0]
