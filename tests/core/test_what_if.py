"""Where open plans would be on 31 March if starts or ends went otherwise: only the levers make a difference."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from made_panels import panel

from forecaster.calendar import following
from forecaster.models.cohort import outlook
from forecaster.types import NEVER, QUANTILES, Counted, Forecasts, Panel, SeriesKey, Stays, as_date
from forecaster.what_if import Levers, what_if
from forecaster.words.context import YearEnd
from forecaster.year_end import year_end_outlook

WEEKS, HORIZON, A_WEEK, DRAWS, SEED = 260, 20, 6.0, 200, 3
OPEN, STARTS, ENDS = (SeriesKey(name) for name in ("plans_open", "plan_starts", "plan_ends"))


@cache
def council(slower: float = 1.0) -> Panel:
    """Six plans start a week and a fortieth of those open ends each week; in the newest year `slower` times as many."""
    rng = np.random.default_rng(5)
    opened = np.repeat(np.arange(WEEKS), rng.poisson(A_WEEK, WEEKS))
    week = np.arange(WEEKS)
    ends = rng.random((len(opened), WEEKS)) < np.where(week < WEEKS - 52, 1 / 40, slower / 40)
    ends &= week > opened[:, None]
    ended = np.where(ends.any(1), ends.argmax(1), NEVER)
    stays = Stays(opened, ended, {}, {"plans_open": Counted(opened, 0, "plan_starts", "plan_ends")})
    starts = np.bincount(opened, minlength=WEEKS)
    left = np.bincount(ended[ended < NEVER], minlength=WEEKS)
    first = dt.date(2018, 1, 8) - dt.timedelta(weeks=WEEKS - 1)
    some = panel(np.array([starts, left, np.cumsum(starts - left)]), ("flow", "flow", "stock"),
                 keys=[STARTS, ENDS, OPEN], first=first)  # fmt: skip
    return replace(some, stays=stays)


def forecasts(some: Panel, keys: tuple[SeriesKey, ...] = (STARTS, OPEN)) -> Forecasts:
    """Starts that come as they always did, and the open plans that follow from them."""
    starts = np.random.default_rng(6).poisson(A_WEEK, (DRAWS, HORIZON)).astype(float)
    draws = {STARTS: starts, OPEN: outlook(some, "plans_open", HORIZON, {(): starts}, SEED).open[0]}
    return Forecasts(
        keys, as_date(some.periods[-1]), following(as_date(some.periods[-1]), HORIZON, "week"),
        np.zeros((len(keys), HORIZON, len(QUANTILES))), ("cohort",) * len(keys),
        draws=np.stack([draws[key] for key in keys]),
    )  # fmt: skip


def asked(levers: Levers, slower: float = 1.0) -> YearEnd:
    some = council(slower)
    found = what_if(some, forecasts(some), OPEN, levers, SEED)
    assert found is not None
    return found


def test_if_all_goes_as_forecast_the_answer_is_the_forecast() -> None:
    some = council()
    forecast = year_end_outlook(some, forecasts(some), OPEN)
    found = asked(Levers())
    assert forecast is not None and forecast.draws is not None
    assert found == forecast
    assert np.array_equal(found.draws, forecast.draws)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["starts", "ends"])
def test_more_starts_are_more_plans_and_more_ends_are_fewer(name: str) -> None:
    ends = [asked(Levers(**{name: times})).median for times in (0.5, 1.0, 1.5)]
    assert ends == sorted(ends, reverse=name == "ends")
    assert len(set(ends)) == 3


def test_without_any_more_starts_or_ends_nothing_changes() -> None:
    some = council()
    found = asked(Levers(starts=0.0, ends=0.0))
    assert found.lower == found.median == found.upper == some.count[some.row(OPEN), -1]


def test_back_at_last_years_pace_those_who_stayed_longer_go() -> None:
    """Of late half as many ended a week; had they gone on as in the year before, fewer plans would be open."""
    now, back = (asked(levers, 0.5).median for levers in (Levers(), Levers(ends="last year")))
    assert now - back > 15
    steady, same = (asked(levers).median for levers in (Levers(), Levers(ends="last year")))
    assert abs(steady - same) < 12


def test_without_stays_or_paths_of_starts_there_is_no_answer() -> None:
    some = council()
    told = forecasts(some)
    assert what_if(replace(some, stays=None), told, OPEN, Levers(), SEED) is None
    assert what_if(some, replace(told, draws=None), OPEN, Levers(), SEED) is None
    assert what_if(some, forecasts(some, (OPEN,)), OPEN, Levers(), SEED) is None
    assert what_if(some, told, STARTS, Levers(), SEED) is None
    assert what_if(some, replace(told, models=("levels 90%, counts 10%",) * 2), OPEN, Levers(), SEED) is None
