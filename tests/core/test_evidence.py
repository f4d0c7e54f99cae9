from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecaster.evidence import (
    CARRIED,
    FORGET_FLOW,
    FORGET_STOCK,
    LEVELS,
    MEMORY,
    RECENT,
    accumulate,
    began,
    count_p_values,
    recent_highest,
    steady_log_ratio,
    step_p_values,
)
from forecaster.negbin import LARGEST_STEP, log_ratio
from forecaster.types import Direction, Floats

BOTH: tuple[Direction, Direction] = ("up", "down")
WARM = 40


def drawn(seed: int, mean: float, phi: float, series: int, length: int) -> Floats:
    rng = np.random.default_rng(seed)
    if phi == 1:
        return rng.poisson(mean, (series, length)).astype(float)
    return rng.negative_binomial(mean / (phi - 1), 1 / phi, (series, length)).astype(float)


def judged(counts: Floats, mean: float, phi: float, direction: Direction) -> Floats:
    """P-values of counts whose expectation and dispersion are known."""
    expected, dispersion = np.full_like(counts, mean), np.full_like(counts, phi)
    ratios = log_ratio(counts, expected, dispersion, direction)
    statistic = accumulate(ratios, np.full(len(counts), FORGET_FLOW))
    return count_p_values(statistic, expected, dispersion, direction)


def exact_tail(mean: float, phi: float, direction: Direction, level: float) -> float:
    """The chance of a level by a simulation of its own, long and plain."""
    statistic, total = np.zeros(30_000), 0.0
    rng = np.random.default_rng(5)
    for t in range(60):
        counts = rng.negative_binomial(mean / (phi - 1), 1 / phi, len(statistic)).astype(float)
        ratio = log_ratio(counts, np.full_like(counts, mean), np.full_like(counts, phi), direction)
        statistic = np.log((1 - FORGET_FLOW) * np.exp(np.minimum(statistic, CARRIED)) + FORGET_FLOW) + ratio
        total += np.mean(statistic >= level) * (t >= 20)
    return total / 40


# How evidence adds up


def test_the_statistic_is_the_sum_of_the_evidence_of_every_onset() -> None:
    """Written out: each onset's likelihood ratio, weighted by how likely a shift was to begin then and be kept."""
    rng = np.random.default_rng(1)
    ratios, forget = rng.normal(-0.4, 0.8, (1, 9)), 0.25
    found = accumulate(ratios, np.array([forget]))[0]
    for t in range(9):
        since = [np.exp(ratios[0, onset : t + 1].sum()) for onset in range(t + 1)]
        weights = [forget * (1 - forget) ** (t - onset) for onset in range(t + 1)]
        before = (1 - forget) ** (t + 1) * since[0]  # a shift before the first period
        assert np.exp(found[t]) == pytest.approx(np.dot(weights, since) + before)


def test_each_series_forgets_at_its_own_rate() -> None:
    ratios = np.random.default_rng(2).normal(0, 1, (2, 30))
    together = accumulate(ratios, np.array([0.1, 0.5]))
    for row, forget in enumerate((0.1, 0.5)):
        assert np.array_equal(together[row], accumulate(ratios[[row]], np.array([forget]))[0])


def test_a_missing_period_is_no_news() -> None:
    ratios = np.random.default_rng(3).normal(0, 1, (1, 20))
    ratios[0, 8:11] = np.nan
    neutral = np.where(np.isnan(ratios), 0.0, ratios)
    assert np.array_equal(accumulate(ratios, np.array([0.3])), accumulate(neutral, np.array([0.3])))


@pytest.mark.parametrize("size", [20.0, 1000.0])
def test_a_huge_ratio_counts_at_once_and_is_carried_on_in_part(size: float) -> None:
    ratios = np.full((1, 12), -1.0)
    ratios[0, 5] = size
    found = accumulate(ratios, np.array([0.25]))[0]
    assert found[5] > size - 3
    assert found[6] < CARRIED
    assert found[10] < 0.5


def test_what_is_left_of_a_long_surge_does_not_grow_with_its_strength() -> None:
    quiet, weeks = np.full((1, 30), -2.0), slice(5, 15)
    after = []
    for strength in (4.0, 40.0):
        ratios = quiet.copy()
        ratios[0, weeks] = strength
        after.append(accumulate(ratios, np.array([0.25]))[0, 15:])
    assert np.array_equal(*after)
    assert after[0][3] < 0


def test_no_statistic_overflows() -> None:
    assert np.isfinite(accumulate(np.full((2, 50), 1e4), np.array([0.05, 0.5]))).all()


# When it began


