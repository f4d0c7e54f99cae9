"""What people do with alerts, and what an operator asks: alerts, ack, snooze, doctor, config, erase, preview."""

from __future__ import annotations

import csv
import json
import re
import stat
from pathlib import Path

import pytest
from e2e_council import LAST, MONDAY, WEEK
from e2e_office import TINY, Office, Said

from forecaster.calendar import DAY
from forecaster.read.pseudonym import pseudonym

SENIOR = ("--by", "A. Patel", "--reason", "audit under way")


def ids(office: Office) -> list[str]:
    return [name for (name,) in office.rows("SELECT id FROM alerts ORDER BY opened, id")]


def referrals(office: Office) -> str:
    return next(name for name in ids(office) if name.startswith("referrals-up"))


def shown(office: Office, name: str) -> list[str]:
    return office.forecaster("alerts", "show", name).done().out.splitlines()


# alerts


def test_alerts_are_listed_with_ids_that_can_be_copied(alerted_office: Office) -> None:
    said = alerted_office.forecaster("alerts").done()
    words = said.out.split()
    assert len(ids(alerted_office)) >= 2
    assert all(words.count(name) == 1 for name in ids(alerted_office))


def test_a_narrow_terminal_does_not_break_an_id(alerted_office: Office) -> None:
    said = alerted_office.forecaster("alerts", COLUMNS="40").done()
    assert set(ids(alerted_office)) <= set(said.out.split())


def test_an_office_without_alerts_lists_none(office: Office) -> None:
    office.forecaster("alerts", "--json", "alerts.json").done()
    assert json.loads((office.folder / "alerts.json").read_text()) == []


def test_only_open_alerts_are_listed_when_asked(alerted_office: Office) -> None:
    gone = ids(alerted_office)[0]
    alerted_office.change(
        "UPDATE alerts SET state = 'resolved', body = json_set(body, '$.state', 'resolved', '$.resolved', '2022-08-08')"
        f" WHERE id = '{gone}'"
    )
    assert gone in alerted_office.forecaster("alerts").done().out
    assert gone not in alerted_office.forecaster("alerts", "--open").done().out
    assert "nothing to change" in alerted_office.forecaster("ack", gone, *SENIOR).refused()


def test_an_alert_is_shown_as_it_was_told_with_its_first_transition(alerted_office: Office) -> None:
    lines = shown(alerted_office, referrals(alerted_office))
    assert lines[0].startswith("Referrals are surging - week of ")
    assert "  opened  forecaster: evidence p = " in lines[-1]


# ack and snooze


def test_an_acknowledged_alert_keeps_who_and_why(alerted_office: Office) -> None:
    name = referrals(alerted_office)
    said = alerted_office.forecaster("ack", name, *SENIOR).done()
    assert said.out == f"{name}: acknowledged by A. Patel.\n"
    last = shown(alerted_office, name)[-1]  # the time in London
    assert last == f"{MONDAY} 10:00  opened -> acknowledged  A. Patel: audit under way"
    assert alerted_office.rows(f"SELECT state FROM alerts WHERE id = '{name}'") == [("acknowledged",)]


def test_a_snoozed_alert_keeps_until_when(alerted_office: Office) -> None:
    name, until = referrals(alerted_office), MONDAY + 4 * WEEK
    alerted_office.forecaster("snooze", name, "--until", until, *SENIOR).done()
    assert shown(alerted_office, name)[-1].endswith(f"opened -> snoozed  A. Patel: audit under way (until {until})")


def test_a_snooze_is_over_when_its_day_begins_in_london(alerted_office: Office) -> None:
    name, until = referrals(alerted_office), MONDAY + WEEK
    alerted_office.forecaster("snooze", name, "--until", until, *SENIOR).done()
    alerted_office.forecaster("run", now=f"{until - DAY}T22:59:00+00:00").done()
    assert f"snoozed until {until} by A. Patel" in alerted_office.forecaster("alerts", "show", name).done().out
    alerted_office.forecaster("run", now=f"{until - DAY}T23:00:00+00:00").done()  # in summer time
    assert shown(alerted_office, name)[-1].endswith("snoozed -> updated  forecaster: still there after the snooze")


def test_the_audit_trail_has_every_step_in_order(alerted_office: Office) -> None:
    name = referrals(alerted_office)
    alerted_office.forecaster("ack", name, *SENIOR).done()
    alerted_office.forecaster("snooze", name, "--until", LAST, "--reason", "known").done()
    steps = [line.split("  ")[1] for line in shown(alerted_office, name)[-3:]]
    assert steps == ["opened", "opened -> acknowledged", "acknowledged -> snoozed"]


