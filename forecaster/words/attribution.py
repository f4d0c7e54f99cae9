"""Who and what is behind an excess, in words: pathway stages, parts of a stock, slices and families.

What is said of a driver is its part of the excess, which is a model's figure: the number expected of a slice is not
told, so that its own count cannot be worked out. Nevertheless `_amounts` shows no part of 1 to 5 nor leaves one over,
and a driver whose own count is small, or gives a small one away, is not named at all (`_sayable`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecaster.suppress import hidden_slices, is_small
from forecaster.types import SINCE_PLAN, TIME_ON_PLAN, Alert, Slice, as_date
from forecaster.words.context import Context, Families, History
from forecaster.words.naming import OTHERS, REST, Named, band, cause, parsed, slice_name
from forecaster.words.points import Shown
from forecaster.words.wording import number, percent, portion, sentence, shorten, since, slice_words, whole

TOP = 3  # drivers named per breakdown
WORTH_NAMING = 0.1  # of the excess
ALL = 0.95  # of the excess: all of it
MOST = 0.85  # of it: the rest is as expected
PLACES, SOURCE = ("locality", "team"), ("source",)
WHO = (SINCE_PLAN, TIME_ON_PLAN, "category", "age_band", "gender", "ethnicity")
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


def _sayable(group: Sequence[Named], context: Context) -> tuple[list[Named], bool]:
    """The drivers of one breakdown worth naming that may be, the largest first; and whether one of those may not be."""
    secret = hidden_slices([one.driver.observed for one in group], context.threshold)
    ranked = sorted(zip(group, secret, strict=True), key=lambda item: (-item[0].driver.share, item[0].driver.name))
    worth = [item for item in ranked if item[0].driver.share >= WORTH_NAMING][:TOP]
    return [one for one, hide in worth if not hide], any(hide for _, hide in worth)


def _slices(alert: Alert, dimensions: Sequence[str]) -> list[list[Named]]:
    """The slices among the drivers, by breakdown or pair of breakdowns, in the dimensions' order, pairs last."""
    groups: dict[tuple[str, ...], list[Named]] = {}
    for one in _findings(alert):
        if one.driver.kind == "breakdown" and not one.head and one.slice and one.dimensions[-1] in dimensions:
            groups.setdefault(one.dimensions, []).append(one)
    return [groups[key] for key in sorted(groups, key=lambda key: (len(key), dimensions.index(key[-1])))]


def place(alert: Alert, context: Context) -> str:
    """Returns where an alert's questions are to be put: " in North", or "" where no place stands out."""
    if any(dimension in PLACES for dimension, _ in alert.slice):
        return shorten(slice_words(alert.key), 60)
    for group in _slices(alert, PLACES):
        said, _ = _sayable(group, context)
        if said and said[0].driver.share >= 0.5:
            return f" in {shorten(slice_name(said[0].slice), 60)}"
    return ""


def sayable_drivers(alert: Alert, context: Context) -> list[Named]:
    """Returns the drivers that may be known of outside, in their order: what a question may be chosen by."""
    return [one for one in _findings(alert) if not is_small(one.driver.observed, context.threshold)]


# Parts of the excess


def _amounts(group: Sequence[Named], of: float | None, threshold: int) -> list[str]:
    """How much of the excess each driver is; in words where the number is small, or is what slices leave over."""
    if of is None:
        return ["all" if one.driver.share >= ALL else percent(abs(one.driver.share)) for one in group]
    values = [abs(one.driver.value) for one in group]
    told = [not is_small(value, threshold) for value in values]
    over = of - sum(value for value, tell in zip(values, told, strict=True) if tell)
    if is_small(over, threshold) and any(told) and group[0].driver.kind == "breakdown":
        told[max(i for i, tell in enumerate(told) if tell)] = False
    return [
        number(value) if tell else portion(one.driver.share)
        for one, value, tell in zip(group, values, told, strict=True)
    ]


def _of_what(alert: Alert, of: float | None) -> str:
    up = alert.direction == "up"
    return f"of the {number(of)} {'extra' if up else 'fewer'}" if of else f"of the {'rise' if up else 'fall'}"


def stages(alert: Alert, context: Context, of: float | None) -> str:
    """The pathway's stages, or what moved a stock, that explain the excess; and what went the other way."""
    found = [one for one in _findings(alert) if one.driver.kind in ("stage", "stock")]
    parts = [one for one in found if not any(other.holds(one) for other in found) and _explains(one, alert, context)]
    ranked = sorted((one for one in parts if one.driver.share >= WORTH_NAMING), key=lambda one: -one.driver.share)
    main = [one for i, one in enumerate(ranked) if one.head not in {other.head for other in ranked[:i]}][:TOP]
    if not main:
        return ""
    amounts, what = _amounts(main, of, context.threshold), _of_what(alert, of)
    first, plural = cause(main[0], context.kind)
    first += _most_in(_inner(main[0], found, context), main[0])
    amount = f"all {what}" if main[0].driver.share >= ALL else f"{amounts[0]} {what}"
    rest = [f"{cause(one, context.kind)[0]} {told}" for one, told in zip(main[1:], amounts[1:], strict=True)]
    against = [cause(one, context.kind)[0] for one in parts if one.driver.share <= -WORTH_NAMING][:1]
    text = ", ".join([f"{first} {'explain' if plural else 'explains'} {amount}", *rest])
    return sentence(text + (f", in spite of {against[0]}" if against else ""))