@pytest.mark.parametrize("weeks", [1, 2, 5, 12, MEMORY])
def test_the_onset_of_a_planted_shift_is_found(weeks: int) -> None:
    ratios = np.full((3, MEMORY + 20), -1.0)
    ratios[:, -weeks:] = [[0.4], [1.0], [8.0]]
    assert began(ratios, 1).tolist() == [[weeks]] * 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1, 0.25), min_size=1, max_size=24))
def test_the_onset_is_where_the_sum_since_is_largest(ratios: list[float]) -> None:
    """The change point of highest likelihood, as long as the sum stays within its bound and a shift is in evidence."""
    sums = [sum(ratios[-age:]) for age in range(1, len(ratios) + 1)]
    if max(sums) > 1e-9 and len({round(value, 9) for value in sums}) == len(sums):
        assert began(np.array([ratios]), 1)[0, 0] == 1 + int(np.argmax(sums))


def test_the_onset_of_a_second_surge_is_its_own() -> None:
    ratios = np.full((1, 40), -1.5)
    ratios[0, 5:12] = 10.0
    ratios[0, -3:] = 2.0
    found = began(ratios, 40)[0]
    assert found[11] == 7
    assert found[-1] == 3


def test_missing_periods_before_a_surge_are_not_part_of_it() -> None:
    ratios = np.full((1, 30), -1.0)
    ratios[0, -8:-4], ratios[0, -4:] = np.nan, 2.0
    assert began(ratios, 1)[0, 0] == 4


def test_missing_periods_within_a_surge_do_not_break_it() -> None:
    ratios = np.full((1, 30), -1.0)
    ratios[0, -8:] = [2, 2, np.nan, 2, np.nan, np.nan, 2, 2]
    assert began(ratios, 1)[0, 0] == 8


def test_an_onset_is_at_most_as_long_ago_as_is_remembered() -> None:
    assert began(np.full((1, 3 * MEMORY), 1.0), 2).tolist() == [[MEMORY, MEMORY]]
    assert began(np.full((1, 3), 1.0), 3).tolist() == [[1, 2, 3]]


# The chance of as much by nothing


@pytest.mark.parametrize("direction", BOTH)
@pytest.mark.parametrize(
    ("mean", "phi"),
    [(0.8, 2), (1.0, 1), (2.7, 1.2), (6.6, 2), (6.6, 12), (20, 1), (27, 5), (158, 6), (500, 1), (500, 12)],
)
def test_p_values_are_as_rare_as_they_say(mean: float, phi: float, direction: Direction) -> None:
    p = judged(drawn(4, mean, phi, 1200, 200), mean, phi, direction)[:, WARM:]
    assert np.mean(p <= 0.5) == pytest.approx(0.49, abs=0.06)  # the fewer, the more they are alike
    assert 0.08 < np.mean(p <= 0.1) < 0.11
    assert 0.0075 < np.mean(p <= 0.01) < 0.0107
    assert 0.0004 < np.mean(p <= 0.001) < 0.0015


@pytest.mark.parametrize("direction", BOTH)
@pytest.mark.parametrize(("mean", "phi"), [(0.1, 1), (0.17, 1), (0.2, 1), (0.3, 1.3), (0.45, 1), (0.3, 6)])
def test_p_values_of_rare_events_are_never_too_small(mean: float, phi: float, direction: Direction) -> None:
    """Zeros for ever are all that a fall can show, and with rare events that is nothing out of the ordinary."""
    p = judged(drawn(6, mean, phi, 1200, 160), mean, phi, direction)[:, WARM:]
    assert np.mean(p <= 0.1) < 0.125
    assert np.mean(p <= 0.01) < 0.0125
    assert np.mean(p <= 0.001) < 0.0018


@pytest.mark.parametrize("direction", BOTH)
def test_a_chance_is_that_of_a_plain_simulation(direction: Direction) -> None:
    """Between the means and dispersions that are tabulated."""
    for mean, phi, level in ((3.9, 2.2, 1.5), (3.9, 2.2, 3.0), (70.0, 4.3, 2.0)):
        cell = (np.full((1, 1), level), np.full((1, 1), mean), np.full((1, 1), phi))
        expected = exact_tail(mean, phi, direction, level)
        assert count_p_values(*cell, direction)[0, 0] == pytest.approx(expected, rel=0.13)


