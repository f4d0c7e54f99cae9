"""Weights by record and calibration, of members whose worth is known: outcomes are drawn from what one of them says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import missing_before, panel, periods
from scipy import stats

from forecaster.combining import (
    FEWEST,
    MOST,
    SMALLEST,
    SPACING,
    YEARS,
    Combined,
    Member,
    calibration,
    combine,
    made_of,
    mix,
    record_origins,
)
from forecaster.normal_scores import SCORES
from forecaster.types import QUANTILES, Ask, Floats, Panel, Step

K, H, LEAST = 208, 6, 104
LOW, MEDIAN, HIGH = (QUANTILES.index(q) for q in (0.025, 0.5, 0.975))
Quantiles = Callable[[int, int, int], Floats]  # row, origin, horizon: Q


@dataclass
class Says:
    """A model that says N(level + off, sd) of every period of a series, and notes what it was asked."""

    off: npt.ArrayLike = 0.0
    sd: npt.ArrayLike = 10.0
    level: float = 100.0
    asked: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    def __call__(self, panel: Panel, ask: Ask) -> Floats:
        self.asked.append((len(panel.keys), ask.origins))
        rows = [int(key.measure[1:]) for key in panel.keys]
        off, sd = (np.resize(np.asarray(part, float), 999)[rows, None] for part in (self.off, self.sd))
        values = np.maximum(self.level + off + sd * SCORES, 0.0)
        return np.tile(values[:, None, None, :], (1, len(ask.origins), ask.horizon, 1))


def knows(some: Panel) -> Callable[[Panel, Ask], Floats]:
    """A model that cheats: it says what came, give or take one."""
    beyond = np.concatenate([some.count, np.full((len(some.keys), 3 * H), 100.0)], axis=1)

    def predict(panel: Panel, ask: Ask) -> Floats:
        ahead = np.stack([beyond[:, origin : origin + ask.horizon] for origin in ask.origins], axis=1)
        return np.asarray(ahead[..., None] + SCORES)

    return predict


def drawn(series: int = 20, seed: int = 1, level: float = 100.0, sd: npt.ArrayLike = 10.0) -> Floats:
    """Counts that are N(level, sd), so that `Says()` is right."""
    return np.round(np.random.default_rng(seed).normal(level, sd, (series, K)))


def member(predict: Callable[[Panel, Ask], Floats], series: int, name: str = "m", dear: bool = False) -> Member:
    return Member(name, predict, np.ones(series, bool), dear)


def combined(counts: Floats, *models: Callable[[Panel, Ask], Floats], horizon: int = H, dear: bool = False) -> Combined:
    """The combination of models that are offered all series; the first is the one that is never dear."""
    members = [member(model, len(counts), dear=dear and i > 0) for i, model in enumerate(models)]
    return combine(panel(counts), members, Ask((), horizon), LEAST)


def holds(found: Combined, seed: int = 9, low: int = LOW, high: int = HIGH, sd: float = 10.0) -> float:
    """The share of new outcomes that the bands hold."""
    new = np.round(np.random.default_rng(seed).normal(100, sd, (4_000, *found.values.shape[:2])))
    return float(((new >= found.values[..., low]) & (new <= found.values[..., high])).mean())


# Weights


def test_a_model_alone_has_all_the_weight() -> None:
    found = combined(drawn(), Says())
    assert (found.weights == 1).all()
    assert found.weights.shape == (20, 1)


@pytest.mark.parametrize("dear", [False, True])
def test_the_model_that_is_right_has_most_of_the_weight(dear: bool) -> None:
    assert (combined(drawn(), Says(off=15), Says(), dear=dear).weights[:, 1] > 0.85).all()
    assert (combined(drawn(), Says(), Says(off=15), dear=dear).weights[:, 0] == 1).all()


def test_of_several_the_best_is_found_wherever_it_stands() -> None:
    wrong = [Says(off=20), Says(off=-25), Says(sd=60)]
    for place in (1, 2, 3):
        models = [*wrong[:place], Says(), *wrong[place:]]
        assert (combined(drawn(), *models).weights.argmax(1) == place).all()


def test_what_the_best_has_said_already_is_not_said_again_by_the_second_best() -> None:
    weights = combined(drawn(), Says(off=20), Says(), Says(off=6)).weights
    assert (weights[:, 1] > 0.8).all()
    assert (weights[:, 2] == 0).all()


def test_models_that_are_wrong_in_opposite_ways_are_averaged() -> None:
    found = combined(drawn(), Says(off=9), Says(off=-9))
    assert found.weights[:, 1].mean() == pytest.approx(0.5, abs=0.1)
    assert found.values[..., MEDIAN].mean() == pytest.approx(100, abs=2)


def test_a_model_that_adds_nothing_is_left_out() -> None:
    for other in (Says(), Says(off=0.05), Says(sd=10.2)):
        assert (combined(drawn(), Says(), other).weights[:, 0] == 1).all()


def test_of_a_forecast_that_was_always_right_nothing_is_a_gain() -> None:
    nothing = np.r_[np.ones(30), np.zeros(K - 30)] * np.ones((3, 1))
    found = combined(nothing, Says(0, 0, level=0.0), Says(1, 1, level=0.0))
    assert (found.weights == [1.0, 0.0]).all()
    assert (found.values[..., MEDIAN] == 0).all()


def test_a_gain_that_does_not_pay_is_no_gain() -> None:
    """A third of a percent of the score."""
    assert (combined(drawn(200), Says(off=0.8), Says()).weights[:, 0] == 1).all()
    assert (combined(drawn(200), Says(off=4), Says()).weights[:, 1] > 0.5).all()


def test_few_series_and_few_origins_do_not_fool_it() -> None:
    """A model a little worse is hardly ever taken, though it is the luckier one nearly half of the time."""
    taken = [combined(drawn(2, seed), Says(), Says(off=2)).weights[0, 1] > 0 for seed in range(40)]
    assert np.mean(taken) <= 0.2


def test_what_befell_all_series_at_once_is_the_luck_of_few_origins() -> None:
    """A shock that all thirty share for half a year makes another model luckier in nearly every second record."""
    taken = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        shock = np.repeat(rng.normal(0, 8, K // 26), 26)
        taken.append(combined(drawn(30, seed) + np.round(shock), Says(), Says(off=2)).weights[0, 1] > 0)
    assert np.mean(taken) <= 0.36


def test_each_series_own_record_moves_its_weights() -> None:
    """Of half of the series the one is right, of the other half the other."""
    off = np.where(np.arange(20) < 10, 12.0, 0.0)
    weights = combined(drawn(), Says(off=off), Says(off=12 - off)).weights
    assert (weights[10:, 0] > weights[:10, 0].max()).all()
    assert weights[10:, 0].mean() - weights[:10, 0].mean() > 0.5


def test_large_series_do_not_choose_for_small_ones() -> None:
    """Scores are shares of a series' level."""
    counts = drawn(20)
    counts[0] = np.round(counts[0] * 10_000)
    large = np.arange(20) == 0
    right, wrong = np.where(large, 999_900.0, 0.0), np.where(large, 999_900.0, 12.0)
    assert (combined(counts, Says(off=right), Says(off=wrong)).weights[1:, 0] == 1).all()
    assert (combined(counts, Says(off=wrong), Says(off=right)).weights[1:, 1] > 0.7).all()


