"""What was counted against what was expected, in words.

Where the chart sums several periods the words speak of the same sums, each with its own band. A share is told over the
whole move, since that is what its band was judged on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.suppress import is_small
from forecaster.types import Alert, as_date
from forecaster.words.comparing import against_neighbours, as_elsewhere, tells_own
from forecaster.words.context import Context, History
from forecaster.words.points import Point, Shown, pool
from forecaster.words.wording import (
    METHODS,
    about,
    clean,
    extent,
    figure,
    number,
    percent,
    since,
    span,
    whole,
)

SETTLED = 1.25  # how many times the old level the calm periods must be for it to be a new one
SLIGHT = 0.05  # a move by less has no size worth telling in the first line


@dataclass(frozen=True, slots=True)
class _Sum:
    """Counted in some periods and what a share is of; expected with its band: counts, or proportions for a share."""

    point: Point
    count: float
    of: float
    expected: float
    lower: float
    upper: float


def what(alert: Alert, context: Context, shown: Shown | None) -> str:
    """Returns the line that says what moved: the newest figure, the band, and the sum since the onset."""
    if context.now == "resolved":  # the alert's own figures are those of its last signal
        return _over(alert, context, shown) if shown and alert.kind != "neighbours" else ""
    if alert.kind == "neighbours":
        return against_neighbours(alert, context)
    if shown is None:
        return f"{_newest(alert, context, shown)}."
    if context.kind == "share" and alert.kind != "peers":
        return _of_share(alert, context, shown)
    if shown.size > 1:
        return _of_points(alert, context, shown)
    if shown.window and _is_hidden(context, shown):
        return _together(alert, context, shown)
    total = _since_onset(_window(alert, context, shown), context, shown)
    return _sentences(f"{_newest(alert, context, shown)}.", total)


def observed_as_told(alert: Alert, context: Context, shown: Shown | None) -> float | None:
    """Returns what is told of what the alert observed, None for nothing: the newest figure, or a drift's share."""
    if alert.kind == "neighbours":
        return alert.observed if tells_own(alert, context) else None
    if shown is None or context.history is None:
        return None if context.kind == "share" else alert.observed
    if alert.kind != "drift":
        return alert.observed if shown.last else None
    main = _largest(alert, context, shown)
    return main.count / main.of if main and main.of > 0 else None


def settled(alert: Alert, context: Context, shown: Shown | None) -> bool:
    """Returns whether a surge ended by becoming what is expected: the calm periods are far from what was before it."""
    history = context.history
    if alert.kind in ("drift", "neighbours", "peers") or history is None or shown is None:
        return False
    newest = slice(max(shown.end - max(alert.calm, 1), 0), shown.end)
    counted = np.where(np.isfinite(history.count[newest]), history.expected[newest], np.nan)
    before, now = float(np.nansum(counted)), float(np.nansum(history.count[newest]))
    return now >= SETTLED * before if alert.direction == "up" else now * SETTLED <= before


def size(alert: Alert, context: Context, shown: Shown | None) -> str:
    """Returns how large the move is in a few words, of figures that the message shows: "62% more than expected"."""
    told = _largest(alert, context, shown) if alert.kind not in ("neighbours", "peers") else None
    if told is None or not told.expected >= 0.005 or not told.of > 0:
        return ""
    if context.kind == "share":
        return f"{percent(told.count / told.of)}, where {percent(told.expected)} was expected"
    ratio = told.count / told.expected
    if not told.count or (ratio - 1) * (1 if alert.direction == "up" else -1) < SLIGHT:
        return ""
    return f"{_times(ratio)} expected"


def _times(ratio: float) -> str:
    if ratio < 1.95:
        return f"{percent(abs(ratio - 1))} {'more' if ratio > 1 else 'fewer'} than"
    return f"{'twice' if ratio < 2.05 else f'{ratio:.1f} times'} what was"


def _largest(alert: Alert, context: Context, shown: Shown | None) -> _Sum | None:
    """The sum over the whole move, or what stands for it where there is none; only what the words tell."""
    if shown is None or context.history is None:
        return None
    sums = (_window(alert, context, shown), _last_point(context, shown))
    newest = _sum(context, Point(shown.end - 1, shown.end)) if shown.last else None
    return next((one for one in (*sums, newest) if one), None)


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)


