"""A council of three localities, week by week, with whatever is planted on top."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from made_panels import by_locality, joined, panel, shares, slice_key, spells

from forecaster.budget import Allowance
from forecaster.calendar import DAY, period_end, to_utc
from forecaster.measures import Measure
from forecaster.pipeline import Outcome, Watch, allow, assess
from forecaster.types import Alert, Panel, Reference, SeriesKey, as_date

T = 182
MEANS = {"North": 8.0, "South": 10.0, "City": 14.0}
NOBODY = Reference()
MEASURES = {
    "plan_starts": Measure(
        kind="flow", title="Child protection plan starts", one="child started a plan", many="children started a plan",
        event="plan_start", worse="up", question="Who challenged the strategy meetings?",
    ),
    "referrals": Measure(
        kind="flow", title="Referrals", one="child was referred", many="children were referred", event="referral"
    ),
    "plans_open": Measure(
        kind="stock", title="Open child protection plans", one="child was on a plan", many="children were on a plan",
        opens="plan_start", closes="plan_end", worse="up",
    ),
    "repeat_plans": Measure.model_construct(
        kind="share", title="Repeat plans", one="plan was a repeat plan", many="plans were repeat plans",
        of="plan starts", worse="up",
    ),
}  # fmt: skip
WATCH = Watch(measures=MEASURES, models=("levels",), council="Herefordshire", config="1a2b3c")


def council(seed: int = 1, starts: dict[str, npt.ArrayLike] | None = None, length: int = T) -> Panel:
    """Plan starts by locality with `starts` on top in the newest weeks; referrals, open plans, repeat plans."""
    rng = np.random.default_rng(seed + 1000)
    x, n = shares(rng, 1, length, 30.0, 0.2)
    others = panel(
        np.vstack([rng.poisson(70, length), spells(rng, 1, length)[0], x[0]]),
        ("flow", "stock", "share"),
        of=np.vstack([np.full((2, length), np.nan), n]),
        keys=[SeriesKey("referrals"), SeriesKey("plans_open"), SeriesKey("repeat_plans")],
    )
    return joined(replace(by_locality(seed, MEANS, starts, length), provisional=1), others)


def north() -> SeriesKey:
    return slice_key("plan_starts", "locality", "North")


def monday_after(some: Panel) -> dt.datetime:
    """The morning on which the newest week of a panel is judged."""
    return to_utc(period_end(as_date(some.periods[-1]), some.step) + DAY, 7)


def look(
    some: Panel, previous: Sequence[Alert] = (), watch: Watch = WATCH, allowed: Allowance | None = None
) -> Outcome:
    return assess(some, previous, NOBODY, watch, monday_after(some), allowed)


def replay(some: Panel, weeks: int, watch: Watch = WATCH) -> Iterator[Outcome]:
    """Judges the newest weeks one after another, as the Mondays come, each knowing the alerts before it."""
    alerts: dict[str, Alert] = {}
    allowed = allow(some.until(len(some.periods) - weeks), watch)  # the limit of the first week, for speed
    for end in range(len(some.periods) - weeks + 1, len(some.periods) + 1):
        outcome = look(some.until(end), list(alerts.values()), watch, allowed)
        alerts.update((alert.id, alert) for alert in outcome.alerts)
        yield outcome
