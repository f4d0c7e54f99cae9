"""Shares: which events count, and when it can be known."""

from __future__ import annotations

import numpy as np
from event_frames import built, council, day, event, frame, missing, series, share

from forecaster.types import Panel

WITHIN_A_YEAR = {"preceded_by": "referral", "within_days": 365}
LONG_AGO = event("first", "referral", "2015-01-05")


def total(panel: Panel) -> list[float]:
    return list(panel.of[0])


def re_referral_week(*rows: dict[str, object], last: str = "2018-01-08") -> tuple[float, float]:
    panel = built([LONG_AGO, *rows], last, share("referral", WITHIN_A_YEAR))
    return panel.count[0, -1], panel.of[0, -1]


def test_a_referral_a_year_after_another_is_a_re_referral_and_a_day_later_it_is_not() -> None:
    assert re_referral_week(event("a", "referral", "2017-01-10"), event("a", "referral", "2018-01-10")) == (1, 1)
    assert re_referral_week(event("a", "referral", "2017-01-09"), event("a", "referral", "2018-01-10")) == (0, 1)


def test_a_re_referral_is_of_the_same_child() -> None:
    assert re_referral_week(event("a", "referral", "2017-12-01"), event("b", "referral", "2018-01-10")) == (0, 1)


def test_of_two_referrals_in_one_week_the_second_is_a_re_referral() -> None:
    assert re_referral_week(event("a", "referral", "2018-01-09"), event("a", "referral", "2018-01-10")) == (1, 2)


def test_a_referral_does_not_precede_itself() -> None:
    assert re_referral_week(event("a", "referral", "2018-01-10")) == (0, 1)


def test_a_contact_before_is_not_a_referral_before() -> None:
    assert re_referral_week(event("a", "contact", "2018-01-02"), event("a", "referral", "2018-01-10")) == (0, 1)


def test_a_look_back_share_is_missing_until_the_history_is_long_enough() -> None:
    """The history begins on Monday 2 January 2017; 365 days later is Tuesday 2 January 2018."""
    rows = [
        event("a", "referral", "2017-01-02"),
        event("b", "referral", "2018-01-01"),
        event("c", "referral", "2018-01-08"),
        event("a", "referral", "2018-01-09"),
    ]
    panel = built(rows, "2018-01-08", share("referral", WITHIN_A_YEAR))
    assert missing(council(panel))[0] and missing(council(panel))[-2]
    assert (council(panel)[-1], total(panel)[-1]) == (0, 2)
    assert missing(total(panel)) == missing(council(panel)) == missing(list(panel.capped[0]))


def test_a_look_back_share_is_judged_from_the_day_its_window_is_full() -> None:
    first = event("a", "referral", "2017-01-02")
    for date, unknown in (("2018-01-01", True), ("2018-01-02", False)):
        panel = built([first, event("b", "referral", date)], "2018-01-01", share("referral", WITHIN_A_YEAR))
        assert missing(council(panel))[-1] == unknown


def test_a_week_without_events_is_zero_of_zero() -> None:
    rows = [LONG_AGO, event("a", "referral", "2018-01-01"), event("b", "referral", "2018-01-15")]
    panel = built(rows, "2018-01-15", share("referral", WITHIN_A_YEAR))
    assert (council(panel)[-2], total(panel)[-2]) == (0, 0)


AFTER = {"followed_by": "conference", "within_days": 10}


def test_what_follows_within_the_days_counts_on_either_end() -> None:
    rows = [
        event("early", "conference", "2017-12-01"),
        event("same day", "section_47", "2018-01-02"),
        event("same day", "conference", "2018-01-02"),
        event("in time", "section_47", "2018-01-02"),
        event("in time", "conference", "2018-01-12"),
        event("too late", "section_47", "2018-01-02"),
        event("too late", "conference", "2018-01-13"),
        event("before", "section_47", "2018-01-02"),
        event("before", "conference", "2018-01-01"),
    ]
    panel = built(rows, "2018-01-15", share("section_47", AFTER))
    assert (council(panel)[0], total(panel)[0]) == (2, 4)


