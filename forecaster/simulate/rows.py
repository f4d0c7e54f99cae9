"""From families and children to rows of events: one a child and stage, with when it was written down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.simulate.days import NEVER, YEAR, Almanac, Days
from forecaster.simulate.people import ETHNICITIES, GENDERS, PEOPLE_DRAWS, Census, group_ages, labelled
from forecaster.simulate.profile import LARGEST_GROUP, Profile
from forecaster.simulate.stories import FIRST_REVIEW, REVIEW_INTERVAL, Story

COLUMNS = (
    "child_id", "event", "date", "team", "locality", "source", "category", "age", "gender", "ethnicity", "family_id",
    "outcome", "previous_plans", "previous_plan_end", "recorded",
)  # fmt: skip
STAGES = ("contact", "referral", "assessment", "section_47", "conference", "plan_start", "plan_end")
ORDER = {kind: place for place, kind in enumerate((*STAGES[:-1], "review", "plan_end"))}
# How a stage turned out: (the stage that says so, word if it came, word if it did not).
OUTCOMES = {
    "contact": ("referral", "referral", "no further action"),
    "referral": ("assessment", "assessment", "other services"),
    "section_47": ("conference", "conference", "no conference"),
    "conference": ("plan_start", "plan", "no plan"),
}
SHORTEST_REVIEWED = 70  # days: a plan that ends sooner (a move away, care) does so without a review
REVIEWS = 11
SAME_REVIEW = 8  # days: a review that far before the end is the one that ends the plan
# Days until an event is recorded: 86% within three days, the rest in two weeks. Invented; DfE's own weekly survey of
# 2020 moved to the week before last because of such a lag.
LAG_CHANCES = (0.42, 0.22, 0.13, 0.09, 0.04, 0.03, 0.02, 0.015, 0.01, 0.008, 0.006, 0.005, 0.004, 0.002)
_CARRIED = ["row", "arrival", "child", "family", "birth", "team", "locality", "gender", "ethnicity", "own_end"]


def people_of(frame: pd.DataFrame, census: Census, profile: Profile) -> pd.DataFrame:
    """Returns a row a child and referral: the family's columns of the pathway, and the child's own."""
    rows = census.take()
    family = frame.drop(columns="plan_end").iloc[rows["row"].to_numpy()].reset_index(drop=True)
    people = pd.concat([family, rows], axis=1)
    people["gender"] = labelled(census.register.gender, GENDERS)[rows["child"]]
    people["ethnicity"] = labelled(census.register.ethnicity, ETHNICITIES)[rows["family"]]
    people["category"] = labelled(people["category"].tolist(), tuple(profile.categories.items()))
    people["own_end"] = people["plan_end"]
    return people


def _events(people: pd.DataFrame, kind: str, days: Days) -> pd.DataFrame:
    """Events of one kind for those who have a day for it; what the kind does not carry is blank."""
    events = people[_CARRIED].assign(event=kind, day=days, number=ORDER[kind], outcome="")
    events["source"] = people["source"] if kind in ("contact", "referral") else ""
    events["category"] = people["category"] if kind in ("plan_start", "review", "plan_end") else ""
    starts = kind == "plan_start"
    events["previous_plans"] = people["previous_plans"] if starts else -1
    events["previous_plan_end"] = people["previous_plan_end"] if starts else -NEVER
    if kind == "contact":
        events["team"] = ""
    return events[days < NEVER]


def stage_events(people: pd.DataFrame) -> list[pd.DataFrame]:
    """Returns the events of each stage of the pathway, with their outcomes."""
    frames = []
    for stage in STAGES:
        events = _events(people, stage, people[stage].to_numpy())
        if stage in OUTCOMES:
            by, came, did_not = OUTCOMES[stage]
            events["outcome"] = np.where(people.loc[events.index, by] < NEVER, came, did_not)
        if stage == "referral":
            events.loc[people["no_further_action"], "outcome"] = "no further action"
        frames.append(events)
    return frames


def review_events(people: pd.DataFrame, almanac: Almanac) -> list[pd.DataFrame]:
    """Returns the review conferences: the first within three months, then every six, and the one that ends the plan."""
    on_plan = people[people["plan_start"] < NEVER]
    start, end = on_plan["plan_start"].to_numpy(), on_plan["own_end"].to_numpy()
    frames = []
    for number in range(REVIEWS):
        day = almanac.snap(start + FIRST_REVIEW - 5 + number * REVIEW_INTERVAL)
        frames.append(
            _events(on_plan, "review", np.where(day < end - SAME_REVIEW, day, NEVER)).assign(number=len(ORDER) + number)
        )
    decided = (end - start >= SHORTEST_REVIEWED) & (almanac.snap(end) == end)  # not so at an eighteenth birthday
    return [*frames, _events(on_plan, "review", np.where(decided, end, NEVER))]


def stranger_events(contacts: pd.DataFrame, people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Returns the contacts that went no further, about children who are not met again."""
    draws = rng.random((len(contacts), len(PEOPLE_DRAWS), LARGEST_GROUP))
    size = contacts["size"].to_numpy()
    who, place = np.nonzero(np.arange(LARGEST_GROUP) < size[:, None])
    own = contacts.iloc[who].reset_index(drop=True)
    ages = group_ages(draws[:, 0], draws[:, 1])[who, place]
    own["birth"] = own["day"] - (ages * YEAR).astype(np.int64)
    own["row"], own["own_end"] = who, NEVER
    own["arrival"] = who
    own["family"] = people["family"].max() + 1 + who
    own["child"] = people["child"].max() + 1 + np.arange(len(own))
    own["gender"] = labelled(draws[who, 2, place].tolist(), GENDERS)
    own["ethnicity"] = labelled(draws[who, 3, 0].tolist(), ETHNICITIES)
    return _events(own, "contact", own["day"].to_numpy()).assign(outcome="no further action")


