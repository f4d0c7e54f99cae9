"""What every channel is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, Self

from forecaster.messages import Act, Delivery

Write = Callable[[str], object]
OnAct = Callable[[Act], str]


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """The name of its file."""

    def send(self, delivery: Delivery) -> str:
        """Returns the receipt of what was sent; raises SendError."""

    def find(self, delivery: Delivery) -> str | None:
        """Returns the receipt if an earlier, ambiguous send did arrive, else None; raises SendError if unsure."""


class Listening(Protocol):
    """What hears people's answers until it is closed."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None:
        """Returns when nothing is heard any more and what was being done is done."""
