"""Open plans from who is on a plan: paths that add up, known answers, levers, and bands that hold."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import panel as plain_panel
from made_stays import EAST, LEAST, STOCK, WEST, council, panel_of, stays_of, steady_starts

from forecaster.models.cohort import KINDS, NAME, Levers, Paths, outlook, predict, starts_from_within
from forecaster.types import NEVER, QUANTILES, UNKNOWN, Ask, Floats, Panel, SeriesKey, Slice

H, N = 26, 120
MEDIAN = QUANTILES.index(0.5)


@cache
def ordinary(seed: int = 1) -> Panel:
    return council(seed)


def by_team(starts: Floats, share: float = 0.3, seed: int = 3) -> dict[Slice, Floats]:
    """The starts of the council and of its first team."""
    east = np.random.default_rng(seed).binomial(starts.astype(int), share).astype(float)
    return {(): starts, EAST.slice: east}


def paths(panel: Panel, measure: str = "open", levers: Levers | None = None, seed: int = 1, rate: float = 5.0) -> Paths:
    starts = by_team(steady_starts(panel, N, H, rate))
    return outlook(panel, measure, H, starts, seed, levers or Levers())


def of(found: Paths, key: SeriesKey) -> int:
    return found.keys.index(key)


def test_what_is_open_is_what_was_open_plus_starts_minus_ends_in_every_draw() -> None:
    found, starts = paths(ordinary()), by_team(steady_starts(ordinary(), N, H))
    before = np.concatenate([np.full((N, 1), ordinary().count[0, -1]), found.open[0][:, :-1]], axis=1)
    assert np.array_equal(found.open[0], before + starts[()] - found.left[0])
    assert np.array_equal(found.entered[0], starts[()])


def test_every_slice_enters_as_it_was_forecast_to_start() -> None:
    found, starts = paths(ordinary()), by_team(steady_starts(ordinary(), N, H))
    assert np.array_equal(found.entered[of(found, EAST)], starts[EAST.slice])


def test_the_slices_of_a_breakdown_add_up_to_the_council_in_every_draw() -> None:
    found = paths(ordinary())
    for array in (found.open, found.entered, found.left):
        assert np.array_equal(array[of(found, EAST)] + array[of(found, WEST)], array[of(found, STOCK)])


def test_the_rest_is_what_no_watched_slice_holds() -> None:
    keys = (STOCK, EAST, SeriesKey("open", (("team", "(rest)"),)))
    some = replace(ordinary().select([0, 1, 2]), keys=keys)
    found = paths(some)
    assert np.array_equal(found.open, paths(ordinary()).open)
    assert found.before[2] == ordinary().count[2, -1]


def test_paths_are_whole_numbers_and_never_negative() -> None:
    found = paths(ordinary(), rate=0.2)
    for array in (found.open, found.entered, found.left):
        assert (array >= 0).all()
        assert np.array_equal(array, np.round(array))


def test_before_is_what_the_panel_counts() -> None:
    found = paths(ordinary())
    assert np.array_equal(found.before, ordinary().count[:3, -1])


def test_the_same_seed_gives_the_same_paths_and_another_one_others() -> None:
    one, same, other = paths(ordinary()), paths(ordinary()), paths(ordinary(), seed=2)
    assert np.array_equal(one.open, same.open)
    assert not np.array_equal(one.open, other.open)


def test_the_order_of_the_series_changes_nothing() -> None:
    some = ordinary().select([2, 0, 1])
    one, other = paths(some), paths(ordinary())
    assert np.array_equal(one.open[of(one, EAST)], other.open[of(other, EAST)])


def test_long_stays_are_among_the_open_ones_in_every_draw() -> None:
    everyone, long = paths(ordinary()), paths(ordinary(), "long")
    assert (long.open[0] <= everyone.open[0]).all()
    assert (long.left[0] <= everyone.left[0]).all()


def test_people_who_are_on_a_plan_grow_into_the_stock_of_long_ones() -> None:
    """Forty stays that opened 70 periods ago are long after eight more, those of them that are still open."""
    some = ordinary()
    assert some.stays is not None
    length = len(some.periods)
    opened = np.append(some.stays.opened, np.full(40, length - 70))
    more = panel_of(stays_of(opened, np.append(some.stays.ended, np.full(40, NEVER))), length)
    newly, usual = (outlook(p, "long", 12, {(): np.zeros((N, 12))}, 1).entered[0].mean(0) for p in (more, some))
    assert (newly - usual).argmax() == LEAST - 70
    assert 5 < (newly - usual)[LEAST - 70] <= 40


def known_ends(lasts: int, length: int = 200) -> Panel:
    """Eight stays open in every period, each lasting exactly so many."""
    opened = np.repeat(np.arange(-lasts, length), 8)
    ended = opened + lasts
    return panel_of(stays_of(opened[ended >= 0], np.where(ended < length, ended, NEVER)[ended >= 0]), length)


def test_where_every_stay_lasts_as_long_the_ends_are_known() -> None:
    """Eight end a period; without new ones the last is gone after as many periods as they last."""
    some = known_ends(10)
    found = outlook(some, "open", 16, {(): np.zeros((N, 16))}, 1)
    assert found.before[0] == 80
    assert np.median(found.open[0], axis=0)[:9] == pytest.approx(80 - 8 * np.arange(1, 10), abs=4)
    assert np.median(found.open[0], axis=0)[-1] <= 2


def test_new_stays_end_when_their_time_has_come() -> None:
    some = known_ends(10)
    starts = np.zeros((N, 16))
    starts[:, 0] = 50
    found, without = (outlook(some, "open", 16, {(): paths}, 1) for paths in (starts, 0 * starts))
    extra = np.median(found.open[0] - without.open[0], axis=0)
    assert extra[8] > 45
    assert extra[13] < 10


@pytest.mark.parametrize("lever", ["starts", "ends"])
def test_a_lever_moves_every_draw_one_way(lever: str) -> None:
    low, base, high = (paths(ordinary(), levers=Levers(**{lever: by})).open[0] for by in (0.5, 1.0, 1.7))
    if lever == "ends":
        low, high = high, low
    assert (low <= base).all() and (base <= high).all()
    assert low.mean() < base.mean() < high.mean()


def test_a_lever_on_starts_multiplies_them() -> None:
    base, more = (paths(ordinary(), levers=Levers(starts=by)).entered[0].sum() for by in (1.0, 1.4))
    assert more == pytest.approx(1.4 * base, rel=0.01)


def test_no_starts_and_no_ends_leave_all_as_it_is() -> None:
    found = paths(ordinary(), levers=Levers(starts=0.0, ends=0.0))
    assert (found.open == found.before[:, None, None]).all()


def test_at_last_years_pace_a_council_that_has_slowed_would_have_fewer_open() -> None:
    slow = council(2, slower=(30, 0))
    now, then = (paths(slow, levers=Levers(ends=by)).open[0, :, -1].mean() for by in (1.0, "last year"))  # type: ignore[arg-type]
    assert then < 0.95 * now


def test_where_nothing_has_changed_last_year_is_like_this_one() -> None:
    last_year: Literal["last year"] = "last year"
    now, then = (paths(ordinary(), levers=lever) for lever in (Levers(), Levers(last_year, last_year)))
    assert then.open[0, :, -1].mean() == pytest.approx(now.open[0, :, -1].mean(), rel=0.15)


def test_an_outlook_needs_stays_and_the_starts_of_the_council() -> None:
    with pytest.raises(ValueError, match="needs the stays"):
        outlook(replace(ordinary(), stays=None), "open", H, {(): np.zeros((1, H))}, 1)
    with pytest.raises(ValueError, match="starts of the council"):
        outlook(ordinary(), "open", H, {EAST.slice: np.zeros((1, H))}, 1)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(-20, 39), st.integers(1, 60), st.integers(0, 1)), min_size=1, max_size=30),
    st.integers(0, 9),
)
def test_whatever_the_stays_every_draw_adds_up(stays: list[tuple[int, int, int]], rate: int) -> None:
    opened, lasts, team = np.array(stays, np.int64).T
    ended = opened + lasts
    kept = ended >= 0
    some = panel_of(stays_of(opened[kept], np.where(ended < 40, ended, NEVER)[kept], team[kept]), 40)
    starts = by_team(np.random.default_rng(rate).poisson(rate, (5, 8)).astype(float))
    for measure in ("open", "long"):
        found = outlook(some, measure, 8, starts, rate)
        assert (found.open >= 0).all() and (found.left >= 0).all()
        if measure == "open":
            assert np.array_equal(found.open[1] + found.open[2], found.open[0])
            assert np.array_equal(found.entered[0], starts[()])


def test_it_says_its_name_and_that_it_is_about_stocks() -> None:
    assert (NAME, KINDS) == ("cohort", ("stock",))


@cache
def predicted(seed: int = 1) -> Floats:
    return predict(ordinary(seed), Ask((200, 230, 260), 13))


def test_a_prediction_has_a_quantile_for_every_stock_origin_and_period() -> None:
    found = predicted()
    assert found.shape == (4, 3, 13, len(QUANTILES))
    assert np.isfinite(found).all()
    assert (found >= 0).all() and (np.diff(found, axis=-1) >= 0).all()
    assert np.array_equal(found, np.round(found))


def test_what_has_no_stays_behind_it_is_left_to_others() -> None:
    some = ordinary()
    others = replace(some, kinds=("flow", "stock", "stock", "stock"))
    assert np.isnan(predict(others, Ask((260,), 4))[0]).all()
    assert np.isnan(predict(replace(some, stays=None), Ask((260,), 4))).all()
    assert np.isnan(predict(plain_panel(np.ones((2, 50))), Ask((50,), 4))).all()


def test_too_few_ends_say_nothing() -> None:
    assert np.isnan(predict(ordinary(), Ask((2,), 4))).all()


def test_a_stock_that_was_not_yet_known_is_not_forecast() -> None:
    some = ordinary()
    count = some.count.copy()
    count[:, :100] = np.nan
    found = predict(replace(some, count=count), Ask((90, 130), 4))
    assert np.isnan(found[:, 0]).all() and np.isfinite(found[:, 1]).all()


def test_a_council_without_anybody_on_a_plan_gets_those_who_start() -> None:
    nobody = np.array([], np.int64)
    found = outlook(panel_of(stays_of(nobody, nobody), 30), "open", 4, {(): np.ones((N, 4))}, 1)
    assert (found.before == 0).all() and (found.open[0] <= np.arange(1, 5)).all()


def test_stays_of_unknown_opening_are_open_until_they_end() -> None:
    some = panel_of(stays_of(np.full(30, UNKNOWN), np.append(np.arange(25), np.full(5, NEVER))), 30)
    found = outlook(some, "open", 4, {(): np.zeros((N, 4))}, 1)
    assert found.before[0] == 5
    assert (np.diff(found.open[0], axis=1) <= 0).all()


def test_new_stays_go_where_stays_opened_of_late() -> None:
    """In the newest year all opened in the second team."""
    some = ordinary()
    assert some.stays is not None
    team = np.where(some.stays.opened >= len(some.periods) - 52, 1, 0)
    moved = panel_of(stays_of(some.stays.opened, some.stays.ended, team), len(some.periods))
    found = outlook(moved, "open", 4, {(): np.full((N, 4), 5.0)}, 1)
    assert found.entered[of(found, EAST)].sum() == 0


def test_a_prediction_knows_nothing_of_what_came_later() -> None:
    """Every stay that was open at the origin ends at once, and many more open."""
    some, origin = ordinary(), 200
    assert some.stays is not None
    ended = np.where(some.stays.ended >= origin, origin, some.stays.ended)
    known = some.stays.opened < origin
    opened = np.concatenate([some.stays.opened[known], np.full(500, origin)])
    team = np.concatenate([some.stays.places["team"][1][known], np.zeros(500, np.int64)])
    other = panel_of(stays_of(opened, np.concatenate([ended[known], np.full(500, NEVER)]), team), 260)
    assert np.array_equal(predict(other, Ask((origin,), 13)), predict(some, Ask((origin,), 13)))


def test_one_step_ahead_the_stock_is_about_where_it_is() -> None:
    assert predicted()[0, 2, 0, MEDIAN] == pytest.approx(ordinary().count[0, -1], abs=12)


def test_starts_from_within_go_on_at_their_level() -> None:
    found = starts_from_within(ordinary(), "open", H, 400, 1)
    assert found.shape == (400, H)
    assert found.mean() == pytest.approx(5.0, rel=0.25)
    assert np.array_equal(found, np.round(found)) and (found >= 0).all()


def test_a_sure_fall_is_foreseen_that_the_level_itself_does_not_show() -> None:
    """Forty plans opened in two periods a year ago end at their reviews: only who is on a plan can tell."""
    some = ordinary()
    assert some.stays is not None
    length = len(some.periods)
    opened = np.concatenate([some.stays.opened, np.full(60, length - 36)])
    stays = stays_of(opened, np.concatenate([some.stays.ended, np.full(60, NEVER)]))
    more, base = (predict(panel_of(s, length), Ask((length,), 8))[0, 0, :, MEDIAN] for s in (stays, some.stays))
    assert (more - base)[0] > 50
    assert (more - base)[-1] < 40


def test_bands_hold_what_comes_where_nothing_changes() -> None:
    inside = []
    for seed in range(20, 28):
        some = council(seed, length=240)
        found = predict(some.select([0]), Ask((175, 201), 26))[0]
        for i, origin in enumerate((175, 201)):
            for ahead in (13, 26):
                y = some.count[0, origin + ahead - 1]
                inside.append(found[i, ahead - 1, 0] <= y <= found[i, ahead - 1, -1])
    assert np.mean(inside) >= 0.84
