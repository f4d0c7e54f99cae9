"""Slack's documented limits on blocks and forms, as its own error codes.

docs.slack.dev: reference/block-kit/blocks, reference/block-kit/block-elements, reference/views/modal-views.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, NoReturn

Arguments = dict[str, Any]
TOTAL = 13_200  # characters of a message's blocks
LENGTHS = {"text": 75, "value": 2000, "url": 3000, "action_id": 255}  # of a button
INPUTS = {"plain_text_input", "datepicker", "users_select"}


class RefusalError(Exception):
    """Slack's error code for a request that breaks its rules."""


def refuse(error: str) -> NoReturn:
    raise RefusalError(error)


def check_blocks(blocks: list[Arguments], most: int = 50) -> None:
    """Raises RefusalError for blocks that Slack would not take."""
    names = [block["block_id"] for block in blocks if "block_id" in block]
    fits = len(blocks) <= most and len(set(names)) == len(names) and all(0 < len(name) <= 255 for name in names)
    if not fits or sum(size(text["text"]) for block in blocks for text in texts(block)) > TOTAL:
        refuse("invalid_blocks")
    if not all(CHECKS.get(block["type"], _unknown)(block) for block in blocks):
        refuse("invalid_blocks")


def check_view(view: Arguments) -> None:
    """Raises RefusalError for a form that Slack would not open."""
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    fits = view["type"] == "modal" and bool(view["blocks"])
    fits &= all(_plain(view[part], 24) for part in ("title", "submit", "close") if part in view)
    fits &= "submit" in view or not inputs
    fits &= len(view.get("private_metadata", "")) <= 3000 and len(view.get("callback_id", "")) <= 255
    if not fits:
        refuse("invalid_arguments")
    check_blocks(view["blocks"], 100)


def size(text: str) -> int:
    """Characters as a browser counts them, the most that Slack can mean."""
    return len(text.encode("utf-16-le")) // 2


def texts(block: Arguments) -> list[Arguments]:
    """Every text object of a block."""
    inner = [element.get("text") if element.get("type") == "button" else element for element in _elements(block)]
    found = [block.get("text"), block.get("label"), block.get("hint"), *block.get("fields", ()), *inner]
    return [text for text in found if text]


def _elements(block: Arguments) -> Iterable[Arguments]:
    return block.get("elements", ())


def _plain(text: Arguments, limit: int) -> bool:
    return text["type"] == "plain_text" and 0 < size(text["text"]) <= limit


def _header(block: Arguments) -> bool:
    return _plain(block["text"], 150)


def _section(block: Arguments) -> bool:
    fields = block.get("fields", ())
    fits = "text" in block or bool(fields)
    fits &= "text" not in block or 0 < size(block["text"]["text"]) <= 3000
    return fits and len(fields) <= 10 and all(0 < size(text["text"]) <= 2000 for text in fields)


def _context(block: Arguments) -> bool:
    return 0 < len(block["elements"]) <= 10 and all(0 < size(text["text"]) <= 2000 for text in block["elements"])


def _actions(block: Arguments) -> bool:
    buttons = block["elements"]
    actions = [button["action_id"] for button in buttons]
    return 0 < len(buttons) <= 25 and len(set(actions)) == len(actions) and all(map(_button, buttons))


def _button(button: Arguments) -> bool:
    fits = button["type"] == "button" and _plain(button["text"], LENGTHS["text"])
    fits &= all(0 < len(button[part]) <= LENGTHS[part] for part in ("value", "url", "action_id") if part in button)
    return fits and button.get("url", "https://").startswith(("https://", "http://"))


def _input(block: Arguments) -> bool:
    element = block["element"]
    fits = element["type"] in INPUTS and _plain(block["label"], 2000) and 0 < len(element["action_id"]) <= 255
    fits &= "hint" not in block or _plain(block["hint"], 2000)
    fits &= 0 < element.get("max_length", 1) <= 3000
    return fits and ("initial_date" not in element or bool(dt.date.fromisoformat(element["initial_date"])))


def _unknown(block: Arguments) -> bool:
    return False


CHECKS = {"header": _header, "section": _section, "context": _context, "actions": _actions, "input": _input}
