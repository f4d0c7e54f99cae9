"""Stays in simulation: who is in every draw, where new ones are, and when all of them end."""

from __future__ import annotations

import numpy as np
import pytest
from made_stays import EAST, LABELS, WEST, council, stays_of
from scipy import stats

from forecaster.models._ageing import Course, ends, pace_paths, still_open, to_come
from forecaster.models._hazards import Hazards, Pace
from forecaster.types import NEVER, UNKNOWN, Floats, Slice

N = 400
EVEN = np.array([1.0])


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def pace(shape: float = 1e6, moves: float = 0.0) -> Pace:
    return Pace(np.array([shape]), np.array([shape]), EVEN, np.array([0.0]), moves)


def hazards(by_age: list[float], horizon: int = 10, together: float = 0.0) -> Hazards:
    same = np.full(len(LABELS), 1e9)
    return Hazards(np.array(by_age), {"team": (same, same)}, np.ones(horizon), pace(), 1.0, together)


def begun(number: int, draws: int = N, opened: int = -5, together: float = 0.0) -> Course:
    stays = stays_of(np.full(number, opened), np.full(number, NEVER))
    return still_open(stays, 0, draws, together, rng())


def new(starts: dict[Slice, Floats], factor: float = 1.0, together: float = 0.0, seed: int = 1) -> Course:
    mix = {"team": np.tile([0.25, 0.75], (len(starts[()]), 1))}
    nobody = np.array([], np.int64)
    return to_come(stays_of(nobody, nobody), mix, starts, factor, together, rng(seed))


def counted(course: Course, draws: int, horizon: int) -> Floats:
    cells = np.bincount(course.draw * horizon + course.opened, minlength=draws * horizon)
    return cells.reshape(draws, horizon).astype(float)


def test_every_open_stay_is_in_every_draw_once() -> None:
    stays = stays_of(np.array([-9, -3, -2]), np.array([NEVER, -1, NEVER]))
    found = still_open(stays, 0, 4, 0.0, rng())
    assert np.array_equal(np.bincount(found.draw), [2, 2, 2, 2])
    assert sorted(found.opened[found.draw == 3]) == [-9, -2]


def test_as_many_stays_start_as_the_paths_say() -> None:
    starts = rng(2).poisson(3, (N, 6)).astype(float)
    assert np.array_equal(counted(new({(): starts}), N, 6), starts)


def test_the_starts_of_a_slice_are_in_that_slice_and_the_rest_elsewhere() -> None:
    starts = rng(3).poisson(4, (N, 6)).astype(float)
    east = rng(4).binomial(starts.astype(int), 0.5).astype(float)
    found = new({(): starts, EAST.slice: east})
    here = found.places["team"] == LABELS.index("East")
    cells = np.bincount(found.draw[here] * 6 + found.opened[here], minlength=N * 6).reshape(N, 6)
    assert np.array_equal(cells, east)


def test_slices_that_ask_for_more_than_starts_get_no_more() -> None:
    starts = np.full((N, 3), 2.0)
    found = new({(): starts, EAST.slice: starts, WEST.slice: starts})
    assert np.array_equal(counted(found, N, 3), starts)
    assert (found.places["team"] == LABELS.index("East")).all()


def test_starts_without_slices_go_by_the_mix() -> None:
    found = new({(): np.full((N, 5), 4.0)})
    assert (found.places["team"] == 1).mean() == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("factor", [0.0, 0.6, 1.5, 2.0])
def test_a_factor_multiplies_the_starts_and_keeps_them_whole(factor: float) -> None:
    found = new({(): np.full((N, 5), 4.0)}, factor)
    assert len(found.draw) == pytest.approx(factor * N * 20, rel=0.03)


def test_a_larger_factor_keeps_the_stays_of_a_smaller_one() -> None:
    less, more = (new({(): np.full((20, 5), 4.0)}, factor).threshold for factor in (0.7, 1.3))
    assert set(less) <= set(more)


def test_thresholds_are_exponential_whether_shared_or_not() -> None:
    for together in (0.0, 0.6):
        cells = new({(): np.ones((4000, 1))}, together=together)
        assert stats.kstest(cells.threshold, "expon").pvalue > 0.01


def test_siblings_share_a_threshold_as_often_as_they_are_said_to() -> None:
    found = begun(2, draws=4000, together=0.5).threshold.reshape(-1, 2)
    assert (found[:, 0] == found[:, 1]).mean() == pytest.approx(0.5, abs=0.03)


def test_draws_share_nothing() -> None:
    assert len(np.unique(begun(1, draws=500, together=0.9).threshold)) == 500


@pytest.mark.parametrize("rate", [0.05, 0.7])
def test_a_constant_hazard_ends_stays_geometrically(rate: float) -> None:
    ended = ends(begun(20), hazards([rate]), np.ones((N, 10)), rng())
    open_after = [(ended > period).mean() for period in range(10)]
    assert open_after == pytest.approx(np.exp(-rate * np.arange(1, 11)), abs=0.02)


def test_a_stay_ends_at_the_age_at_which_all_end() -> None:
    """Opened five periods ago, it is of age 5 in the first period to come; all end at age 8."""
    ended = ends(begun(5), hazards([0.0] * 8 + [50.0]), np.ones((N, 10)), rng())
    assert (ended == 3).all()


def test_a_stay_of_unknown_opening_is_as_old_as_any() -> None:
    ended = ends(begun(5, opened=UNKNOWN), hazards([0.0, 0.0, 50.0]), np.ones((N, 10)), rng())
    assert (ended == 0).all()


def test_a_new_stay_begins_at_age_nought() -> None:
    starts = np.zeros((N, 10))
    starts[:, 2] = 3.0
    ended = ends(new({(): starts}), hazards([0.0] * 4 + [50.0]), np.ones((N, 10)), rng())
    assert (ended == 6).all()


def test_what_does_not_end_in_the_horizon_never_does() -> None:
    assert (ends(begun(5), hazards([0.0]), np.ones((N, 10)), rng()) == NEVER).all()


def test_a_pace_that_is_known_and_does_not_move_is_one() -> None:
    assert pace_paths(pace(), 50, 8, rng()) == pytest.approx(1.0, abs=0.01)


def test_a_pace_is_less_sure_the_further_ahead() -> None:
    spread = np.log(pace_paths(pace(100.0, moves=0.05), 4000, 26, rng())).std(0)
    assert spread[0] == pytest.approx(0.11, abs=0.02)
    assert spread[-1] == pytest.approx(np.hypot(0.1, 0.05 * 26**0.5), rel=0.2)


def test_two_courses_together_are_all_their_stays() -> None:
    old, more = begun(3), new({(): np.ones((N, 4))})
    both = old.and_then(more)
    assert len(both.draw) == len(old.draw) + len(more.draw)
    assert np.array_equal(both.places["team"][len(old.draw) :], more.places["team"])


def test_a_made_council_has_stays_to_simulate() -> None:
    """A guard of these tests: the council that others use is not empty."""
    stays = council(1).stays
    assert stays is not None and (stays.ended == NEVER).sum() > 50
