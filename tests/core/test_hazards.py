"""How soon stays end: what the hazards say of stays whose hazards are known."""

from __future__ import annotations

import numpy as np
import pytest
from made_stays import council, panel_of, stays_of

from forecaster.models._hazards import MOVES, Arrivals, Hazards, arrivals, cells, fit, moves, moving
from forecaster.types import NEVER, UNKNOWN, Floats, Panel


def fitted(panel: Panel, horizon: int = 26) -> Hazards:
    assert panel.stays is not None
    return fit(panel, panel.stays, 0, horizon)


def chance(hazards: Hazards) -> Floats:
    return 1 - np.exp(-hazards.by_age)


def steady(seed: int, lasts: int, length: int = 200, rate: int = 8) -> Panel:
    """As many stays a period, each of which lasts so many."""
    opened = np.repeat(np.arange(-60, length), np.random.default_rng(seed).poisson(rate, 60 + length))
    ended = opened + lasts
    kept = ended >= 0
    return panel_of(stays_of(opened[kept], np.where(ended < length, ended, NEVER)[kept]), length)


def test_ends_cluster_where_the_data_say() -> None:
    found = chance(fitted(council(1)))
    reviews = [12, 13, 38, 39, 64, 65]
    between = [age for age in range(2, 62) if min(abs(age - review) for review in reviews) > 1]
    assert found[reviews].min() > 8 * found[between].mean()


def test_stays_that_all_last_as_long_are_known_to_end_then() -> None:
    found = chance(fitted(steady(1, lasts=20)))
    assert found[20] > 0.95
    assert found[:20].max() < 0.01


def test_an_age_without_data_takes_after_those_around_it() -> None:
    found = chance(fitted(steady(2, lasts=20)))
    assert np.isfinite(found).all() and (found > 0).all()


def test_stays_known_to_be_open_only_since_the_first_period_do_not_count_before() -> None:
    """Of older stays only those are known that were still open: to take them as at risk before would be wrong."""
    rng = np.random.default_rng(3)
    opened = np.repeat(np.arange(-150, 200), 12)
    ended = opened + 1 + rng.geometric(0.05, len(opened))
    kept = ended >= 0
    panel = panel_of(stays_of(opened[kept], np.where(ended < 200, ended, NEVER)[kept]), 200)
    assert chance(fitted(panel))[5:60].mean() == pytest.approx(0.05, rel=0.08)


def test_a_stay_of_unknown_opening_teaches_nothing_about_ages() -> None:
    panel = council(4)
    assert panel.stays is not None
    more = stays_of(
        np.append(panel.stays.opened, np.full(50, UNKNOWN)),
        np.append(panel.stays.ended, np.full(50, 3)),
        np.append(panel.stays.places["team"][1], np.zeros(50, np.int64)),
    )
    assert np.array_equal(fit(panel, more, 0, 26).by_age, fitted(panel).by_age)


def test_where_nothing_changed_the_pace_is_as_always() -> None:
    assert np.mean([fitted(council(seed)).pace.mean for seed in range(5, 11)]) == pytest.approx(1, abs=0.06)


def test_slower_ends_of_late_are_a_slower_pace() -> None:
    slow = fitted(council(11, slower=(26, 0)))
    assert slow.pace.mean < 0.85
    assert slow.last_year == pytest.approx(1, abs=0.15)


def test_the_place_whose_ends_slowed_is_the_slower_one() -> None:
    shape, rate = fitted(council(12, slower=(26, 1))).places["team"]
    east, west = shape / rate
    assert west < 0.7 * east


def test_a_place_without_a_stay_is_like_the_council() -> None:
    panel = steady(13, lasts=20)
    shape, rate = fitted(panel).places["team"]
    assert (shape / rate)[1] == pytest.approx(1)


def test_siblings_are_seen_to_end_together() -> None:
    alone, groups = (np.mean([fitted(council(seed, group=size)).together for seed in (14, 15)]) for size in (1.0, 3.0))
    assert alone < 0.1
    assert groups > 0.4


def test_a_week_without_working_days_expects_few_ends() -> None:
    """Panels of these tests begin in January 2014; the newest week ends before Christmas 2018."""
    hazards = fitted(council(16, length=259))
    assert hazards.calendar[0] < 0.85 < 0.95 < hazards.calendar[4]


def test_cells_are_what_opened_together_at_one_place() -> None:
    stays = stays_of(np.array([1, 1, 1, 2]), np.full(4, NEVER), np.array([0, 1, 0, 0]))
    numbers = cells(stays)
    assert numbers[0] == numbers[2]
    assert len(set(numbers)) == 3


@pytest.mark.parametrize("step", ["week", "month"])
def test_whatever_the_period_rates_are_positive(step: str) -> None:
    hazards = fitted(council(17, length=120, step=step))  # type: ignore[arg-type]
    assert (hazards.by_age > 0).all() and (hazards.calendar > 0).all()
    assert hazards.pace.weight.sum() == pytest.approx(1)


def coming(panel: Panel, horizon: int = 26) -> Arrivals:
    assert panel.stays is not None
    return arrivals(panel, panel.stays, 0, horizon)


def test_what_opens_goes_on_at_its_level() -> None:
    found = coming(steady(18, lasts=20, rate=8))
    assert (found.expected * found.pace.mean).mean() == pytest.approx(8, rel=0.1)
    assert found.dispersion == pytest.approx(1, abs=0.35)


def test_siblings_make_openings_clump() -> None:
    alone, groups = (
        np.mean([coming(council(seed, group=size)).dispersion for seed in (19, 20)]) for size in (1.0, 3.0)
    )
    assert alone < 1.5 < 2.5 < groups


def test_after_a_lasting_shift_openings_are_expected_at_the_new_level() -> None:
    rng = np.random.default_rng(21)
    opened = np.repeat(np.arange(200), rng.poisson(np.where(np.arange(200) < 150, 6, 12)))
    found = coming(panel_of(stays_of(opened, np.full(len(opened), NEVER)), 200))
    assert (found.expected * found.pace.mean).mean() == pytest.approx(12, rel=0.15)


def test_a_level_that_was_foretold_moves_less_than_usual_and_one_that_was_not_more() -> None:
    usual, foreseen = MOVES["week"], np.full(40, 0.01)
    assert usual / 2 < moves(np.full(40, 0.0), foreseen, "week") < usual
    assert moves(np.full(40, 0.5), foreseen, "week") > 3 * usual
    assert moves(np.empty(0), np.empty(0), "week") == pytest.approx(usual)


def test_a_moving_level_has_the_spread_it_is_said_to_have_and_jumps_at_times() -> None:
    paths = moving(0.05, 20_000, 9, np.random.default_rng(22))[:, -1]
    assert paths.std() == pytest.approx(0.15, rel=0.1)
    assert (np.abs(paths) > 4 * 0.15).mean() > 0.0015  # a normal one would 0.00006
