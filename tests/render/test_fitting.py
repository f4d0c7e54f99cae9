"""What goes first where a message would be too long, and what stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forecaster.messages import Line
from forecaster.words.fitting import DISPENSABLE, LIMIT, fit, length, shorter
from forecaster.words.render import message
from forecaster.words.wording import SEPARATOR
from tests.render import cases


def labels(made) -> list[str]:
    return [line.label for line in made.lines]


@pytest.mark.parametrize("case", cases.CASES)
def test_where_a_picture_has_the_neighbours_level_a_line_says_who_they_are(case):
    made = message(*cases.CASES[case]())
    if made.chart and made.chart.level is not None and "Ask" in labels(made):
        assert "Others" in labels(made)


def test_the_fullest_message_keeps_a_line_of_every_kind_it_has():
    made = message(*cases.surge())
    assert labels(made) == ["What", "Why", "Where", "Who", "Ahead", "Others", "Ask"]
    assert length(made) <= LIMIT


def test_a_message_has_ever_less_of_what_is_needed_least():
    _, context = cases.surge()
    steps = [*shorter(context)]
    left_out = [
        (most, told.comparison.above is None, told.year_end is None, told.families is None) for told, most in steps
    ]
    assert left_out == [
        (2, False, False, False), (1, False, False, False), (1, True, False, False), (1, True, True, False),
        (1, True, True, True),
    ]  # fmt: skip


def test_a_year_that_is_the_whole_forecast_stays():
    _, context = cases.drift()
    assert all(told.year_end is not None for told, _ in shorter(context))


def test_the_neighbours_go_first_but_for_a_picture_that_draws_them():
    made = message(*cases.surge())
    wordy = replace(made, lines=tuple(Line(label, "word " * 60) for label in ("What", *DISPENSABLE)))
    assert wordy.chart is not None
    without = fit(replace(wordy, chart=replace(wordy.chart, level=None)))
    assert "Others" not in labels(without)
    assert "Others" in labels(fit(wordy))
    assert "Others" not in labels(fit(wordy, 300))
    assert "What" in labels(fit(wordy, 300))


def test_what_people_did_does_not_count():
    made = message(*cases.surge())
    marked = replace(made, summary=SEPARATOR.join([made.summary.rstrip("."), "Acknowledged by A. Patel" + "!" * 300]))
    assert fit(marked).lines == made.lines
