from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from made_panels import panel, seasonal

from forecaster.models import prophet
from forecaster.models.prophet import _spread
from forecaster.types import QUANTILES, Forecasts, Panel

MEDIAN = QUANTILES.index(0.5)


def yearly_wave() -> tuple[Panel, np.ndarray]:
    wave = np.exp(0.4 * np.sin(2 * np.pi * np.arange(182) / 52.18))
    counts = np.random.default_rng(1).poisson(60 * wave[:156], (1, 156)).astype(float)
    counts[0, 40:43] = np.nan
    return panel(counts), 60 * wave[156:]


@pytest.fixture(scope="module")
def found() -> tuple[Forecasts, np.ndarray]:
    some, truth = yearly_wave()
    return prophet.forecast(some, 26, 104), truth


def test_it_follows_level_and_season(found: tuple[Forecasts, np.ndarray]) -> None:
    forecasts, truth = found
    assert forecasts.values[0, :, MEDIAN] == pytest.approx(truth, rel=0.3)
    assert np.corrcoef(forecasts.values[0, :, MEDIAN], truth)[0, 1] > 0.9


def test_its_bands_hold_new_counts(found: tuple[Forecasts, np.ndarray]) -> None:
    forecasts, truth = found
    low, high = (forecasts.values[0, :, QUANTILES.index(q)] for q in (0.025, 0.975))
    new = np.random.default_rng(2).poisson(truth, (400, 26))
    assert np.mean((new >= low) & (new <= high)) > 0.85


@pytest.fixture
def loud() -> Iterator[None]:
    """Logging as a program has it that has silenced nothing."""
    before = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    yield
    logging.disable(before)


@pytest.mark.usefixtures("loud")
def test_it_leaves_logging_and_warnings_as_they_were() -> None:
    import prophet as library  # its own import sets levels: that is done before we look

    assert library.Prophet
    some, _ = yearly_wave()

    def state() -> tuple[object, ...]:
        names = ("", "prophet", "cmdstanpy", "py.warnings")
        loggers = [logging.getLogger(name) for name in names]
        return (
            logging.root.manager.disable,
            [(logger.level, logger.disabled, list(logger.handlers), logger.propagate) for logger in loggers],
            list(warnings.filters),
        )

    before = state()
    prophet.forecast(some, 2, 104)
    assert state() == before


def test_it_writes_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        prophet.forecast(yearly_wave()[0], 2, 104)
    assert caplog.records == []


@pytest.mark.usefixtures("loud")
def test_logging_is_back_even_when_a_fit_fails() -> None:
    below_zero = panel(np.r_[-np.arange(1.0, 156), 4.0])  # of which no square root can be fitted
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="less than 2 non-NaN"):
        prophet.forecast(below_zero, 2, 104)
    assert logging.root.manager.disable == logging.NOTSET


def test_months_are_forecast_as_well() -> None:
    counts, _ = seasonal(np.random.default_rng(3), 1, 60)
    found = prophet.forecast(panel(counts, step="month"), 4, 36)
    assert found.values.shape == (1, 4, len(QUANTILES))
    assert found.values[0, :, MEDIAN] == pytest.approx(counts.mean(), rel=0.5)


def test_the_spread_is_that_of_the_newest_errors() -> None:
    error = np.random.default_rng(4).standard_normal(104) * 2
    assert _spread(error, 13) == pytest.approx(np.full(13, 2.0), rel=0.25)


def test_errors_that_wander_widen_the_spread_ahead() -> None:
    rng = np.random.default_rng(5)
    wander = np.repeat(rng.standard_normal(13) * 3, 8) + rng.standard_normal(104)
    spread = _spread(wander, 13)
    assert (np.diff(spread) > 0).all()
    assert spread[-1] > 1.1 * spread[0]


def test_missing_errors_do_not_count() -> None:
    error = np.random.default_rng(6).standard_normal(60)
    holes = np.r_[error, np.full(20, np.nan)]
    assert np.array_equal(_spread(holes, 5), _spread(error, 5))
    assert len(_spread(error[:10], 5)) == 5  # too few to see a drift
