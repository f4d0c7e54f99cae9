"""A whole extract comes in, or nothing of it; twice is once."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from collections.abc import Iterator

import pytest
from store_cases import (
    RECEIVED,
    WEEK,
    batched,
    event,
    event_frame,
    everything,
    extract,
    many,
    reject,
    values,
)
from store_databases import Databases
from store_workers import die_while_ingesting, ingest_together, processes, run_all

from forecaster.read.extract import Batch, Extract
from forecaster.store import Store
from forecaster.store.engine import byte_order, open_engine
from forecaster.store.schema import events
from forecaster.types import EVENT_COLUMNS, InputError, Reject

FULL = event(
    "c1", "plan_start", "2018-01-03",
    recorded="2018-01-05", family="f1", team="Team 2", locality="North", source="police", category="neglect",
    age_band="5-9", gender="f", ethnicity="white", outcome="plan", previous_plans=2, previous_plan_end="2016-05-01",
)  # fmt: skip


def test_an_event_comes_out_with_all_that_was_said_of_it(store: Store) -> None:
    store.ingest(extract(FULL), RECEIVED)
    (row,) = values(store.events(), *EVENT_COLUMNS)
    assert dict(zip(EVENT_COLUMNS, row, strict=True)) == FULL


def test_what_was_not_said_stays_blank(store: Store) -> None:
    store.ingest(extract(event("c1")), RECEIVED)
    (row,) = values(store.events(), *EVENT_COLUMNS)
    assert [value for value in row if value is not None] == ["c1", "referral", "2018-01-02"]


def test_events_have_the_types_that_the_readers_give(store: Store) -> None:
    store.ingest(extract(FULL, event("c2")), RECEIVED)
    frame = store.events()
    given = event_frame([FULL])
    assert list(frame.columns) == [*EVENT_COLUMNS, "extract"]
    assert frame.dtypes.drop("extract").to_dict() == given.dtypes.to_dict()
    assert frame["extract"].dtype == "int64"


def test_an_empty_store_gives_the_same_columns_and_types(store: Store) -> None:
    empty = store.events()
    store.ingest(extract(FULL), RECEIVED)
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == store.events().dtypes.to_dict()


def test_events_come_by_child_then_date_then_event(store: Store) -> None:
    rows = [
        event("c2", "referral", "2018-01-01"),
        event("c1", "visit", "2018-01-02"),
        event("c1", "section_47", "2018-01-02"),
        event("c1", "visit", "2017-12-31"),
        event("C1", "visit", "2018-01-05"),
    ]
    store.ingest(extract(*rows), RECEIVED)
    frame = store.events()
    assert frame.equals(frame.sort_values(["child", "date", "event"], ignore_index=True))
    assert frame["child"].tolist() == ["C1", "c1", "c1", "c1", "c2"]


def test_the_order_does_not_depend_on_the_language_of_the_database(databases: Databases, store_url: str) -> None:
    engine = open_engine(store_url)
    with engine.begin() as connection:
        order = str(byte_order(connection, events.c.child).compile(engine))
    engine.dispose()
    assert order.split("COLLATE ")[1] == {"sqlite": '"BINARY"', "postgresql": '"C"'}[databases.name]


def test_the_summary_says_what_an_extract_brought(store: Store) -> None:
    rows = [event("c1"), event("c2", date="2017-12-30"), event("c1", outcome="a second row about the same event")]
    batch = Batch(event_frame(rows), (reject(7),), duplicates=2, notes=("1 row has no team",))
    summary = store.ingest(batched("events.csv", iter([batch])), RECEIVED)
    assert (summary.source, summary.name, summary.already) == ("events_csv", "events.csv", False)
    assert (summary.rows, summary.new, summary.corrected, summary.unchanged) == (5, 2, 0, 0)
    assert (summary.duplicates, summary.rejected, summary.notes) == (3, [reject(7)], ["1 row has no team"])
    assert (summary.first, summary.last) == (dt.date(2017, 12, 30), dt.date(2018, 1, 2))


def test_the_parts_of_a_summary_add_up(store: Store) -> None:
    store.ingest(extract(event("c1"), event("c2")), RECEIVED)
    summary = store.ingest(extract(event("c1"), event("c2", team="Team 1"), event("c3"), event("c3")), RECEIVED + WEEK)
    assert summary.rows == summary.new + summary.corrected + summary.unchanged + summary.duplicates
    assert (summary.new, summary.corrected, summary.unchanged, summary.duplicates) == (1, 1, 1, 1)


def test_the_first_of_two_rows_about_one_event_counts(store: Store) -> None:
    store.ingest(extract(event("c1", team="first"), event("c1", team="second")), RECEIVED)
    assert values(store.events(), "child", "team") == [("c1", "first")]


def test_the_first_row_counts_in_another_batch_too(store: Store) -> None:
    batches = [Batch(event_frame([event("c1", team=team)])) for team in ("first", "second")]
    summary = store.ingest(batched("x.csv", iter(batches)), RECEIVED)
    assert values(store.events(), "team") == [("first",)]
    assert (summary.new, summary.corrected) == (1, 0)


def test_the_same_extract_twice_changes_nothing(store: Store, store_url: str) -> None:
    store.ingest(extract(FULL), RECEIVED)
    before = everything(store_url)
    summary = store.ingest(extract(FULL), RECEIVED + WEEK)
    assert summary.already
    assert (summary.rows, summary.new, summary.first) == (0, 0, None)
    assert everything(store_url) == before


def test_a_known_extract_is_not_even_read(store: Store) -> None:
    def unreadable() -> Iterator[Batch]:
        raise AssertionError("read")
        yield

    store.ingest(batched("x.csv", many(1, 1)), RECEIVED)
    assert store.ingest(batched("x.csv", unreadable()), RECEIVED).already


def test_the_same_rows_in_another_file_make_no_new_versions(store: Store) -> None:
    store.ingest(batched("one.csv", many(2, 10)), RECEIVED)
    summary = store.ingest(batched("two.csv", many(2, 10)), RECEIVED + WEEK)
    assert (summary.new, summary.corrected, summary.unchanged) == (0, 0, 20)
    assert set(store.events()["extract"]) == {1}


def test_a_later_extract_corrects_an_earlier_one(store: Store) -> None:
    store.ingest(extract(event("c1", team="Team 1"), event("c2")), RECEIVED)
    store.ingest(extract(event("c1", team="Team 2")), RECEIVED + WEEK)
    assert values(store.events(), "child", "team", "extract") == [("c1", "Team 2", 2), ("c2", None, 1)]


def test_rows_that_vanish_are_no_deletions(store: Store) -> None:
    store.ingest(extract(event("c1"), event("c2")), RECEIVED)
    store.ingest(extract(event("c2"), event("c3")), RECEIVED + WEEK)
    assert store.events()["child"].tolist() == ["c1", "c2", "c3"]


def test_a_blank_does_not_take_away_what_was_said_before(store: Store) -> None:
    store.ingest(extract(FULL, source="annex_a"), RECEIVED)
    said_less = event("c1", "plan_start", "2018-01-03", category="physical")
    summary = store.ingest(extract(said_less, source="cin_census"), RECEIVED + WEEK)
    (row,) = values(store.events(), *EVENT_COLUMNS)
    assert dict(zip(EVENT_COLUMNS, row, strict=True)) == FULL | {"category": "physical"}
    assert summary.corrected == 1


def test_only_blanks_make_no_new_version(store: Store) -> None:
    store.ingest(extract(FULL), RECEIVED)
    summary = store.ingest(extract(event("c1", "plan_start", "2018-01-03")), RECEIVED + WEEK)
    assert (summary.corrected, summary.unchanged) == (0, 1)


def test_a_blank_that_is_filled_in_is_a_correction(store: Store) -> None:
    store.ingest(extract(event("c1")), RECEIVED)
    summary = store.ingest(extract(event("c1", previous_plans=0)), RECEIVED + WEEK)
    assert summary.corrected == 1
    assert values(store.events(), "previous_plans") == [(0,)]


@pytest.mark.parametrize("column", [name for name in EVENT_COLUMNS if name not in ("child", "event", "date")])
def test_a_change_of_any_column_is_a_correction(store: Store, column: str) -> None:
    changed = {"recorded": "2018-01-06", "previous_plan_end": "2016-06-01", "previous_plans": 3}.get(column, "other")
    store.ingest(extract(FULL), RECEIVED)
    assert store.ingest(extract(FULL | {column: changed}), RECEIVED + WEEK).corrected == 1
    assert values(store.events(), column) == [(changed,)]


def broken(after: int) -> Extract:
    def batches() -> Iterator[Batch]:
        yield from many(after, 50)
        raise InputError("broken.csv", "the file ends in the middle of a row", "export it again", row=101)

    return batched("broken.csv", batches())


def test_a_file_that_breaks_midway_changes_nothing(store: Store, store_url: str) -> None:
    store.ingest(extract(FULL), RECEIVED)
    before = everything(store_url)
    with pytest.raises(InputError, match="middle of a row"):
        store.ingest(broken(after=2), RECEIVED + WEEK)
    assert everything(store_url) == before


def test_a_file_that_broke_can_come_again_when_it_is_mended(store: Store) -> None:
    with pytest.raises(InputError):
        store.ingest(broken(after=1), RECEIVED)
    summary = store.ingest(batched("broken.csv", many(2, 50)), RECEIVED)
    assert (summary.already, summary.new) == (False, 100)


def test_any_other_error_changes_nothing_either(store: Store, store_url: str) -> None:
    def batches() -> Iterator[Batch]:
        yield from many(1, 5)
        raise KeyboardInterrupt

    before = everything(store_url)
    with pytest.raises(KeyboardInterrupt):
        store.ingest(batched("x.csv", batches()), RECEIVED)
    assert everything(store_url) == before


def rejecting(good: int, bad: int) -> Extract:
    rows = [event(f"c{i}") for i in range(good)]
    return extract(*rows, rejects=[reject(i + 2) for i in range(bad)])


@pytest.mark.parametrize(("good", "bad"), [(2, 3), (0, 1), (49, 51)])
def test_too_many_rejects_refuse_the_file(store: Store, store_url: str, good: int, bad: int) -> None:
    before = everything(store_url)
    with pytest.raises(InputError) as caught:
        store.ingest(rejecting(good, bad), RECEIVED, max_reject_share=0.5)
    assert everything(store_url) == before
    assert str(caught.value) == (
        f"events.csv: {bad} of {good + bad} rows ({bad / (good + bad):.0%}) were rejected, more than the 50% allowed; "
        "the first, row 2, column date: 32 January is not a day; correct the date"
    )


@pytest.mark.parametrize(("good", "bad"), [(3, 3), (1, 0), (0, 0), (9, 1)])
def test_rejects_up_to_the_limit_are_left_out_and_told(store: Store, good: int, bad: int) -> None:
    summary = store.ingest(rejecting(good, bad), RECEIVED, max_reject_share=0.5)
    assert (summary.new, len(summary.rejected)) == (good, bad)
    assert len(store.events()) == good


def test_a_reject_holds_no_more_than_its_place_and_reason(store: Store) -> None:
    with pytest.raises(InputError) as caught:
        store.ingest(extract(rejects=[Reject("List_3 row 7", "Date", "is blank", "fill it in")]), RECEIVED)
    assert "List_3 row 7" in str(caught.value)
    assert caught.value.remedy == "fill it in"


def test_a_moment_without_a_time_zone_is_refused(store: Store, store_url: str) -> None:
    before = everything(store_url)
    with pytest.raises(Exception, match="no time zone"):
        store.ingest(extract(FULL), dt.datetime(2018, 1, 8))
    assert everything(store_url) == before


def test_a_process_killed_while_it_ingests_leaves_nothing(store: Store, store_url: str) -> None:
    before = everything(store_url)
    assert run_all(die_while_ingesting, (store_url,)) == [-9]
    assert everything(store_url) == before
    assert store.ingest(batched("killed.csv", many(3, 500)), RECEIVED).new == 1500


def test_two_processes_with_the_same_file_ingest_it_once(store: Store, store_url: str) -> None:
    ready, taken = processes().Barrier(2), processes().Queue()
    assert run_all(ingest_together, *[(store_url, "x.csv", ready, taken)] * 2) == [0, 0]
    assert sorted([taken.get(), taken.get()]) == [(0, True), (1000, False)]
    assert len(store.events()) == 1000


def test_two_processes_with_overlapping_files_count_each_event_once(store: Store, store_url: str) -> None:
    ready, taken = processes().Barrier(2), processes().Queue()
    arguments = [(store_url, name, ready, taken) for name in ("one.csv", "two.csv")]
    assert run_all(ingest_together, *arguments) == [0, 0]
    assert sorted([taken.get(), taken.get()]) == [(0, False), (1000, False)]
    assert len(store.events()) == 1000


def test_a_long_file_needs_no_more_memory_than_a_short_one(store: Store) -> None:
    def peak(name: str, batches: int) -> int:
        tracemalloc.start()
        store.ingest(batched(name, many(batches, 1000, name)), RECEIVED)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    store.ingest(batched("warm", many(1, 1000, "warm")), RECEIVED)
    assert peak("long", 8) < 1.5 * peak("short", 2)
