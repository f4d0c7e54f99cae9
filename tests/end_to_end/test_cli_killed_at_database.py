"""Killed with SIGKILL between any two statements, and started again: the same alerts, each told once."""

from __future__ import annotations

from typing import Any

import pytest
from e2e_council import TOLD, totals
from e2e_deadly import check_told_once, kept
from e2e_office import Office

from tests.channels.slack_double import SlackDouble

KILLED = -9
CLAIM = MARK = "UPDATE deliveries"
PUT, COMMIT, NEXT = "INSERT INTO deliveries", "COMMIT", "SELECT"
BEFORE_COMMIT = {
    "before the run is written": ["INSERT INTO runs"],
    "between an alert and its transition": ["INSERT INTO transitions"],
    "between a text and its chart": [PUT, PUT],
    "before the commit": [PUT, COMMIT],
}
AFTER_COMMIT = {
    "after the commit": [PUT, COMMIT, NEXT],
    "before the claim is committed": [CLAIM, COMMIT],
    "after the text was answered": [CLAIM, MARK],
    "before the text's mark is committed": [CLAIM, MARK, COMMIT],
    "when the text is marked": [CLAIM, MARK, COMMIT, NEXT],
    "before the chart's claim is committed": [CLAIM, MARK, CLAIM, COMMIT],
    "after the chart was answered": [CLAIM, MARK, CLAIM, MARK],
    "before the chart's mark is committed": [CLAIM, MARK, CLAIM, MARK, COMMIT],
}


def killed_run(office: Office, death: list[str]) -> None:
    assert office.forecaster("run", "--as-of", TOLD, death=death).code == KILLED


@pytest.mark.parametrize("step", BEFORE_COMMIT)
def test_killed_before_the_commit_nothing_is_half_written(
    crashing: Office, slack: SlackDouble, undisturbed: list[Any], step: str
) -> None:
    before = crashing.dump()
    killed_run(crashing, BEFORE_COMMIT[step])
    assert crashing.dump() == before
    assert slack.requests == []
    again = crashing.forecaster("run", "--as-of", TOLD).done()
    assert "message" in again.out
    check_told_once(crashing, slack)
    assert kept(crashing) == undisturbed


@pytest.mark.parametrize("step", AFTER_COMMIT)
def test_killed_after_the_commit_everything_is_told_once(
    crashing: Office, slack: SlackDouble, undisturbed: list[Any], step: str
) -> None:
    killed_run(crashing, AFTER_COMMIT[step])
    assert kept(crashing) == undisturbed
    again = crashing.forecaster("run", "--as-of", TOLD).done()
    assert "nothing new to tell" in again.out
    check_told_once(crashing, slack)
    assert kept(crashing) == undisturbed


@pytest.mark.parametrize("death", [["INSERT INTO extracts"], ["INSERT INTO totals"], ["UPDATE extracts", "COMMIT"]])
def test_killed_while_a_file_is_read_all_of_it_comes_in_the_next_time(office: Office, death: list[str]) -> None:
    office.write("var/inbox/totals.csv", *totals())
    office.forecaster("doctor")  # makes the tables
    before = office.dump()
    assert office.forecaster("ingest", death=death).code == KILLED
    assert office.dump() == before
    assert "130 new" in office.forecaster("ingest").done().out
    assert office.rows("SELECT count(*) FROM totals") == [(130,)]


def test_killed_before_a_file_that_was_read_is_put_away_it_is_put_away_the_next_time(office: Office) -> None:
    waiting = office.write("var/inbox/totals.csv", *totals())
    office.forecaster("ingest", waiting).done()
    assert waiting.exists()
    assert "nothing to do" in office.forecaster("ingest").done().out
    assert not waiting.exists()
    assert office.rows("SELECT count(*) FROM extracts") == [(1,)]
    assert [path.parent.name for path in (office.folder / "var" / "inbox").rglob("*.csv")] == ["done"]