def test_a_share_of_what_follows_is_missing_until_its_time_is_over() -> None:
    """Ten days after Thursday 11 January is Sunday 21 January, ten days after the 12th is not over then."""
    early = event("early", "conference", "2017-12-01")
    ripe = [early, event("a", "section_47", "2018-01-11")]
    assert council(built(ripe, "2018-01-15", share("section_47", AFTER))) == [0, 0]
    unripe = [early, event("a", "section_47", "2018-01-12")]
    assert missing(council(built(unripe, "2018-01-15", share("section_47", AFTER)))) == [True, False]


def test_a_yes_that_came_early_does_not_lift_the_mask() -> None:
    rows = [
        event("early", "conference", "2017-12-01"),
        event("a", "section_47", "2018-01-15"),
        event("a", "conference", "2018-01-16"),
    ]
    assert missing(council(built(rows, "2018-01-15", share("section_47", AFTER)))) == [True]


def test_a_share_of_what_follows_is_missing_before_that_was_first_seen() -> None:
    rows = [
        event("a", "section_47", "2018-01-02"),
        event("b", "conference", "2018-01-10"),
        event("c", "section_47", "2018-01-16"),
    ]
    panel = built(rows, "2018-01-29", share("section_47", AFTER))
    assert missing(council(panel)) == [True, False, False, False, False]


def test_a_share_of_what_never_comes_is_missing() -> None:
    panel = built([event("a", "section_47", "2018-01-02")], "2018-02-26", share("section_47", AFTER))
    assert missing(council(panel))[0]


NFA = {"column": "outcome", "one_of": ["NFA", "No further action"]}


def test_an_outcome_is_read_whatever_its_capitals_and_underscores() -> None:
    words = ["nfa", "NFA", " nfa ", "no_further_action", "assessment", "nfax"]
    rows = [event(str(n), "referral", "2018-01-02", outcome=word) for n, word in enumerate(words)]
    panel = built(rows, "2018-01-01", share("referral", NFA))
    assert (council(panel), total(panel)) == ([4], [6])


def test_a_blank_outcome_is_a_no_once_the_source_fills_the_column() -> None:
    rows = [
        event("a", "referral", "2018-01-01"),
        event("b", "referral", "2018-01-08", outcome="nfa"),
        event("c", "referral", "2018-01-09"),
        event("d", "referral", "2018-01-15"),
    ]
    panel = built(rows, "2018-01-15", share("referral", NFA))
    assert missing(council(panel)) == [True, False, False]
    assert (council(panel)[1:], total(panel)[1:]) == ([1, 0], [2, 1])


def test_a_column_that_is_never_filled_gives_a_missing_share() -> None:
    assert missing(council(built([event("a", "referral", "2018-01-01")], "2018-01-01", share("referral", NFA)))) == [
        True
    ]


def test_an_outcome_that_is_known_late_is_missing_until_then() -> None:
    late = {**NFA, "known_after_days": 7}
    rows = [event("a", "referral", "2018-01-01", outcome="nfa"), event("b", "referral", "2018-01-09")]
    panel = built(rows, "2018-01-08", share("referral", late))
    assert council(panel)[0] == 1 and missing(council(panel)) == [False, True]
    assert council(built(rows, "2018-01-15", share("referral", late))) == [1, 0, 0]


def test_an_outcome_that_is_known_late_is_known_on_its_last_day() -> None:
    """Three days after Thursday 4 January is Sunday 7 January."""
    late = share("referral", {**NFA, "known_after_days": 3})
    assert council(built([event("a", "referral", "2018-01-04", outcome="nfa")], "2018-01-01", late)) == [1]
    assert missing(council(built([event("a", "referral", "2018-01-05", outcome="nfa")], "2018-01-01", late))) == [True]


