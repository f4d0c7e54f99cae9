"""A Slack that kills whoever speaks to it, at one exact moment of the conversation."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from e2e_office import Office, Running, Said

from tests.channels.slack_double import Dropped, Fault, SlackDouble

Moment = Literal["asked", "done"]  # the request has come in; it was done, and nobody has been told


@dataclass
class DeadlySlack(SlackDouble):
    """`kill_at(method, moment, nth)`: the client of the next command dies (SIGKILL) there."""

    victim: Running | None = None
    _known: threading.Event = field(default_factory=threading.Event)
    _at: tuple[str, Moment] | None = None
    _left: int = 0

    def kill_at(self, method: str, moment: Moment, nth: int = 1) -> None:
        self._known.clear()
        self._at, self._left = (method, moment), nth

    def start(self, office: Office, *arguments: object) -> Running:
        """Starts a command that may be killed on its way."""
        self.victim = office.start(*arguments)
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
        if self._at != (method, moment):
            return False
        self._left -= 1
        if self._left:
            return False
        self._known.wait()
        assert self.victim
        self.victim.kill()
        self._at = None
        return True


# What a crash may not change

MANAGERS_ONLY = """
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
KEPT = (
    "SELECT body FROM alerts ORDER BY id",
    "SELECT id, alert_id, at, was, now, reason, actor FROM transitions ORDER BY id",
    "SELECT id, alert_id, transition_id, part, message FROM deliveries ORDER BY id",
)


def kept(office: Office) -> list[list[tuple[Any, ...]]]:
    """Returns the alerts, their transitions and what was to be told, as the database holds them."""
    return [office.rows(query) for query in KEPT]


def check_told_once(office: Office, slack: SlackDouble) -> None:
    """Every alert was told by one text, with one chart in its thread, and all of it is marked as sent."""
    alerts = {alert for (alert,) in office.rows("SELECT alert_id FROM deliveries")}
    charts = [message for message in slack.messages if message.get("files")]
    assert len(slack.posts) == len(charts) == len(alerts) > 0
    assert len({post["metadata"]["event_payload"]["delivery_id"] for post in slack.posts}) == len(alerts)
    assert sorted(chart["thread_ts"] for chart in charts) == sorted(post["ts"] for post in slack.posts)
    assert {state for (state,) in office.rows("SELECT state FROM deliveries")} == {"sent"}
