"""Which stage of the pathway a change comes from: more at its beginning, or another share of them going on.

Plan starts are referrals x section 47 enquiries a referral x conferences an enquiry x plans a conference. What was
counted since the onset is held against what was expected, stage by stage, and the change of the last stage is split
exactly (`divisia`). An enquiry leads to a conference weeks later: each stage is counted in a window that is earlier by
the usual lag to the last one, or a surge on its way would look like a fall in conversion.

Parts are told in order of their evidence, not of their size: an alert is raised when a conversion is high by chance as
well, and a conversion of few is told far less well than a volume of many. Evidence weighs how far a part is from none
against its standard deviation by chance: that of the stage's own count, by the dispersion of its baseline; for a
conversion only as far as it is left to chance who of the stage before goes on. Where two are about as evident, volume
comes first: it is what thresholds are applied to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from forecaster.baseline import of_flows
from forecaster.calendar import per_year
from forecaster.explain.common import BREAKDOWNS, COMPARISONS, UNSAID
from forecaster.explain.divisia import parts
from forecaster.types import PATHWAY, Driver, Events, Floats, Ints, Panel, SeriesKey, Signal, Slice

STANDS_OUT = 2.0  # standard deviations beyond which a part is more than noise
LEAST_SHARE = 0.1  # of the excess: a team's part below it is not told
LEAST_EVENTS = 20  # of the last stage in two years, or a team is one of the rest
RECENT_YEARS, USUAL_YEARS = 2, 3  # that tell the size of a team, and its usual share
KNOWN = 0.5  # of a stage's window must have been counted, and of its events have a team
SHRINK = 20.0  # events that the council's own share weighs in a team's
CLUMPING = 2.0  # siblings share an outcome: variance over that of a binomial
NEARLY_ALL, UNEVEN_LAGS = 0.9, 1.2  # a share that goes on; variance that lags add, as no two children have the same
TYPICAL = 0.4  # standard deviation of the log ratio by which a stage that changed has changed
UNSURE = 0.08  # the same of how far off the expected may be where nothing changed
AHEAD = 2.0  # log odds by which a conversion must be ahead of the volume to come before it
LEAST_VOLUME = 0.25  # of the excess that the volume must have to come before a conversion that is not so far ahead
TINY = 1e-9
Series = Mapping[str, Floats]  # counts per period (T, or arrays of such) by label of a breakdown, "" for the whole


@dataclass(frozen=True)
class _Told:
    """A part as a driver. clear: whether it is beyond noise; evidence: log odds that it changed (`Stages.evidence`)."""

    driver: Driver
    clear: bool
    evidence: float


@dataclass(frozen=True)
class Stages:
    """What G groups counted at K stages, what was expected of them, and its dispersion: all G x K."""

    kinds: tuple[str, ...]
    groups: tuple[str, ...]
    observed: Floats
    expected: Floats
    dispersion: Floats

    @property
    def names(self) -> list[str]:
        """The volume of the first stage, then each conversion."""
        return [*self.kinds[:1], *(f"{early} to {late}" for early, late in pairwise(self.kinds))]

    @property
    def parts(self) -> Floats:
        """What each volume and conversion adds to the change of the last stage (G x K)."""
        return parts(self.expected, self.observed)

    @property
    def deviation(self) -> Floats:
        """The standard deviation of each part by chance (G x K)."""
        middle = (self.observed + self.expected) / 2
        going_on = np.clip(middle[:, 1:] / np.maximum(middle[:, :-1], TINY), 0.0, NEARLY_ALL)
        left_to_chance = np.pad(UNEVEN_LAGS * (1 - going_on), ((0, 0), (1, 0)), constant_values=1.0)
        return np.asarray(middle[:, -1:] * np.sqrt(self.dispersion * left_to_chance / np.maximum(middle, TINY)))

    def evidence(self, sign: float) -> Floats:
        """Returns the log odds, from even ones, that each part changed rather than not (G x K).

        sign: 1 up, -1 down; what moved the other way counts as unmoved.

        The approximate Bayes factor of a log ratio that would be 0 but for chance, or is normal about 0 with standard
        deviation TYPICAL (Wakefield 2009, Genetic Epidemiology 33:79, equation 2).
        """
        middle = np.maximum((self.observed[:, -1:] + self.expected[:, -1:]) / 2, TINY)
        ratio = self.parts / middle
        variance = np.square(self.deviation / middle) + UNSURE**2
        reliability = TYPICAL**2 / (TYPICAL**2 + variance)
        moved = np.where(sign * ratio > 0, np.square(ratio) / variance, 0.0)
        return np.asarray((moved * reliability + np.log1p(-reliability)) / 2)


def stage_drivers(panel: Panel, signal: Signal, stages: Mapping[str, str]) -> list[Driver]:
    """Returns what volume and each stage's conversion add to a change of a flow of the pathway, the council's first.

    stages: the flow that counts each kind of event. The values of the first drivers, those without a team, sum to the
    signal's total - total_expected; then come the teams' own whose part is clear and at least LEAST_SHARE of it. The
    first are in order of evidence (`_ordered`), the teams' by share. observed: the count of the volume, or of the later
    stage of a conversion, in its window. For a share it is that share itself against where what it is of came from:
    more of it in teams whose share is usually high. Empty where there is nothing to split, or where it comes to no more
    than that a slice, which no stage before knows, became a larger part of its own.
    """
    if signal.kind in COMPARISONS or signal.total == signal.total_expected:
        return []
    if panel.kinds[panel.row(signal.key)] == "share":
        return _share_drivers(panel, signal, stages)
    split = split_by_stage(panel, signal, stages)
    if split is None:
        return []
    whole, groups = split
    teams = _drivers(groups, signal, _breakdown(panel, signal)) if len(groups.kinds) > 1 else []
    told = [*_ordered(_drivers(whole, signal, "")), *_clear(teams)]
    return [] if told[0].name == whole.names[-1] and _only_last(panel, signal, stages) else told


def split_by_stage(panel: Panel, signal: Signal, stages: Mapping[str, str]) -> tuple[Stages, Stages] | None:
    """Returns the stages of the signal's slice as a whole (G = 1), and those of its teams, which sum to it too.

    The last of the teams is all that is in none of them. None where there are not two stages.
    """
    kinds = _chain(panel, signal, stages)
    windows = _windows(panel, signal, kinds)
    series = _known(panel, [stages[kind] for kind in kinds], signal.key)
    told = [i for i, own in enumerate(series) if own and _is_counted(own[""], windows[i])]
    if len(told) < 2 or told[-1] != len(kinds) - 1:
        return None
    kinds, windows = [kinds[i] for i in told], [windows[i] for i in told]
    whole = np.stack([series[i][""] for i in told])
    dimension = _breakdown(panel, signal)
    tables = [_series(panel, stages[kind], signal.key.slice, dimension) if dimension else {} for kind in kinds]
    labels, counts = _grouped(panel, tables, whole)
    observed, expected, dispersion = _against_baseline(panel, np.concatenate([whole[None], counts]), windows)
    observed[0, -1], expected[0, -1] = signal.total, signal.total_expected
    expected[1:] *= expected[0] / np.maximum(expected[1:].sum(0), TINY)
    first = next((i for i, table in enumerate(tables) if _has_groups(table, whole[i])), len(kinds) - 1)
    return (
        Stages(tuple(kinds), ("",), observed[:1], expected[:1], dispersion[:1]),
        Stages(tuple(kinds[first:]), (*labels, ""), observed[1:, first:], expected[1:, first:], dispersion[1:, first:]),
    )


def _chain(panel: Panel, signal: Signal, stages: Mapping[str, str]) -> list[str]:
    """The stages up to the signal's own that the panel counts, none if it is not one of them."""
    council = signal.key.whole
    kinds = [kind for kind in PATHWAY if replace(council, measure=stages.get(kind, "")) in panel.keys]
    own = [i for i, kind in enumerate(kinds) if stages[kind] == signal.key.measure]
    return kinds[: own[0] + 1] if own else []


