from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_events import FLOW, SHARE, SINCE_WEEK, UNSAID, WEEKS, council
from made_panels import by_locality, joined, slice_key
from made_stays import EAST, LONG, STOCK
from made_stays import council as council_of_stays

from forecaster.explain.slices import NOWHERE, Split, Window, made_of_slices, who_of_slices
from forecaster.types import Panel, SeriesKey

CASES = [(council(1, {"team": "Team 3"}), FLOW), (council(2, {}), SHARE), (council_of_stays(3), STOCK)]
CASES += [(council_of_stays(4), LONG), (by_locality(5, {"A": 5.0, "B": 9.0}, measure="referrals"), FLOW)]


def window(some: Panel, key: SeriesKey, start: int = SINCE_WEEK) -> Window:
    stop = len(some.periods)
    return Window(key, min(start, stop - 5), stop, np.isfinite(some.count[some.row(key)]))


def splits_of(some: Panel, key: SeriesKey) -> list[Split]:
    return [*made_of_slices(some, window(some, key)).splits, *who_of_slices(some, window(some, key))]


def of(splits: list[Split], *names: str) -> Split:
    return next(split for split in splits if split.dimensions == names)


@pytest.mark.parametrize(("some", "key"), CASES)
def test_every_breakdown_and_pair_adds_up_to_the_whole(some: Panel, key: SeriesKey) -> None:
    at = window(some, key)
    row = some.count[some.row(key)]
    total = row[-1] if some.kinds[some.row(key)] == "stock" else row[at.start :].sum()
    splits = splits_of(some, key)
    assert splits
    for split in splits:
        assert split.observed.sum() == pytest.approx(total, abs=1e-9)
        assert split.usual.sum() == pytest.approx(1.0, abs=1e-12)
        assert split.told.usual.sum() == pytest.approx(1.0, abs=1e-12)
        assert (split.dispersion > 0).all()


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.sampled_from(["team", "source", "age_band"]))
def test_excesses_of_all_slices_sum_to_the_council_s(seed: int, name: str) -> None:
    some = council(seed, {"team": "Team 1"}, rate=5.0)
    split = of(splits_of(some, FLOW), name)
    observed, expected = some.count[0, SINCE_WEEK:].sum(), 123.4
    assert (split.observed - split.usual * expected).sum() == pytest.approx(observed - expected, abs=1e-9)


def test_small_slices_and_those_not_recorded_are_in_but_the_latter_have_no_name() -> None:
    source = of(splits_of(council(6), FLOW), "source")
    assert source.slices[-1] == NOWHERE
    assert source.observed[-1] > 10
    assert source.slices[0] == (("source", "Police"),)


def test_a_breakdown_within_another_makes_no_pair_with_it() -> None:
    names = [split.dimensions for split in made_of_slices(council(7), window(council(7), FLOW)).splits]
    assert ("team", "source") in names
    assert ("team", "locality") not in names
    assert len(names) == len(set(names))


def test_who_it_is_stands_apart_from_where_it_is() -> None:
    some = council(8)
    names = {name for split in made_of_slices(some, window(some, FLOW)).splits for name in split.dimensions}
    assert names == {"team", "locality", "source", "age_band"}
    assert [split.dimensions for split in who_of_slices(some, window(some, FLOW))] == [("since_plan",)]


def test_a_pair_that_never_happened_is_expected_where_both_its_margins_are() -> None:
    some = council(
        9, mix={"team": {"Team 1": 0.98, "Team 5": 0.02}, "source": {"Police": 0.98, "Health": 0.02}}, rate=3.0
    )
    pair = of(splits_of(some, FLOW), "team", "source")
    rare = pair.slices.index((("team", "Team 5"), ("source", "Health")))
    assert 0 < pair.told.usual[rare, 0] < 0.01


def test_a_family_is_told_once_a_week_and_counted_in_full() -> None:
    some = council(10)
    team = of(splits_of(some, FLOW), "team")
    families = len(set(some.events.family[some.events.period >= SINCE_WEEK]))  # type: ignore[union-attr]
    assert team.told.now.sum() == pytest.approx(families)
    assert team.observed.sum() > 1.3 * families


def test_families_that_are_not_known_leave_every_event_its_own() -> None:
    some = council(10, named=False)
    team = of(splits_of(some, FLOW), "team")
    assert team.told.now[:, 0] == pytest.approx(team.observed)
    assert team.dispersion.mean() > of(splits_of(council(10), FLOW), "team").dispersion.mean()