def _explains(one: Named, alert: Alert, context: Context) -> bool:
    """Whether a stage says more than the headline: that a share or a volume rose because it rose explains nothing."""
    conversion, volume = " to " in one.head, alert.measure.startswith(one.head) and one.driver.kind == "stage"
    itself = not one.slice and ((context.kind == "share" and conversion) or (volume and one.driver.share >= ALL))
    return not itself and not is_small(one.driver.observed, context.threshold)


def _inner(outer: Named, among: Sequence[Named], context: Context) -> Named | None:
    """The part of a driver in which most of it is, if that may be named."""
    parts = [one for one in among if outer.holds(one) and not is_small(one.driver.observed, context.threshold)]
    top = max(parts, key=lambda one: one.driver.share, default=None)
    return top if top and top.driver.share >= 0.5 * outer.driver.share else None


def _most_in(inner: Named | None, outer: Named) -> str:
    """Where most of a driver is, in brackets: " (most in Team 1)"."""
    if inner is None:
        return ""
    return f" ({portion(inner.driver.share / outer.driver.share)} in {slice_name(_beyond(inner, outer))})"


def _beyond(inner: Named, outer: Named) -> Slice:
    return tuple(pair for pair in inner.slice if pair not in outer.slice)


def breakdowns(alert: Alert, context: Context, dimensions: Sequence[str], of: float | None, most: int = 2) -> str:
    """Some breakdowns in words, at most `most` of them; a pair stands in brackets behind the slice it is a part of."""
    groups = _slices(alert, dimensions)
    everyone = [one for group in groups for one in group]
    outer = [one for one in everyone if one.driver.share >= WORTH_NAMING]
    sentences: list[str] = []
    bracketed: set[Slice] = set()
    for group in groups:
        said, hides = _sayable([one for one in group if not any(other.holds(one) for other in outer)], context)
        if said and said[0].slice not in bracketed:
            inner = [_inner(one, everyone, context) for one in said]
            bracketed |= {_beyond(part, one) for part, one in zip(inner, said, strict=True) if part}
            notes = [_most_in(part, one) for part, one in zip(inner, said, strict=True)]
            of_what = "" if sentences else _of_what(alert, of)
            sentences.append(_breakdown(said, hides, notes, _amounts(said, of, context.threshold), of_what))
    return " ".join(sentences[:most])


def _breakdown(said: Sequence[Named], hides: bool, notes: Sequence[str], amounts: Sequence[str], of_what: str) -> str:
    """One sentence on one breakdown; what the numbers are part of is said behind the first."""
    parts = []
    for i, (one, note, amount) in enumerate(zip(said, notes, amounts, strict=True)):
        much = f"{amount} {of_what}" if of_what and not i else amount
        clause, name = band(one.slice), slice_name(one.slice)
        apart = ":" if name[-1:].isdigit() else ""
        parts.append(f"{much} {clause}" if clause else f"{name}{apart} {much}{note}")
    rest, explained = OTHERS.get(said[0].dimensions[-1], ""), sum(one.driver.share for one in said)
    if hides:
        rest = "smaller groups not shown"
    elif rest and explained >= MOST and len(said) < TOP:
        rest += " as expected"
    else:
        rest = ""
    return sentence(", ".join(parts) + (f"; {rest}" if rest else ""))


# Families and children


def who(alert: Alert, context: Context, of: float | None, shown: Shown | None, most: int = 2) -> str:
    """Returns who the children are: how long after their last plan, with what, how old, how many families."""
    return " ".join(filter(None, [breakdowns(alert, context, WHO, of, most), families(alert, context, of, shown)]))


def families(alert: Alert, context: Context, of: float | None, shown: Shown | None) -> str:
    """How many families those are whom the message counts: it may be a few large sibling groups."""
    past, found = context.history, context.families
    if past is None or found is None or shown is None or alert.direction == "down" or alert.kind in COMPARISONS:
        return ""
    if shown.families is None:
        return ""
    told = slice(shown.window.start if shown.window else shown.end - 1, shown.end)
    start = since(as_date(past.periods[told.start]), context.period, context.step)
    if shown.families == "as many":
        return f"Since {start} nearly every child is of another family."
    if shown.families == "few":
        return f"The children since {start} are {context.threshold} or fewer families."
    whose = f"The {number(of)} extra" if of else f"The children since {start}"
    total = float(found.count[told].sum())
    many = _extra_families(alert, context, past, found, told, of) if of else number(total)
    return f"{whose} are {many} families; {_groups(float(np.nanmax(found.largest[told])), context.threshold)}."


def _groups(largest: float, threshold: int) -> str:
    """How large the largest sibling group of a period is; its size to those alone who may see every number."""
    if not threshold:
        return f"the largest sibling group is {number(largest)}"
    return f"{'one sibling group or more is' if largest > threshold else 'no sibling group is'} over {threshold}"


def _extra_families(alert: Alert, context: Context, past: History, found: Families, told: slice, of: float) -> str:
    """How many of the families since the onset are beyond those that the expected number of children usually are."""
    children, families = past.count[: told.start], found.count[: told.start]
    known = np.isfinite(children + families)
    usual = children[known].sum() / max(families[known].sum(), 1.0)
    extra = min(np.nansum(found.count[told]) - alert.total_expected / max(usual, 1.0), of)
    if whole(extra) <= context.threshold:
        return f"{context.threshold} or fewer" if context.threshold else "no more"
    return f"about {number(extra)}"
