"""Slack, against a real server on this machine: what arrives, what is said when it does not, how often it is tried."""

from __future__ import annotations

import datetime as dt
import json
import socket
from dataclasses import replace

import pytest

from forecaster.channels.slack import EVENT, PAGE, create
from forecaster.messages import Message, SendError, Target
from forecaster.words.render import message
from tests.channels.deliveries import TARGET, delivery, edit, picture
from tests.channels.slack_double import UPLOAD, Dropped, RateLimited, Refused, Slow, Status
from tests.render import cases

EDIT = "chat.update"
POST, ADDRESS, SHARE = "chat.postMessage", "files.getUploadURLExternal", "files.completeUploadExternal"
HISTORY, REPLIES = "conversations.history", "conversations.replies"


def failure(act, *arguments) -> SendError:
    with pytest.raises(SendError) as caught:
        act(*arguments)
    return caught.value


def kind(error: SendError) -> tuple[bool, bool]:
    return error.permanent, error.ambiguous


# Text


def test_a_message_arrives_with_text_blocks_and_its_id(slack, channel):
    receipt = channel.send(delivery())
    [post] = slack.posts
    assert receipt == post["ts"]
    assert post["channel"] == "C0FORECAST"
    assert post["text"].startswith("Child protection plan starts are surging - week of 8 January 2018\nHigh severity")
    assert [block["type"] for block in post["blocks"]] == ["header", "section", "section", "context"]
    assert post["metadata"] == {"event_type": EVENT, "event_payload": {"delivery_id": "d1"}}


def test_slack_is_told_to_make_nothing_of_the_text(slack, channel):
    channel.send(delivery())
    [post] = slack.posts
    asked = {name: post[name] for name in ("parse", "link_names", "unfurl_links", "unfurl_media", "mrkdwn")}
    assert asked == {
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "mrkdwn": False,
    }


def test_an_update_goes_into_the_thread_and_stays_there(slack, channel):
    first = channel.send(delivery())
    channel.send(delivery("d2", thread=first))
    assert slack.posts[1]["thread_ts"] == first
    assert "reply_broadcast" not in slack.posts[1]
    assert "thread_ts" not in slack.posts[0]


def test_an_update_that_became_severe_is_shown_to_the_channel_too(slack, channel):
    first = channel.send(delivery())
    channel.send(delivery("d2", made=message(*cases.updated()), thread=first))
    assert slack.posts[1]["reply_broadcast"] is True


def test_no_button_is_offered_that_does_nothing(slack, channel):
    channel.send(delivery())
    assert "actions" not in [block["type"] for block in slack.posts[0]["blocks"]]


# Chart


def test_a_chart_arrives_in_the_thread_of_its_text_with_its_description(slack, channel):
    first = channel.send(delivery())
    receipt = channel.send(picture(first))
    file = slack.files[receipt]
    assert file["name"] == "d1-chart.png"
    assert file["title"] == "Child protection plan starts"
    assert file["alt_txt"] == delivery().message.chart.alt_text
    assert file["body"].startswith(b"\x89PNG")
    assert slack.messages[1]["thread_ts"] == first
    assert [name for name, _ in slack.requests] == [POST, ADDRESS, UPLOAD, SHARE]


def test_a_chart_waits_for_its_text(slack, channel):
    error = failure(channel.send, picture(""))
    assert kind(error) == (False, False)
    assert slack.requests == []


def test_a_message_without_a_chart_has_none_to_send(channel):
    bare = replace(delivery().message, chart=None)
    assert kind(failure(channel.send, picture("1.0", message=bare))) == (True, False)


def test_an_id_with_odd_letters_makes_a_plain_file_name_that_is_found_again(slack, channel):
    first = channel.send(delivery())
    odd = picture(first, "a/b:c d")
    assert channel.find(odd) is None
    receipt = channel.send(odd)
    assert slack.files[receipt]["name"] == "a-b-c-d.png"
    assert channel.find(odd) == receipt


# Edits


def test_an_edit_shows_the_alert_as_it_stands_and_keeps_what_finds_it(slack, channel):
    first = channel.send(delivery())
    assert channel.send(edit(first, made=message(*cases.updated()))) == first
    [post] = slack.posts
    assert "still" in post["blocks"][0]["text"]["text"]
    assert post["text"].startswith(post["blocks"][0]["text"]["text"])
    assert channel.find(delivery()) == first
    [asked] = slack.asked(EDIT)
    assert (asked["parse"], asked["link_names"], "metadata" in asked) == ("none", False, False)


