"""What was counted against what was expected, in words."""

from __future__ import annotations

import numpy as np

from forecaster.suppress import is_small
from forecaster.types import Alert, as_date
from forecaster.words.comparing import against_councils, against_neighbours
from forecaster.words.context import Context, History
from forecaster.words.points import Shown
from forecaster.words.wording import METHODS, clean, extent, figure, number, percent, since, span, whole


def what(alert: Alert, context: Context, shown: Shown | None) -> str:
    """Returns the line that says what moved: the newest figure, the band, and the sum since the onset."""
    if context.now == "resolved" and (alert.kind == "neighbours" or not shown):
        return ""  # the alert's own figures are those of its last signal
    if alert.kind == "neighbours":
        return against_neighbours(alert, context)
    apart = alert.kind == "peers" and context.now != "resolved"
    if shown and shown.window and not apart and _is_hidden(context, shown):
        return _together(alert, context, shown)
    usual = against_councils(alert, context) if apart else _expectation(alert, context, shown)
    total = _since_onset(alert, context, shown)
    return f"{_counted(alert, context, shown)}; {usual}." + (f" In {total}." if total else "")


def _expectation(alert: Alert, context: Context, shown: Shown | None) -> str:
    """What was expected of the newest period, with its band."""
    expected, lower, upper = _band(alert, context, shown)
    share = context.kind == "share"
    by = METHODS.get(alert.kind) if context.now != "resolved" else None
    band = f"95% band {extent(lower, upper, share=share)}{f' of {by}' if by else ''}"
    return f"{_were_expected(expected, share)} ({band})"


def _were_expected(value: float, share: bool) -> str:
    verb = "was" if share or whole(value) == 1 else "were"
    return f"{percent(value) if share else figure(value)} {verb} expected"


def _band(alert: Alert, context: Context, shown: Shown | None) -> tuple[float, float, float]:
    """Expected value and band: those of the signal, or for a resolved alert those of the newest period."""
    history = context.history
    if context.now == "resolved" and history and shown and np.isfinite(history.expected[shown.end - 1]):
        last = shown.end - 1
        return float(history.expected[last]), float(history.lower[last]), float(history.upper[last])
    return alert.expected, alert.lower, alert.upper


# The newest figure


def _newest(alert: Alert, context: Context, shown: Shown | None) -> tuple[float, float]:
    """The newest count, and of a share what it is a share of."""
    history = context.history
    if history is None or shown is None:
        return alert.observed, np.nan
    return float(history.count[shown.end - 1]), float(history.weight[shown.end - 1])


def _is_hidden(context: Context, shown: Shown) -> bool:
    """Whether the newest figure is not small itself and yet may not be shown: it would give another one away."""
    count = context.history.count[shown.end - 1] if context.history else np.nan
    return bool(np.isfinite(count)) and not shown.last and not is_small(float(count), context.threshold)


def _counted(alert: Alert, context: Context, shown: Shown | None) -> str:
    """The newest figure in words, or that it is not shown."""
    when = f"at the end of that {context.step}" if context.kind == "stock" else f"that {context.step}"
    noun = clean(context.noun, 80)
    count, of = _newest(alert, context, shown)
    if context.kind == "share" and np.isnan(of):
        return f"The share {when} is not known"
    if np.isnan(count):
        return f"The number {when} is not known"
    if is_small(count, context.threshold):
        return f"{context.threshold} or fewer {noun} {when}"
    if shown and not shown.last:
        return f"The number {when} is not shown, to protect small numbers"
    return f"{_people(count, noun)} {when}{_out_of(count, of, context)}"


def _people(count: float, noun: str) -> str:
    return f"{number(count) if whole(count) else 'No'} {noun}"


def _out_of(count: float, of: float, context: Context) -> str:
    """What a share is of, behind its count."""
    if context.kind != "share" or not of:
        return ""
    return f", of {number(of)} {clean(context.unit)} ({percent(count / of)})"


# The sum since the onset


def _since_onset(alert: Alert, context: Context, shown: Shown | None) -> str:
    """The sum over the window that may be shown, against what was expected in it: "seven weeks: 71 against 44"."""
    if context.history is None or shown is None or not shown.window:
        return ""
    total, of, expected = _sums(alert, context.history, shown)
    if context.kind != "share":
        return f"{_length(context, shown)}: {number(total)} against {figure(expected)}"
    told = f"{number(total)} of {number(of)} ({percent(total / of)}) against {percent(expected / of)}" if of else ""
    return f"{_length(context, shown)}: {told}" if told else ""


def _together(alert: Alert, context: Context, shown: Shown) -> str:
    """The sum alone, where the newest figure by itself may not be shown."""
    history = context.history
    assert history is not None and shown.window is not None
    total, of, expected = _sums(alert, history, shown)
    share = context.kind == "share"
    counted = f"{_people(total, clean(context.noun, 80))} in {_length(context, shown)}{_out_of(total, of, context)}"
    told = f"{counted}; {_were_expected(expected / of if share and of else expected, share)}."
    newest = f"The newest {context.step} by itself is not shown, to protect small numbers."
    return told if not whole(total) and shown.window.stop == shown.end else f"{told} {newest}"


def _length(context: Context, shown: Shown) -> str:
    """How long the window is: "seven weeks", and until when, if that is not the newest period."""
    history, window = context.history, shown.window
    assert history is not None and window is not None
    length = span(window.stop - window.start, context.step)
    if window.stop == shown.end:
        return length
    return f"{length} up to {since(as_date(history.periods[window.stop - 1]), context.period, context.step)}"


def _sums(alert: Alert, history: History, shown: Shown) -> tuple[float, float, float]:
    """Counted, what a share is of, and expected in the window.

    Expected is the history's before the onset, the alert's own in proportion after it.
    """
    assert shown.window is not None
    start, stop = shown.window.start, shown.window.stop
    first = history.end(alert.onset) - 1
    onset = min(max(first, start), stop)
    before = float(np.nansum((history.expected * history.weight)[start:onset]))
    length = shown.end - alert.calm - first  # calm periods have not changed its figures
    expected = before + alert.total_expected * (stop - onset) / max(length, 1)
    return float(history.count[start:stop].sum()), float(history.weight[start:stop].sum()), expected
