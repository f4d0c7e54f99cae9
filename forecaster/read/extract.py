"""What a reader gives: an extract, in batches of accepted rows and rejects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from forecaster.read.pseudonym import pseudonym
from forecaster.read.values import day
from forecaster.types import DIMENSIONS, EVENT_COLUMNS, TOTALS_COLUMNS, Reject, Step

ExtractKind = Literal["events", "totals"]

_TEXT = ("child", "event", "family", *DIMENSIONS, "outcome")
_EVENT_TYPES = {
    **dict.fromkeys(_TEXT, "str"),
    **dict.fromkeys(("date", "recorded", "previous_plan_end"), "datetime64[s]"),
    "previous_plans": "Int64",
}
_TOTALS_TYPES = {
    "measure": "str", "slice": "object", "step": "str", "period": "datetime64[s]", "count": "float64", "of": "float64",
}  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Rows of one extract.

    frame: EVENT_COLUMNS (text as str, dates as datetime64[s], previous_plans as Int64; NaN, NaT or NA where unknown)
    or TOTALS_COLUMNS (count and of as float64; NaN where the file leaves the cell blank or suppressed).
    duplicates: exact repeats left out. notes: what a person should know, each said once in an extract.
    """

    frame: pd.DataFrame
    rejects: tuple[Reject, ...] = ()
    duplicates: int = 0
    notes: tuple[str, ...] = ()

    @property
    def seen(self) -> int:
        """How many events (or totals) the source held here: what the share of rejects is a share of."""
        return len(self.frame) + len(self.rejects) + self.duplicates


@dataclass(frozen=True)
class Extract:
    """One file found to be readable; `batches` is read once and may raise InputError until its end."""

    source: str
    name: str
    digest: str
    kind: ExtractKind
    batches: Iterator[Batch]


@dataclass(frozen=True)
class Door:
    """What a reader needs where data comes in: the file's name for errors, the secret, the day it was received."""

    file: str
    secret: bytes
    today: dt.date
    period: Step | None = None

    def child(self, identifier: object) -> str:
        """Returns a child's pseudonym; raises UnusableError when there is no identifier."""
        return pseudonym(self.secret, "child", identifier)

    def family(self, identifier: object) -> str:
        """Returns a family's pseudonym; raises UnusableError when there is no identifier."""
        return pseudonym(self.secret, "family", identifier)

    def day(self, value: object) -> dt.date:
        """Returns the day of an event; raises UnusableError for one that cannot be, or not yet."""
        return day(value, latest=self.today)


class Format(Protocol):
    """One file of this folder for each format: a module with these four names."""

    SOURCE: str
    KIND: ExtractKind

    def recognises(self, path: Path, head: bytes) -> bool:
        """Returns whether the file is of this format, from its first bytes (unpacked, if it was gzipped)."""

    def read(self, path: Path, door: Door) -> Iterator[Batch]:
        """Returns the batches; raises InputError at once for a file that cannot be used."""


def event_frame(columns: dict[str, Any] | Sequence[dict[str, Any]], index: Sequence[int]) -> pd.DataFrame:
    """Returns events as EVENT_COLUMNS with their types, a missing column blank; the index is the row in the file."""
    frame = pd.DataFrame(columns, index=np.asarray(index, dtype="int64"), dtype="object")
    return frame.reindex(columns=list(EVENT_COLUMNS)).astype(_EVENT_TYPES)


def totals_frame(columns: pd.DataFrame) -> pd.DataFrame:
    """Returns totals as TOTALS_COLUMNS with their types, a missing column blank."""
    return columns.reindex(columns=list(TOTALS_COLUMNS)).astype(_TOTALS_TYPES).reset_index(drop=True)
