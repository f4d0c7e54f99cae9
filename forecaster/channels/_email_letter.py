"""A delivery as a mail: text, and HTML with the chart inside it."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import textwrap
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from forecaster import chart
from forecaster.channels._email_html import html
from forecaster.channels._notes import notes, page, visible
from forecaster.channels._small_png import small_png
from forecaster.messages import Delivery, Message
from forecaster.words.wording import clean, shorten

POLICY = SMTP.clone(cte_type="7bit")  # any server can pass it on
SUBJECT = 250  # characters
WIDTH = 72
MESSAGE_ID = re.compile(r"<[^<>\s]+>")


def message_id(delivery: Delivery, sender: str) -> str:
    """Returns the Message-ID of a delivery: a repeated one has the same, so that it is known for what it is."""
    return f"<{hashlib.sha256(delivery.id.encode()).hexdigest()[:32]}@{sender.partition('@')[2]}>"


def letter(delivery: Delivery, sender: str, to: Sequence[str], now: dt.datetime) -> EmailMessage:
    """Returns the mail; to: plain addresses; now: its date, with a time zone."""
    message, own, foot = visible(delivery.message), message_id(delivery, sender), notes(delivery, "mail")
    mail = EmailMessage(POLICY)
    mail["From"] = Address("Forecaster", addr_spec=sender)
    mail["To"] = [Address(addr_spec=address) for address in to]
    mail["Subject"] = shorten(message.headline, SUBJECT)
    mail["Date"] = now
    mail["Message-ID"] = own
    for name, value in (_thread(delivery) | _marks(message)).items():
        mail[name] = value
    mail.set_content(text(message, foot), params={"format": "flowed"})
    _add_html(mail, message, own, foot)
    return mail


def _thread(delivery: Delivery) -> dict[str, str]:
    """The first mail of the story, whose receipt begins with its Message-ID."""
    first = MESSAGE_ID.match(delivery.thread)
    return {"In-Reply-To": first[0], "References": first[0]} if first else {}


def _marks(message: Message) -> dict[str, str]:
    """What mail programs and rules of a mailbox go by; nobody's absence note comes back."""
    marks = {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Forecaster-Severity": message.severity,
        "X-Forecaster-Alert": clean(message.alert_id),
    }
    urgent = message.severity == "high" and (message.answerable or message.broadcast)
    private = {"Sensitivity": "Company-Confidential"} if message.exact else {}
    return marks | private | ({"Importance": "high", "X-Priority": "1"} if urgent else {})


def _add_html(mail: EmailMessage, message: Message, own: str, foot: Sequence[str]) -> None:
    cid = f"chart.{own[1:-1]}" if message.chart else ""
    mail.add_alternative(html(message, cid, foot), subtype="html")
    if message.chart is not None:
        picture = small_png(chart.png(message.chart))
        body = mail.get_body(("html",))
        assert body is not None
        body.add_related(picture, "image", "png", cid=f"<{cid}>", filename="chart.png", disposition="inline")


def text(message: Message, foot: Sequence[str]) -> str:
    """Returns the mail as plain text for format=flowed (RFC 3676): a line that ends with a space goes on."""
    picture = f"[{message.chart.alt_text}]" if message.chart else ""
    link = f"Open: {page(message)}" if page(message) else ""
    lines = [f"{line.label}: {line.text}" if line.label else line.text for line in message.lines]
    blocks = ([message.headline, message.summary], lines, [picture], [message.evidence], [link, *foot])
    flowed = ["\n".join(_flowed(part) for part in block if part) for block in blocks]
    return "\n\n".join(block for block in flowed if block) + "\n"


def _flowed(paragraph: str) -> str:
    """Lines that could be taken for a quotation or an envelope get a space in front (RFC 3676, section 4.4)."""
    lines = textwrap.wrap(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)
    return " \n".join(f" {line}" if line.startswith((" ", ">", "From ")) else line for line in lines)
