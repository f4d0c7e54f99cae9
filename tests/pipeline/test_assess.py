from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import pytest
from made_panels import by_locality, joined, panel, slice_key
from synthetic_council import MEASURES, NOBODY, WATCH, T, council, look, monday_after, north, replay

from forecaster.calendar import period_end, period_name
from forecaster.pipeline import Watch, assess
from forecaster.types import Alert, Panel, SeriesKey, as_date
from tests.core.by_hand import acknowledge, snooze

SURGE = {"North": np.full(5, 18)}
COUNTS_ALONE = replace(WATCH, detectors=("surge",))


def of_starts(alerts: tuple[Alert, ...]) -> list[Alert]:
    return [alert for alert in alerts if alert.measure == "plan_starts"]


def test_nothing_happens_in_a_quiet_week() -> None:
    outcome = look(council(3))
    assert outcome.alerts == outcome.transitions == ()
    assert outcome.messages == {}
    assert {reason.by for reason in outcome.not_run} == {"neighbours"}  # nobody to compare with: said, not hidden


def test_a_planted_surge_opens_one_alert_with_one_message() -> None:
    some = council(1, SURGE)
    outcome = look(some)
    (alert,), (transition,) = outcome.alerts, outcome.transitions
    assert alert.key == SeriesKey("plan_starts")
    assert (alert.state, alert.direction, alert.kind, alert.severity) == ("opened", "up", "surge", "high")
    assert alert.opened == as_date(some.periods[-1])
    assert abs((alert.onset - as_date(some.periods[-5])).days) <= 7
    assert alert.drivers[0].name == "locality=North"
    assert (transition.alert_id, transition.now, transition.at) == (alert.id, "opened", monday_after(some))
    assert set(outcome.messages) == {transition.id}


def test_the_message_says_what_moved_where_and_what_was_expected() -> None:
    some = council(1, SURGE)
    outcome = look(some)
    message = outcome.messages[outcome.transitions[0].id].whole
    alert = outcome.alerts[0]
    assert message.headline.startswith("Child protection plan starts")
    assert period_name(as_date(some.periods[-1]), "week") in message.headline
    assert alert.text == message.text
    assert message.headline in alert.text
    assert f"{some.count[0, -1]:.0f} children started a plan" in alert.text
    assert "North" in alert.text
    assert "Who challenged the strategy meetings?" in alert.text
    assert message.chart is not None
    assert message.severity == alert.severity


def test_the_message_tells_how_many_families_a_rise_is_where_they_are_known() -> None:
    """Usually two children a family; in the surge each extra child is one of its own."""
    some = council(1, SURGE)
    usual = council(1)
    known = replace(some, families=usual.count / 2 + some.count - usual.count, largest=np.full_like(some.count, 4.0))
    text, without = (look(panel).alerts[0].text for panel in (known, some))
    found = re.search(r"About (\d+) more families than usual, no group of over five siblings\.", text)
    told = re.search(r"of the (\d+) extra", text)
    assert found and told
    families, extra = int(found[1]), int(told[1])
    assert families == pytest.approx(extra, rel=0.1)
    assert "families" not in without


def test_the_same_period_assessed_again_brings_nothing() -> None:
    some = council(1, SURGE)
    first = look(some)
    again = look(some, first.alerts)
    assert again.transitions == ()
    assert again.messages == {}
    assert again.alerts == first.alerts


def test_the_same_input_gives_the_same_outcome() -> None:
    one, other = (look(council(1, SURGE)) for _ in range(2))
    assert one.alerts == other.alerts
    assert one.transitions == other.transitions
    assert one.messages == other.messages
    assert np.array_equal(one.forecasts.values, other.forecasts.values)


def test_the_order_of_the_series_changes_nothing() -> None:
    some = council(1, SURGE)
    shuffled = some.select(np.random.default_rng(1).permutation(len(some.keys)))
    one, other = look(some), look(shuffled)
    assert one.transitions == other.transitions
    for before, after in zip(one.alerts, other.alerts, strict=True):
        assert (before.id, before.onset, before.severity) == (after.id, after.onset, after.severity)
        assert [driver.name for driver in before.drivers] == [driver.name for driver in after.drivers]
        assert before.p_value == pytest.approx(after.p_value, rel=1e-3)
    assert [m.whole.headline for m in one.messages.values()] == [m.whole.headline for m in other.messages.values()]


