"""The account of the forecasts: what was said each time against what came, as far as the newest knowledge goes.

Series are the council's own (each council's where there are several). Slices have no account: most of their counts are
small, and those that are not give the others away. Of a share the count is what was forecast and what came.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.measures import Measure
from forecaster.scores import Scores, interval, level_so_far, score
from forecaster.suppress import small
from forecaster.types import QUANTILES, Floats, Forecasts, Panel, SeriesKey, Step

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

HORIZONS: dict[Step, tuple[int, ...]] = {"week": (1, 4, 13, 26), "month": (1, 3, 6, 12)}
FEWEST = 13  # forecasts that must have come due before a score is told: fewer say nothing, and may give a count away
SCORES = ("wis", "error", "bias", "above", "held95", "held80", "held50")
SAID = ["median", "lower80", "upper80", "lower95", "upper95"]
SERIES = ["step", "measure", "council"]
NOT_YET, MISSING, SMALL, PART = "not yet", "missing", "small number", "part of another count"


@dataclass(frozen=True)
class Said:
    """One forecast that was kept, and the step of its periods."""

    step: Step
    forecasts: Forecasts


def account(kept: Iterable[Said], panels: Sequence[Panel]) -> pd.DataFrame:
    """Returns a row for each series, origin and period ahead: what was said and, as far as known, what came.

    kept: in the order in which they were said; of two from one origin the first stands. panels: of the newest
    knowledge; a series is looked up in the first that has it.

    Columns: step, measure, council ("" for the only one), kind, origin, ahead (in periods), period; median, lower80,
    upper80, lower95, upper95; model and record95, what the forecast said of itself; actual, or the `reason` why there
    is none ("not yet", as for the newest periods that may still grow, or "missing"); the scores of `scores.Scores`; and
    `level` that they are shares of.
    """
    kept = list(kept)
    frames = [
        pd.DataFrame(_columns(said, panel, rows))
        for panel, mine in _apportioned(panels)
        for said in kept
        if said.step == panel.step and (rows := _rows(said.forecasts, mine))
    ]
    if not frames:
        return pd.DataFrame(
            columns=[*SERIES, "kind", "origin", "ahead", "period", "actual", "reason", *SCORES, "level"]
        )
    table = pd.concat(frames, ignore_index=True)
    table = table.drop_duplicates([*SERIES, "origin", "ahead"])
    return table.sort_values([*SERIES, "origin", "ahead"], kind="stable", ignore_index=True)


def own_series(keys: Sequence[SeriesKey]) -> list[int]:
    """Returns which series are the council's own: the councils' where a measure has several, else the whole."""
    councils = [i for i, key in enumerate(keys) if key.is_council and key.council]
    several = {keys[i].measure for i in councils}
    return councils + [i for i, key in enumerate(keys) if not key.slice and key.measure not in several]


def _apportioned(panels: Sequence[Panel]) -> Iterator[tuple[Panel, dict[SeriesKey, int]]]:
    """Each panel with its own series that no earlier panel of the same step has."""
    seen: set[tuple[Step, SeriesKey]] = set()
    for panel in panels:
        found = {panel.keys[i]: i for i in own_series(panel.keys)}
        mine = {key: i for key, i in found.items() if (panel.step, key) not in seen}
        seen |= {(panel.step, key) for key in mine}
        yield panel, mine


def _rows(forecasts: Forecasts, mine: Mapping[SeriesKey, int]) -> list[tuple[int, int]]:
    """Rows of the forecast, each with its row of the panel."""
    return [(i, mine[key]) for i, key in enumerate(forecasts.keys) if key in mine]


def _columns(said: Said, panel: Panel, rows: Sequence[tuple[int, int]]) -> dict[str, object]:
    """One forecast's part of the account: series x periods ahead, flat."""
    forecasts = said.forecasts
    there, here = (np.array(some, np.int64) for some in zip(*rows, strict=True))
    values = forecasts.values[there]
    actual, reason = _came(panel, here, forecasts.periods)
    level = _level(panel, here, forecasts.origin)
    ahead = len(forecasts.periods)

    def each(words: Iterable[str]) -> NDArray[np.object_]:
        return np.repeat(np.array(list(words), object), ahead)

    return {
        "step": panel.step,
        "measure": each(panel.keys[i].measure for i in here),
        "council": each(panel.keys[i].council for i in here),
        "kind": each(panel.kinds[i] for i in here),
        "origin": np.datetime64(forecasts.origin, "s"),
        "ahead": np.tile(np.arange(1, ahead + 1), len(here)),
        "period": np.tile(forecasts.periods.astype("datetime64[s]"), len(here)),
        "median": values[..., QUANTILES.index(0.5)].ravel(),
        **_bands(values),
        "model": each(forecasts.models[i] for i in there),
        "record95": np.repeat(_record(forecasts)[there], ahead),
        "actual": actual.ravel(),
        "reason": reason.ravel(),
        **_flat(score(values, actual, level[:, None])),
        "level": np.repeat(level, ahead),
    }


def _record(forecasts: Forecasts) -> Floats:
    return np.full(len(forecasts.keys), np.nan) if forecasts.coverage is None else forecasts.coverage


