"""The solver is proven by attack: leaks of every kind are put into safe messages, and it must find each."""

from __future__ import annotations

import pytest

from tests.disclosure.leaks import LEAKS
from tests.disclosure.solver import System


def test_there_are_leaks_of_twenty_kinds():
    assert len(LEAKS) >= 20


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_caught(name):
    world, _, planted = LEAKS[name]()
    assert System(world, planted).recovered()


@pytest.mark.parametrize("name", LEAKS)
def test_without_the_leak_nothing_is_given_away(name):
    world, safe, _ = LEAKS[name]()
    assert System(world, safe).recovered() == []
