"""A small Workflow on this machine: it takes cards as Teams does, keeps its limit and misbehaves when it is told to.

    with TeamsDouble() as teams:
        teams.faults.append(Answer(429, {"Retry-After": "30"}))      # the next post only; append more for more
        channel = open_channel("teams", teams.secrets, print)
        ...
        assert teams.cards[0]["version"] == "1.4"

`cards` holds what was taken, `posts` the bytes of every post.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

LARGEST = 28_000  # bytes of a post
PATH = "/workflows/0123/triggers/manual/paths/invoke?sig=s3cret"


@dataclass(frozen=True)
class Answer:
    """A status instead of 202; `taken`: the card was posted nevertheless."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    taken: bool = False


@dataclass(frozen=True)
class Dropped:
    """The connection breaks, before the card was taken or after it."""

    taken: bool


@dataclass(frozen=True)
class Slow:
    """The card is taken at once and the answer comes later."""

    seconds: float


@dataclass
class TeamsDouble:
    """One Workflow with one address."""

    posts: list[bytes] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Answer | Dropped | Slow] = field(default_factory=list)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"teams": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    @property
    def secrets(self) -> dict[str, str]:
        """What a service needs in its environment to post here."""
        return {"TEAMS_WEBHOOK_URL": self.url}

    def take(self, post: bytes) -> int:
        """The status for a post, which is kept if it is a card."""
        if len(post) > LARGEST:
            return 413
        try:
            [attachment] = json.loads(post)["attachments"]
            kept = attachment["contentType"] == "application/vnd.microsoft.card.adaptive" and attachment["content"]
        except (ValueError, KeyError, TypeError):
            return 400
        self.cards.append(kept)
        return 202


class _Handler(BaseHTTPRequestHandler):
    teams: TeamsDouble
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        post = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.teams.posts.append(post)
        wrong = None if self.path == PATH else Answer(404)
        fault = wrong or (self.teams.faults.pop(0) if self.teams.faults else None)
        match fault:
            case Answer(status, headers, taken):
                self.teams.take(post) if taken else None
                self._say(status, headers)
            case Dropped(taken):
                self.teams.take(post) if taken else None
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            case Slow(seconds):
                status = self.teams.take(post)
                time.sleep(seconds)
                self._say(status)
            case None:
                self._say(self.teams.take(post), {"x-ms-workflow-run-id": f"run{len(self.teams.posts)}"})

    def do_GET(self) -> None:
        """Whoever follows a redirect comes here."""
        self.teams.posts.append(b"GET")
        self._say(200)

    def _say(self, status: int, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:  # the other side gave up waiting
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing on the terminal."""
