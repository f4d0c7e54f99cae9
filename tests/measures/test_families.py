"""Families where the source gives them, and what is expected of them where it does not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from math import comb, factorial
from typing import Any

import numpy as np
import pytest
from event_frames import FIRST, built, council, event, flow, frame, series, share, stock
from hypothesis import given
from hypothesis import strategies as st

from forecaster.measures.families import FEWEST, day_shares, expected_share, families_of, siblings
from forecaster.measures.history import History
from forecaster.types import Floats, Panel

STARTS = flow("plan_start")
MONDAY = 4  # 1970-01-05, in days
YEARS = 3
WORKED = MONDAY + np.array([7 * week + day for week in range(52 * YEARS) for day in range(5)])


def starts(*families: str | None, when: str | dt.date = "2018-01-08", **columns: Any) -> list[dict[str, Any]]:
    """A plan start of each of these families."""
    return [
        event(f"{when}{number}{family}", "plan_start", when, family=family, **columns)
        for number, family in enumerate(families)
    ]


def told(panel: Panel, row: int = 0) -> tuple[list[float], list[float]]:
    assert panel.families is not None and panel.largest is not None
    return panel.families[row].tolist(), panel.largest[row].tolist()


# Where the source gives families


def test_families_are_counted_beside_children() -> None:
    rows = starts("f", "f", "f", "g", "h", "h") + starts("f", "i", when="2018-01-15")
    panel = built(rows, "2018-01-22", STARTS)
    assert council(panel) == [6, 2, 0]
    assert told(panel) == ([3, 2, 0], [3, 1, 0])


def test_a_family_is_counted_in_every_slice_it_has_a_child_in() -> None:
    rows = starts("f", "f", "f", age_band="0-4") + starts("f", "g", age_band="5-9")
    panel = built(rows, "2018-01-08", STARTS)
    assert [series(panel, "age_band", band) for band in ("0-4", "5-9")] == [[3], [2]]
    assert [told(panel, row) for row in range(3)] == [([2], [4]), ([1], [3]), ([2], [1])]


def test_a_share_counts_the_families_of_those_that_count() -> None:
    rows = starts("f", "f", "g", previous_plans=1) + starts("f", "h", "h", "h", previous_plans=0)
    panel = built(rows, "2018-01-08", share("plan_start", {"column": "previous_plans", "at_least": 1}))
    assert (council(panel), panel.of.tolist()) == ([3], [[7]])
    assert told(panel) == ([2], [2])


def test_an_event_without_a_family_is_a_family_of_its_own_where_most_have_one() -> None:
    panel = built(starts(*["f"] * 9, *["g"] * 9, None, ""), "2018-01-08", STARTS)
    assert told(panel) == ([4], [9])
    assert panel.capped.tolist() == [[4]]


def test_families_are_not_known_as_long_as_more_than_a_tenth_have_none() -> None:
    """Of 5 + 20 + 20 events the first week's have none: from then on 40 of 45 (89%) have one, from the next on all."""
    rows = starts(*[None] * 5) + starts(*"abcdefghijklmnopqrst", when="2018-01-15")
    panel = built(rows + starts(*["f"] * 20, when="2018-01-22"), "2018-01-22", STARTS)
    families, largest = told(panel)
    assert np.isnan([families[0], largest[0]]).all()
    assert (families[1:], largest[1:]) == ([20, 1], [1, 20])
    assert panel.capped.tolist() == [[5, 20, 1]]


def test_a_source_that_gives_no_family_tells_of_none() -> None:
    families, largest = told(built(starts(None, None), "2018-01-08", STARTS))
    assert np.isnan(families + largest).all()


def test_a_stock_tells_of_no_families() -> None:
    families, largest = told(built(starts("f", "f"), "2018-01-08", stock()))
    assert np.isnan(families + largest).all()


def test_a_missing_period_has_no_families_either() -> None:
    rows = [*starts("f", when="2018-01-02"), event("a", "plan_end", "2018-01-10")]
    panel = built(rows, "2018-01-08", flow("plan_start", observed_since="plan_end"), first=dt.date(2018, 1, 1))
    families, largest = told(panel)
    assert np.isnan([panel.count[0, 0], families[0], largest[0]]).all()
    assert (families[1], largest[1]) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from([None, "f", "g", "h"]), st.integers(0, 3)), max_size=30))
def test_shares_add_up_to_families(pairs: list[tuple[str | None, int]]) -> None:
    rows = [event(str(n), "plan_start", FIRST, family=family) for n, (family, _) in enumerate(pairs)]
    history, period = History(frame(rows), FIRST), np.array([period for _, period in pairs], np.int64)
    found = families_of(history, np.arange(len(rows)), period)
    named = {pair for pair in pairs if pair[0]}
    assert found.named.sum() == sum(family is not None for family, _ in pairs)
    assert found.share.sum() == pytest.approx(len(named) + (~found.named).sum())
    assert len(found.period) == len({pair for pair in named if pairs.count(pair) > 1})


