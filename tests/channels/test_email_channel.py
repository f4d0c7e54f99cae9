"""Email, against a real server on this machine: what arrives, what is said when it does not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from forecaster.channels import missing_secrets, open_channel
from forecaster.channels.email import PATIENCE, Email, create
from forecaster.messages import SendError, Target
from tests.channels.mail_double import DROP, DROP_TAKEN, PASSWORD, SLOW, USER, Kind, MailDouble
from tests.channels.notices import CHART, DRAWN, MESSAGE, notice

ANN, BOB = "ann@example.gov.uk", "bob@example.gov.uk"
BOTH = Target("email", f"{ANN}, {BOB}")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "council-ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def serve(authority: trustme.CA) -> Iterator[Callable[[Kind], MailDouble]]:
    started: list[MailDouble] = []

    def start(kind: Kind) -> MailDouble:
        started.append(MailDouble(authority, kind).__enter__())
        return started[-1]

    yield start
    for server in started:
        server.__exit__()


@pytest.fixture
def server(serve) -> MailDouble:
    return serve("plain")


@pytest.fixture
def channel(server: MailDouble) -> Email:
    return opened(server.url())


def opened(url: str) -> Email:
    made = create({"SMTP_URL": url}, print)
    assert isinstance(made, Email)
    return made


def failure(channel: Email, delivery=None) -> SendError:
    with pytest.raises(SendError) as caught:
        channel.send(delivery or notice())
    assert PASSWORD not in str(caught.value)
    return caught.value


def kind(error: SendError) -> tuple[bool, bool]:
    return error.permanent, error.ambiguous


# What arrives


@pytest.mark.parametrize("encryption", ["smtps", "starttls"])
def test_a_mail_arrives_encrypted_and_logged_in(serve, ca, encryption):
    server = serve(encryption)
    receipt = opened(server.url(ca=ca)).send(notice())
    [mail] = server.mails
    assert mail["Message-ID"] == receipt
    assert mail["Subject"] == "Child protection plan starts are surging - week of 29 January 2018"
    assert mail["From"] == f"Forecaster <{USER}>"
    assert mail["To"] == ANN
    assert server.envelopes == [(USER, [ANN])]
    assert server.asked == ["AUTH", f"MAIL {USER}", f"RCPT {ANN}", "DATA", "QUIT"]


def test_the_mail_has_text_html_and_the_chart_inside(server, channel):
    channel.send(notice(message=DRAWN))
    [mail] = server.mails
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "multipart/related"]
    assert "Where: North locality 28 of the 39 extra, City 11." in mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert f'src="cid:{picture["Content-ID"][1:-1]}" alt="{CHART.alt_text}"' in page
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content().startswith(b"\x89PNG")


def test_programs_are_told_what_the_mail_is(server, channel):
    channel.send(notice())
    channel.send(notice("d2", message=replace(MESSAGE, severity="low")))
    names = ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Forecaster-Severity", "X-Forecaster-Alert", "Importance")
    assert [server.mails[0][name] for name in names] == ["auto-generated", "All", "high", "a1", "high"]
    assert [server.mails[1][name] for name in names[2:]] == ["low", "a1", None]
    assert server.mails[0]["Date"].datetime.tzinfo is not None


def test_a_resolved_alert_is_not_urgent_however_severe_it_was(server, channel):
    channel.send(notice(message=replace(MESSAGE, answerable=False)))
    assert server.mails[0]["Importance"] is None


def test_later_mails_are_answers_to_the_first_of_the_story(server, channel):
    first = channel.send(notice())
    channel.send(notice("d2", thread=first))
    channel.send(notice("d3", thread=f"{first}; not taken for {BOB}: 550 unknown"))
    assert server.mails[0]["In-Reply-To"] is None
    for mail in server.mails[1:]:
        assert mail["In-Reply-To"] == mail["References"] == first
    assert len({mail["Message-ID"] for mail in server.mails}) == 3


def test_a_repeated_mail_has_the_same_message_id_and_says_so(server, channel):
    again = notice(state="ambiguous")
    assert channel.find(again) is None
    assert channel.send(notice()) == channel.send(again)
    said = ["may have reached you before" in mail.get_body(("plain",)).get_content() for mail in server.mails]
    assert said == [False, True]
    assert "may have reached you before" in server.mails[1].get_body(("html",)).get_content()


def test_several_addresses_get_one_mail(server, channel):
    channel.send(notice(target=BOTH))
    assert server.envelopes == [(USER, [ANN, BOB])]
    assert server.mails[0]["To"] == f"{ANN}, {BOB}"


def test_a_certificate_from_elsewhere_gets_neither_password_nor_mail(serve):
    for encryption in ("smtps", "starttls"):
        server = serve(encryption)
        error = failure(opened(server.url()))
        assert kind(error) == (False, False)
        assert "certificate" in str(error)
        assert server.asked == []


def test_a_server_that_does_not_encrypt_gets_neither_password_nor_mail(serve):
    server = serve("plain")
    error = failure(opened(f"smtp://me:{PASSWORD[:6]}@localhost:{server.port}?tls=yes&from={USER}"))
    assert kind(error) == (False, False)
    assert "does not offer" in str(error)
    assert server.asked == []


# What goes wrong before the mail is handed over


def test_a_wrong_password_is_permanent_and_not_shown(serve, ca):
    server = serve("smtps")
    error = failure(opened(server.url(password="hunter2", ca=ca)))
    assert kind(error) == (True, False)
    assert "hunter2" not in str(error)
    assert "check user and password in SMTP_URL" in str(error)
    assert server.mails == []


def test_a_login_that_fails_for_now_is_tried_again(serve, ca):
    server = serve("smtps")
    server.say["AUTH"] = "454 4.7.0 Temporary authentication failure"
    assert kind(failure(opened(server.url(ca=ca)))) == (False, False)


def test_a_refused_connection_has_surely_not_arrived():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = failure(opened(f"smtp://127.0.0.1:{port}?from={USER}"))
    assert kind(error) == (False, False)
    assert "check the network and SMTP_URL" in str(error)


def test_a_server_that_lets_nobody_in_is_tried_again():
    def refuse() -> None:
        caller, _ = listening.accept()
        with caller:
            caller.sendall(b"554 No service for strangers\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=refuse)
        answering.start()
        error = failure(opened(f"smtp://127.0.0.1:{listening.getsockname()[1]}?from={USER}"))
        answering.join(5)
    assert kind(error) == (False, False)
    assert "554 No service for strangers" in str(error)


@pytest.mark.parametrize(
    ("step", "remedy"),
    [("MAIL", "check from= in SMTP_URL"), ("RCPT", "check the target's address"), ("DATA", "who run the mail server")],
)
@pytest.mark.parametrize(("answer", "permanent"), [("550 5.7.1 We do not want it", True), ("451 Later", False)])
def test_a_refusal_says_where_why_and_what_to_do(server, channel, step, remedy, answer, permanent):
    server.say[step] = answer
    error = failure(channel)
    assert kind(error) == (permanent, False)
    assert step in str(error)
    assert answer in str(error)
    assert remedy in str(error)
    assert server.mails == []


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_a_connection_that_drops_before_the_mail_has_surely_not_arrived(server, channel, step):
    server.say[step] = DROP
    assert kind(failure(channel)) == (False, False)


# Some addresses refused


def test_who_is_refused_for_good_does_not_hold_back_the_others(server, channel):
    server.say[f"RCPT {BOB}"] = "550 5.1.1 No such mailbox"
    receipt = channel.send(notice(target=BOTH))
    assert receipt == f"{server.mails[0]['Message-ID']}; not taken for {BOB}: 550 5.1.1 No such mailbox"
    assert server.envelopes == [(USER, [ANN])]


def test_when_all_are_refused_for_good_nothing_is_sent(server, channel):
    server.say["RCPT"] = "550 5.1.1 No such mailbox"
    assert kind(failure(channel, notice(target=BOTH))) == (True, False)
    assert server.mails == []


def test_who_is_refused_for_now_is_waited_for_but_not_for_ever(server, channel):
    server.say[f"RCPT {ANN}"] = "450 4.2.0 Greylisted"
    for attempts in (1, PATIENCE):
        assert kind(failure(channel, notice(target=BOTH, attempts=attempts))) == (False, False)
    assert server.mails == []
    assert "450 4.2.0 Greylisted" in channel.send(notice(target=BOTH, attempts=PATIENCE + 1))
    assert server.envelopes == [(USER, [BOB])]


def test_while_one_may_be_taken_later_no_failure_is_permanent(server, channel):
    server.say |= {f"RCPT {ANN}": "550 No such mailbox", f"RCPT {BOB}": "450 Greylisted"}
    assert kind(failure(channel, notice(target=BOTH, attempts=PATIENCE + 1))) == (False, False)


# What goes wrong when the mail is handed over


@pytest.mark.parametrize(("said", "taken"), [(DROP, 0), (DROP_TAKEN, 1)])
def test_a_connection_that_drops_after_the_mail_may_have_delivered_it(server, channel, said, taken):
    server.say["DATA"] = said
    assert kind(failure(channel)) == (False, True)
    assert len(server.mails) == taken


def test_an_answer_that_comes_too_late_may_have_delivered_it(server, channel):
    hasty = replace(channel, server=replace(channel.server, timeout=0.2))
    server.say["DATA"] = SLOW
    assert kind(failure(hasty)) == (False, True)
    assert len(server.mails) == 1


@pytest.mark.parametrize("said", [DROP, "500 What?"])
def test_a_mail_that_was_taken_is_sent_however_the_server_says_goodbye(server, channel, said):
    server.say["QUIT"] = said
    assert channel.send(notice()) == server.mails[0]["Message-ID"]


# What can be no mail


@pytest.mark.parametrize(
    "address", ["", " , ", "ann", "ann@", "Ann <ann@example.gov.uk>", "a@b\nRCPT TO:<c@d>", "é@b", "a..b@c.uk", ".a@b"]
)
def test_an_address_that_is_none_is_permanent_and_asks_nobody(server, channel, address):
    error = failure(channel, notice(target=Target("email", address)))
    assert kind(error) == (True, False)
    assert "plain addresses" in str(error)
    assert server.asked == []


@pytest.mark.parametrize("part", ["chart", "edit"])
def test_a_mail_is_sent_as_a_whole(server, channel, part):
    assert kind(failure(channel, notice(part=part))) == (True, False)
    assert server.asked == []


def test_without_its_secret_there_is_no_email():
    assert open_channel("email", {}, print) is None
    assert missing_secrets("email", {}) == ["SMTP_URL"]


def test_nothing_is_logged_and_no_text_of_the_channel_has_the_password(serve, ca, caplog):
    caplog.set_level(0)
    server = serve("smtps")
    channel = opened(server.url(ca=ca))
    channel.send(notice())
    server.say["DATA"] = DROP
    failure(channel)
    assert PASSWORD not in f"{channel}{caplog.text}"
    assert not [record for record in caplog.records if record.name.startswith("forecaster")]
