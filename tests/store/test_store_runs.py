"""A run is kept whole or not at all, and the same run again gives the same rows."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest
from store_cases import (
    CONSOLE,
    DAY,
    MONDAY,
    RECEIVED,
    WEEK,
    alert,
    chart,
    delivery,
    everything,
    forecasts,
    panel,
    run,
    signal,
    transition,
)
from store_databases import Databases
from store_workers import die_while_committing, run_all

from forecaster.store import RunHeader, StaleError, Store
from forecaster.types import NotRun, SeriesKey


def test_a_run_comes_back_with_its_panel(store: Store) -> None:
    store.commit_run(run())
    seen = store.panel_of("week-2018-01-01")
    assert seen is not None
    assert np.array_equal(seen.count, panel().count, equal_nan=True)
    assert (seen.keys, seen.step, seen.provisional) == (panel().keys, "week", 1)


def test_a_run_comes_back_with_its_forecasts(store: Store) -> None:
    store.commit_run(run())
    foretold = store.forecasts_of("week-2018-01-01")
    assert foretold is not None
    assert np.array_equal(foretold.values, forecasts().values)
    assert foretold.not_run == forecasts().not_run


def test_a_run_comes_back_with_what_was_found_and_what_could_not_be_judged(store: Store) -> None:
    found = (signal(), signal(kind="drift", direction="down"))
    not_run = (NotRun(SeriesKey("contacts"), "surge", "only 12 weeks"),)
    store.commit_run(run(signals=found, not_run=not_run))
    assert store.signals_of("week-2018-01-01") == list(found)
    assert store.not_run_of("week-2018-01-01") == list(not_run)


def test_a_run_without_forecasts_has_none(store: Store) -> None:
    store.commit_run(run(forecasts=None, signals=(), not_run=()))
    assert store.forecasts_of("week-2018-01-01") is None
    assert store.signals_of("week-2018-01-01") == []


def test_a_run_that_is_not_there_has_nothing(store: Store) -> None:
    assert store.panel_of("never") is None
    assert store.forecasts_of("never") is None
    assert store.not_run_of("never") == []


def test_a_run_brings_its_alerts_transitions_and_deliveries(store: Store) -> None:
    store.commit_run(run())
    assert store.alerts() == [alert()]
    assert store.transitions("A1") == [transition(None, "opened")]
    assert [item.id for item in store.deliveries()] == ["D1", "D1-chart"]


def test_the_same_run_again_gives_the_same_rows(store: Store, store_url: str) -> None:
    store.commit_run(run())
    before = everything(store_url)
    store.commit_run(run(started=RECEIVED + DAY))
    assert everything(store_url) == before


def test_a_repeated_run_does_not_send_again_what_was_sent(store: Store) -> None:
    store.commit_run(run())
    (claimed,) = store.claim(RECEIVED, "worker 1", WEEK, lambda _: True)
    store.mark_sent(claimed.id, "1515.1", RECEIVED)
    store.commit_run(run())
    assert [item.state for item in store.deliveries()] == ["sent", "pending"]


def test_a_run_that_sees_corrected_data_replaces_what_it_saw(store: Store) -> None:
    store.commit_run(run())
    store.commit_run(run(panel=panel(weeks=8), forecasts=None, signals=()))
    seen = store.panel_of("week-2018-01-01")
    assert seen is not None
    assert seen.count.shape == (2, 8)
    assert store.forecasts_of("week-2018-01-01") is None
    assert store.signals_of("week-2018-01-01") == []
    assert len(store.runs()) == 1


def test_a_later_run_updates_the_alert(store: Store) -> None:
    store.commit_run(run())
    later = alert(state="updated", updated=MONDAY + WEEK, total=90.0, changes=1)
    change = transition("opened", "updated", at=RECEIVED + WEEK)
    store.commit_run(next_run(alerts=(later,), transitions=(change,), deliveries=(delivery("D2"),)))
    assert store.alerts() == [later]
    assert [item.now for item in store.transitions("A1")] == ["opened", "updated"]


def next_run(**changes: object) -> object:
    values = {"as_of": MONDAY + WEEK, "period": MONDAY, "started": RECEIVED + WEEK}
    return run("week-2018-01-08", **values | changes)


def test_an_alert_may_change_without_a_word(store: Store) -> None:
    store.commit_run(run())
    store.commit_run(next_run(alerts=(alert(calm=1, changes=1),), transitions=(), deliveries=()))
    assert store.alerts() == [alert(calm=1)]


def test_two_changes_of_one_alert_in_one_run_are_kept_in_order(store: Store) -> None:
    store.commit_run(run())
    changes = (
        transition("opened", "updated", at=RECEIVED + WEEK),
        transition("updated", "resolved", at=RECEIVED + WEEK),
    )
    gone = alert(state="resolved", resolved=MONDAY + WEEK, changes=1)
    store.commit_run(next_run(alerts=(gone,), transitions=changes, deliveries=()))
    assert [item.now for item in store.transitions("A1")] == ["opened", "updated", "resolved"]
    assert store.alerts() == [gone]


def acknowledged(store: Store) -> None:
    change = transition("opened", "acknowledged", at=RECEIVED + DAY, actor="A Manager")
    store.save_transition(alert(state="acknowledged", changes=1), change)


def test_a_run_overtaken_by_a_person_writes_nothing(store: Store, store_url: str) -> None:
    store.commit_run(run())
    acknowledged(store)
    before = everything(store_url)
    change = transition("opened", "updated", at=RECEIVED + WEEK)
    with pytest.raises(StaleError, match="A1 is no longer opened"):
        store.commit_run(
            next_run(alerts=(alert(state="updated", changes=1),), transitions=(change,), deliveries=(delivery("D2"),))
        )
    assert everything(store_url) == before


def test_a_repeated_run_leaves_what_a_person_did_since(store: Store) -> None:
    store.commit_run(run())
    acknowledged(store)
    store.commit_run(run())
    assert [item.state for item in store.alerts()] == ["acknowledged"]
    assert [item.now for item in store.transitions("A1")] == ["opened", "acknowledged"]


def test_a_run_with_a_change_that_cannot_be_written_writes_nothing(store: Store, store_url: str) -> None:
    before = everything(store_url)
    orphan = transition(None, "opened", alert_id="A9")
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        store.commit_run(run(transitions=(orphan,)))
    assert everything(store_url) == before


@pytest.mark.parametrize(
    "table", ["runs", "panel_vintages", "forecasts", "signals", "alerts", "transitions", "deliveries"]
)
def test_a_process_killed_while_it_commits_leaves_nothing_and_can_repeat(
    store: Store, store_url: str, table: str
) -> None:
    before = everything(store_url)
    assert run_all(die_while_committing, (store_url, table)) == [-9]
    assert everything(store_url) == before
    store.commit_run(run())
    assert store.alerts() == [alert()]
    assert len(store.deliveries()) == 2


def test_a_crashed_and_repeated_run_gives_the_rows_of_one_that_did_not_crash(
    store: Store, store_url: str, databases: Databases
) -> None:
    assert run_all(die_while_committing, (store_url, "deliveries")) == [-9]
    store.commit_run(run())
    smooth_url = databases.migrated()
    with Store(smooth_url) as smooth:
        smooth.commit_run(run())
        assert smooth.deliveries() == store.deliveries()
        assert smooth.transitions("A1") == store.transitions("A1")
        assert smooth.runs() == store.runs()
    databases.drop(smooth_url)


def test_the_last_run_is_that_of_the_newest_period(store: Store) -> None:
    assert store.last_run("week") is None
    store.commit_run(next_run(alerts=(), transitions=(), deliveries=()))
    store.commit_run(run())
    last = store.last_run("week")
    assert last == RunHeader("week-2018-01-08", MONDAY + WEEK, MONDAY, "week", RECEIVED + WEEK, "c0ffee")


def test_what_the_alarm_budget_allowed_is_kept_with_the_run(store: Store) -> None:
    store.commit_run(run(alpha=0.00123, false_alerts=5.9))
    last = store.last_run("week")
    assert last is not None
    assert (last.alpha, last.false_alerts) == (0.00123, 5.9)


def test_weeks_and_months_have_a_last_run_each(store: Store) -> None:
    store.commit_run(run())
    store.commit_run(run("month-2017-12", step="month", period=dt.date(2017, 12, 1), alerts=(), transitions=()))
    week, month = store.last_run("week"), store.last_run("month")
    assert week is not None
    assert month is not None
    assert (week.id, month.id) == ("week-2018-01-01", "month-2017-12")


def test_runs_come_by_period_and_in_utc(store: Store) -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    store.commit_run(next_run(started=(RECEIVED + WEEK).astimezone(tokyo), alerts=(), transitions=(), deliveries=()))
    store.commit_run(run())
    headers = store.runs()
    assert [header.id for header in headers] == ["week-2018-01-01", "week-2018-01-08"]
    assert [header.started for header in headers] == [RECEIVED, RECEIVED + WEEK]
    assert {header.started.tzinfo for header in headers} == {dt.UTC}


def test_charts_come_after_their_texts_whatever_their_order(store: Store) -> None:
    store.commit_run(run(deliveries=(chart("D1", CONSOLE), delivery("D1", CONSOLE))))
    assert [item.id for item in store.deliveries()] == ["D1", "D1-chart"]


def test_a_delivery_comes_back_as_it_went(store: Store) -> None:
    due = RECEIVED + dt.timedelta(minutes=5)
    sent_later = dataclasses.replace(delivery("D1"), due=due)
    store.commit_run(run(deliveries=(sent_later,)))
    assert store.deliveries() == [dataclasses.replace(sent_later, story="A1")]
