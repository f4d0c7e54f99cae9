"""Who is told what and when: routes, cap, quiet hours, digest, escalation, late data, a mail to a named role."""

from __future__ import annotations

import datetime as dt
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from e2e_council import SURGE, TOLD, WEEK, totals
from e2e_deadly import MANAGERS_ONLY, thread
from e2e_office import AT_ANY_TIME, Office, Said, Zygote, wait_until

from forecaster.settings import load
from forecaster.store import Store
from jobs.cli.sending import channels_of
from jobs.scheduler import Service
from tests.channels.mail_double import MailDouble
from tests.channels.slack_double import SlackDouble

MANAGERS, ANALYSTS = "C0FORECAST", "C0ANALYSTS"
ESCALATE = (
    MANAGERS_ONLY + 'escalate = ["director"]\n'
    f'[[targets]]\nname = "director"\nchannel = "slack"\naddress = "{ANALYSTS}"\n'
)


def told_in(slack: SlackDouble, channel: str) -> list[dict[str, Any]]:
    return [post for post in slack.posts if post["channel"] == channel]


TITLES = {name: measure.title for name, measure in load(None, {}).catalogue.items()}


def measures_told(office: Office, address: str) -> list[str]:
    """The measures whose alerts an address was told of."""
    query = f"""SELECT measure FROM deliveries JOIN alerts ON alert_id = alerts.id
                WHERE part = 'text' AND address = '{address}' ORDER BY deliveries.position"""
    return [measure for (measure,) in office.rows(query)]


@contextmanager
def service(office: Office, moment: dt.datetime) -> Iterator[Service]:
    """The service's jobs in this process, at a moment: what the schedule runs every hour need not be waited for."""
    settings = load(office.folder / "forecaster.toml", office.environment)
    with Store(f"sqlite:///{office.database}") as store:
        yield Service(store, settings, b"key", channels_of(settings), lambda: moment)


# Three alerts on one Monday, routes and a cap

THREE = ("contacts", "section_47", "plan_ends")  # none of them tells the story of another
CAPPED = (
    AT_ANY_TIME.replace("digest_to = []", 'digest_to = ["managers"]')
    + f"""
[detection]
detectors = ["surge"]
min_history_weeks = 78
[forecast]
models = ["levels"]
[[targets]]
name = "managers"
channel = "slack"
address = "{MANAGERS}"
most_per_week = 2
[[targets]]
name = "analysts"
channel = "slack"
address = "{ANALYSTS}"
[[routes]]
measures = ["plan_ends"]
to = ["analysts"]
[[routes]]
to = ["managers"]
"""
)


def in_the_north(mean: int = 12, surge: tuple[int, ...] = (30, 31)) -> Iterator[str]:
    """Yields a totals CSV of three measures in one locality: a surge in a slice is of medium severity."""
    chance = np.random.default_rng(4)
    yield "week,measure,locality,count"
    for number, measure in enumerate(THREE):
        counts = [*chance.poisson(mean, size=120), *(count + number for count in surge)]
        yield from (f"{SURGE + (week - 120) * WEEK},{measure},North,{count}" for week, count in enumerate(counts))


@dataclass(frozen=True)
class Monday:
    """What one Monday brought, and the digest that was sent after it, twice."""

    office: Office
    slack: SlackDouble
    routes: Said
    digests: tuple[Said, Said]
    asked: tuple[int, int]  # requests before and after the dry run


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[Monday]:
    folder = tmp_path_factory.mktemp("monday")
    office = Office(folder / "office", folder / "home", zygote)
    office.configure(CAPPED)
    office.forecaster("ingest", office.write("totals.csv", *in_the_north())).done()
    office.now = f"{SURGE + 2 * WEEK}T07:00:00+00:00"
    with SlackDouble() as slack:
        office.environment |= slack.secrets
        office.forecaster("run").done()
        before = len(slack.requests)
        routes = office.forecaster("routes").done()
        asked = before, len(slack.requests)
        digests = office.forecaster("digest", "--send").done(), office.forecaster("digest", "--send").done()
        yield Monday(office, slack, routes, digests, asked)


def test_an_alert_goes_to_everybody_whose_route_fits_it(monday: Monday) -> None:
    assert measures_told(monday.office, ANALYSTS) == ["plan_ends"]
    assert len(told_in(monday.slack, ANALYSTS)) == 1


def test_beyond_the_cap_of_the_week_an_alert_is_held_for_the_digest(monday: Monday) -> None:
    told = measures_told(monday.office, MANAGERS)
    assert len(told) == len(set(told)) == 2
    [held] = set(THREE) - set(told)
    *alerts, digest = told_in(monday.slack, MANAGERS)
    assert len(alerts) == 2
    [line] = [line for line in digest["text"].splitlines() if line.startswith("Held")]
    assert TITLES[held] in line and all(TITLES[measure] not in line for measure in told)


