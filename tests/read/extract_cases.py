"""Extracts for the tests of reading, made as small as the case allows, and what reading one gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from forecaster.read import open_extract
from forecaster.read.pseudonym import pseudonym
from forecaster.types import EVENT_COLUMNS, InputError, Reject, Step

SECRET = b"a secret for the tests"
TODAY = dt.date(2024, 3, 31)
SAMPLES = Path(__file__).parent / "samples"

# The columns of Annex A as the template of August 2019 heads them.
PERSON = ("Child Unique ID", "Gender", "Ethnicity", "Date of Birth", "Age of Child (Years)")
ALLOCATED = ("Allocated Team", "Allocated Worker")
CONTACTS = (*PERSON, "Date of Contact", "Contact Source")
REFERRALS = (
    *PERSON,
    "Date of referral",
    "Referral Source",
    "Referral NFA?",
    "Number of Referrals in Last 12 Months",
    *ALLOCATED,
)
ASSESSMENTS = (*PERSON, "Continuous Assessment Start Date", *ALLOCATED)
ENQUIRIES = (
    *PERSON,
    "Strategy discussion initiating Section 47 Enquiry Start Date",
    "Was an Initial Child Protection Conference deemed unnecessary?",
    "Date of Initial Child Protection Conference",
    "Did the Initial Child Protection Conference Result in a Child Protection Plan",
    *ALLOCATED,
)
PLANS = (
    *PERSON,
    "Child Protection Plan Start Date",
    "Initial Category of Abuse",
    "Latest Category of Abuse",
    "Date of the Last Statutory Visit",
    "Date of latest review conference",
    "Child Protection Plan End Date",
    "Number of Previous Child Protection Plans",
    *ALLOCATED,
)
CARE = (*PERSON, "Date Started to be Looked After", "Date Ceased to be Looked After", *ALLOCATED)

Cells = Sequence[Any]


@dataclass(frozen=True)
class Reading:
    """All batches of an extract together."""

    source: str
    kind: str
    frame: pd.DataFrame
    rejects: list[Reject]
    duplicates: int
    notes: list[str]
    seen: int

    @property
    def events(self) -> list[tuple[str, str]]:
        """Returns (event, day) in the order read."""
        return [(row.event, f"{row.date:%Y-%m-%d}") for row in self.frame.itertuples()]

    @property
    def places(self) -> list[str]:
        return [reject.place for reject in self.rejects]

    @property
    def columns(self) -> list[str]:
        return [reject.column for reject in self.rejects]

    @property
    def reasons(self) -> list[str]:
        return [reject.reason for reject in self.rejects]

    def values(self, column: str) -> list[Any]:
        """Returns a column with None for what is not known."""
        return [None if pd.isna(value) else value for value in self.frame[column].tolist()]

    def of(self, event: str) -> pd.Series[Any]:
        """Returns the one event of a kind."""
        rows = self.frame[self.frame["event"] == event]
        assert len(rows) == 1
        return rows.iloc[0]


def reading(path: Path, *, today: dt.date = TODAY, period: Step | None = None, secret: bytes = SECRET) -> Reading:
    extract = open_extract(path, secret, today=today, period=period)
    batches = list(extract.batches)
    return Reading(
        extract.source,
        extract.kind,
        pd.concat([batch.frame for batch in batches], ignore_index=True),
        [reject for batch in batches for reject in batch.rejects],
        sum(batch.duplicates for batch in batches),
        [note for batch in batches for note in batch.notes],
        sum(batch.seen for batch in batches),
    )


def refusal(path: Path, **options: Any) -> InputError:
    """Returns the error with which a file is refused; it is always one line that names the file."""
    with pytest.raises(InputError) as caught:
        reading(path, **options)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(path.name) and caught.value.remedy
    return caught.value


def csv_file(folder: Path, *lines: str, name: str = "extract.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\n".join([*lines, ""]).encode(encoding))
    return path


def events(folder: Path, *rows: str, head: str = "child_id,event,date", **options: Any) -> Reading:
    """Reads an events CSV of these rows."""
    return reading(csv_file(folder, head, *rows), **options)


def totals(folder: Path, *rows: str, head: str = "week,measure,count", **options: Any) -> Reading:
    """Reads a totals CSV of these rows."""
    return reading(csv_file(folder, head, *rows), **options)


def workbook_file(folder: Path, sheets: dict[str, Sequence[Cells]], name: str = "annex.xlsx") -> Path:
    """Writes a workbook; each sheet is its rows, headings included."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    path = folder / name
    book.save(path)
    return path


def annex(folder: Path, sheets: dict[str, Sequence[Cells]], **options: Any) -> Reading:
    """Reads a workbook of these sheets."""
    return reading(workbook_file(folder, sheets), **options)


def cells(headings: Sequence[str], **values: Any) -> list[Any]:
    """Returns one row below these headings; a value is named by its heading's first words with _ between, or id."""
    row: list[Any] = [None] * len(headings)
    for name, value in values.items():
        wanted = {"id": "child unique id"}.get(name, name.replace("_", " "))
        row[next(at for at, heading in enumerate(headings) if heading.lower().startswith(wanted))] = value
    return row


def census_file(folder: Path, *children: str, name: str = "census.xml") -> Path:
    path = folder / name
    header = "<Header><CollectionDetails><Collection>CIN</Collection></CollectionDetails></Header>\n"
    path.write_text(f"<Message>\n{header}<Children>\n" + "\n".join(children) + "\n</Children>\n</Message>\n", "utf-8")
    return path


def census(folder: Path, *children: str, **options: Any) -> Reading:
    """Reads a census of these children."""
    return reading(census_file(folder, *children), **options)


def child(*blocks: str, name: str = "C1", identifiers: str = "", characteristics: str = "") -> str:
    """Returns the XML of a child; blocks are its CINdetails."""
    return "\n".join(
        [
            "<Child>",
            f"<ChildIdentifiers><LAchildID>{name}</LAchildID>{identifiers}</ChildIdentifiers>",
            f"<ChildCharacteristics>{characteristics}</ChildCharacteristics>",
            *(f"<CINdetails>\n{block}\n</CINdetails>" for block in blocks),
            "</Child>",
        ]
    )


def plan(start: str, end: str = "", more: str = "") -> str:
    """Returns the XML of a plan."""
    ended = f"<CPPendDate>{end}</CPPendDate>\n" if end else ""
    return f"<ChildProtectionPlans>\n<CPPstartDate>{start}</CPPstartDate>\n{ended}{more}</ChildProtectionPlans>"


REFERRED = "<CINreferralDate>2023-05-02</CINreferralDate>"


def hashed(identifier: object, kind: Any = "child") -> str:
    return pseudonym(SECRET, kind, identifier)


def unordered(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Returns the rows of a frame of events in an order of their own, for comparing."""
    plain = frame[list(EVENT_COLUMNS)].astype(object)
    return sorted(plain.where(plain.notna(), None).itertuples(index=False, name=None), key=repr)
