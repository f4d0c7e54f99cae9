"""One forecast of each series from several models: weighted by their record, then calibrated by the combination's own.

The record: every model forecasts again from earlier origins, knowing nothing after them, and is scored against what
came (rolling origins; Tashman 2000, International Journal of Forecasting 16:437). Quantiles are averaged with weights
that were best for all series together, moved by a series' own record; then each is moved to where outcomes of the
record say it should have been (conformal calibration of quantiles; Romano, Patterson and Candes 2019, NeurIPS 32).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from forecaster.calendar import per_year
from forecaster.normal_scores import SCORES, score_of, value_at
from forecaster.scores import held, weighted_interval_score
from forecaster.types import Ask, Dates, Floats, Panel, Step

SPACING = {"week": 4, "month": 2}  # periods between the origins of the record
YEARS = 2  # of the record
REACH = {"week": 26, "month": 12}  # periods ahead in the record: further, as in the last of them
HALF_LIFE_YEARS = 1.0  # by which an older forecast of the record counts for less
CELLS = 300_000  # counts of the panel times origins that a record may take: with more counts there are fewer origins
FEWEST, MOST = 3, 16  # origins
SAMPLE = 40  # series by which a model that takes its time is tried first
TRIALS = 120  # of its forecasts that are tried about: from fewer origins where it is offered more series
SCORED = (1, 2, 3, 4, 6, 9, 13, 18, 26)  # horizons that are scored: those between tell the same
PAYS = 0.005  # a model without which scores are worse by no more than this share is left out
SURELY = 2.0  # standard errors by which it must: forecasts from neighbouring origins are of the same periods
TRIED = np.linspace(0.1, 0.9, 9)  # weights
OWN = 0.5  # how far a series' own record moves its weights: nats for each whole score an origin
USUAL = 500.0  # forecasts that the stated quantiles are trusted by before any record
TOGETHER = 20.0  # series that one origin counts as at most: what nobody foresaw befell all of them
SMALLEST = 0.05  # weight: less is not worth a member's time
ALIKE = 0.5  # horizons whose logs differ by less than about this share a calibration
_WIDTH = 0.01
_GRID = np.arange(0.0, 6.0, _WIDTH)


class Predict(Protocol):
    """What a model offers (forecaster.models): quantiles S x O x H x Q from each of the origins."""

    def __call__(self, panel: Panel, ask: Ask) -> Floats: ...


@dataclass(frozen=True)
class Member:
    """A model of a combination. rows: S, the series it is offered; dear: it takes its time over each of them."""

    name: str
    predict: Predict
    rows: NDArray[np.bool_]
    dear: bool = False


@dataclass(frozen=True)
class Combined:
    """values: S x H x Q. weights: S x M, in the order of the members. scores: S x O x H, normal scores of what came of
    the record's forecasts, NaN where nothing has. coverage: S, how much of it the 95% band held.
    """

    values: Floats
    weights: Floats
    scores: Floats
    coverage: Floats


def combine(panel: Panel, members: Sequence[Member], ask: Ask, min_history: int) -> Combined:
    """Returns the combined forecast of every series of a panel, all of which can be judged.

    The first member is offered every series, and is not dear. ask: its origins are not read, the forecast is that of
    the panel's end.
    """
    origins = record_origins(panel.periods, panel.step, len(panel.keys), min_history)
    reach = min(ask.horizon, REACH[panel.step])
    actual = _actual(panel.count, origins, reach)
    recency = 0.5 ** ((len(panel.periods) - np.array(origins)) / (HALF_LIFE_YEARS * per_year(panel.step)))
    level = np.maximum(np.nanmean(panel.count, axis=1), 1e-9)[:, None, None]
    record = np.stack([_record(member, panel, replace(ask, origins=origins, horizon=reach)) for member in members])
    weights = _weights(record, actual, level, members)
    mixed = mix(record, weights)
    newest = _newest(members, panel, weights, replace(ask, origins=(len(panel.periods),)))
    weights = _of_those_that_say(newest, weights)
    scores = score_of(mixed, actual)
    moved = calibration(scores, recency)
    beyond = ask.horizon - reach
    return Combined(
        values=value_at(mix(newest, weights)[:, 0], np.pad(moved, ((0, beyond), (0, 0)), "edge")),
        weights=weights,
        scores=np.pad(scores * (SCORES[-1] / moved[:, -1]), ((0, 0), (0, 0), (0, beyond)), constant_values=np.nan),
        coverage=_mean(held(np.rint(value_at(mixed, moved)), actual, 0.95)),  # as people read it
    )


def _mean(held: Floats) -> Floats:
    """The share of what came that was held (S x O x H), NaN of a series of which nothing has come."""
    came = np.isfinite(held).sum((1, 2))
    return np.asarray(np.where(came, np.nansum(held, (1, 2)) / np.maximum(came, 1), np.nan))


def made_of(names: Sequence[str], weights: Floats) -> str:
    """Returns what a forecast is made of, the most first: "levels 83%, counts 17%"; of one model its name alone."""
    some = [m for m in np.argsort(-weights, kind="stable") if weights[m] > 0]
    return names[some[0]] if len(some) == 1 else ", ".join(f"{names[m]} {weights[m]:.0%}" for m in some)


def record_origins(periods: Dates, step: Step, series: int, min_history: int) -> tuple[int, ...]:
    """Returns the earlier origins of the record, oldest first: fixed dates, so that most are the same a week later."""
    length, space = len(periods), SPACING[step]
    number = periods.astype("datetime64[D]").astype(int) // 7 if step == "week" else periods.astype("M8[M]").astype(int)
    first = max(min_history, length - round(YEARS * per_year(step)))
    most = int(np.clip(CELLS / max(series * length, 1), FEWEST, MOST))
    space *= max(-(-(length - first) // (space * most)), 1)
    return tuple(origin for origin in range(first, length) if number[origin - 1] % space == 0)


def _actual(count: Floats, origins: Sequence[int], horizon: int) -> Floats:
    """What came after each origin, S x O x H."""
    beyond = np.concatenate([count, np.full((len(count), horizon), np.nan)], axis=1)
    at = np.add.outer(np.asarray(origins, int), np.arange(horizon))
    return np.asarray(beyond[:, at])


def _record(member: Member, panel: Panel, ask: Ask) -> Floats:
    """A member's forecasts from the earlier origins, S x O x H x Q; a dear one's of some series from some origins."""
    if not member.dear:
        return _predicted(member, panel, member.rows, ask)
    out = np.full((len(panel.keys), len(ask.origins), ask.horizon, len(SCORES)), np.nan)
    every = max(round(min(member.rows.sum(), SAMPLE) * len(ask.origins) / TRIALS), 1)
    some = slice((len(ask.origins) - 1) % every, None, every)
    out[:, some] = _predicted(member, panel, _sample(panel, member.rows), replace(ask, origins=ask.origins[some]))
    return out


def _sample(panel: Panel, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """At most SAMPLE of the rows, of all sizes."""
    by_size = np.flatnonzero(rows)[np.argsort(np.nanmean(panel.count[rows], axis=1), kind="stable")]
    chosen = np.zeros(len(rows), bool)
    chosen[by_size[np.linspace(0, len(by_size) - 1, min(SAMPLE, len(by_size))).round().astype(int)]] = True
    return chosen


def _predicted(member: Member, panel: Panel, rows: NDArray[np.bool_], ask: Ask) -> Floats:
    """What a member says of some rows, NaN elsewhere; one that is not dear sees all rows, to learn from them."""
    out = np.full((len(rows), len(ask.origins), ask.horizon, len(SCORES)), np.nan)
    if rows.any() and ask.origins:
        found = member.predict(panel.select(np.flatnonzero(rows)) if member.dear else panel, ask)
        out[rows] = found if member.dear else found[rows]
    return out


def _newest(members: Sequence[Member], panel: Panel, weights: Floats, ask: Ask) -> Floats:
    """What members say of the series on which they weigh something, the first of all (M x S x 1 x H x Q)."""
    asked = weights > 0
    asked[:, 0] = True
    return np.stack([_predicted(member, panel, rows, ask) for member, rows in zip(members, asked.T, strict=True)])


def _of_those_that_say(newest: Floats, weights: Floats) -> Floats:
    """Weights (S x M) without the members that have nothing to say of a series; the first has all where none has."""
    left = np.where(np.isfinite(newest).all((2, 3, 4)).T, weights, 0.0)
    left[left.sum(1) == 0, 0] = 1.0
    return np.asarray(left / left.sum(1, keepdims=True))


def mix(values: Floats, weights: Floats) -> Floats:
    """Returns the weighted mean of quantiles (M x S x O x H x Q; weights S x M) over the members that say something.

    A dear member has tried some origins of some series only: the record of the others stands for the rest of it.
    """
    shares = np.where(np.isfinite(values), weights.T[:, :, None, None, None], 0.0)
    whole = shares.sum(0)
    mean = np.where(shares > 0, shares * values, 0.0).sum(0) / np.where(whole > 0, whole, 1.0)
    return np.asarray(np.where(whole > 0, mean, np.nan))


def _scored(values: Floats, actual: Floats, level: Floats) -> Floats:
    """Scores of the horizons in SCORED, relative to a series' level (S x O x H')."""
    at = [h - 1 for h in SCORED if h <= actual.shape[-1]]
    return weighted_interval_score(values[..., at, :], actual[..., at]) / level


def _weights(record: Floats, actual: Floats, level: Floats, members: Sequence[Member]) -> Floats:
    """S x M: the best for all series together, moved by each one's own record."""
    offered = np.stack([member.rows for member in members], axis=1)
    pooled = _pooled(record, actual, level)
    losses = np.stack([_scored(values, actual, level) for values in record])
    both = np.isfinite(losses) & np.isfinite(losses[0])
    mine, first = (np.where(both, part, 0.0).sum((2, 3)) for part in (losses, np.broadcast_to(losses[0], losses.shape)))
    worse = np.where(first > 0, mine / np.maximum(first, 1e-12) - 1, 0.0)
    moved = np.log(np.maximum(pooled, 1e-300))[:, None] - OWN * both.any(3).sum(2) * worse
    weights = np.where(offered & (pooled > 0), np.exp(moved - moved.max(0)).T, 0.0)
    weights = weights / weights.sum(1, keepdims=True)
    weights[weights < SMALLEST] = 0.0
    return np.asarray(weights / weights.sum(1, keepdims=True))


