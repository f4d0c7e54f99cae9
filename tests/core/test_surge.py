from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from made_panels import CHANCE, SIBLINGS, missing_before, overdispersed, panel, periods, spells

from forecaster.detectors.surge import BLOCK, CELLS, detect, judge, since
from forecaster.types import Direction, Floats, Limits, Panel, Reference, SeriesKey, Signal, as_date

STRICT, USUAL = Limits(0.001, 104), Limits(0.01, 104)
NOBODY = Reference()
BOTH: tuple[Direction, Direction] = ("up", "down")
T = 208


def signals(some: Panel, direction: Direction, limits: Limits = USUAL) -> list[Signal]:
    return [signal for signal in detect(some, limits, NOBODY)[0] if signal.direction == direction]


def quiet(seed: int, series: int = 20, mean: float = 20.0) -> Floats:
    return np.random.default_rng(seed).poisson(mean, (series, T)).astype(float)


def weeks_off(found: list[Signal], weeks: int) -> list[float]:
    """By how many weeks each onset is later than the week so many before the end."""
    planted = as_date(periods(T)[-weeks])
    return [(signal.onset - planted).days / 7 for signal in found]


def test_a_strong_step_is_found_with_its_onset() -> None:
    counts = quiet(4)
    counts[:, -5:] = np.random.default_rng(5).poisson(40, (20, 5))
    found = signals(panel(counts), "up", STRICT)
    assert len(found) >= 19
    assert np.mean(np.abs(weeks_off(found, 5)) <= 1) >= 0.75


def test_a_fall_is_found_with_its_onset() -> None:
    counts = quiet(6)
    counts[:, -6:] = np.random.default_rng(7).poisson(7, (20, 6))
    found = signals(panel(counts), "down", STRICT)
    assert len(found) == 20
    assert np.mean(np.abs(weeks_off(found, 6)) <= 1) >= 0.8


def test_a_moderate_surge_adds_up_to_evidence() -> None:
    """A rise of one standard deviation, which no single week shows, is found in half the series in twelve weeks."""
    counts = quiet(8, series=60)
    counts[:, -12:] += np.random.default_rng(9).poisson(np.sqrt(20), (60, 12))
    judged = judge(panel(counts), 12, "up", 104)
    assert (judged.p_value <= 0.01).any(axis=1).mean() > 0.5
    assert (judged.p_value[:, 0] <= 0.01).mean() < 0.25


def test_a_spike_alarms_at_once_and_is_soon_forgotten() -> None:
    counts = quiet(10, series=60)
    counts[:, -8] = 90
    judged = judge(panel(counts), 8, "up", 104)
    assert (judged.p_value[:, 0] <= 1e-4).all()
    assert (judged.window[:, 0] == 1).mean() >= 0.8
    strong = (judged.p_value <= 0.001).mean(0)
    assert strong[1] < 0.5
    assert strong[3:].max() < 0.06


@pytest.mark.parametrize("strength", [15, 60])
def test_the_alarm_of_a_surge_ends_with_it_however_strong_it_was(strength: int) -> None:
    counts = quiet(27, series=40)
    counts[:, -20:-12] += strength
    judged = judge(panel(counts), 20, "up", 104)
    assert (judged.p_value[:, 3:8] <= 0.001).mean() > 0.9
    assert (judged.p_value[:, 12:] <= 0.01).mean() < 0.05


def test_a_second_surge_has_an_onset_of_its_own() -> None:
    counts = quiet(28)
    counts[:, -22:-17] += 30
    counts[:, -3:] += 25
    found = signals(panel(counts), "up", STRICT)
    assert len(found) == 20
    assert np.mean(np.abs(weeks_off(found, 3)) <= 1) >= 0.8


@pytest.mark.parametrize("size", [1e3, 1e6])
@pytest.mark.parametrize("ago", [10, 30, 100, 200])
def test_a_typing_error_does_not_hide_the_surge_after_it(size: float, ago: int) -> None:
    counts = quiet(11)
    counts[:, -ago] = size
    counts[:, -4:] += 25
    assert len(signals(panel(counts), "up", STRICT)) >= 19


