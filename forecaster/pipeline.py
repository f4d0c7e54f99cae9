"""One council, one period: panel in, alerts and messages out. Pure: the clock and all knowledge are arguments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import ModuleType

import numpy as np

from forecaster import forecasting
from forecaster.briefing import brief
from forecaster.budget import Allowance, Counting, allowance
from forecaster.calendar import closing, following, per_year
from forecaster.explain import drivers
from forecaster.forecasting import Recipe
from forecaster.lifecycle import ACTIVE, Finding, Rules, join, step
from forecaster.measures import Measure, plain_measure, stages_of
from forecaster.messages import Message, Telling
from forecaster.quality import LOOK_BACK, leave_out_incomplete
from forecaster.standing import Standing, standings
from forecaster.stories import homes_of, overlap, stories
from forecaster.types import (
    DIMENSIONS,
    Alert,
    Ask,
    Direction,
    Fits,
    Forecasts,
    Limits,
    NotRun,
    Panel,
    Quiet,
    Reference,
    Regressor,
    SeriesKey,
    Severity,
    Signal,
    SignalKind,
    Step,
    Transition,
    Work,
    as_date,
    in_turn,
)
from forecaster.words.context import Context, Linked
from forecaster.words.questions import Question
from forecaster.words.render import tell

FORECAST_BY = ("council", "locality", "team")  # slices that are forecast every week
KEEP_OPEN = 0.02  # weaker evidence that keeps an open alert open, so that it does not flap
QUIET_SERIES = 2_000  # how many made-up years of a series the alarm budget is set by
HIGH_P, HIGH_RISE = 1e-4, 1.3

Stepped = tuple[Alert, Transition | None]
Group = tuple[SignalKind, str, Direction, str]  # the last tells councils apart where several share an installation


@dataclass(frozen=True)
class Watch:
    """How a council is watched; all of it comes from config."""

    measures: Mapping[str, Measure]
    detectors: tuple[str, ...] = ("surge", "drift", "neighbours", "peers")
    false_alerts_per_year: float = 6.0
    min_history: Mapping[Step, int] | None = None
    rules: Rules = field(default_factory=Rules)
    models: tuple[str, ...] = ("levels", "counts", "prophet")
    prophet: frozenset[str] = frozenset()  # the measures that Prophet is offered, as it takes its time
    regressors: tuple[Regressor, ...] = ()
    work: Work = in_turn
    fits: Fits | None = None
    horizon: int = 13
    seed: int = 1
    council: str = "This council"
    threshold: int = 5
    least_excess: float = 6.0
    breakdowns: tuple[str, ...] = DIMENSIONS  # whose slices may raise an alert of their own
    config: str = ""
    page: str = ""  # where alerts can be looked at, "" where nowhere
    questions: tuple[Question, ...] = ()
    not_useful: int | None = None  # alerts of the last year that people called so, None where nobody could
    extract: str = ""  # what the newest data came with
    exact: bool = False  # whether somebody is told small numbers too

    def rules_for(self, step: Step) -> Rules:
        """Returns the rules of the lifecycle, which count in periods."""
        return self.rules if step == "week" else replace(self.rules, period_days=31, quiet_days=62)

    def ahead(self, step: Step) -> int:
        """Returns how many periods ahead a message looks: the horizon's weeks, or as many whole months."""
        return self.horizon if step == "week" else max(round(self.horizon * 7 / 30.4), 1)

    def measure(self, key: SeriesKey, panel: Panel) -> Measure:
        """Returns how to speak of a series: as config says, or by its name alone for totals it does not know."""
        kinds = (kind for kind, other in zip(panel.kinds, panel.keys, strict=True) if other.measure == key.measure)
        return self.measures.get(key.measure) or plain_measure(key.measure, next(kinds, "flow"))

    def history(self, step: Step) -> int:
        """Returns how many periods a series needs to be judged."""
        return (self.min_history or {"week": 104, "month": 36})[step]


