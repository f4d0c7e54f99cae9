"""Councils and stories drawn at random, wide but plausible: the service must be right about more than one demo."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from forecaster.simulate.profile import CATEGORIES, SOURCES, Profile
from forecaster.simulate.stories import (
    WEEK,
    ConversionFall,
    GroupRise,
    LateWeek,
    QuickerEnds,
    RepeatDrift,
    SiblingGroup,
    SlowerEnds,
    SourceFlood,
    Story,
    ThresholdSlip,
    VolumeSurge,
)
from forecaster.types import Slice

SLOW_START, LAST_START = 12, 36  # the latest week of the year that a story begins in
APART = 6  # weeks at least between the starts of two stories
STORIES = (0.2, 0.3, 0.3, 0.2)  # chances of 0, 1, 2 and 3 of them in the year
# Names as systems have them: of localities, and of teams in a locality.
LOCALITIES = (
    "North", "South", "East", "City", "Mid & West", "North/East - Duty", "St. Mary's", "4", "Łęg", "Gwynedd Uwch-Conwy",
    "Area 2 (old)", "港区",
)  # fmt: skip
TEAM_STYLES = ("{place} Team {number}", "Équipe {count}", "{count}", "CIN/CP {place} - {number}", "Tîm {count}")
# What extracts often lack, and how often; an extract without teams or dates is none.
NO_COLUMNS = {
    "family_id": 0.2, "locality": 0.15, "source": 0.1, "category": 0.1, "age": 0.1, "gender": 0.1, "ethnicity": 0.15,
    "outcome": 0.15, "previous_plan_end": 0.2, "recorded": 0.15,
}  # fmt: skip
NO_EVENTS = {"contact": 0.2, "assessment": 0.2, "review": 0.3}
LEAST = 100  # children a year at the stage it begins with, below which a story cannot be told from chance


def varied(seed: int) -> Profile:
    """Returns the parameters of a council drawn from a seed: every one of them differs from council to council."""
    rng = np.random.default_rng([seed, 1])
    return Profile(
        size=float(np.exp(rng.uniform(np.log(0.3), np.log(3)))),
        contacts_per_referral=rng.uniform(1.5, 6),
        no_further_action=rng.uniform(0.03, 0.3),
        section_47=rng.uniform(0.2, 0.5),
        conference=rng.uniform(0.3, 0.6),
        plan=rng.uniform(0.75, 0.95),
        repeat=rng.uniform(0.1, 0.3),
        re_referral=rng.uniform(0.12, 0.3),
        dispersion=rng.uniform(0, 0.06),
        sibling_rate=rng.uniform(0.3, 0.9),
        seasonality=rng.uniform(0, 1.5),
        school_holiday=rng.uniform(0.05, 0.6),
        trend=rng.uniform(-0.1, 0.15),
        lag=float(rng.choice([0, 0.5, 1, 1, 1.5])),
        long_plans=rng.uniform(0.6, 1.6),
        teams=_teams(rng),
        sources=_mixed(SOURCES, rng),
        categories=_mixed(CATEGORIES, rng),
        no_columns=_some(NO_COLUMNS, rng),
        no_events=_some(NO_EVENTS, rng),
    )


def _some(chances: dict[str, float], rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(name for name, chance in chances.items() if rng.random() < chance)


def _mixed(shares: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
    """Shares half as large or twice as large as usual, which add up to one."""
    drawn = np.array(list(shares.values())) * np.exp(rng.normal(0, 0.4, len(shares)))
    return dict(zip(shares, (drawn / drawn.sum()).tolist(), strict=True))


def _teams(rng: np.random.Generator) -> tuple[tuple[str, str, float], ...]:
    """3 to 15 teams in 1 to 6 localities; the largest has several times the work of the smallest."""
    count = int(rng.integers(3, 16))
    places = rng.choice(LOCALITIES, min(int(rng.integers(1, 7)), count), replace=False)
    where = np.sort(np.append(np.arange(len(places)), rng.integers(0, len(places), count - len(places))))
    style = str(rng.choice(TEAM_STYLES))
    shares = rng.dirichlet(np.full(count, 4.0))
    number = [int((where[:at] == place).sum()) + 1 for at, place in enumerate(where)]
    return tuple(
        (style.format(place=places[place], number=number[at], count=at + 1), str(places[place]), float(shares[at]))
        for at, place in enumerate(where)
    )


def varied_stories(profile: Profile, first: dt.date, seed: int) -> tuple[Story, ...]:
    """Returns up to three stories and two decoys, drawn from a seed, in the 52 weeks from the Monday `first`.

    Their places are large enough for them, and are told apart by the columns of the council's extract.
    """
    rng = np.random.default_rng([seed, 2])
    able = [maker for maker, column in MAKERS.items() if column not in profile.no_columns]
    count = int(rng.choice(len(STORIES), p=STORIES))
    chosen = sorted(rng.permutation(len(able))[:count], key=lambda at: able[at] not in SLOW)
    latest = [SLOW_START if able[at] in SLOW else LAST_START for at in chosen]
    weeks = accumulate((int(week) for week in rng.integers(1, [*latest, 2])[:count]), lambda a, b: max(a + APART, b))
    told = [able[at](_Draw(profile, first + week * WEEK, rng)) for at, week in zip(chosen, weeks, strict=True)]
    return (*told, *_decoys(profile, first, rng))


def _decoys(profile: Profile, first: dt.date, rng: np.random.Generator) -> Iterator[Story]:
    team, locality, _ = profile.teams[int(rng.integers(len(profile.teams)))]
    group, late = (first + int(week) * WEEK for week in rng.integers(4, 48, 2))
    if rng.random() < 0.5:
        yield SiblingGroup(start=group, team=team, locality=locality, children=int(rng.integers(5, 8)))
    if rng.random() < 0.4 and "recorded" not in profile.no_columns:
        yield LateWeek(start=late)


class _Place(NamedTuple):
    """A team, a locality or with neither the whole council; also: other names of the same place."""

    team: str = ""
    locality: str = ""
    also: Slice = ()


@dataclass(frozen=True)
class _Draw:
    """What a story is drawn for and from."""

    profile: Profile
    start: dt.date
    rng: np.random.Generator

    def weeks(self, least: int, most: int) -> int:
        return int(self.rng.integers(least, most + 1))

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def one(self, options: Sequence[str]) -> str:
        return options[int(self.rng.integers(len(options)))]

    def place(self, stage: str, *kinds: str) -> _Place:
        """A place of one of the kinds with enough children a year at the stage, or else the whole council."""
        kind = self.one(kinds)
        usual = yearly(self.profile)[stage]
        able = [place for place in self._places(kind) if usual * self.profile.part(self._slice(place)) >= LEAST]
        return able[int(self.rng.integers(len(able)))] if able else _Place()

    def _slice(self, place: _Place) -> Slice:
        named = (("team", place.team), ("locality", place.locality))
        return tuple(pair for pair in named if pair[1])

    def _places(self, kind: str) -> Iterator[_Place]:
        """The teams, or the localities that are not the whole council, as far as the extract tells them."""
        told = "locality" not in self.profile.no_columns
        working: dict[str, list[str]] = {}
        for team, locality, _ in self.profile.teams:
            working.setdefault(locality, []).append(team)
        for locality, teams in working.items():
            alone = told and len(teams) == 1
            for team in teams if kind == "team" else ():
                yield _Place(team, locality if told else "", (("locality", locality),) if alone else ())
            if kind == "locality" and told and len(working) > 1:
                yield _Place("", locality, (("team", teams[0]),) if alone else ())


def yearly(profile: Profile) -> dict[str, float]:
    """Returns the children a year at each stage of the whole council."""
    referrals = profile.referrals_a_year * profile.size
    enquiries = referrals * profile.section_47
    return {"referral": referrals, "section_47": enquiries, "plan": enquiries * profile.conference * profile.plan}


def _slip(draw: _Draw) -> Story:
    """Thresholds that slip at enquiries, at conferences, or at both."""
    team, locality, also = draw.place("section_47", "team", "locality", "council")
    where = draw.one(("enquiry", "conference", "both"))
    factor = 1.0 if where == "conference" else draw.between(1.3, 2.5)
    share = 0.0 if where == "enquiry" else draw.between(max(0.75, draw.profile.conference * 1.3), 0.97)
    return ThresholdSlip(
        start=draw.start, weeks=draw.weeks(14, 30), team=team, locality=locality, also=also,
        section_47_factor=factor, conference_share=share,
    )  # fmt: skip


def _fall(draw: _Draw) -> Story:
    team, locality, also = draw.place("section_47", "team", "locality", "council")
    factors = (1.0, draw.between(0.3, 0.65))
    early, late = factors if draw.rng.random() < 0.5 else factors[::-1]
    return ConversionFall(
        start=draw.start, weeks=draw.weeks(16, 30), team=team, locality=locality, also=also,
        section_47_factor=early, conference_factor=late,
    )  # fmt: skip


def _flood(draw: _Draw) -> Story:
    enough = [name for name, share in draw.profile.sources.items() if yearly(draw.profile)["referral"] * share >= LEAST]
    return SourceFlood(
        start=draw.start, weeks=draw.weeks(6, 16), source=draw.one(enough or ["Police"]), factor=draw.between(1.8, 4),
        no_further_action=draw.between(0.5, 0.95), contacts_too=bool(draw.rng.random() < 0.5),
    )  # fmt: skip


def _surge(draw: _Draw) -> Story:
    team, locality, also = draw.place("referral", "locality", "council")
    return VolumeSurge(
        start=draw.start, weeks=draw.weeks(10, 30), team=team, locality=locality, also=also, factor=draw.between(1.3, 2)
    )


def _slower(draw: _Draw) -> Story:
    team, locality, also = draw.place("plan", "team", "locality", "council")
    return SlowerEnds(
        start=draw.start,
        weeks=draw.weeks(26, 51),
        team=team,
        locality=locality,
        also=also,
        kept=draw.between(0.6, 0.95),
    )


def _quicker(draw: _Draw) -> Story:
    team, locality, also = draw.place("plan", "team", "locality", "council")
    return QuickerEnds(
        start=draw.start, weeks=draw.weeks(26, 51), team=team, locality=locality, also=also,
        brought=draw.between(0.5, 0.9),
    )  # fmt: skip


def _drift(draw: _Draw) -> Story:
    team, locality, also = draw.place("plan", "locality", "council")
    return RepeatDrift(
        start=draw.start, weeks=51, team=team, locality=locality, also=also, ramp=draw.weeks(8, 40),
        share=draw.between(max(0.35, draw.profile.repeat + 0.15), 0.6),
    )  # fmt: skip


def _age(draw: _Draw) -> Story:
    band = draw.one(("under 1", "1-4", "5-9", "10-15"))
    return GroupRise(
        start=draw.start, weeks=draw.weeks(12, 30), dimension="age_band", value=band, factor=draw.between(1.8, 3)
    )


def _category(draw: _Draw) -> Story:
    return GroupRise(
        start=draw.start, weeks=draw.weeks(12, 30), dimension="category", value=draw.one(("neglect", "emotional")),
        factor=draw.between(1.6, 2.5),
    )  # fmt: skip


# Each with the column that a story cannot be told without.
MAKERS: dict[Callable[[_Draw], Story], str] = {
    _slip: "", _fall: "", _flood: "source", _surge: "", _slower: "", _quicker: "", _drift: "", _age: "age",
    _category: "category",
}  # fmt: skip
SLOW = (_slower, _quicker, _drift)  # that take most of the year to be seen
