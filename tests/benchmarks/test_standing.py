"""Where the council stands among its neighbours: as published, and by the end of the year."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecaster.standing import Standing, at_year_end, months_since, position, standings
from forecaster.types import Benchmark, Kind, Panel, Reference, SeriesKey
from forecaster.words.context import YearEnd

HERE = "E00"
NEIGHBOURS = tuple(f"E{i:02}" for i in range(1, 11))
SHARES = (0.15, 0.16, 0.17, 0.18, 0.19, 0.21, 0.22, 0.23, 0.24, 0.25)
CHILDREN = 40_000.0


def benchmark(year: int, own: float | None = 0.2, unit: str = "share", times: float = 1.0) -> Benchmark:
    values = {code: times * share for code, share in zip(NEIGHBOURS, SHARES, strict=True)}
    size = 400.0 if unit == "share" else CHILDREN
    return Benchmark(
        "repeat_plans" if unit == "share" else "plan_starts", year, dt.date(year, 10, 31),
        unit,  # type: ignore[arg-type]
        values if own is None else values | {HERE: own},
        dict.fromkeys((*NEIGHBOURS, HERE), size), 0.21 * times,
    )  # fmt: skip


def reference(*benchmarks: Benchmark) -> Reference:
    return Reference(HERE, NEIGHBOURS, benchmarks)


YEARS = reference(*(benchmark(year) for year in range(2019, 2025)))


def panel(measure: str = "repeat_plans", last: dt.date = dt.date(2025, 1, 6), kind: Kind = "share") -> Panel:
    periods = np.datetime64(last) - 7 * np.arange(60)[::-1]
    count = np.full((1, 60), 3.0 if kind == "share" else 800 / 52)
    return Panel((SeriesKey(measure),), (kind,), periods, "week", count, count * 5, count)


def standing(known: Reference = YEARS, last: dt.date = dt.date(2025, 1, 6)) -> Standing:
    return standings(panel(last=last), known)[SeriesKey("repeat_plans")]


# As published


def test_the_published_figures_have_their_year_and_age() -> None:
    found = standing().comparison
    assert (found.year, found.neighbours, found.council, found.england) == (2024, pytest.approx(0.2), 0.2, 0.21)
    assert found.age == 9  # from 31 March 2024 to 12 January 2025


@pytest.mark.parametrize(
    ("day", "months"),
    [(dt.date(2016, 4, 15), 12), (dt.date(2015, 10, 31), 7), (dt.date(2016, 10, 30), 18), (dt.date(2015, 3, 1), 0)],
)
def test_the_age_is_in_whole_months_since_the_year_ended(day: dt.date, months: int) -> None:
    assert months_since(2015, day) == months


@pytest.mark.parametrize(("own", "rank"), [(0.3, 1), (0.245, 2), (0.2, 6), (0.15, 10), (0.1, 11)])
def test_the_rank_is_among_the_eleven_the_highest_first(own: float, rank: int) -> None:
    assert standing(reference(benchmark(2024, own))).comparison.rank == (rank, 11)


def test_a_neighbour_without_a_figure_does_not_count_in_the_rank() -> None:
    some = benchmark(2024, 0.2)
    fewer = replace(some, values={code: value for code, value in some.values.items() if code != NEIGHBOURS[-1]})
    assert standing(reference(fewer)).comparison.rank == (5, 10)


def test_a_council_without_a_figure_has_no_rank() -> None:
    found = standing(reference(benchmark(2024, None))).comparison
    assert (found.council, found.rank) == (None, None)


# By the end of the year


def test_the_year_that_ends_next_is_that_of_the_next_week() -> None:
    assert standing().comparison.ends == 2025
    assert standing(last=dt.date(2025, 4, 7)).comparison.ends == 2026


def test_the_neighbours_are_likely_about_where_they_were_when_nothing_moved() -> None:
    likely = standing().comparison.likely
    assert likely is not None
    assert likely[0] < 0.2 < likely[1]
    assert likely[1] - likely[0] < 0.06


def test_a_year_that_is_published_is_known() -> None:
    found = standing(last=dt.date(2024, 2, 5))
    assert found.comparison.ends == 2024
    assert found.comparison.likely == pytest.approx((0.2, 0.2), abs=1e-4)


@pytest.mark.parametrize(("median", "above"), [(0.1, 0.0), (0.2, 0.5), (0.3, 1.0)])
def test_the_probability_of_ending_above_goes_with_the_councils_own_outlook(median: float, above: float) -> None:
    end = YearEnd(dt.date(2025, 3, 31), median - 0.02, median, median + 0.02)
    found = at_year_end(standing(), end)
    assert found.above == pytest.approx(above, abs=0.08)


def test_a_wider_outlook_of_the_councils_own_makes_it_less_sure() -> None:
    narrow, wide = (
        at_year_end(standing(), YearEnd(dt.date(2025, 3, 31), 0.25 - half, 0.25, 0.25 + half)) for half in (0.01, 0.08)
    )
    assert narrow.above is not None and wide.above is not None
    assert 0.5 < wide.above < narrow.above


def test_england_is_its_own_question() -> None:
    found = at_year_end(standing(), YearEnd(dt.date(2025, 3, 31), 0.2, 0.205, 0.21))
    assert found.above is not None and found.above_england is not None
    assert found.above > 0.5 > found.above_england


def flow_standing() -> Standing:
    """Starts: 800 of 40,000 children is 200 per 10,000, the neighbours' median."""
    known = reference(*(benchmark(year, 200.0, "rate", 1_000.0) for year in range(2019, 2025)))
    return standings(panel("plan_starts", kind="flow"), known)[SeriesKey("plan_starts")]


