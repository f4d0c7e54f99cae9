"""Leaks of every kind, each put into what was safe before: the solver must find the count that it gives away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecaster.messages import Line, Message
from forecaster.record import record
from forecaster.types import Alert, Driver, as_date
from forecaster.words.context import Context, Families, History
from forecaster.words.render import message
from tests.disclosure.generator import ABOUT, MEASURE, SPOKEN
from tests.disclosure.reading import Reader
from tests.disclosure.solver import Cells, Fact, World, between, exactly

END, ONSET = 120, 114
NEWEST: Cells = ("count", END - 1, END)
WINDOW = (ONSET, END)
USUAL = 30.0


@dataclass(frozen=True)
class Case:
    """A world, its message as it is safe, and the alert behind it."""

    world: World
    made: Message
    alert: Alert
    context: Context

    def facts(self, *made: Message) -> list[Fact]:
        """Returns what the safe message and some others say."""
        reader = Reader(self.world)
        return [fact for one in (self.made, *made) for fact in reader.message(one)]


def case(kind: Any = "flow", slice_: Any = (), direction: Any = "up", **few: float) -> Case:
    """A surge of six weeks to the newest, with counts around 30 a week but for those given by their week."""
    rng = np.random.default_rng(1)
    count = rng.integers(24, 37, END).astype(float)
    count[ONSET:] += 14 if direction == "up" else -12
    for week, small in few.items():
        count[END - int(week.removeprefix("back"))] = small
    of = count + 12
    families = np.ceil(count * 0.6)
    truth = {"count": count, "families": families, "siblings": count - families}
    parts: dict[str, tuple[tuple[str, ...], ...]] = {"count": (("families", "siblings"),)}
    if kind == "share":
        truth, parts = {"count": count, "of": of, "rest": of - count}, {"of": (("count", "rest"),)}
    periods = np.datetime64("2015-10-05") + 7 * np.arange(END)
    world = World(kind, "week", periods, truth, parts, SPOKEN)
    flat = np.full(END, 0.5 if kind == "share" else USUAL)
    past = History(periods, count, flat, flat * 0.6, flat * 1.5, of=of if kind == "share" else None)
    start = END - 1 if kind == "stock" else ONSET
    total, usual = float(count[start:].sum()), float((flat * past.weight)[start:].sum())
    day = as_date(periods[-1])
    alert = Alert(
        id="a1",
        kind="surge",
        measure=MEASURE[kind],
        slice=slice_,
        direction=direction,
        severity="medium",
        state="opened",
        opened=day,
        onset=as_date(periods[ONSET]),
        updated=day,
        observed=float(past.value[-1]),
        expected=float(flat[-1]),
        lower=float(past.lower[-1]),
        upper=float(past.upper[-1]),
        p_value=1e-4,
        total=total,
        total_expected=usual,
        seen=day,
        drivers=(Driver("stage", "referral", (total - usual) * 0.6, 0.6, 300.0),),
    )
    context = Context(
        **ABOUT[kind],
        kind=kind,
        step="week",
        period=day,
        history=past,
        families=Families(families, families),
        data_to=day,
    )
    return Case(world, message(alert, context), alert, context)


def small_slices(dimension: str = "team", elm: float = 150.0) -> Case:
    """Three slices since the onset, the second of which is small: all weeks but the first are the last slice's."""
    some = case()
    truth, groups = dict(some.world.truth), dict(some.world.parts)
    count = truth["count"]
    oak, of_elm = np.zeros(END), np.zeros(END)
    oak[ONSET] = 4
    of_elm[ONSET:] = np.floor(elm / 6)
    rows = (of_elm, oak, count - oak - of_elm)
    names = tuple(f"{dimension}={name}" for name in ("Elm", "Oak", "Ash"))
    groups["count"] = (*groups["count"], names)
    return replace(some, world=replace(some.world, truth=truth | dict(zip(names, rows, strict=True)), parts=groups))


