"""Stories change what they are about, by as much as they say, and nothing else; the decoys change nothing that lasts.

A council with a story and one without, of the same seed, make the same choices everywhere else, so that the difference
between them is the story.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecaster.simulate import Demo, LateWeek, RepeatDrift, SlowerEnds, SourceFlood, Story, ThresholdSlip, planted
from forecaster.simulate.days import day_number
from forecaster.simulate.stories import WEEK
from tests.simulate.made import FIRST, SEEDS, council, served, weekly

Only = Callable[[str], tuple[Demo, Story]]
STAGES = ("contact", "referral", "assessment", "section_47", "conference", "plan_start", "plan_end")


def _excess(story: Demo, without: Demo, event: str, **where: str) -> pd.Series:
    return weekly(story, event, **where) - weekly(without, event, **where)


def _week(day: dt.date) -> int:
    return (day - FIRST).days // 7


def _strength(story: Demo, without: Demo, event: str, weeks: slice, **where: str) -> float:
    """Excess over the council's usual number in these weeks, in standard deviations of such a stretch."""
    usual = weekly(without, event, **where)
    dispersion = max(1.0, usual.var() / usual.mean())
    seen = weekly(story, event, **where).loc[weeks]
    expected = usual.mean() * len(seen)
    return float((seen.sum() - expected) / np.sqrt(dispersion * expected))


# Section 47


def test_thresholds_slip_in_one_team_alone(quiet: Demo, only: Only) -> None:
    told, story = only("ThresholdSlip")
    assert isinstance(story, ThresholdSlip)
    for event in ("section_47", "conference", "plan_start"):
        gained = _excess(told, quiet, event)
        assert gained.sum() == _excess(told, quiet, event, team=story.team).sum() > 0, event
        assert gained.loc[: _week(story.start) - 1].eq(0).all(), event


def test_slipping_thresholds_bring_no_more_referrals_contacts_or_assessments(quiet: Demo, only: Only) -> None:
    told, _ = only("ThresholdSlip")
    for event in ("contact", "referral", "assessment"):
        assert _excess(told, quiet, event).eq(0).all(), event


def _converted(demo: Demo, story: Story, team: str, inside: bool) -> float:
    enquiries = served(demo, "section_47")
    enquiries = enquiries[enquiries["team"] == team]
    last = story.start + story.weeks * WEEK
    within = enquiries["date"].between(pd.Timestamp(story.start), pd.Timestamp(last - dt.timedelta(days=1)))
    return float((enquiries[within == inside]["outcome"] == "conference").mean())


def test_nearly_all_of_the_teams_enquiries_come_to_conference_while_it_lasts(only: Only) -> None:
    told, story = only("ThresholdSlip")
    assert isinstance(story, ThresholdSlip)
    assert _converted(told, story, story.team, inside=True) == pytest.approx(story.conference_share, abs=0.08)
    assert _converted(told, story, story.team, inside=False) == pytest.approx(0.47, abs=0.06)
    assert _converted(told, story, "City Team 1", inside=True) < 0.75


def test_the_slip_is_over_after_its_last_week(quiet: Demo, only: Only) -> None:
    told, story = only("ThresholdSlip")
    over = _week(story.start) + story.weeks
    assert _excess(told, quiet, "section_47").loc[over:].eq(0).all()
    assert _excess(told, quiet, "conference").loc[over + 6 :].eq(0).all()


def test_the_slip_can_be_found_in_its_team_within_sixteen_weeks() -> None:
    for seed in SEEDS:
        without, told = council(seed), council(seed, planted(FIRST))
        first = _week(planted(FIRST)[3].start) + 2
        strength = _strength(told, without, "conference", slice(first, first + 15), team="North Team 1")
        assert strength > 4, seed


def test_a_stronger_slip_moves_more() -> None:
    weak = ThresholdSlip(start=FIRST, weeks=16, team="North Team 1", locality="North", conference_share=0.6)
    strong = ThresholdSlip(start=FIRST, weeks=16, team="North Team 1", locality="North", section_47_factor=3.0)
    gains = [_excess(council(1, (story,)), council(1), "plan_start").sum() for story in (weak, strong)]
    assert 0 < gains[0] < gains[1]


# Repeat plans


