from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from made_panels import by_locality, overdispersed, panel, shares, slice_key

from forecaster.briefing import coverage, history
from forecaster.context import History
from forecaster.types import Floats, Limits, Panel, SeriesKey

LIMITS = Limits(0.001, 104)
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
