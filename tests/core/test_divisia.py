"""The split of a change into volume and conversions: it sums to the change, whatever is zero, and tells who did it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.explain.divisia import logarithmic_mean, parts

COUNTS = st.one_of(st.just(0.0), st.floats(1e-6, 1e6), st.integers(1, 500).map(float))
PAIR = st.tuples(st.integers(1, 4), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(arrays(float, shape, elements=COUNTS), arrays(float, shape, elements=COUNTS))
)
Counts = npt.NDArray[np.float64]


def split(before: npt.ArrayLike, after: npt.ArrayLike) -> list[float]:
    return [float(part) for part in parts(np.asarray(before, float), np.asarray(after, float))]


@given(PAIR)
def test_the_parts_sum_to_the_change(pair: tuple[Counts, Counts]) -> None:
    before, after = pair
    found = parts(before, after)
    assert (np.abs(found.sum(-1) - (after - before)[:, -1]) <= 1e-9 * np.maximum(before, after)[:, -1]).all()


@given(PAIR)
def test_the_way_back_undoes_the_way_there(pair: tuple[Counts, Counts]) -> None:
    before, after = pair
    assert parts(after, before) == pytest.approx(-parts(before, after), rel=1e-9, abs=1e-9)


@given(PAIR)
def test_every_group_is_split_for_itself(pair: tuple[Counts, Counts]) -> None:
    before, after = pair
    alone = np.stack([parts(*one) for one in zip(before, after, strict=True)])
    assert np.array_equal(parts(before, after), alone)


@given(PAIR, st.floats(0.01, 100))
def test_the_unit_does_not_matter(pair: tuple[Counts, Counts], unit: float) -> None:
    before, after = pair
    assert parts(unit * before, unit * after) == pytest.approx(unit * parts(before, after), rel=1e-6, abs=1e-6)


def test_an_example_worked_by_hand() -> None:
    """100 referrals lead to 40 enquiries and 20 conferences, then 110 to 60 and 45: L = 25 / ln(45 / 20) = 30.83."""
    mean = 25 / np.log(45 / 20)
    by_hand = mean * np.log([110 / 100, (60 / 110) / (40 / 100), (45 / 60) / (20 / 40)])
    assert split([100, 40, 20], [110, 60, 45]) == pytest.approx(by_hand)
    assert split([100, 40, 20], [110, 60, 45]) == pytest.approx([2.9382, 9.5616, 12.5001], abs=1e-3)


def test_more_at_the_beginning_is_volume_and_nothing_else() -> None:
    assert split([100, 40, 20], [150, 60, 30]) == pytest.approx([10, 0, 0], abs=1e-12)


def test_a_changed_share_is_the_conversion_and_nothing_else() -> None:
    assert split([100, 40, 20], [100, 40, 34]) == pytest.approx([0, 0, 14], abs=1e-12)


def test_what_goes_against_the_change_is_negative() -> None:
    volume, conversion = split([100, 20], [80, 32])
    assert volume < 0 < conversion
    assert volume + conversion == pytest.approx(12)


def test_no_change_has_no_parts() -> None:
    assert split([100, 40, 20], [100, 40, 20]) == [0, 0, 0]


def test_a_team_that_appears_is_volume() -> None:
    assert split([0, 0, 0], [50, 20, 10]) == [10, 0, 0]


def test_a_team_that_vanishes_is_volume() -> None:
    assert split([50, 20, 10], [0, 0, 0]) == [-10, 0, 0]


def test_the_first_stage_that_dries_up_takes_the_fall() -> None:
    assert split([50, 20, 10], [45, 0, 0]) == [0, -10, 0]
    assert split([50, 20, 10], [45, 22, 0]) == [0, 0, -10]


def test_nothing_before_and_nothing_after_is_no_change() -> None:
    assert split([50, 20, 0], [80, 0, 0]) == [0, 0, 0]


def test_a_stage_that_counts_none_while_a_later_one_does_is_passed_over() -> None:
    passed = split([100, 0, 20], [100, 30, 40])
    assert passed == pytest.approx([0, 0, 20])
    assert split([0, 30, 20], [90, 30, 40])[0] == 0


def test_zero_is_the_limit_of_ever_smaller_counts() -> None:
    """Ang and Liu 2007: with d instead of zero the split tends to that of zero as d does, if slowly."""
    after = [60.0, 30.0, 15.0]
    limit = np.array(split([60, 0, 0], after))
    errors = [np.abs(np.array(split([60, d, 0.9 * d], after)) - limit).max() for d in (1e-3, 1e-30, 1e-300)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02


def test_the_logarithmic_mean_lies_between_the_geometric_and_the_arithmetic_mean() -> None:
    one, other = np.array([1.0, 5.0, 1e-9, 3.0]), np.array([2.0, 80.0, 1e9, 3.0])
    found = logarithmic_mean(one, other)
    assert (found >= np.sqrt(one * other) * (1 - 1e-12)).all()
    assert (found <= (one + other) / 2 * (1 + 1e-12)).all()
    assert found[-1] == pytest.approx(3.0)


@given(st.floats(1e-6, 1e6), st.floats(-1e-7, 1e-7))
def test_the_logarithmic_mean_of_nearly_equal_numbers_is_the_number(one: float, apart: float) -> None:
    found = float(logarithmic_mean(np.array(one), np.array(one * (1 + apart))))
    assert found == pytest.approx(one, rel=1e-6)
