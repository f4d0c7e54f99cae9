"""One message of every kind as a mail, in text and HTML, and as a Teams card; the words of all are in other files."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from forecaster.channels._card import post
from forecaster.channels._email_html import html
from forecaster.channels._email_letter import letter, text
from forecaster.channels._notes import notes, visible
from forecaster.messages import Delivery, Message, Target
from forecaster.words.digest import digest
from tests.core.digest_cases import ARRIVALS, DIGESTS
from tests.render.cases import every_message

HERE, PAGE = Path(__file__).parent, "https://forecaster.example.gov.uk/alerts/a1"
NOW = dt.datetime(2018, 1, 15, 7, tzinfo=dt.UTC)
CASES = (
    "opened_surge", "updated_surge", "resolved_surge", "escalated_news",
    "acknowledged_news", "snoozed_news", "assigned_news", "rated_news", "updated_after_answers_news",
    "digest_quiet", "digest_open", "digest_no_data", "arrival_opened", "arrival_resolved",
)  # fmt: skip


@cache
def messages() -> dict[str, Message]:
    """Every message the service can say, by its name."""
    digests = {f"digest_{name}": digest(made()) for name, made in DIGESTS.items()}
    return every_message() | digests | {f"arrival_{name}": made() for name, made in ARRIVALS.items()}


def delivery(case: str) -> Delivery:
    """An alert with its page; news as what comes below the first message."""
    made = messages()[case]
    made = replace(made, page=PAGE) if made.kind == "alert" else made
    thread = "<first@council.gov.uk>" if case.endswith("_news") else ""
    state = "ambiguous" if case == "rated_news" else "pending"
    return Delivery(case, "a1", "t1", Target("email", "ann@council.gov.uk"), "text", made, state, thread=thread)


@pytest.mark.parametrize("case", CASES)
def test_the_mail_reads_as_agreed(case, golden):
    sent = delivery(case)
    made, foot = visible(sent.message), notes(sent, "mail")
    unpainted = replace(sent, message=replace(made, chart=None))  # the picture takes a second and is in no golden file
    mail = letter(unpainted, "forecaster@council.gov.uk", ["ann@council.gov.uk"], NOW)
    heads = "".join(f"{name}: {value}\n" for name, value in mail.items() if name != "Content-Type")
    golden(f"mail/{case}.txt", heads + "\n" + text(made, foot))
    golden(f"mail/{case}.html", html(made, "chart" if made.chart else "", foot))


@pytest.mark.parametrize("case", CASES)
def test_teams_gets_the_card_as_agreed(case, golden):
    [attachment] = json.loads(post(delivery(case).message, notes(delivery(case), "message")))["attachments"]
    card = json.dumps(attachment["content"], indent=2, ensure_ascii=False) + "\n"
    golden(f"cards/{case}.json", re.sub(r"(image/png;base64,)[^\"]+", r"\1…", card))


def test_every_kind_and_shape_of_message_is_among_them():
    def shapes(names) -> set[object]:
        made = [messages()[name] for name in names]
        return {(m.kind, m.answerable, m.chart is not None, bool(m.lines), bool(m.evidence)) for m in made}

    assert shapes(messages()) == shapes(CASES)


def test_no_golden_mail_or_card_is_left_behind():
    assert {file.name for file in (HERE / "mail").iterdir()} == {
        f"{c}.{kind}" for c in CASES for kind in ("txt", "html")
    }
    assert {file.name for file in (HERE / "cards").iterdir()} == {f"{case}.json" for case in CASES}
