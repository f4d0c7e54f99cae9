"""Causes, places and people behind a move, as a director reads them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.types import SINCE_PLAN_BANDS, TIME_ON_PLAN_BANDS, Driver
from forecaster.words.context import Linked
from forecaster.words.render import message
from tests.render import cases

EXCESS = 197.0


def told(
    label: str, *named: tuple[str, float, float], case=cases.surge, kind: str = "", measure: str = "", **changes
) -> str:
    """One line of a case's message with these drivers: (name, value, own count)."""
    alert, context = case()
    excess = alert.total - alert.total_expected
    found = cases.drivers(excess, *named)
    found = tuple(replace(driver, kind=kind) for driver in found) if kind else found
    alert = replace(alert, measure=measure or alert.measure)
    made = message(replace(alert, drivers=found), replace(context, **{"families": None, **changes}))
    return next((line.text for line in made.lines if line.label == label), "")


def test_the_case_has_the_excess_that_the_tests_speak_of():
    alert, _ = cases.surge()
    assert alert.total - alert.total_expected == EXCESS


# Why


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("contact", "More contacts explain"),
        ("referral", "More referrals explain"),
        ("section_47", "More section 47 enquiries explain"),
        ("contact to referral", "A larger share of contacts becoming a referral explains"),
        ("referral to assessment", "A larger share of referrals going on to an assessment explains"),
        ("assessment to section_47", "A larger share of assessments leading to a section 47 enquiry explains"),
        ("section_47 to conference", "A larger share of section 47 enquiries ending in a conference explains"),
        ("conference to plan_start", "A larger share of initial conferences ending in a plan explains"),
        ("referral, team=Team 2", "More referrals in Team 2 explain"),
    ],
)
def test_a_stage_is_told_in_words(name, words):
    assert told("Why", (name, 100.0, 90)) == f"{words} 100 of the 197 extra."


def test_what_explains_all_of_it_is_told_so_with_what_went_the_other_way():
    assert told("Why", ("section_47 to conference", 240.0, 90), ("referral", -43.0, 90)) == (
        "A larger share of section 47 enquiries ending in a conference explains all of the 197 extra, "
        "in spite of fewer referrals."
    )


def test_a_fall_has_fewer_and_smaller_shares():
    parts = ("referral", -300.0, 90), ("referral to section_47", -159.0, 90)
    assert told("Why", *parts, case=cases.fall) == (
        "Fewer referrals explain 300 of the 459 fewer, "
        "a smaller share of referrals leading to a section 47 enquiry 159."
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("plan_start", 40.0, "More plan starts explain"),
        ("plan_end", 40.0, "Slower plan ends explain"),
        ("time_on_plan", 40.0, "More plans too new to end explain"),
        ("plan_end, locality=North", 40.0, "Slower plan ends in North explain"),
        ("plan_ends", 40.0, "Slower plan ends explain"),
        ("start", 40.0, "More plan starts explain"),
        ("care_starts", 40.0, "More care starts explain"),
        ("our_leavers_end", 40.0, "Slower ends explain"),
        ("our_joiners", 40.0, "More starts explain"),
    ],
)
def test_what_moves_a_stock_is_told_in_words(name, value, words):
    began = ("plan_start", 1.0, 60) if name == "time_on_plan" else ("rest", 1.0, 60)
    assert told("Why", (name, value, 60), began, case=cases.stock, kind="stock") == f"{words} 40 of the 55 extra."


@pytest.mark.parametrize(
    ("measure", "case", "values", "words"),
    [
        ("plans_open", cases.stock, (30.0, 25.0),
         "More plan starts explain 30 of the 55 extra, more plans too new to end 25"),
        ("plans_18_months_plus", cases.stock, (None, 55.0), "More plans reaching that age explain all of the 55 extra"),
        ("plan_ends", cases.fall, (None, -459.0), "Fewer plans of an age to end explain all of the 459 fewer"),
        ("plan_ends", cases.surge, (None, 197.0), "More plans of an age to end explain all of the 197 extra"),
    ],
)  # fmt: skip
def test_how_long_plans_have_been_open_is_said_as_what_it_does(measure, case, values, words):
    named = [(name, value, 90) for name, value in zip(("plan_start", "time_on_plan"), values, strict=True) if value]
    assert told("Why", *named, case=case, kind="stock", measure=measure) == f"{words}."


def test_in_a_fall_of_a_stock_ends_are_more_and_starts_fewer():
    alert, context = cases.stock()
    named = (Driver("stock", "plan_end", -40.0, 0.8, 60), Driver("stock", "plan_start", -10.0, 0.2, 60))
    fall = replace(alert, direction="down", total=130.0, total_expected=180.0, drivers=named)
    why = next(line.text for line in message(fall, context).lines if line.label == "Why")
    assert why == "Quicker plan ends explain 40 of the 50 fewer, fewer plan starts 10."


