"""The words of the house: what flows between its rooms. Imports nothing of ours.

Arrays are series x periods; a missing value is NaN, never zero. Dates are plain dates; moments are UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Dates = NDArray[np.datetime64]
# How one function is applied to many items, answers in order: here, in other processes, on other machines.
Work = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]

Step = Literal["week", "month"]
Kind = Literal["flow", "stock", "share"]
Direction = Literal["up", "down"]
Severity = Literal["low", "medium", "high"]
Detector = Literal["surge", "drift", "neighbours", "peers", "farrington", "ears_c1", "ears_c2", "ears_c3"]
SignalKind = Literal[Detector, "arrival"]
State = Literal["opened", "updated", "acknowledged", "snoozed", "resolved"]
Change = Literal[State, "assigned", "escalated", "useful", "not useful"]
DriverKind = Literal["breakdown", "stage", "stock", "benchmark"]

EVENT_KINDS = (
    "contact", "referral", "assessment", "section_47", "conference", "plan_start", "plan_end",
    "visit", "review", "care_start", "care_end",
)  # fmt: skip
# The stages a child may pass on the way to a plan.
PATHWAY = ("contact", "referral", "assessment", "section_47", "conference", "plan_start")
DIMENSIONS = ("team", "locality", "source", "category", "age_band", "gender", "ethnicity")
# What every child-level reader gives, one row an event. `child` and `family` are keyed hashes.
EVENT_COLUMNS = (
    "child", "event", "date", "recorded", "family", *DIMENSIONS, "outcome", "previous_plans", "previous_plan_end",
)  # fmt: skip
# What the totals reader gives, one row a series and period; `slice` is a tuple of (dimension, value) pairs.
TOTALS_COLUMNS = ("measure", "slice", "step", "period", "count", "of")
COUNCIL = "council"  # the breakdown of totals that tells councils apart
# Breakdowns that only explain: how long before an event the child's last plan ended, how long a stay has lasted.
SINCE_PLAN, TIME_ON_PLAN = "since_plan", "time_on_plan"
SINCE_PLAN_BANDS = ("under 6 months", "6 to 12 months", "12 to 24 months", "2 years or more", "no plan in two years")
TIME_ON_PLAN_BANDS = ("under 3 months", "3 to 6 months", "6 to 12 months", "12 to 18 months", "18 months or more")
QUANTILES = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)

Slice = tuple[tuple[str, str], ...]


class InputError(Exception):
    """A file that cannot be used: str() is one line that names file, row, column and remedy."""

    def __init__(self, file: str, reason: str, remedy: str, row: int | None = None, column: str | None = None):
        self.file, self.reason, self.remedy, self.row, self.column = file, reason, remedy, row, column
        place = file + (f", row {row}" if row is not None else "") + (f", column {column}" if column else "")
        super().__init__(f"{place}: {reason}; {remedy}")


@dataclass(frozen=True, slots=True)
class Reject:
    """One row left out of an extract: never holds an identifier, a name or a date of birth."""

    place: str  # "row 12" of a CSV, "List_3 row 7" of a workbook, "line 80" of an XML file
    column: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """One measure in one slice; an empty slice is the whole of the only council, or of all that share a feed."""

    measure: str
    slice: Slice = ()

    @property
    def council(self) -> str:
        """The council it is of where several share an installation, else ""."""
        return dict(self.slice).get(COUNCIL, "")

    @property
    def whole(self) -> SeriesKey:
        """The same measure in the whole of its council."""
        return SeriesKey(self.measure, tuple(pair for pair in self.slice if pair[0] == COUNCIL))

    @property
    def is_council(self) -> bool:
        return all(name == COUNCIL for name, _ in self.slice)

    @property
    def where(self) -> str:  # as a person says it: "North / Team 2"
        return " / ".join(value for _, value in self.slice) or "council"

    def __str__(self) -> str:
        return self.measure + "".join(f" {name}={value}" for name, value in self.slice)


UNKNOWN = -(2**31)  # the period a stay opened in, where only its end is known
NEVER = 2**31  # the period a stay ended in, while it is open


@dataclass(frozen=True)
class Counted:
    """How one stock counts the N stays of a panel.

    since: N, the period from which it counts each, even one to come; NEVER for a stay that is not of its kind. least:
    periods a stay lasts before it is counted. starts, ends: the flows of the same openings and ends, "" where none is.
    """

    since: Ints
    least: int
    starts: str
    ends: str


@dataclass(frozen=True)
class Stays:
    """The N stays behind the stocks of a panel, in whole periods: no child, no family and no day.

    opened, ended: N, positions in the panel's periods; an opening before the first is negative or UNKNOWN, the end of
    an open stay NEVER. places: of each dimension its labels, and which of them each stay has (N). stocks: by measure.
    """

    opened: Ints
    ended: Ints
    places: Mapping[str, tuple[tuple[str, ...], Ints]]
    stocks: Mapping[str, Counted]

    def of(self, key: SeriesKey) -> NDArray[np.bool_]:
        """Returns which stays are of the kind and slice that a stock series counts (N)."""
        inside = self.stocks[key.measure].since < NEVER
        for dimension, value in key.slice:
            labels, codes = self.places[dimension]
            inside = inside & (codes == (labels.index(value) if value in labels else -1))
        return np.asarray(inside)

    def open(self, key: SeriesKey, period: int) -> int:
        """Returns how many stays a stock series counts at the end of a period."""
        counted = (self.stocks[key.measure].since <= period) & (self.ended > period)
        return int((self.of(key) & counted).sum())

    def select(self, rows: Ints) -> Stays:
        """Returns these stays only."""
        places = {name: (labels, codes[rows]) for name, (labels, codes) in self.places.items()}
        stocks = {name: replace(stock, since=stock.since[rows]) for name, stock in self.stocks.items()}
        return Stays(self.opened[rows], self.ended[rows], places, stocks)

    def until(self, end: int) -> Stays:
        """Returns what was known of the stays after the first `end` periods."""
        known = self.select(np.flatnonzero(self.opened < end))
        return replace(known, ended=np.where(known.ended < end, known.ended, NEVER))


@dataclass(frozen=True)
class Counting:
    """Which of a panel's events a flow or share is of: their positions; yes: which of those a share counts."""

    rows: Ints
    yes: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Events:
    """The N events behind the flows and shares of a panel, in whole periods: no child and no day.

    period: N, positions in the panel's periods. family: N, equal numbers for the events of one family, -1 where that is
    not known; they mean nothing outside the panel. places: of each breakdown, and of SINCE_PLAN, its labels, and which
    of them each event has (N). measures: of each flow and share. lags: the usual periods from one stage of the pathway
    to the next, by the later stage's event ("conference": from section_47).
    """

    period: Ints
    family: Ints
    places: Mapping[str, tuple[tuple[str, ...], Ints]]
    measures: Mapping[str, Counting]
    lags: Mapping[str, int] = field(default_factory=dict)

    def of(self, measure: str) -> Ints:
        """Returns the events that a measure counts: positions."""
        counting = self.measures[measure]
        return counting.rows if counting.yes is None else counting.rows[counting.yes]

    def table(self, rows: Ints, dimension: str, periods: int) -> Floats:
        """Returns how many of these events there were of each label of a breakdown and in each period."""
        labels, codes = self.places[dimension]
        cells = np.bincount(codes[rows] * periods + self.period[rows], minlength=len(labels) * periods)
        return cells.reshape(len(labels), periods).astype(np.float64)

    def until(self, end: int) -> Events:
        """Returns what was known of the events after the first `end` periods."""
        known = self.period < end
        place = np.cumsum(known) - 1
        measures = {}
        for name, counting in self.measures.items():
            inside = known[counting.rows]
            yes = None if counting.yes is None else counting.yes[inside]
            measures[name] = Counting(place[counting.rows[inside]], yes)
        places = {name: (labels, codes[known]) for name, (labels, codes) in self.places.items()}
        return replace(self, period=self.period[known], family=self.family[known], places=places, measures=measures)


