"""EARS C1: a count against the seven periods just before it."""

from __future__ import annotations

from forecaster.detectors._ears import judge_by_score
from forecaster.detectors._one_step import OneStep
from forecaster.types import Direction, Judgement, Kind, Panel, SignalKind

NAME: SignalKind = "ears_c1"
KINDS: tuple[Kind, ...] = ("flow",)


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every series of a panel of flows alone."""
    return judge_by_score(panel, last, direction, min_history, gap=0)


_FINDINGS = OneStep(NAME, KINDS, judge, holds=True)
detect, quiet, since = _FINDINGS.detect, _FINDINGS.quiet, _FINDINGS.since