def test_a_snooze_into_the_past_is_refused(alerted_office: Office) -> None:
    before = alerted_office.dump()
    line = alerted_office.forecaster("snooze", referrals(alerted_office), "--until", MONDAY, *SENIOR).refused()
    assert f"{MONDAY} has passed: give a date after {MONDAY}" in line
    assert alerted_office.dump() == before


def test_what_was_acknowledged_is_not_told_again_while_it_gets_no_worse(alerted_office: Office) -> None:
    name = referrals(alerted_office)
    assert '"severity": "high"' in alerted_office.rows(f"SELECT body FROM alerts WHERE id = '{name}'")[0][0]
    alerted_office.forecaster("ack", name, *SENIOR).done()
    alerted_office.forecaster("run", now=f"{MONDAY + WEEK}T09:00:00+00:00").done()
    states = alerted_office.rows(f"SELECT now FROM transitions WHERE alert_id = '{name}' ORDER BY position")
    assert states == [("opened",), ("acknowledged",)]


def test_a_run_of_the_same_day_does_not_undo_what_a_person_said(alerted_office: Office) -> None:
    name = referrals(alerted_office)
    alerted_office.forecaster("ack", name, *SENIOR).done()
    alerted_office.forecaster("run", "--as-of", MONDAY).done()
    assert alerted_office.rows(f"SELECT state FROM alerts WHERE id = '{name}'") == [("acknowledged",)]


# doctor


def doctor(office: Office, **surroundings: str) -> tuple[int, dict[str, str]]:
    """Returns the exit code, and the first line of each check by its name: its mark and its text."""
    said = office.forecaster("doctor", **surroundings)
    found: dict[str, str] = {}
    for line in said.out.splitlines():
        mark, name, text = line[:4].strip(), line[5:14].strip(), line[15:]
        found.setdefault(name, f"{mark} {text}".strip())
    return said.code, found


def test_a_new_office_is_not_well_and_doctor_says_what_to_do(office: Office) -> None:
    code, found = doctor(office)
    assert code == 1
    assert found["data"].startswith("FAIL 0 events") and "never" in found["data"]
    assert found["run"] == "FAIL nothing has been judged yet: run `forecaster run`"


def test_data_alone_are_not_enough(council_office: Office) -> None:
    code, found = doctor(council_office)
    assert code == 1 and found["data"].startswith("ok") and found["run"].startswith("FAIL")


def test_after_a_run_all_is_well(alerted_office: Office) -> None:
    alerted_office.forecaster("run").done()
    code, found = doctor(alerted_office)
    assert code == 0, found
    assert f"as of {MONDAY}" in found["weekly"] and str(MONDAY - WEEK) in found["weekly"]
    assert found["outbox"].endswith("sent") and found["alerts"].startswith(f"{len(ids(alerted_office))} open")


def test_the_alarm_budget_is_shown_with_what_it_comes_to(alerted_office: Office) -> None:
    alerted_office.forecaster("run").done()
    said = alerted_office.forecaster("doctor").out
    line = " ".join(said[said.index("budget") :].split())
    assert "6 false alerts a year accepted over all series" in line
    limit, rate = re.search(r"weekly series alarm at p <= ([\d.e-]+): ([\d.]+) a year", line).groups()  # type: ignore[union-attr]
    assert 1e-5 < float(limit) <= 0.01 and 0 <= float(rate) <= 6
    assert re.search(rf"alerts of any kind opened since [\d-]+: {len(ids(alerted_office))}\b", line)


def test_doctor_says_of_each_headline_measure_how_its_forecasts_did(alerted_office: Office) -> None:
    said = alerted_office.forecaster("doctor").out
    lines = [line[15:] for line in said.splitlines() if line[5:14].strip() == "forecast"]
    counts = [line.partition(": ") for line in lines]
    assert {title for title, _, _ in counts if "(number)" not in title} == {
        "Referrals", "Section 47 enquiries", "Child protection plan starts", "Children on a child protection plan"
    }  # fmt: skip
    assert all(text.startswith("too few forecasts have come due (0; 13 are needed)") for _, _, text in counts)


def test_three_weeks_without_a_run_are_not_well(alerted_office: Office) -> None:
    alerted_office.forecaster("run").done()
    code, found = doctor(alerted_office, now=f"{MONDAY + 3 * WEEK}T09:00:00+00:00")
    assert code == 1 and found["weekly"].startswith("FAIL")


def test_a_week_without_new_data_is_a_run_too(alerted_office: Office) -> None:
    for week in (1, 2):
        alerted_office.now = f"{LAST + week * WEEK}T07:00:00+00:00"
        alerted_office.forecaster("run").done()
    assert f"as of {LAST + 2 * WEEK}" in doctor(alerted_office)[1]["weekly"]


