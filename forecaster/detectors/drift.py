"""Slow drift in a share: its exponentially weighted mean against a reference that lags half a year behind.

The weighted share W = sum w x / sum w n, w falling by LAMBDA a period (EWMA chart: Roberts 1959, Technometrics 1:239),
is held against a reference p: the same sums over periods at least LAG old, so that a drift in progress is not part of
it. There are two references, of a long and a short memory; a series is held against the one that foretold it better so
far, the long one unless it did worse by a nat. With c = w / sum w n - r / sum r n, a period's weight in W less that in
p, the variance of W - p is phi p (1 - p) sum c^2 n: what is not known of p, and what both share, are counted exactly.
phi, at least 1, is the overdispersion of single periods (children of a family count together: beta-binomial shares),
widened by the series' own record: the mean square of its earlier standardised W - p, with RECORD_YEARS of good
behaviour to begin with. A practice that always wandered must wander further to alarm (Laney 2002, Quality Engineering
14:531, so scales a p-chart by its moving range). Scaling is what makes false alarms equal between series.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from forecaster.budget import excess_since
from forecaster.calendar import per_year
from forecaster.judgeable import cannot_judge, together
from forecaster.types import (
    Direction,
    Floats,
    Judgement,
    Kind,
    Limits,
    NotRun,
    Panel,
    Quiet,
    Reference,
    Signal,
    SignalKind,
    Step,
    as_date,
)  # fmt: skip

NAME: SignalKind = "drift"
KINDS: tuple[Kind, ...] = ("share",)
LAMBDA: dict[Step, float] = {"week": 0.04, "month": 0.16}
LAG: dict[Step, int] = {"week": 26, "month": 6}
STEADY: dict[Step, float] = {"week": 10.0, "month": 3.0}  # periods of phi = 1 that every series starts with
MEMORY_YEARS = (10.0, 1.0)  # England's repeat share rose from 15 to 24% in twelve years: no reference is for ever
RECORD_YEARS = 8.0
PREFERENCE = 1.0  # nats by which the shorter memory must have foretold better
TOLD, KNOWN = 2, 4  # lags of history before forecasts and runs count: until then a reference is little but its prior
CLIP = 3.5  # standard deviations: one odd period is not overdispersion, one old drift not a habit
PRIOR = 1.0  # pseudo-counts (Jeffreys) that keep a reference off 0 and 1
TINY = 1e-9
QUIET_YEARS = 4  # of made-up history before made-up quiet periods are judged
CELLS = 1_000_000  # series x periods that are judged at once: what memory is needed does not grow with the panel


@dataclass(frozen=True)
class Run:
    """The weighted share at each period beside what is known of it from before; all arrays are S x N.

    reference: p. dispersion: phi of single periods. record: by how much runs vary more than phi says. share: W.
    effective: number of independent children that would make W - p as variable as it is.
    """

    reference: Floats
    dispersion: Floats
    record: Floats
    share: Floats
    effective: Floats


class _Late:
    """Hands back what was put in `lag` periods ago."""

    def __init__(self, lag: int, first: Floats) -> None:
        self.waiting = deque([first] * lag)

    def swap(self, value: Floats) -> Floats:
        self.waiting.append(value)
        return self.waiting.popleft()


class _Sums:
    """Discounted sums of every series: of recent periods (3 x S), and lagged ones by memory (4 x M x S).

    Recent: w x, w n, w^2 n. Lagged: r x, r n, r^2 n, w r n.
    """

    def __init__(self, series: int, step: Step) -> None:
        fade = 1 - LAMBDA[step]
        keep = 1 - 1 / (np.array(MEMORY_YEARS) * per_year(step))
        self.fading = np.array([fade, fade, fade**2])[:, None]
        self.keeping = np.array([keep, keep, keep**2, keep * fade])[:, :, None]
        self.entry = fade ** LAG[step]  # weight w of a period as it enters a reference
        self.recent, self.lagged = np.zeros((3, series)), np.zeros((4, len(keep), series))

    def add(self, x: Floats, n: Floats, lagged_x: Floats, lagged_n: Floats) -> None:
        self.recent = self.recent * self.fading + np.stack([x, n, n])
        entering = np.stack([lagged_x, lagged_n, lagged_n, self.entry * lagged_n])
        self.lagged = self.lagged * self.keeping + entering[:, None, :]

    def references(self) -> Floats:
        """Returns p by memory (M x S)."""
        return np.asarray((self.lagged[0] + PRIOR / 2) / (self.lagged[1] + PRIOR))

    def contrast(self, memory: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        """Returns W, p of one memory for each series, and the variance of W - p over phi p (1 - p)."""
        hits, size, squares = self.recent
        _, old, old_squares, both = self.lagged[:, memory, np.arange(len(memory))]
        size, old = np.maximum(size, TINY), old + PRIOR
        variance = squares / size**2 + (old_squares + PRIOR) / old**2 - 2 * both / (size * old)
        return hits / size, self.references()[memory, np.arange(len(memory))], np.maximum(variance, TINY)

    def next(self, n: Floats) -> tuple[Floats, Floats]:
        """Returns the mean of the next period's count of n, and its variance were phi 1."""
        hits, size, squares = self.recent
        pooled = (hits + self.lagged[0, 0] + PRIOR / 2) / (size + self.lagged[1, 0] + PRIOR)
        error = 1 + n * squares / np.maximum(size, TINY) ** 2
        return n * (hits + PRIOR * pooled) / (size + PRIOR), n * pooled * (1 - pooled) * error