@dataclass(frozen=True)
class Outcome:
    """What one period brought: alerts (all that were open or changed), and the words of each transition by its id.

    exact: the same with small numbers, for those who may see them; empty unless somebody does.
    """

    panel: Panel
    forecasts: Forecasts
    signals: tuple[Signal, ...]
    not_run: tuple[NotRun, ...]
    alerts: tuple[Alert, ...]
    transitions: tuple[Transition, ...]
    messages: Mapping[str, Telling]
    allowance: Allowance
    exact: Mapping[str, Telling] = field(default_factory=dict)

    @property
    def told(self) -> list[tuple[Alert, Transition]]:
        """The transitions, each with its alert."""
        alerts = {alert.id: alert for alert in self.alerts}
        return [(alerts[transition.alert_id], transition) for transition in self.transitions]


def assess(
    panel: Panel,
    previous: Sequence[Alert],
    reference: Reference,
    watch: Watch,
    now: dt.datetime,
    allowed: Allowance | None = None,
    before: Iterable[Message] = (),
) -> Outcome:
    """Returns everything the newest period of a panel brought, given the alerts there were before it.

    allowed: what the alarm budget allows, if it has been worked out already (`allow` does). before: the alerts as they
    were last told, so that what is said again is known.
    """
    panel, incomplete = leave_out_incomplete(panel)
    watched = _watched(panel, watch)
    allowed = allowed or allow(panel, watch)
    limits = Limits(allowed.alpha, watch.history(panel.step))
    signals, missed = _detect(watched, watch, replace(limits, alpha=max(limits.alpha, KEEP_OPEN)), reference)
    unjudged = {(missing.by, missing.key) for missing in missed}
    stepped = _in_stories(_step_all(panel, previous, signals, unjudged, limits, watch, now), previous, panel, watch)
    told = [(alert, transition) for alert, transition in stepped if transition]
    forecasts = forecast(panel, [alert.key for alert, _ in told], watch)
    day = _Day(panel, forecasts, standings(panel, reference), limits, stepped, previous, list(before))
    messages = day.words(watch)
    alerts = tuple(
        with_words(alert, messages[transition.id].whole) if transition else alert for alert, transition in stepped
    )
    transitions = tuple(transition for _, transition in told)
    not_run = (*incomplete, *missed, *forecasts.not_run)
    return Outcome(
        panel,
        forecasts,
        tuple(signals),
        not_run,
        alerts,
        transitions,
        messages,
        allowed,
        day.words(watch, exact=True) if watch.exact else {},
    )


def with_words(alert: Alert, message: Message) -> Alert:
    """Returns an alert with what its newest message says; one that ends keeps the figures told before."""
    if alert.state == "resolved":
        return replace(alert, text=message.text)
    return replace(alert, text=message.text, observed_told=message.observed, excess_told=message.excess)


