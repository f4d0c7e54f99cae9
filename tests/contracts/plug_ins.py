"""The plug-ins there are, found by listing their folders: a new one is tested without a word here."""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from importlib import import_module
from types import ModuleType

import made_stays
import numpy as np
from made_panels import joined, panel, shares, slice_key, spells

import forecaster.detectors
import forecaster.models
from forecaster.types import NEVER, Benchmark, Ints, Panel, Reference, SeriesKey, Stays, Step

T = 182
LONGER = {"farrington": 130}  # periods a detector needs beyond what is enough for the others
HERE, CHILDREN = "E06000019", 40_000.0
NEIGHBOURS = tuple(f"E0600000{i}" for i in range(8))


def _found(package: ModuleType) -> tuple[ModuleType, ...]:
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_"))
    return tuple(import_module(f"{package.__name__}.{name}") for name in names)


DETECTORS = _found(forecaster.detectors)
MODELS = _found(forecaster.models)
JUDGES = tuple(module for module in DETECTORS if hasattr(module, "judge"))


def name(module: ModuleType) -> str:
    return module.__name__.rsplit(".", 1)[1]


def length(module: ModuleType) -> int:
    """How many periods a panel must have for a module to judge it."""
    return T + LONGER.get(name(module), 0)


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


def councils(seed: int = 1, length: int = T) -> Panel:
    """A flow of nine councils that share an installation, and a share of six."""
    rng = np.random.default_rng(seed)
    flows = rng.poisson(np.linspace(20, 90, 9)[:, None], (9, length))
    x, n = shares(rng, 6, length, 20.0, 0.2)
    keys = [slice_key("referrals", "council", f"C{i}") for i in range(9)]
    keys += [slice_key("repeat_plans", "council", f"C{i}") for i in range(6)]
    of = np.vstack([np.full((9, length), np.nan), n])
    return panel(np.vstack([flows, x]), ("flow",) * 9 + ("share",) * 6, of=of, keys=keys)


def with_stays(seed: int = 1, length: int = T, step: Step = "week") -> Panel:
    """What models are made for: flows, stocks with the stays that are behind them, and one without."""
    stocks = made_stays.council(seed, length, step=step)
    rng = np.random.default_rng(seed + 1)
    flows = np.vstack([rng.poisson([[65], [7]], (2, length)), spells(rng, 1, length)])
    keys = [SeriesKey("referrals"), slice_key("referrals", "team", "East"), SeriesKey("care")]
    others = panel(flows, ("flow", "flow", "stock"), keys=keys, step=step)
    return replace(joined(others, stocks), stays=stocks.stays)


def with_another_future(some: Panel, origin: int) -> Panel:
    """The same panel up to an origin; all counts after it are others, and so is what became of the stays."""
    rng = np.random.default_rng(3)
    count = some.count.copy()
    count[:, origin:] = rng.choice([0.0, 7.0, 4_000.0, np.nan], count[:, origin:].shape)
    return replace(some, count=count, capped=count, stays=some.stays and _other_stays(some.stays, origin, rng))


def _other_stays(stays: Stays, origin: int, rng: np.random.Generator) -> Stays:
    later = np.where(stays.opened >= origin, rng.integers(0, 30, len(stays.opened)), 0)
    opened = stays.opened + later

    def moved(periods: Ints) -> Ints:
        return np.where(periods < NEVER, periods + later, NEVER)

    stocks = {name: replace(stock, since=moved(stock.since)) for name, stock in stays.stocks.items()}
    ended = np.where(stays.ended >= origin, np.maximum(opened, origin) + rng.integers(0, 9, len(opened)), stays.ended)
    return Stays(opened, ended, stays.places, stocks)


def made_for(module: ModuleType, length: int) -> Panel:
    """What a detector is made for: one council with its slices, or several councils side by side."""
    return councils(length=length) if hasattr(module, "COUNCIL") else council(length=length)


def as_of_several(module: ModuleType, some: Panel) -> Panel:
    """The same series; to a detector that compares councils, those of as many councils."""
    if not hasattr(module, "COUNCIL"):
        return some
    return replace(some, keys=tuple(slice_key("m", module.COUNCIL, f"C{i}") for i in range(len(some.keys))))


def movable(module: ModuleType, some: Panel) -> set[SeriesKey]:
    """The series in which a detector can find a move of all of them; where they are compared, a move of these alone."""
    if not hasattr(module, "COUNCIL"):
        return covered(module, some)
    return {some.keys[0], some.keys[-1]}


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
