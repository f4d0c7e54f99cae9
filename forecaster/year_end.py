"""Where a series is heading by 31 March: what was counted since April, and what is to be expected of the rest.

Counts come from the forecast's own sample paths, so that the year's end and the weeks before it are one forecast. A
week that straddles 31 March is of both years, by its weekdays in each: no year has a week more than another.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from scipy import special

from forecaster.calendar import DAY, closing, following, opening, per_year
from forecaster.funnel import CLUSTERING, back, transform
from forecaster.types import QUANTILES, Dates, Floats, Forecasts, Panel, SeriesKey, Step, as_date
from forecaster.words.context import YearEnd

LOW, MEDIAN, HIGH = (QUANTILES.index(q) for q in (0.025, 0.5, 0.975))
BAND = (0.025, 0.5, 0.975)
# Standard deviation of a share's real change over a year, on the arcsine scale. In the Department's yearly figures,
# chance taken off, it is .03 for repeat plans, .04 for re-referrals, .10 for referrals to no further action.
WANDERS = 0.04
MOST = 0.9  # of a year's periods must be known for its share


def year_end_outlook(panel: Panel, forecasts: Forecasts, key: SeriesKey) -> YearEnd | None:
    """Returns where a series is heading by 31 March; None without a forecast or where a flow's year so far has gaps."""
    kind = panel.kinds[panel.row(key)]
    if kind == "share":
        return _share(panel, key)
    if key not in forecasts.keys:
        return None
    return _stock(panel, forecasts, key) if kind == "stock" else _flow(panel, forecasts, key)


def _year_before(closes: dt.date) -> dt.date:
    return closes.replace(year=closes.year - 1)


def _ends(periods: Dates, step: Step) -> Dates:
    """The first day after each of some periods in a row."""
    return np.append(periods[1:], following(as_date(periods[-1]), 1, step))


def _within(periods: Dates, step: Step, closes: dt.date) -> Floats:
    """How much of each of some periods in a row is of the financial year that closes: the share of its weekdays."""
    ends = _ends(periods, step)
    first = np.maximum(periods, np.datetime64(opening(closes)))
    last = np.minimum(ends, np.datetime64(closes + DAY))
    return np.asarray(np.maximum(np.busday_count(first, last), 0) / np.busday_count(periods, ends))


def _last_over(periods: Dates, step: Step, day: dt.date) -> int | None:
    """Which of some periods in a row is the last that is over by a day; None if none is, or if a later one may be."""
    ends = _ends(periods, step)
    over = int((ends <= np.datetime64(day + DAY)).sum())
    reached = over < len(periods) or ends[-1] + (ends[-1] - periods[-1]) > np.datetime64(day + DAY)
    return over - 1 if over and reached else None


def sample_paths(forecasts: Forecasts, key: SeriesKey) -> Floats | None:
    """Returns the sample paths of a series that is forecast (N x H), None if it has none."""
    paths = forecasts.draws[forecasts.keys.index(key)] if forecasts.draws is not None else None
    return paths if paths is not None and np.isfinite(paths).all() else None


def _drawn(closes: dt.date, draws: Floats, year_ago: float | None) -> YearEnd:
    """The year's end that draws of it tell, in whole numbers as people read it."""
    low, median, high = np.rint(np.quantile(draws, BAND))
    return YearEnd(closes, float(low), float(median), float(high), year_ago, _more(draws, year_ago), draws=draws)


def _more(draws: Floats, year_ago: float | None) -> float | None:
    """The share of draws above last year's figure; those as high as it count half, so that more and fewer add to 1."""
    if year_ago is None:
        return None
    return float((draws > year_ago).mean() + (draws == year_ago).mean() / 2)


