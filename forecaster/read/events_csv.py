"""Events CSV: one dated fact about one child a row, `child_id,event,date` and any of the optional columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from forecaster.read import codes
from forecaster.read.batches import Draft, complete
from forecaster.read.extract import Batch, Door, ExtractKind, event_frame
from forecaster.read.headings import locate, missing_column, resemblance
from forecaster.read.tables import Chunk, Table, first_bytes, first_headings, if_given, interpret
from forecaster.read.values import UnusableError, loose, nearest, plans_before, tidy
from forecaster.types import EVENT_KINDS

SOURCE = "events_csv"
KIND: ExtractKind = "events"
REQUIRED = ("child_id", "event", "date")
OPTIONAL = (
    "team", "locality", "source", "category", "age", "gender", "ethnicity", "family_id", "outcome", "previous_plans",
    "previous_plan_end", "recorded",
)  # fmt: skip
_NEARLY = 0.9  # as "previous_plan" is like "previous_plans"; "recorded_by" is not so like "recorded"


def recognises(path: Path, head: bytes) -> bool:
    """Returns whether the headings are those of an events CSV, one of them perhaps renamed."""
    exact, close = resemblance(first_headings(head), REQUIRED)
    return exact >= 1 and exact + close >= 2


def read(path: Path, door: Door) -> Iterator[Batch]:
    """Returns the batches of an events CSV; raises InputError for a missing or a misspelt column."""
    table = Table.open(path, first_bytes(path))
    columns = _columns(door.file, table.headings)
    notes = _notes(table.headings, columns)
    return complete(lambda plans_only: _drafts(table, columns, door, notes, plans_only))


def _columns(file: str, headings: tuple[str, ...]) -> dict[str, str]:
    """Returns the file's own heading of each column it has."""
    places = locate(headings, {name: (name,) for name in (*REQUIRED, *OPTIONAL)})
    for name in REQUIRED:
        if name not in places:
            raise missing_column(file, name, headings, (*REQUIRED, *OPTIONAL))
    spare = [heading for at, heading in enumerate(headings) if at not in places.values()]
    for name in OPTIONAL:
        # Reading on without previous_plans because it is headed "previous_plan" would be a silent error.
        if name not in places and nearest(name, spare, cutoff=_NEARLY):
            raise missing_column(file, name, headings, (*REQUIRED, *OPTIONAL))
    return {name: headings[at] for name, at in places.items()}


def _notes(headings: tuple[str, ...], columns: dict[str, str]) -> tuple[str, ...]:
    ignored = [heading[:40] for heading in headings if heading and heading not in columns.values()]
    return (f"columns not used: {', '.join(ignored)}",) if ignored else ()


def _drafts(
    table: Table, columns: dict[str, str], door: Door, notes: tuple[str, ...], plans_only: bool
) -> Iterator[Draft]:
    for chunk in table.chunks():
        if plans_only:
            chunk = replace(chunk, frame=chunk.frame[chunk.frame[columns["event"]].str.contains("plan", case=False)])
        yield _draft(chunk, columns, door, notes)
        notes = ()


def _meanings(door: Door) -> dict[str, tuple[str, Callable[[str], object]]]:
    """Returns for each column of the frame the column of the file it comes from and what a text there means."""
    day = if_given(door.day)
    return {
        "child": ("child_id", door.child),
        "event": ("event", event_name),
        "date": ("date", door.day),
        "recorded": ("recorded", day),
        "previous_plans": ("previous_plans", if_given(plans_before)),
        "previous_plan_end": ("previous_plan_end", day),
        "family": ("family_id", if_given(door.family)),
        "age_band": ("age", codes.band_of_age),
        "source": ("source", partial(_or_as_written, codes.source)),
        "category": ("category", partial(_or_as_written, codes.category)),
        "gender": ("gender", partial(_or_as_written, codes.gender)),
        "ethnicity": ("ethnicity", partial(_or_as_written, codes.ethnicity)),
        "team": ("team", _text),
        "locality": ("locality", _text),
        "outcome": ("outcome", lambda text: tidy(text).lower().replace(" ", "_") or None),
    }


def event_name(text: str) -> str:
    """Returns the event a text names; raises UnusableError with the nearest right name."""
    names = {loose(name): name for name in EVENT_KINDS}
    found = names.get(loose(tidy(text)))
    if found:
        return found
    near = nearest(tidy(text), EVENT_KINDS)
    if near:  # only then is the value quoted: it is an event misspelt, not a name in the wrong column
        raise UnusableError(f"unknown event '{tidy(text)[:20]}'", f"write {near}")
    reason = "unknown event" if tidy(text) else "no event"
    raise UnusableError(reason, f"write one of {', '.join(EVENT_KINDS)}")


def _text(text: str) -> str | None:
    return tidy(text) or None


def _or_as_written(meaning: Callable[[object], str | None], text: str) -> str | None:
    """Councils may use their own names here; only the known codes are translated."""
    return meaning(text) or _text(text)


def _draft(chunk: Chunk, columns: dict[str, str], door: Door, notes: tuple[str, ...]) -> Draft:
    meanings = {
        name: (columns[column], meaning) for name, (column, meaning) in _meanings(door).items() if column in columns
    }
    values, bad = interpret(chunk, meanings)
    rows = chunk.frame.index
    good = ~rows.isin(list(bad))
    frame = event_frame({name: value[good].tolist() for name, value in values.items()}, rows[good].tolist())
    return Draft(frame, "row", (*chunk.rejects, *(bad[row] for row in sorted(bad))), notes)
