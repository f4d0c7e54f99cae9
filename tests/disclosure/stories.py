"""Stories of three to five alerts on low counts, told as the service tells them: week by week, to one thread of Slack.

Which finding comes in which week is made up; the life of each alert, its words and what is sent of them are the
service's own. Beside the thread its reader has the weekly digest, and the record of every alert in every week.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

from forecaster.explain import drivers
from forecaster.lifecycle import Finding, Rules, join, step
from forecaster.measures import Measure, parse_measures, stages_of
from forecaster.messages import Message, Target
from forecaster.pipeline import Watch, _Day, with_words
from forecaster.record import record
from forecaster.routing import Told
from forecaster.types import (
    QUANTILES,
    Alert,
    Forecasts,
    Limits,
    Panel,
    SeriesKey,
    Signal,
    SignalKind,
    Transition,
    as_date,
)
from forecaster.words.digest import Facts, digest
from jobs.digest import _headings, _Look
from jobs.telling import ANY_TIME, deliveries, straight_to
from tests.disclosure.council import KINDS, WEEKS, Truth, panel_of, plans
from tests.disclosure.digests import digest_facts
from tests.disclosure.reading import Reader
from tests.disclosure.solver import Fact, Recovered, System

Fault = Literal["", "forgetful", "apart"]
ROUTES = straight_to([Target("slack", "C1")])
RULES = Rules(quiet_days=7, stronger=10.0)  # so that alerts speak often
LIMITS = Limits(0.001, 104)
SLICES = (
    (("team", "Elm"),), (("team", "Oak"),), (("locality", "North"),), (("age_band", "1-4"),), (("source", "Police"),),
)  # fmt: skip
SERIES: tuple[tuple[SignalKind, str], ...] = (
    ("surge", "plan_starts"), ("drift", "repeat_plans"), ("surge", "plans_open"), ("drift", "repeat_plans_24m"),
    ("surge", "plan_ends"), ("farrington", "plan_starts"), ("ears_c1", "plan_starts"),
)  # fmt: skip


@cache
def measures() -> dict[str, Measure]:
    """The measures of config, one of them by a name in which no number stands."""
    found = parse_measures(tomllib.loads((Path(__file__).parents[2] / "config/measures.toml").read_text()))
    again = found["repeat_plans_24m"].model_copy(update={"title": "Plans that came back soon"})
    return found | {"repeat_plans_24m": again}


@dataclass
class Plot:
    """When one alert opens, what of, and since when; each week then chance decides what is found."""

    kind: SignalKind
    key: SeriesKey
    opens: int
    onset: int
    p_value: float = 1e-4
    alert: Alert | None = None
    moving: bool = True  # whether its onset and its slice may be others later
    found: dt.date = dt.date.min  # the newest week with a signal

    def finding(self, panel: Panel, end: int, rng: np.random.Generator) -> Finding | None:
        """Returns what is found in the newest week: strong at first, then as it happens; at times from further back."""
        opening = self.alert is None
        luck = 0.0 if opening else rng.random()
        if luck > 0.85:
            return None
        strong = luck < 0.5
        if strong and not opening:
            self.p_value /= 100
            back, wider = int(rng.integers(1, 5)) * (rng.random() < 0.3), rng.random() < 0.15
            if self.moving:
                self.onset -= back
            if self.moving and wider:
                self.key = SeriesKey(self.key.measure)
        signal = _signal(self, panel, end)
        self.found = signal.period
        stages = stages_of(measures())
        found = drivers(panel, signal, stages) if strong or self.alert is None else self.alert.drivers
        return Finding(signal, found, "medium", strong, level=KINDS[self.key.measure] == "stock")


def _signal(plot: Plot, panel: Panel, end: int) -> Signal:
    row, kind = panel.row(plot.key), KINDS[plot.key.measure]
    count, start = panel.count[row], end - 1 if kind == "stock" else plot.onset
    weight = panel.of[row] if kind == "share" else np.ones(end)
    past, now = slice(plot.onset - 52, plot.onset), slice(start, end)
    usual = (count[past].sum() + 0.5) / max(weight[past].sum(), 1.0)
    total, expected = float(count[now].sum()), float(usual * weight[now].sum())
    observed = float(count[-1] / weight[-1]) if weight[-1] else 0.0
    rises = plot.alert.direction == "up" if plot.alert else total >= expected
    half = 2 * np.sqrt(usual + 0.1)
    return Signal(
        plot.key, plot.kind, "up" if rises else "down", as_date(panel.periods[-1]), as_date(panel.periods[plot.onset]),
        observed, float(usual), max(float(usual - half), 0.0), float(usual + half), plot.p_value, 4.0, total, expected,
    )  # fmt: skip


@dataclass
class Story:
    """What a reader of one thread, the digests beside it and the records was shown, and what is true."""

    truth: Truth
    since: int  # what was counted before is not attacked
    shown: list[tuple[SeriesKey, list[Message]]] = field(default_factory=list)
    digests: list[tuple[dt.date, Message]] = field(default_factory=list)
    records: list[tuple[SeriesKey, dt.date, dict[str, Any]]] = field(default_factory=list)

    def facts(self, records: bool = True, digests: bool = True) -> list[Fact]:
        """Returns all of it as facts of the story's world."""
        found = [(key, fact) for key, reader, made in self._read() for fact in reader.message(made)]
        for key, _, told in self.records if records else ():
            found += [(key, fact) for fact in Reader(self.truth.view(key), False).record(told)]
        for day, made in self.digests if digests else ():
            found += digest_facts(made, self.truth.periods, day)
        return [fact for fact in (self._named(*one) for one in found) if fact]

    def guesses(self) -> list[Fact]:
        """Returns what one guesses who knows which of the points that are not shown are small themselves."""
        found = []
        for key, reader, made in self._read():
            reader.message(made)
            found += [self._named(key, fact) for fact in reader.guesses(made.chart)]
        return [fact for fact in found if fact]

    def _read(self) -> Iterator[tuple[SeriesKey, Reader, Message]]:
        """Every message with who reads it: what one brings is read in one go, as it says since when only once."""
        for key, several in self.shown:
            reader = Reader(self.truth.view(key), False)
            yield from ((key, reader, made) for made in several)

    def _named(self, key: SeriesKey, fact: Fact) -> Fact | None:
        name = self.truth.named(key)
        old = all(stop <= self.since for _, (_, _, stop) in fact.terms)
        if old or (KINDS[key.measure] == "stock" and key not in self.truth.keys):
            return None
        terms = tuple((weight, (name(cells[0]), *cells[1:])) for weight, cells in fact.terms)
        return replace(fact, terms=terms) if all(cells[0] for _, cells in terms) else None

    def recovered(self, **what: bool) -> list[Recovered]:
        """Returns what can be worked out, and what one can who guesses rightly which crosses are small."""
        facts, guesses = _once(self.facts(**what)), self.guesses()
        found = System(self.truth.world, facts).recovered()
        return found + (System(self.truth.world, _once(facts + guesses)).recovered(exact=True) if guesses else [])


