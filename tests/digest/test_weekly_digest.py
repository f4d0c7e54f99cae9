"""The digest from a real store: every week, whatever ran, once for each target."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest

from forecaster.messages import Message
from forecaster.settings import Settings
from forecaster.store import Store
from forecaster.types import SeriesKey
from jobs.arrival import check_arrival
from jobs.digest import digest_of, facts, send_digest
from jobs.telling import hours_of
from tests.core.by_hand import acknowledge
from tests.digest.weeks import (
    CONSOLE,
    MONDAY,
    NEWEST,
    SLACK,
    WEEK,
    at,
    digests,
    ingest,
    ingest_months,
    judge,
)
from tests.store import store_cases as cases

NINE = at(MONDAY)


def line(message: Message, label: str) -> str:
    return next((found.text for found in message.lines if found.label == label), "")


# Sending


def test_a_quiet_week_is_told_as_quiet_to_every_target(judged_store: Store, settings: Settings) -> None:
    message = send_digest(judged_store, settings, NINE, [CONSOLE, SLACK])
    assert message.headline == "All quiet: nothing moved beyond what is expected - week of 8 January 2018"
    assert message.summary == "No alert is open; two figures were watched."
    waiting = digests(judged_store)
    assert [(d.target, d.part, d.state, d.story, d.alert_id) for d in waiting] == [
        (target, "text", "pending", "digest-2018-W02", "digest") for target in (CONSOLE, SLACK)
    ]
    assert {d.message for d in waiting} == {message}
    assert settings.config_hash in message.evidence


def test_a_digest_that_is_sent_again_in_the_same_week_is_told_once(judged_store: Store, settings: Settings) -> None:
    first = send_digest(judged_store, settings, NINE, [CONSOLE])
    again = send_digest(judged_store, settings, NINE + dt.timedelta(days=6, hours=14), [CONSOLE, SLACK])
    assert [d.target for d in digests(judged_store)] == [CONSOLE, SLACK]
    assert digests(judged_store)[0].message == first
    assert again.headline == first.headline


def test_each_week_has_a_post_of_its_own(judged_store: Store, settings: Settings) -> None:
    for number in range(3):
        moment = NINE + number * WEEK
        send_digest(judged_store, settings, moment, [CONSOLE])
        (claimed,) = judged_store.claim(moment, "worker", dt.timedelta(minutes=1), lambda name: True)
        assert (claimed.story, claimed.thread) == (f"digest-2018-W0{number + 2}", "")
        judged_store.mark_sent(claimed.id, f"receipt {number}", moment)
    assert len({d.id for d in digests(judged_store)}) == 3


def test_a_digest_that_was_missed_waits_for_monday_where_it_would_come_on_a_sunday(
    judged_store: Store, settings: Settings
) -> None:
    send_digest(judged_store, settings, NINE + dt.timedelta(days=6), [SLACK], hours=hours_of(settings))
    assert [d.due for d in digests(judged_store)] == [at(MONDAY + WEEK, 7)]


def test_to_look_at_a_digest_stores_nothing(judged_store: Store, settings: Settings) -> None:
    assert digest_of(judged_store, settings, NINE) == digest_of(judged_store, settings, NINE)
    assert digests(judged_store) == []


# What was judged, and what was not


def test_without_any_data_the_digest_comes_all_the_same(store: Store, settings: Settings) -> None:
    message = send_digest(store, settings, NINE, [CONSOLE])
    assert message.headline == "The week of 8 January 2018 could not be judged: no data has been read yet"
    assert len(digests(store)) == 1


def test_data_that_was_never_judged_is_no_quiet_week(store: Store, settings: Settings) -> None:
    ingest(store)
    message = digest_of(store, settings, NINE)
    assert message.headline == "The week of 8 January 2018 could not be judged: nothing has been judged yet"
    assert "data was last read on 15 January 2018" in line(message, "Ran")


def test_a_run_that_did_not_take_place_is_said(judged_store: Store, settings: Settings) -> None:
    message = digest_of(judged_store, settings, NINE + WEEK)
    assert message.headline == "The week of 15 January 2018 could not be judged: nothing has run since 15 January"
    assert message.summary.startswith("This is not an all-clear")


def test_a_run_without_new_data_is_said(judged_store: Store, settings: Settings) -> None:
    judge(judged_store, settings, MONDAY + 2 * WEEK)
    message = digest_of(judged_store, settings, NINE + 2 * WEEK)
    assert message.headline == "The week of 22 January 2018 could not be judged: no full week of data since 14 January"
    assert "Close" not in {found.label for found in message.lines}


def test_a_week_that_came_late_and_was_judged_then_is_judged(store: Store, settings: Settings) -> None:
    ingest(store, NEWEST - WEEK)
    judge(store, settings)
    assert "could not be judged: no full week of data since 7 January" in digest_of(store, settings, NINE).headline
    ingest(store)
    judge(store, settings)
    assert digest_of(store, settings, at(MONDAY, 12)).headline.startswith("All quiet: ")
    assert len(facts(store, settings, at(MONDAY, 12)).runs) == 1


def test_a_council_s_first_weeks_are_not_quiet(store: Store, settings: Settings) -> None:
    young = settings.model_copy(update={"detection": settings.detection.model_copy(update={"min_history_weeks": 200})})
    ingest(store)
    judge(store, young)
    message = digest_of(store, young, NINE)
    assert message.headline == "The week of 8 January 2018 could not be judged: too little history"
    assert line(message, "Not run") == "The week of 8 January 2018: too little history."


@pytest.mark.parametrize(
    ("month", "first"),
    [
        (dt.date(2017, 12, 1), "All quiet: nothing moved"),
        (dt.date(2017, 11, 1), "Nothing moved, but December 2017 could not be judged"),
    ],
)
def test_monthly_totals_may_take_a_fortnight(
    judged_store: Store, settings: Settings, month: dt.date, first: str
) -> None:
    """December is due on 15 January at ten."""
    ingest_months(judged_store, month, at(MONDAY, 6))
    judge(judged_store, settings)
    assert digest_of(judged_store, settings, at(MONDAY, 11)).headline.startswith(first)
    assert digest_of(judged_store, settings, at(MONDAY, 9)).headline.startswith("All quiet: nothing moved")


def test_a_run_under_settings_of_before_is_not_counted(store: Store, settings: Settings) -> None:
    both = cases.panel()
    day = both.periods[-1].astype(dt.date) + WEEK
    other = replace(both, keys=(SeriesKey("contacts"), SeriesKey("referrals")))
    store.commit_run(cases.run("before", config_hash="a", as_of=day, started=at(day, 7), panel=other, deliveries=()))
    store.commit_run(
        cases.run("after", config_hash="b", as_of=day, started=at(day, 8), panel=both.select([0]), deliveries=())
    )
    found = facts(store, settings, at(day)).runs
    assert [(run.series, run.on, len(run.missed)) for run in found] == [(1, day, 1)]


# Alerts


def test_open_alerts_are_told_with_who_has_taken_them_up(store: Store, settings: Settings) -> None:
    ingest(store, surge=1.8)
    judge(store, settings)
    (alert,) = [found for found in store.alerts(open_only=True) if found.measure == "referrals"]
    others = [found for found in store.alerts(open_only=True) if found != alert]
    assert not others
    message = digest_of(store, settings, NINE)
    assert message.headline == "One alert is open - week of 8 January 2018"
    assert message.summary == "Nobody has acknowledged it yet."
    assert line(message, "Open").startswith("Referrals are surging (high)")
    known, transition = acknowledge(alert, MONDAY, NINE, "A. Patel", "audit under way")
    assert known and transition
    store.save_transition(replace(known, held_by="A. Patel"), transition)
    assert "acknowledged by A. Patel" in line(digest_of(store, settings, NINE), "Open")
    held = digest_of(store, settings, NINE, [alert.id])
    assert line(held, "Held").startswith(
        "Told here alone (over this week's cap, or not delivered): Referrals are surging"
    )
    assert line(held, "Open") == ""  # an alert is open, though none that anybody was told of


def test_missing_data_is_why_nothing_was_judged_and_no_open_alert(judged_store: Store, settings: Settings) -> None:
    later = at(MONDAY + WEEK + dt.timedelta(days=2))
    judge(judged_store, settings, MONDAY + WEEK)
    assert check_arrival(judged_store, settings, later, [CONSOLE])
    message = digest_of(judged_store, settings, later)
    assert line(message, "Open") == "No alert."
    assert message.headline == "The week of 15 January 2018 could not be judged: no full week of data since 14 January"


def test_what_was_counted_lately_is_told_only_of_a_measure_without_small_counts(
    judged_store: Store, settings: Settings
) -> None:
    """Plan starts are about three a week: what is told of them is the model's alone."""
    of_referrals, of_starts = line(digest_of(judged_store, settings, NINE), "Ahead").split(
        "child protection plan starts"
    )
    assert re.search(r"lately \d\d\)", of_referrals)
    assert "; forecasts by levels; " in digest_of(judged_store, settings, NINE).evidence
    assert "lately" not in of_starts
