"""A message as an Adaptive Card 1.4 that Teams takes: small enough, and with nothing in it that Teams would act upon.

All words are runs of a RichTextBlock, for which there is no Markdown, so nothing has to be escaped: the phones show the
backslashes of an escaped TextBlock (https://github.com/microsoft/AdaptiveCards/issues/5590). A card that came by a
webhook cannot send an answer back, so its only action opens the message's page.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from forecaster import chart
from forecaster.channels._notes import page, visible
from forecaster.channels._small_png import small_png
from forecaster.messages import Chart, Message
from forecaster.words.wording import shorten

LIMIT = 24_000  # bytes of a whole post; Teams refuses 28 kB, and counts more than we see
SCALES = (0.8, 0.6)  # of the chart, from the sharpest
PICTURE = 6_000  # bytes that any picture takes
DISPENSABLE = ("From", "Others", "Ahead")  # what a reader misses least comes first
LENGTHS = (1000, 400, 150)  # of a line, when whole lines are too much
MOST = 12  # lines that are kept at last
Element = dict[str, Any]


def post(message: Message, foot: Sequence[str]) -> bytes:
    """Returns what is posted to Teams: of the cards that fit the one that says most; foot: sentences that end it."""
    seen = visible(message)
    return next(made for body in _bodies(seen, foot) if len(made := _post(seen, body)) <= LIMIT)


def card(message: Message, body: Sequence[Element]) -> Element:
    """Returns a card with this body."""
    made: Element = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "lang": "en",
        "fallbackText": shorten(message.headline, LENGTHS[-1]),
        "body": list(body),
    }
    actions = [{"type": "Action.OpenUrl", "title": "Open", "url": page(message)}]
    return made | ({"actions": actions} if page(message) else {})


def _post(message: Message, body: Sequence[Element]) -> bytes:
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card(message, body)}
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()


def _bodies(message: Message, foot: Sequence[str]) -> Iterator[list[Element]]:
    """Bodies that say less and less: the chart smaller, then in words, then fewer lines, then shorter ones."""
    room = LIMIT - len(_post(message, _body(message, [], foot)))
    if message.chart is not None and room > PICTURE:
        yield from (_body(message, [_image(message.chart, scale)], foot) for scale in SCALES)
    told = [_words(_run(message.chart.alt_text, size="Small", subtle=True))] if message.chart else []
    yield _body(message, told, foot)
    for label in DISPENSABLE:
        message = replace(message, lines=tuple(line for line in message.lines if line.label != label))
        yield _body(message, told, foot)
    for length in LENGTHS:
        message = _shortened(message, length)
        yield _body(message, [], foot)


def _shortened(message: Message, length: int) -> Message:
    lines = tuple(replace(line, text=shorten(line.text, length)) for line in message.lines)
    return replace(
        message,
        headline=shorten(message.headline, length),
        summary=shorten(message.summary, length),
        lines=lines[:MOST] if length == LENGTHS[-1] else lines,
        evidence=shorten(message.evidence, length),
    )


def _body(message: Message, picture: Sequence[Element], foot: Sequence[str]) -> list[Element]:
    lines = [_words(_run(line.label and f"{line.label}  ", bold=True), _run(line.text)) for line in message.lines]
    elements = [
        _words(_run(message.headline, size="Large", bold=True)),
        _words(_run(message.summary, bold=True)),
        *lines[:1],
        *picture,
        *lines[1:],
        *(_words(_run(text, size="Small", subtle=True)) for text in (message.evidence, *foot)),
    ]
    return [element for element in elements if element.get("inlines", True)]


def _words(*runs: Element) -> Element:
    return {"type": "RichTextBlock", "inlines": [run for run in runs if run["text"]]}


def _run(text: str, *, size: str = "", bold: bool = False, subtle: bool = False) -> Element:
    style = {"size": size, "weight": "Bolder" if bold else "", "isSubtle": subtle}
    return {"type": "TextRun", "text": text} | {name: value for name, value in style.items() if value}


@lru_cache(maxsize=8)
def _drawn(picture: Chart, scale: float) -> str:
    """The picture for a card; kept for a while, since several places get the same."""
    return base64.b64encode(small_png(chart.to_png(chart.vega_lite(picture), scale))).decode()


def _image(picture: Chart, scale: float) -> Element:
    return {
        "type": "Image",
        "url": f"data:image/png;base64,{_drawn(picture, scale)}",
        "altText": picture.alt_text,
        "size": "Stretch",
    }
