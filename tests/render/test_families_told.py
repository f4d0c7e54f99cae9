"""How many families a rise is, as far as that gives no few of them away."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecaster.words.context import Families
from forecaster.words.render import message
from tests.render import cases


def line(made, label: str) -> str:
    return next((line.text for line in made.lines if line.label == label), "")


def told_of_families(families, counts=None, largest=3, of=False, **changes):
    """The Who line of a surge of eight weeks whose children are of so many families a week (before: 20 of 40)."""
    past = cases.history()
    count = np.append(np.full(200, 40.0), np.broadcast_to(64.0 if counts is None else counts, 8))
    named = np.append(np.full(200, 20.0), np.broadcast_to(np.asarray(families, float), 8))
    found = Families(named, np.append(np.full(200, 9.0), np.full(8, float(largest))))
    past = replace(past, count=count)
    told = {name: changes.pop(name) for name in ("direction", "kind") if name in changes}
    alert = replace(cases.alert(past), **told)
    context = cases.context(past, families=found, **changes)
    if not of:  # a window that may not be shown: its excess is not told either
        alert = replace(alert, total=alert.total_expected)
    return line(message(alert, context), "Who")


@pytest.mark.parametrize(
    ("families", "text"),
    [
        (32, "About 96 more families than usual, no group of over five siblings."),
        (20.5, "Hardly more families than usual, no group of over five siblings."),
        (12, "Hardly more families than usual, no group of over five siblings."),
        (60, "About 192 more families than usual, no group of over five siblings."),
        (63.75, "Since w/c 20 November nearly every child is of another family."),
    ],
)
def test_the_extra_children_are_told_from_families(families, text):
    assert told_of_families(families, of=True) == text


@pytest.mark.parametrize(
    ("families", "counts", "largest", "text"),
    [
        (30, None, 3, "The children since w/c 20 November are 240 families, no group of over five siblings."),
        (30, None, 6, "The children since w/c 20 November are 240 families, with a group of over five siblings."),
        (64, None, 1, "The children since w/c 20 November are 512 families, no group of over five siblings."),
        (
            [2, 2, 0, 0, 0, 0, 0, 0],
            [9, 8, 0, 0, 0, 0, 0, 0],
            6,
            "The children since w/c 20 November are 5 or fewer families.",
        ),
        ([1, 0, 0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0, 0], 5, ""),
        (0, 0, 0, ""),
        (np.nan, None, np.nan, ""),
        ([30, 30, 30, np.nan, 30, 30, 30, 30], None, 3, ""),
    ],
)
def test_without_an_excess_all_children_since_the_onset_are(families, counts, largest, text):
    assert told_of_families(families, counts, largest) == text


def test_families_are_not_told_of_children_who_are_not_counted():
    counts, families = np.full(8, 64.0), np.full(8, 30.0)
    counts[3] = families[3] = np.nan
    assert told_of_families(families, counts) == ""


def test_families_are_told_of_a_rise_alone():
    assert told_of_families(30, direction="down") == ""
    assert told_of_families(30, kind="neighbours") == ""


def test_nothing_is_said_of_families_that_are_not_known():
    alert, context = cases.surge()
    assert line(message(replace(alert, drivers=()), replace(context, families=None)), "Who") == ""


def test_a_later_message_does_not_give_the_new_weeks_few_families_away():
    before = (cases.MONDAY - dt.timedelta(weeks=1),)
    assert told_of_families([30] * 7 + [6], told=before).startswith(
        "The children since w/c 20 November are 216 families"
    )
    assert told_of_families([30] * 7 + [5], told=before) == ""
    assert told_of_families([30] * 7 + [60], told=before) == ""  # 64 children, 4 of them not the first of their family
