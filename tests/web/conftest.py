"""The pages of a real store, served on this machine, and people who look at them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from forecaster.settings import Settings, load
from forecaster.store import Store
from jobs.page import pages
from tests.telling.told import DAY, NOW, alert, opening, tell
from tests.web.visitor import Visitor

CONFIG = """
[telling]
page = "https://forecaster.example.gov.uk"

[page]
listen = "127.0.0.1:0"

[[targets]]
name = "head"
channel = "email"
address = "head@example.gov.uk"
role = "Head of Safeguarding"
exact = true

[[targets]]
name = "managers"
channel = "slack"
address = "C0FORECAST"

[[routes]]
to = ["managers", "head"]
"""
ENVIRONMENT = {"SLACK_BOT_TOKEN": "xoxb-1", "SMTP_URL": "smtp://localhost:25"}
SECRET = b"0123456789abcdef"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="session")
def settings(folder: Path) -> Settings:
    file = folder / "forecaster.toml"
    file.write_text(CONFIG)
    return load(file, ENVIRONMENT)


@pytest.fixture(scope="session")
def kept(folder: Path, settings: Settings) -> Iterator[Store]:
    """One alert of which everybody was told, the head with exact numbers; for tests that change nothing."""
    with Store(f"sqlite:///{folder / 'kept.db'}") as opened:
        opened.migrate()
        one = replace(alert(), text="A1 is surging\nHigh severity.\nWhat  5 or fewer children started a plan")
        tell(opened, settings, (one, opening(one)))
        yield opened


@pytest.fixture(scope="session")
def reader(kept: Store, settings: Settings) -> Iterator[Visitor]:
    """Somebody who looks at what is kept."""
    with pages(kept, settings, SECRET, lambda: NOW + DAY) as found:
        yield Visitor(found)


@pytest.fixture
def store(kept: Store, folder: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of what is kept, which a test may change."""
    with (
        closing(sqlite3.connect(folder / "kept.db")) as source,
        closing(sqlite3.connect(tmp_path / "store.db")) as copy,
    ):
        source.backup(copy)
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


@pytest.fixture
def patel(store: Store, settings: Settings) -> Iterator[Visitor]:
    """Somebody who may change it."""
    with pages(store, settings, SECRET, lambda: NOW + DAY) as found:
        yield Visitor(found)
