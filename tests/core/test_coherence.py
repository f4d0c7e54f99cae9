from __future__ import annotations

import datetime as dt
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import overdispersed, panel, slice_key

from forecaster.coherence import (
    REST,
    breakdowns,
    coherent_draws,
    correlations,
    is_rest,
    reconciled,
    usual,
    with_rests,
)
from forecaster.paths import marginals, normal_paths, quantiles_of, wandering_level
from forecaster.types import QUANTILES, Floats, SeriesKey, Slice

N, H = 200, 4
LINKED = wandering_level(0.2, 0.05, H)
TINY_KEYS = (SeriesKey("r"), slice_key("r", "team", "A"), slice_key("r", "team", "B"), slice_key("r", "team", REST))
Keys = list[SeriesKey]


def by_hand(*paths: list[float]) -> list[list[float]]:
    """Reconciles the council, A, B and the rest, two draws of one period each."""
    return reconciled(np.array(paths)[:, :, None], TINY_KEYS)[..., 0].tolist()


def keys_of(sizes: dict[str, int], councils: tuple[Slice, ...] = ((),), measure: str = "r") -> Keys:
    """A council and its breakdowns with so many watched slices each, and their rests."""
    out = []
    for council in councils:
        names = [(dimension, name) for dimension, n in sizes.items() for name in (*map(str, range(n)), REST)]
        out += [SeriesKey(measure, council), *(SeriesKey(measure, (*council, pair)) for pair in names)]
    return out


def random_forecast(seed: int, keys: Keys, horizon: int = H) -> Floats:
    """Quantiles that need not be near to adding up; some series are rare, some nothing at all."""
    rng = np.random.default_rng(seed)
    level = rng.choice([0.0, 0.3, 3.0, 40.0], (len(keys), 1, 1))
    return np.round(np.sort(rng.gamma(2, 1, (len(keys), horizon, len(QUANTILES))) * level, axis=-1))


def add_up(draws: Floats, keys: Keys) -> bool:
    return all(np.array_equal(draws[list(one.parts)].sum(0), draws[one.whole]) for one in breakdowns(keys))


def keeps_its_forecast(draws: Floats, values: Floats) -> bool:
    return np.array_equal(np.sort(draws, axis=1), np.rint(marginals(values, draws.shape[1])).swapaxes(1, 2))


def made_of(parts: Floats) -> Floats:
    """The council's draws and those of its parts."""
    return np.concatenate([parts.sum(0, keepdims=True), parts])


def quantiles_around(draws: Floats) -> Floats:
    return np.moveaxis(np.quantile(draws, QUANTILES, axis=1), 0, -1)


def test_what_is_missing_goes_to_the_slice_that_makes_the_sum_vary() -> None:
    found = by_hand([7, 11], [2, 6], [4, 4], [0, 0])
    assert found == [[7, 11], [3, 7], [4, 4], [0, 0]]


def test_what_is_missing_is_shared_by_spread() -> None:
    """A varies by 3 either way and B by 1, so that of the 4 that are missing A takes three and B one."""
    found = by_hand([20, 28], [7, 13], [9, 11], [0, 0])
    assert found == [[20, 28], [10, 16], [10, 12], [0, 0]]


def test_the_largest_remainder_is_rounded_up() -> None:
    assert by_hand([4, 10], [1.3, 3.3], [1.2, 3.2], [1.5, 3.5]) == [[4, 10], [1, 3], [1, 3], [2, 4]]


def test_a_slice_that_would_fall_below_zero_is_zero_and_the_others_take_its_part() -> None:
    """6 too many, evenly: A has but 1 to give, so B and the rest give two and a half each, and one is rounded up."""
    found = by_hand([9, 24], [1, 5], [6, 10], [8, 12])
    assert [row[0] for row in found] in ([9, 0, 4, 5], [9, 0, 3, 6])
    assert sum(row[1] for row in found[1:]) == 24


def test_a_council_of_nothing_has_slices_of_nothing() -> None:
    assert by_hand([0, 0.4], [1, 5], [6, 10], [8, 12]) == [[0, 0]] * 4


