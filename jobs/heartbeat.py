"""Tells a watchdog elsewhere that the service is well; when it hears nothing, it raises the alarm.

Its address is a secret (who knows it can keep the watchdog quiet), so it is in no log and no error.
"""

from __future__ import annotations

import logging
import re
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

log = logging.getLogger("forecaster")
TIMEOUT = 10.0  # seconds
AGENT = "forecaster heartbeat"
NOT_WELL = "not sent: the service is not well"


class _NoDetour(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to the same scheme or from http to https, and to nothing else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in (req.type, "https"):
            raise URLError("it answers with a detour to another kind of address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def checked(url: str) -> str:
    """Returns the address; raises ValueError, without showing it, where it is none."""
    if not _is_address(url):
        raise ValueError("HEARTBEAT_URL is not an address; write one that begins with https://")
    return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        there = bool(parts.hostname) and parts.port != 0  # a port that is no number is a ValueError
    except ValueError:
        return False
    return there and re.fullmatch(r"https?://[!-~]+", url) is not None


def ping(url: str, well: bool) -> str:
    """Returns "" when the watchdog was told that all is well, else why it was not.

    Nothing but the request is sent, and only while the service is well. That it failed is logged and raises nothing:
    the watchdog notices. Raises ValueError for a URL that is no address.
    """
    request = urllib.request.Request(checked(url), headers={"User-Agent": AGENT})
    if not well:
        return NOT_WELL
    why = _why_not(request)
    if why:
        log.warning("heartbeat: %s", why)
    return why


def _why_not(request: urllib.request.Request) -> str:
    try:
        with urllib.request.build_opener(_NoDetour).open(request, timeout=TIMEOUT):
            return ""
    except HTTPError as error:
        with error:
            return f"the watchdog answered {error.code}"
    except URLError as error:
        return f"the watchdog was not reached: {getattr(error.reason, 'strerror', None) or error.reason}"
    except (OSError, HTTPException, ValueError) as error:  # a detour that is no address is a ValueError
        return f"the watchdog was not reached: {type(error).__name__}"
