from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import NULLS, missing_before, overdispersed, panel, seasonal, shifted, spells

from forecaster.baseline import (
    GAINS,
    GUARD,
    LARGEST,
    Baseline,
    baseline,
    expected_since,
    normal_scores,
    quantiles,
    season_design,
    variance_growth,
)
from forecaster.types import Floats, Panel, Step

ARRAYS = ("mean", "dispersion", "gain", "season", "level", "z")
FLOW, STOCK = np.array([False]), np.array([True])


def until(base: Baseline, end: int) -> list[Floats]:
    return [getattr(base, name)[:, : end + (name == "level")] for name in ARRAYS]


def same(one: list[Floats], other: list[Floats]) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def mixed(seed: int = 1, length: int = 180) -> Panel:
    rng = np.random.default_rng(seed)
    counts = np.vstack([rng.poisson(12, (2, length)), spells(rng, 1, length)])
    return panel(counts, ("flow", "flow", "stock"))


@pytest.mark.parametrize("cut", [120, 150, 179])
def test_changing_later_values_changes_nothing_earlier(cut: int) -> None:
    before = mixed()
    counts = before.count.copy()
    counts[:, cut:] = np.random.default_rng(2).integers(0, 900, counts[:, cut:].shape)
    after = panel(counts, before.kinds)
    one, other = (baseline(p, season_until=cut)[0] for p in (before, after))
    assert same(until(one, cut), until(other, cut))


@pytest.mark.parametrize("cut", [120, 179])
def test_a_shorter_panel_gives_the_same_for_the_periods_it_has(cut: int) -> None:
    whole = mixed()
    assert same(
        until(baseline(whole, season_until=cut)[0], cut),
        until(baseline(whole.until(cut), season_until=cut)[0], cut),
    )


def test_each_series_is_followed_as_if_it_were_alone() -> None:
    together = mixed()
    base, _ = baseline(together)
    for row in range(3):
        alone, _ = baseline(together.select([row]))
        for name in ARRAYS:
            assert getattr(alone, name)[0] == pytest.approx(getattr(base, name)[row], rel=1e-3, nan_ok=True)


def test_flows_and_stocks_come_back_in_the_order_of_the_panel() -> None:
    rng = np.random.default_rng(3)
    counts = np.vstack([spells(rng, 1, 160), rng.poisson(10, 160), spells(rng, 1, 160) + 500, rng.poisson(90, 160)])
    base, season = baseline(panel(counts, ("stock", "flow", "stock", "flow")), ahead=4)
    assert base.mean[:, -1] == pytest.approx(counts[:, -30:].mean(1), rel=0.3)
    assert (base.season[[0, 2]] == 1).all()
    assert (base.gain[[0, 2]] == 1).all()
    assert (season[[0, 2]] == 1).all()


def test_a_stock_is_expected_to_stay_where_it_was() -> None:
    counts = spells(np.random.default_rng(4), 1, 140)
    base, _ = baseline(panel(counts, "stock"))
    assert base.mean[0, 60:] == pytest.approx(counts[0, 59:-1], abs=12)  # a step is followed at most 3 sd at a time
    assert np.mean(base.mean[0, 60:] == counts[0, 59:-1]) > 0.9


def test_missing_values_have_no_score_and_the_rest_stays_finite() -> None:
    counts = np.random.default_rng(5).poisson(10, (2, 180)).astype(float)
    counts[0, 40:60] = np.nan
    counts[1, 178] = np.nan
    base, _ = baseline(panel(counts))
    assert np.array_equal(np.isnan(base.z), np.isnan(counts))
    for name in ("mean", "dispersion", "season", "level"):
        assert np.isfinite(getattr(base, name)).all()


def test_the_level_rests_while_values_are_missing() -> None:
    counts = np.random.default_rng(6).poisson(10, (1, 180)).astype(float)
    counts[0, 150:160] = np.nan
    base, _ = baseline(panel(counts))
    assert (base.level[0, 150:161] == base.level[0, 150]).all()


@pytest.mark.parametrize("kind", ["flow", "stock"])
def test_a_series_without_any_value_stays_finite_and_spoils_no_other(kind: str) -> None:
    counts = np.random.default_rng(7).poisson(10, (2, 180)).astype(float)
    alone, _ = baseline(panel(counts[[1]], kind))  # type: ignore[arg-type]
    counts[0] = np.nan
    base, season = baseline(panel(counts, kind), ahead=5)  # type: ignore[arg-type]
    assert np.isfinite(base.level).all()
    assert np.isfinite(season).all()
    assert base.mean[1] == pytest.approx(alone.mean[0], rel=1e-3)


def test_zeros_alone_stay_finite_and_are_expected() -> None:
    base, _ = baseline(panel(np.zeros((1, 180))))
    for name in ARRAYS:
        assert np.isfinite(getattr(base, name)).all()
    assert base.mean[0, -1] < 1e-6
    assert abs(base.z[0, -1]) < 0.1


