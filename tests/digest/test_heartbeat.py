"""The heartbeat against a real server: one plain request while all is well, and no way to bring the service down."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jobs import heartbeat
from jobs.heartbeat import ping

SECRET = "5f0c-not-for-the-log"  # what makes the address one


@dataclass
class Watchdog:
    """A watchdog's server, and what it was asked."""

    url: str = ""
    asked: list[tuple[str, str, str, int]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


def handler(dog: Watchdog) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            dog.asked.append((self.command, self.path, self.headers["User-Agent"], length))
            what = self.path.rpartition("/")[2]
            if what == "slow":
                dog.release.wait(10)
            if what in ("dropped", "slow"):
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            places = {"file": "file:///etc/passwd", "ftp": "ftp://localhost/", "here": "/ok", "round": "/round"}
            self.send_response(302 if what in places else int(what) if what.isdigit() else 200)
            if what in places:
                self.send_header("Location", places[what])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler


@pytest.fixture
def dog() -> Iterator[Watchdog]:
    found = Watchdog()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(found))
    found.url = f"http://127.0.0.1:{server.server_port}/{SECRET}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_that_is_well_says_so_with_one_plain_request(dog: Watchdog, caplog: pytest.LogCaptureFixture) -> None:
    assert ping(dog.url, well=True) == ""
    assert dog.asked == [("GET", f"/{SECRET}", "forecaster heartbeat", 0)]
    assert caplog.text == ""


def test_a_service_that_is_not_well_says_nothing(dog: Watchdog) -> None:
    assert ping(dog.url, well=False) == "not sent: the service is not well"
    assert dog.asked == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("404", "answered 404"),
        ("500", "answered 500"),
        ("dropped", "was not reached"),
        ("file", "answered 302"),
        ("ftp", "a detour to another kind of address"),
        ("round", "answered 302"),
    ],
)
def test_a_heartbeat_that_fails_is_logged_without_its_address(
    dog: Watchdog, caplog: pytest.LogCaptureFixture, path: str, why: str
) -> None:
    answer = ping(f"{dog.url}/{path}", well=True)
    assert why in answer
    assert caplog.messages == [f"heartbeat: {answer}"]
    assert SECRET not in caplog.text


def test_a_watchdog_may_have_moved_within_its_own_place(dog: Watchdog) -> None:
    assert ping(f"{dog.url}/here", well=True) == ""
    assert [path for _, path, _, _ in dog.asked] == [f"/{SECRET}/here", "/ok"]


def test_a_watchdog_that_does_not_answer_does_not_hold_the_service_up(
    dog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert heartbeat.TIMEOUT == 10.0
    monkeypatch.setattr(heartbeat, "TIMEOUT", 0.1)
    assert "was not reached" in ping(f"{dog.url}/slow", well=True)


def test_a_watchdog_that_is_not_there_is_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        assert "refused" in ping(f"http://127.0.0.1:{taken.getsockname()[1]}/{SECRET}", well=True).lower()
    assert SECRET not in caplog.text


@pytest.mark.parametrize("well", [True, False])
@pytest.mark.parametrize(
    "url",
    ["", SECRET, f"ftp://host/{SECRET}", f"file:///{SECRET}", f"https://{SECRET} x", f"https:///{SECRET}",
     f"https://host/{SECRET}\nHost: other", f"https://host/é{SECRET}", f"https://[{SECRET}/", f"http://host:x/{SECRET}"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_being_shown(url: str, well: bool) -> None:
    with pytest.raises(ValueError, match="HEARTBEAT_URL is not an address") as raised:
        ping(url, well)
    assert SECRET not in str(raised.value)
