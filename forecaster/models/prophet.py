"""Forecasts by Prophet, set up for weekly or monthly counts of children's services.

Prophet makes the model: its trend with changepoints, its season and its priors (Taylor and Letham 2018, Forecasting at
scale, sections 3.1 to 3.3). The mode of that model, which Stan's general optimiser looks for in a process of its own,
by way of files, is found here by `lasso`, which knows its shape: exact, a hundred times faster, and the same from
every start. Counts are fitted on the square-root scale, which steadies their variance and keeps forecasts from going
below zero. Prophet's own limits are too narrow on such counts (on real referrals its 95% band held 84%), so a forecast
is as wide as the series' own forecasts of the last two years were wrong.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from forecaster.calendar import following, school_holiday_share, working_days
from forecaster.models._lasso import Problem, fitted
from forecaster.types import (
    QUANTILES,
    Ask,
    Dates,
    Floats,
    Kind,
    Panel,
    Regressor,
    SeriesKey,
    Step,
    as_date,
)

NAME = "prophet"
KINDS: tuple[Kind, ...] = ("flow", "stock")
# Prophet's arguments: n_changepoints, changepoint_range, changepoint_prior_scale, yearly_seasonality
CHANGEPOINTS, RANGE, FLEXIBILITY, HARMONICS = 25, 0.95, 0.4, 3
SPARING = 6  # values for each changepoint at least: with as many parameters as values the mode is a perfect fit
TREND_PRIOR, NOISE_PRIOR = 5.0, 0.5  # of k and m, and of sigma_obs, in prophet.stan
FADE: dict[Step, float] = {"week": 0.75, "month": 0.3}  # what is left of the trend's slope a period later
CHECKED: dict[Step, int] = {"week": 104, "month": 24}  # periods of its own forecasts that the spread is learnt from
EVERY: dict[Step, int] = {"week": 8, "month": 2}  # periods between two of these forecasts
LEAST: dict[Step, int] = {"week": 104, "month": 24}  # periods with a value that a fit needs
BEFORE, WIDER = 3.0, 1.3  # how many forecasts the fit's own errors stand for, and how much too small their square is


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences log lines (Prophet's import sets its own levels and logs an error about plotly), not warnings."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


@dataclass(frozen=True)
class _Features:
    """Prophet's season and regressors of every period and of those ahead (rows), with the widths of their priors.

    measures: of each column, the measures it is for, none: all. days: the periods as numbers.
    """

    step: Step
    days: Floats
    columns: Floats
    width: Floats
    measures: tuple[tuple[str, ...], ...]


@cache
def _library() -> ModuleType:
    """Prophet, which takes a second to import: `forecaster --help` should not."""
    with _quiet():
        import prophet
    return prophet


def _features(periods: Dates, step: Step, regressors: Sequence[Regressor]) -> _Features:
    frame = pd.DataFrame({"ds": pd.DatetimeIndex(periods), "y": np.arange(len(periods), dtype=float)})
    frame["work"] = working_days(periods, step) / (5 if step == "week" else 21) - 1
    frame["school_holiday"] = school_holiday_share(periods, step)
    for i, regressor in enumerate(regressors):
        frame[f"window {i}"] = _share_within(periods, step, regressor)
    with _quiet():
        inputs = _model(frame.columns[2:]).preprocess(frame)
    measures = ((),) * (inputs.K - len(regressors)) + tuple(regressor.measures for regressor in regressors)
    days = periods.astype("datetime64[D]").astype(float)
    return _Features(step, days, inputs.X.to_numpy(float), np.asarray(inputs.sigmas, float), measures)


def _model(regressors: Iterable[str]) -> Any:
    """Prophet as we set it up, without its optimiser, whose import alone makes a folder."""

    class InProcess(_library().Prophet):  # type: ignore[misc]
        def _load_stan_backend(self, stan_backend: str | None) -> None:
            self.stan_backend = None

    model = InProcess(
        growth="linear",
        yearly_seasonality=HARMONICS,
        weekly_seasonality=False,
        daily_seasonality=False,
    )
    for name in regressors:
        model.add_regressor(name, standardize=False)
    return model


def _share_within(periods: Dates, step: Step, regressor: Regressor) -> Floats:
    """The share of each period's days that are within a regressor's dates."""
    starts = periods.astype("datetime64[D]")
    ends = np.append(starts[1:], following(as_date(starts[-1]), 1, step).astype("datetime64[D]"))
    last = np.datetime64(regressor.last) + np.timedelta64(1)
    within = np.minimum(ends, last) - np.maximum(starts, np.datetime64(regressor.first))
    return np.asarray(np.maximum(within.astype(float), 0) / (ends - starts).astype(float))


@dataclass(frozen=True)
class _Design:
    """Everything of a fit but the counts: the rows of the periods seen (n x p), of those ahead (H x p), the priors."""

    seen: Floats
    ahead: Floats
    gram: Floats
    width: Floats
    sparse: NDArray[np.bool_]


def _design(features: _Features, seen: NDArray[np.bool_], columns: NDArray[np.bool_], horizon: int) -> _Design:
    """Prophet's regression on trend, season and regressors of the periods seen, and `horizon` rows after them."""
    rows, ahead = np.flatnonzero(seen), len(seen) + np.arange(horizon)
    used = columns & (np.ptp(features.columns[rows], axis=0) > 0)  # what never varied says nothing
    time = (features.days[rows] - features.days[rows[0]]) / (features.days[rows[-1]] - features.days[rows[0]])
    changes = time[_changepoints(len(rows))]
    trend = np.c_[time, np.ones_like(time), np.maximum(time[:, None] - changes, 0)]
    slope = np.r_[1.0, 0.0, np.ones_like(changes)] / (rows[-1] - rows[0])  # of the last period
    steps = _faded(features.step, ahead - rows[-1])
    every = np.c_[trend, features.columns[np.ix_(rows, used)]]
    later = np.c_[trend[-1] + steps[:, None] * slope, features.columns[np.ix_(ahead, used)]]
    width = np.r_[TREND_PRIOR, TREND_PRIOR, np.full(len(changes), FLEXIBILITY), features.width[used]]
    sparse = np.isin(np.arange(len(width)), 2 + np.arange(len(changes)))
    return _Design(every, later, every.T @ every, width, sparse)


