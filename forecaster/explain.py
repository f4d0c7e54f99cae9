"""Where a move sits: observed minus expected per slice of every breakdown, and which slices stand out.

What was expected of the slices of one breakdown is brought to add up to what was expected of the council, so that the
excesses of a whole breakdown sum to the council's. A slice is named only when it moved itself: a large slice that
stayed at its usual share is not a driver. Surprise is share x log(share / usual share), the slice's part of the
Kullback-Leibler divergence of the excess from the usual mix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.baseline import baseline
from forecaster.calendar import per_year
from forecaster.glm import TINY
from forecaster.types import Driver, Floats, Panel, Signal

STANDS_OUT = 2.0  # standard deviations a slice must have moved by to be named
SHRINK = 20.0  # weight of the council's own share in a slice's expected share
LEAST_LIFT = 0.1  # by which a slice's share of the excess must pass its usual share of the whole
YEARS_BEFORE = 3


@dataclass(frozen=True)
class _Excess:
    """Per series: observed and expected since the onset, and the standard deviation of their difference."""

    observed: Floats
    expected: Floats
    deviation: Floats


def drivers(panel: Panel, signal: Signal, most: int = 8) -> tuple[Driver, ...]:
    """Returns the slices that moved with a signal, the most surprising first.

    value: the slice's excess since the onset, in events (children, for a stock); share: its part of the whole excess,
    at most 1. A signal on one slice names that slice alone, and one against the neighbours names them.
    """
    whole = signal.total - signal.total_expected
    if signal.kind == "neighbours":
        return (Driver("benchmark", "statistical neighbours", whole, 1.0, signal.total),)
    if signal.key.slice:
        return (Driver("breakdown", _name(signal.key.slice), whole, 1.0, signal.total),)
    measure = panel.select(i for i, key in enumerate(panel.keys) if key.measure == signal.key.measure)
    found = _standing_out(measure, signal)
    return tuple(found[:most])


def _name(where: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{dimension}={value}" for dimension, value in where)


def _standing_out(panel: Panel, signal: Signal) -> list[Driver]:
    onset = int(np.searchsorted(panel.periods, np.datetime64(signal.onset)))
    until = int(np.searchsorted(panel.periods, np.datetime64(signal.period)))
    excess = (_share_excess if panel.kinds[0] == "share" else _count_excess)(panel, onset, until)
    expected = _adding_up(panel, excess.expected, onset)
    value, council = excess.observed - expected, panel.row(signal.key)
    sign = 1.0 if signal.direction == "up" else -1.0
    share = np.minimum(value / value[council], 1.0)
    usual = expected / max(expected[council], TINY)
    moved = (sign * value >= STANDS_OUT * excess.deviation) & (share - usual >= LEAST_LIFT)
    surprise = share * np.log(np.maximum(share, TINY) / np.maximum(usual, TINY))
    rows = [i for i in np.argsort(-surprise, kind="stable") if moved[i] and panel.keys[i].slice]
    return [
        Driver("breakdown", _name(panel.keys[i].slice), float(value[i]), float(share[i]), float(excess.observed[i]))
        for i in rows
    ]


def _adding_up(panel: Panel, expected: Floats, onset: int) -> Floats:
    """Expected numbers in which each breakdown adds up to the council's, as far as its slices are watched."""
    council = next(i for i, key in enumerate(panel.keys) if key.is_council)
    before = np.nansum(panel.count[:, max(onset - 2 * per_year(panel.step), 0) : onset], axis=1)
    out = expected.copy()
    dimensions = [key.slice[0][0] if key.slice else "" for key in panel.keys]
    for dimension in set(dimensions) - {""}:
        rows = [i for i, name in enumerate(dimensions) if name == dimension]
        covered = before[rows].sum() / max(before[council], 1.0)
        out[rows] *= covered * expected[council] / max(expected[rows].sum(), TINY)
    return out


def _count_excess(panel: Panel, onset: int, until: int) -> _Excess:
    expected, dispersion = baseline(panel.uncapped()).expected_since(onset, until)
    if panel.kinds[0] == "stock":
        return _Excess(panel.count[:, until], expected[:, -1], np.sqrt(dispersion[:, -1] * expected[:, -1]))
    window = panel.count[:, onset : until + 1]
    expected = np.where(np.isfinite(window), expected, 0.0)
    return _Excess(np.nansum(window, axis=1), expected.sum(1), np.sqrt((dispersion * expected).sum(1)))


def _share_excess(panel: Panel, onset: int, until: int) -> _Excess:
    """Excess numerator over what the slice's own earlier share, shrunk to the council's, would have given."""
    before = slice(max(onset - YEARS_BEFORE * per_year(panel.step), 0), onset)
    hits, size = (np.nansum(array[:, before], axis=1) for array in (panel.count, panel.of))
    council = next((i for i, key in enumerate(panel.keys) if key.is_council), 0)
    whole = hits[council] / max(size[council], 1.0)
    share = (hits + SHRINK * whole) / (size + SHRINK)
    now = slice(onset, until + 1)
    observed, of = (np.nansum(array[:, now], axis=1) for array in (panel.count, panel.of))
    return _Excess(observed, of * share, np.sqrt(np.maximum(of * share * (1 - share), TINY)))
