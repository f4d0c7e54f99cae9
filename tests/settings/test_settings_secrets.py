"""Secrets come from the environment, as NAME or NAME_FILE, and are never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from config_files import loaded, written

from forecaster.settings import Settings, SettingsError


def revealed(found: Settings) -> dict[str, Any]:
    values = {name: getattr(found.secrets, name) for name in type(found.secrets).model_fields}
    return {name: value.get_secret_value() for name, value in values.items() if value}


class TestSecrets:
    NAMES = (
        "FORECASTER_DATABASE_URL", "FORECASTER_SECRET_KEY", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_API_URL",
        "SMTP_URL", "TEAMS_WEBHOOK_URL", "HEARTBEAT_URL",
    )  # fmt: skip

    def test_without_any_the_database_is_a_local_file_and_the_rest_is_none(self, here: Path) -> None:
        assert revealed(loaded(here)) == {"database_url": "sqlite:///var/forecaster.db"}

    @pytest.mark.parametrize("name", NAMES)
    def test_each_comes_from_its_variable(self, here: Path, name: str) -> None:
        field = name.removeprefix("FORECASTER_").lower()
        assert revealed(loaded(here, **{name: " s3cret "}))[field] == "s3cret"

    @pytest.mark.parametrize("name", NAMES)
    def test_each_comes_from_the_file_its_variable_names(self, here: Path, name: str) -> None:
        (here / "secret").write_text("  s3cret\n", encoding="utf-8")
        field = name.removeprefix("FORECASTER_").lower()
        assert revealed(loaded(here, **{f"{name}_FILE": "secret"}))[field] == "s3cret"

    def test_an_empty_variable_is_no_variable(self, here: Path) -> None:
        assert loaded(here, SLACK_BOT_TOKEN="", SLACK_APP_TOKEN_FILE="", SMTP_URL="  ") == loaded(here)

    def test_none_is_ever_shown(self, here: Path) -> None:
        found = loaded(here, **dict.fromkeys(self.NAMES, "s3cret"))
        for shown in (repr(found), str(found), repr(found.secrets), found.model_dump_json()):
            assert "s3cret" not in shown

    @pytest.mark.parametrize(
        ("env", "line"),
        [
            ({"SMTP_URL": "a", "SMTP_URL_FILE": "b"}, "environment: both SMTP_URL and SMTP_URL_FILE are set; keep one"),
            (
                {"SMTP_URL_FILE": "none"},
                "none: cannot be read (No such file or directory); SMTP_URL_FILE must name a readable file",
            ),
            ({"SMTP_URL_FILE": "."}, ".: cannot be read (Is a directory); SMTP_URL_FILE must name a readable file"),
            ({"SMTP_URL_FILE": "empty"}, "empty: is empty; SMTP_URL_FILE must name a file that holds the value"),
        ],
    )
    def test_one_that_cannot_be_had_is_an_error(self, here: Path, env: dict[str, str], line: str) -> None:
        written(here, " \n", "empty")
        with pytest.raises(SettingsError) as raised:
            loaded(here, **env)
        assert str(raised.value) == line
