"""The one definition of the chart: a PNG for messages, the same Vega-Lite for a page.

Colours are told apart with any colour vision and series differ in shape as well. The font is the one vl-convert brings
along, so the picture is the same on every machine; nothing is fetched. Letters are large because a phone shows the
picture at two fifths of its width.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import vl_convert

from forecaster.messages import Chart

WIDTH, HEIGHT, SCALE = 900, 480, 2
FONT, LETTERS = "Liberation Sans", 23
LEGEND = 60  # characters that fit into one row of the legend
INK, MUTED, GRID, ONSET = "#1a1a1a", "#4d4d4d", "#e3e3e3", "#a63c00"
LEVEL = "#00664f"
COUNTED, EXPECTED, FORECAST, HIDDEN = "counted", "expected, 95% band", "forecast", "not shown: small numbers"
COLOURS = {COUNTED: INK, EXPECTED: "#0072b2", FORECAST: "#b8478a", HIDDEN: "#767676"}
# January carries its year; the other months stand alone.
MONTH, YEAR = "utcFormat(datum.value, '%b')", "utcFormat(datum.value, '%Y')"
TICK = f"utcFormat(datum.value, '%m') == '01' ? [{MONTH}, {YEAR}] : {MONTH}"
Rows = list[dict[str, Any]]
Draw = Callable[[Rows], alt.Chart]


def png(chart: Chart, width: int = WIDTH) -> bytes:
    """Returns the chart as a PNG twice `width` pixels wide (sharp on phones); the same bytes for the same chart."""
    return to_png(vega_lite(chart, width), SCALE)


def to_png(spec: dict[str, Any], scale: float) -> bytes:
    """Returns a Vega-Lite definition as a PNG `scale` times its size; nothing is fetched for it."""
    picture: bytes = vl_convert.vegalite_to_png(spec, scale=scale, allowed_base_urls=[])
    return picture


def library() -> str:
    """Returns the script that draws such a definition on a page, whole and without a network; it takes seconds."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed")
    return script


def vega_lite(chart: Chart, width: int = WIDTH) -> dict[str, Any]:
    """Returns the chart as a Vega-Lite definition with its data inside; hidden values are not in it.

    A tooltip says what is drawn at a point and nothing else.
    """
    band = {"lower": chart.lower, "upper": chart.upper}
    before = _rows(EXPECTED, chart.periods, y=chart.expected, **band)
    counted = _rows(COUNTED, chart.periods, y=chart.observed)
    draw = _drawing(chart)
    layers = [
        _band(draw(before)),
        draw(before).mark_line(strokeWidth=2.5).encode(tooltip=_tips("expected", band=True)),
        *_level(chart),
        draw(counted).mark_line(strokeWidth=1.5, strokeJoin="round"),
        draw(counted).mark_point(filled=True, size=30, opacity=1).encode(tooltip=_tips("counted")),
    ]
    if chart.ahead_periods:
        ahead = {"lower": chart.ahead_lower, "upper": chart.ahead_upper}
        after = _rows(FORECAST, chart.ahead_periods, y=chart.ahead_median, **ahead)
        line = draw(after).mark_line(strokeWidth=3, strokeDash=[7, 5])
        layers += [_band(draw(after)), line.encode(tooltip=_tips("forecast", band=True))]
    layers += _hidden(chart, draw) + _onset(chart)
    made: dict[str, Any] = _dressed(alt.layer(*layers), chart, width).to_dict()
    return made | {"description": chart.alt_text}


def _tips(name: str, band: bool = False) -> list[alt.Tooltip]:
    """What is said of a point under the pointer: its date, its value, and of an expectation the band."""
    day = alt.Tooltip("x:T", title="date", format="%-d %B %Y")
    bounds = [alt.Tooltip(f"{bound}:Q", title=bound, format=",.0f") for bound in ("lower", "upper")] if band else []
    return [day, alt.Tooltip("y:Q", title=name, format=",.0f"), *bounds]


def _rows(name: str, periods: Sequence[dt.date], **series: Sequence[float]) -> Rows:
    """One row a period; a missing value is null, which breaks a line."""
    return [
        {"series": name, "x": period.isoformat()} | {field: _known(values[i]) for field, values in series.items()}
        for i, period in enumerate(periods)
    ]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _drawing(chart: Chart) -> Draw:
    """Makes layers from rows: all on the same axes and with the same colours and legend."""
    months = alt.Axis(labelExpr=TICK, tickCount=8, grid=False, labelOverlap=True, tickColor=MUTED, domainColor=MUTED)
    x = alt.X("x:T", scale=alt.Scale(type="utc"), title=None, axis=months)
    y = alt.Y(
        "y:Q",
        scale=_scale(chart),
        title=None,
        axis=alt.Axis(tickCount=5, gridColor=GRID, domain=False, ticks=False, labelPadding=8),
    )
    colour = _colours(chart)
    return lambda rows: _chart(rows).encode(x=x, y=y, color=colour)


