"""A Slack on this machine and the channel that speaks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forecaster.channels.slack import Slack, create
from tests.channels.slack_double import SlackDouble


@pytest.fixture
def slack() -> Iterator[SlackDouble]:
    with SlackDouble() as double:
        yield double


@pytest.fixture
def channel(slack: SlackDouble) -> Slack:
    made = create(slack.secrets, print)
    assert isinstance(made, Slack)
    return made