def test_the_unit_of_counts_does_not_matter() -> None:
    one = combined(drawn(), Says(off=9), Says(off=-9)).weights
    large = combined(1000 * drawn(), Says(9e3, 1e4, 1e5), Says(-9e3, 1e4, 1e5)).weights
    assert one == pytest.approx(large, abs=0.01)


def test_weights_sum_to_one_and_none_is_too_small_to_be_worth_its_time() -> None:
    far = np.where(np.arange(40) < 4, 25.0 + 10 * np.arange(40), 0.0)  # from right for some series
    weights = combined(drawn(40, 3), Says(off=9), Says(off=-9 - far)).weights
    assert weights.sum(1) == pytest.approx(np.ones(40))
    assert ((weights == 0) | (weights >= SMALLEST)).all()
    assert weights[4:, 1].mean() > 0.2
    assert (weights[:4, 1] == 0).any()


def test_a_model_weighs_nothing_on_series_it_is_not_offered() -> None:
    counts, rows = drawn(), np.arange(20) < 5
    members = [member(Says(off=15), 20), Member("other", Says(), rows)]
    found = combine(panel(counts), members, Ask((), H), LEAST)
    assert (found.weights[rows, 1] > 0.7).all()
    assert (found.weights[~rows, 1] == 0).all()
    assert found.values[~rows, :, MEDIAN] == pytest.approx(np.full((15, H), 115.0))


