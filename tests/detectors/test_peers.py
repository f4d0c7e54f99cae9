"""We rose, they did not: one council apart from the others is news, all of them together are not."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_panels import overdispersed, panel, shares, slice_key

from forecaster.detectors.peers import ALONE, detect, judge, since
from forecaster.types import Floats, Limits, NotRun, Panel, Reference, SeriesKey, Signal

LIMITS, T, WINDOW = Limits(0.01, 104), 182, 13
NOBODY = Reference()


def councils(counts: Floats, of: Floats | None = None, source: str = "") -> Panel:
    """Each row another council's: C0, C1, …"""
    extra = (("source", source),) if source else ()
    keys = [SeriesKey("referrals", (("council", f"C{i}"), *extra)) for i in range(len(counts))]
    return panel(counts, "flow" if of is None else "share", of=of, keys=keys)


def quiet(seed: int = 1, number: int = 10, everywhere: float = 1.0) -> Floats:
    """Councils of which none moves by itself; everywhere: the level of all in the last three months."""
    mean = np.linspace(20, 80, number)[:, None] * np.where(np.arange(T) < T - WINDOW, 1.0, everywhere)
    return overdispersed(np.random.default_rng(seed), mean, 3.0, (number, T))


def recently(counts: Floats, factor: float, rows: slice = slice(None)) -> Floats:
    moved = counts.copy()
    moved[rows, -WINDOW:] = np.round(moved[rows, -WINDOW:] * factor)
    return moved


def found(some: Panel, limits: Limits = LIMITS) -> dict[str, Signal]:
    return {dict(signal.key.slice)["council"]: signal for signal in detect(some, limits, NOBODY)[0]}


def reasons(some: Panel) -> dict[str, str]:
    return {dict(missed.key.slice)["council"]: missed.reason for missed in detect(some, LIMITS, NOBODY)[1]}


# News, and what is none


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_movement_of_all_councils_together_is_no_news(factor: float) -> None:
    alarms = [len(detect(councils(quiet(seed, everywhere=factor)), LIMITS, NOBODY)[0]) for seed in range(60)]
    assert sum(alarms) / (60 * 10 * 2) < 0.015  # of sixty times ten councils and both directions, at a limit of 1%


def test_a_season_that_all_have_is_no_news() -> None:
    season = np.exp(0.6 * np.sin(2 * np.pi * np.arange(T) / 52.18))
    counts = np.random.default_rng(3).poisson(np.linspace(20, 80, 10)[:, None] * season).astype(float)
    some = councils(counts)
    rates = [np.mean(judge(some, 60, side, 104).p_value <= 0.01) for side in ("up", "down")]
    assert max(rates) <= 0.02


@pytest.mark.parametrize(("factor", "direction"), [(1.7, "up"), (0.5, "down")])
def test_one_council_that_moves_alone_is_found(factor: float, direction: str) -> None:
    signals = found(councils(recently(quiet(), factor, slice(4, 5))))
    assert list(signals) == ["C4"]
    assert signals["C4"].direction == direction


def test_one_council_that_stays_where_all_others_rise_is_found() -> None:
    counts = recently(quiet(), 1.8)
    counts[4] = quiet()[4]
    signals = found(councils(counts))
    assert list(signals) == ["C4"]
    assert signals["C4"].direction == "down"
    before = counts[4, -65:-13].mean()
    assert signals["C4"].expected == pytest.approx(1.8 * before, rel=0.1)
    assert signals["C4"].observed < signals["C4"].lower < signals["C4"].expected < signals["C4"].upper


def test_a_share_that_rises_alone_is_found() -> None:
    hits, of = shares(np.random.default_rng(2), 8, T, 20.0, 0.2)
    hits[3, -WINDOW:] = np.round(0.45 * of[3, -WINDOW:])
    signals = found(councils(hits, of))
    assert list(signals) == ["C3"]
    assert signals["C3"].observed == pytest.approx(0.45, abs=0.02)
    assert signals["C3"].expected == pytest.approx(0.2, abs=0.04)
    assert signals["C3"].total == hits[3, -WINDOW:].sum()
    assert signals["C3"].total_expected == pytest.approx(signals["C3"].expected * of[3, -WINDOW:].sum())


