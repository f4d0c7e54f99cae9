"""Whether an extract is of the council that was published: another's code, half a council, the real ones."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecaster.benchmarks import reference
from forecaster.detectors import neighbours
from forecaster.same_council import not_comparable
from forecaster.settings import ROOT
from forecaster.standing import standings
from forecaster.types import Benchmark, Kind, Limits, Panel, Reference, SeriesKey

HERE, ELSEWHERE = "E06000019", "E08000030"
NEIGHBOURS = tuple(f"E{i:02}" for i in range(10))
CHILDREN = 40_000.0
RATES = {"referrals": 400.0, "plan_starts": 50.0, "plans_open": 40.0}
KINDS: dict[str, Kind] = {"referrals": "flow", "plan_starts": "flow", "plans_open": "stock", "repeat_plans": "share"}
REPEAT = 0.2


def published(year: int, times: float = 1.0) -> list[Benchmark]:
    def one(measure: str, value: float) -> Benchmark:
        share = measure == "repeat_plans"
        everyone = (*NEIGHBOURS, HERE)
        return Benchmark(
            measure, year, dt.date(year, 10, 31), "share" if share else "rate", dict.fromkeys(everyone, value),
            dict.fromkeys(everyone, 200.0 if share else CHILDREN), value, {HERE: "Herefordshire, County of"},
        )  # fmt: skip

    return [*(one(name, times * rate) for name, rate in RATES.items()), one("repeat_plans", REPEAT)]


def known(*years: Benchmark) -> Reference:
    return Reference(HERE, NEIGHBOURS, years)


PUBLISHED = known(*published(2021), *published(2022))


def extract(
    times: float = 1.0, repeat: float = REPEAT, first: str = "2020-01-06", weeks: int = 150, **by_measure: float
) -> Panel:
    """A council at so many times the published rates, week after week."""
    yearly = np.array([by_measure.get(name, times) * rate * CHILDREN / 10_000 for name, rate in RATES.items()])
    per = np.array([52.0 if KINDS[name] == "flow" else 1.0 for name in RATES])
    count = np.repeat((yearly / per)[:, None], weeks, 1)
    of = np.vstack([np.full_like(count, np.nan), count[1:2]])
    count = np.vstack([count, repeat * count[1:2]])
    keys = tuple(SeriesKey(name) for name in KINDS)
    return Panel(keys, tuple(KINDS.values()), np.datetime64(first) + 7 * np.arange(weeks), "week", count, of, count)


def left_out(panel: Panel, reference_: Reference = PUBLISHED) -> set[str]:
    return set(not_comparable(panel, reference_))


ALL = set(KINDS)


@pytest.mark.parametrize("times", [0.8, 0.95, 1.0, 1.1, 1.3])
def test_the_council_itself_is_compared_whatever_was_entered_late(times: float) -> None:
    assert left_out(extract(times)) == set()


@pytest.mark.parametrize("times", [0.1, 0.5, 0.7, 1.4, 3.0])
def test_another_council_or_a_part_of_it_is_not_compared_at_all(times: float) -> None:
    assert left_out(extract(times)) == ALL


def test_one_measure_that_is_counted_otherwise_is_left_out_alone() -> None:
    assert left_out(extract(referrals=2.0)) == {"referrals"}


def test_one_measure_alone_tells_nothing_of_the_others() -> None:
    two = extract(plan_starts=2.0).select([1, 3])
    assert left_out(two) == {"plan_starts"}


def test_a_share_far_from_the_published_one_is_left_out_alone_and_one_five_points_away_is_not() -> None:
    assert left_out(extract(repeat=0.45)) == {"repeat_plans"}
    assert left_out(extract(repeat=0.245)) == set()


def test_few_events_may_differ_by_chance() -> None:
    small = replace(PUBLISHED, benchmarks=tuple(replace(b, sizes={HERE: 300.0}) for b in PUBLISHED.benchmarks))
    tiny = extract(2.0)
    tiny.count[:] *= 300 / CHILDREN
    tiny.of[:] *= 300 / CHILDREN
    assert left_out(tiny, small) == set()


def test_what_is_not_compared_is_told_in_words_that_help() -> None:
    assert set(not_comparable(extract(0.5), PUBLISHED).values()) == {
        "the extract's 2021/22 figures are far from those published for Herefordshire: check [council] code"
    }
    assert not_comparable(extract(plan_starts=2.0), PUBLISHED) == {
        "plan_starts": "the extract's 2021/22 figure is far from that published for Herefordshire:"
        " check [council] code and the measure"
    }


def test_it_raises_nothing_and_no_message_speaks_of_neighbours() -> None:
    signals, missed = neighbours.detect(extract(2.5), Limits(0.05, 104), PUBLISHED)
    assert signals == []
    assert {one.key.measure for one in missed if "check [council] code" in one.reason} == ALL
    assert standings(extract(2.5), PUBLISHED) == {}
    assert {key.measure for key in standings(extract(1.0), PUBLISHED)} == ALL


@pytest.mark.parametrize(("times", "expected"), [((2.5, 1.0), set()), ((2.5, 2.5, 1.0), ALL), ((2.5, 1.0, 1.0), set())])
def test_most_of_the_years_decide_not_one_that_happens_to_agree(times: tuple[float, ...], expected: set[str]) -> None:
    years = [b for year, more in zip(range(2022, 0, -1), reversed(times), strict=False) for b in published(year, more)]
    assert left_out(extract(first="2019-01-07", weeks=190), known(*years)) == expected


def test_a_first_year_that_holds_only_cases_still_open_does_not_count_against_the_council() -> None:
    grown = extract(weeks=110)
    grown.count[:3, :66] *= 0.3
    assert left_out(grown, known(*published(2021))) == set()
    grown.count[:3, 66:] *= 0.5
    assert left_out(grown, known(*published(2021))) == ALL


@pytest.mark.parametrize(("times", "expected"), [(0.4, set()), (2.5, set()), (0.25, ALL), (4.0, ALL)])
def test_without_a_year_in_common_a_council_may_have_moved_far(times: float, expected: set[str]) -> None:
    assert left_out(extract(times, first="2023-01-02"), PUBLISHED) == expected
    assert left_out(extract(times, first="2023-01-02", repeat=0.45), PUBLISHED) == expected  # no share tells


def test_what_comes_later_does_not_matter_to_a_year_that_agrees() -> None:
    """A real surge after the published years is what the comparison is for."""
    surging = extract()
    surging.count[:, 118:] *= 4
    assert left_out(surging) == set()


@pytest.mark.parametrize("silent", [Reference(), known(), replace(PUBLISHED, code="E77"), replace(PUBLISHED, code="")])
def test_where_nothing_of_its_own_is_published_nothing_tells_against_it(silent: Reference) -> None:
    assert left_out(extract(5.0), silent) == set()


def test_less_than_a_year_and_no_value_at_all_tell_nothing() -> None:
    assert left_out(extract(5.0, weeks=51)) == set()
    empty = extract(5.0)
    empty.count[:] = np.nan
    assert left_out(empty) == set()


# The real figures


def figures(code: str, first: int, last: int, times: float = 1.0) -> Panel:
    """The published figures of a council spread over the months of their years."""
    path = ROOT / "data" / "benchmarks" / "children_in_need_2013_2025.csv"
    with path.open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["code"] == code and first <= int(row["year"]) <= last]
    names = ("referrals", "conferences", "plan_starts", "plan_ends", "plans_open")
    kinds: tuple[Kind, ...] = ("flow", "flow", "flow", "flow", "stock")
    per = np.array([12.0 if kind == "flow" else 1.0 for kind in kinds])[:, None]
    count = np.repeat([[float(row[name]) for row in rows] for name in names], 12, 1) / per * times
    months = (np.datetime64(f"{first - 1}-04") + np.arange(count.shape[1])).astype("datetime64[D]")
    return Panel(tuple(map(SeriesKey, names)), kinds, months, "month", count, np.full_like(count, np.nan), count)


def on(code: str, day: dt.date) -> Reference:
    return reference(ROOT / "data" / "benchmarks", code, day)


@pytest.mark.parametrize("code", [HERE, ELSEWHERE])
@pytest.mark.parametrize("year", [2016, 2018, 2020, 2022])
def test_a_real_council_is_compared_in_the_year_after_the_newest_published(code: str, year: int) -> None:
    assert left_out(figures(code, 2013, year), on(code, dt.date(year, 4, 10))) == set()


@pytest.mark.parametrize("year", range(2015, 2023))
def test_herefordshires_own_moves_never_switch_it_off_with_a_short_history(year: int) -> None:
    """1,367 referrals, then 3,414: with no year in common as well."""
    for code in (HERE, ELSEWHERE):
        assert left_out(figures(code, year, year), on(code, dt.date(year, 4, 10))) == set()


@pytest.mark.parametrize("year", [2016, 2018, 2020, 2022])
def test_walsall_with_the_code_of_herefordshire_is_found_out(year: int) -> None:
    found = not_comparable(figures(ELSEWHERE, 2013, year), on(HERE, dt.date(year, 4, 10)))
    assert len(found) == 5
    assert all("published for Herefordshire" in reason for reason in found.values())


def test_the_shipped_referrals_of_herefordshire_are_its_own_in_every_month() -> None:
    with (ROOT / "data" / "examples" / "herefordshire_referrals.csv").open() as stream:
        count = np.array([[float(row["count"]) for row in csv.DictReader(stream)]])
    months = (np.datetime64("2012-04") + np.arange(count.shape[1])).astype("datetime64[D]")
    for end in range(12, count.shape[1], 5):
        one = count[:, :end]
        panel = Panel((SeriesKey("referrals"),), ("flow",), months[:end], "month", one, np.full_like(one, np.nan), one)
        assert left_out(panel, on(HERE, months[end].astype(dt.date))) == set()


# One of several councils in an installation


def test_of_several_councils_published_figures_are_of_the_one_they_name() -> None:
    one = extract(1.0)
    for name in (HERE, "Herefordshire", "Herefordshire, County of"):
        both = tuple(SeriesKey(key.measure, (("council", c),)) for c in ("Elsewhere", name) for key in one.keys)
        several = replace(one, keys=both, kinds=one.kinds * 2, **{a: np.vstack([x, x]) for a, x in one.arrays.items()})
        assert {(key.measure, key.council) for key in standings(several, PUBLISHED)} == {(m, name) for m in ALL}
        _, missed = neighbours.detect(several, Limits(0.05, 104), PUBLISHED)
        assert {one.key.council for one in missed} <= {name}


def test_published_figures_are_of_no_council_by_another_name_nor_of_several_together() -> None:
    one = extract(1.0)
    both = tuple(SeriesKey(key.measure, where) for where in ((), (("council", "Elsewhere"),)) for key in one.keys)
    several = replace(one, keys=both, kinds=one.kinds * 2, **{a: np.vstack([x, x]) for a, x in one.arrays.items()})
    assert standings(several, PUBLISHED) == {}
    assert standings(several.select(range(len(one.keys), len(both))), PUBLISHED) == {}