def of_families(seed: int, series: int, starts: float) -> Floats:
    """Stocks in balance whose families come and go together: `starts` children a week, 34 weeks on average."""
    rng, warm = np.random.default_rng(seed), 150
    out = np.empty((series, T))
    for row in range(series):
        families = rng.poisson(starts / (CHANCE @ SIBLINGS), warm + T)
        begin = np.repeat(np.arange(warm + T), families)
        end = np.minimum(begin + 1 + rng.gamma(2, 17, len(begin)).astype(int), warm + T)
        size = rng.choice(SIBLINGS, len(begin), p=CHANCE)
        moves = np.bincount(begin, size, warm + T) - np.bincount(end, size, warm + T + 1)[:-1]
        out[row] = np.cumsum(moves)[warm:]
    return out


def walks(seed: int, series: int) -> Floats:
    rng = np.random.default_rng(seed)
    return 250.0 + np.cumsum(rng.poisson(6, (series, T)) - rng.poisson(6, (series, T)), axis=1)


@pytest.mark.parametrize(
    ("made", "most"),
    [
        (lambda: spells(np.random.default_rng(29), 150, T), 0.012),
        (lambda: walks(30, 150), 0.018),
        (lambda: of_families(31, 150, 6.0), 0.018),
        (lambda: of_families(32, 150, 1.5), 0.02),
        (lambda: spells(np.random.default_rng(33), 150, T, rate=0.15), 0.025),  # five open plans
    ],
    ids=["in balance", "wandering", "families", "a few families", "five children"],
)
def test_false_alarms_of_stocks_are_about_as_rare_as_the_limit_says(made: Callable[[], Floats], most: float) -> None:
    counts = made()
    for direction in BOTH:
        judged = judge(panel(counts, "stock"), 78, direction, 104)
        assert (judged.p_value[judged.reasons == ""] <= 0.01).mean() < most
        assert (judged.p_value[judged.reasons == ""] <= 0.1).mean() > 0.06


def test_a_sibling_group_of_seven_joining_a_stock_does_not_alarm() -> None:
    counts = spells(np.random.default_rng(12), 60, T)
    plain = len(signals(panel(counts, "stock"), "up", STRICT))
    for weeks in (1, 2, 4, 8):
        joined = counts.copy()
        joined[:, -weeks:] += 7
        assert len(signals(panel(joined, "stock"), "up", STRICT)) <= plain + 2  # of 60


def test_a_trend_in_a_stock_alarms_within_weeks() -> None:
    counts = spells(np.random.default_rng(13), 40, T)
    counts[:, -20:] += 5 * np.arange(1, 21)  # one and a half standard deviations of a step
    judged = judge(panel(counts, "stock"), 20, "up", 104)
    strong = judged.p_value <= 0.001
    assert strong[:, :8].any(axis=1).mean() > 0.7
    assert strong.any(axis=1).mean() > 0.97
    assert np.median(judged.window[:, -1]) == pytest.approx(20, abs=2)


def test_a_few_more_plans_a_week_than_end_are_found_before_the_year_is_over() -> None:
    """Starts rise by half for half a year: no step is out of the ordinary, the stock is a fifth larger at the end."""
    counts = spells(np.random.default_rng(34), 60, T, rate=15.0, later=(1.5, 26))
    judged = judge(panel(counts, "stock"), 26, "up", 104)
    assert (judged.p_value <= 0.01).any(axis=1).mean() > 0.8
    assert (judged.p_value <= 0.001).any(axis=1).mean() > 0.5


def test_a_stock_that_jumps_for_good_alarms_and_one_typed_wrongly_does_not_fall_the_week_after() -> None:
    counts = spells(np.random.default_rng(35), 40, T)
    jumped, typed = counts.copy(), counts.copy()
    jumped[:, -4:] += 70
    typed[:, -2] *= 10
    assert len(signals(panel(jumped, "stock"), "up", STRICT)) >= 36
    assert len(signals(panel(typed, "stock"), "down", STRICT)) <= 2