def test_data_that_stopped_coming_are_not_well(council_office: Office) -> None:
    council_office.now = f"{LAST + 4 * WEEK}T09:00:00+00:00"
    council_office.forecaster("run").done()
    code, found = doctor(council_office)
    assert code == 1 and "has not arrived" in found["weekly"]


def test_what_could_not_be_judged_is_counted_with_its_reason(office: Office) -> None:
    office.forecaster("ingest", office.write("t.csv", "week,measure,count", "2024-01-01,referrals,3")).done()
    office.forecaster("run", "--as-of", "2024-01-08").done()
    _, found = doctor(office)
    assert "too little history" in found["not run"]


def test_a_service_that_never_ran_is_not_alive(alerted_office: Office) -> None:
    said = alerted_office.forecaster("doctor", "--live")
    assert (said.code, said.out, said.err) == (1, "", "")


# config


def test_the_config_is_printed_as_it_takes_effect_without_secrets(office: Office) -> None:
    office.configure("[council]\nname = 'Shireshire'\n")
    said = office.forecaster("config", SLACK_BOT_TOKEN="xoxb-secret", FORECASTER_SECRET_KEY="hush").done()
    printed = json.loads(said.out)
    assert printed["council"]["name"] == "Shireshire" and printed["detection"]["calm_periods"] == 4
    assert "xoxb" not in said.out and "hush" not in said.out


def test_the_schema_is_the_one_that_editors_get(office: Office) -> None:
    schema = Path(__file__).parents[2] / "config" / "forecaster.schema.json"
    assert json.loads(office.forecaster("config", "--schema").done().out) == json.loads(schema.read_text())


def test_a_config_may_be_given_for_one_command(office: Office) -> None:
    office.write("other.toml", "[council]", "name = 'Othershire'")
    assert "Othershire" in office.forecaster("config", "--config", "other.toml").done().out


# erase


def stored_bytes(office: Office) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(office.database.parent.glob("forecaster.db*")))


def test_an_erased_child_is_gone_from_every_byte_of_the_database(council_office: Office, events_csv: Path) -> None:
    with events_csv.open() as stream:
        rows = [row["child_id"] for row in csv.DictReader(stream)]
    child, other = rows[len(rows) // 2], rows[5]
    key = (council_office.folder / "var" / "secret.key").read_bytes().strip()
    mine, theirs = (pseudonym(key, "child", name).encode() for name in (child, other))
    assert mine in stored_bytes(council_office)
    said = council_office.forecaster("erase", child).done()
    assert said.out.startswith(f"{rows.count(child)} rows removed.")
    assert mine not in stored_bytes(council_office) and theirs in stored_bytes(council_office)
    assert council_office.forecaster("erase", child).done().out.startswith("0 rows removed.")


def test_the_key_of_the_pseudonyms_is_for_its_owner_alone(council_office: Office) -> None:
    key = council_office.folder / "var" / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(council_office.database.stat().st_mode) & 0o077 == 0


def test_a_key_from_the_environment_is_not_written_down(office: Office) -> None:
    path = office.write("e.csv", "child_id,event,date", "1,referral,2024-01-08")
    office.forecaster("ingest", path, FORECASTER_SECRET_KEY="the council's own key").done()
    assert not (office.folder / "var" / "secret.key").exists()
    expected = pseudonym(b"the council's own key", "child", "1")
    assert office.rows("SELECT child FROM events") == [(expected,)]


# preview


def preview(office: Office, config: str, weeks: int = 2) -> Said:
    office.write("changed.toml", config)
    return office.forecaster("preview", "changed.toml", "--weeks", weeks).done()


@pytest.mark.parametrize(
    ("config", "gone"),
    [(TINY, "none"), (TINY.replace("min_history_weeks = 78", "min_history_weeks = 400"), "all")],
)
def test_a_preview_says_which_alerts_a_change_would_add_or_drop(council_office: Office, config: str, gone: str) -> None:
    before = council_office.dump()
    council_office.forecaster("backtest", "--weeks", 2, "--json", "now.json").done()
    now = [alert["id"] for alert in json.loads((council_office.folder / "now.json").read_text())]
    words = preview(council_office, config).out.split()
    assert now and all(words.count(name) == 1 for name in now)
    dropped, kept = words.index("Dropped:"), words.index("Kept:")
    assert [int(words[at + 1]) for at in (dropped, kept)] == ([len(now), 0] if gone == "all" else [0, len(now)])
    assert council_office.dump() == before


def test_a_preview_of_a_bad_config_is_one_line(council_office: Office) -> None:
    council_office.write("changed.toml", "[detection]", "calm_period = 3")
    assert 'did you mean "calm_periods"?' in council_office.forecaster("preview", "changed.toml").refused()
