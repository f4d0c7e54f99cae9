"""Alerts of one story whose counts overlap: nobody who reads all of their messages can work a hidden count out."""

from __future__ import annotations

import pytest

from tests.disclosure.pairs import pair

PAIRS, PARTS = 60, 4
LEFT_OUT = 3  # a stock beside its starts takes the solver long: only one of them


def _seeds(part: int) -> list[int]:
    return [s for s in range(PAIRS) if s % PARTS == part and (part < LEFT_OUT or s == part)]


@pytest.mark.parametrize("part", range(PARTS), ids=("share", "slice", "team", "stock"))
def test_no_hidden_count_is_recovered_from_two_alerts_together(part):
    assert {seed: found for seed in _seeds(part) if (found := pair(seed).recovered())} == {}


def test_two_alerts_that_know_nothing_of_each_other_give_counts_away():
    assert any(pair(seed, beside=False).recovered() for seed in range(0, 40, PARTS))