def test_repeats_drift_up_without_another_plan_starting(quiet: Demo, only: Only) -> None:
    told, _ = only("RepeatDrift")
    for event in STAGES[:-1]:
        assert _excess(told, quiet, event).eq(0).all(), event
        for locality in ("City", "North"):
            assert _excess(told, quiet, event, locality=locality).eq(0).all(), event


def _repeat_share(demo: Demo, first: int, last: int) -> float:
    starts = served(demo, "plan_start")
    week = (starts["date"] - pd.Timestamp(FIRST)).dt.days // 7
    return float((starts[week.between(first, last)]["previous_plans"] > 0).mean())


def test_the_share_of_repeats_climbs_from_a_fifth_to_nearly_a_half() -> None:
    before = np.mean([_repeat_share(council(seed, planted(FIRST)), -52, -1) for seed in SEEDS])
    late = np.mean([_repeat_share(council(seed, planted(FIRST)), 22, 51) for seed in SEEDS])
    assert before == pytest.approx(0.23, abs=0.06)
    assert late > 0.4


def test_repeats_within_two_years_drift_up_too(only: Only, quiet: Demo) -> None:
    told, _ = only("RepeatDrift")

    def recent(demo: Demo) -> int:
        starts = served(demo, "plan_start")
        starts = starts[starts["date"] >= pd.Timestamp(FIRST)]
        return int(((starts["date"] - starts["previous_plan_end"]).dt.days <= 730).sum())

    assert recent(told) > 1.4 * recent(quiet)


def test_the_drift_can_be_found_in_half_a_year_once_it_is_under_way() -> None:
    for seed in SEEDS:
        starts = served(council(seed), "plan_start")
        share = float((starts["previous_plans"] > 0).mean())
        told = served(council(seed, planted(FIRST)), "plan_start")
        week = (told["date"] - pd.Timestamp(FIRST)).dt.days // 7
        seen = told[week.between(22, 47)]
        repeats, count = (seen["previous_plans"] > 0).sum(), len(seen)
        spread = np.sqrt(2.2 * count * share * (1 - share))  # siblings repeat together: about 2.2 x binomial
        assert (repeats - count * share) / spread > 4, seed


def test_the_ramp_starts_at_the_usual_share_and_ends_at_its_own() -> None:
    story = RepeatDrift(start=FIRST, weeks=40, ramp=20, share=0.5)
    days = np.array([day_number(FIRST + weeks * WEEK) for weeks in (-1, 0, 10, 20, 39, 40)])
    assert story.repeat(np.full(6, 0.2), days, {}) == pytest.approx([0.2, 0.2, 0.35, 0.5, 0.5, 0.2])


# Slower ends


def test_ends_slow_down_in_one_locality_and_the_stock_grows_there(quiet: Demo, only: Only) -> None:
    told, story = only("SlowerEnds")
    assert isinstance(story, SlowerEnds)
    first = _week(story.start)
    lost = -_excess(told, quiet, "plan_end", locality=story.locality)
    assert lost.loc[: first - 1].eq(0).all()
    assert lost.loc[first:].sum() > 30
    for elsewhere in ("North", "South", "West"):
        assert _excess(told, quiet, "plan_end", locality=elsewhere).abs().sum() <= 4  # an eighteenth birthday apart


def test_slower_ends_change_no_other_stage(quiet: Demo, only: Only) -> None:
    told, _ = only("SlowerEnds")
    for event in STAGES[:-1]:
        assert _excess(told, quiet, event).eq(0).all(), event


def test_plans_kept_on_are_reviewed_and_end_later(quiet: Demo, only: Only) -> None:
    told, _ = only("SlowerEnds")
    assert _excess(told, quiet, "review", locality="City").loc[40:].sum() > 0
    late = served(told, "plan_end")
    assert (late["date"] >= pd.Timestamp(FIRST)).sum() < (
        served(quiet, "plan_end")["date"] >= pd.Timestamp(FIRST)
    ).sum()


def test_slower_ends_can_be_found_in_their_locality_by_the_end_of_the_year() -> None:
    story = planted(FIRST)[0]
    strengths = []
    for seed in SEEDS:
        told = council(seed, planted(FIRST))
        weeks = slice(_week(story.start), _week(story.start) + 29)
        strengths.append(_strength(told, council(seed), "plan_end", weeks, locality="City"))
    assert max(strengths) < -3
    assert np.mean(strengths) < -3.7


