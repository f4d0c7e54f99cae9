"""The command line: one function a command, each a few lines over a job. The only room that prints."""

from __future__ import annotations

import datetime as dt
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from forecaster import lifecycle
from forecaster.calendar import local_date
from forecaster.channels import Channel, open_channel
from forecaster.messages import DeliveryState
from forecaster.read.pseudonym import pseudonym
from forecaster.settings import Settings, SettingsError, from_environment
from forecaster.store import DatabaseError, StaleError, Store
from forecaster.types import Alert, Ask, InputError, Panel, Step, Transition
from jobs import backtest as backtests
from jobs import bulk, demo, doctor, neighbours, outlook, reckoning
from jobs import deliver as delivering
from jobs.executor import WorkError, executor
from jobs.ingest import Received, ingest_file, ingest_inbox
from jobs.scheduler import Service
from jobs.scheduler import serve as serve_forever
from jobs.secret import secret_key
from jobs.watch import Memory, available, run_day

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False,
                  help="Weekly early warning on child protection numbers for an English council.")  # fmt: skip
T = TypeVar("T")
BAD_INPUT, NOT_WELL = 2, 1
LOOK_AHEAD = dt.timedelta(days=31)  # the coming Monday may be tried; a slip of the year may not
UNSENT: tuple[DeliveryState, ...] = ("pending", "ambiguous")
ConfigFile = Annotated[Path | None, typer.Option("--config", help="Config file (default: FORECASTER_CONFIG).")]
Period = Annotated[Step | None, typer.Option("--period", help="week or month, where the file does not say.")]


def console(stderr: bool = False) -> Console:
    """Returns the console of now: tests and pipes may have changed the streams since the start."""
    return Console(stderr=stderr, highlight=False, soft_wrap=stderr)


def say(text: str) -> None:
    """Prints one plain line (or several) to standard output."""
    console().print(text, markup=False, soft_wrap=True)


def _print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    console().print(table)


