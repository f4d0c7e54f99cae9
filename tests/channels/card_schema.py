"""What Teams takes of an Adaptive Card 1.4, as a JSON Schema: only the elements our cards are made of.

Written after the reference (https://adaptivecards.io/explorer/, https://adaptivecards.io/schemas/1.4.0/adaptive-card.json)
and stricter than it: what a card that came by a webhook cannot do is not in it, and no element whose text is Markdown.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def element(kind: str, required: tuple[str, ...], **properties: Schema) -> Schema:
    """An object of one type with these properties and no other."""
    named: Schema = {"type": {"const": kind}}
    return {
        "type": "object",
        "properties": named | properties,
        "required": ["type", *required],
        "additionalProperties": False,
    }


TEXT: Schema = {"type": "string", "minLength": 1}
RUN = element(
    "TextRun", ("text",), text=TEXT, isSubtle={"type": "boolean"},
    size={"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
    weight={"enum": ["Default", "Lighter", "Bolder"]},
)  # fmt: skip
WORDS = element("RichTextBlock", ("inlines",), inlines={"type": "array", "items": RUN, "minItems": 1})
IMAGE = element(
    "Image", ("url", "altText"), url={"type": "string", "pattern": r"^data:image/png;base64,[A-Za-z0-9+/]+=*$"},
    altText=TEXT, size={"enum": ["Auto", "Stretch", "Small", "Medium", "Large"]},
)  # fmt: skip
OPEN = element("Action.OpenUrl", ("url", "title"), url={"type": "string", "pattern": "^https?://"}, title=TEXT)
CARD = element(
    "AdaptiveCard", ("version", "body", "fallbackText"), version={"const": "1.4"},
    lang={"type": "string", "pattern": "^[a-z]{2}$"},
    fallbackText=TEXT, body={"type": "array", "items": {"oneOf": [WORDS, IMAGE]}, "minItems": 1},
    actions={"type": "array", "items": OPEN, "minItems": 1, "maxItems": 6},
    **{"$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"}},
)  # fmt: skip
