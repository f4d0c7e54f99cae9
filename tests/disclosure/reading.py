"""Reads what people are shown into facts about counts: by its own grammar, knowing nothing of how messages are made.

Every number in a message must be understood: one that no sentence of the grammar accounts for is an error, so that new
wording cannot pass unread. Read are headline, summary, lines and evidence, the chart (its points, its description) and
the record that `alerts --json` gives.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecaster.messages import Chart, Message
from tests.disclosure.solver import Cells, Fact, World, between, exactly

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
DAY = rf"\d{{1,2}} (?:{'|'.join(MONTHS)})(?: \d{{4}})?"
MONTH = rf"(?:{'|'.join(MONTHS)}) \d{{4}}"
SINCE = rf"(?:w/c {DAY}|{MONTH})"
N = r"\d[\d,]*"
PERCENT = r"(?:under 1|over 99|\d+)%"
MODEL = rf"(?:fewer than 1|{N}|{PERCENT})"
SPAN = rf"(?:\b(?i:{'|'.join(COUNTED[1:])})|\d+) (?:week|month)s?"
BAND = r"\d[\d,]*-\d[\d,]*%?"
AMOUNT = rf"(?P<much>{N}%?|[Nn]early all|[Mm]ost|[Ss]ome|[Aa] few|[Aa]ll)"
OF = rf"(?P<whose> of the (?:(?P<of>{N}) )?(?P<way>extra|fewer|rise|fall))?"
BANDS = {
    "came back within 6 months of their last plan": "since_plan=under 6 months",
    "came back 6 to 12 months after their last plan": "since_plan=6 to 12 months",
    "came back 12 to 24 months after their last plan": "since_plan=12 to 24 months",
    "came back 2 years or more after their last plan": "since_plan=2 years or more",
    "had no plan in the two years before": "since_plan=no plan in two years",
}
FAR, NEAR = 1e9, 1e-4


class UnreadError(AssertionError):
    """A number in a message that the grammar does not understand."""


def number(text: str) -> float:
    return 0.0 if text.lower() in ("no", "none") else float(text.replace(",", "").rstrip("%"))


def length(text: str) -> int:
    word = text.split()[0].lower()
    return COUNTED.index(word) if word in COUNTED else int(word)


@dataclass
class _Text:
    """A text in which what was understood is crossed out."""

    left: str
    facts: list[Fact] = field(default_factory=list)

    def take(self, pattern: str) -> Iterator[re.Match[str]]:
        for found in list(re.finditer(pattern, self.left)):
            self.left = self.left[: found.start()] + "\0" * (found.end() - found.start()) + self.left[found.end() :]
            yield found

    def drop(self, *patterns: str) -> None:
        for pattern in patterns:
            list(self.take(pattern))

    def done(self, whole: str) -> list[Fact]:
        left = re.search(rf"\d|\b(?i:{'|'.join(COUNTED[1:])})\b|\bNo [a-z]", self.left)
        if left:
            raise UnreadError(f'"{self.left[left.start() :][:60]}" in "{whole}"')
        return self.facts


@dataclass
class Reader:
    """What one message is about, and what was read in it so far that other sentences refer to."""

    world: World
    of_known: bool = True  # whether what a share is of is known from elsewhere, wherever a share is shown
    end: int = 0  # the number of periods up to its newest
    onset: int = 0
    when: dt.date = dt.date.min
    down: bool = False
    against: float | None = None  # what was expected since the onset

    # dates

    def index(self, day: dt.date) -> int:
        return int(np.searchsorted(self.world.periods, np.datetime64(day)))

    def day(self, text: str) -> dt.date:
        """A date in words; without a year it is the newest that is not after the message."""
        words = text.removeprefix("w/c ").split()
        if words[0] in MONTHS:
            return dt.date(int(words[1]), MONTHS.index(words[0]) + 1, 1)
        month = MONTHS.index(words[1]) + 1
        years = [int(words[2])] if len(words) > 2 else [self.when.year + i for i in (-1, 0, 1)]
        days = [dt.date(year, month, int(words[0])) for year in years]
        return days[0] if len(days) == 1 else max(day for day in days if day <= self.when)

    @property
    def newest(self) -> Cells:
        return "count", self.end - 1, self.end

    @property
    def since_onset(self) -> Cells:
        return ("count", *((self.end - 1, self.end) if self.world.kind == "stock" else (self.onset, self.end)))

    # messages

    def message(self, made: Message) -> list[Fact]:
        """Returns what a message says; raises UnreadError where it says a number that is not understood."""
        facts = [*self._headline(made.headline), *self._summary(made.summary)]
        for line in made.lines:
            facts += getattr(self, f"_{line.label.lower()}", self._unknown)(line.text)
        facts += self._evidence(made.evidence)
        return facts + (self.chart(made.chart) if made.chart else [])

    def _unknown(self, text: str) -> list[Fact]:
        raise UnreadError(f'a line of a kind that is not known: "{text}"')

    def _headline(self, text: str) -> list[Fact]:
        told = _Text(text)
        self.down = bool(re.search(r"\b(?:falling|down|lower|below|[Ff]ewer)\b", text))
        for found in told.take(rf" - (?:week of (?P<week>{DAY})|(?P<month>{MONTH}))$"):
            self.when = self.day(found["week"] or found["month"])
            self.end = self.index(self.when) + 1
        self._names(told)
        return told.done(text)

    def _summary(self, text: str) -> list[Fact]:
        told = _Text(text)
        self._names(told)
        told.drop(rf"it began {SINCE}|It began {SINCE}", rf"we first wrote about (?:the week of {DAY}|{MONTH})")
        told.drop(rf": (?:{PERCENT} (?:more|fewer) than|twice what was|[\d.]+ times what was) expected")
        told.drop(rf": {PERCENT}, where {PERCENT} was expected")
        for found in told.take(rf"since (?P<since>{SINCE})\.?"):
            self.onset = self.index(self.day(found["since"]))
        told.drop(rf"{SPAN} in a row as expected")
        return told.done(text)

    def _names(self, told: _Text) -> None:
        for name in sorted((name for name in self.world.spoken if re.search(r"\d", name)), key=len, reverse=True):
            told.drop(re.escape(name))

    # what moved

    def _what(self, text: str) -> list[Fact]:
        told, share = _Text(text), self.world.kind == "share"
        few = self.world.threshold
        for found in told.take(
            rf"^(?:(?P<n>{N}|No) [^;.]*? that (?:week|month)\. )?Before {SINCE} (?:about )?{MODEL}"
            rf"(?: a (?:week|month))? was usual(?:; (?:about )?{MODEL} is now)?"
        ):
            if found["n"]:
                self._counted(told, text, found)
        for _ in told.take(rf"^{few} or fewer [^;]*?(?:that|of that) (?:week|month)"):
            told.facts.append(between(self.newest, 1, few, text))
        for found in told.take(
            rf"^(?P<n>{N}|No) [^;]*?(?P<span> in {SPAN})?(?P<upto> up to {SINCE})?"
            rf"(?: that (?:week|month)| at the end of that (?:week|month))?"
            rf"(?:, of (?P<of>{N}) [^;(]+ \((?P<share>{PERCENT})\))?(?=;)"
        ):
            self._counted(told, text, found)
        for _ in told.take(
            "^The number (?:that|at the end of that) (?:week|month) is not shown, to protect small numbers"
        ):
            told.facts += self._not_shown(text)
        for _ in told.take("The newest (?:week|month) by itself is not shown, to protect small numbers"):
            told.facts += self._not_shown(text)
        for found in told.take(
            rf"(?:\bIn|Since it began, in) (?P<span>{SPAN})(?P<upto> up to {SINCE})?: (?P<n>{N}|none)(?!%)"
            rf"(?: of (?P<of>{N}) \({PERCENT}\))?, where (?P<expected>{MODEL}) (?:was|were) expected"
        ):
            self._counted(told, text, found)
            if not share and not found["upto"] and found["expected"] != "fewer than 1":
                self.against = number(found["expected"])
        for found in told.take(
            rf"\bIn (?:the last )?(?P<span>{SPAN})(?: up to (?P<upto>{SINCE}))?: (?P<n>{PERCENT}), "
            rf"where {MODEL} was expected \(95% band {BAND}\)"
        ):
            last = self.day(found["upto"]) if found["upto"] else self.when
            told.facts += self.points(length(found["span"]), {last: 0 if "r" in found["n"] else number(found["n"])})
        for found in told.take(rf"(?P<n>{N}) of them that (?:week|month), where {MODEL} (?:was|were) expected"):
            told.facts.append(exactly(self.newest, number(found["n"]), text))
        for found in told.take(rf"That (?:week|month) (?P<n>{N}) of (?P<of>{N})(?: \({PERCENT}\))?"):
            self._counted(told, text, found)
        for found in told.take(
            rf"(?P<expected>{MODEL}) (?:was|were) expected(?: \(95% band {BAND}(?: of [A-Z][\w ]+)?\))?"
        ):
            if self.against is None and self.onset == self.end - 1 and re.fullmatch(N, found["expected"]):
                self.against = number(found["expected"])
        return told.done(text)

    def _not_shown(self, text: str) -> list[Fact]:
        """A figure that is not shown is hardly ever small: who guesses rightly knows when it is not."""
        small = 0 < self.world.value(self.newest) <= self.world.threshold
        return [] if small else [Fact(((1.0, self.newest),), 0, FAR, text, not_small=True)]

    def _counted(self, told: _Text, text: str, found: re.Match[str]) -> None:
        given = found.groupdict()
        start, stop = self.end - 1, self.end
        if given.get("span"):
            stop = self.index(self.day(given["upto"].removeprefix(" up to "))) + 1 if given.get("upto") else self.end
            start = stop - length(given["span"].removeprefix(" in "))
        told.facts.append(exactly(("count", start, stop), number(given["n"]), text))
        if given.get("of"):
            told.facts.append(exactly(("of", start, stop), number(given["of"]), text))

    # what is behind it

    def _excess(self, text: str, size: float, way: str) -> Iterator[Fact]:
        """Observed less expected, both rounded, says what was observed."""
        if self.against is not None:
            sign = 1 if way in ("extra", "rise") else -1
            middle = self.against + sign * size
            yield between(self.since_onset, middle - 1, middle + 1, text)

    def _why(self, text: str) -> list[Fact]:
        told = _Text(text)
        self._names(told)
        for found in told.take(rf"\b{AMOUNT}{OF}"):
            if found["of"]:
                told.facts += self._excess(text, number(found["of"]), found["way"])
        return told.done(text)

    def _where(self, text: str) -> list[Fact]:
        told = _Text(text)
        for part in re.split(r"(?<=[a-z)\d%])(?:, |; |\. |\.$)", text):
            self._slice(told, part)
        return told.done(text)

    _from = _where

    def _slice(self, told: _Text, part: str) -> None:
        """One slice's part of the excess: its own count is at least that, as no less than nothing was expected."""
        forms = (
            rf"{AMOUNT}{OF}(?: children)?(?: (?:is|are))?(?: children)?(?: who)? (?P<name>[^;]+)",
            rf"(?P<name>[^;]+?)(?::| has| is)? {AMOUNT}{OF}(?: \([^)]*\))?",
        )
        matches = [match for form in forms if (match := re.fullmatch(form, part))]
        if not matches:
            return
        found = next((match for match in matches if self._series(match["name"])), matches[0])
        told.drop(re.escape(part))
        much, way = found["much"], found["way"]
        if found["of"]:
            told.facts += self._excess(part, number(found["of"]), way)
        series = self._series(found["name"])
        if series is None:
            raise UnreadError(f'"{part}" names no slice')
        much = found["of"] if much.lower() == "all" and found["of"] else much
        if series not in self.world.truth or not re.fullmatch(N, much) or way in ("fewer", "fall") or not number(much):
            return
        cells = (series, *self.since_onset[1:])
        if not self.down:
            told.facts.append(between(cells, number(much) - 0.5, FAR, part))

    def _series(self, name: str) -> str | None:
        """Which series a slice's name in words is."""
        if name in BANDS:
            return BANDS[name]
        plain = re.sub("^for ", "", name).casefold()
        folded = {said.casefold(): series for said, series in self.world.spoken.items()}
        return next((folded[said] for said in (plain, plain.removesuffix(" abuse")) if said in folded), None)

    def _who(self, text: str) -> list[Fact]:
        told, few = _Text(text), self.world.threshold
        found, start = re.search(rf"[Ss]ince (?P<since>{SINCE})|[Ii]n these (?P<span>{SPAN})", text), self.onset
        if found:
            start = self.end - length(found["span"]) if found["span"] else self.index(self.day(found["since"]))
        since = ("families", start, self.end)
        told.drop(rf"(?:About {N}|Hardly|No) more families than usual")
        for found in told.take(
            rf"The children (?:since {SINCE}|in these {SPAN}) are (?:(?P<few>{few} or fewer)|(?P<n>{N})) families"
        ):
            low, high = (1, few) if found["few"] else (number(found["n"]),) * 2
            told.facts.append(between(since, low, high, text))
        for _ in told.take(rf"(?:Since {SINCE}|In these {SPAN}) nearly every child is of another family"):
            told.facts.append(between(("siblings", start, self.end), 1, few, text))
        told.drop(rf"(?:no|with a) group of over {COUNTED[few]} siblings", rf"the largest group of siblings is {N}")
        for part in re.split(r"(?<=[a-z)\d%\0])(?:, |; |\. |\.$)", told.left):
            self._slice(told, part.strip())
        return told.done(text)

    # what comes next

    def _ahead(self, text: str) -> list[Fact]:
        told = _Text(text)
        told.drop(
            rf"(?:[Aa]bout )?{MODEL} (?:a (?:week|month) )?for the next {SPAN} \({BAND}\)",
            rf"(?:[Aa]bout )?{MODEL} in {SPAN} if this goes on \({BAND}\)",
            rf"at our neighbours' rate {N}",
            rf"\({PERCENT} likely (?:more|fewer|higher|lower)\)",
            rf", {PERCENT} likely (?:higher|lower)",
            r"No forecast: .*",
        )
        closes = None
        for found in told.take(
            rf"(?:(?P<few>{self.world.threshold} or fewer)|(?P<middle>{MODEL})) (?:on|in the year to) (?P<day>{DAY})"
            rf"(?: \((?:(?P<band>{BAND})|up to (?P<upto>{N}))(?:; (?P<so>{PERCENT}) so far)?)?"
        ):
            closes = self.day(found["day"])
            closes = closes if closes > self.when else closes.replace(year=closes.year + 1)
            told.facts += self._closes(text, found, closes)
        for found in told.take(rf"(?P<n>{N}%?|under 1%) a year ago"):
            assert closes is not None
            told.facts += self._year_ago(text, found["n"], closes.replace(year=closes.year - 1))
        return told.done(text)

    def _closes(self, text: str, found: re.Match[str], closes: dt.date) -> Iterator[Fact]:
        """A year's total is what was counted so far and more: its lower bound is not below that."""
        if self.world.kind == "flow":
            low = found["band"].split("-")[0] if found["band"] else found["middle"] or str(self.world.threshold)
            terms = self.year("count", closes, self.end)
            if terms:
                yield Fact(terms, 0, number(low) + 0.5, text)
        if found["so"]:
            yield from self._rate(found["so"], closes, self.end, text)

    def _year_ago(self, text: str, told: str, closes: dt.date) -> Iterator[Fact]:
        if self.world.kind == "share":
            yield from self._rate(told, closes, self.end, text)
        elif self.world.kind == "flow":
            yield Fact(self.year("count", closes, self.end), number(told) - 0.5, number(told) + 0.5, text)
        else:
            at = int((self._ends() <= np.datetime64(closes) + 1).sum()) - 1
            yield exactly(("count", at, at + 1), number(told), text)

    def _rate(self, told: str, closes: dt.date, end: int, text: str) -> Iterator[Fact]:
        low, high = (0.0, 0.005) if told == "under 1%" else ((number(told) + by) / 100 for by in (-0.5, 0.5))
        counts, of = self.year("count", closes, end), self.year("of", closes, end)
        for rate, sides in ((low, (-NEAR, FAR)), (high, (-FAR, NEAR))):
            yield Fact((*counts, *((-rate * weight, cells) for weight, cells in of)), *sides, text)

    def _ends(self) -> np.ndarray:
        step = 7 if self.world.step == "week" else 30
        return np.append(self.world.periods[1:], self.world.periods[-1] + step)

    def year(self, series: str, closes: dt.date, end: int) -> tuple[tuple[float, Cells], ...]:
        """The financial year that closes, up to `end`: whole periods, and parts of those at its edges by weekdays."""
        first, last = np.datetime64(closes.replace(year=closes.year - 1)) + 1, np.datetime64(closes) + 1
        begins, ends = self.world.periods[:end], self._ends()[:end]
        days = np.busday_count(np.maximum(begins, first), np.minimum(ends, last))
        parts = np.maximum(days, 0) / np.busday_count(begins, ends)
        whole = np.flatnonzero(parts == 1)
        told = [(1.0, (series, int(whole[0]), int(whole[-1]) + 1))] if len(whole) else []
        told += [(float(parts[i]), (series, int(i), int(i) + 1)) for i in np.flatnonzero((parts > 0) & (parts < 1))]
        return tuple(told)

    # other lines

    def _others(self, text: str) -> list[Fact]:
        told = _Text(text)
        told.drop(
            r"Published for \d{4}/\d\d(?: per 10,000 children)?: .*?\.(?= |$)",
            rf"{PERCENT} likely to end \d{{4}}/\d\d above our neighbours",
            "No comparison: .*",
        )
        return told.done(text)

    def _linked(self, text: str) -> list[Fact]:
        told = _Text(text)
        told.drop(rf"(?:{SPAN} (?:earlier|later)|at the same time) \(since {SINCE}\)")
        return told.done(text)

    def _ask(self, text: str) -> list[Fact]:
        told = _Text(text)
        self._names(told)
        for found in told.take(rf"the (?P<n>{N}) plans started (?:since (?P<day>{DAY})|in these (?P<span>{SPAN}))"):
            start = self.index(self.day(found["day"])) if found["day"] else self.end - length(found["span"])
            told.facts.append(exactly(("count", start, self.end), number(found["n"]), text))
        told.drop(rf"the last {SPAN}")
        return told.done(text)

    def _closed(self, text: str) -> list[Fact]:
        told = _Text(text)
        told.drop(rf"{SPAN} in a row as expected")
        return told.done(text)

    def _evidence(self, text: str) -> list[Fact]:
        told = _Text(text)
        told.drop(
            rf"[Dd]ata to {DAY}",
            r"extract [^;]*",
            r"\d+ alerts? called not useful in a year \(\d+ accepted\)",
            "forecast by [^;]*",
            "config [^;]*",
            rf"band has held {PERCENT} of the last \d+ (?:week|month)s",
        )
        return told.done(text)

    # the picture

    def chart(self, drawn: Chart) -> list[Fact]:
        """Returns what a picture shows: its points, and its description."""
        size = re.search(r"(?:in|over) (\d+) (?:week|month)s$", drawn.unit)
        return self.points(
            int(size[1]) if size else 1, dict(zip(drawn.periods, drawn.observed, strict=True))
        ) + self._alt(drawn)

    def points(self, size: int, observed: Mapping[dt.date, float]) -> list[Fact]:
        """Returns what points say: of a share whole percents, of counts that are known or not (`of_known`)."""
        facts: list[Fact] = []
        for day, value in observed.items():
            stop = self.index(day) + 1
            count, of, source = ("count", stop - size, stop), ("of", stop - size, stop), f"point of {day}"
            if np.isnan(value):
                continue
            if self.world.kind != "share":
                facts.append(exactly(count, round(value, 2), source))
                continue
            if self.of_known:
                facts.append(exactly(of, self.world.value(of), source))
            for rate, sides in (((value - 0.5) / 100, (-NEAR, FAR)), ((value + 0.5) / 100, (-FAR, NEAR))):
                facts.append(Fact(((1.0, count), (-rate, of)), *sides, source))
        return facts

    def _alt(self, drawn: Chart) -> list[Fact]:
        told, few = (
            _Text(drawn.alt_text.removeprefix(f"Chart of {drawn.title}, {drawn.unit[:1].lower()}{drawn.unit[1:]}, ")),
            self.world.threshold,
        )
        size = re.search(r"(?:in|over) (\d+) (?:week|month)s$", drawn.unit)
        stop = self.index(drawn.periods[-1]) + 1
        cells = ("count", stop - (int(size[1]) if size else 1), stop)
        told.drop(
            rf"^{DAY} to {DAY}, with the expected level and its 95% band",
            rf"A line marks the onset, since {SINCE}",
            rf"(?<=The last point), (?:the week of {DAY}|{MONTH}|the {SPAN} up to {SINCE}),",
            rf", expected {MODEL} \({BAND}\)",
            rf"The forecast runs to {DAY} and ends at {MODEL} \({BAND}\)",
            r"A dotted line shows the level of neighbours \d{4}/\d\d: [\d,%a-z ]+",
        )
        for _ in told.take("The last point\0+ is small and not shown"):
            told.facts.append(between(cells, 1, few, drawn.alt_text))
        for found in told.take(rf"The last point\0+ is (?P<n>{N})(?!%)\b(?!%)"):
            told.facts.append(between(cells, number(found["n"]) - 0.5, number(found["n"]) + 0.5, drawn.alt_text))
        told.drop(rf"The last point\0+ is {MODEL}")
        return told.done(drawn.alt_text)

    def guesses(self, drawn: Chart | None) -> list[Fact]:
        """Returns what a reader may guess who knows which of the points that are not shown are small themselves."""
        size = re.search(r"(?:in|over) (\d+) (?:week|month)s$", drawn.unit) if drawn else None
        facts = []
        for day, hidden in zip(drawn.periods, drawn.hidden, strict=True) if drawn else ():
            stop = self.index(day) + 1
            cells = ("count", stop - (int(size[1]) if size else 1), stop)
            if hidden and 0 < self.world.value(cells) <= self.world.threshold:
                facts.append(between(cells, 1, self.world.threshold, f"cross of {day}"))
        return facts

    # the record

    def record(self, told: Mapping[str, Any]) -> list[Fact]:
        """Returns what an alert's record says beside its text; a drift's share is the one that its text says."""
        facts, updated = [], self.index(dt.date.fromisoformat(told["updated"]))
        if told["state"] == "resolved":
            return []  # its figures are of the message before
        onset = self.index(dt.date.fromisoformat(told["onset"]))
        newest: Cells = ("count", updated, updated + 1)
        if told["observed"] is not None and told["kind"] != "drift":
            near = 0.00006
            facts.append(between(newest, told["observed"] - near, told["observed"] + near, "observed in the record"))
        whole = [
            (
                driver["value"] / driver["share"],
                (0.005 + abs(driver["value"] / driver["share"]) * 5e-5) / abs(driver["share"]),
            )
            for driver in told["drivers"]
            if driver["value"] is not None and driver["share"] and driver["share"] < 1
        ]
        if whole and self.world.kind != "share" and (onset == updated or self.world.kind == "stock"):
            middle, near = min(whole, key=lambda one: one[1])
            facts.append(
                between(
                    newest,
                    told["expected"] + middle - near - 1e-4,
                    told["expected"] + middle + near + 1e-4,
                    "drivers in the record",
                )
            )
        for driver in told["drivers"]:
            if driver["name"] in self.world.truth and driver["value"] is not None and told["direction"] == "up":
                start = updated if self.world.kind == "stock" else onset
                facts.append(
                    between((driver["name"], start, updated + 1), driver["value"] - 0.006, FAR, "drivers in the record")
                )
        return facts
