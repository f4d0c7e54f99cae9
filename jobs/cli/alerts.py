"""The commands about alerts: what there is, what people do about it, who is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from forecaster.calendar import local_time
from forecaster.messages import Act
from forecaster.routing import why
from forecaster.store import Store
from forecaster.types import Alert, InputError
from forecaster.words import explanation
from jobs import backtest as backtests
from jobs import deliver as delivering
from jobs.answers import answer
from jobs.cli.terminal import ConfigFile, Day, list_alerts, opened, print_table, say
from jobs.telling import heard, hours_of, in_use, routes_of, would_be_told

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
    """Prints one alert whole: as it was last told, what it is made of, how it stands, all that happened to it."""
    with opened(config) as (settings, store):
        alert = _existing(store, name)
        story = alert.story or alert.id
        others = [one for one in store.alerts() if one.id != alert.id and (one.story or one.id) == story]
        changes = store.transitions(alert.id)
    say(alert.text)
    if parts := explanation.rows(alert, settings.small_numbers.threshold):
        print_table("\nWhat it is made of", explanation.COLUMNS, parts)
    say("\n".join(explanation.standing(alert, others)) + "\n")
    for change in changes:
        went = change.what if change.change or not change.was else f"{change.was} -> {change.now}"
        say(f"{local_time(change.at):%Y-%m-%d %H:%M}  {went}  {change.actor}: {change.reason}")


def _existing(store: Store, name: str) -> Alert:
    alert = store.alert(name)
    if alert is None:
        raise InputError("store", f"there is no alert {name}", "`forecaster alerts` lists them")
    return alert


Name = Annotated[str, typer.Argument(metavar="ID")]
Actor = Annotated[str, typer.Option("--by", help="Who says so.")]
Why = Annotated[str, typer.Option("--reason", help="Kept with the alert.")]


def _do(act: Act, config: Path | None) -> None:
    with opened(config) as (_, store):
        try:
            say(answer(store, act, delivering.utc_now()))
        except ValueError as error:
            raise InputError(act.alert_id, str(error), "`forecaster alerts --open` lists what is open") from None


@app.command(epilog='Example: forecaster ack plan-starts-up-2017-w47 --by "A. Patel" --reason "audit under way"')
def ack(name: Name, reason: Why, by: Actor = "command line", config: ConfigFile = None) -> None:
    """Acknowledges an alert: it stays open and says no more unless it worsens."""
    _do(Act(name, "acknowledge", by, reason), config)


@app.command(epilog='Example: forecaster snooze plan-starts-up-2017-w47 --until 2018-02-05 --reason "known cause"')
def snooze(name: Name, until: Day, reason: Why, by: Actor = "command line", config: ConfigFile = None) -> None:
    """Keeps an alert silent until a date unless it worsens."""
    _do(Act(name, "snooze", by, reason, until), config)


@app.command(epilog='Example: forecaster assign plan-starts-up-2017-w47 --to "B. Khan" --by "A. Patel"')
def assign(
    name: Name,
    to: Annotated[str, typer.Option("--to", help="Who looks into it.")],
    reason: Why = "",
    by: Actor = "command line",
    config: ConfigFile = None,
) -> None:
    """Says who looks into an alert."""
    _do(Act(name, "assign", by, reason, to=to), config)


@app.command(epilog='Example: forecaster rate plan-starts-up-2017-w47 not-useful --reason "a known backlog"')
def rate(
    name: Name,
    verdict: Annotated[Literal["useful", "not-useful"], typer.Argument(help="useful or not-useful.")],
    reason: Why = "",
    by: Actor = "command line",
    config: ConfigFile = None,
) -> None:
    """Says whether an alert was useful: `doctor` counts it for each detector. What was not is silent from then on."""
    _do(Act(name, "useful" if verdict == "useful" else "not useful", by, reason), config)


@app.command(epilog="Example: forecaster routes   (or: forecaster routes plan-starts-up-2017-w47)")
def routes(
    name: Annotated[
        str | None, typer.Argument(metavar="ID", help="Only this alert; default: all that are open.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Shows who would get what, and why not: a dry run of the routes, nothing is sent."""
    with opened(config) as (settings, store):
        ways, now = routes_of(store, settings), delivering.utc_now()
        found = [_existing(store, name)] if name else store.alerts(open_only=True)
        missing = [place.name for place in settings.targets if place.name not in in_use(store, settings)]
        known = heard(store, ways, now)
    for alert in found:
        say(f"{alert.id}  ({alert.severity}, {alert.direction}, {alert.key.where})")
        for line in [*why(alert, ways), *would_be_told(alert, ways, known, now, hours_of(settings))]:
            say(f"  {line}")
    if not found:
        say("No alert is open.")
    if missing:
        say(f"Not told, as their channel is not set up (see `forecaster doctor`): {', '.join(missing)}.")
