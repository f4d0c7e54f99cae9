"""The council against its statistical neighbours as they are likely to be today: an overdispersed funnel, projected.

The newest published year gives the neighbours' spread beyond chance (`funnel`, after Spiegelhalter 2005); `projection`
moves its middle to the end of the council's own trailing year, with what is not known of it. Only the council's own
series are compared: nothing is published of its teams or localities.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from forecaster.calendar import per_year, period_end
from forecaster.funnel import scale, transform
from forecaster.projection import FEWEST, Outlook, children, latest, one_more, years_after
from forecaster.same_council import FULL, compared, not_comparable, of_the_year
from forecaster.types import (
    Benchmark,
    Direction,
    Limits,
    NotRun,
    Panel,
    Reference,
    SeriesKey,
    Signal,
    SignalKind,
    as_date,
)  # fmt: skip

NAME: SignalKind = "neighbours"


@dataclass(frozen=True)
class _Case:
    """One series of the council with the figures to compare it with; count and size of its trailing year (`window`)."""

    key: SeriesKey
    benchmark: Benchmark
    count: float
    size: float
    window: slice


def detect(panel: Panel, limits: Limits, reference: Reference) -> tuple[list[Signal], list[NotRun]]:
    """Returns which of the council's own measures stand out from where its neighbours are likely to be, at the limits.

    p-value: the chance that one more council like them would be as far out at the end of the last year: their spread
    beyond chance, the council's own chance (families make it larger than binomial or Poisson), and what is not known of
    where their middle has moved since it was published; Student's t with one degree of freedom less than there are
    neighbours. expected, lower and upper are that council's. What does not look like the council that was published is
    not run (`same_council`).
    """
    signals: list[Signal] = []
    missed: list[NotRun] = []
    strange = not_comparable(panel, reference)
    for row in compared(panel, reference).values():
        key = panel.keys[row]
        case = _case(panel, row, reference, strange.get(key.measure, ""))
        if isinstance(case, str):
            missed.append(NotRun(key, NAME, case))
        else:
            signals += _judge(panel, case, reference, limits.alpha)
    return signals, missed


def since(panel: Panel, signal: Signal, onset: dt.date) -> Signal:
    """Returns the signal as it is: a comparison of whole years has no onset to keep."""
    return signal


def _case(panel: Panel, row: int, reference: Reference, strange: str) -> _Case | str:
    """What to compare, or why it cannot be; strange: why it does not look like the council, "" where it does."""
    key, kind = panel.keys[row], panel.kinds[row]
    benchmark = latest(key.measure, reference)
    if benchmark is None:
        known = any(b.measure == key.measure for b in reference.benchmarks)
        return f"fewer than {FEWEST} neighbours have figures" if known else "no published figures"
    if (kind == "share") != (benchmark.unit == "share"):
        return f"published as a {benchmark.unit}, which it is not here"
    window = _trailing_year(panel, row)
    if strange or isinstance(window, str):
        return strange or str(window)
    count, of = panel.count[row, window], panel.of[row, window]
    size = float(of[np.isfinite(count)].sum()) if kind == "share" else children(reference, benchmark)
    if not size > 0:
        return "nothing to share in" if kind == "share" else "the council's number of children is not known"
    return _Case(key, benchmark, of_the_year(count, kind, panel.step), size, window)


def _trailing_year(panel: Panel, row: int) -> slice | str:
    """The year of periods up to the newest value (a share may mature some weeks after its period)."""
    year = per_year(panel.step)
    seen = np.isfinite(panel.count[row])
    end = int(np.flatnonzero(seen)[-1]) + 1 if seen.any() else 0
    if end < year:
        return f"less than a year of {panel.step}s"
    if seen[end - year : end].sum() < FULL * year:
        return f"{year - int(seen[end - year : end].sum())} of the last {year} {panel.step}s are missing"
    return slice(end - year, end)


def _judge(panel: Panel, case: _Case, reference: Reference, alpha: float) -> Iterator[Signal]:
    ended = period_end(as_date(panel.periods[case.window.stop - 1]), panel.step)
    usual = one_more(reference, case.benchmark, years_after(ended, case.benchmark.year), case.size)
    t = (float(transform(case.count / case.size, usual.unit)) - usual.centre) / usual.deviation
    sides: tuple[tuple[Direction, float], ...] = (("up", 1.0), ("down", -1.0))
    for direction, sign in sides:
        p_value = float(stats.t.sf(sign * t, usual.freedom))
        if p_value <= alpha:
            yield _signal(panel, case, direction, p_value, usual)


def _signal(panel: Panel, case: _Case, direction: Direction, p_value: float, usual: Outlook) -> Signal:
    per = scale(usual.unit)
    expected, lower, upper = (usual.quantile(level) for level in (0.5, 0.025, 0.975))
    return Signal(
        key=case.key, kind=NAME, direction=direction,
        period=as_date(panel.periods[-1]), onset=as_date(panel.periods[case.window.start]),
        observed=per * case.count / case.size, expected=expected, lower=lower, upper=upper,
        p_value=p_value, score=float(-np.log10(max(p_value, 1e-300))),
        total=case.count, total_expected=expected / per * case.size,
    )  # fmt: skip
