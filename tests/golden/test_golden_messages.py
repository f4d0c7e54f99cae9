"""Every message in every channel, word for word: in a terminal, in Slack, as a mail and as a Teams card."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from forecaster.channels._card import post
from forecaster.channels._email_html import html
from forecaster.channels._email_letter import letter, text
from forecaster.channels._notes import notes, visible
from forecaster.channels._slack_blocks import blocks, fallback
from forecaster.channels.console import plain
from forecaster.messages import Delivery, Message, Target
from forecaster.words.digest import digest
from tests.core.digest_cases import ARRIVALS, DIGESTS
from tests.render.cases import every_message

HERE, PAGE = Path(__file__).parent, "https://forecaster.example.gov.uk/alerts/a1"
NOW = dt.datetime(2018, 1, 15, 7, tzinfo=dt.UTC)
MOST = 10_000  # bytes of a golden file: one that holds a picture has far more


def messages() -> dict[str, Message]:
    """Everything the service can say, by its name; an alert has its page."""
    alerts = {name: replace(made, page=PAGE) for name, made in every_message().items()}
    digests = {f"digest_{name}": digest(made()) for name, made in DIGESTS.items()}
    return alerts | digests | {f"arrival_{name}": made() for name, made in ARRIVALS.items()}


MESSAGES = messages()


def delivery(case: str) -> Delivery:
    """A message on its way; news as what comes below the first message."""
    thread = "<first@council.gov.uk>" if case.endswith("_news") else ""
    state, to = "ambiguous" if case == "rated_news" else "pending", Target("email", "ann@council.gov.uk")
    return Delivery(case, "a1", "t1", to, "text", MESSAGES[case], state, thread=thread)


def as_json(made: object) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("case", MESSAGES)
def test_a_terminal_shows_the_message_as_agreed(case, golden):
    made = MESSAGES[case]
    golden(f"{case}.txt", plain(made, 100) + (f"\n\n[{made.chart.alt_text}]\n" if made.chart else "\n"))


@pytest.mark.parametrize("case", MESSAGES)
def test_slack_gets_the_blocks_with_their_buttons_and_the_fallback_as_agreed(case, golden):
    made = MESSAGES[case]
    golden(f"{case}.json", as_json({"text": fallback(made), "blocks": blocks(made, answers=True)}))


@pytest.mark.parametrize("case", MESSAGES)
def test_the_mail_reads_as_agreed(case, golden):
    sent = delivery(case)
    made, foot = visible(sent.message), notes(sent, "mail")
    unpainted = replace(sent, message=replace(made, chart=None))  # the picture is in no golden file
    mail = letter(unpainted, "forecaster@council.gov.uk", ["ann@council.gov.uk"], NOW)
    heads = "".join(f"{name}: {value}\n" for name, value in mail.items() if name != "Content-Type")
    golden(f"mail/{case}.txt", heads + "\n" + text(made, foot))
    golden(f"mail/{case}.html", html(made, "chart" if made.chart else "", foot))


@pytest.mark.parametrize("case", MESSAGES)
def test_teams_gets_the_card_as_agreed(case, golden):
    [attachment] = json.loads(post(MESSAGES[case], notes(delivery(case), "message")))["attachments"]
    golden(f"cards/{case}.json", re.sub(r"(image/png;base64,)[^\"]+", r"\1…", as_json(attachment["content"])))


def test_every_kind_of_message_is_among_them_and_each_that_waits_for_an_answer_has_its_buttons():
    assert {made.kind for made in MESSAGES.values()} == {"alert", "change", "digest", "arrival"}
    with_buttons = {case for case in MESSAGES if '"forecaster_acknowledge"' in (HERE / f"{case}.json").read_text()}
    assert with_buttons == {case for case, made in MESSAGES.items() if made.answerable and made.kind != "change"}
    assert {"opened_surge", "acknowledged", "arrival_opened"} <= with_buttons
    assert not {"resolved_surge", "digest_open", "arrival_resolved"} & with_buttons


def test_no_golden_file_is_left_behind_and_none_holds_a_picture():
    files = [file for kind in ("txt", "json", "html") for file in HERE.rglob(f"*.{kind}")]
    forms = ("{}.txt", "{}.json", "mail/{}.txt", "mail/{}.html", "cards/{}.json")
    assert {file.relative_to(HERE).as_posix() for file in files} == {f.format(c) for c in MESSAGES for f in forms}
    assert max(file.stat().st_size for file in files) < MOST
