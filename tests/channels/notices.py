"""Messages as mails and cards get them, written by hand: these tests are about their way, not their words."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

from forecaster.messages import Chart, Delivery, Line, Message, Target

PAGE = "https://forecaster.example.gov.uk/alerts/a1"
WEEKS = tuple(dt.date(2017, 8, 7) + dt.timedelta(weeks=i) for i in range(26))
AHEAD = tuple(WEEKS[-1] + dt.timedelta(weeks=i) for i in range(1, 14))
CHART = Chart(
    title="Child protection plan starts", unit="Children a week", periods=WEEKS,
    observed=(*(6.0 + i % 5 if i < 20 else 15.0 for i in range(25)), math.nan), hidden=(False,) * 25 + (True,),
    expected=(8.0,) * 26, lower=(2.0,) * 26, upper=(14.0,) * 26,
    ahead_periods=AHEAD, ahead_median=(12.0,) * 13, ahead_lower=(6.0,) * 13, ahead_upper=(19.0,) * 13,
    onset=WEEKS[20], onset_label="since w/c 25 December",
    alt_text="Chart: Child protection plan starts, a line that rises.",
)  # fmt: skip
MESSAGE = Message(
    alert_id="a1", headline="Child protection plan starts are surging - week of 29 January 2018", severity="high",
    summary="High severity, since w/c 25 December.",
    lines=(
        Line("What", "15 children started a plan that week; 8 were expected (95% band 2-14)."),
        Line("Where", "North locality 28 of the 39 extra, City 11."),
        Line("Ahead", "About 12 a week for the next 13 weeks (6-19)."),
        Line("Ask", "Who challenged the strategy meetings in North locality?"),
    ),
    evidence="Data to 4 February 2018, newest week provisional.", answerable=True, page=PAGE,
)  # fmt: skip
DRAWN = replace(MESSAGE, chart=CHART)
NASTY = (
    "[click](https://evil.test)", "**bold** _it_ ~s~ `c`", "<at>everyone</at>", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", '" onload="x', "&lt;b&gt; &amp;", "- list\r1. list",
    "{{DATE(2017-02-14T06:08:00Z)}}",
    "# head\n\n> quote", "\u202egnp.exe\u2066", "No\u200brth", "Subject: x\r\nBcc: all@evil.test\r\n\r\nbody",
    "東京都港区", "الشمال", "\U0001f9d2" * 5, "x" * 200,
)  # fmt: skip


def notice(name: str = "d1", **changes: object) -> Delivery:
    """A delivery; `made` is its message, else one like the alert of the head of this file."""
    target = Target("email", "ann@example.gov.uk")
    made = Delivery(id=name, alert_id="a1", transition_id="t1", target=target, part="text", message=MESSAGE)
    return replace(made, **changes)  # type: ignore[arg-type]


def saying(text: str, chart: bool = False) -> Message:
    """A message that says this text wherever data can come to stand."""
    drawn = replace(CHART, alt_text=text) if chart else None
    lines = (Line("What", text), Line("Where", f"{text}, {text}"))
    return replace(MESSAGE, headline=text, summary=text, lines=lines, evidence=text, chart=drawn)