KNOWN_OR_FOLLOWED = [{"column": "outcome", "one_of": ["conference"]}, AFTER]


def test_the_first_condition_that_knows_decides() -> None:
    rows = [
        event("early", "conference", "2017-12-01"),
        event("said yes", "section_47", "2018-01-02", outcome="conference"),
        event("said no", "section_47", "2018-01-02", outcome="no conference"),
        event("said no", "conference", "2018-01-04"),
        event("silent", "section_47", "2018-01-02"),
        event("silent", "conference", "2018-01-04"),
    ]
    panel = built(rows, "2018-01-15", share("section_47", *KNOWN_OR_FOLLOWED))
    assert (council(panel)[0], total(panel)[0]) == (2, 3)


def test_a_period_is_judged_early_when_all_its_outcomes_are_known() -> None:
    known = [event("a", "section_47", "2018-01-16", outcome="conference")]
    assert council(built(known, "2018-01-15", share("section_47", *KNOWN_OR_FOLLOWED))) == [1]
    one_pending = [*known, event("b", "section_47", "2018-01-16")]
    assert missing(council(built(one_pending, "2018-01-15", share("section_47", *KNOWN_OR_FOLLOWED)))) == [True]


REPEAT = [{"column": "previous_plans", "at_least": 1}, {"preceded_by": "plan_start", "within_days": 730}]
OLD_PLAN = [event("old", "plan_start", "2014-01-06"), event("old", "plan_end", "2014-06-02")]


def test_the_sources_number_of_previous_plans_goes_before_the_childs_own_history() -> None:
    rows = [
        event("told", "plan_start", "2018-01-02", previous_plans=2),
        event("first", "plan_start", "2017-02-01", previous_plans=0),
        event("first", "plan_start", "2018-01-02", previous_plans=0),
        event("silent", "plan_start", "2017-02-01", previous_plans=0),
        event("silent", "plan_start", "2018-01-02"),
    ]
    panel = built([*OLD_PLAN, *rows], "2018-01-01", share("plan_start", *REPEAT))
    assert (council(panel)[-1], total(panel)[-1]) == (2, 3)


def test_a_share_that_the_source_tells_needs_no_history() -> None:
    rows = [event("a", "plan_start", "2018-01-02", previous_plans=1)]
    assert council(built(rows, "2018-01-01", share("plan_start", *REPEAT))) == [1]


WITHIN_24_MONTHS = [
    {"column": "previous_plan_end", "within_days": 730},
    {"preceded_by": "plan_end", "within_days": 730},
]


def test_a_repeat_within_two_years_counts_from_the_end_of_the_previous_plan() -> None:
    rows = [
        event("in", "plan_start", "2015-02-02"),
        event("in", "plan_end", "2016-01-04"),
        event("in", "plan_start", "2018-01-03"),  # 730 days after the end
        event("out", "plan_start", "2015-02-02"),
        event("out", "plan_end", "2016-01-03"),
        event("out", "plan_start", "2018-01-03"),  # 731 days after
        event("still open", "plan_start", "2017-12-01"),
        event("still open", "plan_start", "2018-01-03"),
    ]
    panel = built([*OLD_PLAN, *rows], "2018-01-01", share("plan_start", *WITHIN_24_MONTHS))
    assert (council(panel)[-1], total(panel)[-1]) == (1, 3)


def test_the_sources_end_of_the_previous_plan_goes_before_the_childs_own_history() -> None:
    rows = [
        event("recent", "plan_start", "2018-01-03", previous_plan_end=day("2017-06-01")),
        event("edge", "plan_start", "2018-01-03", previous_plan_end=day("2016-01-04")),
        event("long ago", "plan_start", "2018-01-03", previous_plan_end=day("2016-01-03")),
        event("long ago", "plan_end", "2017-01-02"),
        event("impossible", "plan_start", "2018-01-03", previous_plan_end=day("2018-06-01")),
    ]
    panel = built(rows, "2018-01-01", share("plan_start", *WITHIN_24_MONTHS))
    assert (council(panel)[-1], total(panel)[-1]) == (2, 4)


