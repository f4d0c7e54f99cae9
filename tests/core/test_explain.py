from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import by_locality, joined, overdispersed, panel, shares, slice_key

from forecaster.detectors import drift, surge
from forecaster.explain import STANDS_OUT, _adding_up, _count_excess, drivers
from forecaster.types import Driver, Floats, Limits, Panel, Reference, SeriesKey, Signal

MEANS = {"North": 8.0, "South": 10.0, "West": 6.0, "City": 20.0}
T = 208


def council_signal(some: Panel, direction: str = "up", detector: object = surge) -> Signal:
    council = some.select(row for row, key in enumerate(some.keys) if key.is_council)
    found, _ = detector.detect(council, Limits(1.0, 104), Reference())  # type: ignore[attr-defined]
    return next(s for s in found if s.direction == direction)


def names(found: tuple[Driver, ...]) -> list[str]:
    return [driver.name for driver in found]


def test_the_locality_that_moved_is_named_and_no_other() -> None:
    some = by_locality(1, MEANS, {"North": np.full(6, 16)})
    found = drivers(some, council_signal(some))
    assert names(found) == ["locality=North"]
    assert found[0].share == pytest.approx(1.0, abs=0.35)
    assert found[0].value == pytest.approx(96, abs=35)


@pytest.mark.parametrize("where", list(MEANS))
@pytest.mark.parametrize("seed", [2, 3])
def test_the_planted_slice_comes_first_wherever_it_is(where: str, seed: int) -> None:
    some = by_locality(seed, MEANS, {where: np.full(6, 20)})
    assert names(drivers(some, council_signal(some)))[0] == f"locality={where}"


def test_a_large_slice_at_its_usual_share_is_not_named() -> None:
    """City is half the council; it must not be named because North made the whole rise."""
    for seed in range(4, 10):
        some = by_locality(seed, MEANS, {"North": np.full(8, 16)})
        assert "locality=City" not in names(drivers(some, council_signal(some)))


def test_a_rise_everywhere_names_no_single_place() -> None:
    means = dict.fromkeys(("North", "South", "West", "City"), 11.0)
    some = by_locality(11, means, {where: np.full(6, 8) for where in means})
    found = drivers(some, council_signal(some))
    assert len(found) <= 1  # by chance one place may have a little more


def test_two_breakdowns_are_both_explained() -> None:
    some = by_locality(12, MEANS, {"North": np.full(6, 16)})
    rng = np.random.default_rng(13)
    police = rng.binomial(some.count[0].astype(int), 0.3).astype(float)
    police[-6:] = rng.binomial((some.count[0, -6:] - 16).clip(0).astype(int), 0.3) + 16
    sources = panel(
        np.vstack([police, some.count[0] - police]),
        keys=[slice_key("plan_starts", "source", "Police"), slice_key("plan_starts", "source", "Schools")],
    )
    both = joined(some, sources)
    assert set(names(drivers(both, council_signal(both)))) == {"locality=North", "source=Police"}


def test_a_fall_has_drivers_too() -> None:
    some = by_locality(14, {"North": 20.0, "South": 10.0, "West": 10.0})
    count = some.count.copy()
    count[1, -6:] = np.random.default_rng(15).poisson(3, 6)
    count[0] = count[1:].sum(0)
    fallen = replace(some, count=count, capped=count)
    (found,) = drivers(fallen, council_signal(fallen, "down"))
    assert found.name == "locality=North"
    assert found.value < -70
    assert 0 < found.share <= 1


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(list(MEANS)), st.integers(12, 40), st.integers(2, 12))
def test_the_excesses_of_a_breakdown_add_up_to_the_council_s(seed: int, where: str, more: int, weeks: int) -> None:
    """Told of all slices (nothing has to stand out), the values of localities that cover the council are its own."""
    some = by_locality(seed, MEANS, {where: np.full(weeks, more)})
    signal = council_signal(some)
    values = all_values(some, signal)
    assert values[1:].sum() == pytest.approx(signal.total - signal.total_expected, rel=0.02)


def all_values(some: Panel, signal: Signal) -> Floats:
    onset = int(np.searchsorted(some.periods, np.datetime64(signal.onset)))
    excess = _count_excess(some, onset, len(some.periods) - 1)
    return excess.observed - _adding_up(some, excess.expected, onset)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.floats(8, 30), st.integers(2, 10))
def test_every_driver_stands_out_and_has_a_share_of_at_most_one(seed: int, more: float, weeks: int) -> None:
    rng = np.random.default_rng(seed)
    some = by_locality(seed, MEANS, {"North": rng.poisson(more, weeks) + 12, "City": rng.poisson(more, weeks)})
    signal = council_signal(some)
    found = drivers(some, signal)
    for driver in found:
        assert driver.kind == "breakdown"
        assert 0 < driver.share <= 1
        assert driver.value >= STANDS_OUT
        onset = int(np.searchsorted(some.periods, np.datetime64(signal.onset)))
        row = some.row(slice_key("plan_starts", "locality", driver.name.removeprefix("locality=")))
        assert driver.observed == some.count[row, onset:].sum()
    assert len(set(names(found))) == len(found)


def test_at_most_as_many_are_given_as_asked_for() -> None:
    means = {f"P{i}": 4.0 for i in range(6)}
    some = by_locality(16, means, {f"P{i}": np.full(6, 30) for i in range(3)})
    signal = council_signal(some)
    every = drivers(some, signal)
    assert {driver.name for driver in every} == {"locality=P0", "locality=P1", "locality=P2"}
    assert drivers(some, signal, most=2) == every[:2]


