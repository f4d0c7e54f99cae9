"""The weekly digest: gathered from what the store kept of the newest runs, whether or not there was one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecaster.accounts import own_series
from forecaster.arrival import due
from forecaster.briefing import foretold_by
from forecaster.calendar import last_complete, local_date
from forecaster.measures import Measure, plain_measure
from forecaster.messages import Delivery, Message, Target
from forecaster.routing import Hours, next_moment
from forecaster.settings import Settings
from forecaster.store import RunHeader, Store
from forecaster.types import DIMENSIONS, Alert, Forecasts, NotRun, Panel, SeriesKey, Signal, Step
from forecaster.words.digest import DIGEST, Facts, Heading, Ran, digest, near
from forecaster.year_end import HIGH, LOW, MEDIAN, year_end_outlook
from jobs.arrival import clock_of
from jobs.telling import ANY_TIME, delivery_id, due_at

STEPS: tuple[Step, ...] = ("week", "month")
QUARTER: dict[Step, int] = {"week": 13, "month": 3}
YEAR = dt.timedelta(days=365)


@dataclass(frozen=True)
class _Look:
    """One of the newest runs with all that the store kept of it."""

    run: RunHeader
    panel: Panel
    forecasts: Forecasts | None
    signals: tuple[Signal, ...]
    missed: tuple[NotRun, ...]


def send_digest(
    store: Store,
    settings: Settings,
    now: dt.datetime,
    targets: Sequence[Target],
    held: Collection[str] = (),
    hours: Hours = ANY_TIME,
) -> Message:
    """Returns the digest of the last week that is over, queued once for every target; a repeat queues nothing.

    Each digest is a post of its own. held: ids of the open alerts that nobody was told of. hours: when nobody is to be
    disturbed.
    """
    message = digest_of(store, settings, now, held)
    week = last_complete(local_date(now), "week")
    due = next_moment(now, hours)
    store.enqueue(_delivery(f"{DIGEST}-{week:%G-W%V}", target, message, due) for target in targets)
    return message


def _delivery(story: str, target: Target, message: Message, due: dt.datetime) -> Delivery:
    name, moment = delivery_id(story, target, "text"), due_at(target, due)
    return Delivery(name, DIGEST, story, target, "text", message, story=story, due=moment)


def digest_of(store: Store, settings: Settings, now: dt.datetime, held: Collection[str] = ()) -> Message:
    """Returns the digest as it would be sent now; nothing is stored."""
    return digest(facts(store, settings, now, held))


def facts(store: Store, settings: Settings, now: dt.datetime, held: Collection[str] = ()) -> Facts:
    """Returns what the digest is made from: the newest runs of every step, the open alerts, the budget."""
    today, received = local_date(now), store.last_received()
    looks = [look for step in STEPS for look in _newest(store, step)]
    dues: dict[Step, dt.date] = {"week": last_complete(today, "week"), "month": due(now, "month", clock_of(settings))}
    known = [alert for alert in store.alerts() if alert.kind != "arrival"]
    alerts = tuple(alert for alert in known if alert.state != "resolved")
    return Facts(
        week=dues["week"],
        day=today,
        runs=tuple(_ran(look, dues[look.run.step], settings) for look in looks),
        received=local_date(received) if received else None,
        alerts=alerts,
        held=frozenset(held),
        ahead=tuple(heading for look in looks for heading in _headings(look, settings)),
        near=near((signal for look in looks for signal in look.signals), alerts),
        titles=_titles(looks, alerts, settings),
        opened=sum(alert.opened > today - YEAR for alert in known),
        accepted=settings.detection.false_alerts_per_year,
        coverage=_coverage(looks),
        config=settings.config_hash,
        threshold=settings.small_numbers.threshold,
    )


def _newest(store: Store, step: Step) -> Iterator[_Look]:
    """Yields the newest runs of a step, one for each kind of data, events and totals.

    Of the runs for the same week, under the same settings, one is left out if a later one looked at all its measures.
    """
    runs = sorted(
        (run for run in store.runs() if run.step == step), key=lambda run: (run.as_of, run.started, run.period)
    )
    of_now = [run for run in runs if _about(run) == _about(runs[-1])]
    seen: list[set[str]] = []
    for run in reversed(of_now):
        panel = store.panel_of(run.id)
        measures = {key.measure for key in panel.keys} if panel else set()
        if panel and not any(measures <= later for later in seen):
            seen.append(measures)
            signals, missed = tuple(store.signals_of(run.id)), tuple(store.not_run_of(run.id))
            yield _Look(run, panel, store.forecasts_of(run.id), signals, missed)


def _about(run: RunHeader) -> tuple[dt.date, str]:
    return last_complete(run.as_of, run.step), run.config_hash


def _ran(look: _Look, due_: dt.date, settings: Settings) -> Ran:
    silent = set(DIMENSIONS) - set(settings.detection.breakdowns)  # these only explain
    watched = sum(silent.isdisjoint(name for name, _ in key.slice) for key in look.panel.keys)
    run, provisional = look.run, look.panel.provisional > 0
    return Ran(run.step, run.as_of, run.period, due_, watched, look.missed, provisional)


def _measure(key: SeriesKey, panel: Panel, settings: Settings) -> Measure:
    kind = panel.kinds[panel.row(key)]
    return settings.catalogue.get(key.measure) or plain_measure(key.measure, kind)


def _headings(look: _Look, settings: Settings) -> Iterator[Heading]:
    """Yields the first page: the headline measures in the order of the config, or all that there are without one."""
    own = [look.panel.keys[row] for row in own_series(look.panel.keys)]
    headline = [key for key in own if _measure(key, look.panel, settings).headline]
    order = list(settings.catalogue)
    for key in sorted(headline, key=lambda key: (order.index(key.measure), key)) or own:
        measure = _measure(key, look.panel, settings)
        yield replace(_heading(look, key, measure), moves=_moves(look.panel, key, measure, settings.catalogue))


def _moves(panel: Panel, key: SeriesKey, stock: Measure, catalogue: Mapping[str, Measure]) -> tuple[float, ...]:
    """What came into a stock and what left it in each period of the last quarter, as far as it is counted."""
    moves = {stock.opens, stock.closes} - {None}
    flows = (SeriesKey(name, key.slice) for name, other in catalogue.items() if other.kind == "flow")
    rows = [panel.row(flow) for flow in flows if flow in panel.keys and catalogue[flow.measure].event in moves]
    return tuple(map(float, panel.count[rows, -QUARTER[panel.step] :].ravel()))


def _heading(look: _Look, key: SeriesKey, measure: Measure) -> Heading:
    panel, said = look.panel, look.forecasts
    row = panel.row(key)
    kind, length = panel.kinds[row], QUARTER[panel.step]
    final = panel.count[row, : len(panel.periods) - panel.provisional]
    recent = panel.count[row, -1:] if kind == "stock" else final[-length:]
    ahead = _usual(panel, said, key) if said and kind == "flow" else None
    end = year_end_outlook(panel, said, key) if said and kind != "flow" else None
    model = foretold_by(said, key, kind, panel.step) if said and (ahead or end) else ""
    return Heading(key, measure.title, kind, panel.step, tuple(map(float, recent)), ahead, length, end, model)


def _usual(panel: Panel, said: Forecasts, key: SeriesKey) -> tuple[float, float, float] | None:
    """Lower, median and upper of a usual period of the next quarter."""
    coming = np.flatnonzero(said.periods > panel.periods[-1])[: QUARTER[panel.step]]
    if key not in said.keys or not len(coming):
        return None
    values = said.values[said.keys.index(key), coming].mean(axis=0)
    return float(values[LOW]), float(values[MEDIAN]), float(values[HIGH])


def _titles(looks: Sequence[_Look], alerts: Sequence[Alert], settings: Settings) -> dict[str, str]:
    names = {key.measure for look in looks for key in look.panel.keys} | {alert.measure for alert in alerts}
    return {name: (settings.catalogue.get(name) or plain_measure(name, "flow")).title for name in names}


def _coverage(looks: Sequence[_Look]) -> float | None:
    """How often the 95% bands of the forecasts have held, over all series that can be checked."""
    held = [look.forecasts.coverage for look in looks if look.forecasts and look.forecasts.coverage is not None]
    checked = np.concatenate(held) if held else np.empty(0)
    return float(np.nanmean(checked)) if np.isfinite(checked).any() else None