def test_two_slices_of_the_same_figures_are_told_by_name_not_by_order() -> None:
    """One team makes a whole locality: the same numbers, so whichever is told must not depend on their order."""
    some = by_locality(5, {"North": 4.0, "City": 150.0}, {"North": np.full(6, 9)}, T)
    both = joined(some, panel(some.count[[1]], keys=[slice_key("plan_starts", "team", "North 1")]))
    one, other = (look(both.select(order), watch=COUNTS_ALONE).alerts for order in ([0, 1, 2, 3], [0, 3, 2, 1]))
    assert [alert.id for alert in one] == [alert.id for alert in other]
    assert one[0].key == slice_key("plan_starts", "locality", "North")


def test_a_move_of_slice_and_council_is_the_council_s_alert() -> None:
    outcome = look(council(1, SURGE))
    moved = {signal.key for signal in outcome.signals if signal.direction == "up" and signal.kind == "surge"}
    assert {north(), SeriesKey("plan_starts")} <= moved
    assert [alert.slice for alert in of_starts(outcome.alerts)] == [()]


def test_a_move_of_a_slice_alone_is_an_alert_about_it() -> None:
    some = by_locality(5, {"North": 4.0, "City": 150.0}, {"North": np.full(6, 9)}, T)
    (alert,) = look(some, watch=COUNTS_ALONE).alerts
    assert alert.key == north()
    assert alert.severity == "medium"  # high is for the whole council
    assert alert.drivers[0].name == "locality=North"
    assert "North" in alert.text.splitlines()[0]


def test_a_slice_s_alert_becomes_the_council_s_when_that_moves_too() -> None:
    path = np.r_[np.full(4, 12.0), np.full(3, 60.0)]
    some = by_locality(6, {"North": 4.0, "City": 130.0}, {"North": path}, T)
    outcomes = list(replay(some, 7, COUNTS_ALONE))
    told = [(t.now, t.reason) for outcome in outcomes for t in outcome.transitions]
    assert told[0][0] == "opened"
    assert any(reason in ("now seen in the whole council", "severity rose from medium to high") for _, reason in told)
    assert outcomes[-1].alerts[0].slice == ()
    assert len({alert.id for outcome in outcomes for alert in outcome.alerts}) == 1


def test_the_story_of_a_surge_is_one_alert_from_its_opening_to_its_end() -> None:
    path = np.r_[np.full(6, 18.0), np.zeros(14)]
    outcomes = list(replay(council(7, {"North": path}), 20, COUNTS_ALONE))
    mine = [(t, outcome) for outcome in outcomes for t in outcome.transitions if "plan-starts-up" in t.alert_id]
    assert len({t.alert_id for t, _ in mine}) == 1
    assert (mine[0][0].now, mine[-1][0].now) == ("opened", "resolved")
    assert outcomes.index(mine[0][1]) <= 1  # within two weeks of the onset
    assert len(mine) <= 4
    last = mine[-1][1].messages[mine[-1][0].id].whole
    assert last.summary.startswith("Resolved: four weeks in a row as expected. ")
    assert last.chart is not None


def test_the_onset_of_an_open_alert_does_not_move_forward() -> None:
    outcomes = replay(council(8, {"North": np.full(12, 16)}), 12, COUNTS_ALONE)
    onsets = [alert.onset for outcome in outcomes for alert in of_starts(outcome.alerts)]
    assert len(onsets) >= 10
    assert onsets == sorted(onsets, reverse=True)


def test_transitions_of_a_year_have_names_of_their_own() -> None:
    path = np.r_[np.full(5, 18.0), np.zeros(12), np.full(5, 22.0)]
    outcomes = list(replay(council(9, {"North": path, "City": path}), 22, COUNTS_ALONE))
    names = [t.id for outcome in outcomes for t in outcome.transitions]
    assert len(names) == len(set(names)) > 2
    for outcome in outcomes:
        assert set(outcome.messages) == {t.id for t in outcome.transitions}
        assert len({t.alert_id for t in outcome.transitions}) == len(outcome.transitions)


