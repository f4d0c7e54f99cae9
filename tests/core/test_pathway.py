"""Which stage a change comes from: parts that sum to it, and the planted stage and team named first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import joined, periods
from made_pathways import LAGS, STAGES, START, UNSAID, Change, T, council, recounted, signal

from forecaster.explain.pathway import Stages, split_by_stage, stage_drivers
from forecaster.types import Driver, Panel, SeriesKey, Signal

SEEDS = range(3)


def whole(drivers: list[Driver]) -> list[Driver]:
    return [driver for driver in drivers if ", team=" not in driver.name]


def told(some: Panel, measure: str, onset: int = START + 4, team: str = "") -> list[Driver]:
    return stage_drivers(some, signal(some, measure, onset, team=team), STAGES)


def assert_sums(drivers: list[Driver], move: Signal) -> None:
    assert sum(driver.value for driver in drivers) == pytest.approx(move.total - move.total_expected, abs=1e-9)


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.integers(20, T - 3), st.integers(0, 12), st.sampled_from([0.02, 0.2, 1.0]))
def test_the_stages_sum_to_the_change_of_any_series(seed: int, onset: int, periods: int, size: float) -> None:
    some = council(seed, size=size)
    for measure in ("plan_starts", "section_47", "s47_to_conference"):
        move = signal(some, measure, onset, min(onset + periods, T - 1))
        found = stage_drivers(some, move, STAGES)
        if found:
            assert_sums(whole(found), move)
            assert sum(driver.share for driver in whole(found)) <= 1 + 1e-9


@settings(max_examples=6)
@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.4, 1.0]))
def test_teams_and_stages_together_sum_to_the_same_change(seed: int, size: float) -> None:
    """The teams, and all that is in none of those that are large enough, are the council."""
    some = council(seed, Change("conference", 1.8, ("A",)), size=size)
    move = signal(some, "plan_starts")
    split = split_by_stage(some, move, STAGES)
    assert split is not None
    for stages in split:
        assert stages.parts.sum() == pytest.approx(move.total - move.total_expected, abs=1e-9)


def test_a_team_that_appears_and_one_that_vanishes_leave_the_sum_exact() -> None:
    some = council(3, Change("contact", 0.0, ("B",)), Change("contact", 1e-9, ("C",), start=0))
    assert some.events is not None
    labels, codes = some.events.places["team"]
    team = np.where((codes == 0) & (some.events.period >= START + 4), 2, codes)
    moved = replace(some, events=replace(some.events, places={"team": (labels, team)}))
    move = signal(moved, "plan_starts")
    split = split_by_stage(moved, move, STAGES)
    assert split is not None
    assert split[1].parts.sum() == pytest.approx(move.total - move.total_expected, abs=1e-9)
    assert np.isfinite(split[1].parts).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_more_contacts_are_told_as_volume(seed: int) -> None:
    some = council(seed, Change("contact", 1.6))
    for measure in ("plan_starts", "conferences", "section_47", "referrals"):
        found = whole(told(some, measure))
        assert found[0].name == "contact"
        assert found[0].share > 0.6


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("referral", "contact to referral"),
        ("section_47", "referral to section_47"),
        ("conference", "section_47 to conference"),
    ],
)
def test_a_threshold_applied_differently_is_told_as_that_conversion(seed: int, stage: str, name: str) -> None:
    found = told(council(seed, Change(stage, 1.7)), "plan_starts")
    assert found[0].name == name
    assert found[0].share == pytest.approx(1.0, abs=0.35)
    assert all(driver.share < 0.35 for driver in whole(found)[1:])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_team_that_does_it_is_named_and_no_other(seed: int) -> None:
    found = told(council(seed, Change("conference", 1.9, ("B",))), "conferences")
    assert [driver.name for driver in found[:1]] == ["section_47 to conference"]
    teams = [driver for driver in found if ", team=" in driver.name]
    assert teams[0].name == "section_47 to conference, team=B"
    assert teams[0].share == pytest.approx(1.0, abs=0.4)
    assert all(driver.share < 0.5 for driver in teams[1:])


def test_a_fall_is_split_as_a_rise_is() -> None:
    some = council(11, Change("conference", 0.5))
    move = signal(some, "plan_starts")
    found = stage_drivers(some, move, STAGES)
    assert move.total < move.total_expected
    assert found[0].name == "section_47 to conference"
    assert found[0].value < 0 < found[0].share


def test_a_surge_on_its_way_is_no_fall_in_conversion() -> None:
    """Referrals rose three weeks ago; the conferences they lead to are still to come."""
    some = council(5, Change("contact", 2.5, start=T - 4))
    found = {driver.name: driver for driver in told(some, "section_47", onset=T - 3)}
    assert found["contact"].share == pytest.approx(1.0, abs=0.3)
    late = {driver.name: driver.value for driver in told(some, "conferences", onset=T - 3)}
    assert abs(late["contact"]) < 10
    assert some.events is not None
    unshifted = replace(some, events=replace(some.events, lags=dict.fromkeys(LAGS, 0)))
    wrong = {driver.name: driver.value for driver in told(unshifted, "conferences", onset=T - 3)}
    assert wrong["contact"] > 30
    assert wrong["section_47 to conference"] < -20


def test_totals_are_split_by_their_series_alone() -> None:
    some, without = (council(7, Change("conference", 1.9, ("C",)), known=known) for known in (True, False))
    found = told(without, "plan_starts", onset=START + 8)
    assert found[0].name == "section_47 to conference"
    assert "section_47 to conference, team=C" in [driver.name for driver in found]
    assert_sums(whole(found), signal(some, "plan_starts", START + 8))


def test_a_stage_the_data_do_not_have_is_left_out() -> None:
    some = council(8, Change("section_47", 1.7))
    without = some.select(i for i, key in enumerate(some.keys) if key.measure not in ("contacts", "section_47"))
    found = whole(told(without, "plan_starts"))
    assert {driver.name for driver in found} == {"referral", "referral to conference", "conference to plan_start"}
    assert found[0].name == "referral to conference"
    assert_sums(found, signal(without, "plan_starts"))


def test_a_stage_that_was_not_counted_since_the_onset_is_left_out() -> None:
    some = council(9, Change("conference", 1.7))
    key = SeriesKey("section_47")
    gone = np.where(np.arange(T) > START, np.nan, some.count[some.row(key)])
    move = signal(some, "plan_starts")
    found = whole(stage_drivers(recounted(some, {key: gone}), move, STAGES))
    assert "referral to conference" in {driver.name for driver in found}
    assert_sums(found, move)


def test_a_missing_week_is_neither_observed_nor_expected() -> None:
    some = council(10, Change("conference", 1.7))
    missing = some.count.copy()
    missing[:, T - 5] = np.nan
    gap = replace(some, count=missing, capped=missing)
    move = signal(gap, "plan_starts")
    found = whole(stage_drivers(gap, move, STAGES))
    assert_sums(found, move)
    assert found[0].name == "section_47 to conference"
    assert found[0].share == pytest.approx(1.0, abs=0.3)


def test_a_team_s_own_signal_is_split_within_the_team() -> None:
    some = council(12, Change("section_47", 1.8, ("A",)), Change("conference", 0.6, ("B",)))
    move = signal(some, "plan_starts", team="A")
    found = stage_drivers(some, move, STAGES)
    assert found[0].name == "referral to section_47"
    assert {driver.name for driver in found} == {
        "referral", "referral to section_47", "section_47 to conference", "conference to plan_start",
    }  # fmt: skip
    assert_sums(found, move)


def test_observed_is_the_count_of_the_later_stage_in_its_window() -> None:
    some = council(13, Change("conference", 1.7))
    found = {driver.name: driver.observed for driver in told(some, "plan_starts")}
    assert found["conference to plan_start"] == signal(some, "plan_starts").total
    shift = LAGS["conference"]
    enquiries = some.count[some.row(SeriesKey("section_47"))]
    assert found["referral to section_47"] == enquiries[START + 4 - shift : T - shift].sum()


def test_a_share_of_the_pathway_is_its_conversion() -> None:
    some = council(14, Change("conference", 1.7, ("C",)))
    move = signal(some, "s47_to_conference")
    found = stage_drivers(some, move, STAGES)
    assert found[0].name == "section_47 to conference"
    assert found[0].share == pytest.approx(1.0, abs=0.15)
    assert {driver.name for driver in whole(found)} == {"section_47 to conference", "section_47"}
    assert [driver.name for driver in found if "team=" in driver.name] == ["section_47 to conference, team=C"]
    assert_sums(whole(found), move)


def test_a_share_that_rises_because_of_where_its_cases_come_from_says_so() -> None:
    """Team A always sends nearly all enquiries to conference; now it makes more of them."""
    some = council(15, Change("conference", 1.9, ("A",), start=0), Change("section_47", 1.8, ("A",)))
    move = signal(some, "s47_to_conference")
    found = {driver.name: driver.value for driver in stage_drivers(some, move, STAGES)}
    assert move.total > move.total_expected
    assert found["section_47"] > 3 * abs(found["section_47 to conference"])


def test_a_share_that_is_no_conversion_goes_by_its_own_name() -> None:
    some = council(16)
    assert some.events is not None
    rng = np.random.default_rng(16)
    starts = some.events.measures["plan_starts"]
    late = some.events.period[starts.rows] >= START
    yes = rng.random(len(starts.rows)) < np.where(late, 0.5, 0.2)
    key, of = SeriesKey("repeat_plans"), some.count[some.row(SeriesKey("plan_starts"))]
    events = replace(some.events, measures={**some.events.measures, "repeat_plans": replace(starts, yes=yes)})
    hits = np.bincount(events.period[starts.rows[yes]], minlength=T).astype(float)
    more = replace(
        some, keys=(*some.keys, key), kinds=(*some.kinds, "share"), events=events,
        **{name: np.vstack([getattr(some, name), hits]) for name in ("count", "capped")}, of=np.vstack([some.of, of]),
    )  # fmt: skip
    found = told(more, "repeat_plans")
    assert found == [Driver("stage", "repeat_plans", found[0].value, 1.0, hits[START + 4 :].sum())]


def test_what_is_held_against_others_has_no_stages() -> None:
    some = council(17, Change("contact", 1.5))
    for kind in ("neighbours", "peers"):
        assert stage_drivers(some, replace(signal(some, "plan_starts"), kind=kind), STAGES) == []


def test_a_measure_that_is_no_stage_has_no_stages() -> None:
    some = council(18, Change("contact", 1.5))
    visits = replace(
        some, keys=tuple(replace(k, measure=k.measure.replace("plan_starts", "visits")) for k in some.keys)
    )
    assert told(visits, "visits") == []
    assert told(some, "contacts") == []


def test_what_is_clear_comes_before_what_may_be_chance() -> None:
    """Few starts and many contacts: what moved clearly is named first, though chance may give the larger part."""
    some = council(5, Change("contact", 1.25, start=T - 14), size=0.5)
    first, second, *_ = whole(told(some, "plan_starts", T - 14))
    assert (first.name, second.name) == ("contact", "section_47 to conference")
    assert first.share < second.share


def test_shares_that_are_all_of_the_change_are_still_in_order() -> None:
    """Two parts may each be more than the whole, when a third goes the other way; no share is above 1."""
    some = council(21, Change("section_47", 1.4), Change("conference", 1.9), Change("contact", 0.5))
    found = whole(told(some, "plan_starts"))
    assert [driver.value for driver in found] == sorted((driver.value for driver in found), reverse=True)
    assert max(driver.share for driver in found) <= 1


def test_teams_begin_with_the_first_stage_that_knows_them() -> None:
    some = council(22, Change("referral", 1.6))
    split = split_by_stage(some, signal(some, "plan_starts"), STAGES)
    assert split is not None
    assert split[0].kinds[0] == "contact"
    assert split[1].kinds[0] == "referral"
    teams = [driver.name for driver in told(some, "plan_starts") if ", team=" in driver.name]
    assert teams
    assert all(name.startswith("referral, team=") for name in teams)


def test_a_team_of_few_events_is_part_of_the_rest() -> None:
    some = council(23, Change("contact", 0.01, ("C",), start=0), Change("conference", 1.8))
    move = signal(some, "plan_starts")
    split = split_by_stage(some, move, STAGES)
    assert split is not None
    assert split[1].groups == ("A", "B", "")
    assert not any("team=C" in driver.name for driver in stage_drivers(some, move, STAGES))


def test_the_order_of_the_series_does_not_matter() -> None:
    some = council(24, Change("conference", 1.8, ("B",)))
    turned = some.select(range(len(some.keys) - 1, -1, -1))
    one, other = told(some, "plan_starts"), told(turned, "plan_starts")
    assert [driver.name for driver in one] == [driver.name for driver in other]
    assert [driver.value for driver in one] == pytest.approx([driver.value for driver in other])


def test_what_came_after_the_signal_s_period_is_not_counted() -> None:
    some = council(25, Change("conference", 1.8))
    move = signal(some, "plan_starts", until=T - 8)
    later = some.count.copy()
    later[:, T - 7 :] *= 3
    found = [
        stage_drivers(one, move, STAGES) for one in (some, recounted(some, dict(zip(some.keys, later, strict=True))))
    ]
    assert [driver.observed for driver in found[0]] == [driver.observed for driver in found[1]]
    assert_sums(whole(found[0]), move)


def test_a_window_that_begins_before_the_history_leaves_its_stage_out() -> None:
    some = council(26)
    move = signal(some, "plan_starts", 2, 30)
    found = stage_drivers(some, move, STAGES)
    assert "contact" not in {driver.name for driver in found}
    assert_sums(whole(found), move)


def test_months_are_split_as_weeks_are() -> None:
    some = council(27, Change("conference", 1.8))
    monthly = replace(some, step="month", periods=periods(T, "month"))
    move = signal(monthly, "plan_starts")
    found = stage_drivers(monthly, move, STAGES)
    assert found[0].name == "section_47 to conference"
    assert_sums(whole(found), move)


def test_a_quiet_council_s_parts_are_within_the_noise_they_are_given() -> None:
    """A part is about as large as its standard deviation by chance, and seldom twice as large."""
    found = []
    for seed in range(6):
        some = council(seed + 100)
        for onset in (130, 180):
            split = split_by_stage(some, signal(some, "plan_starts", onset, onset + 11), STAGES)
            assert split is not None
            found.append((split[0].parts / split[0].deviation)[0])
    assert 0.5 < np.sqrt(np.square(found).mean()) < 1.1
    assert (np.abs(found) > 2).mean() < 0.06


def test_the_evidence_of_a_part_weighs_how_well_it_is_known() -> None:
    """By hand: contacts rose by 40%, of the enquiries hardly more than that; M = (40 + 60) / 2."""
    observed, expected = np.array([[1400.0, 60.0]]), np.array([[1000.0, 40.0]])
    stages = Stages(("contact", "section_47"), ("",), observed, expected, np.ones((1, 2)))
    variance = 1 / 1200 + 0.08**2
    ratio = 20 / np.log(60 / 40) * np.log(1.4) / 50
    known = (ratio**2 / variance * 0.16 / (0.16 + variance) + np.log(variance / (0.16 + variance))) / 2
    volume, conversion = stages.evidence(1.0)[0]
    assert volume == pytest.approx(known)
    assert conversion < 0 < volume
    assert (stages.evidence(-1.0) < 0).all()


@pytest.mark.parametrize(("size", "first"), [(0.06, "contact"), (4.0, "section_47 to conference")])
def test_the_larger_part_comes_first_only_where_it_is_known_well(size: float, first: str) -> None:
    """The conversion has more of the rise than the volume; of a dozen conferences that may well be chance."""
    for seed in range(1, 5):
        some = council(seed, Change("contact", 1.5, start=T - 13), Change("conference", 1.7, start=T - 12), size=size)
        found = {driver.name: driver.share for driver in whole(told(some, "conferences", T - 9))}
        assert next(iter(found)) == first
        assert found["section_47 to conference"] > found["contact"] > 0.25


def with_category(some: Panel, seed: int, more: float) -> Panel:
    """Every plan has a category, and nothing before it; more: by how much the first grows from START on."""
    assert some.events is not None
    rows, period = some.events.of("plan_starts"), some.events.period
    chance = np.where(period[rows] >= START, 0.4 * more, 0.4)
    codes = np.full(len(period), 2)
    codes[rows] = np.random.default_rng(seed).random(len(rows)) >= chance
    events = replace(some.events, places={**some.events.places, "category": (("neglect", "physical", UNSAID), codes)})
    counts = events.table(rows, "category", T)[:1]
    key = SeriesKey("plan_starts", (("category", "neglect"),))
    own = replace(some.select([some.row(SeriesKey("plan_starts"))]), keys=(key,), count=counts, capped=counts)
    return replace(joined(some, own), events=events)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_category_known_of_plans_alone_is_split_by_the_stages_of_all_children(seed: int) -> None:
    some = with_category(council(seed, Change("conference", 1.8)), seed, 1.0)
    move = replace(signal(some, "plan_starts"), key=some.keys[-1])
    row, now = some.row(move.key), slice(START + 4, T)
    total, usual = some.count[row, now].sum(), some.count[row, :START].mean() * (T - START - 4)
    move = replace(move, total=float(total), total_expected=float(usual))
    found = stage_drivers(some, move, STAGES)
    assert found[0].name == "section_47 to conference"
    assert_sums(whole(found), move)


def test_a_category_that_grew_alone_is_no_conversion() -> None:
    some = with_category(council(1), 1, 2.2)
    row, now = some.row(some.keys[-1]), slice(START + 4, T)
    total, usual = some.count[row, now].sum(), some.count[row, :START].mean() * (T - START - 4)
    move = replace(signal(some, "plan_starts"), key=some.keys[-1], direction="up")
    assert stage_drivers(some, replace(move, total=float(total), total_expected=float(usual)), STAGES) == []


def test_a_council_among_several_has_the_stages_of_an_only_one() -> None:
    """Of totals, and for its teams too; the other council's breakdowns are none of its own."""
    alone = replace(council(1, Change("conference", 1.8)), events=None)
    move = signal(alone, "plan_starts")
    keys = [replace(key, slice=(("council", name), *key.slice)) for name in ("Hull", "York") for key in alone.keys]
    both = replace(joined(alone, alone), keys=tuple(keys))
    mine = replace(move, key=replace(move.key, slice=(("council", "Hull"),)))
    expected = stage_drivers(alone, move, STAGES)
    assert len(expected) > 3
    assert stage_drivers(both, mine, STAGES) == expected