def test_a_council_below_zero_is_nothing() -> None:
    assert by_hand([-3, 2], [1, 1], [0, 1], [0, 0])[0] == [0, 2]


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.dictionaries(st.sampled_from(["team", "locality", "source"]), st.integers(1, 6), max_size=3),
    st.sampled_from([((),), ((("council", "X"),), (("council", "Y"),))]),
)
def test_every_path_adds_up_in_whole_numbers_that_are_not_negative(
    seed: int, sizes: dict[str, int], councils: tuple[Slice, ...]
) -> None:
    keys = keys_of(sizes, councils)
    found = coherent_draws(random_forecast(seed, keys), keys, LINKED, 50, seed)
    assert len(breakdowns(keys)) == len(sizes) * len(councils)
    assert add_up(found, keys)
    assert np.array_equal(found, np.rint(found))
    assert (found >= 0).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.floats(0.01, 100))
def test_any_draws_at_all_are_reconciled_and_what_adds_up_is_left_alone(seed: int, scale: float) -> None:
    keys = keys_of({"team": 4, "locality": 2})
    draws = np.random.default_rng(seed).standard_cauchy((len(keys), 30, H)) * scale
    found = reconciled(np.clip(draws, -1e6, 1e6), keys)
    assert add_up(found, keys)
    assert (found >= 0).all()
    assert np.array_equal(reconciled(found, keys), found)


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.permutations(range(10)))
def test_the_order_of_the_series_changes_nothing(seed: int, order: list[int]) -> None:
    keys = keys_of({"team": 4, "locality": 3})
    values = random_forecast(seed, keys)
    mixed = coherent_draws(values[order], [keys[row] for row in order], LINKED, 50, seed)
    assert np.array_equal(mixed, coherent_draws(values, keys, LINKED, 50, seed)[order])


def test_another_measure_or_council_changes_nothing() -> None:
    keys = keys_of({"team": 3})
    others = [*keys_of({"team": 2}, measure="a"), *keys_of({"team": 2}, ((("council", "X"),),))]
    values = random_forecast(3, [*others, *keys])
    alone = coherent_draws(values[len(others) :], keys, LINKED, N, 3)
    assert np.array_equal(coherent_draws(values, [*others, *keys], LINKED, N, 3)[len(others) :], alone)


