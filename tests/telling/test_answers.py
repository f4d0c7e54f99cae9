"""What people do about an alert, and what happens when nobody does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from forecaster.messages import Act, Delivery
from forecaster.settings import Settings
from forecaster.store import StaleError, Store
from forecaster.types import Alert, Transition
from jobs.answers import answer, end_snoozes, escalate
from jobs.scheduler import HOURLY, Service
from jobs.telling import hours_of
from tests.telling.told import (
    DAY,
    DIRECTOR,
    HEAD,
    MANAGERS,
    NOW,
    WEEK,
    alert,
    opening,
    outbox,
    send_all,
    tell,
    updating,
)

HOUR, NEW_YEAR = dt.timedelta(hours=1), dt.datetime(2018, 1, 1, 7, tzinfo=dt.UTC)
CLICK = Act("A1", "acknowledge", "A. Patel", "audit under way", token="slack:V1:h1")


@pytest.fixture
def told(store: Store, settings: Settings) -> Store:
    """A store whose managers and head were told of one alert."""
    tell(store, settings, (alert(), opening(alert())))
    return store


def parts_after(store: Store, done: int) -> list[tuple[str, str]]:
    return [(str(item.target), item.part) for item in store.deliveries()[done:]]


def test_an_acknowledgement_is_kept_with_who_and_why(told: Store) -> None:
    assert answer(told, CLICK, NOW + DAY) == "A1: acknowledged by A. Patel."
    found = told.alert("A1")
    assert found is not None
    assert (found.state, found.held_by) == ("acknowledged", "A. Patel")
    last = told.transitions("A1")[-1]
    assert (last.actor, last.reason, last.at) == ("A. Patel", "audit under way", NOW + DAY)


def test_the_first_message_shows_it_and_the_thread_says_it_but_nobody_gets_a_mail(told: Store) -> None:
    before = len(told.deliveries())
    answer(told, CLICK, NOW + DAY)
    assert parts_after(told, before) == [("slack:C0FORECAST", "text"), ("slack:C0FORECAST", "edit")]
    news, edit = told.deliveries()[before:]
    assert "A. Patel" in edit.message.text
    assert (news.message.kind, edit.message.kind) == ("change", "alert")
    assert "udit under way" in news.message.text
    assert news.message.chart is None


def test_the_same_click_twice_does_it_once(told: Store) -> None:
    answer(told, CLICK, NOW + DAY)
    before = len(told.deliveries()), told.transitions("A1")
    assert answer(told, CLICK, NOW + 2 * DAY) == "A1: acknowledged by A. Patel."
    assert (len(told.deliveries()), told.transitions("A1")) == before


def test_every_answer_has_its_line(told: Store) -> None:
    snooze = Act("A1", "snooze", "B. Khan", "known cause", until=(NOW + 4 * WEEK).date())
    assert answer(told, snooze, NOW + DAY) == "A1: snoozed until 2018-02-05 by B. Khan."
    assert answer(told, Act("A1", "assign", "B. Khan", to="C. Lee"), NOW + DAY) == "A1: assigned to C. Lee by B. Khan."
    assert "not useful" in answer(told, Act("A1", "not useful", "C. Lee", "a known backlog"), NOW + DAY)
    assert told.ratings() == {("surge", "not useful"): 1}
    assert told.not_useful(NOW) == 1
    assert told.not_useful(NOW + 2 * DAY) == 0


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (replace(CLICK, alert_id="A9"), "there is no alert A9"),
        (replace(CLICK, reason=" \n\u200b"), "needs a reason"),
        (replace(CLICK, by=" \t"), "give a name"),
        (Act("A1", "snooze", "B", "why", until=NOW.date()), "has passed"),
        (Act("A1", "assign", "B", to=" "), "takes the name of a person"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(told: Store, act: Act, why: str) -> None:
    before = told.alerts(), told.transitions("A1"), told.deliveries()
    with pytest.raises(ValueError, match=why) as raised:
        answer(told, act, NOW + DAY)
    assert "\n" not in str(raised.value)
    assert (told.alerts(), told.transitions("A1"), told.deliveries()) == before


def test_what_people_write_is_kept_on_one_line_without_what_cannot_be_seen_and_not_too_long(told: Store) -> None:
    answer(told, replace(CLICK, by=" A.\n Patel\u202e ", reason="seen\r\n by\tall " + "x" * 600), NOW + DAY)
    answer(told, Act("A1", "assign", "B", to="C.\nLee " + "x" * 600), NOW + 2 * DAY)
    done, given = told.transitions("A1")[-2:]
    assert done.actor == "A. Patel"
    assert done.reason.startswith("seen by all x")
    assert given.reason.startswith("to C. Lee x")
    assert (len(done.reason), len(given.reason)) == (500, len("to ") + 80)


def test_a_run_that_read_the_alert_before_it_was_answered_does_not_undo_it(told: Store, settings: Settings) -> None:
    read = told.alert("A1")
    assert read is not None
    answer(told, Act("A1", "assign", "B. Khan", to="C. Lee"), NOW + DAY)
    with pytest.raises(StaleError):
        told.save_transition(replace(read, state="updated"), updating(read))
    found = told.alert("A1")
    assert found is not None
    assert found.assignee == "C. Lee"


def test_nobody_is_disturbed_while_there_is_time_to_answer(told: Store, settings: Settings) -> None:
    assert escalate(told, settings, NOW + DAY) == []


def test_when_nobody_answers_the_next_in_line_gets_the_whole_alert(told: Store, settings: Settings) -> None:
    before = len(told.deliveries())
    (step,) = escalate(told, settings, NOW + 2 * DAY)
    assert step.what == "escalated"
    new = [item for item in told.deliveries()[before:] if item.target == DIRECTOR]
    assert [item.part for item in new] == ["text", "chart"]
    assert new[0].message.kind == "alert"
    assert not new[0].message.exact
    assert "3 children" not in new[0].message.text  # what the named role alone may see
    assert {item.target for item in told.deliveries()[before:]} == {DIRECTOR, MANAGERS}


def test_the_wait_begins_when_somebody_was_reached_and_not_before(store: Store, settings: Settings) -> None:
    """New Year's Day: what the run says in the morning is sent on the 2nd, three days after which is Thursday."""
    one = alert(spoke=NEW_YEAR)
    change = opening(one, NEW_YEAR)
    store.save_transition(one, change, outbox(store, settings, [(one, change)], NEW_YEAR, hours_of(settings)))
    assert escalate(store, settings, NEW_YEAR + 9 * DAY) == []  # nobody has had it: Slack may be down
    send_all(store, NEW_YEAR + DAY)
    assert escalate(store, settings, NEW_YEAR + 3 * DAY - HOUR) == []
    (step,) = escalate(store, settings, NEW_YEAR + 3 * DAY)
    assert step.what == "escalated"
    (first,) = (item.message for item in store.deliveries() if item.part == "edit")
    assert "Nobody has answered since Tuesday 2 January (two working days)" in first.summary


