"""What waits in the outbox, sent: no message and no channel that is in trouble keeps back the others."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from forecaster.channels import Channel, open_channel
from forecaster.messages import Delivery, Target
from forecaster.settings import SettingsError, load
from forecaster.store import Store
from jobs.cli.sending import channels_of
from jobs.deliver import FAULTS, LONGEST_PAUSE, deliver
from tests.channels.clocks import Clock
from tests.channels.mail_double import MailDouble
from tests.channels.notices import CHART, MESSAGE, notice
from tests.channels.slack_double import RateLimited, SlackDouble, Status

POST = "chat.postMessage"
ANALYSTS, FORECAST = Target("slack", "C0ANALYSTS"), Target("slack", "C0FORECAST")
ANN, BOB = Target("email", "ann@example.gov.uk"), Target("email", "bob@example.gov.uk")
NOWHERE = "smtp://127.0.0.1:9?from=forecaster@example.gov.uk"  # nobody listens there


def opened(name: str, secrets: dict[str, str]) -> dict[str, Channel]:
    channel = open_channel(name, secrets, print)
    assert channel is not None
    return {name: channel}


def text(name: str, target: Target = FORECAST, **changes: object) -> Delivery:
    """The first text of a story of its own."""
    return notice(name, target=target, story=name, **changes)


def found(store: Store, name: str) -> Delivery:
    return next(item for item in store.deliveries() if item.id == name)


def states(store: Store) -> dict[str, str]:
    return {item.id: item.state for item in store.deliveries()}


def test_what_was_tried_for_weeks_is_tried_every_ten_minutes_and_keeps_nobody_back(store: Store) -> None:
    store.enqueue([text("d1", attempts=2000), text("d2", ANALYSTS)])
    with SlackDouble() as slack:
        slack.fail(POST, Status(503))
        deliver(store, opened("slack", slack.secrets), clock := Clock())
    assert found(store, "d1").due == clock.now + dt.timedelta(seconds=LONGEST_PAUSE)
    assert found(store, "d2").state == "sent"


@pytest.mark.parametrize("nonsense", [float("inf"), float("nan"), 1e300])
def test_whoever_asks_to_wait_for_ever_is_asked_again_after_a_day(store: Store, nonsense: float) -> None:
    store.enqueue([text("d1")])
    with SlackDouble() as slack:
        slack.fail(POST, RateLimited(nonsense))
        deliver(store, opened("slack", slack.secrets), clock := Clock())
    assert found(store, "d1").due == clock.now + dt.timedelta(days=1)


BROKEN = replace(MESSAGE, summary="Ann Smith", chart=replace(CHART, observed=()))


def test_a_message_that_we_cannot_send_keeps_nobody_back_and_fails_in_the_end(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.enqueue([text("d1", ANN, message=BROKEN), text("d2", BOB)])
    with MailDouble(trustme.CA(), "plain") as server:
        channels, clock = opened("email", {"SMTP_URL": server.url()}), Clock()
        deliver(store, channels, clock)
        assert states(store) == {"d1": "ambiguous", "d2": "sent"}
        deliver(store, channels, clock, dt.timedelta(hours=1), clock.pause)
    assert found(store, "d1").error.startswith("a fault of ours: ")
    assert (found(store, "d1").state, found(store, "d1").attempts) == ("failed", FAULTS)
    assert caplog.records and "Smith" not in caplog.text and ".py, line" in caplog.text


def test_a_server_that_cannot_be_reached_is_tried_once_a_pass_and_keeps_no_other_channel_back(store: Store) -> None:
    mails = [text(f"m{i}", Target("email", f"ann{i}@example.gov.uk")) for i in range(3)]
    store.enqueue([*mails, text("d1")])
    with SlackDouble() as slack:
        channels = opened("email", {"SMTP_URL": NOWHERE}) | opened("slack", slack.secrets)
        deliver(store, channels, Clock())
    assert [item.attempts for item in store.deliveries()] == [1, 0, 0, 1]
    assert [item.state for item in store.deliveries()] == ["pending"] * 3 + ["sent"]


def test_whoever_asks_to_wait_is_not_asked_for_the_next_message_in_the_same_pass(store: Store) -> None:
    store.enqueue([text("d1"), text("d2", ANALYSTS)])
    with SlackDouble() as slack:
        slack.fail(POST, RateLimited(30))
        channels, clock = opened("slack", slack.secrets), Clock()
        deliver(store, channels, clock)
        assert (len(slack.asked(POST)), states(store)) == (1, {"d1": "pending", "d2": "pending"})
        deliver(store, channels, clock)  # the next pass: one that always fails must not starve the others
    assert states(store) == {"d1": "pending", "d2": "sent"}


def test_one_that_is_refused_for_now_does_not_hold_up_its_channel(store: Store) -> None:
    store.enqueue([text("d1", ANN), text("d2", BOB)])
    with MailDouble(trustme.CA(), "plain") as server:
        server.say["RCPT ann@example.gov.uk"] = "450 Greylisted"
        deliver(store, opened("email", {"SMTP_URL": server.url()}), Clock())
    assert states(store) == {"d1": "pending", "d2": "sent"}


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("slak", r'\[\[targets\]\] channel: no channel "slak"; did you mean "slack"\?'),
        ("email", "environment: SMTP_URL names no sender"),
    ],
)
def test_a_channel_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, channel: str, said: str) -> None:
    file = tmp_path / "forecaster.toml"
    file.write_text(
        f'[[targets]]\nname = "managers"\nchannel = "{channel}"\naddress = "ann@b.uk"\n[[routes]]\nto = ["managers"]\n'
    )
    with pytest.raises(SettingsError, match=said):
        channels_of(load(file, {"SMTP_URL": "smtp://localhost"}))


def test_while_a_text_waits_for_the_one_before_it_nobody_asks_over_and_over(store: Store) -> None:
    clock = Clock()
    store.enqueue([notice("d1", target=FORECAST), notice("d2", target=FORECAST, due=clock.now)])
    with SlackDouble() as slack:
        slack.fail(POST, Status(503), RateLimited(50))
        deliver(store, opened("slack", slack.secrets), clock, dt.timedelta(minutes=1), clock.pause)
    assert states(store) == {"d1": "sent", "d2": "sent"}
    assert clock.pauses == 2
