"""What may be planted in a simulated council, and what a correct alert about it is.

A story answers the questions the simulation asks ("how likely is a conference, for this team on this day?"); the base
class changes nothing. Days are datetime64[D] as whole numbers, as everywhere in the simulation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.simulate.days import NEVER, Days, day_number
from forecaster.simulate.profile import Profile
from forecaster.types import SINCE_PLAN, SINCE_PLAN_BANDS, Direction, Floats, Slice

Names = NDArray[np.str_]
Places = Mapping[str, Names]  # the team and the locality of each family: `places_of`
WEEK = dt.timedelta(days=7)
FIRST_REVIEW = 88  # days: within three months
EARLY = 9  # days that a review may be held early
REVIEW_INTERVAL = 181  # days: at most every six months (Working Together to Safeguard Children)


@dataclass(frozen=True)
class Finding:
    """A measure that moves in a direction: what an alert about a story may say."""

    measure: str
    direction: Direction


FLOWS = ("contacts", "referrals", "assessments", "section_47", "conferences")
STOCKS = ("plans_open", "plans_18_months_plus")
STOCKS_UP = (Finding("plans_open", "up"), Finding("plan_ends", "up"))
STOCKS_DOWN = (Finding("plans_open", "down"), Finding("plan_ends", "down"))
# Drivers by name: the first stage, and the conversions a threshold decides.
VOLUME = ("contact", "referral")
ENQUIRED = ("referral to section_47", "assessment to section_47")
HEARD = ("section_47 to conference",)
NEWCOMER = 0.6  # a draw of a family that has not been here before


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
    also: Slice = ()  # other names of the same place: a locality of one team, or that team's locality

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

    def here(self, days: Days, places: Places) -> NDArray[np.bool_]:
        """Returns which families are at its place, on a day that falls into it."""
        inside = self.at(days)
        for dimension, value in self.place:
            inside = inside & (places[dimension] == value)
        return inside

    @property
    def telling(self) -> Slice:
        """The slices that a driver may name to name its place; none for the whole council."""
        return (*self.place[:1], *self.also)

    def driven_by(self, measure: str) -> tuple[str, ...]:
        """Returns the stages and stocks (`types.Driver`) that an alert on a measure is right to name first."""
        return ()

    def section_47(self, chance: Floats, days: Days, places: Places) -> Floats:
        """Returns the chance of a section 47 enquiry, given the usual one, of families at these places."""
        return chance

    def conference(self, chance: Floats, days: Days, places: Places) -> Floats:
        """Returns the chance that an enquiry begun on a day comes to conference, given the usual one."""
        return chance

    def repeat(self, chance: Floats, days: Days, places: Places) -> Floats:
        """Returns the chance that a family starting a plan on a day had one before, given the usual one."""
        return chance

    def plan_end(self, end: Days, start: Days, places: Places, draw: Floats) -> Days:
        """Returns the day a plan ends that was due to end on `end`; draw: a uniform number a family."""
        return end

    def recorded(self, recorded: Days, days: Days) -> Days:
        """Returns the day an event of a day is recorded, given the usual one."""
        return recorded


@dataclass(frozen=True, kw_only=True)
class _Placed(Story):
    """A story of one team, of one locality, or with neither of the whole council."""

    team: str = ""
    locality: str = ""

    @property
    def place(self) -> Slice:
        named = (("team", self.team), ("locality", self.locality))
        return tuple((dimension, value) for dimension, value in named if value)

    def _where(self) -> str:
        return f" in {self.team or self.locality}" if self.place else ""


@dataclass(frozen=True, kw_only=True)
class ThresholdSlip(_Placed):
    """Nobody challenges at the strategy meeting: more section 47 enquiries, nearly all go to conference.

    Herefordshire, November 2017 to January 2018: plans up 53% in three months.
    """

    section_47_factor: float = 2.0
    conference_share: float = 0.92  # at least; 0 for as usual
    findings: tuple[Finding, ...] = (
        Finding("s47_to_conference", "up"),
        Finding("conferences", "up"),
        Finding("plan_starts", "up"),
        Finding("section_47", "up"),
    )
    consequences: tuple[Finding, ...] = STOCKS_UP

    @property
    def name(self) -> str:
        return "Thresholds slipping at section 47" + self._where()

    def driven_by(self, measure: str) -> tuple[str, ...]:
        return _conversions(measure, self.section_47_factor != 1, self.conference_share > 0)

    def section_47(self, chance: Floats, days: Days, places: Places) -> Floats:
        slipped = np.minimum(chance * self.section_47_factor, 0.97)
        return np.where(self.here(days, places), slipped, chance)

    def conference(self, chance: Floats, days: Days, places: Places) -> Floats:
        return np.where(self.here(days, places), np.maximum(chance, self.conference_share), chance)


@dataclass(frozen=True, kw_only=True)
class ConversionFall(_Placed):
    """Fewer referrals lead to a section 47 enquiry, or fewer enquiries to a conference, than used to."""

    section_47_factor: float = 1.0
    conference_factor: float = 0.5
    findings: tuple[Finding, ...] = (
        Finding("s47_to_conference", "down"),
        Finding("conferences", "down"),
        Finding("plan_starts", "down"),
        Finding("section_47", "down"),
    )
    consequences: tuple[Finding, ...] = STOCKS_DOWN

    @property
    def name(self) -> str:
        return "Fewer enquiries or conferences from as many referrals" + self._where()

    def driven_by(self, measure: str) -> tuple[str, ...]:
        return _conversions(measure, self.section_47_factor != 1, self.conference_factor != 1)

    def section_47(self, chance: Floats, days: Days, places: Places) -> Floats:
        return np.where(self.here(days, places), chance * self.section_47_factor, chance)

    def conference(self, chance: Floats, days: Days, places: Places) -> Floats:
        return np.where(self.here(days, places), chance * self.conference_factor, chance)


def _conversions(measure: str, enquired: bool, heard: bool) -> tuple[str, ...]:
    """The stages that change the numbers of a measure when enquiries or conferences are decided on differently."""
    before = ENQUIRED if enquired and measure != "s47_to_conference" else ()
    after = HEARD if heard and measure != "section_47" else ()
    return (*before, *after, *(("plan_start",) if measure in STOCKS else ()))


@dataclass(frozen=True, kw_only=True)
class RepeatDrift(_Placed):
    """More and more of the children who start a plan have been on one before; no more plans start than usual.

    Walsall 2015/16: 17% of plans after 10 to 14 in the years before; here faster and further, to be found in a year.
    """

    ramp: int = 20
    share: float = 0.5  # once the ramp is climbed
    findings: tuple[Finding, ...] = (Finding("repeat_plans", "up"), Finding("repeat_plans_24m", "up"))

    @property
    def name(self) -> str:
        return "Repeat plans drifting up" + self._where()

    @property
    def telling(self) -> Slice:
        """Of the whole council, whichever gap since the last plan: only first plans would be wrong to name."""
        anywhere = () if self.place else tuple((SINCE_PLAN, band) for band in SINCE_PLAN_BANDS[:-1])
        return (*super().telling, *anywhere)

    def driven_by(self, measure: str) -> tuple[str, ...]:
        return (measure,) if measure in ("repeat_plans", "repeat_plans_24m") else ()

    def repeat(self, chance: Floats, days: Days, places: Places) -> Floats:
        climbed = np.clip((days - day_number(self.start)) / (7 * self.ramp), 0.0, 1.0)
        return np.where(self.here(days, places), chance + climbed * (self.share - chance), chance)


@dataclass(frozen=True, kw_only=True)
class SlowerEnds(_Placed):
    """Most plans due to end are kept on to the next review: ends fall, the stock of open plans grows.

    Lincolnshire's rise in open plans was explained so: ends slower than starts, no change of practice at the start.
    """

    kept: float = 0.9
    findings: tuple[Finding, ...] = (
        Finding("plan_ends", "down"),
        Finding("plans_open", "up"),
        Finding("plans_18_months_plus", "up"),
    )
    consequences: tuple[Finding, ...] = (Finding("plan_ends", "up"),)

    @property
    def name(self) -> str:
        return "Plans ending more slowly" + self._where()

    def driven_by(self, measure: str) -> tuple[str, ...]:
        return ("plan_end",)

    def plan_end(self, end: Days, start: Days, places: Places, draw: Floats) -> Days:
        """Keeps a plan on to its next review, and again if that falls into the story too; one draw serves all."""
        for _ in range(self.weeks * 7 // REVIEW_INTERVAL + 1):
            keeps = self.here(end, places) & (draw < self.kept) & (end < NEVER)
            end, draw = np.where(keeps, end + REVIEW_INTERVAL, end), draw / self.kept
        return end


@dataclass(frozen=True, kw_only=True)
class QuickerEnds(_Placed):
    """Plans end at the review before the one they were due to end at: ends rise at first, fewer plans stay open."""

    brought: float = 0.7
    findings: tuple[Finding, ...] = (
        Finding("plan_ends", "up"),
        Finding("plans_open", "down"),
        Finding("plans_18_months_plus", "down"),
    )
    consequences: tuple[Finding, ...] = (Finding("plan_ends", "down"),)

    @property
    def name(self) -> str:
        return "Plans ending sooner" + self._where()

    def driven_by(self, measure: str) -> tuple[str, ...]:
        return ("plan_end",)

    def plan_end(self, end: Days, start: Days, places: Places, draw: Floats) -> Days:
        sooner = end - REVIEW_INTERVAL
        brought = self.here(sooner, places) & (draw < self.brought) & (sooner - start >= FIRST_REVIEW - EARLY)
        return np.where(brought & (end < NEVER), sooner, end)


@dataclass(frozen=True, kw_only=True)
class MoreFamilies(Story):
    """More families than usual are referred at the place: `factor` times as many."""

    factor: float = 1.6
    contacts_too: bool = False  # as many times the contacts that go no further

    def extra(self, days: Days) -> Floats:
        """Returns on each day the families that are referred besides, to those usual at the place."""
        return np.where(self.at(days), self.factor - 1, 0.0)

    def marked(self, families: pd.DataFrame, profile: Profile) -> pd.DataFrame:
        """Returns the extra families with what makes them different from others."""
        return families

    def driven_by(self, measure: str) -> tuple[str, ...]:
        """Volume; where contacts did not rise, by the arithmetic more of them became referrals."""
        further = () if self.contacts_too else ("contact to referral",)
        return (*VOLUME, *further, *(("plan_start",) if measure in STOCKS else ()))


@dataclass(frozen=True, kw_only=True)
class SourceFlood(MoreFamilies):
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

    def driven_by(self, measure: str) -> tuple[str, ...]:
        return ()  # the source is known of every contact and referral

    def marked(self, families: pd.DataFrame, profile: Profile) -> pd.DataFrame:
        return families.assign(nfa_chance=self.no_further_action, forced="no enquiry")


@dataclass(frozen=True, kw_only=True)
class VolumeSurge(_Placed, MoreFamilies):
    """More of everything from the first contact on, each stage as likely as ever: plans rise because referrals do."""

    contacts_too: bool = True
    findings: tuple[Finding, ...] = tuple(Finding(measure, "up") for measure in (*FLOWS, "plan_starts"))
    consequences: tuple[Finding, ...] = STOCKS_UP

    @property
    def name(self) -> str:
        return "More referrals of every kind" + self._where()


@dataclass(frozen=True, kw_only=True)
class GroupRise(MoreFamilies):
    """More families of one kind are referred: with a child of one age band alone, or for one category of harm."""

    dimension: Literal["age_band", "category"]
    value: str
    factor: float = 2.5
    findings: tuple[Finding, ...] = tuple(Finding(measure, "up") for measure in (*FLOWS, "plan_starts"))
    consequences: tuple[Finding, ...] = STOCKS_UP

    @property
    def name(self) -> str:
        return f"More referrals of {self.value} ({self.dimension.replace('_', ' ')})"

    @property
    def place(self) -> Slice:
        return ((self.dimension, self.value),)

    def marked(self, families: pd.DataFrame, profile: Profile) -> pd.DataFrame:
        low, high = profile.draws_of(self.dimension, self.value)
        draw = low + (high - low) * families["gap"]
        if self.dimension == "category":
            return families.assign(category=draw)
        return families.assign(age_draw=draw, size=1, returns=NEWCOMER)


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


def places_of(families: pd.DataFrame) -> Places:
    """Returns the team and the locality of each family."""
    return {name: families[name].to_numpy().astype(str) for name in ("team", "locality")}


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
