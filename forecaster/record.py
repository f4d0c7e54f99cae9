"""An alert as data, in the form of `backtest --json` and `alerts --json`; small numbers are left out here too."""

from __future__ import annotations

from typing import Any

from forecaster.suppress import is_small
from forecaster.types import Alert, Driver


def record(alert: Alert, threshold: int) -> dict[str, Any]:
    """Returns an alert as plain values; a figure that would give away a count of 1 to `threshold` is None.

    observed is a count per period (of the newest one), a level, or a proportion; its count since the onset decides
    whether it may be shown. Dates are ISO dates.
    """
    proportion = alert.kind in ("drift", "neighbours")  # or a rate
    counts = (alert.total,) if proportion else (alert.observed, alert.total)
    hidden = any(is_small(count, threshold) for count in counts)
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
        "expected": round(alert.expected, 4),
        "observed": None if hidden else round(alert.observed, 4),
        "drivers": [_driver(driver, threshold) for driver in alert.drivers],
        "text": alert.text,
    }


def _driver(driver: Driver, threshold: int) -> dict[str, Any]:
    hidden = is_small(driver.observed, threshold)
    return {
        "kind": driver.kind,
        "name": driver.name,
        "value": None if hidden else round(driver.value, 2),
        "share": None if hidden else round(driver.share, 4),
    }