def drawn(draws: np.ndarray) -> YearEnd:
    low, median, high = np.quantile(draws, [0.025, 0.5, 0.975])
    return YearEnd(dt.date(2025, 3, 31), low, median, high, draws=draws)


def test_draws_of_the_year_end_are_judged_one_by_one() -> None:
    """Some far above and some far below: the probability is the share of those above, whatever their median."""
    found = at_year_end(flow_standing(), drawn(np.array([400.0] * 3 + [1_600.0] * 7)))
    assert found.above == pytest.approx(0.7, abs=0.001)
    assert found.above_england == pytest.approx(0.7, abs=0.001)


@pytest.mark.parametrize("total", [700.0, 800.0, 850.0])
def test_draws_of_a_normal_say_what_their_band_says(total: float) -> None:
    rng = np.random.default_rng(1)
    end = drawn(rng.normal(total, 20, 20_000))
    by_draws, by_band = (at_year_end(flow_standing(), e).above for e in (end, replace(end, draws=None)))
    assert by_draws is not None and by_band is not None
    assert by_draws == pytest.approx(by_band, abs=0.02)


def test_against_a_year_that_is_published_only_the_councils_own_end_is_uncertain() -> None:
    known = reference(*(benchmark(year, 200.0, "rate", 1_000.0) for year in range(2019, 2025)))
    flow = standings(panel("plan_starts", dt.date(2024, 2, 5), "flow"), known)[SeriesKey("plan_starts")]
    assert at_year_end(flow, drawn(np.array([799.0, 801.0, 802.0, 803.0]))).above == pytest.approx(0.75)


def test_a_year_without_any_event_is_below_all() -> None:
    assert at_year_end(flow_standing(), drawn(np.zeros(10))).above == pytest.approx(0, abs=1e-6)


def test_a_flow_ends_as_a_rate_per_ten_thousand_children() -> None:
    flow = flow_standing()
    ends = {total: at_year_end(flow, YearEnd(dt.date(2025, 3, 31), total - 40, total, total + 40)).above
            for total in (600.0, 800.0, 1_000.0)}  # fmt: skip
    assert ends[800.0] == pytest.approx(0.5, abs=0.05)  # 800 of 40,000 children is 200 per 10,000, the median
    assert ends[600.0] == pytest.approx(0, abs=0.05)
    assert ends[1_000.0] == pytest.approx(1, abs=0.05)


def test_without_an_outlook_of_its_own_or_its_children_there_is_no_probability() -> None:
    assert at_year_end(standing(), None).above is None
    childless = replace(benchmark(2024, 200.0, "rate", 1_000.0), sizes=dict.fromkeys(NEIGHBOURS, CHILDREN))
    flow = standings(panel("plan_starts", kind="flow"), reference(childless))[SeriesKey("plan_starts")]
    assert at_year_end(flow, YearEnd(dt.date(2025, 3, 31), 1, 2, 3)).above is None


# One figure of one year


def asked(figure: float | None, size: float = 400.0, known: Reference = YEARS) -> tuple[float | None, ...]:
    found = position(known, "repeat_plans", 2025, figure, size)
    assert found is not None
    return found.rose, found.above, found.above_england, found.as_high


def test_a_figure_like_all_others_is_above_nothing() -> None:
    rose, above, nation, as_high = asked(0.2)
    assert rose == pytest.approx(0.5, abs=0.01)
    assert above == pytest.approx(0.5, abs=0.06)
    assert nation is not None and nation < 0.5
    assert as_high == pytest.approx(0.5, abs=0.06)


def test_a_figure_far_above_is_up_on_its_past_and_above_all() -> None:
    rose, above, nation, as_high = asked(0.35)
    assert rose is not None and above is not None and nation is not None and as_high is not None
    assert min(rose, above, nation) > 0.99
    assert as_high < 0.05


def test_the_same_figure_of_fewer_plans_says_less() -> None:
    many, few = asked(0.26, 1_000.0), asked(0.26, 60.0)
    assert all(more is not None and less is not None and abs(more - 0.5) > abs(less - 0.5)
               for more, less in zip(many, few, strict=True))  # fmt: skip


def test_its_past_is_that_of_the_last_three_years() -> None:
    """Low long ago, high of late: the same again is no rise."""
    changed = reference(*(benchmark(year, 0.1 if year < 2022 else 0.3) for year in range(2019, 2025)))
    assert asked(0.3, known=changed)[0] == pytest.approx(0.5, abs=0.01)


def test_a_council_that_never_published_has_no_past() -> None:
    silent = reference(*(benchmark(year, None) for year in range(2019, 2025)))
    rose, above, _, _ = asked(0.3, known=silent)
    assert rose is None and above is not None


def test_a_question_without_a_figure_looks_ahead_only() -> None:
    assert asked(None) == (None, None, None, None)


def test_every_published_year_is_told_with_its_rank() -> None:
    found = position(YEARS, "repeat_plans", 2025, None, 400.0)
    assert found is not None
    assert [year.year for year in found.years] == list(range(2019, 2025))
    assert {year.rank for year in found.years} == {(6, 11)}


def test_without_neighbours_there_is_no_position() -> None:
    assert position(Reference(HERE, (), YEARS.benchmarks), "repeat_plans", 2025, 0.2, 400.0) is None
