"""What people do about an alert, in one line for the tests."""

from __future__ import annotations

import datetime as dt

from forecaster.lifecycle import Step, act
from forecaster.messages import Act
from forecaster.types import Alert


def acknowledge(alert: Alert, day: dt.date, now: dt.datetime, actor: str, reason: str) -> Step:
    return act(alert, Act(alert.id, "acknowledge", actor, reason), day, now)


def snooze(alert: Alert, until: dt.date, day: dt.date, now: dt.datetime, actor: str, reason: str) -> Step:
    return act(alert, Act(alert.id, "snooze", actor, reason, until), day, now)
