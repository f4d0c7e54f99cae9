from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import numpy as np
import pytest
from made_panels import by_locality, overdispersed, panel, shares, slice_key

from forecaster.briefing import brief, coverage, foretold_by, history
from forecaster.measures import Measure
from forecaster.projection import Outlook
from forecaster.standing import Standing
from forecaster.types import (
    Alert,
    Driver,
    Floats,
    Forecasts,
    Kind,
    Limits,
    Panel,
    SeriesKey,
    Step,
    Transition,
    as_date,
)
from forecaster.words.context import Comparison, Context, History, Linked
from forecaster.words.questions import Question

LIMITS = Limits(0.001, 104)
FIRST = dt.date(2015, 1, 5)
STARTS = SeriesKey("plan_starts")


def weekly(values: Floats, kind: str = "flow", last: dt.date = dt.date(2018, 1, 8)) -> Panel:
    first = last - dt.timedelta(weeks=len(values) - 1)
    return panel(values, kind, keys=[STARTS], first=first)  # type: ignore[arg-type]


def past(value: Floats, lower: float, upper: float, of: Floats | None = None) -> History:
    flat = np.ones(len(value))
    periods = np.datetime64("2016-01-04") + 7 * np.arange(len(value))
    return History(periods, value, flat * (lower + upper) / 2, flat * lower, flat * upper, of=of)


def test_coverage_is_the_share_of_periods_inside_their_band() -> None:
    value = np.r_[np.full(90, 50.0), np.full(99, 10.0), [3.0, 5.0, 15.0, 16.0, 40.0]]
    assert coverage(past(value, 5.0, 15.0), 104) == pytest.approx(101 / 104)
    assert coverage(past(value, 5.0, 15.0), 5) == pytest.approx(2 / 5)


def test_coverage_leaves_missing_periods_out() -> None:
    value = np.r_[np.full(100, 10.0), [99.0, np.nan, np.nan, np.nan]]
    assert coverage(past(value, 5.0, 15.0), 104) == pytest.approx(100 / 101)


def test_coverage_needs_half_of_its_periods() -> None:
    value = np.r_[np.full(53, np.nan), np.full(51, 10.0)]
    assert coverage(past(value, 5.0, 15.0), 104) is None
    assert coverage(past(np.full(52, 10.0), 5.0, 15.0), 104) == 1.0
    assert coverage(past(np.full(51, 10.0), 5.0, 15.0), 104) is None


def test_coverage_of_a_share_is_of_proportions() -> None:
    value = np.full(104, 3.0)
    of = np.r_[np.full(102, 10.0), [100.0, 0.0]]
    assert coverage(past(value, 0.2, 0.4, of), 104) == pytest.approx(102 / 103)


def test_the_history_of_a_flow_has_bands_that_hold_what_they_say() -> None:
    values = overdispersed(np.random.default_rng(3), 25.0, 3.0, (1, 260))[0]
    found = history(weekly(values), STARTS, LIMITS)
    assert found.of is None
    assert found.whole is None
    assert np.array_equal(found.count, values)
    achieved = coverage(found, 104)
    assert achieved is not None
    assert achieved == pytest.approx(0.95, abs=0.05)


def test_the_history_of_a_share_is_in_proportions() -> None:
    x, n = shares(np.random.default_rng(4), 1, 200, 40.0, 0.3)
    found = history(panel(x, "share", of=n, keys=[STARTS]), STARTS, LIMITS)
    assert found.of is not None
    assert found.expected[-1] == pytest.approx(0.3, abs=0.03)
    assert ((found.lower >= 0) & (found.upper <= 1)).all()


def test_the_history_of_a_slice_knows_the_whole_it_is_part_of() -> None:
    """So that whoever shows it can see to it that council minus slice gives nothing away."""
    some = by_locality(5, {"North": 8.0, "City": 20.0})
    north = history(some, slice_key("plan_starts", "locality", "North"), LIMITS)
    assert north.whole is not None
    assert np.array_equal(north.whole, some.count[0])
    assert history(some, STARTS, LIMITS).whole is None
    assert history(some.select([1, 2]), slice_key("plan_starts", "locality", "North"), LIMITS).whole is None


def test_people_see_all_children_where_detectors_weigh_families() -> None:
    values = np.random.default_rng(6).poisson(20, (1, 150)).astype(float)
    some = panel(values, capped=values / 2, keys=[STARTS])
    assert history(some, STARTS, LIMITS).expected[-1] == pytest.approx(20, rel=0.15)


# What a message's context says


