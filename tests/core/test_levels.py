"""Exponential smoothing with weights learnt from all series together: it follows what lasts, and only that."""

from __future__ import annotations

import numpy as np
import pytest
from made_panels import missing_before, overdispersed, panel, spells
from scipy.special import ndtri

from forecaster.models.levels import (
    FEWEST_A_YEAR,
    GAINS,
    SHAPE_PRIOR,
    _between,
    _by_size,
    _contrasts,
    _levels,
    _mean,
    _past,
    _regressed,
    _shape,
    predict,
)
from forecaster.types import QUANTILES, Ask, Floats, Kind, Step

K, H = 208, 26
LOW, MEDIAN, HIGH = (QUANTILES.index(q) for q in (0.025, 0.5, 0.975))
DAILY = np.array([0.01, 0.03, 0.1, 0.3, 1.0])


def ahead(counts: Floats, kind: Kind = "flow", horizon: int = H, step: Step = "week") -> Floats:
    """Quantiles S x H x Q from the end of the counts."""
    return predict(panel(counts, kind, step=step), Ask((counts.shape[1],), horizon))[:, 0]


def walks(rng: np.random.Generator, series: int, mean: float = 200.0, step: float = 0.1) -> Floats:
    """Counts whose level wanders: the newest one tells the most."""
    level = mean * np.exp(np.cumsum(rng.normal(0, step, (series, K)), axis=1))
    return rng.poisson(level).astype(float)


def flat(rng: np.random.Generator, series: int, mean: float = 200.0, phi: float = 3.0) -> Floats:
    return overdispersed(rng, mean, phi, (series, K))


def rise_after_a_jump(others: Floats) -> float:
    """By how much the forecast of a steady series moves when its newest eight weeks are half as high again."""
    steady = np.random.default_rng(20).poisson(200, K).astype(float)
    jumped = steady * np.where(np.arange(K) < K - 8, 1.0, 1.5)
    before, after = (ahead(np.vstack([own, others]))[0, 3, MEDIAN] for own in (steady, jumped))
    return float(after / before - 1)


def test_a_steady_series_is_forecast_at_its_level_with_the_noise_of_counts() -> None:
    found = ahead(np.random.default_rng(1).poisson(40, (40, K)).astype(float))
    assert found[..., MEDIAN].mean() == pytest.approx(40, rel=0.02)
    assert (found[..., HIGH] - found[..., LOW]).mean() == pytest.approx(2 * 1.96 * 40**0.5, rel=0.08)


def test_overdispersed_counts_have_wider_bands() -> None:
    found = ahead(overdispersed(np.random.default_rng(2), 40.0, 5.0, (40, K)))
    assert (found[..., HIGH] - found[..., LOW]).mean() == pytest.approx(2 * 1.96 * 200**0.5, rel=0.08)


def test_where_levels_wander_all_follow_the_newest_and_where_they_do_not_none_does() -> None:
    """What a rise of eight weeks means is learnt from the other series."""
    rng = np.random.default_rng(3)
    assert rise_after_a_jump(walks(rng, 30)) > 0.35
    assert rise_after_a_jump(flat(rng, 30)) < 0.2


def test_bands_of_wandering_levels_widen_with_the_horizon_and_those_of_steady_ones_do_not() -> None:
    rng = np.random.default_rng(4)
    for counts, widens in ((walks(rng, 40), True), (flat(rng, 40), False)):
        width = np.log((ahead(counts)[..., HIGH] + 1) / (ahead(counts)[..., LOW] + 1)).mean(0)
        assert bool(width[-1] / width[0] > 1.8) is widens
        assert width[-1] / width[0] > 0.9


def test_a_series_that_fell_deep_does_not_make_nothing_of_the_forecasts_of_all() -> None:
    """Weights may sum to more than one: of a level far below the anchor they must not make a mean below zero."""
    counts = walks(np.random.default_rng(4), 40, step=0.1)
    found = ahead(counts)[:, -1]
    assert (found[:, MEDIAN] > counts[:, -26:].min(1) / 4).all()
    assert (found[:, HIGH] < 20 * counts[:, -26:].max(1)).all()
    assert _mean(np.array([10.0]), np.array([[-0.9], [-0.8]]), np.array([0.7, 0.6])).tolist() == pytest.approx([0.5])
    assert _mean(np.array([10.0]), np.array([[-0.2], [0.4]]), np.array([0.5, 0.5])).tolist() == pytest.approx([11.0])


def test_the_season_of_the_coming_weeks_is_in_the_forecast_of_flows() -> None:
    wave = np.exp(0.3 * np.sin(2 * np.pi * np.arange(K + H) / 52.18))
    found = ahead(np.random.default_rng(5).poisson(600 * wave[:K], (30, K)).astype(float))
    assert found[..., MEDIAN].mean(0) == pytest.approx(600 * wave[K:], rel=0.02)