def line(made: Message, label: str, text: str) -> Message:
    """The message with another text for one of its lines."""
    rest = tuple(one for one in made.lines if one.label != label)
    return replace(made, lines=(*rest, Line(label, text)))


def known(world: World, *cells: Cells) -> list[Fact]:
    """What somebody tells who knows."""
    return [exactly(one, world.value(one), "told") for one in cells]


Planted = tuple[World, list[Fact], list[Fact]]  # the safe facts, and those with the leak
LEAKS: dict[str, Callable[[], Planted]] = {}


def leak(function: Callable[[], Planted]) -> Callable[[], Planted]:
    LEAKS[function.__name__.replace("_", " ")] = function
    return function


def with_facts(some: Case, planted: Sequence[Fact], safe: Sequence[Fact] = ()) -> Planted:
    before = [*some.facts(), *safe]
    return some.world, before, [*before, *planted]


def with_message(some: Case, *planted: Message) -> Planted:
    return some.world, some.facts(), some.facts(*planted)


# In one message


@leak
def the_newest_count_in_words() -> Planted:
    some = case(back1=4)
    what = next(one.text for one in some.made.lines if one.label == "What")
    return with_message(some, line(some.made, "What", what.replace("5 or fewer children", "4 children")))


@leak
def an_exact_message_to_people_who_may_not_see_it() -> Planted:
    some = case(back1=3)
    return with_message(some, message(some.alert, replace(some.context, threshold=0)))


@leak
def the_description_of_the_picture() -> Planted:
    some = case(back1=4)
    assert some.made.chart
    alt = some.made.chart.alt_text.replace("is not shown, to protect small numbers", "is 4")
    return with_message(some, replace(some.made, chart=replace(some.made.chart, alt_text=alt)))


@leak
def a_point_that_should_be_hidden() -> Planted:
    some = case(back30=2)
    assert some.made.chart
    shown = tuple(float(value) for value in some.world.truth["count"][-len(some.made.chart.observed) :])
    return with_message(some, replace(some.made, chart=replace(some.made.chart, observed=shown)))


@leak
def the_plans_that_a_question_names() -> Planted:
    some = case(back6=3)
    sums = [int(some.world.value(("count", start, END))) for start in (ONSET, ONSET + 1)]
    days = [f"{as_date(some.world.periods[i]):%-d %B}" for i in (ONSET, ONSET + 1)]
    asked = [
        line(some.made, "Ask", f"Review the {n} plans started since {day}.") for n, day in zip(sums, days, strict=True)
    ]
    return with_message(some, *asked)


@leak
def a_last_year_that_lacks_one_point() -> Planted:
    some = case(back60=4)
    year = Reader(some.world, True, END, ONSET, as_date(some.world.periods[-1])).year(
        "count", as_date("2017-03-31"), END
    )
    n = round(sum(weight * some.world.value(cells) for weight, cells in year))
    return with_message(
        some, line(some.made, "Ahead", f"1,800 in the year to 31 March (1,700-1,900), {n:,} a year ago.")
    )


@leak
def a_forecast_no_higher_than_what_was_counted() -> Planted:
    world = case(back1=1).world
    reader = Reader(world, True, END, ONSET, as_date(world.periods[-1]))
    year = reader.year("count", as_date("2018-03-31"), END)
    low = int(np.ceil(sum(weight * world.value(cells) for weight, cells in year) - 0.5))
    safe = [
        *known(world, *(("count", i, i + 1) for i in range(END - 53, END - 1))),
        between(NEWEST, 1, 5, "5 or fewer"),
    ]
    told = line(case().made, "Ahead", f"{low:,} in the year to 31 March ({low:,}-{low + 9:,}).")
    return world, safe, safe + Reader(world, True, END, ONSET, reader.when)._ahead(told.lines[-1].text)


@leak
def all_but_a_few_of_a_share() -> Planted:
    some = case("share", back1=20)
    rest = some.world.truth["rest"].copy()
    rest[-1] = 3
    truth = some.world.truth | {"rest": rest, "of": some.world.truth["count"] + rest}
    world = replace(some.world, truth=truth)
    return world, known(world, NEWEST), known(world, NEWEST, ("of", END - 1, END))


