from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

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
    lower=2.0, upper=12.0, p_value=1e-6, total=71.0, total_expected=44.0, text="what was sent",
    drivers=(Driver("breakdown", "team=Team 2", 18.123, 0.66666, 30.0),),
)  # fmt: skip


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
        "text": "what was sent",
    }


def test_a_resolved_alert_says_when() -> None:
    over = replace(ALERT, state="resolved", resolved=dt.date(2018, 3, 5))
    assert record(over, 5)["resolved"] == "2018-03-05"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_counts_of_one_to_five_are_not_given(count: float) -> None:
    assert record(replace(ALERT, observed=count), 5)["observed"] is None
    few = replace(ALERT, drivers=(replace(ALERT.drivers[0], observed=count),))
    assert record(few, 5)["drivers"] == [{"kind": "breakdown", "name": "team=Team 2", "value": None, "share": None}]


@pytest.mark.parametrize("count", [0, 6, 7, 100])
def test_nought_and_six_or_more_are_given(count: float) -> None:
    assert record(replace(ALERT, observed=count, total=50), 5)["observed"] == count
    enough = replace(ALERT, drivers=(replace(ALERT.drivers[0], observed=count),))
    assert record(enough, 5)["drivers"][0]["value"] == 18.12


def test_a_share_is_hidden_when_its_count_is_small() -> None:
    share = replace(ALERT, kind="drift", observed=0.25, total=4.0)
    assert record(share, 5)["observed"] is None
    assert record(replace(share, total=6.0), 5)["observed"] == 0.25


@pytest.mark.parametrize("kind", ["surge", "farrington", "ears_c1"])
def test_a_small_newest_count_is_hidden_whatever_method_found_it(kind: SignalKind) -> None:
    assert record(replace(ALERT, kind=kind, observed=4.0, total=60.0), 5)["observed"] is None


def test_the_threshold_is_the_council_s_own() -> None:
    assert record(replace(ALERT, observed=8.0), 10)["observed"] is None
    assert record(replace(ALERT, observed=3.0), 2)["observed"] == 3.0


@given(st.integers(0, 40), st.integers(0, 400), st.integers(0, 40))
def test_a_record_is_plain_json_and_never_holds_a_small_count(observed: int, total: int, part: int) -> None:
    alert = replace(
        ALERT, observed=float(observed), total=float(total), drivers=(Driver("breakdown", "x", 1.0, 0.5, float(part)),)
    )
    found = json.loads(json.dumps(record(alert, 5)))
    assert found["observed"] not in (1, 2, 3, 4, 5)
    assert (found["drivers"][0]["share"] is None) == (1 <= part <= 5)


def test_values_from_arrays_become_plain_values() -> None:
    alert = replace(ALERT, observed=np.float64(17), expected=np.float64(6.1))
    assert json.loads(json.dumps(record(alert, 5)))["expected"] == 6.1


@pytest.mark.parametrize(
    "text",
    [
        "Starts are surging\nWhat   5 or fewer children started a plan that week; 2 were expected.",
        "Starts are surging\nWhat   The number that week is not shown, to protect\n       small numbers.",
    ],
)
def test_what_the_message_keeps_back_the_record_keeps_back_too(text: str) -> None:
    kept = record(replace(ALERT, text=text), 5)
    assert kept["observed"] is None
    assert [(one["value"], one["share"]) for one in kept["drivers"]] == [(None, 0.6667)]
    assert record(replace(ALERT, text=text), 0)["observed"] == 17.0


def test_parts_of_an_excess_that_the_message_does_not_tell_are_shares_alone() -> None:
    kept = record(replace(ALERT, text="Where   Team 2 67% of the rise."), 5)
    assert (kept["observed"], kept["drivers"][0]["value"]) == (17.0, None)
    told = record(replace(ALERT, text="Where   Team 2 18 of the 27 extra."), 5)
    assert told["drivers"][0]["value"] == 18.12


def test_a_few_that_are_left_of_many_are_not_told_by_their_drivers() -> None:
    """What was expected and a driver's value and share would lead to the count."""
    fallen = replace(ALERT, direction="down", observed=3.0, total=3.0, expected=12.0, total_expected=12.0)
    kept = record(replace(fallen, drivers=(Driver("stage", "referral", -5.4, 0.6, 300.0),)), 5)
    assert kept["drivers"] == [{"kind": "stage", "name": "referral", "value": None, "share": 0.6}]
