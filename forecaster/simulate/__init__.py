"""Synthetic councils: `simulate` makes one, `planted` lists the demo's stories, `score` tells which were found.

`varied` and `varied_stories` draw councils and stories of all kinds.
"""

from forecaster.simulate.council import Demo, simulate
from forecaster.simulate.profile import Profile
from forecaster.simulate.scoring import Row, Score, first_driver_right, score
from forecaster.simulate.stories import (
    ConversionFall,
    Finding,
    GroupRise,
    LateWeek,
    QuickerEnds,
    RepeatDrift,
    SiblingGroup,
    SlowerEnds,
    SourceFlood,
    Story,
    ThresholdSlip,
    VolumeSurge,
    planted,
)
from forecaster.simulate.varied import varied, varied_stories

__all__ = [
    "ConversionFall", "Demo", "Finding", "GroupRise", "LateWeek", "Profile", "QuickerEnds", "RepeatDrift", "Row",
    "Score", "SiblingGroup", "SlowerEnds", "SourceFlood", "Story", "ThresholdSlip", "VolumeSurge",
    "first_driver_right", "planted", "score", "simulate", "varied", "varied_stories",
]  # fmt: skip