@dataclass(frozen=True)
class Panel:
    """Every series over the same periods, as known on one day.

    count: S x P, NaN where missing. of: S x P, NaN unless the series is a share. capped: S x P, families rather than
    children, as far as they are known or can be expected, need not be whole; detectors read it. provisional: how many
    of the newest periods may still grow. families and largest: S x P, how many families the counted events are of and
    the events of the largest one, NaN where that is not known, None for totals. stays: those behind all stocks, and
    events: those behind all flows and shares, None for totals; they forecast and explain, and nobody keeps them.
    """

    keys: tuple[SeriesKey, ...]
    kinds: tuple[Kind, ...]
    periods: Dates
    step: Step
    count: Floats
    of: Floats
    capped: Floats
    provisional: int = 0
    families: Floats | None = None
    largest: Floats | None = None
    stays: Stays | None = None
    events: Events | None = None

    @property
    def arrays(self) -> dict[str, Floats]:
        """Returns every array of series x periods that there is, by its name."""
        named = {name: getattr(self, name) for name in ("count", "of", "capped", "families", "largest")}
        return {name: array for name, array in named.items() if array is not None}

    def select(self, rows: Iterable[int]) -> Panel:
        """Returns the panel of these rows only."""
        at = list(rows)
        keys, kinds = tuple(self.keys[i] for i in at), tuple(self.kinds[i] for i in at)
        arrays: dict[str, Any] = {name: array[at] for name, array in self.arrays.items()}
        return replace(self, keys=keys, kinds=kinds, **arrays)

    def until(self, end: int) -> Panel:
        """Returns the panel of the first `end` periods only: what a causal method may see."""
        arrays: dict[str, Any] = {name: array[:, :end] for name, array in self.arrays.items()}
        stays, events = self.stays and self.stays.until(end), self.events and self.events.until(end)
        return replace(self, periods=self.periods[:end], stays=stays, events=events, **arrays)

    def uncapped(self) -> Panel:
        """Returns the panel with large families in full: for what people read rather than what detectors judge."""
        return replace(self, capped=self.count)

    def row(self, key: SeriesKey) -> int:
        return self.keys.index(key)

    def is_kind(self, *kinds: Kind) -> NDArray[np.bool_]:
        """Returns which series are of these kinds (S)."""
        return np.array([kind in kinds for kind in self.kinds], bool)


