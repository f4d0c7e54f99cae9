"""The weekly digest: nothing that could not be judged reads as quiet, and no small count is in it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from forecaster.calendar import to_utc
from forecaster.lifecycle import unanswered
from forecaster.messages import Message
from forecaster.types import Alert, Kind
from forecaster.words.context import YearEnd
from forecaster.words.digest import LIMIT, Facts, Heading, Ran, digest, near
from tests.core import digest_cases as cases

ROUNDED = re.compile(r"now about (\d+)")
DATES = r"\d+ (January|February|March|October|November|December)( \d{4})?"
FREE = rf"{DATES}|next 13 weeks|95% band|\d+%|config \w+|31 March|A\. Patel \d"
MODEL = 700.0  # every figure of a model is far above every count, so that a small number can only be a count


def line(message: Message, label: str) -> str:
    return next((found.text for found in message.lines if found.label == label), "")


def small_numbers(text: str) -> list[str]:
    """The numbers from 1 to 5 in a text, but for dates and the digest's own words."""
    return re.findall(r"(?<![\d.,])[1-5](?![\d,.]*\d|%)", re.sub(FREE, "", text))


# The first line


@pytest.mark.parametrize(
    ("case", "first"),
    [
        ("quiet", "All quiet: nothing moved beyond what is expected - week of 8 January 2018"),
        ("open", "Three alerts are open - week of 8 January 2018"),
        ("partly", "Nothing moved, but November 2017 and repeat plans could not be judged - week of 8 January 2018"),
        ("stale", "The week of 8 January 2018 could not be judged: no full week of data since 24 December"),
        ("not_run", "The week of 8 January 2018 could not be judged: nothing has run since 8 January"),
        ("incomplete", "The week of 8 January 2018 could not be judged: its data looks incomplete"),
        ("first_week", "The week of 8 January 2018 could not be judged: too little history"),
        ("no_data", "The week of 8 January 2018 could not be judged: no data has been read yet"),
        ("never_run", "The week of 8 January 2018 could not be judged: nothing has been judged yet"),
    ],
)
def test_the_first_line_says_how_the_week_was(case: str, first: str) -> None:
    message = digest(cases.DIGESTS[case]())
    assert message.text.splitlines()[0] == message.headline == first
    assert (message.kind, message.answerable, message.chart) == ("digest", False, None)


def test_one_open_alert_is_one_and_all_that_could_not_be_judged_is_said_beside_it() -> None:
    assert digest(cases.facts(alerts=(cases.alert(),))).headline == "One alert is open - week of 8 January 2018"
    partly = replace(cases.partly(), alerts=(cases.alert(), cases.drifting()))
    expected = "Two alerts are open; November 2017 and repeat plans could not be judged - week of 8 January 2018"
    assert digest(partly).headline == expected


@pytest.mark.parametrize(
    ("blind", "late", "gone"),
    [
        (("repeat_plans",), False, "repeat plans"),
        (("referrals", "repeat_plans"), False, "referrals and repeat plans"),
        (("referrals", "section_47", "plans_open", "repeat_plans"), False,
         "referrals, section 47 enquiries and two more"),
        ((), True, "part of its data"),
        (("referrals",), True, "part of its data and referrals"),
    ],
)  # fmt: skip
def test_the_first_line_of_a_week_judged_in_part_names_what_was_not(
    blind: tuple[str, ...], late: bool, gone: str
) -> None:
    """late: the weekly totals; the extract is there."""
    away = tuple(cases.missed(cases.series(name))[0] for name in blind)
    runs = (cases.ran(missed=away), *([cases.ran(period=dt.date(2018, 1, 1))] if late else []))
    message = digest(cases.facts(runs=runs))
    assert message.headline == f"Nothing moved, but {gone} could not be judged - week of 8 January 2018"
    assert "quiet" not in message.text.lower()


def test_a_council_of_monthly_totals_reads_of_its_month() -> None:
    december, november = dt.date(2017, 12, 1), dt.date(2017, 11, 1)
    run = cases.ran(step="month", period=december, due=december)
    quiet = cases.facts(runs=(run,))
    assert digest(quiet).headline == "All quiet: nothing moved beyond what is expected - December 2017"
    late = digest(cases.facts(runs=(replace(run, period=november),)))
    assert late.headline == "December 2017 could not be judged: no data since 30 November"


def test_a_measure_of_the_first_page_that_alone_was_not_judged_is_named() -> None:
    message = digest(cases.partly())
    assert line(message, "Not run").endswith("; one figure not judged: repeat plans (too many gaps).")
    others = cases.missed(cases.series("contacts", team="A"), cases.series("contacts", team="B"))
    more = digest(cases.facts(runs=(cases.ran(missed=(*others, *cases.missed(cases.series("repeat_plans")))),)))
    expected = "Three of 214 figures not judged (too little history), repeat plans among them."
    assert line(more, "Not run") == expected


