"""A story of five Mondays that Slack is told while `serve` runs, step by step, so that each can be lived through again.

One alert opens in a locality, is seen in the whole council, rises to high severity, is acknowledged and snoozed by
button, worsens all the same on the Monday three weeks after the first, and is over on the next. No rule lets it happen
faster: a period is judged once, and each of the three updates and the end needs a Monday of its own.
"""

from __future__ import annotations

import copy
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from e2e_council import START, WEEK
from e2e_deadly import MANAGERS_ONLY, DeadlySlack
from e2e_office import Office, Running, wait_until

from tests.channels.slack_people import JO, SAM
from tests.channels.slack_socket import UnheardError

CONFIG = (
    MANAGERS_ONLY.replace("[detection]", '[detection]\ndetectors = ["surge"]\ncalm_periods = 1').replace(
        "[forecast]", '[forecast]\nmodels = ["levels"]'
    )
    + "[schedule]\ndeliver_every_seconds = 1\n"
)
KILLED = -9
WEEKS = 120  # as usual, before the story
NORTH, SOUTH = (28, 26, 30, 60, 10), (24, 32, 45, 80, 20)
FIRST = START + (WEEKS + 1) * WEEK  # the Monday on which it opens


def localities() -> Iterator[str]:
    """Yields a totals CSV of weekly referrals in two localities and in the whole council."""
    chance = np.random.default_rng(4)
    usual = [chance.poisson(mean, size=WEEKS) for mean in (12, 24)]
    north, south = ([*map(int, before), *story] for before, story in zip(usual, (NORTH, SOUTH), strict=True))
    yield "week,measure,locality,count"
    for week, counts in enumerate(zip(north, south, strict=True)):
        for place, count in (("North", counts[0]), ("South", counts[1]), ("", sum(counts))):
            yield f"{START + week * WEEK},referrals,{place},{count}"


@dataclass(frozen=True)
class Press:
    """What a person does with a button: its label, who presses it, and what they write into its form."""

    label: str
    user: str
    values: dict[str, str]


@dataclass(frozen=True)
class Step:
    """One moment of the story. reason: how the reason of its change begins."""

    name: str
    now: str
    state: str
    reason: str
    press: Press | None = None


def monday(number: int, name: str, state: str, reason: str) -> Step:
    return Step(name, f"{FIRST + number * WEEK}T07:00:00+00:00", state, reason)


