"""A message as Slack's Block Kit, within its limits and with nothing in it that Slack would act upon.

What came from data stays text: & < > are escaped, which takes away mentions, links and dates; the characters of
Slack's formatting, for which it has no escape, are shown as their twins (* as ∗); what cannot be seen (bidi overrides,
zero-width letters, line breaks) is a space. `verbatim` and `parse=none` stop Slack from finding addresses by itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from forecaster.messages import Answer, Message
from forecaster.words.wording import cut

HEADER, SECTION, CONTEXT, FALLBACK, LINK = 150, 3000, 2000, 4000, 3000  # characters Slack takes
TOTAL = 10_900  # of the sections: about 13,200 in all
MAX_BLOCKS = 50
# What a person may do, by the button's action id: these ids live on in old messages and are never changed.
BUTTONS: Mapping[str, tuple[Answer, str]] = {
    "forecaster_acknowledge": ("acknowledge", "Acknowledge"),
    "forecaster_snooze": ("snooze", "Snooze"),
    "forecaster_assign": ("assign", "Assign"),
    "forecaster_not_useful": ("not useful", "Not useful"),
}
OPEN = "forecaster_open"  # only a link, but Slack wants an id
TWINS = str.maketrans({"*": "∗", "~": "∼", "`": "'"})
# An underscore within a word is no italics. A colon that begins an emoji's name; a > that begins a quotation.
EDGE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
EMOJI = re.compile(r":(?=:*[^\s:]+:)")
QUOTE = re.compile(r"^\s*>")
Block = dict[str, Any]


def literal(text: str) -> str:
    """Returns text of one line in which no character is formatting, emoji or unseen; & < > are not yet escaped."""
    seen = "".join(letter if letter.isprintable() else " " for letter in text)
    return QUOTE.sub("›", EMOJI.sub("∶", EDGE.sub("＿", seen.translate(TWINS))))


def escaped(text: str, limit: int) -> str:
    """Returns text on one line that Slack shows as it is, no longer than `limit` once escaped."""
    return _fit(" ".join(literal(text).split()), limit)


def _fit(text: str, limit: int) -> str:
    """A cut never falls inside an escape."""
    whole = _escape(text)
    if _size(whole) <= limit:
        return whole
    lengths = list(accumulate(_size(_escape(letter)) for letter in text))
    return _escape(cut(text, bisect_right(lengths, limit - 1)))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _size(text: str) -> int:
    """Slack does not say how it counts characters: in UTF-16, as a browser does, there are most of them."""
    return len(text.encode("utf-16-le")) // 2


def fallback(message: Message) -> str:
    """Returns the text for notifications and screen readers: what was counted comes right after the headline."""
    return _fit("\n".join(literal(line) for line in message.text.split("\n")), FALLBACK)


def blocks(message: Message, answers: bool = False) -> list[Block]:
    """Returns headline, summary, lines, buttons and evidence as blocks; a change, being in its thread, is compact.

    answers: whether someone listens to the buttons; without it there is none but the link to the page.
    """
    summary, lines = escaped(message.summary, SECTION - 2), _lines(message)
    if message.kind == "change":
        top, texts = [], _packed([_bold(message.headline), *filter(None, [summary]), *lines])
    else:
        top, texts = [_header(message.headline)], [*([f"*{summary}*"] if summary else []), *_packed(lines)]
    sections: list[Block] = [{"type": "section", "text": _words(text)} for text in _fitting(texts)]
    return [*top, *sections, *_actions(message, answers), *_foot(message.evidence)]


def _header(headline: str) -> Block:
    return {
        "type": "header",
        "text": {"type": "plain_text", "text": escaped(headline, HEADER) or "-", "emoji": False},
    }


def _bold(headline: str) -> str:
    return f"*{escaped(headline, HEADER) or '-'}*"


def _foot(evidence: str) -> list[Block]:
    text = escaped(evidence, CONTEXT)
    return [{"type": "context", "elements": [_words(text)]}] if text else []


def _actions(message: Message, answers: bool) -> list[Block]:
    """The buttons of an alert that waits for an answer, and a link where there is a page."""
    if message.kind == "change":
        return []
    given = BUTTONS if answers and message.answerable else {}
    buttons = [_button(action, label, value=message.alert_id) for action, (_, label) in given.items()]
    if re.match(r"https?://[^\s|<>]+$", message.page) and len(message.page) <= LINK:
        buttons.append(_button(OPEN, "Open", url=message.page))
    return [{"type": "actions", "block_id": "forecaster_answers", "elements": buttons}] if buttons else []


def _button(action: str, label: str, **given: str) -> Block:
    text = {"type": "plain_text", "text": label, "emoji": False}
    return {"type": "button", "action_id": action, "text": text, **given}


def _words(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _lines(message: Message) -> list[str]:
    found = [(escaped(line.label, 40), escaped(line.text, SECTION - 50)) for line in message.lines]
    return [f"*{label}*  {text}" if label else text for label, text in found]


def _packed(texts: Iterable[str]) -> list[str]:
    """Lines in as few sections as Slack's limit allows: short messages stay in one."""
    found: list[str] = []
    for text in filter(None, texts):
        if found and _size(found[-1]) + _size(text) + 1 <= SECTION:
            found[-1] += "\n" + text
        else:
            found.append(text)
    return found


def _fitting(texts: Sequence[str]) -> list[str]:
    """As many sections as a message can hold; our own messages hold them all."""
    lengths = accumulate(_size(text) for text in texts)
    return [text for text, length in zip(texts, lengths, strict=True) if length <= TOTAL][: MAX_BLOCKS - 3]