def test_why_a_week_could_not_be_judged_is_told_in_the_first_line_and_once_below() -> None:
    message = digest(cases.first_week())
    assert message.text.count("too little history") == 2
    assert line(message, "Not run") == "The week of 8 January 2018: too little history."


@st.composite
def unjudged_weeks(draw: st.DrawFn) -> Facts:
    """Weeks that nobody could judge, for any mixture of causes."""
    causes = {
        "late": cases.ran(period=dt.date(2018, 1, 1)),
        "not run": cases.ran(on=dt.date(2018, 1, 9), period=dt.date(2018, 1, 1)),
        "incomplete": cases.incomplete().runs[0],
        "short": cases.first_week().runs[0],
        "nothing watched": cases.ran(series=0, missed=cases.missed(cases.series("contacts"))),
    }
    runs = tuple(causes[name] for name in draw(st.lists(st.sampled_from(sorted(causes)), max_size=3)))
    alerts = draw(st.sampled_from([(), (cases.alert(),), (cases.alert(), cases.drifting())]))
    return cases.facts(runs=runs, alerts=alerts, near=(cases.signal("contacts", 0.01),))


@hypothesis_settings(deadline=None, max_examples=60)
@given(unjudged_weeks())
def test_a_week_that_could_not_be_judged_never_reads_as_quiet(facts: Facts) -> None:
    message = digest(facts)
    assert "could not be judged" in message.headline
    assert "not an all-clear" in message.summary
    assert message.severity != "low"
    assert re.search("quiet|every figure was judged|came near", message.text) is None
    assert line(message, "Ahead") == ""
    assert line(message, "Not run")


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(["too little history: 3", "constant: all", "no value", "gaps: many", "odd"]), max_size=40)
)
def test_every_series_that_was_not_judged_is_counted(reasons: list[str]) -> None:
    missed = tuple(
        cases.missed(cases.series("contacts", team=f"Team {i}"), reason=reason)[0] for i, reason in enumerate(reasons)
    )
    text = line(digest(cases.facts(runs=(cases.ran(missed=missed),))), "Not run").lower()
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    count = words[len(reasons)] if len(reasons) <= 12 else str(len(reasons))
    assert text.startswith(f"{count} of 214 figures not judged" if reasons else "nothing: every figure was judged")


# Alerts


def test_the_gravest_alerts_come_first_and_those_too_many_are_counted() -> None:
    alerts = tuple(
        cases.alert(id=f"a{i}", severity=severity, text=f"Alert {name} - week of 1 January 2018\n")
        for i, (name, severity) in enumerate(
            [("A", "low"), ("B", "high"), ("C", "medium"), *[(f"M{i}", "low") for i in "abcd"]]
        )
    )
    text = line(digest(cases.facts(alerts=alerts)), "Open")
    assert text.startswith("Alert B (high); Alert C (medium); ")
    assert text.endswith("; three more.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"assignee": "Ben Lee"}, ", not acknowledged, assigned to Ben Lee"),
        ({"state": "updated"}, ""),
        ({"state": "acknowledged", "held_by": "Ann\nSmith\x07"}, ", acknowledged by Ann Smith"),
        ({"state": "acknowledged", "held_by": "Ann", "assignee": "Ben"}, ", acknowledged by Ann, assigned to Ben"),
        ({"state": "acknowledged", "held_by": "Ben", "assignee": "Ben"}, ", acknowledged by Ben"),
        ({"state": "acknowledged"}, ", acknowledged"),
        ({"state": "snoozed", "held_by": "Ann", "snoozed_until": cases.CLOSES}, ", snoozed until 31 March by Ann"),
    ],
)  # fmt: skip
def test_an_open_alert_is_told_with_who_has_answered_it(changes: dict[str, object], words: str) -> None:
    """One that is assigned is still escalated, and so not acknowledged."""
    alert = replace(cases.alert(**changes), spoke=to_utc(cases.MONDAY, 7))
    message = digest(cases.facts(alerts=(alert,)))
    assert line(message, "Open") == f"Child protection plan starts are surging (high{words})."
    waits = unanswered(alert, alert.spoke, to_utc(cases.CLOSES), 3) is not None
    assert message.summary == ("Nobody has acknowledged it yet." if waits else f"It is {alert.state}.")


@pytest.mark.parametrize(
    ("answered", "summary"),
    [
        (0, "Nobody has acknowledged any of them yet."),
        (1, "Nobody has acknowledged two of them yet."),
        (3, "All of them are acknowledged or snoozed."),
    ],
)
def test_the_second_line_counts_the_alerts_nobody_has_acknowledged(answered: int, summary: str) -> None:
    states = ["acknowledged"] * answered + ["updated"] * (3 - answered)
    alerts = tuple(cases.alert(id=f"a{i}", state=state, assignee="B. Lee") for i, state in enumerate(states))
    assert digest(cases.facts(alerts=alerts)).summary == summary


