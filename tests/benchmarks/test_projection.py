"""Published figures projected: shrunk where there is little to go by, wider with age, and right as often as said."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecaster.benchmarks import load_benchmarks
from forecaster.benchmarks import neighbours as listed
from forecaster.funnel import scale, transform
from forecaster.projection import (
    Outlook,
    chance_above,
    children,
    england,
    exactly,
    latest,
    neighbours,
    one_more,
    published,
    underneath,
    years_after,
)
from forecaster.types import Benchmark, Reference

FOLDER = Path(__file__).parents[2] / "data" / "benchmarks"
HERE = "E00"
NEIGHBOURS = tuple(f"E{i:02}" for i in range(1, 11))
OTHERS = tuple(f"E{i:02}" for i in range(11, 61))


def made(year: int, near: float, nation: float, spread: float = 0.0, unit: str = "share", seed: int = 1) -> Benchmark:
    """A year in which the neighbours' figures lie about `near` and everybody else's about the nation's."""
    rng = np.random.default_rng(seed * 1_000 + year)
    values = {code: near * (1 + spread * rng.normal()) for code in NEIGHBOURS}
    values |= {code: nation * (1 + spread * rng.normal()) for code in (*OTHERS, HERE)}
    return Benchmark(
        "repeat_plans" if unit == "share" else "plan_starts", year, dt.date(year, 10, 31),
        unit,  # type: ignore[arg-type]
        values, dict.fromkeys(values, 400.0 if unit == "share" else 60_000.0), nation,
    )  # fmt: skip


def history(near: Sequence[float], nation: Sequence[float], spread: float = 0.1, first: int = 2015) -> Reference:
    years = [made(first + i, *pair, spread) for i, pair in enumerate(zip(near, nation, strict=True))]
    return Reference(HERE, NEIGHBOURS, tuple(years))


def ahead(reference: Reference, horizon: float = 1.0, noise: bool = True) -> Outlook:
    newest = latest("repeat_plans", reference)
    assert newest is not None
    return neighbours(published(reference, newest), horizon, noise)


def nation_ahead(reference: Reference, horizon: float = 1.0) -> Outlook:
    newest = latest("repeat_plans", reference)
    assert newest is not None
    found = england(published(reference, newest), horizon)
    assert found is not None
    return found


# Where it goes


def test_what_stood_still_is_expected_to_stand_still() -> None:
    still = history([0.2] * 6, [0.2] * 6, spread=0.0)
    assert ahead(still).quantile(0.5) == pytest.approx(0.2, abs=0.001)
    assert nation_ahead(still).quantile(0.5) == pytest.approx(0.2, abs=1e-9)


def test_a_national_rise_goes_on_but_less_than_it_was() -> None:
    rising = [0.14 + 0.01 * i for i in range(6)]
    found = nation_ahead(history(rising, rising)).quantile(0.5)
    assert 0.19 + 0.004 < found < 0.19 + 0.008


def test_a_rise_fades_over_the_years() -> None:
    rising = [0.14 + 0.01 * i for i in range(6)]
    one, two, four = (nation_ahead(history(rising, rising), horizon).quantile(0.5) for horizon in (1, 2, 4))
    assert 0.19 < one < two < four
    assert four - two < two - one + 0.01 * 1.2


def test_the_neighbours_move_with_england() -> None:
    flat, rising = [0.2] * 6, [0.2 + 0.012 * i for i in range(6)]
    with_it, alone = ahead(history(rising, rising)), ahead(history(flat, flat))
    assert with_it.quantile(0.5) - rising[-1] > alone.quantile(0.5) - flat[-1] + 0.003


def test_neighbours_that_are_always_lower_are_expected_to_stay_lower() -> None:
    assert ahead(history([0.15] * 8, [0.2] * 8)).quantile(0.5) == pytest.approx(0.15, abs=0.006)


def test_one_odd_year_is_largely_expected_to_be_undone() -> None:
    odd = ahead(history([0.2] * 7 + [0.26], [0.2] * 8)).quantile(0.5)
    assert 0.205 < odd < 0.245


