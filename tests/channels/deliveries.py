"""Deliveries of the messages that the tests of words already know."""

from __future__ import annotations

from dataclasses import replace

from forecaster.messages import Delivery, Message, Target
from forecaster.words.render import message
from tests.render import cases

TARGET = Target("slack", "C0FORECAST")


def delivery(name: str = "d1", *, made: Message | None = None, **changes: object) -> Delivery:
    """The text of a surge, or what is asked for."""
    made = made or message(*cases.surge())
    plain = Delivery(id=name, alert_id="a1", transition_id="t1", target=TARGET, part="text", message=made)
    return replace(plain, **changes)  # type: ignore[arg-type]


def picture(thread: str, name: str = "d1-chart", **changes: object) -> Delivery:
    return delivery(name, part="chart", thread=thread, after="d1", **changes)


def edit(ts: str, name: str = "d1-edit", **changes: object) -> Delivery:
    return delivery(name, part="edit", edits=ts, **changes)
