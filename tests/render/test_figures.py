"""What moved, in words: every band beside its figure, the words beside the picture, and what is over told so."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import pytest

from forecaster.words.context import History
from forecaster.words.render import message, tell
from tests.render import cases

WEEK = dt.timedelta(weeks=1)
DATE = r"\d{1,2} (?:January|March|April|May|June|August|September|October|November|December)"


def line(made, label: str) -> str:
    return next((one.text for one in made.lines if one.label == label), "")


def few_repeats() -> History:
    """Six plan starts a week of which a quarter were second plans, more of them in the last year, all of the newest."""
    of = np.full(312, 6.0)
    of[-1] = 11.0
    count = np.where(np.arange(312) < 260, np.arange(312) % 2 + 1.0, np.arange(312) % 2 + 2.0)
    count[-1] = 11.0
    flat = np.full(312, 0.25)
    half = 1.96 * np.sqrt(0.25 * 0.75 / of)
    return History(cases.weeks(312), count, flat, np.maximum(flat - half, 0.0), flat + half, of=of)


def drifted(**changes):
    """The drift of few_repeats over a year, with the band of the year's share."""
    past = few_repeats()
    found = cases.alert(
        past,
        kind="drift",
        measure="repeat_plans",
        onset=cases.MONDAY - 51 * WEEK,
        expected=0.25,
        lower=0.18,
        upper=0.32,
    )
    about = replace(cases.drift()[1], history=past, year_end=None, **changes)
    return found, about


# A band stands beside what it is a band of


def test_the_band_of_a_whole_drift_is_not_put_beside_one_week():
    told = line(message(*drifted()), "What")
    assert told.startswith(
        "138 children started a second or later plan in 52 weeks, of 317 plan starts (44%); 25% was "
    )
    assert told.endswith(
        "25% was expected (95% band 18-32%). In the last four weeks: 62%, where 25% was expected (95% band 9-41%)."
    )
    assert "11 of 11" not in told


def test_over_more_weeks_than_a_drift_was_judged_on_its_band_is_narrower():
    found, about = drifted()
    judged_on_a_quarter = replace(found, total_expected=found.total_expected / 4)
    told = line(message(judged_on_a_quarter, about), "What")
    assert "25% was expected (95% band 22-29%)" in told


def test_a_share_counted_by_the_week_tells_the_newest_week_without_a_band_of_the_sum():
    assert line(message(*cases.drift()), "What").endswith("(95% band 18-23%). That week 20 of 72 (28%).")


def test_a_share_of_too_few_to_show_says_so_and_no_figure():
    past = few_repeats()
    past.count[-3:] = 2.0
    onset = cases.MONDAY - WEEK
    found = cases.alert(past, kind="drift", onset=onset, expected=0.25, lower=0.0, upper=0.6)
    whole = past.count + np.where(np.arange(312) >= 299, 0.25, 9.0)
    about = replace(drifted()[1], history=replace(past, whole=whole))
    told = line(message(found, about), "What")
    assert told == "Too few to show in numbers; 25% was expected, and the share has been above it."
    assert "below it" in line(message(replace(found, direction="down"), about), "What")


# The words and the picture


@pytest.mark.parametrize("since", [2, 6, 20])
@pytest.mark.parametrize("ago", [0, 2, 5])
def test_where_the_picture_sums_several_weeks_the_words_name_its_last_point_and_band(since, ago):
    past = cases.history(mean=6, surge=2.5, since=since)
    found = cases.alert(past, onset=cases.MONDAY - (since - 1) * WEEK)
    told = (cases.MONDAY - ago * WEEK,) if ago else ()
    made = message(found, cases.context(past, told=told))
    drawn = re.search(r"is (\d+), expected (\d+) \((\d+-\d+)\)\. A line", made.chart.alt_text)
    assert drawn is not None
    count, expected, band = drawn.groups()
    assert f"{count} children started a plan in four weeks" in line(made, "What")
    assert f"; {expected} were expected (95% band {band})." in line(made, "What")


def test_a_burst_within_the_picture_s_newest_point_is_told_as_a_part_of_it():
    past = cases.history(mean=5, surge=4, since=1, seed=4)
    made = message(cases.alert(past, onset=cases.MONDAY), cases.context(past))
    newest, four = past.count[-1], past.count[-4:].sum()
    assert line(made, "What") == (
        f"{four:.0f} children started a plan in four weeks; 20 were expected (95% band 10-30). "
        f"{newest:.0f} of them that week, where 5 were expected."
    )


def test_what_is_as_elsewhere_is_the_same_in_words_and_picture():
    made = message(*cases.peers())
    assert "98 children were referred that week; 61 if it had moved as elsewhere (95% band 50-74)." in made.text
    assert "is 98, expected 61 (50-74)" in made.chart.alt_text
    assert made.chart.expected[0] == 60.0  # before the onset what its own past made of it


