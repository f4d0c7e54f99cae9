"""What protects the pages: headers on every answer, who is signed in, and forms that nobody else can send for them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forecaster.words.wording import clean

LONGEST_NAME = 80
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guarded:
    """An application whose every answer has HEADERS, and is kept nowhere unless it says otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, guarded)


def signed_in(headers: Headers, name: str) -> str:
    """Returns who is signed in, as the proxy in front of the pages says in the header of that name; "" for nobody.

    A header that is there twice is nobody's: one of the two came from outside.
    """
    found = headers.getlist(name) if name else []
    return clean(found[0].encode("latin-1").decode("utf-8", "replace"), LONGEST_NAME) if len(found) == 1 else ""


def from_here(headers: Mapping[str, str], public: str) -> bool:
    """Returns whether a browser sent a form from one of our own pages, or does not say where from.

    public: the address of the pages as people have it, in case the proxy gives us another name.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site == "same-origin"
    ours = {headers.get("host", ""), urlsplit(public).netloc} - {""}
    return origin is None or urlsplit(origin).netloc in ours


class Seals:
    """Marks in forms: only who was shown a form of an alert can send it."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"forms of the pages", "sha256")

    def new(self, user: str, alert_id: str) -> str:
        """Returns a mark for a form that this person is shown, another one each time."""
        nonce = secrets.token_hex(12)
        return f"{nonce}.{self._seal(nonce, user, alert_id)}"

    def hold(self, mark: str, user: str, alert_id: str) -> bool:
        """Returns whether a mark was made for this person and alert."""
        nonce, _, seal = mark.partition(".")
        return hmac.compare_digest(seal.encode(), self._seal(nonce, user, alert_id).encode())

    def _seal(self, *parts: str) -> str:
        return hmac.new(self._key, repr(parts).encode(), hashlib.sha256).hexdigest()
