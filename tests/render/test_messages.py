"""What each kind of message says."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecaster.types import Driver
from forecaster.words.context import Comparison, YearEnd
from forecaster.words.render import LIMIT, message
from tests.render import cases


def line(made, label: str) -> str:
    return next((line.text for line in made.lines if line.label == label), "")


def context_count(context) -> str:
    """The newest count, which tests need not know."""
    return f"{context.history.count[-1]:.0f}"


def of(case, **changes):
    """The message of a case with some of its context changed."""
    alert, context = case()
    return message(alert, replace(context, **changes))


@pytest.mark.parametrize(
    ("case", "headline"),
    [
        ("opened_surge", "Child protection plan starts are surging - week of 8 January 2018"),
        ("opened_drift", "Second or subsequent plans are drifting up - week of 8 January 2018"),
        ("opened_fall", "Referrals from Police are falling - week of 8 January 2018"),
        ("opened_stock", "More children are on a child protection plan - week of 8 January 2018"),
        (
            "opened_neighbours",
            "Second or subsequent plans are well above our statistical neighbours - week of 8 January 2018",
        ),
        ("updated_surge", "Child protection plan starts are still surging - week of 8 January 2018"),
        ("reopened_surge", "Child protection plan starts are still surging - week of 8 January 2018"),
        ("resolved_stays", "Child protection plan starts are staying at a higher level - week of 8 January 2018"),
        ("resolved_surge", "Child protection plan starts are back to what is expected - week of 8 January 2018"),
        ("low_count", "Child protection plan starts are surging in Leominster - week of 8 January 2018"),
    ],
)
def test_the_headline_is_what_a_person_would_say_aloud(case, headline):
    assert message(*cases.CASES[case]()).headline == headline


def test_a_surge_that_became_the_usual_level_is_not_told_as_over():
    alert, about = cases.stays()
    stays = message(alert, about)
    assert stays.summary == (
        "Resolved: it has settled at a higher level, it has not fallen back. "
        "It began w/c 20 November; we first wrote about the week of 4 December."
    )
    assert line(stays, "What") == (
        f"{context_count(about)} children started a plan that week. "
        "Before w/c 20 November about 40 a week was usual; about 76 is now."
    )
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
    assert made.summary == "High severity, since April 2017: 77% more than expected."
    assert "In two months:" in line(made, "What")


def test_the_summary_says_how_severe_and_since_when():
    much = "62% more than expected"
    assert message(*cases.surge()).summary == f"High severity, since w/c 20 November: {much}."
    assert message(*cases.updated()).summary == f"High severity (was medium), since w/c 20 November: {much}."
    assert message(*cases.drift()).summary == "Medium severity, since w/c 7 August: 26%, where 20% was expected."
    assert message(*cases.fall()).summary == "Medium severity, since w/c 20 November: 38% fewer than expected."
    assert message(*cases.neighbours()).summary == "Low severity, over the last year."
    assert message(*cases.resolved()).summary == (
        "Resolved: four weeks in a row as expected. "
        "It began w/c 20 November; we first wrote about the week of 4 December."
    )


def test_what_moved_is_told_against_what_was_expected():
    alert, context = cases.surge()
    counted, summed = int(context.history.count[-1]), int(context.history.count[-8:].sum())
    assert line(message(alert, context), "What") == (
        f"{counted} children started a plan that week; 40 were expected (95% band 26-54). "
        f"In eight weeks: {summed}, where 320 were expected."
    )


def test_a_share_is_told_with_its_numerator_and_denominator():
    alert, context = cases.drift()
    counted, total = context.history.count[-1], context.history.of[-1]
    assert line(message(alert, context), "What") == (
        "353 children started a second or later plan in 23 weeks, of 1,345 plan starts (26%); 20% was expected "
        f"(95% band 18-23%). That week {counted:.0f} of {total:.0f} ({counted / total:.0%})."
    )


def test_a_stock_is_a_level_and_has_no_sum():
    made = message(*cases.stock())
    assert "at the end of that week" in line(made, "What")
    assert "In eight weeks" not in made.text


def test_drivers_are_ranked_and_told_as_parts_of_the_excess():
    made = message(*cases.surge())
    assert line(made, "Why").startswith(
        "A larger share of section 47 enquiries ending in a conference explains 130 of the 197 extra, "
        "more referrals 39."
    )
    assert line(made, "Where").startswith("North locality has 138 of the 197 extra (nearly all in Team 2), City 39")
    assert "59 of the 197 extra came back within 6 months of their last plan." in line(made, "Who")


def test_a_name_that_ends_in_a_digit_is_kept_apart_from_its_number():
    alert, context = cases.surge()
    teams = tuple(driver for driver in alert.drivers if driver.name.startswith("team="))
    assert line(message(replace(alert, drivers=teams), context), "Where").startswith(
        "Team 2 has 128 of the 197 extra, Team 4: 39, Team 9: 30"
    )


def test_a_small_driver_and_a_second_one_are_not_named():
    where = line(message(*cases.surge()), "Where")
    assert "Golden Valley" not in where
    assert "smaller groups not shown" in where


def test_only_the_first_three_drivers_that_matter_are_named():
    alert, context = cases.surge()
    excess = alert.total - alert.total_expected
    many = cases.drivers(excess, *[(f"team=Team {letter}", excess / 4, 90) for letter in "DCBA"], ("team=Z", 1, 50))
    assert line(message(replace(alert, drivers=many), context), "Where") == (
        f"Team A has {excess / 4:.0f} of the {excess:.0f} extra, Team B {excess / 4:.0f}, Team C {excess / 4:.0f}."
    )


def test_when_few_drivers_explain_it_the_others_are_as_expected():
    alert, context = cases.surge()
    excess = alert.total - alert.total_expected
    named = cases.drivers(excess, ("locality=North", excess * 0.95, 90), ("locality=South", excess * 0.05, 50))
    assert line(message(replace(alert, drivers=named), context), "Where").endswith(
        "extra; other localities as expected."
    )


def test_a_fall_is_told_in_fewer():
    alert, context = cases.fall()
    excess = alert.total - alert.total_expected
    named = cases.drivers(excess, ("team=East", excess, 90), ("source=School", excess * 0.5, 80))
    made = message(replace(alert, drivers=named), context)
    assert line(made, "Where") == f"East has all of the {-excess:.0f} fewer; other teams as expected."
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
        line(message(replace(alert, drivers=named), context), "Who")
        == "Neglect is 60% of the rise, 40% for physical abuse."
    )


def test_a_driver_of_two_dimensions_names_both():
    alert, context = cases.surge()
    excess = alert.total - alert.total_expected
    named = cases.drivers(
        excess, ("locality=North, team=Team 2", excess * 0.6, 90), ("locality=A, B", excess * 0.4, 80)
    )
    assert line(message(replace(alert, drivers=named), context), "Where") == (
        f"A, B has {excess * 0.4:.0f} of the {excess:.0f} extra. North / Team 2: {excess * 0.6:.0f}."
    )


def test_the_slice_an_alert_is_about_is_not_named_as_its_own_driver():
    alert, context = cases.stock()
    named = cases.drivers(55.0, ("locality=North locality", 55.0, 200), ("team=Team C", 40.0, 90))
    north = replace(alert, slice=(("locality", "North locality"),), drivers=named)
    assert line(message(north, context), "Where") == "Team C has 40 of the 55 extra."


def test_a_driver_without_a_dimension_is_not_guessed():
    alert, context = cases.surge()
    made = message(replace(alert, drivers=(Driver("breakdown", "North", 90, 0.9, 90),)), context)
    assert "Where" not in [line.label for line in made.lines]


def test_a_flow_looks_ahead_by_the_week_and_to_the_end_of_the_financial_year():
    assert line(of(cases.surge, ask=""), "Ahead") == (
        "Expected to fall back to about 45 a week for the next 13 weeks (33-57); "
        "2,340 in the year to 31 March (2,210-2,470), 2,050 a year ago (over 99% likely more)."
    )


def test_a_stock_looks_ahead_to_levels():
    assert line(message(*cases.stock()), "Ahead") == (
        "About 246 in 13 weeks if this goes on (226-266); 244 on 31 March (222-265), 172 a year ago "
        "(over 99% likely more); "
        "at our neighbours' rate 158."
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
        == "24% in the year to 31 March (22-26%; 23% so far; 17% a year ago by our own count, over 99% likely higher)."
    )


def test_a_share_since_april_that_would_give_a_hidden_week_away_is_not_told():
    past = cases.share_history(of=400)
    at = past.end(dt.date(2017, 6, 5)) - 1
    past.count[at] = 3
    made = message(cases.alert(past), replace(cases.drift()[1], history=past))
    assert (
        line(made, "Ahead")
        == "24% in the year to 31 March (22-26%; 17% a year ago by our own count, over 99% likely higher)."
    )


@pytest.mark.parametrize(("size", "told"), [(12, False), (40, True)])
def test_a_share_whose_year_is_of_a_few_children_has_no_outlook(size, told):
    made = of(cases.drift, year_end=replace(YEAR, size=size))
    assert bool(line(made, "Ahead")) == told
    assert ("likely to end 2017/18 above our neighbours" in line(made, "Others")) == told


def test_of_a_few_children_no_probability_is_told():
    few = of(cases.surge, ahead=None, year_end=YearEnd(dt.date(2018, 3, 31), 2, 4, 9))
    assert line(few, "Others").endswith("our neighbours 51, England 56.")


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
    assert line(made, "Ahead").endswith("17% a year ago by our own count, 96% likely lower).")


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
    assert line(message(*cases.stock()), "Others") == (
        "Published for 2016/17 per 10,000 children: Herefordshire 48 (4th highest of 11), our neighbours 44, "
        "England 43. Over 99% likely to end 2017/18 above our neighbours."
    )
    only = Comparison(2017, neighbours=0.2, unit="share")
    assert line(of(cases.surge, comparison=only), "Others") == "Published for 2016/17: our neighbours 20%."
    assert line(message(*cases.fall()), "Others") == ("No comparison: the neighbours publish no figures by source.")


def test_the_evidence_says_how_far_to_trust_it():
    assert message(*cases.surge()).evidence == (
        "Data to 14 January 2018, newest week provisional; extract received 15 January; "
        "band has held 95% of the last 104 weeks; 3 alerts called not useful in a year (6 accepted); "
        "forecast by levels 61%, counts 39%; config 1a2b3c."
    )
    nothing = {"data_to": None, "extract": "", "coverage": None, "budget": None, "model": "", "config": ""}
    assert of(cases.surge, **nothing).evidence == ""
    assert "forecast by" not in of(cases.surge, ahead=None, year_end=None).evidence  # where nothing is forecast


def test_only_an_update_that_becomes_severe_is_broadcast():
    assert message(*cases.updated()).broadcast
    assert not message(*cases.surge()).broadcast
    assert not of(cases.updated, was_severity="high").broadcast
    alert, context = cases.updated()
    assert not message(replace(alert, severity="medium"), replace(context, was_severity="low")).broadcast


def test_a_resolved_alert_says_why_it_was_closed_and_asks_nothing():
    made = message(*cases.resolved())
    assert [line.label for line in made.lines] == ["What", "Ahead"]
    assert made.summary.startswith("Resolved: four weeks in a row as expected.")


def test_a_resolved_alert_is_compared_with_what_is_expected_now_and_not_when_it_was_raised():
    alert, context = cases.resolved()
    stale = replace(alert, expected=5.0, lower=0.0, upper=12.0)
    assert "; 40 were expected (95% band 26-54)." in line(message(stale, context), "What")


def test_the_expected_sum_goes_on_over_the_calm_periods():
    alert, context = cases.resolved()
    assert (alert.calm, alert.total_expected) == (4, 160.0)  # of the four weeks before the calm
    assert line(message(alert, context), "What").endswith(
        "Since it began, in eight weeks: 442, where 320 were expected."
    )


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
        "Second or subsequent plans were 26.2% of plan starts here in the last year, by our own count; "
        "a council like our neighbours would have about 21.4% (17.2-25.5%)."
    )


def test_a_rate_over_neighbours_is_per_10_000_children():
    alert, context = cases.surge()
    rate = replace(alert, kind="neighbours", observed=61.0, expected=44.0, lower=30.0, upper=58.0, total=230)
    assert line(message(rate, context), "What") == (
        "Child protection plan starts were 61 per 10,000 children here in the last year, by our own count; "
        "a council like our neighbours would have about 44 (30-58)."
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
    assert not line(made, "From")


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


# A slice of few children


def test_a_slice_of_nobody_in_a_small_council_says_so_once():
    """The council's own few could be told from the slice's newest figure, but the sum of nobody is nobody."""
    past = cases.history()
    none = np.append(past.count[:-8], np.zeros(8))
    small = np.append(past.count[:-8] + 30, np.full(8, 3.0))
    alert, context = cases.surge()
    fall = replace(alert, direction="down", total=0.0, total_expected=20.0, slice=(("team", "Team 2"),), drivers=())
    made = message(fall, replace(context, history=replace(past, count=none, whole=small), families=None))
    assert line(made, "What") == "No child started a plan in eight weeks; 20 were expected."


def test_a_newest_week_that_may_not_be_shown_gives_way_to_the_sum():
    past = cases.history()
    made = of(cases.surge, history=replace(past, whole=np.append(past.count[:-1] + 50, past.count[-1] + 3)))
    assert line(made, "What") == (
        "517 children started a plan in eight weeks; 320 were expected (95% band 281-359). "
        "The newest week by itself is not shown, to protect small numbers."
    )


def test_whoever_may_see_every_number_sees_the_small_ones():
    past = cases.history()
    past.count[-1] = 3
    made = message(cases.alert(past), cases.context(past, threshold=0))
    assert line(made, "What").startswith("3 children started a plan that week; 40 were expected")
    assert made.chart is not None
    assert not any(made.chart.hidden)
