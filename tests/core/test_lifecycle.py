from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from lifecycle_cases import (
    DRIVERS,
    MONDAY,
    NORTH,
    RULES,
    SIGNAL,
    WEEK,
    after,
    finding,
    in_state,
    now,
    opened,
    week,
)

from forecaster.lifecycle import Finding, Rules, alert_id, join, step, wake
from forecaster.types import Alert, SeriesKey, State, Transition
from tests.core.by_hand import acknowledge, snooze

STRONGER = {"p_value": 1e-9}
FINDINGS: dict[str, Finding | None] = {
    "none": None,
    "weak": finding(5, strong=False, p_value=0.01),
    "same": finding(5),
    "stronger": finding(5, **STRONGER),
    "worse": finding(5, severity="high"),
    "weak worse": finding(5, strong=False, severity="high"),
}


@pytest.mark.parametrize(
    ("state", "found", "then", "reason"),
    [
        ("opened", "none", "opened", None),
        ("opened", "weak", "opened", None),
        ("opened", "same", "opened", None),
        ("opened", "stronger", "updated", "the evidence has grown"),
        ("opened", "worse", "updated", "severity rose from medium to high"),
        ("opened", "weak worse", "opened", None),
        ("updated", "none", "updated", None),
        ("updated", "same", "updated", None),
        ("updated", "stronger", "updated", "the evidence has grown"),
        ("updated", "worse", "updated", "severity rose from medium to high"),
        ("acknowledged", "none", "acknowledged", None),
        ("acknowledged", "same", "acknowledged", None),
        ("acknowledged", "stronger", "acknowledged", None),
        ("acknowledged", "worse", "updated", "severity rose from medium to high"),
        ("acknowledged", "weak worse", "acknowledged", None),
        ("snoozed", "none", "snoozed", None),
        ("snoozed", "same", "snoozed", None),
        ("snoozed", "stronger", "snoozed", None),
        ("snoozed", "worse", "updated", "severity rose from medium to high"),
        ("resolved", "none", "resolved", None),
        ("resolved", "weak", "resolved", None),
        ("resolved", "same", "updated", "came back soon after it was resolved"),
        ("resolved", "worse", "updated", "came back soon after it was resolved"),
    ],
)
def test_every_state_meets_every_finding(state: State, found: str, then: State, reason: str | None) -> None:
    alert, transition = after(in_state(state), 5, FINDINGS[found])
    assert alert.state == then
    assert (transition.reason if transition else None) == reason
    if transition:
        assert (transition.was, transition.now, transition.alert_id) == (state, then, alert.id)
        assert transition.at == now(5)
        assert transition.actor == "forecaster"


def test_no_alert_and_no_signal_is_nothing() -> None:
    assert step(None, None, week(0), now(0), RULES) == (None, None)


def test_weak_evidence_opens_nothing() -> None:
    assert step(None, finding(0, strong=False), week(0), now(0), RULES) == (None, None)


def test_strong_evidence_opens_an_alert_with_its_figures() -> None:
    alert, transition = step(None, finding(0), week(0), now(0), RULES)
    assert alert == Alert(
        id="plan-starts-up-2018-w02", kind="surge", measure="plan_starts", slice=(), direction="up",
        severity="medium", state="opened", opened=MONDAY, onset=MONDAY - 2 * WEEK, updated=MONDAY, observed=17.0,
        expected=6.0, lower=2.0, upper=12.0, p_value=1e-4, total=40.0, total_expected=18.0, drivers=DRIVERS,
        worst_p=1e-4, seen=MONDAY, told=(MONDAY,), told_of=(((), MONDAY - 2 * WEEK),), spoke=now(0), told_excess=22.0,
    )  # fmt: skip
    assert transition == Transition(
        "plan-starts-up-2018-w02/2018-01-08/opened", alert.id, now(0), None, "opened",
        "evidence p = 0.0001, over the line",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "plan-starts-up-2018-w02"),
        ({"kind": "drift"}, "drift-plan-starts-up-2018-w02"),
        ({"direction": "down"}, "plan-starts-down-2018-w02"),
        ({"key": SeriesKey("referrals", NORTH)}, "referrals-up-north-2018-w02"),
        ({"key": SeriesKey("referrals", (("team", "Team 2 / East"),))}, "referrals-up-team-2-east-2018-w02"),
        ({"period": dt.date(2018, 12, 31)}, "plan-starts-up-2019-w01"),  # the ISO year, not the calendar's
    ],
)
def test_the_name_of_an_alert_can_be_read(changes: dict[str, object], expected: str) -> None:
    assert alert_id(replace(SIGNAL, **changes)) == expected  # type: ignore[arg-type]