def test_a_model_with_nothing_to_say_of_a_series_is_ignored_there() -> None:
    def silent(panel: Panel, ask: Ask) -> Floats:
        values = Says()(panel, ask)
        values[:3] = np.nan
        return values

    found = combined(drawn(), Says(off=15), silent)
    assert (found.weights[3:, 1] > 0.7).all()
    assert np.isfinite(found.values[3:]).all()


def test_a_model_that_has_nothing_to_say_today_leaves_its_weight_to_the_others() -> None:
    """As Prophet has of a series that is too short, though it is best for the others."""

    def best_but_silent(panel: Panel, ask: Ask) -> Floats:
        values = Says()(panel, ask)
        if ask.origins == (K,):
            values[:3] = np.nan
        return values

    found = combined(drawn(), Says(off=25), best_but_silent)
    assert (found.weights[:3, 0] == 1).all()
    assert found.values[:3, :, MEDIAN] == pytest.approx(np.full((3, H), 125.0))
    assert (found.weights[3:, 1] > 0.9).all()


def test_series_that_a_dear_model_was_not_tried_on_have_their_record_by_the_others() -> None:
    found = combined(drawn(120), Says(off=9), Says(off=-9), dear=True)
    assert (found.weights[:, 1] > 0).all()
    assert np.isfinite(found.coverage).all()
    assert np.isfinite(found.scores[:, :-1]).all()


def test_a_model_that_takes_its_time_is_tried_on_some_and_asked_for_no_more_than_it_is_worth() -> None:
    bad, good = Says(off=20), Says()
    for other in (bad, good):
        combined(drawn(120), Says(off=15), other, dear=True)
    every = record_origins(periods(K), "week", 120, LEAST)
    assert max(series for series, _ in bad.asked) <= 40
    assert set(bad.asked[0][1]) <= set(every)
    assert len(bad.asked[0][1]) >= 2
    assert not any(origins == (K,) for _, origins in bad.asked)
    assert good.asked[-1] == (120, (K,))


def test_the_first_model_is_asked_of_all_series_from_every_origin_of_the_record_and_from_the_end() -> None:
    first = Says()
    combined(drawn(), first)
    assert first.asked == [(20, record_origins(periods(K), "week", 20, LEAST)), (20, (K,))]


def test_what_came_is_put_beside_the_forecast_of_its_own_period() -> None:
    """A model that knew everything would have all the weight; a period earlier or later it would be far off."""
    some = panel(drawn(sd=30))
    found = combined(some.count, Says(sd=30), knows(some), horizon=2 * H)
    assert (found.weights[:, 1] > 0.9).all()
    came = found.scores[np.isfinite(found.scores)]
    assert np.abs(came).max() < 1
    assert np.isnan(found.scores[:, -1, -1]).all()  # not yet


def test_periods_that_are_missing_are_not_scored() -> None:
    counts = drawn()
    counts[3, 150:190] = np.nan
    scores = combined(counts, Says()).scores
    origins = record_origins(periods(K), "week", 20, LEAST)
    inside = [o for o, origin in enumerate(origins) if 150 <= origin < 184]
    assert inside
    assert np.isnan(scores[3, inside]).all()
    assert np.isfinite(scores[4, inside]).all()


