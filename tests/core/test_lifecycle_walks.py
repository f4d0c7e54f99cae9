"""Whatever comes, week after week, by machine and by hand: what must hold of every alert's life."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lifecycle_cases import RULES, finding, now, week

from forecaster.lifecycle import ACTIVE, HELD, RANK, WAITING, Finding, act, escalate, step, unanswered, wake
from forecaster.messages import Act, Answer
from forecaster.types import Alert, Transition

What = tuple[bool, str, float, float]
findings = st.one_of(
    st.none(),
    st.tuples(
        st.booleans(),
        st.sampled_from(["low", "medium", "high"]),
        st.sampled_from([1e-2, 1e-4, 1e-7, 1e-12]),
        st.sampled_from([26.0, 40.0, 80.0, 300.0]),
    ),
)


def speaks(transition: Transition) -> bool:
    return transition.actor == "forecaster" and transition.reason != "the snooze is over"


class Life(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.number = 0
        self.alert: Alert | None = None
        self.log: list[Transition] = []
        self.calm = 0
        self.clicks: list[tuple[Act, str]] = []

    def moment(self) -> dt.datetime:
        return now(self.number) + dt.timedelta(minutes=len(self.log) + 1)

    def record(self, before: Alert | None, after: Alert | None, transition: Transition | None) -> None:
        if transition is not None:
            assert after is not None
            assert transition.alert_id == after.id
            assert transition.now == after.state
            new = before is None or before.id != after.id
            assert transition.was == (None if new or before is None else before.state)
            self.log.append(transition)
        elif before is not None and after is not None:
            assert after.state == before.state
            assert after.told == before.told
        self.alert = after

    @rule(what=findings)
    def a_week_passes(self, what: What | None) -> None:
        self.number += 1
        found = None
        if what is not None:
            found = finding(self.number, strong=what[0], severity=what[1], p_value=what[2], total=what[3])
        before = self.alert
        after, transition = step(before, found, week(self.number), now(self.number), RULES)
        self.check_resolved(before, after, found)
        self.check_severity(before, after, transition)
        self.check_held(before, after, transition)
        self.record(before, after, transition)
        again = step(after, found, week(self.number), now(self.number), RULES)
        assert after is None or again == (after, None)  # a run repeated changes nothing

    def check_resolved(self, before: Alert | None, after: Alert | None, found: Finding | None) -> None:
        self.calm = 0 if found else self.calm + 1
        if before and after and before.state in ACTIVE and after.state == "resolved":
            assert self.calm >= RULES.calm_periods
        if before and after and before.state in ACTIVE and found:
            assert after.state in ACTIVE

    def check_severity(self, before: Alert | None, after: Alert | None, transition: Transition | None) -> None:
        if before and after and before.id == after.id and transition is None:
            assert after.severity == before.severity  # never changed without a word
        if transition and "severity rose" in transition.reason:
            assert before is not None
            assert after is not None
            assert RANK[after.severity] > RANK[before.severity]

    def check_held(self, before: Alert | None, after: Alert | None, transition: Transition | None) -> None:
        """One that somebody holds is silent, unless it is worse, is over, or its snooze has ended."""
        if transition and before and after and before.id == after.id and before.state in HELD:
            worse = RANK[after.severity] > RANK[before.severity] or after.excess > 1.5 * before.told_excess
            ended = before.snoozed_until is not None and before.snoozed_until <= now(self.number).date()
            assert worse or ended or after.state == "resolved"

    @precondition(lambda self: self.alert is not None)
    @rule(what=st.sampled_from(get_args(Answer)), weeks=st.integers(1, 10), token=st.booleans())
    def someone_acts(self, what: Answer, weeks: int, token: bool) -> None:
        assert self.alert is not None
        until = week(self.number + weeks) if what == "snooze" else None
        mark = f"click {len(self.log)}" if token else ""
        deed = Act(self.alert.id, what, "Ann", "seen", until, "Bob" if what == "assign" else "", mark)
        if self.alert.state not in ACTIVE:
            with pytest.raises(ValueError, match="nothing to change"):
                act(self.alert, deed, week(self.number), self.moment())
            return
        before, said = self.alert, (self.alert.told, self.alert.spoke, self.alert.told_excess)
        after, done = act(before, deed, week(self.number), self.moment())
        assert after is not None
        assert done is not None
        assert (after.told, after.spoke, after.told_excess) == said
        self.record(before, after, done)
        self.clicks += [(deed, done.id)] if token else []

    @precondition(lambda self: self.clicks)
    @rule(data=st.data())
    def a_click_comes_again(self, data: st.DataObject) -> None:
        deed, _ = data.draw(st.sampled_from(self.clicks))
        if self.alert is not None and self.alert.id == deed.alert_id:
            known = {transition.id for transition in self.log}
            assert act(self.alert, deed, week(self.number), self.moment(), known) == (self.alert, None)

    @precondition(lambda self: self.alert is not None)
    @rule(weeks=st.integers(0, 10))
    def a_snooze_may_end(self, weeks: int) -> None:
        assert self.alert is not None
        moment = self.moment() + dt.timedelta(weeks=weeks)
        after, done = wake(self.alert, moment)
        assert after is not None
        if done is None:
            assert self.alert.state != "snoozed" or self.alert.snoozed_until > moment.date()
        self.record(self.alert, after, done)
        assert wake(after, moment) == (after, None)

    @precondition(lambda self: self.alert is not None)
    @rule(hours=st.integers(0, 100))
    def nobody_answers(self, hours: int) -> None:
        assert self.alert is not None
        moment = self.moment() + dt.timedelta(hours=hours)
        due = unanswered(self.alert, self.alert.spoke, moment, 2)
        assert due is None or (self.alert.state in WAITING and self.alert.snoozed_until is None)
        if due is not None:
            after, done = escalate(self.alert, due, moment, 2)
            assert after is not None
            assert done is not None
            self.record(self.alert, after, done)
            assert escalate(after, due, moment, 2) == (after, None)
            assert unanswered(after, moment, moment, 2) is None

    @invariant()
    def transitions_are_told_apart(self) -> None:
        assert len({transition.id for transition in self.log}) == len(self.log)

    @invariant()
    def the_machine_tells_at_most_one_thing_a_week(self) -> None:
        own = [(t.at, t.alert_id) for t in self.log if speaks(t) and t.what != "escalated"]
        assert len({at for at, _ in own}) == len(own)

    @invariant()
    def an_alert_remembers_what_was_told(self) -> None:
        if self.alert is not None:
            own = [t for t in self.log if t.alert_id == self.alert.id and speaks(t)]
            told = [t for t in own if t.what != "escalated"]
            assert len(self.alert.told) == len(told)
            assert self.alert.spoke == max(t.at for t in own)
            assert bool(self.alert.held_by) or self.alert.state not in HELD
            assert list(self.alert.told) == sorted(self.alert.told)
            assert (self.alert.resolved is not None) == (self.alert.state == "resolved")
            assert self.alert.opened == self.alert.told[0]
            assert self.alert.snoozed_until is None or self.alert.state in ("snoozed", "updated", "resolved")


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
