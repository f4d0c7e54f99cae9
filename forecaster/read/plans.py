"""Plans of one child must not overlap, nor end before they start: judged over a whole file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_AT_ONCE = 50_000


class _PlanEvent(NamedTuple):
    child: int
    day: int
    is_end: bool
    row: int
    repeat: bool  # the start says there was a plan before


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the plan event of a row is left out: an overlap with the plan (or an end before the start) of another row."""

    overlaps: bool
    other: int


@dataclass
class PlanBook:
    """The plan events of a file, kept as some 30 bytes each, so that a very large file fits."""

    _parts: list[NDArray[np.void]] = field(default_factory=list)
    _TYPE = np.dtype([("child", "u8"), ("day", "i4"), ("is_end", "?"), ("row", "i8"), ("repeat", "?")])

    def note(self, frame: pd.DataFrame) -> None:
        """Remembers the plan events of a frame of events whose index is the row in the file."""
        plans = frame[frame["event"].isin(["plan_start", "plan_end"])]
        part = np.empty(len(plans), dtype=self._TYPE)
        # 64 of the pseudonym's 128 bits: among a million children two share them once in 37 million files.
        part["child"] = [int(child[:16], 16) for child in plans["child"]]
        part["day"] = plans["date"].to_numpy().astype("datetime64[D]").astype("int32")
        part["is_end"] = (plans["event"] == "plan_end").to_numpy()
        part["row"] = plans.index.to_numpy()
        earlier = (plans["previous_plans"].fillna(0) >= 1) | plans["previous_plan_end"].notna()
        part["repeat"] = earlier.to_numpy(dtype=bool)
        self._parts.append(part)

    def refusals(self) -> dict[int, Refusal]:
        """Returns the rows whose plan event cannot be true, with the reason.

        A start while the plan of an earlier start is open; an end before the child's first start in the file, unless
        that start says there was a plan before. An end and a start on one day are a change of plan.
        """
        refused: dict[int, Refusal] = {}
        for _, events in groupby(self._sorted(), key=attrgetter("child")):
            refused |= _judge(list(events))
        return refused

    def _sorted(self) -> Iterator[_PlanEvent]:
        everything = np.concatenate(self._parts) if self._parts else np.empty(0, dtype=self._TYPE)
        everything = everything[np.lexsort((everything["row"], everything["day"], everything["child"]))]
        for at in range(0, len(everything), _AT_ONCE):
            yield from map(_PlanEvent._make, everything[at : at + _AT_ONCE].tolist())


def _judge(events: list[_PlanEvent]) -> dict[int, Refusal]:
    refused: dict[int, Refusal] = {}
    open_row: int | None = None
    first = next((event for event in events if not event.is_end), None)
    repeat = first is not None and any(event.repeat for event in events if event.day == first.day)
    for _, same_day in groupby(events, key=attrgetter("day")):
        today = list(same_day)
        starts = [event.row for event in today if not event.is_end]
        # A row that starts and ends its plan on one day closes nobody else's.
        ends = [event.row for event in today if event.is_end and event.row not in refused]
        if open_row is not None and any(row not in starts for row in ends):
            open_row, ends = None, [row for row in ends if row in starts]
        elif first is not None and today[0].day < first.day and not repeat:
            refused |= {row: Refusal(overlaps=False, other=first.row) for row in ends}
        if starts and open_row is not None:
            refused |= {row: Refusal(overlaps=True, other=open_row) for row in starts}
        elif starts:
            open_row = None if ends else starts[0]
    return refused
