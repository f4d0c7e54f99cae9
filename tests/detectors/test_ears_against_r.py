"""The same bounds and alarms as R's earsC, on every week that it was run on."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from made_panels import panel
from r_vectors import EARS, counts, ears, known
from scipy import stats

from forecaster.detectors import ears_c1, ears_c2, ears_c3
from forecaster.detectors._ears import GAP, before, excess, scores
from forecaster.types import Floats

SERIES = tuple(EARS["series"].unique())
every_series = pytest.mark.parametrize("series", SERIES)
every_alpha = pytest.mark.parametrize("alpha", [0.001, 0.01])


def at_weeks(values: Floats, rows: pd.DataFrame) -> Floats:
    return values[0, rows["at"]]


@every_alpha
@every_series
@pytest.mark.parametrize(("method", "gap"), [("C1", 0), ("C2", GAP)])
def test_the_bounds_of_c1_and_c2_are_those_of_r(series: str, method: str, gap: int, alpha: float) -> None:
    rows = ears(series, method, alpha)
    mean, spread = (at_weeks(values, rows) for values in before(counts(series)[None], gap))
    assert mean + stats.norm.isf(alpha) * spread == pytest.approx(known(rows["stat"]), rel=1e-6)


@every_alpha
@every_series
def test_the_bounds_of_c3_are_those_of_r(series: str, alpha: float) -> None:
    """R has none after seven equal weeks."""
    rows, y = ears(series, "C3", alpha), counts(series)[None]
    spread, above = before(y, GAP)[1], excess(scores(y, GAP))
    with np.errstate(invalid="ignore"):
        ours = at_weeks(np.maximum(y + spread * (stats.norm.isf(alpha) - above), 0), rows)
    told = rows["stat"].notna() & np.isfinite(ours)
    assert told.mean() > 0.5
    assert ours[told] == pytest.approx(known(rows.loc[told, "stat"]), rel=1e-6, abs=1e-6)


@every_alpha
@every_series
@pytest.mark.parametrize(("method", "detector"), [("C1", ears_c1), ("C2", ears_c2), ("C3", ears_c3)])
def test_alarms_are_those_of_r(series: str, method: str, detector: ModuleType, alpha: float) -> None:
    rows = ears(series, method, alpha)
    judged = detector.judge(panel(counts(series)), len(counts(series)), "up", 20)
    told = rows["alarm"].notna().to_numpy()
    alarms = at_weeks(judged.p_value, rows)[told] <= alpha
    assert alarms.astype(int).tolist() == rows.loc[told, "alarm"].astype(int).tolist()


def test_the_vectors_hold_alarms_of_each() -> None:
    assert (EARS.groupby("method")["alarm"].sum() > 20).all()
