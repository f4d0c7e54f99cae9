"""What the pages show, to whom, and what they never show."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from html import unescape

import pytest

from forecaster.messages import Act, Line
from forecaster.settings import Settings
from forecaster.store import Store
from forecaster.types import State
from jobs.answers import answer
from tests.telling.told import DAY, NOW, WEEK, alert, message, opening, tell
from tests.web.visitor import Visitor

RUDE = '<script>alert("1")</script> & <b>Team 2</b>'
HIDDEN = "\u202egnitseb\u2066"  # turns the order of what follows round


def add(store: Store, name: str, state: State = "opened", resolved: dt.date | None = None, **changes: object) -> None:
    """Puts an alert into the store of which nobody was told."""
    text = changes.pop("text", f"{name} is moving\nWhat  more of it")
    one = alert(name, text=text, **changes)
    store.save_transition(one, opening(one))
    if state != "opened":
        known = store.alert(name)
        assert known is not None
        step = replace(
            opening(one), id=f"{name}/{state}", was="opened", now=state, reason="4 weeks in a row as expected"
        )
        store.save_transition(replace(known, state=state, resolved=resolved), step)


def test_the_list_has_the_most_severe_open_alerts_first_and_what_was_resolved_lately(
    store: Store, patel: Visitor
) -> None:
    today = NOW.date()
    add(store, "low", severity="low")
    add(store, "over", "resolved", today - 10 * DAY)
    add(store, "long-over", "resolved", today - 13 * WEEK)
    add(store, "medium", severity="medium")
    said = patel.get("/alerts").words
    told = ["A1 is surging", "medium is moving", "low is moving", "Resolved in the last 90 days", "over is moving"]
    places = [said.index(words) for words in told]
    assert places == sorted(places)
    assert "long-over" not in said
    assert "Resolved on 29 December 2017" in said


def test_the_list_says_since_when_how_it_stands_and_who_looks_after_it(store: Store, patel: Visitor) -> None:
    assert "Since 11 December 2017 State Waits for an answer Looked after by nobody yet" in patel.get("/alerts").words
    answer(store, Act("A1", "snooze", "B. Khan", "known", until=dt.date(2018, 2, 5)), NOW + DAY)
    assert "Snoozed until 5 February 2018 Looked after by B. Khan" in patel.get("/alerts").words
    answer(store, Act("A1", "assign", "B. Khan", to="C. Lee"), NOW + DAY)
    assert "Looked after by C. Lee" in patel.get("/alerts").words


def test_what_differs_from_neighbours_has_no_beginning(store: Store, patel: Visitor) -> None:
    add(store, "beside", kind="neighbours")
    assert "Since" not in patel.get("/alerts/beside").words


def test_a_list_without_alerts_says_so(store: Store, patel: Visitor) -> None:
    one = store.alert("A1")
    assert one is not None
    over = replace(opening(one), id="A1/over", was="opened", now="resolved")
    store.save_transition(replace(one, state="resolved", resolved=NOW.date() - 14 * WEEK), over)
    assert "No alert is open." in patel.get("/alerts").words
    assert patel.get("/").headers["Location"] == "/alerts"


def test_an_alert_is_shown_as_it_was_last_told_to_everybody(store: Store, settings: Settings, patel: Visitor) -> None:
    said = patel.get("/alerts/A1").words
    for words in ("A1 is surging", "High severity.", "What 5 or fewer children started a plan", "Data to 7 January"):
        assert words in said
    answer(store, Act("A1", "acknowledge", "B. Khan", "audit under way"), NOW + DAY)
    assert "Acknowledged by B. Khan on 9 January: audit under way" in patel.get("/alerts/A1").words


def test_the_exact_numbers_of_a_named_role_are_on_no_page(kept: Store, reader: Visitor) -> None:
    assert any("3 children" in item.message.text for item in kept.deliveries())  # the head was told
    for path in ("/alerts", "/alerts/A1", "/alerts/A1/chart.json"):
        assert "3 children" not in reader.get(path).text


def test_an_alert_told_to_a_named_role_alone_is_shown_without_its_numbers(
    store: Store, settings: Settings, patel: Visitor
) -> None:
    head = settings.model_copy(update={"routes": (settings.routes[0].model_copy(update={"to": ("head",)}),)})
    one = alert("A2", text="A2 is surging\nWhat  5 or fewer children started a plan")
    tell(store, head, (one, opening(one)), now=NOW + WEEK)
    said = patel.get("/alerts/A2").words
    assert "What 5 or fewer children started a plan" in said
    assert "3 children" not in said
    assert patel.get("/alerts/A2/chart.png").status == 404


def test_what_happened_is_told_the_newest_first_by_the_clock_in_london(store: Store, patel: Visitor) -> None:
    answer(
        store, Act("A1", "acknowledge", "B. Khan", "audit under way"), dt.datetime(2018, 7, 2, 23, 30, tzinfo=dt.UTC)
    )
    said = patel.get("/alerts/A1").words.partition("History")[2]
    first, second = said.index("Acknowledged by B. Khan, 3 July 2018, 00:30 Audit under way."), said.index("Opened by")
    assert first < second
    assert "Opened by The service, 8 January 2018, 07:00 Over the line." in said


def test_nothing_that_came_from_data_or_people_is_taken_for_html(store: Store, patel: Visitor) -> None:
    one = alert("A3", text=f"{RUDE}\n{RUDE} {HIDDEN}", slice=(("team", RUDE),))
    store.save_transition(one, opening(one))
    answer(store, Act("A3", "assign", RUDE, RUDE, to=RUDE), NOW + DAY)
    for page in (patel.get("/alerts"), patel.get("/alerts/A3"), replace(patel, name=RUDE).get("/alerts")):
        assert "<b>" not in page.text
        assert "<script>" not in page.text
        assert "Team 2</b>" in unescape(page.text)
        assert not {"\u202e", "\u2066"} & set(page.text)


def test_nothing_that_a_message_says_is_taken_for_html(store: Store, settings: Settings, patel: Visitor) -> None:
    item = store.deliveries("A1")[0]
    rude = replace(message(alert(), "9"), headline=RUDE, summary=RUDE, lines=(Line(RUDE, RUDE),), evidence=RUDE)
    rude = replace(rude, chart=rude.chart and replace(rude.chart, title=RUDE, alt_text=RUDE + '" onload="x'))
    store.enqueue([replace(item, id="later", message=rude)])
    page = patel.get("/alerts/A1").text
    assert "<b>" not in page
    assert "<script>" not in page
    assert '" onload' not in page
    assert page.count("&lt;b&gt;Team 2") == 9  # title, heading, summary, label, line, three times in words, evidence


@pytest.mark.parametrize("query", ["", "?narrow"])
def test_the_chart_is_the_picture_of_the_message(reader: Visitor, query: str) -> None:
    drawn = json.loads(reader.get(f"/alerts/A1/chart.json{query}").body)
    assert drawn["description"] == "Chart: 17"
    assert drawn["width"] == (560 if query else 900)
    assert reader.get("/alerts/A1/chart.png").body.startswith(b"\x89PNG")


def test_the_picture_is_there_for_who_has_no_script(reader: Visitor) -> None:
    page = reader.get("/alerts/A1").text
    assert '<img id="picture" src="/alerts/A1/chart.png" width="900" height="480" alt="Chart: 17">' in page


def test_data_that_did_not_arrive_is_shown_and_can_be_answered(store: Store, patel: Visitor) -> None:
    add(store, "late", kind="arrival", text="No data has arrived\nThe week of 1 January is missing")
    said = patel.get("/alerts/late").words
    assert "The week of 1 January is missing" in said
    assert "What will you do?" in said


def test_who_is_not_signed_in_may_read_and_is_told_so(reader: Visitor) -> None:
    page = replace(reader, name="").get("/alerts/A1")
    assert "You are not signed in, so you can read this page but not answer here." in page.words
    assert "<form" not in page.text
    assert "Not signed in" in replace(reader, name="").get("/alerts").words


def test_a_name_in_any_letters_is_shown_as_it_is(reader: Visitor) -> None:
    assert "Signed in as Zoë Łukasz" in replace(reader, name="Zoë Łukasz").get("/alerts").words


@pytest.mark.parametrize("path", ["/alerts/A9", "/alerts/A9/chart.png", "/nothing", "/static/nothing.css", "/alerts/"])
def test_what_there_is_not_is_not_found(reader: Visitor, path: str) -> None:
    found = reader.get(path)
    assert found.status == 404
    assert "All alerts" in found.words


@pytest.mark.parametrize(("method", "path"), [("GET", "/alerts/A1/snooze"), ("POST", "/alerts/A1"), ("PUT", "/alerts")])
def test_another_method_is_refused_with_those_there_are(reader: Visitor, method: str, path: str) -> None:
    found = reader.ask(method, path)
    assert found.status == 405
    assert found.headers["Allow"] in ("POST", "GET, HEAD", "HEAD, GET")


def test_whoever_watches_over_the_service_hears_whether_it_is_alive(store: Store, patel: Visitor) -> None:
    nobody = replace(patel, name="")
    assert nobody.get("/healthz").status == 503
    store.heartbeat(NOW + DAY)
    assert (nobody.get("/healthz").status, nobody.get("/healthz").text) == (200, "ok")


@pytest.mark.parametrize(
    "path", ["/", "/alerts", "/alerts/A1", "/alerts/A1/chart.png", "/nothing", "/healthz", "/static/page.js"]
)
def test_every_answer_has_the_headers_that_protect_it(reader: Visitor, path: str) -> None:
    headers = reader.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "server" not in headers
