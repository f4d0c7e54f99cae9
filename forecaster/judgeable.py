"""Whether a series has enough behind it to be judged in a period; why not, in words, where it has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import per_year
from forecaster.types import Floats, Judgement, Step

MIN_RECENT = 0.8  # of the last year's periods


def cannot_judge(counts: Floats, min_history: int, last: int, step: Step) -> NDArray[np.object_]:
    """Returns why each of the last periods of each series (S x last) cannot be judged, "" where it can."""
    seen = np.isfinite(counts)
    before = (np.cumsum(seen, axis=1) - seen)[:, -last:]
    recent = _recent_share(seen, per_year(step))[:, -last:]
    spread = _varies(counts)[:, -last:]
    reasons = np.full(before.shape, "", object)
    reasons[~spread] = "constant: every earlier period has the same value"
    reasons[recent < MIN_RECENT] = "too many gaps: less than four fifths of the last year's periods have a value"
    short = before < min_history
    reasons[short] = [f"too little history: {n} periods, {min_history} needed" for n in before[short]]
    reasons[~seen[:, -last:]] = "no value for this period"
    return reasons


def _recent_share(seen: NDArray[np.bool_], year: int) -> Floats:
    """Share of the year before each period that has a value (of as many periods as there are)."""
    total = np.cumsum(np.c_[np.zeros(len(seen)), seen], axis=1)
    start = np.maximum(np.arange(seen.shape[1]) - year, 0)
    span = np.maximum(np.arange(seen.shape[1]) - start, 1)
    return np.asarray((total[:, :-1] - total[:, start]) / span)


def _varies(counts: Floats) -> NDArray[np.bool_]:
    """Whether the periods before each period hold more than one value."""
    high = np.fmax.accumulate(np.where(np.isfinite(counts), counts, -np.inf), axis=1)
    low = np.fmin.accumulate(np.where(np.isfinite(counts), counts, np.inf), axis=1)
    return np.asarray(np.c_[np.zeros(len(counts), bool), (high > low)[:, :-1]])


def together(parts: Sequence[Judgement]) -> Judgement:
    """Returns one judgement of all series of several."""
    return Judgement(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Judgement)))
