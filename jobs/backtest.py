"""Replays past Mondays as if live, each from what was known that day; the store is only read."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from forecaster.accounts import Said, account
from forecaster.calendar import DAY, to_utc, week_start
from forecaster.pipeline import Outcome
from forecaster.record import record
from forecaster.settings import Settings
from forecaster.store import Store
from forecaster.types import Alert, Step, as_date
from jobs.reckoning import newest, said_by
from jobs.watch import INSTANT, Knowledge, Memory, last_entered, look, watching

Progress = Callable[[int, int], None]


class NothingToReplayError(Exception):
    """The store holds no data: str() says what to do."""


def mondays(knowledge: Knowledge, weeks: int) -> list[dt.date]:
    """Returns the last `weeks` Mondays up to the one after the newest whole week (or month) in the data."""
    events, totals = knowledge.events(), knowledge.totals()
    newest = []
    if len(events):
        newest.append(last_entered(events["date"].max().date()) + 7 * DAY)
    for step in ("week", "month") if len(totals) else ():
        rows = totals.loc[totals["step"] == step, "period"]
        after = 7 if step == "week" else 37
        newest += [week_start(rows.max().date() + after * DAY)] if len(rows) else []
    if not newest:
        raise NothingToReplayError("the store holds no data: run `forecaster ingest FILE` first")
    return [max(newest) - 7 * back * DAY for back in reversed(range(weeks))]


def replay(
    knowledge: Knowledge,
    settings: Settings,
    days: Sequence[dt.date],
    progress: Progress,
    keep: Callable[[Outcome], object] = bool,
) -> list[Alert]:
    """Returns every alert that the settings would have raised on these Mondays, as it stood at the end.

    keep: is given what each Monday brought, in turn.
    """
    alerts: dict[str, Alert] = {}
    judged: dict[Step, dt.date] = {}
    with watching(settings, {}) as watch:
        for done, day in enumerate(days):
            progress(done, len(days))
            moment = to_utc(day) - INSTANT
            for outcome, _ in look(knowledge, settings, watch, day, moment, list(alerts.values()), judged):
                alerts.update((alert.id, alert) for alert in outcome.alerts)
                judged[outcome.panel.step] = as_date(outcome.panel.periods[-1])
                keep(outcome)
    progress(len(days), len(days))
    return sorted(alerts.values(), key=lambda alert: (alert.opened, alert.id))


def backtest(store: Store, settings: Settings, weeks: int, progress: Progress) -> tuple[list[Alert], pd.DataFrame]:
    """Returns the alerts of the last `weeks` Mondays and the account of their forecasts (`accounts.account`).

    Each Monday said what it could know; what came is what is known now. Raises NothingToReplayError on an empty store.
    """
    knowledge = Memory.of(store)
    days = mondays(knowledge, weeks)
    kept: list[Said] = []
    alerts = replay(knowledge, settings, days, progress, lambda outcome: kept.append(said_by(outcome)))
    return alerts, account(kept, newest(knowledge, settings, days[-1]))


def write_json(alerts: Sequence[Alert], threshold: int, path: Path) -> None:
    """Writes alerts in the form of `forecaster alerts --json`; the same alerts give the same bytes."""
    path.write_text(as_json(alerts, threshold), encoding="utf-8")


def as_json(alerts: Sequence[Alert], threshold: int) -> str:
    """Returns alerts as JSON, small numbers left out."""
    return json.dumps([record(alert, threshold) for alert in alerts], indent=1, ensure_ascii=False) + "\n"


def compare(now: Sequence[Alert], then: Sequence[Alert]) -> Iterator[tuple[str, Alert]]:
    """Yields ("added" | "dropped" | "kept", alert) for a change of settings; `then` is what it would give."""
    before, after = ({alert.id: alert for alert in alerts} for alerts in (now, then))
    for name in sorted(before.keys() | after.keys()):
        verdict = "kept" if name in before and name in after else "added" if name in after else "dropped"
        yield verdict, after.get(name) or before[name]
