"""Drivers as a person says them: stages of the pathway, parts of a stock, slices and bands."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from forecaster.types import COUNCIL, DIMENSIONS, SINCE_PLAN, TIME_ON_PLAN, Driver, Kind, Slice
from forecaster.words.wording import clean, named

PAIR = re.compile(rf"(?:^|, )({'|'.join((COUNCIL, *DIMENSIONS, SINCE_PLAN, TIME_ON_PLAN))})=")
REST = "rest"  # what a split leaves over: no finding
# Parts of a stock whose flows no stage of the pathway counts go by the flow's name or none.
_PARTS = {"plan_starts": "plan_start", "start": "plan_start", "plan_ends": "plan_end", "end": "plan_end"}
_STAGES = {
    "contact": "contacts", "referral": "referrals", "assessment": "assessments",
    "section_47": "section 47 enquiries", "conference": "initial conferences", "plan_start": "plan starts",
    "plan_end": "plan ends",
}  # fmt: skip
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

    def holds(self, other: Named) -> bool:
        """Returns whether another driver is a part of this one: the same stage or none, in a slice of its slice."""
        return self.head == other.head and self.slice != other.slice and set(self.slice) < set(other.slice)


def parsed(driver: Driver) -> Named:
    """Returns what a driver's name says."""
    head, *pieces = PAIR.split(driver.name)
    head = _PARTS.get(head, head) if driver.kind == "stock" else head
    return Named(driver, head, tuple(zip(pieces[::2], pieces[1::2], strict=True)))


def slice_name(where: Slice) -> str:
    """Returns a slice by its values: "North / Team 2", "aged 5-9"."""
    return " / ".join(named(*pair) for pair in where)


def cause(one: Named, kind: Kind) -> tuple[str, bool]:
    """Returns a stage or a part of a stock as what rose or fell, and whether that is a plural.

    kind: of the measure that moved. ("more referrals", True), ("a larger share of section 47 enquiries ending in a
    conference", False).
    """
    up = one.driver.value > 0
    place = f" in {slice_name(one.slice)}" if one.slice else ""
    start, _, end = one.head.partition(" to ")
    if end:
        whole = f"{_plural(start)} {_LEADING.get(end, 'going on to ' + clean(end))}"
        return f"a {'larger' if up else 'smaller'} share of {whole}{place}", False
    if one.head == TIME_ON_PLAN:
        return f"how long plans had lasted{place}", False
    if one.driver.kind == "stock" and one.head == "plan_end":  # of a stock fewer ends than were due, of ends more
        return f"{'slower' if up == (kind == 'stock') else 'quicker'} plan ends{place}", True
    if kind == "share" and one.head in _STAGES:  # another mix of those it is a share of
        return f"more {_plural(one.head)}{place} where the share is usually {'higher' if up else 'lower'}", True
    return f"{'more' if up else 'fewer'} {_plural(one.head)}{place}", True


def _plural(head: str) -> str:
    return _STAGES.get(head, clean(head.replace("_", " "), 60))


def band(where: Slice) -> str:
    """Returns what is said of children in a band of time, "came back within 6 months of their last plan", else ""."""
    dimension, value = where[-1]
    if dimension == SINCE_PLAN:
        return _BANDS.get(value, "")
    return f"have been on a plan for {clean(value)}" if dimension == TIME_ON_PLAN else ""
