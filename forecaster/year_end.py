"""Where a series is heading by 31 March: what was counted since April, and what is to be expected of the rest."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import closing, following, opening, per_year, period_end
from forecaster.context import YearEnd
from forecaster.funnel import CLUSTERING, back, transform
from forecaster.models.counts import outturn
from forecaster.types import QUANTILES, Dates, Floats, Forecasts, Panel, SeriesKey, as_date

LOW, MEDIAN, HIGH = (QUANTILES.index(q) for q in (0.025, 0.5, 0.975))
# Standard deviation of a share's real change over a year, on the arcsine scale. In the Department's yearly figures,
# chance taken off, it is .03 for repeat plans, .04 for re-referrals, .10 for referrals to no further action.
WANDERS = 0.04


def year_end_outlook(panel: Panel, forecasts: Forecasts, key: SeriesKey) -> YearEnd | None:
    """Returns where a series is heading by 31 March; None without a forecast or where a flow's year so far has gaps."""
    kind = panel.kinds[panel.row(key)]
    if kind == "share":
        return _share(panel, key)
    if key not in forecasts.keys:
        return None
    return _stock(panel, forecasts, key) if kind == "stock" else _flow(panel, key)


def _at(panel: Panel, values: Floats, day: dt.date) -> float | None:
    """The value of the last period that is over by a day, None where there is none."""
    ends = [period_end(as_date(p), panel.step) <= day for p in panel.periods[-2 * per_year(panel.step) :]]
    if not any(ends):
        return None
    value = values[-len(ends) :][sum(ends) - 1]
    return float(value) if np.isfinite(value) else None


def _stock(panel: Panel, forecasts: Forecasts, key: SeriesKey) -> YearEnd | None:
    closes = closing(as_date(panel.periods[-1]), panel.step)
    over = [period_end(as_date(p), panel.step) <= closes for p in forecasts.periods]
    if not any(over):
        return None
    low, median, high = forecasts.values[forecasts.keys.index(key), sum(over) - 1][[LOW, MEDIAN, HIGH]]
    year_ago = _at(panel, panel.count[panel.row(key)], closes.replace(year=closes.year - 1))
    return YearEnd(closes, float(low), float(median), float(high), year_ago)


def _to_come(panel: Panel, closes: dt.date) -> Dates:
    """The periods after the newest that begin before the year closes."""
    coming = following(as_date(panel.periods[-1]), per_year(panel.step) + 1, panel.step)
    return coming[coming <= np.datetime64(closes)]


def _flow(panel: Panel, key: SeriesKey) -> YearEnd | None:
    """The financial year's total: so far, plus the forecast of what is left of it."""
    closes = closing(as_date(panel.periods[-1]), panel.step)
    one = panel.select([panel.row(key)])
    count, so_far = one.count[0], panel.periods >= np.datetime64(opening(closes))
    if not np.isfinite(count[so_far]).all():
        return None
    left = len(_to_come(panel, closes))
    mean, deviation = outturn(one, left) if left else (0.0, 0.0)
    before = _year_before(panel, closes)
    whole_year = before.sum() >= per_year(panel.step) and np.isfinite(count[before]).all()
    low, high = (max(mean + z * deviation, 0.0) for z in (-1.96, 1.96))
    base = float(count[so_far].sum())
    return YearEnd(closes, base + low, base + mean, base + high, float(count[before].sum()) if whole_year else None)


def _year_before(panel: Panel, closes: dt.date) -> NDArray[np.bool_]:
    opened, before = (np.datetime64(opening(closes.replace(year=closes.year - back))) for back in (0, 1))
    return np.asarray((panel.periods >= before) & (panel.periods < opened))


@dataclass(frozen=True)
class _Rest:
    """The rest of the year: how many plans (or referrals) are expected in it, their share, and its deviation."""

    size: float
    share: float
    deviation: float


def _rest(hits: float, size: float, coming: float, left: float) -> _Rest:
    """What is to come of a size in `left` years, given the last year: chance, siblings, and a level that wanders.

    The mean of a random walk over the year before now and over the time to come differ by a third of its variance a
    year for each year of both.
    """
    variance = CLUSTERING / (4 * size) + CLUSTERING / (4 * max(coming, 1.0)) + WANDERS**2 * (1 + left) / 3
    return _Rest(coming, (hits + 0.5) / (size + 1), float(np.sqrt(variance)))


def _share(panel: Panel, key: SeriesKey) -> YearEnd | None:
    """The financial year's share: counted so far, plus an overdispersed binomial at the last year's share for the rest.

    Periods whose share is not known yet, because what follows may still come, are of the rest.
    """
    closes, row = closing(as_date(panel.periods[-1]), panel.step), panel.row(key)
    count, of = panel.count[row], panel.of[row]
    seen = np.isfinite(count) & np.isfinite(of)
    recent = np.flatnonzero(seen)[-per_year(panel.step) :]
    size = float(of[recent].sum())
    if len(recent) < per_year(panel.step) / 2 or size <= 0:
        return None
    opened = np.datetime64(opening(closes))
    so_far = seen & (panel.periods >= opened)
    coming = len(_to_come(panel, closes)) + int((~seen & (panel.periods >= opened)).sum())
    rest = _rest(float(count[recent].sum()), size, size * coming / len(recent), coming / per_year(panel.step))
    hits, known = float(count[so_far].sum()), float(of[so_far].sum())
    return YearEnd(
        closes, *_shares(hits, known, rest), _share_of(panel, row, _year_before(panel, closes) & seen),
        so_far=hits / known if known else None, size=known + rest.size,
    )  # fmt: skip


def _shares(hits: float, known: float, rest: _Rest) -> tuple[float, float, float]:
    """Lower, median and upper of the whole year's share; the arcsine scale keeps them between none and all."""
    whole = known + rest.size
    share = (hits + rest.share * rest.size) / whole
    slope = np.sqrt(rest.share * (1 - rest.share) / max(share * (1 - share), 1e-9))
    half = 1.96 * rest.deviation * slope * rest.size / whole
    centre = float(transform(share, "share"))
    low, high = (float(back(centre + side * half, "share")) for side in (-1, 1))
    return low, share, high


def _share_of(panel: Panel, row: int, periods: NDArray[np.bool_]) -> float | None:
    """The share of a whole year, None if a tenth of it or more is not known."""
    size = float(panel.of[row][periods].sum())
    enough = periods.sum() >= 0.9 * per_year(panel.step) and size > 0
    return float(panel.count[row][periods].sum()) / size if enough else None
