"""Bad input through the command line: one line that names file, row, column and remedy; nothing half-written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from e2e_office import Office

SAMPLES = Path(__file__).parents[1] / "read" / "samples"
HEAD = "child_id,event,date"
GOOD = ("1,referral,2024-01-08", "2,referral,2024-01-09", "3,referral,2024-01-10", "4,referral,2024-01-11")
OLE = bytes.fromhex("D0CF11E0A1B11AE1")
BOMB = """<?xml version="1.0"?>
<!DOCTYPE Message [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>
<Message><Header>&c;</Header><Children/></Message>"""
THIEF = """<!DOCTYPE Message [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<Message><Children><Child><ChildIdentifiers><LAchildID>&x;</LAchildID></ChildIdentifiers></Child></Children></Message>"""


def workbook() -> bytes:
    return (SAMPLES / "liia_Annex_A_sample.xlsx").read_bytes()


def text(*lines: str) -> bytes:
    return "\n".join([*lines, ""]).encode()


def with_renamed_column(folder: Path) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "List_3"
    sheet.append(["Child Unique ID", "Date of refferal", "Referral Source", "Referral NFA?"])
    sheet.append([1, "2024-01-08", "1A: Individual", "b) No"])
    book.save(folder / "made.xlsx")
    return (folder / "made.xlsx").read_bytes()


# name, what is in it, and what the one line must say besides the name
FILES: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "empty.csv": (lambda: b"", ("empty", "export it again")),
    "blank.csv": (lambda: b"\n \n\n", ("empty", "export it again")),
    "truncated.xlsx": (lambda: workbook()[:9000], ("cut short or damaged", "export it again")),
    "short.xlsx": (lambda: workbook()[:100], ("cut short or damaged", "export it again")),
    "locked.xlsx": (
        lambda: OLE + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(512),
        ("protected with a password", "without a password"),
    ),
    "damaged.xls": (lambda: OLE + bytes(2000), ("cut short or damaged", "export it again")),
    "bomb.xml": (lambda: BOMB.encode(), ("declares a document type", "without one")),
    "thief.xml": (lambda: THIEF.encode(), ("declares a document type", "without one")),
    "cut.xml": (lambda: (SAMPLES / "d2i_CIN2rows.xml").read_bytes()[:1500], ("row ", "; ")),
    "page.xml": (lambda: b"<html><body>Sign in</body></html>", ("no census", "<Message>")),
    "renamed.csv": (
        lambda: text("child_ref,event,date", *GOOD),
        ("row 1, column child_id", "nearest heading is 'child_ref'", "rename the heading"),
    ),
    "no date.csv": (lambda: text("child_id,event,team", *GOOD), ("row 1, column date", "add the column")),
    "twice.csv": (lambda: text(f"{HEAD},date", *GOOD), ("row 1, column date", "rename one of them")),
    "previous.csv": (
        lambda: text(f"{HEAD},previous_plan", *(f"{row},1" for row in GOOD)),
        ("row 1, column previous_plans", "rename the heading"),
    ),
    "unknown.csv": (lambda: text("Region,Value", "North,3"), ("the format is not known", "child_id,event,date")),
    "picture.csv": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(300), ("the format is not known",)),
    "wide.csv": (lambda: "\n".join([HEAD, *GOOD]).encode("utf-16"), ("UTF-16", "CSV UTF-8")),
    "quote.csv": (lambda: text(HEAD, *GOOD, '5,"referral,2024-01-08'), ("row ", "quotation mark", "export")),
    "cut.csv.gz": (lambda: gzip.compress(text(HEAD, *GOOD))[:40], ("gzipped file is cut short", "export it again")),
    "packed.xlsx": (lambda: gzip.compress(workbook()), ("only CSV files may be gzipped", "unpack it first")),
    "1900.csv": (
        lambda: text(HEAD, "1,referral,1900-01-08", "2,referral,2099-01-08"),
        ("2 of 2 rows (100%) were rejected", "row 2, column date", "1900-01-08 is before", "check the year"),
    ),
    "totals.csv": (
        lambda: text("week,measure,count", "2024-01-09,referrals,7"),
        ("row 2, column week", "not a Monday", "2024-01-08"),
    ),
    "uncounted.csv": (lambda: text("week,measure,number", "2024-01-08,a,7"), ("row 1, column count",)),
}  # fmt: skip


@pytest.fixture
def clerk(office: Office) -> Office:
    """An office with a little in its store; its clock stands still."""
    office.now = "2025-03-31T09:00:00+00:00"
    office.forecaster("ingest", office.write("before.csv", HEAD, "9,referral,2024-01-05")).done()
    return office


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_refused_in_one_line_and_changes_nothing(clerk: Office, name: str) -> None:
    make, words = FILES[name]
    (clerk.folder / name).write_bytes(make())
    before = clerk.dump()
    line = clerk.forecaster("ingest", name).refused()
    assert line.startswith(name) and all(word in line for word in words), line
    assert "; " in line  # the remedy
    assert clerk.dump() == before
    assert not (clerk.folder / "var" / "rejects").exists()


def test_a_renamed_column_of_a_workbook_names_sheet_and_remedy(clerk: Office) -> None:
    (clerk.folder / "renamed.xlsx").write_bytes(with_renamed_column(clerk.folder))
    line = clerk.forecaster("ingest", "renamed.xlsx").refused()
    assert "List_3" in line and "'Date of refferal'" in line and "rename the heading" in line


@pytest.mark.parametrize("name", ["nowhere.csv", "no/such/folder.csv", "var"])
def test_a_path_that_is_no_file_is_refused_in_one_line(clerk: Office, name: str) -> None:
    line = clerk.forecaster("ingest", name).refused()
    assert "cannot be read" in line and "check the path" in line


def test_the_files_before_a_bad_one_are_kept(clerk: Office) -> None:
    good, bad = clerk.write("good.csv", HEAD, *GOOD), clerk.write("bad.csv", "a,b", "1,2")
    said = clerk.forecaster("ingest", good, bad, good)
    assert said.refused().startswith("bad.csv")
    assert said.out.startswith("good.csv: ") and len(said.out.splitlines()) == 1


# Bad rows in a good file

ROWS = {
    "a date of 1900": (["5,referral,1900-01-08"], 6, "date", "1900-01-08 is before 2000-01-01; check the year"),
    "a date of 2099": (["5,referral,2099-01-08"], 6, "date", "2099-01-08 is after the day the file was received"),
    "a date that is none": (["5,referral,2024-02-31"], 6, "date", "'2024-02-31' is not a date; write dates as"),
    "American dates": (["5,referral,01/31/2024"], 6, "date", "is not a date; write dates as"),
    "no date": (["5,referral,"], 6, "date", "no date; fill in the date"),
    "no child": ([",referral,2024-01-08"], 6, "child_id", "no child id; give each row the id of its child"),
    "a shortened id": (["1.2E+11,referral,2024-01-08"], 6, "child_id", "shortened by a spreadsheet"),
    "an unknown event": (["5,referal,2024-01-08"], 6, "event", "unknown event 'referal'; write referral"),
    "a value too many": (["5,referral,2024-01-08,x"], 6, "", "the row has 4 values, the heading 3"),
    "two open plans": (
        ["5,plan_start,2024-01-08", "5,plan_start,2024-03-08"], 7, "date",
        "a second plan starts while the child's plan of row 6 is open; give the end of the plan of row 6",
    ),
    "an end before its start": (
        ["5,plan_start,2024-03-08", "5,plan_end,2024-01-08"], 7, "date",
        "the plan ends before the child's first plan in the file starts (row 6); correct the date",
    ),
}  # fmt: skip


@pytest.mark.parametrize("trouble", ROWS)
def test_a_bad_row_is_left_out_with_its_line_and_the_rest_is_kept(clerk: Office, trouble: str) -> None:
    rows, row, column, why = ROWS[trouble]
    said = clerk.forecaster("ingest", clerk.write("rows.csv", HEAD, *GOOD, *rows)).done()
    assert f"{len(GOOD) + len(rows) - 1} rows read" in said.out and "1 rejected." in said.out
    [listed] = (clerk.folder / "var" / "rejects" / "rows.csv.rejects.txt").read_text().splitlines()
    assert listed.startswith(f"rows.csv, row {row}, column {column}: ") and why in listed
    [line] = said.err.splitlines()
    assert line == f"rejected: {listed}  (all 1: var/rejects/rows.csv.rejects.txt)"


def test_repeated_rows_are_counted_once(clerk: Office) -> None:
    said = clerk.forecaster("ingest", clerk.write("rows.csv", HEAD, *GOOD, *GOOD)).done()
    assert "8 rows read" in said.out and "4 new" in said.out and "4 repeated, 0 rejected" in said.out


def test_how_many_bad_rows_are_too_many_is_config(clerk: Office) -> None:
    clerk.configure("[inbox]\nmax_reject_share = 0.1\n")
    path = clerk.write("rows.csv", HEAD, *GOOD, "5,referral,1900-01-08")
    before = clerk.dump()
    line = clerk.forecaster("ingest", path).refused()
    assert "1 of 5 rows (20%) were rejected, more than the 10% allowed" in line and "row 6, column date" in line
    assert clerk.dump() == before


# Bad settings and arguments

CONFIGS = {
    "[detection]\nfalse_alerts_per_yer = 3": 'key "false_alerts_per_yer"; did you mean "false_alerts_per_year"?',
    "[detction]\ncalm_periods = 3": 'unknown key "detction"; did you mean "detection"?',
    "[schedule]\ncalm_periods = 3": 'it belongs in "detection"',
    "[detection]\ncalm_periods = 'four'": '[detection] calm_periods: must be a whole number, not "four"',
    "[schedule]\nwatch = 'monday 7am'": 'must be a day and a time such as "mon 07:00"',
    "[[routes]]\nto = ['manager']": '[[routes]] 1 to: unknown target "manager"; did you mean "managers"?',
    "[measures]\nfile = 'nowhere.toml'": "nowhere.toml: cannot be read",
    "[detection": "not valid TOML",
}


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("command", [("config",), ("doctor",), ("run",)])
def test_a_bad_config_is_one_line_with_the_nearest_right_name(
    office: Office, config: str, command: tuple[str, ...]
) -> None:
    office.configure(config + "\n")
    line = office.forecaster(*command).refused()
    assert CONFIGS[config] in line
    assert line.startswith("nowhere.toml" if "nowhere" in config else "forecaster.toml")
    assert not office.database.exists()


def test_a_config_that_is_not_there_is_said(office: Office) -> None:
    assert "nowhere.toml: cannot be read" in office.forecaster("doctor", "--config", "nowhere.toml").refused()
    assert "nowhere.toml: cannot be read" in office.forecaster("doctor", FORECASTER_CONFIG="nowhere.toml").refused()


def test_a_secret_given_twice_is_said(office: Office) -> None:
    line = office.forecaster("doctor", SLACK_BOT_TOKEN="xoxb", SLACK_BOT_TOKEN_FILE="token").refused()
    assert "both SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE" in line


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", "sqlite", "postgres//host"])
def test_a_database_address_that_is_none_is_said(office: Office, url: str) -> None:
    line = office.forecaster("doctor", FORECASTER_DATABASE_URL=url).refused()
    assert line.startswith("FORECASTER_DATABASE_URL: ") and "write sqlite:///FILE or postgresql://HOST/NAME" in line


def test_a_database_in_a_folder_that_cannot_be_made_is_said(office: Office) -> None:
    office.write("file", "in the way")
    line = office.forecaster("doctor", FORECASTER_DATABASE_URL="sqlite:///file/forecaster.db").refused()
    assert "file" in line and "check the path" in line


UNUSABLE = {
    "a server that is not there": "postgresql://127.0.0.1:1/nowhere",
    "a file that is no database": "sqlite:///notes.txt",
    "a folder": "sqlite:///folder",
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_database_that_cannot_be_used_is_one_line(office: Office, what: str) -> None:
    office.write("notes.txt", "Not a database. " * 100)
    office.write("folder/file", "")
    line = office.forecaster("doctor", FORECASTER_DATABASE_URL=UNUSABLE[what]).refused()
    assert "FORECASTER_DATABASE_URL" in line


def test_a_full_disk_is_one_line_that_shows_no_row_and_changes_nothing(clerk: Office, events_csv: Path) -> None:
    before = clerk.dump()
    line = clerk.forecaster("ingest", events_csv, largest_file=500_000).refused()
    assert "disk" in line and "North" not in line
    assert clerk.dump() == before


ARGUMENTS = {
    ("run", "--as-of", "2018-13-01"): "'--as-of': '2018-13-01' is not a date: write it as 2018-01-08",
    ("run", "--as-of", "yesterday"): "'--as-of': 'yesterday' is not a date",
    ("run", "--as-of", "9999-12-31"): "--as-of: 9999-12-31 has not come yet; give 20",
    ("run", "--as-off", "2018-01-08"): "No such option: --as-off",
    ("snooze", "x", "--until", "8/1/2018", "--reason", "y"): "'--until': '8/1/2018' is not a date",
    ("ack", "plan-starts-up-2017-w47"): "Missing option '--reason'",
    ("ack", "nothing-of-the-kind", "--reason", "y"): "there is no alert nothing-of-the-kind; `forecaster alerts` lists",
    ("snooze", "nothing", "--until", "2030-01-07", "--reason", "y"): "there is no alert nothing; `forecaster alerts`",
    ("alerts", "show", "nothing"): "there is no alert nothing; `forecaster alerts` lists them",
    ("alerts", "show"): "Missing argument 'ID'",
    ("detect", "totals.csv", "--last", "0", "--output", "out.csv"): "'--last'",
    ("detect", "totals.csv", "--last", "3"): "Missing option '--output'",
    ("forecast", "totals.csv", "--horizon", "3", "--output", "f.csv", "--model", "arima"): "'counts', 'prophet'",
    ("backtest", "--weeks", "three"): "'--weeks'",
    ("backtest", "--weeks", "3"): "the store holds no data: run `forecaster ingest FILE` first",
    ("preview", "nowhere.toml"): "nowhere.toml: cannot be read",
    ("run",): "there is no data to judge; run `forecaster ingest FILE` first",
    ("forcast",): "No such command 'forcast'",
}


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_a_bad_argument_is_one_line(office: Office, arguments: tuple[str, ...]) -> None:
    assert ARGUMENTS[arguments] in office.forecaster(*arguments).refused()
