"""What every channel is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from forecaster.messages import Delivery

Write = Callable[[str], object]


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """The name of its file."""

    def send(self, delivery: Delivery) -> str:
        """Returns the receipt of what was sent; raises SendError."""

    def find(self, delivery: Delivery) -> str | None:
        """Returns the receipt if an earlier, ambiguous send did arrive, else None; raises SendError if unsure."""
