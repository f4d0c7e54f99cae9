"""What an operator asks first: is it alive, is the data fresh, what could not run, what is stuck, how forecasts did."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from forecaster.channels import missing_secrets
from forecaster.config import Config, Target
from forecaster.messages import Delivery
from forecaster.settings import Settings
from forecaster.store import Store
from forecaster.types import Step
from jobs.reckoning import live, record_lines
from jobs.telling import available

YEAR = dt.timedelta(days=365)
STEPS: tuple[Step, ...] = ("week", "month")
SILENT_AFTER = dt.timedelta(minutes=5)  # without a heartbeat for so long the service counts as dead
STALE = {"week": dt.timedelta(days=16), "month": dt.timedelta(days=70)}


@dataclass(frozen=True)
class Check:
    """One line of the examination; `well` False makes doctor end with 1, None is information only."""

    name: str
    text: str
    well: bool | None = None


def examine(store: Store, settings: Settings, now: dt.datetime) -> Iterator[Check]:
    """Yields every check, the worst news not first but in the order data flows."""
    *before, service = _vital(store, settings, now)
    yield from before
    yield from (Check("forecast", line) for line in record_lines(live(store), settings))
    yield service


def _vital(store: Store, settings: Settings, now: dt.datetime) -> Iterator[Check]:
    """All but the account of the forecasts, which takes reading every one that is kept; the service comes last."""
    health = store.health()
    yield Check("config", f"hash {settings.config_hash}, {len(settings.catalogue)} measures")
    received = health["last_received"]
    yield Check(
        "data",
        f"{health['events']:,} events, {health['totals']:,} totals from {health['extracts']} extracts, last received "
        f"{f'{received:%d %B %Y %H:%M} UTC' if received else 'never'}",
        health["extracts"] > 0,
    )
    runs = [check for step in STEPS for check in _last_run(store, step, now)]
    yield from runs or [Check("run", "nothing has been judged yet: run `forecaster run`", False)]
    yield from _targets(store, settings)
    yield _outbox(health["deliveries"], store.overdue(now))
    yield Check("alerts", f"{health['open_alerts']} open")
    yield from _ratings(store)
    yield _budget(store, settings)
    beat = store.last_heartbeat()
    alive = f"last heartbeat {beat:%d %B %Y %H:%M} UTC" if beat else "never started (fine if you only use commands)"
    yield Check("service", alive, None if beat is None else now - beat < SILENT_AFTER)


def _outbox(states: Mapping[str, int], overdue: Sequence[Delivery]) -> Check:
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "empty"
    late = f"; {len(overdue)} overdue by a day ({overdue[0].error or 'not tried'})" if overdue else ""
    well = not states.get("failed") and not overdue
    remedy = "" if well else ": mend the cause, then run `forecaster deliver --retry` (or --drop)"
    return Check("outbox", told + late + remedy, well)


def _last_run(store: Store, step: Step, now: dt.datetime) -> Iterator[Check]:
    run = store.last_run(step)
    if run is None:
        return
    missed = store.not_run_of(run.id)
    late = next((f"; {item.reason}" for item in missed if item.by == "arrival"), "")
    judged = f"last run {run.started:%d %B %Y %H:%M} UTC, as of {run.as_of}: judged the {step} of {run.period}{late}"
    yield Check(f"{step}ly", judged, now - run.started < STALE[step] and not late)
    reasons = Counter(f"{item.by}: {item.reason.partition(':')[0]}" for item in missed)
    for reason, count in reasons.most_common():
        yield Check("not run", f"{count} series, {reason}")


def _budget(store: Store, settings: Settings) -> Check:
    """The false alerts that were asked for, those that the limits stand for, and all alerts that a year brought."""
    asked = f"{settings.detection.false_alerts_per_year:g} false alerts a year accepted over all series"
    held = [
        f"{run.step}ly series alarm at p <= {run.alpha:.2g}: {run.false_alerts:.1f} a year in simulated quiet years"
        for run in map(store.last_run, STEPS)
        if run and run.alpha is not None
    ]
    judged = [run.period for run in store.runs()]  # an alert opens in the period it is about
    since = max(min(judged), max(judged) - YEAR) if judged else None
    found = [alert for alert in store.alerts() if alert.kind != "arrival"]
    opened = sum(alert.opened >= since for alert in found) if since else 0
    told = [f"alerts of any kind opened since {since}: {opened}"] if since else []
    return Check("budget", "; ".join([asked, *held, *told]))


def _ratings(store: Store) -> Iterator[Check]:
    """What people said of the alerts of each detector."""
    ratings = store.ratings()
    for detector in sorted({name for name, _ in ratings}):
        useful, not_useful = (ratings.get((detector, verdict), 0) for verdict in ("useful", "not useful"))
        yield Check("feedback", f"{detector}: {useful} called useful, {not_useful} not useful")


def _targets(store: Store, settings: Settings) -> Iterator[Check]:
    for target in settings.targets:
        if available(settings, target.channel):
            yield Check("target", f"{target.name}: {target.target}")
        else:
            missing = ", ".join(missing_secrets(target.channel, settings.secrets.given))
            text = f"{target.name}: {target.target} is not told: set {missing}"
            yield Check("target", text, False if _should_be_told(target, store, settings) else None)


def _should_be_told(target: Target, store: Store, settings: Settings) -> bool:
    """Whether config sends it anything; the targets that config begins with are examples until they are used."""
    telling = settings.telling
    named = {name for route in settings.routes for name in (*route.to, *route.escalate)}
    named |= {*(telling.digest_to or ()), *(telling.operations_to or ())}
    example = target in Config().targets and target.channel not in store.channels_used()
    return target.name in named and not example


def is_well(store: Store, settings: Settings, now: dt.datetime) -> bool:
    """Returns whether nothing is wrong: what the watchdog elsewhere is told."""
    return all(check.well is not False for check in _vital(store, settings, now))


def is_alive(store: Store, now: dt.datetime) -> bool:
    """Returns whether the service has said lately that it is alive (the container's health check)."""
    beat = store.last_heartbeat()
    return beat is not None and now - beat < SILENT_AFTER