def test_ends_that_rise_end_sooner():
    why = told("Why", ("plan_end", 100.0, 90), kind="stock")
    assert why == "Quicker plan ends explain 100 of the 197 extra."


def test_what_a_split_leaves_over_is_no_finding():
    assert told("Why", ("rest", 100.0, 90), case=cases.stock, kind="stock") == ""


def test_that_a_share_rose_because_it_rose_is_no_explanation():
    assert told("Why", ("repeat_plans", 84.0, 353), case=cases.drift) == ""
    assert told("Why", ("section_47 to conference", 70.0, 353), case=cases.drift) == ""
    assert told("Why", ("referral", 197.0, 353), measure="referrals") == ""


def test_a_share_rises_by_another_mix_of_teams():
    assert told("Why", ("repeat_plans, team=Team 2", 60.0, 90), ("plan_start", 24.0, 353), case=cases.drift) == (
        "More plan starts where the share is usually higher explain 24 of the 84 extra."
    )


def test_a_share_that_rises_in_one_team_is_said_of_the_team():
    own = ("repeat_plans, team=Team 2", 60.0, 90), ("repeat_plans, team=Team 3", 18.0, 90)
    assert (
        told("Where", *own, case=cases.drift) == "Team 2 has 60 of the 84 extra, Team 3: 18; other teams as expected."
    )
    assert told("Why", *own, case=cases.drift) == ""
    beside = ("section_47 to conference, team=Team 2", 60.0, 90), ("team=Team 9", 70.0, 90)
    assert told("Where", *beside, case=cases.drift) == "Team 9 has 70 of the 84 extra."  # what stands out by itself


@pytest.mark.parametrize(
    ("values", "rest"),
    [
        ((60.0, 30.0, 20.0), "60 of the 100 extra, more referrals 30, more contacts 20; the rest went the other way"),
        ((45.6, 30.6, 23.8), "46 of the 100 extra, more referrals 30, more contacts 24"),  # else 101 of 100
        ((60.0, 30.0, -12.0), "60 of the 100 extra, more referrals 30, in spite of fewer contacts"),
    ],
)
def test_parts_of_one_whole_add_up_or_it_is_said_what_offsets_them(values, rest):
    alert, context = cases.surge()
    found = cases.drivers(100.0, *zip(("section_47", "referral", "contact"), values, (90,) * 3, strict=True))
    made = message(replace(alert, total=420.0, total_expected=320.0, drivers=found), context)
    assert [line.text for line in made.lines if line.label == "Why"] == [f"More section 47 enquiries explain {rest}."]


def test_percentages_of_one_whole_add_up_as_well():
    found = cases.drivers(4.0, ("section_47", 2.02, 90), ("referral", 1.98, 90), ("contact", 0.5, 90))
    alert, context = cases.surge()
    few = replace(alert, total=324.0, total_expected=320.0)
    made = [message(replace(few, drivers=some), context) for some in (found[:2], found)]
    why = [line.text for one in made for line in one.lines if line.label == "Why"]
    assert why == [
        "More section 47 enquiries explain 51% of the rise, more referrals 49%.",
        "More section 47 enquiries explain 51% of the rise, more referrals 50%, more contacts 13%; "
        "the rest went the other way.",
    ]


def test_two_causes_of_which_one_alone_is_all_are_told_together():
    parts = ("section_47", 197.0, 90), ("referral", 60.0, 90), ("contact", -60.0, 90)
    assert told("Why", *parts) == (
        "More section 47 enquiries and more referrals explain all of the 197 extra, in spite of fewer contacts."
    )


def test_a_teams_part_is_not_told_among_those_of_the_whole_council():
    parts = ("referral to section_47", 103.0, 90), ("contact to referral", 90.0, 90), ("referral, team=South", 80.0, 90)
    assert "South" not in told("Why", *parts)
    assert told("Why", parts[2]) == "More referrals in South explain 80 of the 197 extra."


def test_a_place_is_said_once():
    parts = ("referral", 100.0, 90), ("referral, team=Team 2", 90.0, 90)
    assert told("Why", *parts) == "More referrals (nearly all in Team 2) explain 100 of the 197 extra."
    assert told("Why", *parts, ("team=Team 2", 130.0, 150)) == "More referrals explain 100 of the 197 extra."
    assert told("Why", *parts, ("team=Team 3", 130.0, 150)).startswith("More referrals (nearly all in Team 2)")


