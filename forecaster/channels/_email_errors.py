"""What went wrong with a mail, as a SendError: can trying again help, and may it have arrived?"""

from __future__ import annotations

import smtplib
from typing import Literal

from forecaster.messages import SendError
from forecaster.words.wording import clean

Step = Literal["AUTH", "MAIL", "RCPT", "DATA"]
REMEDIES: dict[Step, str] = {
    "AUTH": "check user and password in SMTP_URL",
    "MAIL": "check from= in SMTP_URL, the server must let it send",
    "RCPT": "check the target's address in the config",
    "DATA": "ask those who run the mail server",
}
REPLY = 200  # characters of a server's answer that are kept


def said(code: int, reply: bytes | str) -> str:
    """Returns a server's answer on one line."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return clean(f"{code} {text}", REPLY)


def refusal(step: Step, code: int, reply: bytes | str) -> SendError:
    """Returns the SendError for a no: with 4xx it may be a yes later on, with 5xx it will not."""
    answer = str(code) if step == "AUTH" else said(code, reply)  # some servers repeat what they were given
    return SendError(f"the mail server refused {step} ({answer}); {REMEDIES[step]}", permanent=code >= 500)


def not_sent(error: OSError) -> SendError:
    """Returns the SendError for trouble before the mail was handed over: it has surely not arrived."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return refusal("AUTH", error.smtp_code, "")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return SendError(f"the mail server does not offer what SMTP_URL asks for ({clean(str(error), REPLY)})")
    if isinstance(error, smtplib.SMTPResponseException):
        return SendError(f"the mail server did not let us in ({said(error.smtp_code, error.smtp_error)})")
    reason = clean(str(error), REPLY) or type(error).__name__
    return SendError(f"the mail server cannot be reached ({reason}); check the network and SMTP_URL", down=True)


def perhaps_sent(error: OSError) -> SendError:
    """Returns the SendError for trouble while the mail was handed over: the server may have taken it."""
    return SendError(f"the mail server fell silent when it had the mail ({clean(str(error), REPLY)})", ambiguous=True)