def test_an_edit_takes_the_buttons_away_when_nothing_is_left_to_answer(slack):
    channel = create(slack.app_secrets, print)
    assert channel is not None
    asking = replace(delivery().message, answerable=True)
    first = channel.send(delivery(made=asking))
    assert "actions" in [block["type"] for block in slack.posts[0]["blocks"]]
    channel.send(edit(first, made=replace(asking, answerable=False)))
    assert "actions" not in [block["type"] for block in slack.posts[0]["blocks"]]


@pytest.mark.parametrize("fault", [Dropped(True), Dropped(False), Status(500, True), Refused("internal_error")])
def test_an_edit_that_may_have_arrived_is_sent_again_without_a_search(slack, channel, fault):
    first = channel.send(delivery())
    one = edit(first, made=message(*cases.updated()))
    slack.fail(EDIT, fault)
    assert kind(failure(channel.send, one)) == (False, True)
    assert channel.find(one) is None
    assert channel.send(one) == first
    assert len(slack.posts) == 1
    assert "still" in slack.posts[0]["text"]
    assert slack.asked(HISTORY) == slack.asked(REPLIES) == []


def test_an_edit_waits_as_slack_asks(slack, channel):
    first = channel.send(delivery())
    slack.fail(EDIT, RateLimited(7))
    error = failure(channel.send, edit(first))
    assert kind(error) == (False, False)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("message_not_found", "was deleted"),
        ("cant_update_message", "another app"),
        ("edit_window_closed", "let apps edit"),
    ],
)
def test_a_message_that_cannot_be_edited_is_left_as_it_is(slack, channel, code, remedy):
    first = channel.send(delivery())
    slack.fail(EDIT, Refused(code))
    error = failure(channel.send, edit(first))
    assert kind(error) == (True, False)
    assert remedy in str(error)


def test_only_a_message_of_ours_that_is_there_can_be_edited(slack, channel):
    assert "message_not_found" in str(failure(channel.send, edit("1515500000.000009")))
    slack.messages.append({"channel": "C0FORECAST", "ts": "1515500000.000001", "text": "someone's"})
    assert "cant_update_message" in str(failure(channel.send, edit("1515500000.000001")))
    assert slack.messages[0]["text"] == "someone's"


def test_an_edit_of_what_was_never_sent_is_given_up_and_holds_nothing_up(slack, channel):
    assert kind(failure(channel.send, edit(""))) == (True, False)
    assert slack.requests == []


def test_a_change_in_the_thread_is_compact(slack, channel):
    first = channel.send(delivery())
    news = Message("a1", "Acknowledged by Jo Smith", "high", "Known.", (), "", kind="change", answerable=True)
    channel.send(delivery("d2", made=news, thread=first))
    assert [block["type"] for block in slack.posts[1]["blocks"]] == ["section"]
    assert slack.posts[1]["thread_ts"] == first


# What goes wrong


@pytest.mark.parametrize("processed", [False, True])
def test_a_connection_that_drops_is_tried_once_and_may_have_arrived(slack, channel, processed):
    slack.fail(POST, Dropped(processed))
    assert kind(failure(channel.send, delivery())) == (False, True)
    assert len(slack.asked(POST)) == 1
    assert len(slack.posts) == processed


@pytest.mark.parametrize("processed", [False, True])
def test_a_server_error_is_tried_once_and_may_have_arrived(slack, channel, processed):
    slack.fail(POST, Status(500, processed))
    assert kind(failure(channel.send, delivery())) == (False, True)
    assert len(slack.asked(POST)) == 1
    assert len(slack.posts) == processed


def test_an_answer_that_comes_too_late_may_have_arrived(slack, channel):
    channel.client.timeout = 0.2
    slack.fail(POST, Slow(0.6))
    assert kind(failure(channel.send, delivery())) == (False, True)
    assert len(slack.asked(POST)) == len(slack.posts) == 1