@leak
def a_percentage_of_few() -> Planted:
    world, cells = _share_of(12, 2), ("count", 0, 1)
    safe = known(world, ("of", 0, 1))
    told = [
        Fact(((1.0, cells), (-0.165, ("of", 0, 1))), 0, 1e6, "17%"),
        Fact(((1.0, cells), (-0.175, ("of", 0, 1))), -1e6, 0, "17%"),
    ]
    return world, safe, [*safe, *told]


@leak
def a_percentage_of_all() -> Planted:
    """Everyone but nobody: what is 100% of "5 or fewer", and then one more week, in which all were 5."""
    world = _share_of(5, 5)
    cells = ("count", 0, 1)
    safe = [between(("of", 0, 1), 5, 9, "a range")]
    told = [Fact(((1.0, cells), (-1.0, ("of", 0, 1))), 0, 0, "100%"), between(cells, 1, 5, "5 or fewer")]
    return world, safe, [*safe, *told]


def _share_of(of: float, count: float) -> World:
    truth = {"count": np.array([count]), "of": np.array([of]), "rest": np.array([of - count])}
    return World("share", "week", np.array(["2018-01-01"], "datetime64[D]"), truth, {"of": (("count", "rest"),)})


@leak
def families_less_children() -> Planted:
    some = case()
    truth = dict(some.world.truth)
    truth["siblings"] = np.where(np.arange(END) == ONSET, 3.0, 0.0)
    truth["families"] = truth["count"] - truth["siblings"]
    some = replace(some, world=replace(some.world, truth=truth))
    told = known(some.world, ("families", *WINDOW))
    reader = Reader(some.world)
    safe = [fact for fact in reader.message(line(some.made, "Who", "")) if "families" not in fact.source]
    return some.world, safe, safe + told


# In the record


@leak
def a_record_that_tells_the_newest_count() -> Planted:
    some = case(back1=4)
    told = record(replace(some.alert, text=some.made.text), 5) | {"observed": 4.0}
    return with_facts(some, Reader(some.world).record(told))


@leak
def a_record_whose_drivers_add_up_to_a_level() -> Planted:
    some = case("stock", direction="down", back1=3)
    return with_facts(some, Reader(some.world).record(record(some.alert, 0) | {"observed": None}))


# Between two messages of a thread


@leak
def a_window_that_is_a_week_shorter() -> Planted:
    some = case(back6=3)
    n = int(some.world.value(("count", ONSET + 1, END)))
    newest = int(some.world.value(NEWEST))
    said = f"{newest} children started a plan that week; 30 were expected (95% band 18-45)."
    what = f"{said} In five weeks: {n}, where 150 were expected."
    whole = f"{said} In six weeks: {int(some.world.value(('count', *WINDOW)))}, where 180 were expected."
    return with_message(some, line(some.made, "What", whole), line(some.made, "What", what))


@leak
def an_update_less_what_was_told_first() -> Planted:
    some = case(back1=4)
    return with_facts(some, known(some.world, ("count", ONSET, END - 1), ("count", *WINDOW)))


@leak
def two_levels_of_a_stock_of_which_one_is_told_a_year_later() -> Planted:
    some = case("stock", back44=4)
    return with_message(some, line(some.made, "Ahead", "40 on 31 March (30-50), 4 a year ago."))


@leak
def what_is_not_small_beside_what_is() -> Planted:
    """Three weeks together, one of them "not shown" though it is nothing, leave too little for the other two."""
    world = _weeks(4, 0, 3)
    safe = [between(("count", 0, 1), 1, 5, "5 or fewer"), between(("count", 2, 3), 1, 5, "5 or fewer")]
    told = [
        exactly(("count", 0, 3), 7, "in three weeks"),
        Fact(((1.0, ("count", 1, 2)),), 0, 1e6, "not shown", not_small=True),
    ]
    return world, safe, safe + told