def _bands(values: Floats) -> dict[str, Floats]:
    ends = {level: interval(values, level / 100) for level in (80, 95)}
    return {f"{name}{level}": end.ravel() for level, both in ends.items()
            for name, end in zip(("lower", "upper"), both, strict=True)}  # fmt: skip


def _flat(scores: Scores) -> dict[str, Floats]:
    return {name: array.ravel() for name, array in asdict(scores).items()}


def _came(panel: Panel, rows: Ints, periods: NDArray[np.datetime64]) -> tuple[Floats, NDArray[np.object_]]:
    """What came in these periods (S x H), and why it is not known. Periods that may still grow have not come yet."""
    whole = len(panel.periods) - panel.provisional
    at = np.searchsorted(panel.periods, periods)
    over = (at < whole) & (panel.periods[np.minimum(at, len(panel.periods) - 1)] == periods)
    actual = np.full((len(rows), len(periods)), np.nan)
    actual[:, over] = panel.count[rows[:, None], at[over]]
    reason = np.where(np.isnan(actual), np.where(over, MISSING, NOT_YET), "").astype(object)
    return actual, reason


def _level(panel: Panel, rows: Ints, origin: dt.date) -> Floats:
    """The mean of each series' history up to the origin."""
    seen = int(np.searchsorted(panel.periods, np.datetime64(origin), "right"))
    return level_so_far(panel.count[rows][:, :seen])[:, -1] if seen else np.full(len(rows), np.nan)


def summary(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Returns of each group of rows how many forecasts came due and the mean of each score.

    The mean of a held column is the coverage. Rows that have not come due, or have no usual level, are left out.
    """
    due = table[table["wis"].notna()].groupby(list(by), sort=False)
    return due.agg(due=("wis", "size"), **{name: (name, "mean") for name in SCORES})


def at_horizons(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of the horizons that people are told of: 1, 4, 13 and 26 weeks, or 1, 3, 6 and 12 months."""
    told = [(table["step"] == step) & table["ahead"].isin(some) for step, some in HORIZONS.items()]
    return table[np.logical_or.reduce(told)]


# Disclosure control


def disclosed(table: pd.DataFrame, catalogue: Mapping[str, Measure], threshold: int) -> pd.DataFrame:
    """Returns the account as it may be read: counts from 1 to `threshold` and all that gives them away are blank.

    That is the row's scores, which with the median give the count back; the other flow of a stock whose change is
    shown, and both flows beside a hidden level; and what was said of a small level, which is close to the level itself.
    `reason` then says "small number", or "part of another count" for the counts of shares, none of which is shown.
    Scores are in counts, since two usual levels in turn give away what came between.
    """
    counts = table.dropna(subset=["actual"]).drop_duplicates([*SERIES, "period"])
    wide = counts.pivot(index=["step", "council", "period"], columns="measure", values="actual")
    hidden = pd.DataFrame(_hidden(wide, catalogue, threshold), wide.index, wide.columns).stack().astype(bool)
    cells = pd.MultiIndex.from_frame(table[["step", "council", "period", "measure"]])
    levels = (table["kind"] == "stock") & small(table["median"].to_numpy(), threshold)
    parts = (table["kind"] == "share") & table["actual"].notna()
    out = (hidden.reindex(cells, fill_value=False).to_numpy(bool) & table["actual"].notna()) | levels | parts
    in_counts = {name: table[name] * table["level"] for name in ("wis", "error", "bias")}
    shown = table.assign(**in_counts).drop(columns="level")
    shown.loc[out, ["actual", *SCORES]] = np.nan
    shown.loc[levels, SAID] = np.nan
    shown.loc[out, "reason"] = SMALL
    shown.loc[parts, "reason"] = PART
    return shown


def _hidden(wide: pd.DataFrame, catalogue: Mapping[str, Measure], threshold: int) -> Bools:
    """Which counts to hide, periods (of each council, in order) x measures."""
    own = small(wide.to_numpy(float), threshold)
    hidden = own.copy()
    place = {name: i for i, name in enumerate(wide.columns)}
    for stock, flows in families(catalogue).items():
        some = [place[name] for name in flows if name in place]
        level = pd.Series(own[:, place[stock]] if stock in place else False, wide.index)
        before = level.groupby(level=["step", "council"]).shift(fill_value=stock in place)  # who knows what was before
        beside = own[:, some].any(1) | level.to_numpy() | before.to_numpy()
        hidden[:, some] |= beside[:, None]
    return hidden


def families(catalogue: Mapping[str, Measure]) -> dict[str, tuple[str, ...]]:
    """Returns each stock with the flows that its changes are made of."""
    events = {
        measure.event: name for name, measure in catalogue.items() if measure.kind == "flow" and not measure.where
    }
    stocks = {name: measure for name, measure in catalogue.items() if measure.kind == "stock" and not measure.where}
    return {
        name: tuple(events[event] for event in (stock.opens, stock.closes) if event in events)
        for name, stock in stocks.items()
        if not stock.open_at_least_days
    }
