"""Microsoft Teams: a card to the address of a Workflow, "Send webhook alerts to a channel".

Who knows the address may post, so it is a secret and stands in no text; a target's own address is not used. The
Workflow says "accepted" (202) before Teams has the card, and it can be asked nothing: `find` finds nothing, and a card
that may have been taken is sent again and says so. It has no threads: every message stands for itself.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from forecaster.channels._card import post
from forecaster.channels._channel import Channel, Write
from forecaster.channels._notes import notes
from forecaster.messages import Delivery, DeliveryPart, SendError

NEEDS = ("TEAMS_WEBHOOK_URL",)
PARTS: frozenset[DeliveryPart] = frozenset({"text"})
TIMEOUT = 10.0  # seconds
ADDRESS = re.compile(r"https://[^/\s@]+/[!-~]+|http://(localhost|127\.0\.0\.1)(:\d+)?/[!-~]*")
NOT_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
NEW_ADDRESS = "make the Workflow again and set the new TEAMS_WEBHOOK_URL"
REMEDIES = {
    400: "check that the Workflow is of the kind that takes a card by webhook, and turned on",
    401: "let anyone trigger the Workflow, then set its new TEAMS_WEBHOOK_URL",
    403: "let anyone trigger the Workflow, then set its new TEAMS_WEBHOOK_URL",
    404: NEW_ADDRESS,
    410: NEW_ADDRESS,
    413: "the card is too large; report it as a fault",
}


def create(secrets: Mapping[str, str], write: Write) -> Channel | None:
    """Returns Teams, or None without TEAMS_WEBHOOK_URL; raises ValueError when that is no address, not showing it."""
    url = secrets.get("TEAMS_WEBHOOK_URL", "")
    if url and not ADDRESS.fullmatch(url):
        raise ValueError("TEAMS_WEBHOOK_URL is not an address; copy it from the Workflow, it begins with https://")
    return Teams(url) if url else None


@dataclass(frozen=True)
class Teams:
    """One Workflow, which posts to one channel or chat."""

    url: str = field(repr=False)
    timeout: float = TIMEOUT
    name: str = "teams"

    def send(self, delivery: Delivery) -> str:
        """Returns "accepted", with the Workflow's run if it is told, which proves no delivery; raises SendError."""
        if delivery.part not in PARTS:
            raise SendError(f"a card is sent as a whole, it has no {delivery.part}", permanent=True)
        content = post(delivery.message, notes(delivery, "message"))
        request = Request(self.url, content, {"Content-Type": "application/json; charset=utf-8"}, method="POST")
        try:
            with build_opener(_NoRedirect).open(request, timeout=self.timeout) as answer:
                return " ".join(filter(None, ["accepted", answer.headers.get("x-ms-workflow-run-id")]))
        except (OSError, HTTPException) as error:
            raise _send_error(error) from None  # what it was raised from may show the address

    def find(self, delivery: Delivery) -> str | None:
        """Returns None: a Workflow cannot be asked."""
        return None


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the message to another host: it is a failure."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _send_error(error: OSError | HTTPException) -> SendError:
    if isinstance(error, HTTPError):
        with error:
            return _refused(error.code, error.headers.get("Retry-After"))
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, NOT_SENT):
        return SendError(f"Teams cannot be reached ({cause}); check the network and TEAMS_WEBHOOK_URL", down=True)
    return SendError(f"the connection to Teams broke: {cause or type(error).__name__}", ambiguous=True, down=True)


def _refused(status: int, wait: str | None) -> SendError:
    """The Workflow answered, but not with a yes."""
    if status == 429:
        return SendError("Teams asks to wait", retry_after=_seconds(wait), down=True)
    if status >= 500 or status == 408:
        return SendError(f"Teams had trouble ({status})", ambiguous=True)
    if status < 400:
        return SendError(f"the Workflow's address leads elsewhere ({status}); check the proxy and TEAMS_WEBHOOK_URL")
    remedy = REMEDIES.get(status, "check TEAMS_WEBHOOK_URL and the runs of the Workflow")
    return SendError(f"Teams refused the card ({status}); {remedy}", permanent=True)


def _seconds(wait: str | None) -> float | None:
    return float(wait) if wait and wait.isdecimal() else None