def test_a_single_period_s_chance_is_about_that_of_its_count() -> None:
    """After quiet weeks; that other evidence is looked at as well costs something."""
    mean, phi = 20.0, 2.0
    counts = np.repeat(np.full((1, WARM), mean), 3, axis=0)
    newest = stats.nbinom.isf([1e-2, 1e-4, 1e-12], mean / (phi - 1), 1 / phi)
    found = judged(np.c_[counts, newest], mean, phi, "up")[:, -1]
    alone = stats.nbinom.sf(newest - 1, mean / (phi - 1), 1 / phi)
    assert (found > alone).all()
    assert found[0] < 0.03
    assert found[1] < 0.002
    assert found[2] < 1e-7


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-20, 80), min_size=2, max_size=12),
    st.floats(1e-3, 6000),
    st.floats(0.5, 90),
    st.sampled_from(BOTH),
)
def test_more_evidence_never_has_a_larger_p_value(
    levels: list[float], mean: float, phi: float, direction: Direction
) -> None:
    statistic = np.sort(np.array([levels]))
    found = count_p_values(statistic, np.full_like(statistic, mean), np.full_like(statistic, phi), direction)[0]
    assert (np.diff(found) <= 1e-12).all()
    assert ((found > 0) & (found <= 1)).all()


def test_each_cell_has_its_own_expectation_and_dispersion() -> None:
    rng = np.random.default_rng(7)
    shape = (3, 4)
    statistic, mean, phi = rng.uniform(-1, 4, shape), rng.uniform(0.2, 90, shape), rng.uniform(1, 9, shape)
    together = count_p_values(statistic, mean, phi, "up")
    for cell in np.ndindex(shape):
        alone = count_p_values(statistic[cell][None, None], mean[cell][None, None], phi[cell][None, None], "up")
        assert together[cell] == pytest.approx(alone[0, 0])


def test_no_series_gives_no_p_value() -> None:
    nothing = np.empty((0, 5))
    assert count_p_values(nothing, nothing, nothing, "up").shape == (0, 5)
    assert step_p_values(nothing).shape == (0, 5)
    assert began(nothing, 5).shape == (0, 5)


def test_a_fall_is_held_against_what_was_usual_when_it_was_gathered() -> None:
    """The season of a rare event: weeks without any add up while some are usual, and go on where hardly any are."""
    usual = np.r_[np.full(40, 0.4), np.linspace(0.4, 0.06, 12)][None]
    dispersion = np.full_like(usual, 1.2)
    counts = np.zeros_like(usual)
    counts[0, :40:3] = 1.0
    counts[0, 39] = 1.0
    statistic = accumulate(log_ratio(counts, usual, dispersion, "down"), np.array([FORGET_FLOW]))
    assert count_p_values(statistic, usual, dispersion, "down")[0, -1] < 1e-4  # more than zeros for ever can show now
    held = recent_highest(usual)
    assert held[0, -1] == 0.4
    assert count_p_values(statistic, held, dispersion, "down")[0, 40:].min() > 0.05


def test_the_highest_of_the_recent_expectations_is_of_periods_up_to_each() -> None:
    mean = np.random.default_rng(9).uniform(1, 9, (2, 30))
    found = recent_highest(mean)
    for t in range(30):
        assert np.array_equal(found[:, t], mean[:, max(t - RECENT + 1, 0) : t + 1].max(1))


# Stocks


def test_p_values_of_steps_are_as_rare_as_they_say() -> None:
    z = np.random.default_rng(8).standard_normal((1500, 240))
    p = step_p_values(accumulate(steady_log_ratio(z), np.full(1500, FORGET_STOCK)))[:, WARM:]
    assert np.mean(p <= 0.5) == pytest.approx(0.5, abs=0.02)
    assert np.mean(p <= 0.1) == pytest.approx(0.1, abs=0.006)
    assert np.mean(p <= 0.01) == pytest.approx(0.01, abs=0.0015)
    assert np.mean(p <= 0.001) == pytest.approx(0.001, abs=0.0004)


def test_a_steady_drift_of_a_stock_adds_up_and_one_step_does_not() -> None:
    calm = np.zeros((2, 60))
    calm[0, -16:] = 1.0  # a little every week
    calm[1, -1] = 16.0  # all of it at once
    p = step_p_values(accumulate(steady_log_ratio(calm), np.full(2, FORGET_STOCK)))[:, -1]
    assert p[0] < 0.001 < p[1]


def test_one_step_tells_no_more_than_the_largest_that_is_believed() -> None:
    assert steady_log_ratio(np.array([LARGEST_STEP, 50.0]))[1] == steady_log_ratio(np.array([LARGEST_STEP]))[0]


def test_levels_reach_from_the_quietest_period_to_the_most_certain() -> None:
    quiet = judged(np.zeros((1, 60)), 4000.0, 1.0, "up")
    assert quiet[0, -1] > 0.99
    assert (np.diff(LEVELS) > 0).all()
    assert judged(np.full((1, 60), 40.0), 4.0, 1.0, "up")[0, -1] < 1e-12
