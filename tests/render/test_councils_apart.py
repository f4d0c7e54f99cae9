"""A council beside others that share its installation: how it moved, and what would be as in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forecaster.types import SeriesKey
from forecaster.words.render import message
from forecaster.words.wording import slice_words
from tests.render import cases


def line(made, label: str) -> str:
    return next((line.text for line in made.lines if line.label == label), "")


def went(ours: float, theirs: float, direction: str = "up") -> str:
    """The headline when a council and the others moved so much against the year before, each by a factor."""
    alert, context = cases.peers()
    past = context.history
    first = past.end(alert.onset) - 1
    before = float(past.count[first - 52 : first].mean())
    moved = replace(
        alert,
        direction=direction,
        total=13 * ours * before,
        expected=theirs * before,
        total_expected=13 * theirs * before,
    )
    return message(moved, context).headline.removeprefix("Referrals are ").removesuffix(" - week of 8 January 2018")


@pytest.mark.parametrize(
    ("ours", "theirs", "direction", "words"),
    [
        (1.6, 1.0, "up", "up in Herefordshire and not elsewhere"),
        (1.6, 0.9, "up", "up in Herefordshire and not elsewhere"),
        (1.6, 1.2, "up", "up in Herefordshire more than elsewhere"),
        (0.98, 0.7, "up", "not down in Herefordshire as elsewhere"),
        (0.6, 1.0, "down", "down in Herefordshire and not elsewhere"),
        (0.6, 0.8, "down", "down in Herefordshire more than elsewhere"),
        (1.01, 1.4, "down", "not up in Herefordshire as elsewhere"),
    ],
)
def test_a_council_apart_says_how_it_moved_and_how_the_others_did(ours, theirs, direction, words):
    assert went(ours, theirs, direction) == words


def test_without_a_year_before_a_council_apart_is_up_or_down():
    alert, context = cases.peers()
    bare = message(alert, replace(context, history=None, now="updated"))
    assert bare.headline.startswith("Referrals are still up in Herefordshire and not elsewhere")


def test_a_council_apart_says_what_would_be_as_in_the_others():
    assert line(message(*cases.peers()), "What") == (
        "98 children were referred that week; 61 if it had moved as elsewhere (95% band 50-74). "
        "In 13 weeks: 1,260, where 796 were expected."
    )


def test_a_council_apart_shows_no_small_number():
    alert, context = cases.peers()
    past = context.history
    past.count[-1], past.count[-8] = 3, 4
    text = line(message(alert, context), "What")
    assert text.startswith("5 or fewer children were referred that week; 61 if it had moved as elsewhere")
    assert "In 13 weeks: 1,0" in text or "In 13 weeks" not in text


def test_a_share_apart_is_in_per_cent():
    _, about = cases.drift()
    alert = replace(cases.peers()[0], expected=0.2, lower=0.15, upper=0.26)
    assert "; 20% if it had moved as elsewhere (95% band 15-26%)." in line(message(alert, about), "What")


def test_a_resolved_council_apart_is_back_to_what_is_expected():
    alert, context = cases.peers()
    made = message(replace(alert, state="resolved"), replace(context, now="resolved", reason="as expected"))
    assert made.headline == "Referrals in Herefordshire are back to what is expected - week of 8 January 2018"
    assert "as elsewhere" not in made.text


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ((("council", "Hull"),), " in Hull"),
        ((("council", "Hull"), ("team", "Team 2")), " in Team 2, Hull"),
        ((("council", "Hull"), ("locality", "North"), ("team", "Team 2")), " in North in Team 2, Hull"),
        ((("council", "Hull"), ("source", "Police")), " from Police in Hull"),
        ((("category", "Neglect"), ("council", "Hull")), " (Neglect) in Hull"),
    ],
)
def test_a_place_is_followed_by_its_council(where, words):
    assert slice_words(SeriesKey("plan_starts", where)) == words


def test_a_surge_of_one_of_several_councils_says_which():
    made = message(cases.alert(slice=(("council", "Herefordshire"),)), cases.context())
    assert made.headline.startswith("Child protection plan starts are surging in Herefordshire - ")
