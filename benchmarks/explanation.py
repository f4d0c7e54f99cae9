"""What alerts name first, on made-up councils of all kinds: what was planted or something else; how many are false.

usage: python benchmarks/explanation.py [--councils N] [--seed S] [--quick] [--json FILE]

Each council (`forecaster.simulate.varied`) has four or five years of history and a year that is replayed from what was
known on each Monday. --quick leaves out forecasts and messages, which change no alert and no driver, and works out the
alarm budget once a quarter.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from forecaster import pipeline
from forecaster.calendar import DAY, to_utc
from forecaster.quality import leave_out_incomplete
from forecaster.settings import Settings, load
from forecaster.simulate import Demo, Score, Story, first_driver_right, score, simulate, varied, varied_stories
from forecaster.simulate.scoring import explains, is_about
from forecaster.store import Store
from forecaster.types import SINCE_PLAN, Alert, Limits, Reference
from jobs.backtest import replay
from jobs.ingest import ingest_file
from jobs.watch import INSTANT, Memory, panels, watch_of

START, WEEKS = dt.date(2018, 1, 1), 52
KEY = b"nobody in a made-up council is real"
QUARTER = 13  # weeks for which the quick replay keeps what the alarm budget allows


@dataclass(frozen=True)
class Told:
    """One council: what was planted, every alert of its year as it stood at the end, and what is right of it."""

    seed: int
    council: Demo
    alerts: tuple[Alert, ...]
    score: Score


def told(seed: int, settings: Settings, quick: bool) -> Told:
    """Returns one council's year."""
    history = 4 * WEEKS + seed % 2 * WEEKS
    first, profile = START + 7 * history * DAY, varied(seed)
    stories = varied_stories(profile, first, seed)
    council = simulate(seed, start=START, weeks=history + WEEKS, stories=stories, profile=profile)
    days = [first + 7 * (week + 1) * DAY for week in range(WEEKS)]
    with tempfile.TemporaryDirectory() as home:
        knowledge = _ingested(council, settings, Path(home))
    alerts = _quick(knowledge, settings, days) if quick else replay(knowledge, settings, days, lambda *_: None)
    return Told(seed, council, tuple(alerts), score(stories, alerts, first))


def nowhere(settings: Settings) -> Settings:
    """Returns the settings of a council that nothing is published of: made-up ones are like no real one in size."""
    council = settings.council.model_copy(update={"code": "", "neighbours": ()})
    return settings.model_copy(update={"council": council})


def _ingested(council: Demo, settings: Settings, home: Path) -> Memory:
    path = home / "events.csv"
    council.events.to_csv(path, index=False, date_format="%Y-%m-%d")
    with Store(f"sqlite:///{home / 'council.db'}") as store:
        store.migrate()
        ingest_file(store, settings, KEY, path, to_utc(council.last + DAY))
        return Memory.of(store)


def _quick(knowledge: Memory, settings: Settings, days: Sequence[dt.date]) -> list[Alert]:
    """What `replay` returns, without forecasts, messages and published figures."""
    watch, alerts, allowed = watch_of(settings), dict[str, Alert](), None
    for number, day in enumerate(days):
        moment = to_utc(day) - INSTANT
        for panel, _ in panels(knowledge, settings, day, moment):
            whole, _ = leave_out_incomplete(panel)
            allowed = pipeline.allow(whole, watch) if allowed is None or number % QUARTER == 0 else allowed
            limits = Limits(allowed.alpha, watch.history(panel.step))
            wider = replace(limits, alpha=max(limits.alpha, pipeline.KEEP_OPEN))
            signals, missed = pipeline._detect(pipeline._watched(whole, watch), watch, wider, Reference())
            unjudged = {(missing.by, missing.key) for missing in missed}
            stepped = pipeline._step_all(whole, list(alerts.values()), signals, unjudged, limits, watch, moment)
            alerts.update((alert.id, alert) for alert, _ in stepped)
    return sorted(alerts.values(), key=lambda alert: (alert.opened, alert.id))


