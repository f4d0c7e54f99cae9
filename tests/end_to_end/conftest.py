"""One small council a session, ingested once; each test has an office of its own with a copy of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_council import LAST, MONDAY, TOLD, totals, write_events
from e2e_deadly import MANAGERS_ONLY, DeadlySlack, check_told_once, kept
from e2e_office import TINY, Office, Zygote

from tests.channels.slack_double import SlackDouble

Offices = Callable[[str], Office]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    born = Zygote.born()
    yield born
    born.close()


@pytest.fixture(scope="session")
def events_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The council's events, as a file."""
    return write_events(tmp_path_factory.mktemp("council") / "events.csv")


@pytest.fixture
def offices(tmp_path: Path, zygote: Zygote) -> Iterator[Offices]:
    """Makes offices, each with a folder of its own."""
    made: list[Office] = []

    def make(name: str) -> Office:
        made.append(Office(tmp_path / name, tmp_path / f"home of {name}", zygote))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def office(offices: Offices) -> Office:
    """An office with nothing in it."""
    return offices("office")


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote, events_csv: Path) -> Path:
    """A var folder: the council's events are in the database."""
    made = Office(tmp_path_factory.mktemp("ingested"), tmp_path_factory.mktemp("home"), zygote)
    made.forecaster("ingest", events_csv, now=f"{LAST}T06:00:00+00:00").done()
    return made.folder / "var"


@pytest.fixture
def council_office(office: Office, ingested: Path) -> Office:
    """An office with the council's events and a config that fits a small council."""
    office.configure(TINY)
    office.give(ingested)
    return office


@pytest.fixture(scope="session")
def alerted(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote, ingested: Path) -> Path:
    """A var folder: the Monday after three weeks of flood was judged, and the console was told."""
    made = Office(tmp_path_factory.mktemp("alerted"), tmp_path_factory.mktemp("home"), zygote)
    made.configure(TINY)
    made.give(ingested)
    made.forecaster("run", now=f"{MONDAY}T07:00:00+00:00").done()
    return made.folder / "var"


@pytest.fixture
def alerted_office(council_office: Office, alerted: Path) -> Office:
    """An office that has judged that Monday; its clock stands at that Monday's morning."""
    council_office.give(alerted)
    council_office.now = f"{MONDAY}T09:00:00+00:00"
    return council_office


@pytest.fixture
def slack(office: Office) -> Iterator[SlackDouble]:
    """A Slack that the office knows of."""
    with SlackDouble() as double:
        office.environment |= double.secrets
        yield double


@pytest.fixture
def deadly(office: Office) -> Iterator[DeadlySlack]:
    """A Slack that the office knows of, and that kills when it is told to."""
    with DeadlySlack() as double:
        office.environment |= double.secrets
        yield double


@pytest.fixture(scope="session")
def counted(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Path:
    """A var folder: totals with a surge are in the database. Judging them takes no time."""
    made = Office(tmp_path_factory.mktemp("counted"), tmp_path_factory.mktemp("home"), zygote)
    made.forecaster("ingest", made.write("totals.csv", *totals())).done()
    return made.folder / "var"


@pytest.fixture
def crashing(office: Office, counted: Path) -> Office:
    """An office that tells managers of one alert, and may be killed while it does."""
    office.configure(MANAGERS_ONLY)
    office.give(counted)
    return office


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote, counted: Path) -> list[Any]:
    """What is kept of a run that nobody disturbed."""
    made = Office(tmp_path_factory.mktemp("undisturbed"), tmp_path_factory.mktemp("home"), zygote)
    made.configure(MANAGERS_ONLY)
    made.give(counted)
    with SlackDouble() as slack:
        made.environment |= slack.secrets
        made.forecaster("run", "--as-of", TOLD).done()
        check_told_once(made, slack)
    return kept(made)
