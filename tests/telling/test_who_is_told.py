"""Who is told what: rows of the outbox from changes, along the routes of config."""

from __future__ import annotations

import datetime as dt

from forecaster.messages import Target
from forecaster.settings import Secrets, Settings
from forecaster.store import Store
from jobs.telling import (
    digest_targets,
    held_back,
    hours_of,
    operations_targets,
    routes_of,
    straight_to,
    would_be_told,
)
from jobs.telling import heard as heard_of
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
    tell,
    told_parts,
    updating,
)


def test_a_new_alert_is_a_text_and_where_there_are_pictures_a_chart(store: Store, settings: Settings) -> None:
    one = alert()
    assert told_parts(outbox(store, settings, [(one, opening(one))])) == [
        (MANAGERS, "text"), (MANAGERS, "chart"), (HEAD, "text"),
    ]  # fmt: skip


def test_a_channel_without_its_secret_is_not_told(store: Store, settings: Settings) -> None:
    assert {one.name for route in routes_of(store, settings) for one in route.to} == {"managers", "head"}


def test_who_was_told_once_is_told_though_the_secret_is_missing_for_this_run(store: Store, settings: Settings) -> None:
    tell(store, settings, (alert(), opening(alert())))
    bare = settings.model_copy(update={"secrets": Secrets()})
    second = alert("A2")
    items = outbox(store, bare, [(second, opening(second, NOW + WEEK))], NOW + WEEK)
    assert {item.target for item in items} == {MANAGERS, HEAD}
    assert digest_targets(store, bare) == operations_targets(store, bare) == [MANAGERS, HEAD]


def test_small_numbers_go_to_the_named_role_alone(store: Store, settings: Settings) -> None:
    one = alert()
    texts = {
        item.target: item.message for item in outbox(store, settings, [(one, opening(one))]) if item.part == "text"
    }
    assert "5 or fewer" in texts[MANAGERS].text
    assert "3 children" in texts[HEAD].text
    assert (texts[MANAGERS].exact, texts[HEAD].exact) == (False, True)


def test_an_update_edits_the_first_message_and_says_what_is_new_below_it(store: Store, settings: Settings) -> None:
    one = alert()
    tell(store, settings, (one, opening(one)))
    later = alert(state="updated")
    items = outbox(store, settings, [(later, updating(later))], NOW + WEEK)
    assert told_parts(items) == [(MANAGERS, "text"), (MANAGERS, "chart"), (MANAGERS, "edit"), (HEAD, "text")]
    news, _, edit, mail = items
    assert (news.message.headline, news.message.kind) == ("A1 is still surging", "change")
    assert (edit.message.headline, edit.message.kind) == ("A1 is surging", "alert")
    assert mail.message.kind == "change"


def test_who_hears_of_an_alert_late_gets_all_of_it(store: Store, settings: Settings) -> None:
    low = alert(severity="low")
    tell(store, settings, (low, opening(low)))
    worse = alert(state="updated", severity="high")
    mails = [item for item in outbox(store, settings, [(worse, updating(worse))], NOW + WEEK) if item.target == HEAD]
    assert [(item.part, item.message.kind) for item in mails] == [("text", "alert")]


def test_the_same_change_has_the_same_deliveries(store: Store, settings: Settings) -> None:
    one = alert()
    first, again = (outbox(store, settings, [(one, opening(one))]) for _ in range(2))
    assert [item.id for item in first] == [item.id for item in again]
    assert len({item.id for item in first}) == 3


def test_beyond_the_weekly_cap_the_rest_is_held_for_the_digest(store: Store, settings: Settings) -> None:
    alerts = [alert(f"A{i}", severity="medium", p_value=10.0**-i) for i in range(3, 7)]
    tell(store, settings, *((one, opening(one)) for one in alerts))
    assert {item.alert_id for item in store.deliveries()} == {"A6", "A5"}  # the surest two
    assert {one.id for one in held_back(store, settings)} == {"A3", "A4"}


def test_what_one_of_them_was_told_is_not_held_though_another_was_not(store: Store, settings: Settings) -> None:
    """The digest says of what is held that it is told there alone."""
    low = settings.model_copy(update={"routes": settings.routes[:1]})
    tell(store, low, (alert(), opening(alert())))  # the head's route came later
    assert held_back(store, settings) == []
    nowhere = settings.model_copy(update={"routes": ()})
    store.save_transition(alert("A2", severity="low"), opening(alert("A2")))
    assert [one.id for one in held_back(store, settings)] == ["A2"]
    assert held_back(store, nowhere) == []  # who would be told?


def test_a_new_week_has_room_again(store: Store, settings: Settings) -> None:
    tell(store, settings, *((one, opening(one)) for one in (alert("A1", severity="low"), alert("A2", severity="low"))))
    third = alert("A3", severity="low")
    assert outbox(store, settings, [(third, opening(third, NOW + 6 * DAY))], NOW + 6 * DAY) == []
    assert outbox(store, settings, [(third, opening(third, NOW + 7 * DAY))], NOW + 7 * DAY)


