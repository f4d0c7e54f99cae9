"""Who and what is behind an excess, in words: pathway stages, parts of a stock, slices and families.

What is said of a driver is its part of the excess, which is a model's figure: the number expected of a slice is not
told, so that its own count cannot be worked out. Nevertheless `_amounts` shows no part of 1 to 5 nor leaves one over,
and a driver whose own count is small, or gives a small one away, is not named at all (`_sayable`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecaster.suppress import hidden_slices, is_small
from forecaster.types import EVENT_KINDS, SINCE_PLAN, TIME_ON_PLAN, Alert, Driver, Slice, as_date
from forecaster.words.context import Context, Families, History
from forecaster.words.naming import (
    MIX,
    OTHERS,
    REST,
    Named,
    cause,
    is_kind_of_child,
    is_sayable,
    parsed,
    part,
    slice_name,
)
from forecaster.words.points import Shown
from forecaster.words.wording import (
    number,
    portion,
    rounded,
    sentence,
    shorten,
    since,
    slice_words,
    span,
    spelled,
    whole,
)

TOP = 3  # drivers named per breakdown
WORTH_NAMING = 0.1  # of the excess
ALL = 0.95  # of the excess: all of it
MOST = 0.85  # of it: the rest is as expected
HALF = 0.5  # of it, or of a part: most of it
PLACES, SOURCE = ("locality", "team"), ("source",)
WHO = (SINCE_PLAN, TIME_ON_PLAN, "category", "age_band", "gender", "ethnicity")
ENDS = "plan_end"  # measures of ends begin so: since when the last plan ended says nothing of them
FRONT_DOOR = ("contact", "referral")  # how many come in
COMPARISONS = ("neighbours", "peers")  # they say nothing of what happened since a day


def excess(alert: Alert, context: Context, shown: Shown | None) -> float | None:
    """The excess, if the observed number it comes from is shown; else None, and drivers are told as shares of it."""
    if shown is None or alert.kind == "neighbours" or shown.size > 1:
        return None
    first = alert.onset == context.period or context.kind == "stock"
    if shown.window is None and not (first and shown.last):
        return None
    size = abs(alert.total - alert.total_expected)
    return size if size >= 1 and not is_small(size, context.threshold) else None


# Which drivers may be named


def _findings(alert: Alert) -> list[Named]:
    """The drivers that say something: not what a split leaves over, nor the alert itself; named within its slice."""
    found = (parsed(driver).within(alert.slice) for driver in alert.drivers if driver.kind != "benchmark")
    return [one for one in found if one.head != REST and (one.slice or one.head not in ("", alert.measure))]


def _causes(alert: Alert, context: Context) -> list[Named]:
    """The stages of the pathway, or parts of a stock, that can be said."""
    found = (one for one in _findings(alert) if one.driver.kind in ("stage", "stock") and is_sayable(one.head))
    return [one for one in found if not _is_itself(one, context)]


def _is_itself(one: Named, context: Context) -> bool:
    """Whether a stage is only what the headline says, such as that a share rose because it rose."""
    return context.kind == "share" and one.driver.kind == "stage" and one.head not in EVENT_KINDS


def _sayable(group: Sequence[Named], context: Context) -> tuple[list[Named], bool]:
    """The drivers of one breakdown worth naming that may be, the largest first; and whether one of those may not be."""
    secret = hidden_slices([one.driver.observed for one in group], context.threshold)
    ranked = sorted(zip(group, secret, strict=True), key=lambda item: (-item[0].driver.share, item[0].driver.name))
    worth = [item for item in ranked if item[0].driver.share >= WORTH_NAMING][:TOP]
    return [one for one, hide in worth if not hide], any(hide for _, hide in worth)


def _slices(alert: Alert, context: Context, dimensions: Sequence[str]) -> list[list[Named]]:
    """The slices among the drivers, by breakdown or pair of breakdowns, in the dimensions' order, pairs last.

    A share's own rise in a team is told as that team's, where no team stands out by itself.
    """
    found = [one for one in _findings(alert) if one.slice and one.dimensions[-1] in dimensions]
    named = [one for one in found if one.driver.kind == "breakdown"]
    known = {one.dimensions for one in named}
    own = [one.as_slice() for one in found if _is_itself(one, context) and one.dimensions not in known]
    groups: dict[tuple[str, ...], list[Named]] = {}
    for one in (*named, *own):
        groups.setdefault(one.dimensions, []).append(one)
    return [groups[key] for key in sorted(groups, key=lambda key: (len(key), dimensions.index(key[-1])))]


# What may be asked about


def place(alert: Alert, context: Context) -> str:
    """Returns where an alert's questions are to be put: " in North", or "" where no place stands out."""
    if any(dimension in PLACES for dimension, _ in alert.slice):
        return shorten(slice_words(alert.key), 60)
    for group in _slices(alert, context, PLACES):
        said, _ = _sayable(group, context)
        if said and said[0].driver.share >= HALF:
            return f" in {shorten(slice_name(said[0].slice), 60)}"
    first = next((one for one in sayable_drivers(alert, context) if one.head), None)
    inner = _inner(first, _causes(alert, context), context) if first else None
    return f" in {shorten(slice_name(inner.slice), 60)}" if inner else ""