def _stock(panel: Panel, forecasts: Forecasts, key: SeriesKey) -> YearEnd | None:
    closes = closing(as_date(panel.periods[-1]), panel.step)
    at = _last_over(forecasts.periods, panel.step, closes)
    if at is None:
        return None
    before = _last_over(panel.periods, panel.step, _year_before(closes))
    level = panel.count[panel.row(key), before] if before is not None else np.nan
    year_ago = float(level) if np.isfinite(level) else None
    paths = sample_paths(forecasts, key)
    if paths is not None:
        return _drawn(closes, paths[:, at], year_ago)
    low, median, high = forecasts.values[forecasts.keys.index(key), at][[LOW, MEDIAN, HIGH]]
    return YearEnd(closes, float(low), float(median), float(high), year_ago)


def _flow(panel: Panel, forecasts: Forecasts, key: SeriesKey) -> YearEnd | None:
    """The financial year's total: so far, plus what each sample path says of the rest of it."""
    closes, count = closing(as_date(panel.periods[-1]), panel.step), panel.count[panel.row(key)]
    known = int((panel.periods <= np.datetime64(forecasts.origin)).sum())  # what may still grow is forecast
    paths, so_far = sample_paths(forecasts, key), _total(panel.until(known), count[:known], closes)
    reaches = len(forecasts.periods) and _ends(forecasts.periods, panel.step)[-1] > np.datetime64(closes)
    if paths is None or so_far is None or not reaches:
        return None
    to_come = paths @ _within(forecasts.periods, panel.step, closes)
    before = _year_before(closes)
    whole = panel.periods[0] <= np.datetime64(opening(before))
    year_ago = _total(panel, count, before) if whole else None
    return _drawn(closes, np.rint(so_far + to_come), year_ago if year_ago is None else float(np.rint(year_ago)))


def _total(panel: Panel, count: Floats, closes: dt.date) -> float | None:
    """What was counted in the financial year that closes, None if a period of it is missing."""
    of_year = _within(panel.periods, panel.step, closes)
    seen = count[of_year > 0]
    return float(seen @ of_year[of_year > 0]) if np.isfinite(seen).all() else None


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
    closes, row, year = closing(as_date(panel.periods[-1]), panel.step), panel.row(key), per_year(panel.step)
    seen = np.isfinite(panel.count[row]) & np.isfinite(panel.of[row])
    counts = np.where(seen, (panel.count[row], panel.of[row]), 0.0)
    recent = np.flatnonzero(seen)[-year:]
    hits, size = counts[:, recent].sum(1)
    if len(recent) < year / 2 or size <= 0:
        return None
    of_year = _within(panel.periods, panel.step, closes)
    later = _within(following(as_date(panel.periods[-1]), year + 1, panel.step), panel.step, closes)
    coming = float(later.sum() + of_year[~seen].sum())
    rest = _rest(hits, size, size * coming / len(recent), coming / year)
    before = seen * _within(panel.periods, panel.step, _year_before(closes))
    ago = counts @ before if before.sum() >= MOST * year else np.zeros(2)
    return _share_told(closes, counts @ of_year, rest, ago)


def _share_told(closes: dt.date, known: Floats, rest: _Rest, ago: Floats) -> YearEnd:
    """The year's share; known and ago: what counts, and what it is a share of, since April and in the year before."""
    (hits, size), whole = known, known[1] + rest.size
    share = float((hits + rest.share * rest.size) / whole)
    deviation = _deviation(share, rest) * rest.size / whole
    centre = float(transform(share, "share"))
    low, high = (float(back(centre + z * deviation, "share")) for z in special.ndtri([BAND[0], BAND[-1]]))
    year_ago = float(ago[0] / ago[1]) if ago[1] else None
    more = None if year_ago is None else float(special.ndtr((centre - transform(year_ago, "share")) / deviation))
    return YearEnd(
        closes, low, share, high, year_ago, more,
        so_far=float(hits / size) if size else None, size=float(whole), size_ago=float(ago[1]),
    )  # fmt: skip


def _deviation(share: float, rest: _Rest) -> float:
    """The deviation of the rest's share on the arcsine scale, as it is there about the whole year's share.

    The scale keeps limits between none and all.
    """
    return rest.deviation * float(np.sqrt(rest.share * (1 - rest.share) / max(share * (1 - share), 1e-9)))
