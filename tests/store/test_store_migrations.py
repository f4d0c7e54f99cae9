"""The tables come up from nothing, in any order of starts, and are those of the schema."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from store_cases import RECEIVED, WEEK, alert, everything, run, transition
from store_databases import Databases
from store_workers import migrate_many_times, processes, run_all

from forecaster.store import Store
from forecaster.store.engine import open_engine, parse_url
from forecaster.store.schema import metadata


def test_migrations_from_nothing_give_the_tables_of_the_schema(empty_url: str) -> None:
    with Store(empty_url) as store:
        store.migrate()
    engine = open_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_both_databases_get_the_same_tables(empty_url: str) -> None:
    with Store(empty_url) as store:
        store.migrate()
    engine = open_engine(empty_url)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}
    engine.dispose()


def test_keys_and_unique_rows_are_those_of_the_schema(store_url: str) -> None:
    engine = open_engine(store_url)
    found = inspect(engine)
    for table in metadata.sorted_tables:
        key = found.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key], table.name
        foreign = {item["referred_table"] for item in found.get_foreign_keys(table.name)}
        assert foreign == {key.column.table.name for key in table.foreign_keys}, table.name
    engine.dispose()


def test_migrating_again_changes_nothing(store: Store, store_url: str) -> None:
    store.commit_run(run())
    before = everything(store_url)
    store.migrate()
    assert everything(store_url) == before


def test_runs_of_an_older_release_are_kept_when_the_tables_grow(empty_url: str) -> None:
    with Store(empty_url) as store:
        store.migrate()
        store.commit_run(run())
    engine = open_engine(empty_url)
    with engine.begin() as connection:  # what 0001 left behind
        connection.execute(text("DROP TABLE fits"))
        connection.execute(text("DROP INDEX deliveries_by_thread"))
        for table, column in (("alerts", "changes"), ("transitions", "change"), ("deliveries", "story")):
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        connection.execute(text("CREATE INDEX deliveries_by_thread ON deliveries (alert_id, channel, address)"))
        for column in ("alpha", "false_alerts"):
            connection.execute(text(f"ALTER TABLE runs DROP COLUMN {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    with Store(empty_url) as store:
        store.migrate()
        last, sent = store.last_run("week"), store.deliveries()
    assert last is not None
    assert (last.id, last.alpha, last.false_alerts) == (run().id, None, None)
    assert {item.story for item in sent} == {"A1"}


def test_alerts_that_were_open_before_what_was_told_was_kept_can_worsen_and_be_passed_on(empty_url: str) -> None:
    later = alert("A2", spoke=RECEIVED, told_excess=3.0)
    with Store(empty_url) as store:
        store.migrate()
        store.commit_run(
            run(alerts=(alert(), later), transitions=(transition(None, "opened"), transition(None, "opened", "A2")))
        )
        store.save_transition(alert(state="updated", changes=1), transition("opened", "updated", at=RECEIVED + WEEK))
    engine = open_engine(empty_url)
    with engine.begin() as connection:  # what 0003 left behind
        body = json.loads(connection.scalar(text("SELECT body FROM alerts WHERE id = 'A1'")))
        old = {name: value for name, value in body.items() if name not in ("spoke", "told_excess")}
        connection.execute(text("UPDATE alerts SET body = :body WHERE id = 'A1'"), {"body": json.dumps(old)})
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    engine.dispose()
    with Store(empty_url) as store:
        store.migrate()
        assert store.alert("A1") == alert(state="updated", changes=2, spoke=RECEIVED + WEEK, told_excess=71.0 - 44.0)
        assert store.alert("A2") == later


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    ready = processes().Barrier(2)
    assert run_all(migrate_many_times, (empty_url, ready), (empty_url, ready)) == [0, 0]
    with Store(empty_url) as store:
        assert store.health()["extracts"] == 0


def test_a_failed_migration_leaves_no_tables_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE heartbeats (name TEXT)"))  # the last one that the migration makes
    with Store(empty_url) as store, pytest.raises(Exception, match="already exists"):
        store.migrate()
    assert inspect(engine).get_table_names() == ["heartbeats"]
    engine.dispose()


def test_the_migrations_ship_inside_the_package() -> None:
    folder = files("forecaster.store") / "migrations"
    assert (folder / "env.py").is_file()
    assert [item.name for item in (folder / "versions").iterdir() if item.name.startswith("v0001")]


def test_sqlite_waits_for_writers_and_keeps_foreign_keys(databases: Databases, store_url: str) -> None:
    if databases.name != "sqlite":
        pytest.skip("pragmas are SQLite's")
    engine = open_engine(store_url)
    with engine.connect() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    engine.dispose()
    assert pragmas == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 120_000}


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/var/deep/forecaster.db") as store:
        store.migrate()
    assert (tmp_path / "var/deep/forecaster.db").stat().st_size > 0


@pytest.mark.parametrize(
    "written", ["postgres://u:p@host/db", "postgresql://u:p@host/db", "postgresql+psycopg://u:p@host/db"]
)
def test_postgresql_is_reached_through_psycopg_however_it_is_written(written: str) -> None:
    url = parse_url(written)
    assert url.render_as_string(hide_password=False) == "postgresql+psycopg://u:p@host/db"


@pytest.mark.parametrize("wrong", ["mysql://u:secret@host/db", "nonsense", "", "postgresql+asyncpg://u:secret@host/db"])
def test_another_address_is_refused_in_one_line_without_its_password(wrong: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///FILE or postgresql://HOST/NAME") as caught:
        Store(wrong)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
