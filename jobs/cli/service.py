"""The commands that are the service: read, judge, tell, and say whether all is well."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from forecaster.calendar import local_date
from forecaster.channels.console import plain
from forecaster.read.pseudonym import pseudonym
from forecaster.settings import Settings, SettingsError, from_environment
from forecaster.types import InputError, Step
from jobs import deliver as delivering
from jobs import demo, doctor
from jobs.answers import end_snoozes
from jobs.cli.sending import channels_of, send
from jobs.cli.terminal import BAD_INPUT, NOT_WELL, AsOf, ConfigFile, Period, console, opened, print_table, progress, say
from jobs.digest import digest_of, send_digest
from jobs.heartbeat import checked
from jobs.ingest import Received, ingest_file, ingest_inbox
from jobs.scheduler import Service, signalled
from jobs.scheduler import serve as serve_forever
from jobs.secret import secret_key
from jobs.telling import digest_targets, held_back
from jobs.watch import run_day

app = typer.Typer()
LOOK_AHEAD = dt.timedelta(days=31)  # the coming Monday may be tried; a slip of the year may not


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
    print_table(f"{told.council}: what was planted and what was found", demo.COLUMNS, told.rows)
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
        end_snoozes(store, now)
        send(store, settings)
        if any(refused):
            raise typer.Exit(NOT_WELL)


def _say_run(period: dt.date, step: Step, told: int, missed: int) -> None:
    news = "nothing new to tell" if not told else f"{told} message{'s' if told > 1 else ''}"
    not_run = f"; {missed} checks could not run (see `forecaster doctor`)" if missed else ""
    say(f"{step.capitalize()} of {period}: {news}{not_run}.")


@app.command(name="digest", epilog="Example: forecaster digest   (--send: also to everybody who gets it)")
def digest_command(
    send_it: Annotated[bool, typer.Option("--send", help="Send it; once a week is enough, and all there is.")] = False,
    config: ConfigFile = None,
) -> None:
    """Says how the week went, whether or not anything moved: what was watched, what is open, what could not run."""
    with opened(config) as (settings, store):
        now = delivering.utc_now()
        held = [alert.id for alert in held_back(store, settings)]
        say(plain(digest_of(store, settings, now, held), console().width))
        if send_it:
            send_digest(store, settings, now, digest_targets(store, settings), held)
            send(store, settings)


@app.command(name="deliver", epilog="Example: forecaster deliver --retry   (the bot has been invited to the channel)")
def deliver_command(
    retry: Annotated[bool, typer.Option("--retry", help="Also what failed for good, to the same address.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Give up what failed for good or is overdue by a day.")] = False,
    config: ConfigFile = None,
) -> None:
    """Sends what waits in the outbox, now. What failed for good is left alone unless you say so."""
    if retry and drop:
        raise InputError("deliver", "--retry and --drop contradict each other", "give one of them")
    with opened(config) as (settings, store):
        if retry:
            say(f"{store.retry_failed(delivering.utc_now())} that failed are tried again.")
        if drop:
            say(f"{store.drop(delivering.utc_now())} that failed or are overdue by a day are given up.")
        send(store, settings)


def _check_watchdog(settings: Settings) -> None:
    url = settings.secrets.heartbeat_url
    try:
        if url:
            checked(url.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"environment: {error}") from None


@app.command(epilog="Example: forecaster serve --config /data/forecaster.toml")
def serve(config: ConfigFile = None) -> None:
    """Runs the schedule until SIGTERM, and finishes what it is doing."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    for name in ("apscheduler", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with opened(config) as (settings, store):
        _check_watchdog(settings)
        service = Service(store, settings, secret_key(settings), channels_of(settings), delivering.utc_now)
        with signalled(signal.SIGTERM, signal.SIGINT) as told_to_stop:
            serve_forever(service, told_to_stop)


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
    exclude = {"secrets", "catalogue", "questions"}
    say(json_schema() if schema else settings.model_dump_json(indent=1, exclude=exclude))


@app.command(epilog="Example: forecaster erase 4711   (the id as the council's system has it)")
def erase(child: Annotated[str, typer.Argument(metavar="CHILD_ID")], config: ConfigFile = None) -> None:
    """Removes every stored event of one child, in all versions (a right-to-erasure request)."""
    with opened(config) as (settings, store):
        removed = store.erase(pseudonym(secret_key(settings), "child", child))
    say(f"{removed} rows removed. Totals that were already counted stay; they hold no identifier.")
