"""What doctor says of those who are told: nobody waits for messages while it finds all well."""

from __future__ import annotations

import pytest

from forecaster.messages import Delivery
from forecaster.settings import Secrets, Settings
from forecaster.store import Store
from jobs.doctor import Check, examine
from tests.telling.told import DAY, MANAGERS, NOW, alert, message, opening, tell

BARE = {"secrets": Secrets()}


def checks(store: Store, settings: Settings, name: str) -> list[Check]:
    return [check for check in examine(store, settings, NOW + DAY) if check.name == name]


def wells(store: Store, settings: Settings) -> dict[str, bool | None]:
    """Of each target, by name, what is said of it."""
    return {check.text.partition(":")[0]: check.well for check in checks(store, settings, "target")}


def test_somebody_who_is_to_be_told_and_is_not_is_not_well(store: Store, settings: Settings) -> None:
    assert wells(store, settings) == {"managers": None, "head": None, "director": None, "teams": False}
    only_head = settings.model_copy(update=BARE | {"routes": (settings.routes[1].model_copy(update={"escalate": ()}),)})
    assert wells(store, only_head) == {"managers": None, "head": False, "director": None, "teams": None}
    telling = settings.telling.model_copy(update={"operations_to": ("director",), "digest_to": ("teams",)})
    assert wells(store, only_head.model_copy(update={"telling": telling}))["director"] is False
    assert wells(store, only_head.model_copy(update={"telling": telling}))["teams"] is False


def test_the_targets_that_config_begins_with_are_examples_until_they_are_used(store: Store, settings: Settings) -> None:
    managers = settings.model_copy(update={"routes": settings.routes[:1], "targets": settings.targets[:1]})
    assert wells(store, managers.model_copy(update=BARE)) == {"managers": None}
    tell(store, managers, (alert(), opening(alert())))
    assert wells(store, managers.model_copy(update=BARE)) == {"managers": False}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"due": NOW - DAY, "attempts": 3, "error": "Slack asks to wait"}, "1 overdue by a day (Slack asks to wait)"),
        ({"due": NOW + DAY, "attempts": 200, "error": "no token"}, "1 overdue by a day (no token)"),
        ({"due": NOW + DAY, "attempts": 3, "error": "no token"}, ""),
        ({}, ""),
    ],
)
def test_what_could_not_be_sent_for_a_day_is_not_well(
    store: Store, settings: Settings, changes: dict[str, object], said: str
) -> None:
    store.enqueue([Delivery("d1", "A1", "t1", MANAGERS, "text", message(alert(), "7"), **changes)])  # type: ignore[arg-type]
    [check] = checks(store, settings, "outbox")
    assert (check.well, said in check.text) == (not said, True)
    assert ("--drop" in check.text) == bool(said)
