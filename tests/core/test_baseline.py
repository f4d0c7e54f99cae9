from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from made_panels import NULLS, missing_before, overdispersed, panel, spells
from scipy import stats

from forecaster.baseline import CLIP, GAINS, LAG, PRIOR_FLOW, Baseline, baseline, clipped, surprising, variance_growth
from forecaster.calendar import per_year
from forecaster.glm import anscombe_residuals
from forecaster.types import Floats, Kind, Panel, Step

PERIODS = ("mean", "dispersion", "gain")  # S x T
BEFORE = ("levels", "weights")  # E x S x (T + 1)
REGRESSION = 0  # the first expert; then one for each gain, and the mean of the last year
YEARS_MEAN = -1


def until(base: Baseline, end: int) -> list[Floats]:
    return [
        *(getattr(base, name)[:, :end] for name in PERIODS),
        *(getattr(base, name)[:, :, : end + 1] for name in BEFORE),
        base.profiles[:, :, :end],
    ]


def same(one: list[Floats], other: list[Floats]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def mixed(seed: int = 1, length: int = 180) -> Panel:
    rng = np.random.default_rng(seed)
    counts = np.vstack([rng.poisson(12, (2, length)), spells(rng, 1, length)])
    return panel(counts, ("flow", "flow", "stock"))


def weighed(base: Baseline) -> Floats:
    """What every expert is believed after the newest period, on average over series."""
    return np.asarray(base.weights[:, :, -1].mean(1))


# What is known before a period


@pytest.mark.parametrize("cut", [120, 150, 179])
def test_changing_later_values_changes_nothing_earlier(cut: int) -> None:
    before = mixed()
    counts = before.count.copy()
    counts[:, cut:] = np.random.default_rng(2).integers(0, 900, counts[:, cut:].shape)
    after = panel(counts, before.kinds)
    one, other = (baseline(p, season_until=cut) for p in (before, after))
    assert same(until(one, cut), until(other, cut))


@pytest.mark.parametrize("cut", [120, 179])
def test_a_shorter_panel_gives_the_same_for_the_periods_it_has(cut: int) -> None:
    whole = mixed()
    assert same(
        until(baseline(whole, season_until=cut), cut),
        until(baseline(whole.until(cut), season_until=cut), cut),
    )


def test_a_value_moves_what_is_expected_after_it_and_not_before() -> None:
    one = mixed()
    counts = one.count.copy()
    counts[:, 150] += 12
    base, other = (baseline(p, season_until=150) for p in (one, panel(counts, one.kinds)))
    assert np.array_equal(base.mean[:, :151], other.mean[:, :151])
    assert (other.mean[:, 151] > base.mean[:, 151]).all()


# Each series by itself


def test_each_series_is_followed_as_if_it_were_alone() -> None:
    together = mixed()
    base = baseline(together)
    for row in range(3):
        alone = baseline(together.select([row]))
        for name in PERIODS:
            assert getattr(alone, name)[0] == pytest.approx(getattr(base, name)[row], rel=1e-3)


def test_flows_and_stocks_come_back_in_the_order_of_the_panel() -> None:
    rng = np.random.default_rng(3)
    counts = np.vstack([spells(rng, 1, 160), rng.poisson(10, 160), spells(rng, 1, 160) + 500, rng.poisson(90, 160)])
    base = baseline(panel(counts, ("stock", "flow", "stock", "flow")), ahead=4)
    assert base.mean[:, -1] == pytest.approx(counts[:, -30:].mean(1), rel=0.3)
    assert base.expected(160, 163)[:, 0] == pytest.approx(counts[:, -30:].mean(1), rel=0.3)
    assert (base.gain[[0, 2]] == 1).all()
    assert (base.profiles[:, [0, 2]] == 1).all()
    assert (base.weights[0, [0, 2]] == 1).all()
    assert base.weights.sum(0) == pytest.approx(np.ones((4, 161)))


@pytest.mark.parametrize("kind", ["flow", "stock"])
def test_a_panel_of_one_kind_or_of_nothing_has_its_own_shapes(kind: Kind) -> None:
    counts = np.random.default_rng(4).poisson(10, (2, 120)).astype(float)
    whole = baseline(panel(counts, kind), ahead=3)
    assert whole.mean.shape == (2, 120)
    assert whole.profiles.shape[1:] == (2, 123)
    nothing = baseline(panel(counts, kind).select([]), ahead=3)
    assert nothing.mean.shape == (0, 120)
    assert nothing.expected(120, 122).shape == (0, 3)


@pytest.mark.parametrize("step", ["week", "month"])
@pytest.mark.parametrize("length", [1, 2, 3, 11, 40])
def test_a_few_periods_are_enough_for_an_expectation(length: int, step: Step) -> None:
    some = panel(np.full((2, length), 6.0), ("flow", "stock"), step=step)
    base = baseline(some, ahead=2)
    assert base.mean == pytest.approx(np.full((2, length), 6.0), rel=0.05)
    assert base.expected(length, length + 1) == pytest.approx(np.full((2, 2), 6.0), rel=0.05)
    assert (base.dispersion > 0).all()


def test_a_series_that_starts_late_is_followed_as_one_that_starts_there() -> None:
    counts = overdispersed(np.random.default_rng(19), 20.0, 2.0, (20, 300))
    late = baseline(panel(missing_before(counts, 150)))
    short = baseline(panel(counts[:, 150:], first=dt.date(2016, 11, 21)))
    assert late.mean[:, -1] == pytest.approx(short.mean[:, -1], rel=0.1)
    assert late.dispersion[:, -1] == pytest.approx(short.dispersion[:, -1], rel=0.1)


def test_detectors_read_the_capped_counts_and_people_all_children() -> None:
    counts, capped = NULLS["families"](np.random.default_rng(20), 4, 160)
    some = panel(counts, capped=capped)
    assert same(until(baseline(some), 160), until(baseline(panel(capped)), 160))
    assert same(until(baseline(some.uncapped()), 160), until(baseline(panel(counts)), 160))


# What is missing


def test_a_missing_value_is_not_a_zero() -> None:
    counts = np.random.default_rng(5).poisson(10, (2, 180)).astype(float)
    holes = counts.copy()
    holes[0, 40:60] = np.nan
    holes[1, 178] = np.nan
    base = baseline(panel(holes))
    for array in until(base, 180):
        assert np.isfinite(array).all()
    assert base.mean[:, -1] == pytest.approx(baseline(panel(counts)).mean[:, -1], rel=0.1)


def test_levels_dispersion_and_weights_rest_while_values_are_missing() -> None:
    counts = np.random.default_rng(6).poisson(10, (1, 200)).astype(float)
    counts[0, 150:170] = np.nan
    base = baseline(panel(counts), season_until=150)
    smoothed = base.levels[1:YEARS_MEAN, 0, 150:171]
    assert (smoothed == smoothed[:, :1]).all()
    settled = 150 + LAG["week"]
    assert (base.weights[:, 0, settled:171] == base.weights[:, 0, settled, None]).all()


@pytest.mark.parametrize("kind", ["flow", "stock"])
def test_a_series_without_any_value_stays_finite_and_spoils_no_other(kind: Kind) -> None:
    counts = np.random.default_rng(7).poisson(10, (2, 180)).astype(float)
    alone = baseline(panel(counts[[1]], kind))
    counts[0] = np.nan
    base = baseline(panel(counts, kind), ahead=5)
    for array in until(base, 180):
        assert np.isfinite(array).all()
    assert np.isfinite(base.expected(180, 184)).all()
    assert base.mean[1] == pytest.approx(alone.mean[0], rel=1e-3)


def test_zeros_alone_stay_finite_and_the_next_event_is_not_impossible() -> None:
    base = baseline(panel(np.zeros((1, 180))), ahead=3)
    for array in until(base, 180):
        assert np.isfinite(array).all()
    assert 1e-4 < base.mean[0, -1] < 0.05
    assert (base.expected(180, 182) > 0).all()


# Which expert is believed


def test_in_a_stationary_series_the_regression_weighs_most_after_years() -> None:
    counts = overdispersed(np.random.default_rng(8), 20.0, 2.0, (60, 14 * 52))
    found = weighed(baseline(panel(counts)))
    assert found.argmax() == REGRESSION
    assert found[REGRESSION] > 0.5
    early = weighed(baseline(panel(counts[:, :208])))
    assert early[REGRESSION] < 0.1  # four years say little of a trend


def test_a_trend_is_the_regression_s_to_follow() -> None:
    counts = np.random.default_rng(9).poisson(30 * np.exp(0.12 * np.arange(416) / 52), (30, 416))
    base = baseline(panel(counts), ahead=26)
    assert weighed(base).argmax() == REGRESSION
    assert base.expected(416, 441).mean() == pytest.approx(30 * np.exp(0.12 * 8.25), rel=0.05)


def test_after_a_shift_of_level_the_levels_that_follow_weigh_most() -> None:
    rng = np.random.default_rng(10)
    for steps in ([20, 34], [20, 34, 18, 30]):
        counts = np.concatenate([rng.poisson(level, (40, 312 // len(steps))) for level in steps], axis=1)
        found = weighed(baseline(panel(counts)))
        assert found[REGRESSION] < 0.05
        assert found[1:YEARS_MEAN].sum() > 0.6


def test_a_shift_is_followed_within_a_year_by_a_larger_gain() -> None:
    rng = np.random.default_rng(11)
    counts = np.concatenate([rng.poisson(20, (20, 150)), rng.poisson(34, (20, 60))], axis=1)
    base = baseline(panel(counts), season_until=150)
    assert base.mean[:, 150].mean() == pytest.approx(20, rel=0.06)
    assert base.mean[:, -1].mean() == pytest.approx(34, rel=0.1)
    assert base.gain[:, -1].mean() > 2 * base.gain[:, 149].mean()


def test_an_ongoing_surge_does_not_choose_its_own_baseline() -> None:
    rng = np.random.default_rng(12)
    counts = rng.poisson(20, (20, 260)).astype(float)
    surged = counts.copy()
    surged[:, -LAG["week"] :] += 20
    one, other = (baseline(panel(c), season_until=260 - LAG["week"]) for c in (counts, surged))
    assert np.array_equal(one.weights[:, :, -1], other.weights[:, :, -1])
    assert other.mean[:, -1].mean() < 26  # of 40


def test_a_stationary_series_keeps_a_long_memory() -> None:
    base = baseline(panel(np.random.default_rng(13).poisson(20, (40, 260))))
    assert base.gain[:, -1].max() < 0.06
    assert base.mean[:, -52:].std(1).mean() < 1.6  # its season and its level move it less than chance moves a week


@pytest.mark.parametrize("size", [200.0, 2000.0, 1e6])
def test_a_single_huge_value_is_soon_forgotten(size: float) -> None:
    counts = np.random.default_rng(14).poisson(20, (20, 200)).astype(float)
    spiked = counts.copy()
    spiked[:, 170] = size
    calm, base = (baseline(panel(c), season_until=170) for c in (counts, spiked))
    assert base.mean[:, 171] == pytest.approx(calm.mean[:, 171], rel=0.2)
    assert base.mean[:, -1] == pytest.approx(calm.mean[:, -1], rel=0.1)
    assert base.dispersion[:, -1].mean() < 1.2 * calm.dispersion[:, -1].mean()
    assert np.abs(base.weights - calm.weights)[:, :, -1].mean() < 0.2


# How much counts vary


@pytest.mark.parametrize(("mean", "phi"), [(40.0, 5.0), (6.0, 2.0), (20.0, 1.0), (8.0, 8.0)])
def test_dispersion_is_that_of_the_counts(mean: float, phi: float) -> None:
    rng = np.random.default_rng(15)
    counts = overdispersed(rng, mean, phi, (80, 312)) if phi > 1 else rng.poisson(mean, (80, 312))
    assert np.median(baseline(panel(counts)).dispersion[:, -1]) == pytest.approx(phi, rel=0.15)


def test_a_rare_series_says_little_of_how_much_it_varies() -> None:
    """One event in ten weeks for two years: more is supposed than of plain counts, as where there is no record yet."""
    found = baseline(panel(np.random.default_rng(27).poisson(0.1, (200, 130)))).dispersion[:, -1]
    assert 1.6 < np.median(found) < PRIOR_FLOW
    often = baseline(panel(np.random.default_rng(27).poisson(10, (200, 130)))).dispersion[:, -1]
    assert np.median(often) < 1.25


@pytest.mark.parametrize("name", [name for name in NULLS if name != "level shifted"])
def test_standardised_errors_of_a_quiet_series_have_a_variance_of_one(name: str) -> None:
    counts, _ = NULLS[name](np.random.default_rng(16), 120, 260)
    base = baseline(panel(counts), season_until=208)
    error = ((counts - base.mean) ** 2 / (base.mean * base.dispersion))[:, 208:]
    assert error.mean() == pytest.approx(1, abs=0.12)
    assert (counts - base.mean)[:, 208:].mean() == pytest.approx(0, abs=0.04 * counts.mean())


@pytest.mark.parametrize("phi", [1.02, 1.5, 2.0, 4.0, 7.0, 10.0])
@pytest.mark.parametrize("mean", [0.5, 2.0, 6.6, 20.0, 50.0])
def test_what_is_left_of_the_variance_of_clipped_counts_is_what_the_formula_says(mean: float, phi: float) -> None:
    distribution = stats.nbinom(mean / (phi - 1), 1 / phi)
    counts = np.arange(distribution.isf(1e-12) + 2)
    limit = surprising(np.array(mean), np.array(phi))
    squares = np.minimum((counts - mean) ** 2, limit**2)
    exact = (distribution.pmf(counts) * squares).sum() / (phi * mean)
    assert clipped(np.array(mean), np.array(phi)) == pytest.approx(exact, rel=0.06)


@pytest.mark.parametrize(("mean", "phi"), [(0.4, 1.3), (6.6, 2.0), (100.0, 5.0)])
def test_a_count_is_surprising_where_its_anscombe_residual_is(mean: float, phi: float) -> None:
    limit = mean + surprising(np.array(mean), np.array(phi))
    residual = anscombe_residuals(np.array([[limit]]), np.array([[mean]]), np.array([phi]))
    assert residual[0, 0] == pytest.approx(CLIP, rel=1e-6)


# Stocks


def test_a_stock_is_expected_to_stay_where_it_was() -> None:
    counts = spells(np.random.default_rng(17), 4, 140)
    base = baseline(panel(counts, "stock"), ahead=5)
    assert np.array_equal(base.mean[:, 60:], counts[:, 59:-1])
    assert np.array_equal(base.expected(140, 144), np.repeat(counts[:, -1:], 5, axis=1))


def test_a_stock_s_dispersion_is_that_of_its_steps() -> None:
    rng = np.random.default_rng(18)
    counts = 200 + np.cumsum(rng.poisson(6, (60, 208)) - rng.poisson(6, (60, 208)), axis=1)  # steps of variance 12
    base = baseline(panel(counts, "stock"))
    assert np.median(base.dispersion[:, -1] * base.mean[:, -1]) == pytest.approx(12, rel=0.15)


def test_a_typing_error_in_a_stock_is_not_its_new_level() -> None:
    counts = spells(np.random.default_rng(19), 6, 160)
    typed = counts.copy()
    typed[:, 140] *= 10
    calm, base = (baseline(panel(c, "stock")) for c in (counts, typed))
    assert base.mean[:, 141] == pytest.approx(calm.mean[:, 141], rel=0.15)
    assert base.mean[:, -1] == pytest.approx(counts[:, -2])
    assert base.dispersion[:, -1] == pytest.approx(calm.dispersion[:, -1], rel=0.3)


def test_a_stock_that_was_empty_is_followed_when_it_fills() -> None:
    counts = np.r_[np.zeros(80), np.arange(1, 21), np.full(40, 20.0)][None]
    base = baseline(panel(counts, "stock"))
    assert base.mean[0, -1] == pytest.approx(20)
    assert base.mean[0, 100] == pytest.approx(20, abs=8)


# Ahead, and since an onset


def test_what_was_expected_since_an_onset_is_what_was_known_before_it() -> None:
    rng = np.random.default_rng(20)
    counts = np.concatenate([rng.poisson(20, (4, 150)), rng.poisson(60, (4, 10))], axis=1)
    base = baseline(panel(counts), season_until=150)
    mean, dispersion = base.expected_since(150, 159)
    assert mean.shape == dispersion.shape == (4, 10)
    assert np.array_equal(mean, base.expected(150, 159))
    assert mean[:, 0] == pytest.approx(base.mean[:, 150])
    assert mean.mean() == pytest.approx(20, rel=0.1)
    assert (np.diff(dispersion, axis=1) >= 0).all()
    assert dispersion[:, 0] == pytest.approx(base.dispersion[:, 150])


def test_what_was_expected_does_not_know_what_came() -> None:
    counts = np.random.default_rng(21).poisson(20, (3, 200)).astype(float)
    surged = counts.copy()
    surged[:, 180:] *= 4
    one, other = (baseline(panel(c), season_until=180) for c in (counts, surged))
    assert np.array_equal(one.expected(180, 199), other.expected(180, 199))


def test_the_season_of_what_is_ahead_is_expected() -> None:
    wave = np.exp(0.3 * np.sin(2 * np.pi * np.arange(312) / 52.18))
    counts = np.random.default_rng(22).poisson(80 * wave[:286], (10, 286))
    base = baseline(panel(counts), ahead=26)
    assert base.expected(286, 311).mean(0) == pytest.approx(80 * wave[286:], rel=0.2)


def test_months_are_expected_by_their_season() -> None:
    wave = 200 * np.exp(0.3 * np.cos(2 * np.pi * np.arange(100) / 12))
    months = panel(np.random.default_rng(23).poisson(wave[:96], (6, 96)), step="month")
    assert baseline(months, ahead=4).expected(96, 99).mean(0) == pytest.approx(wave[96:], rel=0.12)


@pytest.mark.parametrize("step", ["week", "month"])
def test_there_is_an_expert_for_every_gain_beside_the_regression_and_the_mean_of_a_year(step: Step) -> None:
    base = baseline(panel(np.random.default_rng(24).poisson(20, (2, 120)), step=step))
    assert len(base.levels) == len(base.weights) == len(base.profiles) == len(GAINS[step]) + 2
    assert (base.levels[REGRESSION] == 1).all()
    assert base.gain.max() < max(GAINS[step])


def test_the_mean_of_the_last_year_is_one_of_the_experts() -> None:
    counts = np.random.default_rng(25).integers(18, 23, (3, 120)).astype(float)  # nothing to clip, and no season yet
    base = baseline(panel(counts))
    assert base.levels[YEARS_MEAN, :, -1] == pytest.approx(counts[:, -per_year("week") :].mean(1))


def test_errors_grow_with_the_steps_ahead_as_in_single_source_smoothing() -> None:
    found = variance_growth(np.array([0.0, 0.1, 1.0]), 4)
    assert found[0].tolist() == [1, 1, 1, 1]
    assert found[1] == pytest.approx([1, 1.01, 1.02, 1.03])
    assert found[2].tolist() == [1, 2, 3, 4]  # a random walk


def test_the_spread_of_simulated_smoothing_grows_as_said() -> None:
    rng, gain = np.random.default_rng(26), 0.3
    error = rng.standard_normal((20_000, 8))
    level = np.c_[np.zeros(20_000), gain * np.cumsum(error, axis=1)[:, :-1]]
    assert (level + error).var(0) == pytest.approx(variance_growth(np.array([gain]), 8)[0], rel=0.05)
