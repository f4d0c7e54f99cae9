"""The form behind each button, and what a person wrote into it. No network, no clock."""

from __future__ import annotations

import datetime as dt
import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forecaster.channels._slack_blocks import BUTTONS, HEADER, Block, escaped
from forecaster.messages import Act
from forecaster.words.wording import clean

LONGEST = 300  # characters of a reason
NAME = 80
SNOOZED = dt.timedelta(weeks=3)  # what the form proposes, to the Monday after
VALUE = "value"
Payload = Mapping[str, Any]
Name = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Place:
    """Which alert a form is about and where its button was pressed; it travels with the form."""

    alert_id: str
    channel: str
    thread: str = ""

    @classmethod
    def of_press(cls, pressed: Payload) -> Place:
        """Returns the place of a button that was pressed; thread: "" when its message is not an answer in one."""
        where = pressed["container"]
        thread = where.get("thread_ts", "")
        return cls(pressed["actions"][0]["value"], where["channel_id"], "" if thread == where["message_ts"] else thread)

    @classmethod
    def of_form(cls, view: Payload) -> Place:
        """Returns the place that a submitted form carries."""
        return cls(*json.loads(view["private_metadata"]))

    @property
    def metadata(self) -> str:
        """The place as text."""
        return json.dumps([self.alert_id, self.channel, self.thread])


def form(pressed: Payload, today: dt.date) -> Block:
    """Returns the form that a pressed button opens, with the alert's headline at its top."""
    action = pressed["actions"][0]["action_id"]
    answer, label = BUTTONS[action]
    return {
        "type": "modal",
        "callback_id": action,
        "private_metadata": Place.of_press(pressed).metadata,
        "title": _plain(label),
        "submit": _plain("Send" if answer == "not useful" else label),
        "close": _plain("Cancel"),
        "blocks": [*_headline(pressed), *_inputs(answer, today)],
    }


def _inputs(answer: str, today: dt.date) -> list[Block]:
    until = {"type": "datepicker", "initial_date": proposed(today).isoformat()}
    before = {
        "snooze": [_input("until", "Until", until)],
        "assign": [_input("to", "To", {"type": "users_select"})],
    }
    hint = "Everyone who sees the alert can read it. No names of children, please."
    reason = {"type": "plain_text_input", "multiline": True, "max_length": LONGEST}
    return [*before.get(answer, []), _input("reason", "Reason", reason, optional=answer == "assign", hint=_plain(hint))]


def proposed(today: dt.date) -> dt.date:
    """Returns the first Monday that is three weeks away or more."""
    day = today + SNOOZED
    return day + dt.timedelta(days=-day.weekday() % 7)


def mistakes(view: Payload, today: dt.date) -> dict[str, str]:
    """Returns what is wrong in a submitted form: the input's name to a line that says so; empty if all is well."""
    found: dict[str, str] = {}
    answer, _ = BUTTONS[view["callback_id"]]
    until = _day(view)
    if answer == "snooze" and (until is None or until <= today):
        found["until"] = "Choose a day after today."
    if answer != "assign" and not _reason(view):
        found["reason"] = "Say why, in a few words."
    return found


def act(submitted: Payload, name: Name) -> Act:
    """Returns what a person asked for; name: a Slack user's id, and what to say if it is not known, to a name.

    The token is made of the form's id and state, which are the same when Slack delivers a submission twice.
    """
    user, view = submitted["user"], submitted["view"]
    answer, _ = BUTTONS[view["callback_id"]]
    to = str(_given(view, "to", "selected_user"))
    return Act(
        alert_id=Place.of_form(view).alert_id,
        what=answer,
        by=clean(name(user["id"], user.get("name") or user["id"]), NAME),
        reason=_reason(view),
        until=_day(view),
        to=clean(name(to, to), NAME) if to else "",
        token=f"slack:{view['id']}:{view['hash']}",
    )


def _reason(view: Payload) -> str:
    return clean(str(_given(view, "reason", VALUE)), LONGEST)


def _day(view: Payload) -> dt.date | None:
    given = _given(view, "until", "selected_date")
    return dt.date.fromisoformat(given) if given else None


def _given(view: Payload, block: str, key: str) -> str:
    return view["state"]["values"].get(block, {}).get(VALUE, {}).get(key) or ""


def _headline(pressed: Payload) -> list[Block]:
    """The first words of the message: which alert this is about."""
    message = pressed.get("message") or {}
    text = escaped(html.unescape(str(message.get("text") or "").partition("\n")[0]), HEADER)
    return [{"type": "section", "text": _plain(text)}] if text else []


def _input(name: str, label: str, element: Block, *, optional: bool = False, **more: Block) -> Block:
    filled = {**element, "action_id": VALUE}
    return {"type": "input", "block_id": name, "label": _plain(label), "element": filled, "optional": optional, **more}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
