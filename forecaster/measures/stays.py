"""The stays behind the stocks: when each opened and ended, in whole periods, and where. No child and no family."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forecaster.calendar import per_year
from forecaster.measures.definition import Condition, Measure
from forecaster.measures.history import BEFORE_HISTORY, History, Ints, Spells, kept, labelled
from forecaster.types import NEVER, UNKNOWN, Counted, Dates, Stays, Step

YEAR = 365.25
FAR = int(200 * YEAR)  # days from the first period: further off nothing is looked for
About = tuple[str, str, tuple[Condition, ...]]


def stays_of(measures: Mapping[str, Measure], history: History, periods: Dates, step: Step) -> Stays | None:
    """Returns the stays of all stocks, but those that ended before the first period; None without a stock."""
    stocks = {name: measure for name, measure in measures.items() if measure.kind == "stock"}
    abouts = list(dict.fromkeys(_about(measure) for measure in stocks.values()))
    if not stocks:
        return None
    found = [_spells(about, history, periods) for about in abouts]
    start, end, row = (np.concatenate([getattr(some, name) for some in found]) for name in ("start", "end", "row"))
    kind = np.repeat(np.arange(len(found)), [len(some.row) for some in found])
    counted = {}
    for name, measure in stocks.items():
        since = np.where(start > BEFORE_HISTORY, position(start + measure.open_at_least_days, periods, step), UNKNOWN)
        mine = kind == abouts.index(_about(measure))
        least = round(measure.open_at_least_days / YEAR * per_year(step))
        counted[name] = Counted(np.where(mine, since, NEVER), least, *_flows(measure, measures))
    return Stays(
        opened=np.where(start > BEFORE_HISTORY, position(start, periods, step), UNKNOWN),
        ended=np.where(end <= history.end, position(end, periods, step), NEVER),
        places={name: labelled(history.column(name), row) for m in stocks.values() for name in m.breakdowns},
        stocks=counted,
    )


def position(days: Ints, periods: Dates, step: Step) -> Ints:
    """Returns which period each day is in, counted from the first of the panel's: negative before it."""
    first = periods[0].astype("datetime64[D]")
    near = np.clip(days, first.astype(np.int64) - FAR, first.astype(np.int64) + FAR)
    if step == "week":
        return np.asarray((near - first.astype(np.int64)) // 7, np.int64)
    months = near.astype("datetime64[D]").astype("datetime64[M]") - first.astype("datetime64[M]")
    return np.asarray(months.astype(np.int64))


def _about(measure: Measure) -> About:
    return str(measure.opens), str(measure.closes), measure.where


def _spells(about: About, history: History, periods: Dates) -> Spells:
    """The spells of one kind that meet its conditions and were open in the periods or ended in them."""
    opens, closes, where = about
    spells = history.spells(opens, closes)
    stands = spells.end >= periods[0].astype("datetime64[D]").astype(np.int64)
    if where:
        stands &= np.isin(spells.row, kept(where, history, spells.row))
    return Spells(spells.start[stands], spells.end[stands], spells.row[stands])


def _flows(stock: Measure, measures: Mapping[str, Measure]) -> tuple[str, str]:
    """The flows that count the openings and the ends of a stock's stays, "" where there is none."""
    flows = {(str(m.event), m.where): name for name, m in measures.items() if m.kind == "flow"}
    return flows.get((str(stock.opens), stock.where), ""), flows.get((str(stock.closes), stock.where), "")
