"""A synthetic council: child-level events in the layout of the events CSV, made from a seed alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.simulate.days import YEAR, Almanac, day_number
from forecaster.simulate.pathway import contacts_only, families
from forecaster.simulate.people import Census
from forecaster.simulate.profile import Profile
from forecaster.simulate.rows import laid_out, people_of, recorded, review_events, stage_events, stranger_events, within
from forecaster.simulate.stories import Story

BURN_IN_YEARS = 6  # until the stock of open plans and the families that may return are in equilibrium
LONGEST_PLAN_YEARS = 5


@dataclass(frozen=True)
class Demo:
    """A simulated council.

    events: the columns of the events CSV (dates as datetime64), in order of date, as an extract made on `last` would
    hold them: nothing recorded later, and before `start` only the starts of plans open then. start is a Monday, last a
    Sunday.
    """

    events: pd.DataFrame
    stories: tuple[Story, ...]
    start: dt.date
    last: dt.date
    profile: Profile


def simulate(
    seed: int, *, start: dt.date, weeks: int, stories: Sequence[Story] = (), profile: Profile | None = None
) -> Demo:
    """Returns a synthetic council's events for `weeks` weeks from the Monday `start`, with the stories told in them.

    The same arguments give the same events. Raises ValueError when `start` is no Monday or `weeks` is not positive.
    """
    if start.weekday() != 0 or weeks < 1:
        raise ValueError(f"start must be a Monday and weeks positive, not {start} and {weeks}")
    profile = profile or Profile()
    first, end = day_number(start), day_number(start) + 7 * weeks
    almanac = Almanac.of(first - int(BURN_IN_YEARS * YEAR), end + int(LONGEST_PLAN_YEARS * YEAR))
    pathway, identity, contact, stranger, lag, stranger_lag = np.random.default_rng(seed).spawn(6)
    frame = families(profile, almanac, end, stories, pathway)
    people = people_of(frame, Census(frame, profile, stories, identity), profile)
    known = pd.concat([*stage_events(people), *review_events(people, almanac)], ignore_index=True)
    strangers = stranger_events(contacts_only(profile, almanac.until(end), contact, stories), people, stranger)
    events = [recorded(known, profile, stories, lag), recorded(strangers, profile, stories, stranger_lag)]
    table = laid_out(within(pd.concat(events, ignore_index=True), first, end), profile)
    return Demo(table, tuple(stories), start, start + dt.timedelta(days=7 * weeks - 1), profile)
