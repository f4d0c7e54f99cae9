from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from made_panels import missing_before

from forecaster.judgeable import MIN_RECENT, cannot_judge
from forecaster.types import Floats, Step


def busy(length: int, series: int = 1) -> Floats:
    return np.random.default_rng(1).poisson(10, (series, length)).astype(float)


def why(counts: Floats, history: int = 104, step: Step = "week") -> str:
    return str(cannot_judge(counts, history, 1, step)[0, 0])


def test_enough_varied_history_can_be_judged() -> None:
    assert why(busy(105)) == ""


def test_too_little_history_says_how_much_there_is_and_how_much_is_needed() -> None:
    assert why(busy(104)) == "too little history: 103 periods, 104 needed"
    assert why(busy(1)) == "too little history: 0 periods, 104 needed"


def test_history_counts_the_periods_with_a_value() -> None:
    counts = busy(140)
    counts[0, 10:20] = np.nan
    assert why(counts, history=130) == "too little history: 129 periods, 130 needed"
    assert why(counts, history=129) == ""


def test_a_period_without_a_value_cannot_be_judged() -> None:
    counts = busy(140)
    counts[0, -1] = np.nan
    assert why(counts) == "no value for this period"
    assert cannot_judge(counts, 104, 2, "week")[0, 0] == ""


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_series_cannot_be_judged(value: float) -> None:
    counts = np.full((1, 140), value)
    assert why(counts) == "constant: every earlier period has the same value"
    counts[0, -1] = 9  # the first other value has nothing varied before it
    assert why(counts).startswith("constant")
    assert why(np.c_[counts, [[9.0]]]) == ""


def test_a_year_with_too_many_gaps_cannot_be_judged() -> None:
    counts = busy(200)
    counts[0, 150:162] = np.nan  # 12 of 52 missing
    assert why(counts).startswith("too many gaps: less than four fifths of the last year's periods")
    counts[0, 150:152] = 10  # 10 of 52
    assert why(counts) == ""


def test_gaps_longer_ago_than_a_year_do_not_matter() -> None:
    counts = busy(260)
    counts[0, 50:100] = np.nan
    assert why(counts) == ""


def test_the_last_year_of_a_monthly_series_is_twelve_months() -> None:
    late = missing_before(busy(100), 60)
    assert why(late, history=36, step="month") == ""  # 39 months without a gap, though not half of those before
    gaps = busy(100)
    gaps[0, 90:93] = np.nan
    assert why(gaps, history=36, step="month").startswith("too many gaps")


def test_reasons_are_given_for_each_series_and_period() -> None:
    counts = busy(110, series=3)
    counts[1] = 0
    found = cannot_judge(counts, 104, 8, "week")
    assert found.shape == (3, 8)
    assert [bool(reason) for reason in found[0]] == [True, True, False, False, False, False, False, False]
    assert all("constant" in reason for reason in found[1, 2:])
    assert found[0].tolist() == found[2].tolist()


values = arrays.arrays(float, (3, 40), elements=st.one_of(st.integers(0, 3).map(float), st.just(np.nan)))


@settings(max_examples=80, deadline=None)
@given(values, st.integers(1, 39), st.integers(0, 30))
def test_what_comes_later_changes_no_reason(counts: Floats, cut: int, history: int) -> None:
    whole = cannot_judge(counts, history, 40, "week")
    assert whole[:, :cut].tolist() == cannot_judge(counts[:, :cut], history, cut, "week").tolist()


@settings(max_examples=80, deadline=None)
@given(values, st.integers(0, 30))
def test_what_is_judged_has_history_variety_and_a_value(counts: Floats, history: int) -> None:
    reasons = cannot_judge(counts, history, 40, "week")
    for row, period in zip(*np.nonzero(reasons == ""), strict=True):
        before = counts[row, :period]
        seen = before[np.isfinite(before)]
        assert np.isfinite(counts[row, period])
        assert len(seen) >= max(history, 2)
        assert len(set(seen)) > 1
        assert np.isfinite(before[-52:]).mean() >= MIN_RECENT