def sayable_drivers(alert: Alert, context: Context) -> list[Named]:
    """Returns what a question may be chosen by: the drivers that may be known of outside and go the way of the move.

    In their order, except that a source which most of the move is from comes before how many came in, and so does the
    slice that the alert is of, which only a decision comes before.
    """
    found = [one for one in _findings(alert) if one.driver.share >= WORTH_NAMING and _may_be_known(one, context)]
    if context.kind == "share":  # of how many it is a share
        found = [replace(one, head=MIX) if one.head in EVENT_KINDS else one for one in found]
    volume = next((i for i, one in enumerate(found) if one.head in FRONT_DOOR), len(found))
    source = [one for one in found[volume:] if not one.head and "source" in one.dimensions and one.driver.share >= HALF]
    found = [*found[:volume], *source, *(one for one in found[volume:] if one not in source)]
    if alert.slice:
        decided = bool(found) and " to " in found[0].head
        found.insert(int(decided), Named(Driver("breakdown", "", alert.excess, 1.0), "", alert.slice))
    return found


def _may_be_known(one: Named, context: Context) -> bool:
    return not is_small(one.driver.observed, context.threshold)


# Parts of the excess


def _amounts(group: Sequence[Named], of: float | None, threshold: int) -> tuple[list[str], bool]:
    """How much of the excess each driver is, and whether that comes to more than all of it.

    In words where the number is small, or is what slices leave over.
    """
    values = [abs(one.driver.share) * 100 if of is None else abs(one.driver.value) for one in group]
    numbers, total = rounded(values, of or 100), whole(of or 100)
    entire = [one.driver.share >= ALL if of is None else n >= total for one, n in zip(group, numbers, strict=True)]
    told = [of is None or not any(is_small(n, threshold) for n in both) for both in zip(values, numbers, strict=True)]
    if of is not None and group[0].driver.kind == "breakdown" and _leaves_few(values, numbers, told, of, threshold):
        told[max(i for i, tell in enumerate(told) if tell)] = False
    said = [
        "all" if every else number(n) + ("" if of else "%") if tell else portion(one.driver.share)
        for one, n, tell, every in zip(group, numbers, told, entire, strict=True)
    ]
    return said, sum(numbers) > total


def _leaves_few(
    values: Sequence[float], numbers: Sequence[int], told: Sequence[bool], of: float, threshold: int
) -> bool:
    """Whether what the told parts leave of the whole is small."""
    over = of - sum(value for value, tell in zip(values, told, strict=True) if tell)
    as_told = whole(of) - sum(n for n, tell in zip(numbers, told, strict=True) if tell)
    return any(told) and (is_small(over, threshold) or is_small(as_told, threshold))


def _of_what(alert: Alert, of: float | None) -> str:
    up = alert.direction == "up"
    return f"of the {number(of)} {'extra' if up else 'fewer'}" if of else f"of the {'rise' if up else 'fall'}"


# Why