# Sums that may be shown


def _sum(context: Context, point: Point) -> _Sum:
    """A sum beside what the chart expects of the same periods."""
    past, at = context.history, slice(point.start, point.stop)
    assert past is not None
    band = pool([point], past.expected, past.lower, past.upper, past.weight, context.kind == "share")
    bounds = (float(array[0]) for array in (band.expected, band.lower, band.upper))
    return _Sum(point, float(past.count[at].sum()), float(past.weight[at].sum()), *bounds)


def _last_point(context: Context, shown: Shown) -> _Sum | None:
    """The newest point of a chart whose points are sums; None where it is not shown."""
    if shown.size == 1 or not shown.points or shown.points[-1].hidden:
        return None
    made = _sum(context, shown.points[-1])
    return made if np.isfinite(made.count + made.of + made.expected) and made.of > 0 else None


def _window(alert: Alert, context: Context, shown: Shown) -> _Sum | None:
    """The sum over the whole move; its band is the chart's, or of a drifting share the alert's own."""
    if context.history is None or shown.window is None:
        return None
    made, last = _sum(context, shown.window), _last_point(context, shown)
    if last and last.point == made.point:
        return last
    if context.kind == "share" and alert.kind == "drift" and context.now != "resolved":
        return _drifted(alert, made)
    expected = _expected(alert, context.history, shown, made)
    same = context.now != "resolved" and abs(expected - made.expected) <= SLIGHT * made.expected
    band = (made.lower, made.upper) if same else (np.nan, np.nan)  # else it is of another expectation
    return _Sum(made.point, made.count, made.of, expected, *band) if np.isfinite(expected) else None


def _drifted(alert: Alert, made: _Sum) -> _Sum:
    """A drift was judged over its own weeks: over as many more cases the band is as much narrower."""
    judged = alert.total_expected / alert.expected if alert.expected > 0 else made.of
    narrower = float(np.sqrt(judged / made.of)) if made.of > 0 else 1.0
    lower, upper = (alert.expected + (bound - alert.expected) * narrower for bound in (alert.lower, alert.upper))
    return _Sum(made.point, made.count, made.of, alert.expected, max(lower, 0.0), min(upper, 1.0))


def _expected(alert: Alert, history: History, shown: Shown, made: _Sum) -> float:
    """What was expected in the window: the history's before the onset, the alert's own in proportion after it."""
    start, stop = made.point.start, made.point.stop
    first = history.end(alert.onset) - 1
    onset = min(max(first, start), stop)
    before = float(np.nansum((history.expected * history.weight)[start:onset]))
    length = shown.end - alert.calm - first  # calm periods have not changed its figures
    expected = before + alert.total_expected * (stop - onset) / max(length, 1)
    return expected if history.of is None else expected / made.of if made.of else np.nan


# Sums in words


def _of_share(alert: Alert, context: Context, shown: Shown) -> str:
    """A share over the whole move, then the newest period, or the newest point of the chart."""
    window, point = _window(alert, context, shown), _last_point(context, shown)
    main = window if window and window.of else point
    if main is None:
        return f"{_newest(alert, context, shown)}." if _is_told(context, shown) else _too_few(alert, context)
    told = f"{_counted_in(main, context, shown)}; {_usual(alert, context, main)}."
    if point and point.point != main.point:
        last = "the last " if point.point.stop == shown.end else ""
        return f"{told} In {last}{_length(point.point, context, shown)}: {_against(point, context, short=True)}."
    if shown.size == 1 and shown.last:
        return f"{told} {_share_of_newest(context, shown)}"
    return told


def _share_of_newest(context: Context, shown: Shown) -> str:
    newest = _sum(context, Point(shown.end - 1, shown.end))
    share = f" ({percent(newest.count / newest.of)})" if newest.of else ""
    return f"That {context.step} {number(newest.count)} of {number(newest.of)}{share}."


def _is_told(context: Context, shown: Shown) -> bool:
    """Whether the newest share is shown, or there is none."""
    past = context.history
    return shown.last or past is None or not np.isfinite(past.count[shown.end - 1] + past.weight[shown.end - 1])


def _too_few(alert: Alert, context: Context) -> str:
    side = "above" if alert.direction == "up" else "below"
    return f"Too few to show in numbers; {percent(alert.expected)} was expected, and the share has been {side} it."


