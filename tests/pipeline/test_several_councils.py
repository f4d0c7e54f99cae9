"""Several councils in one installation: each has alerts of its own, and hears where it went apart from the others."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from made_panels import by_locality, joined, overdispersed, panel, slice_key
from synthetic_council import NOBODY, WATCH, council, monday_after

from forecaster.budget import Allowance
from forecaster.measures import Measure
from forecaster.messages import Target
from forecaster.pipeline import Outcome, Watch, allow, assess
from forecaster.routing import Addressee, Route, who
from forecaster.types import COUNCIL, Alert, Panel, SeriesKey
from forecaster.words.digest import near

T, NAMES = 156, ("Ash", "Birch", "Cedar", "Elm", "Hazel", "Larch", "Maple", "Oak")
PEERS = replace(WATCH, detectors=("peers",))
NOW = dt.datetime(2017, 1, 2, tzinfo=dt.UTC)


def councils(factors: dict[str, float]) -> Panel:
    """Referrals a week of eight councils, some at another level in the last three months."""
    counts = overdispersed(np.random.default_rng(6), np.full((8, 1), 40.0), 2.0, (8, T))
    for name, factor in factors.items():
        counts[NAMES.index(name), -13:] = np.round(factor * counts[NAMES.index(name), -13:])
    return panel(counts, keys=[slice_key("referrals", "council", name) for name in NAMES])


def look(factors: dict[str, float], watch: object = PEERS) -> Outcome:
    return assess(councils(factors), (), NOBODY, watch, NOW)  # type: ignore[arg-type]


def headlines(outcome: Outcome) -> list[str]:
    return sorted(telling.whole.headline for telling in outcome.messages.values())


def test_a_council_that_rose_alone_hears_that_others_did_not() -> None:
    (headline,) = headlines(look({"Elm": 2.0}))
    assert headline.startswith("Referrals are up in Elm and not elsewhere - week of")


def test_two_councils_have_an_alert_each() -> None:
    outcome = look({"Elm": 2.2, "Oak": 2.0})
    assert [alert.slice for alert in outcome.alerts] == [(("council", "Elm"),), (("council", "Oak"),)]
    assert len({alert.id for alert in outcome.alerts}) == 2


def test_the_alerts_of_two_councils_live_on_apart() -> None:
    first = look({"Elm": 2.2, "Oak": 2.0})
    later = replace(councils({"Elm": 2.2, "Oak": 2.0}), periods=councils({}).periods + 7)
    again = assess(later, first.alerts, NOBODY, PEERS, NOW + dt.timedelta(days=7))
    assert [alert.slice for alert in again.alerts] == [alert.slice for alert in first.alerts]
    assert again.transitions == ()


def test_the_message_says_what_would_have_been_had_it_moved_as_the_others() -> None:
    outcome = look({"Elm": 2.0})
    text = next(iter(outcome.messages.values())).whole.text
    assert " if it had moved as elsewhere (95% band" in text
    assert "In 13 weeks: " in text


def test_two_surges_of_two_councils_are_two_alerts() -> None:
    four_weeks_on = councils({"Elm": 2.2, "Oak": 2.2}).until(T - 9)  # later it is what is to be expected
    outcome = assess(four_weeks_on, (), NOBODY, replace(WATCH, detectors=("surge",)), NOW)
    assert {alert.slice[0][1] for alert in outcome.alerts} == {"Elm", "Oak"}
    assert all(f" in {alert.slice[0][1]} - week of" in alert.text for alert in outcome.alerts)


def test_a_service_for_one_council_hears_nothing_of_it() -> None:
    one = panel(overdispersed(np.random.default_rng(1), np.full((1, 1), 40.0), 2.0, (1, T)), keys=None)
    outcome = assess(one, (), NOBODY, PEERS, NOW)
    assert outcome.not_run == ()
    assert outcome.messages == {}


# Each council hears what it would if it were the only one

ALLOWED = Allowance(0.001, 6.0)
STAGES = {
    name: Measure(kind="flow", title=name, one="was", many="were", event=event, worse="up")
    for name, event in {"referrals": "referral", "section_47": "section_47", "plan_starts": "plan_start"}.items()
}
SURGES = replace(WATCH, measures=STAGES, detectors=("surge",))


def named(some: Panel, name: str) -> Panel:
    """A council as one of several."""
    return replace(some, keys=tuple(SeriesKey(key.measure, ((COUNCIL, name), *key.slice)) for key in some.keys))


def pathway(seed: int, factor: float = 1.0) -> Panel:
    """A council's referrals and what comes of them by team, the last conversion another in the newest weeks."""
    rng = np.random.default_rng(seed)
    level = rng.poisson([[30.0], [40.0], [25.0]], (3, T))
    rows, keys = [], []
    for measure, share in (("referrals", 1.0), ("section_47", 0.5), ("plan_starts", 0.5)):
        chance = np.full(T, share)
        chance[-4:] *= factor if measure == "plan_starts" else 1.0
        level = rng.binomial(level, np.minimum(chance, 1.0))
        rows += [level.sum(0), *level]
        keys += [SeriesKey(measure), *(slice_key(measure, "team", f"Team {i}") for i in (1, 2, 3))]
    return panel(np.array(rows), keys=keys)


def judged(some: Panel, watch: Watch = SURGES, previous: tuple[Alert, ...] = ()) -> Outcome:
    return assess(some, previous, NOBODY, watch, monday_after(some), ALLOWED)


