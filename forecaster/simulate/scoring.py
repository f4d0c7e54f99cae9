"""Which planted stories were found, how soon, and which alerts nothing planted explains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from forecaster.simulate.stories import WEEK, Finding, Story
from forecaster.types import Alert


@dataclass(frozen=True)
class Row:
    """One planted story or decoy. found: for a decoy, whether it raised an alert, which it must not.

    weeks: from the story's first week to the week that opened the first alert about it, both counted; None if none.
    alerts: ids of all alerts about it or explained by it, in order of opening; alert is the first about it.
    """

    name: str
    start: dt.date
    weeks_planted: int
    decoy: bool
    found: bool
    alert: str
    weeks: int | None
    alerts: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it went as it should: a story found, a decoy left alone."""
        return self.found != self.decoy


@dataclass(frozen=True)
class Score:
    """The table of the demo, and the ids of the alerts that belong to nothing planted."""

    rows: tuple[Row, ...]
    false_alerts: tuple[str, ...]


def score(stories: Sequence[Story], alerts: Sequence[Alert], first: dt.date) -> Score:
    """Returns what was found of the stories among the alerts opened from `first` on.

    `opened` of an alert is the first day of the week that raised it. An alert finds a story if it names its place, or
    the whole council and no earlier story explains it as well. An alert that says it of another breakdown (a category)
    is explained and no more. What a story explains is never held against a decoy.
    """
    opened = sorted((alert for alert in alerts if alert.opened >= first), key=lambda alert: (alert.opened, alert.id))
    true_stories = [story for story in stories if not story.decoy]
    explained = {alert.id for alert in opened if any(explains(story, alert) for story in true_stories)}
    rows = tuple(_row(story, stories, opened, explained) for story in stories)
    owned = {name for row in rows for name in row.alerts}
    return Score(rows, tuple(alert.id for alert in opened if alert.id not in owned))


def is_about(story: Story, alert: Alert) -> bool:
    """Returns whether an alert says what the story does, while it lasts or shortly after."""
    last = story.start + (story.weeks + story.tail) * WEEK
    if not (story.start <= alert.opened < last and story.agrees(alert.slice)):
        return False
    anything = story.decoy and not story.findings
    return anything or Finding(alert.measure, alert.direction) in story.findings


def explains(story: Story, alert: Alert) -> bool:
    """Returns whether an alert is about the story, about what follows, or about the way back when it is over."""
    if is_about(story, alert):
        return True
    over = story.start + story.weeks * WEEK
    if not (story.start <= alert.opened < over + story.aftermath * WEEK and story.agrees(alert.slice)) or story.decoy:
        return False
    if Finding(alert.measure, alert.direction) in story.consequences:
        return True
    back = Finding(alert.measure, "down" if alert.direction == "up" else "up")
    return alert.opened >= over and back in (*story.findings, *story.consequences)


def _finds(story: Story, others: Sequence[Story], alert: Alert) -> bool:
    """Whether a manager who reads the alert is led to the story, and not to an earlier one or somewhere else."""
    if not is_about(story, alert):
        return False
    if alert.slice and story.place:
        return set(alert.slice) <= set(story.place)
    return not any(explains(other, alert) for other in others if other.start < story.start and not other.decoy)


def _row(story: Story, stories: Sequence[Story], alerts: Sequence[Alert], explained: set[str]) -> Row:
    if story.decoy:
        finding = mine = [alert for alert in alerts if is_about(story, alert) and alert.id not in explained]
    else:
        finding = [alert for alert in alerts if _finds(story, stories, alert)]
        mine = [alert for alert in alerts if explains(story, alert)]
    first = finding[0] if finding else None
    weeks = (first.opened - story.start) // WEEK + 1 if first else None
    names = tuple(alert.id for alert in mine)
    return Row(
        story.name, story.start, story.weeks, story.decoy, bool(finding), first.id if first else "", weeks, names
    )
