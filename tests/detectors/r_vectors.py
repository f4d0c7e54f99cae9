"""What R's package surveillance (1.20.3) says of seven public weekly series that come with it, and of three simulated.

r_series: the series; those with dates were judged by date, the others as 52 weeks a year. r_farrington_flexible:
nbPlugin thresholds of two settings. r_ears: C1 to C3 at two alphas; stat is the upper bound. r_simulated: -log10 p of
the newest 49 weeks for what the real series lack: rare events, strong seasons, weeks in which the trend is dropped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from made_panels import panel

from forecaster.types import Floats, Panel

HERE = Path(__file__).parent


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / f"r_{name}.csv.gz")


SERIES, FARRINGTON, EARS, SIMULATED = (_read(name) for name in ("series", "farrington_flexible", "ears", "simulated"))
BY_DATE = tuple(SERIES.loc[SERIES["date"].notna(), "series"].unique())
BY_INDEX = tuple(SERIES.loc[SERIES["date"].isna(), "series"].unique())


def counts(series: str) -> Floats:
    return SERIES.loc[SERIES["series"] == series, "observed"].to_numpy(float)


def dated(series: str) -> Panel:
    """A series by date as the panel of one flow."""
    first = SERIES.loc[SERIES["series"] == series, "date"].iloc[0]
    return panel(counts(series), first=pd.Timestamp(first).date())


def farrington(series: str, setting: str) -> pd.DataFrame:
    """R's rows, one a week; `at` is where the week stands in the series."""
    return _rows(FARRINGTON, series, "setting", setting)


def ears(series: str, method: str, alpha: float) -> pd.DataFrame:
    return _rows(EARS, series, "method", f"ears{method}_a{alpha:g}")


def _rows(table: pd.DataFrame, series: str, column: str, value: str) -> pd.DataFrame:
    rows = table[(table["series"] == series) & (table[column] == value)]
    assert len(rows) > 10
    return rows.assign(at=rows["k"] - 1).reset_index(drop=True)


def known(values: pd.Series) -> Floats:
    """A column with NaN where R says NA."""
    return np.asarray(values, float)