# Where it does not


def by_summing(size: int, usual: float, siblings: float) -> float:
    """The expected number of families among the children of a day, straight from the chances of 1, 2, ... of them.

    k families: Poisson, whose mean children are `usual`; a geometric size each; k of them are `size` children in
    comb(size - 1, k - 1) ways.
    """
    q = siblings / (2 + siblings)
    chances = [
        (usual * (1 - q)) ** k / factorial(k) * comb(size - 1, k - 1) * (1 - q) ** k * q ** (size - k)
        for k in range(1, size + 1)
    ]
    return sum(k * chance for k, chance in enumerate(chances, 1)) / sum(chances)


@given(st.integers(1, 25), st.floats(0.01, 20), st.floats(0.05, 6))
def test_expected_families_are_those_of_the_distribution(size: int, usual: float, c: float) -> None:
    (found,) = expected_share(np.array([size]), np.array([usual]), c) * size
    assert found == pytest.approx(by_summing(size, usual, c))


@pytest.mark.parametrize(
    ("size", "usual", "families"),
    [(1, 0.2, 1.0), (2, 0.2, 1.07), (3, 0.2, 1.13), (7, 0.2, 1.35), (7, 7.0, 4.12), (14, 7.0, 6.41), (7, 100.0, 6.48)],
)
def test_a_day_of_seven_is_about_one_family_where_few_come_and_several_where_many_do(
    size: int, usual: float, families: float
) -> None:
    """With 1.6 siblings a child, as plan starts have."""
    assert expected_share(np.array([size]), np.array([usual]), 1.6)[0] * size == pytest.approx(families, abs=0.01)


@given(st.integers(1, 40), st.floats(0, 50), st.floats(0, 8))
def test_there_is_at_least_one_family_and_at_most_as_many_as_children(size: int, usual: float, c: float) -> None:
    sizes = np.array([size, size + 1])
    few, more = expected_share(sizes, np.full(2, usual), c) * sizes
    assert 1 - 1e-9 <= few <= size + 1e-9
    assert few <= more + 1e-9


def test_without_siblings_every_event_counts_and_without_anything_usual_a_day_is_one_family() -> None:
    sizes = np.array([1, 3, 200])
    assert expected_share(sizes, np.zeros(3), 0.0).tolist() == [1, 1, 1]
    np.testing.assert_allclose(expected_share(sizes, np.zeros(3), 1.0), 1 / sizes)
    np.testing.assert_allclose(expected_share(sizes, np.full(3, 1e9), 1.0), 1, atol=1e-6)


def come(rng: np.random.Generator, rate: float, chance: float = 0.0, days: Sequence[int] | Floats = WORKED) -> Any:
    """The days of events: families by chance, each of one child and another with some chance, and another, ..."""
    families = rng.poisson(rate, len(days))
    sizes = rng.geometric(1 - chance, families.sum())
    return np.repeat(np.repeat(np.asarray(days), families), sizes), families.sum()


