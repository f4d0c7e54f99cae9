"""What mails and cards share: words in which all can be seen, the page, and what is said below a message."""

from __future__ import annotations

import re
from dataclasses import replace

from forecaster.messages import Delivery, Line, Message
from forecaster.words.wording import clean

LONGEST = 10_000  # characters of one text; our own are far shorter


def visible(message: Message) -> Message:
    """Returns the message with each text on one line, and a space for what cannot be seen, such as a bidi override."""
    chart = message.chart and replace(message.chart, alt_text=clean(message.chart.alt_text, LONGEST))
    return replace(
        message,
        headline=clean(message.headline, LONGEST),
        summary=clean(message.summary, LONGEST),
        lines=tuple(Line(clean(line.label), clean(line.text, LONGEST)) for line in message.lines),
        evidence=clean(message.evidence, LONGEST),
        chart=chart,
    )


def page(message: Message) -> str:
    """Returns the address of the message's page, "" where there is none that a link may lead to."""
    return message.page if re.fullmatch(r"https?://[^\s<>\"']+", message.page) else ""


def notes(delivery: Delivery, noun: str) -> list[str]:
    """Returns the sentences below a message; noun: what this channel sends ("mail")."""
    private = f"This {noun} shows small numbers: it is for its addressees alone." if delivery.message.exact else ""
    return [note for note in (private, _where_to_answer(delivery.message), _repeated(delivery, noun)) if note]


def _where_to_answer(message: Message) -> str:
    if not message.answerable:
        return ""
    if page(message):
        return "Acknowledge, snooze or assign it on its page."
    if message.kind == "arrival":  # who is told of it has the command line
        return f'To acknowledge it: forecaster ack {message.alert_id} --reason "under way".'
    return f"To acknowledge, snooze or assign it, tell your analysts: alert {message.alert_id}."


def _repeated(delivery: Delivery, noun: str) -> str:
    """Whoever sends again without being able to look says so."""
    return f"This {noun} may have reached you before." if delivery.state == "ambiguous" else ""
