"""EARS C3: how far the two periods before stood out together, by EARS C2."""

from __future__ import annotations

from forecaster.detectors._ears import judge_by_excess
from forecaster.detectors._one_step import OneStep
from forecaster.types import Direction, Judgement, Kind, Panel, SignalKind

NAME: SignalKind = "ears_c3"
KINDS: tuple[Kind, ...] = ("flow",)


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every series of a panel of flows alone."""
    return judge_by_excess(panel, last, direction, min_history)


_FINDINGS = OneStep(NAME, KINDS, judge, holds=True)
detect, quiet, since = _FINDINGS.detect, _FINDINGS.quiet, _FINDINGS.since
