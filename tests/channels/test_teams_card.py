"""The card: as Adaptive Cards 1.4 want it, always small enough, and whatever the data says stays text."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.channels._card import LIMIT, post
from forecaster.messages import Line, Message
from tests.channels.card_schema import CARD
from tests.channels.notices import DRAWN, MESSAGE, NASTY, PAGE, saying

Card = dict[str, Any]
CHECK = jsonschema.Draft202012Validator(CARD)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)
LONG = st.builds(lambda text, times: text * times, TEXTS, st.integers(1, 40))
MESSAGES = st.builds(
    Message, alert_id=st.just("a1"), headline=TEXTS.map("x".__add__), severity=st.just("high"), summary=TEXTS,
    lines=st.lists(st.builds(Line, TEXTS, LONG)).map(tuple),
    evidence=TEXTS, answerable=st.booleans(), page=st.sampled_from(["", PAGE]),
)  # fmt: skip


def card(message: Message, *foot: str) -> Card:
    """The card of a post that fits and that is what the schema wants."""
    sent = post(message, foot)
    assert len(sent) <= LIMIT
    [attachment] = json.loads(sent)["attachments"]
    made: Card = attachment["content"]
    CHECK.validate(made)
    return made


def texts(made: Card) -> list[str]:
    return ["".join(run["text"] for run in item["inlines"]) for item in made["body"] if item["type"] == "RichTextBlock"]


def kinds(made: Card) -> list[str]:
    return [item["type"] for item in made["body"]]


def test_a_card_says_the_whole_message_with_its_picture_after_what_was_counted():
    made = card(DRAWN, "A last word.")
    lines = [f"{line.label}  {line.text}" for line in MESSAGE.lines]
    assert texts(made) == [MESSAGE.headline, MESSAGE.summary, *lines, MESSAGE.evidence, "A last word."]
    assert kinds(made).index("Image") == 3
    picture = made["body"][3]
    assert picture["altText"] == DRAWN.chart.alt_text
    assert base64.b64decode(picture["url"].partition(",")[2]).startswith(b"\x89PNG")
    assert made["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": PAGE}]


def test_the_labels_and_the_headline_stand_out():
    made = card(MESSAGE)
    runs = [item["inlines"] for item in made["body"]]
    assert runs[0][0] | {"text": ""} == {"type": "TextRun", "text": "", "size": "Large", "weight": "Bolder"}
    assert [run.get("weight") for run in runs[2]] == ["Bolder", None]
    assert runs[-1][0]["isSubtle"] is True


def test_without_a_page_there_is_nothing_to_press():
    assert "actions" not in card(replace(MESSAGE, page=""))
    assert "actions" not in card(replace(MESSAGE, page="javascript:alert(1)"))


def test_what_is_empty_is_left_out():
    assert texts(card(replace(MESSAGE, summary="", evidence="", lines=()))) == [MESSAGE.headline]


# Whatever the data says


@pytest.mark.parametrize("text", NASTY)
def test_data_stays_text_as_it_is(text):
    """No escape is needed, so none is shown: nothing but runs, which know no Markdown, and nobody is mentioned."""
    made = card(saying(text))
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    assert texts(made)[0] == shown
    assert [action["url"] for action in made["actions"]] == [PAGE]
    assert "msteams" not in json.dumps(made)


# Size


def test_a_longer_message_keeps_a_smaller_picture_then_tells_it_in_words():
    def longer(length: int) -> Message:
        return replace(DRAWN, lines=(*MESSAGE.lines, *(Line("Who", "many words " * (length // 22)) for _ in range(2))))

    picture = next(item for item in card(DRAWN)["body"] if item["type"] == "Image")
    smaller = card(longer(LIMIT - len(post(DRAWN, ())) + 1200))
    [second] = [item for item in smaller["body"] if item["type"] == "Image"]
    assert len(second["url"]) < len(picture["url"])
    told = card(longer(16_000))
    assert "Image" not in kinds(told)
    assert DRAWN.chart.alt_text in texts(told)


def test_a_message_that_is_too_long_loses_first_what_is_missed_least():
    long = "word " * 1900
    lines = tuple(Line(label, long) for label in ("What", "Where", "Ahead", "Others", "From", "Ask"))
    labels = [text.partition("  ")[0] for text in texts(card(replace(DRAWN, lines=lines)))[2:]]
    assert labels[:3] == ["What", "Where", "Ask"]
    made = card(replace(MESSAGE, lines=tuple(Line(label, long) for label in ("What", "From", "Others"))))
    assert [text.partition("  ")[0] for text in texts(made)[2:4]] == ["What", "Others"]


def test_forty_lines_of_long_names_in_any_script_fit():
    for name in ("Nordbezirk " * 18, "東京都港区 " * 33, "\U0001f9d2 " * 100, '"quoted\\" ' * 20):
        made = card(replace(DRAWN, lines=tuple(Line(name, name * 5) for _ in range(40))))
        assert len(texts(made)) >= 12


@settings(deadline=None, max_examples=60)
@given(MESSAGES, st.lists(TEXTS, max_size=2))
def test_any_message_makes_a_card_that_teams_takes(message, foot):
    card(message, *foot)
