"""Threads of messages on low counts, made from a seed: alerts as they are opened, updated and resolved.

Counts are few (means of 0.3 to 14 a period), teams of very different sizes; what a message says of them is what the
service would say: the year's end and the drivers follow from the counts.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from forecaster.messages import Message
from forecaster.pipeline import with_words
from forecaster.record import record
from forecaster.types import QUANTILES, Alert, Driver, Floats, Forecasts, Kind, Panel, SeriesKey, Step, as_date
from forecaster.words.context import Ahead, Beside, Context, Families, History, Linked
from forecaster.words.render import tell
from forecaster.year_end import year_end_outlook
from tests.disclosure.reading import Reader
from tests.disclosure.solver import Fact, Recovered, System, World

TEAMS = ("Elm", "Oak", "Ash", "Yew")
CATEGORIES = ("Neglect", "Emotional abuse", "Physical abuse")
BACK = ("under 6 months", "6 to 12 months", "2 years or more", "no plan in two years")
SPOKEN = {name: f"team={name}" for name in TEAMS} | {name: f"category={name}" for name in CATEGORIES}
ABOUT: dict[Kind, dict[str, str]] = {
    "flow": {"title": "Child protection plan starts", "noun": "children started a plan", "unit": "children"},
    "share": {"title": "Repeat plans", "noun": "plans were repeat plans", "unit": "plan starts"},
    "stock": {"title": "Open child protection plans", "noun": "children were on a plan", "unit": "children"},
}
MEASURE: dict[Kind, str] = {"flow": "plan_starts", "share": "repeat_plans", "stock": "plans_open"}


@dataclass(frozen=True)
class Told:
    """One message of a thread: the alert as it stands, what is new, and the record of the same moment."""

    whole: Message
    news: Message | None
    record: dict[str, Any]


@dataclass(frozen=True)
class Thread:
    """One alert's messages, and what is true behind them."""

    world: World
    told: tuple[Told, ...]

    def facts(self, of_known: bool = True) -> list[Fact]:
        """Returns all that a reader of the whole thread has been shown."""
        return [fact for told in self.told for fact in facts_of(self.world, told, of_known)]

    def guesses(self) -> list[Fact]:
        return [fact for told in self.told for fact in guesses_of(self.world, told.whole)]

    def recovered(self) -> list[Recovered]:
        """Returns what a reader can work out, and what one can who also knows which hidden points are small."""
        facts, guesses = self.facts(), self.guesses()
        found = System(self.world, facts).recovered()
        return found + (System(self.world, facts + guesses).recovered(exact=True) if guesses else [])


def facts_of(world: World, told: Told, of_known: bool) -> list[Fact]:
    reader = Reader(world, of_known)
    facts = reader.message(told.whole)
    if told.news:
        facts += reader.message(told.news)
    return facts + reader.record(told.record)


def guesses_of(world: World, made: Message) -> list[Fact]:
    reader = Reader(world)
    reader.message(made)
    return reader.guesses(made.chart)


# Councils of few


@dataclass(frozen=True)
class _Council:
    """Counts of one series, its teams and categories, and what is expected of it."""

    kind: Kind
    step: Step
    slice: tuple[tuple[str, str], ...]
    world: World
    expected: float  # a period, or a share
    onset: int


def _calendar(rng: np.random.Generator, step: Step, length: int) -> np.ndarray:
    if step == "week":
        return np.datetime64("2015-01-05") + 7 * (int(rng.integers(0, 60)) + np.arange(length))
    return (np.datetime64("2012-01") + int(rng.integers(0, 12)) + np.arange(length)).astype("datetime64[D]")


def _split(rng: np.random.Generator, counts: Floats, names: tuple[str, ...], prefix: str) -> dict[str, Floats]:
    """Each period's events by slice, of very different sizes."""
    sizes = rng.dirichlet(np.full(len(names), 0.7))
    table = np.array([rng.multinomial(int(count), sizes) for count in counts], float).T
    return {f"{prefix}={name}": row for name, row in zip(names, table, strict=True)}


