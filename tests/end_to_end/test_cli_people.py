"""What people do about alerts at the command line: assign, rate; what doctor counts of it; the whole explanation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from e2e_council import MONDAY, TOLD, WEEK, totals
from e2e_deadly import MANAGERS_ONLY
from e2e_office import Office, Zygote

from tests.channels.slack_double import SlackDouble

BY = ("--by", "A. Patel")


def only_alert(office: Office) -> str:
    [(name,)] = office.rows("SELECT id FROM alerts")
    return str(name)


def referrals(office: Office) -> str:
    return str(office.rows("SELECT id FROM alerts WHERE id LIKE 'referrals-up%'")[0][0])


def shown(office: Office, name: str, **environment: str) -> list[str]:
    return office.forecaster("alerts", "show", name, **environment).done().out.splitlines()


@pytest.fixture(scope="module")
def told_once(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote, counted: Path) -> tuple[Path, SlackDouble]:
    """A var folder after managers were told of one alert on Slack, and what Slack held then."""
    made = Office(tmp_path_factory.mktemp("told once"), tmp_path_factory.mktemp("home"), zygote)
    made.configure(MANAGERS_ONLY)
    made.give(counted)
    with SlackDouble() as slack:
        made.environment |= slack.secrets
        made.forecaster("run", "--as-of", TOLD).done()
    return made.folder / "var", slack


@pytest.fixture
def told_office(office: Office, slack: SlackDouble, told_once: tuple[Path, SlackDouble]) -> Office:
    """An office whose managers were told of one alert this Monday."""
    var, before = told_once
    office.configure(MANAGERS_ONLY)
    office.give(var)
    slack.messages.extend(dict(message) for message in before.messages)
    office.now = f"{TOLD}T09:00:00+00:00"
    return office


# What is done at the command line is seen in Slack


@pytest.mark.parametrize(
    ("command", "change", "words"),
    [
        (("ack", "--reason", "audit under way"), None, "audit under way"),
        (("snooze", "--until", str(TOLD + 4 * WEEK), "--reason", "known cause"), None, "known cause"),
        (("assign", "--to", "B. Khan"), "assigned", "B. Khan"),
        (("rate", "not-useful", "--reason", "a known backlog"), "not useful", "a known backlog"),
    ],
    ids=["ack", "snooze", "assign", "rate"],
)
def test_what_is_done_is_kept_and_said_in_the_thread_and_on_the_first_message(
    told_office: Office, slack: SlackDouble, command: tuple[str, ...], change: str | None, words: str
) -> None:
    name, (first,) = only_alert(told_office), list(slack.posts)
    before = first["text"]
    said = told_office.forecaster(command[0], name, *command[1:], *BY).done()
    assert said.out.startswith(f"{name}: ") and "A. Patel" in said.out
    assert told_office.rows("SELECT change, actor FROM transitions ORDER BY position")[1:] == [(change, "A. Patel")]
    told_office.forecaster("run", "--as-of", TOLD).done()  # nothing new, but it sends what waits
    [_, reply] = slack.posts
    assert reply["thread_ts"] == first["ts"]
    assert "A. Patel" in reply["text"] and words.lower() in reply["text"].lower()
    assert first["text"] != before and {"A. Patel", "B. Khan"} & set(re.findall(r"[AB]\. \w+", first["text"]))
    assert told_office.rows("SELECT DISTINCT state FROM deliveries") == [("sent",)]


def test_what_cannot_be_done_is_refused_in_one_line_and_changes_nothing(told_office: Office) -> None:
    before, name = told_office.dump(), only_alert(told_office)
    assert "takes the name" in told_office.forecaster("assign", name, "--to", " ").refused()
    assert "needs a reason" in told_office.forecaster("rate", name, "not-useful").refused()
    assert "there is no alert nonsense" in told_office.forecaster("rate", "nonsense", "useful").refused()
    assert told_office.dump() == before


def test_to_assign_or_to_call_useful_leaves_the_alert_waiting_for_an_answer(told_office: Office) -> None:
    name = only_alert(told_office)
    told_office.forecaster("assign", name, "--to", "B. Khan", *BY).done()
    told_office.forecaster("rate", name, "useful", *BY).done()
    assert told_office.rows("SELECT state FROM alerts") == [("opened",)]
    told_office.forecaster("rate", name, "not-useful", "--reason", "known", *BY).done()
    assert told_office.rows("SELECT state FROM alerts") == [("acknowledged",)]


# doctor


def test_doctor_counts_what_the_alerts_of_each_detector_were_called_last(told_office: Office) -> None:
    assert " feedback " not in told_office.forecaster("doctor").out
    name = only_alert(told_office)
    told_office.forecaster("rate", name, "useful", *BY).done()
    told_office.now = f"{TOLD}T10:00:00+00:00"
    told_office.forecaster("rate", name, "not-useful", "--reason", "known", *BY).done()
    told_office.forecaster("rate", name, "not-useful", "--reason", "still known", "--by", "B. Khan").done()
    [line] = [line for line in told_office.forecaster("doctor").out.splitlines() if line[5:14].strip() == "feedback"]
    assert line.endswith("surge: 0 called useful, 1 not useful")  # what it was called last


# The whole explanation


def test_an_alert_is_shown_with_every_driver_and_all_that_was_done(alerted_office: Office) -> None:
    name = referrals(alerted_office)
    alerted_office.forecaster("assign", name, "--to", "B. Khan", *BY).done()
    alerted_office.forecaster("ack", name, "--reason", "audit under way", *BY).done()
    lines = shown(alerted_office, name)
    [(body,)] = alerted_office.rows(f"SELECT json_extract(body, '$.drivers') FROM alerts WHERE id = '{name}'")
    drivers = re.findall(r'"name": ?"([^"]+)"', body)
    assert drivers and any("Police" in driver for driver in drivers)
    assert all(any(driver in line for line in lines) for driver in drivers)
    assert re.search(r"source=Police +\+\d+\.\d +\d+%", "\n".join(lines))
    assert re.search(r"the \d together +\+\d+\.\d +100%", "\n".join(lines))  # the stages of the pathway
    assert "State        acknowledged by A. Patel" in lines and "Assigned to  B. Khan" in lines
    assert [line.split("  ")[1] for line in lines[-3:]] == ["opened", "assigned", "opened -> acknowledged"]
    assert lines[-1] == f"{MONDAY} 10:00  opened -> acknowledged  A. Patel: audit under way"


def test_the_table_of_drivers_fits_80_columns(alerted_office: Office) -> None:
    lines = shown(alerted_office, referrals(alerted_office), COLUMNS="80")
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("What it is made of")) :]
    assert all(len(line) <= 80 for line in table)


def test_no_small_count_is_shown_of_a_driver(alerted_office: Office) -> None:
    name = referrals(alerted_office)
    driver = "source=Police"
    query = "SELECT key, json_extract(value, '$.name') FROM alerts, json_each(body, '$.drivers') WHERE alerts.id = "
    [index] = [key for key, one in alerted_office.rows(f"{query}'{name}'") if one == driver]
    change = f"json_set(body, '$.drivers[{index}].observed', 4.0)"
    alerted_office.change(f"UPDATE alerts SET body = {change} WHERE id = '{name}'")
    [line] = [line for line in shown(alerted_office, name) if f" {driver} " in line]
    assert line.split() == ["slice", driver, "c", "c"]


def test_the_alerts_of_one_story_are_named(office: Office, slack: SlackDouble) -> None:
    """More referrals, then more section 47 enquiries: one thread, and the second is there for all to see."""
    office.configure(MANAGERS_ONLY.replace("[detection]", '[detection]\ndetectors = ["surge"]'))
    for measure, around in (("referrals", (52, 63, 80, 95)), ("section_47", (28, 31, 70, 85))):
        office.forecaster("ingest", office.write(f"{measure}.csv", *totals(measure, 124, around))).done()
    for week in (2, 4):
        office.forecaster("run", "--as-of", TOLD + (week - 3) * WEEK).done()
    first, second = (name for (name,) in office.rows("SELECT id FROM alerts ORDER BY opened"))
    top, *replies = slack.posts
    [joined] = [reply for reply in replies if reply.get("reply_broadcast")]
    assert "thread_ts" not in top and {reply["thread_ts"] for reply in replies} == {top["ts"]}
    assert joined["blocks"][0]["type"] == "header"  # told whole, not as a change
    assert {f"Story        {first}", f"With         {first}"} <= set(shown(office, second))
    assert {f"Story        {first}", f"With         {second}"} <= set(shown(office, first))
