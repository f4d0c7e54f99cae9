"""Health, heartbeat, benchmarks, and a child that is erased for good."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import pytest
from store_cases import DAY, RECEIVED, WEEK, alert, event, everything, extract, run, total, totals_extract, transition
from store_databases import Databases

from forecaster.store import Store
from forecaster.types import Benchmark

DAYS = (dt.date(2018, 1, 8), dt.date(2018, 1, 15))
SECRET = "5ec2e7c41d5ec2e7c41d5ec2e7c41d5e"


def published(measure: str = "repeat_plans", year: int = 2016, england: float = 0.179) -> Benchmark:
    values = {"E08000030": 0.172, "E06000019": math.nan}
    names = {"E08000030": "Walsall"}
    return Benchmark(measure, year, dt.date(2016, 11, 3), "share", values, {"E08000030": 250.0}, england, names)


def test_an_erased_child_is_gone_from_all_versions(store: Store) -> None:
    store.ingest(extract(event("c1", team="Team 1"), event("c1", "visit"), event("c2")), RECEIVED)
    store.ingest(extract(event("c1", team="Team 2"), event("c2", team="Team 1")), RECEIVED + WEEK)
    assert store.erase("c1") == 3
    for as_of in (None, RECEIVED, RECEIVED + WEEK):
        assert set(store.events(as_of)["child"]) == {"c2"}


def test_erasing_touches_nobody_else(store: Store, store_url: str) -> None:
    store.ingest(extract(event("c1"), event("c2"), event("c11")), RECEIVED)
    others = [row for row in everything(store_url)["events"] if row[0] != "c1"]
    store.erase("c1")
    assert everything(store_url)["events"] == others


def test_erasing_a_child_that_is_not_there_removes_nothing(store: Store) -> None:
    store.ingest(extract(event("c1")), RECEIVED)
    assert store.erase("c9") == 0
    assert len(store.events()) == 1


def test_nothing_of_an_erased_child_stays_in_the_file(store: Store, store_url: str, databases: Databases) -> None:
    if databases.name != "sqlite":
        pytest.skip("PostgreSQL has no file of its own to look at")
    path = Path(store_url.removeprefix("sqlite:///"))
    store.ingest(extract(event(SECRET), *(event(f"c{i}") for i in range(300))), RECEIVED)
    assert SECRET.encode() in held(path)
    store.erase(SECRET)
    assert SECRET.encode() not in held(path)


def held(path: Path) -> bytes:
    return b"".join(part.read_bytes() for part in path.parent.glob(path.name + "*"))


def test_an_erased_child_can_come_back_only_with_a_new_extract(store: Store) -> None:
    store.ingest(extract(event("c1")), RECEIVED)
    store.erase("c1")
    assert store.ingest(extract(event("c1")), RECEIVED + WEEK).already
    assert len(store.events()) == 0


def test_benchmarks_come_back_as_they_went(store: Store) -> None:
    store.save_benchmarks([published()])
    (back,) = store.benchmarks()
    assert math.isnan(back.values["E06000019"])
    assert repr(back) == repr(published())


def test_benchmarks_of_the_same_measure_and_year_are_replaced(store: Store) -> None:
    store.save_benchmarks([published(england=0.1), published(year=2015)])
    store.save_benchmarks([published(england=0.2)])
    assert [(item.year, item.england) for item in store.benchmarks()] == [(2015, 0.179), (2016, 0.2)]


def test_no_benchmarks_are_an_empty_list(store: Store) -> None:
    store.save_benchmarks([])
    assert store.benchmarks() == []


def test_the_heart_has_not_beaten_before_the_first_beat(store: Store) -> None:
    assert store.last_heartbeat() is None


def test_the_last_beat_counts(store: Store) -> None:
    for moment in (RECEIVED, RECEIVED + DAY):
        store.heartbeat(moment)
    assert store.last_heartbeat() == RECEIVED + DAY
    assert store.health()["last_heartbeat"] == RECEIVED + DAY


def test_an_empty_store_is_healthy_and_says_so(store: Store) -> None:
    assert store.last_received() is None
    assert store.health() == {
        "extracts": 0,
        "events": 0,
        "totals": 0,
        "last_received": None,
        "open_alerts": 0,
        "deliveries": {},
        "last_heartbeat": None,
    }


def test_health_counts_each_event_once_however_many_versions_it_has(store: Store) -> None:
    store.ingest(extract(event("c1", team="Team 1"), event("c2")), RECEIVED)
    store.ingest(extract(event("c1", team="Team 2")), RECEIVED + WEEK)
    store.ingest(totals_extract(total("2018-01-01", 3.0)), RECEIVED + WEEK)
    assert store.last_received() == RECEIVED + WEEK
    health = store.health()
    assert (health["extracts"], health["events"], health["totals"]) == (3, 2, 1)
    assert health["last_received"] == RECEIVED + WEEK


def test_health_counts_open_alerts_and_deliveries_by_state(store: Store) -> None:
    gone = alert("A2", state="resolved")
    changes = (transition(None, "opened"), transition(None, "opened", "A2"))
    store.commit_run(run(alerts=(alert(), gone), transitions=changes))
    (claimed,) = store.claim(RECEIVED, "worker 1", WEEK, lambda _: True)
    store.mark_sent(claimed.id, "1515.1", RECEIVED)
    health = store.health()
    assert health["open_alerts"] == 1
    assert health["deliveries"] == {"pending": 1, "sent": 1}


def test_a_store_that_was_closed_can_be_opened_again(store: Store, store_url: str) -> None:
    store.heartbeat(RECEIVED)
    store.close()
    with Store(store_url) as again:
        assert again.last_heartbeat() == RECEIVED


FITS = {"prophet week referrals": {"5ec2": [0.1 + 0.2, -1e-17, 3.0]}, "prophet week plan_starts": {"7d41": [1 / 3]}}


def test_fits_come_back_to_the_last_bit(store: Store) -> None:
    store.save_fits(FITS, DAYS[0])
    assert store.fits() == FITS


def test_the_newest_fits_of_a_series_take_the_place_of_older_ones(store: Store) -> None:
    store.save_fits(FITS, DAYS[0])
    store.save_fits({"prophet week referrals": {"new": [2.0]}}, DAYS[1])
    store.save_fits({}, DAYS[1])
    assert store.fits() == {**FITS, "prophet week referrals": {"new": [2.0]}}


def test_fits_of_series_that_no_run_has_any_more_are_dropped(store: Store) -> None:
    store.save_fits(FITS, DAYS[0])
    newer = {"prophet week referrals": {"new": [2.0]}}
    store.save_fits(newer, DAYS[0] + dt.timedelta(days=61))
    assert store.fits() == newer


def test_the_newest_event_and_totals_are_those_known_at_the_moment(store: Store) -> None:
    assert (store.newest_event(RECEIVED), store.newest_totals(RECEIVED)) == (None, {})
    store.ingest(extract(event("a", date="2018-01-02"), event("b", date="2018-01-05")), RECEIVED)
    store.ingest(extract(event("c", date="2018-01-09")), RECEIVED + WEEK)
    store.ingest(totals_extract(total("2018-01-01", 3), total("2017-12-01", 9, step="month")), RECEIVED)
    for moment in (RECEIVED, RECEIVED + WEEK, RECEIVED + 2 * WEEK):
        known = store.events(moment)["date"].max().date()
        assert store.newest_event(moment) == known
    assert store.newest_totals(RECEIVED) == {"week": dt.date(2018, 1, 1), "month": dt.date(2017, 12, 1)}
