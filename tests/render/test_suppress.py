"""Disclosure control at its boundaries, and against a reader who adds and subtracts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.suppress import Ledger, any_small, hidden_slices, is_small
from tests.render.oracle import leaks

COUNTS = st.lists(st.integers(0, 14), min_size=3, max_size=12)


@pytest.mark.parametrize(
    ("count", "small"),
    [(0, False), (0.4, False), (1, True), (3, True), (5, True), (5.4, True), (5.5, False), (6, False), (np.nan, False)],
)
def test_a_count_from_one_to_five_is_small(count, small):
    assert is_small(count, 5) is small
    assert any_small(np.array([0.0, count, 100.0]), 5) is small


@pytest.mark.parametrize(("threshold", "small"), [(0, []), (1, [1]), (9, [1, 5, 6, 9])])
def test_the_threshold_moves_the_boundary(threshold, small):
    assert [count for count in (0, 1, 5, 6, 9, 10) if is_small(count, threshold)] == small


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([20, 30, 40], [False, False, False]),
        ([20, 3, 40], [True, True, False]),  # 3 alone could be worked out, so 20 goes too
        ([2, 3, 40, 9], [True, True, False, True]),  # 2 and 3 together are 5: still a small number
        ([4, 3, 40, 9], [True, True, False, False]),
        ([0, 3, 40], [False, True, True]),  # an empty slice protects nothing
        ([3], [True]),
        ([], []),
        ([5, 6], [True, True]),
        ([6, 6], [False, False]),
    ],
)
def test_one_hidden_slice_hides_a_second(counts, hidden):
    assert list(hidden_slices(counts, 5)) == hidden


@given(COUNTS)
def test_the_total_minus_the_shown_slices_is_never_a_small_number(counts):
    hidden = hidden_slices(counts, 5)
    rest = sum(count for count, out in zip(counts, hidden, strict=True) if out)
    everything_hidden = all(out or count == 0 for count, out in zip(counts, hidden, strict=True))
    assert not is_small(rest, 5) or everything_hidden
    assert all(out for count, out in zip(counts, hidden, strict=True) if is_small(count, 5))


@given(COUNTS)
def test_nothing_is_hidden_without_need(counts):
    if not any(1 <= count <= 5 for count in counts):
        assert not any(hidden_slices(counts, 5))


def test_a_week_that_is_small_is_not_shown():
    ledger = Ledger([np.array([8.0, 4.0, 9.0])], 5)
    assert [ledger.show(i, i + 1) for i in range(3)] == [True, False, True]


def test_a_zero_may_be_shown():
    assert Ledger([np.array([8.0, 0.0, 9.0])], 5).show(1, 2)


def test_the_sum_of_two_weeks_is_not_shown_when_one_is_known_and_the_other_is_small():
    ledger = Ledger([np.array([8.0, 4.0])], 5)
    assert ledger.show(0, 1)
    assert not ledger.show(0, 2)


def test_a_sum_hides_a_second_week_when_one_of_its_weeks_is_hidden():
    ledger = Ledger([np.array([8.0, 4.0, 9.0, 7.0])], 5)
    assert ledger.show(0, 4)
    shown = [ledger.show(i, i + 1) for i in range(4)]
    assert shown == [True, False, True, False]  # with the last one too, 28 - 8 - 9 - 7 would give 4


def test_the_same_showing_may_be_repeated():
    ledger = Ledger([np.array([8.0, 9.0])], 5)
    assert ledger.show(0, 2)
    assert ledger.show(0, 2)
    assert ledger.show(0, 1)


def test_a_missing_count_counts_as_nothing():
    assert Ledger([np.array([np.nan, 9.0])], 5).show(0, 2)


def test_every_array_must_be_safe():
    numerator, denominator = np.array([30.0, 20.0]), np.array([33.0, 60.0])
    ledger = Ledger([numerator, denominator, denominator - numerator], 5)
    assert not ledger.show(0, 1)  # 3 of 33 did not
    assert ledger.show(1, 2)


@given(COUNTS, st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), max_size=25))
def test_no_small_count_can_be_worked_out_from_what_the_ledger_lets_pass(counts, wanted):
    array = np.array(counts, float)
    ledger = Ledger([array], 5)
    asked = [(start, stop) for start, stop in wanted if start < stop <= len(counts)]
    assert leaks([interval for interval in asked if ledger.show(*interval)], [array]) == []


@given(st.lists(st.integers(6, 30), min_size=1, max_size=10))
def test_large_counts_are_all_shown(counts):
    ledger = Ledger([np.array(counts, float)], 5)
    assert all(ledger.show(i, i + 1) for i in range(len(counts)))
    assert ledger.show(0, len(counts))
