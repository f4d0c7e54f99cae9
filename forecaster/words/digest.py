"""The weekly digest: what was looked at, what stands open, what comes, what was near, and what could not be judged.

It is sent whatever happened, so that silence never looks like health; and what could not be judged is never told as
nothing found. The few counts in it are rounded: no difference between two digests, or a digest and an alert, may give
a small count away.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from forecaster.calendar import last_complete, long_date, period_end, period_name
from forecaster.messages import Line, Message
from forecaster.suppress import is_small
from forecaster.types import Alert, Kind, NotRun, SeriesKey, Severity, Signal, Step
from forecaster.words.comparing import few
from forecaster.words.context import YearEnd
from forecaster.words.wording import (
    about,
    clean,
    day,
    extent,
    number,
    percent,
    sentence,
    shorten,
    slice_words,
    span,
    spelled,
)

DIGEST = "digest"
LIMIT = 1200  # characters of a whole message: what is read in 20 seconds
DISPENSABLE = ("Close", "Ahead", "Held")  # left out in this order if too long
NEAR, OPEN, HEADINGS, REASONS, MISSED = 3, 4, 6, 3, 2  # at most so many of each are named
RANK: dict[Severity, int] = {"high": 0, "medium": 1, "low": 2}
QUIET = "All quiet: nothing moved beyond what is expected"
LIKELY = " (likely range in brackets)"
NO_ALL_CLEAR = "This is not an all-clear: what moved is not known."
COMPARED = ("neighbours", "peers")  # detectors that judge no series by its own past
ANSWERED = ("acknowledged", "snoozed")  # an alert in any other state is still escalated, whoever it is assigned to
OF_A_DAY = ("arrival", "completeness")  # what keeps a whole period from being judged


@dataclass(frozen=True)
class Ran:
    """The newest run over one kind of data.

    on: the day it ran. period: the newest that was judged; due: the newest that should have been by the day of the
    digest. series: how many were watched; missed: what could not be judged, compared or forecast.
    """

    step: Step
    on: dt.date
    period: dt.date
    due: dt.date
    series: int
    missed: tuple[NotRun, ...] = ()
    provisional: bool = False

    @cached_property
    def unjudged(self) -> Mapping[SeriesKey, str]:
        """Why series could not be judged by their own past."""
        others = (*COMPARED, *OF_A_DAY, "forecast", "feeds")
        return {item.key: _short(item.reason) for item in self.missed if item.by not in others}

    @cached_property
    def why_not(self) -> str:
        """Why the period that is due could not be judged at all, "" where it was."""
        if self.period < self.due:
            ran = last_complete(self.on, self.step) >= self.due
            what = "no full week of data" if self.step == "week" else "no data"
            gone = f"{what} since {self._day(period_end(self.period, self.step))}"
            return gone if ran else f"nothing has run since {self._day(self.on)}"
        if any(
            item.by == "completeness" and not item.key.council and str(self.period) in item.reason
            for item in self.missed
        ):
            return "its data looks incomplete"
        if self.unjudged and len(self.unjudged) >= self.series:
            return Counter(self.unjudged.values()).most_common(1)[0][0]
        return ""

    def _day(self, date: dt.date) -> str:
        return day(date, period_end(self.due, self.step))


@dataclass(frozen=True)
class Heading:
    """Where one measure of the first page is heading.

    recent: each of the last quarter's counts, or the newest level of a stock alone. moves: of a stock each
    of the last quarter's counts of what came and what left. ahead: lower, median and upper of
    a usual period of the next `length`; end: of a stock or share where it is by 31 March. model: what foretells it.
    """

    key: SeriesKey
    title: str
    kind: Kind
    step: Step
    recent: tuple[float, ...] = ()
    ahead: tuple[float, float, float] | None = None
    length: int = 13
    end: YearEnd | None = None
    model: str = ""
    moves: tuple[float, ...] = ()


@dataclass(frozen=True)
class Facts:
    """All that one week's digest is made from.

    week: the last that is over; day: of the digest. received: the day on which data was read last. alerts: those open,
    missing data left out; held: the ids of those that nobody was told of. near: signals that opened no alert.
    titles: of measures. opened: alerts in the last year; accepted: false ones a year that are. coverage: how often the
    forecasts' 95% bands have held.
    """

    week: dt.date
    day: dt.date
    runs: tuple[Ran, ...] = ()
    received: dt.date | None = None
    alerts: tuple[Alert, ...] = ()
    held: frozenset[str] = frozenset()
    ahead: tuple[Heading, ...] = ()
    near: tuple[Signal, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    opened: int = 0
    accepted: float = 6.0
    coverage: float | None = None
    config: str = ""
    threshold: int = 5

    @cached_property
    def faults(self) -> list[tuple[str, str]]:
        """Which due periods could not be judged at all, and why."""
        if not self.runs:
            why = "nothing has been judged yet" if self.received else "no data has been read yet"
            return [(period_name(self.week, "week"), why)]
        return list(dict.fromkeys((period_name(ran.due, ran.step), ran.why_not) for ran in self.runs if ran.why_not))

    @cached_property
    def blind(self) -> list[str]:
        """Measures of the first page that could not be judged, though others could."""
        unjudged = {key for ran in self.judged for key in ran.unjudged}
        return [_lower(heading) for heading in self.ahead if heading.key in unjudged]

    @property
    def judged(self) -> tuple[Ran, ...]:
        return tuple(ran for ran in self.runs if not ran.why_not)

    @property
    def shown(self) -> tuple[Heading, ...]:
        """What of the first page is told: nothing by data of which the newest could not be judged."""
        known = {ran.step for ran in self.judged}
        return tuple(heading for heading in self.ahead if heading.step in known)[:HEADINGS]


def digest(facts: Facts) -> Message:
    """Returns the digest of a week, at most LIMIT characters, small numbers left out."""
    lines = [
        ("Ran", _ran(facts)),
        ("Open", _open(facts)),
        ("Held", _held(facts)),
        ("Ahead", _ahead(facts)),
        ("Close", _close(facts)),
        ("Not run", _not_run(facts)),
    ]
    return _fit(
        Message(
            alert_id=DIGEST,
            headline=_headline(facts),
            severity=_severity(facts),
            summary=_summary(facts),
            lines=tuple(Line(label, text) for label, text in lines if text),
            evidence=_evidence(facts),
            kind="digest",
        )
    )


def near(signals: Iterable[Signal], alerts: Iterable[Alert]) -> tuple[Signal, ...]:
    """Returns the signals that came nearest to an alert and are part of none, the nearest first; one a measure."""
    told = {(alert.kind, alert.key.whole, alert.direction) for alert in alerts}
    found: dict[SeriesKey, Signal] = {}
    for signal in sorted(signals, key=lambda s: (s.p_value, s.key)):
        if (signal.kind, signal.key.whole, signal.direction) not in told:
            found.setdefault(signal.key.whole, signal)
    return tuple(found.values())[:NEAR]


# The first line, for who reads no further


def _headline(facts: Facts) -> str:
    name = _period(facts)
    if not facts.judged:
        which, why = facts.faults[0]
        return sentence(f"{_the(which)} could not be judged: {why}").rstrip(".")
    gone = _listed(_unjudged(facts, name), MISSED)
    if facts.alerts:
        return f"{_many_open(facts)}{f'; {gone} could not be judged' if gone else ''} - {name}"
    return f"Nothing moved, but {gone} could not be judged - {name}" if gone else f"{QUIET} - {name}"


def _unjudged(facts: Facts, name: str) -> list[str]:
    """What could not be judged though the rest could: periods that did not come, and measures of the first page."""
    gone = [_the(which) if which != name else "part of its data" for which, _ in facts.faults]
    return [*dict.fromkeys(gone), *facts.blind]


def _listed(names: Sequence[str], most: int) -> str:
    """Names as they are said: "repeat plans", "contacts and referrals", "contacts, referrals and two more"."""
    shown = [*names[:most], *([f"{spelled(len(names) - most)} more"] if len(names) > most else [])]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def _period(facts: Facts) -> str:
    """The week; where all data comes by the month, the newest month that is due."""
    months = [ran.due for ran in facts.runs if ran.step == "month"]
    only = bool(months) and len(months) == len(facts.runs)
    return period_name(max(months), "month") if only else period_name(facts.week, "week")


def _the(name: str) -> str:
    return f"the {name}" if name.startswith("week") else name


def _many_open(facts: Facts) -> str:
    return f"{_plural(len(facts.alerts), 'alert').capitalize()} {'is' if len(facts.alerts) == 1 else 'are'} open"


def _plural(count: int, noun: str) -> str:
    return f"{spelled(count)} {noun}{'' if count == 1 else 's'}"


def _severity(facts: Facts) -> Severity:
    """The gravest of what is open; a week that could not be judged is no small matter."""
    found: list[Severity] = [alert.severity for alert in facts.alerts]
    return min([*found, "medium" if facts.faults else "low"], key=RANK.__getitem__)


def _summary(facts: Facts) -> str:
    """How much was looked at when nothing is open; who must act when something is."""
    waiting = sum(alert.state not in ANSWERED for alert in facts.alerts)
    if not facts.judged:
        return " ".join(filter(None, [NO_ALL_CLEAR, f"{_many_open(facts)}." if facts.alerts else ""]))
    if not facts.alerts:
        watched = sum(ran.series for ran in facts.runs)
        return f"No alert is open; {_plural(watched, 'figure')} {'was' if watched == 1 else 'were'} watched."
    if not waiting:
        return (
            "All of them are acknowledged or snoozed." if len(facts.alerts) > 1 else f"It is {facts.alerts[0].state}."
        )
    if len(facts.alerts) == 1:
        return "Nobody has acknowledged it yet."
    return f"Nobody has acknowledged {'any' if waiting == len(facts.alerts) else spelled(waiting)} of them yet."


# The lines


def _ran(facts: Facts) -> str:
    if not facts.runs:
        return f"Nothing yet; data was last read on {long_date(facts.received)}." if facts.received else "Nothing yet."
    said = (
        f"{_plural(ran.series, 'figure')} up to {_the(period_name(ran.period, ran.step))}, judged on "
        f"{day(ran.on, facts.day)}"
        for ran in facts.runs
    )
    return sentence("; ".join(said))


def _open(facts: Facts) -> str:
    told = [alert for alert in facts.alerts if alert.id not in facts.held]
    told.sort(key=lambda alert: (RANK[alert.severity], -alert.opened.toordinal(), alert.id))
    said = [
        f"{_says(alert, facts)} ({', '.join(filter(None, [alert.severity, _holder(alert, facts.day)]))})"
        for alert in told[:OPEN]
    ]
    more = [f"{spelled(len(told) - OPEN)} more"] if len(told) > OPEN else []
    return sentence("; ".join([*said, *more])) if facts.alerts else "No alert."


def _says(alert: Alert, facts: Facts) -> str:
    """An alert's own headline without its week; where it never spoke, what it is about."""
    headline = alert.text.partition("\n")[0].rpartition(" - ")[0]
    title = clean(facts.titles.get(alert.measure, alert.measure), 60) + slice_words(alert.key)
    return clean(headline or title, 90)


