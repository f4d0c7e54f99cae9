"""Numbers, names and dates as a director reads them on a phone."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

from forecaster.calendar import long_date
from forecaster.types import COUNCIL, SeriesKey, SignalKind, Step

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MINOR = {"council": "", "team": "", "locality": "", "source": "", "category": "", "age_band": "aged "}
# Detectors that are known by a name of their own; the others are the service's.
METHODS: Mapping[SignalKind, str] = {
    "farrington": "Farrington Flexible",
    "ears_c1": "EARS C1",
    "ears_c2": "EARS C2",
    "ears_c3": "EARS C3",
}
SEPARATOR = " · "  # between the parts of a summary
NOT_SAID = ("not known", "not recorded")  # what stands where a source says nothing
NEAR = dt.timedelta(days=300)  # within it a day and month say which year is meant


def whole(value: float) -> int:
    """Returns the nearest whole number, halves up."""
    return math.floor(value + 0.5)


def rounded(parts: Sequence[float], total: float) -> list[int]:
    """Returns parts of a total as whole numbers, which come to no more than the total if the parts do not."""
    out = [whole(part) for part in parts]
    if sum(parts) <= total + 0.5:
        up_most = sorted(range(len(out)), key=lambda i: (parts[i] - out[i], -i))
        for i in up_most[: max(sum(out) - whole(total), 0)]:
            out[i] -= 1
    return out


def number(value: float) -> str:
    """Returns a count for humans: 1,234."""
    return f"{whole(value):,}"


def figure(value: float) -> str:
    """Returns a model's figure, rounded, but never 0 when something was expected."""
    return "fewer than 1" if 0 < value < 0.5 else number(value)


def about(value: float) -> str:
    """Returns a forecast figure as it begins a sentence: "about 45"."""
    return figure(value) if 0 < value < 0.5 else f"about {number(value)}"


def percent(share: float) -> str:
    """Returns a proportion for humans: 12%."""
    return "under 1%" if 0 < share < 0.005 else f"{whole(share * 100)}%"


def portion(share: float) -> str:
    """Returns a part of a whole where no number may stand: "nearly all", "most", "some"."""
    return "nearly all" if share >= 0.85 else "most" if share >= 0.5 else "some"


def chance(probability: float) -> str:
    """Returns a probability for humans, never quite none or all: 62%, over 99%."""
    return "over 99%" if probability >= 0.995 else "under 1%" if probability < 0.005 else percent(probability)


def leaning(more: float, words: tuple[str, str] = ("more", "fewer")) -> str:
    """Returns the likelier of two sides with its probability: "98% likely more"; more: probability of the first."""
    return f"{chance(max(more, 1 - more))} likely {words[more < 0.5]}"


def ordinal(place: int) -> str:
    """Returns a place: "1st", "2nd", "3rd", "4th"."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th") if place % 100 not in (11, 12, 13) else "th"
    return f"{place}{ending}"


def extent(lower: float, upper: float, share: bool = False) -> str:
    """Returns a band for humans: "26-54" or "10-30%"; never below zero."""
    scale = 100 if share else 1
    return f"{number(max(lower, 0.0) * scale)}-{number(upper * scale)}" + ("%" if share else "")


def distinct(values: Sequence[float], unit: str) -> list[str]:
    """Returns yearly figures, with one decimal only where whole numbers would hide a difference; shares get a %."""
    scaled = [value * 100 if unit == "share" else value for value in values]
    decimals = int(len({whole(value) for value in scaled}) < len({round(value, 1) for value in scaled}))
    return [f"{value:,.{decimals}f}" + ("%" if unit == "share" else "") for value in scaled]


def spelled(count: int) -> str:
    """Returns how many there are of what is no child, in words up to twelve: "no", "seven", "13", "1,234"."""
    return _WORDS[count] if count < len(_WORDS) else f"{count:,}"


def span(count: int, step: Step) -> str:
    """Returns a length of time in words: "seven weeks", "13 weeks", "one month"."""
    return f"{spelled(count)} {step}{'' if count == 1 else 's'}"


def clean(text: str, limit: int = 40) -> str:
    """Returns text from data on one line, without control characters, cut at a word with an ellipsis."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return shorten(line, limit)


def shorten(text: str, limit: int) -> str:
    """Returns text of at most `limit` characters, cut at a word where one ends near, with an ellipsis."""
    return text if len(text) <= limit else cut(text, limit - 1)


def cut(text: str, length: int) -> str:
    """Returns the first `length` characters, or fewer to end with a word, and an ellipsis."""
    at = text.rfind(" ", 0, length + 1)
    return text[: at if at > length * 2 // 3 else length].rstrip(" ,;") + "…"


def sentence(text: str) -> str:
    """Returns text with a capital at its start and a full stop at its end."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def day(date: dt.date, near: dt.date) -> str:
    """Returns a date, with its year only when that could be in doubt: "20 November"."""
    return f"{date.day} {date:%B}" if abs(near - date) < NEAR else long_date(date)


def since(start: dt.date, near: dt.date, step: Step) -> str:
    """Returns when something began: "w/c 20 November" or "April 2017"."""
    return f"w/c {day(start, near)}" if step == "week" else f"{start:%B %Y}"


def slice_words(key: SeriesKey) -> str:
    """Returns the slice as it follows a title: " in North", " from Police", " (Neglect)", " in North, Hull"."""
    links = {"team": " in {}", "locality": " in {}", "source": " from {}"}
    inside = [pair for pair in key.slice if pair[0] != COUNCIL]
    words = "".join(links.get(name, " ({})").format(named(name, value)) for name, value in inside)
    of = ", " if inside and inside[-1][0] in ("team", "locality") else " in "
    return words + (of + clean(key.council) if key.council else "")


def named(dimension: str, value: str) -> str:
    """Returns a slice's value so that it says by itself what it is: "North", "aged 5-9", "gender F"."""
    if value.lower() in NOT_SAID:
        return f"{dimension.replace('_', ' ')} {value.lower()}"
    if (dimension, value) == ("age_band", "unborn"):
        return "unborn children"
    return _MINOR.get(dimension, dimension.replace("_", " ") + " ") + clean(value)


def financial_year(year: int) -> str:
    """Returns the year that ended on 31 March: 2017 is "2016/17"."""
    return f"{year - 1}/{year % 100:02d}"
