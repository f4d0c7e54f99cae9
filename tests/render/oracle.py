"""What a patient reader could work out: an independent check of disclosure control by linear algebra."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from forecaster.words.points import Shown

Interval = tuple[int, int]


def derivable(shown: Iterable[Interval], length: int) -> list[Interval]:
    """Returns every stretch of periods whose count is a linear combination of the shown sums."""
    known = np.array([_row(interval, length) for interval in set(shown)], float).reshape(-1, length)
    basis = np.linalg.svd(known, full_matrices=False)
    span = basis.Vh[basis.S > 1e-9]
    stretches = [(start, stop) for start in range(length) for stop in range(start + 1, length + 1)]
    rows = np.array([_row(stretch, length) for stretch in stretches], float)
    missed = np.abs(rows - rows @ span.T @ span).max(axis=1)
    return [stretch for stretch, gap in zip(stretches, missed, strict=True) if gap < 1e-6]


def _row(interval: Interval, length: int) -> np.ndarray:
    row = np.zeros(length)
    row[slice(*interval)] = 1
    return row


def intervals(shown: Shown) -> list[Interval]:
    """Returns the stretches whose count one message shows."""
    window = [(shown.window.start, shown.window.stop)] if shown.window else []
    last = [(shown.end - 1, shown.end)] if shown.last else []
    return window + last + [(point.start, point.stop) for point in shown.points if not point.hidden]


def leaks(shown: Iterable[Interval], counts: Iterable[np.ndarray], threshold: int = 5) -> list[tuple[Interval, float]]:
    """Returns the stretches that give a small count away, with that count."""
    arrays = list(counts)
    found = []
    for start, stop in derivable(shown, len(arrays[0])):
        found += [((start, stop), c) for array in arrays if 0 < (c := float(array[start:stop].sum())) <= threshold]
    return found
