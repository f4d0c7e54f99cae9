from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_panels import missing_before, overdispersed, panel, periods

from forecaster.detectors.farrington import (
    SETTINGS,
    bound,
    design_of,
    detect,
    expect,
    judge,
    same_periods,
    since,
    tail,
)
from forecaster.types import Floats, Limits, NotRun, Panel, Reference, SeriesKey, as_date

WEEKLY = SETTINGS["week"]
T = 300
NOW = T - 1
SAME = NOW - 52 * np.arange(6)
NOBODY = Reference()


def quiet(seed: int = 1, series: int = 10, mean: float = 12.0) -> Floats:
    return np.random.default_rng(seed).poisson(mean, (series, T)).astype(float)


def expected(counts: Floats) -> Floats:
    return expect(np.atleast_2d(counts), SAME, WEEKLY).mean


class TestReferencePeriods:
    def test_the_same_week_of_earlier_years_is_the_nearest_monday(self) -> None:
        days = periods(T)
        same = same_periods(days, NOW, 5, "week")
        assert same[0] == NOW
        for years, at in enumerate(same):
            day = as_date(days[NOW])
            anniversary = day.replace(year=day.year - years)
            assert abs((as_date(days[at]) - anniversary).days) <= 3

    def test_a_leap_day_has_its_anniversary_on_the_first_of_march(self) -> None:
        days = periods(T, first=dt.date(2024, 2, 26) - dt.timedelta(weeks=NOW) + dt.timedelta(days=3))  # Thursdays
        assert as_date(days[NOW]) == dt.date(2024, 2, 29)
        assert as_date(days[same_periods(days, NOW, 5, "week")[1]]) == dt.date(2023, 3, 2)

    def test_the_same_month_of_earlier_years_is_twelve_months_back(self) -> None:
        assert same_periods(periods(100, "month"), 99, 3, "month").tolist() == [99, 87, 75, 63]

    def test_a_year_is_a_window_of_seven_weeks_and_nine_equal_parts(self) -> None:
        design = design_of(SAME, WEEKLY)
        season = dict(zip(design.at.tolist(), design.season.tolist(), strict=True))
        year = [season[at] for at in range(SAME[2] - 3, SAME[1] - 3)]
        assert year == [0] * 7 + [part for part in range(1, 10) for _ in range(5)]

    def test_what_is_left_over_of_equal_parts_goes_to_the_first(self) -> None:
        design = design_of(np.array([NOW, NOW - 53]), replace(WEEKLY, guard=3))
        assert np.bincount(design.season)[1:].tolist() == [6, 5, 5, 5, 5, 5, 5, 5, 5]

    def test_the_newest_half_year_and_what_is_older_than_five_years_are_left_out(self) -> None:
        design = design_of(SAME, WEEKLY)
        assert design.at.tolist() == list(range(SAME[5] - 3, NOW - 26))
        assert design.ago[-1] == pytest.approx(-27 / 52)

    def test_every_period_is_in_one_season(self) -> None:
        design = design_of(SAME, WEEKLY)
        assert design.member.sum(1).tolist() == [1.0] * len(design.at)
        assert design.member.argmax(1).tolist() == design.season.tolist()


