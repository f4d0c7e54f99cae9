"""Drivers as a person says them: stages of the pathway, parts of a stock, slices and bands."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from forecaster.types import COUNCIL, DIMENSIONS, EVENT_KINDS, SINCE_PLAN, TIME_ON_PLAN, Driver, Kind, Slice
from forecaster.words.wording import NOT_SAID, clean, named

PAIR = re.compile(rf"(?:^|, )({'|'.join((COUNCIL, *DIMENSIONS, SINCE_PLAN, TIME_ON_PLAN))})=")
REST = "rest"  # what a split leaves over: no finding
MIX = "mix"  # more of those that a share is of where it is usually higher, as a question may ask about it
# Parts of a stock whose flows no stage of the pathway counts go by the flow's name or none.
_PARTS = {"start": "plan_start", "end": "plan_end"}
_STAGES = {
    "contact": "contacts", "referral": "referrals", "assessment": "assessments",
    "section_47": "section 47 enquiries", "conference": "initial conferences", "plan_start": "plan starts",
    "plan_end": "plan ends", "visit": "visits", "review": "reviews", "care_start": "care starts",
    "care_end": "care ends", "starting": "starts", "ending": "ends",
}  # fmt: skip
_ENDS = ("plan_end", "care_end", "ending")
_LEADING = {
    "referral": "becoming a referral", "assessment": "going on to an assessment",
    "section_47": "leading to a section 47 enquiry", "conference": "ending in a conference",
    "plan_start": "ending in a plan",
}  # fmt: skip
_BANDS = {
    "under 6 months": "came back within 6 months of their last plan",
    "6 to 12 months": "came back 6 to 12 months after their last plan",
    "12 to 24 months": "came back 12 to 24 months after their last plan",
    "2 years or more": "came back 2 years or more after their last plan",
    "no plan in two years": "had no plan in the two years before",
}
_GENDERS = {"male": "boys", "m": "boys", "female": "girls", "f": "girls"}
_ABUSE = ("physical", "sexual", "emotional")  # what extracts call the category of abuse
OTHERS = {"locality": "other localities", "team": "other teams", "source": "other sources"}


@dataclass(frozen=True)
class Named:
    """A driver taken apart: its stage or part of a stock ("" for a slice), and the slice it is of, which may be all."""

    driver: Driver
    head: str
    slice: Slice

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(dimension for dimension, _ in self.slice)

    def within(self, where: Slice) -> Named:
        """Returns the same driver as a part of a slice: without what names that slice."""
        return replace(self, slice=tuple(pair for pair in self.slice if pair not in where))

    def as_slice(self) -> Named:
        """Returns the slice of a stage alone."""
        return replace(self, head="", driver=replace(self.driver, kind="breakdown"))

    def holds(self, other: Named) -> bool:
        """Returns whether another driver is a part of this one: the same stage or none, in a slice of its slice."""
        return self.head == other.head and self.slice != other.slice and set(self.slice) < set(other.slice)


def parsed(driver: Driver) -> Named:
    """Returns what a driver's name says."""
    head, *pieces = PAIR.split(driver.name)
    head = _part(head) if driver.kind == "stock" else head
    return Named(driver, head, tuple(zip(pieces[::2], pieces[1::2], strict=True)))


def _part(head: str) -> str:
    """A part of a stock as the event it counts; a flow that has a name of the council's own only starts or ends it."""
    known = _PARTS.get(head, head.removesuffix("s"))
    if known in (*EVENT_KINDS, TIME_ON_PLAN, REST, ""):
        return known
    return "ending" if "end" in head else "starting"


def is_sayable(head: str) -> bool:
    """Returns whether there are words for a stage or part of a stock, so that no name from the config is told."""
    start, _, end = head.partition(" to ")
    return start in (TIME_ON_PLAN, *_STAGES) and (not end or end in _STAGES)


def slice_name(where: Slice) -> str:
    """Returns a slice by its values: "North / Team 2", "aged 5-9"."""
    return " / ".join(named(*pair) for pair in where)