@dataclass
class _Overdispersion:
    """phi of every series: squared one-step errors over their variances, towards 1 by `steady` periods."""

    steady: float
    squares: Floats
    variances: Floats
    periods: Floats

    def phi(self) -> Floats:
        ratio = np.divide(self.squares, self.variances, out=np.ones_like(self.squares), where=self.variances > 0)
        return np.maximum((self.periods * ratio + self.steady) / (self.periods + self.steady), 1.0)

    def learn(self, error: Floats, variance: Floats, known: NDArray[np.bool_]) -> None:
        self.squares = self.squares + known * np.minimum(error**2, CLIP**2 * self.phi() * variance)
        self.variances = self.variances + known * variance
        self.periods = self.periods + known


@dataclass
class _Record:
    """Mean square of standardised runs, at least 1; it forgets as the long memory does, back to 1."""

    keep: float
    prior: float
    total: Floats = field(init=False)
    weight: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.total = self.weight = np.array(self.prior)

    def after(self, square: Floats) -> Floats:
        """Returns the record with one more square, NaN for none."""
        limit = CLIP**2 * np.maximum(self.total / self.weight, 1.0)
        back = (1 - self.keep) * self.prior
        self.total = self.keep * self.total + back + np.minimum(np.nan_to_num(square), limit)
        self.weight = self.keep * self.weight + back + np.isfinite(square)
        return np.maximum(self.total / self.weight, 1.0)


@dataclass
class _Choice:
    """Which memory foretells each series better: log-likelihood over phi, less that of the long memory (M x S)."""

    keep: float
    told: Floats

    def learn(self, references: Floats, x: Floats, n: Floats, phi: Floats, known: NDArray[np.bool_]) -> None:
        likelihood = (special.xlogy(x, references) + special.xlogy(n - x, 1 - references)) / phi
        self.told = self.keep * self.told + known * (likelihood - likelihood[0])

    @staticmethod
    def best(told: Floats) -> NDArray[np.intp]:
        handicap = PREFERENCE * np.arange(len(told))[:, None]
        return np.asarray((told - handicap).argmax(axis=0))


class _Filter:
    """All that is carried from period to period, for every series side by side.

    What decides on memory and record is itself a lag old: a drift in progress must not choose its own yardstick.
    """

    def __init__(self, series: int, step: Step) -> None:
        year, nothing = per_year(step), np.zeros(series)
        keep = 1 - 1 / (MEMORY_YEARS[0] * year)
        self.lag, self.seen = LAG[step], nothing
        self.sums = _Sums(series, step)
        self.spread = _Overdispersion(STEADY[step], nothing, nothing, nothing)
        self.choice = _Choice(keep, np.zeros((len(MEMORY_YEARS), series)))
        self.record = _Record(keep, RECORD_YEARS * year)
        self.told = _Late(self.lag, self.choice.told)
        self.squares = _Late(self.lag, np.full(series, np.nan))

    def advance(self, x: Floats, n: Floats, lagged_x: Floats, lagged_n: Floats) -> tuple[Floats, ...]:
        """Returns the fields of a run at the next period (each S), given its counts and those of a lag ago."""
        mean, variance = self.sums.next(n)
        phi = self.spread.phi()
        self.choice.learn(self.sums.references(), x, n, phi, self.seen > TOLD * self.lag)
        self.spread.learn(x - mean, variance, (n > 0) & (self.seen > self.lag))
        self.sums.add(x, n, lagged_x, lagged_n)
        self.seen = self.seen + (n > 0)
        share, p, contrast = self.sums.contrast(self.choice.best(self.told.swap(self.choice.told)))
        square = (share - p) ** 2 / (phi * p * (1 - p) * contrast)
        habit = self.record.after(self.squares.swap(np.where(self.seen > KNOWN * self.lag, square, np.nan)))
        return p, phi, habit, share, 1 / (phi * habit * contrast)


