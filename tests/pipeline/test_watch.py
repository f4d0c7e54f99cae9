from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from made_panels import by_locality, joined, panel, slice_key
from synthetic_council import MEASURES, NOBODY, WATCH, T, council, look

from forecaster.calendar import following, period_end, year_end
from forecaster.measures import Measure
from forecaster.pipeline import Watch, allow, assess, forecast, severity
from forecaster.types import Panel, SeriesKey, Severity, Signal, Step, as_date

SIGNAL = Signal(
    key=SeriesKey("plan_starts"), kind="surge", direction="up", period=dt.date(2018, 1, 8), onset=dt.date(2018, 1, 1),
    observed=20.0, expected=8.0, lower=3.0, upper=14.0, p_value=1e-6, score=6.0, total=40.0, total_expected=20.0,
)  # fmt: skip
NORTH = SeriesKey("plan_starts", (("locality", "North"),))


def measure(worse: str) -> Measure:
    return MEASURES["plan_starts"].model_copy(update={"worse": worse})


@pytest.mark.parametrize(
    ("worse", "changes", "expected"),
    [
        ("up", {}, "high"),
        ("both", {}, "high"),
        ("down", {}, "low"),  # a move for the better
        ("up", {"direction": "down", "total": 20.0, "total_expected": 40.0}, "low"),
        ("down", {"direction": "down", "total": 20.0, "total_expected": 40.0}, "high"),
        ("both", {"direction": "down", "total": 20.0, "total_expected": 40.0}, "high"),
        ("up", {"p_value": 2e-4}, "medium"),  # large, but not that sure
        ("up", {"p_value": 1e-4}, "high"),
        ("up", {"total": 25.0}, "medium"),  # sure, but a quarter more only
        ("up", {"total": 26.1}, "high"),
        ("up", {"key": NORTH}, "medium"),  # a slice alone
        ("down", {"key": NORTH}, "low"),
        ("up", {"total_expected": 0.0}, "high"),  # something where nothing was expected
        ("down", {"direction": "down", "total": 0.0, "total_expected": 20.0}, "high"),
    ],
)
def test_severity_is_direction_evidence_size_and_reach(
    worse: str, changes: dict[str, object], expected: Severity
) -> None:
    assert severity(replace(SIGNAL, **changes), measure(worse)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["week", "month"])
def test_the_budget_is_spent_in_quiet_years_and_not_overspent(step: Step) -> None:
    counts = np.random.default_rng(4).poisson(20, (30, 208 if step == "week" else 60))
    for budget in (2.0, 6.0):
        allowed = allow(panel(counts, step=step), Watch(measures=MEASURES, false_alerts_per_year=budget))
        assert 0.8 * min(budget, 4 if step == "month" else budget) <= allowed.false_alerts <= budget


def test_more_series_have_a_stricter_limit_each_and_no_limit_is_laxer_than_one_in_a_hundred() -> None:
    counts = np.random.default_rng(5).poisson(20, (120, 208))
    watch = Watch(measures=MEASURES)
    limits = [allow(panel(counts[:some]), watch).alpha for some in (1, 30, 120)]
    assert limits[0] == 0.01
    assert limits[0] > limits[1] > limits[2] > 1e-4
    assert allow(panel(counts).select([]), watch).alpha == 0.01


def test_the_history_needed_comes_from_config() -> None:
    watch = Watch(measures=MEASURES, min_history={"week": 60, "month": 24})
    assert watch.history(council().step) == 60
    short = council(1, {"North": np.full(5, 18)}, length=90)
    assert look(short, watch=replace(WATCH, min_history={"week": 60, "month": 24})).alerts
    refused = look(short, watch=WATCH)
    assert refused.alerts == ()
    reasons = {reason.reason for reason in refused.not_run if reason.by == "surge"}
    assert reasons == {"too little history: 89 periods, 104 needed"}


def test_a_larger_budget_finds_more() -> None:
    some = council(2, {"North": np.full(3, 5)})
    signals = {budget: _strong(some, budget) for budget in (0.001, 6.0, 200.0)}
    assert signals[0.001] <= signals[6.0] <= signals[200.0]
    assert len(signals[0.001]) < len(signals[200.0])


def _strong(some: Panel, budget: float) -> set[str]:
    watch = replace(WATCH, false_alerts_per_year=budget, detectors=("surge",), least_excess=0.0)
    return {alert.measure + alert.direction for alert in look(some, watch=watch).alerts}


@pytest.mark.parametrize(("step", "expected"), [("week", 13), ("month", 3)])
def test_a_message_looks_a_quarter_ahead(step: Step, expected: int) -> None:
    assert Watch(measures=MEASURES).ahead(step) == expected
    assert Watch(measures=MEASURES, horizon=1).ahead("month") == 1