def test_a_stock_has_no_season() -> None:
    wave = np.round(np.tile(300 * np.exp(0.2 * np.sin(2 * np.pi * np.arange(K) / 52.18)), (3, 1)))
    assert (_past(panel(wave, "stock"), H, True).season == 1).all()
    assert np.ptp(_past(panel(wave), H, False).season) > 0.3


def test_a_stock_is_forecast_where_it_is_and_less_surely_the_further_ahead() -> None:
    counts = spells(np.random.default_rng(6), 30, K)
    found = ahead(counts, "stock")
    assert found[:, 0, MEDIAN] == pytest.approx(counts[:, -1], abs=8)
    width = (found[..., HIGH] - found[..., LOW]).mean(0)
    assert width[-1] > 2.5 * width[0]
    assert np.array_equal(found, np.round(found))


def test_the_errors_of_a_random_walk_grow_with_the_root_of_the_horizon() -> None:
    """Each horizon is learnt from what came just so many weeks after a forecast."""
    counts = np.round(500 + np.cumsum(np.random.default_rng(22).normal(0, 5, (60, K)), axis=1))
    found = ahead(counts, "stock")
    width = (found[..., HIGH] - found[..., LOW]).mean(0)[[0, 1, 2, 3, 8]]
    assert width == pytest.approx(2 * 1.96 * 5 * np.sqrt([1, 2, 3, 4, 9]), rel=0.09)


def test_a_series_needs_a_year_of_its_own_and_no_more() -> None:
    counts = np.random.default_rng(7).poisson(20, (6, K)).astype(float)
    counts[:3] = [missing_before(counts[[i]], K - seen)[0] for i, seen in enumerate((52, 53, 60))]
    found = ahead(counts)
    assert np.isfinite(found).all((1, 2)).tolist() == [False, True, True, True, True, True]
    assert found[1:, :, MEDIAN].mean(1) == pytest.approx(np.full(5, 20), rel=0.2)


def test_a_short_series_borrows_how_counts_vary_from_the_others() -> None:
    rng = np.random.default_rng(8)
    short = rng.poisson(20, 60).astype(float)
    counts = overdispersed(rng, 20.0, 6.0, (30, K))
    counts[0] = np.r_[np.full(K - 60, np.nan), short]
    among, alone = ahead(counts), ahead(counts[[0]])
    assert among[0, 5, HIGH] > alone[0, 5, HIGH] + 3


def test_a_series_that_varies_more_than_others_of_its_size_has_a_wider_band() -> None:
    rng = np.random.default_rng(9)
    counts = rng.poisson(40, (30, K)).astype(float)
    counts[0] = overdispersed(rng, 40.0, 8.0, (K,))
    found = ahead(counts)
    width = (found[..., HIGH] - found[..., LOW]).mean(1)
    assert width[0] > 1.6 * np.median(width)


