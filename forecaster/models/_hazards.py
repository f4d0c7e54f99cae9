"""How soon the stays behind a stock end: by how long they have lasted, where, in which season, and how fast of late.

A stay that is in its a-th period ends in it with the chance 1 - exp(-rate(a) x calendar x place x pace). Rates by age
are events over exposure, each shrunk to its neighbours', so that ends cluster where the data say (review conferences)
and nowhere else. Places are shrunk to the council (gamma-Poisson). The pace is what ends in a period over what was to
be expected: several memories of it, from a few weeks to for ever, weighted by how well each predicted the next period
so far; each is a gamma distribution discounted period by period (West and Harrison 1997, section 10.8).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.calendar import following, per_year, working_columns
from forecaster.types import NEVER, UNKNOWN, Floats, Ints, Panel, Stays, Step, as_date

OLDEST_YEARS = 3  # older stays are of one age
NEAR = {"week": 6, "month": 1}  # ages a rate is shrunk to, on either side
EVENTS = 2.0  # that the neighbouring ages weigh
HALF_LIVES = {"week": (4.0, 8.0, 26.0, 104.0, np.inf), "month": (2.0, 6.0, 24.0, np.inf)}  # of the memories of pace
SAME = 6.0  # ends that weigh for a pace as it always was
PLACE_YEARS, PLACE_SAME = 2, 10.0  # years that tell of places, and ends that weigh for no effect of a place
MEMORY_YEARS = 3.0  # of the record by which memories of pace are weighted
SEASON_PRIOR, SEASON_SPREAD = (0.7, 0.0), (0.5, 0.25)  # log hazard by log working days, and by school holidays
ROUNDS = 3
BLOCK = {"week": 13, "month": 3}  # periods over which past forecasts are checked
MOVES, MOVES_BLOCKS = {"week": 0.035, "month": 0.073}, 12.0  # change of a level in one period; checks that it weighs
TAIL = 4.0  # degrees of freedom of such changes: a level may jump
TINY = 1e-9


@dataclass(frozen=True)
class Pace:
    """What ends over what was to be expected, as K memories have it: gamma with shape and rate K, believed by weight.

    wander: K, standard deviation of the log of one period's change as each memory has it; moves: what comes on top by
    the record.
    """

    shape: Floats
    rate: Floats
    weight: Floats
    wander: Floats
    moves: float

    @property
    def mean(self) -> float:
        return float((self.weight * self.shape / self.rate).sum())


@dataclass(frozen=True)
class Hazards:
    """How soon stays end, as known at the end of a panel.

    by_age: rates of ages 0 … A, older stays have the last. places: of each dimension the shape and rate of each label's
    gamma. calendar: of the coming periods. together: chance that two stays of one place and period end as one.
    last_year: the pace of the year before the newest one.
    """

    by_age: Floats
    places: dict[str, tuple[Floats, Floats]]
    calendar: Floats
    pace: Pace
    last_year: float
    together: float


@dataclass(frozen=True)
class Arrivals:
    """What is to be expected to open in each period to come, before its pace; dispersion: variance over mean."""

    expected: Floats
    pace: Pace
    dispersion: float


@dataclass(frozen=True)
class _Grid:
    """Stays of one opening period a row: at risk and ended in each period, C x T; age of each cell."""

    oldest: int
    first: int
    risk: Floats
    ended: Floats
    age: Ints

    @classmethod
    def of(cls, stays: Stays, first: int, length: int, oldest: int) -> _Grid:
        row = np.maximum(stays.opened, -oldest) + oldest
        shape, over = (length + oldest, length), (stays.ended < length).astype(float)
        left = np.bincount(row * length + np.minimum(stays.ended, length - 1), over, shape[0] * length)
        ended = left.reshape(shape).astype(float)
        number = np.bincount(row, minlength=shape[0]).astype(float)
        risk = number[:, None] - np.cumsum(ended, axis=1) + ended
        age = np.arange(length) - np.arange(-oldest, length)[:, None]
        seen = (age >= 0) & (np.arange(length) >= first)
        return cls(oldest, first, risk * seen, ended * seen, np.clip(age, 0, oldest))

    def by_age(self, cells: Floats) -> Floats:
        return np.asarray(np.bincount(self.age.ravel(), cells.ravel(), self.oldest + 1), float)


def fit(panel: Panel, stays: Stays, first: int, horizon: int) -> Hazards:
    """Returns the hazards of stays, all of one kind, whose openings and ends are known from period `first` on."""
    length, step = len(panel.periods), panel.step
    dated = stays.select(np.flatnonzero(stays.opened > UNKNOWN))
    grid = _Grid.of(dated, first, length, OLDEST_YEARS * per_year(step))
    periods = np.concatenate([panel.periods, following(as_date(panel.periods[-1]), horizon, step)])
    season, effects = working_columns(periods, step), np.array(SEASON_PRIOR)
    for _ in range(ROUNDS):
        calendar = np.exp(season @ effects)
        chance = _by_age(grid, calendar[:length], NEAR[step])
        expected = (grid.risk * chance[grid.age]).sum(0)
        effects = _season_effects(grid.ended.sum(0)[first:], expected[first:], season[first:length])
    calendar = np.exp(season @ effects)
    expected, came = (expected * calendar[:length])[first:], grid.ended.sum(0)[first:]
    spread = _clumping(came, expected)
    memories = _Memories.of(came[None], expected[None], spread, SAME, step)
    faster = np.concatenate([np.ones(first), memories.mean[0, :-1]]) * calendar[:length]
    return Hazards(
        by_age=-np.log1p(-np.minimum(chance, 0.98)),
        places=_places(dated, grid, chance, faster, spread, step),
        calendar=calendar[length:],
        pace=memories.pace(came, expected, spread, step),
        last_year=_year_before(came, expected, per_year(step)),
        together=_together(dated, chance),
    )


def arrivals(panel: Panel, stays: Stays, first: int, horizon: int) -> Arrivals:
    """Returns what is to be expected to open: its mean by season, and its pace as ends have theirs."""
    length, step = len(panel.periods), panel.step
    periods = np.concatenate([panel.periods, following(as_date(panel.periods[-1]), horizon, step)])
    came = np.bincount(stays.opened[stays.opened >= first], minlength=length)[first:].astype(float)
    season, mean = working_columns(periods, step), np.full(len(came), max(float(came.mean()), TINY))
    calendar = np.exp(season @ _season_effects(came, mean, season[first:length]))
    expected = calendar * came.sum() / calendar[first:length].sum()
    past, spread = expected[first:length], _clumping(came, expected[first:length])
    memories = _Memories.of(came[None], past[None], spread, SAME, step)
    spread = _clumping(came, past * memories.mean[0, :-1])
    return Arrivals(expected[length:], memories.pace(came, past, spread, step), spread)


def _by_age(grid: _Grid, calendar: Floats, near: int) -> Floats:
    """Chance of an end at each age in a usual period: of the age itself, shrunk to the ages around, and they to all."""
    ended, exposed = grid.by_age(grid.ended), grid.by_age(grid.risk * calendar)
    whole = (ended.sum() + 1) / (exposed.sum() + 30)
    around = np.ones(2 * near + 1)
    ended_near, exposed_near = (np.convolve(values, around)[near:-near] for values in (ended, exposed))
    usual = (ended_near + EVENTS) / (exposed_near + EVENTS / whole)
    return np.asarray((ended + EVENTS) / (exposed + EVENTS / usual))


def _season_effects(came: Floats, expected: Floats, season: Floats) -> Floats:
    """Poisson regression of what ended on the seasons, offset by what else was expected, with a normal prior."""
    prior, precision = np.array(SEASON_PRIOR), 1 / np.square(SEASON_SPREAD)
    effects, spread = prior, _clumping(came, expected)
    for _ in range(ROUNDS):
        mean = expected * np.exp(season @ effects)
        level = came.sum() / max(mean.sum(), TINY)
        slope = season.T @ (came - level * mean) / spread - precision * (effects - prior)
        centred = season - (mean @ season) / max(mean.sum(), TINY)
        curve = (centred.T * mean * level) @ centred / spread + np.diag(precision)
        effects = effects + np.linalg.solve(curve, slope)
    return np.asarray(effects)


def _clumping(came: Floats, expected: Floats) -> float:
    """Variance over mean of what comes in a period, about its own level of what was to be expected."""
    level = came.sum() / max(expected.sum(), TINY)
    squares = (came - level * expected) ** 2
    return float(max((squares.sum() + 20) / (level * expected.sum() + 10), 1.0))


@dataclass(frozen=True)
class _Memories:
    """What K memories say of the pace of L series before each of T + 1 periods: K x L x (T + 1)."""

    shape: Floats
    rate: Floats
    weight: Floats
    kept: Floats

    @property
    def mean(self) -> Floats:
        """The pace as they have it together, L x (T + 1)."""
        return np.asarray((self.weight * self.shape / self.rate).sum(0))

    @classmethod
    def of(cls, came: Floats, expected: Floats, spread: float, same: float, step: Step) -> _Memories:
        """Weights follow the record of foretelling the next period (quasi-likelihood), forgotten slowly."""
        kept = 0.5 ** (1 / np.array(HALF_LIVES[step]))
        shape, rate = (same + _remembered(values, kept) / spread for values in (came, expected))
        mean = np.maximum((shape / rate)[..., :-1] * expected, TINY)
        ratio = np.where(came > 0, np.maximum(came, TINY) / mean, 1.0)
        cost = (came * np.log(ratio) - came + mean) / spread
        slowly = np.array([0.5 ** (1 / (MEMORY_YEARS * per_year(step)))])
        record = -np.stack([_remembered(each, slowly)[0] for each in cost])
        weight = np.exp(record - record.max(0))
        return cls(shape, rate, weight / weight.sum(0), kept)

    def pace(self, came: Floats, expected: Floats, spread: float, step: Step) -> Pace:
        """The pace of the first series after the last period."""
        shape, rate, weight = (values[:, 0, -1] for values in (self.shape, self.rate, self.weight))
        wander = np.sqrt((1 - self.kept) / self.kept / shape)
        return Pace(shape, rate, weight, wander, self._moves(came, expected, spread, step))

    def _moves(self, came: Floats, expected: Floats, spread: float, step: Step) -> float:
        """How far the pace has moved beyond what its memories said, in blocks of periods one after the other."""
        block = BLOCK[step]
        begin = np.arange(per_year(step), len(came) - block + 1, block)
        within = begin[:, None] + np.arange(block)
        at = self.shape[:, 0, begin], self.rate[:, 0, begin], self.weight[:, 0, begin]
        mean = (at[2] * at[0] / at[1]).sum(0)
        doubt = (at[2] * (at[0] / at[1] ** 2 + (at[0] / at[1]) ** 2)).sum(0) / mean**2 - 1
        foreseen = np.maximum(mean * expected[within].sum(1), TINY)
        return moves(came[within].sum(1) / foreseen - 1, doubt + spread / foreseen, step)

    def gammas(self) -> tuple[Floats, Floats]:
        """Shape and rate (L) of one gamma with the mean and variance of the mixture, after the last period."""
        shape, rate, weight = (values[..., -1] for values in (self.shape, self.rate, self.weight))
        mean = (weight * shape / rate).sum(0)
        variance = (weight * (shape / rate**2 + (shape / rate) ** 2)).sum(0) - mean**2
        return mean**2 / variance, mean / variance


def moves(error: Floats, variance: Floats, step: Step) -> float:
    """Returns the standard deviation of a level's change in one period.

    error: of forecasts of the mean of a block of periods, relative to it, one block after the other; variance: what was
    to be expected of them had the level not moved. The mean of a block moves by a third of its length of changes.
    """
    usual = MOVES[step] ** 2
    seen = 3 / BLOCK[step] * float((error**2 - variance).sum())
    return float(np.sqrt(max((MOVES_BLOCKS * usual + seen) / (MOVES_BLOCKS + len(error)), usual / 3)))


def moving(size: float, draws: int, horizon: int, rng: np.random.Generator) -> Floats:
    """Returns sample paths (N x H) of the log of a level that changes by `size` a period, a few of them by far more."""
    scale = size * np.sqrt((TAIL - 2) / rng.chisquare(TAIL, (draws, 1)))
    return np.asarray(scale * np.cumsum(rng.standard_normal((draws, horizon)), axis=1))


def _remembered(values: Floats, kept: Floats) -> Floats:
    """K x L x (T + 1): sums of values (L x T) before each period, each counting `kept` (K) times the next one's."""
    length = values.shape[1]
    ago = np.arange(length + 1)[:, None] - 1 - np.arange(length)
    memory = np.where(ago >= 0, kept[:, None, None] ** np.maximum(ago, 0), 0.0)
    return np.asarray(values @ np.swapaxes(memory, 1, 2))