def test_a_digest_is_printed_and_sent_once_a_week(monday: Monday) -> None:
    first, second = monday.digests
    assert first.out == second.out and first.out.strip()
    [(message,)] = monday.office.rows("SELECT message FROM deliveries WHERE story LIKE 'digest-%'")
    headline = json.loads(message)["headline"]
    assert headline in " ".join(first.out.split())
    [posted] = [post for post in monday.slack.posts if post["text"].startswith(headline)]
    assert "thread_ts" not in posted and posted["channel"] == MANAGERS


def test_a_dry_run_of_the_routes_says_who_would_get_what_and_sends_nothing(monday: Monday) -> None:
    assert monday.asked[0] == monday.asked[1]
    said: dict[str, list[str]] = {}
    for line in monday.routes.out.splitlines():
        said.setdefault(line.split()[0], []) if not line.startswith("  ") else said[list(said)[-1]].append(line.strip())
    assert {name.partition("-up-")[0].replace("-", "_") for name in said} == set(THREE)
    for name, lines in said.items():
        ends = name.startswith("plan-ends")
        assert [line.partition(":")[0] for line in lines[:2]] == ["route 1", "route 2"]
        assert ("analysts" in lines[0]) == ends
        assert [line.split()[0] for line in lines[2:]] == (["analysts", "managers"] if ends else ["managers"])
    assert sum("held for the digest" in line for lines in said.values() for line in lines) == 1


def test_the_routes_of_one_alert_may_be_asked_for(monday: Monday) -> None:
    [name] = [name for (name,) in monday.office.rows("SELECT id FROM alerts WHERE id LIKE 'contacts%'")]
    one = monday.office.forecaster("routes", name).done().out
    assert one in monday.routes.out and one.startswith(name)
    assert "there is no alert nonsense" in monday.office.forecaster("routes", "nonsense").refused()


# When


def serve_until(office: Office, condition: Any, **surroundings: Any) -> None:
    running = office.start("serve", **surroundings)
    wait_until(lambda: running.ended() or running.failed() or ("serving:" in running.out.read_text() and condition()))
    running.kill(signal.SIGTERM)
    running.said().done()


def settled(office: Office) -> bool:
    return bool(office.rows("SELECT id FROM runs")) and not office.rows(
        "SELECT id FROM deliveries WHERE state IN ('pending', 'claimed', 'ambiguous') AND due IS NULL"
    )


def test_what_a_sunday_brings_waits_for_monday_morning(office: Office, slack: SlackDouble, counted: Path) -> None:
    """The rules as they come: quiet from 20:00 to 07:00 and on days off, by the clock in London."""
    office.hurry = office.home
    office.configure(MANAGERS_ONLY.replace(AT_ANY_TIME, "[telling]\ndigest_to = []\noperations_to = []\n"))
    office.give(counted)
    sunday, monday = TOLD - dt.timedelta(days=1), TOLD
    serve_until(office, lambda: settled(office), now=f"{sunday}T10:00:00+00:00")
    assert slack.posts == []
    assert {due for (due,) in office.rows("SELECT due FROM deliveries")} == {f"{monday} 06:00:00.000000"}
    by_hand = office.forecaster("digest", "--send", now=f"{sunday}T11:00:00+00:00").done()  # all is well
    assert "2 to be sent after quiet hours, from Monday 16 May 07:00." in by_hand.out and slack.posts == []
    office.change(f"UPDATE runs SET as_of = '{monday}'")  # nothing else is to be judged
    serve_until(office, lambda: slack.posts, now=f"{monday}T06:00:01+00:00")
    assert len(slack.posts) == 1


def test_the_service_sends_the_digest_of_a_week_that_it_did_not_see_yet(
    office: Office, slack: SlackDouble, counted: Path
) -> None:
    office.hurry = office.home
    office.configure(MANAGERS_ONLY.replace("digest_to = []", 'digest_to = ["managers"]'))
    office.give(counted)
    moment = f"{TOLD + dt.timedelta(days=1)}T09:00:00+00:00"

    def digests() -> list[Any]:
        return office.rows("SELECT state FROM deliveries WHERE story LIKE 'digest-%'")

    for _ in range(2):
        serve_until(office, lambda: digests() == [("sent",)], now=moment)
    assert len([post for post in slack.posts if "thread_ts" not in post]) == 2  # the alert and the digest


# When nobody answers


@pytest.fixture
def waiting(office: Office, slack: SlackDouble, counted: Path) -> Office:
    """An office whose managers were told on Monday at 08:00 in London; the director is next in line."""
    office.configure(ESCALATE)
    office.give(counted)
    office.now = f"{TOLD}T07:00:00+00:00"
    office.forecaster("run").done()
    return office