def test_between_messages_the_figures_are_kept_fresh_in_silence() -> None:
    fresh = finding(1, observed=22.0, total=62.0, p_value=1e-5, onset=MONDAY)
    alert, transition = after(opened(), 1, fresh)
    assert transition is None
    assert (alert.observed, alert.total, alert.p_value, alert.onset) == (22.0, 62.0, 1e-5, MONDAY)
    assert (alert.updated, alert.worst_p, alert.told) == (MONDAY, 1e-4, (MONDAY,))


def test_growing_evidence_is_told_only_after_some_rest() -> None:
    alert = opened()
    for number in (1, 2):
        alert, transition = after(alert, number, finding(number, **STRONGER))
        assert transition is None
    alert, transition = after(alert, 3, finding(3, **STRONGER))
    assert transition is not None
    assert transition.reason == "the evidence has grown"
    assert (alert.updated, alert.worst_p, alert.told) == (week(3), 1e-9, (week(0), week(3)))


def test_evidence_must_grow_a_hundredfold_over_what_was_told() -> None:
    assert after(opened(), 5, finding(5, p_value=1.1e-6))[1] is None
    assert after(opened(), 5, finding(5, p_value=0.9e-6))[1] is not None
    told, _ = after(opened(), 5, finding(5, p_value=1e-9))
    assert after(told, 9, finding(9, p_value=1e-10))[1] is None


def test_a_worse_severity_does_not_wait() -> None:
    alert, transition = after(opened(), 1, finding(1, severity="high"))
    assert transition is not None
    assert alert.severity == "high"
    assert after(alert, 2, finding(2, severity="medium"))[1] is None  # a milder one is no news


def test_a_slice_s_alert_that_reaches_the_council_says_so() -> None:
    alert = opened(key=SeriesKey("plan_starts", NORTH))
    after_it, transition = after(alert, 1, finding(1))
    assert transition is not None
    assert transition.reason == "now seen in the whole council"
    assert after_it.slice == ()
    assert after_it.id == alert.id == "plan-starts-up-north-2018-w02"


def test_of_several_councils_each_is_a_whole_one() -> None:
    shire = (("council", "Shire"),)
    alert = opened(key=SeriesKey("plan_starts", (*shire, *NORTH)))
    after_it, transition = after(alert, 1, finding(1, key=SeriesKey("plan_starts", shire)))
    assert transition is not None
    assert transition.reason == "now seen in the whole council"
    assert after(after_it, 2, finding(2, key=SeriesKey("plan_starts", shire)))[1] is None


def test_it_is_resolved_after_enough_calm_periods_in_a_row() -> None:
    alert = opened()
    for number in (1, 2, 3):
        alert, transition = after(alert, number, None)
        assert transition is None
        assert alert.calm == number
    alert, transition = after(alert, 4, None)
    assert transition is not None
    assert transition.reason == "four weeks in a row as expected"
    assert (alert.state, alert.resolved, alert.updated, alert.told) == (
        "resolved",
        week(4),
        week(4),
        (week(0), week(4)),
    )


def test_weak_evidence_starts_the_calm_anew() -> None:
    alert = opened()
    for number, found in enumerate([None, None, None, FINDINGS["weak"], None, None, None], start=1):
        alert, transition = after(alert, number, found)
        assert transition is None
    assert after(alert, 8, None)[0].state == "resolved"


