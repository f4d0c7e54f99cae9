"""Ways to reach people. One file of this folder is one channel: it has `create(secrets, write)`, nothing else knows it.

A channel sends one part of one delivery and says where it arrived (the receipt), or raises SendError, which says
whether trying again can help and whether it may have arrived after all. Only then does the outbox ask `find`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Protocol, cast

from forecaster.channels._channel import Channel, Write

__all__ = ["Channel", "Write", "channel_names", "open_channel"]


class _Module(Protocol):
    def create(self, secrets: Mapping[str, str], write: Write) -> Channel | None: ...


def channel_names() -> tuple[str, ...]:
    """Returns the names of all channels: the files of this folder, but for those with an underscore."""
    return tuple(sorted(name for _, name, _ in pkgutil.iter_modules(__path__) if not name.startswith("_")))


def open_channel(name: str, secrets: Mapping[str, str], write: Write) -> Channel | None:
    """Returns the channel of that name, or None when its secret is not there (doctor says so).

    secrets: environment names to values (SLACK_BOT_TOKEN, SLACK_API_URL). write: prints text, for channels that speak
    to the terminal. Raises LookupError for an unknown name, with the nearest known one.
    """
    known = channel_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean "{close[0]}"?' if close else f"known: {', '.join(known)}"
        raise LookupError(f'no channel "{name}"; {hint}')
    module = cast(_Module, importlib.import_module(f"{__name__}.{name}"))
    return module.create(secrets, write)
