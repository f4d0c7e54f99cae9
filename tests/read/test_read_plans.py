"""Plans of one child: two at once, an end before a start."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from extract_cases import Reading, events
from hypothesis import given
from hypothesis import strategies as st

from forecaster.read.extract import event_frame
from forecaster.read.plans import PlanBook

HEAD = "child_id,event,date,previous_plans,previous_plan_end"


def plans(folder: Path, *rows: str) -> Reading:
    """Reads plan events, each written "C1 start 2023-05-02"."""
    return events(folder, *(row.replace(" ", ",plan_", 1).replace(" ", ",", 1) + ",," for row in rows), head=HEAD)


def test_a_plan_after_a_plan_that_ended_is_fine(tmp_path: Path) -> None:
    found = plans(tmp_path, "C1 start 2022-05-02", "C1 end 2022-11-02", "C1 start 2023-05-02", "C1 end 2023-06-02")
    assert (len(found.events), found.rejects) == (4, [])


def test_a_second_plan_while_the_first_is_open_is_rejected_naming_the_firsts_row(tmp_path: Path) -> None:
    found = plans(tmp_path, "C1 start 2022-05-02", "C2 start 2022-05-02", "C1 start 2022-08-02")
    [reject] = found.rejects
    assert (reject.place, reject.column) == ("row 4", "date")
    assert reject.reason == "a second plan starts while the child's plan of row 2 is open"
    assert "row 2" in reject.remedy
    assert found.events == [("plan_start", "2022-05-02")] * 2


def test_every_later_start_is_rejected_until_the_first_plan_ends(tmp_path: Path) -> None:
    found = plans(
        tmp_path,
        "C1 start 2022-01-01",
        "C1 start 2022-02-01",
        "C1 start 2022-03-01",
        "C1 end 2022-04-01",
        "C1 start 2022-05-01",
    )
    assert found.places == ["row 3", "row 4"]


def test_the_order_of_the_rows_does_not_matter_but_that_of_the_days_does(tmp_path: Path) -> None:
    found = plans(tmp_path, "C1 start 2023-05-02", "C1 end 2022-11-02", "C1 start 2022-05-02")
    assert found.rejects == []
    found = plans(tmp_path, "C1 start 2022-08-02", "C1 start 2022-05-02")
    assert found.places == ["row 2"] and "row 3" in found.reasons[0]


def test_an_end_before_the_first_start_is_rejected(tmp_path: Path) -> None:
    [reject] = plans(tmp_path, "C1 start 2023-05-02", "C1 end 2023-04-02").rejects
    assert (reject.place, reject.column) == ("row 3", "date")
    assert reject.reason == "the plan ends before the child's first plan in the file starts (row 2)"
    assert "previous plans" in reject.remedy


@pytest.mark.parametrize("start", ["C1,plan_start,2023-05-02,1,", "C1,plan_start,2023-05-02,,2023-04-02"])
def test_an_end_before_a_start_that_tells_of_an_earlier_plan_is_that_plans_end(tmp_path: Path, start: str) -> None:
    assert events(tmp_path, start, "C1,plan_end,2023-04-02,,", head=HEAD).rejects == []


def test_any_version_of_the_first_start_may_tell_of_an_earlier_plan(tmp_path: Path) -> None:
    rows = ["C1,plan_end,2023-04-02,,", "C1,plan_start,2023-05-02,,", "C1,plan_start,2023-05-02,1,"]
    assert events(tmp_path, *rows, head=HEAD).rejects == []


def test_a_start_that_says_it_is_the_first_plan_has_no_earlier_end(tmp_path: Path) -> None:
    found = events(tmp_path, "C1,plan_start,2023-05-02,0,", "C1,plan_end,2023-04-02,,", head=HEAD)
    assert found.places == ["row 3"]


def test_the_end_of_a_plan_that_started_before_the_extract_is_fine(tmp_path: Path) -> None:
    assert plans(tmp_path, "C1 end 2023-05-02").rejects == []


def test_an_end_and_a_start_on_one_day_are_a_change_of_plan(tmp_path: Path) -> None:
    rows = ["C1 start 2022-05-02", "C1 end 2022-11-02", "C1 start 2022-11-02", "C1 end 2023-01-02"]
    assert plans(tmp_path, *rows).rejects == []
    assert plans(tmp_path, *reversed(rows)).rejects == []


def test_a_plan_of_one_day_is_closed_on_that_day(tmp_path: Path) -> None:
    assert plans(tmp_path, "C1 start 2022-05-02", "C1 end 2022-05-02", "C1 start 2023-05-02").rejects == []


def test_two_versions_of_one_start_are_one_plan(tmp_path: Path) -> None:
    rows = ["C1,plan_start,2022-05-02,0,", "C1,plan_start,2022-05-02,1,", "C1,plan_end,2022-06-02,,"]
    assert events(tmp_path, *rows, head=HEAD).rejects == []


def test_both_versions_of_a_start_that_cannot_be_are_rejected(tmp_path: Path) -> None:
    rows = ["C1,plan_start,2022-01-02,0,", "C1,plan_start,2022-05-02,0,", "C1,plan_start,2022-05-02,1,"]
    assert events(tmp_path, *rows, head=HEAD).places == ["row 3", "row 4"]


def test_a_start_that_was_rejected_for_its_date_opens_no_plan(tmp_path: Path) -> None:
    found = plans(tmp_path, "C1 start 1900-05-02", "C1 start 2022-08-02")
    assert found.places == ["row 2"] and found.events == [("plan_start", "2022-08-02")]


def test_other_events_of_a_child_are_kept_when_its_plan_is_not(tmp_path: Path) -> None:
    rows = ["C1,plan_start,2022-05-02,,", "C1,plan_start,2022-08-02,,", "C1,visit,2022-08-02,,"]
    assert events(tmp_path, *rows, head=HEAD).events == [("plan_start", "2022-05-02"), ("visit", "2022-08-02")]


def test_plans_are_judged_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecaster.read.tables.CHUNK", 1)
    monkeypatch.setattr("forecaster.read.plans._AT_ONCE", 1)
    found = plans(tmp_path, "C1 start 2023-05-02", "C2 start 2023-05-02", "C1 end 2022-04-02", "C2 start 2023-06-02")
    assert found.places == ["row 4", "row 5"]
    assert "row 2" in found.reasons[0] and "row 3" in found.reasons[1]


PLAN_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["plan_start", "plan_end"]),
        st.integers(1, 28),
        st.sampled_from([None, 0, 1]),
    ),
    max_size=12,
)


def framed(rows: list[tuple[int, str, int, int | None]]) -> pd.DataFrame:
    records = [
        {"child": f"{child:016x}".ljust(32, "0"), "event": event, "date": f"2023-01-{day:02d}", "previous_plans": plans}
        for child, event, day, plans in rows
    ]
    return event_frame(records, range(2, len(rows) + 2))


@given(PLAN_EVENTS)
def test_what_is_left_never_has_two_open_plans(rows: list[tuple[int, str, int, int | None]]) -> None:
    frame = framed(rows)
    book = PlanBook()
    book.note(frame)
    refused = book.refusals()
    assert set(refused) <= set(frame.index) and all(one.other in frame.index for one in refused.values())
    kept = frame.drop(index=list(refused))
    for _, events_of_child in kept.groupby("child"):
        starts = sorted(set(events_of_child.loc[events_of_child["event"] == "plan_start", "date"]))
        ends = set(events_of_child.loc[events_of_child["event"] == "plan_end", "date"])
        for earlier, later in pairwise(starts):
            assert any(earlier <= end <= later for end in ends)


@given(PLAN_EVENTS)
def test_judging_twice_refuses_nothing_more(rows: list[tuple[int, str, int, int | None]]) -> None:
    frame = framed(rows)
    first, second = PlanBook(), PlanBook()
    first.note(frame)
    overlaps = [row for row, why in first.refusals().items() if why.overlaps]
    second.note(frame.drop(index=overlaps))
    assert not any(why.overlaps for why in second.refusals().values())


def test_no_plans_refuse_nothing() -> None:
    assert PlanBook().refusals() == {}
