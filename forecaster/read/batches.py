"""From a reader's drafts to batches: exact repeats are counted once, plans that cannot be true are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.read.extract import Batch
from forecaster.read.plans import PlanBook, Refusal
from forecaster.types import Reject

_MUCH_SHORTER = 8  # times


@dataclass(frozen=True)
class Draft:
    """Events of part of a file, each sound by itself; the index of frame is the row that `where` counts.

    A plan's start and end that stand in one row of the file have the same index.
    """

    frame: pd.DataFrame
    where: str
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class Seen:
    """Remembers rows by a 64-bit hash, 8 bytes a row: one file in a million of four million rows loses a row by it."""

    _known: list[NDArray[np.uint64]] = field(default_factory=list)  # each in order and much shorter than the last

    def again(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Returns which of these were seen before, here or earlier, and remembers them all."""
        repeated = np.array(pd.Series(hashes).duplicated(), dtype=bool)
        order = np.argsort(hashes)  # what is looked up in order is found many times as fast
        for known in self._known:
            at = np.searchsorted(known, hashes[order]).clip(max=len(known) - 1)
            repeated[order] |= known[at] == hashes[order]
        if not repeated.all():
            self._remember(np.sort(hashes[~repeated]))
        return repeated

    def _remember(self, new: NDArray[np.uint64]) -> None:
        while self._known and len(self._known[-1]) < _MUCH_SHORTER * len(new):
            new = np.sort(np.concatenate([self._known.pop(), new]), kind="stable")
        self._known.append(new)


def hashes(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """Returns one number a row, the same for the same values."""
    return np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype=np.uint64)


def complete(drafts: Callable[[bool], Iterator[Draft]], start: str = "date", end: str = "date") -> Iterator[Batch]:
    """Yields the batches of a file of events, at least one.

    drafts: reads the file anew each time it is called, which is twice, because a plan can only be judged when every
    row is known and holding all of a large file would not be bounded; the first time it is told that the plans are
    enough. start, end: what the file calls the columns of a plan's dates. The whole file has been read once before
    the first batch, so a damaged one gives none.
    """
    book = PlanBook()
    for draft in drafts(True):
        book.note(draft.frame)
    refused = book.refusals()
    seen = Seen()
    for draft in drafts(False):
        yield _finish(draft, refused, seen, (start, end))


def _finish(draft: Draft, refused: Mapping[int, Refusal], seen: Seen, columns: tuple[str, str]) -> Batch:
    frame = draft.frame
    is_plan = frame["event"].isin(["plan_start", "plan_end"]) & frame.index.isin(list(refused))
    rows = dict.fromkeys(frame.index[is_plan])
    rejects = tuple(_reject(draft.where, row, refused[row], columns) for row in rows)
    kept = frame[~is_plan]
    repeated = seen.again(hashes(kept))
    return Batch(kept[~repeated].reset_index(drop=True), draft.rejects + rejects, int(repeated.sum()), draft.notes)


def _reject(where: str, row: int, refusal: Refusal, columns: tuple[str, str]) -> Reject:
    place, other = f"{where} {row}", f"{where} {refusal.other}"
    if refusal.overlaps:
        reason = f"a second plan starts while the child's plan of {other} is open"
        return Reject(place, columns[0], reason, f"give the end of the plan of {other}, or take out the wrong one")
    reason = f"the plan ends before the child's first plan in the file starts ({other})"
    return Reject(place, columns[1], reason, f"correct the date, or say in {other} that there were previous plans")
