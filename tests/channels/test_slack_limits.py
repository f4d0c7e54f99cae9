"""Whatever the data says, Slack takes the message and acts upon nothing in it."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.channels._slack_blocks import CONTEXT, FALLBACK, HEADER, SECTION, blocks, escaped, fallback
from forecaster.messages import Line, Message
from forecaster.render import message
from tests.channels.slack_double import check_blocks
from tests.render import cases

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs",))
NASTY = st.sampled_from(
    [
        "<!channel>",
        "<@U012345>",
        "<#C012345|general>",
        "<https://evil.test|click>",
        "&lt;!here&gt;",
        "@everyone",
        "*bold*",
        "東京都",
    ]
)
NAMES = st.lists(st.one_of(NASTY, st.text(LETTERS, max_size=80)), min_size=1, max_size=5).map("".join)
SEVERITIES = st.sampled_from(["low", "medium", "high"])
LONG = st.builds(lambda text, times: text * times, NAMES, st.sampled_from([1, 3, 60]))
MESSAGES = st.builds(
    Message,
    alert_id=st.just("a1"), headline=LONG, severity=SEVERITIES, summary=LONG, evidence=LONG,
    lines=st.lists(st.builds(Line, NAMES, LONG), max_size=60).map(tuple),
)  # fmt: skip


def texts(made: list[dict]) -> list[str]:
    found = [block["text"] for block in made if "text" in block]
    found += [element for block in made for element in block.get("elements", ())]
    return [text["text"] for text in found]


def unescaped_control(text: str) -> list[str]:
    """Characters with which Slack's markup could begin or end."""
    return re.findall(r"[<>]|&(?!amp;|lt;|gt;)", text)


@settings(deadline=None)
@given(MESSAGES)
def test_any_message_keeps_to_slacks_limits(made):
    check_blocks(blocks(made))
    assert len(fallback(made)) <= FALLBACK


@settings(deadline=None)
@given(MESSAGES)
def test_no_mention_or_link_can_be_injected(made):
    assert [unescaped_control(text) for text in [*texts(blocks(made)), fallback(made)] if unescaped_control(text)] == []


@given(st.text(LETTERS), st.integers(2, 200))
def test_escaped_text_fits_and_reads_as_before(text, limit):
    safe = escaped(text, limit)
    assert len(safe) <= limit
    shown = html.unescape(safe) if "&" in safe else safe
    if len(safe) < limit and not safe.endswith("…"):
        assert shown == html.unescape(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


@pytest.mark.parametrize("limit", range(2, 40))
def test_a_cut_never_falls_inside_an_escape(limit):
    safe = escaped("a<b>&c" * 20, limit)
    assert len(safe) <= limit
    assert unescaped_control(safe) == []
    assert safe.endswith("…")


@pytest.mark.parametrize(
    ("text", "safe"),
    [("North & South", "North &amp; South"), ("<!channel>", "&lt;!channel&gt;"), ("&lt;", "&amp;lt;"), ("", "")],
)
def test_only_the_three_control_characters_are_escaped(text, safe):
    assert escaped(text, 100) == safe


def test_every_text_with_markup_is_taken_verbatim():
    made = blocks(message(*cases.surge()))
    objects = [block["text"] for block in made if "text" in block] + made[-1]["elements"]
    assert [item["verbatim"] for item in objects if item["type"] == "mrkdwn"] == [True, True, True]
    assert [item["emoji"] for item in objects if item["type"] == "plain_text"] == [False]


def test_a_message_too_large_for_slack_loses_its_last_sections():
    lines = tuple(Line(f"Label {i}", "word " * 550) for i in range(40))
    made = blocks(replace(message(*cases.surge()), lines=lines))
    check_blocks(made)
    assert [block["type"] for block in made] == ["header", *["section"] * 4, "context"]
    assert "*Label 0*" in made[2]["text"]["text"]


def test_a_message_without_summary_or_evidence_has_no_empty_block():
    made = blocks(Message("a1", "Headline", "low", "", (Line("What", "Much"),), ""))
    assert [block["type"] for block in made] == ["header", "section"]
    check_blocks(blocks(Message("a1", "", "low", "", (), "")))


@settings(deadline=None, max_examples=40)
@given(st.lists(NAMES, min_size=40, max_size=40, unique=True), NAMES, st.integers(0, 40))
def test_long_names_in_any_script_stay_within_limits(names, title, observed):
    alert, context = cases.surge()
    excess = alert.total - alert.total_expected
    dimensions = ("team", "locality", "source", "category")
    found = [(f"{dimensions[i % 4]}={name * 3}"[:220], excess / (i + 2), observed) for i, name in enumerate(names)]
    where = (("team", title * 5),)
    made = message(replace(alert, drivers=cases.drivers(excess, *found), slice=where), replace(context, title=title))
    check_blocks(blocks(made))
    assert len(made.text) <= 1200
    assert unescaped_control(json.dumps(blocks(made), ensure_ascii=False)) == []
    assert made.chart is not None
    assert len(made.chart.alt_text) <= 1000


def test_the_limits_are_slacks():
    assert (HEADER, SECTION, CONTEXT) == (150, 3000, 2000)
