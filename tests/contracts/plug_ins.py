"""The plug-ins there are, found by listing their folders: a new one is tested without a word here."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType

import numpy as np
from made_panels import panel, shares, slice_key, spells

import forecaster.detectors
import forecaster.models
from forecaster.types import Benchmark, Panel, Reference, SeriesKey

T = 182
HERE, CHILDREN = "E06000019", 40_000.0
NEIGHBOURS = tuple(f"E0600000{i}" for i in range(8))


def _found(package: ModuleType) -> tuple[ModuleType, ...]:
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return tuple(import_module(f"{package.__name__}.{name}") for name in names)


DETECTORS = _found(forecaster.detectors)
MODELS = _found(forecaster.models)
JUDGES = tuple(module for module in DETECTORS if hasattr(module, "judge"))


def name(module: ModuleType) -> str:
    return module.__name__.rsplit(".", 1)[1]


def council(seed: int = 1, length: int = T) -> Panel:
    """Flows, stocks and shares of a council and of slices of it."""
    rng = np.random.default_rng(seed)
    flows = rng.poisson([[65], [7], [20]], (3, length))
    stocks = spells(rng, 2, length)
    x, n = shares(rng, 2, length, 20.0, 0.2)
    of = np.vstack([np.full((5, length), np.nan), n])
    keys = [
        SeriesKey("referrals"), SeriesKey("plan_starts"), slice_key("referrals", "locality", "North"),
        SeriesKey("plans_open"), slice_key("plans_open", "team", "A"),
        SeriesKey("repeat_plans"), slice_key("repeat_plans", "locality", "North"),
    ]  # fmt: skip
    kinds = ("flow", "flow", "flow", "stock", "stock", "share", "share")
    return panel(np.vstack([flows, stocks, x]), kinds, of=of, keys=keys)


def of_its_kinds(module: ModuleType, some: Panel) -> Panel:
    kinds = getattr(module, "KINDS", ("flow", "stock", "share"))
    return some.select(np.flatnonzero(some.is_kind(*kinds)))


def covered(module: ModuleType, some: Panel) -> set[SeriesKey]:
    """The series a detector owes an answer on: all of its kinds, or the council's where others publish no more."""
    own = of_its_kinds(module, some).keys
    return {key for key in own if key.is_council or hasattr(module, "judge")}


def reference() -> Reference:
    """Published figures in which the council of these tests is one among eight alike."""
    some, rng = council(), np.random.default_rng(5)
    rows = [row for row, key in enumerate(some.keys) if key.is_council]
    return Reference(HERE, NEIGHBOURS, tuple(_benchmark(some, row, rng) for row in rows))


def _benchmark(some: Panel, row: int, rng: np.random.Generator) -> Benchmark:
    kind, newest = some.kinds[row], some.periods[-1].astype(object)
    yearly = some.count[row].mean() * (52 if kind == "flow" else 1)
    usual = 0.2 if kind == "share" else 10_000 * yearly / CHILDREN
    return Benchmark(
        measure=some.keys[row].measure,
        year=newest.year - 1,
        published=newest,
        unit="share" if kind == "share" else "rate",
        values={code: usual * rng.uniform(0.85, 1.15) for code in NEIGHBOURS},
        sizes=dict.fromkeys((*NEIGHBOURS, HERE), 300.0 if kind == "share" else CHILDREN),
        england=usual,
    )
