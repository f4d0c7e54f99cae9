"""Which alerts tell one story: related measures that moved the same way, in the same places, at about the same time.

What is related follows from how the measures are defined: flows of neighbouring stages of the pathway, a share and the
flow it is a share of or leads to, a stock and the flows that fill and empty it (where fewer ends mean more open).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.lifecycle import ACTIVE, Rules, join
from forecaster.measures import NOT_RECORDED, Measure, stages_of
from forecaster.types import COUNCIL, PATHWAY, Alert, Events, Slice

EARLIER, LATER = dt.timedelta(weeks=4), dt.timedelta(weeks=26)  # when a move may begin that follows from another
TIMELESS = {"arrival", "neighbours"}  # data that did not come, and a year's level: neither began some week
AT_HOME = 0.9  # of a team's events are in its locality


@dataclass(frozen=True)
class Link:
    """The story an alert belongs to (the id of its first alert), and the active alerts it was found to go with."""

    story: str
    alerts: tuple[Alert, ...] = ()


def stories(
    alerts: Iterable[Alert],
    opened: Iterable[Alert],
    measures: Mapping[str, Measure],
    rules: Rules,
    homes: Mapping[str, str] | None = None,
) -> dict[str, Link]:
    """Returns the story of each newly opened alert by its id: one of the other alerts', or of one opened with it.

    alerts: those there were, none of the opened among them. homes: of each team its locality, as far as that is known.
    The order in which alerts are given does not matter: what lies first along the pathway begins the story.
    """
    known, links = list(alerts), {}
    for new in sorted(opened, key=lambda a: (_place(measures.get(a.measure)), a.onset, len(a.slice), a.id)):
        links[new.id] = linked(known, new, measures, rules, homes)
        known.append(join(new, links[new.id].story))
    return links


def linked(
    alerts: Sequence[Alert],
    new: Alert,
    measures: Mapping[str, Measure],
    rules: Rules,
    homes: Mapping[str, str] | None = None,
) -> Link:
    """Returns the story of one newly opened alert: that of the alert it goes with best, or one that begins with it.

    Best is the same measure, then the closest onset.
    """
    found = [a for a in alerts if a.id != new.id and _goes_with(a, new, measures, rules, homes or {})]
    if not found:
        return Link(new.id)
    found.sort(key=lambda a: (a.measure != new.measure, abs(a.onset - new.onset), a.opened, a.id))
    return Link(found[0].story or found[0].id, tuple(found))


def _goes_with(old: Alert, new: Alert, measures: Mapping[str, Measure], rules: Rules, homes: Mapping[str, str]) -> bool:
    if TIMELESS & {old.kind, new.kind}:
        return False
    same_way = 1 if old.direction == new.direction else -1
    return (
        _is_alive(old, new.opened, rules)
        and relation(old.measure, new.measure, measures) == same_way
        and agree(old.slice, new.slice, homes)
        and _in_time(old, new, measures, rules)
    )


def _is_alive(alert: Alert, day: dt.date, rules: Rules) -> bool:
    """Whether an alert is active, or was resolved so shortly before that it might yet come back."""
    gone = alert.resolved or day
    return alert.state in ACTIVE or (day - gone).days <= rules.period_days * rules.calm_periods


def relation(one: str, other: str, measures: Mapping[str, Measure]) -> int:
    """Returns how two measures move when they tell one story: 1 together, -1 against each other; 0 if unrelated."""
    if one not in measures or other not in measures:
        return int(one == other)  # totals that no config describes
    first, second = measures[one], measures[other]
    if one == other:
        return 1
    if "stock" in (first.kind, second.kind):
        stock, beside = (first, second) if first.kind == "stock" else (second, first)
        return _with_a_stock(stock, beside)
    leads = _leads_to(first, second) or _leads_to(second, first)
    return int(first.event == second.event or leads or _are_neighbours(first, second, measures))


def overlap(one: Measure, other: Measure) -> bool:
    """Returns whether two measures count some of the same events, so that figures of one say something of the other.

    A flow and the shares of it do, a stock and what fills or empties it, and a measure itself in another slice.
    """
    events = [{m.event, m.opens, m.closes} - {None} for m in (one, other)]
    return one == other or bool(events[0] & events[1])


def _with_a_stock(stock: Measure, other: Measure) -> int:
    if other.kind == "stock":
        return int((stock.opens, stock.closes) == (other.opens, other.closes))
    if other.kind == "share":
        return 0
    fills = other.event == stock.opens and not stock.open_at_least_days  # those who start now are in it much later
    return int(fills) - int(other.event == stock.closes)


def _leads_to(share: Measure, flow: Measure) -> bool:
    """Whether a share says how many of its events are followed by those that a flow counts."""
    return flow.kind == "flow" and any(condition.followed_by == flow.event for condition in share.counted_if)


def _are_neighbours(one: Measure, other: Measure, measures: Mapping[str, Measure]) -> bool:
    """Whether two flows count one stage of the pathway and the next that is counted at all."""
    stages = [kind for kind in stages_of(measures) if kind in PATHWAY]
    if not (one.kind == other.kind == "flow" and {one.event, other.event} <= set(stages)):
        return False
    return abs(stages.index(str(one.event)) - stages.index(str(other.event))) == 1


def _place(measure: Measure | None) -> int:
    """How far along the pathway a measure stands: stocks last, and first what is no stage of it, such as ends."""
    if measure is None or measure.kind == "stock":
        return len(PATHWAY)
    return PATHWAY.index(measure.event) if measure.event in PATHWAY else 0


def _in_time(old: Alert, new: Alert, measures: Mapping[str, Measure], rules: Rules) -> bool:
    places = [_place(measures.get(alert.measure)) for alert in (old, new)]
    if places[0] == places[1]:
        return abs(old.onset - new.onset) <= LATER
    up, down = (old, new) if places[0] < places[1] else (new, old)
    earlier = max(EARLIER, dt.timedelta(rules.period_days))  # onsets are found to the period
    return -earlier <= down.onset - up.onset <= LATER


def agree(one: Slice, other: Slice, homes: Mapping[str, str]) -> bool:
    """Returns whether two slices may be about the same children: one is the whole council, or nothing sets them apart.

    Different councils never agree. A team goes with its locality where `homes` knows it.
    """
    first, second = dict(one), dict(other)
    if first.pop(COUNCIL, None) != second.pop(COUNCIL, None):
        return False
    first, second = _at_home(first, homes), _at_home(second, homes)
    return all(first[dimension] == second[dimension] for dimension in first.keys() & second.keys())


def _at_home(where: dict[str, str], homes: Mapping[str, str]) -> dict[str, str]:
    home = homes.get(where.get("team", ""))
    return {"locality": home, **where} if home else where


def homes_of(events: Events | None) -> dict[str, str]:
    """Returns of each team the locality that nearly all of its events are in; none where events do not say."""
    if events is None or not {"team", "locality"} <= events.places.keys():
        return {}
    (teams, team), (localities, locality) = events.places["team"], events.places["locality"]
    unknown = [i for i, label in enumerate(localities) if label == NOT_RECORDED]
    cells = np.bincount(team * len(localities) + locality, minlength=len(teams) * len(localities))
    table = cells.reshape(len(teams), len(localities))
    table[:, unknown] = 0
    most = table.max(axis=1, initial=0)
    sure = (most > 0) & (most >= AT_HOME * table.sum(axis=1))
    return {teams[i]: localities[table[i].argmax()] for i in np.flatnonzero(sure)}