def test_the_same_seed_gives_the_same_paths_and_another_one_others() -> None:
    keys = keys_of({"team": 3})
    values = random_forecast(2, keys) + 5
    one, same, other = (coherent_draws(values, keys, LINKED, N, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(5))
def test_the_council_keeps_its_forecast_whatever_its_slices_say(seed: int) -> None:
    keys = keys_of({"team": 5, "locality": 3})
    values = random_forecast(seed, keys)
    assert keeps_its_forecast(coherent_draws(values, keys, LINKED, N, seed)[:1], values[:1])


def agreeing(seed: int, shared: float) -> tuple[Keys, Floats, Floats]:
    """Six teams, two localities of them and the council, whose weeks share a part: true quantiles and a sample."""
    rng = np.random.default_rng(seed)
    common = rng.gamma(1 / shared**2, shared**2, (1, 20000, H))
    teams = rng.poisson(np.array([3.0, 5, 8, 8, 12, 20])[:, None, None] * common)
    places = np.stack([teams[::2].sum(0), teams[1::2].sum(0)])
    zero = np.zeros((1, 20000, H))
    keys = keys_of({"team": 6, "locality": 2})
    truth = np.concatenate([made_of(teams), zero, places, zero])
    return keys, quantiles_around(truth), truth


@pytest.mark.parametrize("shared", [0.05, 0.2, 0.4])
def test_slices_keep_their_forecasts_where_these_agree(shared: float) -> None:
    keys, values, _ = agreeing(1, shared)
    found = quantiles_of(coherent_draws(values, keys, LINKED, 1000, 1))
    assert np.abs(found - values).max() <= 2
    assert np.abs(found - values).mean() < 0.25


@pytest.mark.parametrize("shared", [0.05, 0.2, 0.4])
def test_slices_move_together_as_much_as_the_council_shows_that_they_do(shared: float) -> None:
    """The sum of three teams, which nobody forecast, is as spread out as it truly is."""
    keys, values, truth = agreeing(2, shared)
    found = coherent_draws(values, keys, LINKED, 1000, 2)
    assert found[3:6].sum(0).std(0) == pytest.approx(truth[3:6].sum(0).std(0), rel=0.1)
    together = [np.corrcoef(paths[5, :, 0], paths[6, :, 0])[0, 1] for paths in (found, truth)]
    assert together[0] == pytest.approx(together[1], abs=0.12)


def test_paths_of_slices_are_as_dependent_over_time_as_asked() -> None:
    keys, values, _ = agreeing(3, 0.2)
    correlation = wandering_level(1.0, 0.2, H)
    found = coherent_draws(values, keys, correlation, 1000, 3)
    for row in (0, 5, 6, 8):
        assert np.corrcoef(found[row].T) == pytest.approx(correlation, abs=0.1)


def test_a_council_is_covered_as_before_and_its_slices_too() -> None:
    keys, values, truth = agreeing(4, 0.2)
    came = truth[:, :300]
    after = quantiles_of(coherent_draws(values, keys, LINKED, N, 4))
    before, now = (((came >= v[:, None, :, 0]) & (came <= v[:, None, :, -1])).mean((1, 2)) for v in (values, after))
    assert now[0] >= before[0] - 0.01
    assert now == pytest.approx(before, abs=0.03)


def test_a_breakdown_without_its_rest_need_not_add_up() -> None:
    keys = [SeriesKey("r"), slice_key("r", "team", "A"), slice_key("r", "team", "B")]
    values = random_forecast(5, keys) + np.array([0, 30, 50])[:, None, None]
    assert breakdowns(keys) == []
    assert keeps_its_forecast(coherent_draws(values, keys, LINKED, N, 5), values)


def test_councils_and_measures_do_not_mix() -> None:
    councils: tuple[Slice, ...] = ((("council", "X"),), (("council", "Y"),))
    keys = [SeriesKey("r"), *keys_of({"team": 2}, councils), *keys_of({"team": 2}, measure="s")]
    sums = {str(keys[one.whole]): sorted(str(keys[row]) for row in one.parts) for one in breakdowns(keys)}
    assert sums == {
        "r council=X": ["r council=X team=(rest)", "r council=X team=0", "r council=X team=1"],
        "r council=Y": ["r council=Y team=(rest)", "r council=Y team=0", "r council=Y team=1"],
        "s": ["s team=(rest)", "s team=0", "s team=1"],
    }


def test_teams_of_a_locality_add_up_to_it_and_localities_to_the_council() -> None:
    north, south = (("locality", "North"),), (("locality", "South"),)
    inner = [SeriesKey("r", (*where, ("team", name))) for where, name in product((north, south), ("1", "2", REST))]
    keys = [SeriesKey("r"), SeriesKey("r", north), SeriesKey("r", south), slice_key("r", "locality", REST), *inner]
    found = coherent_draws(random_forecast(6, keys), keys, LINKED, N, 6)
    assert [keys[one.whole].slice for one in breakdowns(keys)] == [(), north, south]
    assert add_up(found, keys)


def test_the_rest_is_what_is_in_no_watched_slice() -> None:
    rng = np.random.default_rng(7)
    watched, others = rng.poisson(10, (2, 60)), rng.poisson(2, 60)
    keys = [SeriesKey("r"), slice_key("r", "team", "A"), slice_key("r", "team", "B")]
    found = with_rests(panel(np.vstack([watched.sum(0) + others, watched]), keys=keys))
    assert found.keys == (*keys, slice_key("r", "team", REST))
    assert np.array_equal(found.count[-1], others)
    assert np.array_equal(found.capped[-1], others)
    assert [is_rest(key) for key in found.keys] == [False, False, False, True]
    assert found.kinds == ("flow",) * 4


def test_the_rest_is_missing_where_any_part_is() -> None:
    counts = np.array([[10.0, 10, np.nan, 10], [4, np.nan, 4, 4]])
    found = with_rests(panel(counts, keys=[SeriesKey("r"), slice_key("r", "team", "A")]))
    assert found.count[2] == pytest.approx([6, np.nan, np.nan, 6], nan_ok=True)


def test_slices_that_overlap_have_no_rest_but_a_few_corrections_are_no_overlap() -> None:
    keys = [SeriesKey("r"), slice_key("r", "source", "A"), slice_key("r", "source", "B"), slice_key("r", "team", "1")]
    counts = np.full((4, 100), 10.0)
    counts[3, 0] = 11  # one child counted in a team, and not in the council
    found = with_rests(panel(counts, keys=keys))
    assert [str(key) for key in found.keys if is_rest(key)] == ["r team=(rest)"]
    assert (found.count[-1] == 0).all()


def test_shares_and_slices_of_no_whole_have_no_rest() -> None:
    keys = [SeriesKey("r"), slice_key("r", "team", "A"), slice_key("s", "team", "A")]
    found = with_rests(panel(np.ones((3, 20)), ("share", "share", "stock"), of=np.full((3, 20), 4.0), keys=keys))
    assert found.keys == (keys[2],)


def test_councils_are_no_breakdown_of_what_they_sum_to() -> None:
    x = ("council", "X")
    keys = [SeriesKey("r"), SeriesKey("r", (x,)), SeriesKey("r", (x, ("team", "A")))]
    found = with_rests(panel(np.array([[9.0] * 20, [5.0] * 20, [2.0] * 20]), keys=keys))
    assert found.keys == (*keys, SeriesKey("r", (x, ("team", REST))))
    assert (found.count[-1] == 3).all()


def test_a_rest_that_cannot_be_forecast_is_as_in_the_last_year() -> None:
    counts = np.vstack([np.zeros(104), np.repeat([50.0, 2.0], 52), np.full(104, np.nan)])
    found = usual(panel(counts), H)
    assert found.shape == (3, H, len(QUANTILES))
    assert (found == np.array([0, 2, 0])[:, None, None]).all()
    yearly = usual(panel(np.arange(24.0), step="month", first=dt.date(2020, 4, 1)), H)
    assert yearly[0, 0, QUANTILES.index(0.5)] == 17.5


def test_a_rest_of_nothing_stays_nothing_in_every_path() -> None:
    rng = np.random.default_rng(8)
    teams = overdispersed(rng, 6.0, 2.0, (3, 120))
    keys = [SeriesKey("r"), *(slice_key("r", "team", name) for name in "ABC")]
    whole = with_rests(panel(made_of(teams), keys=keys))
    found = coherent_draws(usual(whole, H), whole.keys, LINKED, N, 8)
    assert (found[-1] == 0).all()
    assert np.array_equal(found[1:4].sum(0), found[0])


def test_councils_learn_the_dependence_of_their_errors_apart_from_slices() -> None:
    keys = [*keys_of({"team": 3}), SeriesKey("s", (("council", "X"),))]
    strong, weak = wandering_level(5.0, 0.0, H), wandering_level(0.0, 0.0, H)
    council = np.array([not key.slice or key.slice[0][0] == "council" for key in keys])
    scores = np.where(council[:, None, None], normal_paths(6, strong, 300, 9), normal_paths(6, weak, 300, 10))
    found = correlations(scores, keys)
    assert found[0] == pytest.approx(strong, abs=0.1)
    assert found[1] == pytest.approx(weak, abs=0.1)
    assert np.array_equal(found[-1], found[0])


def test_a_slice_is_a_part_of_its_council_wherever_the_council_s_name_stands() -> None:
    """Breakdowns are in the order of their names, so that a category stands before the council it is in."""
    hull, neglect = ("council", "Hull"), ("category", "Neglect")
    keys = [SeriesKey("r", where) for where in ((hull,), (neglect, hull))]
    some = with_rests(panel([[9.0] * 60, [4.0] * 60], keys=keys))
    assert some.keys[2:] == (SeriesKey("r", (hull, ("category", REST))),)
    assert some.count[2].tolist() == [5.0] * 60