def test_an_answer_that_is_none_may_have_arrived(slack, channel):
    slack.fail(POST, Status(200, processed=True))
    assert kind(failure(channel.send, delivery())) == (False, True)


@pytest.mark.parametrize(("seconds", "wait"), [(30, 30.0), (0, 0.0), (None, None)])
def test_when_slack_asks_to_wait_the_outbox_is_told_how_long(slack, channel, seconds, wait):
    slack.fail(POST, RateLimited(seconds))
    error = failure(channel.send, delivery())
    assert kind(error) == (False, False)
    assert error.retry_after == wait
    assert len(slack.asked(POST)) == 1


def test_a_refused_connection_has_surely_not_arrived():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    channel = create({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_API_URL": f"http://127.0.0.1:{port}/api/"}, print)
    assert channel is not None
    error = failure(channel.send, delivery())
    assert kind(error) == (False, False)
    assert "SLACK_API_URL" in str(error)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("channel_not_found", "check the channel id"),
        ("not_in_channel", "invite the app"),
        ("invalid_auth", "check SLACK_BOT_TOKEN"),
        ("missing_scope", "chat:write"),
        ("invalid_blocks", "list of errors"),
    ],
)
def test_a_refusal_is_permanent_and_says_what_to_do(slack, channel, code, remedy):
    slack.fail(POST, Refused(code))
    error = failure(channel.send, delivery())
    assert kind(error) == (True, False)
    assert code in str(error)
    assert remedy in str(error)


@pytest.mark.parametrize(
    ("code", "ambiguous"),
    [("ratelimited", False), ("request_timeout", False), ("internal_error", True), ("fatal_error", True)],
)
def test_a_passing_trouble_is_not_permanent(slack, channel, code, ambiguous):
    slack.fail(POST, Refused(code))
    assert kind(failure(channel.send, delivery())) == (False, ambiguous)


def test_a_server_error_with_a_reason_may_have_arrived_all_the_same(slack, channel):
    slack.fail(POST, Refused("some_reason", 503))
    assert kind(failure(channel.send, delivery())) == (False, True)


def test_a_wrong_token_is_said_to_be_wrong(slack):
    channel = create(slack.secrets | {"SLACK_BOT_TOKEN": "xoxb-other"}, print)
    assert channel is not None
    error = failure(channel.send, delivery())
    assert kind(error) == (True, False)
    assert "xoxb-other" not in str(error)


def test_a_wrong_address_is_said_to_be_wrong(slack, channel):
    slack.fail(POST, Status(404))
    error = failure(channel.send, delivery())
    assert kind(error) == (True, False)
    assert "SLACK_API_URL" in str(error)


@pytest.mark.parametrize("address", ["#managers", "managers", "", "U0PERSON"])
def test_a_name_is_not_a_channel_id(slack, channel, address):
    error = failure(channel.send, delivery(target=Target("slack", address)))
    assert kind(error) == (True, False)
    assert "channel id" in str(error)
    assert slack.requests == []


@pytest.mark.parametrize("fault", [Dropped(False), Status(503), Slow(0.6)])
def test_trouble_before_a_chart_is_shared_leaves_nothing_behind(slack, channel, fault):
    first = channel.send(delivery())
    channel.client.timeout = 0.2
    for method in (ADDRESS, UPLOAD):
        slack.fail(method, fault)
        assert not failure(channel.send, picture(first)).permanent
        assert len(slack.messages) == 1
        assert channel.find(picture(first)) is None


@pytest.mark.parametrize("method", [ADDRESS, UPLOAD])
def test_a_server_error_before_a_chart_is_shared_is_not_ambiguous(slack, channel, method):
    first = channel.send(delivery())
    slack.fail(method, Status(503))
    assert kind(failure(channel.send, picture(first))) == (False, False)


@pytest.mark.parametrize("fault", [Dropped(True), Status(500, processed=True)])
def test_a_chart_whose_sharing_was_cut_off_may_have_arrived_and_is_found(slack, channel, fault):
    first = channel.send(delivery())
    slack.fail(SHARE, fault)
    assert kind(failure(channel.send, picture(first))) == (False, True)
    assert len(slack.asked(SHARE)) == 1
    assert channel.find(picture(first)) == "F00000000"