def test_the_level_follows_a_shift_within_a_year() -> None:
    rng = np.random.default_rng(8)
    counts = np.concatenate([rng.poisson(20, (20, 150)), rng.poisson(34, (20, 60))], axis=1)
    base, _ = baseline(panel(counts))
    assert base.level[:, 150].mean() == pytest.approx(20, rel=0.06)
    assert base.level[:, -1].mean() == pytest.approx(34, rel=0.1)
    assert base.gain[:, -1].mean() > base.gain[:, 149].mean()


def test_a_stationary_series_keeps_a_long_memory() -> None:
    counts = np.random.default_rng(9).poisson(20, (40, 260))
    base, _ = baseline(panel(counts))
    assert np.median(base.gain[:, -1]) <= 0.03
    assert set(np.unique(base.gain)) <= set(GAINS)


@pytest.mark.parametrize("size", [200.0, 2000.0, 1e6])
def test_a_single_huge_value_does_not_move_the_level_far(size: float) -> None:
    counts = np.random.default_rng(10).poisson(20, (20, 200)).astype(float)
    spiked = counts.copy()
    spiked[:, 180] = size
    calm, base = (baseline(panel(c), season_until=180)[0] for c in (counts, spiked))
    assert base.level[:, 181] == pytest.approx(calm.level[:, 181], rel=0.2)
    assert base.mean[:, -1] == pytest.approx(calm.mean[:, -1], rel=0.2)
    assert base.dispersion[:, -1].mean() < 2.0 * calm.dispersion[:, -1].mean()


@pytest.mark.parametrize("name", [name for name in NULLS if name not in ("zero heavy", "level shifted")])
def test_scores_of_a_quiet_series_are_about_standard_normal(name: str) -> None:
    counts, _ = NULLS[name](np.random.default_rng(11), 80, 208)
    z = baseline(panel(counts), season_until=208)[0].z[:, 104:]
    assert z.mean() == pytest.approx(0, abs=0.06)
    assert z.std() == pytest.approx(1, abs=0.08)
    assert np.mean(z > 1.96) == pytest.approx(0.025, abs=0.014)
    assert np.mean(z < -1.96) == pytest.approx(0.025, abs=0.014)


def test_scores_of_rare_events_are_centred_and_never_wider_than_normal() -> None:
    counts, _ = NULLS["zero heavy"](np.random.default_rng(12), 80, 208)
    z = baseline(panel(counts), season_until=208)[0].z[:, 104:]
    assert z.mean() == pytest.approx(0, abs=0.1)
    assert z.std() < 1


def test_dispersion_is_that_of_the_counts() -> None:
    counts = overdispersed(np.random.default_rng(13), 40.0, 5.0, (60, 260))
    base, _ = baseline(panel(counts))
    assert np.median(base.dispersion[:, -1]) == pytest.approx(5.0, rel=0.15)


def test_a_stock_s_dispersion_is_that_of_its_steps() -> None:
    rng = np.random.default_rng(14)
    counts = 200 + np.cumsum(rng.poisson(6, (60, 208)) - rng.poisson(6, (60, 208)), axis=1)  # steps of variance 12
    base, _ = baseline(panel(counts, "stock"))
    assert np.median(base.dispersion[:, -1] * base.mean[:, -1]) == pytest.approx(12, rel=0.15)
    assert base.z[:, 104:].std() == pytest.approx(1, abs=0.1)


def test_the_season_is_found_again_and_its_mean_is_one() -> None:
    rng = np.random.default_rng(15)
    wave = np.exp(0.3 * np.sin(2 * np.pi * np.arange(286) / 52.18))
    counts = rng.poisson(80 * wave, (10, 286))
    base, ahead = baseline(panel(counts), ahead=26)
    assert base.season.mean() == pytest.approx(1, abs=0.05)
    for factor in base.season:
        assert np.corrcoef(factor, wave)[0, 1] > 0.95
    future = np.exp(0.3 * np.sin(2 * np.pi * np.arange(286, 312) / 52.18))
    assert ahead.mean(0) == pytest.approx(future, rel=0.25)


def test_there_is_no_season_before_two_years_are_known() -> None:
    counts, _ = seasonal(np.random.default_rng(16), 5, 2 * 52 + GUARD["week"] - 1)
    assert (baseline(panel(counts))[0].season == 1).all()
    late = missing_before(seasonal(np.random.default_rng(16), 5, 260)[0], 180)
    assert (baseline(panel(late))[0].season == 1).all()


def test_the_season_does_not_learn_from_the_newest_periods() -> None:
    counts, _ = seasonal(np.random.default_rng(17), 3, 208)
    surged = counts.copy()
    surged[:, -GUARD["week"] :] *= 3
    one, other = (baseline(panel(c))[0].season for c in (counts, surged))
    assert np.array_equal(one, other)


def test_a_level_shift_does_not_pass_for_season() -> None:
    counts, _ = shifted(np.random.default_rng(18), 30, 260)
    base, _ = baseline(panel(counts))
    assert base.season.std(1).mean() < 0.12