def _span(panel: Panel, signal: Signal) -> tuple[int, int]:
    """The positions of the onset and of the newest period of a signal."""
    onset, until = np.searchsorted(panel.periods, np.array([signal.onset, signal.period], "datetime64[D]"))
    return int(onset), int(until)


def _windows(panel: Panel, signal: Signal, kinds: Sequence[str]) -> list[tuple[int, int]]:
    """First and last period of each stage's window: the signal's, earlier by the lags of all later stages."""
    onset, until = _span(panel, signal)
    lags = panel.events.lags if panel.events else {}
    order = [PATHWAY.index(kind) for kind in kinds]
    shifts = [sum(lags.get(late, 0) for late in PATHWAY[at + 1 : order[-1] + 1]) for at in order]
    return [(onset - shift, until - shift) for shift in shifts]


def _known(panel: Panel, measures: Sequence[str], key: SeriesKey) -> list[Series]:
    """The counts of each measure in the slice of a series; of one that only the last of three or more is told of (a
    category), the whole council's before it."""
    own = [_series(panel, measure, key.slice, "") for measure in measures]
    if not _is_last(own):
        return own
    return [*(_series(panel, measure, key.whole.slice, "") for measure in measures[:-1]), own[-1]]


def _is_last(own: Sequence[Series]) -> bool:
    return len(own) > 2 and not any(each and np.nansum(each[""]) > 0 for each in own[:-1])