@pytest.mark.parametrize(("draw", "kept_on"), [(0.95, 0), (0.8, 1), (0.5, 2)])
def test_a_plan_is_kept_on_once_or_again_by_one_draw(draw: float, kept_on: int) -> None:
    story = SlowerEnds(start=FIRST, weeks=45, locality="City", kept=0.85)
    end = np.array([day_number(FIRST) + 30])
    late = story.plan_end(end, end - 400, {"locality": np.array(["City"])}, np.array([draw]))
    assert (late - end)[0] == 181 * kept_on


def test_a_plan_elsewhere_or_due_before_the_story_ends_when_it_was_due() -> None:
    story = SlowerEnds(start=FIRST, weeks=45, locality="City")
    ends = np.array([day_number(FIRST) + 30, day_number(FIRST) - 1, day_number(FIRST) + 45 * 7])
    places = {"locality": np.array(["North", "City", "City"])}
    assert (story.plan_end(ends, ends - 400, places, np.zeros(3)) == ends).all()


# A source floods


def test_a_flood_is_of_one_source_and_mostly_of_no_further_action(quiet: Demo, only: Only) -> None:
    told, story = only("SourceFlood")
    assert isinstance(story, SourceFlood)
    extra = _excess(told, quiet, "referral")
    assert extra.sum() == _excess(told, quiet, "referral", source=story.source).sum()
    assert extra.sum() == _excess(told, quiet, "contact", source=story.source).sum()
    ended = _excess(told, quiet, "referral", outcome="no further action").sum()
    assert ended / extra.sum() > 0.7  # 85% of families, some of them of several children


def test_a_flood_lasts_as_long_as_it_says_and_leaves_the_pathway_beyond_the_referral_alone(
    quiet: Demo, only: Only
) -> None:
    told, story = only("SourceFlood")
    first, over = _week(story.start), _week(story.start) + story.weeks
    extra = _excess(told, quiet, "referral")
    assert extra.drop(range(first, over)).eq(0).all()
    assert (extra.loc[first : over - 1] > 0).sum() >= story.weeks - 1
    for event in ("section_47", "conference", "plan_start", "plan_end"):
        assert _excess(told, quiet, event).eq(0).all(), event


def test_a_flood_multiplies_its_sources_referrals() -> None:
    ratios = []
    for seed in SEEDS:
        story = SourceFlood(start=FIRST + 10 * WEEK, weeks=26, source="Police", factor=2.5)
        flooded = weekly(council(seed, (story,)), "referral", source="Police").loc[10:35].sum()
        ratios.append(flooded / weekly(council(seed), "referral", source="Police").loc[10:35].sum())
    assert np.mean(ratios) == pytest.approx(2.5, abs=0.3)


def test_the_flood_can_be_found_within_four_weeks() -> None:
    for seed in SEEDS:
        first = _week(planted(FIRST)[4].start)
        weeks = slice(first, first + 3)
        assert _strength(council(seed, planted(FIRST)), council(seed), "referral", weeks, source="Police") > 4


# Decoys