def parse_day(text: str) -> dt.date:
    """Returns a date given as YYYY-MM-DD; typer says what is wrong otherwise."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date: write it as 2018-01-08") from None


Day = Annotated[dt.date, typer.Option(parser=parse_day, metavar="DATE", help="The day on which it may speak again.")]
AsOf = Annotated[dt.date | None, typer.Option(parser=parse_day, metavar="DATE", help="Default: today.")]
Pace = Annotated[str | None, typer.Option(metavar="PACE", help="What if: last-year, or times as many as forecast.")]


@contextmanager
def opened(config: Path | None) -> Iterator[tuple[Settings, Store]]:
    """The settings and the store they name, its tables up to date."""
    settings = from_environment(config)
    try:
        store = Store(settings.secrets.database_url.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"FORECASTER_DATABASE_URL: {error}") from None
    with store:
        store.migrate()
        yield settings, store


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, for work of more than two seconds."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def channels_of(settings: Settings) -> dict[str, Channel]:
    """Returns the channels that are set up, by name."""
    secrets = settings.secrets
    given = {"SLACK_BOT_TOKEN": secrets.slack_bot_token, "SLACK_API_URL": secrets.slack_api_url}
    values = {name: value.get_secret_value() for name, value in given.items() if value is not None}
    names = {target.channel for target in settings.targets if available(settings, target.channel)}
    found = {name: open_channel(name, values, say) for name in names}
    return {name: channel for name, channel in found.items() if channel is not None}


@app.command(name="demo", epilog="Example: forecaster demo --weeks 52")
def demo_command(
    weeks: Annotated[int, typer.Option(help="How many weeks to replay.", min=1)] = 52,
    seed: Annotated[int, typer.Option(help="Another seed, another council.")] = 1,
) -> None:
    """Makes a council with planted stories, replays its last year week by week, and says what was found."""
    settings = demo.settings_of(from_environment(None))
    with progress("Replaying the demo council") as bar:
        told = demo.replay(settings, seed, weeks, bar)
    for text in told.messages:
        say(text + "\n")
    _print_table(f"{told.council}: what was planted and what was found", demo.COLUMNS, told.rows)
    say(told.verdict)
    if not told.well:
        raise typer.Exit(NOT_WELL)


@app.command(epilog="Example: forecaster ingest annex_a.xlsx   (no file: whatever waits in the inbox)")
def ingest(
    files: Annotated[list[Path] | None, typer.Argument(help="Extracts; none: read the inbox.")] = None,
    period: Period = None,
    config: ConfigFile = None,
) -> None:
    """Reads extracts (Annex A workbook, CIN census XML, events CSV, totals CSV) into the store."""
    with opened(config) as (settings, store):
        secret = secret_key(settings)
        if not files:
            refused = [_report(received) for received in ingest_inbox(store, settings, secret, delivering.utc_now())]
            if not refused:
                say(f"Nothing waits in {settings.inbox.path}.")
            raise typer.Exit(BAD_INPUT if any(refused) else 0)
        for path in files:
            with console(stderr=True).status(f"Reading {path.name} …"):
                received = ingest_file(store, settings, secret, path, delivering.utc_now(), period)
            _report(received)


def _report(received: Received) -> bool:
    """Says what became of a file; returns whether it was refused."""
    if received.error or received.summary is None:
        console(stderr=True).print(f"error: {received.error}", markup=False)
        return True
    s = received.summary
    if s.already:
        say(f"{s.name}: read before, nothing to do.")
        return False
    dates = f", {s.first} to {s.last}" if s.first else ""
    say(f"{s.name}: {s.source.replace('_', ' ')}, {s.rows} rows read{dates}: {s.new} new, {s.corrected} corrected, "
        f"{s.unchanged} unchanged, {s.duplicates} repeated, {len(s.rejected)} rejected.")  # fmt: skip
    for note in s.notes:
        say(f"  note: {note}")
    if s.rejected:
        first = s.rejected[0]
        line = f"{s.name}, {first.place}, column {first.column}: {first.reason}; {first.remedy}"
        console(stderr=True).print(f"rejected: {line}  (all {len(s.rejected)}: {received.rejects})", markup=False)
    return False


@app.command(epilog="Example: forecaster run --as-of 2018-01-15")
def run(as_of: AsOf = None, config: ConfigFile = None) -> None:
    """The main job, once: reads the inbox, judges the newest week, tells the managers."""
    with opened(config) as (settings, store):
        now = delivering.utc_now()
        today = local_date(now)
        if as_of and as_of > today + LOOK_AHEAD:
            raise InputError("--as-of", f"{as_of} has not come yet", f"give {today} or a day before")
        refused = [_report(received) for received in ingest_inbox(store, settings, secret_key(settings), now)]
        with console(stderr=True).status("Judging …"):
            results = run_day(store, settings, as_of or today, now)
        if not results:
            raise InputError("store", "there is no data to judge", "run `forecaster ingest FILE` first")
        for result in results:
            if result.stale:
                console(stderr=True).print(f"warning: {result.stale}", markup=False)
            _say_run(result.run.period, result.run.step, len(result.run.transitions), len(result.run.not_run))
        _send(store, settings)
        if any(refused):
            raise typer.Exit(NOT_WELL)


def _say_run(period: dt.date, step: Step, told: int, missed: int) -> None:
    news = "nothing new to tell" if not told else f"{told} message{'s' if told > 1 else ''}"
    not_run = f"; {missed} checks could not run (see `forecaster doctor`)" if missed else ""
    say(f"{step.capitalize()} of {period}: {news}{not_run}.")


def _send(store: Store, settings: Settings) -> None:
    sent = delivering.deliver(store, channels_of(settings), patience=dt.timedelta(seconds=60))
    failed = store.deliveries(state="failed") if sent["failed"] else []
    waiting = [delivery for state in UNSENT for delivery in store.deliveries(state=state)]
    for title, deliveries in (("not delivered", failed), ("not delivered yet", waiting)):
        for delivery in deliveries:
            why = delivery.error or "it waits for its turn"
            console(stderr=True).print(f"{title} to {delivery.target}: {why}", markup=False)
    if failed or waiting:
        raise typer.Exit(NOT_WELL)


@app.command(epilog="Example: forecaster serve --config /data/forecaster.toml")
def serve(config: ConfigFile = None) -> None:
    """Runs the schedule until SIGTERM, and finishes what it is doing."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    for name in ("apscheduler", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with opened(config) as (settings, store):
        serve_forever(Service(store, settings, secret_key(settings), channels_of(settings)))