def _counts(panel: Panel) -> tuple[Floats, Floats]:
    """Count and denominator (S x T), both zero where there is nothing to share."""
    seen = np.isfinite(panel.capped) & (np.nan_to_num(panel.of) > 0)
    return np.where(seen, panel.capped, 0.0), np.where(seen, panel.of, 0.0)


def _run(x: Floats, n: Floats, step: Step, last: int) -> Run:
    """The run at each of the last periods: one pass over the periods, all series at once."""
    filtered, nothing = _Filter(len(x), step), np.zeros(len(x))
    by_period = np.ascontiguousarray(x.T), np.ascontiguousarray(n.T)
    out = []
    for t, (hits, of) in enumerate(zip(*by_period, strict=True)):
        lagged = [part[t - LAG[step]] if t >= LAG[step] else nothing for part in by_period]
        now = filtered.advance(hits, of, *lagged)
        if t >= x.shape[1] - last:
            out.append(now)
    return Run(*(np.stack(array, axis=1) for array in zip(*out, strict=True)))


def _tail(run: Run, direction: Direction) -> Floats:
    """Chance of a share as far out in one direction: mid-p of a binomial of the effective size, to keep its skew."""
    hits, misses, p = run.share * run.effective, (1 - run.share) * run.effective, run.reference
    if direction == "down":
        hits, misses, p = misses, hits, 1 - p
    as_many = special.betainc(np.maximum(hits, TINY), misses + 1, p)
    more = special.betainc(hits + 1, np.maximum(misses, TINY), p)
    return np.asarray(np.clip((as_many + more) / 2, 1e-300, 1.0))


def _band(p: Floats, dispersion: Floats, n: Floats) -> tuple[Floats, Floats]:
    """The 95% band of a share of n."""
    half = 1.96 * np.sqrt(dispersion * p * (1 - p) / np.maximum(n, 1.0))
    return np.maximum(p - half, 0.0), np.minimum(p + half, 1.0)


