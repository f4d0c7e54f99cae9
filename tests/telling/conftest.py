"""A store on SQLite, settings with several people in them, and alerts that are told to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forecaster.settings import Settings, load
from forecaster.store import Store

CONFIG = """
[telling]
most_per_week = 2
escalate_after_days = 2

[[targets]]
name = "managers"
channel = "slack"
address = "C0FORECAST"

[[targets]]
name = "head"
channel = "email"
address = "head@example.gov.uk"
role = "Head of Safeguarding"
exact = true
most_per_week = 9

[[targets]]
name = "director"
channel = "slack"
address = "C0DIRECTOR"

[[targets]]
name = "teams"
channel = "teams"

[[routes]]
to = ["managers", "teams"]

[[routes]]
severity = "high"
to = ["head"]
escalate = ["director", "teams"]
"""
ENVIRONMENT = {"SLACK_BOT_TOKEN": "xoxb-1", "SMTP_URL": "smtp://localhost:25"}  # nothing for Teams


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        opened.migrate()
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "forecaster.toml"
    file.write_text(CONFIG)
    return load(file, ENVIRONMENT)