def _holder(alert: Alert, today: dt.date) -> str:
    """Who has answered an alert and whom it is assigned to, "" for nobody."""
    by = f" by {clean(alert.held_by, 40)}" if alert.held_by else ""
    until = f" until {day(alert.snoozed_until, today)}" if alert.snoozed_until else ""
    held = {"snoozed": f"snoozed{until}{by}", "acknowledged": f"acknowledged{by}"}.get(alert.state, "")
    if not alert.assignee or alert.assignee == alert.held_by:
        return held
    return f"{held or 'not acknowledged'}, assigned to {clean(alert.assignee, 40)}"


def _held(facts: Facts) -> str:
    said = [_says(alert, facts) for alert in facts.alerts if alert.id in facts.held]
    more = [f"{spelled(len(said) - OPEN)} more"] if len(said) > OPEN else []
    return (
        f"Told here alone (over this week's cap, or not delivered): {'; '.join([*said[:OPEN], *more])}." if said else ""
    )


def _ahead(facts: Facts) -> str:
    """The first page in a line: a usual period of the next quarter, then 31 March."""
    said: dict[str, list[str]] = {}
    for heading in facts.shown:
        for when, text in _heads_for(heading, facts):
            said.setdefault(when, []).append(f"{_lower(heading)} {text}")
    heads = (f"{when}{'' if i else LIKELY}: {', '.join(texts)}" for i, (when, texts) in enumerate(said.items()))
    return " ".join(map(sentence, heads))


