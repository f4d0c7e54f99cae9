"""What a simulated council is like: its size, its mix, its season, its families and how late it writes things down.

Figures are the Department for Education's, children in need, unless a line says otherwise; data/demo/README.md lists
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from forecaster.types import Floats, Slice

LARGEST_GROUP = 7
# Siblings referred along with a child: a negative binomial of this shape gives most none and a few four or more.
SIBLING_SHAPE = 0.8
# Table C5, England 2023-24.
SOURCES = {
    "Police": 0.285,
    "Schools": 0.203,
    "Health": 0.147,
    "Council services": 0.141,
    "Individual": 0.080,
    "Legal agency": 0.044,
    "Other": 0.042,
    "Education": 0.017,
    "Anonymous": 0.016,
    "Unknown": 0.013,
    "Housing": 0.012,
}
# Table D2, England 2023-24.
CATEGORIES = {"neglect": 0.498, "emotional": 0.373, "physical": 0.077, "sexual": 0.035, "multiple": 0.017}
# Shares of work by team: invented, with nearly half of it in the one city, as in a county of this kind.
TEAMS = (
    ("City Team 1", "City", 0.24),
    ("City Team 2", "City", 0.22),
    ("North Team 1", "North", 0.22),
    ("North Team 2", "North", 0.08),
    ("South Team", "South", 0.13),
    ("West Team", "West", 0.11),
)
# Referrals per working day, April first: mean of seven years, from table C6 (1 is the year's mean).
SEASON = (0.97, 1.09, 1.07, 1.01, 0.84, 0.99, 1.01, 1.05, 0.92, 1.02, 0.99, 1.04)
# Table D7, England 2023-24: 16% of plans that end do so within 3 months, 12% by 6, 43% by 12, 25% by 24, 4% later. Most
# ends are decided at a review (first number: which one); the rest fall anywhere between two days of the plan.
ENDS_AT_REVIEW = {1: 0.130, 2: 0.370, 3: 0.140, 4: 0.075, 5: 0.025, 6: 0.008}
ENDS_BETWEEN = {(10, 80): 0.033, (95, 182): 0.117, (183, 364): 0.063, (365, 728): 0.034, (731, 1100): 0.005}
# Years of age of the child a referral is about: (share, youngest, oldest); rounded from England's children in need.
AGES = (
    (0.02, -0.4, 0.0),
    (0.09, 0.0, 1.0),
    (0.24, 1.0, 5.0),
    (0.29, 5.0, 10.0),
    (0.31, 10.0, 16.0),
    (0.05, 16.0, 17.2),
)
AGE_BANDS = ("unborn", "under 1", "1-4", "5-9", "10-15", "16-17")


@dataclass(frozen=True)
class Profile:
    """The parameters of a council; the defaults are one of Herefordshire's size (34,400 children) at usual rates.

    size multiplies every volume. dispersion: variance of the weekly level of demand about its mean of 1, on top of the
    clustering by families. sibling_rate: siblings referred along with a child, on average. seasonality: 0 flat,
    1 England's. lag: multiplies the days until an event is recorded (0: at once). long_plans: how many times likelier
    than in England each further year of a plan is. no_columns, no_events: what the extract lacks. Shares are of
    children.
    """

    size: float = 1.0
    population: float = 34_400
    referrals_a_year: float = 1_500
    contacts_per_referral: float = (
        4.3  # 2.77 million contacts to 650,270 referrals, 2021-22 (ADCS, Safeguarding Pressures 8)
    )
    no_further_action: float = 0.08
    section_47: float = 0.39  # section 47 enquiries a referral
    conference: float = 0.465  # of section 47 enquiries
    plan: float = 0.87  # of conferences
    repeat: float = 0.23  # of children on a new plan, those who had one before
    re_referral: float = 0.25  # of families referred, those referred in the year before, where one can be found
    dispersion: float = 0.02
    sibling_rate: float = 0.62
    seasonality: float = 1.0
    school_holiday: float = 0.15  # schools' referrals in their holidays, to those in term
    trend: float = 0.003  # growth a year
    lag: float = 1.0
    long_plans: float = 1.0
    teams: tuple[tuple[str, str, float], ...] = TEAMS
    sources: Mapping[str, float] = field(default_factory=lambda: dict(SOURCES))
    categories: Mapping[str, float] = field(default_factory=lambda: dict(CATEGORIES))
    no_columns: tuple[str, ...] = ()
    no_events: tuple[str, ...] = ()

    @property
    def group_sizes(self) -> Floats:
        """Chances of 1, 2, ... LARGEST_GROUP children being referred together."""
        odds = self.sibling_rate / (self.sibling_rate + SIBLING_SHAPE)
        siblings = np.arange(1, LARGEST_GROUP)
        steps = np.concatenate([[1.0], odds * (siblings - 1 + SIBLING_SHAPE) / siblings])
        chances = np.cumprod(steps)
        return np.asarray(chances / chances.sum(), dtype=float)

    @property
    def mean_group(self) -> float:
        """Children referred together, on average."""
        return float(self.group_sizes @ np.arange(1, LARGEST_GROUP + 1))

    def working_at(self, place: Slice) -> tuple[tuple[str, str, float], ...]:
        """Returns the teams that work at a place: all of them where it names neither a team nor a locality."""
        named = dict(place)
        return tuple(
            (team, locality, share)
            for team, locality, share in self.teams
            if named.get("team", team) == team and named.get("locality", locality) == locality
        )

    def draws_of(self, dimension: str, value: str) -> tuple[float, float]:
        """Returns between which uniform draws a family is of an age band or a category; they differ by its share."""
        ages = {band: share for band, (share, _, _) in zip(AGE_BANDS, AGES, strict=True)}
        shares = ages if dimension == "age_band" else self.categories
        edges = dict(zip(shares, np.cumsum(list(shares.values())), strict=True))
        return edges[value] - shares[value], edges[value]

    def part(self, place: Slice) -> float:
        """Returns the share of families that are usual at a place, whatever source it names."""
        groups = [self.draws_of(*pair) for pair in place if pair[0] in ("age_band", "category")]
        work = sum(share for _, _, share in self.working_at(place)) / sum(share for _, _, share in self.teams)
        return float(work * np.prod([high - low for low, high in groups]))

    def locality_of(self, team: str) -> str:
        """Returns the locality a team works in."""
        return next(locality for name, locality, _ in self.teams if name == team)


def chance_by_size(chance: float, sizes: Floats, profile: Profile, tilt: float = 0.1) -> Floats:
    """Returns a chance per family that grows with its size and is `chance` on average over children.

    Larger families go further along the pathway: 1.6 children a referral, about 1.8 a family on a plan.
    """
    counts = np.arange(1, LARGEST_GROUP + 1)
    weights = profile.group_sizes * counts
    scale = weights.sum() / (weights * (1 + tilt * (counts - 1))).sum()
    return np.asarray(np.clip(chance * scale * (1 + tilt * (sizes - 1)), 0.0, 0.97), dtype=float)
