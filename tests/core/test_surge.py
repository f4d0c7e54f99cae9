from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import missing_before, overdispersed, panel, periods, spells

from forecaster.baseline import Baseline
from forecaster.detectors.surge import SHIFTS, WEIGHTS, WINDOWS, detect, evidence, judge, mixture, p_values
from forecaster.types import Direction, Floats, Limits, Panel, Reference, SeriesKey, Signal, as_date

STRICT, USUAL = Limits(0.001, 104), Limits(0.01, 104)
NOBODY = Reference()
T = 208
FLOW = np.array([False])


def signals(some: Panel, direction: Direction, limits: Limits = USUAL) -> list[Signal]:
    return [signal for signal in detect(some, limits, NOBODY)[0] if signal.direction == direction]


def quiet(seed: int, series: int = 20, mean: float = 20.0) -> Floats:
    return np.random.default_rng(seed).poisson(mean, (series, T)).astype(float)


def scored(z: Floats, gain: float = 0.0) -> Baseline:
    """A baseline of which only the scores matter."""
    ones = np.ones_like(z)
    return Baseline(ones, ones, gain * ones, ones, np.ones((len(z), z.shape[1] + 1)), z)


def test_the_windows_weights_are_one_together() -> None:
    assert sum(WEIGHTS) == pytest.approx(1)
    assert len(WEIGHTS) == len(WINDOWS)


def test_the_mixture_is_a_likelihood_ratio() -> None:
    """Its mean under standard normal scores is one, whatever the shifts and weights."""
    x, weight = np.polynomial.hermite_e.hermegauss(150)
    ratio = np.exp(mixture([x[None]] * len(WINDOWS))[0][0])
    assert (ratio * weight).sum() / np.sqrt(2 * np.pi) == pytest.approx(1, rel=1e-3)


def test_the_mixture_names_the_window_most_in_evidence() -> None:
    scores = [np.zeros((1, 1)) for _ in WINDOWS]
    for i, window in enumerate(WINDOWS):
        told = [score.copy() for score in scores]
        told[i] += 5
        assert mixture(told)[1][0, 0] == window


def test_a_larger_score_is_more_evidence() -> None:
    at = np.linspace(-4, 8, 60)[None]
    found = mixture([at] * len(WINDOWS))[0][0]
    assert (np.diff(found) > 0).all()
    assert np.isfinite(mixture([np.full((1, 1), 8.0)] * len(WINDOWS))[0]).all()
    assert max(SHIFTS) * 8 < 700  # no overflow at the largest score there can be


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-6, 60), min_size=2, max_size=30))
def test_more_evidence_never_has_a_larger_p_value(ratios: list[float]) -> None:
    found = p_values(np.sort(np.array(ratios))[None])[0]
    assert (np.diff(found) <= 0).all()
    assert ((found > 0) & (found <= 1)).all()


def test_past_the_simulation_the_p_value_falls_as_one_over_the_ratio() -> None:
    far = p_values(np.array([[20.0, 21.0, 25.0]]))[0]
    assert far[0] / far[1] == pytest.approx(np.e)
    assert far[0] / far[2] == pytest.approx(np.exp(5))
    near = p_values(np.linspace(2, 14, 200)[None])[0]
    assert (near[:-1] / near[1:]).max() < 2  # no jump where the simulation ends


def test_p_values_are_uniform_when_scores_are_normal() -> None:
    z = np.random.default_rng(1).standard_normal((60, 800))
    found = p_values(evidence(scored(z), np.zeros(60, bool), "up")[0][:, 200:])
    for alpha, tolerance in ((0.5, 0.06), (0.1, 0.02), (0.01, 0.004), (0.001, 0.0008)):
        assert np.mean(found <= alpha) == pytest.approx(alpha, abs=tolerance)


def test_up_and_down_are_mirror_images() -> None:
    z = np.random.default_rng(2).standard_normal((3, 120))
    up, down = (evidence(scored(s * z), np.array([False, True, False]), d) for s, d in ((1, "up"), (-1, "down")))  # type: ignore[arg-type]
    assert np.array_equal(up[0], down[0])
    assert np.array_equal(up[1], down[1])


def test_a_missing_period_is_no_evidence() -> None:
    z = np.zeros((1, 150))
    z[0, -1] = np.nan
    assert np.isfinite(evidence(scored(z), FLOW, "up")[0]).all()
    assert evidence(scored(z), FLOW, "up")[0][0, -1] < 0


def test_missing_periods_at_the_start_do_not_sharpen_the_rest() -> None:
    z = np.random.default_rng(3).standard_normal((20, 260))
    late = np.where(np.arange(260) < 150, np.nan, z)
    whole, part = (evidence(scored(x), np.zeros(20, bool), "up")[0][:, 200:] for x in (z, late))
    assert part == pytest.approx(whole, abs=0.8)
    assert part.mean() == pytest.approx(whole.mean(), abs=0.02)


