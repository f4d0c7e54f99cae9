"""Data that did not arrive, from a real store: told once, by its own clock, and no business of the pipeline."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Callable

import pytest
from typer.main import get_command

from forecaster.arrival import Clock
from forecaster.channels._notes import notes
from forecaster.messages import Act, Answer
from forecaster.settings import Settings
from forecaster.store import Store
from forecaster.types import Alert, Step
from jobs.answers import answer
from jobs.arrival import check_arrival, clock_of, feeds
from jobs.cli import app
from tests.core.by_hand import acknowledge
from tests.digest.weeks import CONSOLE, MONDAY, NEWEST, SLACK, WEEK, at, ingest, ingest_events, ingest_months, judge

DAY = dt.timedelta(days=1)
TUESDAY = MONDAY + WEEK + DAY  # the week of 15 January is due on it


def arrivals(store: Store, *, open_only: bool = False) -> list[Alert]:
    return [alert for alert in store.alerts(open_only) if alert.kind == "arrival"]


def changes(store: Store, settings: Settings, day: dt.date, hour: int = 10) -> list[str]:
    return [transition.now for transition in check_arrival(store, settings, at(day, hour), [CONSOLE, SLACK])]


def test_the_clock_is_the_config_s(settings: Settings) -> None:
    assert clock_of(settings) == Clock()
    friday = settings.model_copy(update={"schedule": settings.schedule.model_copy(update={"arrival": "fri 16:30"})})
    assert clock_of(friday) == Clock(working_day=5, hour=16, minute=30)


def test_missing_data_is_told_once_and_in_one_thread_until_it_comes(store: Store, settings: Settings) -> None:
    ingest(store)
    assert changes(store, settings, TUESDAY, 9) == []
    assert changes(store, settings, TUESDAY) == ["opened"]
    assert [changes(store, settings, TUESDAY + i * DAY) for i in range(7)] == [[]] * 7
    assert changes(store, settings, TUESDAY + WEEK) == ["updated"]
    ingest(store, NEWEST + 2 * WEEK)
    assert changes(store, settings, TUESDAY + WEEK + DAY) == ["resolved"]
    (alert,) = arrivals(store)
    assert (alert.id, alert.state) == ("weekly-totals-missing-2018-W03", "resolved")
    texts = [delivery for delivery in store.deliveries() if delivery.part == "text"]
    assert [(d.target, d.story, d.message.kind) for d in texts] == [
        (target, alert.id, "arrival") for _ in range(3) for target in (CONSOLE, SLACK)
    ]
    assert alert.text.startswith("Weekly totals have arrived again, to 28 January")
    assert [t.reason for t in store.transitions(alert.id)][-1] == "arrived on 31 January 2018"


def test_who_is_told_by_mail_gets_the_command_that_acknowledges_it(store: Store, settings: Settings) -> None:
    ingest(store)
    changes(store, settings, TUESDAY)
    [note] = notes(store.deliveries()[0], "mail")
    command = get_command(app).commands[re.findall(r"forecaster (\w+) ", note)[0]]  # type: ignore[attr-defined]
    told = command.make_context("ack", shlex.split(note.rstrip("."))[5:]).params
    assert (told["name"], told["reason"]) == (arrivals(store)[0].id, "under way")


def test_a_check_that_is_repeated_changes_nothing(store: Store, settings: Settings) -> None:
    ingest(store)
    changes(store, settings, TUESDAY)
    before = (store.alerts(), store.deliveries())
    assert changes(store, settings, TUESDAY) == []
    assert (store.alerts(), store.deliveries()) == before


def test_where_there_never_was_data_nothing_is_missing(store: Store, settings: Settings) -> None:
    assert changes(store, settings, TUESDAY) == []


@pytest.mark.parametrize(("newest", "missing"), [("2018-01-19", []), ("2018-01-18", ["opened"])])
def test_an_extract_that_reaches_friday_has_arrived(
    store: Store, settings: Settings, newest: str, missing: list[str]
) -> None:
    ingest_events(store, "2018-01-02", "2018-01-12", newest, received=at(MONDAY + WEEK, 6))
    assert changes(store, settings, TUESDAY) == missing
    (feed,) = feeds(store, at(TUESDAY))
    assert (feed.name, feed.newest, feed.received) == ("", dt.date.fromisoformat(newest), MONDAY + WEEK)
    if missing:
        assert arrivals(store)[0].id == "extract-missing-2018-W03"
        assert "No data after 18 January has arrived: last week could not be judged" in arrivals(store)[0].text


def test_a_council_of_monthly_totals_has_a_fortnight(store: Store, settings: Settings) -> None:
    ingest_months(store, dt.date(2017, 11, 1), at(dt.date(2017, 12, 12)))
    assert changes(store, settings, MONDAY, 9) == []
    assert changes(store, settings, MONDAY) == ["opened"]
    assert arrivals(store)[0].id == "monthly-totals-missing-2017-12"
    ingest_months(store, dt.date(2017, 12, 1), at(MONDAY, 12))
    assert changes(store, settings, MONDAY, 13) == ["resolved"]


def test_extract_and_totals_are_missed_each_by_itself(store: Store, settings: Settings) -> None:
    ingest(store)
    ingest_events(store, "2018-01-12", received=at(MONDAY, 6))
    assert changes(store, settings, TUESDAY) == ["opened", "opened"]
    ingest_events(store, "2018-01-19", received=at(TUESDAY, 11))
    assert changes(store, settings, TUESDAY, 12) == ["resolved"]
    assert [alert.id for alert in arrivals(store, open_only=True)] == ["weekly-totals-missing-2018-W03"]


def by_hand(store: Store, what: Answer, day: dt.date, until: dt.date | None = None) -> None:
    answer(store, Act(arrivals(store)[0].id, what, "A. Patel", "they know", until), at(day, 12))


def test_each_snooze_ends_with_a_word_however_few_periods_have_passed(store: Store, settings: Settings) -> None:
    ingest_months(store, dt.date(2017, 11, 1), at(dt.date(2017, 12, 12)))
    assert changes(store, settings, MONDAY) == ["opened"]
    for number in (1, 2, 3):
        by_hand(store, "snooze", MONDAY + (number - 1) * WEEK, until=MONDAY + number * WEEK)
        assert changes(store, settings, MONDAY + number * WEEK - DAY) == []
        assert changes(store, settings, MONDAY + number * WEEK) == ["updated"]
    assert [t.now for t in store.transitions("monthly-totals-missing-2017-12")] == [
        "opened", *3 * ("snoozed", "updated"),
    ]  # fmt: skip


def test_an_answer_is_seen_where_the_missing_data_were_told(store: Store, settings: Settings) -> None:
    telling = settings.telling.model_copy(update={"page": "https://forecaster.example.gov.uk"})
    ingest(store)
    changes(store, settings.model_copy(update={"telling": telling}), TUESDAY)
    by_hand(store, "acknowledge", TUESDAY)
    *_, told, news, edit = store.deliveries()
    assert [(item.target, item.part) for item in (told, news, edit)] == [
        (SLACK, "text"),
        (SLACK, "text"),
        (SLACK, "edit"),
    ]
    assert told.message.page == "https://forecaster.example.gov.uk/alerts/weekly-totals-missing-2018-W03"
    assert edit.message.summary.endswith("· Acknowledged by A. Patel on 23 January: they know")
    assert news.message.headline == (
        f"{told.message.headline.partition(':')[0]}: acknowledged by A. Patel on 23 January"
    )
    assert news.message.page == told.message.page


def test_missing_data_disturb_nobody_at_night(store: Store, settings: Settings) -> None:
    ingest(store)
    assert changes(store, settings, TUESDAY, 23) == ["opened"]
    assert {item.due for item in store.deliveries() if item.target == SLACK} == {at(TUESDAY + DAY, 7)}


class Busy(Store):
    """A store in which somebody takes up an alert while the check looks at the data."""

    def newest_totals(self, as_of: dt.datetime) -> dict[Step, dt.date]:
        for alert in arrivals(self, open_only=True):
            known, transition = acknowledge(alert, MONDAY, at(TUESDAY, 11), "A. Patel", "they know")
            if known and transition:
                self.save_transition(known, transition)
        return super().newest_totals(as_of)


def test_what_a_person_does_meanwhile_stands(
    store: Store, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('busy')}/forecaster.db"
    with Busy(url) as busy:
        busy.migrate()
        ingest(busy)
        assert changes(busy, settings, TUESDAY) == ["opened"]
        assert changes(busy, settings, TUESDAY + WEEK) == []
        assert [alert.state for alert in arrivals(busy)] == ["acknowledged"]
        assert changes(busy, settings, TUESDAY + 2 * WEEK) == []


def test_the_pipeline_is_not_disturbed(copies: Callable[[str], Store], settings: Settings) -> None:
    """The same week is judged alike with an alert about missing data open, and leaves that alert alone."""
    disturbed, other = copies("disturbed.db"), copies("other.db")
    changes(disturbed, settings, TUESDAY)
    (alert,) = arrivals(disturbed, open_only=True)
    for one in (disturbed, other):
        ingest(one, NEWEST + WEEK, surge=1.8)
    (found,), (usual,) = (judge(one, settings, MONDAY + WEEK) for one in (disturbed, other))
    assert found.run.transitions == usual.run.transitions
    assert found.run.alerts == usual.run.alerts
    assert [made.measure for made in usual.run.alerts] == ["referrals"]
    assert arrivals(disturbed, open_only=True) == [alert]