def test_the_sibling_group_is_one_family_starting_plans_on_one_day_of_its_week(quiet: Demo, only: Only) -> None:
    told, story = only("SiblingGroup")
    extra = _excess(told, quiet, "plan_start", team="West Team")
    assert extra.loc[_week(story.start)] == 7
    assert extra.sum() == 7
    starts = served(told, "plan_start")
    week = starts[(starts["date"] - pd.Timestamp(FIRST)).dt.days // 7 == _week(story.start)]
    family = week.groupby(["family_id", "date"]).size()
    assert family.max() == 7


def test_the_sibling_group_goes_the_whole_way_and_is_new_to_the_council(quiet: Demo, only: Only) -> None:
    told, _ = only("SiblingGroup")
    for event in ("contact", "referral", "section_47", "conference"):
        assert _excess(told, quiet, event, locality="West").sum() == 7, event
    known = served(quiet, "plan_start").merge(
        served(told, "plan_start"), on=["date", "age", "gender", "team"], how="right"
    )
    new = known[known["child_id_x"].isna()]
    assert len(new) == 7
    assert (new["previous_plans_y"] == 0).all()


@pytest.mark.parametrize("start", [FIRST, FIRST + 17 * WEEK, FIRST + 30 * WEEK, FIRST + 40 * WEEK])
def test_the_sibling_group_keeps_to_its_week_whatever_the_holidays(start: dt.date) -> None:
    group = next(story for story in planted(FIRST) if story.decoy)
    moved = type(group)(start=start, team="West Team", locality="West")  # type: ignore[call-arg]
    extra = _excess(council(2, (moved,)), council(2), "plan_start")
    assert extra[extra > 0].index.tolist() == [_week(start)]


def test_the_late_week_changes_nothing_but_when_it_was_recorded(quiet: Demo, only: Only) -> None:
    told, _ = only("LateWeek")
    pd.testing.assert_frame_equal(told.events.drop(columns="recorded"), quiet.events.drop(columns="recorded"))


def test_the_late_week_looks_empty_on_two_mondays_and_full_on_the_third(only: Only) -> None:
    told, story = only("LateWeek")
    events = told.events
    week = events[(events["date"] >= pd.Timestamp(story.start)) & (events["date"] < pd.Timestamp(story.start + WEEK))]
    known = [int((week["recorded"] < pd.Timestamp(story.start + weeks * WEEK)).sum()) for weeks in (1, 2, 3)]
    assert known[:2] == [0, 0]
    assert known[2] == len(week) > 100


def test_the_weeks_about_the_late_one_are_recorded_as_ever(only: Only, quiet: Demo) -> None:
    told, story = only("LateWeek")
    changed = (told.events["recorded"] != quiet.events["recorded"]).to_numpy()
    dates = told.events["date"][changed]
    assert dates.min() >= pd.Timestamp(story.start)
    assert dates.max() < pd.Timestamp(story.start + WEEK)


def test_a_late_week_never_brings_a_record_forward() -> None:
    story = LateWeek(start=FIRST)
    days = day_number(FIRST) + np.arange(7)
    very_late = days + 40
    assert (story.recorded(very_late, days) == very_late).all()


# The set of them


def test_four_stories_and_two_decoys_are_planted_in_the_last_year() -> None:
    stories = planted(FIRST)
    assert sum(not story.decoy for story in stories) == 4
    assert sum(story.decoy for story in stories) == 2
    assert all(FIRST <= story.start < FIRST + 52 * WEEK for story in stories)
    assert all(story.start.weekday() == 0 for story in stories)
    assert all(story.start + story.weeks * WEEK <= FIRST + 52 * WEEK for story in stories)
    assert len({story.name for story in stories}) == 6


def test_the_starts_of_stories_are_spread_out() -> None:
    starts = sorted(story.start for story in planted(FIRST))
    assert min((later - earlier).days for earlier, later in pairwise(starts)) >= 28


def test_every_place_exists_in_the_council(told: Demo) -> None:
    for story in told.stories:
        for dimension, value in story.place:
            assert (told.events[dimension] == value).any(), story.name


def test_a_council_without_stories_is_the_same_up_to_the_first_of_them(quiet: Demo, told: Demo) -> None:
    before = pd.Timestamp(FIRST)
    one, two = (demo.events[demo.events["recorded"] < before].reset_index(drop=True) for demo in (quiet, told))
    columns = [c for c in one.columns if c not in ("child_id", "family_id")]
    known = one["event"] != "contact"  # children met once are numbered after all others
    assert len(one) == len(two)
    pd.testing.assert_frame_equal(one.loc[known, columns], two.loc[known.to_numpy(), columns])


def test_a_story_at_a_place_agrees_with_that_place_the_council_and_other_breakdowns_only() -> None:
    slip = planted(FIRST)[3]
    assert slip.agrees(())
    assert slip.agrees((("team", "North Team 1"),))
    assert slip.agrees((("locality", "North"),))
    assert slip.agrees((("category", "neglect"),))
    assert not slip.agrees((("team", "North Team 2"),))
    assert not slip.agrees((("locality", "City"), ("category", "neglect")))
    assert planted(FIRST)[0].agrees((("locality", "City"),))
