"""Whether the newest periods are complete: a week entered late must not read as a fall."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.baseline import baseline
from forecaster.calendar import per_year
from forecaster.types import Floats, NotRun, Panel, SeriesKey

LOOK_BACK = 6  # newest periods that may still be waiting for entry
LEAST_SHARE = 0.5  # of the council's expected events, all flows together: no real week falls this far
SURPRISING = 3.0  # standard deviations it must also fall by: half of a few events happens by chance
EMPTY_BACK = 2  # newest periods that are left out when nothing at all was entered
ENOUGH = 10.0  # events expected: that families come together does not explain that none came
EVERYTHING = SeriesKey("all measures")


def leave_out_incomplete(panel: Panel) -> tuple[Panel, list[NotRun]]:
    """Returns the panel with newest periods that look incomplete set to missing, and a not-run for each of them."""
    flows = [i for i, key in enumerate(panel.keys) if key.is_council and panel.kinds[i] == "flow"]
    if len(flows) < 2 or len(panel.periods) <= 2 * LOOK_BACK:
        return panel, []
    council = panel.select(flows)
    first = len(panel.periods) - LOOK_BACK
    base = baseline(council.uncapped().until(first), ahead=LOOK_BACK)
    each, dispersion = base.expected_since(first, first + LOOK_BACK - 1)
    expected = each.sum(0)
    observed = np.nansum(council.count[:, first:], axis=0)
    deviation = np.sqrt((dispersion * each).sum(0))
    short = (observed < LEAST_SHARE * expected) & (expected - observed > SURPRISING * deviation)
    suspect = np.flatnonzero(short | _nothing(council, expected))
    reasons = [
        f"{panel.step} of {panel.periods[first + i]} looks incomplete: {observed[i] / expected[i]:.0%} of what is usual"
        for i in suspect
    ]
    return _blank(panel, first + suspect), [NotRun(EVERYTHING, "completeness", reason) for reason in reasons]


def _nothing(council: Panel, expected: Floats) -> NDArray[np.bool_]:
    """Whether one of the last periods is empty that should not be: in a small council that is never SURPRISING.

    It may be where a year before a period was empty too: Christmas week.
    """
    total, newest = np.nansum(council.count, axis=0), np.arange(LOOK_BACK) >= LOOK_BACK - EMPTY_BACK
    same_time = np.arange(-LOOK_BACK, 0)[:, None] - per_year(council.step) + np.array([-1, 0, 1])
    known = np.clip(len(total) + same_time, 0, None)
    return np.asarray(newest & (total[-LOOK_BACK:] == 0) & (expected >= ENOUGH) & (total[known] > 0).all(axis=1))


def _blank(panel: Panel, at: NDArray[np.int_]) -> Panel:
    arrays: dict[str, Any] = {name: array.copy() for name, array in panel.arrays.items()}
    for array in arrays.values():
        array[:, at] = np.nan
    return replace(panel, **arrays)