class TestExpected:
    def test_a_season_that_was_the_same_every_year_is_expected_again_and_gaps_have_no_say(self) -> None:
        design = design_of(SAME, WEEKLY)
        counts = np.zeros((2, T))
        counts[:, design.at] = np.array([7.0, 3, 5, 9, 2, 4, 6, 8, 1, 0])[design.season]
        counts[1, ::9] = np.nan
        found = expect(counts, SAME, WEEKLY)
        assert found.mean == pytest.approx([7.0, 7.0])
        assert found.dispersion.tolist() == [1.0, 1.0]

    def test_a_season_is_followed(self) -> None:
        design = design_of(SAME, WEEKLY)
        counts = quiet()
        counts[:, design.at[design.season == 0]] *= 3
        assert expected(counts).mean() == pytest.approx(36, rel=0.1)

    def test_a_falling_trend_is_followed_and_a_rising_one_too_while_it_leads_nowhere_new(self) -> None:
        yearly = np.exp(0.1 * (np.arange(T) - NOW) / 52)
        rng = np.random.default_rng(4)
        for way in (yearly, 1 / yearly):
            found = expect(rng.poisson(30 * way, (20, T)).astype(float), SAME, WEEKLY)
            assert found.trend.all()
            assert found.mean.mean() == pytest.approx(30, rel=0.1)

    def test_a_trend_that_leads_above_every_count_there_was_is_dropped(self) -> None:
        counts = np.round(40 * np.exp(0.5 * (np.arange(T) - NOW) / 52))[None]
        found = expect(counts, SAME, WEEKLY)
        assert not found.trend.any()
        assert found.mean < counts[0, design_of(SAME, WEEKLY).at].max()

    def test_a_surge_of_the_last_half_year_does_not_hide_itself(self) -> None:
        counts = quiet()
        surged = counts.copy()
        surged[:, NOW - 26 :] *= 4
        assert expected(surged).tolist() == expected(counts).tolist()

    def test_a_surge_of_the_past_weighs_little(self) -> None:
        """Seven of the 35 counts of this season ten times as high make their mean nearly three times what it was."""
        counts = quiet()
        surged = counts.copy()
        surged[:, SAME[2] - 3 : SAME[2] + 4] *= 10
        plain = expect(surged, SAME, replace(WEEKLY, surge_at=np.inf)).mean
        assert (plain > 2.3 * expected(counts)).all()
        assert (expected(surged) < 0.75 * plain).all()

    def test_series_do_not_know_each_other(self) -> None:
        counts = quiet()
        counts[3] = 0
        counts[5, :-1] *= 50
        for row in (0, 4, 5, 9):
            assert expected(counts)[row] == pytest.approx(expected(counts[row])[0], rel=1e-9)

    @given(arrays(float, (3, T), elements=st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.0, 90.0, np.nan])))
    def test_whatever_the_counts_there_are_numbers_or_no_fit(self, counts: Floats) -> None:
        found = expect(counts, SAME, WEEKLY)
        fitted = np.isfinite(found.mean)
        assert (found.mean[fitted] >= 0).all()
        assert (found.dispersion[fitted] >= 1).all() and np.isfinite(found.dispersion[fitted]).all()
        events = np.nansum(counts[:, design_of(SAME, WEEKLY).at], axis=1)
        assert not (found.trend & (events == 0)).any()


class TestPValues:
    cells = given(
        st.integers(0, 300), st.floats(0.01, 200), st.one_of(st.just(1.0), st.floats(1.01, 20)), st.floats(0.001, 0.2)
    )

    @cells
    def test_up_and_down_share_one_distribution(self, count: int, mean: float, phi: float, alpha: float) -> None:
        y, m, p = np.array([float(count)]), np.array([mean]), np.array([phi])
        assert tail(y, m, p, "down") + tail(y + 1, m, p, "up") == pytest.approx(1, abs=1e-9)

    @cells
    def test_a_count_is_past_the_bound_when_its_p_value_is_within_alpha(
        self, count: int, mean: float, phi: float, alpha: float
    ) -> None:
        y, m, p = np.array([float(count)]), np.array([mean]), np.array([phi])
        p_value = tail(y, m, p, "up")
        if abs(p_value[0] / alpha - 1) > 1e-6:
            assert (y > bound(m, p, 1 - alpha)) == (p_value <= alpha)

    def test_no_event_is_never_too_many_and_every_p_value_is_above_zero(self) -> None:
        y, one = np.array([0.0, 5000.0]), np.ones(2)
        assert tail(y, one, one, "up")[0] == 1
        assert tail(y, one, 1.5 * one, "up")[1] > 0
        assert tail(np.zeros(2), np.array([5000.0, 1]), one, "down")[0] > 0


