"""The console shows the whole message, no wider than the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forecaster.channels import open_channel
from forecaster.channels.console import Console, plain
from forecaster.messages import Line
from tests.channels.deliveries import delivery, picture


def test_a_message_is_written_and_its_id_is_the_receipt():
    written: list[str] = []
    assert Console(written.append).send(delivery()) == "d1"
    assert written == ["\n" + plain(delivery().message, 110) + "\n"]


def test_a_chart_is_told_in_words():
    written: list[str] = []
    assert Console(written.append, 80).send(picture("")) == "d1-chart"
    assert written[0].startswith("[Chart of Child protection plan starts")
    assert written[0].rstrip().endswith("]")


def test_a_message_without_a_chart_writes_nothing_for_it():
    written: list[str] = []
    bare = replace(delivery().message, chart=None)
    Console(written.append).send(picture("", message=bare))
    assert written == []


@pytest.mark.parametrize("width", [50, 80, 110])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(width):
    message = delivery().message
    text = plain(message, width)
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == message.text.split()


def test_the_texts_of_the_lines_stand_in_a_column():
    lines = [line for line in plain(delivery().message, 80).splitlines() if line.startswith(("What", "Where", "  "))]
    assert len({len(line) - len(line[5:].lstrip()) for line in lines}) == 1


def test_a_message_of_nothing_but_a_headline_can_be_shown():
    bare = replace(delivery().message, lines=(Line("What", ""),), evidence="", summary="")
    assert plain(bare, 80).split() == [*bare.headline.split(), "What"]


def test_what_a_terminal_showed_cannot_be_asked_for():
    assert Console(print).find(delivery()) is None


def test_the_width_is_that_of_the_terminal_up_to_a_readable_one(monkeypatch):
    widths = []
    for columns in ("60", "400"):
        monkeypatch.setenv("COLUMNS", columns)
        console = open_channel("console", {}, print)
        assert isinstance(console, Console)
        widths.append(console.width)
    assert widths == [60, 110]
