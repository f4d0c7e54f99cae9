"""Settings: config/forecaster.toml, the measures and the environment, checked once at the start.

Everything wrong with them is one line that names file, key and remedy. This is the one place that reads os.environ.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from forecaster import messages, types
from forecaster.measures import Dimension, Measure, Table, nearest, parse_measures

# Where config/ and data/ stand that come with the service: inside an installed package, beside it in a checkout.
PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent
CONFIG_FILE = ROOT / "config" / "forecaster.toml"
MEASURES_FILE = ROOT / "config" / "measures.toml"

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
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class SettingsError(Exception):
    """Settings that cannot be used: str() is one line that names file, key and remedy."""


def _weekly(text: str) -> str:
    if not re.fullmatch(rf"({'|'.join(DAYS)}) ([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f'must be a day and a time such as "mon 07:00", not "{text}"')
    return text


def _council_code(text: str) -> str:
    if not re.fullmatch(r"E\d{8}", text):
        raise ValueError(f'must be an ONS code such as "E06000019", not "{text}"')
    return text


def _timezone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError(f'must be a time zone such as "Europe/London", not "{text}"')
    return text


Weekly = Annotated[str, AfterValidator(_weekly)]
CouncilCode = Annotated[str, AfterValidator(_council_code)]
Count = Annotated[int, Field(ge=1)]


class Council(Table):
    """Whose service this is."""

    name: str = Field(default="Demo council", description="How messages name the council")
    code: CouncilCode = Field(default="E06000019", description="Its ONS code, for the published benchmarks")
    neighbours: tuple[CouncilCode, ...] = Field(
        default=(), description="ONS codes of its statistical neighbours; empty: the DfE list"
    )


class Inbox(Table):
    """Where extracts are picked up."""

    path: Path = Field(default=Path("var/inbox"), description="Files here are read by the ingest job")
    rejects: Path = Field(default=Path("var/rejects"), description="Where the rows that could not be read are listed")
    keep_days: int = Field(
        default=30, ge=0, description="Extracts that were read hold names: they are deleted after so many days"
    )
    max_reject_share: float = Field(
        default=0.5, ge=0, le=1, description="A file of which more rows than this are bad is refused as a whole"
    )


class Schedule(Table):
    """When the jobs run."""

    watch: Weekly = Field(default="mon 07:00", description="Count, compare and tell")
    ingest: Weekly = Field(default="mon 06:30", description="Read the inbox")
    deliver_every_seconds: Count = Field(default=30, description="How often waiting messages are sent")
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        default="Europe/London", description="Of the times above"
    )


class Measures(Table):
    """What is counted, and in which slices."""

    file: Path | None = Field(
        default=None, description="The measures; default: the measures.toml that comes with the service"
    )
    min_slice_total: int = Field(default=100, ge=0, description="Slices with fewer events in two years are not watched")


class Detection(Table):
    """How easily an alert is raised."""

    detectors: Annotated[tuple[types.SignalKind, ...], Field(min_length=1)] = Field(
        default=("surge", "drift", "neighbours", "peers"),
        description="What alerts are raised by; peers compares the councils of totals that have a column council; "
        "farrington, ears_c1, ears_c2 and ears_c3 judge flows as surge does",
    )
    false_alerts_per_year: float = Field(
        default=6, gt=0, description="The budget of false alerts, over all series together"
    )
    breakdowns: tuple[Dimension, ...] = Field(
        default=("team", "locality", "source", "category", "age_band"),
        description="Breakdowns whose slices may raise an alert of their own; the others only explain one",
    )
    least_excess: float = Field(
        default=6, ge=0, description="Children (or events) a move must amount to since it began, to be worth an alert"
    )
    calm_periods: Count = Field(default=4, description="Periods without a signal after which an alert is resolved")
    min_history_weeks: Count = Field(default=104, description="A weekly series with less history is not judged")
    min_history_months: Count = Field(default=36, description="A monthly series with less history is not judged")
    provisional_weeks: int = Field(default=1, ge=0, description="How many of the newest weeks may still grow")


class Regressor(Table):
    """Days known beforehand on which counts may be different, such as a lockdown or a campaign."""

    name: Annotated[str, Field(min_length=1)] = Field(description="What it is")
    first: dt.date = Field(alias="from", description="Its first day")
    last: dt.date = Field(alias="to", description="Its last day")
    measures: tuple[str, ...] = Field(default=(), description="The measures it touches; default: all")

    @model_validator(mode="after")
    def _in_order(self) -> Regressor:
        if self.last < self.first:
            raise ValueError(f'"{self.name}" must end (to) on or after the day it begins (from)')
        return self

    @property
    def regressor(self) -> types.Regressor:
        return types.Regressor(self.name, self.first, self.last, self.measures)


class Forecast(Table):
    """How far ahead, and for what."""

    horizon_weeks: Count = Field(default=13, description="Weeks ahead")
    models: Annotated[tuple[Literal["levels", "counts", "prophet"], ...], Field(min_length=1)] = Field(
        default=("levels", "counts", "prophet"),
        description="Of the combination; the first forecasts every series, the others those they improve",
    )
    prophet: tuple[str, ...] | None = Field(
        default=None, description="Measures that Prophet is tried on; default: the headline measures"
    )
    seed: int = Field(default=1, ge=0, description="The same seed gives the same forecasts")
    executor: Literal["local", "dask"] = Field(
        default="local", description="Where fits are made: on this machine or on a Dask cluster"
    )
    workers: int = Field(default=0, ge=0, description="Processes on this machine; 0: as many as it has cores")
    dask_address: str | None = Field(
        default=None, description='The scheduler of the cluster, such as "tcp://dask-scheduler:8786"'
    )
    regressors: tuple[Regressor, ...] = Field(
        default=(), description="Days known beforehand on which counts may be different"
    )

    @model_validator(mode="after")
    def _has_an_address(self) -> Forecast:
        if self.executor == "dask" and not self.dask_address:
            raise ValueError('executor = "dask" needs dask_address, such as "tcp://dask-scheduler:8786"')
        return self


class SmallNumbers(Table):
    """Disclosure control."""

    threshold: int = Field(default=5, ge=0, description="Counts from 1 to this are never shown")


class Target(Table):
    """Somewhere messages go, by name."""

    name: Annotated[str, Field(min_length=1)] = Field(description="How routes call it")
    channel: Annotated[str, Field(min_length=1)] = Field(description="slack, console or another channel")
    address: str = Field(default="", description="Its address there, for Slack the channel's id")

    @property
    def target(self) -> messages.Target:
        return messages.Target(self.channel, self.address)


class Route(Table):
    """Which alerts go where."""

    measures: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default=("*",), description='Measures, or "*" for all'
    )
    severity: types.Severity = Field(default="low", description="The least severity that goes this way")
    to: Annotated[tuple[str, ...], Field(min_length=1)] = Field(description="Names of targets")


class Config(Table):
    """config/forecaster.toml"""

    council: Council = Council()
    inbox: Inbox = Inbox()
    schedule: Schedule = Schedule()
    measures: Measures = Measures()
    detection: Detection = Detection()
    forecast: Forecast = Forecast()
    small_numbers: SmallNumbers = SmallNumbers()
    targets: tuple[Target, ...] = (
        Target(name="managers", channel="slack", address="C0FORECAST"),
        Target(name="console", channel="console"),
    )
    routes: tuple[Route, ...] = (Route(to=("managers", "console")),)


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


class Settings(Config):
    """The config with the measures it names and the secrets of the environment."""

    catalogue: dict[str, Measure]  # the measures by name, in their order
    secrets: Secrets

    @property
    def config_hash(self) -> str:
        """Eight hex digits that change with any setting or measure, and with no secret."""
        effective = self.model_dump(mode="json", exclude={"secrets": True, "measures": {"file"}})
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
    catalogue = _catalogue(config.measures.file or MEASURES_FILE)
    _check_names(file, config, catalogue)
    tables = {name: getattr(config, name) for name in Config.model_fields}
    return Settings(**tables, catalogue=catalogue, secrets=_secrets(env))


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


def _catalogue(file: Path) -> dict[str, Measure]:
    tables = _toml(file)
    try:
        return parse_measures(tables)
    except ValidationError as error:
        raise SettingsError(f"{file}: {_one_line(error, Measure)}") from error


def _check_names(file: Path, config: Config, catalogue: Mapping[str, Measure]) -> None:
    targets = [target.name for target in config.targets]
    for name in targets:
        if targets.count(name) > 1:
            raise SettingsError(f'{file}: [[targets]] two are named "{name}"; give each its own name')
    for number, route in enumerate(config.routes, start=1):
        _known(f"{file}: [[routes]] {number} to:", "target", route.to, targets)
        _known(f"{file}: [[routes]] {number} measures:", "measure", route.measures, ["*", *catalogue])
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
