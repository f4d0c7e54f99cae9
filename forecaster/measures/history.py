"""One vintage of events as arrays, and the questions that are asked of a child's own history.

Days are whole numbers since 1970-01-01; `rows` are positions in those arrays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.measures.definition import TEXT_COLUMNS, Condition
from forecaster.types import EVENT_COLUMNS, Floats

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SPAN = 1_000_000  # days kept apart between two children, far more than any history
_NEVER = np.iinfo(np.int64).max // 4
BEFORE_HISTORY = -_NEVER
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Coded:
    """A text column as numbers: codes point into the sorted labels, -1 is blank."""

    codes: Ints
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Spells:
    """Times a child was open: [start, end) in days, and the row whose attributes describe the spell."""

    start: Ints
    end: Ints
    row: Ints


def labelled(coded: Coded, rows: Ints) -> tuple[tuple[str, ...], Ints]:
    """Returns the labels of a column with NOT_RECORDED among them, and which of them each row has."""
    labels = coded.labels if NOT_RECORDED in coded.labels else (*coded.labels, NOT_RECORDED)
    codes = coded.codes[rows]
    return labels, np.where(codes < 0, labels.index(NOT_RECORDED), codes)


class History:
    """The events up to and including `end`, as known on one day; later ones are not looked at."""

    def __init__(self, events: pd.DataFrame, end: dt.date):
        self.end = int(np.datetime64(end, "D").astype(np.int64))
        day = _days(events["date"])
        known = (day <= self.end) & (day > BEFORE_HISTORY)
        self._frame = events.reindex(columns=[*EVENT_COLUMNS, "extract"])[known]
        self.day = day[known]
        self.child = _same(self._frame["child"])
        self.family = _same(self._frame["family"])
        self._key = self.child * _SPAN + self.day
        self._kind = _coded(self._frame["event"])
        self._columns: dict[str, Coded] = {}
        self._rows: dict[str, Ints] = {}
        self._spells: dict[tuple[str, str], Spells] = {}

    def rows(self, kind: str) -> Ints:
        """Returns the rows of one kind of event, in order of child and date."""
        if kind not in self._rows:
            label = self._kind.labels.index(kind) if kind in self._kind.labels else -2
            found = np.flatnonzero(self._kind.codes == label)
            self._rows[kind] = found[np.argsort(self._key[found], kind="stable")]
        return self._rows[kind]

    def first(self, kind: str | None) -> int:
        """Returns the day of the first event of a kind, or a day that never comes where there is none."""
        return int(self.day[self.rows(kind)].min(initial=_NEVER)) if kind else _NEVER

    def column(self, name: str) -> Coded:
        """Returns a text column of all rows as codes."""
        if name not in self._columns:
            self._columns[name] = _coded(self._frame[name])
        return self._columns[name]

    @cached_property
    def previous_plans(self) -> Floats:
        return pd.to_numeric(self._frame["previous_plans"]).to_numpy(dtype=np.float64, na_value=np.nan)

    @cached_property
    def previous_plan_end(self) -> Ints:
        return _days(self._frame["previous_plan_end"])

    def since_last(self, kind: str, rows: Ints) -> Ints:
        """Returns the days since the child's last event of a kind strictly before each row, or many where none was."""
        keys = np.append(-_NEVER, self._key[self.rows(kind)])
        days: Ints = self._key[rows] - keys[np.searchsorted(keys, self._key[rows], "left") - 1]
        return days

    def since_latest(self, kind: str, rows: Ints) -> Ints:
        """Returns the days since the child's last event of a kind on or before each row's day, many where none was."""
        keys = np.append(-_NEVER, self._key[self.rows(kind)])
        days: Ints = self._key[rows] - keys[np.searchsorted(keys, self._key[rows], "right") - 1]
        return days

    def until_next(self, kind: str, rows: Ints) -> Ints:
        """Returns the days to the child's next event of a kind on or after each row, or many where none came."""
        keys = np.append(self._key[self.rows(kind)], _NEVER)
        days: Ints = keys[np.searchsorted(keys, self._key[rows], "left")] - self._key[rows]
        return days

    def spells(self, opens: str, closes: str) -> Spells:
        """Returns each child's spells, at most one open at a time.

        Of two openings with no end between them one is a correction of the other: the one of the later extract stands,
        else the earlier date. The same holds for two ends. An end without an opening closes a spell that was open
        before the history began. An opening on the day of an end follows it, unless nothing was open.
        """
        if (opens, closes) not in self._spells:
            self._spells[opens, closes] = self._alternating(opens, closes)
        return self._spells[opens, closes]

    def _alternating(self, opens: str, closes: str) -> Spells:
        both = np.concatenate([self.rows(closes), self.rows(opens)])
        opening = np.arange(len(both)) >= len(self.rows(closes))
        order = np.lexsort((opening, self._key[both]))
        both, opening = self._one_of_each_run(*self._open_before_close(both[order], opening[order]))
        child = np.append(self.child[both], -2)
        day = np.append(self.day[both], _NEVER)
        closed = opening & (child[1:] == child[:-1])
        orphan = ~opening & (child[:-1] != np.append(-2, child[:-2]))
        start = np.concatenate([day[:-1][opening], np.full(orphan.sum(), BEFORE_HISTORY)])
        end = np.concatenate([np.where(closed, day[1:], _NEVER)[opening], day[:-1][orphan]])
        return Spells(start, end, np.concatenate([both[opening], both[orphan]]))

    def _open_before_close(self, rows: Ints, opening: Bools) -> tuple[Ints, Bools]:
        """Swaps an end and an opening of one day where the child was not open before: a spell that began and ended."""
        was_open = np.append(False, opening[:-1] & (self.child[rows][1:] == self.child[rows][:-1]))
        same_day = np.append(self._key[rows][1:] == self._key[rows][:-1], False)
        at = np.flatnonzero(same_day & ~opening & ~was_open)
        rows[at], rows[at + 1] = rows[at + 1], rows[at].copy()
        opening[at], opening[at + 1] = True, False
        return rows, opening

    def _one_of_each_run(self, rows: Ints, opening: Bools) -> tuple[Ints, Bools]:
        child = self.child[rows]
        run = np.cumsum(np.append(True, (child[1:] != child[:-1]) | (opening[1:] != opening[:-1]))[: len(rows)])
        extract = pd.to_numeric(self._frame["extract"]).to_numpy(dtype=np.float64, na_value=-1.0)[rows]
        order = np.lexsort((self.day[rows], -extract, run))
        best = order[np.append(True, np.diff(run[order]) > 0)[: len(rows)]]
        return rows[best], opening[best]


