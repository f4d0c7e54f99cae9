"""The mail itself: whatever the data says stays text, in a page that a phone can show and in a plain text."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.channels._email_letter import letter, message_id
from forecaster.messages import Delivery, Line
from tests.channels.notices import DRAWN, MESSAGE, NASTY, PAGE, notice, saying

SENDER, NOW = "f@council.gov.uk", dt.datetime(2018, 1, 29, 7, tzinfo=dt.UTC)
KNOWN = {
    "html", "head", "meta", "title", "body", "div", "h1", "p", "strong", "img", "a",
}  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=120)


class Page(HTMLParser):
    """What a mail program would see: the elements with their attributes, and the words between them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def received(delivery: Delivery) -> EmailMessage:
    """The mail as the other side reads it, from its bytes alone."""
    raw = letter(delivery, SENDER, ["ann@council.gov.uk"], NOW).as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    return message_from_bytes(raw, policy=default)  # type: ignore[return-value]


@cache
def drawn() -> EmailMessage:
    return received(notice(message=DRAWN))


def page(mail: EmailMessage) -> Page:
    return Page(mail.get_body(("html",)).get_content())


def unflowed(mail: EmailMessage) -> str:
    """The text with its lines joined again as RFC 3676 says."""
    joined = re.sub(r" \n ?", " ", plain(mail))
    return "\n".join(line.removeprefix(" ") for line in joined.split("\n"))


def plain(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def shown(text: str) -> str:
    """A text from data as people see it: on one line, with nothing in it that cannot be seen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


# Text


def test_the_text_says_all_and_is_made_to_flow():
    mail = drawn()
    assert mail.get_body(("plain",))["Content-Type"].params == {"charset": "utf-8", "format": "flowed"}
    assert max(len(line) for line in plain(mail).split("\n")) <= 73
    assert unflowed(mail).split("\n") == [
        MESSAGE.headline,
        MESSAGE.summary,
        "",
        *(f"{line.label}: {line.text}" for line in MESSAGE.lines),
        "",
        f"[{DRAWN.chart.alt_text}]",
        "",
        MESSAGE.evidence,
        "",
        f"Open: {PAGE}",
        "Acknowledge, snooze or assign it on its page.",
        "",
    ]


@pytest.mark.parametrize("text", ["> quoted", "From the north", "x" * 60 + " > more and more words"])
def test_no_line_of_the_text_looks_like_a_quotation(text):
    mail = received(notice(message=saying(text)))
    assert not re.search(r"(?m)^(>|From )", plain(mail))
    assert text in unflowed(mail)


# HTML


def test_the_page_is_a_headline_lines_a_picture_and_one_link():
    seen = page(drawn())
    assert [tag for tag, _ in seen.elements if tag in ("h1", "img", "a")] == ["h1", "img", "a"]
    assert seen.all("a")[0]["href"] == PAGE
    assert seen.all("img")[0]["alt"] == DRAWN.chart.alt_text
    assert {name for name, _ in seen.elements} == KNOWN
    for text in (MESSAGE.headline, MESSAGE.summary, MESSAGE.evidence, *(line.text for line in MESSAGE.lines)):
        assert text in seen.words


def test_the_page_leaves_colours_to_the_reader_and_fetches_nothing():
    source = drawn().get_body(("html",)).get_content()
    assert "color:" not in source.replace("color-scheme", "")
    assert 'name="color-scheme" content="light dark"' in source
    assert re.findall(r'(?:src|href)="([^":]*)', source) == ["cid", "https"]


def test_without_a_chart_or_a_page_there_is_neither_picture_nor_link():
    mail = received(notice(message=replace(MESSAGE, page="")))
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert page(mail).all("img") == page(mail).all("a") == []
    assert "tell your analysts: alert a1." in unflowed(mail)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", 'https://x.test/"onclick="y', "https://x.test/ y", "mailto:a@b"]
)
def test_only_an_address_of_the_web_becomes_a_link(address):
    mail = received(notice(message=replace(MESSAGE, page=address)))
    assert page(mail).all("a") == []
    assert address not in unflowed(mail)


def test_what_cannot_be_answered_says_nothing_of_answering():
    assert "cknowledge" not in unflowed(received(notice(message=replace(MESSAGE, answerable=False))))


def test_a_mail_with_small_numbers_says_for_whom_it_is():
    mail = received(notice(message=replace(MESSAGE, exact=True)))
    assert mail["Sensitivity"] == "Company-Confidential"
    assert "This mail shows small numbers: it is for its addressees alone." in unflowed(mail)
    assert received(notice())["Sensitivity"] is None


# Whatever the data says


@pytest.mark.parametrize("text", NASTY)
def test_data_stays_text(text):
    mail = received(notice(message=saying(text)))
    seen = page(mail)
    assert {name for name, _ in seen.elements} == KNOWN - {"img"}
    assert [link["href"] for link in seen.all("a")] == [PAGE]
    assert seen.words.count(shown(text)) >= 5
    assert mail["Subject"] == shown(text)
    assert f"Where: {shown(f'{text}, {text}')}" in unflowed(mail)


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS, st.text(min_size=1))
def test_no_data_adds_a_header_an_element_or_an_address(text, thread, name):
    mail = received(notice(name, message=saying(text), thread=thread))
    assert set(mail.keys()) - {"In-Reply-To", "References"} == set(received(notice()).keys())
    assert mail["To"] == "ann@council.gov.uk"
    assert {tag for tag, _ in page(mail).elements} <= KNOWN
    assert "\n" not in mail["Subject"]


def test_forty_lines_of_long_names_are_all_there():
    lines = tuple(Line(f"Team {i}", f"{i} " + "Kinder- und Jugendhilfe 東京都 " * 8) for i in range(40))
    mail = received(notice(message=replace(MESSAGE, lines=lines)))
    for line in lines:
        assert f"{line.label}: {line.text.strip()}" in unflowed(mail)
        assert line.text.strip() in page(mail).words


def test_a_subject_is_short_and_a_head_is_one_line_whatever_stands_in_it():
    mail = received(notice(message=replace(MESSAGE, headline="東京都 " * 300, alert_id="a1\r\nBcc: all@evil.test")))
    assert len(mail["Subject"]) <= 250
    assert mail["X-Forecaster-Alert"] == "a1 Bcc: all@evil.test"
    assert mail["Bcc"] is None


def test_the_message_id_follows_from_the_delivery_alone():
    ids = {message_id(notice(name), SENDER) for name in ("d1", "d2", "d1", "d" * 500, "d\r\n1", "é")}
    assert len(ids) == 5
    assert all(re.fullmatch(r"<[0-9a-f]{32}@council\.gov\.uk>", made) for made in ids)


def test_an_odd_receipt_begins_no_thread():
    assert received(notice(thread="accepted"))["References"] is None
