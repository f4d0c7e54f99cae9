"""Councils and stories drawn wide: all of it plausible, told by the columns, and the same from the same seed."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecaster.simulate import Demo, Profile, Story, simulate, varied, varied_stories
from forecaster.simulate.rows import COLUMNS
from forecaster.simulate.stories import WEEK
from forecaster.simulate.varied import APART, LEAST, SLOW_START, yearly
from tests.simulate.made import FIRST

SEEDS = range(200)
PROFILES = {seed: varied(seed) for seed in SEEDS}
STORIES = {seed: varied_stories(PROFILES[seed], FIRST, seed) for seed in SEEDS}
TOLD = [(PROFILES[seed], story) for seed in SEEDS for story in STORIES[seed] if not story.decoy]


def small(seed: int, **changes: object) -> Demo:
    """Two years of a drawn council, made small."""
    profile = Profile(**{**vars(varied(seed)), "size": 0.3, **changes})  # type: ignore[arg-type]
    return simulate(seed, start=dt.date(2020, 1, 6), weeks=60, profile=profile)


def test_the_same_seed_draws_the_same_council_and_stories() -> None:
    assert varied(7) == PROFILES[7]
    assert varied_stories(varied(7), FIRST, 7) == STORIES[7]
    assert len({str(profile) for profile in PROFILES.values()}) == len(SEEDS)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("size", 0.3, 3.0),
        ("trend", -0.1, 0.15),
        ("no_further_action", 0.03, 0.3),
        ("conference", 0.3, 0.6),
        ("repeat", 0.1, 0.3),
        ("dispersion", 0.0, 0.06),
        ("seasonality", 0.0, 1.5),
        ("long_plans", 0.6, 1.6),
    ],
)
def test_a_parameter_is_drawn_over_its_whole_range(name: str, low: float, high: float) -> None:
    drawn = np.array([getattr(profile, name) for profile in PROFILES.values()])
    assert ((drawn >= low) & (drawn <= high)).all()
    assert np.ptp(drawn) > 0.8 * (high - low)


def test_shares_add_up_and_teams_have_names_of_their_own() -> None:
    for seed, profile in PROFILES.items():
        for shares in (profile.sources.values(), profile.categories.values(), [share for _, _, share in profile.teams]):
            assert sum(shares) == pytest.approx(1), seed
        assert len({team for team, _, _ in profile.teams}) == len(profile.teams), seed


def test_councils_have_three_to_fifteen_teams_in_one_to_six_localities() -> None:
    teams = {len(profile.teams) for profile in PROFILES.values()}
    localities = {len({locality for _, locality, _ in profile.teams}) for profile in PROFILES.values()}
    assert (min(teams), max(teams)) == (3, 15)
    assert localities == set(range(1, 7))


def test_names_are_as_odd_as_systems_have_them() -> None:
    names = " ".join(name for profile in PROFILES.values() for team in profile.teams for name in team[:2])
    assert all(odd in names for odd in ("Équipe 3", "North/East - Duty", "港区", "CIN/CP"))
    assert any(team.isdigit() for profile in PROFILES.values() for team, _, _ in profile.teams)


def test_every_kind_of_story_is_drawn_and_some_councils_have_none() -> None:
    kinds = {type(story).__name__ for _, story in TOLD}
    assert len(kinds) == 8
    silent = sum(all(story.decoy for story in stories) for stories in STORIES.values())
    assert 0.1 < silent / len(SEEDS) < 0.3
    assert {len([s for s in stories if not s.decoy]) for stories in STORIES.values()} == {0, 1, 2, 3}


def test_stories_begin_on_mondays_of_the_year_apart_from_each_other() -> None:
    for seed, stories in STORIES.items():
        starts = [story.start for story in stories if not story.decoy]
        assert all(start.weekday() == 0 and FIRST <= start < FIRST + 52 * WEEK for start in starts), seed
        assert all(later - earlier >= APART * WEEK for earlier, later in pairwise(starts)), seed


def test_what_takes_most_of_a_year_to_be_seen_begins_early() -> None:
    slow = [story for _, story in TOLD if story.weeks > 30]
    assert max(story.start for story in slow) < FIRST + (SLOW_START + 2 * APART) * WEEK


def test_a_story_is_at_a_place_that_is_there_and_that_the_extract_tells() -> None:
    for profile, story in TOLD:
        for dimension, value in story.place:
            assert dimension not in profile.no_columns
            options = {
                "team": [team for team, _, _ in profile.teams],
                "locality": [locality for _, locality, _ in profile.teams],
                "source": list(profile.sources),
                "category": list(profile.categories),
            }
            assert dimension == "age_band" or value in options[dimension]


def test_a_team_or_locality_with_a_story_has_children_enough() -> None:
    for profile, story in TOLD:
        if story.place and story.place[0][0] in ("team", "locality"):
            assert max(yearly(profile).values()) * profile.part(story.place) >= LEAST


def test_a_localitys_only_team_is_another_name_for_it() -> None:
    named = [(profile, story) for profile, story in TOLD if story.also]
    assert named
    for profile, story in named:
        places = dict((*story.place, *story.also))
        assert len(profile.working_at((("locality", places["locality"]),))) == 1
        assert profile.locality_of(places["team"]) == places["locality"]
    shared = [story for _, story in TOLD if story.place[:1] and story.place[0][0] == "team" and not story.also]
    assert shared


# What a profile's new parameters do


def test_an_extract_has_all_columns_and_events_but_those_the_council_lacks() -> None:
    lacking = small(1, no_columns=("family_id", "locality"), no_events=("contact", "review")).events
    whole = small(1, no_columns=(), no_events=()).events
    assert tuple(whole.columns) == COLUMNS
    assert set(COLUMNS) - set(lacking.columns) == {"family_id", "locality"}
    kept = whole[~whole["event"].isin(["contact", "review"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(lacking, kept[lacking.columns], check_index_type=False)


def test_longer_plans_end_later_and_start_as_ever() -> None:
    short, long = (small(2, long_plans=value, no_columns=()).events for value in (0.6, 1.6))
    for events in (short, long):
        assert (events["event"] == "plan_start").sum() > 30
    starts = [events[(events["event"] == "plan_start") & (events["date"] >= "2020-01-06")] for events in (short, long)]
    assert starts[0]["date"].tolist() == starts[1]["date"].tolist()
    opened = [(events["date"] < "2020-01-06").sum() for events in (short, long)]
    assert opened[1] > 1.2 * opened[0]


def test_odd_names_come_through_whole() -> None:
    profile = varied(next(seed for seed in SEEDS if any("港区" in team for team in PROFILES[seed].teams)))
    demo = simulate(1, start=dt.date(2020, 1, 6), weeks=30, profile=Profile(**{**vars(profile), "no_columns": ()}))
    known = {locality for _, locality, _ in profile.teams}
    assert set(demo.events["locality"]) == known


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ((), 1.0),
        ((("team", "North Team 1"),), 0.22),
        ((("locality", "City"),), 0.46),
        ((("team", "North Team 1"), ("locality", "North")), 0.22),
        ((("category", "physical"),), 0.077),
        ((("age_band", "under 1"),), 0.09),
    ],
)
def test_the_part_of_families_at_a_place(place: tuple[tuple[str, str], ...], part: float) -> None:
    assert Profile().part(place) == pytest.approx(part)


def _decoys(stories: tuple[Story, ...]) -> set[str]:
    return {type(story).__name__ for story in stories if story.decoy}


def test_decoys_are_sibling_groups_and_late_weeks_of_councils_that_say_when_they_recorded() -> None:
    assert set().union(*map(_decoys, STORIES.values())) == {"SiblingGroup", "LateWeek"}
    silent = [seed for seed in SEEDS if "recorded" in PROFILES[seed].no_columns]
    assert all("LateWeek" not in _decoys(STORIES[seed]) for seed in silent)