def _panel_of(totals: Path, settings: Settings, period: Step | None, missing: bulk.Missing) -> Panel:
    with console(stderr=True).status(f"Reading {totals.name} …"):
        return bulk.read_totals(totals, settings, local_date(delivering.utc_now()), period, missing)


@app.command(epilog="Example: forecaster detect data/examples/herefordshire_referrals.csv --last 84 --output out.csv")
def detect(
    totals: Annotated[Path, typer.Argument(help="Totals CSV: week or month, measure, breakdowns, count, of.")],
    last: Annotated[int, typer.Option(help="How many of the newest periods to judge.", min=1)],
    output: Annotated[Path, typer.Option(help="CSV to write.")],
    alpha: Annotated[float, typer.Option(help="False alarms per series and period.", min=1e-9, max=0.5)] = 0.01,
    direction: Annotated[bulk.Side, typer.Option(help="up, down or both.")] = "up",
    detector: Annotated[
        bulk.Method | None, typer.Option(help="Judge by this one (default: surge for counts, drift for shares).")
    ] = None,
    missing: Annotated[bulk.Missing, typer.Option(help="What a gap in the file means: gap or zero.")] = "gap",
    period: Period = None,
    config: ConfigFile = None,
) -> None:
    """Judges every series of a totals CSV, each period from the periods before it; nothing is stored."""
    settings = from_environment(config)
    panel = _panel_of(totals, settings, period, missing)
    history = bulk.min_history(settings, panel.step)
    with console(stderr=True).status(f"Judging {len(panel.keys)} series …"):
        table = bulk.detect(panel, last, direction, alpha, history, (detector,) if detector else bulk.USUAL)
    bulk.write(table, output)
    missed = int((table["reason"] != "").sum())
    say(f"{output}: {len(table)} rows, {int(table['alarm'].sum())} alarms, {missed} not judged (see column reason).")


@app.command(
    name="neighbours",
    epilog="Example: forecaster neighbours E08000030 repeat_plans --as-of 2016-04-15 --value 17.2% --of 541",
)
def neighbours_command(
    code: Annotated[str, typer.Argument(help="ONS code of any council.")],
    measure: Annotated[str, typer.Argument(help="A measure with published figures, such as repeat_plans.")],
    value: Annotated[str | None, typer.Option(help="Its figure: 17.2%, or a rate per 10,000 children.")] = None,
    of: Annotated[float | None, typer.Option(help="Plans, referrals or children it is of.", min=1)] = None,
    year: Annotated[int | None, typer.Option(help="Ending 31 March; default: the one after the newest known.")] = None,
    neighbour: Annotated[list[str] | None, typer.Option(help="Instead of the Department's list; repeat it.")] = None,
    as_of: AsOf = None,
    config: ConfigFile = None,
) -> None:
    """Puts a figure beside the council's past, its neighbours and England where they are likely to be by then."""
    catalogue = from_environment(config).catalogue
    today = as_of or local_date(delivering.utc_now())
    found = neighbours.answer(
        code, measure, today, value=value, of=of, year=year, chosen=neighbour or (), catalogue=catalogue
    )
    _print_table(found.title, neighbours.COLUMNS, found.rows)
    for sentence in found.sentences:
        say(sentence)