def test_with_one_year_alone_there_is_an_outlook_and_it_is_wide() -> None:
    one, many = ahead(history([0.2], [0.2])), ahead(history([0.2] * 8, [0.2] * 8))
    assert one.quantile(0.5) == pytest.approx(0.2, abs=0.01)
    assert one.deviation > many.deviation
    assert one.freedom < many.freedom


def test_a_year_that_is_missing_is_bridged() -> None:
    whole = history([0.2, 0.21, 0.2, 0.21], [0.2, 0.205, 0.21, 0.215])
    gap = replace(whole, benchmarks=tuple(b for b in whole.benchmarks if b.year != 2016))
    assert ahead(gap).quantile(0.5) == pytest.approx(ahead(whole).quantile(0.5), abs=0.008)


def test_without_england_the_councils_themselves_are_the_nation() -> None:
    whole = history([0.15] * 6, [0.2] * 6)
    silent = replace(whole, benchmarks=tuple(replace(b, england=float("nan")) for b in whole.benchmarks))
    assert ahead(silent).quantile(0.5) == pytest.approx(ahead(whole).quantile(0.5), abs=0.006)
    newest = latest("repeat_plans", silent)
    assert newest is not None and england(published(silent, newest), 1) is None


def test_a_share_stays_a_share_and_a_rate_stays_above_nothing() -> None:
    assert ahead(history([0.985] * 3, [0.99] * 3)).quantile(0.999) <= 1
    assert ahead(history([0.002] * 3, [0.002] * 3), horizon=30).quantile(0.001) >= 0


# How sure it is


def test_the_older_the_figures_the_wider_the_outlook() -> None:
    reference = history([0.2, 0.21, 0.19, 0.2], [0.2, 0.21, 0.2, 0.21])
    widths = [ahead(reference, horizon).deviation for horizon in (0.0, 0.5, 1.0, 1.6, 3.0)]
    assert widths == sorted(widths)
    assert widths[-1] > 1.2 * widths[0]


def test_what_is_published_is_less_sure_than_what_is_underneath() -> None:
    reference = history([0.2] * 6, [0.2] * 6)
    assert ahead(reference, noise=True).deviation > ahead(reference, noise=False).deviation


def test_councils_that_jump_about_make_the_outlook_wider() -> None:
    calm, wild = (history([0.2] * 6, [0.2] * 6, spread) for spread in (0.05, 0.3))
    assert ahead(wild).deviation > 1.5 * ahead(calm).deviation


def test_a_nation_that_jumps_about_makes_the_outlook_wider() -> None:
    calm, wild = history([0.2] * 6, [0.2] * 6), history([0.2] * 6, [0.17, 0.23, 0.17, 0.23, 0.17, 0.23])
    assert nation_ahead(wild).deviation > 1.5 * nation_ahead(calm).deviation


def test_one_more_council_is_less_sure_than_the_middle_of_its_neighbours_and_a_small_one_least() -> None:
    reference = history([0.2] * 6, [0.2] * 6)
    newest = latest("repeat_plans", reference)
    assert newest is not None
    small, large = (one_more(reference, newest, 1.0, size) for size in (60.0, 6_000.0))
    assert small.deviation > large.deviation > ahead(reference, noise=False).deviation
    assert small.centre == large.centre


# Two figures side by side


outlooks = st.builds(
    Outlook, centre=st.floats(0.2, 0.8), deviation=st.floats(1e-4, 0.2), freedom=st.floats(3, 50), unit=st.just("share")
)


@given(one=outlooks, other=outlooks)
@settings(max_examples=60)
def test_one_of_two_is_above(one: Outlook, other: Outlook) -> None:
    assert chance_above(one, other) + chance_above(other, one) == pytest.approx(1)
    assert 0 <= chance_above(one, other) <= 1
    alike = one.centre == pytest.approx(other.centre, rel=1e-12)
    assert (chance_above(one, other) > 0.5) == (one.centre > other.centre) or alike


@given(outlook=outlooks, levels=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)))
@settings(max_examples=60)
def test_quantiles_grow_with_their_level(outlook: Outlook, levels: tuple[float, float]) -> None:
    low, high = sorted(levels)
    assert 0 <= outlook.quantile(low) <= outlook.quantile(high) <= 1