def stages(alert: Alert, context: Context, of: float | None, most: int = 2) -> str:
    """Returns the pathway's stages, or what moved a stock, that explain the excess; and what went the other way.

    They are parts of one whole: a part that is one team's stands in brackets, unless Where says it. most: breakdowns
    that Where tells.
    """
    found = _causes(alert, context)
    parts = _of_one_whole([one for one in found if _explains(one, alert, context)])
    main = sorted((one for one in parts if one.driver.share >= WORTH_NAMING), key=lambda one: -one.driver.share)[:TOP]
    if not main:
        return ""
    long = context.kind == "stock" and not any("start" in one.head for one in found)
    said = [cause(one, context.kind, long) for one in main]
    against = next((cause(one, context.kind, long)[0] for one in parts if one.driver.share <= -WORTH_NAMING), "")
    inner = _inner(main[0], found, context)
    note = "" if inner and _is_told(inner, alert, context, most) else _most_in(inner, main[0])
    amounts, too_much = _amounts(main, of, context.threshold)
    return _explanation(said, note, amounts, _of_what(alert, of), against, too_much)


def _of_one_whole(parts: Sequence[Named]) -> list[Named]:
    """The parts of the whole move; where there are none each stage's or flow's largest part in a place."""
    every = [one for one in parts if not one.slice]
    ranked = sorted(parts, key=lambda one: -one.driver.share)
    return every or [one for i, one in enumerate(ranked) if one.head not in {other.head for other in ranked[:i]}]


def _explanation(
    said: Sequence[tuple[str, bool]],
    note: str,
    amounts: Sequence[str],
    of_what: str,
    against: Sequence[str],
    over: bool,
) -> str:
    """What explains how much; over: whether that is more than all, which is then said to be offset."""
    (first, plural), *others = said
    offset = f", in spite of {against}" if against else ""
    if amounts[0] == "all" and others:
        *before, last = [f"{first}{note}", *(name for name, _ in others)]
        return sentence(f"{', '.join(before)} and {last} explain all {of_what}{offset}")
    rest = [f"{name} {amount}" for (name, _), amount in zip(others, amounts[1:], strict=True)]
    text = ", ".join([f"{first}{note} {'explain' if plural else 'explains'} {amounts[0]} {of_what}", *rest])
    return sentence(text + (offset or ("; the rest went the other way" if over and others else "")))


def _explains(one: Named, alert: Alert, context: Context) -> bool:
    """Whether a stage says more than the headline: that a volume rose because it rose explains nothing."""
    volume = alert.measure.startswith(one.head) and one.driver.kind == "stage"
    return not (volume and not one.slice and one.driver.share >= ALL) and _may_be_known(one, context)


def _inner(outer: Named, among: Sequence[Named], context: Context) -> Named | None:
    """The part of a driver in which most of it is, if that may be named."""
    parts = [one for one in among if outer.holds(one) and _may_be_known(one, context)]
    top = max(parts, key=lambda one: one.driver.share, default=None)
    return top if top and top.driver.share >= HALF * outer.driver.share else None


def _most_in(inner: Named | None, outer: Named) -> str:
    """Where most of a driver is, in brackets: " (most in Team 1)"."""
    if inner is None:
        return ""
    return f" ({portion(inner.driver.share / outer.driver.share)} in {slice_name(_beyond(inner, outer))})"


def _beyond(inner: Named, outer: Named) -> Slice:
    return tuple(pair for pair in inner.slice if pair not in outer.slice)


def _is_told(inner: Named, alert: Alert, context: Context, most: int) -> bool:
    """Whether Where names the place of a part as well."""
    told = {pair for one in _lists(alert, context, PLACES)[:most] for pair in one.places}
    return set(inner.slice) <= told


# Where, From, Who


@dataclass(frozen=True)
class _List:
    """The slices of one breakdown that are told, in each the part in which most of it is; hides: whether others may
    not be."""

    said: Sequence[Named]
    inner: Sequence[Named | None]
    hides: bool

    @property
    def places(self) -> set[tuple[str, str]]:
        return {pair for one in (*self.said, *self.inner) if one for pair in one.slice}


def _lists(alert: Alert, context: Context, dimensions: Sequence[str]) -> list[_List]:
    """What is told of some breakdowns; a pair stands in brackets behind the slice it is a part of."""
    groups = _slices(alert, context, dimensions)
    everyone = [one for group in groups for one in group]
    outer = [one for one in everyone if one.driver.share >= WORTH_NAMING]
    lists: list[_List] = []
    bracketed: set[Slice] = set()
    for group in groups:
        said, hides = _sayable([one for one in group if not any(other.holds(one) for other in outer)], context)
        if said and said[0].slice not in bracketed:
            inner = [_inner(one, everyone, context) for one in said]
            bracketed |= {_beyond(part, one) for part, one in zip(inner, said, strict=True) if part}
            lists.append(_List(said, inner, hides))
    return lists


