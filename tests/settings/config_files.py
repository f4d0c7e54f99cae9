"""Config files for the tests of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecaster.settings import Settings, SettingsError, load

MINE = """
[mine]
kind = "flow"
title = "Referrals"
one = "child was referred"
many = "children were referred"
event = "referral"
"""


def written(folder: Path, text: str, name: str = "forecaster.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return Path(name)


def loaded(folder: Path, text: str = "", **env: str) -> Settings:
    return load(written(folder, text), env)


def told(folder: Path, text: str, **env: str) -> str:
    """The one line, without the name of the file it must begin with."""
    with pytest.raises(SettingsError) as raised:
        loaded(folder, text, **env)
    line = str(raised.value)
    assert "\n" not in line
    assert line.startswith("forecaster.toml: ")
    return line.removeprefix("forecaster.toml: ")