def lines(one: Told) -> Iterator[dict[str, Any]]:
    """Yields a line an alert: whose it is, what it names first and whether that is right, and how it came about."""
    stories = [story for story in one.council.stories if not story.decoy]
    first = {row.alert for row in one.score.rows if not row.decoy}
    decoys = {name for row in one.score.rows if row.decoy for name in row.alerts}
    for alert in one.alerts:
        of = _story(alert, stories)
        about = of is not None and is_about(of, alert)
        relation = "about" if about else "follows" if of else "decoy" if alert.id in decoys else "false"
        yield {
            "seed": one.seed, "id": alert.id, "story": of.name if of else "", "kind": type(of).__name__ if of else "",
            "relation": "found" if about and alert.id in first else relation,
            "measure": alert.measure, "slice": str(alert.key), "by": alert.kind, "direction": alert.direction,
            "opened": str(alert.opened), "right": first_driver_right(of, alert) if of else None,
            "drivers": [f"{d.kind} {d.name} {d.share:.2f}" for d in alert.drivers[:4]],
            "wanted": _wanted(of, alert) if of else "",
        }  # fmt: skip


def _story(alert: Alert, stories: Sequence[Story]) -> Story | None:
    """The story that an alert names first, of those that explain it; else the first that it is about, or that does."""
    able = [story for story in stories if explains(story, alert)]
    ranked = sorted(able, key=lambda story: (not first_driver_right(story, alert), not is_about(story, alert)))
    return ranked[0] if ranked else None


def _wanted(story: Story, alert: Alert) -> str:
    places = [f"{dimension}={value}" for dimension, value in story.telling if dimension != SINCE_PLAN]
    return " or ".join([*places, *story.driven_by(alert.measure)]) or "nothing"


def report(councils: Sequence[Told]) -> str:
    """Returns the tables as text."""
    alerts = [line for one in councils for line in lines(one)]
    rows = [(one, row) for one in councils for row in one.score.rows]
    planted = [row for _, row in rows if not row.decoy]
    found = [row for row in planted if row.found]
    weeks = sorted(row.weeks or 0 for row in found) or [0]
    about = [line for line in alerts if line["relation"] in ("found", "about")]
    follows = [line for line in alerts if line["relation"] == "follows"]
    false = [len(one.score.false_alerts) for one in councils]
    said = [row.right for row in found]
    parts = [
        f"councils: {len(councils)}; stories found: {len(found)} of {len(planted)}, half within"
        f" {weeks[len(weeks) // 2]} weeks; their first driver right {said.count(True)}, wrong {said.count(False)}, none"
        f" named {said.count(None)}; decoys alerted: {sum(row.decoy and row.found for _, row in rows)} of"
        f" {sum(row.decoy for _, row in rows)}; false alerts a council-year: {sum(false) / len(false):.1f}"
        f" (most: {max(false)})",
        _table("first driver of every alert about a story, by story", about, "kind"),
        _table("the same, by measure", about, "measure"),
        _table("first driver of what follows from a story, by measure", follows, "measure"),
        _listed("wrong", [line for line in about if line["right"] is False]),
        _listed("names nothing", [line for line in about if line["right"] is None]),
        _listed("follows, wrong", [line for line in follows if line["right"] is False]),
        _listed("false", [line for line in alerts if line["relation"] in ("false", "decoy")]),
    ]
    return "\n\n".join(parts)


def _listed(title: str, some: Sequence[dict[str, Any]]) -> str:
    return "\n".join([title, *map(_said, some)])


def _said(line: dict[str, Any]) -> str:
    named, wanted = " | ".join(line["drivers"]), f"; not {line['wanted']}" if line["wanted"] else ""
    return (
        f"  {line['seed']:>3} {line['id'][:8]} {line['by']} {line['slice']} {line['direction']} {line['opened']}:"
        f" {named}{wanted} {line['kind']}"
    )


def _table(title: str, about: Sequence[dict[str, Any]], by: str) -> str:
    out = [f"{title:<60}{'right':>7}{'wrong':>7}{'none':>7}"]
    for name in [*sorted({line[by] for line in about}), "all"]:
        some = [line["right"] for line in about if name in (line[by], "all")]
        out.append(f"  {name:<58}{some.count(True):>7}{some.count(False):>7}{some.count(None):>7}")
    return "\n".join(out)


def councils(seeds: Iterable[int], settings: Settings, quick: bool) -> Iterator[Told]:
    """Yields each council's year, with a bar of how far it is."""
    with Progress(transient=True) as progress:
        for seed in progress.track(list(seeds), description="councils"):
            began = time.perf_counter()
            one = told(seed, settings, quick)
            progress.console.print(f"council {seed}: {time.perf_counter() - began:.0f} s, {len(one.alerts)} alerts")
            yield one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--councils", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first council")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    seeds = range(asked.seed, asked.seed + asked.councils)
    done = list(councils(seeds, nowhere(load(None, {})), asked.quick))
    print(report(done))
    if asked.json:
        asked.json.write_text(json.dumps([line for one in done for line in lines(one)], indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
