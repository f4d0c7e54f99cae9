"""Ofsted's Annex A workbook: lists 1, 3, 4, 5, 7 and 8, a sheet each, as councils really fill it in.

Columns and codes: Ofsted, ILACS Annex A template (guidance of August 2019); the spellings without spaces are those of
the Standard Safeguarding Dataset's Annex A queries (Data to Insight).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from forecaster.read.batches import Draft, complete
from forecaster.read.codes import REFERRAL_OUTCOMES, category, ethnicity, gender, source_in_words
from forecaster.read.extract import Batch, Door, ExtractKind
from forecaster.read.headings import locate, missing_column
from forecaster.read.ledger import Cell, Ledger, Person, birth
from forecaster.read.values import loose, tidy, yes_no
from forecaster.types import InputError

SOURCE = "annex_a"
KIND: ExtractKind = "events"

_OLE = bytes.fromhex("D0CF11E0A1B11AE1")  # an old .xls, or the envelope of an encrypted workbook
_LARGEST = 1 << 30  # bytes of an unpacked workbook: no council's list is near it, a zip bomb is
_HEADER_ROWS = 5  # the headings are on row 1, or below a title

_PERSON = {
    "Child Unique ID": (),
    "Gender": ("Sex",),
    "Ethnicity": (),
    "Date of Birth": (),
    "Age of Child (Years)": ("Age",),
    "Allocated Team": (),
}
ID = "Child Unique ID"
STRATEGY = "Strategy discussion initiating Section 47 Enquiry Start Date"
UNNECESSARY = "Was an Initial Child Protection Conference deemed unnecessary?"
CONFERENCE = "Date of Initial Child Protection Conference"
RESULT = "Did the Initial Child Protection Conference Result in a Child Protection Plan"
PLAN_START, PLAN_END = "Child Protection Plan Start Date", "Child Protection Plan End Date"
PREVIOUS = "Number of Previous Child Protection Plans"
CARE_START, CARE_END = "Date Started to be Looked After", "Date Ceased to be Looked After"


@dataclass(frozen=True)
class _List:
    """One list of Annex A: its columns with their other spellings; without a needed one the file is refused."""

    number: int
    needed: dict[str, tuple[str, ...]]
    useful: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def spellings(self) -> dict[str, tuple[str, ...]]:
        columns = {ID: (), **self.needed, **_PERSON, **self.useful}
        return {name: (name, *others) for name, others in columns.items()}


_LISTS = (
    _List(1, {"Date of Contact": ()}, {"Contact Source": ()}),
    _List(3, {"Date of Referral": ("ReferralDate",), "Referral NFA?": ()}, {"Referral Source": ()}),
    _List(4, {"Continuous Assessment Start Date": ("ContinuousAssessmentStart",)}),
    _List(
        5,
        {
            STRATEGY: ("StratDiscussionDate",),
            UNNECESSARY: ("InitialCPConfUnnecessary",),
            CONFERENCE: ("InitialCPConfDate",),
            RESULT: ("CPConfResultInCPPlan",),
        },
    ),
    _List(
        7,
        {PLAN_START: (), PLAN_END: (), PREVIOUS: ()},
        {
            "Initial Category of Abuse": (),
            "Latest Category of Abuse": (),
            "Date of the Last Statutory Visit": ("DateOfLastStatutoryVisit",),
            "Date of latest review conference": ("DateOfLatestReviewConf",),
        },
    ),
    _List(8, {CARE_START: ("LookedAfterStartDate", "LoookedAfterStartDate"), CARE_END: ("CeasedLookedAfterDate",)}),
)


def recognises(path: Path, head: bytes) -> bool:
    """Returns whether the file is packed as a workbook is; what is in it, read looks at."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE))


def read(path: Path, door: Door) -> Iterator[Batch]:
    """Returns the batches of a workbook, one for each list.

    Raises InputError for a workbook that is protected, damaged or without any of the lists, and for a list without
    a column that its events need.
    """
    sheets = _lists_in(_workbook(path), door)
    drafts = list(_drafts(sheets, door))
    return complete(lambda plans_only: iter(drafts), start=PLAN_START, end=PLAN_END)


