"""The console: a message as plain text, wrapped to the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from forecaster.channels._channel import Channel, Write
from forecaster.messages import Delivery, DeliveryPart, Message

PARTS: frozenset[DeliveryPart] = frozenset({"text"})
NEEDS: tuple[str, ...] = ()
WIDEST = 110  # longer lines are hard to read, however wide the terminal is


def create(secrets: Mapping[str, str], write: Write) -> Channel | None:
    """Returns the console; it needs no secret."""
    return Console(write, min(shutil.get_terminal_size().columns, WIDEST))


@dataclass(frozen=True)
class Console:
    """Writes each message through a callable, such as a stream's write."""

    write: Write
    width: int = WIDEST
    name: str = "console"

    def send(self, delivery: Delivery) -> str:
        """Returns the delivery's id; a chart is told in words."""
        message = delivery.message
        if delivery.part == "text":
            self.write("\n" + plain(message, self.width) + "\n")
        elif message.chart is not None:
            self.write(_wrapped(f"[{message.chart.alt_text}]", "", "", self.width) + "\n")
        return delivery.id

    def find(self, delivery: Delivery) -> str | None:
        """Returns None: what a terminal showed cannot be asked for."""
        return None


def plain(message: Message, width: int) -> str:
    """Returns the message as text no wider than `width`, the labels of its lines in a column."""
    column = max((len(line.label) for line in message.lines), default=0) + 2
    body = [_wrapped(line.text, f"{line.label:<{column}}", " " * column, width) for line in message.lines]
    rest = [_wrapped(text, "", "", width) for text in (message.headline, message.summary, message.evidence)]
    return "\n".join([rest[0], rest[1], *body, *rest[2:]])


def _wrapped(text: str, first: str, later: str, width: int) -> str:
    return textwrap.fill(text, max(width, 40), initial_indent=first, subsequent_indent=later) or first.rstrip()