def test_a_share_is_expected_by_the_slice_s_own_earlier_share() -> None:
    """Team 3 sends twice as many as before, at its usual share: that is expected of it."""
    some = council(11, {"team": "Team 3"}, factor=1.0, rate=60.0)
    team = of(splits_of(some, SHARE), "team")
    size = np.bincount(some.events.places["team"][1][some.events.period >= SINCE_WEEK])  # type: ignore[union-attr]
    assert team.usual[:5] == pytest.approx(size[:5] / size.sum(), abs=0.03)


def test_periods_without_a_value_are_left_out() -> None:
    some = council(12)
    some.count[0, -4] = np.nan
    team = of(splits_of(some, FLOW), "team")
    assert team.observed.sum() == np.nansum(some.count[0, SINCE_WEEK:])


def test_a_series_of_one_slice_is_split_within_it() -> None:
    some, key = council(13), slice_key("referrals", "team", "Team 1")
    source = of(splits_of(some, key), "source")
    assert source.slices[0] == (("team", "Team 1"), ("source", "Police"))
    assert source.observed.sum() == some.count[some.row(key), SINCE_WEEK:].sum()
    assert "team" not in {name for split in splits_of(some, key) for name in split.dimensions}


def test_a_stock_of_one_team_is_split_by_how_long_children_have_been_on_a_plan() -> None:
    some = council_of_stays(14)
    (time,) = who_of_slices(some, window(some, EAST))
    assert time.slices[0] == (("team", "East"), ("time_on_plan", "under 3 months"))
    assert time.observed.sum() == some.count[some.row(EAST), -1]


def test_a_named_place_raises_what_is_expected_of_all_that_overlaps_it() -> None:
    some = council(15, {"team": "Team 3"}, factor=3.0)
    made_of = made_of_slices(some, window(some, FLOW))
    team, locality = of(made_of.splits, "team"), of(made_of.splits, "locality")
    factor = made_of.raised(made_of.as_usual, team, 2)
    tilt = made_of.tilted(locality, factor)
    assert made_of.tilted(team, factor)[[0, 1, 3]] == pytest.approx(np.ones(3))
    assert tilt[0] == pytest.approx(1.0)
    assert tilt[1] > 1.5
    raised = locality.told.usual[:, 0] * tilt
    part = locality.told.now[:, 0] / locality.told.now.sum()
    assert raised / raised.sum() == pytest.approx(part, abs=0.05)


def test_what_a_place_was_raised_to_is_the_part_it_has() -> None:
    some = council(16, {"source": "Police"})
    made_of = made_of_slices(some, window(some, FLOW))
    source = of(made_of.splits, "source")
    expected = source.told.usual[:, 0] * made_of.tilted(source, made_of.raised(made_of.as_usual, source, 0))
    assert (expected / expected.sum())[0] == pytest.approx(source.told.now[0, 0] / source.told.now.sum(), abs=0.005)


def test_nothing_in_the_window_is_no_reason_to_fail() -> None:
    some = council(20, rate=0.02)
    made_of = made_of_slices(some, window(some, SHARE, WEEKS - 1))
    for split in made_of.splits:
        assert split.observed.sum() == some.count[1, -1] == 0
        assert made_of.tilted(split, made_of.as_usual) == pytest.approx(np.ones(len(split.slices)))


def test_totals_have_the_rest_of_the_council_as_a_slice_without_a_name() -> None:
    some = by_locality(17, {"A": 5.0, "B": 9.0, "C": 20.0}).select([0, 1, 2])
    (split,) = made_of_slices(some, window(some, SeriesKey("plan_starts"), 200)).splits
    assert split.slices[-1] == NOWHERE
    assert split.usual[-1] == pytest.approx(20 / 34, abs=0.05)


def test_breakdowns_of_totals_stand_side_by_side() -> None:
    some = by_locality(18, {"A": 5.0, "B": 9.0})
    pair = SeriesKey("plan_starts", (("source", "Police"), ("team", "X")))
    police = replace(some.select([1]), keys=(pair,))
    made_of = made_of_slices(joined(some, police), window(some, SeriesKey("plan_starts"), 200))
    assert [split.dimensions for split in made_of.splits] == [("locality",), ("source", "team")]
    assert made_of.tilted(made_of.splits[0], made_of.as_usual) == pytest.approx(np.ones(3))


def test_events_of_other_measures_are_no_part_of_a_move() -> None:
    some = council(19)
    observed = of(splits_of(some, SHARE), "team").observed.sum()
    assert observed == some.count[1, SINCE_WEEK:].sum() < some.count[0, SINCE_WEEK:].sum()
    assert len(some.periods) == WEEKS
    assert UNSAID in some.events.places["team"][0]  # type: ignore[union-attr]
