"""What detectors share that judge every period by itself: from a judgement to signals."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

import numpy as np

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
    as_date,
)  # fmt: skip


class Judge(Protocol):
    def __call__(self, panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement: ...


@dataclass(frozen=True)
class OneStep:
    """A detector of its judge alone.

    holds: whether what was expected at an onset is expected ever after; else each period has its own, for methods
    whose expectation does not follow a surge.
    """

    name: SignalKind
    kinds: tuple[Kind, ...]
    judge: Judge
    holds: bool

    def detect(self, panel: Panel, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
        """Returns what moved in the newest period, each direction at the limits, and what was not judged.

        A fall is judged on the newest period that is no longer provisional: late entries look like a fall.
        """
        counts = panel.select(np.flatnonzero(panel.is_kind(*self.kinds)))
        newest = counts.count.shape[1] - 1
        if not counts.keys or newest < counts.provisional:
            return [], [NotRun(key, self.name, "too little history: no period is final") for key in counts.keys]
        rises = self.judge(counts, 1, "up", limits.min_history)
        falls_at = newest - counts.provisional
        falls = self.judge(counts.until(falls_at + 1), 1, "down", limits.min_history)
        judged = rises.reasons[:, 0] == ""
        found: tuple[tuple[Direction, int, Judgement], ...] = (("up", newest, rises), ("down", falls_at, falls))
        signals = [
            self._signal(counts, row, direction, at, at - int(judgement.window[row, 0]) + 1, judgement.p_value[row, 0])
            for direction, at, judgement in found
            for row in map(int, np.flatnonzero(judged & (judgement.p_value[:, 0] <= limits.alpha)))
        ]
        reasons = zip(counts.keys, rises.reasons[:, 0], strict=True)
        return signals, [NotRun(key, self.name, reason) for key, reason in reasons if reason]

    def quiet(self, panel: Panel, periods: int, copies: int, seed: int) -> list[Quiet]:
        """Returns made-up quiet periods: the p-values are taken at their word, and one says nothing of the next."""
        rng, shape = np.random.default_rng(seed), (copies, len(panel.keys), periods)
        sides: tuple[Direction, ...] = ("up", "down")
        return [Quiet(panel.keys, side, rng.random(shape), np.full(shape, np.inf)) for side in sides]

    def since(self, panel: Panel, signal: Signal, onset: dt.date) -> Signal:
        """Returns a signal told from an earlier onset: what came since, against what was to be expected."""
        at, first = (int(np.searchsorted(panel.periods, np.datetime64(day))) for day in (signal.period, onset))
        return self._signal(panel, panel.row(signal.key), signal.direction, at, first, signal.p_value)

    def _signal(self, panel: Panel, row: int, direction: Direction, at: int, onset: int, p_value: float) -> Signal:
        one = panel.select([row]).uncapped().until(at + 1)
        judged = self.judge(one, at - onset + 1, direction, 0)
        observed, expected = one.count[0, onset:], judged.expected[0]
        return Signal(
            key=panel.keys[row], kind=self.name, direction=direction,
            period=as_date(panel.periods[at]), onset=as_date(panel.periods[onset]),
            observed=float(observed[-1]), expected=float(expected[-1]),
            lower=float(judged.lower[0, -1]), upper=float(judged.upper[0, -1]),
            p_value=float(p_value), score=float(-np.log10(p_value)),
            total=float(np.nansum(observed)), total_expected=self._total_expected(observed, expected),
        )  # fmt: skip

    def _total_expected(self, observed: Floats, expected: Floats) -> float:
        """A period that could not be judged is held against the next that could."""
        known = np.flatnonzero(np.isfinite(expected))
        own = known[np.minimum(np.searchsorted(known, np.arange(len(expected))), len(known) - 1)]
        level = expected[known[:1]] if self.holds else expected[own]
        return float((np.isfinite(observed) * level).sum())
