"""The shipped figures of the Department for Education: right, public from their day on, missing where suppressed."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from pathlib import Path

import pytest

from forecaster.benchmarks import FIGURES, NEIGHBOURS, children, load_benchmarks, neighbours, published_on, reference
from forecaster.types import Benchmark, InputError

DATA = Path(__file__).parents[2] / "data"
FOLDER = DATA / "benchmarks"
HEREFORDSHIRE, WALSALL, HACKNEY = "E06000019", "E08000030", "E09000012"
TODAY = dt.date(2026, 1, 5)
MEASURES = {
    "referrals", "section_47", "conferences", "plan_starts", "plan_ends", "plans_open", "repeat_plans", "re_referrals",
    "referral_nfa", "plans_24_months_plus",
}  # fmt: skip


@pytest.fixture(scope="module")
def known() -> list[Benchmark]:
    return load_benchmarks(FOLDER, TODAY)


def figure(known: list[Benchmark], measure: str, year: int) -> Benchmark:
    return next(b for b in known if (b.measure, b.year) == (measure, year))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(FOLDER, tmp_path / "benchmarks"))


def rewrite(path: Path, change: dict[str, str], code: str, year: str) -> None:
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if (row["code"], row["year"]) == (code, year):
            row.update(change)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


# The figures themselves


@pytest.mark.parametrize(("year", "share"), [(2013, 0.104), (2014, 0.138), (2015, 0.133), (2016, 0.172)])
def test_walsalls_repeat_plans_are_those_its_board_was_told(known: list[Benchmark], year: int, share: float) -> None:
    assert figure(known, "repeat_plans", year).values[WALSALL] == pytest.approx(share, abs=0.0006)


@pytest.mark.parametrize(("year", "share"), [(2013, 0.149), (2015, 0.166), (2024, 0.247), (2025, 0.245)])
def test_englands_repeat_plans_are_as_published(known: list[Benchmark], year: int, share: float) -> None:
    assert figure(known, "repeat_plans", year).england == pytest.approx(share, abs=0.0006)


@pytest.mark.parametrize(
    ("measure", "year", "rate"),
    [("plan_starts", 2024, 51.5), ("plans_open", 2024, 41.4), ("section_47", 2023, 189.4), ("conferences", 2022, 62.7)],
)
def test_englands_rates_are_the_published_ones_but_for_the_later_population(
    known: list[Benchmark], measure: str, year: int, rate: float
) -> None:
    assert figure(known, measure, year).england == pytest.approx(rate, rel=0.005)


@pytest.mark.parametrize(
    ("measure", "year", "rate"),
    [("plan_starts", 2018, 88.9), ("plans_open", 2018, 56.9), ("section_47", 2018, 228.3), ("plan_ends", 2018, 64.9)],
)
def test_herefordshires_rates_are_the_published_ones(
    known: list[Benchmark], measure: str, year: int, rate: float
) -> None:
    assert figure(known, measure, year).values[HEREFORDSHIRE] == pytest.approx(rate, rel=0.005)


def test_every_measure_has_figures_of_most_councils(known: list[Benchmark]) -> None:
    assert {b.measure for b in known} == MEASURES
    for benchmark in known:
        fewest = 80 if benchmark.measure == "plans_24_months_plus" else 125
        assert len(benchmark.values) >= fewest, (benchmark.measure, benchmark.year)


def test_shares_are_shares_and_rates_are_not_negative(known: list[Benchmark]) -> None:
    for benchmark in known:
        values = benchmark.values.values()
        assert min(values) >= 0
        assert max(values) <= (1 if benchmark.unit == "share" else 2_500), (benchmark.measure, benchmark.year)


def test_every_figure_has_its_size(known: list[Benchmark]) -> None:
    for benchmark in known:
        assert all(benchmark.sizes[code] > 0 for code in benchmark.values)


def test_a_share_times_its_size_is_a_whole_number_of_children(known: list[Benchmark]) -> None:
    repeats = figure(known, "repeat_plans", 2018)
    assert repeats.values[HEREFORDSHIRE] * repeats.sizes[HEREFORDSHIRE] == pytest.approx(90)
    assert repeats.sizes[HEREFORDSHIRE] == 308


def test_rates_are_of_the_children_of_the_year(known: list[Benchmark]) -> None:
    starts = figure(known, "plan_starts", 2018)
    assert starts.sizes[HEREFORDSHIRE] == 34_644
    assert starts.values[HEREFORDSHIRE] * starts.sizes[HEREFORDSHIRE] / 10_000 == pytest.approx(308)


def test_councils_have_names_and_england_is_none_of_them(known: list[Benchmark]) -> None:
    for benchmark in known:
        assert benchmark.names[HEREFORDSHIRE].startswith("Herefordshire")
        assert not any(code.startswith("E92") for code in {*benchmark.values, *benchmark.sizes, *benchmark.names})


def test_a_measure_and_year_come_once(known: list[Benchmark]) -> None:
    assert len({(b.measure, b.year) for b in known}) == len(known)


# When they were public


@pytest.mark.parametrize(
    ("as_of", "newest"),
    [
        (dt.date(2017, 10, 30), 2016),
        (dt.date(2017, 10, 31), 2017),
        (dt.date(2018, 3, 31), 2017),
        (dt.date(2025, 12, 31), 2025),
        (dt.date(2040, 1, 1), 2025),
    ],
)
def test_figures_are_not_visible_before_their_publication(as_of: dt.date, newest: int) -> None:
    found = load_benchmarks(FOLDER, as_of)
    assert max(b.year for b in found) == newest
    assert all(b.published <= as_of for b in found)


def test_nothing_is_known_before_the_first_publication() -> None:
    assert load_benchmarks(FOLDER, dt.date(2013, 10, 30)) == []


def test_the_figures_of_a_year_are_public_at_the_end_of_its_october() -> None:
    assert published_on(2017) == dt.date(2017, 10, 31)


def test_what_is_known_only_grows() -> None:
    earlier, later = (load_benchmarks(FOLDER, dt.date(year, 11, 1)) for year in (2019, 2020))
    assert earlier == [b for b in later if b.year < 2020]


def test_measures_that_a_year_does_not_have_yet_are_left_out(known: list[Benchmark]) -> None:
    # Section 47 enquiries, conferences and plan ends of 2024-25 were not in the release that was shipped.
    newest = {b.measure for b in known if b.year == 2025}
    assert newest == MEASURES - {"section_47", "conferences", "plan_ends"}


# What is missing


@pytest.mark.parametrize(
    ("measure", "year", "code"),
    [
        ("referral_nfa", 2017, HEREFORDSHIRE),  # c: suppressed
        ("referrals", 2024, HEREFORDSHIRE),  # u
        ("re_referrals", 2024, HEREFORDSHIRE),
        ("plans_24_months_plus", 2018, HEREFORDSHIRE),  # c
        ("plan_starts", 2022, HACKNEY),  # the council's system was down
    ],
)
def test_a_suppressed_cell_is_missing_and_not_zero(known: list[Benchmark], measure: str, year: int, code: str) -> None:
    assert code not in figure(known, measure, year).values


def test_a_published_zero_is_a_zero(known: list[Benchmark]) -> None:
    assert figure(known, "plans_24_months_plus", 2014).values[HEREFORDSHIRE] == 0


@pytest.mark.parametrize("symbol", ["c", "x", "u", "z", ":", "", "low"])
def test_any_symbol_in_a_cell_is_a_missing_figure(folder: Path, symbol: str) -> None:
    rewrite(folder / FIGURES, {"plan_starts": symbol}, WALSALL, "2016")
    found = load_benchmarks(folder, TODAY)
    for measure in ("plan_starts", "repeat_plans"):
        assert WALSALL not in figure(found, measure, 2016).values
    assert WALSALL in figure(found, "plans_open", 2016).values


def test_a_share_of_nothing_is_missing(folder: Path) -> None:
    rewrite(folder / FIGURES, {"plan_starts": "0", "repeat_plans": "0"}, WALSALL, "2016")
    found = load_benchmarks(folder, TODAY)
    assert WALSALL not in figure(found, "repeat_plans", 2016).values
    assert figure(found, "plan_starts", 2016).values[WALSALL] == 0


def test_an_unknown_number_of_children_leaves_the_rates_out_and_the_shares_in(folder: Path) -> None:
    rewrite(folder / FIGURES, {"children": "x"}, WALSALL, "2016")
    found = load_benchmarks(folder, TODAY)
    assert WALSALL not in figure(found, "plan_starts", 2016).values
    assert WALSALL in figure(found, "repeat_plans", 2016).values


def test_a_missing_file_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file") as caught:
        load_benchmarks(tmp_path, TODAY)
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named(folder: Path) -> None:
    path = folder / FIGURES
    path.write_text(path.read_text().replace("plan_ends", "ends", 1))
    with pytest.raises(InputError, match="column plan_ends"):
        load_benchmarks(folder, TODAY)


# Neighbours and children


def test_herefordshires_neighbours_are_the_departments_nearest_first() -> None:
    names = load_benchmarks(FOLDER, TODAY)[-1].names
    found = [names[code] for code in neighbours(FOLDER, HEREFORDSHIRE)]
    assert found == [
        "Westmorland and Furness", "Staffordshire", "Lincolnshire", "Shropshire", "Somerset", "Lancashire", "Suffolk",
        "East Riding of Yorkshire", "North Yorkshire", "Derbyshire",
    ]  # fmt: skip


def test_every_council_has_ten_neighbours_and_is_none_of_them() -> None:
    with (FOLDER / NEIGHBOURS).open() as stream:
        codes = {row["code"] for row in csv.DictReader(stream)}
    assert len(codes) == 153
    for code in codes:
        found = neighbours(FOLDER, code)
        assert len(set(found)) == 10
        assert code not in found


def test_every_neighbour_has_figures_in_the_newest_year(known: list[Benchmark]) -> None:
    names = figure(known, "plan_starts", 2025).names
    with (FOLDER / NEIGHBOURS).open() as stream:
        assert all(row["neighbour"] in names and row["code"] in names for row in csv.DictReader(stream))


def test_a_reorganised_council_with_a_new_code_keeps_its_earlier_years(known: list[Benchmark]) -> None:
    somerset, north_yorkshire = "E06000066", "E06000065"
    for code in (somerset, north_yorkshire):
        assert code in figure(known, "plan_starts", 2015).values
        assert code in figure(known, "plan_starts", 2025).values


def test_a_council_that_is_not_listed_has_no_neighbours() -> None:
    assert neighbours(FOLDER, "E99999999") == ()


@pytest.mark.parametrize(
    ("code", "as_of", "expected"),
    [
        (HEREFORDSHIRE, TODAY, 34_439),
        (HEREFORDSHIRE, dt.date(2018, 12, 31), 34_644),
        (HEREFORDSHIRE, dt.date(2013, 1, 1), None),
        ("E99999999", TODAY, None),
    ],
)
def test_the_number_of_children_is_the_newest_published(code: str, as_of: dt.date, expected: float | None) -> None:
    assert children(FOLDER, code, as_of) == expected


def test_a_reference_holds_code_neighbours_and_figures() -> None:
    found = reference(FOLDER, HEREFORDSHIRE, TODAY)
    assert found.code == HEREFORDSHIRE
    assert found.neighbours == neighbours(FOLDER, HEREFORDSHIRE)
    assert found.benchmarks == tuple(load_benchmarks(FOLDER, TODAY))


def test_chosen_neighbours_take_the_place_of_the_departments() -> None:
    assert reference(FOLDER, HEREFORDSHIRE, TODAY, (WALSALL,)).neighbours == (WALSALL,)


# What is shipped


def test_the_shipped_figures_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 600_000


def test_the_licence_and_its_attribution_are_shipped_with_the_data() -> None:
    text = (DATA / "README.md").read_text()
    assert "Contains public sector information licensed under the Open Government Licence v3.0" in text
    for path in (*FOLDER.glob("*.csv"), *(DATA / "examples").glob("*.csv")):
        assert path.name in text


def test_the_example_is_herefordshires_eleven_years_of_referrals() -> None:
    with (DATA / "examples" / "herefordshire_referrals.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["month", "measure", "count"]
    months = [dt.date.fromisoformat(row["month"]) for row in rows]
    assert (months[0], months[-1], len(months)) == (dt.date(2012, 4, 1), dt.date(2023, 3, 1), 132)
    assert months == sorted(set(months))
    assert {row["measure"] for row in rows} == {"referrals"}
    counts = {row["month"]: int(row["count"]) for row in rows}
    assert (counts["2017-03-01"], counts["2017-04-01"], counts["2017-05-01"]) == (135, 205, 304)
