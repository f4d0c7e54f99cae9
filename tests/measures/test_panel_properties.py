"""What holds for the panel of any council: checked on random events, and against slow and obvious ways to count."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from event_frames import FIRST, MEASURES, event, event_rows, flow, frame, parsed, share, stock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.calendar import period_end, period_start
from forecaster.measures import NOT_RECORDED, build_panel
from forecaster.types import Panel, SeriesKey, Step, as_date

LAST = FIRST + dt.timedelta(weeks=110)
SIMPLE = parsed(
    starts=flow("plan_start"),
    open=stock(),
    long=stock(open_at_least_days=100),
    repeats=share("referral", {"preceded_by": "referral", "within_days": 200}),
    leads=share(
        "section_47",
        {"column": "outcome", "one_of": ["conference"], "known_after_days": 14},
        {"followed_by": "conference", "within_days": 30},
    ),
)
thorough = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def panel_of(rows: list[dict[str, Any]], **options: Any) -> Panel:
    return build_panel(frame(rows), SIMPLE, **{"last": LAST, "min_slice_total": 0, "first": FIRST, **options})


def slices_of(panel: Panel, measure: str, dimension: str) -> list[int]:
    return [i for i, key in enumerate(panel.keys) if key.measure == measure and dimension in dict(key.slice)]


def equal(one: Panel, other: Panel) -> None:
    assert (one.keys, one.kinds, one.step) == (other.keys, other.kinds, other.step)
    np.testing.assert_array_equal(one.periods, other.periods)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])


@thorough
@given(event_rows())
def test_the_slices_of_a_breakdown_add_up_to_the_council(rows: list[dict[str, Any]]) -> None:
    panel = panel_of(rows)
    for measure in SIMPLE:
        whole = panel.row(SeriesKey(measure))
        for dimension in ("team", "age_band"):
            own = slices_of(panel, measure, dimension)
            if own:
                np.testing.assert_array_equal(panel.count[own].sum(axis=0), panel.count[whole])
                np.testing.assert_array_equal(panel.of[own].sum(axis=0), panel.of[whole])
            if own and panel.kinds[whole] == "flow":
                np.testing.assert_allclose(panel.capped[own].sum(axis=0), panel.capped[whole], atol=1e-3)


@thorough
@given(event_rows(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    equal(panel_of(rows), panel_of(shuffled))


@thorough
@given(event_rows(), event_rows(days=200))
def test_what_happens_after_the_last_period_changes_nothing(
    rows: list[dict[str, Any]], later: list[dict[str, Any]]
) -> None:
    after = [{**row, "date": row["date"] + dt.timedelta(weeks=111)} for row in later]
    known = [row for row in rows if row["date"] <= period_end(LAST, "week")]
    equal(panel_of(known), panel_of([*known, *after]))


@thorough
@given(event_rows(), st.integers(0, 100))
def test_a_flow_as_it_was_known_is_the_beginning_of_the_flow_as_it_is_known(
    rows: list[dict[str, Any]], weeks_before: int
) -> None:
    then = panel_of(rows, last=LAST - dt.timedelta(weeks=weeks_before))
    now = panel_of(rows)
    starts, width = SeriesKey("starts"), len(then.periods)
    np.testing.assert_array_equal(
        np.nan_to_num(then.count[then.row(starts)]), np.nan_to_num(now.count[now.row(starts)][:width])
    )


@thorough
@given(event_rows())
def test_counts_of_shares_lie_between_nothing_and_all(rows: list[dict[str, Any]]) -> None:
    panel = panel_of(rows)
    shares = panel.select(i for i, kind in enumerate(panel.kinds) if kind == "share")
    seen = np.isfinite(shares.count)
    assert (seen == np.isfinite(shares.of)).all() and (seen == np.isfinite(shares.capped)).all()
    for array in (shares.count, shares.capped):
        assert (array[seen] >= 0).all() and (array[seen] <= shares.of[seen] + 1e-9).all()


@thorough
@given(event_rows())
def test_capped_is_at_most_the_count(rows: list[dict[str, Any]]) -> None:
    panel = panel_of(rows)
    counts = panel.select(i for i, kind in enumerate(panel.kinds) if kind != "share")
    assert not (counts.capped > counts.count).any()


@thorough
@given(event_rows(), st.booleans())
def test_where_every_child_is_a_family_of_its_own_families_change_nothing(
    rows: list[dict[str, Any]], named: bool
) -> None:
    """A child may have several events in a period, so each event is of a family of its own; or of none known."""
    single = panel_of([{**row, "family": f"f{n}" if named else None} for n, row in enumerate(rows)])
    np.testing.assert_allclose(single.capped, single.count, atol=1e-8)
    flows = single.select(i for i, kind in enumerate(single.kinds) if kind == "flow")
    assert flows.families is not None and flows.largest is not None
    if named:
        np.testing.assert_array_equal(flows.families, flows.count)
        np.testing.assert_array_equal(flows.largest, np.minimum(flows.count, 1))


@thorough
@given(event_rows())
def test_one_family_is_never_more_than_one(rows: list[dict[str, Any]]) -> None:
    panel = panel_of([{**row, "family": "f"} for row in rows])
    row = panel.row(SeriesKey("starts"))
    assert panel.families is not None and panel.largest is not None
    np.testing.assert_allclose(panel.capped[row], np.minimum(panel.count[row], 1))
    np.testing.assert_array_equal(panel.families[row], np.minimum(panel.count[row], 1))
    np.testing.assert_array_equal(panel.largest[row], panel.count[row])


def families_by_hand(rows: list[dict[str, Any]], key: SeriesKey, period: dt.date) -> list[str]:
    """The family of every plan start in a slice and week."""
    starts = [row for row in rows if row["event"] == "plan_start" and period_start(row["date"], "week") == period]
    return [row["family"] for row in starts if all((row[name] or NOT_RECORDED) == value for name, value in key.slice)]


@thorough
@given(event_rows())
def test_families_agree_with_a_count_by_hand(rows: list[dict[str, Any]]) -> None:
    named = [{**row, "family": row["family"] or f"of {n}"} for n, row in enumerate(rows)]
    panel = panel_of(named)
    starts = panel.select(i for i, key in enumerate(panel.keys) if key.measure == "starts")
    assert starts.families is not None and starts.largest is not None
    for row, column in np.argwhere(np.isfinite(starts.count)):
        own = families_by_hand(named, starts.keys[row], as_date(starts.periods[column]))
        assert starts.families[row, column] == len(set(own))
        assert starts.largest[row, column] == max(map(own.count, own), default=0)


@thorough
@given(event_rows(days=700))
def test_weeks_and_months_hold_the_same_events(rows: list[dict[str, Any]]) -> None:
    starts = sum(row["event"] == "plan_start" for row in rows)
    for step in ("week", "month"):
        panel = panel_of(rows, step=step)
        assert np.nansum(panel.count[panel.row(SeriesKey("starts"))]) == starts


PLANS = ("plan_end", "plan_start")


def of_child(rows: list[dict[str, Any]], child: str) -> list[dict[str, Any]]:
    return sorted((row for row in rows if row["child"] == child), key=lambda row: row["date"])


def one_plan_event_a_day(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The plan events of each child in order of their days, all from one extract."""
    plans = {(row["child"], row["date"]): {**row, "extract": 0} for row in rows if row["event"] in PLANS}
    return {child: of_child(list(plans.values()), child) for child, _ in plans}


