from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.record import record
from forecaster.types import Alert, Driver, SignalKind

MONDAY, ONSET = dt.date(2018, 1, 8), dt.date(2017, 11, 20)
ALERT = Alert(
    id="plan-starts-up-2018-w02", kind="surge", measure="plan_starts", slice=(("locality", "North"),), direction="up",
    severity="high", state="opened", opened=MONDAY, onset=ONSET, updated=MONDAY, observed=17.0, expected=6.12345,
    lower=2.0, upper=12.0, p_value=1e-6, total=71.0, total_expected=44.0,
    text="17 children started a plan that week; 6 were expected.",
    drivers=(Driver("breakdown", "team=Team 2", 18.123, 0.66666, 30.0),), observed_told=17.0, excess_told=True,
)  # fmt: skip


def observing(figure: float, **changes: Any) -> Alert:
    """An alert whose newest message tells what it observed."""
    return replace(ALERT, observed=figure, observed_told=figure, **changes)


def test_a_record_has_the_form_that_is_promised() -> None:
    assert record(ALERT, 5) == {
        "id": "plan-starts-up-2018-w02",
        "kind": "surge",
        "measure": "plan_starts",
        "breakdown": {"locality": "North"},
        "direction": "up",
        "severity": "high",
        "opened": "2018-01-08",
        "onset": "2017-11-20",
        "updated": "2018-01-08",
        "resolved": None,
        "state": "opened",
        "expected": 6.1235,
        "observed": 17.0,
        "drivers": [{"kind": "breakdown", "name": "team=Team 2", "value": 18.12, "share": 0.6667}],
        "text": "17 children started a plan that week; 6 were expected.",
    }


def test_a_resolved_alert_says_when() -> None:
    over = replace(ALERT, state="resolved", resolved=dt.date(2018, 3, 5))
    assert record(over, 5)["resolved"] == "2018-03-05"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_counts_of_one_to_five_are_not_given(count: float) -> None:
    assert record(observing(count), 5)["observed"] is None
    few = replace(ALERT, drivers=(replace(ALERT.drivers[0], observed=count),))
    assert record(few, 5)["drivers"] == [{"kind": "breakdown", "name": "team=Team 2", "value": None, "share": None}]


@pytest.mark.parametrize("count", [0, 6, 7, 100])
def test_nought_and_six_or_more_are_given(count: float) -> None:
    assert record(observing(count, total=50), 5)["observed"] == count
    enough = replace(ALERT, drivers=(replace(ALERT.drivers[0], observed=count),))
    assert record(enough, 5)["drivers"][0]["value"] == 18.12


def test_a_share_is_hidden_when_its_count_is_small() -> None:
    share = observing(0.25, kind="drift", total=4.0)
    assert record(share, 5)["observed"] is None
    assert record(replace(share, total=6.0), 5)["observed"] == 0.25


@pytest.mark.parametrize("kind", ["surge", "farrington", "ears_c1"])
def test_a_small_newest_count_is_hidden_whatever_method_found_it(kind: SignalKind) -> None:
    assert record(observing(4.0, kind=kind, total=60.0), 5)["observed"] is None


def test_the_threshold_is_the_council_s_own() -> None:
    assert record(observing(8.0), 10)["observed"] is None
    assert record(observing(3.0), 2)["observed"] == 3.0


@given(st.integers(0, 40), st.integers(0, 400), st.integers(0, 40))
def test_a_record_is_plain_json_and_never_holds_a_small_count(observed: int, total: int, part: int) -> None:
    driver = Driver("breakdown", "x", 1.0, 0.5, float(part))
    alert = observing(float(observed), total=float(total), drivers=(driver,))
    found = json.loads(json.dumps(record(alert, 5)))
    assert found["observed"] not in (1, 2, 3, 4, 5)
    assert (found["drivers"][0]["share"] is None) == (1 <= part <= 5)


def test_values_from_arrays_become_plain_values() -> None:
    alert = observing(np.float64(17), expected=np.float64(6.1))
    assert json.loads(json.dumps(record(alert, 5)))["expected"] == 6.1


def test_a_figure_that_no_message_told_is_not_given() -> None:
    kept = record(replace(ALERT, observed_told=None), 5)
    assert kept["observed"] is None
    assert [(one["value"], one["share"]) for one in kept["drivers"]] == [(None, 0.6667)]
    assert record(replace(ALERT, observed_told=None), 0)["observed"] == 17.0


def test_parts_of_an_excess_that_no_message_told_are_shares_alone() -> None:
    kept = record(replace(ALERT, excess_told=False), 5)
    assert (kept["observed"], kept["drivers"][0]["value"]) == (17.0, None)


def test_what_is_not_known_is_null() -> None:
    unknown = json.loads(
        json.dumps(record(replace(ALERT, observed_told=math.nan, expected=math.nan), 5), allow_nan=False)
    )
    assert (unknown["observed"], unknown["expected"]) == (None, None)


def test_a_few_that_are_left_of_many_are_not_told_by_their_drivers() -> None:
    """What was expected and a driver's value and share would lead to the count."""
    fallen = replace(ALERT, direction="down", observed=3.0, total=3.0, expected=12.0, total_expected=12.0)
    kept = record(replace(fallen, drivers=(Driver("stage", "referral", -5.4, 0.6, 300.0),)), 5)
    assert kept["drivers"] == [{"kind": "stage", "name": "referral", "value": None, "share": 0.6}]