def test_an_alert_that_joins_a_story_is_told_below_it_and_counts_for_nothing(store: Store, settings: Settings) -> None:
    tell(store, settings, *((one, opening(one)) for one in (alert("A1", severity="low"), alert("A2", severity="low"))))
    joined = alert("A3", severity="low", story="A1")
    tell(store, settings, (joined, opening(joined, NOW + DAY)), now=NOW + DAY)
    text = next(item for item in store.deliveries("A3") if item.part == "text")
    assert (text.story, text.thread) == ("A1", "receipt of slack:C0FORECAST A1 is surging")
    assert text.message.kind == "alert"
    assert text.message.broadcast  # who reads the channel and not the thread should see it


def test_the_first_message_of_an_alert_in_a_story_is_the_one_that_is_edited(store: Store, settings: Settings) -> None:
    first, joined = alert("A1"), alert("A2", story="A1")
    tell(store, settings, (first, opening(first)), (joined, opening(joined)))
    later = alert("A2", story="A1", state="updated")
    tell(store, settings, (later, updating(later)), now=NOW + WEEK)
    (edit,) = (item for item in store.deliveries("A2") if item.part == "edit")
    assert edit.edits == "receipt of slack:C0FORECAST A2 is surging"


def test_at_night_messages_wait_for_the_morning(store: Store, settings: Settings) -> None:
    one, friday_night = alert(), dt.datetime(2018, 1, 12, 22, 0, tzinfo=dt.UTC)
    items = outbox(store, settings, [(one, opening(one, friday_night))], friday_night, hours_of(settings))
    assert {item.due for item in items} == {dt.datetime(2018, 1, 15, 7, 0, tzinfo=dt.UTC)}


def test_the_console_disturbs_nobody_at_night(store: Store, settings: Settings) -> None:
    console, friday_night = Target("console"), dt.datetime(2018, 1, 12, 22, 0, tzinfo=dt.UTC)
    routes, hours, one = straight_to([console, MANAGERS]), hours_of(settings), alert()
    items = outbox(store, settings, [(one, opening(one, friday_night))], friday_night, hours, routes)
    monday = dt.datetime(2018, 1, 15, 7, 0, tzinfo=dt.UTC)
    assert {item.target: item.due for item in items} == {console: None, MANAGERS: monday}
    lines = list(would_be_told(one, routes, {}, friday_night, hours))
    assert lines == [
        "console (console): told at once",
        "slack:C0FORECAST (slack:C0FORECAST): told Monday 15 January 07:00",
    ]


def test_a_replay_tells_its_own_targets_alone_and_without_a_cap(store: Store, settings: Settings) -> None:
    alerts = [alert(f"A{i}") for i in range(20)]
    items = outbox(store, settings, [(one, opening(one)) for one in alerts], routes=straight_to([MANAGERS]))
    assert len([item for item in items if item.part == "text"]) == 20


def test_a_dry_run_says_who_would_be_told_and_when(store: Store, settings: Settings) -> None:
    routes, one = routes_of(store, settings), alert(severity="medium")
    lines = list(would_be_told(one, routes, heard_of(store, routes, NOW), NOW, hours_of(settings)))
    assert lines == ["managers (slack:C0FORECAST): told at once"]
    tell(store, settings, *((a, opening(a)) for a in (alert("B1", severity="low"), alert("B2", severity="low"))))
    lines = list(would_be_told(one, routes, heard_of(store, routes, NOW), NOW, hours_of(settings)))
    assert lines == ["managers (slack:C0FORECAST): held for the digest: 2 of at most 2 new alerts this week"]


def test_a_dry_run_names_the_role_that_sees_exact_numbers(store: Store, settings: Settings) -> None:
    routes, night = routes_of(store, settings), dt.datetime(2018, 1, 12, 22, 0, tzinfo=dt.UTC)
    lines = list(would_be_told(alert(), routes, heard_of(store, routes, night), night, hours_of(settings)))
    assert "head (email:head@example.gov.uk): told Monday 15 January 07:00, with exact numbers" in lines


def test_the_digest_goes_to_all_who_are_told_and_to_those_alone(store: Store, settings: Settings) -> None:
    assert digest_targets(store, settings) == [MANAGERS, HEAD]
    assert operations_targets(store, settings) == [MANAGERS, HEAD]
    telling = settings.telling.model_copy(update={"digest_to": ("director",), "operations_to": ("managers",)})
    chosen = settings.model_copy(update={"telling": telling})
    assert (digest_targets(store, chosen), operations_targets(store, chosen)) == ([DIRECTOR], [MANAGERS])
