"""One day's look where a measure comes by the week and by the month: it is judged by one of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from synthetic_council import WATCH

from forecaster.calendar import to_utc
from forecaster.pipeline import Outcome
from forecaster.settings import ROOT, Settings, load
from forecaster.types import Alert, Slice, Step
from jobs.watch import look

DAY = dt.date(2018, 2, 5)  # a Monday: January is over
WEEKLY = pd.date_range("2014-01-06", "2018-01-29", freq="7D")
MONTHLY = pd.date_range("2010-01-01", "2018-01-01", freq="MS")
SURGES = replace(WATCH, detectors=("surge",))


@dataclass(frozen=True)
class Known:
    """Totals that were all known all the time."""

    rows: pd.DataFrame

    def events(self, as_of: dt.datetime | None = None) -> pd.DataFrame:
        return pd.DataFrame()

    def totals(self, as_of: dt.datetime | None = None) -> pd.DataFrame:
        return self.rows


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(ROOT / "config" / "forecaster.toml", {})


def feed(step: Step, counts: np.ndarray, where: Slice = ()) -> pd.DataFrame:
    days = (WEEKLY if step == "week" else MONTHLY)[-len(counts) :]
    return pd.DataFrame({
        "measure": "plan_starts", "slice": [where] * len(days), "step": step, "period": days, "count": counts,
        "of": np.nan,
    })  # fmt: skip


def counts(step: Step, last: float = 1.0, length: int | None = None) -> np.ndarray:
    size = length or len(WEEKLY if step == "week" else MONTHLY)
    out = np.random.default_rng(1).poisson(20 if step == "week" else 87, size).astype(float)
    out[-1] = np.round(out[-1] * last)
    return out


def seen(settings: Settings, feeds: Sequence[pd.DataFrame], alerts: Sequence[Alert] = ()) -> Iterator[Outcome]:
    known = Known(pd.concat(feeds, ignore_index=True))
    yield from (outcome for outcome, _ in look(known, settings, SURGES, DAY, to_utc(DAY, 7), alerts))


def test_a_month_s_totals_of_what_comes_by_the_week_are_not_judged_and_one_line_says_so(settings: Settings) -> None:
    alone = list(seen(settings, [feed("month", counts("month", 3.0))]))
    assert [alert.measure for outcome in alone for alert in outcome.alerts] == ["plan_starts"]
    (outcome,) = seen(settings, [feed("week", counts("week")), feed("month", counts("month", 3.0))])
    assert (outcome.panel.step, outcome.alerts) == ("week", ())
    assert [one.reason for one in outcome.not_run if one.by == "feeds"] == [
        "its totals by the month are not judged: its totals by the week are, and a measure is judged once"
    ]


def test_a_month_s_alert_lives_on_beside_a_feed_by_the_week_that_is_too_young_to_be_judged(settings: Settings) -> None:
    monthly, young = feed("month", counts("month", 3.0)), feed("week", counts("week", length=60))
    (outcome,) = seen(settings, [monthly, young])
    assert (outcome.panel.step, [alert.state for alert in outcome.alerts]) == ("month", ["opened"])


def test_an_alert_on_a_slice_that_has_become_too_small_to_be_watched_is_not_forgotten(settings: Settings) -> None:
    """Nor where its council is one of several: each period without a sign of it is a calm one."""
    hull, team = (("council", "Hull"),), (("council", "Hull"), ("team", "A"))
    moved = feed("month", counts("month", 3.0), team)
    (first,) = seen(settings, [feed("month", counts("month"), hull), moved])
    (alert,) = first.alerts
    assert alert.slice == team
    before = replace(alert, seen=dt.date(2017, 12, 1), opened=dt.date(2017, 12, 1))
    (later,) = seen(settings, [feed("month", counts("month"), hull)], [before])
    assert [(alert.state, alert.calm) for alert in later.alerts] == [("opened", 1)]
