from __future__ import annotations

import datetime as dt
import json
import logging
import os
import subprocess
import sys
import warnings
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_panels import NULLS, panel

from forecaster.models import _lasso as lasso
from forecaster.models import prophet
from forecaster.types import QUANTILES, Ask, Fits, Floats, Panel, Regressor, SeriesKey, in_turn

MEDIAN = QUANTILES.index(0.5)
LOCKDOWN = Regressor("lockdown", dt.date(2015, 3, 2), dt.date(2015, 5, 31))


class Counted:
    """Work that is done here and counted."""

    def __init__(self) -> None:
        self.items = 0

    def __call__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        self.items += len(items)
        return in_turn(function, items)


def yearly_wave() -> tuple[Panel, Floats]:
    wave = np.exp(0.4 * np.sin(2 * np.pi * np.arange(182) / 52.18))
    counts = np.random.default_rng(1).poisson(60 * wave[:156], (1, 156)).astype(float)
    counts[0, 40:43] = np.nan
    return panel(counts), 60 * wave[156:]


def moving(seed: int = 2, series: int = 6, length: int = 182) -> Floats:
    """Counts whose level wanders and steps."""
    rng = np.random.default_rng(seed)
    level = np.cumsum(0.03 * rng.standard_normal((series, length)), axis=1) + 0.4 * (np.arange(length) > 90)
    return rng.poisson(30 * np.exp(level)).astype(float)


@cache
def ahead_of_the_wave() -> Floats:
    some, _ = yearly_wave()
    return prophet.predict(some, Ask((156,), 26))[0, 0]


class TestForecasts:
    def test_it_follows_level_and_season(self) -> None:
        truth = yearly_wave()[1]
        assert ahead_of_the_wave()[:, MEDIAN] == pytest.approx(truth, rel=0.3)
        assert np.corrcoef(ahead_of_the_wave()[:, MEDIAN], truth)[0, 1] > 0.9

    def test_its_bands_hold_new_counts(self) -> None:
        low, high = (ahead_of_the_wave()[:, QUANTILES.index(q)] for q in (0.025, 0.975))
        new = np.random.default_rng(2).poisson(yearly_wave()[1], (400, 26))
        assert np.mean((new >= low) & (new <= high)) > 0.85

    @pytest.mark.parametrize("kind", ["poisson", "overdispersed"])
    def test_its_bands_hold_what_they_promise_of_series_without_a_change(self, kind: str) -> None:
        counts, _ = NULLS[kind](np.random.default_rng(5), 60, 208 + 13)
        values = prophet.predict(panel(counts), Ask((208,), 13))[:, 0]
        held = {
            level: np.mean((counts[:, 208:] >= values[..., i]) & (counts[:, 208:] <= values[..., -1 - i]))
            for i, level in ((0, 0.95), (2, 0.8))
        }
        assert 0.92 < held[0.95] < 0.99
        assert 0.74 < held[0.8] < 0.89

    def test_months_are_forecast_as_well(self) -> None:
        counts = np.random.default_rng(3).poisson(115, (1, 60))
        values = prophet.predict(panel(counts, step="month"), Ask((48, 60), 4))
        assert values.shape == (1, 2, 4, len(QUANTILES))
        assert values[0, :, :, MEDIAN] == pytest.approx(np.full((2, 4), 115), rel=0.2)

    def test_a_trend_fades_instead_of_going_on_for_ever(self) -> None:
        line = np.linspace(20, 120, 156)[None]
        found = prophet.predict(panel(np.round(line)), Ask((156,), 52))[0, 0, :, MEDIAN]
        assert found == pytest.approx(np.full(52, 120), rel=0.12)

    def test_quantiles_rise_and_none_is_below_zero(self) -> None:
        counts = np.random.default_rng(2).poisson(0.7, (5, 156)).astype(float)
        values = prophet.predict(panel(counts), Ask((120, 156), 13))
        assert (np.diff(values, axis=-1) >= 0).all()
        assert values.min() == 0

    def test_too_little_to_fit_is_no_forecast(self) -> None:
        counts = moving(series=3)
        counts[0, :100] = np.nan
        counts[1] = 7
        values = prophet.predict(panel(counts), Ask((103, 182), 5))
        assert np.isnan(values[[0, 1]]).all()
        assert np.isnan(values[2]).all(axis=(1, 2)).tolist() == [True, False]

    def test_nothing_asked_is_nothing_given(self) -> None:
        some = panel(moving(series=2))
        assert prophet.predict(some.select([]), Ask((182,), 5)).shape == (0, 1, 5, len(QUANTILES))
        assert prophet.predict(some, Ask((), 5)).shape == (2, 0, 5, len(QUANTILES))


