"""The main job with a Slack: one message for each new alert, with text, blocks and chart; then only what is news."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from e2e_council import LAST, MONDAY, SURGE, TOLD, WEEK, totals
from e2e_deadly import thread
from e2e_office import TINY, Office, Said, Zygote

from forecaster.calendar import long_date
from tests.channels.slack_double import SlackDouble

CHANNEL = "C0FORECAST"
Alerts = list[dict[str, Any]]


def run(office: Office, as_of: object = TOLD) -> Said:
    return office.forecaster("run", "--as-of", as_of)


def alerts(office: Office, *options: str) -> Alerts:
    office.forecaster("alerts", "--json", "alerts.json", *options).done()
    found: Alerts = json.loads((office.folder / "alerts.json").read_text())
    return found


def charts(slack: SlackDouble) -> Alerts:
    return [message for message in slack.messages if message.get("files")]


# The council


@dataclass(frozen=True)
class Told:
    """What one run told: on the console, on Slack, and what the store holds of it."""

    said: Said
    slack: SlackDouble
    alerts: Alerts


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote, ingested: Path) -> Told:
    office = Office(tmp_path_factory.mktemp("told"), tmp_path_factory.mktemp("home"), zygote)
    office.configure(TINY)
    office.give(ingested)
    with SlackDouble() as slack:
        office.environment |= slack.secrets
        said = run(office, MONDAY).done()
        return Told(said, slack, alerts(office))


def test_each_new_alert_is_one_message(told: Told) -> None:
    assert {alert["measure"] for alert in told.alerts} >= {"referrals", "referral_nfa"}
    assert sorted(post["text"] for post in told.slack.posts) == sorted(alert["text"] for alert in told.alerts)
    assert f"{len(told.alerts)} messages" in told.said.out


def test_each_message_has_text_and_blocks_and_a_chart_in_its_thread(told: Told) -> None:
    check_messages(told.slack)


def check_messages(slack: SlackDouble) -> None:
    """Whole messages, each with a chart; an alert that joins the story of another is in its thread, for all to see."""
    assert Counter(map(thread, slack.posts)) == Counter(map(thread, charts(slack))) != {}
    for post in slack.posts:
        headline = post["text"].splitlines()[0]
        assert post["channel"] == CHANNEL and post.get("reply_broadcast", False) == ("thread_ts" in post)
        assert post["blocks"][0] == {"type": "header", "text": {"type": "plain_text", "text": headline, "emoji": False}}
        assert {block["type"] for block in post["blocks"]} == {"header", "section", "context"}
    for chart in charts(slack):
        [file] = chart["files"]
        assert slack.files[file["id"]]["body"].startswith(b"\x89PNG\r\n")
        assert file["alt_txt"].startswith("Chart ")


def test_the_console_is_told_the_same_as_slack(told: Told) -> None:
    lines = " ".join(told.said.out.split())
    assert all(" ".join(post["text"].splitlines()[0].split()) in lines for post in told.slack.posts)


def test_a_message_says_what_moved_how_much_since_when_and_where(told: Told) -> None:
    [text] = [post["text"] for post in told.slack.posts if post["text"].startswith("Referrals are surging")]
    headline, standing, *lines = text.splitlines()
    said = {line.split()[0]: line for line in lines}
    assert f"week of {long_date(MONDAY - WEEK)}" in headline and "w/c" in standing
    assert "expected" in said["What"] and "95% band" in said["What"]
    assert "Police" in text  # where it comes from
    assert "13 weeks" in said["Ahead"] and "31 March" in said["Ahead"]


def test_a_headline_that_prophet_is_offered_says_which_models_its_forecast_is_made_of(
    council_office: Office, slack: SlackDouble
) -> None:
    council_office.configure(TINY.replace("prophet = []", 'prophet = ["referrals"]'))
    run(council_office, MONDAY).done()
    [text] = [post["text"] for post in slack.posts if post["text"].startswith("Referrals are surging")]
    assert re.search(r"forecast by (levels|counts|prophet) \d+%, ", text)


def test_run_again_the_same_day_nothing_is_posted(council_office: Office, slack: SlackDouble) -> None:
    run(council_office, MONDAY).done()
    before, asked = alerts(council_office), len(slack.requests)
    again = run(council_office, MONDAY).done()
    assert "nothing new to tell" in again.out
    assert len(slack.requests) == asked
    assert alerts(council_office) == before


def test_events_and_totals_of_one_week_are_two_runs_and_both_are_kept(council_office: Office) -> None:
    council_office.write("visits.csv", *totals("open_cases", weeks=138))
    council_office.forecaster("ingest", "visits.csv", now=f"{LAST}T06:00:00+00:00").done()
    said = council_office.forecaster("run", "--as-of", LAST).done()
    assert said.out.count(f"Week of {LAST - WEEK}") == 2
    assert council_office.rows("SELECT count(*) FROM runs JOIN panel_vintages ON run_id = id") == [(2,)]


def test_two_runs_at_once_tell_each_alert_once(council_office: Office, slack: SlackDouble) -> None:
    both = [council_office.start("run", "--as-of", MONDAY) for _ in range(2)]
    assert {running.said().code for running in both} <= {0, 1}
    run(council_office, MONDAY).done()
    check_messages(slack)
    assert len(slack.posts) == len(alerts(council_office))


def test_a_run_of_today_says_that_the_data_are_old(council_office: Office) -> None:
    said = council_office.forecaster("run").done()
    assert said.err.startswith("warning: no events after ") and "has not arrived" in said.err


# An alert's life in its thread


def test_an_alert_is_opened_updated_and_resolved_in_one_thread(crashing: Office, slack: SlackDouble) -> None:
    """The first message says how things stand in the end, the thread has what was new, step by step."""
    crashing.configure(TINY)
    for week in (1, 2, 6, 7, 8, 9, 10):
        run(crashing, SURGE + week * WEEK).done()
    states = crashing.rows("SELECT now FROM transitions WHERE alert_id LIKE 'referrals-up%' ORDER BY position")
    assert [states[0], states[-1]] == [("opened",), ("resolved",)] and ("updated",) in states
    first = slack.messages[0]
    mine = [post for post in slack.posts if thread(post) == first["ts"]]
    assert [post.get("thread_ts") for post in mine] == [None] + [first["ts"]] * (len(states) - 1)
    [alert] = [alert for alert in alerts(crashing) if alert["id"].startswith("referrals-up")]
    assert first["text"] == alert["text"] and "Resolved: two weeks in a row" in first["text"]
    assert first["metadata"]["event_payload"]["delivery_id"]
    assert len({post["text"].splitlines()[0] for post in mine[1:]}) == len(mine) - 1
    assert all(len(post["text"]) < len(first["text"]) for post in mine[1:])
    assert {message["thread_ts"] for message in charts(slack)} <= {post["ts"] for post in slack.posts}