def _once(facts: Sequence[Fact]) -> list[Fact]:
    return list({(fact.terms, fact.low, fact.high, fact.not_small): fact for fact in facts}.values())


def story(seed: int, fault: Fault = "", moving: bool = True) -> Story:
    """Returns the story of a seed, from its first alert on.

    fault: what the service does wrong, so that the attack has something to find. moving: whether onsets and slices of
    alerts change.
    """
    rng = np.random.default_rng(seed)
    onset = int(rng.integers(124, 134))
    some, plots = plans(rng, onset), [replace(plot, moving=moving) for plot in _plots(rng, onset)]
    keys = tuple(dict.fromkeys(key for plot in plots for key in (plot.key, SeriesKey(plot.key.measure))))
    panel = panel_of(some, keys)
    out = Story(Truth(some, keys, panel.periods), onset - 20)
    _tell(out, plots, panel, rng, fault)
    return out


def _plots(rng: np.random.Generator, onset: int) -> list[Plot]:
    several = rng.choice(len(SERIES), int(rng.integers(3, 6)), replace=False)
    where = [SLICES[i] for i in rng.choice(len(SLICES), 2, replace=False)]
    first = onset + int(rng.integers(2, 5))
    out = []
    for place in several:
        kind, measure = SERIES[place]
        slice_ = ((), *where)[int(rng.integers(3))]
        if measure in ("plans_open", "plan_ends") and slice_ == (("source", "Police"),):
            slice_ = ()
        opens = first + (int(rng.integers(0, 5)) if out else 0)
        out.append(Plot(kind, SeriesKey(measure, slice_), opens, min(onset + int(rng.integers(-3, 3)), opens - 1)))
    return out


