"""Who and what is behind an excess, in words: the named slices, pathway stages and families."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from forecaster.context import Context, Families, History
from forecaster.points import Shown
from forecaster.suppress import Ledger, hidden_slices, is_small
from forecaster.types import DIMENSIONS, Alert, Driver, Slice
from forecaster.wording import clean, named, number, percent, sentence, since, whole

TOP = 3  # drivers named per breakdown
WORTH_NAMING = 0.1  # of the excess
MOST = 0.85  # of it: the rest is as expected
COMPARISONS = ("neighbours", "peers")  # they say nothing of what happened since a day
PAIR = re.compile(rf"(?:^|, )({'|'.join(DIMENSIONS)})=")


def excess(alert: Alert, context: Context, shown: Shown | None) -> float | None:
    """The excess, if the observed number it comes from is shown; else None, and drivers are told as shares of it."""
    if shown is None or alert.kind == "neighbours" or shown.size > 1:
        return None
    first = alert.onset == context.period or context.kind == "stock"
    if shown.window is None and not (first and shown.last):
        return None
    size = abs(alert.total - alert.total_expected)
    return size if size >= 1 else None


def _named_drivers(
    alert: Alert, context: Context, drivers: Sequence[tuple[str, Driver]], of: float | None
) -> list[str]:
    """The top drivers of one breakdown; those whose own count is small, or gives a small one away, are not named."""
    secret = hidden_slices([driver.observed for _, driver in drivers], context.threshold)
    ranked = sorted(zip(drivers, secret, strict=True), key=lambda item: (-item[0][1].share, item[0][0]))
    worth = [item for item in ranked if item[0][1].share >= WORTH_NAMING][:TOP]
    parts = [_named_driver(name, driver, of) for (name, driver), hide in worth if not hide]
    if not parts:
        return []
    if any(hide for _, hide in worth):
        parts.append("smaller groups not shown")
    elif len(drivers) > len(worth) > 0 and sum(driver.share for (_, driver), _ in worth) >= MOST:
        parts.append("others as expected")
    return parts


def _named_driver(name: str, driver: Driver, of: float | None) -> str:
    apart = ":" if name[-1:].isdigit() else ""
    return f"{name}{apart} {number(abs(driver.value)) if of else percent(driver.share)}"


def _of_what(alert: Alert, of: float | None) -> str:
    up = alert.direction == "up"
    return f"of the {number(of)} {'extra' if up else 'fewer'}" if of else f"of the {'rise' if up else 'fall'}"


def breakdowns(alert: Alert, context: Context, dimensions: Sequence[str], of: float | None) -> str:
    """One line on the breakdowns by some dimensions, at most two of them, in the dimensions' order."""
    groups: dict[tuple[str, ...], list[tuple[str, Driver]]] = {}
    for driver in alert.drivers:
        own = _slice(driver)
        if own and own != alert.slice and own[-1][0] in dimensions:
            words = " / ".join(named(*pair) for pair in own)
            groups.setdefault(tuple(dimension for dimension, _ in own), []).append((words, driver))
    ordered = sorted(groups, key=lambda group: dimensions.index(group[-1]))
    said = [_named_drivers(alert, context, groups[group], of) for group in ordered]
    return _sentences([parts for parts in said if parts][:2], _of_what(alert, of))


def _slice(driver: Driver) -> Slice:
    """The slice that a driver's name spells out ("locality=North, team=Team 2"); empty for other drivers."""
    pieces = PAIR.split(driver.name)[1:] if driver.kind == "breakdown" else []
    return tuple(zip(pieces[::2], pieces[1::2], strict=True))


def _sentences(groups: Sequence[list[str]], of_what: str) -> str:
    """One sentence a breakdown; what the numbers are part of is said once, after the first."""
    texts = [[f"{parts[0]} {of_what}" if i == 0 else parts[0], *parts[1:]] for i, parts in enumerate(groups)]
    return " ".join(sentence(", ".join(parts)) for parts in texts)


def stages(alert: Alert, context: Context, of: float | None) -> str:
    """The pathway stages, or ends against starts, that explain the excess."""
    own = [(clean(d.name, 60), d) for d in alert.drivers if d.kind in ("stage", "stock")]
    parts = _named_drivers(alert, context, own, of)
    return _sentences([parts] if parts else [], _of_what(alert, of))


def families(alert: Alert, context: Context, of: float | None) -> str:
    """How many families a rise is: it may be a few large sibling groups."""
    past, found = context.history, context.families
    if past is None or found is None or alert.direction == "down" or alert.kind in COMPARISONS:
        return ""
    told = slice(max(past.end(alert.onset) - 1, 0), past.end(context.period))
    children, named = past.count[told], found.count[told]
    start, total = since(alert.onset, context.period, context.step), float(np.nansum(named))
    if np.isnan(named[np.isfinite(children)]).any() or not total or is_small(np.nansum(children), context.threshold):
        return ""
    if is_small(float(np.nansum(children - named)), context.threshold):
        return f"Since {start} nearly every child is of another family."
    if is_small(total, context.threshold):
        return f"The children since {start} are {context.threshold} or fewer families."
    if not _may_tell(context, past, found, told):
        return ""
    whose = f"The {number(of)} extra" if of else f"The children since {start}"
    many = _extra_families(alert, context, past, found, told, of) if of else number(total)
    large = np.nanmax(found.largest[told]) > context.threshold
    groups = "one sibling group or more is" if large else "no sibling group is"
    return f"{whose} are {many} families; {groups} over {context.threshold}."


def _may_tell(context: Context, past: History, found: Families, told: slice) -> bool:
    """Whether the families since the onset give no few of them away, beside those of the alert's earlier messages."""
    ledger = Ledger([found.count, past.count - found.count], context.threshold)
    for when in sorted(context.told):
        ledger.show(told.start, past.end(when))
    return ledger.show(told.start, told.stop)


def _extra_families(alert: Alert, context: Context, past: History, found: Families, told: slice, of: float) -> str:
    """How many of the families since the onset are beyond those that the expected number of children usually are."""
    children, families = past.count[: told.start], found.count[: told.start]
    known = np.isfinite(children + families)
    usual = children[known].sum() / max(families[known].sum(), 1.0)
    extra = min(np.nansum(found.count[told]) - alert.total_expected / max(usual, 1.0), of)
    return f"about {number(extra)}" if whole(extra) > context.threshold else f"{context.threshold} or fewer"
