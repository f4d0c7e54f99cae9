"""The same numbers as R's farringtonFlexible, on every week that it was run on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from r_vectors import BY_DATE, BY_INDEX, SIMULATED, counts, dated, farrington, known

from forecaster.detectors.farrington import SETTINGS, Expected, Settings, bound, expect, judge, same_periods, tail

# The service's own (Noufaily's, as the package's vignette has them, over five years), and the vignette's over four.
ALPHA = {"noufaily_a005": 0.005, "noufaily_b4_vignette": 0.05}
AS_IN_R = {"noufaily_a005": SETTINGS["week"], "noufaily_b4_vignette": Settings(years=4, fewest=(0, 50))}

every_case = pytest.mark.parametrize("setting", AS_IN_R)
every_series = pytest.mark.parametrize("series", BY_DATE + BY_INDEX)


@cache
def found(series: str, setting: str) -> tuple[pd.DataFrame, Expected]:
    """R's rows and ours, in the same order."""
    rows, ours, settings, y = farrington(series, setting), [], AS_IN_R[setting], counts(series)[None]
    days = dated(series).periods if series in BY_DATE else None
    for at in rows["at"]:
        by_index = at - 52 * np.arange(settings.years + 1)
        same = by_index if days is None else same_periods(days, at, settings.years, "week")
        ours.append(expect(y, same, settings))
    joined = (np.concatenate([getattr(one, name) for one in ours]) for name in ("mean", "dispersion", "trend"))
    return rows, Expected(*joined)


@every_case
@every_series
def test_mean_dispersion_and_trend_are_those_of_r(series: str, setting: str) -> None:
    rows, ours = found(series, setting)
    assert ours.mean == pytest.approx(known(rows["mu0"]), rel=1e-6)
    assert ours.dispersion == pytest.approx(known(rows["phi"]), rel=1e-6)
    assert ours.trend.astype(int).tolist() == rows["trend_used"].tolist()


@every_case
@every_series
def test_bounds_and_p_values_are_those_of_r(series: str, setting: str) -> None:
    rows, ours = found(series, setting)
    observed = counts(series)[rows["at"]]
    upper, told = bound(ours.mean, ours.dispersion, 1 - ALPHA[setting]), rows["upperbound"].notna()
    assert told.any()
    assert upper[told].tolist() == rows.loc[told, "upperbound"].tolist()
    assert tail(observed, ours.mean, ours.dispersion, "up") == pytest.approx(known(rows["pvalue"]), rel=1e-6)


@pytest.mark.parametrize("series", BY_DATE)
def test_a_series_as_it_is_watched_alarms_when_r_does(series: str) -> None:
    """From the panel on: weeks found by date, a p-value of 1 where R gives no bound (fewer than five in four weeks)."""
    rows = farrington(series, "noufaily_a005")
    some = dated(series).until(rows["at"].iloc[-1] + 1)
    judged = judge(some, len(rows), "up", 104)
    assert (judged.reasons == "").all()
    assert judged.expected[0] == pytest.approx(known(rows["mu0"]), rel=1e-6)
    assert (judged.p_value[0] <= 0.005).astype(int).tolist() == rows["alarm"].tolist()
    p_value = np.where(rows["upperbound"].notna(), rows["pvalue"], 1.0)
    assert judged.p_value[0] == pytest.approx(p_value, rel=1e-6)


@pytest.mark.parametrize("series", SIMULATED["series"].unique())
def test_rare_events_seasons_and_dropped_trends_are_judged_as_in_r(series: str) -> None:
    rows = SIMULATED[SIMULATED["series"] == series].reset_index(drop=True)
    y = rows["observed"].to_numpy(float)
    for at in rows.index[rows["score"].notna()]:
        ours = expect(y[None], at - 52 * np.arange(6), SETTINGS["week"])
        p_value = tail(y[[at]], ours.mean, ours.dispersion, "up")
        assert -np.log10(p_value) == pytest.approx(rows.loc[at, "score"], abs=1e-4)


def test_the_vectors_hold_what_they_are_to_tell_apart() -> None:
    rows = pd.concat(farrington(series, setting) for series in BY_DATE + BY_INDEX for setting in AS_IN_R)
    assert rows["alarm"].sum() > 50
    assert (rows["phi"] > 1).any() and (rows["phi"] == 1).any()
    assert rows["upperbound"].isna().any()
    first = SIMULATED.loc[SIMULATED["series"] == "simulated1", "observed"].to_numpy(float)
    trends = [expect(first[None], at - 52 * np.arange(6), SETTINGS["week"]).trend for at in range(575, 624)]
    assert not np.all(trends)