THURSDAY = dt.datetime.combine(TOLD + dt.timedelta(days=3), dt.time(7, 1), dt.UTC)


def test_after_three_working_days_without_an_answer_the_next_in_line_is_told_once(
    waiting: Office, slack: SlackDouble
) -> None:
    for moment in (THURSDAY - dt.timedelta(hours=1), THURSDAY, THURSDAY + dt.timedelta(hours=1)):
        with service(waiting, moment) as at_that_time:
            at_that_time.escalate()
            at_that_time.deliver()
        assert len(told_in(slack, ANALYSTS)) == (moment >= THURSDAY)
    [first], [passed_on] = told_in(slack, MANAGERS), told_in(slack, ANALYSTS)
    unanswered, headline = (posted["blocks"][0]["text"]["text"] for posted in (passed_on, first))
    assert unanswered == "Nobody has answered for three working days: " + headline[:1].lower() + headline[1:]
    assert thread(passed_on) == passed_on["ts"]
    assert "Nobody" in first["text"]  # who has known it all along is not disturbed: the first message says so
    changes = waiting.rows("SELECT was, now, change FROM transitions ORDER BY position")
    assert changes == [(None, "opened", None), ("opened", "opened", "escalated")]


def test_who_has_an_answer_tells_nobody_else(waiting: Office, slack: SlackDouble) -> None:
    [(name,)] = waiting.rows("SELECT id FROM alerts")
    waiting.forecaster("ack", name, "--reason", "audit under way").done()
    with service(waiting, THURSDAY + 4 * WEEK) as much_later:
        much_later.escalate()
        much_later.deliver()
    assert told_in(slack, ANALYSTS) == []


# When data do not arrive


def test_data_that_did_not_arrive_are_told_once_and_their_arrival_in_the_same_thread(
    office: Office, slack: SlackDouble
) -> None:
    office.configure(MANAGERS_ONLY.replace("operations_to = []", 'operations_to = ["managers"]'))
    office.forecaster("ingest", office.write("totals.csv", *totals(weeks=119))).done()
    tuesday = dt.datetime.combine(SURGE + dt.timedelta(days=1), dt.time(9, 0), dt.UTC)  # 10:00 in London
    for minutes in (-1, 0, 60):
        with service(office, tuesday + dt.timedelta(minutes=minutes)) as at_that_time:
            at_that_time.arrival()
            at_that_time.deliver()
        assert len(slack.posts) == (minutes >= 0)
    office.forecaster(
        "ingest", office.write("more.csv", *totals(weeks=120)), now=f"{tuesday:%Y-%m-%d}T11:00+00:00"
    ).done()
    with service(office, tuesday + dt.timedelta(hours=4)) as later:
        later.arrival()
        later.deliver()
    first, reply = slack.posts
    assert thread(reply) == first["ts"]
    assert office.rows("SELECT now FROM transitions ORDER BY position") == [("opened",), ("resolved",)]


# A mail to a named role

MAIL = """
[[targets]]
name = "head of safeguarding"
channel = "email"
address = "head@example.gov.uk"
role = "Head of Safeguarding"
exact = true
[[routes]]
to = ["head of safeguarding"]
"""


def test_a_named_role_is_sent_the_numbers_that_nobody_else_is_shown(
    office: Office, slack: SlackDouble, tmp_path: Path
) -> None:
    """Two a week in a locality, then ten: what was usual there is hidden in Slack, and drawn in the mail."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    office.configure(CAPPED + MAIL)
    office.forecaster("ingest", office.write("totals.csv", *in_the_north(2, (10, 11)))).done()
    with MailDouble(authority) as server:
        office.environment["SMTP_URL"] = server.url("from=forecaster@example.gov.uk", ca=tmp_path / "ca.pem")
        office.forecaster("run", now=f"{SURGE + 2 * WEEK}T07:00:00+00:00").done()
    assert [to for _, to in server.envelopes] == [["head@example.gov.uk"]] * 3
    assert all(any(title in mail["Subject"] for mail in server.mails) for title in map(TITLES.get, THREE))
    for channel, exact in (("slack", False), ("email", True)):
        query = f"SELECT message FROM deliveries WHERE channel = '{channel}' AND part = 'text'"
        messages = [json.loads(message) for (message,) in office.rows(query)]
        assert messages and {message["exact"] for message in messages} == {exact}
        assert {any(message["chart"]["hidden"]) for message in messages} == {not exact}
    pictures = [part for mail in server.mails for part in mail.walk() if part.get_content_maintype() == "image"]
    assert len(pictures) == 3
