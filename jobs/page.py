"""The pages of the service: what the store holds as they show it, served beside the jobs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from forecaster.calendar import local_date
from forecaster.messages import Act, Message
from forecaster.settings import Settings, SettingsError
from forecaster.store import Store
from forecaster.types import Alert, Transition
from jobs.answers import answer
from jobs.doctor import is_alive

Clock = Callable[[], dt.datetime]


@dataclass(frozen=True)
class StoreBoard:
    """What a store holds, for the pages."""

    store: Store
    clock: Clock

    def alerts(self) -> Sequence[Alert]:
        return self.store.alerts()

    def alert(self, alert_id: str) -> Alert | None:
        return self.store.alert(alert_id)

    def told(self, alert_id: str) -> Message | None:
        """Returns the whole alert as it was last told to anybody without small numbers."""
        told = (item.message for item in reversed(self.store.deliveries(alert_id)))
        return next((message for message in told if message.kind in ("alert", "arrival") and not message.exact), None)

    def changes(self, alert_id: str) -> Sequence[Transition]:
        return self.store.transitions(alert_id)

    def today(self) -> dt.date:
        return local_date(self.clock())

    def well(self) -> bool:
        return is_alive(self.store, self.clock())

    def answer(self, act: Act) -> str:
        """Does what a person asked for; ValueError, in one plain line, where it cannot be done."""
        return answer(self.store, act, self.clock())


@contextmanager
def pages(store: Store, settings: Settings, secret: bytes, clock: Clock) -> Iterator[str]:
    """Serves the pages until the block ends; yields their address, "" where config names none.

    Raises SettingsError where the address cannot be had or the extra "web" is not installed.
    """
    listen = settings.page.listen
    if not listen:
        yield ""
        return
    try:
        from forecaster.web.app import create_app
        from forecaster.web.server import serving
    except ImportError as error:
        raise SettingsError(
            f'[page] listen: {error.name} is not installed; pip install "forecaster[web]", or set listen = ""'
        ) from error
    board = StoreBoard(store, clock)
    app = create_app(
        board, board.answer, key=secret, user_header=settings.page.user_header, public=settings.telling.page
    )
    with ExitStack() as stack:
        try:
            address = stack.enter_context(serving(app, listen))
        except OSError as error:
            raise SettingsError(f'[page] listen: "{listen}" cannot be had, choose another: {error.strerror}') from error
        yield address
