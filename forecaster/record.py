"""An alert as data, in the form of `backtest --json` and `alerts --json`; small numbers are left out here too."""

from __future__ import annotations

import math
from typing import Any

from forecaster.suppress import is_small
from forecaster.types import Alert, Driver


def record(alert: Alert, threshold: int) -> dict[str, Any]:
    """Returns an alert as plain values; a figure that would give away a count of 1 to `threshold` is None.

    observed is a count per period (of the newest one), a level, or a proportion; it is told only if its count since
    the onset may be, and as a message told it. Otherwise nor are the parts of the excess: with what was expected they
    would lead to what was counted. A share is in whole percents, as its counts follow from more decimals.
    Dates are ISO dates; what is not known is None too.
    """
    proportion = alert.kind in ("drift", "neighbours")  # or a rate
    counts = (alert.total,) if proportion else (alert.observed, alert.total)
    observed = alert.observed_told if threshold else alert.observed
    hidden = observed is None or any(is_small(count, threshold) for count in counts)
    shares_alone = hidden or bool(threshold and not alert.excess_told)
    return {
        "id": alert.id,
        "kind": alert.kind,
        "measure": alert.measure,
        "breakdown": dict(alert.slice),
        "direction": alert.direction,
        "severity": alert.severity,
        "opened": str(alert.opened),
        "onset": str(alert.onset),
        "updated": str(alert.updated),
        "resolved": str(alert.resolved) if alert.resolved else None,
        "state": alert.state,
        "expected": _rounded(alert.expected, 4),
        "observed": None if hidden else _rounded(observed, 2 if alert.kind == "drift" and threshold else 4),
        "drivers": [_driver(driver, threshold, shares_alone) for driver in alert.drivers],
        "text": alert.text,
    }


def _driver(driver: Driver, threshold: int, share_alone: bool) -> dict[str, Any]:
    """A driver; of an excess that may not be told it is only told what share of it the driver is."""
    hidden = is_small(driver.observed, threshold)
    return {
        "kind": driver.kind,
        "name": driver.name,
        "value": None if hidden or share_alone else _rounded(driver.value, 2),
        "share": None if hidden else _rounded(driver.share, 4),
    }


def _rounded(value: float | None, places: int) -> float | None:
    """A number as JSON can hold it."""
    return None if value is None or not math.isfinite(value) else round(value, places)
