from __future__ import annotations

import datetime as dt
import random
import tomllib
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifecycle_cases import MONDAY, NORTH, RULES, in_state, opened, week

from forecaster.lifecycle import Rules, join
from forecaster.measures import NOT_RECORDED, parse_measures
from forecaster.stories import Link, agree, homes_of, linked, relation, stories
from forecaster.types import COUNCIL, Alert, Direction, Events, Slice

MEASURES = parse_measures(tomllib.loads((Path(__file__).parents[2] / "config" / "measures.toml").read_text("utf-8")))
SOUTH = (("locality", "South"),)
TEAM = (("team", "Team 2"),)
SHIRE, WELLS = (((COUNCIL, name),) for name in ("Shire", "Wells"))


def alert(measure: str, onset: int = 0, direction: Direction = "up", where: Slice = (), **changes: object) -> Alert:
    """One that began and was opened in a week counted from MONDAY."""
    name = "-".join([measure, direction, *(value for _, value in where), str(onset)])
    changes = {"id": name, "opened": week(onset + 2), "onset": week(onset), **changes}
    return replace(opened(), measure=measure, slice=where, direction=direction, **changes)  # type: ignore[arg-type]


def story(old: Alert, new: Alert, **how: object) -> bool:
    """Whether the second joins the first."""
    return linked([old], new, MEASURES, RULES, **how).story == old.id  # type: ignore[arg-type]


TOGETHER = {
    ("contacts", "referrals"), ("referrals", "section_47"),  # no assessments are counted between them
    ("section_47", "conferences"), ("conferences", "plan_starts"),
    ("re_referrals", "referrals"), ("referral_nfa", "referrals"), ("re_referrals", "referral_nfa"),
    ("s47_to_conference", "section_47"), ("s47_to_conference", "conferences"),
    ("conference_to_plan", "conferences"), ("conference_to_plan", "plan_starts"),
    ("repeat_plans", "plan_starts"), ("repeat_plans_24m", "plan_starts"), ("repeat_plans", "repeat_plans_24m"),
    ("plan_starts", "plans_open"), ("plans_open", "plans_18_months_plus"),
}  # fmt: skip
AGAINST = {("plan_ends", "plans_open"), ("plan_ends", "plans_18_months_plus")}


@pytest.mark.parametrize(("one", "other"), list(combinations(MEASURES, 2)))
def test_every_two_measures_are_related_as_they_are_defined(one: str, other: str) -> None:
    pair = {(one, other), (other, one)}
    expected = 1 if pair & TOGETHER else -1 if pair & AGAINST else 0
    assert relation(one, other, MEASURES) == relation(other, one, MEASURES) == expected


def test_a_stage_that_is_counted_comes_between_its_neighbours() -> None:
    flow = {"kind": "flow", "title": "Assessments", "one": "a", "many": "b"}
    more = {**MEASURES, **parse_measures({"assessments": {**flow, "event": "assessment"}})}
    assert relation("referrals", "section_47", more) == 0
    assert relation("referrals", "assessments", more) == relation("assessments", "section_47", more) == 1


def test_totals_that_no_config_describes_are_related_to_themselves_alone() -> None:
    assert relation("visits_late", "visits_late", MEASURES) == 1
    assert relation("visits_late", "referrals", MEASURES) == 0


def test_more_referrals_and_then_more_enquiries_are_one_story() -> None:
    first, then = alert("referrals", 0), alert("section_47", 5)
    assert linked([first], then, MEASURES, RULES) == Link(first.id, (first,))


def test_an_alert_that_goes_with_none_begins_a_story() -> None:
    new = alert("plan_starts")
    assert linked([], new, MEASURES, RULES) == Link(new.id)
    assert linked([alert("contacts")], new, MEASURES, RULES) == Link(new.id)
    assert linked([new], new, MEASURES, RULES) == Link(new.id)


def test_different_findings_on_one_measure_are_one_story() -> None:
    surge = alert("referrals")
    for kind in ("drift", "farrington"):
        assert story(surge, replace(alert("referrals", 3), id="x", kind=kind))


def test_fewer_ends_and_more_open_plans_are_one_story() -> None:
    assert story(alert("plan_ends", direction="down"), alert("plans_open", 4))
    assert not story(alert("plan_ends", direction="up"), alert("plans_open", 4))
    assert not story(alert("plan_starts", direction="down"), alert("plans_open", 4))
    assert story(alert("plan_starts", direction="down"), alert("plans_open", 4, "down"))


@pytest.mark.parametrize(
    ("weeks_later", "one_story"), [(-30, False), (-5, False), (-4, True), (0, True), (26, True), (27, False)]
)
def test_what_follows_may_be_found_to_begin_a_little_earlier_or_half_a_year_later(
    weeks_later: int, one_story: bool
) -> None:
    up, down = alert("referrals", 40), alert("section_47", 40 + weeks_later)
    assert story(up, down) == story(down, up) == one_story


@pytest.mark.parametrize(("weeks_later", "one_story"), [(-27, False), (-26, True), (26, True), (27, False)])
def test_a_measure_and_its_share_may_begin_in_either_order(weeks_later: int, one_story: bool) -> None:
    assert story(alert("plan_starts", 40), alert("repeat_plans", 40 + weeks_later)) == one_story
    assert story(alert("section_47", 40), alert("s47_to_conference", 40 + weeks_later)) == one_story


