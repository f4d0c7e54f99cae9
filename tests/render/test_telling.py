"""What an alert says as it goes on: the whole of it, kept up to date, and only what is new."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.messages import Message
from forecaster.words.fitting import LIMIT, NEWS_LIMIT, length
from forecaster.words.render import message, stamped, tell
from forecaster.words.stamps import working_days_after
from forecaster.words.wording import SEPARATOR
from tests.render import cases

MESSAGES = cases.every_message()
NEWS = {name: made for name, made in MESSAGES.items() if made.kind == "change"}


def labels(made: Message) -> list[str]:
    return [line.label for line in made.lines]


def stamps(made: Message) -> list[str]:
    return made.summary.split(SEPARATOR)[1:]


# A period's change


def test_an_opened_alert_is_news_in_whole():
    alert, context = cases.surge()
    assert tell(alert, context).news is None
    assert tell(alert, context).whole == message(alert, context)


def test_an_update_tells_why_it_speaks_and_what_moved():
    told = tell(*cases.updated()).news
    assert told.summary == "Severity rose from medium to high."
    assert labels(told)[0] == "What"
    assert not {"Ahead", "Others", "Ask"} & set(labels(told))


def test_an_update_repeats_no_cause_or_place_that_is_the_same():
    alert, context = cases.updated()
    before = message(*cases.surge())
    assert labels(tell(alert, context, before).news) == ["What"]
    grown = replace(alert, total=alert.total + 30)
    assert labels(tell(grown, context, before).news) == ["What"]  # other numbers are no other place


def test_an_update_tells_the_causes_and_places_that_are_new():
    told = tell(*cases.reopened(), before=message(*cases.surge())).news
    assert labels(told) == ["What", "Why", "Where"]  # as many families as were told before
    assert "City has 158 of the 197 extra" in told.text


def test_an_alert_that_came_back_is_rising_again():
    alert, context = cases.updated()
    back = replace(context, was="resolved", reason="came back soon after it was resolved")
    told = tell(alert, back).news
    assert told.headline == "Child protection plan starts are surging again - week of 8 January 2018"
    assert told.summary == "Came back soon after it was resolved."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("the evidence has grown", "The signs are much stronger than when this was last told."),
        ("still there after the snooze", "Still there after the snooze."),
        ("4 periods in a row as expected", "Four weeks in a row as expected."),
        ("1 period as expected", "One week as expected."),
    ],
)
def test_a_reason_is_told_in_plain_words(reason, words):
    alert, context = cases.updated()
    assert tell(alert, replace(context, reason=reason)).news.summary == words


def test_a_resolved_alert_says_so_and_why_in_one_look():
    told = tell(*cases.resolved()).news
    assert told.headline == "Child protection plan starts are back to what is expected - week of 8 January 2018"
    assert told.summary == (
        "Resolved: four weeks in a row as expected. "
        "It began w/c 20 November; we first wrote about the week of 4 December."
    )
    assert labels(told) == ["What"]


def test_only_an_update_that_becomes_severe_goes_to_everyone():
    alert, context = cases.updated()
    assert tell(alert, context).news.broadcast
    assert not tell(alert, replace(context, was_severity="high")).news.broadcast


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_is_as_short_as_its_kind_must_be(name):
    made = MESSAGES[name]
    waits = "Nobody has answered for four working days: " if name == "escalated_news" else ""
    assert length(made) <= (NEWS_LIMIT if made.kind == "change" else LIMIT + len(waits))


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_over_or_mere_news_takes_no_answer(name):
    made = MESSAGES[name]
    assert made.answerable == (made.kind == "alert" and not name.startswith("resolved"))


def test_news_very_long_is_short_enough():
    alert, context = cases.reopened()
    excess = alert.total - alert.total_expected
    long = cases.drivers(
        excess, *[(f"{name}={'x' * 200}", excess / 3, 90) for name in ("team", "locality", "category")]
    )
    wordy = dict.fromkeys(("title", "noun", "reason", "ask", "extract"), "word " * 80)
    told = tell(replace(alert, drivers=long), replace(context, **wordy))
    assert len(told.news.text) <= NEWS_LIMIT
    assert len(told.whole.text) <= LIMIT


# What people do


@pytest.mark.parametrize(
    ("case", "stamp"),
    [
        ("acknowledged", "Acknowledged by A. Patel on 19 January: audit under way"),
        ("snoozed", "Snoozed until 5 February by A. Patel on 19 January: the audit reports then"),
        ("assigned", "Assigned to B. Lee by A. Patel on 19 January: leads the audit"),
        ("rated", "Called not useful by A. Patel on 19 January: one large family, known to us"),
        ("escalated", "Nobody has answered since Monday 15 January (four working days)"),
    ],
)
def test_the_first_message_says_who_did_what_and_why(case, stamp):
    made = MESSAGES[case]
    assert made.summary == f"High severity, since w/c 20 November: 62% more than expected{SEPARATOR}{stamp}"
    assert made.chart == message(*cases.surge()).chart


def test_everyone_else_gets_one_line_of_it():
    told = MESSAGES["acknowledged_news"]
    assert told.text == "Child protection plan starts: acknowledged by A. Patel on 19 January\nAudit under way."
    assert told.chart is None


def test_without_a_reason_the_line_ends_there():
    told = cases.answered("useful", reason="it was useful").news
    assert told.text == "Child protection plan starts: called useful by A. Patel on 19 January"


def test_without_a_picture_the_line_names_the_alert_by_its_headline():
    bare = replace(message(*cases.surge()), chart=None)
    told = stamped(bare, cases.surge()[0], cases.by_hand("acknowledged", "acknowledged")).news
    assert told.headline.startswith("Child protection plan starts are surging: acknowledged by A. Patel")


def test_who_is_told_next_because_nobody_answered_sees_it_at_first_sight_and_gets_all_of_it():
    told, first = MESSAGES["escalated_news"], message(*cases.surge())
    assert told.headline == (
        "Nobody has answered for four working days: child protection plan starts are surging - week of 8 January 2018"
    )
    assert stamps(told) == ["Nobody has answered since Monday 15 January (four working days)"]
    assert told.lines == first.lines
    assert told.chart == first.chart
    assert told.answerable


def test_what_is_assigned_and_not_acknowledged_is_said_so():
    told = cases.answered("escalated", since=dt.date(2018, 1, 15), escalated=1, assignee="B. Lee").news
    assert told.headline.startswith("Not acknowledged for four working days: child protection plan starts are")
    assert stamps(told) == ["Not acknowledged since Monday 15 January (four working days)"]


def test_an_answer_takes_the_place_of_a_headline_that_nobody_answered():
    found = cases.surge()[0]
    for escalated in (MESSAGES["escalated_news"], cases.answered("escalated", assignee="B. Lee").news):
        after = stamped(escalated, found, cases.by_hand("acknowledged", "acknowledged"))
        assert after.whole.headline == message(*cases.surge()).headline
        assert stamps(after.whole) == ["Acknowledged by A. Patel on 19 January"]
    again = stamped(escalated, found, cases.by_hand("escalated"), dt.date(2018, 1, 15)).news
    assert again.headline.count("Nobody has answered") == 1


def test_a_headline_that_begins_with_an_abbreviation_keeps_it():
    whole = replace(message(*cases.surge()), headline="SEND referrals are surging")
    told = stamped(whole, cases.surge()[0], cases.by_hand("escalated")).news
    assert told.headline == "Nobody has answered: SEND referrals are surging"


def test_what_people_did_costs_no_line_of_the_message():
    made = message(*cases.surge())
    for what, name in (("acknowledged", "A" * 40), ("assigned", "B" * 40), ("useful", "C" * 40)):
        done = cases.by_hand(what, reason="because of " + "the audit " * 20, actor=name)
        made = stamped(made, replace(cases.surge()[0], assignee="D" * 40), done).whole
    assert len(stamps(made)) == 3
    assert made.lines == message(*cases.surge()).lines


def test_news_after_answers_repeats_nothing_that_was_told():
    assert [line.label for line in MESSAGES["updated_after_answers_news"].lines] == ["What"]


def test_a_later_answer_takes_the_place_of_an_earlier_one_and_of_none():
    made = message(*cases.surge())
    for what, changes in (
        ("escalated", {}), ("assigned", {"assignee": "B. Lee"}), ("acknowledged", {}),
        ("snoozed", {"snoozed_until": dt.date(2018, 2, 5)}), ("not useful", {}),
        ("snoozed", {"snoozed_until": dt.date(2018, 2, 5)}), ("useful", {}),
    ):  # fmt: skip
        made = stamped(made, replace(cases.surge()[0], **changes), cases.by_hand(what)).whole
    assert stamps(made) == [
        "Assigned to B. Lee by A. Patel on 19 January",
        "Snoozed until 5 February by A. Patel on 19 January",
        "Called useful by A. Patel on 19 January",
    ]
    rated = stamped(made, cases.surge()[0], cases.by_hand("not useful")).whole  # an answer, too
    assert stamps(rated) == [
        "Assigned to B. Lee by A. Patel on 19 January",
        "Called not useful by A. Patel on 19 January",
    ]


def test_an_update_keeps_who_has_it_and_drops_an_answer_that_is_over():
    assert stamps(MESSAGES["updated_after_answers"]) == ["Assigned to B. Lee by A. Patel on 19 January"]
    assert stamps(MESSAGES["resolved_after_answers"]) == []


def test_without_the_message_before_what_the_alert_knows_is_said():
    alert, context = cases.surge()
    held = replace(alert, state="acknowledged", held_by="A. Patel", assignee="B. Lee")
    assert stamps(message(held, context)) == ["Acknowledged by A. Patel", "Assigned to B. Lee"]
    asleep = replace(alert, state="snoozed", snoozed_until=dt.date(2018, 2, 5))
    assert stamps(message(asleep, context)) == ["Snoozed until 5 February"]


@given(st.text(max_size=300), st.text(max_size=100))
def test_no_text_of_a_person_is_taken_for_the_end_of_a_stamp(reason, name):
    first = message(*cases.surge())
    done = cases.by_hand("acknowledged", "acknowledged", f"a · {reason} · Assigned to me", f"{name} · b")
    made = stamped(first, cases.surge()[0], done).whole
    assert len(stamps(made)) == 1
    again = stamped(made, cases.surge()[0], cases.by_hand("acknowledged", "acknowledged", "later"))
    assert stamps(again.whole) == ["Acknowledged by A. Patel on 19 January: later"]
    assert length(made) <= LIMIT


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (dt.date(2018, 1, 8), dt.date(2018, 1, 11), 3),
        (dt.date(2018, 1, 12), dt.date(2018, 1, 15), 1),  # a weekend between
        (dt.date(2017, 12, 22), dt.date(2017, 12, 27), 1),  # Christmas
        (dt.date(2018, 1, 8), dt.date(2018, 1, 8), 0),
    ],
)
def test_nobody_is_expected_to_answer_on_a_weekend_or_bank_holiday(start, end, days):
    assert working_days_after(start, end) == days


def test_one_day_without_an_answer_is_one_working_day():
    made = cases.answered("escalated", since=dt.date(2018, 1, 18)).whole
    assert stamps(made) == ["Nobody has answered since Thursday 18 January (one working day)"]


def test_where_the_day_it_was_told_is_not_known_the_reason_says_it():
    made = cases.answered("escalated", reason="nobody acknowledged it within 3 working days").whole
    assert stamps(made) == ["Nobody acknowledged it within 3 working days"]


def test_a_line_that_says_less_for_want_of_room_is_no_news():
    alert, context = cases.updated()
    before = message(*cases.surge())
    who = next(line for line in before.lines if line.label == "Who")
    longer = replace(
        before, lines=(*(line for line in before.lines if line != who), replace(who, text=f"{who.text} X."))
    )
    assert "Who" not in labels(tell(alert, context, longer).news)
