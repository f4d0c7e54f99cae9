"""What holds of every extract: nobody can be recognised in what comes out, and order and encoding do not matter."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from extract_cases import (
    CARE,
    CONTACTS,
    ENQUIRIES,
    PLANS,
    REFERRALS,
    Reading,
    annex,
    cells,
    census,
    hashed,
    plan,
    reading,
    unordered,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.types import EVENT_KINDS

HEAD = ("child_id", "event", "date", "team", "age", "family_id", "previous_plans", "recorded", "name", "date_of_birth")
# Unlike anything that a frame or a reject may hold, so that finding one means that it leaked.
NAMES = st.sampled_from(["Zebedee", "Quixote Jones", "O'Xyzzy-Brown", "Wiktorja Ż"])
NUMBERS = st.integers(70_000_000, 79_999_999).map(str)
IDENTIFYING = st.one_of(NAMES, NUMBERS, NUMBERS.map(lambda number: f"DfEX{number}"), st.just("17/08/2014"))
DAYS = st.dates(dt.date(2015, 1, 1), dt.date(2024, 3, 31)).map(dt.date.isoformat)
KINDS = st.sampled_from([kind for kind in EVENT_KINDS if not kind.startswith("plan")])
TIDY_ROWS = st.tuples(NUMBERS, KINDS, DAYS, st.sampled_from(["North", "Ärea 2", ""]), st.integers(-1, 17).map(str))


def written(folder: Path, head: Sequence[str], rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([head, *rows])
    path = folder / "extract.csv"
    path.write_bytes(text.getvalue().encode(encoding, errors="replace"))
    return path


def said(found: Reading) -> str:
    """Returns everything that leaves the room."""
    return found.frame.to_csv() + repr(found.rejects) + repr(found.notes)


@given(st.lists(st.tuples(*[IDENTIFYING] * 10), max_size=8), st.data())
def test_no_identifier_name_or_birthday_is_in_the_frame_or_in_a_reject_whatever_column_it_is_in(
    tmp_path_factory: pytest.TempPathFactory, secrets: list[tuple[str, ...]], data: st.DataObject
) -> None:
    """Rows of identifying cells, some of them put right: as when columns are shifted, swapped or misnamed."""
    right = {"event": "referral", "date": "2023-05-02", "recorded": "2023-05-03", "previous_plans": "1"}
    rows = []
    for row in secrets:
        mended = data.draw(st.sets(st.sampled_from(list(right))))
        rows.append([right[name] if name in mended else cell for name, cell in zip(HEAD, row, strict=True)])
        rows[-1][HEAD.index("team")] = "North"  # a team is a word of the council's own and stays as it is
        for name in ("date", "recorded"):  # a birthday there cannot be told from a date of an event
            if rows[-1][HEAD.index(name)] == "17/08/2014":
                rows[-1][HEAD.index(name)] = "Zebedee"
    found = reading(written(tmp_path_factory.mktemp("leak"), HEAD, rows))
    text = said(found)
    for secret in {cell for row in secrets for cell in row}:
        assert secret not in text
    assert "2014-08-17" not in text and found.seen == len(rows)


def test_no_identifier_name_or_birthday_leaves_a_workbook(tmp_path: Path) -> None:
    born, day = dt.date(2014, 8, 17), dt.date(2023, 5, 2)
    who: dict[str, Any] = {"id": 71234567, "date_of_birth": born}
    worker = {"allocated_worker": "Quixote Jones"}
    sheets = {
        "List_1": [
            CONTACTS,
            cells(CONTACTS, **who, date_of_contact=day),
            cells(CONTACTS, **who, date_of_contact="Zebedee"),
        ],
        "List_3": [
            REFERRALS,
            cells(REFERRALS, **who, **worker, date_of_referral=day, referral_source="Mrs Zebedee Xyzzy"),
        ],
        "List_5": [ENQUIRIES, cells(ENQUIRIES, **who, **worker, strategy=day, was_an_initial="Zebedee")],
        "List_7": [PLANS, cells(PLANS, **who, **worker, child_protection_plan_start=day, number_of_previous=71234567)],
        "List_8": [CARE, cells(CARE, **who, **worker, date_started=day, date_ceased="71234567")],
    }
    found = annex(tmp_path, sheets)
    assert len(found.events) == 4 and len(found.rejects) == 3
    for secret in ("71234567", "2014-08-17", "Quixote", "Zebedee"):
        assert secret not in said(found)


def test_no_identifier_or_birthday_leaves_a_census(tmp_path: Path) -> None:
    xml = (
        "<Child><ChildIdentifiers><LAchildID>DfEX71234567</LAchildID><UPN>A850728973744</UPN>"
        "<FormerUPN>X98765432123B</FormerUPN><PersonBirthDate>2014-08-17</PersonBirthDate></ChildIdentifiers>"
        "<CINdetails><CINreferralDate>DfEX71234567</CINreferralDate><ReferralSource>Zebedee</ReferralSource>"
        f"{plan('A850728973744')}{plan('2023-05-02')}</CINdetails></Child>"
    )
    found = census(tmp_path, xml)
    assert (found.events, len(found.rejects)) == ([("plan_start", "2023-05-02")], 2)
    for secret in ("71234567", "2014-08-17", "A850728973744", "X98765432123B", "Zebedee"):
        assert secret not in said(found)


@given(st.lists(TIDY_ROWS, max_size=15, unique_by=lambda row: row[:3]))
def test_every_sound_row_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]) -> None:
    found = reading(written(tmp_path_factory.mktemp("sound"), HEAD[:5], rows))
    assert (found.rejects, found.duplicates, found.seen) == ([], 0, len(rows))
    expected = [(hashed(child), kind, day, team or None) for child, kind, day, team, _ in rows]
    days = [f"{day:%Y-%m-%d}" for day in found.frame["date"]]
    back = list(zip(found.values("child"), found.values("event"), days, found.values("team"), strict=True))
    assert back == expected


MIXED_ROWS = st.lists(
    st.tuples(
        st.integers(1, 4).map(str),
        st.sampled_from(["referral", "plan_start", "plan_end", "visit"]),
        st.dates(dt.date(2023, 1, 1), dt.date(2023, 2, 9)).map(dt.date.isoformat),
        st.sampled_from(["North", "Ärea 2", "Team, 3"]),
    ),
    max_size=15,
    unique_by=lambda row: row[:3],
)


@settings(max_examples=60)
@given(MIXED_ROWS, st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]), st.integers(0, 99))
def test_neither_the_order_of_the_rows_nor_the_encoding_changes_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], encoding: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    first = reading(written(folder, HEAD[:4], rows))
    shuffled = random.Random(seed).sample(rows, len(rows))
    second = reading(written(folder, HEAD[:4], shuffled, encoding))
    assert unordered(first.frame) == unordered(second.frame)
    assert sorted(first.columns) == sorted(second.columns)


@settings(max_examples=20)
@given(MIXED_ROWS)
def test_reading_twice_gives_the_same(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]) -> None:
    path = written(tmp_path_factory.mktemp("twice"), HEAD[:4], rows)
    assert reading(path).frame.equals(reading(path).frame)


@settings(max_examples=40)
@given(st.lists(TIDY_ROWS, min_size=1, max_size=8, unique_by=lambda row: row[:3]), st.integers(1, 4))
def test_repeating_a_file_only_adds_duplicates(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], times: int
) -> None:
    folder = tmp_path_factory.mktemp("again")
    once = reading(written(folder, HEAD[:5], rows))
    often = reading(written(folder, HEAD[:5], rows * times))
    assert often.frame.equals(once.frame)
    assert often.duplicates == (times - 1) * len(rows)
