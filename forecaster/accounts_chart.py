"""The picture of an account: what came with what was said of it, and how often the bands held, series below series.

It looks as the chart of a message does: the same colours, font and renderer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from forecaster.accounts import HORIZONS, SMALL
from forecaster.chart import FONT, GRID, INK, MUTED, SCALE, TICK, to_png
from forecaster.types import Step

WIDE, NARROW, HEIGHT = 720, 240, 170
LETTERS, TITLE = 16, 19
CAME, SAID, HIDDEN, HELD95, HELD80 = "what came", "said", "small number, not shown", "95% band", "80% band"
COLOURS = {CAME: INK, SAID: "#b8478a", HIDDEN: "#767676", HELD95: "#0072b2", HELD80: "#a63c00"}
FEW: dict[Step, int] = {"week": 40, "month": 9}  # periods over which every month has a tick
BANDS = {HELD95: 95, HELD80: 80}
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Track:
    """One series of the picture, small numbers taken out.

    course: a row a period with actual, reason, median, lower95 and upper95, as said `ahead` periods before. coverage:
    held95 and held80 by periods ahead, which is its index.
    """

    title: str
    course: pd.DataFrame
    coverage: pd.DataFrame


def png(tracks: Sequence[Track], title: str, ahead: int, step: Step) -> bytes:
    """Returns the picture as a PNG; the same bytes for the same account."""
    return to_png(vega_lite(tracks, title, ahead, step), SCALE)


def vega_lite(tracks: Sequence[Track], title: str, ahead: int, step: Step) -> dict[str, Any]:
    """Returns the picture as a Vega-Lite definition with its data inside; hidden counts are not in it."""
    said = f"{SAID} {ahead} {step}{'' if ahead == 1 else 's'} before, 95% band"
    frames = [track.coverage for track in tracks if len(track.coverage)]
    floor = min([60, *(int(5 * frame.min().min()) * 20 for frame in frames)])
    names = [CAME, said] + ([HIDDEN] if any((track.course["reason"] == SMALL).any() for track in tracks) else [])
    parts = []
    for number, track in enumerate(tracks):
        first, last = number == 0, number == len(tracks) - 1
        course, coverage = _course(track, step, names, first), _coverage(track, step, floor, first, last)
        parts.append(_apart(alt.hconcat(course, coverage, spacing=44)))
    heading = alt.TitleParams(title, anchor="start", offset=18, fontSize=24, color=INK)
    whole = _apart(alt.vconcat(*parts, spacing=30))
    spec: dict[str, Any] = _dressed(whole.properties(title=heading, padding=22, background="white")).to_dict()
    return spec


def _apart(charts: Any) -> Any:
    """Each chart has colours and a legend of its own."""
    return charts.resolve_scale(color="independent")


def _dressed(whole: Any) -> Any:
    framed = whole.configure(font=FONT).configure_view(stroke=None)
    axes = framed.configure_axis(labelFontSize=LETTERS, labelColor=INK, titleFontSize=LETTERS, titleColor=MUTED,
                                 titleFontWeight="normal")  # fmt: skip
    return axes.configure_legend(
        labelFontSize=LETTERS, labelColor=INK, labelLimit=600, symbolSize=200, columnPadding=22
    )


def _chart(rows: Rows) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))


def _title(text: str, strong: bool) -> alt.TitleParams:
    weight: Any = "bold" if strong else "normal"
    return alt.TitleParams(text, anchor="start", fontSize=TITLE if strong else LETTERS, fontWeight=weight,
                           color=INK if strong else MUTED, offset=10)  # fmt: skip


def _course(track: Track, step: Step, names: Sequence[str], first: bool) -> Any:
    """What came as a line with points, on top of what was said."""
    said = names[1]
    rows = _course_rows(track.course, said)
    ticks: Any = 8 if len(track.course) > FEW[step] else "month"
    months = alt.Axis(
        labelExpr=TICK, tickCount=ticks, grid=False, labelOverlap=True, tickColor=MUTED, domainColor=MUTED
    )
    x = alt.X("x:T", scale=alt.Scale(type="utc"), title=None, axis=months)
    axis = alt.Axis(tickCount=4, gridColor=GRID, domain=False, ticks=False, labelPadding=8, minExtent=44)
    y = alt.Y("y:Q", title=None, axis=axis, scale=alt.Scale(zero=_from_zero(track.course), nice=True))
    colour = _colour({name: COLOURS.get(name, COLOURS[SAID]) for name in names}, first)

    def draw(name: str) -> alt.Chart:
        return _chart(rows[name]).encode(x=x, y=y, color=colour)

    layers = [
        draw(said).mark_area(opacity=0.2).encode(y="lower:Q", y2="upper:Q"),
        draw(said).mark_line(strokeWidth=2.5, strokeDash=[7, 4]),
        draw(CAME).mark_line(strokeWidth=1.5, strokeJoin="round"),
        draw(CAME).mark_point(filled=True, size=18, opacity=1),
    ]
    if HIDDEN in rows:
        crosses = draw(HIDDEN).mark_point(shape="cross", angle=45, filled=True, size=45, opacity=1, yOffset=-6)
        layers.append(crosses.encode(y=alt.value("height")))
    return alt.layer(*layers).properties(width=WIDE, height=HEIGHT, title=_title(track.title, strong=True))


def _course_rows(course: pd.DataFrame, said: str) -> dict[str, Rows]:
    """The rows of each thing that is drawn; a missing value is null, which breaks a line."""
    dated = course.assign(x=course["period"].dt.strftime("%Y-%m-%d"))
    known = dated.astype(object).where(dated.notna(), None)
    named = known.rename(columns={"lower95": "lower", "upper95": "upper"})
    came = named.rename(columns={"actual": "y"}).assign(series=CAME)[["series", "x", "y"]]
    foretold = named.rename(columns={"median": "y"}).assign(series=said)[["series", "x", "y", "lower", "upper"]]
    hidden = named.loc[course["reason"] == SMALL].assign(series=HIDDEN)[["series", "x"]]
    found = {CAME: came, said: foretold, HIDDEN: hidden}
    return {name: _records(frame) for name, frame in found.items() if len(frame)}


def _records(frame: pd.DataFrame) -> Rows:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _from_zero(course: pd.DataFrame) -> bool:
    """Unless all of it is far above."""
    values = course[["actual", "lower95", "upper95"]]
    return bool(not values.min().min() >= values.max().max() / 2)


def _colour(names: dict[str, str], legend: bool) -> alt.Color:
    scale = alt.Scale(domain=list(names), range=list(names.values()))
    shown = (
        alt.Legend(orient="top", title=None, symbolType="stroke", symbolStrokeWidth=4, symbolOpacity=1)
        if legend
        else None
    )
    return alt.Color("series:N", scale=scale, legend=shown)


def _coverage(track: Track, step: Step, floor: int, first: bool, last: bool) -> Any:
    """How often each band held by periods ahead, beside dashed lines where it should be."""
    furthest = alt.Scale(domain=[0, HORIZONS[step][-1]])
    ahead = alt.Axis(grid=False, tickCount=5, tickMinStep=1, tickColor=MUTED, domainColor=MUTED)
    x = alt.X("ahead:Q", title=f"{step}s ahead" if last else None, scale=furthest, axis=ahead)
    shares = alt.Axis(values=[0, 20, 40, 60, *BANDS.values()], labelExpr="datum.label + '%'", gridColor=GRID,
                      domain=False, ticks=False, labelPadding=8)  # fmt: skip
    y = alt.Y("y:Q", title=None, axis=shares, scale=alt.Scale(domain=[floor, 100], zero=False))
    colour = _colour({name: COLOURS[name] for name in BANDS}, first)
    aims = [{"series": name, "y": aim} for name, aim in BANDS.items()]
    layers = [
        _chart(aims).mark_rule(strokeDash=[4, 4], strokeWidth=1.5).encode(y=y, color=colour),
        _chart(_coverage_rows(track.coverage)).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour),
    ]
    title = _title("How often the bands held" if first else " ", strong=False)
    return alt.layer(*layers).properties(width=NARROW, height=HEIGHT, title=title)


def _coverage_rows(coverage: pd.DataFrame) -> Rows:
    per_cent = (100 * coverage[["held95", "held80"]]).round(1).set_axis(list(BANDS), axis=1)
    return _records(per_cent.rename_axis("ahead").reset_index().melt("ahead", var_name="series", value_name="y"))