def test_a_sum_of_none_is_drawn_as_none():
    """Everybody knows that none of a none is none, though the council's own few could be told from it."""
    past = cases.history(mean=6, surge=0, since=8)
    whole = past.count + np.where(np.arange(208) < 200, 40.0, 1.0)
    found, about = cases.fall()
    fall = replace(found, slice=(("team", "Team 2"),), total=0.0, total_expected=48.0)
    made = message(fall, replace(about, history=replace(past, whole=whole)))
    assert line(made, "What").startswith("No child was referred in four weeks; 24 were expected")
    assert line(made, "What").endswith("In eight weeks: none, where 48 were expected.")
    assert made.chart.observed[-2:] == (0.0, 0.0)
    assert "is 0, expected 24" in made.chart.alt_text


def test_a_message_has_one_date_of_the_onset():
    found, about = cases.low_count()
    counted = replace(about.history, count=np.append(about.history.count[:-8], np.full(8, 9.0)))
    found = cases.alert(counted, onset=found.onset - WEEK)
    families = cases.Families(np.full(208, 1.0), np.full(208, 4.0))
    families.count[-8:] = 6.0
    made = message(found, replace(about, history=counted, families=families, ask="Review {plans}.", year_end=None))
    dates = set(re.findall(DATE, made.summary + " ".join(one.text for one in made.lines)))
    assert dates == {"18 December"}
    assert line(made, "Who").startswith("The children in these four weeks are 24 families")
    assert line(made, "Ask") == "Review the 36 plans started in these four weeks."


def test_plans_that_cannot_be_counted_have_no_date_of_their_own():
    found, about = cases.surge()
    ask = line(message(replace(found, measure="conferences"), about), "Ask")
    assert ask.endswith("Review the plans started in the last three months.")


@pytest.mark.parametrize(
    ("noun", "unit"),
    [
        ("children started a plan", "Children a week"),
        ("children's plans ended", "Children's plans a week"),
        ("contacts were received", "Contacts a week"),
        ("whatever it may be", "Number a week"),
        ("child protection plan starts were counted", "Number a week"),  # the title says it
    ],
)
def test_the_axis_says_what_is_counted(noun, unit):
    found, about = cases.surge()
    assert message(found, replace(about, noun=noun)).chart.unit == unit


def test_of_none_and_of_one_the_singular_is_used():
    past = cases.history()
    past.count[-1] = 0.0
    assert line(message(cases.alert(past), cases.context(past)), "What").startswith(
        "No child started a plan that week;"
    )
    past.count[-1] = 1.0
    told = line(message(cases.alert(past), cases.context(past, threshold=0)), "What")
    assert told.startswith("1 child started a plan that week;")


# How large, in the first line


@pytest.mark.parametrize(
    ("counted", "words"),
    [(48, ": 20% more than expected."), (80, ": twice what was expected."), (100, ": 2.5 times what was expected.")],
)
def test_the_first_line_says_how_large_the_move_is(counted, words):
    past = cases.history()
    past.count[-8:] = counted
    assert message(cases.alert(past), cases.context(past)).summary.endswith(words)


def test_a_size_that_the_words_do_not_tell_is_not_in_the_first_line():
    past = cases.history()
    past.count[-1] = 3.0
    found = cases.alert(past, onset=cases.MONDAY)
    assert message(found, cases.context(past)).summary == "High severity, since w/c 8 January."
    assert message(cases.alert(), replace(cases.context(), history=None)).summary.endswith("since w/c 20 November.")


# A level


@pytest.mark.parametrize(
    ("changes", "about", "headline"),
    [
        ({}, {}, "More children are on a child protection plan"),
        ({"direction": "down"}, {}, "Fewer children are on a child protection plan"),
        ({}, {"now": "updated"}, "More children than expected are still on a child protection plan"),
        ({}, {"now": "updated", "was": "resolved"}, "Again more children are on a child protection plan"),
        ({"slice": (("locality", "North"),)}, {}, "More children are on a child protection plan in North"),
        ({}, {"title": "Plans open for 18 months or more"}, "More plans are open for 18 months or more"),
        ({}, {"title": "Looked after children"}, "More looked after children"),
    ],
)
def test_a_level_is_told_as_more_or_fewer(changes, about, headline):
    found, context = cases.stock()
    made = message(replace(found, **changes), replace(context, **about))
    assert made.headline == f"{headline} - week of 8 January 2018"


# What comes next


@pytest.mark.parametrize(
    ("level", "direction", "start"),
    [
        (45, "up", "Expected to fall back to about 45"),
        (60, "up", "About 60"),
        (90, "down", "Expected to rise again to"),
    ],
)
def test_a_forecast_of_a_return_says_so(level, direction, start):
    found, about = cases.surge()
    made = message(replace(found, direction=direction), replace(about, ahead=cases.ahead(level)))
    assert line(made, "Ahead").startswith(start)


# What is over


