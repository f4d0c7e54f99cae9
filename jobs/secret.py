"""The key that turns child ids into pseudonyms: from the environment, else made once and kept beside the data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from forecaster.settings import Settings

KEY_FILE = Path("var/secret.key")


def secret_key(settings: Settings, file: Path = KEY_FILE) -> bytes:
    """Returns the key; losing or changing it means that new extracts no longer match stored children."""
    given = settings.secrets.secret_key
    if given is not None:
        return given.get_secret_value().encode()
    if not file.exists():
        _make(file)
    return file.read_bytes().strip()


def _make(file: Path) -> None:
    """Writes a new key readable by its owner alone; if another process was first, its key stands."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as out:
        out.write(secrets.token_hex(32))
