"""Identifiers become keyed hashes here, before anything else sees them."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from forecaster.read.values import UnusableError, tidy

_WHOLE_FLOAT = re.compile(r"(\d+)\.0+")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?E\+?\d+", re.IGNORECASE)


def pseudonym(secret: bytes, kind: Literal["child", "family"], identifier: object) -> str:
    """Returns 32 hexadecimal digits: the same for the same identifier and secret, however the number was written.

    BLAKE2b keyed with the secret (RFC 7693), so that without it nobody can hash every number and compare; a child
    and a family with the same number differ. Raises UnusableError when there is no identifier, or only what a
    spreadsheet left of one.
    """
    text = tidy(identifier)
    if not text:
        raise UnusableError(f"no {kind} id", f"give each row the id of its {kind}")
    if _SCIENTIFIC.fullmatch(text):
        raise UnusableError(
            f"the {kind} id was shortened by a spreadsheet (like 1.2E+11)", "format the column as text and export again"
        )
    number = _WHOLE_FLOAT.fullmatch(text)
    plain = number[1] if number else text
    key = secret if len(secret) <= 64 else hashlib.sha512(secret).digest()
    return hashlib.blake2b(plain.encode(), key=key, digest_size=16, person=kind.encode()).hexdigest()
