"""The picture: one definition, the same bytes, nothing hidden inside it."""

from __future__ import annotations

import datetime as dt
import math
import re
import struct
from dataclasses import replace

import pytest
import vl_convert

from forecaster.chart import COUNTED, FORECAST, HIDDEN, WIDTH, png, vega_lite
from forecaster.messages import Chart
from forecaster.words.render import message
from forecaster.words.wording import whole
from tests.render import cases


def chart(case=cases.surge) -> Chart:
    found = message(*case()).chart
    assert found is not None
    return found


def rows(made, series: str) -> list[dict]:
    return [row for data in made["datasets"].values() for row in data if row.get("series") == series]


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
    made = vega_lite(picture)
    hidden = {period.isoformat() for period, hide in zip(picture.periods, picture.hidden, strict=True) if hide}
    assert hidden
    assert {row["x"] for row in rows(made, HIDDEN)} == hidden
    assert all(set(row) == {"series", "x"} for row in rows(made, HIDDEN))
    assert {row["x"] for row in rows(made, COUNTED) if row["y"] is None} == hidden
    assert HIDDEN in svg(picture)


def test_the_legend_names_only_what_is_there():
    drawn = svg(chart(cases.drift))
    assert "forecast" not in drawn
    drawn = svg(chart(cases.fall))
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
    made = vega_lite(chart())
    assert len(rows(made, FORECAST)) == 13
    assert rows(made, FORECAST)[0] == {"series": FORECAST, "x": "2018-01-15", "y": 45.0, "lower": 33.0, "upper": 57.0}


def test_the_description_for_screen_readers_is_the_alt_text():
    picture = chart()
    assert vega_lite(picture)["description"] == picture.alt_text
    assert picture.alt_text == (
        "Chart of Child protection plan starts, children a week, 18 January 2016 to 8 January 2018, with the expected "
        "level and its 95% band. The last point, the week of 8 January 2018, is 61, expected 40 (26-54). A line marks "
        "the onset, since w/c 20 November. The forecast runs to 9 April 2018 and ends at 45 (33-57). A dotted line "
        "shows the level of neighbours 2016/17: 45."
    )


def drawn_numbers(picture: Chart) -> set[int]:
    """Every number in the data of the picture, as a reader would round it."""
    fields = ("observed", "expected", "lower", "upper", "ahead_median", "ahead_lower", "ahead_upper")
    values = [value for name in fields for value in getattr(picture, name)] + [picture.level]
    return {whole(value) for value in values if value is not None and not math.isnan(value)}


@pytest.mark.parametrize("case", cases.CASES.values(), ids=cases.CASES)
def test_every_number_in_the_description_is_in_the_picture(case):
    picture = chart(case)
    words = picture.alt_text.removeprefix(f"Chart of {picture.title}").replace(picture.unit.lower(), "")
    words = re.sub(r"\d+ (January|February|April|August|October|November|December)( \d{4})?", "", words)
    said = re.findall(r"\d[\d,]*", re.sub(r"95% band|neighbours 2016/17|in 4 weeks", "", words))
    assert said
    assert {int(number.replace(",", "")) for number in said} <= drawn_numbers(picture)


def test_the_description_says_that_small_numbers_are_hidden():
    assert "Small numbers are not shown; crosses stand in their place." in chart(cases.low_count).alt_text
    assert "crosses" not in chart(cases.fall).alt_text


def test_the_newest_point_is_described_even_where_it_has_no_number():
    hidden, missing = cases.history(), cases.history()
    hidden.count[-1], missing.count[-1] = 3, float("nan")
    told = [message(cases.alert(past), cases.context(past)).chart.alt_text for past in (hidden, missing)]
    assert "The last point, the week of 8 January 2018, is not shown, to protect small numbers, expected 40" in told[0]
    assert "2018, is missing, expected 40" in told[1]


# Where the neighbours are


def test_the_neighbours_level_is_a_dotted_line_with_its_name():
    drawn = vega_lite(chart())
    rules = [layer for layer in drawn["layer"] if layer["mark"].get("strokeDash") == [3, 4]]
    assert len(rules) == 1
    assert {"y": 44.6, "label": "neighbours 2016/17"} in [row for data in drawn["datasets"].values() for row in data]
    assert "neighbours 2016/17" in svg(chart())


def test_without_a_level_there_is_no_line_for_it():
    picture = chart(cases.fall)
    assert picture.level is None
    assert "neighbours" not in svg(picture) + picture.alt_text


def test_the_level_is_in_the_unit_of_the_chart():
    assert chart(cases.stock).level == pytest.approx(158.2)
    assert chart(cases.drift).level == pytest.approx(15.6)
    alert, context = cases.low_count()
    pooled = message(alert, replace(context, level=2.5, comparison=cases.surge()[1].comparison)).chart
    assert pooled.unit == "Children in 4 weeks"
    assert pooled.level == pytest.approx(10)


def test_a_level_far_away_is_inside_the_picture():
    picture = replace(chart(cases.stock), level=20.0)
    assert ">0<" in svg(picture)


# On a page


def test_tooltips_say_what_is_drawn_and_nothing_else():
    page = vega_lite(chart(cases.low_count))
    tips = [tip["field"] for layer in page["layer"] for tip in layer["encoding"].get("tooltip", [])]
    assert set(tips) == {"x", "y", "lower", "upper", "series"}
    counted = [layer for layer in page["layer"] if layer["mark"]["type"] == "point" and "y" in str(layer["encoding"])]
    assert counted
    assert [row["y"] for row in rows(page, COUNTED) if row["y"] is not None and 0 < row["y"] <= 5] == []


def test_a_tooltip_for_a_hidden_point_has_no_number():
    page = vega_lite(chart(cases.low_count))
    (hidden,) = [layer for layer in page["layer"] if layer["mark"].get("shape") == "cross"]
    assert [tip["field"] for tip in hidden["encoding"]["tooltip"]] == ["x", "series"]


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


@pytest.mark.parametrize(("width", "columns"), [(WIDTH, 0), (560, 2)])
def test_every_name_of_the_legend_is_in_the_picture_on_a_phone_too(width, columns):
    """Names that do not fit side by side stand in rows; a legend's own setting would go before the configured one."""
    made = vega_lite(chart(), width)
    assert made["config"]["legend"]["columns"] == columns
    assert "columns" not in next(
        layer["encoding"]["color"]["legend"] for layer in made["layer"] if "color" in layer["encoding"]
    )
