"""Panels made from a seed: councils in which nothing happens, of every kind that a method must stay calm about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from forecaster.types import Floats, Kind, Panel, SeriesKey, Step

FIRST = dt.date(2014, 1, 6)
SIBLINGS, CHANCE = np.array([1, 2, 3, 4, 5, 7]), np.array([0.62, 0.2, 0.1, 0.05, 0.02, 0.01])
Maker = Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]


def periods(count: int, step: Step = "week", first: dt.date = FIRST) -> npt.NDArray[np.datetime64]:
    if step == "week":
        return np.datetime64(first) + 7 * np.arange(count)
    return (np.datetime64(first, "M") + np.arange(count)).astype("datetime64[D]")


def panel(
    count: npt.ArrayLike,
    kind: Kind | Sequence[Kind] = "flow",
    *,
    of: npt.ArrayLike | None = None,
    capped: npt.ArrayLike | None = None,
    keys: Sequence[SeriesKey] | None = None,
    step: Step = "week",
    first: dt.date = FIRST,
    provisional: int = 0,
) -> Panel:
    """A panel of counts (S x T); without keys the series are the council's m0, m1, …"""
    counts = np.atleast_2d(np.asarray(count, float))
    series, length = counts.shape
    return Panel(
        keys=tuple(keys) if keys else tuple(SeriesKey(f"m{i}") for i in range(series)),
        kinds=(kind,) * series if isinstance(kind, str) else tuple(kind),
        periods=periods(length, step, first),
        step=step,
        count=counts,
        of=np.full_like(counts, np.nan) if of is None else np.atleast_2d(np.asarray(of, float)),
        capped=counts if capped is None else np.atleast_2d(np.asarray(capped, float)),
        provisional=provisional,
    )


def overdispersed(rng: np.random.Generator, mean: npt.ArrayLike, phi: float, shape: tuple[int, int]) -> Floats:
    """Negative-binomial counts whose variance is phi times their mean."""
    return rng.negative_binomial(np.broadcast_to(mean, shape) / (phi - 1), 1 / phi).astype(float)


def poisson(rng: np.random.Generator, series: int, length: int) -> tuple[Floats, Floats]:
    counts = rng.poisson(rng.uniform(2, 30, (series, 1)), (series, length)).astype(float)
    return counts, counts


def clumped(rng: np.random.Generator, series: int, length: int) -> tuple[Floats, Floats]:
    """Referrals as councils have them: the variance several times the mean."""
    counts = np.concatenate([
        overdispersed(rng, rng.uniform(5, 100), phi, (1, length)) for phi in rng.uniform(2, 8, series)
    ])  # fmt: skip
    return counts, counts


def families(rng: np.random.Generator, series: int, length: int) -> tuple[Floats, Floats]:
    """Sibling groups that start a plan on one day, and the same with each family weighing at most three."""
    starts = rng.poisson(rng.uniform(1.5, 6, (series, 1)), (series, length))
    size = rng.choice(SIBLINGS, starts.sum(), p=CHANCE)
    cell = np.repeat(np.arange(starts.size), starts.ravel())
    full, capped = (np.bincount(cell, s, starts.size).reshape(starts.shape) for s in (size, np.minimum(size, 3)))
    return full, capped


def zero_heavy(rng: np.random.Generator, series: int, length: int) -> tuple[Floats, Floats]:
    counts = rng.poisson(rng.uniform(0.15, 0.8, (series, 1)), (series, length)).astype(float)
    return counts, counts


def seasonal(rng: np.random.Generator, series: int, length: int) -> tuple[Floats, Floats]:
    phase = rng.uniform(0, 2 * np.pi, (series, 1))
    mean = rng.uniform(5, 60, (series, 1)) * np.exp(0.25 * np.sin(2 * np.pi * np.arange(length) / 52.18 + phase))
    counts = overdispersed(rng, mean, 2.0, (series, length))
    return counts, counts