def _heads_for(heading: Heading, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yields when, and what is expected then with its 95% band."""
    if heading.kind == "flow" and heading.ahead:
        low, mid, high = heading.ahead
        when = f"in each of the next {span(heading.length, heading.step)}"
        yield when, f"{about(mid)} ({extent(low, high)}{_lately(heading, facts.threshold)})"
    elif heading.kind == "stock" and heading.end:
        band = extent(heading.end.lower, heading.end.upper)
        on = f"on {day(heading.end.day, facts.day)}"
        yield on, f"{about(heading.end.median)} ({band}{_level(heading, facts.threshold)})"
    elif heading.end and not few(heading.end, heading.kind, facts.threshold):
        band = extent(heading.end.lower, heading.end.upper, share=True)
        yield f"in the year to {day(heading.end.day, facts.day)}", f"{percent(heading.end.median)} ({band})"


def _lately(heading: Heading, threshold: int) -> str:
    """The mean of the last quarter, only where no count of it is small: then it gives nothing away."""
    counts = heading.recent
    if not counts or any(math.isnan(count) or is_small(count, threshold) for count in counts):
        return ""
    mean = sum(counts) / len(counts)
    return "" if is_small(mean, threshold) else f"; lately {number(mean)}"


def _level(heading: Heading, threshold: int) -> str:
    """The newest level, rounded, where nothing that fills or empties it is small.

    Two levels and the starts between them tell how many plans ended, and rounding alone does not hide a few.
    """
    base, level = max(threshold, 1), heading.recent[-1] if heading.recent else math.nan
    if math.isnan(level) or level < 2 * base or any(is_small(move, threshold) for move in heading.moves):
        return ""
    return f"; now about {number(base * round(level / base))}"


def _lower(heading: Heading) -> str:
    title = clean(heading.title, 60) + slice_words(heading.key)
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def _close(facts: Facts) -> str:
    if not facts.judged:
        return ""
    said = [f"{clean(facts.titles.get(s.key.measure, s.key.measure), 60)}{slice_words(s.key)} ({_side(s)})"
            for s in facts.near[:NEAR]]  # fmt: skip
    nothing = f"Nothing {'else ' if facts.alerts else ''}came near the line."
    return f"Near the line, no alert: {'; '.join(said)}." if said else nothing


def _side(signal: Signal) -> str:
    if signal.kind == "neighbours":
        return f"{'above' if signal.direction == 'up' else 'below'} our neighbours"
    if signal.kind == "peers":
        return f"{signal.direction}, and not elsewhere"
    return "up" if signal.direction == "up" else "down"


def _not_run(facts: Facts) -> str:
    """What could not run, and why; that nothing was left out is said too."""
    whole = [f"{_the(which)}: {why}" for which, why in facts.faults]
    parts = [*whole, *_left_out(facts), *_others_missed(facts)]
    return sentence("; ".join(parts)) if parts else "Nothing: every figure was judged."


def _left_out(facts: Facts) -> Iterator[str]:
    """Yields how many figures were not judged though others were; those of the first page are named."""
    unjudged = [reason for ran in facts.judged for reason in ran.unjudged.values()]
    named = _listed(facts.blind, REASONS)
    if unjudged and len(unjudged) == len(facts.blind):
        yield f"{_plural(len(unjudged), 'figure')} not judged: {named} ({_why(unjudged)})"
    elif unjudged:
        watched = _plural(sum(ran.series for ran in facts.judged), "figure")
        among = f", {named} among them" if named else ""
        yield f"{spelled(len(unjudged))} of {watched} not judged ({_why(unjudged)}){among}"


def _others_missed(facts: Facts) -> Iterator[str]:
    for by, what in ((("forecast",), "not forecast"), (COMPARED, "not compared with others")):
        reasons = [_short(item.reason) for ran in facts.judged for item in ran.missed if item.by in by]
        if reasons:
            yield f"{spelled(len(reasons))} {what} ({_why(reasons)})"


def _why(reasons: Sequence[str]) -> str:
    """Reasons by how many they are of: "too little history seven, constant two"; one alone without a number."""
    counted = Counter(reasons).most_common()
    if len(counted) == 1:
        return counted[0][0]
    more = ["other reasons"] if len(counted) > REASONS else []
    return ", ".join([*(f"{reason} {spelled(count)}" for reason, count in counted[:REASONS]), *more])


def _short(reason: str) -> str:
    return clean(reason.partition(":")[0], 80)


def _evidence(facts: Facts) -> str:
    opened = f"{_plural(facts.opened, 'alert')} opened in the last year; set to allow about {_allowed(facts.accepted)}"
    parts = [
        *dict.fromkeys(_data_to(ran) for ran in facts.runs),
        *(_foretold(facts) if _ahead(facts) else []),
        opened if facts.runs else "",
        f"config {clean(facts.config, 12)}" if facts.config else "",
    ]
    return sentence("; ".join(part for part in parts if part))


def _foretold(facts: Facts) -> Iterator[str]:
    """Yields by what the forecasts that are told were made, and how good such forecasts have been."""
    yield _made_by([heading.model for heading in facts.shown if heading.model])
    if facts.coverage is not None:
        yield f"forecast bands held {percent(facts.coverage)} of what came"


def _made_by(models: Sequence[str]) -> str:
    """Which models made the forecasts: "forecasts by levels (five measures), cohort (one)"."""
    counted = Counter(clean(model.replace(", ", " and "), 60) for model in models).most_common()
    if len(counted) < 2:
        return f"forecasts by {counted[0][0]}" if counted else ""
    (first, most), *others = counted
    said = [f"{first} ({_plural(most, 'measure')})", *(f"{model} ({spelled(count)})" for model, count in others)]
    return f"forecasts by {', '.join(said)}"


def _allowed(false: float) -> str:
    how_many = spelled(int(false)) if false == int(false) else f"{false:g}"
    return f"{how_many} false {'one' if false == 1 else 'ones'} a year"


def _data_to(ran: Ran) -> str:
    newest = f", newest {ran.step} provisional" if ran.provisional else ""
    return f"data to {long_date(period_end(ran.period, ran.step))}{newest}"


def _fit(full: Message) -> Message:
    """The message without its least needed lines, then with its longest cut, so that it is short enough to be read."""
    for label in DISPENSABLE:
        if len(full.text) <= LIMIT:
            return full
        full = replace(full, lines=tuple(line for line in full.lines if line.label != label))
    over, longest = len(full.text) - LIMIT, max(full.lines, key=lambda line: len(line.text))
    if over <= 0:
        return full
    short = replace(longest, text=shorten(longest.text, len(longest.text) - over))
    return replace(full, lines=tuple(short if line is longest else line for line in full.lines))