def _weeks(*counts: float) -> World:
    periods = np.datetime64("2018-01-01") + 7 * np.arange(len(counts))
    return World("flow", "week", periods, {"count": np.array(counts, float)})


@leak
def as_many_as_there_can_be() -> Planted:
    """Two weeks of "5 or fewer" that are ten together."""
    world = _weeks(5, 5)
    safe = [between(("count", i, i + 1), 1, 5, "5 or fewer") for i in (0, 1)]
    return world, safe, [*safe, exactly(("count", 0, 2), 10, "in two weeks")]


# Between slices


@leak
def a_slice_that_is_the_whole_less_the_others() -> Planted:
    some = small_slices()
    return with_facts(some, known(some.world, ("team=Ash", *WINDOW)), known(some.world, ("team=Elm", *WINDOW)))


@leak
def two_breakdowns_of_one_total() -> Planted:
    """The total is not told, but one breakdown tells it whole and the other all but one slice."""
    some = small_slices()
    truth = some.world.truth
    rows = {f"category={name}": truth[f"team={name}"].copy() for name in ("Elm", "Oak", "Ash")}
    parts = {"count": (*some.world.parts["count"], tuple(rows))}
    rows["category=Oak"], rows["category=Ash"] = (
        np.where(np.arange(END) == ONSET, 2.0, 0.0),
        truth["team=Ash"] + truth["team=Oak"] - np.where(np.arange(END) == ONSET, 2.0, 0.0),
    )
    world = replace(some.world, truth=truth | rows, parts=parts)
    one = known(world, *((f"category={name}", *WINDOW) for name in ("Elm", "Ash")))
    whole = [
        *known(world, ("team=Elm", *WINDOW)),
        Fact(
            ((1.0, ("team=Oak", *WINDOW)), (1.0, ("team=Ash", *WINDOW))),
            *(2 * (world.value(("team=Oak", *WINDOW)) + world.value(("team=Ash", *WINDOW)),)),
            "the rest",
        ),
    ]
    return world, one, one + whole


@leak
def a_pair_that_is_its_margin_less_the_other() -> Planted:
    truth = {"team=Elm": np.array([40.0]), "Elm and Neglect": np.array([37.0]), "Elm and another": np.array([3.0])}
    world = World(
        "flow",
        "week",
        np.array(["2018-01-01"], "datetime64[D]"),
        truth,
        {"team=Elm": (("Elm and Neglect", "Elm and another"),)},
    )
    safe = known(world, ("Elm and Neglect", 0, 1))
    return world, safe, safe + known(world, ("team=Elm", 0, 1))


@leak
def a_rest_of_nobody() -> Planted:
    """Nobody anywhere else, and at least five here: then "5 or fewer" are five."""
    truth = {"count": np.array([5.0]), "team=Elm": np.array([5.0]), "team=Oak": np.array([0.0])}
    world = World(
        "flow", "week", np.array(["2018-01-01"], "datetime64[D]"), truth, {"count": (("team=Elm", "team=Oak"),)}
    )
    safe = [between(("count", 0, 1), 1, 5, "5 or fewer"), *known(world, ("team=Oak", 0, 1))]
    return world, safe, [*safe, between(("team=Elm", 0, 1), 4.5, 1e6, "Elm 5")]


@leak
def the_council_less_the_slice_of_another_alert() -> Planted:
    some = case(slice_=(("team", "Elm"),))
    others = np.where(np.arange(END) == END - 1, 4.0, 20.0)
    truth = some.world.truth | {"whole": some.world.truth["count"] + others, "others": others}
    some = replace(
        some, world=replace(some.world, truth=truth, parts=some.world.parts | {"whole": (("count", "others"),)})
    )
    return with_facts(some, known(some.world, ("whole", END - 1, END)))


@leak
def a_mean_of_the_digest_beside_the_points_of_an_alert() -> Planted:
    some = case(back9=2)
    points = [("count", i, i + 1) for i in range(END - 13, END) if i != END - 9]
    return with_facts(some, known(some.world, ("count", END - 13, END)), known(some.world, *points))