def told(measure: str = "plan_starts", kind: Kind = "flow", **changes: Any) -> Context:
    """The context of an alert on a series that is quiet, with drivers, published figures or questions."""
    values = np.random.default_rng(7).poisson(20, 150).astype(float)
    some = panel(values, kind, of=values * 3 if kind == "share" else None, keys=[SeriesKey(measure)], first=FIRST)
    newest = as_date(some.periods[-1])
    alert = Alert(
        "a", "drift", measure, (), "up", "low", "opened", newest, newest, newest, 20, 20, 10, 30, 0.1, 20, 20,
        told=(newest,), drivers=changes.pop("drivers", ()),
    )  # fmt: skip
    opened = Transition("t", "a", dt.datetime(2018, 1, 1, tzinfo=dt.UTC), None, "opened", "")
    nothing = Forecasts((), newest, some.periods[:0], np.empty((0, 0, 9)), ())
    described = Measure.model_construct(
        kind=kind, title="Plans", one="plan was counted", many="plans were counted", of="plans", question="Its own?"
    )  # fmt: skip
    given: dict[str, Any] = {
        "limits": LIMITS, "was": None, "shown": 13, "council": "Elm", "threshold": 5, "config": "",
    }  # fmt: skip
    standings = changes.pop("standings", {})
    return brief(alert, opened, some, nothing, standings, described, **given, **changes)


@pytest.mark.parametrize(
    ("kind", "step", "model"),
    [
        ("flow", "week", "levels 77%, prophet 23%"),
        ("stock", "week", "cohort"),
        ("share", "week", "the level of the last 52 weeks"),
        ("share", "month", "the level of the last 12 months"),
    ],
)
def test_a_forecast_is_by_its_models_and_that_of_a_share_by_its_own_level(kind: Kind, step: Step, model: str) -> None:
    """Where a share is heading by 31 March is worked out without any model."""
    known = "cohort" if kind == "stock" else "levels 77%, prophet 23%"
    made = Forecasts((STARTS,), FIRST, weekly(np.ones(3)).periods, np.ones((1, 3, 9)), (known,))
    assert foretold_by(made, STARTS, kind, step) == model
    assert foretold_by(made, SeriesKey("contacts"), "flow", step) == ""


def standing(
    unit: Literal["share", "rate"], neighbours: float, children: float = 40_000.0
) -> dict[SeriesKey, Standing]:
    compared = Comparison(2017, neighbours=neighbours, unit=unit)
    names = ("plan_starts", "plans_open", "repeat_plans")
    return {SeriesKey(name): Standing(compared, Outlook(0.0, 1.0, 10.0, unit), None, children) for name in names}


@pytest.mark.parametrize(
    ("measure", "kind", "unit", "neighbours", "level"),
    [
        ("plan_starts", "flow", "rate", 52.0, 4.0),  # 208 a year of 40,000 children
        ("plans_open", "stock", "rate", 39.5, 158.0),
        ("repeat_plans", "share", "share", 0.18, 0.18),
        ("plans_open", "stock", "share", 0.18, None),
        ("repeat_plans", "share", "rate", 52.0, None),
    ],
)
def test_the_neighbours_level_is_in_what_the_series_counts(
    measure: str, kind: Kind, unit: Literal["share", "rate"], neighbours: float, level: float | None
) -> None:
    context = told(measure, kind, standings=standing(unit, neighbours))
    assert context.level == (None if level is None else pytest.approx(level))


def test_without_a_population_or_published_figures_there_is_no_level() -> None:
    assert told(standings=standing("rate", 52.0, children=0.0)).level is None
    assert told().level is None


def test_the_question_is_chosen_by_the_drivers_that_may_be_known_of() -> None:
    asks = (Question(ask="Team?", driver="team"), Question(ask="Source?", driver="source"))
    few, many = Driver("breakdown", "team=A", 9, 0.9, 4), Driver("breakdown", "source=B", 5, 0.5, 40)
    assert told(questions=asks, drivers=(few, many)).ask == "Source?"
    assert told(questions=asks, drivers=(few,)).ask == "Its own?"
    assert told(drivers=(many,)).ask == "Its own?"


def test_what_the_service_knows_of_the_delivery_is_passed_on() -> None:
    linked = (Linked("Referrals", "up", FIRST),)
    context = told(extract="received 15 January", budget=(3, 6), page="https://x/a", linked=linked)
    assert (context.extract, context.budget, context.page) == ("received 15 January", (3, 6), "https://x/a")
    assert context.linked == linked
