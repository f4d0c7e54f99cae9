"""The picture in the README shows the blocks that Slack gets, all of their words and nothing else."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from forecaster.channels._slack_blocks import blocks
from tests.channels.slack_limits import texts
from tests.golden.slack_picture import block_html, page
from tests.render.cases import every_message

ALERT = replace(every_message()["opened_surge"], answerable=True, page="https://forecaster.example/alerts/1")


def test_every_word_of_the_blocks_is_in_the_picture_in_order():
    made = blocks(ALERT, answers=True)
    shown = html.unescape(re.sub(r"<[^>]+>", " ", "".join(map(block_html, made))))
    said = [text["text"].replace("*", " ") for block in made for text in texts(block)]
    assert shown.split() == html.unescape(" ".join(said)).split()


def test_what_is_bold_in_slack_is_bold_in_the_picture():
    [section] = [block for block in blocks(ALERT) if "*What*" in block.get("text", {}).get("text", "")]
    assert "<b>What</b>" in block_html(section)


def test_a_name_in_the_data_is_no_tag_in_the_picture():
    odd = replace(ALERT, headline="<script>alert(1)</script> & more")
    assert "<script>" not in page(blocks(odd, answers=True), b"")


def test_a_block_that_the_picture_does_not_know_is_an_error():
    with pytest.raises(ValueError, match="divider"):
        block_html({"type": "divider"})
