"""What every forecasting model promises, whatever its method."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache
from types import ModuleType

import numpy as np
import pytest
from made_panels import NULLS, panel, spells
from plug_ins import MODELS, name

from forecaster.types import QUANTILES, Floats, Forecasts, Panel, as_date

T, H = 156, 9
every_model = pytest.mark.parametrize("model", MODELS, ids=name)


def two_series(length: int = T) -> Panel:
    """A flow and a stock; two series only, since some models take their time over each."""
    rng = np.random.default_rng(1)
    return panel(np.vstack([rng.poisson(9, (1, length)), spells(rng, 1, length)]), ("flow", "stock"))


@cache
def forecasts(model: ModuleType) -> Forecasts:
    found: Forecasts = model.forecast(two_series(), H, 104, 1)
    return found


def test_the_models_of_the_first_version_are_there() -> None:
    assert {name(model) for model in MODELS} >= {"prophet", "counts"}


@every_model
def test_a_model_is_called_what_its_file_is_called(model: ModuleType) -> None:
    assert name(model) == model.NAME
    assert set(forecasts(model).models) == {model.NAME}


@every_model
def test_a_forecast_has_a_quantile_for_every_series_period_and_level(model: ModuleType) -> None:
    found = forecasts(model)
    assert found.keys == two_series().keys
    assert found.values.shape == (2, H, len(QUANTILES))
    assert len(found.models) == len(found.keys)
    assert np.isfinite(found.values).all()


@every_model
def test_a_forecast_starts_where_the_data_end(model: ModuleType) -> None:
    found, last = forecasts(model), two_series().periods[-1]
    assert found.origin == as_date(last)
    assert np.array_equal(found.periods, last + 7 * np.arange(1, H + 1))


@every_model
def test_quantiles_grow_with_their_level_and_are_never_negative(model: ModuleType) -> None:
    values = forecasts(model).values
    assert (np.diff(values, axis=-1) >= 0).all()
    assert (values >= 0).all()


@every_model
def test_small_counts_are_never_forecast_below_zero(model: ModuleType) -> None:
    counts = np.random.default_rng(2).poisson(0.7, (1, T)).astype(float)
    found = model.forecast(panel(counts), H, 104, 1)
    assert found.values.min() == 0
    assert found.values[0, :, QUANTILES.index(0.5)].max() <= 2


@every_model
def test_the_same_seed_gives_the_same_forecast(model: ModuleType) -> None:
    assert np.array_equal(model.forecast(two_series(), H, 104, 1).values, forecasts(model).values)


@every_model
def test_a_forecast_knows_nothing_of_what_came_later(model: ModuleType) -> None:
    """From a panel cut off at its origin, whatever the rest of the panel held."""
    longer = two_series(T + 20)
    count = longer.count.copy()
    count[:, :T] = two_series().count
    count[:, T:] = 999
    cut = replace(longer, count=count, capped=count, of=np.full_like(count, np.nan)).until(T)
    assert np.array_equal(model.forecast(cut, H, 104, 1).values, forecasts(model).values)


@every_model
def test_what_cannot_be_forecast_is_not_run_with_its_reason(model: ModuleType) -> None:
    counts = np.random.default_rng(3).poisson(9, (4, 120)).astype(float)
    counts[0] = 0
    counts[1, :60] = np.nan
    counts[2, -1] = np.nan
    found = model.forecast(panel(counts), H, 104, 1)
    assert [missed.key.measure for missed in found.not_run] == ["m0", "m1", "m2"]
    assert [key.measure for key in found.keys] == ["m3"]
    reasons = [missed.reason for missed in found.not_run]
    assert reasons[0].startswith("constant")
    assert reasons[1].startswith("too little history: 59 periods")
    assert reasons[2] == "no value for this period"
    assert {missed.by for missed in found.not_run} == {model.NAME}


@every_model
def test_a_panel_without_series_gives_an_empty_forecast(model: ModuleType) -> None:
    found = model.forecast(two_series().select([]), H, 104, 1)
    assert found.keys == ()
    assert found.values.shape == (0, H, len(QUANTILES))


@every_model
def test_a_missing_stretch_in_the_past_is_bridged(model: ModuleType) -> None:
    some = two_series()
    count = some.count.copy()
    count[:, 60:66] = np.nan
    found = model.forecast(replace(some, count=count, capped=count), H, 104, 1)
    assert np.isfinite(found.values).all()
    assert found.values[0, :, QUANTILES.index(0.5)] == pytest.approx(9, abs=4)


@every_model
def test_months_follow_months(model: ModuleType) -> None:
    counts = np.random.default_rng(4).poisson(115, (1, 60))
    found = model.forecast(panel(counts, step="month", first=dt.date(2012, 4, 1)), 4, 36, 1)
    assert [str(period) for period in found.periods] == ["2017-04-01", "2017-05-01", "2017-06-01", "2017-07-01"]
    assert found.values[0, :, QUANTILES.index(0.5)] == pytest.approx(115, rel=0.3)


def covers(model: ModuleType, counts: Floats, known: int, low: float, high: float) -> float:
    found = model.forecast(panel(counts[:, :known]), counts.shape[1] - known, 104, 1)
    ahead = counts[[int(key.measure[1:]) for key in found.keys], known:]
    lower, upper = (found.values[..., QUANTILES.index(q)] for q in (low, high))
    return float(np.mean((ahead >= lower) & (ahead <= upper)))


@pytest.mark.parametrize("kind", [kind for kind in NULLS if kind != "zero heavy"])
def test_the_count_model_s_bands_hold_what_they_promise(kind: str) -> None:
    counts, _ = NULLS[kind](np.random.default_rng(5), 150, 208 + 13)
    model = next(model for model in MODELS if model.NAME == "counts")
    assert 0.93 < covers(model, counts, 208, 0.025, 0.975) < 0.985  # of whole counts an exact band holds up to .97
    assert 0.77 < covers(model, counts, 208, 0.1, 0.9) < 0.89


def test_the_bands_of_rare_events_hold_at_least_what_they_promise() -> None:
    counts, _ = NULLS["zero heavy"](np.random.default_rng(6), 150, 208 + 13)
    model = next(model for model in MODELS if model.NAME == "counts")
    assert covers(model, counts, 208, 0.025, 0.975) >= 0.95
    assert covers(model, counts, 208, 0.1, 0.9) >= 0.8


@every_model
def test_every_model_s_band_holds_most_of_what_comes(model: ModuleType) -> None:
    rng = np.random.default_rng(7)
    counts = rng.poisson(40, (2, T + 13)).astype(float)
    assert covers(model, counts, T, 0.025, 0.975) >= 0.8