@app.command(name="outlook", epilog="Example: forecaster outlook --ends last-year   (or --ends 0.9: a tenth fewer)")
def outlook_command(as_of: AsOf = None, ends: Pace = None, starts: Pace = None, config: ConfigFile = None) -> None:
    """Says where the year ends on 31 March, how surely, what was said before, and what if; nothing is stored."""
    with opened(config) as (settings, store), progress("Looking ahead") as bar:
        now, levers = delivering.utc_now(), outlook.levers_of(starts, ends)
        found = outlook.answer(Memory.of(store), settings, as_of or local_date(now), now, levers, bar)
    say("\n".join(found.words))
    for table in found.tables:
        _print_table(f"\n{table.title}", table.columns, table.rows)
    say("\n".join(found.notes))


@app.command(epilog="Example: forecaster forecast monthly.csv --horizon 6 --origin 2023-03-01 --output forecasts.csv")
def forecast(
    totals: Annotated[Path, typer.Argument(help="Totals CSV: week or month, measure, breakdowns, count.")],
    horizon: Annotated[int, typer.Option(help="Periods ahead.", min=1)],
    output: Annotated[Path, typer.Option(help="CSV to write.")],
    origin: Annotated[
        list[dt.date] | None, typer.Option(parser=parse_day, metavar="DATE", help="Last period seen; may be repeated.")
    ] = None,
    model: Annotated[bulk.Model, typer.Option(help="Default: all models, weighted by record.")] = "combined",
    missing: Annotated[bulk.Missing, typer.Option(help="What a gap in the file means: gap or zero.")] = "gap",
    period: Period = None,
    config: ConfigFile = None,
) -> None:
    """Writes forecast quantiles of every series of a totals CSV from one or several origins; nothing is stored."""
    settings = from_environment(config)
    panel = _panel_of(totals, settings, period, missing)
    title = f"Forecasting {len(panel.keys)} series"
    with progress(title) as bar, executor(settings.forecast) as work:
        ask = Ask((), horizon, work, tuple(item.regressor for item in settings.forecast.regressors))
        table, missed = bulk.forecast(panel, origin or [], model, ask, bulk.recipe_of(settings, panel.step), bar)
    bulk.write(table, output)
    say(f"{output}: {len(table)} rows; {len(missed)} series not forecast.")
    for item in missed[:5]:
        console(stderr=True).print(f"not forecast: {item.key}: {item.reason}", markup=False)


@app.command(epilog="Example: forecaster backtest --weeks 104 --forecasts said.csv --picture said.png")
def backtest(
    weeks: Annotated[int, typer.Option(help="How many past Mondays to replay.", min=1)] = 52,
    json: Annotated[Path | None, typer.Option("--json", help="Write the alerts here.")] = None,
    forecasts: Annotated[Path | None, typer.Option(help="CSV: all that was said and what came.")] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG: what was said and what came.")] = None,
    config: ConfigFile = None,
) -> None:
    """Replays past Mondays as if live: what alerts there would have been, how good the forecasts; nothing is stored."""
    with opened(config) as (settings, store), progress(f"Replaying {weeks} Mondays") as bar:
        alerts, account = backtests.backtest(store, settings, weeks, bar)
    if json:
        backtests.write_json(alerts, settings.small_numbers.threshold, json)
    _list_alerts(alerts, f"Alerts in {weeks} weeks")
    if rows := reckoning.rows(account, settings):
        _print_table("\nWhat was said against what came", reckoning.COLUMNS, rows)
    for sentence in reckoning.sentences(account, settings):
        say(sentence)
    if forecasts:
        reckoning.write(account, settings, forecasts)
    if picture:
        reckoning.draw(account, settings, picture)