def delays(events: pd.DataFrame, profile: Profile, rng: np.random.Generator) -> Days:
    """Returns the days until each event is recorded: one draw for a family and stage, whatever the stories."""
    draws = rng.random((int(events["arrival"].max()) + 1, len(ORDER) + REVIEWS))
    edges = np.cumsum(LAG_CHANCES) / sum(LAG_CHANCES)
    lag = np.searchsorted(edges, draws[events["arrival"], events["number"]], side="right")
    return np.asarray(np.round(lag * profile.lag), dtype=np.int64)


def recorded(
    events: pd.DataFrame, profile: Profile, stories: Sequence[Story], rng: np.random.Generator
) -> pd.DataFrame:
    """Returns the events with the day each was recorded."""
    day = events["day"].to_numpy()
    when = day + delays(events, profile, rng)
    for story in stories:
        when = story.recorded(when, day)
    return events.assign(recorded=when)


def within(events: pd.DataFrame, first: int, end: int) -> pd.DataFrame:
    """Returns the events from `first` to before `end` and recorded by then, and the starts of plans open at `first`."""
    inside = (events["day"] >= first) & (events["day"] < end) & (events["recorded"] < end)
    open_before = (events["event"] == "plan_start") & (events["day"] < first) & (events["own_end"] >= first)
    return events[inside | open_before]


def _dates(days: Days | pd.Series) -> pd.Series:
    numbers = np.asarray(days, dtype=np.int64)
    known = np.abs(numbers) < NEVER
    dates = pd.Series(np.where(known, numbers, 0).astype("datetime64[D]").astype("datetime64[s]"))
    return dates.where(known)


def _named(letter: str, numbers: pd.Series) -> np.ndarray:
    return np.char.add(letter, np.char.zfill(numbers.to_numpy().astype(str), 6))


def laid_out(events: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Returns what the council's extract holds in the layout of the events CSV, in order of date, stage and child."""
    events = events[~events["event"].isin(profile.no_events)]
    events = events.sort_values(["day", "number", "child"], kind="stable", ignore_index=True)
    age = (events["day"] - events["birth"]) / YEAR
    plans = events["previous_plans"].astype("Int64")
    table = events[[c for c in COLUMNS if c in events]].assign(
        child_id=_named("C", events["child"]),
        family_id=_named("F", events["family"]),
        date=_dates(events["day"]),
        age=np.floor(age).astype("int64"),
        previous_plans=plans.where(plans >= 0),
        previous_plan_end=_dates(events["previous_plan_end"]),
        recorded=_dates(events["recorded"]),
    )
    return table[[name for name in COLUMNS if name not in profile.no_columns]]
