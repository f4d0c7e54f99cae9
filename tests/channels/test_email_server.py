"""SMTP_URL: what it may say, and that nothing said about it gives its password away."""

from __future__ import annotations

import pytest

from forecaster.channels._email_server import Server, parse

FROM = "f@council.gov.uk"


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        (f"smtps://mail.test?from={FROM}", 465, "from the start"),
        (f"smtps://mail.test:2465?from={FROM}", 2465, "from the start"),
        (f"smtp://mail.test?from={FROM}", 587, "starttls"),
        (f"smtp://mail.test:25?from={FROM}", 25, "starttls"),
        (f"smtp://mail.test?from={FROM}&tls=no", 25, "none"),
        (f"smtp://localhost?from={FROM}", 25, "none"),
        (f"smtp://127.0.0.1:2525?from={FROM}", 2525, "none"),
        (f"smtp://localhost:587?from={FROM}&tls=yes", 587, "starttls"),
    ],
)
def test_mail_is_encrypted_unless_the_server_is_this_machine_or_it_is_said(url, port, tls):
    server = parse(url)
    assert (server.port, server.tls) == (port, tls)


def test_user_password_and_sender_may_have_any_letter_that_is_written_as_a_percent():
    server = parse("smtps://me%40council.gov.uk:p%40ss%2F%3F%23%25@mail.test?from=a+b@council.gov.uk")
    assert (server.user, server.password, server.sender) == ("me@council.gov.uk", "p@ss/?#%", "a+b@council.gov.uk")


def test_the_sender_is_the_user_unless_it_is_said():
    assert parse(f"smtps://{FROM.replace('@', '%40')}:pw@mail.test").sender == FROM


def test_a_council_can_bring_its_own_authority(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("certificates")
    assert parse(f"smtps://mail.test?from={FROM}&ca={file}").ca == str(file)
    with pytest.raises(ValueError, match=r"ca=/nowhere\.pem, which is not a file"):
        parse(f"smtps://mail.test?from={FROM}&ca=/nowhere.pem")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mail.test", "is not the address of a mail server"),
        ("https://me:hunter2@mail.test", "is not the address of a mail server"),
        (f"smtps://me:hunter2@?from={FROM}", "is not the address of a mail server"),
        (f"smtps://me:hunter2/x@mail.test?from={FROM}", "cannot be read"),
        (f"smtps://me:hunter2#x@mail.test?from={FROM}", "cannot be read"),
        (f"smtps://me:hunter2?x@mail.test?from={FROM}", "cannot be read"),
        (f"smtps://me:[hunter2@mail.test?from={FROM}", "cannot be read"),
        ("smtps://me:hunter2@mail.test", "names no sender"),
        ("smtps://me:hunter2@mail.test?from=Ann", "names no sender"),
        ("smtps://me:hunter2@mail.test?from=a@b%0d%0aRCPT", "names no sender"),
        (f"smtps://me:hunter2@mail.test?from={FROM}&tsl=no", "takes from="),
        (f"smtps://12:34?hunter2@mail.test&from={FROM}", "takes from="),
        (f"smtp://me:hunter2@mail.test?from={FROM}&tls=maybe", "takes from="),
        (f"smtp://me:hunter2@mail.test?from={FROM}&tls=no", "in the open"),
        (f"smtps://me:hunter2é@mail.test?from={FROM}", "letters that mail servers do not take"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(url, says):
    with pytest.raises(ValueError, match=says) as caught:
        parse(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None and (caught.value.__context__ is None or caught.value.__suppress_context__)


def test_a_server_shows_no_password():
    assert "hunter2" not in repr(Server("mail.test", 465, "from the start", FROM, "me", "hunter2"))
