"""Children in need census (Department for Education), XML of any year from 2021, read as a stream.

Elements: CIN census 2026 schema; older years say GenderCurrent for Sex and have the initial conference inside Section47
or beside it. Blocks that are not known are passed over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lxml import etree

from forecaster.read.batches import Draft, complete
from forecaster.read.codes import REFERRAL_OUTCOMES, category, ethnicity, gender, source_in_words
from forecaster.read.extract import Batch, Door, ExtractKind
from forecaster.read.ledger import Cell, Ledger, Person, birth
from forecaster.read.values import yes_no
from forecaster.types import InputError

SOURCE = "cin_census"
KIND: ExtractKind = "events"
AT_ONCE = 20_000  # events in a batch
# A plan should start on the day of the conference (rule 2885); some councils enter it within the fortnight.
_PLAN_FOLLOWS = dt.timedelta(days=14)


def recognises(path: Path, head: bytes) -> bool:
    """Returns whether the file is XML; whether it is a census, read looks at."""
    return head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def read(path: Path, door: Door) -> Iterator[Batch]:
    """Returns the batches of a census.

    Raises InputError for XML that is no census or declares a document type (entities could unfold to any size), and
    for a file that is cut short.
    """
    _check_census(path)
    return complete(lambda plans_only: _drafts(path, door), start="CPPstartDate", end="CPPendDate")


def _check_census(path: Path) -> None:
    """Other collections of the Department start with <Message> too; the header says which one it is."""
    remedy = "give the children in need census as the Department for Education's XML, which starts with <Message>"
    with _damage_told(path.name):
        elements = _elements(path, ("start", "end"), None)
        _, root = next(elements)
        if etree.QName(root).localname != "Message":
            raise InputError(path.name, f"this XML is no census: it starts with <{root.tag[:40]}>", remedy)
        for event, element in elements:
            name = etree.QName(element).localname
            if event == "end" and name == "Collection" and element.text != "CIN":
                raise InputError(path.name, "this is another collection", remedy, row=element.sourceline, column=name)
            if name == "Children":
                return


def _elements(path: Path, events: tuple[str, ...], tag: str | None) -> Iterator[tuple[str, Any]]:
    """Yields elements of a file that declares no document type; nothing is fetched and no entity unfolds."""
    with path.open("rb") as stream:
        walk = etree.iterparse(
            stream, events=events, tag=tag, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        for event, element in walk:
            if element.getroottree().docinfo.doctype:
                remedy = "export the census again without one"
                raise InputError(
                    path.name, "the XML declares a document type, which a census never does", remedy, row=1
                )
            yield event, element


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    try:
        yield
    except etree.XMLSyntaxError as error:
        line = error.lineno or None
        raise InputError(name, "the XML is cut short or damaged", "export it again", row=line) from None


def _drafts(path: Path, door: Door) -> Iterator[Draft]:
    ledger = Ledger(door, "line")
    with _damage_told(path.name):
        for _, child in _elements(path, ("end",), "{*}Child"):
            _child(child, ledger)
            _forget(child)
            if len(ledger) >= AT_ONCE:
                yield ledger.draft()
    yield ledger.draft()


def _forget(element: Any) -> None:
    """Frees an element and those before it, so that memory does not grow with the file."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _cell(parent: Any, name: str) -> Cell:
    """Returns the text of an element with its line; blank, with the parent's line, when there is none."""
    element = parent.find("{*}" + name) if parent is not None else None
    if element is None:
        return Cell(None, name, 0 if parent is None else parent.sourceline)
    return Cell(element.text, name, element.sourceline)


def _child(child: Any, ledger: Ledger) -> None:
    identifiers, traits = child.find("{*}ChildIdentifiers"), child.find("{*}ChildCharacteristics")
    name = ledger.child(_cell(child if identifiers is None else identifiers, "LAchildID"))
    if name is None:
        return
    sex = _cell(identifiers, "Sex").value or _cell(identifiers, "GenderCurrent").value
    born = birth(_cell(identifiers, "PersonBirthDate").value)
    expected = birth(_cell(identifiers, "ExpectedPersonBirthDate").value)
    person = Person(name, gender(sex), ethnicity(_cell(traits, "Ethnicity").value), born or expected)
    plans = [_cell(plan, "CPPstartDate").value for plan in child.iterfind(".//{*}ChildProtectionPlans")]
    starts = [start for start in map(birth, plans) if start]
    for details in child.iterfind("{*}CINdetails"):
        _details(details, person, starts, ledger)


def _details(details: Any, person: Person, plan_starts: list[dt.date], ledger: Ledger) -> None:
    ledger.event(
        "referral",
        person,
        _cell(details, "CINreferralDate"),
        source=source_in_words(_cell(details, "ReferralSource").value),
        outcome=REFERRAL_OUTCOMES[yes_no(_cell(details, "ReferralNFA").value)],
    )
    _conference(details, person, plan_starts, ledger)
    for assessment in details.iterfind("{*}Assessments"):
        ledger.event("assessment", person, _cell(assessment, "AssessmentActualStartDate"))
    for enquiry in details.iterfind("{*}Section47"):
        held = _conference(enquiry, person, plan_starts, ledger)
        unnecessary = yes_no(_cell(enquiry, "ICPCnotRequired").value)
        outcome = "conference" if held else "no_conference" if unnecessary else None
        ledger.event("section_47", person, _cell(enquiry, "S47ActualStartDate"), outcome=outcome)
    for plan in details.iterfind("{*}ChildProtectionPlans"):
        _plan(plan, person, ledger)


def _conference(block: Any, person: Person, plan_starts: list[dt.date], ledger: Ledger) -> bool:
    """Enters the initial conference of a block, if it has one; a plan that starts with it is its outcome."""
    cell = _cell(block, "DateOfInitialCPC")
    if cell.is_blank:
        return False
    held = birth(cell.value)
    follows = held and any(held <= start <= held + _PLAN_FOLLOWS for start in plan_starts)
    return bool(ledger.event("conference", person, cell, outcome="plan" if follows else "no_plan"))


def _plan(plan: Any, person: Person, ledger: Ledger) -> None:
    initial, latest = (_cell(plan, f"{when}CategoryOfAbuse").value for when in ("Initial", "Latest"))
    abuse = category(initial) or category(latest)
    start, end, previous = (_cell(plan, name) for name in ("CPPstartDate", "CPPendDate", "NumberOfPreviousCPP"))
    ledger.plan(person, start, end, previous, plan.sourceline, category=abuse)
    for review in plan.iterfind(".//{*}CPPreviewDate"):
        cell = Cell(review.text, "CPPreviewDate", review.sourceline)
        ledger.event("review", person, cell, category=abuse)
