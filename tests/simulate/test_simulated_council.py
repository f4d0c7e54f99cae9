"""What every simulated council keeps to, whatever its profile: ids, order, dates and histories that agree."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from forecaster.calendar import bank_holidays
from forecaster.simulate import Demo, Profile, planted, simulate
from forecaster.simulate.rows import COLUMNS
from forecaster.types import EVENT_KINDS
from tests.simulate.made import FIRST, START, WEEKS, council, served

SOME_DEMOS = pytest.mark.parametrize(
    "demo",
    [council(1), council(2), council(1, planted(FIRST)), council(7, weeks=60, size=0.4, sibling_rate=1.2, lag=3.0)],
    ids=["seed 1", "seed 2", "with stories", "another profile"],
)


def _of(demo: Demo, event: str) -> pd.DataFrame:
    return demo.events[demo.events["event"] == event]


def _spells(demo: Demo) -> pd.DataFrame:
    """Every plan start with the next end of the same child, if it came."""
    starts = _of(demo, "plan_start")[["child_id", "date", "team", "locality", "category", "previous_plans"]]
    ends = _of(demo, "plan_end")[["child_id", "date", "team", "locality", "category"]]
    ends = ends.assign(end=ends["date"])
    return pd.merge_asof(
        starts.sort_values("date"),
        ends.sort_values("date"),
        on="date",
        by="child_id",
        direction="forward",
        suffixes=("", "_end"),
    )


def test_the_same_seed_gives_the_same_events() -> None:
    one = simulate(5, start=START, weeks=30, stories=planted(START))
    two = simulate(5, start=START, weeks=30, stories=planted(START))
    pd.testing.assert_frame_equal(one.events, two.events)


def test_another_seed_gives_other_events() -> None:
    one, two = simulate(5, start=START, weeks=10), simulate(6, start=START, weeks=10)
    assert not one.events.equals(two.events)


def test_the_global_random_state_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    simulate(5, start=START, weeks=4)
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]


@pytest.mark.parametrize(("start", "weeks"), [(dt.date(2020, 1, 1), 10), (START, 0), (START, -3)])
def test_a_start_that_is_no_monday_or_no_weeks_is_refused(start: dt.date, weeks: int) -> None:
    with pytest.raises(ValueError, match="Monday"):
        simulate(1, start=start, weeks=weeks)


@SOME_DEMOS
def test_the_layout_is_that_of_the_events_csv(demo: Demo) -> None:
    assert tuple(demo.events.columns) == COLUMNS
    assert set(demo.events["event"]) <= set(EVENT_KINDS)
    assert not demo.events[["child_id", "event", "date", "family_id", "recorded", "age", "gender"]].isna().any().any()


@SOME_DEMOS
def test_a_child_has_an_event_of_a_kind_once_a_day(demo: Demo) -> None:
    assert not demo.events.duplicated(["child_id", "event", "date"]).any()


@SOME_DEMOS
def test_the_events_are_in_order_of_date(demo: Demo) -> None:
    assert demo.events["date"].is_monotonic_increasing


@SOME_DEMOS
def test_nothing_is_later_than_the_extract(demo: Demo) -> None:
    assert demo.last.weekday() == 6
    assert demo.events[["date", "recorded"]].max().max() <= pd.Timestamp(demo.last)


@SOME_DEMOS
def test_before_the_window_there_are_only_the_starts_of_plans_that_are_open_in_it(demo: Demo) -> None:
    before = demo.events[demo.events["date"] < pd.Timestamp(demo.start)]
    assert set(before["event"]) == {"plan_start"}
    assert not before["child_id"].duplicated().any()
    spells = _spells(demo)
    ended = spells[spells["date"] < pd.Timestamp(demo.start)]["end"].dropna()
    assert (ended >= pd.Timestamp(demo.start)).all()


@SOME_DEMOS
def test_a_plan_ends_after_it_starts_and_before_the_next_one_starts(demo: Demo) -> None:
    spells = _spells(demo).sort_values(["child_id", "date"])
    assert (spells["end"].dropna() > spells.loc[spells["end"].notna(), "date"]).all()
    following = spells.groupby("child_id")["date"].shift(-1)
    again = following.notna()
    assert (spells.loc[again, "end"] < following[again]).all()


@SOME_DEMOS
def test_a_plan_end_belongs_to_a_plan_of_the_same_team_locality_and_category(demo: Demo) -> None:
    spells = _spells(demo)
    ended = spells[spells["end"].notna()]
    assert len(ended) == len(_of(demo, "plan_end"))
    for column in ("team", "locality", "category"):
        assert (ended[column] == ended[f"{column}_end"]).all()


@SOME_DEMOS
def test_a_plan_starts_on_the_day_of_its_conference(demo: Demo) -> None:
    conferences = _of(demo, "conference")
    decided = conferences[conferences["outcome"] == "plan"][["child_id", "date"]]
    starts = _of(demo, "plan_start")
    starts = starts[starts["date"] >= pd.Timestamp(demo.start)][["child_id", "date"]]
    merged = starts.merge(decided, how="outer", indicator=True)
    unmatched = merged[merged["_merge"] != "both"]
    # The two are recorded at different times: only the newest fortnight may hold one without the other.
    assert (unmatched["date"] > pd.Timestamp(demo.last) - pd.Timedelta(days=45)).all()


@SOME_DEMOS
def test_a_conference_follows_a_section_47_enquiry_within_seven_weeks(demo: Demo) -> None:
    settled = pd.Timestamp(demo.start) + pd.Timedelta(days=60)
    conferences = _of(demo, "conference")
    conferences = conferences[conferences["date"] >= settled][["child_id", "date"]]
    enquiries = _of(demo, "section_47")[["child_id", "date"]].assign(enquiry=lambda frame: frame["date"])
    joined = pd.merge_asof(conferences.sort_values("date"), enquiries.sort_values("date"), on="date", by="child_id")
    assert (joined["date"] - joined["enquiry"]).dt.days.between(5, 60).all()


@SOME_DEMOS
def test_each_stage_is_reached_from_the_one_before(demo: Demo) -> None:
    settled = pd.Timestamp(demo.start) + pd.Timedelta(days=130)
    for earlier, later in (("contact", "referral"), ("referral", "assessment"), ("referral", "section_47")):
        before = _of(demo, earlier)[["child_id", "date"]].assign(then=lambda frame: frame["date"])
        after = _of(demo, later)
        after = after[after["date"].between(settled, pd.Timestamp(demo.last) - pd.Timedelta(days=45))]
        joined = pd.merge_asof(after.sort_values("date"), before.sort_values("date"), on="date", by="child_id")
        assert joined["then"].notna().all(), later


@SOME_DEMOS
def test_every_repeat_has_an_earlier_plan_with_the_end_it_names(demo: Demo) -> None:
    starts = _of(demo, "plan_start")
    repeats = starts[starts["previous_plans"] > 0]
    assert (repeats["previous_plan_end"] < repeats["date"]).all()
    assert starts.loc[starts["previous_plans"] == 0, "previous_plan_end"].isna().all()
    ends = _of(demo, "plan_end")[["child_id", "date"]].rename(columns={"date": "previous_plan_end"})
    inside = repeats[repeats["previous_plan_end"] >= pd.Timestamp(demo.start)]
    assert len(inside.merge(ends)) == len(inside)


@SOME_DEMOS
def test_the_count_of_previous_plans_grows_by_one_a_plan(demo: Demo) -> None:
    starts = _of(demo, "plan_start").sort_values(["child_id", "date"])
    step = starts.groupby("child_id")["previous_plans"].diff().dropna()
    assert (step == 1).all()


def test_some_children_are_on_a_plan_twice_within_the_window(quiet: Demo) -> None:
    starts = served(quiet, "plan_start")["child_id"].value_counts()
    assert (starts >= 2).sum() > 30


@SOME_DEMOS
def test_reviews_lie_within_a_plan_the_first_within_three_months_and_the_rest_within_six_of_each_other(
    demo: Demo,
) -> None:
    spells = _spells(demo)[["child_id", "date", "end"]].rename(columns={"date": "start"})
    reviews = _of(demo, "review")[["child_id", "date"]]
    joined = pd.merge_asof(
        reviews.sort_values("date"),
        spells.sort_values("start"),
        left_on="date",
        right_on="start",
        by="child_id",
        allow_exact_matches=False,
    )
    assert joined["start"].notna().all()
    assert (joined["date"] <= joined["end"].fillna(pd.Timestamp(demo.last))).all()
    inside = joined[joined["start"] >= pd.Timestamp(demo.start)].sort_values(["child_id", "start", "date"])
    groups = inside.groupby(["child_id", "start"])["date"]
    assert ((groups.min() - groups.min().index.get_level_values("start")).dt.days <= 97).all()
    assert (groups.diff().dropna().dt.days <= 191).all()


@SOME_DEMOS
def test_children_are_under_eighteen_and_only_the_unborn_below_zero(demo: Demo) -> None:
    assert demo.events["age"].between(-1, 18).all()
    assert demo.events.loc[demo.events["event"] != "plan_end", "age"].max() <= 18
    starts = _of(demo, "plan_start")
    assert starts["age"].max() <= 17


@SOME_DEMOS
def test_a_childs_age_grows_and_its_gender_and_family_stay(demo: Demo) -> None:
    by_child = demo.events.groupby("child_id")
    assert (by_child["age"].diff().dropna() >= 0).all()
    for column in ("gender", "ethnicity", "family_id"):
        assert (by_child[column].nunique() == 1).all(), column


@SOME_DEMOS
def test_a_family_lives_in_one_locality(demo: Demo) -> None:
    known = demo.events[demo.events["locality"] != ""]
    assert (known.groupby("family_id")["locality"].nunique() == 1).all()


@SOME_DEMOS
def test_a_team_works_in_one_locality(demo: Demo) -> None:
    teams = demo.events[demo.events["team"] != ""]
    assert (teams.groupby("team")["locality"].nunique() == 1).all()
    assert teams["team"].nunique() == 6
    assert demo.events["locality"].nunique() == 4


@SOME_DEMOS
def test_columns_are_filled_only_for_the_events_that_carry_them(demo: Demo) -> None:
    events = demo.events
    assert set(events.loc[events["source"] != "", "event"]) == {"contact", "referral"}
    assert set(events.loc[events["category"] != "", "event"]) == {"plan_start", "plan_end", "review"}
    assert set(events.loc[events["previous_plans"].notna(), "event"]) == {"plan_start"}
    assert (events.loc[events["event"] == "contact", "team"] == "").all()


@SOME_DEMOS
def test_outcomes_say_what_came_of_it(demo: Demo) -> None:
    words = {
        "contact": {"referral", "no further action"},
        "referral": {"assessment", "no further action", "other services"},
        "section_47": {"conference", "no conference"},
        "conference": {"plan", "no plan"},
    }
    for event, expected in words.items():
        assert set(_of(demo, event)["outcome"]) == expected
    silent = demo.events[~demo.events["event"].isin(list(words))]
    assert set(silent["outcome"]) == {""}


def test_a_referral_without_further_action_has_neither_assessment_nor_enquiry(quiet: Demo) -> None:
    referrals = served(quiet, "referral").sort_values("date")
    ended = referrals[referrals["outcome"] == "no further action"]
    for event in ("assessment", "section_47"):
        later = served(quiet, event)[["child_id", "date"]].assign(then=lambda frame: frame["date"])
        joined = pd.merge_asof(ended, later.sort_values("date"), on="date", by="child_id", direction="forward")
        again = joined.merge(referrals[["child_id", "date"]].rename(columns={"date": "again"}), on="child_id")
        between = again[(again["again"] > again["date"]) & (again["again"] <= again["then"])]
        assert joined["then"].notna().sum() == between.groupby(["child_id", "date"]).ngroups


def test_a_re_referral_finds_the_case_closed(quiet: Demo) -> None:
    # A referral is of a child without an open case: never while on a plan.
    spells = _spells(quiet)[["child_id", "date", "end"]].rename(columns={"date": "start"})
    referrals = served(quiet, "referral")[["child_id", "date"]]
    joined = referrals.merge(spells, on="child_id")
    assert not joined["date"].between(joined["start"], joined["end"].fillna(pd.Timestamp(quiet.last))).any()


def test_conferences_are_on_working_days(quiet: Demo) -> None:
    days = {stamp.date() for stamp in served(quiet, "conference")["date"]}
    assert not any(day in bank_holidays(day.year) for day in days)


# Profiles


def test_size_multiplies_every_volume() -> None:
    whole, half = council(3), council(3, size=0.5)
    for event in ("contact", "referral", "section_47", "plan_start"):
        assert len(served(half, event)) / len(served(whole, event)) == pytest.approx(0.5, abs=0.09), event


def test_without_siblings_every_family_is_one_child() -> None:
    demo = council(3, weeks=104, sibling_rate=0.0)
    assert (served(demo, "referral").groupby(["family_id", "date"]).size() == 1).all()


def _dispersion(demo: Demo) -> float:
    week = (served(demo, "referral")["date"] - pd.Timestamp(START)).dt.days // 7
    counts = week.value_counts().reindex(range(WEEKS), fill_value=0)
    return float(counts.var() / counts.mean())


def test_dispersion_and_siblings_make_referrals_vary_more_than_chance() -> None:
    calm = council(3, dispersion=0.0, sibling_rate=0.0, seasonality=0.0, trend=0.0)
    usual, wild = council(3), council(3, dispersion=0.15)
    assert _dispersion(calm) < 1.7  # bank holidays remain
    assert _dispersion(calm) < _dispersion(usual) < _dispersion(wild)


def test_without_seasonality_august_is_like_any_month() -> None:
    flat = served(council(3, seasonality=0.0, trend=0.0, dispersion=0.0), "referral")
    usual = served(council(3, trend=0.0, dispersion=0.0), "referral")

    def august(frame: pd.DataFrame) -> float:
        return float((frame["date"].dt.month == 8).mean() * 12)

    assert august(flat) == pytest.approx(1, abs=0.08)
    assert august(usual) < 0.93


def test_without_lag_everything_is_recorded_on_its_day() -> None:
    demo = council(3, weeks=52, lag=0.0)
    assert (demo.events["recorded"] == demo.events["date"]).all()


def test_a_longer_lag_leaves_more_of_the_newest_week_out() -> None:
    def newest(lag: float) -> int:
        demo = council(3, weeks=52, lag=lag)
        return int((demo.events["date"] > pd.Timestamp(demo.last) - pd.Timedelta(days=7)).sum())

    assert newest(3.0) < newest(1.0) < newest(0.0)


def test_a_profile_has_usable_defaults() -> None:
    profile = Profile()
    assert profile.group_sizes.sum() == pytest.approx(1)
    assert profile.mean_group == pytest.approx(1.6, abs=0.05)
    assert sum(share for _, _, share in profile.teams) == pytest.approx(1)
    assert sum(profile.sources.values()) == pytest.approx(1, abs=0.01)
    assert sum(profile.categories.values()) == pytest.approx(1, abs=0.01)
    assert profile.locality_of("North Team 1") == "North"
