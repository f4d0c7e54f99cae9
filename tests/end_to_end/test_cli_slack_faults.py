"""The main job when Slack is not well: nothing is lost, nothing is told twice, and a person is told what is wrong."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
from e2e_council import MONDAY, TOLD, totals
from e2e_deadly import MANAGERS_ONLY, check_told_once
from e2e_office import AT_ANY_TIME, TINY, Office, Said, wait_until

from tests.channels.slack_double import UPLOAD, Dropped, RateLimited, Refused, SlackDouble, Status

POST, ADDRESS, SHARE = "chat.postMessage", "files.getUploadURLExternal", "files.completeUploadExternal"
CONSOLE = "SELECT state FROM deliveries WHERE channel = 'console'"


def run(office: Office, as_of: object = TOLD) -> Said:
    return office.forecaster("run", "--as-of", as_of)


FAULTS = {
    "asked to wait": {POST: [RateLimited(1)]},
    "the connection drops before and after the message": {POST: [Dropped(False), Dropped(True)]},
    "a server error after the message": {POST: [Status(500, processed=True)]},
    "a server error each time": {POST: [Status(503)], ADDRESS: [Status(500)], UPLOAD: [Status(502)]},
    "the connection drops at the chart": {UPLOAD: [Dropped(True)], SHARE: [Dropped(processed=True)]},
    "asked to wait at the chart": {ADDRESS: [RateLimited(1)], SHARE: [Status(500, processed=True)]},
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_whatever_goes_wrong_for_a_while_it_is_told_once(crashing: Office, slack: SlackDouble, what: str) -> None:
    for method, faults in FAULTS[what].items():
        slack.fail(method, *faults)
    run(crashing).done()
    check_told_once(crashing, slack)
    run(crashing).done()
    check_told_once(crashing, slack)


def test_a_wait_that_slack_asks_for_is_kept(crashing: Office, slack: SlackDouble) -> None:
    moments: list[float] = []
    slack.answered = lambda method, arguments: moments.append(time.time())
    slack.fail(POST, RateLimited(2))
    began = time.time()
    run(crashing).done()
    assert moments[0] - began >= 2


def test_a_long_wait_ends_the_run_with_a_line_and_the_message_comes_later(crashing: Office, slack: SlackDouble) -> None:
    slack.fail(POST, RateLimited(3600))
    said = run(crashing)
    assert said.code == 1 and slack.posts == []
    assert "not delivered yet to slack:C0FORECAST: Slack asks to wait" in said.err
    assert run(crashing).code == 1 and len(slack.asked(POST)) == 1
    crashing.change("UPDATE deliveries SET due = '2020-01-01 00:00:00.000000' WHERE due IS NOT NULL")  # an hour later
    run(crashing).done()
    check_told_once(crashing, slack)


def test_a_refusal_is_said_in_one_line_with_its_remedy_and_not_tried_again(
    crashing: Office, slack: SlackDouble
) -> None:
    slack.fail(POST, Refused("not_in_channel"))
    said = run(crashing)
    assert said.code == 1
    assert "not delivered to slack:C0FORECAST: Slack refused: not_in_channel; invite the app to the channel" in said.err
    assert [method for method, _ in slack.requests] == [POST]  # and no chart without its text
    run(crashing)
    assert [method for method, _ in slack.requests] == [POST]
    doctor = crashing.forecaster("doctor")
    assert doctor.code == 1 and "FAIL outbox    2 failed: mend the cause" in doctor.out


def test_once_the_cause_is_mended_what_was_refused_is_sent_or_given_up(crashing: Office, slack: SlackDouble) -> None:
    slack.fail(POST, Refused("not_in_channel"))
    run(crashing)
    assert crashing.forecaster("deliver").done().out == ""
    assert "one of them" in crashing.forecaster("deliver", "--retry", "--drop").refused()
    assert crashing.forecaster("deliver", "--retry").done().out == "2 that failed are tried again.\n"
    check_told_once(crashing, slack)
    assert (
        crashing.forecaster("deliver", "--drop").done().out == "0 that failed or are overdue by a day are given up.\n"
    )


def test_a_wrong_token_never_shows(crashing: Office, slack: SlackDouble) -> None:
    said = crashing.forecaster("run", "--as-of", TOLD, SLACK_BOT_TOKEN="xoxb-wrong-and-secret")
    assert said.code == 1 and "check SLACK_BOT_TOKEN" in said.err
    assert "xoxb" not in said.out + said.err
    assert all(b"xoxb-wrong" not in path.read_bytes() for path in crashing.files())


def test_when_slack_cannot_be_reached_the_console_is_told_all_the_same(office: Office) -> None:
    office.configure(TINY)
    office.forecaster("ingest", office.write("totals.csv", *totals())).done()
    started = office.start("run", "--as-of", TOLD, SLACK_BOT_TOKEN="xoxb", SLACK_API_URL="http://127.0.0.1:9/api")
    try:
        wait_until(lambda: "Referrals are surging" in started.out.read_text())
        wait_until(lambda: office.rows(CONSOLE) == [("sent",)])
    finally:
        started.kill()


def test_without_a_token_slack_is_left_out_and_doctor_says_so(council_office: Office) -> None:
    run(council_office, MONDAY).done()
    assert {channel for (channel,) in council_office.rows("SELECT channel FROM deliveries")} == {"console"}
    assert "is not told: set SLACK_BOT_TOKEN" in council_office.forecaster("doctor").out


def test_what_a_run_without_the_token_finds_is_sent_once_it_is_back(crashing: Office, slack: SlackDouble) -> None:
    crashing.configure(MANAGERS_ONLY.replace("digest_to = []", 'digest_to = ["managers"]'))
    crashing.forecaster("digest", "--send").done()  # Slack has been used
    token = crashing.environment.pop("SLACK_BOT_TOKEN")
    said = run(crashing)
    assert said.code == 1 and "not delivered yet to slack:C0FORECAST: the channel slack is not set up" in said.err
    doctor = crashing.forecaster("doctor").out
    assert "FAIL target    managers: slack:C0FORECAST is not told: set SLACK_BOT_TOKEN" in doctor
    crashing.environment["SLACK_BOT_TOKEN"] = token
    crashing.change("UPDATE deliveries SET due = '2020-01-01 00:00:00.000000' WHERE due IS NOT NULL")
    crashing.forecaster("deliver").done()
    assert len(slack.posts) == 2


def test_a_run_by_hand_tells_at_once_even_on_a_sunday_night(office: Office, slack: SlackDouble, counted: Path) -> None:
    """Quiet hours are the service's; after a run by hand nothing might come to send what waits."""
    office.configure(TINY.replace(AT_ANY_TIME, "[telling]\ndigest_to = []\noperations_to = []\n"))
    office.give(counted)
    said = office.forecaster("run", now=f"{TOLD - dt.timedelta(days=1)}T22:00:00+00:00").done()
    assert "Referrals are surging" in said.out and len(slack.posts) == 1
    assert set(office.rows("SELECT channel, state FROM deliveries")) == {("slack", "sent"), ("console", "sent")}


def test_the_token_may_come_from_a_file(crashing: Office, slack: SlackDouble) -> None:
    del crashing.environment["SLACK_BOT_TOKEN"]
    crashing.write("token", slack.token)
    crashing.forecaster("run", "--as-of", TOLD, SLACK_BOT_TOKEN_FILE="token").done()
    check_told_once(crashing, slack)


def test_a_token_that_is_missing_for_one_run_loses_no_message(crashing: Office, slack: SlackDouble) -> None:
    slack.fail(POST, RateLimited(3600))
    assert run(crashing).code == 1
    crashing.change("UPDATE deliveries SET due = '2020-01-01 00:00:00.000000' WHERE due IS NOT NULL")  # an hour later
    token = crashing.environment.pop("SLACK_BOT_TOKEN")
    said = run(crashing)
    assert said.code == 1 and "not delivered yet to slack:C0FORECAST: the channel slack is not set up" in said.err
    crashing.environment["SLACK_BOT_TOKEN"] = token
    crashing.change("UPDATE deliveries SET due = '2020-01-01 00:00:00.000000' WHERE due IS NOT NULL")
    run(crashing).done()
    check_told_once(crashing, slack)