def _tell(out: Story, plots: list[Plot], panel: Panel, rng: np.random.Generator, fault: Fault) -> None:
    watch = Watch(measures(), rules=RULES, council="Elmshire", config="1a2b3c")
    before: dict[str, Message] = {}
    known = Told()
    first = min(plot.opens for plot in plots)
    for end in range(first, min(first + int(rng.integers(4, 8)), WEEKS) + 1):
        seen, now = panel.until(end), dt.datetime.combine(as_date(panel.periods[end - 1]), dt.time(9), dt.UTC)
        previous = [plot.alert for plot in plots if plot.alert]
        stepped = list(_stepped(plots, seen, end, rng, now, fault))
        forecasts = _forecasts(seen, rng)
        day = _Day(seen, forecasts, {}, LIMITS, stepped, previous, list(before.values()))
        words = day.words(watch)
        told = [(alert, transition) for alert, transition in stepped if transition]
        sent = list(deliveries(told, words, {}, ROUTES, {ROUTES[0].to[0].name: known}, now, ANY_TIME))
        for alert, transition in told:
            own = [one for one in sent if one.transition_id == transition.id]
            own.sort(key=lambda one: one.part != "edit")
            out.shown.append((alert.key, list({id(one.message): one.message for one in own}.values())))
        before |= {alert.id: words[transition.id].whole for alert, transition in told}
        known = Told(0, known.alerts | before.keys(), known.stories | {alert.story or alert.id for alert, _ in told})
        newest = {alert.id for alert, _ in told}
        for plot in plots:
            if plot.alert:
                spoke = plot.alert.id in newest
                plot.alert = with_words(plot.alert, before[plot.alert.id]) if spoke else plot.alert
                out.records.append((plot.alert.key, plot.found, record(plot.alert, 5)))
        alerts = [plot.alert for plot in plots if plot.alert]
        out.digests.append((as_date(seen.periods[-1]), _digest(seen, forecasts, alerts)))


def _stepped(
    plots: list[Plot], seen: Panel, end: int, rng: np.random.Generator, now: dt.datetime, fault: Fault
) -> Iterator[tuple[Alert, Transition | None]]:
    for plot in plots:
        if end < plot.opens:
            continue
        finding = plot.finding(seen, end, rng)
        alert, transition = step(plot.alert, finding, as_date(seen.periods[-1]), now, RULES)
        assert alert is not None
        first = next((other.alert for other in plots if other.alert), alert)
        plot.alert = alert if plot.alert or fault == "apart" else join(alert, first.story or first.id)
        if fault == "forgetful":
            plot.alert = replace(plot.alert, told_of=())
        yield plot.alert, transition


def _forecasts(seen: Panel, rng: np.random.Generator) -> Forecasts:
    """Made-up paths to 31 March and beyond, around the mean of the last weeks."""
    later = seen.periods[-1] + 7 * np.arange(1, 61)
    means = np.nanmean(seen.count[:, -26:], axis=1)
    draws = rng.poisson(means[:, None, None], (len(means), 80, 60)).astype(float)
    values = np.quantile(draws, QUANTILES, axis=1).transpose(1, 2, 0)
    return Forecasts(seen.keys, as_date(seen.periods[-1]), later, values, ("counts",) * len(means), draws=draws)


def _digest(seen: Panel, forecasts: Forecasts, alerts: list[Alert]) -> Message:
    look = _Look(None, seen, forecasts, (), ())
    headings = tuple(_headings(look, SimpleNamespace(catalogue=measures())))
    day = as_date(seen.periods[-1]) + dt.timedelta(days=7)
    return digest(Facts(as_date(seen.periods[-1]), day, received=day, alerts=tuple(alerts), ahead=headings, runs=()))
