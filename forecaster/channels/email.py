"""Email: one mail a target, text and HTML with the chart inside, mails on one story in one thread.

SMTP knows no look-up, so `find` finds nothing: a mail that may have been taken is sent again under the same Message-ID
and says so. A target's address is one address, or several with commas between them.
"""

from __future__ import annotations

import datetime as dt
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forecaster.channels._channel import Channel, Write
from forecaster.channels._email_errors import Step, not_sent, perhaps_sent, refusal, said
from forecaster.channels._email_letter import letter, message_id
from forecaster.channels._email_server import Server, parse
from forecaster.messages import Delivery, DeliveryPart, SendError, mail_addresses

NEEDS = ("SMTP_URL",)
PARTS: frozenset[DeliveryPart] = frozenset({"text"})
PATIENCE = 5  # tries in which one address that is refused for now holds back the others
Answer = tuple[int, bytes]


def create(secrets: Mapping[str, str], write: Write) -> Channel | None:
    """Returns email, or None without SMTP_URL; raises ValueError when that cannot be used, without showing it."""
    url = secrets.get("SMTP_URL", "")
    return Email(parse(url)) if url else None


@dataclass(frozen=True)
class Email:
    """One mail server."""

    server: Server
    name: str = "email"

    def send(self, delivery: Delivery) -> str:
        """Returns the mail's Message-ID, and behind it who was refused it; raises SendError."""
        to = _addresses(delivery)
        mail = letter(delivery, self.server.sender, to, dt.datetime.now(dt.UTC)).as_bytes()
        try:
            with self.server.session() as smtp:
                refused = _offer(smtp, self.server.sender, to, delivery.attempts)
                _hand_over(smtp, mail)
        except OSError as error:
            raise not_sent(error) from error
        without = "".join(f"; not taken for {address}: {said(*answer)}" for address, answer in refused.items())
        return message_id(delivery, self.server.sender) + without

    def find(self, delivery: Delivery) -> str | None:
        """Returns None: a mail server cannot be asked."""
        return None


def _addresses(delivery: Delivery) -> list[str]:
    """Raises a permanent SendError for a delivery that no mail can be made of."""
    if delivery.part not in PARTS:
        raise SendError(f"a mail is sent as a whole, it has no {delivery.part}", permanent=True)
    try:
        return mail_addresses(delivery.target.address)
    except ValueError as error:
        raise SendError(str(error), permanent=True) from None


def _offer(smtp: smtplib.SMTP, sender: str, to: Sequence[str], attempts: int) -> dict[str, Answer]:
    """Returns the addresses that are refused while others are taken, with the server's answers; raises SendError."""
    _check("MAIL", smtp.mail(sender))
    answers = {address: smtp.rcpt(address) for address in to}
    refused = {address: answer for address, answer in answers.items() if not _taken(answer)}
    later = next((answer for answer in refused.values() if answer[0] < 500), None)
    if later and (len(refused) == len(to) or attempts <= PATIENCE):
        raise refusal("RCPT", *later)
    if len(refused) == len(to):
        raise refusal("RCPT", *refused[to[0]])
    return refused


def _hand_over(smtp: smtplib.SMTP, mail: bytes) -> None:
    """Raises SendError; only here may a mail have arrived although nobody said so."""
    try:
        answer = smtp.data(mail)
    except smtplib.SMTPDataError as error:
        raise refusal("DATA", error.smtp_code, error.smtp_error) from error
    except OSError as error:
        raise perhaps_sent(error) from error
    _check("DATA", answer)


def _check(step: Step, answer: Answer) -> None:
    if not _taken(answer):
        raise refusal(step, *answer)


def _taken(answer: Answer) -> bool:
    return 200 <= answer[0] < 300
