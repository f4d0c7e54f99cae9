"""Settings: config/forecaster.toml, the measures and the environment, checked once at the start.

Everything wrong with them is one line that names file, key and remedy. This is the one place that reads os.environ.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from forecaster.config import Config
from forecaster.measures import Measure, nearest, parse_measures
from forecaster.types import COUNCIL, DIMENSIONS
from forecaster.words.questions import Question, parse_questions

# Where config/ and data/ stand that come with the service: inside an installed package, beside it in a checkout.
PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent
CONFIG_FILE = ROOT / "config" / "forecaster.toml"
MEASURES_FILE = ROOT / "config" / "measures.toml"
QUESTIONS_FILE = ROOT / "config" / "questions.toml"
T = TypeVar("T")

# pydantic's words, and what an analyst would say
PLAIN_WORDS = {
    "Input should": "must",
    "an object": "a table",
    "a valid array": "a list",
    "a valid string": "text in quotes",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
}


class SettingsError(Exception):
    """Settings that cannot be used: str() is one line that names file, key and remedy."""


class Secrets(BaseModel):
    """What the environment gives; None where it gives nothing. Never shown, never part of the config's hash."""

    model_config = ConfigDict(frozen=True)

    database_url: SecretStr = SecretStr("sqlite:///var/forecaster.db")
    secret_key: SecretStr | None = None
    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_api_url: SecretStr | None = None
    smtp_url: SecretStr | None = None
    teams_webhook_url: SecretStr | None = None
    heartbeat_url: SecretStr | None = None

    @property
    def given(self) -> dict[str, str]:
        """What the environment gives, by the names it has there: for the channels, which know what they need."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {_variable(name): value.get_secret_value() for name, value in found.items() if value is not None}


class Settings(Config):
    """The config with the measures it names and the secrets of the environment."""

    catalogue: dict[str, Measure]  # the measures by name, in their order
    questions: tuple[Question, ...] = ()
    secrets: Secrets

    @property
    def config_hash(self) -> str:
        """Eight hex digits that change with any setting or measure, and with no secret."""
        files = {"measures": {"file"}, "telling": {"questions"}}
        effective = self.model_dump(mode="json", exclude={"secrets": True, **files})
        return hashlib.sha256(json.dumps(effective, sort_keys=True).encode()).hexdigest()[:8]

    @property
    def prophet_measures(self) -> tuple[str, ...]:
        """The measures that Prophet forecasts as well."""
        headlines = tuple(name for name, measure in self.catalogue.items() if measure.headline)
        return headlines if self.forecast.prophet is None else self.forecast.prophet


def from_environment(path: Path | None = None) -> Settings:
    """Returns the settings with the environment of this process; raises SettingsError as `load` does."""
    return load(path, os.environ)


def load(path: Path | None, env: Mapping[str, str]) -> Settings:
    """Returns the settings of a config file: `path`, else FORECASTER_CONFIG, else the one that comes with the service.

    A file that is named must exist; without the one that comes with the service the defaults hold. Paths in the config
    are relative to the working directory. Raises SettingsError, one line that names file, key and remedy.
    """
    named = path or (Path(env["FORECASTER_CONFIG"]) if env.get("FORECASTER_CONFIG") else None)
    file = named or CONFIG_FILE
    config = _config(file, {} if named is None and not file.exists() else _toml(file))
    catalogue = _parsed(config.measures.file or MEASURES_FILE, parse_measures, Measure)
    _check_names(file, config, catalogue)
    tables = {name: getattr(config, name) for name in Config.model_fields}
    questions = _parsed(config.telling.questions or QUESTIONS_FILE, parse_questions, Question)
    return Settings(**tables, catalogue=catalogue, questions=questions, secrets=_secrets(env))


def cron_fields(when: str) -> dict[str, str | int]:
    """Returns a weekly time such as "mon 07:00" as fields of a cron trigger."""
    day, time = when.split()
    hour, minute = time.split(":")
    return {"day_of_week": day, "hour": int(hour), "minute": int(minute)}


def json_schema() -> str:
    """Returns the JSON Schema of config/forecaster.toml, for editors."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file, "check its path"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from error


def _text(file: Path, remedy: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror}); {remedy}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: is not UTF-8 text; save it as UTF-8") from error


def _config(file: Path, tables: Mapping[str, Any]) -> Config:
    try:
        return Config.model_validate_json(json.dumps(tables, default=str), strict=True)
    except ValidationError as error:
        raise SettingsError(f"{file}: {_one_line(error, Config)}") from error


