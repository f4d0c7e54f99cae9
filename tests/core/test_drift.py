from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import missing_before, panel, periods, shares, sibling_shares

from forecaster.detectors.drift import LAG, detect, judge
from forecaster.types import Direction, Floats, Limits, NotRun, Panel, Reference, SeriesKey, Signal, as_date

T = 208
USUAL = Limits(0.01, 104)
NOBODY = Reference()


def stepped(seed: int, series: int, mean_of: float, before: float, after: float, weeks: int) -> Panel:
    share = np.where(np.arange(T) < T - weeks, before, after)
    x, n = shares(np.random.default_rng(seed), series, T, mean_of, share)
    return panel(x, "share", of=n)


def signals(some: Panel, direction: Direction, limits: Limits = USUAL) -> list[Signal]:
    return [signal for signal in detect(some, limits, NOBODY)[0] if signal.direction == direction]


@pytest.mark.parametrize(("mean_of", "before", "after"), [(65.0, 0.2, 0.3), (20.0, 0.2, 0.4), (6.6, 0.15, 0.4)])
def test_a_strong_step_is_found_within_half_a_year(mean_of: float, before: float, after: float) -> None:
    judged = judge(stepped(1, 40, mean_of, before, after, 26), 26, "up", 104)
    assert (judged.p_value <= 0.001).any(axis=1).mean() >= 0.95
    assert (judged.p_value[:, 0] <= 0.01).mean() < 0.2


def test_a_fall_is_found_as_well() -> None:
    judged = judge(stepped(2, 40, 20.0, 0.4, 0.2, 26), 26, "down", 104)
    assert (judged.p_value <= 0.001).any(axis=1).mean() >= 0.95
    assert len(signals(stepped(2, 40, 20.0, 0.4, 0.2, 26), "down")) == 40


def test_a_slow_ramp_is_found_within_a_year() -> None:
    share = 0.15 + 0.15 * np.clip((np.arange(T) - (T - 52)) / 52, 0, 1)
    x, n = shares(np.random.default_rng(3), 40, T, 20.0, share)
    judged = judge(panel(x, "share", of=n), 52, "up", 104)
    assert (judged.p_value <= 0.01).any(axis=1).mean() > 0.85


@pytest.mark.parametrize(("mean_of", "share"), [(3.0, 0.05), (6.6, 0.2), (65.0, 0.2), (20.0, 0.5), (20.0, 0.95)])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_it_does_not_cry_wolf_on_a_share_that_stays(mean_of: float, share: float, direction: Direction) -> None:
    """Three plan starts a week of which one in twenty is a repeat: the skew of such counts is not a drift."""
    x, n = shares(np.random.default_rng(4), 80, T, mean_of, share)
    judged = judge(panel(x, "share", of=n), 78, direction, 104)
    assert (judged.p_value <= 0.01).mean() <= 0.012


@pytest.mark.parametrize("direction", ["up", "down"])
def test_sibling_groups_that_count_together_alarm_little_more_often(direction: Direction) -> None:
    x, n = sibling_shares(np.random.default_rng(5), 80, T, 0.18)
    judged = judge(panel(x, "share", of=n), 78, direction, 104)
    assert (judged.p_value <= 0.01).mean() <= 0.03


def test_the_prior_of_an_empty_reference_does_not_dull_the_limits() -> None:
    """A share far from one half: the first weeks, judged against nothing, must not count as overdispersion."""
    judged = judge(stepped(6, 40, 65.0, 0.1, 0.16, 13), 13, "up", 104)
    assert (judged.p_value <= 0.01).any(axis=1).mean() > 0.9


def test_overdispersed_shares_need_more_evidence() -> None:
    rng = np.random.default_rng(7)
    n = rng.poisson(65, (40, T))
    smooth, rough = (rng.binomial(n, p) for p in (np.full(n.shape, 0.2), rng.beta(4, 16, n.shape)))
    plain, scaled = (judge(panel(x, "share", of=n), 52, "up", 104) for x in (smooth, rough))
    assert (scaled.upper - scaled.lower).mean() > 1.6 * (plain.upper - plain.lower).mean()
    assert (scaled.p_value <= 0.01).mean() <= 0.02


def test_the_band_holds_a_period_s_share_nearly_always() -> None:
    x, n = shares(np.random.default_rng(8), 40, T, 40.0, 0.25)
    judged = judge(panel(x, "share", of=n), 52, "up", 104)
    share = x[:, -52:] / n[:, -52:]
    assert np.mean((share >= judged.lower) & (share <= judged.upper)) == pytest.approx(0.95, abs=0.03)
    assert judged.expected.mean() == pytest.approx(0.25, abs=0.01)


def test_the_reference_is_what_was_usual_before_the_drift() -> None:
    judged = judge(stepped(9, 40, 40.0, 0.2, 0.5, 20), 1, "up", 104)
    assert judged.expected.mean() == pytest.approx(0.2, abs=0.015)
    assert (judged.window == LAG["week"]).all()


def test_up_and_down_are_the_same_question_of_the_other_share() -> None:
    x, n = shares(np.random.default_rng(10), 5, T, 10.0, 0.3)
    up = judge(panel(x, "share", of=n), 30, "up", 104)
    down = judge(panel(n - x, "share", of=n), 30, "down", 104)
    assert up.p_value == pytest.approx(down.p_value)
    assert up.expected == pytest.approx(1 - down.expected)