class TestCausality:
    def test_what_comes_after_an_origin_changes_nothing(self) -> None:
        counts = moving()
        changed = counts.copy()
        changed[:, 150:] = 999
        before, after = (prophet.predict(panel(c), Ask((130, 150), 9)) for c in (counts, changed))
        assert np.array_equal(before, after)

    def test_the_other_origins_asked_for_change_nothing(self) -> None:
        some = panel(moving())
        together = prophet.predict(some, Ask((120, 150, 182), 9))
        for i, origin in enumerate((120, 150, 182)):
            alone = prophet.predict(some, Ask((origin,), 9))[:, 0]
            assert alone == pytest.approx(together[:, i], rel=1e-9)

    def test_the_other_series_of_a_panel_change_nothing(self) -> None:
        counts = moving()
        counts[2, 30:35] = np.nan
        together = prophet.predict(panel(counts), Ask((160,), 9))
        alone = [prophet.predict(panel(row), Ask((160,), 9))[0] for row in counts]
        assert np.stack(alone) == pytest.approx(together, rel=1e-9)

    def test_the_same_again_is_the_same_to_the_last_bit(self) -> None:
        some = panel(moving())
        assert np.array_equal(*(prophet.predict(some, Ask((150, 182), 9)) for _ in range(2)))


class TestRegressors:
    @staticmethod
    def locked_down(measure: str = "referrals") -> Panel:
        counts = np.random.default_rng(3).poisson(80, (1, 130)).astype(float)
        counts[0, 60:73] = np.random.default_rng(4).poisson(30, 13)
        return panel(counts, keys=[SeriesKey(measure)])

    def test_days_known_beforehand_are_forecast_as_they_were(self) -> None:
        again = Regressor("lockdown", dt.date(2016, 7, 4), dt.date(2016, 7, 31))  # the first four weeks ahead
        both = (LOCKDOWN, replace(again, name="the second"))
        one_name = prophet.predict(self.locked_down(), Ask((130,), 8, regressors=(LOCKDOWN,)))[0, 0, :, MEDIAN]
        assert one_name == pytest.approx(np.full(8, 80), rel=0.15)
        found = prophet.predict(self.locked_down(), Ask((130,), 8, regressors=both))[0, 0, :, MEDIAN]
        assert found == pytest.approx(one_name)  # of the second nothing was ever seen

    def test_a_window_explains_its_fall_instead_of_the_trend(self) -> None:
        some = self.locked_down().until(76)  # three weeks after
        some = replace(some, count=np.c_[np.random.default_rng(9).poisson(80, (1, 60)), some.count])
        some = panel(some.count, keys=some.keys, first=dt.date(2012, 11, 12))
        told, untold = (
            prophet.predict(some, Ask((136,), 4, regressors=known))[0, 0, :, MEDIAN] for known in ((LOCKDOWN,), ())
        )
        assert np.abs(told - 80).mean() < np.abs(untold - 80).mean()

    def test_a_window_of_other_measures_changes_nothing(self) -> None:
        some = self.locked_down()
        others = replace(LOCKDOWN, measures=("plan_starts",))
        with_it, without = (prophet.predict(some, Ask((130,), 8, regressors=known)) for known in ((others,), ()))
        assert np.array_equal(with_it, without)
        mine = replace(LOCKDOWN, measures=("referrals",))
        assert not np.array_equal(prophet.predict(some, Ask((130,), 8, regressors=(mine,))), without)

    def test_a_period_counts_by_its_days_within_the_window(self) -> None:
        months = np.array(["2020-02-01", "2020-03-01", "2020-07-01", "2020-08-01"], "datetime64[D]")
        window = Regressor("lockdown", dt.date(2020, 3, 23), dt.date(2020, 7, 4))
        found = [prophet._share_within(month[None], "month", window)[0] for month in months]
        assert found == pytest.approx([0, 9 / 31, 4 / 31, 0])