def _of_points(alert: Alert, context: Context, shown: Shown) -> str:
    """Few children are counted over several periods, as in the chart: its newest point, then the whole move."""
    window, point = _window(alert, context, shown), _last_point(context, shown)
    main = point or window
    if main is None:
        return f"{_newest(alert, context, shown)}."
    told = f"{_counted_in(main, context, shown)}; {_usual(alert, context, main)}."
    if window is not None and window.point != main.point:
        return _sentences(told, _since_onset(window, context, shown))
    return _sentences(told, _of_them(main, context, shown))


def _of_them(main: _Sum, context: Context, shown: Shown) -> str:
    """The newest period's part of a sum, as it may be what the alert is about."""
    assert context.history is not None
    newest, usual = (float(array[shown.end - 1]) for array in (context.history.count, context.history.expected))
    if main.point.stop < shown.end or not shown.last or not newest or is_small(newest, context.threshold):
        return ""
    return f"{number(newest)} of them that {context.step}, where {_were_expected(usual, False)}."


def _since_onset(window: _Sum | None, context: Context, shown: Shown) -> str:
    """The sum over the whole move: "In seven weeks: 71, where 44 were expected."."""
    return f"In {_length(window.point, context, shown)}: {_against(window, context)}." if window else ""


def _together(alert: Alert, context: Context, shown: Shown) -> str:
    """The sum alone, where the newest figure by itself may not be shown."""
    window = _window(alert, context, shown)
    assert window is not None
    told = f"{_counted_in(window, context, shown)}; {_usual(alert, context, window)}."
    newest = f"The newest {context.step} by itself is not shown, to protect small numbers."
    return told if not whole(window.count) and window.point.stop == shown.end else f"{told} {newest}"


def _counted_in(made: _Sum, context: Context, shown: Shown) -> str:
    """ "41 children started a plan in four weeks", and of a share of how many."""
    length = _length(made.point, context, shown)
    return f"{_people(made.count, context)} in {length}{_out_of(made.count, made.of, context)}"


def _against(made: _Sum, context: Context, short: bool = False) -> str:
    """ "71, where 44 were expected"; of a share what it is of, but for the short form."""
    share = context.kind == "share"
    band = f" (95% band {extent(made.lower, made.upper, share=share)})" if short else ""
    if not share:
        return (
            f"{number(made.count) if whole(made.count) else 'none'}, where {_were_expected(made.expected, share)}{band}"
        )
    rate = percent(made.count / made.of) if made.of else "none"
    counted = rate if short else f"{number(made.count)} of {number(made.of)} ({rate})"
    return f"{counted}, where {_were_expected(made.expected, share)}{band}"


def _usual(alert: Alert, context: Context, made: _Sum) -> str:
    """What was expected of a sum, or is usual elsewhere, with its band where it has one of its own."""
    share = context.kind == "share"
    if alert.kind == "peers" and context.now != "resolved":
        return as_elsewhere(made.expected, made.lower, made.upper, share)
    band = f" (95% band {extent(made.lower, made.upper, share=share)})" if np.isfinite(made.lower) else ""
    return f"{_were_expected(made.expected, share)}{band}"


def _were_expected(value: float, share: bool) -> str:
    verb = "was" if share or whole(value) == 1 else "were"
    return f"{percent(value) if share else figure(value)} {verb} expected"


def _length(point: Point, context: Context, shown: Shown) -> str:
    """How long a sum is: "seven weeks", and until when, if that is not the newest period."""
    assert context.history is not None
    length = span(point.stop - point.start, context.step)
    if point.stop == shown.end:
        return length
    return f"{length} up to {since(as_date(context.history.periods[point.stop - 1]), context.period, context.step)}"


# The newest figure


def _newest(alert: Alert, context: Context, shown: Shown | None) -> str:
    """The newest figure, and what was expected of it, with its band."""
    expected, lower, upper = _band(alert, context, shown)
    share = context.kind == "share"
    if alert.kind == "peers" and context.now != "resolved":
        return f"{_counted(alert, context, shown)}; {as_elsewhere(expected, lower, upper, share)}"
    by = METHODS.get(alert.kind) if context.now != "resolved" else None
    band = f"95% band {extent(lower, upper, share=share)}{f' of {by}' if by else ''}"
    return f"{_counted(alert, context, shown)}; {_were_expected(expected, share)} ({band})"


