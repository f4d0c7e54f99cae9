"""A small council whose plans are drawn one by one: what is counted of them in every slice, and what is true behind it.

Every plan has a team in a locality, an age and a source, may be a second one, and ends some time later. Series are sets
of plans, so the solver knows which hold which, lie apart or overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product

import numpy as np
from made_panels import panel

from forecaster.types import Counting, Events, Floats, Ints, Kind, Panel, SeriesKey, Slice
from tests.disclosure.solver import World

WEEKS = 150
LABELS: Mapping[str, tuple[str, ...]] = {
    "team": ("Elm", "Oak", "Ash"),
    "locality": ("North", "South"),
    "age_band": ("1-4", "10-15"),
    "source": ("Police", "Schools"),
}
HOME = (0, 0, 1)  # of each team its locality
SAID = {"1-4": "aged 1-4", "10-15": "aged 10-15"}
KINDS: Mapping[str, Kind] = {
    "plan_starts": "flow",
    "plan_ends": "flow",
    "repeat_plans": "share",
    "repeat_plans_24m": "share",
    "plans_open": "stock",
}
LEAST = {"repeat_plans": 1, "repeat_plans_24m": 2}  # of how recent a plan is that counts as repeated: 0, 1 or 2
Atom = tuple[int, ...]  # team, age, source and whether it is a repeated one


@dataclass(frozen=True)
class Plans:
    """The plans of a council: N each; ended: WEEKS where a plan is still open, began: -1 for those open at first."""

    began: Ints
    ended: Ints
    places: Mapping[str, Ints]
    repeated: Ints
    family: Ints

    def inside(self, where: Slice) -> np.ndarray:
        """Returns which plans are in a slice."""
        found = np.full(len(self.began), True)
        for name, label in where:
            found &= self.places[name] == LABELS[name].index(label)
        return found

    def counts(self, key: SeriesKey) -> tuple[Floats, Floats | None]:
        """Returns what is counted of a series, and what a share is of."""
        inside = self.inside(key.slice)
        starts, ends = (weekly(when[inside]) for when in (self.began, self.ended))
        if key.measure == "plans_open":
            return (inside & (self.began < 0)).sum() + np.cumsum(starts - ends), None
        if key.measure in LEAST:
            return weekly(self.began[inside & (self.repeated >= LEAST[key.measure])]), starts
        return (starts if key.measure == "plan_starts" else ends), None

    def families(self, key: SeriesKey) -> Floats:
        """Returns of how many families the plans are that start in each week and are counted."""
        inside = self.inside(key.slice) & (self.began >= 0) & (self.repeated >= LEAST.get(key.measure, 0))
        when = self.ended if key.measure == "plan_ends" else self.began
        pairs = np.unique(np.stack([when[inside], self.family[inside]]), axis=1)
        return weekly(pairs[0])

    @property
    def events(self) -> Events:
        """The starts, as the service explains them."""
        rows = np.flatnonzero(self.began >= 0)
        places = {name: (LABELS[name], codes[rows]) for name, codes in self.places.items()}
        all_of = np.arange(len(rows))
        measures = {"plan_starts": Counting(all_of)} | {
            name: Counting(all_of, self.repeated[rows] >= least) for name, least in LEAST.items()
        }
        return Events(self.began[rows], self.family[rows], places, measures)


def weekly(when: Ints) -> Floats:
    return np.bincount(when[(when >= 0) & (when < WEEKS)], minlength=WEEKS).astype(float)


def plans(rng: np.random.Generator, onset: int) -> Plans:
    """Returns the plans of a council of few: more start from the onset on, in one slice above all."""
    rate, factor = float(np.exp(rng.uniform(np.log(1.5), np.log(10.0)))), float(rng.choice([1.5, 2.2, 3.0]))
    stay = float(rng.choice([4, 12, 30]))
    sizes = {name: rng.dirichlet(np.full(len(labels), 1.2)) for name, labels in LABELS.items()}
    each = rng.poisson(rate * np.where(np.arange(WEEKS) >= onset, factor, 1.0))
    began = np.concatenate([np.full(rng.poisson(rate * stay), -1), np.repeat(np.arange(WEEKS), each)])
    codes = {name: rng.choice(len(size), len(began), p=size) for name, size in sizes.items()}
    codes["locality"] = np.array(HOME)[codes["team"]]
    chance = float(rng.uniform(0.1, 0.6)) * np.where(began >= onset, 1.5, 1.0)
    repeated = np.where(rng.random(len(began)) < chance, rng.integers(1, 3, len(began)), 0)
    ended = np.minimum(np.maximum(began, 0) + rng.geometric(1 / stay, len(began)), WEEKS)
    family = np.cumsum(rng.random(len(began)) < 0.7)
    return Plans(began, ended, codes, repeated, family)


def panel_of(some: Plans, keys: Sequence[SeriesKey]) -> Panel:
    """Returns the panel of some series, their councils and the first teams, as measures would count it."""
    of_councils = [SeriesKey(name) for name in KINDS]
    wanted = tuple(dict.fromkeys([*of_councils, *keys]))
    counted = [some.counts(key) for key in wanted]
    count = np.stack([counts for counts, _ in counted])
    of = np.stack([np.full(WEEKS, np.nan) if whole is None else whole for _, whole in counted])
    made = panel(count, [KINDS[key.measure] for key in wanted], of=of, keys=wanted)
    families = np.stack([some.families(key) for key in wanted])
    return replace(made, families=families, largest=np.minimum(families, 4.0), events=some.events)


@dataclass(frozen=True)
class Truth:
    """What is true of a story, and what everybody knows: plans sorted by all that its alerts tell apart (atoms)."""

    plans: Plans
    keys: tuple[SeriesKey, ...]
    periods: np.ndarray

    @cached_property
    def split(self) -> tuple[str, ...]:
        """The breakdowns that tell plans apart here."""
        named = {"team" if name == "locality" else name for key in self.keys for name, _ in key.slice}
        return tuple(name for name in ("team", "age_band", "source") if name in named)

    @cached_property
    def atoms(self) -> dict[str, tuple[Atom, Floats]]:
        """Every kind of start (s) and end (e) by its name, with what it is and how many there are each week."""
        some, shares = self.plans, any(key.measure in LEAST for key in self.keys)
        flows = {key.measure for key in self.keys}
        out = {}
        for place in product(*(range(len(LABELS[name])) for name in self.split)):
            inside = np.full(len(some.began), True)
            for name, code in zip(self.split, place, strict=True):
                inside &= some.places[name] == code
            for level in range(3) if shares else (0,):
                own = inside & (some.repeated == level) if shares else inside
                out[f"s{place}{level}"] = ((*place, level), weekly(some.began[own]))
            if flows & {"plan_ends", "plans_open"}:
                out[f"e{place}"] = ((*place, -1), weekly(some.ended[inside]))
                base = np.zeros(WEEKS)
                base[0] = (inside & (some.began < 0)).sum()
                out[f"b{place}"] = ((*place, -1), base)
        return out

    def _of(self, first: str, where: Slice, least: int = 0) -> frozenset[str]:
        """The atoms of a slice: starts (s), ends (e) or those open at first (b)."""

        def inside(atom: Atom) -> bool:
            place = dict(zip(self.split, atom[:-1], strict=True))
            place |= {"locality": HOME[place["team"]]} if "team" in place else {}
            return all(place[name] == LABELS[name].index(label) for name, label in where)

        return frozenset(
            name for name, (atom, _) in self.atoms.items()
            if name[0] == first and inside(atom) and (first != "s" or atom[-1] >= least)
        )  # fmt: skip

    def knows(self, where: Slice) -> bool:
        """Returns whether a slice is told apart here at all."""
        return all(name in self.split or (name == "locality" and "team" in self.split) for name, _ in where)

    def count(self, key: SeriesKey, where: Slice = ()) -> frozenset[str]:
        """Returns the atoms that a flow or a share counts in (a slice of) its slice."""
        first = "e" if key.measure == "plan_ends" else "s"
        return self._of(first, (*key.slice, *where), LEAST.get(key.measure, 0))

    def of(self, key: SeriesKey) -> frozenset[str]:
        return self._of("s", key.slice)

    @cached_property
    def world(self) -> World:
        """The world of the solver: sets of plans by the atoms in them, and the levels of stocks."""
        sets: set[frozenset[str]] = set()
        levels = {}
        for key in self.keys:
            if key.measure == "plans_open":
                made = [self._of(first, key.slice) for first in "bse"]
                sets |= set(made)
                levels[str(key)] = tuple(map(named, made))
            else:
                sets |= {self.count(key)} | ({self.of(key)} if key.measure in LEAST else set())
        wholes = {self._of(first, ()) for first in "se"}
        sets |= wholes
        sets |= {made for one, other in combinations(sets, 2) for made in (one & other, one - other, other - one)}
        sets |= {whole - one for whole in wholes for one in sets if one < whole}
        sums = {named(one): tuple(sorted(one)) for one in sets if one}
        truth = {name: counts for name, (_, counts) in self.atoms.items()}
        parts: dict[str, tuple[tuple[str, ...], ...]] = {}
        for key in self.keys:
            if key.measure != "plans_open":
                own = self.plans.families(key)
                truth |= {f"families {key}": own, f"siblings {key}": self.plans.counts(key)[0] - own}
                whole = named(self.count(key))
                parts[whole] = (*parts.get(whole, ()), (f"families {key}", f"siblings {key}"))
        return World("flow", "week", self.periods, truth, parts, {}, sums, levels)

    def view(self, key: SeriesKey) -> World:
        """Returns the world as a reader of one alert names it: count, of, and the slices it may speak of."""
        count, of = self.plans.counts(key)
        truth, spoken = {"count": count}, {}
        if of is not None:
            truth |= {"of": of, "rest": of - count}
        slices = [((name, label),) for name in LABELS for label in LABELS[name]]
        for where in (*slices, *(one + other for one, other in product(slices, slices) if one[0][0] != other[0][0])):
            order = sorted(where, key=lambda pair: list(LABELS).index(pair[0]))
            series = ", ".join(f"{name}={label}" for name, label in order)
            said = " / ".join(SAID.get(label, label) for _, label in where)
            spoken |= {said: series, said[:1].upper() + said[1:]: series}
            if not {name for name, _ in where} & {name for name, _ in key.slice}:
                truth[series] = self.plans.counts(SeriesKey(key.measure, (*key.slice, *where)))[0]
        truth |= {"families": self.plans.families(key), "siblings": count - self.plans.families(key)}
        return World(KINDS[key.measure], "week", self.periods, truth, {}, spoken)

    def named(self, key: SeriesKey) -> Callable[[str], str | None]:
        """Returns what the series of one alert's reader are called in the story's world; None: they are not in it."""

        def name(series: str) -> str | None:
            if KINDS[key.measure] == "stock":
                return str(key) if series == "count" else None
            if series == "count":
                return named(self.count(key))
            if series == "of":
                return named(self.of(key))
            if series in ("families", "siblings"):
                return f"{series} {key}"
            if "=" not in series:
                return None
            where = tuple((one.partition("=")[0], one.partition("=")[2]) for one in series.split(", "))
            atoms = self.count(key, where) if self.knows(where) else frozenset()
            return named(atoms) if atoms else None

        return name


def named(atoms: frozenset[str]) -> str:
    return "+".join(sorted(atoms))