def test_a_series_that_starts_late_is_followed_as_one_that_starts_there() -> None:
    counts = overdispersed(np.random.default_rng(19), 20.0, 2.0, (20, 300))
    late, _ = baseline(panel(missing_before(counts, 150)))
    short, _ = baseline(panel(counts[:, 150:], first=dt.date(2016, 11, 21)))
    assert late.mean[:, -1] == pytest.approx(short.mean[:, -1], rel=0.1)
    assert late.dispersion[:, -1] == pytest.approx(short.dispersion[:, -1], rel=0.1)
    assert np.median(late.gain[:, -1]) == np.median(short.gain[:, -1])


def test_detectors_read_the_capped_counts_and_people_all_children() -> None:
    counts, capped = NULLS["families"](np.random.default_rng(20), 4, 160)
    some = panel(counts, capped=capped)
    assert same(until(baseline(some)[0], 160), until(baseline(panel(capped))[0], 160))
    assert same(until(baseline(some.uncapped())[0], 160), until(baseline(panel(counts))[0], 160))


@pytest.mark.parametrize("step", ["week", "month"])
def test_the_season_s_design_bends_once_a_year_and_only_among_what_is_known(step: Step) -> None:
    year = {"week": 52, "month": 12}[step]
    periods = panel(np.zeros((1, 5 * year)), step=step).periods
    design, penalty, trend = season_design(periods, 3 * year, step)
    assert design.shape == (5 * year, len(penalty))
    assert trend == 2 + 2  # level, slope, a bend after the first and the second year
    assert (design[:, 0] == 1).all()
    assert (penalty[1:] > 0).all()


def test_months_have_their_own_season() -> None:
    rng = np.random.default_rng(21)
    wave = np.exp(0.3 * np.cos(2 * np.pi * np.arange(96) / 12))
    base, _ = baseline(panel(rng.poisson(200 * wave, (3, 96)), step="month"))
    for factor in base.season:
        assert np.corrcoef(factor, wave)[0, 1] > 0.9


def test_a_score_is_the_mid_p_of_the_count() -> None:
    found = normal_scores(np.array([[0.0, 10.0, 30.0, np.nan]]), np.full((1, 4), 10.0), np.full((1, 4), 1.0))
    assert found[0, 0] < -2.5
    assert found[0, 1] == pytest.approx(0, abs=0.1)
    assert found[0, 2] > 4
    assert np.isnan(found[0, 3])


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 300), st.floats(1, 20))
def test_scores_grow_with_the_count_and_stay_within_what_is_trusted(mean: float, phi: float) -> None:
    counts = np.arange(0, 1000, dtype=float)[None]
    z = normal_scores(counts, np.full_like(counts, mean), np.full_like(counts, phi))[0]
    assert (np.diff(z) >= -1e-9).all()
    assert np.abs(z).max() <= LARGEST


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-9, 500), st.floats(0.01, 20), st.booleans())
def test_quantiles_grow_with_their_level_and_are_whole_and_never_negative(mean: float, phi: float, stock: bool) -> None:
    levels = [0.025, 0.1, 0.5, 0.9, 0.975]
    found = [quantiles(np.full((1, 1), mean), np.full((1, 1), phi), q, np.array([stock]))[0, 0] for q in levels]
    assert (np.diff(found) >= 0).all()
    assert min(found) >= 0
    assert np.array_equal(found, np.round(found))


def test_quantiles_of_plain_counts_are_those_of_poisson() -> None:
    mean, phi = np.full((1, 1), 6.0), np.ones((1, 1))
    assert quantiles(mean, phi, 0.025, FLOW)[0, 0] == 2
    assert quantiles(mean, phi, 0.975, FLOW)[0, 0] == 11
    assert quantiles(np.full((1, 1), 200.0), np.full((1, 1), 0.06), 0.975, STOCK)[0, 0] == 207  # 200 + 1.96 root 12


def test_what_was_expected_since_an_onset_is_the_level_of_before_it() -> None:
    rng = np.random.default_rng(22)
    counts = np.concatenate([rng.poisson(20, (4, 150)), rng.poisson(60, (4, 10))], axis=1)
    base, _ = baseline(panel(counts), season_until=150)
    mean, dispersion = expected_since(base, 150, 159)
    assert mean.shape == dispersion.shape == (4, 10)
    assert mean / base.season[:, 150:160] == pytest.approx(np.repeat(base.level[:, [150]], 10, axis=1))
    assert mean.mean() == pytest.approx(20, rel=0.1)
    assert (np.diff(dispersion, axis=1) >= 0).all()


def test_errors_grow_with_the_steps_ahead_as_in_single_source_smoothing() -> None:
    found = variance_growth(np.array([0.0, 0.1, 1.0]), 4)
    assert found[0].tolist() == [1, 1, 1, 1]
    assert found[1] == pytest.approx([1, 1.01, 1.02, 1.03])
    assert found[2].tolist() == [1, 2, 3, 4]  # a random walk


def test_the_spread_of_simulated_smoothing_grows_as_said() -> None:
    rng, gain = np.random.default_rng(23), 0.3
    error = rng.standard_normal((20_000, 8))
    level = np.c_[np.zeros(20_000), gain * np.cumsum(error, axis=1)[:, :-1]]
    assert (level + error).var(0) == pytest.approx(variance_growth(np.array([gain]), 8)[0], rel=0.05)