def _chart(rows: Rows) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))


def _band(layer: alt.Chart) -> alt.Chart:
    band: alt.Chart = layer.mark_area(opacity=0.2).encode(y="lower:Q", y2="upper:Q")
    return band


def _scale(chart: Chart) -> alt.Scale:
    """From zero, unless all of it is far above."""
    level = () if chart.level is None else (chart.level,)
    drawn = (*chart.observed, *chart.lower, *chart.upper, *chart.ahead_lower, *chart.ahead_upper, *level)
    values = [value for value in drawn if not math.isnan(value)]
    return alt.Scale(zero=min(values, default=0) < max(values, default=0) / 2, nice=True)


def _names(chart: Chart) -> dict[str, str]:
    """The series that are there, with their colours."""
    there = {COUNTED: True, EXPECTED: True, FORECAST: bool(chart.ahead_periods), HIDDEN: any(chart.hidden)}
    names = {name: COLOURS[name] for name, is_there in there.items() if is_there}
    return names if chart.level is None else names | {chart.level_label: LEVEL}


def _columns(chart: Chart, width: int) -> int:
    """How many names of the legend stand side by side where not all of them fit; 0 for all."""
    fits = sum(map(len, _names(chart))) <= LEGEND * width // WIDTH
    return 0 if fits else 3 if width >= WIDTH else 2


def _colours(chart: Chart) -> alt.Color:
    """The colour of each series, with one legend of those that are there."""
    colours = _names(chart)
    scale = alt.Scale(domain=[*colours], range=[*colours.values()])
    legend = alt.Legend(orient="top", title=None, symbolType="square", symbolOpacity=1, columnPadding=22)
    return alt.Color("series:N", scale=scale, legend=legend)


def _hidden(chart: Chart, draw: Draw) -> list[alt.Chart]:
    """Crosses on the ground line, wherever the count itself would be."""
    rows = _rows(HIDDEN, [period for period, hide in zip(chart.periods, chart.hidden, strict=True) if hide])
    crosses = draw(rows).mark_point(shape="cross", angle=45, filled=True, size=110, opacity=1, yOffset=-8)
    tips = [alt.Tooltip("x:T", title="date", format="%-d %B %Y"), alt.Tooltip("series:N", title="counted")]
    return [crosses.encode(y=alt.value("height"), tooltip=tips)] if rows else []


def _level(chart: Chart) -> list[alt.Chart]:
    """A dotted line where the neighbours would be, below what was counted; its name is in the legend, on no data."""
    if chart.level is None:
        return []
    base = _chart([{"y": chart.level, "label": chart.level_label}]).encode(y="y:Q")
    tips = [alt.Tooltip("label:N", title="level"), alt.Tooltip("y:Q", title="value", format=",.0f")]
    return [base.mark_rule(color=LEVEL, strokeWidth=2.5, strokeDash=[3, 4]).encode(tooltip=tips)]


def _onset(chart: Chart) -> list[alt.Chart]:
    """A line at the onset with its date, written towards the side that has room."""
    if chart.onset is None:
        return []
    base = _chart([{"x": chart.onset.isoformat(), "label": chart.onset_label}]).encode(x="x:T")
    late = chart.onset > chart.periods[len(chart.periods) // 2]
    words = base.mark_text(
        align="right" if late else "left", dx=-8 if late else 8, dy=10, fontSize=LETTERS, fontWeight="bold", color=ONSET
    )
    return [base.mark_rule(color=ONSET, strokeWidth=2.5), words.encode(text="label:N", y=alt.value(0))]


def _dressed(layers: Any, chart: Chart, width: int) -> Any:
    title = alt.TitleParams(
        chart.title, subtitle=chart.unit, anchor="start", frame="group", offset=10, limit=width - 60,
        fontSize=28, color=INK, subtitleFontSize=LETTERS, subtitleColor=MUTED,
    )  # fmt: skip
    fit = alt.AutoSizeParams(type="fit", contains="padding")
    height = HEIGHT * width // WIDTH
    sized = layers.properties(width=width, height=height, padding=16, background="white", title=title, autosize=fit)
    framed = sized.configure(font=FONT).configure_view(stroke=None)
    axes = framed.configure_axis(labelFontSize=LETTERS, labelColor=INK)
    return axes.configure_legend(
        labelFontSize=LETTERS, labelColor=INK, symbolSize=300, labelLimit=400, offset=6, columns=_columns(chart, width)
    )