@dataclass(frozen=True, slots=True)
class NotRun:
    """A detector or model that could not judge a series, with its reason: never shown as "nothing found"."""

    key: SeriesKey
    by: str
    reason: str


@dataclass(frozen=True)
class Judgement:
    """A detector's view of the last N periods of every series, each from earlier periods only; arrays are S x N.

    expected, lower, upper: one-step expectation and 95% band (proportions for a share). p_value: chance of as much
    evidence without a change; score: -log10 of it. window: periods since the onset most in evidence. reasons: why a
    period could not be judged, "" where it was (then the other arrays hold numbers).
    """

    expected: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    score: Floats
    window: Floats
    reasons: NDArray[np.object_]


@dataclass(frozen=True)
class Quiet:
    """What a detector makes of made-up periods in which nothing happens, in one direction; arrays are C x S x P.

    p_value: of every series and period in each of C copies of a panel; excess: how many events (or children) the move
    it sees amounts to.
    """

    keys: tuple[SeriesKey, ...]
    direction: Direction
    p_value: Floats
    excess: Floats


def in_turn(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Applies a function to one item after the other, here."""
    return [function(item) for item in items]


@dataclass(frozen=True, slots=True)
class Regressor:
    """Days known beforehand on which counts may be different, both ends included; no measures: for all of them."""

    name: str
    first: dt.date
    last: dt.date
    measures: tuple[str, ...] = ()


# Fits kept from run to run: by model and series, the parameters of its newest run by a digest of what was fitted.
Fits = MutableMapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Ask:
    """What is asked of a model: forecasts of `horizon` periods from each of the origins.

    origins: how many periods of the panel each forecast has seen (it may use none after them). fits: a model finds here
    what it fitted before and leaves what it fitted now; that saves time and changes no figure.
    """

    origins: tuple[int, ...]
    horizon: int
    work: Work = in_turn
    regressors: tuple[Regressor, ...] = ()
    fits: Fits | None = None


@dataclass(frozen=True)
class Forecasts:
    """Predictive quantiles: values is S x H x Q (Q as in QUANTILES), never negative.

    models: what each series' forecast is made of ("level 61%, counts 39%"). coverage: S, the share of its own earlier
    forecasts whose 95% band held, NaN where too few can be checked. draws: S x N x H, sample paths in whole numbers
    that add up over slices, and over starts and ends to what is open; None where only quantiles were asked for.
    """

    keys: tuple[SeriesKey, ...]
    origin: dt.date  # the last period the forecast has seen: the one before those that may still grow
    periods: Dates
    values: Floats
    models: tuple[str, ...]
    not_run: tuple[NotRun, ...] = ()
    coverage: Floats | None = None
    draws: Floats | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """A detector's finding on one series at one period.

    observed and expected are counts per period, or proportions for a share; (lower, upper) is the 95% band of one
    period. total and total_expected are summed from the onset to the period (for a stock: the level itself).
    """

    key: SeriesKey
    kind: SignalKind
    direction: Direction
    period: dt.date
    onset: dt.date
    observed: float
    expected: float
    lower: float
    upper: float
    p_value: float
    score: float
    total: float
    total_expected: float


@dataclass(frozen=True, slots=True)
class Driver:
    """What a move is made of: a slice, or a stage of the pathway, with its share of the excess.

    value: its part of the excess in children (or events); share: of the whole excess, not above 1. observed: its own
    count, by which it may be shown. name: of a breakdown (SINCE_PLAN and TIME_ON_PLAN too) the slice, "locality=North,
    team=Team 2"; of a stage the flow that begins the pathway ("referral") or one stage and the next ("section_47 to
    conference"), of a stock "plan_start" or "plan_end", one team's with ", team=Team 2"; of a benchmark who it is.
    """

    kind: DriverKind
    name: str
    value: float
    share: float
    observed: float = 0.0


@dataclass(frozen=True)
class Alert:
    """What a manager sees; only lifecycle makes or changes one."""

    id: str
    kind: SignalKind
    measure: str
    slice: Slice
    direction: Direction
    severity: Severity
    state: State
    opened: dt.date
    onset: dt.date
    updated: dt.date
    observed: float
    expected: float
    lower: float
    upper: float
    p_value: float
    total: float
    total_expected: float
    drivers: tuple[Driver, ...] = ()
    resolved: dt.date | None = None
    snoozed_until: dt.date | None = None
    calm: int = 0  # periods in a row without a signal
    worst_p: float = 1.0  # the strongest evidence told so far
    seen: dt.date = dt.date.min  # the newest period it was judged on: judging that one again changes nothing
    told: tuple[dt.date, ...] = ()  # periods of the messages sent so far
    told_of: tuple[tuple[Slice, dt.date], ...] = ()  # of each of them the slice and the onset it spoke of
    text: str = ""  # the newest message
    observed_told: float | None = None  # observed as its newest message tells it: nothing else may be given away
    excess_told: bool = False  # whether it tells the excess as a number
    spoke: dt.datetime | None = None  # when it last said something
    told_excess: float = 0.0  # the excess it told last, so that worsening can be seen
    story: str = ""  # the first alert of the story it belongs to, "" where that is itself
    assignee: str = ""
    held_by: str = ""  # who acknowledged or snoozed it
    escalated: int = 0  # how many steps of its routes were told because nobody answered
    changes: int = field(default=0, compare=False)  # kept by the store: how many transitions it has been through

    @property
    def key(self) -> SeriesKey:
        return SeriesKey(self.measure, self.slice)

    @property
    def excess(self) -> float:
        return self.total - self.total_expected


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one alert, with its reason; id is unique and the same when the same run or click is repeated."""

    id: str
    alert_id: str
    at: dt.datetime
    was: State | None
    now: State
    reason: str
    actor: str = "forecaster"
    change: Change | None = None  # what happened, where that is not told by the state it led to

    @property
    def what(self) -> Change:
        return self.change or self.now


@dataclass(frozen=True)
class Benchmark:
    """Published yearly figures of one measure: value and size per council code, for one year ending 31 March.

    values: share (0-1) or rate per 10,000 children; sizes: the denominator (plan starts, or children aged 0-17).
    """

    measure: str
    year: int
    published: dt.date
    unit: Literal["share", "rate"]
    values: Mapping[str, float]
    sizes: Mapping[str, float]
    england: float
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """What a council is compared with: its own code, its statistical neighbours' and the published figures."""

    code: str = ""
    neighbours: tuple[str, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """alpha: false-alarm rate per series, period and direction; min_history: periods a series needs to be judged."""

    alpha: float
    min_history: int


def as_date(value: Any) -> dt.date:
    """Returns a numpy day as a plain date."""
    return np.datetime64(value, "D").astype(dt.date)  # type: ignore[no-any-return]
