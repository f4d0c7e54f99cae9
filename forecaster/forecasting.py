"""What is foretold of a council each week: every figure to come of its flows and stocks, in sample paths that add up.

Flows are forecast by the combination of models, slices with their council, and drawn so that slices add up. A stock
whose stays are known is forecast from who is in it and the starts just drawn, and so are the ends of those stays: open
= before + starts - ends in every draw. Of a share the count is forecast, not what it is a share of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import following, per_year
from forecaster.coherence import coherent_draws, correlations, is_rest, usual, with_rests
from forecaster.combining import Member, combine, made_of
from forecaster.judgeable import cannot_judge
from forecaster.models import cohort
from forecaster.paths import quantiles_of
from forecaster.types import NEVER, QUANTILES, Ask, Floats, Forecasts, Kind, NotRun, Panel, SeriesKey, Slice, as_date

NAME = "forecast"
DRAWS = 400


@dataclass(frozen=True)
class Recipe:
    """How forecasts are made. models: modules of forecaster.models, the first of which learns from all series together.

    only: a model's name and the measures of which it is offered the council's own series; default: every series.
    draws: whether sample paths are wanted for their own sake, and not only where slices must add up.
    """

    models: tuple[ModuleType, ...]
    only: Mapping[str, Collection[str]] = field(default_factory=dict)
    min_history: int = 104
    seed: int = 1
    draws: bool = True


def forecast(panel: Panel, wanted: Iterable[SeriesKey], recipe: Recipe, ask: Ask) -> Forecasts:
    """Returns forecasts with sample paths of the series that are wanted and can be judged; ask.origins is not read.

    Periods that may still grow are not believed: they are the first that are forecast, as far ahead as without them.
    """
    asked = set(wanted)
    recipe = replace(recipe, min_history=max(recipe.min_history, per_year(panel.step)))  # no model knows less
    waiting = min(panel.provisional, len(panel.periods) - 1)
    panel, horizon = panel.until(len(panel.periods) - waiting), ask.horizon + waiting
    every = panel.select(i for i, key in enumerate(panel.keys) if key in asked)
    reasons = cannot_judge(every.count, recipe.min_history, 1, panel.step)[:, 0]
    missed = tuple(NotRun(key, NAME, why) for key, why in zip(every.keys, reasons, strict=True) if why)
    known = every.select(np.flatnonzero(reasons == ""))
    longer = replace(ask, horizon=horizon)
    stocks = _with_stays(known)
    recipe = replace(recipe, draws=recipe.draws or bool(stocks))  # whoever is in them has to start
    ends = {key for measure in stocks for key in _ends_of(known, measure)}
    others = known.select(i for i, key in enumerate(known.keys) if key.measure not in stocks and key not in ends)
    parts = [_combined(some, recipe, longer) for some in _by_kind(_counted(others))]
    parts += [part for alike in _alike(known, stocks) for part in _from_stays(known, alike, parts, recipe, longer)]
    return _joined(parts, known.keys, panel, horizon, missed)


@dataclass(frozen=True)
class _Part:
    """Forecasts of some series: values S x H x Q, models one a series, coverage S, draws S x N x H or None."""

    keys: tuple[SeriesKey, ...]
    values: Floats
    models: tuple[str, ...]
    coverage: Floats
    draws: Floats | None


def _with_stays(panel: Panel) -> list[str]:
    """The stocks that can be forecast from who is in them: the starts of their stays are forecast too."""
    if panel.stays is None or (panel.stays.ended < NEVER).sum() < cohort.FEWEST:
        return []
    measures = dict.fromkeys(key.measure for key in panel.keys)
    stocks = panel.stays.stocks
    return [name for name in measures if name in stocks and SeriesKey(stocks[name].starts) in panel.keys]


def _ends_of(panel: Panel, measure: str) -> list[SeriesKey]:
    """The series that count the ends of the stays that a stock counts from their start."""
    stock = panel.stays.stocks[measure] if panel.stays else None
    if stock is None or stock.least > 0:
        return []
    return [key for key in panel.keys if key.measure == stock.ends and SeriesKey(measure, key.slice) in panel.keys]


def _counted(panel: Panel) -> Panel:
    """The panel with the counts of shares as flows."""
    kinds: tuple[Kind, ...] = tuple("flow" if kind == "share" else kind for kind in panel.kinds)
    return replace(panel, kinds=kinds)


def _by_kind(panel: Panel) -> list[Panel]:
    parts = [panel.select(np.flatnonzero(panel.is_kind(kind))) for kind in ("flow", "stock")]
    return [part for part in parts if part.keys]


def _combined(panel: Panel, recipe: Recipe, ask: Ask) -> _Part:
    """Forecasts of flows, or of stocks known by their level alone."""
    whole = with_rests(panel)
    judged = cannot_judge(whole.count, recipe.min_history, 1, whole.step)[:, 0] == ""
    members = _members(whole, judged, recipe)
    found = combine(whole.select(np.flatnonzero(judged)), members, ask, recipe.min_history)
    values = usual(whole, ask.horizon)  # of a rest that is always zero, or brief
    values[judged] = found.values
    own = [key for key in whole.keys if not is_rest(key)]  # all judged, and the first: `forecast` left the others out
    draws = None
    if recipe.draws or len(own) < len(whole.keys):
        scores = np.full((len(whole.keys), *found.scores.shape[1:]), np.nan)
        scores[judged] = found.scores
        draws = coherent_draws(values, whole.keys, correlations(scores, whole.keys), DRAWS, recipe.seed)
        values = quantiles_of(draws)
    names = [member.name for member in members]
    return _Part(
        keys=tuple(own),
        values=values[: len(own)],
        models=tuple(made_of(names, weights) for weights in found.weights[: len(own)]),
        coverage=found.coverage[: len(own)],
        draws=None if draws is None else draws[: len(own)],
    )


def _members(panel: Panel, judged: NDArray[np.bool_], recipe: Recipe) -> list[Member]:
    """The models with the series each is offered, of those that can be judged."""
    keys = [key for key, can in zip(panel.keys, judged, strict=True) if can]
    offered = {name: np.array([key.is_council and key.measure in some for key in keys], bool)
               for name, some in recipe.only.items()}  # fmt: skip
    every = np.ones(len(keys), bool)
    kinds = set(panel.kinds)
    return [
        Member(model.NAME, model.predict, offered.get(model.NAME, every), dear=number > 0)
        for number, model in enumerate(recipe.models)
        if kinds <= set(model.KINDS)
    ]


def _alike(panel: Panel, stocks: Sequence[str]) -> list[list[str]]:
    """The stocks that count the same stays, though not from the same age on."""
    assert panel.stays is not None or not stocks
    starts = [panel.stays.stocks[name].starts for name in stocks] if panel.stays else []
    return [[name for name, other in zip(stocks, starts, strict=True) if other == own] for own in dict.fromkeys(starts)]


def _from_stays(panel: Panel, stocks: Sequence[str], parts: Sequence[_Part], recipe: Recipe, ask: Ask) -> list[_Part]:
    """Stocks by who is in them, and the ends of those stays."""
    assert panel.stays is not None
    starts = _draws_of(parts, panel.stays.stocks[stocks[0]].starts)
    out = []
    for measure, paths in zip(stocks, cohort.outlooks(panel, stocks, ask.horizon, starts, recipe.seed), strict=True):
        ends = _ends_of(panel, measure)
        left = [paths.keys.index(SeriesKey(measure, key.slice)) for key in ends]
        out += [_by_cohort(paths.keys, paths.open), _by_cohort(tuple(ends), paths.left[left])]
    return out


def _by_cohort(keys: tuple[SeriesKey, ...], draws: Floats) -> _Part:
    return _Part(keys, quantiles_of(draws), (cohort.NAME,) * len(keys), np.full(len(keys), np.nan), draws)


def _draws_of(parts: Iterable[_Part], measure: str) -> dict[Slice, Floats]:
    found = ((key, part, i) for part in parts for i, key in enumerate(part.keys) if key.measure == measure)
    return {key.slice: part.draws[i] for key, part, i in found if part.draws is not None}


def _joined(
    parts: Sequence[_Part], keys: Sequence[SeriesKey], panel: Panel, horizon: int, missed: tuple[NotRun, ...]
) -> Forecasts:
    """One forecast of all parts, in the order of the panel."""
    origin = as_date(panel.periods[-1])
    found = {key: (part, i) for part in parts for i, key in enumerate(part.keys)}
    at = [found[key] for key in keys]
    drawn = [part.draws[i] for part, i in at if part.draws is not None]
    return Forecasts(
        keys=tuple(keys), origin=origin, periods=following(origin, horizon, panel.step),
        values=np.array([part.values[i] for part, i in at]).reshape(len(at), horizon, len(QUANTILES)),
        models=tuple(part.models[i] for part, i in at), not_run=missed,
        coverage=np.array([part.coverage[i] for part, i in at]),
        draws=np.stack(drawn) if drawn and len(drawn) == len(at) else None,
    )  # fmt: skip