def _faded(step: Step, after: NDArray[np.int64]) -> Floats:
    """How far the trend gets in so many periods after the last one seen, in steps of its newest slope.

    Prophet's trend goes on for ever, which is what it loses by; a damped one is better (Gardner and McKenzie 1985).
    """
    fade = FADE[step]
    return np.asarray(fade * (1 - fade**after) / (1 - fade))


def _changepoints(n: int) -> NDArray[np.int64]:
    """Where Prophet puts its changepoints (Prophet.set_changepoints), fewer of them in a short history."""
    most, count = int(np.floor(n * RANGE)), min(CHANGEPOINTS, n // SPARING)
    return np.linspace(0, most - 1, count + 1).round().astype(np.int64)[1:]


@dataclass(frozen=True)
class _Fit:
    """One fit to be made: of a row of the panel up to a period `end`; scale: what its counts are divided by."""

    row: int
    end: int
    scale: float
    design: _Design
    problem: Problem

    @property
    def digest(self) -> str:
        """Of exactly what goes into the fit."""
        arrays = (self.problem.gram, self.problem.moment, self.problem.width, self.problem.sparse)
        numbers = repr((_library().__version__, self.problem.square, self.problem.n, self.problem.noise)).encode()
        return hashlib.sha256(numbers + b"".join(array.tobytes() for array in arrays)).hexdigest()[:32]

    def outcome(self, parameters: Sequence[float]) -> tuple[Floats, float]:
        """Returns the medians ahead (H) and the mean squared error of the fit, both on the square-root scale."""
        theta = np.asarray(parameters)
        return self.design.ahead @ theta * self.scale, self.problem.errors(theta) / self.problem.n * self.scale**2


def _fits(root: Floats, keys: Sequence[SeriesKey], features: _Features, end: int, horizon: int) -> Iterator[_Fit]:
    """The fits of all series that have enough behind them at one origin; those with the same gaps share a design."""
    made: dict[bytes, _Design] = {}
    for row, key in enumerate(keys):
        seen = np.isfinite(root[row, :end])
        values = root[row, :end][seen]
        if len(values) < LEAST[features.step] or np.ptp(values) == 0:
            continue
        columns = np.array([not only or key.measure in only for only in features.measures])
        alike = seen.tobytes() + columns.tobytes()
        if alike not in made:
            made[alike] = _design(features, seen, columns, horizon)
        design, scale = made[alike], float(values.max())
        y = values / scale
        sums = (design.gram, y @ design.seen, float(y @ y), len(y))
        yield _Fit(row, end, scale, design, Problem(*sums, design.width, design.sparse, NOISE_PRIOR))


def _parameters(fits: Sequence[_Fit], panel: Panel, ask: Ask) -> list[Sequence[float]]:
    """The parameters of each fit: those kept of the same fit, else found, beginning from the newest of its series."""
    if ask.fits is None:
        return ask.work(fitted, [(made.problem, None) for made in fits])
    names, digests = [f"{NAME} {panel.step} {panel.keys[made.row]}" for made in fits], [made.digest for made in fits]
    kept = [ask.fits.get(name, {}) for name in names]
    missing = [i for i, digest in enumerate(digests) if digest not in kept[i]]
    answers = ask.work(fitted, [(fits[i].problem, _start(kept[i], fits[i])) for i in missing])
    found = [of.get(digest, ()) for of, digest in zip(kept, digests, strict=True)]
    for i, answer in zip(missing, answers, strict=True):
        found[i] = answer
    newest: dict[str, dict[str, Sequence[float]]] = {name: {} for name in names}
    for name, digest, parameters in zip(names, digests, found, strict=True):
        newest[name][digest] = parameters
    ask.fits.update(newest)
    return found


def _start(kept: Mapping[str, Sequence[float]], made: _Fit) -> Sequence[float] | None:
    """The newest fit of a series that has as many parameters."""
    alike = [parameters for parameters in kept.values() if len(parameters) == len(made.problem.moment)]
    return alike[-1] if alike else None


def _outcomes(panel: Panel, root: Floats, ends: Sequence[int], ask: Ask) -> tuple[Floats, Floats]:
    """Medians (S x E x H) and squared errors of the fits (S x E) up to each end, NaN where there is too little."""
    later = following(as_date(panel.periods[ends[-1] - 1]), ask.horizon, panel.step)
    features = _features(np.concatenate([panel.periods[: ends[-1]], later]), panel.step, ask.regressors)
    fits = [made for end in ends for made in _fits(root, panel.keys, features, end, ask.horizon)]
    medians = np.full((len(root), len(ends), ask.horizon), np.nan)
    squares = np.full(medians.shape[:2], np.nan)
    place = {end: i for i, end in enumerate(ends)}
    for made, parameters in zip(fits, _parameters(fits, panel, ask), strict=True):
        at = (made.row, place[made.end])
        medians[at], squares[at] = made.outcome(parameters)
    return medians, squares


def _checks(origin: int, step: Step) -> range:
    """The ends of the forecasts that the spread at an origin is learnt from; the same ones serve later origins."""
    every = EVERY[step]
    first = max(origin - CHECKED[step], LEAST[step])
    return range(-(-first // every) * every, origin, every)


def _spread(errors: Floats, inside: Floats) -> tuple[Floats, Floats]:
    """Standard deviation 1 to H periods ahead (S x H), and the degrees of freedom that it stands for (S).

    errors: S x E x H, of earlier forecasts, NaN where not yet known. inside: S, the mean square of the fit's errors,
    too small, but all there is where no forecast can be checked yet.
    """
    checked = np.isfinite(errors).any(axis=2).sum(axis=1)
    share = (checked / (checked + BEFORE))[:, None]
    return np.sqrt(share * _line(errors) + (1 - share) * WIDER * inside[:, None]), checked + BEFORE


def _line(errors: Floats) -> Floats:
    """The mean square of errors 1 to H periods ahead (S x H), smoothed: a line that does not fall and stays above 0."""
    weight = np.isfinite(errors).sum(axis=1) + 1e-9
    square = np.nansum(errors**2, axis=1) / weight
    weight /= weight.sum(axis=1, keepdims=True)
    ahead = np.arange(1.0, errors.shape[2] + 1)
    away = ahead - (weight * ahead).sum(axis=1, keepdims=True)
    mean = (weight * square).sum(axis=1, keepdims=True)
    rise = (weight * away * square).sum(axis=1, keepdims=True) / ((weight * away**2).sum(axis=1, keepdims=True) + 1e-9)
    return np.asarray(mean + np.clip(rise, 0, 0.9 * mean / (1e-9 - away[:, :1])) * away)


def predict(panel: Panel, ask: Ask) -> Floats:
    """Returns quantiles (S x O x H x Q) of the flows and stocks of a panel, NaN where there is too little to fit.

    Student's t on the square-root scale, as wide as the errors of the series' own earlier forecasts were.
    """
    values = np.full((len(panel.keys), len(ask.origins), ask.horizon, len(QUANTILES)), np.nan)
    if not values.size:
        return values
    root = np.sqrt(panel.count)
    ends = sorted({*ask.origins, *(end for origin in ask.origins for end in _checks(origin, panel.step))})
    medians, squares = _outcomes(panel, root, ends, ask)
    for i, origin in enumerate(ask.origins):
        checks, here = _checks(origin, panel.step), ends.index(origin)
        errors = _came(root, origin, checks, ask.horizon) - medians[:, np.searchsorted(ends, checks)]
        spread, freedom = _spread(errors, squares[:, here])
        score = special.stdtrit(freedom[:, None], QUANTILES)
        values[:, i] = np.maximum(medians[:, here, :, None] + spread[:, :, None] * score[:, None], 0) ** 2
    return values


def _came(root: Floats, origin: int, checks: Sequence[int], horizon: int) -> Floats:
    """What came 1 to H periods after each of the ends (S x E x H), NaN where it was not known at the origin."""
    known = np.c_[root[:, :origin], np.full((len(root), horizon), np.nan)]
    return np.asarray(known[:, np.add.outer(np.asarray(checks, int), np.arange(horizon))])
