"""Teams, against a Workflow on this machine: what is posted, what is said when it is not taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from forecaster.channels import missing_secrets, open_channel
from forecaster.channels.teams import Teams, create
from forecaster.messages import SendError, Target
from tests.channels.notices import DRAWN, MESSAGE, PAGE, notice
from tests.channels.teams_double import Answer, Dropped, Slow, TeamsDouble

TARGET = Target("teams")


@pytest.fixture
def teams() -> Iterator[TeamsDouble]:
    with TeamsDouble() as double:
        yield double


@pytest.fixture
def channel(teams: TeamsDouble) -> Teams:
    return opened(teams.url)


def opened(url: str) -> Teams:
    made = create({"TEAMS_WEBHOOK_URL": url}, print)
    assert isinstance(made, Teams)
    return made


def failure(channel: Teams, delivery=None) -> SendError:
    with pytest.raises(SendError) as caught:
        channel.send(delivery or notice(target=TARGET))
    assert "s3cret" not in str(caught.value)
    assert "workflows/0123" not in str(caught.value)
    return caught.value


def kind(error: SendError) -> tuple[bool, bool]:
    return error.permanent, error.ambiguous


def test_a_card_is_posted_and_accepted_which_is_all_that_is_known(teams, channel):
    assert channel.send(notice(target=TARGET, message=DRAWN)) == "accepted run1"
    [card] = teams.cards
    assert card["body"][0]["inlines"][0]["text"] == MESSAGE.headline
    assert card["actions"][0]["url"] == PAGE
    assert "Image" in [item["type"] for item in card["body"]]


def test_a_workflow_that_names_no_run_has_accepted_too(teams, channel):
    teams.faults.append(Answer(202, taken=True))
    assert channel.send(notice(target=TARGET)) == "accepted"


def test_a_card_says_where_to_answer(teams, channel):
    channel.send(notice(target=TARGET))
    assert teams.cards[0]["body"][-1]["inlines"][0]["text"] == "Acknowledge, snooze or assign it on its page."


def test_a_repeated_card_says_so(teams, channel):
    again = notice(target=TARGET, state="ambiguous")
    assert channel.find(again) is None
    channel.send(again)
    assert teams.cards[0]["body"][-1]["inlines"][0]["text"] == "This message may have reached you before."


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, "turned on"),
        (401, "let anyone trigger the Workflow"),
        (403, "let anyone trigger the Workflow"),
        (404, "make the Workflow again"),
        (410, "make the Workflow again"),
        (413, "too large"),
        (418, "check TEAMS_WEBHOOK_URL"),
    ],
)
def test_a_refusal_is_permanent_and_says_what_to_do(teams, channel, status, remedy):
    teams.faults.append(Answer(status))
    error = failure(channel)
    assert kind(error) == (True, False)
    assert str(status) in str(error)
    assert remedy in str(error)
    assert len(teams.posts) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({"Retry-After": "30"}, 30.0), ({"retry-after": "0"}, 0.0), ({}, None), ({"Retry-After": "soon"}, None)],
)
def test_when_teams_asks_to_wait_the_outbox_is_told_how_long(teams, channel, headers, wait):
    teams.faults.append(Answer(429, headers))
    error = failure(channel)
    assert kind(error) == (False, False)
    assert error.retry_after == wait


@pytest.mark.parametrize(
    ("fault", "taken"),
    [(Answer(500), 0), (Answer(502, taken=True), 1), (Answer(408), 0), (Dropped(False), 0), (Dropped(True), 1)],
)
def test_trouble_after_the_post_may_have_delivered_it(teams, channel, fault, taken):
    teams.faults.append(fault)
    assert kind(failure(channel)) == (False, True)
    assert len(teams.posts) == 1
    assert len(teams.cards) == taken


def test_an_answer_that_comes_too_late_may_have_delivered_it(teams):
    teams.faults.append(Slow(0.5))
    assert kind(failure(Teams(teams.url, timeout=0.2))) == (False, True)
    assert len(teams.cards) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(teams, channel, status):
    with TeamsDouble() as elsewhere:
        teams.faults.append(Answer(status, {"Location": elsewhere.url}))
        assert kind(failure(channel)) == (False, False)
        assert elsewhere.posts == []


def test_a_refused_connection_has_surely_not_arrived():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = failure(opened(f"http://127.0.0.1:{port}/workflows/0123?sig=s3cret"))
    assert kind(error) == (False, False)
    assert "check the network and TEAMS_WEBHOOK_URL" in str(error)


@pytest.mark.parametrize("part", ["chart", "edit"])
def test_a_card_is_sent_as_a_whole(teams, channel, part):
    assert kind(failure(channel, notice(target=TARGET, part=part))) == (True, False)
    assert teams.posts == []


@pytest.mark.parametrize(
    "url",
    [
        "s3cret",
        "http://flow.test/s3cret",
        "https://",
        "https://flow.test",
        "https://a@flow.test/s3cret",
        "https://flow.test/s3cret x",
        "ftp://s3cret",
    ],
)
def test_an_address_that_is_none_is_refused_at_once_and_not_shown(url):
    with pytest.raises(ValueError, match="TEAMS_WEBHOOK_URL is not an address") as caught:
        open_channel("teams", {"TEAMS_WEBHOOK_URL": url}, print)
    assert "s3cret" not in str(caught.value)


def test_without_its_secret_there_is_no_teams():
    assert open_channel("teams", {}, print) is None
    assert missing_secrets("teams", {}) == ["TEAMS_WEBHOOK_URL"]


def test_nothing_is_logged_and_no_text_of_the_channel_has_the_address(teams, channel, caplog):
    caplog.set_level(0)
    channel.send(notice(target=TARGET))
    teams.faults.append(Dropped(False))
    failure(channel)
    assert "s3cret" not in f"{channel!r}{caplog.text}"
    assert not [record for record in caplog.records if record.name.startswith("forecaster")]