def test_an_alert_that_never_spoke_is_told_by_its_measure() -> None:
    silent = cases.alert(text="", slice=(("team", "Team 2"),))
    assert line(digest(cases.facts(alerts=(silent,))), "Open").startswith("Child protection plan starts in Team 2 (")


def test_what_the_cap_held_back_is_told_in_the_digest_alone() -> None:
    message = digest(cases.open_alerts())
    assert (
        line(message, "Held")
        == "Told here alone (over this week's cap, or not delivered): Contacts are falling in Team 2."
    )
    assert "Contacts" not in line(message, "Open")
    assert message.headline.startswith("Three alerts")


@pytest.mark.parametrize(
    ("alerts", "severity"), [((), "low"), ((cases.drifting(),), "medium"), ((cases.alert(),), "high")]
)
def test_the_digest_is_as_grave_as_the_gravest_alert(alerts: tuple[Alert, ...], severity: str) -> None:
    assert digest(cases.facts(alerts=alerts)).severity == severity


# What came close


def test_what_came_nearest_is_told_once_a_measure_and_nothing_that_is_part_of_an_alert() -> None:
    signals = [
        cases.signal("contacts", 0.015), cases.signal("referrals", 0.01, source="Police"),
        cases.signal("referrals", 0.002, source="Health"), cases.signal("plan_starts", 1e-9, team="Team 2"),
        cases.signal("plan_starts", 0.012, "down"), cases.signal("repeat_plans", 0.019, kind="neighbours"),
    ]  # fmt: skip
    found = near(signals, [cases.alert()])
    assert [(s.key.measure, s.direction, s.p_value) for s in found] == [
        ("referrals", "up", 0.002), ("plan_starts", "down", 0.012), ("contacts", "up", 0.015),
    ]  # fmt: skip
    text = line(digest(cases.facts(near=found)), "Close")
    assert (
        text
        == "Near the line, no alert: Referrals from Health (up); Child protection plan starts (down); Contacts (up)."
    )


def test_nothing_else_came_near_only_beside_an_open_alert() -> None:
    assert line(digest(cases.facts()), "Close") == "Nothing came near the line."
    assert line(digest(cases.facts(alerts=(cases.alert(),))), "Close") == "Nothing else came near the line."


def test_a_comparison_that_came_close_says_with_whom() -> None:
    near_ = (cases.signal("repeat_plans", 0.01, kind="neighbours"), cases.signal("contacts", 0.01, "down", "peers"))
    text = line(digest(cases.facts(near=near_)), "Close")
    assert "Repeat plans (above our neighbours); Contacts (down, and not elsewhere)" in text


# Numbers


def heading(kind: Kind, recent: tuple[float, ...]) -> Heading:
    end = (
        YearEnd(cases.CLOSES, 0.4, 0.5, 0.6, size=MODEL)
        if kind == "share"
        else YearEnd(cases.CLOSES, MODEL, MODEL, MODEL)
    )
    usual = (MODEL, MODEL, MODEL)
    return Heading(cases.series("contacts"), "Contacts", kind, "week", recent, usual, 13, end)


@hypothesis_settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["flow", "stock", "share"]),
    st.lists(st.integers(0, 40), min_size=1, max_size=13),
    st.integers(0, 8),
    st.integers(0, 30),
    st.sampled_from([0, 5, 10]),
)
def test_no_small_number_is_in_a_digest(
    kind: Kind, counts: list[int], alerts: int, missed: int, threshold: int
) -> None:
    opened = tuple(cases.alert(id=f"a{i}", observed=3.0, total=4.0) for i in range(alerts))
    left_out = cases.missed(*(cases.series("contacts", team=f"Team {'x' * i}") for i in range(missed)))
    facts = cases.facts(
        ahead=(heading(kind, tuple(map(float, counts))),), alerts=opened, opened=alerts, threshold=threshold,
        runs=(cases.ran(series=missed + 1, missed=left_out),), near=(cases.signal("contacts", 0.01),), accepted=3.0,
    )  # fmt: skip
    text = digest(facts).text
    if threshold:
        assert small_numbers(text) == []
    for shown in ROUNDED.findall(text):
        assert int(shown) % max(threshold, 1) == 0
        assert abs(int(shown) - counts[-1]) <= threshold / 2


def test_the_search_finds_what_it_looks_for() -> None:
    assert small_numbers("3 children, lately 5; now about 4.") == ["3", "5", "4"]
    assert small_numbers("about 92 (74-110) on 3 January 2018, 3% and 1,234") == []


