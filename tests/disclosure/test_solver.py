"""What the solver knows of small worlds in which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.disclosure.solver import Fact, MisreadError, System, World, between, exactly, given_away


def weeks(*counts: float, **others: list[float]) -> World:
    periods = np.datetime64("2018-01-01") + 7 * np.arange(len(counts))
    truth = {"count": np.array(counts, float)} | {name: np.array(row, float) for name, row in others.items()}
    parts = {"of": (("count", "rest"),)} if "of" in others else {"count": (tuple(others),)} if others else {}
    return World("flow", "week", periods, truth, parts)


def found(world: World, *facts: Fact, exact: bool = False) -> list[tuple[tuple[str, int, int], float, float]]:
    return [(one.cells, one.low, one.high) for one in System(world, facts).recovered(exact)]


@pytest.mark.parametrize(
    ("low", "high", "known"),
    [(3, 3, True), (1, 5, False), (2, 5, True), (1, 4, True), (0, 3, False), (3, 6, False), (0, 400, False)],
)
def test_a_count_is_given_away_when_less_is_left_than_five_or_fewer_says(low, high, known):
    assert given_away(low, high, 5) is known
    assert given_away(low, high, 5, exact=True) is (low == high)


def test_a_total_less_the_rest_is_found():
    world = weeks(20, 3, 30)
    shown = [exactly(("count", 0, 1), 20, ""), exactly(("count", 2, 3), 30, "")]
    assert found(world, *shown) == []
    assert found(world, *shown, exactly(("count", 0, 3), 53, "")) == [(("count", 1, 2), 3, 3)]


def test_two_hidden_weeks_protect_each_other():
    world = weeks(20, 3, 4, 30)
    assert found(world, exactly(("count", 0, 1), 20, ""), exactly(("count", 0, 3), 27, "")) == []


def test_five_or_fewer_is_no_leak_by_itself_and_is_one_beside_a_sum():
    world = weeks(5, 4)
    few = [between(("count", i, i + 1), 1, 5, "") for i in (0, 1)]
    assert found(world, *few) == []
    assert found(world, *few, exactly(("count", 0, 2), 9, "")) == [(("count", 0, 1), 4, 5), (("count", 1, 2), 4, 5)]
    assert found(world, *few, exactly(("count", 0, 2), 9, ""), exact=True) == []


def test_parts_add_up_to_their_whole():
    world = weeks(40, north=[36], south=[4])
    assert found(world, exactly(("count", 0, 1), 40, "")) == []
    assert found(world, exactly(("count", 0, 1), 40, ""), exactly(("north", 0, 1), 36, "")) == [(("south", 0, 1), 4, 4)]


def test_a_percentage_of_few_is_a_count():
    world = weeks(2, of=[12], rest=[10])
    share = [
        Fact(((1.0, ("count", 0, 1)), (-rate, ("of", 0, 1))), *sides, "17%")
        for rate, sides in ((0.165, (0, 1e6)), (0.175, (-1e6, 0)))
    ]
    assert found(world, *share) == []
    assert found(world, *share, exactly(("of", 0, 1), 12, "")) == [(("count", 0, 1), 2, 2)]


def test_what_is_said_not_to_be_small_is_nothing_or_more():
    world = weeks(2, 6)
    facts = [between(("count", 0, 1), 1, 5, ""), exactly(("count", 0, 2), 8, "")]
    apart = Fact(((1.0, ("count", 1, 2)),), 0, 1e6, "not shown", not_small=True)
    assert found(world, *facts) == []
    assert found(world, *facts, apart) == [(("count", 0, 1), 1, 2)]


def test_levels_do_not_add_up_over_time():
    world = World("stock", "week", np.arange(3).astype("datetime64[D]"), {"count": np.array([20.0, 3.0, 22.0])})
    assert found(world, exactly(("count", 0, 1), 20, ""), exactly(("count", 2, 3), 22, "")) == []


def test_what_is_not_true_is_an_error():
    with pytest.raises(MisreadError, match="seven"):
        System(weeks(6), [exactly(("count", 0, 1), 7, "seven")])
