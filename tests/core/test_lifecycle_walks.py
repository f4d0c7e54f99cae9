"""Whatever comes, week after week, by machine and by hand: what must hold of every alert's life."""

from __future__ import annotations

import datetime as dt

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lifecycle_cases import RULES, finding, now, week

from forecaster.lifecycle import ACTIVE, RANK, Finding, acknowledge, snooze, step
from forecaster.types import Alert, Transition

findings = st.one_of(
    st.none(),
    st.tuples(st.booleans(), st.sampled_from(["low", "medium", "high"]), st.sampled_from([1e-2, 1e-4, 1e-7, 1e-12])),
)


class Life(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.number = 0
        self.alert: Alert | None = None
        self.log: list[Transition] = []
        self.calm = 0

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
    def a_week_passes(self, what: tuple[bool, str, float] | None) -> None:
        self.number += 1
        found = finding(self.number, strong=what[0], severity=what[1], p_value=what[2]) if what else None
        before = self.alert
        after, transition = step(before, found, week(self.number), now(self.number), RULES)
        self.check_resolved(before, after, found)
        self.check_severity(before, after, transition)
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

    @precondition(lambda self: self.alert is not None and self.alert.state in ACTIVE)
    @rule(reason=st.sampled_from(["seen", "known"]))
    def someone_acknowledges(self, reason: str) -> None:
        assert self.alert is not None
        moment = now(self.number) + dt.timedelta(minutes=len(self.log) + 1)
        self.record(self.alert, *acknowledge(self.alert, week(self.number), moment, "Ann", reason))

    @precondition(lambda self: self.alert is not None and self.alert.state in ACTIVE)
    @rule(weeks=st.integers(1, 10))
    def someone_snoozes(self, weeks: int) -> None:
        assert self.alert is not None
        moment = now(self.number) + dt.timedelta(minutes=len(self.log) + 1)
        until = week(self.number + weeks)
        self.record(self.alert, *snooze(self.alert, until, week(self.number), moment, "Ann", "away"))

    @invariant()
    def transitions_are_told_apart(self) -> None:
        assert len({transition.id for transition in self.log}) == len(self.log)

    @invariant()
    def the_machine_tells_at_most_one_thing_a_week(self) -> None:
        own = [(t.at, t.alert_id) for t in self.log if t.actor == "forecaster"]
        assert len({at for at, _ in own}) == len(own)

    @invariant()
    def an_alert_remembers_what_was_told(self) -> None:
        if self.alert is not None:
            told = [t for t in self.log if t.alert_id == self.alert.id and t.actor == "forecaster"]
            assert len(self.alert.told) == len(told)
            assert list(self.alert.told) == sorted(self.alert.told)
            assert (self.alert.resolved is not None) == (self.alert.state == "resolved")
            assert self.alert.opened == self.alert.told[0]
            assert self.alert.snoozed_until is None or self.alert.state in ("snoozed", "resolved")


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