@pytest.mark.parametrize("state", ["opened", "updated", "acknowledged", "snoozed"])
def test_every_open_alert_can_be_resolved(state: State) -> None:
    alert = in_state(state)
    for number in range(5, 9):
        alert, transition = after(alert, number, None)
    assert alert.state == "resolved"
    assert transition is not None
    assert transition.was == state


def test_the_same_alert_comes_back_when_the_move_returns_soon() -> None:
    alert = in_state("resolved")
    back, transition = after(alert, 8, finding(8))
    assert transition is not None
    assert back.id == alert.id
    assert (back.state, back.resolved, back.opened, back.calm) == ("updated", None, MONDAY, 0)
    assert back.told == (*alert.told, week(8))


def test_a_new_alert_opens_when_the_move_returns_late() -> None:
    alert = in_state("resolved")
    for number in range(5, 9):
        alert, _ = after(alert, number, None)
    new, transition = after(alert, 9, finding(9))
    assert transition is not None
    assert transition.now == "opened"
    assert new.id == "plan-starts-up-2018-w11" != alert.id
    assert new.opened == week(9)


def test_a_weak_return_brings_nothing_back() -> None:
    alert, transition = after(in_state("resolved"), 6, finding(6, strong=False))
    assert transition is None
    assert alert.state == "resolved"
    assert after(alert, 12, finding(12, strong=False)) == (alert, None)


def test_a_run_repeated_changes_nothing() -> None:
    for found in (None, finding(1), finding(1, severity="high"), finding(1, **STRONGER)):
        once, _ = after(opened(), 1, found)
        assert after(once, 1, found) == (once, None)
        assert after(once, 1, finding(1, severity="high")) == (once, None)
        assert after(once, 0, None) == (once, None)  # an older period is no news either


def test_a_person_acknowledges_an_alert() -> None:
    alert, transition = acknowledge(opened(), week(1), now(1), "Ann", "North team is looking into it")
    assert alert is not None
    assert transition is not None
    assert alert.state == "acknowledged"
    assert (transition.was, transition.now, transition.actor) == ("opened", "acknowledged", "Ann")
    assert transition.reason == "North team is looking into it"


def test_a_snoozed_alert_is_silent_until_its_day() -> None:
    alert = snooze(opened(), week(6), week(1), now(1), "Ann", "half term")[0]
    assert alert is not None
    for number in range(2, 5):
        alert, transition = after(alert, number, finding(number, **STRONGER))
        assert transition is None
    alert, transition = after(alert, 5, finding(5, **STRONGER))  # the run of that very day
    assert transition is not None
    assert transition.at.date() == week(6)
    assert transition.reason == "still there after the snooze"
    assert (alert.state, alert.snoozed_until) == ("updated", None)


@pytest.mark.parametrize(("until", "ends"), [("2018-02-05", "2018-02-05T00:00"), ("2018-07-02", "2018-07-01T23:00")])
def test_a_snooze_ends_at_midnight_in_london_and_somebody_may_hold_it_anew(until: str, ends: str) -> None:
    moment = dt.datetime.fromisoformat(f"{ends}+00:00")
    alert = replace(in_state("snoozed"), snoozed_until=dt.date.fromisoformat(until), escalated=1)
    assert wake(alert, moment - dt.timedelta(microseconds=1)) == (alert, None)
    awake, transition = wake(alert, moment)
    assert awake == replace(alert, state="updated", held_by="", escalated=0)
    assert transition == Transition(
        f"{alert.id}/{until}/awake", alert.id, moment, "snoozed", "updated", "the snooze is over"
    )
    assert wake(awake, moment) == (awake, None)


def test_a_snooze_that_ends_in_silence_is_remembered_until_the_evidence_is_strong_again() -> None:
    alert = in_state("snoozed")  # until week 8
    for number in range(2, 30):
        alert, transition = after(alert, number, finding(number, strong=False, p_value=0.01))
        assert transition is None
        alert, transition = wake(alert, now(number))
        assert (transition is not None) == (number == 7)  # which is judged in week 8
    assert (alert.state, alert.held_by) == ("updated", "")
    alert, transition = after(alert, 30, finding(30))
    assert transition is not None
    assert (transition.was, transition.reason) == ("updated", "still there after the snooze")
    assert after(alert, 31, finding(31))[1] is None  # and that is said once


