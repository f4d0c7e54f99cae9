"""Files into the store through the command line: what is said of them, and where they end up."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest
from e2e_council import council, totals
from e2e_office import Office, Said

SAMPLES = Path(__file__).parents[1] / "read" / "samples"
RECEIVED = "2025-03-31T09:00:00+00:00"
HEAD = "child_id,event,date"

# source, then rows read, repeated and rejected
READ = {
    "cscdp_2015-01-sample.xlsx": ("annex a", 5, 0, 0),
    "cscdp_child-event-journeys_annexa_example.xlsx": ("annex a", 42, 0, 0),
    "liia_Annex_A_sample.xlsx": ("annex a", 54, 0, 0),
    "d2i_CIN2rows.xml": ("cin census", 11, 3, 0),
    "d2i_CIN_Census_2026.xml": ("cin census", 9, 0, 1),
}
REFUSED = {
    "d2i_CIN_Census_2021.xml": "7 of 7 rows (100%) were rejected",
    "NOTICE": "the format is not known",
}
SUMMARY = re.compile(
    r"(?P<name>\S+): (?P<source>[a-z ]+), (?P<rows>\d+) rows read(?:, \S+ to \S+)?: (?P<new>\d+) new, "
    r"(?P<corrected>\d+) corrected, (?P<unchanged>\d+) unchanged, (?P<repeated>\d+) repeated, "
    r"(?P<rejected>\d+) rejected\."
)


@pytest.fixture
def clerk(office: Office) -> Office:
    """An office whose clock stands at a day after the samples were made."""
    office.now = RECEIVED
    return office


def summary(said: Said) -> dict[str, int]:
    """Returns the figures of the one summary line."""
    found = [match for line in said.out.splitlines() if (match := SUMMARY.fullmatch(line))]
    assert len(found) == 1, said
    return {name: int(value) for name, value in found[0].groupdict().items() if value.isdigit()}


def test_every_sample_is_listed_here() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == {*READ, *REFUSED}


@pytest.mark.parametrize("name", READ)
def test_a_sample_is_read_and_summed_up_in_one_line(clerk: Office, name: str) -> None:
    source, rows, repeated, rejected = READ[name]
    said = clerk.forecaster("ingest", SAMPLES / name).done()
    assert said.out.startswith(f"{name}: {source}, {rows} rows read, ")
    told = summary(said)
    assert (told["rows"], told["repeated"], told["rejected"]) == (rows, repeated, rejected)
    assert told["rows"] == told["new"] + told["corrected"] + told["unchanged"] + told["repeated"]
    assert clerk.rows("SELECT count(*) FROM events") == [(told["new"],)]
    assert ("rejected: " in said.err) == bool(rejected)
    assert (clerk.folder / "var" / "rejects").exists() == bool(rejected)


@pytest.mark.parametrize("name", REFUSED)
def test_a_sample_that_cannot_be_used_is_refused_in_one_line(clerk: Office, name: str) -> None:
    line = clerk.forecaster("ingest", SAMPLES / name).refused()
    assert line.startswith(f"{name}: {REFUSED[name]}")
    assert clerk.rows("SELECT count(*) FROM extracts") == [(0,)]


def test_all_samples_go_into_one_store_one_after_another(clerk: Office) -> None:
    said = clerk.forecaster("ingest", *(SAMPLES / name for name in READ)).done()
    assert len(SUMMARY.findall(said.out)) == len(READ)
    assert clerk.rows("SELECT count(*) FROM extracts") == [(len(READ),)]


@pytest.mark.parametrize("name", READ)
def test_the_same_file_twice_changes_nothing(clerk: Office, name: str) -> None:
    clerk.forecaster("ingest", SAMPLES / name)
    before = clerk.dump()
    said = clerk.forecaster("ingest", SAMPLES / name).done()
    assert said.out == f"{name}: read before, nothing to do.\n"
    assert clerk.dump() == before


def test_a_copy_under_another_name_is_the_same_file(clerk: Office) -> None:
    clerk.forecaster("ingest", SAMPLES / "d2i_CIN2rows.xml").done()
    copy = clerk.folder / "copy.dat"
    copy.write_bytes((SAMPLES / "d2i_CIN2rows.xml").read_bytes())
    assert clerk.forecaster("ingest", copy).done().out == "copy.dat: read before, nothing to do.\n"


def test_a_rejected_row_is_listed_with_its_line_its_reason_and_its_remedy(clerk: Office) -> None:
    said = clerk.forecaster("ingest", SAMPLES / "d2i_CIN_Census_2026.xml").done()
    listed = (clerk.folder / "var" / "rejects" / "d2i_CIN_Census_2026.xml.rejects.txt").read_text().splitlines()
    assert len(listed) == summary(said)["rejected"] == 1
    assert listed[0] in said.err
    assert re.match(
        r"d2i_CIN_Census_2026.xml, line \d+, column AssessmentActualStartDate: .*; check the year", listed[0]
    )


def test_a_later_extract_corrects_an_earlier_one_and_rows_that_vanish_stay(clerk: Office) -> None:
    first = clerk.write("first.csv", f"{HEAD},team", "1,referral,2024-01-08,North", "2,referral,2024-01-09,North")
    later = clerk.write("later.csv", f"{HEAD},team", "1,referral,2024-01-08,South", "3,referral,2024-01-10,North")
    clerk.forecaster("ingest", first).done()
    told = summary(clerk.forecaster("ingest", later).done())
    assert (told["new"], told["corrected"]) == (1, 1)
    assert clerk.rows("SELECT count(DISTINCT child), count(*) FROM events") == [(3, 4)]


def test_text_of_windows_comes_through_whole(clerk: Office) -> None:
    path = clerk.write("w.csv", f"{HEAD},team", "1,referral,2024-01-08,Café – North’s", encoding="cp1252")
    clerk.forecaster("ingest", path).done()
    assert clerk.rows("SELECT team FROM events") == [("Café – North’s",)]


@pytest.mark.parametrize("name", ["utf8.csv", "bom.csv", "semicolon.csv", "day first.csv", "packed.csv.gz"])
def test_the_ways_people_save_a_csv_give_the_same_events(clerk: Office, name: str) -> None:
    lines = (HEAD, "1,referral,2024-01-08", "2,section_47,2024-02-09", "")
    if name.startswith("day first"):
        lines = (HEAD, "1,Referral,08/01/2024", "2,Section 47,09/02/2024 00:00", "")
    text = "\r\n".join(lines).replace(",", ";" if name.startswith("semicolon") else ",")
    data = text.encode("utf-8-sig" if name.startswith("bom") else "utf-8")
    path = clerk.folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    clerk.forecaster("ingest", path).done()
    assert clerk.rows("SELECT event, date FROM events ORDER BY date") == [
        ("referral", "2024-01-08"), ("section_47", "2024-02-09"),
    ]  # fmt: skip


def test_totals_go_into_the_store_too(clerk: Office) -> None:
    said = clerk.forecaster("ingest", clerk.write("totals.csv", *totals())).done()
    assert said.out.startswith("totals.csv: totals csv, 130 rows read, 2020-01-06 to 2022-06-27: 130 new")
    assert clerk.rows("SELECT count(*) FROM totals") == [(130,)]


def test_a_period_that_the_file_does_not_name_may_be_said(clerk: Office) -> None:
    path = clerk.write("totals.csv", "period,measure,count", "2024-01-01,referrals,7")
    assert "--period week or month" in clerk.forecaster("ingest", path).refused()
    clerk.forecaster("ingest", path, "--period", "month").done()
    assert clerk.rows("SELECT step FROM totals") == [("month",)]


def test_the_councils_events_come_in_whole(office: Office, events_csv: Path) -> None:
    told = summary(office.forecaster("ingest", events_csv).done())
    assert told["rows"] == told["new"] == len(council().events)


# The inbox


def in_inbox(office: Office) -> dict[str, list[str]]:
    """Returns the names of the files below the inbox, by folder, without the moment they were put away."""
    inbox = office.folder / "var" / "inbox"
    found: dict[str, list[str]] = {}
    for path in sorted(inbox.rglob("*.*")):
        found.setdefault(path.parent.name, []).append(re.sub(r"^\d{8}T\d{6}-", "", path.name))
    return found


def test_files_of_the_inbox_are_read_and_put_away(clerk: Office) -> None:
    clerk.write("var/inbox/good.csv", HEAD, "1,referral,2024-01-08")
    clerk.write("var/inbox/partly.csv", HEAD, "2,referral,2024-01-08", "2,referral,1924-01-08")
    clerk.write("var/inbox/bad.csv", "a,b,c", "1,2,3")
    said = clerk.forecaster("ingest")
    assert said.code == 2
    assert len(SUMMARY.findall(said.out)) == 2
    assert [line.split(":")[0] for line in sorted(said.err.splitlines())] == ["error", "rejected"]
    assert in_inbox(clerk) == {"done": ["good.csv", "partly.csv"], "refused": ["bad.csv"]}
    assert clerk.rows("SELECT count(*) FROM events") == [(2,)]


def test_an_inbox_with_nothing_in_it_is_no_error(clerk: Office) -> None:
    assert clerk.forecaster("ingest").done().out == "Nothing waits in var/inbox.\n"


def test_a_file_that_comes_again_is_put_away_too(clerk: Office) -> None:
    for name in ("one.csv", "two.csv"):
        clerk.write(f"var/inbox/{name}", HEAD, "1,referral,2024-01-08")
        clerk.forecaster("ingest").done()
    assert in_inbox(clerk) == {"done": ["one.csv", "two.csv"]}


def test_files_are_read_in_the_order_they_came(clerk: Office) -> None:
    for age, (name, team) in enumerate((("b.csv", "first"), ("a.csv", "second"))):
        path = clerk.write(f"var/inbox/{name}", f"{HEAD},team", f"1,referral,2024-01-08,{team}")
        os.utime(path, (1_700_000_000 + age, 1_700_000_000 + age))
    clerk.forecaster("ingest").done()
    assert clerk.rows("SELECT team FROM events ORDER BY extract_id") == [("first",), ("second",)]


def test_the_main_job_reads_the_inbox_first(clerk: Office) -> None:
    clerk.write("var/inbox/totals.csv", *totals())
    said = clerk.forecaster("run", "--as-of", "2022-07-04").done()
    assert "130 new" in said.out and "Week of 2022-06-27" in said.out
    assert in_inbox(clerk) == {"done": ["totals.csv"]}


def test_a_bad_file_in_the_inbox_does_not_keep_the_main_job_from_its_work(clerk: Office) -> None:
    clerk.write("var/inbox/totals.csv", *totals())
    clerk.write("var/inbox/bad.csv", "a,b,c", "1,2,3")
    said = clerk.forecaster("run", "--as-of", "2022-07-04")
    assert said.code == 1 and said.err.startswith("error: bad.csv: ")
    assert "Week of 2022-06-27" in said.out


def test_several_readers_of_one_inbox_read_each_file_once(clerk: Office) -> None:
    for number in range(6):
        clerk.write(f"var/inbox/{number}.csv", HEAD, f"{number},referral,2024-01-08")
    readers = [clerk.start("ingest") for _ in range(3)]
    assert [reader.said().code for reader in readers] == [0, 0, 0]
    assert in_inbox(clerk) == {"done": [f"{number}.csv" for number in range(6)]}
    assert clerk.rows("SELECT count(*) FROM events") == [(6,)]