def test_made_of_names_the_most_first_and_leaves_out_what_weighs_nothing() -> None:
    assert made_of(("a", "b", "c"), np.array([0.17, 0.83, 0.0])) == "b 83%, a 17%"
    assert made_of(("a",), np.array([1.0])) == "a"


def test_a_mixture_is_the_weighted_mean_of_those_that_say_something() -> None:
    one, nobody = np.full((1, 1, 1, 1, 9), 10.0), np.full((1, 1, 1, 1, 9), np.nan)
    assert mix(np.concatenate([one, nobody]), np.array([[0.2, 0.8]]))[0, 0, 0, 0] == 10
    assert np.isnan(mix(np.concatenate([one, nobody]), np.array([[0.0, 1.0]]))).all()


def test_a_mixture_is_the_weighted_mean_and_ignores_what_weighs_nothing() -> None:
    values = np.stack([np.full((2, 1, 1, 9), 10.0), np.full((2, 1, 1, 9), 20.0), np.full((2, 1, 1, 9), np.nan)])
    found = mix(values, np.array([[0.75, 0.25, 0.0], [0.0, 1.0, 0.0]]))
    assert found[:, 0, 0, 0].tolist() == [12.5, 20.0]


# Calibration


def moved(seed: int = 1, sd: float = 1.0, series: int = 20, origins: int = 13, horizon: int = 6) -> Floats:
    scores = np.random.default_rng(seed).normal(0, sd, (series, origins, horizon))
    return calibration(scores, np.ones(origins))


def test_scores_that_are_standard_normal_are_left_nearly_alone() -> None:
    assert moved() == pytest.approx(np.tile(SCORES, (6, 1)), rel=0.06)


def test_scores_twice_as_wide_move_quantiles_nearly_twice_as_far() -> None:
    """Nearly: as if some forecasts had been exact."""
    found = moved(sd=2.0)[:, HIGH] / SCORES[HIGH]
    assert (found > 1.55).all()
    assert (found < 2.0).all()


def test_scores_half_as_wide_draw_them_together() -> None:
    assert (moved(sd=0.5)[:, HIGH] < 0.9 * SCORES[HIGH]).all()


def test_calibration_is_symmetric() -> None:
    """What all series did together in the record need not come again."""
    scores = np.random.default_rng(2).normal(0.8, 1.0, (20, 13, 4))
    found = calibration(scores, np.ones(13))
    assert found == pytest.approx(-found[:, ::-1], abs=1e-12)
    assert found == pytest.approx(calibration(-scores, np.ones(13)))
    assert found[:, MEDIAN] == pytest.approx(np.zeros(4))


def test_without_a_record_nothing_is_moved() -> None:
    for scores in (np.empty((5, 0, 3)), np.full((5, 4, 3), np.nan)):
        assert calibration(scores, np.ones(scores.shape[1])) == pytest.approx(np.tile(SCORES, (3, 1)), abs=0.011)


def test_newer_forecasts_count_for_more() -> None:
    scores = np.random.default_rng(3).normal(0, 1, (20, 12, 2)) * np.r_[np.full(6, 0.5), np.full(6, 2.0)][:, None]
    newest_wide = calibration(scores, np.r_[np.full(6, 0.05), np.ones(6)])
    newest_calm = calibration(scores, np.r_[np.ones(6), np.full(6, 0.05)])
    assert (newest_wide[:, HIGH] > 1.3 * newest_calm[:, HIGH]).all()


def test_in_a_combination_too_the_newest_of_the_record_count_for_more() -> None:
    calm, wild = drawn(sd=5.0), drawn(seed=2, sd=20.0)
    half = K - 52
    lately = [combined(np.c_[a[:, :half], b[:, half:]], Says()) for a, b in ((calm, wild), (wild, calm))]
    width = [np.ptp(found.values[0, 0, [LOW, HIGH]]) for found in lately]
    assert width[0] > 1.1 * width[1]


