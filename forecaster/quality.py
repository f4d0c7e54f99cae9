"""Whether the newest periods are complete: a week entered late must not read as a fall."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.baseline import baseline
from forecaster.calendar import per_year
from forecaster.types import COUNCIL, Floats, NotRun, Panel, SeriesKey

LOOK_BACK = 6  # newest periods that may still be waiting for entry
LEAST_SHARE = 0.5  # of the council's expected events, all flows together: no real week falls this far
SURPRISING = 3.0  # standard deviations it must also fall by: half of a few events happens by chance
EMPTY_BACK = 2  # newest periods that are left out when nothing at all was entered
ENOUGH = 10.0  # events expected: that families come together does not explain that none came
EVERYTHING = SeriesKey("all measures")


def leave_out_incomplete(panel: Panel) -> tuple[Panel, list[NotRun]]:
    """Returns the panel with newest periods that look incomplete set to missing, and a not-run for each of them.

    Of several councils each is looked at by itself.
    """
    flows: dict[str, list[int]] = {}
    for row, key in enumerate(panel.keys):
        if key.is_council and panel.kinds[row] == "flow":
            flows.setdefault(key.council, []).append(row)
    missed: list[NotRun] = []
    for council, rows in flows.items():
        if len(rows) >= 2 and len(panel.periods) > 2 * LOOK_BACK:
            at, reasons = _suspect(panel.select(rows))
            panel = _blank(panel, council, at) if len(at) else panel
            missed += [NotRun(_everything(council), "completeness", reason) for reason in reasons]
    return panel, missed


def _everything(council: str) -> SeriesKey:
    return replace(EVERYTHING, slice=((COUNCIL, council),)) if council else EVERYTHING


def _suspect(council: Panel) -> tuple[NDArray[np.int_], list[str]]:
    """The periods in which one council's flows look incomplete, and why each does."""
    first = len(council.periods) - LOOK_BACK
    base = baseline(council.uncapped().until(first), ahead=LOOK_BACK)
    each, dispersion = base.expected_since(first, first + LOOK_BACK - 1)
    expected = each.sum(0)
    observed = np.nansum(council.count[:, first:], axis=0)
    deviation = np.sqrt((dispersion * each).sum(0))
    short = (observed < LEAST_SHARE * expected) & (expected - observed > SURPRISING * deviation)
    suspect = np.flatnonzero(short | _nothing(council, expected))
    reasons = [
        f"{council.step} of {council.periods[i + first]} looks incomplete: {part:.0%} of what is usual"
        for i, part in zip(suspect, (observed / expected)[suspect], strict=True)
    ]
    return first + suspect, reasons


def _nothing(council: Panel, expected: Floats) -> NDArray[np.bool_]:
    """Whether one of the last periods is empty that should not be: in a small council that is never SURPRISING.

    It may be where a year before a period was empty too: Christmas week.
    """
    total, newest = np.nansum(council.count, axis=0), np.arange(LOOK_BACK) >= LOOK_BACK - EMPTY_BACK
    same_time = np.arange(-LOOK_BACK, 0)[:, None] - per_year(council.step) + np.array([-1, 0, 1])
    known = np.clip(len(total) + same_time, 0, None)
    return np.asarray(newest & (total[-LOOK_BACK:] == 0) & (expected >= ENOUGH) & (total[known] > 0).all(axis=1))


def _blank(panel: Panel, council: str, at: NDArray[np.int_]) -> Panel:
    """The panel without what one council had in some periods."""
    rows = np.array([row for row, key in enumerate(panel.keys) if key.council == council])
    arrays: dict[str, Any] = {name: array.copy() for name, array in panel.arrays.items()}
    for array in arrays.values():
        array[np.ix_(rows, at)] = np.nan
    return replace(panel, **arrays)
