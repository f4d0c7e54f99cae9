"""Several councils in one installation: each council's rest is protected as that of an only one is.

What an only council's messages give away is for the solver to find; here the messages must be the same.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from made_panels import joined, panel

from forecaster.briefing import brief, history
from forecaster.measures import Measure
from forecaster.types import COUNCIL, Alert, Forecasts, Limits, Panel, SeriesKey, Transition, as_date
from forecaster.words.jointly import joint
from forecaster.words.render import message

LIMITS, WEEKS, SINCE = Limits(0.001, 104), 120, 8
TEAM = (("team", "Team 1"),)
MEASURE = Measure(
    kind="flow", title="Referrals", one="child was referred", many="children were referred", event="referral"
)  # fmt: skip


def in_council(some: Panel, name: str) -> Panel:
    """The same council as one of several."""
    return replace(some, keys=tuple(SeriesKey(key.measure, ((COUNCIL, name), *key.slice)) for key in some.keys))


def few(seed: int) -> Panel:
    """A council of two teams, one of which has nearly all that there is."""
    rng = np.random.default_rng(seed)
    team, rest = rng.poisson(rng.uniform(6, 12), WEEKS), rng.poisson(rng.uniform(0.5, 4), WEEKS)
    team[-SINCE:] *= 2
    return panel(np.array([team + rest, team]), keys=[SeriesKey("referrals"), SeriesKey("referrals", TEAM)])


def shared(seed: int) -> Panel:
    return joined(in_council(few(seed), "Hull"), in_council(few(seed + 1), "York"))


def told(some: Panel, key: SeriesKey) -> list[str]:
    """What an alert on a series says, line by line, without the council's name."""
    newest, onset = (as_date(some.periods[at]) for at in (-1, -SINCE))
    counted = some.count[some.row(key), -SINCE:]
    alert = Alert(
        "a", "surge", key.measure, key.slice, "up", "medium", "opened", newest, onset, newest, counted[-1], 9, 4, 15,
        1e-4, counted.sum(), 72, told=(newest,),
    )  # fmt: skip
    opened = Transition("t", "a", dt.datetime(2018, 1, 1, tzinfo=dt.UTC), None, "opened", "")
    nothing = Forecasts((), newest, some.periods[:0], np.empty((0, 0, 9)), ())
    context = brief(
        alert,
        opened,
        some,
        nothing,
        {},
        MEASURE,
        limits=LIMITS,
        was=None,
        shown=13,
        council="Elm",
        threshold=5,
        config="",
    )
    made = message(alert, context)
    assert made.chart is not None
    return [made.text.replace(", Hull", ""), str(made.chart.observed), str(made.chart.hidden)]


def test_the_rest_of_a_council_protects_what_is_shown_of_its_team() -> None:
    count = np.full((2, WEEKS), 12.0)
    count[1] = 9.0  # 3 are in no team
    some = panel(count, keys=[SeriesKey("referrals", ((COUNCIL, "Hull"), *where)) for where in ((), TEAM)])
    past = history(some, some.keys[1], LIMITS)
    assert past.whole is not None
    (ledger,) = joint([(past, "flow")], 5)
    assert not ledger.show(WEEKS - 1, WEEKS)
    assert ledger.show(WEEKS - 2, WEEKS)  # 6 in two weeks


def test_what_is_no_part_of_a_council_protects_nothing_in_it() -> None:
    some = shared(1)
    assert np.array_equal(history(some, some.keys[3], LIMITS).whole, some.count[2])
    assert history(some, some.keys[0], LIMITS).whole is None


@pytest.mark.parametrize("seed", range(6))
def test_a_team_of_one_of_several_councils_tells_what_it_would_if_its_council_were_the_only_one(seed: int) -> None:
    where = SeriesKey("referrals", TEAM)
    assert told(shared(seed), replace(where, slice=((COUNCIL, "Hull"), *TEAM))) == told(few(seed), where)


def test_protecting_the_rest_makes_a_difference_here() -> None:
    key = SeriesKey("referrals", TEAM)
    unguarded = [told(few(seed).select([1]), key) for seed in range(6)]
    assert unguarded != [told(few(seed), key) for seed in range(6)]
