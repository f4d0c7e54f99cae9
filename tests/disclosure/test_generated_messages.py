"""A thousand messages on low counts, in threads: nobody who reads all of a thread can work a hidden count out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape

import pytest

from forecaster.channels._card import post
from forecaster.channels._email_html import html
from forecaster.channels._slack_blocks import blocks, fallback
from forecaster.chart import vega_lite
from tests.disclosure.generator import Thread, thread
from tests.disclosure.reading import Reader, UnreadError
from tests.disclosure.solver import System

THREADS, PARTS = 384, 4  # of 2.7 messages on average


@pytest.fixture(scope="module")
def threads() -> list[Thread]:
    return [thread(seed) for seed in range(THREADS)]


def test_there_are_a_thousand_messages_of_every_kind(threads):
    assert sum(len(one.told) for one in threads) >= 1_000
    assert {one.world.kind for one in threads} == {"flow", "share", "stock"}
    states = {told.record["state"] for one in threads for told in one.told}
    assert states == {"opened", "updated", "resolved"}


@pytest.mark.parametrize("part", range(PARTS))
def test_no_hidden_count_is_recovered_from_a_thread(threads, part):
    found = {seed: leaks for seed in range(part, THREADS, PARTS) if (leaks := threads[seed].recovered())}
    assert found == {}


def test_there_is_much_to_hide_and_much_is_told(threads):
    """The counts are low, and yet seven messages of ten say a number of what moved."""
    said = [told.whole.lines[0].text for one in threads for told in one.told]
    numbers = [
        bool(re.search(r"\d+ (children|plans) .*(week|month)|\bNo (children|plans)|: \d+", text)) for text in said
    ]
    hidden = [told.whole.chart is not None and any(told.whole.chart.hidden) for one in threads for told in one.told]
    assert sum(numbers) >= 0.7 * len(numbers)
    assert sum(hidden) >= 0.5 * len(hidden)


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d[\d,]*(?:\.\d+)?", text))


def texts(some) -> list[str]:
    """All that is written in blocks or a card."""
    if isinstance(some, dict):
        return [
            text
            for key, one in some.items()
            for text in ([one] if key in ("text", "altText") and isinstance(one, str) else texts(one))
        ]
    return [text for one in some for text in texts(one)] if isinstance(some, list) else []


def plain(page: str) -> str:
    """What a person reads of a page: its words, and the description of its picture."""
    alt = " ".join(re.findall(r'alt="([^"]*)"', page))
    return unescape(re.sub(r"<(style|title)[^>]*>.*?</\1>|<[^>]*>", " ", page, flags=re.S)) + unescape(alt)


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_channels_add_no_number_of_their_own(threads, seed):
    """Mail, cards, blocks and fallback show what the message says: a reader of the message has read them all."""
    for told in threads[seed].told:
        made = replace(told.whole, alert_id="plans-up")
        own = numbers(f"{made.text} {made.chart.alt_text if made.chart else ''}")
        card = texts(json.loads(post(replace(made, chart=None), [])))
        for shown in (fallback(made), plain(html(made, "cid", [])), " ".join(texts(blocks(made))), " ".join(card)):
            assert numbers(shown) - own == set()
            assert numbers(shown)


@pytest.mark.parametrize("seed", range(0, 40, 2))
def test_the_page_has_the_points_of_the_picture_and_no_other(threads, seed):
    world = threads[seed].world
    for told in threads[seed].told[:2]:
        if told.whole.chart:
            rows = [row for rows in vega_lite(told.whole.chart)["datasets"].values() for row in rows]
            drawn = {row["x"]: row["y"] for row in rows if row.get("series") == "counted" and row["y"] is not None}
            there = zip(told.whole.chart.periods, told.whole.chart.observed, strict=True)
            assert drawn == {day.isoformat(): value for day, value in there if value == value}
            assert world.periods[-1] >= max(told.whole.chart.periods)


@pytest.mark.parametrize(
    "text",
    ["17 children started a plan that week; 3 more are known of.", "Two of them in Elm.", "In Elm: 4", "No others."],
)
def test_a_number_that_the_grammar_does_not_know_is_an_error(threads, text):
    reader = Reader(threads[0].world)
    reader.message(threads[0].told[0].whole)
    with pytest.raises(UnreadError):
        reader._what(text)


def test_what_is_read_is_true(threads):
    """Misreading would be an error: what a thread says holds in the world it is about."""
    for one in threads[:20]:
        System(one.world, one.facts())
