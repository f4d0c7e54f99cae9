"""What is behind a change in open plans: parts that sum to it, and slower ends told from more starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_stays import EAST, LONG, STOCK, WEST, council, panel_of, stays_of

from forecaster.baseline import baseline
from forecaster.explain.stock_flow import stock_drivers
from forecaster.types import NEVER, UNKNOWN, Driver, Panel, SeriesKey, Signal, as_date

T, SLOW = 260, 40
STAGES = {"plan_start": "starts", "plan_end": "ends"}
ENDS = SeriesKey("ends")


def signal(some: Panel, key: SeriesKey = STOCK, onset: int = T - SLOW, until: int = T - 1) -> Signal:
    """What a detector says of a stock, or of its ends, from an onset on."""
    row, now = some.row(key), slice(onset, until + 1)
    since = some.count[row, now]
    expected = baseline(some.select([row]).uncapped()).expected_since(onset, until)[0][0]
    stock = some.kinds[row] == "stock"
    total = float(since[-1] if stock else np.nansum(since))
    usual = float(expected[-1] if stock else expected[np.isfinite(since)].sum())
    return Signal(
        key=key, kind="surge", direction="up" if total > usual else "down",
        period=as_date(some.periods[until]), onset=as_date(some.periods[onset]), observed=total, expected=usual,
        lower=0.0, upper=usual, p_value=1e-4, score=4.0, total=total, total_expected=usual,
    )  # fmt: skip


def with_ends(some: Panel) -> Panel:
    """The panel with the flow of all ends."""
    assert some.stays is not None
    over = some.stays.ended[(some.stays.ended >= 0) & (some.stays.ended < NEVER)]
    ends = np.bincount(over, minlength=len(some.periods)).astype(float)
    count = np.vstack([some.count, ends])
    of = np.vstack([some.of, np.full(len(ends), np.nan)])
    return replace(some, keys=(*some.keys, ENDS), kinds=(*some.kinds, "flow"), count=count, of=of, capped=count)


def busier(seed: int, more: float = 1.0) -> Panel:
    """A council in which, of the newest SLOW periods, so many times the usual plans start besides, all in East."""
    usual, extra = council(seed), council(seed + 500, rate=5.0 * more)
    assert usual.stays is not None
    assert extra.stays is not None
    new = extra.stays.select(np.flatnonzero(extra.stays.opened >= T - SLOW))
    opened, ended = (
        np.concatenate([getattr(part, name) for part in (usual.stays, new)]) for name in ("opened", "ended")
    )
    team = np.concatenate([usual.stays.places["team"][1], np.zeros(len(new.opened), np.int64)])
    return panel_of(stays_of(opened, ended, team), T)


def whole(drivers: list[Driver]) -> list[Driver]:
    return [driver for driver in drivers if ", " not in driver.name]


def assert_sums(drivers: list[Driver], move: Signal) -> None:
    assert sum(driver.value for driver in whole(drivers)) == pytest.approx(move.total - move.total_expected, abs=1e-9)


@settings(max_examples=4)
@given(st.integers(0, 10**6), st.integers(30, T - 2), st.integers(0, 60), st.sampled_from([0.1, 1.0, 5.0]))
def test_the_parts_sum_to_the_change_of_any_stock_and_its_ends(
    seed: int, onset: int, periods: int, rate: float
) -> None:
    some = with_ends(council(seed, rate=rate))
    for key in (STOCK, LONG, ENDS):
        move = signal(some, key, onset, min(onset + periods, T - 1))
        found = stock_drivers(some, move, STAGES)
        if move.total != move.total_expected:
            assert found
            assert_sums(found, move)


@pytest.mark.parametrize("seed", range(3))
def test_slower_ends_are_told_from_more_starts(seed: int) -> None:
    some = council(seed, slower=(SLOW, 1))
    found = stock_drivers(some, signal(some), STAGES)
    assert found[0].name == "plan_end"
    assert found[0].share > 0.6
    teams = [driver.name for driver in found if "team=" in driver.name]
    assert teams[0] == "plan_end, team=West"
    assert "plan_end, team=East" not in teams


@pytest.mark.parametrize("seed", range(3))
def test_more_starts_are_told_from_slower_ends(seed: int) -> None:
    some = busier(seed)
    found = stock_drivers(some, signal(some), STAGES)
    assert found[0].name == "plan_start"
    assert found[0].share > 0.6
    teams = [driver.name for driver in found if "team=" in driver.name]
    assert teams[0] == "plan_start, team=East"
    assert not any(name.startswith("plan_end") for name in teams)


@pytest.mark.parametrize("seed", range(3))
def test_fewer_ends_are_fewer_due_or_a_slower_pace(seed: int) -> None:
    slow = with_ends(council(seed, slower=(SLOW, 1)))
    move = signal(slow, ENDS)
    found = stock_drivers(slow, move, STAGES)
    assert {driver.name for driver in whole(found)} == {"plan_end", "time_on_plan"}
    assert (found[0].name, move.direction) == ("plan_end", "down")
    assert found[0].value < 0 < found[0].share


def test_ends_that_come_because_many_plans_are_due_are_not_a_quicker_pace() -> None:
    """Twice as many plans started a year ago; their ends now are no change of practice."""
    some = with_ends(busier(4, more=2.0))
    move = signal(some, ENDS, onset=T - 10)
    found = stock_drivers(some, move, STAGES)
    assert move.direction == "up"
    assert found[0].name == "time_on_plan"
    assert found[0].share > 0.6


def test_plans_that_always_end_at_a_review_are_due_then_and_not_before() -> None:
    """Every plan lasts 20 weeks. Twice as many start; none of those is late before its 20 weeks are over."""
    weeks = np.arange(-60, T)
    opened = np.repeat(weeks, np.where(weeks >= T - 30, 4, 2))
    ended = np.where(opened + 20 < T, opened + 20, NEVER)
    seen = ended >= 0
    some = panel_of(stays_of(opened[seen], ended[seen]), T)
    early = {driver.name: driver for driver in stock_drivers(some, signal(some, onset=T - 30, until=T - 20), STAGES)}
    assert early["plan_start"].value == pytest.approx(22, abs=3)
    assert early["plan_end"].value == pytest.approx(0, abs=5)
    assert early["plan_start"].observed == 44


def test_long_plans_rise_because_they_end_later_or_because_more_come_near() -> None:
    some = council(8, rate=12.0, slower=(SLOW, 0))
    move = signal(some, LONG)
    found = stock_drivers(some, move, STAGES)
    assert found[0].name == "plan_end"
    assert {driver.name for driver in whole(found)} == {"plan_end", "time_on_plan", "rest"}
    assert_sums(found, move)


def test_a_team_s_own_stock_is_explained_by_its_own_plans() -> None:
    some = council(7, slower=(SLOW, 1))
    found = stock_drivers(some, signal(some, WEST), STAGES)
    assert found[0].name == "plan_end"
    assert found == whole(found)
    assert stock_drivers(some, signal(some, EAST), STAGES)[0].name != "plan_end"


def test_a_quiet_council_s_slices_are_seldom_named() -> None:
    named, asked = 0, 0
    for seed in range(4):
        some = council(seed + 50)
        for onset in (180, 220):
            found = stock_drivers(some, signal(some, onset=onset, until=onset + 12), STAGES)
            named += len(found) - len(whole(found))
            asked += 6
    assert named <= 0.12 * asked


def test_the_future_does_not_change_what_is_said() -> None:
    some = council(8, slower=(SLOW, 1))
    move = signal(some, onset=T - SLOW, until=T - 15)
    later, then = (stock_drivers(one, move, STAGES) for one in (some, some.until(T - 14)))
    assert [driver.name for driver in whole(later)] == [driver.name for driver in whole(then)]
    assert [driver.value for driver in whole(later)] == pytest.approx([d.value for d in whole(then)], abs=6)


def test_parts_are_called_by_the_events_behind_their_flows() -> None:
    some = council(9, slower=(SLOW, 1))
    plain = stock_drivers(some, signal(some), {})
    assert {driver.name for driver in whole(plain)} == {"starts", "ends", "time_on_plan", "rest"}


def test_stays_whose_opening_is_not_known_leave_the_sum_exact() -> None:
    some = with_ends(council(13, slower=(SLOW, 1)))
    assert some.stays is not None
    old = some.stays.opened < 0
    stays = replace(some.stays, opened=np.where(old, UNKNOWN, some.stays.opened))
    move = signal(some)
    found = stock_drivers(replace(some, stays=stays), move, STAGES)
    assert found[0].name == "plan_end"
    assert_sums(found, move)


def test_the_order_of_the_stays_does_not_matter() -> None:
    some = council(14, slower=(SLOW, 0))
    assert some.stays is not None
    turned = replace(some, stays=some.stays.select(np.arange(len(some.stays.opened))[::-1]))
    one, other = (stock_drivers(each, signal(each), STAGES) for each in (some, turned))
    assert [(d.name, d.observed) for d in one] == [(d.name, d.observed) for d in other]
    assert [d.value for d in one] == pytest.approx([d.value for d in other])


def test_a_week_of_ends_that_is_missing_is_neither_due_nor_ended() -> None:
    some = with_ends(council(15, slower=(SLOW, 1)))
    full = {driver.name: driver.value for driver in stock_drivers(some, signal(some, ENDS), STAGES)}
    missing = some.count.copy()
    missing[some.row(ENDS), T - 20 : T - 10] = np.nan
    gap = replace(some, count=missing, capped=missing)
    move = signal(gap, ENDS)
    found = stock_drivers(gap, move, STAGES)
    assert_sums(found, move)
    assert found[0].name == "plan_end"
    assert abs(found[0].value) < 0.95 * abs(full["plan_end"])


def test_a_rise_by_starts_and_a_fall_by_ends_are_seen_in_the_signal_s_own_direction() -> None:
    """Fewer on a plan than expected because fewer start: the part that fell comes first, its share above zero."""
    some = council(16)
    assert some.stays is not None
    late = (some.stays.opened >= T - SLOW) & (np.arange(len(some.stays.opened)) % 2 == 0)
    fewer = panel_of(some.stays.select(np.flatnonzero(~late)), T)
    move = signal(fewer)
    found = stock_drivers(fewer, move, STAGES)
    assert (move.direction, found[0].name) == ("down", "plan_start")
    assert found[0].value < 0 < found[0].share


def test_the_rest_is_told_last_of_what_moved_with_the_signal() -> None:
    """A level that stood high at the onset already is the rest: no start and no end made it."""
    some = council(17, slower=(SLOW, 1))
    move = signal(some)
    lower = replace(move, total_expected=move.total_expected - 200)
    found = stock_drivers(some, lower, STAGES)
    assert {driver.name: driver.value for driver in found}["rest"] == pytest.approx(200)
    assert found[0].name == "plan_end"
    assert_sums(found, lower)


def test_months_are_explained_as_weeks_are() -> None:
    some = council(11, length=96, slower=(20, 0), step="month")
    move = signal(some, onset=76, until=95)
    found = stock_drivers(some, move, STAGES)
    assert found[0].name == "plan_end"
    assert_sums(found, move)


def test_a_history_too_short_to_know_hazards_from_explains_nothing() -> None:
    some = council(12)
    assert stock_drivers(some, signal(some, onset=20, until=40), STAGES) == []


def test_what_has_no_stays_is_not_explained_by_them() -> None:
    some = council(10)
    move = signal(some)
    assert stock_drivers(replace(some, stays=None), move, STAGES) == []
    assert stock_drivers(some, replace(move, kind="neighbours"), STAGES) == []
    assert stock_drivers(some, replace(move, key=SeriesKey("referrals")), STAGES) == []
