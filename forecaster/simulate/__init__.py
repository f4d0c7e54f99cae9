"""Synthetic councils: `simulate` makes one, `planted` lists the demo's stories, `score` tells which were found."""

from forecaster.simulate.council import Demo, simulate
from forecaster.simulate.profile import Profile
from forecaster.simulate.scoring import Row, Score, score
from forecaster.simulate.stories import (
    Finding,
    LateWeek,
    RepeatDrift,
    SiblingGroup,
    SlowerEnds,
    SourceFlood,
    Story,
    ThresholdSlip,
    planted,
)

__all__ = [
    "Demo", "Finding", "LateWeek", "Profile", "RepeatDrift", "Row", "Score", "SiblingGroup", "SlowerEnds",
    "SourceFlood", "Story", "ThresholdSlip", "planted", "score", "simulate",
]  # fmt: skip