def test_months_are_found_to_the_month() -> None:
    months = Rules(period_days=31)
    up, down = (replace(alert(name), onset=dt.date(2018, m, 1)) for name, m in (("referrals", 4), ("section_47", 3)))
    assert linked([up], down, MEASURES, months).story == up.id
    assert linked([up], down, MEASURES, RULES).story == down.id


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        ((), NORTH, True),
        (NORTH, NORTH, True),
        (NORTH, SOUTH, False),
        (NORTH, (*NORTH, *TEAM), True),
        (SOUTH, (*NORTH, *TEAM), False),
        (NORTH, (("age_band", "0-1"),), True),
        (NORTH, TEAM, True),  # as far as anybody knows
        (SHIRE, SHIRE, True),
        (SHIRE, WELLS, False),
        (SHIRE, (), False),
        (SHIRE, (*SHIRE, *NORTH), True),
        ((*WELLS, *NORTH), (*SHIRE, *NORTH), False),
    ],
)
def test_places_agree_unless_something_sets_them_apart(one: Slice, other: Slice, may: bool) -> None:
    assert agree(one, other, {}) == agree(other, one, {}) == may


def test_a_team_goes_with_its_own_locality() -> None:
    homes = {"Team 2": "North", "Team 3": "South"}
    assert agree(NORTH, TEAM, homes)
    assert not agree(SOUTH, TEAM, homes)
    assert agree(TEAM, (("age_band", "0-1"),), homes)
    assert not agree((*TEAM, *SOUTH), NORTH, homes)  # what the slice itself says goes first
    assert not story(alert("referrals", where=SOUTH), alert("section_47", where=TEAM), homes=homes)


def test_the_locality_of_a_team_is_where_nearly_all_of_its_events_are() -> None:
    team = np.repeat([0, 0, 1, 1, 2, 3, 3], [9, 1, 8, 2, 5, 1, 5])
    locality = np.repeat([0, 1, 0, 1, 1, 1, 2], [9, 1, 8, 2, 5, 1, 5])
    places = {
        "team": (("A", "B", "C", "D", "gone"), team),
        "locality": (("North", "South", NOT_RECORDED), locality),
    }
    events = Events(np.zeros(len(team), np.int64), np.zeros(len(team), np.int64), places, {})
    assert homes_of(events) == {"A": "North", "C": "South", "D": "South"}
    assert homes_of(replace(events, places={"team": places["team"]})) == {}
    assert homes_of(None) == {}


def test_a_slice_joins_the_alert_of_its_council() -> None:
    council = alert("plan_starts")
    assert story(council, alert("repeat_plans", 2, where=NORTH))
    assert story(council, alert("conferences", -3, where=TEAM))
    assert not story(alert("plan_starts", where=SOUTH), alert("repeat_plans", 2, where=NORTH))


def test_a_story_that_is_over_is_over_once_its_alert_cannot_come_back() -> None:
    over = replace(in_state("resolved"), measure="referrals", resolved=week(4))
    new = replace(alert("section_47"), onset=MONDAY)
    assert story(over, replace(new, opened=week(8)))
    assert not story(over, replace(new, opened=week(9)))


def test_data_that_did_not_arrive_belong_to_no_story() -> None:
    assert not story(alert("", kind="arrival"), alert("", 1, kind="arrival"))


def test_a_new_alert_joins_the_story_of_the_one_it_goes_with_best() -> None:
    first = alert("contacts", 0)
    second = join(alert("referrals", 4), first.id)
    other = alert("conferences", 2)
    found = linked([other, first, second], alert("section_47", 5), MEASURES, RULES)
    assert found == Link(first.id, (second, other))
    same = alert("section_47", 20, kind="drift")
    assert linked([second, same], alert("section_47", 5), MEASURES, RULES).story == same.id


def test_of_several_that_open_at_once_the_first_on_the_pathway_begins_the_story() -> None:
    new = [alert("section_47"), alert("plans_open"), alert("plan_starts"), alert("conferences"), alert("contacts")]
    found = stories([], new, MEASURES, RULES)
    assert {name.partition("-")[0]: link.story.partition("-")[0] for name, link in found.items()} == {
        "contacts": "contacts",
        "section_47": "section_47",  # its referrals did not move
        "conferences": "section_47",
        "plan_starts": "section_47",
        "plans_open": "section_47",
    }
    known = alert("referrals", -3, story="earlier")
    assert stories([known], new, MEASURES, RULES)["plan_starts-up-0"].story == "earlier"


some_alerts = st.lists(
    st.builds(
        alert, st.sampled_from(list(MEASURES)), st.integers(0, 30), st.sampled_from(["up", "down"]),
        st.sampled_from([(), NORTH, SOUTH, TEAM]),
    ),
    max_size=8, unique_by=lambda made: made.id,
)  # fmt: skip


@given(some_alerts, some_alerts, st.randoms(use_true_random=False))
def test_stories_do_not_depend_on_the_order_and_each_has_a_first_alert(
    before: list[Alert], new: list[Alert], chance: random.Random
) -> None:
    before = [one for one in before if one.id not in {other.id for other in new}]
    found = stories(before, new, MEASURES, RULES)
    assert found == stories(chance.sample(before, len(before)), chance.sample(new, len(new)), MEASURES, RULES)
    known = {one.id: one for one in (*before, *new)}
    for one in new:
        link = found[one.id]
        assert (link.story == one.id) == (not link.alerts)
        root = known[link.story]
        assert root in before or found[root.id].story == root.id  # no story within a story
        for other in link.alerts:
            same = one.direction == other.direction
            assert relation(one.measure, other.measure, MEASURES) == (1 if same else -1)
            assert agree(one.slice, other.slice, {})


def test_a_level_beside_the_neighbours_is_no_part_of_a_story() -> None:
    """It began in no particular week: to say how much earlier it moved would mean nothing."""
    surge = alert("referrals")
    assert not story(surge, replace(alert("referrals", 3), id="x", kind="neighbours"))