def _year_before(came: Floats, expected: Floats, year: int) -> float:
    """The pace of the year before the newest one."""
    then = slice(-2 * year, -year)
    return float((came[then].sum() + SAME) / (expected[then].sum() + SAME))


def _places(
    stays: Stays, grid: _Grid, chance: Floats, faster: Floats, spread: float, step: Step
) -> dict[str, tuple[Floats, Floats]]:
    """Of each dimension the gamma of how much faster stays end in each place than those before it have explained.

    faster: calendar times the council's pace in every period.
    """
    length = len(faster)
    window = np.arange(max(length - int(PLACE_YEARS * per_year(step)), grid.first), length)
    seen = (stays.opened[:, None] <= window) & (stays.ended[:, None] >= window)
    age = np.clip(window - stays.opened[:, None], 0, grid.oldest)
    expected = np.where(seen, chance[age], 0.0) * faster[window]
    over = np.flatnonzero((stays.ended >= window[0]) & (stays.ended < length))
    when, found = stays.ended[over] - window[0], {}
    for name, (labels, codes) in stays.places.items():
        each = (codes == np.arange(len(labels))[:, None]).astype(float)
        came = np.bincount(codes[over] * len(window) + when, minlength=each.shape[0] * len(window)).astype(float)
        memories = _Memories.of(came.reshape(-1, len(window)), each @ expected, spread, PLACE_SAME, step)
        found[name] = memories.gammas()
        expected *= (found[name][0] / found[name][1])[codes][:, None]
    return found


def _together(stays: Stays, chance: Floats) -> float:
    """How much more often two stays that opened in one period and place end in one period than strangers do."""
    over = np.flatnonzero(stays.ended < NEVER)
    cell = cells(stays)[over]
    both = _pairs(cell)
    same = _pairs(cell * (int(stays.ended[over].max(initial=0)) + 2) + stays.ended[over])
    lasting = np.cumprod(1 - chance) / (1 - chance) * chance
    by_chance = float((lasting**2).sum())
    return float(np.clip((same - by_chance * both) / (both * (1 - by_chance) + 20), 0.0, 0.95))


def cells(stays: Stays) -> Ints:
    """Returns numbers (N) that stays share which opened in one period and are alike in team and locality."""
    number = stays.opened - stays.opened.min(initial=0)
    for name in ("team", "locality"):
        if name in stays.places:
            labels, codes = stays.places[name]
            number = number * len(labels) + codes
    return np.asarray(np.unique(number, return_inverse=True)[1], np.int64)


def _pairs(groups: Ints) -> float:
    size = np.unique(groups, return_counts=True)[1].astype(float)
    return float((size * (size - 1)).sum() / 2)