def _council(rng: np.random.Generator) -> _Council:
    kind: Kind = ("flow", "flow", "flow", "share", "share", "stock")[int(rng.integers(6))]
    step: Step = "month" if rng.random() < 0.15 else "week"
    length, onset = 130, int(rng.integers(106, 118))
    mean = float(np.exp(rng.uniform(np.log(0.3), np.log(14.0))))
    moved = np.where(np.arange(length) >= onset, float(rng.choice([0.2, 0.5, 1.6, 2.5, 4.0])), 1.0)
    if kind == "share":
        of = rng.poisson(float(np.exp(rng.uniform(np.log(1.5), np.log(40.0)))), length).astype(float)
        rate = float(rng.uniform(0.05, 0.95))
        counts = rng.binomial(of.astype(int), np.clip(rate * moved, 0.01, 0.98)).astype(float)
        truth, expected = {"count": counts, "of": of, "rest": of - counts}, rate
        parts: dict[str, tuple[tuple[str, ...], ...]] = {"of": (("count", "rest"),)}
    else:
        heavy = rng.random() < 0.4
        means = mean * moved
        counts = (rng.negative_binomial(means, 0.5) if heavy else rng.poisson(means)).astype(float)
        if kind == "stock":
            counts = np.maximum(np.rint(3 * mean * moved + np.cumsum(rng.integers(-1, 2, length)) * 0.5), 0)
        truth, expected, parts = {"count": counts}, mean * (3 if kind == "stock" else 1), {}
    where: tuple[tuple[str, str], ...] = ()
    if rng.random() < 0.3:
        where, rest = (("team", "Elm"),), rng.poisson(mean * float(rng.choice([0.05, 0.3, 3.0])), length)
        whole = counts + rest
        truth, parts = truth | {"whole": whole, "others": whole - counts}, parts | {"whole": (("count", "others"),)}
    else:
        groups = [
            _split(rng, counts, TEAMS, "team"),
            _split(rng, counts, CATEGORIES, "category"),
            _split(rng, counts, BACK, "since_plan"),
        ]
        truth, parts = (
            truth | {n: row for group in groups for n, row in group.items()},
            parts | {"count": tuple(tuple(group) for group in groups)},
        )
    if kind == "flow":
        families = np.array([min(n, rng.binomial(int(n), 0.7) + 1) if n else 0 for n in counts], float)
        truth |= {"families": families, "siblings": counts - families}
        parts |= {"count": (*parts.get("count", ()), ("families", "siblings"))}
    world = World(kind, step, _calendar(rng, step, length), truth, parts, SPOKEN)
    return _Council(kind, step, where, world, expected, onset)


# One alert after the other


def _history(council: _Council, end: int) -> History:
    truth = council.world.truth
    count = truth["count"][:end]
    flat = np.full(end, council.expected)
    half = 2 * np.sqrt(flat * (1 - flat) / 20) if council.kind == "share" else 2 * np.sqrt(flat + 0.5)
    of = truth["of"][:end] if council.kind == "share" else None
    whole = truth["whole"][:end] if "whole" in truth else None
    upper = np.minimum(flat + half, 1.0) if council.kind == "share" else flat + half
    return History(council.world.periods[:end], count, flat, np.maximum(flat - half, 0), upper, of=of, whole=whole)


def _drivers(council: _Council, whole: float, start: int, end: int) -> tuple[Driver, ...]:
    """Stages, then the slices that took most of the excess, as `explain` orders them."""
    if abs(whole) < 0.5:
        return ()
    found = [
        Driver("stage", "referral", whole * 0.4, 0.4, 300.0),
        Driver("stage", "section_47 to conference", whole * 0.6, 0.6, 90.0),
    ]
    expected = float(council.world.truth["count"][start:end].sum()) - whole
    for name, row in council.world.truth.items():
        if "=" not in name:
            continue
        usual = row[:start].sum() / max(council.world.truth["count"][:start].sum(), 1.0)
        observed = float(row[start:end].sum())
        share = (observed - usual * expected) / whole
        if share >= 0.1:
            found.append(Driver("breakdown", name, share * whole, min(share, 1.0), observed))
    if council.slice:
        found = [Driver("breakdown", "team=Elm", whole, 1.0, whole + expected), *found]
    return tuple(
        sorted(found, key=lambda one: (one.kind != "breakdown" or not one.name.startswith("team"), -one.share))
    )


def _alert(council: _Council, end: int, **changes: Any) -> Alert:
    count, day = council.world.truth["count"], as_date(council.world.periods[end - 1])
    start = end - 1 if council.kind == "stock" else council.onset
    total, now = float(count[start:end].sum()), float(count[end - 1])
    weight = council.world.truth["of"][start:end].sum() if council.kind == "share" else float(end - start)
    expected, onset = float(council.expected * weight), as_date(council.world.periods[council.onset])
    if council.kind == "share":
        of = council.world.truth["of"][end - 1]
        now = now / of if of else 0.0
    past = _history(council, end)
    made = Alert(
        id="a1",
        kind="drift" if council.kind == "share" else "surge",
        measure=MEASURE[council.kind],
        slice=council.slice,
        direction="up" if total >= expected else "down",
        severity="medium",
        state="opened",
        opened=day,
        onset=onset,
        updated=day,
        observed=now,
        expected=council.expected,
        lower=float(past.lower[-1]),
        upper=float(past.upper[-1]),
        p_value=1e-4,
        total=total,
        total_expected=expected,
        drivers=_drivers(council, total - expected, start, end),
        seen=day,
    )
    return replace(made, **changes)


