"""No identifier, name or date of birth gets past the door: into no store, log, message or list of rejects."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e_council import MONDAY
from e2e_office import TINY, Office, wait_until

SAMPLES = Path(__file__).parents[1] / "read" / "samples"
HEAD = "child_id,event,date,team,age,gender,family_id,name,date_of_birth,previous_plans,outcome"
CHILDREN = tuple(f"KID77{number:04}" for number in range(40))
FAMILIES = tuple(f"FAMILY66{number:04}" for number in range(40))
NAMES = ("Zebedee", "Quillfeather")
BORN = ("2011-05-17", "17/05/2011")
SECRETS = (*CHILDREN, *FAMILIES, *NAMES, *BORN)
# Rows that are rejected, with an identifier or a name in every place a clerk may put one.
CLUMSY = (
    "Zebedee Quillfeather,referral,2023-02-08,North,11,M,FAMILY660001,Zebedee,2011-05-17,0,",
    "KID770001,Zebedee,2023-02-08,North,11,M,FAMILY660001,Zebedee,2011-05-17,0,",
    "KID770001,referral,Zebedee Quillfeather,North,11,M,FAMILY660001,Zebedee,2011-05-17,0,",
    "KID770001,referral,KID770001,North,11,M,FAMILY660001,Zebedee,2011-05-17,0,",
    "KID770001,referral,2023-02-08,North,Quillfeather,M,FAMILY660001,Zebedee,2011-05-17,0,",
    "KID770001,plan_start,2023-02-08,North,11,M,FAMILY660001,Zebedee,2011-05-17,KID770001,",
    "KID770001,referral,2023-02-08,North,11,M,FAMILY660001,Zebedee,2011-05-17,0,,KID770001",
    "KID770002,plan_start,2023-02-08,North,11,M,FAMILY660001,Zebedee,2011-05-17,0,",
    "KID770002,plan_start,2023-03-08,North,11,M,FAMILY660001,Zebedee,2011-05-17,0,",
    ",referral,2023-02-08,North,11,M,FAMILY660001,Zebedee,2011-05-17,0,",
)


def extract() -> list[str]:
    rows = [
        f"{child},referral,2023-01-{1 + at % 28:02},North,11,M,{family},Zebedee Quillfeather,17/05/2011,0,"
        for at, (child, family) in enumerate(zip(CHILDREN, FAMILIES, strict=True))
    ]
    return [HEAD, *rows, *CLUMSY]


def check_clean(office: Office, secrets: tuple[str, ...]) -> None:
    """No file of the folder (databases and their logs included) and nothing that was said holds one of these."""
    for path in office.files():
        data = path.read_bytes()
        found = [secret for secret in secrets if secret.encode() in data or secret.encode("utf-16-le") in data]
        assert not found, f"{path}: {found}"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """The source file: the one place where the identifiers are."""
    path = tmp_path / "source" / "extract.csv"
    path.parent.mkdir()
    path.write_text("\n".join([*extract(), ""]))
    return path


def test_an_events_csv_leaves_no_identifier_behind(office: Office, outside: Path) -> None:
    office.configure(TINY)
    said = office.forecaster("ingest", outside).done()
    assert "KID" not in said.out and "7 rejected" in said.out
    for command in (("ingest", outside), ("run", "--as-of", "2023-04-03"), ("doctor",), ("alerts",)):
        office.forecaster(*command)
    office.forecaster("backtest", "--weeks", 2, "--json", "alerts.json").done()
    children, families = office.rows("SELECT count(DISTINCT child), count(DISTINCT family) FROM events")[0]
    assert (children, families) == (41, 40)  # the clerk's name for a child is an id too
    check_clean(office, SECRETS)


def test_a_service_that_reads_it_leaves_no_identifier_behind(office: Office, outside: Path) -> None:
    office.write("var/inbox/extract.csv", *extract())
    office.write("var/inbox/bad.csv", "Zebedee,Quillfeather", "KID770001,2011-05-17")
    running = office.start("serve")
    wait_until(lambda: "refused" in running.out.read_text() and "judged" in running.out.read_text())
    running.kill(15)
    wait_until(running.ended)
    for path in (office.folder / "var" / "inbox").rglob("*.csv"):  # the sources, put away
        path.unlink()
    check_clean(office, SECRETS)


def test_a_file_that_is_refused_leaves_no_identifier_behind(office: Office, outside: Path) -> None:
    office.configure("[inbox]\nmax_reject_share = 0\n")
    said = office.forecaster("ingest", outside)
    assert said.code == 2
    check_clean(office, SECRETS)


@pytest.mark.parametrize(
    ("name", "secrets"),
    [
        ("liia_Annex_A_sample.xlsx", ("Hazlett", "Cutsforth", "Greenwood", "Gowin")),
        ("d2i_CIN_Census_2026.xml", ("DfEX0000001", "A123456789123", "1970-10-06", "1969-05-05")),
    ],
)
def test_a_sample_leaves_no_worker_and_no_child_behind(office: Office, name: str, secrets: tuple[str, ...]) -> None:
    office.forecaster("ingest", SAMPLES / name).done()
    office.forecaster("run", "--as-of", "2025-03-31")
    check_clean(office, secrets)


def test_an_extract_that_was_read_is_deleted_when_its_days_are_over(office: Office) -> None:
    office.configure("[inbox]\nkeep_days = 20\n")
    office.write("var/inbox/extract.csv", *extract())
    for day, left in (("01", 1), ("20", 1), ("22", 0)):
        office.forecaster("ingest", now=f"2024-03-{day}T09:00:00+00:00").done()
        assert len(list((office.folder / "var" / "inbox").rglob("*.csv"))) == left
    check_clean(office, SECRETS)


def test_no_temporary_file_is_left_behind(council_office: Office) -> None:
    council_office.configure(TINY.replace("prophet = []", ""))
    temporary = council_office.home / "tmp"
    temporary.mkdir()
    council_office.script("run", "--as-of", MONDAY, TMPDIR=str(temporary)).done()
    assert list(temporary.iterdir()) == []


def test_a_full_disk_shows_no_row(office: Office, events_csv: Path) -> None:
    running = office.start("ingest", events_csv, largest_file=500_000)
    wait_until(running.ended)
    assert running.code != 0
    text = running.out.read_text() + running.err.read_text()
    assert "North Team" not in text and "plan_start" not in text
