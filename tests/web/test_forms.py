"""What people do on a page is what they do in Slack, done once, and nobody else can do it for them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.settings import Settings
from forecaster.store import Store
from forecaster.web.guard import Seals
from jobs.page import pages
from tests.telling.told import DAY, NOW
from tests.web.visitor import NAME, Answer, Visitor

SIGNED_OUT = "You are not signed in"
NOT_OURS = "This form was not sent from our own page"
Fields = dict[str, str]


def untouched(store: Store) -> bool:
    return len(store.transitions("A1")) == 1


def follow(visitor: Visitor, answer: Answer) -> Answer:
    assert answer.status == 303
    return visitor.get(answer.headers["Location"])


@pytest.mark.parametrize(
    ("what", "fields", "state", "line"),
    [
        ("acknowledge", {"reason": "audit under way"}, "acknowledged", "Acknowledged by A. Patel: audit under way"),
        ("snooze", {"until": "2018-02-05", "reason": "known cause"}, "snoozed",
         "Snoozed by A. Patel: known cause (until 2018-02-05)"),
        ("assign", {"to": "B. Khan", "reason": ""}, "opened", "Assigned by A. Patel: to B. Khan"),
        ("not-useful", {"reason": "a known backlog"}, "acknowledged",
         "Called not useful by A. Patel: a known backlog"),
    ],
)  # fmt: skip
def test_each_form_does_what_it_says_and_the_page_confirms_it(
    store: Store, patel: Visitor, what: str, fields: Fields, state: str, line: str
) -> None:
    before = len(store.deliveries())
    page = follow(patel, patel.answers("A1", what, **fields))
    assert line in page.words
    one, last = store.alert("A1"), store.transitions("A1")[-1]
    assert one is not None
    assert (one.state, last.actor, last.at) == (state, "A. Patel", NOW + DAY)
    new = store.deliveries()[before:]
    assert [(item.target.channel, item.part) for item in new] == [("slack", "text"), ("slack", "edit")]


def test_a_form_sent_twice_does_it_once_and_confirms_it_twice(store: Store, patel: Visitor) -> None:
    fields = {"token": patel.get("/alerts/A1").token, "reason": "audit under way"}
    first, second = (patel.post("/alerts/A1/acknowledge", fields) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert "Acknowledged by A. Patel: audit under way" in follow(patel, second).words
    assert len(store.transitions("A1")) == 2


def test_a_form_that_is_changed_and_sent_again_is_another_one(store: Store, patel: Visitor) -> None:
    token = patel.get("/alerts/A1").token
    for reason in ("audit under way", "audit under way, by the panel"):
        patel.post("/alerts/A1/acknowledge", {"token": token, "reason": reason})
    assert [change.reason for change in store.transitions("A1")][1:] == [
        "audit under way", "audit under way, by the panel"
    ]  # fmt: skip


def test_a_line_that_confirms_nothing_cannot_be_made_up(reader: Visitor) -> None:
    assert "banner" not in reader.get("/alerts/A1?done=Acknowledged").text
    assert "banner" not in reader.get("/alerts/A1?done=").text


@pytest.mark.parametrize(
    ("what", "fields", "why"),
    [
        ("acknowledge", {"reason": " "}, "needs a reason"),
        ("acknowledge", {}, "needs a reason"),
        ("snooze", {"until": "2018-01-09", "reason": "known"}, "2018-01-09 has passed"),
        ("snooze", {"until": "", "reason": "known"}, "needs the date"),
        ("snooze", {"until": "<b>soon", "reason": "known"}, 'Until must be a date such as 2018-02-05, not "<b>soon"'),
        ("assign", {"to": ""}, "takes the name of a person"),
        ("not-useful", {"reason": "x" * 501}, "Reason must be 500 characters or fewer"),
    ],
)
def test_what_cannot_be_done_is_said_in_the_form_and_changes_nothing(
    kept: Store, reader: Visitor, what: str, fields: Fields, why: str
) -> None:
    page = reader.answers("A1", what, **fields)
    assert page.status == 422
    assert page.text.count("<title>Error: ") == 1
    assert page.words.count(why) == 2  # at the top, and in the form
    assert f'<a href="#{what}-' in page.text
    assert "<b>" not in page.text
    assert untouched(kept)


def test_what_was_typed_is_still_there_after_a_problem(reader: Visitor) -> None:
    page = reader.answers("A1", "snooze", until="2018-01-01", reason='"known" <cause>')
    assert 'value="&#34;known&#34; &lt;cause&gt;"' in page.text
    assert 'value="2018-01-01"' in page.text
    assert page.text.count("aria-invalid") == 2


def test_an_alert_that_is_over_has_no_forms_and_takes_none(store: Store, patel: Visitor) -> None:
    token = patel.get("/alerts/A1").token
    one = store.alert("A1")
    assert one is not None
    over = replace(store.transitions("A1")[0], id="over", was="opened", now="resolved")
    store.save_transition(replace(one, state="resolved", resolved=dt.date(2018, 1, 8)), over)
    assert "<form" not in patel.get("/alerts/A1").text
    page = patel.post("/alerts/A1/acknowledge", {"token": token, "reason": "why"})
    assert page.status == 422
    assert "was resolved on 2018-01-08" in page.words


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "", "Origin": "https://elsewhere.example"},
        {"Sec_Fetch_Site": "", "Origin": "null"},
    ],
    ids=lambda headers: " ".join(headers.values()).strip(),
)
def test_a_form_sent_from_another_site_is_refused(kept: Store, reader: Visitor, headers: Fields) -> None:
    fields = {"token": reader.get("/alerts/A1").token, "reason": "why"}
    page = reader.post("/alerts/A1/acknowledge", fields, **{k.replace("_", "-"): v for k, v in headers.items()})
    assert page.status == 403
    assert NOT_OURS in page.words
    assert untouched(kept)


@pytest.mark.parametrize("origin", ["", "https://forecaster.example.gov.uk", "http://{address}"])
def test_an_old_browser_may_say_where_a_form_is_from_or_nothing(patel: Visitor, origin: str) -> None:
    fields = {"token": patel.get("/alerts/A1").token, "reason": "why"}
    given = {"Sec-Fetch-Site": "", "Origin": origin.format(address=patel.address)}
    assert patel.post("/alerts/A1/acknowledge", fields, **given).status == 303


def test_a_form_without_a_mark_or_with_that_of_another_person_is_refused(kept: Store, reader: Visitor) -> None:
    khan = replace(reader, name="B. Khan")
    for token in ("", "made.up", khan.get("/alerts/A1").token, reader.get("/alerts/A1").token + "é"):
        page = reader.post("/alerts/A1/acknowledge", {"token": token, "reason": "why"})
        assert page.status == 403
    assert untouched(kept)


@given(st.text(), st.text(), st.text(), st.text())
def test_a_mark_holds_for_the_person_and_the_alert_it_was_made_for(who: str, what: str, other: str, more: str) -> None:
    seals = Seals(b"key")
    mark = seals.new(who, what)
    assert seals.hold(mark, who, what)
    assert seals.hold(mark, other, more) == ((other, more) == (who, what))
    assert not Seals(b"another").hold(mark, who, what)
    assert not seals.hold(other, who, what)


def test_who_is_not_signed_in_changes_nothing(kept: Store, reader: Visitor) -> None:
    fields = {"token": reader.get("/alerts/A1").token, "reason": "why"}
    page = replace(reader, name="").post("/alerts/A1/acknowledge", fields)
    assert (page.status, SIGNED_OUT in page.words, untouched(kept)) == (403, True, True)


def test_a_name_that_is_given_twice_is_nobodys(reader: Visitor) -> None:
    """The proxy added its header to one that a visitor had sent: which of the two is whose cannot be known."""
    twice = replace(reader, name="").get("/alerts", **{NAME: "A. Patel", NAME.lower(): "B. Khan"})
    assert "Not signed in" in twice.words


def test_a_form_that_no_page_has_is_not_found(reader: Visitor) -> None:
    assert reader.answers("A1", "useful").status == 404
    assert reader.post("/alerts/A9/acknowledge", {"reason": "why"}).status == 404


@pytest.mark.parametrize(
    ("fields", "status"), [({"reason": "x" * 20_000}, 413), ({f"f{i}": "" for i in range(20)}, 400)]
)
def test_what_no_browser_sends_is_refused(kept: Store, reader: Visitor, fields: Fields, status: int) -> None:
    assert reader.post("/alerts/A1/acknowledge", fields).status == status
    assert untouched(kept)


def test_the_marks_of_pages_that_are_open_hold_after_a_restart(store: Store, settings: Settings) -> None:
    with pages(store, settings, b"secret", lambda: NOW) as first:
        token = Visitor(first).get("/alerts/A1").token
    with pages(store, settings, b"secret", lambda: NOW) as second:
        done = Visitor(second).post("/alerts/A1/acknowledge", {"token": token, "reason": "why"})
    assert done.status == 303
