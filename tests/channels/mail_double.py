"""A mail server on this machine: real SMTP with TLS and a login; it keeps what it gets and refuses when it is told to.

    with MailDouble(authority, "smtps") as server:
        server.say["RCPT ann@example.gov.uk"] = "450 later"   # from now on; DROP breaks the connection instead
        channel = open_channel("email", {"SMTP_URL": server.url()}, print)
        ...
        assert server.mails[0]["Subject"] == ...

`say` knows MAIL, RCPT (of any or of one address), AUTH, DATA (the answer to the whole mail) and QUIT. `mails` holds
what was taken, `envelopes` who was to get it, `asked` every command as it came.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "forecaster@example.gov.uk", "s3cret/?#@ %word"
DROP, DROP_TAKEN, SLOW = "drop", "drop, but take it", "take it and say so too late"
Kind = Literal["smtps", "starttls", "plain"]


@dataclass
class MailDouble:
    """One server with one user; its certificate is for localhost, signed by `authority`."""

    authority: trustme.CA
    kind: Kind = "smtps"
    say: dict[str, str] = field(default_factory=dict)
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(5)

    async def _serve(self, started: threading.Event) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("localhost").configure_cert(context)
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        outer, inner = (context if self.kind == kind else None for kind in ("smtps", "starttls"))
        server = await self._loop.create_server(lambda: self._session(inner), "localhost", 0, ssl=outer)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stopped.wait()
        server.close()

    def _session(self, context: ssl.SSLContext | None) -> SMTP:
        return SMTP(
            self, hostname="mail.test", tls_context=context, require_starttls=context is not None,
            authenticator=self._authenticate, auth_require_tls=False,
            loop=self._loop,
        )  # fmt: skip

    def url(self, *options: str, user: str = USER, password: str = PASSWORD, ca: Path | None = None) -> str:
        """Its SMTP_URL; ca: a file with its authority."""
        login = f"{quote(user, '')}:{quote(password, '')}@" if self.kind != "plain" else ""
        wanted = [*options, *([f"ca={ca}"] if ca else []), *(["tls=yes"] if self.kind == "starttls" else [])]
        scheme = "smtps" if self.kind == "smtps" else "smtp"
        return f"{scheme}://{login}localhost:{self.port}?{'&'.join(wanted or ['from=' + USER])}"

    # What aiosmtpd calls, by names it chose

    def _authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, login: LoginPassword
    ) -> AuthResult:
        self.asked.append("AUTH")
        if "AUTH" in self.say:
            return AuthResult(success=False, handled=False, message=self.say["AUTH"])
        return AuthResult(success=(login.login, login.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        envelope.mail_from = address
        return self._answer(server, "MAIL", address)

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        answer = self._answer(server, "RCPT", address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        said = self.say.get("DATA", "250 OK")
        if said.startswith("2") or said in (DROP_TAKEN, SLOW):
            self.mails.append(message_from_bytes(envelope.original_content, policy=default))  # type: ignore[arg-type]
            self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        if said == SLOW:
            await asyncio.sleep(0.5)
        return self._answer(server, "DATA")

    async def handle_QUIT(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        return self._answer(server, "QUIT")

    def _answer(self, server: SMTP, command: str, address: str = "") -> str:
        self.asked.append(f"{command} {address}".strip())
        said = self.say.get(f"{command} {address}") or self.say.get(command, "250 OK")
        if said in (DROP, DROP_TAKEN):
            assert server.transport is not None
            server.transport.abort()
        return said if said[0].isdigit() else "250 OK"