@pytest.mark.parametrize("first", ["2014-04-07", "2014-07-07", "2014-10-06", "2015-03-02", "2015-03-30"])
def test_forecasts_reach_31_march_and_a_quarter_ahead(first: str) -> None:
    counts_ = np.random.default_rng(1).poisson(20, (1, 112))
    some = panel(counts_, first=dt.date.fromisoformat(first), keys=[SeriesKey("plan_starts")])
    found = forecast(some, (), WATCH)
    closing = year_end(as_date(some.periods[-1]))
    assert len(found.periods) >= 13
    assert as_date(found.periods[-1]) >= closing or period_end(as_date(found.periods[-1]), "week") >= closing
    assert np.array_equal(found.periods, following(as_date(some.periods[-1]), len(found.periods), "week"))


def test_a_newest_week_that_was_left_out_as_incomplete_is_forecast_like_one_that_may_still_grow() -> None:
    some = council(1)
    count = some.count.copy()
    count[:, -3:-1] = np.nan
    found = forecast(replace(some, count=count, capped=count, provisional=1), (), WATCH)
    usual = forecast(replace(some, provisional=3), (), WATCH)
    assert found.not_run == usual.not_run
    assert found.origin == usual.origin == as_date(some.periods[-4])
    assert np.array_equal(found.values, usual.values)


def test_a_series_that_alone_has_no_newest_value_is_not_forecast_and_holds_up_no_other() -> None:
    some = replace(council(1), provisional=0)
    count = some.count.copy()
    count[0, -1] = np.nan
    found = forecast(replace(some, count=count, capped=count), (), WATCH)
    assert found.origin == as_date(some.periods[-1])
    assert (some.keys[0], "no value for this period") in [(missed.key, missed.reason) for missed in found.not_run]
    assert set(found.keys) == set(forecast(some, (), WATCH).keys) - {some.keys[0]}


def test_monthly_forecasts_reach_31_march_too() -> None:
    some = panel(np.random.default_rng(2).poisson(90, (1, 64)), step="month", first=dt.date(2012, 4, 1))
    found = forecast(some, (), WATCH)
    assert as_date(some.periods[-1]) == dt.date(2017, 7, 1)
    assert as_date(found.periods[-1]) >= dt.date(2018, 3, 1)


def test_forecasts_are_of_the_council_its_localities_and_teams_and_of_what_was_told() -> None:
    some = joined(council(1), panel(council(1).count[[1]], keys=[slice_key("plan_starts", "source", "Police")]))
    usual = [key for key in some.keys if key.slice != (("source", "Police"),)]
    assert list(forecast(some, (), WATCH).keys) == usual
    assert set(forecast(some, [some.keys[-1]], WATCH).keys) == set(some.keys)


def test_prophet_is_offered_the_measures_that_config_names_and_their_councils_own_series_alone() -> None:
    some = council(1).select([0, 1, 4])
    fits: dict[str, Mapping[str, Sequence[float]]] = {}
    watch = replace(WATCH, models=("levels", "prophet"), horizon=4, fits=fits)
    forecast(some, (), watch)
    assert fits == {}
    found = forecast(some, (), replace(watch, prophet=frozenset({"plan_starts"})))
    assert set(fits) == {"prophet week plan_starts"}
    assert all(re.fullmatch(r"levels|prophet|((levels|prophet) \d+%(, |$)){2}", made) for made in found.models)


def test_a_series_that_cannot_be_forecast_says_why_once() -> None:
    short = council(1, length=80).select([4])
    found = forecast(short, (), replace(WATCH, prophet=frozenset({"referrals"})))
    assert found.keys == ()
    assert [missed.reason for missed in found.not_run] == [
        "too little history: 78 periods, 104 needed"
    ]  # the newest may still grow


def test_reasons_of_detectors_and_models_are_all_passed_on() -> None:
    some = council(1)
    count = some.count.copy()
    count[4] = 0.0
    outcome = look(replace(some, count=count, capped=count))
    about = {
        (reason.by, reason.reason.split(":")[0]) for reason in outcome.not_run if reason.key.measure == "referrals"
    }
    assert about == {("surge", "constant"), ("forecast", "constant"), ("neighbours", "no published figures")}


def test_only_the_detectors_of_the_config_look() -> None:
    some = council(1, {"North": np.full(5, 18)})
    assert look(some, watch=replace(WATCH, detectors=())).alerts == ()
    assert {signal.kind for signal in look(some, watch=replace(WATCH, detectors=("surge",))).signals} == {"surge"}


def test_a_breakdown_of_the_council_s_own_may_raise_an_alert_whatever_is_named() -> None:
    some = by_locality(5, {"North": 4.0, "City": 150.0}, {"North": np.full(6, 9)}, T)
    keys = tuple(SeriesKey(key.measure, tuple(("ward", value) for _, value in key.slice)) for key in some.keys)
    watch = replace(WATCH, breakdowns=("team",), detectors=("surge",))
    assert [alert.slice for alert in look(replace(some, keys=keys), watch=watch).alerts] == [(("ward", "North"),)]


def test_the_clock_is_only_what_it_is_told() -> None:
    some = council(1, {"North": np.full(5, 18)})
    moment = dt.datetime(2001, 2, 3, 4, 5, tzinfo=dt.UTC)
    outcome = assess(some, [], NOBODY, replace(WATCH, detectors=("surge",)), moment)
    assert [transition.at for transition in outcome.transitions] == [moment]
