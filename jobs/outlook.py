"""A director's question: how many on 31 March, how sure, what was said before, and what if. Nothing is stored."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecaster.accounts import own_series
from forecaster.calendar import DAY, local_date, long_date, period_end
from forecaster.measures import Measure
from forecaster.pipeline import Watch, forecast
from forecaster.quality import leave_out_incomplete
from forecaster.same_council import not_comparable
from forecaster.settings import Settings
from forecaster.standing import at_year_end, standings
from forecaster.suppress import is_small
from forecaster.types import Forecasts, InputError, Panel, Reference, SeriesKey, as_date
from forecaster.what_if import Levers, what_if
from forecaster.words.comparing import few
from forecaster.words.context import Comparison, YearEnd
from forecaster.words.wording import chance, extent, figure, leaning, number, percent, slice_words
from forecaster.year_end import year_end_outlook
from jobs.watch import Knowledge, feeds, known_at, reference_of, watching

BEFORE = (4, 13)  # weeks ago: what was said then
AS_LAST_YEAR = "last-year"
USUAL = (Levers(ends="last year"), Levers(starts="last year"))  # what is asked where nothing else is
MOST = 10.0  # times as many: more is a slip of the pen
HIDDEN, UNKNOWN = "not shown", "-"
NO_STAYS = "not known, it takes events to say who is still on a plan"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Table:
    """What is printed as a table: cells are text already."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Answer:
    """What the command says: the answer in words, the tables behind it, and how to read them."""

    words: tuple[str, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Heading:
    """Where one headline measure is heading, as far as it was known on a day; and where it would if."""

    measure: Measure
    key: SeriesKey
    panel: Panel
    end: YearEnd | None
    comparison: Comparison | None
    reason: str = ""  # why there is no end
    apart: str = ""  # why it is not held against published figures
    if_: tuple[tuple[Levers, YearEnd | None], ...] = ()


@dataclass(frozen=True)
class Story:
    """What is known now and was known before: on each of several days, the newest first, all headings by series."""

    days: tuple[dt.date, ...]
    said: tuple[Mapping[SeriesKey, Heading], ...]
    council: str
    threshold: int

    @property
    def now(self) -> Mapping[SeriesKey, Heading]:
        return self.said[0]

    @property
    def closes(self) -> str:
        """The 31 March that is ahead."""
        return next((long_date(heading.end.day) for heading in self.now.values() if heading.end), "31 March")

    def then(self, key: SeriesKey) -> list[str]:
        """Returns what was said of the same 31 March on the earlier days, "-" where nothing was."""
        return [_range(before.get(key), self.threshold, self.now[key].end) for before in self.said[1:]]


def levers_of(starts: str | None, ends: str | None) -> tuple[Levers, ...]:
    """Returns what is asked: "last-year" or how many times as many as forecast, of starts and ends; by default both."""
    if starts is None and ends is None:
        return USUAL
    return (Levers(_pace("--starts", starts), _pace("--ends", ends)),)


def _pace(option: str, text: str | None) -> float | Literal["last year"]:
    if text == AS_LAST_YEAR:
        return "last year"
    try:
        times = 1.0 if text is None else float(text)
    except ValueError:
        times = math.nan
    if not 0 <= times <= MOST:
        raise InputError(
            option, f"{text!r} is no pace", f"write {AS_LAST_YEAR}, or 0.9 for a tenth fewer than forecast"
        )
    return times


def answer(
    knowledge: Knowledge,
    settings: Settings,
    as_of: dt.date,
    now: dt.datetime,
    levers: Sequence[Levers],
    progress: Progress,
) -> Answer:
    """Returns where each headline measure is heading, how surely, and what was said of it 4 and 13 weeks before.

    What was said before is worked out again, by the present methods, from what was known on those days. Raises
    InputError where there is no data.
    """
    if as_of > local_date(now):
        raise InputError("--as-of", f"{as_of} has not come yet", f"give {local_date(now)} or a day before")
    days = [as_of, *(as_of - 7 * weeks * DAY for weeks in BEFORE)]
    said = []
    for done, day in enumerate(days):
        progress(done, len(days))
        said.append(headings(knowledge, settings, day, now, () if done else levers))
    progress(len(days), len(days))
    if not said[0]:
        raise InputError("store", f"no headline measure has data up to {as_of}", "run `forecaster ingest FILE` first")
    return told(Story(tuple(days), tuple(said), settings.council.name, settings.small_numbers.threshold))


def told(story: Story) -> Answer:
    """Returns the answer in words and tables, small numbers left out."""
    return Answer(tuple(_words(story)), (_ends(story), _others(story), _before(story)), tuple(_notes(story)))


def headings(
    knowledge: Knowledge, settings: Settings, as_of: dt.date, now: dt.datetime, levers: Sequence[Levers] = ()
) -> Mapping[SeriesKey, Heading]:
    """Returns where every headline measure was heading by what was known on a day, in the order of the config."""
    reference = reference_of(settings, as_of)
    found: dict[SeriesKey, Heading] = {}
    with watching(settings, {}) as watch:
        for panel, *_ in feeds(knowledge, settings, watch, as_of, known_at(as_of, now)):
            for heading in _headings(leave_out_incomplete(panel)[0], watch, reference, levers):
                found.setdefault(heading.key, heading)
    order = [*settings.catalogue]
    return dict(sorted(found.items(), key=lambda item: (order.index(item[0].measure), item[0])))


def _headings(panel: Panel, watch: Watch, reference: Reference, levers: Sequence[Levers]) -> Iterator[Heading]:
    forecasts, stands = forecast(panel, (), watch), standings(panel, reference)
    apart = not_comparable(panel, reference)
    for key in (panel.keys[row] for row in own_series(panel.keys)):
        measure = watch.measure(key, panel)
        if measure.headline:
            end, standing = year_end_outlook(panel, forecasts, key), stands.get(key)
            compared = at_year_end(standing, end) if standing else None
            ifs = tuple((one, what_if(panel, forecasts, key, one, watch.seed)) for one in levers)
            reason = "" if end else _reason(panel, forecasts, key)
            yield Heading(measure, key, panel, end, compared, reason, apart.get(key.measure, ""), ifs)


def _reason(panel: Panel, forecasts: Forecasts, key: SeriesKey) -> str:
    """Why there is no year's end to tell."""
    usual = (
        "the last week before 31 March is over"
        if panel.kinds[panel.row(key)] == "stock"
        else "its year so far has gaps"
    )
    return next((missed.reason for missed in forecasts.not_run if missed.key == key), usual)


# Tables


def _ends(story: Story) -> Table:
    rows = [
        (_title(one), _range(one, story.threshold), *_year_before(one, story.threshold)) for one in story.now.values()
    ]
    title = f"{story.council}: where the year ends, as known on {long_date(story.days[0])}"
    return Table(title, ("Measure", story.closes, "Year before", "Likely more"), tuple(rows))


def _others(story: Story) -> Table:
    """How likely the council is above others; not where its own figure is not shown."""
    rows = []
    for one in story.now.values():
        compared = one.comparison if _range(one, story.threshold) not in (HIDDEN, UNKNOWN) else None
        sides = (compared.above, compared.above_england) if compared else (None, None)
        rows.append((_title(one), *map(_chance, sides)))
    return Table(f"How likely it is above others on {story.closes}", ("Measure", "Neighbours", "England"), tuple(rows))


def _before(story: Story) -> Table:
    rows = tuple((_title(heading), *story.then(key)) for key, heading in story.now.items())
    return Table("What was said of it before", ("Measure", *map(_on, story.days[1:])), rows)


def _on(day: dt.date) -> str:
    return f"On {long_date(day)}"


def _title(heading: Heading) -> str:
    return heading.measure.title + slice_words(heading.key)


def _chance(probability: float | None) -> str:
    return UNKNOWN if probability is None else chance(probability)


def _range(heading: Heading | None, threshold: int, same: YearEnd | None = None) -> str:
    """A year's end with its 95% band, unless it is of so few that it gives them away; same: of the same 31 March."""
    end = heading.end if heading else None
    if heading is None or end is None or (same and same.day != end.day):
        return UNKNOWN
    if few(end, heading.measure.kind, threshold):
        return HIDDEN
    share = heading.measure.kind == "share"
    return f"{percent(end.median) if share else figure(end.median)} ({extent(end.lower, end.upper, share=share)})"


def _year_before(heading: Heading, threshold: int) -> tuple[str, str]:
    """Last year's figure and how likely more is, unless it, or what is left of its share, is small."""
    end, share = heading.end, heading.measure.kind == "share"
    if end is None or end.year_ago is None:
        return UNKNOWN, UNKNOWN
    counts = [end.year_ago * end.size_ago, (1 - end.year_ago) * end.size_ago] if share else [end.year_ago]
    if any(is_small(count, threshold) for count in counts):
        return HIDDEN, UNKNOWN
    return percent(end.year_ago) if share else number(end.year_ago), _chance(end.more)


# Words


def _words(story: Story) -> Iterator[str]:
    """The director's question of every stock: how many, how sure, what was said before, and what if."""
    for key, heading in story.now.items():
        if heading.end is None:
            yield f"{_title(heading)}: {_now(heading, story.threshold)}no forecast, {heading.reason}."
        if heading.end is None or heading.measure.kind != "stock":
            continue
        yield f"{_title(heading)}: {_now(heading, story.threshold)}{_ahead(heading, story.threshold)}."
        before = [f"on {long_date(day)} {text}" for day, text in zip(story.days[1:], story.then(key), strict=True)]
        yield f"Said before: {', '.join(before)}."
        yield from (f"If {_condition(levers)}: {_band(end) if end else NO_STAYS}." for levers, end in heading.if_)


def _now(heading: Heading, threshold: int) -> str:
    """How many there are of a stock, to be followed by how many there will be."""
    panel = heading.panel
    level = panel.count[panel.row(heading.key), -1]
    if heading.measure.kind != "stock" or not np.isfinite(level):
        return ""
    many = f"{threshold} or fewer" if is_small(level, threshold) else number(level)
    return f"{many} on {long_date(period_end(as_date(panel.periods[-1]), panel.step))}, "


def _ahead(heading: Heading, threshold: int) -> str:
    assert heading.end is not None
    ago, more = _year_before(heading, threshold)
    compared = f", {ago} a year before" + (f" ({leaning(heading.end.more)})" if heading.end.more is not None else "")
    return f"{_band(heading.end)} on {long_date(heading.end.day)}{compared if more != UNKNOWN else ''}"


def _band(end: YearEnd) -> str:
    return f"about {figure(end.median)} ({extent(end.lower, end.upper)})"


def _condition(levers: Levers) -> str:
    """What would be otherwise: "ends went back to last year's pace"."""
    return (
        " and ".join(_otherwise(name, pace) for name, pace in vars(levers).items() if pace != 1.0)
        or "all goes as forecast"
    )


def _otherwise(name: str, pace: float | str) -> str:
    if isinstance(pace, str):
        return f"{name} went back to last year's pace"
    return f"{name} were {percent(abs(pace - 1))} {'more' if pace > 1 else 'fewer'} than forecast"


def _notes(story: Story) -> Iterator[str]:
    for why in dict.fromkeys(one.apart for one in story.now.values() if one.apart):
        yield f"Not held against others: {why}."
    yield "Brackets hold what comes in 95 of 100 cases. A stock is counted on the day, all else over the year to it."
    days = " and ".join(map(long_date, story.days[1:]))
    yield f"What was said before is worked out again, by today's methods, from what was known on {days}."
