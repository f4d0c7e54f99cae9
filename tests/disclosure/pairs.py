"""Alerts of one story whose counts overlap, told to the same reader: what is shown of one adds to what the other shows.

Four kinds of pairs: a share beside the flow it is a share of, a slice beside its council, a team beside its locality
and beside the council too, and a stock beside the starts that fill it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from forecaster.types import Floats, Kind, as_date
from forecaster.words.context import Beside
from tests.disclosure.generator import SPOKEN, Side, _Council, _council, _history, facts_of, guesses_of
from tests.disclosure.solver import Cells, Fact, Recovered, System, World

Terms = tuple[tuple[float, Cells], ...]


@dataclass(frozen=True)
class Pair:
    """The sides of a conversation, and what is true behind both; named: each side's series in that world."""

    world: World
    sides: tuple[Side, ...]
    named: tuple[Callable[[Cells], Terms], ...]

    def _facts(self, read: Callable[[Side], list[Fact]]) -> list[Fact]:
        return [
            replace(fact, terms=tuple((w * v, cells) for w, own in fact.terms for v, cells in named(own)))
            for side, named in zip(self.sides, self.named, strict=True)
            for fact in read(side)
        ]

    def recovered(self) -> list[Recovered]:
        """Returns what a reader of all messages can work out, and what one can who guesses which crosses are small."""
        facts = self._facts(lambda side: [f for told in side.told for f in facts_of(side.council.world, told, False)])
        guesses = self._facts(lambda side: [f for t in side.told for f in guesses_of(side.council.world, t.whole)])
        found = System(self.world, facts).recovered()
        return found + (System(self.world, facts + guesses).recovered(exact=True) if guesses else [])


def pair(seed: int, beside: bool = True) -> Pair:
    """Returns the alerts of one story; beside: whether each knows of what the others have told."""
    rng = np.random.default_rng(seed)
    made = (_share, _slice, _team, _stock)[seed % 4](rng)
    _talk(made.sides, beside)
    return made


def _talk(sides: tuple[Side, ...], beside: bool) -> None:
    while now := min((side.end for side in sides if side.end is not None), default=None):
        speaking = [side for side in sides if side.end == now]
        day = as_date(sides[0].council.world.periods[now - 1])
        told = {side.id: (*side.days, day) if side in speaking else side.days for side in sides}
        order = sorted((side for side in sides if told[side.id]), key=lambda side: (told[side.id][0], side.id))
        for side in speaking:
            side.speak(tuple(_beside(o, told[o.id], now, order.index(o) < order.index(side))
                             for o in order if o is not side and beside))  # fmt: skip


def _beside(side: Side, told, now: int, first: bool) -> Beside:
    council = side.council
    return Beside(_history(council, now), council.kind, as_date(council.world.periods[council.onset]), told, first)


def _few(rng: np.random.Generator, kinds: tuple[Kind, ...], sliced: bool) -> _Council:
    while (made := _council(rng)).kind not in kinds or bool(made.slice) is not sliced:
        pass
    return made


def _other(council: _Council, rng: np.random.Generator, counts: Floats, kind: Kind, **truth: Floats) -> _Council:
    """Another series of the same council that moved at about the same time."""
    world = World(kind, council.step, council.world.periods, {"count": counts} | truth, {}, SPOKEN)
    onset = council.onset + int(rng.integers(-4, 5))
    where = (("locality", "North"),) if truth else ()
    return _Council(kind, council.step, where, world, max(float(counts[:onset].mean()), 0.3), onset)


def _as(names: Mapping[str, str]) -> Callable[[Cells], Terms]:
    return lambda cells: ((1.0, (names.get(cells[0], cells[0]), *cells[1:])),)


def _pair(rng: np.random.Generator, world: World, *sides: tuple[_Council, Callable[[Cells], Terms]]) -> Pair:
    ids = rng.permutation(len(sides))
    return Pair(
        world,
        tuple(Side(council, rng, f"a{i}") for i, (council, _) in zip(ids, sides, strict=True)),
        tuple(named for _, named in sides),
    )


def _share(rng: np.random.Generator) -> Pair:
    one = _few(rng, ("share",), sliced=False)
    other = _other(one, rng, one.world.truth["of"], "flow")
    return _pair(rng, one.world, (one, _as({})), (other, _as({"count": "of"})))


def _slice(rng: np.random.Generator) -> Pair:
    one = _few(rng, ("flow", "stock"), sliced=True)
    other = _other(one, rng, one.world.truth["whole"], one.kind)
    return _pair(rng, one.world, (one, _as({})), (other, _as({"count": "whole"})))


def _team(rng: np.random.Generator) -> Pair:
    one = _few(rng, ("flow",), sliced=True)
    truth = one.world.truth
    near = rng.binomial(truth["others"].astype(int), float(rng.choice([0.1, 0.3, 0.6]))).astype(float)
    locality, elsewhere = truth["count"] + near, truth["others"] - near
    parts = dict(one.world.parts) | {
        "locality": (("count", "near"),),
        "others": (("near", "elsewhere"),),
        "whole": (("count", "others"), ("locality", "elsewhere")),
    }
    more = {"locality": locality, "near": near, "elsewhere": elsewhere}
    world = replace(one.world, truth=dict(truth) | more, parts=parts)
    second = _other(one, rng, locality, "flow", whole=truth["whole"])
    sides = [(one, _as({})), (second, _as({"count": "locality"}))]
    if rng.random() < 0.5:
        sides.append((_other(one, rng, truth["whole"], "flow"), _as({"count": "whole"})))
    return _pair(rng, world, *sides)


def _stock(rng: np.random.Generator) -> Pair:
    one = _few(rng, ("flow",), sliced=False)
    starts = one.world.truth["count"]
    stay, begin = 1 - 1 / float(rng.choice([4, 12, 30])), int(rng.integers(4, 60))
    level, ends = np.empty(len(starts)), np.empty(len(starts))
    now = begin
    for at, new in enumerate(starts):
        ends[at] = now - rng.binomial(now, stay)
        now = int(now + new - ends[at])
        level[at] = now
    base = np.where(np.arange(len(starts)) == 0, begin, 0).astype(float)
    world = replace(one.world, truth=dict(one.world.truth) | {"ends": ends, "base": base})

    def opened(cells: Cells) -> Terms:
        at = cells[2]
        return ((1.0, ("base", 0, 1)), (1.0, ("count", 0, at)), (-1.0, ("ends", 0, at)))

    return _pair(rng, world, (one, _as({})), (_other(one, rng, level, "stock"), opened))
