"""Every command explains itself, with an example that works."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from e2e_office import Office
from typer.testing import CliRunner

from jobs.cli import app

CONTRACT = {
    "demo", "ingest", "run", "serve", "detect", "forecast", "backtest", "preview", "alerts", "ack", "snooze", "doctor",
    "config", "erase", "neighbours", "outlook", "assign", "rate", "routes", "digest", "deliver",
}  # fmt: skip


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields every command with the words that call it."""
    if path:
        yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


COMMANDS = {" ".join(path): command for path, command in commands(typer.main.get_command(app))}


def helped(name: str) -> str:
    result = CliRunner().invoke(app, [*name.split(), "--help"], prog_name="forecaster")
    assert result.exit_code == 0, result.output
    return result.output


def example(name: str) -> str:
    """Returns the example of a command, without its remark."""
    text = " ".join(helped(name).split()).partition("Example: ")[2]
    return re.split(r" \(", text)[0]


def test_the_commands_are_those_of_the_contract() -> None:
    assert {name.split()[0] for name in COMMANDS} == CONTRACT


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_with_an_example_of_itself(name: str) -> None:
    assert example(name).startswith(f"forecaster {name.split()[0]}")
    assert len(COMMANDS[name].help) > 20


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_is_understood(name: str) -> None:
    """Parsed as the command line would: no unknown option, no missing argument, no bad date."""
    words = shlex.split(example(name))[1:]
    command: Any = COMMANDS[words[0]]
    if len(words) > 1 and words[1] in getattr(command, "commands", {}):
        command, words = command.commands[words[1]], words[1:]
    command.make_context(words[0], words[1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"{name} {parameter.name}"


def test_the_installed_script_lists_all_commands(office: Office) -> None:
    said = office.script("--help").done()
    assert said.err == "" and all(f"  {name} " in said.out for name in CONTRACT)


def test_without_a_command_the_help_is_shown(office: Office) -> None:
    assert office.forecaster().done().out == office.forecaster("--help").done().out


def test_help_needs_no_config_no_database_and_leaves_nothing_behind(office: Office) -> None:
    broken = {"FORECASTER_CONFIG": "nowhere.toml", "FORECASTER_DATABASE_URL": "nonsense"}
    office.forecaster("run", "--help", **broken).done()
    assert list(office.folder.iterdir()) == []
