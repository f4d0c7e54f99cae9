"""Extracts of a council's systems, read with every identifier pseudonymised at the door.

The format is found by looking at the file, not at its name. A new format is one more file in this folder, listed here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

from forecaster.read import annex_a, cin_census, events_csv, totals_csv
from forecaster.read.extract import Batch, Door, Extract, Format
from forecaster.read.tables import GZIP, first_bytes, first_headings
from forecaster.read.values import loose
from forecaster.types import InputError, Step

__all__ = ["FORMATS", "Batch", "Extract", "open_extract"]

FORMATS: tuple[Format, ...] = (annex_a, cin_census, events_csv, totals_csv)
_WHAT_IS_READ = (
    "give an Annex A workbook, a children in need census XML, an events CSV (child_id,event,date) "
    "or a totals CSV (week or month,measure,count)"
)
# Headings of the census's tables when somebody has flattened it to CSV.
_CENSUS_TABLES = {"lachildid", "cindetailsid", "referencedate"}


def open_extract(path: Path, secret: bytes, *, today: dt.date, period: Step | None = None) -> Extract:
    """Returns the extract in a file; its batches are read from the file as they are asked for.

    secret: the key of the pseudonyms. today: the day the file was received; a later event is rejected. period: what
    --period says, for a totals CSV. Raises InputError, one line with the remedy, for a file that cannot be used.
    """
    if not secret:
        raise ValueError("the secret for pseudonyms is empty")
    file = path.name
    try:
        digest = _digest(path)
        head = first_bytes(path)
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "check the path and the permissions") from None
    if not head.strip():
        raise InputError(file, "the file is empty", "export it again")
    one = _format(path, head)
    return Extract(one.SOURCE, file, digest, one.KIND, one.read(path, Door(file, secret, today, period)))


def _format(path: Path, head: bytes) -> Format:
    one = next((one for one in FORMATS if one.recognises(path, head)), None)
    if one is None:
        raise _unknown(path.name, head)
    if _is_packed(path) and one in (annex_a, cin_census):
        raise InputError(path.name, "only CSV files may be gzipped", "unpack it first")
    return one


def _unknown(file: str, head: bytes) -> InputError:
    if _CENSUS_TABLES & {loose(heading) for heading in first_headings(head)}:
        reason = "this is one table of a children in need census, not the census"
        return InputError(file, reason, "give the census XML that the tables were made from")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return InputError(file, "the text is in UTF-16", "save it as CSV UTF-8 (comma delimited)")
    return InputError(file, "the format is not known", _WHAT_IS_READ)


def _is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == GZIP


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
