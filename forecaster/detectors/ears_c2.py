"""EARS C2: a count against seven periods that end two before it, so that a surge just begun is not part of them."""

from __future__ import annotations

from forecaster.detectors._ears import GAP, judge_by_score
from forecaster.detectors._one_step import OneStep
from forecaster.types import Direction, Judgement, Kind, Panel, SignalKind

NAME: SignalKind = "ears_c2"
KINDS: tuple[Kind, ...] = ("flow",)


def judge(panel: Panel, last: int, direction: Direction, min_history: int) -> Judgement:
    """Returns the judgement of the last `last` periods of every series of a panel of flows alone."""
    return judge_by_score(panel, last, direction, min_history, GAP)


_FINDINGS = OneStep(NAME, KINDS, judge, holds=True)
detect, quiet, since = _FINDINGS.detect, _FINDINGS.quiet, _FINDINGS.since