def test_a_signal_on_a_slice_names_itself_alone() -> None:
    some = by_locality(17, MEANS, {"West": np.full(5, 20)})
    found, _ = surge.detect(some, Limits(0.001, 104), Reference())
    signal = next(s for s in found if s.key == slice_key("plan_starts", "locality", "West"))
    whole = signal.total - signal.total_expected
    assert drivers(some, signal) == (Driver("breakdown", "locality=West", whole, 1.0, signal.total),)


def test_a_slice_of_two_breakdowns_is_named_by_both() -> None:
    where = (("locality", "North"), ("team", "Team 2"))
    some = by_locality(18, MEANS, {"North": np.full(5, 20)})
    signal = replace(council_signal(some), key=SeriesKey("plan_starts", where))
    assert names(drivers(some, signal)) == ["locality=North, team=Team 2"]


def test_a_signal_against_the_neighbours_names_them() -> None:
    some = by_locality(19, MEANS, {"North": np.full(5, 20)})
    signal = replace(council_signal(some), kind="neighbours", total=310.0, total_expected=250.0)
    assert drivers(some, signal) == (Driver("benchmark", "statistical neighbours", 60.0, 1.0, 310.0),)


def test_other_measures_are_not_drivers() -> None:
    some = by_locality(20, MEANS, {"North": np.full(6, 16)})
    other = by_locality(21, MEANS, {"North": np.full(6, 60)}, measure="referrals")
    both = joined(other, some)
    signal = replace(council_signal(some), key=SeriesKey("plan_starts"))
    assert drivers(both, signal) == drivers(some, signal)


def test_the_order_of_the_series_does_not_matter() -> None:
    some = by_locality(22, MEANS, {"North": np.full(6, 16), "City": np.full(6, 14)})
    signal = council_signal(some)
    shuffled = some.select([3, 0, 4, 2, 1])
    one, other = drivers(some, signal), drivers(shuffled, signal)
    assert names(one) == names(other)
    assert [d.value for d in one] == pytest.approx([d.value for d in other], rel=1e-3)


def test_a_council_without_breakdowns_has_no_drivers() -> None:
    some = by_locality(23, {"North": 20.0}, {"North": np.full(6, 20)}).select([0])
    assert drivers(some, council_signal(some)) == ()


def test_slices_that_do_not_cover_the_council_are_not_blown_up_to_it() -> None:
    """Half the council is in teams too small to watch: what is watched explains its own part only."""
    some = by_locality(24, MEANS, {"North": np.full(6, 30), "City": np.full(6, 30)}).select([0, 1, 2, 3])
    found = drivers(some, council_signal(some))
    (north,) = [driver for driver in found if driver.name == "locality=North"]
    assert north.value == pytest.approx(180, rel=0.2)
    assert north.share == pytest.approx(0.5, abs=0.12)


def test_missing_periods_are_neither_observed_nor_expected() -> None:
    some = by_locality(25, MEANS, {"North": np.full(8, 20)})
    some.count[:, -4] = np.nan
    (north,) = drivers(some, council_signal(some))
    assert north.value == pytest.approx(7 * 20, rel=0.3)


def test_a_stock_s_drivers_are_children_more_than_before() -> None:
    rng = np.random.default_rng(26)
    steps = rng.poisson(2, (3, T)) - rng.poisson(2, (3, T))
    rows = 100.0 + np.cumsum(steps, axis=1)
    rows[1, -10:] += 9 * np.arange(1, 11)
    keys = [SeriesKey("plans_open"), *(slice_key("plans_open", "team", name) for name in ("A", "B", "C"))]
    some = panel(np.vstack([rows.sum(0), rows]), "stock", keys=keys)
    signal = council_signal(some)
    first, *_ = drivers(some, signal)
    assert first.name == "team=B"
    assert first.observed == rows[1, -1]
    assert first.value == pytest.approx(signal.total - signal.total_expected, abs=25)


def test_a_share_s_drivers_are_the_slices_whose_own_share_rose() -> None:
    rng = np.random.default_rng(27)
    truth = np.full((3, T), 0.2)
    truth[0, -20:] = 0.55
    x, n = shares(rng, 3, T, 15.0, truth)
    n[1, -20:] *= 3  # City grows, at its usual share
    x[1, -20:] = rng.binomial(n[1, -20:].astype(int), 0.2)
    keys = [SeriesKey("repeat_plans"), *(slice_key("repeat_plans", "locality", w) for w in ("North", "City", "West"))]
    some = panel(np.vstack([x.sum(0), x]), "share", of=np.vstack([n.sum(0), n]), keys=keys)
    found = drivers(some, council_signal(some, detector=drift))
    assert names(found) == ["locality=North"]
    assert found[0].value == pytest.approx(0.35 * 15 * 20, rel=0.4)


def test_noise_alone_is_seldom_named() -> None:
    """The council's rise is of a seventh slice that is not watched: the six others must mostly stay unnamed."""
    named = 0
    for seed in range(10):
        means = {f"P{i}": 8.0 for i in range(6)}
        some = by_locality(seed, means)
        rest = overdispersed(np.random.default_rng(seed + 100), 8.0, 1.5, (1, T))[0]
        rest[-5:] += 40
        count = some.count.copy()
        count[0] += rest
        moved = replace(some, count=count, capped=count)
        named += len(drivers(moved, council_signal(moved)))
    assert named <= 4  # of 60
