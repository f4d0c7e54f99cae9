"""The same on a real PostgreSQL: read, judge, tell, be killed, and tell the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_council import MONDAY
from e2e_deadly import MANAGERS_ONLY, DeadlySlack
from e2e_office import Office
from sqlalchemy import create_engine, text

from tests.store.store_databases import PostgresDatabases, postgres

SHARE = "files.completeUploadExternal"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresDatabases]:
    with postgres() as found:
        yield found


@pytest.fixture
def database(server: PostgresDatabases, office: Office) -> str:
    """The address of an empty database that the office uses."""
    url = server.empty()
    office.environment["FORECASTER_DATABASE_URL"] = url.replace("postgresql+psycopg://", "postgresql://")
    office.configure(MANAGERS_ONLY)
    return url


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def thread(post: dict[str, Any]) -> Any:
    """Of a message its thread: that of its story, or its own."""
    return post.get("thread_ts", post["ts"])


def alerts(office: Office) -> Any:
    office.forecaster("alerts", "--json", "alerts.json").done()
    return json.loads((office.folder / "alerts.json").read_text())


def test_killed_twice_on_postgresql_each_alert_is_told_once_and_is_what_sqlite_tells(
    office: Office, database: str, deadly: DeadlySlack, events_csv: Path, offices: Any, ingested: Path
) -> None:
    office.forecaster("ingest", events_csv).done()
    assert "nothing to do" in office.forecaster("ingest", events_csv).done().out
    killed = office.forecaster("run", "--as-of", MONDAY, death=["INSERT INTO deliveries", "COMMIT"])
    assert killed.code == -9 and rows(database, "SELECT id FROM runs") == []
    deadly.kill_at(SHARE, "done")
    assert deadly.run(office, "run", "--as-of", MONDAY).code == -9
    deadly.run(office, "run", "--as-of", MONDAY).done()

    charts = [message for message in deadly.messages if message.get("files")]
    told = alerts(office)
    assert len(deadly.posts) == len(charts) == len(told) >= 2
    assert sorted(chart["thread_ts"] for chart in charts) == sorted(thread(post) for post in deadly.posts)
    assert set(rows(database, "SELECT state FROM deliveries")) == {("sent",)}

    other = offices("sqlite")
    other.configure(MANAGERS_ONLY)
    other.give(ingested)
    other.forecaster("run", "--as-of", MONDAY, SLACK_BOT_TOKEN="xoxb", SLACK_API_URL=f"{deadly.address}/api")
    assert alerts(other) == told


def test_two_runs_at_once_on_postgresql_tell_each_alert_once(
    office: Office, database: str, deadly: DeadlySlack, events_csv: Path
) -> None:
    office.forecaster("ingest", events_csv).done()
    both = [office.start("run", "--as-of", MONDAY) for _ in range(2)]
    assert {running.said().code for running in both} <= {0, 1}
    office.forecaster("run", "--as-of", MONDAY).done()
    assert len(deadly.posts) == len(alerts(office)) >= 2
    assert office.forecaster("doctor").out.count("FAIL") <= 1  # the run of a past day is an old one


def test_a_password_in_the_address_is_never_shown(office: Office) -> None:
    said = office.start("doctor", FORECASTER_DATABASE_URL="mysql://user:hunter2@host/name").said()
    assert said.code == 2 and "hunter2" not in said.err
