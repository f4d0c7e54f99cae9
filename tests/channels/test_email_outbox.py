"""From the outbox to the mailbox and to Teams: what a cut connection, a refusal and an update come to in the end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from forecaster.channels import Channel, open_channel
from forecaster.messages import Delivery, Target
from forecaster.store import Store
from jobs.deliver import deliver
from tests.channels.clocks import Clock
from tests.channels.mail_double import DROP_TAKEN, MailDouble
from tests.channels.notices import notice
from tests.channels.teams_double import Answer, Dropped, TeamsDouble
from tests.store.store_cases import run

MAIL = Target("email", "ann@example.gov.uk, bob@example.gov.uk")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/outbox.db") as opened:
        opened.migrate()
        yield opened


@pytest.fixture
def server() -> Iterator[MailDouble]:
    with MailDouble(trustme.CA(), "plain") as double:
        yield double


def put(store: Store, *items: Delivery) -> None:
    """Into the outbox, as what the alert of the store's own cases says."""
    store.commit_run(run(deliveries=[replace(i, alert_id="A1", transition_id="A1-opened") for i in items]))


def told(store: Store, channel: Channel | None, clock: Clock) -> dict[str, str]:
    """What became of each delivery."""
    assert channel is not None
    deliver(store, {channel.name: channel}, clock, dt.timedelta(hours=1), clock.pause)
    return {item.id: f"{item.state} {item.receipt}" for item in store.deliveries()}


def test_a_mail_that_may_have_arrived_comes_again_as_the_same_one_and_says_so(store, server):
    put(store, notice("d1", target=MAIL))
    server.say["DATA"] = DROP_TAKEN
    outcome = told(store, open_channel("email", {"SMTP_URL": server.url()}, print), Clock(then=server.say.clear))
    first, second = server.mails
    assert outcome == {"d1": f"sent {first['Message-ID']}"}
    assert first["Message-ID"] == second["Message-ID"]
    texts = [mail.get_body(("plain",)).get_content() for mail in server.mails]
    assert ["may have reached you before" in text for text in texts] == [False, True]


def test_updates_follow_the_first_mail_even_where_somebody_was_refused_it(store, server):
    put(store, notice("d1", target=MAIL), notice("d2", target=MAIL))
    server.say["RCPT bob@example.gov.uk"] = "550 No such mailbox"
    outcome = told(store, open_channel("email", {"SMTP_URL": server.url()}, print), Clock())
    first, second = server.mails
    assert outcome["d1"] == f"sent {first['Message-ID']}; not taken for bob@example.gov.uk: 550 No such mailbox"
    assert second["References"] == first["Message-ID"]


def test_a_server_that_comes_back_gets_the_mail_once(store, server):
    put(store, notice("d1", target=MAIL))
    server.say["MAIL"] = "421 Going down"
    told(store, open_channel("email", {"SMTP_URL": server.url()}, print), Clock(then=server.say.clear))
    assert len(server.mails) == 1
    assert "before" not in server.mails[0].get_body(("plain",)).get_content()


@pytest.mark.parametrize("fault", [Dropped(True), Answer(503, taken=True)])
def test_a_card_that_may_have_arrived_comes_again_and_says_so(store, fault):
    put(store, notice("d1", target=Target("teams")))
    with TeamsDouble() as teams:
        teams.faults.append(fault)
        outcome = told(store, open_channel("teams", teams.secrets, print), Clock())
    assert outcome == {"d1": "sent accepted run2"}
    last = [card["body"][-1]["inlines"][0]["text"] for card in teams.cards]
    assert ["may have reached you before" in text for text in last] == [False, True]