def test_of_one_cause_only_the_place_where_it_weighs_most_is_told():
    parts = ("plan_end, locality=City", 22.0, 60), ("plan_end, team=Team 1", 13.0, 60), ("plan_start, team=A", 9.0, 60)
    assert told("Why", *parts, case=cases.stock, kind="stock") == (
        "Slower plan ends in City explain 22 of the 55 extra, more plan starts in A 9."
    )


def test_a_stage_of_few_children_is_not_named():
    assert told("Why", ("section_47 to conference", 100.0, 4)) == ""
    assert told("Why", ("referral", 100.0, 90), ("referral, team=Team 2", 90.0, 4)) == (
        "More referrals explain 100 of the 197 extra."
    )


# Where


def test_a_pair_stands_in_brackets_behind_the_slice_it_is_a_part_of():
    assert told(
        "Where", ("locality=North", 130.0, 210), ("locality=North, team=Team 1", 90.0, 140), ("locality=City", 60.0, 90)
    ) == ("North has 130 of the 197 extra (most in Team 1), City 60; other localities as expected.")


def test_a_slice_in_brackets_is_not_told_again():
    where = told(
        "Where",
        ("locality=North", 130.0, 210),
        ("locality=North, team=Team 1", 125.0, 140),
        ("team=Team 1", 126.0, 150),
    )
    assert where == "North has 130 of the 197 extra (nearly all in Team 1)."


def test_a_pair_whose_slices_do_not_stand_out_stands_alone():
    assert told("Where", ("locality=North, team=Team 1", 130.0, 140)) == "North / Team 1: 130 of the 197 extra."


def test_a_pair_of_few_children_is_not_told():
    where = told("Where", ("locality=North", 130.0, 210), ("locality=North, team=Team 1", 90.0, 5))
    assert where == "North has 130 of the 197 extra."


def test_a_part_of_the_slice_that_moved_is_named_without_that_slice():
    alert, context = cases.fall()
    pair = cases.drivers(-459.0, ("source=Police", -459.0, 700), ("locality=North, source=Police", -400.0, 300))
    where = [line.text for line in message(replace(alert, drivers=pair), context).lines if line.label == "Where"]
    assert where == ["North has 400 of the 459 fewer; other localities as expected."]


def test_places_that_took_more_than_all_of_it_are_offset_by_others():
    assert told("Where", ("locality=North", 150.0, 210), ("locality=City", 70.0, 90)) == (
        "North has 150 of the 197 extra, City 70; other localities went the other way."
    )
    assert told("Where", ("locality=North", 260.0, 310)) == (
        "North has all of the 197 extra; other localities went the other way."
    )


def test_sources_are_told_by_their_names():
    assert told("From", ("source=Police", 138.0, 210), ("source=Schools", 39.0, 90)) == (
        "Police: 138 of the 197 extra, Schools 39; other sources as expected."
    )


# Who


@pytest.mark.parametrize(
    ("band", "words"),
    [
        ("under 6 months", "came back within 6 months of their last plan"),
        ("6 to 12 months", "came back 6 to 12 months after their last plan"),
        ("12 to 24 months", "came back 12 to 24 months after their last plan"),
        ("2 years or more", "came back 2 years or more after their last plan"),
        ("no plan in two years", "had no plan in the two years before"),
    ],
)
def test_how_long_after_their_last_plan_children_came_back(band, words):
    assert told("Who", (f"since_plan={band}", 90.0, 120)) == f"90 of the 197 extra {words}."


def test_every_band_has_its_words():
    for band in SINCE_PLAN_BANDS:
        assert told("Who", (f"since_plan={band}", 90.0, 120)).startswith("90 of the 197 extra ")
    for band in TIME_ON_PLAN_BANDS:
        assert told("Who", (f"time_on_plan={band}", 40.0, 60), case=cases.stock) == (
            f"40 of the 55 extra have been on a plan for {band}."
        )


def test_unborn_and_older_children_are_named_as_such():
    who = told("Who", ("age_band=unborn", 90.0, 100), ("age_band=16-17", 60.0, 70))
    assert who == "90 of the 197 extra are unborn, 60 aged 16-17."


def test_what_is_not_known_says_of_what():
    assert told("Who", ("category=Not known", 90.0, 100)) == "Category not known: 90 of the 197 extra."