def _pooled(record: Floats, actual: Floats, level: Floats) -> Floats:
    """Weights (M) that were best for all series together: the first member, and what surely improves it, one by one.

    Greedy selection with the weight of each (Caruana et al. 2004, ICML), since few members are worth their time.
    """
    weights, mixture = np.eye(len(record))[0], record[0]
    left = set(range(1, len(record)))
    while left:
        found = {m: _best_share(mixture, record[m], actual, level) for m in left}
        best = max(found, key=lambda m: found[m][0])
        gain, share = found[best]
        if gain < PAYS:
            break
        left.remove(best)
        mixture = np.where(np.isfinite(record[best]), (1 - share) * mixture + share * record[best], mixture)
        weights = (1 - share) * weights + share * np.eye(len(record))[best]
    return np.asarray(weights)


def _best_share(mixture: Floats, other: Floats, actual: Floats, level: Floats) -> tuple[float, float]:
    """By how much another member surely improves a mixture's score, and the least weight that does about as well.

    Surely: less SURELY standard errors over origins, whose fortune all series share. About as well: within one (the
    one-standard-error rule, Breiman et al. 1984, Classification and Regression Trees, section 3.4.3).
    """
    before = _scored(mixture, actual, level)
    known = np.isfinite(before) & np.isfinite(_scored(other, actual, level))
    origins = known.any((0, 2))
    if origins.sum() < 2:
        return 0.0, 0.0
    shares = np.array([0.0, *TRIED])
    tried = np.stack([_scored((1 - share) * mixture + share * other, actual, level) for share in shares])
    each = np.where(known, tried, 0.0).sum((1, 3))[:, origins]  # shares x origins
    gains = (each[0] - each) / max(each[0].sum(), 1e-12)
    error = np.sqrt(origins.sum()) * gains.std(1, ddof=1)
    best = int(np.argmax(gains.sum(1)))
    enough = np.flatnonzero(gains.sum(1) >= gains[best].sum() - error[best])[0]
    return float(gains[best].sum() - SURELY * error[best]), float(shares[enough])


