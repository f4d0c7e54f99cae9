"""docs/alert-states.md draws every step an alert can take, and no other."""

from __future__ import annotations

import datetime as dt
import random
import re
from functools import cache
from typing import get_args

import pytest
from tree import ROOT

from forecaster.lifecycle import ACTIVE, Finding, Rules, act, escalate, step, wake
from forecaster.messages import Act, Answer
from forecaster.stories import EARLIER, LATER
from forecaster.types import Alert, SeriesKey, Severity, Signal, Transition

PAGE = (ROOT / "docs" / "alert-states.md").read_text(encoding="utf-8")
MONDAY = dt.date(2018, 1, 1)
RULES = Rules()
WALKS, WEEKS = 400, 40
STILL = ("assigned", "useful", "escalated")  # changes that leave the state as it was
Seen = frozenset[tuple[str, str, str, str, bool]]


def finding(chance: random.Random, week: dt.date) -> Finding | None:
    """Nothing, or evidence of any strength in the council or a team."""
    if chance.random() < 0.5:
        return None
    key = SeriesKey("plan_starts", () if chance.random() < 0.5 else (("team", "North"),))
    severity: Severity = chance.choice(("low", "medium", "high"))
    p_value = 10 ** -chance.uniform(2, 12)
    total = 44.0 + 10 ** chance.uniform(1, 3)
    signal = Signal(key, "surge", "up", week, MONDAY, 17.0, 6.0, 2.0, 12.0, p_value, 5.0, total, 44.0)
    return Finding(signal, (), severity, strong=chance.random() < 0.6)


def strong() -> Finding:
    signal = Signal(
        SeriesKey("plan_starts"), "surge", "up", MONDAY, MONDAY, 17.0, 6.0, 2.0, 12.0, 1e-5, 5.0, 71.0, 44.0
    )
    return Finding(signal, (), "medium", strong=True)


def an_act(alert: Alert, what: Answer, week: dt.date, reason: str = "audit under way") -> Act:
    until = week + dt.timedelta(weeks=2) if what == "snooze" else None
    return Act(alert.id, what, "A. Patel", reason, until, "B. Lee" if what == "assign" else "")


@cache
def seen() -> Seen:
    """Every (from, to, what, reason, by hand) of many random lives, the same ones every time."""
    chance = random.Random(1)
    found: set[tuple[str, str, str, str, bool]] = set()

    def record(done: Transition | None) -> None:
        if done:
            found.add((done.was or "[*]", done.now, done.what, done.reason, done.actor != "forecaster"))

    for _ in range(WALKS):
        alert: Alert | None = None
        for number in range(WEEKS):
            week = MONDAY + dt.timedelta(weeks=number)
            now = dt.datetime.combine(week, dt.time(7), dt.UTC)
            if alert and chance.random() < 0.5:
                alert, done = wake(alert, now)
                record(done)
            alert, done = step(alert, finding(chance, week), week, now, RULES)
            record(done)
            if alert and alert.state in ACTIVE and chance.random() < 0.3:
                what = chance.choice(get_args(Answer))
                alert, done = act(alert, an_act(alert, what, week, chance.choice(["because", "known"])), week, now)
                record(done)
            if alert and chance.random() < 0.1:
                alert, done = escalate(alert, alert.escalated + 1, now, 2)
                record(done)
    return frozenset(found)


def drawn(by_hand: bool) -> set[tuple[str, str]]:
    arrows = re.findall(r"^    (\S+) --> (\S+): (.+)$", PAGE, re.MULTILINE)
    return {(was, now) for was, now, label in arrows if (label == "by hand") == by_hand}


def taken(by_hand: bool) -> set[tuple[str, str]]:
    return {(was, now) for was, now, what, _, hand in seen() if hand == by_hand and what not in STILL}


def written() -> list[tuple[set[str], str, re.Pattern[str]]]:
    """The rows of the table of reasons: from, what, and the reason as a pattern; those of people are left out."""
    rows = re.findall(r"^\| ([a-z, -]+) \| (?:as it was: )?(\w+) \| `([^`]+)` \|$", PAGE, re.MULTILINE)
    patterns = [(was, what, re.compile(".+".join(map(re.escape, reason.split("…"))))) for was, what, reason in rows]
    return [({"[*]"} if was == "-" else set(was.split(", ")), what, pattern) for was, what, pattern in patterns]


def test_every_step_that_the_evidence_takes_is_drawn_and_no_other() -> None:
    assert taken(by_hand=False) == drawn(by_hand=False)


def test_every_step_that_a_person_takes_is_drawn_and_no_other() -> None:
    assert taken(by_hand=True) == drawn(by_hand=True)


def test_what_changes_no_state_changes_none() -> None:
    assert {what for _, _, what, _, _ in seen()} >= set(STILL)
    assert all(was == now for was, now, what, _, _ in seen() if what in STILL)


def test_every_reason_is_in_the_table_with_where_it_leads_from_and_to() -> None:
    for was, _, what, reason, hand in seen():
        rows = [row for row in written() if was in row[0] and what == row[1] and row[2].fullmatch(reason)]
        assert hand or len(rows) == 1, f"{was} -> {what}: {reason}"


def test_every_reason_in_the_table_occurs_from_each_state_it_names() -> None:
    for states, change, pattern in written():
        found = {was for was, _, what, reason, _ in seen() if what == change and pattern.fullmatch(reason)}
        assert found == states


def test_the_table_of_what_people_do_says_what_becomes_of_the_alert_and_what_it_takes() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| (as it was|acknowledged|snoozed) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert [what for what, _, _ in rows] == ["acknowledge", "snooze", "not useful", "useful", "assign"]
    now = dt.datetime.combine(MONDAY, dt.time(9), dt.UTC)
    alert = step(None, strong(), MONDAY, now, RULES)[0]
    assert alert is not None
    for what, state, needs in rows:
        after = act(alert, an_act(alert, what, MONDAY), MONDAY, now)[0]
        assert after is not None
        assert after.state == ("opened" if state == "as it was" else state)
        assert ("name" in needs, "date" in needs) == (what == "assign", what == "snooze")
        if "reason" in needs:
            with pytest.raises(ValueError, match="needs a reason"):
                act(alert, an_act(alert, what, MONDAY, reason=""), MONDAY, now)
        else:
            assert act(alert, an_act(alert, what, MONDAY, reason=""), MONDAY, now)[1] is not None


def test_the_page_names_the_rules_as_they_are() -> None:
    assert f"After `calm_periods` of them in a row ({RULES.calm_periods}, in `[detection]`)" in PAGE
    assert f"at least {RULES.quiet_days} days old" in PAGE
    assert "a hundred times smaller" in PAGE
    assert RULES.stronger == 100
    assert f"grown by more than half, and by at least {RULES.least_worse:.0f} children" in PAGE
    assert RULES.worse == 0.5
    assert f"began at most {LATER.days // 7} weeks after the other, and at most {EARLIER.days // 7} weeks" in PAGE
