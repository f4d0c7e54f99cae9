"""The demo: a synthetic council with planted stories, replayed week by week through the real service."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from forecaster.calendar import DAY, to_utc
from forecaster.channels import open_channel
from forecaster.messages import Target
from forecaster.settings import Settings
from forecaster.simulate import Demo, Row, Score, planted, score, simulate
from forecaster.store import Store
from forecaster.types import Alert
from jobs.deliver import deliver, utc_now
from jobs.ingest import ingest_file
from jobs.watch import Memory, run_day

HISTORY_WEEKS = 261  # five years before the replay, so that the demo is six years at its full length
START = dt.date(2018, 1, 1)
HOME = Path("var/demo")
KEY = b"the demo council has no real children"
COLUMNS = ("planted", "where", "found", "weeks to find", "first driver right")
NOT_JUDGED = "names nothing first, or what another story moved"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Told:
    """What the demo shows: the messages in the order managers got them, and the table of what was planted."""

    council: str
    score: Score
    stories: Demo
    budget: float
    messages: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table, one row a story, COLUMNS each."""
        where = {story.name: " / ".join(value for _, value in story.place) for story in self.stories.stories}
        return [_table_row(row, where[row.name]) for row in self.score.rows]

    @property
    def well(self) -> bool:
        """Whether every story was found and no decoy alerted."""
        return all(row.passed for row in self.score.rows)

    @property
    def verdict(self) -> str:
        true = [row for row in self.score.rows if not row.decoy]
        found, alerted = sum(row.found for row in true), sum(row.found for row in self.score.rows if row.decoy)
        lines = [f"Found first by: {row.name}: {row.alert} ({row.driver or NOT_JUDGED})" for row in true if row.found]
        lines += [f"False alert: {name}" for name in self.score.false_alerts]
        decoys = len(self.score.rows) - len(true)
        right = sum(row.right is True for row in true)
        counts = (
            f"Planted stories found: {found} of {len(true)}. Decoys alerted: {alerted} of {decoys}."
            f" First driver right: {right} of {found}."
            f" False alerts: {len(self.score.false_alerts)} (the budget is {self.budget:g} a year)."
        )
        return "\n".join([*lines, counts])


def _table_row(row: Row, where: str) -> tuple[str, ...]:
    kind = "decoy: " if row.decoy else ""
    found = ("alerted!" if row.found else "kept silent") if row.decoy else ("yes" if row.found else "NO")
    weeks = str(row.weeks) if row.weeks is not None and not row.decoy else ""
    right = {True: "yes", False: "NO", None: ""}[row.right]
    return kind + row.name, where or "council", found, weeks, right


def settings_of(settings: Settings) -> Settings:
    """Returns the settings of the demo: those of the service, with the demo council's name and nobody to tell."""
    council = settings.council.model_copy(update={"name": "Demo council"})
    return settings.model_copy(update={"council": council})


def replay(settings: Settings, seed: int, weeks: int, progress: Progress, home: Path = HOME) -> Told:
    """Returns what the service told in the last `weeks` weeks of the demo council, all of it kept in home/demo.db."""
    first = START + 7 * HISTORY_WEEKS * DAY
    council = simulate(seed, start=START, weeks=HISTORY_WEEKS + weeks, stories=planted(first))
    store = _fresh(home)
    with store:
        ingest_file(store, settings, KEY, _write(council, home), utc_now())
        messages = _weeks(store, settings, [first + 7 * (week + 1) * DAY for week in range(weeks)], progress)
        alerts: list[Alert] = store.alerts()
    return Told(
        settings.council.name,
        score(council.stories, alerts, first),
        council,
        settings.detection.false_alerts_per_year,
        messages,
    )


def _frozen(now: dt.datetime) -> dt.datetime:
    return now


def _fresh(home: Path) -> Store:
    home.mkdir(parents=True, exist_ok=True)
    for old in home.glob("demo.db*"):
        old.unlink()
    store = Store(f"sqlite:///{home / 'demo.db'}")
    store.migrate()
    return store


def _write(council: Demo, home: Path) -> Path:
    path = home / "events.csv"
    council.events.to_csv(path, index=False, date_format="%Y-%m-%d")
    return path


def _weeks(store: Store, settings: Settings, days: list[dt.date], progress: Progress) -> list[str]:
    """Runs the main job and the delivery on each of these Mondays; returns the messages."""
    told: list[str] = []
    console = open_channel("console", {}, told.append)
    assert console is not None
    knowledge = Memory.of(store)
    for done, day in enumerate(days):
        progress(done, len(days))
        now = to_utc(day, 7)
        run_day(store, settings, day, now, targets=[Target("console")], knowledge=knowledge)
        deliver(store, {"console": console}, clock=partial(_frozen, now))
    progress(len(days), len(days))
    return told
