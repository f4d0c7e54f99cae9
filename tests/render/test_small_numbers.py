"""No count from 1 to 5 reaches a person, by any way: words, picture, description or fallback."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.channels._slack_blocks import blocks, fallback
from forecaster.chart import vega_lite
from forecaster.words.context import Families, History
from forecaster.words.render import message
from tests.render import cases
from tests.render.oracle import leaks

MODEL = 700.0  # every figure of a model is far above every count, so that a small number can only be a count
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
DATES = rf"w/c \d+ \w+( \d{{4}})?|(week of )?\d+ ({MONTHS})( \d{{4}})?|neighbours 2016/17"
FREE = rf"5 or fewer|over 5|95% band|{DATES}|next 13 weeks|\d+ weeks"


def small_numbers(text: str) -> list[str]:
    """The numbers from 1 to 5 in a text, but for dates, lengths of time and the rule's own words."""
    return re.findall(r"(?<![\d.,])[1-5](?![\d,.]*\d|%)", re.sub(FREE, "", text))


def told(counts, kind="flow", of=None, drivers=(), onset=cases.ONSET, **changes):
    """The message about these counts, in which all that a model says is large."""
    count = np.asarray(counts, float)
    flat = np.full(len(count), 0.5 if kind == "share" else MODEL)
    past = History(
        cases.weeks(len(count)), count, flat, flat, flat * 1.5, of=None if of is None else np.asarray(of, float)
    )
    alert = replace(cases.alert(past, onset=onset), drivers=cases.drivers(MODEL, *drivers), total_expected=MODEL * 10)
    ahead = cases.ahead(0.5, 0.1) if kind == "share" else cases.ahead(MODEL, 10.0)
    bare = {
        "extract": "",
        "comparison": None,
        "families": None,
        "ask": "",
        "budget": None,
        "model": "",
        "config": "",
        "year_end": None,
    }
    context = cases.context(past, kind=kind, ahead=ahead, coverage=None, **bare, **changes)
    return message(alert, context)


def everything(made) -> str:
    """All that a person could read, in any channel."""
    alt = made.chart.alt_text if made.chart else ""
    return "\n".join([made.text, alt, fallback(made), json.dumps(blocks(made))])


def test_the_search_finds_what_it_looks_for():
    assert small_numbers("3 children started a plan that week, 5 of 40, 1.") == ["3", "5", "1"]
    assert (
        small_numbers("5 or fewer children since w/c 3 January 2018; 15, 1,234, 2.5, 35% and 40 (95% band 20-30)") == []
    )


@pytest.mark.parametrize("count", range(1, 6))
def test_a_small_newest_count_is_five_or_fewer(count):
    made = told([30] * 60 + [count])
    assert "5 or fewer children started a plan that week" in made.text
    assert small_numbers(everything(made)) == []


@pytest.mark.parametrize(("count", "words"), [(0, "No child started"), (6, "6 children started")])
def test_zero_and_six_are_shown(count, words):
    assert words in told([30] * 60 + [count]).text


@pytest.mark.parametrize(("threshold", "words"), [(5, "7 children"), (10, "10 or fewer children")])
def test_the_threshold_is_the_councils(threshold, words):
    assert words in told([30] * 60 + [7], threshold=threshold).text


def test_a_count_whose_rest_is_small_is_not_shown_either():
    made = told([58] * 61, kind="share", of=[60] * 61, unit="plan starts")
    assert made.lines[0].text == (
        "464 children started a plan in eight weeks, of 480 plan starts (97%); 1458% was expected. "
        "In the last four weeks: 97%, where 50% was expected (95% band 38-63%)."
    )


def test_a_driver_is_named_only_if_its_own_count_is_above_five():
    drivers = [("team=Small", 90.0, 5), ("team=Large", 300.0, 6), ("team=Larger", 200.0, 60)]
    text = told([30] * 60 + [90], drivers=drivers).text
    assert "Larger" in text
    assert "Small" not in text


def test_a_slice_that_is_nearly_the_council_is_not_shown():
    past = cases.history()
    made = message(cases.alert(past), cases.context(replace(past, whole=past.count + 3)))
    assert "The newest week by itself is not shown" in made.text


def test_hidden_values_are_not_in_the_pictures_data():
    chart = told([30, 4, 33] * 20 + [70]).chart
    assert chart is not None
    assert [value for value in chart.observed if 0 < value <= 5] == []
    assert sum(chart.hidden) == 20
    rows = [row for rows in vega_lite(chart)["datasets"].values() for row in rows]
    assert [row["y"] for row in rows if row.get("series") == "counted" and row["y"] is not None and row["y"] <= 5] == []


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**31),
    st.sampled_from([0.5, 2.0, 6.0, 15.0, 40.0]),
    st.sampled_from(["flow", "stock"]),
    st.integers(0, 20),
    st.lists(st.tuples(st.floats(100, 600), st.integers(0, 12)), max_size=6),
)
def test_no_small_count_is_shown_anywhere(seed, mean, kind, length, found):
    counts = np.random.default_rng(seed).poisson(mean, 70)
    drivers = [(f"team={'abcdef'[i]}", value, observed) for i, (value, observed) in enumerate(found)]
    onset = cases.weeks(21)[20 - length].astype(object)
    made = told(counts, kind=kind, drivers=drivers, onset=onset)
    assert small_numbers(everything(made)) == []
    assert made.chart is not None
    assert [value for value in made.chart.observed if 0 < value <= 5] == []


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.sampled_from([3.0, 15.0, 60.0]), st.floats(0.02, 0.98), st.integers(0, 20))
def test_no_small_side_of_a_share_is_shown_anywhere(seed, size, rate, length):
    rng = np.random.default_rng(seed)
    of = rng.poisson(size, 70)
    counts = rng.binomial(of, rate)
    onset = cases.weeks(21)[20 - length].astype(object)
    made = told(counts, kind="share", of=of, onset=onset, unit="plan starts")
    assert small_numbers(everything(made)) == []
    pair = re.search(r"(\d+) of (\d+) \(", made.text)
    if pair:
        assert not 0 < int(pair[2]) - int(pair[1]) <= 5


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=6, max_size=12))
def test_all_messages_of_one_alert_together_give_no_few_families_away(weeks):
    """One message a week since the onset, and a reader who keeps them all: no few families, and none but one child."""
    named = np.array([30.0] * 20 + [families for families, _ in weeks])
    count = named + np.array([20.0] * 20 + [siblings for _, siblings in weeks])
    past = History(cases.weeks(len(count)), count, count, count, count)
    days = [day.astype(object) for day in past.periods]
    alert = replace(cases.alert(past, onset=days[20]), total=0.0, total_expected=0.0)
    known = []
    for end in range(20, len(days)):
        context = cases.context(past, period=days[end], told=tuple(days[20:end]), families=Families(named, named))
        text = next((line.text for line in message(alert, context).lines if line.label == "Who"), "")
        told = re.search(r"are (\d+) families", text)
        known += [(20, end + 1)] if told else []
        assert small_numbers(text) == []
        assert not told or int(told[1]) == named[20 : end + 1].sum()
    assert leaks(known, [named, count - named]) == []
