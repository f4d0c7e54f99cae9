"""Every kind of message, word for word: as a manager reads it in a terminal and as Slack gets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forecaster.channels._slack_blocks import blocks
from forecaster.channels.console import plain
from tests.render.cases import every_message

MESSAGES = every_message()


@pytest.mark.parametrize("case", MESSAGES)
def test_the_message_reads_as_agreed(case, golden):
    made = MESSAGES[case]
    picture = f"\n\n[{made.chart.alt_text}]\n" if made.chart else "\n"
    golden(f"{case}.txt", plain(made, 100) + picture)


@pytest.mark.parametrize("case", MESSAGES)
def test_slack_gets_the_blocks_as_agreed(case, golden):
    made = blocks(MESSAGES[case])
    golden(f"{case}.json", json.dumps(made, indent=2, ensure_ascii=False) + "\n")


def test_no_golden_file_is_left_behind():
    files = {file.stem for file in Path(__file__).parent.iterdir() if file.suffix in (".txt", ".json")}
    assert {stem for stem in files if not stem.startswith(("digest_", "arrival_"))} == set(MESSAGES)