@pytest.mark.parametrize("rate", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("chance", [0.0, 0.3, 0.5])
def test_the_families_of_unknown_siblings_are_found_on_average(rate: float, chance: float) -> None:
    day, families = come(np.random.default_rng(3), rate, chance)
    assert day_shares(day, np.zeros_like(day)).sum() == pytest.approx(families, rel=0.1)


def test_siblings_are_the_company_beyond_the_usual_one() -> None:
    """Two days of three children where one is usual: each has two beside it, one more than usual."""
    assert siblings(np.array([3, 3]), np.array([1.0, 1.0])) == 1
    assert siblings(np.array([1, 1, 4]), np.array([0.5, 0.5, 0.5])) == pytest.approx((4 * 2.5 - 2 * 0.5) / 6)
    assert siblings(np.array([1, 2]), np.array([5.0, 5.0])) == 0


def test_a_pile_of_paper_on_one_day_says_little_of_siblings() -> None:
    day, _ = come(np.random.default_rng(4), 0.4, 0.4)
    others = day[day != WORKED[400]]
    pile = np.append(others, np.repeat(WORKED[400], 300))
    found, without = (day_shares(days, np.zeros_like(days))[: len(others)].sum() for days in (pile, others))
    assert found == pytest.approx(without, rel=0.12)


def test_one_day_of_seven_in_a_team_where_few_come_is_about_one_family() -> None:
    day, _ = come(np.random.default_rng(5), 0.15, 0.4)
    day = np.append(day[day != WORKED[-10]], np.repeat(WORKED[-10], 7))
    assert day_shares(day, np.zeros_like(day))[-7:].sum() < 1.5


def test_a_team_in_which_seven_independent_children_come_every_day_is_not_touched() -> None:
    day, _ = come(np.random.default_rng(6), 7.0)
    assert day_shares(day, np.zeros_like(day)).mean() > 0.97


def test_beside_teams_with_siblings_a_busy_team_weighs_alike_on_all_its_days() -> None:
    """Its days of five to nine keep their proportions, so its weeks rise and fall as they did."""
    rng = np.random.default_rng(7)
    busy, _ = come(rng, 7.0)
    quiet, _ = come(rng, 0.3, 0.45)
    day, place = np.append(busy, quiet), np.repeat([0, 1], [len(busy), len(quiet)])
    found = day_shares(day, place)[: len(busy)]
    size = np.bincount(busy)[busy]
    means = [found[size == n].mean() for n in range(5, 10)]
    assert max(means) / min(means) < 1.25


def test_a_weekly_day_of_conferences_is_usual() -> None:
    """Six families every Wednesday are no siblings, though nobody comes on other days."""
    day, families = come(np.random.default_rng(8), 6.0, days=WORKED[2::5])
    assert day_shares(day, np.zeros_like(day)).sum() == pytest.approx(families, rel=0.06)


def test_places_are_teams_else_localities_else_one() -> None:
    """The same days in one team, in as many teams as children, in localities, and nowhere."""
    day, families = come(np.random.default_rng(9), 0.2, 0.5)
    dates = [dt.date(2015, 1, 5) + dt.timedelta(days=int(d) - MONDAY) for d in day]

    def shares(**columns: list[str | None]) -> float:
        rows = [
            event(str(n), "plan_start", date, **{name: values[n % len(values)] for name, values in columns.items()})
            for n, date in enumerate(dates)
        ]
        history = History(frame(rows), max(dates))
        return float(families_of(history, np.arange(len(rows)), np.zeros(len(rows), np.int64)).share.sum())

    assert shares(team=["North"]) == shares(locality=["North"]) == shares() == pytest.approx(families, rel=0.1)
    assert shares(team=["North"], locality=["a", "b"]) == shares()
    assert shares(team=[str(n) for n in range(20)]) > 0.97 * len(day)
    assert shares(locality=[str(n) for n in range(20)]) > 0.97 * len(day)
    assert shares(team=["North", None], locality=["City", "City"]) == shares(team=["North", "South"])


def test_too_few_events_tell_nothing_of_siblings() -> None:
    day = np.repeat(WORKED[: FEWEST // 3], 3)
    assert len(day) == FEWEST - 1
    assert (day_shares(day, np.zeros_like(day)) == 1).all()
    assert day_shares(np.append(day, WORKED[-1]), np.zeros(FEWEST, np.int64)).sum() < FEWEST / 2


def test_a_new_vintage_hardly_changes_what_older_days_weigh() -> None:
    """Only the siblings an event has on average are learnt anew; what is usual on a day was known before it."""
    day, _ = come(np.random.default_rng(10), 0.3, 0.45)
    then = day < WORKED[-4 * 5]
    first, second = day_shares(day[then], np.zeros(then.sum(), int)), day_shares(day, np.zeros_like(day))[then]
    assert np.abs(first - second).max() < 0.02


@pytest.mark.parametrize("begins", [0, 80], ids=["the source", "a team"])
def test_the_first_half_year_of_a_team_is_compared_with_itself(begins: int) -> None:
    rng = np.random.default_rng(11)
    others, _ = come(rng, 0.5, 0.4)
    first, families = come(rng, 3.0, 0.4, WORKED[5 * begins : 5 * (begins + 26)])
    rest, _ = come(rng, 3.0, 0.4, WORKED[5 * (begins + 26) :])
    day, place = np.concatenate([first, rest, others]), np.repeat([1, 0], [len(first) + len(rest), len(others)])
    assert day_shares(day, place)[: len(first)].sum() == pytest.approx(families, rel=0.15)


def test_a_source_of_a_few_weeks_is_compared_with_those() -> None:
    day, families = come(np.random.default_rng(13), 4.0, 0.4, WORKED[:60])
    assert day_shares(day, np.zeros_like(day)).sum() == pytest.approx(families, rel=0.1)


@given(st.integers(0, 10_000))
def test_the_order_of_events_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    day, _ = come(rng, 0.3, 0.4, WORKED[:200])
    place, order = rng.integers(0, 3, len(day)), rng.permutation(len(day))
    np.testing.assert_allclose(day_shares(day, place)[order], day_shares(day[order], place[order]))


def test_days_before_1970_are_days_too() -> None:
    day, _ = come(np.random.default_rng(12), 0.3, 0.4)
    place = np.zeros_like(day)
    np.testing.assert_allclose(day_shares(day, place), day_shares(day - 7 * 2000, place))
