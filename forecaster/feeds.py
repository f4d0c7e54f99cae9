"""Which feed a measure is judged by where it comes by several: as events and as totals, or by the week and the month.

One does: two would each end the alerts of the other, and a month's total told beside its weeks gives away the week that
is left out as small.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import period_end
from forecaster.types import NotRun, Panel, SeriesKey, Step, as_date

NAME = "feeds"
ENDED = dt.timedelta(days=92)  # a feed that has been behind another one for longer has come to its end
Known = tuple[bool, dt.date]  # whether there is enough of a measure to be judged, and the last day there is any of it


def one_feed_each(panels: Sequence[Panel], least: Mapping[Step, int]) -> list[tuple[Panel, tuple[NotRun, ...]]]:
    """Returns the panels, each council's measure in one alone, and with each what of its own others have.

    The first panel that has a measure keeps it, unless it has fewer than `least` periods of it, where another has
    enough, or ended a quarter of a year before another. One that keeps none is left without series.
    """
    known = [_known(panel, least[panel.step]) for panel in panels]
    feeds = {whole: [i for i, some in enumerate(known) if whole in some] for some in known for whole in some}
    chosen = {whole: _first([(i, known[i][whole]) for i in own]) for whole, own in feeds.items()}
    missed: dict[int, list[NotRun]] = {i: [] for i in range(len(panels))}
    for whole, own in feeds.items():
        best = chosen[whole]
        missed[best] += [NotRun(whole, NAME, _why(panels[i], panels[best])) for i in own if i != best]
    return [
        (panel.select(row for row, key in enumerate(panel.keys) if chosen[key.whole] == i), tuple(missed[i]))
        for i, panel in enumerate(panels)
    ]


def _known(panel: Panel, least: int) -> dict[SeriesKey, Known]:
    rows: dict[SeriesKey, list[int]] = {}
    for row, key in enumerate(panel.keys):
        rows.setdefault(key.whole, []).append(row)
    seen = np.isfinite(panel.count)
    found = ((whole, np.flatnonzero(seen[own].any(axis=0))) for whole, own in rows.items())
    return {whole: (len(at) >= least, _last_day(panel, at)) for whole, at in found}


def _last_day(panel: Panel, at: NDArray[np.intp]) -> dt.date:
    return period_end(as_date(panel.periods[at[-1]]), panel.step) if len(at) else dt.date.min


def _first(feeds: Sequence[tuple[int, Known]]) -> int:
    """The first of the feeds that is alive; of those with enough to be judged if there are any."""
    able = [feed for feed in feeds if feed[1][0]] or feeds
    newest = max(last for _, (_, last) in able)
    return next(i for i, (_, last) in able if newest - last <= ENDED)


def _why(panel: Panel, best: Panel) -> str:
    return f"its {_name(panel)} are not judged: its {_name(best)} are, and a measure is judged once"


def _name(panel: Panel) -> str:
    return "events" if panel.events else f"totals by the {panel.step}"
