"""What is counted: a measure as an analyst writes it in config/measures.toml.

A share asks its `counted_if` conditions in turn; the first that knows the answer for an event decides. So a fact that
the source gives (the number of previous plans) goes before one that is worked out from the child's own history.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, WithJsonSchema, model_validator

from forecaster.types import DIMENSIONS, EVENT_KINDS, PATHWAY, Kind

TEXT_COLUMNS = (*DIMENSIONS, "outcome")
COLUMNS = (*TEXT_COLUMNS, "previous_plans", "previous_plan_end")


def nearest(word: str, options: Iterable[str]) -> str:
    """Returns how to put a wrong word right: `did you mean "event"?`, or all the options where none is close."""
    known = list(options)
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else "use one of " + ", ".join(known)


def _check(what: str, options: tuple[str, ...]) -> AfterValidator:
    def check(word: str) -> str:
        if word not in options:
            raise ValueError(f'unknown {what} "{word}"; {nearest(word, options)}')
        return word

    return AfterValidator(check)


EventKind = Annotated[str, _check("event", EVENT_KINDS), WithJsonSchema({"enum": list(EVENT_KINDS)})]
Column = Annotated[str, _check("column", COLUMNS), WithJsonSchema({"enum": list(COLUMNS)})]
Dimension = Annotated[str, _check("breakdown", DIMENSIONS), WithJsonSchema({"enum": list(DIMENSIONS)})]
Days = Annotated[int, Field(ge=0)]


class Table(BaseModel):
    """A table of a config file: its keys are fixed, its values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Condition(Table):
    """A question about one event: about its own column, or about another event of the same child."""

    column: Column | None = None
    one_of: tuple[str, ...] | None = None  # a text column says one of these, in any case
    at_least: int | None = None  # previous_plans
    at_most: int | None = None  # previous_plans
    known_after_days: Days = 0  # the source fills the column in this long after the event

    preceded_by: EventKind | None = None
    followed_by: EventKind | None = None
    within_days: Days | None = None  # also: previous_plan_end is within so many days before the event

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(subject is not None for subject in (self.column, self.preceded_by, self.followed_by)) != 1:
            raise ValueError("a condition names one of column, preceded_by or followed_by")
        given = {name for name in ("one_of", "at_least", "at_most", "within_days") if getattr(self, name) is not None}
        wanted = self._tests()
        if not given or not given <= wanted:
            subject = self.column or self.preceded_by or self.followed_by
            raise ValueError(f'a condition on "{subject}" takes {" or ".join(sorted(wanted))}')
        return self

    def _tests(self) -> set[str]:
        if self.column in TEXT_COLUMNS:
            return {"one_of"}
        return {"at_least", "at_most"} if self.column == "previous_plans" else {"within_days"}


class Measure(Table):
    """One measure: what is counted, how a manager says it, and which way is worse."""

    kind: Kind
    title: str  # "Child protection plan starts"
    one: str  # "child started a plan"
    many: str  # "children started a plan"
    of: str = ""  # a share: what it is a share of, "plan starts"
    question: str = ""  # what to ask when it moves
    worse: Literal["up", "down", "both"] = "both"
    headline: bool = False
    event: EventKind | None = None  # a flow or share: the event it counts
    opens: EventKind | None = None  # a stock: the event that opens a spell, and the one that closes it
    closes: EventKind | None = None
    open_at_least_days: Days = 0
    where: tuple[Condition, ...] = ()  # only events for which all of these hold
    counted_if: tuple[Condition, ...] = ()  # a share: those of the events that count
    observed_since: EventKind | None = None  # nothing is known before the first event of this kind
    breakdowns: tuple[Dimension, ...] = DIMENSIONS

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        needs = {"flow": {"event"}, "share": {"event", "counted_if", "of"}, "stock": {"opens", "closes"}}[self.kind]
        allowed = needs | ({"open_at_least_days"} if self.kind == "stock" else set())
        given = {n for n in ("event", "opens", "closes", "open_at_least_days", "counted_if", "of") if getattr(self, n)}
        if missing := sorted(needs - given):
            raise ValueError(f'a {self.kind} needs "{missing[0]}"')
        if spare := sorted(given - allowed):
            raise ValueError(f'a {self.kind} takes no "{spare[0]}"')
        return self


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError("a measure's name is small letters, digits and _, such as plan_starts")
    return name


def plain_measure(name: str, kind: Kind) -> Measure:
    """Returns a measure that is counted elsewhere (in totals) and that no config describes: known by its name alone."""
    words = name.replace("_", " ")
    return Measure.model_construct(
        kind=kind, title=words.capitalize(), one=f"{words} was counted", many=f"{words} were counted", of="all counted"
    )


def stages_of(measures: Mapping[str, Measure]) -> dict[str, str]:
    """Returns the flow that counts all events of each stage of the pathway, and of plan_end, in the pathway's order."""
    flows = {m.event: name for name, m in reversed(list(measures.items())) if m.kind == "flow" and not m.where}
    return {kind: flows[kind] for kind in (*PATHWAY, "plan_end") if kind in flows}


MeasureName = Annotated[str, AfterValidator(_plain_name)]
Catalogue = Annotated[dict[MeasureName, Measure], Field(min_length=1)]
_CATALOGUE: TypeAdapter[dict[str, Measure]] = TypeAdapter(Catalogue)


def parse_measures(tables: Mapping[str, Any]) -> dict[str, Measure]:
    """Returns the measures by name, in the order of the tables (config/measures.toml as read).

    Raises pydantic.ValidationError; `settings.load` makes it one line that names file, measure, key and remedy.
    """
    return _CATALOGUE.validate_json(json.dumps(tables, default=str), strict=True)