def test_a_failing_chart_leaves_the_text_where_it_is(slack, channel):
    first = channel.send(delivery())
    slack.fail(SHARE, Refused("channel_not_found"))
    assert failure(channel.send, picture(first)).permanent
    assert len(slack.posts) == 1


# Finding what arrived


def test_a_message_that_arrived_is_found_by_its_id(slack, channel):
    slack.fail(POST, Dropped(processed=True))
    failure(channel.send, delivery())
    channel.send(delivery("other"))
    assert channel.find(delivery()) == slack.posts[0]["ts"]


def test_a_message_that_never_arrived_is_not_found(slack, channel):
    slack.fail(POST, Dropped(processed=False))
    failure(channel.send, delivery())
    channel.send(delivery("d1-other"))
    assert channel.find(delivery()) is None


def test_an_update_is_looked_for_in_its_thread(slack, channel):
    first = channel.send(delivery())
    slack.fail(POST, Dropped(processed=True))
    failure(channel.send, delivery("d2", thread=first))
    assert channel.find(delivery("d2", thread=first)) == slack.posts[1]["ts"]
    assert len(slack.asked(REPLIES)) == 1
    assert slack.asked(HISTORY) == []


def test_a_busy_channel_is_searched_page_by_page(slack, channel):
    channel.send(delivery())
    slack.messages += [{"channel": "C0FORECAST", "ts": f"1515500000.{i:06d}", "text": "talk"} for i in range(PAGE + 50)]
    assert channel.find(delivery()) == slack.posts[0]["ts"]
    assert [asked.get("cursor") for asked in slack.asked(HISTORY)] == [None, str(PAGE)]


def test_a_channel_too_busy_to_be_searched_gives_no_false_answer(slack, channel):
    slack.messages += [{"channel": "C0FORECAST", "ts": f"1515500000.{i:06d}", "text": "talk"} for i in range(2100)]
    assert kind(failure(channel.find, delivery())) == (False, True)
    assert len(slack.asked(HISTORY)) == 10


def test_what_was_said_long_before_the_delivery_is_not_searched(slack, channel):
    slack.messages.append({"channel": "C0FORECAST", "ts": "1515000000.000000", "text": "old"})
    due = dt.datetime(2018, 1, 8, 7, tzinfo=dt.UTC)
    channel.find(delivery(due=due))
    assert float(slack.asked(HISTORY)[0]["oldest"]) == due.timestamp() - 14 * 86400


def test_another_apps_message_with_the_same_id_is_not_ours(slack, channel):
    theirs = {"event_type": "other", "event_payload": {"delivery_id": "d1"}}
    slack.messages.append({"channel": "C0FORECAST", "ts": "1515500000.000001", "text": "x", "metadata": theirs})
    assert channel.find(delivery()) is None


@pytest.mark.parametrize("fault", [Dropped(False), Status(500), Refused("missing_scope"), RateLimited(12)])
def test_when_the_search_fails_nothing_is_known(slack, channel, fault):
    slack.fail(HISTORY, fault)
    error = failure(channel.find, delivery())
    assert kind(error) == (False, True)
    assert error.retry_after == (12.0 if isinstance(fault, RateLimited) else None)


def test_send_find_send_again_delivers_once_whenever_the_connection_drops(slack, channel):
    for i, processed in enumerate((True, False, False, True)):
        one = delivery(f"d{i}", target=TARGET)
        slack.fail(POST, Dropped(processed))
        failure(channel.send, one)
        receipt = channel.find(one) or channel.send(one)
        assert receipt == channel.find(one)
    ids = [post["metadata"]["event_payload"]["delivery_id"] for post in slack.posts]
    assert sorted(ids) == ["d0", "d1", "d2", "d3"]


def test_nothing_is_logged(slack, channel, caplog):
    caplog.set_level(0)
    slack.fail(POST, Dropped(False))
    failure(channel.send, delivery())
    channel.send(delivery())
    assert [record for record in caplog.records if record.name.startswith("forecaster")] == []


def test_a_proxy_in_the_environment_does_not_stand_before_a_local_server(slack, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    channel = create(slack.secrets, print)
    assert channel is not None
    assert channel.send(delivery())


def test_the_double_knows_who_is_asking(slack, channel):
    assert json.loads(json.dumps(channel.client.auth_test().data))["user"] == "forecaster"