UNTIL = FIRST + 8 * WEEK
STEPS = (
    monday(0, "opened", "opened", "evidence p = "),
    monday(1, "seen in the whole council", "updated", "now seen in the whole council"),
    monday(2, "severity rises", "updated", "severity rose from medium to high"),
    Step("acknowledged", f"{FIRST + 2 * WEEK}T09:00:00+00:00", "acknowledged", "audit under way",
         Press("Acknowledge", JO, {"Reason": "audit under way"})),
    Step("snoozed", f"{FIRST + 2 * WEEK}T10:00:00+00:00", "snoozed", "known until then",
         Press("Snooze", SAM, {"Until": str(UNTIL), "Reason": "known until then"})),
    monday(3, "worsens", "updated", "it has worsened by more than half"),
    monday(4, "resolved", "resolved", "one week as expected"),
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """How things stood before a step: the var folder, what Slack held and showed, and what the store kept."""

    var: Path
    messages: list[dict[str, Any]]
    files: dict[str, dict[str, Any]]
    seen: dict[str, Any]
    kept: list[Any]
    asked: frozenset[str] = frozenset()  # the methods that the step before it asked Slack for

    @classmethod
    def of(cls, office: Office, slack: DeadlySlack, var: Path, asked: int = 0) -> Stage:
        methods = frozenset(method for method, _ in slack.requests[asked:])
        office.keep(var)
        return cls(var, *copy.deepcopy((slack.messages, slack.files)), seen(slack), kept(office), methods)

    def again(self, office: Office) -> DeadlySlack:
        """Puts the office back to this stage and returns a Slack that is back there too."""
        prepare(office, self.var.parent)
        office.give(self.var)
        return DeadlySlack(messages=copy.deepcopy(self.messages), files=copy.deepcopy(self.files))


def prepare(office: Office, pictures: Path) -> None:
    """Gives an office the config of the story and no time to wait."""
    office.configure(CONFIG)
    office.hurry = pictures


# What may not differ, whatever happened on the way


def seen(slack: DeadlySlack) -> dict[str, Any]:
    """Returns what a person sees: first messages, replies in their order, pictures, and in how many threads."""
    firsts = [post for post in slack.posts if "thread_ts" not in post]
    names = [post["metadata"]["event_payload"]["delivery_id"] for post in slack.posts]
    assert len(set(names)) == len(names)
    return {
        "first": [_shown(post) for post in firsts],
        "replies": [_shown(post) for post in slack.posts if "thread_ts" in post],
        "pictures": sorted(file["alt_txt"] for message in slack.messages for file in message.get("files", ())),
        "threads": len({message["thread_ts"] for message in slack.messages if "thread_ts" in message}),
    }


def _shown(post: dict[str, Any]) -> tuple[Any, ...]:
    return post["text"], post["blocks"], post.get("reply_broadcast", False)


def kept(office: Office) -> list[Any]:
    """Returns the alerts, their changes and what was to be told, as the database holds them, but for the moments."""
    alerts = [json.loads(body) for (body,) in office.rows("SELECT body FROM alerts ORDER BY id")]
    return [
        [{name: value for name, value in alert.items() if name != "spoke"} for alert in alerts],
        office.rows("SELECT alert_id, was, now, change, reason, actor FROM transitions ORDER BY position"),
        office.rows("SELECT part, state, error, message FROM deliveries ORDER BY position"),
    ]


# Living through a step


@dataclass
class Person:
    """Somebody who presses a button until it works: what Slack says did not get through they do again."""

    slack: DeadlySlack
    press: Press
    sent: bool = False
    done: bool = False

    def act(self, running: Running) -> None:
        """Gets as far as the service lives."""
        try:
            while not (self.done or running.ended()):
                self._next(running)
        except UnheardError:  # of a form that was sent; a press is simply repeated
            self.sent = self.press.user in self.slack.people.forms

    def _next(self, running: Running) -> None:
        people, user = self.slack.people, self.press.user
        if self.sent:  # Slack delivers it again, as it was not acknowledged
            assert people.again() == {}
            self.done = True
        elif user in people.forms:
            assert people.submit(self.press.values, user) == {}
            self.done = True
        else:
            told = len(people.whispers)
            people.press(self.slack.posts[0]["ts"], self.press.label, user)
            wait_until(lambda: running.ended() or user in people.forms or len(people.whispers) > told)


def live_through(office: Office, slack: DeadlySlack, step: Step) -> int:
    """Lives through one step; whenever the service is killed it is started again. Returns how often it was killed."""
    number, killed = STEPS.index(step) + 1, 0
    person = Person(slack, step.press) if step.press else None
    while True:
        running = serve(office, slack, step.now)
        if person:
            person.act(running)
        wait_until(lambda: running.ended() or running.failed() or settled(office, number))  # noqa: B023
        running.kill(signal.SIGTERM)
        wait_until(running.ended)
        if running.code == 0 and settled(office, number) and not running.failed():
            return killed
        assert running.code == KILLED, running.said()
        killed += 1


def serve(office: Office, slack: DeadlySlack, now: str) -> Running:
    """Starts the service and returns when it listens to the buttons, or was killed before."""
    opened = slack.people.socket.opened
    running = slack.start(office, "serve", now=now)
    wait_until(lambda: running.ended() or slack.people.socket.opened > opened)
    return running


def settled(office: Office, changes: int) -> bool:
    """Returns whether the alert went through so many changes and all of them is told."""
    states = {state for (state,) in office.rows("SELECT state FROM deliveries")}
    return office.rows("SELECT count(*) FROM transitions") == [(changes,)] and states == {"sent"}