def _year_end(council: _Council, end: int, rng: np.random.Generator) -> Any:
    """What the service's own reckoning says of 31 March, from made-up paths of the rest of the year."""
    truth, key = council.world.truth, SeriesKey(MEASURE[council.kind], council.slice)
    count = truth["count"][None, :end]
    of = truth["of"][None, :end] if council.kind == "share" else np.full_like(count, np.nan)
    some = Panel((key,), (council.kind,), council.world.periods[:end], council.step, count, of, count)
    later = _following(council, end, 60)
    paths = rng.poisson(council.expected, (1, 80, 60)).astype(float)
    values = np.quantile(paths[0], QUANTILES, axis=0).T[None]
    return year_end_outlook(
        some, Forecasts((key,), as_date(some.periods[-1]), later, values, ("counts",), draws=paths), key
    )


def _following(council: _Council, end: int, count: int) -> np.ndarray:
    last = council.world.periods[end - 1]
    if council.step == "week":
        return last + 7 * np.arange(1, count + 1)
    return (last.astype("datetime64[M]") + np.arange(1, count + 1)).astype("datetime64[D]")


def _context(council: _Council, alert: Alert, end: int, told: tuple[dt.date, ...], rng: np.random.Generator) -> Context:
    flat = np.full(13, council.expected)
    families = None
    if "families" in council.world.truth:
        own = council.world.truth["families"][:end]
        families = Families(own, np.minimum(own, 4.0))
    day = as_date(council.world.periods[end - 1])
    return Context(
        **ABOUT[council.kind],
        kind=council.kind,
        step=council.step,
        period=day,
        now=alert.state,
        was="opened" if told else None,
        reason="3 periods in a row as expected" if alert.state == "resolved" else "the evidence has grown",
        was_severity="medium" if told else None,
        told=told,
        council="Elmshire",
        history=_history(council, end),
        ahead=None if council.kind == "share" else Ahead(_following(council, end, 13), flat * 0.5, flat, flat * 1.8),
        year_end=_year_end(council, end, rng),
        families=families,
        linked=(Linked("Referrals", "up", as_date(council.world.periods[council.onset - 3]), "a0"),)
        if rng.random() < 0.2
        else (),
        ask="Who chaired the strategy meetings {where}? Review {plans}.",
        data_to=day,
        coverage=0.948,
        model="counts 61%, levels 39%",
        config="1a2b3c",
        budget=(3, 6),
    )


@dataclass
class Side:
    """One alert that speaks now and then; end: the periods there are when it speaks next, None when it is over."""

    council: _Council
    rng: np.random.Generator
    id: str = "a1"
    most: int = 5
    told: list[Told] = field(default_factory=list)
    days: tuple[dt.date, ...] = ()
    first: Alert | None = None

    def __post_init__(self) -> None:
        self.end: int | None = self.council.onset + int(self.rng.integers(1, 5))
        self.turns = int(self.rng.integers(1, self.most + 1))

    def speak(self, beside: tuple[Beside, ...] = ()) -> None:
        """Says what there is to say now, given what others have told."""
        council, rng, end, at = self.council, self.rng, self.end, len(self.told)
        over = at > 0 and rng.random() < 0.2
        alert = _alert(council, end, id=self.id, state="resolved" if over else "updated" if at else "opened")
        if self.first and alert.direction != self.first.direction:
            over, alert = True, replace(alert, state="resolved", direction=self.first.direction)
        self.first = self.first or alert
        alert = replace(alert, opened=self.first.opened)
        context = replace(_context(council, alert, end, self.days, rng), beside=beside)
        telling = tell(alert, context, self.told[-1].whole if self.told else None)
        self.days = (*self.days, as_date(council.world.periods[end - 1]))
        alert = replace(with_words(alert, telling.whole), told=self.days)
        self.told.append(Told(telling.whole, telling.news, record(alert, 5)))
        self.end = end + int(rng.integers(1, 4))
        if over or self.end > len(council.world.periods) or len(self.told) == self.turns:
            self.end = None


def thread(seed: int) -> Thread:
    """Returns an alert's messages from when it was opened."""
    rng = np.random.default_rng(seed)
    side = Side(_council(rng), rng)
    while side.end is not None:
        side.speak()
    return Thread(side.council.world, tuple(side.told))