@pytest.mark.parametrize("any_time", [True, False])
def test_what_is_severe_is_passed_on_at_night_where_config_says_so(
    told: Store, settings: Settings, any_time: bool
) -> None:
    telling = settings.telling.model_copy(update={"high_at_any_time": any_time})
    night = (NOW + 4 * DAY).replace(hour=21)  # a Friday
    escalate(told, settings.model_copy(update={"telling": telling}), night)
    due = {item.due for item in told.deliveries() if item.target == DIRECTOR}
    assert due == {night if any_time else NOW + WEEK}


# When a snooze is over

UNTIL = (NOW + WEEK).date()
SNOOZE = Act("A1", "snooze", "B. Khan", "half term", until=UNTIL)


def test_when_a_snooze_is_over_the_audit_and_the_first_message_say_so_and_nobody_is_told(told: Store) -> None:
    answer(told, SNOOZE, NOW + DAY)
    midnight = NOW.replace(hour=0) + WEEK
    assert end_snoozes(told, midnight - HOUR) == []
    before = len(told.deliveries())
    (over,) = end_snoozes(told, midnight)
    assert told.transitions("A1")[-1] == over
    assert (over.was, over.now, over.reason, over.actor) == ("snoozed", "updated", "the snooze is over", "forecaster")
    assert parts_after(told, before) == [("slack:C0FORECAST", "edit")]
    assert told.deliveries()[-1].message.summary == "High severity."
    found = told.alert("A1")
    assert found is not None
    assert (found.state, found.held_by) == ("updated", "")
    assert end_snoozes(told, midnight) == []


