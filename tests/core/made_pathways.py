"""Councils made week by week along the pathway: contacts, referrals, enquiries, conferences, plans of three teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from made_panels import panel

from forecaster.baseline import baseline
from forecaster.types import Counting, Events, Floats, Ints, Kind, Panel, SeriesKey, Signal, SignalKind, as_date

T, START = 208, 190
TEAMS = ("A", "B", "C")
UNSAID = "not recorded"
KINDS = ("contact", "referral", "section_47", "conference", "plan_start")
STAGES = {
    "contact": "contacts", "referral": "referrals", "section_47": "section_47", "conference": "conferences",
    "plan_start": "plan_starts", "plan_end": "plan_ends",
}  # fmt: skip
LAGS = {"referral": 0, "assessment": 0, "section_47": 1, "conference": 3, "plan_start": 0}
USUAL = {"contact": 40.0, "referral": 0.5, "section_47": 0.5, "conference": 0.5, "plan_start": 0.9}


@dataclass(frozen=True)
class Change:
    """From START on (so many weeks from the end) one stage of some teams is `times` as large, or as likely."""

    stage: str
    times: float
    teams: tuple[str, ...] = TEAMS
    start: int = START


def chances(stage: str, changes: Sequence[Change]) -> Floats:
    """The chance to go on to a stage (the mean, of contacts) per team and week."""
    out = np.full((len(TEAMS), T), USUAL[stage])
    for change in changes:
        if change.stage == stage:
            out[[TEAMS.index(team) for team in change.teams], change.start :] *= change.times
    return out if stage == "contact" else np.minimum(out, 0.98)


def council(seed: int, *changes: Change, size: float = 1.0, known: bool = True) -> Panel:
    """A council of three equal teams. Contacts have no team. known: with its events, else as totals are."""
    rng = np.random.default_rng(seed)
    weekly = rng.poisson(size * chances("contact", changes))
    team, period = (np.repeat(values.ravel(), weekly.ravel()) for values in np.indices(weekly.shape))
    rows = []
    for number, stage in enumerate(KINDS):
        later = KINDS[min(number + 1, len(KINDS) - 1)]
        goes_on = rng.random(len(team)) < chances(later, changes)[team, np.minimum(period, T - 1)]
        place = np.full(len(team), len(TEAMS)) if stage == "contact" else team
        rows.append(np.stack([np.full(len(team), number), period, place, goes_on])[:, period < T])
        team, period = team[goes_on], period[goes_on] + LAGS[later]
    some = assembled(np.concatenate(rows, axis=1))
    return some if known else replace(some, events=None)


def assembled(rows: Ints) -> Panel:
    """The panel of events given by stage, period, team (the last: not recorded) and whether they led to the next."""
    stage, period, team, led = rows
    measures = {STAGES[kind]: Counting(np.flatnonzero(stage == number)) for number, kind in enumerate(KINDS)}
    enquiries = measures["section_47"].rows
    measures["s47_to_conference"] = Counting(enquiries, led[enquiries] > 0)
    events = Events(period, np.full(len(period), -1), {"team": ((*TEAMS, UNSAID), team)}, measures, LAGS)
    made = [series for name in measures for series in series_of(events, name)]
    keys, kinds, counts, of = zip(*made, strict=True)
    return replace(panel(np.array(counts), kinds, of=np.array(of), keys=keys), events=events)


def series_of(events: Events, measure: str) -> list[tuple[SeriesKey, Kind, Floats, Floats]]:
    """The council's series of a measure, and those of its teams where they are known."""
    share = events.measures[measure].yes is not None
    own = events.table(events.of(measure), "team", T)
    whole = events.table(events.measures[measure].rows, "team", T) if share else np.full_like(own, np.nan)
    kind: Kind = "share" if share else "flow"
    found: list[tuple[SeriesKey, Kind, Floats, Floats]] = [(SeriesKey(measure), kind, own.sum(0), whole.sum(0))]
    for team, counts, of in zip(TEAMS, own, whole, strict=False):
        if measure != "contacts":
            found.append((SeriesKey(measure, (("team", team),)), kind, counts, of))
    return found


def signal(some: Panel, measure: str, onset: int = START + 4, until: int = T - 1, team: str = "") -> Signal:
    """What a detector says of one series from an onset on, in full."""
    key = SeriesKey(measure, (("team", team),) if team else ())
    row, now = some.row(key), slice(onset, until + 1)
    seen = np.isfinite(some.count[row, now])
    total = float(np.nansum(some.count[row, now]))
    if some.kinds[row] == "share":
        before, of = slice(max(onset - 100, 0), onset), float(np.nansum(some.of[row, now]))
        expected = of * float(np.nansum(some.count[row, before]) / max(np.nansum(some.of[row, before]), 1))
    else:
        expected = float(baseline(some.select([row]).uncapped()).expected_since(onset, until)[0][0, seen].sum())
    kind: SignalKind = "drift" if some.kinds[row] == "share" else "surge"
    return Signal(
        key=key, kind=kind, direction="up" if total > expected else "down",
        period=as_date(some.periods[until]), onset=as_date(some.periods[onset]), observed=total, expected=expected,
        lower=0.0, upper=expected, p_value=1e-4, score=4.0, total=total, total_expected=expected,
    )  # fmt: skip


def recounted(some: Panel, counts: Mapping[SeriesKey, Floats]) -> Panel:
    """The same panel with other counts of some series."""
    out = some.count.copy()
    for key, own in counts.items():
        out[some.row(key)] = own
    return replace(some, count=out, capped=out)
