"""What may be planted in a simulated council, and what a correct alert about it is.

A story answers the questions the simulation asks ("how likely is a conference, for this team on this day?"); the base
class changes nothing. Days are datetime64[D] as whole numbers, as everywhere in the simulation.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.simulate.days import NEVER, Days, day_number
from forecaster.types import Direction, Floats, Slice

Names = NDArray[np.str_]
WEEK = dt.timedelta(days=7)
REVIEW_INTERVAL = 181  # days: at most every six months (Working Together to Safeguard Children)


@dataclass(frozen=True)
class Finding:
    """A measure that moves in a direction: what an alert about a story may say."""

    measure: str
    direction: Direction


@dataclass(frozen=True, kw_only=True)
class Story:
    """One thing planted: from the Monday `start` for `weeks` weeks, at `place` (an empty place is the whole council).

    findings: alerts that count as finding it. consequences: alerts it explains later, or elsewhere on the pathway.
    Once it is over, the way back of any of these is explained too. A decoy is nothing a manager should be woken for;
    its findings are the alerts that must not come (none named: no alert at all).
    """

    start: dt.date
    weeks: int
    findings: tuple[Finding, ...] = ()
    consequences: tuple[Finding, ...] = ()
    tail: int = 4  # weeks after the end in which an alert still belongs to it
    aftermath: int = 52  # the same for its consequences
    decoy: bool = False

    @property
    def name(self) -> str:
        """What the story is called in the demo's table."""
        raise NotImplementedError

    @property
    def place(self) -> Slice:
        """Where it happens, in every breakdown that can say so."""
        return ()

    def at(self, days: Days) -> NDArray[np.bool_]:
        """Returns which days fall into the story."""
        first = day_number(self.start)
        return np.asarray((days >= first) & (days < first + 7 * self.weeks), dtype=bool)

    def agrees(self, where: Slice) -> bool:
        """Returns whether a slice does not name another place than the story's."""
        places = dict(self.place)
        return all(places.get(dimension, value) == value for dimension, value in where)

    def section_47(self, chance: Floats, days: Days, team: Names) -> Floats:
        """Returns the chance of a section 47 enquiry, given the usual one, of families referred to a team."""
        return chance

    def conference(self, chance: Floats, days: Days, team: Names) -> Floats:
        """Returns the chance that an enquiry begun on a day comes to conference, given the usual one."""
        return chance

    def repeat(self, chance: Floats, days: Days) -> Floats:
        """Returns the chance that a family starting a plan on a day had one before, given the usual one."""
        return chance

    def plan_end(self, end: Days, locality: Names, draw: Floats) -> Days:
        """Returns the day a plan ends that was due to end on `end`; draw: a uniform number a family."""
        return end

    def recorded(self, recorded: Days, days: Days) -> Days:
        """Returns the day an event of a day is recorded, given the usual one."""
        return recorded


@dataclass(frozen=True, kw_only=True)
class ThresholdSlip(Story):
    """One team stops challenging at the strategy meeting: more section 47 enquiries, nearly all go to conference.

    Herefordshire, November 2017 to January 2018: plans up 53% in three months.
    """

    team: str
    locality: str
    section_47_factor: float = 2.0
    conference_share: float = 0.92
    findings: tuple[Finding, ...] = (
        Finding("s47_to_conference", "up"),
        Finding("conferences", "up"),
        Finding("plan_starts", "up"),
        Finding("section_47", "up"),
    )
    consequences: tuple[Finding, ...] = (Finding("plans_open", "up"), Finding("plan_ends", "up"))

    @property
    def name(self) -> str:
        return f"Thresholds slipping at section 47 in {self.team}"

    @property
    def place(self) -> Slice:
        return (("team", self.team), ("locality", self.locality))

    def section_47(self, chance: Floats, days: Days, team: Names) -> Floats:
        slipped = np.minimum(chance * self.section_47_factor, 0.97)
        return np.where(self.at(days) & (team == self.team), slipped, chance)

    def conference(self, chance: Floats, days: Days, team: Names) -> Floats:
        return np.where(self.at(days) & (team == self.team), np.maximum(chance, self.conference_share), chance)