def test_a_figure_that_is_known_beside_one_that_is_not_is_a_matter_of_the_other_alone() -> None:
    other = Outlook(0.4, 0.05, 8.0, "share")
    known = exactly(0.2, "share")
    assert chance_above(known, other) == pytest.approx(stats.t.cdf((known.centre - 0.4) / 0.05, 8), abs=1e-4)


def test_two_that_are_known_are_compared_as_they_are() -> None:
    assert chance_above(exactly(0.2, "share"), exactly(0.1999, "share")) == pytest.approx(1)


def test_what_is_underneath_a_share_has_twice_the_binomial_variance() -> None:
    """p (1 - p) / n twice over: siblings come together."""
    found = underneath(0.2, 400, "share")
    low, high = (found.quantile(level) for level in (0.5 - 0.3413, 0.5 + 0.3413))
    assert (high - low) / 2 == pytest.approx(np.sqrt(2 * 0.2 * 0.8 / 400), rel=0.01)


@pytest.mark.parametrize(
    ("day", "year", "years"),
    [(dt.date(2016, 3, 31), 2015, 366 / 365.25), (dt.date(2015, 3, 31), 2015, 0), (dt.date(2014, 9, 30), 2015, -0.5)],
)
def test_the_age_of_a_figure_counts_from_its_31_march(day: dt.date, year: int, years: float) -> None:
    assert years_after(day, year) == pytest.approx(years, abs=0.003)


def test_the_children_are_those_of_the_year_or_of_the_newest_known() -> None:
    rates = tuple(made(year, 50.0, 50.0, unit="rate") for year in (2014, 2016))
    shares = made(2015, 0.2, 0.2)
    silent = replace(shares, sizes={})
    known = Reference(HERE, NEIGHBOURS, (*rates, silent))
    assert children(known, rates[0]) == 60_000
    assert children(known, silent) == 60_000
    assert children(Reference(HERE, NEIGHBOURS, (silent,)), silent) == 0


# Right as often as said: every third council of England, each year seen from the years before it alone


@cache
def shipped() -> tuple[Benchmark, ...]:
    return tuple(load_benchmarks(FOLDER, dt.date(2026, 1, 5)))


def inside(measure: str, horizon: int, first: int) -> np.ndarray:
    """Which of the 50, 80 and 95% intervals held the neighbours' median (cases x 3), seen from `first` on."""
    known = {b.year: b for b in shipped() if b.measure == measure}
    with (FOLDER / "statistical_neighbours_2025.csv").open() as stream:
        codes = sorted({row["code"] for row in csv.DictReader(stream)})[::9]
    held = []
    for year in range(first, 2026 - horizon):
        until = tuple(b for b in known.values() if b.year <= year)
        for code in codes if year + horizon in known and year in known else ():
            reference = Reference(code, listed(FOLDER, code), until)
            newest, came = latest(measure, reference), known[year + horizon]
            figures = [came.values[near] for near in reference.neighbours if near in came.values]
            if newest is None or newest.year != year or len(figures) < 5:
                continue
            found = neighbours(published(reference, newest), horizon)
            came_out = float(transform(np.median(figures) / scale(came.unit), came.unit))
            away = abs(came_out - found.centre) / found.deviation
            held.append([away <= stats.t.ppf(0.5 + share / 2, found.freedom) for share in (0.5, 0.8, 0.95)])
    return np.array(held)


@pytest.mark.parametrize("horizon", [1, 2])
def test_intervals_hold_what_they_say_over_all_measures(horizon: int) -> None:
    """Of 33,000 such cases they held 53, 82 and 95% a year ahead, and 54, 83 and 96% two years ahead."""
    measures = sorted({b.measure for b in shipped()})
    held = np.concatenate([inside(measure, horizon, 2014) for measure in measures[::3]]).mean(0)
    assert held == pytest.approx([0.53, 0.82, 0.95], abs=0.06)


def test_intervals_from_two_or_three_years_hold_nearly_what_they_say() -> None:
    held = inside("repeat_plans", 1, 2014)[:51].mean(0)
    assert held[1] > 0.7
    assert held[2] > 0.88
