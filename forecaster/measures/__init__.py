"""Measures: what is counted, and the panel that counts it. Pure: a frame of events in, arrays out."""

from __future__ import annotations

from forecaster.measures.definition import (
    Condition,
    Dimension,
    Measure,
    Table,
    nearest,
    parse_measures,
    plain_measure,
    stages_of,
)
from forecaster.measures.history import NOT_RECORDED
from forecaster.measures.panel import build_panel
from forecaster.measures.totals import panel_from_totals

__all__ = [
    "NOT_RECORDED",
    "Condition",
    "Dimension",
    "Measure",
    "Table",
    "build_panel",
    "nearest",
    "panel_from_totals",
    "parse_measures",
    "plain_measure",
    "stages_of",
]
