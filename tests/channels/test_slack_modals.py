"""The forms behind the buttons: within Slack's limits whatever the message says, and read back as they were written."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.channels._slack_blocks import BUTTONS
from forecaster.channels._slack_modals import Place, act, form, mistakes, proposed
from tests.channels.slack_limits import check_view, texts

TODAY = dt.date(2018, 1, 10)
WORDS = st.text(st.characters(codec="utf-8"), max_size=400)


def pressed(action: str = "forecaster_snooze", text: str = "Starts are surging", **where: str) -> dict:
    place = {"channel_id": "C0FORECAST", "message_ts": "1.0", **where}
    return {"container": place, "actions": [{"action_id": action, "value": "a1"}], "message": {"text": text}}


def submitted(view: dict, **values: dict[str, str]) -> dict:
    state = {"values": {name: {"value": given} for name, given in values.items()}}
    return {"user": {"id": "U0JO", "name": "jo"}, "view": view | {"id": "V1", "hash": "1.h", "state": state}}


def named(user: str, otherwise: str) -> str:
    return f"{user} or {otherwise}"


@given(st.sampled_from(list(BUTTONS)), WORDS)
def test_every_form_keeps_to_slacks_limits(action, text):
    made = form(pressed(action, text), TODAY)
    check_view(made)
    assert [text for block in made["blocks"] for text in texts(block) if text.get("emoji") is not False] == []


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("forecaster_acknowledge", {"reason": False}),
        ("forecaster_snooze", {"until": False, "reason": False}),
        ("forecaster_assign", {"to": False, "reason": True}),
        ("forecaster_not_useful", {"reason": False}),
    ],
)
def test_a_form_asks_what_its_answer_needs(action, asked):
    inputs = [block for block in form(pressed(action), TODAY)["blocks"] if block["type"] == "input"]
    assert {block["block_id"]: block["optional"] for block in inputs} == asked


def test_a_press_without_its_message_still_opens_a_form():
    bare = {name: value for name, value in pressed().items() if name != "message"}
    check_view(form(bare, TODAY))


@pytest.mark.parametrize(("thread", "kept"), [("0.5", "0.5"), ("1.0", ""), (None, "")])
def test_the_place_of_a_button_travels_with_its_form(thread, kept):
    press = pressed(**({"thread_ts": thread} if thread else {}))
    assert Place.of_press(press) == Place("a1", "C0FORECAST", kept)
    assert Place.of_form(form(press, TODAY)) == Place("a1", "C0FORECAST", kept)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300), st.dates(dt.date(2018, 1, 11)))
def test_what_was_written_is_read_back_on_one_line(reason, until):
    sent = submitted(form(pressed(), TODAY), reason={"value": reason}, until={"selected_date": until.isoformat()})
    found = act(sent, named)
    assert (found.alert_id, found.what, found.until, found.by) == ("a1", "snooze", until, "U0JO or jo")
    assert found.reason.isprintable()
    assert found.reason.split() == "".join(c if c.isprintable() else " " for c in reason).split()
    assert ("reason" in mistakes(sent["view"], TODAY)) == (found.reason == "")


def test_an_input_that_slack_left_out_is_a_mistake_and_no_crash():
    assert set(mistakes(submitted(form(pressed(), TODAY))["view"], TODAY)) == {"until", "reason"}
    assert mistakes(submitted(form(pressed("forecaster_assign"), TODAY))["view"], TODAY) == {}


@given(st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)))
def test_the_proposed_day_is_the_first_monday_three_weeks_away_or_more(today):
    day = proposed(today)
    assert day.weekday() == 0
    assert 21 <= (day - today).days < 28