class TestTheModelIsProphets:
    """The trend, the season, the priors: what Prophet itself makes of the same parameters, and what Stan finds."""

    @staticmethod
    def fitted(step: str, gaps: bool) -> tuple[prophet._Fit, Floats, Any, pd.DataFrame]:
        """A fit of ours, with Prophet set up as ours but with its own optimiser, and its history."""
        counts = moving(7, 1, 200)
        if gaps:
            counts[0, [0, 1, 50, 51, 120]] = np.nan
        some = panel(counts, step=step)
        features = prophet._features(some.periods, some.step, ())
        root = np.sqrt(some.count)
        features = replace(features, columns=np.r_[features.columns, features.columns[:1]])
        features = replace(features, days=np.r_[features.days, features.days[-1] + 7])
        (ours,) = prophet._fits(root, some.keys, features, 200, 1)
        library = prophet._library().Prophet(
            n_changepoints=prophet.CHANGEPOINTS,
            changepoint_range=prophet.RANGE,
            changepoint_prior_scale=prophet.FLEXIBILITY,
            yearly_seasonality=prophet.HARMONICS,
            weekly_seasonality=False,
            daily_seasonality=False,
            uncertainty_samples=0,
        )
        calendar = features.columns[:200, -2:]
        history = pd.DataFrame({"ds": pd.DatetimeIndex(some.periods), "y": root[0]})
        history[["work", "school_holiday"]] = calendar
        for name in ("work", "school_holiday"):
            library.add_regressor(name, standardize=False)
        return ours, lasso.mode(ours.problem), library, history.dropna()

    @pytest.mark.parametrize(("step", "gaps"), [("week", False), ("week", True), ("month", False)])
    def test_the_same_parameters_mean_the_same_to_prophet(self, step: str, gaps: bool) -> None:
        ours, theta, library, history = self.fitted(step, gaps)
        library.preprocess(history)
        changes = len(library.changepoints_t)
        library.params = {
            "k": theta[None, :1],
            "m": theta[None, 1:2],
            "delta": theta[None, 2 : 2 + changes],
            "beta": theta[None, 2 + changes :],
            "sigma_obs": np.array([[1.0]]),
        }
        inside = library.predict(history)["yhat"].to_numpy()
        assert ours.design.seen @ theta * ours.scale == pytest.approx(inside, rel=1e-9)

    def test_stan_finds_no_likelier_parameters(self) -> None:
        ours, theta, library, history = self.fitted("week", True)
        with prophet._quiet():
            library.fit(history)
        library.stan_backend.cleanup()
        stan = np.concatenate([library.params[name][0] for name in ("k", "m", "delta", "beta")])
        from_stan = lasso.mode(ours.problem, stan)
        assert from_stan == pytest.approx(theta, rel=1e-6, abs=1e-8)

        def density(parameters: Floats) -> float:
            sigma = np.sqrt(lasso._variance(ours.problem, parameters))
            scaled = parameters / ours.problem.width
            sparse = ours.problem.sparse
            prior = np.abs(scaled[sparse]).sum() + 0.5 * (scaled[~sparse] ** 2).sum() + 2 * sigma**2
            return float(-prior - ours.problem.n * np.log(sigma) - 0.5 * ours.problem.errors(parameters) / sigma**2)

        assert density(theta) >= density(stan)
        apart = (ours.design.seen @ (theta - stan)) * ours.scale
        assert np.sqrt(np.mean(apart**2)) < 0.15  # half an event in five


