"""Every outside library, the environment and the terminal have one home: to change one is to change one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from tree import calls, imports, last_word, modules

MODULES = modules()
HOMES = {
    "alembic": ("forecaster.store",),
    "altair": ("forecaster.accounts_chart", "forecaster.chart"),
    "apscheduler": ("jobs.scheduler",),
    "distributed": ("jobs.executor",),
    "holidays": ("forecaster.calendar",),
    "jinja2": ("forecaster.web",),
    "joblib": ("jobs.executor",),
    "lxml": ("forecaster.read.cin_census",),
    "prophet": ("forecaster.models.prophet",),
    "python_calamine": ("forecaster.read.annex_a",),
    "rich": ("jobs.cli",),
    "slack_sdk": ("forecaster.channels",),
    "sqlalchemy": ("forecaster.store",),
    "starlette": ("forecaster.web",),
    "typer": ("jobs.cli",),
    "uvicorn": ("forecaster.web",),
    "vl_convert": ("forecaster.chart",),
}
FOUND_BY_NAME = ("forecaster.channels", "forecaster.pipeline", "jobs.bulk")


def users(library: str) -> list[str]:
    return [name for name, tree in MODULES.items() if any(i.split(".")[0] == library for i in imports(tree))]


def within(name: str, homes: tuple[str, ...]) -> bool:
    return any(name == home or name.startswith(home + ".") for home in homes)


@pytest.mark.parametrize(("library", "homes"), HOMES.items())
def test_a_library_is_imported_in_its_home_alone(library: str, homes: tuple[str, ...]) -> None:
    assert users(library), f"{library} is not used any more: drop it here and in pyproject.toml"
    assert not [name for name in users(library) if not within(name, homes)]


def environment(tree: ast.Module) -> Iterator[int]:
    """Lines that read or write the environment, however they spell it."""
    words = {"environ", "environb", "getenv", "putenv", "unsetenv", "getenvb"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and last_word(node) in words:
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for alias in node.names if alias.name in words)


def test_the_environment_is_read_in_settings_alone() -> None:
    assert [name for name, tree in MODULES.items() if any(environment(tree))] == ["forecaster.settings"]


@pytest.mark.parametrize("text", ["import os\nos.environ['A']", "from os import environ", "import os\nos.getenv('A')"])
def test_reading_the_environment_is_seen_however_it_is_written(text: str) -> None:
    assert list(environment(ast.parse(text)))


def test_only_the_command_line_prints() -> None:
    speaking = {name for name, tree in MODULES.items() for word, _ in calls(tree) if word in ("print", "pprint")}
    assert speaking
    assert all(within(name, ("jobs.cli",)) for name in speaking)


def test_only_the_command_line_has_the_standard_streams() -> None:
    streams = {"stdout", "stderr", "__stdout__", "__stderr__"}
    named = {n for n, tree in MODULES.items() for node in ast.walk(tree)
             if isinstance(node, ast.Attribute) and node.attr in streams}  # fmt: skip
    assert all(within(name, ("jobs.cli",)) for name in named)


def test_only_three_modules_find_others_by_name() -> None:
    """Their imports are in no import statement, so import-linter cannot see them: docs/architecture.md lists them."""
    finding = {
        name for name, tree in MODULES.items() for word, _ in calls(tree) if word in ("import_module", "__import__")
    }
    assert finding == set(FOUND_BY_NAME)


def test_no_handler_takes_every_error_but_one_at_a_job_s_edge() -> None:
    """An error nobody expected is a bug: it is seen, not swallowed; only a message that fails is parked by itself."""
    broad = [
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or last_word(node.type) in ("Exception", "BaseException"))
    ]
    assert broad == ["jobs.deliver"]


def test_no_file_imports_the_package_it_is_part_of() -> None:
    """A package that opens its files by name, and files that take something of the package itself, are a cycle."""
    cycles = [
        f"{name} takes {alias.name} of {node.module}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and name.startswith(node.module + ".")
        for alias in node.names
        if f"{node.module}.{alias.name}" not in MODULES
    ]
    assert not cycles
