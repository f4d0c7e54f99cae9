"""The mail server as SMTP_URL names it, and a session with it over verified TLS."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from forecaster.messages import MAIL_ADDRESS

EXAMPLE = "smtps://user:password@mail.example.gov.uk:465?from=forecaster@example.gov.uk"
LOCAL = ("localhost", "127.0.0.1", "::1")
TIMEOUT = 20.0  # seconds for each answer: a server may look into a mail before it takes it
Tls = Literal["from the start", "starttls", "none"]


@dataclass(frozen=True)
class Server:
    """Where and as whom mail is handed in; the password is in no text of it."""

    host: str
    port: int
    tls: Tls
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    timeout: float = TIMEOUT

    @contextmanager
    def session(self) -> Iterator[smtplib.SMTP]:
        """Yields a session that is encrypted and logged in, as asked for; raises OSError."""
        context = ssl.create_default_context(cafile=self.ca or None)
        with closing(self._opened(context)) as smtp:
            if self.tls == "starttls":
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            if self.user:
                smtp.login(self.user, self.password)
            yield smtp
            with suppress(OSError):  # what was taken is taken, however the server says goodbye
                smtp.quit()

    def _opened(self, context: ssl.SSLContext) -> smtplib.SMTP:
        if self.tls == "from the start":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout)


def parse(url: str) -> Server:
    """Returns the server that SMTP_URL names.

    smtps:// is encrypted from the start, smtp:// by STARTTLS; in the open only on this machine or with ?tls=no. ?from=
    is the sender (default: the user), ?ca= a file with the certificates to trust. Raises ValueError, which says what to
    write and never shows the address: it holds a password.
    """
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        raise ValueError(f"SMTP_URL cannot be read; {_remedy()}") from None  # the cause may show a part of a password
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError(f"SMTP_URL is not the address of a mail server; {_remedy()}")
    options = _options(parts.query)
    tls = _tls(parts, options.get("tls", ""))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    _check_login(parts.hostname, tls, user, password)
    default = {"from the start": 465, "starttls": 587, "none": 25}[tls]
    sender, ca = _sender(options.get("from") or user), _authorities(options.get("ca", ""))
    return Server(parts.hostname, port or default, tls, sender, user, password, ca)


def _remedy() -> str:
    return f"write it as {EXAMPLE}, with %40 for an @ and %2F for a / in the password"


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    if not options.keys() <= {"from", "tls", "ca"} or options.get("tls", "yes") not in ("yes", "no"):
        raise ValueError('SMTP_URL takes from=, tls=yes, tls=no and ca= behind the "?", with & between them')
    return options


def _tls(parts: SplitResult, asked: str) -> Tls:
    if parts.scheme == "smtps":
        return "from the start"
    return "none" if asked == "no" or (not asked and parts.hostname in LOCAL) else "starttls"


def _check_login(host: str, tls: Tls, user: str, password: str) -> None:
    if tls == "none" and password and host not in LOCAL:
        raise ValueError("SMTP_URL would send its password in the open; use smtps:// or leave tls=no out")
    if not (user + password).isascii():
        raise ValueError("SMTP_URL has a user or password with letters that mail servers do not take; choose others")


def _sender(address: str) -> str:
    if not MAIL_ADDRESS.fullmatch(address):
        raise ValueError("SMTP_URL names no sender; add ?from= and a plain address such as forecaster@example.gov.uk")
    return address


def _authorities(file: str) -> str:
    if file and not Path(file).is_file():
        raise ValueError(f"SMTP_URL has ca={file}, which is not a file; name one with certificates (PEM)")
    return file
