"""Families on their way through the service: who is referred when, and how far each family goes.

One row a family and referral. Every choice is a uniform number drawn beforehand, so that a story moves only what it is
about and leaves every other family where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.simulate.days import NEVER, YEAR, Almanac, Days, busyness, day_number, source_mix
from forecaster.simulate.profile import ENDS_AT_REVIEW, ENDS_BETWEEN, Profile, chance_by_size
from forecaster.simulate.stories import (
    EARLY,
    FIRST_REVIEW,
    REVIEW_INTERVAL,
    MoreFamilies,
    SiblingGroup,
    Story,
    places_of,
)
from forecaster.types import Floats

GROUP_LEAD = 20  # days from the referral of a planted sibling group to its conference, on a Wednesday
DRAWS = (
    "nfa", "assessed", "section_47", "conference", "plan", "enquiry_lag", "conference_lag", "ending", "within", "keep",
    "returns", "gap", "case_length", "category", "contact_lag",
)  # fmt: skip
# Working days from the referral to the strategy discussion (share, shortest, longest): invented.
ENQUIRY_LAGS = ((0.35, 0, 1), (0.35, 1, 6), (0.20, 6, 21), (0.10, 21, 60))
# Working days from the strategy discussion to the conference: table C4, England 2023-24.
CONFERENCE_LAGS = ((0.09, 5, 11), (0.70, 11, 16), (0.09, 16, 21), (0.12, 21, 35))


def daily_families(profile: Profile, almanac: Almanac, rng: np.random.Generator) -> Floats:
    """Returns the expected number of families referred on each day; the level wavers from week to week."""
    days = np.arange(len(almanac.worked))
    daily = profile.referrals_a_year * profile.size / profile.mean_group / YEAR
    trend = (1 + profile.trend) ** ((days - days.mean()) / YEAR)
    weeks = (days + almanac.first + 3) // 7  # 1970-01-01 was a Thursday
    waver = np.ones(len(days))
    if profile.dispersion > 0:
        levels = rng.gamma(1 / profile.dispersion, profile.dispersion, int(weeks[-1] - weeks[0]) + 1)
        waver = levels[weeks - weeks[0]]
    return np.asarray(daily * busyness(profile, almanac) * trend * waver, dtype=float)


def _pick(chances: Floats, draws: Floats) -> Days:
    """Which of the options each draw falls on; chances are one row for all, or a row each."""
    edges = np.cumsum(chances / chances.sum(axis=-1, keepdims=True), axis=-1)
    return np.asarray(np.minimum((draws[:, None] >= edges).sum(axis=1), chances.shape[-1] - 1))


def _lag(table: Sequence[tuple[float, int, int]], draws: Floats) -> Days:
    """Whole working days by inverting a piecewise uniform distribution."""
    edges = np.cumsum([0.0, *(share for share, _, _ in table)])
    row = np.minimum(np.searchsorted(edges, draws, side="right") - 1, len(table) - 1)
    low, high = np.array([[low, high] for _, low, high in table]).T
    within = (draws - edges[row]) / np.diff(edges)[row]
    return np.asarray(low[row] + within * (high - low)[row], dtype=np.int64)


def arrivals(days: Days, mix: Floats, profile: Profile, rng: np.random.Generator) -> pd.DataFrame:
    """Returns the families referred on the given days: day, source, team, locality, size, and a draw for every choice.

    mix: relative rates of the sources, a row for each day given.
    """
    draws = {name: rng.random(len(days)) for name in ("source", "team", "size", *DRAWS)}
    team = _pick(np.array([share for _, _, share in profile.teams]), draws["team"])
    frame = pd.DataFrame({name: draws[name] for name in DRAWS})
    frame["day"] = days
    frame["source"] = np.array(list(profile.sources))[_pick(mix, draws["source"])]
    frame["team"] = np.array([name for name, _, _ in profile.teams])[team]
    frame["locality"] = np.array([locality for _, locality, _ in profile.teams])[team]
    frame["size"] = 1 + _pick(profile.group_sizes, draws["size"])
    frame["nfa_chance"] = profile.no_further_action
    frame["forced"] = ""
    frame["age_draw"] = np.nan  # of the child it is about, where a story says
    return frame


def _ordinary(profile: Profile, almanac: Almanac, rng: np.random.Generator) -> pd.DataFrame:
    count = rng.poisson(daily_families(profile, almanac, rng))
    at = np.repeat(np.arange(len(count)), count)
    return arrivals(at + almanac.first, source_mix(profile, almanac)[at], profile, rng)


def _extra(
    story: MoreFamilies, profile: Profile, almanac: Almanac, rng: np.random.Generator, times: float = 1.0
) -> pd.DataFrame:
    """The families a story brings besides those usual at its place; times: how many of them to one of those."""
    mix = source_mix(profile, almanac)
    named = dict(story.place).get("source")
    wanted = mix * np.array([named in (None, source) for source in profile.sources])
    steady = daily_families(replace(profile, dispersion=0.0), almanac, rng) * wanted.sum(axis=1) / mix.sum(axis=1)
    days = np.arange(len(steady)) + almanac.first
    count = rng.poisson(steady * profile.part(story.place) * times * story.extra(days))
    at = np.repeat(np.arange(len(days)), count)
    local = replace(profile, teams=profile.working_at(story.place))
    return story.marked(arrivals(days[at], wanted[at], local, rng), profile)


def _sibling_group(story: SiblingGroup, profile: Profile, rng: np.random.Generator) -> pd.DataFrame:
    """One family of newcomers, referred so that its conference falls into the story's week."""
    days = np.array([day_number(story.start) + 2 - GROUP_LEAD])
    frame = arrivals(days, np.ones((1, len(profile.sources))), profile, rng)
    chosen = {"nfa": 1.0, "assessed": 0.0, "returns": 0.7, "enquiry_lag": 0.3, "ending": 0.3}
    for name, draw in chosen.items():
        frame[name] = draw
    return frame.assign(team=story.team, locality=story.locality, size=story.children, source="Police", forced="plan")


