"""Buttons and forms, over a real WebSocket: what people press and write becomes an act, and is answered."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from forecaster import channels
from forecaster.channels import _slack_socket
from forecaster.channels.slack import Slack, create
from forecaster.messages import Act, Message
from tests.channels.deliveries import delivery
from tests.channels.slack_double import CONNECT, Dropped, RateLimited, Refused, SlackDouble, Slow, Status
from tests.channels.slack_people import JO, SAM, People
from tests.channels.slack_socket import UnheardError

TODAY = dt.date(2018, 1, 10)  # a Wednesday
OPENED, WHISPER, USER = "views.open", "chat.postEphemeral", "users.info"


@dataclass
class Service:
    """What the service behind the buttons does: it notes each act, or whatever a test asks for."""

    acts: list[Act] = field(default_factory=list)
    does: Callable[[Act], str] = lambda act: f"Noted: {act.what}."

    def __call__(self, act: Act) -> str:
        self.acts.append(act)
        return self.does(act)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def people(slack: SlackDouble, service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    monkeypatch.setattr(_slack_socket, "PING", 0.1)
    monkeypatch.setattr(_slack_socket, "RETRY", 0.1)
    listening = channels.listen("slack", slack.app_secrets, service, lambda: TODAY)
    assert listening
    with listening:
        yield slack.people


@pytest.fixture
def alert(slack: SlackDouble, people: People) -> str:
    """The timestamp of an alert with buttons."""
    return post(slack)


def post(slack: SlackDouble, name: str = "d1", thread: str = "") -> str:
    channel = create(slack.app_secrets, print)
    assert isinstance(channel, Slack)
    made: Message = replace(delivery().message, answerable=True)
    return channel.send(delivery(name, made=made, thread=thread))


# From a button to an act


@pytest.mark.parametrize(
    ("button", "values", "expected"),
    [
        ("Acknowledge", {"Reason": "Known in North"}, Act("a1", "acknowledge", "Jo Smith", "Known in North")),
        (
            "Snooze",
            {"Until": "2018-01-11", "Reason": "Panel"},
            Act("a1", "snooze", "Jo Smith", "Panel", dt.date(2018, 1, 11)),
        ),
        ("Snooze", {"Reason": "Panel"}, Act("a1", "snooze", "Jo Smith", "Panel", dt.date(2018, 2, 5))),
        ("Assign", {"To": SAM}, Act("a1", "assign", "Jo Smith", to="Sam O'Neill")),
        ("Assign", {"To": SAM, "Reason": "Yours"}, Act("a1", "assign", "Jo Smith", "Yours", to="Sam O'Neill")),
        ("Not useful", {"Reason": "Data entry"}, Act("a1", "not useful", "Jo Smith", "Data entry")),
    ],
)
def test_a_button_opens_a_form_and_the_form_becomes_an_act(slack, people, service, button, values, expected):
    people.press(post(slack), button)
    assert people.form()["title"]["text"] == button
    assert people.submit(values) == {}
    assert people.whispered() == f"Noted: {expected.what}."
    [act] = service.acts
    assert replace(act, token="") == replace(expected, alert_id=act.alert_id)
    assert act.token


def test_the_form_says_which_alert_it_is_about(slack, people, service):
    alert = post(slack)
    slack.posts[0]["text"] = "Starts in A &amp; B &lt;b&gt;\nHigh"
    people.press(alert, "Acknowledge")
    assert people.form()["blocks"][0]["text"]["text"] == "Starts in A &amp; B &lt;b&gt;"


def test_the_line_is_told_to_the_person_alone_where_the_button_is(slack, people, service):
    first = post(slack)
    second = post(slack, "d2", thread=first)
    for ts, user, count in ((first, JO, 1), (second, SAM, 2)):
        people.press(ts, "Acknowledge", user)
        people.submit({"Reason": "Known"}, user)
        people.whispered(count)
    assert [(line["user"], line.get("thread_ts")) for line in people.whispers] == [(JO, None), (SAM, first)]
    assert [act.by for act in service.acts] == ["Jo Smith", "Sam O'Neill"]


def test_what_a_person_wrote_is_one_line_of_text(alert, people, service):
    people.names[JO] = "Jo\u202e\nSmith"
    people.press(alert, "Acknowledge")
    people.submit({"Reason": "  Known\n in <!channel> \u200bNorth "})
    people.whispered()
    assert (service.acts[0].by, service.acts[0].reason) == ("Jo Smith", "Known in <!channel> North")


def test_the_answer_of_the_service_is_shown_as_text(alert, people, service):
    service.does = lambda act: "Noted for <!channel> & *all*."
    people.press(alert, "Acknowledge")
    people.submit({"Reason": "Known"})
    assert people.whispered() == "Noted for &lt;!channel&gt; &amp; ∗all∗."


def test_the_link_to_the_page_is_acknowledged_and_nothing_else(slack, people, service):
    channel = create(slack.app_secrets, print)
    assert channel is not None
    linked = replace(delivery().message, answerable=True, page="https://forecaster.test/alerts/a1")
    people.press(channel.send(delivery(made=linked)), "Open")
    assert slack.asked(OPENED) == []


# What is wrong is said in the form


@pytest.mark.parametrize("day", ["2018-01-10", "2018-01-09", "2017-01-11"])
def test_a_snooze_must_end_after_today_and_can_be_put_right(alert, people, service, day):
    people.press(alert, "Snooze")
    assert people.submit({"Until": day, "Reason": "Panel"}) == {"Until": "Choose a day after today."}
    assert service.acts == []
    assert people.submit({"Until": "2018-01-15", "Reason": "Panel"}) == {}
    people.whispered()
    assert [act.until for act in service.acts] == [dt.date(2018, 1, 15)]


@pytest.mark.parametrize("button", ["Acknowledge", "Snooze", "Not useful"])
def test_a_reason_must_have_words(alert, people, service, button):
    people.press(alert, button)
    assert people.submit({"Reason": " \n\u200b "}) == {"Reason": "Say why, in a few words."}
    assert service.acts == []


def test_what_cannot_be_done_is_said_in_the_form(alert, people, service):
    def resolved(act: Act) -> str:
        raise ValueError("This alert is resolved.")

    service.does = resolved
    people.press(alert, "Acknowledge")
    assert people.submit({"Reason": "Known"}) == {"Reason": "This alert is resolved."}
    assert people.whispers == []


def test_an_error_that_nobody_expected_is_told_kindly_and_logged_without_its_words(alert, people, service, caplog):
    def broken(act: Act) -> str:
        raise RuntimeError(f"could not save {act.reason} by {act.by}")

    service.does = broken
    people.press(alert, "Acknowledge")
    assert people.submit({"Reason": "Known"}) == {"Reason": "That could not be saved. Try again in a minute."}
    assert "RuntimeError" in caplog.text
    assert "test_slack_socket.py" in caplog.text
    assert "Known" not in caplog.text
    assert "Jo Smith" not in caplog.text
    service.does = lambda act: "Noted."
    assert people.submit({"Reason": "Known"}) == {}
    assert len({act.token for act in service.acts}) == 1


# In time, and once


@pytest.mark.parametrize("good", [True, False])
def test_a_slow_act_is_acknowledged_in_time_and_answered_later(alert, people, service, monkeypatch, good):
    monkeypatch.setattr(_slack_socket, "PATIENCE", 0.1)
    release = threading.Event()

    def slow(act: Act) -> str:
        assert release.wait(5)
        if not good:
            raise ValueError("This alert is resolved.")
        return "Noted."

    service.does = slow
    people.press(alert, "Acknowledge")
    assert people.submit({"Reason": "Known"}) == {}
    assert people.whispers == []
    release.set()
    assert people.whispered() == ("Noted." if good else "This alert is resolved.")


def test_slack_waits_longer_than_the_listener():
    assert _slack_socket.PATIENCE < 3


def test_other_buttons_work_while_an_act_is_slow(slack, people, service):
    release = threading.Event()
    service.does = lambda act: "Noted." if release.wait(5) else "Never."
    alert = post(slack)
    people.press(alert, "Acknowledge", JO)
    people.press(alert, "Acknowledge", SAM)
    first = threading.Thread(target=people.submit, args=({"Reason": "Known"}, JO))
    first.start()
    assert people.form(SAM)["title"]["text"] == "Acknowledge"
    release.set()
    first.join()
    people.submit({"Reason": "Me too"}, SAM)
    people.whispered(2)
    assert [act.reason for act in service.acts] == ["Known", "Me too"]


def test_a_submission_delivered_twice_has_the_same_token_and_another_one_another(alert, people, service):
    people.press(alert, "Acknowledge")
    people.submit({"Reason": "Known"})
    people.again()
    people.press(alert, "Acknowledge")
    people.submit({"Reason": "Known"})
    people.whispered(3)
    tokens = [act.token for act in service.acts]
    assert tokens[0] == tokens[1] != tokens[2]


def test_an_answer_whose_connection_breaks_is_delivered_again_with_its_token(alert, people, service):
    def breaking(act: Act) -> str:
        if len(service.acts) == 1:
            people.socket.drop()
        return "Noted."

    service.does = breaking
    people.press(alert, "Acknowledge")
    with contextlib.suppress(UnheardError):
        people.submit({"Reason": "Known"})
    assert people.again() == {}
    people.socket.wait(lambda: len(service.acts) == 2, "the second delivery")
    assert len({act.token for act in service.acts}) == 1


def test_a_press_delivered_twice_opens_one_form_and_complains_of_nothing(slack, alert, people, service):
    people.press(alert, "Acknowledge")
    people.form()
    people.again()
    people.socket.wait(lambda: len(slack.asked(OPENED)) == 2, "the second try")
    people.submit({"Reason": "Known"})
    people.whispered()
    assert len(service.acts) == len(people.whispers) == 1


# When something is broken


@pytest.mark.parametrize("fault", [Status(500), Refused("expired_trigger_id"), Dropped(False), RateLimited(1)])
def test_a_form_that_does_not_open_is_said(slack, alert, people, fault):
    slack.fail(OPENED, fault)
    people.press(alert, "Acknowledge")
    assert people.whispered() == "The form did not open. Press the button again."
    people.press(alert, "Acknowledge")
    assert people.form()


@pytest.mark.parametrize("fault", [Refused("missing_scope"), Status(500), Dropped(True)])
def test_without_names_there_is_what_slack_gives(slack, alert, people, service, fault):
    slack.fail(USER, fault, fault)
    people.press(alert, "Assign")
    people.submit({"To": SAM})
    people.whispered()
    assert (service.acts[0].by, service.acts[0].to) == ("jo", SAM)


def test_a_line_that_cannot_be_told_harms_nothing(slack, alert, people, service, caplog):
    slack.fail(WHISPER, Refused("user_not_in_channel"))
    people.press(alert, "Acknowledge")
    people.submit({"Reason": "Known"})
    people.press(alert, "Acknowledge", SAM)
    people.submit({"Reason": "Known too"}, SAM)
    people.whispered()
    assert len(service.acts) == 2
    assert "user_not_in_channel" in caplog.text


@pytest.mark.parametrize("how", ["drop", "refresh"])
def test_a_lost_connection_is_made_anew_and_hears_again(alert, people, service, how):
    people.socket.wait(lambda: people.socket.opened == 1, "a connection")
    people.press(alert, "Acknowledge")
    people.form()
    getattr(people.socket, how)()
    people.socket.wait(lambda: people.socket.opened == 2 and len(people.socket.connections) == 1, "a new connection", 5)
    assert people.submit({"Reason": "Known"}) == {}
    people.whispered()
    assert len(service.acts) == 1


def test_slack_need_not_be_there_when_the_service_starts(slack, service, monkeypatch, caplog):
    monkeypatch.setattr(_slack_socket, "RETRY", 0.05)
    slack.fail(CONNECT, Status(503), Dropped(False), Refused("invalid_auth"))
    listening = channels.listen("slack", slack.app_secrets, service)
    assert listening
    with listening:
        slack.people.socket.wait(lambda: slack.people.socket.opened == 1, "a connection", 5)
    assert "invalid_auth; check SLACK_APP_TOKEN" in caplog.text
    assert slack.app_token not in caplog.text


def test_slack_that_is_never_there_does_not_stop_the_end(service):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_API_URL": address}
    listening = channels.listen("slack", tokens, service)
    assert listening
    listening.close()


def test_at_the_end_the_act_in_hand_is_done_and_answered(slack, service):
    listening = channels.listen("slack", slack.app_secrets, service, lambda: TODAY)
    assert listening
    with listening:
        slack.people.press(post(slack), "Acknowledge")
        slack.fail(USER, Slow(0.3))
        sending = threading.Thread(target=slack.people.submit, args=({"Reason": "Known"},))
        sending.start()
        slack.people.socket.wait(lambda: bool(slack.asked(USER)), "the question")
        assert service.acts == []
    assert len(service.acts) == len(slack.people.whispers) == 1
    sending.join()
    assert slack.people.forms == {}


def test_nothing_that_was_said_is_logged(alert, people, service, caplog):
    caplog.set_level(0)
    people.press(alert, "Acknowledge")
    people.submit({"Reason": "Known in North"})
    people.whispered()
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets")]
    assert not [said for said in ours if re.search("North|Jo|xapp-|xoxb-|ticket", said)]


# Where nobody listens


def test_without_an_app_token_or_a_bot_token_nobody_listens(slack, service):
    assert channels.listen("slack", slack.secrets, service) is None
    assert channels.listen("slack", {"SLACK_APP_TOKEN": "xapp-1"}, service) is None


def test_a_channel_without_answers_has_nothing_to_listen_to(slack, service):
    assert channels.listen("console", slack.app_secrets, service) is None
    with pytest.raises(LookupError, match="did you mean"):
        channels.listen("slak", slack.app_secrets, service)


def test_without_an_app_token_the_alert_has_no_buttons(slack):
    channel = create(slack.secrets, print)
    assert channel is not None
    channel.send(delivery(made=replace(delivery().message, answerable=True)))
    assert "actions" not in [block["type"] for block in slack.posts[0]["blocks"]]