@pytest.mark.parametrize(
    ("name", "some", "all_of_it", "fewer"),
    [
        ("gender=Male", "88% of the extra children are boys.", "All of the extra children are boys.",
         "88% of the fall is boys."),
        ("gender=F", "88% of the extra children are girls.", "All of the extra children are girls.",
         "88% of the fall is girls."),
        ("age_band=10-15", "88% of the extra children are aged 10-15.", "All of the extra children are aged 10-15.",
         "88% of the fall is children aged 10-15."),
        ("ethnicity=Mixed", "88% of the extra children are of Mixed ethnicity.",
         "All of the extra children are of Mixed ethnicity.", "88% of the fall is children of Mixed ethnicity."),
        ("category=neglect", "Neglect is 88% of the rise.", "Neglect is all of the rise.",
         "Neglect is 88% of the fall."),
        ("category=emotional", "Emotional abuse is 88% of the rise.", "Emotional abuse is all of the rise.",
         "Emotional abuse is 88% of the fall."),
        ("since_plan=2 years or more", "88% of the extra children came back 2 years or more after their last plan.",
         "All of the extra children came back 2 years or more after their last plan.",
         "88% of the fall is children who came back 2 years or more after their last plan."),
        ("time_on_plan=under 3 months", "88% of the extra children have been on a plan for under 3 months.",
         "All of the extra children have been on a plan for under 3 months.",
         "88% of the fall is children who have been on a plan for under 3 months."),
        ("locality=North, age_band=5-9", "", "", ""),
    ],
)  # fmt: skip
def test_who_it_is_is_a_sentence_in_a_rise_and_a_fall(name, some, all_of_it, fewer):
    def of_few(share: float, case) -> str:
        alert, context = case()
        size = 4.0 if alert.direction == "up" else -4.0
        found = cases.drivers(size, (name, share * size, 90))
        moved = replace(alert, total=100.0 + size, total_expected=100.0, drivers=found)
        made = message(moved, replace(context, families=None))
        return next((line.text for line in made.lines if line.label == "Who"), "")

    if not some:
        assert of_few(0.88, cases.surge) == "North / aged 5-9: 88% of the extra children."
        return
    assert of_few(0.88, cases.surge) == some
    assert of_few(1.0, cases.surge) == all_of_it
    assert of_few(0.88, cases.fall) == fewer


def test_a_second_kind_of_child_is_a_sentence_too():
    found = ("since_plan=under 6 months", 90.0, 100), ("category=neglect", 118.0, 90), ("category=emotional", 60.0, 90)
    assert told("Who", *found) == (
        "90 of the 197 extra came back within 6 months of their last plan. 118 for neglect, 60 for emotional abuse."
    )
    assert told("Who", *found[:1], ("age_band=10-15", 197.0, 100)) == (
        "90 of the 197 extra came back within 6 months of their last plan. All of the 197 extra are aged 10-15."
    )


def test_of_plans_that_end_it_is_not_said_when_the_plan_before_ended():
    band = ("since_plan=no plan in two years", 197.0, 300)
    assert told("Who", band, measure="plan_ends") == ""
    assert told("Who", band, ("age_band=5-9", 90.0, 90), measure="plan_ends") == "90 of the 197 extra are aged 5-9."


def test_what_the_numbers_are_part_of_is_said_once():
    alert, context = cases.surge()
    found = cases.drivers(EXCESS, ("since_plan=under 6 months", 59.0, 70))
    who = next(line.text for line in message(replace(alert, drivers=found), context).lines if line.label == "Who")
    assert who == (
        "59 of the 197 extra came back within 6 months of their last plan. "
        "About 155 more families than usual, with a group of over five siblings."
    )


# Small parts


def small_surge(*named: tuple[str, float, float]) -> str:
    """The Where line of a surge of 27 extra children."""
    alert, context = cases.surge()
    few = replace(alert, total=71.0, total_expected=44.0, drivers=cases.drivers(27.0, *named))
    return next((line.text for line in message(few, context).lines if line.label == "Where"), "")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((18.0,), "A has 18 of the 27 extra."),
        ((18.0, 9.0), "A has 18 of the 27 extra, B 9; other localities as expected."),
        ((18.0, 6.0), "A has 18 of the 27 extra, B some; other localities as expected."),  # else 3 would be left
        ((24.0,), "A has nearly all of the 27 extra; other localities as expected."),
        ((19.0, 4.0), "A has 19 of the 27 extra, B some; other localities as expected."),
    ],
)
def test_no_part_of_one_to_five_is_told_nor_left_over(parts, text):
    assert small_surge(*[(f"locality={name}", value, 90) for name, value in zip("AB", parts, strict=False)]) == text


