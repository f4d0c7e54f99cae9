"""The service's own record: forecasts kept by its runs, against what the newest run knew."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_panels import panel, periods
from synthetic_council import council, look

from forecaster.accounts import FEWEST
from forecaster.calendar import to_utc
from forecaster.settings import ROOT, Settings, load
from forecaster.store import Run, Store
from forecaster.types import QUANTILES, Forecasts, InputError, Panel, SeriesKey, as_date
from jobs.reckoning import draw, live, record_lines, rows, sentences

WEEKS = 40
STARTS, OPEN, REPEAT = SeriesKey("plan_starts"), SeriesKey("plans_open"), SeriesKey("repeat_plans")
LEVEL, SPREAD = 50.0, 2.0 * np.arange(-4, 5)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(ROOT / "config" / "forecaster.toml", {})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'record.db'}") as opened:
        opened.migrate()
        yield opened


def said(origin: int, level: float = LEVEL, coverage: float = np.nan) -> Forecasts:
    values = np.full((1, 13, len(QUANTILES)), level) + SPREAD
    ahead = periods(WEEKS + 20)[origin + 1 : origin + 14]
    return Forecasts((STARTS,), as_date(periods(WEEKS)[origin]), ahead, values, ("level",), (), np.array([coverage]))


def known(end: int, counts: np.ndarray | float = LEVEL) -> Panel:
    full = np.broadcast_to(counts, (1, WEEKS)).astype(float)
    return replace(panel(full, keys=[STARTS]).until(end), provisional=1)


def keep(store: Store, origin: int, forecasts: Forecasts, seen: Panel, name: str = "a") -> None:
    """A run on the Monday after a week."""
    period = as_date(periods(WEEKS)[origin])
    monday = period + dt.timedelta(days=7)
    store.commit_run(Run(f"{period}-{name}", monday, period, "week", to_utc(monday, 7), name, seen, forecasts))


def lines(store: Store, settings: Settings) -> list[str]:
    return list(record_lines(live(store), settings))


def test_the_record_is_the_share_of_weeks_in_which_the_band_held(store: Store, settings: Settings) -> None:
    counts = np.full(WEEKS, LEVEL)
    counts[[25, 30]] = 70.0  # outside
    for origin in range(19, WEEKS):
        keep(store, origin, said(origin), known(origin + 1, counts))
    # 19 of the origins have come due, with 169 periods ahead of them; 6 of these are the one week, 11 the other
    assert lines(store, settings)[0] == (
        "Child protection plan starts: 95% band held 90% in 19 weeks of forecasts (1 week ahead 89%)"
    )


def test_too_few_forecasts_are_called_too_few(store: Store, settings: Settings) -> None:
    for origin in range(WEEKS - 5, WEEKS):
        keep(store, origin, said(origin, coverage=0.94), known(origin + 1))
    assert lines(store, settings)[0] == (
        f"Child protection plan starts: too few forecasts have come due (3; {FEWEST} are needed); "
        "tried on the past its 95% band held 94%"
    )


def test_of_a_share_it_is_the_number_that_is_scored(store: Store, settings: Settings) -> None:
    share = replace(panel(np.full(WEEKS, 9.0), "share", of=np.full(WEEKS, 30.0), keys=[REPEAT]), provisional=1)
    for origin in range(WEEKS - 20, WEEKS):
        keep(store, origin, replace(said(origin, 10.0), keys=(REPEAT,)), share.until(origin + 1))
    assert lines(store, settings)[0].startswith("Second or subsequent plans (number): 95% band held 100% in 18 weeks")
    assert "Of a share the number is forecast" in " ".join(sentences(live(store), settings))
    with pytest.raises(InputError, match="no forecast has come due"):  # a share's counts are not drawn
        draw(live(store), settings, Path("never.png"))


def test_without_runs_there_is_nothing_to_say(store: Store, settings: Settings) -> None:
    assert lines(store, settings) == []
    assert rows(live(store), settings) == []
    assert "too few have come due" in next(sentences(live(store), settings))


def test_all_measures_together_are_not_scored_before_any_of_them_is(store: Store, settings: Settings) -> None:
    for measures, least in ((("plan_starts", "plans_open"), 0), (("plan_starts",), 2)):
        for origin in range(WEEKS - 10 * (1 + least), WEEKS):
            keys = tuple(map(SeriesKey, measures))
            values = np.full((len(keys), 13, len(QUANTILES)), LEVEL) + SPREAD
            one = replace(said(origin), keys=keys, values=values, models=("level",) * len(keys), coverage=None)
            seen = replace(panel(np.full((len(keys), WEEKS), LEVEL), keys=keys).until(origin + 1), provisional=1)
            keep(store, origin, one, seen, str(least))
        assert bool(rows(live(store), settings)) == bool(least)


def test_what_is_said_again_under_another_config_does_not_rewrite_the_record(store: Store, settings: Settings) -> None:
    for origin in range(15, WEEKS):
        keep(store, origin, said(origin), known(origin + 1), "a")
        keep(store, origin, said(origin, 90.0), known(origin + 1), "b")
    assert set(live(store)["median"]) == {LEVEL}


def test_the_newest_run_says_what_came(store: Store) -> None:
    corrected = np.full(WEEKS, LEVEL)
    corrected[21] = 44.0
    keep(store, 20, said(20), known(21))
    keep(store, 24, said(24), known(25))
    assert live(store)["actual"].dropna().tolist() == [50.0, 50.0, 50.0]
    keep(store, 25, said(25), known(26, corrected))
    assert live(store)["actual"].dropna().tolist() == [44.0, 50.0, 50.0, 50.0]


def test_measures_that_stopped_a_while_ago_are_not_known_any_more(store: Store) -> None:
    keep(store, 20, said(20), known(25))
    other = replace(known(WEEKS), keys=(OPEN,), kinds=("stock",))
    keep(store, WEEKS - 1, replace(said(WEEKS - 1), keys=(OPEN,)), other)
    assert set(live(store)["measure"]) == {"plans_open"}


def test_each_week_keeps_a_forecast_of_every_flow_and_stock_of_the_council() -> None:
    some = council(3)
    found = look(some).forecasts
    own = [key for key, kind in zip(some.keys, some.kinds, strict=True) if key.is_council and kind != "share"]
    assert set(own) <= set(found.keys)
    assert not np.isnan(found.values[[found.keys.index(key) for key in own]]).any()


def test_a_picture_is_drawn_of_what_has_come_due_and_is_the_same_each_time(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    for origin in range(WEEKS - 6, WEEKS):
        keep(store, origin, said(origin), known(origin + 1))
    for name in ("one.png", "other.png"):
        draw(live(store), settings, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
