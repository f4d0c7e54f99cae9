"""Settings: the defaults, the file and where it is found, the measures, and the hash of it all."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from config_files import MINE, loaded, written
from pydantic import ValidationError

from forecaster import settings
from forecaster.messages import Target
from forecaster.settings import CONFIG_FILE, MEASURES_FILE, SettingsError, cron_fields, from_environment, load


def test_an_empty_file_means_the_defaults(here: Path) -> None:
    found = loaded(here)
    assert (found.council.name, found.council.code) == ("Demo council", "E06000019")
    assert (found.inbox.path, found.inbox.rejects) == (Path("var/inbox"), Path("var/rejects"))
    assert (found.schedule.watch, found.schedule.ingest) == ("mon 07:00", "mon 06:30")
    assert (found.detection.false_alerts_per_year, found.detection.calm_periods) == (6, 4)
    assert found.detection.detectors == ("surge", "drift", "neighbours", "peers")
    assert (found.detection.min_history_weeks, found.detection.min_history_months) == (104, 36)
    assert (found.forecast.horizon_weeks, found.small_numbers.threshold) == (13, 5)
    assert found.measures.min_slice_total == 100


def test_the_file_that_comes_with_the_service_says_the_defaults(here: Path) -> None:
    assert load(CONFIG_FILE, {}) == loaded(here)


def test_the_file_that_comes_with_the_service_is_found_wherever_one_works(here: Path) -> None:
    assert load(None, {}) == load(CONFIG_FILE, {})


def test_without_the_file_that_comes_with_the_service_the_defaults_hold(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CONFIG_FILE", here / "none.toml")
    assert load(None, {}) == loaded(here)


def test_every_setting_is_in_the_file_that_comes_with_the_service() -> None:
    text = CONFIG_FILE.read_text("utf-8")
    for name, field in settings.Config.model_fields.items():
        assert f"[{name}]" in text
        for table in settings._models_in(field.annotation):
            keys = {key: (f"\n{key} = ", f"\n# {key} = ", f"\n# [[{name}.{key}]]\n") for key in table.model_fields}
            assert [key for key, written in keys.items() if not any(way in text for way in written)] == []


def test_every_setting_is_explained() -> None:
    for _, table in settings._inner_tables(settings.Config):
        assert all(field.description for field in table.model_fields.values())


def test_the_schema_in_the_folder_is_that_of_the_model() -> None:
    """To renew it: python -c 'from forecaster import settings as s; print(s.json_schema(), end="")' > the file"""
    assert CONFIG_FILE.with_suffix(".schema.json").read_text("utf-8") == settings.json_schema()


def test_a_setting_in_the_file_goes_before_the_default(here: Path) -> None:
    found = loaded(here, '[council]\nname = "Herefordshire"\n[detection]\nfalse_alerts_per_year = 4.5\n')
    assert (found.council.name, found.council.code) == ("Herefordshire", "E06000019")
    assert found.detection.false_alerts_per_year == 4.5


def test_the_environment_names_the_file(here: Path) -> None:
    file = written(here, '[council]\nname = "Walsall"\n', "other.toml")
    assert load(None, {"FORECASTER_CONFIG": str(file)}).council.name == "Walsall"


def test_a_path_goes_before_the_environment(here: Path) -> None:
    file = written(here, '[council]\nname = "Walsall"\n')
    assert load(file, {"FORECASTER_CONFIG": "none.toml"}).council.name == "Walsall"


def test_an_empty_variable_names_no_file() -> None:
    assert load(None, {"FORECASTER_CONFIG": ""}) == load(None, {})


def test_a_named_file_that_is_not_there_is_an_error(here: Path) -> None:
    for path, env in ((Path("none.toml"), {}), (None, {"FORECASTER_CONFIG": "none.toml"})):
        with pytest.raises(
            SettingsError, match=r"^none.toml: cannot be read \(No such file or directory\); check its path$"
        ):
            load(path, env)


def test_a_file_that_is_not_utf_8_is_an_error(here: Path) -> None:
    (here / "forecaster.toml").write_bytes('[council]\nname = "Rhônecaster"\n'.encode("cp1252"))
    with pytest.raises(SettingsError, match=r"^forecaster.toml: is not UTF-8 text; save it as UTF-8$"):
        load(Path("forecaster.toml"), {})


def test_settings_never_change(here: Path) -> None:
    found = loaded(here)
    with pytest.raises(ValidationError, match="frozen"):
        found.council.name = "Other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        found.council = found.council  # type: ignore[misc]


def test_the_environment_of_the_process_is_read_in_one_place(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECASTER_CONFIG", str(written(here, '[council]\nname = "Southwark"\n')))
    assert from_environment().council.name == "Southwark"
    assert from_environment(CONFIG_FILE).council.name == "Demo council"


def test_a_target_is_a_channel_and_an_address(here: Path) -> None:
    managers, console = loaded(here).targets
    assert (managers.name, managers.target) == ("managers", Target("slack", "C0FORECAST"))
    assert console.target == Target("console")


def test_targets_and_routes_are_lists_of_tables(here: Path) -> None:
    text = """
        [[targets]]
        name = "head"
        channel = "email"
        address = "head@example.org"
        [[routes]]
        measures = ["plan_starts", "plans_open"]
        severity = "high"
        to = ["head"]
    """
    found = loaded(here, text)
    assert [target.name for target in found.targets] == ["head"]
    assert [(route.measures, route.severity, route.to) for route in found.routes] == [
        (("plan_starts", "plans_open"), "high", ("head",))
    ]


def test_a_weekly_time_becomes_fields_of_a_cron_trigger() -> None:
    assert cron_fields("mon 07:05") == {"day_of_week": "mon", "hour": 7, "minute": 5}


def test_prophet_forecasts_the_headline_measures_unless_told_otherwise(here: Path) -> None:
    assert loaded(here).prophet_measures == ("referrals", "section_47", "plan_starts", "plans_open", "repeat_plans")
    assert loaded(here, '[forecast]\nprophet = ["referrals"]\n').prophet_measures == ("referrals",)
    assert loaded(here, "[forecast]\nprophet = []\n").prophet_measures == ()


class TestMeasures:
    def test_the_measures_that_come_with_the_service_are_the_default(self, here: Path) -> None:
        assert list(loaded(here).catalogue) == list(tomllib.loads(MEASURES_FILE.read_text("utf-8")))

    def test_an_analyst_names_another_file(self, here: Path) -> None:
        written(here, MINE, "mine.toml")
        assert list(loaded(here, '[measures]\nfile = "mine.toml"\n').catalogue) == ["mine"]


class TestHash:
    def test_it_is_eight_hex_digits_and_stays_the_same(self, here: Path) -> None:
        found = loaded(here).config_hash
        assert len(found) == 8 and int(found, 16) >= 0
        assert loaded(here).config_hash == found

    @pytest.mark.parametrize(
        "text",
        ["[detection]\ncalm_periods = 5\n", '[forecast]\nprophet = ["referrals"]\n', '[[routes]]\nto = ["console"]\n'],
    )
    def test_it_changes_with_any_setting(self, here: Path, text: str) -> None:
        assert loaded(here, text).config_hash != loaded(here).config_hash

    def test_it_changes_with_a_measure_and_not_with_where_measures_are_kept(self, here: Path) -> None:
        default = MEASURES_FILE.read_text("utf-8")
        written(here, default, "same.toml")
        written(here, default.replace("within_days = 365", "within_days = 366"), "other.toml")
        same, other = (loaded(here, f'[measures]\nfile = "{name}.toml"\n').config_hash for name in ("same", "other"))
        assert same == loaded(here).config_hash != other

    def test_it_does_not_change_with_a_secret(self, here: Path) -> None:
        assert loaded(here, SLACK_BOT_TOKEN="xoxb-1").config_hash == loaded(here).config_hash
