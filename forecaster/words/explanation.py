"""The whole explanation of an alert, for who wants more than its message: every driver, and what the stages sum to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from forecaster.record import record
from forecaster.types import Alert, Driver
from forecaster.words.naming import parsed

COLUMNS = ("Kind", "Name", "Part of the change", "Share")
HIDDEN = "c"  # as official statistics print what is suppressed
KINDS = {"breakdown": "slice", "stage": "stage", "stock": "starts and ends", "benchmark": "compared with"}
Row = tuple[str, str, str, str]


def rows(alert: Alert, threshold: int) -> list[Row]:
    """Returns a row for every driver, in their order, then what the stages (or starts and ends) come to together.

    What `record` leaves out is left out here, and a sum from which it could be worked out as well.
    """
    shown = record(alert, threshold)["drivers"]
    found = [_row(KINDS[one["kind"]], one["name"], one["value"], one["share"]) for one in shown]
    return [*found, *_together(alert.drivers, shown)]


def _row(kind: str, name: str, value: float | None, share: float | None) -> Row:
    part = HIDDEN if value is None else f"{value:+.1f}"
    return kind, name, part, HIDDEN if share is None else f"{share:.0%}"


def _together(drivers: Sequence[Driver], shown: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Of each split its sum: the parts of the whole alone, as those of single teams are in them."""
    for kind in ("stage", "stock"):
        parts = [i for i, driver in enumerate(drivers) if driver.kind == kind and not parsed(driver).slice]
        if len(parts) > 1:
            value, share = (
                sum(getattr(drivers[i], name) for i in parts)
                if all(shown[i][name] is not None for i in parts)
                else None
                for name in ("value", "share")
            )
            yield _row("", f"the {len(parts)} together", value, share)


def standing(alert: Alert, others: Collection[Alert]) -> list[str]:
    """Returns a line each on how it stands, its story, who looks into it, who holds it and whom it was passed on to.

    others: the other alerts of the same story.
    """
    until = f" until {alert.snoozed_until}" if alert.state == "snoozed" else ""
    told = {
        "State": alert.state + until + (f" by {alert.held_by}" if alert.held_by else ""),
        "Assigned to": alert.assignee or "nobody",
        "Escalated": f"{alert.escalated} step{'s' if alert.escalated > 1 else ''}" if alert.escalated else "",
        "Story": f"{alert.story or alert.id}" if others else "",
        "With": ", ".join(other.id for other in others),
    }
    return [f"{name:<12} {value}" for name, value in told.items() if value]