def _workbook(path: Path) -> CalamineWorkbook:
    with path.open("rb") as stream:
        is_ole = stream.read(8) == _OLE
    if is_ole and "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        raise _protected(path.name)
    if not is_ole:
        _check_zip(path)
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise _protected(path.name) from None
    except CalamineError:
        raise _damaged(path.name) from None


def _protected(file: str) -> InputError:
    return InputError(file, "the workbook is protected with a password", "save a copy without a password and give that")


def _damaged(file: str) -> InputError:
    return InputError(file, "the workbook is cut short or damaged", "copy or export it again")


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names, size = archive.namelist(), sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile:
        raise _damaged(path.name) from None
    if not any(name.startswith("xl/") for name in names):
        raise InputError(path.name, "the zip archive holds no workbook", "unpack it and give the file that is in it")
    if size > _LARGEST:
        raise InputError(path.name, "the workbook unpacks to more than 1 GB", "give a workbook with the lists alone")


@dataclass(frozen=True)
class _Sheet:
    """A sheet that holds a list: where its columns are, and its rows below the headings with their numbers."""

    kind: _List
    name: str
    places: dict[str, int]
    rows: list[tuple[int, list[Any]]]


def _lists_in(workbook: CalamineWorkbook, door: Door) -> list[_Sheet]:
    found: dict[int, _Sheet] = {}
    for name in workbook.sheet_names:
        try:
            rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
        except CalamineError:
            raise _damaged(door.file) from None
        header = _header(rows)
        kind = _kind(name, rows[header] if rows else [])
        if kind and kind.number in found:
            reason = f"List {kind.number} is on two sheets, {found[kind.number].name} and {name}"
            raise InputError(door.file, reason, "take one of them out")
        if kind:
            found[kind.number] = _sheet(kind, name, rows, header, door.file)
    if not found:
        remedy = "name the sheets List_1 to List_8 as in Ofsted's template"
        raise InputError(door.file, "no sheet is a list of Annex A", remedy)
    return [found[number] for number in sorted(found)]


def _header(rows: Sequence[Sequence[Any]]) -> int:
    """Returns the index of the row with the headings: the one of the first rows with the most known ones."""
    known = {loose(s) for one in _LISTS for spellings in one.spellings.values() for s in spellings}
    score = [sum(loose(cell) in known for cell in row) for row in rows[:_HEADER_ROWS]]
    return max(range(len(score)), key=lambda at: (score[at], -at), default=0)


def _kind(name: str, headings: Sequence[Any]) -> _List | None:
    """Returns which list a sheet is: by its name, or else by a heading that no other list has."""
    number = re.search(r"^(?:annexa)?list0*(\d+)", loose(name))
    if number:
        return next((one for one in _LISTS if one.number == int(number[1])), None)
    keys = {loose(heading) for heading in headings}
    return next((one for one in _LISTS if keys & {loose(s) for s in one.spellings[next(iter(one.needed))]}), None)


def _sheet(kind: _List, name: str, rows: list[list[Any]], header: int, file: str) -> _Sheet:
    headings = [str(cell).strip() for cell in rows[header]] if rows else []
    places = locate(headings, kind.spellings)
    known = [spelling for spellings in kind.spellings.values() for spelling in spellings]
    for column in (ID, *kind.needed):
        if column not in places and any(headings):
            raise missing_column(file, column, headings, known, row=header + 1, where=f"sheet {name}")
    numbered = enumerate(rows[header + 1 :], start=header + 2)
    filled = [(number, row) for number, row in numbered if any(tidy(cell) for cell in row)]
    return _Sheet(kind, name, places, filled)


def _drafts(sheets: list[_Sheet], door: Door) -> Iterator[Draft]:
    notes = _notes(sheets)
    for sheet in sheets:
        ledger = Ledger(door, f"{sheet.name} row")
        for number, row in sheet.rows:
            _enter(sheet, _Row(sheet.places, number, row), ledger)
        yield ledger.draft(notes)
        notes = ()