def families(
    profile: Profile, almanac: Almanac, end: int, stories: Sequence[Story], rng: np.random.Generator
) -> pd.DataFrame:
    """Returns every family referred before `end`, in order of day, with the day of each stage (NEVER if not reached).

    Columns: those of `arrivals`, the stages contact to plan_end as days, and `arrival`, a number no story moves.
    """
    served = almanac.until(end)
    streams = rng.spawn(1 + len(stories))
    parts = [_ordinary(profile, served, streams[0])]
    for story, stream in zip(stories, streams[1:], strict=True):
        if isinstance(story, MoreFamilies):
            parts.append(_extra(story, profile, served, stream))
        elif isinstance(story, SiblingGroup):
            parts.append(_sibling_group(story, profile, stream))
    frame = pd.concat(parts, ignore_index=True).rename_axis("arrival").reset_index()
    frame = frame.sort_values("day", kind="stable", ignore_index=True)
    return _ends(_stages(frame, profile, almanac, stories), profile, almanac, stories)


def _stages(frame: pd.DataFrame, profile: Profile, almanac: Almanac, stories: Sequence[Story]) -> pd.DataFrame:
    """Adds the day of each stage up to the start of a plan."""
    column = {name: frame[name].to_numpy() for name in frame}
    day, size, places = column["day"], column["size"].astype(float), places_of(frame)
    forced, barred = column["forced"] == "plan", column["forced"] == "no enquiry"
    nfa = column["nfa"] < column["nfa_chance"]
    enquiry = almanac.ahead(day, _lag(ENQUIRY_LAGS, column["enquiry_lag"]))
    hearing = almanac.ahead(enquiry, _lag(CONFERENCE_LAGS, column["conference_lag"]))
    hearing = np.where(forced, almanac.snap(day + GROUP_LEAD), hearing)
    to_enquiry = chance_by_size(profile.section_47 / (1 - profile.no_further_action), size, profile)
    to_hearing = chance_by_size(profile.conference, size, profile)
    for story in stories:
        to_enquiry = story.section_47(to_enquiry, enquiry, places)
        to_hearing = story.conference(to_hearing, enquiry, places)
    enquired = (forced | (column["section_47"] < to_enquiry)) & ~nfa & ~barred
    heard = enquired & (forced | (column["conference"] < to_hearing))
    started = heard & (forced | (column["plan"] < profile.plan))
    stages = {
        "contact": (day - (column["contact_lag"] < 0.3), np.ones(len(frame), dtype=bool)),
        "referral": (day, np.ones(len(frame), dtype=bool)),
        "assessment": (
            almanac.ahead(day, _lag(((1.0, 0, 5),), column["assessed"])),
            ~nfa & (column["assessed"] < 0.95),
        ),
        "section_47": (enquiry, enquired),
        "conference": (hearing, heard),
        "plan_start": (hearing, started),
    }
    days = {name: np.where(reached, when, NEVER) for name, (when, reached) in stages.items()}
    return frame.assign(no_further_action=nfa, **days)


def _plan_length(ending: Floats, within: Floats, longer: float = 1.0) -> Days:
    """Days a plan lasts: to a review for most, to any day of a band for the rest; longer: `Profile.long_plans`."""
    reviews = np.array(list(ENDS_AT_REVIEW))
    at_review = FIRST_REVIEW + REVIEW_INTERVAL * (reviews - 1)
    low = np.array([*(at_review - EARLY), *(low for low, _ in ENDS_BETWEEN)])
    high = np.array([*(at_review + 1), *(high for _, high in ENDS_BETWEEN)])
    odds = np.array([*ENDS_AT_REVIEW.values(), *ENDS_BETWEEN.values()]) * longer ** ((low + high) / 2 / YEAR)
    chosen = _pick(odds, ending)
    return np.asarray(low[chosen] + within * (high - low)[chosen], dtype=np.int64)


def _ends(frame: pd.DataFrame, profile: Profile, almanac: Almanac, stories: Sequence[Story]) -> pd.DataFrame:
    """Adds the day each family's plan ends, as the stories have it."""
    length = _plan_length(frame["ending"].to_numpy(), frame["within"].to_numpy(), profile.long_plans)
    start, places, draw = frame["plan_start"].to_numpy(), places_of(frame), frame["keep"].to_numpy()
    end = np.where(start < NEVER, start + length, NEVER)
    for story in stories:
        end = story.plan_end(end, start, places, draw)
    return frame.assign(plan_end=np.where(start < NEVER, almanac.snap(np.minimum(end, NEVER)), NEVER))


def contacts_only(
    profile: Profile, almanac: Almanac, rng: np.random.Generator, stories: Sequence[Story] = ()
) -> pd.DataFrame:
    """Returns the families whose contact went no further: day, source, team (none), locality, size."""
    further = profile.contacts_per_referral - 1
    rate = daily_families(profile, almanac, rng) * further
    at = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    usual = arrivals(at + almanac.first, source_mix(profile, almanac)[at], profile, rng)
    swelling = [story for story in stories if isinstance(story, MoreFamilies) and story.contacts_too]
    more = [_extra(story, profile, almanac, rng, further) for story in swelling]
    return pd.concat([usual, *more], ignore_index=True).assign(team="")