def test_who_it_is_assigned_to_stays_on_the_message_after_a_snooze(told: Store) -> None:
    answer(told, Act("A1", "assign", "B. Khan", to="C. Lee"), NOW + DAY)
    answer(told, SNOOZE, NOW + DAY)
    end_snoozes(told, NOW + WEEK)
    edit = told.deliveries()[-1]
    assert (edit.part, edit.message.summary) == ("edit", "High severity · Assigned to C. Lee by B. Khan on 9 January")


def test_nobody_is_chased_after_a_snooze_that_ended_in_silence(told: Store, settings: Settings) -> None:
    answer(told, SNOOZE, NOW + DAY)
    end_snoozes(told, NOW + WEEK)
    assert escalate(told, settings, NOW + 5 * WEEK) == []


def test_the_service_ends_snoozes_hour_by_hour(told: Store, settings: Settings) -> None:
    answer(told, SNOOZE, NOW + DAY)
    Service(told, settings, b"key", {}, clock=lambda: NOW + WEEK).snoozes()
    assert [change.reason for change in told.transitions("A1")[-1:]] == ["the snooze is over"]
    assert "snoozes" in HOURLY


def test_an_escalation_happens_once_a_step(told: Store, settings: Settings) -> None:
    escalate(told, settings, NOW + 2 * DAY)
    send_all(told, NOW + 2 * DAY)
    assert escalate(told, settings, NOW + 3 * DAY) == []
    assert escalate(told, settings, NOW + 9 * DAY) == []  # Teams, the second step, is not set up


def test_what_was_answered_is_not_escalated(told: Store, settings: Settings) -> None:
    answer(told, CLICK, NOW + DAY)
    assert escalate(told, settings, NOW + 30 * DAY) == []


def test_who_was_told_exact_numbers_alone_is_no_source_for_others(store: Store, settings: Settings) -> None:
    """Where only the named role was told, the next in line gets the headline: it has no numbers."""
    only_head = settings.model_copy(update={"routes": settings.routes[1:]})
    tell(store, only_head, (alert(), opening(alert())))
    assert {item.target for item in store.deliveries()} == {HEAD}
    escalate(store, only_head, NOW + 3 * DAY)
    text = next(item.message for item in store.deliveries() if item.target == DIRECTOR)
    assert not text.exact
    assert "3 children" not in text.text
    assert text.headline.lower().endswith("a1 is surging")


class Busy(Store):
    """A store in which somebody else is always a moment faster."""

    def save_transition(self, alert: Alert, transition: Transition, deliveries: Iterable[Delivery] = ()) -> None:
        faster = self.alert(alert.id)
        assert faster is not None
        name = f"{alert.id}/faster/{faster.changes}"
        super().save_transition(
            faster, Transition(name, alert.id, NOW, faster.state, faster.state, "", change="useful")
        )
        super().save_transition(alert, transition, deliveries)


def test_who_is_never_fast_enough_is_told_so_in_one_line(told: Store, tmp_path: Path) -> None:
    with (
        Busy(f"sqlite:///{tmp_path / 'store.db'}") as busy,
        pytest.raises(ValueError, match="somebody else changed this alert at the same moment: try again"),
    ):
        answer(busy, CLICK, NOW + DAY)
    assert [step.what for step in told.transitions("A1")] == ["opened", "useful", "useful", "useful"]