def test_a_first_plan_is_known_to_have_no_previous_end() -> None:
    rows = [event("first", "plan_start", "2018-01-03", previous_plans=0)]
    assert council(built(rows, "2018-01-01", share("plan_start", *WITHIN_24_MONTHS))) == [0]


def test_a_repeat_without_the_end_of_the_previous_plan_needs_two_years_of_history() -> None:
    rows = [event("repeat", "plan_start", "2018-01-03", previous_plans=1), event("x", "plan_end", "2017-06-01")]
    assert missing(council(built(rows, "2018-01-01", share("plan_start", *WITHIN_24_MONTHS)))) == [True]


def test_a_share_can_be_limited_to_some_events() -> None:
    rows = [
        event(str(n), "referral", "2018-01-02", source=s, outcome="nfa") for n, s in enumerate(["Police", "School"])
    ]
    panel = built(rows, "2018-01-01", share("referral", NFA, where=[{"column": "source", "one_of": ["police"]}]))
    assert (council(panel), total(panel)) == ([1], [1])


def test_a_share_is_sliced_by_its_denominator() -> None:
    rows = [
        event("a", "referral", "2018-01-02", team="East", outcome="nfa"),
        event("b", "referral", "2018-01-02", team="East", outcome="assessment"),
        event("c", "referral", "2018-01-02", team="West", outcome="nfa"),
    ]
    panel = built(rows, "2018-01-01", share("referral", NFA))
    assert panel.of[:, 0].tolist() == [3, 2, 1]
    assert series(panel, "team", "East") == series(panel, "team", "West") == [1]


def test_a_mask_of_the_council_is_a_mask_of_its_slices() -> None:
    rows = [
        event("early", "conference", "2017-12-01"),
        event("a", "section_47", "2018-01-02", team="East"),
        event("b", "section_47", "2018-01-07", team="West"),
    ]
    panel = built(rows, "2018-01-08", share("section_47", AFTER))
    assert np.isnan(panel.of[:, 0]).all()


def test_seven_siblings_who_start_again_move_a_share_like_one_child() -> None:
    """7 of 7 siblings and 2 of 15 others: 9 of 22; with the siblings as one, 3 of 16, which is 4.125 of 22."""
    rows = [event(f"s{n}", "plan_start", "2018-01-02", previous_plans=1, family="f") for n in range(7)]
    rows += [event(f"o{n}", "plan_start", "2018-01-02", previous_plans=int(n < 2), family=f"g{n}") for n in range(15)]
    panel = built(rows, "2018-01-01", share("plan_start", REPEAT[0]))
    assert (panel.count[0, 0], panel.of[0, 0], panel.capped[0, 0]) == (9, 22, 4.125)


def test_later_events_do_not_reach_into_the_look_ahead() -> None:
    rows = [
        event("early", "conference", "2017-12-01"),
        event("a", "section_47", "2018-01-02"),
        event("a", "conference", "2018-01-15"),
    ]
    longer = {"followed_by": "conference", "within_days": 13}
    assert missing(council(built(rows, "2018-01-08", share("section_47", longer)))) == [True, False]
    assert council(built(rows, "2018-01-15", share("section_47", longer)))[0] == 1


def test_the_order_of_rows_does_not_matter_to_the_look_back() -> None:
    rows = [LONG_AGO, event("a", "referral", "2018-01-10"), event("a", "referral", "2017-06-01")]
    events = frame(rows)
    table = share("referral", WITHIN_A_YEAR)
    assert council(built(events, "2018-01-08", table))[-1] == council(built(events[::-1], "2018-01-08", table))[-1] == 1
