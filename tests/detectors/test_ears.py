from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_panels import panel
from scipy import stats

from forecaster.detectors import ears_c1, ears_c2, ears_c3
from forecaster.types import Floats, Limits, Reference, as_date

NOBODY = Reference()
T = 130
METHODS = (ears_c1, ears_c2, ears_c3)
each = pytest.mark.parametrize("detector", METHODS)


def quiet(seed: int = 1, series: int = 40, mean: float = 20.0) -> Floats:
    return np.random.default_rng(seed).poisson(mean, (series, T)).astype(float)


def p_values(detector: ModuleType, counts: Floats, last: int = 1) -> Floats:
    found: Floats = detector.judge(panel(counts), last, "up", 104).p_value
    return found


def test_c1_is_the_normal_score_of_the_seven_weeks_before() -> None:
    counts = quiet()
    before = counts[:, -8:-1]
    z = (counts[:, -1] - before.mean(1)) / before.std(1, ddof=1)
    assert p_values(ears_c1, counts)[:, 0] == pytest.approx(stats.norm.sf(z))


def test_c2_leaves_the_two_weeks_just_before_out() -> None:
    counts = quiet()
    other = counts.copy()
    other[:, -3:-1] = 500
    assert p_values(ears_c2, other).tolist() == p_values(ears_c2, counts).tolist()
    assert p_values(ears_c1, other).tolist() != p_values(ears_c1, counts).tolist()


def test_c3_looks_at_the_two_weeks_before_and_not_at_the_newest() -> None:
    counts = quiet()
    other = counts.copy()
    other[:, -1] = 500
    assert p_values(ears_c3, other).tolist() == p_values(ears_c3, counts).tolist()
    other[:, -3:-1] = 60
    assert (p_values(ears_c3, other) < 1e-3).all()


def test_after_seven_equal_weeks_any_rise_is_an_alarm_and_no_move_is_none() -> None:
    counts = quiet(series=2)
    counts[:, -8:] = 4
    counts[1, -1] = 5
    assert p_values(ears_c1, counts)[0, 0] == 0.5
    assert 0 < p_values(ears_c1, counts)[1, 0] < 1e-12


def test_c3_tells_no_rise_of_a_week_without_events_or_after_seven_equal_weeks() -> None:
    counts = quiet(series=2)
    counts[:, -10:-3] = [[3, 5, 4, 3, 5, 4, 3], [4] * 7]
    counts[:, -3:-1] = 60
    counts[0, -1] = 0
    assert p_values(ears_c3, counts)[:, 0].tolist() == [0.5, 0.5]


@each
def test_a_gap_in_the_weeks_it_needs_is_a_reason(detector: ModuleType) -> None:
    counts = quiet()
    counts[:, -5] = np.nan
    judged = detector.judge(panel(counts), 20, "up", 50)
    reasons = judged.reasons[0]
    assert "one of the 7 periods" in reasons[-1]
    assert (reasons[:15] == "").all() and np.isnan(judged.p_value[:, -1]).all()


@each
@given(arrays(int, (2, T), elements=st.integers(1, 60)))
def test_down_is_up_in_the_mirror(detector: ModuleType, counts: np.ndarray) -> None:
    some, mirrored = panel(counts), panel(61 - counts)
    up, down = detector.judge(some, 20, "up", 60), detector.judge(mirrored, 20, "down", 60)
    assert down.p_value == pytest.approx(up.p_value, rel=1e-6, nan_ok=True)


@each
def test_it_alarms_far_more_often_than_its_p_values_say(detector: ModuleType) -> None:
    """Seven weeks tell little of a spread: who chooses EARS chooses its false alarms."""
    alarms = p_values(detector, quiet(mean=5.0, series=200), last=20) <= 0.01
    assert 0.02 < alarms.mean() < 0.09


@each
def test_a_surge_told_from_its_onset_is_held_against_what_was_expected_there(detector: ModuleType) -> None:
    counts = quiet(series=5)
    counts[:, -4:] = 70
    some = panel(counts).until(T - 1)
    onset = as_date(some.periods[-3])
    for signal in detector.detect(some, Limits(0.5, 104), NOBODY)[0]:
        told = detector.since(some, signal, onset)
        level = detector.judge(some, 3, "up", 0).expected[some.row(signal.key), 0]
        assert told.total == 210
        assert told.total_expected == pytest.approx(3 * level)


def test_c3_speaks_of_the_two_weeks_before_as_well() -> None:
    counts = quiet(series=1)
    counts[:, -3:] = 60
    signal = ears_c3.detect(panel(counts), Limits(0.01, 104), NOBODY)[0][0]
    assert (signal.period - signal.onset).days == 14
    assert signal.total == 180
