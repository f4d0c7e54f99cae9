"""Every test of the store runs on SQLite and on a real PostgreSQL, each on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from store_databases import Databases, SqliteDatabases, postgres

from forecaster.store import Store


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    if request.param == "sqlite":
        yield SqliteDatabases(tmp_path_factory.mktemp("sqlite"))
    else:
        with postgres() as found:
            yield found


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    url = databases.empty()
    yield url
    databases.drop(url)


@pytest.fixture
def store_url(databases: Databases) -> Iterator[str]:
    url = databases.migrated()
    yield url
    databases.drop(url)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store(store_url) as opened:
        yield opened
