"""Somebody who looks at the pages, as the sign-in proxy lets them through; and alerts for them to look at."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

NAME = "X-Forwarded-User"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def words(self) -> str:
        """What a person reads: without tags, on one line."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())

    @property
    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.text)
        assert found, "no form on this page"
        return found[1]


@dataclass(frozen=True)
class Visitor:
    """name: who the proxy says is signed in, "" for nobody."""

    address: str
    name: str = "A. Patel"

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        """Sends a form as a browser does; a header's name is written with underscores."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields), {"Sec-Fetch-Site": "same-origin"} | kind | headers)

    def answers(self, alert_id: str, what: str, **fields: str) -> Answer:
        """Opens the page of an alert and sends one of its forms."""
        token = self.get(f"/alerts/{alert_id}").token
        return self.post(f"/alerts/{alert_id}/{what}", {"token": token, **fields})

    def ask(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(self.address, timeout=20)
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items() if value}
        who = {NAME: self.name.encode()} if self.name else {}
        try:
            connection.request(method, path, body or None, {**who, **named})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