def test_a_share_that_rises_everywhere_is_no_news() -> None:
    rng = np.random.default_rng(2)
    share = np.where(np.arange(T) >= T - WINDOW, 0.4, 0.2)
    hits, of = shares(rng, 8, T, 20.0, share)
    assert found(councils(hits, of)) == {}


def test_the_signal_is_of_the_last_three_months_against_the_year_before() -> None:
    counts = np.full((6, T), 20.0) + np.random.default_rng(1).integers(-3, 4, (6, T))
    counts[2, -WINDOW:] = 60
    signal = found(councils(counts))["C2"]
    assert (signal.period - signal.onset).days == 7 * (WINDOW - 1)
    assert (signal.observed, signal.total) == (60, 60 * WINDOW)
    assert signal.expected == pytest.approx(20, abs=1)
    assert signal.total_expected == pytest.approx(WINDOW * signal.expected)


def test_a_rise_of_the_same_size_says_less_where_councils_differ_more() -> None:
    rng = np.random.default_rng(4)
    calm = rng.poisson(40, (10, T)).astype(float)
    walk = np.exp(np.cumsum(rng.normal(0, 0.05, (10, T)), axis=1))
    wild = rng.poisson(40 * walk / walk.mean(1, keepdims=True)).astype(float)
    for counts in (calm, wild):
        counts[0, -65:] = rng.poisson(40, 65)
        counts[0, -WINDOW:] = 60
    p_values = [judge(councils(counts), 1, "up", 104).p_value[0, 0] for counts in (calm, wild)]
    assert p_values[0] < 0.001 < p_values[1]


