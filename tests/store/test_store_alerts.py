"""Alerts as they stand, the changes people make, and who came first."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest
from store_cases import DAY, MONDAY, RECEIVED, SLACK, WEEK, alert, delivery, everything, run, transition

from forecaster.store import StaleError, Store
from forecaster.types import Alert, Change, Driver

LATER = RECEIVED + DAY


def opened(store: Store, *alerts: Alert) -> None:
    changes = tuple(transition(None, "opened", item.id) for item in alerts)
    store.commit_run(run(alerts=alerts, transitions=changes, deliveries=()))


def test_an_alert_comes_back_as_it_went(store: Store) -> None:
    full = alert(
        slice=(("locality", "North"),),
        drivers=(Driver("breakdown", "North", 18.0, 0.67, 20.0), Driver("stage", "referrals", 6.0, 0.2)),
        snoozed_until=MONDAY + 4 * WEEK,
        calm=2,
        worst_p=1e-9,
        text="17 children started a plan",
        lower=math.inf,
    )
    opened(store, full)
    assert store.alert("A1") == full


def test_a_number_that_is_not_there_stays_not_a_number(store: Store) -> None:
    opened(store, alert(expected=math.nan))
    found = store.alert("A1")
    assert found is not None
    assert math.isnan(found.expected)


def test_an_alert_that_is_not_there_is_none(store: Store) -> None:
    assert store.alert("A9") is None
    assert store.transitions("A9") == []


def test_alerts_come_from_the_first_opened_to_the_last(store: Store) -> None:
    opened(store, alert("A2", opened=MONDAY), alert("A1", opened=MONDAY), alert("A3", opened=MONDAY - WEEK))
    assert [item.id for item in store.alerts()] == ["A3", "A1", "A2"]


@pytest.mark.parametrize("state", ["opened", "updated", "acknowledged", "snoozed"])
def test_all_but_resolved_alerts_are_open(store: Store, state: str) -> None:
    opened(store, alert("A1", state=state), alert("A2", state="resolved"))  # type: ignore[arg-type]
    assert [item.id for item in store.alerts(open_only=True)] == ["A1"]
    assert len(store.alerts()) == 2


def test_an_acknowledged_alert_keeps_who_did_it_and_when(store: Store) -> None:
    opened(store, alert())
    change = transition("opened", "acknowledged", at=LATER, actor="A Manager")
    store.save_transition(alert(state="acknowledged", changes=1), change)
    assert store.alert("A1") == alert(state="acknowledged", changes=1)
    assert store.transitions("A1")[-1] == change


def test_a_change_may_be_told(store: Store) -> None:
    opened(store, alert())
    note = delivery("A1-ack", SLACK)
    store.save_transition(
        alert(state="acknowledged", changes=1), transition("opened", "acknowledged", at=LATER), [note]
    )
    assert [item.id for item in store.deliveries("A1")] == ["A1-ack"]


def test_of_two_people_the_second_is_told_that_it_changed(store: Store, store_url: str) -> None:
    opened(store, alert())
    store.save_transition(alert(state="acknowledged", changes=1), transition("opened", "acknowledged", at=LATER))
    before = everything(store_url)
    with pytest.raises(StaleError, match="alert A1 is no longer opened: somebody changed it; read it again"):
        store.save_transition(alert(state="snoozed"), transition("opened", "snoozed", at=LATER), [delivery("D9")])
    assert everything(store_url) == before


def test_who_reads_again_may_change_it(store: Store) -> None:
    opened(store, alert())
    store.save_transition(alert(state="acknowledged", changes=1), transition("opened", "acknowledged", at=LATER))
    store.save_transition(alert(state="snoozed", changes=2), transition("acknowledged", "snoozed", at=LATER))
    assert [item.now for item in store.transitions("A1")] == ["opened", "acknowledged", "snoozed"]


def test_a_change_saved_twice_is_kept_once(store: Store, store_url: str) -> None:
    opened(store, alert())
    change, note = transition("opened", "acknowledged", at=LATER), delivery("A1-ack")
    store.save_transition(alert(state="acknowledged", changes=1), change, [note])
    before = everything(store_url)
    store.save_transition(alert(state="acknowledged", changes=1), change, [note])
    assert everything(store_url) == before


def test_an_alert_that_is_not_there_cannot_be_acknowledged(store: Store) -> None:
    with pytest.raises(StaleError):
        store.save_transition(alert("A9", state="acknowledged"), transition("opened", "acknowledged", "A9", LATER))
    assert store.alerts() == []


def test_an_alert_cannot_be_opened_twice(store: Store) -> None:
    opened(store, alert())
    with pytest.raises(StaleError, match="A1 is no longer new"):
        store.save_transition(alert(), transition(None, "opened", at=LATER))


def test_moments_of_changes_come_back_in_utc(store: Store) -> None:
    opened(store, alert())
    summer = dt.timezone(dt.timedelta(hours=1))
    change = transition("opened", "acknowledged", at=LATER.astimezone(summer))
    store.save_transition(alert(state="acknowledged", changes=1), change)
    (_, saved) = store.transitions("A1")
    assert saved.at == LATER
    assert saved.at.tzinfo == dt.UTC


def test_a_reason_keeps_every_letter(store: Store) -> None:
    odd = transition(None, "opened")
    reason = "Zoë said: “not now” 🙂 – 100%; DROP TABLE alerts"
    store.save_transition(alert(), type(odd)(odd.id, "A1", RECEIVED, None, "opened", reason))
    assert store.transitions("A1")[0].reason == reason


def test_what_a_person_did_in_the_meantime_is_not_undone_in_silence(store: Store) -> None:
    """An assignment leaves the state as it was, and still a run that read the alert before it may not overwrite it."""
    opened(store, alert())
    assigned = dataclasses.replace(transition("opened", "opened", at=LATER), change="assigned")
    store.save_transition(alert(assignee="B. Khan", changes=1), assigned)
    with pytest.raises(StaleError, match="somebody changed it"):
        store.save_transition(alert(state="updated", changes=1), transition("opened", "updated", at=LATER))
    found = store.alert("A1")
    assert found is not None
    assert (found.assignee, found.changes) == ("B. Khan", 2)
    assert store.transitions("A1")[-1].what == "assigned"


def test_what_people_called_the_alerts_of_a_detector_is_counted(store: Store) -> None:
    opened(store, alert("A1"), alert("A2"), alert("A3", kind="drift"))
    for name, change in (("A1", "useful"), ("A2", "not useful"), ("A3", "not useful"), ("A2", "not useful")):
        found = store.alert(name)
        assert found is not None
        said = transition("opened", "opened", name, LATER + found.changes * DAY)
        store.save_transition(found, dataclasses.replace(said, id=f"{name}/{found.changes}", change=change))
    assert store.ratings() == {("surge", "useful"): 1, ("surge", "not useful"): 1, ("drift", "not useful"): 1}


def say(store: Store, name: str, change: Change, at: dt.datetime) -> None:
    found = store.alert(name)
    assert found is not None
    said = transition("opened", "opened", name, at)
    store.save_transition(found, dataclasses.replace(said, id=f"{name}/{found.changes}", change=change))


def test_who_changes_their_mind_is_counted_by_what_they_said_last(store: Store) -> None:
    opened(store, alert("A1"), alert("A2"))
    for name, change, day in (
        ("A1", "not useful", 0),
        ("A2", "useful", 1),
        ("A1", "useful", 2),
        ("A2", "not useful", 3),
    ):
        say(store, name, change, LATER + day * DAY)
    assert store.ratings() == {("surge", "useful"): 1, ("surge", "not useful"): 1}
    assert [store.not_useful(LATER + day * DAY) for day in (0, 3, 4)] == [1, 1, 0]


def test_an_alert_about_missing_data_is_no_finding_to_be_rated(store: Store) -> None:
    opened(store, alert(kind="arrival"))
    say(store, "A1", "not useful", LATER)
    assert (store.ratings(), store.not_useful(RECEIVED)) == ({}, 0)
