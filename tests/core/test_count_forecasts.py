from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from made_panels import NULLS, panel, slice_key, spells

from forecaster.models.counts import predict
from forecaster.types import QUANTILES, Ask, Floats, Panel, SeriesKey

T, H = 208, 13


def ahead(some: Panel, horizon: int = H) -> Floats:
    """Quantiles S x H x Q from the end of a panel."""
    return predict(some, Ask((len(some.periods),), horizon))[:, 0]


def at(found: Floats, level: float) -> Floats:
    return found[..., QUANTILES.index(level)]


def test_a_steady_series_is_forecast_at_its_level() -> None:
    found = ahead(panel(np.random.default_rng(1).poisson(40, (20, T))))
    assert at(found, 0.5).mean() == pytest.approx(40, rel=0.05)
    assert at(found, 0.975).mean() == pytest.approx(40 + 1.96 * 40**0.5, rel=0.1)


def test_after_a_lasting_shift_the_forecast_is_at_the_new_level() -> None:
    rng = np.random.default_rng(2)
    counts = np.concatenate([rng.poisson(20, (20, T - 52)), rng.poisson(35, (20, 52))], axis=1)
    assert at(ahead(panel(counts)), 0.5).mean() == pytest.approx(35, rel=0.12)


def test_the_season_of_the_coming_weeks_is_in_the_forecast() -> None:
    rng = np.random.default_rng(3)
    wave = np.exp(0.4 * np.sin(2 * np.pi * np.arange(260 + 26) / 52.18))
    found = ahead(panel(rng.poisson(100 * wave[:260], (5, 260))), 26)
    assert at(found, 0.5).mean(0) == pytest.approx(100 * wave[260:], rel=0.2)


def test_a_stock_is_forecast_where_it_is_and_less_surely_the_further_ahead() -> None:
    counts = spells(np.random.default_rng(4), 10, T)
    found = ahead(panel(counts, "stock"))
    assert at(found, 0.5)[:, 0] == pytest.approx(counts[:, -1], abs=1)
    width = at(found, 0.975) - at(found, 0.025)
    assert (np.diff(width, axis=1) >= -1).all()
    assert width[:, -1].mean() > 2.5 * width[:, 0].mean()


@pytest.mark.parametrize("horizon", [1, 4, 13])
def test_stocks_that_wander_stay_in_their_bands(horizon: int) -> None:
    rng = np.random.default_rng(5)
    counts = 200.0 + np.cumsum(rng.poisson(6, (150, T + horizon)) - rng.poisson(6, (150, T + horizon)), axis=1)
    found = ahead(panel(counts[:, :T], "stock"), horizon)
    newest = counts[:, -1]
    inside = (newest >= at(found, 0.025)[:, -1]) & (newest <= at(found, 0.975)[:, -1])
    assert inside.mean() == pytest.approx(0.95, abs=0.05)


def test_people_read_of_all_children_not_of_capped_families() -> None:
    counts, capped = NULLS["families"](np.random.default_rng(7), 30, T)
    some = panel(counts, capped=capped)
    assert np.array_equal(ahead(some), ahead(panel(counts)))
    assert at(ahead(some), 0.5).sum() > at(ahead(panel(capped)), 0.5).sum()


def test_a_series_that_was_never_seen_is_not_forecast_and_moves_no_other() -> None:
    counts = np.random.default_rng(8).poisson(10, (3, T)).astype(float)
    some = counts.copy()
    some[1] = np.nan
    found = ahead(panel(some))
    assert np.isfinite(found).all((1, 2)).tolist() == [True, False, True]
    assert np.array_equal(found[[0, 2]], ahead(panel(counts[[0, 2]])))


def test_slices_are_forecast_like_the_council() -> None:
    counts = np.random.default_rng(9).poisson(10, (2, T))
    keys = [SeriesKey("referrals"), slice_key("referrals", "team", "A")]
    assert np.array_equal(ahead(panel(counts, keys=keys)), ahead(panel(counts)))


def test_a_month_s_season_is_that_of_its_own_name() -> None:
    """Ten years of Marches at twice the rate of other months; the data end in February."""
    rng = np.random.default_rng(10)
    usual = np.where(np.arange(120) % 12 == 0, 180, 90)
    some = panel(rng.poisson(usual, (10, 120))[:, :108], step="month", first=dt.date(2008, 3, 1))
    found = at(ahead(some, 3), 0.5).mean(0)
    assert found[0] > 1.25 * found[1:].max()
