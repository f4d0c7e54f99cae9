"""The command line: one function a command, each a few lines over a job. The only room that prints."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from forecaster.settings import SettingsError
from forecaster.store import DatabaseError, StaleError
from forecaster.types import InputError
from jobs.backtest import NothingToReplayError
from jobs.cli import alerts, analysis, service
from jobs.cli.terminal import BAD_INPUT, console
from jobs.executor import WorkError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False,
                  help="Weekly early warning on child protection numbers for an English council.")  # fmt: skip
for commands in (service.app, alerts.app, analysis.app):
    app.add_typer(commands)


def main() -> None:
    """Runs the command line: 0 done, 1 done but not well, 2 bad input or config, said in one line."""
    os.umask(0o077)  # the store, the rejects and the key are for their owner alone
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except typer.TyperException as error:  # a wrong option or argument
        context = getattr(error, "ctx", None)
        wrong = " ".join(error.format_message().split()).rstrip(".")
        _refuse(f"{wrong}; see `{context.command_path if context else 'forecaster'} --help`")
    except (InputError, SettingsError, DatabaseError, StaleError, WorkError, NothingToReplayError) as error:
        _refuse(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _refuse(f"{place}{error.strerror or error}; check the path, the permissions and the space on the disk")


def _refuse(why: str) -> NoReturn:
    console(stderr=True).print(f"error: {why}", markup=False)
    sys.exit(BAD_INPUT)
