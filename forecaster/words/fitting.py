"""How long a message may be, and which lines go first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forecaster.messages import Message
from forecaster.words.context import Context
from forecaster.words.wording import SEPARATOR

LIMIT, NEWS_LIMIT = 1200, 500  # characters: what is read in 20 seconds, and at a glance
DISPENSABLE = ("Others", "Linked", "Who", "Ahead", "From", "Why", "Where", "Ask")  # left out in this order if too long
DRAWN = "Others"  # explains the neighbours' level, and stays beside a picture that has it until all others are gone


def length(made: Message) -> int:
    """Returns how long a message is to read, in characters, without what people did about it (the stamps)."""
    return len(made.text) - len(made.summary) + len(made.summary.split(SEPARATOR)[0])


def shorter(context: Context) -> Iterator[tuple[Context, int]]:
    """Yields what a message may say and how many breakdowns a line, ever less: before a whole line goes, the second
    breakdown does, then the odds against the neighbours, the year's end behind a forecast, and the families."""
    yield context, 2
    yield context, 1
    if context.comparison:
        context = replace(context, comparison=replace(context.comparison, above=None))
        yield context, 1
    if context.ahead:
        context = replace(context, year_end=None)
        yield context, 1
    yield replace(context, families=None), 1


def fit(full: Message, limit: int = LIMIT) -> Message:
    """Returns a message without its least needed lines, as many as must go for it to be short enough to be read."""
    drawn = full.chart is not None and full.chart.level is not None
    for label in sorted(DISPENSABLE, key=lambda label: drawn and label == DRAWN):
        if length(full) <= limit:
            break
        full = replace(full, lines=tuple(line for line in full.lines if line.label != label))
    return full
