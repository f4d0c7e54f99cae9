"""What is foretold each week: one forecast of flows and stocks whose draws add up, whatever was known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import made_stays
import numpy as np
import pytest
from made_panels import by_locality, joined, overdispersed, panel, shares, slice_key, spells

from forecaster.forecasting import DRAWS, NAME, Recipe, forecast
from forecaster.models import cohort, counts, levels, prophet
from forecaster.paths import quantiles_of
from forecaster.types import NEVER, QUANTILES, Ask, Floats, Forecasts, Panel, SeriesKey

T, H = 182, 8
LOW, MEDIAN, HIGH = (QUANTILES.index(q) for q in (0.025, 0.5, 0.975))
RECIPE = Recipe((levels, counts))
STARTS, OPEN, LONG, ENDS = (SeriesKey(name) for name in ("starts", "open", "long", "ends"))
TEAMS = [(("team", name),) for name in made_stays.LABELS]
LOCALITIES = {"North": 8.0, "South": 3.0, "City": 20.0}


def told(
    some: Panel, recipe: Recipe = RECIPE, horizon: int = H, wanted: Sequence[SeriesKey] | None = None
) -> Forecasts:
    return forecast(some, some.keys if wanted is None else wanted, recipe, Ask((), horizon))


def draws(found: Forecasts, key: SeriesKey) -> Floats:
    assert found.draws is not None
    return np.asarray(found.draws[found.keys.index(key)])


def reasons(found: Forecasts) -> dict[str, str]:
    return {str(missed.key): missed.reason.split(":")[0] for missed in found.not_run}


@cache
def localities() -> Panel:
    """Plan starts of a council in three localities, and 12 more of no locality."""
    some = by_locality(1, LOCALITIES, length=T)
    count = some.count.copy()
    count[0] += np.random.default_rng(2).poisson(12, T)
    return replace(some, count=count, capped=count)


@cache
def with_plans(length: int = 260) -> Panel:
    """Plans by team: their starts and ends, how many are open, and for how long."""
    stocks = made_stays.council(1, length)
    stays = stocks.stays
    assert stays is not None
    flows = []
    for when in (stays.opened, stays.ended):
        for code in (None, 0, 1):
            mine = (when >= 0) & (when < length)
            if code is not None:
                mine &= stays.places["team"][1] == code
            flows.append(np.bincount(when[mine], minlength=length))
    keys = [SeriesKey(name, place) for name in ("starts", "ends") for place in ((), *TEAMS)]
    return replace(joined(panel(np.array(flows), keys=keys), stocks), stays=stays)


@cache
def plans_ahead() -> Forecasts:
    return told(with_plans())


# Flows


def test_slices_add_up_to_the_council_with_the_rest_in_every_draw() -> None:
    found = told(localities())
    parts = np.sum([draws(found, key) for key in localities().keys[1:]], axis=0)
    rest = draws(found, SeriesKey("plan_starts")) - parts
    assert (rest >= 0).all()
    assert rest.mean() == pytest.approx(12, rel=0.25)


def test_where_slices_are_all_there_is_they_add_up_by_themselves() -> None:
    some = by_locality(1, LOCALITIES, length=T)
    found = told(some)
    assert np.array_equal(sum(draws(found, key) for key in some.keys[1:]), draws(found, some.keys[0]))


def test_draws_are_whole_numbers_with_the_quantiles_that_are_told() -> None:
    found = told(localities())
    assert found.draws is not None
    assert found.draws.shape == (4, DRAWS, H)
    assert np.array_equal(found.draws, np.round(found.draws))
    assert (found.draws >= 0).all()
    assert np.array_equal(quantiles_of(found.draws), found.values)


def test_forecasts_are_where_the_series_are_and_hold_what_comes() -> None:
    some = by_locality(3, LOCALITIES, length=T + H)
    found = told(some.until(T))
    assert found.values[..., MEDIAN].mean(1) == pytest.approx([31, 8, 3, 20], rel=0.2, abs=1)
    ahead = some.count[:, T:]
    inside = (ahead >= found.values[..., LOW]) & (ahead <= found.values[..., HIGH])
    assert inside.mean() > 0.85


def test_the_forecast_begins_after_the_newest_period() -> None:
    found, last = told(localities()), localities().periods[-1]
    assert found.origin == last.astype(object)
    assert np.array_equal(found.periods, last + 7 * np.arange(1, H + 1))


def test_periods_that_may_still_grow_are_forecast_and_not_believed() -> None:
    """The newest two are told anew, and as far ahead of them as without."""
    count = localities().count.copy()
    count[:, -2:] = 0
    waiting = replace(localities(), count=count, capped=count, provisional=2)
    found, cut = told(waiting), told(localities().until(T - 2), horizon=H + 2)
    assert np.array_equal(found.periods, np.r_[localities().periods[-2:], told(localities()).periods])
    assert found.origin == localities().periods[-3].astype(object)
    assert np.array_equal(found.values, cut.values)


def test_the_first_week_of_all_is_told_to_be_too_little() -> None:
    found = told(panel([[4.0]], provisional=1))
    assert reasons(found) == {"m0": "too little history"}
    assert len(found.periods) == H


def test_what_it_is_made_of_and_how_often_it_held_are_told_of_every_series() -> None:
    found = told(localities())
    assert len(found.models) == len(found.keys) == 4
    assert all(made.startswith("levels") for made in found.models)
    assert found.coverage is not None
    assert (found.coverage > 0.8).all()
    assert (found.coverage <= 1).all()


def test_a_series_that_is_forecast_worse_than_others_is_told_to_have_held_less() -> None:
    counts = np.random.default_rng(13).poisson(60, (12, T)).astype(float)
    counts[3, -80:] = overdispersed(np.random.default_rng(14), 60.0, 30.0, (80,))
    coverage = told(panel(counts)).coverage
    assert coverage is not None
    assert coverage.argmin() == 3
    assert np.delete(coverage, 3).min() > 0.85


def test_errors_that_last_make_paths_that_stay_high_or_low() -> None:
    """The sum of eight weeks varies more than eight weeks by themselves where the level wanders."""
    rng = np.random.default_rng(15)
    wandering = rng.poisson(60 * np.exp(np.cumsum(rng.normal(0, 0.08, (12, T)), axis=1)))
    together = []
    for some in (panel(wandering), panel(rng.poisson(60, (12, T)))):
        paths = told(some).draws
        assert paths is not None
        together.append((paths.sum(2).var(1) / paths.var(1).sum(1)).mean())
    assert together[0] > 1.5 * together[1]


def test_models_after_the_first_are_tried_on_some_series_before_they_are_asked_of_all() -> None:
    asked: list[int] = []

    def predict(panel: Panel, ask: Ask) -> Floats:
        asked.append(len(panel.keys))
        return counts.predict(panel, ask)

    slow = SimpleNamespace(NAME="slow", KINDS=counts.KINDS, predict=predict)
    told(panel(np.random.default_rng(16).poisson(20, (90, 130))), Recipe((levels, slow)))  # type: ignore[arg-type]
    assert asked[0] == 40


def test_no_rest_and_no_other_series_is_told() -> None:
    assert told(localities()).keys == localities().keys


def test_the_order_follows_the_panel_and_moves_nothing() -> None:
    order = [2, 0, 3, 1]
    found, usual = told(localities().select(order)), told(localities())
    assert found.keys == tuple(localities().keys[i] for i in order)
    assert found.values == pytest.approx(usual.values[order], abs=1)
    assert np.mean(found.values != usual.values[order]) < 0.01


def test_only_what_is_wanted_is_told() -> None:
    wanted = localities().keys[:2]
    found = told(localities(), wanted=[*wanted, SeriesKey("nothing we have")])
    assert found.keys == wanted
    assert found.not_run == ()


def test_the_same_seed_gives_the_same_numbers_and_another_one_other_draws() -> None:
    one, same, other = told(localities()), told(localities()), told(localities(), replace(RECIPE, seed=2))
    assert one.draws is not None and same.draws is not None and other.draws is not None
    assert np.array_equal(one.draws, same.draws)
    assert not np.array_equal(one.draws, other.draws)
    assert one.values == pytest.approx(other.values, abs=3)


def test_draws_are_none_when_nobody_asks_for_them_and_nothing_must_add_up() -> None:
    alone = localities().select([0])
    assert told(alone, replace(RECIPE, draws=False)).draws is None
    assert told(alone).draws is not None


def test_where_slices_must_add_up_there_are_draws_though_nobody_asked() -> None:
    found = told(localities(), replace(RECIPE, draws=False))
    assert found.draws is not None
    assert np.array_equal(quantiles_of(found.draws), found.values)


def test_nothing_after_the_panel_s_end_is_used() -> None:
    longer = joined(by_locality(4, LOCALITIES, length=T + 20))
    changed = longer.count.copy()
    changed[:, T:] = 999
    cut = replace(longer, count=changed, capped=changed).until(T)
    assert np.array_equal(told(cut).values, told(longer.until(T)).values)


def test_people_read_of_all_children_not_of_capped_families() -> None:
    halved = replace(localities(), capped=localities().count / 2)
    assert np.array_equal(told(halved).values, told(localities()).values)


def test_of_a_share_the_count_is_told_as_a_count() -> None:
    x, n = shares(np.random.default_rng(5), 1, T, 40.0, 0.25)
    some = panel(x, "share", of=n, keys=[SeriesKey("repeats")])
    found = told(some)
    assert found.keys == some.keys
    assert found.values[0, :, MEDIAN].mean() == pytest.approx(10, rel=0.15)
    assert np.array_equal(found.values, told(panel(x, keys=some.keys)).values)


def test_councils_side_by_side_each_add_up_to_themselves() -> None:
    parts = []
    for number, name in enumerate(("A", "B")):
        some = by_locality(6 + number, {"North": 6.0 + 9 * number, "South": 4.0}, length=T)
        keys = tuple(replace(key, slice=(("council", name), *key.slice)) for key in some.keys)
        parts.append(replace(some, keys=keys))
    both = joined(*parts)
    found = told(both)
    for first in (0, 3):
        whole, north, south = (draws(found, key) for key in both.keys[first : first + 3])
        assert np.array_equal(north + south, whole)
    assert found.values[[0, 3], :, MEDIAN].mean(1) == pytest.approx([10, 19], rel=0.25)
    assert not np.array_equal(draws(found, both.keys[0]), draws(found, both.keys[3]))


def test_months_are_told_month_by_month() -> None:
    rng = np.random.default_rng(7)
    some = panel(rng.poisson([[90], [40]], (2, 60)), step="month", first=dt.date(2018, 4, 1))
    found = told(some, replace(RECIPE, min_history=36), horizon=3)
    assert [str(period) for period in found.periods] == ["2023-04-01", "2023-05-01", "2023-06-01"]
    assert found.values[..., MEDIAN].mean(1) == pytest.approx([90, 40], rel=0.1)
    assert found.coverage is not None and (found.coverage > 0.7).all()


# What cannot be judged


def test_what_cannot_be_forecast_is_not_run_with_its_reason() -> None:
    count = np.random.default_rng(8).poisson(9, (5, 130)).astype(float)
    count[0] = 0
    count[1, :60] = np.nan
    count[2, -1] = np.nan
    count[3, -40:-20] = np.nan
    found = told(panel(count))
    assert [str(key) for key in found.keys] == ["m4"]
    assert reasons(found) == {
        "m0": "constant", "m1": "too little history", "m2": "no value for this period", "m3": "too many gaps",
    }  # fmt: skip
    assert {missed.by for missed in found.not_run} == {NAME}


def test_less_than_a_year_is_too_little_whatever_config_says() -> None:
    count = np.random.default_rng(12).poisson(20, (3, T)).astype(float)
    count[0, :-50] = np.nan
    count[1, :-54] = np.nan
    found = told(panel(count), replace(RECIPE, min_history=30))
    assert [missed.reason for missed in found.not_run] == ["too little history: 49 periods, 52 needed"]
    assert np.isfinite(found.values).all()
    assert found.values[..., MEDIAN].mean(1) == pytest.approx([20, 20], rel=0.2)


def test_nothing_to_tell_is_an_empty_forecast_with_reasons() -> None:
    found = told(panel(np.full((2, T), 3.0)))
    assert found.keys == found.models == ()
    assert found.values.shape == (0, H, len(QUANTILES))
    assert len(found.periods) == H
    assert set(reasons(found).values()) == {"constant"}
    assert told(localities(), wanted=[]).keys == ()


def test_a_slice_that_cannot_be_judged_is_in_the_rest() -> None:
    count = localities().count.copy()
    count[3, :-30] = np.nan  # City, 20 of 43
    found = told(replace(localities(), count=count, capped=count))
    assert [key.where for key in found.keys] == ["council", "North", "South"]
    rest = draws(found, found.keys[0]) - draws(found, found.keys[1]) - draws(found, found.keys[2])
    assert rest.min() >= 0
    assert rest.mean() == pytest.approx(32, rel=0.2)


def test_without_the_council_slices_are_told_by_themselves() -> None:
    found = told(localities().select([1, 2]))
    assert found.values[..., MEDIAN].mean(1) == pytest.approx([8, 3], rel=0.35)


@pytest.mark.parametrize("kind", ["flow", "stock"])
@pytest.mark.parametrize("length", [104, 105, 111])
def test_a_council_with_hardly_any_history_is_told_without_a_record(kind: str, length: int) -> None:
    rng = np.random.default_rng(9)
    counts = rng.poisson(20, (2, length)) if kind == "flow" else spells(rng, 2, length)
    some = panel(counts, kind)  # type: ignore[arg-type]
    found = told(some, replace(RECIPE, min_history=103))
    assert found.keys == some.keys
    assert np.isfinite(found.values).all()
    assert (np.diff(found.values, axis=-1) >= 0).all()
    assert found.coverage is not None


def test_a_record_of_nothing_is_no_coverage() -> None:
    counts = np.random.default_rng(9).poisson(20, (2, 105))
    found = told(panel(counts), replace(RECIPE, min_history=104), horizon=H)
    assert found.coverage is not None
    assert np.isnan(found.coverage).all()
    assert set(found.models) == {"levels"}


def test_a_series_alone_is_told() -> None:
    found = told(panel(overdispersed(np.random.default_rng(10), 30.0, 3.0, (1, T))))
    assert found.values[0, :, MEDIAN].mean() == pytest.approx(30, rel=0.15)


def test_slices_of_which_there_are_none_of_late_are_told_near_nothing() -> None:
    count = localities().count.copy()
    count[0] -= count[2]
    count[2, -70:] = 0
    count[0] += count[2]
    found = told(replace(localities(), count=count, capped=count))
    assert found.values[2, :, HIGH].max() <= 3
    whole, *parts = (draws(found, key) for key in found.keys)
    assert (whole >= sum(parts)).all()


def test_a_typing_error_does_not_spoil_the_forecasts_of_others() -> None:
    count = localities().count.copy()
    count[1, 120] = 1e6
    found, usual = told(replace(localities(), count=count, capped=count)), told(localities())
    assert found.values[2:, :, MEDIAN] == pytest.approx(usual.values[2:, :, MEDIAN], rel=0.2, abs=2)


def test_a_horizon_longer_than_the_history_is_told() -> None:
    found = told(localities().until(110), horizon=130)
    assert found.values.shape == (4, 130, len(QUANTILES))
    assert np.isfinite(found.values).all()


def test_a_model_may_be_offered_the_council_s_series_of_some_measures_alone() -> None:
    """Prophet is worth it where it sees a trend that others do not."""
    rng = np.random.default_rng(11)
    trend = rng.poisson(np.linspace(400, 4000, T) * np.ones((2, 1)))
    some = joined(
        panel(trend, keys=[SeriesKey("referrals"), slice_key("referrals", "team", "A")]),
        panel(rng.poisson(9, (1, T)), keys=[SeriesKey("starts")]),
    )
    only = {"prophet": ("referrals",)}
    found = told(some, Recipe((levels, prophet), only=only))
    assert "prophet" in found.models[0]
    assert found.models[1:] == ("levels",) * 2
    never = told(some, Recipe((levels, prophet), only={"prophet": ()}))
    assert set(never.models) == {"levels"}


# Stocks of which every stay is known


def test_open_is_what_was_open_plus_starts_minus_ends_in_every_draw() -> None:
    for place in ((), *TEAMS):
        starts, ends, now = (draws(plans_ahead(), SeriesKey(name, place)) for name in ("starts", "ends", "open"))
        before = with_plans().count[with_plans().row(SeriesKey("open", place)), -1]
        assert np.array_equal(now, before + np.cumsum(starts - ends, axis=1))


def test_teams_add_up_to_the_council_in_starts_ends_and_what_is_open() -> None:
    for name in ("starts", "ends", "open"):
        parts = sum(draws(plans_ahead(), SeriesKey(name, place)) for place in TEAMS)
        assert np.array_equal(parts, draws(plans_ahead(), SeriesKey(name)))


def test_stocks_and_their_ends_come_from_who_is_in_them() -> None:
    found = plans_ahead()
    made = {str(key): made for key, made in zip(found.keys, found.models, strict=True)}
    assert {made[str(SeriesKey(name, place))] for name in ("open", "ends") for place in ((), *TEAMS)} == {cohort.NAME}
    assert made["long"] == cohort.NAME
    assert made["starts"] != cohort.NAME


def test_all_are_told_in_the_order_of_the_panel() -> None:
    found = plans_ahead()
    assert found.keys == with_plans().keys
    assert found.draws is not None
    assert found.draws.shape == (len(found.keys), DRAWS, H)
    assert found.values[..., MEDIAN].mean(1) == pytest.approx(with_plans().count[:, -26:].mean(1), rel=0.4, abs=1)


def test_long_stays_are_among_the_open_ones_in_every_draw() -> None:
    assert (draws(plans_ahead(), LONG) <= draws(plans_ahead(), OPEN)).all()


def test_totals_of_a_stock_are_told_by_their_level() -> None:
    found = told(replace(with_plans(), stays=None))
    assert found.keys == with_plans().keys
    assert cohort.NAME not in found.models
    parts = sum(draws(found, SeriesKey("open", place)) for place in TEAMS)
    assert np.array_equal(parts, draws(found, OPEN))


def test_a_stock_without_the_starts_of_the_council_is_told_by_its_level() -> None:
    keys = [key for key in with_plans().keys if key != STARTS]
    found = told(with_plans(), wanted=keys)
    assert found.keys == tuple(keys)
    assert cohort.NAME not in found.models


def test_a_stock_has_the_starts_it_needs_though_nobody_asks_for_draws() -> None:
    wanted = [STARTS, OPEN]
    found = told(with_plans(), replace(RECIPE, draws=False), wanted=wanted)
    assert found.models[found.keys.index(OPEN)] == cohort.NAME


def test_a_stock_of_which_hardly_a_stay_has_ended_is_told_by_its_level() -> None:
    some = with_plans()
    assert some.stays is not None
    some = replace(some, stays=replace(some.stays, ended=np.full_like(some.stays.ended, NEVER)))
    assert cohort.NAME not in told(some).models


def test_ends_of_a_slice_whose_stock_is_not_told_are_forecast_as_a_flow() -> None:
    east = TEAMS[0]
    keys = [key for key in with_plans().keys if key != SeriesKey("open", east)]
    found = told(with_plans(), wanted=keys)
    made = dict(zip(found.keys, found.models, strict=True))
    assert made[SeriesKey("ends", east)] != cohort.NAME
    assert made[SeriesKey("ends", TEAMS[1])] == cohort.NAME


def test_plans_are_told_the_same_from_the_same_seed() -> None:
    again = told(with_plans())
    assert again.draws is not None and plans_ahead().draws is not None
    assert np.array_equal(again.draws, plans_ahead().draws)
