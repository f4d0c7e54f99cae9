"""Threads whose drivers are the service's own: made-up events, explained and briefed as the pipeline does it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import combinations

import numpy as np
from made_events import FLOW, SHARE, SINCE_WEEK, UNSAID, WEEKS, council, signal_on

from forecaster.briefing import brief
from forecaster.explain import drivers
from forecaster.measures import Measure
from forecaster.pipeline import with_words
from forecaster.record import record
from forecaster.types import Alert, Floats, Forecasts, Limits, Panel, SeriesKey, Transition, as_date
from forecaster.words.render import tell
from tests.disclosure.generator import Thread, Told
from tests.disclosure.solver import World

EXTRA = (
    {},
    {"team": "Team 5"},
    {"source": "Police"},
    {"team": "Team 1", "source": "Schools"},
    {"since_plan": "under 6 months"},
)
LIMITS = Limits(0.001, 104)
MEASURES = {
    FLOW: Measure.model_construct(
        kind="flow",
        title="Referrals",
        one="referral arrived",
        many="referrals arrived",
        of="referrals",
        question="Why?",
    ),
    SHARE: Measure.model_construct(
        kind="share", title="Repeats", one="was a repeat", many="were repeats", of="referrals", question="Why?"
    ),
}


def explained(seed: int) -> Thread:
    """Returns two messages of one alert, with the drivers that are found in a low-count council of that seed."""
    rng = np.random.default_rng(seed)
    key = (FLOW, FLOW, SHARE, SeriesKey(FLOW.measure, (("team", "Team 1"),)))[seed % 4]
    start = SINCE_WEEK - int(rng.integers(0, 6))
    some = council(
        seed, EXTRA[seed % len(EXTRA)], factor=3.0, rate=float(rng.uniform(0.6, 9.0)), share=0.2, start=start
    )
    told: list[Told] = []
    days: tuple[dt.date, ...] = ()
    before = None
    for end in (WEEKS - 3, WEEKS):
        seen = some.until(end)
        alert = _alert(some, key, start, end, days)
        context = _briefed(seen, alert, MEASURES[SHARE if key == SHARE else FLOW])
        telling = tell(alert, context, before)
        before, days = telling.whole, alert.told
        told.append(Told(telling.whole, telling.news, record(with_words(alert, telling.whole), 5)))
    return Thread(world_of(some, key), tuple(told))


def _alert(some: Panel, key: SeriesKey, start: int, end: int, days: tuple[dt.date, ...]) -> Alert:
    seen = some.until(end)
    signal = _signal(some, key, start, end)
    return Alert(
        "a1",
        signal.kind,
        key.measure,
        key.slice,
        signal.direction,
        "medium",
        "updated" if days else "opened",
        days[0] if days else signal.period,
        signal.onset,
        signal.period,
        signal.observed,
        signal.expected,
        signal.lower,
        signal.upper,
        signal.p_value,
        signal.total,
        signal.total_expected,
        drivers=drivers(seen, signal),
        seen=signal.period,
        told=(*days, signal.period),
    )


def _signal(some: Panel, key: SeriesKey, start: int, end: int):
    """The signal as it was known after `end` weeks."""
    hidden = some.count.copy(), some.of.copy()
    for array in hidden:
        array[:, end:] = np.nan
    count, of = (np.nan_to_num(array) for array in hidden)
    found = signal_on(replace(some, count=count, of=of), key, start)
    weeks, total = end - start, found.total
    expected = found.total_expected if key == SHARE else found.expected * weeks
    row = some.row(key)
    newest = count[row, end - 1]
    observed = (newest / of[row, end - 1] if of[row, end - 1] else 0.0) if key == SHARE else newest
    return replace(
        found,
        period=as_date(some.periods[end - 1]),
        observed=float(observed),
        total_expected=float(expected),
        direction="up" if total > expected else "down",
    )


def _briefed(seen: Panel, alert: Alert, measure: Measure):
    now = Transition("t", "a1", dt.datetime(2018, 1, 1, tzinfo=dt.UTC), None, alert.state, "the evidence has grown")
    nothing = Forecasts((), alert.updated, seen.periods[:0], np.empty((0, 0, 9)), ())
    return brief(
        alert, now, seen, nothing, {}, measure, limits=LIMITS, was=None, shown=13, council="Elm", threshold=5, config=""
    )


def world_of(some: Panel, key: SeriesKey) -> World:
    """What is true of a series, of its slices in every breakdown, and of their pairs."""
    assert some.events is not None
    events, row = some.events, some.row(key)
    rows = events.of(key.measure)
    for name, value in key.slice:
        labels, codes = events.places[name]
        rows = rows[codes[rows] == labels.index(value)]
    truth: dict[str, Floats] = {"count": some.count[row]}
    parts: dict[str, tuple[tuple[str, ...], ...]] = {"count": ()}
    if key == SHARE:
        truth |= {"of": some.of[row], "rest": some.of[row] - some.count[row]}
        parts["of"] = (("count", "rest"),)
    spoken = {}
    for name, (labels, _) in events.places.items():
        for label, counts in zip(labels, events.table(rows, name, WEEKS), strict=True):
            truth[f"{name}={label}"] = counts
            spoken[_said(name, label)] = f"{name}={label}"
        parts["count"] = (*parts["count"], tuple(f"{name}={label}" for label in labels))
    for (one, (first, codes)), (other, (second, _)) in combinations(events.places.items(), 2):
        for i, label in enumerate(first):
            table = events.table(rows[codes[rows] == i], other, WEEKS)
            pairs = tuple(f"{one}={label}, {other}={inner}" for inner in second)
            truth |= dict(zip(pairs, table, strict=True))
            parts[f"{one}={label}"] = (*parts.get(f"{one}={label}", ()), pairs)
            spoken |= {
                f"{_said(one, label)} / {_said(other, inner)}": pair for inner, pair in zip(second, pairs, strict=True)
            }
            spoken |= {
                f"{_said(other, inner)} / {_said(one, label)}": pair for inner, pair in zip(second, pairs, strict=True)
            }
    return World("share" if key == SHARE else "flow", "week", some.periods, truth, parts, spoken)


def _said(name: str, label: str) -> str:
    if label == UNSAID:
        return f"{name.replace('_', ' ')} {label}"
    return f"aged {label}" if name == "age_band" else label