def breakdowns(alert: Alert, context: Context, dimensions: Sequence[str], of: float | None, most: int = 2) -> str:
    """Returns some breakdowns in words, at most `most` of them."""
    of_what, sentences = _of_what(alert, of), list[str]()
    for one in _lists(alert, context, dimensions)[:most]:
        amounts, too_much = _amounts(one.said, of, context.threshold)
        whose = of_what if not sentences or amounts[0] == "all" else ""
        sentences.append(_breakdown(one, amounts, too_much, whose))
    return " ".join(sentences)


def _breakdown(told: _List, amounts: Sequence[str], too_much: bool, of_what: str) -> str:
    """One sentence on one breakdown; what the numbers are part of is said behind the first."""
    if not of_what.endswith("fall") and is_kind_of_child(told.said[0]):
        of_what = of_what.replace("rise", "extra children")
    parts = [
        part(one, amount, "" if i else of_what, _most_in(inner, one))
        for i, (one, inner, amount) in enumerate(zip(told.said, told.inner, amounts, strict=True))
    ]
    others, explained = OTHERS.get(told.said[0].dimensions[-1], ""), sum(one.driver.share for one in told.said)
    rest = "smaller groups not shown" if told.hides else ""
    if too_much:
        rest = f"{rest}; {others or 'others'} went the other way".lstrip("; ")
    elif others and not rest and explained >= MOST and len(told.said) < TOP:
        rest = f"{others} as expected"
    return sentence(", ".join(parts) + (f"; {rest}" if rest else ""))


# Families and children


def who(alert: Alert, context: Context, of: float | None, shown: Shown | None, most: int = 2) -> str:
    """Returns who the children are: how long after their last plan, with what, how old, how many families."""
    of_ends = alert.measure.startswith(ENDS)
    kinds = breakdowns(alert, context, WHO[1:] if of_ends else WHO, of, most)
    return " ".join(filter(None, [kinds, families(alert, context, of, shown)]))


def families(alert: Alert, context: Context, of: float | None, shown: Shown | None) -> str:
    """How many families those are whom the message counts: it may be a few large sibling groups."""
    past, found = context.history, context.families
    if past is None or found is None or shown is None or alert.direction == "down" or alert.kind in COMPARISONS:
        return ""
    if shown.families is None:
        return ""
    told = slice(shown.window.start if shown.window else shown.end - 1, shown.end)
    start = f"since {since(as_date(past.periods[told.start]), context.period, context.step)}"
    if shown.size > 1:  # sums of the chart's points do not begin with the onset
        start = f"in these {span(told.stop - told.start, context.step)}"
    if shown.families == "as many":
        return f"{start[:1].upper()}{start[1:]} nearly every child is of another family."
    if shown.families == "few":
        return f"The children {start} are {context.threshold} or fewer families."
    many = (
        _extra_families(alert, context, past, found, told, of)
        if of
        else f"The children {start} are {number(float(found.count[told].sum()))} families"
    )
    return f"{many}, {_groups(float(np.nanmax(found.largest[told])), context.threshold)}."


def _groups(largest: float, threshold: int) -> str:
    """How large the largest sibling group of a period is; its size to those alone who may see every number."""
    if not threshold:
        return f"the largest group of siblings is {number(largest)}"
    how_many = "with a" if largest > threshold else "no"
    return f"{how_many} group of over {spelled(threshold)} siblings"


def _extra_families(alert: Alert, context: Context, past: History, found: Families, told: slice, of: float) -> str:
    """How many of the families since the onset are beyond those that the expected number of children usually are."""
    children, families = past.count[: told.start], found.count[: told.start]
    known = np.isfinite(children + families)
    usual = children[known].sum() / max(families[known].sum(), 1.0)
    extra = min(np.nansum(found.count[told]) - alert.total_expected / max(usual, 1.0), of)
    if whole(extra) <= context.threshold:
        return f"{'Hardly' if context.threshold else 'No'} more families than usual"
    return f"About {number(extra)} more families than usual"