def _only_last(panel: Panel, signal: Signal, stages: Mapping[str, str]) -> bool:
    """Whether the last conversion is also into the slice, as the stages before are not told of it."""
    measures = [stages[kind] for kind in _chain(panel, signal, stages)]
    return _is_last([_series(panel, measure, signal.key.slice, "") for measure in measures])


def _is_counted(counts: Floats, window: tuple[int, int]) -> bool:
    if window[0] < 0:
        return False
    known = np.isfinite(counts[window[0] : window[1] + 1])
    return bool(known.mean() >= KNOWN and np.nansum(counts) > 0)


def _breakdown(panel: Panel, signal: Signal) -> str:
    """The breakdown that parts are told of: the finest that the measure has, if the signal's slice is not as fine."""
    has = {name for key in panel.keys if key.whole == signal.key.whole for name, _ in key.slice}
    finest = next((name for name in BREAKDOWNS if name in has), "")
    return "" if {finest, BREAKDOWNS[0]} & {name for name, _ in signal.key.slice} else finest


def _series(panel: Panel, measure: str, where: Slice, dimension: str) -> Series:
    """The counts of a measure in a slice, by label of a breakdown; empty where the slice is not known."""
    if panel.events is None or measure not in panel.events.measures:
        return _watched(panel, panel.count, measure, where, dimension)
    known = np.isfinite(panel.count[panel.row(SeriesKey(measure, where).whole)])
    table = _table(panel.events, panel.events.of(measure), where, dimension, len(panel.periods))
    return {label: np.where(known, counts, np.nan) for label, counts in table.items()}


def _watched(panel: Panel, array: Floats, measure: str, where: Slice, dimension: str) -> Series:
    """Rows of the panel by the label of a breakdown."""
    if not dimension:
        key = SeriesKey(measure, where)
        return {"": array[panel.row(key)]} if key in panel.keys else {}
    return {
        key.slice[-1][1]: array[i]
        for i, key in enumerate(panel.keys)
        if key.measure == measure and key.slice[:-1] == where and key.slice and key.slice[-1][0] == dimension
    }


def _table(events: Events, rows: Ints, where: Slice, dimension: str, periods: int) -> Series:
    """How many of these events in a slice there were per period, by label of a breakdown."""
    for name, value in where:
        labels, codes = events.places.get(name, ((), np.zeros(0, np.int64)))
        rows = rows[codes[rows] == labels.index(value)] if value in labels else rows[:0]
    if not dimension:
        return {"": np.bincount(events.period[rows], minlength=periods).astype(np.float64)}
    table = events.table(rows, dimension, periods)
    return dict(zip(events.places[dimension][0], table, strict=True))