def test_an_excess_of_a_few_is_not_told_and_its_parts_are_shares_of_it():
    alert, context = cases.surge()
    named = cases.drivers(4.0, ("locality=A", 3.0, 90))
    made = message(replace(alert, total=48.0, total_expected=44.0, drivers=named), replace(context, families=None))
    assert next(line.text for line in made.lines if line.label == "Where") == "A has 75% of the rise."


@settings(max_examples=60, deadline=None)
@given(
    st.floats(6, 60),
    st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 40)), min_size=1, max_size=6),
    st.sampled_from(["locality", "category", "since_plan"]),
)
def test_no_number_from_one_to_five_is_in_any_line_of_parts(excess, parts, dimension):
    alert, context = cases.surge()
    labels = SINCE_PLAN_BANDS if dimension == "since_plan" else "ABCDEF"
    named = [(f"{dimension}={labels[i % 5]}", share * excess, n) for i, (share, n) in enumerate(parts)]
    stages = [("referral", parts[0][0] * excess, 90), ("section_47 to conference", parts[-1][0] * excess, 90)]
    few = replace(alert, total=44 + excess, total_expected=44.0, drivers=cases.drivers(excess, *named, *stages))
    made = message(few, replace(context, families=None))
    lines = " ".join(line.text for line in made.lines if line.label in ("Why", "Where", "Who"))
    lines = re.sub(r"within 6 months|\d+ to \d+ months|2 years or more|section 47", "", lines)
    assert [number for number in re.findall(r"\d+", lines) if 1 <= int(number) <= 5] == []


def test_whoever_may_see_every_number_does():
    alert, context = cases.surge()
    few = cases.drivers(4.0, ("locality=A", 3.0, 3), ("locality=B", 1.0, 2))
    exact = replace(context, threshold=0)
    made = message(replace(alert, total=48.0, total_expected=44.0, drivers=few), exact)
    where = next(line.text for line in made.lines if line.label == "Where")
    assert where == "A has 3 of the 4 extra, B 1; other localities as expected."
    assert "the largest group of siblings is 6" in made.text


# Linked, and what to ask


@pytest.mark.parametrize(
    ("onset", "words"),
    [
        (dt.date(2017, 10, 23), "Referrals rose four weeks earlier (since w/c 23 October)."),
        (dt.date(2017, 11, 20), "Referrals rose at the same time (since w/c 20 November)."),
        (dt.date(2017, 12, 4), "Referrals rose two weeks later (since w/c 4 December)."),
    ],
)
def test_another_alert_of_the_story_says_how_long_before_it_moved(onset, words):
    assert told("Linked", linked=(Linked("Referrals", "up", onset),)) == words


def test_a_year_above_the_neighbours_has_no_onset_to_count_from():
    one = Linked("Referrals", "up", dt.date(2017, 10, 23))
    assert told("Linked", case=cases.neighbours, linked=(one,)) == "Referrals rose since w/c 23 October."


def test_at_most_two_alerts_of_the_story_are_told():
    one = Linked("Referrals", "down", dt.date(2017, 10, 23))
    assert told("Linked", linked=(one, one, one)).count("fell") == 2


@pytest.mark.parametrize(
    ("drivers", "words"),
    [
        ((("locality=North", 130.0, 210),), "Who chaired the strategy meetings in North, and was"),
        ((("team=Team 2", 130.0, 210),), "Who chaired the strategy meetings in Team 2, and was"),
        ((("locality=North", 130.0, 4),), "Who chaired the strategy meetings, and was"),  # too few to be named
        ((("locality=North", 60.0, 90),), "Who chaired the strategy meetings, and was"),  # not most of it
        ((), "Who chaired the strategy meetings, and was"),
    ],
)
def test_a_question_is_put_to_the_place_that_stands_out(drivers, words):
    assert told("Ask", *drivers).startswith(words)


def test_a_question_about_a_slice_is_put_to_that_slice():
    alert, context = cases.low_count()
    made = message(alert, replace(context, ask="What changed {where}?"))
    assert next(line.text for line in made.lines if line.label == "Ask") == "What changed in Leominster?"


def test_the_plans_to_review_are_those_the_message_has_counted():
    assert told("Ask").endswith("Review the 517 plans started since 20 November.")


def test_plans_that_the_message_does_not_count_have_no_number():
    assert told("Ask", history=None).endswith("Review the plans started in the last three months.")
    assert told("Ask", case=cases.drift, ask="Review {plans}.") == "Review the plans started in the last three months."
    alert, context = cases.low_count()
    made = message(replace(alert, measure="plan_starts"), replace(context, ask="Review {plans}."))
    counted = re.search(r"(\d+) children started a plan in four weeks", made.text)
    assert counted
    assert f"Review the {counted[1]} plans started in these four weeks." in made.text
