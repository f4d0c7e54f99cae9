"""Who the families are: new ones, or ones who come back, with the same children, a while after their case was closed.

A family that returns onto a plan is one whose last plan ended about as long ago as the drawn gap, so that repeat plans
and re-referrals are of actual children; where the simulated past is too short for the gap, the family has a history.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from forecaster.simulate.days import NEVER, YEAR, Days
from forecaster.simulate.profile import AGES, LARGEST_GROUP, Profile
from forecaster.simulate.stories import REVIEW_INTERVAL, Story, places_of
from forecaster.types import Floats

ADULT = 18 * YEAR
ROOM = 12  # children a family may have known to the council
OLDEST = AGES[-1][2]
SPACING = 3.5  # years, standard deviation of siblings' ages about that child's
# Years from the end of a plan to the next: 9 of Walsall's 22 repeats came back within two years (Walsall, 2016).
GAP_MEDIAN, GAP_SPREAD, GAP_RANGE = 2.3, 0.85, (0.3, 14.0)
TOO_FEW = 400  # days from the drawn gap that weigh as much as one former child too few
FULL_PAST = int(1.5 * YEAR)  # of simulation, before plans have ended in number
STRAGGLERS = 0.05  # children whose plan ends a review later than their siblings'
GENDERS = (("F", 0.48), ("M", 0.51), ("U", 0.01))
ETHNICITIES = (("WBRI", 0.86), ("WOTH", 0.07), ("MWBC", 0.02), ("MOTH", 0.02), ("AOTH", 0.02), ("BAFR", 0.01))
PEOPLE_DRAWS = ("age", "spacing", "gender", "straggler")


def _ages(draws: Floats) -> Floats:
    edges = np.cumsum([0.0, *(share for share, _, _ in AGES)])
    row = np.minimum(np.searchsorted(edges, draws, side="right") - 1, len(AGES) - 1)
    low, high = np.array([[low, high] for _, low, high in AGES]).T
    return np.asarray(low[row] + (draws - edges[row]) / np.diff(edges)[row] * (high - low)[row], dtype=float)


def group_ages(age: Floats, spacing: Floats) -> Floats:
    """Returns ages in years, families x LARGEST_GROUP: the child's own first, then its siblings' about it."""
    own = _ages(age[:, :1])
    offset = np.zeros_like(spacing)
    offset[:, 1:] = SPACING * ndtri(np.clip(spacing[:, 1:], 1e-4, 1 - 1e-4))
    ages = own + offset
    ages = np.where(ages < AGES[0][1], -ages, ages)
    return np.asarray(np.where(ages > OLDEST, 2 * OLDEST - ages, ages), dtype=float)


class Register:
    """Every family met so far: where it lives, when it was last seen, and its children."""

    def __init__(self, capacity: int):
        self.families, self.children = 0, 0
        self.locality = np.zeros(capacity, dtype=np.int64)
        self.last_referral = np.full(capacity, -NEVER)
        self.closed = np.full(capacity, NEVER)
        self.last_plan = np.full(capacity, -NEVER)  # day the family's last plan ended
        self.ethnicity: list[float] = []  # a draw a family, and a child's gender likewise
        self.gender: list[float] = []
        self.child = np.full((capacity, ROOM), -1)
        self.birth = np.full((capacity, ROOM), NEVER)
        self.plans = np.zeros((capacity, ROOM), dtype=np.int64)
        self.plan_end = np.full((capacity, ROOM), -NEVER)

    def add_family(self, locality: int, ethnicity: float) -> int:
        """Returns the number of a new family."""
        family = self.families
        self.ethnicity.append(ethnicity)
        self.families += 1
        self.locality[family] = locality
        return family

    def add_child(self, family: int, birth: int, gender: float) -> int:
        """Returns the column of a new child."""
        self.gender.append(gender)
        column = int((self.child[family] >= 0).sum())
        self.child[family, column], self.birth[family, column] = self.children, birth
        self.children += 1
        return column

    def minors(self, family: Days | int, day: int) -> np.ndarray:
        """Which children of a family (or families) were known and at most 17 and a half on a day."""
        age = day - self.birth[family]
        return np.asarray((self.child[family] >= 0) & (age < ADULT - YEAR / 2))

    def _nearest(self, distance: Days, able: np.ndarray) -> int | None:
        """The family at least distance among those able, None where none is."""
        if not able.any():
            return None
        candidates = np.flatnonzero(able)
        return int(candidates[np.argmin(distance[candidates])])

    def returning(self, locality: int, day: int, ended: int, size: int) -> int | None:
        """Returns a closed family whose last plan ended about then, with so many children on it if one can be found."""
        at = slice(0, self.families)
        able = (self.locality[at] == locality) & (self.closed[at] <= day) & (self.last_plan[at] > -NEVER)
        candidates = np.flatnonzero(able)
        former = (self.minors(candidates, day) & (self.plans[candidates] > 0)).sum(axis=1)
        able[candidates] = former > 0
        distance = np.abs(self.last_plan[at] - ended)
        distance[candidates] += TOO_FEW * np.maximum(size - former, 0)
        return self._nearest(distance, able)

    def referred_again(self, locality: int, day: int, seen: int, size: int, newcomer: bool) -> int | None:
        """Returns a closed family last referred about then; `newcomer`: one that never had a plan."""
        at = slice(0, self.families)
        able = (self.locality[at] == locality) & (self.closed[at] <= day) & (np.abs(self.last_referral[at] - seen) < 60)
        if newcomer:
            able &= self.last_plan[at] == -NEVER
        candidates = np.flatnonzero(able)
        able[candidates] = self.minors(candidates, day).sum(axis=1) >= size
        return self._nearest(np.abs(self.last_referral[at] - seen), able)


def _gaps(draws: Floats) -> Days:
    years = GAP_MEDIAN * np.exp(GAP_SPREAD * ndtri(np.clip(draws, 1e-6, 1 - 1e-6)))
    return np.asarray(np.clip(years, *GAP_RANGE) * YEAR, dtype=np.int64)


def _case_closed(frame: pd.DataFrame) -> Days:
    """The day each family's case is closed, plans apart: in a week without further action, else within months."""
    length = frame["case_length"].to_numpy()
    after = 14 + np.where(frame["assessment"] < NEVER, 50 * length, 0) + np.where(frame["section_47"] < NEVER, 40, 0)
    return np.asarray(frame["day"] + np.where(frame["no_further_action"], 7, after), dtype=np.int64)