def test_a_strong_step_is_found_with_its_onset() -> None:
    counts = quiet(4)
    counts[:, -5:] = np.random.default_rng(5).poisson(40, (20, 5))
    found = signals(panel(counts), "up", STRICT)
    assert len(found) == 20
    onset = periods(T)[-5]
    late = np.array([(np.datetime64(signal.onset) - onset).astype(int) / 7 for signal in found])
    assert np.mean(np.abs(late) <= 1) >= 0.8


def test_a_fall_is_found_with_its_onset() -> None:
    counts = quiet(6)
    counts[:, -6:] = np.random.default_rng(7).poisson(7, (20, 6))
    found = signals(panel(counts), "down", STRICT)
    assert len(found) == 20
    assert np.mean([abs((signal.onset - as_date(periods(T)[-6])).days) <= 7 for signal in found]) >= 0.8


def test_a_moderate_surge_adds_up_to_evidence() -> None:
    """A rise of one standard deviation, which no single week shows, is found in most series within twelve weeks."""
    counts = quiet(8, series=60)
    counts[:, -12:] += np.random.default_rng(9).poisson(np.sqrt(20), (60, 12))
    judged = judge(panel(counts), 12, "up", 104)
    assert (judged.p_value <= 0.01).any(axis=1).mean() > 0.6
    assert (judged.p_value[:, 0] <= 0.01).mean() < 0.25


def test_a_spike_alarms_at_once_and_the_weeks_after_it_do_not() -> None:
    counts = quiet(10)
    counts[:, -8] = 90
    judged = judge(panel(counts), 8, "up", 104)
    assert (judged.p_value[:, 0] <= 1e-4).all()
    assert (judged.window[:, 0] == 1).mean() >= 0.8
    assert (judged.p_value[:, 1:] <= 0.001).mean() < 0.05


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_a_typing_error_does_not_hide_the_surge_after_it(size: float) -> None:
    counts = quiet(11)
    counts[:, -30] = size
    counts[:, -4:] += 25
    assert len(signals(panel(counts), "up", STRICT)) >= 19


def test_a_sibling_group_of_seven_joining_a_stock_does_not_alarm() -> None:
    counts = spells(np.random.default_rng(12), 60, T)
    plain = len(signals(panel(counts, "stock"), "up", STRICT))
    for weeks in (1, 2, 4, 8):
        joined = counts.copy()
        joined[:, -weeks:] += 7
        assert len(signals(panel(joined, "stock"), "up", STRICT)) <= plain + 3  # of 60


def test_a_trend_in_a_stock_alarms() -> None:
    counts = spells(np.random.default_rng(13), 40, T)
    counts[:, -20:] += 5 * np.arange(1, 21)
    judged = judge(panel(counts, "stock"), 20, "up", 104)
    assert (judged.p_value <= 0.001).any(axis=1).mean() > 0.7
    assert np.median(judged.window[:, -1]) >= 8


def test_a_stock_s_signal_speaks_of_levels() -> None:
    counts = spells(np.random.default_rng(14), 1, T)
    counts[0, -15:] += 8 * np.arange(1, 16)
    (signal,) = signals(panel(counts, "stock"), "up", STRICT)
    assert signal.observed == signal.total == counts[0, -1]
    assert signal.expected == signal.total_expected == pytest.approx(level_before(counts, signal), abs=15)


def level_before(counts: Floats, signal: Signal) -> float:
    return float(counts[0, int(np.searchsorted(periods(T), np.datetime64(signal.onset))) - 1])


def test_a_signal_s_figures_are_those_of_the_panel() -> None:
    counts = quiet(15, series=1)
    counts[0, -3:] = 50, 55, 60
    (signal,) = signals(panel(counts), "up", STRICT)
    start = int(np.searchsorted(periods(T), np.datetime64(signal.onset)))
    assert signal.key == SeriesKey("m0")
    assert signal.period == as_date(periods(T)[-1])
    assert signal.observed == 60
    assert signal.total == counts[0, start:].sum()
    assert signal.total_expected == pytest.approx(20 * (T - start), rel=0.25)
    assert signal.lower <= signal.expected <= signal.upper < signal.observed
    assert signal.score == pytest.approx(-np.log10(signal.p_value))


