"""What config/forecaster.toml may say: its tables, their defaults and what they mean."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from forecaster import messages, types
from forecaster.measures import Dimension, Table

HIGHEST_PORT = 65_535
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _matching(pattern: str, what: str) -> AfterValidator:
    """A text of this form, told to who writes another as "must be `what`"."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f'must be {what}, not "{text}"')
        return text

    return AfterValidator(check)


def _with_a_port(text: str) -> str:
    if int(text.rpartition(":")[2] or 0) > HIGHEST_PORT:
        raise ValueError(f'must have a port of at most {HIGHEST_PORT}, not "{text}"')
    return text


def _without_slash(text: str) -> str:
    return text.rstrip("/")


def _timezone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError(f'must be a time zone such as "Europe/London", not "{text}"')
    return text


_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
Weekly = Annotated[str, _matching(f"({'|'.join(DAYS)}) {_CLOCK}", 'a day and a time such as "mon 07:00"')]
Time = Annotated[str, _matching(_CLOCK, 'a time such as "07:00"')]
CouncilCode = Annotated[str, _matching(r"E\d{8}", 'an ONS code such as "E06000019"')]
# what follows may be left empty
Address = Annotated[
    str,
    _matching(r"(https?://[^/\s]+(/\S*)?)?", 'an address such as "https://forecaster.example.gov.uk"'),
    AfterValidator(_without_slash),
]
HostAndPort = Annotated[
    str,
    _matching(r"(([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5})?", 'a host and a port such as "127.0.0.1:8000"'),
    AfterValidator(_with_a_port),
]
Header = Annotated[str, _matching(r"[A-Za-z0-9-]*", 'the name of a header such as "X-Forwarded-User"')]
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
    digest: Weekly = Field(default="mon 09:00", description="Say how the week went, whether or not anything moved")
    arrival: Weekly = Field(default="tue 10:00", description="By when the data of the week before must have arrived")
    deliver_every_seconds: Count = Field(default=30, description="How often waiting messages are sent")
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        default="Europe/London", description="Of the times above but arrival, which is London's"
    )


class Measures(Table):
    """What is counted, and in which slices."""

    file: Path | None = Field(
        default=None, description="The measures; default: the measures.toml that comes with the service"
    )
    min_slice_total: int = Field(default=100, ge=0, description="Slices with fewer events in two years are not watched")


class Detection(Table):
    """How easily an alert is raised."""

    detectors: Annotated[tuple[types.Detector, ...], Field(min_length=1)] = Field(
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


class Telling(Table):
    """How people are told."""

    most_per_week: Count = Field(
        default=5, description="New alerts that one target is told of in a week; the rest is in the digest"
    )
    quiet_from: Time = Field(default="20:00", description="From when nobody is told anything")
    quiet_to: Time = Field(default="07:00", description="Until when; the same time as quiet_from: no quiet hours")
    working_days_only: bool = Field(default=True, description="Not on weekends and England's bank holidays")
    high_at_any_time: bool = Field(default=False, description="Alerts of high severity do not wait for the morning")
    escalate_after_days: Count = Field(
        default=3, description="Working days without an answer after which the next target of a route is told"
    )
    digest_to: tuple[str, ...] | None = Field(
        default=None, description="Targets that get the weekly digest; default: all that a route names"
    )
    operations_to: tuple[str, ...] | None = Field(
        default=None, description="Targets that are told when data did not arrive; default: those of the digest"
    )
    questions: Path | None = Field(
        default=None, description="What to ask; default: the questions.toml that comes with the service"
    )
    page: Address = Field(
        default="", description='Where the pages are, such as "https://forecaster.example.gov.uk"; "": no link'
    )


class Page(Table):
    """The pages: what messages link to."""

    listen: HostAndPort = Field(
        default="", description='Where `serve` shows them, such as "127.0.0.1:8000"; "": no pages'
    )
    user_header: Header = Field(
        default="X-Forwarded-User",
        description='The header in which the sign-in proxy says who is there; without it, or "": read only',
    )


class Target(Table):
    """Somewhere messages go, by name."""

    name: Annotated[str, Field(min_length=1)] = Field(description="How routes call it")
    channel: Annotated[str, Field(min_length=1)] = Field(description="slack, console or another channel")
    address: str = Field(default="", description="Its address there: a Slack channel's id, mail addresses")
    role: str = Field(default="", description="Who reads it, such as Head of Safeguarding")
    exact: bool = Field(default=False, description="Whether that role sees numbers from 1 to the threshold; mail only")
    most_per_week: Count | None = Field(default=None, description="Instead of the one of [telling]")

    @model_validator(mode="after")
    def _exact_for_a_role(self) -> Target:
        if self.exact and (self.channel != "email" or not self.role):
            raise ValueError(f'"{self.name}" may be exact only by channel = "email" and with a role that reads it')
        return self

    @model_validator(mode="after")
    def _has_its_address(self) -> Target:
        if self.channel == "email":
            messages.mail_addresses(self.address)
        return self

    @property
    def target(self) -> messages.Target:
        return messages.Target(self.channel, self.address)


class Route(Table):
    """Which alerts go where."""

    measures: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default=("*",), description='Measures, or "*" for all'
    )
    breakdowns: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default=("*",), description='Of which breakdowns: "council" for the whole council, "team", ..., or "*" for all'
    )
    severity: types.Severity = Field(default="low", description="The least severity that goes this way")
    direction: Literal["up", "down", "both"] = Field(default="both", description="Rises, falls or both")
    to: Annotated[tuple[str, ...], Field(min_length=1)] = Field(description="Names of targets")
    escalate: tuple[str, ...] = Field(
        default=(), description="Targets that are told, one after the other, when nobody answers"
    )


class Config(Table):
    """config/forecaster.toml"""

    council: Council = Council()
    inbox: Inbox = Inbox()
    schedule: Schedule = Schedule()
    measures: Measures = Measures()
    detection: Detection = Detection()
    forecast: Forecast = Forecast()
    small_numbers: SmallNumbers = SmallNumbers()
    telling: Telling = Telling()
    page: Page = Page()
    targets: tuple[Target, ...] = (
        Target(name="managers", channel="slack", address="C0FORECAST"),
        Target(name="console", channel="console"),
    )
    routes: tuple[Route, ...] = (Route(to=("managers", "console")),)
