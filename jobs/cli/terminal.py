"""What every command needs: the terminal, the settings with their store, options that mean the same everywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from forecaster.settings import Settings, SettingsError, from_environment
from forecaster.store import Store
from forecaster.types import Alert, Step

NOT_WELL, BAD_INPUT = 1, 2  # exit codes


def console(stderr: bool = False) -> Console:
    """Returns the console of now: tests and pipes may have changed the streams since the start."""
    return Console(stderr=stderr, highlight=False, soft_wrap=stderr)


def say(text: str) -> None:
    """Prints one plain line (or several) to standard output."""
    console().print(text, markup=False, soft_wrap=True)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(Text, row))  # a team's name may look like markup
    console().print(table)


def parse_day(text: str) -> dt.date:
    """Returns a date given as YYYY-MM-DD; typer says what is wrong otherwise."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date: write it as 2018-01-08") from None


ConfigFile = Annotated[Path | None, typer.Option("--config", help="Config file (default: FORECASTER_CONFIG).")]
Period = Annotated[Step | None, typer.Option("--period", help="week or month, where the file does not say.")]
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


def list_alerts(alerts: Sequence[Alert], title: str) -> None:
    """One plain line an alert, the id last and whole: it is there to be copied."""
    say(f"{title}: {len(alerts)}")
    if alerts:
        say(f"{'opened':<12}{'since':<12}{'severity':<10}{'state':<14}id")
    for alert in alerts:
        say(f"{alert.opened!s:<12}{alert.onset!s:<12}{alert.severity:<10}{alert.state:<14}{alert.id}")