def calibration(scores: Floats, recency: Floats) -> Floats:
    """Returns which scores of the stated quantiles (H x Q) hold what they should have held, from S x O x H scores.

    From the sizes of the scores of all series: of a horizon and of those like it, and as if USUAL forecasts had been
    exact. Symmetric: a move that all series made together in the record need not come again. recency: O, weights.
    """
    horizons = np.arange(1, scores.shape[-1] + 1)
    near = np.exp(-0.5 * np.square(np.subtract.outer(np.log(horizons), np.log(horizons)) / ALIKE))
    cell = np.clip(np.abs(np.nan_to_num(scores)) / _WIDTH, 0, len(_GRID) - 2).astype(int)
    cell += (len(_GRID) - 1) * np.arange(len(horizons))
    came = np.isfinite(scores)
    weight = came * recency[:, None] * np.minimum(1.0, TOGETHER / np.maximum(came.sum(0), 1))
    counted = np.bincount(cell.ravel(), weight.ravel(), len(horizons) * (len(_GRID) - 1)).reshape(len(horizons), -1)
    below = np.cumsum(near @ counted + USUAL * np.diff(2 * ndtr(_GRID)), axis=1)
    shares = 2 * ndtr(np.abs(SCORES)) - 1
    return np.asarray(np.sign(SCORES) * np.stack([np.interp(shares, row / row[-1], _GRID[1:]) for row in below]))
