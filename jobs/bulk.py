"""The bulk tools: detection and forecasts over a totals CSV, nothing stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from forecaster.detectors import drift, surge
from forecaster.measures import panel_from_totals
from forecaster.read import open_extract
from forecaster.settings import Settings
from forecaster.types import DIMENSIONS, QUANTILES, Direction, Floats, InputError, Judgement, NotRun, Panel, Step

Missing = Literal["gap", "zero"]
Side = Literal["up", "down", "both"]
Progress = Callable[[int, int], None]
EDGES: dict[Step, str] = {"week": "a Monday", "month": "the 1st of a month"}


def read_totals(path: Path, settings: Settings, today: dt.date, period: Step | None, missing: Missing) -> Panel:
    """Returns the panel of a totals CSV; InputError if it is none, if a row is bad or if it mixes weeks and months."""
    extract = open_extract(path, b"no identifiers in totals", today=today, period=period)
    if extract.kind != "totals":
        raise InputError(
            path.name, f"this is {extract.source}, not totals", "give a CSV of week or month, measure, count"
        )
    batches = list(extract.batches)
    bad = next((reject for batch in batches for reject in batch.rejects), None)
    if bad:
        raise InputError(path.name, f"{bad.place}: {bad.reason}", bad.remedy, column=bad.column)
    frame = pd.concat([batch.frame for batch in batches], ignore_index=True) if batches else None
    panels = panel_from_totals(frame, missing=missing, measures=settings.catalogue) if frame is not None else []
    if len(panels) != 1:
        raise InputError(path.name, "there is no total in it", "give a row for each measure and period")
    return panels[0]


def min_history(settings: Settings, step: Step) -> int:
    """Returns how many periods a series needs to be judged."""
    detection = settings.detection
    return detection.min_history_weeks if step == "week" else detection.min_history_months


def detect(panel: Panel, last: int, direction: Side, alpha: float, history: int) -> pd.DataFrame:
    """Returns a row for each series and each of its last periods, each judged from earlier periods only."""
    last = min(last, len(panel.periods))
    parts = []
    for kinds, judge in ((surge.KINDS, surge.judge), (drift.KINDS, drift.judge)):
        some = panel.select(np.flatnonzero(panel.is_kind(*kinds)))
        if some.keys:
            sides: tuple[Direction, ...] = ("up", "down") if direction == "both" else (direction,)
            parts.append(_table(some, last, _stronger([judge(some, last, side, history) for side in sides]), alpha))
    return pd.concat(parts, ignore_index=True)


def _stronger(sides: Sequence[Judgement]) -> Judgement:
    """One judgement of both directions: the smaller p-value, doubled for having looked twice."""
    if len(sides) == 1:
        return sides[0]
    p_value = np.minimum(2 * np.fmin(sides[0].p_value, sides[1].p_value), 1.0)
    first = sides[0]
    return Judgement(first.expected, first.lower, first.upper, p_value, -np.log10(p_value), first.window, first.reasons)


def _keys(panel: Panel, repeat: int) -> dict[str, list[str]]:
    """The input's key columns: the measure and whatever breakdowns the file had."""
    names = list(dict.fromkeys(name for key in panel.keys for name, _ in key.slice))
    ordered = sorted(names, key=lambda n: (n not in DIMENSIONS, n))
    columns = {"measure": [key.measure for key in panel.keys]}
    columns |= {name: [dict(key.slice).get(name, "") for key in panel.keys] for name in ordered}
    return {name: list(np.repeat(values, repeat)) for name, values in columns.items()}


def _table(panel: Panel, last: int, judged: Judgement, alpha: float) -> pd.DataFrame:
    known = judged.reasons == ""
    frame = pd.DataFrame(_keys(panel, last))
    frame[panel.step] = np.tile(np.datetime_as_string(panel.periods[-last:], unit="D"), len(panel.keys))
    frame["count"] = panel.count[:, -last:].ravel()
    frame["of"] = panel.of[:, -last:].ravel()
    for name in ("expected", "lower", "upper", "p_value", "score"):
        frame[name] = np.where(known, getattr(judged, name), np.nan).ravel()
    frame["alarm"] = (known & (judged.p_value <= alpha)).astype(int).ravel()
    frame["reason"] = judged.reasons.ravel()
    return frame if np.isfinite(panel.of).any() else frame.drop(columns="of")


def forecast(
    panel: Panel, horizon: int, origins: Sequence[dt.date], model: str, history: int, seed: int, progress: Progress
) -> tuple[pd.DataFrame, list[NotRun]]:
    """Returns quantiles in long form for every origin (the last period seen), and what was left out.

    No origin means the newest period.
    """
    ends = [_end(panel, origin) for origin in origins] or [len(panel.periods)]
    frames, missed = [], []
    for done, end in enumerate(ends):
        progress(done, len(ends))
        found = import_module(f"forecaster.models.{model}").forecast(panel.until(end), horizon, history, seed)
        missed += list(found.not_run)
        keys = Panel(found.keys, (), panel.periods, panel.step, panel.count, panel.of, panel.capped)
        frames.append(_long(keys, found.periods, found.values, str(panel.periods[end - 1]), found.models))
    progress(len(ends), len(ends))
    return pd.concat(frames, ignore_index=True), missed


def _end(panel: Panel, origin: dt.date) -> int:
    at = int(np.searchsorted(panel.periods, np.datetime64(origin)))
    if at == len(panel.periods) or panel.periods[at] != np.datetime64(origin):
        raise InputError("--origin", f"{origin} is not a period of the file", f"give {EDGES[panel.step]} that it has")
    return at + 1


def _long(keys: Panel, periods: np.ndarray, values: Floats, origin: str, models: Sequence[str]) -> pd.DataFrame:
    cells = len(periods) * len(QUANTILES)
    frame = pd.DataFrame(_keys(keys, cells))
    frame["origin"] = origin
    named = np.repeat(np.datetime_as_string(periods, unit="D"), len(QUANTILES))
    frame[keys.step] = np.tile(named, len(keys.keys))
    frame["quantile"] = np.tile(QUANTILES, len(keys.keys) * len(periods))
    frame["value"] = values.ravel()
    frame["model"] = np.repeat(list(models), cells)
    return frame


def write(frame: pd.DataFrame, path: Path) -> None:
    """Writes a table as CSV whole or not at all, gzipped if the name says so."""
    waiting = path.with_name(f".{path.name}.part")
    frame.to_csv(waiting, index=False, float_format="%.6g", compression="gzip" if path.suffix == ".gz" else None)
    waiting.replace(path)