def level_at_ends(panel: Panel, name: str) -> list[tuple[dt.date, float]]:
    levels = panel.count[panel.row(SeriesKey(name))]
    ends = [period_end(as_date(period), "week") for period in panel.periods]
    return [(end, level) for end, level in zip(ends, levels, strict=True) if np.isfinite(level)]


@thorough
@given(event_rows(days=700), st.sampled_from(PLANS))
def test_a_stock_is_what_was_open_plus_starts_minus_ends(rows: list[dict[str, Any]], first: str) -> None:
    """Starts and ends alternate for each child; who ends first was open before."""
    children = one_plan_event_a_day(rows)
    second = PLANS[1 - PLANS.index(first)]
    walk = [{**row, "event": (first, second)[i % 2]} for own in children.values() for i, row in enumerate(own)]
    before = len(children) if first == "plan_end" else 0
    for end, level in level_at_ends(panel_of(walk), "open"):
        happened = [row["event"] for row in walk if row["date"] <= end]
        assert level == before + happened.count("plan_start") - happened.count("plan_end")


def open_days(rows: list[dict[str, Any]]) -> list[tuple[dt.date, dt.date]]:
    """The spells of one child, one event at a time."""
    spells: list[tuple[dt.date, dt.date]] = []
    since: dt.date | None = None
    for i, row in enumerate(rows):
        if row["event"] == "plan_start":
            since = since or row["date"]
        elif since or i == 0:
            spells.append((since or dt.date.min, row["date"]))
            since = None
    return [*spells, (since, dt.date.max)] if since else spells


