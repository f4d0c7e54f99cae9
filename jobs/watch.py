"""The main job: what was known that day, through the pipeline, into the store with its messages."""

from __future__ import annotations

import datetime as dt
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import pandas as pd

from forecaster import benchmarks
from forecaster.calendar import last_complete, local_date, long_date, to_utc, working_day_after
from forecaster.feeds import one_feed_each
from forecaster.lifecycle import Rules
from forecaster.measures import build_panel, panel_from_totals
from forecaster.messages import Delivery, Message, Target
from forecaster.pipeline import Outcome, Watch, assess
from forecaster.routing import Hours, Route
from forecaster.settings import ROOT, Settings
from forecaster.store import Run, StaleError, Store, Vintages
from forecaster.types import Alert, Fits, NotRun, Panel, Reference, SeriesKey, Step, as_date
from jobs.executor import executor
from jobs.telling import ANY_TIME, deliveries, heard, routes_of, straight_to

INSTANT = dt.timedelta(microseconds=1)
YEAR, MAY_COME_BACK = dt.timedelta(days=365), dt.timedelta(days=100)


class Knowledge(Protocol):
    """Whatever can tell what was known at a moment: the store itself, or a copy of its history held in memory."""

    def events(self, as_of: dt.datetime | None = None) -> pd.DataFrame: ...
    def totals(self, as_of: dt.datetime | None = None) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Memory:
    """All vintages of a store in memory: a replay asks for many moments and the data do not change meanwhile."""

    event_vintages: Vintages
    total_vintages: Vintages

    @classmethod
    def of(cls, store: Store) -> Memory:
        return cls(store.event_vintages(), store.total_vintages())

    def events(self, as_of: dt.datetime | None = None) -> pd.DataFrame:
        """Returns the events known at a moment."""
        return self.event_vintages.at(as_of)

    def totals(self, as_of: dt.datetime | None = None) -> pd.DataFrame:
        """Returns the totals known at a moment."""
        return self.total_vintages.at(as_of)


@dataclass(frozen=True)
class Result:
    """One step's run, and why it looked at an older period than the day asks for ("" if it did not)."""

    run: Run
    outcome: Outcome
    stale: str = ""


def known_at(as_of: dt.date, now: dt.datetime) -> dt.datetime:
    """Returns the moment a run of a day may know of: now for today, the night before for a day in the past."""
    return min(now, to_utc(as_of) - INSTANT) if to_utc(as_of + dt.timedelta(days=1)) <= now else now


def watch_of(settings: Settings) -> Watch:
    """Returns how the pipeline is to watch, from the settings."""
    detection = settings.detection
    return Watch(
        measures=settings.catalogue,
        detectors=detection.detectors,
        false_alerts_per_year=detection.false_alerts_per_year,
        least_excess=detection.least_excess,
        breakdowns=detection.breakdowns,
        min_history={"week": detection.min_history_weeks, "month": detection.min_history_months},
        rules=Rules(calm_periods=detection.calm_periods),
        models=settings.forecast.models,
        prophet=frozenset(settings.prophet_measures),
        regressors=tuple(item.regressor for item in settings.forecast.regressors),
        horizon=settings.forecast.horizon_weeks,
        seed=settings.forecast.seed,
        council=settings.council.name,
        threshold=settings.small_numbers.threshold,
        config=settings.config_hash,
        page=settings.telling.page,
        questions=settings.questions,
        exact=any(target.exact for target in settings.targets),
    )


@contextmanager
def watching(settings: Settings, fits: Fits) -> Iterator[Watch]:
    """Gives how the pipeline is to watch, with workers for what must loop per series and the fits that were kept."""
    with executor(settings.forecast) as work:
        yield replace(watch_of(settings), work=work, fits=fits)


def panels(
    knowledge: Knowledge, settings: Settings, as_of: dt.date, moment: dt.datetime | None
) -> Iterator[tuple[Panel, str]]:
    """Yields the panel of every step there is data for, as known at a moment (None: now), and what is wrong with it."""
    events = knowledge.events(moment)
    if len(events):
        newest = events["date"].max().date()
        last, stale = last_delivered(newest, as_of)
        yield _events_panel(events, settings, last), stale
    totals = knowledge.totals(moment)
    for step in ("week", "month") if len(totals) else ():
        rows = totals[totals["step"] == step]
        if len(rows):
            last = last_complete(as_of, step)
            newest = min(rows["period"].max().date(), last)
            stale = f"no totals after {newest}" if newest < last else ""
            yield from ((panel, stale) for panel in panel_from_totals(rows, last=newest, measures=settings.catalogue))


def feeds(
    knowledge: Knowledge, settings: Settings, watch: Watch, as_of: dt.date, moment: dt.datetime
) -> Iterator[tuple[Panel, str, tuple[NotRun, ...]]]:
    """Yields the panels with each measure in one of them alone, what is wrong with each, and what is not judged."""
    found = list(panels(knowledge, settings, as_of, moment))
    least: dict[Step, int] = {"week": watch.history("week"), "month": watch.history("month")}
    kept = one_feed_each([panel for panel, _ in found], least)
    for (_, stale), (panel, twice) in zip(found, kept, strict=True):
        if panel.keys:
            yield panel, stale, twice


def last_entered(newest: dt.date) -> dt.date:
    """Returns the last week that is whole when its newest event is of a day: of its last working day, or later."""
    return last_complete(working_day_after(newest, 1), "week")


