"""A small Slack on this machine: it speaks HTTP, keeps Slack's documented limits and misbehaves when it is told to.

    with SlackDouble() as slack:                             # app_secrets: with buttons
        slack.fail("chat.postMessage", RateLimited(30))      # the next such request only; call again for more
        channel = open_channel("slack", slack.secrets, print)
        ...
        assert [post["text"] for post in slack.posts] == [...]

`requests` has every request as it came in, also those that failed; `messages` has what a person would see. What people
do is in `people`: press(ts, "Snooze"), submit({"Reason": "Known"}), whispered(). A service in another process needs
nothing but `app_secrets`.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl

from tests.channels.slack_limits import Arguments, check_blocks, check_view
from tests.channels.slack_limits import RefusalError as RefusalError
from tests.channels.slack_limits import refuse as _refuse
from tests.channels.slack_people import People

CONNECT = "apps.connections.open"
UPLOAD = "upload"  # the name under which the upload of a file's bytes can be made to fail
BOT = "B0DOUBLE"


@dataclass(frozen=True)
class RateLimited:
    """429, with the seconds to wait (None: without the header)."""

    seconds: float | None = 30


@dataclass(frozen=True)
class Status:
    """An HTTP status with a page instead of an answer; `processed`: after the request was done nevertheless."""

    code: int = 500
    processed: bool = False


@dataclass(frozen=True)
class Refused:
    """An answer that says no."""

    error: str
    code: int = 200


@dataclass(frozen=True)
class Dropped:
    """The connection breaks, before the request is done or after it."""

    processed: bool


@dataclass(frozen=True)
class Slow:
    """The request is done at once and answered later."""

    seconds: float


Fault = RateLimited | Status | Refused | Dropped | Slow


@dataclass
class SlackDouble:
    """One workspace with some channels, some people and one app."""

    token: str = "xoxb-double"
    app_token: str = "xapp-double"
    channels: tuple[str, ...] = ("C0FORECAST", "C0ANALYSTS")
    requests: list[tuple[str, Arguments]] = field(default_factory=list)
    messages: list[Arguments] = field(default_factory=list)  # posts and shared files, oldest first
    files: dict[str, Arguments] = field(default_factory=dict)
    answered: Callable[[str, Arguments], None] = lambda method, arguments: None  # called when a request was done
    _faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"slack": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.people = People(self.messages)
        return self

    def __exit__(self, *_: object) -> None:
        self.people.socket.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def secrets(self) -> dict[str, str]:
        """What a service needs in its environment to speak to this workspace."""
        return {"SLACK_BOT_TOKEN": self.token, "SLACK_API_URL": f"{self.address}/api"}

    @property
    def app_secrets(self) -> dict[str, str]:
        """What a service needs to hear what people press as well."""
        return self.secrets | {"SLACK_APP_TOKEN": self.app_token}

    @property
    def posts(self) -> list[Arguments]:
        """The messages that are not shared files, as people see them."""
        return [message for message in self.messages if not message.get("files")]

    def fail(self, method: str, *faults: Fault) -> None:
        """Lets the next requests of a method fail, one fault each."""
        self._faults[method].extend(faults)

    def asked(self, method: str) -> list[Arguments]:
        """The arguments of all requests of a method, failed ones included."""
        return [arguments for name, arguments in self.requests if name == method]

    def next_fault(self, method: str) -> Fault | None:
        return self._faults[method].pop(0) if self._faults[method] else None

    def do(self, method: str, arguments: Arguments) -> Arguments:
        """Does a request as Slack would; raises RefusalError."""
        with self._lock:
            done = METHODS[method](self, arguments) if method in METHODS else _refuse("unknown_method")
            self.answered(method, arguments)
            return {"ok": True, **done}

    def new_ts(self) -> str:
        """A timestamp of now, as Slack's are: a search that begins two days ago finds it."""
        return f"{int(time.time()) + len(self.messages)}.{len(self.messages):06d}"