def test_the_onset_is_about_when_the_step_was() -> None:
    found = signals(stepped(11, 40, 40.0, 0.2, 0.35, 16), "up")
    truth = as_date(periods(T)[T - 16])
    weeks_off = np.array([(signal.onset - truth).days / 7 for signal in found])
    assert len(found) >= 38
    assert np.median(np.abs(weeks_off)) <= 2
    assert np.mean(np.abs(weeks_off) <= 8) > 0.85


def test_an_onset_is_at_most_a_year_ago() -> None:
    share = np.where(np.arange(T) < T - 90, 0.1, 0.4)
    x, n = shares(np.random.default_rng(12), 10, T, 40.0, share)
    for signal in signals(panel(x, "share", of=n), "up"):
        assert (signal.period - signal.onset).days <= 51 * 7


def test_a_signal_s_figures_are_counts_and_shares_since_its_onset() -> None:
    some = stepped(13, 1, 40.0, 0.2, 0.4, 13)
    (signal,) = signals(some, "up", Limits(0.001, 104))
    start = int(np.searchsorted(some.periods, np.datetime64(signal.onset)))
    assert signal.total == some.count[0, start:].sum()
    assert signal.observed == pytest.approx(signal.total / some.of[0, start:].sum())
    assert signal.total_expected == pytest.approx(signal.expected * some.of[0, start:].sum())
    assert 0 <= signal.lower <= signal.expected <= signal.upper < signal.observed <= 1
    assert signal.score == pytest.approx(-np.log10(signal.p_value))


def test_a_share_that_matures_late_is_judged_at_its_newest_value() -> None:
    """Whether a section 47 ends in a conference is known weeks later: those weeks are missing, not nought."""
    some = stepped(14, 2, 40.0, 0.2, 0.4, 20)
    count = some.count.copy()
    count[1, -4:] = np.nan
    found = signals(panel(count, "share", of=some.of), "up")
    assert [signal.period for signal in found] == [as_date(some.periods[-1]), as_date(some.periods[-5])]
    assert detect(panel(count, "share", of=some.of), USUAL, NOBODY)[1] == []


def test_a_late_share_is_judged_as_if_its_panel_ended_there() -> None:
    some = stepped(15, 1, 40.0, 0.2, 0.4, 20)
    count = some.count.copy()
    count[0, -4:] = np.nan
    (late,) = signals(panel(count, "share", of=some.of), "up")
    (ended,) = signals(some.until(T - 4), "up")
    assert late == ended


def test_periods_with_nothing_to_share_are_passed_over() -> None:
    x, n = shares(np.random.default_rng(16), 20, T, 0.7, 0.4)  # half the weeks have no plan start at all
    found, missed = detect(panel(x, "share", of=n), USUAL, NOBODY)
    assert missed == []
    assert len(found) <= 2


def test_shares_without_any_value_are_not_run() -> None:
    nothing = panel(np.full((1, T), np.nan), "share", of=np.full((1, T), np.nan))
    assert detect(nothing, USUAL, NOBODY) == ([], [NotRun(SeriesKey("m0"), "drift", "no value yet")])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_none_or_all_is_not_run_as_constant_when_its_size_is_steady(share: float) -> None:
    nothing = panel(np.full((1, T), 10 * share), "share", of=np.full((1, T), 10.0))
    (missed,) = detect(nothing, USUAL, NOBODY)[1]
    assert missed.reason.startswith("constant")


def test_all_of_ever_more_is_not_a_drift() -> None:
    n = np.random.default_rng(17).poisson(np.linspace(10, 40, T)[None]).astype(float)
    assert detect(panel(n, "share", of=n), USUAL, NOBODY) == ([], [])


def test_a_share_that_starts_late_is_judged_as_others_are() -> None:
    x, n = shares(np.random.default_rng(18), 60, 320, 30.0, 0.15)
    late = panel(missing_before(x, 150), "share", of=missing_before(n, 150))
    judged = judge(late, 40, "up", 104)
    assert (judged.reasons == "").all()
    assert (judged.p_value <= 0.01).mean() <= 0.015
    x[:, -20:] += np.random.default_rng(19).binomial(n[:, -20:].astype(int), 0.12)
    moved = panel(missing_before(np.minimum(x, n), 150), "share", of=missing_before(n, 150))
    assert (judge(moved, 20, "up", 104).p_value <= 0.01).any(axis=1).mean() > 0.9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 60), st.floats(0, 1))
def test_every_judgement_is_a_probability_within_its_band(seed: int, mean_of: float, share: float) -> None:
    x, n = shares(np.random.default_rng(seed), 2, 130, mean_of, share)
    judged = judge(panel(x, "share", of=n), 26, "up", 104)
    known = judged.reasons == ""
    assert ((judged.p_value[known] > 0) & (judged.p_value[known] <= 1)).all()
    assert np.isnan(judged.p_value[~known]).all()
    for low, high in ((judged.lower, judged.expected), (judged.expected, judged.upper)):
        assert (low <= high).all()
    assert (judged.lower >= 0).all()
    assert (judged.upper <= 1).all()


def test_months_have_their_own_memory() -> None:
    share = np.where(np.arange(84) < 78, 0.2, 0.35)
    x, n = shares(np.random.default_rng(20), 30, 84, 100.0, share)
    found = signals(panel(x, "share", of=n, step="month"), "up", Limits(0.01, 36))
    assert len(found) >= 28
    assert {signal.period for signal in found} == {dt.date(2020, 12, 1)}


def test_flows_and_stocks_are_not_its_business() -> None:
    counts: Floats = np.random.default_rng(21).poisson(10, (2, T)).astype(float)
    assert detect(panel(counts, ("flow", "stock")), USUAL, NOBODY) == ([], [])