def test_totals_leave_missing_periods_out_on_both_sides() -> None:
    counts = quiet(16, series=1)
    counts[0, -5:] = 60
    counts[0, -3] = np.nan
    (signal,) = signals(panel(counts), "up", STRICT)
    window = counts[0, int(np.searchsorted(periods(T), np.datetime64(signal.onset))) :]
    assert np.isnan(window).sum() == 1
    assert signal.total == np.nansum(window)
    assert signal.total_expected == pytest.approx(20 * (len(window) - 1), rel=0.2)


def test_a_very_strong_step_does_not_seem_to_begin_today() -> None:
    """Every week is past what a single one may weigh in a sum; the onset is found all the same."""
    counts = quiet(26)
    counts[:, -6:] *= 6
    found = signals(panel(counts), "up", STRICT)
    assert len(found) == 20
    days_off = [abs((signal.onset - as_date(periods(T)[-6])).days) for signal in found]
    assert max(days_off) <= 14
    assert days_off.count(0) >= 16


def test_large_families_are_judged_capped_and_told_in_full() -> None:
    counts = quiet(17, series=1, mean=10)
    counts[0, -1] = 10
    capped = counts.copy()
    counts[0, -1] = 40
    assert signals(panel(counts, capped=capped), "up") == []
    capped[0, -1] = 36
    (signal,) = signals(panel(counts, capped=capped), "up", STRICT)
    assert signal.observed == 40


def test_a_fall_is_judged_on_the_newest_period_that_is_not_provisional() -> None:
    counts = quiet(18, series=10)
    counts[:, -1] = 0  # not entered yet
    assert len(signals(panel(counts), "down", STRICT)) == 10
    assert signals(panel(counts, provisional=1), "down", STRICT) == []
    counts[:, -2] = 0
    found = signals(panel(counts, provisional=1), "down", STRICT)
    assert {signal.period for signal in found} == {as_date(periods(T)[-2])}
    assert len(found) == 10


def test_a_rise_is_judged_on_the_newest_period_even_if_it_may_still_grow() -> None:
    counts = quiet(19, series=5)
    counts[:, -1] = 70
    found = signals(panel(counts, provisional=1), "up", STRICT)
    assert {signal.period for signal in found} == {as_date(periods(T)[-1])}
    assert len(found) == 5


def test_shares_are_not_its_business() -> None:
    shares = panel(quiet(20, 2), "share", of=np.full((2, T), 100.0))
    assert detect(shares, USUAL, NOBODY) == ([], [])


def test_bands_hold_what_they_promise() -> None:
    rng = np.random.default_rng(21)
    counts = overdispersed(rng, rng.uniform(10, 60, (40, 1)), 3.0, (40, T))
    judged = judge(panel(counts), 52, "up", 104)
    inside = (counts[:, -52:] >= judged.lower) & (counts[:, -52:] <= judged.upper)
    assert inside.mean() == pytest.approx(0.95, abs=0.02)


def test_the_judgement_of_the_newest_week_agrees_with_the_signal() -> None:
    counts = quiet(22, series=30)
    counts[:10, -3:] += 22
    judged = judge(panel(counts), 1, "up", 104)
    assert {int(s.key.measure[1:]) for s in signals(panel(counts), "up", STRICT)} >= set(range(10))
    assert set(np.flatnonzero(judged.p_value[:, 0] <= 0.001)) >= set(range(10))


@pytest.mark.parametrize("length", [1, 2, 3, 10, 27])
def test_a_panel_of_a_few_periods_is_not_run_rather_than_an_error(length: int) -> None:
    found, missed = detect(panel(np.ones((2, length))), USUAL, NOBODY)
    assert found == []
    assert len(missed) == 2


def test_a_series_that_starts_late_alarms_no_more_often_than_others() -> None:
    counts = overdispersed(np.random.default_rng(23), 20.0, 2.0, (60, 300))
    judged = judge(panel(missing_before(counts, 150)), 40, "up", 104)
    assert (judged.reasons == "").all()
    assert (judged.p_value <= 0.01).mean() < 0.035


def test_the_level_of_a_slice_does_not_matter_to_another() -> None:
    counts = quiet(24, series=3)
    counts[0, -2:] += 30
    moved = counts.copy()
    moved[2] *= 50
    one, other = (next(s for s in signals(panel(c), "up", STRICT) if s.key.measure == "m0") for c in (counts, moved))
    assert one.onset == other.onset
    assert one.p_value == pytest.approx(other.p_value, rel=0.01)


def test_monthly_series_are_judged_too() -> None:
    counts = np.random.default_rng(25).poisson(115, (10, 72)).astype(float)
    counts[:, -2:] = 220
    found = [s for s in detect(panel(counts, step="month"), Limits(0.001, 36), NOBODY)[0] if s.direction == "up"]
    assert len(found) == 10
    assert {signal.period for signal in found} == {as_date(periods(72, "month")[-1])}
