"""What every detector promises, whatever its method."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from made_panels import NULLS, missing_before, panel, shares, sibling_shares, spells
from plug_ins import DETECTORS, JUDGES, T, council, covered, name, of_its_kinds, reference

from forecaster.detectors import surge
from forecaster.types import Direction, Floats, Judgement, Limits, NotRun, Panel, Reference, Signal

USUAL, EVERYTHING = Limits(0.01, 104), Limits(1.0, 104)
ARRAYS = ("expected", "lower", "upper", "p_value", "score", "window")
REFERENCE = reference()
BOTH: tuple[Direction, Direction] = ("up", "down")

every_detector = pytest.mark.parametrize("detector", DETECTORS, ids=name)
every_judge = pytest.mark.parametrize("detector", JUDGES, ids=name)


def detect(detector: ModuleType, some: Panel, limits: Limits = USUAL) -> tuple[list[Signal], list[NotRun]]:
    found: tuple[list[Signal], list[NotRun]] = detector.detect(some, limits, REFERENCE)
    return found


def judge(detector: ModuleType, some: Panel, last: int, direction: Direction = "up") -> Judgement:
    judged: Judgement = detector.judge(of_its_kinds(detector, some), last, direction, 104)
    return judged


def moved(some: Panel, factor: float, weeks: int = 20) -> Panel:
    """Every series at another level in its newest weeks (a stock on its way there)."""
    count = some.count.copy()
    path = np.linspace(1, factor, weeks)
    count[:, -weeks:] = np.round(count[:, -weeks:] * np.where(some.is_kind("stock")[:, None], path, factor))
    return replace(some, count=count, capped=count)


def test_the_detectors_of_the_first_version_are_there() -> None:
    assert {name(detector) for detector in DETECTORS} >= {"surge", "drift", "neighbours"}


@every_detector
def test_a_detector_is_called_what_its_file_is_called(detector: ModuleType) -> None:
    assert name(detector) == detector.NAME


@every_detector
def test_every_series_is_judged_or_not_run_never_dropped(detector: ModuleType) -> None:
    """At a limit of one everything that is judged gives a signal, so that what was looked at can be told."""
    some = council()
    count = some.count.copy()
    count[0] = missing_before(count[[0]], T - 30)
    count[2] = 0
    count[4, -1] = np.nan
    count[6] = np.nan
    holes = replace(some, count=count, capped=count)
    for one in (some, holes):
        signals, missed = detect(detector, one, EVERYTHING)
        judged, left_out = {signal.key for signal in signals}, [reason.key for reason in missed]
        assert judged | set(left_out) == covered(detector, one)
        assert not judged & set(left_out)
        assert len(set(left_out)) == len(left_out)


@every_detector
def test_a_reason_says_something_and_who_says_it(detector: ModuleType) -> None:
    _, missed = detect(detector, council().until(30))
    assert {reason.key for reason in missed} == covered(detector, council())
    for reason in missed:
        assert reason.by == detector.NAME
        assert len(reason.reason) > 10


@every_detector
def test_the_same_panel_gives_the_same_numbers(detector: ModuleType) -> None:
    assert detect(detector, council(), EVERYTHING) == detect(detector, council(), EVERYTHING)


@every_detector
def test_the_order_of_the_series_does_not_matter(detector: ModuleType) -> None:
    some = moved(council(), 1.6)
    one = detect(detector, some)[0]
    other = detect(detector, some.select(np.random.default_rng(3).permutation(len(some.keys))))[0]

    def figures(signals: list[Signal]) -> list[tuple[object, ...]]:
        return sorted((s.key, s.direction, s.onset, s.observed, s.total, round(s.expected, 2)) for s in signals)

    assert figures(one) == figures(other)


@every_detector
def test_it_does_not_change_the_panel(detector: ModuleType) -> None:
    some, kept = council(), council()
    detect(detector, some, EVERYTHING)
    assert np.array_equal(some.count, kept.count)
    assert np.array_equal(some.of, kept.of, equal_nan=True)


@every_detector
@pytest.mark.parametrize(("direction", "factor"), [("up", 2.5), ("down", 0.3)])
def test_both_directions_are_found(detector: ModuleType, direction: Direction, factor: float) -> None:
    some = moved(council(), factor, weeks=60 if detector.NAME == "neighbours" else 16)
    signals, _ = detect(detector, some)
    assert {signal.key for signal in signals if signal.direction == direction} == covered(detector, some)


@every_detector
def test_signals_are_within_the_limits_and_their_figures_make_sense(detector: ModuleType) -> None:
    some = moved(council(), 2.0)
    for limits in (Limits(0.2, 104), Limits(1e-4, 104)):
        for signal in detect(detector, some, limits)[0]:
            assert 0 < signal.p_value <= limits.alpha
            assert signal.score == pytest.approx(-np.log10(signal.p_value), abs=1e-6)
            assert signal.kind == detector.NAME
            assert 0 <= signal.lower <= signal.expected <= signal.upper
            assert signal.onset <= signal.period
            assert np.isfinite([signal.observed, signal.total, signal.total_expected]).all()


@every_detector
def test_stricter_limits_never_find_more(detector: ModuleType) -> None:
    some = moved(council(), 1.5)
    found = [{(s.key, s.direction) for s in detect(detector, some, Limits(a, 104))[0]} for a in (0.05, 0.01, 0.001)]
    assert found[0] >= found[1] >= found[2]


@every_detector
def test_a_signal_told_from_an_earlier_onset_keeps_its_evidence(detector: ModuleType) -> None:
    some = moved(council(), 2.0, weeks=6)
    for signal in detect(detector, some)[0]:
        earlier = some.periods[max(int(np.searchsorted(some.periods, np.datetime64(signal.onset))) - 3, 0)]
        told = detector.since(some, signal, earlier.astype(object))
        assert (told.key, told.period, told.direction) == (signal.key, signal.period, signal.direction)
        assert told.p_value == signal.p_value
        if told.onset != signal.onset:
            assert told.onset == earlier.astype(object)
            assert detector.since(some, signal, signal.onset).total == pytest.approx(signal.total)


@every_judge
@pytest.mark.parametrize("direction", BOTH)
def test_what_comes_later_changes_no_earlier_judgement(detector: ModuleType, direction: Direction) -> None:
    some = council()
    cut, last = T - 15, 30
    count = some.count.copy()
    count[:, cut:] = np.random.default_rng(2).integers(0, 500, count[:, cut:].shape)
    of = np.where(np.isfinite(some.of), np.maximum(some.of, count), np.nan)
    other = replace(some, count=count, capped=count, of=of)
    assert_same(judge(detector, some, last, direction), judge(detector, other, last, direction), last - 15)


@every_judge
@pytest.mark.parametrize("direction", BOTH)
def test_a_panel_that_ends_earlier_gives_the_same_judgement(detector: ModuleType, direction: Direction) -> None:
    whole, ended = (
        judge(detector, some, last, direction) for some, last in ((council(), 30), (council().until(T - 12), 18))
    )
    assert_same(whole, ended, 18)


def assert_same(one: Judgement, other: Judgement, periods: int) -> None:
    for array in ARRAYS:
        assert np.array_equal(getattr(one, array)[:, :periods], getattr(other, array)[:, :periods], equal_nan=True)
    assert one.reasons[:, :periods].tolist() == other.reasons[:, :periods].tolist()


@every_judge
def test_a_judgement_has_numbers_where_it_has_no_reason(detector: ModuleType) -> None:
    some = council()
    count = some.count.copy()
    count[0, -5], count[3, -5:], count[6, -8:-2] = np.nan, np.nan, np.nan
    judged = judge(detector, replace(some, count=count, capped=count), T)
    known = judged.reasons == ""
    assert known.any()
    for array in ARRAYS:
        assert np.isfinite(getattr(judged, array)[known]).all()
    assert np.isnan(judged.p_value[~known]).all()
    assert ((judged.p_value[known] > 0) & (judged.p_value[known] <= 1)).all()


@every_judge
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda x: missing_before(x, T - 50), "too little history"),
        (lambda x: np.where(np.arange(T) % 3, x, np.nan), "too little history|too many gaps|no value"),
        (lambda x: np.where((np.arange(T) > T - 30) & (np.arange(T) < T - 2), np.nan, x), "too many gaps"),
        (lambda x: np.full_like(x, 0.0), "constant"),
        (lambda x: np.full_like(x, 4.0), "constant"),
        (lambda x: np.full_like(x, np.nan), "no value"),
    ],
)
def test_what_cannot_be_judged_is_not_run_with_its_reason(detector: ModuleType, spoil: object, reason: str) -> None:
    some = of_its_kinds(detector, council())
    count = spoil(some.count)  # type: ignore[operator]
    signals, missed = detect(detector, replace(some, count=count, capped=count), EVERYTHING)
    assert signals == []
    assert len(missed) == len(some.keys)
    for why in missed:
        assert any(part in why.reason for part in reason.split("|"))


def nulls_of(detector: ModuleType, seed: int = 11) -> dict[str, Panel]:
    """Series in which nothing happens, of the kinds a detector judges."""
    rng = np.random.default_rng(seed)
    made: dict[str, Panel] = {}
    if "flow" in detector.KINDS:
        for kind, make in NULLS.items():
            counts, capped = make(rng, 80, T)
            made[kind] = panel(counts, capped=capped)
    if "stock" in detector.KINDS:
        walk = 250 + np.cumsum(rng.poisson(6, (80, T)) - rng.poisson(6, (80, T)), axis=1)
        made["stock in balance"] = panel(spells(rng, 80, T), "stock")
        made["stock that wanders"] = panel(walk, "stock")
    if "share" in detector.KINDS:
        for mean, share in ((3.0, 0.05), (6.6, 0.2), (65.0, 0.2), (20.0, 0.5)):
            x, n = shares(rng, 80, T, mean, share)
            made[f"share {share} of {mean}"] = panel(x, "share", of=n)
        x, n = sibling_shares(rng, 80, T, 0.18)
        made["share of siblings"] = panel(x, "share", of=n)
    return made


# Alarms a judged week at a limit of 1%. Measured over 17,000 weeks of each kind: surges 1.1 to 2.3% on series of three
# and a half years, and upwards 3.1% on counts below one a week (their scores are skewed; downwards there are next to
# none); drift .0 to .6%, of sibling groups 1.2%. The bounds are what is defensible today, not what is meant.
MOST = {"zero heavy": 0.05}
MOST_OF_ANY = 0.03


@every_judge
@pytest.mark.parametrize("direction", BOTH)
def test_false_alarms_are_about_as_rare_as_the_limit_says(detector: ModuleType, direction: Direction) -> None:
    rates = {}
    for kind, some in nulls_of(detector).items():
        judged = judge(detector, some, 52, direction)
        known = judged.reasons == ""
        assert known.mean() > 0.9
        rates[kind] = float(np.mean(judged.p_value[known] <= 0.01))
    over = {kind: rate for kind, rate in rates.items() if rate > MOST.get(kind, MOST_OF_ANY)}
    assert not over, rates


def test_surges_are_not_kept_rare_by_finding_nothing() -> None:
    """The same limits the other way: an alarm rate far below the limit is power thrown away."""
    for kind, some in nulls_of(surge).items():
        if kind != "zero heavy":
            judged = judge(surge, some, 52)
            assert np.mean(judged.p_value <= 0.1) > 0.05, kind


def test_one_huge_value_alarms_at_once_and_the_next_weeks_do_not() -> None:
    counts, _ = NULLS["overdispersed"](np.random.default_rng(12), 30, T)
    counts[:, -7] = 6 * counts.mean(1) + 30
    judged = judge(surge, panel(counts), 7)
    assert (judged.p_value[:, 0] <= 0.001).all()
    assert (judged.p_value[:, 1:] <= 0.001).mean() < 0.03


def test_no_reference_is_a_reason_and_not_a_silence() -> None:
    some = council()
    for detector in DETECTORS:
        if not hasattr(detector, "judge"):
            signals, missed = detector.detect(some, EVERYTHING, Reference())
            assert signals == []
            assert {reason.key for reason in missed} == covered(detector, some)


@every_detector
def test_a_panel_without_series_gives_nothing_and_no_error(detector: ModuleType) -> None:
    nothing = council().select([])
    assert detector.detect(nothing, USUAL, Reference()) == ([], [])


@every_judge
def test_a_level_ten_times_as_high_is_judged_alike(detector: ModuleType) -> None:
    """Not one scale only: rare and common events of the same relative noise give about as many alarms."""
    rates: list[Floats] = []
    for scale in (1, 10):
        rng = np.random.default_rng(13)
        kind = detector.KINDS[0]
        of = rng.poisson(20 * scale, (60, T)).astype(float)
        counts = rng.binomial(of.astype(int), 0.3) if kind == "share" else rng.poisson(8 * scale, (60, T))
        some = panel(counts, kind, of=of if kind == "share" else None)
        rates.append(np.mean(judge(detector, some, 40).p_value <= 0.05))
    assert rates[0] == pytest.approx(rates[1], abs=0.03)
