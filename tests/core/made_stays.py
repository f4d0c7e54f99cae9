"""Panels of one stock made from stays that are drawn here: plans that end at their reviews, siblings together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_panels import panel

from forecaster.types import NEVER, Counted, Floats, Ints, Panel, SeriesKey, Stays, Step

LABELS = ("East", "West")
STOCK, LONG = SeriesKey("open"), SeriesKey("long")
EAST, WEST = (SeriesKey("open", (("team", name),)) for name in LABELS)
BURN = 160
LEAST = 78


def stays_of(opened: Ints, ended: Ints, team: Ints | None = None) -> Stays:
    """Stays that two stocks count: all of them, and those of LEAST periods."""
    codes = np.zeros(len(opened), np.int64) if team is None else team
    stocks = {"open": Counted(opened, 0, "starts", "ends"), "long": Counted(opened + LEAST, LEAST, "starts", "ends")}
    return Stays(opened, ended, {"team": (LABELS, codes)}, stocks)


def panel_of(stays: Stays, length: int, step: Step = "week") -> Panel:
    """The panel of the stays: the council, its two teams, and the stock of long stays."""
    keys = (STOCK, EAST, WEST, LONG)
    count = np.array([[stays.open(key, period) for period in range(length)] for key in keys], float)
    return replace(panel(count, "stock", keys=keys, step=step), stays=stays)


def council(
    seed: int, length: int = 260, rate: float = 5.0, group: float = 1.6, slower: tuple[int, int] | None = None,
    step: Step = "week",
) -> Panel:  # fmt: skip
    """A council whose plans end at a review after 12, 38 or 64 periods, a fifth at any time; known to `length`.

    group: children a family, who start and end together. slower: in so many of the newest periods the plans that are
    due are kept on to the next review, in the team of that number.
    """
    rng = np.random.default_rng(seed)
    families = rng.poisson(rate / group, BURN + length)
    opened = np.repeat(np.arange(-BURN, length), families)
    at_review = rng.choice([12, 38, 64], len(opened), p=[0.25, 0.5, 0.25]) + rng.integers(0, 2, len(opened))
    lasts = np.where(rng.random(len(opened)) < 0.2, rng.integers(1, 90, len(opened)), at_review)
    ended, team = opened + lasts, rng.integers(0, 2, len(opened))
    if slower:
        kept = (ended >= length - slower[0]) & (team == slower[1]) & (rng.random(len(ended)) < 0.9)
        ended = np.where(kept, ended + 26, ended)
    children = 1 + rng.poisson(group - 1, len(opened))
    opened, ended, team = (np.repeat(values, children) for values in (opened, ended, team))
    seen = ended >= 0
    opened, ended, team = opened[seen], ended[seen], team[seen]
    return panel_of(stays_of(opened, np.where(ended < length, ended, NEVER), team), length, step)


def steady_starts(panel: Panel, draws: int, horizon: int, rate: float = 5.0, seed: int = 9) -> Floats:
    """Poisson sample paths of starts."""
    return np.random.default_rng(seed).poisson(rate, (draws, horizon)).astype(float)
