"""A store of its own for every test, and one week of totals that was judged, made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forecaster.settings import Settings, load
from forecaster.store import Store
from tests.digest import weeks


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings that fit two series of totals; only the console is told."""
    file = tmp_path_factory.mktemp("config") / "forecaster.toml"
    file.write_text(weeks.CONFIG)
    return load(file, {})


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with nothing in it."""
    path = tmp_path_factory.mktemp("empty") / "forecaster.db"
    with Store(f"sqlite:///{path}") as opened:
        opened.migrate()
    return path


@pytest.fixture
def store(empty: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with nothing in it."""
    shutil.copy(empty, tmp_path / "forecaster.db")
    with Store(f"sqlite:///{tmp_path}/forecaster.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def judged(settings: Settings, empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database: totals up to the week before MONDAY, judged on MONDAY morning."""
    path = tmp_path_factory.mktemp("judged") / "forecaster.db"
    shutil.copy(empty, path)
    with Store(f"sqlite:///{path}") as opened:
        weeks.ingest(opened)
        weeks.judge(opened, settings)
    return path


@pytest.fixture
def copies(judged: Path, tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    """Opens copies of the database in which a week was judged."""
    opened: list[Store] = []

    def copy(name: str) -> Store:
        shutil.copy(judged, tmp_path / name)
        opened.append(Store(f"sqlite:///{tmp_path / name}"))
        return opened[-1]

    yield copy
    for one in opened:
        one.close()


@pytest.fixture
def judged_store(copies: Callable[[str], Store]) -> Store:
    """A copy of the database in which a week was judged."""
    return copies("judged.db")
