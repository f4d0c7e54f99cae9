from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.explain.concentration import Parts, Table, dispersion, evidence, parts
from forecaster.types import Floats

ONE, TWO = np.array([1]), np.array([2])
COUNTS = st.lists(st.integers(1, 200), min_size=2, max_size=8)


def flat(size: int) -> Floats:
    return np.full(size, 1 / size)


def table(now: Floats, kind: str = "flow", base: Floats | None = None) -> Table:
    return Table(kind, now, now if base is None else base)  # type: ignore[arg-type]


def test_the_evidence_is_kulldorff_s_log_likelihood_ratio() -> None:
    """10 of 10 came to a slice that usually has half of them: 10 log(10 / 5) and nothing elsewhere."""
    found = evidence(np.array([10.0, 0.0]), flat(2), np.ones(2))
    assert found == pytest.approx([10 * np.log(2), -10 * np.log(2)])


@given(COUNTS)
def test_slices_at_their_usual_part_are_no_evidence_however_large_they_are(counts: list[int]) -> None:
    now = np.array(counts, float)
    assert evidence(3 * now, now / now.sum(), np.ones(len(now))) == pytest.approx(np.zeros(len(now)), abs=1e-9)


@given(COUNTS, st.integers(1, 100))
def test_more_than_the_usual_part_is_evidence_for_a_slice_and_against_the_others(counts: list[int], more: int) -> None:
    usual = np.array(counts, float)
    now = usual.copy()
    now[0] += more
    found = evidence(now, usual / usual.sum(), np.ones(len(now)))
    assert found[0] > 0
    assert (found[1:] <= 0).all()


@given(COUNTS, st.floats(1.1, 9))
def test_evidence_is_divided_by_the_dispersion(counts: list[int], spread: float) -> None:
    now, usual = np.array(counts, float), flat(len(counts))
    plain, wide = (evidence(now, usual, np.full(len(now), s)) for s in (1.0, spread))
    assert wide * spread == pytest.approx(plain)


def test_the_smallest_slice_that_has_all_of_the_excess_has_most_evidence() -> None:
    """40 more in a team that usually has 10 of 100; its locality has 30, and the council's other half none of it."""
    team = evidence(np.array([50.0, 90.0]), np.array([0.1, 0.9]), np.ones(2))[0]
    locality = evidence(np.array([70.0, 70.0]), np.array([0.3, 0.7]), np.ones(2))[0]
    assert team > locality > 0


def test_nothing_counted_is_no_evidence() -> None:
    assert np.isfinite(evidence(np.zeros(3), flat(3), np.ones(3))).all()


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(["flow", "share", "stock"]))
def test_usual_parts_sum_to_one_and_expected_numbers_to_what_there_was(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    base = rng.poisson(4, (5, 60)).astype(float)
    now = (
        rng.binomial(base.astype(int), 0.4).astype(float) if kind == "share" else rng.poisson(4, (5, 60)).astype(float)
    )
    start = np.array([30, 40, 50])
    found = parts(table(now, kind, base), start, start + 8, 26)
    assert found.usual.sum(axis=0) == pytest.approx(np.ones(3), abs=1e-12)
    assert found.expected.sum(axis=0) == pytest.approx(found.now.sum(axis=0), abs=1e-9)
    if kind != "stock":
        assert found.now[:, 0] == pytest.approx(now[:, 30:38].sum(axis=1))


def test_the_usual_part_is_that_of_the_history_asked_for_and_nothing_later() -> None:
    counts = np.array([[9.0, 1.0, 8.0], [1.0, 1.0, 0.0]])
    assert parts(table(counts), ONE, TWO, 1, 0.0).usual[:, 0] == pytest.approx([0.9, 0.1])
    assert parts(table(counts), TWO, TWO + 1, 2, 0.0).usual[:, 0] == pytest.approx([10 / 12, 2 / 12])


def test_what_never_happened_in_a_slice_is_not_impossible() -> None:
    found = parts(table(np.array([[10.0, 5.0], [0.0, 1.0]])), ONE, TWO, 1)
    assert 0 < found.usual[1, 0] < 0.1


def test_a_share_is_expected_of_the_denominators_of_the_window() -> None:
    """Both had half; the first has three times as many now: three quarters of those that count are its usual part."""
    found = parts(
        table(np.array([[50.0, 15.0], [50.0, 5.0]]), "share", np.array([[100.0, 30.0], [100.0, 10.0]])), ONE, TWO, 1
    )
    assert found.usual[:, 0] == pytest.approx([0.75, 0.25])


def test_a_stock_s_parts_are_its_turnover_and_what_openings_pass_ends_by() -> None:
    moves, turnover = np.array([[0.0, 6.0], [0.0, 0.0]]), np.array([[20.0, 10.0], [20.0, 4.0]])
    found = parts(table(moves, "stock", turnover), ONE, TWO, 1, 0.0)
    assert found.now[:, 0] == pytest.approx([26.0, 20.0])


def draws(seed: int, clump: int) -> Floats:
    """Five slices of equal parts whose events come in groups of so many."""
    rng = np.random.default_rng(seed)
    return clump * rng.multinomial(40 // clump, flat(5), 260).T.astype(float)


def test_independent_events_are_hardly_more_dispersed_than_by_chance() -> None:
    found = np.array([dispersion(table(draws(seed, 1)), 240, 250, 0, "week") for seed in range(8)])
    assert (found >= 1).all()
    assert found.mean() == pytest.approx(1.1, abs=0.15)


def test_events_that_come_in_fours_are_four_times_as_dispersed() -> None:
    found = np.array([dispersion(table(draws(seed, 4)), 240, 250, 0, "week") for seed in range(8)])
    assert found.mean() == pytest.approx(4.2, abs=0.7)


def test_a_slice_of_its_own_season_is_more_dispersed_than_the_others() -> None:
    rng = np.random.default_rng(5)
    mean = np.full((4, 260), 10.0)
    mean[0, np.arange(260) % 52 < 8] = 1.0
    found = dispersion(table(rng.poisson(mean).astype(float)), 240, 248, 0, "week")
    assert found[0] > 2 * found[1:].max()


def test_the_window_itself_says_nothing_of_its_dispersion() -> None:
    counts = draws(9, 1)
    moved = counts.copy()
    moved[0, 240:] += 500
    one, other = (dispersion(table(some), 240, 250, 0, "week") for some in (counts, moved))
    assert one == pytest.approx(other)


def test_without_past_windows_the_dispersion_is_a_cautious_one() -> None:
    assert (dispersion(table(draws(3, 1)), 30, 40, 20, "week") == 2.0).all()


def test_a_share_may_be_less_dispersed_than_counts() -> None:
    rng = np.random.default_rng(4)
    size = rng.poisson(30, (4, 260))
    hits = rng.binomial(size, 0.8).astype(float)
    found = dispersion(table(hits, "share", size.astype(float)), 240, 250, 0, "week")
    assert (found < 0.7).all()
    assert (found >= 0.19).all()


def test_parts_say_what_was_expected() -> None:
    assert Parts(np.array([[3.0], [1.0]]), np.array([[0.5], [0.5]])).expected[:, 0] == pytest.approx([2.0, 2.0])
