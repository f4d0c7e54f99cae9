"""What starts, ends and the length of plans add to a change in open plans."""

from __future__ import annotations

from collections.abc import Mapping

from forecaster.types import Driver, Panel, Signal


def stock_drivers(panel: Panel, signal: Signal, stages: Mapping[str, str]) -> list[Driver]:
    """Returns what starts and ends add to a change of a stock."""
    return []
