"""The account of the forecasts: what was said stays, what came is what is known now, and small numbers stay hidden."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_panels import FIRST, panel, periods, slice_key

from forecaster.accounts import FEWEST, SAID, SCORES, Said, account, at_horizons, disclosed, own_series, summary
from forecaster.measures import Measure, plain_measure
from forecaster.scores import weighted_interval_score
from forecaster.types import QUANTILES, Floats, Forecasts, Panel, SeriesKey, as_date

T = 60
STARTS, ENDS, OPEN = SeriesKey("plan_starts"), SeriesKey("plan_ends"), SeriesKey("plans_open")
SPREAD = 4.0 * np.arange(-4, 5)  # what is said lies so far around the median
CATALOGUE = {
    "plan_starts": plain_measure("plan_starts", "flow").model_copy(update={"event": "plan_start"}),
    "plan_ends": plain_measure("plan_ends", "flow").model_copy(update={"event": "plan_end"}),
    "plans_open": Measure(kind="stock", title="Open plans", one="", many="", opens="plan_start", closes="plan_end"),
}


def said(origin: int, medians: Floats, key: SeriesKey = STARTS, horizon: int = 3, **more: object) -> Said:
    """What is said after period number `origin`: of every period ahead the same."""
    ahead = periods(T + 20)[origin + 1 : origin + 1 + horizon]
    values = np.maximum(np.atleast_1d(medians)[:, None, None] + np.zeros((1, horizon, 1)) + SPREAD, 0.0)
    first = as_date(periods(T)[origin])
    return Said("week", Forecasts((key,), first, ahead, values, ("level 61%",), **more))  # type: ignore[arg-type]


def counted(count: Floats, key: SeriesKey = STARTS, provisional: int = 0) -> Panel:
    return panel(count, keys=[key], provisional=provisional)


def cell(table: pd.DataFrame, origin: int, ahead: int) -> pd.Series:
    day = pd.Timestamp(as_date(periods(T)[origin]))
    [row] = table[(table["origin"] == day) & (table["ahead"] == ahead)].index
    return table.loc[row]


# What was said and what came


def test_a_row_holds_what_was_said_and_what_came() -> None:
    counts = np.arange(T) + 20.0
    table = account([said(30, np.array([40.0]))], [counted(counts)])
    assert len(table) == 3
    row = cell(table, 30, 2)
    assert row["period"] == pd.Timestamp(FIRST + dt.timedelta(weeks=32))
    assert row[["median", "lower95", "upper95", "lower80", "upper80"]].tolist() == [40, 24, 56, 32, 48]
    assert (row["actual"], row["reason"], row["model"], row["council"]) == (52, "", "level 61%", "")
    assert (row["held95"], row["held80"], row["held50"], row["above"]) == (1, 0, 0, 1)


def test_scores_are_shares_of_the_mean_of_the_history_up_to_the_origin() -> None:
    counts = np.concatenate([np.full(31, 10.0), np.full(T - 31, 90.0)])
    row = cell(account([said(30, np.array([40.0]))], [counted(counts)]), 30, 1)
    assert row["level"] == 10
    assert row["wis"] == pytest.approx(float(weighted_interval_score(40 + SPREAD, np.array(90.0))) / 10)
    assert (row["error"], row["bias"]) == (5, -5)


def test_a_period_that_has_not_come_may_still_grow_or_is_missing_is_not_scored() -> None:
    counts = np.full(T, 20.0)
    counts[56] = np.nan
    table = account([said(55, np.array([20.0]), horizon=6)], [counted(counts, provisional=1)])
    assert table["reason"].tolist() == ["missing", "", "", "not yet", "not yet", "not yet"]
    assert table["wis"].notna().tolist() == table["actual"].notna().tolist() == [False, True, True, False, False, False]
    assert table["median"].notna().all()


def test_data_that_come_late_change_what_came_and_not_what_was_said() -> None:
    early = np.random.default_rng(1).poisson(30, T).astype(float)
    late = early.copy()
    late[33] += 7
    tables = [account([said(30, np.array([30.0]))], [counted(counts)]) for counts in (early, late)]
    assert tables[0][["origin", "period", *SAID]].equals(tables[1][["origin", "period", *SAID]])
    assert (tables[1]["actual"] - tables[0]["actual"]).tolist() == [0, 0, 7]


def test_of_two_forecasts_from_one_origin_the_first_stands() -> None:
    table = account([said(30, np.array([40.0])), said(30, np.array([50.0]))], [counted(np.full(T, 50.0))])
    assert table["median"].tolist() == [40.0] * 3


def test_a_series_is_looked_up_in_the_first_panel_that_has_it() -> None:
    panels = [counted(np.full(T, 50.0)), counted(np.full(T - 10, 7.0))]
    table = account([said(45, np.array([40.0]), horizon=6)], panels)
    assert table["actual"].tolist() == [50.0] * 6


def test_weeks_and_months_are_not_mixed_up() -> None:
    monthly = panel(np.full(T, 200.0), keys=[STARTS], step="month")
    table = account([said(30, np.array([40.0]))], [monthly, counted(np.full(T, 50.0))])
    assert set(table["step"]) == {"week"} and table["actual"].tolist() == [50.0] * 3


def test_a_forecast_that_kept_its_record_says_so() -> None:
    table = account([said(30, np.array([40.0]), coverage=np.array([0.93]))], [counted(np.full(T, 50.0))])
    assert table["record95"].tolist() == [0.93] * 3
    assert account([said(30, np.array([40.0]))], [counted(np.full(T, 50.0))])["record95"].isna().all()


def test_slices_have_no_account() -> None:
    north = slice_key("plan_starts", "locality", "North")
    slices = panel(np.full((2, T), 50.0), keys=[STARTS, north])
    assert account([said(30, np.array([40.0]), key=north)], [slices]).empty


def test_of_a_share_the_count_is_scored_and_not_shown() -> None:
    share = panel(np.full(T, 30.0), "share", of=np.full(T, 50.0), keys=[STARTS])
    table = account([said(30, np.array([40.0]))], [share])
    assert table["actual"].tolist() == [30.0] * 3 and table["bias"].tolist() == pytest.approx([1 / 3] * 3)
    found = disclosed(table, {}, 5)
    assert found[["actual", *SCORES]].isna().all(axis=None) and found[SAID].notna().all(axis=None)
    assert found["reason"].tolist() == ["part of another count"] * 3


def test_where_there_are_several_councils_each_has_its_own_account() -> None:
    ash, elm = (slice_key("plan_starts", "council", name) for name in ("Ash", "Elm"))
    assert own_series([STARTS, ash, OPEN, elm]) == [1, 3, 2]
    kept = [said(30, np.array([40.0]), key=key) for key in (STARTS, ash, elm)]
    table = account(kept, [panel(np.full((3, T), 50.0), keys=[STARTS, ash, elm])])
    assert table["council"].tolist() == ["Ash"] * 3 + ["Elm"] * 3


def test_no_forecasts_make_an_empty_account() -> None:
    assert summary(at_horizons(account([], [])), ["step", "measure", "ahead"]).empty


# Summaries


def ideal(seed: int = 1, weeks: int = T) -> pd.DataFrame:
    """Counts from a distribution that was said exactly."""
    counts = np.random.default_rng(seed).normal(100, 10, (1, weeks))
    quantiles = 100 + 10 * np.array([-1.95996, -1.64485, -1.28155, -0.67449, 0, 0.67449, 1.28155, 1.64485, 1.95996])
    kept = [replace(one, forecasts=replace(one.forecasts, values=np.broadcast_to(quantiles, (1, 3, len(QUANTILES)))))
            for one in (said(origin, np.array([100.0])) for origin in range(weeks - 1))]  # fmt: skip
    return account(kept, [counted(counts)])


def test_coverage_of_a_summary_is_the_share_of_bands_that_held() -> None:
    table = pd.concat([ideal(seed) for seed in range(12)])
    found = summary(table, ["measure", "ahead"])
    assert list(found["due"]) == [12 * 59, 12 * 58, 12 * 57]
    for name, aim in (("held95", 0.95), ("held80", 0.8), ("held50", 0.5), ("above", 0.5)):
        assert found[name].to_numpy() == pytest.approx(aim, abs=0.04)
    assert found["bias"].to_numpy() == pytest.approx(0, abs=0.01)


def test_a_summary_leaves_out_what_has_not_come() -> None:
    table = account([said(56, np.array([50.0])), said(57, np.array([50.0]))], [counted(np.full(T, 50.0))])
    assert summary(table, ["ahead"])["due"].to_dict() == {1: 2, 2: 2, 3: 1}


def test_people_are_told_of_a_week_a_month_a_quarter_and_half_a_year() -> None:
    table = account([said(20, np.array([50.0]), horizon=40)], [counted(np.full(T, 50.0))])
    assert at_horizons(table)["ahead"].tolist() == [1, 4, 13, 26]
    monthly = panel(np.full(T, 50.0), keys=[STARTS], step="month")
    kept = said(20, np.array([50.0]), horizon=13)
    months = replace(kept.forecasts, origin=as_date(monthly.periods[20]), periods=monthly.periods[21:34])
    table = account([Said("month", months)], [monthly])
    assert at_horizons(table)["ahead"].tolist() == [1, 3, 6, 12]


# Disclosure control


def family(starts: Floats, ends: Floats, before: float = 60.0, said_of: dict[str, float] | None = None) -> pd.DataFrame:
    """An account of starts, ends and what is open after them, from one forecast that has them all come."""
    counts = np.stack([starts, ends, before + np.cumsum(starts - ends)])
    some = panel(counts, ("flow", "flow", "stock"), keys=[STARTS, ENDS, OPEN])
    levels = {"plan_starts": 12.0, "plan_ends": 12.0, "plans_open": 60.0} | (said_of or {})
    kept = [said(0, np.array([levels[key.measure]]), key=key, horizon=len(starts) - 1) for key in some.keys]
    return account(kept, [some])


def shown(table: pd.DataFrame, threshold: int = 5) -> pd.DataFrame:
    """What is shown of each measure (rows are periods), NaN where hidden."""
    return disclosed(table, CATALOGUE, threshold).pivot(index="period", columns="measure", values="actual")


def test_a_small_count_is_blank_and_so_is_all_that_gives_it_away_in_its_row() -> None:
    counts = np.full(T, 20.0)
    counts[31:34] = 5, 0, 6
    found = disclosed(account([said(30, np.array([9.0]))], [counted(counts)]), {}, 5)
    assert found["reason"].tolist() == ["small number", "", ""]
    assert found.loc[0, ["actual", *SCORES]].isna().all()
    assert found.loc[0, SAID].notna().all()
    assert found["actual"].tolist()[1:] == [0, 6]


def test_in_what_is_shown_scores_are_in_counts_since_levels_give_counts_away() -> None:
    found = disclosed(account([said(30, np.array([40.0]))], [counted(np.full(T, 50.0))]), {}, 5)
    assert "level" not in found
    assert found["bias"].tolist() == [-10.0] * 3 and found["error"].tolist() == [10.0] * 3
    assert found["wis"].iloc[0] == pytest.approx(float(weighted_interval_score(40 + SPREAD, np.array(50.0))))


def test_starts_are_hidden_with_small_ends_for_what_is_open_gives_them_away() -> None:
    found = shown(family(np.array([9.0, 8, 12, 10, 9]), np.array([9.0, 9, 3, 8, 7])))
    assert found["plan_starts"].isna().tolist() == found["plan_ends"].isna().tolist() == [True, True, False, False]
    assert found["plans_open"].notna().all()


def test_beside_a_small_level_starts_and_ends_are_hidden() -> None:
    table = family(np.array([0.0, 7, 9, 12, 11]), np.array([0.0, 8, 14, 6, 6]), before=10.0)
    found = shown(table)
    assert found["plans_open"].isna().tolist() == [False, True, False, False]  # 9, 4, 10, 15
    assert found["plan_starts"].isna().tolist() == [True, True, True, False]


def test_the_first_starts_and_ends_are_hidden_since_they_tell_what_was_open_before() -> None:
    found = shown(family(np.full(4, 20.0), np.full(4, 8.0), before=-8.0))  # 4 before the first that is shown
    assert found["plan_starts"].isna().tolist() == found["plan_ends"].isna().tolist() == [True, False, False]


def test_what_was_said_of_a_small_level_is_not_shown_either() -> None:
    table = family(np.full(4, 9.0), np.full(4, 9.0), before=9.0, said_of={"plans_open": 4.0})
    found = disclosed(table, CATALOGUE, 5)
    stock = found["measure"] == "plans_open"
    assert found.loc[stock, SAID].isna().all(axis=None) and (found.loc[stock, "reason"] == "small number").all()
    assert found.loc[~stock, SAID].notna().all(axis=None)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=12), st.integers(0, 30))
def test_no_hidden_count_can_be_worked_out_from_what_is_shown(flows: list[tuple[int, int]], before: int) -> None:
    """Open after = open before + starts - ends: where two of starts, ends and the change are known, so is the third."""
    starts, ends = (np.array(some, float) for some in zip(*flows, strict=True))
    table = family(starts, ends, before + ends.sum())
    seen, truth = shown(table), table.pivot(index="period", columns="measure", values="actual")
    change = seen["plans_open"].diff()
    worked_out = {
        "plan_starts": change + seen["plan_ends"],
        "plan_ends": seen["plan_starts"] - change,
        "plans_open": (seen["plans_open"].shift() + seen["plan_starts"] - seen["plan_ends"]).fillna(
            (seen["plans_open"] - seen["plan_starts"] + seen["plan_ends"]).shift(-1)
        ),
    }
    for name, known in worked_out.items():
        known = known.fillna(seen[name])
        assert not known[truth[name].between(1, 5)].notna().any()


def test_counts_of_another_council_do_not_hide_these() -> None:
    ash, elm = (slice_key("plan_starts", "council", name) for name in ("Ash", "Elm"))
    some = panel(np.array([np.full(T, 3.0), np.full(T, 30.0)]), keys=[ash, elm])
    table = account([said(30, np.array([9.0]), key=key) for key in (ash, elm)], [some])
    assert disclosed(table, CATALOGUE, 5)["actual"].tolist()[3:] == [30.0] * 3


def test_an_account_in_which_nothing_has_come_can_be_shown() -> None:
    table = account([said(T - 1, np.array([50.0]))], [counted(np.full(T, 50.0))])
    found = disclosed(table, CATALOGUE, 5)
    assert found["reason"].tolist() == ["not yet"] * 3 and found[SAID].notna().all(axis=None)


def test_the_shown_account_leaves_the_whole_one_as_it_was() -> None:
    table = account([said(30, np.array([4.0]))], [counted(np.full(T, 3.0))])
    before = table.copy()
    disclosed(table, CATALOGUE, 5)
    assert table.equals(before) and len(table) < FEWEST
