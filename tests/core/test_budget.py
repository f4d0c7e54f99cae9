from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_panels import joined, overdispersed, panel, slice_key, spells

from forecaster.budget import MOST, Counting, allowance, excess_since, false_alerts
from forecaster.detectors import surge
from forecaster.types import Direction, Floats, Panel, Quiet, SeriesKey

YEAR = 52


def counting(least_excess: float = 0.0, calm: int = 4) -> Counting:
    return Counting(lambda key: key.measure, least_excess, calm, YEAR)


def quiet(p_value: Floats, excess: float = 10.0, direction: Direction = "up", keys: int = 1) -> Quiet:
    """One copy of some series, S x P."""
    p = np.atleast_2d(p_value)[None]
    named = tuple(SeriesKey(f"m{i}") for i in range(p.shape[1])) if keys == 1 else (SeriesKey("m0"),) * p.shape[1]
    return Quiet(named, direction, p, np.full(p.shape, excess))


def year_with(*weeks: int) -> Floats:
    p = np.ones(YEAR)
    p[list(weeks)] = 1e-5
    return p


def test_alarms_close_together_are_one_alert() -> None:
    assert false_alerts([quiet(year_with(10, 11, 13))], counting(), 1e-4) == 1
    assert false_alerts([quiet(year_with(10, 15))], counting(), 1e-4) == 2
    assert false_alerts([quiet(year_with(10, 14))], counting(calm=4), 1e-4) == 1


def test_series_of_one_measure_share_an_alert_and_directions_do_not() -> None:
    two = np.stack([year_with(10), year_with(11)])
    assert false_alerts([quiet(two)], counting(), 1e-4) == 2
    assert false_alerts([quiet(two, keys=2)], counting(), 1e-4) == 1
    assert false_alerts([quiet(two, keys=2), quiet(two, direction="down", keys=2)], counting(), 1e-4) == 2


def test_an_alarm_about_too_few_children_is_no_alert() -> None:
    assert false_alerts([quiet(year_with(10), excess=5)], counting(least_excess=6), 1e-4) == 0


def test_what_happens_in_several_copies_is_averaged() -> None:
    p = np.stack([np.atleast_2d(year_with(10)), np.atleast_2d(year_with())])
    assert false_alerts([Quiet((SeriesKey("m"),), "up", p, np.full(p.shape, 9.0))], counting(), 1e-4) == 0.5


@given(st.integers(0, 10_000), st.floats(0.5, 40))
def test_the_limit_spends_the_budget_and_no_more(seed: int, budget: float) -> None:
    p = np.random.default_rng(seed).random((30, 20, YEAR))
    runs = [Quiet(tuple(SeriesKey(f"m{i}") for i in range(20)), "up", p, np.full(p.shape, 9.0))]
    found = allowance(runs, counting(), budget)
    assert found.false_alerts <= budget
    assert found.false_alerts == pytest.approx(false_alerts(runs, counting(), found.alpha))
    if found.alpha < MOST:
        assert false_alerts(runs, counting(), found.alpha * 1.02 + 1e-7) >= budget * 0.9 - 0.1


def test_independent_p_values_give_the_limit_that_counting_gives() -> None:
    """20 series looked at 52 times: 6 alerts a year at about 6 / 1040."""
    p = np.random.default_rng(1).random((400, 20, YEAR))
    runs = [Quiet(tuple(SeriesKey(f"m{i}") for i in range(20)), "up", p, np.full(p.shape, 9.0))]
    assert allowance(runs, counting(calm=0), 6).alpha == pytest.approx(6 / 1040, rel=0.05)


def test_a_budget_that_cannot_be_spent_stops_at_the_laxest_limit() -> None:
    found = allowance([quiet(np.ones(YEAR))], counting(), 6)
    assert (found.alpha, found.false_alerts) == (MOST, 0)
    assert allowance([], counting(), 6).alpha == MOST


def test_the_excess_is_the_sum_over_the_window() -> None:
    departures = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    assert excess_since(departures, np.array([[1.0, 2.0, 3.0]])).tolist() == [[3.0, 7.0, 12.0]]
    assert excess_since(departures, np.array([[9.0, 9.0, 9.0]])).tolist() == [[6.0, 10.0, 15.0]]


def council() -> Panel:
    rng = np.random.default_rng(2)
    slices = panel(
        overdispersed(rng, rng.uniform(3, 60, (30, 1)), 2.0, (30, 208)),
        keys=[slice_key(f"flow{i % 6}", "team", f"{i}") for i in range(30)],
    )
    return joined(slices, panel(spells(rng, 4, 208), "stock", keys=[SeriesKey(f"stock{i}") for i in range(4)]))


def test_quiet_years_of_surge_alarm_as_often_as_the_limit_says() -> None:
    for run in surge.quiet(council(), YEAR, 60, seed=1):
        flows, stocks = run.p_value[:, :30], run.p_value[:, 30:]
        most = 0.0105 if run.direction == "up" else 0.012
        assert 0.007 <= np.mean(flows <= 0.01) <= most + 0.001
        assert 0.007 <= np.mean(stocks <= 0.01) <= 0.0125


def test_quiet_years_are_the_same_for_the_same_seed_only() -> None:
    one, same, other = (surge.quiet(council(), YEAR, 2, seed)[0].p_value for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_larger_budget_never_gives_a_stricter_limit() -> None:
    runs = surge.quiet(council(), YEAR, 40, seed=1)
    limits = [allowance(runs, counting(6.0), budget).alpha for budget in (0.5, 2, 6, 20, 80)]
    assert all(lower <= upper for lower, upper in pairwise(limits))
