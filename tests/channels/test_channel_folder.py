"""What every channel keeps to; they are found by listing the folder."""

from __future__ import annotations

import inspect

import pytest

from forecaster.channels import channel_names, open_channel, parts
from forecaster.messages import Delivery

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_API_URL": "http://127.0.0.1:9/api/",
    "SMTP_URL": "smtp://127.0.0.1:9?from=forecaster@council.test",
    "TEAMS_WEBHOOK_URL": "http://127.0.0.1:9/workflow",
}


def test_the_channels_are_the_files_of_the_folder():
    assert {"console", "slack"} <= set(channel_names())
    assert not any(name.startswith("_") for name in channel_names())


@pytest.mark.parametrize("name", channel_names())
def test_a_channel_has_its_files_name_and_can_send_and_find(name):
    channel = open_channel(name, SECRETS, print)
    assert channel is not None
    assert channel.name == name
    assert list(inspect.signature(channel.send).parameters) == ["delivery"]
    assert list(inspect.signature(channel.find).parameters) == ["delivery"]
    assert inspect.get_annotations(type(channel).send, eval_str=True)["delivery"] is Delivery


def test_slack_without_a_token_is_not_there():
    assert open_channel("slack", {}, print) is None
    assert open_channel("slack", {"SLACK_API_URL": "http://127.0.0.1:9/"}, print) is None


def test_an_unknown_channel_names_the_nearest_one():
    with pytest.raises(LookupError, match=r'no channel "slak"; did you mean "slack"\?'):
        open_channel("slak", {}, print)
    with pytest.raises(LookupError, match=r"known: console, "):
        open_channel("pigeon", {}, print)


def test_an_address_that_is_none_is_refused_at_once():
    with pytest.raises(ValueError, match=r'SLACK_API_URL "slack\.test" is not an address'):
        open_channel("slack", SECRETS | {"SLACK_API_URL": "slack.test"}, print)


@pytest.mark.parametrize("name", channel_names())
def test_every_channel_can_send_a_text(name):
    assert {"text"} <= parts(name) <= {"text", "chart", "edit"}


def test_only_slack_has_threads_with_charts_and_edits():
    assert parts("slack") == {"text", "chart", "edit"}
    assert parts("console") == {"text"}
    with pytest.raises(LookupError, match="did you mean"):
        parts("slak")