@pytest.mark.parametrize("state", ["opened", "updated", "acknowledged", "resolved"])
def test_only_a_snooze_ends(state: State) -> None:
    alert = replace(in_state(state), snoozed_until=week(1))
    assert wake(alert, now(9)) == (alert, None)


def test_a_snoozed_alert_that_gets_worse_speaks_up() -> None:
    alert, transition = after(in_state("snoozed"), 2, finding(2, severity="high"))
    assert transition is not None
    assert (alert.state, alert.snoozed_until) == ("updated", None)
    assert (transition.was, transition.reason) == ("snoozed", "severity rose from medium to high")


def test_a_snooze_says_until_when() -> None:
    alert, transition = snooze(opened(), week(6), week(1), now(1), "Ann", "half term")
    assert alert is not None
    assert transition is not None
    assert alert.snoozed_until == week(6)
    assert transition.reason == "half term (until 2018-02-19)"


def test_acknowledging_ends_a_snooze() -> None:
    alert, _ = acknowledge(in_state("snoozed"), week(2), now(2), "Ann", "seen")
    assert alert is not None
    assert (alert.state, alert.snoozed_until) == ("acknowledged", None)


@pytest.mark.parametrize("until", [week(0), week(1)])
def test_a_snooze_into_the_past_is_refused(until: dt.date) -> None:
    with pytest.raises(ValueError, match=f"{until} has passed: give a date after {week(1)}"):
        snooze(opened(), until, week(1), now(1), "Ann", "")


def test_an_alert_that_is_over_cannot_be_changed_by_hand() -> None:
    over = in_state("resolved")
    with pytest.raises(ValueError, match=f"was resolved on {week(4)}: nothing to change"):
        acknowledge(over, week(5), now(5), "Ann", "")
    with pytest.raises(ValueError, match="nothing to change"):
        snooze(over, week(9), week(5), now(5), "Ann", "")


def test_two_people_can_act_in_one_week_and_each_is_recorded() -> None:
    first = acknowledge(opened(), week(1), now(1), "Ann", "seen")[1]
    second = acknowledge(opened(), week(1), now(1) + dt.timedelta(seconds=1), "Bob", "seen too")[1]
    assert first is not None
    assert second is not None
    assert first.id != second.id


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (Rules(calm_periods=1), "one week as expected"),
        (Rules(calm_periods=3), "three weeks in a row as expected"),
        (Rules(calm_periods=4, period_days=31), "four months in a row as expected"),
        (Rules(calm_periods=13), "13 weeks in a row as expected"),
    ],
)
def test_the_calm_that_ends_an_alert_is_said_in_its_periods(rules: Rules, reason: str) -> None:
    alert, transition = opened(), None
    for number in range(1, rules.calm_periods + 1):
        assert transition is None
        stepped, transition = step(alert, None, week(number), now(number), rules)
        assert stepped is not None
        alert = stepped
    assert alert.state == "resolved"
    assert transition is not None
    assert transition.reason == reason


# What is said, and what of it is remembered


def test_an_alert_remembers_when_it_spoke_and_what_excess_it_told() -> None:
    alert = opened()
    assert (alert.spoke, alert.told_excess) == (now(0), 22.0)
    alert, transition = after(alert, 1, finding(1, total=60.0))
    assert transition is None
    assert (alert.spoke, alert.told_excess, alert.excess) == (now(0), 22.0, 42.0)  # refreshed in silence
    alert, _ = after(alert, 2, finding(2, total=60.0, severity="high"))
    assert (alert.spoke, alert.told_excess) == (now(2), 42.0)
    alert, _ = after(alert, 3, finding(3, total=65.0))
    for number in range(4, 8):
        alert, _ = after(alert, number, None)
    assert (alert.state, alert.spoke, alert.told_excess) == ("resolved", now(7), 47.0)