@app.command(epilog="Example: forecaster preview --config config/forecaster.toml changed.toml --weeks 52")
def preview(
    changed: Annotated[Path, typer.Argument(help="The config as it might become.")],
    weeks: Annotated[int, typer.Option(help="How many past Mondays to replay.", min=1)] = 52,
    config: ConfigFile = None,
) -> None:
    """Shows which past alerts a changed config would have added or dropped, before it goes live."""
    with opened(config) as (settings, store):
        knowledge, other = Memory.of(store), from_environment(changed)
        days = backtests.mondays(knowledge, weeks)
        found = []
        for title, choice in (("as it is", settings), ("as changed", other)):
            with progress(f"Replaying {weeks} Mondays, {title}") as bar:
                found.append(backtests.replay(knowledge, choice, days, bar))
    verdicts = list(backtests.compare(*found))
    for verdict in ("added", "dropped", "kept"):
        alerts = [alert for word, alert in verdicts if word == verdict]
        _list_alerts(alerts, verdict.capitalize())


def _list_alerts(alerts: Sequence[Alert], title: str) -> None:
    """One plain line an alert, the id last and whole: it is there to be copied."""
    say(f"{title}: {len(alerts)}")
    if alerts:
        say(f"{'opened':<12}{'since':<12}{'severity':<10}{'state':<14}id")
    for alert in alerts:
        say(f"{alert.opened!s:<12}{alert.onset!s:<12}{alert.severity:<10}{alert.state:<14}{alert.id}")


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
    _list_alerts(found, "Open alerts" if only_open else "Alerts")


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


@app.command(name="doctor", epilog="Example: forecaster doctor   (--live: only whether `serve` is alive)")
def doctor_command(
    live: Annotated[bool, typer.Option("--live", help="Only whether the service is alive.")] = False,
    config: ConfigFile = None,
) -> None:
    """Says whether all is well: config, data, last run, what could not run, outbox, service. Ends with 1 if not."""
    with opened(config) as (settings, store):
        if live:
            raise typer.Exit(0 if doctor.is_alive(store, delivering.utc_now()) else NOT_WELL)
        checks = list(doctor.examine(store, settings, delivering.utc_now()))
    for check in checks:
        mark = {True: "ok  ", False: "FAIL", None: "    "}[check.well]
        say(f"{mark} {check.name:<9} {check.text}")
    if any(check.well is False for check in checks):
        raise typer.Exit(NOT_WELL)


@app.command(name="config", epilog="Example: forecaster config   (--schema prints the JSON Schema for editors)")
def config_command(
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema.")] = False, config: ConfigFile = None
) -> None:
    """Checks the config and prints it as it takes effect, without secrets."""
    from forecaster.settings import json_schema

    settings = from_environment(config)
    exclude = {"secrets", "catalogue"}
    say(json_schema() if schema else settings.model_dump_json(indent=1, exclude=exclude))


@app.command(epilog="Example: forecaster erase 4711   (the id as the council's system has it)")
def erase(child: Annotated[str, typer.Argument(metavar="CHILD_ID")], config: ConfigFile = None) -> None:
    """Removes every stored event of one child, in all versions (a right-to-erasure request)."""
    with opened(config) as (settings, store):
        removed = store.erase(pseudonym(secret_key(settings), "child", child))
    say(f"{removed} rows removed. Totals that were already counted stay; they hold no identifier.")


def main() -> None:
    """Runs the command line: 0 done, 1 done but not well, 2 bad input or config, said in one line."""
    os.umask(0o077)  # the store, the rejects and the key are for their owner alone
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except typer.TyperException as error:  # a wrong option or argument
        context = getattr(error, "ctx", None)
        wrong = " ".join(error.format_message().split()).rstrip(".")
        _refuse(f"{wrong}; see `{context.command_path if context else 'forecaster'} --help`")
    except (InputError, SettingsError, DatabaseError, StaleError, WorkError, backtests.NothingToReplayError) as error:
        _refuse(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _refuse(f"{place}{error.strerror or error}; check the path, the permissions and the space on the disk")


def _refuse(why: str) -> NoReturn:
    console(stderr=True).print(f"error: {why}", markup=False)
    sys.exit(BAD_INPUT)