class TestJudgement:
    def test_with_less_than_five_years_and_three_weeks_it_is_not_run(self) -> None:
        signals, missed = detect(panel(quiet()[:, :182]), Limits(1.0, 104), NOBODY)
        assert signals == []
        assert missed == [
            NotRun(SeriesKey(f"m{i}"), "farrington", "too little history: 181 periods, 264 needed") for i in range(10)
        ]

    def test_a_series_that_began_later_than_the_others_waits_for_its_own_five_years(self) -> None:
        counts = quiet()
        counts[0] = missing_before(counts[[0]], 40)[0]
        judged = judge(panel(counts), 10, "up", 104)
        assert judged.reasons[0, 0].startswith("too little history: 250 periods, 26")
        assert judged.reasons[0, 9].startswith("too little history: 259 periods, 26")
        assert (judged.reasons[1:] == "").all()

    def test_a_series_new_to_its_season_has_no_fit_and_says_so(self) -> None:
        counts = np.zeros((1, T))
        counts[0, 5] = 3
        assert judge(panel(counts), 1, "up", 104).reasons[0, 0].startswith("no fit")

    def test_fewer_than_five_events_in_four_weeks_are_no_rise(self) -> None:
        counts = quiet(series=2, mean=0.2)
        counts[:, -4:] = [[0, 0, 0, 4], [0, 0, 1, 4]]
        judged = judge(panel(counts), 1, "up", 104)
        assert judged.p_value[0, 0] == 1 and judged.score[0, 0] == 0
        assert judged.p_value[1, 0] < 0.001

    def test_a_gap_among_the_last_four_weeks_does_not_silence_a_rise(self) -> None:
        counts = quiet()
        counts[:, -2], counts[:, -1] = np.nan, 60
        assert (judge(panel(counts), 1, "up", 104).p_value < 1e-6).all()

    def test_a_fall_to_nothing_is_a_fall(self) -> None:
        counts = quiet()
        counts[:, -4:] = 0
        assert (judge(panel(counts), 1, "down", 104).p_value < 1e-3).all()
        assert (judge(panel(counts), 1, "up", 104).p_value == 1).all()

    def test_months_are_judged_too(self) -> None:
        counts = overdispersed(np.random.default_rng(3), 100.0, 3.0, (5, 90))
        counts[:, -1] *= 2
        some = panel(counts, step="month")
        assert (judge(some, 1, "up", 36).p_value < 0.001).all()
        assert judge(some.until(61), 1, "up", 36).reasons[0, 0] == "too little history: 60 periods, 61 needed"


class TestSignals:
    def surged(self, provisional: int = 0) -> Panel:
        counts = quiet(series=3)
        counts[:, -6:] = np.round(counts[:, -6:] * 2.5 + 5)
        return panel(counts, provisional=provisional)

    def test_a_surge_is_told_from_its_week_or_from_an_earlier_onset(self) -> None:
        some = self.surged()
        first = next(s for s in detect(some, Limits(0.2, 104), NOBODY)[0] if s.direction == "up")
        row = some.row(first.key)
        assert (first.onset, first.total) == (first.period, first.observed)
        assert first.lower < first.expected < first.upper < first.observed
        told = since(some, first, as_date(some.periods[-6]))
        assert told.total == some.count[row, -6:].sum()
        assert told.total_expected == pytest.approx(judge(some, 6, "up", 0).expected[row].sum())

    def test_large_families_are_capped_in_the_evidence_and_whole_in_the_figures(self) -> None:
        some = self.surged()
        capped = replace(some, capped=np.minimum(some.count, 20))
        found, usual = (
            {s.key: s for s in detect(one, Limits(0.5, 104), NOBODY)[0] if s.direction == "up"}
            for one in (capped, some)
        )
        signal = found[SeriesKey("m1")]
        assert signal.observed == some.count[1, -1] > 20
        assert signal.p_value > usual[SeriesKey("m1")].p_value

    def test_a_fall_is_looked_for_where_weeks_are_final(self) -> None:
        some = self.surged(provisional=1)
        count = some.count.copy()
        count[:, -1] = 0
        signals = detect(replace(some, count=count, capped=count), Limits(0.01, 104), NOBODY)[0]
        assert [signal for signal in signals if signal.direction == "down"] == []