def _parsed(file: Path, parse: Callable[[Mapping[str, Any]], T], table: type[BaseModel]) -> T:
    """What a file of tables says; `table` is what each of them may hold."""
    tables = _toml(file)
    try:
        return parse(tables)
    except ValidationError as error:
        raise SettingsError(f"{file}: {_one_line(error, table)}") from error


def _check_names(file: Path, config: Config, catalogue: Mapping[str, Measure]) -> None:
    targets = [target.name for target in config.targets]
    for name in targets:
        if targets.count(name) > 1:
            raise SettingsError(f'{file}: [[targets]] two are named "{name}"; give each its own name')
    one_place = ("teams",)  # TEAMS_WEBHOOK_URL alone says where it is: two would be sent every card twice
    places = [one.channel if one.channel in one_place else str(one.target) for one in config.targets]
    for place in places:
        if places.count(place) > 1:
            raise SettingsError(f'{file}: [[targets]] two are at "{place}"; keep one of them')
    for number, route in enumerate(config.routes, start=1):
        _known(f"{file}: [[routes]] {number} to:", "target", route.to, targets)
        _known(f"{file}: [[routes]] {number} escalate:", "target", route.escalate, targets)
        _known(f"{file}: [[routes]] {number} breakdowns:", "breakdown", route.breakdowns, ["*", COUNCIL, *DIMENSIONS])
        _known(f"{file}: [[routes]] {number} measures:", "measure", route.measures, ["*", *catalogue])
    for key in ("digest_to", "operations_to"):
        _known(f"{file}: [telling] {key}:", "target", getattr(config.telling, key) or (), targets)
    _known(f"{file}: [forecast] prophet:", "measure", config.forecast.prophet or (), catalogue)
    for number, regressor in enumerate(config.forecast.regressors, start=1):
        _known(f"{file}: [[forecast.regressors]] {number} measures:", "measure", regressor.measures, catalogue)


def _known(place: str, what: str, names: Iterable[str], options: Iterable[str]) -> None:
    for name in names:
        if name not in options:
            raise SettingsError(f'{place} unknown {what} "{name}"; {nearest(name, options)}')


def _secrets(env: Mapping[str, str]) -> Secrets:
    found = {field: _secret(env, _variable(field)) for field in Secrets.model_fields}
    return Secrets(**{field: SecretStr(value) for field, value in found.items() if value})


def _variable(field: str) -> str:
    return ("FORECASTER_" if field in ("database_url", "secret_key") else "") + field.upper()


def _secret(env: Mapping[str, str], name: str) -> str:
    """The value of NAME, or the text of the file that NAME_FILE names; an empty variable is no variable."""
    value, file = env.get(name, "").strip(), env.get(f"{name}_FILE", "")
    if value and file:
        raise SettingsError(f"environment: both {name} and {name}_FILE are set; keep one")
    if not file:
        return value
    text = _text(Path(file), f"{name}_FILE must name a readable file").strip()
    if not text:
        raise SettingsError(f"{file}: is empty; {name}_FILE must name a file that holds the value")
    return text


def _one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing wrong: where, what, and what would be right. A wrong key goes before what it leaves out."""
    details = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    place = [part for part in details["loc"] if part != "[key]"]
    message = _what_is_wrong(details)
    if details["type"] == "extra_forbidden":
        key = str(place.pop())
        tables = place if model is Config else place[1:]
        message = f'unknown key "{key}"; {_right_key(key, model, tables)}'
    return f"{_place(place)}: {message}" if place else message


def _place(path: list[str | int]) -> str:
    """Where something stands, as its heading in the file: "[council] name", "[[routes]] 1 to"."""
    table, *rest = path
    heading = f"[[{table}]]" if rest and isinstance(rest[0], int) else f"[{table}]"
    return " ".join([heading, *(str(part + 1) if isinstance(part, int) else part for part in rest)])


def _right_key(key: str, model: type[BaseModel], tables: list[str | int]) -> str:
    homes = [name for name, table in _inner_tables(model) if key in table.model_fields]
    if homes:
        return f'it belongs in "{homes[0]}"'
    for step in tables:
        model = dict(_inner_tables(model)).get(str(step), model)
    return nearest(key, [field.alias or name for name, field in model.model_fields.items()])


def _inner_tables(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        yield from ((name, table) for table in _models_in(field.annotation))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _what_is_wrong(details: ErrorDetails) -> str:
    given, kind = details["input"], details["type"]
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        options = re.findall(r"'([^']+)'", details["ctx"]["expected"])
        return f'unknown value "{given}"; {nearest(str(given), options)}'
    message = details["msg"]
    for theirs, ours in PLAIN_WORDS.items():
        message = message.replace(theirs, ours)
    return message if isinstance(given, dict | list) else f"{message}, not {json.dumps(given)}"