class TestKeptFits:
    def test_what_was_fitted_before_is_not_fitted_again(self) -> None:
        some, kept, work = panel(moving()), {}, Counted()
        ask = Ask((150, 182), 9, work, fits=kept)
        first = prophet.predict(some, ask)
        made = work.items
        second = prophet.predict(some, ask)
        assert made > 0
        assert work.items == made
        assert np.array_equal(first, second)
        assert np.array_equal(first, prophet.predict(some, replace(ask, fits=None)))

    def test_a_week_later_only_what_is_new_is_fitted(self) -> None:
        some, work = panel(moving()), Counted()
        kept: Fits = {}
        prophet.predict(some.until(180), Ask((180,), 9, fits=kept))
        later = prophet.predict(some.until(181), Ask((181,), 9, work, fits=kept))
        assert work.items == len(some.keys)
        assert later == pytest.approx(prophet.predict(some.until(181), Ask((181,), 9)), rel=1e-9)

    @pytest.mark.parametrize("step", ["week", "month"])
    def test_the_fit_of_a_week_before_saves_steps_and_changes_no_figure(
        self, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[int] = []
        solve = lasso._solved
        monkeypatch.setattr(lasso, "_solved", lambda *system: (steps.append(1), solve(*system))[1])
        some = panel(moving(8, 40), step=step)
        monkeypatch.setitem(prophet.CHECKED, some.step, 0)  # the newest fits alone
        kept: Fits = {}
        prophet.predict(some.until(181), Ask((181,), 9, fits=kept))
        steps.clear()
        warm = prophet.predict(some, Ask((182,), 9, fits=kept))
        took = len(steps)
        cold = prophet.predict(some, Ask((182,), 9))
        assert took < 0.9 * (len(steps) - took)
        assert warm == pytest.approx(cold, rel=1e-9)

    def test_a_correction_of_the_past_is_fitted_anew(self) -> None:
        counts = moving()
        kept: Fits = {}
        prophet.predict(panel(counts), Ask((182,), 9, fits=kept))
        counts[0, 20] += 9
        corrected = prophet.predict(panel(counts), Ask((182,), 9, fits=kept))
        assert corrected == pytest.approx(prophet.predict(panel(counts), Ask((182,), 9)), rel=1e-9)

    def test_fits_can_be_written_down(self) -> None:
        some = panel(moving())
        kept: Fits = {}
        first = prophet.predict(some, Ask((182,), 9, fits=kept))
        work = Counted()
        read: Fits = json.loads(json.dumps(dict(kept)))
        assert np.array_equal(prophet.predict(some, Ask((182,), 9, work, fits=read)), first)
        assert work.items == 0

    def test_what_a_run_had_no_use_for_can_be_told_from_what_it_had(self) -> None:
        kept: Fits = {"prophet week m0": {}, "prophet week m9": {"5ec2": [1.0]}}
        used: Fits = {}
        prophet.predict(panel(moving(series=2)), Ask((182,), 3, fits=ChainMap(used, kept)))
        assert sorted(used) == ["prophet week m0", "prophet week m1"]
        assert kept == {"prophet week m0": {}, "prophet week m9": {"5ec2": [1.0]}}

    def test_weeks_and_months_of_a_series_are_kept_apart(self) -> None:
        kept: Fits = {}
        for step in ("week", "month"):
            prophet.predict(panel(moving(series=1), step=step), Ask((182,), 3, fits=kept))
        assert sorted(kept) == ["prophet month m0", "prophet week m0"]


class TestSpread:
    @staticmethod
    def spread(errors: Floats, inside: float = 1.0) -> Floats:
        return prophet._spread(errors[None], np.array([inside]))[0][0]

    def test_it_is_that_of_the_forecasts_that_were_checked(self) -> None:
        errors = np.random.default_rng(4).standard_normal((40, 13)) * 2
        assert self.spread(errors, 4 / prophet.WIDER) == pytest.approx(np.full(13, 2.0), rel=0.15)

    def test_errors_that_grow_with_the_horizon_widen_it(self) -> None:
        errors = np.random.default_rng(5).standard_normal((60, 10)) * np.sqrt(np.arange(1, 11))
        found = self.spread(errors)
        assert (np.diff(found) > 0).all()
        assert found[-1] > 2 * found[0] > 0

    def test_without_a_forecast_to_check_it_is_the_fit_s_own_and_a_little_more(self) -> None:
        assert self.spread(np.full((0, 6), np.nan)) == pytest.approx(np.full(6, np.sqrt(prophet.WIDER)))

    def test_what_has_not_come_yet_does_not_count(self) -> None:
        errors = np.random.default_rng(6).standard_normal((12, 4))
        later = np.concatenate([errors, np.full((3, 4), np.nan)])
        assert np.array_equal(self.spread(later), self.spread(errors))


class TestSilence:
    @pytest.fixture
    def loud(self) -> Iterator[None]:
        """Logging as a program has it that has silenced nothing."""
        before = logging.root.manager.disable
        logging.disable(logging.NOTSET)
        yield
        logging.disable(before)

    @pytest.mark.usefixtures("loud")
    def test_it_leaves_logging_and_warnings_as_they_were(self) -> None:
        assert prophet._library().Prophet  # its own import sets levels: that is done before we look
        some, _ = yearly_wave()

        def state() -> tuple[object, ...]:
            loggers = [logging.getLogger(name) for name in ("", "prophet", "cmdstanpy", "py.warnings")]
            return (
                logging.root.manager.disable,
                [(logger.level, logger.disabled, list(logger.handlers), logger.propagate) for logger in loggers],
                list(warnings.filters),
            )

        before = state()
        prophet.predict(some, Ask((156,), 2))
        assert state() == before

    @pytest.mark.usefixtures("loud")
    def test_logging_is_back_even_when_something_fails(self) -> None:
        with pytest.raises(KeyError), prophet._quiet():
            raise KeyError
        assert logging.root.manager.disable == logging.NOTSET

    def test_it_writes_no_log_line(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            prophet.predict(yearly_wave()[0], Ask((156,), 2))
        assert caplog.records == []

    @pytest.mark.parametrize("workers", [1, 2])
    def test_it_says_nothing_and_leaves_no_file_behind(self, workers: int, tmp_path: Path) -> None:
        script = Path(__file__).with_name("quiet_forecast.py")
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        command = [sys.executable, str(script), str(tmp_path), str(workers)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
        assert list(tmp_path.iterdir()) == []