def few_that_are_over():
    """A fall in few children that is over, its points those of its first message, twelve weeks ago."""
    past = cases.history(mean=3, surge=0.2, since=30, seed=6)
    past.count[-4:] = [2.0, 4.0, 3.0, 3.0]
    opened = cases.MONDAY - 12 * WEEK
    found = cases.alert(past, direction="down", onset=cases.MONDAY - 29 * WEEK, opened=opened, calm=4, state="resolved")
    about = cases.context(past, now="resolved", reason="four weeks in a row as expected", told=(opened,))
    return found, about


def test_what_is_over_is_told_as_what_was_and_by_no_figure_out_of_its_band():
    made = message(*few_that_are_over())
    assert made.summary.startswith("Resolved: four weeks in a row as expected.")
    assert re.fullmatch(r"Since it began, in \d\d weeks.*: \d+, where \d+ were expected\.", line(made, "What"))
    assert re.search(r"The last point, the \w+ weeks up to w/c 16 October,", made.chart.alt_text)


def test_the_newest_weeks_of_what_is_over_are_told_where_they_lie_in_their_band():
    found, about = cases.resolved()
    assert line(message(found, about), "What").startswith("49 children started a plan that week; 40 were expected (95%")
    about.history.count[-1] = 70.0  # one week in twenty is out of its band
    assert line(message(found, about), "What").startswith("Since it began, in eight weeks: ")


@pytest.mark.parametrize(
    ("onset", "known", "opened", "words"),
    [
        (
            "2017-11-20",
            "2017-11-20",
            "2017-12-11",
            "It began w/c 20 November; we first wrote about the week of 11 December.",
        ),
        (
            "2017-11-06",
            "2017-11-20",
            "2017-12-11",
            "Looking back it began w/c 6 November; we first wrote about the week",
        ),
        ("2017-12-18", "2017-12-18", "2017-12-11", "It began w/c 11 December; we first wrote about the week of 11 Dec"),
    ],
)
def test_what_is_over_says_when_it_began_and_when_it_was_first_told(onset, known, opened, words):
    found, about = cases.resolved()
    began, told, first = (dt.date.fromisoformat(text) for text in (onset, known, opened))
    over = replace(found, onset=began, opened=first, told_of=(((), told), ((), began)))
    assert f"as expected. {words}" in message(over, about).summary


def test_a_year_that_is_over_did_not_begin_on_a_day():
    found, about = cases.neighbours()
    made = message(replace(found, opened=dt.date(2017, 10, 30)), replace(about, now="resolved", reason="x as expected"))
    assert made.summary == "Resolved: x as expected. We first wrote about the week of 30 October."


def test_what_is_over_goes_by_the_name_it_was_last_told_by_and_shows_no_figure_of_another():
    found, about = cases.resolved()
    seen_since = replace(
        found, slice=(("age_band", "5-9"),), told_of=(((), cases.ONSET), ((("age_band", "5-9"),), cases.ONSET))
    )
    made = message(seen_since, about)
    assert made.headline == "Child protection plan starts are back to what is expected - week of 8 January 2018"
    assert (made.lines, made.chart) == ((), None)


# When it is seen elsewhere, or since another day


@pytest.mark.parametrize(
    ("slice_", "onset", "words"),
    [
        ((("locality", "West"),), cases.ONSET, " Until now it was Child protection plan starts in West."),
        ((), dt.date(2017, 12, 4), " Looking back it began w/c 20 November."),
        (
            (("team", "A"),),
            dt.date(2017, 12, 4),
            " Until now it was Child protection plan starts in A; looking back it ",
        ),
        ((), cases.ONSET, ""),
    ],
)
def test_an_update_says_that_its_subject_or_its_beginning_is_another(slice_, onset, words):
    found, about = cases.updated()
    told = tell(replace(found, told_of=((slice_, onset), ((), cases.ONSET))), about).news.summary
    assert told.startswith(f"Severity rose from medium to high.{words}")
    assert words or told == "Severity rose from medium to high."


def test_a_new_level_is_told_only_where_it_is_forecast_to_last():
    found, about = cases.stays()
    assert line(message(found, about), "What").endswith(
        "Before w/c 20 November about 40 a week was usual; about 76 is now."
    )
    falling = replace(about, ahead=cases.ahead(42))
    assert line(message(found, falling), "What").endswith("Before w/c 20 November about 40 a week was usual.")


# What the record may give


@pytest.mark.parametrize(
    ("case", "parts"),
    [(cases.surge, True), (cases.stock, True), (cases.neighbours, True), (cases.low_count, False)],
)
def test_a_message_says_what_it_tells_of_its_alert(case, parts):
    alert, context = case()
    made = message(alert, context)
    assert (made.observed, made.excess) == (alert.observed, parts)


def test_a_drift_is_told_by_the_share_of_the_sum_in_its_words():
    made = message(*drifted())
    assert "138 children" in line(made, "What") and "of 317 plan starts (44%)" in line(made, "What")
    assert made.observed == pytest.approx(138 / 317)


def test_what_is_not_shown_is_not_told():
    few = replace(cases.low_count()[1].history, count=np.full(208, 2.0))
    assert (
        message(replace(cases.low_count()[0], observed=2.0), replace(cases.low_count()[1], history=few)).observed
        is None
    )