WORSE = "it has worsened by more than half since it was last told"


@pytest.mark.parametrize("state", ["acknowledged", "snoozed"])
@pytest.mark.parametrize(
    ("number", "total", "speaks"),
    [
        (1, 18 + 22 + 12, True),  # 22 in the three weeks before, 12 in the next
        (1, 18 + 22 + 11, False),  # by half, but not by more
        (2, 18 + 22 + 23, True),
        (2, 18 + 22 + 21, False),  # nearly twice as many, but at the same pace as before
        (4, 18 + 22 + 29, False),  # the same pace for a month
    ],
)
def test_a_held_alert_speaks_again_when_it_worsens(state: State, number: int, total: float, speaks: bool) -> None:
    alert, transition = after(in_state(state), number, finding(number, total=float(total)))
    assert (transition.reason if transition else None) == (WORSE if speaks else None)
    assert (alert.state, alert.held_by) == (("updated", "") if speaks else (state, "Ann"))


def test_worsening_takes_six_more_children_and_strong_evidence() -> None:
    small = acknowledge(opened(total=24.0), week(1), now(1), "Ann", "seen")[0]
    assert small is not None
    assert after(small, 1, finding(1, total=29.0))[1] is None  # five more than the six there were
    assert after(small, 1, finding(1, total=30.0))[1] is not None
    assert after(small, 1, finding(1, total=60.0, strong=False, p_value=0.01))[1] is None


def test_worsening_is_seen_in_falls_as_well() -> None:
    fall = acknowledge(opened(direction="down", total=18.0, total_expected=40.0), week(1), now(1), "Ann", "seen")[0]
    assert fall is not None
    deeper = {"direction": "down", "total": 20.0}
    assert after(fall, 1, finding(1, **deeper, total_expected=55.0))[1] is not None
    assert after(fall, 1, finding(1, **deeper, total_expected=45.0))[1] is None
    assert after(fall, 1, finding(1, **deeper, total_expected=10.0))[1] is None  # it has turned


def test_the_level_of_a_stock_worsens_at_any_pace() -> None:
    alert = in_state("acknowledged")
    higher = replace(finding(4, total=18.0 + 22.0 + 12.0), level=True)
    assert after(alert, 4, replace(higher, level=False))[1] is None
    assert after(alert, 4, higher)[1] is not None
    assert after(alert, 4, replace(finding(4, total=18.0 + 22.0 + 11.0), level=True))[1] is None  # by no more than half


def test_worsening_is_told_once_for_each_half() -> None:
    alert, transition = after(in_state("acknowledged"), 1, finding(1, total=60.0))
    assert transition is not None
    again = acknowledge(alert, week(2), now(2), "Ann", "seen")[0]
    assert again is not None
    assert after(again, 2, finding(2, total=61.0))[1] is None


def test_an_alert_that_told_no_excess_waits_for_its_severity() -> None:
    old = replace(in_state("acknowledged"), told_excess=0.0, spoke=None)
    assert after(old, 1, finding(1, total=200.0))[1] is None
    assert after(old, 1, finding(1, severity="high"))[1] is not None


def test_an_alert_joins_a_story_but_not_its_own() -> None:
    alert = opened()
    assert join(alert, "referrals-up-2017-w44").story == "referrals-up-2017-w44"
    assert join(alert, alert.id).story == ""


def test_figures_that_no_message_told_are_not_taken_for_told() -> None:
    """A silent week brings newer figures; calm ones, and the end, leave those that were told."""
    told = replace(opened(), observed_told=17.0, excess_told=True)
    silent, transition = after(told, 1, finding(1, strong=False))
    assert transition is None and (silent.observed_told, silent.excess_told) == (None, False)
    ending = told
    for number in range(1, 5):
        ending, transition = after(ending, number, None)
    assert (ending.state, ending.observed_told, ending.observed) == ("resolved", 17.0, told.observed)
