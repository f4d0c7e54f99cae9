"""The picture: one definition, the same bytes, nothing hidden inside it."""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import replace

import pytest
import vl_convert

from forecaster.chart import COUNTED, FORECAST, HIDDEN, WIDTH, png, vega_lite
from forecaster.messages import Chart
from forecaster.render import message
from tests.render import cases


def chart(case=cases.surge) -> Chart:
    found = message(*case()).chart
    assert found is not None
    return found


def rows(spec, series: str) -> list[dict]:
    return [row for data in spec["datasets"].values() for row in data if row.get("series") == series]


def svg(picture: Chart) -> str:
    return vl_convert.vegalite_to_svg(vega_lite(picture), allowed_base_urls=[])


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("width", [600, WIDTH])
def test_the_picture_is_a_png_twice_as_wide_as_asked(width):
    picture = png(chart(), width)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", picture[16:20]) == (2 * width,)


def test_the_same_chart_gives_the_same_bytes():
    assert png(chart()) == png(chart())


@pytest.mark.parametrize("case", cases.CASES.values(), ids=cases.CASES)
def test_every_kind_of_message_can_be_drawn(case):
    assert len(png(chart(case))) > 10_000


def test_title_unit_onset_and_legend_are_written_on_it():
    drawn = svg(chart())
    for words in (
        "Child protection plan starts",
        "Children a week",
        "since w/c 20 November",
        "expected, 95% band",
        "forecast",
    ):
        assert words in drawn


def test_hidden_points_are_crosses_without_a_value():
    picture = chart(cases.low_count)
    spec = vega_lite(picture)
    hidden = {period.isoformat() for period, hide in zip(picture.periods, picture.hidden, strict=True) if hide}
    assert hidden
    assert {row["x"] for row in rows(spec, HIDDEN)} == hidden
    assert all(set(row) == {"series", "x"} for row in rows(spec, HIDDEN))
    assert {row["x"] for row in rows(spec, COUNTED) if row["y"] is None} == hidden
    assert "small number, not shown" in svg(picture)


def test_the_legend_names_only_what_is_there():
    drawn = svg(chart(cases.fall))
    assert "forecast" not in drawn
    assert "not shown" not in drawn


def test_without_an_onset_there_is_no_line_for_it():
    assert "since" not in svg(replace(chart(), onset=None))


def test_an_early_onset_is_written_on_the_other_side():
    early = replace(chart(), onset=dt.date(2016, 3, 7), onset_label="since w/c 7 March 2016")
    aligned = [vega_lite(picture)["layer"][-1]["mark"]["align"] for picture in (chart(), early)]
    assert aligned == ["right", "left"]


def test_the_axis_begins_at_zero_unless_all_is_far_above_it():
    assert ">0<" in svg(chart())
    assert ">0<" not in svg(chart(cases.stock))


def test_the_forecast_is_in_the_definition_with_its_band():
    spec = vega_lite(chart())
    assert len(rows(spec, FORECAST)) == 13
    assert rows(spec, FORECAST)[0] == {"series": FORECAST, "x": "2018-01-15", "y": 45.0, "lower": 33.0, "upper": 57.0}


def test_the_description_for_screen_readers_is_the_alt_text():
    picture = chart()
    assert vega_lite(picture)["description"] == picture.alt_text
    assert picture.alt_text.startswith("Chart: Child protection plan starts, 18 January 2016 to 8 January 2018")
    assert "61 children started a plan that week; 40 were expected" in picture.alt_text
    assert len(picture.alt_text) <= 1000


def test_the_picture_covers_two_years_of_weeks():
    assert len(chart().periods) == 104
    assert chart().periods[-1] == cases.MONDAY


def test_a_picture_of_a_low_series_says_how_many_weeks_a_point_has():
    assert chart(cases.low_count).unit == "Children in 4 weeks"
    assert len(chart(cases.low_count).ahead_periods) == 3


def test_a_share_is_drawn_in_per_cent():
    picture = chart(cases.drift)
    assert picture.unit == "% of plan starts"
    assert picture.expected[-1] == pytest.approx(20)
    assert picture.onset_label == "since w/c 7 August"


def test_neighbours_have_no_onset_line():
    assert chart(cases.neighbours).onset is None


def test_an_onset_before_the_picture_begins_is_not_drawn():
    alert, context = cases.surge()
    made = message(replace(alert, onset=dt.date(2015, 1, 5)), context)
    assert made.chart is not None
    assert made.chart.onset is None
    assert made.chart.onset_label == ""


def test_a_short_history_makes_no_picture():
    past = cases.history(length=9)
    assert message(cases.alert(past), cases.context(past)).chart is not None
    short = cases.history(length=2, since=0)
    assert (
        message(cases.alert(short, onset=cases.MONDAY), cases.context(short, period=dt.date(2018, 1, 1))).chart is None
    )


def test_the_colours_stand_out_from_the_page_and_the_letters_more_so():
    from forecaster.chart import COLOURS, INK, MUTED, ONSET

    contrast = {colour: 1.05 / (luminance(colour) + 0.05) for colour in (*COLOURS.values(), INK, MUTED, ONSET)}
    assert all(value >= 3 for value in contrast.values())
    assert all(contrast[colour] >= 4.5 for colour in (INK, MUTED, ONSET))


def test_names_in_any_script_are_drawn():
    odd = replace(chart(), title="Łódź 東京 فريق <b>&amp;")
    assert len(png(odd)) > 10_000
    assert "&lt;b&gt;" in svg(odd)


def test_weeks_without_an_expectation_have_no_band():
    past = cases.history()
    early = [array.copy() for array in (past.expected, past.lower, past.upper)]
    for array in early:
        array[:150] = float("nan")
    alert, context = cases.surge()
    made = message(alert, replace(context, history=replace(past, expected=early[0], lower=early[1], upper=early[2])))
    assert made.chart is not None
    band = rows(vega_lite(made.chart), "expected, 95% band")
    assert [row["lower"] for row in band[:46]] == [None] * 46
    assert band[46]["lower"] == pytest.approx(26, abs=1)
    assert len(png(made.chart)) > 10_000
