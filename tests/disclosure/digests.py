"""Reads the weekly digest: what it says of counts is rounded, but it stands beside the alerts."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np

from forecaster.messages import Message
from forecaster.types import SeriesKey
from tests.disclosure.reading import BAND, DAY, MODEL, PERCENT, SPAN, N, UnreadError, number
from tests.disclosure.solver import Fact, between

QUARTER, FEW = 13, 5
AHEAD = {
    "plan_starts": rf"child protection plan starts (?:about )?{MODEL} \({BAND}(?:; lately (?P<lately>{N}))?\)",
    "plans_open": rf"children on a child protection plan (?:about )?{MODEL} \({BAND}(?:; now about (?P<now>{N}))?\)",
}


def digest_facts(made: Message, periods: np.ndarray, newest: dt.date) -> list[tuple[SeriesKey, Fact]]:
    """Returns what the line on what comes says of what was counted; raises UnreadError at a number it does not know."""
    text = next((line.text for line in made.lines if line.label == "Ahead"), "")
    end = int(np.searchsorted(periods, np.datetime64(newest))) + 1
    facts: list[tuple[SeriesKey, Fact]] = []
    heads = rf"(?:[iI]n each of the next {SPAN}|[oO]n {DAY}|[iI]n the year to {DAY})(?: \(likely range in brackets\))?:"
    left = re.sub(heads, "", text)
    for measure, pattern in AHEAD.items():
        for found in re.finditer(pattern, left):
            for what, told in found.groupdict().items():
                if told:
                    facts += [(SeriesKey(measure), fact) for fact in _rounded(what, number(told), end, text)]
        left = re.sub(pattern, "", left)
    left = re.sub(rf"second or subsequent plans {PERCENT} \({BAND}\)", "", left)  # a model's figure
    if re.search(r"\d", left):
        raise UnreadError(left)
    return facts


def _rounded(what: str, told: float, end: int, text: str) -> list[Fact]:
    if what == "now":
        return [between(("count", end - 1, end), told - FEW / 2, told + FEW / 2, text)]
    weeks = [("count", at, at + 1) for at in range(end - QUARTER, end)]
    near = between(("count", end - QUARTER, end), (told - 0.5) * QUARTER, (told + 0.5) * QUARTER, text)
    return [near, *(Fact(((1.0, cells),), 0, 1e9, text, not_small=True) for cells in weeks)]