def test_each_horizon_is_moved_by_its_own_record_and_by_those_like_it() -> None:
    scores = np.random.default_rng(4).normal(0, 1, (20, 13, 26)) * np.linspace(1, 2.5, 26)
    found = calibration(scores, np.ones(13))[:, HIGH]
    assert found[0] < 1.25 * SCORES[HIGH]
    assert found[-1] > 1.5 * SCORES[HIGH]
    assert (np.diff(found) > -0.02).all()


def test_many_series_at_one_origin_are_not_many_origins() -> None:
    few, many = (calibration(np.full((series, 1, 1), 4.0), np.ones(1))[0, HIGH] for series in (20, 2_000))
    assert many == pytest.approx(few, abs=0.02)
    assert SCORES[HIGH] < few < 3


@pytest.mark.parametrize("claimed", [5.0, 7.0])
def test_a_model_that_is_too_sure_of_itself_gets_half_of_its_coverage_back(claimed: float) -> None:
    """All of it would take more than two years of record against the trust that stated quantiles begin with."""
    found = combined(drawn(60), Says(sd=claimed))
    for low, high, level in ((LOW, HIGH, 0.95), (QUANTILES.index(0.1), QUANTILES.index(0.9), 0.8)):
        before = 2 * stats.norm.cdf(SCORES[high] * claimed / 10) - 1
        assert before + 0.37 * (level - before) < holds(found, low=low, high=high) < level + 0.01
    assert holds(found) > 0.86
    assert found.values[..., MEDIAN] == pytest.approx(np.full((60, H), 100.0))


def test_a_model_that_is_not_sure_enough_is_narrowed() -> None:
    found = combined(drawn(60), Says(sd=20.0))
    assert np.ptp(found.values[..., [LOW, HIGH]], axis=-1).max() < 0.95 * 2 * 1.96 * 20
    assert holds(found, low=QUANTILES.index(0.1), high=QUANTILES.index(0.9)) > 0.8


def test_a_calibrated_model_is_left_nearly_alone() -> None:
    found = combined(drawn(60), Says())
    assert found.values == pytest.approx(np.broadcast_to(100 + 10 * SCORES, found.values.shape), abs=1.2)
    assert holds(found) == pytest.approx(0.95, abs=0.015)


def test_the_scores_of_calibrated_forecasts_have_a_spread_of_one() -> None:
    """Of those that were not, most of what they lacked: without it their spread would be 2."""
    spread = [np.nanstd(combined(drawn(60), Says(sd=claimed)).scores) for claimed in (10.0, 5.0)]
    assert spread[0] == pytest.approx(1, abs=0.08)
    assert spread[0] < spread[1] < 1.3


def test_coverage_is_the_share_of_the_record_that_the_calibrated_band_held() -> None:
    """In whole numbers, as it is told. The model always says the same, so the band of the record is that of today."""
    counts = drawn()
    found = combined(counts, Says(sd=7.0))
    low, high = np.rint(found.values[0, :, [LOW, HIGH]])
    ahead = [counts[:, o : o + H] for o in record_origins(periods(K), "week", 20, LEAST)]
    inside = np.concatenate([(a >= low[: a.shape[1]]) & (a <= high[: a.shape[1]]) for a in ahead], axis=1)
    assert found.coverage == pytest.approx(inside.mean(1))


def test_coverage_of_a_series_tells_that_it_is_worse_forecast_than_others() -> None:
    counts = drawn(sd=np.where(np.arange(20) == 4, 40.0, 10.0)[:, None])
    coverage = combined(counts, Says()).coverage
    assert coverage[4] < 0.6
    assert np.delete(coverage, 4).min() > 0.85


def test_with_no_more_than_the_least_history_there_is_no_record_and_no_coverage() -> None:
    counts = drawn()[:, :LEAST]
    found = combined(counts, Says(off=15), Says())
    assert (found.weights == [1.0, 0.0]).all()
    assert np.isnan(found.coverage).all()
    assert found.scores.shape == (20, 0, H)
    assert found.values == pytest.approx(np.broadcast_to(115 + 10 * SCORES, found.values.shape), abs=0.15)