def _band(alert: Alert, context: Context, shown: Shown | None) -> tuple[float, float, float]:
    """Expected value and band of the newest period: the alert's, if they are of a single period and not over."""
    of_its_own = context.now != "resolved" and not (alert.kind == "drift" and context.kind == "share")
    history = context.history
    if of_its_own or history is None or shown is None or not np.isfinite(history.expected[shown.end - 1]):
        return alert.expected, alert.lower, alert.upper
    last = shown.end - 1
    return float(history.expected[last]), float(history.lower[last]), float(history.upper[last])


def _is_hidden(context: Context, shown: Shown) -> bool:
    """Whether the newest figure is not small itself and yet may not be shown: it would give another one away."""
    count = context.history.count[shown.end - 1] if context.history else np.nan
    return bool(np.isfinite(count)) and not shown.last and not is_small(float(count), context.threshold)


def _counted(alert: Alert, context: Context, shown: Shown | None) -> str:
    """The newest figure in words, or that it is not shown."""
    when = f"at the end of that {context.step}" if context.kind == "stock" else f"that {context.step}"
    past, count, of = context.history, alert.observed, np.nan
    if past is not None and shown is not None:
        count, of = float(past.count[shown.end - 1]), float(past.weight[shown.end - 1])
    if context.kind == "share" and np.isnan(of):
        return f"The share {when} is not known"
    if np.isnan(count):
        return f"The number {when} is not known"
    if is_small(float(count), context.threshold) and not (shown and shown.unsaid):
        return f"{context.threshold} or fewer {clean(context.noun, 80)} {when}"
    if shown and not shown.last:
        return f"The number {when} is not shown, to protect small numbers"
    return f"{_people(count, context)} {when}{_out_of(count, of, context)}"


def _people(count: float, context: Context) -> str:
    """So many of what is counted: "61 children started a plan", "No child started a plan"."""
    noun = clean((context.one if whole(count) in (0, 1) else "") or context.noun, 80)
    return f"{number(count) if whole(count) else 'No'} {noun}"


def _out_of(count: float, of: float, context: Context) -> str:
    """What a share is of, behind its count."""
    if context.kind != "share" or not of:
        return ""
    return f", of {number(of)} {clean(context.unit)} ({percent(count / of)})"


# What is over


def _over(alert: Alert, context: Context, shown: Shown) -> str:
    """How it stands now that it is over, then the whole of it, told as what was; or its new level."""
    if settled(alert, context, shown):
        return _new_level(alert, context, shown)
    window = _window(alert, context, shown)
    calm = _calm(alert, context, shown)
    if window is None or window.point.start >= shown.end - alert.calm:
        return calm
    return _sentences(calm, f"Since it began, in {_length(window.point, context, shown)}: {_against(window, context)}.")


def _calm(alert: Alert, context: Context, shown: Shown) -> str:
    """The newest point if it is of calm periods alone, else the newest period; nothing that lies outside its band."""
    point = _last_point(context, shown)
    if point and point.point.start >= shown.end - alert.calm:
        inside = point.lower <= (point.count / point.of if context.kind == "share" else point.count) <= point.upper
        return f"{_counted_in(point, context, shown)}; {_usual(alert, context, point)}." if inside else ""
    past = context.history
    if not shown.last or past is None:
        return ""
    at = shown.end - 1
    inside = bool(past.lower[at] <= past.value[at] <= past.upper[at])
    return f"{_newest(alert, context, shown)}." if inside else ""


def _new_level(alert: Alert, context: Context, shown: Shown) -> str:
    """A surge that stays: what was usual before it, and what is now."""
    newest = f"{_counted(alert, context, shown)}." if shown.last else ""
    per = "" if context.kind == "stock" else f" a {context.step}"
    start = since(alert.onset, context.period, context.step)
    level = float(np.mean(context.ahead.median)) if context.ahead and len(context.ahead.median) else np.nan
    apart = level >= SETTLED * alert.expected if alert.direction == "up" else level * SETTLED <= alert.expected
    now = f"; {about(level)} is now" if apart else ""
    return _sentences(newest, f"Before {start} {about(alert.expected)}{per} was usual{now}.")