def last_delivered(newest: dt.date, as_of: dt.date) -> tuple[dt.date, str]:
    """Returns the last week that data arrived for, and a warning when that is not the week before `as_of`."""
    due = last_complete(as_of, "week")
    last = min(last_entered(newest), due)
    return last, f"no events after {newest}: the week of {due} has not arrived" if last < due else ""


def _events_panel(events: pd.DataFrame, settings: Settings, last: dt.date) -> Panel:
    return build_panel(
        events,
        settings.catalogue,
        last=last,
        provisional=settings.detection.provisional_weeks,
        min_slice_total=settings.measures.min_slice_total,
    )


def reference_of(settings: Settings, as_of: dt.date) -> Reference:
    """Returns the published figures that a council could have known on a day, and its neighbours."""
    council = settings.council
    return benchmarks.reference(ROOT / "data" / "benchmarks", council.code, as_of, council.neighbours)


AsTold = Callable[[Sequence[Alert]], Iterable[Message]]


def _nothing_told(alerts: Sequence[Alert]) -> Iterable[Message]:
    return ()


def look(
    knowledge: Knowledge,
    settings: Settings,
    watch: Watch,
    as_of: dt.date,
    moment: dt.datetime,
    previous: Sequence[Alert],
    judged: Mapping[Step, dt.date] | None = None,
    as_told: AsTold = _nothing_told,
) -> Iterator[tuple[Outcome, str]]:
    """Yields what one day brings on each step, nothing stored: the same for the live run, the replay and the preview.

    moment: what may be known; judged: periods already looked at, so that a replay does not judge a month every week.
    as_told: gives alerts as they were last told.
    """
    reference, seen = reference_of(settings, as_of), dict(judged or {})
    for panel, stale, twice in feeds(knowledge, settings, watch, as_of, moment):
        if as_date(panel.periods[-1]) <= seen.get(panel.step, dt.date.min):
            continue
        mine = [alert for alert in previous if {alert.key, alert.key.whole} & set(panel.keys)]
        outcome = assess(panel, mine, reference, watch, moment, before=as_told(mine))
        late = (NotRun(SeriesKey("all measures"), "arrival", stale),) if stale else ()
        yield replace(outcome, not_run=(*late, *twice, *outcome.not_run)), stale


def run_day(
    store: Store,
    settings: Settings,
    as_of: dt.date,
    now: dt.datetime,
    *,
    targets: Sequence[Target] | None = None,
    hours: Hours = ANY_TIME,
    knowledge: Knowledge | None = None,
) -> list[Result]:
    """Returns what a day brought, committed with its messages in one transaction a step; repeating it adds nothing.

    targets: the only ones to be told (default: as routed). hours: when nobody is to be disturbed. When somebody
    acknowledges an alert meanwhile the day is looked at again, once, with what they said.
    """
    routes = routes_of(store, settings) if targets is None else straight_to(targets)
    try:
        return _run_day(store, settings, as_of, now, routes, hours, knowledge or store)
    except StaleError:
        return _run_day(store, settings, as_of, now, routes, hours, knowledge or store)


def _run_day(
    store: Store,
    settings: Settings,
    as_of: dt.date,
    now: dt.datetime,
    routes: Sequence[Route],
    hours: Hours,
    knowledge: Knowledge,
) -> list[Result]:
    results = []
    used: dict[str, Mapping[str, Sequence[float]]] = {}

    def as_told(alerts: Sequence[Alert]) -> Iterable[Message]:
        alive = [alert.id for alert in alerts if (alert.resolved or as_of) > as_of - MAY_COME_BACK]
        return [message for _, message in store.as_told(*alive)]

    with watching(settings, ChainMap(used, store.fits())) as watch:
        watch = replace(watch, not_useful=store.not_useful(now - YEAR), extract=_extract(store, as_of, now))
        found = look(knowledge, settings, watch, as_of, known_at(as_of, now), store.alerts(), as_told=as_told)
        for number, (outcome, stale) in enumerate(found):
            outbox = deliveries(
                outcome.told, outcome.messages, outcome.exact, routes, heard(store, routes, now), now, hours
            )
            run = _as_run(outcome, settings, as_of, now, outbox, number)
            store.commit_run(run)
            results.append(Result(run, outcome, stale))
    store.save_fits(used, as_of)
    return results


def _extract(store: Store, as_of: dt.date, now: dt.datetime) -> str:
    """Which delivery the newest data came with, as a message says it; of a day in the past nothing."""
    received = store.last_received() if as_of == local_date(now) else None
    day = local_date(received) if received else None
    return f"of {long_date(day)}" if day and day <= as_of else ""


def _as_run(
    outcome: Outcome,
    settings: Settings,
    as_of: dt.date,
    now: dt.datetime,
    outbox: Iterable[Delivery],
    number: int,
) -> Run:
    """number: tells events from totals, which may both be judged for the same week."""
    period, step = as_date(outcome.panel.periods[-1]), outcome.panel.step
    return Run(
        id=f"{step}-{period}-{last_complete(as_of, step)}-{number}-{settings.config_hash}",  # judged, due
        as_of=as_of,
        period=period,
        step=step,
        started=now,
        config_hash=settings.config_hash,
        panel=outcome.panel,
        forecasts=outcome.forecasts,
        signals=outcome.signals,
        not_run=outcome.not_run,
        alerts=outcome.alerts,
        transitions=outcome.transitions,
        deliveries=tuple(outbox),
        alpha=outcome.allowance.alpha,
        false_alerts=outcome.allowance.false_alerts,
    )