def shifted(rng: np.random.Generator, series: int, length: int) -> tuple[Floats, Floats]:
    """A level that stepped once, in the first year, and then stayed."""
    mean = np.repeat(rng.uniform(5, 60, (series, 1)), length, axis=1)
    at = rng.integers(20, 52, series)
    after = np.arange(length) >= at[:, None]
    mean = np.where(after, mean * rng.choice([0.6, 1.6], (series, 1)), mean)
    counts = overdispersed(rng, mean, 2.0, (series, length))
    return counts, counts


NULLS: dict[str, Maker] = {
    "poisson": poisson,
    "overdispersed": clumped,
    "families": families,
    "zero heavy": zero_heavy,
    "seasonal": seasonal,
    "level shifted": shifted,
}


def spells(
    rng: np.random.Generator, series: int, length: int, rate: float = 6.0, later: tuple[float, int] = (1.0, 1)
) -> Floats:
    """Stocks in balance: `rate` plans start a week and last 34 weeks on average.

    later: the factor by which more start in the newest periods, and how many those are.
    """
    warm = 150
    out = np.empty((series, length))
    mean = np.full(warm + length, rate)
    mean[-later[1] :] *= later[0]
    for i in range(series):
        starts = rng.poisson(mean)
        begin = np.repeat(np.arange(warm + length), starts)
        end = np.minimum(begin + rng.gamma(2, 17, len(begin)).astype(int), warm + length)
        open_now = np.cumsum(starts - np.bincount(end, minlength=warm + length + 1)[:-1])
        out[i] = open_now[warm:]
    return out


def shares(
    rng: np.random.Generator, series: int, length: int, mean_of: float, share: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Numerators and denominators of binomial shares."""
    of = rng.poisson(mean_of, (series, length))
    return rng.binomial(of, np.broadcast_to(share, of.shape)).astype(float), of.astype(float)


def sibling_shares(rng: np.random.Generator, series: int, length: int, share: float) -> tuple[Floats, Floats]:
    """Shares in which a whole sibling group counts or does not."""
    groups = rng.poisson(4, (series, length))
    size = rng.choice(SIBLINGS, groups.sum(), p=CHANCE)
    cell = np.repeat(np.arange(groups.size), groups.ravel())
    counts = rng.random(len(size)) < share
    hits, of = (np.bincount(cell, s, groups.size).reshape(groups.shape) for s in (size * counts, size))
    return hits, of.astype(float)


def missing_before(counts: Floats, start: int) -> Floats:
    """The same counts, but the first periods are missing."""
    out = counts.copy()
    out[:, :start] = np.nan
    return out


def slice_key(measure: str, dimension: str, value: str) -> SeriesKey:
    return SeriesKey(measure, ((dimension, value),))


def by_locality(
    seed: int,
    means: dict[str, float],
    extra: dict[str, npt.ArrayLike] | None = None,
    length: int = 208,
    measure: str = "plan_starts",
    kind: Kind = "flow",
) -> Panel:
    """A council and its localities, which add up to it; `extra` is what comes on top in the newest periods of one."""
    rng = np.random.default_rng(seed)
    rows = rng.poisson(np.array([*means.values()])[:, None], (len(means), length)).astype(float)
    for where, more in (extra or {}).items():
        added = np.asarray(more, float)
        rows[list(means).index(where), length - len(added) :] += added
    keys = [SeriesKey(measure), *(slice_key(measure, "locality", where) for where in means)]
    return panel(np.vstack([rows.sum(0), rows]), kind, keys=keys)


def joined(*panels: Panel) -> Panel:
    """Several panels of the same periods as one."""
    return Panel(
        keys=tuple(key for some in panels for key in some.keys),
        kinds=tuple(kind for some in panels for kind in some.kinds),
        periods=panels[0].periods,
        step=panels[0].step,
        count=np.concatenate([some.count for some in panels]),
        of=np.concatenate([some.of for some in panels]),
        capped=np.concatenate([some.capped for some in panels]),
        provisional=panels[0].provisional,
    )