def with_newest(some: Panel, value: float) -> Panel:
    count = some.count.copy()
    count[:, -1] = value
    return replace(some, count=count, capped=count)


def test_a_week_that_was_not_entered_is_not_calm() -> None:
    some = council(1, {"North": np.full(6, 18)})
    before = look(some.until(T - 1))
    outcome = look(with_newest(some, 0.0), before.alerts)
    assert outcome.transitions == ()
    assert of_starts(outcome.alerts) == of_starts(before.alerts)  # as it was: neither calm nor stronger
    assert outcome.not_run[0].by == "completeness"
    assert np.isnan(outcome.panel.count[:, -1]).all()


def test_many_weeks_without_data_resolve_nothing() -> None:
    some = council(1, {"North": np.full(10, 18)})
    alerts = look(some.until(T - 5)).alerts
    for end in range(T - 4, T + 1):
        blank = some.until(end)
        blank.count[:, T - 5 : end] = np.nan
        outcome = look(blank, alerts)
        alerts = outcome.alerts
        assert outcome.transitions == ()
    assert [(alert.state, alert.calm) for alert in of_starts(alerts)] == [("opened", 0)]


def test_weaker_evidence_keeps_an_alert_open() -> None:
    some = council(1, SURGE)
    alert = look(some, watch=COUNTS_ALONE).alerts[0]
    strict = replace(COUNTS_ALONE, false_alerts_per_year=1e-9)  # nothing is strong any more
    later = joined_with_a_week_like_the_last(some)
    (after,) = look(later, [alert], strict).alerts
    assert after.calm == 0
    assert after.total > alert.total


def joined_with_a_week_like_the_last(some: Panel) -> Panel:
    arrays = {name: np.c_[getattr(some, name), getattr(some, name)[:, -1:]] for name in ("count", "of", "capped")}
    return replace(some, periods=np.append(some.periods, some.periods[-1] + 7), **arrays)


def test_a_snoozed_alert_is_followed_in_silence() -> None:
    some = council(1, {"North": np.full(8, 18)})
    alert = look(some.until(T - 3), watch=COUNTS_ALONE).alerts[0]
    period, moment = as_date(some.periods[-4]), monday_after(some.until(T - 3))
    quiet, _ = snooze(alert, dt.date(2030, 1, 1), period, moment, "Ann", "known")
    assert quiet is not None
    outcome = look(some, [quiet], COUNTS_ALONE)
    assert outcome.transitions == ()
    assert [(a.state, a.seen) for a in outcome.alerts] == [("snoozed", as_date(some.periods[-1]))]


def test_an_acknowledged_alert_is_resolved_like_any_other() -> None:
    some = council(1, {"North": np.r_[np.full(4, 18.0), np.zeros(14)]})
    alert = look(some.until(T - 14), watch=COUNTS_ALONE).alerts[0]
    seen, _ = acknowledge(alert, alert.opened, monday_after(some.until(T - 14)), "Ann", "seen")
    assert seen is not None
    alerts, told = [seen], []
    for end in range(T - 13, T + 1):
        outcome = look(some.until(end), alerts, COUNTS_ALONE)
        alerts, told = [*outcome.alerts], [*told, *outcome.transitions]
    assert [(t.was, t.now) for t in told if t.alert_id == alert.id] == [("acknowledged", "resolved")]


def test_a_handful_of_children_opens_no_alert() -> None:
    """Five more children can be one family, however rare plan starts are there."""
    means = {"North": 0.3, "City": 40.0}
    extra = {"North": np.r_[0, 0, 0, 5.0]}
    some = by_locality(11, means, extra, T)
    outcome = look(some, watch=COUNTS_ALONE)
    assert any(signal.key == north() and signal.p_value < 0.003 for signal in outcome.signals)
    assert outcome.alerts == ()
    assert look(some, watch=replace(COUNTS_ALONE, least_excess=3.0)).alerts[0].key == north()


