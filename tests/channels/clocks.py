"""A clock for sending: time passes only in the pauses between two tries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass


def nothing() -> None:
    """What happens in most pauses."""


@dataclass
class Clock:
    """`then` happens in every pause; `pauses` counts them."""

    now: dt.datetime = dt.datetime(2018, 1, 8, 7, tzinfo=dt.UTC)
    then: Callable[[], object] = nothing
    pauses: int = 0

    def __call__(self) -> dt.datetime:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)
        self.pauses += 1
        self.then()