def people_draws(frame: pd.DataFrame, rng: np.random.Generator) -> dict[str, Floats]:
    """Returns uniform draws, families x LARGEST_GROUP, that go with the arrival whatever stories add to the frame."""
    draws = rng.random((len(frame), len(PEOPLE_DRAWS), LARGEST_GROUP))[frame["arrival"].to_numpy()]
    return {name: draws[:, at] for at, name in enumerate(PEOPLE_DRAWS)}


class Census:
    """Gives each family of the pathway its identity, in order of referral, and collects a row a child."""

    def __init__(self, frame: pd.DataFrame, profile: Profile, stories: Sequence[Story], rng: np.random.Generator):
        self._draws = people_draws(frame, rng)
        self._column = {name: frame[name].to_numpy() for name in frame}
        own, chosen = self._draws["age"][:, 0], self._column["age_draw"]
        self._draws["age"][:, 0] = np.where(np.isfinite(chosen), chosen, own)
        ages = group_ages(self._draws["age"], self._draws["spacing"]) * YEAR
        self._births = self._column["day"][:, None] - ages.astype(np.int64)
        self._past = int(self._column["day"].min()) + FULL_PAST
        self._locality = pd.factorize(frame["locality"], sort=True)[0]
        self._closed = _case_closed(frame)
        self._gap = _gaps(self._column["gap"])
        self._months = (self._column["gap"] ** 1.3 * 350 + 12).astype(np.int64)
        chance = np.full(len(frame), profile.repeat)
        for story in stories:
            chance = story.repeat(chance, self._column["plan_start"], places_of(frame))
        self._repeats = (self._column["plan_start"] < NEVER) & (self._column["returns"] < chance)
        self._again = self._column["returns"] > 1 - profile.re_referral
        self.register = Register(len(frame))
        self.rows: list[tuple[int, ...]] = []

    def take(self) -> pd.DataFrame:
        """Returns a row a child and referral: family row, family, child, birth, plans before and this plan's end."""
        for row in range(len(self._gap)):
            self._place(row)
        names = ["row", "family", "child", "birth", "previous_plans", "previous_plan_end", "plan_end"]
        return pd.DataFrame(np.array(self.rows).reshape(-1, len(names)), columns=names)

    def _place(self, row: int) -> None:
        day, size = int(self._column["day"][row]), int(self._column["size"][row])
        on_plan = bool(self._column["plan_start"][row] < NEVER)
        family = self._known(row, day, size, on_plan)
        if family is None:
            family = self._newcomer(row, day, size)
        wanted = (self.register.plans[family] > 0) | ~self._repeats[row]
        columns = self._children(row, family, day, wanted, size)
        self.register.last_referral[family] = day
        self.register.closed[family] = self._closed[row]
        self._record(row, family, columns, on_plan)

    def _known(self, row: int, day: int, size: int, on_plan: bool) -> int | None:
        locality = int(self._locality[row])
        if self._repeats[row]:
            ended = day - int(self._gap[row])
            return None if ended < self._past else self.register.returning(locality, day, ended, size)
        if self._again[row]:
            return self.register.referred_again(locality, day, day - int(self._months[row]), size, on_plan)
        return None

    def _newcomer(self, row: int, day: int, size: int) -> int:
        """A family not met before; one who returns onto a plan has the history that the simulated past lacks."""
        family = self.register.add_family(int(self._locality[row]), float(self._draws["spacing"][row, 0]))
        if self._repeats[row]:
            gap = int(self._gap[row])
            for place, birth in enumerate(self._births[row, :size]):
                column = self.register.add_child(family, min(int(birth), day - gap - 60), self._gender(row, place))
                self.register.plans[family, column] = 1
                self.register.plan_end[family, column] = day - gap
            self.register.last_plan[family] = day - gap
        return family

    def _gender(self, row: int, place: int) -> float:
        return float(self._draws["gender"][row, place])

    def _children(self, row: int, family: int, day: int, wanted: np.ndarray, size: int) -> list[int]:
        """The columns of the children referred: the wanted first, then other minors, then siblings unknown so far."""
        minors = self.register.minors(family, day)
        columns = [int(c) for c in (*np.flatnonzero(minors & wanted), *np.flatnonzero(minors & ~wanted))][:size]
        for place in range(len(columns), size):
            columns.append(self.register.add_child(family, int(self._births[row, place]), self._gender(row, place)))
        return columns

    def _record(self, row: int, family: int, columns: list[int], on_plan: bool) -> None:
        register = self.register
        for place, column in enumerate(columns):
            before, ended = int(register.plans[family, column]), int(register.plan_end[family, column])
            birth, end = int(register.birth[family, column]), NEVER
            if on_plan:
                end = self._child_end(row, place, birth)
                register.plans[family, column] += 1
                register.plan_end[family, column] = end
                register.last_plan[family] = max(int(register.last_plan[family]), end)
                register.closed[family] = max(int(register.closed[family]), end + 60)
            self.rows.append((row, family, int(register.child[family, column]), birth, before, ended, end))

    def _child_end(self, row: int, place: int, birth: int) -> int:
        """A child's own end: the family's, or a review later for a straggler; never after the eighteenth birthday."""
        late = place > 0 and self._draws["straggler"][row, place] < STRAGGLERS
        end = int(self._column["plan_end"][row]) + REVIEW_INTERVAL * late
        return max(min(end, int(birth + ADULT)), int(self._column["plan_start"][row]) + 1)


def labelled(draws: Sequence[float], options: tuple[tuple[str, float], ...]) -> np.ndarray:
    """Returns the option each uniform draw falls on."""
    edges = np.cumsum([share for _, share in options])
    at = np.minimum(np.searchsorted(edges, np.asarray(draws), side="right"), len(options) - 1)
    return np.array([name for name, _ in options])[at]
