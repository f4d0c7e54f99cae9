"""Slack's end of Socket Mode: a WebSocket that sends envelopes and wants each acknowledged within three seconds."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

Arguments = dict[str, Any]
PROMPT = 3.0  # seconds in which Slack wants an answer


class UnheardError(AssertionError):
    """The app went away before it acknowledged: Slack tells the person that it did not respond, or delivers again."""


class SocketDouble:
    """All connections of one app; an envelope goes to the newest."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.opened = 0  # connections ever made
        self._numbers = itertools.count(1)
        self._tickets: set[str] = set()
        self._acknowledged: dict[str, Arguments] = {}
        self._server = serve(self._connected, "127.0.0.1", 0, ping_interval=None)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.drop()
        self._server.shutdown()
        self._thread.join()

    def new_address(self) -> str:
        """An address that can be connected to once."""
        ticket = f"ticket{next(self._numbers)}"
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/link?ticket={ticket}"

    def deliver(self, envelope: Arguments) -> Arguments:
        """Sends an envelope and returns what it is acknowledged with.

        Raises UnheardError when the connection breaks instead, AssertionError when it takes too long.
        """
        name = envelope["envelope_id"]
        self.wait(lambda: bool(self.connections), "an app that listens")
        self._acknowledged.pop(name, None)
        connection = self.connections[-1]
        with contextlib.suppress(ConnectionClosed):
            connection.send(json.dumps(envelope))
        self.wait(lambda: name in self._acknowledged or connection not in self.connections, "an acknowledgement")
        if name not in self._acknowledged:
            raise UnheardError(name)
        return self._acknowledged[name]

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PROMPT) -> None:
        """Returns when the condition holds; raises AssertionError if that takes too long."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what} did not come within {seconds} s"
            time.sleep(0.005)

    def drop(self) -> None:
        """Breaks every connection off without a word."""
        for connection in list(self.connections):
            _break(connection)

    def refresh(self) -> None:
        """Asks the app to connect anew, as Slack does every few hours, and then ends the old connection."""
        old, opened = self.connections[-1], self.opened
        old.send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
        self.wait(lambda: self.opened > opened, "a new connection")
        _break(old)

    def _connected(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        [ticket] = parse_qs(urlsplit(connection.request.path).query).get("ticket", [""])
        if ticket not in self._tickets:
            return
        self._tickets.remove(ticket)
        connection.send(json.dumps({"type": "hello", "num_connections": len(self.connections) + 1}))
        self.connections.append(connection)
        self.opened += 1
        try:
            for said in connection:
                self._heard(json.loads(said))
        except ConnectionClosed:
            pass
        finally:
            self.connections.remove(connection)

    def _heard(self, said: Arguments) -> None:
        self._acknowledged[said["envelope_id"]] = said.get("payload") or {}


def _break(connection: ServerConnection) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        connection.socket.shutdown(socket.SHUT_RDWR)
