"""What was known on a day: known answers for each rule, and properties over random histories."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_cases import DAY, MONDAY, RECEIVED, WEEK, at, event, extract, values
from store_databases import Databases

from forecaster.store import Store


def children(store: Store, as_of: dt.datetime | None) -> list[str]:
    return store.events(as_of)["child"].tolist()


def test_an_event_is_known_from_the_day_it_was_recorded(store: Store) -> None:
    store.ingest(extract(event("c1", date="2018-01-02", recorded="2018-01-05")), RECEIVED)
    assert children(store, at("2018-01-04", 23)) == []
    assert children(store, at("2018-01-05", 0)) == ["c1"]


def test_history_without_recorded_dates_is_known_from_the_day_it_happened(store: Store) -> None:
    store.ingest(extract(event("c1", date="2017-06-01")), RECEIVED)
    assert children(store, at("2017-05-31")) == []
    assert children(store, at("2017-06-01")) == ["c1"]


def test_a_day_begins_at_midnight_in_london(store: Store) -> None:
    store.ingest(extract(event("c1", date="2017-06-01")), RECEIVED)
    midnight = dt.datetime(2017, 5, 31, 23, tzinfo=dt.UTC)
    assert children(store, midnight) == ["c1"]
    assert children(store, midnight - dt.timedelta(microseconds=1)) == []


def test_a_new_event_of_a_later_extract_is_known_from_its_receipt(store: Store) -> None:
    store.ingest(extract(event("c1")), RECEIVED)
    store.ingest(extract(event("c2", date="2017-06-01")), RECEIVED + WEEK)
    assert children(store, RECEIVED + WEEK - DAY) == ["c1"]
    assert children(store, RECEIVED + WEEK) == ["c1", "c2"]


def test_a_new_event_of_a_later_extract_with_a_recorded_date_is_known_from_then(store: Store) -> None:
    store.ingest(extract(event("c1")), RECEIVED)
    store.ingest(extract(event("c2", date="2017-06-01", recorded="2017-07-01")), RECEIVED + WEEK)
    assert children(store, at("2017-07-01")) == ["c2"]


def test_each_source_has_a_first_extract_of_its_own(store: Store) -> None:
    store.ingest(extract(event("c1"), source="annex_a"), RECEIVED)
    store.ingest(extract(event("c2", date="2017-06-01"), source="cin_census"), RECEIVED + WEEK)
    assert children(store, at("2017-06-01")) == ["c2"]


def test_a_correction_is_known_from_its_receipt(store: Store) -> None:
    store.ingest(extract(event("c1", outcome="open")), RECEIVED)
    store.ingest(extract(event("c1", outcome="nfa")), RECEIVED + WEEK)
    assert values(store.events(RECEIVED + WEEK - DAY), "outcome", "extract") == [("open", 1)]
    assert values(store.events(RECEIVED + WEEK), "outcome", "extract") == [("nfa", 2)]


def test_a_correction_that_was_recorded_anew_is_known_from_then(store: Store) -> None:
    store.ingest(extract(event("c1", outcome="open", recorded="2018-01-03")), RECEIVED)
    store.ingest(extract(event("c1", outcome="nfa", recorded="2018-01-10")), RECEIVED + WEEK)
    assert values(store.events(at("2018-01-09")), "outcome") == [("open",)]
    assert values(store.events(at("2018-01-10")), "outcome") == [("nfa",)]


def test_a_correction_that_repeats_its_recorded_date_is_known_from_its_receipt(store: Store) -> None:
    store.ingest(extract(event("c1", outcome="open", recorded="2018-01-03")), RECEIVED)
    store.ingest(extract(event("c1", outcome="nfa", recorded="2018-01-03")), RECEIVED + WEEK)
    assert values(store.events(at("2018-01-10")), "outcome") == [("open",)]
    assert values(store.events(RECEIVED + WEEK), "outcome") == [("nfa",)]


def test_the_extract_that_came_last_counts_even_if_it_was_recorded_earlier(store: Store) -> None:
    store.ingest(extract(event("c1", outcome="first", recorded="2018-01-05")), RECEIVED)
    store.ingest(extract(event("c1", outcome="last", recorded="2018-01-03")), RECEIVED + WEEK)
    assert values(store.events(), "outcome") == [("last",)]
    assert values(store.events(at("2018-01-06")), "outcome") == [("last",)]


def test_three_versions_are_each_seen_in_their_time(store: Store) -> None:
    for week, team in enumerate(("Team 1", "Team 2", "Team 3")):
        store.ingest(extract(event("c1", team=team)), RECEIVED + week * WEEK)
    seen = [values(store.events(RECEIVED + week * WEEK), "team")[0][0] for week in range(3)]
    assert seen == ["Team 1", "Team 2", "Team 3"]


@pytest.mark.parametrize("recorded", ["2018-03-01", None])
def test_nothing_is_known_later_than_the_extract_that_holds_it(store: Store, recorded: str | None) -> None:
    store.ingest(extract(event("c1", "conference", "2018-02-01", recorded=recorded)), RECEIVED)
    assert children(store, RECEIVED) == ["c1"]


def test_a_clock_that_went_back_does_not_reorder_the_extracts(store: Store) -> None:
    store.ingest(extract(event("c1", team="Team 1")), RECEIVED)
    store.ingest(extract(event("c1", team="Team 2")), RECEIVED - WEEK)
    assert values(store.events(), "team") == [("Team 2",)]
    assert values(store.events(RECEIVED - DAY), "team") == [("Team 1",)]
    assert store.health()["last_received"] == RECEIVED


def test_a_moment_may_come_in_any_time_zone(store: Store) -> None:
    store.ingest(extract(event("c1")), RECEIVED)
    store.ingest(extract(event("c2")), RECEIVED + WEEK)
    tokyo = dt.timezone(dt.timedelta(hours=9))
    assert children(store, (RECEIVED + WEEK).astimezone(tokyo)) == ["c1", "c2"]
    assert children(store, (RECEIVED + WEEK - DAY).astimezone(tokyo)) == ["c1"]


def test_a_moment_without_a_time_zone_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="no time zone"):
        store.events(dt.datetime(2018, 1, 8))
    with pytest.raises(ValueError, match="no time zone"):
        store.event_vintages().at(dt.datetime(2018, 1, 8))


def test_all_vintages_in_memory_are_those_of_the_database(store: Store) -> None:
    store.ingest(extract(event("c1", team="Team 1"), event("c2", recorded="2018-01-06")), RECEIVED)
    store.ingest(extract(event("c1", team="Team 2"), event("c3")), RECEIVED + WEEK)
    vintages = store.event_vintages()
    for as_of in (None, at("2017-01-01"), at("2018-01-05"), RECEIVED, RECEIVED + WEEK):
        assert vintages.at(as_of).equals(store.events(as_of))


def test_vintages_of_an_empty_store_are_empty(store: Store) -> None:
    assert len(store.event_vintages().at(RECEIVED)) == 0


# Random histories: up to four extracts, weeks apart, of few children, so that they meet again and again.
DAYS = st.dates(MONDAY - 4 * WEEK, MONDAY - DAY)
ROW = st.fixed_dictionaries(
    {
        "child": st.sampled_from(["c1", "c2", "c3"]),
        "event": st.sampled_from(["referral", "plan_start"]),
        "date": DAYS.map(str),
        "team": st.sampled_from([None, "Team 1", "Team 2"]),
        "recorded": st.none() | DAYS.map(str),
    }
)
EXTRACT = st.tuples(st.sampled_from(["annex_a", "events_csv"]), st.lists(ROW, max_size=6))
HISTORY = st.lists(EXTRACT, min_size=1, max_size=4)
MOMENTS = [at(MONDAY + days * DAY) for days in range(-30, 30, 3)]
Rows = list[dict[str, Any]]


class Fresh:
    """A store of its own for each example."""

    def __init__(self, databases: Databases):
        self.databases = databases

    def __enter__(self) -> Store:
        self.url = self.databases.migrated()
        self.store = Store(self.url)
        return self.store

    def __exit__(self, *_error: object) -> None:
        self.store.close()
        self.databases.drop(self.url)


def feed(store: Store, history: list[tuple[str, Rows]], start: int = 0) -> None:
    for number, (source, rows) in enumerate(history, start):
        store.ingest(extract(*rows, event(f"only-{number}"), source=source), RECEIVED + number * WEEK)


def keys(store: Store, as_of: dt.datetime) -> dict[tuple[Any, ...], int]:
    return {row[:3]: row[3] for row in values(store.events(as_of), "child", "date", "event", "extract")}


PROPERTY = settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@PROPERTY
@given(history=HISTORY)
def test_time_only_adds_events_and_newer_versions(databases: Databases, history: list[tuple[str, Rows]]) -> None:
    with Fresh(databases) as store:
        feed(store, history)
        seen: dict[tuple[Any, ...], int] = {}
        for moment in MOMENTS:
            now = keys(store, moment)
            assert all(now[key] >= number for key, number in seen.items())
            seen = now


@PROPERTY
@given(history=HISTORY, late=st.lists(ROW, max_size=6))
def test_what_was_known_does_not_change_with_what_comes_later(
    databases: Databases, history: list[tuple[str, Rows]], late: Rows
) -> None:
    unrecorded = [row | {"recorded": None} for row in late]
    with Fresh(databases) as store:
        feed(store, history)
        before = [store.events(RECEIVED + week * WEEK) for week in range(len(history))]
        feed(store, [(history[0][0], unrecorded)], start=len(history))
        after = [store.events(RECEIVED + week * WEEK) for week in range(len(history))]
    assert all(one.equals(other) for one, other in zip(before, after, strict=True))


@PROPERTY
@given(history=HISTORY)
def test_nothing_is_seen_before_it_was_recorded(databases: Databases, history: list[tuple[str, Rows]]) -> None:
    with Fresh(databases) as store:
        feed(store, [(source, [row for row in rows if row["recorded"]]) for source, rows in history])
        for moment in MOMENTS:
            recorded = store.events(moment)["recorded"].dropna()
            assert (recorded.dt.date <= moment.date()).all()


def expected(history: list[tuple[str, Rows]], as_of: dt.datetime) -> dict[tuple[str, ...], tuple[str | None, int]]:
    """The vintage rule in plain Python, extract by extract: what is known of each event, and from which extract."""
    versions: dict[tuple[str, ...], list[tuple[dt.datetime, dict[str, Any], int]]] = {}
    sources: set[str] = set()
    for number, (source, rows) in enumerate(history, 1):
        received = RECEIVED + (number - 1) * WEEK
        first_rows = {(row["child"], row["date"], row["event"]): row for row in reversed(rows)}
        for key, row in first_rows.items():
            old = versions.setdefault(key, [])
            said = {name: row[name] for name in ("team", "recorded") if row[name] is not None}
            merged = {**(old[-1][1] if old else {}), **said}
            if old and merged == old[-1][1]:
                continue
            day = row["recorded"] or (row["date"] if not old and source not in sources else None)
            if old and old[-1][1].get("recorded") == row["recorded"]:
                day = None
            old.append((at(day, 0) if day else received, merged, number))
        sources.add(source)
    known = {key: [item for item in items if item[0] <= as_of] for key, items in versions.items()}
    return {key: (items[-1][1].get("team"), items[-1][2]) for key, items in known.items() if items}


@PROPERTY
@given(history=HISTORY)
def test_the_store_keeps_the_vintage_rule(databases: Databases, history: list[tuple[str, Rows]]) -> None:
    numbered = [(source, [*rows, MARK | {"child": f"only-{i}"}]) for i, (source, rows) in enumerate(history)]
    with Fresh(databases) as store:
        feed(store, history)
        vintages = store.event_vintages()
        for moment in MOMENTS:
            seen = values(vintages.at(moment), "child", "date", "event", "team", "extract")
            assert {row[:3]: row[3:] for row in seen} == expected(numbered, moment)


MARK = {"event": "referral", "date": "2018-01-02", "team": None, "recorded": None}
