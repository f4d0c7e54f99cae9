"""Councils made of drawn families: events with a team, a locality, a source and an age, siblings together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from made_panels import panel

from forecaster.types import (
    SINCE_PLAN,
    SINCE_PLAN_BANDS,
    Counting,
    Events,
    Floats,
    Ints,
    Kind,
    Panel,
    SeriesKey,
    Signal,
    as_date,
)

UNSAID = "not recorded"
TEAMS = {"Team 1": 0.3, "Team 2": 0.25, "Team 3": 0.2, "Team 4": 0.15, "Team 5": 0.1}
LOCALITY = {"Team 1": "North", "Team 2": "North", "Team 3": "South", "Team 4": "South", "Team 5": "West"}
SOURCES = {"Police": 0.4, "Schools": 0.3, "Health": 0.2, UNSAID: 0.1}
AGES = {"0": 0.1, "1-4": 0.3, "5-9": 0.3, "10-15": 0.3}
SINCE = dict(zip((*SINCE_PLAN_BANDS, UNSAID), (0.05, 0.05, 0.05, 0.05, 0.8, 0.0), strict=True))
MIX = {"team": TEAMS, "source": SOURCES, "age_band": AGES, SINCE_PLAN: SINCE}
WEEKS, SINCE_WEEK = 234, 222
FLOW, SHARE = SeriesKey("referrals"), SeriesKey("repeats")


def council(
    seed: int, extra: Mapping[str, str] | None = None, factor: float = 2.0, rate: float = 30.0, share: float = 0.3,
    named: bool = True, start: int = SINCE_WEEK, mix: Mapping[str, Mapping[str, float]] = MIX,
) -> Panel:  # fmt: skip
    """Two series of the same events, referrals and a share of them that moves where referrals do not.

    extra: which families come `factor` times as often from week `start` on ({}: all), or of which more count in the
    share; None: nothing happens. rate: families a week, of 1.5 children each. named: whether families are known.
    """
    rng = np.random.default_rng(seed)
    at = np.repeat(np.arange(WEEKS), rng.poisson(rate, WEEKS))
    drawn = {name: rng.choice(len(sizes), len(at), p=list(sizes.values())) for name, sizes in mix.items()}
    placed = np.full(len(at), extra is not None)
    for name, value in (extra or {}).items():
        placed &= _codes(drawn, name) == _labels(name, mix).index(value)
    concerned = placed & (at >= start)
    more = rng.choice(np.flatnonzero(placed), rng.poisson(concerned.sum() * (factor - 1))) if placed.any() else at[:0]
    odds = share / (1 - share) * np.where(concerned, factor**2, 1.0)
    yes = rng.random(len(at)) < odds / (1 + odds)
    take = np.concatenate([np.arange(len(at)), more])
    size = 1 + rng.poisson(0.5, len(take))
    rows, family = np.repeat(take, size), np.repeat(np.arange(len(take)), size)
    when = np.concatenate([at, start + rng.integers(0, WEEKS - start, len(more))])
    places = {name: (_labels(name, mix), _codes(drawn, name)[rows]) for name in (*mix, "locality")}
    old = np.flatnonzero(family < len(at))
    measures = {FLOW.measure: Counting(np.arange(len(rows))), SHARE.measure: Counting(old, yes[rows[old]])}
    events = Events(when[family], family if named else np.full(len(rows), -1), places, measures)
    return panel_of(events)


def _labels(name: str, mix: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    labels = tuple(dict.fromkeys(LOCALITY.values())) if name == "locality" else tuple(mix[name])
    return labels if UNSAID in labels else (*labels, UNSAID)


def _codes(drawn: Mapping[str, Ints], name: str) -> Ints:
    if name != "locality":
        return drawn[name]
    localities = list(dict.fromkeys(LOCALITY.values()))
    return np.array([localities.index(where) for where in LOCALITY.values()])[drawn["team"]]


def panel_of(events: Events) -> Panel:
    """The council's two series of some events, and the share of the first two teams."""
    keys = [FLOW, SHARE, *(SeriesKey(FLOW.measure, (("team", name),)) for name in ("Team 1", "Team 2"))]
    count, of = np.full((2, len(keys), WEEKS), np.nan)
    count[0] = _weekly(events, events.of(FLOW.measure))
    count[1], of[1] = (_weekly(events, rows) for rows in (events.of("repeats"), events.measures["repeats"].rows))
    for row, code in ((2, 0), (3, 1)):
        count[row] = _weekly(events, np.flatnonzero(events.places["team"][1] == code))
    kinds: tuple[Kind, ...] = ("flow", "share", "flow", "flow")
    return replace(panel(count, kinds, of=of, keys=keys), events=events)


def _weekly(events: Events, rows: Ints) -> Floats:
    return np.bincount(events.period[rows], minlength=WEEKS).astype(float)


def signal_on(some: Panel, key: SeriesKey = FLOW, start: int = SINCE_WEEK) -> Signal:
    """What a detector says of a series from a week on, told against its own two years before."""
    row = some.row(key)
    past, now = slice(start - 104, start), slice(start, WEEKS)
    total = float(np.nansum(some.count[row, now]))
    if key == SHARE:
        usual, size = some.count[row, past].sum() / some.of[row, past].sum(), some.of[row, now].sum()
        spread = np.sqrt(1.5 * usual * (1 - usual) / size)
        observed, expected, whole = total / size, usual, usual * size
    else:
        usual, spread = np.nanmean(some.count[row, past]), np.nanstd(some.count[row, past])
        observed, expected = some.count[row, -1], usual
        whole = usual * int(np.isfinite(some.count[row, now]).sum())
    return Signal(
        key=key, kind="drift" if key == SHARE else "surge", direction="up" if total > whole else "down",
        period=as_date(some.periods[-1]), onset=as_date(some.periods[start]), observed=float(observed),
        expected=float(expected), lower=float(expected - 1.96 * spread), upper=float(expected + 1.96 * spread),
        p_value=1e-5, score=5.0, total=total, total_expected=float(whole),
    )  # fmt: skip
