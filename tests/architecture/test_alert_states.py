"""docs/alert-states.md draws every step an alert can take, and no other."""

from __future__ import annotations

import datetime as dt
import random
import re
from functools import cache

from tree import ROOT

from forecaster.lifecycle import Finding, Rules, acknowledge, snooze, step
from forecaster.types import Alert, SeriesKey, Severity, Signal, Transition

PAGE = (ROOT / "docs" / "alert-states.md").read_text(encoding="utf-8")
MONDAY = dt.date(2018, 1, 1)
OPEN = {"opened", "updated", "acknowledged", "snoozed"}
RULES = Rules()
WALKS, WEEKS = 400, 40


def finding(chance: random.Random, week: dt.date) -> Finding | None:
    """Nothing, or evidence of any strength in the council or a team."""
    if chance.random() < 0.5:
        return None
    key = SeriesKey("plan_starts", () if chance.random() < 0.5 else (("team", "North"),))
    severity: Severity = chance.choice(("low", "medium", "high"))
    p_value = 10 ** -chance.uniform(2, 12)
    signal = Signal(key, "surge", "up", week, MONDAY, 17.0, 6.0, 2.0, 12.0, p_value, 5.0, 71.0, 44.0)
    return Finding(signal, (), severity, strong=chance.random() < 0.6)


def by_hand(alert: Alert, chance: random.Random, week: dt.date, now: dt.datetime) -> tuple[Alert, Transition]:
    """What a person may do to an open alert."""
    if chance.random() < 0.5:
        after, done = acknowledge(alert, week, now, "A. Patel", "audit under way")
    else:
        until = week + dt.timedelta(weeks=chance.randint(1, 4))
        after, done = snooze(alert, until, week, now, "A. Patel", "known cause")
    assert after is not None
    assert done is not None
    return after, done


@cache
def seen() -> frozenset[tuple[str, str, str, bool]]:
    """Every (from, to, reason, by hand) of many random lives, the same ones every time."""
    chance = random.Random(1)
    found: set[tuple[str, str, str, bool]] = set()
    for _ in range(WALKS):
        alert: Alert | None = None
        for number in range(WEEKS):
            week = MONDAY + dt.timedelta(weeks=number)
            now = dt.datetime.combine(week, dt.time(7), dt.UTC)
            alert, done = step(alert, finding(chance, week), week, now, RULES)
            found |= {(done.was or "[*]", done.now, done.reason, False)} if done else set()
            if alert and alert.state in OPEN and chance.random() < 0.2:
                alert, done = by_hand(alert, chance, week, now)
                found.add((done.was or "[*]", done.now, done.reason, True))
    return frozenset(found)


def drawn(by_hand: bool) -> set[tuple[str, str]]:
    arrows = re.findall(r"^    (\S+) --> (\S+): (.+)$", PAGE, re.MULTILINE)
    return {(was, now) for was, now, label in arrows if (label == "by hand") == by_hand}


def written() -> list[tuple[set[str], str, re.Pattern[str]]]:
    """The rows of the table of reasons: from, to, and the reason as a pattern; those of people are left out."""
    rows = re.findall(r"^\| ([a-z, -]+) \| (\w+) \| `([^`]+)` \|$", PAGE, re.MULTILINE)
    patterns = [(was, now, re.compile(".+".join(map(re.escape, reason.split("…"))))) for was, now, reason in rows]
    return [({"[*]"} if was == "-" else set(was.split(", ")), now, pattern) for was, now, pattern in patterns]


def test_every_step_that_the_evidence_takes_is_drawn_and_no_other() -> None:
    assert {(was, now) for was, now, _, hand in seen() if not hand} == drawn(by_hand=False)


def test_every_step_that_a_person_takes_is_drawn_and_no_other() -> None:
    assert {(was, now) for was, now, _, hand in seen() if hand} == drawn(by_hand=True)


def test_every_reason_is_in_the_table_with_where_it_leads_from_and_to() -> None:
    for was, now, reason, hand in seen():
        rows = [row for row in written() if was in row[0] and now == row[1] and row[2].fullmatch(reason)]
        assert hand or len(rows) == 1, f"{was} -> {now}: {reason}"


def test_every_reason_in_the_table_occurs_from_each_state_it_names() -> None:
    for states, now, pattern in written():
        assert {was for was, to, reason, _ in seen() if to == now and pattern.fullmatch(reason)} == states


def test_the_page_names_the_rules_as_they_are() -> None:
    assert f"After `calm_periods` of them in a row ({RULES.calm_periods}, in `[detection]`)" in PAGE
    assert f"at least {RULES.quiet_days} days old" in PAGE
    assert "a hundred times smaller" in PAGE
    assert RULES.stronger == 100
