"""What people do about an alert, and what happens when they do nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifecycle_cases import after, finding, in_state, now, opened, week

from forecaster.calendar import DAY, is_working_day, to_utc
from forecaster.lifecycle import ACTIVE, act, escalate, unanswered, wake
from forecaster.messages import Act, Answer
from forecaster.types import Alert, Change, State, Transition

DAY_1, NOW = week(1), now(1)
WHAT: tuple[Answer, ...] = get_args(Answer)


def an_act(what: Answer, **changes: object) -> Act:
    given = {"acknowledge": {}, "snooze": {"until": week(9)}, "assign": {"to": "Bob Lee"}}.get(what, {})
    made = {"by": "Ann", "reason": "audit under way", **given, **changes}
    return Act("plan-starts-up-2018-w02", what, **made)  # type: ignore[arg-type]


def done(alert: Alert, what: Answer, **changes: object) -> tuple[Alert, Transition]:
    changed, transition = act(alert, an_act(what, **changes), DAY_1, NOW)
    assert changed is not None
    assert transition is not None
    return changed, transition


@pytest.mark.parametrize(
    ("what", "then", "change", "reason"),
    [
        ("acknowledge", "acknowledged", "acknowledged", "audit under way"),
        ("snooze", "snoozed", "snoozed", "audit under way (until 2018-03-12)"),
        ("not useful", "acknowledged", "not useful", "audit under way"),
        ("assign", None, "assigned", "to Bob Lee: audit under way"),
        ("useful", None, "useful", "audit under way"),
    ],
)
@pytest.mark.parametrize("state", ACTIVE)
def test_every_act_is_written_down_with_who_and_why(
    state: State, what: Answer, then: State | None, change: Change, reason: str
) -> None:
    before = in_state(state)
    alert, transition = done(before, what, by="Bob")
    assert (transition.was, transition.now, transition.what) == (state, then or state, change)
    assert (transition.reason, transition.actor, transition.at) == (reason, "Bob", NOW)
    assert alert.state == (then or state)
    assert alert.held_by == ("Bob" if then else before.held_by)
    assert (alert.told, alert.spoke, alert.updated) == (before.told, before.spoke, before.updated)  # it said nothing


def test_to_assign_an_alert_leaves_it_as_it_was_but_for_the_name() -> None:
    snoozed = in_state("snoozed")
    assert done(snoozed, "assign")[0] == replace(snoozed, assignee="Bob Lee")
    assert done(snoozed, "assign", reason="")[1].reason == "to Bob Lee"


def test_what_was_useful_needs_no_words_and_changes_nothing() -> None:
    alert, transition = done(opened(), "useful", reason="")
    assert alert == opened()
    assert transition.reason == "it was useful"


def test_what_is_not_useful_is_silent_from_then_on() -> None:
    alert, _ = done(opened(), "not useful", reason="a new team, known")
    for number in range(2, 12):
        alert, transition = after(alert, number, finding(number, p_value=10.0**-number))
        assert transition is None


def test_what_is_not_useful_ends_a_snooze() -> None:
    assert done(in_state("snoozed"), "not useful")[0].snoozed_until is None


@pytest.mark.parametrize("what", WHAT)
def test_nothing_can_be_done_about_an_alert_that_is_over(what: Answer) -> None:
    with pytest.raises(ValueError, match=r"^alert plan-starts-up-2018-w02 was resolved on 2018-02-05: nothing to"):
        act(in_state("resolved"), an_act(what), week(9), now(9))


@pytest.mark.parametrize(
    ("what", "missing", "says"),
    [
        ("acknowledge", {"by": ""}, "it is kept with the alert who says so: give a name"),
        ("acknowledge", {"reason": ""}, '"acknowledge" needs a reason: it is kept with the alert'),
        ("snooze", {"reason": ""}, '"snooze" needs a reason: it is kept with the alert'),
        ("not useful", {"reason": ""}, '"not useful" needs a reason: it is kept with the alert'),
        ("assign", {"to": ""}, "to assign an alert takes the name of a person"),
        ("snooze", {"until": None}, "a snooze needs the date on which it ends"),
        ("snooze", {"until": DAY_1}, "2018-01-15 has passed: give a date after 2018-01-15"),
    ],
)
def test_an_act_that_lacks_something_says_what(what: Answer, missing: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError) as refused:
        act(opened(), an_act(what, **missing), DAY_1, NOW)
    assert str(refused.value) == says


@pytest.mark.parametrize("what", WHAT)
def test_a_click_that_comes_twice_is_one_change(what: Answer) -> None:
    click = an_act(what, token="T0/1.5")
    once, transition = act(opened(), click, DAY_1, NOW)
    assert once is not None
    assert transition is not None
    again, repeated = act(once, click, DAY_1, now(2))
    assert again == once  # even where nobody looked at what was known
    assert repeated is not None
    assert repeated.id == transition.id
    assert act(once, click, DAY_1, now(2), known={transition.id}) == (once, None)


@pytest.mark.parametrize("what", WHAT)
def test_a_late_repeat_of_a_click_neither_undoes_what_came_after_it_nor_complains(what: Answer) -> None:
    click = an_act(what, token="T0/1.5")
    _, transition = act(opened(), click, DAY_1, NOW)
    assert transition is not None
    for state in ("updated", "snoozed", "resolved"):
        later = in_state(state)
        assert act(later, click, week(20), now(20), {transition.id}) == (later, None)


def test_without_a_token_the_moment_tells_two_acts_apart() -> None:
    ids = {done(opened(), what)[1].id for what in WHAT}
    later = act(opened(), an_act("acknowledge"), DAY_1, NOW + dt.timedelta(microseconds=1))[1]
    assert later is not None
    assert len(ids | {later.id}) == len(WHAT) + 1


# When nobody answers


@pytest.mark.parametrize(
    ("at", "days", "due"),
    [
        ((2018, 1, 8, 7), 2, (2018, 1, 10, 7)),  # Monday to Wednesday
        ((2018, 1, 11, 7), 2, (2018, 1, 15, 7)),  # over a weekend
        ((2018, 3, 29, 7), 1, (2018, 4, 3, 7)),  # Maundy Thursday to the Tuesday after Easter; the clocks have changed
        ((2018, 12, 24, 16), 2, (2018, 12, 28, 16)),  # Christmas and Boxing Day do not count
        ((2018, 1, 13, 9), 1, (2018, 1, 15, 9)),  # heard on a Saturday
        ((2018, 1, 8, 7), 0, (2018, 1, 8, 7)),
    ],
)
def test_an_alert_waits_so_many_working_days_for_an_answer(
    at: tuple[int, int, int, int], days: int, due: tuple[int, int, int, int]
) -> None:
    heard, alert = to_utc(dt.date(*at[:3]), at[3]), opened()
    moment = to_utc(dt.date(*due[:3]), due[3])
    assert unanswered(alert, heard, moment, days) == 1
    assert unanswered(alert, heard, moment - dt.timedelta(seconds=1), days) is None


@pytest.mark.parametrize(
    ("state", "step"), [("opened", 1), ("updated", 1), ("acknowledged", None), ("snoozed", None), ("resolved", None)]
)
def test_only_an_alert_that_waits_is_escalated(state: State, step: int | None) -> None:
    alert = in_state(state)
    assert unanswered(alert, now(0), now(9), 2) == step
    assert (escalate(alert, 1, now(9), 2)[1] is not None) == (step is not None)


def test_an_alert_that_nobody_heard_of_does_not_wait() -> None:
    assert unanswered(opened(), None, now(9), 2) is None


def test_after_a_snooze_that_ended_in_silence_nobody_is_chased_before_it_speaks() -> None:
    alert, _ = wake(replace(in_state("snoozed"), escalated=2), now(9))
    assert alert is not None
    assert unanswered(alert, now(0), now(20), 2) is None
    speaks, transition = after(alert, 21, finding(21))
    assert transition is not None
    assert unanswered(speaks, now(21), now(22), 2) == 1


def test_an_escalated_step_is_told_once_and_then_the_next_one_is_due() -> None:
    told, transition = escalate(opened(), 1, now(1), 2)
    assert told is not None
    assert transition is not None
    assert told == replace(opened(), escalated=1, spoke=now(1))
    assert (transition.was, transition.now, transition.what) == ("opened", "opened", "escalated")
    assert transition.reason == "nobody acknowledged it within 2 working days"
    assert escalate(told, 1, now(1), 2) == (told, None)
    assert unanswered(told, now(1), now(1), 2) is None
    assert unanswered(told, now(1), now(2), 2) == 2
    second = escalate(told, 2, now(2), 1)[1]
    assert second is not None
    assert second.reason == "nobody acknowledged it within a working day"
    assert second.id != transition.id


def test_an_answer_ends_the_steps_and_a_worse_alert_begins_them_anew() -> None:
    told, first = escalate(opened(), 1, now(1), 2)
    assert told is not None
    answered = act(told, an_act("acknowledge"), week(1), now(1))[0]
    assert answered is not None
    assert (answered.escalated, unanswered(answered, now(1), now(9), 2)) == (1, None)
    worse, _ = after(answered, 3, finding(3, severity="high"))
    assert (worse.escalated, unanswered(worse, now(3), now(4), 2)) == (0, 1)
    again = escalate(worse, 1, now(4), 2)[1]
    assert again is not None
    assert first is not None
    assert again.id != first.id


def test_an_update_that_nobody_asked_for_starts_the_wait_but_not_the_steps() -> None:
    told, _ = escalate(opened(), 1, now(1), 2)
    assert told is not None
    updated, _ = after(told, 2, finding(2, severity="high"))
    assert (updated.escalated, updated.spoke) == (1, now(2))
    assert unanswered(updated, now(2), now(3), 2) == 2


moments = st.datetimes(dt.datetime(2015, 1, 1), dt.datetime(2027, 12, 1), timezones=st.just(dt.UTC))


@given(moments, st.integers(1, 6))
def test_nobody_is_chased_before_so_many_working_days_have_begun_since(moment: dt.datetime, days: int) -> None:
    alert = opened()
    hours = (moment + dt.timedelta(hours=n) for n in range(24 * 25))
    due = next(hour for hour in hours if unanswered(alert, moment, hour, days))
    between = [moment.date() + n * DAY for n in range(1, (due.date() - moment.date()).days + 2)]
    assert days <= sum(map(is_working_day, between)) <= days + 1
