from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from made_panels import NULLS, missing_before, overdispersed, panel, seasonal, slice_key, spells

from forecaster.baseline import variance_growth
from forecaster.models.counts import forecast, outturn
from forecaster.types import QUANTILES, Floats, Forecasts, SeriesKey

T, H = 208, 13


def at(found: Forecasts, level: float) -> Floats:
    return found.values[..., QUANTILES.index(level)]


def test_a_steady_series_is_forecast_at_its_level() -> None:
    counts = np.random.default_rng(1).poisson(40, (20, T))
    found = forecast(panel(counts), H, 104)
    assert at(found, 0.5).mean() == pytest.approx(40, rel=0.05)
    assert at(found, 0.975).mean() == pytest.approx(40 + 1.96 * 40**0.5, rel=0.1)


def test_after_a_lasting_shift_the_forecast_is_at_the_new_level() -> None:
    rng = np.random.default_rng(2)
    counts = np.concatenate([rng.poisson(20, (20, T - 52)), rng.poisson(35, (20, 52))], axis=1)
    assert at(forecast(panel(counts), H, 104), 0.5).mean() == pytest.approx(35, rel=0.12)


def test_the_season_of_the_coming_weeks_is_in_the_forecast() -> None:
    rng = np.random.default_rng(3)
    wave = np.exp(0.4 * np.sin(2 * np.pi * np.arange(260 + 26) / 52.18))
    found = forecast(panel(rng.poisson(100 * wave[:260], (5, 260))), 26, 104)
    assert at(found, 0.5).mean(0) == pytest.approx(100 * wave[260:], rel=0.2)


def test_a_stock_is_forecast_where_it_is_and_less_surely_the_further_ahead() -> None:
    counts = spells(np.random.default_rng(4), 10, T)
    found = forecast(panel(counts, "stock"), H, 104)
    assert at(found, 0.5)[:, 0] == pytest.approx(counts[:, -1], abs=1)
    width = at(found, 0.975) - at(found, 0.025)
    assert (np.diff(width, axis=1) >= -1).all()
    assert width[:, -1].mean() > 2.5 * width[:, 0].mean()


@pytest.mark.parametrize("horizon", [1, 4, 13])
def test_stocks_that_wander_stay_in_their_bands(horizon: int) -> None:
    rng = np.random.default_rng(5)
    counts = 200.0 + np.cumsum(rng.poisson(6, (150, T + horizon)) - rng.poisson(6, (150, T + horizon)), axis=1)
    found = forecast(panel(counts[:, :T], "stock"), horizon, 104)
    newest = counts[:, -1]
    inside = (newest >= at(found, 0.025)[:, -1]) & (newest <= at(found, 0.975)[:, -1])
    assert inside.mean() == pytest.approx(0.95, abs=0.05)


def test_shares_are_left_out() -> None:
    counts = np.random.default_rng(6).poisson(10, (3, T)).astype(float)
    found = forecast(panel(counts, ("flow", "share", "stock"), of=counts * 4), H, 104)
    assert [key.measure for key in found.keys] == ["m0", "m2"]
    assert found.not_run == ()


def test_people_read_of_all_children_not_of_capped_families() -> None:
    counts, capped = NULLS["families"](np.random.default_rng(7), 30, T)
    some = panel(counts, capped=capped)
    assert np.array_equal(forecast(some, H, 104).values, forecast(panel(counts), H, 104).values)
    assert at(forecast(some, H, 104), 0.5).sum() > at(forecast(panel(capped), H, 104), 0.5).sum()


def test_nothing_that_can_be_forecast_is_an_empty_forecast_with_reasons() -> None:
    found = forecast(panel(np.full((2, T), 3.0)), H, 104)
    assert found.keys == found.models == ()
    assert found.values.shape == (0, H, len(QUANTILES))
    assert len(found.periods) == H
    assert [missed.reason.split(":")[0] for missed in found.not_run] == ["constant", "constant"]


def test_a_series_that_cannot_be_forecast_moves_no_other() -> None:
    counts = np.random.default_rng(8).poisson(10, (2, T)).astype(float)
    with_it = forecast(panel(np.vstack([counts, missing_before(counts[[0]], T - 20)])), H, 104)
    assert with_it.keys == (SeriesKey("m0"), SeriesKey("m1"))
    assert [missed.key for missed in with_it.not_run] == [SeriesKey("m2")]
    assert with_it.values == pytest.approx(forecast(panel(counts), H, 104).values, abs=1)


def test_slices_are_forecast_like_the_council() -> None:
    counts = np.random.default_rng(9).poisson(10, (2, T))
    keys = [SeriesKey("referrals"), slice_key("referrals", "team", "A")]
    assert forecast(panel(counts, keys=keys), H, 104).keys == tuple(keys)


def test_a_monthly_forecast_goes_on_month_by_month() -> None:
    counts = np.random.default_rng(10).poisson(115, (1, 60))
    found = forecast(panel(counts, step="month", first=dt.date(2012, 4, 1)), 3, 36)
    assert [str(period) for period in found.periods] == ["2017-04-01", "2017-05-01", "2017-06-01"]
    assert found.origin == dt.date(2017, 3, 1)


def test_an_outturn_is_the_sum_of_what_is_ahead() -> None:
    counts = np.full((1, T), 20.0)
    mean, deviation = outturn(panel(counts), 10)
    assert mean == pytest.approx(200, rel=0.01)
    assert deviation >= np.sqrt(200) * 0.9  # never surer than Poisson


def test_an_outturn_holds_what_comes_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    counts = overdispersed(rng, 30.0, 3.0, (80, T + 20))
    ahead = [outturn(panel(row[:T]), 20) for row in counts]
    score = np.array([(row[T:].sum() - mean) / deviation for row, (mean, deviation) in zip(counts, ahead, strict=True)])
    assert np.mean(np.abs(score) < 1.96) >= 0.87
    assert score.mean() == pytest.approx(0, abs=0.35)


def test_the_errors_of_an_outturn_add_up_as_those_of_its_weeks() -> None:
    """One step ahead is the one-step error; several are more than independent weeks when the level moves."""
    counts, _ = seasonal(np.random.default_rng(12), 1, T)
    one, several = (outturn(panel(counts), steps)[1] for steps in (1, 8))
    assert several > one * 8**0.5 * 0.9
    assert variance_growth(np.array([0.0]), 8).sum() == 8