def _notes(sheets: list[_Sheet]) -> tuple[str, ...]:
    present = {sheet.kind.number for sheet in sheets}
    absent = [f"List {one.number}" for one in _LISTS if one.number not in present]
    notes = [f"not in the workbook: {', '.join(absent)}"] if absent else []
    notes += [f"{sheet.name} is empty" for sheet in sheets if not sheet.rows]
    for sheet in sheets:
        lacking = [column for column in sheet.kind.useful if column not in sheet.places]
        notes += [f"{sheet.name} has no column {', '.join(lacking)}"] if lacking and sheet.rows else []
    return tuple(notes)


@dataclass(frozen=True)
class _Row:
    places: dict[str, int]
    number: int
    cells: list[Any]

    def cell(self, column: str) -> Cell:
        at = self.places.get(column)
        return Cell(None if at is None else self.cells[at], column, self.number)

    def value(self, column: str) -> Any:
        return self.cell(column).value

    @property
    def team(self) -> str | None:
        return tidy(self.value("Allocated Team")) or None


def _enter(sheet: _Sheet, row: _Row, ledger: Ledger) -> None:
    child = ledger.child(row.cell(ID))
    if child is None:
        return
    person = Person(
        child,
        gender(row.value("Gender")),
        ethnicity(row.value("Ethnicity")),
        birth(row.value("Date of Birth")),
        row.value("Age of Child (Years)"),
    )
    _ENTER[sheet.kind.number](row, person, ledger)


def _contact(row: _Row, person: Person, ledger: Ledger) -> None:
    ledger.event("contact", person, row.cell("Date of Contact"), source=source_in_words(row.value("Contact Source")))


def _referral(row: _Row, person: Person, ledger: Ledger) -> None:
    ledger.event(
        "referral",
        person,
        row.cell("Date of Referral"),
        source=source_in_words(row.value("Referral Source")),
        team=row.team,
        outcome=REFERRAL_OUTCOMES[yes_no(row.value("Referral NFA?"))],
    )


def _assessment(row: _Row, person: Person, ledger: Ledger) -> None:
    ledger.event("assessment", person, row.cell("Continuous Assessment Start Date"), team=row.team)


def _section_47(row: _Row, person: Person, ledger: Ledger) -> None:
    """A row may hold a conference alone (a child who moved in): then there is no enquiry to count."""
    strategy, conference = row.cell(STRATEGY), row.cell(CONFERENCE)
    outcome = "no_conference" if yes_no(row.value(UNNECESSARY)) else None
    if not conference.is_blank:
        result = {True: "plan", False: "no_plan", None: None}[yes_no(row.value(RESULT))]
        held = ledger.event("conference", person, conference, team=row.team, outcome=result)
        outcome = "conference" if held else outcome
    if not (strategy.is_blank and outcome == "conference"):
        ledger.event("section_47", person, strategy, team=row.team, outcome=outcome)


def _plan(row: _Row, person: Person, ledger: Ledger) -> None:
    start, end, previous = row.cell(PLAN_START), row.cell(PLAN_END), row.cell(PREVIOUS)
    abuse = category(row.value("Initial Category of Abuse")) or category(row.value("Latest Category of Abuse"))
    ledger.plan(person, start, end, previous, row.number, category=abuse, team=row.team)
    for event, column in (
        ("visit", "Date of the Last Statutory Visit"),
        ("review", "Date of latest review conference"),
    ):
        if not row.cell(column).is_blank:
            ledger.event(event, person, row.cell(column), category=abuse, team=row.team)


def _care(row: _Row, person: Person, ledger: Ledger) -> None:
    ledger.span("care", person, row.cell(CARE_START), row.cell(CARE_END), row.number, team=row.team)


_ENTER = {1: _contact, 3: _referral, 4: _assessment, 5: _section_47, 7: _plan, 8: _care}