def test_a_series_of_which_nothing_came_has_no_coverage_and_the_weights_of_all() -> None:
    counts = drawn()
    counts[0, 104:] = np.nan
    found = combined(counts, Says(off=15), Says(), horizon=1)
    assert np.isnan(found.coverage).tolist() == [True, *[False] * 19]
    assert np.isfinite(found.values[0]).all()
    assert found.weights[0, 1] > 0.7


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 4), st.sampled_from([LEAST, 110, 150, K]))
def test_combined_forecasts_never_cross_and_are_never_negative(seed: int, series: int, models: int, known: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.choice([0.2, 3.0, 100.0], (series, 1)), (series, known)).astype(float)
    counts[:, :-1][rng.random((series, known - 1)) < 0.1] = np.nan
    says = [Says(rng.uniform(-100, 50, series), rng.uniform(0, 60, series)) for _ in range(models)]
    found = combined(counts, *says, horizon=int(rng.integers(1, 30)), dear=bool(rng.integers(2)))
    assert np.isfinite(found.values).all()
    assert (np.diff(found.values, axis=-1) >= -1e-9).all()
    assert (found.values >= 0).all()
    assert found.weights.sum(1) == pytest.approx(np.ones(series))


# Origins of the record


@pytest.mark.parametrize("step, least, length", [("week", 104, 260), ("month", 36, 96)])
@pytest.mark.parametrize("series", [1, 60, 500, 5_000])
def test_the_record_is_of_origins_on_fixed_dates_in_the_newest_years(
    step: Step, least: int, length: int, series: int
) -> None:
    some = periods(length + 1, step)
    origins = record_origins(some[:length], step, series, least)
    later = record_origins(some, step, series, least)
    assert list(origins) == sorted(set(origins))
    assert max(origins[0], least) == origins[0] >= length - YEARS * (52 if step == "week" else 12)
    assert origins[-1] < length
    assert {len(set(np.diff(origins)))} <= {0, 1}
    assert len(set(origins) & set(later)) >= len(origins) - 1
    assert min(FEWEST, 2) <= len(origins) <= MOST


@pytest.mark.parametrize("step", ["week", "month"])
def test_every_origin_has_a_period_after_it_and_enough_before_it(step: Step) -> None:
    some = periods(200, step)
    for length in range(130, 200):
        origins = record_origins(some[:length], step, 3, 120)
        assert all(120 <= origin < length for origin in origins)
        assert length < 140 or origins


def test_more_series_need_fewer_origins() -> None:
    some = periods(260)
    numbers = [len(record_origins(some, "week", series, 104)) for series in (1, 10, 100, 300, 500, 5_000)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > 2 * numbers[-1]
    assert np.diff(record_origins(some, "week", 1, 104)).min() >= SPACING["week"]


def test_origins_move_on_with_the_calendar_and_not_with_the_panel() -> None:
    """What begins a year later has its origins on the same dates."""
    some = periods(260)
    named = [some[o - 1] for o in record_origins(some, "week", 20, 104)]
    shorter = [some[52:][o - 1] for o in record_origins(some[52:], "week", 20, 104)]
    assert named == shorter


def test_a_short_history_has_a_short_record_and_the_shortest_none() -> None:
    some = periods(260)
    assert record_origins(some[:104], "week", 3, 104) == ()
    numbers = [len(record_origins(some[:length], "week", 3, 104)) for length in (112, 130, 180, 208)]
    assert numbers == sorted(numbers)
    assert numbers[0] >= 1


def test_series_that_began_late_are_scored_where_they_were_forecast() -> None:
    counts = drawn()
    counts[:5] = missing_before(counts[:5], 150)
    found = combined(counts, Says(off=15), Says())
    assert (found.weights[:, 1] > 0.7).all()
    assert np.isfinite(found.coverage).all()