def test_only_named_breakdowns_raise_an_alert_but_all_of_them_explain_one() -> None:
    some = by_locality(5, {"North": 4.0, "City": 150.0}, {"North": np.full(6, 9)}, T)
    assert look(some, watch=replace(COUNTS_ALONE, breakdowns=("team",))).alerts == ()
    surge = council(1, SURGE)
    (alert,) = look(surge, watch=replace(COUNTS_ALONE, breakdowns=("team",))).alerts
    assert alert.drivers[0].name == "locality=North"


def test_a_fall_is_an_alert_on_the_week_that_is_no_longer_provisional() -> None:
    some = council(12)
    count = some.count.copy()
    count[:4, -7:] = np.round(count[:4, -7:] * 0.3)
    fallen = replace(some, count=count, capped=count)
    (alert,) = of_starts(look(fallen, watch=COUNTS_ALONE).alerts)
    assert alert.direction == "down"
    assert alert.severity == "low"  # for plan starts it is a rise that worries
    assert alert.opened == as_date(some.periods[-2])


def test_a_drifting_share_is_an_alert_of_its_own_kind() -> None:
    some = council(13)
    row = some.row(SeriesKey("repeat_plans"))
    count = some.count.copy()
    count[row, -26:] = np.round(some.of[row, -26:] * 0.45)
    outcome = look(replace(some, count=count, capped=count))
    (alert,) = [alert for alert in outcome.alerts if alert.measure == "repeat_plans"]
    assert alert.kind == "drift"
    assert alert.id.startswith("drift-repeat-plans-up-")
    assert "Repeat plans" in outcome.messages[outcome.transitions[0].id].whole.headline


def test_of_a_panel_of_shares_alone_the_counts_are_forecast() -> None:
    some = council(13).select([6])
    count = np.round(np.where(np.arange(T) < T - 26, some.count, some.of * 0.45))
    outcome = look(replace(some, count=count, capped=count))
    assert [alert.kind for alert in outcome.alerts] == ["drift"]
    assert outcome.forecasts.keys == some.keys
    assert outcome.forecasts.values[0, :, 4] == pytest.approx(count[0, -9:].mean(), rel=0.5)
    assert outcome.alerts[0].id.startswith("drift-")


def test_a_measure_that_no_config_describes_is_spoken_of_by_its_name() -> None:
    some = council(1, SURGE)
    keys = tuple(replace(key, measure="early_help_episodes") for key in some.keys[:4])
    outcome = look(replace(some.select(range(4)), keys=keys), watch=COUNTS_ALONE)
    (message,) = (telling.whole for telling in outcome.messages.values())
    assert message.headline.startswith("Early help episodes")


def test_several_alerts_of_one_week_are_each_told_once() -> None:
    some = council(1, SURGE)
    count = some.count.copy()
    count[4, -5:] += 60
    outcome = look(replace(some, count=count, capped=count), watch=COUNTS_ALONE)
    assert {alert.measure for alert in outcome.alerts} >= {"plan_starts", "referrals"}
    assert len(outcome.messages) == len(outcome.transitions) == len(outcome.alerts)


def test_a_quiet_council_has_few_alerts() -> None:
    """Six in a year is the budget; three half years of noise are 9 at most by it, and chance may add some."""
    opened = [
        transition.alert_id
        for seed in (21, 22, 23)
        for outcome in replay(council(seed), 26, WATCH)
        for transition in outcome.transitions
        if transition.now == "opened"
    ]
    assert len(opened) <= 12


def test_the_data_s_newest_day_is_in_the_message() -> None:
    some = council(1, SURGE)
    outcome = look(some)
    (message,) = (telling.whole for telling in outcome.messages.values())
    end = period_end(as_date(some.periods[-1]), "week")
    assert f"{end.day} {end:%B}" in message.evidence


def test_what_is_assessed_is_not_changed() -> None:
    some, kept = with_newest(council(1, SURGE), 0.0), with_newest(council(1, SURGE), 0.0)
    assess(some, [], NOBODY, Watch(measures=MEASURES), monday_after(some))
    assert np.array_equal(some.count, kept.count)
