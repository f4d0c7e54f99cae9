"""Measures as an analyst writes them: what is accepted, and what a wrong one is told."""

from __future__ import annotations

from typing import Any

import pytest
from event_frames import WORDS, flow, parsed, share, stock
from pydantic import ValidationError

from forecaster.measures import nearest
from forecaster.types import DIMENSIONS

AGAIN = {"preceded_by": "referral", "within_days": 365}


def message(table: dict[str, Any], name: str = "m") -> str:
    with pytest.raises(ValidationError) as raised:
        parsed(**{name: table})
    return str(raised.value.errors()[0].get("ctx", {}).get("error", raised.value.errors()[0]["msg"]))


def without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key}


def test_a_new_measure_needs_no_code() -> None:
    measures = parsed(
        police_referrals=flow("referral", where=[{"column": "source", "one_of": ["Police"]}], headline=True, worse="up")
    )
    measure = measures["police_referrals"]
    assert (measure.kind, measure.event, measure.headline, measure.worse) == ("flow", "referral", True, "up")
    assert measure.breakdowns == DIMENSIONS


def test_measures_keep_the_order_of_the_file() -> None:
    assert list(parsed(b=flow(), a=stock(), c=share("referral", AGAIN))) == ["b", "a", "c"]


def test_a_measure_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parsed(m=flow())["m"].title = "Other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (flow("plan_strat"), 'unknown event "plan_strat"; did you mean "plan_start"?'),
        (stock(opens="plan"), 'unknown event "plan"; did you mean "plan_end"?'),
        (flow(breakdowns=["teams"]), 'unknown breakdown "teams"; did you mean "team"?'),
        (flow(observed_since="planend"), 'unknown event "planend"; did you mean "plan_end"?'),
        (
            share("referral", {"column": "outcom", "one_of": ["nfa"]}),
            'unknown column "outcom"; did you mean "outcome"?',
        ),
        (share("referral", {**AGAIN, "preceded_by": "referal"}), 'unknown event "referal"; did you mean "referral"?'),
    ],
)
def test_a_word_that_is_not_known_is_told_the_nearest(table: dict[str, Any], told: str) -> None:
    assert message(table) == told


def test_a_word_near_none_is_told_all() -> None:
    assert message(flow(breakdowns=["xyz"])) == f'unknown breakdown "xyz"; use one of {", ".join(DIMENSIONS)}'


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (without(flow(), "event"), 'a flow needs "event"'),
        (without(share("referral", AGAIN), "of"), 'a share needs "of"'),
        (share("referral"), 'a share needs "counted_if"'),
        (without(stock(), "closes"), 'a stock needs "closes"'),
        (flow(opens="plan_start"), 'a flow takes no "opens"'),
        (flow(open_at_least_days=548), 'a flow takes no "open_at_least_days"'),
        (stock(event="plan_start"), 'a stock takes no "event"'),
        (stock(counted_if=[AGAIN]), 'a stock takes no "counted_if"'),
    ],
)
def test_a_measure_has_what_its_kind_needs_and_no_more(table: dict[str, Any], told: str) -> None:
    assert message(table) == told


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"one_of": ["nfa"]}, "a condition names one of column, preceded_by or followed_by"),
        ({"column": "outcome", **AGAIN}, "a condition names one of column, preceded_by or followed_by"),
        ({"column": "outcome"}, 'a condition on "outcome" takes one_of'),
        ({"column": "outcome", "at_least": 1}, 'a condition on "outcome" takes one_of'),
        ({"column": "previous_plans", "one_of": ["1"]}, 'a condition on "previous_plans" takes at_least or at_most'),
        ({"column": "previous_plan_end", "at_most": 1}, 'a condition on "previous_plan_end" takes within_days'),
        ({"preceded_by": "referral"}, 'a condition on "referral" takes within_days'),
        ({"followed_by": "conference", "one_of": ["x"]}, 'a condition on "conference" takes within_days'),
    ],
)
def test_a_condition_asks_one_thing_that_its_subject_can_answer(condition: dict[str, Any], told: str) -> None:
    assert message(share("referral", condition)) == told


@pytest.mark.parametrize("name", ["Plan starts", "plan-starts", "2nd", ""])
def test_a_measures_name_is_plain(name: str) -> None:
    assert message(flow(), name) == "a measure's name is small letters, digits and _, such as plan_starts"


@pytest.mark.parametrize(
    "table", [flow(kind="rate"), flow(colour="red"), without(flow(), "title"), flow(headline="yes"), flow(event=3)]
)
def test_a_wrong_kind_key_or_type_is_refused(table: dict[str, Any]) -> None:
    message(table)


def test_days_are_not_negative() -> None:
    assert "greater than or equal to 0" in message(share("referral", {**AGAIN, "within_days": -1}))


def test_a_file_without_measures_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        parsed()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("evnt", 'did you mean "event"?'),
        ("EVENT", 'did you mean "event"?'),
        ("zzz", "use one of event, title"),
    ],
)
def test_the_nearest_word_is_found_or_all_are_told(word: str, told: str) -> None:
    assert nearest(word, ["event", "title"]) == told


@pytest.mark.parametrize("word", WORDS)
def test_words_for_messages_are_required(word: str) -> None:
    assert message(without(flow(), word)) == "Field required"
