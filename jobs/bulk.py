"""The bulk tools: detection and forecasts over a totals CSV, nothing stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.calendar import following
from forecaster.forecasting import Recipe
from forecaster.forecasting import forecast as foretell
from forecaster.judgeable import cannot_judge
from forecaster.measures import panel_from_totals
from forecaster.read import Batch, open_extract
from forecaster.settings import Settings
from forecaster.types import (
    DIMENSIONS,
    QUANTILES,
    Ask,
    Direction,
    Forecasts,
    InputError,
    Judgement,
    NotRun,
    Panel,
    Step,
    as_date,
)

Missing = Literal["gap", "zero"]
Side = Literal["up", "down", "both"]
Method = Literal["surge", "drift", "peers", "farrington", "ears_c1", "ears_c2", "ears_c3"]
Model = Literal["combined", "levels", "counts", "prophet"]
Progress = Callable[[int, int], None]
USUAL: tuple[Method, ...] = ("surge", "drift")
EDGES: dict[Step, str] = {"week": "a Monday", "month": "the 1st of a month"}


def read_totals(path: Path, settings: Settings, today: dt.date, period: Step | None, missing: Missing) -> Panel:
    """Returns the panel of a totals CSV; InputError if it is none, if a row is bad or if it mixes weeks and months."""
    extract = open_extract(path, b"no identifiers in totals", today=today, period=period)
    if extract.kind != "totals":
        raise InputError(
            path.name, f"this is {extract.source}, not totals", "give a CSV of week or month, measure, count"
        )
    frames = (_sound(batch, path.name).frame for batch in extract.batches)
    panels = panel_from_totals(frames, missing=missing, measures=settings.catalogue)
    if len(panels) != 1:
        raise InputError(path.name, "there is no total in it", "give a row for each measure and period")
    return panels[0]


def _sound(batch: Batch, file: str) -> Batch:
    for bad in batch.rejects:
        raise InputError(file, f"{bad.place}: {bad.reason}", bad.remedy, column=bad.column)
    return batch


def min_history(settings: Settings, step: Step) -> int:
    """Returns how many periods a series needs to be judged."""
    detection = settings.detection
    return detection.min_history_weeks if step == "week" else detection.min_history_months


def detect(
    panel: Panel, last: int, direction: Side, alpha: float, history: int, methods: Sequence[Method] = USUAL
) -> pd.DataFrame:
    """Returns a row for each series and each of its last periods, each judged from earlier periods only.

    methods: detectors by name, which judge different kinds of series; a series of no method's kind has a reason.
    """
    last = min(last, len(panel.periods))
    detectors = [import_module(f"forecaster.detectors.{name}") for name in methods]
    sides: tuple[Direction, ...] = ("up", "down") if direction == "both" else (direction,)
    parts = []
    for detector in detectors:
        ours = panel.is_kind(*detector.KINDS)
        some = panel if ours.all() else panel.select(np.flatnonzero(ours))
        if some.keys:
            judged = [detector.judge(some, last, side, history) for side in sides]
            parts.append(_table(some, last, _stronger(judged), alpha))
    judges = {kind for detector in detectors for kind in detector.KINDS}
    others = panel.select(i for i, kind in enumerate(panel.kinds) if kind not in judges)
    if others.keys:
        parts.append(_table(others, last, _not_judged(others, last, methods), alpha))
    return pd.concat(parts, ignore_index=True)


def _not_judged(panel: Panel, last: int, methods: Sequence[Method]) -> Judgement:
    reasons = np.array([[f"{' and '.join(methods)} does not judge a {kind}"] * last for kind in panel.kinds], object)
    none = np.full(reasons.shape, np.nan)
    return Judgement(none, none, none, none, none, none, reasons)


def _stronger(sides: Sequence[Judgement]) -> Judgement:
    """One judgement of both directions: the smaller p-value, doubled for having looked twice."""
    if len(sides) == 1:
        return sides[0]
    p_value = np.minimum(2 * np.fmin(sides[0].p_value, sides[1].p_value), 1.0)
    first = sides[0]
    return Judgement(first.expected, first.lower, first.upper, p_value, -np.log10(p_value), first.window, first.reasons)


def _keys(panel: Panel, repeat: int) -> dict[str, NDArray[np.object_]]:
    """The input's key columns: the measure and whatever breakdowns the file had."""
    names = list(dict.fromkeys(name for key in panel.keys for name, _ in key.slice))
    ordered = sorted(names, key=lambda n: (n not in DIMENSIONS, n))
    columns = {"measure": [key.measure for key in panel.keys]}
    columns |= {name: [dict(key.slice).get(name, "") for key in panel.keys] for name in ordered}
    return {name: np.repeat(np.array(values, object), repeat) for name, values in columns.items()}


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
    panel: Panel, origins: Sequence[dt.date], model: Model, ask: Ask, recipe: Recipe, progress: Progress
) -> tuple[pd.DataFrame, list[NotRun]]:
    """Returns quantiles in long form for every origin (the last period seen), and what was left out.

    No origin means the newest period. Shares are left out; ask.origins is not read.
    """
    ends = [_end(panel, origin) for origin in origins] or [len(panel.periods)]
    is_share = panel.is_kind("share")
    missed = [NotRun(panel.keys[i], model, "only counts are forecast") for i in np.flatnonzero(is_share)]
    counts = panel.select(np.flatnonzero(~is_share))
    frames = []
    for done, end in enumerate(ends):
        progress(done, len(ends))
        seen = counts.until(end)
        found = foretell(seen, seen.keys, recipe, ask) if model == "combined" else _alone(seen, model, recipe, ask)
        frames.append(_long(found, counts))
        missed += found.not_run
    progress(len(ends), len(ends))
    return pd.concat(frames, ignore_index=True), missed