def _grouped(panel: Panel, tables: Sequence[Series], whole: Floats) -> tuple[list[str], Floats]:
    """The groups that are large enough, and the counts of each and, last, of all others: G x K x T."""
    recent = slice(-RECENT_YEARS * per_year(panel.step), None)
    large = [name for name, own in tables[-1].items() if name != UNSAID and np.nansum(own[recent]) >= LEAST_EVENTS]
    none = np.zeros(whole.shape[-1])
    own = np.array([[table.get(name, none) for table in tables] for name in large]).reshape(-1, *whole.shape)
    return large, np.concatenate([own, np.maximum(whole - own.sum(0), 0.0)[None]])


def _has_groups(table: Series, whole: Floats) -> bool:
    """Whether most of what a stage counts is known to be of a group."""
    said = sum(float(np.nansum(own)) for name, own in table.items() if name != UNSAID)
    return said >= KNOWN * float(np.nansum(whole))


def _against_baseline(
    panel: Panel, counts: Floats, windows: Sequence[tuple[int, int]]
) -> tuple[Floats, Floats, Floats]:
    """Observed, expected and dispersion of each group and stage (G x K) in the stages' windows."""
    base = of_flows(panel, counts.reshape(-1, counts.shape[-1]))
    observed, expected, dispersion = np.empty((3, *counts.shape[:2]))
    for stage, (onset, until) in enumerate(windows):
        own = counts[:, stage, onset : until + 1]
        mean, spread = (array.reshape(*counts.shape[:2], -1)[:, stage] for array in base.expected_since(onset, until))
        mean = np.where(np.isfinite(own), mean, 0.0)
        observed[:, stage], expected[:, stage] = np.nansum(own, axis=1), mean.sum(1)
        dispersion[:, stage] = (spread * mean).sum(1) / np.maximum(mean.sum(1), TINY)
    return observed, expected, dispersion


def _drivers(stages: Stages, signal: Signal, dimension: str) -> list[_Told]:
    """A driver for each part of each named group (the whole, without a breakdown)."""
    found: list[_Told] = []
    sign = math.copysign(1.0, signal.total - signal.total_expected)
    rows = stages.parts, stages.deviation, stages.observed, stages.evidence(sign)
    for group, *figures in zip(stages.groups, *rows, strict=True):
        where = f", {dimension}={group}" if group else ""
        if group or not dimension:
            found += [_told(name + where, signal, *each) for name, *each in zip(stages.names, *figures, strict=True)]
    return found


def _told(name: str, signal: Signal, value: float, deviation: float, observed: float, evidence: float = 0.0) -> _Told:
    share = min(float(value) / (signal.total - signal.total_expected), 1.0)
    driver = Driver("stage", name, float(value), share, float(observed))
    return _Told(driver, abs(value) >= STANDS_OUT * deviation, float(evidence))


def _ordered(told: Sequence[_Told]) -> list[Driver]:
    """All parts: those about as evident as the best, the volume first and the others by share; then by evidence; last
    those that moved the other way."""
    volume = told[0]
    best = max((each.evidence for each in told if each.driver.share > 0), default=0.0)

    def rank(each: _Told) -> tuple[bool, bool, bool, float]:
        near, with_signal = each.evidence > best - AHEAD, each.driver.share > 0
        first = each is volume and near and each.driver.share >= LEAST_VOLUME
        by_share = near or not with_signal
        return not with_signal, not near, not first, -(_moved(each.driver) if by_share else each.evidence)

    return [each.driver for each in sorted(told, key=rank)]


def _clear(told: Sequence[_Told]) -> list[Driver]:
    """The parts of single groups that moved with the signal, are clear and matter, the largest first."""
    found = [each.driver for each in told if each.clear and each.driver.share >= LEAST_SHARE]
    return sorted(found, key=_moved, reverse=True)


def _moved(driver: Driver) -> float:
    """How far a part moved with the signal: a share says the same, but none is above 1."""
    return math.copysign(driver.value, driver.share)