def lines(outcome: Outcome, alert: Alert) -> dict[str, str]:
    """What a message says of an alert, by label, the headline too."""
    made = next(outcome.messages[t.id].whole for t in outcome.transitions if t.alert_id == alert.id)
    return {
        "": made.headline,
        **{line.label: line.text for line in made.lines if line.label in ("What", "Why", "Where")},
    }


def test_a_council_of_several_is_alerted_and_told_why_and_where_as_if_it_were_the_only_one() -> None:
    alone = judged(pathway(1, 1.9))
    both = judged(joined(named(pathway(1, 1.9), "Hull"), named(pathway(2), "York")))
    (only,), (one,) = alone.alerts, both.alerts
    assert (one.slice, one.severity, one.key.is_council) == ((("council", "Hull"),), "high", True)
    figures = ("severity", "direction", "onset", "p_value", "total", "total_expected", "lower", "upper", "state")
    assert [getattr(one, name) for name in figures] == [getattr(only, name) for name in figures]
    assert [d.name.replace("council=Hull, ", "") for d in one.drivers] == [d.name for d in only.drivers]
    assert one.drivers[0].name == "section_47 to plan_start"
    said = lines(both, one)
    assert said[""].startswith("plan_starts are surging in Hull - week of")
    assert {label: text.replace(" in Hull", "") for label, text in said.items()} == lines(alone, only)
    assert "section 47 enquiries ending in a plan" in said["Why"]


def test_a_team_s_alert_says_its_council_and_is_of_medium_severity() -> None:
    """The team has the place first, as a letter has it; the driver is the team, not the council."""
    means, extra = {"North": 4.0, "City": 150.0}, {"North": np.full(6, 9)}
    some = joined(named(by_locality(5, means, extra, T), "Hull"), named(by_locality(8, means, None, T), "York"))
    (alert,) = judged(some, replace(WATCH, detectors=("surge",))).alerts
    assert (alert.slice, alert.severity) == ((("council", "Hull"), ("locality", "North")), "medium")
    assert alert.drivers[0].name == "council=Hull, locality=North"
    assert " are surging in North, Hull - week of" in alert.text


def test_a_slice_s_alert_becomes_its_council_s_when_that_moves_too() -> None:
    path = np.r_[np.full(4, 12.0), np.full(3, 60.0)]
    moving = by_locality(6, {"North": 4.0, "City": 130.0}, {"North": path}, T)
    some = joined(named(moving, "Hull"), named(by_locality(9, {"North": 60.0}, None, T), "York"))
    alerts: dict[str, Alert] = {}
    reasons = []
    for end in range(T - 6, T + 1):
        outcome = judged(some.until(end), replace(WATCH, detectors=("surge",)), tuple(alerts.values()))
        alerts.update((alert.id, alert) for alert in outcome.alerts)
        reasons += [transition.reason for transition in outcome.transitions]
    (alert,) = alerts.values()
    assert alert.slice == (("council", "Hull"),)
    assert {"now seen in the whole council", "severity rose from medium to high"} & set(reasons)


def test_the_stories_of_two_councils_are_two() -> None:
    def moved(seed: int) -> Panel:
        some = pathway(seed)
        arrays = {
            name: np.where(np.arange(T) >= T - 4, np.round(array * 1.9), array) for name, array in some.arrays.items()
        }
        return replace(some, **arrays)

    found = judged(joined(named(moved(1), "Hull"), named(moved(2), "York"))).alerts
    stories = {(alert.key.council, alert.story or alert.id) for alert in found}
    assert len(found) >= 4
    assert {council for council, _ in stories} == {"Hull", "York"}
    assert len({story for _, story in stories}) == len(stories) == 2


def test_a_route_of_the_council_s_alerts_fits_each_council_s() -> None:
    (alert,) = judged(joined(named(pathway(1, 1.9), "Hull"), named(pathway(2), "York"))).alerts
    heads = Addressee("heads", Target("console"))
    assert who(alert, [Route((heads,), breakdowns=("council",), severity="high")]) == [heads]
    assert who(alert, [Route((heads,), breakdowns=("team",))]) == []


def test_the_budget_counts_a_council_s_slices_as_one_alert_and_two_councils_as_two() -> None:
    one = pathway(1)
    watch = replace(SURGES, false_alerts_per_year=2.0, least_excess=0.0)
    alone, both = (allow(some, watch).alpha for some in (one, joined(named(one, "Hull"), named(pathway(2), "York"))))
    assert both < alone


def test_what_is_near_the_line_in_one_council_is_told_though_another_has_an_alert_of_it() -> None:
    outcome = judged(joined(named(pathway(1, 1.9), "Hull"), named(pathway(2), "York")))
    (alert,) = outcome.alerts
    mine = next(signal for signal in outcome.signals if signal.key == alert.key)
    other = replace(mine, key=SeriesKey("plan_starts", (("council", "York"), ("team", "Team 1"))))
    assert near([mine, other], outcome.alerts) == (other,)


def test_a_week_that_one_council_has_not_entered_is_left_out_for_it_alone() -> None:
    late = council(1).select([0, 4])
    late.count[:, -1] = 0.0
    some = joined(named(late, "Hull"), named(council(2).select([0, 4]), "York"))
    outcome = judged(some, replace(WATCH, detectors=("surge",)))
    (missed,) = [one for one in outcome.not_run if one.by == "completeness"]
    assert (missed.key.council, "looks incomplete" in missed.reason) == ("Hull", True)
    assert np.isnan(outcome.panel.count[:, -1]).tolist() == [True, True, False, False]
