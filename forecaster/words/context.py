"""What a message can say beside the alert itself: the pieces the pipeline hands to render."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from forecaster.types import Dates, Direction, Floats, Kind, Severity, State, Step


@dataclass(frozen=True)
class History:
    """One series over time, arrays of one length; NaN is missing.

    count: events, the stock's level, or the numerator of a share; of: its denominator (None unless a share). whole:
    the council's count where the series is a slice of it, so that council minus slice gives nothing away. expected,
    lower and upper: per period, counts, or proportions for a share.
    """

    periods: Dates
    count: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    of: Floats | None = None
    whole: Floats | None = None

    def end(self, period: dt.date) -> int:
        """Returns how many periods there are up to and with the one that starts on `period`."""
        return int(np.searchsorted(self.periods, np.datetime64(period, "D"), side="right"))

    @property
    def value(self) -> Floats:
        """The count, or the proportion for a share; NaN where nothing was counted."""
        if self.of is None:
            return self.count
        return np.asarray(self.count / np.where(self.of > 0, self.of, np.nan))

    @property
    def weight(self) -> Floats:
        """What a period weighs when several are pooled."""
        return np.ones(len(self.count)) if self.of is None else self.of


@dataclass(frozen=True)
class Ahead:
    """The forecast of the next periods: arrays of one length, counts per period (or level), proportions for a share."""

    periods: Dates
    lower: Floats
    median: Floats
    upper: Floats


@dataclass(frozen=True, slots=True)
class YearEnd:
    """A stock's level on 31 March, or a flow's total or share of the financial year (so far plus what is to come).

    lower and upper: 95%. year_ago: the same a year ago; more: the probability of more than that, as much counting half.
    Of a share also so_far, since 1 April, and size and size_ago, what the year's and last year's are shares of. draws:
    of a count, N possible year ends; None where only the band is known.
    """

    day: dt.date
    lower: float
    median: float
    upper: float
    year_ago: float | None = None
    more: float | None = None
    so_far: float | None = None
    size: float = 0.0
    size_ago: float = 0.0
    draws: Floats | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Published figures of the year ending 31 March `year`: proportions (share) or per 10,000 children (rate).

    neighbours: their median. age: months since that 31 March. rank: of the council, and among how many, 1 is highest.
    likely: 80% interval of the neighbours' median in the year that `ends` next; above and above_england: probability
    that the council ends it above them and above England, which moves too.
    """

    year: int
    neighbours: float
    council: float | None = None
    england: float | None = None
    unit: Literal["share", "rate"] = "rate"
    age: int | None = None
    rank: tuple[int, int] | None = None
    ends: int | None = None
    likely: tuple[float, float] | None = None
    above: float | None = None
    above_england: float | None = None


@dataclass(frozen=True)
class Families:
    """Of the events counted in each period of the history: how many families they are of, and those of the largest.

    NaN where families are not known.
    """

    count: Floats
    largest: Floats


@dataclass(frozen=True, slots=True)
class Linked:
    """Another alert of the same story: what moved ("Referrals"), which way, since when, and its id."""

    title: str
    direction: Direction
    onset: dt.date
    id: str = ""


@dataclass(frozen=True)
class Beside:
    """Another alert of the same story whose counts overlap: told to the same people, its figures add to this one's.

    Or this alert itself, as it spoke before its onset or its slice became another. told: the periods of its messages.
    first: whether its message of a period is told before this alert's, None where it is this alert. families: of the
    events counted in each period. began: the period of its first message, where that is none of these.
    """

    history: History
    kind: Kind
    onset: dt.date
    told: tuple[dt.date, ...]
    first: bool | None = False
    families: Floats | None = None
    began: dt.date | None = None


@dataclass(frozen=True)
class Context:
    """What the message can say beside the alert itself; a piece that is None is left out, or its reason is given.

    title, noun and one are the measure's ("Child protection plan starts", "children started a plan", "child started a
    plan"); unit is what a share is a share of ("plan starts"). period: first day of the period the message is about.
    told: the periods of this alert's earlier messages, began: that of the first, and beside: what else was told, so
    that all of it together gives nothing away. was and was_severity: the alert's before this change. level: the
    neighbours' newest published median brought to what this series counts (a period's events, a level, or a
    proportion). ask: a question in which {where} and {plans} are filled in. extract: the delivery the data are from.
    budget: yearly false alarms used, of how many. page: where the alert can be looked at.
    threshold: counts from 1 to it are not shown; 0 shows every number.
    """

    title: str
    noun: str
    kind: Kind
    step: Step
    period: dt.date
    unit: str = ""
    one: str = ""
    plural: bool = True
    now: State = "opened"
    reason: str = ""
    was: State | None = None
    was_severity: Severity | None = None
    told: tuple[dt.date, ...] = ()
    began: dt.date | None = None
    beside: tuple[Beside, ...] = ()
    council: str = "This council"
    threshold: int = 5
    history: History | None = None
    ahead: Ahead | None = None
    ahead_reason: str = ""
    year_end: YearEnd | None = None
    comparison: Comparison | None = None
    comparison_reason: str = ""
    level: float | None = None
    linked: tuple[Linked, ...] = ()
    families: Families | None = None
    ask: str = ""
    data_to: dt.date | None = None
    provisional: bool = False
    extract: str = ""
    coverage: float | None = None
    coverage_periods: int = 104
    model: str = ""
    config: str = ""
    budget: tuple[int, int] | None = None
    page: str = ""