def _parts(rows: NDArray[np.intp], periods: int) -> list[NDArray[np.intp]]:
    """The rows in parts of no more than CELLS series x periods."""
    return np.array_split(rows, -(-len(rows) * periods // CELLS) or 1)


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every series of a panel of shares alone.

    expected and the band are the reference share and that of one period's share.
    """
    parts = _parts(np.arange(len(panel.keys)), len(panel.periods))
    return together([_judge(panel.select(rows), last, direction, min_history) for rows in parts])


def _judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    x, n = _counts(panel)
    run = _run(x, n, panel.step, last)
    reasons = cannot_judge(panel.count, min_history, last, panel.step)
    p_value = np.where(reasons == "", _tail(run, direction), np.nan)
    lower, upper = _band(run.reference, run.dispersion, n[:, -last:])
    window = np.full(p_value.shape, float(LAG[panel.step]))
    return Judgement(run.reference, lower, upper, p_value, -np.log10(p_value), window, reasons)


def detect(panel: Panel, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
    """Returns which shares have drifted by the newest period with a value, each direction at the limits."""
    signals: list[Signal] = []
    missed: list[NotRun] = []
    for end, rows in _newest(panel):
        known = panel.select(rows).until(end)
        reasons = _cannot_judge(known, limits.min_history)
        missed += [NotRun(key, NAME, reason) for key, reason in zip(known.keys, reasons, strict=True) if reason]
        judged = known.select(np.flatnonzero(reasons == ""))
        signals += _signals(judged, limits.alpha) if judged.keys else []
    return signals, missed


def _newest(panel: Panel) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Shares by how many periods they have up to their newest value: one may mature some weeks after its period."""
    shares, periods = np.flatnonzero(panel.is_kind(*KINDS)), len(panel.periods)
    for rows in _parts(shares, periods):
        seen = np.isfinite(panel.count[rows])
        ends = np.where(seen.any(axis=1), periods - seen[:, ::-1].argmax(axis=1), 0)
        for end in np.unique(ends)[::-1]:
            yield int(end), rows[ends == end]


def _cannot_judge(panel: Panel, min_history: int) -> NDArray[np.object_]:
    if not len(panel.periods):
        return np.full(len(panel.keys), "no value yet", object)
    return cannot_judge(panel.count, min_history, 1, panel.step)[:, 0]


def _signals(panel: Panel, alpha: float) -> list[Signal]:
    x, n = _counts(panel)
    run = _run(x, n, panel.step, 1)
    directions: tuple[Direction, ...] = ("up", "down")
    tails = {direction: _tail(run, direction)[:, 0] for direction in directions}
    return [
        _signal(panel, row, n[row], run, direction, onset, float(tail[row]))
        for direction, tail in tails.items()
        for row in map(int, np.flatnonzero(tail <= alpha))
        for onset in [_onset(x[row], n[row], float(run.reference[row, 0]), per_year(panel.step))]
    ]


def quiet(panel: Panel, periods: int, copies: int, seed: int) -> list[Quiet]:
    """Returns made-up quiet periods of every share, judged: counts of its own reference, dispersion and sizes."""
    rng, length = np.random.default_rng(seed), QUIET_YEARS * per_year(panel.step) + periods
    x, n = _counts(panel)
    run = _run(x, n, panel.step, 1)
    recent = np.tile(n[:, -2 * per_year(panel.step) :], (copies, 1))
    size = np.take_along_axis(recent, rng.integers(recent.shape[1], size=(len(recent), length)), axis=1)
    p, phi = (np.tile(array, (copies, 1)) for array in (run.reference, run.dispersion))
    made = _beta_binomial(rng, size, p, phi)
    judged = _run(made, size, panel.step, periods)
    gained = excess_since(made - size * p, np.full((len(made), periods), float(LAG[panel.step])))
    shape = copies, len(panel.keys), periods
    sides: tuple[tuple[Direction, float], ...] = (("up", 1.0), ("down", -1.0))
    return [
        Quiet(panel.keys, side, _tail(judged, side).reshape(shape), (sign * gained).reshape(shape))
        for side, sign in sides
    ]


def _beta_binomial(rng: np.random.Generator, n: Floats, p: Floats, phi: Floats) -> Floats:
    """Counts of n whose variance is about phi times the binomial one: children of one period are alike by rho."""
    others = (n**2).sum(axis=1, keepdims=True) / np.maximum(n.sum(axis=1, keepdims=True), 1.0) - 1
    rho = np.clip((phi - 1) / np.maximum(others, TINY), 1e-6, 0.9)
    alike = (1 - rho) / rho
    return rng.binomial(n.astype(int), rng.beta(p * alike, (1 - p) * alike, n.shape)).astype(float)


def since(panel: Panel, signal: Signal, onset: dt.date) -> Signal:
    """Returns a signal told from an earlier onset: the share since then."""
    end = int(np.searchsorted(panel.periods, np.datetime64(signal.period))) + 1
    one = panel.select([panel.row(signal.key)]).until(end)
    x, n = _counts(one)
    first = int(np.searchsorted(panel.periods, np.datetime64(onset)))
    return _signal(one, 0, n[0], _run(x, n, panel.step, 1), signal.direction, first, signal.p_value)


def _onset(x: Floats, n: Floats, p: float, year: int) -> int:
    """Index of the period since which a share other than p is most likely (at most a year ago)."""
    hits, of = (np.cumsum(array[::-1])[:year] for array in (x, n))
    share = hits / np.maximum(of, 1.0)
    ratio = special.xlogy(hits, share / p) + special.xlogy(of - hits, (1 - share) / (1 - p))
    return len(n) - 1 - int(np.argmax(ratio))


def _signal(panel: Panel, row: int, n: Floats, run: Run, direction: Direction, onset: int, p_value: float) -> Signal:
    hits, of, p = float(np.nansum(panel.count[row, onset:])), float(n[onset:].sum()), run.reference[row]
    lower, upper = _band(p, run.dispersion[row] * run.record[row], np.array([of]))
    return Signal(
        key=panel.keys[row], kind=NAME, direction=direction,
        period=as_date(panel.periods[-1]), onset=as_date(panel.periods[onset]),
        observed=hits / max(of, 1.0), expected=float(p[0]), lower=float(lower[0]), upper=float(upper[0]),
        p_value=p_value, score=float(-np.log10(p_value)),
        total=hits, total_expected=of * float(p[0]),
    )  # fmt: skip
