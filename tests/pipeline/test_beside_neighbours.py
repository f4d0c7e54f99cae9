"""What a message says of others: published figures, and how likely the council ends the year above its neighbours."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_panels import panel
from synthetic_council import WATCH

from forecaster.benchmarks import reference
from forecaster.pipeline import Watch, assess
from forecaster.settings import load
from forecaster.types import Panel, Reference, SeriesKey

FOLDER = Path(__file__).parents[2] / "data" / "benchmarks"
WALSALL = "E08000030"
NEWEST = dt.date(2018, 1, 8)
NOW = dt.datetime(2018, 1, 15, 7, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def watch() -> Watch:
    return replace(WATCH, measures=load(None, {}).catalogue, council="Walsall")


@pytest.fixture(scope="module")
def published() -> Reference:
    return reference(FOLDER, WALSALL, NEWEST)


def plans(now: float, weeks: int = 180, before: float = 0.115) -> Panel:
    """Thirteen plan starts a week, of which a ninth are repeats, and another share of them in the last half year."""
    rng = np.random.default_rng(4)
    of = rng.poisson(13, weeks).astype(float)
    share = np.where(np.arange(weeks) >= weeks - 26, now, before)
    hits = rng.binomial(of.astype(int), share).astype(float)
    keys = [SeriesKey("plan_starts"), SeriesKey("repeat_plans")]
    first = NEWEST - dt.timedelta(weeks=weeks - 1)
    none = np.full(weeks, np.nan)
    return panel(np.array([of, hits]), ("flow", "share"), of=np.array([none, of]), keys=keys, first=first)


def told(some: Panel, published: Reference, watch: Watch) -> dict[str, str]:
    outcome = assess(some, (), published, watch, NOW)
    texts = {alert.kind: alert.text for alert in outcome.alerts if alert.measure == "repeat_plans"}
    assert texts
    return texts


def test_a_share_that_drifts_says_where_it_ends_and_if_above_its_neighbours(watch: Watch, published: Reference) -> None:
    text = " ".join(told(plans(0.33), published, watch)["drift"].split())
    assert re.search(
        r"2\d% in the year to 31 March \(\d\d-\d\d%; 2\d% so far; 1\d% a year ago by our own count,"
        r" (over )?\d\d% likely higher\)",
        text,
    )
    assert "Published for 2016/17: Walsall 12% (10th highest of 11), our neighbours 18%, England 19%." in text
    assert re.search(r"9\d% likely to end 2017/18 above our neighbours", text)


def test_one_that_fell_ends_below(watch: Watch, published: Reference) -> None:
    text = " ".join(told(plans(0.005), published, watch)["drift"].split())
    assert re.search(r"(under 1|\b1)% likely to end 2017/18 above our neighbours", text)


def test_before_the_figures_of_a_year_are_published_the_year_before_is_the_newest(watch: Watch) -> None:
    early = reference(FOLDER, WALSALL, dt.date(2017, 10, 30))
    text = " ".join(told(plans(0.4, before=0.17), early, watch)["drift"].split())  # as 17.2% were in 2015/16
    assert "Published for 2015/16: " in text


def test_without_published_figures_nothing_is_said_of_others(watch: Watch) -> None:
    assert "neighbours" not in told(plans(0.33), Reference(), watch)["drift"]