def test_what_a_series_did_of_late_tells_more_of_its_band_than_what_it_did_years_ago() -> None:
    rng = np.random.default_rng(10)
    calm, wild = rng.poisson(40, (2, K // 2)), overdispersed(rng, 40.0, 8.0, (2, K // 2))
    calmer, wilder = np.c_[wild[:1], calm[:1]], np.c_[calm[1:], wild[1:]]
    others = overdispersed(rng, 40.0, 3.0, (28, K))
    width = np.ptp(ahead(np.vstack([calmer, wilder, others]))[:2][..., [LOW, HIGH]], axis=-1).mean(1)
    assert width[1] > 1.25 * width[0]


def test_a_surprise_widens_the_band_of_its_series_only_so_far() -> None:
    counts = np.random.default_rng(11).poisson(40, (20, K)).astype(float)
    odd = counts.copy()
    odd[0, 150] = 400
    plain, found = (ahead(some)[0, 5, HIGH] for some in (counts, odd))
    assert found < plain + 2.5


def test_heavy_tails_of_all_series_are_in_the_outer_quantiles_of_each() -> None:
    """Nine weeks of ten vary little, the tenth a lot: the middle of a band is narrower than its ends say."""
    rng = np.random.default_rng(12)
    odd = rng.random((60, K)) < 0.1
    counts = np.round(200 * np.exp(np.where(odd, rng.normal(0, 0.45, odd.shape), rng.normal(0, 0.08, odd.shape))))
    found = ahead(counts)[:, 5] / 200
    ends, middle = (np.ptp(found[:, [a, b]], axis=1).mean() for a, b in ((LOW, HIGH), (3, 5)))
    assert ends / middle > 1.25 * 1.96 / 0.6745


def test_rare_events_are_forecast_in_whole_numbers() -> None:
    found = ahead(np.random.default_rng(13).poisson(0.6, (30, K)).astype(float))
    assert np.array_equal(found, np.round(found))
    assert found[..., HIGH].mean() == pytest.approx(2.5, abs=0.6)


def test_no_year_without_an_event_makes_the_next_one_impossible() -> None:
    counts = np.random.default_rng(14).poisson(3, (10, K)).astype(float)
    counts[0] = 0
    found = ahead(counts)[0]
    assert np.isfinite(found).all()
    assert found[:, HIGH].max() <= 1


def test_months_have_gains_of_their_own() -> None:
    counts = np.random.default_rng(15).poisson(100, (20, 72)).astype(float)
    found = ahead(counts, horizon=6, step="month")
    assert found[..., MEDIAN].mean() == pytest.approx(100, rel=0.03)
    assert (found[..., HIGH] - found[..., LOW]).mean() == pytest.approx(2 * 1.96 * 10, rel=0.12)
    assert min(GAINS["month"]) > min(GAINS["week"])


def test_flows_and_stocks_of_one_panel_are_each_learnt_from_their_own() -> None:
    rng = np.random.default_rng(16)
    flows, stocks = rng.poisson(20, (5, K)).astype(float), spells(rng, 5, K)
    both = predict(panel(np.vstack([flows, stocks]), ("flow",) * 5 + ("stock",) * 5), Ask((K,), H))[:, 0]
    assert np.array_equal(both[:5], ahead(flows))
    assert np.array_equal(both[5:], predict(panel(stocks, "stock"), Ask((K,), H))[:, 0])


def test_levels_by_hand() -> None:
    """Begun at the mean of the first two values, which are then over; a missing one moves nothing."""
    found = _levels(np.array([[2.0, 4.0, 5.0, np.nan, 9.0]]), np.array([0.5, 1.0]), 2)
    assert found.shape == (2, 1, 6)
    assert found[0, 0].tolist() == [3, 3, 3, 4, 4, 6.5]
    assert found[1, 0].tolist() == [3, 3, 3, 5, 5, 9]


def test_no_level_is_nothing() -> None:
    assert (_levels(np.zeros((1, 120)), DAILY, 52) == FEWEST_A_YEAR / 52).all()


def test_weights_are_those_with_which_the_future_was_made() -> None:
    rng = np.random.default_rng(17)
    contrasts = rng.normal(0, 0.3, (2, 50, 200))
    ratio = 0.7 * contrasts[0] + 0.1 * contrasts[1] + rng.normal(0, 0.2, (50, 200))
    assert _regressed(ratio, contrasts, np.ones((50, 200))) == pytest.approx([0.7, 0.1], abs=0.03)
    assert _regressed(ratio, contrasts, np.zeros((50, 200))) == pytest.approx([1 / 3, 1 / 3])


def test_few_forecasts_leave_the_weights_near_equal() -> None:
    rng = np.random.default_rng(18)
    contrasts = rng.normal(0, 0.3, (2, 1, 10))
    assert _regressed(contrasts[0], contrasts, np.ones((1, 10))) == pytest.approx([1 / 3, 1 / 3], abs=0.2)


def test_contrasts_are_shares_of_the_anchor_and_go_no_further_than_believable() -> None:
    levels = np.array([[20.0, 5.0], [10.0, 10.0], [10.0, 999.0]])
    assert _contrasts(levels).tolist() == [[1.0, -0.5], [0.0, 2.0]]


def test_between_the_horizons_that_were_learnt_it_is_on_the_line() -> None:
    found = _between(np.array([1, 2, 4]), np.array([[10.0, 0.0], [20.0, 0.0], [40.0, 1.0]]), 4)
    assert found.tolist() == [[10, 0], [20, 0], [30, 0.5], [40, 1]]
    assert _between(np.array([1, 2]), np.array([10.0, 20.0]), 4).tolist() == [10, 20, 20, 20]


def test_horizons_that_nothing_can_be_learnt_of_yet_are_as_unsure_as_the_longest_that_can() -> None:
    """Of two years, the first of which begins the levels, no forecast a year ahead can be checked."""
    counts = overdispersed(np.random.default_rng(21), 40.0, 6.0, (20, 104))
    width = np.ptp(ahead(counts, horizon=130)[..., [LOW, HIGH]], axis=-1).mean(0)
    assert (width > 0.9 * width[0]).all()


def test_what_is_usual_is_chance_and_moves() -> None:
    mean = np.array([[1.0, 10.0, 100.0]])
    weight = np.ones_like(mean)
    assert _by_size(1.5 + 0.02 * mean, mean, weight) == pytest.approx([1.5, 0.02])
    assert _by_size(0.02 * mean - 1.0, mean, weight)[0] == 0
    assert _by_size(5.0 - 0.04 * mean, mean, weight)[1] == 0


def test_the_textbook_shape_is_kept_where_errors_have_it_and_where_there_are_none() -> None:
    counts = np.random.default_rng(19).poisson(100, (50, 400)).astype(float)
    mean, every = np.full_like(counts, 100.0), np.ones(counts.shape, bool)
    shape = _shape(counts, mean, mean / 100, every, False)
    assert shape == pytest.approx(ndtri(np.array(QUANTILES)), abs=0.06)
    assert _shape(counts, mean, mean / 100, ~every, False) == pytest.approx(ndtri(np.array(QUANTILES)), abs=0.011)
    assert SHAPE_PRIOR > 0
