"""How long a message may be, and which lines go first."""

from __future__ import annotations

from dataclasses import replace

from forecaster.messages import Message

LIMIT, NEWS_LIMIT = 1200, 500  # characters: what is read in 20 seconds, and at a glance
DISPENSABLE = ("Others", "From", "Linked", "Who", "Ahead", "Why", "Where", "Ask")  # left out in this order if too long


def fit(full: Message, limit: int = LIMIT) -> Message:
    """Returns a message without its least needed lines, as many as must go for it to be short enough to be read."""
    for label in DISPENSABLE:
        if len(full.text) <= limit:
            break
        full = replace(full, lines=tuple(line for line in full.lines if line.label != label))
    return full
