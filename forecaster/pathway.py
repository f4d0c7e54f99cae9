"""Which stage of the pathway a change in plan starts comes from."""

from __future__ import annotations

from collections.abc import Mapping

from forecaster.types import Driver, Panel, Signal


def stage_drivers(panel: Panel, signal: Signal, stages: Mapping[str, str]) -> list[Driver]:
    """Returns what volume and each stage's conversion add to a change of a flow of the pathway, the council's first."""
    return []