@thorough
@given(event_rows(days=700))
def test_stocks_agree_with_a_walk_through_each_childs_days(rows: list[dict[str, Any]]) -> None:
    children = one_plan_event_a_day(rows)
    spells = [spell for own in children.values() for spell in open_days(own)]
    panel = panel_of([row for own in children.values() for row in own])
    for name, lasted in (("open", dt.timedelta(0)), ("long", dt.timedelta(days=100))):
        for end, level in level_at_ends(panel, name):
            assert level == sum(start <= end - lasted and stop > end for start, stop in spells)


@thorough
@given(event_rows())
def test_look_backs_agree_with_a_search_through_all_pairs(rows: list[dict[str, Any]]) -> None:
    referrals = [row for row in rows if row["event"] == "referral"]
    panel = panel_of(rows)
    row = panel.row(SeriesKey("repeats"))
    for i, period in enumerate(panel.periods):
        own = [r for r in referrals if period_start(r["date"], "week") == as_date(period)]
        again = sum(
            any(o["child"] == r["child"] and 0 < (r["date"] - o["date"]).days <= 200 for o in referrals) for r in own
        )
        if np.isfinite(panel.count[row, i]):
            assert (panel.count[row, i], panel.of[row, i]) == (again, len(own))


@thorough
@given(event_rows(), st.sampled_from(["week", "month"]))
def test_the_measures_that_come_with_the_service_count_any_council(rows: list[dict[str, Any]], step: Step) -> None:
    panel = build_panel(frame(rows), MEASURES, last=LAST, step=step)
    assert {key.measure for key in panel.keys} == set(MEASURES)
    assert panel.count.shape == panel.of.shape == panel.capped.shape == (len(panel.keys), len(panel.periods))
    assert len(set(panel.keys)) == len(panel.keys) == len(panel.kinds)
    assert as_date(panel.periods[-1]) == period_start(LAST, step)


@thorough
@given(event_rows())
def test_more_breakdowns_leave_the_councils_figures_alone(rows: list[dict[str, Any]]) -> None:
    bare = {name: measure.model_copy(update={"breakdowns": ()}) for name, measure in SIMPLE.items()}
    panel = panel_of(rows)
    councils = panel.select(i for i, key in enumerate(panel.keys) if key.is_council)
    equal(councils, build_panel(frame(rows), bare, last=LAST, first=FIRST))


def test_a_measure_counts_the_same_beside_others_and_alone() -> None:
    rows = [
        event("a", "referral", FIRST),
        event("a", "referral", FIRST + dt.timedelta(weeks=20)),
        event("b", "contact", FIRST),
    ]
    together = panel_of(rows)
    for name in SIMPLE:
        alone = build_panel(frame(rows), {name: SIMPLE[name]}, last=LAST, first=FIRST)
        np.testing.assert_array_equal(alone.count[0], together.count[together.row(SeriesKey(name))])
