from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import missing_before, panel, periods, shares, sibling_shares
from scipy import stats

from forecaster.detectors.drift import LAG, LAMBDA, MEMORY_YEARS, detect, judge, quiet
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
def test_a_share_that_stays_alarms_about_as_rarely_as_the_limit_says(
    mean_of: float, share: float, direction: Direction
) -> None:
    """Three plan starts a week of which one in twenty is a repeat: the skew of such counts is not a drift."""
    x, n = shares(np.random.default_rng(4), 1000, T, mean_of, share)
    rate = (judge(panel(x, "share", of=n), 52, direction, 104).p_value <= 0.01).mean()
    fewest = 0.001 if (mean_of, share, direction) == (3.0, 0.05, "down") else 0.005  # there is hardly a way down
    assert fewest <= rate <= 0.013


@pytest.mark.parametrize("direction", ["up", "down"])
def test_sibling_groups_that_count_together_alarm_little_more_often(direction: Direction) -> None:
    x, n = sibling_shares(np.random.default_rng(5), 1000, T, 0.18)
    rate = (judge(panel(x, "share", of=n), 52, direction, 104).p_value <= 0.01).mean()
    assert 0.005 <= rate <= 0.015


def shares_of_the_benchmark(seed: int, after: Floats) -> tuple[Floats, Floats]:
    """Weekly shares of 8 to 20% of 5 to 30, half of them overdispersed; log odds that rise by `after` (S x 260)."""
    rng, series = np.random.default_rng(seed), np.arange(len(after))[:, None]
    odds = np.log([0.087, 0.136, 0.19, 0.25])[series % 4] + after
    share, n = 1 / (1 + np.exp(-odds)), rng.poisson(np.array([5, 10, 20, 30])[series // 4 % 4], after.shape)
    rough = rng.beta(49 * share, 49 * (1 - share))  # an intraclass correlation of .02
    return rng.binomial(n, np.where(series // 16 % 2, rough, share)).astype(float), n.astype(float)


@pytest.mark.parametrize(("weeks", "within", "found"), [(1, 26, 0.76), (52, 52, 0.67)])
def test_steps_are_found_in_half_a_year_and_ramps_in_a_year(weeks: int, within: int, found: float) -> None:
    """Odds up by half, to double or treble; at a limit at which one quiet series in ten alarms in two years.

    Over 64,000 series .80 of the steps and .72 of the ramps are found; a p-chart finds .42 and .31.
    """
    size = np.log([1.5, 2.0, 3.0])[np.arange(1536)[:, None] // 32 % 3]
    path = np.clip((np.arange(260) - 168 + 1) / weeks, 0, 1)
    still, moved = (
        judge(panel(x, "share", of=n), 104, "up", 104).score
        for x, n in (shares_of_the_benchmark(22, 0 * size * path), shares_of_the_benchmark(23, size * path))
    )
    limit = np.quantile(still.max(axis=1), 0.9)
    assert (moved[:, 12 : 12 + within] > limit).any(axis=1).mean() > found


def test_the_p_value_is_that_of_the_two_weighted_shares() -> None:
    """Without any noise before it, the last week's evidence can be worked out by hand."""
    n = np.tile([10.0, 20.0, 30.0, 5.0], 40)
    x = n / 5
    x[-1] = n[-1]
    age = np.arange(len(n))[::-1]
    w, r = (1 - LAMBDA["week"]) ** age, (1 - 1 / (52 * MEMORY_YEARS[0])) ** (age - 26.0) * (age >= 26)
    size, old = (w * n).sum(), (r * n).sum() + 1
    share, p = (w * x).sum() / size, ((r * x).sum() + 0.5) / old
    children = 1 / ((n * (w / size - r / old) ** 2).sum() + 1 / old**2)
    chances = [stats.beta.sf(1 - p, children * (1 - share) + a, children * share + 1 - a) for a in (0, 1)]
    judged = judge(panel(x, "share", of=n), 1, "up", 104)
    assert judged.expected[0, 0] == pytest.approx(p)
    assert judged.p_value[0, 0] == pytest.approx(np.mean(chances))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([3, 8, 26]), st.booleans())
def test_a_larger_step_is_never_weaker_evidence(seed: int, weeks: int, up: bool) -> None:
    rng = np.random.default_rng(seed)
    n, share = rng.poisson(25, (1, T)), 0.4
    draws = rng.random((60, 1, T)) + (np.arange(60)[:, None, None] >= n)  # the same children in every case
    recent = (np.arange(T) >= T - weeks) * (1 if up else -1)
    counts = [(draws < share + step * recent).sum(axis=0).astype(float) for step in (0.0, 0.1, 0.2, 0.3)]
    judged = [judge(panel(x, "share", of=n), 1, "up" if up else "down", 104).p_value[0, 0] for x in counts]
    assert judged == sorted(judged, reverse=True)


def test_a_level_that_became_usual_is_the_new_reference() -> None:
    """Three years after a step the series is held against what it has been since, and does not alarm."""
    share = np.where(np.arange(416) < 416 - 156, 0.2, 0.35)
    x, n = shares(np.random.default_rng(31), 40, 416, 40.0, share)
    judged = judge(panel(x, "share", of=n), 1, "up", 104)
    assert judged.expected.mean() == pytest.approx(0.35, abs=0.02)
    assert (judged.p_value <= 0.01).mean() <= 0.05


def test_a_share_that_stays_is_held_against_all_its_history() -> None:
    """The reference of ten years is as sure as its size: half as wide as one of a single year."""
    x, n = shares(np.random.default_rng(32), 200, 312, 6.6, 0.2)
    deviation = (judge(panel(x, "share", of=n), 1, "up", 104).expected - 0.2).std()
    assert deviation < 1.25 * np.sqrt(0.16 / (6.6 * 280))


def test_a_practice_that_always_wandered_must_wander_further() -> None:
    """Councils' shares of referrals change their odds by about 20% a year; a plain test alarms in 30% of weeks."""
    rng = np.random.default_rng(33)
    odds = np.log(0.25) + np.cumsum(rng.normal(0, 0.2 / np.sqrt(52), (200, 416)), axis=1)
    x, n = shares(rng, 200, 416, 65.0, 1 / (1 + np.exp(-odds)))
    judged = judge(panel(x, "share", of=n), 52, "up", 104)
    assert (judged.p_value <= 0.01).mean() < 0.1
    x[:, -20:] = rng.binomial(
        n[:, -20:].astype(int), np.minimum(2 * x[:, -60:-20].sum(1) / n[:, -60:-20].sum(1), 0.9)[:, None]
    )
    assert (judge(panel(x, "share", of=n), 1, "up", 104).p_value <= 0.01).mean() > 0.6


def test_the_prior_of_an_empty_reference_does_not_dull_the_limits() -> None:
    """A share far from one half: the first weeks, judged against nothing, must not count as overdispersion."""
    judged = judge(stepped(6, 40, 65.0, 0.1, 0.16, 13), 13, "up", 104)
    assert (judged.p_value <= 0.01).any(axis=1).mean() > 0.9


def test_overdispersed_shares_need_more_evidence() -> None:
    rng = np.random.default_rng(7)
    n = rng.poisson(65, (500, T))
    smooth, rough = (rng.binomial(n, p) for p in (np.full(n.shape, 0.2), rng.beta(4, 16, n.shape)))
    plain, scaled = (judge(panel(x, "share", of=n), 52, "up", 104) for x in (smooth, rough))
    assert (scaled.upper - scaled.lower).mean() > 1.6 * (plain.upper - plain.lower).mean()
    assert (scaled.p_value <= 0.01).mean() <= 0.015


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


@pytest.mark.parametrize(("after", "off"), [(0.3, 4), (0.4, 2), (0.6, 1)])
def test_the_onset_of_a_step_is_told_without_a_bias(after: float, off: int) -> None:
    truth = as_date(periods(T)[T - 13])
    found = signals(stepped(24, 150, 20.0, 0.2, after, 13), "up")
    weeks_off = np.array([(signal.onset - truth).days / 7 for signal in found])
    assert abs(np.median(weeks_off)) <= 1
    assert np.median(np.abs(weeks_off)) <= off


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


def test_quiet_periods_are_the_series_own_without_a_drift() -> None:
    """One of large families, one that has just doubled: a quiet year of either alarms as rarely as the limit says."""
    x, n = sibling_shares(np.random.default_rng(25), 1, T, 0.2)
    drifted = stepped(26, 1, 20.0, 0.2, 0.4, 10)
    some = panel(np.vstack([x, drifted.count]), "share", of=np.vstack([n, drifted.of]))
    for run in quiet(some, 52, 400, 1):
        assert run.keys == some.keys
        assert run.p_value.shape == run.excess.shape == (400, 2, 52)
        assert (run.p_value <= 0.01).mean(axis=(0, 2)) == pytest.approx([0.01, 0.01], abs=0.005)
        strong = run.p_value <= 0.001
        assert (run.excess[strong] > 0).mean() > 0.95


def test_quiet_periods_follow_from_their_seed() -> None:
    some = stepped(27, 3, 20.0, 0.2, 0.2, 1)
    one, same, other = (quiet(some, 26, 2, seed)[0].p_value for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_flows_and_stocks_are_not_its_business() -> None:
    counts: Floats = np.random.default_rng(21).poisson(10, (2, T)).astype(float)
    assert detect(panel(counts, ("flow", "stock")), USUAL, NOBODY) == ([], [])