def _days(dates: pd.Series) -> Ints:
    """Whole days; a missing date is far in the past."""
    days = pd.to_datetime(dates).to_numpy(dtype="datetime64[D]").astype(np.int64)
    return np.maximum(days, BEFORE_HISTORY)


def _coded(column: pd.Series) -> Coded:
    """An empty text is blank too; its label stays and no row has it."""
    codes, labels = pd.factorize(column, sort=True)
    names = tuple(map(str, labels))
    blank = np.array([*(not name.strip() for name in names), True])
    return Coded(np.where(blank[codes], -1, codes).astype(np.int64), names)


def _same(column: pd.Series) -> Ints:
    """Equal numbers for equal values, -1 where missing or empty."""
    codes, values = pd.factorize(column)
    return np.where(np.append(values == "", True)[codes], -1, codes).astype(np.int64)


@dataclass(frozen=True)
class Answers:
    """What is known of each row: yes; blank (the source does not say); uncovered (too early or late to be judged)."""

    yes: Bools
    blank: Bools
    uncovered: Bools


def ask(condition: Condition, history: History, rows: Ints) -> Answers:
    """Returns the answers to one condition for each row."""
    if condition.column:
        late = history.day[rows] + condition.known_after_days > history.end
        return Answers(*_ask_column(condition, history, rows), late)
    return _ask_neighbour(condition, history, rows)


def _ask_column(condition: Condition, history: History, rows: Ints) -> tuple[Bools, Bools]:
    if condition.column in TEXT_COLUMNS:
        coded = history.column(condition.column)
        wanted = {_plain(word) for word in condition.one_of or ()}
        hit = np.array([*(_plain(label) in wanted for label in coded.labels), False])
        return hit[coded.codes[rows]], coded.codes[rows] < 0
    if condition.column == "previous_plans":
        value = history.previous_plans[rows]
        low, high = condition.at_least, condition.at_most
        yes = (value >= (-np.inf if low is None else low)) & (value <= (np.inf if high is None else high))
        return yes, np.isnan(value)
    ended = history.previous_plan_end[rows]
    gap = history.day[rows] - ended
    first_plan = history.previous_plans[rows] == 0  # has no previous end: that is an answer too
    return (gap >= 0) & (gap <= (condition.within_days or 0)), (ended == BEFORE_HISTORY) & ~first_plan


def _plain(word: str) -> str:
    return word.casefold().replace("_", " ").strip()


def _ask_neighbour(condition: Condition, history: History, rows: Ints) -> Answers:
    """An answer needs the whole window: history that long before the event, or that long gone since."""
    within, day = condition.within_days or 0, history.day[rows]
    if condition.preceded_by:
        yes = history.since_last(condition.preceded_by, rows) <= within
        uncovered = day - within < history.first(condition.preceded_by)
    else:
        yes = history.until_next(str(condition.followed_by), rows) <= within
        uncovered = (day + within > history.end) | (day < history.first(condition.followed_by))
    return Answers(yes, np.zeros(len(rows), bool), uncovered)


def counted(conditions: Sequence[Condition], history: History, rows: Ints) -> tuple[Bools, Bools]:
    """Returns which rows count, and which cannot be judged yet: the first condition that knows an answer decides.

    A blank that no condition resolves is a no, once the source has had its time to fill the column and from the first
    row on for which it ever did.
    """
    yes, uncovered, early = (np.zeros(len(rows), bool) for _ in range(3))
    blank = np.ones(len(rows), bool)
    for condition in conditions:
        answers = ask(condition, history, rows)
        decided = blank & ~answers.blank
        yes |= decided & answers.yes
        uncovered |= decided & answers.uncovered
        early |= answers.blank & answers.uncovered
        blank &= answers.blank
    carried = history.day[rows][~blank].min(initial=_NEVER)
    uncovered |= blank & (early | (history.day[rows] < carried))
    return yes, uncovered


def kept(conditions: Sequence[Condition], history: History, rows: Ints) -> Ints:
    """Returns the rows for which every condition is known to hold."""
    for condition in conditions:
        answers = ask(condition, history, rows)
        rows = rows[answers.yes & ~answers.blank & ~answers.uncovered]
    return rows