@pytest.mark.parametrize(
    ("counts", "words"),
    [((30.0,) * 13, "; lately 30)"), ((30.0,) * 12 + (3.0,), "-700)"), ((float("nan"), 9.0), "-700)")],
)
def test_the_last_quarter_is_told_only_where_no_count_of_it_is_small(counts: tuple[float, ...], words: str) -> None:
    assert words in line(digest(cases.facts(ahead=(heading("flow", counts),))), "Ahead")


def test_what_is_to_come_is_told_in_sentences() -> None:
    assert line(digest(cases.facts()), "Ahead") == (
        "In each of the next 13 weeks (likely range in brackets): referrals about 92 (74-110; lately 95), "
        "section 47 enquiries about 40 (28-52; lately 41), child protection plan starts about 7 (3-11; lately 7). "
        "On 31 March: children on a child protection plan about 210 (190-236; now about 205). "
        "In the year to 31 March: repeat plans 24% (22-26%)."
    )


def test_nothing_is_foretold_by_months_of_which_the_newest_did_not_come() -> None:
    monthly = replace(heading("flow", (40.0,) * 3), step="month", length=3)
    november = dt.date(2017, 11, 1)
    late = cases.ran(step="month", period=dt.date(2017, 10, 1), due=november)
    both = cases.facts(runs=(cases.ran(), late), ahead=(*cases.headings(), monthly))
    assert "three months" not in line(digest(both), "Ahead")
    assert "13 weeks" in line(digest(both), "Ahead")
    there = replace(both, runs=(cases.ran(), replace(late, period=november)))
    assert "In each of the next three months: contacts about 700" in line(digest(there), "Ahead")


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (("levels", "levels"), "; forecasts by levels; "),
        (("levels 77%, prophet 23%",), "; forecasts by levels 77% and prophet 23%; "),
        (("cohort", "levels", "levels"), "; forecasts by levels (two measures), cohort (one); "),
    ],
)
def test_the_foot_says_which_models_the_forecasts_are_by(models: tuple[str, ...], words: str) -> None:
    told = tuple(replace(heading("flow", (40.0,)), model=model) for model in models)
    assert words in digest(cases.facts(ahead=told)).evidence
    late = digest(cases.facts(ahead=told, runs=(cases.ran(period=dt.date(2018, 1, 1)),)))
    assert "forecast" not in late.evidence


@pytest.mark.parametrize(
    ("accepted", "words"), [(6.0, "six false ones"), (1.0, "one false one"), (0.5, "0.5 false ones")]
)
def test_the_foot_says_how_many_false_alerts_are_allowed_and_none_that_there_were(accepted: float, words: str) -> None:
    foot = digest(cases.facts(accepted=accepted)).evidence
    assert f"; three alerts opened in the last year; set to allow about {words} a year; " in foot


def test_two_digests_and_the_starts_between_them_do_not_tell_how_many_plans_ended() -> None:
    """Every number of ends within the rounding fits what is shown, the few there were and others."""
    shown = []
    for level in (203.0, 206.0):
        text = line(digest(cases.facts(ahead=(heading("stock", (level,)),))), "Ahead")
        shown.append(int(ROUNDED.findall(text)[0]))
    assert shown == [205, 205]
    possible = {7 + a - b for a in range(203, 208) for b in range(203, 208)}
    assert {3, 4, 5, 6, 7, 8} < possible


def test_a_share_of_few_children_has_no_forecast_in_the_digest() -> None:
    few = replace(heading("share", ()), end=YearEnd(cases.CLOSES, 0.1, 0.2, 0.3, size=20))
    assert line(digest(cases.facts(ahead=(few,))), "Ahead") == ""


def test_a_digest_is_read_in_twenty_seconds_however_much_there_is_to_say() -> None:
    long = "Children with a very long name of a measure that nobody would say aloud, and more of it"
    many = tuple(replace(heading("flow", (90.0,) * 13), title=f"{long} {i}") for i in range(40))
    alerts = tuple(cases.alert(id=f"a{i}", text=f"{long} {i} - week of 8 January 2018\n") for i in range(40))
    taken = tuple(replace(a, state="snoozed", held_by="A. Patel " * 9, snoozed_until=cases.CLOSES) for a in alerts)
    reasons = cases.missed(*(cases.series("contacts", team=str(i)) for i in range(90)), reason="x" * 400)
    runs: tuple[Ran, ...] = (cases.ran(missed=reasons), cases.ran(step="month", due=dt.date(2018, 2, 1)))
    message = digest(cases.facts(ahead=many, alerts=taken, runs=runs, held=frozenset({"a1"})))
    assert len(message.text) <= LIMIT
    assert {"Ran", "Open", "Not run"} <= {found.label for found in message.lines}
