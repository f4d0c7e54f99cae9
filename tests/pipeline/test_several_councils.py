"""Several councils in one installation: each has alerts of its own, and hears where it went apart from the others."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from made_panels import overdispersed, panel, slice_key
from synthetic_council import NOBODY, WATCH

from forecaster.pipeline import Outcome, assess
from forecaster.types import Panel

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
    assert "a week would be as in the other councils (95% band" in text
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
