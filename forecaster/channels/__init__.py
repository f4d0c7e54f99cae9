"""Ways to reach people. One file of this folder is one channel, nothing else knows it.

It has `create(secrets, write)`, PARTS says what it can send, and `listen(secrets, on_act)`, where there is one, hears
what people do about an alert. A channel sends one part of one delivery and says where it arrived (the receipt), or
raises SendError, which says whether trying again can help and whether it may have arrived after all. Only then does the
outbox ask `find`.
"""

from __future__ import annotations

import datetime as dt
import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Protocol, cast

from forecaster.channels._channel import Channel, Listening, OnAct, Write
from forecaster.messages import DeliveryPart

__all__ = [
    "Channel", "Listening", "OnAct", "Write", "channel_names", "listen", "missing_secrets", "open_channel", "parts",
]  # fmt: skip


class _Module(Protocol):
    PARTS: frozenset[DeliveryPart]
    NEEDS: tuple[str, ...]

    def create(self, secrets: Mapping[str, str], write: Write) -> Channel | None: ...


def channel_names() -> tuple[str, ...]:
    """Returns the names of all channels: the files of this folder, but for those with an underscore."""
    return tuple(sorted(name for _, name, _ in pkgutil.iter_modules(__path__) if not name.startswith("_")))


def open_channel(name: str, secrets: Mapping[str, str], write: Write) -> Channel | None:
    """Returns the channel of that name, or None when its secret is not there (doctor says so).

    secrets: environment names to values (SLACK_BOT_TOKEN, SLACK_API_URL). write: prints text, for channels that speak
    to the terminal. Raises LookupError for an unknown name, with the nearest known one.
    """
    return _module(name).create(secrets, write)


def parts(name: str) -> frozenset[DeliveryPart]:
    """Returns what the channel of that name can send; raises LookupError for an unknown name."""
    return _module(name).PARTS


def missing_secrets(name: str, given: Mapping[str, str]) -> list[str]:
    """Returns the names of the secrets that a channel needs and that are not given; LookupError for an unknown name."""
    return [need for need in _module(name).NEEDS if not given.get(need)]


def listen(
    name: str, secrets: Mapping[str, str], on_act: OnAct, today: Callable[[], dt.date] = dt.date.today
) -> Listening | None:
    """Returns what hears people's answers on that channel until it is closed; None where the channel or a secret lacks.

    on_act: does an Act and returns a line to tell the person; raises ValueError with a line when it cannot be done. It
    is called from another thread, one act at a time, and with the same token when Slack says the same thing twice.
    today: the date where the people are.
    """
    found = getattr(_module(name), "listen", None)
    return cast("Listening | None", found(secrets, on_act, today)) if found else None


def _module(name: str) -> _Module:
    known = channel_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean "{close[0]}"?' if close else f"known: {', '.join(known)}"
        raise LookupError(f'no channel "{name}"; {hint}')
    return cast(_Module, importlib.import_module(f"{__name__}.{name}"))