def _alone(panel: Panel, model: Model, recipe: Recipe, ask: Ask) -> Forecasts:
    """What one model says by itself."""
    module = import_module(f"forecaster.models.{model}")
    reasons = cannot_judge(panel.count, recipe.min_history, 1, panel.step)[:, 0]
    reasons[(reasons == "") & ~panel.is_kind(*module.KINDS)] = f"{model} does not forecast this kind"
    some = np.flatnonzero(reasons == "")
    values = module.predict(panel.select(some), replace(ask, origins=(len(panel.periods),)))[:, 0]
    said = np.isfinite(values).all((1, 2))
    reasons[some[~said]] = f"too little history for {model}"
    missed = tuple(NotRun(key, model, why) for key, why in zip(panel.keys, reasons, strict=True) if why)
    known, values = panel.select(some[said]), values[said]
    origin = as_date(panel.periods[-1])
    ahead = following(origin, ask.horizon, panel.step)
    return Forecasts(known.keys, origin, ahead, values, (model,) * len(known.keys), missed)


def recipe_of(settings: Settings, step: Step) -> Recipe:
    """Returns how the series of a totals CSV are forecast: every model is offered every series."""
    models = tuple(import_module(f"forecaster.models.{name}") for name in settings.forecast.models)
    return Recipe(models, min_history=min_history(settings, step), seed=settings.forecast.seed, draws=False)


def _end(panel: Panel, origin: dt.date) -> int:
    at = int(np.searchsorted(panel.periods, np.datetime64(origin)))
    if at == len(panel.periods) or panel.periods[at] != np.datetime64(origin):
        raise InputError("--origin", f"{origin} is not a period of the file", f"give {EDGES[panel.step]} that it has")
    return at + 1


def _long(found: Forecasts, panel: Panel) -> pd.DataFrame:
    horizon = len(found.periods)
    cells = horizon * len(QUANTILES)
    frame = pd.DataFrame(_keys(panel.select(panel.row(key) for key in found.keys), cells))
    frame["origin"] = str(found.origin)
    named = np.datetime_as_string(found.periods, unit="D")
    frame[panel.step] = np.tile(np.repeat(named, len(QUANTILES)), len(found.keys))
    frame["quantile"] = np.tile(QUANTILES, len(found.keys) * horizon)
    frame["value"] = found.values.ravel()
    frame["model"] = np.repeat(list(found.models), cells)
    return frame


def write(frame: pd.DataFrame, path: Path) -> None:
    """Writes a table as CSV whole or not at all, gzipped if the name says so."""
    waiting = path.with_name(f".{path.name}.part")
    frame.to_csv(waiting, index=False, float_format="%.6g", compression="gzip" if path.suffix == ".gz" else None)
    waiting.replace(path)
