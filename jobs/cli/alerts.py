"""The commands about alerts: what there is, what people do about it, who is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from forecaster import lifecycle
from forecaster.store import Store
from forecaster.types import Alert, InputError, Transition
from jobs import backtest as backtests
from jobs import deliver as delivering
from jobs.cli.terminal import ConfigFile, Day, list_alerts, opened, say

app = typer.Typer()


alerts_app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)
app.add_typer(alerts_app, name="alerts")


@alerts_app.callback(invoke_without_command=True, epilog="Example: forecaster alerts --open --json alerts.json")
def alerts(
    context: typer.Context,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are not resolved.")] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Write them here.")] = None,
    config: ConfigFile = None,
) -> None:
    """Lists the alerts, or writes them as JSON; `alerts show ID` prints one whole."""
    if context.invoked_subcommand:
        return
    with opened(config) as (settings, store):
        found = store.alerts(open_only=only_open)
    if json:
        backtests.write_json(found, settings.small_numbers.threshold, json)
    list_alerts(found, "Open alerts" if only_open else "Alerts")


@alerts_app.command(epilog="Example: forecaster alerts show plan-starts-up-2017-w47")
def show(name: Annotated[str, typer.Argument(metavar="ID")], config: ConfigFile = None) -> None:
    """Prints one alert as it was last told, and everything that happened to it."""
    with opened(config) as (_, store):
        alert = _existing(store, name)
        say(alert.text)
        for change in store.transitions(alert.id):
            say(f"{change.at:%Y-%m-%d %H:%M} UTC  {change.was or '-'} -> {change.now}  {change.actor}: {change.reason}")


def _existing(store: Store, name: str) -> Alert:
    alert = store.alert(name)
    if alert is None:
        raise InputError("store", f"there is no alert {name}", "`forecaster alerts` lists them")
    return alert


Actor = Annotated[str, typer.Option("--by", help="Who says so.")]
Why = Annotated[str, typer.Option("--reason", help="Kept with the alert.")]


def _change(name: str, config: Path | None, change: Callable[[Alert, dt.datetime], lifecycle.Step]) -> Transition:
    with opened(config) as (_, store):
        try:
            after, transition = change(_existing(store, name), delivering.utc_now())
        except ValueError as error:
            raise InputError(name, str(error), "`forecaster alerts` lists what is open") from None
        assert after is not None and transition is not None
        store.save_transition(after, transition)
        return transition


@app.command(epilog='Example: forecaster ack plan-starts-up-2017-w47 --by "A. Patel" --reason "audit under way"')
def ack(
    name: Annotated[str, typer.Argument(metavar="ID")],
    reason: Why,
    by: Actor = "command line",
    config: ConfigFile = None,
) -> None:
    """Acknowledges an alert: it stays open and says no more unless it worsens."""
    done = _change(name, config, lambda alert, now: lifecycle.acknowledge(alert, now.date(), now, by, reason))
    say(f"{done.alert_id}: acknowledged by {by}.")


@app.command(epilog='Example: forecaster snooze plan-starts-up-2017-w47 --until 2018-02-05 --reason "known cause"')
def snooze(
    name: Annotated[str, typer.Argument(metavar="ID")],
    until: Day,
    reason: Why,
    by: Actor = "command line",
    config: ConfigFile = None,
) -> None:
    """Keeps an alert silent until a date unless it worsens."""
    done = _change(name, config, lambda alert, now: lifecycle.snooze(alert, until, now.date(), now, by, reason))
    say(f"{done.alert_id}: snoozed until {until} by {by}.")
