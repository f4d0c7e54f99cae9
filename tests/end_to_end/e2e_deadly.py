"""A Slack that kills whoever speaks to it, at one exact moment of the conversation."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from e2e_office import AT_ANY_TIME, Office, Running, Said

from tests.channels.slack_double import Dropped, Fault, SlackDouble

Moment = Literal["asked", "done"]  # the request has come in; it was done, and nobody has been told


@dataclass
class DeadlySlack(SlackDouble):
    """`kill_at(method, moment)`: the client of the next command dies (SIGKILL) there; each one given kills once."""

    victim: Running | None = None
    deaths: set[tuple[str, Moment]] = field(default_factory=set)  # still to come
    _known: threading.Event = field(default_factory=threading.Event)

    def kill_at(self, method: str, *moments: Moment) -> None:
        self.deaths |= {(method, moment) for moment in moments}

    def start(self, office: Office, *arguments: object, **surroundings: Any) -> Running:
        """Starts a command that may be killed on its way."""
        self._known.clear()
        self.victim = office.start(*arguments, **surroundings)
        self._known.set()
        return self.victim

    def run(self, office: Office, *arguments: object) -> Said:
        """Runs a command that may be killed on its way."""
        return self.start(office, *arguments).said()

    def next_fault(self, method: str) -> Fault | None:
        return Dropped(processed=False) if self._strike(method, "asked") else super().next_fault(method)

    def do(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = super().do(method, arguments)
        self._strike(method, "done")
        return answer

    def _strike(self, method: str, moment: Moment) -> bool:
        if (method, moment) not in self.deaths:
            return False
        self.deaths.remove((method, moment))
        self._known.wait()
        assert self.victim
        self.victim.kill()
        return True


# What a crash may not change

MANAGERS_ONLY = (
    AT_ANY_TIME
    + """
[detection]
min_history_weeks = 78
[measures]
min_slice_total = 100000
[forecast]
prophet = []
[[targets]]
name = "managers"
channel = "slack"
address = "C0FORECAST"
[[routes]]
to = ["managers"]
"""
)
KEPT = (
    "SELECT body FROM alerts ORDER BY id",
    "SELECT id, alert_id, at, was, now, reason, actor FROM transitions ORDER BY id",
    "SELECT id, alert_id, transition_id, part, message FROM deliveries ORDER BY id",
)


def kept(office: Office) -> list[list[tuple[Any, ...]]]:
    """Returns the alerts, their transitions and what was to be told, as the database holds them."""
    return [office.rows(query) for query in KEPT]


def thread(message: dict[str, Any]) -> str:
    """Returns the first message of the thread that a message is in, which may be itself."""
    return str(message.get("thread_ts", message["ts"]))


def check_told_once(office: Office, slack: SlackDouble) -> None:
    """Every alert was told by one text, with one chart in its thread, and all of it is marked as sent."""
    alerts = {alert for (alert,) in office.rows("SELECT alert_id FROM deliveries")}
    charts = [message for message in slack.messages if message.get("files")]
    assert len(slack.posts) == len(charts) == len(alerts) > 0
    assert len({post["metadata"]["event_payload"]["delivery_id"] for post in slack.posts}) == len(alerts)
    assert sorted(map(thread, charts)) == sorted(map(thread, slack.posts))
    assert {state for (state,) in office.rows("SELECT state FROM deliveries")} == {"sent"}
