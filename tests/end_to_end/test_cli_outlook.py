"""`outlook`: how many on 31 March, how sure, what was said before, and what if. Nothing is changed."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

import pytest
from e2e_council import LAST, TOLD, WEEK, totals
from e2e_office import TINY, Office, Zygote

BAND = r"about (\d+) \((\d+)-(\d+)\)"
HEADLINES = ("Referrals", "Section 47 enquiries", "Child protection plan starts",
             "Children on a child protection plan", "Second or subsequent plans")  # fmt: skip


def rows(out: str, title: str) -> dict[str, list[str]]:
    """The cells of a table's rows, by measure."""
    lines = out.partition(title)[2].splitlines()
    rule = next(number for number, line in enumerate(lines) if "──" in line)
    cells = (re.split(r" {2,}", line.strip()) for line in takewhile(str.strip, lines[rule + 1 :]))
    return {first: rest for first, *rest in cells if rest}


def fits(out: str, columns: int) -> bool:
    """Whether the tables fit a terminal and no figure is cut; sentences wrap."""
    return "…" not in out and all(len(line) <= columns for line in out.splitlines() if "  " in line)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote, ingested: Path) -> str:
    """What is said on one Monday."""
    office = Office(tmp_path_factory.mktemp("outlook"), tmp_path_factory.mktemp("home"), zygote)
    office.configure(TINY)
    office.give(ingested)
    before = office.dump()
    said = office.forecaster("outlook", "--as-of", LAST, COLUMNS="100").done()
    assert office.dump() == before  # nothing is stored
    assert said.err == "" and fits(said.out, 100)
    return said.out


def test_the_question_is_answered_first_then_every_headline_measure(answered: str) -> None:
    first, said, if_ends, if_starts, *_ = answered.splitlines()
    assert re.match(
        rf"Children on a child protection plan: \d+ on 28 August 2022, {BAND} on 31 March 2023, \d+ a ", first
    )
    assert re.match(r"Said before: on 1 August 2022 \d+ \(\d+-\d+\), on 30 May 2022 \d+ \(\d+-\d+\)\.", said)
    assert re.match(rf"If ends went back to last year's pace: {BAND}\.", if_ends)
    assert re.match(rf"If starts went back to last year's pace: {BAND}\.", if_starts)
    for title in ("where the year ends", "How likely it is above others", "What was said of it before"):
        assert tuple(rows(answered, title)) == HEADLINES


def test_each_measure_has_its_outturn_and_how_likely_more_and_above_others_it_is(answered: str) -> None:
    for name, (end, year_before, likely) in rows(answered, "where the year ends").items():
        assert re.fullmatch(r"[\d,]+%? \([\d,]+-[\d,]+%?\)", end), name
        assert re.fullmatch(r"[\d,]+%?", year_before), name
        assert re.fullmatch(r"(over |under )?\d+%", likely), name
    others = rows(answered, "How likely it is above others")
    assert all(re.fullmatch(r"(over |under )?\d+%|-", side) for sides in others.values() for side in sides)
    assert ("Not held against others: the extract's" in answered) == any("-" in sides for sides in others.values())


def test_the_flood_of_referrals_was_not_foreseen(answered: str) -> None:
    """The police refer five times as many since mid-July: what is said now is well above what was said in May."""
    now = rows(answered, "where the year ends")["Referrals"][0]
    _, may = rows(answered, "What was said of it before")["Referrals"]
    middle, before = (int(re.sub(r"\D", "", part.split(" ")[0])) for part in (now, may))
    assert middle > 1.1 * before


def test_what_was_said_before_is_what_that_day_says_of_itself(council_office: Office, answered: str) -> None:
    """In a narrow terminal, and with a lever: half as many ends make more plans."""
    out = council_office.forecaster("outlook", "--as-of", LAST - 4 * WEEK, "--ends", 0.5, COLUMNS="80").done().out
    then = [cells[0] for cells in rows(out, "where the year ends").values()]
    assert [cells[0] for cells in rows(answered, "What was said of it before").values()] == then
    forecast, fewer_ends = re.findall(BAND, out)
    assert "If ends were 50% fewer than forecast: about" in out
    assert all(int(fewer) > int(told) for told, fewer in zip(forecast, fewer_ends, strict=True))
    assert fits(out, 80)


def test_totals_have_their_year_end_too(office: Office) -> None:
    office.forecaster("ingest", office.write("totals.csv", *totals())).done()
    out = office.forecaster("outlook", "--as-of", TOLD, COLUMNS="100").done().out
    assert list(rows(out, "where the year ends")) == ["Referrals"]


def test_what_cannot_be_answered_is_refused_in_one_line(council_office: Office) -> None:
    assert council_office.forecaster("outlook", "--ends", "fast").refused().startswith("--ends: 'fast' is no pace")
    assert "has not come yet" in council_office.forecaster("outlook", "--as-of", "2999-01-01").refused()
    early = council_office.forecaster("outlook", "--as-of", "2010-01-04").refused()
    assert early.startswith("store: no headline measure has data up to 2010-01-04")
