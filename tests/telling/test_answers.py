"""What people do about an alert, and what happens when nobody does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from forecaster.messages import Act, Delivery
from forecaster.settings import Settings
from forecaster.store import StaleError, Store
from forecaster.types import Alert, Transition
from jobs.answers import answer, escalate
from tests.telling.told import DAY, DIRECTOR, HEAD, MANAGERS, NOW, WEEK, alert, opening, send_all, tell, updating

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
        (replace(CLICK, reason=" "), "needs a reason"),
        (Act("A1", "snooze", "B", "why", until=NOW.date()), "has passed"),
        (Act("A1", "assign", "B"), "takes the name of a person"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(told: Store, act: Act, why: str) -> None:
    before = told.alerts(), told.transitions("A1"), told.deliveries()
    with pytest.raises(ValueError, match=why) as raised:
        answer(told, act, NOW + DAY)
    assert "\n" not in str(raised.value)
    assert (told.alerts(), told.transitions("A1"), told.deliveries()) == before


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
    assert text.headline == "A1 is surging"


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
