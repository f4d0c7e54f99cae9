"""Whole stories, with what stands beside their thread: nobody who reads all of it can work a hidden count out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lifecycle_cases import MONDAY, NORTH, WEEK, after, finding, opened

from forecaster.briefing import _tellings
from forecaster.types import SeriesKey
from forecaster.words.context import History
from forecaster.words.digest import Heading, _level
from forecaster.words.jointly import joint
from tests.disclosure.solver import System, World, between, exactly
from tests.disclosure.stories import Fault, story

SEEDS = (1, 3, 6, 7, 9, 14, 15)
FOUND_IN: tuple[tuple[Fault, int], ...] = (("apart", 1),)


@pytest.fixture(scope="module")
def stories():
    return {seed: story(seed) for seed in SEEDS}


@pytest.mark.parametrize("seed", SEEDS)
def test_no_hidden_count_is_recovered_from_a_story_with_its_digests_and_records(stories, seed):
    assert stories[seed].recovered() == []


@pytest.mark.parametrize(("fault", "seed"), FOUND_IN)
def test_a_service_with_a_fault_is_found_out(fault, seed):
    assert story(seed, fault).recovered()


def test_stories_have_several_alerts_overlapping_slices_and_alerts_that_become_others(stories):
    series = [{key for key, _ in one.shown} for one in stories.values()]
    assert sum(len(own) >= 3 for own in series) >= len(SEEDS) - 1
    assert {key.measure for own in series for key in own} >= {"plan_starts", "plan_ends", "repeat_plans", "plans_open"}
    assert {name for own in series for key in own for name, _ in key.slice} >= {"team", "age_band"}
    assert all(one.digests and one.records for one in stories.values())


def test_a_record_has_no_figures_of_weeks_in_which_nothing_was_told(stories):
    """It may then have newer ones, which no message was weighed against: none are given, or those told before."""
    silent, spoken = [], []
    for one in stories.values():
        told: dict[str, float | None] = {}
        for _, day, made in one.records:
            if str(day) == made["updated"]:
                told[made["id"]] = made["observed"]
                spoken.append(made["observed"])
            else:
                silent.append(made["observed"])
                assert made["observed"] in (None, told[made["id"]])
    assert len(silent) > 10 and any(observed is not None for observed in spoken)


def test_an_alert_remembers_of_what_and_since_when_each_of_its_messages_spoke():
    alert = opened()
    earlier = finding(1, severity="high", onset=MONDAY - 4 * WEEK, key=SeriesKey("plan_starts", NORTH))
    later, _ = after(alert, 1, earlier)
    assert later.told_of == (((), MONDAY - 2 * WEEK), (NORTH, MONDAY - 4 * WEEK))
    assert _tellings(later) == {
        ((), MONDAY - 2 * WEEK): (MONDAY,),
        (NORTH, MONDAY - 4 * WEEK): (MONDAY + WEEK,),
    }


def test_an_alert_that_was_kept_without_that_memory_told_all_as_it_stands():
    alert = replace(opened(), told=(MONDAY, MONDAY + WEEK), told_of=())
    assert _tellings(alert) == {((), MONDAY - 2 * WEEK): (MONDAY, MONDAY + WEEK)}


@pytest.mark.parametrize(("few", "safe"), [(8, True), (3, False)])
def test_what_follows_from_two_alerts_is_held_against_what_the_third_tells(few, safe):
    """Ends of four weeks are told, those of three follow from starts and levels: the fourth is the difference."""
    starts, ends = np.full(6, 12.0), np.array([7, few, 9, 9, 9, 9.0])
    level = 60 + np.cumsum(starts - ends)
    none = np.full(6, np.nan)
    several = [History(np.arange(6).astype("datetime64[W]"), row, none, none, none) for row in (starts, ends, level)]
    came, went, there = joint([(several[0], "flow"), (several[1], "flow"), (several[2], "stock")], 5)
    assert went.show(1, 5) and came.show(2, 5) and went.is_safe()
    assert there.show(0, 2)
    assert (there.show(0, 5) and there.is_safe()) is safe


def test_two_rounded_levels_and_the_starts_between_them_give_a_few_ends_away():
    periods = np.datetime64("2018-01-01") + 7 * np.arange(3)
    truth = {"base": [63, 0, 0], "came": [0, 0, 6], "went": [0, 0, 4]}
    world = World("flow", "week", periods, {name: np.array(row, float) for name, row in truth.items()},
                  levels={"open": ("base", "came", "went")})  # fmt: skip
    safe = [exactly(("came", 2, 3), 6, "starts"), between(("went", 2, 3), 1, 5, "5 or fewer")]
    digests = [between(("open", at, at + 1), 62.5, 67.5, "now about 65") for at in (1, 2)]
    assert System(world, safe).recovered() == []
    assert ("went", 2, 3) in {one.cells for one in System(world, safe + digests).recovered()}


@pytest.mark.parametrize(("moves", "told"), [((), True), ((6.0, 0.0, 12.0), True), ((6.0, 3.0), False)])
def test_the_digest_tells_a_level_only_where_nothing_that_moved_it_is_small(moves, told):
    heading = Heading(SeriesKey("plans_open"), "Open plans", "stock", "week", (65.0,), moves=moves)
    assert bool(_level(heading, 5)) is told
