"""What each kind of message says."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecaster.context import Comparison, Families, YearEnd
from forecaster.render import LIMIT, message
from forecaster.types import Driver
from tests.render import cases


def line(made, label: str) -> str:
    return next((line.text for line in made.lines if line.label == label), "")


def of(case, **changes):
    """The message of a case with some of its context changed."""
    alert, context = case()
    return message(alert, replace(context, **changes))


@pytest.mark.parametrize(
    ("case", "headline"),
    [
        ("opened_surge", "Child protection plan starts are surging - week of 8 January 2018"),
        ("opened_drift", "Repeat plans are drifting up - week of 8 January 2018"),
        ("opened_fall", "Referrals from Police are falling - week of 8 January 2018"),
        ("opened_stock", "Open child protection plans are rising in North locality - week of 8 January 2018"),
        ("opened_neighbours", "Repeat plans are well above our statistical neighbours - week of 8 January 2018"),
        ("updated_surge", "Child protection plan starts are still surging - week of 8 January 2018"),
        ("resolved_surge", "Child protection plan starts are back to what is expected - week of 8 January 2018"),
        ("low_count", "Children starting care are surging in Leominster - week of 8 January 2018"),
    ],
)
def test_the_headline_is_what_a_person_would_say_aloud(case, headline):
    assert message(*cases.CASES[case]()).headline == headline


def test_a_surge_that_became_the_usual_level_is_not_told_as_over():
    past = cases.history(seed=9, surge=1.9)
    alert, about = cases.resolved()
    alert, about = replace(alert, calm=4), replace(about, history=past)
    stays = message(alert, about)
    assert stays.headline == "Child protection plan starts are staying at a higher level - week of 8 January 2018"
    assert stays.summary.startswith("Resolved: this is now what is to be expected. It was open from")
    assert "back to what is expected" in message(replace(alert, direction="down"), about).headline


def test_the_headline_agrees_with_a_singular_title():
    assert of(cases.drift, title="The share of repeat plans", plural=False).headline.startswith(
        "The share of repeat plans is drifting up"
    )


def test_a_drift_down_and_neighbours_below_are_said_so():
    alert, context = cases.drift()
    assert "drifting down" in message(replace(alert, direction="down"), context).headline
    alert, context = cases.neighbours()
    assert "well below" in message(replace(alert, direction="down"), context).headline


def test_a_month_is_named_as_a_month():
    past = cases.history()
    past = replace(past, periods=cases.months(len(past.periods)))
    alert = cases.alert(past, onset=dt.date(2017, 4, 1))
    made = message(alert, cases.context(past, step="month", period=dt.date(2017, 5, 1)))
    assert made.headline.endswith("surging - May 2017")
    assert made.summary == "High severity, since April 2017."
    assert "In two months:" in line(made, "What")


def test_the_summary_says_how_severe_and_since_when():
    assert message(*cases.surge()).summary == "High severity, since w/c 20 November."
    assert message(*cases.updated()).summary == "High severity (was medium), since w/c 20 November."
    assert message(*cases.neighbours()).summary == "Low severity, over the last year."
    assert message(*cases.resolved()).summary == "Resolved. It was open from w/c 20 November to w/c 8 January."


def test_what_moved_is_told_against_what_was_expected():
    alert, context = cases.surge()
    counted, summed = int(context.history.count[-1]), int(context.history.count[-8:].sum())
    assert line(message(alert, context), "What") == (
        f"{counted} children started a plan that week; 40 were expected (95% band 26-54). "
        f"In eight weeks: {summed} against 320."
    )


def test_a_share_is_told_with_its_numerator_and_denominator():
    alert, context = cases.drift()
    counted, total = context.history.count[-1], context.history.of[-1]
    expected = f"{counted:.0f} plans were repeat plans that week, of {total:.0f} plan starts ({counted / total:.0%}); "
    assert line(message(alert, context), "What").startswith(expected + "20% was expected (95% band 10-30%).")


def test_a_stock_is_a_level_and_has_no_sum():
    made = message(*cases.stock())
    assert "at the end of that week" in line(made, "What")
    assert "In eight weeks" not in made.text


def test_drivers_are_ranked_and_told_as_parts_of_the_excess():
    made = message(*cases.surge())
    assert line(made, "Why").startswith(
        "Section 47 enquiries ending in a conference 130 of the 197 extra, referrals 39"
    )
    assert line(made, "Where").startswith("North locality 138 of the 197 extra, City 39")
    assert line(made, "Who").startswith("Neglect 118 of the 197 extra, Emotional abuse 79.")


def test_a_name_that_ends_in_a_digit_is_kept_apart_from_its_number():
    assert "Team 2: 128, Team 4: 39" in line(message(*cases.surge()), "Where")


def test_a_small_driver_and_a_second_one_are_not_named():
    where = line(message(*cases.surge()), "Where")
    assert "Golden Valley" not in where
    assert "smaller groups not shown" in where


def test_only_the_first_three_drivers_that_matter_are_named():
    alert, context = cases.surge()
    excess = alert.total - alert.total_expected
    many = cases.drivers(excess, *[(f"team=Team {letter}", excess / 4, 90) for letter in "DCBA"], ("team=Z", 1, 50))
    assert line(message(replace(alert, drivers=many), context), "Where") == (
        f"Team A {excess / 4:.0f} of the {excess:.0f} extra, Team B {excess / 4:.0f}, Team C {excess / 4:.0f}."
    )


def test_when_few_drivers_explain_it_the_others_are_as_expected():
    alert, context = cases.surge()
    excess = alert.total - alert.total_expected
    named = cases.drivers(excess, ("locality=North", excess * 0.95, 90), ("locality=South", excess * 0.05, 50))
    assert line(message(replace(alert, drivers=named), context), "Where").endswith("extra, others as expected.")


def test_a_fall_is_told_in_fewer():
    alert, context = cases.fall()
    excess = alert.total - alert.total_expected
    named = cases.drivers(excess, ("team=East", excess, 90), ("source=School", excess * 0.5, 80))
    made = message(replace(alert, drivers=named), context)
    assert line(made, "Where") == f"East {-excess:.0f} of the {-excess:.0f} fewer."
    assert line(made, "From").startswith("School")


def test_drivers_are_told_as_percentages_when_the_sum_is_not_shown():
    alert, context = cases.surge()
    made = message(alert, replace(context, history=None))
    assert "70% of the rise" in line(made, "Where")


def test_drivers_of_a_low_series_are_told_as_percentages():
    alert, context = cases.low_count()
    excess = alert.total - alert.total_expected
    named = cases.drivers(excess, ("category=Neglect", excess * 0.6, 11), ("category=Physical abuse", excess * 0.4, 9))
    assert (
        line(message(replace(alert, drivers=named), context), "Who") == "Neglect 60% of the rise, Physical abuse 40%."
    )


def test_a_driver_of_two_dimensions_names_both():
    alert, context = cases.surge()
    excess = alert.total - alert.total_expected
    named = cases.drivers(
        excess, ("locality=North, team=Team 2", excess * 0.6, 90), ("locality=A, B", excess * 0.4, 80)
    )
    assert line(message(replace(alert, drivers=named), context), "Where") == (
        f"A, B {excess * 0.4:.0f} of the {excess:.0f} extra. North / Team 2: {excess * 0.6:.0f}."
    )


def test_the_slice_an_alert_is_about_is_not_named_as_its_own_driver():
    alert, context = cases.stock()
    named = cases.drivers(55.0, ("locality=North locality", 55.0, 200), ("team=Team C", 40.0, 90))
    assert line(message(replace(alert, drivers=named), context), "Where") == "Team C 40 of the 55 extra."


def test_a_driver_without_a_dimension_is_not_guessed():
    alert, context = cases.surge()
    made = message(replace(alert, drivers=(Driver("breakdown", "North", 90, 0.9, 90),)), context)
    assert "Where" not in [line.label for line in made.lines]


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
        (32, "The 192 extra are about 96 families; no sibling group is over 5."),
        (20.5, "The 192 extra are 5 or fewer families; no sibling group is over 5."),
        (12, "The 192 extra are 5 or fewer families; no sibling group is over 5."),
        (60, "The 192 extra are about 192 families; no sibling group is over 5."),
        (63.75, "Since w/c 20 November nearly every child is of another family."),
    ],
)
def test_the_extra_children_are_told_from_families(families, text):
    assert told_of_families(families, of=True) == text


@pytest.mark.parametrize(
    ("families", "counts", "largest", "text"),
    [
        (30, None, 3, "The children since w/c 20 November are 240 families; no sibling group is over 5."),
        (30, None, 6, "The children since w/c 20 November are 240 families; one sibling group or more is over 5."),
        (64, None, 1, "The children since w/c 20 November are 512 families; no sibling group is over 5."),
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


def test_a_week_that_is_missing_is_missing_in_both():
    counts, families = np.full(8, 64.0), np.full(8, 30.0)
    counts[3] = families[3] = np.nan
    assert told_of_families(families, counts).startswith("The children since w/c 20 November are 210 families;")


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


def test_a_flow_looks_ahead_by_the_week_and_to_the_end_of_the_financial_year():
    assert line(message(*cases.surge()), "Ahead") == (
        "About 45 a week for the next 13 weeks (33-57); 2,340 in the year to 31 March (2,210-2,470), "
        "2,050 a year ago (over 99% likely more)."
    )


def test_a_stock_looks_ahead_to_levels():
    assert line(message(*cases.stock()), "Ahead") == (
        "About 222 in 13 weeks if this goes on (202-242); 220 on 31 March (190-236), 172 a year ago (98% likely more)."
    )


def test_a_share_looks_ahead_in_per_cent():
    told = of(cases.drift, ahead=cases.ahead(0.31, 0.1), year_end=None)
    assert line(told, "Ahead") == "About 31% for the next 13 weeks (21-41%)."


YEAR = YearEnd(dt.date(2018, 3, 31), 0.222, 0.241, 0.262, 0.172, so_far=0.232, size=3100)


def test_a_share_says_where_the_year_ends_how_it_stands_and_how_it_was_a_year_ago():
    past = cases.share_history(of=400)
    made = message(cases.alert(past), replace(cases.drift()[1], history=past))
    assert (
        line(made, "Ahead")
        == "24% in the year to 31 March (22-26%; 23% so far; 17% a year ago, over 99% likely higher)."
    )


def test_a_share_since_april_that_would_give_a_hidden_week_away_is_not_told():
    past = cases.share_history(of=400)
    at = past.end(dt.date(2017, 6, 5)) - 1
    past.count[at] = 3
    made = message(cases.alert(past), replace(cases.drift()[1], history=past))
    assert line(made, "Ahead") == "24% in the year to 31 March (22-26%; 17% a year ago, over 99% likely higher)."


@pytest.mark.parametrize(("size", "told"), [(12, False), (40, True)])
def test_a_share_whose_year_is_of_a_few_children_has_no_outlook(size, told):
    made = of(cases.drift, year_end=replace(YEAR, size=size))
    assert bool(line(made, "Ahead")) == told
    assert ("likely that we end it above them" in line(made, "Others")) == told


def test_of_a_few_children_no_probability_is_told():
    few = of(cases.surge, ahead=None, year_end=YearEnd(dt.date(2018, 3, 31), 2, 4, 9))
    assert line(few, "Others").endswith("In 2017/18 the neighbours are likely at 43-49.")


@pytest.mark.parametrize(
    ("more", "words"),
    [(0.62, "62% likely more"), (0.19, "81% likely fewer"), (0.0, "over 99% likely fewer"), (0.5, "50% likely more")],
)
def test_the_likelier_side_of_last_years_figure_is_told(more, words):
    year_end = YearEnd(dt.date(2018, 3, 31), 108, 121, 135, 119, more)
    told = line(of(cases.surge, ahead=None, year_end=year_end), "Ahead")
    assert told == f"121 in the year to 31 March (108-135), 119 a year ago ({words})."


def test_a_share_that_ends_lower_says_so():
    past = cases.share_history(of=400)
    made = message(cases.alert(past), replace(cases.drift()[1], history=past, year_end=replace(YEAR, more=0.04)))
    assert line(made, "Ahead").endswith("17% a year ago, 96% likely lower).")


def test_a_small_number_of_a_year_ago_is_left_out_with_its_probability():
    year_end = YearEnd(dt.date(2018, 3, 31), 108, 121, 135, 4, more=0.99)
    assert line(of(cases.surge, ahead=None, year_end=year_end), "Ahead") == "121 in the year to 31 March (108-135)."
    year_end = replace(year_end, year_ago=0)
    assert line(of(cases.surge, ahead=None, year_end=year_end), "Ahead").endswith(", 0 a year ago (99% likely more).")


@pytest.mark.parametrize(
    ("lower", "median", "upper", "text"),
    [
        (3, 8, 12, "8 in the year to 31 March (up to 12), 20 a year ago."),
        (2, 4, 9, "5 or fewer in the year to 31 March."),
        (0, 0, 4, "5 or fewer in the year to 31 March."),
        (0, 7, 11, "7 in the year to 31 March (0-11), 20 a year ago."),
    ],
)
def test_a_years_forecast_that_holds_a_small_count_so_far_does_not_show_it(lower, median, upper, text):
    year_end = YearEnd(dt.date(2018, 3, 31), lower, median, upper, 20)
    assert line(of(cases.surge, ahead=None, year_end=year_end), "Ahead") == text


def test_without_a_forecast_the_reason_is_given():
    bare = {"ahead": None, "year_end": None}
    assert (
        line(of(cases.surge, **bare, ahead_reason="too little history"), "Ahead") == "No forecast: too little history."
    )
    assert line(of(cases.surge, **bare), "Ahead") == ""


def test_others_are_published_figures_with_their_year():
    assert line(message(*cases.surge()), "Others") == (
        "In 2016/17 per 10,000 children, 9 months old: Herefordshire 45 (6th highest of 11), our neighbours 46, "
        "England 56. In 2017/18 the neighbours are likely at 43-49; 37% likely that we end it above them, "
        "under 1% above England."
    )
    only = Comparison(2017, neighbours=0.2, unit="share")
    assert line(of(cases.surge, comparison=only), "Others") == "In 2016/17: our neighbours 20%."
    assert line(message(*cases.fall()), "Others") == ("No comparison: the neighbours publish no figures by source.")


def test_what_others_are_likely_at_goes_before_the_whole_line_when_a_message_is_long():
    text = line(message(*cases.updated()), "Others")
    assert text == (
        "In 2016/17 per 10,000 children, 9 months old: Herefordshire 45 (6th highest of 11), our neighbours 46, "
        "England 56."
    )


def test_the_evidence_says_how_far_to_trust_it():
    assert message(*cases.surge()).evidence == (
        "Data to 14 January 2018, newest week provisional; band has held 95% of the last 104 weeks; "
        "3 of 6 yearly false alarms used; model counts; config 1a2b3c."
    )
    nothing = {"data_to": None, "coverage": None, "budget": None, "model": "", "config": ""}
    assert of(cases.surge, **nothing).evidence == ""


def test_an_update_says_first_what_is_new():
    made = message(*cases.updated())
    assert made.lines[0].label == "New"
    assert made.lines[0].text == "Severity rose from medium to high: section 47 now explains most of it."


def test_only_an_update_that_becomes_severe_is_broadcast():
    assert message(*cases.updated()).broadcast
    assert not message(*cases.surge()).broadcast
    assert not of(cases.updated, was_severity="high").broadcast
    alert, context = cases.updated()
    assert not message(replace(alert, severity="medium"), replace(context, was_severity="low")).broadcast


def test_a_resolved_alert_says_why_it_was_closed_and_asks_nothing():
    made = message(*cases.resolved())
    assert [line.label for line in made.lines] == ["Closed", "What", "Ahead"]
    assert line(made, "Closed") == "Four weeks in a row as expected."


def test_a_resolved_alert_is_compared_with_what_is_expected_now_and_not_when_it_was_raised():
    alert, context = cases.resolved()
    stale = replace(alert, expected=5.0, lower=0.0, upper=12.0)
    assert "; 40 were expected (95% band 26-54)." in line(message(stale, context), "What")


def test_the_expected_sum_goes_on_over_the_calm_periods():
    alert, context = cases.resolved()
    calm = replace(alert, calm=4, total_expected=160.0)  # of the four weeks before the calm
    assert line(message(calm, context), "What").endswith("against 320.")


def test_a_resolved_alert_without_a_history_or_against_neighbours_repeats_no_old_figures():
    alert, context = cases.resolved()
    assert line(message(alert, replace(context, history=None)), "What") == ""
    alert, context = cases.neighbours()
    made = message(alert, replace(context, now="resolved"))
    assert line(made, "What") == ""
    assert made.chart is not None
    assert ". Small numbers" in made.chart.alt_text


def test_a_surge_over_neighbours_compares_with_them():
    assert line(message(*cases.neighbours()), "What") == (
        "26.2% of plan starts here in the last year; 21.4% is likely among our neighbours now (95% band 17.2-25.5%)."
    )


def test_a_rate_over_neighbours_is_per_10_000_children():
    alert, context = cases.surge()
    rate = replace(alert, kind="neighbours", observed=61.0, expected=44.0, lower=30.0, upper=58.0, total=230)
    assert line(message(rate, context), "What") == (
        "61 per 10,000 children here in the last year; 44 is likely among our neighbours now (95% band 30-58)."
    )


@pytest.mark.parametrize(("total", "observed"), [(4, 0.2), (46, 0.96)])
def test_a_small_yearly_number_is_not_compared(total, observed):
    alert, context = cases.neighbours()
    made = message(replace(alert, total=total, observed=observed), context)
    assert line(made, "What").startswith("Our own figure is not shown, to protect small numbers;")


def test_the_bare_minimum_is_a_message_too():
    alert = cases.alert()
    context = cases.Context("Referrals", "referrals arrived", "flow", "week", cases.MONDAY)
    made = message(alert, context)
    assert [line.label for line in made.lines] == ["What"]
    assert made.chart is None
    assert made.evidence == ""


def test_a_history_that_begins_later_gives_no_picture():
    context = cases.context(period=dt.date(2001, 1, 1))
    assert message(cases.alert(), context).chart is None


@pytest.mark.parametrize("case", cases.CASES)
def test_a_message_is_short_enough_for_a_phone(case):
    assert len(message(*cases.CASES[case]()).text) <= LIMIT


def test_a_message_with_everything_very_long_loses_its_least_needed_lines():
    alert, context = cases.updated()
    excess = alert.total - alert.total_expected
    long = [
        (f"{name}={letter * 200}", excess / 3, 90)
        for name in ("team", "locality", "source", "category", "age_band")
        for letter in "abc"
    ]
    wordy = dict.fromkeys(("title", "noun", "reason", "ask", "model", "config", "council"), "word " * 80)
    made = message(replace(alert, drivers=cases.drivers(excess, *long)), replace(context, **wordy))
    assert len(made.text) <= LIMIT
    assert line(made, "What")
    assert not line(made, "Others")


def test_a_share_of_nothing_is_not_known():
    past = cases.share_history()
    none = past.of.copy()
    none[-1] = np.nan
    made = of(cases.drift, history=replace(past, of=none))
    assert line(made, "What").startswith("The share that week is not known;")


def test_a_week_without_a_number_is_not_known():
    past = cases.history()
    count = past.count.copy()
    count[-1] = np.nan
    assert line(of(cases.surge, history=replace(past, count=count)), "What").startswith(
        "The number that week is not known;"
    )


# Beside other councils


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
        "98 children were referred that week; 61 a week would be as in the other councils (95% band 50-74). "
        "In 13 weeks: 1,260 against 796."
    )


def test_a_council_apart_shows_no_small_number():
    alert, context = cases.peers()
    past = context.history
    past.count[-1], past.count[-8] = 3, 4
    text = line(message(alert, context), "What")
    assert text.startswith("5 or fewer children were referred that week; 61 a week would be")
    assert "In 13 weeks: 1,0" in text or "In 13 weeks" not in text


def test_a_share_apart_is_in_per_cent():
    _, about = cases.drift()
    alert = replace(cases.peers()[0], expected=0.2, lower=0.15, upper=0.26)
    assert "; 20% would be as in the other councils (95% band 15-26%)." in line(message(alert, about), "What")


def test_a_resolved_council_apart_is_back_to_what_is_expected():
    alert, context = cases.peers()
    made = message(replace(alert, state="resolved"), replace(context, now="resolved", reason="as expected"))
    assert made.headline == "Referrals in Herefordshire are back to what is expected - week of 8 January 2018"
    assert "would be as in" not in made.text


def test_a_surge_of_one_of_several_councils_says_which():
    made = message(cases.alert(slice=(("council", "Herefordshire"),)), cases.context())
    assert made.headline.startswith("Child protection plan starts are surging in Herefordshire - ")
