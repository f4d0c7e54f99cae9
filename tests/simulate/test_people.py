"""Families who come back: the right ones, with the right children, and only when their case is closed."""

from __future__ import annotations

import numpy as np
import pytest

from forecaster.simulate.days import NEVER, YEAR
from forecaster.simulate.people import Register

TODAY = 18_000
YOUNG = TODAY - int(6 * YEAR)


@pytest.fixture
def register() -> Register:
    return Register(10)


def family(
    register: Register, *, locality: int = 0, children: int = 1, seen: int = TODAY - 300, plan_ended: int | None = None
) -> int:
    """A closed family with children of six, who were on a plan if it ended."""
    number = register.add_family(locality, 0.5)
    for _ in range(children):
        column = register.add_child(number, YOUNG, 0.5)
        if plan_ended is not None:
            register.plans[number, column] = 1
            register.plan_end[number, column] = plan_ended
    register.last_referral[number] = seen
    register.closed[number] = seen + 30
    if plan_ended is not None:
        register.last_plan[number] = plan_ended
        register.closed[number] = plan_ended + 60
    return number


def test_children_are_numbered_over_all_families(register: Register) -> None:
    one, two = family(register, children=2), family(register, children=3)
    assert register.child[one, :3].tolist() == [0, 1, -1]
    assert register.child[two, :4].tolist() == [2, 3, 4, -1]
    assert (register.children, register.families) == (5, 2)


def test_minors_are_known_children_under_seventeen_and_a_half(register: Register) -> None:
    number = register.add_family(0, 0.5)
    for age in (1.0, 17.0, 17.6, 20.0):
        register.add_child(number, TODAY - int(age * YEAR), 0.5)
    assert register.minors(number, TODAY)[:5].tolist() == [True, True, False, False, False]


def test_the_unborn_are_minors(register: Register) -> None:
    number = register.add_family(0, 0.5)
    register.add_child(number, TODAY + 60, 0.5)
    assert register.minors(number, TODAY)[0]


def test_the_family_whose_plan_ended_nearest_the_drawn_gap_returns(register: Register) -> None:
    family(register, plan_ended=TODAY - 2_000)
    near = family(register, plan_ended=TODAY - 900)
    family(register, plan_ended=TODAY - 300)
    assert register.returning(0, TODAY, TODAY - 1_000, 1) == near


def test_a_family_of_enough_children_is_preferred_but_not_at_any_distance(register: Register) -> None:
    single = family(register, plan_ended=TODAY - 1_000)
    pair = family(register, children=2, plan_ended=TODAY - 1_200)
    assert register.returning(0, TODAY, TODAY - 1_000, 2) == pair
    register.last_plan[pair] = TODAY - 2_000
    assert register.returning(0, TODAY, TODAY - 1_000, 2) == single


def test_a_family_elsewhere_or_still_open_or_without_a_plan_or_grown_up_does_not_return_onto_one(
    register: Register,
) -> None:
    family(register, locality=1, plan_ended=TODAY - 1_000)
    open_now = family(register, plan_ended=TODAY - 1_000)
    register.closed[open_now] = TODAY + 1
    family(register)
    grown = family(register, plan_ended=TODAY - 1_000)
    register.birth[grown, 0] = TODAY - int(18 * YEAR)
    assert register.returning(0, TODAY, TODAY - 1_000, 1) is None


def test_a_sibling_who_was_never_on_a_plan_does_not_make_the_family_return_onto_one(register: Register) -> None:
    number = family(register, plan_ended=TODAY - 1_000)
    register.birth[number, 0] = TODAY - int(19 * YEAR)
    register.add_child(number, YOUNG, 0.5)
    assert register.returning(0, TODAY, TODAY - 1_000, 1) is None


def test_nobody_returns_to_an_empty_register(register: Register) -> None:
    assert register.returning(0, TODAY, TODAY - 500, 1) is None
    assert register.referred_again(0, TODAY, TODAY - 100, 1, False) is None


def test_the_family_referred_nearest_the_drawn_day_is_referred_again(register: Register) -> None:
    family(register, seen=TODAY - 340)
    near = family(register, seen=TODAY - 210)
    assert register.referred_again(0, TODAY, TODAY - 200, 1, False) == near


def test_nobody_is_referred_again_who_was_last_seen_at_quite_another_time(register: Register) -> None:
    family(register, seen=TODAY - 340)
    assert register.referred_again(0, TODAY, TODAY - 200, 1, False) is None


def test_a_referral_that_leads_to_a_first_plan_is_of_a_family_without_one(register: Register) -> None:
    family(register, seen=TODAY - 200, plan_ended=TODAY - 150)
    assert register.referred_again(0, TODAY, TODAY - 200, 1, True) is None
    assert register.referred_again(0, TODAY, TODAY - 200, 1, False) is not None


def test_a_family_too_small_is_not_referred_again_as_a_larger_one(register: Register) -> None:
    family(register, seen=TODAY - 200, children=2)
    assert register.referred_again(0, TODAY, TODAY - 200, 3, False) is None
    assert register.referred_again(0, TODAY, TODAY - 200, 2, False) is not None


def test_an_unknown_family_is_never_closed() -> None:
    assert (Register(4).closed == NEVER).all()
    assert np.all(Register(4).child == -1)
