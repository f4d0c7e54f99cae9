"""EARS C1, C2 and C3 (CDC's Early Aberration Reporting System): a count against the seven periods shortly before it.

Hutwagner et al. (2003), Journal of Urban Health 80 (supplement 1):i89, as R's package surveillance has it (earsC). The
p-value is the one that its limits are drawn from, that of a normal score; seven periods say too little of the spread
for that to be so, and EARS alarms far more often than its p-values say.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import special

from forecaster.judgeable import cannot_judge
from forecaster.types import Direction, Floats, Judgement, Panel

SPAN = 7
GAP = 2  # periods between a period and its baseline, for C2 and C3
LEAST_P = 1e-300


def before(counts: Floats, gap: int) -> tuple[Floats, Floats]:
    """Returns mean and standard deviation of the seven periods that end `gap` before each (S x T), NaN with a gap."""
    padded = np.pad(counts, ((0, 0), (SPAN + gap, 0)), constant_values=np.nan)
    windows = sliding_window_view(padded, SPAN, axis=1)[:, : counts.shape[1]]
    return windows.mean(-1), windows.std(-1, ddof=1)


def scores(counts: Floats, gap: int) -> Floats:
    """Returns C1 (gap 0) or C2 (gap 2): standard scores (S x T), infinite for any move after seven equal periods."""
    mean, spread = before(counts, gap)
    apart = counts - mean
    flat = np.where(apart == 0, 0.0, np.copysign(np.inf, apart))
    return np.where(np.isnan(apart), np.nan, np.where(spread > 0, apart / np.where(spread > 0, spread, 1.0), flat))


def excess(c2: Floats) -> Floats:
    """Returns how much C2 was above one in the two periods before each, together (S x T): C3 as R has it.

    The paper adds the period itself; R's bound for it, count + sd x (z - excess), leaves it out.
    """
    above = np.maximum(c2 - 1, 0.0)
    earlier = np.pad(above, ((0, 0), (2, 0)), constant_values=np.nan)
    return np.asarray(earlier[:, 1:-1] + earlier[:, :-2])


def judge_by_score(panel: Panel, last: int, direction: Direction, min_history: int, gap: int) -> Judgement:
    """Returns the judgement by C1 (gap 0) or C2 (gap 2) of the last `last` periods of a panel of flows alone."""
    z = scores(panel.capped, gap)
    return _judgement(panel, last, min_history, z if direction == "up" else -z, gap, 1)


def judge_by_excess(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement by C3; as in R a count of zero is no rise, nor is any count after seven equal ones."""
    c2 = scores(panel.capped, GAP)
    found = excess(c2 if direction == "up" else -c2)
    possible = before(panel.capped, GAP)[1] > 0
    if direction == "up":
        possible &= panel.capped > 0
    return _judgement(panel, last, min_history, np.where(possible | np.isnan(found), found, 0.0), GAP, 1 + GAP)


def _judgement(panel: Panel, last: int, min_history: int, z: Floats, gap: int, window: int) -> Judgement:
    mean, spread, z = (array[:, -last:] for array in (*before(panel.capped, gap), z))
    reasons = cannot_judge(panel.count, min_history, last, panel.step)
    gaps = (reasons == "") & np.isnan(mean + z)
    reasons[gaps] = f"too many gaps: one of the {SPAN} periods it is held against has no value"
    p_value = np.where(reasons == "", np.maximum(special.ndtr(-z), LEAST_P), np.nan)
    lower, upper = np.maximum(mean - 1.96 * spread, 0.0), mean + 1.96 * spread
    return Judgement(mean, lower, upper, p_value, -np.log10(p_value), np.full(z.shape, float(window)), reasons)