def cause(one: Named, kind: Kind, long: bool = False) -> tuple[str, bool]:
    """Returns a stage or a part of a stock as what rose or fell, and whether that is a plural.

    kind: of the measure that moved; long: whether it counts long stays alone. ("more referrals", True), ("a larger
    share of section 47 enquiries ending in a conference", False).
    """
    up = one.driver.value > 0
    place = f" in {slice_name(one.slice)}" if one.slice else ""
    start, _, end = one.head.partition(" to ")
    if end:
        whole = f"{_STAGES[start]} {_LEADING.get(end, 'going on to ' + _STAGES[end])}"
        return f"a {'larger' if up else 'smaller'} share of {whole}{place}", False
    if one.head == TIME_ON_PLAN:
        return f"{_of_an_age(up, kind, long)}{place}", True
    if one.driver.kind == "stock" and one.head in _ENDS:  # of a stock fewer ends than were due, of ends more
        return f"{'slower' if up == (kind == 'stock') else 'quicker'} {_STAGES[one.head]}{place}", True
    if kind == "share" and one.head in _STAGES:  # another mix of those it is a share of
        return f"more {_STAGES[one.head]}{place} where the share is usually {'higher' if up else 'lower'}", True
    return f"{'more' if up else 'fewer'} {_STAGES[one.head]}{place}", True


def _of_an_age(up: bool, kind: Kind, long: bool) -> str:
    """How long plans have been open, as what moved their number: at some ages more of them usually end."""
    if long:
        return f"{'more' if up else 'fewer'} plans reaching that age"
    if kind == "stock" and up:
        return "more plans too new to end"
    return f"{'more' if up or kind == 'stock' else 'fewer'} plans of an age to end"


# Slices, as parts of a move


def part(one: Named, much: str, of_what: str, note: str) -> str:
    """Returns a slice's part of a move in words: "North has 138 of the 197 extra (most in Team 2)", "79 aged 5-9".

    much: how large it is; of_what: what it is a part of, "" where that was said before; note: behind it, in brackets.
    """
    dimension, value = one.slice[-1]
    name = slice_name(one.slice)
    if len(one.slice) == 1 and value.lower() not in NOT_SAID:
        if dimension in ("locality", "team", COUNCIL) and of_what:
            return f"{name} has {much} {of_what}{note}"
        if dimension == "category":
            return f"{_category(value)} is {much} {of_what}" if of_what else f"{much} for {_category(value)}"
        if is_kind_of_child(one):
            return _of_children(one, much, of_what)
    return f"{name}{':' if of_what or name[-1:].isdigit() else ''} {much} {of_what}".rstrip() + note


def is_kind_of_child(one: Named) -> bool:
    """Returns whether a slice is of children of some kind: how old, back how soon, boys or girls."""
    return one.slice[-1][0] in (SINCE_PLAN, TIME_ON_PLAN, "age_band", "gender", "ethnicity")


def _of_children(one: Named, much: str, of_what: str) -> str:
    """Kinds of children as a clause; what is missing in a fall are children and did nothing."""
    does, being = _clause(*one.slice[-1])
    if of_what.endswith(("fewer", "fall")):
        who = being if does or being in _GENDERS.values() else f"children {being}"
        who = f"children who {does}" if does else who
        return f"{much} {of_what} {'is' if of_what.endswith('fall') else 'are'} {who}"
    return f"{much} {of_what} {does or 'are ' + being}" if of_what else f"{much} {does or being}"


def _clause(dimension: str, value: str) -> tuple[str, str]:
    """What such children did ("came back within 6 months of their last plan"), else what they are ("aged 5-9")."""
    if dimension == SINCE_PLAN:
        return _BANDS.get(value, f"came back after {clean(value)}"), ""
    if dimension == TIME_ON_PLAN:
        return f"have been on a plan for {clean(value)}", ""
    if dimension == "gender":
        return "", _GENDERS.get(value.lower(), f"of gender {clean(value)}")
    if dimension == "ethnicity":
        return "", f"of {clean(value)} ethnicity"
    return "", "unborn" if value == "unborn" else named(dimension, value)


def _category(value: str) -> str:
    text = clean(value)
    text = f"{text} abuse" if text.lower() in _ABUSE else text
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