def test_a_council_that_always_jumps_about_must_jump_further() -> None:
    counts = quiet(5)
    jumpy = counts.copy()
    jumpy[4, :-65] *= np.where(np.arange(T - 65) // 13 % 2, 1.5, 0.6)
    calm, wild = (judge(councils(recently(some, 1.7, slice(4, 5))), 1, "up", 104) for some in (counts, jumpy))
    assert calm.p_value[4, 0] < wild.p_value[4, 0]
    assert wild.upper[4, 0] > calm.upper[4, 0]


# Who is compared with whom


def test_series_that_are_not_of_several_councils_are_none_of_its_business() -> None:
    """Neither judged nor not run: a service for one council must not be told of it every week."""
    one = panel(quiet(), keys=[SeriesKey("referrals"), *(slice_key("referrals", "team", f"T{i}") for i in range(9))])
    assert detect(one, LIMITS, NOBODY) == ([], [])
    assert set(judge(one, 3, "up", 104).reasons.ravel()) == {ALONE}


def test_four_councils_are_too_few_and_five_are_enough() -> None:
    assert found(councils(recently(quiet(number=4), 3.0, slice(0, 1)))) == {}
    assert set(reasons(councils(quiet(number=4))).values()) == {
        "fewer than 5 councils to compare: its others have no figures"
    }
    assert list(found(councils(recently(quiet(number=5), 3.0, slice(0, 1))))) == ["C0"]
    assert reasons(councils(quiet(number=5))) == {}


def test_only_what_is_alike_is_compared() -> None:
    """Six councils' referrals by the police and four councils' by schools: the four have too few to compare with."""
    police, schools = councils(quiet(number=6), source="Police"), councils(quiet(number=4), source="School")
    both = Panel(
        (*police.keys, *schools.keys), (*police.kinds, *schools.kinds), police.periods, "week",
        *(np.concatenate([getattr(police, name), getattr(schools, name)]) for name in ("count", "of", "capped")),
    )  # fmt: skip
    missed = detect(both, LIMITS, NOBODY)[1]
    assert {missed_.key for missed_ in missed} == set(schools.keys)


def test_stocks_are_not_compared() -> None:
    some = replace(councils(quiet()), kinds=("stock",) * 10)
    assert detect(some, LIMITS, NOBODY) == ([], [])


def test_a_council_without_figures_says_so_and_the_others_go_on() -> None:
    counts = recently(quiet(number=7), 2.5, slice(2, 3))
    counts[0, -3:] = np.nan
    counts[1, :120] = np.nan
    some = councils(counts)
    assert list(found(some)) == ["C2"]
    assert set(reasons(some)) == {"C0", "C1"}
    assert reasons(some)["C0"] == "no value for this period"
    assert all(isinstance(missed, NotRun) and missed.by == "peers" for missed in detect(some, LIMITS, NOBODY)[1])


def test_a_single_missing_week_does_not_matter() -> None:
    counts = recently(quiet(), 1.8, slice(4, 5))
    counts[4, -5] = np.nan
    signal = found(councils(counts))["C4"]
    assert signal.total == np.nansum(counts[4, -WINDOW:])
    assert signal.total_expected == pytest.approx(12 * signal.expected)


def test_the_order_of_the_councils_does_not_matter() -> None:
    some = councils(recently(quiet(), 1.7, slice(4, 5)))
    other = some.select(np.random.default_rng(1).permutation(10))
    assert found(some) == found(other)


# Told from an earlier onset


def test_a_signal_can_be_told_from_when_its_alert_began() -> None:
    counts = quiet()
    counts[4, -20:] *= 2
    some = councils(counts)
    signal = found(some)["C4"]
    told = since(some, signal, some.periods[-20].astype(object))
    assert told.onset == some.periods[-20].astype(object)
    assert told.total == counts[4, -20:].sum() > signal.total
    assert told.expected == pytest.approx(counts[4, -72:-20].mean(), rel=0.1)  # the doubled weeks are not in it
    assert (told.p_value, told.key, told.direction) == (signal.p_value, signal.key, signal.direction)


def test_a_signal_without_a_year_before_its_onset_stays_as_it_is() -> None:
    some = councils(recently(quiet(), 1.7, slice(4, 5)))
    signal = found(some)["C4"]
    assert since(some, signal, some.periods[30].astype(object)) == signal


# Real referrals a month of eighteen councils, 2012 to 2024 (Department for Education, Open Government Licence v3.0)


@pytest.fixture(scope="module")
def real() -> Panel:
    with gzip.open(Path(__file__).with_name("referrals_of_eighteen_councils.csv.gz"), "rt") as stream:
        rows = list(csv.DictReader(stream))
    names = sorted({row["council"] for row in rows})
    months = sorted({row["month"] for row in rows})
    counts = np.empty((len(names), len(months)))
    for row in rows:
        counts[names.index(row["council"]), months.index(row["month"])] = float(row["count"])
    keys = [slice_key("referrals", "council", name) for name in names]
    return panel(counts, keys=keys, step="month", first=dt.date.fromisoformat(months[0]))


def test_sloughs_rise_of_2016_is_found_when_it_comes(real: Panel) -> None:
    """From 240 a month to 690 in May, while the others stood still."""
    judged = judge(real, 108, "up", 36)
    slough = next(i for i, key in enumerate(real.keys) if key.where == "Slough")
    first = [str(real.periods[-108 + at])[:7] for at in np.flatnonzero(judged.p_value[slough] <= 0.001)]
    assert first[0] in ("2016-04", "2016-05")


def test_the_spring_in_which_all_fell_brings_hardly_an_alarm(real: Panel) -> None:
    """In April to June 2020 schools were shut, and these councils had a sixth fewer referrals than a year before."""
    at = real.periods >= np.datetime64("2020-04-01")
    spring = slice(int(np.flatnonzero(at)[0]), int(np.flatnonzero(at)[0]) + 3)
    year = slice(spring.start - 12, spring.stop - 12)
    assert real.count[:, spring].sum() < 0.88 * real.count[:, year].sum()
    known = real.until(spring.stop)
    assert np.mean(judge(known, 3, "down", 36).p_value <= 0.01) <= 0.02


def test_real_councils_alarm_about_as_often_as_the_limit_says(real: Panel) -> None:
    """Theirs is no null: Slough did move. Of the months of all 116 councils 1.6% are past a limit of 1%."""
    for direction in ("up", "down"):
        p_value = judge(real, 100, direction, 36).p_value  # type: ignore[arg-type]
        assert np.mean(p_value <= 0.01) < 0.025
        assert np.mean(p_value <= 0.2) == pytest.approx(0.17, abs=0.05)
