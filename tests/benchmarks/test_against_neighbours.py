"""The council against its neighbours: an overdispersed funnel that agrees with R's and holds its false-alarm rate."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.detectors.neighbours import detect
from forecaster.funnel import WINSORISED, Unit, back, funnel, transform
from forecaster.standing import standings
from forecaster.types import Benchmark, Kind, Limits, NotRun, Panel, Reference, SeriesKey, Signal

HERE = "E00"
NEIGHBOURS = tuple(f"E{i:02}" for i in range(1, 11))
LIMITS = Limits(alpha=0.01, min_history=104)
CHILDREN = 40_000.0
START_RATES = (41.0, 44.0, 47.0, 49.0, 50.0, 51.0, 53.0, 55.0, 57.0, 60.0)
REPEAT_SHARES = (0.17, 0.19, 0.20, 0.21, 0.22, 0.22, 0.23, 0.24, 0.25, 0.27)


# The funnel itself, against R (FunnelPlotR's method, arcsine, winsorised at 10%)


def _reference() -> dict[str, np.ndarray]:
    with (Path(__file__).parent / "funnel_proportions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def test_the_funnel_agrees_with_r() -> None:
    known = _reference()
    found = funnel(known["numerator"], known["denominator"], "share")
    assert found.target == pytest.approx(known["target_transformed"][0], rel=1e-12)
    assert found.phi == pytest.approx(2.835538218832, rel=1e-10)
    assert found.tau2 == pytest.approx(0.001379679844085, rel=1e-10)
    assert found.z == pytest.approx(known["adj_z"], abs=1e-10)


def test_the_transformed_shares_agree_with_r() -> None:
    known = _reference()
    assert transform(known["numerator"] / known["denominator"], "share") == pytest.approx(known["Y"], abs=1e-12)


@pytest.mark.parametrize("unit", ["share", "rate"])
@given(value=st.floats(0, 1))
@settings(max_examples=40)
def test_transforming_there_and_back_changes_nothing(unit: Unit, value: float) -> None:
    scale = 1 if unit == "share" else 10_000
    assert float(back(transform(value, unit), unit)) == pytest.approx(scale * value, rel=1e-9, abs=1e-9)


def test_below_nothing_is_nothing_and_a_share_never_passes_one() -> None:
    assert back(-0.3, "rate") == 0
    assert back(-0.3, "share") == 0
    assert back(2.0, "share") == pytest.approx(1)


@pytest.mark.parametrize("unit", ["share", "rate"])
def test_units_that_differ_by_chance_alone_have_hardly_any_spread(unit: Unit) -> None:
    rng = np.random.default_rng(8)
    sizes = rng.uniform(200, 2_000, 400)
    chance = 0.2 if unit == "share" else 0.02
    counts = rng.binomial(sizes.astype(int), chance) if unit == "share" else rng.poisson(sizes * chance)
    found = funnel(counts.astype(float), sizes, unit, WINSORISED)
    assert found.phi == pytest.approx(1, abs=0.15)
    assert found.tau2 < 2e-4


def test_the_spread_of_units_that_differ_in_truth_is_recovered() -> None:
    rng = np.random.default_rng(9)
    sizes = rng.uniform(500, 3_000, 400)
    truth = np.sin(np.arcsin(np.sqrt(0.22)) + rng.normal(0, 0.05, 400)) ** 2
    found = funnel(rng.binomial(sizes.astype(int), truth).astype(float), sizes, "share", WINSORISED)
    assert found.tau2 == pytest.approx(0.05**2, rel=0.2)
    assert found.z.std() == pytest.approx(1, abs=0.1)


def test_one_wild_neighbour_hardly_widens_the_funnel() -> None:
    sizes = np.full(10, 400.0)
    shares = np.array(REPEAT_SHARES)
    wild = shares.copy()
    wild[-1] = 0.9
    tame = funnel(shares * sizes, sizes, "share", WINSORISED)
    assert funnel(wild * sizes, sizes, "share", WINSORISED).tau2 < tame.tau2 + 0.05


# The detector


def panel(
    weeks: int = 120, *, starts: float = 4.0, repeat: float = 0.22, stock: float = 150.0, missing: tuple[int, ...] = ()
) -> Panel:
    """A council with plan starts a week, its repeat share and its open plans, and one slice that is never compared.

    So they have been since April 2024 or for 55 weeks; before, they were what is published of it.
    """
    keys = [
        SeriesKey("plan_starts"), SeriesKey("repeat_plans"), SeriesKey("plans_open"), SeriesKey("contacts"),
        SeriesKey("plan_starts", (("team", "A"),)),
    ]  # fmt: skip
    kinds: tuple[Kind, ...] = ("flow", "share", "stock", "flow", "flow")
    count = np.array([[starts], [repeat * starts], [stock], [90.0], [99.0]]) * np.ones((1, weeks))
    of = np.full_like(count, np.nan)
    of[1] = starts
    before = max(weeks - 55, 0)
    usual = START_RATES[0] * CHILDREN / 10_000
    of[1, :before] = count[0, :before] = usual / 52
    count[1, :before], count[2, :before] = REPEAT_SHARES[0] * usual / 52, 0.8 * usual
    for back_from_end in missing:
        count[:, -back_from_end] = np.nan
    periods = np.datetime64("2023-01-02") + 7 * np.arange(weeks)
    return Panel(tuple(keys), kinds, periods, "week", count, of, count.copy())


def benchmark(measure: str, values: tuple[float, ...], year: int = 2024, size: float = 60_000.0) -> Benchmark:
    share = measure == "repeat_plans"
    return Benchmark(
        measure=measure,
        year=year,
        published=dt.date(year, 10, 31),
        unit="share" if share else "rate",
        values={**dict(zip(NEIGHBOURS, values, strict=False)), HERE: values[0]},
        sizes=dict.fromkeys(NEIGHBOURS, 400.0 if share else size) | {HERE: 200.0 if share else CHILDREN},
        england=0.24 if share else 52.0,
    )


REFERENCE = Reference(
    HERE,
    NEIGHBOURS,
    (
        benchmark("plan_starts", START_RATES),
        benchmark("repeat_plans", REPEAT_SHARES),
        benchmark("plans_open", tuple(rate * 0.8 for rate in START_RATES)),
    ),
)


def signals(found: Panel, reference: Reference = REFERENCE, alpha: float = 0.01) -> dict[str, Signal]:
    return {signal.key.measure: signal for signal in detect(found, replace(LIMITS, alpha=alpha), reference)[0]}


def reasons(found: Panel, reference: Reference = REFERENCE) -> dict[str, str]:
    return {missed.key.measure: missed.reason for missed in detect(found, LIMITS, reference)[1]}


def test_a_council_like_its_neighbours_raises_nothing() -> None:
    assert signals(panel()) == {}


def test_a_rate_far_above_the_neighbours_is_a_signal_per_ten_thousand_children() -> None:
    found = signals(panel(starts=8.0))["plan_starts"]
    assert found.direction == "up"
    assert found.observed == pytest.approx(8 * 52 / CHILDREN * 10_000)
    assert found.expected == pytest.approx(np.mean(START_RATES), rel=0.02)
    assert found.lower < found.expected < found.upper < found.observed
    assert found.total == pytest.approx(8 * 52)
    assert found.total_expected == pytest.approx(found.expected * CHILDREN / 10_000)


def test_a_rate_far_below_is_one_too() -> None:
    found = signals(panel(starts=1.0))["plan_starts"]
    assert found.direction == "down"
    assert found.observed < found.lower


def test_a_share_far_above_is_a_proportion() -> None:
    found = signals(panel(repeat=0.45))["repeat_plans"]
    assert (found.kind, found.direction) == ("neighbours", "up")
    assert found.observed == pytest.approx(0.45)
    assert found.expected == pytest.approx(0.22, abs=0.005)
    assert found.total_expected == pytest.approx(found.expected * 4 * 52)


def test_a_stock_is_compared_at_its_newest_value() -> None:
    growing = panel()
    growing.count[2, -1] = 420.0
    found = signals(growing)["plans_open"]
    assert found.observed == pytest.approx(420 / CHILDREN * 10_000)
    assert found.total == 420


def test_the_signal_covers_the_last_year() -> None:
    found = signals(panel(starts=8.0))["plan_starts"]
    assert found.period == dt.date(2025, 4, 14)
    assert (found.period - found.onset).days == 51 * 7


def test_stronger_evidence_has_a_smaller_p_value_and_a_higher_score() -> None:
    weaker, stronger = (signals(panel(starts=starts), alpha=0.2)["plan_starts"] for starts in (6.5, 9.0))
    assert stronger.p_value < weaker.p_value
    assert stronger.score > weaker.score == pytest.approx(-np.log10(weaker.p_value))


def test_a_tighter_limit_raises_less() -> None:
    assert "plan_starts" in signals(panel(starts=6.5), alpha=0.1)
    assert "plan_starts" not in signals(panel(starts=6.5), alpha=1e-6)


def test_a_smaller_council_needs_a_larger_difference() -> None:
    large = replace(REFERENCE.benchmarks[0], sizes={**REFERENCE.benchmarks[0].sizes, HERE: 400_000.0})
    small = signals(panel(starts=7.0), alpha=0.5)["plan_starts"]
    big = signals(panel(starts=70.0), replace(REFERENCE, benchmarks=(large,)), alpha=0.5)["plan_starts"]
    assert small.observed == pytest.approx(big.observed)
    assert small.upper > big.upper
    assert small.p_value > big.p_value


def test_slices_are_never_compared() -> None:
    found, missed = detect(panel(starts=9.0), LIMITS, REFERENCE)
    assert all(signal.key.is_council for signal in found)
    assert all(one.key.is_council for one in missed)


def test_the_newest_published_year_is_the_one_compared_with() -> None:
    earlier = benchmark("plan_starts", tuple(rate * 3 for rate in START_RATES), year=2020)
    found = signals(panel(starts=8.0), replace(REFERENCE, benchmarks=(earlier, *REFERENCE.benchmarks)))
    assert found["plan_starts"].direction == "up"


def test_a_year_with_too_few_figures_gives_way_to_the_one_before() -> None:
    few = benchmark("plan_starts", START_RATES[:4], year=2025)
    sparse = replace(few, values={**few.values, HERE: 104.0})
    found = signals(panel(starts=8.0), replace(REFERENCE, benchmarks=(*REFERENCE.benchmarks, sparse)))
    assert found["plan_starts"].expected == pytest.approx(np.mean(START_RATES), rel=0.02)


# Against where they are likely to be now, not where they were


def rising(first: float, step: float, years: int = 8) -> Reference:
    """Shares of the neighbours and of England that rise alike from year to year, the last ending in March 2024."""
    figures = []
    for back_ in range(years):
        level = first + step * (years - 1 - back_)
        shares = tuple(level * share / 0.22 for share in REPEAT_SHARES)
        figures.append(replace(benchmark("repeat_plans", shares, year=2024 - back_), england=level))
    return Reference(HERE, NEIGHBOURS, tuple(figures))


def test_what_is_expected_moves_with_the_neighbours() -> None:
    still, moving = (signals(panel(repeat=0.45), rising(0.22 - 7 * step, step)) for step in (0.0, 0.012))
    assert still["repeat_plans"].expected == pytest.approx(0.22, abs=0.004)
    assert 0.223 < moving["repeat_plans"].expected < 0.234  # to April 2025, a year and three weeks after the benchmark
    assert moving["repeat_plans"].p_value > still["repeat_plans"].p_value


def test_the_older_the_benchmark_the_less_is_a_difference_worth() -> None:
    fresh = rising(0.22, 0.0)
    stale = replace(fresh, benchmarks=tuple(b for b in fresh.benchmarks if b.year <= 2021))
    of_fresh, of_stale = (signals(panel(repeat=0.33), known, 0.5)["repeat_plans"] for known in (fresh, stale))
    assert of_fresh.p_value < of_stale.p_value
    assert of_fresh.upper - of_fresh.lower < of_stale.upper - of_stale.lower


def test_the_spread_is_that_of_the_newest_year() -> None:
    alike, apart = (
        replace(
            REFERENCE, benchmarks=(benchmark("repeat_plans", tuple(0.22 + width * (s - 0.22) for s in REPEAT_SHARES)),)
        )
        for width in (0.2, 2.0)
    )
    p_values = [signals(panel(repeat=0.33), known, 0.9)["repeat_plans"].p_value for known in (alike, apart)]
    assert p_values[0] < p_values[1]


# What cannot be compared says so


def test_a_measure_that_is_not_published_is_not_run() -> None:
    assert reasons(panel())["contacts"] == "no published figures"


def test_fewer_than_five_neighbours_with_figures_are_not_enough() -> None:
    four, five = (replace(REFERENCE, benchmarks=(benchmark("plan_starts", START_RATES[:count]),)) for count in (4, 5))
    assert reasons(panel(), four)["plan_starts"] == "fewer than 5 neighbours have figures"
    assert "plan_starts" not in reasons(panel(), five)


def test_less_than_a_year_is_not_run() -> None:
    assert reasons(panel(weeks=51))["plan_starts"] == "less than a year of weeks"
    assert "plan_starts" not in reasons(panel(weeks=52))


def test_no_value_at_all_is_not_run() -> None:
    empty = panel()
    empty.count[:] = np.nan
    assert reasons(empty)["plans_open"] == "less than a year of weeks"


def test_a_year_with_many_gaps_is_not_run_and_one_with_few_is_scaled_up() -> None:
    assert reasons(panel(missing=tuple(range(2, 9))))["plan_starts"] == "7 of the last 52 weeks are missing"
    found = signals(panel(starts=8.0, missing=(3, 7)))["plan_starts"]
    assert found.observed == pytest.approx(8 * 52 / CHILDREN * 10_000)


def test_a_share_that_matures_late_is_judged_on_the_year_up_to_its_newest_value() -> None:
    late = panel(weeks=60, repeat=0.5)
    late.count[1, -3:] = np.nan
    found = signals(late)["repeat_plans"]
    assert found.observed == pytest.approx(0.5)
    assert found.period == dt.date(2024, 2, 19)
    assert (found.period - found.onset).days == (51 + 3) * 7


def test_a_share_of_nothing_is_not_run() -> None:
    none = panel(starts=0.0)
    assert reasons(none)["repeat_plans"] == "nothing to share in"


def test_a_council_of_unknown_size_is_not_run() -> None:
    unknown = replace(REFERENCE, code="E77")
    assert reasons(panel(), unknown)["plan_starts"] == "the council's number of children is not known"
    assert "repeat_plans" not in reasons(panel(), unknown)


def test_the_number_of_children_may_come_from_another_year() -> None:
    first = REFERENCE.benchmarks[0]
    nameless = replace(first, sizes={code: size for code, size in first.sizes.items() if code != HERE})
    earlier = benchmark("plans_open", START_RATES, year=2023)
    found = signals(panel(starts=8.0), replace(REFERENCE, benchmarks=(nameless, earlier)))
    assert found["plan_starts"].observed == pytest.approx(104.0)


def test_a_measure_published_in_another_unit_is_not_run() -> None:
    as_share = replace(benchmark("repeat_plans", REPEAT_SHARES), measure="plan_starts")
    found = reasons(panel(), replace(REFERENCE, benchmarks=(as_share,)))
    assert found["plan_starts"] == "published as a share, which it is not here"


def test_without_a_reference_everything_is_not_run() -> None:
    found, missed = detect(panel(), LIMITS, Reference())
    assert found == []
    assert [one.by for one in missed] == ["neighbours"] * 4
    assert all(isinstance(one, NotRun) and one.reason for one in missed)


def test_a_year_of_months_is_twelve() -> None:
    weekly = panel(weeks=20, starts=40.0)
    weekly.count[0, :8] = START_RATES[0] * CHILDREN / 10_000 / 12
    months = (np.datetime64("2023-08") + np.arange(20)).astype("datetime64[D]")
    found = signals(replace(weekly, periods=months, step="month"))["plan_starts"]
    assert found.observed == pytest.approx(40 * 12 / CHILDREN * 10_000)
    assert found.onset == dt.date(2024, 4, 1)


# Calibration: a council drawn from the same spread as its neighbours is rarely called different


@pytest.mark.parametrize(("spread", "clustering"), [(0.0, 1.0), (0.03, 2.0), (0.06, 2.0)])
def test_the_false_alarm_rate_is_about_what_was_asked_for(spread: float, clustering: float) -> None:
    rng = np.random.default_rng(12)
    alpha, runs, raised = 0.02, 600, 0
    council = panel(weeks=52)
    for _ in range(runs):
        sizes = np.append(rng.uniform(200, 1_000, 10), 210.0)
        truth = np.sin(np.arcsin(np.sqrt(0.23)) + rng.normal(0, spread, 11)) ** 2
        families = np.maximum((sizes / clustering).astype(int), 1)
        shares = rng.binomial(families, truth) / families
        figures = replace(
            REFERENCE.benchmarks[1],
            values=dict(zip(NEIGHBOURS, shares[:10], strict=True)),
            sizes=dict(zip(NEIGHBOURS, sizes[:10], strict=True)),
        )
        council.count[1], council.of[1] = shares[10] * 210 / 52, 210 / 52
        raised += len(signals(council.select([1]), Reference(HERE, NEIGHBOURS, (figures,)), alpha))
    assert raised / (2 * runs) < 1.6 * alpha  # both directions were looked at


@pytest.mark.parametrize("wobble", [0.0, 0.02])
def test_neighbours_that_move_bring_no_more_false_alarms(wobble: float) -> None:
    """Five published years, the council's own year the next; England wobbles, all councils differ and change."""
    rng = np.random.default_rng(21)
    alpha, runs, raised = 0.02, 300, 0
    council = panel(weeks=52, repeat=0.2)  # to the end of December 2023
    for _ in range(runs):
        nation = np.arcsin(np.sqrt(0.22)) + np.cumsum(rng.normal(0.005, wobble, 6))
        apart = rng.normal(0, 0.05, (11, 1)) + np.cumsum(rng.normal(0, 0.02, (11, 6)), axis=1)
        shares = rng.binomial(200, np.sin(nation + apart) ** 2) / 200  # of 400 children in pairs
        years = tuple(
            replace(
                benchmark("repeat_plans", tuple(shares[:10, at]), year=2018 + at),
                england=float(np.sin(nation[at]) ** 2),
            )
            for at in range(5)
        )
        council.count[1], council.of[1] = shares[10, 5] * 400 / 52, 400 / 52
        raised += len(signals(council.select([1]), Reference(HERE, NEIGHBOURS, years), alpha))
    assert raised / (2 * runs) < 1.6 * alpha


# The line of a message


def test_the_comparison_is_the_councils_figure_the_neighbours_median_and_englands() -> None:
    found = {key.measure: standing.comparison for key, standing in standings(panel(), REFERENCE).items()}
    assert set(found) == {"plan_starts", "repeat_plans", "plans_open"}
    starts = found["plan_starts"]
    assert (starts.year, starts.neighbours, starts.council, starts.england, starts.unit) == (
        2024, np.median(START_RATES), START_RATES[0], 52.0, "rate",
    )  # fmt: skip
    assert found["repeat_plans"].unit == "share"


def test_figures_that_are_not_published_are_left_out_of_the_comparison() -> None:
    first = REFERENCE.benchmarks[0]
    silent = replace(first, england=float("nan"), values={code: v for code, v in first.values.items() if code != HERE})
    (found,) = standings(panel(), replace(REFERENCE, benchmarks=(silent,))).values()
    assert (found.comparison.council, found.comparison.england, found.comparison.rank) == (None, None, None)


def test_without_enough_neighbours_there_is_no_comparison() -> None:
    assert standings(panel(), replace(REFERENCE, neighbours=NEIGHBOURS[:4])) == {}
    assert standings(panel(), Reference()) == {}