def test_an_empty_stock_that_stays_empty_or_gets_its_first_child_is_nothing() -> None:
    counts = spells(np.random.default_rng(36), 30, T, rate=0.1)
    counts[:, -30:] = 0
    assert signals(panel(counts, "stock"), "down", STRICT) == []
    counts[:, -1] = 1
    assert signals(panel(counts, "stock"), "up", STRICT) == []


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
    """Every week is past what is carried on of one; the onset is found all the same."""
    counts = quiet(26)
    counts[:, -6:] *= 6
    found = signals(panel(counts), "up", STRICT)
    assert len(found) == 20
    off = weeks_off(found, 6)
    assert max(map(abs, off)) <= 3
    assert off.count(0) >= 16


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


def test_a_month_s_surge_of_referrals_is_found_in_its_second_month() -> None:
    """As in Herefordshire in 2017: from 115 a month to nearly two and three times as many, after a wide history."""
    counts = overdispersed(np.random.default_rng(37), 115.0, 6.0, (40, 72))
    counts[:, -2:] = [205, 304]
    found = [s for s in detect(panel(counts, step="month"), Limits(0.001, 36), NOBODY)[0] if s.direction == "up"]
    assert len(found) >= 38


def test_what_is_judged_together_is_judged_as_alone() -> None:
    """Blocks of periods, and parts of a panel, are there for speed and memory alone."""
    counts = quiet(38, series=4)
    counts[1, -9:] += 12
    whole = judge(panel(counts), 30, "up", 104)
    for row in range(4):
        alone = judge(panel(counts[[row]]), 30, "up", 104)
        assert alone.p_value[0] == pytest.approx(whole.p_value[row], rel=0.02)
    ends = judge(panel(counts).until(T - 30 + BLOCK["week"]), BLOCK["week"], "up", 104)
    assert np.array_equal(ends.p_value, whole.p_value[:, : BLOCK["week"]])


def test_a_panel_too_large_for_one_go_is_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    some = panel(quiet(39, series=7))
    whole, found = judge(some, 6, "up", 104), detect(some, Limits(0.3, 104), NOBODY)
    monkeypatch.setattr("forecaster.detectors.surge.CELLS", 2 * T)
    parts = judge(some, 6, "up", 104)
    assert parts.p_value == pytest.approx(whole.p_value, rel=0.02)
    again = detect(some, Limits(0.3, 104), NOBODY)
    assert {(s.key, s.direction) for s in again[0]} == {(s.key, s.direction) for s in found[0]}
    assert CELLS >= 100 * 600  # a council's own panel goes in one


def test_a_signal_told_again_counts_from_the_earlier_onset() -> None:
    counts = quiet(40, series=1)
    counts[0, -4:] = 55
    (signal,) = signals(panel(counts), "up", STRICT)
    earlier = as_date(periods(T)[-8])
    told = since(panel(counts), signal, earlier)
    assert told.onset == earlier
    assert told.total == counts[0, -8:].sum()
    assert told.total_expected == pytest.approx(8 * 20, rel=0.15)
    assert (told.p_value, told.period, told.observed) == (signal.p_value, signal.period, signal.observed)


def test_a_rare_event_that_does_not_come_is_no_fall() -> None:
    """Zeros for a quarter where one every two months was usual: nothing that a manager should be woken for."""
    counts = np.random.default_rng(41).poisson(0.12, (60, T)).astype(float)
    counts[:, -13:] = 0
    judged = judge(panel(counts), 13, "down", 104)
    assert (judged.p_value[judged.reasons == ""] <= 0.01).mean() < 0.005


def test_several_events_in_a_week_where_one_a_month_is_usual_alarm() -> None:
    counts = np.random.default_rng(42).poisson(0.25, (40, T)).astype(float)
    counts[:, -1] = 6
    assert len(signals(panel(counts), "up", USUAL)) >= 36
    counts[:, -1] = 12
    assert len(signals(panel(counts), "up", STRICT)) >= 38
