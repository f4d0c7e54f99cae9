"""One cell at a time: what a value from a council's file means, or why it cannot be used."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import unicodedata
from collections.abc import Iterable

EARLIEST = dt.date(2000, 1, 1)  # no child of today's caseload has an older event
DATE_REMEDY = "write dates as 2018-01-08 or 08/01/2018, day first"

_BLANKS = frozenset({"", "null", "none", "nan", "nat", "n/a", "na", "#n/a", "-"})
_ZONE = r"(?:Z|[+-]\d{2}:?\d{2})?"
_ISO = re.compile(rf"(\d{{4}})-(\d{{2}})-(\d{{2}})(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?)?{_ZONE}")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?")
_DATE_LIKE = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}(?:[T ][\d:.+Z-]*)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_EXCEL_ZERO = dt.date(1899, 12, 30)
_EXCEL_DAYS = range(20_000, 80_000)  # 1954 to 2119: a number out of here is no date
_MOST_PLANS = 50
_LETTER = re.compile(r"^[a-z]{1,2}\d?\)\s*", re.IGNORECASE)


class UnusableError(ValueError):
    """A value that cannot be used, with what to do about it; holds nothing that identifies a child."""

    def __init__(self, reason: str, remedy: str):
        self.reason, self.remedy = reason, remedy
        super().__init__(reason)


def tidy(value: object) -> str:
    """Returns a cell as text without outer spaces; "" for every way of saying "nothing here"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).replace("\xa0", " ").strip()
    return "" if text.lower() in _BLANKS else text


def day(value: object, latest: dt.date, earliest: dt.date = EARLIEST) -> dt.date:
    """Returns the day a cell names, whether written day first, ISO (with or without a time) or as a workbook date.

    Raises UnusableError for a blank, for what is no date, and for a day before `earliest` or after `latest`, the
    day on which the file was received.
    """
    found = _as_date(value)
    if found < earliest:
        raise UnusableError(f"{found} is before {earliest}", "check the year")
    if found > latest:
        remedy = "check the year; leave out what is only planned, and leave the end of an open plan blank"
        raise UnusableError(f"{found} is after the day the file was received ({latest})", remedy)
    return found


def _as_date(value: object) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, int | float) and int(value) in _EXCEL_DAYS:
        return _EXCEL_ZERO + dt.timedelta(days=int(value))
    text = tidy(value)
    if not text:
        raise UnusableError("no date", "fill in the date")
    return _from_text(text)


def _from_text(text: str) -> dt.date:
    iso, day_first = _ISO.fullmatch(text), _DAY_FIRST.fullmatch(text)
    try:
        if iso:
            return dt.date(int(iso[1]), int(iso[2]), int(iso[3]))
        if day_first:
            return dt.date(int(day_first[3]), int(day_first[2]), int(day_first[1]))
    except ValueError:
        pass  # 31 February: told below, like any other value that is no date
    # Only what looks like a date is quoted: a shifted column may put a name or an identifier here.
    quoted = f"'{text[:20]}'" if _DATE_LIKE.fullmatch(text) else "the value"
    raise UnusableError(f"{quoted} is not a date", DATE_REMEDY)


def whole(value: object) -> int:
    """Returns a count as a whole number of 0 or more; raises UnusableError for anything else."""
    text = tidy(value)
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if not _NUMBER.fullmatch(text):
        raise UnusableError("not a number" if text else "no number", "give a whole number, 0 or more")
    number = float(text)
    if number < 0:
        raise UnusableError(f"{text[:20]} is negative", "give a whole number, 0 or more")
    if not number.is_integer():
        raise UnusableError(f"{text[:20]} is not a whole number", "give a whole number, 0 or more")
    return int(number)


def plans_before(value: object) -> int:
    """Returns how many plans a child had before; raises UnusableError for a number that no child reaches.

    Such a number is an identifier or a year in the wrong column.
    """
    number = whole(value)
    if number > _MOST_PLANS:
        raise UnusableError("more previous plans than any child has", "check that the columns are in their places")
    return number


def uncode(value: object) -> str:
    """Returns a value without the letter that Annex A puts before it: "Yes" for "a) Yes"."""
    return _LETTER.sub("", tidy(value)).strip()


def yes_no(value: object) -> bool | None:
    """Returns what "a) Yes", "yes", "true" or 1 says; None when it says neither yes nor no."""
    word = uncode(value).lower()
    if word in {"yes", "y", "true", "1"}:
        return True
    return False if word in {"no", "n", "false", "0"} else None


def loose(heading: object) -> str:
    """Returns a heading by which spellings match: lower case, letters and digits only."""
    plain = unicodedata.normalize("NFKD", str(heading)).lower()
    return "".join(c for c in plain if c.isalnum())


def nearest(word: str, options: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Returns the option that is spelt most like the word, or None when none is close."""
    by_key = {loose(option): option for option in options}
    close = difflib.get_close_matches(loose(word), by_key, n=1, cutoff=cutoff)
    return by_key[close[0]] if close else None