@dataclass(frozen=True, kw_only=True)
class RepeatDrift(Story):
    """More and more of the children who start a plan have been on one before; no more plans start than usual.

    Walsall 2015/16: 17% of plans after 10 to 14 in the years before; here faster and further, to be found in a year.
    """

    ramp: int = 20
    share: float = 0.5  # once the ramp is climbed
    findings: tuple[Finding, ...] = (Finding("repeat_plans", "up"), Finding("repeat_plans_24m", "up"))

    @property
    def name(self) -> str:
        return "Repeat plans drifting up"

    def repeat(self, chance: Floats, days: Days) -> Floats:
        climbed = np.clip((days - day_number(self.start)) / (7 * self.ramp), 0.0, 1.0)
        return np.where(self.at(days), chance + climbed * (self.share - chance), chance)


@dataclass(frozen=True, kw_only=True)
class SlowerEnds(Story):
    """In one locality, most plans due to end are kept on to the next review: ends fall, the stock of open plans grows.

    Lincolnshire's rise in open plans was explained so: ends slower than starts, no change of practice at the start.
    """

    locality: str
    kept: float = 0.9
    findings: tuple[Finding, ...] = (
        Finding("plan_ends", "down"),
        Finding("plans_open", "up"),
        Finding("plans_18_months_plus", "up"),
    )
    consequences: tuple[Finding, ...] = (Finding("plan_ends", "up"),)

    @property
    def name(self) -> str:
        return f"Plans ending more slowly in {self.locality}"

    @property
    def place(self) -> Slice:
        return (("locality", self.locality),)

    def plan_end(self, end: Days, locality: Names, draw: Floats) -> Days:
        """Keeps a plan on to its next review, and again if that falls into the story too; one draw serves all."""
        for _ in range(self.weeks * 7 // REVIEW_INTERVAL + 1):
            keeps = self.at(end) & (locality == self.locality) & (draw < self.kept) & (end < NEVER)
            end, draw = np.where(keeps, end + REVIEW_INTERVAL, end), draw / self.kept
        return end


@dataclass(frozen=True, kw_only=True)
class SourceFlood(Story):
    """One source refers many times as often; nearly all of the extra referrals need no further action.

    Herefordshire 2017/18: police referrals 394 to 909 a year, no further action on 56% of all (tables C5, C1).
    """

    source: str
    factor: float = 2.5
    no_further_action: float = 0.85
    findings: tuple[Finding, ...] = (Finding("referrals", "up"), Finding("referral_nfa", "up"))
    consequences: tuple[Finding, ...] = (Finding("contacts", "up"),)

    @property
    def name(self) -> str:
        return f"Referrals from {self.source.lower()} flooding in, most ending in no further action"

    @property
    def place(self) -> Slice:
        return (("source", self.source),)


@dataclass(frozen=True, kw_only=True)
class SiblingGroup(Story):
    """One family of many children starts plans on one day: a large week, and no change in the council."""

    weeks: int = 1
    team: str
    locality: str
    children: int = 7
    tail: int = 3
    decoy: bool = True
    findings: tuple[Finding, ...] = (
        Finding("plan_starts", "up"),
        Finding("conferences", "up"),
        Finding("section_47", "up"),
        Finding("plans_open", "up"),
    )

    @property
    def name(self) -> str:
        return f"One sibling group of {self.children} in {self.locality}"

    @property
    def place(self) -> Slice:
        return (("team", self.team), ("locality", self.locality))


@dataclass(frozen=True, kw_only=True)
class LateWeek(Story):
    """All events of one week are entered in the second week after it: empty on two Mondays, full on the third."""

    weeks: int = 1
    tail: int = 3
    decoy: bool = True

    @property
    def name(self) -> str:
        return "One week entered late"

    def recorded(self, recorded: Days, days: Days) -> Days:
        backlog = day_number(self.start) + 16 + days % 3
        return np.where(self.at(days), np.maximum(recorded, backlog), recorded)


def planted(first: dt.date) -> tuple[Story, ...]:
    """Returns the demo's four stories and two decoys, spread over the 52 weeks from the Monday `first`."""
    return (
        SlowerEnds(start=first + 1 * WEEK, weeks=51, locality="City"),
        RepeatDrift(start=first + 5 * WEEK, weeks=47),
        SiblingGroup(start=first + 16 * WEEK, team="West Team", locality="West"),
        ThresholdSlip(start=first + 20 * WEEK, weeks=20, team="North Team 1", locality="North"),
        SourceFlood(start=first + 36 * WEEK, weeks=8, source="Police"),
        LateWeek(start=first + 46 * WEEK),
    )
