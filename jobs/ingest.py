"""Reads files into the store: one file, or whatever waits in the inbox."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from forecaster.calendar import local_date
from forecaster.read import open_extract
from forecaster.settings import Settings
from forecaster.store import IngestSummary, Store
from forecaster.types import InputError, Reject, Step

DONE, REFUSED = "done", "refused"
STAMP = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Received:
    """What became of one file: its summary, or why it was refused; rejects: where the rows left out are listed."""

    path: Path
    summary: IngestSummary | None = None
    error: InputError | None = None
    rejects: Path | None = None


def ingest_file(
    store: Store, settings: Settings, secret: bytes, path: Path, now: dt.datetime, period: Step | None = None
) -> Received:
    """Returns what a file brought, all of it stored; InputError, and nothing changed, when it cannot be used."""
    extract = open_extract(path, secret, today=local_date(now), period=period)
    summary = store.ingest(extract, now, settings.inbox.max_reject_share)
    listed = _write_rejects(settings.inbox.rejects, path, summary.rejected) if summary.rejected else None
    return Received(path, summary, rejects=listed)


def ingest_inbox(store: Store, settings: Settings, secret: bytes, now: dt.datetime) -> Iterator[Received]:
    """Reads the files that wait in the inbox, oldest first, and moves each to `done` or `refused` below it."""
    inbox = settings.inbox.path
    waiting = [path for path in inbox.iterdir() if path.is_file()] if inbox.is_dir() else []
    for path in sorted(waiting, key=_arrival):
        try:
            received = ingest_file(store, settings, secret, path, now)
        except InputError as error:
            if not path.exists():
                continue  # another process reads the inbox too, and was first
            received = Received(path, error=error)
        folder = inbox / (REFUSED if received.error else DONE)
        folder.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            path.replace(folder / f"{now:{STAMP}}-{path.name}")
        yield received
    _delete_old(inbox / DONE, now - dt.timedelta(days=settings.inbox.keep_days))


def _arrival(path: Path) -> tuple[float, str]:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime, path.name
    return 0.0, path.name


def _delete_old(folder: Path, before: dt.datetime) -> None:
    """Deletes extracts that were read before a moment: they hold names, the store does not."""
    for path in folder.glob("*-*"):
        if path.name < f"{before:{STAMP}}":
            path.unlink()


def _write_rejects(folder: Path, path: Path, rejected: list[Reject]) -> Path:
    """Lists what was left out, one line each, in the words of every other input error."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / f"{path.name}.rejects.txt"
    lines = [f"{path.name}, {r.place}, column {r.column}: {r.reason}; {r.remedy}" for r in rejected]
    listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return listed
