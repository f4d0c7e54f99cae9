"""Data that did not arrive, from a real store: told once, by its own clock, and no business of the pipeline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from forecaster.arrival import Clock
from forecaster.settings import Settings
from forecaster.store import Store
from forecaster.types import Alert, Step
from jobs.arrival import check_arrival, clock_of, feeds
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
        assert "since 18 January: last week could not be judged" in arrivals(store)[0].text


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