def _share_drivers(panel: Panel, signal: Signal, stages: Mapping[str, str]) -> list[Driver]:
    """The share itself and, with groups of different usual shares, what their mix adds to it."""
    measure, dimension = signal.key.measure, _breakdown(panel, signal)
    own, volume = _share_names(panel, measure, stages)
    groups = _share_groups(panel, signal, dimension) if dimension else {}
    if not groups or not volume:
        return [Driver("stage", own, signal.total - signal.total_expected, 1.0, signal.total)]
    expected, deviation = _usual(panel, signal, np.stack([*groups.values()]))
    onset, until = _span(panel, signal)
    hits, of = np.nansum(np.stack([*groups.values()])[:, :, onset : until + 1], axis=2).T
    spread = float(np.sqrt(np.square(deviation).sum()))
    whole = [
        _told(own, signal, signal.total - expected.sum(), spread, signal.total),
        _told(volume, signal, expected.sum() - signal.total_expected, spread, of.sum()),
    ]
    each = [
        _told(f"{own}, {dimension}={name}", signal, *figures)
        for name, *figures in zip(groups, hits - expected, deviation, hits, strict=True)
        if name
    ]
    ranked = sorted(whole, key=lambda told: (not told.clear, -_moved(told.driver)))
    return [*(told.driver for told in ranked), *_clear(each)]


def _share_names(panel: Panel, measure: str, stages: Mapping[str, str]) -> tuple[str, str]:
    """What a share is called as a stage, and the event it is a share of ("" where that is not known).

    A share of one stage that leads to a later one, by its name (s47_to_conference), is that conversion.
    """
    of = _event_of(panel, measure, stages)
    kinds = [kind for kind in PATHWAY if kind in stages]
    _, to, goal = measure.rpartition("_to_")
    late = next((kind for kind in kinds[1:] if to and kind.startswith(goal)), "")
    early = of or (kinds[kinds.index(late) - 1] if late else "")
    return (f"{early} to {late}" if late and early != late else measure), early


def _event_of(panel: Panel, measure: str, stages: Mapping[str, str]) -> str:
    """The kind of event whose flow counts the same events as the share is of."""
    counted = panel.events.measures if panel.events else {}
    if measure not in counted:
        return ""
    rows = counted[measure].rows
    return next((k for k, flow in stages.items() if flow in counted and np.array_equal(counted[flow].rows, rows)), "")


def _share_groups(panel: Panel, signal: Signal, dimension: str) -> Series:
    """Numerator and denominator per period (2 x T) of each group, and of all others under ""."""
    measure, where = signal.key.measure, signal.key.slice
    row = panel.row(signal.key)
    whole = np.stack([panel.count[row], panel.of[row]])
    if panel.events is None or measure not in panel.events.measures:
        hits, of = (_watched(panel, array, measure, where, dimension) for array in (panel.count, panel.of))
    else:
        rows = panel.events.measures[measure].rows
        both = (panel.events.of(measure), rows)
        hits, of = (_table(panel.events, some, where, dimension, len(panel.periods)) for some in both)
    known = np.isfinite(whole[0])
    recent = slice(-RECENT_YEARS * per_year(panel.step), None)
    large = [name for name in of if name != UNSAID and np.nansum(of[name][recent]) >= LEAST_EVENTS]
    found = {name: np.where(known, np.stack([hits[name], of[name]]), np.nan) for name in large}
    return found and found | {"": np.maximum(whole - np.nansum([*found.values()], axis=0), 0.0)}


def _usual(panel: Panel, signal: Signal, groups: Floats) -> tuple[Floats, Floats]:
    """What each group's usual share, brought to the expected one as a whole, gives of its denominators since the onset,
    and the standard deviation of that by chance; groups: G x 2 x T."""
    onset, until = _span(panel, signal)
    past = groups[:, :, max(onset - USUAL_YEARS * per_year(panel.step), 0) : onset]
    hits, of = np.nansum(past, axis=2).T
    now = np.nansum(groups[:, 1, onset : until + 1], axis=1)
    usual = (hits + SHRINK * hits.sum() / max(of.sum(), 1.0)) / (of + SHRINK)
    share = signal.total_expected / max(now.sum(), 1.0)
    usual = usual * share * of.sum() / max((usual * of).sum(), TINY)
    doubt = now * np.clip(usual * (1 - usual), 0.0, None) * (1 + now / (of + SHRINK))
    return now * usual, np.sqrt(CLUMPING * doubt)
