"""What the pages are given to show; they know no store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from forecaster.messages import Message
from forecaster.types import Alert, Transition


class Board(Protocol):
    """The alerts as everybody may see them."""

    def alerts(self) -> Sequence[Alert]:
        """Returns all alerts, open and resolved."""
        ...

    def alert(self, alert_id: str) -> Alert | None:
        """Returns an alert, None if there is none of this id."""
        ...

    def told(self, alert_id: str) -> Message | None:
        """Returns the whole alert as it was last told, never with small numbers; None where nobody was told so."""
        ...

    def changes(self, alert_id: str) -> Sequence[Transition]:
        """Returns what happened to an alert, oldest first."""
        ...

    def today(self) -> dt.date:
        """Returns the date where the people are."""
        ...

    def well(self) -> bool:
        """Returns whether the service is alive, for who watches over it."""
        ...