def allow(panel: Panel, watch: Watch) -> Allowance:
    """Returns the limit that spends the yearly alarm budget over all series, periods and both directions."""
    watched = _watched(panel, watch)
    runs: list[Quiet] = []
    for detector in map(_detector, watch.detectors):
        some = watched.select(np.flatnonzero(watched.is_kind(*getattr(detector, "KINDS", ()))))
        if some.keys and hasattr(detector, "quiet"):
            copies = max(QUIET_SERIES // len(some.keys), 2)
            runs += detector.quiet(some, per_year(panel.step), copies, watch.seed)
    rules = watch.rules_for(panel.step)
    counting = Counting(lambda key: key.whole, watch.least_excess, rules.calm_periods, per_year(panel.step))
    return allowance(runs, counting, watch.false_alerts_per_year)


def _watched(panel: Panel, watch: Watch) -> Panel:
    """The council's own series and the slices that may raise an alert; the others only explain one."""
    silent = set(DIMENSIONS) - set(watch.breakdowns)  # a breakdown of the council's own may always raise one
    return panel.select(i for i, key in enumerate(panel.keys) if silent.isdisjoint(name for name, _ in key.slice))


def _detect(panel: Panel, watch: Watch, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
    signals: list[Signal] = []
    missed: list[NotRun] = []
    for name in watch.detectors:
        found, left_out = _detector(name).detect(panel, limits, reference)
        signals += found
        missed += left_out
    return signals, missed


def _detector(name: str) -> ModuleType:
    return import_module(f"forecaster.detectors.{name}")


def _step_all(
    panel: Panel,
    previous: Sequence[Alert],
    signals: Iterable[Signal],
    unjudged: set[tuple[str, SeriesKey]],
    limits: Limits,
    watch: Watch,
    now: dt.datetime,
) -> list[Stepped]:
    """Every alert after this period, with its transition: one alert a council's measure, kind and direction."""
    newest = _newest_alerts(previous)
    groups = _grouped(signals)
    period = as_date(panel.periods[-1])
    out: list[Stepped] = []
    for group in sorted(newest.keys() | groups.keys()):
        alert = newest.get(group)
        signal = _speaks_for(groups.get(group, []), alert, limits.alpha, watch)
        if signal is None and alert and (alert.kind, alert.key) in unjudged:
            out.append((alert, None))  # not judged is not calm
            continue
        finding = _finding(signal, panel, watch, limits.alpha, alert) if signal else None
        after, transition = step(alert, finding, period, now, watch.rules_for(panel.step))
        if after is not None:
            out.append((after, transition))
    return out


def _newest_alerts(alerts: Iterable[Alert]) -> dict[Group, Alert]:
    newest: dict[Group, Alert] = {}
    for alert in sorted(alerts, key=lambda a: (a.state in ACTIVE, a.opened)):
        newest[_group(alert.kind, alert.key, alert.direction)] = alert
    return newest


def _grouped(signals: Iterable[Signal]) -> dict[Group, list[Signal]]:
    groups: dict[Group, list[Signal]] = {}
    for signal in signals:
        groups.setdefault(_group(signal.kind, signal.key, signal.direction), []).append(signal)
    return groups


def _group(kind: SignalKind, key: SeriesKey, direction: Direction) -> Group:
    return kind, key.measure, direction, key.council


def _is_strong(signal: Signal, alpha: float, watch: Watch) -> bool:
    """Whether a signal may open an alert: past the limits, and of enough children to be more than one family."""
    return signal.p_value <= alpha and abs(signal.total - signal.total_expected) >= watch.least_excess


def _speaks_for(signals: Sequence[Signal], alert: Alert | None, alpha: float, watch: Watch) -> Signal | None:
    """The signal an alert is about: the whole council first, then what the alert was about, then the strongest.

    An open alert goes on with any sign of its own series; a new one needs strong evidence.
    """
    strong = [s for s in signals if _is_strong(s, alpha, watch)]
    own = [s for s in signals if alert and alert.state in ACTIVE and s.key == alert.key]
    candidates = strong + own
    if not candidates:
        return None
    mine = alert.key if alert and alert.state in ACTIVE else None
    return min(candidates, key=lambda s: (not s.key.is_council, s.key != mine, s.p_value, s.key))


def _finding(signal: Signal, panel: Panel, watch: Watch, alpha: float, alert: Alert | None) -> Finding:
    strong = _is_strong(signal, alpha, watch)
    if alert and alert.state in ACTIVE and alert.onset < signal.onset:
        signal = _detector(signal.kind).since(panel, signal, alert.onset)
    found = alert.drivers if alert and not strong else drivers(panel, signal, stages_of(watch.measures))
    measure = watch.measure(signal.key, panel)
    return Finding(signal, found, severity(signal, measure), strong, level=measure.kind == "stock")


def _in_stories(stepped: Sequence[Stepped], previous: Sequence[Alert], panel: Panel, watch: Watch) -> list[Stepped]:
    """The alerts with those that were opened now as parts of the stories they belong to."""
    opened = [alert for alert, transition in stepped if transition and transition.what == "opened"]
    current = {alert.id: alert for alert in (*previous, *(alert for alert, _ in stepped))}
    others = [alert for alert in current.values() if alert not in opened]
    links = stories(others, opened, watch.measures, watch.rules_for(panel.step), homes_of(panel.events))
    return [(join(alert, links[alert.id].story) if alert.id in links else alert, t) for alert, t in stepped]


def severity(signal: Signal, measure: Measure) -> Severity:
    """Returns high for strong and large moves for the worse in the whole council, low for moves for the better."""
    if measure.worse not in (signal.direction, "both"):
        return "low"
    before, after = sorted((signal.total + 1e-9, signal.total_expected + 1e-9))
    large = signal.p_value <= HIGH_P and after / before >= HIGH_RISE
    return "high" if large and signal.key.is_council else "medium"


def forecast(panel: Panel, also: Iterable[SeriesKey], watch: Watch) -> Forecasts:
    """Returns forecasts to 31 March or beyond: of the council's series, the slices of FORECAST_BY and those named."""
    wanted = {key for key in panel.keys if {name for name, _ in key.slice} <= set(FORECAST_BY)} | set(also)
    recipe = Recipe(
        models=tuple(import_module(f"forecaster.models.{name}") for name in watch.models),
        only={"prophet": watch.prophet},
        min_history=watch.history(panel.step),
        seed=watch.seed,
    )
    panel = replace(panel, provisional=_waiting(panel))
    ask = Ask((), _horizon(panel, watch), work=watch.work, regressors=watch.regressors, fits=watch.fits)
    return forecasting.forecast(panel, wanted, recipe, ask)


def _waiting(panel: Panel) -> int:
    """How many of the newest periods are not believed: those that may still grow, and any left out just before."""
    whole = len(panel.periods) - panel.provisional
    known = np.flatnonzero(np.isfinite(panel.count[:, :whole]).any(axis=0))
    left_out = whole - 1 - int(known[-1]) if len(known) else 0
    return panel.provisional + (left_out if left_out < LOOK_BACK else 0)


def _horizon(panel: Panel, watch: Watch) -> int:
    """Periods to the end of what a message looks at, half a year, and to 31 March."""
    newest = as_date(panel.periods[-1])
    coming = following(newest, per_year(panel.step) + 1, panel.step)
    to_close = int((coming <= np.datetime64(closing(newest, panel.step))).sum())
    return max(watch.ahead(panel.step), per_year(panel.step) // 2, to_close)


@dataclass(frozen=True)
class _Day:
    """What the words of one period are made from."""

    panel: Panel
    forecasts: Forecasts
    stands: Mapping[SeriesKey, Standing]
    limits: Limits
    stepped: Sequence[Stepped]
    previous: Sequence[Alert]
    before: Sequence[Message]

    def words(self, watch: Watch, exact: bool = False) -> dict[str, Telling]:
        """What each transition says, by its id; exact: with small numbers, and a mark that they are there."""
        watch = replace(watch, threshold=0) if exact else watch
        before = {message.alert_id: message for message in self.before if message.exact == exact}
        return {
            transition.id: _marked(tell(alert, self._context(alert, transition, watch), before.get(alert.id)), exact)
            for alert, transition in self.stepped
            if transition
        }

    def _context(self, alert: Alert, transition: Transition, watch: Watch) -> Context:
        budget = None if watch.not_useful is None else (watch.not_useful, round(watch.false_alerts_per_year))
        return brief(
            alert, transition, self.panel, self.forecasts, self.stands, watch.measure(alert.key, self.panel),
            limits=self.limits, was=next((was for was in self.previous if was.id == alert.id), None),
            shown=watch.ahead(self.panel.step), council=watch.council, threshold=watch.threshold, config=watch.config,
            questions=watch.questions, linked=self._linked(alert, watch),
            beside=self._beside(alert, watch), extract=watch.extract, budget=budget,
            page=f"{watch.page}/alerts/{alert.id}" if watch.page else "",
        )  # fmt: skip

    def _linked(self, alert: Alert, watch: Watch) -> tuple[Linked, ...]:
        """The other active alerts of the same story, the first one first."""
        return tuple(
            Linked(watch.measure(o.key, self.panel).title, o.direction, o.onset, o.id)
            for o in sorted(self._others(alert), key=lambda o: (o.onset, o.id))
            if o.state in ACTIVE
        )

    def _beside(self, alert: Alert, watch: Watch) -> list[Alert]:
        """The other alerts of the same story that count what it counts or what one of them counts, be they over or not.

        Open plans join starts and ends, which by themselves say nothing of each other.
        """
        left, found, joined = self._others(alert), list[Alert](), [alert]
        for one in joined:
            own = watch.measure(one.key, self.panel)
            more = [o for o in left if overlap(own, watch.measure(o.key, self.panel))]
            left = [o for o in left if o not in more]
            found += more
            joined += more
        return found

    def _others(self, alert: Alert) -> list[Alert]:
        """The other alerts of the same story."""
        current = {other.id: other for other in (*self.previous, *(other for other, _ in self.stepped))}
        story = alert.story or alert.id
        return [o for o in current.values() if (o.story or o.id) == story and o.id != alert.id]


def _marked(telling: Telling, exact: bool) -> Telling:
    news = telling.news and replace(telling.news, exact=exact)
    return Telling(replace(telling.whole, exact=exact), news)
