"""A message as Slack's Block Kit, within its limits and with nothing in it that Slack would act upon."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from forecaster.messages import Line, Message
from forecaster.wording import cut

HEADER, SECTION, CONTEXT, FALLBACK = 150, 3000, 2000, 4000  # characters Slack takes
TOTAL = 11_000  # of the sections: about 13,200 in all
MAX_BLOCKS = 50
Block = dict[str, Any]


def escaped(text: str, limit: int) -> str:
    """Returns text that Slack shows as it is, no longer than `limit` once escaped.

    & < and > are all that can begin a mention or a link; a cut never falls inside an escape.
    """
    lengths = list(accumulate(len(_escape(letter)) for letter in text))
    if not lengths or lengths[-1] <= limit:
        return _escape(text)
    return _escape(cut(text, bisect_right(lengths, limit - 1)))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def blocks(message: Message) -> list[Block]:
    """Returns headline, summary, lines and evidence as blocks."""
    headline = {"type": "plain_text", "text": escaped(message.headline, HEADER) or "-", "emoji": False}
    summary = [f"*{escaped(message.summary, SECTION - 2)}*"] if message.summary else []
    sections: list[Block] = [
        {"type": "section", "text": _words(text)} for text in _fitting(summary + _lines(message.lines))
    ]
    foot: list[Block] = [{"type": "context", "elements": [_words(escaped(message.evidence, CONTEXT))]}]
    return [{"type": "header", "text": headline}, *sections, *(foot if message.evidence else [])]


def _fitting(texts: Sequence[str]) -> list[str]:
    """As many sections as a message can hold; our own messages hold them all."""
    lengths = accumulate(len(text) for text in texts)
    return [text for text, length in zip(texts, lengths, strict=True) if length <= TOTAL][: MAX_BLOCKS - 2]


def fallback(message: Message) -> str:
    """Returns the text for notifications and screen readers: what was counted comes right after the headline."""
    return escaped(message.text, FALLBACK)


def _words(text: str) -> Block:
    """`verbatim`: Slack makes no links out of addresses or channel names it believes to see."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _lines(lines: tuple[Line, ...]) -> list[str]:
    """The lines in as few sections as Slack's limit allows: short messages stay in one."""
    found: list[str] = []
    for line in lines:
        label = escaped(line.label, 40)
        text = f"*{label}*  {escaped(line.text, SECTION - 50)}"
        if found and len(found[-1]) + len(text) + 1 <= SECTION:
            found[-1] += "\n" + text
        else:
            found.append(text)
    return found
