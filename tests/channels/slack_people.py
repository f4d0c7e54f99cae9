"""What people do in Slack: they press buttons of messages, fill in forms and send them."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from tests.channels.slack_limits import refuse
from tests.channels.slack_socket import SocketDouble

Arguments = dict[str, Any]
KEYS = {"plain_text_input": "value", "datepicker": "selected_date", "users_select": "selected_user"}
FIRST = {"plain_text_input": "initial_value", "datepicker": "initial_date", "users_select": "initial_user"}
JO, SAM = "U0JO", "U0SAM"


class People:
    """The people of a workspace, by their ids; each has at most one form open."""

    def __init__(self, messages: list[Arguments]):
        self.names = {JO: "Jo Smith", SAM: "Sam O'Neill"}
        self.forms: dict[str, Arguments] = {}
        self.whispers: list[Arguments] = []  # lines that only one of them sees
        self.socket = SocketDouble()
        self._messages = messages
        self._triggers: dict[str, str] = {}  # those not yet used, and whose they are
        self._numbers = itertools.count(1)
        self._last: Arguments = {}

    def press(self, ts: str, label: str, user: str = JO) -> None:
        """Presses a button of a message; returns when that is acknowledged."""
        message = next(message for message in self._messages if message["ts"] == ts)
        buttons = [b for block in message["blocks"] if block["type"] == "actions" for b in block["elements"]]
        button = next((b for b in buttons if b["text"]["text"] == label), None)
        assert button, f'no button "{label}", only {[b["text"]["text"] for b in buttons]}'
        where = {"type": "message", "message_ts": ts, "channel_id": message["channel"], "is_ephemeral": False}
        thread = {"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}
        action = {"block_id": "b1", "action_ts": ts, **button}
        assert self._send("block_actions", user, container=where | thread, message=message, actions=[action]) == {}

    def form(self, user: str = JO) -> Arguments:
        """The form that a person has before them, as soon as it opens."""
        self.socket.wait(lambda: user in self.forms, "a form")
        return self.forms[user]

    def submit(self, values: dict[str, str], user: str = JO) -> dict[str, str]:
        """Fills in a form (label to value, the rest as proposed) and sends it; returns what is said to be wrong.

        With nothing wrong the form closes. Raises AssertionError for what Slack itself would not let through.
        """
        view = copy.deepcopy(self.form(user))
        inputs = {block["label"]["text"]: block for block in view["blocks"] if block["type"] == "input"}
        assert set(values) <= set(inputs)
        view["state"] = {"values": {b["block_id"]: _filled(b, values.get(label)) for label, b in inputs.items()}}
        answer = self._send("view_submission", user, view=view)
        if not answer:
            del self.forms[user]
            return {}
        assert answer["response_action"] == "errors"
        labels = {block["block_id"]: label for label, block in inputs.items()}
        return {labels[name]: line for name, line in answer["errors"].items()}

    def again(self) -> Arguments:
        """Slack delivers the last envelope once more; returns what it is acknowledged with."""
        return self.socket.deliver(self._last | {"retry_attempt": 1, "retry_reason": "timeout"})

    def whispered(self, count: int = 1) -> str:
        """The newest line that only one person sees, as soon as there are so many."""
        self.socket.wait(lambda: len(self.whispers) >= count, "a line")
        return str(self.whispers[-1]["text"])

    def open(self, trigger: str, view: Arguments) -> Arguments:
        """Opens a form for whom a trigger was given to."""
        user = self._triggers.pop(trigger, None) or refuse("exchanged_trigger_id")
        number = next(self._numbers)
        self.forms[user] = view | {"id": f"V{number:08d}", "hash": f"{number}.h"}
        return self.forms[user]

    def whisper(self, line: Arguments) -> None:
        """Shows a line to one person."""
        self.whispers.append(line)

    def _send(self, kind: str, user: str, **given: object) -> Arguments:
        number = next(self._numbers)
        trigger = f"{number}.trigger"
        self._triggers[trigger] = user
        who = {"id": user, "username": user[2:].lower(), "name": user[2:].lower(), "team_id": "T0DOUBLE"}
        payload = {"type": kind, "user": who, "trigger_id": trigger, "team": {"id": "T0DOUBLE"}, **given}
        takes = kind == "view_submission"
        self._last = {"envelope_id": f"e{number}", "type": "interactive", "accepts_response_payload": takes}
        self._last["payload"] = payload
        return self.socket.deliver(self._last)


def _filled(block: Arguments, given: str | None) -> Arguments:
    element = block["element"]
    value = given if given is not None else element.get(FIRST[element["type"]])
    assert value or block.get("optional"), f"{block['label']['text']} must be filled in"
    assert len(value or "") <= element.get("max_length", 3000)
    return {element["action_id"]: {"type": element["type"], KEYS[element["type"]]: value or None}}