class _Handler(BaseHTTPRequestHandler):
    slack: SlackDouble
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upload = self.path.startswith("/upload/")
        method = UPLOAD if upload else self.path.removeprefix("/api/")
        arguments = {"file": self.path[8:], "body": body} if upload else self._arguments(body)
        with self.slack._lock:
            self.slack.requests.append((method, arguments))
            fault = self.slack.next_fault(method)
        self._answer(method, arguments, fault)

    def _arguments(self, body: bytes) -> Arguments:
        if "json" in self.headers.get("Content-Type", ""):
            return dict(json.loads(body or b"{}"))
        return dict(parse_qsl(body.decode()))

    def _answer(self, method: str, arguments: Arguments, fault: Fault | None) -> None:
        match fault:
            case RateLimited(seconds):
                self._say(
                    429, {"ok": False, "error": "ratelimited"}, {} if seconds is None else {"Retry-After": str(seconds)}
                )
            case Refused(error, code):
                self._say(code, {"ok": False, "error": error})
            case Status(code, processed):
                if processed:
                    self._done(method, arguments)
                self._say(code, "<html>Something went wrong</html>")
            case Dropped(processed):
                if processed:
                    self._done(method, arguments)
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            case Slow(seconds):
                answer = self._done(method, arguments)
                time.sleep(seconds)
                self._say(200, answer)
            case None:
                self._say(200, self._done(method, arguments))

    def _done(self, method: str, arguments: Arguments) -> Arguments | str:
        token = self.slack.app_token if method == CONNECT else self.slack.token
        if method != UPLOAD and self.headers.get("Authorization") != f"Bearer {token}":
            return {"ok": False, "error": "invalid_auth" if self.headers.get("Authorization") else "not_authed"}
        try:
            answer = self.slack.do(method, arguments)
        except RefusalError as refusal:
            return {"ok": False, "error": str(refusal)}
        return "OK" if method == UPLOAD else answer

    def _say(self, code: int, answer: Arguments | str, headers: dict[str, str] | None = None) -> None:
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        try:
            self.send_response(code)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header(
                "Content-Type", "text/html" if isinstance(answer, str) else "application/json; charset=utf-8"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the other side gave up waiting
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing on the terminal."""


# What Slack's methods do


def _require(arguments: Arguments, *names: str) -> None:
    if any(not arguments.get(name) for name in names):
        _refuse("invalid_arguments")


def _in_channel(slack: SlackDouble, channel: object) -> None:
    if channel not in slack.channels:
        _refuse("channel_not_found")


def _in_thread(slack: SlackDouble, channel: object, ts: object) -> None:
    if ts and not any(m["channel"] == channel and m["ts"] == ts and "thread_ts" not in m for m in slack.messages):
        _refuse("invalid_thread_ts")


def _auth_test(slack: SlackDouble, arguments: Arguments) -> Arguments:
    return {"team": "Council", "user": "forecaster", "team_id": "T0DOUBLE", "user_id": "U0DOUBLE", "bot_id": BOT}


def _post_message(slack: SlackDouble, arguments: Arguments) -> Arguments:
    _require(arguments, "channel")
    _in_channel(slack, arguments["channel"])
    _in_thread(slack, arguments["channel"], arguments.get("thread_ts"))
    _check_content(arguments, 40_000)
    given = {name: value for name, value in arguments.items() if value is not None}
    message = given | {"ts": slack.new_ts(), "bot_id": BOT}
    slack.messages.append(message)
    return {"channel": arguments["channel"], "ts": message["ts"], "message": message}


def _check_content(arguments: Arguments, longest: int) -> None:
    if not arguments.get("text"):
        _refuse("no_text")
    if len(arguments["text"]) > longest:
        _refuse("msg_too_long")
    check_blocks(arguments.get("blocks", []))
    if len(json.dumps(arguments.get("metadata", {}))) > 16_384:
        _refuse("metadata_too_large")


def _update(slack: SlackDouble, arguments: Arguments) -> Arguments:
    """Text and blocks are as given, also when no blocks are; metadata stays unless it is given."""
    _require(arguments, "channel", "ts")
    channel, ts = arguments["channel"], arguments["ts"]
    _in_channel(slack, channel)
    message = next((m for m in slack.messages if m["channel"] == channel and m["ts"] == ts), None)
    if message is None:
        _refuse("message_not_found")
    if message.get("bot_id") != BOT or message.get("files"):
        _refuse("cant_update_message")
    _check_content(arguments, 4_000)
    message.pop("blocks", None)
    message.update({name: arguments[name] for name in ("text", "blocks", "metadata") if name in arguments})
    return {"channel": channel, "ts": ts, "text": arguments["text"]}


def _post_ephemeral(slack: SlackDouble, arguments: Arguments) -> Arguments:
    _require(arguments, "channel", "user")
    _in_channel(slack, arguments["channel"])
    _in_thread(slack, arguments["channel"], arguments.get("thread_ts"))
    if arguments["user"] not in slack.people.names:
        _refuse("user_not_in_channel")
    _check_content(arguments, 40_000)
    slack.people.whisper(arguments)
    return {"message_ts": slack.new_ts()}


def _open_view(slack: SlackDouble, arguments: Arguments) -> Arguments:
    _require(arguments, "trigger_id", "view")
    check_view(arguments["view"])
    return {"view": slack.people.open(arguments["trigger_id"], arguments["view"])}


def _user_info(slack: SlackDouble, arguments: Arguments) -> Arguments:
    name = slack.people.names.get(arguments.get("user", "")) or _refuse("user_not_found")
    return {"user": {"id": arguments["user"], "real_name": name, "profile": {"real_name": name}}}


def _connect(slack: SlackDouble, arguments: Arguments) -> Arguments:
    return {"url": slack.people.socket.new_address()}


def _listing(slack: SlackDouble, arguments: Arguments, chosen: list[Arguments]) -> Arguments:
    """One page, without metadata unless it is asked for."""
    limit, start = int(arguments.get("limit", 100)), int(arguments.get("cursor") or 0)
    if not 1 <= limit <= 999:
        _refuse("invalid_limit")
    hidden = set() if arguments.get("include_all_metadata") in ("1", "true", True) else {"metadata"}
    page = [{k: v for k, v in message.items() if k not in hidden} for message in chosen[start : start + limit]]
    following = str(start + limit) if start + limit < len(chosen) else ""
    return {"messages": page, "has_more": bool(following), "response_metadata": {"next_cursor": following}}


def _history(slack: SlackDouble, arguments: Arguments) -> Arguments:
    _require(arguments, "channel")
    _in_channel(slack, arguments["channel"])
    oldest = float(arguments.get("oldest") or 0)
    mine = [m for m in slack.messages if m["channel"] == arguments["channel"] and float(m["ts"]) > oldest]
    return _listing(slack, arguments, [m for m in reversed(mine) if "thread_ts" not in m or m.get("reply_broadcast")])


def _replies(slack: SlackDouble, arguments: Arguments) -> Arguments:
    _require(arguments, "channel", "ts")
    _in_channel(slack, arguments["channel"])
    ts = arguments["ts"]
    mine = [m for m in slack.messages if m["channel"] == arguments["channel"] and ts in (m["ts"], m.get("thread_ts"))]
    return _listing(slack, arguments, mine) if mine else _refuse("thread_not_found")


def _upload_address(slack: SlackDouble, arguments: Arguments) -> Arguments:
    _require(arguments, "filename", "length")
    if len(arguments.get("alt_txt", "")) > 1000:
        _refuse("alt_txt_too_large")
    file = f"F{len(slack.files):08d}"
    length, alt_text = int(arguments["length"]), arguments.get("alt_txt")
    slack.files[file] = {"id": file, "name": arguments["filename"], "length": length, "alt_txt": alt_text}
    return {"upload_url": f"{slack.address}/upload/{file}", "file_id": file}


def _take_file(slack: SlackDouble, arguments: Arguments) -> Arguments:
    file = slack.files.get(arguments["file"]) or _refuse("file_not_found")
    if len(arguments["body"]) != file["length"]:
        _refuse("length_mismatch")
    file["body"] = arguments["body"]
    return {}


def _share_files(slack: SlackDouble, arguments: Arguments) -> Arguments:
    _require(arguments, "files")
    _in_channel(slack, arguments.get("channel_id"))
    _in_thread(slack, arguments.get("channel_id"), arguments.get("thread_ts"))
    files = json.loads(arguments["files"])
    for named in files:
        if "body" not in slack.files.get(named["id"], {}):
            _refuse("file_not_found")
        slack.files[named["id"]]["title"] = named.get("title")
    shared = [{k: v for k, v in slack.files[named["id"]].items() if k != "body"} for named in files]
    message = {"channel": arguments["channel_id"], "ts": slack.new_ts(), "text": "", "files": shared}
    if arguments.get("thread_ts"):
        message["thread_ts"] = arguments["thread_ts"]
    slack.messages.append(message)
    return {"files": shared}


METHODS: dict[str, Callable[[SlackDouble, Arguments], Arguments]] = {
    CONNECT: _connect,
    "auth.test": _auth_test,
    "chat.postEphemeral": _post_ephemeral,
    "chat.postMessage": _post_message,
    "chat.update": _update,
    "conversations.history": _history,
    "conversations.replies": _replies,
    "files.getUploadURLExternal": _upload_address,
    "files.completeUploadExternal": _share_files,
    "users.info": _user_info,
    "views.open": _open_view,
    UPLOAD: _take_file,
}
