"""Which planted stories were found, how soon, and which alerts nothing planted explains."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from forecaster.simulate.stories import WEEK, Finding, Story
from forecaster.types import DIMENSIONS, SINCE_PLAN, TIME_ON_PLAN, Alert, Driver, Slice

PAIR = re.compile(rf"(?:^|, )({'|'.join((*DIMENSIONS, SINCE_PLAN, TIME_ON_PLAN))})=")


@dataclass(frozen=True)
class Row:
    """One planted story or decoy. found: for a decoy, whether it raised an alert, which it must not.

    weeks: from the story's first week to the week that opened the first alert about it, both counted; None if none.
    alerts: ids of all alerts about it or explained by it, in order of opening; alert is the first about it.
    driver: what the first that names no other story names first; right: whether that is this story's
    (`first_driver_right`).
    """

    name: str
    start: dt.date
    weeks_planted: int
    decoy: bool
    found: bool
    alert: str
    weeks: int | None
    alerts: tuple[str, ...]
    driver: str = ""
    right: bool | None = None

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


def first_driver_right(story: Story, alert: Alert) -> bool | None:
    """Returns whether an alert names the story's place or its stage before anything else; None where it names nothing.

    A place is right with anything besides that does not contradict it; a stage is right in the whole council too.
    """
    if not alert.drivers:
        return None
    name, where = parts(alert.drivers[0])
    if not story.agrees(where):
        return False
    return name in story.driven_by(alert.measure) if name else any(pair in where for pair in story.telling)


def parts(driver: Driver) -> tuple[str, Slice]:
    """Returns the stage or stock that a driver's name begins with ("" for a breakdown), and the slice it spells out."""
    name, *pieces = PAIR.split(driver.name)
    return name, tuple(zip(pieces[::2], pieces[1::2], strict=True))


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
    driver, right = _first_driver(story, stories, finding)
    return Row(
        story.name, story.start, story.weeks, story.decoy, bool(finding), first.id if first else "", weeks, names,
        driver, right,
    )  # fmt: skip


def _first_driver(story: Story, stories: Sequence[Story], finding: Sequence[Alert]) -> tuple[str, bool | None]:
    """What the first alert names that is about this story alone: one that names another's cause is about both."""
    others = [other for other in stories if other is not story and not other.decoy]
    for alert in finding if not story.decoy else ():
        right = first_driver_right(story, alert)
        if right or not any(explains(other, alert) and first_driver_right(other, alert) for other in others):
            return alert.drivers[0].name if alert.drivers else "", right
    return "", None
